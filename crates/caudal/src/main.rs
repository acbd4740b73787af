//! The binary: command line and configuration in, exit code out.
//! Relies on `commands` for everything that is done.
//! Never more than parse, run, exit.

mod cli;
mod commands;
mod config;
mod explain;
mod failure;
mod inspect;
mod memory;
mod observe;
mod print;
mod usage_lines;
mod what_if;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    memory::keep_freed_pages();
    let cli = cli::Cli::parse();
    print::log::start(&cli.log);
    match arm_fail_points().and_then(|()| commands::run(&cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print::error(&failure);
            failure.exit_code()
        }
    }
}

/// A test may name fail points in `CAUDAL_FAIL`; a binary built without them refuses.
fn arm_fail_points() -> Result<(), failure::Failure> {
    match std::env::var("CAUDAL_FAIL") {
        Ok(spec) => caudal_engine::fail::arm(&spec).map_err(failure::Failure::usage),
        Err(_) => Ok(()),
    }
}
