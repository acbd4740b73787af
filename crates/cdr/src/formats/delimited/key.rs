//! The key rule of a delimited feed, and the rules over raw columns.
//! Relies on the pipeline's `key`, `billed`, `session` and `filter` lists, bound to columns.
//! Never looks at a converted value: a corrected setting must not change what a record is.

use super::bind::Bound;
use super::{Condition, FilterRule, NameIndex, PartialRule};
use crate::formats::KeyRule;
use crate::keys::{Keys, Written};
use crate::split::Columns;
use crate::values::scaled;
use caudal_usage::{Code, Fault, Partial};

/// Name and version. A change of how key fields are picked needs a new version.
pub(super) const NAME: &str = "delimited/1";

pub(super) fn rule(name: &str, node: Option<&str>, has_time: bool) -> KeyRule {
    let name = node.map_or_else(|| name.to_owned(), |node| format!("{name} {node}"));
    KeyRule { name: name.into_bytes(), has_time }
}

/// One record's columns with the file's binding.
pub(super) struct Row<'a> {
    pub(super) bound: &'a Bound,
    pub(super) columns: Columns<'a>,
}

impl<'a> Row<'a> {
    #[inline]
    pub(super) fn get(&self, name: NameIndex) -> &'a [u8] {
        self.columns.get(self.bound.place(name))
    }

    /// Writes key, session and billed fields.
    #[inline]
    pub(super) fn write<'k>(&self, keys: &'k mut Keys) -> Written<'k> {
        let Bound { key, shared, session, billed, .. } = self.bound;
        let values = |columns: &'a [usize]| columns.iter().map(|column| self.columns.get(*column));
        keys.write((values(key), *shared), values(session), values(billed))
    }

    #[inline]
    fn holds(&self, conditions: &[Condition]) -> bool {
        conditions.iter().all(|condition| {
            let value = self.get(condition.column);
            condition.values.iter().any(|expected| **expected == *value)
        })
    }
}

/// The code of the first filter rule that holds.
#[inline]
pub(super) fn filter(rules: &[FilterRule], row: &Row<'_>) -> Option<Code> {
    rules.iter().find(|rule| row.holds(&rule.when)).map(|rule| rule.code)
}

/// The record's place in its session; `None` where it writes no sequence and so is whole by itself.
pub(super) fn partial(rule: &PartialRule, row: &Row<'_>) -> Result<Option<Partial>, Fault> {
    let text = row.get(rule.sequence);
    if text.is_empty() {
        return Ok(None);
    }
    let number = scaled(text, 1).ok().and_then(|number| u32::try_from(number).ok());
    let sequence = number.ok_or_else(|| Fault::new(Code::BadField, "sequence", text))?;
    Ok(Some(Partial { sequence, last: row.holds(&rule.last) }))
}
