//! The bytes of one segment of the log: written, scanned after a crash, read in order.
//! Relies on CRC-32C to tell a frame from what a crash or a bad disk left.
//! Never takes a good frame behind a bad one: that is corruption and stops the start.
//!
//! | at | octets | segment header                        |
//! |---:|-------:|---------------------------------------|
//! |  0 |      8 | `CAUDLOG\n`                           |
//! |  8 |      1 | version, 1                            |
//! |  9 |      7 | zero                                  |
//! | 16 |      8 | first epoch                           |
//! | 24 |      4 | CRC-32C of octets 0 to 23             |
//! | 28 |      4 | zero                                  |
//!
//! | at | octets | frame, from octet 32 on, one after another |
//! |---:|-------:|---------------------------------------|
//! |  0 |      4 | length of the payload                 |
//! |  4 |      8 | epoch                                 |
//! | 12 |      4 | CRC-32C of octets 0 to 11 and payload |
//! | 16 |        | payload                               |
//!
//! Numbers are little-endian.

use super::{FRAME_MAX, Frame};
use crate::SharedDisk;
use crate::bytes::{len_usize, len64, u32_at, u64_at};
use crate::error::{Doing, StoreError};
use caudal_engine::disk::DiskFile;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"CAUDLOG\n";
const VERSION: u8 = 1;

/// Octets of a segment's header.
pub(super) const HEADER_LEN: usize = 32;
/// Octets of a frame before its payload.
pub(super) const FRAME_HEADER_LEN: usize = 16;

/// The header of the segment that starts with epoch `first`.
pub(super) fn header(first: u64) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..8].copy_from_slice(MAGIC);
    header[8] = VERSION;
    header[16..24].copy_from_slice(&first.to_le_bytes());
    let crc = crc32c::crc32c(&header[..24]);
    header[24..28].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The header of a frame. `payload` is at most [`FRAME_MAX`] octets, which the log has checked.
pub(super) fn frame_header(epoch: u64, payload: &[u8]) -> [u8; FRAME_HEADER_LEN] {
    let mut header = [0; FRAME_HEADER_LEN];
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    header[..4].copy_from_slice(&len.to_le_bytes());
    header[4..12].copy_from_slice(&epoch.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..12]), payload);
    header[12..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// What a scan found.
pub(super) struct Scanned {
    /// Octets up to the end of the last good frame; 0 when not even the header is good.
    pub good_len: usize,
    /// The last good frame's epoch.
    pub last_epoch: Option<u64>,
}

/// Finds the good frames of the last segment. A bad frame ends it, when no good one follows.
pub(super) fn scan(path: &Path, first: u64, bytes: &[u8]) -> Result<Scanned, StoreError> {
    if bytes.get(..HEADER_LEN) != Some(&header(first)) {
        refuse_if_good_frame_after(path, bytes, Bad { at: 0, epoch: first })?;
        return Ok(Scanned { good_len: 0, last_epoch: None });
    }
    let mut scanned = Scanned { good_len: HEADER_LEN, last_epoch: None };
    let mut expected = first;
    while scanned.good_len < bytes.len() {
        let Some(len) = good_frame(bytes, scanned.good_len, |epoch| epoch == expected) else {
            refuse_if_good_frame_after(path, bytes, Bad { at: scanned.good_len, epoch: expected })?;
            break;
        };
        scanned.good_len += len;
        scanned.last_epoch = Some(expected);
        expected = expected.saturating_add(1);
    }
    Ok(scanned)
}

/// Length of the frame at `at` when it is whole, its epoch is one that may be there and its checksum is right.
fn good_frame(bytes: &[u8], at: usize, may_be: impl FnOnce(u64) -> bool) -> Option<usize> {
    let epoch = u64_at(bytes, at.checked_add(4)?)?;
    if !may_be(epoch) {
        return None;
    }
    let len = len_usize(u64::from(u32_at(bytes, at)?)).filter(|len| *len <= FRAME_MAX)?;
    let start = at + FRAME_HEADER_LEN;
    let payload = bytes.get(start..start.checked_add(len)?)?;
    (bytes.get(at..start)? == frame_header(epoch, payload)).then_some(FRAME_HEADER_LEN + len)
}

/// A bad frame or header, and the epoch that should be there.
struct Bad {
    at: usize,
    epoch: u64,
}

/// A frame may start at any octet after damage. Only epochs that could follow are looked at closer: no more frames fit
/// behind the damage than there are frame headers' worth of octets.
fn refuse_if_good_frame_after(path: &Path, bytes: &[u8], bad: Bad) -> Result<(), StoreError> {
    let fit = len64(bytes.len() - bad.at.min(bytes.len())) / len64(FRAME_HEADER_LEN);
    let may_follow = bad.epoch..=bad.epoch.saturating_add(fit);
    for at in bad.at + 1..bytes.len() {
        if good_frame(bytes, at, |epoch| may_follow.contains(&epoch)).is_some() {
            return Err(StoreError::corrupt(
                path,
                len64(bad.at),
                format!("a frame of epoch {} with its checksum", bad.epoch),
                format!("other bytes, and a good frame after them at byte {at}"),
            ));
        }
    }
    Ok(())
}

/// Reads a segment that must be whole.
pub(super) struct Reader {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    len: u64,
    at: u64,
    epoch: u64,
}

impl Reader {
    /// Opens the segment whose first epoch is `first`.
    pub(super) fn open(disk: &SharedDisk, path: &Path, first: u64) -> Result<Self, StoreError> {
        let file = disk.open_read(path).doing("open", path)?;
        let len = file.len().doing("measure", path)?;
        let mut found = [0; HEADER_LEN];
        file.read_exact_at(&mut found, 0).doing("read", path)?;
        if found != header(first) {
            let expected = format!("header of version {VERSION} and first epoch {first}");
            return Err(StoreError::corrupt(path, 0, expected, format!("{found:02x?}")));
        }
        Ok(Self { file, path: path.to_owned(), len, at: len64(HEADER_LEN), epoch: first })
    }

    /// The next frame; `None` at the end.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, StoreError> {
        if self.at == self.len {
            return Ok(None);
        }
        let mut header = [0; FRAME_HEADER_LEN];
        let room = self.len - self.at;
        if room < len64(FRAME_HEADER_LEN) {
            return Err(self.bad(format!("{room} octets")));
        }
        self.file.read_exact_at(&mut header, self.at).doing("read", &self.path)?;
        let len = u64::from(u32_at(&header, 0).unwrap_or_default());
        let (Some(len), true) = (len_usize(len), len <= room - len64(FRAME_HEADER_LEN)) else {
            return Err(self.bad(format!("length {len} where {room} octets are left")));
        };
        let mut payload = vec![0; len];
        self.file.read_exact_at(&mut payload, self.at + len64(FRAME_HEADER_LEN)).doing("read", &self.path)?;
        if header != frame_header(self.epoch, &payload) {
            let epoch = u64_at(&header, 4).unwrap_or_default();
            return Err(self.bad(format!("epoch {epoch}, or another checksum")));
        }
        let frame = Frame { epoch: self.epoch, payload };
        self.at += len64(FRAME_HEADER_LEN + frame.payload.len());
        self.epoch = self.epoch.saturating_add(1);
        Ok(Some(frame))
    }

    fn bad(&self, found: String) -> StoreError {
        let expected = format!("a frame of epoch {} with its checksum", self.epoch);
        StoreError::corrupt(&self.path, self.at, expected, found)
    }
}
