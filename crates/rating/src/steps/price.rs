//! Price: the uncovered portions into charge lines, by the band's price or by the cycle's tiers.
//! Relies on `usage::Price` for the one multiplication and division, rounded at the line's rounding point.
//! Never rounds a quantity: that happened before.

use super::increments::{Stretch, Stretches};
use super::match_rate::Matched;
use super::{no_amount, overflow};
use crate::balances::Draft;
use caudal_tariff::Tiers;
use caudal_usage::{ChargeLine, Code, Date, Fault, LineKind};
use smallvec::SmallVec;

/// The charge lines of an event.
pub type Lines<'t> = SmallVec<[ChargeLine<'t>; 3]>;

/// What prices the uncovered rest of a usage.
#[derive(Clone, Copy)]
pub struct Pricing<'m, 't> {
    /// The rate.
    pub matched: &'m Matched<'t>,
    /// The account's cycle, for tiers.
    pub cycle: Date,
    /// Shown on the lines.
    pub rating_group: Option<u32>,
}

/// Adds the lines for what no allowance covered.
#[inline]
pub fn price<'t>(
    pricing: Pricing<'_, 't>,
    stretches: &Stretches,
    draft: &mut Draft,
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    for stretch in stretches.iter().filter(|stretch| stretch.units() > 0) {
        match &pricing.matched.rate.tiers {
            None => lines.push(banded(pricing, stretch)?),
            Some(tiers) => tiered(pricing, tiers, stretch.units(), draft, lines)?,
        }
    }
    Ok(())
}

fn banded<'t>(pricing: Pricing<'_, 't>, stretch: &Stretch) -> Result<ChargeLine<'t>, Fault> {
    let matched = pricing.matched;
    let band = matched.band(stretch.band).ok_or_else(|| Fault::new(Code::NoRate, "band", b"no price"))?;
    let (price, units) = (band.terms.price, stretch.units());
    let amount = price.charge(units, matched.version.line_rounding);
    Ok(ChargeLine {
        kind: LineKind::Usage,
        table: matched.table_name(),
        row: band.row,
        version: &matched.version.version,
        band: band.band,
        step: None,
        increments: Some(stretch.portions()),
        rating_group: pricing.rating_group,
        quantity: units,
        unit_price: price,
        amount: amount.map_err(|error| no_amount(error, units))?,
    })
}

/// Each unit costs what its place in the cycle's sum says: one line for each tier touched.
fn tiered<'t>(
    pricing: Pricing<'_, 't>,
    tiers: &'t Tiers,
    units: i64,
    draft: &mut Draft,
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    let matched = pricing.matched;
    let mut position = draft.used(tiers.counter, pricing.cycle)?;
    let end = position.checked_add(units).ok_or_else(|| overflow("quantity", &units))?;
    for (index, tier) in tiers.steps.iter().enumerate() {
        let quantity = tier.up_to.unwrap_or(i64::MAX).min(end) - position;
        if quantity <= 0 {
            continue;
        }
        position += quantity;
        let amount = tier.price.charge(quantity, matched.version.line_rounding);
        lines.push(ChargeLine {
            kind: LineKind::Tier,
            table: matched.table_name(),
            row: None,
            version: &matched.version.version,
            band: None,
            step: u32::try_from(index + 1).ok(),
            increments: None,
            rating_group: pricing.rating_group,
            quantity,
            unit_price: tier.price,
            amount: amount.map_err(|error| no_amount(error, quantity))?,
        });
    }
    draft.set_used(tiers.counter, pricing.cycle, end);
    Ok(())
}
