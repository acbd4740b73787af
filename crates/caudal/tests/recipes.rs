//! Recipes ring: every recipe of docs/recipes.md costs what it says, and the schema of plans agrees with the compiler.
//! Relies on the binary as it ships, and on the tables that stand at the end of the page.
//! Never works out an amount: what is expected stands in the page.

// What tests share fails as they do.
#![allow(clippy::unwrap_used)]

mod common;

#[path = "recipes/answer.rs"]
mod answer;
#[path = "recipes/book.rs"]
mod book;
#[path = "recipes/schema.rs"]
mod schema;

use answer::{answers, kinds_missing_in};
use book::{Book, Recipe};
use common::{Place, caudal, finish};
use std::path::Path;

/// Fewer recipes than these would leave features of a plan without one.
const RECIPES_MIN: usize = 40;

/// The plans are fit to run, without a warning.
fn validate(recipe: &Recipe, pipeline: &Path) {
    let mut command = caudal();
    command.arg("validate").arg(pipeline);
    let ended = finish(command).expect(0, &recipe.title);
    assert!(
        ended.stdout.contains("errors 0, warnings 0"),
        "{}:\n{}{}",
        recipe.title,
        ended.stdout,
        ended.stderr
    );
}

/// What the usage costs is what the page says; else both, to be compared by eye.
fn differs(recipe: &Recipe, pipeline: &Path) -> Option<String> {
    let mut command = caudal();
    command.arg("rate").arg(pipeline).arg(pipeline.join("usage.jsonl")).arg("--cycle-close");
    let ended = finish(command).expect(0, &recipe.title);
    let expected = recipe.block("text answer");
    let hidden = kinds_missing_in(expected);
    let found: Vec<String> = answers(&ended.stdout)
        .into_iter()
        .filter(|line| !hidden.iter().any(|kind| line.starts_with(kind)))
        .collect();
    let said = |lines: &[&str]| lines.iter().map(|line| format!("    {line}\n")).collect::<String>();
    let expected: Vec<&str> = expected.lines().collect();
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    let title = &recipe.title;
    (found != expected).then(|| format!("{title}\n  expected\n{}  found\n{}", said(&expected), said(&found)))
}

#[test]
fn every_recipe_costs_what_it_says() {
    let book = Book::read();
    let place = Place::new();
    let mut wrong = Vec::new();
    for (number, recipe) in book.recipes.iter().enumerate() {
        let pipeline = place.path(&number.to_string());
        book.write(recipe, &pipeline);
        validate(recipe, &pipeline);
        wrong.extend(differs(recipe, &pipeline));
    }
    assert!(wrong.is_empty(), "{} recipes say something else:\n{}", wrong.len(), wrong.join("\n"));
    let count = book.recipes.len();
    assert!(count >= RECIPES_MIN, "{count} recipes, expected at least {RECIPES_MIN}");
    println!("cases: {count}");
}
