//! Increments and bands: raw units into billed portions, each in the band in which it begins.
//! Relies on the clock for where bands end; the walk takes one turn for each band crossed, never one for each portion.
//! Never starts a second minimum: the position in the call goes on across bands.

use super::overflow;
use crate::clock::Clock;
use caudal_tariff::{Increments, Week};
use caudal_usage::Fault;
use smallvec::SmallVec;

/// Most band stretches of one usage: a call of years crosses bands twice a day, and is no call.
pub const STRETCHES_MAX: usize = 2048;

/// Largest raw quantity of one usage, in base units. Sums of increments above it still fit 64 bits.
const QUANTITY_MAX: i64 = caudal_tariff::grammar::UNITS_MAX;

/// Billed portions that begin in one band, one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// Index of the band.
    pub band: u16,
    /// Units of the opening portion of the call, or what is left of it; zero where none begins here.
    pub head: i64,
    /// Units of each further portion.
    pub next: i64,
    /// How many further portions.
    pub count: i64,
}

impl Stretch {
    /// Billed units.
    #[inline]
    pub const fn units(&self) -> i64 {
        self.head + self.next * self.count
    }

    /// Portions, the opening one included.
    #[inline]
    pub const fn portions(&self) -> i64 {
        self.count + (self.head > 0) as i64
    }
}

/// Stretches in the order of time.
pub type Stretches = SmallVec<[Stretch; 2]>;

/// When and how much, in base units.
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    /// First instant, UTC.
    pub start_ms: i64,
    /// Measured units, zero or more.
    pub quantity: i64,
}

/// Portions of one band: from `position` billed units into the call, as begin before `limit` more units have passed.
fn portions(band: u16, increments: Increments, position: i64, limit: i64) -> Stretch {
    let head = (increments.first - position).max(0);
    let rest = (limit - head).max(0);
    let count = if rest == 0 { 0 } else { (rest - 1) / increments.next + 1 };
    Stretch { band, head, next: increments.next, count }
}

/// Billed portions where one band holds throughout: data and messages always, calls under a rate without bands.
#[inline]
pub fn bill_whole(raw: Raw, band: u16, increments: Increments) -> Result<Stretches, Fault> {
    let mut stretches = Stretches::new();
    if check(raw.quantity)? > 0 {
        stretches.push(portions(band, increments, 0, raw.quantity));
    }
    Ok(stretches)
}

/// Billed portions of a call over bands. `increments` gives those of a band; `None` where the band has no price, which
/// ends the walk with `None`.
pub fn bill_bands(
    raw: Raw,
    week: &Week,
    clock: &mut Clock,
    increments: impl Fn(u16) -> Option<Increments>,
) -> Result<Option<Stretches>, Fault> {
    let mut stretches = Stretches::new();
    let quantity = check(raw.quantity)?;
    let mut position = 0i64;
    for _ in 0..STRETCHES_MAX {
        if position >= quantity {
            return Ok(Some(stretches));
        }
        let here = clock.band(week, raw.start_ms + position);
        let Some(increments) = increments(here.band) else { return Ok(None) };
        let limit = (quantity - position).min(here.until_ms - (raw.start_ms + position));
        let stretch = portions(here.band, increments, position, limit);
        position += stretch.units();
        match stretches.last_mut() {
            // A day's end inside a band, or a clock change, is no boundary.
            Some(last) if last.band == stretch.band && stretch.head == 0 => last.count += stretch.count,
            _ => stretches.push(stretch),
        }
    }
    Err(overflow("quantity", &format_args!("{} ms in one call", raw.quantity)))
}

fn check(quantity: i64) -> Result<i64, Fault> {
    if (0..=QUANTITY_MAX).contains(&quantity) { Ok(quantity) } else { Err(overflow("quantity", &quantity)) }
}
