//! The close of an account's cycle: what only the whole cycle decides.
//! Relies on the counters that usage moved on; recurring charges are not its business.
//! Never charges twice: the caller closes a cycle once.

use crate::adjust::settle;
use crate::balances::{AccountBalances, Draft};
use crate::bill::{Bill, Charge, sum};
use crate::clock::period_end;
use crate::ground::{Ground, Place};
use crate::rate::Rater;
use crate::steps::caps::count_towards;
use crate::steps::cover::plain_line;
use crate::steps::discounts::Judge;
use crate::steps::exact;
use crate::steps::match_rate::{Matched, levels};
use crate::steps::tiers::{counter_of, package_line, packages, reached, reached_lines};
use caudal_tariff::{
    Capacity, Commitment, Facts, Model, Package, Period, PlanVersion, Rate, TierStep, Tiers,
};
use caudal_usage::money::add_exact;
use caudal_usage::{
    Account, BalanceKey, ChargeLine, Date, Decimal, Direction, Fault, LineKind, Lines, Notification, Price,
    Reductions, Roster, Rounding, Service, Subscription, Uses,
};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// Whose cycle is closed.
#[derive(Clone, Copy)]
pub struct CloseInput<'a> {
    /// The account.
    pub account: &'a Account,
    /// Its subscriptions that held in the cycle, one version of each for each plan that it had.
    pub subscriptions: &'a [&'a Subscription],
    /// First day of the cycle.
    pub cycle: Date,
    /// The subscriptions of all accounts.
    pub roster: &'a dyn Roster,
}

/// One charge of a close.
#[derive(Clone, Debug)]
pub struct CloseCharge<'a> {
    /// `tier`, `package`, `capacity` or `commitment`.
    pub kind: &'static str,
    /// Id of the rate, capacity price or commitment.
    pub id: &'a str,
    /// The plan that charges it.
    pub plan: &'a str,
    /// Content hash of that plan's version.
    pub plan_version: &'a str,
    /// The subscription that it is for; of what several share, the first.
    pub subscription: &'a str,
    /// Its lines.
    pub lines: Lines<'a>,
    /// What discounts took off.
    pub discounts: Reductions<'a>,
    /// What money paid.
    pub uses: Uses<'a>,
    /// Thresholds that it passed.
    pub notifications: Vec<Notification>,
    /// What is charged.
    pub amount: Decimal,
}

impl<'t> Rater<'t> {
    /// Closes a cycle: its charges, with `balances` moved on; or the fault, with `balances` as they were.
    pub fn close<'a>(
        &mut self,
        input: &CloseInput<'a>,
        balances: &mut AccountBalances,
    ) -> Result<Vec<CloseCharge<'a>>, Fault>
    where
        't: 'a,
    {
        let before = balances.clone();
        let closed = self.close_all(input, balances);
        if closed.is_err() {
            *balances = before;
        }
        closed
    }

    fn close_all<'a>(
        &mut self,
        input: &CloseInput<'a>,
        balances: &mut AccountBalances,
    ) -> Result<Vec<CloseCharge<'a>>, Fault>
    where
        't: 'a,
    {
        let mut charges = Vec::new();
        let mut done: Vec<BalanceKey> = Vec::new();
        let end = period_end(Period::Cycle, input.account.anchor, input.cycle);
        let last_ms = input.account.time_zone.start_of(end.local_ms()).utc_ms - 1;
        // When the last plan that each had in the cycle began.
        let mut newest = BTreeMap::new();
        for subscription in input.subscriptions {
            let from_ms = newest.entry(subscription.index).or_insert(subscription.validity.from_ms);
            *from_ms = subscription.validity.from_ms.max(*from_ms);
        }
        // What several subscriptions share is closed once all of them have been charged what it looks at.
        for stage in [Stage::Tiers, Stage::Capacities, Stage::Commitments] {
            for subscription in input.subscriptions {
                // Of a plan that was left in the cycle, only what its usage waits for is charged.
                let from_ms = newest.get(&subscription.index);
                let left = from_ms.is_some_and(|from_ms| *from_ms > subscription.validity.from_ms);
                if left && matches!(stage, Stage::Commitments) {
                    continue;
                }
                let place = Place { at_ms: last_ms, day: end.to_days() - 1, cycle: input.cycle };
                // The plan of the last day on which the subscription held.
                let held_ms = last_ms.min(subscription.validity.to_ms.saturating_sub(1));
                let day = self.clocks.of(input.account.time_zone).day(held_ms);
                let Some(version) = self.tariff.plan_version(subscription.plan, day) else { continue };
                let ground = Ground {
                    tariff: self.tariff,
                    version,
                    account: input.account,
                    subscription,
                    roster: input.roster,
                };
                let mut closing = Closing {
                    ground,
                    place,
                    draft: Draft::new(balances, &mut self.changed),
                    charges: &mut charges,
                    done: &mut done,
                    left,
                };
                closing.run(stage)?;
                for balance in &self.changed {
                    balances.set(*balance);
                }
            }
        }
        Ok(charges)
    }
}

/// What is closed, one after the other.
#[derive(Clone, Copy)]
enum Stage {
    Tiers,
    Capacities,
    Commitments,
}

/// One subscription's part of a close.
struct Closing<'c, 'a> {
    ground: Ground<'a>,
    place: Place,
    draft: Draft<'c>,
    charges: &'c mut Vec<CloseCharge<'a>>,
    /// What was charged for all that share it.
    done: &'c mut Vec<BalanceKey>,
    /// True when the subscription has another plan at the end of the cycle.
    left: bool,
}

impl<'a> Closing<'_, 'a> {
    fn run(&mut self, stage: Stage) -> Result<(), Fault> {
        let version = self.ground.version;
        match stage {
            Stage::Tiers => self.all_tiers(),
            Stage::Capacities => version.capacities.iter().try_for_each(|capacity| self.capacity(capacity)),
            Stage::Commitments => {
                version.commitments.iter().try_for_each(|commitment| self.commitment(commitment))
            }
        }
    }

    fn all_tiers(&mut self) -> Result<(), Fault> {
        for of in levels(self.ground.tariff, self.ground.version, self.place.day) {
            for rate in of.rates.iter() {
                if let Some(tiers) = &rate.tiers {
                    self.tiers(rate, (of, tiers))?;
                }
            }
        }
        Ok(())
    }

    /// True the first time that a balance is asked for.
    fn first(&mut self, key: BalanceKey) -> bool {
        let first = !self.done.contains(&key);
        if first {
            self.done.push(key);
        }
        first
    }

    fn tiers(&mut self, rate: &'a Rate, (version, tiers): (&'a PlanVersion, &'a Tiers)) -> Result<(), Fault> {
        if tiers.over != Period::Cycle {
            return Ok(());
        }
        let Some(key) = counter_of(tiers, (&self.ground, &self.place)) else { return Ok(()) };
        if !self.first(key) {
            return Ok(());
        }
        let matched = Matched::of_rate(rate, version);
        let mut lines = SmallVec::new();
        let used = match &tiers.model {
            // Amounts are not whole units; only whether there were any matters here.
            Model::Percentage(_) => i64::from(!self.draft.used(key).is_zero()),
            _ => self.draft.units(key)?,
        };
        if self.left && used == 0 {
            return Ok(());
        }
        match &tiers.model {
            Model::Volume(steps) | Model::StairStep(steps) if used > 0 => {
                let (index, step) = reached(steps, used);
                reached_lines(&matched, tiers, (index, step, used), &mut lines)?;
            }
            Model::Graduated(steps) | Model::Volume(steps) | Model::StairStep(steps) => {
                let nothing = used == 0 && tiers.zero_usage;
                if let Some(first) = steps.first().filter(|first| nothing && !first.flat_fee.is_zero()) {
                    let fee = TierStep { price: Price { amount: Decimal::ZERO, per: 1 }, ..*first };
                    reached_lines(&matched, tiers, (0, fee, 0), &mut lines)?;
                }
            }
            Model::Package(package) => lines.extend(minimum(&matched, package, (used, tiers.zero_usage))?),
            Model::Percentage(_) => {}
        }
        let kind = if matches!(tiers.model, Model::Package(_)) { "package" } else { "tier" };
        self.charge((kind, &rate.id), matched, lines)
    }

    fn capacity(&mut self, capacity: &'a Capacity) -> Result<(), Fault> {
        let mut sums = Vec::with_capacity(capacity.meters.len());
        for meter in capacity.meters.iter() {
            let key = self.ground.key(meter.counter, (capacity.shared, Period::Cycle), &self.place);
            if sums.is_empty() && !self.first(key) {
                return Ok(());
            }
            sums.push(self.draft.units(key)?);
        }
        if self.left && sums.iter().all(|sum| *sum == 0) {
            return Ok(());
        }
        let holds = |bounds: &[Option<i64>]| {
            bounds.iter().zip(&sums).all(|(bound, sum)| bound.is_none_or(|bound| *sum <= bound))
        };
        let found = capacity.steps.iter().enumerate().find(|(_, step)| holds(&step.holds));
        let Some((index, step)) = found.or(capacity.steps.iter().enumerate().next_back()) else {
            return Ok(());
        };
        let line = self.line(LineKind::FlatFee, &capacity.id, step.price)?;
        let line = ChargeLine { step: u32::try_from(index + 1).ok(), ..line };
        let amount = line.amount;
        self.plain(("capacity", &capacity.id), line)?;
        for commitment in self.ground.version.commitments.iter().filter(|of| of.scope.is_none()) {
            count_towards(commitment, (&self.ground, &self.place), &mut self.draft, amount)?;
        }
        Ok(())
    }

    fn commitment(&mut self, commitment: &'a Commitment) -> Result<(), Fault> {
        let key = self.ground.key(commitment.counter, (commitment.shared, Period::Cycle), &self.place);
        if !self.first(key) {
            return Ok(());
        }
        let mut promised = commitment.amount;
        if commitment.prorated {
            let end = period_end(Period::Cycle, self.ground.account.anchor, self.place.cycle);
            let held = self.ground.days_held(commitment.shared, (self.place.cycle, end));
            let all = i64::from(end.to_days() - self.place.cycle.to_days());
            let point: Rounding = self.ground.version.rounding.cycle;
            promised = exact(point.ratio(promised, held, all.max(1)), "amount")?;
        }
        let lacking = exact(add_exact(promised, -self.draft.used(key)), "amount")?;
        if lacking <= Decimal::ZERO {
            return Ok(());
        }
        let line = self.line(LineKind::Minimum, &commitment.id, lacking)?;
        self.plain(("commitment", &commitment.id), line)
    }

    /// A line of an amount by itself.
    fn line(&self, kind: LineKind, id: &'a str, amount: Decimal) -> Result<ChargeLine<'a>, Fault> {
        let version = self.ground.version;
        let rounded = exact(version.rounding.line.round(amount), "amount")?;
        Ok(ChargeLine {
            amount: rounded,
            ..plain_line(kind, (id, &version.version), (1, Price { amount, per: 1 }))
        })
    }

    /// A charge that no discount or cap is about.
    fn plain(&mut self, (kind, id): (&'static str, &'a str), line: ChargeLine<'a>) -> Result<(), Fault> {
        let amount = line.amount;
        let charge = self.head((kind, id));
        self.charges.push(CloseCharge { lines: smallvec::smallvec![line], amount, ..charge });
        Ok(())
    }

    fn head(&self, (kind, id): (&'static str, &'a str)) -> CloseCharge<'a> {
        let version = self.ground.version;
        CloseCharge {
            kind,
            id,
            plan: &version.plan,
            plan_version: &version.version,
            subscription: &self.ground.subscription.id,
            lines: SmallVec::new(),
            discounts: SmallVec::new(),
            uses: SmallVec::new(),
            notifications: Vec::new(),
            amount: Decimal::ZERO,
        }
    }

    /// A charge of a rate: discounts, caps, commitments and money are applied as to usage.
    fn charge(
        &mut self,
        head: (&'static str, &'a str),
        matched: Matched<'a>,
        lines: Lines<'a>,
    ) -> Result<(), Fault> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut charge = self.head(head);
        charge.lines = lines;
        let due = sum(Decimal::ZERO, &charge.lines)?;
        let (place, all) = (self.place, 0..charge.lines.len());
        let service = Service::ALL
            .into_iter()
            .find(|service| {
                matched.rate.when.services & caudal_tariff::Conditions::service_bit(*service) != 0
            })
            .unwrap_or(Service::Voice);
        let unit = matched.rate.measure.unit(service.unit());
        let mut charges = [Charge {
            event: 0,
            matched,
            place,
            group: None,
            lines: all,
            due,
            billed: 0,
            unit,
            measured: true,
        }];
        let mut bill = Bill {
            lines: &mut charge.lines,
            discounts: &mut charge.discounts,
            uses: &mut charge.uses,
            charges: &mut charges,
            mirrored: false,
        };
        let mut facts = Facts::of(service, Direction::Out);
        facts.account = self.ground.tariff.words().account_of(&self.ground.account.id);
        let (ground, draft) = (&self.ground, &mut self.draft);
        let mut judge = Judge { ground, facts: &mut facts, draft, place };
        // What was priced by the whole cycle starts at no time of day.
        let mut lies_in = |_: &Place, _, _: &caudal_tariff::Week| false;
        let mut notes = Vec::new();
        settle(&mut judge, &mut bill, &mut notes, &mut lies_in)?;
        charge.amount = charges.first().map_or(Decimal::ZERO, |charge| charge.due);
        charge.notifications = notes;
        self.charges.push(charge);
        Ok(())
    }
}

/// Packages that lack to the minimum of a cycle with usage, or the first of one without.
fn minimum<'a>(
    matched: &Matched<'a>,
    package: &Package,
    (used, zero_usage): (i64, bool),
) -> Result<Option<ChargeLine<'a>>, Fault> {
    let started = packages(package, used)?;
    let least = match used {
        0 if zero_usage => package.minimum.max(1),
        0 => 0,
        _ => package.minimum,
    };
    if started >= least {
        return Ok(None);
    }
    package_line(matched, package, (least - started, used)).map(Some)
}
