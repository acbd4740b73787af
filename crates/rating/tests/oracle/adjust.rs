//! An event's charges after their lines: bounds, discounts, caps, money, rounding.
//! Relies on each rate's charges being summed apart, since scopes name rates.
//! Never raises what is due, but to a minimum.

use super::balances::{name, owner, period};
use super::calendar;
use super::cover::Around;
use super::discounts;
use super::lines::Line;
use super::matching::Facts;
use super::number::{Q, round, split, zero};
use super::plan::*;
use super::rater::{Draft, PartOf, Rater};
use super::world::Use;

/// What one rate charges in an event.
#[derive(Clone, Debug)]
pub struct Due {
    pub rate: String,
    pub facts: Facts,
    /// What is left of it.
    pub due: Q,
    /// Sum of the rate's own lines, without what allowances charge.
    pub own: Q,
    /// Lines with units: what a price or free units speak of.
    pub unit_lines: Vec<Line>,
    pub unit: Unit,
    pub measured: i64,
    pub billed: i64,
}

impl Due {
    pub fn take_in(&mut self, lines: &[Line]) {
        for line in lines {
            self.due += &line.amount;
            if line.kind != "covered" {
                self.own += &line.amount;
            }
            if matches!(line.kind, "usage" | "tier" | "package") {
                self.unit_lines.push(line.clone());
            }
        }
    }
}

pub fn add_due(draft: &mut Draft, of: &PartOf, billed: i64) {
    let at = draft.dues.iter().position(|due| due.rate == of.rate.id).unwrap_or_else(|| {
        draft.dues.push(Due {
            rate: of.rate.id.clone(),
            facts: of.facts.clone(),
            due: zero(),
            own: zero(),
            unit_lines: Vec::new(),
            unit: of.rate.unit,
            measured: 0,
            billed: 0,
        });
        draft.dues.len() - 1
    });
    draft.dues[at].take_in(&of.lines);
    draft.dues[at].measured += of.part.quantity;
    draft.dues[at].billed += billed;
}

/// Everything that follows the lines, in its order.
pub fn finish(rater: &mut Rater, used: &Use, draft: &mut Draft) {
    bounds(rater, draft);
    discounts::take(rater, used, draft);
    caps(rater, used, draft);
    discounts::remember(rater, used, draft);
    for due in &draft.dues {
        let owner = owner(rater.payer, used.member, None);
        rater.balances.add(&name("charged", &due.rate, &owner, Some(draft.event.cycle)), &due.due);
    }
    money(rater, used, draft);
    let exact: Q = draft.dues.iter().map(|due| &due.due).sum();
    draft.event.amount = rater.plan.event.map_or(exact.clone(), |point| round(&exact, point));
}

/// Minimum and maximum of what a rate charges in one event.
fn bounds(rater: &Rater, draft: &mut Draft) {
    for due in draft.dues.iter_mut().filter(|due| due.measured != 0) {
        let rate = rater.rate_of(&due.rate);
        let negative = due.measured < 0;
        let turned = |amount: Q| if negative { -amount } else { amount };
        let own = turned(due.own.clone());
        let mut add = |kind, amount: Q| {
            let amount = round(&turned(amount), rater.point());
            due.due += &amount;
            draft.event.lines.push(Line {
                kind,
                rate: rate.id.clone(),
                band: None,
                step: None,
                quantity: 1,
                amount,
            });
        };
        if let Some(least) = rate.minimum_charge.map(|least| least.q()).filter(|least| own < *least) {
            add("minimum", least - own);
        } else if let Some(most) = rate.maximum_charge.map(|most| most.q()).filter(|most| own > *most) {
            add("maximum", most - own);
        }
    }
}

/// Caps of the rates, then those of the plan in the order of the file.
fn caps(rater: &mut Rater, used: &Use, draft: &mut Draft) {
    let ids: Vec<String> = draft.dues.iter().map(|due| due.rate.clone()).collect();
    for id in ids {
        if let Some(cap) = rater.rate_of(&id).cap.clone() {
            let counter = cap_counter(rater, used, draft, ("cap of rate", &id), cap.per, None);
            limit(rater, draft, &counter, &cap.amount.q(), cap.then, std::slice::from_ref(&id));
        }
    }
    for cap in &rater.plan.caps {
        let counter = cap_counter(rater, used, draft, ("cap", &cap.id), cap.per, cap.shared);
        limit(rater, draft, &counter, &cap.amount.q(), cap.then, &cap.scope);
    }
}

fn cap_counter(
    rater: &Rater,
    used: &Use,
    draft: &Draft,
    (kind, id): (&str, &str),
    per: Word,
    shared: Word,
) -> String {
    let first = match per {
        None | Some("cycle") => Some(draft.event.cycle),
        per => period(rater.payer, rater.wall(used), per, draft.start_ms),
    };
    name(kind, id, &owner(rater.payer, used.member, shared), first)
}

fn in_scope(scope: &[String], rate: &str) -> bool {
    scope.is_empty() || scope.iter().any(|id| id == rate)
}

fn limit(rater: &mut Rater, draft: &mut Draft, counter: &str, most: &Q, then: Word, scope: &[String]) {
    let spent = rater.balances.get(counter);
    let places = rater.point().places;
    let dues: Vec<usize> =
        (0..draft.dues.len()).filter(|&at| in_scope(scope, &draft.dues[at].rate)).collect();
    let due: Q = dues.iter().map(|&at| &draft.dues[at].due).sum();
    let room = (most - &spent).max(zero());
    let over = (&due - room).max(zero());
    if then != Some("notify") && over > zero() {
        take_off(draft, &dues, &over, places);
        let rate = draft.dues[dues[0]].rate.clone();
        draft.event.lines.push(Line {
            kind: "cap",
            rate,
            band: None,
            step: None,
            quantity: 1,
            amount: -over,
        });
    }
    let rest: Q = dues.iter().map(|&at| &draft.dues[at].due).sum();
    rater.balances.add(counter, &rest);
}

/// Takes an amount off several charges in proportion.
pub fn take_off(draft: &mut Draft, dues: &[usize], amount: &Q, places: i32) {
    let weights: Vec<Q> = dues.iter().map(|&at| draft.dues[at].due.clone()).collect();
    for (&at, share) in dues.iter().zip(split(amount, &weights, places)) {
        draft.dues[at].due -= share;
    }
}

/// Money is consumed last, by what is still due.
fn money(rater: &mut Rater, used: &Use, draft: &mut Draft) {
    let Some(first) = draft.dues.first() else { return };
    let facts = first.facts.clone();
    let around = Around {
        plan: rater.plan,
        payer: rater.payer,
        used,
        facts: &facts,
        start_ms: draft.start_ms,
        wall: rater.wall(used),
        unit: used.service.unit(),
    };
    let cover = around.cover(&rater.balances, true);
    for mut one in cover.candidates {
        let due: Q = draft.dues.iter().map(|due| &due.due).sum();
        let taken = due.min(one.room()).max(zero());
        one.spend(taken.clone());
        let all: Vec<usize> = (0..draft.dues.len()).collect();
        take_off(draft, &all, &taken, rater.point().places);
        super::part::note(&mut rater.balances, &one, draft);
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
