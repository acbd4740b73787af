//! The events of each account's cycles to their sum, with what their close charges, rounded as it will be.
//! Relies on amounts standing at their own rounding points.
//! Never loses what rounding changes: the difference is shown, so sums stay exact.

use crate::print::json;
use caudal_mediation::guide::Reference;
use caudal_rating::{AccountBalances, Clock, CloseCharge, CloseInput, Rater};
use caudal_tariff::Tariff;
use caudal_usage::money::add_exact;
use caudal_usage::{
    AllowanceUse, BillableEvent, Code, Currency, Date, Decimal, DiscountUse, Fault, Rounding, RoundingMode,
    Subscription,
};
use caudal_wire::event::write_parts;
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// One cycle of one account.
#[derive(Clone, Debug, Default)]
struct Sum {
    events: i64,
    /// Exact; `None` once it does not fit.
    amount: Option<Decimal>,
    /// Where the total is rounded, where a plan says so.
    point: Option<Rounding>,
    /// What the close charged, written.
    charges: Vec<u8>,
    /// Why it could not be closed.
    fault: Option<Fault>,
    closed: bool,
}

impl Sum {
    /// Of no event.
    fn of_nothing() -> Self {
        Self { amount: Some(Decimal::ZERO), ..Self::default() }
    }

    fn add(&mut self, amount: Decimal) {
        self.amount = self.amount.and_then(|sum| add_exact(sum, amount).ok());
    }
}

/// What a discount took off in all.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    events: i64,
    amount: Decimal,
    /// What its events would have cost without it.
    before: Decimal,
}

/// Sums by account, first day of the cycle and currency.
#[derive(Debug, Default)]
pub(super) struct Cycles {
    sums: HashMap<(u32, Date, Currency), Sum>,
    /// By plan and id.
    discounts: BTreeMap<(String, String), Cost>,
}

impl Cycles {
    /// Counts an event.
    pub(super) fn add(&mut self, account: u32, event: &BillableEvent<'_>) {
        let sum = self.sums.entry((account, event.cycle, event.currency)).or_insert_with(Sum::of_nothing);
        sum.events += 1;
        sum.add(event.amount);
        self.count(event.plan, &event.discounts, event.amount + paid(&event.allowance_uses));
    }

    /// Counts what discounts took off; `after` is what was left, before money paid for it.
    fn count(&mut self, plan: &str, discounts: &[DiscountUse<'_>], after: Decimal) {
        let off: Decimal = discounts.iter().map(|discount| discount.amount).sum();
        for discount in discounts {
            let cost = self.discounts.entry((plan.to_owned(), discount.discount.to_owned())).or_default();
            cost.events += 1;
            cost.amount += discount.amount;
            cost.before += after + off;
        }
    }

    /// Adds the cycles without usage that lie between others of their account: what is owed for a month is owed for a
    /// silent one too.
    fn add_silent(&mut self, reference: &Reference) {
        let mut spans: HashMap<(u32, Currency), (Date, Date)> = HashMap::new();
        for &(account, cycle, currency) in self.sums.keys() {
            let span = spans.entry((account, currency)).or_insert((cycle, cycle));
            *span = (span.0.min(cycle), span.1.max(cycle));
        }
        for ((account, currency), (first, last)) in spans {
            let Some(payer) = reference.account_versions(account).first() else { continue };
            let mut clock = Clock::new(payer.time_zone);
            let mut next_ms = payer.time_zone.start_of(first.local_ms()).utc_ms;
            loop {
                let cycle = clock.cycle(payer.anchor, next_ms);
                if cycle.first >= last {
                    break;
                }
                next_ms = cycle.to_ms;
                self.sums.entry((account, cycle.first, currency)).or_insert_with(Sum::of_nothing);
            }
        }
    }

    /// Charges what only the whole cycle decides, in the order of accounts and time. A cycle is closed once.
    pub(super) fn settle(
        &mut self,
        reference: &Reference,
        (rater, tariff): (&mut Rater<'_>, &Tariff),
        balances: &mut HashMap<u32, AccountBalances>,
    ) {
        self.add_silent(reference);
        let mut open: Vec<_> = self.sums.iter().filter(|(_, sum)| !sum.closed).map(|(key, _)| *key).collect();
        open.sort_by_key(|(account, cycle, currency)| (*account, *cycle, currency.code()));
        for key in open {
            let (account, cycle, _) = key;
            let subscriptions = held(reference, account, cycle);
            let closed = close(reference, rater, (account, cycle, &subscriptions), balances);
            let first = subscriptions.first().map(|subscription| subscription.index);
            let mut of_first = subscriptions.iter().filter(|of| Some(of.index) == first);
            let point = of_first.next_back().and_then(|subscription| {
                Some(tariff.plan_version(subscription.plan, cycle.to_days())?.rounding.cycle)
            });
            let Some(sum) = self.sums.get_mut(&key) else { continue };
            (sum.closed, sum.point) = (true, point);
            match closed {
                Ok(charges) => {
                    for charge in &charges {
                        sum.add(charge.amount);
                        write_charge(&mut sum.charges, charge);
                    }
                    for charge in &charges {
                        self.count(charge.plan, &charge.discounts, charge.amount + paid(&charge.uses));
                    }
                }
                Err(fault) => (sum.amount, sum.fault) = (None, Some(fault)),
            }
        }
    }

    /// Every cycle, by account, then time.
    pub(super) fn closed<'r>(&self, reference: &'r Reference) -> Vec<Closed<'r>> {
        let close = |(&(account, cycle, currency), sum): (&(u32, Date, Currency), &Sum)| Closed {
            account: reference.account_id(account),
            cycle,
            currency,
            events: sum.events,
            rounded: sum.amount.and_then(|exact| round(exact, sum.point, currency)),
        };
        let mut closed: Vec<_> = self.sums.iter().map(close).collect();
        closed.sort_by_key(|cycle| (cycle.account, cycle.cycle, cycle.currency.code()));
        closed
    }

    /// Appends a line for each cycle, by account, then time; and one for each discount.
    pub(super) fn write(&self, reference: &Reference, out: &mut Vec<u8>) {
        for closed in self.closed(reference) {
            out.push(b'{');
            json::text(out, "type", "cycle");
            json::text(out, "account", closed.account);
            json::text(out, "cycle", &closed.cycle.to_string());
            json::text(out, "currency", closed.currency.code());
            json::number(out, "events", closed.events);
            let key = reference.account_key(closed.account).map(|key| (key, closed.cycle, closed.currency));
            if let Some(sum) = key.and_then(|key| self.sums.get(&key)) {
                json::key(out, "charges");
                out.push(b'[');
                out.extend_from_slice(&sum.charges);
                out.push(b']');
                write_amount(out, closed.rounded, sum.fault.as_ref());
            }
            out.extend_from_slice(b"}\n");
        }
        for ((plan, discount), cost) in &self.discounts {
            out.push(b'{');
            json::text(out, "type", "discount");
            json::text(out, "discount", discount);
            json::text(out, "plan", plan);
            json::number(out, "events", cost.events);
            json::key(out, "amount");
            json::decimal(out, cost.amount);
            json::key(out, "before");
            json::decimal(out, cost.before);
            out.extend_from_slice(b"}\n");
        }
    }
}

/// What money allowances paid.
fn paid(uses: &[AllowanceUse<'_>]) -> Decimal {
    uses.iter().filter(|used| used.unit.is_none()).map(|used| used.quantity).sum()
}

/// The subscriptions of an account that held in a cycle, of each the last version with each of its plans.
fn held(reference: &Reference, account: u32, cycle: Date) -> Vec<&Subscription> {
    let Some(payer) = reference.account_versions(account).first() else { return Vec::new() };
    let from_ms = payer.time_zone.start_of(cycle.local_ms()).utc_ms;
    let to_ms = Clock::new(payer.time_zone).cycle(payer.anchor, from_ms).to_ms;
    let mut held: Vec<&Subscription> = Vec::new();
    for &version in reference.members(account) {
        let version = reference.subscription(version);
        if version.validity.to_ms <= from_ms || version.validity.from_ms >= to_ms {
            continue;
        }
        match held.iter_mut().find(|known| (known.index, known.plan) == (version.index, version.plan)) {
            Some(known) => *known = version,
            None => held.push(version),
        }
    }
    held
}

fn close<'a, 't: 'a>(
    reference: &'a Reference,
    rater: &mut Rater<'t>,
    (account, cycle, subscriptions): (u32, Date, &'a [&'a Subscription]),
    balances: &mut HashMap<u32, AccountBalances>,
) -> Result<Vec<CloseCharge<'a>>, Fault> {
    let versions = reference.account_versions(account);
    let from_ms = versions.first().map_or(0, |payer| payer.time_zone.start_of(cycle.local_ms()).utc_ms);
    let payer = versions.iter().find(|payer| payer.validity.contains(from_ms)).or(versions.last());
    let Some(payer) = payer else { return Ok(Vec::new()) };
    let input = CloseInput { account: payer, subscriptions, cycle, roster: reference };
    rater.close(&input, balances.entry(account).or_default())
}

fn write_charge(out: &mut Vec<u8>, charge: &CloseCharge<'_>) {
    if !out.is_empty() {
        out.push(b',');
    }
    out.push(b'{');
    json::text(out, "kind", charge.kind);
    json::text(out, "id", charge.id);
    json::text(out, "subscription", charge.subscription);
    json::text(out, "plan", charge.plan);
    json::text(out, "plan_version", charge.plan_version);
    write_parts(out, &charge.lines, &charge.uses, &charge.discounts, &charge.notifications);
    json::key(out, "amount");
    json::decimal(out, charge.amount);
    out.push(b'}');
}

/// A cycle of an account at its close.
#[derive(Clone, Copy, Debug)]
pub struct Closed<'r> {
    /// Id of the account.
    pub account: &'r str,
    /// First day of the cycle.
    pub cycle: Date,
    /// What it is billed in.
    pub currency: Currency,
    /// Events summed.
    pub events: i64,
    /// The rounded sum, and what the rounding adds to the exact one; `None` when it does not fit.
    pub rounded: Option<(Decimal, Decimal)>,
}

/// Rounded at the plan's point, else at the currency's own places.
fn round(exact: Decimal, point: Option<Rounding>, currency: Currency) -> Option<(Decimal, Decimal)> {
    let own = Rounding { places: currency.places(), mode: RoundingMode::HalfUp };
    let amount = point.unwrap_or(own).round(exact).ok()?;
    Some((amount, add_exact(amount, -exact).ok()?))
}

fn write_amount(out: &mut Vec<u8>, rounded: Option<(Decimal, Decimal)>, fault: Option<&Fault>) {
    match rounded {
        Some((amount, difference)) => {
            json::key(out, "amount");
            json::decimal(out, amount);
            json::key(out, "rounding");
            json::decimal(out, difference);
        }
        None => {
            json::text(out, "code", fault.map_or(Code::Overflow, |fault| fault.code).as_str());
            json::text(out, "field", fault.map_or("amount", |fault| &fault.field));
        }
    }
}
