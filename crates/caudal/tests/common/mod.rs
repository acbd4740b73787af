//! The shipped binary as the rings see it: started on a pipeline, waited for, and its output read back.
//! Relies on the binary that cargo built beside the test, with its fail points.
//! Never waits without a bound: a run that hangs is killed and fails its test.

// Each ring uses a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Longest time that any run of these tests may take. They take a fraction of a second on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a running process is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// The output streams that the claim of equality is about.
pub const STREAMS: [&str; 5] = ["rated", "suspense", "duplicates", "audit", "alerts"];

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The binary under test.
pub fn caudal() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_caudal"));
    command.env_remove("CAUDAL_FAIL").stdin(Stdio::null());
    command
}

/// What a process left behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: String,
    /// What it complained of.
    pub stderr: String,
}

impl Ended {
    /// Exit code; `None` when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// True when a signal ended it, as a kill does.
    pub fn killed(&self) -> bool {
        self.status.signal().is_some()
    }

    /// Asserts the exit code, and that nothing panicked.
    pub fn expect(self, code: i32, what: &str) -> Self {
        assert_eq!(self.code(), Some(code), "{what}: {:?}\n{}\n{}", self.status, self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{what}: {}", self.stderr);
        self
    }

    /// The number `name` of the report that `--json` printed.
    pub fn number(&self, name: &str) -> u64 {
        let line = self.stdout.lines().last().unwrap_or_default();
        let report: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        report[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {line:?}\n{}", self.stderr))
    }
}

/// A process and the files that take what it prints, so that no full pipe can stop it.
pub struct Started {
    child: Child,
    texts: tempfile::TempDir,
    began: Instant,
}

/// Starts a command.
pub fn start(mut command: Command) -> Started {
    let texts = tempfile::tempdir().unwrap();
    let file = |name: &str| fs::File::create(texts.path().join(name)).unwrap();
    let child = command.stdout(file("stdout")).stderr(file("stderr")).spawn().unwrap();
    Started { child, texts, began: Instant::now() }
}

impl Started {
    /// Kills it with SIGKILL, if it still runs.
    pub fn kill(&mut self) {
        // An error says that it has ended already.
        let _ = self.child.kill();
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// True while it runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end, [`PATIENCE`] at most.
    pub fn wait(mut self) -> Ended {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.began.elapsed() > PATIENCE {
                self.kill();
                self.child.wait().unwrap();
                panic!("no end within {PATIENCE:?}\n{}", self.text("stderr"));
            }
            std::thread::sleep(LOOK);
        };
        Ended { status, stdout: self.text("stdout"), stderr: self.text("stderr") }
    }

    /// What it has complained of so far.
    pub fn said(&self) -> String {
        self.text("stderr")
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.texts.path().join(name)).unwrap()).into_owned()
    }
}

/// Runs a command to its end.
pub fn finish(command: Command) -> Ended {
    start(command).wait()
}

/// Where a pipeline keeps its state and puts its output: a folder of its own, removed at the end.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// An empty place.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The state folder.
    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// The output folder.
    pub fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// `caudal run` of a pipeline in this place, until the input is exhausted, with a report as JSON.
    pub fn command(&self, pipeline: &Path, options: &str) -> Command {
        let mut command = caudal();
        command.arg("run").arg(pipeline).args(["--once", "--json"]);
        command.args(options.split_whitespace());
        command.arg("--state").arg(self.state()).arg("--out").arg(self.out());
        command
    }

    /// Runs a pipeline to the end of its input.
    pub fn run(&self, pipeline: &Path, options: &str) -> Ended {
        finish(self.command(pipeline, options)).expect(0, &format!("{} {options}", pipeline.display()))
    }

    /// Runs a pipeline with fail points armed.
    pub fn run_failing(&self, pipeline: &Path, options: &str, fail: &str) -> Ended {
        let mut command = self.command(pipeline, options);
        command.env("CAUDAL_FAIL", fail);
        finish(command)
    }

    /// `caudal audit` of this place: the books must balance.
    pub fn audit(&self) {
        finish(self.audit_command()).expect(0, "audit");
    }

    /// The audit, to be expected to fail.
    pub fn audit_command(&self) -> Command {
        let mut command = caudal();
        command.arg("audit").arg("--state").arg(self.state()).arg("--out").arg(self.out());
        command
    }

    /// The lines of every stream, sorted. Only final files count: a run to the end leaves no other.
    pub fn lines(&self) -> Lines {
        STREAMS.map(|stream| (stream, self.stream(stream))).into()
    }

    /// The lines of one stream, sorted.
    pub fn stream(&self, stream: &str) -> Vec<String> {
        let folder = self.out().join(stream);
        let mut lines = Vec::new();
        for path in files(&folder) {
            assert_eq!(path.extension().and_then(|end| end.to_str()), Some("jsonl"), "{}", path.display());
            let text = fs::read_to_string(&path).unwrap();
            lines.extend(text.lines().map(str::to_owned));
        }
        lines.sort_unstable();
        lines
    }
}

/// Sorted lines by stream.
pub type Lines = BTreeMap<&'static str, Vec<String>>;

/// Asserts that two outputs are the same to the byte, and shows the first line that is not.
pub fn same(found: &Lines, expected: &Lines, what: &str) {
    for stream in STREAMS {
        let (found, expected) = (&found[stream], &expected[stream]);
        let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
        assert!(
            found == expected,
            "{what}: {stream} has {} lines, expected {}; the first that differ:\n{differs:#?}",
            found.len(),
            expected.len()
        );
    }
}

/// The files of a folder, sorted; none when it does not exist.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort_unstable();
    files
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for path in files(from) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Changes a text file: every `from` becomes `to`, and there must be one.
pub fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "no {from:?} in {}", file.display());
    fs::write(file, text.replace(from, to)).unwrap();
}
