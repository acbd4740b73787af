use super::*;
use caudal_cdr::framing::ts32297::FileHeader;
use caudal_cdr::framing::ts32297::encode::{CdrKind, FileKind, FileWriter};
use caudal_engine::schedule::Schedule;
use caudal_engine::source::{Block, BlockKind, FileProgress};
use caudal_usage::{Code, Fault, LocalTime};
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;

fn ledger(alarms: &[Lasting]) -> Ledger {
    let mut ledger = Ledger::new(Schedule::start(["a"]));
    ledger.alarms.extend(alarms.iter().cloned());
    ledger
}

fn lasting(code: AlarmCode, source: &str, name: &[u8]) -> Lasting {
    Lasting { code, source: source.into(), name: name.to_vec() }
}

/// What was written: type, code and file of each line.
fn lines_of(alarms: &Alarms) -> Vec<String> {
    let lines = String::from_utf8(alarms.lines.clone()).unwrap();
    assert_eq!(lines.lines().count() as u64, alarms.count);
    lines.lines().map(str::to_owned).collect()
}

#[test]
fn a_refused_name_is_told_once_and_once_more_when_it_has_gone() {
    let known = [
        lasting(AlarmCode::RefusedFile, "a", b"gone"),
        lasting(AlarmCode::RefusedFile, "a", b"stays"),
        lasting(AlarmCode::RefusedFile, "b", b"of another"),
        lasting(AlarmCode::SilentSource, "a", b""),
    ];
    let refused = ["new", "stays"].map(|name| Refused { name: name.into(), why: "found a FIFO".into() });
    let mut alarms = Alarms::default();
    alarms.refused(&ledger(&known), "a", &refused);
    let expected = [
        r#"{"type":"alarm","code":"refused_file","source":"a","file":"a/new","message":"left out: found a FIFO"}"#,
        r#"{"type":"cleared","code":"refused_file","source":"a","file":"a/gone","message":"gone, or can be read now"}"#,
    ];
    assert_eq!(lines_of(&alarms), expected);
    let changes = [
        AlarmChange::Raised(lasting(AlarmCode::RefusedFile, "a", b"new")),
        AlarmChange::Cleared(lasting(AlarmCode::RefusedFile, "a", b"gone")),
    ];
    assert_eq!(alarms.changes, changes);
}

#[test]
fn a_folder_full_of_refused_names_is_told_of_in_part() {
    let refused: Vec<_> =
        (0..5000).map(|n| Refused { name: format!("{n:05}").into(), why: String::new() }).collect();
    let mut alarms = Alarms::default();
    alarms.refused(&ledger(&[]), "a", &refused);
    assert_eq!(alarms.count, REFUSED_MAX as u64);
}

#[test]
fn silence_is_told_once_and_once_more_when_it_ends() {
    let silent = [lasting(AlarmCode::SilentSource, "a", b"")];
    let tell = |known: &[Lasting], since_ms, after_ms| {
        let mut alarms = Alarms::default();
        alarms.silence(&ledger(known), "a", Quiet { since_ms, after_ms });
        lines_of(&alarms)
    };
    let two_hours = Some(2 * HOUR_MS);
    let raised = r#"{"type":"alarm","code":"silent_source","source":"a","message":"no new file for 2 h"}"#;
    let cleared =
        r#"{"type":"cleared","code":"silent_source","source":"a","message":"new files are found again"}"#;
    assert_eq!(tell(&[], 2 * HOUR_MS - 1, two_hours), [""; 0]);
    assert_eq!(tell(&[], 2 * HOUR_MS, two_hours), [raised]);
    assert_eq!(tell(&silent, 3 * HOUR_MS, two_hours), [""; 0]);
    assert_eq!(tell(&silent, 0, two_hours), [cleared]);
    assert_eq!(tell(&silent, 3 * HOUR_MS, None), [cleared]);
    assert_eq!(tell(&[], i64::MAX, None), [""; 0]);
}

#[test]
fn durations_have_their_largest_whole_unit() {
    for (ms, text) in
        [(2 * HOUR_MS, "2 h"), (86_400_000, "24 h"), (90_000, "90 s"), (120_000, "2 min"), (1, "1 ms")]
    {
        assert_eq!(duration(ms), text);
    }
}

fn entry() -> FileEntry {
    FileEntry {
        source: "a".into(),
        claim: caudal_usage::FileClaim {
            found: caudal_usage::FoundFile {
                source: 0,
                name: b"f".to_vec(),
                size: 1,
                inode: 1,
                mtime_ns: 0,
                head_hash: 0,
            },
            ordinal: FileOrdinal(3),
            arrival_ms: 0,
            continued: None,
        },
        finished: None,
        released: false,
    }
}

/// Numbers 1 to 10, 15 to 20, then the missing ones in two files: told when the gap opens, and when it is filled.
#[test]
fn a_gap_is_told_when_it_opens_and_when_it_is_filled() {
    let entry = entry();
    let mut stands = ledger(&[]);
    let mut lines = Vec::new();
    for (first, last) in [(1, 10), (15, 20), (11, 12), (13, 14), (21, 30)] {
        let mut alarms = Alarms::default();
        let mut numbers = Numbers::new(&stands);
        let mut shown = NumberRuns::default();
        (first..=last).for_each(|number| shown.note(b"pgw-1", number));
        numbers.take(&mut alarms, (&entry, "a/f"), (AlarmCode::RecordGap, &shown));
        let changes = numbers.into_changes();
        stands.sequences.extend(changes);
        lines.extend(lines_of(&alarms));
    }
    let expected = [
        r#"{"type":"alarm","code":"record_gap","source":"a","file":"a/f","file_id":3,"message":"11 to 14 of pgw-1: 4 numbers are missing"}"#,
        r#"{"type":"gap_closed","code":"record_gap","source":"a","file":"a/f","file_id":3,"message":"14 of pgw-1 was the last that was missing between its neighbours"}"#,
    ];
    assert_eq!(lines, expected);
    assert_eq!(stands.sequences.values().collect::<Vec<_>>(), [&Sequence { next: 31, gaps: vec![] }]);
}

/// Two CDRs behind a header with these octets changed; `tail` follows them.
struct Ts32297<'a> {
    changes: &'a [(usize, &'a [u8])],
    tail: &'a [u8],
}

const SOUND: Ts32297<'static> = Ts32297 { changes: &[], tail: b"" };

impl Ts32297<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut cdrs = FileWriter::new();
        (0..2).for_each(|_| cdrs.cdr(CdrKind::pgw(8), b"\xBF\x4F\x03\x80\x01\x55"));
        cdrs.raw(self.tail);
        let at = LocalTime { local_ms: 1_780_000_000_000, offset_s: Some(0) };
        let mut bytes = cdrs.finish(&FileKind {
            sequence: 7,
            node: [10, 0, 0, 1].into(),
            opened: at,
            last_append: at,
            closure: 0,
            lost: 0,
            routeing_filter: b"",
            private_extension: None,
        });
        for (at, octets) in self.changes {
            bytes[*at..*at + octets.len()].copy_from_slice(octets);
        }
        bytes
    }

    /// The file as one block, in slices of one record.
    fn slices(&self) -> Vec<Slice> {
        let bytes = self.bytes();
        let header = Some(Arc::new(FileHeader::parse(&bytes).unwrap()));
        let end = FileProgress { offset: bytes.len() as u64, records: 2, prefix_hash: 0 };
        let start = FileProgress::default();
        let block = Arc::new(Block { kind: BlockKind::Records, start, next: end, last: true, bytes });
        let layout = Arc::new(Err(Fault::new(Code::UnknownFormat, "", b"")));
        let slice = |first| Slice {
            number: 0,
            source: 0,
            file: FileOrdinal(3),
            arrival_ms: 0,
            layout: Arc::clone(&layout),
            header: header.clone(),
            block: Arc::clone(&block),
            first,
            end: first + 1,
        };
        vec![slice(0), slice(1)]
    }

    /// What its slices tell, one commit each: code and message.
    fn told(&self, stands: &mut Ledger) -> Vec<String> {
        let mut told = Vec::new();
        for slice in self.slices() {
            let mut alarms = Alarms::default();
            let mut numbers = Numbers::new(stands);
            alarms.header(&mut numbers, (&entry(), "a/f"), &slice);
            let changes = numbers.into_changes();
            stands.sequences.extend(changes);
            for line in lines_of(&alarms) {
                let line = line.strip_suffix("\"}").unwrap();
                let word = |name: &str| line.split(name).nth(1).unwrap().split("\",").next().unwrap();
                told.push(format!("{} {}: {}", word("type\":\""), word("code\":\""), word("message\":\"")));
            }
        }
        told
    }
}

#[test]
fn each_thing_that_a_file_header_says_wrongly_has_its_code_and_is_told_once() {
    let changed = |changes| Ts32297 { changes, ..SOUND };
    for (file, expected) in [
        (SOUND, &[][..]),
        (changed(&[(0, &[0xFF; 4])]), &[]),
        (changed(&[(26, &[131])]), &["alarm abnormal_closure: closure reason 131 (file integrity error)"]),
        (changed(&[(26, &[127])]), &[]),
        (changed(&[(47, &[129])]), &["alarm lost_records: lost CDR indicator 129 (1 lost)"]),
        (changed(&[(18, &[0, 0, 1, 0xF4])]), &["alarm count_mismatch: declared 500 CDRs, seen 2"]),
        (changed(&[(0, &[0, 0, 1, 0])]), &["alarm count_mismatch: declared 256 octets, seen 70"]),
        (changed(&[(8, &[0x80, 0x80])]), &["alarm file_header: releases: found R8 to R8, expected R7 to R7"]),
        (Ts32297 { tail: &[0xFF; 8], ..SOUND }, &["alarm file_header: trailingOctets: found 8, expected 0"]),
    ] {
        assert_eq!(file.told(&mut ledger(&[])), expected);
    }
}

#[test]
fn gaps_between_files_open_close_and_wrap_by_node() {
    let mut stands = ledger(&[]);
    let mut told = |number: u32, node: u8| {
        let changes: &[(usize, &[u8])] = &[(22, &number.to_be_bytes()), (46, &[node])];
        Ts32297 { changes, ..SOUND }.told(&mut stands)
    };
    for (number, node, expected) in [
        (u32::MAX, 1, &[][..]),
        (500, 2, &[]),
        (0, 1, &[]),
        (2, 1, &["alarm file_gap: 1 of 10.0.0.1 is missing"]),
        (501, 2, &[]),
        (1, 1, &["gap_closed file_gap: 1 of 10.0.0.1 was the last that was missing between its neighbours"]),
        (1, 1, &["alarm file_gap: 1 of 10.0.0.1 comes again or late, expected 3"]),
        (6, 1, &["alarm file_gap: 3 to 5 of 10.0.0.1: 3 numbers are missing"]),
    ] {
        assert_eq!(told(number, node), expected, "{number} of {node}");
    }
}
