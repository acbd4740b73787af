//! A record shard: usage records of its slots through dedup, filter, assembly and guiding.
//! Relies on slices coming in the order of the schedule, and on claims from disk being read before it steps.
//! Never reads a disk or a clock: it says which claims it needs, and decides when it has them.

use crate::claims::{Claims, Known, Wanted};
use crate::fail;
use crate::intake::Parsed;
use crate::runs::{OtherRuns, Whole};
use crate::setup::Setup;
use crate::suspend::{put_suspense, suspend_member};
use crate::tally::Tally;
use crate::turn::Epoch;
use caudal_mediation::assemble::{self, Assembled, Assembler, Offered, OnGap, Released};
use caudal_mediation::dedup::{DeltaFull, Verdict, judge};
use caudal_mediation::guide::Guided;
use caudal_mediation::warm::load;
use caudal_usage::claim::Reach;
use caudal_usage::{Claim, Code, Fault, HeldPartial, Position, Run, Session, Slot, Turn, UsageRecord};
use caudal_wire::Encoder;
use caudal_wire::lines::write_duplicate;
use caudal_wire::record::{CLAIM_LEN, put_claim};
use caudal_wire::state::{put_session_closed, put_session_set};

mod other_runs;

/// Records whose claims are fetched together: their waits for memory overlap.
const WARM_BATCH: usize = 32;

/// A usage on its way to the account that pays.
#[derive(Clone, Copy, Debug)]
pub struct Routed {
    /// Its turn.
    pub turn: Turn,
    /// Where it stands.
    pub usage: UsageRef,
    /// Who pays.
    pub guided: Guided,
    /// For which run. The primary one decides what becomes of its records.
    pub run: Run,
}

/// Where a routed usage stands.
#[derive(Clone, Copy, Debug)]
pub enum UsageRef {
    /// Record `.1` of slice `.0`.
    Slice(u32, u32),
    /// Assembled usage of the record shard.
    Assembled(u32),
}

/// What a record shard did in one epoch.
#[derive(Debug, Default)]
pub struct RecordEffects {
    /// For each account shard its usages, in the order of their turns.
    pub routed: Vec<Vec<Routed>>,
    /// Assembled usages.
    pub assembled: Vec<Assembled>,
    /// New claims, stored form.
    pub claims: Encoder,
    /// Their number.
    pub claim_count: u32,
    /// Changes of sessions, stored form.
    pub sessions: Encoder,
    /// Their number.
    pub session_count: u32,
    /// Suspense lines.
    pub suspense: Vec<u8>,
    /// Duplicate lines.
    pub duplicates: Vec<u8>,
    /// What ended or waits here.
    pub tally: Tally,
    /// Records taken from the exchange and released by the assembler.
    pub took: u64,
    /// Records that ended here, wait here, or were given on.
    pub gave: u64,
    /// Records given on: a joined usage counts each of its partials.
    pub passed: u64,
    /// What was given to other runs.
    pub runs: OtherRuns,
    /// True when claims or sessions did not fit in memory: the epoch must not be committed.
    pub full: bool,
    /// Slots whose state changed.
    pub touched: [u64; 4],
}

/// A record shard.
pub struct RecordShard<'s> {
    setup: &'s Setup,
    index: usize,
    claims: Claims,
    assembler: Assembler,
}

impl<'s> RecordShard<'s> {
    /// An empty shard, number `index` of the setup's.
    pub fn new(setup: &'s Setup, index: usize) -> Self {
        Self { setup, index, claims: Claims::default(), assembler: Assembler::default() }
    }

    /// Takes a claim that was committed.
    pub fn restore_claim(&mut self, claim: Claim, reach: Reach) -> Result<(), DeltaFull> {
        self.claims.insert(claim, reach)
    }

    /// Takes an open session that was committed.
    pub fn restore_session(&mut self, session: Session) {
        self.assembler.restore(session);
    }

    /// Forgets a session that a commit closed.
    pub fn forget_session(&mut self, key: [u64; 2]) {
        self.assembler.forget(key);
    }

    /// The open sessions.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.assembler.sessions()
    }

    /// The claims in memory.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Hands out the claims in memory, to be written to runs.
    pub fn take_claims(&mut self) -> Claims {
        std::mem::take(&mut self.claims)
    }

    /// The claims that the epoch may need and that are not in memory.
    pub fn wanted(&self, slices: &[Parsed]) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for parsed in slices {
            let reach = self.reach(parsed);
            for batch in parsed.routes[self.index].chunks(WARM_BATCH) {
                let usages = || batch.iter().map(|&index| &parsed.records[index as usize]);
                self.claims.of(reach).warm(usages().map(|usage| &usage.claim.fingerprint));
                usages().for_each(|usage| self.want(parsed, (usage, reach), &mut wanted));
            }
        }
        wanted
    }

    /// Asks for the claims of one record that are not in memory: its own, and that of its session when it is joined.
    fn want(&self, parsed: &Parsed, (usage, reach): (&UsageRecord, Reach), wanted: &mut Vec<Wanted>) {
        let day = usage.claim.day;
        let joined = self.joins(parsed, usage).is_some();
        let keys = [Some((usage.claim.fingerprint, reach)), joined.then_some((usage.session, Reach::Window))];
        for (fingerprint, reach) in keys.into_iter().flatten() {
            if self.claims.of(reach).get(&fingerprint).is_none() {
                wanted.push(Wanted { fingerprint, reach, day });
            }
        }
    }

    /// The rule by which a record is joined with others. None for a record that is a whole session by itself, which
    /// most are: its key is claimed, and a stray later partial of it would wait, find a gap and be suspended.
    fn joins(&self, parsed: &Parsed, usage: &UsageRecord) -> Option<&'s assemble::Rule> {
        let rule = self.setup.sources[usize::from(parsed.slice.source)].assembly.as_ref()?;
        let partial = usage.partial?;
        let whole = partial.last && partial.sequence == rule.first_sequence;
        (!whole || self.assembler.session(usage.session).is_some()).then_some(rule)
    }

    fn reach(&self, parsed: &Parsed) -> Reach {
        let source = &self.setup.sources[usize::from(parsed.slice.source)];
        if source.format.key_rule().has_time { Reach::Day } else { Reach::Window }
    }

    /// Runs the epoch.
    pub fn step(&mut self, epoch: &Epoch<'_>, known: &Known) -> RecordEffects {
        let records: usize = epoch.slices.iter().map(|parsed| parsed.routes[self.index].len()).sum();
        let share = records / self.setup.shards;
        let routed = (0..self.setup.shards).map(|_| Vec::with_capacity(share)).collect();
        let mut effects = RecordEffects { routed, ..RecordEffects::default() };
        effects.claims.bytes.reserve(records * (1 + CLAIM_LEN));
        for (slice, parsed) in epoch.slices.iter().enumerate() {
            let reach = self.reach(parsed);
            for batch in parsed.routes[self.index].chunks(WARM_BATCH) {
                let usages = || batch.iter().map(|&index| &parsed.records[index as usize]);
                load(usages().map(|usage| usage.filter.is_some() ^ usage.partial.is_some()));
                self.claims.of(reach).warm(usages().map(|usage| &usage.claim.fingerprint));
                self.setup.reference.warm(usages());
                for &index in batch {
                    let usage = &parsed.records[index as usize];
                    let turn = Turn { block: parsed.slice.number, index: usage.at().record };
                    effects.took += 1;
                    let item =
                        Item { parsed, usage, reach, turn, place: UsageRef::Slice(slice as u32, index) };
                    Step { shard: self, epoch, known, effects: &mut effects }.dedup(&item);
                }
            }
            if let Some(watermark_ms) = parsed.timer_ms {
                let turn = Turn::end_of(parsed.slice.number);
                Step { shard: self, epoch, known, effects: &mut effects }.release(watermark_ms, turn);
            }
        }
        self.put_sessions(&mut effects);
        effects
    }

    fn put_sessions(&mut self, effects: &mut RecordEffects) {
        for key in self.assembler.take_changed() {
            effects.session_count += 1;
            touch(&mut effects.touched, Slot::of_hash(key[0]));
            match self.assembler.session(key) {
                Some(session) => put_session_set(&mut effects.sessions, session),
                None => put_session_closed(&mut effects.sessions, key),
            }
        }
    }
}

/// Marks a slot.
pub(crate) fn touch(bits: &mut [u64; 4], slot: Slot) {
    bits[usize::from(slot.0 / 64)] |= 1 << (slot.0 % 64);
}

/// A record and where it stands.
struct Item<'a> {
    parsed: &'a Parsed,
    usage: &'a UsageRecord,
    reach: Reach,
    turn: Turn,
    place: UsageRef,
}

/// The stages of a record shard, in order: each calls the next with what goes on.
struct Step<'a, 's, 'e> {
    shard: &'a mut RecordShard<'s>,
    epoch: &'a Epoch<'e>,
    known: &'a Known,
    effects: &'a mut RecordEffects,
}

impl Step<'_, '_, '_> {
    /// Exact dedup inside the window.
    fn dedup(&mut self, item: &Item<'_>) {
        for _ in 0..fail::times("dedup") {
            let claim = &item.usage.claim;
            if claim.day < item.parsed.floor_day {
                let found = caudal_usage::Date::from_days(claim.day).to_string();
                self.suspend(item, &Fault::new(Code::TooOld, "day", found.as_bytes()), None);
                continue;
            }
            let recent = self.shard.claims.of(item.reach).get(&claim.fingerprint);
            let known = recent.or_else(|| self.known.get(&claim.fingerprint));
            match judge(claim, known) {
                Verdict::New => {
                    self.claim(*claim, item.reach);
                    self.filter(item);
                }
                Verdict::Replay => {
                    self.row(item).replayed += 1;
                    self.effects.gave += 1;
                }
                Verdict::Duplicate { first } => self.duplicate(item, first),
                Verdict::Conflict { first } => {
                    let found = format!("other values than record {} of file {}", first.record, first.file.0);
                    let fault = Fault::new(Code::KeyConflict, "billed", found.as_bytes());
                    self.suspend(item, &fault, Some(first));
                }
            }
        }
    }

    fn claim(&mut self, claim: Claim, reach: Reach) {
        self.effects.full |= self.shard.claims.insert(claim, reach).is_err();
        self.effects.claims.u8(u8::from(reach == Reach::Window));
        put_claim(&mut self.effects.claims, &claim);
        self.effects.claim_count += 1;
        touch(&mut self.effects.touched, claim.slot);
    }

    /// Drops what is known not to be billed, under its code.
    fn filter(&mut self, item: &Item<'_>) {
        for _ in 0..fail::times("filter") {
            match self.shard.setup.billable.filter(item.usage) {
                Some(code) => {
                    self.row(item).add_code(code);
                    self.effects.gave += 1;
                    self.filtered(item);
                }
                None => self.assemble(item),
            }
        }
    }

    /// Joins partial records of a session.
    fn assemble(&mut self, item: &Item<'_>) {
        let Some(rule) = self.shard.joins(item.parsed, item.usage) else {
            for _ in 0..fail::times("assemble") {
                self.guide(item);
            }
            return;
        };
        let session = &item.usage.session;
        if self.shard.claims.window.get(session).or_else(|| self.known.get(session)).is_some() {
            let fault = Fault::new(Code::LatePartial, "session", b"the session was closed before");
            return self.suspend(item, &fault, None);
        }
        for _ in 0..fail::times("assemble") {
            let raw = self.epoch.raw(item.parsed, item.usage);
            match self.shard.assembler.offer(item.usage.clone(), raw, rule, item.parsed.watermark_ms) {
                Ok(Offered::Refused(_, fault)) => self.suspend(item, &fault, None),
                Ok(offered) => {
                    // A closing partial never waits; counting it as held keeps one way out of the assembler.
                    self.row(item).held += 1;
                    self.effects.gave += 1;
                    match offered {
                        Offered::Held | Offered::Refused(..) => {}
                        Offered::Complete(assembled) => self.joined(*assembled, item.turn),
                        Offered::Suspended(members, fault) => self.broken(&members, &fault, item.turn),
                    }
                }
                Err(_) => self.effects.full = true,
            }
        }
    }

    /// Sessions whose longest hold is over.
    fn release(&mut self, watermark_ms: i64, turn: Turn) {
        let sources = &self.shard.setup.sources;
        let on_gap = |source: u16| {
            let rule = sources.get(usize::from(source)).and_then(|source| source.assembly.as_ref());
            rule.map_or(OnGap::Suspend, |rule| rule.on_gap)
        };
        for released in self.shard.assembler.release(watermark_ms, on_gap) {
            match released {
                Released::Rated(assembled) => self.joined(*assembled, turn),
                Released::Suspended(members, fault) => self.broken(&members, &fault, turn),
            }
        }
    }

    /// A session that cannot become a usage.
    fn broken(&mut self, members: &[HeldPartial], fault: &Fault, turn: Turn) {
        self.close(members, turn);
        self.suspend_members(members, fault, turn);
    }

    /// A joined usage leaves the assembler.
    fn joined(&mut self, assembled: Assembled, turn: Turn) {
        self.close(&assembled.members, turn);
        match self.shard.setup.reference.guide(&assembled.usage) {
            Ok(guided) => {
                let place = UsageRef::Assembled(self.effects.assembled.len() as u32);
                let records = assembled.members.len() as u64;
                let whole = Whole { usage: &assembled.usage, members: &assembled.members, raw: &[] };
                let others = self.other_payers(&whole, guided);
                self.effects.assembled.push(assembled);
                for _ in 0..fail::times("join") {
                    self.pass(Routed { turn, usage: place, guided, run: Run::Retail }, records);
                }
                self.pass_others((turn, place), others);
            }
            Err(fault) => self.suspend_members(&assembled.members, &fault, turn),
        }
    }

    /// Members wait no longer, and their session is claimed as closed, so that a late partial is recognised.
    fn close(&mut self, members: &[HeldPartial], turn: Turn) {
        self.effects.took += members.len() as u64;
        for member in members {
            let at = member.record.at();
            let side = self.epoch.side(at.file, turn);
            self.effects.tally.row(at.file, member.record.claim.day, side).held -= 1;
        }
        if let Some(first) = members.first() {
            let closed = Claim { fingerprint: first.record.session, billed: 0, ..first.record.claim };
            self.claim(closed, Reach::Window);
        }
    }

    /// Finds who pays at the chargeable start.
    fn guide(&mut self, item: &Item<'_>) {
        for _ in 0..fail::times("guide") {
            match self.shard.setup.reference.guide(item.usage) {
                Ok(guided) => {
                    let Item { turn, place: usage, .. } = *item;
                    self.pass(Routed { turn, usage, guided, run: Run::Retail }, 1);
                    self.give_others(item, guided);
                }
                Err(fault) => self.suspend(item, &fault, None),
            }
        }
    }

    fn pass(&mut self, routed: Routed, records: u64) {
        self.effects.gave += records;
        self.effects.passed += records;
        for _ in 0..fail::times("exchange") {
            self.push(routed);
        }
    }

    /// Puts a usage on its way to the shard of the account that pays.
    fn push(&mut self, routed: Routed) {
        let slot = self.shard.setup.reference.slot(routed.guided.account_key);
        self.effects.routed[slot.shard(self.shard.setup.shards)].push(routed);
    }

    fn row(&mut self, item: &Item<'_>) -> &mut caudal_usage::Counts {
        let at = item.usage.at();
        let side = self.epoch.side(at.file, item.turn);
        self.effects.tally.row(at.file, item.usage.claim.day, side)
    }

    fn duplicate(&mut self, item: &Item<'_>, first: Position) {
        self.row(item).duplicate += 1;
        self.effects.gave += 1;
        let (at, first) = (self.epoch.place(item.usage.at()), self.epoch.place(first));
        write_duplicate(&mut self.effects.duplicates, &at, &first);
    }

    fn suspend(&mut self, item: &Item<'_>, fault: &Fault, first: Option<Position>) {
        self.row(item).add_code(fault.code);
        self.effects.gave += 1;
        let raw = self.epoch.raw(item.parsed, item.usage);
        put_suspense(&mut self.effects.suspense, self.epoch, (item.usage, raw), (Run::Retail, fault), first);
    }

    fn suspend_members(&mut self, members: &[HeldPartial], fault: &Fault, turn: Turn) {
        self.effects.gave += members.len() as u64;
        for member in members {
            suspend_member(
                &mut self.effects.tally,
                &mut self.effects.suspense,
                self.epoch,
                (member, fault, turn),
            );
        }
    }
}
