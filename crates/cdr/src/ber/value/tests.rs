use super::*;
use crate::ber::{Children, Tag, Writer};
use proptest::prelude::*;

#[test]
fn integers() {
    let check =
        |content: &[u8], expect: Option<i64>| assert_eq!(integer(content).ok(), expect, "{content:02X?}");
    check(b"\x00", Some(0));
    check(b"\x7F", Some(127));
    check(b"\x80", Some(-128));
    check(b"\x00\xC8", Some(200));
    check(b"\xFF\x7F", Some(-129));
    check(b"\x00\x00\x01", Some(1));
    check(b"\xFF\xFF\xFE", Some(-2));
    check(b"\x00\xDE\xAD\xBE\xEF", Some(0xDEAD_BEEF));
    check(b"\x80\0\0\0\0\0\0\0", Some(i64::MIN));
    check(b"\xFF\x80\0\0\0\0\0\0\0", Some(i64::MIN));
    check(b"\x00\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", Some(i64::MAX));
    check(b"\x00\x80\0\0\0\0\0\0\0", None);
    check(b"\x01\0\0\0\0\0\0\0\0", None);
    check(b"", None);
}

#[test]
fn numbers_that_cannot_be_negative() {
    let check = |content: &[u8], expect: Option<(u64, bool)>| {
        let read = unsigned(content).ok().map(|read| (read.value, read.reinterpreted));
        assert_eq!(read, expect, "{content:02X?}");
    };
    check(b"\x00", Some((0, false)));
    check(b"\x0E\x10", Some((3600, false)));
    check(b"\x00\xDE\xAD\xBE\xEF", Some((3_735_928_559, false)));
    check(b"\xDE\xAD\xBE\xEF", Some((3_735_928_559, true)));
    check(b"\xFF\xFF\xFF\xFE", Some((4_294_967_294, true)));
    check(b"\x02\x4C\xB0\x16\xEA", Some((9_876_543_210, false)));
    check(&[0xFF; 8], Some((u64::MAX, true)));
    check(&[&[0][..], &[0xFF; 8]].concat(), Some((u64::MAX, false)));
    check(&[0; 30], Some((0, false)));
    check(b"\xC8", None);
    check(b"\xFF\xFF", None);
    check(&[0xFF; 9], None);
    check(b"\x01\0\0\0\0\0\0\0\0", None);
    check(b"\x00\x01\0\0\0\0\0\0\0\0", None);
    check(b"", None);
}

#[test]
fn digits_in_swapped_nibbles() {
    let check = |content: &[u8], any: Option<&str>, decimal: Option<&str>| {
        let text = |digits: &[u8]| String::from_utf8(digits.to_vec()).unwrap();
        assert_eq!(tbcd(content, &mut [0; DIGITS_MAX]).ok().map(text).as_deref(), any, "{content:02X?}");
        assert_eq!(tbcd_decimal(content, &mut [0; DIGITS_MAX]).ok().map(text).as_deref(), decimal);
    };
    let imsi = Some("261007000000001");
    check(b"\x62\x01\x70\x00\x00\x00\x00\xF1", imsi, imsi);
    check(b"\x21\x43", Some("1234"), Some("1234"));
    check(b"", Some(""), Some(""));
    check(b"\xF1", Some("1"), Some("1"));
    check(b"\xA1\xFB", Some("1*#"), None);
    check(b"\xDC\xFE", Some("abc"), None);
    for wrong in [&b"\x1F"[..], b"\xF1\x21", b"\x21\x1F", b"\xFF", b"\x21\xFF"] {
        check(wrong, None, None);
    }
    check(&[0x11; 21], None, None);
}

#[test]
fn addresses() {
    let mut into = [0; DIGITS_MAX];
    let number = isdn(b"\x91\x72\x33\x44\x55\x66\xF7", &mut into).unwrap();
    assert_eq!((number.nature, number.plan, number.digits), (1, 1, &b"27334455667"[..]));
    assert_eq!(format!("{number:?}"), "number of 11 digits, nature 1, plan 1");
    assert_eq!(isdn(b"\xA1\x10", &mut into).unwrap().nature, 2);
    assert!(isdn(b"\x11\x72", &mut into).is_err());
    assert!(isdn(b"", &mut into).is_err());
    assert!(isdn(b"\x91\x11\x11\x11\x11\x11\x11\x11\x11\x11", &mut into).is_err());
    assert!(address(b"\x91\x11\x11\x11\x11\x11\x11\x11\x11\x11", &mut into).is_ok());
}

#[test]
fn networks() {
    let check = |content: &[u8], expect: Option<(&[u8], &[u8])>| {
        let read = plmn(content).ok();
        assert_eq!(read.as_ref().map(|plmn| (plmn.mcc(), plmn.mnc())), expect, "{content:02X?}");
    };
    check(b"\x62\xF2\x10", Some((b"262", b"01")));
    check(b"\x13\x00\x62", Some((b"310", b"260")));
    for wrong in [&b"\x62\xF2"[..], b"\xF2\x10\x20", b"\x62\xF2\xA1", b"\x62\xFF\x10", b"\x62\xE2\x10"] {
        check(wrong, None);
    }
}

#[test]
fn ip_addresses() {
    let check = |octets: &[u8], expect: Option<&str>| {
        let choice = Children::of(octets).next().unwrap().unwrap();
        assert_eq!(ip(&choice).ok().map(|address| address.to_string()).as_deref(), expect, "{octets:02X?}");
    };
    check(b"\x80\x04\x0A\x00\x00\x01", Some("10.0.0.1"));
    check(b"\x81\x10\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01", Some("2001:db8::1"));
    check(b"\x82\x08127.0.0.", None);
    check(b"\x82\x09127.0.0.1", Some("127.0.0.1"));
    check(b"\x83\x03::1", Some("::1"));
    check(b"\xA4\x15\x04\x10\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01\x02\x01\x40", Some("2001:db8::1"));
    for wrong in [
        &b"\x80\x03\x0A\x00\x00"[..],
        b"\x81\x04\x0A\0\0\x01",
        b"\xA4\x00",
        b"\x85\x00",
        b"\x04\x04\x0A\0\0\x01",
    ] {
        check(wrong, None);
    }
}

#[test]
fn flags_and_texts() {
    assert_eq!((boolean(b"\xFF"), boolean(b"\x01"), boolean(b"\x00")), (Ok(true), Ok(true), Ok(false)));
    assert!(boolean(b"").is_err() && boolean(b"\0\0").is_err());
    assert_eq!((ia5(b"internet"), ia5(b"")), (Ok("internet"), Ok("")));
    assert!(ia5("é".as_bytes()).is_err() && utf8(b"\xFF").is_err());
    assert_eq!(utf8("é".as_bytes()), Ok("é"));
    let read = bits(b"\x07\x80").unwrap();
    assert_eq!((read.count(), read.is_set(0), read.is_set(1), read.is_set(400)), (1, true, false, false));
    let read = bits(b"\x04\x00\xF0").unwrap();
    assert_eq!((read.count(), read.is_set(8), read.is_set(11), read.is_set(12)), (12, true, true, false));
    assert_eq!(bits(b"\x00").unwrap().count(), 0);
    assert!(bits(b"").is_err() && bits(b"\x08\x80").is_err() && bits(b"\x01").is_err());
}

proptest! {
    #[test]
    fn values_read_back(
        signed: i64,
        number: u64,
        digits in "[0-9*#abc]{0,40}",
        network in "[0-9]{5,6}",
        address: core::net::IpAddr,
        mut set in prop::collection::vec(0usize..100, 0..10),
    ) {
        let mut writer = Writer::new();
        let tag = Tag::context(79);
        writer.integer(tag, signed).unsigned(tag, number).tbcd(tag, digits.as_bytes());
        writer.plmn(tag, network.as_bytes()).ip(tag, address).bits(tag, &set);
        let octets = writer.into_bytes();
        let elements: Vec<_> = Children::of(&octets).collect::<Result<_, _>>().unwrap();
        let [a, b, c, d, e, f] = elements[..] else { panic!("six elements") };
        prop_assert_eq!(integer(a.content), Ok(signed));
        prop_assert_eq!(unsigned(b.content), Ok(Unsigned { value: number, reinterpreted: false }));
        let mut into = [0; DIGITS_MAX];
        prop_assert_eq!(tbcd(c.content, &mut into), Ok(digits.as_bytes()));
        let network_read = plmn(d.content);
        prop_assert_eq!(network_read.as_ref().map(Plmn::digits), Ok(network.as_bytes()));
        prop_assert_eq!(ip(&e.only_child().unwrap()), Ok(address));
        let read = bits(f.content).unwrap();
        set.sort_unstable();
        set.dedup();
        prop_assert_eq!((0..200).filter(|bit| read.is_set(*bit)).collect::<Vec<_>>(), set);
    }
}
