//! A file, a folder of JSON lines or standard input to the files that are read, in order.
//! Relies on names for the order: data files are numbered in the order in which they were written.
//! Never reads a file that is not final.

use crate::failure::Failure;
use anyhow::Context;
use std::fs;
use std::path::{Path, PathBuf};

/// What is read.
#[derive(Debug)]
pub struct Files {
    /// In order.
    pub paths: Vec<PathBuf>,
    /// Files in the folder that are still written to.
    pub not_final: usize,
}

impl Files {
    /// The file, or the `*.jsonl` of the folder.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        if !path.is_dir() {
            return Ok(Self { paths: vec![path.to_owned()], not_final: 0 });
        }
        let unread = || format!("{} cannot be read", path.display());
        let mut files = Self { paths: Vec::new(), not_final: 0 };
        for entry in fs::read_dir(path).with_context(unread)? {
            let path = entry.with_context(unread)?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("jsonl") => files.paths.push(path),
                Some("part") => files.not_final += 1,
                Some(_) | None => {}
            }
        }
        files.paths.sort_unstable();
        if files.paths.is_empty() {
            let message =
                format!("{} has no *.jsonl: name a file, or a folder such as out/rated", path.display());
            return Err(Failure::usage(message));
        }
        Ok(files)
    }
}
