//! The story as delimited text: a header, then lines of exactly 240 bytes with 20 columns, line end included.
//! Relies on the story for what is in them; writes into one reused buffer.
//! Never quotes: no value holds a separator.

use crate::files::{Files, Name};
use crate::folder;
use crate::manifest::Manifest;
use crate::numbering::Zone;
use crate::options::Options;
use crate::random::mix;
use crate::row::{Cause, Damage, Item, Row, Service};
use crate::script::Script;
use crate::text::{Clock, number};
use crate::turn::Element;

/// The columns, in order.
pub const COLUMNS: [&str; 20] = [
    "node",
    "call_id",
    "sequence",
    "record_type",
    "service",
    "start_time",
    "utc_offset",
    "duration_s",
    "octets",
    "a_number",
    "b_number",
    "imsi",
    "imei",
    "cell",
    "trunk_in",
    "trunk_out",
    "cause",
    "rating_group",
    "answered",
    "reference",
];

/// Octets of a line, its end included.
const LINE_OCTETS: usize = 240;

/// How the pipeline reads these lines.
const PIPELINE: &str = r#"# A generated set: the lines of ../input with the outcomes that ../manifest.json expects.
name = "generated-delimited"
output = "out"
dedup = { window = "90 days" }

[[source]]
name = "switch"
format = "delimited"
directory = "../input"
complete = "renamed"
after = "keep"
time_zone = "Etc/UTC"
numbers = { country = "34", national_prefix = "", international_prefix = "00" }
separator = ";"
header = true
key = ["node", "call_id", "sequence"]
billed = ["start", "duration", "volume", "calling", "called"]
partial = { session = ["node", "call_id"], sequence = "sequence", last = { cause = "0" } }
fields = [
  { to = "service",      from = "service",      type = "word" },
  { to = "record_type",  from = "record_type",  type = "word", map = { MOC = "moc", TST = "moc", SMO = "sms_mo", PGW = "data" } },
  { to = "start",        from = "start_time",   type = "time", format = "%Y%m%d%H%M%S" },
  { to = "duration",     from = "duration_s",   type = "duration", unit = "s", optional = true },
  { to = "volume",       from = "octets",       type = "volume", unit = "octets", optional = true },
  { to = "calling",      from = "a_number",     type = "number" },
  { to = "called",       from = "b_number",     type = "number", optional = true },
  { to = "served_imsi",  from = "imsi",         type = "imsi" },
  { to = "rating_group", from = "rating_group", type = "integer", optional = true },
]
filter = [
  { when = { answered = "0" }, code = "unanswered" },
  { when = { record_type = "TST" }, code = "not_billable" },
]
"#;

const NAME: Name = Name { stem: "switch", ending: "csv" };

/// Columns that are left of a line that breaks off.
const COLUMNS_LEFT: usize = 9;

/// Writes the input files and returns what must come of them.
pub fn write(options: &Options) -> anyhow::Result<Manifest> {
    folder::write(options, PIPELINE)?;
    let header = COLUMNS.join(";") + "\n";
    let mut files = Files::new(&options.out.join("input"), NAME, header.into_bytes(), options.records);
    let mut script = Script::new(options, Element::Mobile);
    let mut line = Vec::with_capacity(2 * LINE_OCTETS);
    for item in script.by_ref() {
        line.clear();
        render(&item, &mut line);
        files.record(&line)?;
    }
    let (tally, reckoning) = script.finish();
    Ok(Manifest::new(files.finish()?, tally, &reckoning))
}

/// One line with its end.
fn render(item: &Item, line: &mut Vec<u8>) {
    let row = &item.row;
    if item.damage == Some(Damage::EmptyKey) {
        line.extend_from_slice(b";;;");
    } else {
        line.extend_from_slice(b"msc-");
        number(line, u64::from(row.node), 2);
        line.push(b';');
        number(line, row.call, 10);
        line.push(b';');
        number(line, u64::from(row.sequence), 1);
        line.push(b';');
    }
    line.extend_from_slice(record_type(row));
    line.push(b';');
    line.extend_from_slice(row.service.as_str().as_bytes());
    line.push(b';');
    if item.damage != Some(Damage::MissingStart) {
        start(line, row.start_s, item.damage);
    }
    line.extend_from_slice(b";+0000;");
    usage(line, row, item.damage);
    if item.damage == Some(Damage::MissingColumns) {
        debug_assert_eq!(line.iter().filter(|&&byte| byte == b';').count(), COLUMNS_LEFT);
        line.push(b'\n');
        return;
    }
    parties(line, row);
    details(line, row);
    if item.damage == Some(Damage::ExtraColumn) {
        line.push(b';');
    }
    reference(line, row.salt);
}

fn record_type(row: &Row) -> &'static [u8] {
    match (row.test, row.service) {
        (true, _) => b"TST",
        (_, Service::Voice) => b"MOC",
        (_, Service::Sms) => b"SMO",
        (_, Service::Data) => b"PGW",
    }
}

/// `yyyymmddHHMMSS`, UTC.
fn start(line: &mut Vec<u8>, start_s: i64, damage: Option<Damage>) {
    let clock = Clock::of(start_s);
    let month = if damage == Some(Damage::BadDate) { 13 } else { clock.month };
    number(line, clock.year, 4);
    for part in [month, clock.day, clock.hour, clock.minute, clock.second] {
        number(line, part, 2);
    }
}

/// Duration and octets, each with its separator; a message has neither.
fn usage(line: &mut Vec<u8>, row: &Row, damage: Option<Damage>) {
    if row.service == Service::Voice {
        number(line, row.quantity, 1);
        if damage == Some(Damage::BadQuantity) {
            line.push(b'x');
        }
    }
    line.push(b';');
    if row.service == Service::Data {
        number(line, row.quantity, 1);
    }
    line.push(b';');
}

fn parties(line: &mut Vec<u8>, row: &Row) {
    number(line, row.calling, 9);
    line.push(b';');
    if row.service != Service::Data {
        if matches!(row.called.zone, Zone::Abroad(_) | Zone::Nowhere) {
            line.extend_from_slice(b"00");
        }
        number(line, row.called.digits, 1);
    }
    line.push(b';');
    number(line, row.imsi(), 15);
    line.push(b';');
}

/// Columns that say where and how: IMEI, cell, trunks, cause, rating group, answered.
fn details(line: &mut Vec<u8>, row: &Row) {
    line.extend_from_slice(b"35");
    number(line, mix(u64::from(row.subscription)) % 10_000_000_000_000, 13);
    line.extend_from_slice(b";001-01-");
    number(line, row.salt % 60_000, 5);
    line.push(b'-');
    number(line, row.salt / 60_000 % 60_000, 5);
    line.extend_from_slice(b";TI");
    number(line, row.salt % 512, 4);
    line.extend_from_slice(b";TO");
    number(line, row.salt / 512 % 512, 4);
    line.push(b';');
    number(line, row.cause as u64, 1);
    line.push(b';');
    if row.service == Service::Data {
        number(line, 10 * (1 + row.salt % 3), 1);
    }
    line.push(b';');
    line.push(if row.cause == Cause::Unsuccessful { b'0' } else { b'1' });
    line.push(b';');
}

/// A correlation reference that fills the line.
fn reference(line: &mut Vec<u8>, salt: u64) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut word = mix(salt);
    let mut left = 16;
    while line.len() < LINE_OCTETS - 1 {
        if left == 0 {
            word = mix(word);
            left = 16;
        }
        left -= 1;
        line.push(HEX[usize::from((word >> (4 * left)) as u8 & 0xF)]);
    }
    line.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Format;

    #[test]
    fn lines_have_240_bytes_and_20_columns_unless_broken() {
        let options = Options::new(Format::Delimited, 20_000, 3, "unused".into());
        let mut line = Vec::new();
        for item in Script::new(&options, Element::Mobile) {
            line.clear();
            render(&item, &mut line);
            let columns = line.iter().filter(|&&byte| byte == b';').count() + 1;
            let text = String::from_utf8_lossy(&line);
            match item.damage {
                Some(Damage::MissingColumns) => assert_eq!(columns, COLUMNS_LEFT + 1, "{text}"),
                Some(Damage::ExtraColumn) => assert_eq!((columns, line.len()), (21, LINE_OCTETS), "{text}"),
                _ => assert_eq!((columns, line.len()), (20, LINE_OCTETS), "{text}"),
            }
        }
    }
}
