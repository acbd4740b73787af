//! What the state knows beside claims, sessions and balances: position, files, books, receipts, stamps.
//! Relies on commits being applied in order; the same function applies one just made and one read back.
//! Never changed by anything but a commit.

use crate::source::{FileStat, Standing};
use caudal_usage::alarm::{AlarmChange, Lasting};
use caudal_usage::sequence::{Sequence, SequenceKey};
use caudal_usage::{
    BookKey, Commit, Counts, Cursor, FileEntry, FileOrdinal, Finished, Receipt, Run, RunCounts, Stamp, Stream,
};
use caudal_wire::binary::{Decoder, Encoder, WireError};
use caudal_wire::frame;
use compact_str::CompactString;
use hashbrown::HashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Why a commit does not follow from the state.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LedgerError {
    /// The stored form does not read.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// An epoch is missing or comes twice.
    #[error("commit of epoch {found} after epoch {epoch}: expected {}", epoch + 1)]
    Epoch {
        /// Epoch of the state.
        epoch: u64,
        /// Epoch of the commit.
        found: u64,
    },
    /// A slot stands elsewhere than the commit that it belongs to.
    #[error("slot {slot} is stamped epoch {}, the state stands at epoch {epoch}", stamp.epoch)]
    Stamp {
        /// The slot.
        slot: usize,
        /// Its stamp.
        stamp: Stamp,
        /// Epoch of the state.
        epoch: u64,
    },
}

/// The ledger.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ledger {
    /// Last committed epoch; 0 before the first.
    pub epoch: u64,
    /// Generation of reference data and plans of that commit.
    pub generation: CompactString,
    /// Input position of that commit.
    pub cursor: Cursor,
    /// Every file ever claimed.
    pub files: BTreeMap<FileOrdinal, FileEntry>,
    /// The books.
    pub books: BTreeMap<BookKey, Counts>,
    /// The books of the runs beside the primary one.
    pub runs: BTreeMap<Run, RunCounts>,
    /// The newest data file of each stream, and closed ones that *finish* has not been seen to.
    pub receipts: BTreeMap<(Stream, u32), Receipt>,
    /// Alarms that last: raised and not cleared yet.
    pub alarms: BTreeSet<Lasting>,
    /// Running numbers of elements.
    pub sequences: BTreeMap<SequenceKey, Sequence>,
    /// Stamps of the record slots and of the account slots.
    pub stamps: [Vec<Stamp>; 2],
    names: HashMap<(CompactString, Vec<u8>), Vec<FileOrdinal>>,
    /// Finished files by content, least ordinal first, whichever ended first: a ledger that was read back knows no
    /// other order.
    contents: HashMap<(u64, u64), Vec<FileOrdinal>>,
}

impl Ledger {
    /// The ledger of a new state.
    pub fn new(cursor: Cursor) -> Self {
        let stamps = || vec![Stamp::default(); caudal_usage::position::SLOTS];
        Self {
            epoch: 0,
            generation: CompactString::default(),
            cursor,
            files: BTreeMap::new(),
            books: BTreeMap::new(),
            runs: BTreeMap::new(),
            receipts: BTreeMap::new(),
            alarms: BTreeSet::new(),
            sequences: BTreeMap::new(),
            stamps: [stamps(), stamps()],
            names: HashMap::new(),
            contents: HashMap::new(),
        }
    }

    /// Applies the next commit.
    pub fn apply(&mut self, commit: &Commit) -> Result<(), LedgerError> {
        if commit.epoch != self.epoch + 1 {
            return Err(LedgerError::Epoch { epoch: self.epoch, found: commit.epoch });
        }
        self.epoch = commit.epoch;
        self.generation.clone_from(&commit.generation);
        self.cursor.clone_from(&commit.cursor);
        for entry in &commit.claimed {
            self.enter(entry.clone());
        }
        for (ordinal, finished) in &commit.finished {
            self.finish(*ordinal, *finished);
        }
        for ordinal in &commit.released {
            if let Some(entry) = self.files.get_mut(ordinal) {
                entry.released = true;
            }
        }
        for change in &commit.alarms {
            match change {
                AlarmChange::Raised(lasting) => self.alarms.insert(lasting.clone()),
                AlarmChange::Cleared(lasting) => self.alarms.remove(lasting),
            };
        }
        for (key, sequence) in &commit.sequences {
            self.sequences.insert(key.clone(), sequence.clone());
        }
        for (key, counts) in &commit.books {
            self.books.entry(*key).or_default().add(counts);
        }
        for (run, counts) in &commit.runs {
            self.runs.entry(*run).or_default().add(counts);
        }
        for receipt in &commit.receipts {
            self.receipt(*receipt);
        }
        self.stamp(&commit.touched)
    }

    fn enter(&mut self, entry: FileEntry) {
        let ordinal = entry.claim.ordinal;
        let name = (entry.source.clone(), entry.claim.found.name.clone());
        match self.files.insert(ordinal, entry).and_then(|before| before.finished) {
            None => self.names.entry(name).or_default().push(ordinal),
            // It goes on: its content is none that was collected whole.
            Some(end) => {
                if let Some(same) = self.contents.get_mut(&(end.content_hash, end.octets)) {
                    same.retain(|other| *other != ordinal);
                }
            }
        }
    }

    fn finish(&mut self, ordinal: FileOrdinal, finished: Finished) {
        if let Some(entry) = self.files.get_mut(&ordinal) {
            entry.finished = Some(finished);
        }
        let same = self.contents.entry((finished.content_hash, finished.octets)).or_default();
        if let Err(place) = same.binary_search(&ordinal) {
            same.insert(place, ordinal);
        }
    }

    /// Keeps the newest data file of a stream; an older one has been given its final name before a newer is begun.
    fn receipt(&mut self, receipt: Receipt) {
        self.receipts.retain(|&(stream, segment), _| stream != receipt.stream || segment >= receipt.segment);
        self.receipts.insert((receipt.stream, receipt.segment), receipt);
    }

    fn stamp(&mut self, touched: &[[u64; 4]; 2]) -> Result<(), LedgerError> {
        let stamp = Stamp { epoch: self.epoch, block: self.cursor.next_block };
        for (stamps, bits) in self.stamps.iter_mut().zip(touched) {
            for (slot, stands) in stamps.iter_mut().enumerate() {
                if stands.epoch > stamp.epoch {
                    return Err(LedgerError::Stamp { slot, stamp: *stands, epoch: self.epoch });
                }
                if bits[slot / 64] >> (slot % 64) & 1 == 1 {
                    *stands = stamp;
                }
            }
        }
        Ok(())
    }

    /// The newest data file of a stream.
    pub fn stream(&self, stream: Stream) -> Option<Receipt> {
        self.receipts.range((stream, 0)..=(stream, u32::MAX)).next_back().map(|(_, receipt)| *receipt)
    }

    /// What is known of a name in a source. A file is told by size, inode and time; one that has them and another
    /// content was written anew with its time set back, which nobody does by accident.
    pub fn standing(&self, source: &str, stat: &FileStat<'_>) -> Standing {
        let known = |entry: &&FileEntry| entry.claim.found.inode == stat.inode;
        let entries = || self.named(source, stat.name).filter(known);
        let same = |entry: &FileEntry| {
            let found = &entry.claim.found;
            (found.size, found.mtime_ns) == (stat.size, stat.mtime_ns)
        };
        if entries().any(same) {
            return Standing::Known;
        }
        match entries().next_back() {
            Some(entry) if entry.claim.found.size <= stat.size => match entry.finished {
                Some(end) => Standing::Written { ordinal: entry.claim.ordinal, end },
                None => Standing::Known,
            },
            _ => Standing::New,
        }
    }

    /// The files that had this name in a source, in the order in which they were claimed first.
    pub fn named(&self, source: &str, name: &[u8]) -> impl DoubleEndedIterator<Item = &FileEntry> {
        let ordinals = self.names.get(&(CompactString::from(source), name.to_vec()));
        ordinals.into_iter().flatten().filter_map(|ordinal| self.files.get(ordinal))
    }

    /// The finished file with this content; of several, the one that was claimed first.
    pub fn same_content(&self, finished: &Finished) -> Option<FileOrdinal> {
        self.of_content(finished).next()
    }

    /// The finished files with this content, in the order of their ordinals.
    pub fn of_content(&self, finished: &Finished) -> impl Iterator<Item = FileOrdinal> {
        self.contents.get(&(finished.content_hash, finished.octets)).into_iter().flatten().copied()
    }

    /// The book of a file over all days.
    pub fn book(&self, file: FileOrdinal) -> Counts {
        let mut sum = Counts::default();
        let range = BookKey { file, day: i32::MIN }..=BookKey { file, day: i32::MAX };
        self.books.range(range).for_each(|(_, counts)| sum.add(counts));
        sum
    }

    /// Sum of all books.
    pub fn total(&self) -> Counts {
        let mut sum = Counts::default();
        self.books.values().for_each(|counts| sum.add(counts));
        sum
    }

    /// Appends the ledger, for a snapshot.
    pub fn put(&self, out: &mut Encoder) {
        out.u8(VERSION);
        out.u64(self.epoch);
        out.text(&self.generation);
        frame::put_cursor(out, &self.cursor);
        out.count(self.files.len());
        self.files.values().for_each(|entry| frame::put_entry(out, entry));
        out.count(self.books.len());
        self.books.iter().for_each(|(key, counts)| frame::put_book(out, *key, counts));
        out.count(self.runs.len());
        self.runs.iter().for_each(|(run, counts)| frame::put_run(out, *run, counts));
        out.count(self.receipts.len());
        self.receipts.values().for_each(|receipt| frame::put_receipt(out, receipt));
        out.count(self.alarms.len());
        self.alarms.iter().for_each(|lasting| frame::put_lasting(out, lasting));
        out.count(self.sequences.len());
        self.sequences.iter().for_each(|(key, sequence)| frame::put_sequence(out, key, sequence));
        for stamp in self.stamps.iter().flatten() {
            out.u64(stamp.epoch);
            out.u64(stamp.block);
        }
    }

    /// Reads a ledger back. Every stamp must stand at or before the ledger's epoch.
    pub fn get(from: &mut Decoder<'_>) -> Result<Self, LedgerError> {
        from.version(VERSION)?;
        let (epoch, generation) = (from.u64()?, from.text()?);
        let mut ledger = Self::new(frame::get_cursor(from)?);
        ledger.generation = generation;
        ledger.epoch = epoch;
        for entry in frame::get_list(from, frame::get_entry)? {
            let (ordinal, finished) = (entry.claim.ordinal, entry.finished);
            ledger.enter(entry);
            if let Some(finished) = finished {
                ledger.finish(ordinal, finished);
            }
        }
        ledger.books = frame::get_list(from, frame::get_book)?.into_iter().collect();
        ledger.runs = frame::get_list(from, frame::get_run)?.into_iter().collect();
        let receipts = frame::get_list(from, frame::get_receipt)?;
        ledger.receipts =
            receipts.into_iter().map(|receipt| ((receipt.stream, receipt.segment), receipt)).collect();
        ledger.alarms = frame::get_list(from, frame::get_lasting)?.into_iter().collect();
        ledger.sequences = frame::get_list(from, frame::get_sequence)?.into_iter().collect();
        for (slot, stands) in ledger.stamps.iter_mut().flatten().enumerate() {
            let stamp = Stamp { epoch: from.u64()?, block: from.u64()? };
            if stamp.epoch > epoch {
                return Err(LedgerError::Stamp { slot, stamp, epoch });
            }
            *stands = stamp;
        }
        Ok(ledger)
    }
}

const VERSION: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;
    use caudal_usage::{Code, Continued, FileClaim, FoundFile};

    fn entry(ordinal: u32) -> FileEntry {
        let name = format!("{ordinal}.csv").into_bytes();
        let found =
            FoundFile { source: 0, name, size: 10, inode: u64::from(ordinal), mtime_ns: 5, head_hash: 3 };
        let claim = FileClaim { found, ordinal: FileOrdinal(ordinal), arrival_ms: 4, continued: None };
        FileEntry { source: "a".into(), claim, finished: None, released: false }
    }

    const CONTENT: Finished = Finished { octets: 10, framed: 2, content_hash: 77, damaged: false };

    fn lasting(name: &[u8]) -> Lasting {
        let code = caudal_usage::alarm::AlarmCode::RefusedFile;
        Lasting { code, source: "a".into(), name: name.to_vec() }
    }

    /// File 3 has grown, when the fifth epoch claims it again.
    fn grown() -> FileEntry {
        let mut grown = entry(3);
        (grown.claim.found.size, grown.claim.found.mtime_ns) = (15, 6);
        grown.claim.continued = Some(Continued { end: CONTENT, ends: 1, before: FileOrdinal(5) });
        grown
    }

    /// Each epoch claims a file; the second ends the later one first; every content is the same. File 3 ends with the
    /// fourth epoch and goes on with the fifth.
    fn commit(epoch: u64) -> Commit {
        let ordinal = FileOrdinal(epoch as u32);
        let ended = match epoch {
            1 => vec![],
            2 => vec![FileOrdinal(2)],
            3 => vec![FileOrdinal(1)],
            4 => vec![FileOrdinal(4), FileOrdinal(3)],
            _ => vec![ordinal],
        };
        let claimed = match epoch {
            5 => vec![grown(), entry(5)],
            _ => vec![entry(epoch as u32)],
        };
        let mut counts = Counts { entered: 2, rated: 1, held: 1, ..Counts::default() };
        counts.add_code(Code::Gap);
        let receipt = |stream, segment, closed| Receipt { stream, segment, len: 5, lines: 1, crc: 9, closed };
        let mut cursor = Schedule::start(["a"]);
        (cursor.next_block, cursor.next_ordinal) = (epoch * 3, epoch as u32 + 1);
        Commit {
            epoch,
            generation: format!("g{epoch}").into(),
            cursor,
            claimed,
            finished: ended.into_iter().map(|file| (file, CONTENT)).collect(),
            released: vec![FileOrdinal(epoch as u32 - 1)],
            sequences: vec![(
                SequenceKey {
                    code: caudal_usage::alarm::AlarmCode::RecordGap,
                    source: "a".into(),
                    node: format!("n{}", epoch % 2).into(),
                },
                Sequence::begin(epoch as u32),
            )],
            alarms: match epoch {
                2 => vec![AlarmChange::Raised(lasting(b"x")), AlarmChange::Raised(lasting(b"y"))],
                4 => vec![AlarmChange::Cleared(lasting(b"x"))],
                _ => vec![],
            },
            runs: vec![(
                Run::Wholesale,
                RunCounts { usages: 2, rated: 2, events: 3, ..RunCounts::default() },
            )],
            books: vec![
                (BookKey { file: ordinal, day: 5 }, counts),
                (BookKey { file: ordinal, day: BookKey::NO_DAY }, counts),
            ],
            receipts: vec![
                receipt(Stream::Rated, epoch as u32, epoch.is_multiple_of(2)),
                receipt(Stream::Audit, 1, false),
            ],
            touched: [[1 << epoch, 0, 0, 1 << 63], [0, 1, 0, 0]],
        }
    }

    fn after(epochs: u64) -> Ledger {
        let mut ledger = Ledger::new(Schedule::start(["a"]));
        (1..=epochs).for_each(|epoch| ledger.apply(&commit(epoch)).unwrap());
        ledger
    }

    fn stored(ledger: &Ledger) -> Vec<u8> {
        let mut out = Encoder::default();
        ledger.put(&mut out);
        out.bytes
    }

    #[test]
    fn a_ledger_reads_back_whole_at_every_epoch_and_goes_on_as_if_it_had_never_stopped() {
        let straight = after(5);
        for stopped in 0..=5 {
            let bytes = stored(&after(stopped));
            let mut from = Decoder::new(&bytes, "ledger");
            let mut ledger = Ledger::get(&mut from).unwrap();
            assert!(from.is_empty());
            assert_eq!(ledger, after(stopped), "{stopped}");
            (stopped + 1..=5).for_each(|epoch| ledger.apply(&commit(epoch)).unwrap());
            assert_eq!(ledger, straight, "{stopped}");
        }
        for len in (0..stored(&straight).len()).step_by(7) {
            assert!(Ledger::get(&mut Decoder::new(&stored(&straight)[..len], "ledger")).is_err(), "{len}");
        }
    }

    #[test]
    fn stamps_tell_the_last_epoch_that_touched_a_slot() {
        let ledger = after(5);
        let at = |epoch| Stamp { epoch, block: epoch * 3 };
        let [records, accounts] = &ledger.stamps;
        assert_eq!(
            (records[3], records[5], records[255], records[0]),
            (at(3), at(5), at(5), Stamp::default())
        );
        assert_eq!((accounts[64], accounts[63]), (at(5), Stamp::default()));
        // A slot stamped later than the ledger is of another state.
        let mut bytes = stored(&ledger);
        let last = bytes.len() - 16;
        bytes[last] = 6;
        let error = Ledger::get(&mut Decoder::new(&bytes, "ledger")).unwrap_err();
        let stamp = Stamp { epoch: 6, block: 0 };
        assert_eq!(error, LedgerError::Stamp { slot: 511, stamp, epoch: 5 });
    }

    #[test]
    fn an_epoch_is_applied_once_and_none_is_left_out() {
        let mut ledger = after(2);
        for found in [0, 1, 2, 4] {
            let commit = Commit { epoch: found, ..commit(3) };
            assert_eq!(ledger.apply(&commit), Err(LedgerError::Epoch { epoch: 2, found }));
        }
        assert_eq!(ledger, after(2));
    }

    /// Files 2, 1 and 3 of one content end in this order. Once the ledger was read back, only ordinals are known.
    #[test]
    fn of_several_files_with_one_content_the_first_claimed_is_named() {
        let same = |epochs| after(epochs).same_content(&CONTENT);
        assert_eq!(
            [1, 2, 3, 5].map(same),
            [None, Some(FileOrdinal(2)), Some(FileOrdinal(1)), Some(FileOrdinal(1))]
        );
    }

    #[test]
    fn a_receipt_stays_until_a_newer_data_file_of_its_stream_has_one() {
        let ledger = after(4);
        let stream = |stream| ledger.stream(stream).map(|receipt| (receipt.segment, receipt.closed));
        assert_eq!((stream(Stream::Rated), stream(Stream::Audit)), (Some((4, true)), Some((1, false))));
        assert_eq!((stream(Stream::Suspense), ledger.receipts.len()), (None, 2));
    }

    #[test]
    fn an_alarm_lasts_until_it_is_cleared() {
        let lasts = |epochs| after(epochs).alarms.into_iter().map(|alarm| alarm.name).collect::<Vec<_>>();
        assert_eq!(
            (lasts(1).len(), lasts(2), lasts(5)),
            (0, vec![b"x".to_vec(), b"y".to_vec()], vec![b"y".to_vec()])
        );
    }

    #[test]
    fn a_file_that_goes_on_has_no_content_until_it_ends_again() {
        let of_content = |epochs| after(epochs).of_content(&CONTENT).map(|file| file.0).collect::<Vec<_>>();
        assert_eq!((of_content(4), of_content(5)), (vec![1, 2, 3, 4], vec![1, 2, 4, 5]));
        let ledger = after(5);
        let file = &ledger.files[&FileOrdinal(3)];
        assert_eq!((file.finished, file.ends(), ledger.files[&FileOrdinal(4)].ends()), (None, 1, 1));
        assert_eq!(file.claim.from().offset, 10);
        assert_eq!(ledger.named("a", b"3.csv").count(), 1);
    }

    #[test]
    fn a_file_is_known_by_name_size_inode_and_time_and_goes_on_when_it_grows() {
        let ledger = after(4);
        let standing = |name: &str, (size, inode, mtime_ns)| {
            ledger.standing("a", &FileStat { name: name.as_bytes(), size, inode, mtime_ns })
        };
        let written = |ordinal| Standing::Written { ordinal: FileOrdinal(ordinal), end: CONTENT };
        for (name, stat, expected) in [
            ("1.csv", (10, 1, 5), Standing::Known),
            ("1.csv", (11, 1, 6), written(1)),
            ("1.csv", (11, 1, 5), written(1)),
            ("1.csv", (10, 1, 6), written(1)),
            ("1.csv", (9, 1, 6), Standing::New),
            ("1.csv", (10, 2, 5), Standing::New),
            ("2.csv", (10, 1, 5), Standing::New),
            ("9.csv", (10, 9, 5), Standing::New),
        ] {
            assert_eq!(standing(name, stat), expected, "{name} {stat:?}");
        }
        let other = FileStat { name: b"1.csv", size: 10, inode: 1, mtime_ns: 5 };
        assert_eq!(ledger.standing("b", &other), Standing::New);
        // While it is read, growth waits for its end.
        let more = FileStat { name: b"3.csv", size: 20, inode: 3, mtime_ns: 9 };
        assert_eq!(after(5).standing("a", &more), Standing::Known);
    }
}
