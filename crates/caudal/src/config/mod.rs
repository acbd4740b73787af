//! A pipeline folder to everything a run needs: sources, rules, tariff, reference data; or all that is wrong with it.
//! Relies on the rooms of formats, tariff and guiding to check their own parts.
//! Never starts anything: what it returns is checked, and nothing was opened for writing.

pub mod against;
pub mod cases;
mod delimited;
mod folder;
mod kafka;
mod metrics;
mod reader;
mod reference;
mod source;
mod table;
mod topic;
mod units;

use caudal_connect::directory::DirectoryConfig;
use caudal_connect::kafka::KafkaConfig;
use caudal_mediation::filter::BillableRules;
use caudal_mediation::guide::{Reference, ReferenceBuilder};
use caudal_tariff::{Sources, Tariff};
use caudal_usage::{Diagnostic, Severity};
use reader::{Keys, Report};
use std::path::{Path, PathBuf};
use toml::de::DeTable;

pub use metrics::MetricsConfig;
pub use source::{Input, SourceConfig};

/// The file that describes a pipeline.
pub const PIPELINE_FILE: &str = "pipeline.toml";

/// Largest description, in octets.
const PIPELINE_OCTETS_MAX: u64 = 1 << 20;

/// Longest dedup window, in days.
const WINDOW_MAX_DAYS: i64 = 3_660;

/// How far back a duplicate is met, and how much memory that may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DedupConfig {
    /// Days.
    pub window_days: u32,
    /// Octets of claims held in memory.
    pub memory: u64,
}

impl Default for DedupConfig {
    fn default() -> Self {
        Self { window_days: 90, memory: 512 << 20 }
    }
}

/// How the line is run; `None` leaves the choice to the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct EngineConfig {
    /// Threads.
    pub threads: Option<u16>,
    /// Shards, 1 to 256.
    pub shards: Option<u16>,
    /// Records after which an epoch is committed.
    pub epoch_records: Option<u64>,
    /// Octets of input after which an epoch is committed.
    pub epoch_bytes: Option<u64>,
}

/// A pipeline, read and checked.
#[derive(Debug)]
pub struct Pipeline {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Where output goes unless the command line says otherwise; relative to where the program runs.
    pub output: PathBuf,
    /// The topics that commits go to, instead of the output folder.
    pub kafka: Option<KafkaConfig>,
    /// How far back a duplicate is met.
    pub dedup: DedupConfig,
    /// How the line is run.
    pub engine: EngineConfig,
    /// Whether metrics and health are served.
    pub metrics: MetricsConfig,
    /// The sources, in order of their names: the order of the schedule.
    pub sources: Vec<SourceConfig>,
    /// Plans and tables.
    pub tariff: Tariff,
    /// Accounts and subscriptions; their slots are assigned once the state's secret is known.
    pub reference: Reference,
    /// What is billed.
    pub billable: BillableRules,
    /// 16 hex digits over all plans, tables and reference data.
    pub generation: String,
    /// What works but is probably not meant so.
    pub warnings: Vec<Diagnostic>,
}

impl Pipeline {
    /// Reads the pipeline in `folder` (or beside the `pipeline.toml` that it names). The error is everything found.
    pub fn load(folder: &Path) -> Result<Self, Vec<Diagnostic>> {
        let folder = match folder.file_name() {
            Some(name) if name == PIPELINE_FILE => folder.parent().unwrap_or(folder),
            _ => folder,
        };
        if !folder.is_dir() && folder != Path::new("") {
            let name = folder.display().to_string();
            return Err(vec![Diagnostic::error_in_line(
                &name,
                0,
                "is no folder, expected one with a pipeline.toml",
            )]);
        }
        Self::read(folder, |findings| folder::sources(folder, findings))
    }

    /// Reads the pipeline in `folder`, its tariff from other sources.
    fn read(
        folder: &Path,
        sources: impl FnOnce(&mut Vec<Diagnostic>) -> Sources,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Vec::new();
        let head = read_head(folder, &mut findings);
        let sources = sources(&mut findings);
        let data = read_data(folder, &sources, &mut findings);
        reference::hide_numbers(&mut findings);
        let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
        match (head, data) {
            (Some(head), Some(data)) if !failed => Ok(Self {
                name: head.name,
                folder: folder.to_path_buf(),
                output: head.output,
                kafka: head.kafka,
                dedup: head.dedup,
                engine: head.engine,
                metrics: head.metrics,
                sources: head.sources,
                tariff: data.tariff,
                reference: data.reference,
                billable: data.billable,
                generation: data.generation,
                warnings: findings,
            }),
            _ => Err(findings),
        }
    }
}

/// What `pipeline.toml` says.
struct Head {
    name: String,
    output: PathBuf,
    kafka: Option<KafkaConfig>,
    dedup: DedupConfig,
    engine: EngineConfig,
    metrics: MetricsConfig,
    sources: Vec<SourceConfig>,
}

fn read_head(folder: &Path, findings: &mut Vec<Diagnostic>) -> Option<Head> {
    let file = folder::read(folder, PIPELINE_FILE, PIPELINE_OCTETS_MAX, findings)?;
    let Ok(text) = String::from_utf8(file.bytes) else {
        findings.push(Diagnostic::error_in_line(PIPELINE_FILE, 0, "is not UTF-8"));
        return None;
    };
    let mut report = Report::new(PIPELINE_FILE, &text);
    let head = parse(&mut report, &text, folder);
    findings.append(&mut report.findings);
    head
}

fn parse(report: &mut Report, text: &str, folder: &Path) -> Option<Head> {
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let message = error.message().lines().next().unwrap_or_default();
        report.error(error.span().map_or(0, |span| span.start), format!("is no TOML: {message}"));
    }
    if !errors.is_empty() {
        return None;
    }
    let mut keys = Keys::new(document.get_ref(), 0);
    let name = source::name(report, &mut keys, "name");
    let output = keys.text(report, "output").map_or("out", |text| text.value);
    let dedup = dedup(report, &mut keys);
    let engine = engine(report, &mut keys);
    let metrics = metrics::read(report, &mut keys);
    if keys.has("kafka") && keys.has("output") {
        report.error(
            keys.place("output"),
            "`output` and `kafka` both say where events go, expected one of them",
        );
    }
    let keyed = keys.has("kafka");
    let kafka = kafka::read(report, &mut keys, name.as_deref());
    let tables = keys.tables(report, "source", source::SOURCES_MAX);
    if tables.is_empty() && !report.failed() {
        report.error(0, "has no [[source]], expected at least one");
    }
    let sources = tables.into_iter().filter_map(|table| source::read(report, table, folder)).collect();
    keys.finish(report);
    let sources = order(report, sources);
    topic::check(report, &sources, keyed.then_some(kafka.as_ref()));
    Some(Head { name: name?, output: output.into(), kafka, dedup, engine, metrics, sources })
}

/// Sources in the order of the schedule: by name. Names are unique.
fn order(report: &mut Report, mut sources: Vec<SourceConfig>) -> Vec<SourceConfig> {
    sources.sort_by(|a, b| a.name.cmp(&b.name).then(a.at.cmp(&b.at)));
    for pair in sources.windows(2) {
        if let [first, second] = pair
            && first.name == second.name
        {
            report.error(
                second.at,
                format!("source {:?} is there twice, expected names of their own", first.name),
            );
        }
    }
    for (index, source) in sources.iter().enumerate() {
        let Some(DirectoryConfig { directory, .. }) = source.directory() else { continue };
        let place = |source: &SourceConfig| source.directory().map(|files| source::plain(&files.directory));
        let same = |other: &&SourceConfig| place(other) == place(source);
        if let Some(other) = sources.iter().take(index).find(same) {
            report.warning(
                source.at,
                format!("sources {:?} and {:?} read the same directory", other.name, source.name),
                "every file would be read twice",
            );
        }
        if !directory.is_dir() {
            let found =
                format!("directory {:?} of source {:?} is not there", directory.display(), source.name);
            report.warning(source.at, found, "a run stops until it is");
        }
    }
    for (source, index) in sources.iter_mut().zip(0u16..) {
        source.rules.source = index;
        match &mut source.input {
            Input::Directory(directory) => directory.source = index,
            Input::Topic(topic) => topic.source = index,
        }
    }
    sources
}

fn dedup(report: &mut Report, keys: &mut Keys<'_, '_>) -> DedupConfig {
    let default = DedupConfig::default();
    let Some(mut table) = keys.table(report, "dedup") else { return default };
    let days = table.parsed(
        report,
        "window",
        ("whole days such as \"90 days\", from 1 to 3660", |text| {
            let ms = units::duration_ms(text)?;
            let days = ms / caudal_usage::time::DAY_MS;
            let whole = ms % caudal_usage::time::DAY_MS == 0 && (1..=WINDOW_MAX_DAYS).contains(&days);
            whole.then(|| u32::try_from(days).ok()).flatten()
        }),
    );
    let memory = table.parsed(
        report,
        "memory",
        ("a size such as \"256 MiB\", from 1 MiB to 1 TiB", |text| {
            units::octets(text).filter(|octets| (1 << 20..=1 << 40).contains(octets))
        }),
    );
    table.finish(report);
    DedupConfig { window_days: days.unwrap_or(default.window_days), memory: memory.unwrap_or(default.memory) }
}

fn engine(report: &mut Report, keys: &mut Keys<'_, '_>) -> EngineConfig {
    let Some(mut table) = keys.table(report, "engine") else { return EngineConfig::default() };
    let small = |number: Option<i64>| number.and_then(|number| u16::try_from(number).ok());
    let threads = table.number(report, "threads", 1..=256);
    let shards = table.number(report, "shards", 1..=256);
    let records = table.number(report, "epoch_records", 1..=10_000_000);
    let bytes = table.parsed(
        report,
        "epoch_bytes",
        ("a size such as \"64 MiB\", from 1 MiB to 4 GiB", |text| {
            units::octets(text).filter(|octets| (1 << 20..=4 << 30).contains(octets))
        }),
    );
    table.finish(report);
    EngineConfig {
        threads: small(threads),
        shards: small(shards),
        epoch_records: records.and_then(|records| u64::try_from(records).ok()),
        epoch_bytes: bytes,
    }
}

/// What the other files say.
struct Data {
    tariff: Tariff,
    reference: Reference,
    billable: BillableRules,
    generation: String,
}

fn read_data(folder: &Path, sources: &Sources, findings: &mut Vec<Diagnostic>) -> Option<Data> {
    let (tariff, mut found) = caudal_tariff::compile(sources);
    findings.append(&mut found);
    let mut builder = ReferenceBuilder::new(reference::ACCOUNTS, reference::SUBSCRIPTIONS);
    let accounts = reference::accounts(folder, &mut builder, findings);
    // Without accounts every subscription would be one more finding about the same mistake.
    let subscriptions =
        accounts.and_then(|_| reference::subscriptions(folder, tariff.as_ref(), &mut builder, findings));
    let (billable, billable_hash) = reference::billable(folder, findings);
    let reference = match builder.build() {
        Ok(reference) => reference,
        Err(mut found) => {
            findings.append(&mut found);
            return None;
        }
    };
    if let Some(tariff) = &tariff {
        reference::check_currencies(&reference, tariff, findings);
    }
    let tables = [
        (reference::ACCOUNTS, accounts),
        (reference::SUBSCRIPTIONS, subscriptions),
        (reference::BILLABLE, billable_hash),
    ];
    Some(Data { tariff: tariff?, reference, billable, generation: generation(sources, &tables) })
}

/// 16 hex digits over names and contents, in order of the names.
fn generation(sources: &Sources, tables: &[(&str, Option<blake3::Hash>)]) -> String {
    let mut hashes: Vec<_> =
        sources.all().map(|file| (file.path.as_str(), blake3::hash(&file.bytes))).collect();
    hashes.extend(tables.iter().filter_map(|(name, hash)| Some((*name, (*hash)?))));
    hashes.sort_by_key(|(name, _)| *name);
    let mut hasher = blake3::Hasher::new();
    for (name, hash) in hashes {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(hash.as_bytes());
    }
    hasher.finalize().to_hex().chars().take(16).collect()
}

#[cfg(test)]
mod tests;
