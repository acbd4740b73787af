//! Prices worked by hand, through the slow rater alone.
//! Relies on plans of one rate, so that each answer shows one rule.
//! Never asks the engine: that is what the comparison is for.

use super::calendar::{at, cycle, start_of, wall, ymd};
use super::close::Closed;
use super::number::*;
use super::plan::*;
use super::rater::{Event, Rater};
use super::world::{Member, Payer, Use, UsePart};

pub fn price(digits: i64, places: u32, per: i64, unit: Unit) -> Price {
    Price { amount: dec(digits, places), per, unit }
}

pub fn rate(service: Service, pricing: Pricing) -> Rate {
    Rate {
        id: "r".into(),
        when: When([("service", vec![service.word().to_owned()])].into()),
        unit: service.unit(),
        priority: None,
        pricing,
        increments: None,
        partial: None,
        free: None,
        grace: None,
        minimum_quantity: None,
        minimum_charge: None,
        maximum_charge: None,
        connection_fee: None,
        fee_when_covered: None,
        bands: Vec::new(),
        split: None,
        time_zone: None,
        round_over: None,
        cap: None,
    }
}

pub fn plan(rate: Rate) -> Plan {
    Plan { currency: "EUR", rates: vec![rate], ..Plan::default() }
}

pub fn payer() -> Payer {
    let member =
        Member { id: "S-1", group: 0, from_ms: start_of(wall("UTC"), ymd(2026, 1, 1)), to_ms: i64::MAX };
    Payer { id: "A-1", zone: "UTC", anchor: 1, subscriptions: vec![member] }
}

/// 2026-10-02, a Friday, at a time of day.
pub fn friday(hour: i64, minute: i64, second: i64) -> i64 {
    start_of(wall("UTC"), ymd(2026, 10, 2)) + (hour * 3600 + minute * 60 + second) * 1000
}

pub fn used(service: Service, start_ms: i64, quantity: i64) -> Use {
    Use {
        member: 0,
        service,
        incoming: false,
        start_ms,
        offset_s: 0,
        parts: vec![UsePart { start_ms, quantity, group: None }],
        near: "34915550123",
        far: "34915550199",
        network: None,
        session: 0,
        charged: None,
        attributes: Vec::new(),
    }
}

pub fn run(plan: &Plan, uses: &[Use], grain: i64) -> (Vec<Event>, Closed) {
    let payer = payer();
    let mut rater = Rater::new(plan, &payer, grain);
    let events = uses.iter().flat_map(|used| rater.rate(used).unwrap()).collect();
    let closed = rater.close(cycle(payer.wall(), payer.anchor, uses[0].start_ms));
    (events, closed)
}

fn check(plan: &Plan, uses: &[Use], expect: &[&str]) {
    let grain = if plan.rates[0].unit == Unit::Ms { 1000 } else { 1 };
    let (events, _) = run(plan, uses, grain);
    let amounts: Vec<String> = events.iter().map(|event| shown(&event.amount, 2)).collect();
    assert_eq!(amounts, expect, "{}", plan.to_toml());
}

fn call(seconds: i64) -> Use {
    used(Service::Voice, friday(12, 0, 0), seconds * 1000)
}

fn calls(first: i64, next: i64, price: Price) -> Plan {
    let mut rate = rate(Service::Voice, Pricing::Price(price));
    rate.increments = Some(Increments { first: first * 1000, next: next * 1000 });
    plan(rate)
}

fn texts(model: &'static str) -> Plan {
    let tier =
        |up_to, digits| Tier { up_to, price: Some(price(digits, 2, 1, Unit::Event)), ..Tier::default() };
    let steps = vec![tier(Some(100), 100), tier(None, 50)];
    plan(rate(Service::Sms, Pricing::Tiers(Tiers { model, steps, ..Tiers::default() })))
}

#[test]
fn increments() {
    let cases =
        [(0, "0.00"), (1, "0.30"), (30, "0.30"), (31, "0.36"), (57, "0.60"), (61, "0.66"), (75, "0.78")];
    for (seconds, expect) in cases {
        check(&calls(30, 6, price(60, 2, 60_000, Unit::Ms)), &[call(seconds)], &[expect]);
    }
    for (seconds, expect) in [(1, "0.60"), (60, "0.60"), (61, "0.61"), (90, "0.90")] {
        check(&calls(60, 1, price(60, 2, 60_000, Unit::Ms)), &[call(seconds)], &[expect]);
    }
}

#[test]
fn a_call_over_the_end_of_a_band() {
    for (increments, expect) in [(1, "4.50"), (60, "6.00")] {
        let mut plan = calls(increments, increments, price(10, 2, 1000, Unit::Ms));
        let peak = Band { name: "peak", hours: Some((0, 1080)), ..Band::default() };
        let off = Band { name: "off", price: Some(price(5, 2, 1000, Unit::Ms)), ..Band::default() };
        plan.rates[0].bands = vec![peak, off];
        check(&plan, &[used(Service::Voice, friday(17, 59, 30), 60_000)], &[expect]);
    }
}

#[test]
fn tiers() {
    let texts_of = |count| used(Service::Sms, friday(12, 0, 0), count);
    check(&texts("graduated"), &[texts_of(150)], &["125.00"]);
    let (_, closed) = run(&texts("volume"), &[texts_of(150)], 1);
    assert_eq!(shown(&closed.total, 2), "75.00");
    let package = Package { size: 10, price: dec(500, 2), free: Some(10), minimum: None };
    let tiers = Tiers { model: "package", package: Some(package), ..Tiers::default() };
    for (count, expect) in [(0, "0.00"), (10, "0.00"), (11, "5.00"), (21, "10.00")] {
        check(&plan(rate(Service::Sms, Pricing::Tiers(tiers.clone()))), &[texts_of(count)], &[expect]);
    }
}

#[test]
fn an_allowance_of_a_hundred_seconds() {
    let mut plan = calls(1, 1, price(1, 2, 1000, Unit::Ms));
    plan.allowances = vec![allowance(100_000, Service::Voice)];
    let (events, _) = run(&plan, &[call(130)], 1000);
    assert_eq!(shown(&events[0].amount, 2), "0.30");
    assert_eq!(events[0].uses[0].quantity, q(100_000));
}

pub fn allowance(units: i64, service: Service) -> Allowance {
    Allowance {
        id: "a".into(),
        when: When([("service", vec![service.word().to_owned()])].into()),
        gives: Gives::Units(units, service.unit()),
        refill: None,
        priority: None,
        weight: None,
        increments: None,
        rounding: None,
        ratio: None,
        shared: None,
        pooled: None,
        price: None,
        connection_fee: None,
        rest: None,
        prorated: None,
        rollover: None,
        over_use: None,
        floor: None,
        thresholds: Vec::new(),
    }
}

#[test]
fn splits_and_totals() {
    let shares = split(&q(10), &[q(1), q(1), q(1)], 2);
    assert_eq!(shares.iter().map(|share| shown(share, 2)).collect::<Vec<_>>(), ["3.34", "3.33", "3.33"]);
    let third = plan(rate(Service::Sms, Pricing::Price(price(1, 0, 3, Unit::Event))));
    let one = used(Service::Sms, friday(12, 0, 0), 1);
    let (_, closed) = run(&third, &[one.clone(), one.clone(), one], 1);
    assert_eq!((shown(&closed.total, 2), shown(&closed.rounding, 6)), ("1.00".into(), "0.000001".into()));
}

#[test]
fn rounding_modes_on_a_number_line() {
    let halves =
        [(-25, "-30 -20 -30 -20 -20 -20 -30"), (25, "30 20 30 20 20 30 20"), (35, "40 30 40 40 30 40 30")];
    for (value, expect) in halves {
        let rounded = MODES.map(|(mode, _)| shown(&round(&q(value), Point { places: -1, mode }), 0));
        assert_eq!(rounded.join(" "), expect, "{value}");
    }
}

#[test]
fn a_month_of_thirty_days_from_day_21() {
    let mut payer = payer();
    payer.subscriptions[0].from_ms = start_of(wall("UTC"), ymd(2026, 9, 21));
    let part = super::cover::part_of_period(&payer, &[0], None, Some(ymd(2026, 9, 1)));
    assert_eq!(part * q(30), q(10));
    assert_eq!(at(payer.subscriptions[0].from_ms).to_string(), "2026-09-21 00:00:00 UTC");
}
