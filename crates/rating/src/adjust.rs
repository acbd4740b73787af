//! The second half of the order of evaluation: what an event charges, once all its parts are priced.
//! Relies on `rate.rs` for the charges; what a step does stands in `steps`.
//! Never changes a line that was made: what is adjusted gets a line of its own.

use crate::bill::{Bill, Charge};
use crate::event::Events;
use crate::ground::Place;
use crate::rate::Usage;
use crate::steps::bounds::bounds;
use crate::steps::caps::{caps, commitments};
use crate::steps::discounts::{Judge, LiesIn, discounts};
use crate::steps::payment::payment;
use crate::steps::{exact, no_amount};
use caudal_tariff::{TimeBase, Week};
use caudal_usage::money::sum_exact;
use caudal_usage::{BalanceKey, BillableEvent, CounterUse, Fault, Notification, Timestamp};

/// **The order of evaluation** of what a usage, and the close of a cycle, charge: `discounts → caps of the cycle →
/// commitment → money allowances`.
pub fn settle<'a>(
    judge: &mut Judge<'_, 'a, '_>,
    bill: &mut Bill<'_, 'a>,
    notes: &mut Vec<Notification>,
    lies_in: LiesIn,
) -> Result<(), Fault> {
    discounts(judge, bill, lies_in)?;
    caps(judge, bill, notes)?;
    commitments(judge, bill)?;
    payment(judge, bill, notes, lies_in)
}

impl<'a> Usage<'a, '_> {
    /// **The order of evaluation**, from the bounds on: `→ event minimum and maximum →`, what [`settle`] says, `→
    /// rounding`.
    pub(crate) fn adjust(
        &mut self,
        event: &mut BillableEvent<'a>,
        charges: &mut [Charge<'a>],
    ) -> Result<(), Fault> {
        let Some(place) = charges.first().map(|charge| charge.place) else { return self.round(event) };
        let mut bill = Bill {
            lines: &mut event.lines,
            discounts: &mut event.discounts,
            uses: &mut event.allowance_uses,
            charges,
            mirrored: self.mirrored,
        };
        bounds(&mut bill)?;
        let (clocks, account, start) = (&mut *self.clocks, self.ground.account, self.usage.start);
        let mut lies_in = |place: &Place, base: TimeBase, week: &Week| {
            clocks.lies_in((base, week), account, Timestamp { utc_ms: place.at_ms, ..start })
        };
        let (ground, facts) = (&self.ground, &mut self.facts);
        let mut judge = Judge { ground, facts, draft: &mut self.draft, place };
        settle(&mut judge, &mut bill, &mut self.notes, &mut lies_in)?;
        let due = bill.charges.iter().map(|charge| charge.due);
        event.amount = exact(sum_exact(event.amount, due), "amount")?;
        self.round(event)
    }

    /// Rounding: the exact sum, at the event's rounding point where the plan has one. Usage that is taken back turns its
    /// signs here, when all is rounded: it gives back what it was charged.
    #[inline]
    pub(crate) fn round(&self, event: &mut BillableEvent<'a>) -> Result<(), Fault> {
        if let Some(point) = self.ground.version.rounding.event {
            event.amount = point.round(event.amount).map_err(|error| no_amount(error, 0))?;
        }
        if self.mirrored {
            event.amount = -event.amount;
            for line in &mut event.lines {
                (line.quantity, line.amount) = (-line.quantity, -line.amount);
            }
            for discount in &mut event.discounts {
                discount.amount = -discount.amount;
            }
            event.billed_quantity = -event.billed_quantity;
        }
        Ok(())
    }

    /// Shows the balances that moved on, beside those that allowances and tiers show themselves, and the thresholds passed.
    #[inline]
    pub(crate) fn show_counters(&mut self, events: &mut Events<'a>) {
        let Some(event) = events.first_mut() else { return };
        event.notifications = std::mem::take(&mut self.notes);
        let tariff = self.ground.tariff;
        for balance in self.draft.changed() {
            let key = balance.key;
            if tariff.is_said(key.counter) && key.instance == 0 {
                continue;
            }
            event.counters.push(CounterUse {
                counter: tariff.counter_name(key.counter),
                owner: key.owner,
                period: (key.period != BalanceKey::EVER).then_some(key.period),
                instance: key.instance,
                before: self.draft.standing().get(key),
                after: balance.used,
            });
        }
    }
}
