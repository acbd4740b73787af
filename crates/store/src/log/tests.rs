//! The log under crashes, full disks and failing syncs.
//! Relies on the disks of `faulty`.
//! Never touches a real disk.

use super::segment::{FRAME_HEADER_LEN, HEADER_LEN};
use super::*;
use crate::faulty::{FaultyDisk, MemDisk, Unsynced};
use std::sync::Arc;

fn open(disk: &MemDisk) -> Result<Log, StoreError> {
    Log::open(Arc::new(disk.clone()), Path::new("log"), LogOptions::default())
}

fn payload(epoch: u64) -> Vec<u8> {
    format!("payload of epoch {epoch}").into_bytes()
}

fn write(log: &mut Log, epochs: std::ops::RangeInclusive<u64>) {
    for epoch in epochs {
        log.append(epoch, &payload(epoch)).unwrap();
        log.sync().unwrap();
    }
}

/// The log holds exactly `epochs` after `after`.
fn check(log: &Log, after: u64, epochs: impl IntoIterator<Item = u64>) {
    let frames: Vec<_> = log.frames_after(after).unwrap().map(Result::unwrap).collect();
    let expected: Vec<_> = epochs.into_iter().map(|epoch| Frame { epoch, payload: payload(epoch) }).collect();
    assert_eq!(frames, expected);
}

fn segment(first: u64) -> PathBuf {
    segment_path(Path::new("log"), first)
}

#[test]
fn what_was_synced_is_read_again() {
    let disk = MemDisk::new();
    let mut log = open(&disk).unwrap();
    assert_eq!(log.last_epoch(), None);
    check(&log, 0, []);
    write(&mut log, 1..=5);
    check(&log, 0, 1..=5);
    check(&log, 3, 4..=5);
    check(&log, 5, []);
    disk.crash(Unsynced::Lost);
    let mut log = open(&disk).unwrap();
    assert_eq!(log.last_epoch(), Some(5));
    check(&log, 0, 1..=5);
    write(&mut log, 6..=7);
    disk.crash(Unsynced::Lost);
    check(&open(&disk).unwrap(), 0, 1..=7);
}

#[test]
fn a_log_may_begin_anywhere_and_goes_on_by_one() {
    let mut log = open(&MemDisk::new()).unwrap();
    write(&mut log, 40..=41);
    for wrong in [40, 41, 43, 0] {
        let error = log.append(wrong, b"").unwrap_err();
        assert!(matches!(error, StoreError::Epoch { expected: 42, found, .. } if found == wrong), "{error}");
    }
    write(&mut log, 42..=42);
    let error = log.frames_after(20).err().unwrap();
    assert!(matches!(error, StoreError::Epoch { expected: 21, found: 40, .. }), "{error}");
}

/// The log was deleted and the snapshots were not: going on would begin epochs anew.
#[test]
fn a_log_that_ends_before_the_state_is_refused() {
    let mut log = open(&MemDisk::new()).unwrap();
    assert_eq!(log.frames_after(1).err().unwrap().code(), "store_epoch");
    write(&mut log, 1..=3);
    check(&log, 3, []);
    assert_eq!(log.frames_after(4).err().unwrap().code(), "store_epoch");
}

#[test]
fn an_oversized_commit_is_refused_and_the_log_goes_on() {
    let mut log = open(&MemDisk::new()).unwrap();
    let error = log.append(1, &vec![0; FRAME_MAX + 1]).unwrap_err();
    assert_eq!(error.code(), "store_bound");
    write(&mut log, 1..=1);
}

#[test]
fn a_tail_torn_at_any_octet_is_cut() {
    let last = FRAME_HEADER_LEN + payload(4).len();
    for kept in 0..last {
        let disk = MemDisk::new();
        let mut log = open(&disk).unwrap();
        write(&mut log, 1..=3);
        log.append(4, &payload(4)).unwrap();
        disk.crash(Unsynced::Torn(kept));
        let mut log = open(&disk).unwrap();
        check(&log, 0, 1..=3);
        write(&mut log, 4..=5);
        disk.crash(Unsynced::Lost);
        check(&open(&disk).unwrap(), 0, 1..=5);
    }
}

#[test]
fn an_unsynced_frame_that_survives_whole_is_kept() {
    let disk = MemDisk::new();
    let mut log = open(&disk).unwrap();
    write(&mut log, 1..=3);
    log.append(4, &payload(4)).unwrap();
    disk.crash(Unsynced::Torn(usize::MAX));
    check(&open(&disk).unwrap(), 0, 1..=4);
}

/// A process whose sync failed leaves pages that read well and are on no disk: the next start writes them anew.
#[test]
fn what_only_the_page_cache_holds_is_synced_before_it_is_trusted() {
    let disk = MemDisk::new();
    let mut log = open(&disk).unwrap();
    write(&mut log, 1..=3);
    log.append(4, &payload(4)).unwrap();
    disk.kill();
    check(&open(&disk).unwrap(), 0, 1..=4);
    disk.crash(Unsynced::Lost);
    check(&open(&disk).unwrap(), 0, 1..=4);
}

#[test]
fn any_octet_of_the_last_frame_turned_is_cut_and_of_an_earlier_one_refused() {
    let frame = FRAME_HEADER_LEN + payload(1).len();
    let whole = HEADER_LEN + 3 * frame;
    for at in 0..whole {
        let disk = MemDisk::new();
        write(&mut open(&disk).unwrap(), 1..=3);
        disk.damage(&segment(1), |bytes| bytes[at] ^= 0x40);
        disk.kill();
        if at >= HEADER_LEN + 2 * frame {
            check(&open(&disk).unwrap(), 0, 1..=2);
            continue;
        }
        let error = open(&disk).err().unwrap();
        let bad = if at < HEADER_LEN { 0 } else { (at - HEADER_LEN) / frame * frame + HEADER_LEN };
        match &error {
            StoreError::Corrupt { path, offset, .. } => {
                assert_eq!((path, *offset), (&segment(1), bad as u64), "{at}: {error}");
            }
            other => panic!("{at}: {other}"),
        }
    }
}

#[test]
fn zeros_after_the_end_are_cut() {
    let disk = MemDisk::new();
    write(&mut open(&disk).unwrap(), 1..=3);
    disk.damage(&segment(1), |bytes| bytes.extend_from_slice(&[0; 4096]));
    disk.kill();
    check(&open(&disk).unwrap(), 0, 1..=3);
}

fn small() -> LogOptions {
    LogOptions { segment_bytes: 100 }
}

#[test]
fn segments_roll_and_are_dropped_when_covered() {
    let disk = MemDisk::new();
    let shared: SharedDisk = Arc::new(disk.clone());
    let mut log = Log::open(shared.clone(), Path::new("log"), small()).unwrap();
    write(&mut log, 1..=20);
    let segments = log.segment_count();
    assert!(segments >= 8, "{segments}");
    check(&log, 0, 1..=20);
    check(&log, 11, 12..=20);
    log.drop_before(11).unwrap();
    assert!(log.segment_count() < segments);
    check(&log, 10, 11..=20);
    assert!(log.frames_after(0).is_err());
    assert!(log.frames().unwrap().count() >= 10);
    log.drop_before(1000).unwrap();
    assert_eq!(log.segment_count(), 1);
    disk.crash(Unsynced::Lost);
    let mut log = Log::open(shared, Path::new("log"), small()).unwrap();
    assert_eq!(log.last_epoch(), Some(20));
    write(&mut log, 21..=21);
}

#[test]
fn a_new_segment_torn_in_its_header_is_taken_back() {
    for kept in 0..HEADER_LEN {
        let disk = MemDisk::new();
        let shared: SharedDisk = Arc::new(disk.clone());
        let mut log = Log::open(shared.clone(), Path::new("log"), small()).unwrap();
        write(&mut log, 1..=3);
        shared.open(&segment(4)).unwrap().append(&segment::header(4)[..kept]).unwrap();
        shared.sync_folder(Path::new("log")).unwrap();
        disk.crash(Unsynced::Torn(kept));
        let mut log = Log::open(shared, Path::new("log"), small()).unwrap();
        check(&log, 0, 1..=3);
        write(&mut log, 4..=6);
        check(&log, 0, 1..=6);
    }
}

#[test]
fn damage_in_an_earlier_segment_or_a_missing_one_stops_the_reading() {
    for missing in [false, true] {
        let disk = MemDisk::new();
        let shared: SharedDisk = Arc::new(disk.clone());
        let mut log = Log::open(shared.clone(), Path::new("log"), small()).unwrap();
        write(&mut log, 1..=20);
        let second = segment(log.segments[1]);
        if missing {
            shared.remove(&second).unwrap();
        } else {
            disk.damage(&second, |bytes| bytes[HEADER_LEN + 20] ^= 1);
        }
        disk.kill();
        let log = Log::open(shared, Path::new("log"), small()).unwrap();
        let frames: Vec<_> = log.frames_after(0).unwrap().collect();
        let code = if missing { "store_epoch" } else { "store_corrupt" };
        assert_eq!(frames.last().unwrap().as_ref().unwrap_err().code(), code);
    }
}

#[test]
fn a_failed_sync_poisons_the_log() {
    let disk = MemDisk::new();
    let faulty = FaultyDisk::new(Arc::new(disk.clone()));
    let mut log = Log::open(Arc::new(faulty.clone()), Path::new("log"), LogOptions::default()).unwrap();
    write(&mut log, 1..=3);
    log.append(4, &payload(4)).unwrap();
    faulty.fail_sync_after(0);
    assert_eq!(log.sync().unwrap_err().code(), "store_io");
    assert_eq!(log.sync().unwrap_err().code(), "store_poisoned");
    assert_eq!(log.append(5, b"").unwrap_err().code(), "store_poisoned");
    assert_eq!(log.drop_before(1).unwrap_err().code(), "store_poisoned");
    disk.crash(Unsynced::Lost);
    check(&open(&disk).unwrap(), 0, 1..=3);
}

#[test]
fn a_full_disk_poisons_the_log_and_loses_nothing_synced() {
    for room in 0..60 {
        let disk = MemDisk::new();
        let faulty = FaultyDisk::new(Arc::new(disk.clone()));
        let mut log = Log::open(Arc::new(faulty.clone()), Path::new("log"), LogOptions::default()).unwrap();
        write(&mut log, 1..=3);
        faulty.fill_after(room);
        let mut epoch = 4;
        while log.append(epoch, &payload(epoch)).and_then(|()| log.sync()).is_ok() {
            epoch += 1;
        }
        assert_eq!(log.append(epoch, b"").unwrap_err().code(), "store_poisoned");
        disk.kill();
        check(&open(&disk).unwrap(), 0, 1..=epoch - 1);
    }
}
