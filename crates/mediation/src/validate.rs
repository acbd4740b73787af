//! A normalised record to the same record, or to why it cannot be billed.
//! Relies on instants in UTC; the arrival of the file is an input, recorded at its claim.
//! Never mends a record.

use caudal_usage::time::RANGE_MS;
use caudal_usage::{Code, Fault, Stage, Timestamp, UsageRecord};

/// How far past the arrival of its file an event may lie when the source says nothing: an hour, in milliseconds.
pub const FUTURE_MS: i64 = 3_600_000;

/// Refuses what cannot be billed: times out of range or in the future, negative quantities, an end before its start.
#[inline]
pub fn validate(record: &UsageRecord, arrival_ms: i64, future_ms: i64) -> Result<(), Fault> {
    let latest = arrival_ms.saturating_add(future_ms);
    for (field, time) in [("start", record.start), ("end", record.end)] {
        if !RANGE_MS.contains(&time.utc_ms) {
            return Err(fault(Code::BadField, field, time));
        }
        if time.utc_ms > latest {
            return Err(fault(Code::EventInFuture, field, time));
        }
    }
    if record.end.utc_ms < record.start.utc_ms {
        return Err(fault(Code::Contradictory, "end", record.end));
    }
    match record.parts.iter().find(|part| part.quantity < 0) {
        Some(part) => Err(negative(part.quantity)),
        None => Ok(()),
    }
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
fn negative(quantity: i64) -> Fault {
    Fault::new(Code::Contradictory, "quantity", quantity.to_string().as_bytes()).at(Stage::Validate)
}
