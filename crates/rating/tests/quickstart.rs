//! The quickstart pipeline's own plans: they compile without a finding, and price as their text says.
//! Relies on the files as they are shipped.
//! Never repeats the arithmetic tests: those stand in `known_answers.rs`.
#![allow(clippy::unwrap_used, reason = "what tests share fails as they do")]

mod support;

use caudal_tariff::{SourceFile, Sources, Tariff, compile};
use caudal_usage::{Direction, Service};
use support::{Bench, account, number, time, usage};

fn quickstart() -> Tariff {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/quickstart");
    let one = |path: String| SourceFile { bytes: std::fs::read(root.join(&path)).unwrap(), path };
    let all = |folder: &str, end: &str| -> Vec<SourceFile> {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(end)).map(|name| one(format!("{folder}/{name}"))).collect()
    };
    let sources = Sources {
        plans: all("plans", ".toml"),
        tables: all("rates", ".csv"),
        zones: Some(one("zones.csv".into())),
        holidays: Some(one("holidays.csv".into())),
        ..Sources::default()
    };
    let (tariff, findings) = compile(&sources);
    assert!(findings.is_empty(), "{}", findings.iter().map(|f| format!("{f}\n")).collect::<String>());
    tariff.unwrap()
}

#[test]
fn calls_price_as_the_plans_say() {
    let tariff = quickstart();
    // plan, called, start, seconds, story behind the cycle
    let table = [
        (
            "movil-20",
            "34915550199",
            "2026-10-02T19:59:30+02:00",
            92,
            "minutes -96000 18000000->17904000 | 0.150000",
        ),
        (
            "movil-20",
            "33155500199",
            "2026-10-02T19:59:30+02:00",
            92,
            "connection_fee rates/international.csv:2 day 1 = 0.150000 | 0.890000",
        ),
        ("movil-20", "34803550199", "2026-10-02T12:00:00+02:00", 61, "| 2.700000"),
        ("movil-20", "34900550199", "2026-10-02T12:00:00+02:00", 61, "| 0.000000"),
        ("movil-prepago", "34600550199", "2026-06-30T12:00:00+02:00", 61, "| 0.291500"),
        ("movil-prepago", "34600550199", "2026-07-01T12:00:00+02:00", 61, "| 0.271167"),
        (
            "centralita",
            "34915550199",
            "2026-10-02T12:00:00+02:00",
            61,
            "fixed-minutes -61000 60000000->59939000 | 0.030000",
        ),
        (
            "centralita",
            "34600550199",
            "2026-10-12T12:00:00+02:00",
            60,
            "usage mobile closed 60000 = 0.030000; connection_fee mobile closed 1 = 0.050000 | 0.080000",
        ),
        ("centralita", "12125550199", "2026-10-12T12:00:00+02:00", 30, "= 0.050000 | 0.057500"),
        (
            "centralita",
            "99925550199",
            "2026-10-12T12:00:00+02:00",
            30,
            "no_rate in zone, found \"voice out, no zone for 99925…\"",
        ),
    ];
    for (plan, called, start, seconds, end) in table {
        let mut call = usage(Service::Voice, time(start), seconds * 1000);
        call.called = number(called);
        let story = Bench::on(&tariff, plan, account("Europe/Madrid", 1)).story(&call);
        assert!(story.ends_with(end), "{plan} {called}: {story}");
    }
}

#[test]
fn messages_and_data() {
    let tariff = quickstart();
    let mut bench = Bench::on(&tariff, "movil-20", account("Europe/Madrid", 1));
    let mut sms = usage(Service::Sms, time("2026-10-02T12:00:00+02:00"), 1);
    assert_eq!(bench.amount(&sms), "0.080000");
    sms.called = number("33655500199");
    assert_eq!(bench.amount(&sms), "0.250000");
    sms.direction = Direction::In;
    assert_eq!(bench.amount(&sms), "0.000000");
    let data = usage(Service::Data, time("2026-10-02T12:00:00+02:00"), 20_500_000_001);
    assert_eq!(
        bench.story(&data),
        "2026-10-01: tier data-out-of-bundle #1 500100000 = 5.001000; data -20000000000 20000000000->0 | 5.001000"
    );
    let mut late = data.clone();
    late.parts[0].quantity = 1_000_000_000;
    assert_eq!(
        bench.story(&late),
        "2026-10-01: tier data-out-of-bundle #1 499900000 = 4.999000; tier data-out-of-bundle #2 500100000 = \
         2.500500 | 7.499500"
    );
}

#[test]
fn the_explained_plan_is_the_shipped_one() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (manual, plan) = (text("docs/plan-explained.md"), text("pipelines/quickstart/plans/movil-20.toml"));
    let blocks: Vec<_> =
        manual.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.join("\n"), plan);
}
