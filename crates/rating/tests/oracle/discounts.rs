//! What discounts take of an event's charges.
//! Relies on what is due of each part; works through discounts by priority, then in the order of the file.
//! Never takes more than is due.

use super::adjust::{cycles_between, take_off};
use super::balances::{name, owner};
use super::calendar;
use super::lines::cost;
use super::matching::holds;
use super::number::{Q, q, round, zero};
use super::plan::*;
use super::rater::{Draft, Rater};
use super::world::Use;

/// Takes all of them, one after the other, and counts what those look at that ask for spending or quantity.
pub fn take(rater: &mut Rater, used: &Use, draft: &mut Draft) {
    let plan = rater.plan;
    let mut order: Vec<&Discount> = plan.discounts.iter().collect();
    order.sort_by_key(|discount| discount.priority.unwrap_or(100));
    let gross: Vec<Q> = draft.dues.iter().map(|due| due.due.clone()).collect();
    // Whether one holds does not depend on those before it.
    let on: Vec<bool> = order.iter().map(|discount| is_on(rater, used, draft, discount)).collect();
    for (discount, _) in order.iter().zip(&on).filter(|(_, on)| **on) {
        let mut dues = scope(rater, used, draft, discount);
        if discount.account.is_none() {
            dues.retain(|&at| {
                !order.iter().zip(&on).any(|(own, on)| {
                    *on && own.account.is_some() && scope(rater, used, draft, own).contains(&at)
                })
            });
        }
        dues.retain(|&at| draft.dues[at].due > zero());
        one(rater, used, draft, discount, &dues);
    }
    for discount in order {
        remember(rater, used, draft, discount, &gross);
    }
}

fn one(rater: &mut Rater, used: &Use, draft: &mut Draft, discount: &Discount, dues: &[usize]) {
    let due: Q = dues.iter().map(|&at| &draft.dues[at].due).sum();
    if due == zero() {
        return;
    }
    let taken = round(&worth(rater, used, draft, discount, dues).min(due.clone()), rater.point()).min(due);
    if taken > zero() {
        take_off(draft, dues, &taken, rater.point().places);
        if matches!(discount.takes, Takes::Amount(_)) {
            rater.balances.add(&counter(rater, used, draft, discount, "given"), &taken);
            let owner = owner(rater.payer, used.member, None);
            rater.balances.add(&name("given in all", &discount.id, &owner, None), &taken);
        }
        draft.event.discounts.push((discount.id.clone(), taken));
    }
}

/// The charges that a discount speaks of.
fn scope(rater: &Rater, used: &Use, draft: &Draft, discount: &Discount) -> Vec<usize> {
    let wall = rater.wall(used);
    let fits = |at: &usize| {
        let due = &draft.dues[*at];
        let named = discount.scope.is_empty() || discount.scope.contains(&due.rate);
        let mine = discount.account.is_none_or(|account| account == rater.payer.id);
        let when = discount.applies_to.as_ref();
        named && mine && when.is_none_or(|when| holds(when, &due.facts, wall, due.start_ms))
    };
    (0..draft.dues.len()).filter(fits).collect()
}

fn counter(rater: &Rater, used: &Use, draft: &Draft, discount: &Discount, what: &str) -> String {
    name(what, &discount.id, &owner(rater.payer, used.member, None), Some(draft.event.cycle))
}

/// Number of the event's cycle since the subscription began, from 0.
fn cycles_lived(rater: &Rater, used: &Use, draft: &Draft) -> i64 {
    let of = &rater.payer.subscriptions[used.member];
    let first = calendar::cycle(rater.payer.wall(), rater.payer.anchor, of.from_ms);
    cycles_between(rater.payer.anchor, first, draft.event.cycle)
}

/// For how many cycles it is given.
fn cycles(discount: &Discount) -> i64 {
    match discount.lasts {
        Some("once") => 1,
        Some(text) if text.ends_with("cycles") => text[..1].parse().expect("a small number"),
        _ => i64::MAX,
    }
}

/// True when age, spending and duration allow it. An amount whose rest carries on is there as long as there is a rest.
fn is_on(rater: &Rater, used: &Use, draft: &Draft, discount: &Discount) -> bool {
    let carries = matches!(discount.takes, Takes::Amount(_)) && discount.carries != Some(false);
    let in_time = carries || cycles_lived(rater, used, draft) < cycles(discount);
    let reached = match discount.when {
        None => true,
        Some(OnlyWhen::Tenure(months)) => {
            let of = &rater.payer.subscriptions[used.member];
            let wall = rater.payer.wall();
            let now = draft.dues.first().map_or(used.start_ms, |due| due.start_ms);
            calendar::months_passed(calendar::date(wall, of.from_ms), calendar::date(wall, now), months)
        }
        Some(OnlyWhen::Spend(amount)) => {
            rater.balances.get(&counter(rater, used, draft, discount, "spend")) >= amount.q()
        }
        Some(OnlyWhen::Quantity(units, _)) => {
            rater.balances.get(&counter(rater, used, draft, discount, "quantity")) >= q(units)
        }
    };
    in_time && reached
}

/// What it would take, if as much is due.
fn worth(rater: &mut Rater, used: &Use, draft: &Draft, discount: &Discount, dues: &[usize]) -> Q {
    let due: Q = dues.iter().map(|&at| &draft.dues[at].due).sum();
    let point = rater.point();
    match discount.takes {
        Takes::Percent(percent) => round(&(due * percent.q() / q(100)), point),
        Takes::Amount(_) | Takes::Free(..) if draft.mirrored => zero(),
        Takes::Amount(amount) => left_of_amount(rater, used, draft, discount, &amount.q()),
        Takes::Price(price) => {
            let lines = dues.iter().map(|&at| &draft.dues[at]).filter(|due| due.unit == price.unit);
            let lower = lines
                .flat_map(|due| due.unit_lines())
                .map(|line| (&line.amount - round(&cost(price, line.quantity), point)).max(zero()));
            lower.sum()
        }
        Takes::Free(units, unit) => {
            let counter = counter(rater, used, draft, discount, "free");
            let mut left = (q(units) - rater.balances.get(&counter)).max(zero());
            let mut worth = zero();
            let of_unit = dues.iter().map(|&at| &draft.dues[at]).filter(|due| due.unit == unit);
            for line in of_unit.flat_map(|due| due.unit_lines()) {
                let free = super::lines::whole(&left.clone().min(q(line.quantity)));
                let rest =
                    line.price.map_or(zero(), |price| round(&cost(price, line.quantity - free), point));
                worth += &line.amount - rest;
                left -= q(free);
                rater.balances.add(&counter, &q(free));
            }
            worth
        }
    }
}

/// The amount of the cycle; or, where a rest carries on, of all cycles from the first one with something to take it from
/// until the last one that has it, without what was given.
fn left_of_amount(rater: &mut Rater, used: &Use, draft: &Draft, discount: &Discount, each: &Q) -> Q {
    if discount.carries == Some(false) {
        return (each - rater.balances.get(&counter(rater, used, draft, discount, "given"))).max(zero());
    }
    let owner = owner(rater.payer, used.member, None);
    let lived = cycles_lived(rater, used, draft);
    let noted = name("first", &discount.id, &owner, None);
    let first = rater.balances.0.entry(noted).or_insert_with(|| q(lived)).clone();
    let given = rater.balances.get(&name("given in all", &discount.id, &owner, None));
    let last = lived.min(cycles(discount) - 1);
    let count = (q(last) - first + q(1)).max(zero());
    (each * count - given).max(zero())
}

/// What its scope charged and billed.
fn remember(rater: &mut Rater, used: &Use, draft: &Draft, discount: &Discount, gross: &[Q]) {
    let dues = scope(rater, used, draft, discount);
    let sign = if draft.mirrored { -1 } else { 1 };
    let spent: Q = dues.iter().map(|&at| &gross[at]).sum();
    let unit = if let Some(OnlyWhen::Quantity(_, unit)) = discount.when { unit } else { Unit::Event };
    let of_unit = dues.iter().map(|&at| &draft.dues[at]).filter(|due| due.unit == unit);
    let billed: i64 = of_unit.map(|due| due.billed).sum();
    rater.balances.add(&counter(rater, used, draft, discount, "spend"), &(spent * q(sign)));
    rater.balances.add(&counter(rater, used, draft, discount, "quantity"), &q(billed * sign));
}
