//! The story of the traffic, record by record: fresh usage, repeated deliveries, partial records, damage; and with
//! each what must become of it. Relies on the order of records being the order in which they will be read.
//! Never holds more than the open sessions, a sample of past records and the balances.

use crate::manifest::Tally;
use crate::numbering::{self, Prefixes};
use crate::options::Options;
use crate::past::Past;
use crate::random::Random;
use crate::reckon::Reckoning;
use crate::row::{Cause, Item, Row, Service};
use crate::session::{Open, Session};
use crate::turn::{self, ALWAYS, Element, FIRST_CALL, Turn};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Where the traffic begins: 2026-09-01T00:00:00Z.
pub const BASE_S: i64 = 1_788_220_800;

/// How long it lasts: 40 days.
pub const SPAN_S: i64 = 40 * 86_400;

/// How far a record may come behind the traffic of its time.
const DISORDER_S: u64 = 3_600;

/// An instant no file can have arrived after: 2099-12-31T00:00:00Z.
pub const FUTURE_S: i64 = 4_102_358_400;

/// Records of the smallest file. In the second half of a larger set at least one file was read.
const FLOOR_FROM_RECORDS: u64 = 10;

/// Fewer records than this over the whole span would leave partials a day apart, longer than sessions are held.
const SESSIONS_FROM_RECORDS: u64 = 1_000;

/// Tells the story. Iterate it to its end, then take the tally.
pub struct Script {
    element: Element,
    records: u64,
    subscriptions: u32,
    duplicates: u32,
    damaged: u32,
    prefixes: Prefixes,
    random: Random,
    index: u64,
    always: Vec<(u64, Turn)>,
    next_call: u64,
    calls_abroad: u64,
    open: BinaryHeap<Reverse<Open>>,
    sessions: Vec<Session>,
    free_slots: Vec<usize>,
    past: Past,
    tally: Tally,
    reckoning: Reckoning,
}

impl Script {
    /// The story that the options tell of an element.
    pub fn new(options: &Options, element: Element) -> Self {
        let sessions = options.records >= SESSIONS_FROM_RECORDS;
        let last = options.records - 1;
        let place = |thousandths: u64| (options.records * thousandths / 1_000).min(last);
        let always = ALWAYS.iter().rev();
        let always = always.filter(|(_, turn)| element.can(*turn));
        let always = always.filter(|(_, turn)| sessions || !matches!(turn, Turn::Session | Turn::GapSession));
        Self {
            element,
            records: options.records,
            subscriptions: options.subscriptions,
            duplicates: options.duplicates.0,
            damaged: options.damaged.0,
            prefixes: Prefixes::new(options.prefixes),
            random: Random::new(options.seed, 0),
            index: 0,
            always: always.map(|&(thousandths, turn)| (place(thousandths), turn)).collect(),
            next_call: FIRST_CALL,
            calls_abroad: 0,
            open: BinaryHeap::new(),
            sessions: Vec::new(),
            free_slots: Vec::new(),
            past: Past::new(options.records),
            tally: Tally::default(),
            reckoning: Reckoning::new(options.subscriptions),
        }
    }

    /// What must come out, once the story is told. Sessions that are still open are held, but for those that miss a
    /// part since long ago.
    pub fn finish(mut self) -> (Tally, Reckoning) {
        while let Some(Reverse(open)) = self.open.pop() {
            let session = self.sessions[open.slot];
            if session.gap {
                self.tally.suspend("gap", u64::from(session.emitted));
            } else {
                self.tally.held += u64::from(session.emitted);
            }
        }
        (self.tally, self.reckoning)
    }

    fn turn(&mut self) -> Turn {
        if self.always.last().is_some_and(|(place, _)| *place <= self.index)
            && let Some((_, turn)) = self.always.pop()
        {
            return turn;
        }
        if self.open.peek().is_some_and(|Reverse(open)| open.due <= self.index) {
            return Turn::Continue;
        }
        let mut draw = u32::try_from(self.random.below(1_000_000)).unwrap_or(0);
        // Only once a whole file was read, and so the floor of the dedup window is known.
        let late = self.index > self.records / 2 && self.index >= FLOOR_FROM_RECORDS;
        let shares = [
            (self.duplicates / 2, Turn::DuplicateRecent),
            (self.duplicates - self.duplicates / 2, Turn::DuplicateOld),
            (self.damaged, Turn::Broken),
            (200, Turn::Conflict),
            (if late { 200 } else { 0 }, Turn::TooOld),
            (50, Turn::Future),
            (2_000, Turn::NoSubscription),
            (1_000, Turn::NoRate),
        ];
        for (share, turn) in shares {
            let share = if self.element.can(turn) { share } else { 0 };
            if draw < share {
                return turn;
            }
            draw -= share;
        }
        Turn::Fresh
    }

    fn tell(&mut self, turn: Turn) -> Item {
        match turn {
            Turn::Fresh => self.fresh(),
            Turn::Call(service) => {
                let row = self.usage(service);
                self.rated(row)
            }
            Turn::Unanswered => {
                let row = Row { cause: Cause::Unsuccessful, quantity: 0, ..self.usage(Service::Voice) };
                self.tally.filter("unanswered", 1);
                self.seen(row)
            }
            Turn::Test => {
                let row = Row { test: true, ..self.usage(Service::Voice) };
                self.tally.filter("not_billable", 1);
                self.seen(row)
            }
            Turn::ZeroDuration => {
                let row = Row { quantity: 0, ..self.usage(Service::Voice) };
                self.tally.filter("zero_duration", 1);
                self.seen(row)
            }
            Turn::Session => self.open_session(SessionKind::Whole),
            Turn::GapSession => self.open_session(SessionKind::Gap),
            Turn::Continue => self.continue_session(),
            Turn::DuplicateRecent | Turn::DuplicateOld => self.duplicate(turn),
            Turn::Conflict => self.conflict(),
            Turn::TooOld => {
                let age_s = 120 * 86_400 - i64::try_from(self.random.below(20 * 86_400)).unwrap_or(0);
                let row = Row { start_s: BASE_S - age_s, ..self.main_usage() };
                self.suspended("too_old", row)
            }
            Turn::Future => {
                let row = Row { start_s: self.element.future_s(), ..self.main_usage() };
                self.suspended("event_in_future", row)
            }
            Turn::NoSubscription => {
                let calling = 700_000_000 + self.random.below(100_000_000);
                self.tally.suspend("no_subscription", 1);
                let row = Row { calling, ..self.main_usage() };
                self.seen(row)
            }
            Turn::NoRate => {
                let row = self.usage(Service::Voice);
                let row = Row { called: Prefixes::nowhere(&mut self.random), ..row };
                self.tally.suspend("no_rate", 1);
                self.seen(row)
            }
            Turn::Broken => {
                let ways = self.element.damage();
                let way = usize::try_from(self.random.below(ways.len() as u64)).unwrap_or(0);
                self.tell(Turn::Damaged(ways[way]))
            }
            Turn::Damaged(damage) => {
                let row = self.main_usage();
                self.tally.suspend(damage.code(), 1);
                Item { row, damage: Some(damage) }
            }
        }
    }

    /// Usage of the element's usual mix.
    fn fresh(&mut self) -> Item {
        let draw = self.random.below(1_000);
        let turn = match self.element {
            Element::Mobile => self.mobile(draw),
            Element::Pbx => match draw {
                0..150 => Turn::Unanswered,
                150..165 => Turn::Test,
                165..190 => Turn::ZeroDuration,
                _ => Turn::Call(Service::Voice),
            },
            Element::Gateway => Turn::Call(Service::Data),
        };
        self.tell(turn)
    }

    /// 60 % calls, 30 % data, 10 % messages.
    fn mobile(&mut self, draw: u64) -> Turn {
        match draw {
            0..48 => Turn::Unanswered,
            48..51 => Turn::Test,
            51..57 if self.records >= SESSIONS_FROM_RECORDS => {
                let gap = self.index < self.records / 2 && self.random.chance(2_000);
                if gap { Turn::GapSession } else { Turn::Session }
            }
            57..600 => Turn::Call(Service::Voice),
            600..900 => Turn::Call(Service::Data),
            _ => Turn::Call(Service::Sms),
        }
    }

    fn usage(&mut self, service: Service) -> Row {
        let step = self.random.zipf(u64::from(self.subscriptions));
        let subscription = numbering::scatter(step, self.subscriptions);
        let now_s = BASE_S + scaled(self.index, SPAN_S.unsigned_abs(), self.records);
        let behind_s = i64::try_from(self.random.below(DISORDER_S)).unwrap_or(0);
        let called = if service == Service::Data || self.random.chance(600_000) {
            Prefixes::national(&mut self.random)
        } else {
            // One after the other, so that all are used as soon as there are enough calls.
            self.calls_abroad += 1;
            let index = numbering::scatter(self.calls_abroad, self.prefixes.abroad());
            self.prefixes.number(self.prefixes.get(index), &mut self.random)
        };
        let quantity = match service {
            Service::Voice => 1 + self.random.zipf(3_600),
            Service::Sms => 1,
            Service::Data => 1_000 + self.random.zipf(1 << 16) * 4_096 + self.random.below(4_096),
        };
        let salt = self.random.next();
        self.next_call += 1;
        Row {
            node: u8::try_from(1 + self.random.below(16)).unwrap_or(1),
            call: self.next_call,
            sequence: 1,
            service,
            cause: Cause::Normal,
            test: false,
            start_s: now_s - behind_s,
            quantity,
            subscription,
            calling: numbering::msisdn(subscription),
            called,
            salt,
        }
    }

    /// Usage of the service that the element tells of above all.
    fn main_usage(&mut self) -> Row {
        self.usage(self.element.service())
    }

    fn rated(&mut self, row: Row) -> Item {
        self.tally.rated += 1;
        if self.element == Element::Gateway {
            // Each container at its own time, in the order of the record.
            for part in row.parts() {
                self.reckoning.charge(&Row { start_s: part.start_s, ..row }, part.octets);
            }
        } else {
            self.reckoning.charge(&row, row.quantity);
        }
        self.seen(row)
    }

    /// A record that dedup lets pass, so that another delivery of it is a duplicate.
    fn seen(&mut self, row: Row) -> Item {
        self.past.remember(row, &mut self.random);
        Item { row, damage: None }
    }

    /// A record that dedup refuses, or that does not get there.
    fn suspended(&mut self, code: &'static str, row: Row) -> Item {
        self.tally.suspend(code, 1);
        Item { row, damage: None }
    }

    fn duplicate(&mut self, turn: Turn) -> Item {
        let Some(row) = self.past.pick(turn == Turn::DuplicateOld, &mut self.random) else {
            return self.tell(Turn::Call(self.element.service()));
        };
        self.tally.duplicate += 1;
        Item { row, damage: None }
    }

    /// The key of a known call with one second more.
    fn conflict(&mut self) -> Item {
        for _ in 0..32 {
            let known = self.past.pick(false, &mut self.random);
            if let Some(row) = known.filter(|row| self.can_conflict(row)) {
                return self.suspended("key_conflict", Row { quantity: row.quantity + 1, ..row });
            }
        }
        self.tell(Turn::Call(self.element.service()))
    }

    /// True for a call whose record keeps its identity when its quantity changes.
    fn can_conflict(&self, row: &Row) -> bool {
        let numbered = || turn::columns(row.call, self.records) >= turn::NUMBERED_COLUMNS;
        // A PBX that gives seconds to a call without an answer contradicts itself: another outcome.
        let call = row.service == self.element.service() && row.quantity > 0;
        call && (self.element != Element::Pbx || numbered())
    }

    fn open_session(&mut self, kind: SessionKind) -> Item {
        let gap = kind == SessionKind::Gap;
        let parts = if gap { 3 } else { u32::try_from(2 + self.random.below(3)).unwrap_or(2) };
        let mut row = Row { cause: Cause::Partial, ..self.usage(Service::Voice) };
        row.quantity = self.part_s();
        let session = Session { first: row, last: row, parts, emitted: 1, total: row.quantity, gap };
        let slot = self.free_slots.pop().unwrap_or(self.sessions.len());
        if slot == self.sessions.len() {
            self.sessions.push(session);
        } else {
            self.sessions[slot] = session;
        }
        self.await_next(slot);
        self.seen(row)
    }

    fn part_s(&mut self) -> u64 {
        300 + self.random.below(1_500)
    }

    /// The next partial record comes when the traffic has reached its end.
    fn await_next(&mut self, slot: usize) {
        let last = self.sessions[slot].last;
        let end_s = last.start_s + i64::try_from(last.quantity).unwrap_or(0) + 1_800;
        let since_s = (end_s - BASE_S).max(0).unsigned_abs();
        let due = scaled(since_s, self.records, SPAN_S.unsigned_abs()).unsigned_abs().max(self.index + 1);
        self.open.push(Reverse(Open { due, call: last.call, slot }));
    }

    fn continue_session(&mut self) -> Item {
        let Some(Reverse(open)) = self.open.pop() else {
            return self.tell(Turn::Call(self.element.service()));
        };
        let quantity = self.part_s();
        let salt = self.random.next();
        let session = &mut self.sessions[open.slot];
        let step = if session.gap { 2 } else { 1 };
        let sequence = session.last.sequence + step;
        let closes = sequence == session.parts;
        session.last = Row {
            sequence,
            cause: if closes { Cause::Normal } else { Cause::Partial },
            start_s: session.last.start_s + i64::try_from(session.last.quantity).unwrap_or(0),
            quantity,
            salt,
            ..session.last
        };
        session.emitted += 1;
        session.total += quantity;
        let session = *session;
        if !closes {
            self.await_next(open.slot);
        } else {
            self.free_slots.push(open.slot);
            self.close_session(&session);
        }
        self.seen(session.last)
    }

    fn close_session(&mut self, session: &Session) {
        if session.gap {
            self.tally.suspend("gap", u64::from(session.emitted));
            return;
        }
        self.tally.rated += 1;
        self.tally.merged += u64::from(session.emitted - 1);
        self.reckoning.charge(&session.first, session.total);
    }
}

impl Iterator for Script {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        if self.index == self.records {
            return None;
        }
        let turn = self.turn();
        let item = self.tell(turn);
        self.index += 1;
        self.tally.records_in += 1;
        Some(item)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SessionKind {
    Whole,
    Gap,
}

/// `value × times ÷ by`, which fits.
fn scaled(value: u64, times: u64, by: u64) -> i64 {
    let wide = u128::from(value) * u128::from(times) / u128::from(by);
    i64::try_from(wide).unwrap_or(i64::MAX)
}
