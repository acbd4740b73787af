//! Caps of the cycle, and what counts towards commitments.
//! Relies on discounts having been taken: a cap bounds what is due.
//! Never lets a cap that only notifies change a price.

use super::cover::plain_line;
use super::discounts::Judge;
use super::{above_zero, exact};
use crate::balances::Draft;
use crate::bill::{Bill, Charge};
use crate::ground::{Ground, Place};
use crate::notify::{Passage, passed};
use caudal_tariff::charges::in_scope;
use caudal_tariff::{Cap, Commitment, Period};
use caudal_usage::Notification;
use caudal_usage::money::add_exact;
use caudal_usage::{BalanceKey, ChargeLine, Decimal, Fault, LineKind, Price};

/// Instance of what was not charged, beside what counts towards a cap.
const BEYOND: u64 = 1;

/// Applies each rate's own cap, then the plan's, to every charge in the order of its parts.
pub fn caps<'a>(
    judge: &mut Judge<'_, 'a, '_>,
    bill: &mut Bill<'_, 'a>,
    notes: &mut Vec<Notification>,
) -> Result<(), Fault> {
    let plan = &judge.ground.version.caps;
    let own = |charge: &Charge<'a>| charge.matched.rate.more.as_ref().and_then(|more| more.cap.as_ref());
    if plan.is_empty() && bill.charges.iter().all(|charge| own(charge).is_none()) {
        return Ok(());
    }
    for at in 0..bill.charges.len() {
        let Some(charge) = bill.charges.get(at) else { break };
        let (rate, place) = (charge.matched.rate, charge.place);
        for cap in own(charge).into_iter().chain(plan.iter().filter(|cap| in_scope(&cap.scope, &rate.id))) {
            one(cap, (judge.ground, &place), (bill, at), judge.draft, notes)?;
        }
    }
    Ok(())
}

fn one<'a>(
    cap: &'a Cap,
    (ground, place): (&Ground<'a>, &Place),
    (bill, at): (&mut Bill<'_, 'a>, usize),
    draft: &mut Draft,
    notes: &mut Vec<Notification>,
) -> Result<(), Fault> {
    let key = ground.key(cap.counter, (cap.shared, cap.per), place);
    let beyond_key = BalanceKey { instance: BEYOND, ..key };
    let used = draft.used(key);
    let mirrored = bill.mirrored;
    let Some(charge) = bill.charges.get_mut(at) else { return Ok(()) };
    let (matched, due) = (charge.matched, charge.due);
    // What is taken back comes off what was not charged first, then off what was.
    let cut = match (cap.notify_only, mirrored) {
        (true, _) => Decimal::ZERO,
        (false, true) => due.min(draft.used(beyond_key)).max(exact(add_exact(due, -used), "amount")?),
        (false, false) => {
            exact(add_exact(exact(add_exact(used, due), "amount")?, -cap.amount), "amount")?.min(due)
        }
    };
    if above_zero(cut) {
        charge.due = exact(add_exact(due, -cut), "amount")?;
        bill.lines.push(ChargeLine {
            amount: -cut,
            ..plain_line(
                LineKind::Cap,
                (&cap.id, &matched.version.version),
                (1, Price { amount: -cut, per: 1 }),
            )
        });
        let moved = if mirrored { -cut } else { cut };
        let beyond = exact(add_exact(draft.used(beyond_key), moved), "amount")?;
        draft.set(beyond_key, beyond.max(Decimal::ZERO));
    }
    let counted = if mirrored { -charge.due } else { charge.due };
    let after = exact(add_exact(used, counted), "amount")?.max(Decimal::ZERO);
    if after != used {
        draft.set(key, after);
    }
    let passage = Passage { kind: "cap", id: &cap.id, used: (used, after), of: cap.amount, key };
    passed(&passage, &cap.thresholds, draft, notes);
    Ok(())
}

/// Counts what is due towards every commitment whose scope it is in.
pub fn commitments(judge: &mut Judge, bill: &Bill) -> Result<(), Fault> {
    let Judge { ground, draft, .. } = judge;
    for commitment in &ground.version.commitments {
        for charge in bill.charges.iter().filter(|charge| in_scope(&commitment.scope, charge.rate())) {
            let due = if bill.mirrored { -charge.due } else { charge.due };
            if !due.is_zero() {
                count_towards(commitment, (ground, &charge.place), draft, due)?;
            }
        }
    }
    Ok(())
}

/// Adds an amount to what counts towards a commitment.
pub fn count_towards(
    commitment: &Commitment,
    (ground, place): (&Ground, &Place),
    draft: &mut Draft,
    amount: Decimal,
) -> Result<(), Fault> {
    let key = ground.key(commitment.counter, (commitment.shared, Period::Cycle), place);
    draft.set(key, exact(add_exact(draft.used(key), amount), "amount")?);
    Ok(())
}
