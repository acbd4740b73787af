//! A folder of files as a source: `scan` finds what is complete, `open` reads it, `finish` puts it away.
//! Relies on POSIX names, inodes and links; every path is opened beneath the folder, component by component.
//! Never follows a symlink, never waits on a FIFO, never shows a file that may still grow.

mod beneath;
mod content;
mod error;
mod finish;
mod growth;
mod reader;
mod scan;

use caudal_cdr::framing::Framing;
use caudal_engine::source::{BlockReader, FileClaim, FileProgress, Find, Refused, Scan, Source};
use std::path::PathBuf;

pub use content::{EXPANSION_FREE, EXPANSION_RATIO, EXPANSION_TOTAL, ZSTD_WINDOW_LOG, is_compressed};
pub use error::DirectoryError;
pub use finish::{ARCHIVE_DAY, archive_of};
pub use reader::{DAMAGE_KEPT, WINDOW_MAX};
pub use scan::{MAX_DEPTH, MAX_ENTRIES, Refusal, Work};

/// How a file shows that its writer is done with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Complete {
    /// The writer renames it to its final name when it is complete.
    Renamed,
    /// Size and modification time have not changed for this many milliseconds.
    StableFor(i64),
    /// `x.csv` is complete when `x.csv` with this suffix is there, e.g. `.done`.
    Marker(String),
}

/// What becomes of a file that is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum After {
    /// It stays.
    Keep,
    /// It moves to this folder, under its name; never replacing. The folder may name the day of the claim, see
    /// [`archive_of`].
    Archive(PathBuf),
    /// It is removed.
    Delete,
}

/// One folder as a source.
#[derive(Clone, Debug)]
pub struct DirectoryConfig {
    /// Index of the source in the pipeline.
    pub source: u16,
    /// The folder.
    pub directory: PathBuf,
    /// How a file shows that it is complete.
    pub complete: Complete,
    /// What becomes of it when it is done.
    pub after: After,
    /// Names that end so are left out, e.g. `.md5`.
    pub ignore: Vec<String>,
    /// How long no new file may come before the source counts as silent, in milliseconds.
    pub silent_after_ms: Option<i64>,
    /// How its content is cut into blocks.
    pub framing: Framing,
}

/// A folder as a source.
#[derive(Debug)]
pub struct DirectorySource {
    config: DirectoryConfig,
    scan: scan::Memory,
}

impl DirectorySource {
    /// A source over `config.directory`, which need not exist before the first scan.
    pub fn new(config: DirectoryConfig) -> Self {
        Self { config, scan: scan::Memory::default() }
    }

    /// What the scans did so far.
    pub const fn work(&self) -> Work {
        self.scan.work()
    }
}

impl Source for DirectorySource {
    fn refused(&self) -> Option<Vec<Refused>> {
        self.scan.refused()
    }

    fn silent_after_ms(&self) -> Option<i64> {
        self.config.silent_after_ms
    }

    fn scan(&mut self, scan: &Scan<'_>) -> anyhow::Result<Vec<Find>> {
        Ok(scan::scan(&self.config, &mut self.scan, scan)?)
    }

    fn open(&self, claim: &FileClaim, from: FileProgress) -> anyhow::Result<Box<dyn BlockReader>> {
        let file = beneath::open_claimed(&self.config.directory, &claim.found)?;
        let name = beneath::shown(&claim.found.name);
        let mut reader = reader::Reader::open(file, name, self.config.framing, from)?;
        reader.goes_on(claim.continued.filter(|continued| continued.end.octets == from.offset));
        Ok(Box::new(reader))
    }

    fn finish(&self, claim: &FileClaim) -> anyhow::Result<()> {
        Ok(finish::finish(&self.config, claim)?)
    }
}

#[cfg(test)]
mod tests;
