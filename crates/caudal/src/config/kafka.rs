//! `kafka = { … }` of the pipeline to the topics of a cluster.
//! Relies on the client library to check properties that only it knows.
//! Never lets a property through that would break exactly-once.

use super::reader::{Keys, Report};
use caudal_connect::kafka::{KafkaConfig, Missing};

/// Partitions of the topics that consumers read, unless the pipeline says otherwise.
const PARTITIONS: i32 = 4;

/// Longest text of a property or a list of brokers, in characters.
const TEXT_MAX: usize = 4096;

/// Properties that the promises of the pipeline rest on.
const RESERVED: &[&str] = &[
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.send.max.retries",
    "message.timeout.ms",
    "metadata.broker.list",
    "partitioner",
    "request.required.acks",
    "retries",
    "transaction.timeout.ms",
    "transactional.id",
];

/// Reads the table; `None` when the pipeline has none, or a finding makes it unusable.
pub(super) fn read(
    report: &mut Report,
    keys: &mut Keys<'_, '_>,
    pipeline: Option<&str>,
) -> Option<KafkaConfig> {
    let mut table = keys.table(report, "kafka")?;
    let brokers = table.needed(report, "brokers").map(|text| (text.at, text.value.to_owned()));
    if let Some((at, brokers)) = &brokers
        && !brokers.split(',').all(is_broker)
    {
        let found: String = brokers.chars().take(80).collect();
        report.error(
            *at,
            format!("`brokers` is {found:?}, expected \"host:port\", several separated by commas"),
        );
    }
    let create = table.flag(report, "create_topics");
    let partitions = table.number(report, "partitions", 1..=10_000);
    let replication = table.number(report, "replication", 1..=100);
    if !create && (partitions.is_some() || replication.is_some()) {
        let message = "`partitions` and `replication` say how topics are created, expected `create_topics = true` with them";
        report.error(table.at, message);
    }
    let compression = table.word(
        report,
        "compression",
        &[("none", "none"), ("lz4", "lz4"), ("gzip", "gzip"), ("snappy", "snappy")],
    );
    let at = table.place("properties");
    let properties = properties(report, &mut table);
    table.finish(report);
    let small = |number: Option<i64>, default| {
        number.and_then(|number| i32::try_from(number).ok()).unwrap_or(default)
    };
    let missing = if create {
        Missing::Create { partitions: small(partitions, PARTITIONS), replication: small(replication, 1) }
    } else {
        Missing::Refuse
    };
    let config = KafkaConfig {
        pipeline: pipeline?.into(),
        brokers: brokers?.1,
        missing,
        compression: compression.unwrap_or("lz4").into(),
        properties,
    };
    if let Err(said) = config.check() {
        report.error(at, format!("`properties`: the Kafka client says: {said}"));
    }
    Some(config)
}

fn is_broker(text: &str) -> bool {
    text.trim().rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && host.len() <= 255 && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

fn properties(report: &mut Report, table: &mut Keys<'_, '_>) -> Vec<(String, String)> {
    let at = table.place("properties");
    let mut properties = Vec::new();
    for (name, values) in table.named(report, "properties") {
        if RESERVED.contains(&name.as_str()) {
            report.hinted(
                at,
                format!("`properties` sets {name:?}, which exactly-once rests on"),
                "leave it out: the pipeline sets it",
            );
        }
        match <[String; 1]>::try_from(values) {
            Ok([value]) if name.len() <= TEXT_MAX && value.len() <= TEXT_MAX => {
                properties.push((name, value))
            }
            _ => {
                report.error(at, "`properties` has a value that is no text, expected one text for each name")
            }
        }
    }
    properties
}
