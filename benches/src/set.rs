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

    /// The same set as a pipeline of that name, with its events in topics.
    pub fn over_kafka(&self, root: &Path, name: &str, brokers: &str) -> anyhow::Result<Self> {
        let folder = root.join("over-kafka");
        let pipeline = folder.join("pipeline");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        std::os::unix::fs::symlink(std::path::absolute(self.input())?, folder.join("input"))?;
        copy(&self.pipeline(), &pipeline)?;
        let file = pipeline.join("pipeline.toml");
        let kafka = format!("kafka = {{ brokers = \"{brokers}\", create_topics = true, partitions = 4 }}");
        let mut named = false;
        let text = std::fs::read_to_string(&file)?;
        let lines = text.lines().map(|line| match line {
            _ if line.starts_with("output =") => kafka.clone(),
            _ if line.starts_with("name =") && !std::mem::replace(&mut named, true) => {
                format!("name = {name:?}")
            }
            _ => line.to_owned(),
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        std::fs::write(&file, text)?;
        Ok(Self { folder, manifest: self.manifest.clone() })
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
    let format: Format = arguments.format.parse()?;
    let generation = caudal_load::GENERATION;
    let name = format!("{}-{records}-{subscriptions}-{prefixes}-{seed}-{generation}", format.as_str());
    let folder = root.join(name);
    let path = folder.join("manifest.json");
    if !path.exists() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        eprintln!("generating {records} records into {}", folder.display());
        let began = Instant::now();
        let options = Options::new(format, records, *seed, folder.clone());
        caudal_load::generate(&Options { subscriptions: *subscriptions, prefixes: *prefixes, ..options })?;
        eprintln!("  generated in {:.1} s", began.elapsed().as_secs_f64());
    }
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest = serde_json::from_str(&text).with_context(|| format!("{}: not JSON", path.display()))?;
    Ok(Set { folder, manifest })
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().context("a file without a name")?);
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
