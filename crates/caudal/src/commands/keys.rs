//! What makes a record itself, by source: written down at the first run of a state, and compared at every later one.
//! Relies on the lock of the state folder: one process writes here at a time.
//! Never lets a source go on under another key: every record it delivers again would look new, and be billed again.
//!
//! `state/KEYS` is a JSON object: the name of a source to its key in words. A source that was taken out keeps its line.

use crate::config::SourceConfig;
use crate::failure::Failure;
use anyhow::Context;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// The file, below the state.
const FILE: &str = "KEYS";

/// Refuses a source whose key has changed since the state began; writes down the keys of new sources.
pub fn keep(state: &Path, sources: &[SourceConfig]) -> Result<(), Failure> {
    let known = read(state)?;
    let mut keys = known.clone();
    for source in sources {
        let key = keys.entry(source.name.clone()).or_insert_with(|| source.key.clone());
        if *key != source.key {
            return Err(Failure::usage(refusal(source, key, state)));
        }
    }
    if keys == known { Ok(()) } else { Ok(write(state, &keys)?) }
}

fn refusal(source: &SourceConfig, known: &str, state: &Path) -> String {
    format!(
        "source {:?}: its records are known by {known} in {}, and the pipeline now says {}; all of them would be new, and \
         billed again where they are delivered again. Keep the key, or begin a new state with `--state` and `--out`",
        source.name,
        state.display(),
        source.key
    )
}

fn read(state: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let path = state.join(FILE);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{}: expected an object of source names and keys", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write(state: &Path, keys: &BTreeMap<String, String>) -> std::io::Result<()> {
    let part = state.join(format!("{FILE}.part"));
    let mut file = File::create(&part)?;
    file.write_all(serde_json::to_string_pretty(keys)?.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&part, state.join(FILE))?;
    File::open(state)?.sync_all()
}
