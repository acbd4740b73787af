//! Price plans and their tables, read, checked and compiled into one read-only tariff.
//! Performs no I/O: the caller hands over bytes and gets a tariff, or findings with file, line and column.
//! Knows nothing of balances: what an account has used is the rating's business.

pub mod bands;
mod compile;
pub mod grammar;
mod lint;
pub mod model;
mod plan;
pub mod prefix;
mod rate;
mod read;
pub mod sets;
pub mod table;

pub use bands::Week;
pub use compile::{SourceFile, Sources, compile};
pub use grammar::Increments;
pub use model::{
    Allowance, BandTerms, Days, Every, Plan, PlanVersion, Pricing, Rate, Recurring, TableBand, Tariff, Terms,
    TierStep, Tiers, ZoneId,
};
pub use sets::{Conditions, Facts};
pub use table::RateTable;
