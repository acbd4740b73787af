//! The events of a usage, and how one begins: what of it is known before anything is priced.
//! Relies on the usage being guided; the parts of a usage that lie in one cycle share an event.
//! Never holds a charge: those are added by the order of evaluation.

use crate::ground::{Ground, Place};
use crate::rate::Usage;
use caudal_usage::{
    BillableEvent, Currency, Date, Decimal, EventId, EventKind, Lines, Operation, Part, Party, RecordType,
    Reductions, Run, Service, Timestamp, Unit, Uses,
};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// The events of one usage: one for each cycle in which a part of it lies.
///
/// A list that goes from one usage to the next writes its events where those of the one before lie: an event is most of a
/// kilobyte, nearly all of it room for lines.
#[derive(Default)]
pub struct Events<'a> {
    made: Vec<BillableEvent<'a>>,
    /// How many of them are of this usage.
    len: usize,
}

impl<'a> Events<'a> {
    /// None.
    pub const fn new() -> Self {
        Self { made: Vec::new(), len: 0 }
    }

    /// Forgets all of them, but for the room they take.
    pub(crate) const fn clear(&mut self) {
        self.len = 0;
    }

    /// Room for one more, with whatever an event before has left there.
    #[inline]
    fn room(&mut self, currency: Currency) -> Option<&mut BillableEvent<'a>> {
        if self.len == self.made.len() {
            self.made.push(blank(currency));
        }
        self.len += 1;
        self.made.get_mut(self.len - 1)
    }
}

impl<'a> Deref for Events<'a> {
    type Target = [BillableEvent<'a>];

    #[inline]
    fn deref(&self) -> &Self::Target {
        self.made.get(..self.len).unwrap_or_default()
    }
}

impl DerefMut for Events<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.made.get_mut(..self.len).unwrap_or_default()
    }
}

impl fmt::Debug for Events<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

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
        if let Some(event) = events.room(self.ground.version.currency) {
            self.begin(event, place.cycle, part);
        }
        events.len() - 1
    }

    /// Writes every field of an event. It is taken apart whole: what is not written here could be that of another usage.
    #[inline]
    fn begin(&self, event: &mut BillableEvent<'a>, in_cycle: Date, part: &Part) {
        let (usage, Ground { version, .. }) = (self.usage, self.ground);
        let BillableEvent {
            id,
            revision,
            kind,
            operation,
            supersedes,
            run,
            account,
            subscription,
            plan,
            plan_version,
            service,
            record_type,
            start,
            end,
            raw_quantity,
            billed_quantity,
            unit,
            calling,
            called,
            zone,
            lines,
            allowance_uses,
            discounts,
            counters,
            notifications,
            amount,
            currency,
            tax_category,
            gl_code,
            cycle,
            original_cycle,
            late,
        } = event;
        *id = EventId::of_usage(usage.identity, self.run, in_cycle, 0);
        (*revision, *kind, *operation, *supersedes) = (0, EventKind::Usage, Operation::Charge, None);
        (*run, *account, *subscription) = (self.run, &self.ground.account.id, &self.ground.subscription.id);
        (*plan, *plan_version) = (&version.plan, &version.version);
        (*service, *record_type, *unit) = (usage.service, usage.record_type, usage.unit);
        (*start, *end) = (part.start, part.end);
        (*raw_quantity, *billed_quantity) = (0, 0);
        (*calling, *called) = (&usage.calling, &usage.called);
        *zone = self.facts.zone.map(|zone| self.ground.tariff.zone_name(zone));
        lines.clear();
        allowance_uses.clear();
        discounts.clear();
        counters.clear();
        notifications.clear();
        (*amount, *currency) = (version.rounding.zero(), version.currency);
        (*tax_category, *gl_code) = (version.tax_category.as_deref(), version.gl_code.as_deref());
        (*cycle, *original_cycle, *late) = (in_cycle, in_cycle, false);
    }
}

/// An event of nothing, to be written over.
#[cold]
fn blank<'a>(currency: Currency) -> BillableEvent<'a> {
    let never = Timestamp { utc_ms: 0, offset_s: 0 };
    BillableEvent {
        id: EventId(0),
        revision: 0,
        kind: EventKind::Usage,
        operation: Operation::Charge,
        supersedes: None,
        run: Run::Retail,
        account: "",
        subscription: "",
        plan: "",
        plan_version: "",
        service: Service::Voice,
        record_type: RecordType::Moc,
        start: never,
        end: never,
        raw_quantity: 0,
        billed_quantity: 0,
        unit: Unit::Event,
        calling: &Party::Absent,
        called: &Party::Absent,
        zone: None,
        lines: Lines::new(),
        allowance_uses: Uses::new(),
        discounts: Reductions::new(),
        counters: Vec::new(),
        notifications: Vec::new(),
        amount: Decimal::ZERO,
        currency,
        tax_category: None,
        gl_code: None,
        cycle: Date { year: 1970, month: 1, day: 1 },
        original_cycle: Date { year: 1970, month: 1, day: 1 },
        late: false,
    }
}
