//! The events before one to the balances that stood when it was rated.
//! Relies on a subscription's events lying in the stream in the order in which they were rated.
//! Never counts the event itself or another of the same usage.

use super::data::DataFiles;
use caudal_rating::AccountBalances;
use caudal_tariff::{PlanVersion, Tariff};
use caudal_usage::{Balance, BalanceKey, CounterId, Date, Decimal};
use serde_json::Value;

/// Rebuilds the balances of the event's subscription; `index` is its dense index.
pub fn before(
    rated: &DataFiles,
    (line, event): (&[u8], &Value),
    (tariff, index): (&Tariff, u32),
) -> anyhow::Result<AccountBalances> {
    let mut balances = AccountBalances::default();
    let subscription = format!("\"subscription\":{}", event["subscription"]);
    let needle = memchr::memmem::Finder::new(subscription.as_bytes());
    rated.lines(&mut |earlier| {
        if earlier == line {
            return Ok(false);
        }
        if needle.find(earlier).is_some() {
            let earlier: Value = serde_json::from_slice(earlier)?;
            let ours =
                earlier["subscription"] == event["subscription"] && earlier["account"] == event["account"];
            if ours && earlier["source"] != event["source"] {
                add(&mut balances, &earlier, (tariff, index));
            }
        }
        Ok(true)
    })?;
    Ok(balances)
}

fn add(balances: &mut AccountBalances, event: &Value, (tariff, index): (&Tariff, u32)) {
    let plan = event["plan"].as_str().unwrap_or_default();
    let mut used = |counter: Option<CounterId>, cycle: &Value, quantity: &Value| {
        let cycle = cycle.as_str().and_then(Date::parse);
        let (Some(counter), Some(cycle), Some(quantity)) = (counter, cycle, quantity.as_i64()) else {
            return;
        };
        let key = BalanceKey { subscription: index, counter, cycle };
        balances.set(Balance { key, used: balances.get(key) + Decimal::from(quantity) });
    };
    for taken in event["allowance_uses"].as_array().into_iter().flatten() {
        used(allowance(tariff, plan, &taken["allowance"]), &taken["cycle"], &taken["quantity"]);
    }
    for line in event["lines"].as_array().into_iter().flatten().filter(|line| line["kind"] == "tier") {
        used(tiers(tariff, plan, line), &event["cycle"], &line["quantity"]);
    }
}

fn versions(tariff: &Tariff) -> impl Iterator<Item = &PlanVersion> {
    tariff.plans().iter().flat_map(|plan| &plan.versions)
}

fn allowance(tariff: &Tariff, plan: &str, id: &Value) -> Option<CounterId> {
    let mut allowances =
        versions(tariff).filter(|version| *version.plan == *plan).flat_map(|version| &version.allowances);
    allowances.find(|allowance| *id == *allowance.id).map(|allowance| allowance.counter)
}

/// The counter of a tier line: its rate stands in the plan version that the line names, or in one of the same plan.
fn tiers(tariff: &Tariff, plan: &str, line: &Value) -> Option<CounterId> {
    let rate = |version: &PlanVersion| {
        let rate = version.rates.iter().find(|rate| line["table"] == *rate.id)?;
        rate.tiers.as_ref().map(|tiers| tiers.counter)
    };
    let named = versions(tariff).find(|version| line["version"] == *version.version).and_then(rate);
    named.or_else(|| versions(tariff).filter(|version| *version.plan == *plan).find_map(rate))
}
