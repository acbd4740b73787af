use super::super::tests::{LATER_MS, config, folder, gzip, write, zstd};
use super::super::{After, DirectoryConfig, DirectorySource};
use crate::compliance::{blocks, claim};
use caudal_engine::source::{
    Block, BlockKind, Continued, FileClaim, FileProgress, FileStat, Find, Finished, FoundFile, Scan, Source,
    Standing,
};
use caudal_usage::FileOrdinal;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The end of a file that was read whole.
fn end(blocks: &[Block]) -> Finished {
    let last = blocks.last().unwrap();
    Finished {
        octets: last.next.offset,
        framed: last.next.records,
        content_hash: last.next.prefix_hash,
        damaged: last.kind != BlockKind::Records,
    }
}

/// Scans for somebody who has read `known` to `end`.
fn scan(source: &mut DirectorySource, known: &FoundFile, end: Finished) -> Vec<Find> {
    let standing = |stat: &FileStat<'_>| match stat {
        stat if (stat.size, stat.mtime_ns) == (known.size, known.mtime_ns) => Standing::Known,
        stat if stat.inode == known.inode && stat.size >= known.size => {
            Standing::Written { ordinal: FileOrdinal(1), end }
        }
        _ => Standing::New,
    };
    source.scan(&Scan { now_ms: LATER_MS, limit: 9, standing: &standing }).unwrap()
}

fn first(source: &mut DirectorySource) -> FoundFile {
    let scan = Scan { now_ms: LATER_MS, limit: 9, standing: &|_| Standing::New };
    source.scan(&scan).unwrap().remove(0).file
}

fn append(folder: &Path, content: &[u8]) {
    File::options().append(true).open(folder.join("in/x.csv")).unwrap().write_all(content).unwrap();
}

/// Reads a file of `before`, appends `after`, and reads what the continuation gives: kind, content, framed items.
fn check(before: &[u8], after: &[u8], expected: &[(BlockKind, &[u8], u32)]) {
    let folder = folder(&[("x.csv", before)]);
    let mut source = DirectorySource::new(config(folder.path()));
    let known = first(&mut source);
    let ended = end(&blocks(&source, &known, FileProgress::default()));
    assert_eq!(scan(&mut source, &known, ended), []);
    append(folder.path(), after);
    let found = scan(&mut source, &known, ended).remove(0);
    assert_eq!(found.continues, Some(FileOrdinal(1)));
    let continued = Some(Continued { end: ended, ends: 1, before: FileOrdinal(2) });
    let claim = FileClaim { continued, ..claim(&found.file) };
    let read = |from: FileProgress| {
        let mut reader = source.open(&claim, from).unwrap();
        std::iter::from_fn(|| reader.next_block().unwrap()).collect::<Vec<_>>()
    };
    let all = read(claim.from());
    let shown: Vec<_> =
        all.iter().map(|block| (block.kind, block.bytes.as_slice(), block.next.records)).collect();
    assert_eq!(shown, expected, "{:?} and {:?}", before.escape_ascii(), after.escape_ascii());
    for (index, block) in all.iter().enumerate() {
        assert_eq!(block.last, index + 1 == all.len());
        assert_eq!(read(block.start), all[index..], "resumed at block {index}");
    }
}

const RECORDS: BlockKind = BlockKind::Records;

fn cut(len: u64) -> BlockKind {
    BlockKind::Damage { code: caudal_usage::Code::CutRecord, len }
}

#[test]
fn a_file_that_grew_goes_on_where_it_ended() {
    check(b"a\nb\n", b"c\nd\n", &[(RECORDS, b"c\nd\n", 4)]);
    check(b"", b"a\n", &[(RECORDS, b"a\n", 1)]);
    check(b"a\n", b"\n\n", &[(RECORDS, b"\n\n", 1)]);
}

#[test]
fn a_line_without_its_end_is_whole_only_when_the_end_comes() {
    check(b"a\nb", b"\nc\n", &[(RECORDS, b"\nc\n", 3)]);
    check(b"a\nb", b"\r\nc", &[(RECORDS, b"\r\nc", 3)]);
    check(b"a\nb\r", b"\nc", &[(RECORDS, b"\nc", 3)]);
    check(b"a\nb", b"bb\nc\n", &[(cut(3), b"bb\n", 3), (RECORDS, b"c\n", 4)]);
    check(b"a\nb", b"bb", &[(cut(2), b"bb", 3)]);
}

#[test]
fn compressed_content_goes_on_too() {
    check(&gzip(b"a\nb\n"), &gzip(b"c\n"), &[(RECORDS, b"c\n", 3)]);
    check(&zstd(b"a\nb\n"), &zstd(b"c\n"), &[(RECORDS, b"c\n", 3)]);
    // The first part of a stream was taken for all of it; its last line was cut.
    let whole = zstd(b"a\nb\nccc\n");
    let mut parts = zstd::Encoder::new(Vec::new(), 1).unwrap();
    parts.write_all(b"a\nb\nc").unwrap();
    parts.flush().unwrap();
    let at = parts.get_ref().len();
    parts.write_all(b"cc\nd\n").unwrap();
    let packed = parts.finish().unwrap();
    assert!(whole.len() > 8 && at < packed.len());
    check(&packed[..at], &packed[at..], &[(cut(3), b"cc\n", 4), (RECORDS, b"d\n", 5)]);
}

#[test]
fn what_does_not_begin_with_what_was_read_is_another_file() {
    let folder = folder(&[("x.csv", b"one\ntwo\n")]);
    let mut source = DirectorySource::new(config(folder.path()));
    let known = first(&mut source);
    let ended = end(&blocks(&source, &known, FileProgress::default()));
    for (content, continues) in [
        (b"One\ntwo\nthree\n".as_slice(), Some(None)),
        (b"one\nTwo\n", Some(None)),
        (b"one\n", Some(None)),
        (b"one\ntwo\nthree\n", Some(Some(FileOrdinal(1)))),
        (b"one\ntwo\n", None),
    ] {
        write(folder.path(), "x.csv", content);
        let found = scan(&mut source, &known, ended);
        let found = found.first().map(|find| find.continues);
        assert_eq!(found, continues, "{}", content.escape_ascii());
    }
    // Only its time changed: it is compared once.
    let opens = source.work().opens;
    assert_eq!(scan(&mut source, &known, ended), []);
    assert_eq!(source.work().opens, opens);
}

#[test]
fn a_file_that_grew_before_it_was_put_away_stays_until_its_new_end() {
    for after in [After::Delete, After::Archive("archive".into())] {
        let folder = folder(&[("x.csv", b"one\n")]);
        let after = match after {
            After::Archive(name) => After::Archive(folder.path().join(name)),
            other => other,
        };
        let mut source = DirectorySource::new(DirectoryConfig { after, ..config(folder.path()) });
        let known = first(&mut source);
        let ended = end(&blocks(&source, &known, FileProgress::default()));
        append(folder.path(), b"two\n");
        source.finish(&claim(&known)).unwrap();
        let found = scan(&mut source, &known, ended).remove(0);
        assert_eq!(found.continues, Some(FileOrdinal(1)));
        source.finish(&claim(&found.file)).unwrap();
        assert!(!folder.path().join("in/x.csv").exists());
    }
}
