//! Ring *broker*, the product: events over a real Kafka are those of the files, each once, whatever is killed when.
//! Relies on `caudal-broker` for the broker, and on runs without Kafka for what is to be expected.
//! Never counts what only a reader of uncommitted data sees.

// What tests share fails as they do.
#![allow(clippy::unwrap_used)]

mod common;

#[path = "broker/raw.rs"]
mod raw;

use caudal_broker::{Broker, Reading, Received, read_topic, shared};
use common::{Ended, Lines, Place, caudal, copy, edit, finish, root, start};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// A pipeline with topics of its own, and what it gives without Kafka.
struct Line {
    place: Place,
    bootstrap: String,
    /// Name of the pipeline: its topics begin so.
    name: String,
    expected: Lines,
}

impl Line {
    /// The pipeline in `folder`, under another name, with its events in topics of `bootstrap`.
    fn new(folder: &std::path::Path, name: &str, bootstrap: String) -> Self {
        let plain = Place::new();
        plain.run(&folder.join("pipeline"), "--threads 1 --shards 1");
        let expected = plain.lines();
        let place = Place::new();
        copy(folder, &place.path("set"));
        let file = place.path("set/pipeline/pipeline.toml");
        let text = fs::read_to_string(&file).unwrap();
        let own = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
        let kafka = format!("kafka = {{ brokers = \"{bootstrap}\", create_topics = true, partitions = 3 }}");
        let text = text.replacen(&own("name ="), &format!("name = \"{name}\""), 1);
        fs::write(&file, text.replacen(&own("output ="), &kafka, 1)).unwrap();
        Self { place, bootstrap, name: name.into(), expected }
    }

    fn pipeline(&self) -> PathBuf {
        self.place.path("set/pipeline")
    }

    /// `caudal run` until the input is exhausted, with the state in a folder of that name.
    fn command(&self, state: &str, options: &str) -> Command {
        let mut command = caudal();
        command.arg("run").arg(self.pipeline()).arg("--json").args(options.split_whitespace());
        command.arg("--state").arg(self.place.path(state));
        command
    }

    fn run(&self, state: &str) -> Ended {
        finish(self.command(state, "--once")).expect(0, &self.name)
    }

    fn topic(&self, stream: &str) -> Vec<Received> {
        read_topic(&self.bootstrap, &format!("{}.{stream}", self.name), Reading::Committed).unwrap()
    }

    /// Every committed message of every stream against the lines of the files.
    fn check(&self, what: &str) {
        for stream in ["rated", "duplicates", "audit", "alerts"] {
            let mut found: Vec<_> = self.topic(stream).iter().map(Received::text).collect();
            found.sort_unstable();
            let expected = &self.expected[stream];
            let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
            assert!(
                &found == expected,
                "{what}: {stream} has {} messages, expected {}; the first that differ:\n{differs:#?}",
                found.len(),
                expected.len()
            );
        }
        assert_eq!(
            suspended_messages(&self.topic("suspense")),
            suspended_lines(&self.expected["suspense"]),
            "{what}"
        );
    }
}

/// What both forms of a suspended record tell: where it stands, why, and its octets.
type Suspended = BTreeMap<(String, u64), (String, Vec<u8>)>;

fn suspended_messages(messages: &[Received]) -> Suspended {
    let one = |message: &Received| {
        let header = |name: &str| message.header(name).unwrap();
        let at = (header("caudal_file"), header("caudal_record").parse().unwrap());
        (at, (header("caudal_code"), message.value.clone().unwrap_or_default()))
    };
    let all: Suspended = messages.iter().map(one).collect();
    assert_eq!(all.len(), messages.len(), "a record is suspended twice");
    all
}

fn suspended_lines(lines: &[String]) -> Suspended {
    let one = |line: &String| {
        let line: Value = serde_json::from_str(line).unwrap();
        let at = (line["file"].as_str().unwrap().to_owned(), line["record"].as_u64().unwrap());
        let raw = line["raw"].as_str().map(|raw| raw.as_bytes().to_vec()).unwrap_or_default();
        (at, (line["code"].as_str().unwrap().to_owned(), raw))
    };
    lines.iter().map(one).collect()
}

/// A folder with the quickstart as `pipeline`, its sources by absolute paths.
fn quickstart(place: &Place) -> PathBuf {
    let folder = place.path("quickstart");
    copy(&root().join("pipelines/quickstart"), &folder.join("pipeline"));
    let samples = root().join("sample-cdrs");
    edit(&folder.join("pipeline/pipeline.toml"), "../../sample-cdrs", samples.to_str().unwrap());
    folder
}

/// A generated set of so many records.
fn generated(place: &Place, records: &str) -> PathBuf {
    let mut command = caudal();
    command.args(["generate", "delimited", "--records", records, "--seed", "7", "--subscriptions", "200"]);
    command.args(["--prefixes", "100", "--duplicates", "4%", "--damaged", "1%", "--out"]);
    command.arg(place.path("generated"));
    finish(command).expect(0, "generate");
    place.path("generated")
}

#[test]
fn events_over_kafka_are_those_of_the_files() {
    let Some(broker) = shared() else { return };
    let place = Place::new();
    let line = Line::new(&quickstart(&place), "same", broker.bootstrap());
    assert_eq!(line.run("state").number("rated"), 1087);
    line.check("first run");
    for message in line.topic("rated") {
        let event: Value = serde_json::from_str(&message.text()).unwrap();
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let headers = [
            ("ce_specversion", "1.0".to_owned()),
            ("ce_id", text("id")),
            ("ce_source", "/caudal/same".to_owned()),
            ("ce_type", "caudal.billable.v1".to_owned()),
            ("ce_time", text("end")),
            ("ce_subject", text("subscription")),
            ("ce_partitionkey", text("account")),
            ("content-type", "application/json".to_owned()),
        ];
        for (name, expected) in headers {
            assert_eq!(message.header(name), Some(expected), "{name}");
        }
        assert_eq!(message.key.as_deref(), Some(text("account").as_bytes()));
    }
    let first = line.topic("rated").first().and_then(|message| message.header("ce_id")).unwrap();
    for command in [vec!["explain", &first], vec!["audit"]] {
        let mut looking_back = caudal();
        looking_back.args(&command).arg("--state").arg(line.place.path("state"));
        finish(looking_back).expect(0, command[0]);
    }
    // Nothing new: nothing more is sent. A state that is lost comes back from the log topic.
    assert_eq!(line.run("state").number("records_in"), 0);
    assert_eq!(line.run("elsewhere").number("records_in"), 0);
    line.check("state lost");
    println!("cases: {}", line.expected.values().map(Vec::len).sum::<usize>());
}

#[test]
fn a_second_instance_takes_over_and_the_first_stops() {
    let Some(broker) = shared() else { return };
    let place = Place::new();
    let line = Line::new(&generated(&place, "2000"), "takeover", broker.bootstrap());
    let input = line.place.path("set/input");
    let mut files = common::files(&input);
    let late = files.pop().unwrap();
    let aside = line.place.path("late.csv");
    fs::rename(&late, &aside).unwrap();
    let mut first = start(line.command("first", ""));
    let began = Instant::now();
    while line.place.path("first/TOPICS").exists().then(|| line.topic("audit").len()) != Some(files.len()) {
        assert!(first.runs() && began.elapsed() < common::PATIENCE, "the first instance does not get on");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(line.run("second").number("records_in"), 0);
    // Only now is there something to commit for the first.
    fs::rename(&aside, &late).unwrap();
    let ended = first.wait();
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(ended.stderr.contains("another instance of this pipeline has taken over"), "{}", ended.stderr);
    line.run("second");
    line.check("taken over");
    println!("cases: 2");
}

#[test]
fn a_state_stays_where_it_began() {
    let Some(broker) = shared() else { return };
    let place = Place::new();
    let line = Line::new(&generated(&place, "500"), "stays", broker.bootstrap());
    line.run("state");
    let refuse = |command: Command, said: &str| {
        let ended = finish(command);
        assert_eq!(ended.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains(said), "expected {said:?}: {}", ended.stderr);
    };
    // The same pipeline, with its events in files.
    let plain = place.path("generated/pipeline");
    let text = fs::read_to_string(plain.join("pipeline.toml")).unwrap();
    let name = text.lines().find(|line| line.starts_with("name =")).unwrap();
    edit(&plain.join("pipeline.toml"), name, "name = \"stays\"");
    let files = |state: &str| {
        let mut command = caudal();
        command.arg("run").arg(&plain).args(["--once", "--state"]).arg(line.place.path(state));
        command.arg("--out").arg(line.place.path("out"));
        command
    };
    refuse(files("state"), "are in topic stays.log");
    finish(files("plain")).expect(0, "files");
    refuse(line.command("plain", "--once"), "a state stays where it began");
    println!("cases: 2");
}

#[test]
fn a_doubled_line_is_not_committed() {
    let Some(broker) = shared() else { return };
    let place = Place::new();
    let line = Line::new(&generated(&place, "500"), "books", broker.bootstrap());
    for fault in ["write=double", "write=lose", "rate=double@7", "encode=lose@9"] {
        let mut command = line.command("state", "--once --epoch-records 100");
        command.env("CAUDAL_FAIL", fault);
        let ended = finish(command);
        assert_eq!(ended.code(), Some(3), "{fault}: {ended:?}");
    }
    line.run("state");
    line.check("books");
    println!("cases: 4");
}

/// Points at which a run is killed, with the hit.
const POINTS: [(&str, usize); 12] = [
    ("commit.prepare.write", 4),
    ("commit.prepare.after", 2),
    ("commit.topics.sent", 3),
    ("commit.topics.drained", 2),
    ("commit.topics.committed", 2),
    ("commit.log.sync", 3),
    ("commit.log.after", 1),
    ("commit.finish.source", 1),
    ("recover.line", 1),
    ("recover.outputs", 1),
    ("rate", 700),
    ("commit.topics.committed", 1),
];

/// Times at which the broker is killed while a run goes on, from the start of the run.
const BROKER_KILLS_MS: [u64; 8] = [150, 300, 450, 600, 800, 1000, 1300, 1700];

#[test]
fn broker_and_pipeline_are_killed_twenty_times_and_each_event_is_there_once() {
    if shared().is_none() {
        return;
    }
    let place = Place::new();
    let mut broker = Broker::start(&place.path("kafka")).unwrap();
    let line = Line::new(&generated(&place, "40000"), "killed", broker.bootstrap());
    let options = "--threads 2 --shards 3 --epoch-records 400";
    let (mut kills, mut again) = (0, 0);
    for (turn, (point, hit)) in POINTS.into_iter().enumerate() {
        if turn % 4 == 3 {
            fs::remove_dir_all(line.place.path("state")).unwrap();
        }
        let mut command = line.command("state", &format!("--once {options}"));
        command.env("CAUDAL_FAIL", format!("{point}=kill@{hit}"));
        let ended = finish(command);
        assert!(ended.killed(), "{point}: {ended:?}");
        kills += 1;
        seen_once(&line.topic("rated"), point);
    }
    for after_ms in BROKER_KILLS_MS {
        // Few commits at a time, so that there is something left for the next kill.
        let mut run = start(line.command("state", &format!("--once {options} --commits 12")));
        std::thread::sleep(Duration::from_millis(after_ms));
        broker.kill().unwrap();
        if after_ms % 200 == 0 {
            run.kill();
        }
        kills += 1;
        broker.start_again().unwrap();
        let ended = run.wait();
        assert!(ended.killed() || ended.code() == Some(0), "{after_ms} ms: {ended:?}");
        again += ended.stderr.matches("beginning again").count();
        seen_once(&line.topic("rated"), &format!("broker killed after {after_ms} ms"));
    }
    line.run("state");
    line.check("all kills");
    let mut audit = caudal();
    audit.arg("audit").arg("--state").arg(line.place.path("state"));
    finish(audit).expect(0, "audit");
    println!("lines that began again after a doubtful commit: {again}");
    println!("cases: {kills}");
    assert_eq!(kills, 20);
}

/// Every event that a reader of committed data sees is there once.
fn seen_once(messages: &[Received], what: &str) {
    let mut ids: Vec<_> = messages.iter().filter_map(|message| message.header("ce_id")).collect();
    assert_eq!(ids.len(), messages.len(), "{what}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), messages.len(), "{what}: an event is there twice");
}
