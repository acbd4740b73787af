//! An account shard: routed usage to billable events and changed balances of its accounts.
//! Relies on usages coming in the order of their turns, merged from all record shards.
//! Never half: what cannot be priced is suspended whole, and its balances stay as they were.

use crate::fail;
use crate::pieces::Pieces;
use crate::record_shard::{RecordEffects, Routed, UsageRef, touch};
use crate::runs::{OtherRuns, Whole};
use crate::setup::Setup;
use crate::suspend::{put_suspense, suspend_member};
use crate::tally::Tally;
use crate::turn::Epoch;
use caudal_mediation::warm::load;
use caudal_rating::{AccountBalances, Events, Rater, RatingInput};
use caudal_usage::{
    Balance, BalanceKey, BillableEvent, Currency, Date, Decimal, EventId, Fault, Owner, Party, Run, Service,
    UsageRecord,
};
use caudal_wire::Encoder;
use caudal_wire::event::{self, EventSource};
use caudal_wire::state::{StoredBalance, put_account, put_balance};
use compact_str::CompactString;
use hashbrown::HashMap;

mod other_runs;

/// Begins the stored name of a group, which no id of a subscription can begin with.
const GROUP: char = '\u{1d}';

/// Ends the stored name of a counter before its instance; no name of a counter has it.
const INSTANCE: char = '#';

/// Usages whose accounts are fetched together.
const WARM_BATCH: usize = 32;

/// What an account shard did in one epoch.
#[derive(Debug, Default)]
pub struct AccountEffects {
    /// Rated lines.
    pub rated: Pieces,
    /// Events rated; one line each.
    pub events: u64,
    /// Suspense lines.
    pub suspense: Vec<u8>,
    /// What ended here.
    pub tally: Tally,
    /// Records taken from the exchange: a joined usage counts each of its partials.
    pub took: u64,
    /// Records rated, merged or suspended.
    pub ended: u64,
    /// Amounts by currency and service.
    pub amounts: HashMap<(Currency, Service), Decimal>,
    /// The dearest event, to show: its amount and id.
    pub dearest: Option<(Decimal, EventId)>,
    /// What was rated or suspended for other runs; not counted above, but for lines.
    pub runs: OtherRuns,
    /// True when a sum does not fit: the epoch must not be committed.
    pub sum_overflows: bool,
    /// Changed accounts, stored form.
    pub balances: Encoder,
    /// Their number.
    pub account_count: u32,
    /// Slots whose state changed.
    pub touched: [u64; 4],
}

/// What is kept of one account.
#[derive(Debug, Default)]
struct AccountState {
    balances: AccountBalances,
    /// Balances of counters and subscriptions that this generation does not know: kept for one that does.
    strays: Vec<StoredBalance>,
    changed: bool,
}

/// An account shard.
pub struct AccountShard<'s> {
    setup: &'s Setup,
    rater: Rater<'s>,
    accounts: HashMap<u32, AccountState>,
    /// Accounts that this generation does not know.
    strangers: HashMap<CompactString, Vec<StoredBalance>>,
    changed: Vec<u32>,
    index: usize,
}

/// A usage with everything that is needed to rate it and to name it.
struct Item<'a> {
    routed: &'a Routed,
    whole: Whole<'a>,
}

impl<'s> AccountShard<'s> {
    /// An empty shard, number `index` of the setup's.
    pub fn new(setup: &'s Setup, index: usize) -> Self {
        Self {
            setup,
            rater: Rater::new(&setup.tariff),
            accounts: HashMap::default(),
            strangers: HashMap::new(),
            changed: Vec::new(),
            index,
        }
    }

    /// Takes the balances of an account that were committed; they replace what was there.
    pub fn restore(&mut self, account: &str, balances: Vec<StoredBalance>) {
        let Some(key) = self.setup.reference.account_key(account) else {
            self.strangers.insert(account.into(), balances);
            return;
        };
        let mut state = AccountState::default();
        for balance in balances {
            match self.balance_key(&balance) {
                Some(key) => state.balances.set(Balance { key, used: balance.used }),
                None => state.strays.push(balance),
            }
        }
        self.accounts.insert(key, state);
    }

    fn balance_key(&self, balance: &StoredBalance) -> Option<BalanceKey> {
        let (name, instance) = match balance.counter.split_once(INSTANCE) {
            Some((name, hex)) => (name, u64::from_str_radix(hex, 16).ok()?),
            None => (balance.counter.as_str(), 0),
        };
        let counter = self.setup.tariff.counter(name)?;
        let owner = match balance.subscription.as_str() {
            "" => Owner::Account,
            id => match id.strip_prefix(GROUP) {
                Some(group) => Owner::Group(self.setup.reference.group_number(group)?),
                None => Owner::Subscription(self.setup.reference.subscription_index(id)?),
            },
        };
        Some(BalanceKey { owner, counter, period: balance.cycle, instance })
    }

    /// Runs the epoch on what the record shards routed here.
    pub fn step(&mut self, epoch: &Epoch<'_>, records: &[RecordEffects]) -> AccountEffects {
        let (mut effects, mut events) = (AccountEffects::default(), Events::new());
        for batch in merge(records, self.index).chunks(WARM_BATCH) {
            self.warm(batch.iter().map(|&(from, routed)| item(epoch, &records[from], routed)));
            for &(from, routed) in batch {
                let item = item(epoch, &records[from], routed);
                let stage = other_runs::took(&mut effects, &item);
                for _ in 0..fail::times(stage) {
                    self.rate(epoch, &item, (&mut events, &mut effects));
                }
            }
        }
        self.put_balances(&mut effects);
        effects
    }

    /// Loads what rating the batch will read of its usage and accounts, and what their events will name. In steps, as
    /// guiding does: within one the waits for memory overlap.
    fn warm<'e>(&self, batch: impl Iterator<Item = Item<'e>> + Clone) {
        let reference = &self.setup.reference;
        let guided = || batch.clone().map(|item| &item.routed.guided);
        load(batch.clone().map(|Item { routed, whole }| {
            let account = reference.account(routed.guided.account);
            let subscription = reference.subscription(routed.guided.subscription);
            account.id.len() ^ subscription.id.len() ^ lines_of(whole.usage)
        }));
        load(guided().map(|guided| {
            let state = self.accounts.get(&guided.account_key);
            state.map_or(0, |state| usize::from(state.changed) ^ state.balances.len())
        }));
        load(batch.map(|Item { routed, whole }| {
            let account = first_of(&reference.account(routed.guided.account).id);
            let subscription = first_of(&reference.subscription(routed.guided.subscription).id);
            account ^ subscription ^ whole.usage.parts.iter().filter(|part| part.quantity > 0).count()
        }));
    }

    fn rate<'e>(
        &mut self,
        epoch: &Epoch<'_>,
        item: &Item<'e>,
        (events, effects): (&mut Events<'e>, &mut AccountEffects),
    ) where
        's: 'e,
    {
        let reference = &self.setup.reference;
        let key = item.routed.guided.account_key;
        // Written well before it is read.
        let input = RatingInput {
            usage: item.whole.usage,
            run: item.routed.run,
            account: reference.account(item.routed.guided.account),
            subscription: reference.subscription(item.routed.guided.subscription),
            roster: reference,
        };
        let state = self.accounts.entry(key).or_default();
        match self.rater.rate_into(&input, &mut state.balances, events) {
            Ok(()) => {
                if !other_runs::rated(effects, (epoch, item), events) {
                    primary(effects, (epoch, item), events);
                }
                if !self.rater.changed().is_empty() && !state.changed {
                    state.changed = true;
                    self.changed.push(key);
                }
            }
            Err(fault) => {
                if !other_runs::suspended(effects, (epoch, item), &fault) {
                    suspend(effects, epoch, item, &fault);
                }
            }
        }
    }

    fn put_balances(&mut self, effects: &mut AccountEffects) {
        let mut changed = std::mem::take(&mut self.changed);
        for batch in changed.chunks(WARM_BATCH) {
            self.warm_changed(batch);
            for &key in batch {
                let Some(state) = self.accounts.get_mut(&key) else { continue };
                state.changed = false;
                touch(&mut effects.touched, self.setup.reference.slot(key));
                put_state(&mut effects.balances, self.setup, key, state);
            }
        }
        effects.account_count = changed.len() as u32;
        changed.clear();
        self.changed = changed;
    }

    /// Loads what storing the balances of these accounts will read, likewise.
    fn warm_changed(&self, keys: &[u32]) {
        let reference = &self.setup.reference;
        let states = keys.iter().filter_map(|key| self.accounts.get(key));
        let first = states.filter_map(|state| state.balances.iter().next());
        let owners = first.filter_map(|balance| match balance.key.owner {
            Owner::Subscription(index) => Some(index),
            Owner::Account | Owner::Group(_) => None,
        });
        let owners: Vec<_> = owners.collect();
        load(keys.iter().map(|&key| reference.account_id(key).len() ^ usize::from(reference.slot(key).0)));
        load(owners.iter().map(|&index| reference.subscription_id(index).len()));
        load(keys.iter().map(|&key| first_of(reference.account_id(key))));
        load(owners.iter().map(|&index| first_of(reference.subscription_id(index))));
    }

    /// Appends every account's balances, for a snapshot. Returns how many accounts.
    pub fn put_all(&self, out: &mut Encoder) -> u32 {
        for (&key, state) in &self.accounts {
            put_state(out, self.setup, key, state);
        }
        for (account, balances) in &self.strangers {
            put_account(out, account, balances.len());
            balances.iter().for_each(|balance| put_stray(out, balance));
        }
        (self.accounts.len() + self.strangers.len()) as u32
    }

    /// Forgets balances of cycles that ended before `day`: no record that old is billed any more.
    pub fn forget_before(&mut self, day: Date) {
        self.accounts.retain(|_, state| {
            state.balances.forget_before(day);
            state.strays.retain(|balance| balance.cycle >= day);
            !state.balances.is_empty() || !state.strays.is_empty()
        });
        self.strangers.retain(|_, balances| {
            balances.retain(|balance| balance.cycle >= day);
            !balances.is_empty()
        });
    }
}

/// Reads a field in each line of memory that a usage record stands in.
#[inline]
fn lines_of(usage: &UsageRecord) -> usize {
    let UsageRecord { start, end, parts, calling, called, served, attributes, identity, claim, .. } = usage;
    let texts = matches!(calling, Party::Absent) ^ matches!(called, Party::Absent) ^ attributes.is_some();
    let numbers = [start.utc_ms, end.utc_ms, i64::from(claim.day), identity.0 as i64];
    let numbers = numbers.into_iter().fold(0, |all, number| all ^ number) as usize;
    numbers ^ parts.len() ^ usize::from(texts ^ served.imsi.is_some())
}

/// The first octet of an id.
#[inline]
fn first_of(id: &str) -> usize {
    id.bytes().next().map_or(0, usize::from)
}

/// What every record shard routed to account shard `index`, in the order of turns, with the shard that it came from.
/// Each shard's usages are in that order already.
fn merge(records: &[RecordEffects], index: usize) -> Vec<(usize, &Routed)> {
    let mut queues: Vec<_> = records.iter().map(|shard| shard.routed[index].as_slice()).collect();
    let mut merged = Vec::with_capacity(queues.iter().map(|queue| queue.len()).sum());
    loop {
        let heads = queues.iter().enumerate().filter_map(|(from, queue)| Some((queue.first()?.turn, from)));
        let Some((_, from)) = heads.min() else { return merged };
        if let Some((first, rest)) = queues[from].split_first() {
            merged.push((from, first));
            queues[from] = rest;
        }
    }
}

/// A routed usage, where it stands.
fn item<'a>(epoch: &Epoch<'a>, shard: &'a RecordEffects, routed: &'a Routed) -> Item<'a> {
    match routed.usage {
        UsageRef::Slice(slice, index) => {
            let parsed = &epoch.slices[slice as usize];
            let usage = &parsed.records[index as usize];
            Item { routed, whole: Whole { usage, members: &[], raw: epoch.raw(parsed, usage) } }
        }
        UsageRef::Assembled(index) => {
            let assembled = &shard.assembled[index as usize];
            Item { routed, whole: Whole { usage: &assembled.usage, members: &assembled.members, raw: &[] } }
        }
    }
}

/// The events of a usage of the primary run, summed and written; its records have their outcome.
fn primary(
    effects: &mut AccountEffects,
    (epoch, item): (&Epoch<'_>, &Item<'_>),
    events: &[BillableEvent<'_>],
) {
    effects.sum_overflows |= !sum(&mut effects.amounts, events);
    for event in events {
        effects.dearest = effects.dearest.max(Some((event.amount, event.id)));
        for _ in 0..fail::times("encode") {
            emit(effects, epoch, item, event);
        }
    }
    effects.events += events.len() as u64;
    count_rated(effects, epoch, item);
}

/// Adds the events' amounts to sums of the epoch; false when one does not fit.
fn sum(amounts: &mut HashMap<(Currency, Service), Decimal>, events: &[BillableEvent<'_>]) -> bool {
    let mut fits = true;
    for event in events {
        let sum = amounts.entry((event.currency, event.service)).or_default();
        match caudal_usage::money::add_exact(*sum, event.amount) {
            Ok(total) => *sum = total,
            Err(_) => fits = false,
        }
    }
    fits
}

fn emit(effects: &mut AccountEffects, epoch: &Epoch<'_>, item: &Item<'_>, billable: &BillableEvent<'_>) {
    let at = item.whole.usage.at();
    let single = [at.record];
    let (mut records, mut elsewhere) = (Vec::new(), Vec::new());
    for member in item.whole.members {
        let place = member.record.at();
        if place.file == at.file {
            records.push(place.record);
        } else {
            elsewhere.push((epoch.names.get(place.file), place.file.0, place.record));
        }
    }
    let source = EventSource {
        file: epoch.names.get(at.file),
        file_id: at.file.0,
        records: if item.whole.members.is_empty() { &single } else { &records },
        elsewhere: &elsewhere,
    };
    event::write(effects.rated.line(), billable, &source);
}

/// The first record carries the usage's outcome, the others are merged into it.
fn count_rated(effects: &mut AccountEffects, epoch: &Epoch<'_>, item: &Item<'_>) {
    let turn = item.routed.turn;
    let at = item.whole.usage.at();
    effects.ended += item.whole.members.len().max(1) as u64;
    effects.tally.row(at.file, item.whole.usage.claim.day, epoch.side(at.file, turn)).rated += 1;
    for member in item.whole.members.iter().filter(|member| member.record.at() != at) {
        let file = member.record.at().file;
        effects.tally.row(file, member.record.claim.day, epoch.side(file, turn)).merged += 1;
    }
}

fn suspend(effects: &mut AccountEffects, epoch: &Epoch<'_>, item: &Item<'_>, fault: &Fault) {
    let turn = item.routed.turn;
    effects.ended += item.whole.members.len().max(1) as u64;
    for member in item.whole.members {
        suspend_member(&mut effects.tally, &mut effects.suspense, epoch, (member, fault, turn));
    }
    if item.whole.members.is_empty() {
        let at = item.whole.usage.at();
        effects.tally.code(at.file, item.whole.usage.claim.day, epoch.side(at.file, turn), fault.code);
        let record = (item.whole.usage, item.whole.raw);
        put_suspense(&mut effects.suspense, epoch, record, (Run::Retail, fault), None);
    }
}

fn put_state(out: &mut Encoder, setup: &Setup, key: u32, state: &AccountState) {
    put_account(out, setup.reference.account_id(key), state.balances.len() + state.strays.len());
    for balance in state.balances.iter() {
        let key = balance.key;
        let group;
        let owner = match key.owner {
            Owner::Account => "",
            Owner::Subscription(index) => setup.reference.subscription_id(index),
            Owner::Group(number) => {
                group = format!("{GROUP}{}", setup.reference.group_name(number));
                &group
            }
        };
        let name = setup.tariff.counter_name(key.counter);
        match key.instance {
            0 => put_balance(out, owner, name, (key.period, balance.used)),
            instance => {
                put_balance(out, owner, &format!("{name}{INSTANCE}{instance:x}"), (key.period, balance.used));
            }
        }
    }
    state.strays.iter().for_each(|balance| put_stray(out, balance));
}

fn put_stray(out: &mut Encoder, balance: &StoredBalance) {
    put_balance(out, &balance.subscription, &balance.counter, (balance.cycle, balance.used));
}

#[cfg(test)]
mod tests;
