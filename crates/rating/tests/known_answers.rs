//! The answers worked by hand, through real plans and the whole order of evaluation.
//! Relies on nothing but the text of a plan and a usage.
//! Never computes an expected value.

mod support;

use caudal_usage::{Code, Direction, Part, Party, Service};
use support::{Bench, HEAD, account, call, number, tariff, tariff_of, time, usage};

fn voice(price: &str, increments: &str, more: &str) -> String {
    format!(
        "[[rate]]\nid = \"calls\"\napplies_to = {{ service = \"voice\" }}\nprice = \"{price}\"\n\
         increments = \"{increments}\"\n{more}\n"
    )
}

#[test]
fn thirty_six_and_sixty_one() {
    let table = [
        (
            "30/6",
            "0.60 per 60 s",
            &[
                (0, "0.000000"),
                (1, "0.300000"),
                (29, "0.300000"),
                (30, "0.300000"),
                (31, "0.360000"),
                (57, "0.600000"),
                (61, "0.660000"),
                (75, "0.780000"),
            ][..],
        ),
        ("60/1", "0.60 per 60 s", &[(1, "0.600000"), (60, "0.600000"), (61, "0.610000"), (90, "0.900000")]),
        ("60/60", "0.60 per min", &[(1, "0.600000"), (60, "0.600000"), (61, "1.200000")]),
        ("1", "0.01 per s", &[(1, "0.010000"), (130, "1.300000")]),
    ];
    for (increments, price, answers) in table {
        let tariff = tariff(&voice(price, increments, ""));
        for (seconds, amount) in answers {
            assert_eq!(Bench::new(&tariff).amount(&call(*seconds)), *amount, "{increments} {seconds} s");
        }
    }
}

const PEAK: &str = "bands = [ { name = \"peak\", hours = \"08:00-18:00\" },\
                    { name = \"off\", price = \"0.05 per 1 s\" } ]";

#[test]
fn a_call_over_the_end_of_peak() {
    for (increments, seconds, story) in [
        ("1", 60, "usage calls peak 30000 = 3.000000; usage calls off 30000 = 1.500000 | 4.500000"),
        ("60", 60, "usage calls peak 60000 = 6.000000 | 6.000000"),
        ("60/1", 90, "usage calls peak 60000 = 6.000000; usage calls off 30000 = 1.500000 | 7.500000"),
        ("20/20", 60, "usage calls peak 40000 = 4.000000; usage calls off 20000 = 1.000000 | 5.000000"),
        ("30/6", 31, "usage calls peak 30000 = 3.000000; usage calls off 6000 = 0.300000 | 3.300000"),
    ] {
        let tariff = tariff(&voice("0.10 per 1 s", increments, PEAK));
        let usage = usage(Service::Voice, time("2026-10-02T17:59:30+02:00"), seconds * 1000);
        assert_eq!(Bench::new(&tariff).story(&usage), format!("2026-10-01: {story}"), "{increments}");
    }
}

#[test]
fn days_of_23_and_25_hours() {
    let bands =
        "bands = [ { name = \"night\", hours = \"00:00-06:00\" }, { name = \"day\", price = \"2 per h\" } ]";
    let tariff = tariff(&voice("1 per h", "1", bands));
    // 00:00 to 07:00 on the wall: 6, 5 and 7 hours of night, one of day.
    for (start, hours, amount) in [
        ("2026-03-28T00:00:00+01:00", 7, "8.000000"),
        ("2026-03-29T00:00:00+01:00", 6, "7.000000"),
        ("2026-10-25T00:00:00+02:00", 8, "9.000000"),
    ] {
        let usage = usage(Service::Voice, time(start), hours * 3_600_000);
        assert_eq!(Bench::new(&tariff).amount(&usage), amount, "{start}");
    }
}

#[test]
fn holidays_are_off_peak() {
    let bands = "bands = [ { name = \"work\", days = \"mon-fri\" },\
                 { name = \"rest\", days = \"sat,sun,holiday\", price = \"0 per s\" } ]";
    let tariff = tariff(&voice("1 per s", "1", bands));
    for (start, amount) in [
        ("2026-10-09T12:00:00+02:00", "1.000000"),
        ("2026-10-10T12:00:00+02:00", "0.000000"),
        ("2026-10-12T12:00:00+02:00", "0.000000"),
        ("2026-10-13T12:00:00+02:00", "1.000000"),
    ] {
        assert_eq!(Bench::new(&tariff).amount(&usage(Service::Voice, time(start), 1000)), amount, "{start}");
    }
}

#[test]
fn graduated_tiers_over_the_cycle() {
    let tariff = tariff(
        "[[rate]]\nid = \"texts\"\napplies_to = { service = \"sms\" }\ntiers = { model = \"graduated\", \
         over = \"cycle\", steps = [ { up_to = \"100 events\", price = \"1.00 per event\" }, \
         { price = \"0.50 per event\" } ] }\n",
    );
    let mut bench = Bench::new(&tariff);
    let sms = |day: &str, count| usage(Service::Sms, time(&format!("{day}T12:00:00Z")), count);
    assert_eq!(
        bench.story(&sms("2026-10-02", 150)),
        "2026-10-01: tier texts #1 100 = 100.000000; tier texts #2 50 = 25.000000 | 125.000000"
    );
    assert_eq!(bench.amount(&sms("2026-10-03", 1)), "0.500000");
    assert_eq!(bench.used("p/tier/texts", "2026-10-01"), "151");
    assert_eq!(bench.amount(&sms("2026-11-02", 100)), "100.000000");
    assert_eq!(bench.amount(&sms("2026-11-02", 1)), "0.500000");
}

#[test]
fn an_allowance_covers_first() {
    let allowance = |quantity: &str| {
        format!(
            "[[allowance]]\nid = \"a\"\nquantity = \"{quantity}\"\napplies_to = {{ service = \"voice\" }}\n"
        )
    };
    for (increments, quantity, seconds, story) in [
        ("1/1", "100 s", 130, "usage calls 30000 = 0.300000; a -100000 100000->0 | 0.300000"),
        ("1/1", "100 s", 100, "a -100000 100000->0 | 0.000000"),
        // 30 + 11 × 6 = 96; an allowance never gives part of a portion.
        ("30/6", "100 s", 130, "usage calls 36000 = 0.360000; a -96000 100000->4000 | 0.360000"),
        ("60/60", "30 s", 10, "usage calls 60000 = 0.600000 | 0.600000"),
    ] {
        let tariff = tariff(&(voice("0.01 per s", increments, "") + &allowance(quantity)));
        assert_eq!(Bench::new(&tariff).story(&call(seconds)), format!("2026-10-01: {story}"), "{increments}");
    }
}

#[test]
fn allowances_go_by_priority_and_the_next_goes_on() {
    let tariff = tariff(
        &(voice("0.01 per s", "1", "connection_fee = \"0.15\"")
            + "
        [[allowance]]
        id = \"later\"
        quantity = \"50 s\"
        applies_to = { service = \"voice\" }
        [[allowance]]
        id = \"first\"
        quantity = \"20 s\"
        applies_to = { service = \"voice\" }
        priority = 1"),
    );
    let mut bench = Bench::new(&tariff);
    let fee = "connection_fee calls 1 = 0.150000";
    assert_eq!(
        bench.story(&call(40)),
        format!("2026-10-01: {fee}; first -20000 20000->0; later -20000 50000->30000 | 0.150000")
    );
    assert_eq!(
        bench.story(&call(40)),
        format!("2026-10-01: usage calls 10000 = 0.100000; {fee}; later -30000 30000->0 | 0.250000")
    );
    assert_eq!(bench.story(&call(0)), "2026-10-01:  | 0.000000");
}

const RATES: &str = "zone,band,price,per,first,next,connection_fee,valid_from,valid_to
fr,day,0.60,60 s,30 s,6 s,0.15,2026-01-01,
fr,other,0.40,60 s,30 s,6 s,0.10,2026-01-01,
uk,,0.30,60,60,1,,2026-01-01,2026-07-01
uk,,0.36,60,60,1,,2026-07-01,
";

#[test]
fn tables_by_longest_prefix_band_and_day() {
    let plan = format!(
        "{HEAD}[[rate]]\nid = \"abroad\"\napplies_to = {{ service = \"voice\", direction = \"out\" }}\n\
        table = \"rates/abroad.csv\"\n\
        bands = [ {{ name = \"day\", days = \"mon-fri\", hours = \"08:00-20:00\" }}, {{ name = \"other\" }} ]\n"
    );
    let tariff = tariff_of(&[("plans/p.toml", &plan), ("rates/abroad.csv", RATES)]);
    let to = |called: &str, start: &str, seconds: i64| {
        let mut usage = usage(Service::Voice, time(start), seconds * 1000);
        usage.called = number(called);
        Bench::new(&tariff).story(&usage)
    };
    assert_eq!(
        to("33155500199", "2026-10-02T19:59:30+02:00", 92),
        "2026-10-01: usage rates/abroad.csv:2 day 30000 = 0.300000; usage rates/abroad.csv:3 other 66000 = \
         0.440000; connection_fee rates/abroad.csv:2 day 1 = 0.150000 | 0.890000"
    );
    assert!(
        to("442079460000", "2026-06-30T23:59:00+02:00", 60)
            .ends_with("rates/abroad.csv:4 other 60000 = 0.300000 | 0.300000")
    );
    assert!(
        to("442079460000", "2026-07-01T00:00:00+02:00", 60)
            .ends_with("rates/abroad.csv:5 other 60000 = 0.360000 | 0.360000")
    );
    // The longest prefix is fr-mobile, which has no row; fr's price is not a stand-in.
    assert_eq!(
        to("33655500199", "2026-10-02T12:00:00+02:00", 60),
        "rate: no_rate in zone, found \"voice out, zone fr-mobile\""
    );
    assert_eq!(
        to("99955500199", "2026-10-02T12:00:00+02:00", 60),
        "rate: no_rate in zone, found \"voice out, no zone for 99955…\""
    );
    assert_eq!(
        to("442079460000", "2025-12-31T12:00:00+01:00", 60),
        "rate: no_rate in zone, found \"voice out, zone uk\""
    );
}

#[test]
fn data_by_rating_group_one_event_for_each_cycle() {
    let tariff = tariff(
        "[[rate]]\nid = \"web\"\napplies_to = { service = \"data\" }\nprice = \"0.01 per 1 MB\"\n\
         increments = \"100 kB\"\n\
         [[rate]]\nid = \"chat\"\napplies_to = { service = \"data\", rating_group = [32, 33] }\n\
         price = \"0 per 1 MB\"\n\
         [[allowance]]\nid = \"bundle\"\nquantity = \"1 MB\"\napplies_to = { service = \"data\", rating_group = 10 }\n",
    );
    let mut record = usage(Service::Data, time("2026-10-31T23:00:00+01:00"), 0);
    let part = |start: &str, quantity, group| Part {
        start: time(start),
        end: time(start).plus_ms(60_000),
        quantity,
        rating_group: Some(group),
    };
    record.parts = [
        part("2026-10-31T23:00:00+01:00", 1_550_000, 10),
        part("2026-10-31T23:30:00+01:00", 5_000, 32),
        part("2026-11-01T00:10:00+01:00", 1, 10),
        part("2026-11-01T00:20:00+01:00", 250_001, 11),
    ]
    .into_iter()
    .collect();
    record.end = time("2026-11-01T00:21:00+01:00");
    let mut bench = Bench::new(&tariff);
    assert_eq!(
        bench.story(&record),
        "2026-10-01: usage web 600000 = 0.006000; usage chat 5000 = 0.000000; bundle -1000000 1000000->0 | \
         0.006000 & 2026-11-01: usage web 300000 = 0.003000; bundle -100000 1000000->900000 | 0.003000"
    );
    let mut bench = Bench::new(&tariff);
    let events = bench.rate(&record).unwrap();
    assert_ne!(events[0].id, events[1].id);
    assert_eq!((events[0].raw_quantity, events[0].billed_quantity), (1_555_000, 1_605_000));
    assert_eq!(events[0].start, record.start);
    assert_eq!(events[0].end, time("2026-10-31T23:31:00+01:00"));
    assert_eq!(events[1].end, record.end);
}

#[test]
fn each_part_lies_in_the_band_of_its_own_start() {
    let tariff = tariff(
        "[[rate]]\nid = \"web\"\napplies_to = { service = \"data\", rating_group = [10, 20] }\n\
         price = \"1 per 1 MB\"\nincrements = \"1 kB\"\n\
         bands = [ { name = \"peak\", hours = \"08:00-18:00\" }, { name = \"off\", price = \"0.10 per 1 MB\" } ]\n\
         [[rate]]\nid = \"chat\"\napplies_to = { service = \"data\", rating_group = 30 }\nprice = \"0.50 per 1 MB\"\n",
    );
    let part = |start: &str, quantity, group| Part {
        start: time(start),
        end: time(start).plus_ms(600_000),
        quantity,
        rating_group: Some(group),
    };
    let mut record = usage(Service::Data, time("2026-10-02T17:50:00+02:00"), 0);
    record.parts = [
        part("2026-10-02T17:50:00+02:00", 2_000_000, 10),
        part("2026-10-02T18:00:00+02:00", 3_000_000, 10),
        part("2026-10-02T17:55:00+02:00", 1_000_000, 20),
        part("2026-10-02T17:50:00+02:00", 4_000_000, 30),
    ]
    .into_iter()
    .collect();
    record.end = time("2026-10-02T18:10:00+02:00");
    let mut bench = Bench::new(&tariff);
    assert_eq!(
        bench.story(&record),
        "2026-10-01: usage web peak 2000000 = 2.000000; usage web off 3000000 = 0.300000; \
         usage web peak 1000000 = 1.000000; usage chat 4000000 = 2.000000 | 5.300000"
    );
    let mut bench = Bench::new(&tariff);
    let events = bench.rate(&record).unwrap();
    let groups: Vec<_> = events[0].lines.iter().map(|line| line.rating_group).collect();
    assert_eq!((events.len(), groups), (1, [10, 10, 20, 30].map(Some).to_vec()));
    assert_eq!((events[0].raw_quantity, events[0].end), (10_000_000, record.end));
}

#[test]
fn a_part_without_a_rate_suspends_the_whole() {
    let tariff = tariff(
        "[[rate]]\nid = \"web\"\napplies_to = { service = \"data\", rating_group = 10 }\nprice = \"1 per MB\"\n\
         [[allowance]]\nid = \"bundle\"\nquantity = \"1 MB\"\napplies_to = { service = \"data\" }\n",
    );
    let mut record = usage(Service::Data, time("2026-10-02T12:00:00Z"), 1000);
    record.parts[0].rating_group = Some(10);
    let mut bench = Bench::new(&tariff);
    assert_eq!(bench.amount(&record), "0.000000");
    let mut other = record.parts[0];
    other.rating_group = Some(11);
    record.parts.push(other);
    assert_eq!(bench.fault(&record), (Code::NoRate, "rating_group: data, rating group 11".into()));
    assert_eq!(bench.used("p/allowance/bundle", "2026-10-01"), "1000");
}

#[test]
fn the_base_plan_prices_what_the_plan_does_not() {
    let plan = format!("{HEAD}base = \"base\"\n")
        + &voice("0.10 per 60 s", "60", "")
            .replace("service = \"voice\"", "service = \"voice\", zone = \"es\"");
    let base = HEAD.replace("\"p\"", "\"base\"")
        + &voice("0.90 per 60 s", "60", "")
        + "[[rate]]\nid = \"texts\"\napplies_to = { service = \"sms\" }\nprice = \"0.08 per event\"\n";
    let tariff = tariff_of(&[("plans/p.toml", &plan), ("plans/base.toml", &base)]);
    let mut bench = Bench::new(&tariff);
    assert_eq!(bench.amount(&call(1)), "0.100000");
    let mut abroad = call(1);
    abroad.called = number("33155500199");
    assert_eq!(bench.amount(&abroad), "0.900000");
    assert_eq!(bench.amount(&usage(Service::Sms, time("2026-10-02T12:00:00Z"), 1)), "0.080000");
    let events = bench.rate(&abroad).unwrap();
    assert_eq!(events[0].plan, "p");
    assert_ne!(events[0].plan_version, events[0].lines[0].version);
}

#[test]
fn the_far_party_of_an_incoming_call_is_the_caller() {
    let tariff = tariff(
        "[[rate]]\nid = \"in\"\napplies_to = { service = \"voice\", direction = \"in\", zone = \"fr\" }\n\
         price = \"0.02 per min\"\n",
    );
    let mut record = call(60);
    record.direction = Direction::In;
    record.calling = number("33155500199");
    assert_eq!(Bench::new(&tariff).amount(&record), "0.020000");
    record.calling = Party::Other("anonymous".into());
    let found = "zone: voice in, no zone: the far party is no number";
    assert_eq!(Bench::new(&tariff).fault(&record), (Code::NoRate, found.into()));
}

#[test]
fn versions_of_a_plan_share_their_counters() {
    let version = |from: &str, to: &str, price: &str| {
        let to = if to.is_empty() { String::new() } else { format!("valid_to = {to}\n") };
        let head = HEAD.replace("2000-01-01", from);
        format!("{head}{to}{}", voice(price, "1", ""))
            + "[[allowance]]\nid = \"a\"\nquantity = \"10 s\"\napplies_to = { service = \"voice\" }\n"
    };
    let (old, new) = (version("2026-01-01", "2026-10-02", "1 per s"), version("2026-10-02", "", "2 per s"));
    let tariff = tariff_of(&[("plans/a.toml", &old), ("plans/b.toml", &new)]);
    let mut bench = Bench::new(&tariff);
    let at = |day: &str| usage(Service::Voice, time(&format!("{day}T12:00:00+02:00")), 6000);
    assert_eq!(bench.amount(&at("2026-10-01")), "0.000000");
    assert_eq!(bench.amount(&at("2026-10-02")), "4.000000");
    let found = "plan: no version of p on 2025-10-02";
    assert_eq!(bench.fault(&at("2025-10-02")), (Code::NoRate, found.into()));
}

#[test]
fn rounding_points_of_the_plan() {
    let plan = "rounding = { line = { places = 3, mode = \"up\" }, event = { places = 2 } }\n".to_owned()
        + &voice("0.0101 per s", "1", "connection_fee = \"0.1\"");
    let tariff = tariff(&plan);
    assert_eq!(
        Bench::new(&tariff).story(&call(1)),
        "2026-10-01: usage calls 1000 = 0.011; connection_fee calls 1 = 0.100 | 0.11"
    );
}

#[test]
fn what_does_not_fit_is_a_fault() {
    let body = voice("79228162514264337593543950335 per s", "1", "");
    let tariff = tariff(
        &(body + "[[allowance]]\nid = \"a\"\nquantity = \"1 s\"\napplies_to = { service = \"voice\" }\n"),
    );
    let mut bench = Bench::new(&tariff);
    assert_eq!(bench.fault(&call(3600)).0, Code::Overflow);
    let mut endless = call(1);
    endless.parts[0].quantity = i64::MAX;
    assert_eq!(bench.fault(&endless).0, Code::Overflow);
    for at in [i64::MIN, -1, i64::MAX] {
        let mut lost = call(1);
        lost.start.utc_ms = at;
        assert_eq!(bench.fault(&lost), (Code::Overflow, format!("start: {at}")));
    }
    let mut passed = call(1);
    let euro = caudal_usage::Currency::parse("EUR").unwrap();
    passed.charged = Some(caudal_usage::Money::new("1.20".parse().unwrap(), euro));
    let found = "charged: EUR 1.20: rate calls is of no amount";
    assert_eq!(bench.fault(&passed), (Code::NoRate, found.into()));
    let (mut dollars, usage) = (Bench::on(&tariff, "p", account("UTC", 1)), call(1));
    dollars.account.currency = caudal_usage::Currency::parse("USD").unwrap();
    assert_eq!(dollars.fault(&usage), (Code::NoRate, "currency: account in USD, plan in EUR".into()));
}

#[test]
fn a_call_of_centuries_ends_as_a_fault_and_not_as_a_loop() {
    let tariff = tariff(&voice("0.10 per 1 s", "1", PEAK));
    let mut endless = call(1);
    endless.parts[0].quantity = 90_000_000_000_000_000;
    assert_eq!(Bench::new(&tariff).fault(&endless).0, Code::Overflow);
}

#[test]
fn the_more_specific_rate_wins_and_priority_decides_the_rest() {
    let rate = |id: &str, conditions: &str, price: u8, more: &str| {
        format!(
            "[[rate]]\nid = \"{id}\"\napplies_to = {{ service = \"voice\"{conditions} }}\nprice = \"{price} per s\"\n{more}\n"
        )
    };
    let tariff = tariff(
        &[
            rate("any", "", 9, ""),
            rate("fr-es", ", zone = [\"fr\", \"es\"]", 3, ""),
            rate("es", ", zone = \"es\"", 1, ""),
            rate("out", ", direction = \"out\"", 5, "priority = 200"),
        ]
        .concat(),
    );
    assert_eq!(Bench::new(&tariff).amount(&call(1)), "1.000000");
    let mut abroad = call(1);
    abroad.called = number("33155500199");
    assert_eq!(Bench::new(&tariff).amount(&abroad), "3.000000");
    abroad.called = number("442079460000");
    assert_eq!(Bench::new(&tariff).amount(&abroad), "9.000000");
}
