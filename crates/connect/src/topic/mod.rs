//! A topic as a source: contiguous ranges of its partitions are the files of the schedule.
//! Relies on the broker for order and for what is committed; the state, not the broker, says where to go on.
//! Never begins from the earliest or the latest message because a position is missing or gone: that is an error.
//!
//! | of a file | of a range |
//! |---|---|
//! | name | `<topic>/<partition>@<from>-<to>`, from the first offset to before `to` |
//! | size, offset in it | offsets; the message at offset *n* of the file has offset `from + n` |
//! | record | the value of a message; one without a value is an empty record |
//! | block | messages of consecutive offsets, each value behind its length |
//! | prefix hash | of the last message before the block, its offset and the range's name |
//!
//! Offsets without a message (ends of transactions, aborted messages) end a block and belong to none. A topic must not
//! be compacted: what was shown once must be shown again.

mod blocks;
mod error;
mod pool;
mod range;
mod reader;
mod scan;

use crate::kafka::KafkaConfig;
use caudal_engine::source::{BlockReader, FileClaim, FileProgress, Find, FoundFile, Scan, Source};
use caudal_engine::topics::InputOffset;
use pool::Pool;
use range::Range;
use std::sync::Arc;

pub use error::TopicError;
pub use range::RANGE_MAX;

/// How a message holds its record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// A line; a line end behind it does not belong to it.
    Line,
    /// Octets, all of them.
    Octets,
}

/// One topic as a source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicConfig {
    /// Index of the source in the pipeline.
    pub source: u16,
    /// The topic.
    pub topic: String,
    /// Shortest time between two ranges of a partition, in milliseconds, while all that is there has been claimed.
    pub linger_ms: i64,
    /// How a message holds its record.
    pub value: Value,
    /// How long no new message may come before the source counts as silent, in milliseconds; `None` when any time.
    pub silent_after_ms: Option<i64>,
}

/// A topic as a source.
#[derive(Debug)]
pub struct TopicSource {
    config: TopicConfig,
    pool: Arc<Pool>,
    scan: scan::Memory,
}

impl TopicSource {
    /// A source over the topic, at the brokers of `kafka`; nothing is connected before the first scan.
    pub fn new(config: TopicConfig, kafka: KafkaConfig) -> Self {
        Self { config, pool: Arc::new(Pool::new(kafka)), scan: scan::Memory::default() }
    }
}

impl Source for TopicSource {
    fn resume(&mut self, claimed: &[&FoundFile]) {
        self.scan = scan::Memory::resume(&self.config.topic, claimed);
    }

    fn scan(&mut self, scan: &Scan<'_>) -> anyhow::Result<Vec<Find>> {
        scan::scan(&self.config, &self.pool, (&mut self.scan, scan))
    }

    fn silent_after_ms(&self) -> Option<i64> {
        self.config.silent_after_ms
    }

    fn open(&self, claim: &FileClaim, from: FileProgress) -> anyhow::Result<Box<dyn BlockReader>> {
        let range = Range::of_topic(&self.config.topic, &claim.found)?;
        let reader = reader::Reader::open((&self.config, &self.pool), range, from)?;
        Ok(Box::new(reader))
    }

    fn finish(&self, _: &FileClaim) -> anyhow::Result<()> {
        Ok(())
    }

    fn input_offset(&self, claim: &FileClaim, progress: Option<FileProgress>) -> Option<InputOffset> {
        let range = Range::of_topic(&self.config.topic, &claim.found).ok()?;
        let next = progress.map_or(range.to, |progress| range.next(progress));
        Some(InputOffset { topic: self.config.topic.clone(), partition: range.partition, next })
    }
}

#[cfg(test)]
mod tests;
