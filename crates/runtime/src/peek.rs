//! A state folder to its ledger and the receipts of its data files, while a run may be working in it.
//! Relies on the newest whole snapshot and on the whole frames of the log after it.
//! Never changes anything and takes no lock: what is being committed now is simply not seen.

use anyhow::{Context, ensure};
use caudal_engine::ledger::Ledger;
use caudal_engine::schedule::Schedule;
use caudal_store::{Log, SharedDisk, Snapshots};
use caudal_usage::{Receipt, Stream};
use caudal_wire::Decoder;
use caudal_wire::frame::get_commit;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// How often a state is read again when a run dropped what was being read.
const TRIES: usize = 3;

/// What a state says of itself.
#[derive(Debug)]
pub struct Peeked {
    /// The ledger of the last whole commit.
    pub ledger: Ledger,
    /// The last receipt of every data file that snapshot and log still know.
    pub receipts: BTreeMap<(Stream, u32), Receipt>,
}

/// Reads the ledger of a state folder.
pub fn ledger(disk: &SharedDisk, state: &Path) -> anyhow::Result<Peeked> {
    let mut result = read(disk, state);
    for _ in 1..TRIES {
        if result.is_ok() {
            break;
        }
        // A run may have taken a snapshot and dropped log in between; what is broken stays broken.
        result = read(disk, state);
    }
    result
}

fn read(disk: &SharedDisk, state: &Path) -> anyhow::Result<Peeked> {
    let snapshot = Snapshots::peek(disk, &state.join("snapshots"))?;
    let ledger = match snapshot {
        None => Ledger::new(Schedule::start([])),
        Some(mut reader) => {
            let bytes = reader.read_to_end()?;
            let mut from = Decoder::new(&bytes, "snapshot");
            // The manifest of the claims comes first; books do not need it.
            from.bytes()?;
            Ledger::get(&mut from)?
        }
    };
    let at_least = ledger.epoch;
    let mut peeked = Peeked { receipts: ledger.receipts.clone(), ledger };
    let mut last = 0;
    let folder = state.join("log");
    // Frames that the snapshot holds are read for their receipts, as far back as the log goes.
    for frame in Log::peek(disk, &folder, None)? {
        let frame = frame?;
        let commit = get_commit(&mut Decoder::new(&frame.payload, "commit"))?;
        last = commit.epoch;
        for receipt in &commit.receipts {
            let known = peeked.receipts.entry((receipt.stream, receipt.segment)).or_insert(*receipt);
            if known.len <= receipt.len {
                *known = *receipt;
            }
        }
        if commit.epoch > peeked.ledger.epoch {
            let epoch = commit.epoch;
            peeked
                .ledger
                .apply(&commit)
                .with_context(|| format!("cannot apply the commit of epoch {epoch}"))?;
        }
    }
    // The log is never dropped as far as the newest snapshot: one that ends before it has lost commits.
    ensure!(
        last >= at_least,
        "{}: the log ends at epoch {last}, expected at least the snapshot's {at_least}: commits are lost",
        folder.display()
    );
    Ok(peeked)
}

/// Octets read at a time when a data file is measured.
const MEASURE_BYTES: usize = 1 << 20;

/// The first `len` octets of a data file: how many there are, their lines, their CRC-32C.
pub fn measure(path: &Path, len: u64) -> std::io::Result<Measured> {
    let mut content = std::fs::File::open(path)?.take(len);
    let mut buffer = vec![0; MEASURE_BYTES];
    let mut measured = Measured::default();
    loop {
        let count = content.read(&mut buffer)?;
        let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { return Ok(measured) };
        measured.len += piece.len() as u64;
        measured.lines += memchr::memchr_iter(b'\n', piece).count() as u64;
        measured.crc = crc32c::crc32c_append(measured.crc, piece);
    }
}

/// What the first octets of a data file are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Measured {
    /// Octets that there are, at most those asked for.
    pub len: u64,
    /// Line ends in them.
    pub lines: u64,
    /// CRC-32C of them.
    pub crc: u32,
}
