//! The balances of one account in memory, and the changes that one usage proposes.
//! Relies on an account having few: they stand sorted in one small vector.
//! Never half-changed: a usage proposes into a draft, which is applied whole or dropped.

use crate::steps::overflow;
use caudal_usage::{Balance, BalanceKey, CounterId, Date, Decimal, Fault, Owner};
use smallvec::SmallVec;

/// So many balances are looked through.
const FEW: usize = 4;

/// What an account has used, by owner, counter and period, and what it has bought.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AccountBalances {
    sorted: SmallVec<[Balance; 2]>,
    grants: Vec<Grant>,
}

/// Something bought into an allowance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The balance that counts what was used of it.
    pub key: BalanceKey,
    /// What was bought, in the allowance's units.
    pub quantity: Decimal,
    /// First instant at which it may be used.
    pub from_ms: i64,
    /// First instant at which it no longer may.
    pub until_ms: i64,
}

impl AccountBalances {
    /// Used so far; zero where nothing was.
    #[inline]
    pub fn get(&self, key: BalanceKey) -> Decimal {
        self.known(key).unwrap_or(Decimal::ZERO)
    }

    /// Used so far, where something was.
    #[inline]
    pub fn known(&self, key: BalanceKey) -> Option<Decimal> {
        self.find(key).ok().and_then(|at| self.sorted.get(at)).map(|balance| balance.used)
    }

    /// Sets one balance: restored from state, or changed by a usage.
    #[inline]
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

    /// The balances of one counter and owner.
    pub fn of_counter(&self, owner: Owner, counter: CounterId) -> impl Iterator<Item = &Balance> {
        let from = self
            .sorted
            .partition_point(|balance| (balance.key.owner, balance.key.counter) < (owner, counter));
        let rest = self.sorted.get(from..).unwrap_or(&[]);
        rest.iter().take_while(move |balance| (balance.key.owner, balance.key.counter) == (owner, counter))
    }

    /// Number of balances.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// True when nothing was used.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Adds something bought; `true` when it is new. One with the same key is replaced.
    pub fn grant(&mut self, grant: Grant) -> bool {
        let known = self.void(grant.key);
        self.grants.push(grant);
        !known
    }

    /// Takes back something bought: what was used of it stays used. `false` when it is not there.
    pub fn void(&mut self, key: BalanceKey) -> bool {
        let before = self.grants.len();
        self.grants.retain(|known| known.key != key);
        self.grants.len() < before
    }

    /// True when something was bought.
    #[inline]
    pub fn has_grants(&self) -> bool {
        !self.grants.is_empty()
    }

    /// What was bought into one counter of one owner, in the order of purchase.
    pub fn grants(&self, owner: Owner, counter: CounterId) -> impl Iterator<Item = &Grant> {
        self.grants.iter().filter(move |grant| (grant.key.owner, grant.key.counter) == (owner, counter))
    }

    /// Drops balances of periods that begin before `period`.
    pub fn forget_before(&mut self, period: Date) {
        self.sorted.retain(|balance| balance.key.period >= period);
    }

    /// Where a balance stands, or would stand. Few are told apart one by one in fewer steps than by their order.
    #[inline]
    fn find(&self, key: BalanceKey) -> Result<usize, usize> {
        if self.sorted.len() <= FEW
            && let Some(at) = self.sorted.iter().position(|balance| balance.key == key)
        {
            return Ok(at);
        }
        self.sorted.binary_search_by_key(&key, |balance| balance.key)
    }
}

/// Changes that the usage at hand proposes, over the balances that stand.
pub struct Draft<'b> {
    balances: &'b AccountBalances,
    changed: &'b mut Vec<Balance>,
}

impl<'b> Draft<'b> {
    /// Begins with no change; `changed` is emptied.
    #[inline]
    pub fn new(balances: &'b AccountBalances, changed: &'b mut Vec<Balance>) -> Self {
        changed.clear();
        Self { balances, changed }
    }

    /// What stood before the usage.
    pub fn standing(&self) -> &'b AccountBalances {
        self.balances
    }

    /// The changes so far.
    pub fn changed(&self) -> &[Balance] {
        self.changed
    }

    /// Used of a counter so far, this usage included; nothing where nothing was.
    #[inline]
    pub fn known(&self, key: BalanceKey) -> Option<Decimal> {
        let changed = self.changed.iter().find(|balance| balance.key == key);
        changed.map(|balance| balance.used).or_else(|| self.balances.known(key))
    }

    /// The same, zero where nothing was.
    #[inline]
    pub fn used(&self, key: BalanceKey) -> Decimal {
        self.known(key).unwrap_or(Decimal::ZERO)
    }

    /// Base units of a counter used so far.
    #[inline]
    pub fn units(&self, key: BalanceKey) -> Result<i64, Fault> {
        let used = self.used(key);
        if used.scale() == 0
            && let Ok(units) = i64::try_from(used.mantissa())
        {
            return Ok(units);
        }
        let whole = used.normalize();
        let units = (whole.scale() == 0).then(|| i64::try_from(whole.mantissa()).ok()).flatten();
        units.ok_or_else(|| overflow("balance", &used))
    }

    /// Proposes what is used of a counter from now on.
    #[inline]
    pub fn set(&mut self, key: BalanceKey, used: Decimal) {
        match self.changed.iter_mut().find(|balance| balance.key == key) {
            Some(balance) => balance.used = used,
            None => self.changed.push(Balance { key, used }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(counter: u32, month: u8) -> BalanceKey {
        let period = Date::new(2026, month, 1).unwrap();
        BalanceKey { owner: Owner::Subscription(0), counter: CounterId(counter), period, instance: 0 }
    }

    #[test]
    fn balances_are_kept_sorted_and_forgotten_by_period() {
        let mut balances = AccountBalances::default();
        for (counter, month) in [(3, 2), (1, 1), (2, 1), (3, 2)] {
            let key = key(counter, month);
            let used = balances.get(key) + Decimal::ONE;
            balances.set(Balance { key, used });
        }
        let seen: Vec<_> = balances.iter().map(|balance| (balance.key.counter.0, balance.used)).collect();
        assert_eq!(seen, [(1, Decimal::ONE), (2, Decimal::ONE), (3, Decimal::TWO)]);
        let ever = BalanceKey { period: BalanceKey::EVER, ..key(4, 1) };
        balances.set(Balance { key: ever, used: Decimal::ONE });
        balances.forget_before(Date::new(2026, 2, 1).unwrap());
        assert_eq!(balances.iter().count(), 2);
        assert_eq!(balances.of_counter(Owner::Subscription(0), CounterId(4)).count(), 1);
    }

    #[test]
    fn a_purchase_is_replaced_and_voided_by_its_key() {
        let mut balances = AccountBalances::default();
        let grant = Grant { key: key(1, 1), quantity: Decimal::TEN, from_ms: 0, until_ms: 10 };
        balances.grant(grant);
        balances.grant(Grant { quantity: Decimal::ONE, ..grant });
        assert_eq!(balances.grants(Owner::Subscription(0), CounterId(1)).count(), 1);
        assert!(balances.void(grant.key) && !balances.void(grant.key));
    }
}
