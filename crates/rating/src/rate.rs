//! The order of evaluation: how one usage becomes billable events.
//! Relies on the tariff being compiled and the usage guided; what a step does stands in `steps`.
//! Never leaves balances half-changed: on a fault nothing of the usage counts.

use crate::balances::{AccountBalances, Draft};
use crate::clock::Clock;
use crate::steps::connection_fee::connection_fee;
use crate::steps::cover::{Open, cover};
use crate::steps::increments::{Raw, Stretches, bill_bands, bill_whole};
use crate::steps::match_rate::{Matched, match_rate, no_rate, zone_of};
use crate::steps::price::{Pricing, price};
use crate::steps::{no_amount, overflow};
use caudal_tariff::{Facts, PlanVersion, Tariff, ZoneId};
use caudal_usage::money::add_exact;
use caudal_usage::time::RANGE_MS;
use caudal_usage::{
    Account, Balance, BillableEvent, Code, Date, Decimal, EventId, EventKind, Fault, Operation, Part, Run,
    Service, Subscription, TimeZone, UsageRecord,
};
use smallvec::SmallVec;

/// What is rated: a usage, who pays for it, and for which run.
#[derive(Clone, Copy, Debug)]
pub struct RatingInput<'a> {
    /// The usage.
    pub usage: &'a UsageRecord,
    /// Which rating.
    pub run: Run,
    /// Version of the account that is valid at the chargeable start.
    pub account: &'a Account,
    /// Version of the subscription that is valid then; its `plan` is an index of this rater's tariff.
    pub subscription: &'a Subscription,
}

/// The events of one usage: one for each cycle in which a part of it lies.
pub type Events<'a> = SmallVec<[BillableEvent<'a>; 1]>;

/// Rates usages one after the other. Holds caches and a scratch list, so every shard has its own.
pub struct Rater<'t> {
    tariff: &'t Tariff,
    clocks: Vec<Clock>,
    changed: Vec<Balance>,
}

impl<'t> Rater<'t> {
    /// Empty caches over `tariff`.
    pub fn new(tariff: &'t Tariff) -> Self {
        Self { tariff, clocks: Vec::new(), changed: Vec::new() }
    }

    /// The balances that the last successful [`Rater::rate`] changed, as they are now.
    pub fn changed(&self) -> &[Balance] {
        &self.changed
    }

    /// Rates one usage: its events, with `balances` moved on; or the fault, with `balances` as they were.
    pub fn rate<'a>(
        &mut self,
        input: &RatingInput<'a>,
        balances: &mut AccountBalances,
    ) -> Result<Events<'a>, Fault>
    where
        't: 'a,
    {
        let clock = clock_of(&mut self.clocks, input.account.time_zone);
        let draft = Draft::new(balances, &mut self.changed, input.subscription.index);
        // Filled where it lies: an event is a kilobyte.
        let mut events = Events::new();
        let rated = begin(self.tariff, input, clock, draft).and_then(|usage| usage.evaluate(&mut events));
        if let Err(fault) = rated {
            self.changed.clear();
            return Err(fault);
        }
        for balance in &self.changed {
            balances.set(*balance);
        }
        Ok(events)
    }
}

fn clock_of(clocks: &mut Vec<Clock>, zone: TimeZone) -> &mut Clock {
    let at = clocks.iter().position(|clock| clock.zone() == zone).unwrap_or_else(|| {
        clocks.push(Clock::new(zone));
        clocks.len() - 1
    });
    &mut clocks[at]
}

/// One usage on its way.
struct Usage<'a, 'w> {
    tariff: &'a Tariff,
    input: RatingInput<'a>,
    version: &'a PlanVersion,
    /// Local day of the chargeable start, which picks all versions.
    day: i32,
    zone: Option<ZoneId>,
    clock: &'w mut Clock,
    draft: Draft<'w>,
}

/// Finds the plan version and the zone, as of the chargeable start.
fn begin<'a, 'w>(
    tariff: &'a Tariff,
    input: &RatingInput<'a>,
    clock: &'w mut Clock,
    draft: Draft<'w>,
) -> Result<Usage<'a, 'w>, Fault> {
    let usage = input.usage;
    if usage.parts.iter().map(|part| part.start).chain([usage.start]).any(|at| !RANGE_MS.contains(&at.utc_ms))
    {
        return Err(overflow("start", &usage.start.utc_ms));
    }
    if let Some(charged) = &usage.charged {
        // A price of the plan instead of the amount would be a guess about who is right.
        let found = format!("{charged}: no rate passes amounts through");
        return Err(Fault::new(Code::NoRate, "charged", found.as_bytes()));
    }
    let day = clock.day(usage.start.utc_ms);
    let plan = input.subscription.plan;
    let version = tariff.plan_version(plan, day).ok_or_else(|| no_version(tariff, plan, day))?;
    if version.currency != input.account.currency {
        let found = format!("account in {}, plan in {}", input.account.currency, version.currency);
        return Err(Fault::new(Code::NoRate, "currency", found.as_bytes()));
    }
    let zone = zone_of(tariff, usage, day);
    Ok(Usage { tariff, input: *input, version, day, zone, clock, draft })
}

#[cold]
fn no_version(tariff: &Tariff, plan: u32, day: i32) -> Fault {
    let id =
        usize::try_from(plan).ok().and_then(|index| tariff.plans().get(index)).map_or("", |plan| &plan.id);
    let found = format!("no version of {id} on {}", Date::from_days(day));
    Fault::new(Code::NoRate, "plan", found.as_bytes())
}

impl<'a> Usage<'a, '_> {
    /// All parts, each into the event of its cycle. A call belongs whole to the cycle of its start; data containers
    /// have times of their own.
    fn evaluate(mut self, events: &mut Events<'a>) -> Result<(), Fault> {
        let usage = self.input.usage;
        if usage.service == Service::Data {
            for part in &usage.parts {
                self.part(part, events)?;
            }
        } else {
            let quantity = usage.quantity().ok_or_else(|| overflow("quantity", &"more than 64 bits"))?;
            let whole = Part { start: usage.start, end: usage.end, quantity, rating_group: None };
            self.part(&whole, events)?;
        }
        if let [only] = events.as_mut_slice() {
            (only.start, only.end) = (usage.start, usage.end);
        }
        self.round(events)
    }

    /// **The order of evaluation.** `match → convert units → grace → minimum quantity → increments and bands → cover →
    /// steps and tiers → connection fee → event minimum and maximum → discounts → caps of the cycle → commitment →
    /// rounding`. Units arrive converted; rounding follows once all parts are in.
    fn part(&mut self, part: &Part, events: &mut Events<'a>) -> Result<(), Fault> {
        let (usage, group) = (self.input.usage, part.rating_group);
        let (service, direction) = (usage.service, usage.direction);
        let facts = Facts { service, direction, zone: self.zone, rating_group: group };
        let cycle = self.clock.cycle(self.input.account.anchor, part.start.utc_ms).first;
        let event = self.event_of(cycle, part, events);

        let matched = match_rate(self.tariff, self.version, &facts, self.day)
            .ok_or_else(|| no_rate(self.tariff, usage, &facts))?;
        let mut portions = self.portions(&matched, part, &facts)?;
        let billed = billed_units(&portions)?;
        let first_band = portions.first().map(|stretch| stretch.band);
        let open = Open { facts: &facts, cycle, unit: usage.unit };
        cover(self.version, &open, &mut portions, &mut self.draft, &mut event.allowance_uses)?;
        let pricing = Pricing { matched: &matched, cycle, rating_group: group };
        price(pricing, &portions, &mut self.draft, &mut event.lines)?;
        event.lines.extend(connection_fee(&matched, first_band)?);

        let add = |sum: i64, units: i64| sum.checked_add(units).ok_or_else(|| overflow("quantity", &units));
        event.raw_quantity = add(event.raw_quantity, part.quantity)?;
        event.billed_quantity = add(event.billed_quantity, billed)?;
        Ok(())
    }

    /// Increments and bands. Only calls are split at bands: other usage lies whole in the band of its start.
    fn portions(&mut self, matched: &Matched, part: &Part, facts: &Facts) -> Result<Stretches, Fault> {
        let raw = Raw { start_ms: part.start.utc_ms, quantity: part.quantity };
        let increments = |band| matched.band(band).map(|band| band.terms.increments);
        let week = &matched.rate.week;
        let portions = if facts.service == Service::Voice && !week.is_constant() {
            bill_bands(raw, week, self.clock, increments)?
        } else {
            let band = if week.is_constant() { 0 } else { self.clock.band(week, raw.start_ms).band };
            increments(band).map(|increments| bill_whole(raw, band, increments)).transpose()?
        };
        portions.ok_or_else(|| no_rate(self.tariff, self.input.usage, facts))
    }

    /// The event of a cycle, begun where it is the first part there.
    fn event_of<'e>(
        &self,
        cycle: Date,
        part: &Part,
        events: &'e mut Events<'a>,
    ) -> &'e mut BillableEvent<'a> {
        let at = match events.iter().position(|event| event.cycle == cycle) {
            Some(at) => at,
            None => {
                events.push(self.new_event(cycle, part));
                events.len() - 1
            }
        };
        let event = &mut events[at];
        event.start = event.start.min(part.start);
        event.end = event.end.max(part.end);
        event
    }

    fn new_event(&self, cycle: Date, part: &Part) -> BillableEvent<'a> {
        let RatingInput { usage, run, account, subscription } = self.input;
        BillableEvent {
            id: EventId::of_usage(usage.identity, run, cycle, 0),
            revision: 0,
            kind: EventKind::Usage,
            operation: Operation::Charge,
            supersedes: None,
            run,
            account: &account.id,
            subscription: &subscription.id,
            plan: &self.version.plan,
            plan_version: &self.version.version,
            service: usage.service,
            record_type: usage.record_type,
            start: part.start,
            end: part.end,
            raw_quantity: 0,
            billed_quantity: 0,
            unit: usage.unit,
            calling: &usage.calling,
            called: &usage.called,
            zone: self.zone.map(|zone| self.tariff.zone_name(zone)),
            lines: SmallVec::new(),
            allowance_uses: SmallVec::new(),
            discounts: SmallVec::new(),
            amount: Decimal::ZERO,
            currency: self.version.currency,
            tax_category: self.version.tax_category.as_deref(),
            gl_code: self.version.gl_code.as_deref(),
            cycle,
            original_cycle: cycle,
            late: false,
        }
    }

    /// Rounding: the exact sum of the lines, at the event's rounding point where the plan has one.
    fn round(&self, events: &mut Events<'a>) -> Result<(), Fault> {
        let lines = self.version.line_rounding;
        // Zero at the places of a line, so that a sum has them even without lines.
        let zero = lines.round(Decimal::ZERO).map_err(|error| no_amount(error, 0))?;
        for event in events.iter_mut() {
            let mut sum = zero;
            for line in &event.lines {
                sum = add_exact(sum, line.amount).map_err(|error| no_amount(error, line.quantity))?;
            }
            event.amount = match self.version.event_rounding {
                None => sum,
                Some(point) => point.round(sum).map_err(|error| no_amount(error, 0))?,
            };
        }
        Ok(())
    }
}

fn billed_units(portions: &Stretches) -> Result<i64, Fault> {
    let sum = portions.iter().try_fold(0i64, |sum, stretch| sum.checked_add(stretch.units()));
    sum.ok_or_else(|| overflow("quantity", &"more than 64 bits"))
}
