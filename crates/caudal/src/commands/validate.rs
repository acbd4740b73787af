//! `caudal validate`: a pipeline folder to everything that is wrong with it, file:line:column.
//! Relies on the readers of each part to find all of it, not the first.
//! Never opens a state folder.

use crate::cli::ValidateArgs;
use crate::config::{PIPELINE_FILE, Pipeline};
use crate::failure::Failure;
use crate::print::{count, json, say};
use caudal_connect::directory::{After, archive_of};
use caudal_connect::kafka::Kafka;
use caudal_usage::{Diagnostic, Severity};

/// Runs the command. Exit code 1 when an error was found, 0 with warnings only.
pub fn validate(args: &ValidateArgs) -> Result<(), Failure> {
    let mut loaded = Pipeline::load(&args.pipeline);
    if let (true, Ok(pipeline)) = (args.online, &loaded) {
        let outside = outside(pipeline);
        if !outside.is_empty() {
            loaded = Err(pipeline.warnings.iter().cloned().chain(outside).collect());
        }
    }
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

/// What the world says now: each folder of a source must be there and can be listed, and a broker must answer.
fn outside(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for source in &pipeline.sources {
        let Some(files) = source.directory() else { continue };
        let archive = match &files.after {
            // One that is named by the day is made when the first file of that day goes there.
            After::Archive(folder) if *folder == archive_of(folder, 0) => Some(("archive", folder)),
            After::Archive(_) => None,
            After::Keep | After::Delete => None,
        };
        for (what, folder) in std::iter::once(("directory", &files.directory)).chain(archive) {
            if let Err(error) = std::fs::read_dir(folder) {
                let message = format!(
                    "source {:?}: {what} {} cannot be listed: {error}",
                    source.name,
                    folder.display()
                );
                findings.push(Diagnostic::error_in_line(PIPELINE_FILE, 0, message));
            }
        }
    }
    if let Some(Err(error)) = pipeline.kafka.clone().map(|config| Kafka::new(config).probe()) {
        findings.push(Diagnostic::error_in_line(PIPELINE_FILE, 0, format!("kafka: {error:#}")));
    }
    findings
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn online_asks_the_folders_of_the_sources() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pipelines/quickstart");
        let mut pipeline = Pipeline::load(folder.as_ref()).unwrap();
        assert_eq!(outside(&pipeline), []);
        pipeline.sources[0].directory_mut().unwrap().directory = "/nowhere/at/all".into();
        let findings = outside(&pipeline);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].message.contains("directory /nowhere/at/all cannot be listed"),
            "{}",
            findings[0]
        );
    }
}
