//! One partition, by hand: where it begins and ends, and where a consumer goes on. No group is joined.
//! Relies on the caller to know that the topic is there.
//! Never gives up while a leader is being elected, until the longest wait for an answer is over, and never takes an
//! offset for granted that the broker did not tell: the client's call for both ends at once shows a partition as empty
//! when only one of its two requests is refused.

use super::{ANSWER_TIMEOUT, error};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

/// Wait before a partition without a leader is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// The partitions of a topic; none when it is not there.
pub(crate) fn all(consumer: &BaseConsumer, topic: &str) -> anyhow::Result<Vec<i32>> {
    let metadata = consumer
        .fetch_metadata(Some(topic), ANSWER_TIMEOUT)
        .map_err(|found| error::outside(&format!("ask for topic {topic}"), &found))?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    Ok(found.into_iter().flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect())
}

/// Lets a consumer go on at an offset.
pub(crate) fn stand_at(consumer: &BaseConsumer, of: (&str, i32), offset: i64) -> anyhow::Result<()> {
    Ok(consumer.assign(&at(of, Offset::Offset(offset))?)?)
}

/// First offset that a partition holds, and the one behind the last that `consumer` may read.
pub(crate) fn ends(consumer: &BaseConsumer, of: (&str, i32)) -> anyhow::Result<(i64, i64)> {
    // In this order: what retention takes in between makes neither of them wrong.
    Ok((told(consumer, of, Offset::Beginning)?, end(consumer, of)?))
}

/// The offset behind the last that `consumer` may read.
pub(crate) fn end(consumer: &BaseConsumer, of: (&str, i32)) -> anyhow::Result<i64> {
    told(consumer, of, Offset::End)
}

/// One end, asked for until there is a leader to tell it.
fn told(consumer: &BaseConsumer, of: (&str, i32), end: Offset) -> anyhow::Result<i64> {
    let deadline = Instant::now() + ANSWER_TIMEOUT;
    loop {
        match ask(consumer, of, end) {
            Ok(offset) => return Ok(offset),
            Err(found) if is_electing(&found) && Instant::now() < deadline => std::thread::sleep(ASK_AGAIN),
            Err(found) => {
                let (topic, partition) = of;
                let doing = format!("ask for the ends of {topic}, partition {partition}");
                return Err(error::outside(&doing, &found));
            }
        }
    }
}

/// The protocol asks for an end as for the offset of a time, in the place of which the end stands.
fn ask(consumer: &BaseConsumer, of: (&str, i32), end: Offset) -> KafkaResult<i64> {
    let told = consumer.offsets_for_times(at(of, end)?, ANSWER_TIMEOUT)?;
    let none = || KafkaError::OffsetFetch(RDKafkaErrorCode::NoOffset);
    let told = told.find_partition(of.0, of.1).ok_or_else(none)?;
    told.error()?;
    match told.offset() {
        Offset::Offset(offset) => Ok(offset),
        _ => Err(none()),
    }
}

fn at((topic, partition): (&str, i32), offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, offset)?;
    Ok(list)
}

/// True for what a broker says of a partition that was made, or lost its leader, a moment ago.
fn is_electing(found: &KafkaError) -> bool {
    matches!(
        found.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
        )
    )
}

#[cfg(test)]
mod tests {
    //! Over a mock cluster: a real one elects when it likes.

    use super::super::KafkaConfig;
    use super::*;
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    const FINE: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;

    #[test]
    fn an_election_is_waited_for_and_a_refusal_is_told_at_once() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("rated", 2, 1).unwrap();
        let config = KafkaConfig { brokers: cluster.bootstrap_servers(), ..KafkaConfig::default() };
        let producer: BaseProducer = config.client().create().unwrap();
        for _ in 0..3 {
            let record = BaseRecord::<[u8], [u8]>::to("rated").partition(1).payload(b"x");
            producer.send(record).map_err(|(found, _)| found).unwrap();
        }
        producer.flush(ANSWER_TIMEOUT).unwrap();
        let consumer: BaseConsumer = config.consumer().set("group.id", "g").create().unwrap();
        let answer = |answers: &[RDKafkaRespErr]| {
            cluster.clear_request_errors(RDKafkaApiKey::ListOffsets);
            cluster.request_errors(RDKafkaApiKey::ListOffsets, answers);
        };
        for electing in [
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        ] {
            for answers in [&[electing][..], &[FINE, electing], &[electing, electing, FINE, electing]] {
                answer(answers);
                assert_eq!(ends(&consumer, ("rated", 1)).unwrap(), (0, 3), "{answers:?}");
            }
        }
        let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        for answers in [&[refused][..], &[FINE, refused]] {
            answer(answers);
            let said = ends(&consumer, ("rated", 1)).unwrap_err().to_string();
            assert!(said.starts_with("cannot ask for the ends of rated, partition 1: "), "{said}");
        }
        answer(&[]);
        assert_eq!(ends(&consumer, ("rated", 0)).unwrap(), (0, 0));
    }
}
