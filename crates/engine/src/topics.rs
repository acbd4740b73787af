//! What the engine asks of a broker: output, state changes and input offsets of an epoch in one transaction.
//! Relies on the broker to show a committed transaction whole and an aborted one not at all. Implemented in `connect`.
//! Never asks whether a transaction stands: the log topic is read, and says so.

use caudal_usage::Stream;

/// An input offset that an epoch has used up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Offset of the next message to read: the last one used, plus one.
    pub next: i64,
}

/// Why a transaction did not come to a clear end.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TopicsError {
    /// Nobody can say from here whether it stands. Whoever gets this drops the connection and all changes in memory,
    /// connects anew and reads the log topic.
    #[error("{0}")]
    Doubt(String),
    /// Another instance of the pipeline has taken over. Whoever gets this stops: connecting anew would fence it.
    #[error("another instance of this pipeline has taken over: {0}")]
    Fenced(String),
}

/// Hands over one committed frame of the log: its epoch and its octets.
pub type ApplyFrame<'a> = dyn FnMut(u64, &[u8]) -> anyhow::Result<()> + 'a;

/// The topics of a pipeline, held by one instance. Connecting has ended every transaction that was left open.
pub trait Topics: Send {
    /// Hands over every committed frame behind `epoch`, in order. An error when the log topic ends before `epoch`.
    fn follow(&mut self, epoch: u64, apply: &mut ApplyFrame<'_>) -> anyhow::Result<()>;

    /// Sends lines to a stream, one message each, in the transaction of the next commit. Returns how many.
    fn append(&mut self, stream: Stream, lines: &[u8]) -> anyhow::Result<u64>;

    /// Sends the frame and the input offsets, and commits all that was sent since the last commit.
    fn commit(&mut self, epoch: u64, frame: &[u8], offsets: &[InputOffset]) -> anyhow::Result<()>;
}

/// Connects to the topics of a pipeline.
pub trait Broker: Send + Sync {
    /// Takes the topics over: whoever held them before is fenced, and its open transaction is gone.
    fn connect(&self) -> anyhow::Result<Box<dyn Topics>>;
}
