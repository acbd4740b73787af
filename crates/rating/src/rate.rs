//! The order of evaluation: how one usage becomes billable events.
//! Relies on the tariff being compiled and the usage guided; what a step does stands in `steps`.
//! Never leaves balances half-changed: on a fault nothing of the usage counts.

use crate::balances::{AccountBalances, Draft};
use crate::bill::Charge;
use crate::clocks::{Clocks, wall};
use crate::facts::facts;
use crate::ground::{Ground, Place};
use crate::steps::amounts::amounts;
use crate::steps::connection_fee::{Call, connection_fee};
use crate::steps::cover::Cover;
use crate::steps::increments::{Span, Stretch, Stretches, walk};
use crate::steps::match_rate::{Matched, match_rate, no_rate};
use crate::steps::measure::{Carries, Measured, measure, note};
use crate::steps::price::price;
use crate::steps::tiers::{Tiered, tiers};
use crate::steps::{no_amount, overflow};
use caudal_tariff::{Facts, Measure, PlanVersion, Rate, RoundOver, Tariff, Week};
use caudal_usage::Notification;
use caudal_usage::money::add_exact;
use caudal_usage::time::RANGE_MS;
use caudal_usage::{
    Account, Balance, BillableEvent, Code, Date, Decimal, EventId, EventKind, Fault, Operation, Part, Roster,
    Run, Service, Subscription, Unit, UsageRecord,
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

/// The events of one usage: one for each cycle in which a part of it lies.
pub type Events<'a> = SmallVec<[BillableEvent<'a>; 1]>;

/// Rates usages one after the other. Holds caches and scratch lists, so every shard has its own.
pub struct Rater<'t> {
    pub(crate) tariff: &'t Tariff,
    pub(crate) clocks: Clocks,
    pub(crate) changed: Vec<Balance>,
}

impl<'t> Rater<'t> {
    /// Empty caches over `tariff`.
    pub fn new(tariff: &'t Tariff) -> Self {
        Self { tariff, clocks: Clocks::default(), changed: Vec::new() }
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

    /// The same into a list of the caller's, which is emptied first: an event is a kilobyte, and is filled where it lies.
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
        let (ground, day, facts) = begin(self.tariff, input, &mut self.clocks)?;
        let mut usage = Usage {
            input: *input,
            ground,
            day,
            facts,
            clocks: &mut self.clocks,
            draft: Draft::new(balances, &mut self.changed),
            notes: Vec::new(),
            carries: Carries::default(),
            charges: Vec::new(),
            mirrored: input.usage.parts.iter().any(|part| part.quantity < 0),
        };
        if let Err(fault) = usage.evaluate(events) {
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

/// One usage on its way.
pub(crate) struct Usage<'a, 'w> {
    pub(crate) input: RatingInput<'a>,
    pub(crate) ground: Ground<'a>,
    /// Local day of the chargeable start, which picks all versions.
    day: i32,
    pub(crate) facts: Facts,
    pub(crate) clocks: &'w mut Clocks,
    pub(crate) draft: Draft<'w>,
    pub(crate) notes: Vec<Notification>,
    carries: Carries,
    /// What is due, by event.
    pub(crate) charges: Vec<(usize, Charge<'a>)>,
    pub(crate) mirrored: bool,
}

/// Finds the plan version, the local day and the facts, as of the chargeable start.
fn begin<'a>(
    tariff: &'a Tariff,
    input: &RatingInput<'a>,
    clocks: &mut Clocks,
) -> Result<(Ground<'a>, i32, Facts), Fault> {
    let usage = input.usage;
    if usage.parts.iter().map(|part| part.start).chain([usage.start]).any(|at| !RANGE_MS.contains(&at.utc_ms))
    {
        return Err(overflow("start", &usage.start.utc_ms));
    }
    let day = clocks.of(input.account.time_zone).day(usage.start.utc_ms);
    let plan = input.subscription.plan;
    let version = tariff.plan_version(plan, day).ok_or_else(|| no_version(tariff, plan, day))?;
    if version.currency != input.account.currency {
        let found = format!("account in {}, plan in {}", input.account.currency, version.currency);
        return Err(Fault::new(Code::NoRate, "currency", found.as_bytes()));
    }
    let facts = facts(tariff, usage, input.account, day);
    let RatingInput { account, subscription, roster, .. } = *input;
    Ok((Ground { tariff, version, account, subscription, roster }, day, facts))
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
        for at in 0..events.len() {
            if let Some(event) = events.get_mut(at) {
                self.adjust(at, event)?;
            }
        }
        self.show_counters(events);
        Ok(())
    }

    /// **The order of evaluation**, from the match to the connection fee; [`Usage::adjust`] has the rest. `match →
    /// convert units → grace → minimum quantity → increments and bands → cover → steps and tiers → connection fee →`
    fn part(&mut self, part: &Part, events: &mut Events<'a>) -> Result<(), Fault> {
        self.facts.rating_group = part.rating_group;
        let place = self.clocks.place(self.input.account, part.start.utc_ms);
        let at = self.event_of(&place, part, events);
        let matched = self.matched(part)?;
        let measured = measure(
            (self.input.usage, part, matched.rate),
            (&self.ground, &place),
            &self.draft,
            &self.carries,
        )?;
        let Some(event) = events.get_mut(at) else { return Ok(()) };
        let from_line = event.lines.len();
        let billed = if matched.rate.measure == Measure::Amount {
            amounts(&matched, self.input.usage, (&self.ground, &place), &mut self.draft, &mut event.lines)?;
            1
        } else {
            self.priced(&matched, (part, &place), &measured, event)?
        };
        let keep = self.input.usage.parts.len() > 1 || !matches!(matched.rate.round_over, RoundOver::Record);
        if keep {
            let of = (matched.rate, part.rating_group, place.cycle);
            note(&measured, billed, of, &mut self.draft, &mut self.carries);
        }
        self.meter((billed, matched.rate), (part, &place))?;
        let add = |sum: i64, units: i64| sum.checked_add(units).ok_or_else(|| overflow("quantity", &units));
        event.raw_quantity = add(event.raw_quantity, part.quantity)?;
        event.billed_quantity = add(event.billed_quantity, billed)?;
        if !self.ground.version.adjusts() && !matched.rate.adjusts() {
            for line in event.lines.iter().skip(from_line) {
                event.amount =
                    add_exact(event.amount, line.amount).map_err(|error| no_amount(error, line.quantity))?;
            }
            return Ok(());
        }
        let mut due = self.ground.version.rounding.zero();
        for line in event.lines.iter().skip(from_line) {
            due = add_exact(due, line.amount).map_err(|error| no_amount(error, line.quantity))?;
        }
        let lines = from_line..event.lines.len();
        let (group, measured) = (part.rating_group, part.quantity != 0);
        let unit = if matched.rate.measure == Measure::Units { self.input.usage.unit } else { Unit::Event };
        self.charges.push((at, Charge { matched, place, group, lines, due, billed, unit, measured }));
        Ok(())
    }

    /// The rate that prices a part. An amount rated elsewhere is charged by a rate of amounts only: a price of the plan
    /// instead would be a guess about who is right.
    fn matched(&mut self, part: &Part) -> Result<Matched<'a>, Fault> {
        let (clocks, account) = (&mut *self.clocks, self.input.account);
        let mut starts_in = |base, week: &Week| clocks.lies_in((base, week), account, part.start);
        let found =
            match_rate(self.ground.tariff, self.ground.version, (&self.facts, self.day), &mut starts_in);
        let matched = found.ok_or_else(|| no_rate(self.ground.tariff, self.input.usage, &self.facts))?;
        match &self.input.usage.charged {
            Some(charged) if matched.rate.measure != Measure::Amount => {
                let found = format!("{charged}: rate {} is of no amount", matched.rate.id);
                Err(Fault::new(Code::NoRate, "charged", found.as_bytes()))
            }
            _ => Ok(matched),
        }
    }

    /// Increments and bands, cover, steps and tiers, connection fee. Returns the billed units.
    fn priced(
        &mut self,
        matched: &Matched<'a>,
        (part, place): (&Part, &Place),
        measured: &Measured,
        event: &mut BillableEvent<'a>,
    ) -> Result<i64, Fault> {
        let start_band = self.start_band(matched, part);
        let stretches = self.walk(matched, (part, start_band), measured.span)?;
        let (covered, front, stretches) =
            self.cover((matched, start_band), (part, place), (measured.span, stretches), event)?;
        let open = billed_units(&stretches)?;
        match &matched.rate.tiers {
            None => price((matched, part.rating_group), &stretches, &mut event.lines)?,
            Some(list) => {
                let (rating_group, mirrored) = (part.rating_group, self.mirrored);
                let tiered = Tiered { matched, tiers: list, units: open, rating_group, mirrored };
                tiers(tiered, (&self.ground, place), &mut self.draft, &mut event.lines)?;
            }
        }
        let goes_on = matches!(matched.rate.round_over, RoundOver::Session(_)) && measured.span.from > 0;
        let any = measured.span.end > measured.span.before;
        if measured.first && !goes_on && any {
            let call = Call { matched, band: start_band, front, all_covered: covered > 0 && open == 0 };
            connection_fee(&call, &mut event.lines)?;
        }
        covered.checked_add(open).ok_or_else(|| overflow("quantity", &covered))
    }

    /// The band in which a part starts. Only calls are split at bands: other usage lies whole in that of its start.
    fn start_band(&mut self, matched: &Matched, part: &Part) -> u16 {
        if matched.rate.week.is_constant() {
            return 0;
        }
        self.clocks.band((matched.rate.time, &matched.rate.week), self.input.account, part.start)
    }

    fn walk(&mut self, matched: &Matched, at: (&Part, u16), span: Span) -> Result<Stretches, Fault> {
        let wall = wall(self.clocks, (matched, self.input.account), at);
        walk(matched, span, wall)?.ok_or_else(|| no_rate(self.ground.tariff, self.input.usage, &self.facts))
    }

    /// What allowances give: covered units, the allowance that covered the first portion, and the portions left.
    #[allow(clippy::type_complexity, reason = "three results of one step, named in its first line")]
    fn cover(
        &mut self,
        (matched, start_band): (&Matched<'a>, u16),
        (part, place): (&Part, &Place),
        (span, stretches): (Span, Stretches),
        event: &mut BillableEvent<'a>,
    ) -> Result<(i64, Option<&'a caudal_tariff::Allowance>, Stretches), Fault> {
        if self.mirrored || self.ground.version.allowances.is_empty() || stretches.is_empty() {
            return Ok((0, None, stretches));
        }
        let account = self.input.account;
        let (tariff, usage) = (self.ground.tariff, self.input.usage);
        // Two closures share the clocks, one at a time.
        let clocks = std::cell::RefCell::new(&mut *self.clocks);
        let facts = &self.facts;
        let mut starts_in =
            |base, week: &Week| clocks.borrow_mut().lies_in((base, week), account, part.start);
        let mut rewalk = |span: Span| {
            let mut clocks = clocks.borrow_mut();
            let wall = wall(&mut clocks, (matched, account), (part, start_band));
            walk(matched, span, wall)?.ok_or_else(|| no_rate(tariff, usage, facts))
        };
        let unit = if matched.rate.measure == Measure::Events { Unit::Event } else { usage.unit };
        let mut cover = Cover {
            ground: &self.ground,
            place: *place,
            facts,
            matched,
            unit,
            span,
            stretches,
            draft: &mut self.draft,
            uses: &mut event.allowance_uses,
            lines: &mut event.lines,
            notes: &mut self.notes,
            covered: 0,
            front: None,
        };
        cover.run(&mut starts_in, &mut rewalk)?;
        Ok((cover.covered, cover.front, cover.stretches))
    }

    /// Counts billed units for capacity prices.
    fn meter(&mut self, (billed, rate): (i64, &Rate), (part, place): (&Part, &Place)) -> Result<(), Fault> {
        let ground = self.ground;
        for capacity in &ground.version.capacities {
            for meter in &capacity.meters {
                let (clocks, account) = (&mut *self.clocks, self.input.account);
                let starts_in = |base, week: &Week| clocks.lies_in((base, week), account, part.start);
                // Usage that is charged as an event moves no meter of time or volume.
                let counted =
                    if rate.measure == Measure::Units { self.input.usage.unit } else { Unit::Event };
                if meter.unit != counted || !meter.when.hold(&self.facts, starts_in) {
                    continue;
                }
                let key = ground.key(meter.counter, (capacity.shared, caudal_tariff::Period::Cycle), place);
                let billed = if self.mirrored { -billed } else { billed };
                let sum = self.draft.units(key)?.checked_add(billed);
                let sum = sum.ok_or_else(|| overflow("quantity", &billed))?;
                self.draft.set(key, Decimal::from(sum));
            }
        }
        Ok(())
    }

    /// The event of a cycle, begun where it is the first part there.
    fn event_of(&self, place: &Place, part: &Part, events: &mut Events<'a>) -> usize {
        let at = match events.iter().position(|event| event.cycle == place.cycle) {
            Some(at) => at,
            None => {
                events.push(self.new_event(place.cycle, part));
                events.len() - 1
            }
        };
        if let Some(event) = events.get_mut(at) {
            event.start = event.start.min(part.start);
            event.end = event.end.max(part.end);
        }
        at
    }

    fn new_event(&self, cycle: Date, part: &Part) -> BillableEvent<'a> {
        let RatingInput { usage, run, account, subscription, .. } = self.input;
        let version: &'a PlanVersion = self.ground.version;
        BillableEvent {
            id: EventId::of_usage(usage.identity, run, cycle, 0),
            revision: 0,
            kind: EventKind::Usage,
            operation: Operation::Charge,
            supersedes: None,
            run,
            account: &account.id,
            subscription: &subscription.id,
            plan: &version.plan,
            plan_version: &version.version,
            service: usage.service,
            record_type: usage.record_type,
            start: part.start,
            end: part.end,
            raw_quantity: 0,
            billed_quantity: 0,
            unit: usage.unit,
            calling: &usage.calling,
            called: &usage.called,
            zone: self.facts.zone.map(|zone| self.ground.tariff.zone_name(zone)),
            lines: SmallVec::new(),
            allowance_uses: SmallVec::new(),
            discounts: SmallVec::new(),
            counters: Vec::new(),
            notifications: Vec::new(),
            amount: version.rounding.zero(),
            currency: version.currency,
            tax_category: version.tax_category.as_deref(),
            gl_code: version.gl_code.as_deref(),
            cycle,
            original_cycle: cycle,
            late: false,
        }
    }
}

fn billed_units(stretches: &Stretches) -> Result<i64, Fault> {
    let sum = stretches.iter().try_fold(0i64, |sum, stretch: &Stretch| sum.checked_add(stretch.units()));
    sum.ok_or_else(|| overflow("quantity", &"more than 64 bits"))
}
