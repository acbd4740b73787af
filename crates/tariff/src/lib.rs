//! Price plans and their tables, read, checked and compiled into one read-only tariff.
//! Performs no I/O: the caller hands over bytes and gets a tariff, or findings with file, line and column.
//! Knows nothing of balances: what an account has used is the rating's business.

mod compile;

mod read;
mod rows;

pub mod grammar;

pub mod prefix;
pub mod table;

mod plan;

mod conditions;
mod rate;

pub mod bands;

mod allowance;
mod recurring;

mod lint;

pub mod model;
pub mod sets;

pub use bands::Week;
pub use compile::{SourceFile, Sources, compile};
pub use grammar::Increments;
pub use model::{
    Allowance, BandTerms, Days, Every, Plan, PlanVersion, Pricing, Rate, Recurring, TableBand, Tariff, Terms,
    TierStep, Tiers, ZoneId,
};
pub use sets::{Conditions, Facts};
pub use table::RateTable;
