//! Damaged state: a torn end is mended, anything else is refused, and a run that goes on gives the undisturbed output.
//! Relies on a run that was stopped after a few commits, so that the log has frames and every stream an open file.
//! Never repairs by guessing: what was refused is left as it was.

use crate::common::{Lines, Place, caudal, edit, files, finish, same};
use crate::site::{Site, quiet};
use std::fs;
use std::path::{Path, PathBuf};

/// Exit code of a run that refuses its state.
const FAILED: i32 = 3;

/// A site whose run was stopped after four commits of thirty records.
fn stopped() -> Site {
    let site = Site::filled();
    site.run("--epoch-records 30 --commits 4", 0, "stopped");
    site
}

/// A site whose run came to its end.
fn ended() -> Site {
    let site = Site::filled();
    site.run("--epoch-records 30", 0, "ended");
    site
}

fn undisturbed() -> Lines {
    ended().place.lines()
}

/// The only file of a folder.
fn only(folder: &Path) -> PathBuf {
    let mut files = files(folder);
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

fn log(site: &Site) -> PathBuf {
    only(&site.place.state().join("log"))
}

fn change(path: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    how(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn flip(path: &Path, at: usize) {
    change(path, |bytes| bytes[at] ^= 0x10);
}

/// The state is refused, and stays as it is.
fn refuses(site: &Site, what: &str) {
    let before = site.kept();
    site.run("", FAILED, what);
    let after = site.kept();
    let names = |kept: &[(PathBuf, Vec<u8>)]| kept.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&before), names(&after), "{what}");
    assert!(before == after, "{what}: what was refused was changed");
    println!("cases: 1");
}

/// The run goes on, to the output of an undisturbed one.
fn mends(site: &Site, expected: &Lines, what: &str) {
    site.run("", 0, what);
    same(&site.place.lines(), expected, what);
    site.place.audit();
    println!("cases: 1");
}

#[test]
fn a_flipped_bit_in_the_middle_of_the_log_is_refused() {
    for begin in [stopped, ended] {
        let len = fs::read(log(&begin())).unwrap().len();
        for at in [0, 8, 12, 20, 40, len / 5, len / 3, len / 2] {
            let site = begin();
            flip(&log(&site), at);
            refuses(&site, &format!("flipped at {at} of {len}"));
        }
    }
}

#[test]
fn a_torn_end_of_the_log_is_mended() {
    let expected = undisturbed();
    let len = fs::read(log(&stopped())).unwrap().len();
    for lost in [1, 2, 7, 20, 40, 60] {
        let site = stopped();
        change(&log(&site), |bytes| bytes.truncate(len - lost));
        mends(&site, &expected, &format!("{lost} octets of the log lost"));
    }
    for more in [1, 4, 100, 5000] {
        for octet in [0, 0x5a, 0xff] {
            let site = stopped();
            change(&log(&site), |bytes| bytes.resize(len + more, octet));
            mends(&site, &expected, &format!("{more} octets of {octet:#x} after the log"));
        }
    }
}

/// Once a data file is final, its lines are billed: a log that does not know it must not bill them again.
#[test]
fn a_lost_log_is_refused() {
    let site = ended();
    fs::remove_file(log(&site)).unwrap();
    refuses(&site, "no log");
    let site = ended();
    change(&log(&site), Vec::clear);
    site.run("", FAILED, "an empty log");
    println!("cases: 1");
    let site = ended();
    fs::remove_dir_all(site.place.state()).unwrap();
    let out = site.place.lines();
    // The output folder knows the state that is gone: wrong usage, before anything is read.
    site.run("", 2, "no state");
    assert_eq!(site.place.lines(), out);
    println!("cases: 1");
    // Nothing was final yet, and the source keeps its files: all of it is read again.
    let site = stopped();
    fs::remove_file(log(&site)).unwrap();
    mends(&site, &undisturbed(), "no log and nothing final");
}

#[test]
fn a_part_file_must_be_what_its_receipt_says() {
    let expected = undisturbed();
    for stream in ["rated", "audit"] {
        let part = |site: &Site| only(&site.place.out().join(stream));
        let site = stopped();
        fs::remove_file(part(&site)).unwrap();
        refuses(&site, &format!("no part file of {stream}"));
        for at in [0, 100] {
            let site = stopped();
            flip(&part(&site), at);
            refuses(&site, &format!("part file of {stream} flipped at {at}"));
        }
        for left in [0, 10, 200] {
            let site = stopped();
            change(&part(&site), |bytes| bytes.truncate(left));
            refuses(&site, &format!("part file of {stream} cut to {left}"));
        }
        for more in [1, 3000] {
            let site = stopped();
            change(&part(&site), |bytes| bytes.extend(std::iter::repeat_n(b'{', more)));
            mends(&site, &expected, &format!("part file of {stream} with {more} octets more"));
        }
    }
}

/// What is final belongs to its consumers: they may move it, and the next run neither needs nor replaces it.
#[test]
fn final_files_may_be_taken_away() {
    let site = ended();
    for stream in ["rated", "audit"] {
        fs::remove_file(only(&site.place.out().join(stream))).unwrap();
    }
    site.put("more.csv", &crate::site::good(9000, 3));
    site.run("", 0, "taken away");
    assert_eq!(site.place.stream("rated").len(), 3);
    assert!(only(&site.place.out().join("rated")).ends_with("rated-00000002.jsonl"));
    println!("cases: 1");
}

#[test]
fn a_damaged_identity_is_refused() {
    for at in [0, 20, 40, 80] {
        let site = stopped();
        flip(&site.place.state().join("IDENTITY"), at);
        refuses(&site, &format!("identity flipped at {at}"));
    }
    let site = stopped();
    fs::remove_file(site.place.state().join("IDENTITY")).unwrap();
    refuses(&site, "no identity");
}

/// A set with so little memory for claims that snapshots are taken and claims written to disk.
struct Large {
    place: Place,
    pipeline: PathBuf,
}

impl Large {
    fn generate() -> Self {
        let place = Place::new();
        let mut command = caudal();
        command.args(["generate", "delimited", "--records", "40000", "--seed", "3", "--prefixes", "100"]);
        command.args(["--subscriptions", "50", "--duplicates", "5%", "--out"]).arg(place.path("set"));
        finish(command).expect(0, "generate");
        let pipeline = place.path("set/pipeline");
        edit(&pipeline.join("pipeline.toml"), "\"90 days\"", "\"90 days\", memory = \"1 MiB\"");
        Self { place, pipeline }
    }

    /// Runs until two snapshots are there, in a place of its own.
    fn stopped(&self) -> Place {
        let place = Place::new();
        place.run(&self.pipeline, "--epoch-records 1000 --commits 30");
        assert_eq!(files(&place.state().join("snapshots")).len(), 2);
        place
    }
}

#[test]
fn a_damaged_snapshot_is_put_aside_for_the_one_before() {
    let large = Large::generate();
    large.place.run(&large.pipeline, "");
    let expected = large.place.lines();
    for share in [0, 1, 2, 3] {
        let place = large.stopped();
        let newest = files(&place.state().join("snapshots")).remove(1);
        change(&newest, |bytes| {
            let at = (bytes.len() - 1) * share / 3;
            bytes[at] ^= 1;
        });
        let ended = quiet(finish(place.command(&large.pipeline, "")), 0, "damaged snapshot");
        assert!(ended.stderr.contains("damaged"), "{}", ended.stderr);
        same(&place.lines(), &expected, "a damaged snapshot");
        place.audit();
        println!("cases: 1");
    }
    // Both damaged: what follows is either the same output or a refusal, never another output.
    let place = large.stopped();
    files(&place.state().join("snapshots")).iter().for_each(|path| flip(path, 40));
    let ended = finish(place.command(&large.pipeline, ""));
    if ended.code() == Some(0) {
        same(&place.lines(), &expected, "both snapshots damaged");
    } else {
        quiet(ended, FAILED, "both snapshots damaged");
    }
    println!("cases: 1");
}

/// The audit once called books balanced of which the last commits were gone.
#[test]
fn an_audit_of_a_log_that_ends_before_its_snapshot_is_refused() {
    let large = Large::generate();
    let place = large.stopped();
    place.audit();
    fs::remove_dir_all(place.state().join("log")).unwrap();
    let ended = quiet(finish(place.audit_command()), FAILED, "an audit without the log");
    assert!(ended.stderr.contains("commits are lost"), "{}", ended.stderr);
    println!("cases: 1");
}

/// Claims that cannot be read are no claims that were not made: nothing fails open.
#[test]
fn damaged_claims_stop_the_run() {
    let large = Large::generate();
    large.place.run(&large.pipeline, "");
    let expected = large.place.lines();
    let runs = |place: &Place| files(&place.state().join("claims"));
    let place = large.stopped();
    fs::remove_file(&runs(&place)[0]).unwrap();
    quiet(finish(place.command(&large.pipeline, "")), FAILED, "a lost run of claims");
    println!("cases: 1");
    for share in [0, 1, 2, 3] {
        let place = large.stopped();
        for path in runs(&place) {
            change(&path, |bytes| {
                let at = (bytes.len() - 1) * share / 3;
                bytes[at] ^= 1;
            });
        }
        let ended = finish(place.command(&large.pipeline, ""));
        if ended.code() == Some(0) {
            // The damage lay where nobody had to look.
            same(&place.lines(), &expected, "damaged claims");
        } else {
            quiet(ended, FAILED, "damaged claims");
        }
        println!("cases: 1");
    }
}
