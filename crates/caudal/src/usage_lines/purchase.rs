//! `top_up` and `redeem` lines: what is bought into allowances, and codes that make discounts hold.
//! Relies on the desk for who they are for; a purchase is named by its id, so the same line again changes nothing.
//! Never prices: usage that comes later uses what was bought.

use super::fields::{Field, Fields};
use super::number::{self, Wrong};
use super::record::{charged, identity_of, missing, word};
use caudal_usage::{Code, Currency, Decimal, Fault, Timestamp, Unit, quantity};

/// A purchase as its line says it.
pub(super) struct Purchase {
    /// Id of the allowance.
    pub allowance: String,
    /// How much, with its base unit; of money, an amount.
    pub quantity: Option<(Decimal, Option<Unit>)>,
    /// When it expires.
    pub until_ms: Option<i64>,
    /// The purchase that it takes back.
    pub voids: Option<caudal_usage::Identity>,
}

/// Reads a purchase for an account that is billed in `currency`.
pub(super) fn purchase(fields: &Fields<'_>, currency: Currency) -> Result<Purchase, Fault> {
    let allowance = fields.text(Field::Allowance)?.ok_or_else(|| missing(Field::Allowance))?;
    let voids = fields.text_or_number(Field::Voids)?.map(|id| identity_of(&id));
    let until = word(fields, Field::Expires, Timestamp::parse_rfc3339)?;
    Ok(Purchase {
        allowance: allowance.into_owned(),
        quantity: bought(fields, currency)?,
        until_ms: until.map(|until| until.utc_ms),
        voids,
    })
}

/// A quantity with its unit, or an amount in the account's currency; neither: what one refill gives.
fn bought(fields: &Fields<'_>, currency: Currency) -> Result<Option<(Decimal, Option<Unit>)>, Fault> {
    if let Some(amount) = charged(fields)? {
        if amount.currency() != currency {
            let found = format!("{}, account in {currency}", amount.currency());
            return Err(Field::Currency.fault(Code::BadField, &found));
        }
        return Ok(Some((above_zero(Field::Amount, amount.amount())?, None)));
    }
    let Some(number) = fields.number(Field::Quantity)? else { return Ok(None) };
    let word = fields.text(Field::Unit)?.ok_or_else(|| missing(Field::Unit))?;
    let (unit, worth) = quantity::unit(&word).ok_or_else(|| Field::Unit.fault(Code::BadField, &word))?;
    let units = number::base_units(&number, worth).map_err(|wrong| match wrong {
        Wrong::NoNumber | Wrong::Fraction => Field::Quantity.fault(Code::BadField, &number),
        Wrong::TooLarge => Field::Quantity.fault(Code::Overflow, &number),
    })?;
    Ok(Some((above_zero(Field::Quantity, Decimal::from(units))?, Some(unit))))
}

fn above_zero(field: Field, value: Decimal) -> Result<Decimal, Fault> {
    if value > Decimal::ZERO { Ok(value) } else { Err(field.fault(Code::BadField, &value.to_string())) }
}
