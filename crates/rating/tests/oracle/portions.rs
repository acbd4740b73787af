//! A measured quantity into billed portions: where each begins, how long it is, in which band, and who covers it.
//! Relies on asking anew at every portion which band and which step hold there.
//! Never skips ahead: one turn for every portion.

use super::calendar::{self, Wall};
use super::cover::{Cover, Offer};
use super::matching::{self, Facts};
use super::number::{Q, dec, zero};
use super::plan::*;
use super::world;

/// Steps of a band, with everything that a plan may leave out filled in.
#[derive(Clone, Debug)]
pub struct Terms {
    pub name: Option<&'static str>,
    pub row: Option<usize>,
    pub steps: Vec<FullStep>,
    /// True when the plan says steps, so that lines number them.
    pub numbered: bool,
    pub fee: Q,
}

#[derive(Clone, Copy, Debug)]
pub struct FullStep {
    pub up_to: Option<i64>,
    /// Absent under tiers.
    pub price: Option<Price>,
    pub increments: Increments,
}

/// What stands fixed while a part is cut into portions.
pub struct Cut<'p> {
    pub plan: &'p Plan,
    pub rate: &'p Rate,
    pub facts: &'p Facts,
    pub wall: Wall,
    pub service: Service,
    pub start_ms: i64,
    /// All quantities of the case are whole multiples of it.
    pub grain: i64,
    /// Terms of each band, worked out once.
    pub bands: Vec<Terms>,
}

/// How far the quantity that is rounded together has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    pub measured: i64,
    pub billed: i64,
}

/// Where positions count from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Begin {
    /// Position at which prices and portions count from zero.
    pub priced: i64,
    /// Position of the unit that passed at the start.
    pub started: i64,
}

#[derive(Clone, Debug)]
pub struct Portion {
    pub from: i64,
    pub len: i64,
    pub band: usize,
    pub begin: Begin,
    /// Index of the allowance that gave it.
    pub covered: Option<usize>,
}

/// The first and next portion where the plan says nothing: 1 s, 1 octet, 1 event.
fn one(unit: Unit) -> Increments {
    let one = if unit == Unit::Ms { 1000 } else { 1 };
    Increments { first: one, next: one }
}

impl Cut<'_> {
    /// Works out the terms of every band.
    pub fn ready(mut self) -> Self {
        self.bands = (0..self.rate.bands.len().max(1)).map(|band| self.worked_out(band)).collect();
        self
    }

    pub fn terms(&self, band: usize) -> &Terms {
        &self.bands[band]
    }

    /// True when each usage counts as one event, whatever its quantity.
    pub fn counts_events(&self) -> bool {
        self.terms(0).steps[0].price.is_some_and(|price| price.unit == Unit::Event)
            && self.rate.unit != Unit::Event
    }

    fn worked_out(&self, band: usize) -> Terms {
        let said = self.rate.bands.get(band);
        let name = said.map(|band| band.name);
        if matches!(self.rate.pricing, Pricing::Table) {
            let (at, row) =
                matching::row(self.plan, self.facts, name).expect("a rate without a row does not match");
            let first = FullStep { up_to: None, price: Some(row.price), increments: row.increments };
            return self.with_free(Terms {
                name,
                row: Some(at + 2),
                steps: vec![first],
                numbered: false,
                fee: row.connection_fee.q(),
            });
        }
        let own = said.and_then(|band| band.increments).or(self.rate.increments);
        let increments = own.unwrap_or_else(|| one(self.rate.unit));
        let in_band = said.map_or(&[] as &[Step], |band| &band.steps);
        let steps: &[Step] = match &self.rate.pricing {
            _ if !in_band.is_empty() => in_band,
            Pricing::Steps(steps) if said.is_none_or(|band| band.price.is_none()) => steps,
            _ => &[],
        };
        let of_rate = if let Pricing::Price(price) = self.rate.pricing { Some(price) } else { None };
        let single = said.and_then(|band| band.price).or(of_rate);
        // What counts usages as events counts them one by one.
        let events = single.is_some_and(|price| price.unit == Unit::Event) && self.rate.unit != Unit::Event;
        let increments = if events { Increments { first: 1, next: 1 } } else { increments };
        let full = |step: &Step| FullStep {
            up_to: step.up_to,
            price: Some(step.price),
            increments: step.increments.unwrap_or(increments),
        };
        let fee = said.and_then(|band| band.connection_fee).or(self.rate.connection_fee);
        let numbered = !steps.is_empty();
        let steps = match numbered {
            true => steps.iter().map(full).collect(),
            false => vec![FullStep { up_to: None, price: single, increments }],
        };
        self.with_free(Terms { name, row: None, steps, numbered, fee: fee.map_or(zero(), |fee| fee.q()) })
    }

    /// `free` is short for a first step at zero.
    fn with_free(&self, mut terms: Terms) -> Terms {
        let Some(free) = self.rate.free else { return terms };
        let first = terms.steps[0];
        let price = first.price.map(|price| Price { amount: dec(0, 0), ..price });
        let beyond = terms.steps.into_iter().filter(|step| step.up_to.is_none_or(|up_to| up_to > free));
        terms.steps = std::iter::once(FullStep { up_to: Some(free), price, ..first }).chain(beyond).collect();
        terms.numbered = true;
        terms
    }

    /// The band that holds at an instant.
    fn band_at(&self, utc_ms: i64) -> usize {
        let (day, minute) = (calendar::date(self.wall, utc_ms), calendar::minute(self.wall, utc_ms));
        let bands = &self.rate.bands;
        let names_holidays = bands.iter().any(|band| {
            let days = band.days.map(calendar::kinds).unwrap_or_default();
            days.contains(&"holiday") && days.len() < calendar::KINDS.len()
        });
        let is_holiday = names_holidays && world::is_holiday(day);
        let kind = if is_holiday { "holiday" } else { calendar::weekday(day) };
        let holds = |band: &Band| {
            let said = band.days.is_some() || band.hours.is_some();
            let on_day = band.days.is_none_or(|days| calendar::is_among(days, kind));
            said && on_day && band.hours.is_none_or(|(from, to)| (from..to).contains(&minute))
        };
        let otherwise = || bands.iter().position(|band| band.days.is_none() && band.hours.is_none());
        bands.iter().position(holds).or_else(otherwise).unwrap_or(0)
    }

    /// The instant at which the unit at a position passes: only calls have one for each unit.
    fn instant(&self, begin: Begin, position: i64) -> i64 {
        let is_call = self.service == Service::Voice && self.rate.unit == Unit::Ms && !self.counts_events();
        if is_call { self.start_ms + position - begin.started } else { self.start_ms }
    }

    /// The band in which a portion begins at a position.
    pub fn band(&self, begin: Begin, position: i64) -> usize {
        let whole = self.rate.split == Some("start");
        self.band_at(if whole { self.start_ms } else { self.instant(begin, position) })
    }

    /// The band whose price a unit costs.
    pub fn band_of_unit(&self, portion: &Portion, position: i64) -> usize {
        let exact = self.rate.split == Some("exact");
        if exact { self.band_at(self.instant(portion.begin, position)) } else { portion.band }
    }

    /// The step in which a position lies: its number and what it says.
    pub fn step(&self, band: usize, position: i64) -> (usize, FullStep) {
        let steps = &self.terms(band).steps;
        let at = steps.iter().position(|step| step.up_to.is_none_or(|up_to| position < up_to));
        let at = at.expect("the last step is open");
        (at, steps[at])
    }

    /// Length of the rate's portion that begins at a position, with `left` measured units to come.
    fn portion(&self, band: usize, position: i64, left: i64) -> i64 {
        let len = length(self.step(band, position).1.increments, position);
        if self.rate.partial == Some("pro_rata") { len.min(left) } else { len }
    }

    /// **The walk.** At position *p* a portion begins while the measured quantity is above *p*.
    pub fn walk(&self, before: Position, measured: i64, cover: &mut Cover) -> (Vec<Portion>, Position) {
        let mut portions = Vec::new();
        let mut begin = Begin { priced: 0, started: before.measured };
        let mut at = before.billed;
        while at < measured {
            let mut given = cover.go_on(&self.offer(begin, at, measured));
            if given.is_none() {
                // What the one before left is priced as a usage from the same start, where that one says so.
                if cover.restarts() {
                    begin = Begin { priced: at, started: at };
                }
                given = cover.take(&self.offer(begin, at, measured));
            }
            let (len, covered) = given.unwrap_or((self.offer(begin, at, measured).whole, None));
            portions.push(Portion { from: at, len, band: self.band(begin, at), begin, covered });
            at += len;
        }
        (portions, Position { measured, billed: at })
    }

    fn offer(&self, begin: Begin, at: i64, measured: i64) -> Offer {
        let (band, position, left) = (self.band(begin, at), at - begin.priced, measured - at);
        let whole = self.portion(band, position, left);
        Offer { band: self.terms(band).name, at: position, left, whole, grain: self.grain }
    }
}

/// First portion up to `first`, every further one `next`.
pub fn length(increments: Increments, position: i64) -> i64 {
    if position < increments.first { increments.first - position } else { increments.next }
}
