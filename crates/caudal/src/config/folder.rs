//! The files of a pipeline folder that a tariff is made of, read whole within bounds.
//! Relies on fixed names beneath the folder; nothing a file says makes another file be read.
//! Never passes a file over in silence: what lies in `plans/` and is no plan is a warning.

use caudal_tariff::{SourceFile, Sources};
use caudal_usage::Diagnostic;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Files in `plans/` or `rates/`.
const FILES_MAX: usize = 10_000;

/// Largest file that is read whole, in octets.
const OCTETS_MAX: u64 = 256 << 20;

/// Reads plans, rate tables and what they refer to.
pub(super) fn sources(folder: &Path, findings: &mut Vec<Diagnostic>) -> Sources {
    Sources {
        plans: list(folder, ("plans", ".toml"), findings),
        tables: list(folder, ("rates", ".csv"), findings),
        zones: one(folder, "zones.csv", findings),
        holidays: one(folder, "holidays.csv", findings),
        networks: one(folder, "networks.csv", findings),
        numbers: one(folder, "numbers.csv", findings),
        exchange: one(folder, "exchange.csv", findings),
    }
}

/// A file that may be absent.
fn one(folder: &Path, name: &str, findings: &mut Vec<Diagnostic>) -> Option<SourceFile> {
    if !folder.join(name).exists() {
        return None;
    }
    read(folder, name, OCTETS_MAX, findings)
}

/// Reads a whole file; a finding when it cannot be.
pub(super) fn read(
    folder: &Path,
    name: &str,
    octets_max: u64,
    findings: &mut Vec<Diagnostic>,
) -> Option<SourceFile> {
    let mut bytes = Vec::new();
    let path = folder.join(name);
    // A FIFO or a device would be waited on.
    if std::fs::metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        findings.push(Diagnostic::error_in_line(name, 0, "is no regular file"));
        return None;
    }
    let file = File::open(path);
    let result = file.and_then(|file| file.take(octets_max + 1).read_to_end(&mut bytes));
    let message = match result {
        Ok(count) if count as u64 <= octets_max => return Some(SourceFile { path: name.into(), bytes }),
        Ok(_) => format!("is larger than {octets_max} bytes"),
        Err(error) => format!("cannot be read: {error}"),
    };
    findings.push(Diagnostic::error_in_line(name, 0, message));
    None
}

/// The files of one folder with one ending, by name. A folder that is absent has none.
pub(super) fn list(
    folder: &Path,
    (inner, ending): (&str, &str),
    findings: &mut Vec<Diagnostic>,
) -> Vec<SourceFile> {
    let Ok(entries) = std::fs::read_dir(folder.join(inner)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .take(FILES_MAX + 1)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    if names.len() > FILES_MAX {
        let message = format!("has more than {FILES_MAX} files");
        findings.push(Diagnostic::error_in_line(inner, 0, message));
        return Vec::new();
    }
    let mut files = Vec::new();
    for name in names {
        let path = format!("{inner}/{name}");
        if name.ends_with(ending) {
            files.extend(read(folder, &path, OCTETS_MAX, findings));
        } else if !name.ends_with(".md") {
            let message = format!("is not read, expected a name that ends in {ending}");
            findings.push(Diagnostic::error_in_line(&path, 0, message).as_warning());
        }
    }
    files
}
