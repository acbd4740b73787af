//! Changes of sessions and balances, as a commit and a snapshot hold them.
//! Relies on names, not indexes: a later generation of reference data may number its rows otherwise.
//! Never a difference: each entry is the value after the commit, so applying it twice changes nothing.

use crate::binary::{Decoder, Encoder, WireError};
use crate::record::{get_session, put_session};
use caudal_usage::{Date, Session};
use compact_str::CompactString;
use rust_decimal::Decimal;

/// A change of one session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SessionChange {
    /// It stands so now.
    Set(Session),
    /// It is closed.
    Closed([u64; 2]),
}

/// Appends that a session stands so now.
pub fn put_session_set(out: &mut Encoder, session: &Session) {
    out.u8(1);
    put_session(out, session);
}

/// Appends that a session is closed.
pub fn put_session_closed(out: &mut Encoder, key: [u64; 2]) {
    out.u8(0);
    out.u64(key[0]);
    out.u64(key[1]);
}

/// Reads one change.
pub fn get_session_change(from: &mut Decoder<'_>) -> Result<SessionChange, WireError> {
    match from.u8()? {
        0 => Ok(SessionChange::Closed([from.u64()?, from.u64()?])),
        1 => Ok(SessionChange::Set(get_session(from)?)),
        other => Err(from.unknown(u64::from(other))),
    }
}

/// One balance by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredBalance {
    /// Subscription that owns it; empty when the account does.
    pub subscription: CompactString,
    /// Counter, by its stable name.
    pub counter: CompactString,
    /// First day of its cycle.
    pub cycle: Date,
    /// Used so far.
    pub used: Decimal,
}

/// Appends the head of an account's balances; `count` of [`put_balance`] follow.
pub fn put_account(out: &mut Encoder, account: &str, count: usize) {
    out.text(account);
    out.count(count);
}

/// Appends one balance.
pub fn put_balance(out: &mut Encoder, owner: &str, counter: &str, value: (Date, Decimal)) {
    out.text(owner);
    out.text(counter);
    out.i32(value.0.to_days());
    out.decimal(value.1);
}

/// Reads an account's balances, all of them: they replace what was there.
pub fn get_account(from: &mut Decoder<'_>) -> Result<(CompactString, Vec<StoredBalance>), WireError> {
    let account = from.text()?;
    let count = from.count(29)?;
    let mut balances = Vec::with_capacity(count);
    for _ in 0..count {
        balances.push(StoredBalance {
            subscription: from.text()?,
            counter: from.text()?,
            cycle: Date::from_days(from.i32()?),
            used: from.decimal()?,
        });
    }
    Ok((account, balances))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances_read_back() {
        let mut out = Encoder::default();
        let day = Date::new(2026, 10, 1).unwrap();
        put_account(&mut out, "A-77", 1);
        put_balance(&mut out, "S-1", "movil-20/allowance/data", (day, "5".parse().unwrap()));
        let (account, balances) = get_account(&mut Decoder::new(&out.bytes, "balances")).unwrap();
        assert_eq!(account, "A-77");
        let expected = StoredBalance {
            subscription: "S-1".into(),
            counter: "movil-20/allowance/data".into(),
            cycle: day,
            used: "5".parse().unwrap(),
        };
        assert_eq!(balances, [expected]);
    }

    #[test]
    fn a_closed_session_reads_back() {
        let mut out = Encoder::default();
        put_session_closed(&mut out, [1, 2]);
        let change = get_session_change(&mut Decoder::new(&out.bytes, "sessions"));
        assert_eq!(change, Ok(SessionChange::Closed([1, 2])));
        assert!(get_session_change(&mut Decoder::new(&[7], "sessions")).is_err());
    }
}
