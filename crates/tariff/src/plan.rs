//! One plan file into a plan version: header, allowances, recurring charges; rates are read next door.
//! Relies on tables, zones and calendars being read already; base plans and counters are linked by `compile`.
//! Never lets a key pass that it does not understand: what is not supported yet is refused by name.

use crate::bands::Calendars;
use crate::grammar;
use crate::model::{Allowance, Days, Every, PlanVersion, Recurring};
use crate::rate;
use crate::read::{At, Fields, Report};
use crate::sets::{Conditions, ZoneSet};
use crate::table::{RateTable, ZoneNames};
use caudal_usage::{CounterId, Currency, Direction, Rounding, RoundingMode, Service, Unit};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use toml::de::DeTable;

/// Most rates, allowances and recurring charges of one plan, each.
pub const ITEMS_MAX: usize = 500;

/// Longest id in a plan, in bytes.
pub const ID_MAX: usize = 64;

/// What plans refer to.
pub struct Context<'a> {
    /// Zones by name.
    pub zones: &'a ZoneNames,
    /// Rate tables, in the order of their paths.
    pub tables: &'a [RateTable],
    /// Holidays.
    pub calendars: &'a Calendars,
    /// Counter names, numbered as plans are read; renumbered at the end.
    pub counters: &'a RefCell<Vec<String>>,
}

impl Context<'_> {
    /// The number of a counter, given now, final after renumbering.
    pub fn counter(&self, plan: &str, kind: &str, id: &str) -> CounterId {
        let name = format!("{plan}/{kind}/{id}");
        let mut counters = self.counters.borrow_mut();
        let index = counters.iter().position(|known| *known == name).unwrap_or_else(|| {
            counters.push(name);
            counters.len() - 1
        });
        CounterId(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

/// A plan version as read, before plans are linked with each other.
pub struct Draft {
    /// The version; `base` and `version` are filled in when linked.
    pub version: PlanVersion,
    /// Where the file's id stands.
    pub at: usize,
    /// The base plan's id.
    pub base: Option<At<Box<str>>>,
    /// Where each rate stands.
    pub rates_at: Vec<usize>,
    /// Where each allowance stands, in the order of consumption.
    pub allowances_at: Vec<usize>,
    /// Tables that it uses, sorted.
    pub tables: BTreeSet<u32>,
    /// True when it depends on zones.
    pub uses_zones: bool,
    /// The calendar that it uses.
    pub uses_calendar: bool,
}

const LATER: &[&str] = &[
    "discount",
    "cap",
    "commitment",
    "minimum",
    "charge",
    "one_time",
    "promotion",
    "phase",
    "trial",
    "threshold",
    "round_over",
    "late",
    "allow_negative",
    "exchange",
];

/// Reads one plan file. `None` when what it is cannot be told; other findings stand in `report`.
pub fn read(report: &mut Report, context: &Context) -> Option<Draft> {
    let text = report.text;
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        report.error(error.span().map_or(0, |span| span.start), format!("not TOML: {message}"));
    }
    if !errors.is_empty() {
        return None;
    }
    let mut fields = Fields::new(document.get_ref(), 0);
    let head = read_head(report, &mut fields)?;
    let holidays = read_calendar(report, &mut fields, context);
    let mut ids = Ids { plan: head.id.value, seen: BTreeSet::new() };
    let rates = rate::read_all(report, &mut fields, &mut ids, context, &holidays);
    let (allowances, allowances_at) = read_allowances(report, &mut fields, &mut ids, context);
    let recurring = read_recurring(report, &mut fields, &mut ids);
    let base = fields.text(report, "base").map(|base| At { at: base.at, value: base.value.into() });
    fields.finish(report, LATER);
    if rates.list.is_empty() && base.is_none() {
        report.warning(
            head.id.at,
            "the plan has no rate and no base plan",
            "all its usage will be `no_rate`",
        );
    }
    let zoned = |when: &Conditions| when.zones.is_some();
    let uses_zones = rates.list.iter().any(|rate| zoned(&rate.when))
        || allowances.iter().any(|allowance| zoned(&allowance.when));
    Some(Draft {
        at: head.id.at,
        rates_at: rates.at,
        allowances_at,
        tables: rates.tables,
        uses_zones,
        uses_calendar: rates.uses_calendar,
        base,
        version: PlanVersion {
            plan: head.id.value.into(),
            name: head.name.into(),
            version: "".into(),
            currency: head.currency?,
            days: head.days,
            tax_category: head.tax_category.map(Into::into),
            gl_code: head.gl_code.map(Into::into),
            line_rounding: head.rounding.0,
            event_rounding: head.rounding.1,
            base: None,
            rates: rates.list.into_boxed_slice(),
            by_service: Default::default(),
            allowances: allowances.into_boxed_slice(),
            recurring: recurring.into_boxed_slice(),
        },
    })
}

struct Head<'t> {
    id: At<&'t str>,
    name: &'t str,
    currency: Option<Currency>,
    days: Days,
    tax_category: Option<&'t str>,
    gl_code: Option<&'t str>,
    rounding: (Rounding, Option<Rounding>),
}

fn read_head<'t>(report: &mut Report, fields: &mut Fields<'t, '_>) -> Option<Head<'t>> {
    let id = fields.needed(report, "id").filter(|id| check_id(report, id));
    let name = fields.needed(report, "name");
    let currency = fields.needed(report, "currency");
    let parsed = currency.as_ref().and_then(|code| Currency::parse(code.value));
    if let (Some(code), None) = (&currency, parsed) {
        let found: String = code.value.chars().take(20).collect();
        report.error(code.at, format!("`currency` is {found:?}, expected an ISO 4217 code such as \"EUR\""));
    }
    let from = fields.date(report, "valid_from");
    let to = fields.date(report, "valid_to");
    if from.is_none() && !fields.has("valid_from") {
        report.error(0, "`valid_from` is missing, expected a day such as 2026-01-01");
    }
    let days = Days::new(from.as_ref().map(|day| day.value), to.as_ref().map(|day| day.value));
    if let Some(to) = to.filter(|_| days.from >= days.to) {
        report.error(to.at, format!("`valid_to` is {}, expected a day after valid_from", to.value));
    }
    let tax_category = fields.text(report, "tax_category").map(|text| text.value);
    let gl_code = fields.text(report, "gl_code").map(|text| text.value);
    let rounding = read_rounding(report, fields);
    Some(Head { id: id?, name: name?.value, currency: parsed, days, tax_category, gl_code, rounding })
}

fn read_rounding(report: &mut Report, fields: &mut Fields) -> (Rounding, Option<Rounding>) {
    let Some(mut points) = fields.table(report, "rounding") else { return (Rounding::LINE, None) };
    let line = read_point(report, &mut points, "line").unwrap_or(Rounding::LINE);
    let event = read_point(report, &mut points, "event");
    points.finish(report, &["cycle"]);
    (line, event)
}

fn read_point(report: &mut Report, points: &mut Fields, key: &'static str) -> Option<Rounding> {
    let mut point = points.table(report, key)?;
    if !point.has("places") {
        report.error(point.at, "`places` is missing, expected a whole number from -12 to 12");
    }
    let places = point.number(report, "places", -12..=12);
    let mode = point.text(report, "mode");
    point.finish(report, &[]);
    let words = RoundingMode::WORDS;
    let known = match &mode {
        None => Some(RoundingMode::default()),
        Some(mode) => words.iter().find(|(word, _)| *word == mode.value).map(|(_, known)| *known),
    };
    if let (Some(mode), None) = (&mode, known) {
        let list = words.map(|(word, _)| word).join(", ");
        let found: String = mode.value.chars().take(20).collect();
        report.error(mode.at, format!("`mode` is {found:?}, expected one of: {list}"));
    }
    let places = i32::try_from(places?.value).ok()?;
    Some(Rounding { places, mode: known? })
}

/// Names a calendar of holidays.csv; with one calendar there, nothing need be said.
fn read_calendar(report: &mut Report, fields: &mut Fields, context: &Context) -> Option<Arc<[i32]>> {
    let Some(name) = fields.text(report, "holidays") else {
        let [(_, only)] = context.calendars.0.as_slice() else { return None };
        return Some(only.clone());
    };
    let found = context.calendars.get(name.value).cloned();
    if found.is_none() {
        let shown: String = name.value.chars().take(60).collect();
        let known = context.calendars.names().join(", ");
        report
            .error(name.at, format!("`holidays` is {shown:?}, expected a calendar of holidays.csv: {known}"));
    }
    found
}

/// The ids of one plan, which must differ among rates and among allowances, so that events name one thing.
pub struct Ids<'t> {
    /// Id of the plan.
    pub plan: &'t str,
    /// Ids so far, by kind.
    seen: BTreeSet<(&'static str, String)>,
}

impl Ids<'_> {
    /// Reads `id` of one item.
    pub fn read<'t>(
        &mut self,
        report: &mut Report,
        fields: &mut Fields<'t, '_>,
        kind: &'static str,
    ) -> Option<At<&'t str>> {
        let id = fields.needed(report, "id").filter(|id| check_id(report, id))?;
        if !self.seen.insert((kind, id.value.to_owned())) {
            report.error(id.at, format!("`id` is {:?}, which another {kind} of this plan has", id.value));
        }
        Some(id)
    }
}

fn check_id(report: &mut Report, id: &At<&str>) -> bool {
    let plain = id.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let fits = plain && id.value.len() <= ID_MAX;
    if !fits {
        let found: String = id.value.chars().take(ID_MAX).collect();
        let expected = "at most 64 letters a-z, digits, hyphens, dots and underscores";
        report.error(id.at, format!("`id` is {found:?}, expected {expected}"));
    }
    fits
}

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

const ALLOWANCE_LATER: &[&str] = &[
    "rollover",
    "increments",
    "price",
    "connection_fee",
    "shared",
    "pooled",
    "ratio",
    "expires",
    "prorated",
    "over_use",
    "notify",
    "cap",
];

fn read_allowances(
    report: &mut Report,
    fields: &mut Fields,
    ids: &mut Ids,
    context: &Context,
) -> (Vec<Allowance>, Vec<usize>) {
    let mut list = Vec::new();
    for mut item in fields.tables(report, "allowance", ITEMS_MAX) {
        let at = item.at;
        if let Some(allowance) = read_allowance(report, &mut item, ids, context) {
            list.push((allowance, at));
        }
        item.finish(report, ALLOWANCE_LATER);
    }
    // A stable sort: equal priorities stay in the order of the plan.
    list.sort_by_key(|(allowance, _)| allowance.priority);
    list.into_iter().unzip()
}

fn read_allowance(
    report: &mut Report,
    item: &mut Fields,
    ids: &mut Ids,
    context: &Context,
) -> Option<Allowance> {
    let id = ids.read(report, item, "allowance");
    let quantity_at = item.place("quantity");
    if !item.has("quantity") {
        report.error(item.at, "`quantity` is missing, e.g. quantity = \"20 GB\"");
    }
    let quantity = item.parsed(report, "quantity", grammar::quantity);
    let when = read_conditions(report, item, context);
    if let Some(refill) = item.text(report, "refill").filter(|refill| refill.value != "cycle") {
        let found: String = refill.value.chars().take(40).collect();
        report.error(
            refill.at,
            format!("`refill` is {found:?}, expected \"cycle\"; others are not supported yet"),
        );
    }
    let priority = read_priority(report, item);
    let (id, quantity, (when, unit)) = (id?, quantity?.value, when?);
    if quantity.unit != unit {
        let (found, expected) = (quantity.unit.as_str(), unit.as_str());
        report
            .error(quantity_at, format!("`quantity` counts {found}, expected {expected} for these services"));
        return None;
    }
    let counter = context.counter(ids.plan, "allowance", id.value);
    Some(Allowance { id: id.value.into(), when, quantity: quantity.units, unit, counter, priority })
}

const RECURRING_LATER: &[&str] =
    &["phases", "trial", "quantity", "per", "anchor", "at", "divisor", "cancel", "tax_category", "gl_code"];

fn read_recurring(report: &mut Report, fields: &mut Fields, ids: &mut Ids) -> Vec<Recurring> {
    let mut list = Vec::new();
    for mut item in fields.tables(report, "recurring", ITEMS_MAX) {
        let id = ids.read(report, &mut item, "recurring");
        for key in ["price", "every"] {
            if !item.has(key) {
                report.error(item.at, format!("`{key}` is missing"));
            }
        }
        let price_at = item.place("price");
        let price = item.parsed(report, "price", grammar::decimal);
        if price.as_ref().is_some_and(|price| price.value.is_sign_negative()) {
            report.error(price_at, "`price` is below zero, which is not supported yet");
        }
        let every = item.text(report, "every").and_then(|text| {
            let every = read_every(text.value);
            if every.is_none() {
                let found: String = text.value.chars().take(40).collect();
                let message =
                    format!("`every` is {found:?}, expected a period such as \"1 month\" or \"7 days\"");
                report.error(text.at, message);
            }
            every
        });
        let in_advance = read_choice(report, &mut item, "billed", ["in_advance", "in_arrears"]);
        let by_day = read_choice(report, &mut item, "proration", ["by_day", "none"]);
        item.finish(report, RECURRING_LATER);
        if let (Some(id), Some(price), Some(every)) = (id, price, every) {
            list.push(Recurring { id: id.value.into(), amount: price.value, every, in_advance, by_day });
        }
    }
    list
}

/// True for the first of two words, which is also the default.
fn read_choice(report: &mut Report, item: &mut Fields, key: &'static str, words: [&str; 2]) -> bool {
    let [first, second] = words;
    let Some(text) = item.text(report, key) else { return true };
    if text.value != first && text.value != second {
        let found: String = text.value.chars().take(40).collect();
        report.error(text.at, format!("`{key}` is {found:?}, expected {first:?} or {second:?}"));
    }
    text.value == first
}

fn read_every(text: &str) -> Option<Every> {
    let (count, unit) = text.split_once(' ')?;
    let count = count.parse::<u32>().ok().filter(|count| (1..=1000).contains(count))?;
    match unit {
        "day" | "days" => Some(Every::Days(count)),
        "week" | "weeks" => Some(Every::Weeks(count)),
        "month" | "months" => Some(Every::Months(count)),
        "year" | "years" => Some(Every::Years(count)),
        _ => None,
    }
}
