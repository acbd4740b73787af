//! Cover: what allowances give of a usage, in their order of consumption.
//! Relies on portions being in the order of position; the next allowance goes on where the one before ended.
//! Never gives part of a portion, but where the plan says so, and never more than is left.

use super::buckets::{ALL, Buckets, buckets, note_use, of_turn, order, room, use_up};
use super::increments::{Span, Stretch};
use super::match_rate::{Matched, Start};
use super::{amount_of, exact, overflow};
use crate::ground::Place;
use crate::notify::gave;
use crate::rate::Usage;
use caudal_tariff::{Allowance, Gives, Increments, Period, Refill};
use caudal_usage::money::{add_exact, mul_exact};
use caudal_usage::{
    BillableEvent, ChargeLine, Decimal, Fault, LineKind, Part, Price, Rounding, RoundingMode, Unit,
};
use smallvec::SmallVec;

/// What is covered: a part of a usage in its portions, and what happens to it.
pub struct Cover<'c, 'a, 'w> {
    /// The usage: its facts and balances, and the portions that are still open.
    pub usage: &'c mut Usage<'a, 'w>,
    /// Its event.
    pub event: &'c mut BillableEvent<'a>,
    /// The part.
    pub part: &'c Part,
    /// What holds where it starts.
    pub start: &'c Start<'a>,
    /// Where it lies.
    pub place: Place,
    /// What prices the rest.
    pub matched: &'c Matched<'a>,
    /// What prices are counted in.
    pub unit: Unit,
    /// The measured span that is still open.
    pub span: Span,
    /// Lines of the event that are not the part's.
    pub first_line: usize,
    /// Units covered.
    pub covered: i64,
    /// The allowance that covered the first portion.
    pub front: Option<&'a Allowance>,
}

impl<'a> Cover<'_, 'a, '_> {
    /// Goes through the allowances of the plan.
    #[inline]
    pub fn run(&mut self) -> Result<(), Fault> {
        let version = self.usage.ground.version;
        let bought = self.usage.draft.standing().has_grants();
        if !version.by_expiry && !bought {
            for allowance in &version.allowances {
                if self.takes_part(allowance) {
                    self.one(allowance, ALL)?;
                }
            }
            return Ok(());
        }
        let mut take_part = SmallVec::<[u16; 8]>::new();
        for (allowance, index) in version.allowances.iter().zip(0..) {
            if self.takes_part(allowance) {
                take_part.push(index);
            }
        }
        let from = (&self.usage.draft, self.event.allowance_uses.as_slice());
        for turn in order(&self.usage.ground, &self.place, from, &take_part)? {
            if let Some(allowance) = version.allowances.get(usize::from(turn.allowance)) {
                self.one(allowance, turn.stocks)?;
            }
        }
        Ok(())
    }

    /// True when it counts what is used, and holds for the part.
    #[inline]
    fn takes_part(&mut self, allowance: &Allowance) -> bool {
        let counts = allowance.unit.is_some() && (allowance.per_usage || allowance.unit == Some(self.unit));
        counts && self.usage.holds(&allowance.when, self.part)
    }

    /// One turn of an allowance.
    #[inline]
    fn one(&mut self, allowance: &'a Allowance, stocks: usize) -> Result<(), Fault> {
        if open_units(self.usage.stretches) == 0 {
            return Ok(());
        }
        match (allowance.simple, allowance.refill) {
            (Some(quantity), Refill::Each(period)) if !self.usage.draft.standing().has_grants() => {
                self.simple(allowance, (quantity, period))
            }
            _ => self.general(allowance, stocks),
        }
    }

    /// The plain case: one balance, whole portions of the rate from the front.
    #[inline]
    fn simple(&mut self, allowance: &'a Allowance, (quantity, period): (i64, Period)) -> Result<(), Fault> {
        let key = self.usage.ground.key(allowance.counter, (allowance.shared, period), &self.place);
        let used = self.usage.draft.units(key)?;
        let before = quantity.saturating_sub(used).max(0);
        let taken = if before > 0 { self.take(before, None) } else { 0 };
        if taken == 0 {
            return Ok(());
        }
        self.move_on(allowance, taken);
        self.front = self.front.or(Some(allowance));
        self.covered += taken;
        self.usage.draft.set(key, Decimal::from(used + taken));
        let values = [taken, before, before - taken].map(Decimal::from);
        note_use(&mut self.event.allowance_uses, allowance, key, values);
        Ok(())
    }

    fn general(&mut self, allowance: &'a Allowance, stocks: usize) -> Result<(), Fault> {
        let mut stock = buckets(&self.usage.ground, allowance, &self.place, &self.usage.draft)?;
        let before = room(&stock)?;
        let front = self.usage.stretches.first().copied();
        let may = if stocks == ALL { before } else { room(of_turn(&stock, stocks))? };
        let Some((units, cost)) = self.give(allowance, may)? else { return Ok(()) };
        // What takes from the front first has the front; the portions may have been cut anew since.
        let first = allowance.bands.is_none() && self.covered == 0;
        if self.front.is_none() && (first || took_front(front, self.usage.stretches, allowance)) {
            self.front = Some(allowance);
        }
        self.covered = self.covered.checked_add(units).ok_or_else(|| overflow("quantity", &units))?;
        self.line(allowance, units)?;
        let used = sum_used(&stock)?;
        let of = exact(add_exact(before, used), "allowance")?;
        let ground = &self.usage.ground;
        let key =
            stock.last().map_or_else(|| ground.allowance_key(allowance, &self.place), |bucket| bucket.key);
        use_up(&mut stock, cost, &mut self.usage.draft)?;
        let after = exact(add_exact(before, -cost), "allowance")?;
        if !cost.is_zero() {
            note_use(&mut self.event.allowance_uses, allowance, key, [cost, before, after]);
        }
        let Usage { ground, draft, notes, .. } = &mut *self.usage;
        gave(allowance, (ground, &self.place), (used, cost, of), draft, notes)
    }

    /// What it gives: billed units that are covered, and what that costs of the allowance. Nothing where it gives nothing.
    fn give(&mut self, allowance: &Allowance, room: Decimal) -> Result<Option<(i64, Decimal)>, Fault> {
        let ratio = allowance.ratio;
        if allowance.per_usage && self.unit != Unit::Event {
            // One for each usage: its other parts in the cycle are covered with the first.
            let uses = &self.event.allowance_uses;
            let known = uses.iter().any(|known| known.allowance == allowance.id.as_ref());
            let cost = if known { Decimal::ZERO } else { ratio };
            if room < cost {
                return Ok(None);
            }
            let units = open_units(self.usage.stretches);
            self.usage.stretches.clear();
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
            Gives::Measured { own, exact } => self.measured((own, exact), fits)?,
        };
        if units == 0 {
            return Ok(None);
        }
        let restarts = allowance.more.as_ref().is_some_and(|more| more.restarts);
        if restarts && open_units(self.usage.stretches) > 0 {
            let left = self.span.end - self.span.from;
            self.span = Span { before: 0, from: 0, end: left.max(0), ..self.span };
            self.rewalk()?;
        }
        let cost = exact(mul_exact(ratio, Decimal::from(units)), "allowance")?;
        Ok(Some((units, cost)))
    }

    /// Cuts what is still open anew.
    fn rewalk(&mut self) -> Result<(), Fault> {
        self.usage.walk(self.matched, (self.part, self.start), self.span)
    }

    /// What was taken from the front moves the open span on. (From bands it may come from the middle: nothing that looks at
    /// the span applies beside such an allowance.)
    fn move_on(&mut self, allowance: &Allowance, units: i64) {
        if allowance.bands.is_none() {
            self.span.from += units;
        }
    }

    /// Portions of its own, of what was measured. What it covers moves the open span on.
    fn measured(&mut self, (own, exact): (Option<Increments>, bool), fits: i64) -> Result<i64, Fault> {
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
            self.rewalk()?;
        }
        Ok(units)
    }

    /// Portions of the rate, the last one for its used part.
    fn rate_portions(&mut self, open: i64, fits: i64) -> i64 {
        let units = if open <= fits {
            self.usage.stretches.clear();
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
        let (matched, stretches) = (self.matched, self.usage.stretches.as_mut_slice());
        if let ([only], None) = (&mut *stretches, bands) {
            take_run(only, &mut left);
            return room - left;
        }
        let named = |band: u16| {
            bands.is_none_or(|names| {
                let name = matched.band(band).and_then(|price| price.band);
                name.is_some_and(|name| names.iter().any(|known| known.as_ref() == name))
            })
        };
        let mut at = 0;
        while let Some(stretch) = stretches.get(at).copied() {
            // A portion in several fragments is taken whole: its stretches follow one another.
            let mut group = 1;
            while stretches.get(at + group).is_some_and(|next| next.joined) {
                group += 1;
            }
            if !named(stretch.band) {
                at += group;
                continue;
            }
            if group > 1 {
                let Some(fragments) = stretches.get_mut(at..at + group) else { break };
                let units: i64 = fragments.iter().map(Stretch::units).sum();
                if units > left {
                    break;
                }
                left -= units;
                fragments.iter_mut().for_each(|fragment| (fragment.head, fragment.count) = (0, 0));
            } else if let Some(stretch) = stretches.get_mut(at)
                && !take_run(stretch, &mut left)
            {
                break;
            }
            at += group;
        }
        room - left
    }

    /// A line for covered units that cost something: one for all that an allowance gives to the part.
    fn line(&mut self, allowance: &'a Allowance, units: i64) -> Result<(), Fault> {
        let Some(price) = allowance.more.as_ref().and_then(|more| more.price) else { return Ok(()) };
        let version = self.usage.ground.version;
        let mut lines = self.event.lines.iter_mut().skip(self.first_line);
        if let Some(line) = lines.find(|line| line.table == allowance.id.as_ref()) {
            line.quantity += units;
            line.amount = amount_of(price, line.quantity, version.rounding.line)?;
            return Ok(());
        }
        self.event.lines.push(ChargeLine {
            amount: amount_of(price, units, version.rounding.line)?,
            ..plain_line(LineKind::Covered, (&allowance.id, &version.version), (units, price))
        });
        Ok(())
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

#[inline]
fn open_units(stretches: &[Stretch]) -> i64 {
    stretches.iter().map(Stretch::units).sum()
}

/// True when the first portion is no longer open.
fn took_front(front: Option<Stretch>, stretches: &[Stretch], allowance: &Allowance) -> bool {
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
