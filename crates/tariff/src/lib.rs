//! Price plans and their tables, read, checked and compiled into one read-only tariff.
//! Performs no I/O: the caller hands over bytes and gets a tariff, or findings with file, line and column.
//! Knows nothing of balances: what an account has used is the rating's business.

mod compile;

mod read;
mod rows;

pub mod grammar;

pub mod exchange;
pub mod numbers;
pub mod prefix;
pub mod table;

mod plan;

mod conditions;
mod prices;
mod rate;

pub mod bands;
pub mod tiers;

mod amounts;

pub mod allowance;
pub mod charges;
pub mod discount;
mod recurring;

mod lint;
mod visit;

pub mod model;
pub mod sets;

pub use allowance::{Allowance, AllowanceOptions, Gives, Refill, Rollover};
pub use bands::Week;
pub use charges::{Cap, Capacity, Commitment};
pub use compile::{SourceFile, Sources, compile};
pub use discount::{Discount, DiscountKind};
pub use grammar::Increments;
pub use model::{
    AmountPricing, BandTerms, Days, Every, Measure, Percentage, Period, Plan, PlanVersion, Pricing, Rate,
    RateOptions, Recurring, RoundOver, RoundingPoints, Shared, Split, Step, TableBand, Tariff, Terms,
    TimeBase, ZoneId,
};
pub use sets::{Conditions, Facts};
pub use table::RateTable;
pub use tiers::{Model, Package, PercentStep, TierStep, Tiers};
