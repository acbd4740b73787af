//! The records that an event names to their original bytes and what intake makes of them.
//! Relies on the content hash of a finished file: a file of another content is not the one that was read.
//! Never opens a source for finishing: files stay where they are.

use super::recompute::{Context, Stuck};
use crate::explain::Difference;
use crate::inspect;
use caudal_connect::directory::{After, archive_of};
use caudal_engine::intake::{Intake, Slice};
use caudal_engine::source::{BlockKind, BlockReader};
use caudal_usage::{FileEntry, FileOrdinal, FileProgress, UsageRecord};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// A record of an event.
#[derive(Clone, Debug)]
pub struct Original {
    /// The file where it was found.
    pub path: PathBuf,
    /// Number of the record.
    pub record: u32,
    /// What intake makes of it.
    pub usage: UsageRecord,
    /// Its bytes.
    pub raw: Vec<u8>,
    /// Its fields by name.
    pub fields: Vec<(String, Vec<u8>)>,
}

/// The places that an event names, in the order of its records.
pub fn places(event: &Value) -> Vec<(FileOrdinal, u32)> {
    let narrow = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    let source = &event["source"];
    let file = narrow(&source["file_id"]).map(FileOrdinal);
    let here = source["records"].as_array().into_iter().flatten().filter_map(narrow);
    let here = here.filter_map(|record| Some((file?, record)));
    let elsewhere = source["elsewhere"].as_array().into_iter().flatten();
    let elsewhere = elsewhere
        .filter_map(|other| Some((FileOrdinal(narrow(&other["file_id"])?), narrow(&other["record"])?)));
    here.chain(elsewhere).collect()
}

/// Reads all records of an event.
pub fn read(context: &Context<'_>, event: &Value) -> Result<Vec<Original>, Stuck> {
    let mut wanted: BTreeMap<FileOrdinal, Vec<u32>> = BTreeMap::new();
    for (file, record) in places(event) {
        wanted.entry(file).or_default().push(record);
    }
    if wanted.is_empty() {
        return Err(Stuck::Gone("the event names no records".into()));
    }
    let mut originals = Vec::new();
    for (file, records) in wanted {
        for original in read_file(context, file, (&records, Detail::Shown))? {
            originals.push(original?);
        }
    }
    Ok(originals)
}

/// How much of a record is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detail {
    /// Its fields by name too.
    Shown,
    /// What it takes to join and rate it.
    Rated,
}

/// Reads records of one file, all in one pass: each of them, or why it would not be used today.
pub fn read_file(
    context: &Context<'_>,
    file: FileOrdinal,
    (records, detail): (&[u32], Detail),
) -> Result<Originals, Stuck> {
    let entry = context.ledger.files.get(&file);
    let entry =
        entry.ok_or_else(|| Stuck::Gone(format!("file {} was never claimed by this state", file.0)))?;
    let sources = &context.loaded.setup.sources;
    let source = sources.iter().position(|source| *source.name == *entry.source);
    let source =
        source.ok_or_else(|| Stuck::Gone(format!("source {} is not in this version", entry.source)))?;
    if matches!(context.loaded.sources.get(source), Some(None)) {
        let name = inspect::visible(entry.display_name().as_bytes());
        return Err(Stuck::Gone(format!(
            "the original is a message of {name}: it is read from the topic only by a run"
        )));
    }
    let candidates = candidates(context, entry, source);
    let mut replaced = false;
    for path in candidates.iter().filter(|path| path.is_file()) {
        let framing = sources.get(source).map(|source| source.framing).unwrap_or(caudal_cdr::Framing::Lines);
        let Ok(mut opened) = inspect::open(path, framing) else { continue };
        let file = File { context, entry, source, path, detail };
        match file.read(opened.reader.as_mut(), records)? {
            Some(originals) => return Ok(originals),
            None => replaced = true,
        }
    }
    let name = inspect::visible(entry.display_name().as_bytes());
    let looked: Vec<_> = candidates.iter().map(|path| path.display().to_string()).collect();
    let why = if replaced { "has another content now" } else { "is not there any more" };
    Err(Stuck::Gone(format!("the original {name} {why} (looked for {})", looked.join(", "))))
}

/// Where a file may lie: where it was found, or in the archive under its name, there perhaps with its checksum.
fn candidates(context: &Context<'_>, entry: &FileEntry, source: usize) -> Vec<PathBuf> {
    let name = std::ffi::OsStr::from_bytes(&entry.claim.found.name);
    let Some(Some(config)) = context.loaded.sources.get(source) else { return Vec::new() };
    let mut paths = vec![config.directory.join(name)];
    if let After::Archive(folder) = &config.after {
        let folder = archive_of(folder, entry.claim.arrival_ms);
        paths.push(folder.join(name));
        if let Some(finished) = entry.finished {
            let mut clash = name.to_owned();
            clash.push(format!("-{:08x}", finished.content_hash >> 32));
            paths.push(folder.join(clash));
        }
    }
    paths
}

/// One file of a source.
struct File<'a, 'c> {
    context: &'a Context<'c>,
    entry: &'a FileEntry,
    source: usize,
    path: &'a PathBuf,
    detail: Detail,
}

/// Records of a file, each read or not to be used.
type Originals = Vec<Result<Original, Stuck>>;

impl File<'_, '_> {
    /// Reads records by number; `None` when the content is not what was read then.
    fn read(&self, reader: &mut dyn BlockReader, records: &[u32]) -> Result<Option<Originals>, Stuck> {
        let gone = |error: anyhow::Error| Stuck::Gone(format!("{}: {error:#}", self.path.display()));
        let Some(source) = self.context.loaded.setup.sources.get(self.source) else { return Ok(None) };
        let layout = Arc::new(source.format.open(reader.head()));
        let headers = layout.as_ref().as_ref().map_or(0, |layout| layout.skip_records);
        let mut intake = Intake::new(&self.context.loaded.setup);
        let mut found = Vec::new();
        let mut end = FileProgress::default();
        while let Some(block) = reader.next_block().map_err(gone)? {
            end = block.next;
            let (first, behind, last) = (block.start.records, block.next.records, block.last);
            let block = Arc::new(block);
            let mut slice = Slice {
                number: 0,
                source: u16::try_from(self.source).unwrap_or(u16::MAX),
                file: self.entry.claim.ordinal,
                arrival_ms: self.entry.claim.arrival_ms,
                layout: Arc::clone(&layout),
                header: None,
                block: Arc::clone(&block),
                first: 0,
                end: 0,
            };
            for &record in records {
                let framed = record.saturating_add(headers);
                if block.kind == BlockKind::Records && framed > first && framed <= behind {
                    (slice.first, slice.end) = (framed - 1 - first, framed - first);
                    found.push(self.original(&mut intake, &slice, record));
                }
            }
            if last {
                break;
            }
        }
        let same = self
            .entry
            .finished
            .is_none_or(|finished| (end.offset, end.prefix_hash) == (finished.octets, finished.content_hash));
        Ok((same && found.len() == records.len()).then_some(found))
    }

    fn original(&self, intake: &mut Intake<'_>, slice: &Slice, record: u32) -> Result<Original, Stuck> {
        let setup = &self.context.loaded.setup;
        let parsed = intake.parse(slice.clone(), self.context.names);
        let Some(usage) = parsed.records.into_iter().next() else {
            let value: Value = serde_json::from_slice(&parsed.suspense).unwrap_or_default();
            let computed = format!("suspended {} {} {}", value["code"], value["field"], value["found"]);
            let field = format!("record {record}");
            return Err(Stuck::Differs(Difference { field, stored: "rated".into(), computed }));
        };
        let from = usize::try_from(usage.bytes.offset.saturating_sub(slice.block.start.offset))
            .unwrap_or(usize::MAX);
        let len = usize::try_from(usage.bytes.len).unwrap_or(usize::MAX);
        let raw = slice.block.bytes.get(from..from.saturating_add(len)).unwrap_or_default().to_vec();
        let fields = match (setup.sources.get(self.source), slice.layout.as_ref()) {
            (Some(source), Ok(layout)) if self.detail == Detail::Shown => {
                source.format.fields(layout, &raw).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        Ok(Original { path: self.path.clone(), record, usage, raw, fields })
    }
}
