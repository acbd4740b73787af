//! Whether a replay is honest: what the present plans make of archived usage, against what was charged then.
//! Relies on events for what was charged; nothing is explained here, it is counted.
//! Never leaves a difference out: what the present plans do not price at all is one.

use super::archived::Charged;
use super::sums::{Pair, Side};
use crate::usage_lines::Outcome;
use caudal_usage::money::{MoneyError, add_exact};
use caudal_usage::{Currency, Decimal};
use std::collections::BTreeMap;

/// Counts of archived usages.
#[derive(Debug, Default)]
pub struct Check {
    /// Usages made of an event alone.
    pub from_events: u64,
    /// Why the first of these was not read from its original records, where that was asked for.
    pub gone: Option<String>,
    /// The present plans give back what was charged.
    pub same: u64,
    /// They give something else.
    pub differ: u64,
    /// Of these, charged by another version of the plan.
    pub other_version: u64,
    /// They give nothing, or it is not billed.
    pub not_priced: u64,
    /// Events that are no first charge of a usage, by what they are.
    pub passed_over: BTreeMap<String, u64>,
    /// What was charged then (`present`) and what the replay charges (`other`), by currency.
    pub amounts: BTreeMap<Currency, Pair>,
}

impl Check {
    /// Usages compared.
    pub const fn usages(&self) -> u64 {
        self.same + self.differ + self.not_priced
    }

    /// True when nothing archived was read.
    pub fn is_empty(&self) -> bool {
        self.usages() == 0 && self.passed_over.is_empty()
    }

    /// Takes what the present plans make of a usage for which `charged` was charged.
    pub fn take(&mut self, charged: &Charged, replayed: Outcome<'_, '_>) -> Result<(), MoneyError> {
        self.amounts.entry(charged.currency).or_default().add(Side::Present, charged.amount)?;
        let Outcome::Rated { events, .. } = replayed else {
            self.not_priced += 1;
            return Ok(());
        };
        let mut sum = Decimal::ZERO;
        for event in events {
            self.amounts.entry(event.currency).or_default().add(Side::Other, event.amount)?;
            sum = add_exact(sum, event.amount)?;
        }
        let is_currency = events.iter().all(|event| event.currency == charged.currency);
        if sum == charged.amount && is_currency {
            self.same += 1;
            return Ok(());
        }
        self.differ += 1;
        let is_version = events.first().is_some_and(|event| *event.plan_version == *charged.plan_version);
        self.other_version += u64::from(!is_version);
        Ok(())
    }
}
