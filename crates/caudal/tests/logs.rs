//! Logs ring: no subscriber number and no IMSI in what a process says on standard error, at any level, in any form.
//! Relies on samples and reference data that hold thousands of numbers, and on input that is damaged around them.
//! Never passes by not looking: the search finds each number that is planted in a log.

// What tests share fails as they do.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Ended, Place, caudal, copy, edit, files, finish, root};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Fewest digits of a number that is looked for.
const DIGITS_LEAST: usize = 6;

/// Digits of a subscriber's number without its country: as telling as the whole.
const TAIL: usize = 9;

/// The log wide open, in both forms.
const FORMS: [&str; 2] = ["--log-level trace --log-format text", "--log-level trace --log-format json"];

/// Columns of samples and tables that hold numbers.
const COLUMNS: [&str; 8] = ["a_number", "b_number", "c_number", "imsi", "msisdn", "orig", "dest", "called"];

/// Numbers that no log may hold.
#[derive(Default)]
struct Numbers {
    /// Whole numbers and their tails.
    forms: BTreeSet<String>,
}

impl Numbers {
    /// Every number below a folder: of tables by the names of their columns, of others every longer run of digits that
    /// stands in quotes of its own or in an address.
    fn of(folder: &Path) -> Self {
        let mut numbers = Self::default();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for path in files(&folder) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    numbers.read(&String::from_utf8_lossy(&fs::read(&path).unwrap()));
                }
            }
        }
        numbers
    }

    fn read(&mut self, text: &str) {
        let head = text.lines().next().unwrap_or_default();
        let separator = if head.contains(';') { ';' } else { ',' };
        let names: Vec<_> = head.split(separator).collect();
        let columns: Vec<_> = (0..names.len()).filter(|&index| COLUMNS.contains(&names[index])).collect();
        for line in text.lines().skip(1) {
            let fields: Vec<_> = line.split(separator).collect();
            columns.iter().filter_map(|&index| fields.get(index)).for_each(|field| self.add(field));
        }
        if columns.is_empty() && head.starts_with('"') {
            // Asterisk: source, destination, caller and channels.
            for field in text.lines().flat_map(|line| line.split(',').take(9)) {
                field.split(|c: char| !c.is_ascii_digit()).for_each(|digits| self.add(digits));
            }
        }
    }

    fn add(&mut self, field: &str) {
        let digits: String = field.chars().filter(char::is_ascii_digit).collect();
        let bare = digits.trim_start_matches('0');
        if bare.len() < DIGITS_LEAST {
            return;
        }
        self.forms.insert(bare.to_owned());
        if bare.len() > TAIL {
            self.forms.insert(bare[bare.len() - TAIL..].to_owned());
        }
    }

    /// The numbers that a log holds, in any form: whole or their tail, with or without separators, inside longer digits.
    fn found_in(&self, log: &str) -> Vec<&str> {
        let text: String = log.lines().map(without_time).collect::<Vec<_>>().join("\n");
        let runs = [runs(&text, false), runs(&text, true)].concat();
        self.forms
            .iter()
            .map(String::as_str)
            .filter(|number| runs.iter().any(|run| run.contains(number)))
            .collect()
    }

    /// Asserts that a log holds none.
    fn check(&self, ended: &Ended, what: &str) {
        let found = self.found_in(&ended.stderr);
        assert!(found.is_empty(), "{what}: {found:?} in\n{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{what}: {}", ended.stderr);
        println!("cases: 1");
    }
}

/// A line of the log without its time, whose digits are no number's.
fn without_time(line: &str) -> &str {
    let rest = line.strip_prefix("{\"timestamp\":\"").and_then(|rest| rest.split_once('"'));
    rest.map_or(line, |(_, rest)| rest)
}

/// Runs of digits that are long enough; `joined` leaves out what people put between digits.
fn runs(text: &str, joined: bool) -> Vec<String> {
    let text: String =
        text.chars().filter(|c| !(joined && matches!(c, ' ' | '-' | '.' | '(' | ')'))).collect();
    let words = text.split(|c: char| !c.is_ascii_digit());
    words.filter(|run| run.len() >= DIGITS_LEAST).map(str::to_owned).collect()
}

#[test]
fn the_search_finds_what_is_planted() {
    let mut numbers = Numbers::default();
    numbers.read("node;a_number;imsi;dur_s\nmsc;+34 600 000 104;214070000000001;60\n");
    numbers.read("\"acct\",\"915550109\",\"0044770090019\",\"x\",\"\"\"915550109\"\" <915550109>\"\n");
    assert_eq!(numbers.forms.len(), 7, "{:?}", numbers.forms);
    for log in [
        " WARN cannot rate 34600000104",
        "{\"timestamp\":\"2026-11-22T10:00:00.000000Z\",\"message\":\"+34600000104 is unknown\"}",
        "found \"600000104\"",
        "found 600 000 104, expected",
        "tel:600-00-01-04;phone-context",
        "0034600000104",
        "99934600000104999",
        "imsi=214070000000001",
        "…000000001…",
        "Digits(447700900190)\n0044770090019",
        "<sip:915550109@pbx>",
    ] {
        assert!(!numbers.found_in(log).is_empty(), "{log}");
    }
    for log in [
        "",
        "3460…",
        "{\"timestamp\":\"2026-11-22T10:00:00.600000104Z\",\"message\":\"none\"}",
        "records=600000 events=104 took_ms=34",
    ] {
        assert!(numbers.found_in(log).is_empty(), "{log}");
    }
    println!("cases: 15");
}

/// Runs a pipeline with the log wide open in both forms, whatever the exit code.
fn runs_quietly(pipeline: &Path, numbers: &Numbers, fail: Option<&str>, what: &str) {
    for form in FORMS {
        let place = Place::new();
        let mut command = place.command(pipeline, &format!("{form} --epoch-records 50"));
        fail.map(|fail| command.env("CAUDAL_FAIL", fail));
        numbers.check(&finish(command), what);
    }
}

fn sample_cases() -> Vec<PathBuf> {
    files(&root().join("sample-cdrs")).into_iter().filter(|path| path.join("pipeline").is_dir()).collect()
}

#[test]
fn samples() {
    for case in sample_cases() {
        let numbers = Numbers::of(&case);
        assert!(numbers.forms.len() > 5, "{}: {}", case.display(), numbers.forms.len());
        runs_quietly(&case.join("pipeline"), &numbers, None, &case.display().to_string());
    }
}

#[test]
fn the_quickstart_and_its_commands() {
    let pipeline = root().join("pipelines/quickstart");
    let mut numbers = Numbers::of(&pipeline);
    for case in sample_cases() {
        numbers.forms.extend(Numbers::of(&case.join("input")).forms);
    }
    assert!(numbers.forms.len() > 300, "{}", numbers.forms.len());
    runs_quietly(&pipeline, &numbers, None, "quickstart");
    let place = Place::new();
    place.run(&pipeline, "");
    for form in FORMS {
        let commands: [(&str, &[&Path]); 3] =
            [("validate", &[&pipeline]), ("test", &[&pipeline]), ("graph", &[&pipeline])];
        for (name, paths) in commands {
            let mut command = caudal();
            command.arg(name).args(paths).args(form.split(' '));
            numbers.check(&finish(command), name);
        }
        let mut audit = place.audit_command();
        audit.args(form.split(' '));
        numbers.check(&finish(audit), "audit");
    }
}

/// Ways to damage a line around its numbers.
fn damaged(line: &str, way: usize) -> String {
    let digits = |c: char| c.is_ascii_digit();
    match way {
        0 => line.replacen(digits, "x", 3),
        1 => line.chars().rev().collect(),
        2 => line.replace([';', ','], ""),
        3 => line.replace("34", "+34 (0) ").replace("60000", "60000\u{7f}"),
        4 => line
            .chars()
            .flat_map(|c| std::iter::repeat_n(c, if c.is_ascii_digit() { 3 } else { 1 }))
            .collect(),
        5 => line.chars().take(line.chars().count() * 2 / 3).collect(),
        6 => line.replace([';', ','], ";;").replace("2026", "9999"),
        _ => format!("{line}{line}"),
    }
}

#[test]
fn damaged_records() {
    for case in sample_cases() {
        let place = Place::new();
        copy(&case, &place.path("case"));
        let numbers = Numbers::of(&case);
        for path in files(&place.path("case/input")).into_iter().filter(|path| path.is_file()) {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let lines = text.lines().enumerate().map(|(number, line)| match number {
                0 => line.to_owned(),
                _ => damaged(line, number % 8),
            });
            let lines: Vec<_> = lines.collect();
            // The last line has no end.
            fs::write(&path, lines.join("\n")).unwrap();
        }
        let what = format!("{}, damaged", case.display());
        runs_quietly(&place.path("case/pipeline"), &numbers, None, &what);
    }
}

#[test]
fn failures() {
    let case = root().join("sample-cdrs/redelivery");
    let numbers = Numbers::of(&case);
    for fail in [
        "recover.line=error",
        "recover.outputs=error",
        "recover.sources=error",
        "epoch.parsed=error",
        "epoch.stepped=error",
        "epoch.drawn=error",
        "commit.prepare.write=error",
        "commit.log.before=error",
        "commit.log.after=error",
        "commit.finish.outputs=error",
        "commit.finish.source=error",
        "frame=lose@3",
        "intake=double@3",
        "dedup=lose@3",
        "assemble=lose@3",
        "guide=double@3",
        "exchange=lose@3",
        "rate=lose@3",
        "encode=double@3",
        "write=double@1",
    ] {
        runs_quietly(&case.join("pipeline"), &numbers, Some(fail), fail);
    }
}

/// What is wrong with reference data is said by line, without the number.
#[test]
fn damaged_reference_data() {
    let case = root().join("sample-cdrs/generated");
    let ways: [(&str, fn(&str) -> String); 7] = [
        ("a letter", |row| row.replacen(",34", ",34x", 1)),
        ("a column more", |row| row.replacen(',', ",,", 1)),
        ("a column less", |row| row.replacen(',', "", 1)),
        ("numbers in the place of days", |row| {
            let mut fields: Vec<_> = row.split(',').collect();
            fields.swap(3, 5);
            fields.swap(4, 6);
            fields.join(",")
        }),
        ("numbers in the place of ids", |row| {
            let mut fields: Vec<_> = row.split(',').collect();
            fields.swap(3, 1);
            fields.swap(4, 2);
            fields.join(",")
        }),
        ("each row twice", |row| format!("{row}\n{row}")),
        ("long numbers", |row| row.replace(",34", ",340000034").replace(",001", ",0010000001")),
    ];
    for (what, way) in ways {
        let place = Place::new();
        copy(&case, &place.path("case"));
        let table = place.path("case/pipeline/reference/subscriptions.csv");
        let text = fs::read_to_string(&table).unwrap();
        let mut rows = text.lines();
        let head = rows.next().unwrap().to_owned();
        let damaged: Vec<_> = std::iter::once(head).chain(rows.map(way)).collect();
        fs::write(&table, damaged.join("\n") + "\n").unwrap();
        let numbers = Numbers::of(&case);
        let pipeline = place.path("case/pipeline");
        runs_quietly(&pipeline, &numbers, None, what);
        let mut command = caudal();
        command.arg("validate").arg(&pipeline);
        let ended = finish(command);
        assert_eq!(ended.code(), Some(1), "{what}");
        let found = numbers.found_in(&ended.stdout);
        assert!(found.is_empty(), "{what}: {found:?} in\n{}", ended.stdout);
        println!("cases: 1");
    }
}

/// `rate` reads what a person wrote; what is wrong with it is said by line.
#[test]
fn wrong_usage_lines() {
    let pipeline = root().join("pipelines/quickstart");
    let mut numbers = Numbers::of(&pipeline);
    numbers.add("34600000104");
    let place = Place::new();
    let usage = place.path("usage.jsonl");
    for line in [
        "34600000104",
        "{\"calling\":34600000104}",
        "{\"calling\":\"34600000104x\"}",
        "{\"34600000104\":1}",
        "{\"service\":\"34600000104\",\"start\":\"34600000104\"}",
        "{\"service\":\"voice\",\"start\":\"2026-09-01T10:00:00Z\",\"duration\":\"34600000104\",\"calling\":\"346000001043460000010434\"}",
    ] {
        fs::write(&usage, format!("{line}\n")).unwrap();
        for form in FORMS {
            let mut command: Command = caudal();
            command.arg("rate").arg(&pipeline).arg(&usage).args(form.split(' '));
            numbers.check(&finish(command), line);
        }
    }
}

/// The name of a pipeline's source or file is the operator's own, and no number.
#[test]
fn a_source_that_cannot_be_read() {
    let case = root().join("sample-cdrs/sms");
    let place = Place::new();
    copy(&case, &place.path("case"));
    edit(&place.path("case/pipeline/pipeline.toml"), "\"../input\"", "\"../nowhere\"");
    runs_quietly(&place.path("case/pipeline"), &Numbers::of(&case), None, "no folder");
}
