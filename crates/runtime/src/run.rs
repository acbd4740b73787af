//! A run: epochs one after the other, each read, parsed and given to the shards while the one before is committed.
//! Relies on recovery having brought shards, ledger and outputs to the last commit.
//! Never goes on after a failed commit: what is in memory is dropped, and the line recovers or the process stops.

use crate::commit::{
    CommitThread, Committed, Committer, Prepared, SharedLog, StreamLines, Target, finish_file, input_offsets,
};
use crate::epoch::{self, Carried, EpochSums};
use crate::feed::{EpochBound, Feed, Slices, Sources};
use crate::line::{Layout, Line};
use crate::outputs::{Outputs, Roll};
use crate::report::Report;
use crate::standing::Standing;
use caudal_engine::clock::Clock;
use caudal_engine::fail;
use caudal_engine::intake::Parsed;
use caudal_engine::setup::Setup;
use caudal_engine::topics::{Broker, TopicsError};
use caudal_store::SharedDisk;
use caudal_usage::{Commit, Cursor, FileOrdinal, Stream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a run without input waits before it looks again.
const POLL: Duration = Duration::from_millis(500);

/// Wait before the first try to recover from a doubtful commit. It doubles with every try that commits nothing.
const PAUSE_LEAST: Duration = Duration::from_millis(500);

/// Longest wait before a try.
const PAUSE_MOST: Duration = Duration::from_secs(30);

/// Tries without a commit after which a run that was to end by itself gives up: some three minutes.
const TRIES_MOST: u32 = 10;

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
    /// The topics that commits go to; without, they go to the output folder.
    pub broker: Option<&'w dyn Broker>,
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
    /// The line is about to be restored: at the start, and again when a commit was in doubt.
    fn restores(&mut self) {}
    /// Where the line stands: when it is restored, and after each commit.
    fn stands(&mut self, _report: &Report, _standing: &Standing) {}
    /// The run turns: it is about to look for input, or to work on what it has.
    fn turned(&mut self) {}
}

struct Run<'r, 's, 'w> {
    line: Line<'s>,
    feed: Feed<'s>,
    world: &'r mut World<'w>,
    options: &'r Options,
    log: SharedLog,
    commits: CommitThread,
    carried: Carried,
    ahead: Option<Ahead>,
    told: &'r mut Told,
}

/// The next epoch, read and parsed while the shards worked on the one before.
struct Ahead {
    parsed: Vec<Parsed>,
    /// The position behind it.
    cursor: Cursor,
}

/// What a run tells in the end. It outlives a line that is recovered.
#[derive(Default)]
struct Told {
    report: Report,
    /// The epoch whose verdict is not known yet, and what it would add to the report.
    unsettled: Option<(u64, EpochSums)>,
    /// True once the report says where the run began.
    begun: bool,
}

impl Told {
    /// Notes where the run begins, or what became of the epoch that was in flight when the line was lost.
    fn recovered(&mut self, line: &Line<'_>) {
        if !std::mem::replace(&mut self.begun, true) {
            let before = line.ledger.total();
            self.report.held_before = before.held;
            self.report.suspended_before = before.suspended();
        }
        if self.unsettled.as_ref().is_some_and(|(epoch, _)| line.ledger.epoch >= *epoch) {
            self.committed();
        }
        self.unsettled = None;
    }

    fn committed(&mut self) {
        self.report.epochs += 1;
        if let Some((_, sums)) = self.unsettled.take() {
            self.report.add(sums);
        }
    }
}

/// Runs the line until it ends. What was committed stays committed, whatever the result.
pub fn run(setup: &Setup, mut world: World<'_>, options: &Options) -> anyhow::Result<Report> {
    let start = Instant::now();
    let mut told = Told::default();
    let (mut tries, mut pause, mut epochs) = (0, PAUSE_LEAST, 0);
    while let Err(error) = live(setup, &mut world, options, &mut told) {
        if told.report.epochs > epochs {
            (tries, pause, epochs) = (0, PAUSE_LEAST, told.report.epochs);
        }
        tries += 1;
        let doubtful = matches!(error.downcast_ref(), Some(TopicsError::Doubt(_)));
        let patient = options.until == Until::Stopped || tries <= TRIES_MOST;
        if !doubtful || !patient || world.stop.load(Ordering::Relaxed) {
            return Err(error);
        }
        tracing::warn!(
            event = "commit_in_doubt",
            tries,
            "{error:#}; beginning again at the last commit in {pause:?}"
        );
        wait(pause, world.stop);
        pause = (pause * 2).min(PAUSE_MOST);
    }
    told.report.elapsed = start.elapsed();
    Ok(told.report)
}

/// Waits, unless the run is told to stop.
fn wait(pause: Duration, stop: &AtomicBool) {
    let until = Instant::now() + pause;
    while Instant::now() < until && !stop.load(Ordering::Relaxed) {
        std::thread::sleep(PAUSE_LEAST.min(pause));
    }
}

/// One life of the line: recovered, then run until it ends or a commit is in doubt.
fn live(setup: &Setup, world: &mut World<'_>, options: &Options, told: &mut Told) -> anyhow::Result<()> {
    world.watcher.restores();
    let topics = world.broker.map(Broker::connect).transpose()?;
    let (mut line, mut log) = Line::recover(setup, (&world.disk, &options.state), options.layout)?;
    fail::at("recover.line")?;
    let target = match topics {
        Some(mut topics) => {
            line.follow(topics.as_mut(), &mut log)?;
            Target::Topics(topics)
        }
        None => {
            let folders = (options.out.as_path(), options.state.as_path());
            let receipt = |stream| line.ledger.stream(stream);
            Target::Folder(Outputs::recover(world.disk.clone(), folders, receipt)?)
        }
    };
    line.match_sources()?;
    fail::at("recover.outputs")?;
    let released = release_finished(&line, &world.sources)?;
    fail::at("recover.sources")?;
    told.recovered(&line);
    world.watcher.stands(&told.report, &Standing::restored(&line));
    let log = Arc::new(Mutex::new(log));
    let committer = Committer::new(target, Arc::clone(&log), Arc::clone(&world.sources));
    let feed = Feed::resume(setup, Arc::clone(&world.sources), &line.ledger, options.window_days);
    std::thread::scope(|scope| {
        let commits = CommitThread::start(scope, committer);
        let carried = Carried { released, ..Carried::default() };
        let mut run = Run { line, feed, world, options, log, commits, carried, ahead: None, told };
        run.drive()
    })
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
            self.world.watcher.turned();
            if exhausted {
                self.settle()?;
                self.scan()?;
            }
            let ahead = match self.ahead.take() {
                Some(ahead) => ahead,
                None => self.look_ahead()?,
            };
            exhausted = ahead.parsed.is_empty();
            if !exhausted {
                self.epoch(ahead)?;
                sent += 1;
            } else if self.feed.more_waits() {
                // A batch of the files that wait is done; the next one is claimed at once.
            } else if self.options.until == Until::Stopped {
                if !self.carried.alarms.is_empty() {
                    self.note(Roll::WhenFull)?;
                }
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
        let scanned = self.feed.scan(&self.line.ledger, self.world.clock)?;
        let entries = scanned.claimed;
        self.carried.alarms.extend(scanned.alarms);
        if !entries.is_empty() {
            let octets = entries.iter().map(|entry| entry.claim.found.size).sum();
            self.world.watcher.claimed(entries.len() as u64, octets);
            self.carried.claimed.extend(entries);
        }
        Ok(())
    }

    /// Reads and parses an epoch while no shard works.
    fn look_ahead(&mut self) -> anyhow::Result<Ahead> {
        let names = Arc::clone(&self.feed.names);
        let (line, stages) = (&mut self.line, &mut self.told.report.stages);
        let work = |slices: &Slices| epoch::parse(line, &names, slices, stages);
        let (parsed, read, took) = self.feed.beside(self.options.bound, work);
        self.told.report.stages.read += took;
        read?;
        self.parsed(parsed)
    }

    /// Takes what was parsed into the schedule.
    fn parsed(&mut self, mut parsed: Vec<Parsed>) -> anyhow::Result<Ahead> {
        let cursor = epoch::see(&mut self.feed.schedule, &mut parsed);
        if !parsed.is_empty() {
            fail::at("epoch.parsed")?;
        }
        Ok(Ahead { parsed, cursor })
    }

    /// One epoch: given to the shards while the one before is committed and the next one is read and parsed. What the
    /// shards gave waits for that verdict: where it is bad, all that is in memory is dropped, and nothing of this epoch
    /// has left it.
    fn epoch(&mut self, Ahead { parsed, cursor }: Ahead) -> anyhow::Result<()> {
        if self.line.wants_snapshot() {
            // A snapshot holds the shards as a commit left them.
            self.settle()?;
            self.snapshot()?;
        }
        let names = Arc::clone(&self.feed.names);
        let (line, stages) = (&mut self.line, &mut self.told.report.stages);
        let work = |slices: &Slices| epoch::step(line, (parsed, &names), slices, stages);
        let (stepped, read, took) = self.feed.beside(self.options.bound, work);
        self.told.report.stages.read += took;
        fail::at("epoch.stepped")?;
        self.settle()?;
        let clock = Instant::now();
        let carried = std::mem::take(&mut self.carried);
        let (work, next) = stepped?;
        let (mut prepared, sums) = epoch::draw_up(&self.line, work, &names, (cursor, carried))?;
        prepared.offsets = input_offsets(&self.world.sources, &prepared);
        self.told.report.stages.books += clock.elapsed();
        fail::at("epoch.drawn")?;
        self.send(prepared, sums)?;
        read?;
        self.ahead = Some(self.parsed(next)?);
        Ok(())
    }

    fn send(&mut self, prepared: Prepared, sums: EpochSums) -> anyhow::Result<()> {
        self.told.unsettled = Some((prepared.commit.epoch, sums));
        self.commits.send(prepared)
    }

    /// Waits for the commit in flight, and takes it into the ledger and the report.
    fn settle(&mut self) -> anyhow::Result<()> {
        let clock = Instant::now();
        let verdict = self.commits.verdict();
        self.told.report.stages.wait += clock.elapsed();
        let Some(Committed { commit, released, frame_bytes, took }) = verdict? else { return Ok(()) };
        self.line.ledger.apply(&commit)?;
        self.line.log_bytes += frame_bytes;
        let standing = Standing::committed(&self.line, &commit, took);
        self.carried.released.extend(released);
        self.told.committed();
        self.world.watcher.committed(&self.told.report);
        self.world.watcher.stands(&self.told.report, &standing);
        Ok(())
    }

    fn snapshot(&mut self) -> anyhow::Result<()> {
        let clock = Instant::now();
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        self.line.snapshot(&mut log)?;
        self.told.report.stages.snapshot += clock.elapsed();
        Ok(())
    }

    /// The last commit of a run: closes the data files and notes what *finish* did, when there is either.
    fn close(&mut self) -> anyhow::Result<()> {
        let open = self.line.ledger.receipts.values().any(|receipt| !receipt.closed);
        if !open && self.carried.released.is_empty() && self.carried.alarms.is_empty() {
            return Ok(());
        }
        self.note(Roll::All)
    }

    /// A commit without records: what *finish* did, what scans showed.
    fn note(&mut self, roll: Roll) -> anyhow::Result<()> {
        // Files claimed for an epoch that was not made are found again by the next start; the position is the one that
        // the last epoch left.
        let released = std::mem::take(&mut self.carried.released);
        let alarms = std::mem::take(&mut self.carried.alarms);
        let ledger = &self.line.ledger;
        let commit = Commit {
            epoch: ledger.epoch + 1,
            generation: self.line.generation().into(),
            cursor: ledger.cursor.clone(),
            claimed: Vec::new(),
            finished: Vec::new(),
            released,
            alarms: alarms.changes,
            sequences: Vec::new(),
            books: Vec::new(),
            runs: Vec::new(),
            receipts: Vec::new(),
            touched: [[0; 4]; 2],
        };
        let mut prepared = Prepared {
            commit,
            lines: Default::default(),
            sections: Default::default(),
            ended: Vec::new(),
            standing: Vec::new(),
            roll,
            offsets: Vec::new(),
        };
        prepared.lines[Stream::Alerts as usize] =
            StreamLines { items: alarms.count, pieces: vec![alarms.lines] };
        self.send(prepared, EpochSums { alarms: alarms.raised, ..EpochSums::default() })?;
        self.settle()
    }
}
