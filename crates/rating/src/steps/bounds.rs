//! Event minimum and maximum: what one rate charges in one event, the connection fee included.
//! Relies on all parts of the event being charged.
//! Never asks a minimum of usage that had nothing to measure.

use super::cover::plain_line;
use super::exact;
use crate::bill::{Bill, due, take_off};
use caudal_usage::money::add_exact;
use caudal_usage::{ChargeLine, Decimal, Fault, LineKind, Price};

/// Adds a line for each rate that charged less or more than its bounds.
pub fn bounds(bill: &mut Bill) -> Result<(), Fault> {
    for at in 0..bill.charges.len() {
        let Some(charge) = bill.charges.get(at) else { break };
        let matched = charge.matched;
        let Some(more) = matched.rate.more.as_deref() else { continue };
        if more.minimum_charge.is_none() && more.maximum_charge.is_none() {
            continue;
        }
        let same: Vec<usize> = bill
            .charges
            .iter()
            .enumerate()
            .filter(|(_, other)| std::ptr::eq(other.matched.rate, matched.rate))
            .map(|(index, _)| index)
            .collect();
        if same.first() != Some(&at) {
            continue;
        }
        let of_rate = || same.iter().filter_map(|&index| bill.charges.get(index));
        let sum = due(of_rate())?;
        let measured = of_rate().any(|charge| charge.measured);
        let least = more.minimum_charge.filter(|least| measured && sum < *least);
        let greatest = more.maximum_charge.filter(|greatest| sum > *greatest);
        let (kind, bound) = match (least, greatest) {
            (Some(least), _) => (LineKind::Minimum, least),
            (None, Some(greatest)) => (LineKind::Maximum, greatest),
            (None, None) => continue,
        };
        let point = matched.version.rounding.line;
        let difference = exact(add_exact(exact(point.round(bound), "amount")?, -sum), "amount")?;
        adjust(bill, (kind, at), (&same, difference))?;
    }
    Ok(())
}

/// Adds a line of a difference and changes what is due: more falls on the first charge, less on all in proportion.
fn adjust(
    bill: &mut Bill,
    (kind, at): (LineKind, usize),
    (same, difference): (&[usize], Decimal),
) -> Result<(), Fault> {
    let Some(charge) = bill.charges.get(at) else { return Ok(()) };
    let matched = charge.matched;
    bill.lines.push(ChargeLine {
        amount: difference,
        ..plain_line(
            kind,
            (matched.table_name(), &matched.version.version),
            (1, Price { amount: difference, per: 1 }),
        )
    });
    match kind {
        LineKind::Minimum => take_off(bill.charges, &[at], -difference),
        _ => take_off(bill.charges, same, -difference),
    }
}
