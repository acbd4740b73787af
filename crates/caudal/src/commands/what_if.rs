//! `caudal rate --against`: usage and another folder of plans to the difference in money.
//! Relies on `what_if` for every figure; one line is in memory at a time.
//! Never changes anything: nothing is opened for writing.

use super::audit;
use super::rate::open;
use crate::cli::RateArgs;
use crate::config::{Pipeline, against};
use crate::explain::Originals;
use crate::failure::Failure;
use crate::print::{self, say};
use crate::usage_lines::{Line, Lines, OnClose, Taken};
use crate::what_if::{self, Comparison, Files, Place, Report, Setting};
use anyhow::Context;
use std::path::Path;

/// Runs the command. Prices that are missing are part of the report: exit code 0.
pub fn what_if(args: &RateArgs, pipeline: &Pipeline, folder: &Path) -> Result<(), Failure> {
    let against = against::load(pipeline, folder).map_err(|findings| {
        findings.iter().for_each(print::finding);
        Failure::usage(format!(
            "the plans of {} are not fit to be compared; nothing was priced",
            folder.display()
        ))
    })?;
    against.pipeline.warnings.iter().for_each(|warning| eprintln!("{warning}"));
    let files = Files::of(&args.usage)?;
    let on_close = if args.cycle_close { OnClose::Sum } else { OnClose::Nothing };
    let mut comparison = Comparison::new(pipeline, &against.pipeline, on_close);
    if let Some(state) = &args.state {
        comparison = comparison.with_originals(Originals::new(audit::read(state)?, state));
    }
    for path in &files.paths {
        read(&mut comparison, path)?;
    }
    let mut setting = Setting::new(pipeline, (&against, folder.display().to_string()));
    (setting.is_closed, setting.not_final, setting.top) = (args.cycle_close, files.not_final, args.top);
    let report = comparison.finish().and_then(|tally| Report::new(setting, tally));
    let shown =
        report.and_then(|report| if args.json { what_if::json(&report) } else { what_if::text(&report) });
    say(shown.context("a sum")?)?;
    Ok(())
}

fn read(comparison: &mut Comparison<'_>, path: &Path) -> Result<(), Failure> {
    let (file, input) = open(path)?;
    let mut lines = Lines::new(input);
    let mut line = Vec::new();
    loop {
        let taken = match lines.next(&mut line).with_context(|| file.clone())? {
            Taken::Line => Line::Octets(&line),
            Taken::TooLong => Line::TooLong,
            Taken::End => return Ok(()),
        };
        let place = Place { file: &file, line: lines.number() };
        comparison.line(taken, place).with_context(|| format!("{file}, line {}: a sum", place.line))?;
    }
}
