//! One line after the other to its answer: read, filtered, guided, rated, balances moved on.
//! Relies on the tables of a checked pipeline; balances are empty at the start and live as long as the desk.
//! Never ends at a line: bad JSON, odd fields and absurd quantities are answers.

use super::cycles::{Closed, Cycles};
use super::fields::{Field, Fields};
use super::purchase::purchase;
use super::record::{Reader, missing};
use crate::config::Pipeline;
use crate::print::json;
use caudal_mediation::filter::BillableRules;
use caudal_mediation::guide::{Guided, Reference};
use caudal_rating::{AccountBalances, Rater, RatingInput, Redeem, TopUp};
use caudal_tariff::Tariff;
use caudal_usage::{Account, BillableEvent, Code, Fault, Identity, Run, Stage, Subscription, UsageRecord};
use caudal_wire::event::{self, EventSource};
use hashbrown::HashMap;
use std::rc::Rc;

mod others;

use others::Others;

/// Longest id that is echoed, in octets.
const ID_MAX: usize = 1024;

/// What happens after the last line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnClose {
    /// The cycles of every account touched are summed and rounded.
    Sum,
    /// Nothing.
    Nothing,
}

/// A line, or what is left of it.
#[derive(Clone, Copy, Debug)]
pub enum Line<'a> {
    /// Its octets.
    Octets(&'a [u8]),
    /// It was longer than [`super::LINE_MAX`].
    TooLong,
}

/// What became of a line.
#[derive(Clone, Copy, Debug)]
pub enum Outcome<'o, 'e> {
    /// It is billed.
    Rated {
        /// One for each cycle.
        events: &'o [BillableEvent<'e>],
        /// Number of its line.
        record: u32,
    },
    /// A purchase was added or voided, or a code redeemed: what concerns it.
    Accepted(&'o [(&'static str, &'o str)]),
    /// It is known not to be billed.
    Filtered(Code),
    /// It cannot be priced.
    Suspended(&'o Fault),
}

/// Prices lines.
pub struct Desk<'p> {
    reference: &'p Reference,
    tariff: &'p Tariff,
    billable: &'p BillableRules,
    rater: Rater<'p>,
    reader: Reader,
    balances: HashMap<u32, AccountBalances>,
    cycles: Option<Cycles>,
    /// Redemptions of all accounts, by counter.
    redeemed: std::collections::HashMap<String, u64>,
    /// What the other runs made of the line at hand; absent when the primary one is priced alone.
    others: Option<Others>,
    file: Rc<str>,
}

/// Who buys or redeems, and when.
struct Customer<'p> {
    /// What names the line.
    identity: Identity,
    at_ms: i64,
    account: &'p Account,
    subscription: &'p Subscription,
    /// The account's key among all.
    key: u32,
}

impl<'p> Desk<'p> {
    /// A desk without any balance, for the primary run. `file` is what events name as their source.
    pub fn new(pipeline: &'p Pipeline, file: &str, on_close: OnClose) -> Self {
        Self {
            reference: &pipeline.reference,
            tariff: &pipeline.tariff,
            billable: &pipeline.billable,
            rater: Rater::new(&pipeline.tariff),
            reader: Reader::new(),
            balances: HashMap::new(),
            cycles: (on_close == OnClose::Sum).then(Cycles::default),
            redeemed: std::collections::HashMap::new(),
            others: None,
            file: file.into(),
        }
    }

    /// Answers line number `number` with one line of JSON; an empty line with none.
    pub fn answer(&mut self, line: Line<'_>, number: u64, out: &mut Vec<u8>) {
        let file = Rc::clone(&self.file);
        let (mut begun, mut written) = (false, None);
        self.price(line, number, &mut |id, outcome| {
            begin(out, id, number);
            begun = true;
            match outcome {
                Outcome::Rated { events, record } => {
                    rated(out, events, (&file, record));
                    written = Some(events.len());
                }
                Outcome::Accepted(facts) => accepted(out, facts),
                Outcome::Filtered(code) => {
                    filtered(out, code);
                    written = Some(0);
                }
                Outcome::Suspended(fault) => suspended(out, fault),
            }
        });
        if begun {
            self.others.as_ref().unwrap_or(&Others::default()).close(out, written);
            out.extend_from_slice(b"}\n");
        }
    }

    /// Prices line number `number`. `take` gets the id as written and what became of the line; of an empty one nothing.
    pub fn price(
        &mut self,
        line: Line<'_>,
        number: u64,
        take: &mut dyn FnMut(Option<&str>, Outcome<'_, '_>),
    ) {
        if let Some(others) = &mut self.others {
            others.clear();
        }
        let read = match line {
            Line::TooLong => {
                let found = format!("more than {} octets", super::LINE_MAX);
                Err(whole(Code::BadLength, found.as_bytes()))
            }
            Line::Octets(octets) => match std::str::from_utf8(without_mark(octets, number)) {
                Ok(text) if text.trim_ascii().is_empty() => return,
                Ok(text) => Fields::read(text.trim_ascii()),
                Err(_) => Err(whole(Code::BadField, octets)),
            },
        };
        match read.and_then(|fields| Ok((id(&fields)?, fields))) {
            Ok((id, mut fields)) => self.usage(&mut fields, number, &mut |outcome| take(id, outcome)),
            Err(fault) => take(None, Outcome::Suspended(&fault)),
        }
    }

    fn usage(&mut self, fields: &mut Fields<'_>, number: u64, take: &mut dyn FnMut(Outcome<'_, '_>)) {
        let line = u32::try_from(number).unwrap_or(u32::MAX);
        let done = match fields.text(Field::Type) {
            Ok(None) => None,
            Ok(Some(kind)) => match &*kind {
                "usage" => None,
                "top_up" => Some(self.top_up(fields, line, take)),
                "redeem" => Some(self.redeem(fields, line, take)),
                other => Some(Err(Field::Type.fault(Code::UnknownFormat, other))),
            },
            Err(fault) => Some(Err(fault)),
        };
        match done {
            Some(Ok(())) => return,
            Some(Err(fault)) => return take(Outcome::Suspended(&fault)),
            None => {}
        }
        let mut record = match self.reader.record(fields, line) {
            Ok(record) => record,
            Err(fault) => return take(Outcome::Suspended(&fault)),
        };
        if let Some(code) = self.billable.filter(&record) {
            take(Outcome::Filtered(code));
            // What the primary run does not bill may be what another one bills, if somebody is named to pay.
            if self.has_others()
                && let Ok(guided) = self.guide(&mut record, fields)
            {
                self.rate_others(&record, guided);
            }
            return;
        }
        match self.guide(&mut record, fields) {
            Ok(guided) => {
                self.rate(&record, guided, take);
                self.rate_others(&record, guided);
            }
            Err(fault) => take(Outcome::Suspended(&fault)),
        }
    }

    /// Who buys or redeems.
    fn customer(&mut self, fields: &mut Fields<'_>, line: u32) -> Result<Customer<'p>, Fault> {
        let mut bearer = self.reader.bearer(fields, line)?;
        let guided = self.guide(&mut bearer, fields)?;
        Ok(Customer {
            identity: bearer.identity,
            at_ms: bearer.start.utc_ms,
            account: self.reference.account(guided.account),
            subscription: self.reference.subscription(guided.subscription),
            key: guided.account_key,
        })
    }

    /// Adds a purchase, or takes one back.
    fn top_up(
        &mut self,
        fields: &mut Fields<'_>,
        line: u32,
        take: &mut dyn FnMut(Outcome<'_, '_>),
    ) -> Result<(), Fault> {
        let customer = self.customer(fields, line)?;
        let said = purchase(fields, customer.account.currency)?;
        let top_up = TopUp {
            identity: said.voids.unwrap_or(customer.identity),
            at_ms: customer.at_ms,
            account: customer.account,
            subscription: customer.subscription,
            roster: self.reference,
            allowance: &said.allowance,
            quantity: said.quantity,
            until_ms: said.until_ms,
        };
        let balances = self.balances.entry(customer.key).or_default();
        if said.voids.is_none() {
            let grant = self.rater.top_up(&top_up, balances)?;
            let quantity = grant.quantity.to_string();
            take(Outcome::Accepted(&[("allowance", &said.allowance), ("quantity", &quantity)]));
            return Ok(());
        }
        if !self.rater.void(&top_up, balances)? {
            let found = fields.raw(Field::Voids).unwrap_or_default();
            return Err(Field::Voids.fault(Code::BadField, found));
        }
        take(Outcome::Accepted(&[("allowance", &said.allowance)]));
        Ok(())
    }

    /// Redeems a code.
    fn redeem(
        &mut self,
        fields: &mut Fields<'_>,
        line: u32,
        take: &mut dyn FnMut(Outcome<'_, '_>),
    ) -> Result<(), Fault> {
        let customer = self.customer(fields, line)?;
        let code = fields.text(Field::RedeemCode)?.ok_or_else(|| missing(Field::RedeemCode))?;
        let redeem = Redeem {
            at_ms: customer.at_ms,
            account: customer.account,
            subscription: customer.subscription,
            roster: self.reference,
            code: &code,
        };
        let balances = self.balances.entry(customer.key).or_default();
        let discounts = self.rater.redeem(&redeem, balances, &mut self.redeemed)?.join(", ");
        take(Outcome::Accepted(&[("discount", &discounts)]));
        Ok(())
    }

    /// Prices a usage that is known to be billed, such as one that was billed before.
    pub fn price_record(&mut self, record: &UsageRecord, take: &mut dyn FnMut(Outcome<'_, '_>)) {
        match self.reference.guide(record) {
            Ok(guided) => self.rate(record, guided, take),
            Err(fault) => take(Outcome::Suspended(&fault)),
        }
    }

    fn rate(&mut self, record: &UsageRecord, guided: Guided, take: &mut dyn FnMut(Outcome<'_, '_>)) {
        let input = RatingInput {
            usage: record,
            run: Run::Retail,
            account: self.reference.account(guided.account),
            subscription: self.reference.subscription(guided.subscription),
            roster: self.reference,
        };
        let balances = self.balances.entry(guided.account_key).or_default();
        match self.rater.rate(&input, balances) {
            Ok(events) => {
                if let Some(cycles) = &mut self.cycles {
                    events.iter().for_each(|event| cycles.add(guided.account_key, event));
                }
                take(Outcome::Rated { events: &events, record: record.at().record });
            }
            Err(fault) => take(Outcome::Suspended(&fault)),
        }
    }

    /// Who pays. An account named alone stands for its only subscription.
    fn guide(&mut self, record: &mut UsageRecord, fields: &Fields<'_>) -> Result<Guided, Fault> {
        let Some(account) = fields.text_or_number(Field::Account)? else {
            return self.reference.guide(record);
        };
        let guide = |code, found: &str| Field::Account.fault(code, found).at(Stage::Guide);
        let key =
            self.reference.account_key(&account).ok_or_else(|| guide(Code::NoSubscription, &account))?;
        let served = &record.served;
        let alone = served.subscription.is_none()
            && served.imsi.is_none()
            && served.number == caudal_usage::Party::Absent;
        if alone {
            let only = self.only_member(key, record.start.utc_ms);
            let only = only.map_err(|count| {
                guide(Code::NoSubscription, &format!("{account} has {count} then, expected one"))
            })?;
            record.served.subscription = Some((&*self.reference.subscription(only).id).into());
        }
        let guided = self.reference.guide(record)?;
        if guided.account_key != key {
            let found = format!("{account}, served is of {}", self.reference.account_id(guided.account_key));
            return Err(guide(Code::Contradictory, &found));
        }
        Ok(guided)
    }

    /// The version of the one subscription that an account has at an instant, else how many it has.
    fn only_member(&self, account: u32, at_ms: i64) -> Result<u32, usize> {
        let versions = self.reference.members(account).iter();
        let mut valid_then =
            versions.filter(|version| self.reference.subscription(**version).validity.contains(at_ms));
        match (valid_then.next(), valid_then.count()) {
            (Some(&only), 0) => Ok(only),
            (Some(_), more) => Err(more + 1),
            (None, _) => Err(0),
        }
    }

    /// Appends a line for each account and cycle that was touched, and one for each discount that took something off.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        self.settle();
        if let Some(cycles) = &self.cycles {
            cycles.write(self.reference, out);
        }
    }

    /// The cycles that were touched, rounded as their close rounds them; none unless they are summed.
    pub fn closed(&mut self) -> Vec<Closed<'p>> {
        self.settle();
        self.cycles.as_ref().map_or_else(Vec::new, |cycles| cycles.closed(self.reference))
    }

    /// Charges what only the whole cycle decides, once.
    fn settle(&mut self) {
        let Some(cycles) = &mut self.cycles else { return };
        cycles.settle(self.reference, (&mut self.rater, self.tariff), &mut self.balances);
    }
}

/// The line without a byte order mark, which some editors put before the first.
fn without_mark(octets: &[u8], number: u64) -> &[u8] {
    let mark = (number == 1).then(|| octets.strip_prefix(b"\xEF\xBB\xBF")).flatten();
    mark.unwrap_or(octets)
}

/// The id as written.
fn id<'a>(fields: &Fields<'a>) -> Result<Option<&'a str>, Fault> {
    let Some(raw) = fields.raw(Field::Id) else { return Ok(None) };
    let fits = raw.len() <= ID_MAX && matches!(raw.as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9'));
    if fits { Ok(Some(raw)) } else { Err(Field::Id.fault(Code::BadField, raw)) }
}

#[cold]
fn whole(code: Code, found: &[u8]) -> Fault {
    Fault::new(code, "line", found).at(Stage::Decode)
}

/// Begins an answer; one without an id says which line it is about.
fn begin(out: &mut Vec<u8>, id: Option<&str>, number: u64) {
    out.extend_from_slice(b"{\"id\":");
    match id {
        Some(raw) => out.extend_from_slice(raw.as_bytes()),
        None => {
            out.extend_from_slice(b"null");
            json::number(out, "line", i64::try_from(number).unwrap_or(i64::MAX));
        }
    }
}

fn suspended(out: &mut Vec<u8>, fault: &Fault) {
    json::text(out, "outcome", "suspended");
    json::text(out, "code", fault.code.as_str());
    json::text(out, "field", &fault.field);
    json::text(out, "found", &fault.found);
}

fn filtered(out: &mut Vec<u8>, code: Code) {
    json::text(out, "outcome", "filtered");
    json::text(out, "code", code.as_str());
    // Filtered usage costs nothing: who sums events needs no case of its own.
    json::key(out, "events");
    out.push(b'[');
}

fn accepted(out: &mut Vec<u8>, facts: &[(&'static str, &str)]) {
    json::text(out, "outcome", "accepted");
    facts.iter().for_each(|(name, value)| json::text(out, name, value));
}

fn rated(out: &mut Vec<u8>, events: &[BillableEvent<'_>], (file, record): (&str, u32)) {
    json::text(out, "outcome", "rated");
    json::key(out, "events");
    out.push(b'[');
    let source = EventSource { file, file_id: 0, records: &[record], elsewhere: &[] };
    for (index, billable) in events.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        event::write(out, billable, &source);
        // The writer ends each event with a line end.
        out.pop();
    }
}
