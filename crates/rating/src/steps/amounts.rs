//! Amounts rated elsewhere: passed through with a mark-up, or charged by a percentage.
//! Relies on the exchange table where an amount comes in another currency.
//! Never charges an amount that the record does not bring.

use super::cover::plain_line;
use super::match_rate::Matched;
use super::tiers::counter_of;
use super::{exact, overflow, percent_of};
use crate::balances::Draft;
use crate::ground::{Ground, Place};
use caudal_tariff::{AmountPricing, Model, PercentStep, Percentage, Pricing, Shared};
use caudal_usage::money::add_exact;
use caudal_usage::{
    AmountBasis, ChargeLine, Code, Decimal, Exchanged, Fault, LineKind, Lines, Money, Price, UsageRecord,
};

/// An amount in the plan's currency, and how it came there.
struct Base<'t> {
    amount: Decimal,
    exchanged: Option<Exchanged<'t>>,
}

/// Adds the lines of a rate of amounts.
pub fn amounts<'t>(
    matched: &Matched<'t>,
    (usage, mirrored): (&UsageRecord, bool),
    (ground, place): (&Ground<'t>, &Place),
    draft: &mut Draft,
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    let Some(charged) = usage.charged else {
        return Err(Fault::new(Code::NoRate, "charged", b"no amount, and the rate is of one"));
    };
    let base = base(matched, charged, ground, place)?;
    match (&matched.rate.pricing, &matched.rate.tiers) {
        (Pricing::Amount(AmountPricing::PassThrough { percent, fixed }), _) => {
            pass_through(matched, &base, (*percent, *fixed), lines)
        }
        (Pricing::Amount(AmountPricing::Percentage(price)), _) => {
            percentage((matched, &base), price, (ground, place), draft, lines)
        }
        (_, Some(tiers)) => {
            let Model::Percentage(steps) = &tiers.model else { return Ok(()) };
            let key = counter_of(tiers, (ground, place));
            let before = key.map_or(Decimal::ZERO, |key| draft.used(key));
            let after = graduated(matched, &base, (steps, before, mirrored), lines)?;
            if let Some(key) = key {
                draft.set(key, after);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn base<'t>(
    matched: &Matched<'t>,
    charged: Money,
    ground: &Ground<'t>,
    place: &Place,
) -> Result<Base<'t>, Fault> {
    let currency = matched.version.currency;
    if charged.currency() == currency {
        return Ok(Base { amount: charged.amount(), exchanged: None });
    }
    let table = ground.tariff.exchange();
    let Some(row) = table.find(charged.currency(), currency, place.day) else {
        let found = format!("{} to {currency}: no row of exchange.csv", charged.currency());
        return Err(Fault::new(Code::NoRate, "currency", found.as_bytes()));
    };
    let product = exact(caudal_usage::money::mul_exact(charged.amount(), row.rate), "amount")?;
    let amount = exact(matched.version.rounding.exchange.round(product), "amount")?;
    let exchanged = Exchanged { from: charged, rate: row.rate, row: row.line, version: &table.version };
    Ok(Base { amount, exchanged: Some(exchanged) })
}

/// A line with what it was worked out from.
fn line<'t>(
    matched: &Matched<'t>,
    kind: LineKind,
    amount: Decimal,
    (percent, of, base): (Option<Decimal>, Decimal, &Base<'t>),
) -> ChargeLine<'t> {
    let price = Price { amount: percent.map_or(amount, |percent| percent), per: 1 };
    let basis = AmountBasis { percent, amount: of, exchanged: base.exchanged.clone() };
    let names = (matched.table_name(), matched.version.version.as_ref());
    ChargeLine { amount, basis: Some(Box::new(basis)), ..plain_line(kind, names, (1, price)) }
}

/// A line of an amount by itself.
fn fixed_line<'t>(matched: &Matched<'t>, kind: LineKind, amount: Decimal) -> Result<ChargeLine<'t>, Fault> {
    let rounded = exact(matched.version.rounding.line.round(amount), "amount")?;
    let names = (matched.table_name(), matched.version.version.as_ref());
    Ok(ChargeLine { amount: rounded, ..plain_line(kind, names, (1, Price { amount, per: 1 })) })
}

fn pass_through<'t>(
    matched: &Matched<'t>,
    base: &Base<'t>,
    (percent, fixed): (Decimal, Decimal),
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    let point = matched.version.rounding.line;
    let amount = exact(point.round(base.amount), "amount")?;
    lines.push(line(matched, LineKind::PassThrough, amount, (None, base.amount, base)));
    if !percent.is_zero() {
        let markup = percent_of(base.amount, percent, point)?;
        lines.push(line(matched, LineKind::Markup, markup, (Some(percent), base.amount, base)));
    }
    if !fixed.is_zero() {
        lines.push(fixed_line(matched, LineKind::Fixed, fixed)?);
    }
    Ok(())
}

fn percentage<'t>(
    (matched, base): (&Matched<'t>, &Base<'t>),
    price: &'t Percentage,
    (ground, place): (&Ground, &Place),
    draft: &mut Draft,
    lines: &mut Lines<'t>,
) -> Result<(), Fault> {
    let [events, amounts] =
        price.counters.map(|counter| ground.key(counter, (Shared::Subscription, price.over), place));
    let (seen, spent) = (draft.units(events)?, draft.used(amounts));
    let after = exact(add_exact(spent, base.amount), "amount")?;
    if price.free_events.is_some() || price.free_amount.is_some() {
        draft.set(events, Decimal::from(seen.checked_add(1).ok_or_else(|| overflow("events", &seen))?));
        draft.set(amounts, after);
    }
    let Some(of) = beyond_free(price, (seen, spent), (base.amount, after))? else {
        let none = exact(matched.version.rounding.line.round(Decimal::ZERO), "amount")?;
        lines.push(line(matched, LineKind::Percentage, none, (Some(price.percent), Decimal::ZERO, base)));
        return Ok(());
    };
    let point = matched.version.rounding.line;
    let mut sum = percent_of(of, price.percent, point)?;
    lines.push(line(matched, LineKind::Percentage, sum, (Some(price.percent), of, base)));
    if !price.fixed.is_zero() {
        let fixed = fixed_line(matched, LineKind::Fixed, price.fixed)?;
        sum = exact(add_exact(sum, fixed.amount), "amount")?;
        lines.push(fixed);
    }
    let bound = |bound: Option<Decimal>, kind, lines: &mut Lines<'t>, off: bool| -> Result<(), Fault> {
        let Some(bound) = bound.filter(|bound| if off { sum > *bound } else { sum < *bound }) else {
            return Ok(());
        };
        lines.push(fixed_line(matched, kind, exact(add_exact(bound, -sum), "amount")?)?);
        Ok(())
    };
    bound(price.minimum, LineKind::Minimum, lines, false)?;
    bound(price.maximum, LineKind::Maximum, lines, true)
}

/// The part of an amount that is charged; nothing where the event is free.
fn beyond_free(
    price: &Percentage,
    (seen, spent): (i64, Decimal),
    (amount, after): (Decimal, Decimal),
) -> Result<Option<Decimal>, Fault> {
    if price.free_events.is_none() && price.free_amount.is_none() {
        return Ok(Some(amount));
    }
    let by_count = price.free_events.is_none_or(|free| seen < free);
    let by_amount = price.free_amount.is_none_or(|free| spent < free);
    if !by_count || !by_amount {
        return Ok(Some(amount));
    }
    match price.free_amount.filter(|free| after > *free) {
        Some(free) => Ok(Some(exact(add_exact(after, -free), "amount")?)),
        None => Ok(None),
    }
}

/// Each part of the amount by its place in the sum. An amount that is given back walks back, not beyond where the sum
/// began. Returns the sum.
fn graduated<'t>(
    matched: &Matched<'t>,
    base: &Base<'t>,
    (steps, before, mirrored): (&'t [PercentStep], Decimal, bool),
    lines: &mut Lines<'t>,
) -> Result<Decimal, Fault> {
    // Of usage that is taken back the event turns the signs; of an amount below zero they are turned here.
    let below = base.amount.is_sign_negative();
    let moved = if mirrored { -base.amount } else { base.amount };
    let after = exact(add_exact(before, moved), "amount")?.max(Decimal::ZERO);
    let (start, end) = (before.min(after), before.max(after));
    let sign = |amount: Decimal| if below { -amount } else { amount };
    let (mut position, mut lower) = (start, Decimal::ZERO);
    for (index, tier) in steps.iter().enumerate() {
        let top = tier.up_to.map_or(end, |bound| bound.min(end));
        let number = u32::try_from(index + 1).ok();
        if top > position {
            if position == lower && !tier.flat_fee.is_zero() {
                let fee = fixed_line(matched, LineKind::FlatFee, sign(tier.flat_fee))?;
                lines.push(ChargeLine { step: number, ..fee });
            }
            let part = exact(add_exact(top, -position), "amount")?;
            let amount = sign(percent_of(part, tier.percent, matched.version.rounding.line)?);
            let charged = line(matched, LineKind::Percentage, amount, (Some(tier.percent), sign(part), base));
            lines.push(ChargeLine { step: number, ..charged });
            position = top;
        }
        lower = tier.up_to.unwrap_or(Decimal::MAX);
    }
    Ok(after)
}
