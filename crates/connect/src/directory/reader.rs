//! The content of one file to blocks: whole records, or one damaged item.
//! Relies on the format's framing, which is shown windows of a fixed size, so cuts depend on the content alone.
//! Never holds more than a window: a line without an end is passed over in bounded memory.

use super::content::{Bounds, Content};
use super::error::DirectoryError;
use caudal_cdr::HEAD_MAX;
use caudal_cdr::framing::{BLOCK_MAX, Cut, Framing, Place, Resync, WindowEnd};
use caudal_engine::source::{Block, BlockKind, BlockReader, Continued, FileProgress};
use caudal_usage::Code;
use std::fs::File;
use std::io::Take;
use xxhash_rust::xxh3::Xxh3;

/// Octets of a damaged item that are kept for the one who looks at it.
pub const DAMAGE_KEPT: usize = 4096;

/// Octets that the framing may ask to see for one record; more is an oversize record.
pub const WINDOW_MAX: usize = 4 * BLOCK_MAX;

/// Reads one file. See [`BlockReader`].
pub(super) struct Reader {
    content: Content,
    framing: Framing,
    head: Vec<u8>,
    /// Content from `window[start]` on is not given yet.
    window: Vec<u8>,
    start: usize,
    ended: bool,
    hasher: Box<Xxh3>,
    at: FileProgress,
    /// The octet before the next one to give.
    last: Option<u8>,
    /// The next octets may belong to a record that was taken at an earlier end of the file.
    inside: bool,
    done: bool,
}

/// What the next block is.
enum Next {
    Records {
        len: usize,
        records: u32,
    },
    /// No record, up to where records go on.
    Damage(Code),
    /// The rest of a record whose beginning was taken at an earlier end.
    Completion,
    /// The rest of the window is no whole record.
    Remainder(Code),
}

impl Reader {
    /// Opens at `from`, having read and compared what lies before it.
    pub(super) fn open(
        file: Take<File>,
        name: String,
        framing: Framing,
        from: FileProgress,
    ) -> Result<Self, DirectoryError> {
        Self::with_bounds(Content::new(file, name, Bounds::SHIPPED)?, framing, from)
    }

    pub(super) fn with_bounds(
        content: Content,
        framing: Framing,
        from: FileProgress,
    ) -> Result<Self, DirectoryError> {
        let mut reader = Self {
            content,
            framing,
            head: Vec::new(),
            window: Vec::new(),
            start: 0,
            ended: false,
            hasher: Box::new(Xxh3::new()),
            at: FileProgress::default(),
            last: None,
            inside: false,
            done: false,
        };
        reader.fill(HEAD_MAX)?;
        reader.head = reader.rest(HEAD_MAX).to_vec();
        if from.offset > 0 {
            reader.pass(from.offset)?;
            let found = reader.hasher.digest();
            if found != from.prefix_hash {
                return Err(DirectoryError::ReplacedContent {
                    name: reader.content.name().into(),
                    offset: from.offset,
                    found,
                    expected: from.prefix_hash,
                });
            }
            reader.at = from;
        }
        Ok(reader)
    }

    /// Stands at an earlier end of the file. What was taken there may not have been a whole record: a line without its
    /// line end, or an item that could not be framed.
    pub(super) fn goes_on(&mut self, continued: Option<Continued>) {
        let Some(continued) = continued else { return };
        self.inside = if self.framing == Framing::Lines {
            self.last.is_some_and(|octet| octet != b'\n')
        } else {
            continued.end.damaged
        };
    }

    /// True when what comes next completes a record that was taken already. A line end only says that it was whole.
    fn completes(&mut self) -> Result<bool, DirectoryError> {
        if !std::mem::take(&mut self.inside) {
            return Ok(false);
        }
        self.fill(2)?;
        Ok(self.framing != Framing::Lines || !matches!(self.rest(2), [b'\n', ..] | b"\r\n"))
    }

    /// Reads until `want` octets are there to give, or the content ends.
    fn fill(&mut self, want: usize) -> Result<(), DirectoryError> {
        if !self.ended && self.window.len() - self.start < want && self.start > 0 {
            self.window.drain(..self.start);
            self.start = 0;
        }
        while !self.ended && self.window.len() - self.start < want {
            self.ended = self.content.more(&mut self.window)? == 0;
        }
        Ok(())
    }

    /// At most `most` octets that are there to give.
    fn rest(&self, most: usize) -> &[u8] {
        let rest = self.window.get(self.start..).unwrap_or_default();
        rest.get(..most).unwrap_or(rest)
    }

    /// Reads and hashes the first `offset` octets.
    fn pass(&mut self, offset: u64) -> Result<(), DirectoryError> {
        let mut passed = 0u64;
        while passed < offset {
            self.fill(1)?;
            let most = usize::try_from(offset - passed).unwrap_or(usize::MAX);
            let len = self.rest(most).len();
            if len == 0 {
                let name = self.content.name().into();
                return Err(DirectoryError::EndsBefore { name, offset, found: passed });
            }
            self.take(len);
            passed += len as u64;
        }
        Ok(())
    }

    /// Takes `len` octets out of the window into the hash.
    fn take(&mut self, len: usize) -> &[u8] {
        let end = self.window.len().min(self.start + len);
        let taken = self.window.get(self.start..end).unwrap_or_default();
        self.hasher.update(taken);
        self.last = taken.last().copied().or(self.last);
        self.start = end;
        taken
    }

    /// Asks the framing. It sees one octet more than a block, then more in fixed steps, whatever was read so far.
    fn next(&mut self) -> Result<Next, DirectoryError> {
        let mut want = BLOCK_MAX + 1;
        loop {
            // One more than is shown tells whether this is the end.
            self.fill(want + 1)?;
            let whole = self.ended && self.rest(usize::MAX).len() <= want;
            let place = Place::at(self.at.offset);
            let lost = self.content.damage();
            let end = match lost {
                Some(_) if whole => WindowEnd::Lost,
                None if whole => WindowEnd::EndOfFile,
                _ => WindowEnd::More,
            };
            match self.framing.cut(place, self.rest(want), end) {
                // Content that was cut short: the whole records in it came first, this is what is left.
                Cut::Block { len: 0, .. } | Cut::NeedMore if whole => {
                    return Ok(Next::Remainder(lost.unwrap_or(Code::Truncated)));
                }
                Cut::Block { len, records } => return Ok(Next::Records { len, records }),
                Cut::Damage(code) => return Ok(Next::Damage(code)),
                Cut::NeedMore if want >= WINDOW_MAX => return Ok(Next::Damage(Code::BadLength)),
                Cut::NeedMore => want += BLOCK_MAX,
            }
        }
    }

    /// The item from here to the next place where a record may start, in bounded memory: its first octets, its length.
    fn damaged(&mut self) -> Result<(Vec<u8>, u64), DirectoryError> {
        let mut kept = Vec::new();
        let mut len = 0u64;
        // Where the damage begins, no record does.
        let mut step = Resync::Skip(1);
        loop {
            let (Resync::At(octets) | Resync::Skip(octets)) = step;
            let taken = self.take(octets);
            len += taken.len() as u64;
            let room = DAMAGE_KEPT.saturating_sub(kept.len());
            kept.extend_from_slice(taken.get(..room).unwrap_or(taken));
            self.fill(self.framing.look_ahead() + BLOCK_MAX)?;
            let rest = self.rest(usize::MAX);
            if matches!(step, Resync::At(_)) || rest.is_empty() {
                return Ok((kept, len));
            }
            let end = match (self.ended, self.content.damage()) {
                (false, _) => WindowEnd::More,
                (true, None) => WindowEnd::EndOfFile,
                (true, Some(_)) => WindowEnd::Lost,
            };
            step = self.framing.resync(rest, end);
        }
    }

    /// The block that was taken, and where the file stands behind it.
    fn block(&mut self, kind: BlockKind, bytes: Vec<u8>, records: u32) -> Result<Block, DirectoryError> {
        let len = match kind {
            BlockKind::Records => bytes.len() as u64,
            BlockKind::Damage { len, .. } => len,
        };
        let start = self.at;
        let records = start.records.checked_add(records).ok_or_else(|| DirectoryError::Bound {
            name: self.content.name().into(),
            what: "records in one file",
            bound: u64::from(u32::MAX),
        })?;
        self.at = FileProgress { offset: start.offset + len, records, prefix_hash: self.hasher.digest() };
        // Looking ahead: the file ends here when nothing follows, not even a damage to tell of.
        self.fill(1)?;
        let nothing = self.ended && self.rest(1).is_empty() && self.content.damage().is_none();
        self.done = nothing;
        Ok(Block { kind, start, next: self.at, last: nothing, bytes })
    }

    fn next_checked(&mut self) -> Result<Option<Block>, DirectoryError> {
        if self.done {
            return Ok(None);
        }
        self.fill(1)?;
        if self.rest(1).is_empty() && self.content.damage().is_none() {
            return self.block(BlockKind::Records, Vec::new(), 0).map(Some);
        }
        let next = if self.completes()? { Next::Completion } else { self.next()? };
        let block = match next {
            Next::Completion => {
                let (bytes, len) = self.damaged()?;
                self.block(BlockKind::Damage { code: Code::CutRecord, len }, bytes, 1)
            }
            Next::Records { len, records } => {
                let bytes = self.take(len).to_vec();
                self.block(BlockKind::Records, bytes, records)
            }
            Next::Damage(code) => {
                let (bytes, len) = self.damaged()?;
                self.block(BlockKind::Damage { code, len }, bytes, 1)
            }
            Next::Remainder(code) => {
                let taken = self.take(usize::MAX - self.start);
                let (bytes, len) = (taken.get(..DAMAGE_KEPT).unwrap_or(taken).to_vec(), taken.len() as u64);
                let block = self.block(BlockKind::Damage { code, len }, bytes, 1)?;
                self.done = true;
                Ok(Block { last: true, ..block })
            }
        };
        block.map(Some)
    }
}

impl BlockReader for Reader {
    fn next_block(&mut self) -> anyhow::Result<Option<Block>> {
        Ok(self.next_checked()?)
    }

    fn head(&self) -> &[u8] {
        &self.head
    }
}
