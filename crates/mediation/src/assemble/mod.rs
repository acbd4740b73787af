//! Partial records of one session to one usage: held until the sequence is whole, released by the watermark.
//! Relies on dedup having passed every record, and on the rule of each source.
//! Never drops a record: it is held, joined, or handed back with a fault.

mod join;

use caudal_usage::{Code, Fault, HeldPartial, Partial, Session, Stage, UsageRecord};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Partial records of one session. At one every 15 minutes, ten days of one call.
pub const MAX_MEMBERS: usize = 1_000;

/// Containers of one usage: those of a session of months.
pub const MAX_PARTS: usize = 100_000;

/// Open sessions of one assembler. A pipeline that needs more is not closing them.
pub const MAX_SESSIONS: usize = 4_000_000;

/// Octets of original bytes that one assembler holds.
pub const MAX_HELD_OCTETS: usize = 4 << 30;

/// Longest hold unless the source says another: 24 h in milliseconds.
pub const LONGEST_HOLD_MS: i64 = 24 * 3_600_000;

/// What becomes of a session that is still not whole when its longest hold is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnGap {
    /// Every member is suspended `gap`.
    Suspend,
    /// What is there is joined and rated.
    Rate,
}

/// How a source's partial records are joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Sequence number of a session's first record.
    pub first_sequence: u32,
    /// How long the watermark may pass the latest member before the session is released, in milliseconds.
    pub longest_hold_ms: i64,
    /// What becomes of it then.
    pub on_gap: OnGap,
}

impl Default for Rule {
    fn default() -> Self {
        Self { first_sequence: 1, longest_hold_ms: LONGEST_HOLD_MS, on_gap: OnGap::Suspend }
    }
}

/// A session that became one usage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assembled {
    /// The usage: identity, claim and parties of the first record, times and quantities of all.
    pub usage: UsageRecord,
    /// The partial records that it was joined of, by sequence: the first carries the outcome, the others are merged.
    /// When the usage cannot be billed further down, each is suspended with its own bytes.
    pub members: Vec<HeldPartial>,
}

/// What became of a record that was offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Offered {
    /// It waits for the rest of its session.
    Held,
    /// It made its session whole; a record that is no partial is whole by itself.
    Complete(Box<Assembled>),
    /// It contradicts its session and is suspended alone; the session goes on waiting.
    Refused(Box<UsageRecord>, Fault),
    /// It made its session whole, but the whole does not fit: all members are suspended.
    Suspended(Vec<HeldPartial>, Fault),
}

/// A session whose longest hold is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Released {
    /// Rated as it is, by the source's rule.
    Rated(Box<Assembled>),
    /// All members are suspended.
    Suspended(Vec<HeldPartial>, Fault),
}

/// The assembler is full: the pipeline stops, nothing fails open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("open sessions exceed their bound: found more than {bound} {what}")]
pub struct Full {
    /// `sessions` or `octets`.
    pub what: &'static str,
    /// The bound.
    pub bound: usize,
}

/// The open sessions of the slots of one shard.
#[derive(Clone, Debug)]
pub struct Assembler {
    sessions: BTreeMap<[u64; 2], Session>,
    /// When each open session is released.
    deadlines: BTreeSet<(i64, [u64; 2])>,
    /// Keys that were opened, changed or closed since the last commit.
    changed: BTreeSet<[u64; 2]>,
    held_octets: usize,
    max_sessions: usize,
}

impl Default for Assembler {
    fn default() -> Self {
        Self {
            sessions: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            changed: BTreeSet::new(),
            held_octets: 0,
            max_sessions: MAX_SESSIONS,
        }
    }
}

impl Assembler {
    /// Takes a record that dedup and filter have passed. `raw` are its bytes without the line end; `watermark_ms` is
    /// the watermark at the record's turn. The session is held `rule.longest_hold_ms` from the later of the two.
    pub fn offer(
        &mut self,
        record: UsageRecord,
        raw: &[u8],
        rule: &Rule,
        watermark_ms: i64,
    ) -> Result<Offered, Full> {
        let Some(partial) = record.partial else {
            return Ok(Offered::Complete(Box::new(Assembled {
                usage: record.clone(),
                members: vec![HeldPartial { record, raw: raw.into() }],
            })));
        };
        let key = record.session;
        let members = self.sessions.get(&key).map_or(&[][..], |session| &session.members);
        if let Some(found) = contradiction(members, &record, partial, rule) {
            let fault = Fault::new(Code::Contradictory, "sequence", found.as_bytes()).at(Stage::Assemble);
            return Ok(Offered::Refused(Box::new(record), fault));
        }
        self.check_room(key, raw.len())?;
        let deadline_ms = record.end.utc_ms.max(watermark_ms).saturating_add(rule.longest_hold_ms);
        self.hold(HeldPartial { record, raw: raw.into() }, partial.sequence, deadline_ms);
        if !self.sessions.get(&key).is_some_and(|session| is_whole(&session.members, rule)) {
            return Ok(Offered::Held);
        }
        let members = self.close(key).map_or(Vec::new(), |session| session.members);
        Ok(match join::join(members) {
            Ok(assembled) => Offered::Complete(Box::new(assembled)),
            Err((members, fault)) => Offered::Suspended(members, fault),
        })
    }

    fn check_room(&self, key: [u64; 2], octets: usize) -> Result<(), Full> {
        if self.sessions.len() >= self.max_sessions && !self.sessions.contains_key(&key) {
            return Err(Full { what: "sessions", bound: self.max_sessions });
        }
        if self.held_octets.saturating_add(octets) > MAX_HELD_OCTETS {
            return Err(Full { what: "octets", bound: MAX_HELD_OCTETS });
        }
        Ok(())
    }

    /// Puts a member in its place; its sequence is known to be free.
    fn hold(&mut self, member: HeldPartial, sequence: u32, deadline_ms: i64) {
        let key = member.record.session;
        self.held_octets += member.raw.len();
        let session =
            self.sessions.entry(key).or_insert_with(|| Session { key, deadline_ms, members: Vec::new() });
        self.deadlines.remove(&(session.deadline_ms, key));
        session.deadline_ms = session.deadline_ms.max(deadline_ms);
        self.deadlines.insert((session.deadline_ms, key));
        let place = session.members.partition_point(|held| sequence_of(held) < sequence);
        session.members.insert(place, member);
        self.changed.insert(key);
    }

    fn close(&mut self, key: [u64; 2]) -> Option<Session> {
        let session = self.sessions.remove(&key)?;
        self.deadlines.remove(&(session.deadline_ms, key));
        self.held_octets -= octets(&session);
        self.changed.insert(key);
        Some(session)
    }

    /// Releases, in order of their keys, the sessions whose longest hold the watermark has passed. `on_gap` gives the
    /// rule's word for a source's index.
    pub fn release(&mut self, watermark_ms: i64, on_gap: impl Fn(u16) -> OnGap) -> Vec<Released> {
        let due: BTreeSet<[u64; 2]> =
            self.deadlines.range(..(watermark_ms, [0; 2])).map(|&(_, key)| key).collect();
        due.into_iter()
            .filter_map(|key| self.close(key))
            .map(|session| released(session.members, &on_gap))
            .collect()
    }

    /// True when `release` would give something.
    pub fn is_due(&self, watermark_ms: i64) -> bool {
        self.deadlines.first().is_some_and(|&(deadline_ms, _)| deadline_ms < watermark_ms)
    }

    /// Open sessions, in order of their keys.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    /// An open session.
    pub fn session(&self, key: [u64; 2]) -> Option<&Session> {
        self.sessions.get(&key)
    }

    /// Records that wait.
    pub fn held(&self) -> usize {
        self.sessions.values().map(|session| session.members.len()).sum()
    }

    /// Puts back a session from stored state, replacing one of its key. It counts as committed.
    pub fn restore(&mut self, session: Session) {
        let key = session.key;
        self.forget(key);
        self.held_octets += octets(&session);
        self.deadlines.insert((session.deadline_ms, key));
        self.sessions.insert(key, session);
    }

    /// Removes a session as stored state says; it counts as committed.
    pub fn forget(&mut self, key: [u64; 2]) {
        self.close(key);
        self.changed.remove(&key);
    }

    /// Keys that changed since the last call, in order. One without a [`Self::session`] is closed.
    pub fn take_changed(&mut self) -> Vec<[u64; 2]> {
        std::mem::take(&mut self.changed).into_iter().collect()
    }
}

fn octets(session: &Session) -> usize {
    session.members.iter().map(|member| member.raw.len()).sum()
}

/// Members always have a sequence: only partial records are held.
fn sequence_of(member: &HeldPartial) -> u32 {
    member.record.partial.map_or(0, |partial| partial.sequence)
}

fn last_of(members: &[HeldPartial]) -> Option<u32> {
    members.iter().find(|held| held.record.partial.is_some_and(|partial| partial.last)).map(sequence_of)
}

/// True when the closing record is there and nothing before it is missing. Sequences are unique and not above the
/// closing one, so counting them is enough.
fn is_whole(members: &[HeldPartial], rule: &Rule) -> bool {
    let Some(span) = last_of(members).and_then(|last| last.checked_sub(rule.first_sequence)) else {
        return false;
    };
    u64::from(span) + 1 == members.len() as u64
}

/// Why a record cannot belong to its session. A sequence number that came under another key is refused rather than
/// chosen between: which of the two is right, only the owner of the element can say.
fn contradiction(
    members: &[HeldPartial],
    record: &UsageRecord,
    partial: Partial,
    rule: &Rule,
) -> Option<String> {
    let Partial { sequence, last } = partial;
    if sequence < rule.first_sequence {
        return Some(format!("{sequence} before first {}", rule.first_sequence));
    }
    if let Some(held) = members.iter().find(|held| sequence_of(held) == sequence) {
        return Some(format!("{sequence} again, first at {}", held.record.at()));
    }
    if let Some(closing) = last_of(members).filter(|closing| sequence > *closing) {
        return Some(format!("{sequence} after last {closing}"));
    }
    if let Some(greatest) = members.last().map(sequence_of).filter(|greatest| last && *greatest > sequence) {
        return Some(format!("last {sequence} before {greatest}"));
    }
    let first = &members.first()?.record;
    if (first.unit, first.service) != (record.unit, record.service) {
        return Some(format!("{sequence} is {}, others {}", record.service.as_str(), first.service.as_str()));
    }
    (members.len() >= MAX_MEMBERS).then(|| format!("more than {MAX_MEMBERS} partial records"))
}

fn released(members: Vec<HeldPartial>, on_gap: &impl Fn(u16) -> OnGap) -> Released {
    let rule = members.first().map_or(OnGap::Suspend, |first| on_gap(first.record.source));
    match rule {
        OnGap::Suspend => {
            let fault = Fault::new(Code::Gap, "sequence", have(&members).as_bytes());
            Released::Suspended(members, fault)
        }
        OnGap::Rate => match join::join(members) {
            Ok(assembled) => Released::Rated(Box::new(assembled)),
            Err((members, fault)) => Released::Suspended(members, fault),
        },
    }
}

/// Which sequence numbers are there, runs shortened: `have 1-3,5 last 5`.
fn have(members: &[HeldPartial]) -> String {
    let mut text = String::from("have ");
    let mut run: Option<(u32, u32)> = None;
    let mut write = |(from, to): (u32, u32)| {
        let comma = if text.len() > "have ".len() { "," } else { "" };
        // Writing to a string cannot fail.
        let _ = if from == to { write!(text, "{comma}{from}") } else { write!(text, "{comma}{from}-{to}") };
    };
    for sequence in members.iter().map(sequence_of) {
        run = match run {
            Some((from, to)) if to.checked_add(1) == Some(sequence) => Some((from, sequence)),
            Some(whole) => {
                write(whole);
                Some((sequence, sequence))
            }
            None => Some((sequence, sequence)),
        };
    }
    if let Some(whole) = run {
        write(whole);
    }
    match last_of(members) {
        Some(last) => format!("{text} last {last}"),
        None => format!("{text} no last"),
    }
}

#[cfg(test)]
mod tests;
