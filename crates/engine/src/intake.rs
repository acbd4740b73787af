//! Intake: a slice of a block to usage records, routed to the record shards by session.
//! Relies on the block holding whole records and on the layout of its file. Stateless: any thread may do it.
//! Never drops anything: what cannot be used is suspended with its bytes.

use crate::fail;
use crate::setup::{Names, Setup};
use crate::source::{Block, BlockKind};
use crate::tally::{Side, Tally};
use caudal_cdr::framing::ts32297::FileHeader;
use caudal_cdr::{Framing, Layout, Place, Scratch};
use caudal_mediation::normalise::{Normaliser, RecordContext};
use caudal_usage::commit::NO_TIME_MS;
use caudal_usage::record::ByteSpan;
use caudal_usage::sequence::NumberRuns;
use caudal_usage::{BookKey, Code, Fault, FileOrdinal, Position, Run, UsageRecord};
use caudal_wire::lines::{Suspense, Where, write_suspense};
use std::sync::Arc;

/// A slice of the sequence: some records of one block.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Number of the block in the schedule.
    pub number: u64,
    /// Index of the source.
    pub source: u16,
    /// The file.
    pub file: FileOrdinal,
    /// When the file was claimed.
    pub arrival_ms: i64,
    /// How the columns of the file stand; the fault of a file whose head was not understood.
    pub layout: Arc<Result<Layout, Fault>>,
    /// The header of the file, where its framing has one and it could be read.
    pub header: Option<Arc<FileHeader>>,
    /// The block.
    pub block: Arc<Block>,
    /// First framed record of the block that belongs to the slice.
    pub first: u32,
    /// First framed record behind it.
    pub end: u32,
}

impl Slice {
    /// Framed records, as the framer counted them: header lines left out, one for a damaged remainder.
    pub fn framed(&self) -> u32 {
        match self.block.kind {
            BlockKind::Damage { .. } => 1,
            BlockKind::Records => {
                let headers = self.headers();
                self.end.max(headers) - self.first.max(headers)
            }
        }
    }

    /// Header lines that stand in this block.
    fn headers(&self) -> u32 {
        let skip = self.layout.as_ref().as_ref().map_or(0, |layout| layout.skip_records);
        skip.saturating_sub(self.block.start.records)
    }

    /// True when the slice begins its file.
    pub fn begins_file(&self) -> bool {
        self.block.start.offset == 0 && self.first == 0
    }

    /// Records of the file that were framed up to the end of the block: an item in the midst of it that could not be
    /// framed stands for one, what is left over at its end for none.
    pub fn seen(&self) -> u32 {
        match self.block.kind {
            BlockKind::Damage { .. } if self.block.last => self.block.start.records,
            BlockKind::Damage { .. } | BlockKind::Records => self.block.next.records,
        }
    }

    /// True when the slice ends its block.
    pub fn ends_block(&self) -> bool {
        self.end == self.block_records()
    }

    /// Framed records of the whole block, as the framer counted them.
    pub fn block_records(&self) -> u32 {
        self.block.next.records - self.block.start.records
    }

    /// True when the slice ends its file.
    pub fn ends_file(&self) -> bool {
        self.block.last && self.ends_block()
    }
}

/// A slice with its records.
#[derive(Debug)]
pub struct Parsed {
    /// The slice.
    pub slice: Slice,
    /// Its usage records, in order.
    pub records: Vec<UsageRecord>,
    /// For each record shard the indexes of its records, in order.
    pub routes: Vec<Vec<u32>>,
    /// Suspense lines.
    pub suspense: Vec<u8>,
    /// Running numbers of elements, in the order of the records.
    pub numbers: NumberRuns,
    /// What ended here.
    pub tally: Tally,
    /// Greatest event time; [`NO_TIME_MS`] when there is none.
    pub max_event_ms: i64,
    /// First day of the dedup window at this turn. Set by the schedule.
    pub floor_day: i32,
    /// Overall watermark at this turn. Set by the schedule.
    pub watermark_ms: i64,
    /// The watermark to which the end of this slice moved the timers. Set by the schedule.
    pub timer_ms: Option<i64>,
}

/// Intake of one thread: its caches and buffers.
#[derive(Debug)]
pub struct Intake<'s> {
    setup: &'s Setup,
    normalisers: Vec<Normaliser>,
    scratch: Scratch,
    numbers: NumberRuns,
}

impl<'s> Intake<'s> {
    /// Intake for one thread.
    pub fn new(setup: &'s Setup) -> Self {
        let normalisers = setup.sources.iter().map(|source| Normaliser::new(source.rules.clone())).collect();
        Self { setup, normalisers, scratch: Scratch::default(), numbers: NumberRuns::default() }
    }

    /// frame ▶ decode ▶ map ▶ normalise ▶ validate, then routed.
    pub fn parse(&mut self, slice: Slice, names: &Names) -> Parsed {
        let capacity = slice.framed() as usize;
        let mut parsed = Parsed {
            slice,
            records: Vec::with_capacity(capacity),
            routes: vec![Vec::new(); self.setup.shards],
            suspense: Vec::new(),
            numbers: NumberRuns::default(),
            tally: Tally::default(),
            max_event_ms: NO_TIME_MS,
            floor_day: i32::MIN,
            watermark_ms: NO_TIME_MS,
            timer_ms: None,
        };
        match parsed.slice.block.kind {
            BlockKind::Damage { code, len } => damaged(&mut parsed, code, len, names),
            BlockKind::Records => self.records(&mut parsed, names),
        }
        parsed.numbers = std::mem::take(&mut self.numbers);
        parsed
    }

    fn records(&mut self, parsed: &mut Parsed, names: &Names) {
        let slice = parsed.slice.clone();
        let source = &self.setup.sources[usize::from(slice.source)];
        let layout = slice.layout.as_ref().as_ref();
        let headers = layout.map_or(0, |layout| layout.skip_records);
        let place = Place::at(slice.block.start.offset);
        let mut framed = source.framing.records(place, &slice.block.bytes);
        // No chain of adaptors: what they hand on as a whole would be waited for.
        for index in 0..slice.end {
            let Some(record) = framed.next() else { break };
            if index < slice.first {
                continue;
            }
            let number = slice.block.start.records.saturating_add(index + 1);
            if number <= headers {
                continue;
            }
            let at = Position { file: slice.file, record: number - headers };
            let bytes = ByteSpan {
                // A message is found by its own offset.
                offset: slice.block.start.offset
                    + match source.framing {
                        Framing::Values => u64::from(index),
                        Framing::Lines | Framing::Ber | Framing::Ts32297 => record.offset as u64,
                    },
                len: record.bytes.len() as u32,
            };
            for _ in 0..fail::times("frame") {
                let outcome = match layout {
                    Ok(layout) => self.read(&slice, layout, (record.bytes, at, bytes)),
                    Err(fault) => Err(fault.clone()),
                };
                match outcome {
                    Ok(usage) => self.route(parsed, usage),
                    Err(fault) => {
                        let line =
                            Line { at, offset: bytes.offset, len: u64::from(bytes.len), raw: record.bytes };
                        suspend(parsed, &fault, &line, names);
                    }
                }
            }
        }
    }

    /// One record's bytes to a usage record.
    #[inline]
    fn read(
        &mut self,
        slice: &Slice,
        layout: &Layout,
        (record, at, bytes): (&[u8], Position, ByteSpan),
    ) -> Result<UsageRecord, Fault> {
        if record.is_empty() {
            return Err(Fault::new(Code::MissingField, "value", b""));
        }
        let source = &self.setup.sources[usize::from(slice.source)];
        let raw = source.format.read(layout, record, &mut self.scratch)?;
        if let Some(number) = raw.sequence {
            self.numbers.note(raw.node, number);
        }
        let context = RecordContext { secret: &self.setup.secret, at, bytes, arrival_ms: slice.arrival_ms };
        self.normalisers[usize::from(slice.source)].intake(&raw, &context)
    }

    #[inline]
    fn route(&self, parsed: &mut Parsed, usage: UsageRecord) {
        parsed.max_event_ms = parsed.max_event_ms.max(usage.start.utc_ms);
        let shard = usage.slot().shard(self.setup.shards);
        for _ in 0..fail::times("intake") {
            parsed.routes[shard].push(parsed.records.len() as u32);
        }
        parsed.records.push(usage);
    }
}

/// One item that could not be framed: suspended as a whole, with the octets that were kept.
fn damaged(parsed: &mut Parsed, code: Code, len: u64, names: &Names) {
    let slice = parsed.slice.clone();
    let headers = slice.layout.as_ref().as_ref().map_or(0, |layout| layout.skip_records);
    let number = slice.block.start.records.saturating_add(1).saturating_sub(headers).max(1);
    let mut found = format!("{len} octets from offset {}", slice.block.start.offset);
    if let Some(header) = slice.header.as_ref().filter(|_| slice.block.last) {
        found.push_str(&format!("; declared {}, seen {}", header.cdrs, slice.seen()));
    }
    let fault = Fault::new(code, "", found.as_bytes());
    let at = Position { file: slice.file, record: number };
    let line = Line { at, offset: slice.block.start.offset, len, raw: &slice.block.bytes };
    suspend(parsed, &fault, &line, names);
}

struct Line<'a> {
    at: Position,
    offset: u64,
    len: u64,
    raw: &'a [u8],
}

fn suspend(parsed: &mut Parsed, fault: &Fault, line: &Line<'_>, names: &Names) {
    let at = Where { file: names.get(line.at.file), file_id: line.at.file.0, record: line.at.record };
    let Line { offset, len, raw, .. } = *line;
    let item = Suspense { fault, run: Run::Retail, at, offset, len, attempt: 0, first: None, raw };
    write_suspense(&mut parsed.suspense, &item);
    parsed.tally.code(line.at.file, BookKey::NO_DAY, Side::Within, fault.code);
}
