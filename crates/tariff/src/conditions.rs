//! `applies_to` and `priority` of rates, allowances, discounts and meters.
//! Relies on zones being interned already; attribute values and accounts are interned here.
//! Never lets a condition stand that no usage could fulfil.

use crate::bands::{BandTimes, Week};
use crate::grammar;
use crate::numbers::SPECIAL;
use crate::plan::Context;
use crate::rate_model::TimeBase;
use crate::read::{At, Fields, Report};
use crate::sets::{Conditions, MoreConditions, ZoneSet};
use caudal_usage::{Direction, Service, Unit};

/// Conditions as read, with what the reader of the item needs besides.
pub struct Applies {
    /// The conditions.
    pub when: Conditions,
    /// The base unit of all its services; absent where they differ.
    pub unit: Option<Unit>,
    /// Names of bands.
    pub bands: Option<Box<[Box<str>]>>,
    /// Where it stands.
    pub at: usize,
}

/// Attributes that are conditions of their own, with the names that they may have in a usage.
const NAMED: [(&str, &str); 4] = [("apn", "apn"), ("dnn", "dnn"), ("rat", "rat_type"), ("qos", "qos")];

/// Most attributes that one item names.
const ATTRIBUTES_MAX: usize = 16;

/// Reads `applies_to`, which must be there and name a service.
pub fn read_needed(
    report: &mut Report,
    fields: &mut Fields,
    context: &Context,
    time: TimeBase,
) -> Option<Applies> {
    if !fields.has("applies_to") {
        report.error(fields.at, "`applies_to` is missing, e.g. applies_to = { service = \"voice\" }");
    }
    let table = fields.table(report, "applies_to")?;
    if !table.has("service") {
        let all = Service::ALL.map(Service::as_str).join(", ");
        report.error(table.at, format!("`service` is missing, expected one or more of: {all}"));
    }
    read_table(report, table, context, time)
}

/// Reads `applies_to` where it may be absent: then it holds for all usage.
pub fn read_optional(
    report: &mut Report,
    fields: &mut Fields,
    context: &Context,
    time: TimeBase,
) -> Option<Applies> {
    let at = fields.at;
    match fields.table(report, "applies_to") {
        Some(table) => read_table(report, table, context, time),
        None => Some(Applies { when: Conditions::any(), unit: None, bands: None, at }),
    }
}

/// Reads conditions from their table.
pub fn read_table(
    report: &mut Report,
    mut table: Fields,
    context: &Context,
    time: TimeBase,
) -> Option<Applies> {
    let at = table.at;
    let services = read_services(report, &mut table);
    let directions = read_directions(report, &mut table);
    let zones_at = table.place("zone");
    let zones = read_zones(report, &mut table, context, "zone");
    let rating_groups = table.numbers(report, "rating_group").map(sorted);
    let groups_at = table.place("rating_group");
    let more = read_more(report, &mut table, context, time);
    let bands = table.words(report, "band").map(|words| words.iter().map(|word| word.value.into()).collect());
    table.finish(report, &[]);
    let services = services?;
    let mut units =
        Service::ALL.into_iter().filter(|service| services & Conditions::service_bit(*service) != 0);
    let first = units.next()?.unit();
    let unit = units.all(|service| service.unit() == first).then_some(first);
    if zones.is_some() && unit == Some(Unit::Octet) && !context.has_networks {
        report.hinted(
            zones_at,
            "`zone` of data is that of the serving network, and there is no networks.csv",
            "add networks.csv with the columns network,zone,valid_from,valid_to",
        );
    }
    if rating_groups.is_some() && unit != Some(Unit::Octet) {
        report.error(groups_at, "`rating_group` never holds here, expected it for data only");
    }
    let when = Conditions { services, directions, zones, rating_groups, more };
    Some(Applies { when, unit, bands, at })
}

fn sorted(mut numbers: Vec<u32>) -> Box<[u32]> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_boxed_slice()
}

fn read_zones(
    report: &mut Report,
    table: &mut Fields,
    context: &Context,
    key: &'static str,
) -> Option<ZoneSet> {
    let words = table.words(report, key)?;
    let found = words.iter().filter_map(|word| {
        let zone = context.zones.get(word.value);
        if zone.is_none() {
            let name: String = word.value.chars().take(60).collect();
            let hint = "add a prefix for it";
            report.hinted(word.at, format!("zone {name:?} is not in zones.csv or networks.csv"), hint);
        }
        zone
    });
    Some(ZoneSet::of(found))
}

fn read_more(
    report: &mut Report,
    table: &mut Fields,
    context: &Context,
    time: TimeBase,
) -> Option<Box<MoreConditions>> {
    let origin_zones = read_zones(report, table, context, "origin_zone");
    let roaming_at = table.place("roaming_zone");
    let roaming_zones = read_zones(report, table, context, "roaming_zone");
    if roaming_zones.is_some() && !context.has_networks {
        report.error(roaming_at, "`roaming_zone` never holds: there is no networks.csv");
    }
    let on_net = table.flag(report, "on_net").map(|flag| flag.value);
    let special = table.words(report, "special").map(|words| {
        let bit = |word: &str| SPECIAL.iter().position(|known| *known == word).map(|index| 1u8 << index);
        read_bits(report, &words, &SPECIAL.join(", "), bit)
    });
    let attributes = read_attributes(report, table, context);
    let accounts = table.words(report, "account").map(|words| {
        let mut known = context.words.borrow_mut();
        sorted(words.iter().map(|word| known.account(word.value)).collect())
    });
    let times = read_times(report, table, context).map(|week| (time, week));
    let more = MoreConditions { origin_zones, roaming_zones, on_net, special, attributes, accounts, times };
    let said = ["origin_zone", "roaming_zone", "on_net", "special", "attribute", "account", "days", "hours"];
    let said = said.into_iter().chain(NAMED.map(|(key, _)| key)).any(|key| table.has(key));
    said.then(|| Box::new(more))
}

fn read_attributes(report: &mut Report, table: &mut Fields, context: &Context) -> Vec<(u32, Box<[u32]>)> {
    let mut known = context.words.borrow_mut();
    let mut list = Vec::new();
    let mut add = |name: &str, words: Vec<At<&str>>| {
        let name = known.name(name);
        list.push((name, sorted(words.iter().map(|word| known.value(word.value)).collect())));
    };
    for (key, name) in NAMED {
        if let Some(words) = table.words(report, key) {
            add(name, words);
        }
    }
    if let Some(attributes) = table.table(report, "attribute") {
        for (name, words) in attributes.every_words(report, ATTRIBUTES_MAX) {
            add(name, words);
        }
    }
    list.sort_by_key(|(name, _)| *name);
    list
}

/// `days` and `hours` as a week whose band 0 they are.
fn read_times(report: &mut Report, table: &mut Fields, context: &Context) -> Option<Week> {
    let at = table.place("days");
    let days = table.parsed(report, "days", grammar::days).map(|days| days.value);
    let hours = table.parsed(report, "hours", grammar::hours).map(|hours| hours.value);
    if days.is_none() && hours.is_none() {
        return None;
    }
    let bands = [BandTimes { days, hours }, BandTimes { days: None, hours: None }];
    let named = Week::names_holidays(&bands);
    if named && context.holidays.is_none() {
        let hint = "name the calendar in the plan: holidays = \"…\"";
        report.hinted(at, "`days` names holidays, but no calendar is chosen", hint);
    }
    context.uses_calendar.set(context.uses_calendar.get() | named);
    Week::compile(&bands, context.holidays.as_deref().unwrap_or(&[])).ok()
}

fn read_services(report: &mut Report, table: &mut Fields) -> Option<u8> {
    let all = Service::ALL.map(Service::as_str).join(", ");
    let Some(words) = table.words(report, "service") else {
        return (!table.has("service")).then_some(Conditions::ANY_SERVICE);
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

/// Reads the priority of an item: 1 comes first; 100 where nothing is said.
pub fn read_priority(report: &mut Report, fields: &mut Fields) -> u32 {
    let priority = fields.number(report, "priority", 1..=1_000_000);
    priority.and_then(|number| u32::try_from(number.value).ok()).unwrap_or(100)
}
