//! `caudal test`: the pipeline's own cases to those that hold and those that do not.
//! Relies on the desk of `rate`: a case is priced by the very function that prices a line.
//! Never carries a balance from one case to the next.

mod compare;

use crate::cli::PipelineArgs;
use crate::config::Pipeline;
use crate::config::cases::{self, Case};
use crate::failure::Failure;
use crate::print::json;
use crate::usage_lines::{Desk, Line, OnClose};
use compare::{Answer, Difference};
use std::io::Write;

/// Runs the command. Exit code 1 when a case fails, 2 when a file is not understood.
pub fn test(args: &PipelineArgs) -> Result<(), Failure> {
    let pipeline = Pipeline::load(&args.pipeline).map_err(Failure::Configuration)?;
    let (cases, warnings) = cases::read(&pipeline.folder).map_err(Failure::Configuration)?;
    pipeline.warnings.iter().chain(&warnings).for_each(|warning| eprintln!("{warning}"));
    let mut to = std::io::stdout().lock();
    let mut failed = 0usize;
    for case in &cases {
        let differences = run(&pipeline, case)?;
        failed += usize::from(!differences.is_empty());
        let line = if args.json { to_json(case, &differences) } else { text(case, &differences) };
        writeln!(to, "{line}")?;
    }
    if !args.json {
        writeln!(to, "{} passed, {failed} failed{}", cases.len() - failed, none_there(&cases))?;
    }
    if failed > 0 { Err(Failure::Found) } else { Ok(()) }
}

fn none_there(cases: &[Case]) -> String {
    if cases.is_empty() {
        format!(": there is no [[case]] in {}/*.toml", cases::FOLDER)
    } else {
        String::new()
    }
}

/// Prices the usage of a case with empty balances and compares.
fn run(pipeline: &Pipeline, case: &Case) -> Result<Vec<Difference>, Failure> {
    let on_close = if case.cycle_total.is_some() { OnClose::Sum } else { OnClose::Nothing };
    let mut desk = Desk::new(pipeline, &case.file, on_close);
    let mut answers = Vec::with_capacity(case.usage.len());
    let mut out = Vec::new();
    for (usage, number) in case.usage.iter().zip(1..) {
        out.clear();
        desk.answer(Line::Octets(usage.as_bytes()), number, &mut out);
        answers.push(Answer::read(&out).map_err(anyhow::Error::from)?);
    }
    let mut differences = compare::differences(case, &answers);
    differences.extend(compare::of_total(case, &desk.closed()));
    Ok(differences)
}

fn text(case: &Case, differences: &[Difference]) -> String {
    if differences.is_empty() {
        return format!("ok      {}", case.name);
    }
    let mut text = format!("FAILED  {}   {}:{}", case.name, case.file, case.line);
    let width = differences.iter().map(|difference| difference.field.chars().count()).max().unwrap_or(0);
    for Difference { field, expected, found } in differences {
        text.push_str(&format!("\n          {field:<width$}   expected {expected}, found {found}"));
    }
    text
}

fn to_json(case: &Case, differences: &[Difference]) -> String {
    json::object(|out| {
        json::text(out, "case", &case.name);
        json::text(out, "file", &case.file);
        json::number(out, "line", i64::try_from(case.line).unwrap_or(i64::MAX));
        json::truth(out, "passed", differences.is_empty());
        json::key(out, "differences");
        out.push(b'[');
        for (index, Difference { field, expected, found }) in differences.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.push(b'{');
            json::text(out, "field", field);
            json::text(out, "expected", expected);
            json::text(out, "found", found);
            out.push(b'}');
        }
        out.push(b']');
    })
}

#[cfg(test)]
mod tests;
