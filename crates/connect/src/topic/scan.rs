//! The ends of a topic's partitions to ranges that nobody has claimed.
//! Relies on being told at the start what the state has claimed: the next range begins where the last one ends.
//! Never passes over an offset: what is gone, or shorter than it was, is an error.

use super::TopicConfig;
use super::error::TopicError;
use super::pool::Pool;
use super::range::{RANGE_MAX, Range};
use crate::kafka::partition;
use caudal_engine::source::{FileStat, Find, FoundFile, Scan, Standing};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a scan remembers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// By partition, the next offset that is not claimed.
    next: BTreeMap<i32, i64>,
    /// Ranges that were shown, and not claimed when last looked at.
    shown: Vec<Range>,
    /// When the brokers were asked last.
    asked_ms: Option<i64>,
    /// A range was cut at its bound: more waits behind it.
    more: bool,
    /// Name of the last range that was given, when there were more than wanted: the next scan goes on behind it.
    behind: Option<Vec<u8>>,
}

impl Memory {
    /// The memory of a source whose state has claimed these files.
    pub(super) fn resume(topic: &str, claimed: &[&FoundFile]) -> Self {
        let mut memory = Self::default();
        for range in claimed.iter().filter_map(|found| Range::of_topic(topic, found).ok()) {
            memory.passed(range);
        }
        memory
    }

    fn passed(&mut self, range: Range) {
        let next = self.next.entry(range.partition).or_insert(range.to);
        *next = range.to.max(*next);
    }

    /// True when the brokers are to be asked: not more often than the source lingers, but at once while more waits.
    fn is_due(&self, now_ms: i64, linger_ms: i64) -> bool {
        let waited = |asked: i64| now_ms < asked || now_ms.saturating_sub(asked) >= linger_ms;
        self.more || self.asked_ms.is_none_or(waited)
    }
}

/// Ranges to claim, in order of their names.
pub(super) fn scan(
    config: &TopicConfig,
    pool: &Arc<Pool>,
    (memory, scan): (&mut Memory, &Scan<'_>),
) -> anyhow::Result<Vec<Find>> {
    for range in std::mem::take(&mut memory.shown) {
        if is_new(config, scan, range) {
            memory.shown.push(range);
        } else {
            memory.passed(range);
        }
    }
    if memory.shown.is_empty() && memory.is_due(scan.now_ms, config.linger_ms) {
        ask(config, pool, memory)?;
        memory.asked_ms = Some(scan.now_ms);
        memory.shown.retain(|range| is_new(config, scan, *range));
    }
    let mut found: Vec<_> =
        memory.shown.iter().map(|range| range.found(&config.topic, config.source)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let given = memory.behind.take();
    let from = given.map_or(0, |given| found.partition_point(|file| file.name <= given));
    found.drain(..if from < found.len() { from } else { 0 });
    if found.len() > scan.limit {
        found.truncate(scan.limit);
        memory.behind = found.last().map(|file| file.name.clone());
    }
    Ok(found.into_iter().map(|file| Find { file, continues: None }).collect())
}

fn is_new(config: &TopicConfig, scan: &Scan<'_>, range: Range) -> bool {
    let found = range.found(&config.topic, config.source);
    let stat = FileStat { name: &found.name, size: found.size, inode: found.inode, mtime_ns: found.mtime_ns };
    matches!((scan.standing)(&stat), Standing::New)
}

/// Asks for the ends of every partition, and shows what stands behind the claimed ranges.
fn ask(config: &TopicConfig, pool: &Arc<Pool>, memory: &mut Memory) -> anyhow::Result<()> {
    let mut lent = pool.take()?;
    let consumer = lent.consumer()?;
    let partitions = partition::all(consumer, &config.topic)?;
    if partitions.is_empty() {
        return Err(TopicError::Absent { topic: config.topic.clone() }.into());
    }
    if let Some(gone) = memory.next.keys().find(|partition| !partitions.contains(partition)) {
        return Err(TopicError::Partition { topic: config.topic.clone(), partition: *gone }.into());
    }
    memory.more = false;
    for partition in partitions {
        let ends = partition::ends(consumer, (&config.topic, partition))?;
        let recorded = memory.next.get(&partition).copied();
        let Some(range) = behind((&config.topic, partition), recorded, ends)? else { continue };
        memory.more |= range.to < ends.1;
        memory.shown.push(range);
    }
    lent.give_back();
    Ok(())
}

/// The range behind what was claimed, up to the end and at most [`RANGE_MAX`] offsets. A partition of which nothing was
/// claimed yet begins with its first message.
pub(super) fn behind(
    (topic, partition): (&str, i32),
    recorded: Option<i64>,
    (low, high): (i64, i64),
) -> Result<Option<Range>, TopicError> {
    let from = recorded.unwrap_or(low);
    let topic = || topic.to_owned();
    if from < low {
        return Err(TopicError::Lost { topic: topic(), partition, next: from, low });
    }
    if from > high {
        return Err(TopicError::Short { topic: topic(), partition, next: from, high });
    }
    let to = high.min(from.saturating_add(RANGE_MAX));
    Ok((from < to).then_some(Range { partition, from, to }))
}
