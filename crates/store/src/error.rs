//! What can go wrong in the state folder, each with where it is, what was found and what was expected.
//! Relies on the caller to stop: none of these is retried or passed over.
//! Never holds content of a record.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the state folder. Every one stops the process.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as "sync" or "append".
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not hold what was written to it.
    #[error("{}: corrupt at byte {offset}: expected {expected}, found {found}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Octets before the damage.
        offset: u64,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An earlier append or sync failed; what the disk holds is not known.
    #[error("{}: an earlier write failed; restart to recover", path.display())]
    Poisoned {
        /// The folder.
        path: PathBuf,
    },
    /// Epochs must follow each other.
    #[error("{}: expected epoch {expected}, found {found}", path.display())]
    Epoch {
        /// The folder.
        path: PathBuf,
        /// The epoch that would follow.
        expected: u64,
        /// The epoch that was given or found.
        found: u64,
    },
    /// A named bound was met. Nothing fails open: the pipeline stops.
    #[error("{}: {what}: found {found}, limit {limit}", path.display())]
    Bound {
        /// The file or folder.
        path: PathBuf,
        /// What is bounded, with its unit.
        what: &'static str,
        /// How much there is or would be.
        found: u64,
        /// How much there may be.
        limit: u64,
    },
    /// The folder belongs to another pipeline.
    #[error("{}: state of pipeline {found:?}, expected {expected:?}", path.display())]
    Foreign {
        /// The identity file.
        path: PathBuf,
        /// The pipeline that was started.
        expected: String,
        /// The pipeline that the folder names.
        found: String,
    },
    /// Another process works in the folder.
    #[error("{}: in use by another process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
}

impl StoreError {
    /// The stable code of this kind of failure.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "store_io",
            Self::Corrupt { .. } => "store_corrupt",
            Self::Poisoned { .. } => "store_poisoned",
            Self::Epoch { .. } => "store_epoch",
            Self::Bound { .. } => "store_bound",
            Self::Foreign { .. } => "store_foreign",
            Self::Locked { .. } => "store_locked",
        }
    }

    /// Damage at `offset` of `path`.
    pub(crate) fn corrupt(
        path: &Path,
        offset: u64,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Corrupt { path: path.to_owned(), offset, expected: expected.into(), found: found.into() }
    }
}

/// Puts the path and the act to an I/O error.
pub(crate) trait Doing<T> {
    /// `doing` names the act, `path` the file or folder.
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Io { path: path.to_owned(), doing, source })
    }
}
