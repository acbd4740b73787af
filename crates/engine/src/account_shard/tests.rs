//! Balances through generations of plans and reference data that know more or less than the one before.

use super::*;
use crate::setup::Names;
use caudal_mediation::assemble::Assembled;
use caudal_mediation::filter::BillableRules;
use caudal_mediation::guide::{ReferenceBuilder, SubscriptionRow};
use caudal_tariff::{SourceFile, Sources, compile};
use caudal_usage::record::ByteSpan;
use caudal_usage::{
    Account, Claim, Code, CycleAnchor, Digits, Direction, FileOrdinal, Identity, KeySecret, Part, Party,
    Position, RecordType, Role, Served, Slot, TimeZone, Timestamp, Turn, Unit, UsageRecord, Validity,
};
use caudal_wire::Decoder;
use caudal_wire::state::get_account;
use std::collections::BTreeMap;

/// A generation with these allowances, and accounts that have one subscription each.
fn setup(allowances: &[&str], accounts: &[(&str, &str)]) -> Setup {
    let head = "id = \"p\"\nname = \"P\"\ncurrency = \"EUR\"\nvalid_from = 2000-01-01\n";
    let rate = "[[rate]]\nid = \"r\"\napplies_to = { service = \"voice\" }\nprice = \"1 per 60 s\"\n";
    let allowance = |id: &&str| {
        format!(
            "[[allowance]]\nid = \"{id}\"\nquantity = \"5 min\"\napplies_to = {{ service = \"voice\" }}\n"
        )
    };
    let text = format!("{head}{}{rate}", allowances.iter().map(allowance).collect::<String>());
    let plan = SourceFile { path: "plans/p.toml".into(), bytes: text.into() };
    let (tariff, findings) = compile(&Sources { plans: vec![plan], ..Sources::default() });
    let mut builder = ReferenceBuilder::new("accounts.csv", "subscriptions.csv");
    for (&(account, subscription), line) in accounts.iter().zip(2..) {
        let row = Account {
            id: account.into(),
            currency: Currency::parse("EUR").unwrap(),
            time_zone: TimeZone::UTC,
            anchor: CycleAnchor(1),
            validity: Validity::ALWAYS,
        };
        builder.account(row, line);
        let row = SubscriptionRow {
            id: subscription,
            account,
            plan: 0,
            msisdn: Digits::default(),
            imsi: Digits::default(),
            group: "",
            payers: [""; 2],
            validity: Validity::ALWAYS,
        };
        builder.subscription(row, line);
    }
    let secret = KeySecret([7; 16]);
    let mut reference = builder.build().unwrap();
    reference.assign_slots(&secret);
    Setup {
        sources: Vec::new(),
        reference,
        tariff: tariff.unwrap_or_else(|| panic!("{findings:?}")),
        billable: BillableRules::default(),
        secret,
        shards: 1,
        generation: "g".into(),
    }
}

/// Balances by account: owner, counter, first day of the cycle, used.
type Stored = BTreeMap<String, Vec<String>>;

fn stored(shard: &AccountShard<'_>) -> Vec<(CompactString, Vec<StoredBalance>)> {
    let mut out = Encoder::default();
    let count = shard.put_all(&mut out);
    let mut from = Decoder::new(&out.bytes, "balances");
    let accounts = (0..count).map(|_| get_account(&mut from).unwrap()).collect();
    assert!(from.is_empty());
    accounts
}

fn show(shard: &AccountShard<'_>) -> Stored {
    let line = |balance: &StoredBalance| {
        format!("{}/{} {} {}", balance.subscription, balance.counter, balance.cycle, balance.used)
    };
    let lines = |balances: Vec<_>| {
        let mut lines: Vec<_> = balances.iter().map(line).collect();
        lines.sort();
        lines
    };
    stored(shard).into_iter().map(|(account, balances)| (account.into(), lines(balances))).collect()
}

fn balance(subscription: &str, counter: &str, month: u8) -> StoredBalance {
    StoredBalance {
        subscription: subscription.into(),
        counter: counter.into(),
        cycle: Date::new(2026, month, 1).unwrap(),
        used: Decimal::from(i64::from(month) * 1000),
    }
}

/// Account A has a balance of each kind, B one.
fn restored(setup: &Setup) -> AccountShard<'_> {
    let mut shard = AccountShard::new(setup, 0);
    let of_a = [
        ("S-A", "p/allowance/x", 9),
        ("S-A", "p/allowance/y", 10),
        ("S-Z", "p/allowance/x", 10),
        ("", "p/allowance/x", 10),
    ];
    shard.restore("A", of_a.map(|(owner, counter, month)| balance(owner, counter, month)).into());
    shard.restore("B", vec![balance("S-B", "p/allowance/x", 10)]);
    shard
}

fn all() -> Setup {
    setup(&["x", "y"], &[("A", "S-A"), ("B", "S-B"), ("Z", "S-Z")])
}

#[test]
fn balances_that_a_generation_does_not_know_are_kept_for_one_that_does() {
    let all = all();
    let expected = show(&restored(&all));
    assert_eq!(expected["A"].len(), 4);
    for less in [
        setup(&["x"], &[("A", "S-A"), ("B", "S-B")]),
        setup(&["y"], &[("A", "S-A")]),
        setup(&["x", "y"], &[("Z", "S-Z")]),
    ] {
        let shard = restored(&less);
        assert_eq!(show(&shard), expected);
        let mut again = AccountShard::new(&all, 0);
        stored(&shard).into_iter().for_each(|(account, balances)| again.restore(&account, balances));
        assert_eq!(show(&again), expected);
        assert!(again.strangers.is_empty() && again.accounts.values().all(|state| state.strays.is_empty()));
    }
}

#[test]
fn what_is_restored_later_replaces_what_was_there() {
    for setup in [all(), setup(&["y"], &[])] {
        let mut shard = restored(&setup);
        shard.restore("A", vec![balance("S-A", "p/allowance/x", 11)]);
        assert_eq!(show(&shard)["A"], ["S-A/p/allowance/x 2026-11-01 11000"]);
    }
}

#[test]
fn balances_of_ended_cycles_are_forgotten_known_or_not() {
    for setup in [all(), setup(&["y"], &[("A", "S-A")]), setup(&[], &[])] {
        let mut shard = restored(&setup);
        shard.forget_before(Date::new(2026, 10, 1).unwrap());
        assert_eq!(show(&shard)["A"].len(), 3);
        shard.forget_before(Date::new(2026, 10, 2).unwrap());
        assert_eq!(show(&shard), Stored::new());
    }
}

/// A call, or a message, which the plan does not sell; record `record` of file 1.
fn usage(service: Service, record: u32) -> UsageRecord {
    // 21 September 2026.
    let (start, end) = (Timestamp::utc(1_790_000_000_000), Timestamp::utc(1_790_000_060_000));
    let at = Position { file: FileOrdinal(1), record };
    let (quantity, unit) = match service {
        Service::Voice => (60_000, Unit::Millisecond),
        _ => (1, Unit::Event),
    };
    UsageRecord {
        claim: Claim { fingerprint: [0; 2], billed: 0, at, day: 0, slot: Slot(0), attempt: 0 },
        identity: Identity(u128::from(record)),
        session: [0; 2],
        partial: None,
        bytes: ByteSpan::default(),
        source: 0,
        filter: None,
        record_type: RecordType::Moc,
        service,
        direction: Direction::Out,
        role: Role::Originating,
        unit,
        start,
        end,
        parts: std::iter::once(Part { start, end, quantity, rating_group: None }).collect(),
        calling: Party::Absent,
        called: Party::Absent,
        served: Served::default(),
        serving_network: None,
        charged: None,
        attributes: None,
    }
}

/// Usages that were assembled, each routed to S-A for retail and to S-B for wholesale.
fn routed(setup: &Setup, usages: Vec<UsageRecord>) -> RecordEffects {
    let guided = |id: &str| {
        let index = setup.reference.subscription_index(id).unwrap();
        let subscription = setup.reference.subscription_at(index, 0).unwrap();
        let account_key = setup.reference.subscription(subscription).account;
        let account = setup.reference.account_at(account_key, 0).unwrap();
        caudal_mediation::guide::Guided { subscription, account, account_key }
    };
    let pair = |index: u32| {
        let turn = Turn { block: 0, index };
        let usage = UsageRef::Assembled(index);
        let to = |run, id| Routed { turn, usage, guided: guided(id), run };
        [to(Run::Retail, "S-A"), to(Run::Wholesale, "S-B")]
    };
    let queue = (0..usages.len() as u32).flat_map(pair).collect();
    let assembled = usages.into_iter().map(|usage| Assembled { usage, members: Vec::new() }).collect();
    RecordEffects { routed: vec![queue], assembled, ..RecordEffects::default() }
}

#[test]
fn another_run_has_its_own_account_and_book_and_leaves_the_records_alone() {
    let setup = all();
    let records = routed(&setup, vec![usage(Service::Voice, 1), usage(Service::Sms, 2)]);
    let (names, mut shard) = (Names::default(), AccountShard::new(&setup, 0));
    let effects = shard.step(&Epoch::new(&[], &names), &[records]);
    assert_eq!((effects.took, effects.ended, effects.events), (2, 2, 1));
    let (_, _, counts) = effects.tally.rows().next().unwrap();
    assert_eq!((counts.accounted(), counts.rated, counts.codes[Code::NoRate as usize]), (2, 1, 1));
    let runs: Vec<_> = effects.runs.each().map(|(run, other)| (run, other.took, other.gave)).collect();
    assert_eq!(runs, [(Run::Wholesale, 2, 2), (Run::Interconnect, 0, 0)]);
    let (_, wholesale) = effects.runs.each().next().unwrap();
    let counts = wholesale.counts;
    assert_eq!((counts.rated, counts.suspended, counts.events, counts.lines), (1, 1, 1, 1));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let rated: String = effects.rated.into_pieces().into_iter().map(text).collect();
    let runs: Vec<_> = rated.lines().map(|line| line.contains("\"run\":\"wholesale\"")).collect();
    assert_eq!(runs, [false, true], "{rated}");
    let suspense = text(effects.suspense);
    let runs: Vec<_> = suspense.lines().map(|line| line.contains("\"run\":\"wholesale\"")).collect();
    assert_eq!(runs, [false, true], "{suspense}");
    // Each account has used the first of its own allowances.
    let used = |subscription: &str| vec![format!("{subscription}/p/allowance/x 2026-09-01 60000")];
    let expected = [("A".to_owned(), used("S-A")), ("B".to_owned(), used("S-B"))];
    assert_eq!(show(&shard), expected.into());
}
