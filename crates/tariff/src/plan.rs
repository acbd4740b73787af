//! One plan file into a plan version: the header here, its rates, allowances and recurring charges next door.
//! Relies on tables, zones and calendars being read already; base plans and counters are linked by `compile`.
//! Never lets a key pass that it does not understand: what is not supported yet is refused by name.

use crate::allowance;
use crate::bands::Calendars;
use crate::model::{Days, PlanVersion};
use crate::rate;
use crate::read::{At, Fields, Report};
use crate::recurring;
use crate::sets::Conditions;
use crate::table::{RateTable, ZoneNames};
use caudal_usage::{CounterId, Currency, Rounding, RoundingMode};
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
    let (allowances, allowances_at) = allowance::read_all(report, &mut fields, &mut ids, context);
    let recurring = recurring::read_all(report, &mut fields, &mut ids);
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
