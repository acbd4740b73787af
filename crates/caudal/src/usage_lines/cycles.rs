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

    /// Appends a line for each cycle, by account, then time.
    pub(super) fn write(&self, reference: &Reference, out: &mut Vec<u8>) {
        let account = |key: &(u32, Date, Currency)| reference.account_id(key.0);
        let mut order: Vec<_> = self.sums.iter().collect();
        order.sort_by_key(|(key, _)| (account(key), key.1, key.2.code()));
        for (key, sum) in order {
            let (_, cycle, currency) = *key;
            out.push(b'{');
            json::text(out, "type", "cycle");
            json::text(out, "account", account(key));
            json::text(out, "cycle", &cycle.to_string());
            json::text(out, "currency", currency.code());
            json::number(out, "events", sum.events);
            write_amount(out, sum.amount, currency);
            out.extend_from_slice(b"}\n");
        }
    }
}

/// The rounded sum, and what the rounding event adds to the exact one.
fn write_amount(out: &mut Vec<u8>, sum: Option<Decimal>, currency: Currency) {
    let point = Rounding { places: currency.places(), mode: RoundingMode::HalfUp };
    let rounded = sum.and_then(|exact| {
        let amount = point.round(exact).ok()?;
        Some((amount, add_exact(amount, -exact).ok()?))
    });
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
