//! Notifications: once each, when so many percent of an allowance or a bound are used.
//! Relies on counters that only grow within a period: what is passed is passed once.
//! Never changes a price.

use caudal_usage::{BalanceKey, Decimal, Owner};

/// A threshold that was passed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    /// `allowance` or `cap`.
    pub kind: &'static str,
    /// Id of the allowance, the cap or, of a rate's own cap, the rate.
    pub id: Box<str>,
    /// The threshold.
    pub percent: u32,
    /// Used with this usage.
    pub used: Decimal,
    /// Of how much.
    pub of: Decimal,
    /// The balance.
    pub key: BalanceKey,
}

/// What is counted, and how far it went.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// `allowance` or `cap`.
    pub kind: &'static str,
    /// Its id.
    pub id: &'a str,
    /// Used before and after.
    pub used: (Decimal, Decimal),
    /// Of how much.
    pub of: Decimal,
    /// The balance.
    pub key: BalanceKey,
}

/// Adds a notification for each threshold that lies between.
pub fn passed(passage: &Passage, thresholds: &[u32], out: &mut Vec<Notification>) {
    let (before, after) = passage.used;
    for &percent in thresholds {
        let at = passage.of.checked_mul(Decimal::from(percent)).map(|product| product / Decimal::ONE_HUNDRED);
        if at.is_some_and(|at| before < at && at <= after) {
            let Passage { kind, id, of, key, .. } = *passage;
            out.push(Notification { kind, id: id.into(), percent, used: after, of, key });
        }
    }
}

/// The word of an owner in notifications and events.
pub const fn owner_word(owner: Owner) -> &'static str {
    match owner {
        Owner::Subscription(_) => "subscription",
        Owner::Group(_) => "group",
        Owner::Account => "account",
    }
}
