//! The project's own chores, as `cargo xtask …`: test rings, tidiness, the arrow check, the code table, the benchmark.
//! Relies on cargo being the one that started it and on the crates lying in `crates/`.
//! Never leaves a file in the checkout except the one it is asked to write.

mod arrows;
mod codes;
mod count;
mod kafka;
mod lengths;
mod repo;
mod rings;
mod source;
mod tidy;

use anyhow::{Context, Result, bail};
use repo::Repo;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [--ring NAME]... [--long]   run the test rings; --long lets each try more cases
  tidy                             run the checks of the ring `tidy` alone
  arrows                           print the crates by level; fail on an arrow that goes up
  codes                            write docs/codes.md from the table in the crate usage
  bench [ARGS]...                  run the benchmark
  kafka [fetch|start|stop|status] [--folder DIR] [--port N]
                                   a real Apache Kafka on this machine; alone: fetch and start";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Bad) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What a command found. An error is for a command that could not do its work at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Good,
    Bad,
}

fn run(args: &[String]) -> Result<Outcome> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", options @ ..] => rings::test(&Repo::open()?, &rings::Choice::parse(options)?),
        ["tidy"] => tidy::print(&Repo::open()?),
        ["arrows"] => arrows::print(&Repo::open()?),
        ["codes"] => codes::write(&Repo::open()?),
        ["bench", options @ ..] => bench(&Repo::open()?, options),
        ["kafka", words @ ..] => kafka::run(words),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(Outcome::Good)
        }
        [] => bail!("no command given\n{USAGE}"),
        other => bail!("unknown command {:?}\n{USAGE}", other.join(" ")),
    }
}

fn bench(repo: &Repo, options: &[&str]) -> Result<Outcome> {
    // What ships is measured, as `cargo build --release` makes it.
    let built =
        repo.cargo(&["build", "--release", "--package", "caudal"]).status().context("cannot start cargo")?;
    if !built.success() {
        return Ok(Outcome::Bad);
    }
    let status = repo
        .cargo(&["run", "--release", "--package", "caudal-benches", "--"])
        .args(options)
        .status()
        .context("cannot start the benchmark")?;
    Ok(if status.success() { Outcome::Good } else { Outcome::Bad })
}
