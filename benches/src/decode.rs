//! Decoding alone, on one thread and in memory: records to raw usage, then normalised and validated.
//! Relies on the generated sets, and beside each on a bare pass over the same octets as the floor.
//! Never counts a record that is not decoded: the number of faults is part of the report.

use crate::set::Set;
use anyhow::Context;
use caudal_cdr::ber::Children;
use caudal_cdr::formats::pgw::{Pgw, PgwOptions};
use caudal_cdr::framing::{BLOCK_MAX, Cut, Framing, Place, Records, WindowEnd};
use caudal_cdr::{ColumnSource, DelimitedSpec, FieldSpec, FieldType, Format, HEAD_MAX, Layout, Scratch};
use caudal_mediation::normalise::{Normaliser, RecordContext, RepeatedHour, SourceRules};
use caudal_mediation::numbers::NumberRules;
use caudal_usage::record::ByteSpan;
use caudal_usage::{Fault, FileOrdinal, KeySecret, Position, TimeZone, UsageRecord};
use std::hint::black_box;
use std::time::Instant;

/// Deepest nesting of the bare walk.
const DEPTH: usize = 16;

/// Octets of a set that are decoded: more only takes longer.
const OCTETS: usize = 256 << 20;

/// 2100-01-01 UTC in milliseconds: nothing in a set is later than its arrival.
const ARRIVAL_MS: i64 = 4_102_444_800_000;

/// Nanoseconds for each record of one pass.
#[derive(Clone, Copy, Debug, Default)]
struct Pass {
    bare_ns: f64,
    framed_ns: f64,
    typed_ns: f64,
    validated_ns: f64,
}

impl Pass {
    /// For each of so many records.
    fn over(self, records: u64) -> Self {
        let each = |all: f64| all / records.max(1) as f64;
        Self {
            bare_ns: each(self.bare_ns),
            framed_ns: each(self.framed_ns),
            typed_ns: each(self.typed_ns),
            validated_ns: each(self.validated_ns),
        }
    }
}

/// A block of a set.
struct Block<'a> {
    framing: Framing,
    place: Place,
    octets: &'a [u8],
}

impl<'a> Block<'a> {
    fn records(&self) -> Records<'a> {
        self.framing.records(self.place, self.octets)
    }
}

/// A set in memory, cut into blocks of whole records.
struct Blocks {
    framing: Framing,
    blocks: Vec<(Place, Vec<u8>)>,
    records: u64,
    octets: u64,
}

/// Measures the decoder of a format; the text that a person reads.
pub fn measure(name: &str, set: &Set, runs: u32) -> anyhow::Result<String> {
    let format = format(name)?;
    let blocks = read(set, format.framing())?;
    let mut passes = Vec::new();
    let mut faults = 0;
    for _ in 0..runs {
        let mut pass = Pass::default();
        let mut reader = Reader::new(&format);
        let (mut found, mut layout) = (0, None);
        faults = 0;
        for (place, octets) in &blocks.blocks {
            let block = Block { framing: blocks.framing, place: *place, octets };
            let skip = begin(&format, &mut layout, &block);
            let Some(layout) = &layout else { continue };
            // As in the line, where a block was read and cut a moment before: its octets are in the cache.
            black_box(blocks.framing.cut(*place, octets, WindowEnd::EndOfFile));
            pass.framed_ns += timed(|| frame(&block));
            pass.bare_ns += timed(|| bare(&block));
            pass.typed_ns += timed(|| found += reader.typed(&block, layout, skip));
            pass.validated_ns += timed(|| faults += reader.validated(&block, layout, skip));
        }
        anyhow::ensure!(found <= faults, "validation found fewer faults than decoding");
        passes.push(pass.over(blocks.records));
    }
    Ok(table(name, &blocks, &passes, faults))
}

fn timed(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_nanos() as f64
}

fn frame(block: &Block<'_>) {
    for record in block.records() {
        black_box(record.bytes);
    }
}

/// The floor: every column, or every element, is found and none is understood.
fn bare(block: &Block<'_>) {
    for record in block.records() {
        match block.framing {
            Framing::Lines => {
                black_box(memchr::memchr_iter(b';', record.bytes).count());
            }
            Framing::Ts32297 => {
                let content = caudal_cdr::framing::ts32297::cdr(record.bytes);
                black_box(content.map_or(0, |(_, content)| walk(content, DEPTH)));
            }
            Framing::Ber | Framing::Values => {
                black_box(walk(record.bytes, DEPTH));
            }
        }
    }
}

/// Elements of a piece of BER.
fn walk(content: &[u8], depth: usize) -> usize {
    let mut count = 0;
    for element in Children::of(content).map_while(Result::ok) {
        count += 1;
        if element.tag.is_constructed() && depth > 0 {
            count += walk(element.content, depth - 1);
        }
    }
    count
}

/// What one thread of the line has for a source.
struct Reader<'a> {
    format: &'a Format,
    scratch: Scratch,
    normaliser: Normaliser,
    secret: KeySecret,
}

impl<'a> Reader<'a> {
    fn new(format: &'a Format) -> Self {
        let normaliser = Normaliser::new(rules(format));
        Self { format, scratch: Scratch::default(), normaliser, secret: KeySecret([7; 16]) }
    }

    /// Records to raw usage; how many are faults.
    fn typed(&mut self, block: &Block<'_>, layout: &Layout, skip: usize) -> u64 {
        let mut faults = 0;
        for record in block.records().skip(skip) {
            let raw = self.format.read(layout, record.bytes, &mut self.scratch);
            faults += u64::from(raw.is_err());
            black_box(&raw);
        }
        faults
    }

    /// Records to usage that can be billed; how many are faults.
    fn validated(&mut self, block: &Block<'_>, layout: &Layout, skip: usize) -> u64 {
        let mut faults = 0;
        for record in block.records().skip(skip) {
            let usage = self.usage(layout, record.bytes);
            faults += u64::from(usage.is_err());
            black_box(&usage);
        }
        faults
    }

    #[inline]
    fn usage(&mut self, layout: &Layout, record: &[u8]) -> Result<UsageRecord, Fault> {
        let raw = self.format.read(layout, record, &mut self.scratch)?;
        let at = Position { file: FileOrdinal(1), record: 1 };
        let bytes = ByteSpan::default();
        let context = RecordContext { secret: &self.secret, at, bytes, arrival_ms: ARRIVAL_MS };
        self.normaliser.intake(&raw, &context)
    }
}

/// A block that begins a file gives the layout; how many of its records are header lines.
fn begin(format: &Format, layout: &mut Option<Layout>, block: &Block<'_>) -> usize {
    if block.place == Place::Inside {
        return 0;
    }
    *layout = format.open(block.octets.get(..HEAD_MAX).unwrap_or(block.octets)).ok();
    layout.as_ref().map_or(0, |layout| layout.skip_records as usize)
}

fn read(set: &Set, framing: Framing) -> anyhow::Result<Blocks> {
    let mut blocks = Blocks { framing, blocks: Vec::new(), records: 0, octets: 0 };
    let mut paths: Vec<_> = std::fs::read_dir(set.input())?.collect::<Result<_, _>>()?;
    paths.sort_by_key(std::fs::DirEntry::path);
    for path in paths.iter().map(std::fs::DirEntry::path) {
        let content = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut rest = content.as_slice();
        let mut place = Place::FileStart;
        while !rest.is_empty() && blocks.octets < OCTETS as u64 {
            let (window, end) = match rest.get(..2 * BLOCK_MAX) {
                Some(window) => (window, WindowEnd::More),
                None => (rest, WindowEnd::EndOfFile),
            };
            // What a set has of damaged records is behind whole ones: enough is left of the file without its rest.
            let Cut::Block { len, records } = framing.cut(place, window, end) else { break };
            let (block, behind) = rest.split_at(len);
            blocks.records += u64::from(records);
            blocks.octets += len as u64;
            blocks.blocks.push((place, block.to_vec()));
            (rest, place) = (behind, Place::Inside);
        }
    }
    Ok(blocks)
}

fn table(name: &str, blocks: &Blocks, passes: &[Pass], faults: u64) -> String {
    let row = |what: &str, of: fn(&Pass) -> f64| {
        let mut all: Vec<f64> = passes.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        let median = all[all.len() / 2];
        let mut ratios: Vec<f64> = passes.iter().map(|pass| of(pass) / pass.bare_ns).collect();
        ratios.sort_by(f64::total_cmp);
        format!(
            "  {what:<34} {median:>8.0} ns   {:>10.0} records/s   {:>6.2} × bare   ({:.0}–{:.0} ns)\n",
            1e9 / median,
            ratios[ratios.len() / 2],
            all[0],
            all[all.len() - 1]
        )
    };
    let mut text = format!(
        "{name}: {} records of {} octets on one thread, {faults} faults, median of {}\n",
        blocks.records,
        blocks.octets / blocks.records.max(1),
        passes.len()
    );
    text += &row("framed", |pass| pass.framed_ns);
    text += &row("bare walk", |pass| pass.bare_ns);
    text += &row("typed", |pass| pass.typed_ns);
    text += &row("typed, normalised and validated", |pass| pass.validated_ns);
    text
}

fn format(name: &str) -> anyhow::Result<Format> {
    match name {
        "delimited" => Ok(Format::Delimited(delimited()?)),
        "pgw" => Ok(Format::Pgw(Pgw::new(&PgwOptions::default()))),
        other => anyhow::bail!("no decoder of {other:?} is measured, expected delimited or pgw"),
    }
}

fn rules(format: &Format) -> SourceRules {
    SourceRules {
        source: 0,
        zone: TimeZone::UTC,
        repeated_hour: RepeatedHour::Suspend,
        numbers: NumberRules {
            country: "34".into(),
            international_prefix: "00".into(),
            ..NumberRules::default()
        },
        future_ms: i64::MAX / 4,
        key_rule: format.key_rule().name.clone(),
    }
}

/// The generated feed, as its pipeline describes it.
fn delimited() -> anyhow::Result<caudal_cdr::Delimited> {
    let text = |text: &str| text.to_owned();
    let words = [("MOC", "moc"), ("TST", "moc"), ("SMO", "sms_mo"), ("PGW", "data")];
    let types = words.map(|(found, meant)| (text(found), text(meant))).to_vec();
    let field = |(to, from, kind, optional): (&str, &str, FieldType, bool)| FieldSpec {
        to: text(to),
        from: text(from),
        kind,
        optional,
    };
    let fields = [
        ("service", "service", FieldType::Word { map: Vec::new() }, false),
        ("record_type", "record_type", FieldType::Word { map: types }, false),
        ("start", "start_time", FieldType::Time { format: text("%Y%m%d%H%M%S") }, false),
        ("duration", "duration_s", FieldType::Duration { unit: text("s") }, true),
        ("volume", "octets", FieldType::Volume { unit: text("octets") }, true),
        ("calling", "a_number", FieldType::Number, false),
        ("called", "b_number", FieldType::Number, true),
        ("served_imsi", "imsi", FieldType::Imsi, false),
        ("rating_group", "rating_group", FieldType::Integer, true),
    ];
    let names = |names: &[&str]| names.iter().map(|name| text(name)).collect();
    let spec = DelimitedSpec {
        separator: b';',
        quote: None,
        columns: ColumnSource::Header,
        fields: fields.map(field).to_vec(),
        constants: caudal_cdr::Constants::default(),
        key: names(&["node", "call_id", "sequence"]),
        billed: names(&["start", "duration", "volume", "calling", "called"]),
        partial: None,
        filters: Vec::new(),
        day: None,
        node: None,
    };
    spec.build().map_err(|found| anyhow::anyhow!("the description of the feed: {}", found.join("; ")))
}
