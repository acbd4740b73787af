//! An event id to why the event is what it is: its records, who pays, what matched, what each line charges.
//! Relies on the kept versions and the original bytes to compute it anew, by the stages of a run.
//! Never takes the stored line's word for it while the bytes are there.

mod arithmetic;
mod balances;
mod compare;
mod data;
mod originals;
mod recompute;
mod replay;
mod show;
mod show_lines;

use crate::commands::{topics, versions};
use crate::config::{Pipeline, SourceConfig};
use caudal_engine::setup::Names;
use caudal_runtime::peek::Peeked;
use caudal_usage::{FileOrdinal, Stream};
use data::DataFiles;
use recompute::Recomputed;
use serde_json::Value;
use std::path::{Path, PathBuf};

pub use replay::{Originals, Wanted};
pub use show::{json, text};

/// Fewest digits of an id that are looked for.
pub const DIGITS_MIN: usize = 8;

/// Digits of a whole id.
pub const DIGITS: usize = 32;

/// What is known of one event.
pub struct Explained {
    /// The stored line, without its line end.
    pub line: Vec<u8>,
    /// The same, read.
    pub event: Value,
    /// The recomputation; absent where the bytes or the version are gone.
    pub recomputed: Option<Recomputed>,
    /// Where the recomputation differs, or what is wrong with the arithmetic.
    pub differences: Vec<Difference>,
    /// What stands in the way of recomputing, and other remarks.
    pub notes: Vec<String>,
    /// Records that repeat one of its records: file and number.
    pub duplicates: Vec<(String, u64)>,
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Field of the event, as `lines.0.amount`.
    pub field: String,
    /// What is stored.
    pub stored: String,
    /// What was computed.
    pub computed: String,
}

/// Why there is nothing to explain.
#[derive(Debug)]
pub enum Missing {
    /// No line has this id; where it was looked for.
    NoSuchEvent(String),
    /// Several ids begin so.
    Ambiguous(Vec<String>),
    /// Reading failed.
    Io(anyhow::Error),
}

impl From<anyhow::Error> for Missing {
    fn from(error: anyhow::Error) -> Self {
        Self::Io(error)
    }
}

/// Explains events of one state. Versions are loaded once.
pub struct Explainer {
    peeked: Peeked,
    rated: DataFiles,
    duplicates: DataFiles,
    names: Names,
    versions: Vec<Version>,
}

/// A kept version, loaded when it is first wanted.
struct Version {
    folder: PathBuf,
    loaded: Option<anyhow::Result<Loaded>>,
}

impl Version {
    /// Those that a state keeps, newest first.
    fn all(state: &Path) -> Vec<Self> {
        versions::kept(state).into_iter().map(|folder| Self { folder, loaded: None }).collect()
    }

    fn load(&mut self) -> Result<&Loaded, &anyhow::Error> {
        self.loaded.get_or_insert_with(|| load(&self.folder)).as_ref()
    }
}

/// A kept version, taken apart for the engine.
pub struct Loaded {
    /// Its name: generation and hash of the description.
    pub name: String,
    /// What the stages need.
    pub setup: caudal_engine::setup::Setup,
    /// Where the sources' files are; `None` of a source that reads a topic.
    pub sources: Vec<Option<caudal_connect::directory::DirectoryConfig>>,
    /// Key columns of each source; empty where the format has its own.
    pub keys: Vec<Vec<String>>,
}

impl Loaded {
    /// True when one of its plans has this version.
    fn knows(&self, plan_version: &str) -> bool {
        let mut plans = self.setup.tariff.plans().iter().flat_map(|plan| &plan.versions);
        plans.any(|version| *version.version == *plan_version)
    }
}

impl Explainer {
    /// Over a state that was read.
    pub fn new(peeked: Peeked, (state, out): (&Path, &Path)) -> anyhow::Result<Self> {
        let kafka = topics::reader(state)?;
        let data = |stream| match &kafka {
            Some(kafka) => DataFiles::of_topic(kafka, stream),
            None => DataFiles::of(&peeked, stream, (state, out)),
        };
        let names = names_of(&peeked);
        Ok(Self {
            rated: data(Stream::Rated),
            duplicates: data(Stream::Duplicates),
            names,
            versions: Version::all(state),
            peeked,
        })
    }

    /// Explains the event whose id begins with `id`: [`DIGITS_MIN`] to [`DIGITS`] lower-case hex digits.
    pub fn explain(&mut self, id: &str) -> Result<Explained, Missing> {
        let line = self.find(id)?;
        let event: Value = serde_json::from_slice(&line).map_err(anyhow::Error::from)?;
        let mut explained = Explained {
            duplicates: self.duplicates_of(&event)?,
            event,
            line,
            recomputed: None,
            differences: Vec::new(),
            notes: Vec::new(),
        };
        self.recompute(&mut explained)?;
        explained.differences.extend(arithmetic::check(&explained.event));
        Ok(explained)
    }

    fn find(&self, id: &str) -> Result<Vec<u8>, Missing> {
        let head = format!("{{\"id\":\"{id}");
        let mut found: Vec<Vec<u8>> = Vec::new();
        self.rated.lines(&mut |line| {
            if line.starts_with(head.as_bytes()) {
                found.push(line.to_vec());
            }
            // A whole id is there once; of a beginning there may be more.
            Ok(found.len() < 3 && (found.is_empty() || id.len() < DIGITS))
        })?;
        let id_of = |line: &Vec<u8>| {
            String::from_utf8_lossy(line.get(7..7 + DIGITS).unwrap_or_default()).into_owned()
        };
        match found.len() {
            0 => Err(Missing::NoSuchEvent(self.rated.places())),
            1 => Ok(found.swap_remove(0)),
            _ => Err(Missing::Ambiguous(found.iter().map(id_of).collect())),
        }
    }

    fn duplicates_of(&self, event: &Value) -> anyhow::Result<Vec<(String, u64)>> {
        let places = originals::places(event);
        let ends: Vec<_> = places
            .iter()
            .map(|(file, record)| format!("\"file_id\":{},\"record\":{record}}}}}", file.0))
            .collect();
        let mut duplicates = Vec::new();
        self.duplicates.lines(&mut |line| {
            if ends.iter().any(|end| line.ends_with(end.as_bytes())) {
                let value: Value = serde_json::from_slice(line)?;
                let file = value["file"].as_str().unwrap_or_default().to_owned();
                duplicates.push((file, value["record"].as_u64().unwrap_or_default()));
            }
            Ok(true)
        })?;
        Ok(duplicates)
    }

    /// Computes the event anew, with each kept version that knows its plan version, until one agrees.
    fn recompute(&mut self, explained: &mut Explained) -> anyhow::Result<()> {
        let plan_version = explained.event["plan_version"].as_str().unwrap_or_default().to_owned();
        let (mut tried, mut best) = (0, None);
        for version in &mut self.versions {
            let loaded = match version.load() {
                Ok(loaded) => loaded,
                Err(error) => {
                    explained.notes.push(format!("{error:#}"));
                    continue;
                }
            };
            if !loaded.knows(&plan_version) {
                continue;
            }
            tried += 1;
            let context = recompute::Context {
                loaded,
                ledger: &self.peeked.ledger,
                names: &self.names,
                rated: &self.rated,
            };
            match recompute::recompute(&context, &explained.line, &explained.event) {
                Ok(recomputed) => {
                    let differences = compare::differences(&explained.line, &recomputed.line);
                    let agrees = differences.is_empty();
                    if agrees || best.is_none() {
                        best = Some((recomputed, differences));
                    }
                    if agrees {
                        break;
                    }
                }
                Err(recompute::Stuck::Gone(note)) => explained.notes.push(note),
                Err(recompute::Stuck::Differs(difference)) => explained.differences.push(difference),
            }
        }
        if tried == 0 {
            let note = format!("no kept version knows plan version {plan_version}: it cannot be recomputed");
            explained.notes.push(note);
        }
        if let Some((recomputed, differences)) = best {
            explained.differences = differences;
            explained.recomputed = Some(recomputed);
        }
        Ok(())
    }
}

/// The names of a state's files.
fn names_of(peeked: &Peeked) -> Names {
    let mut names = Names::default();
    peeked.ledger.files.values().for_each(|entry| names.push(entry.display_name()));
    names
}

fn load(folder: &Path) -> anyhow::Result<Loaded> {
    let pipeline: Pipeline = versions::load(folder)?;
    let sources = pipeline.sources.iter().map(|source| source.directory().cloned()).collect();
    let keys = key_columns(folder, &pipeline)?;
    // Only claims depend on the secret, and nothing is claimed here.
    let secret = caudal_usage::KeySecret([0; 16]);
    let (setup, _) = crate::commands::state::setup(pipeline, secret, 1);
    let name = folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Loaded { name, setup, sources, keys })
}

/// The columns that are the key, by source, as the description or the format names them.
fn key_columns(folder: &Path, pipeline: &Pipeline) -> anyhow::Result<Vec<Vec<String>>> {
    let text = std::fs::read_to_string(folder.join(crate::config::PIPELINE_FILE))?;
    let document: toml::Table = text.parse()?;
    let none = Vec::new();
    let tables = document.get("source").and_then(toml::Value::as_array).unwrap_or(&none);
    let columns = |name: &str| {
        let source =
            tables.iter().find(|table| table.get("name").and_then(toml::Value::as_str) == Some(name));
        let key = source.and_then(|table| table.get("key")?.as_array());
        key.into_iter().flatten().filter_map(|column| column.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    // A format that says by itself what its key is names its fields.
    let of = |source: &SourceConfig| match columns(&source.name) {
        none if none.is_empty() => {
            // Behind the fields stands the rule's name.
            let fields = source.key.split_once(" (").map_or(source.key.as_str(), |(fields, _)| fields);
            fields.split(", ").map(str::to_owned).collect()
        }
        columns => columns,
    };
    Ok(pipeline.sources.iter().map(of).collect())
}

/// The name of a file of the ledger; empty when it was never claimed.
fn name_of(names: &Names, file: FileOrdinal) -> String {
    names.get(file).to_owned()
}

#[cfg(test)]
mod tests;
