//! How an event begins: what of it is known before anything is priced.
//! Relies on the usage being guided; the parts of a usage that lie in one cycle share an event.
//! Never holds a charge: those are added by the order of evaluation.

use crate::ground::{Ground, Place};
use crate::rate::{Events, Usage};
use caudal_usage::{BillableEvent, Date, EventId, EventKind, Lines, Operation, Part, Reductions, Uses};

impl<'a> Usage<'a, '_> {
    /// The event of a part's cycle, begun where it is the first part there.
    #[inline]
    pub(crate) fn event_of(&self, place: &Place, part: &Part, events: &mut Events<'a>) -> usize {
        let known = events.iter_mut().enumerate().find(|(_, event)| event.cycle == place.cycle);
        if let Some((at, event)) = known {
            event.start = event.start.min(part.start);
            event.end = event.end.max(part.end);
            return at;
        }
        events.push(self.new_event(place.cycle, part));
        events.len() - 1
    }

    #[inline]
    fn new_event(&self, cycle: Date, part: &Part) -> BillableEvent<'a> {
        let (usage, run) = (self.usage, self.run);
        let Ground { account, subscription, version, .. } = self.ground;
        BillableEvent {
            id: EventId::of_usage(usage.identity, run, cycle, 0),
            revision: 0,
            kind: EventKind::Usage,
            operation: Operation::Charge,
            supersedes: None,
            run,
            account: &account.id,
            subscription: &subscription.id,
            plan: &version.plan,
            plan_version: &version.version,
            service: usage.service,
            record_type: usage.record_type,
            start: part.start,
            end: part.end,
            raw_quantity: 0,
            billed_quantity: 0,
            unit: usage.unit,
            calling: &usage.calling,
            called: &usage.called,
            zone: self.facts.zone.map(|zone| self.ground.tariff.zone_name(zone)),
            lines: Lines::new(),
            allowance_uses: Uses::new(),
            discounts: Reductions::new(),
            counters: Vec::new(),
            notifications: Vec::new(),
            amount: version.rounding.zero(),
            currency: version.currency,
            tax_category: version.tax_category.as_deref(),
            gl_code: version.gl_code.as_deref(),
            cycle,
            original_cycle: cycle,
            late: false,
        }
    }
}
