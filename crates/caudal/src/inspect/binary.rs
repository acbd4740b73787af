//! A TS 32.297 file, or raw BER, to its header with checks, its records as trees, and its damage.
//! Relies on the framing of a run, so that it shows what a run would see; kinds without a table are shown by tags.
//! Never holds more of a file than a block.

use super::open::{Opened, open};
use super::walk::Sums;
use caudal_cdr::ber::schema::{Node, Notes, tree};
use caudal_cdr::ber::{first, schema::RecordTable};
use caudal_cdr::detect::{Detected, detect};
use caudal_cdr::formats::record_table;
use caudal_cdr::framing::ts32297::{CdrHeader, Check, Counted, FileHeader, cdr};
use caudal_cdr::roots::root_of;
use caudal_cdr::{Framing, Place};
use caudal_engine::source::{Block, BlockKind};
use caudal_usage::{Code, Fault, Stage};
use std::collections::BTreeMap;
use std::path::Path;

/// The framing of a binary file: what the user says it is, or what its first octets look like. `None` for text.
pub fn binary_framing(path: &Path, format: Option<&str>) -> anyhow::Result<Option<Framing>> {
    let by_octets = || {
        let opened = open(path, Framing::Lines)?;
        Ok(match detect(opened.reader.head()) {
            Some(Detected::Ts32297) => Some(Framing::Ts32297),
            Some(Detected::Ber(_)) => Some(Framing::Ber),
            Some(_) | None => None,
        })
    };
    match format {
        Some("ts32297") => Ok(Some(Framing::Ts32297)),
        Some("ber") => Ok(Some(Framing::Ber)),
        Some(_) => Ok(None),
        None => by_octets(),
    }
}

/// What a binary file is, as a whole.
pub struct Binary {
    /// How its records stand in it.
    pub framing: Framing,
    /// Octets on disk.
    pub size_on_disk: u64,
    /// True when the content was compressed.
    pub compressed: bool,
    /// The file header, where the framing has one and the file begins with it.
    pub header: Option<FileHeader>,
    /// What the header says, held against the file.
    pub checks: Vec<Check>,
    /// Where its octets went.
    pub sums: Sums,
    /// Records by kind.
    pub kinds: BTreeMap<String, u64>,
    /// Damage by code.
    pub codes: BTreeMap<Code, u64>,
    /// Tags that the tables do not know, by their path.
    pub unknown: BTreeMap<String, u64>,
    /// Values that do not read as their type, by their path.
    pub wrong: BTreeMap<String, u64>,
    /// Values that were written as negative and are taken as meant, by their path.
    pub reinterpreted: BTreeMap<String, u64>,
}

/// One record or damaged item.
pub struct Item<'a> {
    /// Number in the file, from 1.
    pub index: u64,
    /// Octets of content before it.
    pub offset: u64,
    /// Octets that it takes.
    pub length: u64,
    /// Its octets; of long damage the first.
    pub bytes: &'a [u8],
    /// What it is.
    pub what: ItemKind,
}

/// What an item is.
pub enum ItemKind {
    /// A record that fits together.
    Record(Box<Record>),
    /// What a run would suspend before it is understood.
    Damage(Fault),
}

/// A record.
pub struct Record {
    /// Its CDR header, where the framing has them.
    pub cdr: Option<CdrHeader>,
    /// Its name in the standard, or its tag.
    pub kind: String,
    /// Its fields; offsets count from behind the CDR header.
    pub node: Node,
    /// What is worth a word in it.
    pub notes: Notes,
}

impl Record {
    /// Octets of the CDR header.
    pub fn header_octets(&self) -> u64 {
        self.cdr.map_or(0, |header| header.octets as u64)
    }
}

/// Reads a file to its end.
pub fn read_binary(
    path: &Path,
    framing: Framing,
    visit: &mut dyn FnMut(&Item<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<Binary> {
    let Opened { mut reader, size_on_disk, compressed } = open(path, framing)?;
    let header_octets = framing.file_header(Place::FileStart, reader.head());
    let header = (header_octets > 0).then(|| FileHeader::parse(reader.head()).ok()).flatten();
    let binary = Binary {
        framing,
        size_on_disk,
        compressed,
        header,
        checks: Vec::new(),
        sums: Sums { parsed: header_octets as u64, ..Sums::default() },
        kinds: BTreeMap::new(),
        codes: BTreeMap::new(),
        unknown: BTreeMap::new(),
        wrong: BTreeMap::new(),
        reinterpreted: BTreeMap::new(),
    };
    let mut walk = Walk { binary, visit, index: 0, counted: Counted::default(), end: header_octets as u64 };
    while let Some(block) = reader.next_block()? {
        match block.kind {
            BlockKind::Records => walk.records(&block)?,
            BlockKind::Damage { code, len } => walk.damage(&block, code, len)?,
        }
        if block.last {
            break;
        }
    }
    Ok(walk.finish())
}

struct Walk<'w> {
    binary: Binary,
    visit: &'w mut dyn FnMut(&Item<'_>) -> anyhow::Result<()>,
    index: u64,
    counted: Counted,
    /// Where the last CDR ends.
    end: u64,
}

impl Walk<'_> {
    fn records(&mut self, block: &Block) -> anyhow::Result<()> {
        let place = Place::at(block.start.offset);
        let mut framed = self.binary.framing.file_header(place, &block.bytes) as u64;
        for record in self.binary.framing.records(place, &block.bytes) {
            let length = record.bytes.len() as u64;
            framed += length;
            self.index += 1;
            let offset = block.start.offset + record.offset as u64;
            self.end = offset + length;
            self.counted.cdr(record.bytes);
            let what = understand(self.binary.framing, record.bytes);
            match &what {
                ItemKind::Record(record) => self.count(record, length),
                ItemKind::Damage(fault) => self.count_damage(fault.code, length),
            }
            (self.visit)(&Item { index: self.index, offset, length, bytes: record.bytes, what })?;
        }
        let size = block.bytes.len() as u64;
        self.binary.sums.size += size;
        self.binary.sums.fill += size - framed;
        Ok(())
    }

    fn damage(&mut self, block: &Block, code: Code, length: u64) -> anyhow::Result<()> {
        self.index += 1;
        self.binary.sums.size += length;
        self.count_damage(code, length);
        let what = ItemKind::Damage(Fault::new(code, "", format!("{length} octets").as_bytes()));
        let offset = block.start.offset;
        (self.visit)(&Item { index: self.index, offset, length, bytes: &block.bytes, what })
    }

    fn count(&mut self, record: &Record, length: u64) {
        let binary = &mut self.binary;
        binary.sums.records += 1;
        binary.sums.parsed += length;
        *binary.kinds.entry(record.kind.clone()).or_default() += 1;
        let count = |into: &mut BTreeMap<String, u64>, path: &str| {
            *into.entry(general(path)).or_default() += 1;
        };
        record.notes.unknown.iter().for_each(|(path, _)| count(&mut binary.unknown, path));
        record.notes.wrong.iter().for_each(|path| count(&mut binary.wrong, path));
        record.notes.reinterpreted.iter().for_each(|path| count(&mut binary.reinterpreted, path));
    }

    fn count_damage(&mut self, code: Code, length: u64) {
        self.binary.sums.damaged += 1;
        self.binary.sums.suspended += length;
        *self.binary.codes.entry(code).or_default() += 1;
    }

    fn finish(mut self) -> Binary {
        let binary = &mut self.binary;
        self.counted.size = binary.sums.size;
        self.counted.trailing = binary.sums.size.saturating_sub(self.end);
        if let Some(header) = &binary.header {
            binary.checks = header.checks(&self.counted);
        } else if binary.framing == Framing::Ts32297 && binary.sums.size > 0 {
            let (found, expected) = ("none".to_owned(), "a header whose lengths add up".to_owned());
            binary.checks.push(Check { field: "fileHeader", found, expected, holds: false });
        }
        let failed = binary.checks.iter().filter(|check| !check.holds).count() as u64;
        binary.sums.findings = failed + binary.wrong.values().sum::<u64>();
        self.binary
    }
}

/// A path with the places in lists left open: `listOfServiceData.*.ratingGroup`.
fn general(path: &str) -> String {
    let part = |part: &str| {
        if part.bytes().all(|octet| octet.is_ascii_digit()) { "*".into() } else { part.to_owned() }
    };
    path.split('.').map(part).collect::<Vec<String>>().join(".")
}

fn understand(framing: Framing, framed: &[u8]) -> ItemKind {
    let (cdr, content) = match framing {
        Framing::Ts32297 => match cdr(framed) {
            Ok((header, content)) => (Some(header), content),
            Err(fault) => return ItemKind::Damage(fault),
        },
        Framing::Ber | Framing::Lines | Framing::Values => (None, framed),
    };
    let root = match first(content) {
        Ok(root) if root.len() == content.len() => root,
        Ok(root) => {
            let found = format!("{} octets, expected {}", root.len(), content.len());
            return ItemKind::Damage(Fault::new(Code::BadLength, "", found.as_bytes()).at(Stage::Decode));
        }
        Err(error) => return ItemKind::Damage(error.fault("")),
    };
    let table: Option<&RecordTable> = record_table(root.tag, root.content);
    let kind =
        root_of(root.tag, root.content).map_or_else(|| root.tag.to_string(), |root| root.name.to_owned());
    match tree(content, table) {
        Ok((node, notes)) => ItemKind::Record(Box::new(Record { cdr, kind, node, notes })),
        Err(error) => ItemKind::Damage(error.fault("")),
    }
}
