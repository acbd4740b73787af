//! What one commit holds beside claims, sessions and balances: the input position, files, books, receipts, stamps.
//! Relies on the schedule for the order of blocks; every value here is recorded input or derives from it.
//! Never split: all of it becomes true in one act or none of it.

use crate::alarm::AlarmChange;
use crate::books::{BookKey, Counts};
use crate::event::Run;
use crate::position::FileOrdinal;
use crate::runs::RunCounts;
use crate::sequence::{Sequence, SequenceKey};
use compact_str::CompactString;

/// A complete file that a source found and nobody has claimed yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundFile {
    /// Index of the source in the pipeline.
    pub source: u16,
    /// Name relative to the source's directory, as bytes of the path.
    pub name: Vec<u8>,
    /// Octets on disk.
    pub size: u64,
    /// Inode number: tells a file that was replaced from one that grew.
    pub inode: u64,
    /// When it was last written to, in nanoseconds since 1970: tells a file that was written anew in its place, behind
    /// a head that stayed the same.
    pub mtime_ns: i64,
    /// XXH3-64 of the first [`HEAD_LEN`] octets on disk (all, when shorter).
    pub head_hash: u64,
}

/// Octets that `head_hash` covers.
pub const HEAD_LEN: usize = 4096;

/// A claimed file: found, numbered, and noted when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileClaim {
    /// What was found.
    pub found: FoundFile,
    /// Its number in the order of claims.
    pub ordinal: FileOrdinal,
    /// When it was claimed, UTC milliseconds: the arrival, by which "in the future" is judged. In no output.
    pub arrival_ms: i64,
    /// Set when the file had ended before and went on: it is read from that end.
    pub continued: Option<Continued>,
}

/// A file that went on after it had ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Continued {
    /// Its last end before this claim.
    pub end: Finished,
    /// How often it had ended; each end has an audit line.
    pub ends: u32,
    /// Ordinal of the next new file when it was claimed again: its place in the order of claims.
    pub before: FileOrdinal,
}

impl FileClaim {
    /// Where reading begins: the start of the file, or its last end.
    pub fn from(&self) -> FileProgress {
        self.continued.map_or(FileProgress::default(), |continued| FileProgress {
            offset: continued.end.octets,
            records: continued.end.framed,
            prefix_hash: continued.end.content_hash,
        })
    }

    /// The order in which claimed files of a source are read: that of the claims.
    pub fn order(&self) -> (FileOrdinal, bool, FileOrdinal) {
        match self.continued {
            Some(continued) => (continued.before, false, self.ordinal),
            None => (self.ordinal, true, self.ordinal),
        }
    }
}

/// How far a file has been read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FileProgress {
    /// Octets of (uncompressed) content before the next block.
    pub offset: u64,
    /// Records before the next block.
    pub records: u32,
    /// XXH3-64 over the (uncompressed) content before `offset`.
    pub prefix_hash: u64,
}

/// A file whose blocks are being read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenFile {
    /// Which.
    pub ordinal: FileOrdinal,
    /// Where the next block stands; the current one while `taken` is not zero.
    pub progress: FileProgress,
    /// Records of the current block that earlier epochs took.
    pub taken: u32,
    /// Number of the current block in the schedule, while `taken` is not zero.
    pub block: u64,
}

/// A source's part of the input position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceCursor {
    /// Its name.
    pub name: CompactString,
    /// True while it has claimed input: only then does it hold back the overall watermark.
    pub active: bool,
    /// Greatest event time seen up to the end of its last whole block, UTC milliseconds.
    pub watermark_ms: i64,
    /// Greatest event time seen in the block that is being taken.
    pub block_max_ms: i64,
    /// The file being read.
    pub open: Option<OpenFile>,
}

/// Event time before any was seen.
pub const NO_TIME_MS: i64 = i64::MIN;

/// The input position: where the schedule stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// Number of the next block.
    pub next_block: u64,
    /// Ordinal of the next claimed file.
    pub next_ordinal: u32,
    /// Index of the source whose turn it is.
    pub turn: u16,
    /// Blocks left of its turn.
    pub quantum_left: u16,
    /// Overall watermark: the least over active sources, never falling. UTC milliseconds.
    pub watermark_ms: i64,
    /// First day inside the dedup window; records of earlier days are too old.
    pub floor_day: i32,
    /// The sources, by name.
    pub sources: Vec<SourceCursor>,
}

/// What is known of a file when its last block has been taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finished {
    /// Octets of (uncompressed) content.
    pub octets: u64,
    /// Framed records, headers included.
    pub framed: u32,
    /// XXH3-64 of the content.
    pub content_hash: u64,
    /// True when it ends in an item that could not be framed, so that what may follow begins inside a record.
    pub damaged: bool,
}

/// A claimed file as the state keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileEntry {
    /// Name of the source.
    pub source: CompactString,
    /// The claim.
    pub claim: FileClaim,
    /// Set by the commit that holds the end of the file; unset by a later claim, when the file has grown.
    pub finished: Option<Finished>,
    /// True once the source was told and the file archived, deleted or kept.
    pub released: bool,
}

impl FileEntry {
    /// How often the file has ended: once, and once more each time it grew and was read to its new end.
    pub fn ends(&self) -> u32 {
        let before = self.claim.continued.map_or(0, |continued| continued.ends);
        before.saturating_add(u32::from(self.finished.is_some()))
    }

    /// Source and name, as events show it: `msc-1/calls_0042.csv`. Bytes that are no UTF-8 are replaced.
    pub fn display_name(&self) -> String {
        format!("{}/{}", self.source, String::from_utf8_lossy(&self.claim.found.name))
    }
}

/// The output streams.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs)]
pub enum Stream {
    Rated,
    Suspense,
    Duplicates,
    Audit,
    Alerts,
}

impl Stream {
    /// All, in order of their index.
    pub const ALL: [Self; 5] = [Self::Rated, Self::Suspense, Self::Duplicates, Self::Audit, Self::Alerts];

    /// Name of its folder.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rated => "rated",
            Self::Suspense => "suspense",
            Self::Duplicates => "duplicates",
            Self::Audit => "audit",
            Self::Alerts => "alerts",
        }
    }
}

/// How much of a data file belongs to the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Which stream.
    pub stream: Stream,
    /// Number of the data file, from 1.
    pub segment: u32,
    /// Octets.
    pub len: u64,
    /// Lines.
    pub lines: u64,
    /// CRC-32C of them.
    pub crc: u32,
    /// True when the file is complete: *finish* gives it its final name.
    pub closed: bool,
}

/// Where a slot's state stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, PartialOrd, Ord)]
pub struct Stamp {
    /// Epoch that last touched the slot.
    pub epoch: u64,
    /// Next block of the schedule at that commit.
    pub block: u64,
}

/// One commit, but for claims, sessions and balances, which follow it as bytes of their own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commit {
    /// Number of the epoch, from 1.
    pub epoch: u64,
    /// Content hash of reference data and plans.
    pub generation: CompactString,
    /// The input position after it.
    pub cursor: Cursor,
    /// Files claimed: new ones, and ended ones that went on.
    pub claimed: Vec<FileEntry>,
    /// Files whose end it holds.
    pub finished: Vec<(FileOrdinal, Finished)>,
    /// Files that *finish* has dealt with since.
    pub released: Vec<FileOrdinal>,
    /// Alarms that last, as they were raised and cleared.
    pub alarms: Vec<AlarmChange>,
    /// Running numbers of elements that moved.
    pub sequences: Vec<(SequenceKey, Sequence)>,
    /// Changes of the books.
    pub books: Vec<(BookKey, Counts)>,
    /// Changes of the books of the runs beside the primary one.
    pub runs: Vec<(Run, RunCounts)>,
    /// Data files written to, or closed.
    pub receipts: Vec<Receipt>,
    /// Record slots and account slots whose state changed, a bit each.
    pub touched: [[u64; 4]; 2],
}
