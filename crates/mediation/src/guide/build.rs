//! Rows of the reference tables, one at a time, to a [`Reference`].
//! Relies on the reader for the types of fields; checks here what concerns several rows.
//! Never takes two versions of one id, number or IMSI that share an instant.

use super::payers::{NamedPayers, Payers, by_version};
use super::{Reference, hasher};
use ahash::RandomState;
use caudal_usage::runs::OTHER_RUNS;
use caudal_usage::{Account, Diagnostic, Digits, Subscription, TimeZone, Validity};
use hashbrown::{HashMap, HashTable};
use std::cell::Cell;

/// Rows of one table: versions are numbered in 32 bits, and this is far above any operator.
pub const MAX_ROWS: usize = 100_000_000;

/// Versions of one id, number or IMSI: a look-up goes through all of them.
pub const MAX_VERSIONS: usize = 1_000;

/// Findings after which a table is not looked at further: they repeat one mistake.
pub const MAX_FINDINGS: usize = 100;

/// One row of the subscriptions table.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionRow<'a> {
    /// Its id.
    pub id: &'a str,
    /// Id of its account.
    pub account: &'a str,
    /// Index of its plan.
    pub plan: u32,
    /// Its number; empty when it has none.
    pub msisdn: Digits,
    /// Its IMSI; empty when it has none.
    pub imsi: Digits,
    /// Name of its group inside the account; empty when it is in none.
    pub group: &'a str,
    /// Ids of the subscriptions that pay in the runs of `Run::OTHERS`; empty where nobody does.
    pub payers: [&'a str; OTHER_RUNS],
    /// When this version holds.
    pub validity: Validity,
}

/// Collects rows. Accounts come before the subscriptions that name them.
#[derive(Debug)]
pub struct ReferenceBuilder {
    files: [String; 2],
    /// Versions with the dense key of their id and their line.
    accounts: Vec<(u32, u32, Account)>,
    /// Dense key to the first version that was read.
    account_first: Vec<u32>,
    account_ids: HashTable<u32>,
    /// The account that was last looked for: a row of subscriptions asks twice, and neighbours share accounts.
    recent: Cell<u32>,
    subscriptions: Vec<(u32, Subscription)>,
    subscription_first: Vec<u32>,
    subscription_ids: HashTable<u32>,
    /// Names of groups, by number less one.
    groups: Vec<Box<str>>,
    group_numbers: HashMap<Box<str>, u32, RandomState>,
    payers: NamedPayers,
    findings: Vec<Diagnostic>,
    hasher: RandomState,
}

impl ReferenceBuilder {
    /// An empty builder; the names of the two files are for messages.
    pub fn new(accounts_file: &str, subscriptions_file: &str) -> Self {
        Self {
            files: [accounts_file.into(), subscriptions_file.into()],
            accounts: Vec::new(),
            account_first: Vec::new(),
            account_ids: HashTable::new(),
            recent: Cell::new(0),
            subscriptions: Vec::new(),
            subscription_first: Vec::new(),
            subscription_ids: HashTable::new(),
            groups: Vec::new(),
            group_numbers: HashMap::with_hasher(hasher()),
            payers: NamedPayers::default(),
            findings: Vec::new(),
            hasher: hasher(),
        }
    }

    fn find_account(&self, id: &str) -> Option<u32> {
        let id_of = |key: u32| {
            let version = *self.account_first.get(key as usize)?;
            self.accounts.get(version as usize).map(|(.., account)| &*account.id)
        };
        if id_of(self.recent.get()) == Some(id) {
            return Some(self.recent.get());
        }
        let key = self.account_ids.find(self.hasher.hash_one(id), |&key| id_of(key) == Some(id)).copied()?;
        self.recent.set(key);
        Some(key)
    }

    /// The zone of an account's first version: dates of its subscriptions are read in it.
    pub fn zone_of(&self, account: &str) -> Option<TimeZone> {
        let version = *self.account_first.get(self.find_account(account)? as usize)?;
        self.accounts.get(version as usize).map(|(.., account)| account.time_zone)
    }

    fn find(&mut self, file: usize, line: u32, message: String) {
        if self.findings.len() < MAX_FINDINGS {
            let name = self.files.get(file).map_or("", String::as_str);
            self.findings.push(Diagnostic::error_in_line(name, line as usize, message));
        }
    }

    /// Adds a version of an account, read in `line`.
    pub fn account(&mut self, account: Account, line: u32) {
        if self.accounts.len() >= MAX_ROWS {
            return self.find(0, line, format!("has more than {MAX_ROWS} rows"));
        }
        let key = match self.find_account(&account.id) {
            Some(key) => key,
            None => {
                let key = small(self.account_first.len());
                self.account_first.push(small(self.accounts.len()));
                let (accounts, first, hasher) = (&self.accounts, &self.account_first, &self.hasher);
                // The row itself is not in the list yet while the table may grow over it.
                let hash = hasher.hash_one(&*account.id);
                self.account_ids.insert_unique(hash, key, |&other| {
                    let version = first.get(other as usize).and_then(|&v| accounts.get(v as usize));
                    version.map_or(hash, |(.., known)| hasher.hash_one(&*known.id))
                });
                key
            }
        };
        self.accounts.push((key, line, account));
    }

    /// Adds a version of a subscription, read in `line`.
    pub fn subscription(&mut self, row: SubscriptionRow<'_>, line: u32) {
        if self.subscriptions.len() >= MAX_ROWS {
            return self.find(1, line, format!("has more than {MAX_ROWS} rows"));
        }
        let Some(account) = self.find_account(row.account) else {
            let message = format!("account {:?} is not in {}", row.account, self.files[0]);
            return self.find(1, line, message);
        };
        let hash = self.hasher.hash_one(row.id);
        let (versions, first, hasher) = (&self.subscriptions, &self.subscription_first, &self.hasher);
        let id_of = |index: u32| {
            let version = *first.get(index as usize)?;
            versions.get(version as usize).map(|(_, version)| &*version.id)
        };
        let known = self.subscription_ids.find(hash, |&index| id_of(index) == Some(row.id)).copied();
        let index = known.unwrap_or_else(|| {
            let index = small(first.len());
            self.subscription_ids
                .insert_unique(hash, index, |&other| id_of(other).map_or(hash, |id| hasher.hash_one(id)));
            index
        });
        if known.is_none() {
            self.subscription_first.push(small(self.subscriptions.len()));
        }
        self.payers.note(&row, line);
        let SubscriptionRow { id, plan, msisdn, imsi, validity, .. } = row;
        let group = self.group(row.group);
        let version = Subscription { id: id.into(), index, account, plan, msisdn, imsi, validity, group };
        self.subscriptions.push((line, version));
    }

    /// The number of a group, from 1; 0 where there is none.
    fn group(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        if let Some(&number) = self.group_numbers.get(name) {
            return number;
        }
        self.groups.push(name.into());
        let number = small(self.groups.len());
        self.group_numbers.insert(name.into(), number);
        number
    }

    /// Finds the payers that rows name, which may stand in later rows.
    fn resolve_payers(&mut self) -> Vec<(u32, Payers)> {
        let noted = std::mem::take(&mut self.payers);
        let id_of = |index: u32| {
            let version = *self.subscription_first.get(index as usize)?;
            self.subscriptions.get(version as usize).map(|(_, version)| &*version.id)
        };
        let find = |id: &str| {
            self.subscription_ids.find(self.hasher.hash_one(id), |&index| id_of(index) == Some(id)).copied()
        };
        let (resolved, found) = noted.resolve(find);
        found.into_iter().for_each(|(line, message)| self.find(1, line, message));
        resolved
    }

    /// The tables, or everything that contradicts itself in them.
    pub fn build(mut self) -> Result<Reference, Vec<Diagnostic>> {
        let payers = self.resolve_payers();
        self.accounts.sort_by_key(|(key, _, account)| (*key, account.validity.from_ms));
        self.subscriptions.sort_by_key(|(_, version)| (version.index, version.validity.from_ms));
        self.check_accounts();
        self.check_subscriptions();
        if !self.findings.is_empty() {
            return Err(self.findings);
        }
        let payers = by_version(&payers, self.subscriptions.iter().map(|(line, _)| *line));
        let subscriptions: Vec<Subscription> =
            self.subscriptions.into_iter().map(|(_, version)| version).collect();
        let first_account = firsts(self.accounts.iter().map(|(key, ..)| *key));
        let first_subscription = firsts(subscriptions.iter().map(|version| version.index));
        let members = members(&subscriptions, first_account.len());
        let numbers = index_by(&subscriptions, &self.hasher, |version| version.msisdn);
        let imsis = index_by(&subscriptions, &self.hasher, |version| version.imsi);
        let mut reference = Reference {
            accounts: self.accounts.into_iter().map(|(.., account)| account).collect(),
            first_account,
            slots: Vec::new(),
            subscriptions,
            first_subscription,
            account_ids: self.account_ids,
            subscription_ids: self.subscription_ids,
            members,
            groups: self.groups,
            payers,
            imsis,
            numbers,
            hasher: self.hasher,
        };
        reference.accounts.shrink_to_fit();
        reference.subscriptions.shrink_to_fit();
        Ok(reference)
    }

    fn check_accounts(&mut self) {
        let rows: Vec<_> = self.accounts.iter().map(|(key, line, row)| (*key, row.validity, *line)).collect();
        let clashes = clashes(rows.iter().copied());
        for clash in clashes {
            let id = self
                .accounts
                .iter()
                .find(|(_, line, _)| *line == clash.line)
                .map_or(String::new(), |(.., account)| account.id.to_string());
            self.find(0, clash.line, clash.message(&format!("account {id:?}")));
        }
    }

    fn check_subscriptions(&mut self) {
        let rows = &self.subscriptions;
        let by_id = clashes(rows.iter().map(|(line, version)| (version.index, version.validity, *line)));
        let mut found: Vec<(u32, String)> = Vec::new();
        for clash in by_id {
            found.push((clash.line, clash.message("the subscription")));
        }
        let keys: [(&str, DigitsOf); 2] =
            [("msisdn", |version| version.msisdn), ("imsi", |version| version.imsi)];
        for (name, digits) in keys {
            let mut order: Vec<(Digits, i64, u32)> = rows
                .iter()
                .zip(0u32..)
                .filter(|((_, version), _)| !digits(version).is_empty())
                .map(|((_, version), at)| (digits(version), version.validity.from_ms, at))
                .collect();
            order.sort_unstable();
            let in_order = order.iter().filter_map(|&(key, _, at)| {
                let (line, version) = rows.get(at as usize)?;
                Some((key, version.validity, *line))
            });
            for clash in clashes(in_order) {
                let masked = format!("{name} {}…", clash.key.prefix(4));
                found.push((clash.line, clash.message(&masked)));
            }
        }
        found.sort();
        for (line, message) in found {
            self.find(1, line, message);
        }
    }
}

/// Which of its digits a version is looked up by.
type DigitsOf = fn(&Subscription) -> Digits;

/// Two rows that cannot both hold.
struct Clash<K> {
    key: K,
    line: u32,
    other: u32,
    too_many: bool,
}

impl<K> Clash<K> {
    fn message(&self, what: &str) -> String {
        if self.too_many {
            return format!("{what} has more than {MAX_VERSIONS} versions");
        }
        format!("{what} is valid here and in line {} at the same time, expected at most one", self.other)
    }
}

/// Neighbours of one key that share an instant, of rows ordered by key and start.
fn clashes<K: Copy + PartialEq>(rows: impl Iterator<Item = (K, Validity, u32)>) -> Vec<Clash<K>> {
    let mut found = Vec::new();
    // The row of this key that ends last so far: a long one may reach over several that follow.
    let mut reach: Option<(K, Validity, u32)> = None;
    let mut versions = 0usize;
    for (key, validity, line) in rows {
        let Some((before, held, other)) = reach.filter(|(before, ..)| *before == key) else {
            reach = Some((key, validity, line));
            versions = 1;
            continue;
        };
        versions += 1;
        if found.len() < MAX_FINDINGS && (versions == MAX_VERSIONS + 1 || held.overlaps(validity)) {
            let (line, other) = (line.max(other), line.min(other));
            found.push(Clash { key: before, line, other, too_many: versions > MAX_VERSIONS });
        }
        if validity.to_ms > held.to_ms {
            reach = Some((key, validity, line));
        }
    }
    found
}

/// Where each dense key begins in rows ordered by it, and the end.
fn firsts(keys: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut first = Vec::new();
    let mut count = 0;
    for key in keys {
        while first.len() <= key as usize {
            first.push(count);
        }
        count += 1;
    }
    first.push(count);
    first
}

/// Versions of subscriptions by account: where each account begins, and the versions.
fn members(versions: &[Subscription], accounts: usize) -> (Vec<u32>, Vec<u32>) {
    let mut first = vec![0u32; accounts.max(1)];
    for version in versions {
        if let Some(count) = first.get_mut(version.account as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for count in &mut first {
        sum += *count;
        *count = sum;
    }
    let (mut next, mut list) = (first.clone(), vec![0u32; versions.len()]);
    for (version, at) in versions.iter().zip(0u32..) {
        let Some(place) = next.get_mut(version.account as usize) else { continue };
        if let Some(slot) = list.get_mut(*place as usize) {
            *slot = at;
        }
        *place += 1;
    }
    (first, list)
}

/// A table from digits to versions; versions without are left out.
fn index_by(
    versions: &[Subscription],
    hasher: &RandomState,
    digits: impl Fn(&Subscription) -> Digits,
) -> HashTable<u32> {
    let hash = |version: &Subscription| hasher.hash_one(digits(version).packed());
    let count = versions.iter().filter(|version| !digits(version).is_empty()).count();
    let mut table = HashTable::with_capacity(count);
    for (version, at) in versions.iter().zip(0u32..).filter(|(version, _)| !digits(version).is_empty()) {
        table.insert_unique(hash(version), at, |&other| versions.get(other as usize).map_or(0, &hash));
    }
    table
}

/// A count of rows, which [`MAX_ROWS`] keeps within 32 bits.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
