//! Increments and bands: measured units into billed portions, each in the band and step in which it lies.
//! Relies on the clock for where bands end; the walk takes one turn for each band or step crossed, never one a portion.
//! Never starts a second minimum: the position in the usage goes on across bands and steps.

use super::match_rate::{BandPrice, Matched, Start};
use super::overflow;
use crate::clock::{InBand, band_at_offset};
use crate::clocks::Clocks;
use caudal_tariff::{Increments, Split, Week};
use caudal_usage::{Fault, TimeZone};

/// Most stretches of one usage: a call of years crosses bands twice a day, and is no call.
pub const STRETCHES_MAX: usize = 2048;

/// Largest quantity of one usage, in base units. Sums of increments above it still fit 64 bits.
const QUANTITY_MAX: i64 = caudal_tariff::grammar::UNITS_MAX;

/// Billed portions in one band and step, one after the other; or a fragment of one that lies in several.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// Index of the band.
    pub band: u16,
    /// Number of the step, from 1; 0 where there are none.
    pub step: u16,
    /// Units of the opening portion, of what is left of it, or of a fragment; zero where none begins here.
    pub head: i64,
    /// Units of each further portion.
    pub next: i64,
    /// How many further portions.
    pub count: i64,
    /// True when the head goes on with the portion that the stretch before began.
    pub joined: bool,
}

impl Stretch {
    /// Billed units.
    #[inline]
    pub const fn units(&self) -> i64 {
        self.head + self.next * self.count
    }

    /// Portions that begin here.
    #[inline]
    pub const fn portions(&self) -> i64 {
        self.count + (self.head > 0 && !self.joined) as i64
    }
}

/// Stretches in the order of position. The list is used again from usage to usage.
pub type Stretches = Vec<Stretch>;

/// How a wall clock is read: the band of the start, and what says which comes after it.
pub struct Wall<'w> {
    /// The band at hand, and until when it holds.
    pub here: InBand,
    /// The clock behind it.
    pub beyond: Beyond<'w>,
}

/// What says which band follows.
pub enum Beyond<'w> {
    /// None does.
    Nothing,
    /// A time zone.
    Zone(&'w mut Clocks, TimeZone),
    /// A fixed distance from UTC, in seconds.
    Offset(i32),
}

impl Wall<'_> {
    /// The band at an instant not before the last one asked for.
    #[inline]
    fn at(&mut self, week: &Week, at_ms: i64) -> InBand {
        if at_ms >= self.here.until_ms {
            self.here = match &mut self.beyond {
                Beyond::Nothing => self.here,
                Beyond::Zone(clocks, zone) => clocks.of(*zone).band(week, at_ms),
                Beyond::Offset(offset_s) => band_at_offset(week, at_ms, *offset_s),
            };
        }
        self.here
    }
}

/// What is walked: a part of a usage inside the usage, session or period over which quantities are rounded up.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Instant of the part's first unit.
    pub start_ms: i64,
    /// Units measured before this part.
    pub before: i64,
    /// Position at which the walk begins: what was billed or covered before.
    pub from: i64,
    /// Units measured with this part.
    pub end: i64,
}

/// Refuses quantities that no sum of portions would fit.
pub fn check(quantity: i64) -> Result<i64, Fault> {
    if (0..=QUANTITY_MAX).contains(&quantity) { Ok(quantity) } else { Err(overflow("quantity", &quantity)) }
}

/// Portions of one band: from `position` units on, as begin before `limit` more units have passed.
fn portions(band: u16, increments: Increments, position: i64, limit: i64) -> Stretch {
    let head = (increments.first - position).max(0);
    let rest = (limit - head).max(0);
    let count = if rest == 0 { 0 } else { (rest - 1) / increments.next + 1 };
    Stretch { band, step: 0, head, next: increments.next, count, joined: false }
}

/// Walks a span into `stretches`, which are emptied first. `false` where a band has no price.
#[inline]
pub fn walk(
    (matched, start): (&Matched, &Start),
    span: Span,
    wall: Wall,
    stretches: &mut Stretches,
) -> Result<bool, Fault> {
    stretches.clear();
    check(span.end)?;
    if span.from >= span.end {
        return Ok(true);
    }
    let more = matched.rate.more.as_deref();
    let (exact, pro_rata) = more.map_or((false, false), |more| (more.split == Split::Exact, more.pro_rata));
    let InBand { band, until_ms } = wall.here;
    let price = &start.price;
    // Nearly every usage lies in one band whole, whatever portions it is cut into.
    let one_band = until_ms == i64::MAX || (!exact && span.start_ms + (span.end - span.before) <= until_ms);
    if one_band && !price.has_steps() && !pro_rata {
        stretches.push(portions(band, price.terms.increments, span.from, span.end - span.from));
        return Ok(true);
    }
    Walk { matched, span, wall, week: &matched.rate.week, exact, pro_rata, stretches }.run()
}

/// A walk on its way.
struct Walk<'w, 't> {
    matched: &'w Matched<'t>,
    span: Span,
    wall: Wall<'w>,
    week: &'t Week,
    /// Each unit lies in the band in which it passes.
    exact: bool,
    /// A portion that was only begun counts for its used part.
    pro_rata: bool,
    stretches: &'w mut Stretches,
}

impl<'t> Walk<'_, 't> {
    fn run(mut self) -> Result<bool, Fault> {
        let mut position = self.span.from;
        while position < self.span.end {
            if self.stretches.len() > STRETCHES_MAX {
                return Err(overflow("quantity", &format_args!("{} units in one call", self.span.end)));
            }
            let Some((band, band_end, price)) = self.band(position) else { return Ok(false) };
            let limit = band_end.min(self.span.end);
            position = if price.has_steps() || self.exact || self.pro_rata {
                match self.stepped(position, (band, band_end), &price)? {
                    Some(position) => position,
                    None => return Ok(false),
                }
            } else {
                let stretch = portions(band, price.terms.increments, position, limit - position);
                self.push(stretch);
                position + stretch.units()
            };
        }
        Ok(true)
    }

    /// The band at a position, the position at which it ends, and its terms.
    fn band(&mut self, position: i64) -> Option<(u16, i64, BandPrice<'t>)> {
        let at_ms = self.span.start_ms + (position - self.span.before);
        let InBand { band, until_ms } = self.wall.at(self.week, at_ms);
        let end = if until_ms == i64::MAX { i64::MAX } else { position + (until_ms - at_ms) };
        Some((band, end, self.matched.band(band)?))
    }

    /// Whole portions that lie in one step (and one band, where units do), or one portion with its fragments. Returns the
    /// position behind them.
    fn stepped(
        &mut self,
        position: i64,
        (band, band_end): (u16, i64),
        price: &BandPrice<'t>,
    ) -> Result<Option<i64>, Fault> {
        let here = price.at(position);
        let Increments { first, next } = here.increments;
        if position >= first {
            let begin = (band_end.min(self.span.end) - position - 1) / next + 1;
            let mut count = begin.min((here.until - position) / next);
            if self.exact {
                count = count.min((band_end - position) / next);
            }
            if self.pro_rata {
                count = count.min((self.span.end - position) / next);
            }
            if count > 0 {
                self.push(Stretch { band, step: here.step, head: 0, next, count, joined: false });
                return Ok(Some(position + count * next));
            }
        }
        let mut stop = if position < first { first } else { position + next };
        if self.pro_rata {
            stop = stop.min(self.span.end);
        }
        self.fragments(position, stop, (band, band_end))
    }

    /// One portion, cut where another step (and, where units lie in bands, another band) begins.
    fn fragments(
        &mut self,
        position: i64,
        stop: i64,
        (mut band, mut band_end): (u16, i64),
    ) -> Result<Option<i64>, Fault> {
        let mut at = position;
        while at < stop {
            if self.stretches.len() > STRETCHES_MAX {
                return Err(overflow("quantity", &format_args!("{} units in one portion", stop - position)));
            }
            if self.exact && at >= band_end {
                let Some((next_band, next_end, _)) = self.band(at) else { return Ok(None) };
                (band, band_end) = (next_band, next_end);
            }
            let Some(price) = self.matched.band(band) else { return Ok(None) };
            let here = price.at(at);
            let mut end = stop.min(here.until);
            if self.exact {
                end = end.min(band_end);
            }
            let joined = at > position;
            self.push(Stretch { band, step: here.step, head: end - at, next: 1, count: 0, joined });
            at = end;
        }
        Ok(Some(stop))
    }

    fn push(&mut self, stretch: Stretch) {
        match self.stretches.last_mut() {
            // A day's end inside a band, or a clock change, is no boundary.
            Some(last)
                if (last.band, last.step) == (stretch.band, stretch.step)
                    && stretch.head == 0
                    && !last.joined
                    && (last.count == 0 || last.next == stretch.next) =>
            {
                last.next = stretch.next;
                last.count += stretch.count;
            }
            _ => self.stretches.push(stretch),
        }
    }
}
