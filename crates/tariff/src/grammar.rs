//! The small grammars inside plans: prices, quantities, increments, days and hours, each from a text to a checked value.
//! Relies on nom; a failure says at which character it stopped and what was expected there.
//! Never rounds: a quantity that is no whole number of base units is refused.

use caudal_usage::{Decimal, Price, Unit, quantity};
use nom::bytes::complete::{tag, take_while_m_n, take_while1};
use nom::character::complete::{char, digit1, space0, space1};
use nom::combinator::{opt, recognize};
use nom::multi::separated_list1;
use nom::sequence::preceded;
use nom::{IResult, Parser};

/// Largest quantity a plan may name, in base units: 10^17 octets are 100 PB, so sums of many stay far inside 64 bits.
pub const UNITS_MAX: i64 = 100_000_000_000_000_000;

/// Longest text that is read by any grammar here, in bytes.
pub const TEXT_MAX: usize = 200;

/// Why a text was refused: the byte where reading stopped, and what was expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Byte offset in the text.
    pub at: usize,
    /// What was expected there.
    pub expected: &'static str,
}

/// First and following portions in which usage is billed, base units, both above zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Increments {
    /// The first portion of a call.
    pub first: i64,
    /// Every later portion.
    pub next: i64,
}

/// A number of base units with their unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Amount {
    /// Whole base units, above zero.
    pub units: i64,
    /// Base unit.
    pub unit: Unit,
}

/// The kinds of day that a band may name: Monday is bit 0, Sunday bit 6, a holiday bit 7.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DayKinds(pub u8);

impl DayKinds {
    /// Every kind.
    pub const ALL: Self = Self(0xFF);
    /// Index and bit number of a holiday.
    pub const HOLIDAY: usize = 7;
    /// The words of the kinds, by index.
    pub const WORDS: [&str; 8] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"];

    /// True when the kind of index `kind` is among them.
    pub const fn contains(self, kind: usize) -> bool {
        self.0 >> kind & 1 == 1
    }
}

/// A stretch of a day in minutes since its midnight, half-open.
pub type Minutes = std::ops::Range<u16>;

const DECIMAL: &str = "a number such as 0.10, at most 28 digits";
const UNIT: &str = "a unit: ms, s, min, h, octets, B, kB, MB, GB, TB, KiB, MiB, GiB, TiB or events";
const WHOLE: &str = "a whole number of ms, octets or events above zero and at most 10^17";

fn refuse<T>(text: &str, rest: &str, expected: &'static str) -> Result<T, Refused> {
    Err(Refused { at: text.len() - rest.len(), expected })
}

/// Runs `parser` at `rest` (a tail of `text`).
fn step<'t, O>(
    text: &str,
    rest: &'t str,
    mut parser: impl Parser<&'t str, Output = O, Error = nom::error::Error<&'t str>>,
    expected: &'static str,
) -> Result<(&'t str, O), Refused> {
    parser.parse(rest).or_else(|_| refuse(text, rest, expected))
}

fn end<T>(text: &str, rest: &str, value: T, expected: &'static str) -> Result<T, Refused> {
    if rest.is_empty() { Ok(value) } else { refuse(text, rest, expected) }
}

fn bounded(text: &str) -> Result<(), Refused> {
    let fits = text.len() <= TEXT_MAX;
    if fits {
        Ok(())
    } else {
        Err(Refused { at: TEXT_MAX.min(text.len()), expected: "at most 200 characters" })
    }
}

fn number(input: &str) -> IResult<&str, &str> {
    recognize((opt(char('-')), digit1, opt((char('.'), digit1)))).parse(input)
}

fn decimal_at<'t>(text: &str, rest: &'t str) -> Result<(&'t str, Decimal), Refused> {
    let (after, digits) = step(text, rest, number, DECIMAL)?;
    match Decimal::from_str_exact(digits) {
        Ok(value) => Ok((after, value)),
        Err(_) => refuse(text, rest, DECIMAL),
    }
}

/// A decimal number: `0.10`.
pub fn decimal(text: &str) -> Result<Decimal, Refused> {
    bounded(text)?;
    let (rest, value) = decimal_at(text, text)?;
    end(text, rest, value, "the end of the number")
}

fn unit_at<'t>(text: &str, rest: &'t str) -> Result<(&'t str, (Unit, i64)), Refused> {
    let (after, word) = step(text, rest, take_while1(|c: char| c.is_ascii_alphabetic()), UNIT)?;
    quantity::unit(word).map_or_else(|| refuse(text, rest, UNIT), |unit| Ok((after, unit)))
}

/// `count × worth` as whole base units above zero.
fn whole(count: Decimal, worth: i64) -> Option<i64> {
    let units = caudal_usage::money::mul_exact(count, Decimal::from(worth)).ok()?.normalize();
    let units = (units.scale() == 0).then(|| i64::try_from(units.mantissa()).ok()).flatten()?;
    (1..=UNITS_MAX).contains(&units).then_some(units)
}

/// A number and its unit; a bare number counts `bare` where that is given.
fn amount_at<'t>(text: &str, rest: &'t str, bare: Option<(Unit, i64)>) -> Result<(&'t str, Amount), Refused> {
    let (after, count) = decimal_at(text, rest)?;
    let (after_space, _) = step(text, after, space0, UNIT)?;
    let written = unit_at(text, after_space);
    let (left, (unit, worth)) = match (written, bare) {
        (Ok(found), _) => found,
        (Err(_), Some(bare)) if !after_space.starts_with(|c: char| c.is_ascii_alphabetic()) => (after, bare),
        (Err(refused), _) => return Err(refused),
    };
    match whole(count, worth) {
        Some(units) => Ok((left, Amount { units, unit })),
        None => refuse(text, rest, WHOLE),
    }
}

/// A quantity: `20 GB`, `300 min`, `100 events`.
pub fn quantity(text: &str) -> Result<Amount, Refused> {
    bounded(text)?;
    let (rest, amount) = amount_at(text, text, None)?;
    end(text, rest, amount, "the end of the quantity")
}

/// A quantity that may be zero: `0 GB`.
pub fn quantity_or_zero(text: &str) -> Result<Amount, Refused> {
    let zero = text.split_once(' ').filter(|(count, _)| decimal(count).is_ok_and(|count| count.is_zero()));
    match zero.and_then(|(_, word)| quantity::unit(word)) {
        Some((unit, _)) => Ok(Amount { units: 0, unit }),
        None => quantity(text),
    }
}

/// A quantity whose unit may be left out when it is seconds.
pub fn quantity_or_seconds(text: &str) -> Result<Amount, Refused> {
    bounded(text)?;
    let (rest, amount) = amount_at(text, text, Some((Unit::Millisecond, 1000)))?;
    end(text, rest, amount, "the end of the quantity")
}

/// What a price is for: a quantity, or a unit alone.
fn per_at<'t>(text: &str, rest: &'t str, bare: Option<(Unit, i64)>) -> Result<(&'t str, Amount), Refused> {
    if rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return amount_at(text, rest, bare);
    }
    let (rest, (unit, units)) = unit_at(text, rest)?;
    Ok((rest, Amount { units, unit }))
}

/// What a price of a rate table is for: `60 s`, `60` (seconds), `event`, `1 MB`.
pub fn per(text: &str) -> Result<Amount, Refused> {
    bounded(text)?;
    let (rest, amount) = per_at(text, text, Some((Unit::Millisecond, 1000)))?;
    end(text, rest, amount, "the end of the quantity")
}

/// A price: `0.10 per 60 s`, `0.08 per event`.
pub fn price(text: &str) -> Result<(Price, Unit), Refused> {
    const PER: &str = "` per ` and a quantity, e.g. \"0.10 per 60 s\"";
    bounded(text)?;
    let (rest, amount) = decimal_at(text, text)?;
    let (rest, _) = step(text, rest, (space1, tag("per"), space1), PER)?;
    let (rest, per) = per_at(text, rest, None)?;
    end(text, rest, (Price { amount, per: per.units }, per.unit), "the end of the price")
}

/// Increments: `30/6` and `60` in seconds, `100 kB`, `1 s/1 s`.
pub fn increments(text: &str) -> Result<(Increments, Unit), Refused> {
    const SHAPE: &str = "increments such as \"30/6\" (seconds), \"100 kB\" or \"1 min/1 s\"";
    bounded(text)?;
    let bare = Some((Unit::Millisecond, 1000));
    let (rest, first) = amount_at(text, text, bare)?;
    if rest.is_empty() {
        return Ok((Increments { first: first.units, next: first.units }, first.unit));
    }
    let (rest, _) = step(text, rest, (space0, char('/'), space0), SHAPE)?;
    let (after, next) = amount_at(text, rest, bare)?;
    if next.unit != first.unit {
        return refuse(text, rest, "the same kind of unit as before the stroke");
    }
    end(text, after, (Increments { first: first.units, next: next.units }, first.unit), SHAPE)
}

fn day_word(input: &str) -> IResult<&str, usize> {
    let (rest, word) = take_while1(|c: char| c.is_ascii_lowercase()).parse(input)?;
    match DayKinds::WORDS.iter().position(|known| *known == word) {
        Some(kind) => Ok((rest, kind)),
        None => Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Tag))),
    }
}

fn day_range(input: &str) -> IResult<&str, u8> {
    let (rest, from) = day_word(input)?;
    let (rest, to) = opt(preceded(char('-'), day_word)).parse(rest)?;
    let to = to.unwrap_or(from);
    if from != to && (from == DayKinds::HOLIDAY || to == DayKinds::HOLIDAY) {
        return Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Verify)));
    }
    let mut kinds = 1u8 << to;
    let mut day = from;
    while day != to {
        kinds |= 1 << day;
        day = (day + 1) % 7;
    }
    Ok((rest, kinds))
}

/// Kinds of day: `mon-fri`, `sat,sun`, `sat,sun,holiday`. A range may run over Sunday: `sat-mon`.
pub fn days(text: &str) -> Result<DayKinds, Refused> {
    const SHAPE: &str = "days such as \"mon-fri\", \"sat,sun\" or \"holiday\"";
    bounded(text)?;
    let (rest, ranges) = step(text, text, separated_list1((char(','), space0), day_range), SHAPE)?;
    end(text, rest, DayKinds(ranges.into_iter().fold(0, |all, kinds| all | kinds)), SHAPE)
}

fn minute_of_day(input: &str) -> IResult<&str, u16> {
    let digit = |c: char| c.is_ascii_digit();
    let (rest, (hour, _, minute)) =
        (take_while_m_n(2, 2, digit), char(':'), take_while_m_n(2, 2, digit)).parse(input)?;
    let minutes = hour.parse::<u16>().ok().zip(minute.parse::<u16>().ok());
    match minutes {
        Some((hour, minute)) if minute < 60 && hour * 60 + minute <= 1440 => Ok((rest, hour * 60 + minute)),
        _ => Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Verify))),
    }
}

fn hour_range(input: &str) -> IResult<&str, Minutes> {
    let (rest, (from, _, to)) = (minute_of_day, char('-'), minute_of_day).parse(input)?;
    if from < to {
        Ok((rest, from..to))
    } else {
        Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Verify)))
    }
}

/// Times of day: `08:00-20:00`, `00:00-06:00,22:00-24:00`. A range never runs over midnight: it would not say whose
/// day the early hours belong to.
pub fn hours(text: &str) -> Result<Vec<Minutes>, Refused> {
    const SHAPE: &str = "times inside one day such as \"08:00-20:00\" or \"00:00-06:00,22:00-24:00\"";
    bounded(text)?;
    let (mut rest, first) = step(text, text, hour_range, SHAPE)?;
    let mut ranges = vec![first];
    while !rest.is_empty() {
        let (after_comma, _) = step(text, rest, (char(','), space0), SHAPE)?;
        let (after, range) = step(text, after_comma, hour_range, SHAPE)?;
        ranges.push(range);
        rest = after;
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: std::fmt::Debug>(result: Result<T, Refused>, expected: &str) {
        let got = match result {
            Ok(value) => format!("{value:?}"),
            Err(refused) => format!("at {}: {}", refused.at, refused.expected),
        };
        assert!(got.contains(expected), "{got} does not contain {expected}");
    }

    #[test]
    fn prices() {
        check(price("0.10 per 60 s"), "Price { amount: 0.10, per: 60000 }, Millisecond");
        check(price("0.08 per event"), "per: 1 }, Event");
        check(price("0.01 per 1 MB"), "per: 1000000 }, Octet");
        check(price("1 per min"), "per: 60000 }");
        for (text, expected) in [
            ("", "at 0: a number"),
            ("0.10", "at 4: ` per `"),
            ("0,10 per 60 s", "at 1: ` per `"),
            ("0.10 per 60", "at 11: a unit"),
            ("0.10 per 0 s", "at 9: a whole number"),
            ("0.10 per 60 s s", "at 13: the end"),
            ("0.10 per 0.0001 s", "at 9: a whole number"),
            ("99999999999999999999999999999999 per s", "at 0: a number"),
        ] {
            check(price(text), expected);
        }
    }

    #[test]
    fn quantities() {
        check(quantity("20 GB"), "units: 20000000000, unit: Octet");
        check(quantity("1.5 GiB"), "units: 1610612736");
        check(quantity("300 min"), "units: 18000000, unit: Millisecond");
        check(quantity("20"), "at 2: a unit");
        check(quantity("-3 s"), "at 0: a whole number");
        check(quantity("200000000 TB"), "at 0: a whole number");
        check(quantity("3 lightyears"), "at 2: a unit");
        check(quantity(&"9".repeat(300)), "at 200: at most 200");
    }

    #[test]
    fn increment_pairs() {
        check(increments("30/6"), "first: 30000, next: 6000 }, Millisecond");
        check(increments("60"), "first: 60000, next: 60000");
        check(increments("100 kB"), "first: 100000, next: 100000 }, Octet");
        check(increments("1 s/1 s"), "first: 1000, next: 1000");
        check(increments("0/6"), "at 0: a whole number");
        check(increments("30/0"), "at 3: a whole number");
        check(increments("30/6 kB"), "at 3: the same kind");
        check(increments("30:6"), "at 2: increments such as");
    }

    #[test]
    fn days_and_hours() {
        check(days("mon-fri"), "DayKinds(31)");
        check(days("sat,sun,holiday"), "DayKinds(224)");
        check(days("sat-mon"), "DayKinds(97)");
        check(days("mon-holiday"), "at 0: days");
        check(days("monday"), "at 0: days");
        check(days("mon,"), "at 3: days");
        check(hours("08:00-20:00"), "[480..1200]");
        check(hours("00:00-06:00, 22:00-24:00"), "[0..360, 1320..1440]");
        check(hours("22:00-06:00"), "at 0: times inside one day");
        check(hours("08:00-25:00"), "at 0: times");
        check(hours("8-20"), "at 0: times");
    }
}
