//! An honest state passes; one octet changed anywhere in it is found.

use super::checks::{Folders, audit};
use crate::cli::{LayoutArgs, RunArgs, StateArgs};
use caudal_runtime::peek::Peeked;
use caudal_usage::{Run, RunCounts};
use std::path::{Path, PathBuf};

struct Ran {
    _folder: tempfile::TempDir,
    state: PathBuf,
    out: PathBuf,
}

fn ran() -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let (state, out) = (folder.path().join("state"), folder.path().join("out"));
    let layout = LayoutArgs { threads: Some(1), shards: Some(2), epoch_records: Some(20), commits: None };
    let pipeline = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/quickstart");
    let args = RunArgs {
        pipeline,
        once: true,
        state: state.clone(),
        out: Some(out.clone()),
        brokers: None,
        json: true,
        layout,
    };
    crate::commands::run::run(&args).unwrap();
    Ran { _folder: folder, state, out }
}

impl Ran {
    fn findings(&self, peeked: &Peeked) -> Vec<String> {
        audit(peeked, Folders { state: &self.state, out: &self.out }).findings
    }

    fn read(&self) -> Peeked {
        super::read(&self.state).unwrap()
    }

    fn segment(&self, stream: &str) -> PathBuf {
        self.state.join("segments").join(stream).join(format!("{stream}-00000001.jsonl"))
    }
}

#[test]
fn an_honest_state_balances_while_it_is_locked() {
    let ran = ran();
    let disk: caudal_store::SharedDisk = std::sync::Arc::new(caudal_store::RealDisk::new());
    let held = caudal_store::StateFolder::open(&disk, &ran.state, "quickstart").unwrap();
    let peeked = ran.read();
    assert_eq!(ran.findings(&peeked), Vec::<String>::new());
    assert!(peeked.ledger.total().rated > 0 && peeked.ledger.epoch > 2);
    for json in [false, true] {
        super::audit(&StateArgs { state: ran.state.clone(), out: ran.out.clone(), json }).unwrap();
    }
    drop(held);
}

#[test]
fn a_book_that_was_changed_is_found() {
    let ran = ran();
    for index in 0..ran.read().ledger.books.len() {
        let mut peeked = ran.read();
        peeked.ledger.books.values_mut().nth(index).unwrap().rated += 1;
        let found = ran.findings(&peeked);
        assert!(found.iter().any(|finding| finding.contains("accounted for")), "{found:?}");
    }
    let mut peeked = ran.read();
    let key = *peeked.ledger.books.keys().next().unwrap();
    let counts = peeked.ledger.books.get_mut(&key).unwrap();
    // Balanced again, but not what the audit line says.
    (counts.rated, counts.merged) = (counts.rated + 1, counts.merged - 1);
    assert!(ran.findings(&peeked).iter().any(|finding| finding.contains("the book says")));
}

#[test]
fn a_run_that_does_not_balance_is_found() {
    let ran = ran();
    let mut peeked = ran.read();
    let counts = RunCounts { usages: 2, rated: 1, lines: 1, ..RunCounts::default() };
    peeked.ledger.runs.insert(Run::Wholesale, counts);
    let found = ran.findings(&peeked);
    assert!(found.iter().any(|finding| finding.starts_with("wholesale: 2 usages in, 1 acc")), "{found:?}");
    assert!(found.iter().any(|finding| finding.starts_with("suspense: ")), "{found:?}");
}

/// Under another key all records of a file that is delivered again are new: its books balance, and the money is double.
#[test]
fn content_that_was_billed_twice_is_found() {
    let ran = ran();
    let mut peeked = ran.read();
    let first = peeked.ledger.files.values().next().unwrap().finished;
    peeked.ledger.files.values_mut().nth(1).unwrap().finished = first;
    let found = ran.findings(&peeked);
    assert!(found.iter().any(|finding| finding.contains("billed twice")), "{found:?}");
}

#[test]
fn a_data_file_that_was_changed_is_found() {
    for stream in ["rated", "suspense", "duplicates", "audit"] {
        let ran = ran();
        let path = ran.segment(stream);
        let bytes = std::fs::read(&path).unwrap();
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 1;
        // The kept copy and the final file are one, by hard link; a new file takes the place of the copy.
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, &changed).unwrap();
        let found = ran.findings(&ran.read());
        assert!(found.iter().any(|finding| finding.contains("checksum")), "{stream}: {found:?}");
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(!ran.findings(&ran.read()).is_empty(), "{stream}");
        std::fs::remove_file(&path).unwrap();
        // The output still has it.
        assert_eq!(ran.findings(&ran.read()), Vec::<String>::new(), "{stream}");
        std::fs::remove_file(ran.out.join(stream).join(path.file_name().unwrap())).unwrap();
        let found = ran.findings(&ran.read());
        assert!(found.iter().any(|finding| finding.contains("lies neither in")), "{stream}: {found:?}");
    }
}

#[test]
fn a_folder_without_state_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let failure = super::read(folder.path()).unwrap_err();
    assert!(matches!(failure, crate::failure::Failure::Usage(message) if message.contains("caudal run")));
}
