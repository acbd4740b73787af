//! The committed messages of a stream, for those who look back: `audit` and `explain`.
//! Relies on offsets alone: it joins no group and leaves no trace.
//! Never shows a message of a transaction that is open or was aborted.

use super::ends::ends;
use super::{ANSWER_TIMEOUT, KafkaConfig, error, topics};
use anyhow::{Context, bail};
use caudal_engine::topics::TopicsError;
use caudal_usage::Stream;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// How much of a stream its topic still has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// From the first message on.
    All,
    /// Retention has taken messages.
    Some,
}

/// Visits the value of every message, partition by partition, in order, until `visit` says false.
pub(super) fn visit(
    config: &KafkaConfig,
    stream: Stream,
    visit: &mut dyn FnMut(&[u8]) -> anyhow::Result<bool>,
) -> anyhow::Result<Kept> {
    let topic = topics::of_stream(&config.pipeline, stream);
    let consumer: BaseConsumer = config.consumer().create().context("cannot set up the Kafka client")?;
    let mut kept = Kept::All;
    for partition in partitions(&consumer, &topic)? {
        let (low, high) = ends(&consumer, &topic, partition)?;
        if low > 0 {
            kept = Kept::Some;
        }
        if low == high {
            continue;
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, partition, Offset::Offset(low))?;
        consumer.assign(&list)?;
        if !read(&consumer, &topic, visit)? {
            break;
        }
    }
    Ok(kept)
}

fn partitions(consumer: &BaseConsumer, topic: &str) -> anyhow::Result<Vec<i32>> {
    let metadata = consumer
        .fetch_metadata(Some(topic), ANSWER_TIMEOUT)
        .map_err(|found| error::outside(&format!("ask for topic {topic}"), &found))?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    let partitions: Vec<_> =
        found.into_iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect();
    if partitions.is_empty() {
        bail!("topic {topic} is not there");
    }
    Ok(partitions)
}

/// Reads the assigned partition to its end; false when the visitor has seen enough.
fn read(
    consumer: &BaseConsumer,
    topic: &str,
    visit: &mut dyn FnMut(&[u8]) -> anyhow::Result<bool>,
) -> anyhow::Result<bool> {
    let mut heard = Instant::now();
    loop {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                heard = Instant::now();
                if !visit(message.payload().unwrap_or_default())? {
                    return Ok(false);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(true),
            Some(Err(_)) | None if heard.elapsed() < ANSWER_TIMEOUT => {}
            Some(Err(found)) => return Err(error::outside(&format!("read {topic}"), &found)),
            None => {
                let said = format!("cannot read {topic}: no answer in {ANSWER_TIMEOUT:?}");
                return Err(TopicsError::Doubt(said).into());
            }
        }
    }
}
