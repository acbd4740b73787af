//! Reference data of customers: accounts and subscriptions with their validity.
//! Relies on the tables being checked when they are read; ids are interned, so records carry small numbers.
//! Never looked up by a stage without a time: what is valid depends on the chargeable start.

use crate::digits::Digits;
use crate::money::Currency;
use crate::zone::TimeZone;

/// A half-open stretch of time `[from_ms, to_ms)`, UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Validity {
    /// First instant.
    pub from_ms: i64,
    /// First instant after it.
    pub to_ms: i64,
}

impl Validity {
    /// Always.
    pub const ALWAYS: Self = Self { from_ms: i64::MIN, to_ms: i64::MAX };

    /// True when the instant lies in it.
    pub const fn contains(self, utc_ms: i64) -> bool {
        self.from_ms <= utc_ms && utc_ms < self.to_ms
    }

    /// True when the two share an instant.
    pub const fn overlaps(self, other: Self) -> bool {
        self.from_ms < other.to_ms && other.from_ms < self.to_ms
    }
}

/// Day of the month on which an account's cycles begin, 1 to 31; the last day where the month is shorter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CycleAnchor(pub u8);

/// One version of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its id. Versions of one account share it.
    pub id: Box<str>,
    /// What it is billed in.
    pub currency: Currency,
    /// The zone of its days and cycles.
    pub time_zone: TimeZone,
    /// When its cycles begin.
    pub anchor: CycleAnchor,
    /// When this version holds.
    pub validity: Validity,
}

/// One version of a subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// Its id. Versions of one subscription share it.
    pub id: Box<str>,
    /// Dense index of this id in the generation's table of subscription ids; versions share it.
    pub index: u32,
    /// Dense index of its account in the generation's table of account ids.
    pub account: u32,
    /// Dense index of the plan in the generation's table of plan ids.
    pub plan: u32,
    /// Its number, international digits; empty when it has none. (Not an `Option`: one version fits a cache line.)
    pub msisdn: Digits,
    /// Its IMSI; empty when it has none.
    pub imsi: Digits,
    /// When this version holds.
    pub validity: Validity,
    /// Dense number of its group inside the account, from 1; 0 when it is in none.
    pub group: u32,
}

/// The subscriptions of an account, for what depends on more than the one that is served: pooled allowances, tenure.
pub trait Roster {
    /// Shows every version of every subscription of an account, by the account's dense index.
    fn each(&self, account: u32, visit: &mut dyn FnMut(&Subscription));
}

impl Roster for Vec<Subscription> {
    fn each(&self, account: u32, visit: &mut dyn FnMut(&Subscription)) {
        self.iter().filter(|version| version.account == account).for_each(visit);
    }
}
