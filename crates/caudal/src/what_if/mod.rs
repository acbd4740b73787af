//! One usage priced by two tariffs to the difference in money: by plan, by service, by account, and what only one prices.
//! Relies on a desk for each side, so both guide, rate and keep balances with the very code of a run.
//! Never lets a usage that one side cannot price pass as one that costs nothing there.

mod archived;
mod batch;
mod check;
mod compare;
mod files;
mod json;
mod report;
mod sums;
mod table;
mod text;

pub use compare::{Comparison, Place};
pub use files::Files;
pub use json::json;
pub use report::{Report, Setting};
pub use text::text;

#[cfg(test)]
mod tests;
