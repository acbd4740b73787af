//! The options that a plan has, by name: each key that it says, and each word of a key that takes one of several.
//! Relies on the plan's structs; options of one rate stand together, those of other items beside them.
//! Never counts what only the usage brings.

use super::number::{MODES, Point};
use super::plan::*;
use std::collections::BTreeSet;

pub type Options = BTreeSet<String>;

struct Found(Options);

impl Found {
    fn key(&mut self, name: &str, said: bool) {
        if said {
            self.0.insert(name.to_owned());
        }
    }

    fn word(&mut self, name: &str, word: Word) {
        if let Some(word) = word {
            self.0.insert(format!("{name}={word}"));
        }
    }

    fn point(&mut self, name: &str, point: Option<Point>) {
        let Some(point) = point else { return };
        let mode = MODES.iter().find(|(mode, _)| *mode == point.mode).map_or("", |(_, word)| word);
        self.0.insert(format!("{name}={mode}"));
    }
}

/// Every option of a plan.
pub fn options(plan: &Plan) -> Options {
    let mut found = Found(Options::new());
    found.word("plan.currency", Some(plan.currency));
    found.word("plan.time_zone", plan.time_zone);
    found.word("plan.consume", plan.consume);
    found.key("plan.allow_negative", plan.allow_negative);
    found.key("plan.base", !plan.base.is_empty());
    for (name, point) in
        [("line", plan.line), ("event", plan.event), ("cycle", plan.cycle), ("exchange", plan.exchange)]
    {
        found.point(&format!("plan.{name}"), point);
    }
    plan.rates.iter().for_each(|of| rate(&mut found, of));
    for row in &plan.table {
        found.key("rate.table.origin_zone", row.origin_zone.is_some());
        found.key("rate.table.band", row.band.is_some());
    }
    plan.allowances.iter().for_each(|of| allowance(&mut found, of));
    beside(&mut found, plan);
    found.0
}

fn rate(found: &mut Found, of: &Rate) {
    for (key, values) in &of.when.0 {
        match *key {
            "service" | "on_net" => _ = found.0.insert(format!("rate.{key}={}", values[0])),
            key => found.key(&format!("rate.{key}"), true),
        }
    }
    found.key("rate.priority", of.priority.is_some());
    pricing(found, of);
    found.key("rate.increments", of.increments.is_some());
    found.word("rate.partial", of.partial);
    found.key("rate.free", of.free.is_some());
    found.key("rate.grace", of.grace.is_some());
    found.key("rate.minimum_quantity", of.minimum_quantity.is_some());
    found.key("rate.minimum_charge", of.minimum_charge.is_some());
    found.key("rate.maximum_charge", of.maximum_charge.is_some());
    found.key("rate.connection_fee", of.connection_fee.is_some());
    found.word("rate.fee_when_covered", of.fee_when_covered.map(|due| if due { "true" } else { "false" }));
    found.key("rate.bands", !of.bands.is_empty());
    for band in &of.bands {
        found.key("rate.bands.days", band.days.is_some());
        found.key("rate.bands.hours", band.hours.is_some());
        found.key("rate.bands.price", band.price.is_some());
        found.key("rate.bands.steps", !band.steps.is_empty());
        found.key("rate.bands.increments", band.increments.is_some());
        found.key("rate.bands.connection_fee", band.connection_fee.is_some());
    }
    found.word("rate.split", of.split);
    found.word("rate.time_zone", of.time_zone);
    found.word("rate.round_over", of.round_over);
    if let Some(cap) = &of.cap {
        found.key("rate.cap", true);
        found.word("rate.cap.per", cap.per);
        found.word("rate.cap.then", cap.then);
    }
}

fn pricing(found: &mut Found, of: &Rate) {
    match &of.pricing {
        Pricing::Price(price) if price.unit == Unit::Event && of.unit != Unit::Event => {
            found.key("rate.per_event", true);
        }
        Pricing::Price(_) => found.key("rate.price", true),
        Pricing::Table => found.key("rate.table", true),
        Pricing::Steps(steps) => {
            found.key("rate.steps", true);
            found.key("rate.steps.increments", steps.iter().any(|step| step.increments.is_some()));
        }
        Pricing::Tiers(tiers) => {
            found.word("rate.tiers.model", Some(tiers.model));
            found.word("rate.tiers.over", tiers.over);
            found.word("rate.tiers.shared", tiers.shared);
            found.word("rate.tiers.maximum_in", tiers.maximum_in);
            found.word("rate.tiers.zero_usage", tiers.zero_usage);
            found.key("rate.tiers.flat_fee", tiers.steps.iter().any(|tier| tier.flat_fee.is_some()));
            if let Some(package) = &tiers.package {
                found.key("rate.tiers.free", package.free.is_some());
                found.key("rate.tiers.minimum", package.minimum.is_some());
            }
        }
        Pricing::PassThrough { percent, fixed } => {
            found.key("rate.pass_through", true);
            found.key("rate.pass_through.markup_percent", percent.is_some());
            found.key("rate.pass_through.markup", fixed.is_some());
        }
        Pricing::Percentage(of) => {
            found.key("rate.percentage", true);
            found.key("rate.percentage.fixed", of.fixed.is_some());
            found.key("rate.percentage.free_events", of.free_events.is_some());
            found.key("rate.percentage.free_amount", of.free_amount.is_some());
            found.key("rate.percentage.minimum", of.minimum.is_some());
            found.key("rate.percentage.maximum", of.maximum.is_some());
            found.word("rate.percentage.over", of.over);
        }
        Pricing::InBands => found.key("rate.in_bands", true),
    }
}

fn allowance(found: &mut Found, of: &Allowance) {
    let is_usage = of.when.0["service"][0] == "voice" || of.when.0["service"][0] == "data";
    match of.gives {
        Gives::Money(_) => found.key("allowance.amount", true),
        Gives::Units(_, Unit::Event) if is_usage => found.key("allowance.events", true),
        Gives::Units(..) => found.key("allowance.quantity", true),
    }
    found.key("allowance.condition", of.when.0.keys().any(|key| *key != "service" && *key != "band"));
    found.key("allowance.band", of.when.0.contains_key("band"));
    found.word("allowance.refill", of.refill);
    found.key("allowance.priority", of.priority.is_some());
    found.key("allowance.weight", of.weight.is_some());
    found.word(
        "allowance.increments",
        of.increments.as_ref().map(|from| match from {
            AllowanceIncrements::Rate => "rate",
            AllowanceIncrements::Raw => "raw",
            AllowanceIncrements::Own(_) => "own",
        }),
    );
    found.word("allowance.rounding", of.rounding);
    found.key("allowance.ratio", of.ratio.is_some());
    found.word("allowance.shared", of.shared);
    found.key("allowance.pooled", of.pooled == Some(true));
    found.key("allowance.price", of.price.is_some());
    found.key("allowance.connection_fee", of.connection_fee.is_some());
    found.word("allowance.rest", of.rest);
    found.key("allowance.prorated", of.prorated == Some(true));
    found.key("allowance.rollover", of.rollover.is_some());
    if let Some(rollover) = &of.rollover {
        found.key("allowance.rollover.min", rollover.min.is_some());
        found.key("allowance.rollover.max", rollover.max.is_some());
        found.key("allowance.rollover.cycles", rollover.cycles.is_some());
    }
    found.key("allowance.over_use", of.over_use.is_some());
    found.key("allowance.floor", of.floor.is_some());
    found.key("allowance.thresholds", !of.thresholds.is_empty());
}

fn beside(found: &mut Found, plan: &Plan) {
    for cap in &plan.caps {
        found.word("cap.per", cap.per);
        found.key("cap.scope", !cap.scope.is_empty());
        found.word("cap.shared", cap.shared);
        found.word("cap.then", cap.then);
        found.key("cap.thresholds", !cap.thresholds.is_empty());
    }
    for of in &plan.commitments {
        found.key("commitment", true);
        found.key("commitment.scope", !of.scope.is_empty());
        found.word("commitment.shared", of.shared);
        found.key("commitment.prorated", of.prorated == Some(true));
    }
    for of in &plan.capacities {
        found.key("capacity", true);
        found.word("capacity.shared", of.shared);
    }
    for of in &plan.discounts {
        found.key(
            match of.takes {
                Takes::Percent(_) => "discount.percent",
                Takes::Amount(_) => "discount.amount",
                Takes::Price(_) => "discount.price",
                Takes::Free(..) => "discount.free",
            },
            true,
        );
        found.key("discount.scope", !of.scope.is_empty());
        found.key("discount.applies_to", of.applies_to.is_some());
        found.key("discount.account", of.account.is_some());
        found.key("discount.priority", of.priority.is_some());
        found.word(
            "discount.when",
            of.when.map(|when| match when {
                OnlyWhen::Tenure(_) => "tenure",
                OnlyWhen::Spend(_) => "spend",
                OnlyWhen::Quantity(..) => "quantity",
            }),
        );
        found.word("discount.lasts", of.lasts);
        found.key("discount.carries", of.carries.is_some());
    }
}
