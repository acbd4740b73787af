//! What is wrong with plans and tables: each finding with file, line, column, what was found and what was expected.
//! Relies on the public interface only.
//! Never checks a price: that is the rating's business.
#![allow(clippy::unwrap_used, reason = "what tests share fails as they do")]

use caudal_tariff::{SourceFile, Sources, Tariff, compile};

const HEAD: &str = "id = \"p\"\nname = \"P\"\ncurrency = \"EUR\"\nvalid_from = 2026-01-01\n";
const RATE: &str = "[[rate]]\nid = \"r\"\napplies_to = { service = \"voice\" }\nprice = \"0.10 per 60 s\"\n";
const ZONES: &str = "prefix,zone,valid_from,valid_to\n34,es,,\n33,fr,,\n";
const TABLE: &str =
    "zone,band,price,per,first,next,connection_fee,valid_from,valid_to\nfr,,0.60,60 s,30,6,0.15,,\n";

fn file(path: &str, text: impl Into<Vec<u8>>) -> SourceFile {
    SourceFile { path: path.into(), bytes: text.into() }
}

fn run(plans: &[&str], table: &str, zones: &str, holidays: &str) -> (Option<Tariff>, String) {
    let named = |(index, text): (usize, &&str)| file(&format!("plans/{index}.toml"), *text);
    let sources = Sources {
        plans: plans.iter().enumerate().map(named).collect(),
        tables: vec![file("rates/t.csv", table)],
        zones: Some(file("zones.csv", zones)),
        holidays: Some(file("holidays.csv", holidays)),
        ..Sources::default()
    };
    let (tariff, findings) = compile(&sources);
    (tariff, findings.iter().map(|finding| format!("{finding}\n")).collect())
}

/// The plan is refused, and the findings contain every text.
#[track_caller]
fn refused(plan: &str, expected: &[&str]) {
    let (tariff, findings) = run(&[plan], TABLE, ZONES, "calendar,date\n");
    assert!(tariff.is_none(), "accepted: {plan}\n{findings}");
    for text in expected {
        assert!(findings.contains(text), "{findings}\ndoes not contain\n{text}\nfor\n{plan}");
    }
}

/// The plan is accepted with a warning.
#[track_caller]
fn warned(plan: &str, expected: &str) {
    let (tariff, findings) = run(&[plan], TABLE, ZONES, "calendar,date\n");
    assert!(tariff.is_some() && findings.contains(expected), "{findings}\ndoes not contain\n{expected}");
}

fn with(rate: &str) -> String {
    format!("{HEAD}[[rate]]\nid = \"r\"\n{rate}\n")
}

#[test]
fn a_sound_plan_has_no_findings() {
    let (tariff, findings) = run(&[&format!("{HEAD}{RATE}")], TABLE, ZONES, "calendar,date\nes,2026-10-12\n");
    assert_eq!(findings, "");
    let tariff = tariff.unwrap();
    assert_eq!((tariff.plan("p"), tariff.plan("q")), (Some(0), None));
    assert_eq!(tariff.version().len(), 16);
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&tariff);
}

#[test]
fn every_finding_of_a_file_is_shown_at_its_place() {
    let plan =
        "id = \"p q\"\nname = 7\ncurrency = \"EURO\"\nvalid_from = \"2026\"\nvalid_until = 2026-01-01\n";
    refused(
        plan,
        &[
            "plans/0.toml:1:6: error: `id` is \"p q\", expected at most 64 letters",
            "plans/0.toml:2:8: error: `name` is 7, expected a text in quotes",
            "plans/0.toml:3:12: error: `currency` is \"EURO\", expected an ISO 4217 code",
            "plans/0.toml:4:14: error: `valid_from` is \"2026\", expected a day without quotes",
        ],
    );
    refused(
        &format!("{HEAD}valid_until = 2026-01-01\n{RATE}"),
        &[
            "plans/0.toml:5:1: error: unknown key \"valid_until\", expected one of: id, name, currency, valid_from, valid_to",
        ],
    );
    refused("id = \"p\n", &["plans/0.toml:1:", "not TOML"]);
    refused("", &["`id` is missing", "`valid_from` is missing"]);
}

#[test]
fn small_grammars_point_at_the_character() {
    let voice = "applies_to = { service = \"voice\" }\n";
    for (rate, expected) in [
        (
            "price = \"0.10 pr 60 s\"",
            "plans/0.toml:8:14: error: `price` is \"0.10 pr 60 s\", expected ` per `",
        ),
        ("price = \"0.10 per 60 kB\"", "`price` is per octet, expected ms for these services"),
        ("price = \"-0.10 per 60 s\"", "`price` is below zero"),
        (
            "price = \"1 per s\"\nincrements = \"0/6\"",
            "9:15: error: `increments` is \"0/6\", expected a whole number",
        ),
        ("price = \"1 per s\"\nincrements = \"30/\"", "expected a number such as"),
        ("price = \"1 per s\"\nconnection_fee = 0.15", "`connection_fee` is 0.15, expected a text in quotes"),
        ("price = \"1 per s\"\npriority = 0", "`priority` is 0, expected a whole number from 1"),
        ("", "no price, expected one of: price, table, steps, tiers"),
        ("price = \"1 per s\"\ntable = \"rates/t.csv\"", "`table` beside `price`"),
        (
            "table = \"rates/x.csv\"",
            "`table` is \"rates/x.csv\", expected a rate table of the pipeline: rates/t.csv",
        ),
        ("table = \"rates/t.csv\"\nincrements = \"1\"", "`increments` beside `table`"),
    ] {
        refused(&with(&format!("{voice}{rate}")), &[expected]);
    }
    for (conditions, expected) in [
        ("{ service = \"fax\" }", "7:26: error: found \"fax\", expected one of: voice, sms, data, content"),
        ("{ zone = \"es\" }", "`service` is missing"),
        ("{ service = \"voice\", zone = [\"es\", \"xx\"] }", "zone \"xx\" is not in zones.csv"),
        ("{ service = [\"voice\", \"data\"] }", "`price` is per ms, expected event for these services"),
        ("{ service = \"voice\", rating_group = 1 }", "`rating_group` never holds here"),
        ("{ service = \"voice\", direction = \"up\" }", "found \"up\", expected one of: out, in"),
        ("{ service = [] }", "at least one text"),
        ("5", "`applies_to` is 5, expected a table in braces"),
    ] {
        refused(&with(&format!("applies_to = {conditions}\nprice = \"1 per s\"")), &[expected]);
    }
}

#[test]
fn what_recurring_charges_cannot_say_yet_is_refused_by_name() {
    let charge = "[[recurring]]\nid = \"f\"\nprice = \"5.00\"\nevery = \"1 month\"\n";
    refused(&format!("{HEAD}{RATE}{charge}trial = \"30 days\"\n"), &["error: `trial` is not supported yet"]);
}

#[test]
fn options_that_cannot_stand_together_are_refused() {
    let voice = |more: &str| with(&format!("applies_to = {{ service = \"voice\" }}\n{more}"));
    for (more, expected) in [
        (
            "price = \"1 per s\"\nsteps = [ { price = \"1 per s\" } ]",
            "`steps` beside `price`, expected one of them",
        ),
        ("steps = [ { up_to = \"1 s\", price = \"1 per s\" } ]", "the last step has `up_to`"),
        ("steps = [ { price = \"1 per s\" } ]\nfree = \"1 s\"", "`free` beside `steps`"),
        ("steps = []", "no steps, expected at least one"),
        (
            "price = \"1 per s\"\nfree = \"1 s\"\nbands = [ { name = \"a\", hours = \"08:00-20:00\", steps = [ { price = \"1 per s\" } ] }, { name = \"b\" } ]",
            "`free` beside steps of a band",
        ),
        ("price = \"1 per s\"\nfree = \"1 kB\"", "`free` counts octet, expected ms as the rate's price"),
        ("price = \"1 per s\"\ngrace = \"0 s\"", "expected a whole number"),
        (
            "price = \"1 per s\"\nminimum_charge = \"2\"\nmaximum_charge = \"1\"",
            "`maximum_charge` is below `minimum_charge`",
        ),
        ("price = \"1 per s\"\nminimum_charge = \"-1\"", "`minimum_charge` is -1, expected zero or more"),
        (
            "price = \"1 per s\"\nsplit = \"never\"",
            "`split` is \"never\", expected one of: by_increment, exact, start",
        ),
        ("price = \"1 per s\"\npartial = \"half\"", "expected one of: whole, pro_rata"),
        ("price = \"1 per s\"\ntime_zone = \"Mars\"", "`time_zone` is \"Mars\""),
        (
            "price = \"1 per s\"\nfree = \"1 s\"\nround_over = \"day\"",
            "`round_over` of a day or a cycle beside steps",
        ),
        ("price = \"1 per event\"\nround_over = \"day\"", "`round_over` beside a price per event"),
        ("price = \"1 per s\"\ncap = { per = \"cycle\" }", "`amount` is missing"),
        (
            "price = \"1 per s\"\ncap = { amount = \"1\", per = \"year\" }",
            "expected one of: cycle, day, week",
        ),
        ("price = \"1 per s\"\nfee_when_covered = \"no\"", "expected true or false, without quotes"),
        ("pass_through = {}\nincrements = \"1\"", "`increments` beside `pass_through`"),
        ("pass_through = { markup = \"-1\" }", "`markup` is below zero"),
        ("percentage = { fixed = \"1\" }", "`percent` is missing"),
        ("tiers = { model = \"steep\" }", "expected one of: graduated, volume, package, stair_step"),
        (
            "tiers = { model = \"volume\", over = \"day\", steps = [ { price = \"1 per s\" } ] }",
            "`over` is a day or a week",
        ),
        ("tiers = { model = \"package\", price = \"1\" }", "`size` is missing"),
        (
            "tiers = { model = \"stair_step\", steps = [ { price = \"1 per s\" } ] }",
            "`price` of a stair step",
        ),
        ("applies_to = 5", "not TOML"),
    ] {
        refused(&voice(more), &[expected]);
    }
    for (when, expected) in [
        ("roaming_zone = \"fr\"", "`roaming_zone` never holds: there is no networks.csv"),
        ("special = \"fun\"", "expected one of: emergency, free, premium, test"),
        ("on_net = \"yes\"", "expected true or false"),
        ("band = \"peak\"", "`band` of a rate (peak)"),
        ("hours = \"20:00-08:00\"", "times inside one day"),
        ("attribute = { trunk = 5 }", "`trunk` is 5, expected a text in quotes"),
    ] {
        refused(
            &with(&format!("applies_to = {{ service = \"voice\", {when} }}\nprice = \"1 per s\"")),
            &[expected],
        );
    }
}

#[test]
fn allowances_discounts_and_charges_are_checked() {
    let allowance = |more: &str| {
        format!("{HEAD}{RATE}[[allowance]]\nid = \"a\"\napplies_to = {{ service = \"voice\" }}\n{more}\n")
    };
    for (more, expected) in [
        ("", "`quantity` is missing"),
        ("quantity = \"1 h\"\namount = \"1\"", "`amount` beside `quantity`"),
        ("amount = \"1\"\nratio = \"2\"", "`ratio` of money"),
        ("quantity = \"1 h\"\nratio = \"0\"", "`ratio` is not above zero"),
        ("quantity = \"1 h\"\nrefill = \"year\"", "`refill` is \"year\""),
        ("quantity = \"1 h\"\nrefill = { every = \"30 days\" }", "`from` is missing"),
        ("quantity = \"1 h\"\npooled = true", "`pooled` of one subscription"),
        (
            "quantity = \"1 h\"\nrefill = \"once\"\nrollover = { max = \"1 h\" }",
            "`rollover` of an allowance that is not refilled",
        ),
        (
            "quantity = \"1 h\"\nrollover = { min = \"2 h\", max = \"1 h\" }",
            "`rollover` has a `min` above its `max`",
        ),
        ("quantity = \"1 h\"\nrollover = { max = \"1 GB\" }", "`max` is \"1 GB\", expected ms"),
        ("quantity = \"1 h\"\nover_use = \"2 h\"", "`over_use` is more than one refill"),
        ("quantity = \"1 h\"\nfloor = \"-1\"", "`floor` of a quantity"),
        ("amount = \"5\"\nfloor = \"1\"", "`floor` is above zero"),
        ("quantity = \"1 h\"\nexpires = \"soon\"", "`expires` is \"soon\""),
        ("quantity = \"1 h\"\nthresholds = [0]", "`thresholds` are not at most 10 percents"),
        ("quantity = \"1 h\"\nincrements = \"1 kB\"", "`increments` counts octet, expected ms"),
        ("quantity = \"1 h\"\nprice = \"1 per kB\"", "`price` is per octet, expected ms"),
        ("quantity = \"1 h\"\nrest = \"ends\"", "expected one of: goes_on, restarts"),
    ] {
        refused(&allowance(more), &[expected]);
    }
    let mixed = allowance("quantity = \"1 h\"\nincrements = \"raw\"")
        + "[[allowance]]\nid = \"b\"\napplies_to = { service = \"voice\", band = \"night\" }\nquantity = \"1 h\"\n";
    refused(&mixed, &["allowance `b` takes from bands, and `a` in portions of its own"]);
    for (item, expected) in [
        ("[[discount]]\nid = \"d\"\n", "nothing to take off, expected one of: percent, amount, price, free"),
        ("[[discount]]\nid = \"d\"\npercent = \"101\"\n", "`percent` is not from 0 to 100"),
        (
            "[[discount]]\nid = \"d\"\npercent = \"10\"\nscope = \"x\"\n",
            "`scope` names \"x\", expected a rate of the plan: r",
        ),
        ("[[discount]]\nid = \"d\"\npercent = \"10\"\nlasts = \"long\"\n", "`lasts` is \"long\""),
        (
            "[[discount]]\nid = \"d\"\npercent = \"10\"\nredemptions = { total = 5 }\n",
            "`redemptions` without a `code`",
        ),
        ("[[cap]]\nid = \"c\"\n", "`amount` is missing"),
        ("[[commitment]]\nid = \"c\"\namount = \"-1\"\n", "`amount` is below zero"),
        ("[[capacity]]\nid = \"c\"\nsteps = [ { price = \"1\" } ]\n", "`meters` is missing"),
        (
            "[[capacity]]\nid = \"c\"\nmeters = { m = { service = \"voice\" } }\nsteps = [ { holds = { x = \"1 h\" }, price = \"1\" }, { price = \"2\" } ]\n",
            "`holds` says \"x\", expected a meter",
        ),
    ] {
        refused(&format!("{HEAD}{RATE}{item}"), &[expected]);
    }
}

#[test]
fn bands_must_tile_the_week() {
    let bands = |list: &str| {
        with(&format!("applies_to = {{ service = \"voice\" }}\nprice = \"1 per s\"\nbands = [ {list} ]"))
    };
    for (list, expected) in [
        ("{ name = \"a\", days = \"mon-sat\" }", "no band on sun from 00:00 to 24:00"),
        ("{ name = \"a\", hours = \"08:00-20:00\" }", "no band on mon from 00:00 to 08:00"),
        (
            "{ name = \"a\", hours = \"00:00-12:00\" }, { name = \"b\", hours = \"11:00-24:00\" }",
            "bands \"a\" and \"b\" overlap on mon from 11:00",
        ),
        (
            "{ name = \"a\" }, { name = \"b\", days = \"mon\" }",
            "a band without days and hours, expected it at the end only",
        ),
        ("{ name = \"a\", days = \"mon\" }, { name = \"a\" }", "band \"a\" stands twice"),
        ("{ name = \"a\", hours = \"22:00-06:00\" }, { name = \"b\" }", "expected times inside one day"),
        (
            "{ name = \"a\", days = \"holiday\", price = \"1 per kB\" }, { name = \"b\" }",
            "`price` is per octet",
        ),
        ("", "`bands` is empty"),
    ] {
        refused(&bands(list), &[expected]);
    }
    let holidays = bands("{ name = \"a\", days = \"holiday\" }, { name = \"b\" }");
    refused(&holidays, &["bands name holidays, but no calendar is chosen"]);
    refused(
        &format!("{HEAD}holidays = \"es\"\n{RATE}"),
        &["`holidays` is \"es\", expected a calendar of holidays.csv"],
    );
}

#[test]
fn tiers_and_allowances() {
    let tiers = |steps: &str| {
        with(&format!(
            "applies_to = {{ service = \"sms\" }}\ntiers = {{ model = \"graduated\", over = \"cycle\", steps = [ {steps} ] }}"
        ))
    };
    for (steps, expected) in [
        ("", "no tiers, expected at least one step"),
        ("{ up_to = \"5 events\", price = \"1 per event\" }", "the last step has `up_to`, expected it open"),
        (
            "{ up_to = \"5 events\", price = \"1 per event\" }, { up_to = \"5 events\", price = \"1 per event\" }, { price = \"1 per event\" }",
            "out of order, expected `up_to` above that of the step before",
        ),
        ("{ price = \"1 per event\" }, { price = \"1 per event\" }", "`up_to` is missing"),
        (
            "{ up_to = \"5 kB\", price = \"1 per event\" }, { price = \"1 per event\" }",
            "`up_to` counts octet, expected event",
        ),
        (
            "{ up_to = \"0 events\", price = \"1 per event\" }, { price = \"1 per event\" }",
            "expected a whole number",
        ),
    ] {
        refused(&tiers(steps), &[expected]);
    }
    let allowance = "[[allowance]]\nid = \"a\"\nquantity = \"1 GB\"\napplies_to = { service = \"data\" }\n";
    warned(&format!("{HEAD}{RATE}{allowance}"), "9:1: warning: nothing can consume allowance `a`");
    refused(&format!("{HEAD}{RATE}{allowance}{allowance}"), &["which another allowance of this plan has"]);
    refused(
        &format!("{HEAD}{RATE}{}", allowance.replace("1 GB", "1 h")),
        &["`quantity` counts ms, expected octet"],
    );
}

#[test]
fn overlaps_need_a_priority() {
    let rate = |id: &str, conditions: &str, more: &str| {
        format!(
            "[[rate]]\nid = \"{id}\"\napplies_to = {{ service = \"voice\"{conditions} }}\nprice = \"1 per s\"\n{more}\n"
        )
    };
    let two = |one: String, other: String| format!("{HEAD}{one}{other}");
    refused(
        &two(rate("a", "", ""), rate("b", "", "")),
        &["rates `a` and `b` overlap and neither is more specific (give one"],
    );
    refused(&two(rate("a", ", zone = \"es\"", ""), rate("b", ", direction = \"out\"", "")), &["overlap"]);
    warned(
        &two(rate("a", "", "priority = 1"), rate("b", ", zone = \"es\"", "")),
        "rate `b` is never reached: `a` always comes first",
    );
    let fine = two(rate("a", ", zone = \"es\"", "priority = 1"), rate("b", ", direction = \"out\"", ""));
    assert_eq!(run(&[&fine], TABLE, ZONES, "calendar,date\n").1, "");
}

#[test]
fn versions_and_bases_of_plans() {
    let plan = |id: &str, from: &str, more: &str| {
        format!("id = \"{id}\"\nname = \"P\"\ncurrency = \"EUR\"\nvalid_from = {from}\n{more}\n{RATE}")
    };
    let check = |plans: &[&str], expected: &str| {
        let (_, findings) = run(plans, TABLE, ZONES, "calendar,date\n");
        assert!(findings.contains(expected), "{findings}\ndoes not contain\n{expected}");
    };
    let (open, later) = (plan("p", "2026-01-01", ""), plan("p", "2026-03-01", ""));
    check(&[&open, &later], "plans/1.toml:1:6: error: plan `p` is valid at the same time in plans/0.toml");
    let ended = plan("p", "2026-01-01", "valid_to = 2026-02-01");
    check(&[&ended, &later], "warning: plan `p` has no version from 2026-02-01 to 2026-03-01");
    check(
        &[&plan("p", "2026-01-01", "valid_to = 2025-02-01")],
        "`valid_to` is 2025-02-01, expected a day after valid_from",
    );
    check(
        &[&plan("p", "2026-01-01", "base = \"q\"")],
        "plans/0.toml:5:8: error: `base` is \"q\", expected the id of a plan",
    );
    let (left, right) = (plan("p", "2026-01-01", "base = \"q\""), plan("q", "2026-01-01", "base = \"p\""));
    check(&[&left, &right], "`base` of plan `p` leads in a circle");
    check(
        &[&left, &plan("q", "2026-01-01", "").replace("EUR", "USD")],
        "`base` charges in USD, expected EUR",
    );
}

#[test]
fn tables_name_row_and_column() {
    let plan = format!("{HEAD}{RATE}");
    let check = |table: &str, zones: &str, holidays: &str, expected: &str| {
        let (_, findings) = run(&[&plan], table, zones, holidays);
        assert!(findings.contains(expected), "{findings}\ndoes not contain\n{expected}");
    };
    let head = "zone,band,price,per,first,next,connection_fee,valid_from,valid_to\n";
    for (row, expected) in [
        ("xx,,1,60,,,,,", "rates/t.csv:2:1: error: `zone` is \"xx\", expected a zone of zones.csv"),
        ("fr,,x,60,,,,,", "rates/t.csv:2:5: error: `price` is \"x\""),
        ("fr,,1,0,,,,,", "rates/t.csv:2:7: error: `per` is \"0\", expected a whole number"),
        ("fr,,1,60,0,,,,", "2:10: error: `first` is \"0\""),
        ("fr,,1,60,1 kB,,,,", "`first` is \"1 kB\", expected the same kind of unit"),
        ("fr,,1,60,,,,2026-02-30,", "`valid_from` is \"2026-02-30\", expected a day"),
        (
            "fr,,1,60,,,,2026-02-03,2026-02-03",
            "`valid_to` is \"2026-02-03\", expected a day after valid_from",
        ),
        (
            "fr,,1,60,,,,,\n\nfr,,1,60,,,,,",
            "rates/t.csv:4: error: zone fr is priced twice at the same time, see line 2",
        ),
        (
            "fr,,1,60,,,,,2026-02-01\nfr,,1,60,,,,2026-03-01,",
            "warning: zone fr has no price from 2026-02-01 to 2026-03-01",
        ),
        ("fr,,1", "rates/t.csv:2"),
        ("", "no row found"),
    ] {
        check(&format!("{head}{row}\n"), ZONES, "calendar,date\n", expected);
    }
    check("zone,price\n", ZONES, "calendar,date\n", "column `per` is missing");
    check("zone,price,per,colour\n", ZONES, "calendar,date\n", "unknown column \"colour\"");
    let zones = |rows: &str| format!("prefix,zone,valid_from,valid_to\n{rows}\n33,fr,,\n");
    check(
        TABLE,
        &zones("+34,es,,"),
        "calendar,date\n",
        "zones.csv:2:1: error: `prefix` is \"+34\", expected 1 to 15 digits",
    );
    check(
        TABLE,
        &zones("34,es,,\n34,fr,,"),
        "calendar,date\n",
        "zones.csv:3: error: prefix 34 is valid twice",
    );
    check(TABLE, &zones("34,,,"), "calendar,date\n", "`zone` is \"\"");
    check(
        TABLE,
        ZONES,
        "calendar,date\nes,2026-13-01\n",
        "holidays.csv:2:4: error: `date` is \"2026-13-01\"",
    );
    check(
        TABLE,
        ZONES,
        "calendar,date\nes,2026-01-01\nes,2026-01-01\n",
        "a day that is not in this calendar yet",
    );
}

#[test]
fn a_table_must_price_every_band_of_its_rate() {
    let plan = |bands: &str| {
        with(&format!("applies_to = {{ service = \"voice\" }}\ntable = \"rates/t.csv\"\n{bands}"))
    };
    let table = "zone,band,price,per\nfr,day,1,60\n";
    let check = |bands: &str, expected: &str| {
        let (tariff, findings) = run(&[&plan(bands)], table, ZONES, "calendar,date\n");
        assert!(tariff.is_none() && findings.contains(expected), "{findings}\ndoes not contain\n{expected}");
    };
    check("", "rates/t.csv has rows for band \"day\", which the rate does not name");
    check(
        "bands = [ { name = \"day\", days = \"mon\" }, { name = \"other\" } ]",
        "has no row for zone fr in band \"other\"",
    );
}

#[test]
fn hostile_sources_are_findings_and_never_a_panic() {
    let deep = format!("{HEAD}x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let wide = format!(
        "{HEAD}{}",
        (0..5000).map(|at| RATE.replace("\"r\"", &format!("\"r{at}\""))).collect::<String>()
    );
    let big = format!("{HEAD}{}", "#".repeat(5 << 20));
    let long = format!("{HEAD}{}", RATE.replace("0.10 per", &format!("{} per", "9".repeat(10_000))));
    for plan in
        [&deep, &wide, &big, &long, "\u{feff}", "a.b.c = 1", "[[rate]]", "rate = 5", "[rate]\nid = 1", "\0"]
    {
        refused(plan, &[]);
    }
    let sources = Sources { plans: vec![file("plans/x.toml", vec![b'i', b'd', 0xFF])], ..Sources::default() };
    let (tariff, findings) = compile(&sources);
    assert!(tariff.is_none());
    assert_eq!(findings[0].to_string(), "plans/x.toml:1: error: byte 2 is not UTF-8");
    for table in [
        "\"",
        "zone,price,per\n\"",
        "\u{feff}zone,price,per\r\nfr,1,60\r\n",
        "zone,zone,price,per\nfr,fr,1,1\n",
        ",,,\n",
    ] {
        run(&[&format!("{HEAD}{RATE}")], table, table, table);
    }
    let rows: String = (0..200_000).map(|_| "x,y,z\n").collect();
    let (_, findings) = run(&[], &format!("zone,price,per\n{rows}"), ZONES, "calendar,date\n");
    assert!(findings.lines().count() <= 105 && findings.contains("more findings are not shown"));
}

#[test]
fn hashes_name_the_content_that_a_plan_uses() {
    let table_plan = with("applies_to = { service = \"voice\" }\ntable = \"rates/t.csv\"");
    let plain = format!("{HEAD}{RATE}").replace("\"p\"", "\"q\"");
    let of = |table: &str, plan: &str| {
        let tariff = run(&[&table_plan, plan], table, ZONES, "calendar,date\n").0.unwrap();
        let version =
            |id: &str| tariff.plans()[tariff.plan(id).unwrap() as usize].versions[0].version.to_string();
        (tariff.version().to_owned(), version("p"), version("q"))
    };
    let (first, again) = (of(TABLE, &plain), of(TABLE, &plain));
    assert_eq!(first, again);
    let dearer = of(&TABLE.replace("0.60", "0.61"), &plain);
    assert!(first.0 != dearer.0 && first.1 != dearer.1 && first.2 == dearer.2);
    let other = of(TABLE, &plain.replace("0.10", "0.11"));
    assert!(first.0 != other.0 && first.1 == other.1 && first.2 != other.2);
}

#[test]
fn counters_are_numbered_by_name_and_shared_by_versions() {
    let allowance = |id: &str| {
        format!("[[allowance]]\nid = \"{id}\"\nquantity = \"1 h\"\napplies_to = {{ service = \"voice\" }}\n")
    };
    let old = format!("{HEAD}valid_to = 2026-02-01\n{RATE}{}{}", allowance("z"), allowance("a"));
    let new = format!("{}{RATE}{}", HEAD.replace("2026-01-01", "2026-02-01"), allowance("z"));
    let (tariff, findings) = run(&[&old, &new], TABLE, ZONES, "calendar,date\n");
    assert_eq!(findings, "");
    let tariff = tariff.unwrap();
    let (first, last) = (tariff.counter("p/allowance/a").unwrap(), tariff.counter("p/allowance/z").unwrap());
    assert_eq!((first.0, last.0), (0, 1));
    assert_eq!(tariff.counter_name(last), "p/allowance/z");
    assert_eq!(tariff.counter("p/allowance/b"), None);
    let [one, two] = &*tariff.plans()[0].versions else { panic!("two versions") };
    assert_eq!((one.allowances[0].counter, two.allowances[0].counter), (last, last));
}

#[test]
fn a_prefix_that_is_never_the_longest_is_named() {
    let mut zones = String::from("prefix,zone\n34,es\n340,es\n");
    (0..10).for_each(|digit| zones.push_str(&format!("34{digit}1,x\n")));
    let check = |zones: &str| {
        run(&[&format!("{HEAD}{RATE}")], "zone,price,per\nes,1,60\n", zones, "calendar,date\n").1
    };
    assert_eq!(check(&zones), "");
    (1..10).for_each(|digit| zones.push_str(&format!("34{digit},x\n")));
    assert!(check(&zones).contains("zones.csv:2: warning: prefix 34 is never reached"), "{}", check(&zones));
}

const EVERYTHING: &str = include_str!("everything.toml");

fn everything(text: &str) -> (Option<Tariff>, String) {
    let sources = Sources {
        plans: vec![file("plans/everything.toml", text)],
        tables: vec![file("rates/t.csv", TABLE)],
        zones: Some(file("zones.csv", ZONES)),
        holidays: Some(file("holidays.csv", "calendar,date\nes,2026-10-12\n")),
        networks: Some(file("networks.csv", "network,zone\n214,home\n")),
        numbers: Some(file("numbers.csv", "prefix,on_net,special\n34806,,premium\n")),
        exchange: None,
    };
    let (tariff, findings) = compile(&sources);
    (tariff, findings.iter().map(|finding| format!("{finding}\n")).collect())
}

#[test]
fn a_plan_may_have_every_key() {
    let (tariff, findings) = everything(EVERYTHING);
    assert!(tariff.is_some(), "{findings}");
}

/// Each word and number of it, in turn replaced by something absurd: found, or accepted, and never a panic.
#[test]
fn a_plan_with_one_absurd_value_is_a_finding_or_a_plan() {
    let values =
        ["-1", "0", "\"\"", "\"0\"", "\"-5 s\"", "\"99999999999999999999 TB\"", "[]", "{}", "true", "\"x\""];
    let mut tried = 0;
    for (at, line) in EVERYTHING.lines().enumerate().filter(|(_, line)| line.contains(" = ")) {
        for (from, _) in line.match_indices(" = ") {
            let head = line.get(..from + 3).unwrap_or_default();
            for value in values {
                let end = line.get(from + 3..).unwrap_or_default().find([',', '}']).map(|end| from + 3 + end);
                let tail =
                    end.and_then(|end| line.get(end..)).filter(|_| line.contains('{')).unwrap_or_default();
                let absurd = format!("{head}{value}{tail}");
                let text: Vec<&str> = EVERYTHING
                    .lines()
                    .enumerate()
                    .map(|(index, line)| if index == at { absurd.as_str() } else { line })
                    .collect();
                let (tariff, findings) = everything(&text.join("\n"));
                assert!(tariff.is_some() || !findings.is_empty(), "{absurd}");
                tried += 1;
            }
        }
    }
    println!("cases: {tried}");
    assert!(tried > 1_500, "{tried}");
}

#[test]
fn hundreds_of_thousands_of_rate_rows_are_read_at_once() {
    let mut zones = String::from("prefix,zone\n");
    let mut rows = String::from("zone,band,price,per,first,next,connection_fee,valid_from,valid_to\n");
    for zone in 0..100_000 {
        zones.push_str(&format!("{},z{zone}\n", 1_000_000 + zone));
        rows.push_str(&format!(
            "z{zone},,0.{zone:05},60 s,60,1,,,2027-01-01\nz{zone},,0.5,60 s,60,1,,2027-01-01,\n"
        ));
    }
    let plan = with("applies_to = { service = \"voice\" }\ntable = \"rates/t.csv\"");
    let (tariff, findings) = run(&[&plan], &rows, &zones, "calendar,date\n");
    assert!(tariff.is_some() && findings.is_empty(), "{findings}");
    println!("cases: 200000");
}
