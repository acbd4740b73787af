//! Normalise, validate, dedup, filter, assemble, guide: pure stages from raw usage to usage with a payer.
//! Relies on the words of `usage`; state is handed in and out, time comes with the records.
//! Never prices, never reads a clock or a disk.

pub mod normalise;
pub mod numbers;
pub mod validate;
pub mod dedup;
pub mod filter;
pub mod assemble;
pub mod guide;
pub mod warm;

#[cfg(test)]
mod testing;
