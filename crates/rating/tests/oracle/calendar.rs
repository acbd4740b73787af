//! Days, weeks, cycles and other periods in a time zone, asked of chrono-tz one by one.
//! Relies on nothing but chrono: no cache, no shortcut.
//! Never shares a line with the engine's clock.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, TimeZone, Timelike, Utc};

/// Where a clock hangs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wall {
    Zone(chrono_tz::Tz),
    Offset(FixedOffset),
}

pub fn wall(name: &str) -> Wall {
    Wall::Zone(name.parse().expect("a zone of the IANA database"))
}

pub fn at(utc_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(utc_ms).expect("an instant of our centuries")
}

pub fn local(wall: Wall, utc_ms: i64) -> NaiveDateTime {
    match wall {
        Wall::Zone(zone) => at(utc_ms).with_timezone(&zone).naive_local(),
        Wall::Offset(offset) => at(utc_ms).with_timezone(&offset).naive_local(),
    }
}

pub fn date(wall: Wall, utc_ms: i64) -> NaiveDate {
    local(wall, utc_ms).date()
}

pub fn minute(wall: Wall, utc_ms: i64) -> u32 {
    let time = local(wall, utc_ms);
    time.hour() * 60 + time.minute()
}

/// The first instant whose local date is the given one, or later where the zone skips the day.
pub fn start_of(wall: Wall, day: NaiveDate) -> i64 {
    let midnight = day.and_hms_opt(0, 0, 0).expect("midnight");
    let found = match wall {
        Wall::Zone(zone) => {
            zone.from_local_datetime(&midnight).earliest().map(|time| time.timestamp_millis())
        }
        Wall::Offset(offset) => {
            offset.from_local_datetime(&midnight).earliest().map(|time| time.timestamp_millis())
        }
    };
    // Clocks went forward over midnight: the day begins at the first minute that it has.
    found.unwrap_or_else(|| {
        let noon_before = midnight.and_utc().timestamp_millis() - 36 * 3_600_000;
        let minutes = (0..4 * 24 * 60).map(|minute| noon_before + minute * 60_000);
        minutes.into_iter().find(|&instant| date(wall, instant) >= day).expect("the day begins some time")
    })
}

pub fn plus(day: NaiveDate, days: i64) -> NaiveDate {
    if days < 0 { day - Days::new(days.unsigned_abs()) } else { day + Days::new(days.unsigned_abs()) }
}

pub fn ymd(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day of the calendar")
}

pub fn monday(day: NaiveDate) -> NaiveDate {
    plus(day, -i64::from(day.weekday().num_days_from_monday()))
}

/// The anchor's day in a month, or the month's last.
fn anchored(year: i32, month: u32, anchor: u32) -> NaiveDate {
    let fits = (1..=anchor).rev().find_map(|day| NaiveDate::from_ymd_opt(year, month, day));
    fits.expect("every month has a first day")
}

pub fn month_after(year: i32, month: u32) -> (i32, u32) {
    if month == 12 { (year + 1, 1) } else { (year, month + 1) }
}

/// First day of the cycle after the one that begins on `first`.
pub fn next_cycle(first: NaiveDate, anchor: u32) -> NaiveDate {
    let (year, month) = month_after(first.year(), first.month());
    anchored(year, month, anchor)
}

pub fn previous_cycle(first: NaiveDate, anchor: u32) -> NaiveDate {
    let (year, month) =
        if first.month() == 1 { (first.year() - 1, 12) } else { (first.year(), first.month() - 1) };
    anchored(year, month, anchor)
}

/// First day of the cycle in which an instant lies.
pub fn cycle(wall: Wall, anchor: u32, utc_ms: i64) -> NaiveDate {
    let today = date(wall, utc_ms);
    let this = anchored(today.year(), today.month(), anchor);
    if start_of(wall, this) <= utc_ms { this } else { previous_cycle(this, anchor) }
}

/// `N days` from a day: first day of the stretch in which a day lies.
pub fn stretch(from: NaiveDate, days: i64, day: NaiveDate) -> NaiveDate {
    let passed = (day - from).num_days();
    plus(from, passed.div_euclid(days) * days)
}

/// True when a day's kind is among those of `days`, a text such as `mon-fri` or `sat,sun,holiday`.
pub fn is_among(days: &str, kind: &str) -> bool {
    kinds(days).iter().any(|known| *known == kind)
}

pub const KINDS: [&str; 8] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"];

/// The kinds of day that a text names.
pub fn kinds(days: &str) -> Vec<&'static str> {
    let place = |word: &str| KINDS.iter().position(|kind| *kind == word).expect("a kind of day");
    let mut found = Vec::new();
    for range in days.split(',') {
        let (from, to) = range.split_once('-').unwrap_or((range, range));
        let (mut at, to) = (place(from), place(to));
        found.push(KINDS[at]);
        while at != to {
            at = (at + 1) % 7;
            found.push(KINDS[at]);
        }
    }
    found
}

pub fn weekday(day: NaiveDate) -> &'static str {
    KINDS[day.weekday().num_days_from_monday() as usize]
}

/// True when `months` whole months lie between two days.
pub fn months_passed(from: NaiveDate, to: NaiveDate, months: i64) -> bool {
    from.checked_add_months(chrono::Months::new(months as u32)).is_some_and(|then| then <= to)
}
