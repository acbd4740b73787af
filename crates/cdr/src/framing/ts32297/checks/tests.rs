use super::*;
use crate::framing::{Cut, Framing, Place, WindowEnd};

const SOUND: &[u8] = include_bytes!("../../../../testdata/ts32297/ts32297_r8_2rec.cdr");
const R16: &[u8] = include_bytes!("../../../../testdata/ts32297/ts32297_r16_chf.cdr");
const BAD_COUNT: &[u8] = include_bytes!("../../../../testdata/ts32297/ts32297_bad_count.cdr");
const LOST: &[u8] = include_bytes!("../../../../testdata/ts32297/ts32297_lost_ge5_abnormal.cdr");
const TRUNCATED: &[u8] = include_bytes!("../../../../testdata/ts32297/ts32297_truncated.cdr");

/// The findings of a file of one block, as `field: found, expected`.
fn check(file: &[u8], expect: &[&str]) -> FileHeader {
    let header = FileHeader::parse(file).unwrap();
    let Cut::Block { len, .. } = Framing::Ts32297.cut(Place::FileStart, file, WindowEnd::EndOfFile) else {
        panic!("a block")
    };
    let mut counted = Counted { size: file.len() as u64, ..Counted::default() };
    let mut end = header.octets();
    for record in Framing::Ts32297.records(Place::FileStart, &file[..len]) {
        counted.cdr(record.bytes);
        end = record.offset + record.bytes.len();
    }
    counted.trailing = (file.len() - end) as u64;
    let findings: Vec<_> = header
        .findings(&counted)
        .iter()
        .map(|finding| format!("{}: {}, expected {}", finding.field, finding.found, finding.expected))
        .collect();
    assert_eq!(findings, expect);
    assert!(header.fits() == !findings.iter().any(|finding| finding.starts_with("headerLength")));
    header
}

/// The sound file with some octets changed.
fn changed(changes: &[(usize, &[u8])]) -> Vec<u8> {
    let mut file = SOUND.to_vec();
    for (at, octets) in changes {
        file[*at..*at + octets.len()].copy_from_slice(octets);
    }
    file
}

#[test]
fn every_field_of_a_sound_header() {
    let header = check(SOUND, &[]);
    assert_eq!((header.file_length, header.header_length), (Some(387), 52));
    assert_eq!((header.highest, header.lowest), ((Release(8), 3), (Release(8), 3)));
    assert_eq!(header.opened.to_string(), "11-22 15:30+03:00");
    assert_eq!(header.last_append.to_string(), "11-22 12:31+00:00");
    assert_eq!((header.cdrs, header.sequence), (2, 41));
    assert_eq!(header.closure.to_string(), "0 (normal)");
    assert_eq!(header.node_address().unwrap().to_string(), "10.0.0.1");
    assert_eq!(header.lost.to_string(), "0 (none lost)");
    assert!(header.routeing_filter.is_empty() && header.private_extension.is_empty());
    let header = check(R16, &[]);
    assert_eq!((header.highest, header.lowest, header.octets()), ((Release(16), 11), (Release(16), 11), 54));
}

#[test]
fn samples_that_are_wrong() {
    check(BAD_COUNT, &["numberOfCdrs: 2, expected 1"]);
    check(
        LOST,
        &[
            "fileClosureTriggerReason: 128 (abnormal), expected 0 to 127",
            "lostCdrIndicator: 5 (at least 5 lost), expected 0",
        ],
    );
    check(
        TRUNCATED,
        &["fileLength: 387, expected 367", "numberOfCdrs: 2, expected 1", "trailingOctets: 104, expected 0"],
    );
}

#[test]
fn each_check_alone() {
    check(&changed(&[(0, &[0xFF; 4])]), &[]);
    check(&changed(&[(0, &[0, 0, 1, 0])]), &["fileLength: 256, expected 387"]);
    check(&changed(&[(48, &[0, 9])]), &["headerLength: 52, expected 59"]);
    check(&changed(&[(50, &[0, 1])]), &["headerLength: 52, expected 53"]);
    check(&changed(&[(8, &[0x83, 0x83])]), &["releases: R8 to R8, expected R7 to R7"]);
    check(
        &changed(&[(10, &[0; 4])]),
        &["fileOpeningTimestamp: 00-00 00:00-00:00, expected a time that exists"],
    );
    let later = [0xBB, 0x41, 0xE8, 0xC0];
    check(
        &changed(&[(10, &later)]),
        &["fileOpeningTimestamp: 11-22 16:30+03:00, expected not after 11-22 12:31+00:00"],
    );
    check(
        &changed(&[(26, &[131])]),
        &["fileClosureTriggerReason: 131 (file integrity error), expected 0 to 127"],
    );
    check(&changed(&[(47, &[255])]), &["lostCdrIndicator: 255 (127 or more lost), expected 0"]);
    let mut file = SOUND.to_vec();
    file.extend_from_slice(&[0; 5]);
    check(&file, &["fileLength: 387, expected 392", "trailingOctets: 5, expected 0"]);
}

/// A header built from its parts, with the rest of the sound file behind it.
fn built(releases: [u8; 2], behind: &[u8]) -> Vec<u8> {
    let mut file = SOUND[..48].to_vec();
    file.extend_from_slice(behind);
    let header = file.len() as u32;
    file[4..8].copy_from_slice(&header.to_be_bytes());
    file[8..10].copy_from_slice(&releases);
    file.extend_from_slice(&SOUND[52..]);
    let length = file.len() as u32;
    file[..4].copy_from_slice(&length.to_be_bytes());
    file
}

#[test]
fn a_private_extension_may_have_no_length_when_there_is_none() {
    let check = |releases, behind: &[u8], filter: &[u8], private: &[u8], highest: u16| {
        let header = FileHeader::parse(&built(releases, behind)).unwrap();
        assert!(header.fits());
        assert_eq!((&*header.routeing_filter, &*header.private_extension), (filter, private));
        assert_eq!(
            (header.highest.0, header.lowest.0),
            (Release(highest), Release(if releases[1] >> 5 == 7 { 10 } else { 8 }))
        );
    };
    check([0xA3, 0xA3], b"\0\0", b"", b"", 8);
    check([0xA3, 0xA3], b"\0\0\0\0", b"", b"", 8);
    check([0xA3, 0xA3], b"\0\x03abc", b"abc", b"", 8);
    check([0xA3, 0xA3], b"\0\x03abc\0\x02de", b"abc", b"de", 8);
    check([0xE3, 0xA3], b"\0\0\x08", b"", b"", 18);
    check([0xE3, 0xE3], b"\0\0\x08\0", b"", b"", 18);
    check([0xE3, 0xA3], b"\0\0\0\0\x08", b"", b"", 18);
    check([0xE3, 0xE3], b"\0\0\0\x01x\x08\0", b"", b"x", 18);
}

#[test]
fn times_without_a_year() {
    let time = |month: u32, day: u32, hour: u32, minute: u32, zone_hours: u32| {
        super::super::HeaderTime(
            month << 28 | day << 23 | hour << 18 | minute << 12 | 1 << 11 | zone_hours << 6,
        )
    };
    let check =
        |a, b, after: Option<bool>| assert_eq!(super::super::HeaderTime::is_after(a, b), after, "{a} {b}");
    check(time(11, 22, 15, 30, 3), time(11, 22, 16, 0, 3), Some(false));
    check(time(11, 22, 16, 1, 3), time(11, 22, 16, 0, 3), Some(true));
    // The last append in UTC, the opening in local time.
    check(time(11, 22, 15, 30, 3), time(11, 22, 12, 40, 0), Some(false));
    check(time(12, 31, 23, 59, 0), time(1, 1, 0, 1, 0), Some(false));
    check(time(1, 1, 0, 1, 0), time(12, 31, 23, 59, 0), Some(true));
    check(time(2, 29, 0, 0, 0), time(3, 1, 0, 0, 0), Some(false));
    check(time(2, 30, 0, 0, 0), time(3, 1, 0, 0, 0), None);
    check(time(13, 1, 0, 0, 0), time(3, 1, 0, 0, 0), None);
}

#[test]
fn node_addresses() {
    let check = |octets: [u8; 20], expect: Option<&str>| {
        let mut header = FileHeader::parse(SOUND).unwrap();
        header.node = octets;
        assert_eq!(header.node_address().map(|address| address.to_string()).as_deref(), expect);
    };
    let with = |front: [u8; 4], rest: &[u8]| {
        let mut octets = [0; 20];
        octets[..4].copy_from_slice(&front);
        octets[20 - rest.len()..].copy_from_slice(rest);
        octets
    };
    check(with([0xFF; 4], b"\xFF\xFF\x0A\x00\x00\x01"), Some("10.0.0.1"));
    check(with([0xFF; 4], b"\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01"), Some("2001:db8::1"));
    check(with([10, 1, 2, 3], &[0; 16]), Some("10.1.2.3"));
    check(with([10, 1, 2, 3], &[0xFF; 16]), Some("10.1.2.3"));
    check([0; 20], None);
    check([0xFF; 20], None);
}

#[test]
fn what_is_no_header() {
    for file in [&b""[..], &SOUND[..49], &SOUND[..51], &changed(&[(4, &[0, 0, 0, 49])]), b"\0\0\0\0\0\0\0\0"]
    {
        assert!(FileHeader::parse(file).is_err());
    }
}
