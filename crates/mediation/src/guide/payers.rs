//! Who pays for the same usage in the other runs: a subscription to the ones that its row names.
//! Relies on ids being resolved when the table is built; which version pays, the chargeable start says.
//! Never goes on from a payer to its own: what it names is for its own usage.

use super::{Guided, Reference, SubscriptionRow};
use caudal_usage::runs::OTHER_RUNS;
use caudal_usage::{Code, Fault, Run};
use std::collections::BTreeMap;

/// For each run of [`Run::OTHERS`] the dense index of a subscription, or [`NOBODY`].
pub(super) type Payers = [u32; OTHER_RUNS];

/// Stands for a run without a payer. No index: a table has fewer rows.
pub(super) const NOBODY: u32 = u32::MAX;

impl Reference {
    /// True when some subscription names who pays in another run.
    pub const fn has_payers(&self) -> bool {
        !self.payers.is_empty()
    }

    /// Who pays in another run for the usage of a subscription version, as of the usage's chargeable start. `None`
    /// where nobody is named, so that there is no such run.
    #[inline]
    pub fn payer(&self, subscription: u32, run: Run, at_ms: i64) -> Option<Result<Guided, Fault>> {
        let payers = self.payers.get(subscription as usize)?;
        let index = payers.get(run.other()?).copied().filter(|index| *index != NOBODY)?;
        Some(self.payer_at(index, run, at_ms))
    }

    fn payer_at(&self, index: u32, run: Run, at_ms: i64) -> Result<Guided, Fault> {
        let not_then = |id: &str| Fault::new(Code::NoSubscription, run.as_str(), id.as_bytes());
        let subscription =
            self.subscription_at(index, at_ms).ok_or_else(|| not_then(self.subscription_id(index)))?;
        let account_key = self.subscription(subscription).account;
        let account =
            self.account_at(account_key, at_ms).ok_or_else(|| not_then(self.account_id(account_key)))?;
        Ok(Guided { subscription, account, account_key })
    }
}

/// Whom rows name as payers, while the table is read: they may stand in later rows.
#[derive(Debug, Default)]
pub(super) struct NamedPayers {
    /// Few names stand in many rows.
    numbers: BTreeMap<Box<str>, u32>,
    /// Lines, each with the numbers of the names.
    rows: Vec<(u32, Payers)>,
    found: Vec<(u32, String)>,
}

impl NamedPayers {
    /// Keeps what a row names.
    pub(super) fn note(&mut self, row: &SubscriptionRow<'_>, line: u32) {
        if row.payers.iter().all(|id| id.is_empty()) {
            return;
        }
        let mut payers = [NOBODY; OTHER_RUNS];
        for ((payer, id), run) in payers.iter_mut().zip(row.payers).zip(Run::OTHERS) {
            if id == row.id {
                let message = format!("`{}` is the subscription itself, expected another", run.as_str());
                self.found.push((line, message));
            } else if !id.is_empty() {
                *payer = self.number(id);
            }
        }
        self.rows.push((line, payers));
    }

    fn number(&mut self, id: &str) -> u32 {
        if let Some(&number) = self.numbers.get(id) {
            return number;
        }
        let number = u32::try_from(self.numbers.len()).unwrap_or(NOBODY);
        self.numbers.insert(id.into(), number);
        number
    }

    /// Puts dense indexes for names, ordered by line; and what is wrong with them, by line.
    pub(super) fn resolve(
        self,
        find: impl Fn(&str) -> Option<u32>,
    ) -> (Vec<(u32, Payers)>, Vec<(u32, String)>) {
        let Self { numbers, mut rows, mut found } = self;
        let mut indexes = vec![(NOBODY, ""); numbers.len()];
        for (id, &number) in &numbers {
            if let Some(index) = indexes.get_mut(number as usize) {
                *index = (find(id).unwrap_or(NOBODY), id);
            }
        }
        for (line, payers) in &mut rows {
            for (payer, run) in payers.iter_mut().zip(Run::OTHERS) {
                let Some(&(index, id)) = indexes.get(*payer as usize) else { continue };
                if index == NOBODY {
                    let expected = "expected the id of a subscription of this table";
                    found.push((*line, format!("`{}` is {id:?}, {expected}", run.as_str())));
                }
                *payer = index;
            }
        }
        rows.sort_unstable();
        (rows, found)
    }
}

/// The payers of versions that were read in these lines; empty when no row names one.
pub(super) fn by_version(rows: &[(u32, Payers)], lines: impl Iterator<Item = u32>) -> Vec<Payers> {
    if rows.is_empty() {
        return Vec::new();
    }
    let of = |line: u32| {
        let at = rows.binary_search_by_key(&line, |(line, _)| *line).ok();
        at.and_then(|at| rows.get(at)).map_or([NOBODY; OTHER_RUNS], |(_, payers)| *payers)
    };
    lines.map(of).collect()
}
