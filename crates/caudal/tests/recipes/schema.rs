//! docs/plan.schema.json against the compiler: what is accepted here is accepted there, and of shape refused by both.
//! Relies on the shipped plans, on every recipe, and on the plan that says every key.
//! Never expects the schema to know what only the compiler can: names, units that must agree, overlaps.

use crate::book::Book;
use crate::common::{files, root};
use caudal_tariff::{SourceFile, Sources, compile};
use jsonschema::Validator;
use serde_json::{Map, Value};
use std::fs;

fn schema() -> Validator {
    let text = fs::read_to_string(root().join("docs/plan.schema.json")).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

/// A plan as an editor hands it to the schema: days are texts there.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(day) => day.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            table.into_iter().map(|(key, value)| (key, json(value))).collect::<Map<_, _>>().into()
        }
    }
}

fn document(plan: &str) -> Value {
    json(toml::Value::Table(plan.parse().unwrap_or_else(|error| panic!("{error}\n{plan}"))))
}

#[track_caller]
fn fits(schema: &Validator, plan: &str, name: &str) {
    let wrong: Vec<_> = schema.iter_errors(&document(plan)).map(|error| format!("{error}")).collect();
    assert!(wrong.is_empty(), "{name}: {}", wrong.join("\n"));
}

#[test]
fn plans_that_are_accepted_fit_the_schema() {
    let (schema, mut count) = (schema(), 0);
    for pipeline in files(&root().join("pipelines")) {
        for path in files(&pipeline.join("plans")) {
            let text = fs::read_to_string(&path).unwrap();
            let head = "#:schema ../../../docs/plan.schema.json\n";
            assert!(text.starts_with(head), "{}: an editor finds no schema", path.display());
            fits(&schema, &text, &path.display().to_string());
            count += 1;
        }
    }
    assert!(count >= 10, "{count} shipped plans");
    fits(
        &schema,
        &fs::read_to_string(root().join("crates/tariff/tests/everything.toml")).unwrap(),
        "every key",
    );
    let book = Book::read();
    for recipe in &book.recipes {
        for plan in recipe.plans() {
            fits(&schema, &book.plan(plan), &recipe.title);
            count += 1;
        }
    }
    println!("cases: {}", count + 1);
}

const RATE: &str = "[[rate]]\nid = \"r\"\napplies_to = { service = \"voice\" }\n";
const PRICED: &str = "[[rate]]\nid = \"r\"\napplies_to = { service = \"voice\" }\nprice = \"1 per s\"\n";
const TIERS: &str = "[[rate]]\nid = \"r\"\napplies_to = { service = \"sms\" }\n";
const PAID: &str = "[[rate]]\nid = \"r\"\napplies_to = { service = \"content\" }\n";
const ALLOWANCE: &str = "[[allowance]]\nid = \"a\"\napplies_to = { service = \"voice\" }\n";
const DISCOUNT: &str = "[[discount]]\nid = \"d\"\n";

/// What comes before, and a line that makes the plan wrong.
const REFUSED: &[(&str, &str)] = &[
    ("", "valid_until = 2027-01-01"),
    ("", "consume = \"size\""),
    ("", "allow_negative = \"yes\""),
    ("", "rounding = { line = { places = 13 } }"),
    ("", "rounding = { line = { mode = \"up\" } }"),
    ("", "rounding = { event = { places = 2, mode = \"bankers\" } }"),
    ("", "rounding = { total = { places = 2 } }"),
    ("", "rate = \"0.10\""),
    ("", "[[rates]]\nid = \"r\""),
    ("", "[[rate]]\napplies_to = { service = \"voice\" }\nprice = \"1 per s\""),
    ("", "[[rate]]\nid = \"r\"\nprice = \"1 per s\""),
    ("", "[[rate]]\nid = \"a b\"\napplies_to = { service = \"voice\" }\nprice = \"1 per s\""),
    ("", "[[rate]]\nid = \"r\"\napplies_to = { direction = \"out\" }\nprice = \"1 per s\""),
    ("", "[[rate]]\nid = \"r\"\napplies_to = { service = \"fax\" }\nprice = \"1 per s\""),
    ("", "[[rate]]\nid = \"r\"\napplies_to = { service = [] }\nprice = \"1 per s\""),
    ("", "[[rate]]\nid = \"r\"\napplies_to = { service = \"voice\", on_net = \"yes\" }\nprice = \"1 per s\""),
    (
        "",
        "[[rate]]\nid = \"r\"\napplies_to = { service = \"voice\", special = \"police\" }\nprice = \"1 per s\"",
    ),
    ("", "[[rate]]\nid = \"r\"\napplies_to = { service = \"voice\", band = \"day\" }\nprice = \"1 per s\""),
    ("", "[[rate]]\nid = \"r\"\napplies_to = { service = \"voice\", hours = \"8-20\" }\nprice = \"1 per s\""),
    (RATE, ""),
    (RATE, "price = 0.10"),
    (RATE, "price = \"0.10\""),
    (RATE, "price = \"0,10 per 60 s\""),
    (RATE, "price = \"0.10 per 60\""),
    (RATE, "price = \"0.10 per 60 lightyears\""),
    (RATE, "price = \"1 per s\"\nsteps = [ { price = \"1 per s\" } ]"),
    (RATE, "steps = []"),
    (RATE, "steps = [ { increments = \"60\" } ]"),
    (RATE, "steps = [ { price = \"1 per s\" } ]\nfree = \"10 s\""),
    (RATE, "bands = [ { price = \"1 per s\" } ]"),
    (
        RATE,
        "bands = [ { name = \"day\", days = \"monday\", price = \"1 per s\" }, { name = \"o\", price = \"1 per s\" } ]",
    ),
    (PRICED, "increments = \"30:6\""),
    (PRICED, "increments = 60"),
    (PRICED, "partial = \"half\""),
    (PRICED, "split = \"middle\""),
    (PRICED, "round_over = \"week\""),
    (PRICED, "priority = 0"),
    (PRICED, "minimum_charge = \"-1\""),
    (PRICED, "fee_when_covered = 0"),
    (PRICED, "cap = { per = \"cycle\" }"),
    (PRICED, "cap = { amount = \"5.00\", per = \"month\" }"),
    (PRICED, "cap = { amount = \"5.00\", then = \"stop\" }"),
    (TIERS, "tiers = { steps = [ { price = \"1 per event\" } ] }"),
    (TIERS, "tiers = { model = \"graduated\" }"),
    (TIERS, "tiers = { model = \"linear\", steps = [ { price = \"1 per event\" } ] }"),
    (TIERS, "tiers = { model = \"volume\", over = \"day\", steps = [ { price = \"1 per event\" } ] }"),
    (TIERS, "tiers = { model = \"stair_step\", steps = [ { price = \"1 per event\" } ] }"),
    (TIERS, "tiers = { model = \"package\", size = \"10 events\" }"),
    (TIERS, "tiers = { model = \"package\", size = \"10 events\", price = \"5\", steps = [] }"),
    (
        TIERS,
        "tiers = { model = \"graduated\", size = \"10 events\", steps = [ { price = \"1 per event\" } ] }",
    ),
    (PAID, "pass_through = { percent = \"10\" }"),
    (PAID, "pass_through = {}\nincrements = \"1 event\""),
    (PAID, "percentage = { fixed = \"0.10\" }"),
    (PAID, "percentage = { percent = \"1\", over = \"event\" }"),
    (PAID, "tiers = { model = \"graduated_percentage\", steps = [ { price = \"1 per event\" } ] }"),
    (ALLOWANCE, ""),
    (ALLOWANCE, "quantity = 20"),
    (ALLOWANCE, "quantity = \"20\""),
    (ALLOWANCE, "quantity = \"20 s\"\namount = \"1.00\""),
    (ALLOWANCE, "quantity = \"20 s\"\nrefill = \"month\""),
    (ALLOWANCE, "quantity = \"20 s\"\nrefill = { every = \"30 days\" }"),
    (ALLOWANCE, "quantity = \"20 s\"\nrollover = { max = \"5 s\", cycles = 25 }"),
    (ALLOWANCE, "quantity = \"20 s\"\nrollover = { max = \"5 s\" }\nover_use = \"5 s\""),
    (ALLOWANCE, "quantity = \"20 s\"\nfloor = \"-1.00\""),
    (ALLOWANCE, "quantity = \"20 s\"\nratio = \"0.1234567\""),
    (ALLOWANCE, "quantity = \"20 s\"\nexpires = \"soon\""),
    (ALLOWANCE, "quantity = \"20 s\"\nthresholds = [0]"),
    (ALLOWANCE, "quantity = \"20 s\"\nshared = \"all\""),
    (ALLOWANCE, "amount = \"5.00\"\nincrements = \"60\""),
    (ALLOWANCE, "amount = \"5.00\"\nfloor = \"1.00\""),
    ("", "[[cap]]\namount = \"5.00\""),
    ("", "[[commitment]]\nid = \"c\""),
    ("", "[[capacity]]\nid = \"c\"\nsteps = [ { price = \"1\" } ]"),
    (
        "",
        "[[capacity]]\nid = \"c\"\nmeters = { a = { service = \"voice\" } }\nsteps = [ { holds = { a = \"1 s\" } }, { price = \"1\" } ]",
    ),
    (DISCOUNT, ""),
    (DISCOUNT, "percent = 10"),
    (DISCOUNT, "percent = \"101\""),
    (DISCOUNT, "percent = \"10\"\namount = \"1.00\""),
    (DISCOUNT, "percent = \"10\"\nwhen = { tenure = 24 }"),
    (DISCOUNT, "percent = \"10\"\nlasts = \"3 months\""),
    (DISCOUNT, "percent = \"10\"\nredemptions = { total = 5 }"),
    ("", "[[recurring]]\nid = \"fee\"\nevery = \"1 month\""),
    ("", "[[recurring]]\nid = \"fee\"\nprice = \"15.00\"\nevery = \"monthly\""),
    ("", "[[recurring]]\nid = \"fee\"\nprice = \"15.00\"\nevery = \"1 month\"\nbilled = \"later\""),
];

/// True when the compiler makes a tariff of the plan.
fn compiles(plan: &str) -> bool {
    let file = |path: &str, text: &str| SourceFile { path: path.into(), bytes: text.into() };
    let zones = file("zones.csv", "prefix,zone,valid_from,valid_to\n34,es,,\n");
    let plans = vec![file("plans/p.toml", plan)];
    compile(&Sources { plans, zones: Some(zones), ..Sources::default() }).0.is_some()
}

#[test]
fn slips_of_shape_are_refused_by_both() {
    let schema = schema();
    let head = "id = \"p\"\nname = \"P\"\ncurrency = \"EUR\"\nvalid_from = 2026-01-01\n";
    assert!(compiles(&format!("{head}{PRICED}")), "the plan without a slip");
    let refused = REFUSED.iter().map(|(before, slip)| format!("{head}{before}{slip}\n"));
    let without = head.lines().map(|line| head.replace(&format!("{line}\n"), "") + PRICED);
    let named = ["id = \"a/b\"", "name = 7", "currency = \"euro\"", "valid_from = \"2026\""];
    let odd = head.lines().zip(named).map(|(line, odd)| head.replace(line, odd) + PRICED);
    let plans: Vec<String> = refused.chain(without).chain(odd).collect();
    for plan in &plans {
        assert!(!compiles(plan), "the compiler takes\n{plan}");
        assert!(!schema.is_valid(&document(plan)), "the schema takes\n{plan}");
    }
    println!("cases: {}", plans.len());
}
