//! Rated and suspended usages of the runs beside the primary one, in books of their own.
//! Relies on the usage being rated as any other, against the balances of the account that pays in the run.
//! Never touches the outcome of a record.

use super::{AccountEffects, Item, emit, sum};
use crate::fail;
use crate::runs::suspend_in;
use crate::turn::Epoch;
use caudal_usage::{BillableEvent, Fault};

/// Counts a usage that came from the exchange.
pub(super) fn took(effects: &mut AccountEffects, item: &Item<'_>) -> &'static str {
    match effects.runs.get_mut(item.routed.run) {
        Some(other) => {
            other.took += 1;
            "runs.rate"
        }
        None => {
            effects.took += item.whole.members.len().max(1) as u64;
            "rate"
        }
    }
}

/// The events of a rated usage, summed and written. False for a usage of the primary run.
pub(super) fn rated(
    effects: &mut AccountEffects,
    (epoch, item): (&Epoch<'_>, &Item<'_>),
    events: &[BillableEvent<'_>],
) -> bool {
    let Some(other) = effects.runs.get_mut(item.routed.run) else { return false };
    other.gave += 1;
    other.counts.rated += 1;
    other.counts.events += events.len() as i64;
    effects.sum_overflows |= !sum(&mut other.amounts, events);
    for event in events {
        for _ in 0..fail::times("runs.encode") {
            emit(effects, epoch, item, event);
        }
    }
    true
}

/// Suspends a usage of the run. False for one of the primary run.
pub(super) fn suspended(
    effects: &mut AccountEffects,
    (epoch, item): (&Epoch<'_>, &Item<'_>),
    fault: &Fault,
) -> bool {
    let run = item.routed.run;
    if run.other().is_none() {
        return false;
    }
    suspend_in(&mut effects.runs, &mut effects.suspense, (epoch, &item.whole), (run, fault));
    true
}
