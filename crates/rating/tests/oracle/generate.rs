//! Random plans: rates with everything that may stand in them, and what stands beside rates.
//! Relies on dice that know which options are wanted; small quantities, so that the slow rater stays usable.
//! Never makes a plan that the reference forbids.

use super::answers;
use super::dice::Dice;
use super::generate_more as more;
use super::number::{Dec, dec};
use super::plan::*;

/// What all parts of a plan are made with.
pub struct Scale {
    /// Units of calls and of data are whole multiples of it.
    pub units: i64,
}

impl Scale {
    pub fn of(&self, service: Service) -> i64 {
        match service {
            Service::Voice | Service::Data => self.units,
            Service::Sms | Service::Content => 1,
        }
    }
}

const SERVICES: [Service; 4] = [Service::Voice, Service::Data, Service::Sms, Service::Content];

pub fn plan(dice: &mut Dice, scale: &Scale) -> Plan {
    let mut plan = Plan {
        currency: dice.word("plan.currency", &["EUR", "EUR", "EUR", "JPY", "KWD"], 100).unwrap_or("EUR"),
        time_zone: dice.word(
            "plan.time_zone",
            &["account", "visited", "Europe/Madrid", "America/St_Johns"],
            40,
        ),
        consume: dice.word("plan.consume", &["priority", "weight"], 50),
        allow_negative: dice.flag("plan.allow_negative", 15),
        line: dice.maybe("plan.line", 50, |dice| dice.point("plan.line", 0, 7)),
        event: dice.maybe("plan.event", 40, |dice| dice.point("plan.event", -1, 4)),
        cycle: dice.maybe("plan.cycle", 40, |dice| dice.point("plan.cycle", -2, 4)),
        exchange: dice.maybe("plan.exchange", 40, |dice| dice.point("plan.exchange", 0, 6)),
        ..Plan::default()
    };
    let services: Vec<Service> = SERVICES.into_iter().filter(|service| wanted(dice, *service)).collect();
    let services = if services.is_empty() { vec![*dice.one_of(&SERVICES)] } else { services };
    for &service in &services {
        rates(dice, scale, service, &mut plan);
    }
    plan.table = more::table(dice, scale, &plan);
    super::generate_beside::beside(dice, scale, &services, &mut plan);
    plan
}

fn wanted(dice: &mut Dice, service: Service) -> bool {
    let fallen = dice.percent(40);
    if service == Service::Data && dice.wished("rate.rating_group") {
        return true;
    }
    fallen || dice.wished(&format!("rate.service={}", service.word()))
}

/// A wide rate, a narrower one, one that overlaps it, one of the account, one of the base plan.
fn rates(dice: &mut Dice, scale: &Scale, service: Service, plan: &mut Plan) {
    let word = service.word();
    let mut wide = rate(dice, scale, service, &format!("{word}-wide"), plan);
    if dice.flag("rate.direction", 30) {
        let values = dice.one_of(&[vec!["out"], vec!["in"], vec!["out", "in"]]).clone();
        wide.when.0.insert("direction", values.into_iter().map(str::to_owned).collect());
    }
    let wide_when = wide.when.clone();
    plan.rates.push(wide);
    let asked = CONDITIONS.iter().any(|key| dice.wished(&format!("rate.{key}")));
    if dice.percent(50) || asked {
        let mut narrow = rate(dice, scale, service, &format!("{word}-narrow"), plan);
        narrow.when = wide_when.clone();
        let first = condition(dice, service, &mut narrow.when);
        plan.rates.push(narrow);
        if dice.flag("rate.priority", 40) {
            let mut other = rate(dice, scale, service, &format!("{word}-other"), plan);
            other.when = wide_when;
            other.priority = Some(dice.number(1, 99) as u32);
            if condition(dice, service, &mut other.when) != first {
                plan.rates.push(other);
            }
        }
    }
    if dice.flag("rate.account", 15) {
        let mut own = rate(dice, scale, service, &format!("{word}-own"), plan);
        let account = *dice.one_of(&["A-1", "A-2"]);
        own.when.0.insert("account", vec![account.to_owned()]);
        plan.rates.push(own);
    }
    if dice.flag("plan.base", 20) {
        let base = rate(dice, scale, service, &format!("{word}-base"), plan);
        if !matches!(base.pricing, Pricing::Table) {
            plan.base.push(base);
        }
    }
    // The zones of a table are conditions too: what else holds there needs a priority.
    let mut tables = plan.rates.iter().filter(|rate| matches!(rate.pricing, Pricing::Table));
    if tables.any(|rate| rate.when.0["service"][0] == word) {
        let of_service = plan.rates.iter_mut().filter(|rate| rate.when.0["service"][0] == word).rev();
        of_service.zip(1..).for_each(|(rate, priority)| rate.priority = Some(priority));
    }
    // Which rate comes first in the file must not matter.
    if dice.percent(50) {
        plan.rates.reverse();
    }
}

/// Keys of conditions that make a rate narrower.
const CONDITIONS: [&str; 13] = [
    "zone",
    "origin_zone",
    "roaming_zone",
    "on_net",
    "special",
    "apn",
    "dnn",
    "rat",
    "qos",
    "attribute",
    "days",
    "hours",
    "rating_group",
];

/// Adds a condition that the service's usage sometimes meets; its key.
pub fn condition(dice: &mut Dice, service: Service, when: &mut When) -> &'static str {
    let choices: [(&'static str, &[&str]); 13] = [
        (
            "zone",
            if service == Service::Data { &["home", "eu"] } else { &["es", "fr", "fr-mobile", "es-mobile"] },
        ),
        ("origin_zone", &["es", "es-mobile"]),
        ("roaming_zone", &["home", "eu", "eu-partner"]),
        ("on_net", &["true", "false"]),
        ("special", &["emergency", "free", "premium"]),
        ("apn", &["internet", "ims"]),
        ("dnn", &["internet", "iot"]),
        ("rat", &["4g", "5g"]),
        ("qos", &["9", "5"]),
        ("attribute", &["T1", "T2"]),
        ("days", &["mon-fri", "sat,sun", "fri-mon"]),
        ("hours", &["08:00-20:00", "00:00-12:00"]),
        ("rating_group", &["1", "7"]),
    ];
    let choices = if service == Service::Data { &choices[..] } else { &choices[..12] };
    debug_assert!(choices.iter().all(|(key, _)| CONDITIONS.contains(key)));
    let wished = choices.iter().find(|(key, _)| dice.wished(&format!("rate.{key}")));
    let by_group = service == Service::Data && dice.percent(25);
    let fallen = if by_group { &choices[choices.len() - 1] } else { dice.one_of(choices) };
    let (key, values) = *wished.unwrap_or(fallen);
    let single = matches!(key, "on_net" | "days" | "hours");
    let count = if single { 1 } else { dice.number(1, values.len().min(2) as i64) as usize };
    let first = dice.number(0, (values.len() - count) as i64) as usize;
    when.0.insert(key, values[first..first + count].iter().map(|&value| value.to_owned()).collect());
    key
}

pub fn increments(dice: &mut Dice, scale: i64) -> Increments {
    let pairs = [(30, 6), (60, 1), (1, 1), (60, 60), (10, 10), (7, 3), (1, 15), (100, 100)];
    let (first, next) = *dice.one_of(&pairs);
    Increments { first: first * scale, next: next * scale }
}

fn rate(dice: &mut Dice, scale: &Scale, service: Service, id: &str, plan: &Plan) -> Rate {
    let units = scale.of(service);
    let pricing = pricing(dice, units, service, plan);
    let mut rate = answers::rate(service, pricing);
    rate.id = id.to_owned();
    rate.time_zone = dice.word("rate.time_zone", &["account", "visited", "Europe/Madrid"], 20);
    rate.minimum_charge = dice.maybe("rate.minimum_charge", 15, |dice| dice.money(150));
    rate.maximum_charge = dice.maybe("rate.maximum_charge", 15, |dice| {
        let least = rate.minimum_charge.map_or(dec(50, 2), |least| least);
        Dec { digits: least.digits * dice.number(2, 5), places: least.places }
    });
    rate.cap = dice.maybe("rate.cap", 15, |dice| RateCap {
        amount: dice.money(900),
        per: dice.word("rate.cap.per", &["cycle", "day", "week"], 70),
        then: dice.word("rate.cap.then", &["free", "notify"], 50),
    });
    if service == Service::Content {
        return rate;
    }
    let per_event = matches!(rate.pricing, Pricing::Price(price) if price.unit == Unit::Event && rate.unit != Unit::Event);
    let has_table = matches!(rate.pricing, Pricing::Table);
    if service == Service::Voice && !has_table && !per_event {
        rate.connection_fee = dice.maybe("rate.connection_fee", 40, |dice| dice.money(50));
    }
    if service == Service::Voice {
        rate.fee_when_covered = match dice.word("rate.fee_when_covered", &["true", "false"], 40) {
            None => None,
            Some(word) => Some(word == "true"),
        };
    }
    more::bands(dice, units, service, &mut rate);
    if per_event {
        return rate;
    }
    quantities(dice, units, service, &mut rate);
    rate
}

/// What speaks of quantities: increments, free units, grace, minimum, what is rounded together.
fn quantities(dice: &mut Dice, units: i64, service: Service, rate: &mut Rate) {
    let stepped =
        matches!(rate.pricing, Pricing::Steps(_)) || rate.bands.iter().any(|band| !band.steps.is_empty());
    if !matches!(rate.pricing, Pricing::Table) {
        // Portions of one second or one octet, where nothing is said, would be too many of the greater units.
        let is_default_small = units > if service == Service::Voice { 1000 } else { 1 };
        let chance = if is_default_small { 100 } else { 70 };
        rate.increments = dice.maybe("rate.increments", chance, |dice| increments(dice, units));
    }
    rate.partial = dice.word("rate.partial", &["whole", "pro_rata"], 40);
    if !matches!(rate.pricing, Pricing::Tiers(_)) && !stepped {
        rate.free = dice.maybe("rate.free", 15, |dice| dice.number(1, 40) * units);
    }
    rate.grace = dice.maybe("rate.grace", 15, |dice| dice.number(1, 30) * units);
    rate.minimum_quantity = dice.maybe("rate.minimum_quantity", 15, |dice| dice.number(1, 60) * units);
    if service != Service::Sms {
        // Steps go on over a record and a session, not over a day or a cycle.
        let all: &'static [&'static str] = &["record", "part", "session", "day", "cycle"];
        let words = if stepped || rate.free.is_some() { &all[..3] } else { all };
        rate.round_over = dice.word("rate.round_over", words, 40);
    }
}

fn pricing(dice: &mut Dice, units: i64, service: Service, plan: &Plan) -> Pricing {
    let unit = service.unit();
    if service == Service::Content {
        return more::amount_pricing(dice);
    }
    let kinds: &[&str] = match service {
        Service::Voice | Service::Data => &["price", "per_event", "table", "steps", "tiers", "in_bands"],
        _ => &["price", "price", "table", "steps", "tiers", "in_bands"],
    };
    let mut kind = *dice.one_of(kinds);
    for wished in kinds {
        if dice.wished(&format!("rate.{wished}")) {
            kind = wished;
        }
    }
    let has_table = plan.rates.iter().any(|rate| matches!(rate.pricing, Pricing::Table));
    match kind {
        "per_event" => Pricing::Price(Price { amount: dice.money(100), per: 1, unit: Unit::Event }),
        "table" if !has_table => Pricing::Table,
        "steps" => Pricing::Steps(steps(dice, units, unit)),
        "tiers" => Pricing::Tiers(more::tiers(dice, units, unit)),
        "in_bands" => Pricing::InBands,
        _ => Pricing::Price(dice.price(unit, units)),
    }
}

pub fn steps(dice: &mut Dice, units: i64, unit: Unit) -> Vec<Step> {
    let count = dice.number(2, 3);
    let mut bound = 0;
    (1..=count)
        .map(|at| {
            bound += dice.number(1, 60) * units;
            Step {
                up_to: (at < count).then_some(bound),
                price: dice.price(unit, units),
                increments: dice.maybe("rate.steps.increments", 30, |dice| increments(dice, units)),
            }
        })
        .collect()
}
