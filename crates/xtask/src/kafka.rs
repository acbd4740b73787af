//! Turns `cargo xtask kafka …` into a broker fetched, started, stopped; and prepares the machine for the rings that need one.
//! Relies on the crate broker for the work, on apt where something is missing and this is root.
//! Never stops a broker that it did not start.

use crate::Outcome;
use anyhow::{Context, Result, bail};
use caudal_broker::standing::{PORT, Standing, Status};
use caudal_broker::{Kit, VERSION, install_build_tools, install_java};
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Task {
    FetchAndStart,
    Fetch,
    Start,
    Stop,
    Status,
}

/// Runs `kafka [fetch|start|stop|status] [--folder DIR] [--port N]`.
pub fn run(words: &[&str]) -> Result<Outcome> {
    let (task, options) = match words {
        ["fetch", rest @ ..] => (Task::Fetch, rest),
        ["start", rest @ ..] => (Task::Start, rest),
        ["stop", rest @ ..] => (Task::Stop, rest),
        ["status", rest @ ..] => (Task::Status, rest),
        rest => (Task::FetchAndStart, rest),
    };
    let broker = standing(options)?;
    match task {
        Task::Fetch => fetch().map(|_| Outcome::Good),
        Task::FetchAndStart => {
            install_java()?;
            start(&broker)
        }
        Task::Start => start(&broker),
        Task::Stop if broker.stop()? => say("stopped"),
        Task::Stop => say("there was none to stop"),
        Task::Status => Ok(status(&broker)),
    }
}

fn standing(options: &[&str]) -> Result<Standing> {
    let (mut folder, mut port) = (None, PORT);
    let mut options = options.iter();
    while let Some(option) = options.next() {
        let mut value = || options.next().with_context(|| format!("{option} needs a value"));
        match *option {
            "--folder" => folder = Some(PathBuf::from(value()?)),
            "--port" => {
                let text = value()?;
                port = text.parse().with_context(|| format!("--port: {text:?} is no port"))?;
            }
            other => bail!("unknown option {other:?} of `kafka`"),
        }
    }
    Standing::new(folder.as_deref(), port)
}

fn fetch() -> Result<Kit> {
    install_java()?;
    let kit = Kit::fetch()?;
    println!("Apache Kafka {VERSION} lies in {}", kit.libs().display());
    Ok(kit)
}

fn start(broker: &Standing) -> Result<Outcome> {
    broker.start(&Kit::fetch()?)?;
    println!("Apache Kafka {VERSION} serves on {}", broker.bootstrap());
    println!("  data and log   {}", broker.folder().display());
    println!("  to stop        cargo xtask kafka stop");
    println!("  to start over  stop it, then remove that folder");
    Ok(Outcome::Good)
}

fn status(broker: &Standing) -> Outcome {
    let (said, outcome) = match broker.status() {
        Status::Serves(process) => {
            (format!("process {process} serves on {}", broker.bootstrap()), Outcome::Good)
        }
        Status::Silent(process) => {
            (format!("process {process} does not answer on {}", broker.bootstrap()), Outcome::Bad)
        }
        Status::Stopped => ("stopped".to_owned(), Outcome::Bad),
    };
    println!("{said}\n  data and log   {}", broker.folder().display());
    outcome
}

fn say(what: &str) -> Result<Outcome> {
    println!("{what}");
    Ok(Outcome::Good)
}

/// Whether a ring needs what the machine may lack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Needs {
    /// A C++ compiler and `make`, with which the Kafka client is built.
    Build,
    /// Java and the jars of a broker as well.
    BuildAndBroker,
}

/// Brings what the rings need. What cannot be brought is told, and left to the build and to the rings, which fail or skip.
pub fn prepare(needs: Needs) {
    if let Err(error) = install_build_tools() {
        println!("no tools to build the Kafka client: {error:#}");
    }
    if needs == Needs::BuildAndBroker
        && let Err(error) = install_java().and_then(|()| Kit::fetch())
    {
        println!("no broker: {error:#}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        for (options, expect) in [
            (&[][..], Ok("127.0.0.1:19092")),
            (&["--port", "29092", "--folder", "/tmp/a"], Ok("127.0.0.1:29092")),
            (&["--port", "x"], Err("--port: \"x\" is no port")),
            (&["--port"], Err("--port needs a value")),
            (&["--ports"], Err("unknown option \"--ports\" of `kafka`")),
        ] {
            let found = standing(options).map(|broker| broker.bootstrap()).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expect, "{options:?}");
        }
    }
}
