//! Raw usage to a usage record, by the rules of its source: instants in UTC, numbers in E.164, identity as hashes.
//! Relies on raw fields having been typed by the format; whether they can be billed is for `validate`.
//! Never decides which of two readings of a repeated hour was meant, unless the source says so.

use crate::numbers::NumberRules;
use crate::validate::validate;
use caudal_usage::record::{Attributes, ByteSpan};
use caudal_usage::time::{DAY_MS, RANGE_MS};
use caudal_usage::zone::CachedZone;
use caudal_usage::{
    AttributeList, Claim, Code, Digits, Fault, Identity, Joined, KeySecret, LocalResolution, LocalTime, Part,
    Party, Position, RawPart, RawUsage, Role, Served, Slot, Stage, TimeZone, Timestamp, Unit, UsageRecord,
};
use compact_str::CompactString;
use smallvec::{SmallVec, smallvec};

/// What a local time means that occurs twice, on the night when clocks go back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RepeatedHour {
    /// Nobody knows: suspend `ambiguous_time`.
    #[default]
    Suspend,
    /// The first time.
    First,
    /// The second time.
    Second,
}

/// How a source's records are to be understood.
#[derive(Clone, Debug)]
pub struct SourceRules {
    /// Index of the source in the pipeline.
    pub source: u16,
    /// Zone of times that carry no offset.
    pub zone: TimeZone,
    /// What a repeated local time means.
    pub repeated_hour: RepeatedHour,
    /// How numbers are written.
    pub numbers: NumberRules,
    /// How far past the arrival of its file an event may lie, milliseconds; see [`crate::validate::FUTURE_MS`].
    pub future_ms: i64,
    /// Name of the format's key rule, with version and node.
    pub key_rule: Vec<u8>,
}

/// What is known of a record besides its content.
#[derive(Clone, Copy, Debug)]
pub struct RecordContext<'a> {
    /// The state's secret.
    pub secret: &'a KeySecret,
    /// Where the record stands.
    pub at: Position,
    /// Where its bytes stand.
    pub bytes: ByteSpan,
    /// When its file was claimed, UTC milliseconds.
    pub arrival_ms: i64,
}

/// Normalises the records of one source on one thread.
#[derive(Clone, Debug)]
pub struct Normaliser {
    rules: SourceRules,
    zone: CachedZone,
    /// The rule's name, with the fields of one record behind it.
    joined: Joined,
    /// Attributes of one record before they are kept.
    text: Vec<u8>,
}

impl Normaliser {
    /// For a source.
    pub fn new(rules: SourceRules) -> Self {
        let zone = CachedZone::new(rules.zone);
        let joined = Joined::new(&rules.key_rule);
        Self { rules, zone, joined, text: Vec::new() }
    }

    /// Normalises and validates: the rest of the intake after a format has read a record.
    #[inline]
    pub fn intake(&mut self, raw: &RawUsage<'_>, context: &RecordContext<'_>) -> Result<UsageRecord, Fault> {
        let record = self.normalise(raw, context);
        if let Ok(usage) = &record {
            validate(usage, context.arrival_ms, self.rules.future_ms)?;
        }
        record
    }

    /// Normalises one record.
    #[inline]
    pub fn normalise(
        &mut self,
        raw: &RawUsage<'_>,
        context: &RecordContext<'_>,
    ) -> Result<UsageRecord, Fault> {
        if raw.key.are_empty() {
            return Err(Fault::new(Code::EmptyKey, "key", b""));
        }
        let start = self.began("start", raw.start, raw.filter)?;
        let mut parts = SmallVec::new();
        self.parts(raw, &mut parts)?;
        let latest = parts.iter().map(|part| part.end).max_by_key(|end| end.utc_ms);
        let end = self.end(raw, start, latest)?;
        if parts.is_empty() {
            parts = smallvec![Part { start, end, quantity: raw.quantity, rating_group: raw.rating_group }];
        }
        let calling = self.party("calling", raw.calling)?;
        let called = self.party("called", raw.called)?;
        let served = self.served(raw, &calling, &called)?;
        let (claim, identity, session) = self.claim(raw, context);
        Ok(UsageRecord {
            claim,
            identity,
            session,
            partial: raw.partial,
            bytes: context.bytes,
            source: self.rules.source,
            filter: raw.filter,
            record_type: raw.record_type,
            service: raw.service,
            direction: raw.direction,
            role: raw.role,
            unit: raw.unit,
            start,
            end,
            parts,
            calling,
            called,
            served,
            serving_network: digits("serving_network", raw.serving_network, 5..=6)?,
            charged: raw.charged,
            attributes: attributes(raw, &mut self.text),
        })
    }

    /// What makes the record itself, and what its session.
    #[inline]
    fn claim(&mut self, raw: &RawUsage<'_>, context: &RecordContext<'_>) -> (Claim, Identity, [u64; 2]) {
        let secret = context.secret;
        let key = self.joined.with(raw.key);
        let (identity, fingerprint) = (Identity::of_joined(key), secret.fingerprint_joined(key));
        // The same fields give the same hash: most records are a session of their own.
        let session = match raw.session.are(raw.key) {
            true => fingerprint,
            false => secret.fingerprint_joined(self.joined.with(raw.session)),
        };
        let [high, _] = session;
        let claim = Claim {
            fingerprint,
            billed: secret.hash64_joined(self.joined.with(raw.billed)),
            at: context.at,
            day: raw.day,
            slot: Slot::of_hash(high),
            attempt: 0,
        };
        (claim, identity, session)
    }

    #[inline]
    fn began(&mut self, field: &str, time: LocalTime, filter: Option<Code>) -> Result<Timestamp, Fault> {
        if let Some(time) = instant(time) {
            return Ok(time);
        }
        match self.resolve(field, time)? {
            LocalResolution::Unique(time) => Ok(time),
            LocalResolution::Missing => Err(fault(Code::MissingTime, field, time)),
            // What is not billed anyway needs no decision: an unanswered call is one at either time.
            LocalResolution::Ambiguous(first, _) if filter.is_some() => Ok(first),
            LocalResolution::Ambiguous(first, second) => match self.rules.repeated_hour {
                RepeatedHour::Suspend => Err(fault(Code::AmbiguousTime, field, time)),
                RepeatedHour::First => Ok(first),
                RepeatedHour::Second => Ok(second),
            },
        }
    }

    /// The parts that the record writes by itself, in its order; none where it is one part as a whole.
    #[inline]
    fn parts(&mut self, raw: &RawUsage<'_>, parts: &mut SmallVec<[Part; 1]>) -> Result<(), Fault> {
        parts.reserve_exact(raw.parts.len());
        for part in raw.parts {
            let &RawPart { quantity, rating_group, .. } = part;
            // Field by field to where it stays: moved as a whole, it would be waited for.
            match (instant(part.start), instant(part.end)) {
                (Some(start), Some(end)) => parts.push(Part { start, end, quantity, rating_group }),
                _ => parts.push(self.part_by_zone(part, raw.filter)?),
            }
        }
        Ok(())
    }

    /// A part whose clock readings the zone must explain.
    #[inline(never)]
    fn part_by_zone(&mut self, raw: &RawPart, filter: Option<Code>) -> Result<Part, Fault> {
        let start = self.began("part_start", raw.start, filter)?;
        let end = match self.resolve("part_end", raw.end)? {
            LocalResolution::Ambiguous(first, second) if first.utc_ms < start.utc_ms => second,
            _ => self.began("part_end", raw.end, filter)?,
        };
        Ok(Part { start, end, quantity: raw.quantity, rating_group: raw.rating_group })
    }

    /// The record's own end; else that of its last part; else start and duration.
    #[inline]
    fn end(
        &mut self,
        raw: &RawUsage<'_>,
        start: Timestamp,
        of_parts: Option<Timestamp>,
    ) -> Result<Timestamp, Fault> {
        if let (None, Some(end)) = (raw.end, of_parts) {
            return Ok(end);
        }
        let timed = raw.unit == Unit::Millisecond && raw.parts.is_empty();
        let duration_ms = if timed { raw.quantity } else { 0 };
        let by_duration = start.utc_ms.checked_add(duration_ms);
        let by_duration = by_duration.ok_or_else(|| overflow(raw.quantity))?;
        let Some(time) = raw.end else {
            // Out of range is for `validate` to say; the zone must not be asked there.
            let known = raw.start.offset_s.is_some() || !RANGE_MS.contains(&by_duration);
            let offset_s = if known { start.offset_s } else { self.zone.offset_s(by_duration) };
            return Ok(Timestamp { utc_ms: by_duration, offset_s });
        };
        match self.resolve("end", time)? {
            LocalResolution::Unique(time) => Ok(time),
            LocalResolution::Missing => Err(fault(Code::MissingTime, "end", time)),
            LocalResolution::Ambiguous(_, second) if raw.filter.is_some() => Ok(second),
            // Start and duration tell which of the two it is: they lie an hour apart, truncation is a second.
            LocalResolution::Ambiguous(first, second) if timed => {
                let nearer = first.utc_ms.abs_diff(by_duration) <= second.utc_ms.abs_diff(by_duration);
                Ok(if nearer { first } else { second })
            }
            LocalResolution::Ambiguous(first, second) => match self.rules.repeated_hour {
                // Only the second lies behind the start.
                _ if first.utc_ms < start.utc_ms => Ok(second),
                RepeatedHour::Suspend => Err(fault(Code::AmbiguousTime, "end", time)),
                RepeatedHour::First => Ok(first),
                RepeatedHour::Second => Ok(second),
            },
        }
    }

    #[inline]
    fn resolve(&mut self, field: &str, time: LocalTime) -> Result<LocalResolution, Fault> {
        if !READABLE_MS.contains(&time.local_ms) {
            return Err(out_of_range(field, time));
        }
        Ok(match instant(time) {
            Some(time) => LocalResolution::Unique(time),
            None => self.zone.resolve(time.local_ms),
        })
    }

    #[inline]
    fn party(&self, field: &str, raw: &[u8]) -> Result<Party, Fault> {
        if raw.is_empty() {
            return Ok(Party::Absent);
        }
        self.rules
            .numbers
            .party(raw)
            .ok_or_else(|| Fault::new(Code::BadField, field, raw).at(Stage::Normalise))
    }

    /// Who is served: named by the record, else the party of the paying role.
    #[inline]
    fn served(&self, raw: &RawUsage<'_>, calling: &Party, called: &Party) -> Result<Served, Fault> {
        let number = match raw.role {
            _ if !raw.served_number.is_empty() => self.party("served_number", raw.served_number)?,
            Role::Originating => calling.clone(),
            Role::Terminating => called.clone(),
            Role::Forwarding => self.party("forwarding", raw.forwarding)?,
        };
        let named = !raw.served_subscription.is_empty();
        let subscription = named.then(|| CompactString::from_utf8_lossy(raw.served_subscription));
        Ok(Served { subscription, imsi: digits("served_imsi", raw.served_imsi, 6..=15)?, number })
    }
}

/// Clock readings that an instant of [`RANGE_MS`] may have anywhere.
const READABLE_MS: std::ops::Range<i64> = RANGE_MS.start - DAY_MS..RANGE_MS.end + DAY_MS;

/// The instant of a reading that says its offset itself; `None` also for one of no readable year.
#[inline]
fn instant(time: LocalTime) -> Option<Timestamp> {
    let offset_s = time.offset_s.filter(|_| READABLE_MS.contains(&time.local_ms))?;
    Some(Timestamp { utc_ms: time.local_ms - i64::from(offset_s) * 1000, offset_s })
}

#[inline]
fn digits(
    field: &str,
    raw: &[u8],
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<Option<Digits>, Fault> {
    if raw.is_empty() {
        return Ok(None);
    }
    let digits = Digits::parse(raw).filter(|digits| lengths.contains(&digits.len()));
    digits.map(Some).ok_or_else(|| Fault::new(Code::BadField, field, raw).at(Stage::Normalise))
}

#[inline]
fn attributes(raw: &RawUsage<'_>, buffer: &mut Vec<u8>) -> Attributes {
    let pairs = raw.attributes.as_slice();
    (!pairs.is_empty()).then(|| AttributeList::of_octets(pairs, buffer))
}

#[cold]
fn fault(code: Code, field: &str, time: LocalTime) -> Fault {
    // The reading as it stood on the wall: no offset belongs to it.
    let shown = Timestamp::utc(time.local_ms).to_string();
    Fault::new(code, field, shown.trim_end_matches('Z').as_bytes())
}

#[cold]
fn out_of_range(field: &str, time: LocalTime) -> Fault {
    let found = format!("{} ms since 1970", time.local_ms);
    Fault::new(Code::BadField, field, found.as_bytes()).at(Stage::Validate)
}

#[cold]
fn overflow(quantity: i64) -> Fault {
    Fault::new(Code::Overflow, "duration", quantity.to_string().as_bytes()).at(Stage::Normalise)
}

#[cfg(test)]
mod tests;
