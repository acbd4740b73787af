//! What can go wrong with a folder of files, in types: where, found, expected.
//! Relies on the system's own words for what the system reports.
//! Never holds content: a file name at most.

use std::io;

/// An error of a directory source. A damaged file is none: its remainder becomes a damaged block.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The system refused.
    #[error("{path}: cannot {action}: {error}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The name is not one that lies beneath the folder.
    #[error("{name}: the name leaves the source's directory, or is none")]
    Outside {
        /// The name.
        name: String,
    },
    /// Something else than a regular file has the name now.
    #[error("{name}: found {found}, expected a regular file")]
    NotAFile {
        /// The name.
        name: String,
        /// What it is.
        found: &'static str,
    },
    /// The file is not the one that was claimed.
    #[error("{name}: replaced after it was claimed: {what} found {found:#x}, expected {expected:#x}")]
    Replaced {
        /// The name.
        name: String,
        /// `inode`, `size` or `head_hash`.
        what: &'static str,
        /// What is there now.
        found: u64,
        /// What was claimed.
        expected: u64,
    },
    /// The content before the resume point is not what was read then.
    #[error(
        "{name}: replaced content: the first {offset} octets hash to {found:#018x}, expected {expected:#018x}"
    )]
    ReplacedContent {
        /// The name.
        name: String,
        /// The resume point, in octets of uncompressed content.
        offset: u64,
        /// XXH3-64 of what is there now.
        found: u64,
        /// XXH3-64 of what was read then.
        expected: u64,
    },
    /// The content ends before the resume point.
    #[error("{name}: replaced content: ends after {found} octets, expected at least {offset}")]
    EndsBefore {
        /// The name.
        name: String,
        /// The resume point, in octets of uncompressed content.
        offset: u64,
        /// Octets there are.
        found: u64,
    },
    /// A bound was hit.
    #[error("{name}: {what} exceeds its bound of {bound}")]
    Bound {
        /// Where.
        name: String,
        /// What.
        what: &'static str,
        /// The bound.
        bound: u64,
    },
}

impl DirectoryError {
    /// The system refused `action` on `path`.
    pub(super) fn io(action: &'static str, path: impl std::fmt::Display, error: io::Error) -> Self {
        Self::Io { action, path: path.to_string(), error }
    }
}
