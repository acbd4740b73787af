//! The blocks of a file to its records and damage, in order, with every octet in one of three sums.
//! Relies on blocks following each other without a gap.
//! Never gives a record a number that a run would not give it: header lines have none.

use super::kind::{Fields, Kind};
use caudal_cdr::{Framing, Place, Scratch};
use caudal_engine::source::{Block, BlockKind, BlockReader};
use caudal_usage::{Code, Fault};

/// One thing in a file.
pub struct Seen<'a> {
    /// Number among the records, as events and suspense name it; 0 for headers.
    pub index: u64,
    /// Octets of content before it.
    pub offset: u64,
    /// Octets it takes, without its line end.
    pub length: u64,
    /// Its octets; of long damage the first.
    pub bytes: &'a [u8],
    /// The line end behind it.
    pub line_end: &'a [u8],
    /// What it is.
    pub what: What,
}

/// What stands there.
pub enum What {
    /// Names of the columns.
    Header,
    /// A record with its fields.
    Record(Fields),
    /// What a run would suspend before it is understood.
    Damage(Fault),
}

/// Where the octets went: `parsed + fill + suspended = size`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// Records that were understood.
    pub records: u64,
    /// Items that were not.
    pub damaged: u64,
    /// Octets of content.
    pub size: u64,
    /// Octets of records and headers.
    pub parsed: u64,
    /// Octets of line ends and empty lines.
    pub fill: u64,
    /// Octets of damage.
    pub suspended: u64,
    /// Checks of file headers that do not hold, and values that do not read as their type.
    pub findings: u64,
}

impl Sums {
    /// Adds another file's.
    pub const fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.damaged += other.damaged;
        self.size += other.size;
        self.parsed += other.parsed;
        self.fill += other.fill;
        self.suspended += other.suspended;
        self.findings += other.findings;
    }
}

/// Reads a file to its end.
pub fn walk(
    reader: &mut dyn BlockReader,
    kind: &Kind,
    visit: &mut dyn FnMut(&Seen<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Sums> {
    let mut walk = Walk { kind, visit, sums: Sums::default(), index: 0, headers: kind.headers() };
    let mut scratch = Scratch::default();
    while let Some(block) = reader.next_block()? {
        match block.kind {
            BlockKind::Records => walk.records(&block, &mut scratch)?,
            BlockKind::Damage { code, len } => walk.damage(&block, code, len)?,
        }
        if block.last {
            break;
        }
    }
    Ok(walk.sums)
}

struct Walk<'w> {
    kind: &'w Kind,
    visit: &'w mut dyn FnMut(&Seen<'_>) -> anyhow::Result<()>,
    sums: Sums,
    index: u64,
    /// Header lines still to come.
    headers: u32,
}

impl Walk<'_> {
    fn records(&mut self, block: &Block, scratch: &mut Scratch) -> anyhow::Result<()> {
        let mut framed = 0;
        for record in Framing::Lines.records(Place::at(block.start.offset), &block.bytes) {
            let length = record.bytes.len() as u64;
            framed += length;
            let behind = block.bytes.get(record.offset + record.bytes.len()..).unwrap_or_default();
            let ended = behind.iter().position(|octet| *octet == b'\n').map_or(behind.len(), |at| at + 1);
            let what = self.understand(record.bytes, scratch);
            let suspended = matches!(what, What::Damage(_));
            match what {
                What::Header => {}
                What::Record(_) => self.sums.records += 1,
                What::Damage(_) => self.sums.damaged += 1,
            }
            self.index += u64::from(!matches!(what, What::Header));
            *(if suspended { &mut self.sums.suspended } else { &mut self.sums.parsed }) += length;
            (self.visit)(&Seen {
                index: if matches!(what, What::Header) { 0 } else { self.index },
                offset: block.start.offset + record.offset as u64,
                length,
                bytes: record.bytes,
                line_end: behind.get(..ended).unwrap_or_default(),
                what,
            })?;
        }
        let size = block.bytes.len() as u64;
        self.sums.size += size;
        self.sums.fill += size - framed;
        Ok(())
    }

    fn understand(&mut self, record: &[u8], scratch: &mut Scratch) -> What {
        if self.headers > 0 {
            self.headers -= 1;
            return What::Header;
        }
        match self.kind.fields(record, scratch) {
            Ok(fields) => What::Record(fields),
            Err(fault) => What::Damage(fault),
        }
    }

    /// What could not be framed.
    fn damage(&mut self, block: &Block, code: Code, len: u64) -> anyhow::Result<()> {
        // A header that is cut off is damage like any other, and the lines behind it are records.
        self.headers = 0;
        self.index += 1;
        self.sums.damaged += 1;
        self.sums.size += len;
        self.sums.suspended += len;
        (self.visit)(&Seen {
            index: self.index,
            offset: block.start.offset,
            length: len,
            bytes: &block.bytes,
            line_end: b"",
            what: What::Damage(Fault::new(code, "", format!("{len} octets").as_bytes())),
        })
    }
}
