//! Raw usage topics as sources: every committed message once, through kills, with the group's offsets beside.
//! Relies on a run over the same records in files for what is to be expected.
//! Never compares where records stood: a message stands elsewhere than a line of a file.

use super::common::{Place, caudal, files, finish};
use super::{Line, generated, suspended_messages};
use caudal_broker::{End, Feed, Topic, create_topics, delete_before, group_and_end, shared};
use caudal_cdr::framing::{self, Framing, ts32297};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Messages of one transaction.
const BATCH: usize = 70;

/// Points at which a run is killed, with the hit.
const POINTS: [(&str, usize); 7] = [
    ("commit.topics.sent", 1),
    ("commit.topics.committed", 2),
    ("commit.log.after", 1),
    ("epoch.parsed", 2),
    ("epoch.stepped", 2),
    ("commit.prepare.write", 2),
    ("recover.line", 1),
];

/// The lines of all files behind their headers, and the header.
fn lines(input: &Path) -> (String, Vec<String>) {
    let mut all = Vec::new();
    let mut header = String::new();
    for file in files(input) {
        let text = fs::read_to_string(file).unwrap();
        let mut lines = text.lines().filter(|line| !line.is_empty()).map(str::to_owned);
        header = lines.next().unwrap();
        all.extend(lines);
    }
    (header, all)
}

/// Every value as a text member; columns that are named `a_…` in an object of their own.
fn object(header: &str, line: &str) -> String {
    let mut members = Map::new();
    let mut party = Map::new();
    for (name, value) in header.split(';').zip(line.split(';')) {
        let into = if name.starts_with("a_") { &mut party } else { &mut members };
        into.insert(name.to_owned(), value.into());
    }
    members.insert("party".into(), party.into());
    Value::Object(members).to_string()
}

/// Changes lines of the pipeline by their beginnings; an empty text removes one.
fn change(folder: &Path, changes: &[(&str, String)]) {
    let file = folder.join("pipeline/pipeline.toml");
    let text = fs::read_to_string(&file).unwrap();
    let changed = text.lines().map(|line| {
        let change = changes.iter().find(|(start, _)| line.trim_start().starts_with(start));
        change.map_or_else(|| line.to_owned(), |(_, to)| to.clone())
    });
    fs::write(&file, changed.collect::<Vec<_>>().join("\n") + "\n").unwrap();
}

/// What identifies the events of lines.
fn ids(lines: &[String]) -> BTreeSet<String> {
    let id = |line: &String| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    let ids: BTreeSet<_> = lines.iter().map(id).collect();
    assert_eq!(ids.len(), lines.len(), "an event is there twice");
    ids
}

/// A message and where it goes.
struct Raw {
    partition: i32,
    value: Vec<u8>,
    /// A copy that would be billed as something else.
    other: Vec<u8>,
}

impl Raw {
    /// The line as a message, in a partition that all records of its call go to.
    fn new(line: &str, partitions: usize, value: String) -> Self {
        let call: usize = line.split(';').nth(1).unwrap_or_default().bytes().map(usize::from).sum();
        let other = value.replace("msc-", "bad-").into_bytes();
        Self { partition: i32::try_from(call % partitions).unwrap(), value: value.into_bytes(), other }
    }

    /// One record in BER; `mark` stands in what identifies it.
    fn binary(value: &[u8], mark: &[u8]) -> Self {
        let at = value.windows(mark.len()).position(|octets| octets == mark).unwrap() + mark.len();
        let mut other = value.to_vec();
        other[at] ^= 0x01;
        Self { partition: 0, value: value.to_vec(), other }
    }
}

/// The records of binary files, without what the container puts around each.
fn records(input: &Path, cut: Framing) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for file in files(input) {
        let content = fs::read(file).unwrap();
        for record in cut.records(framing::Place::FileStart, &content) {
            all.push(match cut {
                Framing::Ts32297 => ts32297::cdr(record.bytes).unwrap().1.to_vec(),
                Framing::Lines | Framing::Ber | Framing::Values => record.bytes.to_vec(),
            });
        }
    }
    all
}

/// Sends messages in transactions; before each a copy that is aborted and would be billed as something else.
fn send(feed: &Feed, messages: &[Raw]) {
    let mut partitions = BTreeMap::<i32, Vec<&Raw>>::new();
    messages.iter().for_each(|raw| partitions.entry(raw.partition).or_default().push(raw));
    for (partition, messages) in partitions {
        for batch in messages.chunks(BATCH) {
            let others = batch.iter().take(9).map(|raw| raw.other.as_slice());
            feed.transaction(partition, others, End::Abort).unwrap();
            let values = batch.iter().map(|raw| raw.value.as_slice());
            feed.transaction(partition, values, End::Commit).unwrap();
        }
    }
}

/// Reads `messages` from a topic, killed at every point, and compares with what the folder gives.
fn check(line: &Line, (topic, partitions): (&str, i32), messages: &[Raw]) {
    create_topics(&line.bootstrap, &[Topic::new(topic, partitions)]).unwrap();
    let feed = Feed::new(&line.bootstrap, topic).unwrap();
    let share = messages.len().div_ceil(POINTS.len());
    let mut kills = 0;
    for ((point, hit), messages) in POINTS.into_iter().zip(messages.chunks(share)) {
        send(&feed, messages);
        let mut command = line.command("state", "--once --threads 2 --shards 3 --epoch-records 100");
        command.env("CAUDAL_FAIL", format!("{point}=kill@{hit}"));
        kills += usize::from(finish(command).killed());
    }
    assert_eq!(kills, POINTS.len(), "every kill was met");
    line.run("state");
    let rated: Vec<_> = line.topic("rated").iter().map(caudal_broker::Received::text).collect();
    assert_eq!(ids(&rated), ids(&line.expected["rated"]));
    assert_eq!(suspended_messages(&line.topic("suspense")).len(), line.expected["suspense"].len());
    assert_eq!(line.topic("duplicates").len(), line.expected["duplicates"].len());
    for partition in 0..partitions {
        let (group, end) = group_and_end(&line.bootstrap, &line.name, (topic, partition)).unwrap();
        assert_eq!(group, Some(end), "the group stands at the end of partition {partition}");
    }
    assert_eq!(line.run("state").number("records_in"), 0, "nothing is read again");
    assert_eq!(line.run("elsewhere").number("records_in"), 0, "nor by a state that was lost");
    let mut audit = caudal();
    audit.arg("audit").arg("--state").arg(line.place.path("state"));
    finish(audit).expect(0, "audit");

    // Messages that nobody read are gone: that is told, and nothing is read behind them.
    send(&feed, &messages[..20]);
    let last = (topic, messages[0].partition);
    let (_, end) = group_and_end(&line.bootstrap, &line.name, last).unwrap();
    delete_before(&line.bootstrap, last, end - 1).unwrap();
    let ended = finish(line.command("state", "--once"));
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(ended.stderr.contains("offsets are lost"), "{}", ended.stderr);
}

#[test]
fn delimited_messages_are_billed_once_through_kills() {
    let Some(broker) = shared() else { return };
    let place = Place::new();
    let folder = generated(&place, "2000");
    let line = Line::new(&folder, "raw-lines", broker.bootstrap());
    let (header, lines) = lines(&folder.join("input"));
    let messages: Vec<_> = lines.iter().map(|line| Raw::new(line, 1, line.clone())).collect();
    let columns: Vec<_> = header.split(';').map(|name| format!("{name:?}")).collect();
    let changes = [
        ("directory", "topic = \"switch.lines\"".to_owned()),
        ("complete", String::new()),
        ("after", String::new()),
        ("header", format!("columns = [{}]", columns.join(", "))),
    ];
    change(&line.place.path("set"), &changes);
    check(&line, ("switch.lines", 1), &messages);
    println!("cases: {}", messages.len());
}

#[test]
fn json_messages_are_billed_once_through_kills() {
    let Some(broker) = shared() else { return };
    let place = Place::new();
    let folder = generated(&place, "2000");
    let (header, lines) = lines(&folder.join("input"));
    let whole = lines.iter().filter(|line| line.split(';').count() == header.split(';').count());
    let messages: Vec<_> = whole.map(|line| Raw::new(line, 3, object(&header, line))).collect();
    for file in files(&folder.join("input")) {
        fs::remove_file(file).unwrap();
    }
    let values: Vec<_> = messages.iter().map(|raw| raw.value.as_slice()).collect();
    fs::write(folder.join("input/objects.jsonl"), values.join(&b'\n')).unwrap();
    let changes = [
        ("format", "format = \"json\"".to_owned()),
        ("separator", String::new()),
        ("header", String::new()),
        (
            "{ to = \"calling\"",
            "{ to = \"calling\", from = \"party.a_number\", type = \"number\" },".to_owned(),
        ),
    ];
    change(&folder, &changes);
    let line = Line::new(&folder, "raw-objects", broker.bootstrap());
    let changes = [
        ("directory", "topic = \"switch.objects\"".to_owned()),
        ("complete", String::new()),
        ("after", String::new()),
    ];
    change(&line.place.path("set"), &changes);
    check(&line, ("switch.objects", 3), &messages);
    println!("cases: {}", messages.len());
}

/// Records of a generated set of `format` as messages, one a message, against the files that held them.
fn binary_messages(format: &str, framing: Framing, mark: &[u8]) {
    let Some(broker) = shared() else { return };
    let place = Place::new();
    let folder = place.path("generated");
    let mut command = caudal();
    command.args(["generate", format, "--records", "1200", "--seed", "7", "--subscriptions", "200"]);
    command.args(["--prefixes", "100", "--duplicates", "4%", "--damaged", "0%", "--out"]).arg(&folder);
    finish(command).expect(0, "generate");
    let line = Line::new(&folder, &format!("raw-{format}"), broker.bootstrap());
    let records = records(&folder.join("input"), framing);
    assert_eq!(records.len(), 1200);
    let messages: Vec<_> = records.iter().map(|record| Raw::binary(record, mark)).collect();
    let topic = format!("gateway.{format}");
    let changes = [
        ("directory", format!("topic = \"{topic}\"")),
        ("format", format!("format = \"{format}\"\ncontainer = \"ber\"")),
        ("container", String::new()),
        ("complete", String::new()),
        ("after", String::new()),
    ];
    change(&line.place.path("set"), &changes);
    check(&line, (&topic, 1), &messages);
    println!("cases: {}", messages.len());
}

/// The address of the gateway is part of what identifies a record.
#[test]
fn pgw_messages_are_billed_once_through_kills() {
    binary_messages("pgw", Framing::Ts32297, b"\xA4\x06\x80\x04");
}

/// The identifier of the function that recorded it is.
#[test]
fn chf_messages_are_billed_once_through_kills() {
    binary_messages("chf", Framing::Ber, b"\x81\x24");
}
