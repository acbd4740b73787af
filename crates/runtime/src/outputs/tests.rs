//! Data files through kills and crashes at every step between the first line and the final name.
//! Relies on a disk in memory that forgets what was not synced.

use super::*;
use caudal_engine::disk::Disk;
use caudal_store::faulty::{MemDisk, Unsynced};
use std::collections::BTreeMap;
use std::sync::Arc;

const RATED: &str = "out/rated/rated-00000001.jsonl";
const PART: &str = "out/rated/rated-00000001.jsonl.part";
const KEPT: &str = "state/segments/rated/rated-00000001.jsonl";

/// The receipts that the log holds, by stream: all that a recovery knows.
type Logged = BTreeMap<Stream, Receipt>;

fn recover(disk: &MemDisk, logged: &Logged) -> anyhow::Result<Outputs> {
    let folders = (Path::new("out"), Path::new("state"));
    Outputs::recover(Arc::new(disk.clone()), folders, |stream| logged.get(&stream).copied())
}

fn refused(disk: &MemDisk, logged: &Logged) -> String {
    recover(disk, logged).err().map(|error| format!("{error:#}")).unwrap_or_default()
}

/// *prepare* of one epoch of rated lines.
fn prepare(outputs: &mut Outputs, lines: &str, roll: Roll) -> Vec<Receipt> {
    let count = outputs.append(Stream::Rated, lines.as_bytes()).unwrap();
    assert_eq!(count as usize, lines.matches('\n').count());
    outputs.prepare(roll).unwrap()
}

fn log(logged: &mut Logged, receipts: &[Receipt]) {
    logged.extend(receipts.iter().map(|receipt| (receipt.stream, *receipt)));
}

fn content(disk: &MemDisk, path: &str) -> Option<String> {
    disk.read(Path::new(path)).ok().map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn killed_before_the_first_receipt_nothing_is_left() {
    let (disk, logged) = (MemDisk::new(), Logged::new());
    let mut outputs = recover(&disk, &logged).unwrap();
    prepare(&mut outputs, "a\n", Roll::WhenFull);
    disk.kill();
    assert_eq!(content(&disk, PART).as_deref(), Some("a\n"));
    let mut outputs = recover(&disk, &logged).unwrap();
    assert_eq!(content(&disk, PART), None);
    let receipts = prepare(&mut outputs, "b\n", Roll::WhenFull);
    assert_eq!(content(&disk, PART).as_deref(), Some("b\n"));
    assert_eq!((receipts[0].segment, receipts[0].len, receipts[0].lines), (1, 2, 1));
}

#[test]
fn what_was_never_committed_is_cut_and_what_was_goes_on() {
    let (disk, mut logged) = (MemDisk::new(), Logged::new());
    let mut outputs = recover(&disk, &logged).unwrap();
    log(&mut logged, &prepare(&mut outputs, "a\nb\n", Roll::WhenFull));
    prepare(&mut outputs, "never\n", Roll::WhenFull);
    disk.kill();
    let mut outputs = recover(&disk, &logged).unwrap();
    assert_eq!(content(&disk, PART).as_deref(), Some("a\nb\n"));
    log(&mut logged, &prepare(&mut outputs, "c\n", Roll::All));
    assert_eq!((logged[&Stream::Rated].lines, logged[&Stream::Rated].closed), (3, true));
    outputs.finish(&logged.values().copied().collect::<Vec<_>>()).unwrap();
    for path in [RATED, KEPT] {
        assert_eq!(content(&disk, path).as_deref(), Some("a\nb\nc\n"), "{path}");
    }
    assert_eq!(content(&disk, PART), None);
}

/// A file whose closing was committed: the machine stops before *finish*, after the link, and after the rename.
#[test]
fn a_closed_file_gets_its_final_name_on_recovery_wherever_finish_stopped() {
    for done in 0..3 {
        let (disk, mut logged) = (MemDisk::new(), Logged::new());
        let mut outputs = recover(&disk, &logged).unwrap();
        log(&mut logged, &prepare(&mut outputs, "a\n", Roll::All));
        if done > 0 {
            disk.link(Path::new(PART), Path::new(KEPT)).unwrap();
            disk.sync_folder(Path::new("state/segments/rated")).unwrap();
        }
        if done > 1 {
            disk.rename(Path::new(PART), Path::new(RATED)).unwrap();
            disk.sync_folder(Path::new("out/rated")).unwrap();
        }
        disk.crash(Unsynced::Lost);
        let mut outputs = recover(&disk, &logged).unwrap();
        assert_eq!(content(&disk, RATED).as_deref(), Some("a\n"), "{done}");
        assert_eq!(content(&disk, KEPT).as_deref(), Some("a\n"), "{done}");
        assert_eq!(content(&disk, PART), None, "{done}");
        // Once more changes nothing, nor does a consumer who has moved the file; the next file has the next number.
        disk.remove(Path::new(RATED)).unwrap();
        disk.kill();
        outputs = recover(&disk, &logged).unwrap_or(outputs);
        assert_eq!(content(&disk, RATED), None, "{done}");
        assert_eq!(prepare(&mut outputs, "b\n", Roll::WhenFull)[0].segment, 2, "{done}");
    }
}

#[test]
fn a_file_that_is_large_enough_is_closed_and_the_next_begun() {
    let (disk, mut logged) = (MemDisk::new(), Logged::new());
    let mut outputs = recover(&disk, &logged).unwrap();
    outputs.streams[Stream::Rated as usize].receipt.len = SEGMENT_BYTES - 2;
    let open = prepare(&mut outputs, "a", Roll::WhenFull);
    assert!(!open[0].closed);
    let full = prepare(&mut outputs, "\n", Roll::WhenFull);
    assert!(full[0].closed && full[0].len == SEGMENT_BYTES);
    outputs.finish(&full).unwrap();
    log(&mut logged, &full);
    log(&mut logged, &prepare(&mut outputs, "b\n", Roll::WhenFull));
    disk.crash(Unsynced::Lost);
    // The newest receipt is all that is known of the stream; the file before it has its final name already.
    recover(&disk, &logged).unwrap();
    assert_eq!(content(&disk, RATED).as_deref(), Some("a\n"));
    assert_eq!(content(&disk, "out/rated/rated-00000002.jsonl.part").as_deref(), Some("b\n"));
}

#[test]
fn nothing_written_gives_no_receipt_and_what_is_open_is_closed_at_the_end() {
    let (disk, mut logged) = (MemDisk::new(), Logged::new());
    let mut outputs = recover(&disk, &logged).unwrap();
    assert_eq!(outputs.append(Stream::Audit, b"").unwrap(), 0);
    assert_eq!(outputs.prepare(Roll::All).unwrap(), []);
    log(&mut logged, &prepare(&mut outputs, "a\n", Roll::WhenFull));
    assert_eq!(outputs.prepare(Roll::WhenFull).unwrap(), []);
    let last = outputs.prepare(Roll::All).unwrap();
    assert_eq!(last, [Receipt { closed: true, ..logged[&Stream::Rated] }]);
}

#[test]
fn a_part_that_is_not_what_the_log_says_stops_the_start() {
    let (disk, mut logged) = (MemDisk::new(), Logged::new());
    let mut outputs = recover(&disk, &logged).unwrap();
    log(&mut logged, &prepare(&mut outputs, "a\nb\n", Roll::WhenFull));
    disk.kill();
    disk.damage(Path::new(PART), |bytes| bytes[0] = b'x');
    assert!(refused(&disk, &logged).contains("checksum"), "{}", refused(&disk, &logged));
    disk.damage(Path::new(PART), |bytes| bytes.truncate(3));
    assert!(refused(&disk, &logged).contains("3 octets long"), "{}", refused(&disk, &logged));
    disk.remove(Path::new(PART)).unwrap();
    assert!(refused(&disk, &logged).contains("is missing"), "{}", refused(&disk, &logged));
}

#[test]
fn a_closed_file_that_the_log_does_not_know_is_another_states() {
    for folder in ["out/rated", "state/segments/rated"] {
        let (disk, logged) = (MemDisk::new(), Logged::new());
        recover(&disk, &logged).unwrap();
        let path = Path::new(folder).join("rated-00000007.jsonl");
        disk.open(&path).unwrap().append(b"a\n").unwrap();
        assert!(refused(&disk, &logged).contains("rated-00000007.jsonl"), "{folder}");
    }
}

#[test]
fn files_of_other_names_are_left_alone() {
    let (disk, logged) = (MemDisk::new(), Logged::new());
    recover(&disk, &logged).unwrap();
    let others = ["out/rated/copy-20261001.jsonl", "out/rated/rated-7.jsonl", "out/rated/notes.txt"];
    others.iter().for_each(|path| disk.open(Path::new(path)).unwrap().append(b"a\n").unwrap());
    recover(&disk, &logged).unwrap();
    others.iter().for_each(|path| assert!(disk.exists(Path::new(path)), "{path}"));
}
