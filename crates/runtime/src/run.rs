//! A run: epochs one after the other, each read and parsed while the one before is committed.
//! Relies on recovery having brought shards, ledger and outputs to the last commit.
//! Never goes on after a failed commit: the process stops, and the next start recovers.

use crate::commit::{CommitThread, Committed, Committer, Prepared, SharedLog, finish_file};
use crate::epoch::{self, Carried, EpochSums};
use crate::feed::{EpochBound, Feed, Sources};
use crate::line::{Layout, Line};
use crate::outputs::{Outputs, Roll};
use crate::report::Report;
use caudal_engine::clock::Clock;
use caudal_engine::fail;
use caudal_engine::intake::Slice;
use caudal_engine::setup::Setup;
use caudal_store::SharedDisk;
use caudal_usage::{Commit, FileOrdinal};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a run without input waits before it looks again.
const POLL: Duration = Duration::from_millis(500);

/// How a run goes.
#[derive(Clone, Debug)]
pub struct Options {
    /// State folder.
    pub state: PathBuf,
    /// Output folder.
    pub out: PathBuf,
    /// When the run ends.
    pub until: Until,
    /// Where epochs are cut.
    pub bound: EpochBound,
    /// Threads and memory.
    pub layout: Layout,
    /// Days in which duplicates are met.
    pub window_days: i32,
}

/// When a run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// When it is told to.
    Stopped,
    /// When the input is exhausted; no part file is left.
    Exhausted,
    /// After so many commits, as if it had been told to stop: for tests of resuming.
    Commits(u64),
}

/// What the world gives a run beside its setup.
pub struct World<'w> {
    /// The disk of state and output.
    pub disk: SharedDisk,
    /// The clock of arrivals.
    pub clock: &'w dyn Clock,
    /// Sources, in the order of the setup.
    pub sources: Sources,
    /// Set when the run should stop after the commit in flight.
    pub stop: &'w AtomicBool,
    /// Is told how the run goes.
    pub watcher: &'w mut dyn Watcher,
}

/// Is told how a run goes.
pub trait Watcher {
    /// Files were claimed: how many, and their octets on disk.
    fn claimed(&mut self, files: u64, octets: u64);
    /// A commit stands: the report so far.
    fn committed(&mut self, report: &Report);
}

struct Run<'r, 's, 'w> {
    line: Line<'s>,
    feed: Feed<'s>,
    world: &'r mut World<'w>,
    options: &'r Options,
    log: SharedLog,
    commits: CommitThread,
    carried: Carried,
    in_flight: Option<EpochSums>,
    /// The slices of the next epoch, read while the shards worked on this one.
    ahead: Option<Vec<Slice>>,
    report: Report,
}

/// Runs the line until it ends. What was committed stays committed, whatever the result.
pub fn run(setup: &Setup, mut world: World<'_>, options: &Options) -> anyhow::Result<Report> {
    let start = Instant::now();
    let (line, log) = Line::recover(setup, (&world.disk, &options.state), options.layout)?;
    fail::at("recover.line")?;
    let folders = (options.out.as_path(), options.state.as_path());
    let outputs = Outputs::recover(world.disk.clone(), folders, |stream| line.ledger.stream(stream))?;
    fail::at("recover.outputs")?;
    let released = release_finished(&line, &world.sources)?;
    fail::at("recover.sources")?;
    let log = Arc::new(Mutex::new(log));
    let committer = Committer::new(outputs, Arc::clone(&log), Arc::clone(&world.sources));
    let feed = Feed::resume(setup, Arc::clone(&world.sources), &line.ledger, options.window_days);
    let before = line.ledger.total();
    let report =
        Report { held_before: before.held, suspended_before: before.suspended(), ..Report::default() };
    let mut report = std::thread::scope(|scope| {
        let commits = CommitThread::start(scope, committer);
        let carried = Carried { claimed: Vec::new(), released };
        let world = &mut world;
        let mut run =
            Run { line, feed, world, options, log, commits, carried, in_flight: None, ahead: None, report };
        run.drive()?;
        anyhow::Ok(run.report)
    })?;
    report.elapsed = start.elapsed();
    Ok(report)
}

/// Repeats *finish* for files whose end was committed and whose source may not have been told. A source that the
/// pipeline no longer has cannot be told.
fn release_finished(line: &Line<'_>, sources: &Sources) -> anyhow::Result<Vec<FileOrdinal>> {
    let mut released = Vec::new();
    for (&ordinal, entry) in &line.ledger.files {
        let has_source = usize::from(entry.claim.found.source) < sources.len();
        if has_source && entry.finished.is_some() && !entry.released {
            finish_file(sources, &entry.claim)?;
            released.push(ordinal);
        }
    }
    Ok(released)
}

impl Run<'_, '_, '_> {
    fn drive(&mut self) -> anyhow::Result<()> {
        let mut exhausted = true;
        let mut sent = 0;
        while !self.world.stop.load(Ordering::Relaxed) && self.options.until != Until::Commits(sent) {
            if exhausted {
                self.settle()?;
                self.scan()?;
            }
            let slices = match self.ahead.take() {
                Some(slices) => slices,
                None => self.feed.next_epoch(self.options.bound)?,
            };
            exhausted = slices.is_empty();
            if !exhausted {
                self.epoch(slices)?;
                sent += 1;
            } else if self.options.until == Until::Stopped {
                std::thread::sleep(POLL);
            } else {
                break;
            }
        }
        self.settle()?;
        if self.options.until == Until::Exhausted || self.world.stop.load(Ordering::Relaxed) {
            self.close()?;
        }
        Ok(())
    }

    fn scan(&mut self) -> anyhow::Result<()> {
        let entries = self.feed.scan(&self.line.ledger, self.world.clock)?;
        if !entries.is_empty() {
            let octets = entries.iter().map(|entry| entry.claim.found.size).sum();
            self.world.watcher.claimed(entries.len() as u64, octets);
            self.carried.claimed.extend(entries);
        }
        Ok(())
    }

    /// One epoch: parsed while the one before is committed; its shards run when that commit stands.
    fn epoch(&mut self, slices: Vec<Slice>) -> anyhow::Result<()> {
        let clock = Instant::now();
        let parsed = epoch::parse(&mut self.line, &mut self.feed, slices);
        fail::at("epoch.parsed")?;
        let cursor = self.feed.schedule.cursor().clone();
        self.report.stages.parse += clock.elapsed();
        self.settle()?;
        if self.line.wants_snapshot() {
            self.snapshot()?;
        }
        let carried = std::mem::take(&mut self.carried);
        let names = Arc::clone(&self.feed.names);
        let (feed, bound) = (&mut self.feed, self.options.bound);
        let (line, stages) = (&mut self.line, &mut self.report.stages);
        // The next epoch is read meanwhile. The position of this one was taken before, so it does not show in it.
        let (drawn, (ahead, read)) = std::thread::scope(|scope| {
            let ahead = scope.spawn(|| {
                let clock = Instant::now();
                (feed.next_epoch(bound), clock.elapsed())
            });
            let drawn = epoch::run(line, (parsed, &names, cursor), carried, stages);
            (drawn, ahead.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let (prepared, sums) = drawn?;
        fail::at("epoch.drawn")?;
        self.send(prepared, sums)?;
        self.report.stages.read += read;
        self.ahead = Some(ahead?);
        Ok(())
    }

    fn send(&mut self, prepared: Prepared, sums: EpochSums) -> anyhow::Result<()> {
        self.commits.send(prepared)?;
        self.in_flight = Some(sums);
        Ok(())
    }

    /// Waits for the commit in flight, and takes it into the ledger and the report.
    fn settle(&mut self) -> anyhow::Result<()> {
        let clock = Instant::now();
        let verdict = self.commits.verdict();
        self.report.stages.wait += clock.elapsed();
        let Some(Committed { commit, released, frame_bytes }) = verdict? else { return Ok(()) };
        self.line.ledger.apply(&commit)?;
        self.line.log_bytes += frame_bytes;
        self.carried.released.extend(released);
        self.report.epochs += 1;
        self.report.files += commit.finished.len() as u64;
        if let Some(sums) = self.in_flight.take() {
            self.report.counts.add(&sums.counts);
            self.report.events += sums.events;
            self.report.bytes += sums.bytes;
            self.report.dearest = self.report.dearest.max(sums.dearest);
            for (key, amount) in sums.amounts {
                *self.report.amounts.entry(key).or_default() += amount;
            }
        }
        self.world.watcher.committed(&self.report);
        Ok(())
    }

    fn snapshot(&mut self) -> anyhow::Result<()> {
        let clock = Instant::now();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        self.line.snapshot(&mut log)?;
        self.report.stages.snapshot += clock.elapsed();
        Ok(())
    }

    /// The last commit of a run: closes the data files and notes what *finish* did, when there is either.
    fn close(&mut self) -> anyhow::Result<()> {
        let open = self.line.ledger.receipts.values().any(|receipt| !receipt.closed);
        if !open && self.carried.released.is_empty() {
            return Ok(());
        }
        // Files claimed for an epoch that was not made are found again by the next start; the position is the one that
        // the last epoch left.
        let released = std::mem::take(&mut self.carried.released);
        let ledger = &self.line.ledger;
        let commit = Commit {
            epoch: ledger.epoch + 1,
            generation: self.line.generation().into(),
            cursor: ledger.cursor.clone(),
            claimed: Vec::new(),
            finished: Vec::new(),
            released,
            books: Vec::new(),
            receipts: Vec::new(),
            touched: [[0; 4]; 2],
        };
        let prepared = Prepared {
            commit,
            lines: Default::default(),
            sections: Default::default(),
            ended: Vec::new(),
            roll: Roll::All,
        };
        self.send(prepared, EpochSums::default())?;
        self.settle()
    }
}
