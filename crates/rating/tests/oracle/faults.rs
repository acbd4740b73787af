//! Faults, each put into a copy of the engine, and each caught by the oracle.
//! Relies on the texts of `FAULTS` standing once in the engine's sources, which every run checks; the copies are built by
//! cargo in a folder of the target directory, which is why only the long run does it.
//! Never touches the sources themselves.

use super::faults_list::FAULTS;
use std::path::{Path, PathBuf};
use std::process::Command;

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn text(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn every_fault_has_its_place() {
    assert_eq!(FAULTS.len(), 21);
    for fault in &FAULTS {
        let found = text(&sources(), fault.file).matches(fault.right).count();
        assert_eq!(found, 1, "{}: {}", fault.file, fault.right);
    }
}

/// Folders of the workspace that the rating needs, beside its own.
const NEEDED: [&str; 2] = ["usage", "tariff"];

/// Cases that are tried on each copy.
const CASES: &str = "20000";

#[test]
fn every_fault_is_caught() {
    if std::env::var_os("CAUDAL_LONG").is_none() || std::env::var_os("CAUDAL_FAULTY").is_some() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("oracle-faults");
    prepare(&root, &folder);
    let mut missed = Vec::new();
    for (number, fault) in FAULTS.iter().enumerate() {
        let path = folder.join("crates/rating/src").join(fault.file);
        let right = text(&sources(), fault.file);
        std::fs::write(&path, right.replace(fault.right, fault.wrong)).unwrap();
        let built = cargo(&folder, &["--no-run"]);
        assert!(built.0, "fault {number} in {} does not compile:\n{}", fault.file, built.1);
        let (held, said) = cargo(&folder, &["--", "both_raters", "--nocapture"]);
        let caught = !held && said.contains("expected:");
        println!("fault {number} in {}: {}", fault.file, if caught { "caught" } else { "missed" });
        if !caught {
            missed.push(format!("{number}: {} in {}", fault.wrong, fault.file));
        }
        std::fs::write(&path, right).unwrap();
    }
    assert!(missed.is_empty(), "not caught:\n{}", missed.join("\n"));
    println!("cases: {}", FAULTS.len());
}

/// A workspace of the three crates, with the same versions of everything else.
fn prepare(root: &Path, folder: &Path) {
    let crates = folder.join("crates");
    let _ = std::fs::remove_dir_all(&crates);
    for name in NEEDED.iter().chain(&["rating"]) {
        copy(&root.join("crates").join(name), &crates.join(name));
    }
    let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let manifest = manifest
        .replace("members = [\"crates/*\", \"benches\"]", "members = [\"crates/*\"]")
        .replace("default-members = [\"crates/caudal\"]\n", "");
    std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Whether cargo was content, and what it said.
fn cargo(folder: &Path, more: &[&str]) -> (bool, String) {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder).args([
        "test",
        "--release",
        "--offline",
        "-p",
        "caudal-rating",
        "--test",
        "oracle",
    ]);
    command.args(more).env("CARGO_TARGET_DIR", folder.join("target")).env_remove("CAUDAL_LONG");
    // One file of one crate changes at a time.
    command.env("CARGO_INCREMENTAL", "1");
    command.env("CAUDAL_FAULTY", "1").env("CAUDAL_ORACLE_CASES", CASES).env("CAUDAL_ORACLE_SHOWN", "1");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), said.concat())
}
