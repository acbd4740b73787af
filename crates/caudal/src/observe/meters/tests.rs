use super::*;
use caudal_runtime::SourceStanding;
use metrics::with_local_recorder;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

/// Set when the page is to be written instead of compared.
const WRITE: &str = "CAUDAL_WRITE_METRICS";

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/prometheus/caudal.rules.yml");
const OPERATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");

const HEAD: &str = "\
# Metrics

`caudal run` serves these at `/metrics`, in the text format of Prometheus, where the pipeline says so:

```toml
[metrics]
listen = \"127.0.0.1:9464\"     # any address; what it says is no secret to those who can reach it
```

What is counted is committed, and counted since the process began. Labels take the values of a closed table, or the names
of the pipeline's sources; none holds the name of a file, an account or a subscriber. Amounts of money are not here, as
metrics are binary fractions: the events and `caudal audit` have them.

This page is printed from the program's own table, and a test compares it:
`CAUDAL_WRITE_METRICS=1 cargo test --release -p caudal --bin caudal observe::meters` writes it.

| metric | kind | label | what it says |
|---|---|---|---|
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for metric in METRICS {
        let label = match metric.label.split_once(": ") {
            Some((label, values)) => format!("`{label}`: {values}"),
            None => String::new(),
        };
        let (name, kind, help) = (metric.name, kind(metric.kind), metric.help);
        writeln!(page, "| `{name}` | {kind} | {label} | {help} |").unwrap();
    }
    page
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram(_) => "histogram",
    }
}

#[test]
fn the_page_is_the_table() {
    if std::env::var_os(WRITE).is_some() {
        fs::write(PAGE, page()).unwrap();
    }
    let text = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(text == page(), "docs/metrics.md is not what the table prints; its head says how to write it");
}

/// A page without commits, or with one.
fn rendered(steps: &[(Report, Standing)]) -> String {
    let recorder = recorder().unwrap();
    with_local_recorder(&recorder, || {
        let mut meters = Meters::register(["msc-1", "pgw-1"].into_iter());
        steps.iter().for_each(|(report, standing)| meters.stands(report, standing));
    });
    recorder.handle().render()
}

fn standing(commit: Option<u64>) -> Standing {
    let source = |name: &str| SourceStanding {
        name: name.into(),
        watermark_ms: Some(1_790_000_000_500),
        claimed: 3,
        finished: 0,
    };
    Standing {
        epoch: 7,
        commit: commit.map(Duration::from_millis),
        claims_in_memory: 11,
        claims_on_disk: 12,
        log_bytes: 13,
        sources: vec![source("msc-1"), source("pgw-1")],
    }
}

/// The value of a line, by everything before it.
fn value<'t>(text: &'t str, series: &str) -> &'t str {
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}")).rsplit(' ').next().unwrap()
}

/// What a page tells of its metrics, by name: its type and its help.
fn told(text: &str, word: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')?.split_once(' '));
    lines.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
}

#[test]
fn every_metric_of_the_table_is_served_and_no_other() {
    let text = rendered(&[(Report::default(), standing(None))]);
    let (kinds, helps) = (told(&text, "# TYPE"), told(&text, "# HELP"));
    let expected: BTreeMap<_, _> =
        METRICS.iter().map(|metric| (metric.name.to_owned(), kind(metric.kind).to_owned())).collect();
    assert_eq!(kinds, expected);
    for metric in METRICS {
        assert!(helps[metric.name].starts_with(metric.help), "{}", metric.name);
        assert!(helps[metric.name].contains(metric.label), "{}", metric.name);
    }
    // Without a commit everything but times is there.
    assert_eq!(told(&rendered(&[]), "# TYPE").len(), METRICS.len() - 1, "all but the watermark");
}

#[test]
fn names_end_in_their_units() {
    for metric in METRICS {
        let name = metric.name;
        assert!(name.starts_with("caudal_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
        assert_eq!(name.contains("seconds"), metric.unit == Unit::Seconds, "{name}");
        assert_eq!(name.contains("octets"), metric.unit == Unit::Bytes, "{name}");
        assert!(metric.help.ends_with('.'), "{name}");
    }
}

#[test]
fn a_commit_counts() {
    let mut report = Report { held_before: 5, suspended_before: 2, ..Report::default() };
    let restored = (report.clone(), standing(None));
    report.counts.entered = 10;
    report.counts.rated = 7;
    report.counts.held = 1;
    report.counts.add_code(Code::NoRate);
    report.counts.add_code(Code::Unanswered);
    (report.events, report.bytes) = (8, 900);
    report.alarms.insert(AlarmCode::SameName, 3);
    report.stages.parse = Duration::from_millis(20);
    let mut after = standing(Some(30));
    after.sources[0].finished = 2;
    let text = rendered(&[restored, (report, after)]);
    for (series, expected) in [
        ("caudal_records_entered_total", "10"),
        ("caudal_records_total{outcome=\"rated\"}", "7"),
        ("caudal_records_total{outcome=\"suspended\"}", "1"),
        ("caudal_suspended_total{code=\"no_rate\"}", "1"),
        ("caudal_suspended_total{code=\"bad_field\"}", "0"),
        ("caudal_filtered_total{code=\"unanswered\"}", "1"),
        ("caudal_alarms_total{code=\"same_name\"}", "3"),
        ("caudal_alarms_total{code=\"file_gap\"}", "0"),
        ("caudal_events_total", "8"),
        ("caudal_held_records", "6"),
        ("caudal_suspended_records", "3"),
        ("caudal_input_octets_total", "900"),
        ("caudal_claimed_files_total{source=\"msc-1\"}", "3"),
        ("caudal_files_total{source=\"msc-1\"}", "2"),
        ("caudal_open_files{source=\"msc-1\"}", "4"),
        ("caudal_open_files{source=\"pgw-1\"}", "6"),
        ("caudal_watermark_timestamp_seconds{source=\"pgw-1\"}", "1790000000.5"),
        ("caudal_epoch", "7"),
        ("caudal_claims{place=\"disk\"}", "12"),
        ("caudal_log_octets", "13"),
        ("caudal_commit_seconds_count", "1"),
        ("caudal_commit_seconds_bucket{le=\"0.025\"}", "0"),
        ("caudal_commit_seconds_bucket{le=\"0.05\"}", "1"),
        ("caudal_epoch_records_sum", "10"),
        ("caudal_stage_seconds_sum{stage=\"parse\"}", "0.02"),
        ("caudal_stage_seconds_count{stage=\"wait\"}", "1"),
    ] {
        assert_eq!(value(&text, series), expected, "{series}");
    }
}

/// The metrics that a text names.
fn named(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("caudal_") && *word != "caudal_").collect()
}

#[test]
fn rules_and_the_operators_page_name_only_what_is_there() {
    for path in [RULES, OPERATIONS] {
        let text = fs::read_to_string(path).unwrap();
        let names = named(&text);
        assert!(names.len() > 5, "{path}");
        for name in names {
            let plain = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let known = |name: &str| METRICS.iter().any(|metric| metric.name == name);
            assert!(known(name) || plain.is_some_and(known), "{path} names {name}");
        }
    }
}
