//! One transaction for each epoch: lines, frame and input offsets, committed together.
//! Relies on the thread that commits to be the only one here; the client's calls block.
//! Never begins another transaction on a connection that saw a disturbance: a request still on its way could hit it.

use super::log::{LogReader, PARTITION};
use super::messages::{Draft, draft};
use super::{ANSWER_TIMEOUT, KafkaConfig, LOOK, TRANSACTION_TIMEOUT, error, topics};
use anyhow::Context;
use caudal_engine::fail;
use caudal_engine::topics::{ApplyFrame, InputOffset, Topics, TopicsError};
use caudal_usage::Stream;
use caudal_wire::chunk::Chunk;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Messages sent between two looks at what was acknowledged.
const POLL_EVERY: u64 = 4096;

/// Pause between two looks at what was acknowledged, when everything is sent.
const PAUSE: Duration = Duration::from_millis(1);

/// How long a run that is to stop waits for the acknowledgement of what it has sent.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Notes what the client tells from its own threads.
#[derive(Default)]
struct Witness {
    /// A broker or coordinator was lost, or a message was not delivered, since the flag was taken last.
    disturbed: AtomicBool,
}

impl ClientContext for Witness {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, "kafka: {message}");
    }

    /// The first of a row is for the operator; while a broker is away there are several a second.
    fn error(&self, error: KafkaError, reason: &str) {
        if self.disturbed.swap(true, Ordering::Relaxed) {
            tracing::debug!("kafka: {error}: {reason}");
        } else {
            tracing::warn!(event = "kafka_disturbed", "{error}: {reason}");
        }
    }
}

impl ProducerContext for Witness {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_err() {
            self.disturbed.store(true, Ordering::Relaxed);
        }
    }
}

/// The topics of a pipeline, held by this instance.
pub(super) struct Transaction {
    config: Arc<KafkaConfig>,
    producer: BaseProducer<Witness>,
    /// When the transaction that is open was begun.
    begun: Option<Instant>,
    streams: Vec<String>,
    log: String,
    /// A reader of the log topic, until the line has followed it: connecting takes longer than reading a short log.
    reader: Option<LogReader>,
    /// Ends the reader that is not needed any more.
    ending: Option<JoinHandle<()>>,
    /// `ce_source` of every event.
    source: String,
    /// Set when the run should stop.
    stop: Arc<AtomicBool>,
    /// Name of the group whose offsets are committed, made when the first offset is.
    group: Option<ConsumerGroupMetadata>,
}

impl Transaction {
    /// Fences whoever held the topics, and waits until its open transaction is gone.
    pub(super) fn begin_life(config: Arc<KafkaConfig>, stop: Arc<AtomicBool>) -> anyhow::Result<Self> {
        let producer = producer(&config, &stop)?;
        let streams = Stream::ALL.map(|stream| topics::of_stream(&config.pipeline, stream)).to_vec();
        let log = topics::of_log(&config.pipeline);
        let source = format!("/caudal/{}", config.pipeline);
        Ok(Self {
            config,
            producer,
            begun: None,
            streams,
            log,
            reader: None,
            ending: None,
            source,
            stop,
            group: None,
        })
    }

    /// Reads the log topic.
    pub(super) fn log_reader(&mut self) -> anyhow::Result<&LogReader> {
        Ok(match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(LogReader::new(&self.config)?),
        })
    }

    fn age(&self) -> Duration {
        self.begun.map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    fn failed(&self, doing: &str, found: &KafkaError) -> anyhow::Error {
        error::in_transaction(doing, found, self.age())
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        if self.begun.is_none() {
            self.producer.begin_transaction().map_err(|found| self.failed("begin a transaction", &found))?;
            self.begun = Some(Instant::now());
        }
        Ok(())
    }

    /// Queues one message; waits while the queue is full.
    fn send(&self, record: BaseRecord<'_, str, [u8]>) -> anyhow::Result<()> {
        let mut record = record;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if self.age() < TRANSACTION_TIMEOUT =>
                {
                    self.producer.poll(Duration::from_millis(5));
                    record = back;
                }
                Err((found, _)) => return Err(self.failed("send a message", &found)),
            }
        }
    }

    /// Waits until every message is acknowledged. The client's own flush takes its full hundred milliseconds; its poll
    /// cuts what is left of a wait to whole milliseconds, so the last one of each would be spent looking at the clock.
    fn drain(&self) -> anyhow::Result<()> {
        loop {
            self.producer.poll(Duration::ZERO);
            if self.producer.in_flight_count() == 0 {
                return Ok(());
            }
            if self.age() > TRANSACTION_TIMEOUT {
                let said = format!("messages were not acknowledged within {TRANSACTION_TIMEOUT:?}");
                return Err(TopicsError::Doubt(said).into());
            }
            if self.age() > STOP_PATIENCE && self.stop.load(Ordering::Relaxed) {
                let said = format!(
                    "messages were not acknowledged within {STOP_PATIENCE:?}, and the run is told to stop"
                );
                return Err(TopicsError::Doubt(said).into());
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn send_offsets(&mut self, offsets: &[InputOffset]) -> anyhow::Result<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        if self.group.is_none() {
            let consumer: BaseConsumer =
                self.config.consumer().create().context("cannot set up the Kafka client")?;
            self.group = consumer.group_metadata();
        }
        let group = self.group.as_ref().context("the client gave no group")?;
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for offset in offsets {
            list.add_partition_offset(&offset.topic, offset.partition, Offset::Offset(offset.next))?;
        }
        let sent = self.producer.send_offsets_to_transaction(&list, group, ANSWER_TIMEOUT);
        sent.map_err(|found| self.failed("send the input offsets", &found))
    }
}

/// Whoever ends a process must have ended its clients.
impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(ending) = self.ending.take() {
            let _ = ending.join();
        }
    }
}

/// A producer that holds the transactional id. A start that must wait looks whether it is still wanted.
fn producer(config: &KafkaConfig, stop: &AtomicBool) -> anyhow::Result<BaseProducer<Witness>> {
    let producer: BaseProducer<Witness> = config
        .producer()
        .create_with_context(Witness::default())
        .context("cannot set up the Kafka client")?;
    // Without a connection the client looks again after half a second; with one it goes on at once.
    let _ = producer.client().fetch_metadata(Some(&topics::of_log(&config.pipeline)), LOOK);
    let began = Instant::now();
    loop {
        match producer.init_transactions(LOOK) {
            Ok(()) => return Ok(producer),
            Err(KafkaError::Transaction(found))
                if found.is_retriable()
                    && began.elapsed() < ANSWER_TIMEOUT
                    && !stop.load(Ordering::Relaxed) => {}
            Err(found) => return Err(error::outside(&format!("begin work at {}", config.brokers), &found)),
        }
    }
}

impl Topics for Transaction {
    fn follow(&mut self, epoch: u64, apply: &mut ApplyFrame<'_>) -> anyhow::Result<()> {
        self.log_reader()?.follow(epoch, apply)?;
        // A line follows once. Clients take some tenths of a second to end, for which it need not wait.
        let reader = self.reader.take();
        self.ending = Some(std::thread::spawn(|| drop(reader)));
        Ok(())
    }

    fn append(&mut self, stream: Stream, lines: &[u8]) -> anyhow::Result<u64> {
        let mut count = 0;
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', lines) {
            let line = lines.get(begin..end).unwrap_or_default();
            begin = end + 1;
            self.begin()?;
            let Draft { key, value, headers } = draft(stream, line, &self.source)?;
            let topic = self.streams.get(stream as usize).map_or("", String::as_str);
            self.send(BaseRecord::to(topic).key(key.as_ref()).payload(value.as_ref()).headers(headers))?;
            count += 1;
            if count % POLL_EVERY == 0 {
                self.producer.poll(Duration::ZERO);
            }
        }
        Ok(count)
    }

    fn commit(&mut self, epoch: u64, frame: &[u8], offsets: &[InputOffset]) -> anyhow::Result<()> {
        self.begin()?;
        for chunk in Chunk::cut(epoch, frame) {
            let message = chunk.encode();
            self.send(BaseRecord::to(&self.log).partition(PARTITION).payload(message.as_slice()))?;
        }
        fail::at("commit.topics.sent")?;
        self.send_offsets(offsets)?;
        self.drain()?;
        fail::at("commit.topics.drained")?;
        let end = self.producer.commit_transaction(TRANSACTION_TIMEOUT);
        end.map_err(|found| self.failed("commit the transaction", &found))?;
        fail::at("commit.topics.committed")?;
        self.begun = None;
        if self.producer.context().disturbed.swap(false, Ordering::Relaxed) {
            // The transaction stands. A repeated request of its end may still be on its way: another epoch of the
            // producer makes the broker refuse it.
            self.producer = producer(&self.config, &self.stop)?;
        }
        Ok(())
    }
}
