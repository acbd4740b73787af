//! Amounts rated elsewhere into charge lines: passed through, by percentage, by tiers of percent.
//! Relies on the exchange table for amounts in another currency.
//! Never asks how much was used.

use super::balances::Balances;
use super::lines::Ledger;
use super::number::{Q, q, zero};
use super::plan::{Percentage, Pricing, Tiers};

/// Counters of a percentage's free part.
pub struct FreeCounters {
    pub events: String,
    pub amount: String,
}

impl Ledger<'_> {
    /// Lines for one amount in the plan's currency. `counter` holds the sum of a period, for tiers.
    pub fn amount(&mut self, amount: &Q, balances: &mut Balances, counter: &str, free: &FreeCounters) {
        match &self.rate.pricing {
            Pricing::PassThrough { percent, fixed } => {
                self.line("pass_through", 1, amount);
                if let Some(percent) = percent {
                    self.line("markup", 1, &(amount * percent.q() / q(100)));
                }
                if let Some(fixed) = fixed {
                    self.line("fixed", 1, &fixed.q());
                }
            }
            Pricing::Percentage(of) => self.percentage(of, amount, balances, free),
            Pricing::Tiers(tiers) => self.percent_tiers(tiers, amount, balances, counter),
            _ => unreachable!("only rates of amounts are asked"),
        }
    }

    fn percentage(&mut self, of: &Percentage, amount: &Q, balances: &mut Balances, counters: &FreeCounters) {
        let (events, sum) = (balances.get(&counters.events), balances.get(&counters.amount));
        balances.add(&counters.events, &q(1));
        balances.add(&counters.amount, amount);
        // Both free parts last until one of them is used up.
        let events_last = of.free_events.is_none_or(|free| events < q(free));
        let left = of.free_amount.map(|free| (free.q() - sum).max(zero()));
        let amount_lasts = left.as_ref().is_none_or(|left| *left > zero());
        let any_free = of.free_events.is_some() || of.free_amount.is_some();
        let free = match left {
            _ if !any_free || !events_last || !amount_lasts => zero(),
            Some(left) if left < *amount => left,
            _ => {
                self.line("percentage", 1, &zero());
                return;
            }
        };
        let percent = of.percent.map_or(zero(), |percent| percent.q());
        let mut charged = self.line("percentage", 1, &((amount - free) * percent / q(100))).amount.clone();
        if let Some(fixed) = of.fixed {
            charged += &self.line("fixed", 1, &fixed.q()).amount;
        }
        if let Some(least) = of.minimum.map(|least| least.q()).filter(|least| charged < *least) {
            charged += &self.line("minimum", 1, &(&least - &charged)).amount;
        }
        if let Some(most) = of.maximum.map(|most| most.q()).filter(|most| charged > *most) {
            self.line("maximum", 1, &(&most - &charged));
        }
    }

    fn percent_tiers(&mut self, tiers: &Tiers, amount: &Q, balances: &mut Balances, counter: &str) {
        let from = balances.get(counter);
        let to = &from + amount;
        let mut lower = zero();
        for (index, tier) in tiers.steps.iter().enumerate() {
            let upper = tier.up_to.map_or_else(|| to.clone().max(lower.clone()), |cents| q(cents) / q(100));
            let (low, high) = (from.clone().max(lower.clone()), to.clone().min(upper.clone()));
            if low < high {
                let percent = tier.percent.map_or(zero(), |percent| percent.q());
                if let Some(fee) = tier.flat_fee.filter(|_| low == lower) {
                    self.line("flat_fee", 1, &fee.q()).step = Some(index as u32 + 1);
                }
                self.line("percentage", 1, &((&high - &low) * percent / q(100))).step =
                    Some(index as u32 + 1);
            }
            lower = upper;
        }
        balances.set(counter, to);
    }
}
