//! The keys of a source that reads a topic to its part of the run.
//! Relies on the pipeline's `kafka` for the brokers.
//! Never asks a broker: whether the topic is there is seen by a run.

use super::reader::{Keys, Report};
use super::source::{Input, SourceConfig};
use super::units;
use caudal_cdr::{Format, Framing};
use caudal_connect::kafka::KafkaConfig;
use caudal_connect::topic::{TopicConfig, Value};

/// Keys that are about files.
const OF_FILES: [&str; 7] = ["directory", "complete", "stable_for", "marker", "after", "archive", "ignore"];

/// Time between two ranges of a partition, unless the pipeline says otherwise, in milliseconds.
const LINGER_MS: i64 = 1_000;

/// Longest time between two ranges: an hour, in milliseconds.
const LINGER_MAX_MS: i64 = 3_600_000;

/// Longest name of a topic that a broker takes.
const NAME_MAX: usize = 249;

/// Reads the keys.
pub(super) fn read(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<TopicConfig> {
    for key in OF_FILES {
        if keys.value(key).is_some() {
            report.error(keys.place(key), format!("`{key}` is about files, and the source reads a topic"));
        }
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let topic = keys.parsed(
        report,
        "topic",
        ("1 to 249 letters, digits, `.`, `_`, `-`", |text| {
            let name = !matches!(text, "" | "." | "..") && text.len() <= NAME_MAX && text.chars().all(fits);
            name.then(|| text.to_owned())
        }),
    );
    let linger = keys.parsed(
        report,
        "linger",
        ("a duration such as \"1 s\", at most an hour", |text| {
            units::duration_ms(text).filter(|ms| (0..=LINGER_MAX_MS).contains(ms))
        }),
    );
    let linger_ms = linger.unwrap_or(LINGER_MS);
    Some(TopicConfig { source: 0, topic: topic?, linger_ms, value: Value::Octets, silent_after_ms: None })
}

/// How a message holds a record of the format.
pub(super) fn value(report: &mut Report, at: usize, format: &Format) -> Value {
    match (format, format.framing()) {
        (Format::Asterisk(_), _) => {
            report.error(
                at,
                "`format` is \"asterisk\", which is written to files, expected another with `topic`",
            );
        }
        (Format::Delimited(delimited), _) if delimited.names().is_none() => {
            report.hinted(
                at,
                "`header` is true, and a message has no header",
                "name the columns by position in `columns = [...]`",
            );
        }
        (_, Framing::Ts32297) => {
            report.error(at, "`container` is \"ts32297\", a form of files, expected \"ber\" with `topic`");
        }
        (_, Framing::Lines) => return Value::Line,
        (_, Framing::Ber | Framing::Values) => {}
    }
    Value::Octets
}

/// Findings about topics that several parts of the pipeline tell.
pub(super) fn check(report: &mut Report, sources: &[SourceConfig], kafka: Option<Option<&KafkaConfig>>) {
    for (index, source) in sources.iter().enumerate() {
        let Input::Topic(TopicConfig { topic, .. }) = &source.input else { continue };
        let Some(kafka) = kafka else {
            report.hinted(
                source.at,
                format!("source {:?} reads a topic, and the pipeline has no `kafka`", source.name),
                "name the brokers: `kafka = { brokers = \"host:9092\" }`; events then go to Kafka too",
            );
            continue;
        };
        if kafka.is_some_and(|kafka| kafka.writes(topic)) {
            report.error(
                source.at,
                format!("source {:?} reads {topic:?}, which the pipeline writes", source.name),
            );
        }
        let same = |other: &&SourceConfig| match &other.input {
            Input::Topic(other) => other.topic == *topic,
            Input::Directory(_) => false,
        };
        if let Some(other) = sources.iter().take(index).find(same) {
            let message = format!("sources {:?} and {:?} read the same topic", other.name, source.name);
            report.error(source.at, message);
        }
    }
}
