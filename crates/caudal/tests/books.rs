//! Books ring: one record lost or doubled in any stage stops the run, and nothing of its epoch is committed.
//! Relies on fail points that skew a stage, and on an undisturbed run to say what the output must be after a restart.
//! Never a stage without a case: the table below names every one.

// What tests share fails as they do.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Lines, Place, root, same};
use std::path::Path;

/// Exit code of a run whose books do not balance.
const FAILED: i32 = 3;

/// A stage, what says that its books do not balance, and the hits at which a record is skewed.
const STAGES: [(&str, &str, [u32; 2]); 11] = [
    ("frame", "intake took", [1, 700]),
    ("intake", "exchange by session took", [1, 650]),
    ("dedup", "record shard took", [1, 600]),
    ("filter", "record shard took", [1, 550]),
    ("assemble", "record shard took", [1, 500]),
    ("join", "record shard took", [1, 2]),
    ("guide", "record shard took", [1, 450]),
    ("exchange", "exchange by account took", [1, 400]),
    ("rate", "account shard took", [1, 350]),
    ("encode", "rated has", [1, 300]),
    ("write", "rated has", [1, 1]),
];

/// Likewise for the runs beside the primary one. Before usages are counted for a run there is the record alone.
const RUN_STAGES: [(&str, &str, [u32; 2]); 4] = [
    ("runs.guide", "record shard, wholesale took", [1, 3]),
    ("runs.exchange", "exchange by account, wholesale took", [1, 3]),
    ("runs.rate", "account shard, wholesale took", [1, 3]),
    ("runs.encode", "rated has", [1, 3]),
];

/// Skews one record, expects the run to stop and to say why, then starts again without.
fn check(pipeline: &Path, expected: &Lines, options: &str, (stage, said, fail): (&str, &str, &str)) {
    let place = Place::new();
    let what = format!("{stage} {fail} {options}");
    let ended = place.run_failing(pipeline, options, fail).expect(FAILED, &what);
    let complaint = format!("books do not balance: {said} ");
    assert!(ended.stderr.contains(&complaint), "{what}: no {complaint:?} in {}", ended.stderr);
    place.run(pipeline, options);
    same(&place.lines(), expected, &what);
    place.audit();
}

#[test]
fn one_record_lost_or_doubled_in_any_stage_stops_the_run() {
    let pipeline = root().join("pipelines/quickstart");
    let straight = Place::new();
    straight.run(&pipeline, "");
    let expected = straight.lines();
    for (stage, said, hits) in STAGES {
        let layouts =
            ["--threads 1 --shards 1 --epoch-records 200", "--threads 2 --shards 3 --epoch-records 500"];
        for (hit, options) in hits.into_iter().zip(layouts) {
            for skew in ["lose", "double"] {
                check(&pipeline, &expected, options, (stage, said, &format!("{stage}={skew}@{hit}")));
                println!("cases: 1");
            }
        }
    }
}

#[test]
fn one_usage_of_another_run_lost_or_doubled_in_any_stage_stops_the_run() {
    let pipeline = root().join("sample-cdrs/reseller/pipeline");
    let straight = Place::new();
    straight.run(&pipeline, "");
    let expected = straight.lines();
    for (stage, said, hits) in RUN_STAGES {
        let layouts =
            ["--threads 1 --shards 1 --epoch-records 10", "--threads 1 --shards 1 --epoch-records 500"];
        for (hit, options) in hits.into_iter().zip(layouts) {
            for skew in ["lose", "double"] {
                check(&pipeline, &expected, options, (stage, said, &format!("{stage}={skew}@{hit}")));
                println!("cases: 1");
            }
        }
    }
}

/// A stage that is told to skew a record it never sees is not a stage: the name in the table would be wrong.
#[test]
fn a_point_that_never_fires_changes_nothing() {
    let pipeline = root().join("pipelines/quickstart");
    let (straight, armed) = (Place::new(), Place::new());
    straight.run(&pipeline, "");
    armed.run_failing(&pipeline, "", "rate=lose@1000000").expect(0, "armed, not fired");
    same(&armed.lines(), &straight.lines(), "armed, not fired");
    println!("cases: 1");
}
