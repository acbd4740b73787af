//! The order of evaluation: how one usage becomes billable events.
//! Relies on the tariff being compiled and the usage guided; what a step does stands in `steps`.
//! Never leaves balances half-changed: on a fault nothing of the usage counts.

use crate::balances::{AccountBalances, Draft};
use crate::bill::{Charge, sum};
use crate::clock::InBand;
use crate::clocks::{Clocks, wall};
use crate::event::Events;
use crate::facts::facts;
use crate::ground::{Ground, Place};
use crate::steps::amounts::amounts;
use crate::steps::connection_fee::{Call, connection_fee};
use crate::steps::cover::Cover;
use crate::steps::increments::{Span, Stretch, Stretches, walk};
use crate::steps::match_rate::{Matched, Start, match_rate, no_rate};
use crate::steps::measure::{Carries, Measured, measure, note};
use crate::steps::overflow;
use crate::steps::price::price;
use crate::steps::tiers::{Tiered, tiers};
use caudal_tariff::{
    Allowance, Conditions, Facts, Measure, Period, PlanVersion, Rate, RoundOver, Tariff, Week,
};
use caudal_usage::time::RANGE_MS;
use caudal_usage::{
    Account, Balance, BillableEvent, Code, Date, Decimal, Fault, Notification, Part, Roster, Run, Service,
    Subscription, Timestamp, Unit, UsageRecord,
};
use smallvec::SmallVec;

/// What is rated: a usage, who pays for it, and for which run.
#[derive(Clone, Copy)]
pub struct RatingInput<'a> {
    /// The usage.
    pub usage: &'a UsageRecord,
    /// Which rating.
    pub run: Run,
    /// Version of the account that is valid at the chargeable start.
    pub account: &'a Account,
    /// Version of the subscription that is valid then; its `plan` is an index of this rater's tariff.
    pub subscription: &'a Subscription,
    /// The subscriptions of all accounts.
    pub roster: &'a dyn Roster,
}

/// Rates usages one after the other. Holds caches and scratch lists, so every shard has its own.
pub struct Rater<'t> {
    pub(crate) tariff: &'t Tariff,
    pub(crate) clocks: Clocks,
    pub(crate) changed: Vec<Balance>,
    stretches: Stretches,
}

impl<'t> Rater<'t> {
    /// Empty caches over `tariff`.
    pub fn new(tariff: &'t Tariff) -> Self {
        Self { tariff, clocks: Clocks::default(), changed: Vec::new(), stretches: Stretches::new() }
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
        let mut events = Events::new();
        self.rate_into(input, balances, &mut events)?;
        Ok(events)
    }

    /// The same into a list of the caller's: what is in it from the usage before is written over.
    pub fn rate_into<'a>(
        &mut self,
        input: &RatingInput<'a>,
        balances: &mut AccountBalances,
        events: &mut Events<'a>,
    ) -> Result<(), Fault>
    where
        't: 'a,
    {
        events.clear();
        self.changed.clear();
        let RatingInput { usage, run, account, subscription, roster } = *input;
        refuse_far(usage)?;
        let start = self.clocks.place(account, usage.start.utc_ms);
        let version = version_on(self.tariff, input, start.day)?;
        let mut rating = Usage {
            usage,
            run,
            ground: Ground { tariff: self.tariff, version, account, subscription, roster },
            start,
            facts: facts(self.tariff, usage, account, start.day),
            clocks: &mut self.clocks,
            draft: Draft::new(balances, &mut self.changed),
            stretches: &mut self.stretches,
            notes: Vec::new(),
            carries: Carries::default(),
            mirrored: usage.parts.iter().any(|part| part.quantity < 0),
        };
        if let Err(fault) = rating.evaluate(events) {
            self.changed.clear();
            events.clear();
            return Err(fault);
        }
        for balance in &self.changed {
            balances.set(*balance);
        }
        Ok(())
    }
}

/// What is due, where something follows.
type Charges<'a> = SmallVec<[Charge<'a>; 1]>;

/// One usage on its way.
pub(crate) struct Usage<'a, 'w> {
    pub(crate) usage: &'a UsageRecord,
    pub(crate) run: Run,
    pub(crate) ground: Ground<'a>,
    /// Where the chargeable start lies: its local day picks all versions.
    start: Place,
    /// The rating group is that of the part or charge at hand.
    pub(crate) facts: Facts,
    pub(crate) clocks: &'w mut Clocks,
    pub(crate) draft: Draft<'w>,
    /// Portions of the part at hand that no allowance covered.
    pub(crate) stretches: &'w mut Stretches,
    pub(crate) notes: Vec<Notification>,
    carries: Carries,
    pub(crate) mirrored: bool,
}

/// Refuses times that no calendar has.
#[inline]
fn refuse_far(usage: &UsageRecord) -> Result<(), Fault> {
    let known = |at: Timestamp| RANGE_MS.contains(&at.utc_ms);
    if !known(usage.start) || !usage.parts.iter().all(|part| known(part.start)) {
        return Err(overflow("start", &usage.start.utc_ms));
    }
    Ok(())
}

/// The version of the plan that holds on a day.
#[inline]
fn version_on<'a>(tariff: &'a Tariff, input: &RatingInput<'a>, day: i32) -> Result<&'a PlanVersion, Fault> {
    let plan = input.subscription.plan;
    let version = tariff.plan_version(plan, day).ok_or_else(|| no_version(tariff, plan, day))?;
    if version.currency != input.account.currency {
        let found = format!("account in {}, plan in {}", input.account.currency, version.currency);
        return Err(Fault::new(Code::NoRate, "currency", found.as_bytes()));
    }
    Ok(version)
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
    fn evaluate(&mut self, events: &mut Events<'a>) -> Result<(), Fault> {
        let (usage, mut charges) = (self.usage, Charges::new());
        if usage.service == Service::Data {
            for part in &usage.parts {
                self.part(part, events, &mut charges)?;
            }
        } else {
            let quantity = usage.quantity().ok_or_else(|| overflow("quantity", &"more than 64 bits"))?;
            let whole = Part { start: usage.start, end: usage.end, quantity, rating_group: None };
            self.part(&whole, events, &mut charges)?;
        }
        if let [only] = &mut **events {
            (only.start, only.end) = (usage.start, usage.end);
        }
        self.adjust_all(events, &mut charges)?;
        self.show_counters(events);
        Ok(())
    }

    /// What follows the charges of each event.
    fn adjust_all(&mut self, events: &mut Events<'a>, charges: &mut Charges<'a>) -> Result<(), Fault> {
        if events.len() > 1 {
            charges.sort_by_key(|charge| charge.event);
        }
        let mut rest = charges.as_mut_slice();
        for (at, event) in events.iter_mut().enumerate() {
            let own = rest.iter().take_while(|charge| charge.event == at).count();
            let (own, others) = rest.split_at_mut(own);
            self.adjust(event, own)?;
            rest = others;
        }
        Ok(())
    }

    /// **The order of evaluation**, from the match to the connection fee; [`Usage::adjust`] has the rest. `match →
    /// convert units → grace → minimum quantity → increments and bands → cover → steps and tiers → connection fee →`
    fn part(&mut self, part: &Part, events: &mut Events<'a>, charges: &mut Charges<'a>) -> Result<(), Fault> {
        self.facts.rating_group = part.rating_group;
        let place = self.place(part);
        let at = self.event_of(&place, part, events);
        let Some(matched) = self.matched(part) else {
            return Err(no_rate(self.ground.tariff, self.usage, &self.facts));
        };
        if self.usage.charged.is_some() && matched.rate.measure != Measure::Amount {
            return Err(no_amount_rate(self.usage, &matched));
        }
        let rate = matched.rate;
        let carries = (&self.carries, self.mirrored);
        let mut measured = measure((self.usage, part, rate), (&self.ground, &place), &self.draft, carries)?;
        let Some(event) = events.get_mut(at) else { return Ok(()) };
        let from_line = event.lines.len();
        let billed = if rate.measure == Measure::Amount {
            let of = (self.usage, self.mirrored);
            amounts(&matched, of, (&self.ground, &place), &mut self.draft, &mut event.lines)?;
            1
        } else {
            self.priced(&matched, (part, &place), &mut measured, event)?
        };
        if self.usage.parts.len() > 1 || !matches!(rate.round_over, RoundOver::Record) {
            let (of, at) = ((self.usage, part, rate), (&self.ground, &place));
            note((&measured, billed), of, at, &mut self.draft, &mut self.carries);
        }
        let unit = rate.measure.unit(self.usage.unit);
        self.meter((billed, unit), (part, &place))?;
        let add = |sum: i64, units: i64| sum.checked_add(units).ok_or_else(|| overflow("quantity", &units));
        event.raw_quantity = add(event.raw_quantity, part.quantity)?;
        event.billed_quantity = add(event.billed_quantity, billed)?;
        let own = event.lines.get(from_line..).unwrap_or(&[]);
        if !self.ground.version.adjusts() && !rate.adjusts() {
            event.amount = sum(event.amount, own)?;
            return Ok(());
        }
        let due = sum(self.ground.version.rounding.zero(), own)?;
        let (lines, measured) = (from_line..event.lines.len(), part.quantity != 0);
        let group = part.rating_group;
        charges.push(Charge { event: at, matched, place, group, lines, due, billed, unit, measured });
        Ok(())
    }

    /// Where a part lies; most begin with their usage.
    #[inline]
    fn place(&mut self, part: &Part) -> Place {
        match part.start.utc_ms == self.start.at_ms {
            true => self.start,
            false => self.clocks.place(self.ground.account, part.start.utc_ms),
        }
    }

    /// True when conditions hold for a part.
    #[inline]
    pub(crate) fn holds(&mut self, when: &Conditions, part: &Part) -> bool {
        let (clocks, account) = (&mut *self.clocks, self.ground.account);
        when.hold(&self.facts, |base, week| clocks.lies_in((base, week), account, part.start))
    }

    /// The rate that prices a part.
    #[inline]
    fn matched(&mut self, part: &Part) -> Option<Matched<'a>> {
        let (clocks, ground) = (&mut *self.clocks, &self.ground);
        let mut starts_in = |base, week: &Week| clocks.lies_in((base, week), ground.account, part.start);
        match_rate(ground.tariff, ground.version, (&self.facts, self.start.day), &mut starts_in)
    }

    /// Increments and bands, cover, steps and tiers, connection fee. Returns the billed units.
    fn priced(
        &mut self,
        matched: &Matched<'a>,
        (part, place): (&Part, &Place),
        measured: &mut Measured,
        event: &mut BillableEvent<'a>,
    ) -> Result<i64, Fault> {
        let Some(start) = self.start_of(matched, part) else {
            return Err(no_rate(self.ground.tariff, self.usage, &self.facts));
        };
        if measured.back {
            let kept = Span { before: 0, from: 0, end: measured.span.before, ..measured.span };
            self.walk(matched, (part, &start), kept)?;
            measured.span.from = billed_units(self.stretches)?.max(measured.span.before);
        }
        self.walk(matched, (part, &start), measured.span)?;
        let (covered, front) = self.cover((matched, &start), (part, place), measured.span, event)?;
        let open = billed_units(self.stretches)?;
        match &matched.rate.tiers {
            None => price((matched, part.rating_group), self.stretches, &mut event.lines)?,
            Some(list) => {
                let (rating_group, mirrored) = (part.rating_group, self.mirrored);
                let tiered = Tiered { matched, tiers: list, units: open, rating_group, mirrored };
                tiers(tiered, (&self.ground, place), &mut self.draft, &mut event.lines)?;
            }
        }
        let goes_on = matches!(matched.rate.round_over, RoundOver::Session(_)) && measured.span.from > 0;
        let any = measured.span.end > measured.span.before;
        if measured.first && !goes_on && any {
            let call = Call { matched, start, front, all_covered: covered > 0 && open == 0 };
            connection_fee(&call, &mut event.lines)?;
        }
        covered.checked_add(open).ok_or_else(|| overflow("quantity", &covered))
    }

    /// What holds where a part starts.
    #[inline]
    fn start_of(&mut self, matched: &Matched<'a>, part: &Part) -> Option<Start<'a>> {
        let Rate { week, time, .. } = matched.rate;
        let here = match week.is_constant() {
            true => InBand { band: 0, until_ms: i64::MAX },
            false => self.clocks.band((*time, week), self.ground.account, part.start),
        };
        Some(Start { here, price: matched.band(here.band)? })
    }

    /// Walks a span of a part: its portions stand in `stretches` then.
    #[inline]
    pub(crate) fn walk(
        &mut self,
        matched: &Matched,
        (part, start): (&Part, &Start),
        span: Span,
    ) -> Result<(), Fault> {
        let wall = wall(self.clocks, (matched, self.ground.account), (part, start.here));
        match walk((matched, start), span, wall, self.stretches)? {
            true => Ok(()),
            false => Err(no_rate(self.ground.tariff, self.usage, &self.facts)),
        }
    }

    /// What allowances give: covered units, and the allowance that covered the first portion.
    #[inline]
    fn cover(
        &mut self,
        (matched, start): (&Matched<'a>, &Start<'a>),
        (part, place): (&Part, &Place),
        span: Span,
        event: &mut BillableEvent<'a>,
    ) -> Result<(i64, Option<&'a Allowance>), Fault> {
        if self.mirrored || self.ground.version.allowances.is_empty() || self.stretches.is_empty() {
            return Ok((0, None));
        }
        let unit = matched.rate.measure.unit(self.usage.unit);
        let (place, usage, first_line) = (*place, self, event.lines.len());
        let mut cover = Cover {
            usage,
            event,
            part,
            start,
            place,
            matched,
            unit,
            span,
            first_line,
            covered: 0,
            front: None,
        };
        cover.run()?;
        Ok((cover.covered, cover.front))
    }

    /// Counts billed units for capacity prices. Usage that is charged as an event moves no meter of time or volume.
    #[inline]
    fn meter(&mut self, (billed, unit): (i64, Unit), (part, place): (&Part, &Place)) -> Result<(), Fault> {
        for capacity in &self.ground.version.capacities {
            for meter in &capacity.meters {
                if meter.unit != unit || !self.holds(&meter.when, part) {
                    continue;
                }
                let key = self.ground.key(meter.counter, (capacity.shared, Period::Cycle), place);
                let billed = if self.mirrored { -billed } else { billed };
                let sum = self.draft.units(key)?.checked_add(billed);
                let sum = sum.ok_or_else(|| overflow("quantity", &billed))?;
                self.draft.set(key, Decimal::from(sum));
            }
        }
        Ok(())
    }
}

/// An amount rated elsewhere is charged by a rate of amounts only: a price of the plan instead would be a guess about who
/// is right.
#[cold]
fn no_amount_rate(usage: &UsageRecord, matched: &Matched) -> Fault {
    let charged = usage.charged.map_or_else(String::new, |charged| charged.to_string());
    let found = format!("{charged}: rate {} is of no amount", matched.rate.id);
    Fault::new(Code::NoRate, "charged", found.as_bytes())
}

#[inline]
fn billed_units(stretches: &[Stretch]) -> Result<i64, Fault> {
    let sum = stretches.iter().try_fold(0i64, |sum, stretch: &Stretch| sum.checked_add(stretch.units()));
    sum.ok_or_else(|| overflow("quantity", &"more than 64 bits"))
}
