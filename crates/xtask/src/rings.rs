//! Turns `cargo xtask test` into rings run one after another, a line for each, and a last line of sums.
//! Relies on one build for all rings (one profile, one feature set) and on `crates/*/tests/RING.rs` being a ring's tests.
//! Never passes a ring that ran no case, and under `CI=true` never one that left something out.

use crate::count::{Tally, tally};
use crate::kafka::{self, Needs};
use crate::repo::Repo;
use crate::{Outcome, tidy};
use anyhow::{Context, Result, bail};
use std::io::{IsTerminal, Write};
use std::process::Command;
use std::time::Instant;

/// One ring of tests.
pub struct Ring {
    /// Its name, and the stem of its test files.
    pub name: &'static str,
    /// What it proves, in a sentence.
    pub proves: &'static str,
    runs: Runs,
}

/// What a ring runs.
enum Runs {
    /// The checks of `tidy.rs`, inside this program.
    Tidy,
    /// The unit tests beside the code of every crate.
    UnitTests,
    /// `tests/RING.rs` of every crate that has one.
    Files,
}

/// Every ring, cheapest first. To add one: a line here and `tests/NAME.rs` in the crate that can prove it.
pub const RINGS: &[Ring] = &[
    Ring { name: "tidy", proves: "the house keeps its own rules", runs: Runs::Tidy },
    Ring { name: "unit", proves: "each part does what its documentation says", runs: Runs::UnitTests },
    Ring {
        name: "property",
        proves: "money, increments, splits and days are right for any input",
        runs: Runs::Files,
    },
    Ring {
        name: "findings",
        proves: "what is wrong with a plan is found, with its place",
        runs: Runs::Files,
    },
    Ring { name: "known_answers", proves: "prices worked by hand come out", runs: Runs::Files },
    Ring {
        name: "oracle",
        proves: "a second rater that shares nothing with the engine finds the same charges for any plan",
        runs: Runs::Files,
    },
    Ring { name: "options", proves: "every option of a plan does what the manual says", runs: Runs::Files },
    Ring { name: "recipes", proves: "what the manual's recipes say is what they cost", runs: Runs::Files },
    Ring { name: "quickstart", proves: "the plans that ship price as their text says", runs: Runs::Files },
    Ring {
        name: "restart",
        proves: "a line restarted anywhere goes on as if it never stopped",
        runs: Runs::Files,
    },
    Ring { name: "dedup", proves: "claims are exact beyond memory and across restarts", runs: Runs::Files },
    Ring {
        name: "golden",
        proves: "every sample case gives the same lines straight, in parallel, and stopped at every commit",
        runs: Runs::Files,
    },
    Ring {
        name: "kill",
        proves: "killed at any step, the output is that of an undisturbed run",
        runs: Runs::Files,
    },
    Ring {
        name: "books",
        proves: "one record lost or doubled in any stage stops the run",
        runs: Runs::Files,
    },
    Ring {
        name: "differential",
        proves: "decoders of other makers read the same elements and values",
        runs: Runs::Files,
    },
    Ring {
        name: "fuzz_replay",
        proves: "what the fuzzer has ever found to be of interest still holds",
        runs: Runs::Files,
    },
    Ring {
        name: "hostile",
        proves: "broken input, disks and folders lose nothing, panic nowhere and name no subscriber",
        runs: Runs::Files,
    },
    Ring {
        name: "broker",
        proves: "on a real Kafka, killed and restarted, readers see what was committed, once",
        runs: Runs::Files,
    },
    Ring {
        name: "health",
        proves: "metrics and health say what the run is at, and no client holds it up",
        runs: Runs::Files,
    },
    Ring { name: "logs", proves: "no log line at any level holds a subscriber's number", runs: Runs::Files },
];

/// Rings that talk to a real broker.
const WITH_BROKER: &[&str] = &["broker"];

/// One set of flags for the build and for every ring: another set would compile the workspace a second time.
pub const CARGO_TEST: &[&str] = &["test", "--release", "--workspace", "--features", "caudal/failpoints"];

/// How hard the rings try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effort {
    /// Minutes in all.
    Normal,
    /// As long as it takes: tests see `CAUDAL_LONG=1`.
    Long,
}

/// What the command line asks for.
pub struct Choice {
    rings: Vec<&'static Ring>,
    effort: Effort,
}

impl Choice {
    /// Reads `[--ring NAME]... [--long]`; no ring named means all.
    pub fn parse(options: &[&str]) -> Result<Self> {
        let mut choice = Self { rings: Vec::new(), effort: Effort::Normal };
        let mut options = options.iter();
        while let Some(option) = options.next() {
            match *option {
                "--long" => choice.effort = Effort::Long,
                "--ring" => choice.rings.push(find(options.next().context("--ring needs a name")?)?),
                other => bail!("unknown option {other:?} of `test`"),
            }
        }
        if choice.rings.is_empty() {
            choice.rings = RINGS.iter().collect();
        }
        Ok(choice)
    }

    fn needs_build(&self) -> bool {
        self.rings.iter().any(|ring| !matches!(ring.runs, Runs::Tidy))
    }

    fn needs(&self) -> Needs {
        let wants_broker = self.rings.iter().any(|ring| WITH_BROKER.contains(&ring.name));
        if wants_broker { Needs::BuildAndBroker } else { Needs::Build }
    }
}

fn find(name: &str) -> Result<&'static Ring> {
    let names: Vec<&str> = RINGS.iter().map(|ring| ring.name).collect();
    let ring = RINGS.iter().find(|ring| ring.name == name);
    ring.with_context(|| format!("no ring {name:?}; there are {}", names.join(", ")))
}

fn has_files(repo: &Repo, ring: &str) -> bool {
    test_files(repo).any(|(_, stem)| stem == ring)
}

/// Every integration test file, with its stem.
pub fn test_files(repo: &Repo) -> impl Iterator<Item = (&str, &str)> {
    repo.sources.iter().filter_map(|source| match source.path.split('/').collect::<Vec<_>>().as_slice() {
        ["crates", _, "tests", file] => file.strip_suffix(".rs").map(|stem| (source.path.as_str(), stem)),
        _ => None,
    })
}

/// Runs the chosen rings; the last line printed is `N passed, N failed`.
pub fn test(repo: &Repo, choice: &Choice) -> Result<Outcome> {
    let mut sum = Tally::default();
    if choice.needs_build() {
        kafka::prepare(choice.needs());
    }
    if choice.needs_build() && !build(repo)? {
        println!("the build failed, so no ring was run\n0 passed, 1 failed");
        return Ok(Outcome::Bad);
    }
    for ring in &choice.rings {
        let report = run_ring(repo, ring, choice.effort)?;
        sum.passed += report.passed;
        sum.failed += report.failed;
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    Ok(if sum.failed == 0 { Outcome::Good } else { Outcome::Bad })
}

fn build(repo: &Repo) -> Result<bool> {
    println!("building once for all rings");
    let mut command = repo.cargo(CARGO_TEST);
    command.arg("--no-run");
    if !std::io::stderr().is_terminal() {
        // No one is watching: say only what is wrong.
        command.arg("--quiet");
    }
    Ok(command.status().context("cannot start cargo")?.success())
}

/// What one ring found, with the text to show when it failed.
struct Report {
    tally: Tally,
    story: String,
}

fn run_ring(repo: &Repo, ring: &Ring, effort: Effort) -> Result<Tally> {
    print!("ring {} … ", ring.name);
    std::io::stdout().flush()?;
    let start = Instant::now();
    let report = match ring.runs {
        Runs::Tidy => of_tidy(repo),
        Runs::UnitTests => of_tests(unit_tests(repo), effort)?,
        Runs::Files if has_files(repo, ring.name) => of_tests(file_tests(repo, ring.name), effort)?,
        Runs::Files => {
            Report { tally: Tally::default(), story: format!("no file crates/*/tests/{}.rs", ring.name) }
        }
    };
    let Report { mut tally, mut story } = report;
    for complaint in complaints(&tally) {
        tally.failed += 1;
        story = format!("{story}\nring {}: {complaint}", ring.name);
    }
    let cases = tally.passed + tally.failed;
    println!("{cases} cases, {} failed, {:.1} s", tally.failed, start.elapsed().as_secs_f64());
    if tally.failed > 0 {
        println!("\nring {} proves: {}\n{}\n", ring.name, ring.proves, story.trim());
    } else if tally.skipped > 0 {
        println!("  {} left out", tally.skipped);
    }
    Ok(tally)
}

/// What makes a ring fail although none of its tests did.
fn complaints(tally: &Tally) -> Vec<String> {
    let mut complaints = Vec::new();
    if tally.passed + tally.failed == 0 {
        complaints.push("no tests found".to_owned());
    }
    let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    if in_ci && tally.skipped > 0 {
        complaints.push(format!("{} left out, and CI=true allows none", tally.skipped));
    }
    complaints
}

fn unit_tests(repo: &Repo) -> Command {
    let mut command = repo.cargo(CARGO_TEST);
    command.args(["--lib", "--bins"]);
    command
}

fn file_tests(repo: &Repo, name: &str) -> Command {
    let mut command = repo.cargo(CARGO_TEST);
    command.args(["--test", name]);
    command
}

fn of_tests(mut command: Command, effort: Effort) -> Result<Report> {
    if effort == Effort::Long {
        command.env("CAUDAL_LONG", "1");
    }
    command.args(["--no-fail-fast", "--", "--nocapture"]);
    let output = command.output().context("cannot start cargo")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let mut tally = tally(&said);
    if !output.status.success() && tally.failed == 0 {
        // A test program that aborts, or that does not compile, prints no result line.
        tally.failed = 1;
    }
    let told = said.lines().filter(|line| !line.is_empty() && !line.ends_with("... ok"));
    let told: Vec<&str> = told.collect();
    Ok(Report { tally, story: format!("{}\n{}", told.join("\n"), String::from_utf8_lossy(&output.stderr)) })
}

fn of_tidy(repo: &Repo) -> Report {
    let findings = tidy::run(repo);
    let failed = findings.iter().filter(|finding| !finding.wrong.is_empty()).count() as u64;
    let passed = findings.len() as u64 - failed;
    Report { tally: Tally { passed, failed, skipped: 0 }, story: tidy::story(&findings) }
}
