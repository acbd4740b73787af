//! Every event of the quickstart comes out the same; a tampered line, another tariff and a lost file do not pass.

use super::*;
use crate::cli::{LayoutArgs, RunArgs};
use crate::commands::{audit, run};
use std::fs;

struct Ran {
    _folder: tempfile::TempDir,
    root: PathBuf,
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs the quickstart, on copies of its pipeline and its samples.
fn ran() -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    copy(&here.join("pipelines/quickstart"), &root.join("pipelines/quickstart"));
    copy(&here.join("sample-cdrs"), &root.join("sample-cdrs"));
    let ran = Ran { _folder: folder, root };
    ran.run();
    ran
}

impl Ran {
    fn run(&self) {
        let layout =
            LayoutArgs { threads: Some(1), shards: Some(2), epoch_records: Some(100), commits: None };
        let args = RunArgs {
            pipeline: self.root.join("pipelines/quickstart"),
            once: true,
            state: self.state(),
            out: Some(self.out()),
            brokers: None,
            json: true,
            layout,
        };
        run::run(&args).unwrap();
    }

    fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    fn out(&self) -> PathBuf {
        self.root.join("out")
    }

    fn explainer(&self) -> Explainer {
        Explainer::new(audit::read(&self.state()).unwrap(), (&self.state(), &self.out())).unwrap()
    }

    fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.kept()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn kept(&self) -> PathBuf {
        self.state().join("segments/rated/rated-00000001.jsonl")
    }

    fn first(&self, fits: impl Fn(&Value) -> bool) -> String {
        let events = self.events();
        events.iter().find(|event| fits(event)).unwrap()["id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn every_event_of_the_quickstart_comes_out_the_same() {
    let ran = ran();
    let mut explainer = ran.explainer();
    let events = ran.events();
    assert!(events.len() > 1000);
    let mut duplicates = 0;
    for event in &events {
        let explained = explainer.explain(event["id"].as_str().unwrap()).unwrap();
        assert_eq!(explained.differences, [], "{}", event["id"]);
        assert_eq!(explained.notes, Vec::<String>::new());
        assert!(explained.recomputed.is_some());
        duplicates += explained.duplicates.len();
        let text = text(&explained).join("\n");
        assert!(text.contains("octet for octet") && !text.contains("DIFFERS"), "{text}");
        let value: Value = serde_json::from_str(&json(&explained)).unwrap();
        assert_eq!((&value["same"], &value["event"]["id"]), (&true.into(), &event["id"]));
    }
    assert!(duplicates > 0);
}

#[test]
fn a_line_that_was_changed_differs() {
    let ran = ran();
    let id = ran.first(|event| event["service"] == "voice");
    let text = fs::read_to_string(ran.kept()).unwrap();
    let changed: Vec<_> = text
        .lines()
        .map(|line| {
            if line.contains(&id) {
                line.replace("\"billed_quantity\":", "\"billed_quantity\":1")
            } else {
                line.into()
            }
        })
        .collect();
    fs::remove_file(ran.kept()).unwrap();
    fs::write(ran.kept(), changed.join("\n") + "\n").unwrap();
    // The receipt says how long the file was; what lies behind is not read.
    let explained = ran.explainer().explain(&id).unwrap();
    let fields: Vec<_> = explained.differences.iter().map(|found| found.field.as_str()).collect();
    assert_eq!(fields, ["billed_quantity"]);
    assert!(super::text(&explained).join("\n").contains("DIFFERS billed_quantity"));
}

#[test]
fn a_tariff_changed_later_changes_nothing() {
    let ran = ran();
    let id = ran.first(|event| event["plan"] == "movil-prepago" && event["amount"] != "0.000000");
    for entry in fs::read_dir(ran.root.join("pipelines/quickstart/plans")).unwrap().map(Result::unwrap) {
        let text = fs::read_to_string(entry.path()).unwrap();
        fs::write(entry.path(), text.replace("0.07 per", "0.09 per")).unwrap();
    }
    ran.run();
    assert_eq!(versions::kept(&ran.state()).len(), 2);
    assert_eq!(ran.explainer().explain(&id).unwrap().differences, []);
}

#[test]
fn without_the_original_the_arithmetic_is_checked() {
    let ran = ran();
    let event =
        ran.first(|event| event["source"]["file"].as_str().is_some_and(|file| file.starts_with("msc-1/")));
    let input = ran.root.join("sample-cdrs/delimited-voice/input");
    let text = fs::read(input.join("msc1_20260912_0001.csv")).unwrap();
    // Another content under the name is not the file that was read.
    for replaced in [Some([text.as_slice(), b"\n"].concat()), None] {
        match &replaced {
            Some(bytes) => fs::write(input.join("msc1_20260912_0001.csv"), bytes).unwrap(),
            None => fs::remove_dir_all(&input).unwrap(),
        }
        let explained = ran.explainer().explain(&event).unwrap();
        assert!(explained.recomputed.is_none());
        assert_eq!(explained.differences, []);
        let why = if replaced.is_some() { "another content" } else { "not there any more" };
        assert!(explained.notes.iter().any(|note| note.contains(why)), "{:?}", explained.notes);
        assert!(super::text(&explained).join("\n").contains("arithmetic of the stored lines is right"));
    }
    let mut wrong = ran.events().swap_remove(0);
    wrong["lines"][0]["amount"] = "9.000000".into();
    let fields: Vec<_> = arithmetic::check(&wrong).into_iter().map(|found| found.field).collect();
    assert_eq!(fields, ["lines.0.amount", "amount"]);
}

#[test]
fn ids_are_found_by_their_beginning() {
    let ran = ran();
    let id = ran.first(|_| true);
    let mut explainer = ran.explainer();
    let explained = explainer.explain(&id[..DIGITS_MIN]).unwrap();
    assert_eq!(explained.event["id"], id.as_str());
    let Err(Missing::NoSuchEvent(places)) = explainer.explain("00000000000000000000000000000000") else {
        panic!("found what is not there");
    };
    assert!(places.contains("segments"));
    assert!(
        matches!(explainer.explain(""), Err(Missing::Ambiguous(ids)) if ids.len() > 1 && ids[0].len() == DIGITS)
    );
}
