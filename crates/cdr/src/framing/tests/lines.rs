//! Lines, cut and split.

use crate::framing::*;
use caudal_usage::Code;
use proptest::prelude::*;

fn check(content: &[u8], expect: &[&[u8]]) {
    let cut = Framing::Lines.cut(Place::FileStart, content, WindowEnd::EndOfFile);
    assert_eq!(cut, Cut::Block { len: content.len(), records: expect.len() as u32 });
    let records: Vec<_> =
        Framing::Lines.records(Place::FileStart, content).map(|record| record.bytes).collect();
    assert_eq!(records, expect);
}

#[test]
fn lines() {
    check(b"", &[]);
    check(b"\n\r\n\n", &[]);
    check(b"a", &[b"a"]);
    check(b"a\r", &[b"a"]);
    check(b"a\nb\r\n\nc", &[b"a", b"b", b"c"]);
    check(b"\"a\nb\"\n", &[b"\"a", b"b\""]);
    check(b" \n\0\n", &[b" ", b"\0"]);
}

#[test]
fn a_window_that_may_go_on_is_not_cut() {
    let window = vec![b'\n'; BLOCK_MAX + 1];
    let cut = |len: usize, end| Framing::Lines.cut(Place::FileStart, &window[..len], end);
    assert_eq!(cut(0, WindowEnd::More), Cut::NeedMore);
    assert_eq!(cut(BLOCK_MAX, WindowEnd::More), Cut::NeedMore);
    assert_eq!(cut(BLOCK_MAX, WindowEnd::EndOfFile), Cut::Block { len: BLOCK_MAX, records: 0 });
    assert_eq!(cut(BLOCK_MAX + 1, WindowEnd::More), Cut::Block { len: BLOCK_MAX, records: 0 });
}

/// Reads a file to its end: (octets, records) of blocks, and 0 records for what was skipped.
fn read(content: &[u8]) -> Vec<(usize, u32)> {
    let mut parts = Vec::new();
    let mut rest = content;
    while !rest.is_empty() {
        let (len, records) = match Framing::Lines.cut(Place::FileStart, rest, WindowEnd::EndOfFile) {
            Cut::Block { len, records } => (len, records),
            Cut::Damage(code) => {
                assert_eq!(code, Code::BadLength);
                match Framing::Lines.resync(rest, WindowEnd::EndOfFile) {
                    Resync::At(len) | Resync::Skip(len) => (len, 0),
                }
            }
            Cut::NeedMore => panic!("the whole file is there"),
        };
        if records > 0 {
            assert_eq!(Framing::Lines.records(Place::FileStart, &rest[..len]).count(), records as usize);
        }
        parts.push((len, records));
        rest = &rest[len..];
    }
    parts
}

#[test]
fn a_line_that_is_too_long_is_damage_wherever_it_stands() {
    for long in [RECORD_MAX + 1, BLOCK_MAX - 5, BLOCK_MAX, 10_000_000] {
        let mut content = b"first\n".to_vec();
        content.resize(6 + long, b'x');
        content.extend_from_slice(b"\r\nlast");
        assert_eq!(read(&content), [(6, 1), (long + 2, 0), (4, 1)], "{long}");
        content.truncate(6 + long);
        assert_eq!(read(&content), [(6, 1), (long, 0)], "{long}, cut");
    }
    let mut content = vec![b'x'; RECORD_MAX];
    assert_eq!(read(&content), [(RECORD_MAX, 1)]);
    content.extend_from_slice(b"\r\n");
    assert_eq!(read(&content), [(RECORD_MAX + 2, 1)]);
}

proptest! {
    #[test]
    fn cut_and_split_count_alike(lines in prop::collection::vec("[a\r]{0,3}\n?", 0..200)) {
        let content = lines.concat().into_bytes();
        let Cut::Block { len, records } = Framing::Lines.cut(Place::FileStart, &content, WindowEnd::EndOfFile) else {
            panic!("a small file is one block");
        };
        prop_assert_eq!(len, content.len());
        prop_assert_eq!(Framing::Lines.records(Place::FileStart, &content).count(), records as usize);
    }

    #[test]
    fn big_files_lose_nothing(line in 1usize..3000, lines in 1usize..400) {
        let mut content = vec![b'y'; line];
        content.push(b'\n');
        let content = content.repeat(lines);
        let parts = read(&content);
        prop_assert_eq!(parts.iter().map(|part| part.0).sum::<usize>(), content.len());
        prop_assert_eq!(parts.iter().map(|part| part.1 as usize).sum::<usize>(), lines);
        prop_assert!(parts.iter().all(|part| part.0 <= BLOCK_MAX));
    }
}
