//! What allowances give: buckets in their order of consumption, asked at every portion.
//! Relies on balances by name; a bucket is one refill of one allowance.
//! Never gives part of a portion, but the last one of a usage where only the rest is rounded.

use super::balances::{Balances, members, name, neighbour, owner, period, since};
use super::calendar::{self, Wall};
use super::matching::{Facts, holds};
use super::number::{Q, q, zero};
use super::plan::*;
use super::portions::length;
use super::world::{Payer, Use};
use chrono::NaiveDate;

/// One refill.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub period: Option<NaiveDate>,
    pub counter: String,
    pub before: Q,
    pub left: Q,
    /// How far below zero it may go.
    pub below: Q,
}

/// An allowance that may give to the usage at hand.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub index: usize,
    pub allowance: Allowance,
    pub buckets: Vec<Bucket>,
    expires: i64,
    begins: Option<NaiveDate>,
    ended: bool,
    /// Units of usage that it covered.
    pub units: i64,
    /// True when it gave its one event to another part of the usage.
    pub paid: bool,
}

/// All of them, in the order of consumption.
#[derive(Clone, Debug, Default)]
pub struct Cover {
    pub candidates: Vec<Candidate>,
    pub unit: Option<Unit>,
}

pub struct Given {
    pub allowance: usize,
    pub len: i64,
    pub restarts: bool,
}

/// Where and for whom allowances are looked up.
pub struct Around<'a> {
    pub plan: &'a Plan,
    pub payer: &'a Payer,
    pub used: &'a Use,
    pub facts: &'a Facts,
    pub start_ms: i64,
    /// The plan's own clock.
    pub wall: Wall,
    /// In what the rate counts.
    pub unit: Unit,
}

impl Around<'_> {
    /// The allowances that hold for a part, of units or of money.
    pub fn cover(&self, balances: &Balances, money: bool) -> Cover {
        let mut candidates: Vec<Candidate> = Vec::new();
        for (index, allowance) in self.plan.allowances.iter().enumerate() {
            let right_kind = matches!(allowance.gives, Gives::Money(_)) == money;
            if right_kind
                && self.fits(allowance)
                && holds(&allowance.when, self.facts, self.wall, self.start_ms)
            {
                candidates.push(self.candidate(index, allowance, balances));
            }
        }
        let by_weight = self.plan.consume == Some("weight");
        candidates.sort_by_key(|one| {
            let weight = if by_weight { -i64::from(one.allowance.weight.unwrap_or(0)) } else { 0 };
            (weight, one.allowance.priority.unwrap_or(100), one.expires, one.begins, one.index)
        });
        Cover { candidates, unit: Some(self.unit) }
    }

    /// Events may cover calls and data too: one for each usage.
    fn fits(&self, allowance: &Allowance) -> bool {
        match allowance.gives {
            Gives::Units(_, unit) => unit == Unit::Event || unit == self.unit,
            Gives::Money(_) => true,
        }
    }

    fn candidate(&self, index: usize, allowance: &Allowance, balances: &Balances) -> Candidate {
        let now = period(self.payer, self.wall, allowance.refill, self.start_ms);
        let mut buckets = self.rolled(allowance, now, balances);
        let own = self.own(allowance, now, balances);
        buckets.push(own);
        let expires = |first: NaiveDate| {
            let wall =
                if matches!(allowance.refill, None | Some("cycle")) { self.payer.wall() } else { self.wall };
            calendar::start_of(wall, neighbour(self.payer, allowance.refill, first, true))
        };
        Candidate {
            index,
            allowance: allowance.clone(),
            buckets,
            expires: now.map_or(i64::MAX, expires),
            begins: now,
            ended: false,
            units: 0,
            paid: false,
        }
    }

    /// What a refill gives in a period, before anything was used.
    fn refill(&self, allowance: &Allowance, first: Option<NaiveDate>) -> Q {
        let each = match allowance.gives {
            Gives::Units(units, _) => q(units),
            Gives::Money(amount) => amount.q(),
        };
        let share = |member: usize| {
            let part = if allowance.prorated == Some(true) {
                part_of_cycle(self.payer, member, first)
            } else {
                q(1)
            };
            (&each * part).floor()
        };
        let member = self.used.member;
        if allowance.pooled != Some(true) {
            return if allowance.prorated == Some(true) { share(member) } else { each };
        }
        let here = members(self.payer, member, allowance.shared).into_iter().filter(|&other| {
            let of = &self.payer.subscriptions[other];
            (of.from_ms..of.to_ms).contains(&self.used.start_ms)
        });
        here.map(share).sum()
    }

    fn counter(&self, allowance: &Allowance, first: Option<NaiveDate>) -> String {
        let owner = owner(self.payer, self.used.member, allowance.shared);
        name("allowance", &allowance.id, &owner, first)
    }

    /// What the refill of a period holds once over-use of the one before is taken off.
    fn quantity(&self, allowance: &Allowance, first: Option<NaiveDate>, balances: &Balances) -> Q {
        let refill = self.refill(allowance, first);
        let (Some(first), Some(_)) = (first, allowance.over_use) else { return refill };
        let before = neighbour(self.payer, allowance.refill, first, false);
        let used = balances.get(&self.counter(allowance, Some(before)));
        if used == zero() {
            return refill;
        }
        let held = self.quantity(allowance, Some(before), balances);
        refill - (used - held).max(zero())
    }

    fn own(&self, allowance: &Allowance, now: Option<NaiveDate>, balances: &Balances) -> Bucket {
        let counter = self.counter(allowance, now);
        let left = self.quantity(allowance, now, balances) - balances.get(&counter);
        let below = match allowance.gives {
            Gives::Units(..) => q(allowance.over_use.unwrap_or(0)),
            Gives::Money(_) => allowance.floor.map_or(zero(), |floor| -floor.q()),
        };
        Bucket { period: now, counter, before: left.clone(), left, below }
    }

    /// What was left of earlier periods, oldest first.
    fn rolled(&self, allowance: &Allowance, now: Option<NaiveDate>, balances: &Balances) -> Vec<Bucket> {
        let (Some(rollover), Some(now)) = (&allowance.rollover, now) else { return Vec::new() };
        let born = since(self.payer, self.used, allowance.shared);
        let mut buckets = Vec::new();
        let mut then = now;
        for _ in 0..rollover.cycles.unwrap_or(1) {
            let end = calendar::start_of(self.payer.wall(), then);
            if born >= end {
                break;
            }
            then = neighbour(self.payer, allowance.refill, then, false);
            let counter = self.counter(allowance, Some(then));
            let rest = self.quantity(allowance, Some(then), balances) - balances.get(&counter);
            let least = rest.max(zero()).max(q(rollover.min.unwrap_or(0)));
            let clamped = rollover.max.map_or(least.clone(), |max| least.clone().min(q(max)));
            let counter = counter + "/rolled";
            let left = clamped - balances.get(&counter);
            buckets.push(Bucket { period: Some(then), counter, before: left.clone(), left, below: zero() });
        }
        buckets.reverse();
        buckets
    }
}

impl Candidate {
    pub fn room(&self) -> Q {
        self.buckets.iter().map(|bucket| (&bucket.left + &bucket.below).max(zero())).sum()
    }

    /// Takes so much, from the bucket that expires first.
    pub fn spend(&mut self, mut need: Q) {
        for bucket in &mut self.buckets {
            let taken = need.clone().min((&bucket.left + &bucket.below).max(zero()));
            bucket.left -= &taken;
            need -= taken;
        }
    }

    fn is_for(&self, band: Option<&str>) -> bool {
        let bands = self.allowance.when.0.get("band");
        bands.is_none_or(|bands| band.is_some_and(|band| bands.iter().any(|one| one == band)))
    }

    /// The portion that it would give at a position, and what that takes of it.
    fn offer(&self, unit: Option<Unit>, at: i64, left: i64, whole: i64, grain: i64) -> (i64, Q) {
        let ratio = self.allowance.ratio.map_or(q(1), |ratio| ratio.q());
        let own_unit = match self.allowance.gives {
            Gives::Units(_, unit) => Some(unit),
            Gives::Money(_) => None,
        };
        if own_unit == Some(Unit::Event) && unit != Some(Unit::Event) {
            // One event for all that is left of the usage, in portions of the rate.
            return (whole, if self.units == 0 && !self.paid { ratio } else { zero() });
        }
        let rest_only = self.allowance.rounding == Some("rest_only");
        let len = match &self.allowance.increments {
            Some(AllowanceIncrements::Raw) => grain,
            Some(AllowanceIncrements::Own(pair)) => length(*pair, at),
            Some(AllowanceIncrements::Rate) | None => whole,
        };
        let len = if rest_only { len.min(left) } else { len };
        (len, q(len) * ratio)
    }
}

impl Cover {
    /// Who gives the portion that begins at a position, if anyone does. One that once lacked room has ended.
    pub fn take(&mut self, band: Option<&str>, at: i64, left: i64, whole: i64, grain: i64) -> Option<Given> {
        let unit = self.unit;
        for one in self.candidates.iter_mut().filter(|one| !one.ended && one.is_for(band)) {
            let (len, need) = one.offer(unit, at, left, whole, grain);
            if need <= one.room() {
                one.spend(need);
                one.units += len;
                let restarts = one.allowance.rest == Some("restarts");
                return Some(Given { allowance: one.index, len, restarts });
            }
            one.ended = true;
        }
        None
    }
}

/// Days of a cycle in which the subscription lives, of all its days.
pub fn part_of_cycle(payer: &Payer, member: usize, first: Option<NaiveDate>) -> Q {
    let Some(first) = first else { return q(1) };
    let next = calendar::next_cycle(first, payer.anchor);
    let of = &payer.subscriptions[member];
    let lives = |day: NaiveDate| {
        let noon = calendar::start_of(payer.wall(), day) + 12 * 3_600_000;
        (of.from_ms..of.to_ms).contains(&noon)
    };
    let days = (0..(next - first).num_days()).filter(|&day| lives(calendar::plus(first, day))).count();
    q(days as i64) / q((next - first).num_days())
}
