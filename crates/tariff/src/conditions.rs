//! `applies_to` and `priority` of a rate or an allowance.
//! Relies on zones being interned already.
//! Never lets a condition stand that no usage could fulfil.

use crate::plan::Context;
use crate::read::{At, Fields, Report};
use crate::sets::{Conditions, ZoneSet};
use caudal_usage::{Direction, Service, Unit};

const CONDITIONS_LATER: &[&str] = &[
    "on_net",
    "origin_zone",
    "roaming_zone",
    "serving_network",
    "special",
    "apn",
    "dnn",
    "rat",
    "qos",
    "band",
    "account",
    "attribute",
];

/// Reads `applies_to`. All its services must count in one base unit, which is returned with it.
pub fn read_conditions(
    report: &mut Report,
    fields: &mut Fields,
    context: &Context,
) -> Option<(Conditions, Unit)> {
    if !fields.has("applies_to") {
        report.error(fields.at, "`applies_to` is missing, e.g. applies_to = { service = \"voice\" }");
    }
    let mut table = fields.table(report, "applies_to")?;
    let at = table.at;
    let services = read_services(report, &mut table);
    let directions = read_directions(report, &mut table);
    let zones_at = table.place("zone");
    let zones = table.words(report, "zone").map(|words| {
        let found = words.iter().filter_map(|word| {
            let zone = context.zones.get(word.value);
            if zone.is_none() {
                let name: String = word.value.chars().take(60).collect();
                report.hinted(word.at, format!("zone {name:?} is not in zones.csv"), "add a prefix for it");
            }
            zone
        });
        ZoneSet::of(found)
    });
    let groups = table.numbers(report, "rating_group").map(|mut groups| {
        groups.sort_unstable();
        groups.dedup();
        groups.into_boxed_slice()
    });
    let groups_at = table.place("rating_group");
    table.finish(report, CONDITIONS_LATER);
    let services = services?;
    let mut units =
        Service::ALL.into_iter().filter(|service| services & Conditions::service_bit(*service) != 0);
    let unit = units.next()?.unit();
    if units.any(|service| service.unit() != unit) {
        report.error(at, "services that count in different units, expected one rate for each");
    }
    if zones.is_some() && unit == Unit::Octet {
        report.error(
            zones_at,
            "`zone` for data is not supported yet: a zone is that of the far party's number",
        );
    }
    if groups.is_some() && unit != Unit::Octet {
        report.error(groups_at, "`rating_group` never holds here, expected it for data only");
    }
    Some((Conditions { services, directions, zones, rating_groups: groups }, unit))
}

fn read_services(report: &mut Report, table: &mut Fields) -> Option<u8> {
    let all = Service::ALL.map(Service::as_str).join(", ");
    let Some(words) = table.words(report, "service") else {
        report.error(table.at, format!("`service` is missing, expected one or more of: {all}"));
        return None;
    };
    let bits = read_bits(report, &words, &all, |word| Service::parse(word).map(Conditions::service_bit));
    (bits != 0).then_some(bits)
}

fn read_directions(report: &mut Report, table: &mut Fields) -> u8 {
    let Some(words) = table.words(report, "direction") else { return Conditions::BOTH };
    let bits = |word: &str| Direction::parse(word).map(Conditions::direction_bit);
    read_bits(report, &words, "out, in", bits)
}

fn read_bits(report: &mut Report, words: &[At<&str>], all: &str, bit: impl Fn(&str) -> Option<u8>) -> u8 {
    let mut bits = 0;
    for word in words {
        match bit(word.value) {
            Some(one) => bits |= one,
            None => {
                let found: String = word.value.chars().take(40).collect();
                report.error(word.at, format!("found {found:?}, expected one of: {all}"));
            }
        }
    }
    bits
}

/// Reads the priority of a rate or an allowance: 1 comes first; 100 where nothing is said.
pub fn read_priority(report: &mut Report, fields: &mut Fields) -> u32 {
    let priority = fields.number(report, "priority", 1..=1_000_000);
    priority.and_then(|number| u32::try_from(number.value).ok()).unwrap_or(100)
}
