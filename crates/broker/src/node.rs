//! Turns a folder and two ports into the files and the process of one Kafka node.
//! Relies on `deploy/kafka/server.properties`, to which it adds what differs from node to node.
//! Never formats a folder twice: what is in it is gone on with.

use crate::kit::Kit;
use crate::ready;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const PROPERTIES: &str = include_str!("../../../deploy/kafka/server.properties");

/// A cold start takes four seconds on a quiet machine; tests run on busy ones.
const READY_MOST: Duration = Duration::from_secs(120);

/// Room for a test, on a machine that does other things too.
const HEAP: &[&str] = &["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"];

/// Its code is compiled once and simply. The second compiler would take a tenth of two cores for minutes, from the line
/// that runs beside it, and its code gives less back; a start takes a third of the CPU time.
const SIMPLE_CODE: &str = "-XX:TieredStopAtLevel=1";

/// Only what went wrong, with its time: at `info` a start alone writes 1,900 lines.
const LOGGING: &[&str] = &[
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
];

/// Lines of the log that are shown when a node does not come up.
const LOG_TAIL: usize = 40;

/// One node: broker and controller.
#[derive(Clone, Debug)]
pub struct Node {
    /// Everything the node writes lies in it.
    pub folder: PathBuf,
    pub ports: Ports,
}

/// Loopback ports of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ports {
    pub broker: u16,
    pub controller: u16,
}

impl Ports {
    /// Two ports that nothing listens on now.
    ///
    /// They lie below the range from which the system gives ports to connections that go out: a client that keeps knocking
    /// at the port of a killed broker could else be given that very port, and meet itself.
    pub fn free() -> Result<Self> {
        const LOW: u32 = 20_000;
        const SPAN: u32 = 12_000;
        let start = std::process::id().wrapping_mul(37);
        let candidates = (0..SPAN).map(|step| LOW + (start.wrapping_add(step) % SPAN));
        let free = candidates.filter_map(|port| u16::try_from(port).ok()).filter_map(|port| {
            // Held until both are found, so that they differ.
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|listener| (port, listener))
        });
        match free.take(2).collect::<Vec<_>>().as_slice() {
            [(broker, _), (controller, _)] => Ok(Self { broker: *broker, controller: *controller }),
            _ => bail!("no two free loopback ports from {LOW} to {}", LOW + SPAN - 1),
        }
    }
}

impl Node {
    /// Where clients connect to.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.ports.broker)
    }

    /// What the process printed, over all its starts.
    pub fn log(&self) -> PathBuf {
        self.folder.join("kafka.log")
    }

    /// Writes the configuration, and formats the data folder where that was not done.
    pub fn prepare(&self, kit: &Kit) -> Result<()> {
        let (data, scratch) = (self.folder.join("data"), self.scratch());
        fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
        fs::write(self.properties(), self.own_properties(&data))?;
        if self.meta().is_file() {
            return Ok(());
        }
        let mut tool = kit.java();
        // Gone in a second: compiling its code well would take longer than running it.
        tool.args([SIMPLE_CODE, "-XX:+UseSerialGC"]).args(LOGGING);
        tool.args(["kafka.tools.StorageTool", "format", "--standalone", "-t", &cluster_id()?, "-c"]);
        let output = tool.arg(self.properties()).output().context("cannot start java")?;
        if !output.status.success() {
            bail!("cannot format {}: {}", data.display(), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// The command that runs the node, with its output in the log.
    pub fn command(&self, kit: &Kit) -> Result<Command> {
        let log = OpenOptions::new().create(true).append(true).open(self.log());
        let log = log.with_context(|| format!("cannot open {}", self.log().display()))?;
        let mut java = kit.java();
        java.args(HEAP).arg(SIMPLE_CODE).args(LOGGING);
        // Compression unpacks native code, which has to lie where programs may run.
        java.arg(format!("-Djava.io.tmpdir={}", self.scratch().display()));
        java.arg("kafka.Kafka").arg(self.properties());
        java.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(java)
    }

    /// Whether this node serves, and not another that got the port.
    pub fn serves(&self) -> bool {
        let meta = fs::read_to_string(self.meta()).unwrap_or_default();
        let own = meta.lines().find_map(|line| line.strip_prefix("cluster.id="));
        own.is_some() && ready::cluster_at(self.ports.broker).as_deref() == own
    }

    /// Waits until the node serves.
    pub fn wait_ready(&self, child: &mut Child) -> Result<()> {
        let start = Instant::now();
        while !self.serves() {
            if let Some(status) = child.try_wait()? {
                bail!("Kafka ended with {status} before it served; {}", self.log_tail());
            }
            if start.elapsed() > READY_MOST {
                bail!("Kafka does not serve after {} s; {}", READY_MOST.as_secs(), self.log_tail());
            }
            sleep(Duration::from_millis(25));
        }
        Ok(())
    }

    /// The end of the log, with where it lies.
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(LOG_TAIL).collect();
        let tail: Vec<&str> = lines.into_iter().rev().collect();
        format!("the end of {}:\n{}", self.log().display(), tail.join("\n"))
    }

    pub(crate) fn properties(&self) -> PathBuf {
        self.folder.join("server.properties")
    }

    /// What formatting leaves, with the identity of the cluster.
    fn meta(&self) -> PathBuf {
        self.folder.join("data/meta.properties")
    }

    fn scratch(&self) -> PathBuf {
        self.folder.join("tmp")
    }

    /// Of two lines with one key, Kafka takes the later.
    fn own_properties(&self, data: &Path) -> String {
        let Ports { broker, controller } = self.ports;
        let listeners = format!("PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}");
        format!(
            "{PROPERTIES}\n# This node.\nlisteners={listeners}\nadvertised.listeners={listeners}\n\
             controller.quorum.bootstrap.servers=127.0.0.1:{controller}\nlog.dirs={}\n",
            data.display()
        )
    }
}

/// Has a node write down the classes it loaded, for the starts to come.
pub fn archive_classes(kit: &Kit, folder: &Path, archive: &Path) -> Result<()> {
    let made = folder.join("classes.jsa");
    let node = Node { folder: folder.to_path_buf(), ports: Ports::free()? };
    node.prepare(kit)?;
    let mut command = node.command(kit)?;
    // Read from the environment, since the class to run is already on the command line.
    command.env("JDK_JAVA_OPTIONS", format!("-XX:ArchiveClassesAtExit={}", made.display()));
    let mut java = command.spawn().context("cannot start java")?;
    let ready = node.wait_ready(&mut java);
    match &ready {
        Ok(()) => terminate(&java)?,
        Err(_) => java.kill()?,
    }
    java.wait()?;
    ready?;
    fs::rename(&made, archive)?;
    fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))
}

/// Asks a process to end.
pub fn terminate(java: &Child) -> Result<()> {
    let id = i32::try_from(java.id()).ok().and_then(Pid::from_raw).context("no process id")?;
    kill_process(id, Signal::TERM).context("cannot stop Kafka")
}

/// A random identity: 16 bytes in URL-safe Base64 without padding, of which hexadecimal digits are a part.
fn cluster_id() -> Result<String> {
    const RANDOM: &str = "/proc/sys/kernel/random/uuid";
    let random = fs::read_to_string(RANDOM).with_context(|| format!("cannot read {RANDOM}"))?;
    let digits: String = random.chars().filter(char::is_ascii_hexdigit).take(21).collect();
    // The last digit holds two bits, so only four letters may stand there.
    Ok(digits + "Q")
}
