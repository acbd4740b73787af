//! How long one rating takes, printed for a person: `cargo run --release -p caudal-rating --example speed`.
//! Relies on a quiet machine; nothing is asserted about time.
//! Never part of a test.
#![allow(clippy::unwrap_used, reason = "a program for developers, on files of this repository")]

#[path = "../tests/support/mod.rs"]
mod support;

use caudal_rating::{AccountBalances, Rater, RatingInput};
use caudal_tariff::{SourceFile, Sources, compile};
use caudal_usage::{Run, Service, Timestamp};
use std::time::Instant;
use support::{account, file, number, subscription, usage};

fn report(name: &str, count: u32, started: Instant) {
    println!("{name}: {} ns each", started.elapsed().as_nanos() / u128::from(count));
}

fn time_of_one_rating() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/quickstart");
    let one = |path: &str| SourceFile { bytes: std::fs::read(root.join(path)).unwrap(), path: path.into() };
    let sources = Sources {
        plans: vec![one("plans/movil-20.toml"), one("plans/base-mobile.toml"), one("plans/centralita.toml")],
        tables: vec![one("rates/international.csv"), one("rates/pbx-international.csv")],
        zones: Some(one("zones.csv")),
        holidays: Some(one("holidays.csv")),
        ..Sources::default()
    };
    let tariff = compile(&sources).0.unwrap();
    for (name, plan, called, service, quantity) in [
        ("voice, covered", "movil-20", "34915550199", Service::Voice, 7_000),
        ("voice, by table", "movil-20", "33155500199", Service::Voice, 92_000),
        ("voice, 1/1", "centralita", "34600550199", Service::Voice, 61_000),
        ("sms", "movil-20", "34600550199", Service::Sms, 1),
        ("data, covered", "movil-20", "34600550199", Service::Data, 7_000),
    ] {
        let (account, subscription) = (account("Europe/Madrid", 1), subscription(tariff.plan(plan).unwrap()));
        let roster = vec![subscription.clone()];
        let (mut rater, mut balances) = (Rater::new(&tariff), AccountBalances::default());
        let mut record = usage(service, Timestamp::utc(1_790_000_000_000), quantity);
        record.called = number(called);
        let (count, started, mut lines) = (1_000_000, Instant::now(), 0);
        for at in 0..count {
            record.start.utc_ms = 1_790_000_000_000 + i64::from(at % 3_600_000);
            record.parts[0].start = record.start;
            let input = RatingInput {
                usage: &record,
                run: Run::Retail,
                account: &account,
                subscription: &subscription,
                roster: &roster,
            };
            lines += rater.rate(&input, &mut balances).unwrap()[0].lines.len();
        }
        report(&format!("{name} ({lines} lines)"), count, started);
    }
}

fn main() {
    time_of_one_rating();
    prefixes(100_000);
    prefixes(1_000_000);
}

/// Builds and asks a table of so many prefixes.
fn prefixes(count: u64) {
    let mut zones = String::from("prefix,zone,valid_from,valid_to\n");
    for at in 0..count {
        zones.push_str(&format!("{},z{},,\n", 1_000_000 + at * 9_000_000 / count, at % 3000));
    }
    let sources = Sources { zones: Some(file("zones.csv", &zones)), ..Sources::default() };
    let started = Instant::now();
    let (tariff, findings) = compile(&sources);
    assert!(findings.is_empty());
    report(&format!("build of {count} prefixes"), 1, started);
    let tariff = tariff.unwrap();
    let numbers: Vec<_> = (0..1_000_000u64)
        .map(|at| ((1_000_000 + at * 7_919 % 9_000_000) * 10_000).to_string())
        .map(|text| caudal_usage::Digits::parse(text.as_bytes()).unwrap())
        .collect();
    let (started, mut found) = (Instant::now(), 0);
    for number in &numbers {
        found += u32::from(tariff.zone(*number, 20_000).is_some());
    }
    report(&format!("look-ups in {count} prefixes ({found} found)"), 1_000_000, started);
}
