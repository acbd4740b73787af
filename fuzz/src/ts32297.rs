//! A TS 32.297 file: framing, the checks of its header, the CDR header of each record.
//! Relies on `account` for the octets.
//! Never reads what the CDRs hold: that is for `pgw` and `chf`.

use super::account;
use caudal_cdr::framing::ts32297::{Counted, FileHeader, cdr};
use caudal_cdr::{Framing, detect};

/// Octets of no CDR header or record: only fill and damage may lie between two.
pub fn check(octets: &[u8]) {
    let _ = detect(octets);
    let mut counted = Counted { size: octets.len() as u64, ..Counted::default() };
    let mut last = 0;
    let pieces = account::check(Framing::Ts32297, octets, |at, record| {
        counted.cdr(record);
        last = at + record.len();
        match cdr(record) {
            Ok((header, content)) => {
                assert_eq!(header.record_octets(), record.len(), "the CDR header says its record's length");
                assert!(record.ends_with(content), "the content is the record's own");
            }
            Err(fault) => assert!(!fault.to_string().is_empty(), "a fault says what is wrong"),
        }
    });
    counted.trailing = (octets.len() - last) as u64;
    let Ok(header) = FileHeader::parse(octets) else { return };
    let checks = header.checks(&counted);
    let broken = checks.iter().filter(|check| !check.holds).count();
    assert_eq!(header.findings(&counted).len(), broken, "findings are the checks that do not hold");
    let _ = (header.node_address(), format!("{header:?} {pieces:?}"));
}
