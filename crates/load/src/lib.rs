//! Generated usage: call detail records by the million, the pipeline that reads them and what must come out of it.
//! Relies on a seed alone: the same options and seed give the same bytes on every machine.
//! Never asks the code it helps to test: expected outcomes and amounts are reckoned here, separately.

mod asterisk;
mod cdr;
mod chf;
mod delimited;
mod files;
mod folder;
mod gateway;
mod manifest;
mod numbering;
mod options;
mod past;
mod pgw;
mod random;
mod reckon;
mod row;
mod script;
mod session;
mod tariff;
mod text;
mod turn;

pub use manifest::Manifest;
pub use options::{Format, Options, Share};

use anyhow::{Context, bail};
use std::fs;

/// Number of the generator's version: raised when the same options give other bytes.
pub const GENERATION: u32 = 2;

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
    let manifest = match options.format {
        Format::Delimited => delimited::write(options)?,
        Format::Asterisk => asterisk::write(options)?,
        Format::Pgw => pgw::write(options)?,
        Format::Chf => chf::write(options)?,
    };
    let path = options.out.join("manifest.json");
    fs::write(&path, manifest.to_json(options))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    /// A folder of its own for one test, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("caudal-load-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn contents(folder: &Path, into: &mut BTreeMap<PathBuf, Vec<u8>>, root: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                contents(&path, into, root);
            } else {
                into.insert(path.strip_prefix(root).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }

    fn set(format: Format, seed: u64, name: &str) -> (Manifest, BTreeMap<PathBuf, Vec<u8>>) {
        let folder = Folder::new(name);
        let options = Options {
            subscriptions: 500,
            prefixes: 200,
            ..Options::new(format, 3_000, seed, folder.0.clone())
        };
        let manifest = generate(&options).unwrap();
        assert!(generate(&options).unwrap_err().to_string().contains("exists already"));
        let mut files = BTreeMap::new();
        contents(&folder.0, &mut files, &folder.0);
        (manifest, files)
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        for (word, format) in Format::WORDS {
            let first = set(format, 1, &format!("{word}-a"));
            assert!(first == set(format, 1, &format!("{word}-b")), "{word}");
            assert!(first != set(format, 2, &format!("{word}-c")), "{word}");
        }
    }

    /// Checks the books of a set and that every outcome of its format is in it.
    fn check(format: Format, suspended_codes: &[&str], filtered_codes: &[&str]) {
        let (manifest, _) = set(format, 5, &format!("{}-books", format.as_str()));
        let tally = manifest.tally;
        let filtered: u64 = tally.filtered.values().sum();
        let suspended: u64 = tally.suspended.values().sum();
        assert_eq!(tally.records_in, 3_000);
        assert_eq!(
            tally.records_in,
            tally.rated + tally.merged + tally.held + tally.duplicate + filtered + suspended
        );
        assert!(tally.duplicate > 0 && manifest.files == 8);
        assert_eq!(tally.suspended.keys().copied().collect::<Vec<_>>(), suspended_codes);
        assert_eq!(tally.filtered.keys().copied().collect::<Vec<_>>(), filtered_codes);
        assert_eq!(manifest.amounts.keys().collect::<Vec<_>>(), [&"EUR", &"USD"]);
        let parts = format == Format::Delimited;
        assert_eq!((tally.merged > 0, tally.held > 0), (parts, parts));
    }

    #[test]
    fn the_books_of_the_manifest_balance_and_no_outcome_is_missing() {
        let codes = [
            "bad_field",
            "empty_key",
            "event_in_future",
            "gap",
            "key_conflict",
            "missing_field",
            "no_rate",
            "no_subscription",
            "too_old",
            "truncated",
        ];
        check(Format::Delimited, &codes, &["not_billable", "unanswered"]);
        let codes = [
            "bad_field",
            "contradictory",
            "event_in_future",
            "key_conflict",
            "missing_field",
            "no_rate",
            "no_subscription",
            "too_old",
            "truncated",
        ];
        check(Format::Asterisk, &codes, &["not_billable", "unanswered", "zero_duration"]);
        let codes = [
            "bad_field",
            "bad_length",
            "contradictory",
            "event_in_future",
            "key_conflict",
            "missing_field",
            "no_subscription",
            "overflow",
            "too_old",
        ];
        check(Format::Pgw, &codes, &[]);
        let codes = [
            "bad_field",
            "contradictory",
            "event_in_future",
            "key_conflict",
            "missing_field",
            "no_subscription",
            "too_old",
        ];
        check(Format::Chf, &codes, &[]);
    }
}
