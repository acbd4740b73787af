//! The steps of rating one usage, one file each, in the order in which `rate.rs` calls them.
//! Relies on `rate.rs` for that order: no step calls another.
//! Never touches a balance but through the draft.

pub mod match_rate;

pub mod measure;

pub mod increments;

pub mod buckets;
pub mod cover;

pub mod price;
pub mod tiers;

pub mod amounts;

pub mod connection_fee;

pub mod bounds;

pub mod discounts;

pub mod caps;

pub mod payment;

use caudal_usage::{Code, Decimal, Fault, MoneyError, Price, Rounding};

/// A quantity, a balance or an amount that does not fit.
#[cold]
pub fn overflow(field: &str, found: &dyn std::fmt::Display) -> Fault {
    Fault::new(Code::Overflow, field, found.to_string().as_bytes())
}

/// Why an amount could not be computed, as a fault of the usage.
#[cold]
pub fn no_amount(error: MoneyError, units: i64) -> Fault {
    Fault::new(Code::Overflow, "amount", format!("{error}, for {units} units").as_bytes())
}

/// An exact result, or the fault that it does not fit.
#[inline]
pub fn exact<T>(result: Result<T, MoneyError>, field: &'static str) -> Result<T, Fault> {
    result.map_err(|error| Fault::new(Code::Overflow, field, error.to_string().as_bytes()))
}

/// True for more than nothing.
#[inline]
pub fn above_zero(amount: Decimal) -> bool {
    amount.is_sign_positive() && !amount.is_zero()
}

/// What `units` cost, at the rounding point of a line.
#[inline]
pub fn amount_of(price: Price, units: i64, line: Rounding) -> Result<Decimal, Fault> {
    price.charge(units, line).map_err(|error| no_amount(error, units))
}

/// Percent of an amount, at the rounding point of a line: multiplied first, divided once.
pub fn percent_of(amount: Decimal, percent: Decimal, line: Rounding) -> Result<Decimal, Fault> {
    exact(line.percent(amount, percent), "amount")
}
