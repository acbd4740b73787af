//! The billable event as one line of JSON, the contract with everybody downstream.
//! Relies on amounts standing at the places of their rounding point already.
//! Never shows a clock, a thread or an epoch: the same usage gives the same bytes.

use crate::json::{decimal, integer, key, string};
use caudal_usage::{AllowanceUse, BillableEvent, ChargeLine, DiscountUse, Party, Timestamp};

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

/// Appends the event and a line end.
pub fn write(out: &mut Vec<u8>, event: &BillableEvent<'_>, source: &EventSource<'_>) {
    out.push(b'{');
    head(out, event);
    measured(out, event);
    charged(out, event);
    key(out, "source");
    write_source(out, source);
    out.extend_from_slice(b"}\n");
}

fn head(out: &mut Vec<u8>, event: &BillableEvent<'_>) {
    text(out, "id", hex(event.id.0, &mut [0; 32]));
    number(out, "revision", i64::from(event.revision));
    text(out, "kind", event.kind.as_str());
    text(out, "operation", event.operation.as_str());
    optional(out, "supersedes", event.supersedes.map(|id| id.to_string()).as_deref());
    text(out, "run", event.run.as_str());
    text(out, "account", event.account);
    text(out, "subscription", event.subscription);
    text(out, "plan", event.plan);
    text(out, "plan_version", event.plan_version);
}

fn measured(out: &mut Vec<u8>, event: &BillableEvent<'_>) {
    text(out, "service", event.service.as_str());
    text(out, "record_type", event.record_type.as_str());
    time(out, "start", event.start);
    time(out, "end", event.end);
    number(out, "raw_quantity", event.raw_quantity);
    number(out, "billed_quantity", event.billed_quantity);
    text(out, "unit", event.unit.as_str());
    key(out, "parties");
    out.push(b'{');
    party(out, "calling", event.calling);
    party(out, "called", event.called);
    out.push(b'}');
    optional(out, "zone", event.zone);
}

fn charged(out: &mut Vec<u8>, event: &BillableEvent<'_>) {
    list(out, "lines", &event.lines, line);
    list(out, "allowance_uses", &event.allowance_uses, allowance_use);
    list(out, "discounts", &event.discounts, discount);
    key(out, "amount");
    decimal(out, event.amount);
    text(out, "currency", event.currency.code());
    optional(out, "tax_category", event.tax_category);
    optional(out, "gl_code", event.gl_code);
    date(out, "cycle", event.cycle);
    date(out, "original_cycle", event.original_cycle);
    key(out, "late");
    out.extend_from_slice(if event.late { b"true" } else { b"false" });
}

fn line(out: &mut Vec<u8>, line: &ChargeLine<'_>) {
    text(out, "kind", line.kind.as_str());
    text(out, "table", line.table);
    count(out, "row", line.row.map(i64::from));
    text(out, "version", line.version);
    optional(out, "band", line.band);
    count(out, "step", line.step.map(i64::from));
    count(out, "increments", line.increments);
    count(out, "rating_group", line.rating_group.map(i64::from));
    number(out, "quantity", line.quantity);
    key(out, "unit_price");
    decimal(out, line.unit_price.amount);
    number(out, "per", line.unit_price.per);
    key(out, "amount");
    decimal(out, line.amount);
}

fn allowance_use(out: &mut Vec<u8>, used: &AllowanceUse<'_>) {
    text(out, "allowance", used.allowance);
    date(out, "cycle", used.cycle);
    number(out, "quantity", used.quantity);
    text(out, "unit", used.unit.as_str());
    number(out, "before", used.before);
    number(out, "after", used.after);
}

fn discount(out: &mut Vec<u8>, discount: &DiscountUse<'_>) {
    text(out, "discount", discount.discount);
    key(out, "amount");
    decimal(out, discount.amount);
}

fn write_source(out: &mut Vec<u8>, source: &EventSource<'_>) {
    out.push(b'{');
    text(out, "file", source.file);
    number(out, "file_id", i64::from(source.file_id));
    key(out, "records");
    out.push(b'[');
    for (index, &record) in source.records.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        integer(out, i64::from(record));
    }
    out.push(b']');
    if !source.elsewhere.is_empty() {
        list(out, "elsewhere", source.elsewhere, |out, (file, id, record)| {
            text(out, "file", file);
            number(out, "file_id", i64::from(*id));
            number(out, "record", i64::from(*record));
        });
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

fn optional(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        text(out, name, value);
    }
}

fn count(out: &mut Vec<u8>, name: &str, value: Option<i64>) {
    if let Some(value) = value {
        number(out, name, value);
    }
}

fn list<T>(out: &mut Vec<u8>, name: &str, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    key(out, name);
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.push(b'{');
        write(out, item);
        out.push(b'}');
    }
    out.push(b']');
}

fn time(out: &mut Vec<u8>, name: &str, value: Timestamp) {
    key(out, name);
    out.push(b'"');
    value.write_rfc3339(out);
    out.push(b'"');
}

fn date(out: &mut Vec<u8>, name: &str, value: caudal_usage::Date) {
    key(out, name);
    out.push(b'"');
    value.write_to(out);
    out.push(b'"');
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
fn hex(id: u128, buffer: &mut [u8; 32]) -> &str {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for (index, digit) in buffer.iter_mut().enumerate() {
        *digit = HEX[(id >> (124 - 4 * index) & 0xF) as usize];
    }
    std::str::from_utf8(buffer).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use caudal_usage::{
        Currency, Date, Digits, EventId, EventKind, LineKind, Operation, Price, RecordType, Run, Service,
        Unit,
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
            }],
            allowance_uses: smallvec![AllowanceUse {
                allowance: "minutes",
                cycle: Date::new(2026, 10, 1).unwrap(),
                quantity: 6_000,
                unit: Unit::Millisecond,
                before: 6_000,
                after: 0,
            }],
            discounts: smallvec![],
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
        let schema = jsonschema::validator_for(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        let errors: Vec<_> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
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
