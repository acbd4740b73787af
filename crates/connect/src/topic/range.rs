//! A contiguous range of one partition, and its shape as a file of the schedule.
//! Relies on offsets being unsigned in fact: a broker counts from 0.
//! Never counts messages: offsets have gaps.

use super::error::TopicError;
use caudal_engine::source::{FileProgress, FoundFile};

/// Most offsets of one range: some hundred megabytes, a few seconds of work.
pub const RANGE_MAX: i64 = 1_000_000;

/// The range `[from, to)` of a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub(super) partition: i32,
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Range {
    /// The range of a file that was claimed of this topic.
    pub(super) fn of_topic(topic: &str, found: &FoundFile) -> Result<Self, TopicError> {
        let read = || {
            let rest = found.name.strip_prefix(topic.as_bytes())?.strip_prefix(b"/")?;
            let from = i64::try_from(found.head_hash).ok()?;
            let to = from.checked_add(i64::try_from(found.size).ok()?)?;
            let range = Self { partition: i32::try_from(found.inode).ok()?, from, to };
            // A file of a folder may have any inode.
            (range.place() == rest).then_some(range)
        };
        read().ok_or_else(|| TopicError::Claim {
            name: String::from_utf8_lossy(&found.name).into_owned(),
            topic: topic.to_owned(),
        })
    }

    /// The name of the range within its topic.
    fn place(&self) -> Vec<u8> {
        format!("{}@{}-{}", self.partition, self.from, self.to).into_bytes()
    }

    /// The range as a file.
    pub(super) fn found(&self, topic: &str, source: u16) -> FoundFile {
        FoundFile {
            source,
            name: [topic.as_bytes(), b"/", &self.place()].concat(),
            size: self.offset_in(self.to),
            inode: u64::try_from(self.partition).unwrap_or_default(),
            mtime_ns: 0,
            head_hash: u64::try_from(self.from).unwrap_or_default(),
        }
    }

    /// Where an offset stands in the file.
    pub(super) fn offset_in(&self, offset: i64) -> u64 {
        u64::try_from(offset.saturating_sub(self.from)).unwrap_or_default()
    }

    /// The offset to read next when the file was read so far: the last one used, plus one. Never beyond the range.
    pub(super) fn next(&self, progress: FileProgress) -> i64 {
        let used = i64::try_from(progress.offset).unwrap_or(i64::MAX);
        self.from.saturating_add(used).min(self.to)
    }
}
