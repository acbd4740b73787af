//! Where usage comes from and events go: folders of CDR files, raw usage topics, and topics of Kafka; one room per kind.
//! Relies on the trait [`caudal_engine::source::Source`]; every room passes the checks in `compliance`.
//! Never parses a record, never rates, never claims: it shows complete files and cuts them into blocks.

pub mod directory;
pub mod kafka;
pub mod topic;

#[cfg(test)]
mod compliance;
