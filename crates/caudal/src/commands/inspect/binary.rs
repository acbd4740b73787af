//! `caudal inspect` of binary files: header and checks, trees, JSON, and the sequence of a folder's files.
//! Relies on `inspect::binary` for the reading.
//! Never lets what stands in a file drive the terminal: every text goes through `visible`.

use super::{Shape, Total, number, texts, totals};
use crate::inspect::{
    Binary, Item, ItemKind, Record, Sequences, Sums, hex_lines, hex_text, read_binary, visible,
};
use crate::print::{count, json};
use caudal_cdr::Framing;
use caudal_cdr::ber::schema::{Node, Value};
use caudal_cdr::framing::ts32297::{Check, FileHeader};
use caudal_wire::json::string;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Columns of octets that are shown of one value; `--hex` shows all.
const OCTETS_SHOWN: usize = 24;

/// Reports on one file, record by record.
pub(super) fn file(
    (path, framing): (&Path, Framing),
    (shape, hex): (Shape, bool),
    out: &mut dyn Write,
) -> anyhow::Result<Sums> {
    let binary = survey(path, framing)?;
    header(path, &binary, shape, out)?;
    read_binary(path, framing, &mut |item| {
        match shape {
            Shape::Json => writeln!(out, "{}", item_json(item, hex))?,
            Shape::People => people(item, hex, out)?,
        }
        Ok(())
    })?;
    if shape == Shape::People {
        writeln!(out, "\n  {}", totals(&binary.sums))?;
    }
    Ok(binary.sums)
}

/// Reads a file for its sums.
pub(super) fn survey(path: &Path, framing: Framing) -> anyhow::Result<Binary> {
    read_binary(path, framing, &mut |_| Ok(()))
}

/// What stands before the records.
pub(super) fn header(path: &Path, binary: &Binary, shape: Shape, out: &mut dyn Write) -> anyhow::Result<()> {
    match shape {
        Shape::Json => writeln!(out, "{}", file_json(path, binary))?,
        Shape::People => describe(path, binary).iter().try_for_each(|line| writeln!(out, "{line}"))?,
    }
    Ok(())
}

/// Adds a file to what a folder comes to.
pub(super) fn add(total: &mut Total, path: &Path, binary: &Binary) {
    total.sums.add(&binary.sums);
    *total.formats.entry(format(binary.framing)).or_default() += 1;
    for (kind, found) in &binary.kinds {
        *total.kinds.entry(kind.clone()).or_default() += found;
    }
    if let Some(header) = &binary.header {
        let node = header.node_address().map_or_else(|| "none".into(), |address| address.to_string());
        total.sequences.add(path, node, header.sequence);
    }
}

/// One line for each stream of file sequence numbers.
pub(super) fn sequences_json(sequences: &Sequences) -> Vec<String> {
    let line = |stream: &crate::inspect::Stream| {
        json::object(|out| {
            json::text(out, "type", "sequence");
            json::text(out, "folder", &stream.folder.to_string_lossy());
            json::text(out, "node", &stream.node);
            number(out, "files", stream.files);
            number(out, "first", stream.span.0.into());
            number(out, "last", stream.span.1.into());
            json::truth(out, "whole", stream.is_whole());
            json::text(out, "story", &stream.story());
        })
    };
    sequences.streams().iter().map(line).collect()
}

const fn format(framing: Framing) -> &'static str {
    match framing {
        Framing::Ts32297 => "ts32297",
        Framing::Ber | Framing::Lines | Framing::Values => "ber",
    }
}

fn describe(path: &Path, binary: &Binary) -> Vec<String> {
    let sums = &binary.sums;
    let compressed = match binary.compressed {
        true => format!(", {} compressed", count(binary.size_on_disk)),
        false => String::new(),
    };
    let mut lines = vec![format!(
        "{} · {} · {} octets{compressed} · {} records · {} damaged",
        visible(path.as_os_str().as_encoded_bytes()),
        format(binary.framing),
        count(sums.size),
        count(sums.records),
        count(sums.damaged)
    )];
    if let Some(header) = &binary.header {
        lines.extend(fields(header).into_iter().map(|(name, value)| {
            let check = binary.checks.iter().find(|check| check.field == name);
            format!("  {name:<28} {:<24}{}", visible(value.as_bytes()), check.map_or(String::new(), mark))
        }));
    }
    let shown = |name: &str| {
        binary.header.as_ref().is_some_and(|it| fields(it).iter().any(|(field, _)| *field == name))
    };
    lines.extend(
        binary
            .checks
            .iter()
            .filter(|check| !shown(check.field))
            .map(|check| format!("  {:<28} {:<24}{}", check.field, check.found, mark(check))),
    );
    let codes: Vec<_> = binary.codes.iter().map(|(code, found)| (code.as_str().to_owned(), *found)).collect();
    let sets: [(&str, Vec<(String, u64)>); 5] = [
        ("records", owned(&binary.kinds)),
        ("damage", codes),
        ("wrong", owned(&binary.wrong)),
        ("unsigned", owned(&binary.reinterpreted)),
        ("unknown", owned(&binary.unknown)),
    ];
    for (name, set) in sets.iter().filter(|(_, set)| !set.is_empty()) {
        let parts: Vec<_> =
            set.iter().map(|(key, found)| format!("{} {}", visible(key.as_bytes()), count(*found))).collect();
        lines.push(format!("  {name:<8} {}", parts.join(" · ")));
    }
    lines
}

fn owned(counts: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    counts.iter().map(|(key, found)| (key.clone(), *found)).collect()
}

fn mark(check: &Check) -> String {
    if check.holds { "✓".into() } else { format!("✗ expected {}", check.expected) }
}

/// The fields of a header by the names of TS 32.297.
fn fields(header: &FileHeader) -> Vec<(&'static str, String)> {
    let release = |(release, version): (caudal_cdr::framing::ts32297::Release, u8)| {
        format!("{release}, version {version}")
    };
    let mut fields = vec![
        ("fileLength", header.file_length.map_or_else(|| "not said".into(), |length| length.to_string())),
        ("headerLength", header.header_length.to_string()),
        ("highReleaseIdentifier", release(header.highest)),
        ("lowReleaseIdentifier", release(header.lowest)),
        ("fileOpeningTimestamp", header.opened.to_string()),
        ("timestampOfLastCdrAppended", header.last_append.to_string()),
        ("numberOfCdrs", header.cdrs.to_string()),
        ("fileSequenceNumber", header.sequence.to_string()),
        ("fileClosureTriggerReason", header.closure.to_string()),
        ("nodeIpAddress", header.node_address().map_or_else(|| "none".into(), |address| address.to_string())),
        ("lostCdrIndicator", header.lost.to_string()),
    ];
    if !header.routeing_filter.is_empty() {
        fields.push(("cdrRouteingFilter", hex_text(&header.routeing_filter)));
    }
    if !header.private_extension.is_empty() {
        fields.push(("privateExtension", hex_text(&header.private_extension)));
    }
    fields
}

fn people(item: &Item<'_>, hex: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let place =
        format!("{} · offset {} · {} octets", count(item.index), count(item.offset), count(item.length));
    match &item.what {
        ItemKind::Record(record) => {
            let cdr = record.cdr.map_or_else(String::new, |header| {
                format!(" · {} version {} {} {}", header.release, header.version, header.encoding, header.ts)
            });
            writeln!(out, "\n{} {place}{cdr}", record.kind)?;
            let base = item.offset + record.header_octets();
            tree(&record.node, (base, 0), out)?;
        }
        ItemKind::Damage(fault) => {
            let field = if fault.field.is_empty() { String::new() } else { format!("{}: ", fault.field) };
            writeln!(out, "\nDAMAGE {place} · {} · {field}{}", fault.code, visible(fault.found.as_bytes()))?;
            if !hex {
                let head = item.bytes.get(..64).unwrap_or(item.bytes);
                hex_lines(item.offset, head).iter().try_for_each(|line| writeln!(out, "  {line}"))?;
            }
        }
    }
    if hex {
        hex_lines(item.offset, item.bytes).iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    Ok(())
}

/// One line for each element: offset, octets, tag, name, value.
fn tree(node: &Node, (base, depth): (u64, usize), out: &mut dyn Write) -> std::io::Result<()> {
    let indent = "  ".repeat(depth);
    let tag = node.tag.to_string();
    let name = node.name.unwrap_or_default();
    let place = format!("{:>10} {:>6}  {indent}{tag:<5} {name}", base + node.at as u64, node.len);
    match &node.value {
        Value::Fields(children) | Value::List(children) => {
            writeln!(out, "{place}")?;
            children.iter().try_for_each(|child| tree(child, (base, depth + 1), out))
        }
        value => writeln!(out, "{place:<58} {}", shown(value)),
    }
}

fn shown(value: &Value) -> String {
    let octets = |octets: &[u8]| match octets.get(..OCTETS_SHOWN) {
        Some(head) if octets.len() > OCTETS_SHOWN => format!("{}… ({} octets)", hex_text(head), octets.len()),
        _ => hex_text(octets),
    };
    match value {
        Value::Number(number) => number.to_string(),
        Value::Reinterpreted(number) => format!("{number} (written as negative)"),
        Value::Named(number, name) => format!("{number} {name}"),
        Value::Truth(truth) => truth.to_string(),
        Value::Text(text) => visible(text.as_bytes()),
        Value::Octets(content) => octets(content),
        Value::Wrong(content, expected) => format!("✗ {}, expected {expected}", octets(content)),
        Value::Fields(_) | Value::List(_) => String::new(),
    }
}

fn file_json(path: &Path, binary: &Binary) -> String {
    json::object(|out| {
        json::text(out, "type", "file");
        json::text(out, "file", &path.to_string_lossy());
        json::text(out, "format", format(binary.framing));
        json::truth(out, "compressed", binary.compressed);
        number(out, "size_on_disk", binary.size_on_disk);
        number(out, "size", binary.sums.size);
        number(out, "records", binary.sums.records);
        number(out, "damaged", binary.sums.damaged);
        if let Some(header) = &binary.header {
            json::nested(out, "header", |out| header_json(out, header));
        }
        json::nested(out, "checks", |out| {
            for check in &binary.checks {
                json::nested(out, check.field, |out| {
                    json::truth(out, "holds", check.holds);
                    json::text(out, "found", &check.found);
                    json::text(out, "expected", &check.expected);
                });
            }
        });
        json::nested(out, "kinds", |out| counts(out, &binary.kinds));
        json::nested(out, "damage", |out| {
            binary.codes.iter().for_each(|(code, found)| number(out, code.as_str(), *found));
        });
        json::nested(out, "unknown_tags", |out| counts(out, &binary.unknown));
        json::nested(out, "wrong_values", |out| counts(out, &binary.wrong));
        json::nested(out, "read_as_unsigned", |out| counts(out, &binary.reinterpreted));
    })
}

fn header_json(out: &mut Vec<u8>, header: &FileHeader) {
    if let Some(length) = header.file_length {
        number(out, "fileLength", length.into());
    }
    number(out, "headerLength", header.header_length.into());
    json::text(out, "highReleaseIdentifier", &header.highest.0.to_string());
    number(out, "highVersionIdentifier", header.highest.1.into());
    json::text(out, "lowReleaseIdentifier", &header.lowest.0.to_string());
    number(out, "lowVersionIdentifier", header.lowest.1.into());
    json::text(out, "fileOpeningTimestamp", &header.opened.to_string());
    json::text(out, "timestampOfLastCdrAppended", &header.last_append.to_string());
    number(out, "numberOfCdrs", header.cdrs.into());
    number(out, "fileSequenceNumber", header.sequence.into());
    number(out, "fileClosureTriggerReason", header.closure.0.into());
    if let Some(address) = header.node_address() {
        json::text(out, "nodeIpAddress", &address.to_string());
    }
    number(out, "lostCdrIndicator", header.lost.0.into());
    json::text(out, "cdrRouteingFilter", &hex_text(&header.routeing_filter));
    json::text(out, "privateExtension", &hex_text(&header.private_extension));
}

fn counts(out: &mut Vec<u8>, counts: &BTreeMap<String, u64>) {
    counts.iter().for_each(|(name, found)| {
        named(out, name, |out| out.extend_from_slice(found.to_string().as_bytes()))
    });
}

fn item_json(item: &Item<'_>, hex: bool) -> String {
    json::object(|out| {
        let damage = matches!(item.what, ItemKind::Damage(_));
        json::text(out, "type", if damage { "damage" } else { "record" });
        number(out, "index", item.index);
        number(out, "offset", item.offset);
        number(out, "length", item.length);
        match &item.what {
            ItemKind::Record(record) => record_json(out, item, record),
            ItemKind::Damage(fault) => {
                json::text(out, "code", fault.code.as_str());
                json::text(out, "field", &fault.field);
                json::text(out, "found", &fault.found);
            }
        }
        if hex {
            json::text(out, "hex", &hex_text(item.bytes));
        }
    })
}

fn record_json(out: &mut Vec<u8>, item: &Item<'_>, record: &Record) {
    json::text(out, "kind", &record.kind);
    if let Some(header) = record.cdr {
        json::nested(out, "cdr", |out| {
            number(out, "length", header.length.into());
            json::text(out, "release", &header.release.to_string());
            number(out, "version", header.version.into());
            json::text(out, "format", &header.encoding.to_string());
            json::text(out, "specification", &header.ts.to_string());
        });
    }
    json::key(out, "fields");
    value_json(out, &record.node.value);
    json::key(out, "unknown");
    out.push(b'[');
    for (index, (path, node)) in record.notes.unknown.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let start = usize::try_from(record.header_octets()).unwrap_or(usize::MAX).saturating_add(node.at);
        let bytes = item.bytes.get(start..start.saturating_add(node.len)).unwrap_or_default();
        let entry = json::object(|out| {
            json::text(out, "path", path);
            json::text(out, "tag", &node.tag.to_string());
            number(out, "offset", item.offset + start as u64);
            number(out, "length", node.len as u64);
            json::text(out, "hex", &hex_text(bytes));
        });
        out.extend_from_slice(entry.as_bytes());
    }
    out.push(b']');
    if !record.notes.wrong.is_empty() {
        texts(out, "wrong", &record.notes.wrong);
    }
    if !record.notes.reinterpreted.is_empty() {
        texts(out, "read_as_unsigned", &record.notes.reinterpreted);
    }
}

fn value_json(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Reinterpreted(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Named(_, name) => string(out, name),
        Value::Truth(truth) => out.extend_from_slice(truth.to_string().as_bytes()),
        Value::Text(text) => string(out, text),
        Value::Octets(content) | Value::Wrong(content, _) => string(out, &hex_text(content)),
        Value::List(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                value_json(out, &item.value);
            }
            out.push(b']');
        }
        Value::Fields(fields) => {
            out.push(b'{');
            let mut seen: BTreeMap<String, u64> = BTreeMap::new();
            for field in fields {
                let mut name = field.name.map_or_else(|| field.tag.to_string(), str::to_owned);
                let again = seen.entry(name.clone()).or_default();
                *again += 1;
                // A name twice would be lost to whoever reads the object.
                if *again > 1 {
                    name.push_str(&format!(" ({again})"));
                }
                named(out, &name, |out| value_json(out, &field.value));
            }
            out.push(b'}');
        }
    }
}

/// A member of an object whose name comes from a file.
fn named(out: &mut Vec<u8>, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
    if !matches!(out.last(), Some(b'{')) {
        out.push(b',');
    }
    string(out, name);
    out.push(b':');
    value(out);
}
