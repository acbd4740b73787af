//! Every octet of every sample, and of hostile files, is accounted for once.

use super::*;
use caudal_cdr::Framing;
use std::path::{Path, PathBuf};

fn check(path: &Path, format: Option<&str>) -> Survey {
    let survey = survey(path, format).unwrap();
    let mut end = 0;
    let mut opened = open(path, Framing::Lines).unwrap();
    let sums = walk(opened.reader.as_mut(), &survey.kind, &mut |seen| {
        assert!(seen.offset >= end, "{}: {} after {end}", path.display(), seen.offset);
        end = seen.offset + seen.length;
        Ok(())
    })
    .unwrap();
    assert_eq!(sums, survey.sums);
    assert_eq!(sums.parsed + sums.fill + sums.suspended, sums.size, "{}", path.display());
    assert!(end <= sums.size);
    if !survey.compressed {
        assert_eq!(sums.size, path.metadata().unwrap().len());
    }
    survey
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            files(&entry.path(), into);
        } else {
            into.push(entry.path());
        }
    }
}

#[test]
fn samples() {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-cdrs"), &mut paths);
    let is_text = |path: &&PathBuf| path.extension().is_none_or(|ending| ending != "ber" && ending != "cdr");
    let inputs: Vec<_> = paths
        .iter()
        .filter(|path| path.parent().is_some_and(|at| at.ends_with("input")))
        .filter(is_text)
        .collect();
    assert!(inputs.len() >= 19);
    for path in &paths {
        check(path, None);
    }
    for path in inputs {
        let survey = check(path, None);
        assert!(matches!(survey.kind, Kind::Asterisk(_) | Kind::Delimited(_)), "{}", path.display());
        assert!(survey.sums.records > 0 && survey.times.is_some(), "{}", path.display());
    }
}

fn content(bytes: &[u8], format: Option<&str>) -> Survey {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, bytes).unwrap();
    check(&path, format)
}

#[test]
fn hostile_files() {
    let long = vec![b'x'; 300_000];
    let all: Vec<u8> = (0..=255).collect();
    let row: &[u8] = b"a;b;c\n1;2;3\n";
    let cases: Vec<Vec<u8>> = vec![
        vec![],
        b"\n\r\n\n".to_vec(),
        b"\r".to_vec(),
        all.clone(),
        all.repeat(3000),
        long.clone(),
        [row, &long, b"\n4;5;6"].concat(),
        [row, b"4;5"].concat(),
        [row, b"4;5;6;7\n\n\n8;9;\xff\x00\x1b\n"].concat(),
        [b"\xEF\xBB\xBF".as_slice(), row].concat(),
        b"PK\x03\x04zipped".to_vec(),
        b"\x1F\x8Bno gzip after all".to_vec(),
        b"\"a\",\"b\",\"c\n\"1\",\"2\",\"3\"\n".to_vec(),
        [row, &vec![b';'; 70_000], b"\r\n"].concat(),
    ];
    for case in &cases {
        for format in [None, Some("asterisk"), Some("delimited")] {
            content(case, format);
        }
    }
}

/// A Zstandard frame of one block that holds its content as it is.
fn zstd(content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len()).unwrap();
    let [low, high, ..] = (u32::from(len) << 3 | 1).to_le_bytes();
    [&b"\x28\xB5\x2F\xFD\x20"[..], &[len, low, high, 0], content].concat()
}

/// The octets on disk of a Zstandard file were shown as those of its content.
#[test]
fn compressed_files_are_told() {
    let row: &[u8] = b"a;b;c\n1;2;3\n";
    let gzip = flate2::read::GzEncoder::new(row, flate2::Compression::fast());
    let gzip: Vec<u8> = std::io::Read::bytes(gzip).map(Result::unwrap).collect();
    for (file, compressed) in [(row.to_vec(), false), (gzip, true), (zstd(row), true)] {
        let survey = content(&file, None);
        assert_eq!((survey.compressed, survey.size_on_disk), (compressed, file.len() as u64));
        assert_eq!((survey.sums.records, survey.sums.size), (1, row.len() as u64));
    }
}

#[test]
fn damage_is_named() {
    let survey = content(b"a;b;c\n1;2;3\n1;2;3\n1;2;3\n4;5;6;7\n\n8;9", None);
    assert_eq!((survey.sums.records, survey.sums.damaged), (3, 2));
    assert_eq!((survey.sums.parsed, survey.sums.fill, survey.sums.suspended), (20, 6, 10));
    let codes: Vec<_> = survey.codes.iter().map(|(code, found)| (code.as_str(), *found)).collect();
    assert_eq!(codes, [("truncated", 1), ("bad_field", 1)]);
    assert!(survey.truncated);
    assert_eq!((survey.line_end(), survey.lines()), ("lf", 6));
    let Kind::Delimited(columns) = &survey.kind else { panic!("{}", survey.kind.name()) };
    assert_eq!(columns.header.as_ref().unwrap(), &["a", "b", "c"]);
}

#[test]
fn what_drives_a_terminal_is_shown_not_sent() {
    for (bytes, expected) in [
        (b"plain".as_slice(), "plain"),
        ("Móvil €".as_bytes(), "Móvil €"),
        (b"\x1b[2J\x07\x7f\n", "\\x1b[2J\\x07\\x7f\\x0a"),
        (b"a\xff\x9bb", "a\\xff\\x9bb"),
        ("\u{9b}x\u{202e}y".as_bytes(), "\\u{9b}x\\u{202e}y"),
    ] {
        assert_eq!(visible(bytes), expected);
    }
    assert_eq!(hex_text(b"\x00A\xff"), "0041ff");
    assert_eq!(hex_lines(32, b"A\x1b"), [format!("{:>10}  {:<48} A.", 32, "41 1b ")]);
}
