use super::*;
use crate::validate::FUTURE_MS;
use caudal_usage::{Date, Direction, Fields, FileOrdinal, Partial, RecordType, Service};
use proptest::prelude::*;

const SECRET: KeySecret = KeySecret([9; 16]);

fn rules() -> SourceRules {
    SourceRules {
        source: 3,
        zone: TimeZone::parse("Europe/Madrid").unwrap(),
        repeated_hour: RepeatedHour::Suspend,
        numbers: NumberRules { country: "34".into(), ..NumberRules::default() },
        future_ms: FUTURE_MS,
        key_rule: b"delimited/1".to_vec(),
    }
}

fn local(day: &str, hour: i64, minute: i64) -> LocalTime {
    let local_ms = Date::parse(day).unwrap().local_ms() + (hour * 60 + minute) * 60_000;
    LocalTime { local_ms, offset_s: None }
}

/// Raw fields.
fn list(fields: &[&str]) -> Fields<'static> {
    let mut run = Vec::new();
    fields.iter().for_each(|field| Fields::push(&mut run, field.as_bytes()));
    Fields::of_run(run.leak())
}

fn raw<'a>() -> RawUsage<'a> {
    RawUsage {
        record_type: RecordType::Moc,
        service: Service::Voice,
        direction: Direction::Out,
        role: Role::Originating,
        start: local("2026-10-02", 19, 59),
        end: None,
        quantity: 92_000,
        unit: Unit::Millisecond,
        calling: b"915550123",
        called: b"0033155500199",
        forwarding: b"",
        served_number: b"",
        served_imsi: b"",
        served_subscription: b"",
        serving_network: b"",
        rating_group: None,
        parts: &[],
        charged: None,
        attributes: smallvec![],
        key: list(&["msc-1", "88121", "1"]),
        billed: list(&["92"]),
        session: list(&["msc-1", "88121", "1"]),
        day: 20_728,
        sequence: None,
        node: b"",
        partial: None,
        filter: None,
    }
}

fn context() -> RecordContext<'static> {
    RecordContext {
        secret: &SECRET,
        at: Position { file: FileOrdinal(1), record: 7 },
        bytes: ByteSpan { offset: 100, len: 20 },
        arrival_ms: local("2026-12-01", 0, 0).local_ms,
    }
}

fn intake(rules: SourceRules, raw: &RawUsage<'_>) -> Result<UsageRecord, Fault> {
    Normaliser::new(rules).intake(raw, &context())
}

/// Start and end of the record, or the fault.
fn times(rules: SourceRules, raw: &RawUsage<'_>) -> String {
    match intake(rules, raw) {
        Ok(record) => format!("{} {}", record.start, record.end),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn times_get_their_offset() {
    let check = |raw: &RawUsage<'_>, expect: &str| assert_eq!(times(rules(), raw), expect);
    check(&raw(), "2026-10-02T19:59:00+02:00 2026-10-02T20:00:32+02:00");
    let written = LocalTime { offset_s: Some(-10_800), ..local("2026-10-02", 19, 59) };
    check(&RawUsage { start: written, ..raw() }, "2026-10-02T19:59:00-03:00 2026-10-02T20:00:32-03:00");
    // The record's own end need not fit its duration.
    let end = Some(local("2026-10-02", 20, 1));
    check(&RawUsage { end, ..raw() }, "2026-10-02T19:59:00+02:00 2026-10-02T20:01:00+02:00");
    // A call through the night when clocks go back.
    let over = RawUsage { start: local("2026-10-25", 1, 50), quantity: 3_600_000, ..raw() };
    check(&over, "2026-10-25T01:50:00+02:00 2026-10-25T02:50:00+02:00");
    let over = RawUsage { quantity: 7_200_000, ..over };
    check(&over, "2026-10-25T01:50:00+02:00 2026-10-25T02:50:00+01:00");
    let end = Some(local("2026-10-25", 2, 50));
    check(&RawUsage { end, ..over.clone() }, "2026-10-25T01:50:00+02:00 2026-10-25T02:50:00+01:00");
    check(
        &RawUsage { end, quantity: 3_599_000, ..over },
        "2026-10-25T01:50:00+02:00 2026-10-25T02:50:00+02:00",
    );
}

#[test]
fn the_repeated_hour_is_the_sources_to_decide() {
    let raw = RawUsage { start: local("2026-10-25", 2, 30), ..raw() };
    let check = |repeated_hour, expect: &str| {
        assert_eq!(times(SourceRules { repeated_hour, ..rules() }, &raw), expect);
    };
    check(RepeatedHour::Suspend, "normalise: ambiguous_time in start, found \"2026-10-25T02:30:00\"");
    check(RepeatedHour::First, "2026-10-25T02:30:00+02:00 2026-10-25T02:31:32+02:00");
    check(RepeatedHour::Second, "2026-10-25T02:30:00+01:00 2026-10-25T02:31:32+01:00");
    // An unanswered attempt is filtered whichever hour it was in.
    let attempt = RawUsage { filter: Some(Code::Unanswered), quantity: 0, ..raw.clone() };
    assert_eq!(times(rules(), &attempt), "2026-10-25T02:30:00+02:00 2026-10-25T02:30:00+02:00");
    let data = RawUsage {
        start: local("2026-10-25", 1, 30),
        end: Some(local("2026-10-25", 2, 30)),
        unit: Unit::Octet,
        ..raw.clone()
    };
    assert_eq!(times(rules(), &data), "normalise: ambiguous_time in end, found \"2026-10-25T02:30:00\"");
}

#[test]
fn each_code_of_these_stages() {
    let check = |raw: RawUsage<'_>, expect: &str| assert_eq!(times(rules(), &raw), expect);
    check(
        RawUsage { start: local("2026-03-29", 2, 30), ..raw() },
        "normalise: missing_time in start, found \"2026-03-29T02:30:00\"",
    );
    check(
        RawUsage { start: local("2026-12-01", 2, 1), quantity: 1, ..raw() },
        "validate: event_in_future in start, found \"2026-12-01T02:01:00+01:00\"",
    );
    check(RawUsage { key: list(&["", ""]), ..raw() }, "validate: empty_key in key, found \"\"");
    check(
        RawUsage { unit: Unit::Event, quantity: -1, ..raw() },
        "validate: contradictory in quantity, found \"-1\"",
    );
    check(
        RawUsage { end: Some(local("2026-10-02", 19, 58)), ..raw() },
        "validate: contradictory in end, found \"2026-10-02T19:58:00+02:00\"",
    );
    check(
        RawUsage { start: LocalTime { local_ms: -1, offset_s: Some(0) }, ..raw() },
        "validate: bad_field in start, found \"1969-12-31T23:59:59.999Z\"",
    );
    check(
        RawUsage { start: LocalTime { local_ms: i64::MAX, offset_s: Some(-1) }, ..raw() },
        "validate: bad_field in start, found \"9223372036854775807 ms since 1970\"",
    );
    check(
        RawUsage { quantity: i64::MAX, ..raw() },
        "normalise: overflow in duration, found \"9223372036854775807\"",
    );
    check(
        RawUsage { served_imsi: b"21407000000000123", ..raw() },
        "normalise: bad_field in served_imsi, found \"21407000000000123\"",
    );
    check(
        RawUsage { serving_network: b"2140", ..raw() },
        "normalise: bad_field in serving_network, found \"2140\"",
    );
    check(
        RawUsage { called: &[b'x'; 129], ..raw() },
        &format!("normalise: bad_field in called, found \"{}…\"", "x".repeat(80)),
    );
}

#[test]
fn an_event_up_to_an_hour_ahead_is_a_wrong_clock_and_no_more() {
    let raw = RawUsage { start: local("2026-12-01", 2, 0), quantity: 0, ..raw() };
    assert!(intake(rules(), &raw).is_ok());
    assert!(intake(SourceRules { future_ms: 0, ..rules() }, &raw).is_err());
}

#[test]
fn who_is_served() {
    let check = |raw: RawUsage<'_>, expect: &str| {
        let served = intake(rules(), &raw).unwrap().served;
        let number = match served.number {
            Party::E164(digits) => digits.to_string(),
            Party::Other(text) => text.to_string(),
            Party::Absent => "absent".to_owned(),
        };
        let imsi = served.imsi.map(|imsi| imsi.to_string());
        assert_eq!(format!("{number} {imsi:?} {:?}", served.subscription), expect);
    };
    check(raw(), "34915550123 None None");
    check(RawUsage { role: Role::Terminating, ..raw() }, "33155500199 None None");
    check(RawUsage { role: Role::Forwarding, forwarding: b"112", ..raw() }, "112 None None");
    check(RawUsage { role: Role::Forwarding, ..raw() }, "absent None None");
    check(
        RawUsage {
            served_number: b"915550124",
            served_imsi: b"214070000000001",
            served_subscription: b"S-1",
            ..raw()
        },
        "34915550124 Some(\"214070000000001\") Some(\"S-1\")",
    );
}

#[test]
fn identity_is_over_raw_fields_and_nothing_else() {
    let first = intake(rules(), &raw()).unwrap();
    assert_eq!(first.claim.fingerprint, first.session);
    assert_eq!(first.claim.slot, Slot::of_hash(first.session[0]));
    assert_eq!((first.source, first.at().record, first.claim.day), (3, 7, 20_728));
    // Another zone, other number rules, another place in another file: the same record.
    let elsewhere =
        SourceRules { zone: TimeZone::UTC, numbers: NumberRules::default(), source: 1, ..rules() };
    let again = RecordContext { at: Position::default(), ..context() };
    let second = Normaliser::new(elsewhere).intake(&raw(), &again).unwrap();
    assert_eq!((first.identity, first.claim.fingerprint), (second.identity, second.claim.fingerprint));
    assert_eq!((first.claim.billed, first.session), (second.claim.billed, second.session));
    // Other billed fields: the same key in conflict.
    let third = intake(rules(), &RawUsage { billed: list(&["93"]), ..raw() }).unwrap();
    assert_eq!(first.claim.fingerprint, third.claim.fingerprint);
    assert_ne!(first.claim.billed, third.claim.billed);
    // Two partial records of one session: two keys in one slot.
    let partial = |key: &'static str, sequence| RawUsage {
        key: list(&["msc-1", "88121", key]),
        session: list(&["msc-1", "88121"]),
        partial: Some(Partial { sequence, last: false }),
        ..raw()
    };
    let (one, two) = (intake(rules(), &partial("1", 1)).unwrap(), intake(rules(), &partial("2", 2)).unwrap());
    assert_eq!((one.session, one.claim.slot), (two.session, two.claim.slot));
    assert_ne!(one.claim.fingerprint, two.claim.fingerprint);
    assert_eq!(first.identity, one.identity);
    // Another rule or node: another record.
    let other = intake(SourceRules { key_rule: b"delimited/1 msc-2".to_vec(), ..rules() }, &raw()).unwrap();
    assert_ne!(first.identity, other.identity);
    assert_ne!(first.claim.fingerprint, other.claim.fingerprint);
}

/// A container that began `minute` past 19 and lasted a minute.
fn part(minute: i64, quantity: i64, group: u32) -> RawPart {
    let start = local("2026-10-02", 19, minute);
    let end = LocalTime { local_ms: start.local_ms + 60_000, ..start };
    RawPart { start, end, quantity, rating_group: Some(group) }
}

fn data(parts: &[RawPart]) -> RawUsage<'_> {
    let record_type = RecordType::Data;
    let quantity = 7;
    RawUsage { record_type, service: Service::Data, unit: Unit::Octet, parts, quantity, ..raw() }
}

#[test]
fn parts_have_times_and_rating_groups_of_their_own() {
    let record = intake(rules(), &data(&[part(59, 100, 10), part(62, 50, 20)])).unwrap();
    let parts: Vec<_> = record
        .parts
        .iter()
        .map(|part| format!("{} {} {} {:?}", part.start, part.end, part.quantity, part.rating_group))
        .collect();
    assert_eq!(
        parts,
        [
            "2026-10-02T19:59:00+02:00 2026-10-02T20:00:00+02:00 100 Some(10)",
            "2026-10-02T20:02:00+02:00 2026-10-02T20:03:00+02:00 50 Some(20)"
        ]
    );
    // The parts say how much it was, and when it ended.
    assert_eq!(
        (record.quantity(), record.end.to_string().as_str()),
        (Some(150), "2026-10-02T20:03:00+02:00")
    );
    let end = Some(local("2026-10-02", 21, 0));
    let own = intake(rules(), &RawUsage { end, ..data(&[part(59, 100, 10)]) }).unwrap();
    assert_eq!(own.end.to_string(), "2026-10-02T21:00:00+02:00");
    // Without parts, the record is one.
    let whole = intake(rules(), &RawUsage { rating_group: Some(5), ..data(&[]) }).unwrap();
    assert_eq!((whole.parts.len(), whole.parts[0].quantity, whole.parts[0].rating_group), (1, 7, Some(5)));
}

#[test]
fn each_part_is_checked() {
    let check = |parts: &[RawPart], expect: &str| assert_eq!(times(rules(), &data(parts)), expect);
    let at = |start: LocalTime, end: LocalTime| RawPart { start, end, ..part(59, 1, 10) };
    let good = part(59, 1, 10);
    check(
        &[good, at(local("2026-10-25", 2, 30), local("2026-10-25", 4, 0))],
        "normalise: ambiguous_time in part_start, found \"2026-10-25T02:30:00\"",
    );
    check(
        &[good, at(local("2026-10-25", 1, 30), local("2026-10-25", 2, 30))],
        "normalise: ambiguous_time in part_end, found \"2026-10-25T02:30:00\"",
    );
    check(
        &[good, at(local("2026-03-29", 2, 30), local("2026-03-29", 4, 0))],
        "normalise: missing_time in part_start, found \"2026-03-29T02:30:00\"",
    );
    let late = local("2026-12-02", 0, 0);
    let end = Some(local("2026-10-02", 21, 0));
    assert_eq!(
        times(rules(), &RawUsage { end, ..data(&[good, at(late, late)]) }),
        "validate: event_in_future in part_start, found \"2026-12-02T00:00:00+01:00\""
    );
    check(
        &[good, at(local("2026-10-02", 20, 0), local("2026-10-02", 19, 59))],
        "validate: contradictory in part_end, found \"2026-10-02T19:59:00+02:00\"",
    );
    check(&[good, part(59, -1, 10)], "validate: contradictory in quantity, found \"-1\"");
    check(&[good, part(59, i64::MAX, 10)], "validate: overflow in quantity, found \"sum of the parts\"");
}

#[test]
fn attributes_are_kept() {
    let raw = RawUsage { attributes: smallvec![("apn", b"internet".as_slice())], ..raw() };
    let record = intake(rules(), &raw).unwrap();
    assert_eq!(record.attributes, Some([("apn", "internet")].into_iter().collect()));
}

proptest! {
    #[test]
    fn any_values_are_safe(start: i64, end: Option<i64>, offset_s in prop::option::of(-60_000i32..60_000), quantity: i64, party: Vec<u8>) {
        let raw = RawUsage {
            start: LocalTime { local_ms: start, offset_s },
            end: end.map(|local_ms| LocalTime { local_ms, offset_s: None }),
            quantity,
            calling: &party,
            served_imsi: &party,
            ..raw()
        };
        let _ = intake(rules(), &raw);
        let near = RawUsage { start: LocalTime { local_ms: start % 7_258_118_400_000, offset_s }, ..raw };
        let _ = intake(rules(), &near);
    }
}
