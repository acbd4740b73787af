//! A case through the engine: the plan as text, usage as records, and what comes out as lines to read.
//! Relies on the public interface of tariff and rating only.
//! Never looks into a balance: what was used shows in the events.

use super::case::Case;
use super::plan::{Service, Unit};
use super::toml::{BASE, ID, TABLE};
use super::world::{self, Use};
use caudal_rating::{AccountBalances, CloseCharge, CloseInput, Rater, RatingInput};
use caudal_tariff::{SourceFile, Sources, Tariff, compile};
use caudal_usage::record::ByteSpan;
use caudal_usage::{
    Account, BillableEvent, ChargeLine, Claim, Currency, CycleAnchor, Date, Decimal, Digits, Direction,
    FileOrdinal, Identity, Money, Notification, Part, Party, Position, RecordType, Role, Run, Served, Slot,
    Subscription, TimeZone, Timestamp, UsageRecord, Validity,
};

fn file(path: &str, text: String) -> SourceFile {
    SourceFile { path: path.into(), bytes: text.into() }
}

/// The tariff of a case, or what the engine finds wrong with it.
pub fn tariff(case: &Case) -> Result<Tariff, String> {
    let mut plans = vec![file(&format!("plans/{ID}.toml"), case.plan.to_toml())];
    plans.extend(case.plan.base_toml().map(|text| file(&format!("plans/{BASE}.toml"), text)));
    let sources = Sources {
        plans,
        tables: case.plan.table_csv().map(|text| file(TABLE, text)).into_iter().collect(),
        zones: Some(file("zones.csv", world::zones_csv())),
        holidays: Some(file("holidays.csv", world::holidays_csv())),
        networks: Some(file("networks.csv", world::networks_csv())),
        numbers: Some(file("numbers.csv", world::numbers_csv())),
        exchange: Some(file("exchange.csv", world::exchange_csv())),
    };
    let (tariff, findings) = compile(&sources);
    let text: Vec<String> = findings.iter().map(ToString::to_string).collect();
    tariff.ok_or_else(|| text.join("\n"))
}

/// What the engine says: lines for each usage, then for each cycle closed.
pub fn told(case: &Case, tariff: &Tariff) -> Vec<Vec<String>> {
    let account = account(case);
    let roster: Vec<Subscription> = subscriptions(case, tariff.plan(ID).expect("the plan was compiled"));
    let (mut rater, mut balances) = (Rater::new(tariff), AccountBalances::default());
    let mut told = Vec::new();
    for (number, used) in case.uses.iter().enumerate() {
        let usage = record(used, number);
        let subscription = &roster[used.member];
        let input =
            RatingInput { usage: &usage, run: Run::Retail, account: &account, subscription, roster: &roster };
        told.push(match rater.rate(&input, &mut balances) {
            Ok(events) => {
                let noted = notes(events.iter().flat_map(|event| &event.notifications));
                events.iter().map(event).chain(noted).collect()
            }
            Err(fault) => vec![fault.code.as_str().to_owned()],
        });
    }
    for cycle in super::compare::cycles(case) {
        let first = Date::parse(&cycle.to_string()).expect("a day");
        let held: Vec<&Subscription> = (0..roster.len())
            .filter(|&at| super::compare::lives_in(case, at, cycle))
            .map(|at| &roster[at])
            .collect();
        let input = CloseInput { account: &account, subscriptions: &held, cycle: first, roster: &roster };
        told.push(match rater.close(&input, &mut balances) {
            Ok(charges) => {
                let mut told: Vec<String> = charges.iter().map(closing).collect();
                told.sort();
                told.extend(notes(charges.iter().flat_map(|charge| &charge.notifications)));
                told
            }
            Err(fault) => vec![fault.code.as_str().to_owned()],
        });
    }
    told
}

/// A number without the zeros that say nothing.
fn plain(value: Decimal) -> String {
    value.normalize().to_string()
}

fn line(line: &ChargeLine) -> String {
    let band = line.band.map_or(String::new(), |band| format!(" {band}"));
    let step = line.step.map_or(String::new(), |step| format!(" #{step}"));
    format!("{} {}{band}{step} {} = {}", line.kind.as_str(), line.table, line.quantity, plain(line.amount))
}

/// Lines in the order of the alphabet, without bounds that change nothing.
fn lines(lines: &[ChargeLine]) -> Vec<String> {
    let bound = |line: &&ChargeLine| matches!(line.kind.as_str(), "minimum" | "maximum" | "cap");
    let saying = lines.iter().filter(|line| !bound(line) || !line.amount.is_zero());
    let mut told: Vec<String> = saying.map(line).collect();
    told.sort();
    told
}

fn event(event: &BillableEvent) -> String {
    let mut parts =
        vec![format!("{} raw {} billed {}", event.cycle, event.raw_quantity, event.billed_quantity)];
    parts.extend(lines(&event.lines));
    parts.extend(event.allowance_uses.iter().map(|used| {
        let period = used.cycle.map_or("ever".to_owned(), |first| first.to_string());
        let [taken, before, after] = [used.quantity, used.before, used.after].map(plain);
        format!("use {} {period} {taken}: {before} to {after}", used.allowance)
    }));
    parts.extend(
        event.discounts.iter().map(|taken| format!("discount {} {}", taken.discount, plain(taken.amount))),
    );
    parts.push(format!("amount {}", plain(event.amount)));
    parts.join("\n    ")
}

fn notes<'a>(notes: impl Iterator<Item = &'a Notification>) -> Vec<String> {
    let mut told: Vec<String> = notes
        .map(|note| format!("note {} {} {} % of {}", note.kind, note.id, note.percent, plain(note.of)))
        .collect();
    told.sort();
    told
}

fn closing(charge: &CloseCharge) -> String {
    let mut parts = vec![format!("close {} of {}", charge.id, charge.subscription)];
    parts.extend(lines(&charge.lines));
    parts.extend(
        charge.discounts.iter().map(|taken| format!("discount {} {}", taken.discount, plain(taken.amount))),
    );
    parts.push(format!("amount {}", plain(charge.amount)));
    parts.join("\n    ")
}

fn account(case: &Case) -> Account {
    Account {
        id: case.payer.id.into(),
        currency: Currency::parse(case.plan.currency).expect("a currency"),
        time_zone: TimeZone::parse(case.payer.zone).expect("a zone"),
        anchor: CycleAnchor(case.payer.anchor as u8),
        validity: Validity::ALWAYS,
    }
}

fn subscriptions(case: &Case, plan: u32) -> Vec<Subscription> {
    let of = |(index, member): (usize, &world::Member)| Subscription {
        id: member.id.into(),
        index: index as u32,
        account: 0,
        plan,
        msisdn: Digits::default(),
        imsi: Digits::default(),
        validity: Validity { from_ms: member.from_ms, to_ms: member.to_ms },
        group: member.group,
    };
    case.payer.subscriptions.iter().enumerate().map(of).collect()
}

fn number(digits: &str) -> Party {
    Party::E164(Digits::parse(digits.as_bytes()).expect("digits"))
}

fn record(used: &Use, number_of: usize) -> UsageRecord {
    let (service, record_type) = match used.service {
        Service::Voice => (caudal_usage::Service::Voice, RecordType::Moc),
        Service::Sms => (caudal_usage::Service::Sms, RecordType::SmsMo),
        Service::Data => (caudal_usage::Service::Data, RecordType::Data),
        Service::Content => (caudal_usage::Service::Content, RecordType::Content),
    };
    let at = |utc_ms| Timestamp { utc_ms, offset_s: used.offset_s };
    let part = |part: &world::UsePart| Part {
        start: at(part.start_ms),
        end: at(part.start_ms),
        quantity: part.quantity,
        rating_group: part.group,
    };
    let (near, far) = (number(used.near), number(used.far));
    let (calling, called) = if used.incoming { (far, near) } else { (near, far) };
    let is_call = used.service.unit() == Unit::Ms;
    let length = if is_call { used.parts[0].quantity.max(0) } else { 0 };
    let charged = used.charged.map(|(currency, amount)| {
        let amount = Decimal::from_str_exact(&amount.to_string()).expect("a decimal");
        Money::new(amount, Currency::parse(currency).expect("a currency"))
    });
    UsageRecord {
        claim: Claim {
            fingerprint: [0; 2],
            billed: 0,
            at: Position { file: FileOrdinal(0), record: 1 },
            day: 0,
            slot: Slot(0),
            attempt: 0,
        },
        identity: Identity(number_of as u128),
        session: [used.session, 0],
        partial: None,
        bytes: ByteSpan::default(),
        source: 0,
        filter: None,
        record_type,
        service,
        direction: if used.incoming { Direction::In } else { Direction::Out },
        role: Role::Originating,
        unit: service.unit(),
        start: at(used.start_ms),
        end: at(used.start_ms + length),
        parts: used.parts.iter().map(part).collect(),
        calling,
        called,
        served: Served::default(),
        serving_network: used.network.and_then(|network| Digits::parse(network.as_bytes())),
        charged,
        attributes: (!used.attributes.is_empty()).then(|| used.attributes.iter().copied().collect()),
    }
}
