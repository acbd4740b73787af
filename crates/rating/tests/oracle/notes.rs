//! Notifications: which percents of an allowance or a cap were reached, each told once.
//! Relies on one balance for each percent told of, beside the counter.
//! Never told by usage that is taken back.

use super::balances::Balances;
use super::number::{Q, q, zero};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    pub kind: &'static str,
    pub id: String,
    pub percent: u32,
    pub of: Q,
}

/// Notes what is reached now that `used` of so much are used, of an item with a counter.
pub fn tell(
    balances: &mut Balances,
    (kind, id, counter): (&'static str, &str, &str),
    (used, of): (&Q, &Q),
    percents: &[u32],
    notes: &mut Vec<Note>,
) {
    for &percent in percents {
        let once = format!("{counter}/told {percent}");
        let reached = *of > zero() && used * q(100) >= of * q(i64::from(percent));
        if reached && balances.get(&once) == zero() {
            balances.set(&once, q(1));
            notes.push(Note { kind, id: id.to_owned(), percent, of: of.clone() });
        }
    }
}
