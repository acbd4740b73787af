//! Figures of one currency to the lines of tables whose columns stand under each other.
//! Relies on the figures for every amount; a percentage is of what is paid under the present plans.
//! Never shows a digit that the currency has not.

use super::report::{Accounts, Figures};
use super::sums::Pair;
use crate::print::{amount, count};
use caudal_usage::money::MoneyError;
use caudal_usage::{Currency, Decimal};

/// Narrowest column of names, in characters.
const NAME_MIN: usize = 19;

/// The columns of one currency's tables.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    currency: Currency,
    /// Characters of the longest name.
    name: usize,
}

impl Table {
    /// Wide enough for every name.
    pub fn of(figures: &Figures) -> Self {
        let rows = figures.plans.iter().map(|(name, _)| name.as_ref());
        let movers = figures.up.iter().chain(&figures.down).map(|mover| mover.account.as_str());
        let name = rows.chain(movers).map(|name| name.chars().count()).max().unwrap_or(0);
        Self { currency: figures.currency, name: name.max(NAME_MIN) }
    }

    /// The line over the columns.
    pub fn head(&self, name: &str, counted: &str) -> String {
        let money = format!("{:>14}{:>14}{:>14}", "present", "other", "difference");
        format!("  {name:<width$}{counted:>10}{money}", width = self.name)
    }

    /// A row of usages; without their number where that says nothing.
    pub fn row(&self, name: &str, counted: Option<u64>, pair: Pair) -> Result<String, MoneyError> {
        let counted = counted.map_or_else(String::new, count);
        let share = share(pair.difference()?, pair);
        let line = format!("{}{share:>11}", self.line(name, &counted, pair)?);
        Ok(line.trim_end().to_owned())
    }

    /// What rounding adds: a percentage of it would say nothing.
    pub fn rounding(&self, pair: Pair) -> Result<String, MoneyError> {
        self.line("rounding at close", "", pair)
    }

    fn line(&self, name: &str, counted: &str, pair: Pair) -> Result<String, MoneyError> {
        let [present, other] = [pair.present, pair.other].map(|amount| cents(amount, self.currency));
        let difference = change(pair.difference()?, self.currency);
        let name = format!("  {name:<width$}", width = self.name);
        Ok(format!("{name}{counted:>10}{present:>14}{other:>14}{difference:>14}"))
    }

    /// The line over rows of accounts.
    pub fn accounts_head(&self, name: &str) -> String {
        let head = self.head(name, "accounts");
        format!("{head}{:>11}{:>11}{:>11}{:>11}", "", "pay more", "pay less", "the same")
    }

    /// A row of accounts.
    pub fn accounts(&self, name: &str, accounts: &Accounts) -> Result<String, MoneyError> {
        let row = self.row(name, Some(accounts.count()), accounts.pair)?;
        let width = self.name + 2 + 10 + 3 * 14 + 11;
        let [more, less, same] = [accounts.more, accounts.less, accounts.same].map(count);
        Ok(format!("{row:<width$}{more:>11}{less:>11}{same:>11}"))
    }
}

/// Classes with their names; those without accounts are left out.
pub fn classes(classes: &[(Option<i64>, Accounts)]) -> impl Iterator<Item = (String, &Accounts)> {
    let last = classes.iter().rev().find_map(|(bound, _)| *bound).unwrap_or(0);
    let name = move |bound: Option<i64>| match bound {
        Some(0) => "0".to_owned(),
        Some(bound) => format!("up to {bound}"),
        None => format!("above {last}"),
    };
    classes
        .iter()
        .filter(|(_, accounts)| accounts.count() > 0)
        .map(move |(bound, accounts)| (name(*bound), accounts))
}

/// An amount at the currency's own places.
pub fn cents(value: Decimal, currency: Currency) -> String {
    amount(value, currency.places())
}

/// A change, with its sign.
pub fn change(value: Decimal, currency: Currency) -> String {
    signed(&cents(value, currency))
}

/// A change in percent of what is paid now; nothing where nothing is.
fn share(difference: Decimal, pair: Pair) -> String {
    let percent = difference
        .checked_mul(Decimal::ONE_HUNDRED)
        .and_then(|hundredfold| hundredfold.checked_div(pair.present.abs()))
        .map(|percent| amount(percent, 1));
    percent.map_or_else(String::new, |percent| format!("{} %", signed(&percent)))
}

/// A sign for whatever is not zero as it is shown.
fn signed(text: &str) -> String {
    let digits = text.trim_start_matches('-');
    let is_zero = !digits.bytes().any(|octet| (b'1'..=b'9').contains(&octet));
    let sign = match (is_zero, digits.len() < text.len()) {
        (true, _) => "",
        (false, true) => "-",
        (false, false) => "+",
    };
    format!("{sign}{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_a_sign_and_nothing_has_none() {
        let euro = Currency::parse("EUR").unwrap();
        for (value, shown) in
            [("1234.5", "+1,234.50"), ("-0.006", "-0.01"), ("-0.004", "0.00"), ("0.004", "0.00")]
        {
            assert_eq!(change(value.parse().unwrap(), euro), shown);
        }
        let pair = |present: &str| Pair { present: present.parse().unwrap(), other: Decimal::ZERO };
        assert_eq!(share("-0.5".parse().unwrap(), pair("8")), "-6.3 %");
        assert_eq!(share(Decimal::ONE, pair("0")), "");
    }
}
