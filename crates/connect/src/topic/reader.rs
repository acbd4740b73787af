//! A range of a partition to blocks: values of messages, each behind its length.
//! Relies on the broker to show the committed messages of a range in order, and the same ones again.
//! Never ends a range before every offset of it is known to be read: an end that is told is asked for twice.

use super::blocks::{Blocks, Draft};
use super::error::TopicError;
use super::pool::{Lent, Pool};
use super::range::Range;
use super::{TopicConfig, Value};
use crate::kafka::error::outside;
use crate::kafka::{ANSWER_TIMEOUT, partition};
use caudal_engine::source::{Block, BlockReader, FileProgress};
use caudal_engine::topics::TopicsError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Longest wait in one call of the client.
const POLL: Duration = Duration::from_millis(100);

/// Reads one range. See [`BlockReader`].
pub(super) struct Reader {
    input: Input,
    value: Value,
    blocks: Blocks,
    /// A message that was read and belongs to the next block.
    ahead: Option<(i64, Vec<u8>)>,
    done: bool,
}

impl Reader {
    /// Opens the range where `from` says, having compared the message before.
    pub(super) fn open(
        (config, pool): (&TopicConfig, &Arc<Pool>),
        range: Range,
        from: FileProgress,
    ) -> anyhow::Result<Self> {
        let name = range.found(&config.topic, config.source).name;
        let input = Input {
            lent: pool.take()?,
            topic: config.topic.clone(),
            range,
            next: Cell::new(range.next(from)),
            at_end: Cell::new(false),
        };
        let blocks = Blocks::new(range, &name, from);
        let reader = Self { input, value: config.value, blocks, ahead: None, done: false };
        reader.begin()?;
        Ok(reader)
    }

    /// Stands at the next message. The last one that was read is looked at first, unless it is gone: that is no loss.
    fn begin(&self) -> anyhow::Result<()> {
        let next = self.input.next.get();
        let (low, _) = self.input.ends()?;
        if self.blocks.at().offset == 0 || next == low {
            return self.input.stand_at(next);
        }
        let last = next - 1;
        self.input.stand_at(last)?;
        let same = match self.input.poll()? {
            Some(message) if message.offset() == last => {
                let payload = message.payload().unwrap_or_default();
                self.blocks.hash(last, record(self.value, payload)) == self.blocks.at().prefix_hash
            }
            _ => false,
        };
        if !same {
            let Input { topic, range, .. } = &self.input;
            let other = TopicError::Other { topic: topic.clone(), partition: range.partition, offset: last };
            return Err(other.into());
        }
        self.input.next.set(next);
        Ok(())
    }

    /// The next block, and whether the range ends with it.
    fn fill(&mut self) -> anyhow::Result<(Draft, bool)> {
        let mut draft = Draft::default();
        let range = self.input.range;
        if let Some((offset, value)) = self.ahead.take() {
            draft.take(offset, &value);
            if offset + 1 == range.to {
                return Ok((draft, true));
            }
        }
        loop {
            let Some(message) = self.input.poll()? else { return Ok((draft, true)) };
            let offset = message.offset();
            if offset >= range.to {
                return Ok((draft, true));
            }
            let value = record(self.value, message.payload().unwrap_or_default());
            if !draft.take(offset, value) {
                self.ahead = Some((offset, value.to_vec()));
                return Ok((draft, false));
            }
            if offset + 1 == range.to {
                return Ok((draft, true));
            }
        }
    }
}

impl BlockReader for Reader {
    fn next_block(&mut self) -> anyhow::Result<Option<Block>> {
        if self.done {
            return Ok(None);
        }
        let (draft, last) = self.fill()?;
        if last {
            self.done = true;
            self.input.lent.give_back();
        }
        Ok(Some(self.blocks.next(draft, last)))
    }

    fn head(&self) -> &[u8] {
        // A message has no header.
        &[]
    }
}

/// The record of a message.
fn record(value: Value, payload: &[u8]) -> &[u8] {
    match value {
        Value::Octets => payload,
        Value::Line => {
            let line = payload.strip_suffix(b"\n").unwrap_or(payload);
            line.strip_suffix(b"\r").unwrap_or(line)
        }
    }
}

/// The messages of a range as they come.
struct Input {
    lent: Lent,
    topic: String,
    range: Range,
    /// Offset behind the last message that came.
    next: Cell<i64>,
    /// The partition was said to end where it is read, and goes on at least to the end of the range.
    at_end: Cell<bool>,
}

impl Input {
    fn stand_at(&self, offset: i64) -> anyhow::Result<()> {
        partition::stand_at(self.lent.consumer()?, (&self.topic, self.range.partition), offset)
    }

    /// The ends of the partition; an error unless what is left of the range is within.
    fn ends(&self) -> anyhow::Result<(i64, i64)> {
        let (topic, partition, next) = (self.topic.clone(), self.range.partition, self.next.get());
        let (low, high) = partition::ends(self.lent.consumer()?, (&topic, partition))?;
        if next < low {
            return Err(TopicError::Lost { topic, partition, next, low }.into());
        }
        if high < self.range.to {
            return Err(TopicError::Short { topic, partition, next: self.range.to, high }.into());
        }
        Ok((low, high))
    }

    /// The next committed message, be it of the range or behind it; `None` when the partition ends.
    fn poll(&self) -> anyhow::Result<Option<BorrowedMessage<'_>>> {
        let consumer = self.lent.consumer()?;
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        loop {
            match consumer.poll(POLL) {
                Some(Ok(message)) => {
                    self.next.set(message.offset() + 1);
                    self.at_end.set(false);
                    return Ok(Some(message));
                }
                Some(Err(KafkaError::PartitionEOF(_))) if self.at_end.get() => return Ok(None),
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    // A new leader may not know yet how far it reaches. It does once it has answered for the ends, so
                    // an end that is told after that is the end.
                    self.ends()?;
                    self.at_end.set(true);
                    self.stand_at(self.next.get())?;
                }
                Some(Err(KafkaError::MessageConsumption(
                    RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange,
                ))) => {
                    self.ends()?;
                    self.doubt("the offset was refused")?;
                }
                // A broker that is away may come back before the deadline.
                Some(Err(found)) if Instant::now() > deadline => {
                    return Err(outside(&format!("read {}", self.topic), &found));
                }
                None if Instant::now() > deadline => {
                    self.doubt(&format!("no answer in {ANSWER_TIMEOUT:?}"))?;
                }
                Some(Err(_)) | None => {}
            }
        }
    }

    fn doubt(&self, why: &str) -> anyhow::Result<()> {
        let at = self.next.get();
        Err(TopicsError::Doubt(format!("cannot read {} at offset {at}: {why}", self.topic)).into())
    }
}
