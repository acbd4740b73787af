//! Random bands, tiers, tables and prices of amounts.
//! Relies on the dice of the rates that they are part of.
//! Never makes a gap or an overlap of bands.

use super::dice::Dice;
use super::generate::{Scale, increments, steps};
use super::number::dec;
use super::plan::*;

const DAY: &[&str] = &["mon-fri", "mon-sun", "sat,sun", "sat,sun,holiday"];
const HOURS: [(u32, u32); 4] = [(480, 1200), (0, 720), (1080, 1440), (600, 601)];

/// Two or three bands; with their own prices where the rate has none.
pub fn bands(dice: &mut Dice, units: i64, service: Service, rate: &mut Rate) {
    let needed = matches!(rate.pricing, Pricing::InBands);
    let per_event = matches!(rate.pricing, Pricing::Price(price) if price.unit == Unit::Event && rate.unit != Unit::Event);
    let has_table = matches!(rate.pricing, Pricing::Table);
    if matches!(rate.pricing, Pricing::Tiers(_)) || !(needed || dice.flag("rate.bands", 40)) {
        return;
    }
    let mut list = vec![Band { name: "day", ..Band::default() }, Band { name: "other", ..Band::default() }];
    let hours = *dice.one_of(&HOURS);
    list[0].days = dice.word("rate.bands.days", DAY, 60);
    list[0].hours = (list[0].days.is_none() || dice.flag("rate.bands.hours", 70)).then_some(hours);
    if list[0].hours.is_some() && hours.0 > 0 && dice.percent(30) {
        let dawn = Band { name: "dawn", days: list[0].days, hours: Some((0, hours.0)), ..Band::default() };
        list.insert(1, dawn);
    }
    for band in &mut list {
        if has_table {
            continue;
        }
        let own_steps = !per_event && dice.flag("rate.bands.steps", 15);
        if own_steps {
            band.steps = steps(dice, units, rate.unit);
        } else if needed || dice.flag("rate.bands.price", 60) {
            let event = Price { amount: dice.money(100), per: 1, unit: Unit::Event };
            band.price = Some(if per_event { event } else { dice.price(rate.unit, units) });
        }
        if !per_event {
            band.increments = dice.maybe("rate.bands.increments", 30, |dice| increments(dice, units));
        }
        if service == Service::Voice && !per_event {
            band.connection_fee = dice.maybe("rate.bands.connection_fee", 30, |dice| dice.money(50));
        }
    }
    rate.bands = list;
    if service == Service::Voice {
        rate.split = dice.word("rate.split", &["by_increment", "exact", "start"], 60);
    }
}

/// Rows for the zones, where a rate names the table.
pub fn table(dice: &mut Dice, scale: &Scale, plan: &Plan) -> Vec<Row> {
    let Some(rate) = plan.rates.iter().find(|rate| matches!(rate.pricing, Pricing::Table)) else {
        return Vec::new();
    };
    let of_data = rate.unit == Unit::Octet;
    let zones: &[&str] = if of_data { &["home", "eu", "us"] } else { &["es", "fr", "us", "es-mobile"] };
    let units = if rate.unit == Unit::Event { 1 } else { scale.units };
    let mut rows = Vec::new();
    for &zone in zones {
        let mut add = |dice: &mut Dice, origin_zone, band| {
            let price = Price { per: *dice.one_of(&[1, 10, 60]) * units, ..dice.price(rate.unit, units) };
            let is_call = rate.unit == Unit::Ms;
            let connection_fee = if is_call && dice.percent(50) { dice.money(40) } else { dec(0, 0) };
            rows.push(Row {
                zone,
                origin_zone,
                band,
                price,
                increments: increments(dice, units),
                connection_fee,
            });
        };
        add(dice, None, None);
        if dice.flag("rate.table.origin_zone", 30) {
            add(dice, Some("es"), None);
        }
        if !rate.bands.is_empty() && dice.flag("rate.table.band", 40) {
            add(dice, None, Some("day"));
        }
    }
    rows
}

pub fn amount_pricing(dice: &mut Dice) -> Pricing {
    let mut kind = *dice.one_of(&["pass_through", "percentage", "percent_tiers"]);
    for wished in ["pass_through", "percentage"] {
        if dice.wished(&format!("rate.{wished}")) {
            kind = wished;
        }
    }
    if dice.wished("rate.tiers.model=graduated_percentage") {
        kind = "percent_tiers";
    }
    match kind {
        "pass_through" => Pricing::PassThrough {
            percent: dice.maybe("rate.pass_through.markup_percent", 60, |dice| dice.money(2000)),
            fixed: dice.maybe("rate.pass_through.markup", 60, |dice| dice.money(60)),
        },
        "percentage" => {
            let minimum = dice.maybe("rate.percentage.minimum", 30, |dice| dec(dice.number(1, 40), 2));
            Pricing::Percentage(Percentage {
                percent: Some(dice.money(1500)),
                fixed: dice.maybe("rate.percentage.fixed", 50, |dice| dice.money(50)),
                free_events: dice.maybe("rate.percentage.free_events", 40, |dice| dice.number(1, 3)),
                free_amount: dice.maybe("rate.percentage.free_amount", 40, |dice| dice.money(1500)),
                minimum,
                maximum: dice.maybe("rate.percentage.maximum", 30, |dice| dec(dice.number(40, 150), 2)),
                over: dice.word("rate.percentage.over", &["cycle", "day", "week"], 60),
            })
        }
        _ => {
            let mut tiers = Tiers { model: "graduated_percentage", ..Tiers::default() };
            over_and_shared(dice, &mut tiers, &["cycle", "event", "day", "week"]);
            let mut bound = 0;
            for last in [false, false, true] {
                bound += dice.number(100, 1500);
                tiers.steps.push(Tier {
                    up_to: (!last).then_some(bound),
                    percent: Some(dice.money(2000)),
                    flat_fee: dice.maybe("rate.tiers.flat_fee", 40, |dice| dice.money(200)),
                    ..Tier::default()
                });
            }
            Pricing::Tiers(tiers)
        }
    }
}

fn over_and_shared(dice: &mut Dice, tiers: &mut Tiers, words: &'static [&'static str]) {
    tiers.over = dice.word("rate.tiers.over", words, 70);
    tiers.shared = dice.word("rate.tiers.shared", &["subscription", "group", "account"], 60);
}

pub fn tiers(dice: &mut Dice, units: i64, unit: Unit) -> Tiers {
    let models: &'static [&'static str] = &["graduated", "volume", "package", "stair_step"];
    let model = dice.word("rate.tiers.model", models, 100).expect("always said");
    let mut tiers = Tiers { model, ..Tiers::default() };
    let at_once = matches!(model, "volume" | "stair_step");
    over_and_shared(
        dice,
        &mut tiers,
        if at_once { &["cycle", "event"] } else { &["cycle", "event", "day", "week"] },
    );
    tiers.zero_usage = dice.word("rate.tiers.zero_usage", &["nothing", "charge"], 50);
    if model == "package" {
        tiers.package = Some(Package {
            size: dice.number(1, 60) * units,
            price: dice.money(500),
            free: dice.maybe("rate.tiers.free", 50, |dice| dice.number(1, 60) * units),
            minimum: dice.maybe("rate.tiers.minimum", 50, |dice| dice.number(1, 5)),
        });
        return tiers;
    }
    if model != "stair_step" {
        tiers.maximum_in = dice.word("rate.tiers.maximum_in", &["units", "blocks"], 60);
    }
    let in_blocks = tiers.maximum_in == Some("blocks");
    let count = dice.number(2, 3);
    let mut bound = 0;
    for at in 1..=count {
        bound += dice.number(1, 150) * units;
        let price = (model != "stair_step").then(|| dice.price(unit, units));
        let fee = model == "stair_step" || dice.flag("rate.tiers.flat_fee", 40);
        tiers.steps.push(Tier {
            up_to: (at < count && !in_blocks).then_some(bound),
            blocks: (at < count && in_blocks).then(|| dice.number(1, 20)),
            price,
            percent: None,
            flat_fee: fee.then(|| dice.money(200)),
        });
    }
    tiers
}
