//! Usage as JSON lines to what it costs, one answer a line: what `rate` prints and `test` compares.
//! Relies on the pipeline being checked; guides, filters and rates with the very code of a run.
//! Never stops at a line: what cannot be priced is answered with its code.

mod cycles;
mod desk;
mod fields;
mod input;
mod number;
mod purchase;
mod record;

pub use cycles::Closed;
pub use desk::{Desk, Line, OnClose, Outcome};
pub use input::{LINE_MAX, Lines, Taken};

#[cfg(test)]
mod tests;
