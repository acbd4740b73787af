//! Where a state commits to, output folder or topics: chosen at its first run, and kept.
//! Relies on the lock of the state folder: one process writes here at a time.
//! Never lets a state change sides: what one side has committed the other does not know, and it would be billed again.
//!
//! `state/TOPICS` is there when commits go to topics: the name of the log topic, and on a second line the brokers.

use crate::commands::versions;
use crate::failure::Failure;
use anyhow::Context;
use caudal_connect::kafka::Kafka;
use caudal_store::{SharedDisk, StateFolder};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// The file, below the state.
const FILE: &str = "TOPICS";

/// The log topic of a state whose commits are in topics.
fn of(state: &Path) -> Option<String> {
    fs::read_to_string(state.join(FILE)).ok()?.lines().next().map(str::to_owned)
}

/// The topics of a state whose commits are there, for those who look back: as its newest kept version describes them,
/// at the brokers of its last run.
pub fn reader(state: &Path) -> anyhow::Result<Option<Kafka>> {
    if of(state).is_none() {
        return Ok(None);
    }
    let newest = versions::kept(state).into_iter().next().context("no version of the pipeline is kept")?;
    let mut config =
        versions::load(&newest)?.kafka.context("the kept version of the pipeline has no `kafka`")?;
    if let Some(brokers) = fs::read_to_string(state.join(FILE))?.lines().nth(1) {
        config.brokers = brokers.to_owned();
    }
    Ok(Some(Kafka::new(config)))
}

/// Refuses a state whose commits are in topics.
pub fn refuse(state: &Path) -> Result<(), Failure> {
    match of(state) {
        Some(topic) => Err(Failure::usage(format!(
            "the commits of {} are in topic {topic}, and the pipeline has no `kafka`: a state stays where it began",
            state.display()
        ))),
        None => Ok(()),
    }
}

/// Takes the topics over for the state. A state that holds nothing yet takes the secret that the log topic names.
pub fn open(kafka: Kafka, disk: &SharedDisk, folder: &mut StateFolder) -> Result<Kafka, Failure> {
    let config = kafka.config();
    let (topic, text) = (config.log_topic(), format!("{}\n{}\n", config.log_topic(), config.brokers));
    let known = of(&folder.path);
    if known.is_none() && folder.is_used(disk).map_err(anyhow::Error::from)? {
        return Err(Failure::usage(format!(
            "the commits of {} are in its own log, and the pipeline has `kafka`: a state stays where it began; name another by `--state`",
            folder.path.display()
        )));
    }
    if let Some(known) = known.filter(|known| *known != topic) {
        let state = folder.path.display();
        return Err(Failure::usage(format!("the commits of {state} are in topic {known}, not in {topic}")));
    }
    let secret = kafka.agree(folder.secret)?;
    if secret != folder.secret {
        if folder.is_used(disk).map_err(anyhow::Error::from)? {
            return Err(Failure::usage(format!(
                "{} has another secret than topic {topic}: it is the state of another cluster, or the topic was made anew",
                folder.path.display()
            )));
        }
        folder.adopt(disk, secret).map_err(anyhow::Error::from)?;
    }
    write(&folder.path, &text)
        .with_context(|| format!("cannot write {FILE} in {}", folder.path.display()))?;
    Ok(kafka)
}

fn write(folder: &Path, text: &str) -> std::io::Result<()> {
    let path = folder.join(FILE);
    if fs::read_to_string(&path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let part = folder.join(format!("{FILE}.part"));
    let mut file = File::create(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&part, &path)?;
    File::open(folder)?.sync_all()
}
