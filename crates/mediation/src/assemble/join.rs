//! The members of a session, by sequence, to one usage.
//! Relies on members of one service and unit, ordered by sequence.
//! Never loses a quantity: what does not fit suspends all members. Never moves a container from its own time.

use super::{Assembled, MAX_PARTS};
use caudal_usage::{Code, Fault, HeldPartial, Part, Stage, UsageRecord};

/// Joins. A session has at least one member; without any there is nothing to give back either.
pub(super) fn join(members: Vec<HeldPartial>) -> Result<Assembled, (Vec<HeldPartial>, Fault)> {
    let Some(first) = members.first() else {
        return Err((members, fault(Code::Gap, "sequence", "have nothing")));
    };
    let mut usage = first.record.clone();
    usage.partial = None;
    // Containers are rated each at its own time; records that write none are pieces of one usage.
    let contained = members.iter().any(|member| has_containers(&member.record));
    for member in members.iter().skip(1) {
        let parts =
            if contained { append(&mut usage, &member.record) } else { merge(&mut usage, &member.record) };
        if let Err(fault) = parts.and_then(|()| add(&mut usage, &member.record)) {
            return Err((members, fault));
        }
    }
    if usage.quantity().is_none() {
        return Err((members, fault(Code::Overflow, "quantity", "sum of the partial records")));
    }
    Ok(Assembled { usage, members })
}

fn fault(code: Code, field: &str, found: &str) -> Fault {
    Fault::new(code, field, found.as_bytes()).at(Stage::Assemble)
}

/// True when the record has parts with times of their own.
fn has_containers(record: &UsageRecord) -> bool {
    record.parts.iter().any(|part| (part.start, part.end) != (record.start, record.end))
}

/// Adds the containers of a later record behind those that are there.
fn append(usage: &mut UsageRecord, later: &UsageRecord) -> Result<(), Fault> {
    if usage.parts.len() + later.parts.len() > MAX_PARTS {
        return Err(fault(Code::Overflow, "parts", &format!("more than {MAX_PARTS}")));
    }
    usage.parts.extend_from_slice(&later.parts);
    Ok(())
}

/// Adds the parts of a later record: those of the same rating group become one, from the first start to the last end.
fn merge(usage: &mut UsageRecord, later: &UsageRecord) -> Result<(), Fault> {
    for part in &later.parts {
        match usage.parts.iter_mut().find(|known| known.rating_group == part.rating_group) {
            Some(known) => extend(known, part)?,
            None => usage.parts.push(*part),
        }
    }
    Ok(())
}

/// Adds times and amount of a later record.
fn add(usage: &mut UsageRecord, later: &UsageRecord) -> Result<(), Fault> {
    usage.end = latest(usage.end, later.end);
    usage.charged = match (usage.charged, later.charged) {
        (Some(sum), Some(more)) => Some(
            sum.checked_add(more)
                .map_err(|error| fault(Code::Contradictory, "amount", &error.to_string()))?,
        ),
        (sum, more) => sum.or(more),
    };
    Ok(())
}

fn extend(known: &mut Part, part: &Part) -> Result<(), Fault> {
    known.quantity = known.quantity.checked_add(part.quantity).ok_or_else(|| {
        fault(Code::Overflow, "quantity", &format!("{} + {}", known.quantity, part.quantity))
    })?;
    known.end = latest(known.end, part.end);
    Ok(())
}

/// The later instant; offsets do not count.
fn latest(a: caudal_usage::Timestamp, b: caudal_usage::Timestamp) -> caudal_usage::Timestamp {
    if b.utc_ms > a.utc_ms { b } else { a }
}
