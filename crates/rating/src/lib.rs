//! Usage × tariff × balances to billable events, and the balance changes that go with them.
//! Pure: no clock, no disk, no randomness; the same usage in the same order gives the same events.
//! Knows nothing of where records come from; `rate.rs` is the order of evaluation, `steps` what happens at each step.

mod balances;
mod clock;
mod rate;
mod steps;

pub use balances::AccountBalances;
pub use clock::{Clock, Cycle};
pub use rate::{Events, Rater, RatingInput};
