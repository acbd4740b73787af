//! Billed portions into charge lines: by band and step, by tier, by package.
//! Relies on portions being cut; each unit is asked for its price, and neighbours of one price make a line.
//! Never rounds but at the end of a line.

use super::balances::Balances;
use super::number::{Point, Q, q, round, started, zero};
use super::plan::*;
use super::portions::{Cut, Portion};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub kind: &'static str,
    pub rate: String,
    pub band: Option<&'static str>,
    pub step: Option<u32>,
    pub quantity: i64,
    /// What its units cost, where a price says it.
    pub price: Option<Price>,
    pub amount: Q,
}

/// Where lines of one rate go.
pub struct Ledger<'a> {
    pub rate: &'a Rate,
    pub point: Point,
    pub lines: &'a mut Vec<Line>,
}

impl Ledger<'_> {
    pub fn line(&mut self, kind: &'static str, quantity: i64, exact: &Q) -> &mut Line {
        let amount = round(exact, self.point);
        let (rate, band, step, price) = (self.rate.id.clone(), None, None, None);
        self.lines.push(Line { kind, rate, band, step, quantity, price, amount });
        self.lines.last_mut().expect("just added")
    }

    /// Units at a price.
    fn priced(&mut self, kind: &'static str, units: i64, price: Price) -> &mut Line {
        let line = self.line(kind, units, &cost(price, units));
        line.price = Some(price);
        line
    }

    /// So many packages.
    pub fn packages(&mut self, package: &Package, count: &Q) {
        if *count > zero() {
            let price = Price { amount: package.price, per: package.size, unit: self.rate.unit };
            self.priced("package", whole(&(count * q(package.size))), price);
        }
    }

    /// Lines of what no allowance covered: units of one band and step are one line until another comes.
    pub fn uncovered(&mut self, cut: &Cut, portions: &[Portion]) {
        let grain = if cut.counts_events() { 1 } else { cut.grain };
        let mut runs: Vec<(usize, usize, i64)> = Vec::new();
        for portion in portions.iter().filter(|portion| portion.covered.is_none()) {
            for unit in (portion.from..portion.from + portion.len).step_by(grain as usize) {
                let band = cut.band_of_unit(portion, unit);
                let (step, _) = cut.step(band, unit - portion.begin.priced);
                match runs.last_mut() {
                    Some((b, s, units)) if (*b, *s) == (band, step) => *units += grain,
                    _ => runs.push((band, step, grain)),
                }
            }
        }
        for (band, step, units) in runs {
            let terms = cut.terms(band);
            let price = terms.steps[step].price.expect("a rate without tiers has a price in each band");
            let line = self.priced("usage", units, price);
            line.band = terms.name;
            line.step = terms.numbered.then_some(step as u32 + 1);
        }
    }

    /// Units by their place in the sum of a period, which `counter` holds.
    pub fn tiered(&mut self, tiers: &Tiers, units: i64, balances: &mut Balances, counter: &str) {
        let from = balances.get(counter);
        let to = &from + q(units);
        if units == 0 {
            return;
        }
        match tiers.model {
            "graduated" => self.graduated(tiers, &from, &to),
            "package" => {
                let package = tiers.package.as_ref().expect("a package model has one");
                self.packages(package, &(packages(package, &to) - packages(package, &from)));
            }
            // Priced once the sum of the period is known.
            _ => _ = self.line("metered", units, &zero()),
        }
        balances.set(counter, to);
    }

    fn graduated(&mut self, tiers: &Tiers, from: &Q, to: &Q) {
        let mut lower = zero();
        for (index, (tier, bound)) in tiers.steps.iter().zip(bounds(tiers)).enumerate() {
            let upper = bound.unwrap_or_else(|| to.clone().max(lower.clone()));
            let (low, high) = (from.clone().max(lower.clone()), to.clone().min(upper.clone()));
            if low < high {
                let units = whole(&(&high - &low));
                if let Some(fee) = tier.flat_fee.filter(|_| low == lower) {
                    self.line("flat_fee", 1, &fee.q()).step = Some(index as u32 + 1);
                }
                if let Some(price) = tier.price {
                    self.priced("tier", units, price).step = Some(index as u32 + 1);
                }
            }
            lower = upper;
        }
    }

    /// All units of a period at once: `volume` and `stair_step`.
    pub fn at_once(&mut self, tiers: &Tiers, units: i64) {
        if units == 0 {
            return;
        }
        let reached = bounds(tiers).into_iter().position(|bound| bound.is_none_or(|bound| q(units) <= bound));
        let index = reached.expect("the last tier is open");
        let tier = &tiers.steps[index];
        if let Some(fee) = tier.flat_fee {
            self.line("flat_fee", 1, &fee.q()).step = Some(index as u32 + 1);
        }
        if let Some(price) = tier.price.filter(|_| tiers.model == "volume") {
            self.priced("tier", units, price).step = Some(index as u32 + 1);
        }
    }
}

pub fn whole(units: &Q) -> i64 {
    i64::try_from(units.to_integer()).expect("quantities of a case are small")
}

pub fn cost(price: Price, units: i64) -> Q {
    price.amount.q() * q(units) / q(price.per)
}

/// Started packages of a sum.
pub fn packages(package: &Package, sum: &Q) -> Q {
    started(&(sum - q(package.free.unwrap_or(0))).max(zero()), &q(package.size))
}

/// Last unit of each tier; `None` for the open one. A tier in blocks holds so many of them beyond the one before.
pub fn bounds(tiers: &Tiers) -> Vec<Option<Q>> {
    let mut lower = 0;
    let mut bounds = Vec::new();
    for tier in &tiers.steps {
        let per = tier.price.map_or(1, |price| price.per);
        let upper = tier.up_to.or(tier.blocks.map(|blocks| lower + blocks * per));
        lower = upper.unwrap_or(lower);
        bounds.push(upper.map(q));
    }
    bounds
}
