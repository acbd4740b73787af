//! Ring *dedup*: 20 million claims under 256 MiB, more than 30 runs on disk, a restart, and every duplicate, conflict
//! and new key told right.
//! Relies on this being the only test of its binary: the peak of the process's memory is its own.
//! Never keeps the keys: they are made from counters, and from counters again.

#![allow(clippy::unwrap_used)]

use caudal_mediation::dedup::{Delta, Verdict, judge, newest};
use caudal_store::runs::Spill;
use caudal_store::{Limits, Manifest, Reach, RealDisk, RunSet, RunStore, Scope, SharedDisk};
use caudal_usage::{Claim, FileOrdinal, Position, Slot};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const CLAIMS: u64 = 20_000_000;
const DAYS: u64 = 30;
const FIRST_DAY: i32 = 20_000;
/// Claims of the ring's last part, whose keys contain no time.
const TIMELESS: u64 = 2_000_000;
const MEMORY: u64 = 256 << 20;
/// A delta of this many claims is spilled: 56 octets each while it is sorted, and room for filters beside.
const SPILL_AT: usize = 2_000_000;
const DUPLICATES: u64 = 200_000;
const CONFLICTS: u64 = 50_000;
const NEW: u64 = 1_000_000;

fn mix(mut word: u64) -> u64 {
    for multiplier in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        word = (word ^ (word >> 31)).wrapping_mul(multiplier);
    }
    word ^ (word >> 31)
}

fn reach_of(number: u64) -> Reach {
    if number < CLAIMS - TIMELESS { Reach::Day } else { Reach::Window }
}

/// Claim `number`. Days follow each other; one record in 512 comes late, on any day before.
fn claim(number: u64) -> Claim {
    let word = mix(number + 1);
    let position = number % CLAIMS;
    let day = (position * DAYS / (CLAIMS - TIMELESS)).min(DAYS - 1);
    let day = if word.is_multiple_of(512) { mix(word) % (day + 1) } else { day };
    Claim {
        fingerprint: [word, mix(number + (1 << 40))],
        billed: mix(number + (2 << 40)),
        at: Position {
            file: FileOrdinal((position / 100_000) as u32),
            record: (position % 100_000) as u32 + 1,
        },
        day: FIRST_DAY + day as i32,
        slot: Slot((word >> 56) as u8),
        attempt: 0,
    }
}

/// The claims of a pipeline: two deltas and the runs.
struct Claims {
    store: RunStore,
    set: RunSet,
    deltas: [Delta; 2],
}

impl Claims {
    fn open(folder: &Path, manifest: &Manifest) -> Self {
        let disk: SharedDisk = Arc::new(RealDisk::new());
        let limits = Limits { memory_bytes: MEMORY / 4, disk_bytes: 2 << 30 };
        let (store, set) = RunStore::open(disk, folder, limits, manifest).unwrap();
        Self { store, set, deltas: Default::default() }
    }

    fn memory_bytes(&self) -> u64 {
        self.set.memory_bytes() + self.deltas.iter().map(|delta| delta.memory_bytes() as u64).sum::<u64>()
    }

    fn judge(&self, candidate: &Claim, reach: Reach) -> Verdict {
        let mut known = self.deltas[reach as usize].get(&candidate.fingerprint).copied();
        if known.is_none() {
            self.set.candidates(&candidate.fingerprint, Scope::of(reach, candidate), |page| {
                known = newest(known, self.set.read(page, &candidate.fingerprint).unwrap());
            });
        }
        judge(candidate, known.as_ref())
    }

    fn insert(&mut self, claim: Claim, reach: Reach) {
        self.deltas[reach as usize].insert(claim).unwrap();
        if self.deltas[reach as usize].len() == SPILL_AT {
            self.spill(reach);
        }
    }

    fn spill(&mut self, reach: Reach) {
        let before = self.memory_bytes();
        assert!(before < MEMORY, "{before} octets");
        let sorted = std::mem::take(&mut self.deltas[reach as usize]).into_sorted(reach);
        let spill = Spill { reach, floor: i32::MIN };
        self.set = self.store.spill(&self.set, spill, vec![sorted]).unwrap();
        while let Some(merged) = self.store.merge(&self.set, i32::MIN).unwrap() {
            self.set = merged;
        }
        self.store.sweep(&[&self.set.manifest()]).unwrap();
    }
}

/// Most memory this process has had, octets.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() * 1024
}

#[test]
fn twenty_million_claims_under_a_bound() {
    let start = Instant::now();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut claims = Claims::open(folder.path(), &Manifest::default());
    for number in 0..CLAIMS {
        claims.insert(claim(number), reach_of(number));
    }
    [Reach::Day, Reach::Window].into_iter().for_each(|reach| claims.spill(reach));
    let manifest = claims.set.manifest();
    drop(claims);
    eprintln!("  {CLAIMS} claims in {} runs after {:?}", manifest.runs.len(), start.elapsed());

    let start = Instant::now();
    let claims = Claims::open(folder.path(), &manifest);
    let days = manifest.runs.iter().filter(|run| run.first_day == run.last_day).map(|run| run.first_day);
    assert_eq!(days.collect::<std::collections::BTreeSet<_>>().len() as u64, DAYS);
    assert_eq!(claims.set.claims(), CLAIMS);
    assert!(claims.memory_bytes() < MEMORY / 4);
    eprintln!("  opened with {} octets in memory after {:?}", claims.memory_bytes(), start.elapsed());

    let start = Instant::now();
    let again = |number: u64| Claim { at: Position { file: FileOrdinal(7777), record: 1 }, ..claim(number) };
    for (count, step, conflict) in [(DUPLICATES, CLAIMS / DUPLICATES, 0), (CONFLICTS, CLAIMS / CONFLICTS, 1)]
    {
        for number in (0..count).map(|index| index * step + mix(index) % step) {
            let (first, reach) = (claim(number).at, reach_of(number));
            let candidate = again(number);
            let candidate = Claim { billed: candidate.billed ^ conflict, ..candidate };
            let expected =
                if conflict == 0 { Verdict::Duplicate { first } } else { Verdict::Conflict { first } };
            assert_eq!(claims.judge(&candidate, reach), expected, "{number}");
            assert_eq!(claims.judge(&claim(number), reach), Verdict::Replay, "{number}");
        }
    }
    eprintln!("  duplicates and conflicts after {:?}", start.elapsed());

    let start = Instant::now();
    for number in 10 * CLAIMS..10 * CLAIMS + NEW {
        let scattered = Claim { day: FIRST_DAY + (number % DAYS) as i32, ..claim(number) };
        assert_eq!(claims.judge(&scattered, Reach::Day), Verdict::New, "{number}");
        assert_eq!(claims.judge(&scattered, Reach::Window), Verdict::New, "{number}");
    }
    eprintln!("  new keys after {:?}", start.elapsed());
    let peak = peak_bytes();
    assert!(peak < MEMORY, "peak of {peak} octets");
    println!("  peak {peak} octets");
    println!("  {} claims judged", CLAIMS + 2 * (DUPLICATES + CONFLICTS) + 2 * NEW);
    // After the restart: claims kept, days in runs of their own, memory; duplicates, conflicts, replays, new keys of
    // either reach; the peak.
    println!("cases: 9");
}
