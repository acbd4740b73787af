//! A stored event to what is wrong with its own arithmetic: lines, their sum, its allowances.
//! Relies on amounts standing at the places of their rounding point.
//! Never needs a version or the original: it is what is left when both are gone.

use super::Difference;
use caudal_usage::{Decimal, Price, Rounding, RoundingMode};
use serde_json::Value;

/// Checks quantity × price for each line, and the sums.
pub fn check(event: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut sum = Some(Decimal::ZERO);
    for (index, line) in event["lines"].as_array().into_iter().flatten().enumerate() {
        let amount = decimal(&line["amount"]);
        sum = sum.and_then(|sum| caudal_usage::money::add_exact(sum, amount?).ok());
        if amount.is_none() || !charges(line).contains(&amount) {
            let computed =
                charges(line).into_iter().flatten().map(|amount| amount.to_string()).collect::<Vec<_>>();
            let field = format!("lines.{index}.amount");
            found.push(Difference {
                field,
                stored: line["amount"].to_string(),
                computed: computed.join(" or "),
            });
        }
    }
    for (index, used) in event["allowance_uses"].as_array().into_iter().flatten().enumerate() {
        let number = |field: &str| used[field].as_i64().map(Decimal::from).or_else(|| decimal(&used[field]));
        let left =
            number("before").zip(number("quantity")).and_then(|(before, taken)| before.checked_sub(taken));
        if used["unit"] == "money" {
            sum = sum.and_then(|sum| caudal_usage::money::add_exact(sum, -number("quantity")?).ok());
        }
        if left.is_none() || left != number("after") {
            let computed = left.map_or_else(String::new, |left| left.to_string());
            let field = format!("allowance_uses.{index}.after");
            found.push(Difference { field, stored: used["after"].to_string(), computed });
        }
    }
    for taken in event["discounts"].as_array().into_iter().flatten() {
        sum = sum.and_then(|sum| caudal_usage::money::add_exact(sum, -decimal(&taken["amount"])?).ok());
    }
    let amount = decimal(&event["amount"]);
    let fits = amount.zip(sum).is_some_and(|(amount, sum)| roundings(sum, amount).contains(&Some(amount)));
    if !fits {
        let computed = sum.map_or_else(String::new, |sum| sum.to_string());
        found.push(Difference { field: "amount".into(), stored: event["amount"].to_string(), computed });
    }
    found
}

fn decimal(value: &Value) -> Option<Decimal> {
    value.as_str()?.parse().ok()
}

/// What the line may charge: its rounding mode is the plan's, which may be gone, so each is allowed.
fn charges(line: &Value) -> Vec<Option<Decimal>> {
    let (price, per, quantity) =
        (decimal(&line["unit_price"]), line["per"].as_i64(), line["quantity"].as_i64());
    let (Some(amount), Some(price), Some(per), Some(quantity)) =
        (decimal(&line["amount"]), price, per, quantity)
    else {
        return Vec::new();
    };
    if let Some(percent) = decimal(&line["basis"]["percent"]) {
        let of = decimal(&line["basis"]["amount"]).unwrap_or_default();
        let product = caudal_usage::money::mul_exact(of, percent).ok();
        return modes(amount).map(|rounding| rounding.ratio(product?, 1, 100).ok()).collect();
    }
    let price = Price { amount: price, per };
    modes(amount).map(|rounding| price.charge(quantity, rounding).ok()).collect()
}

fn roundings(sum: Decimal, amount: Decimal) -> Vec<Option<Decimal>> {
    modes(amount).map(|rounding| rounding.round(sum).ok()).collect()
}

/// Every mode, at the places that the amount has.
fn modes(amount: Decimal) -> impl Iterator<Item = Rounding> {
    let places = i32::try_from(amount.scale()).unwrap_or(6);
    use RoundingMode::{Ceiling, Down, Floor, HalfDown, HalfEven, HalfUp, Up};
    [HalfUp, HalfEven, HalfDown, Up, Down, Ceiling, Floor]
        .into_iter()
        .map(move |mode| Rounding { places, mode })
}
