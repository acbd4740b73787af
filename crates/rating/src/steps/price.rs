//! Price: the uncovered portions into charge lines, one for each run of units in one band and step.
//! Relies on `usage::Price` for the one multiplication and division, rounded at the line's rounding point.
//! Never rounds a quantity: that happened before.

use super::amount_of;
use super::increments::Stretch;
use super::match_rate::Matched;
use caudal_usage::{ChargeLine, Code, Fault, LineKind, Lines};

/// Units of one band and step that follow one another.
#[derive(Clone, Copy)]
struct Priced {
    band: u16,
    step: u16,
    units: i64,
    portions: i64,
}

/// Adds the lines for what no allowance covered.
#[inline]
pub fn price<'t>(
    (matched, rating_group): (&Matched<'t>, Option<u32>),
    stretches: &[Stretch],
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    let mut open = stretches.iter().filter(|stretch| stretch.units() > 0);
    let Some(first) = open.next() else { return Ok(()) };
    let of = |stretch: &Stretch| {
        let (units, portions) = (stretch.units(), stretch.portions());
        Priced { band: stretch.band, step: stretch.step, units, portions }
    };
    let mut run = of(first);
    for next in open.map(of) {
        if (run.band, run.step) == (next.band, next.step) {
            (run.units, run.portions) = (run.units + next.units, run.portions + next.portions);
        } else {
            line((matched, rating_group), run, lines)?;
            run = next;
        }
    }
    line((matched, rating_group), run, lines)
}

fn line<'t>(
    (matched, rating_group): (&Matched<'t>, Option<u32>),
    run: Priced,
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    let band = matched.band(run.band).ok_or_else(|| Fault::new(Code::NoRate, "band", b"no price"))?;
    let price = match run.step {
        0 => band.terms.price,
        step => band.step_price(step),
    };
    let amount = amount_of(price, run.units, matched.version.rounding.line)?;
    lines.push(ChargeLine {
        kind: LineKind::Usage,
        table: matched.table_name(),
        row: band.row,
        version: &matched.version.version,
        band: band.band,
        step: (run.step > 0).then_some(u32::from(run.step)),
        increments: Some(run.portions),
        rating_group,
        quantity: run.units,
        unit_price: price,
        amount,
        position: None,
        basis: None,
    });
    Ok(())
}
