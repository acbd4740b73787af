//! Runs under spills, merges, restarts, damage and crashes, compared with a plain map.
//! Relies on the disks of `faulty`; claims are made from counters.
//! Never touches a real disk.

use super::format::{PAGE_BYTES, PAGE_ENTRIES};
use super::*;
use crate::SharedDisk;
use crate::faulty::{FaultyDisk, MemDisk, Unsynced};
use caudal_engine::disk::Disk;
use caudal_mediation::dedup::{Delta, Verdict, judge, newest};
use caudal_usage::{FileOrdinal, Position, Slot};
use proptest::prelude::*;
use std::collections::HashMap;
use std::path::Path;

const LIMITS: Limits = Limits { memory_bytes: 1 << 30, disk_bytes: 1 << 30 };
const NO_FLOOR: i32 = i32::MIN;

fn mix(mut word: u64) -> u64 {
    for multiplier in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
        word = (word ^ (word >> 31)).wrapping_mul(multiplier);
    }
    word ^ (word >> 31)
}

fn claim(number: u64, day: i32) -> Claim {
    Claim {
        fingerprint: [mix(number + 1), mix(number + (1 << 40))],
        billed: number,
        at: Position { file: FileOrdinal(9), record: number as u32 },
        day,
        slot: Slot(number as u8),
        attempt: 0,
    }
}

fn open(disk: &MemDisk, manifest: &Manifest) -> Result<(RunStore, RunSet), StoreError> {
    RunStore::open(Arc::new(disk.clone()), Path::new("claims"), LIMITS, manifest)
}

fn spill(store: &RunStore, set: &RunSet, reach: Reach, claims: &[Claim]) -> Result<RunSet, StoreError> {
    let mut delta = Delta::new();
    claims.iter().for_each(|claim| delta.insert(*claim).unwrap());
    store.spill(set, Spill { reach, floor: NO_FLOOR }, vec![delta.into_sorted(reach)])
}

/// Every one of `claims` is found, in its scope, one by one and in a batch.
fn check(set: &RunSet, reach: Reach, claims: &[Claim]) {
    let (mut one_by_one, mut batch, mut probes) = (Vec::new(), Vec::new(), Probes::default());
    for (key, claim) in claims.iter().enumerate() {
        set.candidates(&claim.fingerprint, Scope::of(reach, claim), |page| one_by_one.push((key, page)));
    }
    let keys = claims.iter().map(|claim| (claim.fingerprint, Scope::of(reach, claim)));
    set.candidates_of(keys, &mut probes, |key, page| batch.push((key, page)));
    assert_eq!(one_by_one, batch);
    for claim in claims {
        assert_eq!(set.lookup(&claim.fingerprint, Scope::of(reach, claim)).unwrap().as_ref(), Some(claim));
    }
}

#[test]
fn any_number_of_claims_is_found_after_a_crash() {
    for count in [1, 2, 3, 10, 106, 107, 108, 214, 20_000, 60_000, 120_000] {
        for reach in [Reach::Day, Reach::Window] {
            let disk = MemDisk::new();
            let (store, empty) = open(&disk, &Manifest::default()).unwrap();
            let claims: Vec<_> = (0..count).map(|number| claim(number, 20_000)).collect();
            let set = spill(&store, &empty, reach, &claims).unwrap();
            check(&set, reach, &claims);
            disk.crash(Unsynced::Lost);
            let (_, again) = open(&disk, &set.manifest()).unwrap();
            assert_eq!((again.claims(), again.len()), (count, 1));
            assert_eq!(again.memory_bytes(), set.memory_bytes());
            check(&again, reach, &claims);
            for number in count..count + 3000 {
                let stranger = claim(number, 20_000);
                assert_eq!(again.lookup(&stranger.fingerprint, Scope::of(reach, &stranger)).unwrap(), None);
            }
        }
    }
}

#[test]
fn an_empty_spill_makes_no_run() {
    let (store, set) = open(&MemDisk::new(), &Manifest::default()).unwrap();
    for reach in [Reach::Day, Reach::Window] {
        assert!(spill(&store, &set, reach, &[]).unwrap().is_empty());
    }
    assert!(store.merge(&set, NO_FLOOR).unwrap().is_none());
}

#[test]
fn big_days_have_a_run_and_tiny_days_share_one() {
    let (store, set) = open(&MemDisk::new(), &Manifest::default()).unwrap();
    let size = |day| if day == 105 || day == 107 { 10_000 } else { 20 };
    let days = (100..110).flat_map(|day| (0..size(day)).map(move |number| (day, number)));
    let claims: Vec<_> = days.map(|(day, number)| claim(day as u64 * 100_000 + number, day)).collect();
    let set = spill(&store, &set, Reach::Day, &claims).unwrap();
    let ranges = set.manifest().runs.iter().map(|run| (run.first_day, run.last_day)).collect::<Vec<_>>();
    assert_eq!(ranges, [(105, 105), (107, 107), (100, 109)]);
    check(&set, Reach::Day, &claims);
    // Another day's runs are not looked at, nor those of the other reach.
    let mut probes = 0;
    set.candidates(&claim(10_500_000, 105).fingerprint, Scope::Day(107), |_| probes += 1);
    set.candidates(&claim(10_500_000, 105).fingerprint, Scope::All, |_| probes += 1);
    assert_eq!(probes, 0);
}

#[test]
fn merging_bounds_the_runs_and_keeps_every_claim() {
    let disk = MemDisk::new();
    let (store, mut set) = open(&disk, &Manifest::default()).unwrap();
    let (mut daily, mut global) = (Vec::new(), Vec::new());
    for round in 0..30u64 {
        let late = |number: u64| if number.is_multiple_of(1000) { 7 + (number / 1000 % 3) as i32 } else { 0 };
        let day = |number: u64| 50 + (number % 2) as i32 + late(number);
        let numbers = round * 20_000..(round + 1) * 20_000;
        let new: Vec<_> = numbers.clone().map(|number| claim(number, day(number))).collect();
        set = spill(&store, &set, Reach::Day, &new).unwrap();
        daily.extend(new);
        let new: Vec<_> = numbers.map(|number| claim(number + (1 << 50), 1)).take(300).collect();
        set = spill(&store, &set, Reach::Window, &new).unwrap();
        global.extend(new);
        while let Some(merged) = store.merge(&set, NO_FLOOR).unwrap() {
            assert!(merged.len() < set.len());
            set = merged;
        }
        assert!(set.of_window.len() <= WINDOW_RUNS_MAX && set.of_range.len() <= RANGE_RUNS_MAX);
        assert!(set.of_day.len() <= 2 * DAY_RUNS_MAX);
        store.sweep(&[&set.manifest()]).unwrap();
    }
    disk.crash(Unsynced::Lost);
    let (_, set) = open(&disk, &set.manifest()).unwrap();
    assert_eq!(set.claims(), (daily.len() + global.len()) as u64);
    check(&set, Reach::Day, &daily);
    check(&set, Reach::Window, &global);
}

#[test]
fn several_shards_spill_into_one_order() {
    let (store, set) = open(&MemDisk::new(), &Manifest::default()).unwrap();
    let claims: Vec<_> = (0..50_000).map(|number| claim(number, 9 + (number % 3) as i32)).collect();
    let mut shards = [Delta::new(), Delta::new(), Delta::new()];
    claims.iter().for_each(|claim| shards[claim.slot.shard(3)].insert(*claim).unwrap());
    let inputs = shards.map(|delta| delta.into_sorted(Reach::Day)).into();
    let set = store.spill(&set, Spill { reach: Reach::Day, floor: 10 }, inputs).unwrap();
    let live: Vec<_> = claims.into_iter().filter(|claim| claim.day >= 10).collect();
    assert_eq!((set.len(), set.claims()), (2, live.len() as u64));
    check(&set, Reach::Day, &live);
}

#[test]
fn expired_runs_go_and_merging_drops_expired_claims() {
    let (store, mut set) = open(&MemDisk::new(), &Manifest::default()).unwrap();
    for round in 0..6 {
        let claims: Vec<_> =
            (0..100).map(|n| claim(round * 100 + n, round as i32 * 10 + (n % 2) as i32)).collect();
        set = spill(&store, &set, Reach::Day, &claims).unwrap();
    }
    let live = set.without_expired(31);
    assert_eq!((set.len(), live.len()), (6, 3));
    let merged = store.merge(&set, 31).unwrap().unwrap();
    assert_eq!(merged.claims(), 250);
}

/// Claims whose first words are equal stay on one page, and more than fit there are refused rather than lost.
#[test]
fn equal_first_words_are_told_apart() {
    let (store, empty) = open(&MemDisk::new(), &Manifest::default()).unwrap();
    let twin = |word: u64, number: u64| Claim { fingerprint: [word, number], ..claim(number, 5) };
    let numbers = 0..PAGE_ENTRIES as u64;
    let mut claims: Vec<_> = numbers.clone().map(|number| twin(number / 50, number)).collect();
    claims.extend(numbers.map(|number| twin(1000, number)));
    let set = spill(&store, &empty, Reach::Window, &claims).unwrap();
    check(&set, Reach::Window, &claims);
    claims.push(twin(1000, 1 << 20));
    assert_eq!(spill(&store, &empty, Reach::Window, &claims).err().unwrap().code(), "store_bound");
}

#[test]
fn a_recycled_claim_overrules_the_older_one() {
    let (store, mut set) = open(&MemDisk::new(), &Manifest::default()).unwrap();
    let attempts: Vec<_> = (0..6).map(|attempt| Claim { attempt, ..claim(3, 5) }).collect();
    for attempt in &attempts {
        set = spill(&store, &set, Reach::Window, &[*attempt, claim(u64::from(attempt.attempt) + 1000, 5)])
            .unwrap();
        check(&set, Reach::Window, &[*attempt]);
    }
    let set = store.merge(&set, NO_FLOOR).unwrap().unwrap();
    check(&set, Reach::Window, &attempts[5..]);
}

/// A page that cannot be trusted must stop the line: "not found" would bill the duplicate.
#[test]
fn damage_anywhere_stops_and_never_says_not_found() {
    let path = Path::new("claims/0000000000000001.run");
    let disk = MemDisk::new();
    let (store, empty) = open(&disk, &Manifest::default()).unwrap();
    let claims: Vec<_> = (0..500).map(|number| claim(number, 5)).collect();
    let set = spill(&store, &empty, Reach::Day, &claims).unwrap();
    let size = set.disk_bytes() as usize;
    let pages = 5 * PAGE_BYTES;
    for at in (0..pages).step_by(97).chain(pages..size) {
        disk.damage(path, |bytes| bytes[at] ^= 0x10);
        match open(&disk, &set.manifest()) {
            Err(error) => assert!(at >= pages && error.code() == "store_corrupt", "{at}: {error}"),
            Ok((_, again)) => {
                assert!(at < pages, "{at}");
                for claim in &claims {
                    match again.lookup(&claim.fingerprint, Scope::Day(5)) {
                        Ok(found) => assert_eq!(found.as_ref(), Some(claim)),
                        Err(error) => assert_eq!(error.code(), "store_corrupt"),
                    }
                }
                let scan = again.runs[0].scan().find_map(Result::err);
                assert_eq!(scan.unwrap().code(), "store_corrupt");
            }
        }
        disk.damage(path, |bytes| bytes[at] ^= 0x10);
    }
    disk.damage(path, |bytes| bytes.truncate(size - 1));
    assert_eq!(open(&disk, &set.manifest()).err().unwrap().code(), "store_corrupt");
    disk.remove(path).unwrap();
    assert_eq!(open(&disk, &set.manifest()).err().unwrap().code(), "store_io");
}

#[test]
fn bounds_stop_and_nothing_fails_open() {
    let claims: Vec<_> = (0..5000).map(|number| claim(number, 5)).collect();
    for (memory_bytes, disk_bytes) in [(1000, 1 << 30), (1 << 30, 1000)] {
        let disk: SharedDisk = Arc::new(MemDisk::new());
        let limits = Limits { memory_bytes, disk_bytes };
        let (store, set) = RunStore::open(disk, Path::new("claims"), limits, &Manifest::default()).unwrap();
        assert_eq!(spill(&store, &set, Reach::Day, &claims).err().unwrap().code(), "store_bound");
    }
    let faulty = FaultyDisk::new(Arc::new(MemDisk::new()));
    let shared: SharedDisk = Arc::new(faulty.clone());
    let (store, set) = RunStore::open(shared, Path::new("claims"), LIMITS, &Manifest::default()).unwrap();
    for room in [0, 100, 200_000] {
        faulty.fill_after(room);
        assert_eq!(spill(&store, &set, Reach::Day, &claims).err().unwrap().code(), "store_io");
    }
    faulty.fill_after(u64::MAX);
    for syncs in 0..2 {
        faulty.fail_sync_after(syncs);
        assert_eq!(spill(&store, &set, Reach::Day, &claims).err().unwrap().code(), "store_io");
    }
}

#[test]
fn sweeping_keeps_what_any_manifest_names() {
    let disk = MemDisk::new();
    let (store, mut set) = open(&disk, &Manifest::default()).unwrap();
    for round in 0..6 {
        let claims: Vec<_> = (0..50).map(|number| claim(round * 50 + number, 5)).collect();
        set = spill(&store, &set, Reach::Window, &claims).unwrap();
    }
    let merged = store.merge(&set, NO_FLOOR).unwrap().unwrap();
    disk.open(Path::new("claims/0000000000000099.part")).unwrap();
    assert_eq!(store.sweep(&[&set.manifest(), &merged.manifest()]).unwrap(), 1);
    assert_eq!(open(&disk, &set.manifest()).unwrap().1.claims(), 300);
    assert_eq!(store.sweep(&[&merged.manifest()]).unwrap(), 6);
    assert!(open(&disk, &set.manifest()).is_err());
    let (store, again) = open(&disk, &merged.manifest()).unwrap();
    assert_eq!(again.claims(), 300);
    // Numbers are not used again.
    let more = spill(&store, &again, Reach::Window, &[claim(1 << 30, 5)]).unwrap();
    assert_eq!(more.manifest().runs.iter().map(|run| run.id).collect::<Vec<_>>(), [7, 8]);
}

/// What happens to the claims of a pipeline, between batches of records.
#[derive(Clone, Debug)]
enum Step {
    Records(Vec<(u16, u8, u8)>),
    Spill,
    Merge,
    Restart,
    Rise(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let record = (0..2000u16, 0..4u8, 0..3u8);
    let step = prop_oneof![
        6 => prop::collection::vec(record, 1..200).prop_map(Step::Records),
        4 => Just(Step::Spill),
        3 => Just(Step::Merge),
        1 => Just(Step::Restart),
        1 => (0..6u8).prop_map(Step::Rise),
    ];
    prop::collection::vec(step, 1..40)
}

/// The claims of both reaches as an engine keeps them, beside a map.
struct Model {
    disk: MemDisk,
    store: RunStore,
    set: RunSet,
    deltas: [Delta; 2],
    map: HashMap<[u64; 2], Claim>,
    floor: i32,
}

impl Model {
    fn record(&mut self, number: u16, variant: u8, attempt: u8) {
        let reach = if number.is_multiple_of(3) { Reach::Window } else { Reach::Day };
        let day = i32::from(number / 200);
        if day < self.floor {
            return;
        }
        let billed = u64::from(variant / 3);
        let at = Position { file: FileOrdinal(u32::from(variant)), record: number.into() };
        let candidate = Claim { billed, at, attempt, ..claim(number.into(), day) };
        let delta = &mut self.deltas[reach as usize];
        let mut known = delta.get(&candidate.fingerprint).copied();
        if known.is_none() {
            let (set, mut pages) = (&self.set, Vec::new());
            set.candidates(&candidate.fingerprint, Scope::of(reach, &candidate), |page| pages.push(page));
            for page in pages {
                known = newest(known, set.read(page, &candidate.fingerprint).unwrap());
            }
        }
        let verdict = judge(&candidate, known.as_ref());
        assert_eq!(verdict, judge(&candidate, self.map.get(&candidate.fingerprint)), "{candidate:?}");
        if verdict == Verdict::New {
            delta.insert(candidate).unwrap();
            self.map.insert(candidate.fingerprint, candidate);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Records(records) => {
                records
                    .into_iter()
                    .for_each(|(number, variant, attempt)| self.record(number, variant, attempt));
            }
            Step::Spill => {
                for reach in [Reach::Day, Reach::Window] {
                    let sorted = std::mem::take(&mut self.deltas[reach as usize]).into_sorted(reach);
                    let spill = Spill { reach, floor: self.floor };
                    self.set = self.store.spill(&self.set, spill, vec![sorted]).unwrap();
                }
            }
            Step::Merge => {
                while let Some(merged) = self.store.merge(&self.set, self.floor).unwrap() {
                    self.set = merged;
                }
            }
            Step::Restart => {
                self.step(Step::Spill);
                let manifest = self.set.manifest();
                self.store.sweep(&[&manifest]).unwrap();
                self.disk.crash(Unsynced::Lost);
                (self.store, self.set) = open(&self.disk, &manifest).unwrap();
            }
            Step::Rise(floor) => {
                self.floor = self.floor.max(floor.into());
                self.set = self.set.without_expired(self.floor);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]
    #[test]
    fn verdicts_are_those_of_a_map(steps in steps()) {
        let disk = MemDisk::new();
        let (store, set) = open(&disk, &Manifest::default()).unwrap();
        let mut model =
            Model { disk, store, set, deltas: Default::default(), map: HashMap::new(), floor: NO_FLOOR };
        steps.into_iter().for_each(|step| model.step(step));
    }
}
