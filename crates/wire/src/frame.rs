//! One commit of the local log, and the ledger part of a snapshot, as bytes.
//! Relies on the log for framing and checksums. Version byte first.
//! Never holds a claim, session or balance outside its length-prefixed section.
//!
//! | section | content |
//! |---|---|
//! | version | 4 |
//! | commit | epoch, generation, cursor, claimed, finished, released, alarms, sequences, books, books of other runs, receipts, touched slots |
//! | claims | `count × `[`crate::record::CLAIM_LEN`] |
//! | sessions | see [`crate::state`] |
//! | balances | see [`crate::state`] |

use crate::binary::{Decoder, Encoder, WireError};
use caudal_usage::alarm::{AlarmChange, AlarmCode, Lasting};
use caudal_usage::books::CODES;
use caudal_usage::sequence::{Gap, Sequence, SequenceKey};
use caudal_usage::{
    BookKey, Code, Commit, Continued, Counts, Cursor, FileClaim, FileEntry, FileOrdinal, FileProgress,
    Finished, FoundFile, OpenFile, Receipt, Run, RunCounts, SourceCursor, Stream,
};

const VERSION: u8 = 4;

/// Appends the commit. The sections of claims, sessions and balances follow it.
pub fn put_commit(out: &mut Encoder, commit: &Commit) {
    out.u8(VERSION);
    out.u64(commit.epoch);
    out.text(&commit.generation);
    put_cursor(out, &commit.cursor);
    put_list(out, &commit.claimed, put_entry);
    put_list(out, &commit.finished, |out, (ordinal, finished)| {
        out.u32(ordinal.0);
        put_finished(out, finished);
    });
    put_list(out, &commit.released, |out, ordinal| out.u32(ordinal.0));
    put_list(out, &commit.alarms, |out, change| {
        let (raised, lasting) = match change {
            AlarmChange::Raised(lasting) => (true, lasting),
            AlarmChange::Cleared(lasting) => (false, lasting),
        };
        out.u8(u8::from(raised));
        put_lasting(out, lasting);
    });
    put_list(out, &commit.sequences, |out, (key, sequence)| put_sequence(out, key, sequence));
    put_list(out, &commit.books, |out, (key, counts)| put_book(out, *key, counts));
    put_list(out, &commit.runs, |out, (run, counts)| put_run(out, *run, counts));
    put_list(out, &commit.receipts, put_receipt);
    for word in commit.touched.iter().flatten() {
        out.u64(*word);
    }
}

/// Reads the commit.
pub fn get_commit(from: &mut Decoder<'_>) -> Result<Commit, WireError> {
    from.version(VERSION)?;
    Ok(Commit {
        epoch: from.u64()?,
        generation: from.text()?,
        cursor: get_cursor(from)?,
        claimed: get_list(from, get_entry)?,
        finished: get_list(from, |from| Ok((FileOrdinal(from.u32()?), get_finished(from)?)))?,
        released: get_list(from, |from| Ok(FileOrdinal(from.u32()?)))?,
        alarms: get_list(from, |from| {
            let raised = from.item(&[false, true])?;
            let lasting = get_lasting(from)?;
            Ok(if raised { AlarmChange::Raised(lasting) } else { AlarmChange::Cleared(lasting) })
        })?,
        sequences: get_list(from, get_sequence)?,
        books: get_list(from, get_book)?,
        runs: get_list(from, get_run)?,
        receipts: get_list(from, get_receipt)?,
        touched: {
            let mut touched = [[0; 4]; 2];
            for word in touched.iter_mut().flatten() {
                *word = from.u64()?;
            }
            touched
        },
    })
}

/// Appends a list behind its count.
pub fn put_list<T>(out: &mut Encoder, items: &[T], put: impl Fn(&mut Encoder, &T)) {
    out.count(items.len());
    for item in items {
        put(out, item);
    }
}

/// Reads a list; room is made for no more items than there are octets left.
pub fn get_list<T>(
    from: &mut Decoder<'_>,
    get: impl Fn(&mut Decoder<'_>) -> Result<T, WireError>,
) -> Result<Vec<T>, WireError> {
    let count = from.count(1)?;
    (0..count).map(|_| get(from)).collect()
}

/// Appends the input position.
pub fn put_cursor(out: &mut Encoder, cursor: &Cursor) {
    out.u64(cursor.next_block);
    out.u32(cursor.next_ordinal);
    out.u16(cursor.turn);
    out.u16(cursor.quantum_left);
    out.i64(cursor.watermark_ms);
    out.i32(cursor.floor_day);
    put_list(out, &cursor.sources, |out, source| {
        out.text(&source.name);
        out.u8(u8::from(source.active));
        out.i64(source.watermark_ms);
        out.i64(source.block_max_ms);
        out.option(source.open, |out, open| {
            out.u32(open.ordinal.0);
            put_progress(out, open.progress);
            out.u32(open.taken);
            out.u64(open.block);
        });
    });
}

/// Reads the input position.
pub fn get_cursor(from: &mut Decoder<'_>) -> Result<Cursor, WireError> {
    Ok(Cursor {
        next_block: from.u64()?,
        next_ordinal: from.u32()?,
        turn: from.u16()?,
        quantum_left: from.u16()?,
        watermark_ms: from.i64()?,
        floor_day: from.i32()?,
        sources: get_list(from, |from| {
            Ok(SourceCursor {
                name: from.text()?,
                active: from.item(&[false, true])?,
                watermark_ms: from.i64()?,
                block_max_ms: from.i64()?,
                open: from.option(|from| {
                    Ok(OpenFile {
                        ordinal: FileOrdinal(from.u32()?),
                        progress: get_progress(from)?,
                        taken: from.u32()?,
                        block: from.u64()?,
                    })
                })?,
            })
        })?,
    })
}

fn put_progress(out: &mut Encoder, progress: FileProgress) {
    out.u64(progress.offset);
    out.u32(progress.records);
    out.u64(progress.prefix_hash);
}

fn get_progress(from: &mut Decoder<'_>) -> Result<FileProgress, WireError> {
    Ok(FileProgress { offset: from.u64()?, records: from.u32()?, prefix_hash: from.u64()? })
}

/// Appends a claimed file.
pub fn put_entry(out: &mut Encoder, entry: &FileEntry) {
    out.text(&entry.source);
    let found = &entry.claim.found;
    out.bytes(&found.name);
    out.u64(found.size);
    out.u64(found.inode);
    out.i64(found.mtime_ns);
    out.u64(found.head_hash);
    out.u32(entry.claim.ordinal.0);
    out.i64(entry.claim.arrival_ms);
    out.option(entry.claim.continued, |out, continued| {
        put_finished(out, &continued.end);
        out.u32(continued.ends);
        out.u32(continued.before.0);
    });
    out.option(entry.finished.as_ref(), put_finished);
    out.u8(u8::from(entry.released));
}

/// Reads a claimed file. Its source index is set by whoever knows the pipeline.
pub fn get_entry(from: &mut Decoder<'_>) -> Result<FileEntry, WireError> {
    let source = from.text()?;
    let found = FoundFile {
        source: 0,
        name: from.bytes()?.to_vec(),
        size: from.u64()?,
        inode: from.u64()?,
        mtime_ns: from.i64()?,
        head_hash: from.u64()?,
    };
    let claim = FileClaim {
        found,
        ordinal: FileOrdinal(from.u32()?),
        arrival_ms: from.i64()?,
        continued: from.option(|from| {
            Ok(Continued { end: get_finished(from)?, ends: from.u32()?, before: FileOrdinal(from.u32()?) })
        })?,
    };
    Ok(FileEntry {
        source,
        claim,
        finished: from.option(get_finished)?,
        released: from.item(&[false, true])?,
    })
}

/// Appends the running numbers of an element.
pub fn put_sequence(out: &mut Encoder, key: &SequenceKey, sequence: &Sequence) {
    out.text(key.code.as_str());
    out.text(&key.source);
    out.text(&key.node);
    out.u32(sequence.next);
    put_list(out, &sequence.gaps, |out, gap| {
        out.u32(gap.first);
        out.u32(gap.last);
    });
}

/// Reads the running numbers of an element.
pub fn get_sequence(from: &mut Decoder<'_>) -> Result<(SequenceKey, Sequence), WireError> {
    let key = SequenceKey { code: get_alarm_code(from)?, source: from.text()?, node: from.text()? };
    let next = from.u32()?;
    let gaps = get_list(from, |from| Ok(Gap { first: from.u32()?, last: from.u32()? }))?;
    Ok((key, Sequence { next, gaps }))
}

fn get_alarm_code(from: &mut Decoder<'_>) -> Result<AlarmCode, WireError> {
    let word = from.text()?;
    AlarmCode::parse(&word).ok_or_else(|| from.unknown(word.len() as u64))
}

/// Appends an alarm that lasts. Its code stands by name: the table may grow.
pub fn put_lasting(out: &mut Encoder, lasting: &Lasting) {
    out.text(lasting.code.as_str());
    out.text(&lasting.source);
    out.bytes(&lasting.name);
}

/// Reads an alarm that lasts.
pub fn get_lasting(from: &mut Decoder<'_>) -> Result<Lasting, WireError> {
    Ok(Lasting { code: get_alarm_code(from)?, source: from.text()?, name: from.bytes()?.to_vec() })
}

fn put_finished(out: &mut Encoder, finished: &Finished) {
    out.u64(finished.octets);
    out.u32(finished.framed);
    out.u64(finished.content_hash);
    out.u8(u8::from(finished.damaged));
}

fn get_finished(from: &mut Decoder<'_>) -> Result<Finished, WireError> {
    Ok(Finished {
        octets: from.u64()?,
        framed: from.u32()?,
        content_hash: from.u64()?,
        damaged: from.item(&[false, true])?,
    })
}

/// Appends a row of the books. Codes stand by name: the table may grow.
pub fn put_book(out: &mut Encoder, key: BookKey, counts: &Counts) {
    out.u32(key.file.0);
    out.i32(key.day);
    for value in [
        counts.entered,
        counts.rated,
        counts.merged,
        counts.duplicate,
        counts.written_off,
        counts.held,
        counts.replayed,
    ] {
        out.i64(value);
    }
    out.u8(counts.codes.iter().filter(|count| **count != 0).count() as u8);
    for (code, count) in Code::ALL.iter().zip(counts.codes) {
        if count != 0 {
            out.text(code.as_str());
            out.i64(count);
        }
    }
}

/// Reads a row of the books.
pub fn get_book(from: &mut Decoder<'_>) -> Result<(BookKey, Counts), WireError> {
    let key = BookKey { file: FileOrdinal(from.u32()?), day: from.i32()? };
    let mut counts = Counts {
        entered: from.i64()?,
        rated: from.i64()?,
        merged: from.i64()?,
        duplicate: from.i64()?,
        written_off: from.i64()?,
        held: from.i64()?,
        replayed: from.i64()?,
        codes: [0; CODES],
    };
    for _ in 0..from.u8()? {
        let word = from.text()?;
        let code = Code::parse(&word).ok_or_else(|| from.unknown(word.len() as u64))?;
        counts.codes[code as usize] = from.i64()?;
    }
    Ok((key, counts))
}

/// Appends the book of a run, which stands by name.
pub fn put_run(out: &mut Encoder, run: Run, counts: &RunCounts) {
    out.text(run.as_str());
    for value in [counts.usages, counts.rated, counts.suspended, counts.events, counts.lines] {
        out.i64(value);
    }
}

/// Reads the book of a run.
pub fn get_run(from: &mut Decoder<'_>) -> Result<(Run, RunCounts), WireError> {
    let word = from.text()?;
    let run = Run::parse(&word).ok_or_else(|| from.unknown(word.len() as u64))?;
    let counts = RunCounts {
        usages: from.i64()?,
        rated: from.i64()?,
        suspended: from.i64()?,
        events: from.i64()?,
        lines: from.i64()?,
    };
    Ok((run, counts))
}

/// Appends a receipt.
pub fn put_receipt(out: &mut Encoder, receipt: &Receipt) {
    out.u8(receipt.stream as u8);
    out.u32(receipt.segment);
    out.u64(receipt.len);
    out.u64(receipt.lines);
    out.u32(receipt.crc);
    out.u8(u8::from(receipt.closed));
}

/// Reads a receipt.
pub fn get_receipt(from: &mut Decoder<'_>) -> Result<Receipt, WireError> {
    Ok(Receipt {
        stream: from.item(&Stream::ALL)?,
        segment: from.u32()?,
        len: from.u64()?,
        lines: from.u64()?,
        crc: from.u32()?,
        closed: from.item(&[false, true])?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lasting(code: AlarmCode, name: &[u8]) -> Lasting {
        Lasting { code, source: "msc-1".into(), name: name.to_vec() }
    }

    fn commit() -> Commit {
        let mut counts = Counts { entered: 3, rated: 2, ..Counts::default() };
        counts.add_code(Code::Gap);
        let end = Finished { octets: 1, framed: 2, content_hash: 3, damaged: true };
        let entry = FileEntry {
            source: "msc-1".into(),
            claim: FileClaim {
                found: FoundFile {
                    source: 0,
                    name: b"a/b.csv".to_vec(),
                    size: 1,
                    inode: 2,
                    mtime_ns: -5,
                    head_hash: 3,
                },
                ordinal: FileOrdinal(7),
                arrival_ms: 4,
                continued: Some(Continued { end, ends: 3, before: FileOrdinal(8) }),
            },
            finished: None,
            released: false,
        };
        let open = OpenFile {
            ordinal: FileOrdinal(7),
            progress: FileProgress { offset: 5, records: 6, prefix_hash: 7 },
            taken: 3,
            block: 9,
        };
        Commit {
            epoch: 12,
            generation: "00ff".into(),
            cursor: Cursor {
                next_block: 10,
                next_ordinal: 8,
                turn: 0,
                quantum_left: 2,
                watermark_ms: 1,
                floor_day: 2,
                sources: vec![SourceCursor {
                    name: "msc-1".into(),
                    active: true,
                    watermark_ms: 1,
                    block_max_ms: 2,
                    open: Some(open),
                }],
            },
            claimed: vec![entry],
            finished: vec![(FileOrdinal(6), end)],
            released: vec![FileOrdinal(5)],
            sequences: vec![(
                SequenceKey { code: AlarmCode::RecordGap, source: "msc-1".into(), node: "n".into() },
                Sequence { next: 9, gaps: vec![Gap { first: 3, last: 4 }] },
            )],
            alarms: vec![
                AlarmChange::Raised(lasting(AlarmCode::RefusedFile, b"a/link")),
                AlarmChange::Cleared(lasting(AlarmCode::SilentSource, b"")),
            ],
            books: vec![(BookKey { file: FileOrdinal(7), day: 3 }, counts)],
            runs: vec![(
                Run::Wholesale,
                RunCounts { usages: 3, rated: 1, suspended: 2, events: 4, lines: 5 },
            )],
            receipts: vec![Receipt {
                stream: Stream::Audit,
                segment: 1,
                len: 2,
                lines: 3,
                crc: 4,
                closed: true,
            }],
            touched: [[1, 2, 3, 4], [5, 6, 7, 8]],
        }
    }

    #[test]
    fn a_commit_reads_back_and_every_cut_of_it_is_an_error() {
        let mut out = Encoder::default();
        put_commit(&mut out, &commit());
        let mut from = Decoder::new(&out.bytes, "commit");
        assert_eq!(get_commit(&mut from), Ok(commit()));
        assert!(from.is_empty());
        for len in 0..out.bytes.len() {
            assert!(get_commit(&mut Decoder::new(&out.bytes[..len], "commit")).is_err(), "{len}");
        }
    }
}
