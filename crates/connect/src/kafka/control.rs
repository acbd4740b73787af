//! The control record: what every instance of a pipeline must agree on, at the beginning of its log topic.
//! Relies on the log topic being kept for ever.
//! Never lets two secrets work on one log: every key would be new to the other, and be billed again.

use super::transaction::Transaction;
use super::{KafkaConfig, topics};
use anyhow::{Context, ensure};
use caudal_engine::topics::Topics;
use caudal_usage::KeySecret;
use caudal_usage::position::SLOTS;
use serde::{Deserialize, Serialize};

/// How exchanges run.
const EXCHANGE: &str = "memory";

#[derive(Serialize, Deserialize)]
struct Control {
    version: u32,
    pipeline: String,
    /// Where the exchanges of the line run.
    exchange: String,
    /// Hash slots of its state.
    slots: usize,
    /// Of the fingerprints and slots, 32 hex digits.
    secret: String,
}

/// The secret that the log topic names; `proposed` is written there when it is empty.
pub(super) fn agree(
    config: &KafkaConfig,
    transaction: &mut Transaction,
    proposed: KeySecret,
) -> anyhow::Result<KeySecret> {
    let topic = topics::of_log(&config.pipeline);
    let Some(bytes) = transaction.log_reader()?.control()? else {
        let control = Control {
            version: 1,
            pipeline: config.pipeline.clone(),
            exchange: EXCHANGE.into(),
            slots: SLOTS,
            secret: format!("{:032x}", u128::from_be_bytes(proposed.0)),
        };
        transaction.commit(0, &serde_json::to_vec(&control)?, &[])?;
        return Ok(proposed);
    };
    let control: Control = serde_json::from_slice(&bytes)
        .with_context(|| format!("topic {topic}: the control record does not read"))?;
    ensure!(
        control.version == 1 && control.exchange == EXCHANGE && control.slots == SLOTS,
        "topic {topic} is of version {}, {} slots, exchanges in {}; this program works with version 1, {SLOTS} slots, exchanges in {EXCHANGE}",
        control.version,
        control.slots,
        control.exchange
    );
    ensure!(
        control.pipeline == config.pipeline,
        "topic {topic} belongs to pipeline {:?}, not to {:?}",
        control.pipeline,
        config.pipeline
    );
    let secret = u128::from_str_radix(&control.secret, 16)
        .with_context(|| format!("topic {topic}: the control record has no secret of 32 hex digits"))?;
    Ok(KeySecret(secret.to_be_bytes()))
}
