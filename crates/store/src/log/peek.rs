//! A log that another process may be writing, to the frames that are whole in it now.
//! Relies on frames being appended in order: what is torn at the end is being written, or was when a crash came.
//! Never changes anything: no tail is cut, no leftover is removed, no lock is taken.

use super::{Doing, Frames, Log, SharedDisk, StoreError, segment, segment_path};
use std::path::{Path, PathBuf};

impl Log {
    /// Frames after `epoch` in `folder`, in order, up to the last whole one. `None` begins with the oldest that is
    /// there. An error when frames right after `epoch` were dropped, or when a good frame stands behind a bad one.
    pub fn peek(disk: &SharedDisk, folder: &Path, epoch: Option<u64>) -> Result<Frames, StoreError> {
        let mut segments = epochs(disk, folder)?;
        let mut end = None;
        while let Some(&first) = segments.last() {
            let path = segment_path(folder, first);
            let bytes = disk.read(&path).doing("read", &path)?;
            let found = segment::scan(&path, first, &bytes)?;
            if found.good_len > 0 {
                end = found.last_epoch.or_else(|| first.checked_sub(1));
                break;
            }
            // Its header is torn: the segment is being begun and holds nothing.
            segments.pop();
        }
        let oldest = segments.first().copied().unwrap_or(1);
        let wanted = epoch.map_or(oldest, |epoch| epoch.saturating_add(1));
        if wanted < oldest {
            return Err(StoreError::Epoch { path: folder.to_owned(), expected: wanted, found: oldest });
        }
        let start = segments.partition_point(|first| *first <= wanted).saturating_sub(1);
        Ok(Frames {
            disk: disk.clone(),
            folder: folder.to_owned(),
            segments: segments.split_off(start.min(segments.len())).into_iter(),
            open: None,
            next: None,
            wanted,
            end,
        })
    }
}

/// First epochs of the segments, ascending; other names are passed over.
fn epochs(disk: &SharedDisk, folder: &Path) -> Result<Vec<u64>, StoreError> {
    let epoch = |name: &PathBuf| {
        let stem = (name.extension()? == "log").then(|| name.file_stem())??;
        stem.to_str()?.parse::<u64>().ok()
    };
    let mut epochs: Vec<_> = disk.list(folder).doing("list", folder)?.iter().filter_map(epoch).collect();
    epochs.sort_unstable();
    Ok(epochs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogOptions;
    use crate::faulty::MemDisk;
    use std::sync::Arc;

    fn peek(disk: &MemDisk, epoch: Option<u64>) -> Result<Vec<u64>, StoreError> {
        let disk: SharedDisk = Arc::new(disk.clone());
        Log::peek(&disk, Path::new("log"), epoch)?.map(|frame| frame.map(|frame| frame.epoch)).collect()
    }

    fn written() -> MemDisk {
        let disk = MemDisk::new();
        let options = LogOptions { segment_bytes: 120 };
        let mut log = Log::open(Arc::new(disk.clone()), Path::new("log"), options).unwrap();
        for epoch in 1..=9 {
            log.append(epoch, &[7; 30]).unwrap();
            log.sync().unwrap();
        }
        log.drop_before(5).unwrap();
        disk
    }

    #[test]
    fn whole_frames_are_seen_and_dropped_ones_are_missed() {
        let disk = written();
        let all = peek(&disk, None).unwrap();
        assert_eq!(all.last(), Some(&9));
        let oldest = all[0];
        assert!(oldest > 1);
        assert_eq!(peek(&disk, Some(7)).unwrap(), [8, 9]);
        assert_eq!(peek(&disk, Some(9)).unwrap(), Vec::<u64>::new());
        assert_eq!(peek(&disk, Some(oldest - 1)).unwrap(), all);
        assert!(peek(&disk, Some(oldest - 2)).is_err());
        assert_eq!(peek(&MemDisk::new(), None).unwrap(), Vec::<u64>::new());
        assert_eq!(peek(&MemDisk::new(), Some(3)).unwrap(), Vec::<u64>::new());
    }

    #[test]
    fn a_torn_tail_ends_it_at_every_octet_and_nothing_is_changed() {
        let whole = written();
        let first =
            *epochs(&(Arc::new(whole.clone()) as SharedDisk), Path::new("log")).unwrap().last().unwrap();
        let path = segment_path(Path::new("log"), first);
        for cut in 1..46 {
            let disk = written();
            disk.damage(&path, |bytes| bytes.truncate(bytes.len() - cut));
            let before = caudal_engine::disk::Disk::read(&disk, &path).unwrap();
            assert_eq!(peek(&disk, None).unwrap().last(), Some(&8), "{cut}");
            assert_eq!(caudal_engine::disk::Disk::read(&disk, &path).unwrap(), before);
        }
    }
}
