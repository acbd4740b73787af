//! What the state knows beside claims, sessions and balances: position, files, books, receipts, stamps.
//! Relies on commits being applied in order; the same function applies one just made and one read back.
//! Never changed by anything but a commit.

use caudal_usage::{
    BookKey, Commit, Counts, Cursor, FileEntry, FileOrdinal, Finished, FoundFile, Receipt, Stamp, Stream,
};
use caudal_wire::binary::{Decoder, Encoder, WireError};
use caudal_wire::frame;
use compact_str::CompactString;
use hashbrown::HashMap;
use std::collections::BTreeMap;

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
    /// The newest data file of each stream, and closed ones that *finish* has not been seen to.
    pub receipts: BTreeMap<(Stream, u32), Receipt>,
    /// Stamps of the record slots and of the account slots.
    pub stamps: [Vec<Stamp>; 2],
    names: HashMap<(CompactString, Vec<u8>), Vec<FileOrdinal>>,
    contents: HashMap<(u64, u64), FileOrdinal>,
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
            receipts: BTreeMap::new(),
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
        for (key, counts) in &commit.books {
            self.books.entry(*key).or_default().add(counts);
        }
        for receipt in &commit.receipts {
            self.receipt(*receipt);
        }
        self.stamp(&commit.touched)
    }

    fn enter(&mut self, entry: FileEntry) {
        let ordinal = entry.claim.ordinal;
        self.names.entry((entry.source.clone(), entry.claim.found.name.clone())).or_default().push(ordinal);
        self.files.insert(ordinal, entry);
    }

    fn finish(&mut self, ordinal: FileOrdinal, finished: Finished) {
        if let Some(entry) = self.files.get_mut(&ordinal) {
            entry.finished = Some(finished);
        }
        self.contents.entry((finished.content_hash, finished.octets)).or_insert(ordinal);
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

    /// True when this very file was claimed before.
    pub fn knows(&self, source: &str, found: &FoundFile) -> bool {
        let Some(ordinals) = self.names.get(&(CompactString::from(source), found.name.clone())) else {
            return false;
        };
        ordinals.iter().filter_map(|ordinal| self.files.get(ordinal)).any(|entry| {
            let known = &entry.claim.found;
            known.size == found.size && known.inode == found.inode && known.head_hash == found.head_hash
        })
    }

    /// An earlier finished file with this content.
    pub fn same_content(&self, finished: &Finished) -> Option<FileOrdinal> {
        self.contents.get(&(finished.content_hash, finished.octets)).copied()
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
        out.count(self.receipts.len());
        self.receipts.values().for_each(|receipt| frame::put_receipt(out, receipt));
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
        let receipts = frame::get_list(from, frame::get_receipt)?;
        ledger.receipts =
            receipts.into_iter().map(|receipt| ((receipt.stream, receipt.segment), receipt)).collect();
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

const VERSION: u8 = 1;
