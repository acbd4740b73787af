//! A TS 32.297 file header and the first or last slice of its file to what an operator must be told.
//! Relies on the checks of the framing for what a header says wrongly; here they are only timed and given their codes.
//! Never looks at more than one block: what it tells is the same wherever epochs are cut.

use caudal_cdr::Place;
use caudal_cdr::framing::ts32297::{Check, Counted, FileHeader};
use caudal_cdr::framing::{FramedRecord, Framing};
use caudal_engine::intake::Slice;
use caudal_engine::source::BlockKind;
use caudal_usage::Code;
use caudal_usage::alarm::AlarmCode;
use compact_str::{CompactString, format_compact};

/// The checks that need the end of the file.
const AT_END: [&str; 3] = ["fileLength", "numberOfCdrs", "trailingOctets"];

/// What does not hold of what the slice allows to check: at the beginning of the file what its header says of itself
/// and of the first block, at the end what it says of all of it.
pub(super) fn findings(header: &FileHeader, slice: &Slice) -> Vec<(AlarmCode, String)> {
    let mut told = Vec::new();
    if slice.begins_file() {
        let mut counted = Counted::default();
        records(slice).for_each(|record| counted.cdr(record.bytes));
        let found = header.findings(&counted).into_iter();
        told.extend(found.filter(|check| !AT_END.contains(&check.field)).map(alarm));
    }
    if slice.ends_file() {
        let counted = Counted {
            size: slice.block.next.offset,
            cdrs: u64::from(slice.seen()),
            trailing: trailing(slice),
            releases: None,
        };
        let found = header.findings(&counted).into_iter();
        told.extend(found.filter(|check| AT_END.contains(&check.field)).map(alarm));
    }
    told
}

/// The node as an operator knows it: its address, or the octets that should be one.
pub(super) fn node(header: &FileHeader) -> CompactString {
    match header.node_address() {
        Some(address) => format_compact!("{address}"),
        None => header.node.iter().map(|octet| format_compact!("{octet:02x}")).collect(),
    }
}

fn alarm(check: Check) -> (AlarmCode, String) {
    let Check { field, found, expected, .. } = check;
    let (code, message) = match field {
        "fileClosureTriggerReason" => (AlarmCode::AbnormalClosure, format!("closure reason {found}")),
        "lostCdrIndicator" => (AlarmCode::LostRecords, format!("lost CDR indicator {found}")),
        "fileLength" => (AlarmCode::CountMismatch, format!("declared {found} octets, seen {expected}")),
        "numberOfCdrs" => (AlarmCode::CountMismatch, format!("declared {found} CDRs, seen {expected}")),
        field => (AlarmCode::FileHeader, format!("{field}: found {found}, expected {expected}")),
    };
    (code, message)
}

/// The framed records of the whole block.
fn records(slice: &Slice) -> impl Iterator<Item = FramedRecord<'_>> {
    let block = &slice.block;
    let records = match block.kind {
        BlockKind::Records => block.bytes.as_slice(),
        BlockKind::Damage { .. } => &[],
    };
    Framing::Ts32297.records(Place::at(block.start.offset), records)
}

/// Octets behind the last CDR of the file, as its last block shows them. One that is cut is no such octets.
fn trailing(slice: &Slice) -> u64 {
    let block = &slice.block;
    match block.kind {
        BlockKind::Damage { code: Code::Truncated, .. } => 0,
        BlockKind::Damage { len, .. } => len,
        BlockKind::Records => {
            let header = Framing::Ts32297.file_header(Place::at(block.start.offset), &block.bytes);
            let end = records(slice).last().map_or(header, |record| record.offset + record.bytes.len());
            block.bytes.len().saturating_sub(end) as u64
        }
    }
}
