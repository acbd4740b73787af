use super::*;
use crate::ber::Writer;
use crate::formats::record_table;

/// The leaves of a tree as `path=value`.
fn leaves(node: &Node, path: &str, into: &mut Vec<String>) {
    let name = node.name.map_or_else(|| node.tag.to_string(), str::to_owned);
    let path = if path.is_empty() { name } else { format!("{path}.{name}") };
    match &node.value {
        Value::Fields(nodes) | Value::List(nodes) => nodes.iter().for_each(|node| leaves(node, &path, into)),
        Value::Number(number) => into.push(format!("{path}={number}")),
        Value::Reinterpreted(number) => into.push(format!("{path}={number}!")),
        Value::Named(number, name) => into.push(format!("{path}={number} {name}")),
        Value::Truth(truth) => into.push(format!("{path}={truth}")),
        Value::Text(text) => into.push(format!("{path}={text}")),
        Value::Octets(octets) => into.push(format!("{path}={octets:02X?}")),
        Value::Wrong(octets, expected) => into.push(format!("{path}: {octets:02X?}, expected {expected}")),
    }
}

fn check(record: &[u8], expect: &[&str]) -> Notes {
    let root = crate::ber::first(record).unwrap();
    let (node, notes) = tree(record, record_table(root.tag, root.content)).unwrap();
    let mut found = Vec::new();
    leaves(&node, "", &mut found);
    for expected in expect {
        assert!(found.iter().any(|leaf| leaf == expected), "{expected} not in {found:#?}");
    }
    covers(&node, record.len());
    notes
}

/// Children lie within their parent, in order, without overlap, and end with it.
fn covers(node: &Node, end: usize) {
    assert_eq!(node.at + node.len, end);
    if let Value::Fields(nodes) | Value::List(nodes) = &node.value {
        let mut at = node.at;
        for child in nodes {
            assert!(child.at >= at);
            covers(child, child.at + child.len);
            at = child.at + child.len;
        }
        assert!(at <= end);
    }
}

#[test]
fn every_field_of_the_pgw_sample() {
    let notes = check(
        include_bytes!("../../../testdata/records/pgw_pycrate.ber"),
        &[
            "pGWRecord.recordType=85 pGWRecord",
            "pGWRecord.servedIMSI=261007000000001",
            "pGWRecord.p-GWAddress=10.0.0.1",
            "pGWRecord.chargingID=3735928559",
            "pGWRecord.servingNodeAddress.[0]=10.0.0.2",
            "pGWRecord.accessPointNameNI=internet",
            "pGWRecord.pdpPDNType=[F1, 21]",
            "pGWRecord.servedPDPPDNAddress=100.64.0.1",
            "pGWRecord.dynamicAddressFlag=true",
            "pGWRecord.recordOpeningTime=2026-11-22T15:30:45+03:00",
            "pGWRecord.duration=3600",
            "pGWRecord.causeForRecClosing=16 volumeLimit",
            "pGWRecord.recordSequenceNumber=3",
            "pGWRecord.nodeID=PGW01",
            "pGWRecord.localSequenceNumber=4294967295",
            "pGWRecord.servedMSISDN=+27334455667",
            "pGWRecord.servingNodePLMNIdentifier=262-01",
            "pGWRecord.rATType=6 E-UTRAN",
            "pGWRecord.listOfServiceData.[UNIVERSAL 16].ratingGroup=100",
            "pGWRecord.listOfServiceData.[UNIVERSAL 16].datavolumeFBCUplink=1234567",
            "pGWRecord.listOfServiceData.[UNIVERSAL 16].datavolumeFBCDownlink=9876543210",
            "pGWRecord.listOfServiceData.[UNIVERSAL 16].timeOfReport=2026-11-22T15:30:45+03:00",
            "pGWRecord.servingNodeType.[UNIVERSAL 10]=5 mME",
            "pGWRecord.startTime=2026-11-22T15:30:45+03:00",
        ],
    );
    assert!(notes == Notes::default());
}

#[test]
fn every_field_of_the_chf_sample() {
    let notes = check(
        include_bytes!("../../../testdata/records/chf_pycrate.ber"),
        &[
            "chargingFunctionRecord.recordType=200 chargingFunctionRecord",
            "chargingFunctionRecord.recordingNetworkFunctionID=3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "chargingFunctionRecord.subscriberIdentifier.subscriptionIDType=1 eND-USER-IMSI",
            "chargingFunctionRecord.subscriberIdentifier.subscriptionIDData=262017000000001",
            "chargingFunctionRecord.nFunctionConsumerInformation.networkFunctionality=1 sMF",
            "chargingFunctionRecord.listOfMultipleUnitUsage.[UNIVERSAL 16].ratingGroup=100",
            "chargingFunctionRecord.listOfMultipleUnitUsage.[UNIVERSAL 16].usedUnitContainers.[UNIVERSAL 16].dataTotalVolume=1000",
            "chargingFunctionRecord.recordOpeningTime=2026-11-22T15:30:45+03:00",
            "chargingFunctionRecord.localRecordSequenceNumber=42",
        ],
    );
    assert!(notes == Notes::default());
}

#[test]
fn kinds_without_a_table_are_shown_by_their_tags() {
    let notes = check(
        include_bytes!("../../../testdata/records/sgw_pycrate.ber"),
        &["[78].[0]=[54]", "[78].[35].ENUMERATED=5", "[78].[4].[0]=[0A, 00, 00, 03]"],
    );
    assert!(notes == Notes::default());
}

#[test]
fn what_is_worth_a_word() {
    let mut writer = Writer::new();
    let tag = Tag::context;
    writer.nested(tag(79), |record| {
        record.integer(tag(0), 85);
        record.octets(tag(5), b"\xDE\xAD\xBE\xEF");
        record.octets(tag(13), b"\x26\x13\x01\0\0\0+\0\0");
        record.octets(tag(99), b"new").nested(tag(34), |list| {
            list.nested(Tag::SEQUENCE, |item| {
                item.integer(tag(1), 7).nested(tag(50), |inside| {
                    inside.integer(tag(0), 1);
                });
            });
        });
    });
    let notes = check(
        writer.bytes(),
        &[
            "pGWRecord.chargingID=3735928559!",
            "pGWRecord.recordOpeningTime: [26, 13, 01, 00, 00, 00, 2B, 00, 00], expected YYMMDDhhmmss in BCD, + or -, hhmm in BCD",
            "pGWRecord.[99]=[6E, 65, 77]",
            "pGWRecord.listOfServiceData.[UNIVERSAL 16].[50].[0]=[01]",
        ],
    );
    let unknown: Vec<_> = notes.unknown.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(unknown, ["[99]", "listOfServiceData.0.[50]"]);
    assert_eq!(
        (notes.wrong, notes.reinterpreted),
        (vec!["recordOpeningTime".to_owned()], vec!["chargingID".to_owned()])
    );
}

#[test]
fn what_cannot_be_read_says_where() {
    let error = tree(b"\xBF\x4F\x05\x80\x01\x55\x81\x09", None).unwrap_err();
    assert_eq!(error.offset, 7);
    let mut deep = Writer::new();
    fn nest(writer: &mut Writer, levels: usize) {
        if levels > 0 {
            writer.nested(Tag::SEQUENCE, |inside| nest(inside, levels - 1));
        }
    }
    nest(&mut deep, 200);
    assert_eq!(tree(deep.bytes(), None).unwrap_err().wrong, Wrong::TooDeep);
}

#[test]
fn numbers_of_subscribers_are_not_in_debug_output() {
    let (node, _) = tree(include_bytes!("../../../testdata/records/pgw_pycrate.ber"), None).unwrap();
    assert!(!format!("{node:?}").contains("261007"));
}
