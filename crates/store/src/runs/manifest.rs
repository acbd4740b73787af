//! Names the live runs, as stored in a commit or snapshot.
//! Relies on the run's footer checksum to tell a file from another under the same name.
//! Never lists a run that was not synced.
//!
//! Stored: version 1 (1 octet), number of runs (4), then for each run id (8), reach (1: 0 day, 1 window), first day (4),
//! last day (4), claims (8), octets (8), checksum (4). Little-endian.

use crate::bytes::{i32_at, u32_at, u64_at};
use crate::error::StoreError;
use caudal_usage::claim::Reach;
use std::path::Path;

const VERSION: u8 = 1;
const HEADER_LEN: usize = 5;
const RUN_LEN: usize = 37;

/// What is known of a run without opening it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunMeta {
    /// Its number: `<16 digits>.run`.
    pub id: u64,
    /// Of which kind of keys.
    pub reach: Reach,
    /// First day of its claims, in days since 1970-01-01.
    pub first_day: i32,
    /// Last day of its claims.
    pub last_day: i32,
    /// Number of claims.
    pub claims: u64,
    /// Octets of the file.
    pub bytes: u64,
    /// CRC-32C of the footer.
    pub check: u32,
}

/// The live runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    /// By id.
    pub runs: Vec<RunMeta>,
}

impl Manifest {
    /// Appends the stored form to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        // Merging keeps the number of runs in the hundreds.
        let count = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        out.push(VERSION);
        out.extend_from_slice(&count.to_le_bytes());
        for run in &self.runs {
            out.extend_from_slice(&run.id.to_le_bytes());
            out.push(reach_to_byte(run.reach));
            out.extend_from_slice(&run.first_day.to_le_bytes());
            out.extend_from_slice(&run.last_day.to_le_bytes());
            out.extend_from_slice(&run.claims.to_le_bytes());
            out.extend_from_slice(&run.bytes.to_le_bytes());
            out.extend_from_slice(&run.check.to_le_bytes());
        }
    }

    /// Reads the stored form, which takes all of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let damaged = |expected: &str| {
            let found = format!("{} octets", bytes.len());
            StoreError::corrupt(Path::new("manifest of dedup runs"), 0, expected, found)
        };
        if bytes.first() != Some(&VERSION) {
            return Err(damaged("version 1"));
        }
        let count = u32_at(bytes, 1).ok_or_else(|| damaged("a count"))?;
        let body = bytes.get(HEADER_LEN..).unwrap_or_default();
        if body.len() as u64 != u64::from(count) * RUN_LEN as u64 {
            return Err(damaged(&format!("{count} runs")));
        }
        let runs = body.chunks_exact(RUN_LEN).map(decode_run).collect::<Option<_>>();
        Ok(Self { runs: runs.ok_or_else(|| damaged("reach 0 or 1"))? })
    }
}

fn decode_run(bytes: &[u8]) -> Option<RunMeta> {
    Some(RunMeta {
        id: u64_at(bytes, 0)?,
        reach: reach_of_byte(*bytes.get(8)?)?,
        first_day: i32_at(bytes, 9)?,
        last_day: i32_at(bytes, 13)?,
        claims: u64_at(bytes, 17)?,
        bytes: u64_at(bytes, 25)?,
        check: u32_at(bytes, 33)?,
    })
}

/// The stored form of a reach.
pub(super) const fn reach_to_byte(reach: Reach) -> u8 {
    match reach {
        Reach::Day => 0,
        Reach::Window => 1,
    }
}

/// The reach of its stored form.
pub(super) const fn reach_of_byte(byte: u8) -> Option<Reach> {
    match byte {
        0 => Some(Reach::Day),
        1 => Some(Reach::Window),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_comes_back_and_nothing_else_is_taken() {
        let run = |id| RunMeta {
            id,
            reach: if id % 2 == 0 { Reach::Day } else { Reach::Window },
            first_day: -3,
            last_day: 20_000,
            claims: 1 << 40,
            bytes: 77,
            check: 0xdead_beef,
        };
        let manifest = Manifest { runs: (0..5).map(run).collect() };
        let mut bytes = Vec::new();
        manifest.encode(&mut bytes);
        assert_eq!(Manifest::decode(&bytes).unwrap(), manifest);
        for len in 0..bytes.len() {
            assert_eq!(Manifest::decode(&bytes[..len]).unwrap_err().code(), "store_corrupt");
        }
        for (at, value) in [(0, 2), (1, 4), (4, 255), (13, 9)] {
            let mut wrong = bytes.clone();
            wrong[at] = value;
            assert!(Manifest::decode(&wrong).is_err(), "{at}");
        }
    }
}
