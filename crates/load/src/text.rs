//! Numbers and clock readings as digits, appended to a reused buffer.
//! Relies on values that are not negative.
//! Never allocates.

use caudal_usage::Date;

/// A clock reading in UTC, part by part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Clock {
    pub year: u64,
    pub month: u64,
    pub day: u64,
    pub hour: u64,
    pub minute: u64,
    pub second: u64,
}

impl Clock {
    /// The reading at so many seconds since 1970.
    pub fn of(at_s: i64) -> Self {
        let date = Date::from_days(i32::try_from(at_s.div_euclid(86_400)).unwrap_or(0));
        let in_day = at_s.rem_euclid(86_400).unsigned_abs();
        Self {
            year: u64::from(date.year.unsigned_abs()),
            month: u64::from(date.month),
            day: u64::from(date.day),
            hour: in_day / 3_600,
            minute: in_day / 60 % 60,
            second: in_day % 60,
        }
    }
}

/// Decimal digits, at least `places` of them.
pub fn number(line: &mut Vec<u8>, mut value: u64, places: usize) {
    let mut digits = [b'0'; 20];
    let mut from = digits.len();
    while value > 0 || digits.len() - from < places {
        from -= 1;
        digits[from] = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
    line.extend_from_slice(&digits[from..]);
}
