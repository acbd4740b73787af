//! A table of cases for every option of a plan, each worked by hand.
//! Relies on nothing but the text of a plan and a usage.
//! Never computes an expected value.

mod support;

use caudal_rating::{Redeem, TopUp};
use caudal_usage::{Code, Currency, Digits, Identity, Money, Part, Party, Service, Unit, UsageRecord};
use support::{Bench, account, call, number, tariff, time, usage};

/// A rate of calls with a price and more.
fn voice(price: &str, more: &str) -> String {
    format!("[[rate]]\nid = \"calls\"\napplies_to = {{ service = \"voice\" }}\nprice = \"{price}\"\n{more}\n")
}

/// A rate of calls without a price.
fn calls(more: &str) -> String {
    format!("[[rate]]\nid = \"calls\"\napplies_to = {{ service = \"voice\" }}\n{more}\n")
}

/// The story of one call of some seconds, without its cycle.
#[track_caller]
fn tells(plan: &str, seconds: i64, story: &str) {
    let tariff = tariff(plan);
    let told = Bench::new(&tariff).story(&call(seconds));
    assert_eq!(told.trim_start_matches("2026-10-01:").trim_start(), story, "{seconds} s: {plan}");
}

#[test]
fn steps_change_the_price_inside_a_call() {
    let steps = calls(
        "steps = [ { up_to = \"10 min\", price = \"0.10 per 60 s\", increments = \"60/60\" }, { price = \"0.05 per 60 s\", increments = \"1\" } ]",
    );
    tells(&steps, 61, "usage calls #1 120000 = 0.200000 | 0.200000");
    tells(&steps, 630, "usage calls #1 600000 = 1.000000; usage calls #2 30000 = 0.025000 | 1.025000");
    // The portion that begins at 60 s is 60 s long; its second half costs what the second step says.
    let cut = calls(
        "steps = [ { up_to = \"90 s\", price = \"1 per s\", increments = \"60\" }, { price = \"2 per s\", increments = \"1\" } ]",
    );
    tells(&cut, 61, "usage calls #1 90000 = 90.000000; usage calls #2 30000 = 60.000000 | 150.000000");
    tells(&cut, 121, "usage calls #1 90000 = 90.000000; usage calls #2 31000 = 62.000000 | 152.000000");
}

#[test]
fn free_units_grace_and_minimum() {
    tells(
        &voice("0.01 per s", "free = \"10 s\""),
        30,
        "usage calls #1 10000 = 0.000000; usage calls #2 20000 = 0.200000 | 0.200000",
    );
    tells(
        &voice("0.01 per s", "free = \"10 s\"\nincrements = \"60/1\""),
        30,
        "usage calls #1 10000 = 0.000000; usage calls #2 50000 = 0.500000 | 0.500000",
    );
    tells(&voice("0.01 per s", "grace = \"3 s\""), 3, "| 0.000000");
    tells(&voice("0.01 per s", "grace = \"3 s\""), 4, "usage calls 4000 = 0.040000 | 0.040000");
    tells(&voice("0.01 per s", "minimum_quantity = \"30 s\""), 4, "usage calls 30000 = 0.300000 | 0.300000");
    // A minimum beats a grace.
    tells(
        &voice("0.01 per s", "grace = \"3 s\"\nminimum_quantity = \"30 s\""),
        2,
        "usage calls 30000 = 0.300000 | 0.300000",
    );
    tells(&voice("0.01 per s", "minimum_quantity = \"30 s\""), 0, "| 0.000000");
}

#[test]
fn partial_portions_pro_rata() {
    let rate = voice("0.60 per 60 s", "increments = \"60/60\"\npartial = \"pro_rata\"");
    tells(&rate, 30, "usage calls 30000 = 0.300000 | 0.300000");
    tells(&rate, 90, "usage calls 90000 = 0.900000 | 0.900000");
    tells(&rate, 120, "usage calls 120000 = 1.200000 | 1.200000");
}

#[test]
fn bounds_of_an_event() {
    let rate = voice(
        "0.01 per s",
        "connection_fee = \"0.10\"\nminimum_charge = \"0.25\"\nmaximum_charge = \"1.00\"",
    );
    tells(
        &rate,
        5,
        "usage calls 5000 = 0.050000; connection_fee calls 1 = 0.100000; minimum calls 1 = 0.100000 | 0.250000",
    );
    tells(&rate, 20, "usage calls 20000 = 0.200000; connection_fee calls 1 = 0.100000 | 0.300000");
    tells(
        &rate,
        200,
        "usage calls 200000 = 2.000000; connection_fee calls 1 = 0.100000; maximum calls 1 = -1.100000 | 1.000000",
    );
    // A minimum charge beats a grace as well.
    tells(
        &voice("0.01 per s", "grace = \"3 s\"\nminimum_charge = \"0.25\""),
        2,
        "minimum calls 1 = 0.250000 | 0.250000",
    );
}

const PEAK: &str =
    "bands = [ { name = \"peak\", hours = \"08:00-18:00\" }, { name = \"off\", price = \"0.05 per s\" } ]";

#[test]
fn splits_at_the_end_of_a_band() {
    for (split, increments, seconds, story) in [
        ("by_increment", "60", 60, "usage calls peak 60000 = 6.000000 | 6.000000"),
        ("exact", "60", 60, "usage calls peak 30000 = 3.000000; usage calls off 30000 = 1.500000 | 4.500000"),
        ("exact", "60", 61, "usage calls peak 30000 = 3.000000; usage calls off 90000 = 4.500000 | 7.500000"),
        ("start", "60", 61, "usage calls peak 120000 = 12.000000 | 12.000000"),
    ] {
        let tariff = tariff(&voice(
            "0.10 per s",
            &format!("increments = \"{increments}\"\nsplit = \"{split}\"\n{PEAK}"),
        ));
        let usage = usage(Service::Voice, time("2026-10-02T17:59:30+02:00"), seconds * 1000);
        assert_eq!(Bench::new(&tariff).story(&usage), format!("2026-10-01: {story}"), "{split} {increments}");
    }
}

#[test]
fn bands_in_the_zone_of_the_visited_network_or_of_the_tariff() {
    // 17:30 in Madrid, 11:30 in New York, 23:30 in Manila.
    let mut abroad = usage(Service::Voice, time("2026-10-02T11:30:00-04:00"), 10_000);
    for (zone, amount) in [("account", "1.000000"), ("visited", "1.000000"), ("Asia/Manila", "0.500000")] {
        let tariff = tariff(&voice("0.10 per s", &format!("time_zone = \"{zone}\"\n{PEAK}")));
        assert_eq!(Bench::new(&tariff).amount(&abroad), amount, "{zone}");
    }
    abroad.start = time("2026-10-02T23:30:00+08:00");
    let tariff = tariff(&voice("0.10 per s", &format!("time_zone = \"visited\"\n{PEAK}")));
    assert_eq!(Bench::new(&tariff).amount(&abroad), "0.500000");
}

#[test]
fn a_price_per_event_of_a_call() {
    let rate = voice("0.20 per event", "");
    tells(&rate, 600, "usage calls 1 = 0.200000 | 0.200000");
    tells(&rate, 0, "| 0.000000");
    let fee = voice("0.20 per event", "connection_fee = \"0.05\"");
    tells(&fee, 600, "usage calls 1 = 0.200000; connection_fee calls 1 = 0.050000 | 0.250000");
    // What counts otherwise is left alone.
    let other = fee + "[[discount]]\nid = \"d\"\nprice = \"0.01 per s\"\n";
    tells(&other, 600, "usage calls 1 = 0.200000; connection_fee calls 1 = 0.050000 | 0.250000");
}

#[test]
fn conditions_of_the_network_and_the_number() {
    let rates = |when: &str| {
        format!(
            "[[rate]]\nid = \"any\"\napplies_to = {{ service = \"voice\" }}\nprice = \"0.01 per s\"\n\
                 [[rate]]\nid = \"special\"\napplies_to = {{ service = \"voice\", {when} }}\nprice = \"0.02 per s\"\n"
        )
    };
    type Change = fn(&mut UsageRecord);
    let cases: [(&str, Change, &str); 12] = [
        ("on_net = true", |usage| usage.called = number("34600999888"), "0.200000"),
        ("on_net = true", |usage| usage.called = number("34600111222"), "0.100000"),
        ("on_net = false", |usage| usage.called = number("34600111222"), "0.200000"),
        ("special = \"emergency\"", |usage| usage.called = Party::Other("112".into()), "0.200000"),
        ("special = [\"premium\", \"test\"]", |usage| usage.called = number("34806123456"), "0.200000"),
        ("origin_zone = \"fr\"", |usage| usage.calling = number("33199001199"), "0.200000"),
        ("origin_zone = \"fr\"", |_| {}, "0.100000"),
        ("roaming_zone = \"eu\"", |usage| usage.serving_network = Digits::parse(b"20801"), "0.200000"),
        ("roaming_zone = \"home\"", |usage| usage.serving_network = Digits::parse(b"21407"), "0.200000"),
        ("attribute = { trunk = [\"T1\", \"T2\"] }", |usage| attribute(usage, "trunk", "T2"), "0.200000"),
        ("attribute = { trunk = \"T1\" }", |usage| attribute(usage, "trunk", "T2"), "0.100000"),
        ("account = \"A-1\"", |_| {}, "0.200000"),
    ];
    for (when, change, amount) in cases {
        let (tariff, mut usage) = (tariff(&rates(when)), call(10));
        change(&mut usage);
        assert_eq!(Bench::new(&tariff).amount(&usage), amount, "{when}");
    }
    for (when, start, amount) in [
        ("days = \"sat,sun\"", "2026-10-03T12:00:00+02:00", "0.200000"),
        ("days = \"sat,sun\"", "2026-10-02T12:00:00+02:00", "0.100000"),
        ("hours = \"08:00-20:00\"", "2026-10-02T20:00:00+02:00", "0.100000"),
    ] {
        let tariff = tariff(&rates(when));
        assert_eq!(Bench::new(&tariff).amount(&usage(Service::Voice, time(start), 10_000)), amount, "{when}");
    }
}

fn attribute(usage: &mut UsageRecord, name: &str, value: &str) {
    usage.attributes = Some([(name, value)].into_iter().collect());
}

#[test]
fn zones_of_data_are_those_of_the_serving_network() {
    let tariff = tariff(
        "[[rate]]\nid = \"home\"\napplies_to = { service = \"data\", zone = [\"home\", \"eu\"], apn = \"internet\" }\nprice = \"1 per MB\"\n\
         [[rate]]\nid = \"world\"\napplies_to = { service = \"data\" }\nprice = \"5 per MB\"\n",
    );
    let mut data = usage(Service::Data, time("2026-10-02T12:00:00Z"), 1_000_000);
    data.serving_network = Digits::parse(b"20801");
    attribute(&mut data, "apn", "internet");
    assert_eq!(Bench::new(&tariff).amount(&data), "1.000000");
    data.serving_network = Digits::parse(b"310260");
    assert_eq!(Bench::new(&tariff).amount(&data), "5.000000");
}

#[test]
fn the_accounts_own_rate_comes_before_the_plans_and_the_bases() {
    let own = "[[rate]]\nid = \"own\"\napplies_to = { service = \"voice\", account = \"A-1\" }\nprice = \"0.03 per s\"\n";
    let base = format!(
        "id = \"base\"\nname = \"B\"\ncurrency = \"EUR\"\nvalid_from = 2000-01-01\n{own}{}",
        voice("0.02 per s", "")
    );
    let plan = |more: &str| format!("{}base = \"base\"\n{more}", support::HEAD);
    for (more, of, amount) in [
        (voice("0.01 per s", ""), "A-1", "0.300000"),
        (voice("0.01 per s", ""), "A-2", "0.100000"),
        (String::new(), "A-2", "0.200000"),
    ] {
        let tariff = support::tariff_of(&[("plans/p.toml", &plan(&more)), ("plans/base.toml", &base)]);
        let mut payer = account("Europe/Madrid", 1);
        payer.id = of.into();
        assert_eq!(Bench::on(&tariff, "p", payer).amount(&call(10)), amount, "{of} {more}");
    }
}

fn data(quantities: &[i64]) -> UsageRecord {
    let start = time("2026-10-02T12:00:00Z");
    let mut record = usage(Service::Data, start, 0);
    let part = |quantity: &i64| Part { start, end: start, quantity: *quantity, rating_group: Some(1) };
    record.parts = quantities.iter().map(part).collect();
    record
}

#[test]
fn what_quantities_are_rounded_over() {
    for (over, amounts) in [
        ("part", ["0.300000", "0.300000"]),
        ("record", ["0.200000", "0.200000"]),
        ("day", ["0.200000", "0.100000"]),
        ("cycle", ["0.200000", "0.100000"]),
        ("session", ["0.200000", "0.100000"]),
    ] {
        let tariff = tariff(&format!(
            "[[rate]]\nid = \"web\"\napplies_to = {{ service = \"data\" }}\nprice = \"1 per MB\"\nincrements = \"100 kB\"\nround_over = \"{over}\"\n"
        ));
        let mut bench = Bench::new(&tariff);
        for amount in amounts {
            // 30 + 30 + 90 kB are 150 kB: two portions, or three; twice are 300 kB: three.
            assert_eq!(bench.amount(&data(&[30_000, 30_000, 90_000])), amount, "{over}");
        }
    }
}

#[test]
fn tiers_of_every_model() {
    let sms = |tiers: &str| {
        format!("[[rate]]\nid = \"texts\"\napplies_to = {{ service = \"sms\" }}\ntiers = {{ {tiers} }}\n")
    };
    let steps =
        "steps = [ { up_to = \"100 events\", price = \"1.00 per event\" }, { price = \"0.50 per event\" } ]";
    let fees = "steps = [ { up_to = \"10 events\", price = \"1 per event\", flat_fee = \"2\" }, { price = \"0.5 per event\", flat_fee = \"3\" } ]";
    let stairs = "steps = [ { up_to = \"10 events\", flat_fee = \"5\" }, { flat_fee = \"8\" } ]";
    for (tiers, count, events, close) in [
        (format!("model = \"graduated\", {steps}"), 150, "125.000000", ""),
        (format!("model = \"graduated\", {fees}"), 11, "15.500000", ""),
        (format!("model = \"volume\", over = \"event\", {steps}"), 150, "75.000000", ""),
        (
            format!("model = \"volume\", {steps}"),
            150,
            "0.000000",
            "tier texts: tier #2 150 = 75.000000 | 75.000000",
        ),
        (
            format!("model = \"volume\", {steps}"),
            100,
            "0.000000",
            "tier texts: tier #1 100 = 100.000000 | 100.000000",
        ),
        (
            format!("model = \"volume\", {fees}"),
            11,
            "0.000000",
            "tier texts: flat_fee #2 1 = 3.000000; tier #2 11 = 5.500000 | 8.500000",
        ),
        (
            format!("model = \"stair_step\", {stairs}"),
            10,
            "0.000000",
            "tier texts: flat_fee #1 1 = 5.000000 | 5.000000",
        ),
        (format!("model = \"stair_step\", over = \"event\", {stairs}"), 11, "8.000000", ""),
        (
            "model = \"package\", size = \"10 events\", price = \"5.00\", free = \"10 events\"".into(),
            10,
            "0.000000",
            "",
        ),
        (
            "model = \"package\", size = \"10 events\", price = \"5.00\", free = \"10 events\"".into(),
            11,
            "5.000000",
            "",
        ),
        (
            "model = \"package\", size = \"10 events\", price = \"5.00\", free = \"10 events\"".into(),
            21,
            "10.000000",
            "",
        ),
        (
            "model = \"package\", size = \"10 events\", price = \"5.00\", minimum = 3".into(),
            11,
            "10.000000",
            "package texts: package 10 = 5.000000 | 5.000000",
        ),
    ] {
        let tariff = tariff(&sms(&tiers));
        let mut bench = Bench::new(&tariff);
        let usage = usage(Service::Sms, time("2026-10-02T12:00:00Z"), count);
        assert_eq!(bench.amount(&usage), events, "{tiers} {count}");
        assert_eq!(bench.close("2026-10-01"), close, "{tiers} {count}");
    }
    for (zero, close) in [("nothing", ""), ("charge", "package texts: package 10 = 5.000000 | 5.000000")] {
        let text =
            format!("model = \"package\", size = \"10 events\", price = \"5.00\", zero_usage = \"{zero}\"");
        let tariff = tariff(&sms(&text));
        assert_eq!(Bench::new(&tariff).close("2026-10-01"), close);
    }
    let blocks = "model = \"graduated\", maximum_in = \"blocks\", steps = [ { blocks = 2, price = \"5 per 10 events\" }, { price = \"1 per 10 events\" } ]";
    let tariff = tariff(&sms(blocks));
    // Two blocks of ten at 0.5 each, then 0.1 each.
    assert_eq!(
        Bench::new(&tariff).amount(&usage(Service::Sms, time("2026-10-02T12:00:00Z"), 25)),
        "10.500000"
    );
}

#[test]
fn one_price_for_several_meters() {
    let plan = voice("0 per s", "")
        + "[[rate]]\nid = \"texts\"\napplies_to = { service = \"sms\" }\nprice = \"0 per event\"\n\
           [[capacity]]\nid = \"size\"\nmeters = { calls = { service = \"voice\" }, texts = { service = \"sms\" } }\n\
           steps = [ { holds = { calls = \"10 min\", texts = \"5 events\" }, price = \"10.00\" }, { price = \"25.00\" } ]\n";
    for (texts, price) in [(5, "#1 1 = 10.000000 | 10.000000"), (6, "#2 1 = 25.000000 | 25.000000")] {
        let tariff = tariff(&plan);
        let mut bench = Bench::new(&tariff);
        bench.amount(&call(600));
        bench.amount(&usage(Service::Sms, time("2026-10-02T12:00:00Z"), texts));
        assert_eq!(bench.close("2026-10-01"), format!("capacity size: flat_fee {price}"));
    }
}

/// A rate of calls at 0.01 a second and one allowance.
fn with_allowance(rate: &str, allowance: &str) -> String {
    voice("0.01 per s", rate)
        + &format!("[[allowance]]\nid = \"a\"\napplies_to = {{ service = \"voice\" }}\n{allowance}\n")
}

#[test]
fn portions_of_an_allowance() {
    for (rate, allowance, seconds, story) in [
        // Its own minutes: 130 s are 180 s of it; where 100 s are left it gives one minute.
        ("", "quantity = \"300 s\"\nincrements = \"60\"", 130, "a -180000 300000->120000 | 0.000000"),
        (
            "",
            "quantity = \"100 s\"\nincrements = \"60\"",
            130,
            "usage calls 70000 = 0.700000; a -60000 100000->40000 | 0.700000",
        ),
        // Units as measured: only the rest is rounded.
        (
            "increments = \"60\"",
            "quantity = \"100 s\"\nincrements = \"raw\"",
            130,
            "usage calls 60000 = 0.600000; a -100000 100000->0 | 0.600000",
        ),
        ("increments = \"60\"", "quantity = \"55 s\"", 50, "usage calls 60000 = 0.600000 | 0.600000"),
        (
            "increments = \"60\"",
            "quantity = \"55 s\"\nrounding = \"rest_only\"",
            50,
            "a -50000 55000->5000 | 0.000000",
        ),
        // Two units of it for one of usage.
        (
            "",
            "quantity = \"100 s\"\nratio = \"2\"",
            60,
            "usage calls 10000 = 0.100000; a -100000 100000->0 | 0.100000",
        ),
        ("", "quantity = \"100 s\"\nratio = \"0.5\"", 60, "a -30000.0 100000->70000.0 | 0.000000"),
        ("", "quantity = \"2 events\"", 600, "a -1 2->1 | 0.000000"),
        (
            "connection_fee = \"0.15\"\nfee_when_covered = false",
            "quantity = \"100 s\"",
            60,
            "a -60000 100000->40000 | 0.000000",
        ),
        (
            "connection_fee = \"0.15\"",
            "quantity = \"100 s\"\nprice = \"0.001 per s\"\nconnection_fee = \"0.05\"",
            60,
            "covered a 60000 = 0.060000; connection_fee a 1 = 0.050000; a -60000 100000->40000 | 0.110000",
        ),
    ] {
        tells(&with_allowance(rate, allowance), seconds, story);
    }
}

#[test]
fn the_rest_goes_on_or_restarts() {
    let steps = "[[allowance]]\nid = \"a\"\napplies_to = { service = \"voice\" }\nquantity = \"30 s\"\n";
    let rate = calls("steps = [ { up_to = \"40 s\", price = \"0.10 per s\" }, { price = \"0.01 per s\" } ]");
    tells(
        &(rate.clone() + steps),
        60,
        "usage calls #1 10000 = 1.000000; usage calls #2 20000 = 0.200000; a -30000 30000->0 | 1.200000",
    );
    tells(
        &(rate + steps + "rest = \"restarts\"\n"),
        60,
        "usage calls #1 30000 = 3.000000; a -30000 30000->0 | 3.000000",
    );
}

#[test]
fn refills_by_day_week_and_own_recurrence() {
    for (refill, days, amounts) in [
        ("\"day\"", ["02", "02", "03"], ["0.000000", "0.100000", "0.000000"]),
        ("\"week\"", ["02", "04", "05"], ["0.000000", "0.100000", "0.000000"]),
        ("\"once\"", ["02", "30", "31"], ["0.000000", "0.100000", "0.100000"]),
        (
            "{ every = \"10 days\", from = 2026-10-03 }",
            ["02", "03", "12"],
            ["0.000000", "0.000000", "0.100000"],
        ),
    ] {
        let tariff = tariff(&with_allowance("", &format!("quantity = \"15 s\"\nrefill = {refill}")));
        let mut bench = Bench::new(&tariff);
        for (day, amount) in days.into_iter().zip(amounts) {
            let usage = usage(Service::Voice, time(&format!("2026-10-{day}T12:00:00+02:00")), 10_000);
            let quantity = if amount == "0.100000" { "0.050000" } else { amount };
            assert_eq!(bench.amount(&usage), quantity, "{refill} {day}");
            if quantity == "0.050000" {
                break;
            }
        }
    }
}

fn at(start: &str, seconds: i64) -> UsageRecord {
    usage(Service::Voice, time(start), seconds * 1000)
}

#[test]
fn what_is_left_rolls_over() {
    let tariff =
        tariff(&with_allowance("", "quantity = \"100 s\"\nrollover = { max = \"40 s\", cycles = 1 }"));
    let mut bench = Bench::new(&tariff);
    bench.since("2026-09-01T00:00:00+02:00");
    assert_eq!(
        bench.story(&at("2026-09-10T12:00:00+02:00", 90)),
        "2026-09-01: a -90000 100000->10000 | 0.000000"
    );
    // 10 s of September, then 100 s of October.
    assert_eq!(
        bench.story(&at("2026-10-10T12:00:00+02:00", 105)),
        "2026-10-01: a -105000 110000->5000 | 0.000000"
    );
    assert_eq!(
        bench.story(&at("2026-10-11T12:00:00+02:00", 6)),
        "2026-10-01: usage calls 1000 = 0.010000; a -5000 5000->0 | 0.010000"
    );
    // Nothing of October is left; November was not used, so 40 of its 100 s go on to December.
    assert_eq!(
        bench.story(&at("2026-12-01T12:00:00+01:00", 141)),
        "2026-12-01: usage calls 1000 = 0.010000; a -140000 140000->0 | 0.010000"
    );
}

#[test]
fn over_use_is_taken_from_the_next_refill() {
    let tariff = tariff(&with_allowance("", "quantity = \"100 s\"\nover_use = \"30 s\""));
    let mut bench = Bench::new(&tariff);
    assert_eq!(bench.amount(&at("2026-10-10T12:00:00+02:00", 120)), "0.000000");
    assert_eq!(bench.amount(&at("2026-10-11T12:00:00+02:00", 15)), "0.050000");
    // 30 s of November's 100 are gone.
    assert_eq!(bench.amount(&at("2026-11-10T12:00:00+01:00", 101)), "0.010000");
}

#[test]
fn what_late_usage_lends_is_owed_at_once() {
    let tariff = tariff(&with_allowance("", "quantity = \"100 s\"\nover_use = \"30 s\""));
    let mut bench = Bench::new(&tariff);
    let told = [
        ("2026-11-01T09:00:00+01:00", 10, "2026-11-01: a -10000 130000->120000 | 0.000000"),
        ("2026-10-31T09:00:00+01:00", 125, "2026-10-01: a -125000 130000->5000 | 0.000000"),
        ("2026-11-02T09:00:00+01:00", 65, "2026-11-01: a -65000 95000->30000 | 0.000000"),
        // November has used its own 75 s and lent nothing.
        (
            "2026-12-01T09:00:00+01:00",
            131,
            "2026-12-01: usage calls 1000 = 0.010000; a -130000 130000->0 | 0.010000",
        ),
    ];
    for (start, seconds, story) in told {
        assert_eq!(bench.story(&at(start, seconds)), story, "{start}");
    }
}

/// What is used, the refill and what may be lent are never exceeded together, whatever a period is found to owe.
#[test]
fn a_period_that_owes_more_than_its_refill_lends_less() {
    let amounts = |bench: &mut Bench, used: &[(&str, i64)]| -> Vec<String> {
        used.iter().map(|(start, seconds)| bench.amount(&at(start, *seconds))).collect()
    };
    // The refill has become smaller than what it owes: 5 of 30 s, and 30 s owed.
    let ending = tariff(&with_allowance("", "quantity = \"30 s\"\nover_use = \"30 s\"\nprorated = true"));
    let mut bench = Bench::new(&ending);
    bench.subscription.validity.to_ms = time("2026-11-06T00:00:00+01:00").utc_ms;
    bench.roster[0] = bench.subscription.clone();
    let used = [("2026-10-10T12:00:00+02:00", 60), ("2026-11-03T12:00:00+01:00", 6)];
    assert_eq!(amounts(&mut bench, &used), ["0.000000", "0.010000"]);
    // The pool has.
    let pool = tariff(&with_allowance("", &format!("{POOL}over_use = \"31 s\"")));
    let mut bench = Bench::new(&pool);
    bench.joined_by(1, "2026-01-01T00:00:00+01:00", "2026-11-01T00:00:00+01:00");
    let used = [("2026-10-10T12:00:00+02:00", 124), ("2026-11-10T12:00:00+01:00", 1)];
    assert_eq!(amounts(&mut bench, &used), ["0.000000", "0.010000"]);
    // Late usage lends from a refill that is used up.
    let late = tariff(&with_allowance("", "quantity = \"100 s\"\nover_use = \"30 s\""));
    let mut bench = Bench::new(&late);
    let used = [
        ("2026-11-01T09:00:00+01:00", 100),
        ("2026-10-31T09:00:00+01:00", 130),
        ("2026-11-02T09:00:00+01:00", 1),
    ];
    assert_eq!(amounts(&mut bench, &used), ["0.000000", "0.000000", "0.010000"]);
}

#[test]
fn what_is_taken_back_under_a_cap_is_at_most_what_was_charged() {
    let plan = voice("0.10 per s", "") + "[[cap]]\nid = \"most\"\namount = \"5.00\"\n";
    let tariff = tariff(&plan);
    let mut bench = Bench::new(&tariff);
    let back = |seconds: i64| usage(Service::Voice, time("2026-10-02T12:00:00+02:00"), -seconds * 1000);
    assert_eq!(bench.amount(&call(100)), "5.000000");
    assert_eq!(bench.amount(&back(100)), "-5.000000");
    assert_eq!(bench.amount(&call(20)), "2.000000");
    assert_eq!(bench.amount(&call(40)), "3.000000");
    // 1.00 of 6.00 was not charged: it goes first.
    assert_eq!(bench.amount(&back(15)), "-0.500000");
    assert_eq!(bench.amount(&back(100)), "-4.500000");
}

#[test]
fn an_event_that_is_taken_back_is_rounded_as_it_was() {
    for (mode, amount) in [("floor", "0.1"), ("ceiling", "0.2")] {
        let head = format!("rounding = {{ event = {{ places = 1, mode = \"{mode}\" }} }}\n");
        let tariff = tariff(&(head + &voice("0.10 per 60 s", "")));
        let mut bench = Bench::new(&tariff);
        let back = usage(Service::Voice, time("2026-10-02T12:00:00+02:00"), -100_000);
        assert_eq!(bench.amount(&call(100)), amount);
        assert_eq!(bench.amount(&back), format!("-{amount}"));
    }
}

#[test]
fn what_is_rounded_over_a_day_walks_back() {
    let tariff = tariff(
        "[[rate]]\nid = \"web\"\napplies_to = { service = \"data\" }\nprice = \"1.00 per MB\"\n\
         increments = \"100 kB\"\nround_over = \"day\"\n",
    );
    let mut bench = Bench::new(&tariff);
    let moved = |octets| usage(Service::Data, time("2026-10-02T12:00:00+02:00"), octets);
    for (octets, amount) in [
        (150_000, "0.200000"),
        (-150_000, "-0.200000"),
        (50_000, "0.100000"),
        (60_000, "0.100000"),
        (-20_000, "-0.100000"),
        (20_000, "0.100000"),
    ] {
        assert_eq!(bench.amount(&moved(octets)), amount, "{octets}");
    }
}

#[test]
fn percentages_in_steps_walk_back() {
    let plan = "[[rate]]\nid = \"shop\"\napplies_to = { service = \"content\" }\n\
                tiers = { model = \"graduated_percentage\", steps = [ { up_to = \"3.00\", percent = \"10\" }, { percent = \"2\" } ] }\n";
    let tariff = tariff(plan);
    let bought = |quantity, amount: &str| {
        let mut record = usage(Service::Content, time("2026-10-02T12:00:00+02:00"), quantity);
        let euro = caudal_usage::Currency::parse("EUR").unwrap();
        record.charged = Some(caudal_usage::Money::new(amount.parse().unwrap(), euro));
        record
    };
    let mut bench = Bench::new(&tariff);
    for (quantity, amount, charged) in [
        (1, "4.00", "0.320000"),
        (-1, "4.00", "-0.320000"),
        (1, "4.00", "0.320000"),
        (1, "-4.00", "-0.320000"),
        (1, "1.00", "0.100000"),
    ] {
        assert_eq!(bench.amount(&bought(quantity, amount)), charged, "{quantity} of {amount}");
    }
}

#[test]
fn a_new_version_of_a_subscription_begins_no_discount_anew() {
    let discount = "[[discount]]\nid = \"d\"\namount = \"5.00\"\nlasts = \"once\"\ncarries = false\n";
    let tariff = tariff(&(voice("0.10 per s", "") + discount));
    let mut bench = Bench::new(&tariff);
    bench.since("2026-11-15T00:00:00+01:00");
    bench.joined_by(0, "2026-10-22T00:00:00+02:00", "2026-11-15T00:00:00+01:00");
    assert_eq!(bench.amount(&at("2026-10-25T12:00:00+01:00", 60)), "1.000000");
    assert_eq!(bench.amount(&at("2026-11-20T12:00:00+01:00", 60)), "6.000000");
}

#[test]
fn capacity_counts_towards_a_commitment() {
    let plan = voice("0.10 per s", "")
        + "[[capacity]]\nid = \"size\"\nmeters = { calls = { service = \"voice\" } }\nsteps = [ { price = \"10.00\" } ]\n\
           [[commitment]]\nid = \"least\"\namount = \"20.00\"\n";
    let tariff = tariff(&plan);
    let mut bench = Bench::new(&tariff);
    assert_eq!(bench.amount(&call(45)), "4.500000");
    assert_eq!(
        bench.close("2026-10-01"),
        "capacity size: flat_fee #1 1 = 10.000000 | 10.000000 & commitment least: minimum 1 = 5.500000 | 5.500000"
    );
}

#[test]
fn money_is_lent_from_the_next_refill_too() {
    let tariff = tariff(&with_allowance("", "amount = \"10.00\"\nover_use = \"3.00\""));
    let mut bench = Bench::new(&tariff);
    assert_eq!(
        bench.story(&at("2026-10-10T12:00:00+02:00", 1100)),
        "2026-10-01: usage calls 1100000 = 11.000000; a -11.000000 13.000000->2.000000 | 0.000000"
    );
    assert_eq!(bench.amount(&at("2026-10-11T12:00:00+02:00", 500)), "3.000000");
    assert_eq!(
        bench.story(&at("2026-11-10T12:00:00+01:00", 100)),
        "2026-11-01: usage calls 100000 = 1.000000; a -1.000000 10.000000->9.000000 | 0.000000"
    );
}

#[test]
fn a_new_version_of_a_subscription_keeps_what_was_left() {
    let tariff = tariff(&with_allowance("", "quantity = \"100 s\"\nrollover = { max = \"40 s\" }"));
    let mut bench = Bench::new(&tariff);
    bench.since("2026-10-15T00:00:00+02:00");
    bench.joined_by(0, "2026-09-01T00:00:00+02:00", "2026-10-15T00:00:00+02:00");
    assert_eq!(
        bench.story(&at("2026-10-20T12:00:00+02:00", 10)),
        "2026-10-01: a -10000 140000->130000 | 0.000000"
    );
}

#[test]
fn a_shared_commitment_counts_the_days_of_whoever_shares_it() {
    let plan = voice("0.10 per s", "")
        + "[[commitment]]\nid = \"least\"\namount = \"31.00\"\nshared = \"account\"\nprorated = true\n";
    let tariff = tariff(&plan);
    let mut bench = Bench::new(&tariff);
    bench.since("2026-10-22T00:00:00+02:00");
    bench.joined_by(1, "2026-10-05T00:00:00+02:00", "2026-10-11T00:00:00+02:00");
    // Ten days of the one and six of the other.
    assert_eq!(bench.close("2026-10-01"), "commitment least: minimum 1 = 16.000000 | 16.000000");
}

const POOL: &str = "quantity = \"31 s\"\nshared = \"account\"\npooled = true\n";

#[test]
fn a_pool_carries_and_lends_by_its_members() {
    let carried =
        tariff(&with_allowance("", &format!("{POOL}rollover = {{ min = \"2 s\", max = \"10 s\" }}")));
    let mut bench = Bench::new(&carried);
    bench.since("2026-10-01T00:00:00+02:00");
    bench.joined_by(1, "2026-10-20T00:00:00+02:00", "2026-12-01T00:00:00+01:00");
    // Two at the end of October and of November: of their 62 s, 20 go on. December has one share, of which 10 go on.
    let left = |bench: &mut Bench, start| bench.story(&at(start, 1));
    assert_eq!(left(&mut bench, "2026-10-10T12:00:00+02:00"), "2026-10-01: a -1000 31000->30000 | 0.000000");
    assert_eq!(left(&mut bench, "2026-11-10T12:00:00+01:00"), "2026-11-01: a -1000 82000->81000 | 0.000000");
    assert_eq!(left(&mut bench, "2026-12-10T12:00:00+01:00"), "2026-12-01: a -1000 51000->50000 | 0.000000");
    assert_eq!(left(&mut bench, "2027-01-10T12:00:00+01:00"), "2027-01-01: a -1000 41000->40000 | 0.000000");

    let lent = tariff(&with_allowance("", &format!("{POOL}over_use = \"10 s\"")));
    let mut bench = Bench::new(&lent);
    bench.joined_by(1, "2026-01-01T00:00:00+01:00", "2026-11-01T00:00:00+01:00");
    assert_eq!(bench.amount(&at("2026-10-10T12:00:00+02:00", 83)), "0.010000");
    // 20 s of the one share of November are gone.
    assert_eq!(bench.amount(&at("2026-11-10T12:00:00+01:00", 22)), "0.010000");
}

#[test]
fn each_member_of_a_pool_adds_by_its_days() {
    let tariff = tariff(&with_allowance("", &format!("{POOL}prorated = true")));
    let mut bench = Bench::new(&tariff);
    bench.since("2026-10-22T10:00:00+02:00");
    bench.joined_by(1, "2026-10-05T00:00:00+02:00", "2026-10-30T00:00:00+01:00");
    // 10 s for 10 days, and 25 s for 25.
    assert_eq!(
        bench.story(&at("2026-10-25T12:00:00+01:00", 1)),
        "2026-10-01: a -1000 35000->34000 | 0.000000"
    );
    assert_eq!(bench.amount(&at("2026-10-30T12:00:00+01:00", 10)), "0.010000");
}

#[test]
fn what_is_shared_counts_the_days_of_whoever_shares_it() {
    let body = |shared| with_allowance("", &format!("quantity = \"31 s\"\n{shared}\nprorated = true"));
    let shared = tariff(&body("shared = \"account\""));
    let mut bench = Bench::new(&shared);
    bench.since("2026-10-22T10:00:00+02:00");
    bench.joined_by(1, "2026-10-05T00:00:00+02:00", "2026-10-11T00:00:00+02:00");
    assert_eq!(
        bench.story(&at("2026-10-25T12:00:00+01:00", 1)),
        "2026-10-01: a -1000 16000->15000 | 0.000000"
    );
    // A new version of a subscription, of the same plan, is still the same subscription.
    let own = tariff(&body(""));
    let mut bench = Bench::new(&own);
    bench.since("2026-10-22T10:00:00+02:00");
    bench.joined_by(0, "2026-10-05T00:00:00+02:00", "2026-10-22T10:00:00+02:00");
    assert_eq!(
        bench.story(&at("2026-10-25T12:00:00+01:00", 1)),
        "2026-10-01: a -1000 27000->26000 | 0.000000"
    );
}

#[test]
fn shared_and_pooled_allowances() {
    let two = |shared: &str| {
        let tariff = tariff(&with_allowance("", &format!("quantity = \"60 s\"\n{shared}")));
        let mut bench = Bench::new(&tariff);
        let mut other = bench.subscription.clone();
        (other.id, other.index) = ("S-2".into(), 1);
        bench.roster.push(other.clone());
        let first = bench.amount(&call(50));
        bench.subscription = other;
        (first, bench.amount(&call(50)))
    };
    for (shared, second) in [
        ("shared = \"subscription\"", "0.000000"),
        ("shared = \"account\"", "0.400000"),
        ("shared = \"account\"\npooled = true", "0.000000"),
    ] {
        assert_eq!(two(shared), ("0.000000".into(), second.into()), "{shared}");
    }
}

#[test]
fn a_first_cycle_by_its_days() {
    let tariff = tariff(&with_allowance("", "quantity = \"31 s\"\nprorated = true"));
    let mut bench = Bench::new(&tariff);
    bench.since("2026-10-22T10:00:00+02:00");
    // From 22 to 31 October: 10 of 31 days.
    assert_eq!(
        bench.story(&at("2026-10-25T12:00:00+01:00", 11)),
        "2026-10-01: usage calls 1000 = 0.010000; a -10000 10000->0 | 0.010000"
    );
}

#[test]
fn the_order_of_allowances() {
    let allowances = "
        [[allowance]]
        id = \"month\"
        applies_to = { service = \"voice\" }
        quantity = \"30 s\"
        weight = 1
        [[allowance]]
        id = \"today\"
        applies_to = { service = \"voice\" }
        quantity = \"30 s\"
        refill = \"day\"
        weight = 2";
    // What expires first is used first, whatever its place in the file.
    tells(
        &(voice("0.01 per s", "") + allowances),
        40,
        "today -30000 30000->0; month -10000 30000->20000 | 0.000000",
    );
    let by_weight = format!("consume = \"weight\"\n{}", voice("0.01 per s", "") + allowances);
    tells(&by_weight, 40, "today -30000 30000->0; month -10000 30000->20000 | 0.000000");
    let light = by_weight.replace("weight = 2", "weight = 0");
    tells(&light, 40, "month -30000 30000->0; today -10000 30000->20000 | 0.000000");
}

#[test]
fn allowances_of_some_bands_only() {
    let plan = voice("0.10 per s", PEAK)
        + "[[allowance]]\nid = \"night\"\napplies_to = { service = \"voice\", band = \"off\" }\nquantity = \"1 h\"\n";
    let tariff = tariff(&plan);
    assert_eq!(
        Bench::new(&tariff).story(&at("2026-10-02T17:59:30+02:00", 60)),
        "2026-10-01: usage calls peak 30000 = 3.000000; night -30000 3600000->3570000 | 3.000000"
    );
}

#[test]
fn thresholds_notify_once() {
    let tariff = tariff(&with_allowance("", "quantity = \"100 s\"\nthresholds = [50, 80, 100]"));
    let mut bench = Bench::new(&tariff);
    for (seconds, notes) in
        [(49, ""), (1, "allowance a 50 %"), (10, ""), (60, "allowance a 80 %; allowance a 100 %"), (10, "")]
    {
        assert_eq!(bench.notes(&call(seconds)), notes, "{seconds}");
    }
}

#[test]
fn a_threshold_told_of_is_not_told_of_again_in_its_period() {
    // Taken back and passed once more.
    let limit = "[[cap]]\nid = \"limit\"\namount = \"5.00\"\nper = \"cycle\"\nthen = \"notify\"\nthresholds = [80, 100]\n";
    let limited = tariff(&(voice("0.10 per s", "") + limit));
    let mut bench = Bench::new(&limited);
    let mut back = call(1);
    back.parts[0].quantity = -30_000;
    assert_eq!(bench.notes(&call(45)), "cap limit 80 %");
    assert_eq!(bench.notes(&back), "");
    assert_eq!(bench.notes(&call(30)), "");
    assert_eq!(bench.notes(&call(10)), "cap limit 100 %");
    assert_eq!(bench.notes(&at("2026-11-02T12:00:00+01:00", 45)), "cap limit 80 %");

    // A pool that has grown, and one that has shrunk.
    let pooled = tariff(&with_allowance("", &format!("{POOL}thresholds = [50, 100]")));
    let mut bench = Bench::new(&pooled);
    bench.joined_by(1, "2026-10-20T00:00:00+02:00", "2026-11-20T00:00:00+01:00");
    for (start, seconds, notes) in [
        ("2026-10-10T12:00:00+02:00", 31, "allowance a 50 %; allowance a 100 %"),
        ("2026-10-21T12:00:00+02:00", 31, ""),
        ("2026-11-10T12:00:00+01:00", 20, ""),
        ("2026-11-21T12:00:00+01:00", 1, "allowance a 50 %"),
    ] {
        assert_eq!(bench.notes(&at(start, seconds)), notes, "{start}");
    }
}

#[test]
fn a_purchase_tells_anew_of_what_lies_ahead() {
    let plans = [
        (with_allowance("", "quantity = \"100 s\"\nthresholds = [50, 80, 100]"), false),
        (with_allowance("", "quantity = \"100 s\"\nrefill = \"top_up\"\nthresholds = [50, 80, 100]"), true),
        (
            voice("0.01 per s", "")
                + "[[allowance]]\nid = \"a\"\napplies_to = { service = \"voice\" }\namount = \"1.00\"\nthresholds = [50, 80, 100]\n",
            false,
        ),
    ];
    for (plan, only_bought) in plans {
        let tariff = tariff(&plan);
        let mut bench = Bench::new(&tariff);
        let unit = tariff.plans()[0].versions[0].allowances[0].unit;
        let quantity = if unit.is_some() { "100000" } else { "1.00" };
        let told = |bench: &mut Bench, seconds| bench.notes(&call(seconds));
        if only_bought {
            assert!(buy(&mut bench, (8, quantity), unit, false));
        }
        assert_eq!(told(&mut bench, 85), "allowance a 50 %; allowance a 80 %", "{plan}");
        // The same purchase twice is one.
        for _ in 0..2 {
            assert!(buy(&mut bench, (9, quantity), unit, false));
            assert_eq!(told(&mut bench, 5), "", "{plan}");
        }
        assert_eq!(told(&mut bench, 66), "allowance a 50 %; allowance a 80 %", "{plan}");
        assert!(buy(&mut bench, (9, quantity), unit, false));
        assert_eq!(told(&mut bench, 1), "", "{plan}");
        assert_eq!(told(&mut bench, 40), "allowance a 100 %", "{plan}");
    }
}

/// A purchase of a bench's subscription, or its voiding.
fn buy(bench: &mut Bench<'_>, (identity, quantity): (u128, &str), unit: Option<Unit>, voids: bool) -> bool {
    let (subscription, account, roster) =
        (bench.subscription.clone(), bench.account.clone(), bench.roster.clone());
    let order = TopUp {
        identity: Identity(identity),
        at_ms: time("2026-10-01T12:00:00+02:00").utc_ms,
        account: &account,
        subscription: &subscription,
        roster: &roster,
        allowance: "a",
        quantity: Some((quantity.parse().unwrap(), unit)),
        until_ms: None,
    };
    if voids {
        return bench.rater.void(&order, &mut bench.balances).unwrap();
    }
    bench.rater.top_up(&order, &mut bench.balances).is_ok()
}

#[test]
fn prepaid_money_with_a_floor() {
    let prepaid = |floor: &str| {
        voice("0.10 per s", "")
            + &format!(
                "[[allowance]]\nid = \"a\"\napplies_to = {{ service = \"voice\" }}\namount = \"1.00\"\nrefill = \"top_up\"\n{floor}\n"
            )
    };
    for (floor, stories) in [
        (
            "",
            [
                "usage calls 20000 = 2.000000; a -2.000000 2.500000->0.500000 | 0.000000",
                "usage calls 20000 = 2.000000; a -0.500000 0.500000->0.000000 | 1.500000",
            ],
        ),
        (
            "floor = \"-1.00\"",
            [
                "usage calls 20000 = 2.000000; a -2.000000 2.500000->0.500000 | 0.000000",
                "usage calls 20000 = 2.000000; a -1.500000 0.500000->-1.000000 | 0.500000",
            ],
        ),
    ] {
        let tariff = tariff(&prepaid(floor));
        let mut bench = Bench::new(&tariff);
        buy(&mut bench, (5, "2.50"), None, false);
        buy(&mut bench, (5, "2.50"), None, false);
        for story in stories {
            assert_eq!(bench.story(&call(20)), format!("2026-10-01: {story}"), "{floor}");
        }
    }
}

#[test]
fn purchases_expire_and_are_voided() {
    let tariff =
        tariff(&with_allowance("", "quantity = \"60 s\"\nrefill = \"top_up\"\nexpires = \"10 days\""));
    let mut bench = Bench::new(&tariff);
    assert_eq!(bench.amount(&call(10)), "0.100000");
    buy(&mut bench, (5, "30000"), Some(Unit::Millisecond), false);
    assert_eq!(bench.amount(&call(10)), "0.000000");
    assert_eq!(bench.amount(&at("2026-10-11T11:59:00+02:00", 10)), "0.000000");
    assert_eq!(bench.amount(&at("2026-10-11T12:00:00+02:00", 10)), "0.100000");
    buy(&mut bench, (6, "30000"), Some(Unit::Millisecond), false);
    assert!(buy(&mut bench, (6, "0"), None, true));
    assert!(!buy(&mut bench, (6, "0"), None, true));
}

#[test]
fn caps_of_rates_and_of_plans() {
    let capped = voice("0.10 per s", "cap = { amount = \"5.00\", per = \"cycle\" }");
    let tariff1 = tariff(&capped);
    let mut bench = Bench::new(&tariff1);
    assert_eq!(bench.amount(&call(40)), "4.000000");
    assert_eq!(
        bench.story(&call(40)),
        "2026-10-01: usage calls 40000 = 4.000000; cap calls 1 = -3.000000 | 1.000000"
    );
    assert_eq!(bench.amount(&call(40)), "0.000000");
    assert_eq!(bench.amount(&at("2026-11-02T12:00:00+01:00", 40)), "4.000000");
    let notify = voice("0.10 per s", "")
        + "[[cap]]\nid = \"limit\"\namount = \"5.00\"\nper = \"day\"\nthen = \"notify\"\n";
    let tariff2 = tariff(&notify);
    let mut bench = Bench::new(&tariff2);
    assert_eq!(bench.notes(&call(40)), "");
    assert_eq!(bench.notes(&call(40)), "cap limit 100 %");
    assert_eq!(bench.amount(&call(40)), "4.000000");
}

#[test]
fn a_commitment_is_made_up_to() {
    let plan = voice("0.10 per s", "") + "[[commitment]]\nid = \"least\"\namount = \"10.00\"\n";
    for (seconds, close) in [(40, "commitment least: minimum 1 = 6.000000 | 6.000000"), (120, "")] {
        let tariff = tariff(&plan);
        let mut bench = Bench::new(&tariff);
        bench.amount(&call(seconds));
        assert_eq!(bench.close("2026-10-01"), close);
    }
}

#[test]
fn discounts_one_after_the_other() {
    let discounts = |text: &str| voice("0.10 per s", "connection_fee = \"1.00\"") + text;
    for (text, seconds, story) in [
        ("[[discount]]\nid = \"ten\"\npercent = \"10\"\n", 40, "ten -0.500000 | 4.500000"),
        ("[[discount]]\nid = \"ten\"\npercent = \"10\"\nscope = \"calls\"\n", 40, "ten -0.500000 | 4.500000"),
        // The second works on what the first left.
        (
            "[[discount]]\nid = \"two\"\npercent = \"50\"\npriority = 2\n[[discount]]\nid = \"one\"\namount = \"1.00\"\npriority = 1\n",
            40,
            "one -1.000000; two -2.000000 | 2.000000",
        ),
        ("[[discount]]\nid = \"price\"\nprice = \"0.05 per s\"\n", 40, "price -2.000000 | 3.000000"),
        ("[[discount]]\nid = \"free\"\nfree = \"30 s\"\n", 40, "free -3.000000 | 2.000000"),
        ("[[discount]]\nid = \"all\"\namount = \"9.00\"\n", 40, "all -5.000000 | 0.000000"),
        ("[[discount]]\nid = \"other\"\npercent = \"10\"\naccount = \"A-2\"\n", 40, "| 5.000000"),
        // The account's own comes instead of the general one.
        (
            "[[discount]]\nid = \"all\"\npercent = \"10\"\n[[discount]]\nid = \"own\"\npercent = \"20\"\naccount = \"A-1\"\n",
            40,
            "own -1.000000 | 4.000000",
        ),
    ] {
        let tail = if story.starts_with('|') { format!(" {story}") } else { format!("; {story}") };
        tells(
            &discounts(text),
            seconds,
            &format!("usage calls 40000 = 4.000000; connection_fee calls 1 = 1.000000{tail}"),
        );
    }
}

#[test]
fn fixed_discounts_carry_their_rest() {
    for (carries, november) in [("true", "11.000000"), ("false", "15.000000")] {
        let tariff = tariff(
            &(voice("0.50 per s", "")
                + &format!("[[discount]]\nid = \"gift\"\namount = \"5.00\"\ncarries = {carries}\n")),
        );
        let mut bench = Bench::new(&tariff);
        // 1.00 in October leaves 4.00: in November 9.00 stand ready, or 5.00.
        assert_eq!(bench.amount(&call(2)), "0.000000");
        assert_eq!(bench.amount(&at("2026-11-02T12:00:00+01:00", 40)), november);
    }
}

#[test]
fn discounts_with_a_condition() {
    let tariff = tariff(
        &(voice("0.10 per s", "")
            + "[[discount]]\nid = \"much\"\npercent = \"50\"\nwhen = { spend = \"5.00\" }\n\
           [[discount]]\nid = \"old\"\npercent = \"10\"\nwhen = { tenure_months = 24 }\n\
           [[discount]]\nid = \"start\"\npercent = \"20\"\nlasts = \"2 cycles\"\n"),
    );
    let mut bench = Bench::new(&tariff);
    bench.since("2026-09-15T00:00:00+02:00");
    // Of another plan before.
    bench.joined_by(0, "2024-10-02T00:00:00+02:00", "2026-09-15T00:00:00+02:00");
    bench.roster[1].plan = 7;
    // Two years and a day: 10 %, then 20 % in the second cycle.
    assert_eq!(bench.amount(&call(40)), "2.880000");
    assert_eq!(bench.amount(&call(40)), "2.880000");
    // 8.00 were charged before discounts: half, 10 % and 20 %.
    assert_eq!(bench.amount(&call(40)), "1.440000");
    // The third cycle: no start bonus, and the spend begins anew.
    assert_eq!(bench.amount(&at("2026-11-02T12:00:00+01:00", 40)), "3.600000");
}

#[test]
fn coupons_hold_once_redeemed() {
    let tariff = tariff(
        &(voice("0.10 per s", "")
            + "[[discount]]\nid = \"summer\"\npercent = \"50\"\ncode = \"SUMMER\"\nlasts = \"once\"\nredemptions = { per_customer = 1, total = 2 }\n"),
    );
    let mut totals = std::collections::HashMap::new();
    for (customer, redeemed) in [("A-1", true), ("A-2", true), ("A-3", false)] {
        let mut bench = Bench::new(&tariff);
        bench.account.id = customer.into();
        assert_eq!(bench.amount(&call(40)), "4.000000");
        let (subscription, account, roster) =
            (bench.subscription.clone(), bench.account.clone(), bench.roster.clone());
        let redeem = Redeem {
            at_ms: call(1).start.utc_ms,
            account: &account,
            subscription: &subscription,
            roster: &roster,
            code: "SUMMER",
        };
        let mut one =
            |bench: &mut Bench<'_>| bench.rater.redeem(&redeem, &mut bench.balances, &mut totals).is_ok();
        assert_eq!((one(&mut bench), one(&mut bench)), (redeemed, false), "{customer}");
        assert_eq!(bench.amount(&call(40)), if redeemed { "2.000000" } else { "4.000000" });
        assert_eq!(bench.amount(&at("2026-11-02T12:00:00+01:00", 40)), "4.000000");
    }
}

#[test]
fn each_redemption_grants_its_amount() {
    for carries in [true, false] {
        let discount = "[[discount]]\nid = \"d\"\namount = \"5.00\"\ncode = \"FIVE\"\nlasts = \"once\"\n";
        let tariff = tariff(&format!("{}{discount}carries = {carries}\n", voice("0.10 per s", "")));
        let mut bench = Bench::new(&tariff);
        let redeem = |bench: &mut Bench<'_>, start: &str| {
            let (subscription, account) = (bench.subscription.clone(), bench.account.clone());
            let (roster, at_ms) = (bench.roster.clone(), time(start).utc_ms);
            let redeem = Redeem {
                at_ms,
                account: &account,
                subscription: &subscription,
                roster: &roster,
                code: "FIVE",
            };
            bench.rater.redeem(&redeem, &mut bench.balances, &mut Default::default()).unwrap();
        };
        redeem(&mut bench, "2026-11-01T12:00:00+01:00");
        assert_eq!(bench.amount(&at("2026-11-02T12:00:00+01:00", 60)), "1.000000");
        redeem(&mut bench, "2026-12-01T12:00:00+01:00");
        assert_eq!(bench.amount(&at("2026-12-02T12:00:00+01:00", 60)), "1.000000");
        // Twice in one cycle is two amounts.
        redeem(&mut bench, "2027-01-01T12:00:00+01:00");
        redeem(&mut bench, "2027-01-01T13:00:00+01:00");
        assert_eq!(bench.amount(&at("2027-01-02T12:00:00+01:00", 110)), "1.000000");
    }
}

fn content(amount: &str, currency: &str) -> UsageRecord {
    let mut record = usage(Service::Content, time("2026-10-02T12:00:00Z"), 1);
    record.charged = Some(Money::new(amount.parse().unwrap(), Currency::parse(currency).unwrap()));
    record
}

fn amounts(price: &str) -> String {
    format!("[[rate]]\nid = \"shop\"\napplies_to = {{ service = \"content\" }}\n{price}\n")
}

#[test]
fn amounts_rated_elsewhere() {
    for (price, currency, story) in [
        ("pass_through = {}", "EUR", "pass_through shop 1 = 2.000000 | 2.000000"),
        (
            "pass_through = { markup_percent = \"10\", markup = \"0.05\" }",
            "EUR",
            "pass_through shop 1 = 2.000000; markup shop 1 = 0.200000; fixed shop 1 = 0.050000 | 2.250000",
        ),
        ("pass_through = {}", "USD", "pass_through shop 1 = 1.820000 | 1.820000"),
        (
            "percentage = { percent = \"2.5\", fixed = \"0.10\" }",
            "EUR",
            "percentage shop 1 = 0.050000; fixed shop 1 = 0.100000 | 0.150000",
        ),
        (
            "percentage = { percent = \"2.5\", minimum = \"0.20\" }",
            "EUR",
            "percentage shop 1 = 0.050000; minimum shop 1 = 0.150000 | 0.200000",
        ),
        (
            "percentage = { percent = \"50\", maximum = \"0.30\" }",
            "EUR",
            "percentage shop 1 = 1.000000; maximum shop 1 = -0.700000 | 0.300000",
        ),
        (
            "tiers = { model = \"graduated_percentage\", steps = [ { up_to = \"1.50\", percent = \"10\" }, { percent = \"2\" } ] }",
            "EUR",
            "percentage shop #1 1 = 0.150000; percentage shop #2 1 = 0.010000 | 0.160000",
        ),
    ] {
        let tariff = tariff(&amounts(price));
        assert_eq!(
            Bench::new(&tariff).story(&content("2.00", currency)),
            format!("2026-10-01: {story}"),
            "{price}"
        );
    }
    let tariff = tariff(&amounts("pass_through = {}"));
    let mut bench = Bench::new(&tariff);
    assert_eq!(bench.fault(&content("2.00", "GBP")).0, Code::NoRate);
    assert_eq!(bench.fault(&usage(Service::Content, time("2026-10-02T12:00:00Z"), 1)).0, Code::NoRate);
}

#[test]
fn free_events_or_a_free_amount_whichever_ends_first() {
    for (free, expected) in [
        ("free_events = 2", ["0.000000", "0.000000", "0.300000"]),
        ("free_amount = \"3.00\"", ["0.000000", "0.200000", "0.300000"]),
        ("free_events = 1, free_amount = \"3.00\"", ["0.000000", "0.300000", "0.300000"]),
    ] {
        let tariff =
            tariff(&amounts(&format!("percentage = {{ percent = \"10\", fixed = \"0.10\", {free} }}")));
        let mut bench = Bench::new(&tariff);
        for amount in expected {
            assert_eq!(bench.amount(&content("2.00", "EUR")), amount, "{free}");
        }
    }
}

#[test]
fn usage_that_is_taken_back_is_its_mirror_image() {
    let tariff = tariff(&with_allowance("increments = \"60\"", "quantity = \"60 s\""));
    let mut bench = Bench::new(&tariff);
    let mut back = call(1);
    back.parts[0].quantity = -61_000;
    assert_eq!(bench.story(&back), "2026-10-01: usage calls -120000 = -1.200000 | -1.200000");
    assert_eq!(bench.story(&call(10)), "2026-10-01: a -60000 60000->0 | 0.000000");
}

#[test]
fn an_allowance_a_discount_a_cap_and_a_minimum_together() {
    let plan = voice(
        "0.10 per 1 s",
        "increments = \"60/60\"\nconnection_fee = \"0.50\"\nminimum_charge = \"7.00\"\ncap = { amount = \"6.00\", per = \"cycle\" }",
    ) + "[[allowance]]\nid = \"a\"\napplies_to = { service = \"voice\" }\nquantity = \"100 s\"\n\
           [[discount]]\nid = \"ten\"\npercent = \"10\"\n";
    // 130 s are 180 s; 60 s are covered; 120 s cost 12.00, the fee 0.50; 10 % are 1.25; 11.25 are capped at 6.00.
    tells(
        &plan,
        130,
        "usage calls 120000 = 12.000000; connection_fee calls 1 = 0.500000; cap calls 1 = -5.250000; a -60000 100000->40000; ten -1.250000 | 6.000000",
    );
    // 60 s more are covered? 60 s of 100: only the first; here the fee alone is due, and made up to 7.00.
    tells(
        &plan,
        30,
        "connection_fee calls 1 = 0.500000; minimum calls 1 = 6.500000; cap calls 1 = -0.300000; a -60000 100000->40000; ten -0.700000 | 6.000000",
    );
}

#[test]
fn rewards_need_a_word() {
    let tariff = tariff(&voice("-0.01 per s", "allow_negative = true"));
    assert_eq!(Bench::new(&tariff).amount(&call(10)), "-0.100000");
}
