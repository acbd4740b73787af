//! The bytes of a run: pages of claims, then what is kept in memory, then the footer.
//! Relies on nothing outside the run.
//! Never reads an entry of a page whose checksum was not right.
//!
//! | part    | octets            | content                                                               |
//! |---------|------------------:|-----------------------------------------------------------------------|
//! | pages   | 4,096 each        | see below; sorted by fingerprint, and equal first words on one page   |
//! | index   | 8 a page          | first word of the page's first fingerprint                            |
//! | filters | see `filter`      | one for each 512 pages                                                |
//! | footer  | 64                | see below                                                             |
//!
//! | at | octets | page                                    |   | at | octets | footer                        |
//! |---:|-------:|-----------------------------------------|---|---:|-------:|-------------------------------|
//! |  0 |      4 | CRC-32C of run id (8), page number (4) and octets 4 to 4,095 | | 0 | 8 | `CAUDRUN\n`    |
//! |  4 |      2 | number of entries, 1 to 107             |   |  8 |      1 | version, 1                    |
//! |  6 |      2 | zero                                    |   |  9 |      1 | reach: 0 day, 1 window        |
//! |  8 |   38 n | entries: fingerprint (8 + 8), billed (8), file (4), record (4), day (4), slot (1), attempt (1) | | 12 | 4 + 4 | first and last day |
//! |    |        | zero to the end                         |   | 20 |      4 | number of pages               |
//! |    |        |                                         |   | 24 |      8 | number of claims              |
//! |    |        |                                         |   | 32 |      8 | run id                        |
//! |    |        |                                         |   | 40 |  4 + 4 | CRC-32C of index, of filters  |
//! |    |        |                                         |   | 48 |      8 | octets of the filters         |
//! |    |        |                                         |   | 60 |      4 | CRC-32C of octets 0 to 59     |
//!
//! Numbers are little-endian, octets not named are zero.

use super::manifest::{reach_of_byte, reach_to_byte};
use crate::bytes::{array, i32_at, len64, u32_at, u64_at};
use caudal_usage::claim::Reach;
use caudal_usage::{Claim, FileOrdinal, Position, Slot};

const MAGIC: &[u8; 8] = b"CAUDRUN\n";
const VERSION: u8 = 1;

/// Octets of a page.
pub(super) const PAGE_BYTES: usize = 4096;
/// Octets of a page before its entries.
const PAGE_HEADER: usize = 8;
/// Octets of an entry.
const ENTRY_BYTES: usize = 38;
/// Entries that fit on a page.
pub(super) const PAGE_ENTRIES: usize = (PAGE_BYTES - PAGE_HEADER) / ENTRY_BYTES;
/// Octets of the footer.
pub(super) const FOOTER_BYTES: usize = 64;

/// Appends a page of 1 to [`PAGE_ENTRIES`] claims.
pub(super) fn encode_page(id: u64, number: u32, claims: &[Claim], out: &mut Vec<u8>) {
    assert!((1..=PAGE_ENTRIES).contains(&claims.len()), "a page holds 1 to {PAGE_ENTRIES} claims");
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(claims.len() as u32).to_le_bytes());
    for claim in claims {
        encode_claim(claim, out);
    }
    out.resize(start + PAGE_BYTES, 0);
    let crc = page_crc(id, number, &out[start + 4..]);
    out[start..start + 4].copy_from_slice(&crc.to_le_bytes());
}

fn encode_claim(claim: &Claim, out: &mut Vec<u8>) {
    let mut entry = [0; ENTRY_BYTES];
    entry[..8].copy_from_slice(&claim.fingerprint[0].to_le_bytes());
    entry[8..16].copy_from_slice(&claim.fingerprint[1].to_le_bytes());
    entry[16..24].copy_from_slice(&claim.billed.to_le_bytes());
    entry[24..28].copy_from_slice(&claim.at.file.0.to_le_bytes());
    entry[28..32].copy_from_slice(&claim.at.record.to_le_bytes());
    entry[32..36].copy_from_slice(&claim.day.to_le_bytes());
    entry[36] = claim.slot.0;
    entry[37] = claim.attempt;
    out.extend_from_slice(&entry);
}

fn page_crc(id: u64, number: u32, content: &[u8]) -> u32 {
    let crc = crc32c::crc32c_append(crc32c::crc32c(&id.to_le_bytes()), &number.to_le_bytes());
    crc32c::crc32c_append(crc, content)
}

/// The entries of a page that was checked.
#[derive(Clone, Copy)]
pub(super) struct Page<'a> {
    entries: &'a [u8],
}

impl<'a> Page<'a> {
    /// Checks page `number` of run `id`. `None` when it is damaged.
    pub(super) fn check(id: u64, number: u32, bytes: &'a [u8]) -> Option<Self> {
        let right = u32_at(bytes, 0)? == page_crc(id, number, bytes.get(4..)?);
        let count = usize::from(u16::from_le_bytes(array(bytes, 4)?));
        let entries = bytes.get(PAGE_HEADER..PAGE_HEADER + count * ENTRY_BYTES)?;
        (right && count > 0).then_some(Self { entries })
    }

    /// Number of entries, at least 1.
    pub(super) const fn len(self) -> usize {
        self.entries.len() / ENTRY_BYTES
    }

    /// First fingerprint word of an entry; `u64::MAX` behind the end.
    pub(super) fn first_word(self, entry: usize) -> u64 {
        u64_at(self.entries, entry * ENTRY_BYTES).unwrap_or(u64::MAX)
    }

    /// An entry; `None` behind the end.
    pub(super) fn claim(self, entry: usize) -> Option<Claim> {
        let bytes = self.entries.get(entry * ENTRY_BYTES..)?;
        Some(Claim {
            fingerprint: [u64_at(bytes, 0)?, u64_at(bytes, 8)?],
            billed: u64_at(bytes, 16)?,
            at: Position { file: FileOrdinal(u32_at(bytes, 24)?), record: u32_at(bytes, 28)? },
            day: i32_at(bytes, 32)?,
            slot: Slot(*bytes.get(36)?),
            attempt: *bytes.get(37)?,
        })
    }

    /// The claim of a key.
    pub(super) fn find(self, fingerprint: &[u64; 2]) -> Option<Claim> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.first_word(middle) < fingerprint[0] { low = middle + 1 } else { high = middle }
        }
        let equal = (low..self.len()).map_while(|entry| self.claim(entry));
        let mut equal = equal.take_while(|claim| claim.fingerprint[0] == fingerprint[0]);
        equal.find(|claim| claim.fingerprint == *fingerprint)
    }
}

/// What the footer says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Footer {
    pub reach: Reach,
    pub first_day: i32,
    pub last_day: i32,
    pub pages: u32,
    pub claims: u64,
    pub id: u64,
    pub index_crc: u32,
    pub filters_crc: u32,
    pub filters_len: u64,
}

impl Footer {
    /// Octets of the whole run.
    pub(super) fn file_len(&self) -> u64 {
        self.filters_at().saturating_add(self.filters_len).saturating_add(len64(FOOTER_BYTES))
    }

    /// Octets before the index.
    pub(super) fn index_at(&self) -> u64 {
        u64::from(self.pages) * len64(PAGE_BYTES)
    }

    /// Octets before the filters.
    pub(super) fn filters_at(&self) -> u64 {
        self.index_at() + u64::from(self.pages) * 8
    }

    pub(super) fn encode(&self) -> [u8; FOOTER_BYTES] {
        let mut bytes = [0; FOOTER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = VERSION;
        bytes[9] = reach_to_byte(self.reach);
        bytes[12..16].copy_from_slice(&self.first_day.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.last_day.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.pages.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.claims.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.id.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.index_crc.to_le_bytes());
        bytes[44..48].copy_from_slice(&self.filters_crc.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.filters_len.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a footer; `None` when it is damaged or of another version.
    pub(super) fn decode(bytes: &[u8; FOOTER_BYTES]) -> Option<Self> {
        let footer = Self {
            reach: reach_of_byte(bytes[9])?,
            first_day: i32_at(bytes, 12)?,
            last_day: i32_at(bytes, 16)?,
            pages: u32_at(bytes, 20)?,
            claims: u64_at(bytes, 24)?,
            id: u64_at(bytes, 32)?,
            index_crc: u32_at(bytes, 40)?,
            filters_crc: u32_at(bytes, 44)?,
            filters_len: u64_at(bytes, 48)?,
        };
        (footer.encode() == *bytes).then_some(footer)
    }

    /// The checksum by which a manifest knows the run.
    pub(super) fn check(&self) -> u32 {
        u32_at(&self.encode(), 60).unwrap_or_default()
    }
}
