//! One plan file into a plan version: the header here, its rates, allowances and recurring charges next door.
//! Relies on tables, zones and calendars being read already; base plans and counters are linked by `compile`.
//! Never lets a key pass that it does not understand: what is not supported yet is refused by name.

use crate::allowance::{self, Allowance};
use crate::bands::Calendars;
use crate::charges::{self, Cap, Capacity, Commitment};
use crate::discount::{self, Discount};
use crate::model::{Days, PlanVersion, Recurring, RoundingPoints};
use crate::rate::{self, Rates};
use crate::rate_model::TimeBase;
use crate::read::{At, Fields, Report};
use crate::recurring;
use crate::sets::Words;
use crate::table::{RateTable, ZoneNames};
use caudal_usage::{CounterId, Currency, Rounding, RoundingMode, TimeZone};
use hashbrown::HashMap;
use std::cell::{Cell, RefCell};
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
    /// True when networks have zones.
    pub has_networks: bool,
    /// Rate tables, in the order of their paths.
    pub tables: &'a [RateTable],
    /// Holidays by calendar.
    pub calendars: &'a Calendars,
    /// Counter names, numbered as plans are read; renumbered at the end.
    pub counters: &'a RefCell<Counters>,
    /// Attribute values and accounts that conditions name.
    pub words: &'a RefCell<Words>,
    /// Holidays of the plan at hand.
    pub holidays: Option<Arc<[i32]>>,
    /// True once something of the plan at hand depends on its holidays.
    pub uses_calendar: Cell<bool>,
}

/// Counters by their stable names.
#[derive(Debug, Default)]
pub struct Counters {
    numbers: HashMap<String, u32>,
}

impl Counters {
    /// Names in the order of their numbers.
    pub fn into_names(self) -> Vec<String> {
        let mut names = vec![String::new(); self.numbers.len()];
        for (name, number) in self.numbers {
            if let Some(slot) = names.get_mut(number as usize) {
                *slot = name;
            }
        }
        names
    }
}

impl Context<'_> {
    /// The number of a counter, given now, final after renumbering.
    pub fn counter(&self, plan: &str, kind: &str, id: &str) -> CounterId {
        let numbers = &mut self.counters.borrow_mut().numbers;
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        CounterId(*numbers.entry(format!("{plan}/{kind}/{id}")).or_insert(next))
    }

    /// The same for one plan, with its holidays.
    fn of_plan(&self, holidays: Option<Arc<[i32]>>) -> Context<'_> {
        Context { holidays, uses_calendar: Cell::new(false), ..*self }
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
    /// True when something depends on its holidays.
    pub uses_calendar: bool,
    /// Rates that scopes name.
    pub rates_named: Vec<At<String>>,
}

/// Reads one plan file. `None` when what it is cannot be told; other findings stand in `report`.
pub fn read(report: &mut Report, shared: &Context) -> Option<Draft> {
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
    let context = shared.of_plan(read_calendar(report, &mut fields, shared));
    let mut ids = Ids { plan: head.id.value, seen: BTreeSet::new(), rates_named: Vec::new() };
    let items = read_items(report, &mut fields, &mut ids, (&context, &head));
    let base = fields.text(report, "base").map(|base| At { at: base.at, value: base.value.into() });
    fields.finish(report, &[]);
    if items.rates.list.is_empty() && base.is_none() {
        report.warning(
            head.id.at,
            "the plan has no rate and no base plan",
            "all its usage will be `no_rate`",
        );
    }
    let adjusts = items.adjust();
    Some(Draft {
        at: head.id.at,
        rates_at: items.rates.at,
        rates_named: ids.rates_named,
        allowances_at: items.allowances_at,
        tables: items.rates.tables,
        uses_calendar: context.uses_calendar.get(),
        base,
        version: PlanVersion {
            plan: head.id.value.into(),
            name: head.name.into(),
            version: "".into(),
            currency: head.currency?,
            days: head.days,
            tax_category: head.tax_category.map(Into::into),
            gl_code: head.gl_code.map(Into::into),
            rounding: head.rounding,
            base: None,
            rates: items.rates.list.into(),
            own_by_service: Default::default(),
            by_service: Default::default(),
            by_weight: head.by_weight,
            adjusts,
            by_expiry: allowance::by_expiry(&items.allowances, head.by_weight),
            allowances: items.allowances.into(),
            discounts: items.discounts.into(),
            caps: items.caps.into(),
            commitments: items.commitments.into(),
            capacities: items.capacities.into(),
            recurring: items.recurring.into(),
        },
    })
}

/// The lists of a plan.
struct Items {
    rates: Rates,
    allowances: Vec<Allowance>,
    allowances_at: Vec<usize>,
    discounts: Vec<Discount>,
    caps: Vec<Cap>,
    commitments: Vec<Commitment>,
    capacities: Vec<Capacity>,
    recurring: Vec<Recurring>,
}

impl Items {
    /// True when something follows the charges of every rate.
    fn adjust(&self) -> bool {
        let money = self.allowances.iter().any(|allowance| allowance.unit.is_none());
        money || !self.discounts.is_empty() || !self.caps.is_empty() || !self.commitments.is_empty()
    }
}

fn read_items(
    report: &mut Report,
    fields: &mut Fields,
    ids: &mut Ids,
    (context, head): (&Context, &Head),
) -> Items {
    let Head { time, signed, by_weight, .. } = *head;
    let rates = rate::read_all(report, fields, ids, (context, rate::Defaults { time, signed }));
    let reading = allowance::Reading { context, time, by_weight, signed };
    let (allowances, allowances_at) = allowance::read_all(report, fields, ids, &reading);
    Items {
        rates,
        allowances,
        allowances_at,
        discounts: discount::read_all(report, fields, ids, (context, time)),
        caps: charges::read_caps(report, fields, ids, context),
        commitments: charges::read_commitments(report, fields, ids, context),
        capacities: charges::read_capacities(report, fields, ids, (context, time)),
        recurring: recurring::read_all(report, fields, ids),
    }
}

struct Head<'t> {
    id: At<&'t str>,
    name: &'t str,
    currency: Option<Currency>,
    days: Days,
    tax_category: Option<&'t str>,
    gl_code: Option<&'t str>,
    rounding: RoundingPoints,
    time: TimeBase,
    signed: bool,
    by_weight: bool,
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
    let rounding = read_rounding(report, fields, parsed);
    let time = read_time(report, fields).unwrap_or_default();
    let signed = fields.flag(report, "allow_negative").is_some_and(|flag| flag.value);
    let by_weight = fields.choice(report, "consume", &[("priority", false), ("weight", true)])?;
    let (id, name) = (id?, name?.value);
    Some(Head { id, name, currency: parsed, days, tax_category, gl_code, rounding, time, signed, by_weight })
}

/// `time_zone` of a plan or a rate.
pub fn read_time(report: &mut Report, fields: &mut Fields) -> Option<TimeBase> {
    let text = fields.text(report, "time_zone")?;
    let base = match text.value {
        "account" => Some(TimeBase::Account),
        "visited" => Some(TimeBase::Visited),
        name => TimeZone::parse(name).map(TimeBase::Zone),
    };
    if base.is_none() {
        let found: String = text.value.chars().take(60).collect();
        let expected = "\"account\", \"visited\" or an IANA time zone such as \"Europe/Madrid\"";
        report.error(text.at, format!("`time_zone` is {found:?}, expected {expected}"));
    }
    base
}

fn read_rounding(report: &mut Report, fields: &mut Fields, currency: Option<Currency>) -> RoundingPoints {
    let places = currency.map_or(2, Currency::places);
    let mut rounding = RoundingPoints {
        line: Rounding::LINE,
        event: None,
        cycle: Rounding { places, mode: RoundingMode::default() },
        exchange: Rounding::LINE,
    };
    let Some(mut points) = fields.table(report, "rounding") else { return rounding };
    rounding.line = read_point(report, &mut points, "line").unwrap_or(rounding.line);
    rounding.event = read_point(report, &mut points, "event");
    rounding.cycle = read_point(report, &mut points, "cycle").unwrap_or(rounding.cycle);
    rounding.exchange = read_point(report, &mut points, "exchange").unwrap_or(rounding.exchange);
    points.finish(report, &[]);
    rounding
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
    /// Rates that scopes name, looked up once base plans are known.
    rates_named: Vec<At<String>>,
}

impl Ids<'_> {
    /// Notes rates that a scope names.
    pub fn name_rates(&mut self, words: &[At<&str>]) {
        self.rates_named.extend(words.iter().map(|word| At { at: word.at, value: word.value.to_owned() }));
    }

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
