//! Turns topics into lists a test can compare: made, and read from the first message to the end.
//! Relies on librdkafka, as the product does; the broker is the real one.
//! Never joins a group: reading leaves no trace in the broker.

use anyhow::{Context, Result, bail};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How long an answer may take on a busy machine.
pub(crate) const ANSWER_MOST: Duration = Duration::from_secs(30);

/// How long reading may stand still: a transaction that is open holds the end back only until it ends.
const SILENCE_MOST: Duration = Duration::from_secs(30);

/// A topic to be made.
#[derive(Clone, Copy, Debug)]
pub struct Topic<'a> {
    /// Its name.
    pub name: &'a str,
    /// Number of its partitions.
    pub partitions: i32,
    /// Settings that differ from the broker's own, such as `cleanup.policy`.
    pub settings: &'a [(&'a str, &'a str)],
}

impl<'a> Topic<'a> {
    /// A topic with the broker's own settings.
    pub fn new(name: &'a str, partitions: i32) -> Self {
        Self { name, partitions, settings: &[] }
    }
}

/// What a reader sees of transactions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// `read_committed`: up to the first message of an open transaction, without the aborted.
    Committed,
    /// `read_uncommitted`: all messages, the aborted ones too.
    Uncommitted,
}

/// One message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Received {
    /// The partition it lies in.
    pub partition: i32,
    /// Its place there; between two messages there may be markers of transactions.
    pub offset: i64,
    /// The key, if it has one.
    pub key: Option<Vec<u8>>,
    /// The value; none is a deletion on a compacted topic.
    pub value: Option<Vec<u8>>,
    /// Name and value, in order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970 UTC, if it has a time.
    pub timestamp_ms: Option<i64>,
}

impl Received {
    /// The value as text, for messages that hold text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }

    /// The last header of that name, as text.
    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().rev().find(|(own, _)| own == name)?;
        Some(String::from_utf8_lossy(value.as_deref()?).into_owned())
    }

    fn read(message: &BorrowedMessage) -> Self {
        let headers = message.headers().map(|headers| {
            let owned = |header: rdkafka::message::Header<&[u8]>| {
                (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
            };
            headers.iter().map(owned).collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
            timestamp_ms: message.timestamp().to_millis(),
        }
    }
}

/// Makes topics of one replica, and waits until every one of them has its leaders.
///
/// # Errors
/// If the broker refuses one, for instance because there is one of that name.
pub fn create_topics(bootstrap: &str, topics: &[Topic]) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> = config(bootstrap).create()?;
    let made: Vec<NewTopic> = topics.iter().map(new_topic).collect();
    let options = AdminOptions::new().operation_timeout(Some(ANSWER_MOST)).request_timeout(Some(ANSWER_MOST));
    for result in wait(admin.create_topics(&made, &options))? {
        result.map_err(|(topic, code)| anyhow::anyhow!("cannot make the topic {topic:?}: {code}"))?;
    }
    let start = Instant::now();
    for topic in topics {
        // Made is not yet led: until then producers would meet `LeaderNotAvailable`.
        while !is_led(&admin, topic)? {
            if start.elapsed() > ANSWER_MOST {
                bail!("the topic {:?} has no leaders after {} s", topic.name, ANSWER_MOST.as_secs());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(())
}

fn new_topic<'a>(topic: &Topic<'a>) -> NewTopic<'a> {
    let new = NewTopic::new(topic.name, topic.partitions, TopicReplication::Fixed(1));
    topic.settings.iter().fold(new, |new, (key, value)| new.set(key, value))
}

fn is_led(admin: &AdminClient<DefaultClientContext>, topic: &Topic) -> Result<bool> {
    let metadata = admin.inner().fetch_metadata(Some(topic.name), ANSWER_MOST)?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
    let led = partitions.filter(|partition| partition.leader() >= 0 && partition.error().is_none());
    Ok(i32::try_from(led.count()).is_ok_and(|led| led == topic.partitions))
}

/// Reads a topic from its first message to the end it has now, partition after partition.
///
/// # Errors
/// If there is no such topic, or the broker does not answer for half a minute.
pub fn read_topic(bootstrap: &str, topic: &str, reading: Reading) -> Result<Vec<Received>> {
    let isolation = match reading {
        Reading::Committed => "read_committed",
        Reading::Uncommitted => "read_uncommitted",
    };
    let mut config = config(bootstrap);
    // A group must have a name; nothing is committed to it.
    config.set("group.id", "caudal-test-reader").set("enable.auto.commit", "false");
    config.set("isolation.level", isolation).set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create()?;
    let mut open = assign_all(&consumer, topic)?;
    let mut received = Vec::new();
    let mut last = Instant::now();
    while open > 0 {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => received.push(Received::read(&message)),
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => bail!("cannot read {topic:?}: {error}"),
            None if last.elapsed() > SILENCE_MOST => bail!("{topic:?} has no end after {SILENCE_MOST:?}"),
            None => continue,
        }
        last = Instant::now();
    }
    received.sort_by_key(|message| (message.partition, message.offset));
    Ok(received)
}

/// Takes every partition from its beginning; their number.
fn assign_all(consumer: &BaseConsumer, topic: &str) -> Result<usize> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER_MOST)?;
    let found = metadata.topics().first().with_context(|| format!("no topic {topic:?}"))?;
    if let Some(error) = found.error() {
        bail!("no topic {topic:?}: {}", rdkafka::types::RDKafkaErrorCode::from(error));
    }
    let mut list = TopicPartitionList::new();
    for partition in found.partitions() {
        list.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    Ok(list.count())
}

pub(crate) fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    // Brokers are killed in tests: knock again soon.
    config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "500");
    config
}

/// Runs a future on this thread: the admin calls are the only ones, so no runtime is needed for them.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
