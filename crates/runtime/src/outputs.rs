//! Output files as data segments of the log: lines appended, synced, receipted, rolled and given their final name.
//! Relies on the receipts of the last commit: what lies behind them in a `.part` file was never committed.
//! Never shows a final name before the commit that closes the file.

use anyhow::{Context, bail, ensure};
use caudal_engine::disk::DiskFile;
use caudal_store::SharedDisk;
use caudal_usage::{Receipt, Stream};
use std::path::{Path, PathBuf};

/// Octets after which a data file is closed and the next begun.
pub const SEGMENT_BYTES: u64 = 256 << 20;

/// Octets that stay in a core's cache from one pass over them to the next.
const CACHED_BYTES: usize = 16 << 10;

/// Octets read at a time when a data file is checked against its receipt.
const CHECK_BYTES: usize = 1 << 20;

/// The output folders.
pub struct Outputs {
    disk: SharedDisk,
    out: PathBuf,
    state: PathBuf,
    streams: Vec<Open>,
}

struct Open {
    receipt: Receipt,
    file: Option<Box<dyn DiskFile>>,
    /// Written to since the last sync.
    dirty: bool,
    /// Created since the folder was synced.
    unnamed: bool,
}

/// What becomes of the data files that were written to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Roll {
    /// Files that are large enough are closed.
    WhenFull,
    /// All files are closed: the run ends.
    All,
}

impl Outputs {
    /// Opens the folders at the receipts of the last commit: cuts what was never committed, completes what was.
    pub fn recover(
        disk: SharedDisk,
        (out, state): (&Path, &Path),
        receipt: impl Fn(Stream) -> Option<Receipt>,
    ) -> anyhow::Result<Self> {
        let mut outputs = Self {
            disk,
            out: out.to_owned(),
            state: state.join("segments"),
            streams: Vec::with_capacity(Stream::ALL.len()),
        };
        for stream in Stream::ALL {
            let folder = outputs.out.join(stream.as_str());
            outputs.make_folder(&folder)?;
            outputs.make_folder(&outputs.state.join(stream.as_str()))?;
            let last = receipt(stream);
            outputs.refuse_unknown(stream, last)?;
            outputs.remove_uncommitted(stream, last)?;
            let open = match last {
                None => Open { receipt: empty(stream, 1), file: None, dirty: false, unnamed: false },
                Some(receipt) if receipt.closed => {
                    outputs.complete(receipt)?;
                    Open {
                        receipt: empty(stream, receipt.segment + 1),
                        file: None,
                        dirty: false,
                        unnamed: false,
                    }
                }
                Some(receipt) => outputs.reopen(receipt)?,
            };
            outputs.streams.push(open);
        }
        Ok(outputs)
    }

    fn make_folder(&self, folder: &Path) -> anyhow::Result<()> {
        self.disk.create_folder(folder).with_context(|| format!("cannot create folder {}", folder.display()))
    }

    fn part(&self, stream: Stream, segment: u32) -> PathBuf {
        self.out.join(stream.as_str()).join(format!("{}.part", file_name(stream, segment)))
    }

    /// A closed data file that the log does not know was written by another state, or the log is not the one that
    /// was: going on would bill again what it holds, and take its name.
    fn refuse_unknown(&self, stream: Stream, last: Option<Receipt>) -> anyhow::Result<()> {
        let known = last.map_or(0, |receipt| receipt.segment.saturating_sub(u32::from(!receipt.closed)));
        for folder in [self.out.join(stream.as_str()), self.state.join(stream.as_str())] {
            let names = self.disk.list(&folder)?;
            let newest = names.iter().filter_map(|name| segment_of(stream, name)).max().unwrap_or(0);
            ensure!(
                newest <= known,
                "{} holds {}, but the log of this state ends before it: the log was lost, or the folder is another state's",
                folder.display(),
                file_name(stream, newest)
            );
        }
        Ok(())
    }

    /// Removes parts of data files that no commit knows.
    fn remove_uncommitted(&self, stream: Stream, last: Option<Receipt>) -> anyhow::Result<()> {
        let folder = self.out.join(stream.as_str());
        let keep = last.map(|receipt| self.part(stream, receipt.segment));
        for name in self.disk.list(&folder)? {
            let path = folder.join(name);
            let ours = path.extension().is_some_and(|extension| extension == "part");
            if ours && Some(&path) != keep.as_ref() {
                self.disk.remove(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    /// Cuts a data file to its receipt. One that is shorter, or holds other octets, is corruption.
    fn reopen(&self, receipt: Receipt) -> anyhow::Result<Open> {
        let path = self.part(receipt.stream, receipt.segment);
        ensure!(
            self.disk.exists(&path),
            "{} is missing: the log has a receipt for {} octets of it; a .part file belongs to the log",
            path.display(),
            receipt.len
        );
        let mut file =
            self.disk.open_data(&path).with_context(|| format!("cannot open {}", path.display()))?;
        let len = file.len()?;
        if len < receipt.len {
            bail!(
                "{} is {len} octets long, the log has a receipt for {}: corrupt",
                path.display(),
                receipt.len
            );
        }
        let crc = checksum(file.as_ref(), receipt.len)?;
        if crc != receipt.crc {
            bail!("{} has checksum {crc:08x}, its receipt says {:08x}: corrupt", path.display(), receipt.crc);
        }
        if len > receipt.len {
            file.truncate(receipt.len)?;
            file.sync()?;
        }
        Ok(Open { receipt, file: Some(file), dirty: false, unnamed: false })
    }

    /// Appends lines to a stream. Returns how many, counted in what is written.
    pub fn append(&mut self, stream: Stream, lines: &[u8]) -> anyhow::Result<u64> {
        if lines.is_empty() {
            return Ok(0);
        }
        let path = self.part(stream, self.streams[stream as usize].receipt.segment);
        let open = &mut self.streams[stream as usize];
        if open.file.is_none() {
            open.file = Some(
                self.disk.open_data(&path).with_context(|| format!("cannot create {}", path.display()))?,
            );
            open.unnamed = true;
        }
        let mut count = 0;
        // Counted, checksummed and written while the piece is in the cache.
        for piece in lines.chunks(CACHED_BYTES) {
            if let Some(file) = &mut open.file {
                file.append(piece).with_context(|| format!("cannot write to {}", path.display()))?;
            }
            count += memchr::memchr_iter(b'\n', piece).count() as u64;
            open.receipt.crc = crc32c::crc32c_append(open.receipt.crc, piece);
        }
        open.receipt.len += lines.len() as u64;
        open.receipt.lines += count;
        open.dirty = true;
        Ok(count)
    }

    /// *prepare*: makes what was appended durable. Returns the receipts for the commit.
    pub fn prepare(&mut self, roll: Roll) -> anyhow::Result<Vec<Receipt>> {
        let mut receipts = Vec::new();
        for open in &mut self.streams {
            let receipt = &mut open.receipt;
            let full = roll == Roll::All || receipt.len >= SEGMENT_BYTES;
            receipt.closed = receipt.len > 0 && full;
            if open.dirty {
                if let Some(file) = &mut open.file {
                    file.sync().with_context(|| {
                        format!("cannot sync the open file of {}", receipt.stream.as_str())
                    })?;
                }
                if std::mem::take(&mut open.unnamed) {
                    // A new file is durable only once its name is.
                    self.disk.sync_folder(&self.out.join(receipt.stream.as_str()))?;
                }
                open.dirty = false;
            } else if !receipt.closed {
                continue;
            }
            receipts.push(*receipt);
        }
        Ok(receipts)
    }

    /// *finish*: gives closed data files their final names. Repeated on recovery.
    pub fn finish(&mut self, receipts: &[Receipt]) -> anyhow::Result<()> {
        for receipt in receipts.iter().filter(|receipt| receipt.closed) {
            let open = &mut self.streams[receipt.stream as usize];
            *open = Open {
                receipt: empty(receipt.stream, receipt.segment + 1),
                file: None,
                dirty: false,
                unnamed: false,
            };
            self.complete(*receipt)?;
        }
        Ok(())
    }

    /// Links a closed data file below the state, then renames it. Consumers may move the final file.
    fn complete(&self, receipt: Receipt) -> anyhow::Result<()> {
        let part = self.part(receipt.stream, receipt.segment);
        if !self.disk.exists(&part) {
            return Ok(());
        }
        let name = file_name(receipt.stream, receipt.segment);
        let kept = self.state.join(receipt.stream.as_str());
        self.disk.link(&part, &kept.join(&name)).context("cannot link a data file below the state")?;
        self.disk.sync_folder(&kept)?;
        let folder = self.out.join(receipt.stream.as_str());
        self.disk
            .rename(&part, &folder.join(&name))
            .with_context(|| format!("cannot rename {}", part.display()))?;
        self.disk.sync_folder(&folder)?;
        Ok(())
    }
}

const fn empty(stream: Stream, segment: u32) -> Receipt {
    Receipt { stream, segment, len: 0, lines: 0, crc: 0, closed: false }
}

fn file_name(stream: Stream, segment: u32) -> String {
    format!("{}-{segment:08}.jsonl", stream.as_str())
}

/// The number in the name of a closed data file of the stream; other files are none of ours.
fn segment_of(stream: Stream, name: &Path) -> Option<u32> {
    let segment = name.file_stem()?.to_str()?.rsplit_once('-')?.1.parse().ok()?;
    (name == Path::new(&file_name(stream, segment))).then_some(segment)
}

fn checksum(file: &dyn DiskFile, len: u64) -> anyhow::Result<u32> {
    let mut buffer = vec![0; CHECK_BYTES];
    let (mut crc, mut offset) = (0, 0);
    while offset < len {
        let take = (len - offset).min(CHECK_BYTES as u64) as usize;
        file.read_exact_at(&mut buffer[..take], offset)?;
        crc = crc32c::crc32c_append(crc, &buffer[..take]);
        offset += take as u64;
    }
    Ok(crc)
}

#[cfg(test)]
mod tests;
