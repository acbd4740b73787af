//! What stops a source that reads a topic for good.
//! Relies on `TopicsError::Doubt` for what connecting anew may mend.
//! Never counts lost messages as read.

/// Why a topic cannot be read on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TopicError {
    /// The topic is not there.
    #[error("topic {topic} is not there: create it, or correct `topic`")]
    Absent {
        /// Its name.
        topic: String,
    },
    /// The topic has fewer partitions than it had.
    #[error(
        "topic {topic} has no partition {partition} any more, of which messages were read: it was made anew"
    )]
    Partition {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// Retention deleted messages that were not read.
    #[error(
        "topic {topic}, partition {partition}: {} offsets are lost: it begins at {low}, and the next to read is {next}; \
         give the topic longer retention, and get these messages again from where they came",
        low - next
    )]
    Lost {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to read.
        next: i64,
        /// The first that is there.
        low: i64,
    },
    /// The partition ends before what was read.
    #[error(
        "topic {topic}, partition {partition} ends at {high}, and offsets up to {next} were read: it lost messages, or was made anew"
    )]
    Short {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to read.
        next: i64,
        /// Behind the last that is there.
        high: i64,
    },
    /// Another message stands where one was read.
    #[error(
        "topic {topic}, partition {partition}: another message stands at offset {offset} than was read there"
    )]
    Other {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Its offset.
        offset: i64,
    },
    /// A claim that is no range of offsets.
    #[error("{name} was claimed and is no range of topic {topic}: the source read something else before")]
    Claim {
        /// Name of the claimed file.
        name: String,
        /// The topic.
        topic: String,
    },
}
