//! What every step of one usage stands on: who is served by which plan, and where in time a part of the usage lies.
//! Relies on the usage being guided: account, subscription and plan version are those of the chargeable start.
//! Never changes while the usage is rated.

use crate::clock::period_start;
use caudal_tariff::{Allowance, Period, PlanVersion, Refill, Shared, Tariff};
use caudal_usage::time::DAY_MS;
use caudal_usage::{Account, BalanceKey, CounterId, Date, Owner, Roster, Subscription, TimeZone};
use smallvec::SmallVec;

/// Who is served by which plan.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// All plans.
    pub tariff: &'a Tariff,
    /// The plan's version on the day of the chargeable start.
    pub version: &'a PlanVersion,
    /// Who pays.
    pub account: &'a Account,
    /// Who is served.
    pub subscription: &'a Subscription,
    /// All subscriptions of the account.
    pub roster: &'a dyn Roster,
}

/// Indices of subscriptions, rising.
pub type Members = SmallVec<[u32; 8]>;

/// Half-open spans of local days.
type Spans = SmallVec<[(i32, i32); 2]>;

/// Where a part of a usage lies in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its first instant.
    pub at_ms: i64,
    /// Its local day, in the account's zone.
    pub day: i32,
    /// The account's cycle: its first day.
    pub cycle: Date,
}

impl Ground<'_> {
    /// Whose balance it is.
    pub fn owner(&self, shared: Shared) -> Owner {
        match (shared, self.subscription.group) {
            (Shared::Account, _) => Owner::Account,
            (Shared::Group, group) if group > 0 => Owner::Group(group),
            (Shared::Group | Shared::Subscription, _) => Owner::Subscription(self.subscription.index),
        }
    }

    /// First day of the period in which a place lies.
    #[inline]
    pub fn period(&self, period: Period, place: &Place) -> Date {
        match period {
            Period::Cycle => place.cycle,
            other => period_start(other, self.account.anchor, place.day),
        }
    }

    /// The balance of a counter at a place.
    #[inline]
    pub fn key(&self, counter: CounterId, (shared, period): (Shared, Period), place: &Place) -> BalanceKey {
        BalanceKey { owner: self.owner(shared), counter, period: self.period(period, place), instance: 0 }
    }

    /// The balance of an allowance's refill at a place, or of all that is bought into it.
    pub fn allowance_key(&self, allowance: &Allowance, place: &Place) -> BalanceKey {
        let period = match allowance.refill {
            Refill::Each(period) => period,
            Refill::TopUp => Period::Ever,
        };
        self.key(allowance.counter, (allowance.shared, period), place)
    }

    /// Local day of an instant; open ends stay far away.
    pub fn local_day(&self, utc_ms: i64) -> i32 {
        local_day(self.account.time_zone, utc_ms)
    }

    /// On how many days of `[start, end)` some subscription with these balances has the plan.
    pub fn days_held(&self, shared: Shared, days: (Date, Date)) -> i64 {
        let mut spans = Spans::new();
        self.sharers(shared, &mut |version| spans.push(self.span(version, days)));
        days_of(&mut spans)
    }

    /// The same for each of some members by itself.
    pub fn days_of_each(
        &self,
        (shared, members): (Shared, &Members),
        days: (Date, Date),
    ) -> impl Iterator<Item = i64> {
        let mut spans: SmallVec<[Spans; 4]> = members.iter().map(|_| Spans::new()).collect();
        self.sharers(shared, &mut |version| {
            let at = members.binary_search(&version.index);
            if let Some(own) = at.ok().and_then(|at| spans.get_mut(at)) {
                own.push(self.span(version, days));
            }
        });
        spans.into_iter().map(|mut own| days_of(&mut own))
    }

    /// The days of `[start, end)` on which a version holds.
    fn span(&self, version: &Subscription, (start, end): (Date, Date)) -> (i32, i32) {
        let from = start.to_days().max(self.local_day(version.validity.from_ms));
        // The last instant's day counts; a version that ends at midnight does not hold on the day that begins then.
        let last = self.local_day(version.validity.to_ms.saturating_sub(1));
        (from, end.to_days().min(last.saturating_add(1)))
    }

    /// Subscriptions with these balances that have the plan at an instant, by rising index; with the one that is served
    /// where that is `serving`.
    pub fn members(&self, shared: Shared, at_ms: i64, serving: bool) -> Members {
        let mut members = Members::new();
        if serving {
            members.push(self.subscription.index);
        }
        self.sharers(shared, &mut |version| {
            if version.validity.contains(at_ms) {
                members.push(version.index);
            }
        });
        members.sort_unstable();
        members.dedup();
        members
    }

    /// Shows the versions with the plan and with these balances; the one that is served perhaps twice.
    fn sharers(&self, shared: Shared, visit: &mut dyn FnMut(&Subscription)) {
        let ours = self.subscription;
        visit(ours);
        self.roster.each(ours.account, &mut |other| {
            if other.plan == ours.plan && self.shares(shared, other) {
                visit(other);
            }
        });
    }

    /// True when a subscription of the account has its balances in common with the one that is served.
    fn shares(&self, shared: Shared, other: &Subscription) -> bool {
        let ours = self.subscription;
        match shared {
            Shared::Account => true,
            Shared::Group if ours.group > 0 => other.group == ours.group,
            Shared::Group | Shared::Subscription => other.index == ours.index,
        }
    }

    /// The local day from which some subscription with these balances has the plan.
    pub fn shared_since(&self, shared: Shared) -> i32 {
        let mut first_ms = i64::MAX;
        self.sharers(shared, &mut |version| first_ms = first_ms.min(version.validity.from_ms));
        self.local_day(first_ms)
    }

    /// First day of the plan's first version.
    pub fn plan_since(&self) -> i32 {
        let plan = self.tariff.plans().get(self.subscription.plan as usize);
        plan.and_then(|plan| plan.versions.first()).map_or(i32::MIN, |version| version.days.from)
    }

    /// The first instant of the subscription, of all its versions.
    pub fn subscribed_ms(&self) -> i64 {
        let ours = self.subscription;
        let mut first = ours.validity.from_ms;
        self.roster.each(ours.account, &mut |other| {
            if other.index == ours.index {
                first = first.min(other.validity.from_ms);
            }
        });
        first
    }
}

/// Days spanned, overlaps once.
fn days_of(spans: &mut Spans) -> i64 {
    spans.sort_unstable();
    let (mut days, mut until) = (0, i32::MIN);
    for &(from, to) in spans.iter() {
        let from = from.max(until);
        if from < to {
            days += i64::from(to) - i64::from(from);
            until = to;
        }
    }
    days
}

/// Local day of an instant in a zone; open ends stay far away.
fn local_day(zone: TimeZone, utc_ms: i64) -> i32 {
    if !caudal_usage::time::RANGE_MS.contains(&utc_ms) {
        return if utc_ms < 0 { i32::MIN / 2 } else { i32::MAX / 2 };
    }
    let local_ms = utc_ms + i64::from(zone.offset_s(utc_ms)) * 1000;
    i32::try_from(local_ms.div_euclid(DAY_MS)).unwrap_or(i32::MAX / 2)
}
