//! Rating alone, on one thread and in memory: usage of the quickstart by its plans, a plan with everything at once, and
//! the prefix table beside a plain one.
//! Relies on the plans that ship; balances go on over all usages, so allowances end and tiers are reached.
//! Never counts a usage that is not rated.

#[path = "../../crates/rating/tests/support/mod.rs"]
mod support;

use anyhow::{Context, ensure};
use caudal_rating::{AccountBalances, Events, Rater, RatingInput};
use caudal_tariff::{SourceFile, Sources, Tariff, compile};
use caudal_usage::{Digits, Run, Service, Timestamp, UsageRecord};
use std::collections::HashMap;
use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
use support::{account, file, number, subscription, usage};

/// 2026-09-21 17:00 UTC in milliseconds: the first usage.
const FROM_MS: i64 = 1_790_010_000_000;

/// Events of one pass over one usage of each kind.
const EVENTS: u64 = 1_000_000;

/// Least events a second on the quickstart's plans.
const QUICKSTART_FLOOR: f64 = 3e6;

/// Least events a second with bands, allowance, tiers and discount at once.
const ALL_FLOOR: f64 = 1.2e6;

/// Most seconds for a table of a million prefixes.
const BUILD_CEILING_S: f64 = 2.0;

/// Bands, an allowance, tiers, a discount, a cap and a commitment. Tiers have no bands, so each usage is a call and the
/// message that goes with it.
const ALL: &str = r#"
[[rate]]
id = "calls"
applies_to = { service = "voice" }
price = "0.10 per 60 s"
increments = "30/6"
connection_fee = "0.15"
bands = [
  { name = "day", days = "mon-fri", hours = "08:00-20:00" },
  { name = "other", price = "0.05 per 60 s" },
]

[[rate]]
id = "web"
applies_to = { service = "data" }
increments = "100 kB"
tiers = { model = "graduated", over = "cycle", steps = [
  { up_to = "1 GB", price = "0.01 per 1 MB" },
  { price = "0.005 per 1 MB" },
] }

[[allowance]]
id = "minutes"
quantity = "300 min"
applies_to = { service = "voice" }

[[allowance]]
id = "data"
quantity = "1 GB"
applies_to = { service = "data" }

[[discount]]
id = "loyal"
percent = "10"
"#;

/// Records of a case, a millisecond apart: an epoch holds many.
const RECORDS: usize = 1_000;

/// Usage of one kind, with who is served.
struct Case {
    records: Vec<UsageRecord>,
    plan: u32,
}

/// The report, medians of `runs`.
pub fn measure(runs: u32) -> anyhow::Result<String> {
    let mut out = String::from("rating, one core\n");
    let tariff = quickstart()?;
    let cases = [
        ("movil-20", "34915550199", Service::Voice, 7_000),
        ("movil-20", "33155500199", Service::Voice, 92_000),
        ("centralita", "34600550199", Service::Voice, 61_000),
        ("movil-20", "34600550199", Service::Sms, 1),
        ("movil-20", "34600550199", Service::Data, 70_000),
    ];
    let cases: anyhow::Result<Vec<Case>> = cases.into_iter().map(|case| of(&tariff, case)).collect();
    rate(&mut out, ("quickstart plans", QUICKSTART_FLOOR), (&tariff, &cases?), runs)?;
    let tariff = support::tariff(ALL);
    let cases = [("p", "34915550199", Service::Voice, 92_000), ("p", "34915550199", Service::Data, 170_000)];
    let cases: anyhow::Result<Vec<Case>> = cases.into_iter().map(|case| of(&tariff, case)).collect();
    rate(&mut out, ("bands, allowance, tiers and discount", ALL_FLOOR), (&tariff, &cases?), runs)?;
    prefixes(&mut out, runs)?;
    Ok(out)
}

fn of(
    tariff: &Tariff,
    (plan, called, service, quantity): (&str, &str, Service, i64),
) -> anyhow::Result<Case> {
    let records = (0i64..).take(RECORDS).map(|at| {
        let mut record = usage(service, Timestamp::utc(FROM_MS + at), quantity);
        record.called = number(called);
        record
    });
    Ok(Case {
        records: records.collect(),
        plan: tariff.plan(plan).with_context(|| format!("no plan {plan}"))?,
    })
}

/// Rates each case in turn, with balances that go on.
fn rate(
    out: &mut String,
    (name, floor): (&str, f64),
    (tariff, cases): (&Tariff, &[Case]),
    runs: u32,
) -> anyhow::Result<()> {
    let account = account("Europe/Madrid", 1);
    let mut rates = Vec::new();
    for _ in 0..runs {
        let mut rater = Rater::new(tariff);
        let (mut events, started) = (0u64, Instant::now());
        for case in cases {
            let subscription = subscription(case.plan);
            let (roster, mut balances) = (vec![subscription.clone()], AccountBalances::default());
            let mut made = Events::new();
            for at in 0..EVENTS / cases.len() as u64 {
                let input = RatingInput {
                    usage: &case.records[at as usize % RECORDS],
                    run: Run::Retail,
                    account: &account,
                    subscription: &subscription,
                    roster: &roster,
                };
                let rated = rater.rate_into(&input, &mut balances, &mut made);
                rated.map_err(|fault| anyhow::anyhow!("{fault}"))?;
                events += black_box(&made).len() as u64;
            }
        }
        rates.push(events as f64 / started.elapsed().as_secs_f64());
    }
    let median = median(&mut rates);
    let mark = if median < floor { "  BELOW" } else { "" };
    writeln!(out, "  {name:<40} {median:>12.0} events/s  (floor {floor:.0}){mark}")?;
    Ok(())
}

/// Builds a table of a million prefixes, and asks one of 100,000 beside a table that hashes by length.
fn prefixes(out: &mut String, runs: u32) -> anyhow::Result<()> {
    let mut built = Vec::new();
    for _ in 0..runs {
        let started = Instant::now();
        black_box(table(1_000_000)?);
        built.push(started.elapsed().as_secs_f64());
    }
    let seconds = median(&mut built);
    let mark = if seconds > BUILD_CEILING_S { "  ABOVE" } else { "" };
    writeln!(out, "  build of 1,000,000 prefixes {seconds:>27.2} s  (ceiling {BUILD_CEILING_S} s){mark}")?;
    let (tariff, plain) = (table(100_000)?, Plain::of(100_000));
    let numbers: Vec<Digits> = (0..1_000_000u64)
        .map(|at| (1_000_000 + at * 7_919 % 9_000_000) * 10_000)
        .filter_map(|number| Digits::parse(number.to_string().as_bytes()))
        .collect();
    let (mut trie, mut hashed) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let pass = |find: &dyn Fn(Digits) -> bool| {
            let started = Instant::now();
            let found = numbers.iter().filter(|number| find(**number)).count();
            (started.elapsed().as_secs_f64() * 1e9 / numbers.len() as f64, found)
        };
        let (one, found) = pass(&|number| tariff.zone(number, 20_000).is_some());
        let (other, as_found) = pass(&|number| plain.find(number).is_some());
        ensure!(found == as_found, "the trie found {found}, the plain table {as_found}");
        trie.push(one);
        hashed.push(other);
    }
    let (trie, hashed) = (median(&mut trie), median(&mut hashed));
    let mark = if trie > hashed { "  SLOWER" } else { "" };
    writeln!(out, "  look-up among 100,000 {trie:>33.0} ns  (by length and hash {hashed:.0} ns){mark}")?;
    Ok(())
}

/// The prefixes of a table of so many.
fn listed(count: u64) -> impl Iterator<Item = (u64, u64)> {
    (0..count).map(move |at| (1_000_000 + at * 9_000_000 / count, at % 3000))
}

fn table(count: u64) -> anyhow::Result<Tariff> {
    let mut zones = String::from("prefix,zone,valid_from,valid_to\n");
    listed(count).for_each(|(prefix, zone)| zones.push_str(&format!("{prefix},z{zone},,\n")));
    let sources = Sources { zones: Some(file("zones.csv", &zones)), ..Sources::default() };
    compile(&sources).0.context("the table of prefixes has findings")
}

/// One hash table for each length, asked from the longest down.
struct Plain(Vec<HashMap<u64, u64>>);

impl Plain {
    fn of(count: u64) -> Self {
        let mut tables = vec![HashMap::new(); 16];
        for (prefix, zone) in listed(count) {
            let length = prefix.to_string().len();
            tables[length].insert(prefix, zone);
        }
        Self(tables)
    }

    fn find(&self, number: Digits) -> Option<u64> {
        let mut digits = 0u64;
        let mut heads = [0u64; 16];
        for at in 0..number.len() {
            digits = digits * 10 + u64::from(number.digit(at));
            heads[at + 1] = digits;
        }
        (1..=number.len()).rev().find_map(|length| self.0[length].get(&heads[length]).copied())
    }
}

fn quickstart() -> anyhow::Result<Tariff> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pipelines/quickstart");
    let one = |path: &str| -> anyhow::Result<SourceFile> {
        Ok(SourceFile { bytes: std::fs::read(root.join(path))?, path: path.into() })
    };
    let sources = Sources {
        plans: vec![
            one("plans/movil-20.toml")?,
            one("plans/base-mobile.toml")?,
            one("plans/centralita.toml")?,
        ],
        tables: vec![one("rates/international.csv")?, one("rates/pbx-international.csv")?],
        zones: Some(one("zones.csv")?),
        holidays: Some(one("holidays.csv")?),
        ..Sources::default()
    };
    compile(&sources).0.context("the quickstart's plans have findings")
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
