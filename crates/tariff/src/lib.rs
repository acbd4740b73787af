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
pub mod allowance_options;
pub mod charges;
pub mod discount;
mod recurring;

mod lint;
mod visit;

pub mod model;
pub mod rate_model;
pub mod sets;

pub use allowance::{Allowance, Gives, Refill};
pub use allowance_options::{AllowanceOptions, Rollover};
pub use bands::Week;
pub use charges::{Cap, Capacity, Commitment};
pub use compile::{SourceFile, Sources, compile};
pub use discount::{Discount, DiscountKind};
pub use grammar::Increments;
pub use model::{Days, Every, Period, Plan, PlanVersion, Recurring, RoundingPoints, Shared, Tariff, ZoneId};
pub use rate_model::{
    AmountPricing, BandTerms, Measure, Percentage, Pricing, Rate, RateOptions, RoundOver, Split, Step,
    TableBand, Terms, TimeBase,
};
pub use sets::{Conditions, Facts};
pub use table::RateTable;
pub use tiers::{Model, Package, PercentStep, TierStep, Tiers};
