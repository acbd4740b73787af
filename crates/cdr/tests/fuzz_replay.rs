//! The corpora of the fuzz targets, file by file through the same checks, without a fuzzer.
//! Relies on `fuzz/src` for the checks and on `fuzz/corpus` for the octets.
//! Never skips a target: a corpus without a file fails.

#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

#[test]
fn every_corpus_holds() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut cases = 0;
    for (name, check) in fuzz::TARGETS {
        let folder = corpora.join(name);
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut paths: Vec<_> =
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().unwrap();
        assert!(!paths.is_empty(), "{} is empty", folder.display());
        paths.sort();
        for path in paths {
            let octets = fs::read(&path).unwrap();
            if std::panic::catch_unwind(|| check(&octets)).is_err() {
                panic!("{} breaks what holds for all input", path.display());
            }
            cases += 1;
        }
    }
    println!("cases: {cases}");
}
