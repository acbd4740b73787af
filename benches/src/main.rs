//! The shipped binary measured on generated files: records a second, peak memory, cost of each stage.
//! Relies on a release build of `caudal` beside it, and on a real disk for input, state and output.
//! Never reports a run whose outcomes or amounts differ from what the generator expects: that is an error.

mod baseline;
mod decode;
mod kafka;
mod rating;
mod report;
mod run;
mod set;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use report::Size;
use std::path::{Path, PathBuf};

/// The allocator of the shipped binary: what is measured in memory allocates as the line does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures `caudal run` on generated CDR files.
#[derive(Parser, Debug)]
#[command(name = "caudal-benches")]
struct Arguments {
    /// What is measured.
    #[arg(value_enum, default_value_t = What::Line)]
    what: What,
    /// Format of the records: delimited or pgw.
    #[arg(long, default_value = "delimited")]
    format: String,
    /// Sizes to measure, in records [default: 1,000,000, and for the line into files also 10,000,000].
    #[arg(long, value_delimiter = ',')]
    records: Vec<u64>,
    /// Runs of each size; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: u32,
    /// One run of 200,000 records, with 100,000 subscriptions and 10,000 prefixes.
    #[arg(long)]
    quick: bool,
    /// Subscriptions in the reference data.
    #[arg(long, default_value_t = 1_000_000)]
    subscriptions: u32,
    /// Prefixes in the zone table.
    #[arg(long, default_value_t = 100_000)]
    prefixes: u32,
    /// Seed of the generator.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The binary to measure [default: `caudal` beside this one].
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Folder for generated sets, state and output [default: `bench` in the target folder].
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum What {
    /// The whole line, into files.
    Line,
    /// Decoding alone, in memory, on one thread.
    Decode,
    /// Rating alone, in memory, on one thread.
    Rating,
    /// The whole line into a real Kafka, beside a plain producer.
    Kafka,
}

impl Arguments {
    fn quick(mut self) -> Self {
        if self.records.is_empty() {
            self.records = match self.what {
                What::Line => vec![1_000_000, 10_000_000],
                What::Decode | What::Rating | What::Kafka => vec![1_000_000],
            };
        }
        if !self.quick {
            return self;
        }
        Self { records: vec![200_000], runs: 1, subscriptions: 100_000, prefixes: 10_000, ..self }
    }
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse().quick();
    ensure!(arguments.runs > 0 && !arguments.records.is_empty(), "nothing to measure: no runs or no records");
    let own = std::env::current_exe().context("cannot find the path of this program")?;
    let beside = own.parent().context("this program has no folder")?;
    let binary = arguments.binary.clone().unwrap_or_else(|| beside.join("caudal"));
    ensure!(binary.is_file(), "{}: not found; build it with `cargo build --release`", binary.display());
    let folder = arguments.folder.clone().unwrap_or_else(|| beside.with_file_name("bench"));
    match arguments.what {
        What::Line => line(&arguments, &binary, &folder),
        What::Decode => {
            let set = set::prepare(&folder, &arguments, arguments.records[0])?;
            println!("{}", decode::measure(&arguments.format, &set, arguments.runs)?);
            Ok(())
        }
        What::Rating => {
            println!("{}", rating::measure(arguments.runs)?);
            Ok(())
        }
        What::Kafka => {
            let set = set::prepare(&folder, &arguments, arguments.records[0])?;
            println!("{}", kafka::measure(&binary, &set, &folder, arguments.runs)?);
            Ok(())
        }
    }
}

fn line(arguments: &Arguments, binary: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut sizes = Vec::new();
    for &records in &arguments.records {
        let set = set::prepare(folder, arguments, records)?;
        let baseline = baseline::measure(&set.input())?;
        let mut runs = Vec::new();
        for number in 1..=arguments.runs {
            let run = run::measure(binary, &set, &folder.join("run"))?;
            eprintln!("  run {number} of {}: {:.0} records/s", arguments.runs, run.records_per_s());
            runs.push(run);
        }
        let floor_per_s = report::floor_per_s(&arguments.format);
        let size = Size { records, floor_per_s, baseline, runs };
        println!("{}", size.table());
        sizes.push(size);
    }
    if let Some(line) = report::growth(&sizes) {
        println!("{line}");
    }
    let path = folder.join("report.json");
    std::fs::write(&path, report::json(&sizes))
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("report in {}", path.display());
    Ok(())
}
