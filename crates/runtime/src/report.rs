//! What a run did, for the summary, the JSON line and the benchmark.
//! Relies on commits: nothing is counted before its commit stands.
//! Never part of the state: it covers one run.

use crate::epoch::EpochSums;
use crate::runs::RunSums;
use caudal_usage::alarm::AlarmCode;
use caudal_usage::{Counts, Currency, Decimal, EventId, Run, Service};
use std::collections::BTreeMap;
use std::time::Duration;

/// A report of one run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Files whose end was committed.
    pub files: u64,
    /// The books of this run. `held` is the change.
    pub counts: Counts,
    /// Records held when the run began.
    pub held_before: i64,
    /// Records suspended when the run began.
    pub suspended_before: i64,
    /// Amounts by currency and service.
    pub amounts: BTreeMap<(Currency, Service), Decimal>,
    /// Billable events.
    pub events: u64,
    /// The runs beside the primary one, which stand in none of the figures above.
    pub runs: BTreeMap<Run, RunSums>,
    /// The dearest event, for a person to look at first.
    pub dearest: Option<(Decimal, EventId)>,
    /// Epochs committed.
    pub epochs: u64,
    /// Octets of content read.
    pub bytes: u64,
    /// Alarms raised, by code.
    pub alarms: BTreeMap<AlarmCode, u64>,
    /// Wall time.
    pub elapsed: Duration,
    /// Wall time by stage.
    pub stages: Stages,
    /// Syncs of files and folders.
    pub fsyncs: u64,
}

/// Wall time by stage; stages of one epoch overlap with the commit of the one before. Intake and shards share the threads:
/// of each stage, what its threads took together, by their number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stages {
    /// Reading blocks, while the shards work on the epoch before.
    pub read: Duration,
    /// Decoding, normalising, validating.
    pub parse: Duration,
    /// Dedup, filter, assembly, guiding.
    pub record: Duration,
    /// Rating and encoding.
    pub account: Duration,
    /// Checking books and drawing up the commit.
    pub books: Duration,
    /// Waiting for the verdict of the commit before.
    pub wait: Duration,
    /// Snapshots and runs of claims.
    pub snapshot: Duration,
}

impl Report {
    /// Adds what a committed epoch did.
    pub(crate) fn add(&mut self, sums: EpochSums) {
        self.counts.add(&sums.counts);
        self.files += sums.files;
        self.events += sums.events;
        self.bytes += sums.bytes;
        self.dearest = self.dearest.max(sums.dearest);
        for (key, amount) in sums.amounts {
            *self.amounts.entry(key).or_default() += amount;
        }
        for (run, sums) in sums.runs {
            self.runs.entry(run).or_default().add(sums);
        }
        for (code, count) in sums.alarms {
            *self.alarms.entry(code).or_default() += count;
        }
    }

    /// Billable events of every run: lines of the rated stream.
    pub fn events_of_all_runs(&self) -> u64 {
        let others: i64 = self.runs.values().map(|run| run.counts.events).sum();
        self.events + others.unsigned_abs()
    }

    /// Records held at the end.
    pub const fn held(&self) -> i64 {
        self.held_before + self.counts.held
    }

    /// Records suspended at the end.
    pub fn suspended(&self) -> i64 {
        self.suspended_before + self.counts.suspended()
    }

    /// True when what was there and came in is what went out and is there, in every run.
    pub fn balances(&self) -> bool {
        let counts = &self.counts;
        let left = self.held_before + self.suspended_before + counts.entered;
        let ended = counts.rated + counts.merged + counts.filtered() + counts.duplicate + counts.written_off;
        let other_runs = self.runs.values().all(|run| run.counts.balances());
        left == ended + self.held() + self.suspended() && other_runs
    }

    /// Amount of one currency over all services.
    pub fn totals(&self) -> BTreeMap<Currency, Decimal> {
        let mut totals = BTreeMap::new();
        for (&(currency, _), amount) in &self.amounts {
            *totals.entry(currency).or_insert(Decimal::ZERO) += amount;
        }
        totals
    }

    /// Records per second of wall time.
    pub fn records_per_second(&self) -> u64 {
        let nanos = self.elapsed.as_nanos().max(1);
        let records = u128::from(self.counts.entered.unsigned_abs());
        u64::try_from(records * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
    }
}
