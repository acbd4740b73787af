//! Measure: what of a usage is counted, after units are converted, grace and minimum quantity; and from where on.
//! Relies on the parts of a record being in its order; what sessions, days and cycles were rounded over is a balance.
//! Never rounds: portions do.

use super::increments::Span;
use super::overflow;
use crate::balances::Draft;
use crate::ground::{Ground, Place};
use caudal_tariff::{Measure, Period, Rate, RoundOver, Shared};
use caudal_usage::{BalanceKey, Date, Decimal, Fault, Part, UsageRecord};
use smallvec::SmallVec;

/// How far the parts of one record came, by rate, rating group and cycle: what is billed in one cycle covers nothing in
/// the next.
#[derive(Clone, Copy, Debug)]
struct Carried {
    rate: usize,
    group: Option<u32>,
    cycle: Date,
    measured: i64,
    billed: i64,
}

/// How far the parts of one record came.
#[derive(Clone, Debug, Default)]
pub struct Carries(SmallVec<[Carried; 2]>);

/// What is counted of a part.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The span to walk.
    pub span: Span,
    /// True for the first part of the record with this rate and rating group.
    pub first: bool,
    /// True when balances say how far a session, day or cycle came.
    metered: bool,
    /// True when a session, day or cycle is walked back: what was rounded up before the span is not known yet.
    pub back: bool,
}

/// Measures a part. `place` is where it lies.
#[inline]
pub fn measure(
    (usage, part, rate): (&UsageRecord, &Part, &Rate),
    (ground, place): (&Ground, &Place),
    draft: &Draft,
    (carries, mirrored): (&Carries, bool),
) -> Result<Measured, Fault> {
    let known = carries.find(rate, part.rating_group, place.cycle);
    let first = !carries.seen(rate, part.rating_group);
    let fresh = !carries.counted(rate, part.rating_group);
    let quantity = counted((usage, part, rate), (first, fresh))?;
    let meters = meter_keys((usage, part, rate), (ground, place));
    let (before, billed) = match (meters, rate.round_over, known) {
        (Some([measured, billed]), ..) => (draft.units(measured)?, draft.units(billed)?),
        (None, RoundOver::Record, Some(known)) => (known.measured, known.billed),
        _ => (0, 0),
    };
    let metered = meters.is_some();
    let back = mirrored && metered;
    let (before, billed) = if back { (before.saturating_sub(quantity).max(0), 0) } else { (before, billed) };
    let end = before.checked_add(quantity).ok_or_else(|| overflow("quantity", &quantity))?;
    let span = Span { start_ms: part.start.utc_ms, before, from: billed.max(before), end };
    Ok(Measured { span, first, metered, back })
}

/// Notes how far a part came: `billed` units in all, covered ones included.
pub fn note(
    (measured, billed): (&Measured, i64),
    of: (&UsageRecord, &Part, &Rate),
    (ground, place): (&Ground, &Place),
    draft: &mut Draft,
    carries: &mut Carries,
) {
    let (_, part, rate) = of;
    let position = measured.span.from.saturating_add(billed);
    let position = if measured.span.end > measured.span.before { position } else { measured.span.from };
    // Worked out once more: few rates have them, and what every part hands on stays small.
    if measured.metered
        && let Some([total, so_far]) = meter_keys(of, (ground, place))
    {
        let Span { before, from, end, .. } = measured.span;
        let (measured, billed) = if measured.back { (before, from) } else { (end, position) };
        draft.set(total, Decimal::from(measured));
        draft.set(so_far, Decimal::from(billed));
    }
    carries.note(Carried {
        rate: address(rate),
        group: part.rating_group,
        cycle: place.cycle,
        measured: measured.span.end,
        billed: position,
    });
}

impl Carries {
    fn find(&self, rate: &Rate, group: Option<u32>, cycle: Date) -> Option<&Carried> {
        self.0.iter().find(|known| (known.rate, known.group, known.cycle) == (address(rate), group, cycle))
    }

    fn seen(&self, rate: &Rate, group: Option<u32>) -> bool {
        self.0.iter().any(|known| (known.rate, known.group) == (address(rate), group))
    }

    /// True when a part had any quantity.
    fn counted(&self, rate: &Rate, group: Option<u32>) -> bool {
        let same = |known: &&Carried| (known.rate, known.group) == (address(rate), group);
        self.0.iter().filter(same).any(|known| known.measured > 0)
    }

    fn note(&mut self, now: Carried) {
        let same =
            |known: &&mut Carried| (known.rate, known.group, known.cycle) == (now.rate, now.group, now.cycle);
        match self.0.iter_mut().find(same) {
            Some(known) => *known = now,
            None => self.0.push(now),
        }
    }
}

/// Tells rates apart while one tariff is at work.
fn address(rate: &Rate) -> usize {
    std::ptr::from_ref(rate).addr()
}

/// Units of a part after conversion, grace and minimum. Grace and minimum look at all parts of the record with the same
/// rating group; what lacks to the minimum falls on the first of them.
#[inline]
fn counted(
    (usage, part, rate): (&UsageRecord, &Part, &Rate),
    (first, fresh): (bool, bool),
) -> Result<i64, Fault> {
    let group = |of: &dyn Fn(&Part) -> i64| {
        let parts = usage.parts.iter().filter(|other| other.rating_group == part.rating_group);
        parts
            .map(of)
            .try_fold(0i64, i64::checked_add)
            .ok_or_else(|| overflow("quantity", &"more than 64 bits"))
    };
    let quantity = part.quantity.checked_abs().ok_or_else(|| overflow("quantity", &part.quantity))?;
    if rate.measure != Measure::Units {
        return Ok(i64::from(fresh && quantity > 0));
    }
    let Some(more) = rate.more.as_deref().filter(|more| more.grace > 0 || more.minimum_quantity > 0) else {
        return Ok(quantity);
    };
    let all = if usage.parts.len() > 1 { group(&|part| part.quantity.saturating_abs())? } else { quantity };
    let graced = if all <= more.grace { 0 } else { quantity };
    let sum = if all <= more.grace { 0 } else { all };
    let lacking = if all > 0 && first { (more.minimum_quantity - sum).max(0) } else { 0 };
    graced.checked_add(lacking).ok_or_else(|| overflow("quantity", &quantity))
}

/// The balances over which quantities are rounded up, where they reach beyond a record.
#[inline]
fn meter_keys(
    (usage, part, rate): (&UsageRecord, &Part, &Rate),
    (ground, place): (&Ground, &Place),
) -> Option<[BalanceKey; 2]> {
    let (counters, period, session) = match rate.round_over {
        RoundOver::Part | RoundOver::Record => return None,
        RoundOver::Session(counters) => (counters, Period::Cycle, session(usage)),
        RoundOver::Day(counters) => (counters, Period::Day, 0),
        RoundOver::Cycle(counters) => (counters, Period::Cycle, 0),
    };
    // Rating groups are rounded apart: the group is part of the instance.
    let instance = session.rotate_left(17) ^ part.rating_group.map_or(0, |group| u64::from(group) + 1);
    Some(counters.map(|counter| {
        let key = ground.key(counter, (Shared::Subscription, period), place);
        BalanceKey { instance, ..key }
    }))
}

/// The session of a usage: what its attribute `session` says, else that of its own record.
fn session(usage: &UsageRecord) -> u64 {
    let named = usage.attributes.as_ref().and_then(|list| list.get("session"));
    match named {
        Some(value) => value.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        }),
        None if usage.session != [0; 2] => usage.session[0] ^ usage.session[1].rotate_left(32),
        None => u64::try_from(usage.identity.0 & u128::from(u64::MAX)).unwrap_or(0),
    }
}
