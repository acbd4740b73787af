//! Turns the manifests of the crates into arrows and checks that each goes down the house.
//! Relies on the folder of a crate being its name, and on the table below being the house.
//! Never looks at dev-dependencies: a test may stand on anything.

use crate::Outcome;
use crate::repo::{Repo, TextFile};
use anyhow::Result;
use std::collections::BTreeSet;
use toml::{Table, Value};

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
    place("benches", "dev", 6, "the benchmark"),
    place("xtask", "dev", 6, "the project's own chores"),
];

/// The only arrow between two crates of one floor: prices are computed from compiled plans.
const LEVEL_ARROWS: &[(&str, &str)] = &[("rating", "tariff")];

/// A manifest and the crate it belongs to.
struct Manifest<'a> {
    name: &'a str,
    path: &'a str,
    text: &'a str,
}

/// Prints the crates by level with their arrows, then what is wrong with them.
pub fn print(repo: &Repo) -> Result<Outcome> {
    let manifests = manifests(repo);
    let mut level = "";
    for place in HOUSE.iter().rev() {
        if place.level != level {
            println!("{}", place.level);
            level = place.level;
        }
        println!("  {:<10} {}", place.name, place.purpose);
        let own = manifests.iter().find(|manifest| manifest.name == place.name);
        let below = own.map(|manifest| arrows_of(manifest.text)).unwrap_or_default();
        if !below.is_empty() {
            println!("  {:<10}   → {}", "", below.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    let wrong = check(repo);
    wrong.iter().for_each(|wrong| println!("{wrong}"));
    Ok(if wrong.is_empty() { Outcome::Good } else { Outcome::Bad })
}

/// Every arrow that does not go down, every crate without a place, every place without a crate.
pub fn check(repo: &Repo) -> Vec<String> {
    check_manifests(&manifests(repo))
}

fn manifests(repo: &Repo) -> Vec<Manifest<'_>> {
    repo.texts.iter().filter_map(manifest).collect()
}

fn manifest(file: &TextFile) -> Option<Manifest<'_>> {
    crate_of(&file.path).map(|name| Manifest { name, path: &file.path, text: &file.text })
}

/// `cdr` of `crates/cdr/Cargo.toml`.
fn crate_of(manifest: &str) -> Option<&str> {
    let folder = manifest.strip_suffix("/Cargo.toml")?;
    let name = folder.strip_prefix("crates/").unwrap_or(folder);
    (!name.contains('/')).then_some(name)
}

fn check_manifests(manifests: &[Manifest]) -> Vec<String> {
    let mut wrong = Vec::new();
    for manifest in manifests {
        match find(manifest.name) {
            Some(place) => wrong.extend(check_arrows(place, manifest)),
            None => wrong.push(format!("{}: `{}` has no place in the house", manifest.path, manifest.name)),
        }
    }
    let empty = HOUSE.iter().filter(|place| !manifests.iter().any(|manifest| manifest.name == place.name));
    wrong.extend(
        empty.map(|place| format!("crates/: `{}` has a place in the house, and no manifest", place.name)),
    );
    wrong
}

fn check_arrows(from: &Place, manifest: &Manifest) -> Vec<String> {
    let mut wrong = Vec::new();
    for name in arrows_of(manifest.text) {
        let goes_down = |to: &Place| from.floor > to.floor || LEVEL_ARROWS.contains(&(from.name, to.name));
        match find(&name) {
            Some(to) if goes_down(to) => {}
            Some(to) => wrong.push(format!(
                "{}: {} ({}) → {} ({}) does not go down",
                manifest.path, from.name, from.level, to.name, to.level
            )),
            None => wrong.push(format!("{}: {} → {name} leads out of the house", manifest.path, from.name)),
        }
    }
    wrong
}

fn find(name: &str) -> Option<&'static Place> {
    HOUSE.iter().find(|place| place.name == name)
}

/// The project's own crates that a manifest needs to build, without the prefix.
fn arrows_of(manifest: &str) -> BTreeSet<String> {
    let Ok(table) = manifest.parse::<Table>() else {
        // Cargo has read the same text to start this program, so it cannot be broken here.
        return BTreeSet::new();
    };
    let mut arrows = BTreeSet::new();
    add_arrows(&table, &mut arrows);
    let targets = table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    targets.filter_map(Value::as_table).for_each(|target| add_arrows(target, &mut arrows));
    arrows
}

fn add_arrows(table: &Table, arrows: &mut BTreeSet<String>) {
    let sections = ["dependencies", "build-dependencies"].map(|section| table.get(section));
    for (key, value) in sections.into_iter().flatten().filter_map(Value::as_table).flatten() {
        // A dependency may go by another name than its package.
        let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
        if let Some(name) = package.strip_prefix("caudal-") {
            arrows.insert(name.to_owned());
        } else if matches!(package, "caudal" | "xtask") {
            arrows.insert(package.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arrows of one crate whose manifest holds `text`; `expect` is found in the complaint, or empty.
    fn check(name: &str, text: &str, expect: &str) {
        let place = find(name).expect("a crate of the house");
        let wrong = check_arrows(place, &Manifest { name, path: "Cargo.toml", text });
        match expect.is_empty() {
            true => assert_eq!(wrong, Vec::<String>::new(), "{text}"),
            false => assert!(wrong.len() == 1 && wrong[0].contains(expect), "{wrong:?} for {text}"),
        }
    }

    #[test]
    fn arrows_go_down_only() {
        check("engine", "[dependencies]\ncaudal-rating.workspace = true\nserde = \"1\"", "");
        check("rating", "[dependencies]\ncaudal-tariff = { workspace = true }", "");
        check("tariff", "[dependencies]\ncaudal-rating = { workspace = true }", "tariff (L1) → rating (L1)");
        check(
            "usage",
            "[dependencies]\ncaudal-engine = { path = \"../engine\" }",
            "usage (L0) → engine (L2)",
        );
        check("store", "[dependencies.caudal-connect]\nworkspace = true", "store (L3) → connect (L3)");
        check("wire", "[build-dependencies]\ncaudal-cdr = { workspace = true }", "wire (L1) → cdr");
        check(
            "cdr",
            "[target.'cfg(unix)'.dependencies]\nx = { package = \"caudal-wire\" }",
            "cdr (L1) → wire",
        );
        check("load", "[dependencies]\ncaudal = { path = \"../caudal\" }", "load (dev) → caudal (L5)");
        check("cdr", "[dependencies]\ncaudal-extra = \"1\"", "leads out of the house");
        check("usage", "[dev-dependencies]\ncaudal-load = { workspace = true }", "");
    }

    #[test]
    fn every_crate_has_a_place() {
        let wrong = check_manifests(&[Manifest { name: "extra", path: "crates/extra/Cargo.toml", text: "" }]);
        assert_eq!(wrong.len(), 1 + HOUSE.len());
        assert!(wrong[0].contains("`extra` has no place in the house"));
    }
}
