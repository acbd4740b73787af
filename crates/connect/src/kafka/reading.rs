//! The committed messages of a stream, for those who look back: `audit` and `explain`.
//! Relies on offsets alone: it joins no group and leaves no trace.
//! Never shows a message of a transaction that is open or was aborted.

use super::{ANSWER_TIMEOUT, KafkaConfig, error, partition, topics};
use anyhow::{Context, ensure};
use caudal_engine::topics::TopicsError;
use caudal_usage::Stream;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
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
    let partitions = partition::all(&consumer, &topic)?;
    ensure!(!partitions.is_empty(), "topic {topic} is not there");
    let mut kept = Kept::All;
    for place in partitions.into_iter().map(|partition| (topic.as_str(), partition)) {
        let (low, high) = partition::ends(&consumer, place)?;
        if low > 0 {
            kept = Kept::Some;
        }
        if low == high {
            continue;
        }
        partition::stand_at(&consumer, place, low)?;
        if !read(&consumer, &topic, visit)? {
            break;
        }
    }
    Ok(kept)
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
