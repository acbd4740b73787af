//! Tiers: the uncovered units by the sum of their period.
//! Relies on the counter saying what the period has so far; what the whole cycle decides is only counted here.
//! Never rounds a quantity, and never looks at what other tiers charged.

use super::cover::plain_line;
use super::match_rate::Matched;
use super::{amount_of, exact, overflow};
use crate::balances::Draft;
use crate::ground::{Ground, Place};
use caudal_tariff::{Model, Package, Period, TierStep, Tiers};
use caudal_usage::{BalanceKey, ChargeLine, Decimal, Fault, LineKind, Lines, Price};

/// What is priced.
#[derive(Clone, Copy)]
pub struct Tiered<'m, 't> {
    /// The rate.
    pub matched: &'m Matched<'t>,
    /// Its tiers.
    pub tiers: &'t Tiers,
    /// Uncovered units.
    pub units: i64,
    /// Shown on the lines.
    pub rating_group: Option<u32>,
    /// True when units are taken back: the sum goes down.
    pub mirrored: bool,
}

/// Adds the lines of a rate with tiers.
pub fn tiers<'t>(
    tiered: Tiered<'_, 't>,
    (ground, place): (&Ground, &Place),
    draft: &mut Draft,
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    let Tiered { tiers, units, mirrored, .. } = tiered;
    if units == 0 {
        return Ok(());
    }
    let counter = counter_of(tiers, (ground, place));
    let before = counter.map_or(Ok(0), |key| draft.units(key))?;
    let end = if mirrored { (before - units).max(0) } else { before + units };
    // What is taken back is what the same units cost from where the sum then stands.
    let low = before.min(end);
    let high = low + units;
    match &tiers.model {
        Model::Graduated(steps) => graduated(tiered, steps, (low, high), lines)?,
        Model::Package(package) => {
            let count = packages(package, high)? - packages(package, low)?;
            if count > 0 {
                lines.push(package_line(tiered.matched, package, (count, low))?);
            }
        }
        Model::Volume(_) | Model::StairStep(_) if tiers.at_close() => lines.push(metered(tiered, low)),
        Model::Volume(steps) | Model::StairStep(steps) => {
            let (index, step) = reached(steps, high);
            reached_lines(tiered.matched, tiers, (index, step, high), lines)?;
        }
        Model::Percentage(_) => {}
    }
    if let Some(key) = counter {
        draft.set(key, Decimal::from(end));
    }
    Ok(())
}

/// The balance of the sum; none where each event begins anew.
pub fn counter_of(tiers: &Tiers, (ground, place): (&Ground, &Place)) -> Option<BalanceKey> {
    (tiers.over != Period::Event).then(|| ground.key(tiers.counter, (tiers.shared, tiers.over), place))
}

/// Each unit costs what its place in the sum says: one line for each tier touched, and a flat fee where one begins.
fn graduated<'t>(
    tiered: Tiered<'_, 't>,
    steps: &'t [TierStep],
    (mut position, end): (i64, i64),
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    let matched = tiered.matched;
    let mut lower = 0;
    for (index, tier) in steps.iter().enumerate() {
        let quantity = tier.up_to.unwrap_or(i64::MAX).min(end) - position;
        if quantity > 0 {
            let step = u32::try_from(index + 1).ok();
            if position == lower && !tier.flat_fee.is_zero() {
                lines.push(ChargeLine { step, ..flat_fee(matched, tier.flat_fee)? });
            }
            lines.push(ChargeLine {
                step,
                rating_group: tiered.rating_group,
                position: Some(position),
                amount: amount_of(tier.price, quantity, matched.version.rounding.line)?,
                ..tier_line(matched, LineKind::Tier, (quantity, tier.price))
            });
            position += quantity;
        }
        lower = tier.up_to.unwrap_or(i64::MAX);
    }
    Ok(())
}

fn tier_line<'t>(matched: &Matched<'t>, kind: LineKind, value: (i64, Price)) -> ChargeLine<'t> {
    plain_line(kind, (matched.table_name(), &matched.version.version), value)
}

/// A flat fee, at the rounding point of a line.
fn flat_fee<'t>(matched: &Matched<'t>, fee: Decimal) -> Result<ChargeLine<'t>, Fault> {
    let amount = exact(matched.version.rounding.line.round(fee), "amount")?;
    Ok(ChargeLine { amount, ..tier_line(matched, LineKind::FlatFee, (1, Price { amount: fee, per: 1 })) })
}

/// The tier that holds `units` in all.
pub fn reached(steps: &[TierStep], units: i64) -> (usize, TierStep) {
    let nothing =
        TierStep { up_to: None, price: Price { amount: Decimal::ZERO, per: 1 }, flat_fee: Decimal::ZERO };
    let found = steps.iter().enumerate().find(|(_, step)| step.up_to.is_none_or(|bound| units <= bound));
    found.or(steps.iter().enumerate().next_back()).map_or((0, nothing), |(index, step)| (index, *step))
}

/// What a tier that was reached costs: all units at its price (of stair steps none), and its flat fee.
pub fn reached_lines<'t>(
    matched: &Matched<'t>,
    tiers: &Tiers,
    (index, step, units): (usize, TierStep, i64),
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    let number = u32::try_from(index + 1).ok();
    if !step.flat_fee.is_zero() {
        lines.push(ChargeLine { step: number, ..flat_fee(matched, step.flat_fee)? });
    }
    if matches!(tiers.model, Model::Volume(_)) && units > 0 {
        lines.push(ChargeLine {
            step: number,
            position: Some(0),
            amount: amount_of(step.price, units, matched.version.rounding.line)?,
            ..tier_line(matched, LineKind::Tier, (units, step.price))
        });
    }
    Ok(())
}

/// Units that are counted now and priced at the close.
fn metered<'t>(tiered: Tiered<'_, 't>, position: i64) -> ChargeLine<'t> {
    let nothing = Price { amount: Decimal::ZERO, per: 1 };
    let line = tiered.matched.version.rounding.line;
    ChargeLine {
        position: Some(position),
        rating_group: tiered.rating_group,
        amount: line.round(Decimal::ZERO).unwrap_or_default(),
        ..tier_line(tiered.matched, LineKind::Metered, (tiered.units, nothing))
    }
}

/// Started packages of `units` in all.
pub fn packages(package: &Package, units: i64) -> Result<i64, Fault> {
    let beyond = units.checked_sub(package.free).ok_or_else(|| overflow("quantity", &units))?;
    Ok(if beyond <= 0 { 0 } else { (beyond - 1) / package.size + 1 })
}

/// A line for so many packages.
pub fn package_line<'t>(
    matched: &Matched<'t>,
    package: &Package,
    (count, position): (i64, i64),
) -> Result<ChargeLine<'t>, Fault> {
    let quantity = package.size.checked_mul(count).ok_or_else(|| overflow("quantity", &count))?;
    let price = Price { amount: package.price, per: package.size };
    Ok(ChargeLine {
        increments: Some(count),
        position: Some(position),
        amount: amount_of(price, quantity, matched.version.rounding.line)?,
        ..tier_line(matched, LineKind::Package, (quantity, price))
    })
}
