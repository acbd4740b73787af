//! The commands, one file each.
//! Relies on configuration being loaded and checked before anything is opened for writing.
//! Never decides anything about a record.

pub mod audit;
mod explain;
mod generate;
mod graph;
mod inspect;
mod keys;
mod owner;
mod rate;
pub mod run;
pub mod state;
mod test;
pub mod topics;
mod validate;
pub mod versions;
mod what_if;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

/// Runs the command of the command line.
pub fn run(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Run(args) => run::run(args),
        Command::Validate(args) => validate::validate(args),
        Command::Audit(args) => audit::audit(args),
        Command::Inspect(args) => inspect::inspect(args),
        Command::Generate(args) => generate::generate(args),
        Command::Rate(args) => rate::rate(args),
        Command::Test(args) => test::test(args),
        Command::Graph(args) => graph::graph(args),
        Command::Explain(args) => explain::explain(args),
    }
}
