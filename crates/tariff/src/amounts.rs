//! `pass_through` and `percentage` of a rate: prices of amounts that were rated elsewhere.
//! Relies on the usage bringing the amount; what has none is suspended by the rating.
//! Never changes a currency: that is the exchange table's business.

use crate::bands::Week;
use crate::conditions::Applies;
use crate::model::Period;
use crate::rate::{Priced, Reading};
use crate::rate_model::{AmountPricing, Measure, Percentage, Pricing};
use crate::read::Fields;
use caudal_usage::Unit;

/// Reads a rate of amounts.
pub fn read(reading: &mut Reading, item: &mut Fields, applies: &mut Applies, id: &str) -> Option<Priced> {
    check(reading, item, applies);
    let pass_through = item.table(reading.report, "pass_through");
    let percentage = item.table(reading.report, "percentage");
    let pricing = match (pass_through, percentage) {
        (Some(mut table), _) => {
            let percent = reading.signed_amount(&mut table, "markup_percent");
            let fixed = reading.signed_amount(&mut table, "markup");
            table.finish(reading.report, &[]);
            AmountPricing::PassThrough { percent, fixed }
        }
        (None, Some(table)) => AmountPricing::Percentage(reading.percentage(table, id)?),
        (None, None) => return None,
    };
    Some(Priced {
        measure: Measure::Amount,
        unit: Unit::Event,
        pricing: Pricing::Amount(pricing),
        tiers: None,
        week: Week::constant(),
    })
}

/// Amounts rated elsewhere come with events: what counts time or volume has none.
pub fn check(reading: &mut Reading, item: &Fields, applies: &Applies) {
    if item.has("increments") && item.has("tiers") {
        reading
            .report
            .error(item.place("increments"), "`increments` beside percentages, which count no quantity");
    }
    if let Some(bands) = applies.bands.as_ref().and_then(|bands| bands.first()) {
        reading.report.error(applies.at, format!("`band` {bands:?} of an amount, which has no bands"));
    }
}

impl Reading<'_, '_, '_> {
    /// An amount, below zero only where that is taken; zero where nothing is said.
    fn signed_amount(&mut self, table: &mut Fields, key: &'static str) -> caudal_usage::Decimal {
        let Some(amount) = table.parsed(self.report, key, crate::grammar::decimal) else {
            return caudal_usage::Decimal::ZERO;
        };
        if amount.value.is_sign_negative() && !amount.value.is_zero() && !self.signed {
            self.report.hinted(amount.at, format!("`{key}` is below zero"), "allow_negative = true takes it");
        }
        amount.value
    }

    fn percentage(&mut self, mut table: Fields, id: &str) -> Option<Percentage> {
        if !table.has("percent") {
            self.report.error(table.at, "`percent` is missing, e.g. percent = \"2.5\"");
        }
        let percent = self.charge(&mut table, "percent");
        let fixed = self.charge(&mut table, "fixed").unwrap_or_default();
        let free_events =
            table.number(self.report, "free_events", 0..=1_000_000_000).map(|number| number.value);
        let free_amount = self.charge(&mut table, "free_amount");
        let minimum = self.charge(&mut table, "minimum");
        let maximum_at = table.place("maximum");
        let maximum = self.charge(&mut table, "maximum");
        if minimum.zip(maximum).is_some_and(|(least, greatest)| least > greatest) {
            self.report.error(maximum_at, "`maximum` is below `minimum`");
        }
        let words = [("cycle", Period::Cycle), ("day", Period::Day), ("week", Period::Week)];
        let over = table.choice(self.report, "over", &words)?;
        table.finish(self.report, &[]);
        let counters = ["free_events", "free_amount"].map(|kind| self.context.counter(self.plan, kind, id));
        Some(Percentage {
            percent: percent?,
            fixed,
            free_events,
            free_amount,
            minimum,
            maximum,
            over,
            counters,
        })
    }
}
