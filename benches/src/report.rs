//! Runs to a table for people and JSON for scripts.
//! Relies on every run having passed its comparison.
//! Never averages: median, least and greatest are shown.

use crate::baseline::Baseline;
use crate::run::Run;
use serde_json::{Value, json};
use std::fmt::Write;

/// The floor of a format on two cores, records a second: a record of a mobile core has several parts, one of text has one.
pub fn floor_per_s(format: &str) -> f64 {
    if format == "pgw" { 350_000.0 } else { 400_000.0 }
}

/// Peak memory allowed besides the hot dedup keys.
const MEMORY_OCTETS: u64 = 1 << 30;

/// Peak memory allowed for each hot dedup key.
const KEY_OCTETS: u64 = 48;

/// All runs of one size.
pub struct Size {
    /// Records in the set.
    pub records: u64,
    /// What the median is held against, records a second.
    pub floor_per_s: f64,
    /// Reading and splitting alone.
    pub baseline: Baseline,
    /// At least one.
    pub runs: Vec<Run>,
}

impl Size {
    /// A figure of all runs, rising.
    fn rising(&self, figure: fn(&Run) -> f64) -> Vec<f64> {
        let mut figures: Vec<f64> = self.runs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures
    }

    /// The figure in the middle.
    fn middle(&self, figure: fn(&Run) -> f64) -> f64 {
        let figures = self.rising(figure);
        figures.get(figures.len() / 2).copied().unwrap_or(0.0)
    }

    fn median(&self) -> f64 {
        self.middle(Run::records_per_s)
    }

    fn process_median(&self) -> f64 {
        self.middle(Run::process_records_per_s)
    }

    fn start_seconds(&self) -> f64 {
        self.middle(Run::start_seconds)
    }

    fn peak_octets(&self) -> u64 {
        self.runs.iter().map(|run| run.peak_octets).max().unwrap_or(0)
    }

    /// How many times longer a record takes than reading and splitting it.
    fn ratio(&self) -> f64 {
        self.baseline.lines_per_s() / self.median()
    }

    /// Lines for people.
    pub fn table(&self) -> String {
        let speeds = self.rising(Run::records_per_s);
        let (least, most) = (speeds.first().copied().unwrap_or(0.0), speeds.last().copied().unwrap_or(0.0));
        let peak = self.peak_octets();
        let allowed = MEMORY_OCTETS + KEY_OCTETS * self.records;
        let verdict = |good: bool| if good { "within" } else { "beyond" };
        let mut out =
            format!("\n{} records, {} runs, outcomes and amounts as expected\n", self.records, speeds.len());
        let rows = [
            ("speed", format!("{:.0} records/s (least {least:.0}, greatest {most:.0})", self.median())),
            (
                "with start and end",
                format!(
                    "{:.0} records/s; {:.2} s of it are no line time",
                    self.process_median(),
                    self.start_seconds()
                ),
            ),
            (
                "floor",
                format!("{:.2} of {:.0} records/s", self.median() / self.floor_per_s, self.floor_per_s),
            ),
            (
                "reading and splitting",
                format!(
                    "{:.0} records/s; the line takes {:.1} times as long",
                    self.baseline.lines_per_s(),
                    self.ratio()
                ),
            ),
            (
                "peak memory",
                format!("{} MiB, {} the {} MiB allowed", peak >> 20, verdict(peak <= allowed), allowed >> 20),
            ),
        ];
        for (name, value) in rows {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  {name:<22} {value}");
        }
        for (name, value) in self.details() {
            let _ = writeln!(out, "  {name:<22} {value}");
        }
        out
    }

    /// What the binary itself reports of the last run: fsyncs, and nanoseconds by stage.
    fn details(&self) -> Vec<(String, Value)> {
        let Some(run) = self.runs.last() else { return Vec::new() };
        let mut details = Vec::new();
        for name in ["fsyncs", "commits"] {
            if let Some(value) = run.summary.get(name) {
                details.push((name.to_owned(), value.clone()));
            }
        }
        if let Some(stages) = run.summary.get("stages").and_then(Value::as_object) {
            details.extend(stages.iter().map(|(name, value)| (name.replace('_', " "), value.clone())));
        }
        details
    }

    fn json(&self) -> Value {
        let runs: Vec<Value> = self
            .runs
            .iter()
            .map(|run| {
                json!({
                    "line_seconds": run.line_seconds, "process_seconds": run.process_seconds,
                    "records_per_s": run.records_per_s(), "peak_octets": run.peak_octets,
                    "summary": run.summary,
                })
            })
            .collect();
        json!({
            "records": self.records,
            "median_records_per_s": self.median(),
            "median_process_records_per_s": self.process_median(),
            "median_start_seconds": self.start_seconds(),
            "peak_octets": self.peak_octets(),
            "baseline_records_per_s": self.baseline.lines_per_s(),
            "baseline_columns": self.baseline.columns,
            "times_baseline": self.ratio(),
            "runs": runs,
        })
    }
}

/// How the speed of the largest size compares with that of the smallest; `None` for one size.
pub fn growth(sizes: &[Size]) -> Option<String> {
    let least = sizes.iter().min_by_key(|size| size.records)?;
    let most = sizes.iter().max_by_key(|size| size.records)?;
    if least.records == most.records {
        return None;
    }
    let percent = 100.0 * (most.median() / least.median() - 1.0);
    Some(format!("from {} to {} records the speed changes by {percent:+.1} %", least.records, most.records))
}

/// Everything, for scripts.
pub fn json(sizes: &[Size]) -> String {
    let value = json!({ "sizes": sizes.iter().map(Size::json).collect::<Vec<_>>() });
    format!("{value:#}\n")
}
