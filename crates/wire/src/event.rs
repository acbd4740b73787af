//! The billable event as one line of JSON, the contract with everybody downstream.
//! Relies on amounts standing at the places of their rounding point already.
//! Never shows a clock, a thread or an epoch: the same usage gives the same bytes.

use crate::json::{content, decimal, integer, key, string};
use caudal_usage::{
    AllowanceUse, AmountBasis, BillableEvent, ChargeLine, CounterUse, Decimal, DiscountUse, Notification,
    Party, Unit,
};

/// The JSON Schema of the event, version 1.
pub const SCHEMA: &str = include_str!("../schemas/billable-event.v1.schema.json");

/// Where an event's records stand.
#[derive(Clone, Copy, Debug)]
pub struct EventSource<'a> {
    /// Source and file name, e.g. `msc-1/calls_0042.csv`.
    pub file: &'a str,
    /// Ordinal of the act of collecting that file.
    pub file_id: u32,
    /// Record numbers in it, from 1; several where partials were joined.
    pub records: &'a [u32],
    /// Records that came in other files: file, ordinal, number.
    pub elsewhere: &'a [(&'a str, u32, u32)],
}

/// Room for an event with two lines: most events are written without growing the buffer.
const USUAL_BYTES: usize = 1400;

/// Appends the event and a line end.
///
/// Field names stand as literals with their punctuation: a line of 30 fields is some 60 copies of a few bytes.
pub fn write(out: &mut Vec<u8>, event: &BillableEvent<'_>, source: &EventSource<'_>) {
    out.reserve(USUAL_BYTES);
    head(out, event);
    measured(out, event);
    charged(out, event);
    lit(out, b",\"source\":");
    write_source(out, source);
    lit(out, b"}\n");
}

/// Appends `"lines":[…],"allowance_uses":[…],"discounts":[…]` of what is no event: a charge at the close of a cycle.
pub fn write_parts(
    out: &mut Vec<u8>,
    lines: &[ChargeLine<'_>],
    uses: &[AllowanceUse<'_>],
    discounts: &[DiscountUse<'_>],
    notifications: &[Notification],
) {
    key(out, "lines");
    out.push(b'[');
    list(out, lines, line);
    lit(out, b"],\"allowance_uses\":[");
    list(out, uses, allowance_use);
    lit(out, b"],\"discounts\":[");
    list(out, discounts, discount);
    if !notifications.is_empty() {
        lit(out, b"],\"notifications\":[");
        list(out, notifications, notification);
    }
    out.push(b']');
}

fn head(out: &mut Vec<u8>, event: &BillableEvent<'_>) {
    lit(out, b"{\"id\":\"");
    out.extend_from_slice(&hex(event.id.0));
    lit(out, b"\",\"revision\":");
    integer(out, i64::from(event.revision));
    word(out, b",\"kind\":\"", event.kind.as_str());
    word(out, b",\"operation\":\"", event.operation.as_str());
    if let Some(id) = event.supersedes {
        lit(out, b",\"supersedes\":\"");
        out.extend_from_slice(&hex(id.0));
        out.push(b'"');
    }
    word(out, b",\"run\":\"", event.run.as_str());
    quoted(out, b",\"account\":\"", event.account);
    quoted(out, b",\"subscription\":\"", event.subscription);
    quoted(out, b",\"plan\":\"", event.plan);
    quoted(out, b",\"plan_version\":\"", event.plan_version);
}

fn measured(out: &mut Vec<u8>, event: &BillableEvent<'_>) {
    word(out, b",\"service\":\"", event.service.as_str());
    word(out, b",\"record_type\":\"", event.record_type.as_str());
    lit(out, b",\"start\":\"");
    event.start.write_rfc3339(out);
    lit(out, b"\",\"end\":\"");
    event.end.write_rfc3339(out);
    lit(out, b"\",\"raw_quantity\":");
    integer(out, event.raw_quantity);
    lit(out, b",\"billed_quantity\":");
    integer(out, event.billed_quantity);
    word(out, b",\"unit\":\"", event.unit.as_str());
    lit(out, b",\"parties\":{");
    party(out, "calling", event.calling);
    party(out, "called", event.called);
    out.push(b'}');
    optional(out, b",\"zone\":\"", event.zone);
}

fn charged(out: &mut Vec<u8>, event: &BillableEvent<'_>) {
    lit(out, b",\"lines\":[");
    list(out, &event.lines, line);
    lit(out, b"],\"allowance_uses\":[");
    list(out, &event.allowance_uses, allowance_use);
    lit(out, b"],\"discounts\":[");
    list(out, &event.discounts, discount);
    if !event.counters.is_empty() {
        lit(out, b"],\"counters\":[");
        list(out, &event.counters, counter);
    }
    if !event.notifications.is_empty() {
        lit(out, b"],\"notifications\":[");
        list(out, &event.notifications, notification);
    }
    lit(out, b"],\"amount\":");
    decimal(out, event.amount);
    word(out, b",\"currency\":\"", event.currency.code());
    optional(out, b",\"tax_category\":\"", event.tax_category);
    optional(out, b",\"gl_code\":\"", event.gl_code);
    lit(out, b",\"cycle\":\"");
    event.cycle.write_to(out);
    lit(out, b"\",\"original_cycle\":\"");
    event.original_cycle.write_to(out);
    lit(out, if event.late { b"\",\"late\":true" } else { b"\",\"late\":false" });
}

fn line(out: &mut Vec<u8>, line: &ChargeLine<'_>) {
    word(out, b"{\"kind\":\"", line.kind.as_str());
    quoted(out, b",\"table\":\"", line.table);
    count(out, b",\"row\":", line.row.map(i64::from));
    quoted(out, b",\"version\":\"", line.version);
    optional(out, b",\"band\":\"", line.band);
    count(out, b",\"step\":", line.step.map(i64::from));
    count(out, b",\"increments\":", line.increments);
    count(out, b",\"rating_group\":", line.rating_group.map(i64::from));
    lit(out, b",\"quantity\":");
    integer(out, line.quantity);
    lit(out, b",\"unit_price\":");
    decimal(out, line.unit_price.amount);
    lit(out, b",\"per\":");
    integer(out, line.unit_price.per);
    lit(out, b",\"amount\":");
    decimal(out, line.amount);
    count(out, b",\"position\":", line.position);
    if let Some(of) = &line.basis {
        basis(out, of);
    }
    out.push(b'}');
}

/// Appends what an amount was worked out from.
fn basis(out: &mut Vec<u8>, basis: &AmountBasis<'_>) {
    lit(out, b",\"basis\":{\"amount\":");
    decimal(out, basis.amount);
    if let Some(percent) = basis.percent {
        lit(out, b",\"percent\":");
        decimal(out, percent);
    }
    if let Some(exchanged) = &basis.exchanged {
        lit(out, b",\"from\":");
        decimal(out, exchanged.from.amount());
        word(out, b",\"currency\":\"", exchanged.from.currency().code());
        lit(out, b",\"rate\":");
        decimal(out, exchanged.rate);
        lit(out, b",\"row\":");
        integer(out, i64::from(exchanged.row));
        quoted(out, b",\"version\":\"", exchanged.version);
    }
    out.push(b'}');
}

fn allowance_use(out: &mut Vec<u8>, used: &AllowanceUse<'_>) {
    quoted(out, b"{\"allowance\":\"", used.allowance);
    if let Some(cycle) = used.cycle {
        lit(out, b",\"cycle\":\"");
        cycle.write_to(out);
        out.push(b'"');
    }
    lit(out, b",\"quantity\":");
    measured_in(out, used.quantity, used.unit);
    word(out, b",\"unit\":\"", used.unit.map_or("money", Unit::as_str));
    lit(out, b",\"before\":");
    measured_in(out, used.before, used.unit);
    lit(out, b",\"after\":");
    measured_in(out, used.after, used.unit);
    out.push(b'}');
}

/// Appends whole base units as a number, anything else (money, parts of a unit) as a decimal text.
fn measured_in(out: &mut Vec<u8>, value: Decimal, unit: Option<Unit>) {
    let whole = if value.scale() == 0 { value } else { value.normalize() };
    match i64::try_from(whole.mantissa()) {
        Ok(units) if whole.scale() == 0 && unit.is_some() => integer(out, units),
        _ => decimal(out, value),
    }
}

fn counter(out: &mut Vec<u8>, used: &CounterUse<'_>) {
    quoted(out, b"{\"counter\":\"", used.counter);
    word(out, b",\"owner\":\"", used.owner.as_str());
    if let Some(period) = used.period {
        lit(out, b",\"period\":\"");
        period.write_to(out);
        out.push(b'"');
    }
    if used.instance != 0 {
        lit(out, b",\"instance\":\"");
        out.extend_from_slice(hex(u128::from(used.instance)).get(16..).unwrap_or_default());
        out.push(b'"');
    }
    lit(out, b",\"before\":");
    decimal(out, used.before.normalize());
    lit(out, b",\"after\":");
    decimal(out, used.after.normalize());
    out.push(b'}');
}

fn notification(out: &mut Vec<u8>, note: &Notification) {
    word(out, b"{\"kind\":\"", note.kind);
    quoted(out, b",\"id\":\"", &note.id);
    lit(out, b",\"percent\":");
    integer(out, i64::from(note.percent));
    word(out, b",\"owner\":\"", note.owner.as_str());
    lit(out, b",\"used\":");
    decimal(out, note.used.normalize());
    lit(out, b",\"of\":");
    decimal(out, note.of.normalize());
    out.push(b'}');
}

fn discount(out: &mut Vec<u8>, discount: &DiscountUse<'_>) {
    quoted(out, b"{\"discount\":\"", discount.discount);
    lit(out, b",\"amount\":");
    decimal(out, discount.amount);
    out.push(b'}');
}

/// Appends punctuation and a field name.
#[inline(always)]
fn lit(out: &mut Vec<u8>, literal: &[u8]) {
    out.extend_from_slice(literal);
}

/// Appends a field that is a text: its name with the quote that begins it, what it says, the quote that ends it.
#[inline(always)]
fn quoted(out: &mut Vec<u8>, name: &[u8], text: &str) {
    lit(out, name);
    content(out, text);
    out.push(b'"');
}

/// Appends a field whose text is a word of a closed set, which needs no escaping.
#[inline(always)]
fn word(out: &mut Vec<u8>, name: &[u8], word: &str) {
    lit(out, name);
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

fn write_source(out: &mut Vec<u8>, source: &EventSource<'_>) {
    quoted(out, b"{\"file\":\"", source.file);
    lit(out, b",\"file_id\":");
    integer(out, i64::from(source.file_id));
    lit(out, b",\"records\":[");
    list(out, source.records, |out, record| integer(out, i64::from(*record)));
    out.push(b']');
    if !source.elsewhere.is_empty() {
        lit(out, b",\"elsewhere\":[");
        list(out, source.elsewhere, |out, (file, id, record)| {
            quoted(out, b"{\"file\":\"", file);
            lit(out, b",\"file_id\":");
            integer(out, i64::from(*id));
            lit(out, b",\"record\":");
            integer(out, i64::from(*record));
            out.push(b'}');
        });
        out.push(b']');
    }
    out.push(b'}');
}

/// Appends `"name":"text"`.
pub(crate) fn text(out: &mut Vec<u8>, name: &str, value: &str) {
    key(out, name);
    string(out, value);
}

/// Appends `"name":number`.
pub(crate) fn number(out: &mut Vec<u8>, name: &str, value: i64) {
    key(out, name);
    integer(out, value);
}

#[inline(always)]
fn optional(out: &mut Vec<u8>, name: &[u8], value: Option<&str>) {
    if let Some(value) = value {
        quoted(out, name, value);
    }
}

#[inline(always)]
fn count(out: &mut Vec<u8>, name: &[u8], value: Option<i64>) {
    if let Some(value) = value {
        lit(out, name);
        integer(out, value);
    }
}

fn list<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
}

fn party(out: &mut Vec<u8>, name: &str, party: &Party) {
    match party {
        Party::Absent => {}
        Party::E164(digits) => {
            key(out, name);
            out.extend_from_slice(b"\"+");
            digits.write_to(out);
            out.push(b'"');
        }
        Party::Other(other) => text(out, name, other),
    }
}

/// 32 hex digits of an id.
fn hex(id: u128) -> [u8; 32] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(id.to_be_bytes()) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 0xF)];
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use caudal_usage::{
        Currency, Date, Digits, EventId, EventKind, LineKind, Operation, Owner, Price, RecordType, Run,
        Service, Timestamp, Unit,
    };
    use smallvec::smallvec;

    fn sample<'a>(calling: &'a Party, called: &'a Party) -> BillableEvent<'a> {
        let start = Timestamp::parse_rfc3339("2026-10-02T19:59:30+02:00").unwrap();
        BillableEvent {
            id: EventId(0x7f3a_0c00_0000_0000_0000_0000_0000_0001),
            revision: 0,
            kind: EventKind::Usage,
            operation: Operation::Charge,
            supersedes: None,
            run: Run::Retail,
            account: "A-77",
            subscription: "S-1001",
            plan: "movil-20",
            plan_version: "9c1e000000000000",
            service: Service::Voice,
            record_type: RecordType::Moc,
            start,
            end: start.plus_ms(92_000),
            raw_quantity: 92_000,
            billed_quantity: 96_000,
            unit: Unit::Millisecond,
            calling,
            called,
            zone: Some("fr"),
            lines: smallvec![ChargeLine {
                kind: LineKind::Usage,
                table: "rates/international.csv",
                row: Some(214),
                version: "9c1e000000000000",
                band: Some("day"),
                step: None,
                increments: Some(16),
                rating_group: None,
                quantity: 96_000,
                unit_price: Price { amount: "0.60".parse().unwrap(), per: 60_000 },
                amount: "0.960000".parse().unwrap(),
                position: Some(0),
                basis: Some(Box::new(AmountBasis {
                    percent: Some("2.5".parse().unwrap()),
                    amount: "38.40".parse().unwrap(),
                    exchanged: Some(caudal_usage::Exchanged {
                        from: caudal_usage::Money::new(
                            "40".parse().unwrap(),
                            Currency::parse("USD").unwrap()
                        ),
                        rate: "0.96".parse().unwrap(),
                        row: 2,
                        version: "1f00000000000000",
                    }),
                })),
            }],
            allowance_uses: smallvec![AllowanceUse {
                allowance: "minutes",
                cycle: Some(Date::new(2026, 10, 1).unwrap()),
                quantity: Decimal::from(6_000),
                unit: Some(Unit::Millisecond),
                before: Decimal::from(6_000),
                after: Decimal::ZERO,
            }],
            discounts: smallvec![],
            counters: vec![CounterUse {
                counter: "movil-20/cap/roaming",
                owner: Owner::Account,
                period: Some(Date::new(2026, 10, 1).unwrap()),
                instance: 7,
                before: "1.50".parse().unwrap(),
                after: "2.46".parse().unwrap(),
            }],
            notifications: vec![Notification {
                kind: "cap",
                id: "roaming".into(),
                percent: 80,
                used: "2.46".parse().unwrap(),
                of: "3.00".parse().unwrap(),
                owner: Owner::Account,
            }],
            amount: "0.960000".parse().unwrap(),
            currency: Currency::parse("EUR").unwrap(),
            tax_category: Some("standard"),
            gl_code: None,
            cycle: Date::new(2026, 10, 1).unwrap(),
            original_cycle: Date::new(2026, 10, 1).unwrap(),
            late: false,
        }
    }

    const SOURCE: EventSource<'static> = EventSource {
        file: "msc-1/a.csv",
        file_id: 3,
        records: &[118, 119],
        elsewhere: &[("msc-1/b.csv", 4, 1)],
    };

    #[test]
    fn an_event_is_one_valid_line_that_its_schema_accepts() {
        let calling = Party::E164(Digits::parse(b"34915550123").unwrap());
        let called = Party::Other("sip:\"x\"@y".into());
        let mut out = Vec::new();
        write(&mut out, &sample(&calling, &called), &SOURCE);
        assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["id"], "7f3a0c00000000000000000000000001");
        assert_eq!(value["parties"]["calling"], "+34915550123");
        assert_eq!(value["lines"][0]["amount"], "0.960000");
        assert_eq!(value["lines"][0]["basis"]["currency"], "USD");
        assert_eq!(value["notifications"][0]["of"], "3");
        assert_eq!(value["counters"][0]["instance"], "0000000000000007");
        assert_eq!(value["allowance_uses"][0]["quantity"], 6000);
        let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let errors: Vec<_> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }

    #[test]
    fn every_event_of_the_samples_is_as_its_schema_says() {
        let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-cdrs");
        let mut events = 0;
        for case in std::fs::read_dir(samples).unwrap() {
            let rated = case.unwrap().path().join("expected/rated.jsonl");
            for line in std::fs::read_to_string(rated).unwrap_or_default().lines() {
                let event = serde_json::from_str(line).unwrap();
                let errors: Vec<_> = schema.iter_errors(&event).map(|error| error.to_string()).collect();
                assert_eq!(errors, Vec::<String>::new(), "{line}");
                events += 1;
            }
        }
        assert!(events > 500, "{events} events");
    }

    #[test]
    fn the_schema_refuses_what_is_not_an_event() {
        let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let calling = Party::Absent;
        let mut out = Vec::new();
        write(&mut out, &sample(&calling, &calling), &SOURCE);
        let good: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert!(schema.is_valid(&good));
        let breaks: [(&str, serde_json::Value); 5] = [
            ("amount", serde_json::json!(0.96)),
            ("amount", serde_json::json!("9.6e-1")),
            ("id", serde_json::json!("7F3A")),
            ("kind", serde_json::json!("refund")),
            ("unexpected", serde_json::json!(1)),
        ];
        for (field, value) in breaks {
            let mut bad = good.clone();
            bad[field] = value;
            assert!(!schema.is_valid(&bad), "{field}");
        }
    }
}
