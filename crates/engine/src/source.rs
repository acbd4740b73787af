//! What the engine asks of a source of usage files. Implemented in `connect`.
//! Relies on a source showing complete files only, in a fixed order, and reading the same bytes again on request.
//! Never lets a source decide what a record is: blocks are cut by the format's framing.

use crate::topics::InputOffset;
use caudal_usage::{Code, FileOrdinal};

pub use caudal_usage::commit::{Continued, FileClaim, FileProgress, Finished, FoundFile, HEAD_LEN};

/// What a block holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BlockKind {
    /// Whole records.
    Records,
    /// One item that could not be framed; `len` octets in the file, of which `bytes` keeps the first.
    Damage {
        /// Why.
        code: Code,
        /// Octets it takes in the (uncompressed) file.
        len: u64,
    },
}

/// A bounded piece of one file: whole records, or one damaged remainder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// What it holds.
    pub kind: BlockKind,
    /// Where the block stands in its file: where the one before ends, or behind what holds no record.
    pub start: FileProgress,
    /// Where the next block would stand.
    pub next: FileProgress,
    /// True when the file ends with this block.
    pub last: bool,
    /// The content.
    pub bytes: Vec<u8>,
}

/// Reads the blocks of one file, in order. The cuts depend on the content alone.
pub trait BlockReader: Send {
    /// The next block; `None` after the last. A file without records gives one empty last block.
    fn next_block(&mut self) -> anyhow::Result<Option<Block>>;

    /// The first octets of the (uncompressed) content, up to [`caudal_cdr::HEAD_MAX`]: headers are looked for there.
    fn head(&self) -> &[u8];
}

/// What a look at a name shows, before anything is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileStat<'a> {
    /// Name relative to the source's directory.
    pub name: &'a [u8],
    /// Octets on disk.
    pub size: u64,
    /// Inode number.
    pub inode: u64,
    /// When it was last written to, in nanoseconds since 1970.
    pub mtime_ns: i64,
}

/// What the state knows of a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nothing, or another file.
    New,
    /// This very file was claimed, or is being read: its growth is looked at after its end.
    Known,
    /// The file was read to this end and written to since. It goes on when its content still begins with what was
    /// read; it is another file when it does not.
    Written {
        /// Its number.
        ordinal: FileOrdinal,
        /// Its end.
        end: Finished,
    },
}

/// A file to claim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Find {
    /// What was found.
    pub file: FoundFile,
    /// The ended file that it goes on from; its content was compared up to that end.
    pub continues: Option<FileOrdinal>,
}

/// Something that is no usage file to be read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refused {
    /// Name relative to the source's directory, as bytes of the path.
    pub name: Vec<u8>,
    /// Found and expected, in words.
    pub why: String,
}

/// One look for files.
pub struct Scan<'a> {
    /// The clock, UTC milliseconds.
    pub now_ms: i64,
    /// Most finds that are wanted; the next scan goes on behind them.
    pub limit: usize,
    /// What the state knows. Asked before a file is opened, so that known files cost a look each.
    pub standing: &'a dyn Fn(&FileStat<'_>) -> Standing,
}

/// A source of files.
pub trait Source: Send {
    /// Tells what the state has claimed of this source, in the order of claims: before the first scan, and again when a
    /// run begins again at its last commit.
    fn resume(&mut self, claimed: &[&FoundFile]) {
        let _ = claimed;
    }

    /// Complete files that are there and not known, at most as many as are wanted, ordered by the bytes of their names.
    fn scan(&mut self, scan: &Scan<'_>) -> anyhow::Result<Vec<Find>>;

    /// What lies there and is left out, as the last whole look showed it, in the order of the names; `None` before.
    fn refused(&self) -> Option<Vec<Refused>> {
        None
    }

    /// How long no new file may come before the source counts as silent, in milliseconds; `None` when any time.
    fn silent_after_ms(&self) -> Option<i64> {
        None
    }

    /// Opens a claimed file at `from`, having checked that the bytes before it are those read then. At the end of a
    /// file that goes on, what completes a record that was taken there already is one damaged item.
    fn open(&self, claim: &FileClaim, from: FileProgress) -> anyhow::Result<Box<dyn BlockReader>>;

    /// Archives, deletes or keeps a file that is done. May be called again for the same file.
    fn finish(&self, claim: &FileClaim) -> anyhow::Result<()>;

    /// The offset that a broker is told with the commit that has read a file so far; without progress, to its end.
    /// `None` where the input is no topic.
    fn input_offset(&self, claim: &FileClaim, progress: Option<FileProgress>) -> Option<InputOffset> {
        let _ = (claim, progress);
        None
    }
}
