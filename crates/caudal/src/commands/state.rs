//! A pipeline and its state folder, opened together: the setup of a run.
//! Relies on the lock of the state folder: one process at a time.
//! Never opens a folder that belongs to another pipeline.

use crate::config::{Input, Pipeline, SourceConfig};
use crate::failure::Failure;
use caudal_connect::directory::DirectorySource;
use caudal_connect::kafka::KafkaConfig;
use caudal_connect::topic::TopicSource;
use caudal_engine::setup::{Setup, SourceSetup};
use caudal_engine::source::Source;
use caudal_runtime::Sources;
use caudal_store::{SharedDisk, StateFolder, StoreError};
use caudal_usage::KeySecret;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What lies in a state folder.
const OWN: [&str; 9] =
    ["IDENTITY", "LOCK", "KEYS", "TOPICS", "log", "snapshots", "claims", "segments", "versions"];

/// Locks the state folder for the pipeline.
pub fn lock(disk: &SharedDisk, state: &Path, name: &str) -> Result<StateFolder, Failure> {
    if let Some(stranger) = stranger(state) {
        return Err(Failure::usage(format!(
            "{} is no state folder and holds {stranger:?}: name by `--state` an empty folder, or one that is not there",
            state.display()
        )));
    }
    StateFolder::open(disk, state, name).map_err(|error| match error {
        StoreError::Foreign { .. } => {
            Failure::usage(format!("{error}; a pipeline has a state folder of its own: name it by `--state`"))
        }
        StoreError::Locked { .. } => Failure::usage(error.to_string()),
        other => Failure::Io(other.into()),
    })
}

/// Something in a folder without an identity that no state ever put there. Hidden files and what a file system
/// keeps in its root do not count.
fn stranger(state: &Path) -> Option<OsString> {
    if state.join("IDENTITY").exists() {
        return None;
    }
    let names = std::fs::read_dir(state).ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
    names.into_iter().find(|name| {
        let text = name.to_string_lossy();
        let own = OWN.iter().any(|own| text == *own || text.strip_suffix(".part") == Some(own));
        !own && !text.starts_with('.') && text != "lost+found"
    })
}

/// Takes a checked pipeline apart into what the engine needs and its sources.
pub fn setup(pipeline: Pipeline, secret: KeySecret, shards: usize) -> (Setup, Sources) {
    let Pipeline { sources, kafka, tariff, mut reference, billable, generation, .. } = pipeline;
    reference.assign_slots(&secret);
    let kafka = kafka.unwrap_or_default();
    let (setups, readers) = sources.into_iter().map(|source| split(source, &kafka)).unzip();
    let setup = Setup { sources: setups, reference, tariff, billable, secret, shards, generation };
    (setup, Arc::new(readers))
}

fn split(source: SourceConfig, kafka: &KafkaConfig) -> (SourceSetup, Mutex<Box<dyn Source>>) {
    let framing = source.framing();
    let SourceConfig { name, format, rules, assembly, input, .. } = source;
    let reader: Box<dyn Source> = match input {
        Input::Directory(directory) => Box::new(DirectorySource::new(directory)),
        Input::Topic(topic) => Box::new(TopicSource::new(topic, kafka.clone())),
    };
    (SourceSetup { name, format, framing, rules, assembly }, Mutex::new(reader))
}
