//! Who pays: a usage record to the subscription and the account that are valid at its chargeable start.
//! Relies on tables whose versions never overlap, so at most one version answers.
//! Never guesses: a served party that nobody owns then is suspended `no_subscription`.

mod build;
mod payers;

use crate::warm::load;
use ahash::RandomState;
use caudal_usage::{Account, Code, Digits, Fault, KeySecret, Party, Roster, Slot, Subscription, UsageRecord};
use hashbrown::HashTable;
use payers::Payers;
use smallvec::SmallVec;

pub use build::{MAX_FINDINGS, MAX_ROWS, MAX_VERSIONS, ReferenceBuilder, SubscriptionRow};

/// Whom a usage was guided to. All are indexes into the [`Reference`] that guided it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Guided {
    /// Version of the subscription, for [`Reference::subscription`].
    pub subscription: u32,
    /// Version of the account, for [`Reference::account`].
    pub account: u32,
    /// The account, whatever its version, for [`Reference::account_id`] and [`Reference::slot`].
    pub account_key: u32,
}

/// Rule name under which account ids are hashed to slots. Versioned: stored state is divided by it.
const SLOT_RULE: &[u8] = b"account/1";

/// Hash tables only: they are never iterated, so the seeds may be fixed.
const SEEDS: [u64; 4] =
    [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89];

fn hasher() -> RandomState {
    let [a, b, c, d] = SEEDS;
    RandomState::with_seeds(a, b, c, d)
}

/// Accounts and subscriptions of one generation.
///
/// Versions lie in two arrays, ordered by dense id and time; the tables hold indexes into them only, and a look-up
/// compares key and validity in place: one line of cache for the table, one for the version.
#[derive(Debug)]
pub struct Reference {
    accounts: Vec<Account>,
    /// Version range of account `key`: `first_account[key] .. first_account[key + 1]`.
    first_account: Vec<u32>,
    slots: Vec<Slot>,
    subscriptions: Vec<Subscription>,
    /// Version range of subscription `index`, likewise.
    first_subscription: Vec<u32>,
    /// Account ids to keys.
    account_ids: HashTable<u32>,
    /// Subscription ids to dense indexes.
    subscription_ids: HashTable<u32>,
    /// Versions of subscriptions by account: version range of account `key`, and the versions.
    members: (Vec<u32>, Vec<u32>),
    /// Who pays in the other runs, for each version; empty when no row names one.
    payers: Vec<Payers>,
    /// Names of groups, by number less one.
    groups: Vec<Box<str>>,
    /// IMSIs to versions, one entry a version.
    imsis: HashTable<u32>,
    /// Numbers to versions, one entry a version.
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl Roster for Reference {
    fn each(&self, account: u32, visit: &mut dyn FnMut(&Subscription)) {
        self.members(account).iter().for_each(|&version| visit(self.subscription(version)));
    }
}

impl Reference {
    /// Versions of the subscriptions of an account.
    pub fn members(&self, account: u32) -> &[u32] {
        let (first, list) = &self.members;
        let range = versions(first, account);
        list.get(range.start as usize..range.end as usize).unwrap_or(&[])
    }

    /// Name of a group by its number; empty for none.
    pub fn group_name(&self, group: u32) -> &str {
        self.groups.get((group as usize).wrapping_sub(1)).map_or("", AsRef::as_ref)
    }

    /// Number of a group by its name.
    pub fn group_number(&self, name: &str) -> Option<u32> {
        let at = self.groups.iter().position(|known| known.as_ref() == name)?;
        u32::try_from(at + 1).ok()
    }

    /// Finds who pays for `usage`, as of its chargeable start: by subscription id, then IMSI, then number.
    #[inline]
    pub fn guide(&self, usage: &UsageRecord) -> Result<Guided, Fault> {
        match self.payer_of(usage) {
            Some(guided) => Ok(guided),
            None => Err(self.unguided(usage)),
        }
    }

    /// Inlined: handed back by a call it would stand in memory, and be waited for.
    #[inline(always)]
    fn payer_of(&self, usage: &UsageRecord) -> Option<Guided> {
        let subscription = self.find(usage)?;
        let account_key = self.subscription(subscription).account;
        let account = self.account_at(account_key, usage.start.utc_ms)?;
        Some(Guided { subscription, account, account_key })
    }

    #[cold]
    fn unguided(&self, usage: &UsageRecord) -> Fault {
        let Some(subscription) = self.find(usage) else { return not_found(usage) };
        let account = self.account_id(self.subscription(subscription).account);
        Fault::new(Code::NoSubscription, "account", account.as_bytes())
    }

    /// The subscription version that is served.
    #[inline]
    fn find(&self, usage: &UsageRecord) -> Option<u32> {
        let (served, at_ms) = (&usage.served, usage.start.utc_ms);
        if let Some(found) = served.subscription.as_deref().and_then(|id| self.by_id(id, at_ms)) {
            return Some(found);
        }
        if let Some(found) = served.imsi.and_then(|imsi| self.by_imsi(imsi, at_ms)) {
            return Some(found);
        }
        match served.number {
            Party::E164(number) => self.by_number(number, at_ms),
            Party::Other(_) | Party::Absent => None,
        }
    }

    fn by_id(&self, id: &str, at_ms: i64) -> Option<u32> {
        self.subscription_at(self.subscription_index(id)?, at_ms)
    }

    /// Loads what [`Reference::guide`] of these usages will read. In steps, each for all of them: what a step waits for
    /// the one before has named, so that within a step the waits for memory overlap.
    pub fn warm<'a>(&self, usages: impl Iterator<Item = &'a UsageRecord> + Clone) {
        let near: Batch = usages.clone().filter_map(|usage| self.near(usage)).collect();
        load(near.iter().filter_map(|&version| self.subscriptions.get(version as usize)).map(|v| v.account));
        let found = usages.filter_map(|usage| self.find(usage));
        let keys: Batch = found.map(|version| self.subscription(version).account).collect();
        load(keys.iter().map(|&key| u32::from(self.slot(key).0)));
        let versions: Batch = keys.iter().map(|&key| versions(&self.first_account, key).start).collect();
        let accounts = versions.iter().filter_map(|&version| self.accounts.get(version as usize));
        load(accounts.map(|account| u32::from(account.validity.contains(0))));
    }

    /// A version that the served party may be of: the first one whose hash looks alike, unread.
    #[inline]
    fn near(&self, usage: &UsageRecord) -> Option<u32> {
        let (table, key) = match (usage.served.imsi, &usage.served.number) {
            (Some(imsi), _) => (&self.imsis, imsi),
            (None, Party::E164(number)) => (&self.numbers, *number),
            (None, _) => return None,
        };
        table.find(self.hasher.hash_one(key.packed()), |_| true).copied()
    }

    /// The subscription version that owns a number at an instant.
    #[inline]
    pub fn by_number(&self, number: Digits, at_ms: i64) -> Option<u32> {
        self.by_digits(&self.numbers, number, at_ms, |version| version.msisdn)
    }

    /// The subscription version that owns an IMSI at an instant.
    #[inline]
    pub fn by_imsi(&self, imsi: Digits, at_ms: i64) -> Option<u32> {
        self.by_digits(&self.imsis, imsi, at_ms, |version| version.imsi)
    }

    #[inline]
    fn by_digits(
        &self,
        table: &HashTable<u32>,
        key: Digits,
        at_ms: i64,
        digits: impl Fn(&Subscription) -> Digits,
    ) -> Option<u32> {
        let hash = self.hasher.hash_one(key.packed());
        let fits = |version: &Subscription| digits(version) == key && version.validity.contains(at_ms);
        table.find(hash, |&index| self.subscriptions.get(index as usize).is_some_and(fits)).copied()
    }

    /// The version of an account that holds at an instant.
    #[inline]
    pub fn account_at(&self, key: u32, at_ms: i64) -> Option<u32> {
        versions(&self.first_account, key)
            .find(|&version| self.accounts.get(version as usize).is_some_and(|v| v.validity.contains(at_ms)))
    }

    /// The version of a subscription that holds at an instant.
    #[inline]
    pub fn subscription_at(&self, index: u32, at_ms: i64) -> Option<u32> {
        versions(&self.first_subscription, index).find(|&version| {
            self.subscriptions.get(version as usize).is_some_and(|v| v.validity.contains(at_ms))
        })
    }

    /// A version of an account. Panics when `version` is not of this reference: that is a broken program.
    #[inline]
    pub fn account(&self, version: u32) -> &Account {
        &self.accounts[version as usize]
    }

    /// A version of a subscription. Panics when `version` is not of this reference: that is a broken program.
    #[inline]
    pub fn subscription(&self, version: u32) -> &Subscription {
        &self.subscriptions[version as usize]
    }

    /// All versions of accounts, ordered by key, then time.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The versions of one account, ordered by time.
    pub fn account_versions(&self, key: u32) -> &[Account] {
        let range = versions(&self.first_account, key);
        self.accounts.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// All versions of subscriptions, ordered by dense index, then time.
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// How many accounts there are, whatever their versions.
    pub fn account_count(&self) -> usize {
        self.first_account.len().saturating_sub(1)
    }

    /// How many subscriptions there are, whatever their versions.
    pub fn subscription_count(&self) -> usize {
        self.first_subscription.len().saturating_sub(1)
    }

    /// The key of an account id.
    pub fn account_key(&self, id: &str) -> Option<u32> {
        self.account_ids.find(self.hasher.hash_one(id), |&key| self.account_id(key) == id).copied()
    }

    /// The id of an account key; empty when it is not of this reference.
    pub fn account_id(&self, key: u32) -> &str {
        let first = versions(&self.first_account, key).next();
        first.and_then(|version| self.accounts.get(version as usize)).map_or("", |account| &account.id)
    }

    /// The dense index of a subscription id.
    pub fn subscription_index(&self, id: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(id);
        self.subscription_ids.find(hash, |&index| self.subscription_id(index) == id).copied()
    }

    /// The id of a dense index; empty when it is not of this reference.
    pub fn subscription_id(&self, index: u32) -> &str {
        let first = versions(&self.first_subscription, index).next();
        first.and_then(|version| self.subscriptions.get(version as usize)).map_or("", |version| &version.id)
    }

    /// Computes the slot of every account. The secret is known only once the state folder is open.
    pub fn assign_slots(&mut self, secret: &KeySecret) {
        let slot = |key| Slot::of_hash(secret.hash64(SLOT_RULE, &[self.account_id(key).as_bytes()]));
        let count = u32::try_from(self.account_count()).unwrap_or(u32::MAX);
        self.slots = (0..count).map(slot).collect();
    }

    /// The slot of an account. Panics before [`Self::assign_slots`], or for a key of another reference.
    #[inline]
    pub fn slot(&self, account_key: u32) -> Slot {
        self.slots[account_key as usize]
    }

    /// Octets in memory, without what the allocator adds.
    pub fn octets(&self) -> usize {
        let tables = [&self.account_ids, &self.subscription_ids, &self.imsis, &self.numbers];
        let ids: usize = self.accounts.iter().map(|account| account.id.len()).sum::<usize>()
            + self.subscriptions.iter().map(|version| version.id.len()).sum::<usize>();
        ids + size_of_val(self.accounts.as_slice())
            + size_of_val(self.subscriptions.as_slice())
            + (self.first_account.len() + self.first_subscription.len()) * 4
            + self.slots.len()
            + size_of_val(self.payers.as_slice())
            + tables.iter().map(|table| table.allocation_size()).sum::<usize>()
    }
}

/// Versions or ids of a batch of usages.
type Batch = SmallVec<[u32; 32]>;

/// The versions of dense id `key`.
#[inline]
fn versions(first: &[u32], key: u32) -> std::ops::Range<u32> {
    let at = key as usize;
    match (first.get(at), first.get(at + 1)) {
        (Some(&from), Some(&to)) => from..to,
        _ => 0..0,
    }
}

/// Characters of a served party that a fault shows: country and operator, no subscriber.
const SHOWN: usize = 4;

fn not_found(usage: &UsageRecord) -> Fault {
    let served = &usage.served;
    let masked = |text: String| {
        let head: String = text.chars().take(SHOWN).collect();
        if text.chars().count() > SHOWN { format!("{head}…") } else { head }
    };
    let found = match (&served.subscription, served.imsi, &served.number) {
        (Some(id), ..) => id.to_string(),
        (None, Some(imsi), _) => masked(imsi.to_string()),
        (None, None, Party::E164(number)) => masked(number.to_string()),
        (None, None, Party::Other(text)) => masked(text.to_string()),
        (None, None, Party::Absent) => String::new(),
    };
    Fault::new(Code::NoSubscription, "served", found.as_bytes())
}

#[cfg(test)]
mod tests;
