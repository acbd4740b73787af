//! The oracle: random plans and usage through a second rater, slow and obvious, held against the engine.
//! Relies on sharing nothing with the engine but the types of its input.
//! Never explains a difference away: each is a case of few lines, printed with its seed.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "what tests share fails as they do")]

/// The slow rater, what it is fed with, and what it is held against.
mod oracle {
    pub mod adjust;
    pub mod amounts;
    pub mod answers;
    pub mod balances;
    pub mod calendar;
    pub mod case;
    pub mod close;
    pub mod compare;
    pub mod cover;
    pub mod coverage;
    pub mod dice;
    pub mod discounts;
    pub mod engine;
    pub mod faults;
    pub mod faults_list;
    pub mod generate;
    pub mod generate_beside;
    pub mod generate_more;
    pub mod lines;
    pub mod matching;
    pub mod notes;
    pub mod number;
    pub mod options;
    pub mod part;
    pub mod plan;
    pub mod portions;
    pub mod rater;
    pub mod shrink;
    pub mod told;
    pub mod toml;
    pub mod world;
}
