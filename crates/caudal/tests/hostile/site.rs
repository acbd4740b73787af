//! A small pipeline with a folder of its own, and records that it bills.
//! Relies on the sample case `redelivery`, whose input is replaced.
//! Never lets a run pass whose complaints name a subscriber.

use crate::common::{Ended, Place, copy, files, finish, root};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// First line of every file.
pub const HEADER: &str = "node;call_id;sequence;seizure_time;dur_s;a_number;b_number;cell";

/// The subscriber of every record, and the number that is called: neither may be in a log, in any form.
pub const NUMBERS: [&str; 2] = ["600000104", "933555003"];

/// A record that is billed.
pub fn record(call_id: u32) -> String {
    format!("msc-1;{call_id};1;20260903120000;60;{};{};001-01-4100-10000", NUMBERS[0], NUMBERS[1])
}

/// A file: the header, then lines.
pub fn file<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>) -> Vec<u8> {
    let mut content = format!("{HEADER}\n").into_bytes();
    for line in lines {
        content.extend_from_slice(line.as_ref());
        content.push(b'\n');
    }
    content
}

/// A file of `count` good records.
pub fn good(first: u32, count: u32) -> Vec<u8> {
    file((first..first + count).map(record))
}

/// A pipeline with its input, its state and its output.
pub struct Site {
    /// State, output, and the pipeline beside them.
    pub place: Place,
}

impl Site {
    /// A pipeline without input.
    pub fn empty() -> Self {
        let place = Place::new();
        copy(&root().join("sample-cdrs/redelivery/pipeline"), &place.path("case/pipeline"));
        fs::create_dir(place.path("case/input")).unwrap();
        Self { place }
    }

    /// A pipeline with 200 good records in four files.
    pub fn filled() -> Self {
        let site = Self::empty();
        for number in 0..4 {
            site.put(&format!("good_{number}.csv"), &good(1000 + number * 50, 50));
        }
        site
    }

    /// The pipeline's folder.
    pub fn pipeline(&self) -> PathBuf {
        self.place.path("case/pipeline")
    }

    /// The source's folder, or a name in it.
    pub fn input(&self, name: &str) -> PathBuf {
        self.place.path("case/input").join(name)
    }

    /// Puts a file into the source's folder.
    pub fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.input(name), content).unwrap();
    }

    /// `caudal run` of it.
    pub fn command(&self, options: &str) -> Command {
        self.place.command(&self.pipeline(), options)
    }

    /// Runs it, and expects the exit code.
    pub fn run(&self, options: &str, code: i32, what: &str) -> Ended {
        quiet(finish(self.command(options)), code, what)
    }

    /// Runs to the end, and expects so many records billed in all, every book to balance, and nothing left to do.
    pub fn completes(&self, billed: usize, what: &str) {
        self.run("", 0, what);
        assert_eq!(self.place.stream("rated").len(), billed, "{what}");
        self.place.audit();
        assert_eq!(self.run("", 0, what).number("records_in"), 0, "{what}");
    }

    /// Every file below state and output, with its content.
    pub fn kept(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut kept = Vec::new();
        let mut folders = vec![self.place.state(), self.place.out()];
        while let Some(folder) = folders.pop() {
            for path in files(&folder) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    kept.push((path.clone(), fs::read(&path).unwrap()));
                }
            }
        }
        kept.sort_unstable();
        kept
    }
}

/// Expects the exit code, no panic, and no subscriber's number on standard error.
pub fn quiet(ended: Ended, code: i32, what: &str) -> Ended {
    let ended = ended.expect(code, what);
    for number in NUMBERS {
        assert!(!ended.stderr.contains(number), "{what}: {}", ended.stderr);
    }
    ended
}
