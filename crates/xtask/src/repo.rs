//! Turns the checkout into what the checks read: its text files, its Rust sources, a cargo command that runs in its root.
//! Relies on `CARGO_MANIFEST_DIR`, which cargo sets when it starts this program.
//! Never follows symbolic links, and never reads data files: only text that people write.

use crate::source::Source;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Endings of the files that people write and read.
const TEXT: &[&str] = &["rs", "toml", "md", "sh", "service", "yml", "yaml", "json"];

/// Text files whose name has no telling ending.
const TEXT_NAMES: &[&str] = &["run", ".gitignore"];

/// Folders of the root that hold results, not text.
const RESULTS: &[&str] = &["target", "state", "out"];

/// Folders that hold results of fuzzing, or octets that it found.
const FUZZED: &[&str] = &["fuzz/target", "fuzz/artifacts", "fuzz/coverage", "fuzz/corpus"];

/// Hidden folders that belong to the project.
const HIDDEN: &[&str] = &[".cargo", ".ci", ".github"];

/// A text file of the checkout.
pub struct TextFile {
    /// Path from the root, with `/`.
    pub path: String,
    pub text: String,
}

/// The checkout, read once.
pub struct Repo {
    pub root: PathBuf,
    pub texts: Vec<TextFile>,
    pub sources: Vec<Source>,
}

impl Repo {
    /// Reads the checkout that this program belongs to.
    pub fn open() -> Result<Self> {
        let home = std::env::var_os("CARGO_MANIFEST_DIR").context("start this with `cargo xtask`")?;
        let root = Path::new(&home).ancestors().nth(2).context("crates/xtask has no root above it")?;
        let mut texts = Vec::new();
        collect(root, root, &mut texts)?;
        texts.sort_by(|a, b| a.path.cmp(&b.path));
        let rust = texts.iter().filter(|file| file.path.ends_with(".rs"));
        let mut sources: Vec<Source> = rust.map(|file| Source::read(&file.path, &file.text)).collect();
        mark_test_modules(&mut sources);
        Ok(Self { root: root.to_path_buf(), texts, sources })
    }

    /// A cargo command in the root, by the cargo that started this program.
    pub fn cargo(&self, args: &[&str]) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(&self.root).args(args);
        command
    }
}

fn mark_test_modules(sources: &mut [Source]) {
    let modules: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in sources {
        let is_in = |module: &String| {
            source.path.strip_prefix(module).is_some_and(|rest| rest.starts_with(['.', '/']))
        };
        if modules.iter().any(is_in) {
            source.mark_as_tests();
        }
    }
}

fn collect(root: &Path, folder: &Path, texts: &mut Vec<TextFile>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path();
        let kind = entry.file_type()?;
        let fuzzed = FUZZED.iter().any(|fuzzed| path == root.join(fuzzed));
        if kind.is_dir() && is_ours(&name, folder == root) && !fuzzed {
            collect(root, &path, texts)?;
        } else if kind.is_file() && is_text(&path, &name) {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let path = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            texts.push(TextFile { path, text });
        }
    }
    Ok(())
}

fn is_ours(folder: &str, at_root: bool) -> bool {
    if folder.starts_with('.') { HIDDEN.contains(&folder) } else { !(at_root && RESULTS.contains(&folder)) }
}

fn is_text(path: &Path, name: &str) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy());
    TEXT_NAMES.contains(&name) || ending.is_some_and(|ending| TEXT.contains(&&*ending))
}
