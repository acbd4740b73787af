//! The metrics: one table of names, kinds, labels and meanings, and the handles that the events of a run set.
//! Relies on reports and standings: what is counted is committed.
//! Never a label that input can widen: outcomes, codes, stages and the names of sources are all there are.

use super::health::Health;
use caudal_runtime::report::Stages;
use caudal_runtime::{Report, Standing};
use caudal_usage::alarm::AlarmCode;
use caudal_usage::code::{Code, Ends};
use metrics::{Counter, Gauge, Histogram, Unit, counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusRecorder};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What kind of metric it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets, with sum and count; the upper bounds of the buckets.
    Histogram(&'static [f64]),
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Its unit.
    pub unit: Unit,
    /// Its label with the values it takes, or empty.
    pub label: &'static str,
    /// What it says, with the unit.
    pub help: &'static str,
}

const SECONDS: Kind =
    Kind::Histogram(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0]);
const RECORDS: Kind = Kind::Histogram(&[1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7]);

macro_rules! metrics_table {
    ($($constant:ident $name:literal $kind:expr, $unit:ident, $label:literal, $help:literal;)*) => {
        $(const $constant: &str = $name;)*

        /// Every metric, in the order of the page that documents them.
        pub const METRICS: &[Metric] =
            &[$(Metric { name: $name, kind: $kind, unit: Unit::$unit, label: $label, help: $help }),*];
    };
}

metrics_table! {
    READY "caudal_ready" Kind::Gauge, Count, "",
        "1 while input is taken, 0 while starting, restoring, draining and after a failure.";
    BUILD "caudal_build_info" Kind::Gauge, Count, "version: of the program",
        "Always 1; the version is in the label.";
    ENTERED "caudal_records_entered_total" Kind::Counter, Count, "",
        "Records that entered by a commit, replays left out.";
    RECORDS_ENDED "caudal_records_total" Kind::Counter, Count,
        "outcome: rated, merged, filtered, duplicate, suspended, written_off",
        "Records by what became of them.";
    REPLAYED "caudal_replayed_records_total" Kind::Counter, Count, "",
        "Records met again at the position where they were read before; they count nowhere else.";
    SUSPENDED "caudal_suspended_total" Kind::Counter, Count, "code: see codes.md",
        "Records suspended, by code.";
    FILTERED "caudal_filtered_total" Kind::Counter, Count, "code: see codes.md",
        "Records filtered, by code.";
    ALARMS "caudal_alarms_total" Kind::Counter, Count, "code: see codes.md",
        "Alarms raised, by code; what each says is in `out/alerts`.";
    EVENTS "caudal_events_total" Kind::Counter, Count, "",
        "Billable events written.";
    HELD "caudal_held_records" Kind::Gauge, Count, "",
        "Records that wait for the rest of their session, now.";
    IN_SUSPENSE "caudal_suspended_records" Kind::Gauge, Count, "",
        "Records that are suspended, now.";
    FILES_CLAIMED "caudal_claimed_files_total" Kind::Counter, Count, "source: name of the source",
        "Files claimed by a commit.";
    FILES "caudal_files_total" Kind::Counter, Count, "source: name of the source",
        "Files read to their end.";
    FILES_OPEN "caudal_open_files" Kind::Gauge, Count, "source: name of the source",
        "Files claimed and not read to their end, now.";
    INPUT "caudal_input_octets_total" Kind::Counter, Bytes, "",
        "Octets of content read, after decompression.";
    WATERMARK "caudal_watermark_timestamp_seconds" Kind::Gauge, Seconds, "source: name of the source",
        "Greatest event time seen, in seconds since 1970-01-01 UTC; not there before the first record.";
    EPOCH "caudal_epoch" Kind::Gauge, Count, "",
        "Number of the last committed epoch.";
    LAST_COMMIT "caudal_last_commit_timestamp_seconds" Kind::Gauge, Seconds, "",
        "When this process last committed, in seconds since 1970-01-01 UTC; 0 before.";
    COMMIT "caudal_commit_seconds" SECONDS, Seconds, "",
        "Wall time of a commit: prepare, log and finish.";
    EPOCH_RECORDS "caudal_epoch_records" RECORDS, Count, "",
        "Records that entered by one commit.";
    STAGE "caudal_stage_seconds" SECONDS, Seconds,
        "stage: read, parse, record, account, books, wait, snapshot",
        "Wall time of a stage between two commits. Parsing and the shards share the threads: of each, what its threads took together by their number. Reading overlaps with them, and `wait` is what remains of the commit before.";
    CLAIMS "caudal_claims" Kind::Gauge, Count, "place: memory, disk",
        "Claims of the duplicate check, by where they are kept.";
    LOG "caudal_log_octets" Kind::Gauge, Bytes, "",
        "Octets of log since the last snapshot: what a start has to read.";
}

/// A value of a label, and where what it counts stands.
type Labelled<F, T> = (&'static str, fn(&F) -> T);

/// Outcomes, each with its count in a report.
const OUTCOMES: [Labelled<Report, i64>; 6] = [
    ("rated", |report| report.counts.rated),
    ("merged", |report| report.counts.merged),
    ("filtered", |report| report.counts.filtered()),
    ("duplicate", |report| report.counts.duplicate),
    ("suspended", |report| report.counts.suspended()),
    ("written_off", |report| report.counts.written_off),
];

/// Stages, each with its time in a report.
const STAGES: [Labelled<Stages, Duration>; 7] = [
    ("read", |stages| stages.read),
    ("parse", |stages| stages.parse),
    ("record", |stages| stages.record),
    ("account", |stages| stages.account),
    ("books", |stages| stages.books),
    ("wait", |stages| stages.wait),
    ("snapshot", |stages| stages.snapshot),
];

/// A recorder for the metrics of the table.
pub fn recorder() -> Result<PrometheusRecorder, BuildError> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let Kind::Histogram(bounds) = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.into()), bounds)?;
        }
    }
    Ok(builder.build_recorder())
}

/// Sets the metric that says whether the run is ready, as it is asked for.
pub fn set_ready(health: &Health) {
    gauge!(READY).set(if health.ready().is_ok() { 1.0 } else { 0.0 });
}

/// The handles of one run. Without a recorder all of them do nothing.
pub struct Meters {
    sources: Vec<SourceMeters>,
    outcomes: [Counter; OUTCOMES.len()],
    codes: Vec<Counter>,
    alarms: Vec<Counter>,
    stages: [Histogram; STAGES.len()],
    /// The report of the commit before.
    entered: u64,
    spent: Stages,
}

struct SourceMeters {
    name: String,
    claimed: Counter,
    finished: Counter,
    open: Gauge,
}

impl Meters {
    /// Describes every metric, and registers each with the values of its label, so that all are there from the start.
    pub fn register<'n>(sources: impl Iterator<Item = &'n str>) -> Self {
        METRICS.iter().for_each(describe);
        for name in [HELD, IN_SUSPENSE, EPOCH, LAST_COMMIT, LOG, READY] {
            gauge!(name).set(0.0);
        }
        for name in [ENTERED, REPLAYED, EVENTS, INPUT] {
            counter!(name).absolute(0);
        }
        drop((histogram!(COMMIT), histogram!(EPOCH_RECORDS)));
        gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        set_claims(0, 0);
        let code = |&code: &Code| match code.ends() {
            Ends::Suspended => counter!(SUSPENDED, "code" => code.as_str()),
            Ends::Filtered => counter!(FILTERED, "code" => code.as_str()),
        };
        Self {
            sources: sources.map(SourceMeters::register).collect(),
            outcomes: OUTCOMES.map(|(outcome, _)| counter!(RECORDS_ENDED, "outcome" => outcome)),
            codes: Code::ALL.iter().map(code).collect(),
            alarms: AlarmCode::ALL.iter().map(|code| counter!(ALARMS, "code" => code.as_str())).collect(),
            stages: STAGES.map(|(stage, _)| histogram!(STAGE, "stage" => stage)),
            entered: 0,
            spent: Stages::default(),
        }
    }

    /// What was committed, and where the line stands.
    pub fn stands(&mut self, report: &Report, standing: &Standing) {
        self.totals(report);
        gauge!(HELD).set(real(whole(report.held())));
        gauge!(IN_SUSPENSE).set(real(whole(report.suspended())));
        gauge!(EPOCH).set(real(standing.epoch));
        gauge!(LOG).set(real(standing.log_bytes));
        set_claims(standing.claims_in_memory, standing.claims_on_disk);
        for (meters, source) in self.sources.iter().zip(&standing.sources) {
            meters.stands(source, standing.commit.is_some());
        }
        if let Some(took) = standing.commit {
            self.commit(report, took);
        }
    }

    fn totals(&self, report: &Report) {
        counter!(ENTERED).absolute(whole(report.counts.entered));
        counter!(REPLAYED).absolute(whole(report.counts.replayed));
        counter!(EVENTS).absolute(report.events_of_all_runs());
        counter!(INPUT).absolute(report.bytes);
        for (counter, (_, count)) in self.outcomes.iter().zip(OUTCOMES) {
            counter.absolute(whole(count(report)));
        }
        for (counter, &count) in self.codes.iter().zip(&report.counts.codes) {
            counter.absolute(whole(count));
        }
        for (counter, code) in self.alarms.iter().zip(AlarmCode::ALL) {
            counter.absolute(report.alarms.get(code).copied().unwrap_or(0));
        }
    }

    fn commit(&mut self, report: &Report, took: Duration) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        gauge!(LAST_COMMIT).set(now.as_secs_f64());
        histogram!(COMMIT).record(took.as_secs_f64());
        let entered = whole(report.counts.entered);
        histogram!(EPOCH_RECORDS).record(real(entered.saturating_sub(self.entered)));
        for (histogram, (_, time)) in self.stages.iter().zip(STAGES) {
            histogram.record(time(&report.stages).saturating_sub(time(&self.spent)).as_secs_f64());
        }
        (self.entered, self.spent) = (entered, report.stages);
    }
}

impl SourceMeters {
    fn register(name: &str) -> Self {
        let label = || name.to_owned();
        let open = gauge!(FILES_OPEN, "source" => label());
        open.set(0.0);
        Self {
            claimed: counter!(FILES_CLAIMED, "source" => label()),
            finished: counter!(FILES, "source" => label()),
            open,
            name: label(),
        }
    }

    fn stands(&self, source: &caudal_runtime::SourceStanding, committed: bool) {
        if committed {
            self.claimed.increment(source.claimed);
            self.finished.increment(source.finished);
            self.open.increment(real(source.claimed));
            self.open.decrement(real(source.finished));
        } else {
            // Files that were claimed before wait as well, but this line did not claim them.
            self.open.set(real(source.claimed));
        }
        if let Some(watermark_ms) = source.watermark_ms {
            let sign = if watermark_ms < 0 { -1.0 } else { 1.0 };
            let seconds = sign * Duration::from_millis(watermark_ms.unsigned_abs()).as_secs_f64();
            gauge!(WATERMARK, "source" => self.name.clone()).set(seconds);
        }
    }
}

fn describe(metric: &Metric) {
    let &Metric { name, unit, label, .. } = metric;
    let values = if label.is_empty() { String::new() } else { format!(" Label {label}.") };
    let help = format!("{}{values}", metric.help);
    match metric.kind {
        Kind::Counter => metrics::describe_counter!(name, unit, help),
        Kind::Gauge => metrics::describe_gauge!(name, unit, help),
        Kind::Histogram(_) => metrics::describe_histogram!(name, unit, help),
    }
}

fn set_claims(memory: u64, disk: u64) {
    gauge!(CLAIMS, "place" => "memory").set(real(memory));
    gauge!(CLAIMS, "place" => "disk").set(real(disk));
}

/// A count as metrics want it. What a correction takes back does not count down.
fn whole(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// A count as gauges want it: exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
