//! PGWRecords (TS 32.298), from TS 32.297 files or raw BER, to `RawUsage`.
//! Relies on framing for the border of a record, and on the offset that each time stamp carries.
//! Never holds a record for the rest of its session: each is rated by itself, its containers each at its own time.
//!
//! What is decided here:
//!
//! - **Flows before bearers.** `listOfServiceData` gives the parts, each with its rating group; only where it is absent,
//!   or has no volume at all, `listOfTrafficVolumes` does. Never both: they count the same octets.
//! - **Times.** A part ends with its last usage, else where the container was closed. It begins with its first usage,
//!   else where the container before it of its rating group was closed, else with the record.
//! - **No volume.** A container of time or events only is a part of no octets, and the record says how many there are in
//!   the attribute `containers_without_volume`. A record without any container is a usage of no octets.
//! - **Unsigned.** Charging id, local sequence number, rating group and volumes that a writer put in 4 octets with the top
//!   bit set are taken as meant, and named in the attribute `read_as_unsigned`. Keys keep the octets as they are.
//! - **A field twice** is `bad_field`. Unknown tags are passed over and counted in the attribute `unknown_tags`.

mod containers;
mod decode;
pub mod encode;
pub mod fields;
mod key;
mod map;
mod refused;
mod show;

use super::{KeyRule, Layout, Shape};
use crate::framing::{Framing, ts32297};
use crate::split::Scratch;
use caudal_usage::{Fault, RawUsage};

/// What holds the records of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PgwContainer {
    /// A TS 32.297 file: a header, then each record behind a header of its own.
    #[default]
    Ts32297,
    /// Nothing: one record after the other, with fill between them or not.
    Ber,
}

impl PgwContainer {
    /// How records stand in the file.
    pub const fn framing(self) -> Framing {
        match self {
            Self::Ts32297 => Framing::Ts32297,
            Self::Ber => Framing::Ber,
        }
    }

    /// The BER element of a framed record.
    #[inline]
    pub(super) fn content(self, record: &[u8]) -> Result<&[u8], Fault> {
        match self {
            Self::Ts32297 => ts32297::cdr(record).map(|(_, content)| content),
            Self::Ber => Ok(record),
        }
    }
}

/// What a source of the pipeline says about its gateways.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PgwOptions {
    /// What holds the records.
    pub container: PgwContainer,
    /// Name of the network, mixed into the key where several have gateways of the same addresses.
    pub node: Option<String>,
}

/// The format, ready to read.
#[derive(Clone, Debug)]
pub struct Pgw {
    container: PgwContainer,
    rule: KeyRule,
}

impl Pgw {
    /// The fields of the key, in words.
    pub const KEY: &'static str = key::FIELDS;

    /// From checked options.
    pub fn new(options: &PgwOptions) -> Self {
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
        Layout { skip_records: 0, warning: None, shape: Shape::Pgw }
    }

    #[inline]
    pub(super) fn read<'a>(&self, record: &'a [u8], scratch: &'a mut Scratch) -> Result<RawUsage<'a>, Fault> {
        let mut cdr = decode::PgwRecord::EMPTY;
        decode::decode(self.container.content(record)?, &mut cdr)?;
        let Scratch { texts, keys, .. } = scratch;
        map::map(&cdr, (texts, keys))
    }

    pub(super) fn fields(&self, record: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        show::fields(self.container.content(record)?)
    }
}

#[cfg(test)]
mod tests;
