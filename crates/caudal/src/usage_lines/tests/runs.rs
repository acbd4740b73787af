//! One usage, several runs: what each payer is charged, worked by hand.
//! Relies on a reseller's account in another currency that two retail accounts name as payer.
//! Never computes an expected value.

use super::*;

const RESELLER: [(&str, &str); 4] = [
    (
        "reference/accounts.csv",
        "account,currency,time_zone,cycle_anchor\nA-1,EUR,Europe/Madrid,1\nA-2,EUR,Europe/Madrid,1\n\
         R-1,GBP,Europe/London,1\nC-1,USD,UTC,1\n",
    ),
    (
        "reference/subscriptions.csv",
        "subscription,account,plan,msisdn,valid_to,wholesale,interconnect\n\
         S-1,A-1,p,34600000001,,W-1,\nS-2,A-2,p,34600000002,,W-1,C-9\nS-3,A-2,p,34600000003,,,\n\
         W-1,R-1,host,,2026-12-01,,\nC-9,C-1,carrier,,,,\n",
    ),
    (
        "plans/host.toml",
        "id = \"host\"\nname = \"Host\"\ncurrency = \"GBP\"\nvalid_from = 2026-01-01\n\
         [[allowance]]\nid = \"included\"\nquantity = \"100 s\"\napplies_to = { service = \"voice\" }\n\
         [[rate]]\nid = \"calls\"\napplies_to = { service = \"voice\", zone = [\"es\", \"es-mobile\"] }\n\
         price = \"0.04 per 1 s\"\n\
         [[rate]]\nid = \"sms\"\napplies_to = { service = \"sms\" }\nprice = \"0.02 per event\"\n",
    ),
    (
        "plans/carrier.toml",
        "id = \"carrier\"\nname = \"Carrier\"\ncurrency = \"USD\"\nvalid_from = 2026-01-01\n\
         [[rate]]\nid = \"in\"\napplies_to = { service = \"voice\", direction = \"in\" }\n\
         price = \"0.006 per 60 s\"\n",
    ),
];

const BILLABLE: &str = "run,record_type,role,roaming,action\nretail,mtc,*,*,evidence\n\
    wholesale,mtc,*,*,filter\ninterconnect,moc,*,*,filter\ninterconnect,sms_mo,*,*,filter\n";

fn reseller() -> (TempDir, Pipeline) {
    let billable = [("billable.csv", BILLABLE)];
    pipeline(&voice("0.10 per 1 s", "1/1", ""), &[&RESELLER[..], &billable].concat())
}

fn of(subscription: u8, more: &str) -> String {
    format!(
        r#"{{"subscription":"S-{subscription}","start":"2026-10-02T12:00:00Z","from":"+3460000000{subscription}",{more}}}"#
    )
}

fn voice_of(subscription: u8, seconds: u32, to: &str) -> String {
    of(subscription, &format!(r#""service":"voice","to":"{to}","quantity":{seconds},"unit":"s""#))
}

/// The runs of an answer: who pays how much in each, and which cannot be priced.
fn runs(answer: &Value) -> String {
    let mut text = short(answer).split(' ').next().unwrap_or_default().to_owned();
    for event in answer["events"].as_array().into_iter().flatten() {
        let of = |name: &str| event[name].as_str().unwrap();
        write!(text, " | {} {} {} {}", of("run"), of("account"), of("amount"), of("currency")).unwrap();
    }
    for (run, fault) in answer["suspended_runs"].as_object().into_iter().flatten() {
        let of = |name: &str| fault[name].as_str().unwrap();
        write!(text, " | {run} {} {} {}", of("code"), of("field"), of("found")).unwrap();
    }
    text
}

#[test]
fn retail_and_wholesale_of_one_usage() {
    let (_folder, pipeline) = reseller();
    let (es, fr) = ("+34915550123", "+33155500199");
    let incoming = |subscription: u8| {
        voice_of(subscription, 90, &format!("+3460000000{subscription}"))
            .replace(&format!("\"from\":\"+3460000000{subscription}\""), "\"from\":\"+34915550123\"")
            .replace("\"quantity\"", "\"record_type\":\"mtc\",\"direction\":\"in\",\"quantity\"")
    };
    let cases = [
        (voice_of(1, 60, es), "6.000000 | retail A-1 6.000000 EUR | wholesale R-1 0.000000 GBP"),
        // The same allowance, used from another retail account: 40 s are left, 20 s cost 0.04 each.
        (voice_of(2, 60, es), "6.000000 | retail A-2 6.000000 EUR | wholesale R-1 0.800000 GBP"),
        (voice_of(1, 10, es), "1.000000 | retail A-1 1.000000 EUR | wholesale R-1 0.400000 GBP"),
        (voice_of(3, 10, es), "1.000000 | retail A-2 1.000000 EUR"),
        // The host does not sell calls to France, the brand no messages: each run stands for itself.
        (
            voice_of(1, 10, fr),
            "1.000000 | retail A-1 1.000000 EUR | wholesale no_rate zone voice out, zone fr",
        ),
        (of(1, r#""service":"sms","to":"+34600000009""#), "no_rate | wholesale R-1 0.020000 GBP"),
        // What only proves a leg of a call to the brand is what the carrier pays for, if one is named.
        (incoming(2), "filtered | interconnect C-1 0.009000 USD"),
        (incoming(1), "filtered"),
        (voice_of(1, 0, es), "filtered"),
        (
            voice_of(1, 1, es).replace("-10-02", "-12-02"),
            "0.100000 | retail A-1 0.100000 EUR | wholesale no_subscription wholesale W-1",
        ),
    ];
    let lines: Vec<_> = cases.iter().map(|(line, _)| line.as_bytes()).collect();
    let found = answers(&pipeline, &lines);
    for (answer, (line, expected)) in found.iter().zip(&cases) {
        assert_eq!(runs(answer), *expected, "{line}\n{answer}");
    }
    // An id says the run; the close sums the reseller's cycle as any other.
    assert_ne!(found[0]["events"][0]["id"], found[0]["events"][1]["id"]);
    let close = found.iter().find(|line| line["type"] == "cycle" && line["account"] == "R-1").unwrap();
    assert_eq!((close["events"].as_i64(), close["amount"].as_str()), (Some(4), Some("1.22")), "{close}");
}

#[test]
fn a_desk_for_the_primary_run_alone_answers_with_nothing_else() {
    let (_folder, pipeline) = reseller();
    let line = voice_of(1, 60, "+34915550123");
    let mut desk = Desk::new(&pipeline, "usage.jsonl", OnClose::Nothing);
    let mut out = Vec::new();
    desk.answer(Line::Octets(line.as_bytes()), 1, &mut out);
    let answer: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(runs(&answer), "6.000000 | retail A-1 6.000000 EUR");
}
