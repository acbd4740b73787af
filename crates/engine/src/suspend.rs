//! Suspense lines of usage records, drawn up where the decision falls.
//! Relies on the record's bytes being at hand: in the block, or with the partial that waited.
//! Never decides: the fault says why.

use crate::tally::Tally;
use crate::turn::Epoch;
use caudal_usage::{Fault, HeldPartial, Position, Run, Turn, UsageRecord};
use caudal_wire::lines::{Suspense, write_suspense};

/// Suspends one partial of a session that cannot be billed. Each keeps its own bytes, so all can be recycled.
pub(crate) fn suspend_member(
    tally: &mut Tally,
    out: &mut Vec<u8>,
    epoch: &Epoch<'_>,
    (member, fault, turn): (&HeldPartial, &Fault, Turn),
) {
    let at = member.record.at();
    tally.code(at.file, member.record.claim.day, epoch.side(at.file, turn), fault.code);
    put_suspense(out, epoch, (&member.record, &member.raw), (Run::Retail, fault), None);
}

/// Appends the suspense line of a usage record.
pub(crate) fn put_suspense(
    out: &mut Vec<u8>,
    epoch: &Epoch<'_>,
    (usage, raw): (&UsageRecord, &[u8]),
    (run, fault): (Run, &Fault),
    first: Option<Position>,
) {
    let item = Suspense {
        fault,
        run,
        at: epoch.place(usage.at()),
        offset: usage.bytes.offset,
        len: u64::from(usage.bytes.len),
        attempt: usage.claim.attempt,
        first: first.map(|first| epoch.place(first)),
        raw,
    };
    write_suspense(out, &item);
}
