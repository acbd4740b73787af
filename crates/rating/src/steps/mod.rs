//! The steps of rating one usage, one file each, in the order in which `rate.rs` calls them.
//! Relies on `rate.rs` for that order: no step calls another.
//! Never touches a balance but through the draft.

pub mod match_rate;

pub mod increments;

pub mod cover;

pub mod price;

pub mod connection_fee;

use caudal_usage::{Code, Fault, MoneyError};

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
