//! One epoch: slices through intake, record shards and account shards to a commit ready to be made.
//! Relies on the committed state in the shards; the books are checked here, before anything is written.
//! Never touches a file, but for reading claims from runs.

use crate::alarms::{Alarms, End, Numbers};
use crate::commit::{Prepared, StreamLines};
use crate::feed::Slices;
use crate::line::Line;
use crate::outputs::Roll;
use crate::parallel::{Threads, Until};
use crate::report::Stages;
use crate::runs::{self, RunSums};
use anyhow::{Context, ensure};
use caudal_engine::account_shard::{AccountEffects, AccountShard};
use caudal_engine::books::{self, EpochBooks};
use caudal_engine::claims::Known;
use caudal_engine::intake::{Intake, Parsed, Slice};
use caudal_engine::ledger::Ledger;
use caudal_engine::record_shard::{RecordEffects, RecordShard};
use caudal_engine::schedule::{Schedule, Seen};
use caudal_engine::setup::Names;
use caudal_engine::source::BlockKind;
use caudal_engine::turn::Epoch;
use caudal_usage::alarm::AlarmCode;
use caudal_usage::code::Ends;
use caudal_usage::money::add_exact;
use caudal_usage::sequence::{Sequence, SequenceKey};
use caudal_usage::{
    BookKey, Code, Commit, Counts, Currency, Cursor, Decimal, EventId, FileClaim, FileEntry, FileOrdinal,
    FileProgress, Finished, Run, Service, Stream,
};
use caudal_wire::lines::{Declared, FileLine, write_file};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What goes into a commit beside the effects of the stages.
#[derive(Debug, Default)]
pub struct Carried {
    /// Files claimed since the last commit.
    pub claimed: Vec<FileEntry>,
    /// Files that *finish* has dealt with since.
    pub released: Vec<FileOrdinal>,
    /// What scans have shown since.
    pub alarms: Alarms,
}

/// What the report needs of an epoch.
#[derive(Debug, Default)]
pub struct EpochSums {
    /// Change of the books.
    pub counts: Counts,
    /// Amounts.
    pub amounts: BTreeMap<(Currency, Service), Decimal>,
    /// Billable events.
    pub events: u64,
    /// What was done for the runs beside the primary one; counted in none of the others.
    pub runs: BTreeMap<Run, RunSums>,
    /// Octets of content.
    pub bytes: u64,
    /// The dearest event.
    pub dearest: Option<(Decimal, EventId)>,
    /// Files whose end it holds.
    pub files: u64,
    /// Alarms raised.
    pub alarms: BTreeMap<AlarmCode, u64>,
}

/// Notes the event times of parsed slices, in order. Returns the position behind them.
pub fn see(schedule: &mut Schedule, parsed: &mut [Parsed]) -> Cursor {
    for parsed in parsed {
        parsed.floor_day = schedule.cursor().floor_day;
        parsed.watermark_ms = schedule.cursor().watermark_ms;
        parsed.timer_ms = schedule.see(&Seen {
            source: parsed.slice.source,
            max_event_ms: parsed.max_event_ms,
            ends_block: parsed.slice.ends_block(),
            ends_file: parsed.slice.ends_file(),
        });
    }
    schedule.cursor().clone()
}

/// An epoch that went through the shards: what they gave, and the slices that it stands in.
pub struct Work {
    parsed: Vec<Parsed>,
    records: Vec<RecordEffects>,
    accounts: Vec<AccountEffects>,
}

fn decode(names: &Names) -> impl Fn(&mut Intake<'_>, Slice) -> Timed<Parsed> + Sync {
    |intake, slice| timed(|| intake.parse(slice, names))
}

/// Decodes slices while no shard works.
pub fn parse(line: &mut Line<'_>, names: &Names, slices: &Slices, stages: &mut Stages) -> Vec<Parsed> {
    let nobody: (&mut [()], _) = (&mut [], |(): &mut ()| ());
    let decoded = line.threads.each_and(nobody, (&mut line.intakes, decode(names)), (slices, Until::Ended));
    shared(in_order(decoded.worked), (&line.threads, &mut stages.parse))
}

/// Runs the shards; threads that would wait decode slices of the next epoch. Nothing of what the shards give may leave
/// before the commit of the epoch before stands.
pub fn step(
    line: &mut Line<'_>,
    (parsed, names): (Vec<Parsed>, &Names),
    ahead: &Slices,
    stages: &mut Stages,
) -> anyhow::Result<(Work, Vec<Parsed>)> {
    let (epoch, runs, threads) = (Epoch::new(&parsed, names), &line.runs, &line.threads);
    let record = |shard: &mut RecordShard<'_>| {
        timed(|| {
            let known = if runs.is_empty() { Known::new() } else { runs.known(&shard.wanted(&parsed))? };
            anyhow::Ok(shard.step(&epoch, &known))
        })
    };
    let intakes = (line.intakes.as_mut_slice(), decode(names));
    let done = threads.each_and((&mut line.records, record), intakes, (ahead, Until::Stepped));
    let records = shared(done.stepped, (threads, &mut stages.record));
    let records = records.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let mut next = done.worked;
    let account = |shard: &mut AccountShard<'_>| timed(|| shard.step(&epoch, &records));
    let intakes = (line.intakes.as_mut_slice(), decode(names));
    let done = threads.each_and((&mut line.accounts, account), intakes, (ahead, Until::Ended));
    let accounts = shared(done.stepped, (threads, &mut stages.account));
    next.extend(done.worked);
    let next = shared(in_order(next), (threads, &mut stages.parse));
    Ok((Work { parsed, records, accounts }, next))
}

/// What some work gave, and how long it took.
type Timed<R> = (R, Duration);

fn timed<R>(work: impl FnOnce() -> R) -> Timed<R> {
    let clock = Instant::now();
    (work(), clock.elapsed())
}

/// The results; adds to a stage the time that they took, as if the threads had shared it evenly.
fn shared<R>(timed: Vec<Timed<R>>, (threads, stage): (&Threads, &mut Duration)) -> Vec<R> {
    let (results, times): (Vec<_>, Vec<_>) = timed.into_iter().unzip();
    *stage += times.iter().sum::<Duration>() / u32::try_from(threads.count()).unwrap_or(u32::MAX);
    results
}

/// What was worked, in the order of its numbers.
fn in_order<R>(mut worked: Vec<(usize, R)>) -> Vec<R> {
    worked.sort_unstable_by_key(|(number, _)| *number);
    worked.into_iter().map(|(_, result)| result).collect()
}

/// Each stage: what it took is what it gave, kept or ended.
fn check_flow(
    parsed: &[Parsed],
    records: &[RecordEffects],
    accounts: &[AccountEffects],
) -> anyhow::Result<()> {
    for parsed in parsed {
        let ended: i64 = parsed.tally.rows().map(|(.., counts)| counts.accounted()).sum();
        let gave = parsed.records.len() as u64 + ended.unsigned_abs();
        books::stage("intake", u64::from(parsed.slice.framed()), gave)?;
        let routed: usize = parsed.routes.iter().map(Vec::len).sum();
        books::stage("exchange by session", parsed.records.len() as u64, routed as u64)?;
    }
    for shard in records {
        ensure!(!shard.full, "claims or open sessions exceed their bound in memory");
        books::stage("record shard", shard.took, shard.gave)?;
    }
    let passed: u64 = records.iter().map(|shard| shard.passed).sum();
    books::stage("exchange by account", passed, accounts.iter().map(|shard| shard.took).sum())?;
    for shard in accounts {
        ensure!(!shard.sum_overflows, "the sum of an epoch's amounts does not fit in a decimal");
        books::stage("account shard", shard.took, shard.ended)?;
    }
    Ok(runs::check(records, accounts)?)
}

/// Checks the books of an epoch and draws up its commit. The ledger stands at the commit before.
pub fn draw_up(
    line: &Line<'_>,
    Work { parsed, records, accounts }: Work,
    names: &Names,
    (cursor, carried): (Cursor, Carried),
) -> anyhow::Result<(Prepared, EpochSums)> {
    check_flow(&parsed, &records, &accounts)?;
    let mut books = EpochBooks::default();
    parsed.iter().for_each(|parsed| books.framed(parsed.slice.file, parsed.slice.framed()));
    parsed.iter().for_each(|parsed| books.tally(&parsed.tally));
    records.iter().for_each(|shard| books.tally(&shard.tally));
    accounts.iter().for_each(|shard| books.tally(&shard.tally));
    let (within, all) = books.close(|file| names.get(file).to_owned())?;
    let mut sums = sum(&parsed, &accounts, &all)?;
    sums.runs = runs::sum(&records, &accounts)?;
    let finished = finished(&parsed)?;
    sums.files = finished.len() as u64;
    let mut alarms = carried.alarms;
    let ledger = &line.ledger;
    let files = Files::new(ledger, &carried.claimed);
    let ends = files.ends(&finished);
    let sequences = along(&mut alarms, &files, &parsed, names);
    ends.iter().for_each(|end| alarms.end(ledger, names, end));
    sums.alarms = std::mem::take(&mut alarms.raised);
    let audit = audit(ledger, &ends, (&parsed, &within), names);
    let ended = ends.iter().map(|end| end.entry.claim.clone()).collect();
    let standing = standing(&files, (&ledger.cursor, &cursor));
    let commit = Commit {
        epoch: ledger.epoch + 1,
        generation: line.generation().into(),
        cursor,
        claimed: carried.claimed,
        released: carried.released,
        alarms: alarms.changes,
        sequences,
        books: all.into_iter().collect(),
        runs: sums.runs.iter().map(|(run, sums)| (*run, sums.counts)).collect(),
        receipts: Vec::new(),
        touched: touched(&records, &accounts),
        finished,
    };
    let mut prepared = gather(&line.threads, parsed, (records, accounts), commit);
    prepared.ended = ended;
    prepared.standing = standing;
    prepared.lines[Stream::Audit as usize] =
        StreamLines { items: prepared.commit.finished.len() as u64, pieces: vec![audit] };
    prepared.lines[Stream::Alerts as usize] = StreamLines { items: alarms.count, pieces: vec![alarms.lines] };
    count_lines(&mut prepared.lines, &sums);
    Ok((prepared, sums))
}

/// How many lines the streams of usage must have, by the stages.
fn count_lines(lines: &mut [StreamLines], sums: &EpochSums) {
    let (mut events, mut suspended) = (0, sums.counts.total(Ends::Suspended));
    for run in sums.runs.values() {
        events += run.counts.events;
        suspended += run.counts.lines;
    }
    lines[Stream::Rated as usize].items = sums.events + events.unsigned_abs();
    lines[Stream::Suspense as usize].items = suspended.unsigned_abs();
    lines[Stream::Duplicates as usize].items = sums.counts.duplicate.unsigned_abs();
}

/// Files whose last block is in the epoch.
fn finished(parsed: &[Parsed]) -> anyhow::Result<Vec<(FileOrdinal, Finished)>> {
    let ends = parsed.iter().filter(|parsed| parsed.slice.ends_file());
    let finished = ends.map(|parsed| {
        let next = parsed.slice.block.next;
        (
            parsed.slice.file,
            Finished {
                octets: next.offset,
                framed: next.records,
                content_hash: next.prefix_hash,
                damaged: matches!(parsed.slice.block.kind, BlockKind::Damage { .. }),
            },
        )
    });
    let finished: Vec<_> = finished.collect();
    let distinct: std::collections::BTreeSet<_> = finished.iter().map(|(file, _)| *file).collect();
    ensure!(distinct.len() == finished.len(), "a file ends twice in one epoch");
    Ok(finished)
}

/// Claimed files as this commit leaves them.
struct Files<'a> {
    ledger: &'a Ledger,
    claimed: BTreeMap<FileOrdinal, &'a FileEntry>,
}

impl<'a> Files<'a> {
    fn new(ledger: &'a Ledger, claimed: &'a [FileEntry]) -> Self {
        let claimed = claimed.iter().map(|entry| (entry.claim.ordinal, entry)).collect();
        Self { ledger, claimed }
    }

    fn get(&self, file: FileOrdinal) -> Option<&'a FileEntry> {
        self.claimed.get(&file).copied().or_else(|| self.ledger.files.get(&file))
    }

    /// The ends of files in this epoch, each with the earlier file of the same content.
    fn ends<'e>(&'e self, finished: &'e [(FileOrdinal, Finished)]) -> Vec<End<'e>> {
        let mut contents = BTreeMap::new();
        let end = |(file, finished): &'e (FileOrdinal, Finished)| {
            let content = (finished.content_hash, finished.octets);
            // The least ordinal of those that ended before, wherever epochs were cut. One that goes on from this
            // commit has no content until it ends again.
            let before = self.ledger.of_content(finished).find(|file| !self.claimed.contains_key(file));
            let here = contents.get(&content).copied();
            contents.insert(content, here.map_or(*file, |here: FileOrdinal| here.min(*file)));
            let entry = self.get(*file)?;
            Some(End { entry, finished, same_content: before.into_iter().chain(here).min() })
        };
        finished.iter().filter_map(end).collect()
    }
}

/// Files that are being read, where that has changed since the last commit.
fn standing(files: &Files<'_>, (before, now): (&Cursor, &Cursor)) -> Vec<(FileClaim, FileProgress)> {
    let moved = now.sources.iter().zip(&before.sources).filter(|(now, before)| now.open != before.open);
    let open = moved.filter_map(|(now, _)| now.open);
    open.filter_map(|open| Some((files.get(open.ordinal)?.claim.clone(), open.progress))).collect()
}

/// What shows along the way, in the order of the input: records that were taken at an earlier end of their file and
/// turn out to have gone on, and gaps in the running numbers of elements. Returns the numbers that moved.
fn along(
    alarms: &mut Alarms,
    files: &Files<'_>,
    parsed: &[Parsed],
    names: &Names,
) -> Vec<(SequenceKey, Sequence)> {
    let mut numbers = Numbers::new(files.ledger);
    for parsed in parsed {
        let slice = &parsed.slice;
        let Some(entry) = files.get(slice.file) else { continue };
        let file = names.get(slice.file);
        if let BlockKind::Damage { code: Code::CutRecord, len } = slice.block.kind {
            alarms.cut_record(entry, file, (slice.block.start.offset, len));
        }
        alarms.header(&mut numbers, (entry, file), slice);
        numbers.take(alarms, (entry, file), (AlarmCode::RecordGap, &parsed.numbers));
    }
    numbers.into_changes()
}

/// The audit line of each finished file: its book at its end.
fn audit(
    ledger: &Ledger,
    ends: &[End<'_>],
    (parsed, within): (&[Parsed], &BTreeMap<BookKey, Counts>),
    names: &Names,
) -> Vec<u8> {
    let declared = parsed.iter().filter(|parsed| parsed.slice.ends_file());
    let declared: BTreeMap<_, _> = declared
        .filter_map(|parsed| {
            let header = parsed.slice.header.as_ref()?;
            Some((parsed.slice.file, Declared { records: header.cdrs, octets: header.file_length }))
        })
        .collect();
    let mut lines = Vec::new();
    for end in ends {
        let file = end.entry.claim.ordinal;
        let mut counts = ledger.book(file);
        let range = BookKey { file, day: i32::MIN }..=BookKey { file, day: i32::MAX };
        within.range(range).for_each(|(_, change)| counts.add(change));
        let line = FileLine {
            file: names.get(file),
            file_id: file.0,
            octets: end.finished.octets,
            content_hash: end.finished.content_hash,
            grown_from: end.entry.claim.continued.map(|continued| continued.end.octets),
            same_content_as: end.same_content.map(|ordinal| ordinal.0),
            declared: declared.get(&file).copied(),
            counts: &counts,
        };
        write_file(&mut lines, &line);
    }
    lines
}

fn sum(
    parsed: &[Parsed],
    accounts: &[AccountEffects],
    all: &BTreeMap<BookKey, Counts>,
) -> anyhow::Result<EpochSums> {
    let mut sums = EpochSums::default();
    all.values().for_each(|counts| sums.counts.add(counts));
    for shard in accounts {
        sums.events += shard.events;
        sums.dearest = sums.dearest.max(shard.dearest);
        for (&key, &amount) in &shard.amounts {
            let total = sums.amounts.entry(key).or_default();
            *total = add_exact(*total, amount)
                .context("the sum of an epoch's amounts does not fit in a decimal")?;
        }
    }
    let whole = parsed.iter().filter(|parsed| parsed.slice.ends_block());
    sums.bytes = whole
        .map(|parsed| match parsed.slice.block.kind {
            BlockKind::Records => parsed.slice.block.bytes.len() as u64,
            BlockKind::Damage { len, .. } => len,
        })
        .sum();
    Ok(sums)
}

fn touched(records: &[RecordEffects], accounts: &[AccountEffects]) -> [[u64; 4]; 2] {
    let mut touched = [[0; 4]; 2];
    let mut mark = |which: usize, bits: &[u64; 4]| {
        touched[which].iter_mut().zip(bits).for_each(|(word, bits)| *word |= bits);
    };
    records.iter().for_each(|shard| mark(0, &shard.touched));
    accounts.iter().for_each(|shard| mark(1, &shard.touched));
    touched
}

/// Moves lines and stored forms into the commit, without copying them.
fn gather(
    threads: &Threads,
    mut parsed: Vec<Parsed>,
    (records, accounts): (Vec<RecordEffects>, Vec<AccountEffects>),
    commit: Commit,
) -> Prepared {
    let mut prepared = Prepared {
        commit,
        lines: Default::default(),
        sections: Default::default(),
        ended: Vec::new(),
        standing: Vec::new(),
        roll: Roll::WhenFull,
        offsets: Vec::new(),
    };
    let [claims, sessions, balances] = &mut prepared.sections;
    let [rated, suspense, duplicates, ..] = &mut prepared.lines;
    // Records have texts and parts of their own, some hundred thousand to free.
    let lines = threads.each(&mut parsed, |parsed| {
        parsed.records = Vec::new();
        std::mem::take(&mut parsed.suspense)
    });
    suspense.pieces.extend(lines);
    for shard in records {
        claims.pieces.push(shard.claims.bytes);
        claims.entries += shard.claim_count;
        sessions.pieces.push(shard.sessions.bytes);
        sessions.entries += shard.session_count;
        suspense.pieces.push(shard.suspense);
        duplicates.pieces.push(shard.duplicates);
    }
    for shard in accounts {
        balances.pieces.push(shard.balances.bytes);
        balances.entries += shard.account_count;
        rated.pieces.extend(shard.rated.into_pieces());
        suspense.pieces.push(shard.suspense);
    }
    prepared
}
