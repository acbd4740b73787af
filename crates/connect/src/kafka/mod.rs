//! Topics of Apache Kafka as the place of commits: one transaction for each epoch.
//! Relies on one transactional id per pipeline: whoever connects fences the instance before it.
//! Never goes on after an unclear end of a transaction: the connection is dropped, and the log topic is read.
//!
//! | topic | key | value |
//! |---|---|---|
//! | `<pipeline>.rated` | account | a billable event, JSON; CloudEvents 1.0 headers |
//! | `<pipeline>.suspense` | source and file | the record's original octets; why and where in headers |
//! | `<pipeline>.duplicates`, `.audit` | source and file | a line, JSON |
//! | `<pipeline>.log` | none | commits, cut into chunks; one partition, kept for ever |

mod control;
pub(crate) mod error;
mod log;
mod messages;
pub(crate) mod partition;
mod reading;
mod topics;
mod transaction;

use caudal_engine::topics::{Broker, Topics};
use caudal_usage::{KeySecret, Stream};
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use transaction::Transaction;

pub use reading::Kept;

/// The longest that a transaction may stay open before the broker aborts it. An epoch takes a fraction of a second.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest wait for one answer of a broker.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a wait for a broker looks whether the run is to stop.
const LOOK: Duration = Duration::from_secs(1);

/// What becomes of topics that are not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Missing {
    /// They are created.
    Create {
        /// Partitions of the topics that consumers read.
        partitions: i32,
        /// Copies of each.
        replication: i32,
    },
    /// The run is refused.
    #[default]
    Refuse,
}

/// The topics of one pipeline. Its `Debug` form leaves out the properties, which may hold passwords.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct KafkaConfig {
    /// Name of the pipeline: its transactional id, its consumer group, and the beginning of its topics' names.
    pub pipeline: String,
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// What becomes of topics that are not there.
    pub missing: Missing,
    /// `none`, `lz4`, `gzip`, …, as the client names it.
    pub compression: String,
    /// Other properties of the client, for security and tuning; they go first, so that they break no promise.
    pub properties: Vec<(String, String)>,
}

impl fmt::Debug for KafkaConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("KafkaConfig");
        shown.field("pipeline", &self.pipeline).field("brokers", &self.brokers).finish_non_exhaustive()
    }
}

impl KafkaConfig {
    /// The topic that holds the commits.
    pub fn log_topic(&self) -> String {
        topics::of_log(&self.pipeline)
    }

    /// True for a topic that the pipeline itself writes.
    pub fn writes(&self, topic: &str) -> bool {
        topics::all(&self.pipeline).iter().any(|own| own == topic)
    }

    /// Asks the client library, without connecting: an unknown property, a value that is none, or what this build leaves out
    /// is told in its words.
    pub fn check(&self) -> Result<(), String> {
        let refused = |found| match found {
            KafkaError::ClientConfig(_, said, ..) => said,
            other => other.to_string(),
        };
        self.producer().create_native_config().map_err(refused)?;
        self.consumer().create_native_config().map_err(refused)?;
        Ok(())
    }

    /// What producers and consumers have in common.
    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        for (name, value) in &self.properties {
            client.set(name, value);
        }
        client.set("bootstrap.servers", &self.brokers).set("client.id", format!("caudal-{}", self.pipeline));
        client
    }

    fn producer(&self) -> ClientConfig {
        let mut client = self.client();
        let timeout_ms = TRANSACTION_TIMEOUT.as_millis().to_string();
        client
            .set("transactional.id", &self.pipeline)
            .set("transaction.timeout.ms", &timeout_ms)
            // Not longer than the transaction: a message must not arrive behind its end.
            .set("message.timeout.ms", &timeout_ms)
            .set("partitioner", "murmur2_random")
            .set("compression.type", &self.compression)
            // An epoch is bounded; the queue must take it whole.
            .set("queue.buffering.max.messages", "0")
            .set("queue.buffering.max.kbytes", "2097151");
        client
    }

    pub(crate) fn consumer(&self) -> ClientConfig {
        let mut client = self.client();
        client
            .set("group.id", &self.pipeline)
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed");
        client
    }
}

/// A cluster, as a pipeline uses it.
#[derive(Clone)]
pub struct Kafka {
    config: Arc<KafkaConfig>,
    /// Set when whoever waits for a broker should give up.
    stop: Arc<AtomicBool>,
    /// What was taken over to agree on the secret, until it is connected.
    held: Arc<Mutex<Option<Transaction>>>,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Kafka {
    /// The topics of `config`; nothing is connected yet.
    pub fn new(config: KafkaConfig) -> Self {
        Self { config: Arc::new(config), stop: Arc::default(), held: Arc::default() }
    }

    /// The same, but waits for a broker end soon after `stop` is set.
    pub fn stopped_by(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop, ..self }
    }

    /// What it was made of.
    pub fn config(&self) -> &KafkaConfig {
        &self.config
    }

    fn take_over(&self) -> anyhow::Result<Transaction> {
        Transaction::begin_life(Arc::clone(&self.config), Arc::clone(&self.stop))
    }

    /// Takes the topics over, creates what is missing, and agrees on the secret of the fingerprints: that of the log
    /// topic when it has one, else `proposed`, which is then written there.
    pub fn agree(&self, proposed: KeySecret) -> anyhow::Result<KeySecret> {
        topics::ensure(&self.config, &self.stop)?;
        let mut transaction = self.take_over()?;
        let agreed = control::agree(&self.config, &mut transaction, proposed)?;
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(transaction);
        Ok(agreed)
    }

    /// Visits the value of every committed message of a stream, in order within a partition, until `visit` says false.
    pub fn visit(
        &self,
        stream: Stream,
        visit: &mut dyn FnMut(&[u8]) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Kept> {
        reading::visit(&self.config, stream, visit)
    }

    /// Asks the brokers for their topics: for `validate --online`.
    pub fn probe(&self) -> anyhow::Result<()> {
        topics::probe(&self.config)
    }
}

impl Broker for Kafka {
    /// The first time, with what agreed a moment ago: its fence stands. Whoever came since has fenced it, and its first
    /// commit will say so.
    fn connect(&self) -> anyhow::Result<Box<dyn Topics>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Box::new(held.map_or_else(|| self.take_over(), Ok)?))
    }
}
