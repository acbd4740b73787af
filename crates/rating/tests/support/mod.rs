//! A plan text and a usage in a few words, for tests.
//! Relies on the public interface only: the plan is compiled, the usage is rated.
//! Never shared with the crate itself.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses its part; what tests share fails as they do"
)]

use caudal_rating::{AccountBalances, CloseInput, Rater, RatingInput};
use caudal_tariff::{SourceFile, Sources, Tariff, compile};
use caudal_usage::record::ByteSpan;
use caudal_usage::{
    Account, Claim, Code, CounterId, Currency, CycleAnchor, Date, Digits, Direction, Fault, FileOrdinal,
    Identity, Owner, Part, Party, Position, RecordType, Role, Run, Served, Service, Slot, Subscription,
    TimeZone, Timestamp, UsageRecord, Validity,
};

pub const HEAD: &str = "id = \"p\"\nname = \"P\"\ncurrency = \"EUR\"\nvalid_from = 2000-01-01\n";

pub const ZONES: &str = "prefix,zone,valid_from,valid_to\n34,es,,\n33,fr,,\n336,fr-mobile,,\n44,uk,,\n";

/// 34600 is ours, but for one ported number; 112 is an emergency, 34806 premium.
pub const NUMBERS: &str =
    "prefix,on_net,special\n34600,yes,\n34600111222,no,\n112,,emergency\n34806,,premium\n";

pub fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.into(), bytes: text.into() }
}

/// A tariff of one plan `p`, written as its rates and allowances.
pub fn tariff(body: &str) -> Tariff {
    tariff_of(&[("plans/p.toml", &format!("{HEAD}{body}"))])
}

/// A tariff of plans and of rate tables, told apart by their paths.
pub fn tariff_of(files: &[(&str, &str)]) -> Tariff {
    let of = |end: &str| -> Vec<SourceFile> {
        files.iter().filter(|(path, _)| path.ends_with(end)).map(|(path, text)| file(path, text)).collect()
    };
    let holidays = "calendar,date\nes,2026-10-12\n";
    let sources = Sources {
        plans: of(".toml"),
        tables: of(".csv"),
        zones: Some(file("zones.csv", ZONES)),
        holidays: Some(file("holidays.csv", holidays)),
        networks: Some(file("networks.csv", "network,zone\n214,home\n21407,home\n208,eu\n310,usa\n")),
        numbers: Some(file("numbers.csv", NUMBERS)),
        exchange: Some(file("exchange.csv", "from,to,rate,valid_from,valid_to\nUSD,EUR,0.91,,\n")),
    };
    let (tariff, findings) = compile(&sources);
    let text: Vec<_> = findings.iter().map(ToString::to_string).collect();
    tariff.unwrap_or_else(|| panic!("{}", text.join("\n")))
}

pub fn account(zone: &str, anchor: u8) -> Account {
    Account {
        id: "A-1".into(),
        currency: Currency::parse("EUR").unwrap(),
        time_zone: TimeZone::parse(zone).unwrap(),
        anchor: CycleAnchor(anchor),
        validity: Validity::ALWAYS,
    }
}

pub fn subscription(plan: u32) -> Subscription {
    Subscription {
        id: "S-1".into(),
        index: 0,
        account: 0,
        plan,
        msisdn: Digits::default(),
        imsi: Digits::default(),
        validity: Validity::ALWAYS,
        group: 0,
    }
}

pub fn usage(service: Service, start: Timestamp, quantity: i64) -> UsageRecord {
    let end = if service == Service::Voice { start.plus_ms(quantity.clamp(0, 1 << 50)) } else { start };
    UsageRecord {
        claim: Claim {
            fingerprint: [0; 2],
            billed: 0,
            at: Position { file: FileOrdinal(0), record: 1 },
            day: 0,
            slot: Slot(0),
            attempt: 0,
        },
        identity: Identity(7),
        session: [0; 2],
        partial: None,
        bytes: ByteSpan::default(),
        source: 0,
        filter: None,
        record_type: match service {
            Service::Voice => RecordType::Moc,
            Service::Sms => RecordType::SmsMo,
            Service::Data => RecordType::Data,
            Service::Content => RecordType::Content,
        },
        service,
        direction: Direction::Out,
        role: Role::Originating,
        unit: service.unit(),
        start,
        end,
        parts: [Part { start, end, quantity, rating_group: None }].into_iter().collect(),
        calling: number("34915550123"),
        called: number("34915550199"),
        served: Served::default(),
        serving_network: None,
        charged: None,
        attributes: None,
    }
}

pub fn number(digits: &str) -> Party {
    Party::E164(Digits::parse(digits.as_bytes()).unwrap())
}

pub fn time(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// A call of whole seconds at a quiet time.
pub fn call(seconds: i64) -> UsageRecord {
    usage(Service::Voice, time("2026-10-02T12:00:00+02:00"), seconds * 1000)
}

/// One account with its balances under a tariff, in Madrid unless said otherwise.
pub struct Bench<'t> {
    pub tariff: &'t Tariff,
    pub rater: Rater<'t>,
    pub balances: AccountBalances,
    pub account: Account,
    pub subscription: Subscription,
    /// The account's subscriptions, for what depends on more than the one that is served.
    pub roster: Vec<Subscription>,
}

impl<'t> Bench<'t> {
    pub fn new(tariff: &'t Tariff) -> Self {
        Self::on(tariff, "p", account("Europe/Madrid", 1))
    }

    pub fn on(tariff: &'t Tariff, plan: &str, account: Account) -> Self {
        let subscription = subscription(tariff.plan(plan).unwrap());
        Self {
            tariff,
            rater: Rater::new(tariff),
            balances: AccountBalances::default(),
            account,
            roster: vec![subscription.clone()],
            subscription,
        }
    }

    /// The served subscription begins at an instant.
    pub fn since(&mut self, text: &str) {
        self.subscription.validity.from_ms = time(text).utc_ms;
        self.roster[0] = self.subscription.clone();
    }

    /// Another subscription of the account, for a time.
    pub fn joined_by(&mut self, index: u32, from: &str, to: &str) {
        let validity = Validity { from_ms: time(from).utc_ms, to_ms: time(to).utc_ms };
        self.roster.push(Subscription { id: "S-2".into(), index, validity, ..self.subscription.clone() });
    }

    pub fn rate<'a>(&'a mut self, usage: &'a UsageRecord) -> Result<caudal_rating::Events<'a>, Fault> {
        let input = RatingInput {
            usage,
            run: Run::Retail,
            account: &self.account,
            subscription: &self.subscription,
            roster: &self.roster,
        };
        self.rater.rate(&input, &mut self.balances)
    }

    /// The amount of a usage that makes one event.
    pub fn amount(&mut self, usage: &UsageRecord) -> String {
        let events = self.rate(usage).unwrap();
        assert_eq!(events.len(), 1);
        events[0].amount.to_string()
    }

    /// `line; line; …| allowance uses | amount`, for reading.
    pub fn story(&mut self, usage: &UsageRecord) -> String {
        let events = match self.rate(usage) {
            Ok(events) => events,
            Err(fault) => return fault.to_string(),
        };
        let told = events.iter().map(|event| {
            let lines = event.lines.iter().map(|line| {
                let row = line.row.map_or(String::new(), |row| format!(":{row}"));
                let band = line.band.map_or(String::new(), |band| format!(" {band}"));
                let step = line.step.map_or(String::new(), |step| format!(" #{step}"));
                let (kind, table) = (line.kind.as_str(), line.table);
                format!("{kind} {table}{row}{band}{step} {} = {}", line.quantity, line.amount)
            });
            let uses = event
                .allowance_uses
                .iter()
                .map(|used| format!("{} -{} {}->{}", used.allowance, used.quantity, used.before, used.after));
            let off = event.discounts.iter().map(|off| format!("{} -{}", off.discount, off.amount));
            let parts: Vec<_> = lines.chain(uses).chain(off).collect();
            format!("{}: {} | {}", event.cycle, parts.join("; "), event.amount)
        });
        told.collect::<Vec<_>>().join(" & ")
    }

    pub fn used(&self, counter: &str, cycle: &str) -> String {
        let counter: CounterId = self.tariff.counter(counter).unwrap();
        let period = Date::parse(cycle).unwrap();
        let owner = Owner::Subscription(0);
        self.balances.get(caudal_usage::BalanceKey { owner, counter, period, instance: 0 }).to_string()
    }

    /// What the close of a cycle charges: `kind id: lines; discounts | amount`, each.
    pub fn close(&mut self, cycle: &str) -> String {
        let subscriptions: Vec<&Subscription> = self.roster.iter().collect();
        let input = CloseInput {
            account: &self.account,
            subscriptions: &subscriptions,
            cycle: Date::parse(cycle).unwrap(),
            roster: &self.roster,
        };
        let charges = self.rater.close(&input, &mut self.balances).unwrap();
        let told = charges.iter().map(|charge| {
            let lines = charge.lines.iter().map(|line| {
                let step = line.step.map_or(String::new(), |step| format!(" #{step}"));
                format!("{}{step} {} = {}", line.kind.as_str(), line.quantity, line.amount)
            });
            let off = charge.discounts.iter().map(|off| format!("{} -{}", off.discount, off.amount));
            let parts: Vec<_> = lines.chain(off).collect();
            format!("{} {}: {} | {}", charge.kind, charge.id, parts.join("; "), charge.amount)
        });
        told.collect::<Vec<_>>().join(" & ")
    }

    /// The thresholds that a usage passed.
    pub fn notes(&mut self, usage: &UsageRecord) -> String {
        let events = self.rate(usage).unwrap();
        let told = events.iter().flat_map(|event| &event.notifications);
        told.map(|note| format!("{} {} {} %", note.kind, note.id, note.percent))
            .collect::<Vec<_>>()
            .join("; ")
    }

    pub fn fault(&mut self, usage: &UsageRecord) -> (Code, String) {
        let before = self.balances.clone();
        let fault = self.rate(usage).map(|events| events.len()).unwrap_err();
        assert_eq!(self.balances, before, "a fault leaves balances as they were");
        assert!(self.rater.changed().is_empty());
        (fault.code, format!("{}: {}", fault.field, fault.found))
    }
}
