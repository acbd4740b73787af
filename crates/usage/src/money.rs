//! Exact money: amounts with their currency, prices per N units, rounding at named points, splits that sum.
//! Relies on integer arithmetic that is checked: what would lose a digit is an error, never a wrong amount.
//! Never a binary float, and never a rounding that nobody asked for.

use rust_decimal::Decimal;
use std::fmt;

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Reads a three-letter code, upper case.
    pub fn parse(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code).map(Self)
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Places of its smallest unit: JPY 0, EUR 2, KWD 3.
    pub fn places(self) -> i32 {
        self.0.exponent().map_or(0, i32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why an amount could not be computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies met.
    #[error("cannot add {1} to {0}")]
    CurrencyMismatch(Currency, Currency),
    /// The exact result does not fit, or a digit would be lost.
    #[error("amount does not fit without losing a digit")]
    Overflow,
}

/// An amount in one currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// An amount as it is.
    pub const fn new(amount: Decimal, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self { amount: Decimal::ZERO, currency }
    }

    /// The number.
    pub const fn amount(self) -> Decimal {
        self.amount
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Exact sum. Errors when the currencies differ or a digit would be lost.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        Ok(Self { amount: add_exact(self.amount, other.amount)?, currency: self.currency })
    }

    /// Rounded at a named point.
    pub fn rounded(self, rounding: Rounding) -> Result<Self, MoneyError> {
        Ok(Self { amount: rounding.round(self.amount)?, currency: self.currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.amount)
    }
}

/// Exact sum: an error where the decimal type would round silently.
#[inline]
pub fn add_exact(left: Decimal, right: Decimal) -> Result<Decimal, MoneyError> {
    let scale = left.scale().max(right.scale());
    let sum = scaled(left, scale)?.checked_add(scaled(right, scale)?).ok_or(MoneyError::Overflow)?;
    decimal(sum, scale)
}

/// Exact sum of several amounts.
#[inline]
pub fn sum_exact(from: Decimal, amounts: impl Iterator<Item = Decimal>) -> Result<Decimal, MoneyError> {
    let (mut sum, mut scale) = (from.mantissa(), from.scale());
    for amount in amounts {
        if amount.scale() > scale {
            sum = times(sum, pow10(amount.scale() - scale)?)?;
            scale = amount.scale();
        }
        sum = sum.checked_add(scaled(amount, scale)?).ok_or(MoneyError::Overflow)?;
    }
    decimal(sum, scale)
}

/// Exact product: an error where the decimal type would round silently.
pub fn mul_exact(left: Decimal, right: Decimal) -> Result<Decimal, MoneyError> {
    let (left, right) = (left.normalize(), right.normalize());
    let product = left.mantissa().checked_mul(right.mantissa()).ok_or(MoneyError::Overflow)?;
    decimal(product, left.scale() + right.scale())
}

/// Mantissa of `value` at `scale`, which is not below its own.
#[inline]
fn scaled(value: Decimal, scale: u32) -> Result<i128, MoneyError> {
    // Amounts of one event stand at the same places: nearly always there is nothing to scale.
    match scale - value.scale() {
        0 => Ok(value.mantissa()),
        more => times(value.mantissa(), pow10(more)?),
    }
}

/// Exact product of integers. Two that fit 64 bits are multiplied in one step, and nearly all do.
#[inline]
fn times(left: i128, right: i128) -> Result<i128, MoneyError> {
    match (i64::try_from(left), i64::try_from(right)) {
        (Ok(left), Ok(right)) => Ok(i128::from(left) * i128::from(right)),
        _ => left.checked_mul(right).ok_or(MoneyError::Overflow),
    }
}

#[inline]
fn decimal(mantissa: i128, scale: u32) -> Result<Decimal, MoneyError> {
    // Nearly every amount fits 64 bits, and is put together in fewer steps.
    if let Ok(small) = u64::try_from(mantissa.unsigned_abs())
        && scale <= Decimal::MAX_SCALE
    {
        return Ok(narrow_decimal(small, mantissa < 0, scale));
    }
    Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| MoneyError::Overflow)
}

/// A decimal of 64 bits; `scale` is at most [`Decimal::MAX_SCALE`].
#[inline]
fn narrow_decimal(magnitude: u64, negative: bool, scale: u32) -> Decimal {
    let (low, high) = ((magnitude & 0xFFFF_FFFF) as u32, (magnitude >> 32) as u32);
    Decimal::from_parts(low, high, 0, negative, scale)
}

/// Powers of ten that fit 127 bits.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

#[inline]
fn pow10(exponent: u32) -> Result<i128, MoneyError> {
    POWERS.get(exponent as usize).copied().ok_or(MoneyError::Overflow)
}

/// How the digit after the last kept one decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum RoundingMode {
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
    /// To the nearest; a half goes away from zero.
    #[default]
    HalfUp,
    /// To the nearest; a half goes to the even neighbour.
    HalfEven,
    /// To the nearest; a half goes towards zero.
    HalfDown,
    /// Towards plus infinity.
    Ceiling,
    /// Towards minus infinity.
    Floor,
}

impl RoundingMode {
    /// All modes with their words in plans.
    pub const WORDS: [(&str, Self); 7] = [
        ("up", Self::Up),
        ("down", Self::Down),
        ("half_up", Self::HalfUp),
        ("half_even", Self::HalfEven),
        ("half_down", Self::HalfDown),
        ("ceiling", Self::Ceiling),
        ("floor", Self::Floor),
    ];

    /// True when the quotient's magnitude must grow by one. `twice_rest` compares 2 × |rest| with |divisor|.
    fn grows(self, negative: bool, odd: bool, twice_rest: std::cmp::Ordering) -> bool {
        use std::cmp::Ordering::{Equal, Greater};
        match self {
            Self::Up => true,
            Self::Down => false,
            Self::HalfUp => twice_rest != std::cmp::Ordering::Less,
            Self::HalfDown => twice_rest == Greater,
            Self::HalfEven => twice_rest == Greater || (twice_rest == Equal && odd),
            Self::Ceiling => !negative,
            Self::Floor => negative,
        }
    }
}

/// A rounding point: places after the comma (negative: before it) and a mode.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rounding {
    /// −12 to 12. 2 keeps cents, −1 keeps tens.
    pub places: i32,
    /// What to do with the rest.
    pub mode: RoundingMode,
}

impl Rounding {
    /// The default of a charge line: 6 places, half up.
    pub const LINE: Self = Self { places: 6, mode: RoundingMode::HalfUp };

    /// Rounds `value`. The result has exactly `places` decimals (none when `places` is negative).
    #[inline]
    pub fn round(self, value: Decimal) -> Result<Decimal, MoneyError> {
        // What stands at its places already is as it is; but zero has no sign.
        if i32::try_from(value.scale()) == Ok(self.places) && !value.is_zero() {
            return Ok(value);
        }
        self.ratio(value, 1, 1)
    }

    /// `value × times ÷ per`, multiplied first, divided once, rounded here: the one operation by which usage becomes
    /// money. `per` must be above zero. Errors with `Overflow` when an exact intermediate does not fit 127 bits.
    #[inline]
    pub fn ratio(self, value: Decimal, times: i64, per: i64) -> Result<Decimal, MoneyError> {
        let (mantissa, scale) = (value.mantissa(), value.scale());
        match self.narrow((mantissa, scale), times, per) {
            Some(result) => Ok(result),
            None => self.quotient(self::times(mantissa, i128::from(times))?, scale, per),
        }
    }

    /// The same where nothing is below the rounding point and every step fits 64 bits, as for nearly every charge.
    #[inline]
    fn narrow(self, (mantissa, scale): (i128, u32), times: i64, per: i64) -> Option<Decimal> {
        let places = u32::try_from(self.places).ok()?;
        let power = pow10(places.checked_sub(scale)?).ok()?;
        let scaled = i64::try_from(mantissa).ok()?.checked_mul(i64::try_from(power).ok()?)?;
        let numerator = scaled.checked_mul(times)?;
        if per <= 0 {
            return None;
        }
        let (quotient, rest) = if per == 1 { (numerator, 0) } else { (numerator / per, numerator % per) };
        let magnitude = quotient.unsigned_abs();
        let grows = rest != 0 && {
            let twice_rest = (rest.unsigned_abs() * 2).cmp(&per.unsigned_abs());
            self.mode.grows(numerator < 0, magnitude % 2 != 0, twice_rest)
        };
        Some(narrow_decimal(magnitude + u64::from(grows), numerator < 0, places))
    }

    /// `percent` of `amount`, likewise.
    #[inline]
    pub fn percent(self, amount: Decimal, percent: Decimal) -> Result<Decimal, MoneyError> {
        // 94 bits and 18 places fit the decimal type as they are; beyond, it is asked.
        let (left, right) = (i64::try_from(amount.mantissa()), i32::try_from(percent.mantissa()));
        let scale = amount.scale() + percent.scale();
        match (left, right) {
            (Ok(left), Ok(right)) if scale <= 18 => {
                let narrow = self.narrow((i128::from(left), scale), i64::from(right), 100);
                narrow.map_or_else(|| self.quotient(i128::from(left) * i128::from(right), scale, 100), Ok)
            }
            _ => self.ratio(mul_exact(amount, percent)?, 1, 100),
        }
    }

    /// `numerator × 10^-scale ÷ per`, rounded here.
    fn quotient(self, numerator: i128, scale: u32, per: i64) -> Result<Decimal, MoneyError> {
        if per <= 0 {
            return Err(MoneyError::Overflow);
        }
        // The result is q × 10^-places with q = numerator × 10^(places − scale) ÷ per.
        let shift = self.places - scale as i32;
        let power = pow10(shift.unsigned_abs())?;
        let quotient = match shift {
            0.. if per == 1 => times(numerator, power)?,
            0.. => self.divide(times(numerator, power)?, i128::from(per)),
            _ => self.divide(numerator, times(i128::from(per), power)?),
        };
        if self.places >= 0 {
            decimal(quotient, self.places.unsigned_abs())
        } else {
            decimal(times(quotient, pow10(self.places.unsigned_abs())?)?, 0)
        }
    }

    fn divide(self, numerator: i128, divisor: i128) -> i128 {
        // 64-bit division is several times cheaper, and nearly every charge fits.
        let (quotient, rest) = match (i64::try_from(numerator), i64::try_from(divisor)) {
            (Ok(small), Ok(by)) => (i128::from(small / by), i128::from(small % by)),
            _ => (numerator / divisor, numerator % divisor),
        };
        if rest == 0 {
            return quotient;
        }
        let twice_rest = (rest.unsigned_abs() * 2).cmp(&divisor.unsigned_abs());
        let negative = numerator < 0;
        if !self.mode.grows(negative, quotient % 2 != 0, twice_rest) {
            quotient
        } else if negative {
            quotient - 1
        } else {
            quotient + 1
        }
    }
}

/// A price per N base units: 0.12 per 60 s is `{ amount: 0.12, per: 60_000 }`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Price {
    /// The amount for `per` units.
    pub amount: Decimal,
    /// Base units, above zero.
    pub per: i64,
}

impl Price {
    /// What `units` cost, rounded at `rounding`.
    #[inline]
    pub fn charge(self, units: i64, rounding: Rounding) -> Result<Decimal, MoneyError> {
        rounding.ratio(self.amount, units, self.per)
    }
}

/// Splits `total` by `weights` at `places` decimals, by largest remainder; ties go to the earlier part. The parts sum
/// to `total` exactly. Errors when `total` has more places, a weight is negative, or all are zero.
pub fn split(total: Decimal, weights: &[u64], places: u32) -> Result<Vec<Decimal>, MoneyError> {
    let total = total.normalize();
    let sum: u128 = weights.iter().map(|&weight| u128::from(weight)).sum();
    if sum == 0 || total.scale() > places {
        return Err(MoneyError::Overflow);
    }
    let units = scaled(total, places)?;
    let sum = i128::try_from(sum).map_err(|_| MoneyError::Overflow)?;
    let mut parts = Vec::with_capacity(weights.len());
    let mut rests = Vec::with_capacity(weights.len());
    for (index, &weight) in weights.iter().enumerate() {
        let share = units.checked_mul(i128::from(weight)).ok_or(MoneyError::Overflow)?;
        parts.push(share / sum);
        rests.push(((share % sum).unsigned_abs(), index));
    }
    let left = units - parts.iter().sum::<i128>();
    rests.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for &(_, index) in rests.iter().take(usize::try_from(left.unsigned_abs()).unwrap_or(usize::MAX)) {
        parts[index] += left.signum();
    }
    parts.into_iter().map(|part| decimal(part, places)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn rounding_modes_by_hand() {
        // value, then up, down, half_up, half_even, half_down, ceiling, floor at one place
        let table = [
            ("1.24", ["1.3", "1.2", "1.2", "1.2", "1.2", "1.3", "1.2"]),
            ("1.25", ["1.3", "1.2", "1.3", "1.2", "1.2", "1.3", "1.2"]),
            ("1.35", ["1.4", "1.3", "1.4", "1.4", "1.3", "1.4", "1.3"]),
            ("-1.25", ["-1.3", "-1.2", "-1.3", "-1.2", "-1.2", "-1.2", "-1.3"]),
            ("-1.26", ["-1.3", "-1.2", "-1.3", "-1.3", "-1.3", "-1.2", "-1.3"]),
            ("2.0", ["2.0"; 7]),
        ];
        for (value, expected) in table {
            for ((word, mode), want) in RoundingMode::WORDS.into_iter().zip(expected) {
                let got = Rounding { places: 1, mode }.round(dec(value)).unwrap();
                assert_eq!(got.to_string(), want, "{value} {word}");
            }
        }
    }

    #[test]
    fn the_narrow_way_agrees_with_the_wide_one() {
        for (_, mode) in RoundingMode::WORDS {
            for value in ["0", "-0.00", "0.005", "-1.25", "0.10", "17", "-9223372036854775807", "0.000001"] {
                for (times, per) in [(1, 1), (3, 7), (-61_000, 60_000), (i64::MAX, 1), (5, 2), (25, -1)] {
                    let (rounding, value) = (Rounding { places: 3, mode }, dec(value));
                    let wide = self::times(value.mantissa(), i128::from(times))
                        .and_then(|product| rounding.quotient(product, value.scale(), per));
                    let text = |result: Decimal| (result.to_string(), result.is_sign_negative());
                    assert_eq!(
                        rounding.ratio(value, times, per).map(text),
                        wide.map(text),
                        "{mode:?} {value}"
                    );
                }
            }
        }
    }

    #[test]
    fn negative_places_round_before_the_comma() {
        let tens = Rounding { places: -1, mode: RoundingMode::HalfUp };
        assert_eq!(tens.round(dec("14.37")).unwrap().to_string(), "10");
        assert_eq!(tens.round(dec("15")).unwrap().to_string(), "20");
    }

    #[test]
    fn multiply_first_divide_once() {
        let price = Price { amount: dec("0.10"), per: 60_000 };
        assert_eq!(price.charge(60_000 * 7, Rounding::LINE).unwrap().to_string(), "0.700000");
        assert_eq!(price.charge(1_000, Rounding::LINE).unwrap().to_string(), "0.001667");
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let huge = Price { amount: Decimal::MAX, per: 1 };
        assert_eq!(huge.charge(i64::MAX, Rounding::LINE), Err(MoneyError::Overflow));
        assert_eq!(mul_exact(dec("0.00000000000001"), dec("0.000000000000001")), Err(MoneyError::Overflow));
        assert_eq!(add_exact(Decimal::MAX, dec("0.1")), Err(MoneyError::Overflow));
        assert_eq!(mul_exact(dec("0.12"), dec("0.5")).unwrap().to_string(), "0.060");
    }

    #[test]
    fn currencies_do_not_mix() {
        let (euro, yen) = (Currency::parse("EUR").unwrap(), Currency::parse("JPY").unwrap());
        assert_eq!((euro.places(), yen.places(), Currency::parse("KWD").unwrap().places()), (2, 0, 3));
        let error = Money::new(dec("1"), euro).checked_add(Money::new(dec("1"), yen)).unwrap_err();
        assert_eq!(error.to_string(), "cannot add JPY to EUR");
        assert_eq!(Currency::parse("eur"), None);
    }

    #[test]
    fn a_split_sums() {
        let parts = split(dec("10.00"), &[1, 1, 1], 2).unwrap();
        assert_eq!(parts, [dec("3.34"), dec("3.33"), dec("3.33")]);
        assert_eq!(split(dec("-0.01"), &[1, 3], 2).unwrap(), [dec("0.00"), dec("-0.01")]);
        assert_eq!(split(dec("1"), &[0, 0], 2), Err(MoneyError::Overflow));
        assert_eq!(split(dec("0.001"), &[1], 2), Err(MoneyError::Overflow));
    }
}
