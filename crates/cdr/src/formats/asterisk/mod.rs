//! Asterisk `Master.csv` rows (`cdr_csv`, and the order of the sample `cdr_custom`) to `RawUsage`.
//! Relies on 16 to 21 quoted columns, quotes doubled, local times without a zone unless the source says GMT.
//! Never bills what was not answered, has no billable second, or is the second leg of a `Local/` channel.
//!
//! Collect `Master.csv` only: Asterisk writes each row a second time into `<accountcode>.csv` beside it.

mod decode;
mod encode;
mod key;
mod map;

pub use decode::{Order, SeventeenthColumn};
pub use encode::{Row, write_row};

use super::{KeyRule, Layout, Shape, named};
use crate::framing::{Framing, Place};
use crate::split::{self, Scratch};
use caudal_usage::{Code, Fault, RawUsage};

/// Who pays for a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AsteriskPayer {
    /// The calling number, `src`.
    #[default]
    Src,
    /// The subscription named by `accountcode`.
    AccountCode,
}

/// Which clock wrote the times.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum AsteriskClock {
    /// The PBX's local time, in the source's zone.
    #[default]
    Local,
    /// GMT: `usegmtime = yes` in `cdr.conf`.
    Gmt,
}

/// What a source of the pipeline says about its PBX.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AsteriskOptions {
    /// Who pays.
    pub payer: AsteriskPayer,
    /// Which clock.
    pub clock: AsteriskClock,
    /// What the 17th of 17 columns is.
    pub seventeenth: SeventeenthColumn,
    /// Name of the PBX, mixed into the key where several write the same unique ids.
    pub node: Option<String>,
}

/// The format, ready to read.
#[derive(Clone, Debug)]
pub struct Asterisk {
    options: AsteriskOptions,
    rule: KeyRule,
}

impl Asterisk {
    /// From checked options.
    pub fn new(options: AsteriskOptions) -> Self {
        let rule = key::rule(&options);
        Self { options, rule }
    }

    pub(super) const fn key_rule(&self) -> &KeyRule {
        &self.rule
    }

    /// Finds the column order in the first row that shows it.
    pub(super) fn open(&self, head: &[u8]) -> Result<Layout, Fault> {
        let mut lines = Framing::Lines.records(Place::FileStart, head).map(|record| record.bytes).peekable();
        let Some(first) = lines.peek().copied() else { return Ok(Layout::EMPTY) };
        match Order::detect(lines) {
            Some((order, count)) => {
                let keyed = decode::names(order, self.options.seventeenth, count)
                    .is_ok_and(|names| names.contains(&"uniqueid") && names.contains(&"sequence"));
                let warning = (!keyed).then_some(key::WHOLE_ROW);
                Ok(Layout { skip_records: 0, warning, shape: Shape::Asterisk(order) })
            }
            None => Err(Fault::new(Code::UnknownFormat, "Master.csv row", first)),
        }
    }

    pub(super) fn read<'a>(
        &'a self,
        order: Order,
        record: &'a [u8],
        scratch: &'a mut Scratch,
    ) -> Result<RawUsage<'a>, Fault> {
        let Scratch { columns, keys, .. } = scratch;
        let columns = split::columns(decode::DIALECT, record, columns)?;
        let cdr = decode::decode(order, self.options.seventeenth, columns)?;
        map::map(&self.options, &cdr, (record, keys))
    }

    pub(super) fn fields(
        &self,
        order: Order,
        record: &[u8],
        scratch: &mut Scratch,
    ) -> Result<Vec<(String, Vec<u8>)>, Fault> {
        let columns = split::split(decode::DIALECT, record, scratch)?;
        let names = decode::names(order, self.options.seventeenth, columns.len())?;
        Ok(named(|index| names.get(index).copied(), columns))
    }
}

#[cfg(test)]
mod tests;
