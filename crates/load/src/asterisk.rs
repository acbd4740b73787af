//! The story as rows of Asterisk's `Master.csv`: 16 to 21 quoted columns, as the configuration of the PBX goes.
//! Relies on the story of a PBX: calls only, each in one row; the chargeable start is the answer.
//! Never writes the order of `cdr_custom`: a file has one order, and repeated rows go to any file.

use crate::files::{Files, Name};
use crate::folder;
use crate::manifest::Manifest;
use crate::numbering::Zone;
use crate::options::Options;
use crate::row::{Cause, Damage, Item, Row};
use crate::script::Script;
use crate::text::{Clock, number};
use crate::turn::{self, Element};

/// How the pipeline reads these rows.
const PIPELINE: &str = r#"# A generated set: the rows of ../input with the outcomes that ../manifest.json expects.
name = "generated-asterisk"
output = "out"
dedup = { window = "90 days" }

[[source]]
name = "pbx"
format = "asterisk"
directory = "../input"
complete = "renamed"
after = "keep"
time_zone = "Etc/UTC"
numbers = { country = "34", national_prefix = "", international_prefix = "00" }
"#;

const NAME: Name = Name { stem: "Master", ending: "csv" };

/// Words for a call that was not answered.
const NOT_ANSWERED: [&str; 4] = ["NO ANSWER", "BUSY", "FAILED", "CONGESTION"];

/// Columns that are left of a row that breaks off.
const COLUMNS_LEFT: usize = 12;

/// Writes the input files and returns what must come of them.
pub fn write(options: &Options) -> anyhow::Result<Manifest> {
    folder::write(options, PIPELINE)?;
    let mut files = Files::new(&options.out.join("input"), NAME, Vec::new(), options.records);
    let mut script = Script::new(options, Element::Pbx);
    let mut line = Vec::with_capacity(1 << 10);
    for item in script.by_ref() {
        line.clear();
        render(&item, turn::columns(item.row.call, options.records), &mut line);
        files.record(&line)?;
    }
    let (tally, reckoning) = script.finish();
    Ok(Manifest::new(files.finish()?, tally, &reckoning))
}

/// One row of so many columns with its end.
fn render(item: &Item, columns: usize, line: &mut Vec<u8>) {
    let row = &item.row;
    let columns = match item.damage {
        Some(Damage::MissingColumns) => COLUMNS_LEFT,
        Some(Damage::ExtraColumn) => 22,
        _ => columns,
    };
    parties(row, line);
    channels(row, line);
    times(item, line);
    if columns >= 16 {
        counts(item, line);
        names(row, columns, line);
    } else {
        // The last column, without its comma.
        line.pop();
    }
    if columns == 22 {
        line.push(b',');
    }
    line.push(b'\n');
}

/// A quoted column and its comma.
fn quoted(line: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    line.push(b'"');
    write(line);
    line.extend_from_slice(b"\",");
}

fn word(line: &mut Vec<u8>, text: &str) {
    quoted(line, |line| line.extend_from_slice(text.as_bytes()));
}

fn called(row: &Row, line: &mut Vec<u8>) {
    if matches!(row.called.zone, Zone::Abroad(_) | Zone::Nowhere) {
        line.extend_from_slice(b"00");
    }
    number(line, row.called.digits, 1);
}

/// accountcode, src, dst, dcontext, clid.
fn parties(row: &Row, line: &mut Vec<u8>) {
    word(line, "office");
    quoted(line, |line| number(line, row.calling, 9));
    quoted(line, |line| called(row, line));
    word(line, "from-internal");
    quoted(line, |line| {
        line.extend_from_slice("\"\"Extensión ".as_bytes());
        number(line, u64::from(row.subscription % 1_000), 3);
        line.extend_from_slice(b"\"\" <");
        number(line, row.calling, 9);
        line.push(b'>');
    });
}

/// channel, dstchannel, lastapp, lastdata. The second half of a Local channel repeats the call of the first.
fn channels(row: &Row, line: &mut Vec<u8>) {
    quoted(line, |line| {
        line.extend_from_slice(if row.test { b"Local/" } else { b"PJSIP/" });
        number(line, u64::from(row.subscription % 1_000), 3);
        line.push(b'-');
        number(line, row.call, 10);
        if row.test {
            line.extend_from_slice(b";2");
        }
    });
    quoted(line, |line| {
        line.extend_from_slice(b"PJSIP/trunk-");
        number(line, row.salt % 100_000_000, 8);
    });
    word(line, "Dial");
    quoted(line, |line| {
        line.extend_from_slice(b"PJSIP/");
        called(row, line);
        line.extend_from_slice(b"@trunk,60,tT");
    });
}

/// Seconds that it rang before the answer.
fn ring_s(row: &Row) -> u64 {
    1 + row.salt % 30
}

/// start, answer, end.
fn times(item: &Item, line: &mut Vec<u8>) {
    let row = &item.row;
    let seconds = |count: u64| i64::try_from(count).unwrap_or(0);
    let start_s = row.start_s - seconds(ring_s(row));
    match item.damage {
        Some(Damage::MissingStart) => word(line, ""),
        damage => time(line, start_s, damage),
    }
    if row.cause == Cause::Unsuccessful || item.damage == Some(Damage::Contradictory) {
        // A missing answer is empty and unquoted.
        line.push(b',');
    } else {
        time(line, row.start_s, None);
    }
    time(line, row.start_s + seconds(row.quantity), None);
}

fn time(line: &mut Vec<u8>, at_s: i64, damage: Option<Damage>) {
    let clock = Clock::of(at_s);
    let month = if damage == Some(Damage::BadDate) { 13 } else { clock.month };
    quoted(line, |line| {
        number(line, clock.year, 4);
        for (before, part) in
            [(b'-', month), (b'-', clock.day), (b' ', clock.hour), (b':', clock.minute), (b':', clock.second)]
        {
            line.push(before);
            number(line, part, 2);
        }
    });
}

/// duration, billsec, disposition, amaflags. Asterisk truncates duration and billsec each on its own.
fn counts(item: &Item, line: &mut Vec<u8>) {
    let row = &item.row;
    let truncated = u64::from(row.salt.is_multiple_of(3)).min(ring_s(row) - 1);
    number(line, ring_s(row) + row.quantity - truncated, 1);
    line.push(b',');
    number(line, row.quantity, 1);
    if item.damage == Some(Damage::BadQuantity) {
        line.push(b'x');
    }
    line.push(b',');
    let not_answered = row.cause == Cause::Unsuccessful || item.damage == Some(Damage::Contradictory);
    let kind = usize::try_from(row.salt % 4).unwrap_or(0);
    word(line, if not_answered { NOT_ANSWERED[kind] } else { "ANSWERED" });
    word(line, "DOCUMENTATION");
    // The comma belongs to the next column, which may not be there.
    line.pop();
}

/// Unique id, user field, peer account, linked id, sequence, as far as there are so many columns.
fn names(row: &Row, columns: usize, line: &mut Vec<u8>) {
    let unique = |line: &mut Vec<u8>| {
        // Two calls share a unique id, as the branches of a forked call do; the sequence tells them apart.
        line.extend_from_slice(b",\"1788220800.");
        number(line, row.call / 2, 1);
        line.push(b'"');
    };
    if matches!(columns, 17 | 18 | 20..) {
        unique(line);
    }
    if matches!(columns, 18 | 21..) {
        line.extend_from_slice(b",\"\"");
    }
    if columns >= 19 {
        line.extend_from_slice(b",\"\"");
        unique(line);
        line.push(b',');
        number(line, row.call, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Format;
    use std::collections::BTreeSet;

    #[test]
    fn rows_have_the_columns_that_they_should() {
        let options = Options::new(Format::Asterisk, 20_000, 3, "unused".into());
        let mut line = Vec::new();
        let mut seen = BTreeSet::new();
        for item in Script::new(&options, Element::Pbx) {
            line.clear();
            let columns = turn::columns(item.row.call, options.records);
            render(&item, columns, &mut line);
            let text = String::from_utf8_lossy(&line);
            let inside = text.split('"').step_by(2).map(|part| part.matches(',').count()).sum::<usize>() + 1;
            let expected = match item.damage {
                Some(Damage::MissingColumns) => COLUMNS_LEFT,
                Some(Damage::ExtraColumn) => 22,
                _ => columns,
            };
            assert_eq!(inside, expected, "{text}");
            seen.insert(inside);
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [12, 16, 17, 18, 19, 20, 21, 22]);
    }
}
