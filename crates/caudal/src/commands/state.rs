//! A pipeline and its state folder, opened together: the setup of a run.
//! Relies on the lock of the state folder: one process at a time.
//! Never opens a folder that belongs to another pipeline.

use crate::config::{Pipeline, SourceConfig};
use crate::failure::Failure;
use caudal_connect::directory::DirectorySource;
use caudal_engine::setup::{Setup, SourceSetup};
use caudal_engine::source::Source;
use caudal_runtime::Sources;
use caudal_store::{SharedDisk, StateFolder, StoreError};
use caudal_usage::KeySecret;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Locks the state folder for the pipeline.
pub fn lock(disk: &SharedDisk, state: &Path, name: &str) -> Result<StateFolder, Failure> {
    StateFolder::open(disk, state, name).map_err(|error| match error {
        StoreError::Foreign { .. } | StoreError::Locked { .. } => Failure::usage(error.to_string()),
        other => Failure::Io(other.into()),
    })
}

/// Takes a checked pipeline apart into what the engine needs and its sources.
pub fn setup(pipeline: Pipeline, secret: KeySecret, shards: usize) -> (Setup, Sources) {
    let Pipeline { sources, tariff, mut reference, billable, generation, .. } = pipeline;
    reference.assign_slots(&secret);
    let (setups, directories) = sources.into_iter().map(split).unzip();
    let setup = Setup { sources: setups, reference, tariff, billable, secret, shards, generation };
    (setup, Arc::new(directories))
}

fn split(source: SourceConfig) -> (SourceSetup, Mutex<Box<dyn Source>>) {
    let SourceConfig { name, format, rules, assembly, directory, .. } = source;
    let reader: Box<dyn Source> = Box::new(DirectorySource::new(directory));
    (SourceSetup { name, format, rules, assembly }, Mutex::new(reader))
}
