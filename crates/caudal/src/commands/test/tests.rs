use super::*;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const FILES: [(&str, &str); 4] = [
    (
        "pipeline.toml",
        "name = \"t\"\n[[source]]\nname = \"a\"\nformat = \"asterisk\"\ndirectory = \".\"\ntime_zone = \"UTC\"\n",
    ),
    (
        "reference/accounts.csv",
        "account,currency,time_zone,cycle_anchor,valid_from,valid_to\nA-1,EUR,UTC,1,,\n",
    ),
    (
        "reference/subscriptions.csv",
        "subscription,account,plan,msisdn,imsi,valid_from,valid_to\nS-1,A-1,p,34600000001,,,\n",
    ),
    (
        "plans/p.toml",
        "id = \"p\"\nname = \"P\"\ncurrency = \"EUR\"\nvalid_from = 2026-01-01\n\
         [[rate]]\nid = \"calls\"\napplies_to = { service = \"voice\" }\nprice = \"0.01 per 1 s\"\nincrements = \"30/6\"\n\
         [[allowance]]\nid = \"free\"\nquantity = \"60 s\"\napplies_to = { service = \"voice\" }\n",
    ),
];

fn folder(cases: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in FILES.iter().chain(&[("tests/a.toml", cases)]) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

/// Two calls of 60 s and of 36 s; the first is covered.
fn case(expect: &str) -> String {
    let call = "service = \"voice\", subscription = \"S-1\", start = 2026-10-02T12:00:00Z, unit = \"s\"";
    format!(
        "[[case]]\nname = \"two calls\"\nusage = [\n{{ {call}, quantity = 60 }},\n{{ {call}, quantity = 30.5 }},\n]\nexpect = {{ {expect} }}\n"
    )
}

/// What is printed of one case.
fn check(expect: &str, printed: &str) {
    let folder = folder(&case(expect));
    let pipeline = Pipeline::load(folder.path()).unwrap();
    let (cases, _) = cases::read(folder.path()).unwrap();
    let [case] = cases.as_slice() else { panic!("one case") };
    let lines: Vec<_> = run(&pipeline, case)
        .unwrap()
        .iter()
        .map(|d| format!("{}: {} / {}", d.field, d.expected, d.found))
        .collect();
    assert_eq!(lines.join("; "), printed, "{expect}");
}

#[test]
fn what_holds() {
    for expect in [
        "amount = \"0.36\"",
        "amount = 0.360",
        "amount = [ 0, \"0.36\" ]",
        "outcome = \"rated\", lines = 1, events = 2, currency = \"EUR\", plan = \"p\"",
        "outcome = [ \"rated\", \"rated\" ]",
        "billed_quantity = \"96 s\", raw_quantity = [ 60000, \"30500 ms\" ]",
        "allowance_left = { free = 0 }",
        "cycle_total = \"0.36\"",
    ] {
        check(expect, "");
    }
}

#[test]
fn what_does_not() {
    for (expect, printed) in [
        ("amount = \"0.35\"", "amount: 0.35 / 0.36 = 0 + 0.36"),
        ("cycle_total = 0.35", "cycle_total: 0.35 / 0.36"),
        ("amount = [ 0, 1 ]", "amount of usage 2: 1 / 0.36"),
        ("lines = 2, zone = \"fr\"", "lines: 2 / 1 = 0 + 1; zone: fr / rated 0.36"),
        ("code = \"no_rate\"", "code: no_rate / rated 0.36"),
        ("outcome = [ \"suspended\", \"rated\" ]", "outcome of usage 1: suspended / rated"),
        ("allowance_left = { free = \"6 s\" }", "allowance_left of free: 6000 ms / 0 ms"),
        ("allowance_left = { other = 6 }", "allowance_left of other: 6 / that it was not used"),
    ] {
        check(expect, printed);
    }
}

#[test]
fn usage_must_be_rated_unless_something_else_is_expected() {
    let with = |expect: &str| {
        let folder = folder(&case(expect).replacen("S-1", "S-9", 1).replace("= 60 ", "= 1e400 "));
        let pipeline = Pipeline::load(folder.path()).unwrap();
        let (cases, _) = cases::read(folder.path()).unwrap();
        let found = run(&pipeline, &cases[0]).unwrap();
        found
            .iter()
            .map(|d| format!("{}: {} / {}", d.field, d.expected, d.found))
            .collect::<Vec<_>>()
            .join("; ")
    };
    let story = "suspended overflow in quantity, \"1e400\"";
    assert_eq!(with("amount = \"0\""), format!("usage 1: rated / {story}"));
    assert_eq!(with("code = \"no_rate\""), format!("usage 1: rated / {story}; code: no_rate / rated 0"));
    assert_eq!(
        with("outcome = [ \"suspended\", \"rated\" ], field = [ \"quantity\", \"\" ]"),
        "field of usage 2:  / rated 0"
    );
}

#[test]
fn files_that_are_not_understood() {
    let good = case("amount = \"0.36\"");
    for (cases, expected) in [
        ("[[case]\n".to_owned(), "tests/a.toml:1:8: error: is no TOML"),
        ("[[cases]]\n".into(), "tests/a.toml:1:3: error: unknown key \"cases\" (did you mean `case`?)"),
        (good.replace("name", "nam"), "tests/a.toml:1:1: error: `name` is missing"),
        (
            good.replace("amount", "amuont"),
            "tests/a.toml:7:12: error: unknown key \"amuont\" (did you mean `amount`?)",
        ),
        (
            good.replace("\"0.36\"", "\"a lot\""),
            "tests/a.toml:7:21: error: `amount` is \"a lot\", expected an amount such as \"0.15\"",
        ),
        (
            case("amount = [ 1 ]"),
            "tests/a.toml:7:21: error: `amount` is [ 1 ], expected one value or a list of 2: one for each usage",
        ),
        (case("lines = \"two\""), "tests/a.toml:7:20: error: `lines` is \"two\", expected a whole number"),
        (
            case("outcome = \"billed\""),
            "tests/a.toml:7:22: error: `outcome` is \"billed\", expected \"rated\", \"suspended\", \"filtered\" or \"accepted\"",
        ),
        (
            case("allowance_left = { free = \"some\" }"),
            "tests/a.toml:7:38: error: `free` is \"some\", expected a quantity",
        ),
        (case(""), "the case expects nothing"),
        (
            "[[case]]\nname = \"x\"\nexpect = { amount = 1 }\n".into(),
            "the case has no `usage`, expected at least one",
        ),
    ] {
        let folder = folder(&cases);
        let findings = cases::read(folder.path()).unwrap_err();
        let all: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert!(all.iter().any(|finding| finding.contains(expected)), "{expected}\n{all:?}");
    }
}

#[test]
fn the_quickstart_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/quickstart");
    let pipeline = Pipeline::load(&folder).unwrap();
    let (cases, _) = cases::read(&folder).unwrap();
    assert!(cases.len() >= 10);
    for case in &cases {
        let differences = run(&pipeline, case).unwrap();
        assert!(differences.is_empty(), "{}", text(case, &differences));
    }
}

#[test]
fn a_failed_case_as_a_person_and_as_a_program_read_it() {
    let folder = folder(&case("amount = \"0.35\""));
    let pipeline = Pipeline::load(folder.path()).unwrap();
    let (cases, _) = cases::read(folder.path()).unwrap();
    let differences = run(&pipeline, &cases[0]).unwrap();
    assert_eq!(
        text(&cases[0], &differences),
        "FAILED  two calls   tests/a.toml:1\n          amount   expected 0.35, found 0.36 = 0 + 0.36"
    );
    assert_eq!(
        to_json(&cases[0], &differences),
        "{\"case\":\"two calls\",\"file\":\"tests/a.toml\",\"line\":1,\"passed\":false,\"differences\":\
         [{\"field\":\"amount\",\"expected\":\"0.35\",\"found\":\"0.36 = 0 + 0.36\"}]}"
    );
    assert_eq!(text(&cases[0], &[]), "ok      two calls");
}
