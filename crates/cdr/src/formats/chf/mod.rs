//! CHF records, TS 32.298 `CHFRecord` with its one choice `ChargingRecord` [200], to `RawUsage`.
//! Relies on BER with implicit tags and a SET at the root: elements in any order, unknown ones kept and counted.
//! Never bills volumes of roaming QoS flows beside those of rating groups: they are the same traffic.
//!
//! What is decided here:
//!
//! - **Kinds.** Billed are records of PDU sessions, and those of an SMF, SGW, ePDG or SGSN that name no service. Records
//!   of messages, events, IMS and edge services are suspended, `unknown_format`, under the name of what they carry.
//! - **Each record by itself.** A partial record counts since the one before it, so none is held for the rest.
//! - **Parts.** Each used-unit container is one, also where two user planes report the same rating group. It ends with
//!   its last usage, else at the trigger that closed it; it begins with its first usage, else where the container before
//!   it was closed, else with the record.
//! - **Volumes.** The total, else uplink and downlink; where all are there they must agree, else `contradictory`. A
//!   container of time or service units only is a part of no octets; the attribute `containers_without_volume` counts
//!   them. A record without any container is a usage of no octets.
//! - **Unsigned.** What a writer put in 4 or 8 octets with the top bit set is taken as meant, and named in the attribute
//!   `read_as_unsigned`. Keys keep the octets as they are.
//! - **A field twice** is `bad_field`. Unknown tags are passed over and counted in the attribute `unknown_tags`.

mod containers;
mod decode;
pub mod encode;
pub mod fields;
mod key;
mod map;
mod show;
mod subscriber;

use super::pgw::PgwContainer;
use super::{KeyRule, Layout, Shape};
use crate::split::Scratch;
use caudal_usage::{Fault, RawUsage};

/// What a source of the pipeline says about its charging functions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChfOptions {
    /// What holds the records.
    pub container: PgwContainer,
    /// Name of the network, mixed into the key where several have charging functions of the same ids.
    pub node: Option<String>,
}

/// The format, ready to read.
#[derive(Clone, Debug)]
pub struct Chf {
    container: PgwContainer,
    rule: KeyRule,
}

impl Chf {
    /// The fields of the key, in words.
    pub const KEY: &'static str = key::FIELDS;

    /// From checked options.
    pub fn new(options: &ChfOptions) -> Self {
        Self { container: options.container, rule: key::rule(options.node.as_deref()) }
    }

    /// What holds the records.
    pub const fn container(&self) -> PgwContainer {
        self.container
    }

    pub(super) const fn key_rule(&self) -> &KeyRule {
        &self.rule
    }

    /// Records say all that is needed by themselves.
    #[allow(clippy::unused_self)]
    pub(super) const fn open(&self) -> Layout {
        Layout { skip_records: 0, warning: None, shape: Shape::Chf }
    }

    #[inline]
    pub(super) fn read<'a>(&self, record: &'a [u8], scratch: &'a mut Scratch) -> Result<RawUsage<'a>, Fault> {
        let Scratch { texts, keys, .. } = scratch;
        map::map(&decode::decode(self.container.content(record)?)?, (texts, keys))
    }

    pub(super) fn fields(&self, record: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        show::fields(self.container.content(record)?)
    }
}

#[cfg(test)]
mod tests;
