//! Opens, spills, joins and sweeps the runs of `state/claims/`.
//! Relies on its caller to commit a new set's manifest before it is used, and to sweep only what no snapshot names.
//! Never removes a file on its own.

use super::manifest::{Manifest, RunMeta};
use super::merge::{Merge, choose};
use super::run::Run;
use super::writer::{RunWriter, run_path};
use super::{Limits, RunSet};
use crate::SharedDisk;
use crate::error::{Doing, StoreError};
use caudal_usage::Claim;
use caudal_usage::claim::Reach;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most runs of one day.
pub const DAY_RUNS_MAX: usize = 4;
/// Most runs in which days share.
pub const RANGE_RUNS_MAX: usize = 4;
/// Most runs of keys without a time: each look-up probes all of them.
pub const WINDOW_RUNS_MAX: usize = 5;
/// Days with at most so many claims in a spill share a run.
pub const TINY_DAY: usize = 8192;
/// Claims of tiny days that are gathered in memory before they are written.
const SHARED_MAX: usize = 16 * TINY_DAY;

/// The folder of runs.
pub struct RunStore {
    disk: SharedDisk,
    folder: PathBuf,
    limits: Limits,
    next_id: AtomicU64,
}

/// What kind of claims are spilled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spill {
    /// Of which keys.
    pub reach: Reach,
    /// Claims of days before it are left out, in days since 1970-01-01.
    pub floor: i32,
}

impl RunStore {
    /// Opens the folder, created when it is not there, and the runs that `manifest` names.
    pub fn open(
        disk: SharedDisk,
        folder: &Path,
        limits: Limits,
        manifest: &Manifest,
    ) -> Result<(Self, RunSet), StoreError> {
        disk.create_folder(folder).doing("create", folder)?;
        let store = Self { disk, folder: folder.to_owned(), limits, next_id: AtomicU64::new(1) };
        let named = manifest.runs.iter().map(|run| run.id);
        let there = store.files()?.into_iter().filter_map(|(_, id)| id);
        let last = named.chain(there).max().unwrap_or(0);
        store.next_id.store(last.saturating_add(1), Ordering::Relaxed);
        let open = |run: &RunMeta| Run::open(&store.disk, run_path(folder, run.id), *run).map(Arc::new);
        let runs = manifest.runs.iter().map(open).collect::<Result<_, _>>()?;
        let set = RunSet::new(folder.to_owned(), runs).within(&limits)?;
        Ok((store, set))
    }

    /// Writes claims into new runs and gives the set with them, durable. Each input is in the order of the reach, as
    /// `SortedClaims` gives it; several come from several shards.
    pub fn spill<I>(&self, set: &RunSet, spill: Spill, inputs: Vec<I>) -> Result<RunSet, StoreError>
    where
        I: Iterator<Item = Claim>,
    {
        let inputs = inputs.into_iter().map(|input| input.map(Ok)).collect();
        let mut claims = Live { merge: Merge::new(inputs, spill.reach)?, floor: spill.floor };
        let runs = match spill.reach {
            Reach::Window => self.write_all(&mut claims, Reach::Window)?.into_iter().collect(),
            Reach::Day => self.write_days(&mut claims)?,
        };
        self.sync_folder()?;
        set.replaced(&[], runs).within(&self.limits)
    }

    /// Joins runs once where there are too many and gives the new set; `None` when there is nothing to do. Claims of
    /// days before `floor` are left out. Memory: a few pages of each run, and the new run's filters beside the old.
    pub fn merge(&self, set: &RunSet, floor: i32) -> Result<Option<RunSet>, StoreError> {
        let Some(chosen) = set.too_many() else { return Ok(None) };
        let runs: Vec<_> = chosen.iter().map(|index| &set.runs[*index as usize]).collect();
        let reach = runs.first().map_or(Reach::Day, |run| run.meta.reach);
        let sources = runs.iter().map(|run| run.scan()).collect();
        let mut claims = Live { merge: Merge::new(sources, Reach::Window)?, floor };
        let run = self.write_all(&mut claims, reach)?;
        self.sync_folder()?;
        set.replaced(&chosen, run.into_iter().collect()).within(&self.limits).map(Some)
    }

    /// Removes the files that none of `keep` names, and gives their number. `keep` must hold the manifests of every
    /// snapshot that is kept and of the last commit: a start may fall back to any of them.
    pub fn sweep(&self, keep: &[&Manifest]) -> Result<usize, StoreError> {
        let mut removed = 0;
        for (path, id) in self.files()? {
            let named = keep.iter().flat_map(|manifest| &manifest.runs).any(|run| Some(run.id) == id);
            if !named {
                self.disk.remove(&path).doing("remove", &path)?;
                removed += 1;
            }
        }
        if removed > 0 {
            self.sync_folder()?;
        }
        Ok(removed)
    }

    /// Files of the folder; with their number when they are runs under their final name.
    fn files(&self) -> Result<Vec<(PathBuf, Option<u64>)>, StoreError> {
        let names = self.disk.list(&self.folder).doing("list", &self.folder)?;
        let id = |name: &PathBuf| {
            let stem = (name.extension()? == "run").then(|| name.file_stem())??;
            stem.to_str()?.parse().ok()
        };
        Ok(names.into_iter().map(|name| (self.folder.join(&name), id(&name))).collect())
    }

    fn sync_folder(&self) -> Result<(), StoreError> {
        self.disk.sync_folder(&self.folder).doing("sync", &self.folder)
    }

    fn begin(&self, reach: Reach) -> Result<RunWriter, StoreError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        RunWriter::create(&self.disk, &self.folder, id, reach)
    }

    /// Writes all claims, which come by fingerprint, into one run; none when there are no claims.
    fn write_all<I>(&self, claims: &mut Live<I>, reach: Reach) -> Result<Option<Arc<Run>>, StoreError>
    where
        I: Iterator<Item = Result<Claim, StoreError>>,
    {
        let Some(first) = claims.next_claim()? else { return Ok(None) };
        let mut writer = self.begin(reach)?;
        writer.push(first)?;
        while let Some(claim) = claims.next_claim()? {
            writer.push(claim)?;
        }
        Ok(Some(Arc::new(writer.finish()?)))
    }

    /// Writes claims, which come by day, into a run for each day; tiny days share.
    fn write_days<I>(&self, claims: &mut Live<I>) -> Result<Vec<Arc<Run>>, StoreError>
    where
        I: Iterator<Item = Result<Claim, StoreError>>,
    {
        let (mut runs, mut shared, mut day) = (Vec::new(), Vec::new(), Vec::new());
        let mut next = claims.next_claim()?;
        while let Some(first) = next {
            while let Some(claim) = next.filter(|claim| claim.day == first.day && day.len() <= TINY_DAY) {
                day.push(claim);
                next = claims.next_claim()?;
            }
            if day.len() <= TINY_DAY {
                shared.append(&mut day);
                if shared.len() >= SHARED_MAX {
                    runs.push(self.write_shared(&mut shared)?);
                }
                continue;
            }
            let mut writer = self.begin(Reach::Day)?;
            day.drain(..).try_for_each(|claim| writer.push(claim))?;
            while let Some(claim) = next.filter(|claim| claim.day == first.day) {
                writer.push(claim)?;
                next = claims.next_claim()?;
            }
            runs.push(Arc::new(writer.finish()?));
        }
        if !shared.is_empty() {
            runs.push(self.write_shared(&mut shared)?);
        }
        Ok(runs)
    }

    fn write_shared(&self, shared: &mut Vec<Claim>) -> Result<Arc<Run>, StoreError> {
        // Highest attempt first, so that it stays.
        shared.sort_unstable_by_key(|claim| (claim.fingerprint, u8::MAX - claim.attempt));
        shared.dedup_by_key(|claim| claim.fingerprint);
        let mut writer = self.begin(Reach::Day)?;
        shared.drain(..).try_for_each(|claim| writer.push(claim))?;
        Ok(Arc::new(writer.finish()?))
    }
}

/// Claims of days that are not before the floor.
struct Live<I> {
    merge: Merge<I>,
    floor: i32,
}

impl<I: Iterator<Item = Result<Claim, StoreError>>> Live<I> {
    fn next_claim(&mut self) -> Result<Option<Claim>, StoreError> {
        loop {
            match self.merge.next_claim()? {
                Some(claim) if claim.day < self.floor => {}
                other => return Ok(other),
            }
        }
    }
}

impl RunSet {
    /// Runs that should be joined.
    fn too_many(&self) -> Option<Vec<u32>> {
        let sized = |index: u32| (self.runs[index as usize].meta.claims, index);
        let window = self.of_window.iter().map(|index| sized(*index)).collect();
        if let Some(chosen) = choose(window, WINDOW_RUNS_MAX) {
            return Some(chosen);
        }
        let range = self.of_range.iter().map(|(_, _, index)| sized(*index)).collect();
        if let Some(chosen) = choose(range, RANGE_RUNS_MAX) {
            return Some(chosen);
        }
        let days = self.of_day.chunk_by(|one, other| one.0 == other.0);
        let mut days = days.map(|day| day.iter().map(|(_, index)| sized(*index)).collect());
        days.find_map(|day| choose(day, DAY_RUNS_MAX))
    }
}
