use super::*;
use caudal_engine::schedule::Schedule;

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

/// Numbers 1 to 10, 15 to 20, then the missing ones in two files: told when the gap opens, and when it is filled.
#[test]
fn a_gap_is_told_when_it_opens_and_when_it_is_filled() {
    let entry = FileEntry {
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
    };
    let mut stands = ledger(&[]);
    let mut lines = Vec::new();
    for (first, last) in [(1, 10), (15, 20), (11, 12), (13, 14), (21, 30)] {
        let mut alarms = Alarms::default();
        let mut numbers = Numbers::new(&stands);
        let run = NumberRun { node: "pgw-1".into(), first, last };
        numbers.take(&mut alarms, (&entry, "a/f"), (AlarmCode::RecordGap, &run));
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
