//! What a shard did in one epoch for the runs beside the primary one.
//! Relies on each stage counting what it takes and what it gives by its own code.
//! Never in the book of records: those count the outcomes of the primary run.

use crate::suspend::put_suspense;
use crate::turn::Epoch;
use caudal_usage::runs::OTHER_RUNS;
use caudal_usage::{Currency, Decimal, Fault, HeldPartial, Run, RunCounts, Service, UsageRecord};
use hashbrown::HashMap;

/// One run, in one shard.
#[derive(Debug, Default)]
pub struct OtherRun {
    /// Usages taken: those that the run bills and that name a payer, or those that came from the exchange.
    pub took: u64,
    /// Usages given on, rated or suspended.
    pub gave: u64,
    /// Usages given on.
    pub passed: u64,
    /// What of the run's book was decided here.
    pub counts: RunCounts,
    /// Amounts by currency and service.
    pub amounts: HashMap<(Currency, Service), Decimal>,
}

/// The runs beside the primary one.
#[derive(Debug, Default)]
pub struct OtherRuns([OtherRun; OTHER_RUNS]);

impl OtherRuns {
    /// That of a run; `None` of the primary one.
    #[inline]
    pub fn get_mut(&mut self, run: Run) -> Option<&mut OtherRun> {
        run.other().and_then(|at| self.0.get_mut(at))
    }

    /// Each of them.
    pub fn each(&self) -> impl Iterator<Item = (Run, &OtherRun)> {
        Run::OTHERS.into_iter().zip(&self.0)
    }
}

/// A usage with its bytes, which stand with its partials where it was joined of several.
#[derive(Clone, Copy)]
pub(crate) struct Whole<'a> {
    pub usage: &'a UsageRecord,
    pub members: &'a [HeldPartial],
    pub raw: &'a [u8],
}

/// Suspends a usage in a run beside the primary one: a line for each of its records, and nothing in their books.
#[cold]
pub(crate) fn suspend_in(
    runs: &mut OtherRuns,
    out: &mut Vec<u8>,
    (epoch, whole): (&Epoch<'_>, &Whole<'_>),
    (run, fault): (Run, &Fault),
) {
    let Some(other) = runs.get_mut(run) else { return };
    other.gave += 1;
    other.counts.suspended += 1;
    let mut put = |usage: &UsageRecord, raw: &[u8]| {
        other.counts.lines += 1;
        put_suspense(out, epoch, (usage, raw), (run, fault), None);
    };
    if whole.members.is_empty() {
        put(whole.usage, whole.raw);
    }
    whole.members.iter().for_each(|member| put(&member.record, &member.raw));
}
