//! The versions of a pipeline that a state was run with: kept beside the log, and loaded again to recompute.
//! Relies on the lock of the state folder: one process keeps versions at a time.
//! Never replaces a kept version, and never shows one under its name before all of it is durable.
//!
//! `state/versions/<generation>-<pipeline>/` has the layout of a pipeline folder; `ORIGIN` names where it came from
//! and where its sources lay. `<pipeline>` are 8 hex digits over `pipeline.toml`, which the generation leaves out.

use crate::config::{PIPELINE_FILE, Pipeline, SourceConfig};
use crate::failure::Failure;
use anyhow::Context;
use caudal_connect::directory::After;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Folder of the kept versions below the state.
const FOLDER: &str = "versions";

/// Where a version came from.
const ORIGIN: &str = "ORIGIN";

/// What a pipeline folder is made of: folders with the ending that counts, and single files.
const PARTS: [(&str, &str); 4] = [("plans", "toml"), ("rates", "csv"), ("reference", "csv"), ("", "csv")];

/// Keeps the version of the pipeline that is about to run, once.
pub fn keep(state: &Path, pipeline: &Pipeline) -> Result<(), Failure> {
    let head = fs::read(pipeline.folder.join(PIPELINE_FILE))?;
    let hash: String = blake3::hash(&head).to_hex().chars().take(8).collect();
    let name = format!("{}-{hash}", pipeline.generation);
    let folder = state.join(FOLDER);
    if folder.join(&name).exists() {
        return Ok(());
    }
    let part = folder.join(format!("{name}.part"));
    if part.exists() {
        fs::remove_dir_all(&part)?;
    }
    fs::create_dir_all(&part)?;
    write(&part.join(PIPELINE_FILE), &head)?;
    write(&part.join(ORIGIN), origin(pipeline)?.to_string().as_bytes())?;
    for (inner, ending) in PARTS {
        copy(&pipeline.folder.join(inner), &part.join(inner), ending)?;
    }
    sync(&part)?;
    fs::rename(&part, folder.join(&name))?;
    sync(&folder)?;
    sync(state)?;
    Ok(())
}

/// Directories as absolute paths: the kept copy lies elsewhere than what its relative paths were written for.
fn origin(pipeline: &Pipeline) -> std::io::Result<Value> {
    let shown = |path: &Path| std::path::absolute(path).map(|path| path.to_string_lossy().into_owned());
    let mut sources = Vec::new();
    for source in &pipeline.sources {
        let Some(files) = source.directory() else { continue };
        let archive = match &files.after {
            After::Archive(folder) => Some(shown(folder)?),
            After::Keep | After::Delete => None,
        };
        let directory = shown(&files.directory)?;
        sources.push(json!({ "name": source.name, "directory": directory, "archive": archive }));
    }
    Ok(json!({ "folder": shown(&pipeline.folder)?, "sources": sources }))
}

fn copy(from: &Path, to: &Path, ending: &str) -> std::io::Result<()> {
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let fits = path.extension().is_some_and(|extension| extension == ending);
        if let Some(name) = path.file_name().filter(|_| fits && path.is_file()) {
            fs::create_dir_all(to)?;
            write(&to.join(name), &fs::read(&path)?)?;
        }
    }
    if to.is_dir() { sync(to) } else { Ok(()) }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Folders of the kept versions, newest first.
pub fn kept(state: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(state.join(FOLDER)) else { return Vec::new() };
    let mut folders: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let whole = path.extension().is_none() && path.is_dir();
            let changed = path.metadata().and_then(|metadata| metadata.modified()).ok()?;
            whole.then_some((changed, path))
        })
        .collect();
    folders.sort_unstable();
    folders.into_iter().rev().map(|(_, path)| path).collect()
}

/// Loads a kept version, with its sources where they lay when it was kept.
pub fn load(folder: &Path) -> anyhow::Result<Pipeline> {
    let mut pipeline = Pipeline::load(folder).map_err(|findings| {
        let first = findings.first().map_or_else(String::new, ToString::to_string);
        anyhow::anyhow!("the kept version {} does not read any more: {first}", folder.display())
    })?;
    let origin = folder.join(ORIGIN);
    let text = fs::read(&origin).with_context(|| format!("cannot read {}", origin.display()))?;
    let origin: Value = serde_json::from_slice(&text)?;
    for kept in origin["sources"].as_array().into_iter().flatten() {
        let named = pipeline.sources.iter_mut().find(|source| kept["name"] == source.name.as_str());
        let Some(files) = named.and_then(SourceConfig::directory_mut) else { continue };
        if let Some(directory) = kept["directory"].as_str() {
            files.directory = directory.into();
        }
        if let Some(archive) = kept["archive"].as_str() {
            files.after = After::Archive(archive.into());
        }
    }
    Ok(pipeline)
}
