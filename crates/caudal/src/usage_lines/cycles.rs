//! The events of each account's cycles to their sum, rounded as its close will round it.
//! Relies on amounts standing at their own rounding points.
//! Never loses what rounding changes: the difference is shown, so sums stay exact.

use crate::print::json;
use caudal_mediation::guide::Reference;
use caudal_usage::money::add_exact;
use caudal_usage::{BillableEvent, Code, Currency, Date, Decimal, Rounding, RoundingMode};
use hashbrown::HashMap;

/// One cycle of one account.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    events: i64,
    /// Exact; `None` once it does not fit.
    amount: Option<Decimal>,
}

/// Sums by account, first day of the cycle and currency.
#[derive(Debug, Default)]
pub(super) struct Cycles {
    sums: HashMap<(u32, Date, Currency), Sum>,
}

impl Cycles {
    /// Counts an event.
    pub(super) fn add(&mut self, account: u32, event: &BillableEvent<'_>) {
        let first = Sum { events: 0, amount: Some(Decimal::ZERO) };
        let sum = self.sums.entry((account, event.cycle, event.currency)).or_insert(first);
        sum.events += 1;
        sum.amount = sum.amount.and_then(|amount| add_exact(amount, event.amount).ok());
    }

    /// Every cycle, by account, then time.
    pub(super) fn closed<'r>(&self, reference: &'r Reference) -> Vec<Closed<'r>> {
        let close = |(&(account, cycle, currency), sum): (&(u32, Date, Currency), &Sum)| Closed {
            account: reference.account_id(account),
            cycle,
            currency,
            events: sum.events,
            rounded: sum.amount.and_then(|exact| round(exact, currency)),
        };
        let mut closed: Vec<_> = self.sums.iter().map(close).collect();
        closed.sort_by_key(|cycle| (cycle.account, cycle.cycle, cycle.currency.code()));
        closed
    }

    /// Appends a line for each cycle, by account, then time.
    pub(super) fn write(&self, reference: &Reference, out: &mut Vec<u8>) {
        for closed in self.closed(reference) {
            out.push(b'{');
            json::text(out, "type", "cycle");
            json::text(out, "account", closed.account);
            json::text(out, "cycle", &closed.cycle.to_string());
            json::text(out, "currency", closed.currency.code());
            json::number(out, "events", closed.events);
            write_amount(out, closed.rounded);
            out.extend_from_slice(b"}\n");
        }
    }
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

fn round(exact: Decimal, currency: Currency) -> Option<(Decimal, Decimal)> {
    let point = Rounding { places: currency.places(), mode: RoundingMode::HalfUp };
    let amount = point.round(exact).ok()?;
    Some((amount, add_exact(amount, -exact).ok()?))
}

fn write_amount(out: &mut Vec<u8>, rounded: Option<(Decimal, Decimal)>) {
    match rounded {
        Some((amount, difference)) => {
            json::key(out, "amount");
            json::decimal(out, amount);
            json::key(out, "rounding");
            json::decimal(out, difference);
        }
        None => {
            json::text(out, "code", Code::Overflow.as_str());
            json::text(out, "field", "amount");
        }
    }
}
