//! Generated usage: call detail records by the million, the pipeline that reads them and what must come out of it.
//! Relies on a seed alone: the same options and seed give the same bytes on every machine.
//! Never asks the code it helps to test: expected outcomes and amounts are reckoned here, separately.

mod delimited;
mod files;
mod folder;
mod manifest;
mod numbering;
mod options;
mod past;
mod random;
mod reckon;
mod row;
mod script;
mod tariff;

pub use manifest::Manifest;
pub use options::{Format, Options, Share};

use anyhow::{Context, bail};
use std::fs;

/// Writes `options.out`/input, /pipeline and /manifest.json, and returns what the manifest says.
/// Errors when the folder already holds generated files, or something cannot be written.
pub fn generate(options: &Options) -> anyhow::Result<Manifest> {
    options.check()?;
    for name in ["input", "pipeline"] {
        let path = options.out.join(name);
        if path.exists() {
            bail!("{}: exists already; generate into a new folder", path.display());
        }
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    folder::write(options)?;
    let manifest = match options.format {
        Format::Delimited => delimited::write(options)?,
    };
    let path = options.out.join("manifest.json");
    fs::write(&path, manifest.to_json(options))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(manifest)
}
