//! Golden ring: every sample case three ways, whose lines must be the same, and the same as those kept beside the case.
//! Relies on `sample-cdrs/*/expected/`, written by `CAUDAL_BLESS=1` and read by a person before they are committed.
//! Never blesses under `CI=true`.

// What tests share fails as they do.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Lines, Place, STREAMS, caudal, copy, edit, files, finish, root, same};
use std::fs;
use std::path::{Path, PathBuf};

/// Commits of the case with the most records, at the least.
const COMMITS_OF_THE_LARGEST: u64 = 20;

/// Starts after which a case that is stopped at every commit has surely ended.
const STARTS: u64 = 1000;

/// Runs a case straight, in parallel, and stopped at every commit. Returns how many commits the last way took.
fn three_ways(case: &str, pipeline: &Path) -> (Lines, u64) {
    let straight = Place::new();
    straight.run(pipeline, "--threads 1 --shards 1");
    let lines = straight.lines();
    let parallel = Place::new();
    parallel.run(pipeline, "--threads 2 --shards 8");
    same(&parallel.lines(), &lines, &format!("{case}, 8 shards on 2 threads"));
    let stopped = Place::new();
    let commits = stop_at_every_commit(&stopped, pipeline, |_| "--epoch-records 7".to_owned());
    same(&stopped.lines(), &lines, &format!("{case}, 7 records an epoch, stopped at every commit"));
    // What was read is not read again, whichever way it was read.
    for place in [&straight, &parallel, &stopped] {
        assert_eq!(place.run(pipeline, "").number("records_in"), 0, "{case}");
        same(&place.lines(), &lines, &format!("{case}, run once more"));
    }
    (lines, commits)
}

/// Runs with `--commits 1` until a run commits nothing, then once to the end.
fn stop_at_every_commit(place: &Place, pipeline: &Path, options: impl Fn(u64) -> String) -> u64 {
    let mut commits = 0;
    while place.run(pipeline, &format!("{} --commits 1", options(commits))).number("commits") > 0 {
        commits += 1;
        assert!(commits < STARTS, "{}: no end after {commits} commits", pipeline.display());
    }
    place.run(pipeline, &options(commits));
    commits
}

fn blessing() -> bool {
    let asked = std::env::var_os("CAUDAL_BLESS").is_some_and(|value| value == "1");
    let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(!(asked && in_ci), "CAUDAL_BLESS=1 under CI=true: what is expected is decided by a person");
    asked
}

/// A stream's lines as the case keeps them; a stream without lines has no file.
fn kept(folder: &Path) -> Lines {
    let read = |stream: &'static str| {
        let text = fs::read_to_string(folder.join(format!("{stream}.jsonl"))).unwrap_or_default();
        (stream, text.lines().map(str::to_owned).collect())
    };
    STREAMS.map(read).into()
}

fn bless(folder: &Path, lines: &Lines) {
    // A case that has none may have had some.
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (stream, lines) in lines.iter().filter(|(_, lines)| !lines.is_empty()) {
        fs::write(folder.join(format!("{stream}.jsonl")), lines.join("\n") + "\n").unwrap();
    }
}

/// Checks the sample case `name`. Returns its commits.
fn check(name: &str) -> u64 {
    let folder = root().join("sample-cdrs").join(name);
    let (lines, commits) = three_ways(name, &folder.join("pipeline"));
    if blessing() {
        bless(&folder.join("expected"), &lines);
    }
    same(&lines, &kept(&folder.join("expected")), &format!("{name}/expected"));
    println!("cases: 3");
    commits
}

#[test]
fn asterisk() {
    check("asterisk");
}

#[test]
fn delimited_data() {
    check("delimited-data");
}

#[test]
fn delimited_voice() {
    let commits = check("delimited-voice");
    assert!(commits >= COMMITS_OF_THE_LARGEST, "{commits} commits");
}

#[test]
fn dst() {
    check("dst");
}

#[test]
fn dst_offset() {
    check("dst-offset");
}

/// The same options and seed give the same octets, and what comes out is what was reckoned when they were written.
fn regenerated(case: &str, options: &str) {
    let kept = root().join("sample-cdrs").join(case);
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("set");
    let mut command = caudal();
    command.arg("generate").args(options.split(' ')).arg("--out").arg(&written);
    finish(command).expect(0, "generate");
    for part in ["input", "pipeline", "pipeline/plans", "pipeline/rates", "pipeline/reference"] {
        let names = |folder: &Path| -> Vec<_> {
            let inside = files(&folder.join(part)).into_iter().filter(|path| path.is_file());
            inside.map(|path| path.file_name().unwrap().to_owned()).collect()
        };
        assert_eq!(names(&written), names(&kept), "{case}/{part}");
        for name in names(&kept) {
            let path = Path::new(part).join(name);
            let (new, old) = (fs::read(written.join(&path)).unwrap(), fs::read(kept.join(&path)).unwrap());
            assert!(new == old, "{case}/{} differs", path.display());
        }
    }
    let manifest = fs::read(kept.join("manifest.json")).unwrap();
    assert!(fs::read(written.join("manifest.json")).unwrap() == manifest);
    as_reckoned(&kept);
    println!("cases: 2");
}

#[test]
fn pgw() {
    check("pgw");
}

/// A generated set of packet gateways comes out as it was reckoned when it was written.
#[test]
fn generated_pgw() {
    let folder = tempfile::tempdir().unwrap();
    let written = folder.path().join("set");
    let mut command = caudal();
    command.args(["generate", "pgw", "--records", "3000", "--seed", "7", "--subscriptions", "60"]);
    command.args(["--prefixes", "100", "--duplicates", "3%", "--damaged", "3%", "--out"]).arg(&written);
    finish(command).expect(0, "generate");
    as_reckoned(&written);
    println!("cases: 1");
}

/// Runs a generated set and compares outcomes and amounts with its manifest.
fn as_reckoned(set: &Path) {
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(set.join("manifest.json")).unwrap()).unwrap();
    let ended = Place::new().run(&set.join("pipeline"), "");
    for name in ["files", "records_in", "rated", "merged", "held", "duplicate", "filtered", "suspended"] {
        assert_eq!(ended.number(name), manifest[name].as_u64().unwrap(), "{}: {name}", set.display());
    }
    let report: serde_json::Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(report["amounts"], manifest["amounts"]);
}

#[test]
fn generated() {
    check("generated");
    let options =
        "delimited --records 400 --seed 7 --subscriptions 60 --prefixes 100 --duplicates 3% --damaged 3%";
    regenerated("generated", options);
}

#[test]
fn chf() {
    check("chf");
    let options =
        "chf --records 160 --seed 11 --subscriptions 30 --prefixes 100 --duplicates 4% --damaged 4%";
    regenerated("chf", options);
}

#[test]
fn redelivery() {
    check("redelivery");
}

#[test]
fn reseller() {
    check("reseller");
}

#[test]
fn sms() {
    check("sms");
}

/// All sources of one pipeline take turns; its files are those of the cases above, so it keeps no lines of its own.
#[test]
fn quickstart() {
    let (_, commits) = three_ways("quickstart", &root().join("pipelines/quickstart"));
    assert!(commits >= COMMITS_OF_THE_LARGEST, "{commits} commits");
    println!("cases: 3");
}

/// A case without a test here would never run.
#[test]
fn every_case_is_named() {
    let own = include_str!("golden.rs");
    for folder in files(&root().join("sample-cdrs")).into_iter().filter(|path| path.is_dir()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        assert!(own.contains(&format!("check(\"{name}\")")), "sample-cdrs/{name} has no test");
        assert!(!files(&folder.join("expected")).is_empty(), "sample-cdrs/{name} has no expected lines");
    }
}

/// A copy of a sample case, whose input may be changed.
fn copied(case: &str) -> (Place, PathBuf) {
    let place = Place::new();
    copy(&root().join("sample-cdrs").join(case), &place.path("case"));
    let pipeline = place.path("case/pipeline");
    (place, pipeline)
}

#[test]
fn shard_and_thread_counts_may_change_between_resumes() {
    let pipeline = root().join("sample-cdrs/delimited-voice/pipeline");
    let straight = Place::new();
    straight.run(&pipeline, "--threads 1 --shards 1");
    let layouts = ["--threads 1 --shards 3", "--threads 2 --shards 256", "--threads 2 --shards 1"];
    let changing = Place::new();
    stop_at_every_commit(&changing, &pipeline, |commits| {
        format!("{} --epoch-records 40", layouts[commits as usize % layouts.len()])
    });
    same(&changing.lines(), &straight.lines(), "layouts that change");
    println!("cases: 1");
}

#[test]
fn the_same_file_under_another_name_gives_only_duplicates() {
    for (case, file) in [
        ("redelivery", "msc1_20260903_0001.csv"),
        ("sms", "smsc1_20261001.csv"),
        ("delimited-data", "pgw1_202610.csv"),
    ] {
        let (place, pipeline) = copied(case);
        let input = place.path("case/input");
        place.run(&pipeline, "");
        let before = place.lines();
        fs::copy(input.join(file), input.join("zz_once_more.csv")).unwrap();
        let second = place.run(&pipeline, "");
        let after = place.lines();
        assert_eq!(before["rated"], after["rated"], "{case}");
        assert!(second.number("records_in") > 0, "{case}");
        let news = after["duplicates"].len() - before["duplicates"].len();
        assert_eq!(news as u64, second.number("duplicate"), "{case}");
        // What never got a claim, as a line that cannot be read, is suspended again.
        let suspended = second.number("suspended") - second.number("suspended_before");
        assert_eq!(second.number("records_in"), second.number("duplicate") + suspended, "{case}");
        println!("cases: 1");
    }
}

#[test]
fn a_known_key_with_other_billed_fields_is_a_conflict() {
    let (place, pipeline) = copied("redelivery");
    place.run(&pipeline, "");
    let before = place.lines();
    let input = place.path("case/input");
    let text = fs::read_to_string(input.join("msc1_20260903_0001.csv")).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.truncate(2);
    let target = input.join("zz_changed.csv");
    fs::write(&target, lines.join("\n") + "\n").unwrap();
    edit(&target, ";112;", ";113;");
    let second = place.run(&pipeline, "");
    assert_eq!((second.number("records_in"), second.number("duplicate")), (1, 0));
    let after = place.lines();
    assert_eq!(before["rated"], after["rated"]);
    let conflicts = |lines: &Lines| {
        lines["suspense"].iter().filter(|line| line.starts_with("{\"code\":\"key_conflict\"")).count()
    };
    assert_eq!(conflicts(&after), conflicts(&before) + 1);
    println!("cases: 1");
}
