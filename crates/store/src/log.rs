//! Turns commits into frames of an append-only log, and the log back into commits in order.
//! Relies on one writer (the lock of the state folder) and on a frame being synced before it is acknowledged.
//! Never goes on after a failed write: the log is poisoned until the process has started again.
//!
//! `state/log/` holds segments named by the first epoch they may hold, `<16 digits>.log`; see [`segment`] for a
//! segment's bytes. Epochs follow each other without a gap, within a segment and from one to the next.

mod peek;
mod segment;

use crate::SharedDisk;
use crate::bytes::len64;
use crate::error::{Doing, StoreError};
use caudal_engine::disk::DiskFile;
use std::path::{Path, PathBuf};

/// Longest payload of a frame, octets. An epoch is bounded, so a longer one is a mistake or damage.
pub const FRAME_MAX: usize = 256 << 20;

/// How a log is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogOptions {
    /// A segment that has reached this many octets is followed by a new one. Start-up rewrites the last segment, so
    /// this bounds its time.
    pub segment_bytes: u64,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20 }
    }
}

/// One committed epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// Its number.
    pub epoch: u64,
    /// What was appended.
    pub payload: Vec<u8>,
}

/// The log of a state folder, open for appending.
pub struct Log {
    disk: SharedDisk,
    folder: PathBuf,
    options: LogOptions,
    /// First epochs of the segments, ascending.
    segments: Vec<u64>,
    active: Option<Active>,
    /// The last epoch in the log, or before the active segment's first.
    last: Option<u64>,
    poisoned: bool,
}

struct Active {
    file: Box<dyn DiskFile>,
    len: u64,
}

impl Log {
    /// Opens the log in `folder`, which is created when it is not there. The last segment is read, cut at a bad frame
    /// when that is the last, and written anew, so that everything found was synced by this process: pages whose sync
    /// failed once may read well and not be on the disk.
    pub fn open(disk: SharedDisk, folder: &Path, options: LogOptions) -> Result<Self, StoreError> {
        disk.create_folder(folder).doing("create", folder)?;
        let mut segments = segment_epochs(&disk, folder)?;
        let mut log = Self {
            disk,
            folder: folder.to_owned(),
            options,
            segments: Vec::new(),
            active: None,
            last: None,
            poisoned: false,
        };
        while let Some(first) = segments.last().copied() {
            if let Some((active, last)) = log.recover_segment(first)? {
                log.active = Some(active);
                log.last = last;
                break;
            }
            // Its header was torn: the segment was being begun and holds nothing.
            segments.pop();
        }
        log.segments = segments;
        log.sync_folder()?;
        Ok(log)
    }

    /// The last epoch that is in the log. `None` for a log that never held one.
    pub const fn last_epoch(&self) -> Option<u64> {
        self.last
    }

    /// Octets in the active segment.
    pub fn active_bytes(&self) -> u64 {
        self.active.as_ref().map_or(0, |active| active.len)
    }

    /// Number of segments.
    pub const fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// Appends a frame. It is durable, and may be acknowledged, only after [`Log::sync`]. Epochs follow each other; the
    /// first of a new log may be any.
    pub fn append(&mut self, epoch: u64, payload: &[u8]) -> Result<(), StoreError> {
        self.check()?;
        if let Some(last) = self.last
            && last.checked_add(1) != Some(epoch)
        {
            let expected = last.saturating_add(1);
            return Err(StoreError::Epoch { path: self.folder.clone(), expected, found: epoch });
        }
        if payload.len() > FRAME_MAX {
            return Err(StoreError::Bound {
                path: self.folder.clone(),
                what: "octets of one commit",
                found: len64(payload.len()),
                limit: len64(FRAME_MAX),
            });
        }
        let result = self.append_unchecked(epoch, payload);
        self.poisoned = result.is_err();
        result
    }

    /// Makes what was appended durable.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.check()?;
        let Some(active) = &mut self.active else { return Ok(()) };
        let result = active.file.sync().doing("sync the log", &self.folder);
        self.poisoned = result.is_err();
        result
    }

    /// Frames after `epoch`, in order, from the first segment that may hold one. An error when frames right after
    /// `epoch` were dropped, and when the log ends before `epoch`: a state newer than its log has lost commits. Reads
    /// what was there at the call.
    pub fn frames_after(&self, epoch: u64) -> Result<Frames, StoreError> {
        let last = self.last.unwrap_or(0);
        if last < epoch {
            return Err(StoreError::Epoch { path: self.folder.clone(), expected: epoch, found: last });
        }
        let wanted = epoch.saturating_add(1);
        let start = self.segments.partition_point(|first| *first <= wanted);
        if start == 0 && !self.segments.is_empty() {
            let found = self.segments[0];
            return Err(StoreError::Epoch { path: self.folder.clone(), expected: wanted, found });
        }
        let segments = self.segments[start.saturating_sub(1)..].to_vec();
        let frames = Frames {
            disk: self.disk.clone(),
            folder: self.folder.clone(),
            segments: segments.into_iter(),
            open: None,
            next: None,
            wanted,
            end: self.last,
        };
        Ok(frames)
    }

    /// All frames that the log still holds.
    pub fn frames(&self) -> Result<Frames, StoreError> {
        self.frames_after(self.segments.first().map_or(0, |first| first.saturating_sub(1)))
    }

    /// Removes segments that hold only epochs before `epoch`; the active one stays. Oldest first, so that a crash in
    /// between leaves no gap.
    pub fn drop_before(&mut self, epoch: u64) -> Result<(), StoreError> {
        self.check()?;
        while self.segments.len() > 1 && self.segments[1] <= epoch {
            let path = segment_path(&self.folder, self.segments[0]);
            self.disk.remove(&path).doing("remove", &path)?;
            self.sync_folder()?;
            self.segments.remove(0);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.poisoned { Err(StoreError::Poisoned { path: self.folder.clone() }) } else { Ok(()) }
    }

    fn sync_folder(&self) -> Result<(), StoreError> {
        self.disk.sync_folder(&self.folder).doing("sync", &self.folder)
    }

    fn append_unchecked(&mut self, epoch: u64, payload: &[u8]) -> Result<(), StoreError> {
        let full = self.active.as_ref().is_none_or(|active| active.len >= self.options.segment_bytes);
        if full {
            self.begin_segment(epoch)?;
        }
        let Some(active) = &mut self.active else {
            return Err(StoreError::Poisoned { path: self.folder.clone() });
        };
        let header = segment::frame_header(epoch, payload);
        active.file.append(&header).doing("append to the log", &self.folder)?;
        active.file.append(payload).doing("append to the log", &self.folder)?;
        active.len += len64(header.len()) + len64(payload.len());
        self.last = Some(epoch);
        Ok(())
    }

    /// Syncs the segment that is full before the next can exist: a torn frame may only be in the last segment.
    fn begin_segment(&mut self, first: u64) -> Result<(), StoreError> {
        if let Some(active) = &mut self.active {
            active.file.sync().doing("sync the log", &self.folder)?;
        }
        let path = segment_path(&self.folder, first);
        let mut file = self.disk.open_data(&path).doing("create", &path)?;
        let header = segment::header(first);
        file.append(&header).doing("append", &path)?;
        file.sync().doing("sync", &path)?;
        self.sync_folder()?;
        self.segments.push(first);
        self.active = Some(Active { file, len: len64(header.len()) });
        Ok(())
    }

    /// Reads, cuts and rewrites the last segment. `None` when it holds nothing and was removed.
    fn recover_segment(&self, first: u64) -> Result<Option<(Active, Option<u64>)>, StoreError> {
        let path = segment_path(&self.folder, first);
        let bytes = self.disk.read(&path).doing("read", &path)?;
        let found = segment::scan(&path, first, &bytes)?;
        let Some(good) = bytes.get(..found.good_len).filter(|good| !good.is_empty()) else {
            self.disk.remove(&path).doing("remove", &path)?;
            return Ok(None);
        };
        let part = path.with_extension("part");
        self.disk.remove(&part).doing("remove", &part)?;
        let mut file = self.disk.open_data(&part).doing("create", &part)?;
        file.append(good).doing("append", &part)?;
        file.sync().doing("sync", &part)?;
        self.disk.rename(&part, &path).doing("rename", &part)?;
        let last = found.last_epoch.or_else(|| first.checked_sub(1));
        Ok(Some((Active { file, len: len64(good.len()) }, last)))
    }
}

/// Reads frames in order, checking each.
pub struct Frames {
    disk: SharedDisk,
    folder: PathBuf,
    segments: std::vec::IntoIter<u64>,
    open: Option<segment::Reader>,
    /// The epoch that must come next, once one was read.
    next: Option<u64>,
    /// The first epoch that is handed out.
    wanted: u64,
    end: Option<u64>,
}

impl Frames {
    fn read(&mut self) -> Result<Option<Frame>, StoreError> {
        loop {
            if self.end.is_none_or(|end| self.next.unwrap_or(self.wanted) > end) {
                return Ok(None);
            }
            let Some(reader) = &mut self.open else {
                let Some(first) = self.segments.next() else {
                    let expected = self.next.unwrap_or(self.wanted);
                    return Err(StoreError::Epoch { path: self.folder.clone(), expected, found: 0 });
                };
                let expected = *self.next.get_or_insert(first);
                if expected != first {
                    return Err(StoreError::Epoch { path: self.folder.clone(), expected, found: first });
                }
                self.open =
                    Some(segment::Reader::open(&self.disk, &segment_path(&self.folder, first), first)?);
                continue;
            };
            let Some(frame) = reader.next_frame()? else {
                self.open = None;
                continue;
            };
            self.next = frame.epoch.checked_add(1);
            if frame.epoch >= self.wanted {
                return Ok(Some(frame));
            }
        }
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, StoreError>;

    /// The next frame; after an error, nothing.
    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.read();
        if frame.is_err() {
            self.end = None;
        }
        frame.transpose()
    }
}

fn segment_path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:016}.log"))
}

/// First epochs of the segments in `folder`, ascending. Leftovers of an interrupted rewriting are removed.
fn segment_epochs(disk: &SharedDisk, folder: &Path) -> Result<Vec<u64>, StoreError> {
    let mut epochs = Vec::new();
    for name in disk.list(folder).doing("list", folder)? {
        let extension = name.extension().and_then(|text| text.to_str());
        let epoch = name.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        match (extension, epoch) {
            (Some("log"), Some(epoch)) => epochs.push(epoch),
            (Some("part"), _) => {
                let path = folder.join(&name);
                disk.remove(&path).doing("remove", &path)?;
            }
            _ => {
                let found = name.display().to_string();
                return Err(StoreError::corrupt(folder, 0, "only segments <epoch>.log", found));
            }
        }
    }
    epochs.sort_unstable();
    Ok(epochs)
}

#[cfg(test)]
mod tests;
