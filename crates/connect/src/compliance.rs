//! What every source must do, as one check over any of them.
//! Relies on the room's test to lay out files and to say what content they hold.
//! Never knows how a source is built.

use caudal_cdr::framing::{Framing, Place};
use caudal_engine::source::{
    Block, BlockKind, FileClaim, FileProgress, FileStat, FoundFile, Scan, Source, Standing,
};
use caudal_usage::FileOrdinal;

/// The claim that an engine would make of a found file.
pub(crate) fn claim(found: &FoundFile) -> FileClaim {
    FileClaim { found: found.clone(), ordinal: FileOrdinal(1), arrival_ms: 0, continued: None }
}

/// The files that a source shows to somebody who knows those that `known` says.
pub(crate) fn found(
    source: &mut dyn Source,
    now_ms: i64,
    known: &dyn Fn(&FileStat<'_>) -> bool,
) -> Vec<FoundFile> {
    let standing = |stat: &FileStat<'_>| if known(stat) { Standing::Known } else { Standing::New };
    let finds = source.scan(&Scan { now_ms, limit: usize::MAX, standing: &standing }).unwrap();
    assert!(finds.iter().all(|find| find.continues.is_none()));
    finds.into_iter().map(|find| find.file).collect()
}

/// All blocks of a file from `from` on.
pub(crate) fn blocks(source: &dyn Source, found: &FoundFile, from: FileProgress) -> Vec<Block> {
    let mut reader = source.open(&claim(found), from).unwrap();
    std::iter::from_fn(|| reader.next_block().unwrap()).collect()
}

/// Checks a source whose complete files hold `contents`, in order of their names.
///
/// MUST: show files in order of their names, leave out what is known, show the same files again, in batches too; read every octet
/// once; count the records that the framing counts; say `last` at the last block and only there; give the same blocks
/// from any block's start; refuse to go on over other content; finish twice without an error.
pub(crate) fn check(source: &mut dyn Source, framing: Framing, contents: &[&[u8]]) {
    let found = check_scans(source, contents.len());
    for (file, content) in found.iter().zip(contents) {
        let whole = blocks(source, file, FileProgress::default());
        check_blocks(&whole, framing, content);
        let head = source.open(&claim(file), FileProgress::default()).unwrap().head().to_vec();
        assert!(content.starts_with(&head) && head.len() == content.len().min(caudal_cdr::HEAD_MAX));
        check_resumes(source, file, &whole);
    }
    check_finish(source, &found);
}

/// Files are shown in order, again and again, but for those that are known.
pub(crate) fn check_scans(source: &mut dyn Source, count: usize) -> Vec<FoundFile> {
    let now_ms = i64::MAX / 2;
    let found = found(source, now_ms, &|_| false);
    assert_eq!(found.len(), count, "files");
    assert!(found.is_sorted_by(|a, b| a.name < b.name), "files in order of their names");
    assert_eq!(self::found(source, now_ms, &|_| false), found, "a second scan shows the same");
    let first = found.first().map(|file| file.name.clone());
    let rest = self::found(source, now_ms, &|stat| Some(stat.name) == first.as_deref());
    assert_eq!(rest, found.get(1..).unwrap_or_default(), "known files are left out");
    source.resume(&[]);
    let new = |_: &FileStat<'_>| Standing::New;
    let mut batches = Vec::new();
    while batches.len() < found.len() {
        let batch = source.scan(&Scan { now_ms, limit: 2, standing: &new }).unwrap();
        assert!(!batch.is_empty() && batch.len() <= 2, "no more than wanted, and all in the end");
        batches.extend(batch.into_iter().map(|find| find.file));
    }
    assert_eq!(batches, found, "batches follow each other");

    found
}

/// The same blocks from any block's start, and none over other content.
pub(crate) fn check_resumes(source: &dyn Source, file: &FoundFile, whole: &[Block]) {
    let mut at = FileProgress::default();
    for (index, block) in whole.iter().enumerate() {
        assert_eq!(blocks(source, file, at), whole[index..], "resumed at block {index}");
        if at.offset > 0 {
            let other = FileProgress { prefix_hash: !at.prefix_hash, ..at };
            assert!(source.open(&claim(file), other).is_err(), "resumed over other content");
        }
        at = block.next;
    }
}

/// A file may be finished twice.
pub(crate) fn check_finish(source: &dyn Source, found: &[FoundFile]) {
    for file in found.iter().chain(found) {
        source.finish(&claim(file)).unwrap();
    }
}

fn check_blocks(blocks: &[Block], framing: Framing, content: &[u8]) {
    let mut at = FileProgress::default();
    for (index, block) in blocks.iter().enumerate() {
        assert_eq!(block.start, at);
        assert_eq!(block.last, index + 1 == blocks.len(), "last");
        let (from, to) = (block.start.offset as usize, block.next.offset as usize);
        let (len, records) = match block.kind {
            BlockKind::Records => {
                (block.bytes.len(), framing.records(Place::at(block.start.offset), &block.bytes).count())
            }
            BlockKind::Damage { len, .. } => (len as usize, 1),
        };
        assert_eq!(to - from, len);
        assert!(content[from..to].starts_with(&block.bytes));
        assert_eq!((block.next.records - block.start.records) as usize, records);
        assert_eq!(block.next.prefix_hash, xxhash_rust::xxh3::xxh3_64(&content[..to]));
        at = block.next;
    }
    assert!(!blocks.is_empty(), "a file without records gives one empty block");
    assert_eq!(at.offset as usize, content.len());
}
