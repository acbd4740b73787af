//! Quickstart ring of the binary: last month's events of the shipped pipeline, priced by plans of another folder.
//! Relies on a run of it, whose events the present plans must give back to the cent.
//! Never a plan of the repository changed: the other folder is a copy.

// What tests share fails as they do.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Ended, Place, caudal, edit, finish, root};
use serde_json::Value;
use std::fs;

/// A run of the quickstart, and a folder with one of its plans, in which one text is another.
fn ran(from: &str, to: &str) -> Place {
    let place = Place::new();
    let pipeline = root().join("pipelines/quickstart");
    place.run(&pipeline, "");
    fs::create_dir_all(place.path("dearer/plans")).unwrap();
    let plan = place.path("dearer/plans/movil-20.toml");
    fs::copy(pipeline.join("plans/movil-20.toml"), &plan).unwrap();
    edit(&plan, from, to);
    place
}

/// `caudal rate` of its events against the folder.
fn what_if(place: &Place, options: &str, code: i32) -> Ended {
    let mut command = caudal();
    command.arg("rate").arg(root().join("pipelines/quickstart")).arg(place.out().join("rated"));
    command.arg("--against").arg(place.path("dearer")).args(options.split_whitespace());
    if options.contains("--top") {
        command.arg("--state").arg(place.state());
    }
    finish(command).expect(code, options)
}

fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn a_dearer_plan_is_tried_on_what_was_billed() {
    let place = ran("price = \"0.08 per event\"", "price = \"0.18 per event\"");
    // With the original records, and from the events alone.
    for options in ["--json --top 3", "--json"] {
        let report = report(&what_if(&place, options, 0));
        let archived = &report["archived"];
        println!("cases: {}", archived["usages"]);
        assert!(archived["usages"].as_u64().unwrap() > 1000, "{archived}");
        assert_eq!(
            (&archived["same"], &archived["differ"]),
            (&archived["usages"], &Value::from(0)),
            "{options}"
        );
        let from_events = if options.contains("--top") { &Value::from(0) } else { &archived["usages"] };
        assert_eq!(archived["from_events"], *from_events);
        assert_eq!(archived["charged"], archived["replayed"]);
        let euro = &report["currencies"][0];
        assert_eq!(euro["present"], archived["charged"]["EUR"]);
        let services = euro["services"].as_array().unwrap();
        for service in services {
            let is_dearer = service["service"] == "sms";
            assert_eq!(service["difference"].as_str().unwrap() != "0.000000", is_dearer, "{service}");
        }
        assert_eq!(euro["down"].as_array().unwrap().len(), 0);
        assert!(euro["up"].as_array().unwrap().len() <= if options.contains("--top") { 3 } else { 10 });
    }
}

#[test]
fn an_event_stands_in_for_an_original_that_is_gone() {
    let place = ran("0.10 per 60 s", "0.20 per 60 s");
    fs::remove_dir_all(place.state().join("versions")).unwrap();
    let report = report(&what_if(&place, "--json --top 0", 0));
    let archived = &report["archived"];
    assert_eq!(archived["from_events"], archived["usages"]);
    assert!(archived["originals_gone"].as_str().unwrap().starts_with("no kept version knows"), "{archived}");
    assert_eq!(report["currencies"][0]["up"], serde_json::json!([]));
    println!("cases: {}", archived["usages"]);
}

#[test]
fn a_person_reads_tables_and_findings_with_their_place() {
    let place = ran("0.10 per 60 s", "0.20 per 60 s");
    let text = what_if(&place, "--cycle-close", 0).stdout;
    for expected in [
        "what if",
        "from there: plans/movil-20.toml",
        "by plan",
        "rounding at close",
        "accounts that pay more: 1 of 1",
        "usage only",
    ] {
        assert!(text.contains(expected), "{expected}:\n{text}");
    }
    println!("cases: 1");
    edit(&place.path("dearer/plans/movil-20.toml"), "base-mobile", "base-marine");
    let ended = what_if(&place, "", 2);
    assert!(ended.stderr.contains("dearer/plans/movil-20.toml:10:"), "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was priced"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}
