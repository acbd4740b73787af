//! `caudal graph`: a pipeline to a Mermaid flowchart of the way its usage takes.
//! Relies on the pipeline being checked; draws what it says, not what ran.
//! Never lets a name end its label: what Mermaid could read as its own is escaped.

use crate::cli::PipelineArgs;
use crate::config::{Input, Pipeline, SourceConfig};
use crate::failure::Failure;
use crate::print::{count, json};
use caudal_connect::directory::DirectoryConfig;
use caudal_mediation::filter::BillableRules;
use caudal_usage::Service;
use caudal_usage::time::DAY_MS;
use std::io::Write;
use std::path::Path;

/// Sources or plans drawn one by one; the others are counted in one node, so that the picture can still be read.
const DRAWN_MAX: usize = 8;

/// Characters of a name that a label shows.
const NAME_MAX: usize = 48;

/// Runs the command.
pub fn graph(args: &PipelineArgs) -> Result<(), Failure> {
    let pipeline = Pipeline::load(&args.pipeline).map_err(Failure::Configuration)?;
    let chart = flowchart(&pipeline);
    let text = match args.json {
        true => json::object(|out| json::text(out, "mermaid", &chart)) + "\n",
        false => chart,
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn flowchart(pipeline: &Pipeline) -> String {
    let mut chart = Chart::new(&pipeline.name);
    sources(&mut chart, pipeline);
    line(&mut chart, pipeline);
    plans(&mut chart, pipeline);
    outputs(&mut chart, pipeline);
    chart
        .text
        .push_str("  classDef store fill:#eef,stroke:#88a\n  class rated,suspense,duplicates,audit store\n");
    chart.text
}

/// The text of a flowchart while it is drawn.
struct Chart {
    text: String,
    /// Before a node: deeper inside a subgraph.
    indent: &'static str,
}

impl Chart {
    fn new(title: &str) -> Self {
        let title: String = title.chars().filter(|c| !c.is_control() && *c != '"').collect();
        Self { text: format!("---\ntitle: \"caudal · {title}\"\n---\nflowchart LR\n"), indent: "  " }
    }

    /// A box with lines of text.
    fn node(&mut self, id: &str, (open, close): (&str, &str), lines: &[String]) {
        let label: Vec<_> = lines.iter().map(|line| escaped(line)).collect();
        let (indent, label) = (self.indent, label.join("<br/>"));
        self.text.push_str(&format!("{indent}{id}{open}\"{label}\"{close}\n"));
    }

    fn edge(&mut self, from: &str, to: &str) {
        self.text.push_str(&format!("  {from} --> {to}\n"));
    }

    fn labelled(&mut self, from: &str, label: &str, to: &str) {
        self.text.push_str(&format!("  {from} -->|\"{}\"| {to}\n", escaped(label)));
    }

    fn open(&mut self, id: &str, label: &str) {
        self.text.push_str(&format!("  subgraph {id} [\"{}\"]\n", escaped(label)));
        self.indent = "    ";
    }

    fn close(&mut self) {
        self.text.push_str("  end\n");
        self.indent = "  ";
    }
}

const BOX: (&str, &str) = ("[", "]");
const ROUND: (&str, &str) = ("([", "])");
const STORE: (&str, &str) = ("[(", ")]");

/// Text that Mermaid shows as it is: whatever it gives a meaning of its own is written as a character code.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_alphanumeric() || " .,:/_·+-()%".contains(c) => out.push(c),
            c if c.is_control() => out.push(' '),
            c => out.push_str(&format!("#{};", u32::from(c))),
        }
    }
    out
}

/// The first characters of a name.
fn short(text: &str) -> String {
    if text.chars().count() <= NAME_MAX {
        return text.to_owned();
    }
    let mut head: String = text.chars().take(NAME_MAX - 1).collect();
    head.push('…');
    head
}

fn sources(chart: &mut Chart, pipeline: &Pipeline) {
    chart.open("sources", "sources");
    let mut ids = Vec::new();
    for (source, index) in pipeline.sources.iter().take(DRAWN_MAX).zip(1..) {
        let id = format!("s{index}");
        chart.node(&id, ROUND, &describe(source, &pipeline.folder));
        ids.push((id, source.assembly.is_some()));
    }
    if let Some(rest) = pipeline.sources.get(DRAWN_MAX..).filter(|rest| !rest.is_empty()) {
        chart.node("more_sources", ROUND, &[format!("{} more sources", count(rest.len() as u64))]);
        ids.push(("more_sources".into(), rest.iter().any(|source| source.assembly.is_some())));
    }
    chart.close();
    for (id, _) in &ids {
        chart.edge(id, "normalise");
    }
}

fn describe(source: &SourceConfig, folder: &Path) -> Vec<String> {
    let shown = match &source.input {
        Input::Directory(DirectoryConfig { directory, .. }) => {
            directory.strip_prefix(folder).unwrap_or(directory).display().to_string()
        }
        Input::Topic(topic) => format!("topic {}", topic.topic),
    };
    let mut lines = vec![source.name.clone(), source.format.name().into(), tail(&shown)];
    if source.assembly.is_some() {
        lines.push("calls in parts".into());
    }
    lines
}

/// The last characters of a path: they tell folders apart.
fn tail(path: &str) -> String {
    let count = path.chars().count();
    if count <= NAME_MAX {
        return path.to_owned();
    }
    let end: String = path.chars().skip(count - NAME_MAX + 1).collect();
    format!("…{end}")
}

/// The stages that every record passes.
fn line(chart: &mut Chart, pipeline: &Pipeline) {
    let window = format!("{} days", pipeline.dedup.window_days);
    let table =
        if pipeline.billable == BillableRules::default() { "by source" } else { "by source, billable.csv" };
    let reference = &pipeline.reference;
    let subscriptions = format!("{} subscriptions", count(reference.subscription_count() as u64));
    let accounts = format!("{} accounts", count(reference.account_count() as u64));
    chart.node("normalise", BOX, &["normalise".into(), "times, numbers, checks".into()]);
    chart.node("dedup", BOX, &["dedup".into(), window]);
    chart.node("filter", BOX, &["filter".into(), table.into()]);
    chart.edge("normalise", "dedup");
    chart.edge("dedup", "filter");
    let holds = pipeline.sources.iter().filter_map(|source| source.assembly.map(|rule| rule.longest_hold_ms));
    if let Some(longest) = holds.max() {
        chart.node("assemble", BOX, &["assemble".into(), format!("holds {} at most", hold(longest))]);
        chart.edge("filter", "assemble");
        chart.edge("assemble", "guide");
    } else {
        chart.edge("filter", "guide");
    }
    chart.node("guide", BOX, &["guide".into(), subscriptions, accounts]);
    chart.edge("guide", "rate");
    chart.node("rate", BOX, &["rate".into(), format!("generation {}", pipeline.generation)]);
}

/// A duration in the largest unit that it is a whole number of.
fn hold(ms: i64) -> String {
    for (unit, worth) in [("days", DAY_MS), ("h", 3_600_000), ("min", 60_000), ("s", 1000)] {
        // A day is called 24 h where holds are meant.
        if ms >= worth && ms % worth == 0 && (unit != "days" || ms > worth) {
            return format!("{} {unit}", ms / worth);
        }
    }
    format!("{ms} ms")
}

/// What prices usage: plans that are subscribed to, with the plans they fall back on.
fn plans(chart: &mut Chart, pipeline: &Pipeline) {
    let plans = pipeline.tariff.plans();
    chart.open("plans", "plans");
    for (plan, index) in plans.iter().take(DRAWN_MAX).zip(1..) {
        let sold = |service: &Service| plan.versions.iter().any(|v| v.rates_for(*service).next().is_some());
        let services: Vec<_> = Service::ALL.iter().filter(|s| sold(s)).map(|s| s.as_str()).collect();
        let mut lines = vec![short(&plan.id)];
        lines.extend((!services.is_empty()).then(|| services.join(" · ")));
        lines.extend((plan.versions.len() > 1).then(|| format!("{} versions", plan.versions.len())));
        chart.node(&format!("p{index}"), BOX, &lines);
    }
    if plans.len() > DRAWN_MAX {
        chart.node("more_plans", BOX, &[format!("{} more plans", count((plans.len() - DRAWN_MAX) as u64))]);
    }
    chart.close();
    bases(chart, pipeline);
    chart.text.push_str("  plans -.-> rate\n");
}

/// Which plan is tried when another has no rate.
fn bases(chart: &mut Chart, pipeline: &Pipeline) {
    for (plan, index) in pipeline.tariff.plans().iter().take(DRAWN_MAX).zip(1..) {
        let mut bases: Vec<u32> = plan.versions.iter().filter_map(|version| version.base).collect();
        bases.sort_unstable();
        bases.dedup();
        for base in bases.into_iter().filter(|base| (*base as usize) < DRAWN_MAX) {
            chart.text.push_str(&format!("  p{index} -.->|\"else\"| p{}\n", base + 1));
        }
    }
}

fn outputs(chart: &mut Chart, pipeline: &Pipeline) {
    let out = match &pipeline.kafka {
        Some(_) => format!("topics {}.*", pipeline.name),
        None => tail(&pipeline.output.display().to_string()),
    };
    chart.open("outputs", &out);
    for (id, what) in [
        ("rated", "billable events"),
        ("suspense", "to be fixed"),
        ("duplicates", "with their first"),
        ("audit", "the book of each file"),
    ] {
        chart.node(id, STORE, &[format!("{id}/"), what.into()]);
    }
    chart.close();
    chart.edge("rate", "rated");
    chart.labelled("rate", "no_rate", "suspense");
    chart.labelled("guide", "no_subscription", "suspense");
    chart.labelled("normalise", "bad_field, …", "suspense");
    chart.edge("dedup", "duplicates");
    chart.labelled("filter", "filtered", "audit");
}

#[cfg(test)]
mod tests;
