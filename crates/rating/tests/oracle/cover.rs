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
    /// Of each bucket with room, when it expires, when it came, and how many there are up to it.
    spans: Vec<(i64, i64, usize)>,
    /// Units of usage that it covered.
    pub units: i64,
    /// True when it gave its one event to another part of the usage.
    pub paid: bool,
    /// What it held: of units with what may be taken from the next refill, of money what is in it, below zero too.
    pub before: Q,
}

/// All of them, in the order of consumption.
#[derive(Clone, Debug, Default)]
pub struct Cover {
    pub candidates: Vec<Candidate>,
    /// When each is asked: more than once where others come between two of its buckets.
    pub turns: Vec<Turn>,
    pub unit: Option<Unit>,
    /// Who gave the last portion.
    last: Option<usize>,
}

/// An allowance is asked for what is in its first buckets.
#[derive(Clone, Debug)]
pub struct Turn {
    pub candidate: usize,
    pub buckets: usize,
    /// True when it gave something then.
    pub gave: bool,
    ended: bool,
}

/// A portion that is asked for.
pub struct Offer {
    pub band: Option<&'static str>,
    /// Position at which it begins.
    pub at: i64,
    /// Measured units from there on.
    pub left: i64,
    /// Length of the rate's portion there.
    pub whole: i64,
    pub grain: i64,
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
    /// Allowances that gave to other parts of the usage in the cycle.
    pub paid: Vec<usize>,
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
        let mut all = Vec::new();
        for (candidate, one) in candidates.iter().enumerate() {
            let weight = if by_weight { -i64::from(one.allowance.weight.unwrap_or(0)) } else { 0 };
            let rank = (weight, one.allowance.priority.unwrap_or(100));
            all.extend(one.spans.iter().map(|(expires, begins, buckets)| {
                (
                    (rank, *expires, *begins, one.index),
                    Turn { candidate, buckets: *buckets, gave: false, ended: false },
                )
            }));
        }
        // Of one bucket and the next of the same allowance the order is that of the buckets.
        all.sort_by_key(|(key, _)| *key);
        let mut turns: Vec<Turn> = Vec::new();
        for (_, turn) in all {
            turns.pop_if(|before| before.candidate == turn.candidate);
            turns.push(turn);
        }
        Cover { candidates, turns, unit: Some(self.unit), last: None }
    }

    /// Events may cover calls and data too: one for each usage.
    fn fits(&self, allowance: &Allowance) -> bool {
        match allowance.gives {
            Gives::Units(_, unit) => unit == Unit::Event || unit == self.unit,
            Gives::Money(_) => true,
        }
    }

    fn candidate(&self, index: usize, allowance: &Allowance, balances: &Balances) -> Candidate {
        let now = period(self.payer, allowance.refill, self.start_ms);
        let mut buckets = self.rolled(allowance, now, balances);
        buckets.extend(self.own(allowance, now, balances));
        let money = matches!(allowance.gives, Gives::Money(_));
        let before =
            buckets.iter().map(|bucket| if money { bucket.left.clone() } else { bucket.room() }).sum();
        let mut spans = self.spans(index, allowance, &buckets);
        match spans.last_mut() {
            // Asked last, it gives what is in all of them.
            Some((.., last)) => *last = buckets.len(),
            None => spans.push((i64::MAX, i64::MAX, buckets.len())),
        }
        Candidate {
            index,
            allowance: allowance.clone(),
            buckets,
            spans,
            units: 0,
            paid: self.paid.contains(&index),
            before,
        }
    }

    fn spans(&self, index: usize, allowance: &Allowance, buckets: &[Bucket]) -> Vec<(i64, i64, usize)> {
        let start = |first: NaiveDate| calendar::start_of(self.payer.wall(), first);
        let now = buckets.last().and_then(|last| last.period);
        let end = now.map_or(i64::MAX, |now| start(neighbour(self.payer, allowance.refill, now, true)));
        // One that gave its event to the usage keeps its place, though it may be empty now.
        let usages = matches!(allowance.gives, Gives::Units(_, Unit::Event)) && self.unit != Unit::Event;
        let paid = usages && self.paid.contains(&index);
        let open = buckets.iter().zip(1..).filter(|(bucket, _)| bucket.room() > zero() || paid);
        open.map(|(bucket, upto)| (end, bucket.period.map_or(i64::MAX, start), upto)).collect()
    }

    /// What a refill gives in a period, before anything was used, and how many add to it: to a pool its members at an
    /// instant; to a pool of the past not even the one who is served, where that one was no member yet.
    fn refill(&self, allowance: &Allowance, first: Option<NaiveDate>, at_ms: i64, now: bool) -> (Q, Q) {
        let each = match allowance.gives {
            Gives::Units(units, _) => q(units),
            Gives::Money(amount) => amount.q(),
        };
        let part = |of: &[usize]| match allowance.prorated {
            Some(true) => (&each * part_of_period(self.payer, of, allowance.refill, first)).floor(),
            _ => each.clone(),
        };
        let sharers = members(self.payer, self.used.member, allowance.shared);
        if allowance.pooled != Some(true) {
            return (part(&sharers), q(1));
        }
        let here: Vec<usize> = sharers
            .into_iter()
            .filter(|&other| {
                let of = &self.payer.subscriptions[other];
                // Whoever is served has a share, though a container may lie behind the subscription's end.
                (of.from_ms..of.to_ms).contains(&at_ms) || (now && other == self.used.member)
            })
            .collect();
        (here.iter().map(|&other| part(&[other])).sum(), q(here.len() as i64))
    }

    fn counter(&self, allowance: &Allowance, first: Option<NaiveDate>) -> String {
        let owner = owner(self.payer, self.used.member, allowance.shared);
        name("allowance", &allowance.id, &owner, first)
    }

    /// What the period has, and what it may take of the next.
    fn own(&self, allowance: &Allowance, now: Option<NaiveDate>, balances: &Balances) -> Vec<Bucket> {
        let (quantity, shares) = self.refill(allowance, now, self.start_ms, true);
        let counter = self.counter(allowance, now);
        let mut left = quantity - balances.get(&counter);
        let mut lent = None;
        if let (Some(first), Some(over)) = (now, allowance.over_use) {
            let before = neighbour(self.payer, allowance.refill, first, false);
            left -= balances.get(&(self.counter(allowance, Some(before)) + "/lent"));
            // Used so far, the refill and what may be lent are never exceeded together.
            let all = &left + q(over) * shares;
            left = left.max(zero());
            let counter = format!("{counter}/lent");
            let rest = all - &left - balances.get(&counter);
            lent = Some(Bucket { period: now, counter, before: rest.clone(), left: rest, below: zero() });
        }
        let below = match allowance.gives {
            Gives::Units(..) => zero(),
            Gives::Money(_) => allowance.floor.map_or(zero(), |floor| -floor.q()),
        };
        let own = Bucket { period: now, counter, before: left.clone(), left, below };
        [Some(own), lent].into_iter().flatten().collect()
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
            let (refill, shares) = self.refill(allowance, Some(then), end - 1, false);
            let rest = refill - balances.get(&counter);
            let least = rest.max(zero()).max(&shares * q(rollover.min.unwrap_or(0)));
            let clamped = rollover.max.map_or(least.clone(), |max| least.clone().min(shares * q(max)));
            let counter = counter + "/rolled";
            let left = clamped - balances.get(&counter);
            buckets.push(Bucket { period: Some(then), counter, before: left.clone(), left, below: zero() });
        }
        buckets.reverse();
        buckets
    }
}

impl Bucket {
    pub fn room(&self) -> Q {
        (&self.left + &self.below).max(zero())
    }
}

impl Candidate {
    /// What is in its first buckets.
    pub fn room(&self, buckets: usize) -> Q {
        self.buckets[..buckets].iter().map(Bucket::room).sum()
    }

    /// Takes so much, from the bucket that expires first.
    pub fn spend(&mut self, mut need: Q) {
        for bucket in &mut self.buckets {
            let taken = need.clone().min(bucket.room());
            bucket.left -= &taken;
            need -= taken;
        }
    }

    /// True when it gives one event for a usage that is counted in something else.
    pub fn counts_usages(&self, unit: Unit) -> bool {
        matches!(self.allowance.gives, Gives::Units(_, Unit::Event)) && unit != Unit::Event
    }

    fn is_for(&self, band: Option<&str>) -> bool {
        let bands = self.allowance.when.0.get("band");
        bands.is_none_or(|bands| band.is_some_and(|band| bands.iter().any(|one| one == band)))
    }

    /// The portion that it would give at a position, and what that takes of it.
    fn offer(&self, unit: Option<Unit>, offer: &Offer) -> (i64, Q) {
        let Offer { at, left, whole, grain, .. } = *offer;
        let ratio = self.allowance.ratio.map_or(q(1), |ratio| ratio.q());
        if unit.is_some_and(|unit| self.counts_usages(unit)) {
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
    /// Whoever gave something, in the order in which they did.
    pub fn givers(&self) -> Vec<&Candidate> {
        let mut givers: Vec<usize> = Vec::new();
        for turn in self.turns.iter().filter(|turn| turn.gave) {
            if !givers.contains(&turn.candidate) {
                givers.push(turn.candidate);
            }
        }
        givers.into_iter().map(|at| &self.candidates[at]).collect()
    }

    /// The portion that the giver of the last one gives, where that one restarts the rest and nobody else comes before.
    pub fn go_on(&mut self, offer: &Offer) -> Option<(i64, Option<usize>)> {
        let at = self.last.filter(|_| self.restarts())?;
        self.ask(at, offer)
    }

    /// True when what the last giver leaves is priced from its beginning.
    pub fn restarts(&self) -> bool {
        let allowance = |at: usize| &self.candidates[self.turns[at].candidate].allowance;
        self.last.is_some_and(|at| allowance(at).rest == Some("restarts"))
    }

    /// Who gives the portion that begins at a position, if anyone does. One that once lacked room has ended.
    pub fn take(&mut self, offer: &Offer) -> Option<(i64, Option<usize>)> {
        let given = (0..self.turns.len()).find_map(|at| self.ask(at, offer));
        if given.is_none() {
            self.last = None;
        }
        given
    }

    fn ask(&mut self, at: usize, offer: &Offer) -> Option<(i64, Option<usize>)> {
        let turn = &mut self.turns[at];
        let one = &mut self.candidates[turn.candidate];
        if turn.ended || !one.is_for(offer.band) {
            return None;
        }
        let (len, need) = one.offer(self.unit, offer);
        if need > one.room(turn.buckets) {
            turn.ended = true;
            return None;
        }
        one.spend(need);
        one.units += len;
        turn.gave = true;
        let index = one.index;
        self.last = Some(at);
        Some((len, Some(index)))
    }
}

/// Days of a period on which one of some subscriptions lives, of all its days.
pub fn part_of_period(payer: &Payer, of: &[usize], word: Word, first: Option<NaiveDate>) -> Q {
    let Some(first) = first else { return q(1) };
    let next = neighbour(payer, word, first, true);
    let lives = |day: NaiveDate| {
        let noon = calendar::start_of(payer.wall(), day) + 12 * 3_600_000;
        of.iter().map(|&at| &payer.subscriptions[at]).any(|of| (of.from_ms..of.to_ms).contains(&noon))
    };
    let days = (0..(next - first).num_days()).filter(|&day| lives(calendar::plus(first, day))).count();
    q(days as i64) / q((next - first).num_days())
}
