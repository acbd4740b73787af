//! What is left in an allowance: its refill of the period, what was carried from periods before, what was bought.
//! Relies on balances that say what was used; a refill is never stored, so nothing must happen when a period begins.
//! Never gives: that is cover's business, or of money, the payment's.

use super::{exact, overflow};
use crate::balances::Draft;
use crate::clock::{period_end, period_start};
use crate::ground::{Ground, Place};
use caudal_tariff::{Allowance, Period, Refill};
use caudal_usage::money::{add_exact, mul_exact};
use caudal_usage::{AllowanceUse, BalanceKey, Date, Decimal, Fault, Owner, Rounding, RoundingMode, Uses};
use smallvec::SmallVec;

/// Instance of what is used of a carried rest, beside what was used in its own period.
const CARRIED: u64 = 1;
/// Instance of what a period has taken from the refill of the next.
const LENT: u64 = 2;
/// Least instance of something bought: below are those of refills, and what was told of.
pub const BOUGHT: u64 = 4;

/// One stock of an allowance.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// The balance that counts what is used of it.
    pub key: BalanceKey,
    /// What may still be used, in the allowance's units.
    pub room: Decimal,
    /// What was used.
    pub used: Decimal,
    /// When it expires: first instant after it.
    pub until_ms: i64,
    /// When it came.
    pub since_ms: i64,
}

/// The stocks of an allowance, in the order in which they are used: the earliest to expire, then the oldest.
pub type Buckets = SmallVec<[Bucket; 2]>;

/// All stocks at a place.
pub fn buckets(
    ground: &Ground,
    allowance: &Allowance,
    place: &Place,
    draft: &Draft,
) -> Result<Buckets, Fault> {
    let owner = ground.owner(allowance.shared);
    let mut list = Buckets::new();
    if let Refill::Each(period) = allowance.refill {
        let start = ground.period(period, place);
        carried(ground, (allowance, owner), (period, start), draft, &mut list)?;
        current(ground, (allowance, owner), (period, start), (place.at_ms, draft), &mut list)?;
    }
    let until = list.len();
    for grant in draft.standing().grants(owner, allowance.counter) {
        if grant.from_ms <= place.at_ms && place.at_ms < grant.until_ms {
            let used = draft.used(grant.key);
            let room = minus(grant.quantity, used)?;
            let (until_ms, since_ms) = (grant.until_ms, grant.from_ms);
            list.push(Bucket { key: grant.key, room, used, until_ms, since_ms });
        }
    }
    if list.len() > until {
        list.sort_by_key(|bucket| (bucket.until_ms, bucket.since_ms));
    }
    Ok(list)
}

/// The refill of the period at hand, without what the period before has taken of it; and what may be taken of the next.
/// More than both give is never used: where the refill is overdrawn (the pool has shrunk, late usage took of it), so much
/// less may be lent.
fn current(
    ground: &Ground,
    (allowance, owner): (&Allowance, Owner),
    (period, start): (Period, Date),
    (at_ms, draft): (i64, &Draft),
    list: &mut Buckets,
) -> Result<(), Fault> {
    let key = BalanceKey { owner, counter: allowance.counter, period: start, instance: 0 };
    let until_ms = midnight(ground, period_end(period, ground.account.anchor, start));
    let since_ms = midnight(ground, start);
    let bucket = |key, quantity| -> Result<Bucket, Fault> {
        let used = draft.used(key);
        Ok(Bucket { key, room: minus(quantity, used)?, used, until_ms, since_ms })
    };
    let refill = refill(ground, allowance, (period, start), Moment::Now(at_ms))?;
    let Some(over) = allowance.more.as_ref().and_then(|more| more.over_use) else {
        list.push(bucket(key, refill.quantity)?);
        return Ok(());
    };
    let before = period_start(period, ground.account.anchor, start.to_days() - 1);
    let owed = draft.used(BalanceKey { period: before, instance: LENT, ..key });
    let mut own = bucket(key, minus(refill.quantity, owed)?)?;
    let overdrawn = own.room.min(Decimal::ZERO);
    own.room = own.room.max(Decimal::ZERO);
    let most = exact(add_exact(refill.bound(over)?, overdrawn), "allowance")?;
    list.extend([own, bucket(BalanceKey { instance: LENT, ..key }, most)?]);
    Ok(())
}

/// What was left in the periods before, each as long as it is carried.
fn carried(
    ground: &Ground,
    (allowance, owner): (&Allowance, Owner),
    (period, start): (Period, Date),
    draft: &Draft,
    list: &mut Buckets,
) -> Result<(), Fault> {
    let Some(rollover) = allowance.more.as_ref().and_then(|more| more.rollover) else { return Ok(()) };
    let since = ground.shared_since(allowance.shared).max(ground.plan_since());
    let (mut end, mut end_ms) = (start, midnight(ground, start));
    let until_ms = midnight(ground, period_end(period, ground.account.anchor, start));
    for _ in 0..rollover.cycles {
        let origin = period_start(period, ground.account.anchor, end.to_days() - 1);
        if end.to_days() <= since {
            break;
        }
        let key = BalanceKey { owner, counter: allowance.counter, period: origin, instance: 0 };
        let origin_ms = midnight(ground, origin);
        let refill = refill(ground, allowance, (period, origin), Moment::Before(end_ms))?;
        let left = minus(refill.quantity, draft.used(key))?;
        let kept = left.clamp(refill.bound(rollover.min)?, refill.bound(rollover.max)?);
        let key = BalanceKey { instance: CARRIED, ..key };
        let used = draft.used(key);
        list.push(Bucket { key, room: minus(kept, used)?, used, until_ms, since_ms: origin_ms });
        (end, end_ms) = (origin, origin_ms);
    }
    list.reverse();
    Ok(())
}

/// When the members of a pool are counted.
#[derive(Clone, Copy)]
enum Moment {
    /// While the usage happens: whoever is served is one of them.
    Now(i64),
    /// Just before the end of a period.
    Before(i64),
}

/// What a period gives, before anything was used.
struct Filled {
    quantity: Decimal,
    /// How many members have a share; one where nothing is pooled.
    shares: Decimal,
}

impl Filled {
    /// What each member may carry or lend, for all of them.
    fn bound(&self, each: Decimal) -> Result<Decimal, Fault> {
        exact(mul_exact(each, self.shares), "allowance")
    }
}

/// The refill of a period.
fn refill(
    ground: &Ground,
    allowance: &Allowance,
    (period, start): (Period, Date),
    moment: Moment,
) -> Result<Filled, Fault> {
    let prorated = allowance.more.as_ref().is_some_and(|more| more.prorated) && start != BalanceKey::EVER;
    let days = (start, period_end(period, ground.account.anchor, start));
    let each = |held| {
        let places = if allowance.unit.is_some() { 0 } else { ground.version.rounding.cycle.places };
        let down = Rounding { places, mode: RoundingMode::Down };
        let all = i64::from(days.1.to_days() - days.0.to_days());
        exact(down.ratio(allowance.quantity, held, all.max(1)), "allowance")
    };
    if !allowance.pooled {
        let quantity =
            if prorated { each(ground.days_held(allowance.shared, days))? } else { allowance.quantity };
        return Ok(Filled { quantity, shares: Decimal::ONE });
    }
    let members = match moment {
        Moment::Now(at_ms) => ground.members(allowance.shared, at_ms, true),
        Moment::Before(at_ms) => ground.members(allowance.shared, at_ms - 1, false),
    };
    let shares = Decimal::from(members.len());
    if !prorated {
        return Ok(Filled { quantity: exact(mul_exact(allowance.quantity, shares), "allowance")?, shares });
    }
    let mut quantity = Decimal::ZERO;
    for held in ground.days_of_each((allowance.shared, &members), days) {
        quantity = exact(add_exact(quantity, each(held)?), "allowance")?;
    }
    Ok(Filled { quantity, shares })
}

/// The first instant of a local day; never for what has no end.
fn midnight(ground: &Ground, day: Date) -> i64 {
    if day == BalanceKey::EVER {
        return i64::MAX;
    }
    ground.account.time_zone.start_of(day.local_ms()).utc_ms
}

fn minus(left: Decimal, right: Decimal) -> Result<Decimal, Fault> {
    exact(add_exact(left, -right), "allowance")
}

/// What may still be used in all.
pub fn room(buckets: &[Bucket]) -> Result<Decimal, Fault> {
    let mut sum = Decimal::ZERO;
    for bucket in buckets {
        sum = exact(add_exact(sum, bucket.room.max(Decimal::ZERO)), "allowance")?;
    }
    Ok(sum)
}

/// The stocks of a turn.
pub fn of_turn(buckets: &Buckets, stocks: usize) -> &[Bucket] {
    buckets.get(..stocks).unwrap_or(buckets)
}

/// Uses up `quantity`, from the first bucket on. What no bucket has room for (money below zero) falls on the last that is
/// not lent.
pub fn use_up(buckets: &mut Buckets, quantity: Decimal, draft: &mut Draft) -> Result<(), Fault> {
    let mut left = quantity;
    for bucket in buckets.iter_mut() {
        let part = left.min(bucket.room.max(Decimal::ZERO));
        bucket.take(part, draft)?;
        left = minus(left, part)?;
    }
    match buckets.iter_mut().rev().find(|bucket| bucket.key.instance != LENT) {
        Some(last) => last.take(left, draft),
        None if left.is_zero() => Ok(()),
        None => Err(overflow("allowance", &left)),
    }
}

impl Bucket {
    fn take(&mut self, part: Decimal, draft: &mut Draft) -> Result<(), Fault> {
        if part.is_zero() {
            return Ok(());
        }
        self.used = exact(add_exact(self.used, part), "allowance")?;
        self.room = minus(self.room, part)?;
        draft.set(self.key, self.used);
        Ok(())
    }
}

/// Adds what was given to the uses of an event: what one balance gave stands there once. The values are what was
/// taken, and what was there before and after.
pub fn note_use<'a>(
    uses: &mut Uses<'a>,
    allowance: &'a Allowance,
    key: BalanceKey,
    [quantity, before, after]: [Decimal; 3],
) {
    let cycle = (key.period != BalanceKey::EVER).then_some(key.period);
    let known = uses.iter_mut().find(|one| one.allowance == allowance.id.as_ref() && one.cycle == cycle);
    match known {
        Some(known) => (known.quantity, known.after) = (known.quantity + quantity, after),
        None => uses.push(AllowanceUse {
            allowance: &allowance.id,
            cycle,
            quantity,
            unit: allowance.unit,
            before,
            after,
        }),
    }
}

/// A turn of an allowance: it gives what is left in its first stocks, so many as are named.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Index in the plan.
    pub allowance: u16,
    /// [`ALL`] at its last turn.
    pub stocks: usize,
}

/// Every stock of an allowance.
pub const ALL: usize = usize::MAX;

/// The turns of those allowances that take part, where expiry counts: by rank, then the earliest expiry of what has room,
/// then the oldest, then the order of the plan. An allowance has another turn where a stock of its own lies behind one of
/// another.
pub fn order(
    ground: &Ground,
    place: &Place,
    (draft, uses): (&Draft, &[AllowanceUse]),
    take_part: &[u16],
) -> Result<SmallVec<[Turn; 8]>, Fault> {
    let version = ground.version;
    let mut places = Vec::with_capacity(take_part.len());
    for &index in take_part {
        let Some(allowance) = version.allowances.get(usize::from(index)) else { continue };
        let weight = if version.by_weight { allowance.weight } else { 0 };
        let rank = (std::cmp::Reverse(weight), allowance.priority);
        // One that gave its event to the usage covers the rest of it, though it may be empty now.
        let gave = allowance.per_usage && uses.iter().any(|used| used.allowance == allowance.id.as_ref());
        let before = places.len();
        for (bucket, stocks) in buckets(ground, allowance, place, draft)?.iter().zip(1..) {
            if gave || bucket.room > Decimal::ZERO {
                places.push((rank, (bucket.until_ms, bucket.since_ms), index, stocks));
            }
        }
        match places.get_mut(before..).and_then(<[_]>::last_mut) {
            Some((.., stocks)) => *stocks = ALL,
            None => places.push((rank, (i64::MAX, i64::MAX), index, ALL)),
        }
    }
    places.sort_unstable();
    let mut turns = SmallVec::<[Turn; 8]>::new();
    for (.., allowance, stocks) in places {
        match turns.last_mut() {
            Some(turn) if turn.allowance == allowance => turn.stocks = stocks,
            _ => turns.push(Turn { allowance, stocks }),
        }
    }
    Ok(turns)
}
