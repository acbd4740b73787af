//! Turns `cargo xtask kafka …` into a broker that stands until it is told to stop.
//! Relies on a file with its process id in the folder, and on `/proc` to know that process again.
//! Never signals a process that is not a Kafka started in that folder.

use crate::kit::{Kit, standing_folder};
use crate::node::{Node, Ports};
use crate::ready;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The port of `deploy/kafka/server.properties`; the controller listens on the next.
pub const PORT: u16 = 19_092;

const STOP_MOST: Duration = Duration::from_secs(60);

/// A broker that stands by itself, running or not.
#[derive(Debug)]
pub struct Standing {
    node: Node,
}

/// How it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It serves; its process.
    Serves(u32),
    /// Its process runs, and does not answer.
    Silent(u32),
    /// There is no process.
    Stopped,
}

impl Standing {
    /// The one in `folder`, or in the usual place.
    ///
    /// # Errors
    /// If there is no usual place, or the folder has no full path.
    pub fn new(folder: Option<&Path>, port: u16) -> Result<Self> {
        let folder = match folder {
            Some(folder) => std::path::absolute(folder)?,
            None => standing_folder()?,
        };
        let controller = port.checked_add(1).with_context(|| format!("no port after {port}"))?;
        let ports = Ports { broker: port, controller };
        Ok(Self { node: Node { folder, ports } })
    }

    /// Where clients connect to.
    pub fn bootstrap(&self) -> String {
        self.node.bootstrap()
    }

    /// Where its data and its log lie.
    pub fn folder(&self) -> &Path {
        &self.node.folder
    }

    /// Starts it, unless it runs, and waits until it serves.
    ///
    /// # Errors
    /// Why it did not come up.
    pub fn start(&self, kit: &Kit) -> Result<()> {
        if let Some(process) = self.process() {
            if !self.node.serves() {
                bail!(
                    "process {process} runs in {} and does not serve on this port",
                    self.folder().display()
                );
            }
            return Ok(());
        }
        if ready::cluster_at(self.node.ports.broker).is_some() {
            bail!("another broker serves on {}", self.bootstrap());
        }
        self.node.prepare(kit)?;
        // Its own group: Ctrl-C at the terminal is not for it.
        let mut java = self.node.command(kit)?.process_group(0).spawn().context("cannot start java")?;
        fs::write(self.id_file(), java.id().to_string())?;
        let ready = self.node.wait_ready(&mut java);
        if ready.is_err() {
            java.kill()?;
            java.wait()?;
        }
        ready
    }

    /// Stops it in order; whether there was one.
    ///
    /// # Errors
    /// If it does not end within a minute.
    pub fn stop(&self) -> Result<bool> {
        let Some(process) = self.process() else { return Ok(false) };
        let id = i32::try_from(process).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(id, Signal::TERM)?;
        let start = Instant::now();
        while self.process().is_some() {
            if start.elapsed() > STOP_MOST {
                bail!("process {process} does not stop; {}", self.node.log_tail());
            }
            sleep(Duration::from_millis(50));
        }
        fs::remove_file(self.id_file())?;
        Ok(true)
    }

    /// How it stands now.
    pub fn status(&self) -> Status {
        match self.process() {
            Some(process) if self.node.serves() => Status::Serves(process),
            Some(process) => Status::Silent(process),
            None => Status::Stopped,
        }
    }

    fn id_file(&self) -> PathBuf {
        self.folder().join("process")
    }

    /// Its process, if that still is the Kafka of this folder: numbers are given out anew.
    fn process(&self) -> Option<u32> {
        let process: u32 = fs::read_to_string(self.id_file()).ok()?.trim().parse().ok()?;
        let words = fs::read(format!("/proc/{process}/cmdline")).ok()?;
        let properties = self.node.properties();
        let is_own =
            words.split(|byte| *byte == 0).any(|word| word == properties.as_os_str().as_encoded_bytes());
        is_own.then_some(process)
    }
}
