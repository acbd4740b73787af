//! What an account has used of allowances, tiers and caps in a period.
//! Relies on counters being interned per generation; stored forms name them by text.
//! Never holds a price: a balance is a count or an amount, the plan says what it means.

use crate::time::Date;
use rust_decimal::Decimal;

/// A counter of a plan (one allowance, one tier meter, one cap), interned by the compiled tariff.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct CounterId(pub u32);

/// Who owns a balance inside an account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Owner {
    /// One subscription, by its dense index.
    Subscription(u32),
    /// The subscriptions of one group, by its dense number.
    Group(u32),
    /// All subscriptions of the account.
    Account,
}

impl Owner {
    /// The word used in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subscription(_) => "subscription",
            Self::Group(_) => "group",
            Self::Account => "account",
        }
    }
}

/// Names one balance of an account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct BalanceKey {
    /// Whose it is.
    pub owner: Owner,
    /// The counter.
    pub counter: CounterId,
    /// First day of its period; [`BalanceKey::EVER`] where it has none.
    pub period: Date,
    /// Tells balances of one counter and period apart: a session, a purchase; 0 where there is but one.
    pub instance: u64,
}

impl BalanceKey {
    /// The period of what never begins anew. It lies behind every other, so it is never forgotten.
    pub const EVER: Date = Date { year: 9999, month: 12, day: 31 };
}

/// One balance: what was used so far, in base units, or as an amount for counters of money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Balance {
    /// Which.
    pub key: BalanceKey,
    /// Used so far; starts at zero.
    pub used: Decimal,
}
