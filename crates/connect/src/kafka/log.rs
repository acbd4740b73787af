//! The log topic read: frames behind an epoch, in order.
//! Relies on the reader's own instance being the only writer: connecting has ended every other's transaction.
//! Never guesses where an epoch stands: epochs rise with offsets, so it is searched for.

use super::{ANSWER_TIMEOUT, KafkaConfig, error, partition, topics};
use anyhow::{Context, ensure};
use caudal_engine::topics::{ApplyFrame, TopicsError};
use caudal_wire::chunk::{Chunk, Joiner};
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use std::time::{Duration, Instant};

/// The log has one partition.
pub(super) const PARTITION: i32 = 0;

/// A reader of the log topic.
pub(super) struct LogReader {
    consumer: BaseConsumer,
    /// Also sees what is not committed.
    all: BaseConsumer,
    topic: String,
}

/// Wait before the ends of the topic are compared again.
const COMPARE_AGAIN: Duration = Duration::from_millis(20);

impl LogReader {
    /// Sets up the clients; nothing is read yet.
    pub(super) fn new(config: &KafkaConfig) -> anyhow::Result<Self> {
        let mut client = config.consumer();
        // The search asks for single messages: an answer must not wait for more of them.
        client.set("fetch.wait.max.ms", "10");
        let consumer = client.create().context("cannot set up the Kafka client")?;
        client.set("isolation.level", "read_uncommitted");
        let all = client.create().context("cannot set up the Kafka client")?;
        Ok(Self { consumer, all, topic: topics::of_log(&config.pipeline) })
    }

    fn place(&self) -> (&str, i32) {
        (&self.topic, PARTITION)
    }

    /// The end of the topic, once no transaction in it is open: a reader of committed data would stop before one, and
    /// take a commit behind it for one that never was. The topic must begin with its first message.
    fn end(&self) -> anyhow::Result<i64> {
        let topic = &self.topic;
        let end = partition::end(&self.all, self.place())?;
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        loop {
            let (low, stable) = partition::ends(&self.consumer, self.place())?;
            ensure!(
                low == 0,
                "topic {topic} begins at offset {low}: its first messages are gone, and with them the state; it must be kept for ever (retention.ms=-1)"
            );
            if stable >= end {
                return Ok(stable);
            }
            if Instant::now() > deadline {
                let said = format!(
                    "topic {topic} ends at {end}, and is committed up to {stable}: a transaction in it is open"
                );
                return Err(TopicsError::Doubt(said).into());
            }
            std::thread::sleep(COMPARE_AGAIN);
        }
    }

    /// The content of the control record: the first frame of the topic. `None` when the topic is empty.
    pub(super) fn control(&self) -> anyhow::Result<Option<Vec<u8>>> {
        self.end()?;
        self.stand_at(0)?;
        let Some(message) = self.next()? else { return Ok(None) };
        let mut joiner = Joiner::default();
        let epoch =
            joiner.take(message.payload().unwrap_or_default()).with_context(|| self.said(&message))?;
        ensure!(epoch == Some(0), "topic {} does not begin with a control record", self.topic);
        Ok(Some(joiner.frame().to_vec()))
    }

    /// Hands over every frame behind `epoch`. The frame of `epoch` itself must be there.
    pub(super) fn follow(&self, epoch: u64, apply: &mut ApplyFrame<'_>) -> anyhow::Result<()> {
        self.stand_at(self.first_of(epoch, self.end()?)?)?;
        let mut joiner = Joiner::default();
        let mut last = None;
        while let Some(message) = self.next()? {
            let payload = message.payload().unwrap_or_default();
            let Some(found) = joiner.take(payload).with_context(|| self.said(&message))? else { continue };
            match last {
                None => {
                    ensure!(found == epoch, "topic {}: epoch {found} stands where {epoch} should", self.topic)
                }
                Some(last) => {
                    ensure!(found == last + 1, "topic {}: epoch {found} follows epoch {last}", self.topic);
                    apply(found, joiner.frame())?;
                }
            }
            last = Some(found);
        }
        ensure!(!joiner.is_open(), "topic {} ends within the frame of an epoch", self.topic);
        ensure!(
            last.is_some(),
            "topic {} ends before epoch {epoch}, where this state stands: the state is of another cluster, or the topic lost messages",
            self.topic
        );
        Ok(())
    }

    /// The first offset of `epoch`, or of the first epoch behind it; the end when there is neither.
    fn first_of(&self, epoch: u64, end: i64) -> anyhow::Result<i64> {
        let (mut low, mut high) = (0, end);
        while low < high {
            let middle = low + (high - low) / 2;
            self.stand_at(middle)?;
            let before = match self.next()? {
                Some(message) => {
                    let chunk = Chunk::decode(message.payload().unwrap_or_default())
                        .with_context(|| self.said(&message))?;
                    chunk.epoch < epoch
                }
                None => false,
            };
            if before {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn said(&self, message: &BorrowedMessage<'_>) -> String {
        format!("topic {}, offset {}", self.topic, message.offset())
    }

    fn stand_at(&self, offset: i64) -> anyhow::Result<()> {
        partition::stand_at(&self.consumer, self.place(), offset)
    }

    /// The next committed message; `None` at the end of the topic.
    fn next(&self) -> anyhow::Result<Option<BorrowedMessage<'_>>> {
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        loop {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => return Ok(Some(message)),
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
                // A broker that is away may come back before the deadline.
                Some(Err(found)) if Instant::now() > deadline => {
                    return Err(error::outside(&format!("read {}", self.topic), &found));
                }
                None if Instant::now() > deadline => {
                    let said = format!("cannot read {}: no answer in {ANSWER_TIMEOUT:?}", self.topic);
                    return Err(TopicsError::Doubt(said).into());
                }
                Some(Err(_)) | None => {}
            }
        }
    }
}
