//! The line and its last commit to the few figures that say where it stands: what waits, how far it has read.
//! Relies on the commit having been applied to the line's ledger.
//! Never part of the state, and never names a file, an account or a subscriber.

use crate::line::Line;
use caudal_usage::commit::NO_TIME_MS;
use caudal_usage::{Commit, FileEntry};
use compact_str::CompactString;
use std::time::Duration;

/// Where a line stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Last committed epoch; 0 before the first.
    pub epoch: u64,
    /// Wall time of that commit; none when it was restored.
    pub commit: Option<Duration>,
    /// Claims in memory; after a commit, those of the epoch that the shards have stepped meanwhile are among them.
    pub claims_in_memory: u64,
    /// Claims on disk.
    pub claims_on_disk: u64,
    /// Octets of log since the last snapshot: what a start would read.
    pub log_bytes: u64,
    /// The sources, in the order of the setup.
    pub sources: Vec<SourceStanding>,
}

/// Where a source stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourceStanding {
    /// Its name.
    pub name: CompactString,
    /// Greatest event time seen, UTC milliseconds; none before the first.
    pub watermark_ms: Option<i64>,
    /// Files that the commit claimed; when restored, those that wait.
    pub claimed: u64,
    /// Files whose end the commit holds.
    pub finished: u64,
}

impl Standing {
    /// Where a line stands that was just restored.
    pub fn restored(line: &Line<'_>) -> Self {
        let mut standing = Self::of(line);
        for entry in line.ledger.files.values().filter(|entry| entry.finished.is_none()) {
            standing.count(entry, |source| source.claimed += 1);
        }
        standing
    }

    /// Where a line stands after a commit that was applied to it.
    pub fn committed(line: &Line<'_>, commit: &Commit, took: Duration) -> Self {
        let mut standing = Self { commit: Some(took), ..Self::of(line) };
        for entry in &commit.claimed {
            standing.count(entry, |source| source.claimed += 1);
        }
        for entry in commit.finished.iter().filter_map(|(ordinal, _)| line.ledger.files.get(ordinal)) {
            standing.count(entry, |source| source.finished += 1);
        }
        standing
    }

    fn of(line: &Line<'_>) -> Self {
        let in_memory: usize = line.records.iter().map(|shard| shard.claims().len()).sum();
        let sources = line.ledger.cursor.sources.iter().map(|source| SourceStanding {
            name: source.name.clone(),
            watermark_ms: Some(source.watermark_ms).filter(|&watermark| watermark != NO_TIME_MS),
            claimed: 0,
            finished: 0,
        });
        Self {
            epoch: line.ledger.epoch,
            commit: None,
            claims_in_memory: in_memory as u64,
            claims_on_disk: line.runs.claims(),
            log_bytes: line.log_bytes,
            sources: sources.collect(),
        }
    }

    /// Counts a file for its source; one whose source is gone counts nowhere.
    fn count(&mut self, entry: &FileEntry, add: impl FnOnce(&mut SourceStanding)) {
        if let Some(source) = self.sources.get_mut(usize::from(entry.claim.found.source)) {
            add(source);
        }
    }
}
