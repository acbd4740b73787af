//! Turns the pinned `pom.xml` into a folder of jars outside the checkout, and finds the Java that runs them.
//! Relies on Maven for the first fetch; after that on nothing but the folder.
//! Never hands out a half-filled folder: the marker is written last, under a lock.

use crate::node;
use anyhow::{Context, Result, bail};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The version of Apache Kafka that `deploy/kafka/pom.xml` pins.
pub const VERSION: &str = "4.1.1";

const POM: &str = include_str!("../../../deploy/kafka/pom.xml");

/// Named in full, so that no other version is resolved.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// The oldest Java that runs this Kafka.
const JAVA_LEAST: u32 = 17;

/// What runs a broker: a Java, the jars, and where they could be made the loaded classes.
#[derive(Clone, Debug)]
pub struct Kit {
    java: PathBuf,
    libs: PathBuf,
    /// A start maps these instead of loading and checking 10,000 classes: half the CPU time.
    classes: Option<PathBuf>,
}

impl Kit {
    /// Finds Java and the jars; fetches the jars where they are not there yet.
    ///
    /// # Errors
    /// What is missing, with the command that brings it.
    pub fn fetch() -> Result<Self> {
        let (java, version) = java()?;
        let home = cache()?.join(VERSION);
        fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        // Test programs may ask at once: one of them fetches, the others wait for it.
        let lock_path = home.join("lock");
        let lock = File::create(&lock_path).with_context(|| lock_path.display().to_string())?;
        lock.lock().with_context(|| format!("cannot lock {}", lock_path.display()))?;
        let mut kit = Self { java, libs: home.join("libs"), classes: None };
        let classes = home.join(format!("classes-{version}.jsa"));
        if !fs::read_to_string(home.join("pom.xml")).is_ok_and(|marker| marker == POM) {
            copy_jars(&home, &kit.libs)?;
            // Of other jars.
            let _ = fs::remove_file(&classes);
        }
        if !classes.is_file() {
            // Without them a start is slower, and just as good.
            let _ = node::archive_classes(&kit, &home.join("train"), &classes);
        }
        kit.classes = classes.is_file().then_some(classes);
        Ok(kit)
    }

    /// The folder of the jars.
    pub fn libs(&self) -> &Path {
        &self.libs
    }

    /// A Java command with the jars in its class path.
    pub(crate) fn java(&self) -> Command {
        let mut command = Command::new(&self.java);
        if let Some(classes) = &self.classes {
            let mut option = OsString::from("-XX:SharedArchiveFile=");
            option.push(classes);
            command.arg(option);
        }
        command.arg("-cp").arg(self.libs.join("*"));
        command
    }
}

fn copy_jars(home: &Path, libs: &Path) -> Result<()> {
    let made = home.join("fetch");
    fs::create_dir_all(&made)?;
    let pom = made.join("pom.xml");
    fs::write(&pom, POM)?;
    if libs.exists() {
        fs::remove_dir_all(libs).with_context(|| format!("cannot empty {}", libs.display()))?;
    }
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", "--file"]).arg(&pom).args([COPY, "-DincludeScope=runtime"]);
    maven.arg(format!("-DoutputDirectory={}", libs.display())).stdin(Stdio::null());
    let output = maven.output().with_context(|| format!("Maven is missing: {}", hint()))?;
    if !output.status.success() {
        bail!(
            "Maven could not fetch Apache Kafka {VERSION}: {}{}",
            String::from_utf8_lossy(&output.stdout).trim(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let main_jar = libs.join(format!("kafka_2.13-{VERSION}.jar"));
    if !main_jar.is_file() {
        bail!("Maven ended well, but {} is not there", main_jar.display());
    }
    // The pom beside the jars is the marker: with another pom they are fetched anew.
    fs::rename(&pom, home.join("pom.xml")).context("cannot mark the jars as complete")?;
    fs::remove_dir_all(&made).with_context(|| format!("cannot clear {}", made.display()))
}

fn cache() -> Result<PathBuf> {
    let set = std::env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let base = base.context("neither XDG_CACHE_HOME nor HOME says where a cache may be")?;
    Ok(base.join("caudal/kafka"))
}

/// Where everything of `cargo xtask kafka` lies unless it is told otherwise.
pub(crate) fn standing_folder() -> Result<PathBuf> {
    Ok(cache()?.join("standing"))
}

/// The Java of this machine, with its version.
fn java() -> Result<(PathBuf, String)> {
    let home = std::env::var_os("JAVA_HOME").filter(|value| !value.is_empty());
    let java = home.map_or_else(|| PathBuf::from("java"), |home| Path::new(&home).join("bin/java"));
    let output = Command::new(&java).arg("-version").stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("Java is missing: {}", hint()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let Some(version) = java_version(&said) else {
        bail!("cannot read a version from `{} -version`: {:?}", java.display(), said.trim());
    };
    if feature(version) < JAVA_LEAST {
        bail!("{} is Java {version}, and Kafka needs {JAVA_LEAST} or later: {}", java.display(), hint());
    }
    Ok((java, version.to_owned()))
}

/// `17.0.15` in `openjdk version "17.0.15" 2025-04-15`.
fn java_version(said: &str) -> Option<&str> {
    let quoted = said.lines().find_map(|line| line.split_once("version \""))?.1;
    let version = quoted.split('"').next()?;
    (feature(version) > 0).then_some(version)
}

/// The first number of a version; of old ones, `1.8.0_292`, it is 1.
fn feature(version: &str) -> u32 {
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// Debian's default Java is 17 in release 12 and later ones after it.
const JAVA_PACKAGES: &[&str] = &["default-jre-headless", "maven"];

/// What the Kafka client is compiled with, besides a C compiler.
const BUILD_PACKAGES: &[&str] = &["g++", "make"];

fn hint() -> String {
    format!("apt-get install -y {}", JAVA_PACKAGES.join(" "))
}

/// Installs Java and Maven where they are missing and that may be done: as root, with apt.
///
/// # Errors
/// The one command to give, where it may not be done here; or that it failed.
pub fn install_java() -> Result<()> {
    let has_java = java().is_ok();
    if has_java && answers("mvn", "-version") {
        return Ok(());
    }
    install(JAVA_PACKAGES)?;
    java().map(|_| ())
}

/// Installs the C++ compiler and `make` where they are missing and that may be done: as root, with apt.
///
/// # Errors
/// The one command to give, where it may not be done here; or that it failed.
pub fn install_build_tools() -> Result<()> {
    if answers("c++", "--version") && answers("make", "--version") {
        return Ok(());
    }
    install(BUILD_PACKAGES)
}

fn install(packages: &[&str]) -> Result<()> {
    let command = format!("apt-get install -y {}", packages.join(" "));
    if !rustix::process::geteuid().is_root() || !answers("apt-get", "--version") {
        bail!("missing here; run as root: {command}");
    }
    println!("installing {}", packages.join(", "));
    apt(["update", "--quiet"])?;
    apt(["install", "--quiet", "--yes", "--no-install-recommends"].iter().chain(packages))
        .with_context(|| format!("tried: {command}"))
}

fn apt<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let output = command.output().context("cannot start apt-get")?;
    if !output.status.success() {
        bail!("apt-get failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

fn answers(program: &str, question: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(question).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_versions_are_read() {
        for (said, expect) in [
            ("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime", Some(("17.0.15", 17))),
            ("Picked up JAVA_TOOL_OPTIONS: -Xmx1g\njava version \"21\" 2023-09-19 LTS", Some(("21", 21))),
            ("openjdk version \"1.8.0_292\"", Some(("1.8.0_292", 1))),
            ("openjdk version \"25-ea\" 2025-09-16", Some(("25-ea", 25))),
            ("bash: no such command", None),
        ] {
            let found = java_version(said).map(|version| (version, feature(version)));
            assert_eq!(found, expect, "{said}");
        }
    }

    #[test]
    fn the_pom_pins_this_version() {
        assert!(POM.contains(&format!("<version>{VERSION}</version>")));
        assert!(!POM.contains("<repositories>"));
    }
}
