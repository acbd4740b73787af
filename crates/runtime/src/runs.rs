//! What shards did for the runs beside the primary one: checked stage by stage, summed by run.
//! Relies on each stage having counted what it took and gave by its own code.
//! Never mixed with the book of records or with the amounts of the primary run.

use anyhow::Context;
use caudal_engine::account_shard::AccountEffects;
use caudal_engine::books::{self, BookError};
use caudal_engine::record_shard::RecordEffects;
use caudal_engine::runs::OtherRun;
use caudal_usage::money::add_exact;
use caudal_usage::{Currency, Decimal, Run, RunCounts, Service};
use std::collections::BTreeMap;

/// What was done for one run.
#[derive(Clone, Debug, Default)]
pub struct RunSums {
    /// Its book.
    pub counts: RunCounts,
    /// Amounts by currency and service.
    pub amounts: BTreeMap<(Currency, Service), Decimal>,
}

impl RunSums {
    /// Adds what was committed since.
    pub(crate) fn add(&mut self, other: Self) {
        self.counts.add(&other.counts);
        for (key, amount) in other.amounts {
            *self.amounts.entry(key).or_default() += amount;
        }
    }

    /// Amount of each currency over all services.
    pub fn totals(&self) -> BTreeMap<Currency, Decimal> {
        let mut totals = BTreeMap::new();
        for (&(currency, _), amount) in &self.amounts {
            *totals.entry(currency).or_insert(Decimal::ZERO) += amount;
        }
        totals
    }
}

/// The stages through which a usage of a run goes, by the run's place in [`Run::OTHERS`].
const STAGES: [[&str; 4]; 2] = [
    ["record shard, wholesale", "exchange by account, wholesale", "account shard, wholesale", "wholesale"],
    [
        "record shard, interconnect",
        "exchange by account, interconnect",
        "account shard, interconnect",
        "interconnect",
    ],
];

/// Checks each stage of each run: what it took is what it gave or ended; and each run's book.
pub(crate) fn check(records: &[RecordEffects], accounts: &[AccountEffects]) -> Result<(), BookError> {
    for (run, [record, exchange, account, book]) in Run::OTHERS.into_iter().zip(STAGES) {
        let (mut passed, mut came, mut counts) = (0, 0, RunCounts::default());
        for other in records.iter().flat_map(|shard| of(&shard.runs, run)) {
            books::stage(record, other.took, other.gave)?;
            passed += other.passed;
            counts.add(&other.counts);
        }
        for other in accounts.iter().flat_map(|shard| of(&shard.runs, run)) {
            came += other.took;
            counts.add(&other.counts);
        }
        books::stage(exchange, passed, came)?;
        for other in accounts.iter().flat_map(|shard| of(&shard.runs, run)) {
            books::stage(account, other.took, other.gave)?;
        }
        let ended = counts.rated + counts.suspended;
        books::stage(book, counts.usages.unsigned_abs(), ended.unsigned_abs())?;
    }
    Ok(())
}

/// Sums each run that had something to do.
pub(crate) fn sum(
    records: &[RecordEffects],
    accounts: &[AccountEffects],
) -> anyhow::Result<BTreeMap<Run, RunSums>> {
    let mut sums: BTreeMap<Run, RunSums> = BTreeMap::new();
    let records = records.iter().flat_map(|shard| shard.runs.each());
    for (run, other) in records.chain(accounts.iter().flat_map(|shard| shard.runs.each())) {
        if other.counts.is_empty() {
            continue;
        }
        let sum = sums.entry(run).or_default();
        sum.counts.add(&other.counts);
        for (&key, &amount) in &other.amounts {
            let total = sum.amounts.entry(key).or_default();
            *total = add_exact(*total, amount)
                .with_context(|| format!("the sum of {} amounts does not fit in a decimal", run.as_str()))?;
        }
    }
    Ok(sums)
}

fn of(runs: &caudal_engine::runs::OtherRuns, wanted: Run) -> impl Iterator<Item = &OtherRun> {
    runs.each().filter(move |(run, _)| *run == wanted).map(|(_, other)| other)
}
