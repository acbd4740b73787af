//! Connection fee: once per call, of the band in which it starts.
//! Relies on the rate, or the allowance that covered the first portion, to say how much.
//! Never depends on cover, but where the plan says so: the fee is due also when an allowance gave every second.

use super::cover::plain_line;
use super::match_rate::{Matched, Start};
use super::no_amount;
use caudal_tariff::Allowance;
use caudal_usage::{ChargeLine, Decimal, Fault, LineKind, Lines, Price};

/// What the fee depends on.
pub struct Call<'c, 't> {
    /// The rate.
    pub matched: &'c Matched<'t>,
    /// What holds where the call starts.
    pub start: Start<'t>,
    /// The allowance that covered its first portion.
    pub front: Option<&'t Allowance>,
    /// True when allowances covered all of it.
    pub all_covered: bool,
}

/// Adds the line of the fee, where there is one.
#[inline]
pub fn connection_fee<'t>(call: &Call<'_, 't>, lines: &mut Lines<'t>) -> Result<(), Fault> {
    let matched = call.matched;
    let more = call.front.and_then(|allowance| allowance.more.as_ref());
    let own = more.and_then(|more| more.connection_fee);
    let band = &call.start.price;
    let spared = call.all_covered && matched.rate.more.as_ref().is_some_and(|more| !more.fee_when_covered);
    let fee = match own {
        Some(own) => own,
        None if spared => Decimal::ZERO,
        None => band.terms.connection_fee,
    };
    if fee.is_zero() {
        return Ok(());
    }
    let amount = matched.version.rounding.line.round(fee).map_err(|error| no_amount(error, 1))?;
    let (table, row) = match (own, call.front) {
        (Some(_), Some(allowance)) => (allowance.id.as_ref(), None),
        _ => (matched.table_name(), band.row),
    };
    lines.push(ChargeLine {
        row,
        band: band.band,
        amount,
        ..plain_line(
            LineKind::ConnectionFee,
            (table, &matched.version.version),
            (1, Price { amount: fee, per: 1 }),
        )
    });
    Ok(())
}
