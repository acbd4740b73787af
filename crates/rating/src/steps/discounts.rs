//! Discounts: what is taken off the charges of an event, one after the other.
//! Relies on bounds having been met; each discount works on what the one before left.
//! Never takes more than is due, and never counts a redemption: that is an input of its own.

use super::{above_zero, exact, overflow, percent_of};
use crate::balances::Draft;
use crate::bill::{Bill, Charge, due, take_off};
use crate::clock::month_of;
use crate::ground::{Ground, Place};
use caudal_tariff::charges::in_scope;
use caudal_tariff::{Discount, DiscountKind, Facts, Period, Shared, TimeBase, Week};
use caudal_usage::money::add_exact;
use caudal_usage::{BalanceKey, ChargeLine, Date, Decimal, DiscountUse, Fault, LineKind};
use smallvec::SmallVec;
use std::ops::Range;

/// Instance of the balance that notes in which month a fixed discount began.
const FIRST_MONTH: u64 = 1;

/// Says whether a place lies in band 0 of a week.
pub type LiesIn<'s> = &'s mut dyn FnMut(&Place, TimeBase, &Week) -> bool;

/// What discounts, and what follows them, are judged by.
pub struct Judge<'j, 'a, 'b> {
    /// Who is served.
    pub ground: &'j Ground<'a>,
    /// The facts of the usage; the rating group is that of the charge at hand.
    pub facts: &'j mut Facts,
    /// Balances.
    pub draft: &'j mut Draft<'b>,
    /// Where the event lies.
    pub place: Place,
}

/// Indexes of charges; an event has one or two.
type Which = SmallVec<[usize; 4]>;

/// A discount with the charges that it is about.
struct Fit<'a> {
    discount: &'a Discount,
    /// Where their indexes stand in the list of all.
    charges: Range<usize>,
    /// The first day of the cycle from which it holds, where it does.
    since: Option<Date>,
}

/// Takes all discounts off. Which charges a discount is about, and whether it holds, is decided by what was due and used
/// before any of them.
pub fn discounts<'a>(
    judge: &mut Judge<'_, 'a, '_>,
    bill: &mut Bill<'_, 'a>,
    lies_in: LiesIn,
) -> Result<(), Fault> {
    let (mut fits, mut all) = (SmallVec::<[Fit<'a>; 2]>::new(), Which::new());
    for discount in &judge.ground.version.discounts {
        let from = all.len();
        for (at, charge) in bill.charges.iter().enumerate() {
            if judge.fits(discount, charge, lies_in) {
                all.push(at);
            }
        }
        if all.len() > from {
            fits.push(Fit { discount, charges: from..all.len(), since: judge.active(discount)? });
        }
    }
    let of = |fit: &Fit| all.get(fit.charges.clone()).unwrap_or(&[]);
    let mut own = Which::new();
    for fit in fits.iter().filter(|fit| fit.discount.of_accounts && fit.since.is_some()) {
        own.extend_from_slice(of(fit));
    }
    let mut gross = SmallVec::<[Decimal; 2]>::new();
    if fits.iter().any(|fit| fit.discount.after_spend.is_some()) {
        gross.extend(bill.charges.iter().map(|charge| charge.due));
    }
    for fit in &fits {
        let charges = of(fit);
        if let Some(since) = fit.since {
            let own = if fit.discount.of_accounts { &[] } else { own.as_slice() };
            judge.take(fit.discount, bill, (charges, own, since))?;
        }
        judge.count(fit.discount, bill, (charges, &gross))?;
    }
    Ok(())
}

impl<'a> Judge<'_, 'a, '_> {
    /// True when a charge is in the scope of a discount and fulfils its conditions.
    fn fits(&mut self, discount: &Discount, charge: &Charge<'_>, lies_in: LiesIn) -> bool {
        if !in_scope(&discount.scope, charge.rate()) {
            return false;
        }
        self.facts.rating_group = charge.group;
        discount.when.hold(self.facts, |base, week| lies_in(&charge.place, base, week))
    }

    /// The first day of the cycle from which a discount holds, where it does now.
    fn active(&self, discount: &Discount) -> Result<Option<Date>, Fault> {
        let ground = self.ground;
        let cycle = self.place.cycle;
        let carries = matches!(discount.kind, DiscountKind::Amount(_)) && discount.carries;
        let since = match &discount.code {
            Some(_) => {
                let owner = ground.owner(Shared::Account);
                let redeemed = self.draft.standing().of_counter(owner, discount.redeemed);
                let known = redeemed.map(|balance| balance.key.period).filter(|period| *period <= cycle);
                match known.max() {
                    Some(since) => since,
                    None => return Ok(None),
                }
            }
            // Only what ends, or goes on from the first cycle, asks when it began.
            None if discount.cycles.is_none() && !carries => cycle,
            None => self.beginning(),
        };
        let passed = month_of(cycle) - month_of(since);
        let over = discount.cycles.is_some_and(|cycles| i64::from(passed) >= i64::from(cycles));
        if (over && !carries) || !self.old_enough(discount) || !self.used_enough(discount)? {
            return Ok(None);
        }
        Ok(Some(since))
    }

    /// The first day of the cycle in which the subscription has the plan, and the plan its first version.
    fn beginning(&self) -> Date {
        let ground = self.ground;
        let from = ground.shared_since(Shared::Subscription).max(ground.plan_since());
        crate::clock::period_start(Period::Cycle, ground.account.anchor, from.min(self.place.day))
    }

    fn old_enough(&self, discount: &Discount) -> bool {
        if discount.tenure_months == 0 {
            return true;
        }
        let ground = self.ground;
        let since = Date::from_days(ground.local_day(ground.subscribed_ms()).clamp(-700_000, 700_000));
        let now = Date::from_days(self.place.day);
        // The 31st comes round on the last day of a shorter month.
        let day = since.day.min(caudal_usage::time::days_in_month(now.year, now.month));
        let months = month_of(now) - month_of(since) - i32::from(now.day < day);
        i64::from(months) >= i64::from(discount.tenure_months)
    }

    fn used_enough(&self, discount: &Discount) -> Result<bool, Fault> {
        let key = |counter| self.ground.key(counter, (Shared::Subscription, Period::Cycle), &self.place);
        if discount.after_spend.is_some_and(|least| self.draft.used(key(discount.spend)) < least) {
            return Ok(false);
        }
        match discount.after_quantity {
            Some((least, _)) => Ok(self.draft.units(key(discount.quantity))? >= least),
            None => Ok(true),
        }
    }

    /// Takes one discount off those `charges` of which something is due, and on which no discount of the account's own
    /// stands in its place.
    fn take(
        &mut self,
        discount: &'a Discount,
        bill: &mut Bill<'_, 'a>,
        (charges, own, since): (&[usize], &[usize], Date),
    ) -> Result<(), Fault> {
        let due_of = |at: usize| bill.charges.get(at).map_or(Decimal::ZERO, |charge| charge.due);
        let is_open = |at: &usize| !own.contains(at) && above_zero(due_of(*at));
        let mut some = Which::new();
        // Nearly always it is about all of them.
        let open = if charges.iter().all(is_open) {
            charges
        } else {
            some.extend(charges.iter().copied().filter(is_open));
            some.as_slice()
        };
        let total = due(open.iter().filter_map(|&at| bill.charges.get(at)))?;
        if total.is_zero() {
            return Ok(());
        }
        let off = match discount.kind {
            DiscountKind::Percent(percent) => self.percent(discount, bill, (open, total, percent))?,
            DiscountKind::Amount(_) | DiscountKind::Free(_) if bill.mirrored => Decimal::ZERO,
            DiscountKind::Amount(amount) => self.fixed(discount, (amount, total), since)?,
            DiscountKind::Price(price) => {
                let other = |line: &ChargeLine| {
                    let point = self.ground.version.rounding.line;
                    exact(price.charge(line.quantity, point), "amount")
                };
                priced(discount, bill, open, &mut |line| {
                    exact(add_exact(line.amount, -other(line)?), "amount").map(|off| off.max(Decimal::ZERO))
                })?
            }
            DiscountKind::Free(units) => self.free(discount, bill, (open, units))?,
        };
        let off = exact(self.ground.version.rounding.line.round(off), "amount")?.min(total);
        if above_zero(off) {
            take_off(bill.charges, open, off)?;
            bill.discounts.push(DiscountUse { discount: &discount.id, amount: off });
        }
        Ok(())
    }

    fn percent(
        &self,
        discount: &Discount,
        bill: &Bill<'_, 'a>,
        (open, total, percent): (&[usize], Decimal, Decimal),
    ) -> Result<Decimal, Fault> {
        let of = match &discount.bands {
            None => total,
            Some(_) => priced(discount, bill, open, &mut |line| Ok(line.amount))?.min(total),
        };
        percent_of(of, percent, self.ground.version.rounding.line)
    }

    /// What is left of an amount: that of the cycle, or of all cycles since the first with usage (of a code, since it was
    /// redeemed) where a rest carries on.
    fn fixed(
        &mut self,
        discount: &Discount,
        (amount, total): (Decimal, Decimal),
        since: Date,
    ) -> Result<Decimal, Fault> {
        let period = if discount.carries { Period::Ever } else { Period::Cycle };
        let key = self.ground.key(discount.used, (Shared::Subscription, period), &self.place);
        let count = match &discount.code {
            Some(_) => self.redeemed_cycles(discount)?,
            None if discount.carries => {
                let (now, began) = (i64::from(month_of(self.place.cycle)), i64::from(month_of(since)));
                let last = discount.cycles.map_or(now, |cycles| now.min(began + i64::from(cycles) - 1));
                (last - self.first_month(key)? + 1).max(0)
            }
            None => 1,
        };
        let granted = exact(caudal_usage::money::mul_exact(amount, Decimal::from(count)), "amount")?;
        let used = self.draft.used(key);
        let left = exact(add_exact(granted, -used), "amount")?.max(Decimal::ZERO).min(total);
        // What is noted as used is what is taken, at the rounding point of a line.
        let off = exact(self.ground.version.rounding.line.round(left), "amount")?.min(total);
        if above_zero(off) {
            self.draft.set(key, exact(add_exact(used, off), "amount")?);
        }
        Ok(off)
    }

    /// How many times the redemptions of a code grant the amount: each its own cycles; all of them up to now where a rest
    /// carries on, else that of this cycle.
    fn redeemed_cycles(&self, discount: &Discount) -> Result<i64, Fault> {
        let (owner, cycle) = (self.ground.owner(Shared::Account), self.place.cycle);
        let mut count = 0i64;
        for redeemed in self.draft.standing().of_counter(owner, discount.redeemed) {
            let passed = i64::from(month_of(cycle) - month_of(redeemed.key.period));
            let lasts = discount.cycles.map_or(i64::MAX, i64::from);
            let granted = match discount.carries {
                true => (passed + 1).min(lasts),
                false => i64::from(passed < lasts),
            };
            let times = self.draft.units(redeemed.key)?;
            if passed >= 0 {
                count = granted
                    .checked_mul(times)
                    .and_then(|more| count.checked_add(more))
                    .ok_or_else(|| overflow("redemptions", &times))?;
            }
        }
        Ok(count)
    }

    /// The month of the first cycle with usage, noted beside the balance.
    fn first_month(&mut self, key: BalanceKey) -> Result<i64, Fault> {
        let noted = BalanceKey { instance: FIRST_MONTH, ..key };
        if self.draft.known(noted).is_none() {
            self.draft.set(noted, Decimal::from(month_of(self.place.cycle)));
        }
        self.draft.units(noted)
    }

    /// The first units of the cycle, each at the price that its line charges.
    fn free(
        &mut self,
        discount: &Discount,
        bill: &Bill<'_, 'a>,
        (open, units): (&[usize], i64),
    ) -> Result<Decimal, Fault> {
        let key = self.ground.key(discount.used, (Shared::Subscription, Period::Cycle), &self.place);
        let mut used = self.draft.units(key)?;
        let off = priced(discount, bill, open, &mut |line| {
            let free = (units - used).clamp(0, line.quantity);
            used += free;
            let point = self.ground.version.rounding.line;
            let rest = exact(line.unit_price.charge(line.quantity - free, point), "amount")?;
            exact(add_exact(line.amount, -rest), "amount")
        })?;
        self.draft.set(key, Decimal::from(used));
        Ok(off)
    }

    /// Counts what the scope charged and billed, for discounts that ask for it.
    fn count(
        &mut self,
        discount: &Discount,
        bill: &Bill<'_, 'a>,
        (charges, gross): (&[usize], &[Decimal]),
    ) -> Result<(), Fault> {
        if discount.after_spend.is_none() && discount.after_quantity.is_none() {
            return Ok(());
        }
        let key = |counter| self.ground.key(counter, (Shared::Subscription, Period::Cycle), &self.place);
        let (spend, quantity) = (key(discount.spend), key(discount.quantity));
        let sign = if bill.mirrored { -1 } else { 1 };
        for &at in charges {
            if discount.after_spend.is_some() {
                let gross = gross.get(at).copied().unwrap_or_default() * Decimal::from(sign);
                let sum = exact(add_exact(self.draft.used(spend), gross), "amount")?;
                self.draft.set(spend, sum);
            }
            if let Some((_, unit)) = discount.after_quantity {
                let counted = bill.charges.get(at).filter(|charge| charge.unit == unit);
                let billed = counted.map_or(0, |charge| charge.billed) * sign;
                let sum = self.draft.units(quantity)?.checked_add(billed);
                let sum = sum.ok_or_else(|| overflow("quantity", &billed))?;
                self.draft.set(quantity, Decimal::from(sum));
            }
        }
        Ok(())
    }
}

/// Adds what `off` says of every line that prices units, in the bands of the discount.
fn priced<'a>(
    discount: &Discount,
    bill: &Bill<'_, 'a>,
    open: &[usize],
    off: &mut dyn FnMut(&ChargeLine<'a>) -> Result<Decimal, Fault>,
) -> Result<Decimal, Fault> {
    let named = |line: &ChargeLine| match (&discount.bands, line.band) {
        (None, _) => true,
        (Some(names), Some(band)) => names.iter().any(|name| name.as_ref() == band),
        (Some(_), None) => false,
    };
    let mut sum = Decimal::ZERO;
    let counts = |charge: &&Charge<'_>| discount.unit.is_none_or(|unit| unit == charge.unit);
    for charge in open.iter().filter_map(|&at| bill.charges.get(at)).filter(counts) {
        let units = charge.own(bill.lines).iter();
        for line in units.filter(|line| matches!(line.kind, LineKind::Usage | LineKind::Tier) && named(line))
        {
            sum = exact(add_exact(sum, off(line)?), "amount")?;
        }
    }
    Ok(sum)
}

/// The balance that counts redemptions of a discount by an account in a cycle.
pub fn redemption_key(ground: &Ground, discount: &Discount, place: &Place) -> BalanceKey {
    ground.key(discount.redeemed, (Shared::Account, Period::Cycle), place)
}
