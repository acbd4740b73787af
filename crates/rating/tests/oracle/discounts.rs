//! What discounts take of an event's charges.
//! Relies on the charges of each rate; works through discounts by priority, then in the order of the file.
//! Never takes more than is due.

use super::adjust::{Due, cycles_between, take_off};
use super::balances::{name, owner};
use super::calendar;
use super::lines::cost;
use super::matching::holds;
use super::number::{Q, q, round, zero};
use super::plan::*;
use super::rater::{Draft, Rater};
use super::world::Use;

/// Takes all of them, one after the other.
pub fn take(rater: &mut Rater, used: &Use, draft: &mut Draft) {
    let plan = rater.plan;
    let mut order: Vec<&Discount> = plan.discounts.iter().collect();
    order.sort_by_key(|discount| discount.priority.unwrap_or(100));
    for discount in order {
        let mut dues = scope(rater, used, draft, discount);
        dues.retain(|&at| draft.dues[at].due > zero());
        let general = discount.account.is_none();
        let overridden = general
            && plan.discounts.iter().any(|other| {
                other.account.is_some() && other.scope == discount.scope && is_on(rater, used, draft, other)
            });
        if overridden || !is_on(rater, used, draft, discount) {
            continue;
        }
        let due: Q = dues.iter().map(|&at| &draft.dues[at].due).sum();
        let exact = worth(rater, used, draft, discount, &dues).min(due.clone());
        let taken = round(&exact, rater.point()).min(due);
        if taken > zero() {
            take_off(draft, &dues, &taken, rater.point().places);
            if matches!(discount.takes, Takes::Amount(_)) {
                rater.balances.add(&counter(rater, used, draft, discount, "given"), &taken);
            }
            draft.event.discounts.push((discount.id.clone(), taken));
        }
    }
}

/// The charges that a discount speaks of.
fn scope(rater: &Rater, used: &Use, draft: &Draft, discount: &Discount) -> Vec<usize> {
    let wall = rater.wall(used);
    let fits = |due: &Due| {
        let named = discount.scope.is_empty() || discount.scope.contains(&due.rate);
        named && discount.applies_to.as_ref().is_none_or(|when| holds(when, &due.facts, wall, draft.start_ms))
    };
    (0..draft.dues.len()).filter(|&at| fits(&draft.dues[at])).collect()
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

/// True when account, age, spending and duration allow it.
fn is_on(rater: &Rater, used: &Use, draft: &Draft, discount: &Discount) -> bool {
    let mine = discount.account.is_none_or(|account| account == rater.payer.id);
    let cycles = match discount.lasts {
        Some("once") => 1,
        Some(text) if text.ends_with("cycles") => text[..1].parse().expect("a small number"),
        _ => i64::MAX,
    };
    let in_time = cycles_lived(rater, used, draft) < cycles;
    let reached = match discount.when {
        None => true,
        Some(OnlyWhen::Tenure(months)) => {
            let of = &rater.payer.subscriptions[used.member];
            let wall = rater.payer.wall();
            calendar::months_passed(
                calendar::date(wall, of.from_ms),
                calendar::date(wall, used.start_ms),
                months,
            )
        }
        Some(OnlyWhen::Spend(amount)) => {
            rater.balances.get(&counter(rater, used, draft, discount, "spend")) >= amount.q()
        }
        Some(OnlyWhen::Quantity(units, _)) => {
            rater.balances.get(&counter(rater, used, draft, discount, "quantity")) >= q(units)
        }
    };
    mine && in_time && reached
}

/// What it would take, if as much is due.
fn worth(rater: &mut Rater, used: &Use, draft: &Draft, discount: &Discount, dues: &[usize]) -> Q {
    let due: Q = dues.iter().map(|&at| &draft.dues[at].due).sum();
    match discount.takes {
        Takes::Percent(percent) => due * percent.q() / q(100),
        Takes::Amount(amount) => {
            let carries = discount.carries != Some(false);
            let lived = cycles_lived(rater, used, draft);
            let given = |back: i64| {
                let mut cycle = draft.event.cycle;
                for _ in 0..back {
                    cycle = calendar::previous_cycle(cycle, rater.payer.anchor);
                }
                let owner = owner(rater.payer, used.member, None);
                rater.balances.get(&name("given", &discount.id, &owner, Some(cycle)))
            };
            let cycles = if carries { lived } else { 0 };
            (0..=cycles).map(|back| amount.q() - given(back)).sum()
        }
        Takes::Price(price) => {
            let lines = dues.iter().map(|&at| &draft.dues[at]).filter(|due| due.unit == price.unit);
            let old_and_new = lines.map(|due| {
                let units: i64 = due.unit_lines.iter().map(|line| line.quantity).sum();
                let old: Q = due.unit_lines.iter().map(|line| &line.amount).sum();
                (old - cost(price, units)).max(zero())
            });
            old_and_new.sum()
        }
        Takes::Free(units, unit) => {
            let counter = counter(rater, used, draft, discount, "free");
            let mut left = (q(units) - rater.balances.get(&counter)).max(zero());
            let mut worth = zero();
            for line in dues
                .iter()
                .filter(|&&at| draft.dues[at].unit == unit)
                .flat_map(|&at| &draft.dues[at].unit_lines)
            {
                let free = left.clone().min(q(line.quantity));
                worth += &line.amount * &free / q(line.quantity);
                left -= &free;
                rater.balances.add(&counter, &free);
            }
            worth
        }
    }
}

/// What discounts that ask for spending or quantity will look at next time.
pub fn remember(rater: &mut Rater, used: &Use, draft: &Draft) {
    for discount in &rater.plan.discounts {
        let dues = scope(rater, used, draft, discount);
        let spent: Q = dues.iter().map(|&at| &draft.dues[at].due).sum();
        let unit = if let Some(OnlyWhen::Quantity(_, unit)) = discount.when { unit } else { Unit::Event };
        let billed: i64 =
            dues.iter().map(|&at| &draft.dues[at]).filter(|due| due.unit == unit).map(|due| due.billed).sum();
        rater.balances.add(&counter(rater, used, draft, discount, "spend"), &spent);
        rater.balances.add(&counter(rater, used, draft, discount, "quantity"), &q(billed));
    }
}
