//! The `[[allowance]]` tables of a plan, in the order in which they are consumed.
//! Relies on `applies_to` being read next door.
//! Never holds what was used: that is a balance.

use crate::allowance_options::{AllowanceOptions, read_options};
use crate::conditions::{Applies, read_needed, read_priority};
use crate::grammar::{self, Increments};
use crate::model::{Every, Period, Shared};
use crate::plan::{Context, ITEMS_MAX, Ids};
use crate::rate::measure;
use crate::rate_model::TimeBase;
use crate::read::{Fields, Report};
use crate::sets::Conditions;
use crate::tiers::SHARED;
use caudal_usage::{CounterId, Decimal, Unit};

/// Most places of a ratio.
const RATIO_PLACES_MAX: u32 = 6;

/// What is used up before anything is priced, or, of money, before anything is due.
#[derive(Clone, Debug)]
pub struct Allowance {
    /// Its id.
    pub id: Box<str>,
    /// When it applies.
    pub when: Conditions,
    /// Only in these bands.
    pub bands: Option<Box<[Box<str>]>>,
    /// What one refill gives: base units, or an amount.
    pub quantity: Decimal,
    /// Base unit; absent for money.
    pub unit: Option<Unit>,
    /// True when it counts each usage as one event.
    pub per_usage: bool,
    /// When it is full again.
    pub refill: Refill,
    /// Counts what was used.
    pub counter: CounterId,
    /// The smaller number is consumed first.
    pub priority: u32,
    /// The greater number is consumed first, where the plan says so.
    pub weight: u32,
    /// Whose usage consumes it.
    pub shared: Shared,
    /// True when every member adds a refill of its own.
    pub pooled: bool,
    /// In which portions it gives.
    pub gives: Gives,
    /// Units of the allowance for one of usage.
    pub ratio: Decimal,
    /// What few allowances say; absent where nothing is said.
    pub more: Option<Box<AllowanceOptions>>,
    /// What a refill gives, where one balance in whole base units says everything and whole portions are given.
    pub simple: Option<i64>,
}

/// When an allowance is full again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refill {
    /// At the start of each period.
    Each(Period),
    /// Never: what is in it is bought.
    TopUp,
}

/// In which portions an allowance gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gives {
    /// Whole portions of the rate.
    RatePortions,
    /// Portions of its own, or those of the rate where absent, of the quantity as measured.
    Measured {
        /// Its own portions; absent: the rate's.
        own: Option<Increments>,
        /// True when the last one is given for its used part.
        exact: bool,
    },
}

impl Allowance {
    /// True when it is plain: one balance for each period, and nothing said that few say.
    pub fn is_plain(&self) -> bool {
        self.more.is_none() && !self.pooled && self.refill != Refill::TopUp
    }

    fn as_simple(&self) -> Option<i64> {
        let simple = self.is_plain()
            && self.gives == Gives::RatePortions
            && self.bands.is_none()
            && !self.per_usage
            && self.ratio == Decimal::ONE
            && self.quantity.scale() == 0;
        simple.then(|| i64::try_from(self.quantity.mantissa()).ok()).flatten()
    }

    /// Days before a period over which its balances may still be asked for.
    pub fn lookback_days(&self) -> i32 {
        let length = match self.refill {
            Refill::Each(Period::Every(Every::Days(count), _)) => count,
            Refill::Each(Period::Every(Every::Weeks(count), _)) => count.saturating_mul(7),
            Refill::Each(Period::Every(Every::Months(count), _)) => count.saturating_mul(31),
            Refill::Each(Period::Every(Every::Years(count), _)) => count.saturating_mul(366),
            Refill::Each(Period::Cycle) => 31,
            Refill::Each(Period::Week) => 7,
            Refill::Each(Period::Day | Period::Event | Period::Ever) | Refill::TopUp => 1,
        };
        let rollover = self.more.as_ref().and_then(|more| more.rollover.as_ref());
        let back = rollover.map_or(1, |rollover| rollover.cycles.saturating_add(1));
        i32::try_from(length.saturating_mul(back)).unwrap_or(i32::MAX / 2)
    }
}

/// True when two allowances of one rank are refilled at different times.
pub fn by_expiry(allowances: &[Allowance], by_weight: bool) -> bool {
    let rank = |one: &Allowance| (if by_weight { one.weight } else { 0 }, one.priority);
    let carries = |one: &Allowance| one.more.as_ref().is_some_and(|more| more.rollover.is_some());
    let same =
        |one: &Allowance, other: &Allowance| one.refill == other.refill && !carries(one) && !carries(other);
    allowances.windows(2).any(|pair| {
        let [one, other] = pair else { return false };
        rank(one) == rank(other) && !same(one, other)
    })
}

/// What is at hand while allowances are read.
pub struct Reading<'r, 'c> {
    /// What the plan refers to.
    pub context: &'r Context<'c>,
    /// In which zone times lie.
    pub time: TimeBase,
    /// True when the order is by weight.
    pub by_weight: bool,
    /// True when prices below zero are taken.
    pub signed: bool,
}

/// Reads all allowances, with where each stands.
pub fn read_all(
    report: &mut Report,
    fields: &mut Fields,
    ids: &mut Ids,
    reading: &Reading,
) -> (Vec<Allowance>, Vec<usize>) {
    let mut list = Vec::new();
    for mut item in fields.tables(report, "allowance", ITEMS_MAX) {
        let at = item.at;
        if let Some(allowance) = read(report, &mut item, ids, reading) {
            list.push((allowance, at));
        }
        item.finish(report, &[]);
    }
    // A stable sort: equal ones stay in the order of the plan.
    match reading.by_weight {
        true => list.sort_by_key(|(allowance, _)| (std::cmp::Reverse(allowance.weight), allowance.priority)),
        false => list.sort_by_key(|(allowance, _)| allowance.priority),
    }
    list.into_iter().unzip()
}

fn read(report: &mut Report, item: &mut Fields, ids: &mut Ids, reading: &Reading) -> Option<Allowance> {
    let id = ids.read(report, item, "allowance").map_or("", |id| id.value);
    let applies = read_needed(report, item, reading.context, reading.time);
    let size = read_size(report, item);
    let refill = read_refill(report, item);
    let priority = read_priority(report, item);
    let weight = item.number(report, "weight", 0..=1_000_000).map_or(0, |number| number.value);
    let shared = item.choice(report, "shared", &SHARED);
    let pooled_at = item.place("pooled");
    let pooled = item.flag(report, "pooled").is_some_and(|flag| flag.value);
    if pooled && shared == Some(Shared::Subscription) {
        report.hinted(pooled_at, "`pooled` of one subscription", "say shared = \"account\" or \"group\"");
    }
    let ratio = read_ratio(report, item);
    let (applies, size, refill) = (applies?, size?, refill?);
    let counted = check_unit(report, (item, &size), &applies)?;
    let gives = read_gives(report, item, (size.unit, &applies));
    let more = read_options(report, item, (&size, refill), (&applies, reading));
    let counter = reading.context.counter(ids.plan, "allowance", id);
    let mut allowance = Allowance {
        id: id.into(),
        when: applies.when,
        bands: applies.bands,
        quantity: size.quantity,
        unit: size.unit,
        per_usage: counted,
        refill,
        counter,
        priority,
        weight: u32::try_from(weight).unwrap_or(0),
        shared: shared?,
        pooled,
        gives: gives?,
        ratio: ratio?,
        more,
        simple: None,
    };
    allowance.simple = allowance.as_simple();
    Some(allowance)
}

/// What a refill gives.
pub struct Size {
    /// Base units, or an amount.
    pub quantity: Decimal,
    /// Base unit; absent for money.
    pub unit: Option<Unit>,
    /// Where it stands.
    pub at: usize,
}

fn read_size(report: &mut Report, item: &mut Fields) -> Option<Size> {
    let needed = !matches!(item.peek_text("refill"), Some("top_up"));
    let quantity = item.parsed(report, "quantity", grammar::quantity);
    let amount = item.parsed(report, "amount", grammar::decimal);
    match (quantity, amount) {
        (Some(quantity), None) => {
            let units = Decimal::from(quantity.value.units);
            Some(Size { quantity: units, unit: Some(quantity.value.unit), at: quantity.at })
        }
        (None, Some(amount)) => {
            if amount.value.is_sign_negative() {
                report.error(amount.at, "`amount` is below zero, expected what a refill gives");
            }
            Some(Size { quantity: amount.value, unit: None, at: amount.at })
        }
        (Some(_), Some(amount)) => {
            report.error(amount.at, "`amount` beside `quantity`, expected one of them");
            None
        }
        (None, None) => {
            if !item.has("quantity") && !item.has("amount") {
                let hint = if needed { "" } else { "of what is only bought it says what is counted" };
                report.hinted(
                    item.at,
                    "`quantity` is missing, e.g. quantity = \"20 GB\", or `amount` of money",
                    hint,
                );
            }
            None
        }
    }
}

/// True when each usage counts as one event. Nothing where the units do not fit.
fn check_unit(report: &mut Report, (item, size): (&Fields, &Size), applies: &Applies) -> Option<bool> {
    let Some(unit) = size.unit else {
        if let Some(key) = ["increments", "ratio", "price", "connection_fee", "rounding"]
            .into_iter()
            .find(|key| item.has(key))
        {
            report.error(item.place(key), format!("`{key}` of money, expected it for quantities only"));
        }
        if applies.bands.is_some() {
            report.error(applies.at, "`band` of money, which is taken from the whole charge");
        }
        return Some(false);
    };
    match measure(applies.unit, unit) {
        Some(crate::rate_model::Measure::Events) => Some(true),
        Some(_) => Some(false),
        None => {
            let (found, expected) = (unit.as_str(), applies.unit.map_or("event", Unit::as_str));
            let message = format!("`quantity` counts {found}, expected {expected} for these services");
            report.error(size.at, message);
            None
        }
    }
}

fn read_refill(report: &mut Report, item: &mut Fields) -> Option<Refill> {
    if !item.has("refill") || item.peek_text("refill").is_some() {
        let words = [
            ("cycle", Refill::Each(Period::Cycle)),
            ("day", Refill::Each(Period::Day)),
            ("week", Refill::Each(Period::Week)),
            ("once", Refill::Each(Period::Ever)),
            ("top_up", Refill::TopUp),
        ];
        return item.choice(report, "refill", &words);
    }
    let mut table = item.table(report, "refill")?;
    for key in ["every", "from"].into_iter().filter(|key| !table.has(key)) {
        report.error(
            table.at,
            format!("`{key}` is missing, e.g. {{ every = \"30 days\", from = 2026-01-05 }}"),
        );
    }
    let every = crate::recurring::read_every_of(report, &mut table);
    let from = table.date(report, "from");
    table.finish(report, &[]);
    Some(Refill::Each(Period::Every(every?, from?.value)))
}

fn read_ratio(report: &mut Report, item: &mut Fields) -> Option<Decimal> {
    if !item.has("ratio") {
        return Some(Decimal::ONE);
    }
    let ratio = item.parsed(report, "ratio", grammar::decimal)?;
    let fits = ratio.value > Decimal::ZERO
        && ratio.value.scale() <= RATIO_PLACES_MAX
        && ratio.value <= Decimal::from(1_000_000);
    if !fits {
        report.error(ratio.at, "`ratio` is not above zero, at most 1000000 and of at most 6 places");
        return None;
    }
    Some(ratio.value.normalize())
}

fn read_gives(
    report: &mut Report,
    item: &mut Fields,
    (unit, applies): (Option<Unit>, &Applies),
) -> Option<Gives> {
    let at = item.place("increments");
    let rest_only = item.choice(report, "rounding", &[("before_cover", false), ("rest_only", true)])?;
    let smallest = Increments { first: 1, next: 1 };
    let gives = match item.peek_text("increments") {
        None | Some("rate") if !rest_only => Gives::RatePortions,
        None | Some("rate") => Gives::Measured { own: None, exact: true },
        Some("raw") => Gives::Measured { own: Some(smallest), exact: true },
        Some(_) => {
            let (own, found) = item.parsed(report, "increments", grammar::increments)?.value;
            if let Some(unit) = unit.filter(|unit| *unit != found) {
                let (found, expected) = (found.as_str(), unit.as_str());
                report.error(at, format!("`increments` counts {found}, expected {expected} as `quantity`"));
            }
            Gives::Measured { own: Some(own), exact: rest_only }
        }
    };
    item.skip("increments");
    if applies.bands.is_some() && gives != Gives::RatePortions {
        report.error(
            applies.at,
            "`band` beside portions of its own, expected whole portions of the rate there",
        );
    }
    Some(gives)
}
