//! Messages into topics as others write them, and what a group and retention leave of them.
//! Relies on transactions of one partition each being sent and ended before the next begins.
//! Never retries: a test that cannot write has failed.

use crate::client::{ANSWER_MOST, config, wait};
use anyhow::{Context, Result};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

/// How a transaction ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Readers see it.
    Commit,
    /// No reader of committed data sees it.
    Abort,
}

/// Writes messages in transactions.
pub struct Feed {
    producer: BaseProducer,
    topic: String,
}

impl Feed {
    /// A writer of the topic, by a transactional id of the same name.
    ///
    /// # Errors
    /// If the broker does not let it begin.
    pub fn new(bootstrap: &str, topic: &str) -> Result<Self> {
        let mut config = config(bootstrap);
        config.set("transactional.id", topic).set("linger.ms", "1");
        let producer: BaseProducer = config.create()?;
        producer.init_transactions(ANSWER_MOST)?;
        Ok(Self { producer, topic: topic.to_owned() })
    }

    /// One transaction of these values, all to one partition.
    ///
    /// # Errors
    /// If the broker does not take it.
    pub fn transaction<'v>(
        &self,
        partition: i32,
        values: impl IntoIterator<Item = &'v [u8]>,
        end: End,
    ) -> Result<()> {
        self.producer.begin_transaction()?;
        for value in values {
            let record = BaseRecord::<[u8], [u8]>::to(&self.topic).partition(partition).payload(value);
            self.producer.send(record).map_err(|(error, _)| error)?;
        }
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(1));
        }
        match end {
            End::Commit => self.producer.commit_transaction(ANSWER_MOST)?,
            End::Abort => self.producer.abort_transaction(ANSWER_MOST)?,
        }
        Ok(())
    }
}

/// The offset that a group has committed for a partition, and the end of it that a reader of committed data is told.
///
/// # Errors
/// If the broker does not answer.
pub fn group_and_end(
    bootstrap: &str,
    group: &str,
    (topic, partition): (&str, i32),
) -> Result<(Option<i64>, i64)> {
    let mut config = config(bootstrap);
    config.set("group.id", group).set("isolation.level", "read_committed");
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition(topic, partition);
    let committed = consumer.committed_offsets(list, ANSWER_MOST)?;
    let committed = committed.find_partition(topic, partition).context("no answer for the partition")?;
    let committed = match committed.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    };
    let (_, end) = consumer.fetch_watermarks(topic, partition, ANSWER_MOST)?;
    Ok((committed, end))
}

/// Deletes the messages of a partition before an offset, as retention does.
///
/// # Errors
/// If the broker refuses.
pub fn delete_before(bootstrap: &str, (topic, partition): (&str, i32), offset: i64) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = config(bootstrap).create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    let options = AdminOptions::new().operation_timeout(Some(ANSWER_MOST)).request_timeout(Some(ANSWER_MOST));
    let deleted = wait(admin.delete_records(&list, &options))?;
    deleted.elements().iter().try_for_each(|element| Ok(element.error()?))
}
