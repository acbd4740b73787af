//! Generated sets, kept from one invocation to the next by their options.
//! Relies on the generator: the same options give the same bytes.
//! Never reuses a set whose generation did not finish: its manifest is written last.

use crate::Arguments;
use anyhow::Context;
use caudal_load::{Format, Options};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A generated set and what must come of it.
pub struct Set {
    folder: PathBuf,
    /// The expected outcomes and amounts.
    pub manifest: Value,
}

impl Set {
    /// Folder of the input files.
    pub fn input(&self) -> PathBuf {
        self.folder.join("input")
    }

    /// The pipeline folder.
    pub fn pipeline(&self) -> PathBuf {
        self.folder.join("pipeline")
    }
}

/// Finds or generates the set for so many records.
pub fn prepare(root: &Path, arguments: &Arguments, records: u64) -> anyhow::Result<Set> {
    let Arguments { subscriptions, prefixes, seed, .. } = arguments;
    // The version of the generator is part of the name: another generator, other bytes.
    let name = format!("delimited-{records}-{subscriptions}-{prefixes}-{seed}-{}", caudal_load::GENERATION);
    let folder = root.join(name);
    let path = folder.join("manifest.json");
    if !path.exists() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        eprintln!("generating {records} records into {}", folder.display());
        let began = Instant::now();
        let options = Options::new(Format::Delimited, records, *seed, folder.clone());
        caudal_load::generate(&Options { subscriptions: *subscriptions, prefixes: *prefixes, ..options })?;
        eprintln!("  generated in {:.1} s", began.elapsed().as_secs_f64());
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest = serde_json::from_str(&text).with_context(|| format!("{}: not JSON", path.display()))?;
    Ok(Set { folder, manifest })
}
