//! Price: the uncovered portions into charge lines, one for each run of units in one band and step.
//! Relies on `usage::Price` for the one multiplication and division, rounded at the line's rounding point.
//! Never rounds a quantity: that happened before.

use super::amount_of;
use super::increments::{Stretch, Stretches};
use super::match_rate::Matched;
use caudal_usage::{ChargeLine, Code, Fault, LineKind};
use smallvec::SmallVec;

/// The charge lines of an event.
pub type Lines<'t> = SmallVec<[ChargeLine<'t>; 3]>;

/// Adds the lines for what no allowance covered.
#[inline]
pub fn price<'t>(
    (matched, rating_group): (&Matched<'t>, Option<u32>),
    stretches: &Stretches,
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    let mut run: Option<(Stretch, i64, i64)> = None;
    for stretch in stretches.iter().filter(|stretch| stretch.units() > 0) {
        let here = (stretch.units(), stretch.portions());
        match &mut run {
            Some((first, units, portions)) if (first.band, first.step) == (stretch.band, stretch.step) => {
                (*units, *portions) = (*units + here.0, *portions + here.1);
            }
            other => {
                if let Some(done) = other.replace((*stretch, here.0, here.1)) {
                    lines.push(line((matched, rating_group), done)?);
                }
            }
        }
    }
    if let Some(done) = run {
        lines.push(line((matched, rating_group), done)?);
    }
    Ok(())
}

fn line<'t>(
    (matched, rating_group): (&Matched<'t>, Option<u32>),
    (stretch, units, portions): (Stretch, i64, i64),
) -> Result<ChargeLine<'t>, Fault> {
    let band = matched.band(stretch.band).ok_or_else(|| Fault::new(Code::NoRate, "band", b"no price"))?;
    let price = match stretch.step {
        0 => band.terms.price,
        step => band.step_price(step),
    };
    Ok(ChargeLine {
        kind: LineKind::Usage,
        table: matched.table_name(),
        row: band.row,
        version: &matched.version.version,
        band: band.band,
        step: (stretch.step > 0).then_some(u32::from(stretch.step)),
        increments: Some(portions),
        rating_group,
        quantity: units,
        unit_price: price,
        amount: amount_of(price, units, matched.version.rounding.line)?,
        position: None,
        basis: None,
    })
}
