//! A file's octets to its content: as they are, or decompressed when they begin with the magic of gzip or Zstandard.
//! Relies on reading in fixed steps from the start, so what is got before a damage never depends on who asks.
//! Never decompresses without a bound: expansion ratio and total are limited.

use super::error::DirectoryError;
use caudal_usage::Code;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, Read, Take};
use zstd::stream::read::Decoder as ZstdDecoder;

/// Octets of content per octet on disk, above which a compressed file is a bomb. Deflate reaches 1,032; blank-padded
/// usage records reach about 100.
pub const EXPANSION_RATIO: u64 = 400;

/// Content up to this many octets is never called a bomb: the ratio of a short file says little.
pub const EXPANSION_FREE: u64 = 64 << 20;

/// Greatest content of one compressed file, in octets.
pub const EXPANSION_TOTAL: u64 = 256 << 30;

/// Greatest window that a Zstandard frame may ask for, as a power of two: 128 MiB, what the `zstd` tool itself
/// takes without being told otherwise. Each open file may need so much memory.
pub const ZSTD_WINDOW_LOG: u32 = 27;

/// What a gzip member begins with.
const GZIP_MAGIC: [u8; 2] = [0x1F, 0x8B];

/// What a Zstandard frame begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// True when a file that begins so is decompressed.
pub fn is_compressed(head: &[u8]) -> bool {
    head.starts_with(&GZIP_MAGIC) || head.starts_with(&ZSTD_MAGIC)
}

/// Octets read or decompressed at a time.
const STEP: usize = 64 * 1024;

/// Bounds of decompression.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub ratio: u64,
    pub free: u64,
    pub total: u64,
}

impl Bounds {
    pub(super) const SHIPPED: Self =
        Self { ratio: EXPANSION_RATIO, free: EXPANSION_FREE, total: EXPANSION_TOTAL };
}

/// Reads a file in whole steps, whatever the system returns, and counts.
struct Steps {
    file: Take<File>,
    step: Box<[u8]>,
    at: usize,
    len: usize,
    /// Octets taken from disk.
    taken: u64,
}

impl Steps {
    fn new(file: Take<File>) -> Self {
        Self { file, step: vec![0; STEP].into(), at: 0, len: 0, taken: 0 }
    }

    /// Appends a step, or what is left of one. Returns how many octets.
    fn append_to(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        let step = self.fill_buf()?;
        let count = step.len();
        out.extend_from_slice(step);
        self.consume(count);
        Ok(count)
    }
}

/// Room for a step behind what is in `out`.
fn room(out: &mut Vec<u8>) -> &mut [u8] {
    let before = out.len();
    out.resize(before + STEP, 0);
    out.get_mut(before..).unwrap_or_default()
}

/// Fills `buffer` as far as there is content; its length when there is enough.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while let Some(rest) = buffer.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => break,
            Ok(count) => len += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// An error of the disk, told apart from an error of the compressed stream by this wrapper.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct DiskError(io::Error);

impl BufRead for Steps {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at == self.len {
            self.len =
                fill(&mut self.file, &mut self.step).map_err(|error| io::Error::other(DiskError(error)))?;
            self.at = 0;
            self.taken += self.len as u64;
        }
        Ok(self.step.get(self.at..self.len).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.len.min(self.at + amount);
    }
}

impl Read for Steps {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

enum Stream {
    Plain(Steps),
    Gzip(Box<MultiGzDecoder<Steps>>),
    Zstd(Box<ZstdDecoder<'static, Steps>>),
}

/// The content of one file, in order.
pub(super) struct Content {
    stream: Stream,
    name: String,
    bounds: Bounds,
    /// Octets of content given so far.
    given: u64,
    damage: Option<Code>,
}

impl Content {
    /// Content of `file`, decompressed when it begins with 1F 8B or 28 B5 2F FD.
    pub(super) fn new(file: Take<File>, name: String, bounds: Bounds) -> Result<Self, DirectoryError> {
        let mut steps = Steps::new(file);
        let failed = |error| DirectoryError::io("read", &name, error);
        let head = steps.fill_buf().map_err(failed)?;
        let stream = if head.starts_with(&GZIP_MAGIC) {
            Stream::Gzip(Box::new(MultiGzDecoder::new(steps)))
        } else if head.starts_with(&ZSTD_MAGIC) {
            let mut decoder = ZstdDecoder::with_buffer(steps).map_err(failed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(failed)?;
            Stream::Zstd(Box::new(decoder))
        } else {
            Stream::Plain(steps)
        };
        Ok(Self { stream, name, bounds, given: 0, damage: None })
    }

    /// Why the content ends early, once it has.
    pub(super) fn damage(&self) -> Option<Code> {
        self.damage
    }

    /// The file's name, for messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Appends the next step of content to `out`; 0 at the end, which `damage` explains when it came early.
    pub(super) fn more(&mut self, out: &mut Vec<u8>) -> Result<usize, DirectoryError> {
        if self.damage.is_some() {
            return Ok(0);
        }
        let before = out.len();
        // One call of a decoder a step: what it had written when it fails is not told, and so not used.
        let result = match &mut self.stream {
            Stream::Plain(steps) => steps.append_to(out),
            Stream::Gzip(decoder) => decoder.read(room(out)),
            Stream::Zstd(decoder) => decoder.read(room(out)),
        };
        let count = match result {
            Ok(count) => count,
            Err(error) => {
                out.truncate(before);
                return self.failed(error);
            }
        };
        out.truncate(before + count);
        self.given += count as u64;
        if self.is_bomb() {
            self.damage = Some(Code::BadLength);
        }
        Ok(count)
    }

    fn failed(&mut self, error: io::Error) -> Result<usize, DirectoryError> {
        let of_disk = error.get_ref().is_some_and(|inner| inner.is::<DiskError>());
        if of_disk || matches!(self.stream, Stream::Plain(_)) {
            return Err(DirectoryError::io("read", &self.name, error));
        }
        self.damage = Some(Code::Truncated);
        Ok(0)
    }

    fn is_bomb(&self) -> bool {
        let taken = match &self.stream {
            Stream::Plain(_) => return false,
            Stream::Gzip(decoder) => decoder.get_ref().taken,
            Stream::Zstd(decoder) => decoder.get_ref().taken,
        };
        let most = taken.saturating_mul(self.bounds.ratio).max(self.bounds.free);
        self.given > most.min(self.bounds.total)
    }
}
