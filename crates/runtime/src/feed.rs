//! Sources to slices: claims complete files, reads their blocks in the order of the schedule, cuts epochs.
//! Relies on the schedule for the order and on the format for what a record is.
//! Never reads further than one epoch ahead of the shards.

use crate::alarms::{Alarms, Quiet};
use anyhow::{Context, anyhow};
use caudal_cdr::formats::Layout;
use caudal_cdr::framing::ts32297::FileHeader;
use caudal_cdr::{Framing, Place};
use caudal_engine::clock::Clock;
use caudal_engine::intake::Slice;
use caudal_engine::ledger::Ledger;
use caudal_engine::schedule::{Pick, Schedule};
use caudal_engine::setup::{Names, Setup};
use caudal_engine::source::{Block, BlockKind, BlockReader, FileStat, Find, Scan, Source};
use caudal_usage::{Continued, Fault, FileClaim, FileEntry, FileOrdinal};
use crossbeam_channel::{Receiver, Sender};
use hashbrown::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The sources, shared between reading and *finish*.
pub type Sources = Arc<Vec<Mutex<Box<dyn Source>>>>;

/// Files claimed at a time, over all sources: bounds the frame of a commit. The rest waits in the folders, which cost
/// nothing.
const CLAIMS_MAX: usize = 4_096;

/// Slices with their numbers, as they are read.
pub type Slices = Receiver<(usize, Slice)>;

/// Where an epoch is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EpochBound {
    /// Most framed records.
    pub records: u32,
    /// Octets of blocks after which no further block is begun.
    pub bytes: u64,
}

/// The intake's view of the sources.
pub struct Feed<'s> {
    setup: &'s Setup,
    sources: Sources,
    /// The schedule; also told what was seen.
    pub schedule: Schedule,
    /// Display names of every claimed file.
    pub names: Arc<Names>,
    claims: HashMap<FileOrdinal, FileClaim>,
    open: HashMap<u16, OpenReader>,
    /// Some source had more files than could be claimed at a time.
    more_waits: bool,
    /// By source, when the last file was found, UTC milliseconds; of the first scan when there was none.
    found_ms: Vec<Option<i64>>,
}

/// What a scan gives for the next commit.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Files claimed.
    pub claimed: Vec<FileEntry>,
    /// What is to be told.
    pub alarms: Alarms,
}

/// A file that is being read.
struct OpenReader {
    file: FileOrdinal,
    reader: Box<dyn BlockReader>,
    layout: Arc<Result<Layout, Fault>>,
    header: Option<Arc<FileHeader>>,
    /// The block of which earlier epochs took a part.
    current: Option<Arc<Block>>,
}

impl<'s> Feed<'s> {
    /// Resumes where the ledger stands. Recovery has given every file its source.
    pub fn resume(setup: &'s Setup, sources: Sources, ledger: &Ledger, window_days: i32) -> Self {
        let mut names = Names::default();
        let mut claims = HashMap::new();
        let mut found_ms = vec![None; sources.len()];
        let mut claimed = vec![Vec::new(); sources.len()];
        for (&ordinal, entry) in &ledger.files {
            names.push(entry.display_name());
            let source = usize::from(entry.claim.found.source);
            // A source that the pipeline no longer has is told nothing.
            if let (Some(found_ms), Some(claimed)) = (found_ms.get_mut(source), claimed.get_mut(source)) {
                *found_ms = (*found_ms).max(Some(entry.claim.arrival_ms));
                claimed.push(&entry.claim.found);
            }
            if entry.finished.is_none() {
                claims.insert(ordinal, entry.claim.clone());
            }
        }
        for (source, claimed) in sources.iter().zip(&claimed) {
            source.lock().unwrap_or_else(PoisonError::into_inner).resume(claimed);
        }
        let schedule = Schedule::resume(ledger.cursor.clone(), &ledger.files, window_days);
        Self {
            setup,
            sources,
            schedule,
            names: Arc::new(names),
            claims,
            open: HashMap::new(),
            more_waits: false,
            found_ms,
        }
    }

    /// Claims complete files that nobody has claimed, and ended ones that went on, in the order of source name and path,
    /// as many at a time as a commit may hold. Says what is refused, and who is silent.
    pub fn scan(&mut self, ledger: &Ledger, clock: &dyn Clock) -> anyhow::Result<Scanned> {
        let arrival_ms = clock.now_ms();
        let limit = (CLAIMS_MAX / self.sources.len().max(1)).max(1);
        let mut scanned = Scanned::default();
        self.more_waits = false;
        for index in 0..self.sources.len() {
            let name = &self.setup.sources[index].name;
            let found = self.look(index, (ledger, &mut scanned.alarms), (arrival_ms, limit))?;
            self.more_waits |= found.len() == limit;
            // What goes on comes first, so that the order of claims is one of numbers.
            let (again, new): (Vec<_>, Vec<_>) = found.into_iter().partition(|find| find.continues.is_some());
            let again = again.into_iter().filter_map(|find| goes_on(ledger, find));
            let mut again: Vec<_> = again.collect();
            again.sort_by_key(|entry| entry.claim.ordinal);
            for mut entry in again {
                entry.claim.arrival_ms = arrival_ms;
                scanned.claimed.push(self.claim_again(index as u16, entry));
            }
            for find in new {
                let claim =
                    FileClaim { found: find.file, ordinal: FileOrdinal(0), arrival_ms, continued: None };
                let entry =
                    FileEntry { source: name.as_str().into(), claim, finished: None, released: false };
                scanned.claimed.push(self.claim(index as u16, entry));
            }
        }
        Ok(scanned)
    }

    /// What one source shows.
    fn look(
        &mut self,
        index: usize,
        (ledger, alarms): (&Ledger, &mut Alarms),
        (now_ms, limit): (i64, usize),
    ) -> anyhow::Result<Vec<Find>> {
        let name = &self.setup.sources[index].name;
        let mut source = self.sources[index].lock().unwrap_or_else(PoisonError::into_inner);
        let standing = |stat: &FileStat<'_>| ledger.standing(name, stat);
        let scan = Scan { now_ms, limit, standing: &standing };
        let found = source.scan(&scan).with_context(|| format!("cannot scan source {name}"))?;
        if let Some(refused) = source.refused() {
            alarms.refused(ledger, name, &refused);
        }
        let last_ms = &mut self.found_ms[index];
        if !found.is_empty() || last_ms.is_none() {
            *last_ms = Some(now_ms);
        }
        let since_ms = now_ms.saturating_sub(last_ms.unwrap_or(now_ms));
        alarms.silence(ledger, name, Quiet { since_ms, after_ms: source.silent_after_ms() });
        Ok(found)
    }

    /// True when the last scan left files behind because it had found as many as may be claimed at a time.
    pub const fn more_waits(&self) -> bool {
        self.more_waits
    }

    /// Numbers and queues a new file.
    fn claim(&mut self, source: u16, mut entry: FileEntry) -> FileEntry {
        entry.claim.found.source = source;
        entry.claim.ordinal = self.schedule.claim(source);
        Arc::make_mut(&mut self.names).push(entry.display_name());
        self.claims.insert(entry.claim.ordinal, entry.claim.clone());
        entry
    }

    /// Queues a file that goes on.
    fn claim_again(&mut self, source: u16, mut entry: FileEntry) -> FileEntry {
        entry.claim.found.source = source;
        if let Some(continued) = &mut entry.claim.continued {
            continued.before = self.schedule.next_ordinal();
        }
        self.schedule.claim_again(source, &entry.claim);
        self.claims.insert(entry.claim.ordinal, entry.claim.clone());
        entry
    }

    /// Reads the next epoch on a thread of its own while `work` takes its slices. Returns what came of both, and how long
    /// the reading took.
    pub fn beside<R>(
        &mut self,
        bound: EpochBound,
        work: impl FnOnce(&Slices) -> R,
    ) -> (R, anyhow::Result<()>, Duration) {
        let (sender, slices) = crossbeam_channel::unbounded();
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let clock = Instant::now();
                (self.next_epoch(bound, &sender), clock.elapsed())
            });
            let done = work(&slices);
            let (read, took) = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (done, read, took)
        })
    }

    /// Sends the slices of the next epoch, within `bound`, numbered in their order; none when no claimed file is left.
    fn next_epoch(&mut self, bound: EpochBound, slices: &Sender<(usize, Slice)>) -> anyhow::Result<()> {
        let (mut count, mut records, mut bytes) = (0, 0u32, 0u64);
        while records < bound.records && bytes < bound.bytes {
            let Some(pick) = self.schedule.pick() else { break };
            let slice = self.take(&pick, bound.records - records)?;
            // A file without records counts as one: an epoch is bounded whatever the files are like.
            records = records.saturating_add((slice.end - slice.first).max(1));
            bytes += slice.block.bytes.len() as u64;
            // Nobody takes it when the shards have failed; then the line is at its end.
            let _ = slices.send((count, slice));
            count += 1;
        }
        Ok(())
    }

    /// Takes at most `room` records of the picked block.
    fn take(&mut self, pick: &Pick, room: u32) -> anyhow::Result<Slice> {
        let block = self.block(pick)?;
        let open = self.open.get_mut(&pick.source).context("a picked file has no reader")?;
        let whole = block.next.records - block.start.records;
        let end = match block.kind {
            BlockKind::Damage { .. } => whole,
            BlockKind::Records => whole.min(pick.taken.saturating_add(room)),
        };
        let claim = &self.claims[&pick.file];
        let slice = Slice {
            number: pick.block,
            source: pick.source,
            file: pick.file,
            arrival_ms: claim.arrival_ms,
            layout: Arc::clone(&open.layout),
            header: open.header.clone(),
            block: Arc::clone(&block),
            first: pick.taken,
            end,
        };
        if end < whole {
            self.schedule.took_part(pick, end);
            open.current = Some(block);
        } else {
            self.schedule.took_block(pick, (!block.last).then_some(block.next));
            open.current = None;
            if block.last {
                self.open.remove(&pick.source);
                self.claims.remove(&pick.file);
            }
        }
        Ok(slice)
    }

    /// The picked block, read now or left over from the epoch before.
    fn block(&mut self, pick: &Pick) -> anyhow::Result<Arc<Block>> {
        if self.open.get(&pick.source).is_none_or(|open| open.file != pick.file) {
            let reader = self.open_file(pick)?;
            self.open.insert(pick.source, reader);
        }
        let open = self.open.get_mut(&pick.source).context("a file was opened and is not open")?;
        if let Some(block) = &open.current {
            return Ok(Arc::clone(block));
        }
        let name = self.names.get(pick.file);
        let block = open.reader.next_block().with_context(|| format!("cannot read {name}"))?;
        let block =
            block.ok_or_else(|| anyhow!("{name} ends before its last block: it was cut while being read"))?;
        Ok(Arc::new(block))
    }

    fn open_file(&self, pick: &Pick) -> anyhow::Result<OpenReader> {
        let name = self.names.get(pick.file);
        let claim = self.claims.get(&pick.file).ok_or_else(|| anyhow!("{name} is picked and not claimed"))?;
        let source = self.sources[usize::from(pick.source)].lock().unwrap_or_else(PoisonError::into_inner);
        let reader = source.open(claim, pick.from).with_context(|| format!("cannot open {name}"))?;
        let setup = &self.setup.sources[usize::from(pick.source)];
        let layout = Arc::new(setup.format.open(reader.head()));
        let header = file_header(setup.framing, reader.head());
        Ok(OpenReader { file: pick.file, reader, layout, header, current: None })
    }
}

/// The file header that the framing passes over; `None` where it takes none, or finds none that it believes.
fn file_header(framing: Framing, head: &[u8]) -> Option<Arc<FileHeader>> {
    match framing {
        Framing::Ts32297 if framing.file_header(Place::FileStart, head) > 0 => {
            FileHeader::parse(head).ok().map(Arc::new)
        }
        Framing::Ts32297 | Framing::Lines | Framing::Ber | Framing::Values => None,
    }
}

/// The entry of an ended file that goes on, as it is claimed again.
fn goes_on(ledger: &Ledger, find: Find) -> Option<FileEntry> {
    let mut entry = ledger.files.get(&find.continues?)?.clone();
    let ends = entry.ends();
    let end = entry.finished.take()?;
    entry.released = false;
    entry.claim.found = find.file;
    entry.claim.continued = Some(Continued { end, ends, before: FileOrdinal(0) });
    Some(entry)
}
