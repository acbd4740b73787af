//! The whole line over a real Kafka on the same cores, beside a plain idempotent producer that sends the same messages.
//! Relies on the broker of the tests, and on the rated files of a run without Kafka for the messages.
//! Never compares figures of different times: each round measures both, one after the other.

use crate::run;
use crate::set::Set;
use anyhow::{Context, ensure};
use caudal_broker::{Broker, Topic, create_topics};
use caudal_wire::envelope::EventEnvelope;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::path::Path;
use std::time::{Duration, Instant};

/// Partitions of the topics.
const PARTITIONS: i32 = 4;

/// One round, in events a second.
struct Round {
    producer: f64,
    line_events: f64,
    line_records: f64,
}

/// Measures rounds; the text that a person reads.
pub fn measure(binary: &Path, set: &Set, folder: &Path, rounds: u32) -> anyhow::Result<String> {
    let plain = run::measure(binary, set, &folder.join("run"))?;
    let lines = rated(&folder.join("run/out/rated"))?;
    let data = folder.join("kafka");
    if data.exists() {
        std::fs::remove_dir_all(&data)?;
    }
    std::fs::create_dir_all(&data)?;
    let broker = Broker::start(&data)?;
    let mut all = Vec::new();
    for round in 1..=rounds {
        let topic = format!("plain-{round}");
        create_topics(&broker.bootstrap(), &[Topic::new(&topic, PARTITIONS)])?;
        let producer = produce(&broker.bootstrap(), &topic, &lines)?;
        let over = set.over_kafka(folder, &format!("round-{round}"), &broker.bootstrap())?;
        let line = run::measure_topics(binary, &over, &folder.join("run"))?;
        let events = line.summary["events"].as_u64().context("events is no number")?;
        ensure!(events == lines.len() as u64, "{events} events over Kafka, {} without", lines.len());
        let found = Round {
            producer,
            line_events: events as f64 / line.line_seconds,
            line_records: line.records_per_s(),
        };
        eprintln!(
            "  round {round} of {rounds}: producer {:.0} events/s, line {:.0} events/s = {:.0} records/s, {:.0} %",
            found.producer,
            found.line_events,
            found.line_records,
            100.0 * found.line_events / found.producer
        );
        all.push(found);
    }
    let octets: usize = lines.iter().map(Vec::len).sum();
    let median = |of: fn(&Round) -> f64| {
        let mut all: Vec<f64> = all.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Ok(format!(
        "over Kafka: {} events of {} octets, broker on the same cores, median of {rounds}\n  plain idempotent producer {:>10.0} events/s\n  the whole line            {:>10.0} events/s   {:>10.0} records/s   {:.0} % of the producer\n  the line into files       {:>10.0} records/s",
        lines.len(),
        octets / lines.len().max(1),
        median(|round| round.producer),
        median(|round| round.line_events),
        median(|round| round.line_records),
        100.0 * median(|round| round.line_events / round.producer),
        plain.records_per_s()
    ))
}

fn rated(folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let bytes = std::fs::read(entry?.path())?;
        lines
            .extend(bytes.split(|octet| *octet == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec));
    }
    Ok(lines)
}

/// Sends every line as the line does: same key, value and headers, same compression; events a second to the last
/// acknowledgement.
fn produce(bootstrap: &str, topic: &str, lines: &[Vec<u8>]) -> anyhow::Result<f64> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", "0")
        .set("queue.buffering.max.kbytes", "2097151")
        .create()?;
    let began = Instant::now();
    for (index, line) in lines.iter().enumerate() {
        let EventEnvelope { id, account, subscription, end } =
            EventEnvelope::of(line).context("a rated line does not read")?;
        let headers = [
            ("ce_specversion", "1.0"),
            ("ce_id", id),
            ("ce_source", "/caudal/plain"),
            ("ce_type", "caudal.billable.v1"),
            ("ce_time", end),
            ("ce_subject", &subscription),
            ("ce_partitionkey", &account),
            ("content-type", "application/json"),
        ];
        let empty = OwnedHeaders::new_with_capacity(headers.len());
        let headers = headers
            .into_iter()
            .fold(empty, |all, (key, value)| all.insert(Header { key, value: Some(value) }));
        let record = BaseRecord::to(topic).key(account.as_ref()).payload(line.as_slice()).headers(headers);
        producer.send(record).map_err(|(error, _)| error)?;
        if index % 4096 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    // As the line waits: the client's poll would spend its last millisecond looking at the clock.
    while producer.in_flight_count() > 0 {
        std::thread::sleep(Duration::from_millis(1));
        producer.poll(Duration::ZERO);
    }
    Ok(lines.len() as f64 / began.elapsed().as_secs_f64())
}
