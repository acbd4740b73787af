//! The key rule of Asterisk rows.
//! Relies on (uniqueid, sequence): forked and queued calls write several rows of one unique id.
//! Never uses the unique id alone; a row without both is known by its whole text.

use super::AsteriskOptions;
use super::decode::AsteriskCdr;
use crate::formats::KeyRule;
use smallvec::{SmallVec, smallvec};

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

/// The raw fields that identify a row and its session.
pub(super) struct Keys<'a> {
    pub(super) key: SmallVec<[&'a [u8]; 8]>,
    pub(super) session: SmallVec<[&'a [u8]; 4]>,
}

/// Picks key and session. The session is the unique id, so the rows of one call meet in one slot.
pub(super) fn pick<'a>(cdr: &AsteriskCdr<'a>, row: &'a [u8]) -> Keys<'a> {
    if cdr.uniqueid.is_empty() || cdr.sequence.is_empty() {
        return Keys { key: smallvec![row], session: smallvec![row] };
    }
    Keys { key: smallvec![cdr.uniqueid, cdr.sequence], session: smallvec![cdr.uniqueid] }
}
