//! `caudal generate`: options to a folder of usage, a pipeline and a manifest.
//! Relies on `caudal-load`, which shares no code with what it is to check.
//! Never overwrites: it writes into a new folder.

use crate::cli::GenerateArgs;
use crate::failure::Failure;
use crate::print::{count, say};
use caudal_load::Options;

/// Runs the command.
pub fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let options = Options {
        format: args.format.parse().map_err(usage)?,
        records: args.records,
        seed: args.seed,
        out: args.out.clone(),
        subscriptions: args.subscriptions,
        prefixes: args.prefixes,
        duplicates: args.duplicates.parse().map_err(usage)?,
        damaged: args.damaged.parse().map_err(usage)?,
    };
    options.check().map_err(usage)?;
    let manifest = caudal_load::generate(&options)?;
    if args.json {
        say(manifest.to_json(&options))?;
        return Ok(());
    }
    let folder = args.out.display();
    say(format_args!(
        "caudal · generated {} records in {} files under {folder}/input\n  \
         run it        caudal run {folder}/pipeline --once --state {folder}/state --out {folder}/out\n  \
         compare with  {folder}/manifest.json",
        count(args.records),
        manifest.files
    ))?;
    Ok(())
}

fn usage(error: anyhow::Error) -> Failure {
    Failure::usage(format!("{error:#}"))
}
