//! State and output folders that cannot be used, belong to another, or are full: refused or stopped, and nothing is lost.
//! Relies on what root cannot write to either: a file in place of a folder, `/proc`, a limit on the size of files.
//! Never a folder changed that was refused.

use crate::common::{Ended, Lines, PATIENCE, Place, caudal, finish, same, start};
use crate::site::{Site, good, quiet};
use std::fs;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Records of [`Site::filled`].
const RECORDS: usize = 200;

/// Exit code of what was refused, and of what failed.
const REFUSED: i32 = 2;
const FAILED: i32 = 3;

/// What an undisturbed run of [`Site::filled`] gives.
fn undisturbed() -> Lines {
    let site = Site::filled();
    site.run("", 0, "undisturbed");
    site.place.lines()
}

#[test]
fn a_foreign_state_folder_is_refused_and_not_touched() {
    let site = Site::filled();
    site.run("--epoch-records 30 --commits 2", 0, "first");
    let before = site.kept();
    crate::common::edit(
        &site.pipeline().join("pipeline.toml"),
        "name = \"redelivery\"",
        "name = \"another\"",
    );
    let ended = site.run("", REFUSED, "foreign");
    assert!(ended.stderr.contains("redelivery") && ended.stderr.contains("another"), "{}", ended.stderr);
    assert!(site.kept() == before, "a foreign state folder was changed");
    println!("cases: 1");
}

/// Two pipelines whose configurations name the same output: the second would cut the open files of the first.
#[test]
fn the_output_of_another_state_is_refused_and_not_touched() {
    let site = Site::filled();
    site.run("--epoch-records 30 --commits 2", 0, "first");
    let before = site.kept();
    let other = Site::filled();
    for (state, out, found) in [
        (other.place.path("state-2"), site.place.out(), "another state"),
        (site.place.state(), site.place.state(), "is a state folder"),
        (other.pipeline(), other.place.path("out-2"), "is no state folder"),
    ] {
        let ended = quiet(run_at(&site, &state, &out), REFUSED, found);
        assert!(ended.stderr.contains(found), "{found}: {}", ended.stderr);
        assert!(site.kept() == before, "{found}: state or output was changed");
        println!("cases: 1");
    }
    site.completes(200, "the first goes on");
}

#[test]
fn a_state_folder_in_use_is_refused_and_its_owner_ends_in_order() {
    let site = Site::filled();
    let mut command = caudal();
    command.arg("run").arg(site.pipeline()).arg("--state").arg(site.place.state());
    let mut owner = start({
        command.arg("--out").arg(site.place.out());
        command
    });
    let began = Instant::now();
    let audited = || {
        let part = site.place.out().join("audit/audit-00000001.jsonl.part");
        fs::read_to_string(part).is_ok_and(|text| text.lines().count() == 4)
    };
    while !audited() {
        assert!(owner.runs() && began.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    let ended = site.run("", REFUSED, "in use");
    assert!(ended.stderr.contains("in use"), "{}", ended.stderr);
    let told = Command::new("kill").arg("-TERM").arg(owner.id().to_string()).status();
    assert!(told.is_ok_and(|status| status.success()));
    quiet(owner.wait(), 0, "told to stop");
    assert_eq!(site.place.stream("rated").len(), RECORDS);
    site.completes(RECORDS, "after its owner");
    println!("cases: 2");
}

/// `caudal run` with other folders.
fn run_at(site: &Site, state: &Path, out: &Path) -> Ended {
    let mut command = caudal();
    command.arg("run").arg(site.pipeline()).args(["--once", "--json", "--state"]);
    command.arg(state).arg("--out").arg(out);
    finish(command)
}

#[test]
fn folders_that_cannot_be_written_to() {
    let site = Site::filled();
    let file = site.place.path("file");
    fs::write(&file, "somebody's").unwrap();
    let (state, out) = (site.place.state(), site.place.out());
    let below = file.join("below");
    let proc = Path::new("/proc/caudal");
    for (state, out) in [
        (file.as_path(), out.as_path()),
        (&below, &out),
        (proc, &out),
        (&state, &file),
        (&state, &below),
        (&state, proc),
    ] {
        let what = format!("{} {}", state.display(), out.display());
        let ended = quiet(run_at(&site, state, out), FAILED, &what);
        assert!(ended.stderr.contains("cannot"), "{what}: {}", ended.stderr);
        println!("cases: 1");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "somebody's");
    site.completes(RECORDS, "folders that can be written to");
}

#[test]
fn a_source_without_its_folder() {
    let site = Site::filled();
    fs::rename(site.input(""), site.place.path("case/elsewhere")).unwrap();
    site.run("", FAILED, "no folder");
    fs::write(site.place.path("case/input"), "a file").unwrap();
    site.run("", FAILED, "a file for a folder");
    fs::remove_file(site.place.path("case/input")).unwrap();
    fs::rename(site.place.path("case/elsewhere"), site.input("")).unwrap();
    site.completes(RECORDS, "the folder is back");
    println!("cases: 2");
}

/// An archive that cannot take a file stops the run after the commit; once it can, the file is moved and not read again.
#[test]
fn an_archive_that_cannot_be_written_to() {
    let site = Site::filled();
    let archive = "after = \"archive\"\narchive = \"../archive\"";
    crate::common::edit(&site.pipeline().join("pipeline.toml"), "after = \"keep\"", archive);
    let folder = site.place.path("case/archive");
    fs::write(&folder, "in the way").unwrap();
    let ended = site.run("", FAILED, "no archive");
    assert!(ended.stderr.contains("archive"), "{}", ended.stderr);
    fs::remove_file(&folder).unwrap();
    site.completes(RECORDS, "the archive is there");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
    assert_eq!(fs::read_dir(site.input("")).unwrap().count(), 0);
    println!("cases: 1");
}

/// A full disk: no file may grow over so many blocks of 512 octets. Each write that fails stops the run.
#[test]
fn a_full_disk() {
    let expected = undisturbed();
    for blocks in [1, 2, 4, 8, 16, 32, 64, 128] {
        let site = Site::filled();
        let what = format!("{blocks} blocks");
        let limited = site.command("--epoch-records 7");
        let mut command = Command::new("sh");
        // Ignored, the signal becomes the error that a full disk gives.
        command.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"")).arg("sh");
        command.arg(limited.get_program()).args(limited.get_args());
        quiet(finish(command), FAILED, &what);
        site.run("", 0, &what);
        same(&site.place.lines(), &expected, &what);
        site.place.audit();
        println!("cases: 1");
    }
}

/// Every step of a commit may fail: the run stops, and the next start finds out what was committed.
#[test]
fn a_disk_that_fails_in_a_step() {
    let expected = undisturbed();
    for step in [
        "recover.line",
        "recover.outputs",
        "recover.sources",
        "epoch.parsed",
        "epoch.stepped",
        "epoch.drawn",
        "commit.prepare.before",
        "commit.prepare.write",
        "commit.prepare.sync",
        "commit.prepare.after",
        "commit.log.before",
        "commit.log.sync",
        "commit.log.after",
        "commit.finish.outputs",
        "commit.finish.source",
    ] {
        let site = Site::filled();
        for hit in [1, 2] {
            let hit = if step.starts_with("recover") { 1 } else { hit };
            let fail = format!("{step}=error@{hit}");
            let ended = site.place.run_failing(&site.pipeline(), "--epoch-records 15", &fail);
            let ended = quiet(ended, FAILED, &fail);
            assert!(ended.stderr.contains(step), "{fail}: {}", ended.stderr);
            println!("cases: 1");
        }
        site.run("", 0, step);
        same(&site.place.lines(), &expected, step);
        site.place.audit();
    }
}

/// A report that cannot be printed is no reason to panic: what was committed stands.
#[test]
fn a_report_that_nobody_takes() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let run = |place: &Place, pipeline: &Path| place.command(pipeline, "");
    let site = Site::filled();
    let output = run(&site.place, &site.pipeline()).stdout(full()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(FAILED), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(site.place.stream("rated").len(), RECORDS);
    site.put("more.csv", &good(9000, 1));
    let output = run(&site.place, &site.pipeline()).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    site.completes(RECORDS + 1, "nobody listens");
    println!("cases: 2");
}
