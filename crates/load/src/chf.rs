//! The story as records of a 5G charging function: one after the other in BER, without a file header.
//! Relies on the story of a gateway: packet data only, each record with one to three containers.
//! Never breaks the framing: what is wrong with a record is inside it.

use crate::files::{Files, Name};
use crate::folder;
use crate::manifest::Manifest;
use crate::options::Options;
use crate::row::{Damage, Item, Part, Row};
use crate::script::Script;
use crate::turn::Element;
use caudal_cdr::ber::{Writer, time};
use caudal_cdr::formats::chf::encode::{ChfRecord, PduSession, Subscriber, UnitUsage, UsedUnits};
use caudal_usage::LocalTime;

/// How the pipeline reads these records.
const PIPELINE: &str = r#"# A generated set: the records of ../input with the outcomes that ../manifest.json expects.
name = "generated-chf"
output = "out"
dedup = { window = "90 days" }

[[source]]
name = "chf"
format = "chf"
container = "ber"
directory = "../input"
complete = "renamed"
after = "keep"
numbers = { country = "34", national_prefix = "", international_prefix = "00" }
"#;

const NAME: Name = Name { stem: "chf", ending: "ber" };

/// Id of the charging function.
const FUNCTION: &str = "6f1c2d84-3b5a-4e97-8d21-0a9be4c57f36";

/// The function's clock stands two hours east of Greenwich.
const OFFSET_S: i32 = 7_200;

/// Writes the input files and returns what must come of them.
pub fn write(options: &Options) -> anyhow::Result<Manifest> {
    folder::write(options, PIPELINE)?;
    let mut files = Files::new(&options.out.join("input"), NAME, Vec::new(), options.records);
    let mut script = Script::new(options, Element::Gateway);
    let mut octets = Vec::with_capacity(1 << 10);
    for item in script.by_ref() {
        octets.clear();
        octets = render(&item, octets);
        files.record(&octets)?;
    }
    let (tally, reckoning) = script.finish();
    Ok(Manifest::new(files.finish()?, tally, &reckoning))
}

/// Appends one record.
fn render(item: &Item, octets: Vec<u8>) -> Vec<u8> {
    let record = record(&item.row, item.damage);
    let mut out = Writer::onto(octets);
    record.write(&mut out);
    let mut octets = out.into_bytes();
    if let Some(damage) = item.damage {
        spoil(&mut octets, &time::octets(record.opening), damage);
    }
    octets
}

/// The function's clock at an instant.
fn at(start_s: i64) -> LocalTime {
    LocalTime { local_ms: (start_s + i64::from(OFFSET_S)) * 1000, offset_s: Some(OFFSET_S) }
}

fn record(row: &Row, damage: Option<Damage>) -> ChfRecord {
    let by_number = row.salt.is_multiple_of(4);
    let subscriber = if by_number {
        Subscriber { kind: 0, data: format!("34{:09}", row.calling) }
    } else {
        Subscriber { kind: 1, data: format!("{:015}", row.imsi()) }
    };
    let number = u32::try_from(row.call).unwrap_or(u32::MAX);
    ChfRecord {
        function_id: FUNCTION.to_owned(),
        subscriber: Some(subscriber),
        functionality: 1,
        units: Some(units(row, damage)),
        opening: at(row.start_s),
        duration_s: u32::try_from(row.length_s()).unwrap_or(0),
        sequence: Some(row.sequence),
        cause: 0,
        local_sequence: Some(number),
        pdu_session: Some(PduSession {
            charging_id: number,
            session_id: 5,
            slice: Some((1, [0, 0, 1])),
            rat: Some(51),
            dnn: Some("internet".to_owned()),
            plmn: Some("21407".to_owned()),
        }),
        session_id: Some(format!("s-{}", row.call)),
        incomplete: None,
    }
}

/// Containers by rating group; some of the same group are reported by another user plane.
fn units(row: &Row, damage: Option<Damage>) -> Vec<UnitUsage> {
    let unit = |(number, part): (u32, Part)| {
        let uplink = part.octets / 5;
        let total = match damage {
            Some(Damage::Contradictory) => Some(part.octets + 1),
            _ => row.salt.is_multiple_of(2).then_some(part.octets),
        };
        let used = UsedUnits {
            service: Some(7),
            time: u32::try_from(part.length_s).ok(),
            trigger: None,
            total,
            uplink: Some(uplink),
            downlink: Some(part.octets - uplink),
            sequence: number,
            usage: Some((at(part.start_s), at(part.start_s + part.length_s))),
        };
        UnitUsage { rating_group: part.rating_group, used: vec![used], upf: Some(format!("upf-{number}")) }
    };
    (1..).zip(row.parts()).map(unit).collect()
}

/// Breaks the record at its opening time or in what stands behind it: duration [7], recordSequenceNumber [8].
fn spoil(octets: &mut [u8], opening: &[u8; 9], damage: Damage) {
    const TIME: [u8; 2] = [0x86, 9];
    let found = octets.windows(11).position(|window| window.starts_with(&TIME) && window.ends_with(opening));
    let Some((time, behind)) = found.and_then(|at| octets.get_mut(at..)?.split_at_mut_checked(11)) else {
        return;
    };
    match (damage, time, behind) {
        // A month 13.
        (Damage::BadDate, [_, _, _, month, ..], _) => *month = 0x13,
        // recordExtensions [12] instead.
        (Damage::MissingStart, [tag, ..], _) => *tag = 0x8C,
        // A duration below zero.
        (Damage::BadQuantity, _, [_, _, first, ..]) => *first = 0xFF,
        // A duration twice.
        (Damage::ExtraColumn, _, [_, length, rest @ ..]) => {
            if let Some(tag) = rest.get_mut(usize::from(*length)) {
                *tag = 0x87;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Format;
    use caudal_cdr::{Chf, ChfOptions, Format as Read, PgwContainer, Scratch};

    /// What is broken is refused under the code that the manifest counts it by, and nothing else is.
    #[test]
    fn records_read_back_unless_broken() {
        let options = Options::new(Format::Chf, 20_000, 3, "unused".into());
        let chf = ChfOptions { container: PgwContainer::Ber, ..ChfOptions::default() };
        let (format, mut scratch) = (Read::Chf(Chf::new(&chf)), Scratch::default());
        for item in Script::new(&options, Element::Gateway) {
            let octets = render(&item, Vec::new());
            let layout = format.open(&octets).unwrap();
            match (format.read(&layout, &octets, &mut scratch), item.damage) {
                (Ok(usage), None) => {
                    let octets: i64 = usage.parts.iter().map(|part| part.quantity).sum();
                    assert_eq!(octets.unsigned_abs(), item.row.quantity);
                }
                (Err(fault), Some(damage)) => assert_eq!(fault.code.as_str(), damage.code(), "{fault:?}"),
                (Ok(_), Some(damage)) => panic!("{damage:?} was read"),
                (Err(fault), None) => panic!("{fault:?}"),
            }
        }
    }
}
