//! `caudal inspect`: a file, or a folder of files, to what it holds, record by record or in sums.
//! Relies on `inspect` for the reading; a file is read twice, once for its header and once for its records.
//! Never lets what stands in a file drive the terminal.

mod binary;

use crate::cli::InspectArgs;
use crate::failure::Failure;
use crate::inspect::{
    self, FORMATS, Kind, Seen, Sequences, Sums, Survey, What, hex_lines, hex_text, visible,
};
use crate::print::{count, json};
use caudal_cdr::Framing;
use caudal_wire::json::string;
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Folders within folders that are gone into.
const DEPTH_MAX: usize = 32;

/// Files of one folder, with what lies below it.
const FILES_MAX: usize = 1_000_000;

/// How the report is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    Json,
    People,
}

/// Runs the command. Exit code 1 when damage was found or a check does not hold.
pub fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    if let Some(format) = args.format.as_deref().filter(|format| !FORMATS.contains(format)) {
        let known = FORMATS.join(", ");
        return Err(Failure::usage(format!(
            "no format {:?}, expected one of: {known}",
            visible(format.as_bytes())
        )));
    }
    if !args.path.exists() {
        return Err(Failure::usage(format!("{} is not there", args.path.display())));
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let result = report(args, &mut out).and_then(|sums| {
        out.flush()?;
        Ok(sums)
    });
    match result {
        Ok(sums) if sums.damaged > 0 || sums.findings > 0 => Err(Failure::Found),
        Ok(_) => Ok(()),
        // A reader that has seen enough is no failure.
        Err(error) if broken_pipe(&error) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Reports on a file or a folder. Returns the sums of all octets.
pub fn report(args: &InspectArgs, out: &mut dyn Write) -> anyhow::Result<Sums> {
    let shape = if args.json { Shape::Json } else { Shape::People };
    let sums = if args.path.is_dir() { folder(args, shape, out)? } else { file(args, shape, out)? };
    if shape == Shape::Json {
        writeln!(out, "{}", summary(&sums))?;
    }
    Ok(sums)
}

fn file(args: &InspectArgs, shape: Shape, out: &mut dyn Write) -> anyhow::Result<Sums> {
    let path = &args.path;
    if let Some(framing) = inspect::binary_framing(path, args.format.as_deref())? {
        return binary::file((path, framing), (shape, args.hex), out);
    }
    let survey = inspect::survey(path, args.format.as_deref())?;
    header(path, &survey, shape, out)?;
    let mut opened = inspect::open(path, Framing::Lines)?;
    let sums = inspect::walk(opened.reader.as_mut(), &survey.kind, &mut |seen| {
        match shape {
            Shape::Json => writeln!(out, "{}", record_json(seen, &survey.kind, args.hex))?,
            Shape::People => people(seen, &survey.kind, args.hex, out)?,
        }
        Ok(())
    })?;
    if shape == Shape::People {
        writeln!(out, "\n  {}", totals(&sums))?;
    }
    Ok(sums)
}

fn folder(args: &InspectArgs, shape: Shape, out: &mut dyn Write) -> anyhow::Result<Sums> {
    let mut files = Vec::new();
    list(&args.path, 0, &mut files)?;
    let mut total = Total::default();
    for path in &files {
        let format = args.format.as_deref();
        if let Some(framing) = inspect::binary_framing(path, format)? {
            let survey = binary::survey(path, framing)?;
            binary::header(path, &survey, shape, out)?;
            binary::add(&mut total, path, &survey);
            continue;
        }
        let survey = inspect::survey(path, format)?;
        header(path, &survey, shape, out)?;
        total.sums.add(&survey.sums);
        *total.formats.entry(survey.kind.name()).or_default() += 1;
        total.times = [total.times, survey.times.clone()]
            .into_iter()
            .flatten()
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    }
    let broken = total.sequences.streams().iter().filter(|stream| !stream.is_whole()).count();
    total.sums.findings += broken as u64;
    if shape == Shape::People {
        total.describe(files.len() as u64).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    } else {
        binary::sequences_json(&total.sequences).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(total.sums)
}

/// What the files of a folder come to.
#[derive(Default)]
struct Total {
    sums: Sums,
    formats: BTreeMap<&'static str, u64>,
    times: Option<(String, String)>,
    kinds: BTreeMap<String, u64>,
    sequences: Sequences,
}

impl Total {
    fn describe(&self, files: u64) -> Vec<String> {
        let formats: Vec<_> = self.formats.iter().map(|(name, files)| format!("{name} {files}")).collect();
        let mut lines = vec![String::new(), format!("{} files · {}", count(files), formats.join(" · "))];
        if !self.kinds.is_empty() {
            let kinds: Vec<_> =
                self.kinds.iter().map(|(kind, found)| format!("{kind} {}", count(*found))).collect();
            lines.push(format!("  records  {}", kinds.join(" · ")));
        }
        if let Some((first, last)) = &self.times {
            lines.push(format!("  times    {first} to {last}, as written"));
        }
        for stream in self.sequences.streams() {
            let sign = if stream.is_whole() { "✓" } else { "✗" };
            let folder = visible(stream.folder.as_os_str().as_encoded_bytes());
            let (first, last) = stream.span;
            let story = stream.story();
            lines.push(format!("  sequence {folder} node {} {first} to {last} {sign} {story}", stream.node));
        }
        lines.push(format!("  {}", totals(&self.sums)));
        lines
    }
}

/// Regular files below a folder, by name; hidden ones and links are left out, as a source leaves them.
fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < DEPTH_MAX {
            list(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() {
            anyhow::ensure!(
                files.len() < FILES_MAX,
                "more than {FILES_MAX} files below {}",
                folder.display()
            );
            files.push(entry.path());
        }
    }
    Ok(())
}

fn header(path: &Path, survey: &Survey, shape: Shape, out: &mut dyn Write) -> anyhow::Result<()> {
    match shape {
        Shape::Json => writeln!(out, "{}", file_json(path, survey))?,
        Shape::People => describe(path, survey).iter().try_for_each(|line| writeln!(out, "{line}"))?,
    }
    Ok(())
}

fn describe(path: &Path, survey: &Survey) -> Vec<String> {
    let sums = &survey.sums;
    let name = visible(path.as_os_str().as_encoded_bytes());
    let compressed = match survey.compressed {
        true => format!(", {} compressed", count(survey.size_on_disk)),
        false => String::new(),
    };
    let mut lines = vec![format!(
        "{name} · {} · {} octets{compressed} · {} records · {} damaged",
        survey.kind.name(),
        count(sums.size),
        count(sums.records),
        count(sums.damaged)
    )];
    let mark = if survey.byte_order_mark { " with byte order mark" } else { "" };
    let mut text =
        format!("{}{mark}, {} lines, ended by {}", survey.encoding, count(survey.lines()), survey.line_end());
    match &survey.kind {
        Kind::Delimited(columns) => {
            let separator = visible(&[columns.dialect.separator]);
            let quoting = if columns.dialect.quote.is_some() { "quoted with \"" } else { "no quotes" };
            text.push_str(&format!(", columns apart by {separator}, {quoting}"));
        }
        Kind::Asterisk(read) => lines.extend(read.1.warning.map(|warning| format!("  note     {warning}"))),
        Kind::Unknown(why) => lines.push(format!("  note     {why}")),
        Kind::Empty => {}
    }
    lines.insert(1, format!("  text     {text}"));
    if let Some(header) = names(&survey.kind) {
        let header: Vec<_> = header.iter().map(|name| visible(name.as_bytes())).collect();
        lines.push(format!("  header   {}", header.join(" ")));
    }
    if let Some((first, last)) = &survey.times {
        lines.push(format!("  times    {first} to {last}, as written"));
    }
    lines.push(format!("  checks   {}", checks(survey)));
    lines
}

fn names(kind: &Kind) -> Option<&[String]> {
    match kind {
        Kind::Delimited(columns) => columns.header.as_deref(),
        Kind::Asterisk(_) | Kind::Empty | Kind::Unknown(_) => None,
    }
}

fn checks(survey: &Survey) -> String {
    let columns: Vec<_> =
        survey.columns.iter().map(|(columns, records)| format!("{} of {columns}", count(*records))).collect();
    let mut parts = vec![match survey.columns.len() {
        0 => "no records".into(),
        1 => format!("every record has {} columns", survey.columns.keys().next().unwrap_or(&0)),
        _ => format!("records by columns: {}", columns.join(", ")),
    }];
    let found = [
        (survey.undecodable, "lines are no UTF-8"),
        (survey.controls, "lines have control characters"),
        (survey.oversize, "lines are too long"),
        (u64::from(survey.truncated), "last line is cut short"),
    ];
    parts.extend(
        found.iter().filter(|(found, _)| *found > 0).map(|(found, what)| format!("{} {what}", count(*found))),
    );
    parts.extend(survey.codes.iter().map(|(code, found)| format!("{code} {}", count(*found))));
    parts.join(" · ")
}

fn totals(sums: &Sums) -> String {
    format!(
        "{} records, {} damaged; {} octets = {} parsed + {} fill + {} suspended",
        count(sums.records),
        count(sums.damaged),
        count(sums.size),
        count(sums.parsed),
        count(sums.fill),
        count(sums.suspended)
    )
}

fn people(seen: &Seen<'_>, kind: &Kind, hex: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let (offset, length) = (count(seen.offset), count(seen.length));
    match &seen.what {
        What::Header => writeln!(out, "\nheader · offset {offset} · {length} octets")?,
        What::Record(fields) => {
            writeln!(out, "\n{} {} · offset {offset} · {length} octets", kind.record(), count(seen.index))?;
            let width =
                fields.iter().map(|(name, _)| visible(name.as_bytes()).chars().count()).max().unwrap_or(0);
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
                writeln!(out, "  {:<width$}  {}", visible(name.as_bytes()), visible(value))?;
            }
        }
        What::Damage(fault) => {
            let place = format!("{} · offset {offset} · {length} octets", count(seen.index));
            let field = if fault.field.is_empty() { String::new() } else { format!("{}: ", fault.field) };
            writeln!(out, "\nDAMAGE {place} · {} · {field}{}", fault.code, visible(fault.found.as_bytes()))?;
            writeln!(out, "  {}", visible(seen.bytes))?;
        }
    }
    if hex {
        hex_lines(seen.offset, seen.bytes).iter().try_for_each(|line| writeln!(out, "  {line}"))?;
    }
    Ok(())
}

fn file_json(path: &Path, survey: &Survey) -> String {
    json::object(|out| {
        json::text(out, "type", "file");
        json::text(out, "file", &path.to_string_lossy());
        json::text(out, "format", survey.kind.name());
        json::truth(out, "compressed", survey.compressed);
        number(out, "size_on_disk", survey.size_on_disk);
        number(out, "size", survey.sums.size);
        json::text(out, "encoding", survey.encoding);
        json::truth(out, "byte_order_mark", survey.byte_order_mark);
        number(out, "lines", survey.lines());
        json::text(out, "line_end", survey.line_end());
        if let Kind::Delimited(columns) = &survey.kind {
            json::text(out, "separator", &char::from(columns.dialect.separator).to_string());
            if columns.dialect.quote.is_some() {
                json::text(out, "quote", "\"");
            }
            number(out, "columns", columns.count as u64);
        }
        if let Some(header) = names(&survey.kind) {
            texts(out, "header", header);
        }
        number(out, "records", survey.sums.records);
        number(out, "damaged", survey.sums.damaged);
        if let Some((first, last)) = &survey.times {
            json::nested(out, "times", |out| {
                json::text(out, "first", first);
                json::text(out, "last", last);
            });
        }
        json::nested(out, "checks", |out| checks_json(out, survey));
    })
}

fn checks_json(out: &mut Vec<u8>, survey: &Survey) {
    json::truth(out, "columns_consistent", survey.columns.len() <= 1 && survey.mismatched == 0);
    number(out, "undecodable_lines", survey.undecodable);
    number(out, "control_lines", survey.controls);
    number(out, "oversize_lines", survey.oversize);
    json::truth(out, "truncated_last_line", survey.truncated);
    json::nested(out, "damage", |out| {
        survey.codes.iter().for_each(|(code, found)| number(out, code.as_str(), *found));
    });
}

fn record_json(seen: &Seen<'_>, kind: &Kind, hex: bool) -> String {
    json::object(|out| {
        let damage = matches!(seen.what, What::Damage(_));
        json::text(out, "type", if damage { "damage" } else { "record" });
        number(out, "index", seen.index);
        number(out, "offset", seen.offset);
        number(out, "length", seen.length);
        match &seen.what {
            What::Header => {
                json::text(out, "kind", "header");
                json::nested(out, "fields", |_| {});
                texts(out, "unknown", &[]);
            }
            What::Record(fields) => {
                json::text(out, "kind", kind.record());
                json::nested(out, "fields", |out| {
                    for (name, value) in fields {
                        if !matches!(out.last(), Some(b'{')) {
                            out.push(b',');
                        }
                        string(out, name);
                        out.push(b':');
                        string(out, &String::from_utf8_lossy(value));
                    }
                });
                texts(out, "unknown", &[]);
            }
            What::Damage(fault) => {
                json::text(out, "code", fault.code.as_str());
                json::text(out, "field", &fault.field);
                json::text(out, "found", &fault.found);
            }
        }
        if hex {
            json::text(out, "hex", &hex_text(seen.bytes));
        }
    })
}

fn texts(out: &mut Vec<u8>, name: &str, values: &[String]) {
    json::key(out, name);
    out.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(out, value);
    }
    out.push(b']');
}

fn summary(sums: &Sums) -> String {
    json::object(|out| {
        json::text(out, "type", "summary");
        number(out, "records", sums.records);
        number(out, "size", sums.size);
        number(out, "parsed", sums.parsed);
        number(out, "fill", sums.fill);
        number(out, "suspended", sums.suspended);
        number(out, "damaged", sums.damaged);
        number(out, "findings", sums.findings);
    })
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    json::number(out, name, i64::try_from(value).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests;
