//! The balances of one account in memory, and the changes that one usage proposes.
//! Relies on an account having few: they stand sorted in one small vector.
//! Never half-changed: a usage proposes into a draft, which is applied whole or dropped.

use crate::steps::overflow;
use caudal_usage::{Balance, BalanceKey, CounterId, Date, Decimal, Fault};
use smallvec::SmallVec;

/// What an account has used, by subscription, counter and cycle.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountBalances {
    sorted: SmallVec<[Balance; 2]>,
}

impl AccountBalances {
    /// Used so far; zero where nothing was.
    #[inline]
    pub fn get(&self, key: BalanceKey) -> Decimal {
        self.find(key).ok().and_then(|at| self.sorted.get(at)).map_or(Decimal::ZERO, |balance| balance.used)
    }

    /// Sets one balance: restored from state, or changed by a usage.
    pub fn set(&mut self, balance: Balance) {
        match self.find(balance.key) {
            Ok(at) => {
                if let Some(slot) = self.sorted.get_mut(at) {
                    *slot = balance;
                }
            }
            Err(at) => self.sorted.insert(at, balance),
        }
    }

    /// All, by key.
    pub fn iter(&self) -> impl Iterator<Item = &Balance> {
        self.sorted.iter()
    }

    /// Number of balances.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// True when nothing was used.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Drops balances of cycles that begin before `cycle`.
    pub fn forget_before(&mut self, cycle: Date) {
        self.sorted.retain(|balance| balance.key.cycle >= cycle);
    }

    fn find(&self, key: BalanceKey) -> Result<usize, usize> {
        self.sorted.binary_search_by_key(&key, |balance| balance.key)
    }
}

/// Changes that the usage at hand proposes, over the balances that stand.
pub struct Draft<'b> {
    balances: &'b AccountBalances,
    changed: &'b mut Vec<Balance>,
    /// Dense index of the subscription that owns what is counted.
    pub subscription: u32,
}

impl<'b> Draft<'b> {
    /// Begins with no change; `changed` is emptied.
    pub fn new(balances: &'b AccountBalances, changed: &'b mut Vec<Balance>, subscription: u32) -> Self {
        changed.clear();
        Self { balances, changed, subscription }
    }

    /// Base units of a counter used in a cycle so far, this usage included.
    #[inline]
    pub fn used(&self, counter: CounterId, cycle: Date) -> Result<i64, Fault> {
        let key = BalanceKey { subscription: self.subscription, counter, cycle };
        let changed = self.changed.iter().find(|balance| balance.key == key);
        let used = changed.map_or_else(|| self.balances.get(key), |balance| balance.used);
        let whole = if used.scale() == 0 { used } else { used.normalize() };
        let units = (whole.scale() == 0).then(|| i64::try_from(whole.mantissa()).ok()).flatten();
        units.ok_or_else(|| overflow("balance", &used))
    }

    /// Proposes what is used of a counter from now on.
    pub fn set_used(&mut self, counter: CounterId, cycle: Date, units: i64) {
        let key = BalanceKey { subscription: self.subscription, counter, cycle };
        let used = Decimal::from(units);
        match self.changed.iter_mut().find(|balance| balance.key == key) {
            Some(balance) => balance.used = used,
            None => self.changed.push(Balance { key, used }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances_are_kept_sorted_and_forgotten_by_cycle() {
        let mut balances = AccountBalances::default();
        for (counter, month) in [(3, 2), (1, 1), (2, 1), (3, 2)] {
            let cycle = Date::new(2026, month, 1).unwrap();
            let key = BalanceKey { subscription: 0, counter: CounterId(counter), cycle };
            let used = balances.get(key) + Decimal::ONE;
            balances.set(Balance { key, used });
        }
        let seen: Vec<_> = balances.iter().map(|balance| (balance.key.counter.0, balance.used)).collect();
        assert_eq!(seen, [(1, Decimal::ONE), (2, Decimal::ONE), (3, Decimal::TWO)]);
        balances.forget_before(Date::new(2026, 2, 1).unwrap());
        assert_eq!(balances.iter().count(), 1);
    }
}
