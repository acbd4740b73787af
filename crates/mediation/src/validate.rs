//! A normalised record to the same record, or to why it cannot be billed.
//! Relies on instants in UTC; the arrival of the file is an input, recorded at its claim.
//! Never mends a record.

use caudal_usage::time::RANGE_MS;
use caudal_usage::{Code, Fault, Stage, Timestamp, UsageRecord};

/// How far past the arrival of its file an event may lie when the source says nothing: an hour, in milliseconds.
pub const FUTURE_MS: i64 = 3_600_000;

/// Refuses what cannot be billed: times out of range or in the future, negative quantities, an end before its start,
/// of the record as of each part that has times of its own; a sum that does not fit.
#[inline]
pub fn validate(record: &UsageRecord, arrival_ms: i64, future_ms: i64) -> Result<(), Fault> {
    let latest = arrival_ms.saturating_add(future_ms);
    span([("start", record.start), ("end", record.end)], latest)?;
    for part in &record.parts {
        if (part.start, part.end) != (record.start, record.end) {
            span([("part_start", part.start), ("part_end", part.end)], latest)?;
        }
        if part.quantity < 0 {
            return Err(quantity(Code::Contradictory, &part.quantity));
        }
    }
    match record.quantity() {
        Some(_) => Ok(()),
        None => Err(quantity(Code::Overflow, &"sum of the parts")),
    }
}

#[inline]
fn span(times: [(&str, Timestamp); 2], latest: i64) -> Result<(), Fault> {
    for (field, time) in times {
        if !RANGE_MS.contains(&time.utc_ms) {
            return Err(fault(Code::BadField, field, time));
        }
        if time.utc_ms > latest {
            return Err(fault(Code::EventInFuture, field, time));
        }
    }
    let [(_, start), (field, end)] = times;
    if end.utc_ms < start.utc_ms {
        return Err(fault(Code::Contradictory, field, end));
    }
    Ok(())
}

#[cold]
fn fault(code: Code, field: &str, time: Timestamp) -> Fault {
    // What lies out of range cannot be written as a date.
    let day = 86_400_000;
    let shown = match (RANGE_MS.start - day..RANGE_MS.end + day).contains(&time.utc_ms) {
        true => time.to_string(),
        false => format!("{} ms since 1970", time.utc_ms),
    };
    Fault::new(code, field, shown.as_bytes()).at(Stage::Validate)
}

#[cold]
fn quantity(code: Code, found: &dyn std::fmt::Display) -> Fault {
    Fault::new(code, "quantity", found.to_string().as_bytes()).at(Stage::Validate)
}
