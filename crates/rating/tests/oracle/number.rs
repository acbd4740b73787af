//! Exact rationals, rounding at a point, and splits that sum, as one learns them at school.
//! Relies on big integers, so nothing overflows and nothing is lost.
//! Never shares arithmetic with the engine.

use num_bigint::BigInt;
use num_integer::Integer;
use num_rational::BigRational;
use num_traits::{Signed, Zero};

pub type Q = BigRational;

pub fn q(whole: i64) -> Q {
    Q::from_integer(BigInt::from(whole))
}

pub fn zero() -> Q {
    Q::zero()
}

pub fn ten_to(places: i32) -> Q {
    let power = q(10).pow(places.abs());
    if places < 0 { power.recip() } else { power }
}

/// A decimal number as a plan writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dec {
    pub digits: i64,
    pub places: u32,
}

pub const fn dec(digits: i64, places: u32) -> Dec {
    Dec { digits, places }
}

impl Dec {
    pub fn q(self) -> Q {
        q(self.digits) / q(10).pow(self.places as i32)
    }
}

impl std::fmt::Display for Dec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(&self.q(), self.places as i32))
    }
}

/// A rational with so many places, cut off; for messages and plans.
pub fn shown(value: &Q, places: i32) -> String {
    let scaled = (value.abs() * ten_to(places)).to_integer().to_string();
    let sign = if value.is_negative() { "-" } else { "" };
    let places = places.max(0) as usize;
    let scaled = format!("{scaled:0>width$}", width = places + 1);
    let (whole, part) = scaled.split_at(scaled.len() - places);
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Up,
    Down,
    HalfUp,
    HalfEven,
    HalfDown,
    Ceiling,
    Floor,
}

pub const MODES: [(Mode, &str); 7] = [
    (Mode::Up, "up"),
    (Mode::Down, "down"),
    (Mode::HalfUp, "half_up"),
    (Mode::HalfEven, "half_even"),
    (Mode::HalfDown, "half_down"),
    (Mode::Ceiling, "ceiling"),
    (Mode::Floor, "floor"),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    pub places: i32,
    pub mode: Mode,
}

pub fn round(value: &Q, point: Point) -> Q {
    let scaled = value * ten_to(point.places);
    let (below, above) = (scaled.floor(), scaled.ceil());
    let nearer_below = &scaled - &below;
    let half = Q::new(1.into(), 2.into());
    let (towards, away) =
        if scaled.is_negative() { (above.clone(), below.clone()) } else { (below.clone(), above.clone()) };
    let tie = nearer_below == half;
    let nearest = if nearer_below < half { below.clone() } else { above.clone() };
    let whole = match point.mode {
        Mode::Up => away,
        Mode::Down => towards,
        Mode::Ceiling => above,
        Mode::Floor => below,
        Mode::HalfUp if tie => away,
        Mode::HalfDown if tie => towards,
        Mode::HalfEven if tie => {
            if below.to_integer().is_even() {
                below
            } else {
                above
            }
        }
        Mode::HalfUp | Mode::HalfDown | Mode::HalfEven => nearest,
    };
    whole * ten_to(-point.places)
}

/// `total` by weights at so many places: each share cut off, then one last place more to the greatest remainders, the
/// earlier one first where they are equal.
pub fn split(total: &Q, weights: &[Q], places: i32) -> Vec<Q> {
    let sum: Q = weights.iter().sum();
    if sum.is_zero() {
        return vec![zero(); weights.len()];
    }
    let unit = ten_to(-places);
    let exact: Vec<Q> = weights.iter().map(|weight| total * weight / &sum).collect();
    let mut shares: Vec<Q> =
        exact.iter().map(|share| round(share, Point { places, mode: Mode::Down })).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse((&exact[at] - &shares[at]).abs()));
    let mut left = total - shares.iter().sum::<Q>();
    for at in order {
        if left.is_zero() {
            break;
        }
        // What is finer than the last place goes with the greatest remainder.
        let step = if left.abs() < unit { left.clone() } else { &unit * left.signum() };
        left -= &step;
        shares[at] += step;
    }
    shares
}

/// `a ÷ b`, rounded up.
pub fn started(a: &Q, b: &Q) -> Q {
    (a / b).ceil()
}
