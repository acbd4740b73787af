//! Random allowances, caps, commitments, capacities and discounts beside the rates of a plan.
//! Relies on the rates being there, since scopes and bands name them.
//! Never combines what the reference says is refused.

use super::answers;
use super::dice::Dice;
use super::generate::{Scale, condition, increments};
use super::number::{Dec, dec};
use super::plan::*;

const SHARED: &[&str] = &["subscription", "group", "account"];

pub fn beside(dice: &mut Dice, scale: &Scale, services: &[Service], plan: &mut Plan) {
    for at in 0..dice.count("allowance.", 3) {
        let service = *dice.one_of(services);
        let allowance = allowance(dice, scale, service, &format!("a{at}"), plan);
        plan.allowances.push(allowance);
    }
    if dice.flag("allowance.amount", 20) {
        let service = *dice.one_of(services);
        let money = money_allowance(dice, service, "m0");
        plan.allowances.push(money);
    }
    only_one_way_of_taking(plan);
    let scope = |dice: &mut Dice, option: &str, plan: &Plan| -> Vec<String> {
        let ids: Vec<String> = plan.rates.iter().map(|rate| rate.id.clone()).collect();
        if dice.flag(option, 50) { vec![dice.one_of(&ids).clone()] } else { Vec::new() }
    };
    for at in 0..dice.count("cap.", 2) {
        plan.caps.push(Cap {
            id: format!("c{at}"),
            amount: dice.money(2000),
            per: dice.word("cap.per", &["cycle", "day", "week"], 70),
            scope: scope(dice, "cap.scope", plan),
            shared: dice.word("cap.shared", SHARED, 60),
            then: dice.word("cap.then", &["free", "notify"], 60),
            thresholds: if dice.flag("cap.thresholds", 30) { vec![50, 100] } else { Vec::new() },
        });
    }
    if dice.flag("commitment", 30) {
        plan.commitments.push(Commitment {
            id: "k0".into(),
            amount: dice.money(3000),
            scope: scope(dice, "commitment.scope", plan),
            shared: dice.word("commitment.shared", SHARED, 60),
            prorated: dice.maybe("commitment.prorated", 40, |dice| dice.percent(80)),
        });
    }
    if dice.flag("capacity", 25) {
        let capacity = capacity(dice, scale, services);
        plan.capacities.push(capacity);
    }
    for at in 0..dice.count("discount.", 3) {
        let scope = scope(dice, "discount.scope", plan);
        let discount = discount(dice, scale, (services, plan), &format!("d{at}"), scope);
        plan.discounts.push(discount);
    }
}

fn when(dice: &mut Dice, service: Service, option: &str) -> When {
    let mut when = When([("service", vec![service.word().to_owned()])].into());
    if dice.flag(option, 30) {
        condition(dice, service, &mut when);
    }
    when
}

fn allowance(dice: &mut Dice, scale: &Scale, service: Service, id: &str, plan: &Plan) -> Allowance {
    let units = scale.of(service);
    let mut of = answers::allowance(dice.number(1, 200) * units, service);
    of.id = id.to_owned();
    of.when = when(dice, service, "allowance.condition");
    let per_usage = service.unit() != Unit::Event && dice.flag("allowance.events", 15);
    if per_usage {
        of.gives = Gives::Units(dice.number(1, 4), Unit::Event);
    }
    of.refill = dice.word("allowance.refill", &["cycle", "day", "week", "once", "10 days"], 60);
    of.priority = dice.maybe("allowance.priority", 40, |dice| dice.number(1, 3) as u32);
    of.weight = dice.maybe("allowance.weight", 40, |dice| dice.number(1, 3) as u32);
    of.shared = dice.word("allowance.shared", SHARED, 50);
    if matches!(of.shared, Some("group" | "account")) {
        of.pooled = dice.maybe("allowance.pooled", 50, |dice| dice.percent(80));
    }
    of.ratio = dice
        .maybe("allowance.ratio", 20, |dice| *dice.one_of(&[dec(5, 1), dec(15, 1), dec(2, 0), dec(125, 2)]));
    if !per_usage {
        portions(dice, units, &mut of);
    }
    of.price = dice.maybe("allowance.price", 20, |dice| dice.price(service.unit(), units));
    if service == Service::Voice {
        of.connection_fee = dice.maybe("allowance.connection_fee", 20, |dice| dice.money(40));
    }
    of.rest = dice.word("allowance.rest", &["goes_on", "restarts"], 30);
    periods(dice, units, &mut of);
    if dice.flag("allowance.thresholds", 20) {
        of.thresholds = vec![50, 100];
    }
    let plain = of.increments.is_none() && of.rounding.is_none() && of.rest.is_none();
    let banded = plan.rates.iter().any(|rate| !rate.bands.is_empty() && rate.unit == service.unit());
    if plain && banded && !per_usage && dice.flag("allowance.band", 30) {
        of.when.0.insert("band", vec![dice.one_of(&["day", "other"]).to_string()]);
    }
    of
}

/// In which portions it gives.
fn portions(dice: &mut Dice, units: i64, of: &mut Allowance) {
    let word = dice.word("allowance.increments", &["rate", "raw", "own"], 50);
    of.increments = match word {
        Some("rate") => Some(AllowanceIncrements::Rate),
        // Unit by unit only where the smallest unit of the case is one.
        Some("raw") if units == 1 => Some(AllowanceIncrements::Raw),
        Some("own") => Some(AllowanceIncrements::Own(increments(dice, units))),
        _ => None,
    };
    of.rounding = dice.word("allowance.rounding", &["before_cover", "rest_only"], 40);
    if matches!(of.increments, Some(AllowanceIncrements::Raw)) && of.rounding == Some("before_cover") {
        of.rounding = None;
    }
}

/// What goes on from one period to the next, and what a part of a cycle gives.
fn periods(dice: &mut Dice, units: i64, of: &mut Allowance) {
    let (size, units) = match of.gives {
        Gives::Units(size, Unit::Event) => (size, 1),
        Gives::Units(size, _) => (size, units),
        Gives::Money(_) => (0, 1),
    };
    if of.refill != Some("once") {
        of.prorated = dice.maybe("allowance.prorated", 25, |dice| dice.percent(80));
    }
    if of.refill == Some("once") || size == 0 {
        return;
    }
    if dice.flag("allowance.rollover", 25) {
        let min = dice.maybe("allowance.rollover.min", 30, |dice| dice.number(0, 1) * units);
        let max = dice.maybe("allowance.rollover.max", 50, |dice| dice.number(1, 100) * units);
        let cycles = dice.maybe("allowance.rollover.cycles", 50, |dice| dice.number(1, 3));
        of.rollover = Some(Rollover { min, max, cycles });
    } else {
        of.over_use = dice.maybe("allowance.over_use", 20, |dice| dice.number(1, size));
    }
}

fn money_allowance(dice: &mut Dice, service: Service, id: &str) -> Allowance {
    let mut of = answers::allowance(0, service);
    of.id = id.to_owned();
    of.when = when(dice, service, "allowance.condition");
    of.gives = Gives::Money(dice.money(1500));
    of.refill = dice.word("allowance.refill", &["cycle", "day", "week", "once", "10 days"], 60);
    of.priority = dice.maybe("allowance.priority", 40, |dice| dice.number(1, 3) as u32);
    of.shared = dice.word("allowance.shared", SHARED, 50);
    of.floor = dice.maybe("allowance.floor", 40, |dice| {
        let floor = dice.money(300);
        Dec { digits: -floor.digits, ..floor }
    });
    of
}

/// Bands are taken from the middle of a usage, portions of their own from its front: a plan has one or the other.
fn only_one_way_of_taking(plan: &mut Plan) {
    let banded = |of: &Allowance| of.when.0.contains_key("band");
    let own = |of: &Allowance| {
        let measured = of.rounding == Some("rest_only")
            || matches!(of.increments, Some(AllowanceIncrements::Raw | AllowanceIncrements::Own(_)));
        measured || of.rest == Some("restarts")
    };
    let services = |of: &Allowance| of.when.0["service"].clone();
    let banded_services: Vec<Vec<String>> =
        plan.allowances.iter().filter(|of| banded(of)).map(services).collect();
    plan.allowances.retain(|of| !own(of) || !banded_services.contains(&services(of)));
}

fn capacity(dice: &mut Dice, scale: &Scale, services: &[Service]) -> Capacity {
    let meters: Vec<(&'static str, When, Unit)> = services
        .iter()
        .take(2)
        .map(|service| (service.word(), when(dice, *service, "capacity.condition"), service.unit()))
        .collect();
    let mut holds = vec![0; meters.len()];
    let mut steps = Vec::new();
    for _ in 0..dice.number(1, 2) {
        for (held, (.., unit)) in holds.iter_mut().zip(&meters) {
            *held += dice.number(1, 100) * if *unit == Unit::Event { 1 } else { scale.units };
        }
        steps.push(CapacityStep { holds: holds.clone(), price: dice.money(1000) });
    }
    steps.push(CapacityStep { holds: Vec::new(), price: dice.money(3000) });
    Capacity { id: "p0".into(), meters, shared: dice.word("capacity.shared", SHARED, 60), steps }
}

fn discount(
    dice: &mut Dice,
    scale: &Scale,
    (services, plan): (&[Service], &Plan),
    id: &str,
    scope: Vec<String>,
) -> Discount {
    let service = *dice.one_of(services);
    let (unit, units) = (service.unit(), scale.of(service));
    let mut kind = *dice.one_of(&["percent", "amount", "price", "free"]);
    for wished in ["percent", "amount", "price", "free"] {
        if dice.wished(&format!("discount.{wished}")) {
            kind = wished;
        }
    }
    if counts_events(plan, service) {
        kind = if kind == "price" || kind == "free" { "percent" } else { kind };
    }
    let takes = match kind {
        "percent" => Takes::Percent(dec(dice.number(1, 100), 0)),
        "amount" => Takes::Amount(dice.money(500)),
        "price" => Takes::Price(dice.price(unit, units)),
        _ => Takes::Free(dice.number(1, 100) * units, unit),
    };
    let counts_units = matches!(takes, Takes::Price(_) | Takes::Free(..));
    let word = dice.word("discount.when", &["tenure", "spend", "quantity"], 40);
    // What counts units speaks of usage that is counted in them.
    let applies = counts_units || word == Some("quantity") || dice.flag("discount.applies_to", 40);
    Discount {
        id: id.to_owned(),
        takes,
        scope,
        applies_to: applies.then(|| when(dice, service, "discount.condition")),
        account: dice.maybe("discount.account", 20, |dice| *dice.one_of(&["A-1", "A-2"])),
        priority: dice.maybe("discount.priority", 40, |dice| dice.number(1, 3) as u32),
        when: word.map(|word| match word {
            "tenure" => OnlyWhen::Tenure(dice.number(1, 4)),
            "spend" => OnlyWhen::Spend(dice.money(500)),
            _ if counts_events(plan, service) => OnlyWhen::Spend(dice.money(500)),
            _ => OnlyWhen::Quantity(dice.number(1, 150) * units, unit),
        }),
        lasts: dice.word("discount.lasts", &["for_ever", "once", "3 cycles"], 60),
        carries: dice.maybe("discount.carries", 40, |dice| dice.percent(30)),
    }
}

/// True when some rate of calls or data counts each usage as one event.
fn counts_events(plan: &Plan, service: Service) -> bool {
    let per_event = |price: Option<Price>| price.is_some_and(|price| price.unit == Unit::Event);
    let of_service = |rate: &&Rate| rate.unit == service.unit() && rate.unit != Unit::Event;
    plan.rates.iter().chain(&plan.base).filter(of_service).any(|rate| {
        let own = if let Pricing::Price(price) = rate.pricing { Some(price) } else { None };
        per_event(own) || rate.bands.iter().any(|band| per_event(band.price))
    })
}
