//! An event's charges after their lines: bounds, discounts, caps, commitments, money, rounding.
//! Relies on what is due being kept by part, since scopes name rates and days belong to parts.
//! Never raises what is due, but to a minimum.

use super::balances::{name, owner, period};
use super::calendar;
use super::cover::Around;
use super::discounts;
use super::lines::Line;
use super::matching::Facts;
use super::notes;
use super::number::{Q, round, split, ten_to, zero};
use super::plan::*;
use super::rater::{Draft, PartOf, Rater};
use super::world::Use;

/// What one rate charges for one part.
#[derive(Clone, Debug)]
pub struct Due {
    pub rate: String,
    pub facts: Facts,
    pub start_ms: i64,
    /// What is left of it.
    pub due: Q,
    pub lines: Vec<Line>,
    /// What the rate counts.
    pub unit: Unit,
    pub measured: i64,
    pub billed: i64,
}

impl Due {
    pub fn take_in(&mut self, lines: &[Line]) {
        self.due += lines.iter().map(|line| &line.amount).sum::<Q>();
        self.lines.extend_from_slice(lines);
    }

    /// Lines that price units: what another price or free units speak of.
    pub fn unit_lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| matches!(line.kind, "usage" | "tier"))
    }
}

pub fn add_due(draft: &mut Draft, of: &PartOf, unit: Unit, billed: i64) {
    let mut due = Due {
        rate: of.rate.id.clone(),
        facts: of.facts.clone(),
        start_ms: of.part.start_ms,
        due: zero(),
        lines: Vec::new(),
        unit,
        measured: of.part.quantity,
        billed,
    };
    due.take_in(&of.lines);
    draft.dues.push(due);
}

/// Everything that follows the lines, in its order. Usage that is taken back is the same usage above zero with the signs
/// turned.
pub fn finish(rater: &mut Rater, used: &Use, draft: &mut Draft) {
    bounds(rater, draft);
    after_bounds(rater, used, draft);
    let event = &mut draft.event;
    event.amount = rater.plan.event.map_or(event.amount.clone(), |point| round(&event.amount, point));
    if draft.mirrored {
        event.billed = -event.billed;
        event.lines.iter_mut().for_each(|line| {
            (line.quantity, line.amount) = (-line.quantity, -line.amount.clone());
        });
        event.discounts.iter_mut().for_each(|(_, amount)| *amount = -amount.clone());
        event.amount = -event.amount.clone();
    }
}

/// Discounts, caps, commitments and money: what usage and the charges of a close have in common.
pub fn after_bounds(rater: &mut Rater, used: &Use, draft: &mut Draft) {
    discounts::take(rater, used, draft);
    caps(rater, used, draft);
    for due in &draft.dues {
        let owner = owner(rater.payer, used.member, None);
        let amount = if draft.mirrored { -due.due.clone() } else { due.due.clone() };
        rater.balances.add(&name("charged", &due.rate, &owner, Some(draft.event.cycle)), &amount);
    }
    if !draft.mirrored {
        money(rater, used, draft);
    }
    draft.event.amount = draft.dues.iter().map(|due| &due.due).sum();
}

/// A line of an amount by itself.
pub fn amount_line(kind: &'static str, id: &str, amount: Q) -> Line {
    Line { kind, rate: id.to_owned(), band: None, step: None, quantity: 1, price: None, amount }
}

/// Minimum and maximum of what a rate charges in one event.
fn bounds(rater: &Rater, draft: &mut Draft) {
    let mut seen: Vec<String> = Vec::new();
    for first in 0..draft.dues.len() {
        let id = draft.dues[first].rate.clone();
        if seen.contains(&id) {
            continue;
        }
        seen.push(id.clone());
        let rate = rater.rate_of(&id).clone();
        let same: Vec<usize> = (0..draft.dues.len()).filter(|&at| draft.dues[at].rate == id).collect();
        let sum: Q = same.iter().map(|&at| &draft.dues[at].due).sum();
        let measured = same.iter().any(|&at| draft.dues[at].measured != 0);
        let bound =
            |amount: Option<super::number::Dec>| amount.map(|amount| round(&amount.q(), rater.point()));
        let (least, most) = (bound(rate.minimum_charge), bound(rate.maximum_charge));
        if let Some(least) = least.filter(|least| measured && sum < *least) {
            let more = least - sum;
            draft.dues[first].due += &more;
            draft.event.lines.push(amount_line("minimum", &id, more));
        } else if let Some(most) = most.filter(|most| sum > *most) {
            let over = sum - most;
            take_off(draft, &same, &over, rater.point().places);
            draft.event.lines.push(amount_line("maximum", &id, -over));
        }
    }
}

/// Caps of the rates, then those of the plan in the order of the file, for one part after the other.
fn caps(rater: &mut Rater, used: &Use, draft: &mut Draft) {
    for at in 0..draft.dues.len() {
        let id = draft.dues[at].rate.clone();
        if let Some(cap) = rater.rate_of(&id).cap.clone() {
            let counter = cap_counter(rater, used, (draft, at), ("cap of rate", &id), (cap.per, None));
            limit(rater, (draft, at), (&counter, &id), (&cap.amount.q(), cap.then), &[]);
        }
        for cap in &rater.plan.caps {
            if cap.scope.is_empty() || cap.scope.contains(&id) {
                let counter = cap_counter(rater, used, (draft, at), ("cap", &cap.id), (cap.per, cap.shared));
                let most = (&cap.amount.q(), cap.then);
                limit(rater, (draft, at), (&counter, &cap.id), most, &cap.thresholds);
            }
        }
    }
}

fn cap_counter(
    rater: &Rater,
    used: &Use,
    (draft, at): (&Draft, usize),
    (kind, id): (&str, &str),
    (per, shared): (Word, Word),
) -> String {
    let first = match per {
        None | Some("cycle") => Some(draft.event.cycle),
        per => period(rater.payer, per, draft.dues[at].start_ms),
    };
    name(kind, id, &owner(rater.payer, used.member, shared), first)
}

fn limit(
    rater: &mut Rater,
    (draft, at): (&mut Draft, usize),
    (counter, id): (&str, &str),
    (most, then): (&Q, Word),
    percents: &[u32],
) {
    let spent = rater.balances.get(counter);
    let due = draft.dues[at].due.clone();
    // What is taken back under a cap comes off what was not charged, then off what counted towards it, and no further.
    let free = format!("{counter}/beyond");
    let beyond = rater.balances.get(&free);
    let over = if draft.mirrored {
        let rest = (&due - &beyond).max(zero());
        &due - rest.min(spent.clone())
    } else {
        (&due - (most - &spent).max(zero())).max(zero())
    };
    if then != Some("notify") && over > zero() {
        let after = if draft.mirrored { (beyond - &over).max(zero()) } else { beyond + &over };
        rater.balances.set(&free, after);
        draft.dues[at].due -= &over;
        draft.event.lines.push(amount_line("cap", id, -over));
    }
    let counted = draft.dues[at].due.clone();
    let after = if draft.mirrored { (&spent - counted).max(zero()) } else { &spent + counted };
    rater.balances.set(counter, after.clone());
    // What cuts nothing says at least that it was reached.
    let percents = if percents.is_empty() && then == Some("notify") { &[100] } else { percents };
    if after > spent {
        notes::tell(
            &mut rater.balances,
            ("cap", id, counter),
            (&after, most),
            percents,
            &mut draft.event.notes,
        );
    }
}

/// Takes an amount off several charges in proportion, at the places that all of them need.
pub fn take_off(draft: &mut Draft, dues: &[usize], amount: &Q, places: i32) {
    let weights: Vec<Q> = dues.iter().map(|&at| draft.dues[at].due.clone()).collect();
    let needed = |value: &Q| (places.max(0)..=12).find(|&places| (value * ten_to(places)).is_integer());
    let places = weights.iter().chain([amount]).filter_map(needed).max().unwrap_or(places);
    for (&at, share) in dues.iter().zip(split(amount, &weights, places)) {
        draft.dues[at].due -= share;
    }
}

/// Money is consumed last, by what is still due of each part.
fn money(rater: &mut Rater, used: &Use, draft: &mut Draft) {
    for at in 0..draft.dues.len() {
        let facts = draft.dues[at].facts.clone();
        let around = Around {
            plan: rater.plan,
            payer: rater.payer,
            used,
            facts: &facts,
            start_ms: draft.dues[at].start_ms,
            wall: rater.wall(used),
            unit: used.service.unit(),
            paid: Vec::new(),
        };
        let mut cover = around.cover(&rater.balances, true);
        for turn in &mut cover.turns {
            let one = &mut cover.candidates[turn.candidate];
            let taken = draft.dues[at].due.clone().min(one.room(turn.buckets)).max(zero());
            turn.gave = taken > zero();
            one.spend(taken.clone());
            draft.dues[at].due -= taken;
        }
        for one in cover.givers() {
            super::part::note(&mut rater.balances, one, draft);
        }
    }
}

/// How many cycles of the account lie between two days.
pub fn cycles_between(anchor: u32, from: chrono::NaiveDate, to: chrono::NaiveDate) -> i64 {
    let (mut count, mut at) = (0, from);
    while at < to {
        at = calendar::next_cycle(at, anchor);
        count += 1;
    }
    count
}
