//! The other decoders: found, or set up, or said to be missing.
//! Relies on the cache folder of the user for what is set up, and on the package index that pip is configured with.
//! Never leaves half an environment behind: it is made beside its place, and moved there whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The Python package that knows the charging records, with its version.
const PYCRATE: &str = "pycrate==0.8.1";

/// Records of one run.
pub fn records() -> usize {
    if std::env::var_os("CAUDAL_LONG").is_some() { 30_000 } else { 3_000 }
}

/// What a missing tool means: a failure where everything must be checked, elsewhere a line that says so.
pub fn missing(why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    println!("skipped: {why}");
}

/// The command `openssl`.
pub fn openssl() -> Result<PathBuf, String> {
    tool("openssl", "version", "openssl")
}

/// A Python that has pycrate. Tests run side by side, but one sets it up.
pub fn python() -> Result<PathBuf, String> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PYTHON.get_or_init(set_up).clone()
}

fn set_up() -> Result<PathBuf, String> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let cache = cache.ok_or("neither XDG_CACHE_HOME nor HOME is set")?.join("caudal");
    let place = cache.join(format!("python-{}", PYCRATE.replace("==", "-")));
    let python = place.join("bin/python");
    if run(Command::new(&python).args(["-c", "import pycrate_asn1rt"])).is_ok() {
        return Ok(python);
    }
    let system = tool("python3", "--version", "python3 python3-venv")?;
    fs::create_dir_all(&cache).map_err(|error| format!("{}: {error}", cache.display()))?;
    let part = cache.join(format!("python.part-{}", std::process::id()));
    // Debian has the module venv, but not what it needs, without the second package.
    if run(Command::new(&system).args(["-m", "venv"]).arg(&part)).is_err() {
        install("python3-venv")?;
        run(Command::new(&system).args(["-m", "venv", "--clear"]).arg(&part))?;
    }
    run(Command::new(part.join("bin/python")).args(["-m", "pip", "install", "--quiet", PYCRATE]))?;
    // One of another version of this test, or one that is broken.
    let _ = fs::remove_dir_all(&place);
    fs::rename(&part, &place).map_err(|error| format!("{}: {error}", place.display()))?;
    Ok(python)
}

/// A command of the system, installed where that may be done.
fn tool(name: &str, ask: &str, packages: &str) -> Result<PathBuf, String> {
    let there = || run(Command::new(name).arg(ask));
    if there().is_err() {
        install(packages)?;
        there()?;
    }
    Ok(PathBuf::from(name))
}

fn install(packages: &str) -> Result<(), String> {
    let by_hand = format!("apt-get install {packages}");
    let root = run(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root {
        return Err(format!("it needs, as root: {by_hand}"));
    }
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "--yes", "--quiet"]);
    run(apt.args(packages.split(' '))).map(drop).map_err(|error| format!("{by_hand}: {error}"))
}

/// Runs a command to its end and gives what it printed.
pub fn run(command: &mut Command) -> Result<String, String> {
    let said = command.env("PYTHONDONTWRITEBYTECODE", "1").output();
    let said = said.map_err(|error| format!("{command:?}: {error}"))?;
    if !said.status.success() {
        return Err(format!("{command:?}: {}\n{}", said.status, String::from_utf8_lossy(&said.stderr)));
    }
    String::from_utf8(said.stdout).map_err(|error| format!("{command:?}: {error}"))
}

/// Random records, as the script of that name makes them, in a folder of their own.
pub fn generated(python: &Path, script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential");
    let seed = std::env::var("CAUDAL_SEED").unwrap_or_else(|_| "1".to_owned());
    let mut command = Command::new(python);
    command.arg(scripts.join(script)).arg(records().to_string()).arg(seed).arg(folder.path());
    run(&mut command).unwrap();
    folder
}
