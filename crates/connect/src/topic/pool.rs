//! Consumers, kept from one range to the next: making one takes longer than reading a short range.
//! Relies on assigning partitions by hand: no group is joined, so nothing is rebalanced.
//! Never keeps a consumer that saw an error.

use crate::kafka::KafkaConfig;
use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::sync::{Arc, Mutex, PoisonError};

/// Idle consumers that are kept.
const IDLE_MAX: usize = 4;

/// Consumers of one cluster.
pub(super) struct Pool {
    kafka: KafkaConfig,
    idle: Mutex<Vec<BaseConsumer>>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("brokers", &self.kafka.brokers).finish_non_exhaustive()
    }
}

impl Pool {
    pub(super) fn new(kafka: KafkaConfig) -> Self {
        Self { kafka, idle: Mutex::default() }
    }

    /// A consumer without an assignment.
    pub(super) fn take(self: &Arc<Self>) -> anyhow::Result<Lent> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let consumer = match idle {
            Some(consumer) => consumer,
            None => {
                let mut client = self.kafka.consumer();
                // The end of a range may lie at the end of the partition: an answer must not wait for more.
                client.set("fetch.wait.max.ms", "50");
                client.create().context("cannot set up the Kafka client")?
            }
        };
        Ok(Lent { consumer: Some(consumer), pool: Arc::clone(self) })
    }
}

/// A consumer in use.
pub(super) struct Lent {
    consumer: Option<BaseConsumer>,
    pool: Arc<Pool>,
}

impl Lent {
    /// Gives the consumer back: it answered all that it was asked.
    pub(super) fn give_back(&mut self) {
        let Some(consumer) = self.consumer.take().filter(|consumer| consumer.unassign().is_ok()) else {
            return;
        };
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(consumer);
        }
    }

    pub(super) fn consumer(&self) -> anyhow::Result<&BaseConsumer> {
        self.consumer.as_ref().context("a consumer was given back and is used")
    }
}
