//! One commit as messages of the log topic: the frame cut into chunks, each with where it belongs.
//! Relies on the topic for order. Version byte first.
//! Never longer than [`CHUNK_MAX`]: brokers refuse messages of a mebibyte unless they are told otherwise.
//!
//! | field | octets | content |
//! |---|---|---|
//! | version | 1 | 1 |
//! | epoch | 8 | of the commit; 0 is the control record, which comes first in the topic |
//! | index | 4 | of the chunk in the frame, from 0 |
//! | count | 4 | chunks of the frame |
//! | crc | 4 | CRC-32C of the whole frame |
//! | content | the rest | octets of the frame |

use crate::binary::{Decoder, Encoder, WireError};

const VERSION: u8 = 1;

/// Octets before the content.
const HEADER: usize = 21;

/// Most octets of a chunk, header included.
pub const CHUNK_MAX: usize = 512 << 10;

/// A chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chunk<'a> {
    /// Epoch of the commit.
    pub epoch: u64,
    /// Its place in the frame, from 0.
    pub index: u32,
    /// Chunks of the frame.
    pub count: u32,
    /// CRC-32C of the whole frame.
    pub crc: u32,
    /// Octets of the frame.
    pub content: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Cuts a frame. A frame without octets is one chunk.
    pub fn cut(epoch: u64, frame: &'a [u8]) -> impl Iterator<Item = Self> {
        let crc = crc32c::crc32c(frame);
        let room = CHUNK_MAX - HEADER;
        let count = frame.len().div_ceil(room).max(1) as u32;
        (0..count).map(move |index| {
            let from = index as usize * room;
            let content = frame.get(from..frame.len().min(from + room)).unwrap_or_default();
            Self { epoch, index, count, crc, content }
        })
    }

    /// The message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Encoder { bytes: Vec::with_capacity(HEADER + self.content.len()) };
        out.u8(VERSION);
        out.u64(self.epoch);
        out.u32(self.index);
        out.u32(self.count);
        out.u32(self.crc);
        out.bytes.extend_from_slice(self.content);
        out.bytes
    }

    /// Reads a message.
    pub fn decode(message: &'a [u8]) -> Result<Self, WireError> {
        let mut from = Decoder::new(message, "chunk of a commit");
        from.version(VERSION)?;
        let (epoch, index, count, crc) = (from.u64()?, from.u32()?, from.u32()?, from.u32()?);
        let content = message.get(HEADER..).unwrap_or_default();
        Ok(Self { epoch, index, count, crc, content })
    }
}

/// Chunks to frames again.
#[derive(Debug, Default)]
pub struct Joiner {
    frame: Vec<u8>,
    /// Epoch, chunks and checksum of the frame that has begun, and the chunk that comes next.
    begun: Option<(u64, u32, u32)>,
    next: u32,
}

/// Why chunks make no frame: the log topic was written to by somebody else, or lost a message.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChunkError {
    /// The chunk does not read.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Another chunk than the one expected.
    #[error("chunk {index} of {count} of epoch {epoch}, expected chunk {expected}")]
    Order {
        /// Epoch found.
        epoch: u64,
        /// Chunk found.
        index: u32,
        /// Chunks of its frame.
        count: u32,
        /// Expected: its index, with the epoch where a frame has begun.
        expected: String,
    },
    /// The frame holds other octets than were written.
    #[error("the frame of epoch {epoch} has checksum {found:08x}, its chunks say {expected:08x}")]
    Checksum {
        /// Epoch.
        epoch: u64,
        /// Computed.
        found: u32,
        /// Written.
        expected: u32,
    },
}

impl Joiner {
    /// Takes the next chunk; the epoch of the frame that it completes.
    pub fn take(&mut self, message: &[u8]) -> Result<Option<u64>, ChunkError> {
        let chunk = Chunk::decode(message)?;
        let Chunk { epoch, index, count, crc, content } = chunk;
        let this = (epoch, count, crc);
        if index != self.next || self.begun.is_some_and(|begun| begun != this) || index >= count {
            let expected = match self.begun {
                Some((epoch, count, _)) => format!("{} of {count} of epoch {epoch}", self.next),
                None => "0".to_owned(),
            };
            return Err(ChunkError::Order { epoch, index, count, expected });
        }
        if index == 0 {
            self.frame.clear();
        }
        self.frame.extend_from_slice(content);
        if index + 1 < count {
            (self.begun, self.next) = (Some(this), index + 1);
            return Ok(None);
        }
        (self.begun, self.next) = (None, 0);
        let found = crc32c::crc32c(&self.frame);
        if found != crc {
            return Err(ChunkError::Checksum { epoch, found, expected: crc });
        }
        Ok(Some(epoch))
    }

    /// The frame that was completed last.
    pub fn frame(&self) -> &[u8] {
        &self.frame
    }

    /// True while a frame has begun and is not complete.
    pub const fn is_open(&self) -> bool {
        self.begun.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(epoch: u64, len: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
        let frame: Vec<u8> = (0..len).map(|index| (index * 7 + index / 251) as u8).collect();
        let messages = Chunk::cut(epoch, &frame).map(|chunk| chunk.encode()).collect();
        (frame, messages)
    }

    #[test]
    fn frames_of_any_length_come_back() {
        let mut joiner = Joiner::default();
        let room = CHUNK_MAX - HEADER;
        for (epoch, len) in [0, 1, room - 1, room, room + 1, 3 * room, 3 * room + 17].into_iter().enumerate()
        {
            let (frame, messages) = messages(epoch as u64, len);
            assert_eq!(messages.len(), len.div_ceil(room).max(1));
            assert!(messages.iter().all(|message| message.len() <= CHUNK_MAX));
            for (index, message) in messages.iter().enumerate() {
                let whole = joiner.take(message).unwrap();
                assert_eq!(whole, (index + 1 == messages.len()).then_some(epoch as u64));
            }
            assert_eq!(joiner.frame(), frame);
            assert!(!joiner.is_open());
        }
    }

    #[test]
    fn a_lost_a_doubled_and_a_torn_chunk_are_found() {
        let (_, first) = messages(5, 2 * CHUNK_MAX);
        let (_, second) = messages(6, 2 * CHUNK_MAX);
        let check = |chunks: &[&Vec<u8>], expect: &str| {
            let mut joiner = Joiner::default();
            let results: Vec<_> = chunks.iter().map(|chunk| joiner.take(chunk)).collect();
            assert_eq!(results.last().unwrap().as_ref().unwrap_err().to_string(), expect);
        };
        check(&[&first[1]], "chunk 1 of 3 of epoch 5, expected chunk 0");
        check(&[&first[0], &first[0]], "chunk 0 of 3 of epoch 5, expected chunk 1 of 3 of epoch 5");
        check(&[&first[0], &first[2]], "chunk 2 of 3 of epoch 5, expected chunk 1 of 3 of epoch 5");
        check(&[&first[0], &second[1]], "chunk 1 of 3 of epoch 6, expected chunk 1 of 3 of epoch 5");
        let mut torn = first[2].clone();
        *torn.last_mut().unwrap() ^= 1;
        let mut joiner = Joiner::default();
        joiner.take(&first[0]).unwrap();
        joiner.take(&first[1]).unwrap();
        assert!(matches!(joiner.take(&torn), Err(ChunkError::Checksum { epoch: 5, .. })));
        for len in 0..HEADER {
            assert!(matches!(Chunk::decode(&first[0][..len]), Err(WireError::Short { .. })), "{len}");
        }
    }
}
