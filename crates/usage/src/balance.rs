//! What an account has used of allowances, tiers and caps in a cycle.
//! Relies on counters being interned per generation; stored forms name them by text.
//! Never holds a price: a balance is a count or an amount, the plan says what it means.

use crate::time::Date;
use rust_decimal::Decimal;

/// A counter of a plan (one allowance, one tier meter, one cap), interned by the compiled tariff.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct CounterId(pub u32);

/// Names one balance of an account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BalanceKey {
    /// Dense index of the subscription that owns it; [`BalanceKey::SHARED`] when the whole account does.
    pub subscription: u32,
    /// The counter.
    pub counter: CounterId,
    /// First day of its cycle (or other period).
    pub cycle: Date,
}

impl BalanceKey {
    /// Owner of what all subscriptions of an account share.
    pub const SHARED: u32 = u32::MAX;
}

/// One balance: what was used so far, in base units, or as an amount for counters of money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Balance {
    /// Which.
    pub key: BalanceKey,
    /// Used so far; grows from zero.
    pub used: Decimal,
}
