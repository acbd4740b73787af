//! A billable event that a run wrote to the usage that it was, as far as the event tells.
//! Relies on the event's subscription for who is served and on its record type for direction and role.
//! Never invents what an event does not carry: containers are one, attributes are not known.

use crate::explain::Wanted;
use caudal_mediation::validate::validate;
use caudal_usage::record::ByteSpan;
use caudal_usage::time::DAY_MS;
use caudal_usage::{
    Claim, Code, Currency, Decimal, Digits, Direction, EventId, Fault, FileOrdinal, Identity, Part, Party,
    Position, RecordType, Role, Served, Service, Slot, Stage, Timestamp, UsageRecord,
};
use compact_str::CompactString;
use memchr::memmem;
use serde::Deserialize;
use smallvec::smallvec;
use std::borrow::Cow;

type Text<'a> = Option<Cow<'a, str>>;

/// What was charged for a usage when it was archived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charged {
    /// How much.
    pub amount: Decimal,
    /// In which currency.
    pub currency: Currency,
    /// By which plan version.
    pub plan_version: CompactString,
}

/// The fields of an event that a replay needs.
#[derive(Deserialize, Debug)]
pub struct Archived<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    operation: Text<'a>,
    revision: Option<u32>,
    #[serde(borrow)]
    run: Text<'a>,
    #[serde(borrow)]
    subscription: Text<'a>,
    #[serde(borrow)]
    plan_version: Text<'a>,
    #[serde(borrow)]
    service: Text<'a>,
    #[serde(borrow)]
    record_type: Text<'a>,
    #[serde(borrow)]
    start: Text<'a>,
    #[serde(borrow)]
    end: Text<'a>,
    raw_quantity: Option<i64>,
    #[serde(borrow, default)]
    parties: Parties<'a>,
    #[serde(default)]
    lines: Vec<Grouped>,
    #[serde(borrow)]
    amount: Text<'a>,
    #[serde(borrow)]
    currency: Text<'a>,
    #[serde(default)]
    source: Source,
}

/// Where its records stand.
#[derive(Deserialize, Debug, Default)]
struct Source {
    #[serde(default)]
    file_id: u32,
    #[serde(default)]
    records: Vec<u32>,
    #[serde(default)]
    elsewhere: Vec<Elsewhere>,
}

#[derive(Deserialize, Debug)]
struct Elsewhere {
    file_id: u32,
    record: u32,
}

#[derive(Deserialize, Debug, Default)]
struct Parties<'a> {
    #[serde(borrow)]
    calling: Text<'a>,
    #[serde(borrow)]
    called: Text<'a>,
}

#[derive(Deserialize, Debug)]
struct Grouped {
    rating_group: Option<u32>,
}

impl<'a> Archived<'a> {
    /// Reads a line. `None` when it is no event: usage has no `operation`.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        memmem::find(line, b"\"operation\"")?;
        let event: Self = serde_json::from_slice(line).ok()?;
        let is_event = event.id.is_some() && event.kind.is_some() && event.operation.is_some();
        is_event.then_some(event)
    }

    /// What else than the first charge of a usage it is; `None` for that.
    pub fn passed_over(&self) -> Option<&str> {
        let kind = self.kind.as_deref().filter(|kind| *kind != "usage");
        let operation = self.operation.as_deref().filter(|operation| *operation != "charge");
        let revised = self.revision.is_some_and(|revision| revision > 0).then_some("revised");
        kind.or(operation).or(revised).or(self.run.as_deref().filter(|run| *run != "retail"))
    }

    /// What was charged.
    pub fn charged(&self) -> Result<Charged, Fault> {
        Ok(Charged {
            amount: parsed(("amount", &self.amount), |text| text.parse().ok())?,
            currency: parsed(("currency", &self.currency), Currency::parse)?,
            plan_version: self.plan_version.as_deref().unwrap_or_default().into(),
        })
    }

    /// The records that it is made of.
    pub fn wanted(&self) -> Wanted {
        let Source { file_id, records, elsewhere } = &self.source;
        let here = records.iter().map(|record| (FileOrdinal(*file_id), *record));
        let elsewhere = elsewhere.iter().map(|other| (FileOrdinal(other.file_id), other.record));
        let plan_version = self.plan_version.as_deref().unwrap_or_default().to_owned();
        Wanted { places: here.chain(elsewhere).collect(), plan_version }
    }

    /// The usage of its raw quantity.
    pub fn usage(&self, line: u32) -> Result<UsageRecord, Fault> {
        let id = parsed(("id", &self.id), EventId::parse)?;
        let record_type = parsed(("record_type", &self.record_type), RecordType::parse)?;
        let service = parsed(("service", &self.service), Service::parse)?;
        let start = parsed(("start", &self.start), Timestamp::parse_rfc3339)?;
        let end = parsed(("end", &self.end), Timestamp::parse_rfc3339)?;
        let subscription = self.subscription.as_deref().ok_or_else(|| missing("subscription"))?;
        let quantity = self.raw_quantity.ok_or_else(|| missing("raw_quantity"))?;
        let (direction, role) = sides(record_type);
        let record = UsageRecord {
            claim: claim(start, line),
            identity: Identity(id.0),
            session: [0; 2],
            partial: None,
            bytes: ByteSpan::default(),
            source: 0,
            filter: None,
            record_type,
            service,
            direction,
            role,
            unit: service.unit(),
            start,
            end,
            parts: smallvec![Part { start, end, quantity, rating_group: self.rating_group() }],
            calling: party(&self.parties.calling),
            called: party(&self.parties.called),
            served: Served { subscription: Some(subscription.into()), ..Served::default() },
            serving_network: None,
            charged: None,
            attributes: None,
        };
        validate(&record, i64::MAX, 0)?;
        Ok(record)
    }

    /// The rating group that its lines name, where they name one only.
    fn rating_group(&self) -> Option<u32> {
        let mut groups = self.lines.iter().filter_map(|line| line.rating_group);
        let first = groups.next()?;
        groups.all(|other| other == first).then_some(first)
    }
}

#[cold]
fn missing(field: &str) -> Fault {
    Fault::new(Code::MissingField, field, b"").at(Stage::Decode)
}

fn parsed<T>((field, text): (&str, &Text<'_>), parse: impl Fn(&str) -> Option<T>) -> Result<T, Fault> {
    let text = text.as_deref().ok_or_else(|| missing(field))?;
    parse(text).ok_or_else(|| Fault::new(Code::BadField, field, text.as_bytes()).at(Stage::Decode))
}

/// Numbers are written with a plus sign; anything else was no number.
fn party(text: &Text<'_>) -> Party {
    let Some(text) = text else { return Party::Absent };
    let number = text.strip_prefix('+').and_then(|digits| Digits::parse(digits.as_bytes()));
    number.filter(|digits| !digits.is_empty()).map_or_else(|| Party::Other(text.as_ref().into()), Party::E164)
}

/// From the served party's view, as the elements that write these types have it.
const fn sides(record_type: RecordType) -> (Direction, Role) {
    match record_type {
        RecordType::Mtc | RecordType::SmsMt => (Direction::In, Role::Terminating),
        RecordType::Forwarded => (Direction::Out, Role::Forwarding),
        RecordType::Moc
        | RecordType::SmsMo
        | RecordType::Transit
        | RecordType::Data
        | RecordType::Content => (Direction::Out, Role::Originating),
    }
}

/// There is no dedup here: the claim only says where the event stands.
fn claim(start: Timestamp, line: u32) -> Claim {
    Claim {
        fingerprint: [0; 2],
        billed: 0,
        at: Position { record: line, ..Position::default() },
        day: i32::try_from(start.utc_ms.div_euclid(DAY_MS)).unwrap_or(i32::MAX),
        slot: Slot(0),
        attempt: 0,
    }
}
