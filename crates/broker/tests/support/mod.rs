//! Producers and consumers as the product sets them up, for the tests of the ring *broker*.
#![allow(clippy::unwrap_used)]

use caudal_broker::{Broker, Reading, Topic, create_topics, read_topic};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

/// How long a call to the broker may take on a busy machine.
pub const CALL_MOST: Duration = Duration::from_secs(30);

/// A topic of its own, and the name under which producers write to it.
pub struct Line {
    pub topic: &'static str,
    bootstrap: String,
}

impl Line {
    pub fn new(broker: &Broker, topic: &'static str, partitions: i32) -> Self {
        let bootstrap = broker.bootstrap();
        create_topics(&bootstrap, &[Topic::new(topic, partitions)]).unwrap();
        Self { topic, bootstrap }
    }

    /// The one producer of the line; another made later fences it.
    pub fn producer(&self) -> BaseProducer {
        producer(&self.bootstrap, self.topic)
    }
}

/// A producer that is ready to begin a transaction.
pub fn producer(bootstrap: &str, name: &str) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("transactional.id", name);
    config.set("transaction.timeout.ms", "60000").set("message.timeout.ms", "30000");
    config.set("partitioner", "murmur2_random").set("linger.ms", "1");
    config.set("reconnect.backoff.ms", "20").set("reconnect.backoff.max.ms", "500");
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(CALL_MOST).unwrap();
    producer
}

/// Puts one message into the queue; its text is its key too.
pub fn send(producer: &BaseProducer, topic: &str, text: &str) {
    producer.send(BaseRecord::to(topic).key(text).payload(text)).unwrap();
}

/// Waits until the broker has answered for every message, whatever it said.
pub fn settle(producer: &BaseProducer) {
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::from_millis(1));
    }
}

/// The values a reader sees, sorted.
pub fn texts(line: &Line, reading: Reading) -> Vec<String> {
    let seen = read_topic(&line.bootstrap, line.topic, reading).unwrap();
    let mut texts: Vec<String> = seen.iter().map(caudal_broker::Received::text).collect();
    texts.sort();
    texts
}

pub fn consumer_config(bootstrap: &str, reading: Reading) -> ClientConfig {
    let isolation = match reading {
        Reading::Committed => "read_committed",
        Reading::Uncommitted => "read_uncommitted",
    };
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", "tests").set("isolation.level", isolation);
    config.set("enable.auto.commit", "false");
    config
}

/// A consumer of partition 0 from an offset.
pub fn consumer_at(bootstrap: &str, topic: &str, offset: Offset, settings: &[(&str, &str)]) -> BaseConsumer {
    let mut config = consumer_config(bootstrap, Reading::Committed);
    settings.iter().for_each(|(key, value)| {
        config.set(*key, *value);
    });
    let consumer: BaseConsumer = config.create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, offset).unwrap();
    consumer.assign(&list).unwrap();
    consumer
}

/// The ends of all partitions that a reader is told, added up. It is told the same when it asks for the watermarks and
/// when it asks for the end in the place of a time.
pub fn end_seen(bootstrap: &str, topic: &str, reading: Reading) -> i64 {
    let consumer: BaseConsumer = consumer_config(bootstrap, reading).create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), CALL_MOST).unwrap();
    let end = |partition: i32| {
        let (_, watermark) = consumer.fetch_watermarks(topic, partition, CALL_MOST).unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(topic, partition, Offset::End).unwrap();
        let told = consumer.offsets_for_times(asked, CALL_MOST).unwrap();
        assert_eq!(told.find_partition(topic, partition).unwrap().offset(), Offset::Offset(watermark));
        watermark
    };
    metadata.topics()[0].partitions().iter().map(|partition| end(partition.id())).sum()
}

/// The offset a group has stored for partition 0. The coordinator of a group may be just about to be: then asked again.
pub fn stored(consumer: &BaseConsumer, topic: &str) -> Offset {
    for attempt in 1.. {
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, 0);
        match consumer.committed_offsets(list, Duration::from_secs(5)) {
            Ok(list) => return list.elements()[0].offset(),
            Err(error) if attempt < 6 => println!("stored offset, attempt {attempt}: {error}"),
            Err(error) => panic!("{error}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    unreachable!("the last attempt returns")
}

/// The code of an error of a consumer.
pub fn code_of(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::MessageConsumption(code) | KafkaError::MessageConsumptionFatal(code) => Some(*code),
        _ => None,
    }
}
