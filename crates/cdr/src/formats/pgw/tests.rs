use super::containers::CONTAINERS_MAX;
use super::encode::{Record, ServiceData, TrafficVolume, write_record};
use super::show::fields;
use super::*;
use crate::ber::{Children, Tag, Writer};
use crate::{Format, Scratch};
use caudal_usage::{Code, Date, Fields, LocalTime, RawPart};
use core::net::IpAddr;
use proptest::prelude::*;

const SAMPLE: &[u8] = include_bytes!("../../../testdata/records/pgw_pycrate.ber");

fn format() -> Format {
    Format::Pgw(Pgw::new(&PgwOptions { container: PgwContainer::Ber, ..PgwOptions::default() }))
}

fn with<T>(record: &[u8], check: impl FnOnce(Result<RawUsage<'_>, Fault>) -> T) -> T {
    let format = format();
    let layout = format.open(record).unwrap();
    check(format.read(&layout, record, &mut Scratch::default()))
}

/// Messages of topics have nothing before them: all of them were suspended as records of another file.
#[test]
fn a_record_needs_no_head_of_a_file() {
    let format = format();
    let layout = format.open(b"").unwrap();
    let mut scratch = Scratch::default();
    assert!(format.read(&layout, SAMPLE, &mut scratch).is_ok());
    assert!(!format.fields(&layout, SAMPLE).unwrap().is_empty());
}

fn listed(fields: Fields<'_>) -> Vec<&[u8]> {
    fields.iter().collect()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn time(day: &str, seconds: i64, offset_s: i32) -> LocalTime {
    LocalTime { local_ms: Date::parse(day).unwrap().local_ms() + seconds * 1000, offset_s: Some(offset_s) }
}

/// `start–end octets group` of each part, times in UTC from the start of the record's day there.
fn parts(usage: &RawUsage<'_>) -> String {
    let opened = usage.start;
    let since = |at: LocalTime| {
        let utc = |time: LocalTime| time.local_ms / 1000 - i64::from(time.offset_s.unwrap());
        utc(at) - utc(opened)
    };
    let part = |part: &RawPart| {
        let group = part.rating_group.map_or("-".into(), |group| group.to_string());
        format!("{}..{} {} {group}", since(part.start), since(part.end), part.quantity)
    };
    usage.parts.iter().map(part).collect::<Vec<_>>().join("; ")
}

#[test]
fn every_value_of_the_independent_encoder() {
    with(SAMPLE, |usage| {
        let usage = usage.unwrap();
        let opened = time("2026-11-22", 15 * 3600 + 30 * 60 + 45, 3 * 3600);
        assert_eq!(text(usage.served_imsi), "261007000000001");
        assert_eq!(text(usage.served_number), "+27334455667");
        assert_eq!(
            (usage.start, usage.end),
            (opened, Some(LocalTime { local_ms: opened.local_ms + 3_600_000, ..opened }))
        );
        assert_eq!(parts(&usage), "0..0 9877777777 100");
        assert_eq!(text(usage.serving_network), "26201");
        assert_eq!(usage.sequence, Some(4_294_967_295));
        assert_eq!((usage.node, usage.partial), (&b"PGW01"[..], None));
        let attributes: Vec<_> = usage.attributes.iter().map(|(name, value)| (*name, text(value))).collect();
        assert_eq!(attributes, [("apn", "internet"), ("rat_type", "6")]);
        let key: [&[u8]; 5] = [
            b"\x80\x04\x0A\x00\x00\x01",
            b"\x00\xDE\xAD\xBE\xEF",
            b"\x03",
            b"\x26\x11\x22\x15\x30\x45\x2B\x03\x00",
            b"\x00\xFF\xFF\xFF\xFF",
        ];
        assert_eq!((listed(usage.key), listed(usage.session)), (key.to_vec(), key[..2].to_vec()));
        assert_eq!(usage.day, Date::parse("2026-11-22").unwrap().to_days());
        let billed = listed(usage.billed);
        assert_eq!((billed[0], billed[2]), (&b"\x62\x01\x70\x00\x00\x00\x00\xF1"[..], &b""[..]));
    });
}

#[test]
fn what_explain_shows() {
    let format = format();
    let layout = format.open(SAMPLE).unwrap();
    let fields = format.fields(&layout, SAMPLE).unwrap();
    let shown: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    assert_eq!(
        shown.join(" "),
        "recordType=85 servedIMSI=261007000000001 p-GWAddress=10.0.0.1 chargingID=3735928559 \
         accessPointNameNI=internet recordOpeningTime=2026-11-22T15:30:45+03:00 duration=3600 \
         recordSequenceNumber=3 nodeID=PGW01 localSequenceNumber=4294967295 servedMSISDN=27334455667 \
         servingNodePLMNIdentifier=26201 rATType=6 listOfServiceData=1 container"
    );
}

/// The records of the concatenation, of the blocks, of the file and of the packets are the same octets.
#[test]
fn the_sample_is_the_record_in_every_container() {
    let files: [(&[u8], &[usize]); 5] = [
        (include_bytes!("../../../testdata/records/ber_concat.ber"), &[0]),
        (include_bytes!("../../../testdata/records/ber_block512_fill00.ber"), &[0, 512]),
        (include_bytes!("../../../testdata/ts32297/ts32297_r8_2rec.cdr"), &[56]),
        (include_bytes!("../../../testdata/ts32297/ts32297_bad_count.cdr"), &[56]),
        (include_bytes!("../../../testdata/gtpprime/gtpprime_pgw_rel8.pcap"), &[99, 308]),
    ];
    for (file, places) in files {
        for place in places {
            assert_eq!(&file[*place..*place + SAMPLE.len()], SAMPLE);
        }
    }
    // An SGW record is another one, and says so.
    let sgw = &files[0].0[SAMPLE.len()..];
    with(&sgw[..120], |usage| assert_eq!(usage.unwrap_err().code, Code::UnknownFormat));
}

fn opened() -> LocalTime {
    time("2026-10-02", 60_000, 7_200)
}

fn after(seconds: i64) -> LocalTime {
    LocalTime { local_ms: opened().local_ms + seconds * 1000, ..opened() }
}

fn flow(rating_group: u32, reported_s: i64, octets: u64) -> ServiceData {
    ServiceData {
        rating_group,
        service: None,
        local_sequence: None,
        first_usage: None,
        last_usage: None,
        time_usage: None,
        up: Some(octets),
        down: None,
        reported: after(reported_s),
    }
}

fn bearer(changed_s: i64, octets: u64) -> TrafficVolume {
    TrafficVolume { up: None, down: Some(octets), changed: after(changed_s) }
}

fn record() -> Record<'static> {
    Record { charging_id: 7, opened: opened(), duration_s: 900, ..Record::default() }
}

fn written(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_record(record, &mut out);
    out
}

/// Parts and attributes of a record, or its fault.
fn read(record: &[u8]) -> String {
    with(record, |usage| match usage {
        Ok(usage) => {
            let attributes =
                usage.attributes.iter().map(|(name, value)| format!(" | {name} {}", text(value)));
            format!("{}{}", parts(&usage), attributes.collect::<String>())
        }
        Err(fault) => fault.to_string(),
    })
}

#[test]
fn flows_come_before_bearers_and_are_never_added_to_them() {
    let check = |services: &[ServiceData], traffic_volumes: &[TrafficVolume], expect: &str| {
        assert_eq!(read(&written(&Record { services, traffic_volumes, ..record() })), expect);
    };
    let idle = ServiceData { up: None, time_usage: Some(60), ..flow(5, 600, 0) };
    check(&[flow(10, 600, 100)], &[bearer(600, 100)], "0..600 100 10");
    check(
        &[],
        &[bearer(300, 100), bearer(300, 7), bearer(900, 50)],
        "0..300 100 -; 0..300 7 -; 300..900 50 -",
    );
    check(&[], &[], "");
    // Zero is a volume; nothing is none.
    check(&[flow(10, 600, 0)], &[bearer(600, 100)], "0..600 0 10");
    check(&[idle, flow(6, 600, 1)], &[], "0..600 0 5; 0..600 1 6 | containers_without_volume 1");
    check(&[idle], &[bearer(600, 100)], "0..600 100 -");
    check(&[idle], &[], "0..600 0 5 | containers_without_volume 1");
}

#[test]
fn containers_lie_where_they_were_used() {
    let check = |services: &[ServiceData], expect: &str| {
        assert_eq!(read(&written(&Record { services, ..record() })), expect);
    };
    // Closed one after the other, by rating group; two of one group at one time have one beginning.
    check(
        &[flow(10, 300, 1), flow(20, 310, 2), flow(10, 600, 3), flow(10, 600, 4), flow(20, 900, 5)],
        "0..300 1 10; 0..310 2 20; 300..600 3 10; 300..600 4 10; 310..900 5 20",
    );
    // First and last usage win over the report.
    let used =
        ServiceData { first_usage: Some(after(100)), last_usage: Some(after(200)), ..flow(10, 600, 1) };
    check(&[used, flow(10, 700, 2)], "100..200 1 10; 200..700 2 10");
    check(&[ServiceData { first_usage: None, ..used }], "0..200 1 10");
    check(&[ServiceData { last_usage: None, ..used }], "100..600 1 10");
    // Another offset is another clock, not another time.
    let utc = LocalTime { local_ms: opened().local_ms - 7_200_000 + 300_000, offset_s: Some(0) };
    check(&[ServiceData { reported: utc, ..flow(10, 0, 1) }, flow(10, 600, 2)], "0..300 1 10; 300..600 2 10");
    // What contradicts itself is left for validation to say.
    check(&[ServiceData { first_usage: Some(after(700)), ..flow(10, 600, 1) }], "700..600 1 10");
}

/// The elements of a record, each with its tag.
fn elements(record: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let root = Children::of(record).next().unwrap().unwrap();
    let element = |item: Result<crate::ber::Tlv<'_>, _>| {
        let item = item.unwrap();
        (item.tag.number(), root.content[item.at - root.header..item.at - root.header + item.len()].to_vec())
    };
    root.children().map(element).collect()
}

/// A record of these elements.
fn assembled(elements: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.nested(decode::PGW_RECORD, |set| {
        elements.iter().for_each(|(_, octets)| {
            set.raw(octets);
        });
    });
    writer.into_bytes()
}

/// The record with the content of one element replaced, or the element added.
fn replaced(record: &[u8], number: u32, content: &[u8]) -> Vec<u8> {
    let mut all = elements(record);
    let mut writer = Writer::new();
    writer.octets(Tag::context(number), content);
    let new = (number, writer.into_bytes());
    match all.iter_mut().find(|(tag, _)| *tag == number) {
        Some(old) => *old = new,
        None => all.push(new),
    }
    assembled(&all)
}

fn without(record: &[u8], number: u32) -> Vec<u8> {
    let all: Vec<_> = elements(record).into_iter().filter(|(tag, _)| *tag != number).collect();
    assembled(&all)
}

#[test]
fn each_reason_to_refuse() {
    let flows = [flow(10, 600, 100)];
    let good = written(&Record { services: &flows, imsi: Some("001010000000007"), ..record() });
    let check = |record: &[u8], expect: &str| assert_eq!(read(record), expect);
    check(&good, "0..600 100 10");
    for (number, name) in [
        (0, "recordType"),
        (4, "p-GWAddress"),
        (5, "chargingID"),
        (13, "recordOpeningTime"),
        (14, "duration"),
    ] {
        check(&without(&good, number), &format!("decode: missing_field in {name}, found \"\""));
    }
    let bad = |number, content: &[u8]| read(&replaced(&good, number, content));
    assert_eq!(bad(0, &[84]), "decode: bad_field in recordType, found \"54, expected 85, a PGWRecord\"");
    assert_eq!(
        bad(13, b"\x26\x13\x02\x16\x40\x00\x2B\x02\x00"),
        "decode: bad_field in recordOpeningTime, found \"2613021640002B0200, expected YYMMDDhhmmss in BCD, + or -, hhmm in BCD\""
    );
    assert!(bad(3, b"\x00\xF1\x00").starts_with("decode: bad_field in servedIMSI"));
    assert!(bad(22, b"\x11\x00").starts_with("decode: bad_field in servedMSISDN"));
    assert!(bad(27, b"\x00\x00").starts_with("decode: bad_field in servingNodePLMNIdentifier"));
    assert!(bad(7, b"caf\xC3\xA9").starts_with("decode: bad_field in accessPointNameNI"));
    assert!(bad(5, &[0x80]).starts_with("decode: bad_field in chargingID"));
    assert!(bad(5, &[1, 0, 0, 0, 0]).starts_with("decode: bad_field in chargingID"));
    assert!(bad(14, &[0xFF]).starts_with("decode: bad_field in duration"));
    assert!(bad(30, &[0xFF]).starts_with("decode: bad_field in rATType"));
    assert_eq!(
        bad(4, b"\x80\x00"),
        "decode: bad_field in p-GWAddress, found \"a primitive element, expected a constructed one\""
    );
    let mut twice = elements(&good);
    twice.push(twice[1].clone());
    check(&assembled(&twice), "decode: bad_field in servedIMSI, found \"[3] twice, expected once\"");
    // A field that is not read is not there twice either.
    twice.pop();
    let characteristics = twice.iter().find(|(number, _)| *number == 23).unwrap().clone();
    twice.push(characteristics);
    check(&assembled(&twice), "decode: bad_field in record, found \"[23] twice, expected once\"");
    let again = |octets: &[u8]| {
        let mut all = elements(&good);
        all.push((0, octets.to_vec()));
        read(&assembled(&all))
    };
    // Nor in another form: a longer length, more octets of a tag than its number needs, a tag of two octets.
    let imsi = "decode: bad_field in servedIMSI, found \"[3] twice, expected once\"";
    assert_eq!(again(b"\x83\x81\x01\x00"), imsi);
    assert_eq!(again(b"\x9F\x03\x01\x00"), imsi);
    assert_eq!(again(b"\xA3\x00"), imsi);
    assert_eq!(
        again(b"\x9F\x23\x00\x9F\x23\x00"),
        "decode: bad_field in record, found \"[35] twice, expected once\""
    );
    let form = "a constructed element, expected a primitive one";
    assert_eq!(
        again(b"\xBF\x20\x00"),
        format!("decode: bad_field in userLocationInformation, found \"{form}\"")
    );
    assert_eq!(again(b"\x9F\x34\x00\x9F\x4A\x00"), "0..600 100 10 | unknown_tags 1 | retransmission 1");
    let huge = [ServiceData { down: Some(u64::MAX), ..flow(10, 600, 1) }];
    check(
        &written(&Record { services: &huge, ..record() }),
        "decode: overflow in listOfServiceData, found \"1 octets up and 18446744073709551615 down\"",
    );
    let many = vec![bearer(600, 1); CONTAINERS_MAX + 1];
    check(
        &written(&Record { traffic_volumes: &many, ..record() }),
        "decode: bad_length in listOfTrafficVolumes, found \"more than 1024 containers\"",
    );
    let cut = &good[..good.len() - 1];
    assert!(read(cut).starts_with("decode: bad_length in record, found \"offset "), "{}", read(cut));
    check(
        &[good.as_slice(), b"\0\x01"].concat(),
        "decode: bad_length in record, found \"2 octets behind the record, expected none but fill\"",
    );
    check(&[good.as_slice(), b"\0\0"].concat(), "0..600 100 10");
    assert!(read(b"\x61\x02\x01\x00").starts_with("decode: unknown_format in record, found \"61 02 01 00…"));
    assert!(read(b"").starts_with("decode: truncated"));
}

#[test]
fn each_reason_to_refuse_a_container() {
    let refused = |fields: &dyn Fn(&mut Writer), expect: &str| {
        let mut writer = Writer::new();
        writer.nested(Tag::context(34), |list| {
            list.nested(Tag::SEQUENCE, |sequence| fields(sequence));
        });
        let mut all = elements(&written(&record()));
        all.push((34, writer.into_bytes()));
        assert_eq!(read(&assembled(&all)), expect);
    };
    let tag = Tag::context;
    let when = after(60);
    refused(
        &|all| {
            all.timestamp(tag(14), when);
        },
        "decode: missing_field in ratingGroup, found \"\"",
    );
    refused(
        &|all| {
            all.unsigned(tag(1), 1);
        },
        "decode: missing_field in timeOfReport, found \"\"",
    );
    refused(
        &|all| {
            all.unsigned(tag(1), 1 << 32).timestamp(tag(14), when);
        },
        "decode: bad_field in ratingGroup, found \"0100000000, expected an integer from 0 to 4294967295\"",
    );
    refused(
        &|all| {
            all.unsigned(tag(1), 1).unsigned(tag(1), 1).timestamp(tag(14), when);
        },
        "decode: bad_field in listOfServiceData, found \"[1] twice, expected once\"",
    );
    refused(
        &|all| {
            all.unsigned(tag(1), 1).octets(tag(12), &[0x80]).timestamp(tag(14), when);
        },
        "decode: bad_field in datavolumeFBCUplink, found \"80, expected an integer from 0 to 2^64-1\"",
    );
    // Tags of later releases and of other classes are passed over.
    refused(
        &|all| {
            all.unsigned(tag(1), 1).timestamp(tag(14), when).unsigned(tag(12), 5);
            all.octets(tag(99), b"x").octets(Tag::new(crate::ber::Class::Private, 12), b"x");
        },
        "0..60 5 1",
    );
}

#[test]
fn what_is_negative_by_its_octets_was_meant_unsigned() {
    let check = |record: &[u8], expect: &str| assert_eq!(read(record), expect);
    let good = written(&Record { local_sequence: Some(1), ..record() });
    let charging = replaced(&good, 5, b"\xDE\xAD\xBE\xEF");
    check(&charging, " | read_as_unsigned chargingID");
    with(&charging, |usage| {
        assert_eq!(listed(usage.unwrap().key)[1], b"\xDE\xAD\xBE\xEF", "the key keeps the octets")
    });
    let both = replaced(&charging, 20, b"\xFF\xFF\xFF\xFF");
    check(&both, " | read_as_unsigned chargingID localSequenceNumber");
    with(&both, |usage| assert_eq!(usage.unwrap().sequence, Some(u32::MAX)));
    let mut writer = Writer::new();
    writer.nested(Tag::context(12), |list| {
        list.nested(Tag::SEQUENCE, |fields| {
            fields.octets(Tag::context(4), b"\x80\x00\x00\x01").timestamp(Tag::context(6), after(60));
        });
    });
    let mut all = elements(&good);
    all.push((12, writer.into_bytes()));
    check(&assembled(&all), "0..60 2147483649 - | read_as_unsigned containers");
}

#[test]
fn unknown_tags_are_counted_and_passed_over() {
    let unknown = replaced(&replaced(&written(&record()), 26, b"x"), 4_000_000, b"y");
    assert_eq!(read(&unknown), " | unknown_tags 2");
    // Known to the standard, though nothing is read of it.
    assert_eq!(read(&replaced(&written(&record()), 73, b"z")), "");
    assert_eq!(read(&replaced(&written(&record()), 52, b"")), " | retransmission 1");
}

#[test]
fn numbers_say_themselves_whether_they_are_international() {
    let number = |content: &[u8]| {
        with(&replaced(&written(&record()), 22, content), |usage| {
            text(usage.unwrap().served_number).to_owned()
        })
    };
    assert_eq!(number(b"\x91\x43\x19\x55\x05\x21\xF3"), "+34915550123");
    assert_eq!(number(b"\xA1\x19\x55\x05\x21\xF3"), "915550123");
    assert_eq!(number(b"\x81\x00\x43"), "0034");
}

#[test]
fn the_key_rule_has_its_version_and_the_node() {
    let rule = |node: Option<&str>| {
        let options = PgwOptions { node: node.map(str::to_owned), ..PgwOptions::default() };
        let format = Format::Pgw(Pgw::new(&options));
        (text(&format.key_rule().name).to_owned(), format.key_rule().has_time)
    };
    assert_eq!(rule(None), ("pgw/1".to_owned(), true));
    assert_eq!(rule(Some("core-2")), ("pgw/1 core-2".to_owned(), true));
}

/// Writes every element anew in another form: order, indefinite lengths, lengths in more octets than needed.
fn another_form(record: &[u8], order: &[usize], surplus: u8, indefinite: bool) -> Vec<u8> {
    let mut all = elements(record);
    for (at, to) in order.iter().enumerate() {
        let len = all.len();
        all.swap(at % len, to % len);
    }
    let mut content = Vec::new();
    for (_, element) in &all {
        reform(element, surplus, indefinite, &mut content);
    }
    let mut out = vec![0xBF, 0x4F];
    length(content.len(), surplus, indefinite, &mut out);
    out.extend_from_slice(&content);
    if indefinite {
        out.extend_from_slice(&[0, 0]);
    }
    out
}

fn length(len: usize, surplus: u8, indefinite: bool, out: &mut Vec<u8>) {
    if indefinite {
        out.push(0x80);
        return;
    }
    out.push(0x84 + surplus % 4);
    out.extend(std::iter::repeat_n(0, usize::from(surplus % 4)));
    out.extend_from_slice(&u32::try_from(len).unwrap().to_be_bytes());
}

fn reform(element: &[u8], surplus: u8, indefinite: bool, out: &mut Vec<u8>) {
    let item = Children::of(element).next().unwrap().unwrap();
    crate::ber::encode::write_tag(out, item.tag);
    if !item.tag.is_constructed() {
        length(item.content.len(), surplus, false, out);
        out.extend_from_slice(item.content);
        return;
    }
    let mut content = Vec::new();
    let mut rest = item.content;
    while let Some(Ok(child)) = Children::of(rest).next() {
        reform(&rest[..child.len()], surplus, indefinite, &mut content);
        rest = &rest[child.len()..];
    }
    length(content.len(), surplus, indefinite, out);
    out.extend_from_slice(&content);
    if indefinite {
        out.extend_from_slice(&[0, 0]);
    }
}

prop_compose! {
    fn any_time()(days in 0i64..10_000, seconds in 0i64..86_400, minutes in -900i32..900) -> LocalTime {
        LocalTime { local_ms: (10_957 + days) * 86_400_000 + seconds * 1000, offset_s: Some(minutes * 60) }
    }
}

prop_compose! {
    fn any_flow()(
        rating_group: u32, service: Option<u32>, local_sequence: Option<u32>, time_usage: Option<u32>,
        first_usage in prop::option::of(any_time()), last_usage in prop::option::of(any_time()),
        up in prop::option::of(0u64..1 << 62), down in prop::option::of(0u64..1 << 62), reported in any_time(),
    ) -> ServiceData {
        ServiceData { rating_group, service, local_sequence, first_usage, last_usage, time_usage, up, down, reported }
    }
}

prop_compose! {
    fn any_bearer()(
        up in prop::option::of(0u64..1 << 62), down in prop::option::of(0u64..1 << 62), changed in any_time(),
    ) -> TrafficVolume {
        TrafficVolume { up, down, changed }
    }
}

#[derive(Clone, Debug)]
struct Texts {
    imsi: Option<String>,
    msisdn: Option<String>,
    imei: Option<String>,
    plmn: Option<String>,
    apn: Option<String>,
    node: Option<String>,
}

prop_compose! {
    fn any_texts()(
        imsi in prop::option::of("[0-9]{6,15}"), msisdn in prop::option::of("[0-9]{5,16}"),
        imei in prop::option::of("[0-9]{15,16}"), plmn in prop::option::of("[0-9]{5,6}"),
        apn in prop::option::of("[a-z.]{1,40}"), node in prop::option::of("[A-Z0-9]{1,20}"),
    ) -> Texts {
        Texts { imsi, msisdn, imei, plmn, apn, node }
    }
}

type Numbers = (u32, u32, u8, Option<u32>, Option<u32>, Option<u8>);

/// What was written comes back, field by field.
fn identity(record: &Record<'_>, bytes: &[u8]) {
    with(bytes, |usage| {
        let usage = usage.unwrap();
        assert_eq!(text(usage.served_imsi), record.imsi.unwrap_or(""));
        assert_eq!(
            text(usage.served_number),
            record.msisdn.map_or(String::new(), |number| format!("+{number}"))
        );
        assert_eq!(text(usage.serving_network), record.plmn.unwrap_or(""));
        let end = LocalTime {
            local_ms: record.opened.local_ms + i64::from(record.duration_s) * 1000,
            ..record.opened
        };
        assert_eq!((usage.start, usage.end), (record.opened, Some(end)));
        assert_eq!(usage.sequence, record.local_sequence);
        let attribute = |name: &str| {
            usage.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| text(value).to_owned())
        };
        assert_eq!(attribute("apn").as_deref(), record.apn);
        assert_eq!(attribute("imei").as_deref(), record.imei);
        assert_eq!(attribute("rat_type"), record.rat_type.map(|rat| rat.to_string()));
        assert_eq!((attribute("unknown_tags"), attribute("read_as_unsigned")), (None, None));
        assert_eq!(attribute("user_location").is_some(), !record.location.is_empty());
        let sum =
            |up: Option<u64>, down: Option<u64>| i64::try_from(up.unwrap_or(0) + down.unwrap_or(0)).unwrap();
        let by_flow = record.services.iter().any(|item| item.up.is_some() || item.down.is_some());
        let expect: Vec<_> = if by_flow || record.traffic_volumes.is_empty() {
            let end = |item: &ServiceData| item.last_usage.unwrap_or(item.reported);
            record
                .services
                .iter()
                .map(|item| (Some(item.rating_group), sum(item.up, item.down), end(item)))
                .collect()
        } else {
            record.traffic_volumes.iter().map(|item| (None, sum(item.up, item.down), item.changed)).collect()
        };
        let found: Vec<_> =
            usage.parts.iter().map(|part| (part.rating_group, part.quantity, part.end)).collect();
        assert_eq!(found, expect);
    });
}

proptest! {
    #[test]
    fn encoding_and_decoding_is_identity(
        texts in any_texts(), opened in any_time(), numbers: Numbers,
        services in prop::collection::vec(any_flow(), 0..6), traffic_volumes in prop::collection::vec(any_bearer(), 0..4),
        location in prop::collection::vec(any::<u8>(), 0..20), gateway: [u8; 4], v6: [u8; 16],
        (order, surplus, indefinite) in (prop::collection::vec(0usize..32, 24), any::<u8>(), any::<bool>()),
    ) {
        let (charging_id, duration_s, cause, sequence, local_sequence, rat_type) = numbers;
        let record = Record {
            imsi: texts.imsi.as_deref(),
            gateway: IpAddr::from(gateway),
            charging_id,
            serving_node: IpAddr::from(v6),
            apn: texts.apn.as_deref(),
            address: Some(IpAddr::from(v6)),
            traffic_volumes: &traffic_volumes,
            opened,
            duration_s,
            cause,
            sequence,
            node: texts.node.as_deref(),
            local_sequence,
            msisdn: texts.msisdn.as_deref(),
            plmn: texts.plmn.as_deref(),
            imei: texts.imei.as_deref(),
            rat_type,
            location: &location,
            services: &services,
            retransmission: false,
        };
        let bytes = written(&record);
        identity(&record, &bytes);
        // Every other way to write it is the same record; the address in its key keeps its inner form.
        let other = another_form(&bytes, &order, surplus, indefinite);
        identity(&record, &other);
        let key = |bytes: &[u8]| with(bytes, |usage| {
            usage.unwrap().key.iter().map(|field| field.to_vec()).skip(1).collect::<Vec<_>>()
        });
        prop_assert_eq!(key(&bytes), key(&other));
    }

    #[test]
    fn damage_is_a_fault_and_never_a_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = SAMPLE.to_vec();
        for (at, octet) in &damage {
            let at = at.index(bytes.len());
            bytes[at] = *octet;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        with(&bytes, |usage| drop(usage.map(|usage| usage.parts.len())));
        let _ = fields(&bytes);
    }

    #[test]
    fn any_octets_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let framed = [&[0xBF, 0x4F, 0x81, u8::try_from(bytes.len()).unwrap()], bytes.as_slice()].concat();
        for bytes in [&bytes, &framed] {
            with(bytes, |usage| drop(usage.map(|usage| usage.parts.len())));
            let _ = fields(bytes);
        }
    }
}

#[test]
fn a_record_of_a_cdr_file_is_read_behind_its_header() {
    let file: &[u8] = include_bytes!("../../../testdata/ts32297/ts32297_r8_2rec.cdr");
    let format = Format::Pgw(Pgw::new(&PgwOptions::default()));
    let layout = format.open(file).unwrap();
    let records: Vec<_> = format.framing().records(crate::Place::FileStart, file).collect();
    let code = |record: &[u8]| format.read(&layout, record, &mut Scratch::default()).err().map(|it| it.code);
    assert_eq!(code(records[0].bytes), None);
    assert_eq!(code(records[1].bytes), Some(Code::UnknownFormat));
    assert_eq!(code(&[&[0, 207, 0xA3, 0x47], SAMPLE].concat()), Some(Code::UnknownFormat));
    assert_eq!(format.fields(&layout, records[0].bytes).unwrap(), show::fields(SAMPLE).unwrap());
}
