//! A plan's structs into the text that the engine reads.
//! Relies on the reference of plans for keys and shapes; what is not said is not written.
//! Never writes a default that the plan does not say.

use super::number::{MODES, Point};
use super::plan::*;
use std::fmt::Write;

/// One table, key by key, in one line or in many.
#[derive(Default)]
struct Keys(Vec<String>);

impl Keys {
    fn raw(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        self.0.push(format!("{key} = {value}"));
        self
    }

    fn text(&mut self, key: &str, value: Option<impl std::fmt::Display>) -> &mut Self {
        if let Some(value) = value {
            self.raw(key, format_args!("\"{value}\""));
        }
        self
    }

    fn bare(&mut self, key: &str, value: Option<impl std::fmt::Display>) -> &mut Self {
        if let Some(value) = value {
            self.raw(key, value);
        }
        self
    }

    fn inline(&self) -> String {
        format!("{{ {} }}", self.0.join(", "))
    }

    fn block(&self, head: &str) -> String {
        format!("\n[[{head}]]\n{}\n", self.0.join("\n"))
    }
}

/// A quantity in the greatest unit of the thousands that holds it whole.
pub fn quantity(units: i64, unit: Unit) -> String {
    match unit {
        Unit::Ms if units % 60_000 == 0 && units != 0 => format!("{} min", units / 60_000),
        Unit::Ms if units % 1000 == 0 => format!("{} s", units / 1000),
        Unit::Octet if units % 1024 == 0 && units != 0 => format!("{} KiB", units / 1024),
        Unit::Octet if units % 1000 == 0 && units != 0 => format!("{} kB", units / 1000),
        _ => format!("{units} {}", unit.word()),
    }
}

fn price(price: Price) -> String {
    if price.unit == Unit::Event && price.per == 1 {
        return format!("{} per event", price.amount);
    }
    format!("{} per {}", price.amount, quantity(price.per, price.unit))
}

fn increments(pair: Increments, unit: Unit) -> String {
    if pair.first == pair.next {
        return quantity(pair.first, unit);
    }
    format!("{}/{}", quantity(pair.first, unit), quantity(pair.next, unit))
}

fn list<T: std::fmt::Debug>(values: &[T]) -> String {
    match values {
        [only] => format!("{only:?}"),
        _ => format!("{values:?}"),
    }
}

fn when(when: &When) -> String {
    let mut keys = Keys::default();
    for (key, values) in &when.0 {
        match *key {
            "on_net" => keys.raw(key, &values[0]),
            "rating_group" => keys.raw(key, format_args!("[{}]", values.join(", "))),
            "days" | "hours" => keys.text(key, Some(&values[0])),
            "attribute" => keys.raw(key, format_args!("{{ trunk = {} }}", list(values))),
            _ => keys.raw(key, list(values)),
        };
    }
    keys.inline()
}

fn point(point: Point) -> String {
    let mode = MODES.iter().find(|(mode, _)| *mode == point.mode).map_or("", |(_, word)| word);
    format!("{{ places = {}, mode = \"{mode}\" }}", point.places)
}

fn scope(keys: &mut Keys, ids: &[String]) {
    if !ids.is_empty() {
        keys.raw("scope", format_args!("{ids:?}"));
    }
}

pub const ID: &str = "p";
pub const BASE: &str = "b";
pub const TABLE: &str = "rates/t.csv";

impl Plan {
    fn head(&self, id: &str) -> String {
        let mut text = format!(
            "id = \"{id}\"\nname = \"{id}\"\ncurrency = \"{}\"\nvalid_from = 2000-01-01\n",
            self.currency
        );
        let mut keys = Keys::default();
        keys.text("time_zone", self.time_zone).text("consume", self.consume);
        if self.allow_negative {
            keys.raw("allow_negative", true);
        }
        let named =
            [("line", self.line), ("event", self.event), ("cycle", self.cycle), ("exchange", self.exchange)];
        let mut points = Keys::default();
        for (name, value) in named {
            points.bare(name, value.map(point));
        }
        if !points.0.is_empty() {
            keys.raw("rounding", points.inline());
        }
        if id == ID && !self.base.is_empty() {
            keys.text("base", Some(BASE));
        }
        for key in keys.0 {
            let _ = writeln!(text, "{key}");
        }
        text
    }

    /// The plan's own file.
    pub fn to_toml(&self) -> String {
        let mut text = self.head(ID);
        text.extend(self.rates.iter().map(rate));
        text.extend(self.allowances.iter().map(allowance));
        text.extend(self.caps.iter().map(cap));
        text.extend(self.commitments.iter().map(commitment));
        text.extend(self.capacities.iter().map(capacity));
        text.extend(self.discounts.iter().map(discount));
        text
    }

    /// The file of the base plan, where there is one.
    pub fn base_toml(&self) -> Option<String> {
        (!self.base.is_empty()).then(|| self.head(BASE) + &self.base.iter().map(rate).collect::<String>())
    }

    /// The rate table, where a rate names it.
    pub fn table_csv(&self) -> Option<String> {
        let mut text =
            "zone,origin_zone,band,price,per,first,next,connection_fee,valid_from,valid_to\n".to_owned();
        for row in &self.table {
            let (origin, band) = (row.origin_zone.unwrap_or(""), row.band.unwrap_or(""));
            let of = |units| quantity(units, row.price.unit);
            let (per, first, next) = (of(row.price.per), of(row.increments.first), of(row.increments.next));
            let (zone, amount, fee) = (row.zone, row.price.amount, row.connection_fee);
            let _ = writeln!(text, "{zone},{origin},{band},{amount},{per},{first},{next},{fee},,");
        }
        (!self.table.is_empty()).then_some(text)
    }
}

fn steps(steps: &[Step], unit: Unit) -> String {
    let one = |step: &Step| {
        let mut keys = Keys::default();
        keys.text("up_to", step.up_to.map(|bound| quantity(bound, unit)));
        keys.text("price", Some(price(step.price)));
        keys.text("increments", step.increments.map(|pair| increments(pair, unit)));
        keys.inline()
    };
    format!("[ {} ]", steps.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn rate(rate: &Rate) -> String {
    let mut keys = Keys::default();
    keys.text("id", Some(&rate.id)).raw("applies_to", when(&rate.when));
    keys.bare("priority", rate.priority);
    pricing(&mut keys, rate);
    let of = |units| quantity(units, rate.unit);
    keys.text("increments", rate.increments.map(|pair| increments(pair, rate.unit)));
    keys.text("partial", rate.partial).text("free", rate.free.map(of)).text("grace", rate.grace.map(of));
    keys.text("minimum_quantity", rate.minimum_quantity.map(of));
    keys.text("minimum_charge", rate.minimum_charge).text("maximum_charge", rate.maximum_charge);
    keys.text("connection_fee", rate.connection_fee).bare("fee_when_covered", rate.fee_when_covered);
    if !rate.bands.is_empty() {
        let bands: Vec<String> = rate.bands.iter().map(|one| band(one, rate.unit)).collect();
        keys.raw("bands", format_args!("[ {} ]", bands.join(", ")));
    }
    keys.text("split", rate.split).text("time_zone", rate.time_zone).text("round_over", rate.round_over);
    if let Some(cap) = &rate.cap {
        let mut of = Keys::default();
        of.text("amount", Some(cap.amount)).text("per", cap.per).text("then", cap.then);
        keys.raw("cap", of.inline());
    }
    keys.block("rate")
}

fn pricing(keys: &mut Keys, rate: &Rate) {
    match &rate.pricing {
        Pricing::Price(found) => _ = keys.text("price", Some(price(*found))),
        Pricing::Table => _ = keys.text("table", Some(TABLE)),
        Pricing::Steps(found) => _ = keys.raw("steps", steps(found, rate.unit)),
        Pricing::Tiers(found) => _ = keys.raw("tiers", tiers(found, rate.unit)),
        Pricing::PassThrough { percent, fixed } => {
            let mut of = Keys::default();
            of.text("markup_percent", *percent).text("markup", *fixed);
            keys.raw("pass_through", of.inline());
        }
        Pricing::Percentage(found) => _ = keys.raw("percentage", percentage(found)),
        Pricing::InBands => {}
    }
}

fn band(band: &Band, unit: Unit) -> String {
    let mut keys = Keys::default();
    keys.text("name", Some(band.name)).text("days", band.days);
    let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    keys.text("hours", band.hours.map(|(from, to)| format!("{}-{}", clock(from), clock(to))));
    keys.text("price", band.price.map(price));
    if !band.steps.is_empty() {
        keys.raw("steps", steps(&band.steps, unit));
    }
    keys.text("increments", band.increments.map(|pair| increments(pair, unit)));
    keys.text("connection_fee", band.connection_fee);
    keys.inline()
}

fn tiers(tiers: &Tiers, unit: Unit) -> String {
    let mut keys = Keys::default();
    keys.text("model", Some(tiers.model)).text("over", tiers.over).text("shared", tiers.shared);
    keys.text("maximum_in", tiers.maximum_in).text("zero_usage", tiers.zero_usage);
    if let Some(package) = &tiers.package {
        keys.text("size", Some(quantity(package.size, unit))).text("price", Some(package.price));
        keys.text("free", package.free.map(|units| quantity(units, unit))).bare("minimum", package.minimum);
        return keys.inline();
    }
    let one = |tier: &Tier| {
        let mut keys = Keys::default();
        let money = tiers.model == "graduated_percentage";
        let bound = |up_to| {
            if money { super::number::dec(up_to, 2).to_string() } else { quantity(up_to, unit) }
        };
        keys.text("up_to", tier.up_to.map(bound)).bare("blocks", tier.blocks);
        keys.text("price", tier.price.map(price)).text("percent", tier.percent);
        keys.text("flat_fee", tier.flat_fee);
        keys.inline()
    };
    let steps: Vec<String> = tiers.steps.iter().map(one).collect();
    keys.raw("steps", format_args!("[ {} ]", steps.join(", ")));
    keys.inline()
}

fn percentage(of: &Percentage) -> String {
    let mut keys = Keys::default();
    keys.text("percent", of.percent).text("fixed", of.fixed).bare("free_events", of.free_events);
    keys.text("free_amount", of.free_amount).text("minimum", of.minimum).text("maximum", of.maximum);
    keys.text("over", of.over);
    keys.inline()
}

fn allowance(of: &Allowance) -> String {
    let mut keys = Keys::default();
    keys.text("id", Some(&of.id)).raw("applies_to", when(&of.when));
    let unit = match of.gives {
        Gives::Units(units, unit) => {
            keys.text("quantity", Some(quantity(units, unit)));
            unit
        }
        Gives::Money(amount) => {
            keys.text("amount", Some(amount));
            Unit::Event
        }
    };
    let units = |units| quantity(units, unit);
    match of.refill {
        Some(days) if days.ends_with("days") => {
            keys.raw("refill", format_args!("{{ every = \"{days}\", from = 2026-01-05 }}"));
        }
        refill => _ = keys.text("refill", refill),
    }
    keys.bare("priority", of.priority).bare("weight", of.weight);
    keys.text(
        "increments",
        of.increments.as_ref().map(|from| match from {
            AllowanceIncrements::Rate => "rate".to_owned(),
            AllowanceIncrements::Raw => "raw".to_owned(),
            AllowanceIncrements::Own(pair) => increments(*pair, unit),
        }),
    );
    keys.text("rounding", of.rounding).text("ratio", of.ratio).text("shared", of.shared);
    keys.bare("pooled", of.pooled).text("price", of.price.map(price));
    keys.text("connection_fee", of.connection_fee).text("rest", of.rest).bare("prorated", of.prorated);
    if let Some(rollover) = &of.rollover {
        let mut inner = Keys::default();
        inner.text("min", rollover.min.map(units)).text("max", rollover.max.map(units));
        inner.bare("cycles", rollover.cycles);
        keys.raw("rollover", inner.inline());
    }
    keys.text("over_use", of.over_use.map(units)).text("floor", of.floor);
    if !of.thresholds.is_empty() {
        keys.raw("thresholds", format_args!("{:?}", of.thresholds));
    }
    keys.block("allowance")
}

fn cap(of: &Cap) -> String {
    let mut keys = Keys::default();
    keys.text("id", Some(&of.id)).text("amount", Some(of.amount)).text("per", of.per);
    scope(&mut keys, &of.scope);
    keys.text("shared", of.shared).text("then", of.then);
    if !of.thresholds.is_empty() {
        keys.raw("thresholds", format_args!("{:?}", of.thresholds));
    }
    keys.block("cap")
}

fn commitment(of: &Commitment) -> String {
    let mut keys = Keys::default();
    keys.text("id", Some(&of.id)).text("amount", Some(of.amount));
    scope(&mut keys, &of.scope);
    keys.text("shared", of.shared).bare("prorated", of.prorated);
    keys.block("commitment")
}

fn capacity(of: &Capacity) -> String {
    let mut keys = Keys::default();
    let meters: Vec<String> =
        of.meters.iter().map(|(name, met, _)| format!("{name} = {}", when(met))).collect();
    keys.text("id", Some(&of.id)).raw("meters", format_args!("{{ {} }}", meters.join(", ")));
    keys.text("shared", of.shared);
    let one = |step: &CapacityStep| {
        let mut keys = Keys::default();
        if !step.holds.is_empty() {
            let held = step.holds.iter().zip(&of.meters);
            let held =
                held.map(|(units, (name, _, unit))| format!("{name} = \"{}\"", quantity(*units, *unit)));
            keys.raw("holds", format_args!("{{ {} }}", held.collect::<Vec<_>>().join(", ")));
        }
        keys.text("price", Some(step.price));
        keys.inline()
    };
    keys.raw("steps", format_args!("[ {} ]", of.steps.iter().map(one).collect::<Vec<_>>().join(", ")));
    keys.block("capacity")
}

fn discount(of: &Discount) -> String {
    let mut keys = Keys::default();
    keys.text("id", Some(&of.id));
    match of.takes {
        Takes::Percent(percent) => keys.text("percent", Some(percent)),
        Takes::Amount(amount) => keys.text("amount", Some(amount)),
        Takes::Price(found) => keys.text("price", Some(price(found))),
        Takes::Free(units, unit) => keys.text("free", Some(quantity(units, unit))),
    };
    scope(&mut keys, &of.scope);
    keys.bare("applies_to", of.applies_to.as_ref().map(when)).text("account", of.account);
    keys.bare("priority", of.priority);
    keys.bare(
        "when",
        of.when.map(|when| match when {
            OnlyWhen::Tenure(months) => format!("{{ tenure_months = {months} }}"),
            OnlyWhen::Spend(amount) => format!("{{ spend = \"{amount}\" }}"),
            OnlyWhen::Quantity(units, unit) => format!("{{ quantity = \"{}\" }}", quantity(units, unit)),
        }),
    );
    keys.text("lasts", of.lasts).bare("carries", of.carries);
    keys.block("discount")
}
