//! Differences worked by hand, through real folders and the functions that the command calls.

use super::*;
use crate::config::{Pipeline, against};
use crate::usage_lines::{Line, OnClose};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

const ACCOUNTS: &str = "account,currency,time_zone,cycle_anchor,valid_from,valid_to\n\
    A-1,EUR,Europe/Madrid,1,,\nA-2,EUR,Europe/Madrid,1,,\nA-3,EUR,Europe/Madrid,1,,\nB-1,USD,Europe/Madrid,1,,\n";

const SUBSCRIPTIONS: &str = "subscription,account,plan,msisdn,imsi,valid_from,valid_to\n\
    S-1,A-1,p,34600000001,,,\nS-2,A-2,q,34600000002,,,\nS-3,A-3,q,34600000003,,,\nT-1,B-1,d,34600000004,,,\n";

const PIPELINE: &str = "name = \"t\"\n[[source]]\nname = \"a\"\nformat = \"asterisk\"\ndirectory = \"in\"\ntime_zone = \"UTC\"\n";

/// A plan of so many per minute, and what else it says.
fn plan(id: &str, price: &str, more: &str) -> String {
    format!(
        "id = \"{id}\"\nname = \"P\"\ncurrency = \"EUR\"\nvalid_from = 2026-01-01\n{more}\n\
         [[rate]]\nid = \"calls\"\napplies_to = {{ service = \"voice\", zone = [\"es\", \"fr\"] }}\n\
         price = \"{price} per 60 s\"\nincrements = \"1/1\"\n"
    )
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// A pipeline: plan `p` on base `b` has messages at 0.10, `q` calls at 0.60, `d` calls in dollars.
fn present() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let base = "id = \"b\"\nname = \"B\"\ncurrency = \"EUR\"\nvalid_from = 2026-01-01\n\
        [[rate]]\nid = \"sms\"\napplies_to = { service = \"sms\" }\nprice = \"0.10 per event\"\n";
    write(
        folder.path(),
        &[
            ("pipeline.toml", PIPELINE),
            ("reference/accounts.csv", ACCOUNTS),
            ("reference/subscriptions.csv", SUBSCRIPTIONS),
            ("zones.csv", "prefix,zone,valid_from,valid_to\n34,es,,\n33,fr,,\n"),
            ("plans/b.toml", base),
            ("plans/p.toml", &plan("p", "0.30", "base = \"b\"")),
            ("plans/q.toml", &plan("q", "0.60", "")),
            ("plans/d.toml", &plan("d", "1.00", "").replace("EUR", "USD")),
        ],
    );
    folder
}

fn load(folder: &Path) -> Pipeline {
    Pipeline::load(folder).unwrap_or_else(|findings| panic!("{findings:?}"))
}

/// The report on these lines against a folder of these files.
fn compare(files: &[(&str, &str)], lines: &[String], on_close: OnClose) -> Report {
    let (folder, other) = (present(), tempfile::tempdir().unwrap());
    write(other.path(), files);
    let pipeline = load(folder.path());
    let against = against::load(&pipeline, other.path()).unwrap_or_else(|findings| panic!("{findings:?}"));
    let mut comparison = Comparison::new(&pipeline, &against.pipeline, on_close);
    for (line, number) in lines.iter().zip(1..) {
        let place = Place { file: "u.jsonl", line: number };
        comparison.line(Line::Octets(line.as_bytes()), place).unwrap();
    }
    let mut setting = Setting::new(&pipeline, (&against, "other".into()));
    (setting.is_closed, setting.top) = (on_close == OnClose::Sum, 10);
    Report::new(setting, comparison.finish().unwrap()).unwrap()
}

fn call(subscription: &str, seconds: u32) -> String {
    format!(
        r#"{{"service":"voice","subscription":"{subscription}","to":"+34915550123","start":"2026-10-02T12:00:00+02:00","quantity":{seconds},"unit":"s"}}"#
    )
}

fn sms(subscription: &str) -> String {
    format!(
        r#"{{"service":"sms","subscription":"{subscription}","to":"+34915550123","start":"2026-10-02T12:00:00+02:00"}}"#
    )
}

fn object(report: &Report) -> Value {
    serde_json::from_str(&super::json(report).unwrap()).unwrap()
}

/// Present, other and difference of the row of a list that has this name.
fn row(list: &Value, name: &str) -> (String, String, String) {
    let row = list
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row.as_object().unwrap().values().any(|value| value == name));
    let text = |field: &str| row.unwrap()[field].as_str().unwrap().to_owned();
    (text("present"), text("other"), text("difference"))
}

fn three(present: &str, other: &str, difference: &str) -> (String, String, String) {
    (present.into(), other.into(), difference.into())
}

#[test]
fn one_pays_more_and_one_pays_less() {
    let files =
        [("plans/p.toml", plan("p", "0.20", "base = \"b\"")), ("plans/q.toml", plan("q", "0.90", ""))];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let lines = [call("S-1", 600), call("S-2", 600), call("S-2", 60), sms("S-1"), call("T-1", 60)];
    let report = compare(&files, &lines, OnClose::Nothing);
    let object = object(&report);
    let euro = &object["currencies"][0];
    assert_eq!((&euro["currency"], &euro["usages"]), (&json!("EUR"), &json!(4)));
    assert_eq!(euro["difference"], "2.300000");
    assert_eq!(row(&euro["plans"], "p"), three("3.100000", "2.100000", "-1.000000"));
    assert_eq!(row(&euro["plans"], "q"), three("6.600000", "9.900000", "3.300000"));
    assert_eq!(row(&euro["services"], "sms"), three("0.100000", "0.100000", "0.000000"));
    assert_eq!(row(&euro["up"], "A-2"), three("6.600000", "9.900000", "3.300000"));
    assert_eq!(row(&euro["down"], "A-1"), three("3.100000", "2.100000", "-1.000000"));
    assert_eq!((euro["up"].as_array().unwrap().len(), euro["down"].as_array().unwrap().len()), (1, 1));
    let up_to_ten = &euro["classes"][1];
    assert_eq!(up_to_ten["up_to"], 10);
    assert_eq!(
        (&up_to_ten["accounts"], &up_to_ten["more"], &up_to_ten["less"]),
        (&json!(2), &json!(1), &json!(1))
    );
    // Dollars are a table of their own, and nobody's price changes there.
    let dollar = &object["currencies"][1];
    assert_eq!((&dollar["currency"], &dollar["difference"]), (&json!("USD"), &json!("0.000000")));
    assert_eq!(dollar["accounts"]["same"], 1);
    assert_eq!(object["taken"], json!(["plans/p.toml", "plans/q.toml"]));
}

#[test]
fn a_base_plan_is_taken_by_the_plans_that_stay() {
    let base = "id = \"b\"\nname = \"B\"\ncurrency = \"EUR\"\nvalid_from = 2026-01-01\n\
        [[rate]]\nid = \"sms\"\napplies_to = { service = \"sms\" }\nprice = \"0.25 per event\"\n";
    // The file has another name: the plan's id says what it takes the place of.
    let report = compare(&[("plans/cheaper.toml", base)], &[sms("S-1"), sms("S-1")], OnClose::Nothing);
    let object = object(&report);
    assert_eq!(row(&object["currencies"][0]["plans"], "p"), three("0.200000", "0.500000", "0.300000"));
    assert_eq!(object["usages"]["priced_by_both"], 2);
}

#[test]
fn a_plan_takes_the_place_of_the_versions_valid_at_its_time_only() {
    let later = plan("q", "0.90", "").replace("2026-01-01", "2026-11-01");
    let early = plan("q", "0.60", "valid_to = 2026-11-01");
    let folder = present();
    write(folder.path(), &[("plans/q.toml", &early), ("plans/q-11.toml", &later)]);
    let other = tempfile::tempdir().unwrap();
    write(other.path(), &[("plans/november.toml", &later.replace("0.90", "0.75"))]);
    let pipeline = load(folder.path());
    let against = against::load(&pipeline, other.path()).unwrap();
    let tariff = &against.pipeline.tariff;
    let plan = &tariff.plans()[tariff.plan("q").unwrap() as usize];
    assert_eq!(plan.versions.len(), 2);
    let now = &pipeline.tariff.plans()[pipeline.tariff.plan("q").unwrap() as usize];
    assert_eq!(plan.versions[0].version, now.versions[0].version);
    assert_ne!(plan.versions[1].version, now.versions[1].version);
}

#[test]
fn what_one_side_cannot_price_is_counted_with_its_worth() {
    let sms_only = "id = \"q\"\nname = \"Q\"\ncurrency = \"EUR\"\nvalid_from = 2026-01-01\n\
        [[rate]]\nid = \"sms\"\napplies_to = { service = \"sms\" }\nprice = \"0.05 per event\"\n";
    let lines = [call("S-2", 60), call("S-2", 120), sms("S-2"), call("S-9", 60), call("S-1", 0), "{".into()];
    let report = compare(&[("plans/q.toml", sms_only)], &lines, OnClose::Nothing);
    let object = object(&report);
    let usages = json!({"read": 6, "priced_by_both": 0, "priced_by_present_only": 2, "priced_by_other_only": 1,
        "priced_by_neither": 2, "filtered": 1});
    assert_eq!(object["usages"], usages);
    let reasons = object["not_priced"].as_array().unwrap();
    let of = |side: &str| reasons.iter().find(|reason| reason["priced_by"] == side).unwrap();
    let present = json!({"priced_by": "present", "code": "no_rate", "field": "zone", "usages": 2,
        "amounts": {"EUR": "1.800000"}, "first": "u.jsonl:1", "found": "voice out, zone es"});
    assert_eq!(*of("present"), present);
    assert_eq!(
        (&of("other")["amounts"], &of("other")["first"]),
        (&json!({"EUR": "0.050000"}), &json!("u.jsonl:3"))
    );
    // What is charged by one side only counts in the sums: they are what a run would bill.
    assert_eq!(row(&object["currencies"][0]["plans"], "q"), three("1.800000", "0.050000", "-1.750000"));
    let one_sided =
        json!({"usages": 3, "present": "1.800000", "other": "0.050000", "difference": "-1.750000"});
    assert_eq!(object["currencies"][0]["one_sided"], one_sided);
    let text = super::text(&report).unwrap();
    assert!(text.contains("no_rate zone 2 · EUR 1.80 · first u.jsonl:1 (voice out, zone es)"), "{text}");
    assert!(text.contains("no_subscription served 1"), "{text}");
}

#[test]
fn cycles_are_rounded_on_both_sides() {
    let other = plan("q", "0.50", "");
    let lines = [call("S-2", 1), call("S-3", 1)];
    let report = compare(&[("plans/q.toml", &other)], &lines, OnClose::Sum);
    let object = object(&report);
    let euro = &object["currencies"][0];
    // 0.01 and 0.008333 each; the latter is billed as 0.01.
    assert_eq!(row(&euro["plans"], "q"), three("0.020000", "0.016666", "-0.003334"));
    assert_eq!(euro["rounding"]["other"], "0.003334");
    assert_eq!((&euro["present"], &euro["other"]), (&json!("0.020000"), &json!("0.020000")));
    assert_eq!(euro["accounts"]["same"], 2);
    assert!(super::text(&report).unwrap().contains("rounding at close"));
}

/// An event as a run writes it, of a call by `q`.
fn event(amount: &str, more: &str) -> String {
    format!(
        r#"{{"id":"0192c3f2cfca0de4d4cab87d8bcf58b6","revision":0,"kind":"usage","operation":"charge","run":"retail","account":"A-2","subscription":"S-2","plan":"q","plan_version":"900c4fa72ec68476","service":"voice","record_type":"moc","start":"2026-10-06T09:36:40+02:00","end":"2026-10-06T09:38:40+02:00","raw_quantity":120000,"billed_quantity":120000,"unit":"ms","parties":{{"calling":"+34600000002","called":"+33199001108"}},"zone":"fr","lines":[],"allowance_uses":[],"discounts":[],"amount":"{amount}","currency":"EUR","cycle":"2026-10-01","original_cycle":"2026-10-01","late":false,"source":{{"file":"a/b.csv","file_id":3,"records":[9]}}{more}}}"#
    )
}

#[test]
fn events_are_replayed_and_held_against_what_they_charged() {
    let other = plan("q", "0.90", "");
    let lines = [
        event("1.200000", ""),
        event("1.500000", ""),
        event("1.20", "").replace("S-2", "S-9"),
        event("9", "").replace("\"charge\"", "\"reversal\""),
        event("9", "").replace("\"usage\"", "\"recurring\""),
        event("9", "").replace("moc", "???"),
    ];
    let report = compare(&[("plans/q.toml", &other)], &lines, OnClose::Nothing);
    let object = object(&report);
    let archived = json!({"usages": 3, "from_events": 3, "same": 1, "differ": 1, "differ_by_version": 1,
        "not_priced": 1, "passed_over": {"recurring": 1, "reversal": 1},
        "charged": {"EUR": "3.900000"}, "replayed": {"EUR": "2.400000"}});
    assert_eq!(object["archived"], archived);
    assert_eq!(object["currencies"][0]["difference"], "1.200000");
    assert_eq!(object["usages"]["priced_by_neither"], 2);
    let text = super::text(&report).unwrap();
    assert!(text.contains("containers count as one, attributes are not known"), "{text}");
    assert!(text.contains("EUR 3.90 charged then, 2.40 replayed (-1.50)"), "{text}");
}

#[test]
fn the_other_folder_is_checked_as_a_pipeline_is() {
    let folder = present();
    let pipeline = load(folder.path());
    let check = |files: &[(&str, &str)], expected: &str| {
        let other = tempfile::tempdir().unwrap();
        write(other.path(), files);
        let findings = against::load(&pipeline, other.path()).unwrap_err();
        let found: Vec<_> = findings.iter().map(ToString::to_string).collect();
        let expected = expected.replace("DIR", &other.path().display().to_string());
        assert!(found.iter().any(|line| line.starts_with(&expected)), "{expected}: {found:?}");
    };
    check(&[("p.toml", "")], "DIR: error: has no plan or table, expected one with plans/");
    let wrong = plan("q", "-1", "");
    check(&[("plans/q.toml", &wrong)], "DIR/plans/q.toml:9:");
    // A plan that subscriptions are on is gone: its file is another plan now.
    let renamed = plan("z", "1", "");
    check(&[("plans/q.toml", &renamed)], "reference/subscriptions.csv:3: error: `plan` is \"q\"");
    // The plans that stay know no zone of the other folder's table.
    check(&[("zones.csv", "prefix,zone,valid_from,valid_to\n34,spain,,\n")], "plans/");
}

#[test]
fn accounts_are_sorted_into_classes_and_the_most_changed_shown() {
    let other = plan("q", "0.30", "");
    let lines = [call("S-2", 1000), call("S-3", 12_000), call("S-1", 60)];
    let mut report = compare(&[("plans/q.toml", &other)], &lines, OnClose::Nothing);
    let classes: Vec<_> = report.currencies[0]
        .classes
        .iter()
        .map(|(bound, accounts)| (*bound, accounts.more, accounts.less, accounts.same))
        .collect();
    let expected =
        [(Some(0), 0, 0, 0), (Some(10), 0, 1, 1), (Some(50), 0, 0, 0), (Some(100), 0, 0, 0), (None, 0, 1, 0)];
    assert_eq!(classes, expected);
    let down: Vec<_> = report.currencies[0].down.iter().map(|mover| mover.account.to_string()).collect();
    assert_eq!(down, ["A-3", "A-2"]);
    assert!(report.currencies[0].up.is_empty());
    let text = super::text(&report).unwrap();
    assert!(text.contains("above 100") && !text.contains("up to 50"), "{text}");
    report.setting.not_final = 2;
    assert!(super::text(&report).unwrap().contains("still written to: 2 files"));
}

#[test]
fn a_folder_is_read_in_order_without_what_is_not_final() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Files::of(folder.path()).is_err());
    write(folder.path(), &[("b.jsonl", ""), ("a.jsonl", ""), ("c.jsonl.part", ""), ("x.csv", "")]);
    let files = Files::of(folder.path()).unwrap();
    assert_eq!(files.paths, [folder.path().join("a.jsonl"), folder.path().join("b.jsonl")]);
    assert_eq!(files.not_final, 1);
}
