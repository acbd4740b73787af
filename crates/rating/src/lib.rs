//! Usage × tariff × balances to billable events, and the balance changes that go with them.
//! Pure: no clock, no disk, no randomness; the same usage in the same order gives the same events.
//! Knows nothing of where records come from; `rate.rs` is the order of evaluation, `steps` what happens at each step.

mod balances;
mod clock;
mod clocks;
mod facts;
mod ground;

mod event;
mod rate;
mod steps;

mod adjust;

mod bill;
mod close;
mod notify;
mod top_up;

pub use balances::{AccountBalances, Grant};
pub use clock::{Clock, Cycle};
pub use close::{CloseCharge, CloseInput};
pub use event::Events;
pub use rate::{Rater, RatingInput};
pub use top_up::{Redeem, TopUp};
