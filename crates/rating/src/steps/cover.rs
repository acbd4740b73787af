//! Cover: what allowances give of the billed portions, in their order of consumption.
//! Relies on portions being in the order of time; an allowance gives whole portions and the next goes on after it.
//! Never gives part of a portion, and never more than is left.

use super::increments::Stretches;
use crate::balances::Draft;
use caudal_tariff::{Facts, PlanVersion};
use caudal_usage::{AllowanceUse, Date, Fault, Unit};
use smallvec::SmallVec;

/// What is left of a usage to be covered and priced, in a cycle.
pub struct Open<'o> {
    /// The facts that conditions look at.
    pub facts: &'o Facts,
    /// The account's cycle.
    pub cycle: Date,
    /// Base unit.
    pub unit: Unit,
}

/// Takes covered portions out of `stretches`; what allowances gave is added to `uses`.
#[inline]
pub fn cover<'t>(
    version: &'t PlanVersion,
    open: &Open,
    stretches: &mut Stretches,
    draft: &mut Draft,
    uses: &mut SmallVec<[AllowanceUse<'t>; 2]>,
) -> Result<(), Fault> {
    for allowance in &version.allowances {
        if allowance.unit != open.unit || !allowance.when.hold(open.facts) {
            continue;
        }
        let used = draft.used(allowance.counter, open.cycle)?;
        let before = allowance.quantity.saturating_sub(used).max(0);
        let quantity = take(stretches, before);
        if quantity == 0 {
            continue;
        }
        draft.set_used(allowance.counter, open.cycle, used + quantity);
        let after = before - quantity;
        let known = uses
            .iter_mut()
            .find(|known| known.allowance == allowance.id.as_ref() && known.cycle == open.cycle);
        match known {
            Some(known) => (known.quantity, known.after) = (known.quantity + quantity, after),
            None => uses.push(AllowanceUse {
                allowance: &allowance.id,
                cycle: open.cycle,
                quantity,
                unit: open.unit,
                before,
                after,
            }),
        }
    }
    Ok(())
}

/// Takes whole portions from the front, at most `room` units in all, and returns the units taken.
fn take(stretches: &mut Stretches, room: i64) -> i64 {
    let mut left = room;
    for stretch in stretches.iter_mut() {
        if stretch.head > left {
            break;
        }
        left -= stretch.head;
        stretch.head = 0;
        let count = stretch.count.min(left / stretch.next);
        stretch.count -= count;
        left -= count * stretch.next;
        if stretch.count > 0 {
            break;
        }
    }
    room - left
}
