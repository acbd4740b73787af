//! `tiers` of a rate: prices by the sum of a period.
//! Relies on bounds that rise; blocks are turned into units here, so the rating knows units only.
//! Never prices: what depends on the whole cycle is the business of its close.

use crate::amounts;
use crate::bands::Week;
use crate::conditions::Applies;
use crate::grammar;
use crate::model::{Period, Shared};
use crate::rate::{Priced, Reading, calls_only, measure};
use crate::rate_model::{BandTerms, Measure, Pricing, Terms};
use crate::read::{At, Fields};
use crate::table::default_increments;
use caudal_usage::{CounterId, Decimal, Price, Unit};

/// Most tiers of one rate.
pub const TIERS_MAX: usize = 100;

/// Prices by the sum of a period.
#[derive(Clone, Debug)]
pub struct Tiers {
    /// How the sum becomes money.
    pub model: Model,
    /// Over what is summed.
    pub over: Period,
    /// Whose usage is summed.
    pub shared: Shared,
    /// Counts billed units that no allowance covered.
    pub counter: CounterId,
    /// True when a cycle without usage is charged.
    pub zero_usage: bool,
}

impl Tiers {
    /// True when the whole cycle decides: units are counted as they come and priced at its close.
    pub const fn at_close(&self) -> bool {
        matches!(self.model, Model::Volume(_) | Model::StairStep(_)) && matches!(self.over, Period::Cycle)
    }
}

/// How a sum becomes money.
#[derive(Clone, Debug)]
pub enum Model {
    /// Each unit costs what its place in the sum says.
    Graduated(Box<[TierStep]>),
    /// All units cost what the tier reached says.
    Volume(Box<[TierStep]>),
    /// The flat fee of the tier reached.
    StairStep(Box<[TierStep]>),
    /// Started packages.
    Package(Package),
    /// A percentage of amounts, by their sum.
    Percentage(Box<[PercentStep]>),
}

/// One tier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TierStep {
    /// Last unit of the period that it holds; absent: all further ones.
    pub up_to: Option<i64>,
    /// Price per N base units.
    pub price: Price,
    /// Fee of reaching it.
    pub flat_fee: Decimal,
}

/// One tier of a percentage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PercentStep {
    /// Last of the period's amount that it holds; absent: all further ones.
    pub up_to: Option<Decimal>,
    /// Percent of the amount in it.
    pub percent: Decimal,
    /// Fee of reaching it.
    pub flat_fee: Decimal,
}

/// Packages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Package {
    /// Units of one.
    pub size: i64,
    /// Price of one.
    pub price: Decimal,
    /// First units, which need none.
    pub free: i64,
    /// Least number of packages of a cycle with usage.
    pub minimum: i64,
}

/// The words of `model`.
const MODELS: [(&str, Word); 5] = [
    ("graduated", Word::Graduated),
    ("volume", Word::Volume),
    ("package", Word::Package),
    ("stair_step", Word::StairStep),
    ("graduated_percentage", Word::Percentage),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Graduated,
    Volume,
    Package,
    StairStep,
    Percentage,
}

/// Words for whose usage is summed.
pub const SHARED: [(&str, Shared); 3] =
    [("subscription", Shared::Subscription), ("group", Shared::Group), ("account", Shared::Account)];

/// Reads a rate with `tiers`.
pub fn read_rate(
    reading: &mut Reading,
    item: &mut Fields,
    applies: &mut Applies,
    id: &str,
) -> Option<Priced> {
    let mut table = item.table(reading.report, "tiers")?;
    if !table.has("model") {
        let words = MODELS.map(|(word, _)| word).join(", ");
        reading.report.error(table.at, format!("`model` is missing, expected one of: {words}"));
    }
    let model = table.choice(reading.report, "model", &MODELS)?;
    let over = reading.over(&mut table, model)?;
    let shared = table.choice(reading.report, "shared", &SHARED)?;
    let zero = table.choice(reading.report, "zero_usage", &[("nothing", false), ("charge", true)])?;
    let mut unit = None;
    let model = match model {
        Word::Package => Model::Package(reading.package(&mut table, applies, &mut unit)?),
        Word::Percentage => Model::Percentage(reading.percent_steps(&mut table)),
        Word::Graduated => Model::Graduated(reading.tier_steps(&mut table, (applies, &mut unit), model)),
        Word::Volume => Model::Volume(reading.tier_steps(&mut table, (applies, &mut unit), model)),
        Word::StairStep => Model::StairStep(reading.tier_steps(&mut table, (applies, &mut unit), model)),
    };
    table.finish(reading.report, &[]);
    let counter = reading.context.counter(reading.plan, "tier", id);
    let tiers = Some(Tiers { model, over, shared, counter, zero_usage: zero });
    if matches!(tiers.as_ref()?.model, Model::Percentage(_)) {
        amounts::check(reading, item, applies);
        let pricing = Pricing::Amount(crate::rate_model::AmountPricing::Tiers);
        return Some(Priced {
            measure: Measure::Amount,
            unit: Unit::Event,
            pricing,
            tiers,
            week: Week::constant(),
        });
    }
    let unit = unit.or(applies.unit)?;
    let measure = measure(applies.unit, unit)?;
    let increments = reading.increments(item, Some(unit)).unwrap_or_else(|| default_increments(unit));
    let connection_fee = reading.fee(item, calls_only(applies)).unwrap_or_default();
    let terms = Terms { price: Price { amount: Decimal::ZERO, per: 1 }, increments, connection_fee };
    let pricing = Pricing::Plan([BandTerms { name: None, terms, steps: Box::default() }].into());
    Some(Priced { measure, unit, pricing, tiers, week: Week::constant() })
}

impl Reading<'_, '_, '_> {
    fn over(&mut self, table: &mut Fields, model: Word) -> Option<Period> {
        let at = table.place("over");
        let words = [
            ("cycle", Period::Cycle),
            ("event", Period::Event),
            ("day", Period::Day),
            ("week", Period::Week),
        ];
        let over = table.choice(self.report, "over", &words)?;
        if matches!(model, Word::Volume | Word::StairStep) && matches!(over, Period::Day | Period::Week) {
            self.report
                .error(at, "`over` is a day or a week, expected \"cycle\" or \"event\" for this model");
        }
        Some(over)
    }

    fn tier_steps(
        &mut self,
        table: &mut Fields,
        (applies, unit): (&Applies, &mut Option<Unit>),
        model: Word,
    ) -> Box<[TierStep]> {
        let at = table.place("steps");
        let blocks =
            table.choice(self.report, "maximum_in", &[("units", false), ("blocks", true)]).unwrap_or(false);
        let list = table.tables(self.report, "steps", TIERS_MAX);
        if list.is_empty() {
            self.report.error(at, "no tiers, expected at least one step");
        }
        let count = list.len();
        let mut steps = Vec::<At<TierStep>>::new();
        for (index, mut step) in list.into_iter().enumerate() {
            let here = step.at;
            let price = self.tier_price(&mut step, (applies, unit), model);
            let before = steps.last().and_then(|step| step.value.up_to);
            let up_to = match blocks {
                true => self.blocks(&mut step, price, before.unwrap_or(0)),
                false => self.bound(&mut step, unit.or(applies.unit)),
            };
            self.bound_order(&step, (index + 1 == count, up_to), before);
            let flat_fee = self.charge(&mut step, "flat_fee").unwrap_or_default();
            if model == Word::StairStep && !step.has("flat_fee") {
                self.report.error(here, "`flat_fee` is missing");
            }
            step.finish(self.report, &[]);
            steps.push(At { at: here, value: TierStep { up_to, price, flat_fee } });
        }
        steps.into_iter().map(|step| step.value).collect()
    }

    fn tier_price(
        &mut self,
        step: &mut Fields,
        (applies, unit): (&Applies, &mut Option<Unit>),
        model: Word,
    ) -> Price {
        let at = step.place("price");
        let price = step.parsed(self.report, "price", grammar::price);
        match (&price, model) {
            (Some(_), Word::StairStep) => {
                self.report.error(at, "`price` of a stair step, expected `flat_fee` alone");
            }
            (Some(price), _) => self.check_price(at, price.value, (applies.unit, unit)),
            (None, Word::StairStep) => {}
            (None, _) if step.has("price") || step.has("flat_fee") => {}
            (None, _) => self.report.error(step.at, "`price` is missing"),
        }
        price.map_or(Price { amount: Decimal::ZERO, per: 1 }, |price| price.value.0)
    }

    /// `blocks` of a step: how many times its price's `per` it holds.
    fn blocks(&mut self, step: &mut Fields, price: Price, before: i64) -> Option<i64> {
        let blocks = step.number(self.report, "blocks", 1..=1_000_000_000)?;
        let bound = blocks.value.checked_mul(price.per).and_then(|units| units.checked_add(before));
        let bound = bound.filter(|bound| *bound <= grammar::UNITS_MAX);
        if bound.is_none() {
            self.report.error(blocks.at, "`blocks` are more units than 10^17");
        }
        bound
    }

    fn percent_steps(&mut self, table: &mut Fields) -> Box<[PercentStep]> {
        let at = table.place("steps");
        let list = table.tables(self.report, "steps", TIERS_MAX);
        if list.is_empty() {
            self.report.error(at, "no tiers, expected at least one step");
        }
        let count = list.len();
        let mut steps = Vec::<PercentStep>::new();
        for (index, mut step) in list.into_iter().enumerate() {
            let here = step.at;
            let up_to = self.charge(&mut step, "up_to");
            let before = steps.last().and_then(|step| step.up_to);
            if let (Some(bound), Some(before)) = (up_to, before)
                && bound <= before
            {
                self.report.error(here, "out of order, expected `up_to` above that of the step before");
            }
            if (index + 1 == count) == step.has("up_to") {
                self.report.error(here, "expected `up_to` in all but the last step");
            }
            if !step.has("percent") {
                self.report.error(here, "`percent` is missing");
            }
            let percent = self.charge(&mut step, "percent").unwrap_or_default();
            let flat_fee = self.charge(&mut step, "flat_fee").unwrap_or_default();
            step.finish(self.report, &[]);
            steps.push(PercentStep { up_to, percent, flat_fee });
        }
        steps.into_boxed_slice()
    }

    fn package(&mut self, table: &mut Fields, applies: &Applies, unit: &mut Option<Unit>) -> Option<Package> {
        for key in ["size", "price"].into_iter().filter(|key| !table.has(key)) {
            self.report.error(table.at, format!("`{key}` is missing"));
        }
        let size = table.parsed(self.report, "size", grammar::quantity);
        let free = table.parsed(self.report, "free", grammar::quantity);
        let price = self.charge(table, "price");
        let minimum = table.number(self.report, "minimum", 0..=1_000_000).map_or(0, |number| number.value);
        let size = size?;
        if measure(applies.unit, size.value.unit).is_none() {
            let (found, expected) = (size.value.unit.as_str(), applies.unit.map_or("event", Unit::as_str));
            self.report
                .error(size.at, format!("`size` counts {found}, expected {expected} for these services"));
        }
        if let Some(free) = free.as_ref().filter(|free| free.value.unit != size.value.unit) {
            self.report.error(
                free.at,
                format!(
                    "`free` counts {}, expected {} as `size`",
                    free.value.unit.as_str(),
                    size.value.unit.as_str()
                ),
            );
        }
        *unit = Some(size.value.unit);
        Some(Package {
            size: size.value.units,
            price: price?,
            free: free.map_or(0, |free| free.value.units),
            minimum,
        })
    }
}
