//! Kill ring: the binary is killed at every step of its work, started again, and its output must be that of an undisturbed run.
//! Relies on fail points that abort, which ends a process as `kill -9` does, and on SIGKILL from outside at any moment.
//! Never counts a kill that did not happen, nor one as *uncommitted* whose epoch may have been committed.

// What tests share fails as they do.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Lines, Place, caudal, copy, edit, files, finish, root, same, start};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

/// Kills, and kills of an epoch that was begun and not committed, at the least.
const KILLS: usize = 50;
const UNCOMMITTED_KILLS: usize = 40;

/// Points before the commit's one atomic act, where an epoch was begun and is not committed. The stages fire at any
/// record, the others once an epoch or once a piece.
const STAGES: [&str; 9] =
    ["frame", "intake", "dedup", "filter", "assemble", "guide", "exchange", "rate", "encode"];
const BEFORE: [&str; 8] = [
    "epoch.parsed",
    "epoch.stepped",
    "epoch.drawn",
    "commit.prepare.before",
    "commit.prepare.write",
    "commit.prepare.sync",
    "commit.prepare.after",
    "commit.log.before",
];

/// Points where the epoch may have been committed, or has been.
const AFTER: [&str; 4] =
    ["commit.log.sync", "commit.log.after", "commit.finish.outputs", "commit.finish.source"];

/// Points of a start that recovers.
const RECOVERY: [&str; 3] = ["recover.line", "recover.outputs", "recover.sources"];

/// Points of a snapshot, in their order.
const SNAPSHOT: [&str; 5] =
    ["snapshot.before", "snapshot.spilled", "snapshot.written", "snapshot.named", "snapshot.dropped"];

/// What ends one run of a life.
#[derive(Clone, Debug)]
enum Death {
    /// The fail point, at its so-many-th hit.
    At(&'static str, usize),
    /// SIGKILL from outside, so long after the start, if it still runs.
    After(Duration),
}

/// One life: the runs of a pipeline in one place, each killed, and a last one that is not.
struct Life<'s> {
    subject: &'s Subject,
    deaths: Vec<Death>,
}

/// What a pipeline does with files that are done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum After {
    Keep,
    Archive,
    Delete,
}

/// A pipeline, its layout while it is killed, and the output of its undisturbed run.
struct Subject {
    pipeline: PathBuf,
    options: &'static str,
    after: After,
    expected: Lines,
}

impl Subject {
    fn new(pipeline: PathBuf, options: &'static str) -> Self {
        let place = Place::new();
        place.run(&pipeline, "--threads 1 --shards 1");
        let expected = place.lines();
        assert!(expected["rated"].len() > 1000, "{}", pipeline.display());
        Self { pipeline, options, after: After::Keep, expected }
    }

    /// The same, with files that are moved or removed when they are done.
    fn then(&self, after: After) -> Self {
        Self { pipeline: self.pipeline.clone(), after, expected: self.expected.clone(), ..*self }
    }

    /// The pipeline for one life. One that takes its files away has its own.
    fn pipeline(&self, place: &Place) -> PathBuf {
        let after = match self.after {
            After::Keep => return self.pipeline.clone(),
            After::Archive => "after = \"archive\"\narchive = \"../archive\"",
            After::Delete => "after = \"delete\"",
        };
        copy(self.pipeline.parent().unwrap(), &place.path("own"));
        let own = place.path("own/pipeline");
        edit(&own.join("pipeline.toml"), "after = \"keep\"", after);
        own
    }

    /// When all is done, every file is where it belongs.
    fn check_input(&self, place: &Place) {
        if self.after != After::Keep {
            let all = files(&self.pipeline.parent().unwrap().join("input")).len();
            let archived = if self.after == After::Archive { all } else { 0 };
            let left = [files(&place.path("own/input")).len(), files(&place.path("own/archive")).len()];
            assert_eq!(left, [0, archived], "{:?}", self.after);
        }
    }
}

impl Life<'_> {
    /// Lives it. Returns the fail points that killed, and how many kills came from outside.
    fn live(&self) -> (Vec<&'static str>, usize) {
        let Subject { options, expected, .. } = self.subject;
        let place = Place::new();
        let pipeline = &self.subject.pipeline(&place);
        let (mut points, mut outside) = (Vec::new(), 0);
        for death in &self.deaths {
            match *death {
                Death::At(point, hit) => {
                    let ended = place.run_failing(pipeline, options, &format!("{point}=kill@{hit}"));
                    assert!(ended.killed(), "{death:?} of {:?}: {ended:?}", self.deaths);
                    points.push(point);
                }
                Death::After(time) => {
                    let mut run = start(place.command(pipeline, options));
                    std::thread::sleep(time);
                    run.kill();
                    outside += usize::from(run.wait().killed());
                }
            }
        }
        place.run(pipeline, options);
        same(&place.lines(), expected, &format!("{:?}", self.deaths));
        place.audit();
        self.subject.check_input(&place);
        (points, outside)
    }
}

/// Lives that die in the middle of an epoch, after a commit and in a recovery, in varied order and at varied hits.
fn lives_of_points(subject: &Subject, turn: usize) -> Vec<Life<'_>> {
    let life = |index: usize| {
        let at = index * 2 + turn;
        let stage = Death::At(STAGES[at % STAGES.len()], 1 + at * 37 % 200);
        let before = Death::At(BEFORE[at % BEFORE.len()], 1 + at % 3);
        let after = Death::At(AFTER[at % AFTER.len()], 1 + at % 2);
        let recovery = Death::At(RECOVERY[at % RECOVERY.len()], 1);
        let again = Death::At(STAGES[(at + 3) % STAGES.len()], 1 + at * 53 % 150);
        let mut deaths = vec![stage, before, after, recovery, again];
        deaths.rotate_left(at % 3);
        Life { subject, deaths }
    };
    (0..8).map(life).collect()
}

/// Lives that are ended from outside, ever later.
fn lives_of_signals(subject: &Subject) -> Vec<Life<'_>> {
    let life = |index: u64| {
        let deaths =
            (0..6).map(|run| Death::After(Duration::from_millis(5 + 17 * run + 3 * index))).collect();
        Life { subject, deaths }
    };
    (0..3).map(life).collect()
}

/// Lives that end in snapshots: with so little memory for claims, there are several.
fn lives_of_snapshots(subject: &Subject) -> Vec<Life<'_>> {
    let chain = SNAPSHOT.map(|point| Death::At(point, 1)).to_vec();
    let mut recovered = chain.clone();
    recovered.insert(4, Death::At("recover.line", 1));
    recovered.push(Death::At("rate", 900));
    vec![Life { subject, deaths: chain }, Life { subject, deaths: recovered }]
}

/// Lives that die around the end of each file, which the source is told of after the commit.
fn lives_of_files(subject: &Subject) -> Vec<Life<'_>> {
    let deaths = |hits: [usize; 3]| {
        let points =
            ["commit.finish.source", "commit.finish.outputs", "commit.log.after", "commit.prepare.after"];
        let mut deaths: Vec<_> = hits.iter().map(|&hit| Death::At("commit.finish.source", hit)).collect();
        deaths.extend(points.map(|point| Death::At(point, 1)));
        deaths.insert(2, Death::At("recover.sources", 1));
        deaths
    };
    [[1, 1, 1], [2, 1, 2]].map(|hits| Life { subject, deaths: deaths(hits) }).into()
}

/// A generated set of so many records.
fn generated(records: &str, place: &Place) -> PathBuf {
    let mut command = caudal();
    command.args(["generate", "delimited", "--records", records, "--seed", "11", "--subscriptions", "60"]);
    command.args(["--prefixes", "100", "--duplicates", "4%", "--damaged", "1%", "--out"]);
    command.arg(place.path("set"));
    finish(command).expect(0, "generate");
    place.path("set/pipeline")
}

/// Lives every life, some at a time. Returns the kills by point, and those from outside.
fn live_all(lives: Vec<Life<'_>>) -> (BTreeMap<&'static str, usize>, usize) {
    let lives = Mutex::new(lives.into_iter());
    let sum = Mutex::new((BTreeMap::new(), 0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(life) = { lives.lock().unwrap().next() } {
                    let (points, outside) = life.live();
                    let mut sum = sum.lock().unwrap();
                    points.iter().for_each(|point| *sum.0.entry(*point).or_default() += 1);
                    sum.1 += outside;
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

#[test]
fn killed_anywhere_the_output_is_that_of_an_undisturbed_run() {
    let (small, large) = (Place::new(), Place::new());
    let little_memory = generated("30000", &large);
    edit(
        &little_memory.join("pipeline.toml"),
        "window = \"90 days\"",
        "window = \"90 days\", memory = \"1 MiB\"",
    );
    let subjects = [
        Subject::new(root().join("pipelines/quickstart"), "--threads 2 --shards 3 --epoch-records 40"),
        Subject::new(generated("3000", &small), "--threads 2 --shards 8 --epoch-records 100"),
        Subject::new(little_memory, "--threads 2 --shards 2 --epoch-records 1000"),
    ];
    let [quickstart, set, long] = &subjects;
    let (archived, deleted) = (set.then(After::Archive), set.then(After::Delete));
    let mut lives = lives_of_snapshots(long);
    lives.extend(lives_of_points(quickstart, 0));
    lives.extend(lives_of_points(set, 1));
    lives.extend(lives_of_files(&archived));
    lives.extend(lives_of_files(&deleted));
    lives.extend(lives_of_signals(set));
    let (points, outside) = live_all(lives);

    let kills = points.values().sum::<usize>() + outside;
    let uncommitted = |point: &&str| STAGES.contains(point) || BEFORE.contains(point);
    let of_uncommitted: usize =
        points.iter().filter(|(point, _)| uncommitted(point)).map(|(_, kills)| kills).sum();
    for point in STAGES.iter().chain(&BEFORE).chain(&AFTER).chain(&RECOVERY).chain(&SNAPSHOT) {
        assert!(points.contains_key(point), "nothing was killed at {point}");
    }
    println!("kills: {kills}, {of_uncommitted} of an uncommitted epoch, {outside} from outside: {points:?}");
    assert!(kills >= KILLS && of_uncommitted >= UNCOMMITTED_KILLS);
    println!("cases: {kills}");
}
