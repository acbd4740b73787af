//! Notifications: whenever usage passes so many percent of an allowance or a bound.
//! Relies on being asked for each step of a counter; one that was walked back, or a pool that has grown, may be passed again.
//! Never changes a price.

use caudal_usage::money::mul_exact;
use caudal_usage::{Decimal, Notification, Owner};

/// What is counted, and how far it went.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// `allowance` or `cap`.
    pub kind: &'static str,
    /// Its id.
    pub id: &'a str,
    /// Used before and after.
    pub used: (Decimal, Decimal),
    /// Of how much.
    pub of: Decimal,
    /// Whose balance it is.
    pub owner: Owner,
}

/// Adds a notification for each threshold that lies between.
pub fn passed(passage: &Passage, thresholds: &[u32], out: &mut Vec<Notification>) {
    let (before, after) = passage.used;
    for &percent in thresholds {
        // Multiplied on both sides: nothing is divided, so nothing is rounded.
        let at = mul_exact(passage.of, Decimal::from(percent));
        let hundredfold = |used| mul_exact(used, Decimal::ONE_HUNDRED);
        let (Ok(at), Ok(before), Ok(after)) = (at, hundredfold(before), hundredfold(after)) else { continue };
        if before < at && at <= after {
            let Passage { kind, id, of, owner, .. } = *passage;
            out.push(Notification { kind, id: id.into(), percent, used: passage.used.1, of, owner });
        }
    }
}
