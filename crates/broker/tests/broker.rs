//! Ring *broker*, the ground truths: what the product may rely on is so, on a real broker that is killed and started again.
//! Each test says what was found, so that a new version of broker or client that behaves otherwise is seen at once.

mod support;

use caudal_broker::{Reading, Topic, create_topics, read_topic, shared};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, PurgeConfig};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};
use support::{
    CALL_MOST, Line, code_of, consumer_at, consumer_config, end_seen, producer, send, settle, stored, texts,
};

#[test]
fn a_reader_sees_exactly_what_was_committed() {
    let Some(broker) = shared() else { return };
    let line = Line::new(&broker, "committed", 3);
    let producer = line.producer();
    let mut expect = Vec::new();
    for round in 0..6 {
        producer.begin_transaction().unwrap();
        for number in 0..20 {
            send(&producer, line.topic, &format!("{round}-{number}"));
        }
        settle(&producer);
        if round % 3 == 1 {
            producer.abort_transaction(CALL_MOST).unwrap();
        } else {
            producer.commit_transaction(CALL_MOST).unwrap();
            expect.extend((0..20).map(|number| format!("{round}-{number}")));
        }
    }
    expect.sort();
    assert_eq!(texts(&line, Reading::Committed), expect);
    assert_eq!(texts(&line, Reading::Uncommitted).len(), 120);
    println!("cases: 6");
}

/// Where the first producer stands when the second takes its name.
#[derive(Clone, Copy, Debug)]
enum Standing {
    Idle,
    InTransaction,
}

#[test]
fn a_second_producer_of_the_name_fences_the_first() {
    let Some(broker) = shared() else { return };
    let mut cases = 0;
    for (standing, topic) in [(Standing::Idle, "fence-idle"), (Standing::InTransaction, "fence-in")] {
        let line = Line::new(&broker, topic, 1);
        let first = line.producer();
        first.begin_transaction().unwrap();
        send(&first, line.topic, "before");
        settle(&first);
        first.commit_transaction(CALL_MOST).unwrap();
        if matches!(standing, Standing::InTransaction) {
            first.begin_transaction().unwrap();
            send(&first, line.topic, "open");
            settle(&first);
        }
        let second = line.producer();
        if matches!(standing, Standing::Idle) {
            first.begin_transaction().unwrap();
            send(&first, line.topic, "late");
            settle(&first);
        }
        let error = first.commit_transaction(CALL_MOST).unwrap_err();
        println!("{standing:?}: {error:?}; fatal: {:?}", first.client().fatal_error());
        let KafkaError::Transaction(told) = &error else { panic!("{error:?}") };
        assert!(told.is_fatal() && !told.is_retriable() && !told.txn_requires_abort(), "{error:?}");
        assert_eq!(told.code(), RDKafkaErrorCode::Fenced, "{error:?}");
        second.begin_transaction().unwrap();
        send(&second, line.topic, "after");
        settle(&second);
        second.commit_transaction(CALL_MOST).unwrap();
        assert_eq!(texts(&line, Reading::Committed), ["after", "before"], "{standing:?}");
        cases += 1;
    }
    println!("cases: {cases}");
}

#[test]
fn a_new_producer_ends_what_a_dead_one_left_open_before_it_is_ready() {
    let Some(broker) = shared() else { return };
    let line = Line::new(&broker, "dangling", 2);
    for round in 0..10 {
        let dead = line.producer();
        dead.begin_transaction().unwrap();
        for number in 0..50 {
            send(&dead, line.topic, &format!("{round}-{number}"));
        }
        settle(&dead);
        // Ended without abort or commit, as by a kill: the broker knows nothing of it.
        drop(dead);
        let open = end_seen(&broker.bootstrap(), line.topic, Reading::Committed);
        let all = end_seen(&broker.bootstrap(), line.topic, Reading::Uncommitted);
        assert!(open < all, "the open transaction holds readers back: {open} < {all}");
        let start = Instant::now();
        let _next = line.producer();
        let took = start.elapsed();
        let open = end_seen(&broker.bootstrap(), line.topic, Reading::Committed);
        let all = end_seen(&broker.bootstrap(), line.topic, Reading::Uncommitted);
        assert_eq!(open, all, "round {round}: nothing is open any more");
        if round == 0 {
            println!("init_transactions over an open transaction: {took:?}");
        }
    }
    assert_eq!(texts(&line, Reading::Committed), [""; 0]);
    println!("cases: 10");
}

#[test]
fn the_end_a_committed_reader_is_told_is_the_last_stable_offset() {
    let Some(broker) = shared() else { return };
    let line = Line::new(&broker, "watermarks", 1);
    let producer = line.producer();
    let ends = |expect: (i64, i64), when: &str| {
        let committed = end_seen(&broker.bootstrap(), line.topic, Reading::Committed);
        let all = end_seen(&broker.bootstrap(), line.topic, Reading::Uncommitted);
        assert_eq!((committed, all), expect, "{when}");
    };
    ends((0, 0), "empty");
    producer.begin_transaction().unwrap();
    (0..10).for_each(|_| send(&producer, line.topic, "a"));
    settle(&producer);
    ends((0, 10), "open");
    producer.commit_transaction(CALL_MOST).unwrap();
    // The marker of the commit takes an offset too.
    ends((11, 11), "committed");
    producer.begin_transaction().unwrap();
    (0..5).for_each(|_| send(&producer, line.topic, "b"));
    settle(&producer);
    ends((11, 16), "open again");
    producer.abort_transaction(CALL_MOST).unwrap();
    ends((17, 17), "aborted");
    println!("cases: 5");
}

#[test]
fn a_broker_killed_within_a_transaction_keeps_it_open_or_ends_it_whole() {
    let Some(mut broker) = shared() else { return };
    let line = Line::new(&broker, "killed", 2);
    let mut expect = Vec::new();
    // Milliseconds from the begin of the commit to the kill; none: killed before it.
    let moments = [None, Some(0), Some(4), Some(12), Some(40)];
    for (round, moment) in moments.into_iter().enumerate() {
        let producer = line.producer();
        producer.begin_transaction().unwrap();
        for number in 0..100 {
            send(&producer, line.topic, &format!("{round}-{number}"));
        }
        settle(&producer);
        let said = match moment {
            None => {
                broker.kill().unwrap();
                None
            }
            Some(millis) => std::thread::scope(|scope| {
                let commit = scope.spawn(|| producer.commit_transaction(Duration::from_secs(2)));
                std::thread::sleep(Duration::from_millis(millis));
                broker.kill().unwrap();
                Some(commit.join().unwrap())
            }),
        };
        drop(producer);
        let start = Instant::now();
        broker.start_again().unwrap();
        let up = start.elapsed();
        let start = Instant::now();
        // Only now is it decided: whoever reads before may find it open.
        let _decides = line.producer();
        println!("kill at {moment:?} ms: {said:?}; up in {up:?}, producer in {:?}", start.elapsed());
        let seen = read_topic(&broker.bootstrap(), line.topic, Reading::Committed).unwrap();
        let of_round = seen.iter().filter(|message| message.text().starts_with(&format!("{round}-"))).count();
        assert!(of_round == 0 || of_round == 100, "round {round} is torn: {of_round}");
        match said {
            None => assert_eq!(of_round, 0, "never committed"),
            Some(Ok(())) => {
                assert_eq!(of_round, 100, "round {round}: what was said to be committed is there")
            }
            // Not known: reading tells.
            Some(Err(_)) => {}
        }
        if of_round == 100 {
            expect.extend((0..100).map(|number| format!("{round}-{number}")));
        }
    }
    expect.sort();
    assert_eq!(texts(&line, Reading::Committed), expect);
    println!("cases: {}", moments.len());
}

#[test]
fn a_commit_after_the_queue_is_empty_has_no_floor() {
    let Some(broker) = shared() else { return };
    let line = Line::new(&broker, "floor", 1);
    let producer = line.producer();
    for (way, settles) in [("commit at once", false), ("poll 1 ms, then commit", true)] {
        let mut took = Vec::new();
        for _ in 0..8 {
            producer.begin_transaction().unwrap();
            (0..100).for_each(|_| send(&producer, line.topic, "a"));
            let start = Instant::now();
            if settles {
                settle(&producer);
            }
            let settled = start.elapsed();
            producer.commit_transaction(CALL_MOST).unwrap();
            took.push((start.elapsed(), settled));
        }
        took.sort();
        // Printed, not held against a bound: the machine may be busy.
        println!(
            "{way}: (all, before the commit): median {:?}, most {:?}",
            took[took.len() / 2],
            took[took.len() - 1]
        );
    }
    assert_eq!(texts(&line, Reading::Committed).len(), 1_600);
    println!("cases: 2");
}

#[test]
fn an_offset_that_is_not_there_is_an_error_and_not_a_new_start() {
    let Some(broker) = shared() else { return };
    let line = Line::new(&broker, "reset", 1);
    let producer = line.producer();
    producer.begin_transaction().unwrap();
    (0..3).for_each(|_| send(&producer, line.topic, "a"));
    settle(&producer);
    producer.commit_transaction(CALL_MOST).unwrap();
    for (offset, what) in [(Offset::Offset(99), "beyond the end"), (Offset::Stored, "never committed")] {
        let consumer =
            consumer_at(&broker.bootstrap(), line.topic, offset, &[("auto.offset.reset", "error")]);
        let error = loop {
            match consumer.poll(CALL_MOST) {
                Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => break error,
                Some(Ok(message)) => panic!("{what}: read offset {}", rdkafka::Message::offset(&message)),
                None => panic!("{what}: neither message nor error"),
            }
        };
        println!("{what}: {error:?}");
        assert_eq!(code_of(&error), Some(RDKafkaErrorCode::AutoOffsetReset), "{what}");
    }
    println!("cases: 2");
}

#[test]
fn headers_arrive_as_they_were_sent() {
    let Some(broker) = shared() else { return };
    let line = Line::new(&broker, "headers", 1);
    let producer = line.producer();
    let headers: [(&str, Option<&[u8]>); 5] = [
        ("ce_id", Some(b"a1")),
        ("empty", Some(b"")),
        ("none", None),
        ("bytes", Some(&[0, 255, 10])),
        ("ce_id", Some(b"a2")),
    ];
    producer.begin_transaction().unwrap();
    let owned = headers
        .iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: *value }));
    producer.send(BaseRecord::to(line.topic).key(&b"key"[..]).payload(&b"value"[..]).headers(owned)).unwrap();
    producer.send(BaseRecord::<[u8], [u8]>::to(line.topic).key(&b"gone"[..])).unwrap();
    settle(&producer);
    producer.commit_transaction(CALL_MOST).unwrap();
    let seen = read_topic(&broker.bootstrap(), line.topic, Reading::Committed).unwrap();
    let [first, second] = seen.as_slice() else { panic!("{seen:?}") };
    let expect: Vec<_> =
        headers.iter().map(|(key, value)| (key.to_string(), value.map(<[u8]>::to_vec))).collect();
    assert_eq!(first.headers, expect);
    assert_eq!((first.key.as_deref(), first.text().as_str()), (Some(&b"key"[..]), "value"));
    assert_eq!(first.header("ce_id").as_deref(), Some("a2"));
    assert_eq!((second.key.as_deref(), second.value.as_deref()), (Some(&b"gone"[..]), None));
    println!("cases: 2");
}

/// How a transaction that carries an offset ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Commit,
    Abort,
    Crash,
}

#[test]
fn offsets_count_with_the_transaction_they_were_sent_in() {
    let Some(broker) = shared() else { return };
    let line = Line::new(&broker, "offsets", 1);
    let mut producer = line.producer();
    // Partitions taken, not subscribed to: the group has no members, only offsets.
    let group = [("group.id", "offsets-of-the-line")];
    let consumer = consumer_at(&broker.bootstrap(), line.topic, Offset::Beginning, &group);
    let mut expect = Offset::Invalid;
    assert_eq!(stored(&consumer, line.topic), expect);
    for (offset, end) in
        [(5, End::Commit), (9, End::Abort), (7, End::Commit), (8, End::Crash), (6, End::Commit)]
    {
        producer.begin_transaction().unwrap();
        send(&producer, line.topic, "a");
        settle(&producer);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(line.topic, 0, Offset::Offset(offset)).unwrap();
        let members = consumer.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&list, &members, CALL_MOST).unwrap();
        // Nobody is told the old offset while a new one may come: the question waits. So whoever starts must first end
        // what the one before left open (a new producer does), and ask then.
        let asked = consumer.committed_offsets(list, Duration::from_millis(300));
        assert!(asked.is_err(), "{end:?}: {asked:?}");
        match end {
            End::Commit => producer.commit_transaction(CALL_MOST).unwrap(),
            End::Abort => producer.abort_transaction(CALL_MOST).unwrap(),
            End::Crash => drop(std::mem::replace(&mut producer, line.producer())),
        }
        if end == End::Commit {
            expect = Offset::Offset(offset);
        }
        assert_eq!(stored(&consumer, line.topic), expect, "{end:?} of {offset}");
    }
    println!("cases: 5");
}

#[test]
fn an_abort_needs_an_empty_queue_first() {
    let Some(broker) = shared() else { return };
    let line = Line::new(&broker, "abort", 1);
    for round in 0..8 {
        let producer = line.producer();
        producer.begin_transaction().unwrap();
        // Not waited for: the abort may arrive before the broker knows of a transaction.
        (0..10).for_each(|_| send(&producer, line.topic, "gone"));
        let said = match round % 4 {
            // Reports wait for `poll`, which nobody calls during an abort: it waits for them in vain.
            0 => producer.abort_transaction(Duration::from_secs(1)),
            1 => {
                producer.purge(PurgeConfig::default().queue().inflight());
                settle(&producer);
                producer.abort_transaction(CALL_MOST)
            }
            _ => {
                settle(&producer);
                producer.abort_transaction(CALL_MOST)
            }
        };
        println!("round {round}: {said:?}");
        assert_eq!(said.is_err(), round % 4 == 0, "round {round}: {said:?}");
    }
    // Whatever it said, a new producer goes on.
    let producer = line.producer();
    producer.begin_transaction().unwrap();
    send(&producer, line.topic, "here");
    settle(&producer);
    producer.commit_transaction(CALL_MOST).unwrap();
    assert_eq!(texts(&line, Reading::Committed), ["here"]);
    println!("cases: 8");
}

#[test]
fn a_topic_that_is_not_there_is_not_made() {
    let Some(broker) = shared() else { return };
    let bootstrap = broker.bootstrap();
    let error = read_topic(&bootstrap, "no-such-topic", Reading::Committed).unwrap_err();
    assert!(error.to_string().contains("no topic"), "{error:#}");
    create_topics(&bootstrap, &[Topic::new("twice", 1)]).unwrap();
    let error = create_topics(&bootstrap, &[Topic::new("twice", 1)]).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error:#}");
    let consumer: BaseConsumer = consumer_config(&bootstrap, Reading::Committed).create().unwrap();
    let topics = consumer.fetch_metadata(None, CALL_MOST).unwrap();
    assert!(!topics.topics().iter().any(|topic| topic.name() == "no-such-topic"));
    let _ = producer(&bootstrap, "a-name-of-its-own");
    println!("cases: 3");
}
