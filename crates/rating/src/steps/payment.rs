//! Money allowances: prepaid or included money pays for what is still due.
//! Relies on every other step having been taken.
//! Never goes below the floor that the plan names: what it cannot pay stays due.

use super::buckets::{ALL, Turn, buckets, note_use, of_turn, order, room, use_up};
use super::{above_zero, exact};
use crate::balances::Draft;
use crate::bill::Bill;
use crate::ground::Ground;
use crate::notify::gave;
use crate::steps::discounts::{Judge, LiesIn};
use caudal_tariff::Allowance;
use caudal_usage::Notification;
use caudal_usage::money::add_exact;
use caudal_usage::{Decimal, Fault};
use smallvec::SmallVec;

/// Pays for every charge in the order of its parts.
pub fn payment<'a>(
    judge: &mut Judge<'_, 'a, '_>,
    bill: &mut Bill<'_, 'a>,
    notes: &mut Vec<Notification>,
    lies_in: LiesIn,
) -> Result<(), Fault> {
    let Judge { ground, facts, draft, .. } = judge;
    let version = ground.version;
    if bill.mirrored || version.allowances.iter().all(|allowance| allowance.unit.is_some()) {
        return Ok(());
    }
    for at in 0..bill.charges.len() {
        let Some(charge) = bill.charges.get(at) else { break };
        let place = charge.place;
        facts.rating_group = charge.group;
        let mut take_part = SmallVec::<[u16; 8]>::new();
        for (allowance, index) in version.allowances.iter().zip(0..) {
            let pays = allowance.unit.is_none();
            if pays && allowance.when.hold(facts, |base, week| lies_in(&place, base, week)) {
                take_part.push(index);
            }
        }
        for Turn { allowance, stocks } in order(ground, &place, (draft, &[]), &take_part)? {
            if let Some(allowance) = version.allowances.get(usize::from(allowance)) {
                pay(ground, (bill, at), (allowance, stocks), (draft, notes))?;
            }
        }
    }
    Ok(())
}

fn pay<'a>(
    ground: &Ground<'a>,
    (bill, at): (&mut Bill<'_, 'a>, usize),
    (allowance, stocks): (&'a Allowance, usize),
    (draft, notes): (&mut Draft, &mut Vec<Notification>),
) -> Result<(), Fault> {
    let Some(charge) = bill.charges.get_mut(at).filter(|charge| above_zero(charge.due)) else {
        return Ok(());
    };
    let place = charge.place;
    let mut stock = buckets(ground, allowance, &place, draft)?;
    let Some(key) = stock.last().map(|bucket| bucket.key) else { return Ok(()) };
    // At the places of a line, whatever the places of what was bought.
    let mut before = ground.version.rounding.zero();
    let mut used = ground.version.rounding.zero();
    for bucket in &stock {
        before = exact(add_exact(before, bucket.room), "allowance")?;
        used = exact(add_exact(used, bucket.used), "allowance")?;
    }
    let floor = allowance.more.as_ref().map_or(Decimal::ZERO, |more| more.floor);
    let mut may = exact(add_exact(before, -floor), "allowance")?.max(Decimal::ZERO);
    if stocks != ALL {
        // Only the last turn goes below zero.
        may = may.min(room(of_turn(&stock, stocks))?);
    }
    let taken = charge.due.min(may);
    if taken.is_zero() {
        return Ok(());
    }
    charge.due = exact(add_exact(charge.due, -taken), "amount")?;
    use_up(&mut stock, taken, draft)?;
    let after = exact(add_exact(before, -taken), "allowance")?;
    note_use(bill.uses, allowance, key, [taken, before, after]);
    if allowance.more.is_none() {
        return Ok(());
    }
    let of = exact(add_exact(before, used), "allowance")?;
    gave(allowance, (ground, &place), (used, taken, of), draft, notes)
}
