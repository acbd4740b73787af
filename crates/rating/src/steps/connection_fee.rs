//! Connection fee: once per call, of the band in which it starts.
//! Relies on increments having run: a call without a billed unit has no first band and pays no fee.
//! Never depends on cover: the fee is due also when an allowance gave every second.

use super::match_rate::Matched;
use super::no_amount;
use caudal_usage::{ChargeLine, Fault, LineKind, Price};

/// The line of the fee, where there is one. `first_band` is the band in which the first billed portion began.
#[inline]
pub fn connection_fee<'t>(
    matched: &Matched<'t>,
    first_band: Option<u16>,
) -> Result<Option<ChargeLine<'t>>, Fault> {
    let Some(band) = first_band.and_then(|band| matched.band(band)) else { return Ok(None) };
    let fee = band.terms.connection_fee;
    if fee.is_zero() {
        return Ok(None);
    }
    let amount = matched.version.line_rounding.round(fee).map_err(|error| no_amount(error, 1))?;
    Ok(Some(ChargeLine {
        kind: LineKind::ConnectionFee,
        table: matched.table_name(),
        row: band.row,
        version: &matched.version.version,
        band: band.band,
        step: None,
        increments: None,
        rating_group: None,
        quantity: 1,
        unit_price: Price { amount: fee, per: 1 },
        amount,
    }))
}
