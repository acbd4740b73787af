use super::decode::{RECORD_TYPE, TAG};
use super::encode::{ChfRecord, PduSession, Subscriber, UnitUsage, UsedUnits};
use super::*;
use crate::ber::{Tag, Writer};
use caudal_usage::{Code, Date, LocalTime};
use proptest::prelude::{Strategy, any, prop, prop_assert_eq, proptest};

/// Made by an independent compiler of ASN.1.
const VECTOR: &[u8] = include_bytes!("../../../testdata/records/chf_pycrate.ber");

const OPENING: i64 = 1_795_361_445_000;

fn local(ms: i64) -> LocalTime {
    LocalTime { local_ms: ms, offset_s: Some(3 * 3600) }
}

/// A record of one session with one container.
fn plain() -> ChfRecord {
    let used = UsedUnits { uplink: Some(400), downlink: Some(600), sequence: 1, ..UsedUnits::default() };
    ChfRecord {
        function_id: "chf-1".into(),
        subscriber: Some(Subscriber { kind: 1, data: "262017000000001".into() }),
        functionality: 1,
        units: Some(vec![UnitUsage { rating_group: 10, used: vec![used], upf: None }]),
        opening: local(OPENING),
        duration_s: 120,
        sequence: Some(2),
        cause: 0,
        local_sequence: Some(7),
        pdu_session: Some(PduSession { charging_id: 99, session_id: 5, ..PduSession::default() }),
        session_id: Some("s-1".into()),
        incomplete: None,
    }
}

fn octets(record: &ChfRecord) -> Vec<u8> {
    let mut out = Writer::new();
    record.write(&mut out);
    out.into_bytes()
}

/// What a test looks at.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    parts: Vec<(Option<u32>, i64, i64, i64)>,
    attributes: Vec<(String, String)>,
    imsi: String,
    number: String,
    subscription: String,
    network: String,
    sequence: Option<u32>,
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn read(octets: &[u8]) -> Result<Seen, Fault> {
    let (format, mut scratch) =
        (Chf::new(&ChfOptions { container: PgwContainer::Ber, ..ChfOptions::default() }), Scratch::default());
    let usage = format.read(octets, &mut scratch)?;
    let part = |part: &caudal_usage::RawPart| {
        (part.rating_group, part.start.local_ms - OPENING, part.end.local_ms - OPENING, part.quantity)
    };
    Ok(Seen {
        parts: usage.parts.iter().map(part).collect(),
        attributes: usage.attributes.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect(),
        imsi: text(usage.served_imsi),
        number: text(usage.served_number),
        subscription: text(usage.served_subscription),
        network: text(usage.serving_network),
        sequence: usage.sequence,
    })
}

fn refused(record: &ChfRecord) -> (Code, String, String) {
    let fault = read(&octets(record)).unwrap_err();
    (fault.code, fault.field.to_string(), fault.found.to_string())
}

/// The record with this instead of its one container.
fn with_container(used: UsedUnits) -> ChfRecord {
    ChfRecord { units: Some(vec![UnitUsage { rating_group: 10, used: vec![used], upf: None }]), ..plain() }
}

/// Messages of topics have nothing before them: all of them were suspended as records of another file.
#[test]
fn a_record_needs_no_head_of_a_file() {
    let options = ChfOptions { container: PgwContainer::Ber, ..ChfOptions::default() };
    let format = crate::Format::Chf(Chf::new(&options));
    let layout = format.open(b"").unwrap();
    let mut scratch = Scratch::default();
    assert!(format.read(&layout, VECTOR, &mut scratch).is_ok());
    assert!(!format.fields(&layout, VECTOR).unwrap().is_empty());
}

#[test]
fn the_vector_of_another_encoder() {
    let (format, mut scratch) =
        (Chf::new(&ChfOptions { container: PgwContainer::Ber, ..ChfOptions::default() }), Scratch::default());
    let usage = format.read(VECTOR, &mut scratch).unwrap();
    assert_eq!((usage.start, usage.end), (local(OPENING), Some(local(OPENING + 120_000))));
    assert_eq!(usage.day, Date::new(2026, 11, 22).unwrap().to_days());
    assert_eq!((usage.sequence, usage.node), (Some(42), b"3fa85f64-5717-4562-b3fc-2c963f66afa6".as_slice()));
    assert_eq!(
        usage.key.iter().collect::<Vec<_>>(),
        [usage.node, b"", b"", b"\x26\x11\x22\x15\x30\x45\x2B\x03\x00", b"\x2A"]
    );
    assert_eq!(usage.session.iter().collect::<Vec<_>>(), [usage.node, b""]);
    assert_eq!(usage.billed.iter().map(<[u8]>::len).collect::<Vec<_>>(), [30]);
    let seen = read(VECTOR).unwrap();
    assert_eq!(seen.parts, [(Some(100), 0, 120_000, 1000)]);
    assert_eq!((seen.imsi.as_str(), seen.number.as_str()), ("262017000000001", ""));
    assert_eq!(seen.attributes, []);
}

#[test]
fn records_of_a_cdr_file_are_read_behind_their_headers() {
    let file: &[u8] = include_bytes!("../../../testdata/ts32297/ts32297_r16_chf.cdr");
    let format = Chf::new(&ChfOptions::default());
    let framed: Vec<_> = crate::Framing::Ts32297.records(crate::framing::Place::FileStart, file).collect();
    assert_eq!(framed.len(), 2);
    for record in framed {
        let mut scratch = Scratch::default();
        let usage = format.read(record.bytes, &mut scratch).unwrap();
        let seen = (usage.sequence, usage.parts[0].quantity, usage.parts[0].rating_group);
        assert_eq!(seen, (Some(42), 1000, Some(100)));
        assert_eq!(format.fields(record.bytes).unwrap(), show::fields(VECTOR).unwrap());
    }
}

#[test]
fn fields_for_people() {
    let fields = show::fields(VECTOR).unwrap();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
    let text = |text: &str| text.to_owned();
    assert_eq!(
        fields,
        [
            ("recordType", text("200")),
            ("recordingNetworkFunctionID", text("3fa85f64-5717-4562-b3fc-2c963f66afa6")),
            ("subscriberIdentifier", text("262017000000001")),
            ("listOfMultipleUnitUsage", text("rating groups: 1")),
            ("recordOpeningTime", text("2026-11-22T15:30:45+03:00")),
            ("duration", text("120")),
            ("causeForRecClosing", text("0")),
            ("localRecordSequenceNumber", text("42")),
        ]
    );
}

#[test]
fn what_plans_may_ask_for() {
    let session = PduSession {
        slice: Some((1, [0x00, 0xAB, 0x01])),
        rat: Some(51),
        dnn: Some("internet".into()),
        plmn: Some("21407".into()),
        ..PduSession::default()
    };
    let incomplete = Some([true, false, true]);
    let seen = read(&octets(&ChfRecord { pdu_session: Some(session), incomplete, ..plain() })).unwrap();
    assert_eq!(seen.network, "21407");
    let attributes: Vec<_> =
        seen.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected = [
        ("apn", "internet"),
        ("rat_type", "51"),
        ("slice", "1-00AB01"),
        ("incomplete", "initial+termination"),
    ];
    assert_eq!(attributes, expected);
}

#[test]
fn who_is_served() {
    let check = |kind, data: &str, imsi: &str, number: &str, subscription: &str| {
        let subscriber = Some(Subscriber { kind, data: data.into() });
        let seen = read(&octets(&ChfRecord { subscriber, ..plain() })).unwrap();
        assert_eq!(
            (seen.imsi.as_str(), seen.number.as_str(), seen.subscription.as_str()),
            (imsi, number, subscription)
        );
    };
    check(0, "34915550123", "", "+34915550123", "");
    check(0, "msisdn-34915550123", "", "+34915550123", "");
    check(0, "+34915550123", "", "+34915550123", "");
    check(1, "262017000000001", "262017000000001", "", "");
    check(1, "imsi-262017000000001", "262017000000001", "", "");
    check(2, "sip:+34915550123@ims.example.net;user=phone", "", "+34915550123", "");
    check(2, "sip:office@example.net", "", "", "sip:office@example.net");
    check(3, "user@example.net", "", "", "user@example.net");
    check(4, "S-1", "", "", "S-1");
    let seen = read(&octets(&ChfRecord { subscriber: None, ..plain() })).unwrap();
    assert_eq!((seen.imsi, seen.number, seen.subscription), <(String, String, String)>::default());
    let subscriber = Some(Subscriber { kind: 5, data: "x".into() });
    let (code, field, _) = refused(&ChfRecord { subscriber, ..plain() });
    assert_eq!((code, field.as_str()), (Code::BadField, "subscriptionIDType"));
}

/// The GPSI of the PDU session says the number where the identifier is an IMSI.
#[test]
fn the_number_of_the_session() {
    let mut out = Writer::new();
    out.nested(Tag::context(TAG), |out| {
        out.integer(Tag::context(0), RECORD_TYPE).timestamp(Tag::context(6), local(OPENING));
        out.integer(Tag::context(7), 1);
        out.nested(Tag::context(13), |out| {
            out.nested(Tag::context(1), |out| {
                out.text(Tag::context(3), "34915550123");
            });
        });
    });
    let seen = read(out.bytes()).unwrap();
    assert_eq!((seen.number.as_str(), seen.parts.len()), ("+34915550123", 0));
}

#[test]
fn volumes_agree_or_are_refused() {
    let check = |total, uplink, downlink, octets_expected| {
        let record = with_container(UsedUnits { total, uplink, downlink, ..UsedUnits::default() });
        assert_eq!(read(&octets(&record)).unwrap().parts, [(Some(10), 0, 120_000, octets_expected)]);
    };
    check(Some(1000), Some(400), Some(600), 1000);
    check(Some(1000), None, None, 1000);
    check(Some(1000), Some(400), None, 1000);
    check(None, Some(400), None, 400);
    check(None, None, Some(600), 600);
    check(None, Some(400), Some(600), 1000);
    check(None, None, None, 0);
    let bad = |total, uplink, downlink, code| {
        let record = with_container(UsedUnits { total, uplink, downlink, ..UsedUnits::default() });
        assert_eq!(refused(&record).0, code, "{total:?} {uplink:?} {downlink:?}");
    };
    bad(Some(1001), Some(400), Some(600), Code::Contradictory);
    bad(Some(999), Some(400), Some(600), Code::Contradictory);
    bad(Some(399), Some(400), None, Code::Contradictory);
    bad(None, Some(u64::MAX), Some(1), Code::Overflow);
    bad(Some(1 << 63), None, None, Code::Overflow);
}

#[test]
fn a_container_of_time_only_is_counted() {
    let record = with_container(UsedUnits { time: Some(120), ..UsedUnits::default() });
    let seen = read(&octets(&record)).unwrap();
    assert_eq!(seen.parts, [(Some(10), 0, 120_000, 0)]);
    assert_eq!(seen.attributes, [("containers_without_volume".to_owned(), "1".to_owned())]);
}

/// The same rating group by two user planes, and containers that follow each other in one.
#[test]
fn parts_keep_their_times_and_none_is_merged() {
    let octets_of = |total| UsedUnits { total: Some(total), ..UsedUnits::default() };
    let usage = Some((local(OPENING + 5_000), local(OPENING + 9_000)));
    let first = UsedUnits { trigger: Some(local(OPENING + 60_000)), ..octets_of(10) };
    let upf = |name: &str, used| UnitUsage { rating_group: 10, used, upf: Some(name.into()) };
    let units = vec![
        upf("upf-1", vec![first, octets_of(20), UsedUnits { usage, ..octets_of(30) }]),
        upf("upf-2", vec![octets_of(10)]),
        UnitUsage { rating_group: 20, ..UnitUsage::default() },
    ];
    let seen = read(&octets(&ChfRecord { units: Some(units), ..plain() })).unwrap();
    let group = Some(10);
    assert_eq!(
        seen.parts,
        [
            (group, 0, 60_000, 10),
            (group, 60_000, 120_000, 20),
            (group, 5_000, 9_000, 30),
            (group, 0, 120_000, 10)
        ]
    );
}

#[test]
fn records_of_other_kinds_are_not_taken_for_data() {
    let none = ChfRecord { pdu_session: None, units: None, ..plain() };
    assert_eq!(read(&octets(&none)).unwrap().parts, []);
    let (code, _, found) = refused(&ChfRecord { functionality: 3, ..none.clone() });
    assert_eq!(code, Code::UnknownFormat);
    assert!(found.contains("networkFunctionality 3"), "{found}");
    let other = |number| {
        let mut out = Writer::new();
        out.nested(Tag::context(TAG), |out| {
            out.integer(Tag::context(0), RECORD_TYPE).nested(Tag::context(number), |_| {});
        });
        read(out.bytes()).unwrap_err()
    };
    let fault = other(15);
    assert_eq!((fault.code, fault.found.as_str()), (Code::UnknownFormat, "sMSChargingInformation"));
    assert_eq!(other(5).field, "nFunctionConsumerInformation");
}

#[test]
fn what_is_missing_or_odd_is_said() {
    let check = |octets: &[u8], code, field: &str| {
        let fault = read(octets).unwrap_err();
        assert_eq!((fault.code, fault.field.as_str()), (code, field), "{fault:?}");
    };
    check(b"", Code::MissingField, "chargingFunctionRecord");
    check(b"\xBF\x4F\x00", Code::UnknownFormat, "chargingFunctionRecord");
    check(b"\xBF\x81\x48\x05\x80", Code::BadLength, "chargingFunctionRecord");
    check(b"\xBF\x81\x48\x00", Code::MissingField, "recordType");
    check(b"\xBF\x81\x48\x03\x80\x01\x55", Code::BadField, "recordType");
    check(b"\xBF\x81\x48\x08\x80\x02\x00\xC8\x80\x02\x00\xC8", Code::BadField, "chargingFunctionRecord");
    check(b"\xBF\x81\x48\x06\x80\x02\x00\xC8\xAD\x00", Code::MissingField, "recordOpeningTime");
    let mut cut = octets(&plain());
    let end = cut.len();
    check(&cut[..end - 1], Code::BadLength, "chargingFunctionRecord");
    // The length of the first rating group now reaches past its container list.
    let at = cut.windows(3).position(|octets| octets == [0x80, 1, 10]).unwrap();
    cut[at + 1] = 0x7F;
    check(&cut, Code::BadLength, "listOfMultipleUnitUsage");
}

#[test]
fn order_unknown_tags_and_forgotten_zeros_change_nothing_else() {
    let mut out = Writer::new();
    out.nested_indefinite(Tag::context(TAG), |out| {
        out.nested_indefinite(Tag::context(5), |out| {
            out.nested(Tag::SEQUENCE, |out| {
                out.nested(Tag::context(1), |out| {
                    out.nested(Tag::SEQUENCE, |out| {
                        out.octets(Tag::context(4), b"\xDE\xAD\xBE\xEF").octets(Tag::context(99), b"?");
                    });
                });
                out.integer(Tag::context(0), 10);
            });
        });
        out.octets(Tag::context(77), b"later").octets(Tag::OCTET_STRING, b"x");
        out.integer(Tag::context(7), 120).timestamp(Tag::context(6), local(OPENING));
        out.nested(Tag::context(13), |_| {}).octets(Tag::context(0), b"\0\0\xC8");
    });
    let seen = read(out.bytes()).unwrap();
    assert_eq!(seen.parts, [(Some(10), 0, 120_000, 0xDEAD_BEEF)]);
    let attributes: Vec<_> =
        seen.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(attributes, [("read_as_unsigned", "containers"), ("unknown_tags", "2")]);
}

#[test]
fn the_node_is_part_of_the_key_rule() {
    let name = |node: Option<&str>| {
        let node = node.map(str::to_owned);
        Chf::new(&ChfOptions { node, ..ChfOptions::default() }).key_rule().name.clone()
    };
    assert_eq!((name(None), name(Some("madrid"))), (b"chf/1".to_vec(), b"chf/1 madrid".to_vec()));
}

fn any_container() -> impl Strategy<Value = UsedUnits> {
    let volumes = (prop::option::of(0u64..1 << 50), prop::option::of(0u64..1 << 50), any::<bool>());
    let times = (prop::option::of(0i64..100), prop::option::of((0i64..100, 0i64..100)));
    (volumes, times, any::<u32>()).prop_map(|((uplink, downlink, with_total), (trigger, usage), sequence)| {
        let at = |second: i64| local(OPENING + second * 1000);
        let sum = uplink.unwrap_or(0) + downlink.unwrap_or(0);
        UsedUnits {
            total: with_total.then_some(sum),
            uplink,
            downlink,
            trigger: trigger.map(at),
            usage: usage.map(|(first, last)| (at(first), at(last))),
            sequence,
            ..UsedUnits::default()
        }
    })
}

fn any_record() -> impl Strategy<Value = ChfRecord> {
    let unit = (any::<u32>(), prop::collection::vec(any_container(), 1..4), prop::option::of("[a-z]{1,9}"))
        .prop_map(|(rating_group, used, upf)| UnitUsage { rating_group, used, upf });
    let session =
        (any::<u32>(), prop::option::of((any::<u8>(), any::<[u8; 3]>())), prop::option::of(any::<u8>()))
            .prop_map(|(charging_id, slice, rat)| PduSession {
                charging_id,
                slice,
                rat,
                ..PduSession::default()
            });
    let numbers = (0u32..1 << 31, prop::option::of(any::<u32>()), prop::option::of(any::<u32>()));
    let names = ("[0-9a-f-]{1,36}", prop::option::of("[0-9]{6,15}"), prop::option::of("[ -~]{1,20}"));
    (prop::collection::vec(unit, 0..4), session, numbers, names).prop_map(
        |(units, session, numbers, names)| {
            let (duration_s, sequence, local_sequence) = numbers;
            let (function_id, imsi, session_id) = names;
            let subscriber = imsi.map(|data| Subscriber { kind: 1, data });
            let (units, pdu_session) = (Some(units), Some(session));
            let known = ChfRecord { function_id, subscriber, units, pdu_session, session_id, ..plain() };
            ChfRecord { duration_s, sequence, local_sequence, ..known }
        },
    )
}

proptest! {
    #[test]
    fn reads_back_what_was_written(record in any_record()) {
        let seen = read(&octets(&record)).unwrap();
        let closing = i64::from(record.duration_s) * 1000;
        let mut parts = Vec::new();
        for unit in record.units.iter().flatten() {
            let mut since = 0;
            for used in &unit.used {
                let at = |time: LocalTime| time.local_ms - OPENING;
                let start = used.usage.map_or(since, |(first, _)| at(first));
                let end = used.usage.map(|(_, last)| last).or(used.trigger).map_or(closing, at);
                let octets = used.uplink.unwrap_or(0) + used.downlink.unwrap_or(0);
                parts.push((Some(unit.rating_group), start, end, i64::try_from(octets).unwrap()));
                since = used.trigger.map_or(since, at);
            }
        }
        prop_assert_eq!(seen.parts, parts);
        prop_assert_eq!(seen.imsi, record.subscriber.map_or_else(String::new, |subscriber| subscriber.data));
        prop_assert_eq!(seen.sequence, record.local_sequence);
        let rat = seen.attributes.iter().find(|(name, _)| name == "rat_type").map(|(_, value)| value.clone());
        prop_assert_eq!(rat, record.pdu_session.unwrap().rat.map(|rat| rat.to_string()));
    }

    #[test]
    fn damage_never_panics(record in any_record(), hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let mut octets = octets(&record);
        for (at, octet) in hits {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        let _ = read(&octets);
        let _ = read(&octets[..octets.len() / 2]);
    }
}
