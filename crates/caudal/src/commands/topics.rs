//! Where a state commits to, output folder or topics: chosen at its first run, and kept.
//! Relies on the lock of the state folder: one process writes here at a time.
//! Never lets a state change sides: what one side has committed the other does not know, and it would be billed again.
//!
//! `state/TOPICS` is there when commits go to topics: one line, the name of the log topic.

use crate::failure::Failure;
use anyhow::Context;
use caudal_connect::kafka::{Kafka, KafkaConfig};
use caudal_store::{SharedDisk, StateFolder};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// The file, below the state.
const FILE: &str = "TOPICS";

/// The log topic of a state whose commits are in topics.
pub fn of(state: &Path) -> Option<String> {
    fs::read_to_string(state.join(FILE)).ok().map(|line| line.trim_end().to_owned())
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
pub fn open(config: KafkaConfig, disk: &SharedDisk, folder: &mut StateFolder) -> Result<Kafka, Failure> {
    let line = format!("{}\n", config.log_topic());
    let path = folder.path.join(FILE);
    let known = fs::read_to_string(&path).unwrap_or_default();
    if known.is_empty() && folder.is_used(disk).map_err(anyhow::Error::from)? {
        return Err(Failure::usage(format!(
            "the commits of {} are in its own log, and the pipeline has `kafka`: a state stays where it began; name another by `--state`",
            folder.path.display()
        )));
    }
    if !known.is_empty() && known != line {
        return Err(Failure::usage(format!(
            "the commits of {} are in topic {}, not in {}",
            folder.path.display(),
            known.trim_end(),
            line.trim_end()
        )));
    }
    let kafka = Kafka::new(config);
    let secret = kafka.agree(folder.secret)?;
    if secret != folder.secret {
        if folder.is_used(disk).map_err(anyhow::Error::from)? {
            return Err(Failure::usage(format!(
                "{} has another secret than topic {}: it is the state of another cluster, or the topic was made anew",
                folder.path.display(),
                line.trim_end()
            )));
        }
        folder.adopt(disk, secret).map_err(anyhow::Error::from)?;
    }
    if known.is_empty() {
        write(&folder.path, &path, &line).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(kafka)
}

fn write(folder: &Path, path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}
