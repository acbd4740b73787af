//! Absurd configuration: refused with file, line and column before anything is read or written.
//! Relies on the pipeline of the sample case, in which each case changes one thing.
//! Never a state folder left behind by a pipeline that is not fit to run.

use crate::common::{edit, files, finish};
use crate::site::{Site, good, quiet};
use std::fs;

/// Exit code for a configuration that is not fit to run.
const REFUSED: i32 = 2;

/// Where a change is made, what becomes what, and where the complaint must point.
/// What a format finds in its own settings is placed at the source, line 5.
const CHANGES: [(&str, &str, &str, &str); 21] = [
    ("pipeline.toml", "name = \"redelivery\"", "name = ", "pipeline.toml:1:"),
    ("pipeline.toml", "name = \"redelivery\"", "name = \"../../etc\"", "pipeline.toml:1:"),
    ("pipeline.toml", "name = \"redelivery\"", "name = 7", "pipeline.toml:1:"),
    ("pipeline.toml", "window = \"90 days\"", "window = \"-1 days\"", "pipeline.toml:3:"),
    ("pipeline.toml", "window = \"90 days\"", "window = \"90 fortnights\"", "pipeline.toml:3:"),
    ("pipeline.toml", "window = \"90 days\"", "windows = \"90 days\"", "pipeline.toml:3:"),
    ("pipeline.toml", "[[source]]", "[[sources]]", "pipeline.toml:5:"),
    ("pipeline.toml", "format = \"delimited\"", "format = \"tap3\"", "pipeline.toml:7:"),
    ("pipeline.toml", "complete = \"renamed\"", "complete = \"sometimes\"", "pipeline.toml:9:"),
    ("pipeline.toml", "after = \"keep\"", "after = \"burn\"", "pipeline.toml:10:"),
    ("pipeline.toml", "Europe/Madrid", "Europe/Atlantis", "pipeline.toml:11:"),
    ("pipeline.toml", "separator = \";\"", "separator = \"\"", "pipeline.toml:13:"),
    ("pipeline.toml", "separator = \";\"", "separator = \"\\n\"", "pipeline.toml:5:"),
    ("pipeline.toml", "key = [\"node\", \"call_id\", \"sequence\"]", "key = []", "pipeline.toml:5:"),
    ("pipeline.toml", "format = \"%Y%m%d%H%M%S\"", "format = \"%Q\"", "pipeline.toml:5:"),
    ("pipeline.toml", "type = \"duration\"", "type = \"eternity\"", "pipeline.toml:19:"),
    ("plans/sample.toml", "currency = \"EUR\"", "currency = \"XXQ\"", "sample.toml:"),
    ("plans/sample.toml", "0.10 per 60 s", "-0.10 per 60 s", "sample.toml:"),
    ("plans/sample.toml", "0.10 per 60 s", "0.10 per 0 s", "sample.toml:"),
    ("plans/sample.toml", "30/6", "0/0", "sample.toml:"),
    ("zones.csv", "346,es-mobile", "34x,es-mobile", "zones.csv:"),
];

/// What the refusal of one change lacks.
fn complaint((file, from, to, place): (&str, &str, &str, &str)) -> Option<String> {
    let site = Site::filled();
    edit(&site.pipeline().join(file), from, to);
    let ended = site.run("", REFUSED, to);
    let after = ended.stderr.lines().find_map(|line| line.split_once(place)).map(|(_, after)| after);
    // A line, where the place names none, and a column.
    if !after.is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit())) {
        return Some(format!("{to}: no {place:?} in {}", ended.stderr));
    }
    assert!(!site.place.state().exists() && !site.place.out().exists(), "{to}");
    println!("cases: 1");
    None
}

#[test]
fn absurd_configurations() {
    let complaints: Vec<_> = CHANGES.into_iter().filter_map(complaint).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// References that do not fit are found, and the subscriber whose row it is does not stand in the log.
#[test]
fn absurd_references() {
    let rows = [
        ("subscriptions.csv", "600000104", "60000x104"),
        ("subscriptions.csv", "2026-01-01", "2026-13-01"),
        ("accounts.csv", "EUR", "EURO"),
    ];
    for (file, from, to) in rows {
        let site = Site::filled();
        let path = site.pipeline().join("reference").join(file);
        edit(&path, from, to);
        let ended = site.run("", REFUSED, to);
        assert!(ended.stderr.contains(&format!("{file}:")), "{to}: {}", ended.stderr);
        println!("cases: 1");
    }
}

/// Files of a pipeline that are no text, no files, or not there.
#[test]
fn pipelines_that_are_none() {
    let noise: Vec<u8> = (0..=255).collect();
    for file in ["pipeline.toml", "plans/sample.toml", "zones.csv", "reference/subscriptions.csv"] {
        for content in [Some(&b""[..]), Some(&noise), None] {
            let site = Site::filled();
            let path = site.pipeline().join(file);
            fs::remove_file(&path).unwrap();
            match content {
                Some(content) => fs::write(&path, content).unwrap(),
                None => fs::create_dir(&path).unwrap(),
            }
            site.run("", REFUSED, file);
            assert!(!site.place.state().exists(), "{file}");
            println!("cases: 1");
        }
    }
    let site = Site::empty();
    fs::remove_dir_all(site.pipeline()).unwrap();
    site.run("", REFUSED, "no pipeline");
    assert!(files(&site.place.state()).is_empty());
    println!("cases: 1");
}

/// A key that changes under a state would make every record new, and billed again where it is delivered again.
#[test]
fn keys_that_change() {
    let site = Site::filled();
    site.completes(200, "first run");
    let file = site.pipeline().join("pipeline.toml");
    for (from, to) in [
        ("[\"node\", \"call_id\", \"sequence\"]", "[\"call_id\", \"node\", \"sequence\"]"),
        ("header = true", "header = true\nnode = \"msc-1\""),
    ] {
        site.put("again.csv", &good(1000, 50));
        edit(&file, from, to);
        let ended = site.run("", REFUSED, to);
        assert!(
            ended.stderr.contains("its records are known by node, call_id, sequence"),
            "{}",
            ended.stderr
        );
        edit(&file, to, from);
        site.completes(200, from);
        println!("cases: 1");
    }
}

/// Options that make no sense are refused by the command line.
#[test]
fn absurd_options() {
    for options in
        ["--threads 0", "--shards 257", "--epoch-records 0", "--epoch-records x", "--no-such-option"]
    {
        let site = Site::filled();
        site.run(options, REFUSED, options);
        assert!(!site.place.state().exists(), "{options}");
        println!("cases: 1");
    }
    let mut command = Site::filled().command("");
    command.env("CAUDAL_FAIL", "nonsense");
    quiet(finish(command), REFUSED, "nonsense");
    println!("cases: 1");
}
