//! Decoding alone, on one thread and in memory: records to raw usage, then normalised and validated.
//! Relies on the generated sets, and beside each on a bare pass over the same octets as the floor.
//! Never counts a record that is not decoded: the number of faults is part of the report.

use crate::set::Set;
use anyhow::Context;
use caudal_cdr::ber::Children;
use caudal_cdr::formats::pgw::{Pgw, PgwOptions};
use caudal_cdr::framing::{BLOCK_MAX, Cut, Framing, Place, WindowEnd};
use caudal_cdr::{ColumnSource, DelimitedSpec, FieldSpec, FieldType, Format, HEAD_MAX, Layout, Scratch};
use caudal_mediation::normalise::{Normaliser, RecordContext, RepeatedHour, SourceRules};
use caudal_mediation::numbers::NumberRules;
use caudal_usage::record::ByteSpan;
use caudal_usage::{FileOrdinal, KeySecret, Position, TimeZone};
use std::hint::black_box;
use std::time::Instant;

/// Deepest nesting of the bare walk.
const DEPTH: usize = 16;

/// Octets of a set that are decoded: more only takes longer.
const OCTETS: usize = 256 << 20;

/// 2100-01-01 UTC in milliseconds: nothing in a set is later than its arrival.
const ARRIVAL_MS: i64 = 4_102_444_800_000;

/// Nanoseconds for each record of one pass.
#[derive(Clone, Copy, Debug)]
struct Pass {
    bare_ns: f64,
    framed_ns: f64,
    typed_ns: f64,
    validated_ns: f64,
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
        let framed_ns = timed(&blocks, || frame(&blocks));
        let bare_ns = timed(&blocks, || bare(&blocks));
        let mut found = 0;
        let typed_ns = timed(&blocks, || found = typed(&blocks, &format));
        let validated_ns = timed(&blocks, || faults = validated(&blocks, &format));
        anyhow::ensure!(found <= faults, "validation found fewer faults than decoding");
        passes.push(Pass { bare_ns, framed_ns, typed_ns, validated_ns });
    }
    Ok(table(name, &blocks, &passes, faults))
}

fn timed(blocks: &Blocks, work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_nanos() as f64 / blocks.records.max(1) as f64
}

fn frame(blocks: &Blocks) {
    for (place, block) in &blocks.blocks {
        for record in blocks.framing.records(*place, block) {
            black_box(record.bytes);
        }
    }
}

/// The floor: every column, or every element, is found and none is understood.
fn bare(blocks: &Blocks) {
    for (place, block) in &blocks.blocks {
        for record in blocks.framing.records(*place, block) {
            match blocks.framing {
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

/// Records to raw usage; how many are faults.
fn typed(blocks: &Blocks, format: &Format) -> u64 {
    let mut scratch = Scratch::default();
    let mut faults = 0;
    let mut layout = None;
    for (place, block) in &blocks.blocks {
        let skip = begin(format, &mut layout, *place, block);
        let Some(layout) = &layout else { continue };
        for record in blocks.framing.records(*place, block).skip(skip) {
            match format.read(layout, record.bytes, &mut scratch) {
                Ok(raw) => {
                    black_box(&raw);
                }
                Err(_) => faults += 1,
            }
        }
    }
    faults
}

/// Records to usage that can be billed; how many are faults.
fn validated(blocks: &Blocks, format: &Format) -> u64 {
    let mut scratch = Scratch::default();
    let mut normaliser = Normaliser::new(rules(format));
    let secret = KeySecret([7; 16]);
    let at = Position { file: FileOrdinal(1), record: 1 };
    let context = RecordContext { secret: &secret, at, bytes: ByteSpan::default(), arrival_ms: ARRIVAL_MS };
    let mut faults = 0;
    let mut layout = None;
    for (place, block) in &blocks.blocks {
        let skip = begin(format, &mut layout, *place, block);
        let Some(layout) = &layout else { continue };
        for record in blocks.framing.records(*place, block).skip(skip) {
            let raw = format.read(layout, record.bytes, &mut scratch);
            match raw.and_then(|raw| normaliser.intake(&raw, &context)) {
                Ok(usage) => {
                    black_box(&usage);
                }
                Err(_) => faults += 1,
            }
        }
    }
    faults
}

/// A block that begins a file gives the layout; how many of its records are header lines.
fn begin(format: &Format, layout: &mut Option<Layout>, place: Place, block: &[u8]) -> usize {
    if place == Place::Inside {
        return 0;
    }
    *layout = format.open(block.get(..HEAD_MAX).unwrap_or(block)).ok();
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
