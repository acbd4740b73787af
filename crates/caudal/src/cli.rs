//! The command line.
//! Relies on clap for parsing and help.
//! Never a default that depends on the machine's time or place.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Usage in, billable events out: nothing lost, nothing twice, every cent explained.
#[derive(Parser, Debug)]
#[command(name = "caudal", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What is said on standard error.
    #[command(flatten)]
    pub log: LogArgs,
}

/// Logs, on standard error.
#[derive(Args, Debug)]
pub struct LogArgs {
    /// Lines for people, or one JSON object a line
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// The least urgent that is logged
    #[arg(long, global = true, value_enum, default_value_t = LogLevel::Info, value_name = "LEVEL")]
    pub log_level: LogLevel,
}

/// The form of a log.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

/// How urgent a line is.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Read, rate, commit
    Run(RunArgs),
    /// Check configuration, plans, tables and cross references
    Validate(ValidateArgs),
    /// Run the pipeline's own cases
    Test(PipelineArgs),
    /// Show what a file or a folder of files holds
    Inspect(InspectArgs),
    /// Price usage given as JSON lines; balances are empty at start, no state is kept
    Rate(RateArgs),
    /// Recompute an event from the original bytes and say how its amount came about
    Explain(ExplainArgs),
    /// The books by file, source and day
    Audit(StateArgs),
    /// Write usage, a pipeline that reads it, and what is to be expected of it
    Generate(GenerateArgs),
    /// Draw a pipeline as a Mermaid diagram
    Graph(PipelineArgs),
}

/// `run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Pipeline folder
    pub pipeline: PathBuf,
    /// Stop when the input is exhausted
    #[arg(long)]
    pub once: bool,
    /// State folder
    #[arg(long, default_value = "state", value_name = "DIR")]
    pub state: PathBuf,
    /// Output folder [default: the pipeline's `output`]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Kafka brokers, instead of those that the pipeline names
    #[arg(long, value_name = "HOST:PORT")]
    pub brokers: Option<String>,
    /// Report as one JSON object on the last line
    #[arg(long)]
    pub json: bool,
    /// How the line is laid out.
    #[command(flatten)]
    pub layout: LayoutArgs,
}

/// Overrides of the pipeline's `[engine]`.
#[derive(Args, Debug)]
pub struct LayoutArgs {
    /// Threads [default: the machine's cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Shards [default: as many as threads]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub shards: Option<u16>,
    /// Records after which an epoch is committed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub epoch_records: Option<u32>,
    /// Stop after so many commits, as if told to
    #[arg(long, value_name = "N")]
    pub commits: Option<u64>,
}

/// `validate`.
#[derive(Args, Debug)]
pub struct ValidateArgs {
    /// Pipeline folder
    pub pipeline: PathBuf,
    /// Also ask what lies outside the folder: directories and archives can be listed, a Kafka broker answers
    #[arg(long)]
    pub online: bool,
    /// Report as JSON lines
    #[arg(long)]
    pub json: bool,
}

/// A pipeline, and how to report on it.
#[derive(Args, Debug)]
pub struct PipelineArgs {
    /// Pipeline folder
    pub pipeline: PathBuf,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

/// `inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    /// File, or folder of files
    pub path: PathBuf,
    /// Format, where the bytes leave it open
    #[arg(long, value_name = "F")]
    pub format: Option<String>,
    /// Show the octets of each record
    #[arg(long)]
    pub hex: bool,
    /// Report as JSON lines
    #[arg(long)]
    pub json: bool,
}

/// `rate`.
#[derive(Args, Debug)]
pub struct RateArgs {
    /// Pipeline folder
    pub pipeline: PathBuf,
    /// Usage, one JSON object a line; `-` for standard input. With `--against` also events of a run, or a folder of them
    pub usage: PathBuf,
    /// Append what a close of each cycle charges
    #[arg(long)]
    pub cycle_close: bool,
    /// Show what the usage would cost by the plans and tables of another folder instead
    #[arg(long, value_name = "DIR")]
    pub against: Option<PathBuf>,
    /// State of the run that wrote the events: their original records are read instead
    #[arg(long, requires = "against", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Accounts shown that change most, each way
    #[arg(long, default_value_t = 10, requires = "against", value_name = "N")]
    pub top: usize,
    /// Report as one JSON object. Without `--against` the output is JSON lines anyhow
    #[arg(long)]
    pub json: bool,
}

/// `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// 32 hex digits
    pub event: String,
    /// The state that it lives in.
    #[command(flatten)]
    pub state: StateArgs,
}

/// A state and output folder.
#[derive(Args, Debug)]
pub struct StateArgs {
    /// State folder
    #[arg(long, default_value = "state", value_name = "DIR")]
    pub state: PathBuf,
    /// Output folder
    #[arg(long, default_value = "out", value_name = "DIR")]
    pub out: PathBuf,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}

/// `generate`.
#[derive(Args, Debug)]
pub struct GenerateArgs {
    /// Format: delimited, asterisk, pgw, chf
    pub format: String,
    /// Records
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub records: u64,
    /// Seed: the same seed gives the same bytes
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Subscriptions
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub subscriptions: u32,
    /// Prefixes in the zone table
    #[arg(long, default_value_t = 1_000, value_name = "N")]
    pub prefixes: u32,
    /// Share of records delivered twice
    #[arg(long, default_value = "1%", value_name = "SHARE")]
    pub duplicates: String,
    /// Share of records with broken lines
    #[arg(long, default_value = "0.1%", value_name = "SHARE")]
    pub damaged: String,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
}
