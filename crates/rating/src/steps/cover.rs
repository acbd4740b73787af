//! Cover: what allowances give of a usage, in their order of consumption.
//! Relies on portions being in the order of position; the next allowance goes on where the one before ended.
//! Never gives part of a portion, but where the plan says so, and never more than is left.

use super::buckets::{Buckets, buckets, order, room, use_up};
use super::increments::{Span, Stretch, Stretches};
use super::match_rate::Matched;
use super::price::Lines;
use super::{amount_of, exact, overflow};
use crate::balances::Draft;
use crate::ground::{Ground, Place};
use crate::notify::{Passage, passed};
use caudal_tariff::{Allowance, Facts, Gives, Increments, Period, Refill, TimeBase, Week};
use caudal_usage::Notification;
use caudal_usage::money::{add_exact, mul_exact};
use caudal_usage::{
    AllowanceUse, BalanceKey, ChargeLine, Decimal, Fault, LineKind, Price, Rounding, RoundingMode, Unit,
};
use smallvec::SmallVec;

/// What is covered: a usage in its portions, and what happens to it.
pub struct Cover<'c, 'a, 'b> {
    /// Who is served.
    pub ground: &'c Ground<'a>,
    /// When.
    pub place: Place,
    /// The facts that conditions look at.
    pub facts: &'c Facts,
    /// What prices the rest.
    pub matched: &'c Matched<'a>,
    /// What prices are counted in.
    pub unit: Unit,
    /// The measured span that is still open.
    pub span: Span,
    /// Its portions.
    pub stretches: Stretches,
    /// Balances.
    pub draft: &'c mut Draft<'b>,
    /// What allowances gave.
    pub uses: &'c mut SmallVec<[AllowanceUse<'a>; 2]>,
    /// Lines for covered units that cost something.
    pub lines: &'c mut Lines<'a>,
    /// Thresholds passed.
    pub notes: &'c mut Vec<Notification>,
    /// Units covered.
    pub covered: i64,
    /// The allowance that covered the first portion.
    pub front: Option<&'a Allowance>,
}

/// Walks a span anew.
pub type Rewalk<'r> = &'r mut dyn FnMut(Span) -> Result<Stretches, Fault>;

/// Says whether the part starts in band 0 of a week.
pub type StartsIn<'s> = &'s mut dyn FnMut(TimeBase, &Week) -> bool;

impl<'a> Cover<'_, 'a, '_> {
    /// Goes through the allowances of the plan.
    #[inline]
    pub fn run(&mut self, starts_in: StartsIn, rewalk: Rewalk) -> Result<(), Fault> {
        let version = self.ground.version;
        let bought = self.draft.standing().has_grants();
        if !version.by_expiry && !bought {
            for allowance in &version.allowances {
                self.one(allowance, starts_in, rewalk)?;
            }
            return Ok(());
        }
        for index in order(self.ground, &self.place, (self.draft, self.uses))? {
            if let Some(allowance) = version.allowances.get(usize::from(index)) {
                self.one(allowance, starts_in, rewalk)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn one(&mut self, allowance: &'a Allowance, starts_in: StartsIn, rewalk: Rewalk) -> Result<(), Fault> {
        let counts = allowance.unit.is_some() && (allowance.per_usage || allowance.unit == Some(self.unit));
        if !counts || !allowance.when.hold(self.facts, |base, week| starts_in(base, week)) {
            return Ok(());
        }
        if open_units(&self.stretches) == 0 {
            return Ok(());
        }
        if is_simple(allowance) && !self.draft.standing().has_grants() {
            return self.simple(allowance);
        }
        self.general(allowance, rewalk)
    }

    /// The plain case: one balance, whole portions of the rate from the front.
    #[inline]
    fn simple(&mut self, allowance: &'a Allowance) -> Result<(), Fault> {
        let Refill::Each(period) = allowance.refill else { return Ok(()) };
        let key = self.ground.key(allowance.counter, (allowance.shared, period), &self.place);
        let used = self.draft.units(key)?;
        let quantity = i64::try_from(allowance.quantity.mantissa())
            .map_err(|_| overflow("allowance", &allowance.quantity))?;
        let before = quantity.saturating_sub(used).max(0);
        let taken = self.take(before, None);
        if taken == 0 {
            return Ok(());
        }
        self.move_on(allowance, taken);
        self.front = self.front.or(Some(allowance));
        self.covered += taken;
        self.draft.set(key, Decimal::from(used + taken));
        let (before, after) = (Decimal::from(before), Decimal::from(before - taken));
        self.note_use(allowance, (key, Decimal::from(taken)), (before, after));
        Ok(())
    }

    fn general(&mut self, allowance: &'a Allowance, rewalk: Rewalk) -> Result<(), Fault> {
        let mut stock = buckets(self.ground, allowance, &self.place, self.draft)?;
        let before = room(&stock)?;
        let front = self.stretches.first().copied();
        let Some((units, cost)) = self.give(allowance, before, rewalk)? else { return Ok(()) };
        // What takes from the front first has the front; the portions may have been cut anew since.
        let first = allowance.bands.is_none() && self.covered == 0;
        if self.front.is_none() && (first || took_front(front, &self.stretches, allowance)) {
            self.front = Some(allowance);
        }
        self.covered = self.covered.checked_add(units).ok_or_else(|| overflow("quantity", &units))?;
        self.line(allowance, units)?;
        let used = sum_used(&stock)?;
        let of = exact(add_exact(before, used), "allowance")?;
        let key = stock.last().map_or_else(|| self.key_of(allowance), |bucket| bucket.key);
        use_up(&mut stock, cost, self.draft)?;
        let after = exact(add_exact(before, -cost), "allowance")?;
        if !cost.is_zero() {
            self.note_use(allowance, (key, cost), (before, after));
        }
        if let Some(more) = &allowance.more {
            let passage = Passage {
                kind: "allowance",
                id: &allowance.id,
                used: (used, exact(add_exact(used, cost), "allowance")?),
                of,
                owner: key.owner,
            };
            passed(&passage, &more.thresholds, self.notes);
        }
        Ok(())
    }

    fn key_of(&self, allowance: &Allowance) -> BalanceKey {
        self.ground.key(allowance.counter, (allowance.shared, Period::Ever), &self.place)
    }

    /// What it gives: billed units that are covered, and what that costs of the allowance. Nothing where it gives nothing.
    fn give(
        &mut self,
        allowance: &Allowance,
        room: Decimal,
        rewalk: Rewalk,
    ) -> Result<Option<(i64, Decimal)>, Fault> {
        let ratio = allowance.ratio;
        if allowance.per_usage && self.unit != Unit::Event {
            // One for each usage: its other parts in the cycle are covered with the first.
            let known = self.uses.iter().any(|known| known.allowance == allowance.id.as_ref());
            let cost = if known { Decimal::ZERO } else { ratio };
            if room < cost {
                return Ok(None);
            }
            let units = open_units(&self.stretches);
            self.stretches.clear();
            self.span.from = self.span.end;
            return Ok(Some((units, cost)));
        }
        let fits = whole_units(room, ratio);
        let units = match allowance.gives {
            Gives::RatePortions => {
                let units = self.take(fits, allowance.bands.as_deref());
                self.move_on(allowance, units);
                units
            }
            Gives::Measured { own, exact } => self.measured((own, exact), fits, rewalk)?,
        };
        if units == 0 {
            return Ok(None);
        }
        let restarts = allowance.more.as_ref().is_some_and(|more| more.restarts);
        if restarts && open_units(&self.stretches) > 0 {
            let left = self.span.end - self.span.from;
            self.span = Span { before: 0, from: 0, end: left.max(0), ..self.span };
            self.stretches = rewalk(self.span)?;
        }
        let cost = exact(mul_exact(ratio, Decimal::from(units)), "allowance")?;
        Ok(Some((units, cost)))
    }

    /// What was taken from the front moves the open span on. (From bands it may come from the middle: nothing that looks at
    /// the span applies beside such an allowance.)
    fn move_on(&mut self, allowance: &Allowance, units: i64) {
        if allowance.bands.is_none() {
            self.span.from += units;
        }
    }

    /// Portions of its own, of what was measured. What it covers moves the open span on.
    fn measured(
        &mut self,
        (own, exact): (Option<Increments>, bool),
        fits: i64,
        rewalk: Rewalk,
    ) -> Result<i64, Fault> {
        // What the rate's portions took before may reach beyond what was measured.
        let open = (self.span.end - self.span.from).max(0);
        if open == 0 {
            return Ok(0);
        }
        let Some(own) = own else { return Ok(self.rate_portions(open, fits)) };
        let Increments { first, next } = from_position(own, self.span.from);
        let portions =
            |units: i64| if units <= first { first } else { first + ((units - first - 1) / next + 1) * next };
        let need = if exact { open } else { portions(open) };
        let (units, measured) = if need <= fits {
            (need, open)
        } else if fits < first {
            (0, 0)
        } else {
            let whole = first + (fits - first) / next * next;
            (whole, whole)
        };
        if units > 0 {
            self.span.from += measured;
            self.stretches = rewalk(self.span)?;
        }
        Ok(units)
    }

    /// Portions of the rate, the last one for its used part.
    fn rate_portions(&mut self, open: i64, fits: i64) -> i64 {
        let units = if open <= fits {
            self.stretches.clear();
            open
        } else {
            self.take(fits, None)
        };
        self.span.from += units;
        units
    }

    /// Takes whole portions from the front, of the named bands where some are named, at most `room` units in all. Returns
    /// the units taken.
    fn take(&mut self, room: i64, bands: Option<&[Box<str>]>) -> i64 {
        let mut left = room;
        let matched = self.matched;
        let named = |band: u16| {
            bands.is_none_or(|names| {
                let name = matched.band(band).and_then(|price| price.band);
                name.is_some_and(|name| names.iter().any(|known| known.as_ref() == name))
            })
        };
        let mut at = 0;
        while let Some(stretch) = self.stretches.get(at).copied() {
            // A portion in several fragments is taken whole: its stretches follow one another.
            let mut group = 1;
            while self.stretches.get(at + group).is_some_and(|next| next.joined) {
                group += 1;
            }
            if !named(stretch.band) {
                at += group;
                continue;
            }
            if group > 1 {
                let Some(fragments) = self.stretches.get_mut(at..at + group) else { break };
                let units: i64 = fragments.iter().map(Stretch::units).sum();
                if units > left {
                    break;
                }
                left -= units;
                fragments.iter_mut().for_each(|fragment| (fragment.head, fragment.count) = (0, 0));
            } else if let Some(stretch) = self.stretches.get_mut(at)
                && !take_run(stretch, &mut left)
            {
                break;
            }
            at += group;
        }
        room - left
    }

    /// A line for covered units that cost something.
    fn line(&mut self, allowance: &'a Allowance, units: i64) -> Result<(), Fault> {
        let Some(price) = allowance.more.as_ref().and_then(|more| more.price) else { return Ok(()) };
        let version = self.ground.version;
        self.lines.push(ChargeLine {
            amount: amount_of(price, units, version.rounding.line)?,
            ..plain_line(LineKind::Covered, (&allowance.id, &version.version), (units, price))
        });
        Ok(())
    }

    /// Adds what was given to the event's uses.
    fn note_use(
        &mut self,
        allowance: &'a Allowance,
        (key, quantity): (BalanceKey, Decimal),
        (before, after): (Decimal, Decimal),
    ) {
        let cycle = (key.period != BalanceKey::EVER).then_some(key.period);
        let known = self
            .uses
            .iter_mut()
            .find(|known| known.allowance == allowance.id.as_ref() && known.cycle == cycle);
        match known {
            Some(known) => (known.quantity, known.after) = (known.quantity + quantity, after),
            None => self.uses.push(AllowanceUse {
                allowance: &allowance.id,
                cycle,
                quantity,
                unit: allowance.unit,
                before,
                after,
            }),
        }
    }
}

/// Portions from a position on: the first ends where that of the usage ends.
fn from_position(Increments { first, next }: Increments, position: i64) -> Increments {
    Increments { first: if position < first { first - position } else { next }, next }
}

/// A line without band, step or portions.
pub fn plain_line<'a>(
    kind: LineKind,
    (table, version): (&'a str, &'a str),
    (quantity, unit_price): (i64, Price),
) -> ChargeLine<'a> {
    ChargeLine {
        kind,
        table,
        row: None,
        version,
        band: None,
        step: None,
        increments: None,
        rating_group: None,
        quantity,
        unit_price,
        amount: Decimal::ZERO,
        position: None,
        basis: None,
    }
}

/// Takes portions of one stretch; true when it was taken whole.
#[inline]
fn take_run(stretch: &mut Stretch, left: &mut i64) -> bool {
    if stretch.head > *left {
        return false;
    }
    *left -= stretch.head;
    stretch.head = 0;
    let count = stretch.count.min(*left / stretch.next);
    stretch.count -= count;
    *left -= count * stretch.next;
    stretch.count == 0
}

/// True where one balance in whole base units says everything.
#[inline]
fn is_simple(allowance: &Allowance) -> bool {
    allowance.is_plain()
        && allowance.gives == Gives::RatePortions
        && allowance.bands.is_none()
        && !allowance.per_usage
        && allowance.ratio == Decimal::ONE
}

fn open_units(stretches: &Stretches) -> i64 {
    stretches.iter().map(Stretch::units).sum()
}

/// True when the first portion is no longer open.
fn took_front(front: Option<Stretch>, stretches: &Stretches, allowance: &Allowance) -> bool {
    if allowance.gives != Gives::RatePortions || allowance.per_usage {
        return true;
    }
    match (front, stretches.first()) {
        (Some(front), Some(now)) => (now.head, now.count) != (front.head, front.count),
        (_, None) => true,
        (None, Some(_)) => false,
    }
}

fn sum_used(buckets: &Buckets) -> Result<Decimal, Fault> {
    let mut sum = Decimal::ZERO;
    for bucket in buckets {
        sum = exact(add_exact(sum, bucket.used), "allowance")?;
    }
    Ok(sum)
}

/// How many whole units of usage `room` is worth.
fn whole_units(room: Decimal, ratio: Decimal) -> i64 {
    let down = Rounding { places: 0, mode: RoundingMode::Down };
    // room ÷ ratio = room × 10^s ÷ (ratio × 10^s), both whole.
    let scale = ratio.scale();
    let (Ok(times), Ok(per)) = (i64::try_from(10i128.pow(scale)), i64::try_from(ratio.mantissa())) else {
        return 0;
    };
    let units = down.ratio(room, times, per).ok();
    units.and_then(|units| i64::try_from(units.mantissa()).ok()).unwrap_or(i64::MAX).max(0)
}
