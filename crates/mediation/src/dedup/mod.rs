//! Tells a record that is seen for the first time from a replay, a duplicate and a conflict: exact inside the window.
//! Relies on claims: keyed fingerprints of the key fields, kept here while recent and in sorted runs on disk after.
//! Never reads a disk: what may lie in a run is asked for by the shard, read by the runtime and judged here.

mod delta;
mod sorted;

pub use delta::{Delta, DeltaFull, MAX_CLAIMS};
pub use sorted::SortedClaims;

use caudal_usage::{Claim, Position};

/// What dedup says of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Its key is claimed from now on: insert the claim.
    New,
    /// The same record read again, as after a resume: counted apart, no new outcome.
    Replay,
    /// The same usage delivered again.
    Duplicate {
        /// The record that claimed the key.
        first: Position,
    },
    /// Another usage under the same key: suspended as `key_conflict`.
    Conflict {
        /// The record that claimed the key.
        first: Position,
    },
}

/// Judges `candidate` by the claim known under its fingerprint. A higher attempt at the same position is a suspended
/// record that is recycled, and is new.
#[inline]
pub fn judge(candidate: &Claim, known: Option<&Claim>) -> Verdict {
    let Some(known) = known else { return Verdict::New };
    debug_assert_eq!(candidate.fingerprint, known.fingerprint);
    if candidate.at == known.at {
        return if candidate.attempt > known.attempt { Verdict::New } else { Verdict::Replay };
    }
    if candidate.billed == known.billed {
        Verdict::Duplicate { first: known.at }
    } else {
        Verdict::Conflict { first: known.at }
    }
}

/// Of two claims of one key, the one that counts: the higher attempt. A key has several claims when it was recycled
/// after an earlier claim had gone to disk.
pub fn newest(one: Option<Claim>, other: Option<Claim>) -> Option<Claim> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.attempt > one.attempt { other } else { one }),
        (one, other) => one.or(other),
    }
}

/// The days in which duplicates are met. Its floor is part of every commit: it only rises, and a record of a day
/// before it is suspended as `too_old`, because its claim may be gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    days: i32,
    floor: i32,
}

impl Window {
    /// Days of a window when the pipeline does not say.
    pub const DEFAULT_DAYS: i32 = 90;

    /// A window of `days` whose floor stands at `floor`, in days since 1970-01-01; `i32::MIN` for a new pipeline.
    pub const fn new(days: i32, floor: i32) -> Self {
        Self { days, floor }
    }

    /// First day that is not too old, in days since 1970-01-01.
    pub const fn floor(&self) -> i32 {
        self.floor
    }

    /// True for a record of a day whose claims may be gone.
    #[inline]
    pub const fn is_too_old(&self, day: i32) -> bool {
        day < self.floor
    }

    /// Follows the overall watermark, given as its day. True when the floor rose: log it, and expire what is before.
    pub fn advance(&mut self, watermark_day: i32) -> bool {
        let floor = watermark_day.saturating_sub(self.days);
        let rises = floor > self.floor;
        if rises {
            self.floor = floor;
        }
        rises
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caudal_usage::{FileOrdinal, Slot};

    fn claim(record: u32, billed: u64, attempt: u8) -> Claim {
        let at = Position { file: FileOrdinal(3), record };
        Claim { fingerprint: [1, 2], billed, at, day: 20_000, slot: Slot(9), attempt }
    }

    #[test]
    fn verdicts() {
        let first = claim(7, 100, 1).at;
        let known = claim(7, 100, 1);
        for (candidate, expected) in [
            (claim(7, 100, 1), Verdict::Replay),
            (claim(7, 100, 0), Verdict::Replay),
            (claim(7, 999, 1), Verdict::Replay),
            (claim(7, 100, 2), Verdict::New),
            (claim(7, 999, 2), Verdict::New),
            (claim(8, 100, 0), Verdict::Duplicate { first }),
            (claim(8, 100, 2), Verdict::Duplicate { first }),
            (claim(8, 999, 0), Verdict::Conflict { first }),
            (claim(6, 999, 2), Verdict::Conflict { first }),
        ] {
            assert_eq!(judge(&candidate, Some(&known)), expected, "{candidate:?}");
            assert_eq!(judge(&candidate, None), Verdict::New);
        }
    }

    #[test]
    fn the_higher_attempt_counts() {
        let (low, high) = (claim(7, 1, 0), claim(7, 1, 1));
        for (one, other, expected) in [
            (None, None, None),
            (Some(low), None, Some(low)),
            (None, Some(low), Some(low)),
            (Some(low), Some(high), Some(high)),
            (Some(high), Some(low), Some(high)),
        ] {
            assert_eq!(newest(one, other), expected);
        }
    }

    /// A pipeline that stood still longer than its window met an old file afterwards and took all of it for new.
    #[test]
    fn the_floor_only_rises_and_old_days_are_told() {
        let mut window = Window::new(Window::DEFAULT_DAYS, i32::MIN);
        assert!(!window.is_too_old(0));
        assert!(window.advance(20_000));
        assert_eq!(window.floor(), 19_910);
        assert!(!window.is_too_old(19_910));
        assert!(window.is_too_old(19_909));
        assert!(!window.advance(19_999));
        assert!(!window.advance(20_000));
        assert_eq!(window.floor(), 19_910);
        assert!(window.advance(20_200));
        assert!(window.is_too_old(20_109));
    }
}
