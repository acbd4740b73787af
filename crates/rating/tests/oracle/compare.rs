//! Many cases: coverage of pairs of options, and each case through both raters.
//! Relies on seeds, so that a case that differs can be made again.
//! Never stops at a difference without making it smaller.

use super::calendar;
use super::case::{Case, case};
use super::coverage::Coverage;
use super::engine;
use super::options::options;
use super::rater::Rater;
use super::shrink::shrink;
use super::told;
use chrono::NaiveDate;
use std::collections::BTreeSet;

/// The cycles that usage of a case lies in, and the one after.
pub fn cycles(case: &Case) -> Vec<NaiveDate> {
    let (wall, anchor) = (case.payer.wall(), case.payer.anchor);
    let starts =
        case.uses.iter().flat_map(|used| used.parts.iter().map(|part| part.start_ms).chain([used.start_ms]));
    let found: BTreeSet<NaiveDate> = starts.map(|start| calendar::cycle(wall, anchor, start)).collect();
    let after = found.last().map(|last| calendar::next_cycle(*last, anchor));
    found.into_iter().chain(after).collect()
}

pub fn lives_in(case: &Case, member: usize, cycle: NaiveDate) -> bool {
    Rater::new(&case.plan, &case.payer, case.grain).lives_in(member, cycle)
}

/// How the two differ; `None` where they agree.
fn difference(case: &Case) -> Option<String> {
    let tariff = match engine::tariff(case) {
        Ok(tariff) => tariff,
        Err(findings) => return Some(format!("the plan is refused:\n{findings}")),
    };
    let (expected, found) = (told::told(case), engine::told(case, &tariff));
    let first = expected.iter().zip(&found).position(|(one, other)| one != other)?;
    Some(format!(
        "number {first}\n  expected:\n    {}\n  found:\n    {}",
        expected[first].join("\n    & "),
        found[first].join("\n    & ")
    ))
}

/// What is wrong with a refused plan, without its place; nothing where it is only priced differently.
fn refusal(difference: &str) -> Option<&str> {
    difference.split_once(": error: ").map(|(_, message)| message.lines().next().unwrap_or(""))
}

/// The smallest case that differs in the same way, as text.
fn story(case: &Case, found: &str) -> String {
    let refused = refusal(found);
    let differs = |case: &Case| {
        let caught = std::panic::catch_unwind(|| difference(case));
        caught.is_ok_and(|difference| difference.is_some_and(|text| refusal(&text) == refused))
    };
    // A copy with a known fault need not say how small its case can be.
    let faulty = std::env::var_os("CAUDAL_FAULTY").is_some();
    let small = if faulty { case.clone() } else { shrink(case, differs) };
    let uses: Vec<String> = small.uses.iter().map(|used| format!("{used:?}")).collect();
    format!(
        "seed {}\n{}{}{}\n{:?} grain {}\n{}\n{}",
        case.seed,
        small.plan.to_toml(),
        small.plan.base_toml().unwrap_or_default(),
        small.plan.table_csv().unwrap_or_default(),
        small.payer,
        small.grain,
        uses.join("\n"),
        difference(&small).unwrap_or_default()
    )
}

/// The case of a seed. Every other one is made for a pair of options that met too seldom.
fn next(seed: u64, seldom: &[(String, String, u32)]) -> Case {
    let plain = case(seed, &[]);
    let Some((one, other, _)) = seldom.get(seed as usize % seldom.len().max(1)).filter(|_| seed % 2 == 1)
    else {
        return plain;
    };
    let wishes = [one.clone(), other.clone()];
    let tries = (0..12).map(|attempt| case(seed + (attempt << 40), &wishes));
    let has = |found: &Case| {
        let options = options(&found.plan);
        wishes.iter().all(|wish| options.contains(wish))
    };
    tries.into_iter().find(has).unwrap_or(plain)
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Cases without `--long`; a pair of options must be met 200 times in 100,000.
const NORMAL: u64 = 5_000;
const LONG: u64 = 100_000;
const PAIRS_IN_LONG: u64 = 200;

/// Differences that are shown before giving up.
const SHOWN: u64 = 3;

#[test]
fn both_raters_charge_the_same() {
    let long = std::env::var_os("CAUDAL_LONG").is_some();
    let count = setting("CAUDAL_ORACLE_CASES", if long { LONG } else { NORMAL });
    let first = setting("CAUDAL_ORACLE_FIRST", 1);
    let least = (PAIRS_IN_LONG * count / LONG) as u32;
    let (mut coverage, mut seldom, mut stories) = (Coverage::default(), Vec::new(), Vec::new());
    for seed in first..first + count {
        if seed % 64 == 0 {
            seldom = coverage.seldom(least + least / 4);
        }
        let case = next(seed, &seldom);
        coverage.add(&options(&case.plan));
        if let Some(found) = difference(&case) {
            stories.push(story(&case, &found));
            if stories.len() as u64 == setting("CAUDAL_ORACLE_SHOWN", SHOWN) {
                break;
            }
        }
    }
    assert!(stories.is_empty(), "{}", stories.join("\n\n=====\n\n"));
    let seldom = coverage.seldom(least);
    let told: Vec<String> =
        seldom.iter().take(20).map(|(one, other, seen)| format!("{seen} {one} {other}")).collect();
    assert!(seldom.is_empty(), "{} pairs met less than {least} times:\n{}", seldom.len(), told.join("\n"));
    println!("cases: {count}");
}
