//! The key rule of Asterisk rows.
//! Relies on (uniqueid, sequence): forked and queued calls write several rows of one unique id.
//! Never uses the unique id alone; a row without both is known by its whole text.

use super::AsteriskOptions;
use super::decode::AsteriskCdr;
use crate::formats::KeyRule;
use crate::keys::{Keys, Written};

/// Name and version. A change of the fields below needs a new version.
const NAME: &str = "asterisk/1";

/// What to say of a file whose rows have no sequence.
pub(super) const WHOLE_ROW: &str = "rows without uniqueid and sequence are known by their whole text only: a row that was \
     changed counts as another call (set loguniqueid = yes and newcdrcolumns = yes in cdr.conf)";

pub(super) fn rule(options: &AsteriskOptions) -> KeyRule {
    let name = match &options.node {
        Some(node) => format!("{NAME} {node}"),
        None => NAME.to_owned(),
    };
    KeyRule {
        name: name.into_bytes(),
        // A unique id holds a time, but not in the form that picks the day.
        has_time: false,
    }
}

/// Writes key, session and billed fields. The session is the unique id, so the rows of one call meet in one slot.
pub(super) fn write<'k>(cdr: &AsteriskCdr<'_>, row: &[u8], keys: &'k mut Keys) -> Written<'k> {
    let billed =
        [cdr.start.1, cdr.answer.1, cdr.billsec.1, cdr.disposition.1, cdr.src, cdr.dst, cdr.accountcode];
    if cdr.uniqueid.is_empty() || cdr.sequence.is_empty() {
        return keys.write_shared([row], 1, billed);
    }
    keys.write_shared([cdr.uniqueid, cdr.sequence], 1, billed)
}
