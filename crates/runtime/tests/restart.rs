//! A small pipeline on a disk in memory: stopped anywhere, crashed, recovered from log or snapshot, it ends with the
//! lines, books and position of one that never stopped.
//! Relies on the public interface of the runtime; sources are in memory too.
#![allow(clippy::unwrap_used, reason = "tests fail so")]

use caudal_cdr::Format;
use caudal_cdr::formats::delimited::{
    ColumnSource, Constants, DelimitedSpec, FieldSpec, FieldType, PartialSpec, When,
};
use caudal_engine::clock::Clock;
use caudal_engine::disk::Disk;
use caudal_engine::setup::{Setup, SourceSetup};
use caudal_engine::source::{
    Block, BlockKind, BlockReader, FileClaim, FileProgress, FileStat, Find, FoundFile, Scan, Source, Standing,
};
use caudal_mediation::assemble::{OnGap, Rule};
use caudal_mediation::filter::BillableRules;
use caudal_mediation::guide::{ReferenceBuilder, SubscriptionRow};
use caudal_mediation::normalise::{RepeatedHour, SourceRules};
use caudal_mediation::numbers::NumberRules;
use caudal_runtime::peek::Peeked;
use caudal_runtime::{EpochBound, Layout, Options, Report, Until, Watcher, World, peek};
use caudal_store::SharedDisk;
use caudal_store::faulty::{MemDisk, Unsynced};
use caudal_tariff::{SourceFile, compile};
use caudal_usage::{
    Account, Code, Currency, CycleAnchor, Digits, KeySecret, Run, Stream, TimeZone, Timestamp, Validity,
};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

const PLAN: &str = r#"
id = "p"
name = "P"
currency = "EUR"
valid_from = 2000-01-01
[[allowance]]
id = "minutes"
quantity = "10 min"
applies_to = { service = "voice" }
[[rate]]
id = "voice"
applies_to = { service = "voice" }
price = "0.10 per 60 s"
"#;

const HEADER: &str = "call;seq;last;start;dur;a;b\n";

/// Records of a block: few, so that a short file has several.
const BLOCK_RECORDS: usize = 3;

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Files by source and name.
type Files = BTreeMap<(&'static str, &'static str), String>;

/// The world outside: files to find, and which of them a source was told are done.
#[derive(Clone, Default)]
struct Outside {
    files: Arc<Mutex<Files>>,
    finished: Arc<Mutex<Vec<(&'static str, String)>>>,
}

struct MemSource {
    name: &'static str,
    outside: Outside,
}

struct MemReader {
    content: Vec<u8>,
    at: Option<FileProgress>,
}

impl Source for MemSource {
    fn scan(&mut self, scan: &Scan<'_>) -> anyhow::Result<Vec<Find>> {
        let files = self.outside.files.lock().unwrap();
        let found = files.iter().filter(|((source, _), _)| *source == self.name);
        let found = found.filter_map(|((_, name), content)| {
            let (size, inode) = (content.len() as u64, hash(name));
            let stat = FileStat { name: name.as_bytes(), size, inode, mtime_ns: 0 };
            let file = FoundFile {
                source: 0,
                name: stat.name.to_vec(),
                size,
                inode,
                mtime_ns: 0,
                head_hash: hash(content),
            };
            let continues = match (scan.standing)(&stat) {
                Standing::Known => return None,
                Standing::New => None,
                Standing::Written { ordinal, end } => {
                    let read = content.as_bytes().get(..end.octets as usize)?;
                    (hash(read) == end.content_hash).then_some(ordinal)
                }
            };
            Some(Find { file, continues })
        });
        Ok(found.take(scan.limit).collect())
    }

    fn open(&self, claim: &FileClaim, from: FileProgress) -> anyhow::Result<Box<dyn BlockReader>> {
        let files = self.outside.files.lock().unwrap();
        let name = |name: &str| name.as_bytes() == claim.found.name;
        let file = files.iter().find(|((source, file), _)| *source == self.name && name(file));
        let content = file.map(|(_, content)| content.as_bytes()).unwrap();
        let content = content[..claim.found.size as usize].to_vec();
        Ok(Box::new(MemReader { content, at: Some(from) }))
    }

    fn finish(&self, claim: &FileClaim) -> anyhow::Result<()> {
        let name = String::from_utf8(claim.found.name.clone()).unwrap();
        self.outside.finished.lock().unwrap().push((self.name, name));
        Ok(())
    }
}

impl BlockReader for MemReader {
    /// Lines; what follows the last line end is a damaged remainder.
    fn next_block(&mut self) -> anyhow::Result<Option<Block>> {
        let Some(start) = self.at else { return Ok(None) };
        let left = &self.content[start.offset as usize..];
        let lines: Vec<_> = left.split_inclusive(|octet| *octet == b'\n').take(BLOCK_RECORDS).collect();
        let whole = lines.iter().filter(|line| line.ends_with(b"\n")).count();
        let kind = match whole {
            0 if !left.is_empty() => BlockKind::Damage { code: Code::Truncated, len: left.len() as u64 },
            _ => BlockKind::Records,
        };
        let taken = if whole == 0 { lines.len() } else { whole };
        let bytes = lines[..taken].concat();
        let end = start.offset as usize + bytes.len();
        let records = start.records + taken as u32;
        let next = FileProgress { offset: end as u64, records, prefix_hash: hash(&self.content[..end]) };
        let last = end == self.content.len();
        self.at = (!last).then_some(next);
        Ok(Some(Block { kind, start, next, last, bytes }))
    }

    fn head(&self) -> &[u8] {
        &self.content
    }
}

struct FixedClock;

impl Clock for FixedClock {
    fn now_ms(&self) -> i64 {
        Timestamp::parse_rfc3339("2027-01-01T00:00:00Z").unwrap().utc_ms
    }
}

struct Nobody;

impl Watcher for Nobody {
    fn claimed(&mut self, _: u64, _: u64) {}
    fn committed(&mut self, _: &Report) {}
}

fn format() -> Format {
    let field =
        |to: &str, from: &str, kind| FieldSpec { to: to.into(), from: from.into(), kind, optional: false };
    let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let spec = DelimitedSpec {
        separator: b';',
        quote: None,
        columns: ColumnSource::Header,
        fields: vec![
            field("start", "start", FieldType::Time { format: "%Y%m%d%H%M%S".into() }),
            field("duration", "dur", FieldType::Duration { unit: "s".into() }),
            field("calling", "a", FieldType::Number),
            field("called", "b", FieldType::Number),
        ],
        constants: Constants::default(),
        key: strings(&["call", "seq"]),
        billed: strings(&["start", "duration"]),
        partial: Some(PartialSpec {
            session: strings(&["call"]),
            sequence: "seq".into(),
            last: vec![When { column: "last".into(), values: strings(&["1"]) }],
        }),
        filters: Vec::new(),
        day: None,
        node: None,
    };
    Format::Delimited(spec.build().unwrap())
}

/// Source `rates` rates sessions with a gap, the others suspend them.
fn source(index: u16, name: &str) -> SourceSetup {
    let format = format();
    let rules = SourceRules {
        source: index,
        zone: TimeZone::UTC,
        repeated_hour: RepeatedHour::default(),
        numbers: NumberRules::default(),
        future_ms: 3_600_000,
        key_rule: format.key_rule().name.clone(),
    };
    let on_gap = if name == "rates" { OnGap::Rate } else { OnGap::Suspend };
    let assembly = Some(Rule { first_sequence: 1, longest_hold_ms: 3_600_000, on_gap });
    let framing = format.framing();
    SourceSetup { name: name.into(), format, framing, rules, assembly }
}

fn setup(names: &[&str], shards: usize) -> Setup {
    let plan = SourceFile { path: "plans/p.toml".into(), bytes: PLAN.into() };
    let (tariff, findings) = compile(&caudal_tariff::Sources { plans: vec![plan], ..Default::default() });
    let tariff = tariff.unwrap_or_else(|| panic!("{findings:?}"));
    let mut builder = ReferenceBuilder::new("accounts.csv", "subscriptions.csv");
    // The fifth pays for what the first two use, in the wholesale run.
    for n in 1..=5u32 {
        let account = Account {
            id: format!("A-{n}").into(),
            currency: Currency::parse("EUR").unwrap(),
            time_zone: TimeZone::UTC,
            anchor: CycleAnchor(1),
            validity: Validity::ALWAYS,
        };
        builder.account(account, n);
        let number = if n <= 4 { format!("3460000000{n}") } else { String::new() };
        let row = SubscriptionRow {
            id: &format!("S-{n}"),
            account: &format!("A-{n}"),
            plan: 0,
            msisdn: Digits::parse(number.as_bytes()).unwrap(),
            imsi: Digits::default(),
            group: "",
            payers: [if n <= 2 { "S-5" } else { "" }, ""],
            validity: Validity::ALWAYS,
        };
        builder.subscription(row, n);
    }
    let secret = KeySecret([7; 16]);
    let mut reference = builder.build().unwrap();
    reference.assign_slots(&secret);
    Setup {
        sources: names.iter().zip(0..).map(|(name, index)| source(index, name)).collect(),
        reference,
        tariff,
        billable: BillableRules::default(),
        secret,
        shards,
        generation: "g".into(),
    }
}

/// How a pipeline is run.
#[derive(Clone, Copy, Debug)]
struct How {
    shards: usize,
    /// Records of an epoch.
    records: u32,
    /// Commits after which the machine crashes, again and again, until the input is exhausted.
    commits: Option<u64>,
    memory_bytes: u64,
}

const STRAIGHT: How = How { shards: 1, records: 10_000, commits: None, memory_bytes: 64 << 20 };

/// A pipeline: its disk, and the world outside.
#[derive(Default)]
struct Bench {
    disk: MemDisk,
    outside: Outside,
}

impl Bench {
    fn start(&self, names: &[&'static str], how: How, until: Until) -> anyhow::Result<Report> {
        let source = |name: &&'static str| -> Mutex<Box<dyn Source>> {
            Mutex::new(Box::new(MemSource { name, outside: self.outside.clone() }))
        };
        let world = World {
            disk: Arc::new(self.disk.clone()),
            clock: &FixedClock,
            sources: Arc::new(names.iter().map(source).collect()),
            stop: &AtomicBool::new(false),
            broker: None,
            watcher: &mut Nobody,
        };
        let options = Options {
            state: "state".into(),
            out: "out".into(),
            until,
            bound: EpochBound { records: how.records, bytes: 1 << 20 },
            layout: Layout { threads: how.shards, memory_bytes: how.memory_bytes },
            window_days: 90,
        };
        caudal_runtime::run(&setup(names, how.shards), world, &options)
    }

    /// Runs to the end of the input, with the crashes that `how` says.
    fn exhaust(&self, names: &[&'static str], how: How) {
        if let Some(commits) = how.commits {
            while self.start(names, how, Until::Commits(commits)).unwrap().epochs == commits {
                self.disk.crash(Unsynced::Lost);
            }
            self.disk.crash(Unsynced::Torn(5));
        }
        self.start(names, how, Until::Exhausted).unwrap();
    }

    /// The lines of every stream, sorted.
    fn lines(&self) -> BTreeMap<Stream, Vec<String>> {
        let read = |stream: Stream| {
            let folder = Path::new("out").join(stream.as_str());
            let names = self.disk.list(&folder).unwrap();
            let files = names
                .iter()
                .map(|name| String::from_utf8(self.disk.read(&folder.join(name)).unwrap()).unwrap());
            let mut lines: Vec<_> =
                files.flat_map(|file| file.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
            lines.sort();
            (stream, lines)
        };
        Stream::ALL.into_iter().map(read).collect()
    }

    /// Appends to files.
    fn grow(&self, files: &[(&'static str, &'static str, String)]) {
        let mut outside = self.outside.files.lock().unwrap();
        for (source, name, more) in files {
            outside.get_mut(&(*source, *name)).unwrap().push_str(more);
        }
    }

    fn peek(&self) -> Peeked {
        let disk: SharedDisk = Arc::new(self.disk.clone());
        peek::ledger(&disk, Path::new("state")).unwrap()
    }

    fn add(&self, files: &[(&'static str, &'static str, String)]) {
        let files = files.iter().map(|(source, name, content)| ((*source, *name), content.clone()));
        self.outside.files.lock().unwrap().extend(files);
    }
}

/// One record: a call with its sequence number (0: none) and whether it is the last; minutes after midnight, seconds, caller.
fn record((call, sequence, last): (u32, u32, bool), minute: u32, seconds: u32, caller: u32) -> String {
    let sequence = if sequence == 0 { String::new() } else { sequence.to_string() };
    let (hour, minute) = (minute / 60, minute % 60);
    format!(
        "c{call};{sequence};{};20261001{hour:02}{minute:02}00;{seconds};+3460000000{caller};+34911234567\n",
        u8::from(last)
    )
}

/// Files with whole calls, partial ones over two files and two sources, duplicates, conflicts, strangers, nothing, a
/// header only, a damaged remainder. All end before noon.
fn first() -> Vec<(&'static str, &'static str, String)> {
    let calls = |from: u32, to: u32| {
        (from..to).map(|n| record((n, 0, true), n % 600, 40 + n, n % 5 + 1)).collect::<String>()
    };
    let begun = (0..4).map(|n| record((1000 + n, 1, false), 500 + n, 60, n + 1)).collect::<String>();
    let ended = (0..2).map(|n| record((1000 + n, 2, true), 510 + n, 60, n + 1)).collect::<String>();
    let conflict = record((3, 0, true), 3, 999, 4);
    vec![
        ("holds", "1.csv", format!("{HEADER}{}{begun}", calls(0, 40))),
        ("holds", "2.csv", String::new()),
        ("holds", "3.csv", format!("{HEADER}{}{}c9;;1;2026", calls(40, 45), calls(2, 7))),
        ("rates", "1.csv", format!("{HEADER}{}{conflict}", calls(45, 90))),
        ("rates", "2.csv", HEADER.to_owned()),
        ("rates", "3.csv", format!("{HEADER}{ended}{}", calls(60, 64))),
        ("rates", "4.csv", format!("{HEADER}{}", record((2000, 1, false), 540, 60, 1))),
    ]
}

/// Files that meet all that the first left: closed sessions, open ones, claims, balances; and late hours, which release
/// what waits.
fn second() -> Vec<(&'static str, &'static str, String)> {
    let again = (0..90).map(|n| record((n, 0, true), n % 600, 40 + n, n % 5 + 1)).collect::<String>();
    let late = record((1000, 3, true), 511, 60, 1);
    let ends = record((1002, 2, true), 512, 60, 3);
    let evening = (0..4).map(|n| record((3000 + n, 0, true), 1200 + n, 600, n + 1)).collect::<String>();
    vec![
        ("holds", "4.csv", format!("{HEADER}{again}{late}{ends}{evening}")),
        ("rates", "5.csv", format!("{HEADER}{}", evening.replace('c', "d"))),
    ]
}

fn through(how: How) -> Bench {
    let bench = Bench::default();
    for batch in [first(), second()] {
        bench.add(&batch);
        bench.exhaust(&["holds", "rates"], how);
    }
    bench
}

#[test]
fn cut_crashed_and_recovered_it_ends_as_if_it_had_never_stopped() {
    let straight = through(STRAIGHT);
    let (lines, peeked) = (straight.lines(), straight.peek());
    let total = peeked.ledger.total();
    assert!(total.balances());
    let wholesale = peeked.ledger.runs[&Run::Wholesale];
    assert!(wholesale.balances() && wholesale.rated > 0 && wholesale.usages < total.entered);
    assert!(
        total.rated > 80 && total.merged == 2 + 1 && total.duplicate > 90 && total.held == 0,
        "{total:?}"
    );
    for code in [Code::Truncated, Code::KeyConflict, Code::NoSubscription, Code::LatePartial, Code::Gap] {
        assert!(total.codes[code as usize] > 0, "{code}");
    }
    for how in [
        How { shards: 3, ..STRAIGHT },
        How { records: 7, ..STRAIGHT },
        How { records: 1, shards: 2, ..STRAIGHT },
        How { commits: Some(1), records: 10, ..STRAIGHT },
        How { commits: Some(2), records: 4, shards: 5, ..STRAIGHT },
        How { commits: Some(3), records: 5, shards: 2, memory_bytes: 1 << 14 },
    ] {
        let bench = through(how);
        assert_eq!(bench.lines(), lines, "{how:?}");
        let found = bench.peek();
        assert_eq!(found.ledger.runs, peeked.ledger.runs, "{how:?}");
        assert_eq!(found.ledger.books, peeked.ledger.books, "{how:?}");
        assert_eq!(found.ledger.cursor, peeked.ledger.cursor, "{how:?}");
        assert_eq!(found.ledger.files, peeked.ledger.files, "{how:?}");
    }
    let snapshots = through(How { commits: Some(3), records: 5, shards: 2, memory_bytes: 1 << 14 });
    assert!(!snapshots.disk.list(Path::new("state/snapshots")).unwrap().is_empty());
}

/// What the state says of a file is read back without the index of its source, which the pipeline may have changed.
#[test]
fn a_file_that_ends_after_a_restart_is_released_by_its_own_source() {
    let how = How { records: 4, ..STRAIGHT };
    for commits in 1..12 {
        let bench = Bench::default();
        bench.add(&first());
        bench.start(&["holds", "rates"], how, Until::Commits(commits)).unwrap();
        bench.disk.crash(Unsynced::Lost);
        bench.start(&["before", "holds", "rates"], how, Until::Exhausted).unwrap();
        let mut finished = bench.outside.finished.lock().unwrap().clone();
        finished.sort();
        finished.dedup();
        let expected: Vec<_> =
            first().iter().map(|(source, name, _)| (*source, (*name).to_owned())).collect();
        assert_eq!(finished, expected, "{commits}");
    }
}

#[test]
fn a_source_with_unread_files_cannot_leave_the_pipeline() {
    let bench = Bench::default();
    bench.add(&first());
    let how = How { records: 10, ..STRAIGHT };
    bench.start(&["holds", "rates"], how, Until::Commits(2)).unwrap();
    bench.disk.crash(Unsynced::Lost);
    let before = bench.peek().ledger;
    let error = bench.start(&["holds", "renamed"], how, Until::Exhausted).unwrap_err().to_string();
    assert!(
        error.contains("4 files") && error.contains("rates/1.csv") && error.contains("source rates"),
        "{error}"
    );
    assert_eq!(bench.peek().ledger, before);
    bench.start(&["holds", "rates"], how, Until::Exhausted).unwrap();
    let straight = Bench::default();
    straight.add(&first());
    straight.exhaust(&["holds", "rates"], STRAIGHT);
    assert_eq!(bench.lines(), straight.lines());
    // All of it is read: now it may go.
    bench.disk.crash(Unsynced::Lost);
    bench.start(&["holds"], how, Until::Exhausted).unwrap();
}

/// A session waits for a missing record while another source takes its source's index: its own rule still decides.
#[test]
fn what_waits_follows_the_rule_of_its_own_source_when_others_come() {
    for memory_bytes in [STRAIGHT.memory_bytes, 1 << 14] {
        let how = How { memory_bytes, records: 4, ..STRAIGHT };
        let bench = Bench::default();
        bench.add(&first());
        bench.exhaust(&["holds", "rates"], how);
        assert_eq!(bench.peek().ledger.total().held, 3);
        bench.add(&second());
        bench.disk.crash(Unsynced::Lost);
        bench.start(&["holds", "new", "rates"], how, Until::Exhausted).unwrap();
        let straight = through(STRAIGHT).lines();
        assert_eq!(bench.lines()[&Stream::Rated], straight[&Stream::Rated]);
        assert!(straight[&Stream::Rated].iter().any(|line| line.contains("rates/4.csv")));
    }
}

/// Growth of files that had ended: of the first source's first file twice, and of an empty one, with new files beside.
fn growths() -> [Vec<(&'static str, &'static str, String)>; 2] {
    let calls = |from: u32, to: u32| {
        (from..to).map(|n| record((n, 0, true), 600 + n % 60, 40, n % 4 + 1)).collect::<String>()
    };
    let ended = record((1003, 2, true), 513, 60, 4);
    [
        vec![
            ("holds", "1.csv", format!("{}{ended}", calls(5000, 5020))),
            ("holds", "2.csv", format!("{HEADER}{}", calls(5020, 5025))),
            ("rates", "2.csv", calls(5025, 5030)),
        ],
        vec![("holds", "1.csv", calls(5030, 5050))],
    ]
}

fn grown(how: How) -> Bench {
    let bench = Bench::default();
    let [once, twice] = growths();
    bench.add(&first());
    bench.exhaust(&["holds", "rates"], how);
    bench.grow(&once);
    bench.add(&[("holds", "0.csv", format!("{HEADER}{}", record((6000, 0, true), 700, 60, 1)))]);
    bench.exhaust(&["holds", "rates"], how);
    bench.grow(&twice);
    bench.exhaust(&["holds", "rates"], how);
    bench
}

/// What is appended to a file that had ended is read once, as records of that file, wherever the machine crashed.
#[test]
fn a_file_that_grew_after_its_end_goes_on_as_the_same_file() {
    let straight = grown(STRAIGHT);
    let (lines, peeked) = (straight.lines(), straight.peek());
    let whole = Bench::default();
    whole.add(&first());
    whole.exhaust(&["holds", "rates"], STRAIGHT);
    let before = whole.peek().ledger.total();
    let total = peeked.ledger.total();
    assert!(total.balances());
    assert_eq!(total.duplicate, before.duplicate, "old records are not presented again");
    assert_eq!((total.replayed, peeked.ledger.files.len()), (0, first().len() + 1));
    // 50 calls, one of another file, and a session that waited for its end.
    assert_eq!(total.entered, before.entered + 50 + 1 + 1);
    let file = peeked.ledger.named("holds", b"1.csv").next().unwrap();
    assert_eq!(file.ends(), 3);
    let book = peeked.ledger.book(file.claim.ordinal);
    assert_eq!((book.entered, file.finished.map(|end| end.framed)), (44 + 21 + 20, Some(86)));
    let audit = &lines[&Stream::Audit];
    let ends: Vec<_> = audit.iter().filter(|line| line.contains("holds/1.csv")).collect();
    assert_eq!(ends.len(), 3);
    assert_eq!(ends.iter().filter(|line| line.contains("\"grown_from\"")).count(), 2);
    let last = |record: u32| format!("\"records\":[{record}]");
    assert!(
        lines[&Stream::Rated].iter().any(|line| line.contains("holds/1.csv") && line.contains(&last(85)))
    );
    for how in [
        How { shards: 3, ..STRAIGHT },
        How { records: 1, shards: 2, ..STRAIGHT },
        How { commits: Some(1), records: 10, ..STRAIGHT },
        How { commits: Some(1), records: 3, ..STRAIGHT },
        How { commits: Some(2), records: 4, shards: 5, ..STRAIGHT },
        How { commits: Some(3), records: 5, shards: 2, memory_bytes: 1 << 14 },
    ] {
        let bench = grown(how);
        assert_eq!(bench.lines(), lines, "{how:?}");
        let found = bench.peek();
        assert_eq!(found.ledger.books, peeked.ledger.books, "{how:?}");
        assert_eq!(found.ledger.files, peeked.ledger.files, "{how:?}");
    }
}
