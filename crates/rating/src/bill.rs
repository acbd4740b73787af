//! What one event, or one close, charges before it is adjusted: its lines, and for each rate what is due of them.
//! Relies on lines standing in the order in which they were made; what adjusts them adds lines and changes what is due.
//! Never loses a cent: what is due of all charges is the sum of the lines less discounts and payments.

use crate::ground::Place;
use crate::steps::exact;
use crate::steps::match_rate::Matched;
use caudal_usage::money::{add_exact, split, sum_exact};
use caudal_usage::{ChargeLine, Decimal, Fault, Lines, Reductions, Unit, Uses};
use std::ops::Range;

/// What one rate charges for one part of a usage.
#[derive(Clone, Debug)]
pub struct Charge<'a> {
    /// Index of its event.
    pub event: usize,
    /// The rate.
    pub matched: Matched<'a>,
    /// Where the part lies.
    pub place: Place,
    /// Its rating group.
    pub group: Option<u32>,
    /// Its lines.
    pub lines: Range<usize>,
    /// What is due.
    pub due: Decimal,
    /// Units billed.
    pub billed: i64,
    /// What they are; amounts rated elsewhere count as events.
    pub unit: Unit,
    /// True when something was measured.
    pub measured: bool,
}

/// The charges of one event.
pub struct Bill<'s, 'a> {
    /// Its lines.
    pub lines: &'s mut Lines<'a>,
    /// What discounts took off.
    pub discounts: &'s mut Reductions<'a>,
    /// What allowances gave.
    pub uses: &'s mut Uses<'a>,
    /// What is due, by rate and part.
    pub charges: &'s mut [Charge<'a>],
    /// True when usage is taken back: amounts here are those of the same usage above zero.
    pub mirrored: bool,
}

impl<'a> Charge<'a> {
    /// Its id.
    pub fn rate(&self) -> &'a str {
        &self.matched.rate.id
    }

    /// Its lines.
    pub fn own<'l>(&self, lines: &'l Lines<'a>) -> &'l [ChargeLine<'a>] {
        lines.get(self.lines.clone()).unwrap_or(&[])
    }
}

/// An amount with those of some lines.
#[inline]
pub fn sum(from: Decimal, lines: &[ChargeLine]) -> Result<Decimal, Fault> {
    match lines {
        [] => return Ok(from),
        [only] if from.is_zero() && only.amount.scale() >= from.scale() => return Ok(only.amount),
        _ => {}
    }
    exact(sum_exact(from, lines.iter().map(|line| line.amount)), "amount")
}

/// Sum of what is due of some charges.
#[inline]
pub fn due<'c, 'a: 'c>(charges: impl Iterator<Item = &'c Charge<'a>>) -> Result<Decimal, Fault> {
    exact(sum_exact(Decimal::ZERO, charges.map(|charge| charge.due)), "amount")
}

/// Takes an amount from the charges of `which`, in proportion to what is due of them, by largest remainder. What is due
/// of none of them falls below zero as long as the amount is not above their sum.
pub fn take_off(charges: &mut [Charge<'_>], which: &[usize], amount: Decimal) -> Result<(), Fault> {
    if let [only] = which {
        if let Some(charge) = charges.get_mut(*only) {
            charge.due = exact(add_exact(charge.due, -amount), "amount")?;
        }
        return Ok(());
    }
    let dues: Vec<Decimal> =
        which.iter().filter_map(|&at| charges.get(at)).map(|charge| charge.due).collect();
    let scale = dues.iter().chain([&amount]).map(Decimal::scale).max().unwrap_or(0);
    let weight = |due: &Decimal| {
        let mut scaled = *due;
        scaled.rescale(scale);
        u64::try_from(scaled.mantissa().max(0)).map_err(|_| caudal_usage::MoneyError::Overflow)
    };
    let weights: Result<Vec<u64>, _> = dues.iter().map(weight).collect();
    let parts = exact(weights.and_then(|weights| split(amount, &weights, scale)), "amount")?;
    for (&at, part) in which.iter().zip(parts) {
        if let Some(charge) = charges.get_mut(at) {
            charge.due = exact(add_exact(charge.due, -part), "amount")?;
        }
    }
    Ok(())
}
