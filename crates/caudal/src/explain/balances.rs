//! The events before one to the balances that stood when it was rated.
//! Relies on an account's events lying in the stream in the order in which they were rated.
//! Never counts the event itself or another of the same usage and run.

use super::data::DataFiles;
use caudal_engine::setup::Setup;
use caudal_rating::AccountBalances;
use caudal_tariff::{PlanVersion, Tariff};
use caudal_usage::{Balance, BalanceKey, CounterId, Date, Decimal, Owner, Subscription};
use serde_json::Value;

/// Rebuilds the balances of the account of the event's subscription.
pub fn before(
    rated: &DataFiles,
    (line, event): (&[u8], &Value),
    (setup, subscription): (&Setup, &Subscription),
) -> anyhow::Result<AccountBalances> {
    let mut balances = AccountBalances::default();
    let account = format!("\"account\":{}", event["account"]);
    let needle = memchr::memmem::Finder::new(account.as_bytes());
    rated.lines(&mut |earlier| {
        if earlier == line {
            return Ok(false);
        }
        if needle.find(earlier).is_some() {
            let earlier: Value = serde_json::from_slice(earlier)?;
            let same = earlier["source"] == event["source"] && earlier["run"] == event["run"];
            if earlier["account"] == event["account"] && !same {
                add(&mut balances, (&earlier, event), (setup, subscription));
            }
        }
        Ok(true)
    })?;
    Ok(balances)
}

fn add(
    balances: &mut AccountBalances,
    (earlier, event): (&Value, &Value),
    (setup, subscription): (&Setup, &Subscription),
) {
    let ours = earlier["subscription"] == event["subscription"];
    let tariff = &setup.tariff;
    if ours {
        said(balances, earlier, (tariff, subscription.index));
    }
    for used in earlier["counters"].as_array().into_iter().flatten() {
        let owner = match used["owner"].as_str() {
            Some("account") => Owner::Account,
            Some("group") if subscription.group > 0 => Owner::Group(subscription.group),
            _ if ours => Owner::Subscription(subscription.index),
            _ => continue,
        };
        let text = |name: &str| used[name].as_str();
        let counter = text("counter").and_then(|name| tariff.counter(name));
        let (Some(counter), Some(after)) = (counter, text("after").and_then(|after| after.parse().ok()))
        else {
            continue;
        };
        let period = text("period").map_or(Some(BalanceKey::EVER), Date::parse);
        let instance = text("instance").map_or(Some(0), |hex| u64::from_str_radix(hex, 16).ok());
        if let (Some(period), Some(instance)) = (period, instance) {
            balances.set(Balance { key: BalanceKey { owner, counter, period, instance }, used: after });
        }
    }
}

/// What plain allowances gave and graduated tiers counted: events say it where it happens.
fn said(balances: &mut AccountBalances, event: &Value, (tariff, index): (&Tariff, u32)) {
    let plan = event["plan"].as_str().unwrap_or_default();
    let mut used = |counter: Option<CounterId>, cycle: &Value, quantity: &Value| {
        let cycle = cycle.as_str().and_then(Date::parse);
        let (Some(counter), Some(period), Some(quantity)) = (counter, cycle, quantity.as_i64()) else {
            return;
        };
        if !tariff.is_said(counter) {
            return;
        }
        let key = BalanceKey { owner: Owner::Subscription(index), counter, period, instance: 0 };
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
