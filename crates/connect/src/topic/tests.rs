//! Over a mock cluster, which knows no transactions and no retention.

use super::scan::behind;
use super::*;
use crate::compliance::{self, blocks, check_finish, check_resumes, check_scans, claim};
use caudal_cdr::framing::values::VALUE_MAX;
use caudal_cdr::framing::{Framing, Place};
use caudal_engine::source::BlockKind;
use caudal_engine::topics::TopicsError;
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use std::time::Duration;

/// A topic of three partitions.
struct Bench {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Bench {
    fn new() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("usage.raw", 3, 1).unwrap();
        Self { cluster }
    }

    fn send(&self, messages: &[(i32, Option<&[u8]>)]) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", self.cluster.bootstrap_servers()).create().unwrap();
        for (partition, value) in messages {
            let mut record = BaseRecord::<[u8], [u8]>::to("usage.raw").partition(*partition);
            record.payload = *value;
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(Duration::from_secs(30)).unwrap();
    }

    fn source(&self, linger_ms: i64, value: Value) -> TopicSource {
        let kafka = KafkaConfig {
            pipeline: "p".into(),
            brokers: self.cluster.bootstrap_servers(),
            ..KafkaConfig::default()
        };
        let config =
            TopicConfig { source: 2, topic: "usage.raw".into(), linger_ms, value, silent_after_ms: None };
        TopicSource::new(config, kafka)
    }
}

/// Every record of a range with its offset in it.
fn records(source: &TopicSource, found: &FoundFile) -> Vec<(u64, Vec<u8>)> {
    let mut records = Vec::new();
    for block in blocks(source, found, FileProgress::default()) {
        let place = Place::at(block.start.offset);
        let found = Framing::Values.records(place, &block.bytes).map(|record| record.bytes.to_vec());
        records.extend((block.start.offset..).zip(found));
    }
    records
}

fn names(found: &[FoundFile]) -> Vec<&str> {
    found.iter().map(|found| std::str::from_utf8(&found.name).unwrap()).collect()
}

#[test]
fn ranges_comply_as_files_do() {
    let bench = Bench::new();
    let (long, longest, too_long) = (vec![b'x'; 50_000], vec![b'y'; VALUE_MAX], vec![b'z'; VALUE_MAX + 1]);
    let mut messages: Vec<(i32, Option<&[u8]>)> =
        vec![(0, Some(b"a;1")), (0, None), (0, Some(b"")), (0, Some(b"b;2"))];
    messages.extend((0..30).map(|_| (1, Some(long.as_slice()))));
    messages.extend([
        (1, Some(longest.as_slice())),
        (1, Some(&too_long)),
        (1, Some(&too_long)),
        (1, Some(b"c")),
    ]);
    messages.push((2, Some(&too_long)));
    bench.send(&messages);
    let mut source = bench.source(0, Value::Octets);
    let found = check_scans(&mut source, 3);
    assert_eq!(names(&found), ["usage.raw/0@0-4", "usage.raw/1@0-34", "usage.raw/2@0-1"]);
    for (file, count) in found.iter().zip([4, 34, 1]) {
        let whole = blocks(&source, file, FileProgress::default());
        let ends: Vec<_> =
            whole.iter().map(|block| (block.next.offset, u64::from(block.next.records))).collect();
        assert!(ends.iter().all(|(offset, records)| offset == records), "no gaps: {ends:?}");
        assert_eq!(ends.last(), Some(&(count, count)));
        let damaged: Vec<_> = whole.iter().filter(|block| block.kind != BlockKind::Records).collect();
        assert_eq!(damaged.len(), [0, 2, 1][usize::from(file.name[10] - b'0')]);
        assert!(damaged.iter().all(|block| block.bytes == too_long[..4096]));
        check_resumes(&source, file, &whole);
    }
    check_finish(&source, &found);
    let expect = [&b"a;1"[..], b"", b"", b"b;2"];
    assert_eq!(records(&source, &found[0]), (0..).zip(expect.map(<[u8]>::to_vec)).collect::<Vec<_>>());
}

#[test]
fn the_next_range_begins_where_the_state_stands() {
    let bench = Bench::new();
    let lines = |partition, count| vec![(partition, Some(&b"x\r\n"[..])); count];
    bench.send(&lines(0, 5));
    let mut source = bench.source(1_000, Value::Line);
    let scan = |source: &mut TopicSource, now_ms, known: &[&str]| {
        let known = |stat: &caudal_engine::source::FileStat<'_>| {
            known.iter().any(|name| name.as_bytes() == stat.name)
        };
        compliance::found(source, now_ms, &known)
    };
    let found = scan(&mut source, 0, &[]);
    assert_eq!(names(&found), ["usage.raw/0@0-5"]);
    assert_eq!(records(&source, &found[0])[4], (4, b"x".to_vec()));
    bench.send(&lines(0, 2));
    bench.send(&lines(2, 1));
    // What was shown is shown until it is claimed; then not more often than the source lingers.
    assert_eq!(names(&scan(&mut source, 5_000, &[])), ["usage.raw/0@0-5"]);
    assert_eq!(names(&scan(&mut source, 0, &["usage.raw/0@0-5"])), [""; 0]);
    assert_eq!(names(&scan(&mut source, 999, &[])), [""; 0]);
    assert_eq!(names(&scan(&mut source, 1_000, &[])), ["usage.raw/0@5-7", "usage.raw/2@0-1"]);
    // A start goes on behind what the state has claimed, in any order of claims, and minds no other files.
    let claimed = |partition, from, to| Range { partition, from, to }.found("usage.raw", 2);
    let other = Range { partition: 0, from: 0, to: 9 }.found("usage", 2);
    let file = FoundFile { name: b"usage.raw.csv".to_vec(), ..other.clone() };
    source.resume(&[&claimed(0, 4, 6), &claimed(0, 0, 4), &other, &file]);
    assert_eq!(names(&scan(&mut source, 1_000, &[])), ["usage.raw/0@6-7", "usage.raw/2@0-1"]);
    source.resume(&[&claimed(0, 0, 7), &claimed(2, 0, 1)]);
    assert_eq!(names(&scan(&mut source, 1_000, &[])), [""; 0]);
    let error = |source: &mut TopicSource, claimed: &FoundFile| {
        source.resume(&[claimed]);
        let scan = Scan { now_ms: 1_000, limit: 9, standing: &|_| caudal_engine::source::Standing::New };
        source.scan(&scan).unwrap_err().to_string()
    };
    assert!(error(&mut source, &claimed(0, 0, 8)).contains("ends at 7, and offsets up to 8 were read"));
    assert!(error(&mut source, &claimed(3, 0, 8)).contains("has no partition 3 any more"));
}

#[test]
fn offsets_of_a_commit() {
    let source = Bench::new().source(0, Value::Line);
    let claim = claim(&Range { partition: 7, from: 100, to: 200 }.found("usage.raw", 2));
    let check = |progress: Option<u64>, next| {
        let progress = progress.map(|offset| FileProgress { offset, ..FileProgress::default() });
        let expect = InputOffset { topic: "usage.raw".into(), partition: 7, next };
        assert_eq!(source.input_offset(&claim, progress), Some(expect));
    };
    check(None, 200);
    check(Some(0), 100);
    check(Some(42), 142);
    check(Some(u64::MAX), 200);
}

#[test]
fn what_is_gone_is_told_and_never_passed_over() {
    let check = |recorded, ends, expect: Result<Option<(i64, i64)>, &str>| {
        let found = behind(("t", 1), recorded, ends);
        let found =
            found.map(|range| range.map(|range| (range.from, range.to))).map_err(|error| error.to_string());
        match expect {
            Ok(expect) => assert_eq!(found, Ok(expect)),
            Err(expect) => assert!(found.as_ref().is_err_and(|error| error.contains(expect)), "{found:?}"),
        }
    };
    check(None, (0, 0), Ok(None));
    check(None, (5, 9), Ok(Some((5, 9))));
    check(Some(5), (5, 9), Ok(Some((5, 9))));
    check(Some(9), (5, 9), Ok(None));
    check(Some(4), (5, 9), Err("partition 1: 1 offsets are lost: it begins at 5, and the next to read is 4"));
    check(Some(4), (9, 9), Err("5 offsets are lost"));
    check(Some(10), (5, 9), Err("ends at 9, and offsets up to 10 were read"));
    check(None, (3, 5_000_000), Ok(Some((3, 3 + RANGE_MAX))));
}

#[test]
fn a_topic_that_is_not_there_stops_the_source_and_a_broker_that_is_away_does_not() {
    let bench = Bench::new();
    let mut source = bench.source(0, Value::Line);
    source.config.topic = "usage.other".into();
    let new = |_: &caudal_engine::source::FileStat<'_>| caudal_engine::source::Standing::New;
    let scan =
        |source: &mut TopicSource| source.scan(&Scan { now_ms: 0, limit: 9, standing: &new }).unwrap_err();
    let error = scan(&mut source);
    assert!(
        matches!(error.downcast_ref(), Some(TopicError::Absent { .. }))
            || matches!(error.downcast_ref(), Some(TopicsError::Doubt(_))),
        "{error:#}"
    );
    let claimed = Range { partition: 0, from: 0, to: 2 }.found("usage.raw", 2);
    let source = bench.source(0, Value::Line);
    let error = source.open(&claim(&claimed), FileProgress::default()).err().unwrap();
    assert!(matches!(error.downcast_ref(), Some(TopicError::Short { .. })), "{error:#}");
    let name = FoundFile { head_hash: u64::MAX, ..claimed };
    let error = source.open(&claim(&name), FileProgress::default()).err().unwrap();
    assert!(matches!(error.downcast_ref(), Some(TopicError::Claim { .. })), "{error:#}");
}
