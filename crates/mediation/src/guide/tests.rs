use super::*;
use caudal_usage::{Currency, CycleAnchor, Diagnostic, Run, Served, TimeZone, Timestamp, Validity};

fn account(id: &str, from_ms: i64, to_ms: i64) -> Account {
    Account {
        id: id.into(),
        currency: Currency::parse("EUR").unwrap(),
        time_zone: TimeZone::UTC,
        anchor: CycleAnchor(1),
        validity: Validity { from_ms, to_ms },
    }
}

fn digits(text: &str) -> Digits {
    Digits::parse(text.as_bytes()).unwrap()
}

type Row<'a> = (&'a str, &'a str, &'a str, &'a str, i64, i64);

fn build(rows: &[Row<'_>]) -> Result<Reference, Vec<Diagnostic>> {
    let mut builder = ReferenceBuilder::new("accounts.csv", "subscriptions.csv");
    builder.account(account("A-1", 0, 50), 2);
    builder.account(account("A-2", 0, i64::MAX), 3);
    builder.account(account("A-1", 50, 100), 4);
    for (line, &(id, account, msisdn, imsi, from_ms, to_ms)) in (2..).zip(rows) {
        let validity = Validity { from_ms, to_ms };
        let row = SubscriptionRow {
            id,
            account,
            plan: 7,
            msisdn: digits(msisdn),
            imsi: digits(imsi),
            group: "",
            payers: [""; 2],
            validity,
        };
        builder.subscription(row, line);
    }
    builder.build()
}

const ROWS: &[Row<'_>] = &[
    ("S-1", "A-1", "34915550001", "214070000000001", 0, 100),
    ("S-2", "A-2", "34915550002", "", 0, 10),
    // The number of S-2 goes on to S-3; S-2 gets another one.
    ("S-3", "A-2", "34915550002", "", 10, i64::MAX),
    ("S-2", "A-2", "34915550003", "214070000000002", 10, i64::MAX),
];

fn usage(served: Served, at_ms: i64) -> UsageRecord {
    UsageRecord { served, start: Timestamp::utc(at_ms), ..crate::testing::usage() }
}

fn served(id: &str, imsi: &str, number: &str) -> Served {
    let some = |text: &str| (!text.is_empty()).then(|| digits(text));
    Served {
        subscription: (!id.is_empty()).then(|| id.into()),
        imsi: some(imsi),
        number: match number {
            "" => Party::Absent,
            text => Digits::parse(text.as_bytes()).map_or(Party::Other(text.into()), Party::E164),
        },
    }
}

#[test]
fn guides_by_id_then_imsi_then_number_as_of_the_start() {
    let reference = build(ROWS).unwrap();
    // (id, IMSI, number, at) to (subscription, account, start of the account's version)
    let cases = [
        (("S-1", "", "", 5), Ok(("S-1", "A-1", 0))),
        (("S-1", "", "", 70), Ok(("S-1", "A-1", 50))),
        (("S-1", "214070000000002", "34915550002", 70), Ok(("S-1", "A-1", 50))),
        (("", "214070000000001", "34915550002", 5), Ok(("S-1", "A-1", 0))),
        (("", "", "34915550002", 9), Ok(("S-2", "A-2", 0))),
        (("", "", "34915550002", 10), Ok(("S-3", "A-2", 0))),
        (("", "", "34915550003", 10), Ok(("S-2", "A-2", 0))),
        (("unknown", "", "34915550003", 10), Ok(("S-2", "A-2", 0))),
        (("", "", "34915550003", 9), Err("3491…")),
        (("S-1", "", "", 100), Err("S-1")),
        (("", "214079999999999", "", 5), Err("2140…")),
        (("", "", "sip:ana@example.net", 5), Err("sip:…")),
        (("", "", "201", 5), Err("201")),
        (("", "", "", 5), Err("")),
    ];
    for ((id, imsi, number, at), expected) in cases {
        let record = usage(served(id, imsi, number), at);
        let found = match reference.guide(&record) {
            Ok(guided) => {
                assert_eq!(
                    reference.account_key(reference.account_id(guided.account_key)),
                    Some(guided.account_key)
                );
                let version = reference.subscription(guided.subscription);
                assert_eq!(reference.subscription_index(&version.id), Some(version.index));
                let payer = reference.account(guided.account);
                Ok((version.id.to_string(), payer.id.to_string(), payer.validity.from_ms))
            }
            Err(fault) => {
                assert_eq!((fault.code, fault.field.as_str()), (Code::NoSubscription, "served"));
                Err(fault.found.to_string())
            }
        };
        let expected = expected.map(|(id, payer, from)| (id.to_owned(), payer.to_owned(), from));
        assert_eq!(found, expected.map_err(str::to_owned), "{id} {imsi} {number} {at}");
    }
}

#[test]
fn an_account_that_is_closed_pays_nothing() {
    let reference = build(&[("S-1", "A-1", "34915550001", "", 0, i64::MAX)]).unwrap();
    let fault = reference.guide(&usage(served("S-1", "", ""), 100)).unwrap_err();
    assert_eq!((fault.field.as_str(), fault.found.as_str()), ("account", "A-1"));
}

#[test]
fn what_contradicts_itself_is_refused_with_both_lines() {
    let cases: &[(&[Row<'_>], &str)] = &[
        (
            &[("S-1", "A-1", "34915550001", "", 0, 10), ("S-1", "A-1", "34915550009", "", 9, 20)],
            "subscriptions.csv:3: error: the subscription is valid here and in line 2 at the same time, expected at most one",
        ),
        (
            &[("S-1", "A-1", "34915550001", "", 0, 10), ("S-2", "A-1", "34915550001", "", 5, 20)],
            "subscriptions.csv:3: error: msisdn 3491… is valid here and in line 2 at the same time, expected at most one",
        ),
        (
            // A long version reaches over its neighbour to one further on.
            &[
                ("S-1", "A-1", "", "214070000000001", 0, 100),
                ("S-2", "A-1", "", "214070000000001", 100, 110),
                ("S-3", "A-1", "", "214070000000001", 40, 41),
            ],
            "subscriptions.csv:4: error: imsi 2140… is valid here and in line 2 at the same time, expected at most one",
        ),
        (
            &[("S-1", "A-9", "", "", 0, 100)],
            "subscriptions.csv:2: error: account \"A-9\" is not in accounts.csv",
        ),
    ];
    for (rows, expected) in cases {
        let found = build(rows).unwrap_err();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [*expected]);
    }
    let mut builder = ReferenceBuilder::new("accounts.csv", "subscriptions.csv");
    builder.account(account("A-1", 0, 50), 2);
    builder.account(account("A-1", 49, 60), 3);
    let found = builder.build().unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "accounts.csv:3: error: account \"A-1\" is valid here and in line 2 at the same time, expected at most one"
    );
}

/// A table of subscriptions of A-2, each with its payers: wholesale, interconnect.
fn with_payers(rows: &[(&str, [&str; 2], i64, i64)]) -> Result<Reference, Vec<Diagnostic>> {
    let mut builder = ReferenceBuilder::new("accounts.csv", "subscriptions.csv");
    builder.account(account("A-2", 0, 90), 2);
    for (line, &(id, payers, from_ms, to_ms)) in (2..).zip(rows) {
        let (msisdn, imsi) = (Digits::default(), Digits::default());
        let validity = Validity { from_ms, to_ms };
        let row = SubscriptionRow { id, account: "A-2", plan: 7, msisdn, imsi, group: "", payers, validity };
        builder.subscription(row, line);
    }
    builder.build()
}

#[test]
fn another_run_is_paid_by_whom_the_version_names_as_of_the_start() {
    let reference = with_payers(&[
        // Rows stand in no order; the payer comes later and changes with the versions of both sides.
        ("S-1", ["W-2", ""], 50, 100),
        ("S-2", ["", ""], 0, 100),
        ("S-1", ["W-1", "I-1"], 0, 50),
        ("W-1", ["W-2", ""], 0, 20),
        ("I-1", ["", ""], 0, 100),
        ("W-1", ["", ""], 20, 40),
        ("W-2", ["", ""], 0, 100),
    ])
    .unwrap();
    assert!(reference.has_payers());
    // (served, run, at) to (payer, start of its version); what it names itself is for its own usage.
    let cases = [
        (("S-1", Run::Wholesale, 5), Some(Ok(("W-1", 0)))),
        (("S-1", Run::Wholesale, 20), Some(Ok(("W-1", 20)))),
        (("S-1", Run::Wholesale, 40), Some(Err(("wholesale", "W-1")))),
        (("S-1", Run::Wholesale, 50), Some(Ok(("W-2", 0)))),
        (("S-1", Run::Wholesale, 95), Some(Err(("wholesale", "A-2")))),
        (("S-1", Run::Interconnect, 5), Some(Ok(("I-1", 0)))),
        (("S-1", Run::Interconnect, 50), None),
        (("S-1", Run::Retail, 5), None),
        (("S-2", Run::Wholesale, 5), None),
        (("W-1", Run::Wholesale, 5), Some(Ok(("W-2", 0)))),
    ];
    for ((id, run, at_ms), expected) in cases {
        let served = reference.subscription_at(reference.subscription_index(id).unwrap(), at_ms).unwrap();
        let found = reference.payer(served, run, at_ms);
        let found = found.as_ref().map(|found| match found {
            Ok(guided) => {
                let version = reference.subscription(guided.subscription);
                Ok((&*version.id, version.validity.from_ms))
            }
            Err(fault) => {
                assert_eq!(fault.code, Code::NoSubscription);
                Err((fault.field.as_str(), fault.found.as_str()))
            }
        });
        assert_eq!(found, expected, "{id} {run:?} {at_ms}");
    }
    let nobody = build(ROWS).unwrap();
    assert!(!nobody.has_payers() && nobody.payer(0, Run::Wholesale, 5).is_none());
}

#[test]
fn payers_that_cannot_be_are_found() {
    let found = with_payers(&[
        ("S-1", ["S-1", ""], 0, 100),
        ("S-2", ["W-9", "W-9"], 0, 100),
        ("S-3", ["", "S-2"], 0, 100),
    ])
    .unwrap_err();
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    let missing = "is \"W-9\", expected the id of a subscription of this table";
    assert_eq!(
        found,
        [
            "subscriptions.csv:2: error: `wholesale` is the subscription itself, expected another",
            &format!("subscriptions.csv:3: error: `wholesale` {missing}"),
            &format!("subscriptions.csv:3: error: `interconnect` {missing}"),
        ]
    );
}

#[test]
fn versions_of_one_number_are_bounded() {
    let names: Vec<String> = (0..=MAX_VERSIONS).map(|n| format!("S-{n}")).collect();
    let rows: Vec<Row<'_>> =
        (0i64..).zip(&names).map(|(n, id)| (id.as_str(), "A-2", "34915550001", "", n, n + 1)).collect();
    assert!(build(&rows[..MAX_VERSIONS]).is_ok());
    let found = build(&rows).unwrap_err();
    assert!(found[0].message.contains("more than 1000 versions"), "{}", found[0]);
}

#[test]
fn a_subscription_is_small_in_memory_and_slots_depend_on_the_secret() {
    const COUNT: usize = 100_000;
    let mut builder = ReferenceBuilder::new("accounts.csv", "subscriptions.csv");
    for number in 0..COUNT {
        let (payer, id) = (format!("A-{}", number / 4), format!("S-{number}"));
        if number % 4 == 0 {
            builder.account(account(&payer, 0, i64::MAX), 1);
        }
        let msisdn = digits(&format!("349{number:08}"));
        let imsi = digits(&format!("21407{number:010}"));
        let row = SubscriptionRow {
            id: &id,
            account: &payer,
            plan: 0,
            msisdn,
            imsi,
            group: "",
            payers: [""; 2],
            validity: Validity::ALWAYS,
        };
        builder.subscription(row, 1);
    }
    let mut reference = builder.build().unwrap();
    assert!(reference.octets() / COUNT <= 150, "{} octets a subscription", reference.octets() / COUNT);
    assert_eq!(size_of::<Subscription>(), 64);
    for number in (0..COUNT).step_by(97) {
        let found = reference.by_number(digits(&format!("349{number:08}")), 5).unwrap();
        assert_eq!(&*reference.subscription(found).id, format!("S-{number}"));
    }
    reference.assign_slots(&KeySecret([1; 16]));
    let first: Vec<Slot> = (0..1000).map(|key| reference.slot(key)).collect();
    reference.assign_slots(&KeySecret([2; 16]));
    assert_ne!(first, (0..1000).map(|key| reference.slot(key)).collect::<Vec<_>>());
}
