//! What the engine asks of a source of usage files. Implemented in `connect`.
//! Relies on a source showing complete files only, in a fixed order, and reading the same bytes again on request.
//! Never lets a source decide what a record is: blocks are cut by the format's framing.

use caudal_usage::Code;

pub use caudal_usage::commit::{FileClaim, FileProgress, FoundFile, HEAD_LEN};

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
    /// Where the block stands in its file.
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

/// A source of files.
pub trait Source: Send {
    /// Complete files that are there now, ordered by the bytes of their names. Files in `known` are left out.
    fn scan(&mut self, now_ms: i64, known: &dyn Fn(&FoundFile) -> bool) -> anyhow::Result<Vec<FoundFile>>;

    /// What scans refused or noticed since the last call, for the operator's log; each once while it lasts.
    fn take_alarms(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Opens a claimed file at `from`, having checked that the bytes before it are those read then.
    fn open(&self, claim: &FileClaim, from: FileProgress) -> anyhow::Result<Box<dyn BlockReader>>;

    /// Archives, deletes or keeps a file that is done. May be called again for the same file.
    fn finish(&self, claim: &FileClaim) -> anyhow::Result<()>;
}
