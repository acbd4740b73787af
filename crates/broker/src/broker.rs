//! Turns a folder into a running broker that a test may kill and start again.
//! Relies on `Node` for the process and on `sh` for the watch that outlives a killed test program.
//! Never leaves a broker behind: it ends with the value, and also when the whole test program is killed.

use crate::kit::Kit;
use crate::node::{self, Node, Ports};
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Two ports are free when they are chosen; another process may take one before Kafka does.
const START_TRIES: usize = 3;

/// An orderly stop takes a second or two on a quiet machine.
const STOP_MOST: Duration = Duration::from_secs(60);

/// A real Apache Kafka of one node on loopback ports.
#[derive(Debug)]
pub struct Broker {
    kit: Kit,
    node: Node,
    process: Option<Process>,
    keeps: Keeps,
}

/// What becomes of the folder when the test program ends without dropping the broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keeps {
    /// It stays: it is the caller's.
    Folder,
    /// It goes, unless there is a file `keep` in it.
    Nothing,
}

/// A running node and the watch over it.
#[derive(Debug)]
struct Process {
    java: Child,
    watch: Child,
}

impl Broker {
    /// Starts a broker whose data and log lie in `folder`, on free ports, and waits until it serves.
    ///
    /// # Errors
    /// What is missing to run one, or why it did not come up, with the end of its log.
    pub fn start(folder: &Path) -> Result<Self> {
        Self::start_as(folder, Keeps::Folder)
    }

    pub(crate) fn start_as(folder: &Path, keeps: Keeps) -> Result<Self> {
        let kit = Kit::fetch()?;
        let mut tries = 1;
        loop {
            let node = Node { folder: folder.to_path_buf(), ports: Ports::free()? };
            let mut broker = Self { kit: kit.clone(), node, process: None, keeps };
            match broker.start_again() {
                Ok(()) => return Ok(broker),
                Err(error) if tries < START_TRIES && error.to_string().contains("Address already in use") => {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Where clients connect to, as `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        self.node.bootstrap()
    }

    /// The file with all that the broker printed.
    pub fn log(&self) -> PathBuf {
        self.node.log()
    }

    /// The end of that file, to be shown when a test failed.
    pub fn log_tail(&self) -> String {
        self.node.log_tail()
    }

    /// The folder it was started in.
    pub fn folder(&self) -> &Path {
        &self.node.folder
    }

    /// Whether its process runs.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.java.try_wait(), Ok(None)))
    }

    /// Ends it as a crash would: `SIGKILL`, nothing said to anyone.
    ///
    /// # Errors
    /// If the process cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.kill(),
            None => Ok(()),
        }
    }

    /// Ends it as an operator would: `SIGTERM`, and it closes its books.
    ///
    /// # Errors
    /// If it does not end within a minute; then it is killed.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        node::terminate(&process.java)?;
        let start = Instant::now();
        while process.java.try_wait()?.is_none() {
            if start.elapsed() > STOP_MOST {
                process.kill()?;
                bail!("Kafka did not stop within {} s; {}", STOP_MOST.as_secs(), self.log_tail());
            }
            sleep(Duration::from_millis(20));
        }
        process.release()
    }

    /// Starts it with the same data on the same ports, and waits until it serves. Nothing to do while it runs.
    ///
    /// # Errors
    /// Why it did not come up, with the end of its log.
    pub fn start_again(&mut self) -> Result<()> {
        if self.is_running() {
            return Ok(());
        }
        // One that ended by itself is cleared away with its watch.
        self.kill()?;
        self.node.prepare(&self.kit)?;
        let java = self.node.command(&self.kit)?.spawn().context("cannot start java")?;
        let watch = watch(&java, &self.node.folder, self.keeps);
        match watch {
            Ok(watch) => self.process = Some(Process { java, watch }),
            Err(error) => {
                let mut java = java;
                java.kill()?;
                java.wait()?;
                return Err(error);
            }
        }
        let ready = match &mut self.process {
            Some(process) => self.node.wait_ready(&mut process.java),
            None => Ok(()),
        };
        if ready.is_err() {
            self.kill()?;
        }
        ready
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // The watch does it where this fails.
        let _ = self.kill();
    }
}

impl Process {
    fn kill(mut self) -> Result<()> {
        self.java.kill().context("cannot kill Kafka")?;
        self.java.wait()?;
        self.release()
    }

    /// Tells the watch that there is nothing left to watch.
    fn release(mut self) -> Result<()> {
        if let Some(mut input) = self.watch.stdin.take() {
            input.write_all(b"done\n").context("the watch over Kafka is gone")?;
        }
        self.watch.wait()?;
        Ok(())
    }
}

/// A shell that waits for a line. Where the pipe closes without one, this program was killed, and Kafka goes too.
fn watch(java: &Child, folder: &Path, keeps: Keeps) -> Result<Child> {
    const SCRIPT: &str = r#"trap '' INT TERM
read -r line || { kill -9 "$1"; [ -n "$2" ] && [ ! -e "$2/keep" ] && sleep 0.2 && rm -rf "$2"; }"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "watch", &java.id().to_string()]);
    match keeps {
        Keeps::Folder => shell.arg(""),
        Keeps::Nothing => shell.arg(folder),
    };
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.spawn().context("cannot start the watch over Kafka")
}
