//! The JSON lines are the contract: one file, its records and damage in order, one summary that sums.

use super::*;
use serde_json::Value;

fn args(path: PathBuf, format: Option<&str>) -> InspectArgs {
    InspectArgs { path, format: format.map(str::to_owned), hex: true, json: true }
}

fn lines(args: &InspectArgs) -> Vec<Value> {
    let mut out = Vec::new();
    report(args, &mut out).unwrap();
    out.split(|octet| *octet == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[test]
fn a_file_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, b"node;when;\"x\n1;20261002195930;\x1b[2J\n2;20261002195931;\xff\n3;4\n").unwrap();
    let found = lines(&args(path.clone(), Some("delimited")));
    let types: Vec<_> = found.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!((types[0], types[types.len() - 1]), ("file", "summary"));
    let (file, summary) = (&found[0], &found[found.len() - 1]);
    assert_eq!((&file["format"], &file["separator"]), (&"delimited".into(), &";".into()));
    let of = |name: &str| summary[name].as_u64().unwrap();
    assert_eq!(of("parsed") + of("fill") + of("suspended"), of("size"));
    assert_eq!(of("size"), path.metadata().unwrap().len());
    for line in &found[1..found.len() - 1] {
        let (offset, length) = (line["offset"].as_u64().unwrap(), line["length"].as_u64().unwrap());
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(line["hex"], hex_text(&bytes[offset as usize..(offset + length) as usize]));
    }
}

#[test]
fn what_people_see_drives_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a\x1b[31m.csv"), b"a\x07;b;c\n1;\x1b]0;x\x07;3\n").unwrap();
    for path in [folder.path().to_owned(), folder.path().join("a\x1b[31m.csv")] {
        let mut out = Vec::new();
        report(&InspectArgs { json: false, ..args(path, Some("delimited")) }, &mut out).unwrap();
        assert!(out.iter().all(|octet| *octet == b'\n' || !octet.is_ascii_control()));
        assert!(!out.is_empty());
    }
}

#[test]
fn a_folder_in_sums() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-cdrs/redelivery/input");
    let found = lines(&args(samples, None));
    assert_eq!(found.len(), 5);
    let records: u64 = found[..4].iter().map(|line| line["records"].as_u64().unwrap()).sum();
    assert_eq!(found[4]["records"].as_u64(), Some(records));
}

#[test]
fn wrong_usage() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
    for (path, format) in [(here.clone(), Some("tap")), (here.join("nowhere"), None)] {
        assert!(matches!(inspect(&args(path, format)), Err(Failure::Usage(_))));
    }
}
