//! `caudal validate`: a pipeline folder to everything that is wrong with it, file:line:column.
//! Relies on the readers of each part to find all of it, not the first.
//! Never opens a state folder.

use crate::cli::PipelineArgs;
use crate::config::Pipeline;
use crate::failure::Failure;
use crate::print::{count, json, say};
use caudal_usage::{Diagnostic, Severity};

/// Runs the command. Exit code 1 when an error was found, 0 with warnings only.
pub fn validate(args: &PipelineArgs) -> Result<(), Failure> {
    let loaded = Pipeline::load(&args.pipeline);
    let findings = match &loaded {
        Ok(pipeline) => &pipeline.warnings,
        Err(findings) => findings,
    };
    if args.json {
        findings.iter().try_for_each(|finding| say(to_json(finding)))?;
    } else {
        findings.iter().try_for_each(say)?;
        say(match &loaded {
            Ok(pipeline) => describe(pipeline),
            Err(_) => format!("{} is not fit to run: {}", args.pipeline.display(), totals(findings)),
        })?;
    }
    loaded.map(drop).map_err(|_| Failure::Found)
}

fn describe(pipeline: &Pipeline) -> String {
    format!(
        "{} is fit to run: {} sources, {} subscriptions, generation {}; {}",
        pipeline.name,
        pipeline.sources.len(),
        count(pipeline.reference.subscription_count() as u64),
        pipeline.generation,
        totals(&pipeline.warnings)
    )
}

fn totals(findings: &[Diagnostic]) -> String {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    format!("errors {}, warnings {}", of(Severity::Error), of(Severity::Warning))
}

fn to_json(finding: &Diagnostic) -> String {
    let severity = if finding.severity == Severity::Error { "error" } else { "warning" };
    json::object(|out| {
        json::text(out, "severity", severity);
        json::text(out, "file", &finding.file);
        json::number(out, "line", finding.line as i64);
        json::number(out, "column", finding.column as i64);
        json::text(out, "message", &finding.message);
        json::text(out, "hint", &finding.hint);
    })
}
