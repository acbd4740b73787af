use super::*;
use crate::ber::{Class, Writer};
use proptest::prelude::*;

/// The elements of a content as `(at, tag, header, content)`, then the error if one ends them.
fn check(input: &[u8], expect: &[(usize, &str, usize, &[u8])], error: Option<(usize, Wrong)>) {
    let mut found = Vec::new();
    let mut stopped = None;
    for element in Children::of(input) {
        match element {
            Ok(tlv) => found.push((tlv.at, format!("{:?}", tlv.tag), tlv.header, tlv.content)),
            Err(error) => stopped = Some((error.offset, error.wrong)),
        }
    }
    let expect: Vec<_> =
        expect.iter().map(|(at, tag, header, content)| (*at, tag.to_string(), *header, *content)).collect();
    assert_eq!((found, stopped), (expect, error), "{input:02X?}");
}

#[test]
fn forms_of_tag_and_length() {
    check(b"", &[], None);
    check(b"\x80\x01\x55\x85\x00", &[(0, "[0]", 2, b"\x55"), (3, "[5]", 2, b"")], None);
    check(b"\xBF\x4F\x02\x80\x00", &[(0, "[79] constructed", 3, b"\x80\x00")], None);
    check(b"\xBF\x81\x48\x00", &[(0, "[200] constructed", 4, b"")], None);
    check(b"\x5F\x87\xFF\xFF\x7F\x00", &[(0, "[APPLICATION 16777215]", 6, b"")], None);
    check(b"\x1F\x05\x00", &[(0, "[UNIVERSAL 5]", 3, b"")], None);
    check(b"\x04\x81\x01A", &[(0, "[UNIVERSAL 4]", 3, b"A")], None);
    check(b"\x04\x88\0\0\0\0\0\0\0\x01A", &[(0, "[UNIVERSAL 4]", 10, b"A")], None);
    check(
        b"\x30\x80\x04\x01A\0\0\x04\x00",
        &[(0, "[UNIVERSAL 16] constructed", 2, b"\x04\x01A"), (7, "[UNIVERSAL 4]", 2, b"")],
        None,
    );
    check(
        b"\x30\x80\x31\x80\0\0\x04\x02\0\0\0\0",
        &[(0, "[UNIVERSAL 16] constructed", 2, b"\x31\x80\0\0\x04\x02\0\0")],
        None,
    );
}

#[test]
fn what_is_wrong_and_where() {
    let cut = |announced, there| Wrong::ContentCut { announced, there };
    check(b"\x80", &[], Some((1, Wrong::HeaderCut)));
    check(b"\x80\x01\x55\x9F", &[(0, "[0]", 2, b"\x55")], Some((4, Wrong::HeaderCut)));
    check(b"\x9F\xFF\xFF\xFF\xFF\x00", &[], Some((0, Wrong::LongTag)));
    check(b"\x80\x05abc", &[], Some((1, cut(5, 3))));
    check(b"\x04\x88\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", &[], Some((1, cut(u64::MAX, 0))));
    check(b"\x04\x82\x01", &[], Some((2, Wrong::HeaderCut)));
    check(b"\x04\x89\0\0\0\0\0\0\0\0\x01A", &[], Some((1, Wrong::LongLength)));
    check(b"\x04\xFF", &[], Some((1, Wrong::LongLength)));
    check(b"\x04\x80\0\0", &[], Some((1, Wrong::IndefinitePrimitive)));
    check(b"\x30\x80\x04\x00", &[], Some((4, Wrong::NoEndOfContents)));
    check(b"\x30\x80\x04\x80\0\0\0\0", &[], Some((3, Wrong::IndefinitePrimitive)));
    check(b"\x30\x80\x04\x03\0\0", &[], Some((3, cut(3, 2))));
    check(b"\x04\x00\0\0\x04\x00", &[(0, "[UNIVERSAL 4]", 2, b"")], Some((2, Wrong::StrayEndOfContents)));
    check(b"\x1F\x00\x01\x41", &[], Some((0, Wrong::StrayEndOfContents)));
    let deep = b"\x30\x80".repeat(DEPTH_MAX + 1);
    check(&deep, &[], Some((2 * DEPTH_MAX, Wrong::TooDeep)));
    let error = BerError { offset: 7, wrong: cut(5, 3) };
    assert_eq!(error.to_string(), "offset 7: found 3 octets, expected the 5 that the length announces");
    assert_eq!(error.fault("listOfServiceData").code, caudal_usage::Code::BadLength);
}

#[test]
fn offsets_count_from_the_outermost() {
    let input = b"\x04\x00\xBF\x22\x05\x30\x03\x81\x01\x64";
    let list = Children::of(input).nth(1).unwrap().unwrap();
    let item = list.only_child().unwrap();
    let group = item.children().next().unwrap().unwrap();
    assert_eq!((list.at, list.header, list.len(), item.at, group.at), (2, 3, 8, 5, 7));
    assert_eq!(group.content, b"\x64");
    assert_eq!(group.only_child().unwrap_err().offset, 10);
}

proptest! {
    #[test]
    fn elements_read_back(class in 0u8..4, number in 0u32..1 << 28, content: Vec<u8>, constructed: bool) {
        let class = [Class::Universal, Class::Application, Class::Context, Class::Private][usize::from(class)];
        let tag = Tag::new(class, number);
        let tag = if constructed { tag.constructed() } else { tag };
        // [UNIVERSAL 0] is the end-of-contents, never an element.
        prop_assume!(tag != Tag::new(Class::Universal, 0));
        let mut writer = Writer::new();
        writer.octets(tag, &content).nested_indefinite(tag, |inside| {
            inside.octets(Tag::OCTET_STRING, &content);
        });
        let octets = writer.into_bytes();
        let read: Vec<_> = Children::of(&octets).collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(read.len(), 2);
        prop_assert_eq!((read[0].tag, read[0].content, read[0].form), (tag, &content[..], Form::Definite));
        prop_assert_eq!((read[1].tag, read[1].form), (tag.constructed(), Form::Indefinite));
        prop_assert_eq!(read[1].only_child().unwrap().content, &content[..]);
        prop_assert_eq!(read[1].at + read[1].len(), octets.len());
    }

    /// The short way by hand and the long way by nom's parsers agree on every input.
    #[test]
    fn both_ways_agree(input in prop::collection::vec(prop_oneof![any::<u8>(), 0u8..6, Just(0x80), Just(0x30)], 0..40)) {
        prop_assert_eq!(tlv(&input), any_tlv(&input));
    }

    #[test]
    fn any_octets_end(input: Vec<u8>) {
        let mut octets = 0;
        for element in Children::of(&input) {
            octets += element.map_or(0, |tlv| tlv.len());
        }
        prop_assert!(octets <= input.len());
    }
}
