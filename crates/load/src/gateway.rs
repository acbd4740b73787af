//! The story of packet gateways, record by record: bearers with containers, repeated deliveries, damage; and with each
//! what must become of it. Relies on the order of records being the order in which they will be read.
//! Never asks a rater: amounts come from the reckoning, container by container.

use crate::cdr::{CONTAINERS, Cdr, Container, Damage, GATEWAYS, Lists};
use crate::manifest::Tally;
use crate::numbering::{self, STRANGER_IMSI};
use crate::options::Options;
use crate::random::Random;
use crate::reckon::Reckoning;
use crate::script::{BASE_S, SPAN_S};
use crate::tariff::{CHAT, VIDEO};

/// Rating groups: by tiers, by hours, free.
pub const GROUPS: [u32; 3] = [10, VIDEO, CHAT];

/// Furthest that a record may come behind the traffic of its time.
const DISORDER_S: u64 = 3_600;

/// An instant no file can have arrived after: 2060-01-01T00:00:00Z. Years have two digits and end at 2069.
const FUTURE_S: i64 = 2_840_140_800;

/// Open bearers that go on with another record.
const BEARERS: usize = 512;

/// Records that may be delivered again.
const PAST: usize = 4_096;

/// Records of the smallest file. In the second half of a larger set at least one file was read.
const FLOOR_FROM_RECORDS: u64 = 10;

/// What happens at one place of the story.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turn {
    Usage,
    Duplicate,
    Damaged(Damage),
    Conflict,
    TooOld,
    Future,
    NoSubscription,
    /// Records that never came: the running number of the gateway jumps.
    Lost,
}

/// Turns that every set has, by place in thousandths of the whole.
const ALWAYS: [(u64, Turn); 13] = [
    (100, Turn::NoSubscription),
    (140, Turn::Damaged(Damage::BadDate)),
    (150, Turn::Damaged(Damage::MissingOpening)),
    (160, Turn::Damaged(Damage::Twice)),
    (170, Turn::Damaged(Damage::Contradictory)),
    (180, Turn::Damaged(Damage::Overflow)),
    (190, Turn::Damaged(Damage::Cut)),
    (200, Turn::Duplicate),
    (300, Turn::Conflict),
    (400, Turn::Future),
    (500, Turn::Lost),
    (600, Turn::Duplicate),
    (700, Turn::TooOld),
];

/// Tells the story. Iterate it to its end, then take the tally.
pub struct Story {
    records: u64,
    subscriptions: u32,
    duplicates: u32,
    damaged: u32,
    random: Random,
    index: u64,
    always: Vec<(u64, Turn)>,
    next_charging_id: u32,
    running: [u32; GATEWAYS],
    open: Vec<Cdr>,
    past: Vec<Cdr>,
    tally: Tally,
    reckoning: Reckoning,
}

impl Story {
    /// The story that the options tell.
    pub fn new(options: &Options) -> Self {
        let last = options.records - 1;
        let place = |thousandths: u64| (options.records * thousandths / 1_000).min(last);
        Self {
            records: options.records,
            subscriptions: options.subscriptions,
            duplicates: options.duplicates.0,
            damaged: options.damaged.0,
            random: Random::new(options.seed, 2),
            index: 0,
            always: ALWAYS.iter().rev().map(|&(thousandths, turn)| (place(thousandths), turn)).collect(),
            next_charging_id: 0xFFFF_F000,
            // One of them wraps early in the story.
            running: [1, 4_294_967_290, 70_000, 2_147_483_640],
            open: Vec::with_capacity(BEARERS),
            past: Vec::with_capacity(PAST),
            tally: Tally::default(),
            reckoning: Reckoning::new(options.subscriptions),
        }
    }

    /// What must come out, once the story is told.
    pub fn finish(self) -> (Tally, Reckoning) {
        (self.tally, self.reckoning)
    }

    /// Where in the traffic the story is, seconds since 1970.
    pub fn now_s(&self) -> i64 {
        let done = u128::from(self.index) * u128::from(SPAN_S.unsigned_abs()) / u128::from(self.records);
        BASE_S + i64::try_from(done).unwrap_or(0)
    }

    fn turn(&mut self) -> Turn {
        if self.always.last().is_some_and(|(place, _)| *place <= self.index)
            && let Some((_, turn)) = self.always.pop()
        {
            return turn;
        }
        let mut draw = u32::try_from(self.random.below(1_000_000)).unwrap_or(0);
        // Only once a whole file was read, and so the floor of the dedup window is known.
        let late = self.index > self.records / 2 && self.index >= FLOOR_FROM_RECORDS;
        let way = usize::try_from(self.random.below(Damage::ALL.len() as u64)).unwrap_or(0);
        let shares = [
            (self.duplicates, Turn::Duplicate),
            (self.damaged, Turn::Damaged(Damage::ALL[way])),
            (200, Turn::Conflict),
            (if late { 200 } else { 0 }, Turn::TooOld),
            (50, Turn::Future),
            (2_000, Turn::NoSubscription),
            (100, Turn::Lost),
        ];
        for (share, turn) in shares {
            if draw < share {
                return turn;
            }
            draw -= share;
        }
        Turn::Usage
    }

    fn tell(&mut self, turn: Turn) -> (Cdr, Option<Damage>) {
        match turn {
            Turn::Usage => self.rated(),
            Turn::Lost => {
                let gateway = usize::try_from(self.random.below(GATEWAYS as u64)).unwrap_or(0);
                self.running[gateway] = self.running[gateway].wrapping_add(3);
                self.rated()
            }
            Turn::Duplicate => match self.pick() {
                Some(cdr) => {
                    self.tally.duplicate += 1;
                    (cdr, None)
                }
                None => self.rated(),
            },
            Turn::Conflict => match self.pick() {
                Some(mut cdr) => {
                    cdr.containers[0].down += 1;
                    self.suspended("key_conflict", cdr)
                }
                None => self.rated(),
            },
            Turn::Damaged(damage) => {
                let cdr = Cdr { lists: Lists::Flows, ..self.record() };
                self.tally.suspend(damage.code(), 1);
                (cdr, Some(damage))
            }
            Turn::TooOld => {
                let age_s = 120 * 86_400 - i64::try_from(self.random.below(20 * 86_400)).unwrap_or(0);
                let cdr = self.record();
                self.suspended("too_old", moved(cdr, BASE_S - age_s))
            }
            Turn::Future => {
                let cdr = self.record();
                self.suspended("event_in_future", moved(cdr, FUTURE_S))
            }
            Turn::NoSubscription => {
                let msisdn = 700_000_000 + self.random.below(100_000_000);
                let cdr = Cdr { msisdn, imsi: STRANGER_IMSI + msisdn, ..self.record() };
                self.tally.suspend("no_subscription", 1);
                (self.seen(cdr), None)
            }
        }
    }

    fn suspended(&mut self, code: &'static str, cdr: Cdr) -> (Cdr, Option<Damage>) {
        self.tally.suspend(code, 1);
        (cdr, None)
    }

    fn rated(&mut self) -> (Cdr, Option<Damage>) {
        let cdr = self.record();
        self.tally.rated += 1;
        for container in &cdr.containers[..cdr.count] {
            let group = (cdr.lists != Lists::Bearers).then_some(container.group);
            self.reckoning.container(
                cdr.subscription,
                container.from_s,
                (group, container.up + container.down),
            );
        }
        if !cdr.last {
            put(&mut self.open, (BEARERS, &mut self.random), cdr);
        }
        (self.seen(cdr), None)
    }

    /// A record that dedup lets pass, so that another delivery of it is a duplicate.
    fn seen(&mut self, cdr: Cdr) -> Cdr {
        put(&mut self.past, (PAST, &mut self.random), cdr);
        cdr
    }

    fn pick(&mut self) -> Option<Cdr> {
        let place = self.random.below((self.past.len() as u64).max(1));
        self.past.get(usize::try_from(place).unwrap_or(0)).copied()
    }

    /// The next record of an open bearer, or the first of a new one.
    fn record(&mut self) -> Cdr {
        let behind_s = i64::try_from(self.random.below(DISORDER_S)).unwrap_or(0);
        let closed_s = self.now_s() - behind_s;
        let duration_s = 60 + self.random.zipf(3_600);
        let opened_s = closed_s - i64::try_from(duration_s).unwrap_or(0);
        let known = usize::try_from(self.random.below(3 * BEARERS as u64)).unwrap_or(0);
        let salt = self.random.next();
        let mut cdr = match (known < self.open.len()).then(|| self.open.swap_remove(known)) {
            Some(open) => Cdr { sequence: open.sequence + 1, ..open },
            None => self.bearer(),
        };
        // One without a place among others is the only one of its bearer.
        cdr.last = salt.is_multiple_of(3) || cdr.sequence == 0;
        cdr.salt = salt;
        (cdr.opened_s, cdr.duration_s) = (opened_s, u32::try_from(duration_s).unwrap_or(60));
        cdr.local_sequence = self.running[cdr.gateway];
        self.running[cdr.gateway] = cdr.local_sequence.wrapping_add(1);
        cdr.lists = match salt / 3 % 20 {
            0..3 => Lists::Bearers,
            3..5 => Lists::Both,
            _ => Lists::Flows,
        };
        self.fill(&mut cdr);
        cdr
    }

    fn bearer(&mut self) -> Cdr {
        let step = self.random.zipf(u64::from(self.subscriptions));
        let subscription = numbering::scatter(step, self.subscriptions);
        self.next_charging_id = self.next_charging_id.wrapping_add(1);
        Cdr {
            gateway: usize::try_from(self.random.below(GATEWAYS as u64)).unwrap_or(0),
            charging_id: self.next_charging_id,
            sequence: u32::from(!self.random.chance(400_000)),
            local_sequence: 0,
            subscription,
            msisdn: numbering::msisdn(subscription),
            imsi: numbering::imsi(subscription),
            opened_s: 0,
            duration_s: 0,
            last: false,
            lists: Lists::Flows,
            containers: [Container::default(); CONTAINERS],
            count: 0,
            salt: 0,
        }
    }

    /// Containers over the time of the record: cut at a few instants, at each of which one or two groups report.
    fn fill(&mut self, cdr: &mut Cdr) {
        let bearers = cdr.lists == Lists::Bearers;
        let end_s = cdr.opened_s + i64::from(cdr.duration_s);
        cdr.count = usize::try_from(1 + self.random.below(CONTAINERS as u64)).unwrap_or(1);
        let count = i64::try_from(cdr.count).unwrap_or(1);
        let mut closed = [cdr.opened_s; GROUPS.len()];
        for (place, container) in (1..).zip(&mut cdr.containers[..cdr.count]) {
            let draw = if bearers { 0 } else { usize::try_from(self.random.below(5)).unwrap_or(0) };
            let group = [0, 0, 0, 1, 2][draw];
            let to_s = cdr.opened_s + (end_s - cdr.opened_s) * place / count;
            let since_s = closed[group];
            closed[group] = to_s;
            let says_start = !bearers && cdr.lists == Lists::Flows && self.random.chance(700_000);
            let late_s =
                if says_start { self.random.below(20).min((to_s - since_s).unsigned_abs()) } else { 0 };
            let octets = 1_000 + self.random.zipf(1 << 16) * 4_096 + self.random.below(4_096);
            *container = Container {
                from_s: since_s + i64::try_from(late_s).unwrap_or(0),
                to_s,
                up: octets / 9,
                down: octets - octets / 9,
                group: GROUPS[group],
                says_start,
            };
        }
    }
}

/// The same record at another time.
fn moved(mut cdr: Cdr, opened_s: i64) -> Cdr {
    let by_s = opened_s - cdr.opened_s;
    cdr.opened_s = opened_s;
    for container in &mut cdr.containers {
        container.from_s += by_s;
        container.to_s += by_s;
    }
    cdr
}

/// Fills up to a bound, then replaces any.
fn put(list: &mut Vec<Cdr>, (bound, random): (usize, &mut Random), cdr: Cdr) {
    if list.len() < bound {
        list.push(cdr);
        return;
    }
    let place = usize::try_from(random.below(bound as u64)).unwrap_or(0);
    list[place] = cdr;
}

impl Iterator for Story {
    type Item = (Cdr, Option<Damage>);

    fn next(&mut self) -> Option<Self::Item> {
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
