use super::*;
use caudal_usage::{LocalTime, Timestamp};
use proptest::prelude::*;

fn row() -> Row<'static> {
    Row {
        accountcode: "acme",
        src: "101",
        dst: "0033155500199",
        dcontext: "outbound",
        clid: "\"Ánn, \"B\"\" <101>",
        channel: "PJSIP/101-00000001",
        dstchannel: "PJSIP/trunk-00000002",
        lastapp: "Dial",
        lastdata: "PJSIP/trunk,60",
        start: "2026-10-02 10:00:00",
        answer: "2026-10-02 10:00:05",
        end: "2026-10-02 10:01:06",
        duration: 66,
        billsec: 61,
        disposition: "ANSWERED",
        amaflags: "DOCUMENTATION",
        uniqueid: "1790928000.1",
        userfield: "",
        peeraccount: "",
        linkedid: "1790928000.1",
        sequence: 7,
    }
}

fn line(row: &Row<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write_row(row, &mut out);
    out.pop();
    out
}

/// Reads `line` and shows what matters, or the fault.
fn read(options: AsteriskOptions, line: &[u8]) -> String {
    let format = crate::Format::Asterisk(Asterisk::new(options));
    let layout = match format.open(line) {
        Ok(layout) => layout,
        Err(fault) => return fault.to_string(),
    };
    let mut scratch = Scratch::default();
    match format.read(&layout, line, &mut scratch) {
        Ok(raw) => {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let time = |time: LocalTime| format!("{} {:?}", Timestamp::utc(time.local_ms), time.offset_s);
            let key: Vec<_> =
                raw.key.iter().map(|field| text(field).chars().take(30).collect::<String>()).collect();
            format!(
                "{} {} {}>{} sub={} key={} session={} filter={:?}",
                time(raw.start),
                raw.quantity,
                text(raw.calling),
                text(raw.called),
                text(raw.served_subscription),
                key.join("|"),
                raw.session.iter().count(),
                raw.filter
            )
        }
        Err(fault) => fault.to_string(),
    }
}

fn check(row: Row<'_>, expect: &str) {
    assert_eq!(read(AsteriskOptions::default(), &line(&row)), expect);
}

const CALL: &str = "101>0033155500199 sub= key=1790928000.1|7 session=1";

#[test]
fn dispositions() {
    check(row(), &format!("2026-10-02T10:00:05Z None 61000 {CALL} filter=None"));
    check(
        Row { billsec: 0, ..row() },
        &format!("2026-10-02T10:00:05Z None 0 {CALL} filter=Some(ZeroDuration)"),
    );
    for disposition in ["NO ANSWER", "BUSY", "FAILED", "CONGESTION"] {
        check(
            Row { billsec: 0, answer: "", disposition, ..row() },
            &format!("2026-10-02T10:00:00Z None 0 {CALL} filter=Some(Unanswered)"),
        );
    }
    check(
        Row { channel: "Local/101@queue-00000001;2", ..row() },
        &format!("2026-10-02T10:00:05Z None 61000 {CALL} filter=Some(NotBillable)"),
    );
    // Two of the 84 rows of a real file were like this.
    check(
        Row { disposition: "NO ANSWER", ..row() },
        "validate: contradictory in disposition, found \"NO ANSWER with billsec 61\"",
    );
    check(Row { answer: "", ..row() }, "decode: missing_field in answer, found \"\"");
    check(Row { disposition: "HUNG", ..row() }, "decode: bad_field in disposition, found \"HUNG\"");
    check(
        Row { answer: "2026-02-29 10:00:00", ..row() },
        "decode: bad_field in answer, found \"2026-02-29 10:00:00\"",
    );
}

#[test]
fn options() {
    let gmt = AsteriskOptions { clock: AsteriskClock::Gmt, ..Default::default() };
    assert_eq!(read(gmt, &line(&row())), format!("2026-10-02T10:00:05Z Some(0) 61000 {CALL} filter=None"));
    let payer = AsteriskOptions { payer: AsteriskPayer::AccountCode, ..Default::default() };
    assert!(read(payer.clone(), &line(&row())).contains("sub=acme"));
    let nobody = Row { accountcode: "", ..row() };
    assert!(read(payer, &line(&nobody)).starts_with("decode: missing_field in accountcode"));
    let node = AsteriskOptions { node: Some("pbx-1".into()), ..Default::default() };
    assert_eq!(Asterisk::new(node).key_rule().name, b"asterisk/1 pbx-1");
}

#[test]
fn every_column_count() {
    let base = r#""","101","102","ctx","""A"" <101>","SIP/1-1","","Dial","x","2026-10-02 10:00:00","2026-10-02 10:00:05","2026-10-02 10:01:06",66,61,"ANSWERED","DOCUMENTATION""#;
    let whole = "2026-10-02T10:00:05Z None 61000 101>102 sub= key=\"\",\"101\",\"102\",\"ctx\",\"\"\"A\"\" <1 session=1 filter=None";
    let check = |tail: &str, expect: &str| {
        assert_eq!(read(AsteriskOptions::default(), format!("{base}{tail}").as_bytes()), expect, "{tail}");
    };
    check("", whole);
    check(r#","17.1""#, whole);
    check(r#","17.1","uf""#, whole);
    check(
        r#","17.1","uf","","17.1",4"#,
        "2026-10-02T10:00:05Z None 61000 101>102 sub= key=17.1|4 session=1 filter=None",
    );
    check(
        r#","17.1","","17.1",4"#,
        "2026-10-02T10:00:05Z None 61000 101>102 sub= key=17.1|4 session=1 filter=None",
    );
    check(r#","","17.1",4"#, whole);
    let fault = read(AsteriskOptions::default(), format!(r#"{base},"17.1","uf","","17.1",4,"x""#).as_bytes());
    assert!(fault.starts_with("frame: unknown_format in Master.csv row"), "{fault}");
}

#[test]
fn the_order_of_cdr_custom() {
    let line = br#""""Bob"" <101>","101","102","ctx","SIP/1-1","","Dial","x","2026-10-02 10:00:00","2026-10-02 10:00:05","2026-10-02 10:01:06","66","61","ANSWERED","DOCUMENTATION","acme","17.1","uf""#;
    assert!(
        read(AsteriskOptions::default(), line)
            .starts_with("2026-10-02T10:00:05Z None 61000 101>102 sub= key=\"\"\"Bob")
    );
    let format = crate::Format::Asterisk(Asterisk::new(AsteriskOptions::default()));
    let fields = format.fields(&format.open(line).unwrap(), line).unwrap();
    assert_eq!(fields[0], ("clid".to_owned(), b"\"Bob\" <101>".to_vec()));
    assert_eq!(fields[15], ("accountcode".to_owned(), b"acme".to_vec()));
}

#[test]
fn quirks() {
    // Other builds write an empty answer in quotes; caller names come in any character set.
    let text =
        String::from_utf8(line(&Row { answer: "", billsec: 0, disposition: "BUSY", ..row() })).unwrap();
    let mut bytes = text.replace(",,\"2026-10-02 10:01:06\"", ",\"\",\"2026-10-02 10:01:06\"").into_bytes();
    assert_ne!(bytes, text.as_bytes());
    bytes[45] = 0xE9;
    assert!(read(AsteriskOptions::default(), &bytes).ends_with("filter=Some(Unanswered)"));
    // A row that a full disk cut in the middle of its last quoted column.
    let cut = &line(&row())[..150];
    let format = crate::Format::Asterisk(Asterisk::new(AsteriskOptions::default()));
    let layout = format.open(&line(&row())).unwrap();
    let fault = format.read(&layout, cut, &mut Scratch::default()).map(|raw| raw.day).unwrap_err();
    assert_eq!(fault.code, Code::Truncated);
}

proptest! {
    #[test]
    fn decode_inverts_encode(texts in prop::collection::vec("[^\n]{0,12}", 8), billsec in 1u32..100_000, sequence: u32) {
        let row = Row {
            accountcode: &texts[0], src: &texts[1], dst: &texts[2], dcontext: &texts[3], clid: &texts[4],
            lastdata: &texts[5], userfield: &texts[6], peeraccount: &texts[7], billsec, sequence, ..row()
        };
        let line = line(&row);
        let format = crate::Format::Asterisk(Asterisk::new(AsteriskOptions::default()));
        let layout = format.open(&line).unwrap();
        let fields = format.fields(&layout, &line).unwrap();
        let expect = [row.accountcode, row.src, row.dst, row.dcontext, row.clid];
        for (field, text) in fields.iter().zip(expect) {
            prop_assert_eq!(&field.1, text.as_bytes());
        }
        let mut scratch = Scratch::default();
        let raw = format.read(&layout, &line, &mut scratch).unwrap();
        prop_assert_eq!(raw.quantity, i64::from(billsec) * 1000);
        prop_assert_eq!(raw.called, row.dst.as_bytes());
    }

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(prop::sample::select(b",\"0129-: A\xFF".to_vec()), 1..200)) {
        let format = crate::Format::Asterisk(Asterisk::new(AsteriskOptions::default()));
        let layout = format.open(&line(&row())).unwrap();
        let _ = format.read(&layout, &bytes, &mut Scratch::default());
        let _ = format.open(&bytes);
        let _ = crate::detect(&bytes);
    }
}
