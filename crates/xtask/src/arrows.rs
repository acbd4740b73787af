//! Turns what cargo knows of the crates into arrows and checks that each goes down the house.
//! Relies on `cargo tree` for the arrows, and on the table below being the house.
//! Never looks at dev-dependencies: a test may stand on anything.

use crate::Outcome;
use crate::repo::Repo;
use anyhow::{Context, Result, bail};

/// A crate's place in the house.
struct Place {
    name: &'static str,
    /// What it is called in print: `L1`, or `dev` for what serves development.
    level: &'static str,
    /// Arrows go from a higher floor to a lower one.
    floor: u8,
    purpose: &'static str,
}

const fn place(name: &'static str, level: &'static str, floor: u8, purpose: &'static str) -> Place {
    Place { name, level, floor, purpose }
}

/// The house, from the ground up.
const HOUSE: &[Place] = &[
    place("usage", "L0", 0, "the words of the field"),
    place("cdr", "L1", 1, "bytes to raw usage, one room per format"),
    place("mediation", "L1", 1, "normalise, validate, dedup, filter, assemble, guide"),
    place("tariff", "L1", 1, "price plans read, linted and compiled"),
    place("rating", "L1", 1, "usage, tariff and balances to charges"),
    place("wire", "L1", 1, "every stored or sent form"),
    place("engine", "L2", 2, "the stages in order, state, routing"),
    place("store", "L3", 3, "the local log, snapshots, dedup runs"),
    place("connect", "L3", 3, "sources and sinks"),
    place("runtime", "L4", 4, "epochs on threads, the three steps of the commit"),
    place("load", "dev", 4, "generators behind `caudal generate`, benches and tests"),
    place("caudal", "L5", 5, "the binary"),
    place("broker", "dev", 5, "a real Kafka for tests and for `cargo xtask kafka`"),
    place("benches", "dev", 6, "the benchmark"),
    place("xtask", "dev", 6, "the project's own chores"),
];

/// The only arrow between two crates of one floor: prices are computed from compiled plans.
const LEVEL_ARROWS: &[(&str, &str)] = &[("rating", "tariff")];

/// A crate and the crates of the house it is built on.
struct Arrows<'a> {
    from: &'a str,
    to: Vec<&'a str>,
}

/// Prints the crates by level with their arrows, then what is wrong with them.
pub fn print(repo: &Repo) -> Result<Outcome> {
    let tree = tree(repo)?;
    let arrows = read(&tree);
    let mut level = "";
    for place in HOUSE.iter().rev() {
        if place.level != level {
            println!("{}", place.level);
            level = place.level;
        }
        println!("  {:<10} {}", place.name, place.purpose);
        let own = arrows.iter().find(|own| own.from == place.name && !own.to.is_empty());
        if let Some(own) = own {
            println!("  {:<10}   → {}", "", own.to.join(", "));
        }
    }
    let wrong = wrong_in(&arrows);
    wrong.iter().for_each(|wrong| println!("{wrong}"));
    Ok(if wrong.is_empty() { Outcome::Good } else { Outcome::Bad })
}

/// Every arrow that does not go down, every crate without a place, every place without a crate.
pub fn check(repo: &Repo) -> Vec<String> {
    match tree(repo) {
        Ok(tree) => wrong_in(&read(&tree)),
        Err(error) => vec![format!("{error:#}")],
    }
}

/// Each crate of the workspace as a line `0NAME …`, what it is built on below it as lines `1NAME …`.
fn tree(repo: &Repo) -> Result<String> {
    const TREE: &[&str] = &[
        "tree",
        "--workspace",
        "--all-features",
        "--edges",
        "normal,build",
        "--depth",
        "1",
        "--prefix",
        "depth",
    ];
    let output = repo.cargo(TREE).output().context("cannot start `cargo tree`")?;
    if !output.status.success() {
        bail!("`cargo tree` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn read(tree: &str) -> Vec<Arrows<'_>> {
    let mut all: Vec<Arrows> = Vec::new();
    for line in tree.lines() {
        let package = line.split(' ').next().unwrap_or_default();
        if let Some(from) = package.strip_prefix('0') {
            all.push(Arrows { from: from.strip_prefix("caudal-").unwrap_or(from), to: Vec::new() });
        } else if let (Some(to), Some(last)) = (package.strip_prefix('1').and_then(own_crate), all.last_mut())
        {
            last.to.push(to);
        }
    }
    all
}

/// The name without the prefix, if the package is one of the project's own.
fn own_crate(package: &str) -> Option<&str> {
    match package {
        "caudal" | "xtask" => Some(package),
        _ => package.strip_prefix("caudal-"),
    }
}

fn wrong_in(all: &[Arrows]) -> Vec<String> {
    let mut wrong = Vec::new();
    for arrows in all {
        match find(arrows.from) {
            Some(from) => wrong.extend(arrows.to.iter().filter_map(|to| wrong_arrow(from, to))),
            None => wrong.push(format!("`{}` has no place in the house", arrows.from)),
        }
    }
    let empty = HOUSE.iter().filter(|place| !all.iter().any(|arrows| arrows.from == place.name));
    wrong.extend(empty.map(|place| format!("`{}` has a place in the house, and is not there", place.name)));
    wrong
}

fn wrong_arrow(from: &Place, to: &str) -> Option<String> {
    let Some(to) = find(to) else {
        return Some(format!("{} → {to} leads out of the house", from.name));
    };
    let is_right = from.floor > to.floor || LEVEL_ARROWS.contains(&(from.name, to.name));
    let said = || format!("{} ({}) → {} ({}) does not go down", from.name, from.level, to.name, to.level);
    (!is_right).then(said)
}

fn find(name: &str) -> Option<&'static Place> {
    HOUSE.iter().find(|place| place.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One arrow; `expect` is the complaint, or empty.
    fn check(from: &str, to: &str, expect: &str) {
        let tree = format!("0caudal-{from} v0.1.0 (/src)\n1anyhow v1.0.0\n1caudal-{to} v0.1.0 (/src)\n");
        let arrows = read(&tree);
        assert_eq!(arrows.len(), 1, "{tree}");
        let wrong = wrong_in(&arrows).into_iter().filter(|wrong| wrong.contains('→'));
        assert_eq!(wrong.collect::<String>(), expect, "{from} → {to}");
    }

    #[test]
    fn arrows_go_down_only() {
        check("engine", "rating", "");
        check("rating", "tariff", "");
        check("tariff", "rating", "tariff (L1) → rating (L1) does not go down");
        check("usage", "engine", "usage (L0) → engine (L2) does not go down");
        check("store", "connect", "store (L3) → connect (L3) does not go down");
        check("runtime", "load", "runtime (L4) → load (dev) does not go down");
        check("cdr", "extra", "cdr → extra leads out of the house");
    }

    #[test]
    fn crates_without_prefix_are_read_too() {
        let tree =
            "0xtask v0.1.0 (/src)\n1caudal v0.1.0 (/src)\n\n0caudal v0.1.0 (/src)\n1caudal-load v0.1.0\n";
        let arrows: Vec<_> = read(tree).into_iter().map(|arrows| (arrows.from, arrows.to)).collect();
        assert_eq!(arrows, [("xtask", vec!["caudal"]), ("caudal", vec!["load"])]);
    }

    #[test]
    fn every_crate_has_a_place_and_every_place_a_crate() {
        let wrong = wrong_in(&read("0caudal-extra v0.1.0 (/src)\n"));
        assert_eq!(wrong.len(), 1 + HOUSE.len());
        assert_eq!(wrong[0], "`extra` has no place in the house");
    }
}
