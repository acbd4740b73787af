//! Raw BER, TS 32.297 and values: what is a record, what is fill, what is damage.

use super::{Piece, check_file, read};
use crate::ber::{Tag, Writer};
use crate::framing::values::write_value;
use crate::framing::*;
use proptest::prelude::*;

const PGW: &[u8] = include_bytes!("../../../testdata/records/pgw_pycrate.ber");
const CHF: &[u8] = include_bytes!("../../../testdata/records/chf_pycrate.ber");
const MOC: &[u8] = include_bytes!("../../../testdata/records/moc_pycrate.ber");
const CONCAT: &[u8] = include_bytes!("../../../testdata/records/ber_concat.ber");
const BLOCK512: &[u8] = include_bytes!("../../../testdata/records/ber_block512_fill00.ber");
const R8: &[u8] = include_bytes!("../../../testdata/ts32297/ts32297_r8_2rec.cdr");
const R16: &[u8] = include_bytes!("../../../testdata/ts32297/ts32297_r16_chf.cdr");
const TRUNCATED: &[u8] = include_bytes!("../../../testdata/ts32297/ts32297_truncated.cdr");

/// A file as words: `207@52` for a record, `!20@300 truncated` for damage.
fn check(framing: Framing, content: &[u8], expect: &[&str]) {
    let mut found = Vec::new();
    for piece in check_file(framing, content) {
        match piece {
            Piece::Block(_, _, records) => {
                found.extend(records.iter().map(|(from, to)| format!("{}@{from}", to - from)));
            }
            Piece::Damage(from, to, code) => found.push(format!("!{}@{from} {code}", to - from)),
        }
    }
    assert_eq!(found, expect);
}

#[test]
fn elements_behind_each_other() {
    check(Framing::Ber, b"", &[]);
    check(Framing::Ber, PGW, &["207@0"]);
    check(Framing::Ber, CONCAT, &["207@0", "120@207", "116@327", "125@443"]);
    check(Framing::Ber, &[&[0; 7], CHF, &[0xFF; 3], PGW, b"\0\0\xFF\xFF\0"].concat(), &["125@7", "207@135"]);
    check(Framing::Ber, &[&b"\x30\x80\x04\x01A\0\0"[..], b"\0\0", MOC].concat(), &["7@0", "116@9"]);
    check(Framing::Ber, &[0; 5000], &[]);
    let records = [PGW, CHF].concat().repeat(3);
    assert!(!BLOCK512.is_empty());
    check_file(Framing::Ber, BLOCK512);
    check(Framing::Ber, &records, &["207@0", "125@207", "207@332", "125@539", "207@664", "125@871"]);
}

#[test]
fn a_last_record_that_is_cut() {
    check(Framing::Ber, &[PGW, &PGW[..206]].concat(), &["207@0", "!206@207 truncated"]);
    for len in 1..PGW.len() {
        check(Framing::Ber, &PGW[..len], &[&format!("!{len}@0 truncated")]);
        let whole = [CHF, &PGW[..len]].concat();
        check(Framing::Ber, &whole, &["125@0", &format!("!{len}@125 truncated")]);
    }
}

#[test]
fn a_length_that_is_wrong() {
    // The PGW record has its length in octet 3, after BF 4F 81.
    let mut wrong = PGW.to_vec();
    for length in [0xCA, 0xCC, 0x10, 0xFF] {
        wrong[3] = length;
        check(
            Framing::Ber,
            &[CHF, &wrong, CHF, CHF].concat(),
            &["125@0", "!207@125 bad_length", "125@332", "125@457"],
        );
    }
    wrong[2] = 0x84;
    check(
        Framing::Ber,
        &[CHF, &wrong, CHF, CHF].concat(),
        &["125@0", "!207@125 bad_length", "125@332", "125@457"],
    );
    check(Framing::Ber, &[CHF, &wrong, CHF].concat(), &["125@0", "!207@125 bad_length", "125@332"]);
    check(Framing::Ber, &[CHF, &wrong].concat(), &["125@0", "!207@125 bad_length"]);
    check(Framing::Ber, b"\x04\x88\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", &["!10@0 bad_length"]);
    check(Framing::Ber, b"Some text, no record\n", &["!21@0 bad_length"]);
}

#[test]
fn damage_between_records() {
    check(
        Framing::Ber,
        &[CHF, b"garbage", CHF, PGW].concat(),
        &["125@0", "!7@125 bad_length", "125@132", "207@257"],
    );
    // One record is no proof, unless the file or fill follows it.
    let cut = [CHF, b"garbage", CHF, b"@@@@@@@@@@"].concat();
    check(Framing::Ber, &cut, &["125@0", "!142@125 bad_length"]);
    let fill = [CHF, b"garbage", CHF, b"\0@@@@@@@@@@"].concat();
    check(Framing::Ber, &fill, &["125@0", "!7@125 bad_length", "125@132", "!10@258 bad_length"]);
    // Elements inside a broken record are no records, however well they fit together.
    let containers = Tag::context(34);
    let mut writer = Writer::new();
    writer.nested(containers, |list| {
        for _ in 0..9 {
            list.nested(Tag::SEQUENCE, |one| {
                one.integer(Tag::context(0), 85);
            });
        }
    });
    let broken = [&b"\x01"[..], writer.bytes()].concat();
    check(Framing::Ber, &broken, &[&format!("!{}@0 bad_length", broken.len())]);
}

#[test]
fn cdr_files() {
    check(Framing::Ts32297, b"", &[]);
    check(Framing::Ts32297, &R8[..52], &[]);
    check(Framing::Ts32297, R8, &["211@52", "124@263"]);
    check(Framing::Ts32297, R16, &["130@54", "130@184"]);
    check(Framing::Ts32297, TRUNCATED, &["211@52", "!104@263 truncated"]);
    // Headers of four and of five octets in one file.
    check(Framing::Ts32297, &[R8, &R16[54..]].concat(), &["211@52", "124@263", "130@387", "130@517"]);
    for len in 1..4 {
        check(Framing::Ts32297, &R8[..263 + len], &["211@52", &format!("!{len}@263 truncated")]);
    }
    for fill in [0x00, 0xFF] {
        for len in [4, 5, 300] {
            let file = [&R8[..263], &vec![fill; len], &R8[263..], &vec![fill; len]].concat();
            check(Framing::Ts32297, &file, &["211@52", &format!("124@{}", 263 + len)]);
        }
    }
}

#[test]
fn cdr_files_with_damage() {
    let two = [&R8[..263], &R8[52..]].concat();
    check(Framing::Ts32297, &two, &["211@52", "211@263", "124@474"]);
    // Another encoding, and a reserved one: still a record, and the next header is read.
    for format in [0x47, 0x67, 0x87, 0xA7, 0x07] {
        let mut file = two.clone();
        file[263 + 3] = format;
        check(Framing::Ts32297, &file, &["211@52", "211@263", "124@474"]);
    }
    // The last record before fill, in an encoding that cannot be looked into.
    let mut file = [&R8[..263], &[0; 9], &R8[52..]].concat();
    file[52 + 3] = 0x47;
    check(Framing::Ts32297, &file, &["211@52", "211@272", "124@483"]);
    // A CDR header that lies about its length.
    for length in [[0, 0xCE], [0, 0xD0], [0, 1], [0, 0], [0x10, 0], [0xFF, 0xFF]] {
        let mut file = [two.as_slice(), &two[263..]].concat();
        file[263..265].copy_from_slice(&length);
        check(Framing::Ts32297, &file, &["211@52", "!211@263 bad_length", "124@474", "211@598", "124@809"]);
    }
    // A record that lies about its length, in a CDR header that does not.
    let mut file = two.clone();
    file[263 + 4 + 3] = 0x10;
    check(Framing::Ts32297, &file, &["211@52", "211@263", "124@474"]);
    // A file header that ends nowhere.
    let mut file = two.clone();
    file[4..8].copy_from_slice(&[0, 0, 0, 60]);
    check(Framing::Ts32297, &file, &["!52@0 bad_length", "211@52", "211@263", "124@474"]);
    file[4..8].copy_from_slice(&[0, 0, 0, 0]);
    check(Framing::Ts32297, &file, &["!52@0 bad_length", "211@52", "211@263", "124@474"]);
    check(Framing::Ts32297, &two[..40], &["!40@0 truncated"]);
    check(
        Framing::Ts32297,
        b"a line of text that is no CDR file at all, nor anything near\n",
        &["!61@0 bad_length"],
    );
}

#[test]
fn values_behind_their_lengths() {
    let mut block = Vec::new();
    assert!(
        write_value(&mut block, b"one") && write_value(&mut block, b"") && write_value(&mut block, b"three")
    );
    check(Framing::Values, &block, &["3@4", "0@11", "5@15"]);
    check(Framing::Values, &block[..18], &["3@4", "0@11", "!7@11 truncated"]);
    assert!(!write_value(&mut block, &vec![0; RECORD_MAX + 1]));
    check(Framing::Values, &[0x7F, 0xFF, 0xFF, 0xFF, 0], &["!5@0 bad_length"]);
}

#[test]
fn many_blocks() {
    for (framing, head, record) in [(Framing::Ber, 0, CONCAT), (Framing::Ts32297, 52, &R8[52..])] {
        let file = [&R8[..head], &record.repeat(3000)].concat();
        let pieces = check_file(framing, &file);
        assert!(pieces.len() > 4 && pieces.iter().all(|piece| matches!(piece, Piece::Block(..))));
        // Damage longer than any window.
        let damage = vec![0x01; 3 * BLOCK_MAX];
        let file = [&file[..head], record, &damage, record, record].concat();
        let pieces = check_file(framing, &file);
        let from = head + record.len();
        assert_eq!(pieces[1], Piece::Damage(from, from + damage.len(), Code::BadLength));
        // Fill longer than any window.
        let fill = vec![0; 3 * BLOCK_MAX];
        let file = [&file[..head], record, &fill, record].concat();
        assert!(check_file(framing, &file).iter().all(|piece| matches!(piece, Piece::Block(..))));
    }
}

#[test]
fn records_up_to_the_bound() {
    let element = |len: usize| {
        let mut writer = Writer::new();
        writer.nested(Tag::context(79), |inside| {
            inside.integer(Tag::context(0), 85).octets(Tag::context(9), &vec![0x21; len - 9]);
        });
        let octets = writer.into_bytes();
        assert_eq!(octets.len(), len + 3);
        octets
    };
    let largest = element(RECORD_MAX - 3);
    assert_eq!(largest.len(), RECORD_MAX);
    check(Framing::Ber, &[&largest, PGW].concat(), &["65536@0", "207@65536"]);
    let larger = element(RECORD_MAX - 2);
    check(Framing::Ber, &[&larger, PGW].concat(), &["!65537@0 bad_length", "207@65537"]);
    let file = [&largest, PGW].concat().repeat(20);
    assert!(check_file(Framing::Ber, &file).iter().all(|piece| matches!(piece, Piece::Block(..))));
}

/// A change to a file.
#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Drop(usize),
    Insert(Vec<u8>),
}

fn change() -> impl Strategy<Value = (prop::sample::Index, Change)> {
    let change = prop_oneof![
        any::<u8>().prop_map(Change::Set),
        (1usize..300).prop_map(Change::Drop),
        prop::collection::vec(any::<u8>(), 1..40).prop_map(Change::Insert),
    ];
    (any::<prop::sample::Index>(), change)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_accounted_for(
        cdr_file: bool,
        copies in 1usize..6,
        changes in prop::collection::vec(change(), 0..6),
    ) {
        let (framing, mut file) =
            if cdr_file { (Framing::Ts32297, [R8, &R8[52..].repeat(copies)].concat()) } else { (Framing::Ber, CONCAT.repeat(copies)) };
        for (index, change) in changes {
            let at = index.index(file.len().max(1));
            match change {
                Change::Set(octet) if at < file.len() => file[at] = octet,
                Change::Set(_) => {}
                Change::Drop(len) => {
                    let end = file.len().min(at + len);
                    file.drain(at.min(end)..end);
                }
                Change::Insert(octets) => {
                    file.splice(at..at, octets);
                }
            }
        }
        check_file(framing, &file);
    }

    /// One octet changed harms the record it is in and no other, or is not noticed by framing at all.
    #[test]
    fn one_wrong_octet_costs_at_most_two_records(at in 0usize..568 * 3, octet: u8) {
        let mut file = CONCAT.repeat(3);
        file[at] = octet;
        let sound = read(Framing::Ber, &CONCAT.repeat(3), 0, 1000);
        let Some(Piece::Block(_, _, all)) = sound.first() else { panic!("one block") };
        let mut found = Vec::new();
        for piece in check_file(Framing::Ber, &file) {
            if let Piece::Block(_, _, records) = piece {
                found.extend(records);
            }
        }
        let missed: Vec<_> = all.iter().filter(|record| !found.contains(record)).collect();
        prop_assert!(missed.len() <= 2, "{:?}", missed);
    }

    #[test]
    fn random_octets(
        octets in prop::collection::vec(prop_oneof![any::<u8>(), Just(0xBF), Just(0x4F), Just(0x80), 0u8..4, Just(0xA0)], 0..2000),
        framing in prop_oneof![Just(Framing::Ber), Just(Framing::Ts32297), Just(Framing::Values), Just(Framing::Lines)],
    ) {
        check_file(framing, &octets);
    }

    /// Content that is lost behind a window gives whole records only.
    #[test]
    fn lost_content(len in 0usize..1200, cdr_file: bool) {
        let (framing, file) = if cdr_file { (Framing::Ts32297, [R8, &R8[52..]].concat()) } else { (Framing::Ber, CONCAT.repeat(2)) };
        let len = len.min(file.len());
        match framing.cut(Place::FileStart, &file[..len], WindowEnd::Lost) {
            Cut::Block { len: cut, records } => {
                let whole = read(framing, &file, 0, 1000);
                let Some(Piece::Block(_, _, all)) = whole.first() else { panic!("one block") };
                prop_assert!(cut <= len);
                prop_assert_eq!(records as usize, all.iter().filter(|(_, to)| *to <= len).count());
            }
            Cut::NeedMore => prop_assert!(len < 207),
            Cut::Damage(code) => prop_assert!(false, "{code} at {len}"),
        }
    }
}
