//! Known answers, each worked by hand, through real pipeline folders and the function that `rate` calls.
//! Relies on nothing but the text of a plan and a line of usage.
//! Never computes an expected value.

use super::*;
use crate::config::Pipeline;
use serde_json::Value;
use std::fmt::Write;
use tempfile::TempDir;

mod runs;

const PIPELINE: &str = "name = \"t\"\n[[source]]\nname = \"a\"\nformat = \"asterisk\"\ndirectory = \"in\"\ntime_zone = \"UTC\"\n";

const ACCOUNTS: &str = "account,currency,time_zone,cycle_anchor,valid_from,valid_to\n\
    A-1,EUR,Europe/Madrid,1,,\nA-2,EUR,Europe/Madrid,1,,\nA-3,EUR,Europe/Madrid,1,,\nA-4,EUR,Europe/Madrid,1,,\n";

const SUBSCRIPTIONS: &str = "subscription,account,plan,msisdn,imsi,valid_from,valid_to\n\
    S-1,A-1,p,34600000001,214070000000001,,\n\
    S-2,A-2,p,34600000002,,,\nS-3,A-2,p,34600000003,,,\n\
    S-4,A-3,p,34600000004,,2026-02-01,2026-03-01\n";

const ZONES: &str = "prefix,zone,valid_from,valid_to\n34,es,,\n346,es-mobile,,\n33,fr,,\n336,fr-mobile,,\n";

const HEAD: &str = "id = \"p\"\nname = \"P\"\ncurrency = \"EUR\"\nvalid_from = 2026-01-01\n";

/// A pipeline folder with this plan and these other files.
fn pipeline(plan: &str, more: &[(&str, &str)]) -> (TempDir, Pipeline) {
    let folder = tempfile::tempdir().unwrap();
    let plan = format!("{HEAD}{plan}");
    let standard = [
        ("pipeline.toml", PIPELINE),
        ("reference/accounts.csv", ACCOUNTS),
        ("reference/subscriptions.csv", SUBSCRIPTIONS),
        ("zones.csv", ZONES),
        ("plans/p.toml", &plan),
    ];
    for (name, content) in standard.iter().chain(more) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let pipeline = Pipeline::load(folder.path()).unwrap_or_else(|findings| {
        panic!("{}", findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    (folder, pipeline)
}

/// The answers to some lines.
fn answers(pipeline: &Pipeline, lines: &[&[u8]]) -> Vec<Value> {
    let mut desk = Desk::new(pipeline, "usage.jsonl", OnClose::Sum).in_all_runs();
    let mut out = Vec::new();
    for (line, number) in lines.iter().zip(1..) {
        desk.answer(Line::Octets(line), number, &mut out);
    }
    desk.close(&mut out);
    let text = String::from_utf8(out).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What an answer says in short: the amounts of its events, or its code and field.
fn short(answer: &Value) -> String {
    let text = |name: &str| answer[name].as_str().unwrap_or("-").to_owned();
    match text("outcome").as_str() {
        "rated" => {
            let events = answer["events"].as_array().unwrap();
            events.iter().map(|event| event["amount"].as_str().unwrap()).collect::<Vec<_>>().join(" + ")
        }
        "filtered" => format!("filtered {}", text("code")),
        _ => format!("{} {}", text("code"), text("field")),
    }
}

/// Checks amounts or codes, balances carried from line to line.
fn check(plan: &str, cases: &[(&str, &str)]) {
    check_in(&pipeline(plan, &[]).1, cases);
}

fn check_in(pipeline: &Pipeline, cases: &[(&str, &str)]) {
    let lines: Vec<_> = cases.iter().map(|(line, _)| line.as_bytes()).collect();
    for (answer, (line, expected)) in answers(pipeline, &lines).iter().zip(cases) {
        assert_eq!(short(answer), *expected, "{line}\n{answer}");
    }
}

/// A call of S-1 at noon.
fn call(seconds: &str, to: &str) -> String {
    call_at("2026-10-02T12:00:00+02:00", seconds, to)
}

fn call_at(start: &str, seconds: &str, to: &str) -> String {
    format!(
        r#"{{"id":"c","service":"voice","served":"+34600000001","from":"+34600000001","to":"{to}","start":"{start}","quantity":{seconds},"unit":"s"}}"#
    )
}

fn voice(price: &str, increments: &str, more: &str) -> String {
    format!(
        "[[rate]]\nid = \"calls\"\napplies_to = {{ service = \"voice\" }}\nprice = \"{price}\"\n\
         increments = \"{increments}\"\n{more}\n"
    )
}

/// Calls of so many seconds, each with empty balances.
fn check_calls(plan: &str, start: &str, calls: &[(&str, &str)]) {
    let (_folder, pipeline) = pipeline(plan, &[]);
    for (seconds, expected) in calls {
        check_in(&pipeline, &[(&call_at(start, seconds, "+34915550123"), expected)]);
    }
}

#[test]
fn increments() {
    let noon = "2026-10-02T12:00:00+02:00";
    check_calls(
        &voice("0.60 per 60 s", "30/6", ""),
        noon,
        &[
            ("0", "filtered zero_duration"),
            ("1", "0.300000"),
            ("30", "0.300000"),
            ("31", "0.360000"),
            ("30.001", "0.360000"),
            ("57", "0.600000"),
            ("61", "0.660000"),
            ("75", "0.780000"),
        ],
    );
    check_calls(
        &voice("0.60 per 60 s", "60/1", ""),
        noon,
        &[("1", "0.600000"), ("60", "0.600000"), ("61", "0.610000"), ("90", "0.900000")],
    );
}

#[test]
fn bands() {
    let bands = "bands = [ { name = \"peak\", hours = \"08:00-18:00\" }, { name = \"off\", price = \"0.05 per 1 s\" } ]";
    let start = "2026-10-02T17:59:30+02:00";
    for (increments, seconds, expected) in
        [("1/1", "60", "4.500000"), ("60/60", "60", "6.000000"), ("60/1", "90", "7.500000")]
    {
        check_calls(&voice("0.10 per 1 s", increments, bands), start, &[(seconds, expected)]);
    }
    // The account's zone decides, not the offset in which the time is written.
    let plan = voice("0.10 per 1 s", "1/1", bands);
    check_calls(&plan, "2026-10-02T15:59:30Z", &[("60", "4.500000")]);
    let (_folder, pipeline) = pipeline(&voice("0.10 per 1 s", "60/1", bands), &[]);
    let answer = answers(&pipeline, &[call_at(start, "90", "+34915550123").as_bytes()]);
    let lines = answer[0]["events"][0]["lines"].as_array().unwrap();
    let quantities: Vec<_> = lines
        .iter()
        .map(|line| (line["band"].as_str().unwrap(), line["quantity"].as_i64().unwrap()))
        .collect();
    assert_eq!(quantities, [("peak", 60_000), ("off", 30_000)]);
}

#[test]
fn tiers_and_allowances() {
    let tiers = "[[rate]]\nid = \"sms\"\napplies_to = { service = \"sms\" }\ntiers = { model = \"graduated\", \
        over = \"cycle\", steps = [ { up_to = \"100 events\", price = \"1.00 per event\" }, { price = \"0.50 per event\" } ] }\n";
    let sms = |count: u32| {
        format!(
            r#"{{"id":"s","service":"sms","subscription":"S-1","to":"+34600000009","start":"2026-10-02T12:00:00Z","quantity":{count},"unit":"event"}}"#
        )
    };
    check(tiers, &[(&sms(150), "125.000000"), (&sms(1), "0.500000")]);
    check(tiers, &[(&sms(60), "60.000000"), (&sms(60), "50.000000")]);
    let plan = voice(
        "0.01 per 1 s",
        "1/1",
        "[[allowance]]\nid = \"a\"\nquantity = \"100 s\"\napplies_to = { service = \"voice\" }",
    );
    let (_folder, pipeline) = pipeline(&plan, &[]);
    let line = call("130", "+34915550123");
    let answers = answers(&pipeline, &[line.as_bytes(), line.as_bytes()]);
    assert_eq!((short(&answers[0]), short(&answers[1])), ("0.300000".into(), "1.300000".into()));
    let used = &answers[0]["events"][0]["allowance_uses"][0];
    assert_eq!((used["before"].as_i64(), used["after"].as_i64()), (Some(100_000), Some(0)));
}

#[test]
fn prefixes_fallback_and_services() {
    let base = format!(
        "{}[[rate]]\nid = \"rest\"\napplies_to = {{ service = \"voice\" }}\nprice = \"9 per 60 s\"\n",
        HEAD.replace("\"p\"", "\"base\"")
    );
    let plan = "base = \"base\"\n\
        [[rate]]\nid = \"abroad\"\napplies_to = { service = \"voice\", zone = [\"fr\", \"fr-mobile\"] }\ntable = \"rates/r.csv\"\n\
        [[rate]]\nid = \"sms\"\napplies_to = { service = \"sms\" }\nprice = \"0.08 per event\"\n\
        [[rate]]\nid = \"chat\"\napplies_to = { service = \"data\", rating_group = 7 }\nprice = \"0.01 per 1 MB\"\n\
        [[rate]]\nid = \"data\"\napplies_to = { service = \"data\" }\nprice = \"0.02 per 1 MB\"\n";
    let table = "zone,band,price,per,first,next,connection_fee,valid_from,valid_to\n\
        fr,,0.60,60 s,1 s,1 s,,,\nfr-mobile,,1.20,60 s,1 s,1 s,,,\n";
    let (_folder, pipeline) = pipeline(plan, &[("plans/base.toml", &base), ("rates/r.csv", table)]);
    let data = |more: &str| {
        format!(r#"{{"service":"data","served":"34600000001","start":"2026-10-02T12:00:00Z",{more}}}"#)
    };
    let cases = [
        (call("60", "+33155500199"), "0.600000"),
        (call("60", "0033655500199"), "1.200000"),
        (call("60", "34915550123"), "9.000000"),
        (
            r#"{"id":1,"service":"sms","account":"A-1","to":"+33155500199","start":"2026-10-02T12:00:00Z"}"#
                .into(),
            "0.080000",
        ),
        (data(r#""quantity":5,"unit":"MB","attributes":{"rating_group":7,"apn":"x"}"#), "0.050000"),
        (data(r#""quantity":5000000,"unit":"octet","rating_group":"8""#), "0.100000"),
        (data(r#""quantity":1.5,"unit":"MB","attributes":null"#), "0.030000"),
    ];
    let cases: Vec<_> = cases.iter().map(|(line, expected)| (line.as_str(), *expected)).collect();
    check_in(&pipeline, &cases);
}

#[test]
fn whom_a_line_is_about() {
    let plan = "[[rate]]\nid = \"v\"\napplies_to = { service = \"voice\", direction = \"out\", zone = \"es\" }\nprice = \"0.60 per 60 s\"\n\
        [[rate]]\nid = \"in\"\napplies_to = { service = \"voice\", direction = \"in\" }\nprice = \"0 per 60 s\"\n";
    let line = |who: &str| {
        format!(
            r#"{{{who},"service":"voice","to":"+34915550123","start":"2026-02-10T12:00:00Z","quantity":60,"unit":"s"}}"#
        )
    };
    for (who, expected) in [
        (r#""served":"+34600000001""#, "0.600000"),
        (r#""served":34600000001"#, "0.600000"),
        (r#""from":"+34600000001""#, "0.600000"),
        (r#""imsi":"214070000000001""#, "0.600000"),
        (r#""subscription":"S-3""#, "0.600000"),
        (r#""account":"A-1""#, "0.600000"),
        (r#""account":"A-3""#, "0.600000"),
        (r#""account":"A-2""#, "no_subscription account"),
        (r#""account":"A-4""#, "no_subscription account"),
        (r#""account":"A-9""#, "no_subscription account"),
        (r#""account":"A-2","subscription":"S-3""#, "0.600000"),
        (r#""account":"A-1","subscription":"S-3""#, "contradictory account"),
        (r#""subscription":"S-9""#, "no_subscription served"),
        (r#""served":"+34999999999""#, "no_subscription served"),
        (r#""served":"+34915550123""#, "no_subscription served"),
        (r#""served":"""#, "missing_field served"),
        (r#""id":1"#, "missing_field served"),
    ] {
        check(plan, &[(&line(who), expected)]);
    }
    // Who is called and served received the call.
    let received = line(r#""served":"+34600000001""#).replace("+34915550123", "+34600000001");
    check(plan, &[(&received, "0.000000")]);
    check(plan, &[(&call("60", "+33155500199"), "no_rate zone"), (&call("60", "s"), "no_rate zone")]);
    // A-3 has none after February.
    check(plan, &[(&line(r#""account":"A-3""#).replace("2026-02", "2026-03"), "no_subscription account")]);
}

#[test]
fn odd_lines_are_answers() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let good = call("60", "+34915550123");
    let cases: Vec<(String, &str)> = vec![
        ("{".into(), "bad_field line"),
        ("nonsense".into(), "bad_field line"),
        (deep.clone(), "bad_field line"),
        (format!("{good} x"), "bad_field line"),
        (good.replace("\"s\"", &format!("\"s\",\"attributes\":{{\"x\":{deep}}}")), "bad_field attributes.x"),
        (good.replace("\"s\"", "\"s\",\"attributes\":[1]"), "bad_field attributes"),
        (good.replace("\"s\"", "\"s\",\"attributes\":{\"direction\":\"up\"}"), "bad_field direction"),
        (good.replace("\"unit\"", "\"units\""), "bad_field units"),
        (good.replace("\"unit\"", "\"quantity\""), "bad_field quantity"),
        (good.replace("\"c\"", "{}"), "bad_field id"),
        (good.replace("\"voice\"", "\"fax\""), "bad_field service"),
        (good.replace("\"voice\"", "5"), "bad_field service"),
        (good.replace("\"voice\"", "null"), "missing_field service"),
        (good.replace("\"s\"", "\"MB\""), "bad_field unit"),
        (good.replace("\"s\"", "\"fortnight\""), "bad_field unit"),
        (good.replace(",\"unit\":\"s\"", ""), "missing_field unit"),
        (good.replace("\"quantity\":60,", ""), "missing_field quantity"),
        (good.replace("2026-10-02", "2026-13-02"), "bad_field start"),
        (good.replace("2026-10-02", "1950-10-02"), "bad_field start"),
        (good.replace("start", "_"), "bad_field _"),
        (good.replace(":60", ":-60"), "-0.600000"),
        (good.replace(":60", ":1e400"), "overflow quantity"),
        (good.replace(":60", ":9223372036854775"), "overflow quantity"),
        (good.replace(":60", ":99999999999999999999999999999999999999999999"), "overflow quantity"),
        (good.replace(":60", ":0.0001"), "bad_field quantity"),
        (good.replace(":60", ":\"sixty\""), "bad_field quantity"),
        (good.replace(":60", ":[60]"), "bad_field quantity"),
        (good.replace(":60", ":true"), "bad_field quantity"),
        (good.replace("\"unit\"", "\"amount\":\"1.00\",\"unit\""), "missing_field currency"),
        (good.replace("\"unit\"", "\"amount\":1e3,\"currency\":\"EUR\",\"unit\""), "bad_field amount"),
        (good.replace("\"unit\"", "\"amount\":1,\"currency\":\"euro\",\"unit\""), "bad_field currency"),
        (good.replace("\"unit\"", "\"amount\":1,\"currency\":\"EUR\",\"unit\""), "no_rate charged"),
        (good.replace("\"unit\"", "\"record_type\":\"data\",\"unit\""), "contradictory record_type"),
        (good.replace("\"unit\"", "\"served\\u0000\":1,\"unit\""), "bad_field served\0"),
        (r#"{"id":"t","type":"top_up","account":"A-1","value":"5.00"}"#.into(), "bad_field value"),
        (r#"{"id":"t","type":"subscribe","account":"A-1"}"#.into(), "unknown_format type"),
        (good.replace("\"unit\"", "\"allowance\":\"a\",\"unit\""), "bad_field allowance"),
        (good.replace("\"unit\"", "\"type\":\"usage\",\"unit\""), "0.600000"),
        (good.replace("+34915550123", "\\u002b34915550123"), "0.600000"),
        (good.replace("+34915550123", "\\ud800"), "bad_field to"),
        (good.replace("+34915550123", &"9".repeat(200)), "bad_field to"),
    ];
    let cases: Vec<_> = cases.iter().map(|(line, expected)| (line.as_str(), *expected)).collect();
    check(&voice("0.60 per 60 s", "1/1", ""), &cases);
}

/// A purchase of S-1 at noon of October 1.
fn bought(id: &str, allowance: &str, what: &str) -> String {
    format!(
        r#"{{"id":"{id}","type":"top_up","subscription":"S-1","allowance":"{allowance}","start":"2026-10-01T12:00:00+02:00",{what}}}"#
    )
}

/// What was bought beside a refill of another allowance: whatever expires first is used first, whosever it is.
#[test]
fn each_stock_is_used_by_its_own_expiry() {
    let plan = |own: &str, bought: &str| {
        voice("0.10 per s", "1/1", "")
            + &format!(
                "[[allowance]]\nid = \"x\"\napplies_to = {{ service = \"voice\" }}\n{bought}\nrefill = \"top_up\"\n"
            )
            + &format!("[[allowance]]\nid = \"m\"\napplies_to = {{ service = \"voice\" }}\n{own}\n")
    };
    let soon = r#","expires":"2026-10-10T00:00:00+02:00""#;
    let to = "+34915550123";
    let (first, second, third) = (
        call_at("2026-10-02T12:00:00+02:00", "15", to),
        call_at("2026-10-10T00:00:00+02:00", "30", to),
        call_at("2026-10-31T12:00:00+01:00", "16", to),
    );
    // 10 s that expire on October 10, 30 s of October, 20 s that never do.
    check(
        &plan("quantity = \"30 s\"", "quantity = \"100 s\""),
        &[
            (&bought("t1", "x", r#""quantity":20,"unit":"s""#), "- -"),
            (&bought("t2", "x", &format!(r#""quantity":10,"unit":"s"{soon}"#)), "- -"),
            (&first, "0.000000"),
            (&second, "0.000000"),
            (&third, "0.100000"),
        ],
    );
    // Money likewise: of the first call 1.00 and 0.50 of October's credit; November has 3.00 and the 2.00 that never expire.
    let november = call_at("2026-11-02T12:00:00+01:00", "50", to);
    check(
        &plan("amount = \"3.00\"", "amount = \"9.00\""),
        &[
            (&bought("t1", "x", r#""amount":"2.00","currency":"EUR""#), "- -"),
            (&bought("t2", "x", &format!(r#""amount":"1.00","currency":"EUR"{soon}"#)), "- -"),
            (&first, "0.000000"),
            (&november, "0.000000"),
            (&november, "5.000000"),
        ],
    );
}

#[test]
fn every_cut_and_every_odd_octet_is_an_answer() {
    let (_folder, pipeline) = pipeline(&voice("0.60 per 60 s", "1/1", ""), &[]);
    let good = call("60", "+34915550123");
    let mut lines: Vec<Vec<u8>> = (1..good.len()).map(|end| good.as_bytes()[..end].to_vec()).collect();
    for at in 0..good.len() {
        for octet in [0x00, b'"', b'\\', b'{', b'9', 0xC3, 0xFF] {
            let mut line = good.clone().into_bytes();
            line[at] = octet;
            lines.push(line);
        }
    }
    let borrowed: Vec<_> = lines.iter().map(Vec::as_slice).collect();
    let found = answers(&pipeline, &borrowed);
    assert_eq!(found.iter().filter(|answer| answer["type"] != "cycle").count(), lines.len());
}

#[test]
fn empty_lines_marks_and_long_lines() {
    let (_folder, pipeline) = pipeline(&voice("0.60 per 60 s", "1/1", ""), &[]);
    let mut desk = Desk::new(&pipeline, "u", OnClose::Nothing);
    let mut out = Vec::new();
    let marked = format!("\u{feff}{}\r", call("60", "+34915550123"));
    desk.answer(Line::Octets(marked.as_bytes()), 1, &mut out);
    desk.answer(Line::Octets(b" \t\r"), 2, &mut out);
    desk.answer(Line::TooLong, 3, &mut out);
    desk.close(&mut out);
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(short).collect::<Vec<_>>(), ["0.600000", "bad_length line"]);
    assert_eq!(lines[0]["events"][0]["source"], serde_json::json!({"file":"u","file_id":0,"records":[1]}));
    assert_eq!((lines[1]["line"].as_i64(), lines[1]["id"].is_null()), (Some(3), true));
}

#[test]
fn a_cycle_is_summed_and_rounded_at_its_close() {
    let plan = "[[rate]]\nid = \"s\"\napplies_to = { service = \"sms\" }\nprice = \"0.333333 per event\"\n";
    let sms = |day: &str| {
        format!(
            r#"{{"service":"sms","subscription":"S-1","to":"+34600000009","start":"2026-{day}T12:00:00Z"}}"#
        )
    };
    let (_folder, pipeline) = pipeline(plan, &[]);
    let lines = [sms("10-02"), sms("11-02"), sms("10-03"), sms("10-04")];
    let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
    let mut closed = String::new();
    for line in answers(&pipeline, &lines).iter().filter(|line| line["type"] == "cycle") {
        let text = |name: &str| line[name].as_str().unwrap();
        let (cycle, amount, rounding) = (text("cycle"), text("amount"), text("rounding"));
        writeln!(closed, "{} {cycle} {} {amount} {rounding}", text("account"), line["events"]).unwrap();
    }
    assert_eq!(closed, "A-1 2026-10-01 3 1.00 0.000001\nA-1 2026-11-01 1 0.33 -0.003333\n");
}

#[test]
fn the_same_id_is_the_same_event_wherever_it_stands() {
    let (_folder, pipeline) = pipeline(&voice("0.60 per 60 s", "1/1", ""), &[]);
    let line = call("60", "+34915550123");
    let anonymous = line.replace("\"id\":\"c\",", "");
    let answers = answers(&pipeline, &[&line, &anonymous, &line, &anonymous].map(|line| line.as_bytes()));
    let id = |at: usize| answers[at]["events"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(id(0), id(2));
    assert_ne!(id(1), id(3));
    assert_ne!(id(0), id(1));
}
