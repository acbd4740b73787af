//! One case: a plan, who pays, and usage in the order of time.
//! Relies on small numbers near the borders of bands, days, cycles and clock changes.
//! Never holds more usage than a person can follow.

use super::calendar::{local, start_of, wall, ymd};
use super::dice::Dice;
use super::generate::{self, Scale};
use super::number::Dec;
use super::plan::{Plan, Service};
use super::world::{Member, Payer, Use, UsePart};
use chrono::NaiveDate;

#[derive(Clone, Debug)]
pub struct Case {
    pub seed: u64,
    pub plan: Plan,
    pub payer: Payer,
    pub uses: Vec<Use>,
    pub grain: i64,
}

const ZONES: [&str; 5] =
    ["Europe/Madrid", "UTC", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe"];
const NUMBERS: [&str; 10] = [
    "34915550123",
    "34915550199",
    "34600111222",
    "34600999111",
    "33123456789",
    "33612345678",
    "442071234567",
    "12125550100",
    "34900123456",
    "34803123456",
];
const NETWORKS: [&str; 5] = ["21401", "21403", "20810", "20801", "310410"];
const DAY: i64 = 86_400_000;

pub fn case(seed: u64, wishes: &[String]) -> Case {
    let mut dice = Dice::new(seed, wishes);
    let dice = &mut dice;
    let units = *dice.one_of(&[1, 1, 1, 1000, 1000, 60_000]);
    let plan = generate::plan(dice, &Scale { units });
    let payer = payer(dice);
    let mut starts: Vec<i64> = (0..dice.number(2, 9)).map(|_| instant(dice, &payer, units)).collect();
    starts.sort_unstable();
    let uses = starts.into_iter().map(|start| one(dice, &plan, &payer, start, units)).collect();
    Case { seed, plan, payer, uses, grain: units }
}

fn payer(dice: &mut Dice) -> Payer {
    let zone = *dice.one_of(&ZONES);
    let since = |dice: &mut Dice| {
        let days = [ymd(2025, 10, 1), ymd(2025, 12, 20), ymd(2026, 1, 1), ymd(2026, 1, 31), ymd(2026, 2, 10)];
        start_of(wall(zone), *dice.one_of(&days))
    };
    let ids = ["S-1", "S-2", "S-3"];
    let members = (0..dice.number(1, 3) as usize).map(|at| Member {
        id: ids[at],
        group: dice.number(0, 2) as u32,
        from_ms: since(dice),
        to_ms: if at > 0 && dice.percent(20) { start_of(wall(zone), ymd(2026, 3, 20)) } else { i64::MAX },
    });
    let subscriptions = members.collect();
    Payer { id: "A-1", zone, anchor: *dice.one_of(&[1, 1, 10, 15, 28, 31]) as u32, subscriptions }
}

/// Somewhere in February or March 2026, half of the time near a border.
fn instant(dice: &mut Dice, payer: &Payer, units: i64) -> i64 {
    let day = |dice: &mut Dice| -> NaiveDate {
        let special = [
            ymd(2026, 2, 15),
            ymd(2026, 3, 1),
            ymd(2026, 3, 8),
            ymd(2026, 3, 19),
            ymd(2026, 3, 28),
            ymd(2026, 3, 29),
        ];
        if dice.percent(50) {
            *dice.one_of(&special)
        } else {
            ymd(2026, 2, 11) + chrono::Days::new(dice.number(0, 50) as u64)
        }
    };
    let zone = if dice.percent(70) { wall(payer.zone) } else { wall("Europe/Madrid") };
    let hour = *dice.one_of(&[0, 2, 8, 10, 12, 18, 20, 24]);
    let border = start_of(zone, day(dice)) + hour * 3_600_000;
    let minute = 60_000 / units.min(60_000);
    if dice.percent(50) {
        border + dice.number(-100, 20) * units
    } else {
        border + dice.number(0, 11 * 60 * minute.min(60)) * units.max(1000)
    }
}

fn one(dice: &mut Dice, plan: &Plan, payer: &Payer, start_ms: i64, units: i64) -> Use {
    let services: Vec<Service> = plan.rates.iter().chain(&plan.base).map(|rate| service(rate)).collect();
    let service = *dice.one_of(&services);
    let living: Vec<usize> =
        (0..payer.subscriptions.len()).filter(|&at| lives(payer, at, start_ms)).collect();
    let member = if living.is_empty() { 0 } else { *dice.one_of(&living) };
    let zone = wall(payer.zone);
    let offset_s = if dice.percent(60) {
        ((local(zone, start_ms).and_utc().timestamp_millis() - start_ms) / 1000) as i32
    } else {
        *dice.one_of(&[0, 3600, -12_600, 20_700])
    };
    let mut attributes = Vec::new();
    for (name, values) in [("apn", ["internet", "ims"]), ("dnn", ["internet", "iot"]), ("qos", ["9", "5"])] {
        if dice.percent(40) {
            attributes.push((name, *dice.one_of(&values)));
        }
    }
    if dice.percent(50) {
        attributes.push((*dice.one_of(&["rat", "rat_type"]), *dice.one_of(&["4g", "5g"])));
    }
    if dice.percent(50) {
        attributes.push(("trunk", *dice.one_of(&["T1", "T2", "T3"])));
    }
    let mut parts = parts(dice, (service, plan), start_ms, units);
    if service != Service::Content && dice.percent(5) {
        // Usage that is taken back.
        parts.iter_mut().for_each(|part| part.quantity = -part.quantity);
    }
    Use {
        member,
        service,
        incoming: dice.percent(20),
        start_ms,
        offset_s,
        parts,
        near: *dice.one_of(&NUMBERS[..4]),
        far: if dice.percent(50) { NUMBERS[1] } else { *dice.one_of(&NUMBERS) },
        network: (service == Service::Data || dice.percent(60)).then(|| *dice.one_of(&NETWORKS)),
        session: dice.number(1, 3) as u64,
        charged: (service == Service::Content).then(|| charged(dice, plan)),
        attributes,
    }
}

fn service(rate: &super::plan::Rate) -> Service {
    let word = &rate.when.0["service"][0];
    let all = [Service::Voice, Service::Sms, Service::Data, Service::Content];
    all.into_iter().find(|service| service.word() == word).expect("a service")
}

fn lives(payer: &Payer, member: usize, at_ms: i64) -> bool {
    let of = &payer.subscriptions[member];
    (of.from_ms..of.to_ms).contains(&at_ms)
}

fn parts(dice: &mut Dice, (service, plan): (Service, &Plan), start_ms: i64, units: i64) -> Vec<UsePart> {
    // Whether tiers over an event sum its containers, the reference does not say.
    let one_part = plan.rates.iter().chain(&plan.base).any(is_over_event);
    let quantity = |dice: &mut Dice| {
        let most = *dice.one_of(&[5, 70, 250]);
        if dice.percent(8) { 0 } else { dice.number(1, most) * units }
    };
    match service {
        Service::Voice => vec![UsePart { start_ms, quantity: quantity(dice), group: None }],
        Service::Sms => {
            vec![UsePart { start_ms, quantity: dice.number(0, 3) * dice.number(1, 30), group: None }]
        }
        Service::Content => vec![UsePart { start_ms, quantity: 1, group: None }],
        Service::Data => {
            let mut start_ms = start_ms;
            let count = if dice.percent(50) || one_part { 1 } else { dice.number(2, 4) };
            (0..count)
                .map(|at| {
                    if at > 0 {
                        start_ms += *dice.one_of(&[1000, 3_600_000, DAY]);
                    }
                    let group = *dice.one_of(&[None, Some(1), Some(7), Some(7)]);
                    UsePart { start_ms, quantity: quantity(dice), group }
                })
                .collect()
        }
    }
}

fn charged(dice: &mut Dice, plan: &Plan) -> (&'static str, Dec) {
    let currency = if dice.percent(50) { plan.currency } else { *dice.one_of(&["USD", "GBP", "EUR"]) };
    (currency, dice.money(1500))
}

fn is_over_event(rate: &super::plan::Rate) -> bool {
    matches!(&rate.pricing, super::plan::Pricing::Tiers(tiers) if tiers.over == Some("event"))
}
