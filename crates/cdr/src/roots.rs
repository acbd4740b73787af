//! The tags on top of 3GPP charging records: TS 32.298 CHOICE numbers, the type inside, and the standard's names.
//! Relies on the record type in `[0]` to tell apart the two families that share the numbers 20 to 24.
//! Never says that a record can be decoded: most are known by name only.

use crate::ber::{Children, Class, Tag};

/// A kind of record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Root {
    /// Number of its context tag.
    pub number: u32,
    /// Value of `recordType`, its field `[0]`.
    pub record_type: i64,
    /// Name in the CHOICE.
    pub name: &'static str,
}

const fn root(number: u32, record_type: i64, name: &'static str) -> Root {
    Root { number, record_type, name }
}

/// Every kind of record known by name, in the order of its number.
pub const ROOTS: &[Root] = &[
    root(0, 0, "moCallRecord"),
    root(1, 1, "mtCallRecord"),
    root(2, 2, "roamingRecord"),
    root(3, 3, "incGatewayRecord"),
    root(4, 4, "outGatewayRecord"),
    root(5, 5, "transitRecord"),
    root(6, 6, "moSMSRecord"),
    root(7, 7, "mtSMSRecord"),
    root(8, 8, "moSMSIWRecord"),
    root(9, 9, "mtSMSGWRecord"),
    root(10, 10, "ssActionRecord"),
    root(11, 11, "hlrIntRecord"),
    root(12, 12, "locUpdateHLRRecord"),
    root(13, 13, "locUpdateVLRRecord"),
    root(14, 14, "commonEquipRecord"),
    root(16, 17, "termCAMELRecord"),
    root(17, 23, "mtLCSRecord"),
    root(18, 24, "moLCSRecord"),
    root(19, 25, "niLCSRecord"),
    root(20, 18, "sgsnPDPRecord"),
    root(20, 87, "mSCsRVCCRecord"),
    root(21, 19, "ggsnPDPRecord"),
    root(21, 88, "mMTRFRecord"),
    root(22, 20, "sgsnMMRecord"),
    root(22, 99, "iCSRegisterRecord"),
    root(23, 21, "sgsnSMORecord"),
    root(24, 22, "sgsnSMTRecord"),
    root(25, 26, "sgsnMTLCSRecord"),
    root(26, 27, "sgsnMOLCSRecord"),
    root(27, 28, "sgsnNILCSRecord"),
    root(63, 63, "sCSCFRecord"),
    root(64, 64, "pCSCFRecord"),
    root(65, 65, "iCSCFRecord"),
    root(66, 66, "mRFCRecord"),
    root(67, 67, "mGCFRecord"),
    root(68, 68, "bGCFRecord"),
    root(69, 69, "aSRecord"),
    root(70, 70, "eCSCFRecord"),
    root(76, 76, "sgsnMBMSRecord"),
    root(77, 77, "ggsnMBMSRecord"),
    root(78, 84, "sGWRecord"),
    root(79, 85, "pGWRecord"),
    root(82, 82, "iBCFRecord"),
    root(86, 86, "gwMBMSRecord"),
    root(89, 89, "tRFRecord"),
    root(90, 90, "tFRecord"),
    root(91, 91, "aTCFRecord"),
    root(92, 92, "tDFRecord"),
    root(93, 93, "sCSMORecord"),
    root(94, 94, "sCSMTRecord"),
    root(95, 95, "iPERecord"),
    root(96, 96, "ePDGRecord"),
    root(97, 97, "tWAGRecord"),
    root(110, 110, "sCDVTT4Record"),
    root(111, 111, "sCDVMOT4Record"),
    root(112, 112, "iSMSMORecord"),
    root(113, 113, "iSMSMTRecord"),
    root(200, 200, "chargingFunctionRecord"),
];

/// Names a record by its tag and content; `None` when the tag is unknown or the record type contradicts it.
pub fn root_of(tag: Tag, content: &[u8]) -> Option<&'static Root> {
    if tag.class() != Class::Context || !tag.is_constructed() {
        return None;
    }
    let kinds = ROOTS.iter().filter(|root| root.number == tag.number());
    let record_type = record_type(content)?;
    kinds.into_iter().find(|root| root.record_type == record_type)
}

/// `recordType`: field `[0]`, wherever it stands.
pub fn record_type(content: &[u8]) -> Option<i64> {
    let fields = Children::of(content).map_while(Result::ok);
    let field = fields.into_iter().find(|field| field.tag == Tag::context(0))?;
    crate::ber::value::integer(field.content).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_tag_and_type() {
        let check = |number, content: &[u8], expect: Option<&str>| {
            let root = root_of(Tag::context(number).constructed(), content);
            assert_eq!(root.map(|root| root.name), expect);
        };
        check(79, b"\x80\x01\x55", Some("pGWRecord"));
        check(79, b"\x83\x01\x00\x80\x01\x55", Some("pGWRecord"));
        check(79, b"\x80\x01\x54", None);
        check(200, b"\x80\x02\x00\xC8", Some("chargingFunctionRecord"));
        check(20, b"\x80\x01\x12", Some("sgsnPDPRecord"));
        check(20, b"\x80\x01\x57", Some("mSCsRVCCRecord"));
        check(34, b"\x80\x01\x55", None);
        check(79, b"", None);
        assert!(ROOTS.is_sorted_by_key(|root| root.number));
    }
}
