//! Properties of money and time for arbitrary values: rounding, prices, splits, days and their hours.
//! Relies on integer cross-multiplication as the oracle: it shares nothing with the division under test.
//! Never a float.

use caudal_usage::money::{add_exact, mul_exact, split};
use caudal_usage::time::DAY_MS;
use caudal_usage::{Date, Decimal, LocalResolution, Price, Rounding, RoundingMode, TimeZone};
use proptest::prelude::*;

/// Decimals of telecom size: up to 12 digits, up to 8 places, either sign.
fn amount() -> impl Strategy<Value = Decimal> {
    (-999_999_999_999i64..=999_999_999_999, 0u32..=8)
        .prop_map(|(mantissa, scale)| Decimal::from_i128_with_scale(i128::from(mantissa), scale))
}

fn mode() -> impl Strategy<Value = RoundingMode> {
    prop::sample::select(RoundingMode::WORDS.map(|(_, mode)| mode).to_vec())
}

fn zone() -> impl Strategy<Value = TimeZone> {
    let names = [
        "Etc/UTC",
        "Europe/Madrid",
        "Europe/London",
        "Africa/Cairo",
        "Asia/Beirut",
        "Asia/Kolkata",
        "America/New_York",
        "America/St_Johns",
        "America/Santiago",
        "Australia/Lord_Howe",
        "Pacific/Auckland",
    ];
    prop::sample::select(names.map(|name| TimeZone::parse(name).unwrap()).to_vec())
}

/// `value × times ÷ per` less the result, in units of 10^-places ÷ per, as an exact integer ratio over `per × 10^scale`.
fn error(value: Decimal, (times, per): (i64, i64), result: Decimal, places: u32) -> (i128, i128) {
    let ten = |exponent: u32| 10i128.pow(exponent);
    let (scale, mantissa) = (value.scale(), value.mantissa());
    let mut rounded = result;
    rounded.rescale(places);
    let exact = mantissa * i128::from(times) * ten(places);
    let taken = rounded.mantissa() * i128::from(per) * ten(scale);
    (exact - taken, i128::from(per) * ten(scale))
}

proptest! {
    #[test]
    fn rounding_errs_by_less_than_a_unit_and_to_its_side(
        value in amount(), mode in mode(), times in -100_000i64..100_000, per in 1i64..100_000, places in 0i32..=6,
    ) {
        let result = Rounding { places, mode }.ratio(value, times, per).unwrap();
        prop_assert_eq!(result.scale(), places.unsigned_abs());
        let (error, unit) = error(value, (times, per), result, places.unsigned_abs());
        prop_assert!(error.abs() < unit);
        let away = error.signum() * result.mantissa().signum();
        match mode {
            RoundingMode::Up => prop_assert!(away <= 0),
            RoundingMode::Down => prop_assert!(away >= 0),
            RoundingMode::Ceiling => prop_assert!(error <= 0),
            RoundingMode::Floor => prop_assert!(error >= 0),
            RoundingMode::HalfUp | RoundingMode::HalfDown | RoundingMode::HalfEven => {
                prop_assert!(error.abs() * 2 <= unit);
            }
        }
        if error.abs() * 2 == unit {
            match mode {
                RoundingMode::HalfUp => prop_assert!(away <= 0),
                RoundingMode::HalfDown => prop_assert!(away >= 0),
                RoundingMode::HalfEven => prop_assert!(result.mantissa() % 2 == 0),
                _ => {}
            }
        }
    }

    #[test]
    fn what_is_rounded_stays(value in amount(), mode in mode(), places in -3i32..=6) {
        let rounding = Rounding { places, mode };
        let once = rounding.round(value).unwrap();
        prop_assert_eq!(rounding.round(once).unwrap(), once);
    }

    #[test]
    fn a_price_is_linear_where_nothing_is_rounded(cents in 0i64..10_000, units in 0i64..100_000, more in 0i64..100_000) {
        let price = Price { amount: Decimal::new(cents, 2), per: 1 };
        let charge = |units| price.charge(units, Rounding::LINE).unwrap();
        prop_assert_eq!(add_exact(charge(units), charge(more)).unwrap(), charge(units + more));
        prop_assert_eq!(mul_exact(price.amount, Decimal::from(units)).unwrap(), charge(units));
    }

    #[test]
    fn a_split_sums_and_gives_each_its_share_within_a_unit(
        cents in -10_000_000i64..10_000_000, weights in prop::collection::vec(0u64..1_000_000, 1..20),
    ) {
        let sum: u64 = weights.iter().sum();
        prop_assume!(sum > 0);
        let parts = split(Decimal::new(cents, 2), &weights, 2).unwrap();
        let total = parts.iter().try_fold(Decimal::ZERO, |total, part| add_exact(total, *part)).unwrap();
        prop_assert_eq!(total, Decimal::new(cents, 2));
        for (part, weight) in parts.iter().zip(&weights) {
            let off = part.mantissa() * i128::from(sum) - i128::from(cents) * i128::from(*weight);
            prop_assert!(off.abs() < i128::from(sum), "{} of {}", part, weight);
        }
    }

    #[test]
    fn days_tile_time_and_have_23_to_25_hours(zone in zone(), day in 0i32..60_000) {
        let start = |day: i32| zone.start_of(Date::from_days(day).local_ms()).utc_ms;
        let hours_times_2 = (start(day + 1) - start(day)) * 2 / 3_600_000;
        prop_assert!((46..=50).contains(&hours_times_2), "{} half hours", hours_times_2);
        let last = zone.at(start(day + 1) - 1).local_ms().div_euclid(DAY_MS);
        prop_assert_eq!(last, i64::from(day), "the last millisecond of a day is of that day");
        prop_assert_eq!(zone.at(start(day)).local_ms().div_euclid(DAY_MS), i64::from(day));
    }

    #[test]
    fn an_instant_is_among_the_meanings_of_its_own_reading(zone in zone(), utc_ms in 86_400_000i64..7_000_000_000_000) {
        let time = zone.at(utc_ms);
        match zone.resolve(time.local_ms()) {
            LocalResolution::Unique(only) => prop_assert_eq!(only, time),
            LocalResolution::Ambiguous(first, second) => {
                prop_assert!(first.utc_ms < second.utc_ms);
                prop_assert!(first == time || second == time);
            }
            LocalResolution::Missing => prop_assert!(false, "{} was read off a clock", time),
        }
    }
}
