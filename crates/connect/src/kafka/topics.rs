//! The topics of a pipeline: their names, and that they are there.
//! Relies on the broker for limits on names; a pipeline's name fits them.
//! Never changes a topic that is there.

use super::{ANSWER_TIMEOUT, KafkaConfig, LOOK, Missing, error};
use anyhow::{Context, bail, ensure};
use caudal_usage::Stream;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::metadata::Metadata;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// The topic of a stream.
pub(super) fn of_stream(pipeline: &str, stream: Stream) -> String {
    format!("{pipeline}.{}", stream.as_str())
}

/// The topic of commits.
pub(super) fn of_log(pipeline: &str) -> String {
    format!("{pipeline}.log")
}

/// Every topic that a pipeline writes.
pub(super) fn all(pipeline: &str) -> Vec<String> {
    let streams = Stream::ALL.into_iter().map(|stream| of_stream(pipeline, stream));
    streams.chain([of_log(pipeline)]).collect()
}

/// Asks for the topics; an error when no broker answers.
pub(super) fn probe(config: &KafkaConfig) -> anyhow::Result<()> {
    metadata(config, &AtomicBool::new(false)).map(|_| ())
}

/// Asks until a broker answers, and looks meanwhile whether that is still wanted.
fn metadata(config: &KafkaConfig, stop: &AtomicBool) -> anyhow::Result<Metadata> {
    let consumer: BaseConsumer = config.consumer().create().context("cannot set up the Kafka client")?;
    let (deadline, mut patience) = (Instant::now() + ANSWER_TIMEOUT, LOOK);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let found = match consumer.fetch_metadata(None, patience.min(left)) {
            Ok(metadata) => return Ok(metadata),
            Err(found) => found,
        };
        let wanted = Instant::now() < deadline && !stop.load(Ordering::Relaxed);
        patience = match found.rdkafka_error_code() {
            Some(RDKafkaErrorCode::BrokerTransportFailure) if wanted => LOOK,
            // One that is there, and slow to answer, has the time that is left.
            Some(RDKafkaErrorCode::OperationTimedOut) if wanted => ANSWER_TIMEOUT,
            _ => return Err(error::outside(&format!("reach a broker at {}", config.brokers), &found)),
        };
    }
}

/// Creates the topics that are missing, or refuses.
pub(super) fn ensure(config: &KafkaConfig, stop: &AtomicBool) -> anyhow::Result<()> {
    let metadata = metadata(config, stop)?;
    let partitions = |name: &str| {
        metadata.topics().iter().find(|topic| topic.name() == name).map(|topic| topic.partitions().len())
    };
    let log = of_log(&config.pipeline);
    if let Some(count) = partitions(&log) {
        ensure!(
            count == 1,
            "topic {log} has {count} partitions, expected 1: the order of commits is one order"
        );
    }
    let missing: Vec<_> =
        all(&config.pipeline).into_iter().filter(|name| partitions(name).is_none()).collect();
    match config.missing {
        _ if missing.is_empty() => Ok(()),
        Missing::Create { partitions, replication } => create(config, &missing, (partitions, replication)),
        Missing::Refuse => bail!(
            "topics {} are not there: create them ({log} with one partition and retention.ms=-1), or say `create_topics = true`",
            missing.join(", ")
        ),
    }
}

fn create(
    config: &KafkaConfig,
    names: &[String],
    (partitions, replication): (i32, i32),
) -> anyhow::Result<()> {
    let log = of_log(&config.pipeline);
    let copies = || TopicReplication::Fixed(replication);
    let topics = names.iter().map(|name| {
        if *name == log {
            // Every start may need all of it.
            NewTopic::new(name, 1, copies()).set("retention.ms", "-1").set("retention.bytes", "-1")
        } else {
            NewTopic::new(name, partitions, copies())
        }
    });
    let topics: Vec<_> = topics.collect();
    let admin: AdminClient<DefaultClientContext> =
        config.client().create().context("cannot set up the Kafka client")?;
    let options =
        AdminOptions::new().operation_timeout(Some(ANSWER_TIMEOUT)).request_timeout(Some(ANSWER_TIMEOUT));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let results = runtime
        .block_on(admin.create_topics(&topics, &options))
        .map_err(|found| error::outside("create topics", &found))?;
    for result in results {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((name, code)) => bail!("cannot create topic {name}: {code}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::mocking::MockCluster;

    #[test]
    fn a_broker_that_is_slower_than_a_look_is_waited_for() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("p.log", 1, 1).unwrap();
        cluster.broker_round_trip_time(1, LOOK + LOOK / 10).unwrap();
        let brokers = cluster.bootstrap_servers();
        let config = KafkaConfig { pipeline: "p".into(), brokers, ..KafkaConfig::default() };
        let found = metadata(&config, &AtomicBool::new(false)).unwrap();
        assert!(found.topics().iter().any(|topic| topic.name() == "p.log"));
    }
}
