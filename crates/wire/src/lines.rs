//! The other JSON lines: suspended records, duplicates, finished files.
//! Relies on file names being resolved by the caller, so a line stands for itself.
//! Never shows a clock, a thread or an epoch.

use crate::event::{number, text};
use crate::json::key;
use base64::Engine;
use caudal_usage::code::Ends;
use caudal_usage::{Counts, Fault, Run};

/// A record as a line names it.
#[derive(Clone, Copy, Debug)]
pub struct Where<'a> {
    /// Source and file name.
    pub file: &'a str,
    /// Ordinal of the act of collecting it.
    pub file_id: u32,
    /// Number of the record, from 1.
    pub record: u32,
}

/// A suspended record, or what of it a run beside the primary one cannot bill.
#[derive(Clone, Copy, Debug)]
pub struct Suspense<'a> {
    /// Why, where, what was found.
    pub fault: &'a Fault,
    /// Which run; the primary one decides what became of the record, and is not named.
    pub run: Run,
    /// The record.
    pub at: Where<'a>,
    /// Octets before it in the (uncompressed) file.
    pub offset: u64,
    /// Octets it takes; more than `raw` holds where a damaged remainder was cut.
    pub len: u64,
    /// How often it was presented before.
    pub attempt: u8,
    /// The record that it conflicts with.
    pub first: Option<Where<'a>>,
    /// Its bytes.
    pub raw: &'a [u8],
}

/// Appends a suspended record as a line.
pub fn write_suspense(out: &mut Vec<u8>, item: &Suspense<'_>) {
    out.push(b'{');
    text(out, "code", item.fault.code.as_str());
    text(out, "stage", item.fault.stage.as_str());
    if item.run != Run::Retail {
        text(out, "run", item.run.as_str());
    }
    if !item.fault.field.is_empty() {
        text(out, "field", &item.fault.field);
    }
    text(out, "found", &item.fault.found);
    write_where(out, &item.at);
    number(out, "offset", item.offset as i64);
    number(out, "len", item.len as i64);
    number(out, "attempt", i64::from(item.attempt));
    write_first(out, item.first.as_ref());
    match std::str::from_utf8(item.raw) {
        Ok(raw) => text(out, "raw", raw),
        Err(_) => text(out, "raw_base64", &base64::engine::general_purpose::STANDARD.encode(item.raw)),
    }
    out.extend_from_slice(b"}\n");
}

/// Appends a duplicate with the record it repeats, as a line.
pub fn write_duplicate(out: &mut Vec<u8>, at: &Where<'_>, first: &Where<'_>) {
    out.push(b'{');
    write_where(out, at);
    write_first(out, Some(first));
    out.extend_from_slice(b"}\n");
}

fn write_where(out: &mut Vec<u8>, at: &Where<'_>) {
    text(out, "file", at.file);
    number(out, "file_id", i64::from(at.file_id));
    number(out, "record", i64::from(at.record));
}

fn write_first(out: &mut Vec<u8>, first: Option<&Where<'_>>) {
    if let Some(first) = first {
        key(out, "first");
        out.push(b'{');
        write_where(out, first);
        out.push(b'}');
    }
}

/// A finished file.
#[derive(Clone, Copy, Debug)]
pub struct FileLine<'a> {
    /// Source and file name.
    pub file: &'a str,
    /// Ordinal of the act of collecting it.
    pub file_id: u32,
    /// Octets of its (uncompressed) content.
    pub octets: u64,
    /// XXH3-64 of that content.
    pub content_hash: u64,
    /// Octets at which it had ended before it grew.
    pub grown_from: Option<u64>,
    /// An earlier file with the same content.
    pub same_content_as: Option<u32>,
    /// What its header declares.
    pub declared: Option<Declared>,
    /// Its book at its end.
    pub counts: &'a Counts,
}

/// What the header of a file declares to be in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Declared {
    /// Records.
    pub records: u32,
    /// Octets of the file; `None` when its writer could not say.
    pub octets: Option<u32>,
}

/// Appends the audit line of a finished file.
pub fn write_file(out: &mut Vec<u8>, line: &FileLine<'_>) {
    let counts = line.counts;
    out.push(b'{');
    text(out, "file", line.file);
    number(out, "file_id", i64::from(line.file_id));
    number(out, "octets", line.octets as i64);
    text(out, "content_hash", &format!("{:016x}", line.content_hash));
    if let Some(octets) = line.grown_from {
        number(out, "grown_from", octets as i64);
    }
    if let Some(ordinal) = line.same_content_as {
        number(out, "same_content_as", i64::from(ordinal));
    }
    if let Some(declared) = line.declared {
        key(out, "declared");
        out.push(b'{');
        number(out, "records", i64::from(declared.records));
        if let Some(octets) = declared.octets {
            number(out, "octets", i64::from(octets));
        }
        out.push(b'}');
    }
    number(out, "records_in", counts.entered);
    number(out, "rated", counts.rated);
    number(out, "merged", counts.merged);
    by_code(out, "filtered", counts, Ends::Filtered);
    number(out, "duplicate", counts.duplicate);
    by_code(out, "suspended", counts, Ends::Suspended);
    number(out, "held", counts.held);
    number(out, "written_off", counts.written_off);
    number(out, "replayed", counts.replayed);
    key(out, "balanced");
    out.extend_from_slice(if counts.balances() { b"true" } else { b"false" });
    out.extend_from_slice(b"}\n");
}

fn by_code(out: &mut Vec<u8>, name: &str, counts: &Counts, ends: Ends) {
    key(out, name);
    out.push(b'{');
    for (code, count) in counts.by_code(ends) {
        number(out, code.as_str(), count);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use caudal_usage::Code;

    const AT: Where<'static> = Where { file: "msc-1/a.csv", file_id: 3, record: 7 };

    fn json(write: impl FnOnce(&mut Vec<u8>)) -> serde_json::Value {
        let mut out = Vec::new();
        write(&mut out);
        assert_eq!(out.pop(), Some(b'\n'));
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_suspended_record_keeps_its_bytes_whatever_they_are() {
        let cases = [
            (Run::Retail, b"a;b".as_slice(), "raw", "a;b"),
            (Run::Wholesale, b"\xff\x00", "raw_base64", "/wA="),
        ];
        for (run, raw, name, value) in cases {
            let fault = Fault::new(Code::BadField, "start", b"x");
            let item =
                Suspense { fault: &fault, run, at: AT, offset: 9, len: 3, attempt: 0, first: Some(AT), raw };
            let line = json(|out| write_suspense(out, &item));
            assert_eq!(line["run"].as_str(), (run != Run::Retail).then_some("wholesale"));
            assert_eq!(line[name], value);
            assert_eq!(line["code"], "bad_field");
            assert_eq!(line["first"]["record"], 7);
        }
    }

    #[test]
    fn a_finished_file_shows_its_book() {
        let mut counts = Counts { entered: 3, rated: 1, duplicate: 1, ..Counts::default() };
        counts.add_code(Code::NoRate);
        let file = FileLine {
            file: "a",
            file_id: 1,
            octets: 10,
            content_hash: 0xAB,
            grown_from: Some(4),
            same_content_as: Some(0),
            declared: Some(Declared { records: 5, octets: None }),
            counts: &counts,
        };
        let line = json(|out| write_file(out, &file));
        assert_eq!(line["suspended"]["no_rate"], 1);
        assert_eq!(line["content_hash"], "00000000000000ab");
        assert_eq!(line["balanced"], true);
        assert_eq!(line["grown_from"], 4);
        assert_eq!(line["declared"], serde_json::json!({ "records": 5 }));
        let line = json(|out| write_duplicate(out, &AT, &AT));
        assert_eq!(line["first"]["file"], "msc-1/a.csv");
    }
}
