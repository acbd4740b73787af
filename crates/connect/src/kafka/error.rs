//! Errors of the client to what the line does about them.
//! Relies on the codes of the client library.
//! Never calls an error harmless because it is not known.

use caudal_engine::topics::TopicsError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::time::Duration;

/// An error while a transaction was open for `age`. A broker ends a transaction that is too old as it ends that of a
/// fenced instance, so only a young one tells that somebody else has taken over.
pub(super) fn in_transaction(doing: &str, error: &KafkaError, age: Duration) -> anyhow::Error {
    let fenced = matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::Fenced
                | RDKafkaErrorCode::ProducerFenced
                | RDKafkaErrorCode::InvalidProducerEpoch
        )
    );
    let said = format!("cannot {doing}: {error}");
    if fenced && age < super::TRANSACTION_TIMEOUT {
        return TopicsError::Fenced(said).into();
    }
    TopicsError::Doubt(said).into()
}

/// An error outside of a transaction: whatever it is, connecting anew may help.
pub(crate) fn outside(doing: &str, error: &KafkaError) -> anyhow::Error {
    TopicsError::Doubt(format!("cannot {doing}: {error}")).into()
}
