//! A pipeline with plans and tables of another folder in the place of its own: what `rate --against` compares with.
//! Relies on the loader of pipelines, so both sides are read and checked alike.
//! Never takes a customer, a source or a filter from the other folder: these stay the pipeline's.

use super::{Pipeline, folder};
use caudal_tariff::{SourceFile, Sources};
use caudal_usage::{Date, Diagnostic};
use serde::Deserialize;
use std::path::Path;
use toml::value::Datetime;

/// The other side.
#[derive(Debug)]
pub struct Against {
    /// The pipeline as it would be.
    pub pipeline: Pipeline,
    /// The files that come from the other folder, relative to it.
    pub taken: Vec<String>,
}

/// Loads `present` anew, with whatever `other` has of a tariff. The error is everything found.
pub fn load(present: &Pipeline, other: &Path) -> Result<Against, Vec<Diagnostic>> {
    let mut taken = Vec::new();
    let loaded = Pipeline::read(&present.folder, |findings| {
        let mut found = Vec::new();
        let over = folder::sources(other, &mut found);
        found.iter_mut().for_each(|finding| name(finding, other));
        findings.append(&mut found);
        taken = paths(&over);
        overlay(folder::sources(&present.folder, findings), over)
    });
    if taken.is_empty() {
        let what = other.display().to_string();
        let found = if other.is_dir() { "has no plan or table" } else { "is no folder" };
        let message = format!("{found}, expected one with plans/, rates/, or a table such as zones.csv");
        let found =
            loaded.err().unwrap_or_default().into_iter().filter(|finding| !is_known(present, finding));
        return Err(found.chain([Diagnostic::error_in_line(&what, 0, message)]).collect());
    }
    let own = |mut findings: Vec<Diagnostic>| {
        findings.retain(|finding| !is_known(present, finding));
        let theirs = findings.iter_mut().filter(|finding| taken.contains(&finding.file));
        theirs.for_each(|finding| name(finding, other));
        findings
    };
    match loaded {
        Ok(mut pipeline) => {
            pipeline.warnings = own(std::mem::take(&mut pipeline.warnings));
            Ok(Against { pipeline, taken })
        }
        Err(findings) => Err(own(findings)),
    }
}

/// What was said of the pipeline itself already.
fn is_known(present: &Pipeline, finding: &Diagnostic) -> bool {
    present.warnings.contains(finding)
}

/// Says in which folder the file of a finding lies.
fn name(finding: &mut Diagnostic, folder: &Path) {
    finding.file = folder.join(&finding.file).display().to_string();
}

fn paths(sources: &Sources) -> Vec<String> {
    sources.all().map(|file| file.path.clone()).collect()
}

/// Tables take the place of those of the same name; a plan file that of every one of the same plan that is valid at
/// the same time.
fn overlay(own: Sources, over: Sources) -> Sources {
    let heads: Vec<_> = over.plans.iter().filter_map(Head::of).collect();
    let named = |files: &[SourceFile], own: &SourceFile| files.iter().any(|over| over.path == own.path);
    let is_replaced = |own: &SourceFile| {
        let own = Head::of(own);
        own.is_some_and(|own| heads.iter().any(|over| over.id == own.id && over.overlaps(&own)))
    };
    let Sources { mut plans, mut tables, zones, holidays, networks, numbers, exchange } = own;
    plans.retain(|own| !named(&over.plans, own) && !is_replaced(own));
    tables.retain(|own| !named(&over.tables, own));
    plans.extend(over.plans);
    tables.extend(over.tables);
    Sources {
        plans,
        tables,
        zones: over.zones.or(zones),
        holidays: over.holidays.or(holidays),
        networks: over.networks.or(networks),
        numbers: over.numbers.or(numbers),
        exchange: over.exchange.or(exchange),
    }
}

/// What a plan file is about.
#[derive(Deserialize)]
struct Head {
    id: String,
    valid_from: Datetime,
    valid_to: Option<Datetime>,
}

impl Head {
    /// `None` of a file that the compiler has findings about.
    fn of(file: &SourceFile) -> Option<Self> {
        toml::from_str(std::str::from_utf8(&file.bytes).ok()?).ok()
    }

    fn overlaps(&self, other: &Self) -> bool {
        let before =
            |head: &Self, other: &Self| head.valid_to.is_some_and(|to| day(to) <= day(other.valid_from));
        !before(self, other) && !before(other, self)
    }
}

fn day(at: Datetime) -> Option<Date> {
    at.date.and_then(|date| Date::new(i32::from(date.year), date.month, date.day))
}
