//! Turns claims that leave memory into sorted, immutable runs on disk, and answers whether one may hold a key.
//! Relies on the commit to name the live runs: a file that no manifest names does not exist.
//! Never says "not there" of a page that it could not read and check.
//!
//! A look-up goes in steps so that the shards do no I/O: [`RunSet::candidates`] names the pages that may hold a key,
//! from filters in memory; the runtime reads them with [`RunSet::read`], sorted and in parallel if it likes; the shard
//! judges. [`RunSet::candidates_of`] does the first step for a batch. A set never changes: spills and merges give a new one, whose manifest goes into the commit.

mod filter;
mod format;
mod manifest;
mod merge;
mod probe;
mod run;
mod store;
mod writer;

pub use caudal_usage::claim::Reach;
pub use manifest::{Manifest, RunMeta};
pub use probe::Probes;
pub use store::{DAY_RUNS_MAX, RANGE_RUNS_MAX, RunStore, Spill, TINY_DAY, WINDOW_RUNS_MAX};

use crate::error::StoreError;
use caudal_usage::Claim;
use run::Run;
use std::path::PathBuf;
use std::sync::Arc;

/// Bounds of all runs together. At one of them the pipeline stops.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Octets of filters and indexes in memory. About 2.5 a claim.
    pub memory_bytes: u64,
    /// Octets of live runs on disk. About 41 a claim.
    pub disk_bytes: u64,
}

/// The runs in which a key may have been claimed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Those of keys that contain the time, on this day.
    Day(i32),
    /// Those of keys that do not.
    All,
}

impl Scope {
    /// Where the key of a record has to be looked for.
    #[inline]
    pub const fn of(reach: Reach, claim: &Claim) -> Self {
        match reach {
            Reach::Day => Self::Day(claim.day),
            Reach::Window => Self::All,
        }
    }
}

/// A page that may hold a key. Valid with the set that named it. Sorted, candidates go through the disk in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Candidate {
    run: u32,
    page: u32,
}

/// The live runs, as shared by all shards.
pub struct RunSet {
    folder: PathBuf,
    /// By id: older before newer.
    runs: Vec<Arc<Run>>,
    /// Runs of one day, as (day, index), sorted.
    of_day: Vec<(i32, u32)>,
    /// Runs in which days share, as (first day, last day, index).
    of_range: Vec<(i32, i32, u32)>,
    /// Runs of keys without a time.
    of_window: Vec<u32>,
}

impl RunSet {
    fn new(folder: PathBuf, mut runs: Vec<Arc<Run>>) -> Self {
        runs.sort_by_key(|run| run.meta.id);
        let (mut of_day, mut of_range, mut of_window) = (Vec::new(), Vec::new(), Vec::new());
        for (run, index) in runs.iter().zip(0u32..) {
            let meta = &run.meta;
            match meta.reach {
                Reach::Window => of_window.push(index),
                Reach::Day if meta.first_day == meta.last_day => of_day.push((meta.first_day, index)),
                Reach::Day => of_range.push((meta.first_day, meta.last_day, index)),
            }
        }
        of_day.sort_unstable();
        Self { folder, runs, of_day, of_range, of_window }
    }

    /// Number of runs.
    pub const fn len(&self) -> usize {
        self.runs.len()
    }

    /// True when there is no run.
    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Claims in all runs.
    pub fn claims(&self) -> u64 {
        self.runs.iter().map(|run| run.meta.claims).sum()
    }

    /// Octets in memory: filters and indexes.
    pub fn memory_bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.memory_bytes()).sum()
    }

    /// Octets on disk.
    pub fn disk_bytes(&self) -> u64 {
        self.runs.iter().map(|run| run.meta.bytes).sum()
    }

    /// Names the runs of this set: for the commit, and to open the set again.
    pub fn manifest(&self) -> Manifest {
        Manifest { runs: self.runs.iter().map(|run| run.meta).collect() }
    }

    /// Gives `take` every page that may hold the key; nearly always none when the key is new. Reads memory only.
    #[inline]
    pub fn candidates(&self, fingerprint: &[u64; 2], scope: Scope, mut take: impl FnMut(Candidate)) {
        self.each_run(scope, |run| {
            let found = &self.runs[run as usize];
            if let Some(stretch) = found.stretch_of(fingerprint[0])
                && let filter = found.filter(stretch)
                && filter.may_hold(filter.block_of(fingerprint), fingerprint)
            {
                take(Candidate { run, page: found.page_of(stretch, fingerprint[0]) });
            }
        });
    }

    /// Reads one page, checks it and looks for the key: one read from the disk. A page that does not check is an error.
    pub fn read(&self, candidate: Candidate, fingerprint: &[u64; 2]) -> Result<Option<Claim>, StoreError> {
        self.runs[candidate.run as usize].read(candidate.page, fingerprint)
    }

    /// Looks a key up in one go. When several runs hold it, the highest attempt counts.
    pub fn lookup(&self, fingerprint: &[u64; 2], scope: Scope) -> Result<Option<Claim>, StoreError> {
        let mut pages = Vec::new();
        self.candidates(fingerprint, scope, |candidate| pages.push(candidate));
        let mut known: Option<Claim> = None;
        for candidate in pages {
            let found = self.read(candidate, fingerprint)?;
            known = match (known, found) {
                (Some(known), Some(found)) if known.attempt >= found.attempt => Some(known),
                (known, found) => found.or(known),
            };
        }
        Ok(known)
    }

    /// The set without the runs that lie wholly before `floor`, in days since 1970-01-01.
    pub fn without_expired(&self, floor: i32) -> Self {
        let live = self.runs.iter().filter(|run| run.meta.last_day >= floor);
        Self::new(self.folder.clone(), live.cloned().collect())
    }

    /// The set with the runs `gone` replaced by `come`.
    fn replaced(&self, gone: &[u32], come: Vec<Arc<Run>>) -> Self {
        let stays = self.runs.iter().zip(0u32..).filter(|(_, index)| !gone.contains(index));
        let runs = stays.map(|(run, _)| Arc::clone(run)).chain(come).collect();
        Self::new(self.folder.clone(), runs)
    }

    fn within(self, limits: &Limits) -> Result<Self, StoreError> {
        for (what, found, limit) in [
            ("octets of dedup filters in memory", self.memory_bytes(), limits.memory_bytes),
            ("octets of dedup runs on disk", self.disk_bytes(), limits.disk_bytes),
        ] {
            if found > limit {
                return Err(StoreError::Bound { path: self.folder, what, found, limit });
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
