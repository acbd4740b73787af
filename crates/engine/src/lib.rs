//! The stages in order, their state and routing, and the traits by which the world reaches them.
//! Relies on the pure stages of `cdr`, `mediation` and `rating`; gives effects for one atomic commit.
//! Never starts a thread, opens a file or reads a clock.

pub mod source;
pub mod schedule;
pub mod setup;
pub mod intake;
pub mod turn;
pub mod claims;
mod suspend;
pub mod runs;
pub mod record_shard;
pub mod account_shard;
pub mod tally;
pub mod books;
pub mod ledger;
pub mod pieces;
pub mod fail;
pub mod clock;
pub mod disk;
pub mod topics;
