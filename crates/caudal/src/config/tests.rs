use super::*;
use caudal_cdr::Framing;
use caudal_connect::topic::{TopicConfig, Value};
use tempfile::TempDir;

const PLAN: &str = r#"id = "basic"
name = "Basic"
currency = "EUR"
valid_from = 2026-01-01

[[rate]]
id = "voice"
applies_to = { service = "voice" }
price = "0.10 per 60 s"
"#;

const ACCOUNTS: &str = "account,currency,time_zone,cycle_anchor,valid_from,valid_to\n\
    A-77,EUR,Europe/Madrid,1,2026-01-01,\nA-78,EUR,UTC,2026-01-31,,\n";

const SUBSCRIPTIONS: &str = "subscription,account,plan,msisdn,imsi,valid_from,valid_to\n\
    S-1001,A-77,basic,34915550123,214070000000001,2026-02-01,2026-07-01\n\
    S-1001,A-77,basic,+34915550124,214070000000001,2026-07-01,\n";

/// The pipeline of the manual's first page.
const QUICKSTART: &str = r#"
name = "quickstart"
output = "out"
dedup = { window = "90 days" }

[[source]]
name = "pbx-madrid"
format = "asterisk"
directory = "../asterisk"
complete = "renamed"
after = "keep"
time_zone = "Europe/Madrid"
numbers = { country = "34", national_prefix = "", international_prefix = "00" }

[[source]]
name = "msc-1"
format = "delimited"
directory = "../delimited"
separator = ";"
header = true
key = ["node", "call_id", "sequence"]
billed = ["start", "duration", "calling", "called"]
partial = { session = ["node", "call_id"], sequence = "sequence", last = { cause = "0" } }
fields = [
  { to = "start",    from = "seizure_time", type = "time", format = "%Y%m%d%H%M%S" },
  { to = "duration", from = "dur_s",        type = "duration", unit = "s" },
  { to = "calling",  from = "a_number",     type = "number" },
  { to = "called",   from = "b_number",     type = "number" },
]
filter = [ { when = { answered = "0" }, code = "unanswered" } ]
"#;

/// A source that needs nothing more.
const SOURCE: &str =
    "[[source]]\nname = \"a\"\nformat = \"asterisk\"\ndirectory = \"in\"\ntime_zone = \"UTC\"\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let standard = [
        ("plans/basic.toml", PLAN),
        ("reference/accounts.csv", ACCOUNTS),
        ("reference/subscriptions.csv", SUBSCRIPTIONS),
        ("pipeline.toml", QUICKSTART),
    ];
    std::fs::create_dir(folder.path().join("in")).unwrap();
    for (name, content) in standard.iter().chain(files) {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match *content {
            "(none)" => std::fs::remove_file(path).unwrap(),
            content => std::fs::write(path, content).unwrap(),
        }
    }
    folder
}

/// Every finding of a folder in which these files stand, as text.
fn findings(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let found = match Pipeline::load(folder.path()) {
        Ok(pipeline) => pipeline.warnings,
        Err(found) => found,
    };
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn the_quickstart_loads() {
    let folder = folder(&[]);
    let mut pipeline = Pipeline::load(&folder.path().join(PIPELINE_FILE)).unwrap();
    assert_eq!((pipeline.name.as_str(), pipeline.output.as_path()), ("quickstart", Path::new("out")));
    assert_eq!(pipeline.dedup, DedupConfig { window_days: 90, memory: 512 << 20 });
    assert_eq!(pipeline.engine, EngineConfig::default());
    assert_eq!(pipeline.metrics, MetricsConfig::default());
    let sources: Vec<_> = pipeline
        .sources
        .iter()
        .map(|source| {
            (
                source.name.as_str(),
                source.format.name(),
                source.rules.source,
                source.directory().unwrap().source,
            )
        })
        .collect();
    assert_eq!(sources, [("msc-1", "delimited", 0, 0), ("pbx-madrid", "asterisk", 1, 1)]);
    let [msc, pbx] = pipeline.sources.as_slice() else { panic!() };
    assert_eq!(msc.directory().unwrap().directory, folder.path().join("../delimited"));
    assert_eq!(msc.assembly, Some(caudal_mediation::assemble::Rule::default()));
    assert_eq!((pbx.assembly, pbx.rules.zone.name()), (None, "Europe/Madrid"));
    assert_eq!(pbx.rules.numbers.country, "34");
    let warnings: Vec<_> = pipeline.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert_eq!(warnings[0], "the source has no `time_zone`: times without an offset are read as UTC");
    assert_eq!(pipeline.generation.len(), 16);

    let reference = &pipeline.reference;
    let at = |text: &str| caudal_usage::Timestamp::parse_rfc3339(text).unwrap().utc_ms;
    let number = |text: &str| caudal_usage::Digits::parse(text.as_bytes()).unwrap();
    // Days begin in the account's zone.
    assert_eq!(reference.by_number(number("34915550123"), at("2026-01-31T22:59:59Z")), None);
    let first = reference.by_number(number("34915550123"), at("2026-01-31T23:00:00Z")).unwrap();
    let second = reference.by_number(number("34915550124"), at("2026-06-30T22:00:00Z")).unwrap();
    assert_eq!(reference.subscription(first).index, reference.subscription(second).index);
    assert_eq!(reference.account(reference.account_at(1, 0).unwrap()).anchor.0, 31);
    assert_eq!(pipeline.tariff.plan("basic"), Some(reference.subscription(first).plan));
    pipeline.reference.assign_slots(&caudal_usage::KeySecret([1; 16]));
}

#[test]
fn the_generation_is_the_content_of_what_prices_and_guides() {
    let generation = |files: &[(&str, &str)]| Pipeline::load(folder(files).path()).unwrap().generation;
    let all = "run,record_type,role,roaming,action\n*,moc,*,*,bill\n";
    let standard = generation(&[]);
    assert_eq!(generation(&[]), standard);
    assert_eq!(generation(&[("pipeline.toml", &format!("name = \"other\"\n{SOURCE}"))]), standard);
    assert_ne!(generation(&[("billable.csv", all)]), standard);
    assert_ne!(generation(&[("plans/basic.toml", &PLAN.replace("0.10", "0.11"))]), standard);
    assert_ne!(generation(&[("reference/accounts.csv", &ACCOUNTS.replace("A-78", "A-79"))]), standard);
}

#[test]
fn every_key_is_read() {
    let text = r#"
name = "all"
output = "results"
dedup = { window = "30 days", memory = "1 GiB" }
engine = { threads = 2, shards = 8, epoch_records = 50_000, epoch_bytes = "16 MiB" }
metrics = { listen = "[::1]:9464" }

[[source]]
name = "a"
format = "asterisk"
directory = "in"
stable_for = "30 s"
after = "archive"
archive = "done/{yyyy}/{mm}"
silent_after = "2 h"
ignore = ".md5"
repeated_hour = "second"
future = "2 h"
payer = "accountcode"
gmt = true
column_17 = "userfield"
node = "pbx-1"
numbers = { country = "34", national_min = 9, national_max = 9, extension = { length = 3, prefix = "3491555" } }

[[source]]
name = "b"
format = "delimited"
directory = "in/b"
marker = ".done"
after = "delete"
time_zone = "UTC"
separator = "|"
quote = '"'
columns = ["t", "o", "u", "k", "s", "n", "kind", "why"]
key = ["k", "n"]
day = "start"
service = "data"
record_type = "data"
direction = "out"
role = "originating"
node = "ggsn-1"
partial = { session = "k", sequence = "n", last = { why = ["0", "1"] }, first = 0, longest_hold = "2 days", on_gap = "rate" }
fields = [
  { to = "start", from = "t", type = "time", format = "epoch_s" },
  { to = "volume", from = "o", type = "volume", unit = "kB" },
  { to = "served_imsi", from = "s", type = "imsi" },
  { to = "attribute.apn", from = "u", type = "text", optional = true },
]
filter = { when = { kind = ["x", "y"] }, code = "not_billable" }
"#;
    // A list is needed, even of one.
    let text = text.replace("filter = {", "filter = [{").replace("\"not_billable\" }", "\"not_billable\" }]");
    let folder = folder(&[("pipeline.toml", &text)]);
    let pipeline = Pipeline::load(folder.path()).unwrap_or_else(|found| {
        panic!("{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    assert_eq!(pipeline.dedup, DedupConfig { window_days: 30, memory: 1 << 30 });
    let engine = EngineConfig {
        threads: Some(2),
        shards: Some(8),
        epoch_records: Some(50_000),
        epoch_bytes: Some(16 << 20),
    };
    assert_eq!(pipeline.engine, engine);
    assert_eq!(pipeline.metrics.listen, Some(([0, 0, 0, 0, 0, 0, 0, 1], 9464).into()));
    use caudal_connect::directory::{After, Complete};
    use caudal_mediation::assemble::{OnGap, Rule};
    let [a, b] = pipeline.sources.as_slice() else { panic!() };
    assert_eq!(a.directory().unwrap().complete, Complete::StableFor(30_000));
    assert_eq!(a.directory().unwrap().after, After::Archive(folder.path().join("done/{yyyy}/{mm}")));
    assert_eq!(a.directory().unwrap().silent_after_ms, Some(7_200_000));
    assert_eq!(a.directory().unwrap().ignore, [".md5"]);
    assert_eq!(a.rules.future_ms, 7_200_000);
    assert_eq!(a.rules.numbers.extensions.as_ref().unwrap().length, 3);
    assert_eq!(
        (&b.directory().unwrap().complete, &b.directory().unwrap().after),
        (&Complete::Marker(".done".into()), &After::Delete)
    );
    let rule = Rule { first_sequence: 0, longest_hold_ms: 172_800_000, on_gap: OnGap::Rate };
    assert_eq!(b.assembly, Some(rule));
}

#[test]
fn what_a_description_gets_wrong_is_said_where_it_stands() {
    let cases: &[(&str, &str)] = &[
        ("nme = \"x\"", "pipeline.toml:2:1: error: unknown key \"nme\" (did you mean `name`?)"),
        (
            "colour = 1",
            "pipeline.toml:2:1: error: unknown key \"colour\", expected one of: name, output, dedup, engine, metrics, kafka, source",
        ),
        ("output = 7", "pipeline.toml:2:10: error: `output` is 7, expected a text in quotes"),
        (
            "output = ",
            "pipeline.toml:2:10: error: is no TOML: string values must be quoted, expected literal string",
        ),
        (
            "dedup = { window = \"90\" }",
            "pipeline.toml:2:20: error: `window` is \"90\", expected whole days such as \"90 days\", from 1 to 3660",
        ),
        (
            "dedup = { window = \"36 h\" }",
            "pipeline.toml:2:20: error: `window` is \"36 h\", expected whole days such as \"90 days\", from 1 to 3660",
        ),
        (
            "dedup = { memory = \"9000000 TB\" }",
            "pipeline.toml:2:20: error: `memory` is \"9000000 TB\", expected a size such as \"256 MiB\", from 1 MiB to 1 TiB",
        ),
        (
            "engine = { threads = 99999999999999999999 }",
            "pipeline.toml:2:22: error: `threads` is 99999999999999999999, expected a whole number from 1 to 256",
        ),
        (
            "engine = { shards = 0 }",
            "pipeline.toml:2:21: error: `shards` is 0, expected a whole number from 1 to 256",
        ),
        ("engine = []", "pipeline.toml:2:10: error: `engine` is [], expected a table"),
        (
            "metrics = { listen = \"localhost\" }",
            "pipeline.toml:2:22: error: `listen` is \"localhost\", expected an IP address and a port such as \"127.0.0.1:9464\"",
        ),
        (
            "metrics = { listen = 9464 }",
            "pipeline.toml:2:22: error: `listen` is 9464, expected a text in quotes",
        ),
        ("metrics = {}", "pipeline.toml:2:11: error: `listen` is missing"),
        (
            "metrics = { listen = \"127.0.0.1:1\", lsten = 1 }",
            "pipeline.toml:2:37: error: unknown key \"lsten\" (did you mean `listen`?)",
        ),
        (
            "kafka = { brokers = \"x\" }",
            "pipeline.toml:2:21: error: `brokers` is \"x\", expected \"host:port\", several separated by commas",
        ),
        (
            "kafka = { brokers = \"x:9092\", replication = 3 }",
            "pipeline.toml:2:9: error: `partitions` and `replication` say how topics are created, expected `create_topics = true` with them",
        ),
        (
            "kafka = { brokers = \"x:1,y:2\", properties = { \"acks\" = \"1\" } }",
            "pipeline.toml:2:45: error: `properties` sets \"acks\", which exactly-once rests on (leave it out: the pipeline sets it)",
        ),
        (
            "kafka = { brokers = \"x:1\", properties = { \"linger\" = \"1\" } }",
            "pipeline.toml:2:41: error: `properties`: the Kafka client says: No such configuration property: \"linger\"",
        ),
        (
            "kafka = { brokers = \"x:1\" }\noutput = \"out\"",
            "pipeline.toml:3:10: error: `output` and `kafka` both say where events go, expected one of them",
        ),
    ];
    for (line, expected) in cases {
        let found = findings(&[("pipeline.toml", &format!("name = \"x\"\n{line}\n{SOURCE}"))]);
        assert_eq!(found.first().map(String::as_str), Some(*expected), "{line}");
    }
}

#[test]
fn what_a_source_gets_wrong_is_said_where_it_stands() {
    let all: &[(&str, &str, &str)] = &[
        ("directory = \"in\"", "directry = \"in\"", "unknown key \"directry\" (did you mean `directory`?)"),
        (
            "name = \"a\"",
            "name = \"../a\"",
            "`name` is \"../a\", expected 1 to 64 lower-case letters, digits, `-`, `_`, `.` (it begins with a letter, a digit or `_`, and names folders and topics)",
        ),
        ("name = \"a\"", "", "`name` is missing"),
        (
            "\"asterisk\"",
            "\"tap3\"",
            "`format` is \"tap3\", expected \"asterisk\" or \"chf\" or \"delimited\" or \"json\" or \"pgw\"",
        ),
        (
            "\"asterisk\"",
            "\"pgw\"\ncontainer = \"zip\"",
            "`container` is \"zip\", expected \"ts32297\" or \"ber\"",
        ),
        ("\"asterisk\"", "\"pgw\"\nnode = \"\"", "`node` is \"\", expected 1 to 64 characters"),
        ("format = \"asterisk\"", "", "`format` is missing"),
        (
            "\"UTC\"",
            "\"Europe/Madird\"",
            "`time_zone` is \"Europe/Madird\", expected an IANA time zone such as \"Europe/Madrid\"",
        ),
        ("\"UTC\"", "\"UTC\"\ncomplete = \"maybe\"", "`complete` is \"maybe\", expected \"renamed\""),
        (
            "\"UTC\"",
            "\"UTC\"\nstable_for = \"30\"",
            "`stable_for` is \"30\", expected a duration such as \"30 s\", up to 7 days",
        ),
        (
            "\"UTC\"",
            "\"UTC\"\nstable_for = \"30 s\"\nmarker = \".done\"",
            "`stable_for` and `marker` both say when a file is complete, expected one of them",
        ),
        ("\"UTC\"", "\"UTC\"\nmarker = \"/x\"", "`marker` is \"/x\", expected an ending such as \".done\""),
        (
            "\"UTC\"",
            "\"UTC\"\nafter = \"archive\"",
            "`archive` is missing: `after = \"archive\"` needs a folder",
        ),
        (
            "\"UTC\"",
            "\"UTC\"\nafter = \"archive\"\narchive = \"in/../in/x\"",
            "`archive` lies inside `directory`, so archived files would be read again (name a folder beside it)",
        ),
        (
            "\"UTC\"",
            "\"UTC\"\nafter = \"archive\"\narchive = \"x/{yyyy}/{month}\"",
            "`archive` has \"{month}\", expected of that kind only {yyyy}, {mm}, {dd} (they stand for the day on which a file was claimed, UTC)",
        ),
        (
            "\"UTC\"",
            "\"UTC\"\nsilent_after = \"0 s\"",
            "`silent_after` is \"0 s\", expected a duration such as \"2 h\", up to 366 days",
        ),
        ("\"UTC\"", "\"UTC\"\narchive = \"x\"", "`archive` is given, expected `after = \"archive\"` with it"),
        (
            "\"UTC\"",
            "\"UTC\"\nfuture = \"9000 days\"",
            "`future` is \"9000 days\", expected a duration such as \"1 h\", at most 366 days",
        ),
        (
            "\"UTC\"",
            "\"UTC\"\nrepeated_hour = \"both\"",
            "`repeated_hour` is \"both\", expected \"suspend\" or \"first\" or \"second\"",
        ),
        ("\"UTC\"", "\"UTC\"\npayer = \"dst\"", "`payer` is \"dst\", expected \"src\" or \"accountcode\""),
        ("\"UTC\"", "\"UTC\"\ngmt = \"yes\"", "`gmt` is \"yes\", expected true or false"),
        (
            "\"UTC\"",
            "\"UTC\"\nseparator = \";\"",
            "unknown key \"separator\", expected one of: name, format, directory, complete, stable_for, marker, after, archive, ignore, payer, gmt, column_17, node, time_zone, repeated_hour, future, silent_after, numbers",
        ),
        (
            "\"UTC\"",
            "\"UTC\"\nnumbers = { country = \"+34\" }",
            "`numbers`: country \"+34\": expected at most 3 digits",
        ),
        (
            "\"UTC\"",
            "\"UTC\"\nnumbers = { contry = \"34\" }",
            "unknown key \"contry\" (did you mean `country`?)",
        ),
        ("\"UTC\"", "\"UTC\"\nnumbers = { extension = { prefix = \"34\" } }", "`length` is missing"),
        (
            "\"UTC\"",
            "\"UTC\"\n[[source]]\nname = \"a\"\nformat = \"asterisk\"\ndirectory = \"x\"\ngmt = true",
            "source \"a\" is there twice, expected names of their own",
        ),
    ];
    for (from, to, expected) in all {
        let text = format!("name = \"x\"\n{}", SOURCE.replace(from, to));
        let found = findings(&[("pipeline.toml", &text)]);
        let fits = |found: &String| {
            found.starts_with("pipeline.toml:") && found.ends_with(&format!(": error: {expected}"))
        };
        assert!(found.iter().any(fits), "{to}: {found:#?}");
    }
    let found = findings(&[("pipeline.toml", "name = \"x\"\n")]);
    assert_eq!(found, ["pipeline.toml:1:1: error: has no [[source]], expected at least one"]);
}

#[test]
fn what_a_delimited_source_gets_wrong_is_said() {
    let all: &[(&str, &str, &str)] = &[
        ("separator = \";\"", "separator = \"::\"", "`separator` is \"::\", expected one ASCII character"),
        (
            "header = true",
            "",
            "the columns have no names (say `header = true`, or name them by position in `columns = [...]`)",
        ),
        (
            "header = true",
            "header = true\ncolumns = [\"a\"]",
            "`columns` is given, expected none with `header = true`",
        ),
        (
            "type = \"number\"",
            "type = \"numeric\"",
            "`type` is \"numeric\", expected one of: time, duration, volume, count, number, imsi, text, word, integer, amount",
        ),
        (", unit = \"s\"", "", "`unit` is missing"),
        ("type = \"duration\",", "", "`type` is missing"),
        ("unit = \"s\"", "unt = \"s\", unit = \"s\"", "unknown key \"unt\" (did you mean `unit`?)"),
        ("sequence = \"sequence\",", "", "`sequence` is missing"),
        (
            "last = { cause = \"0\" }",
            "on_gap = \"drop\"",
            "`on_gap` is \"drop\", expected \"suspend\" or \"rate\"",
        ),
        (", last = { cause = \"0\" }", "", "`last` is missing: expected { column = \"value\" }"),
        (
            "last = { cause = \"0\" }",
            "last = { cause = \"0\" }, longest_hold = \"0 s\"",
            "`longest_hold` is \"0 s\", expected a duration such as \"24 h\", at most 366 days",
        ),
        ("cause = \"0\"", "cause = 0", "`cause` is 0, expected a text in quotes, or a list of texts"),
    ];
    for (from, to, expected) in all {
        let text = QUICKSTART.replace(from, to);
        assert_ne!(text, QUICKSTART, "{from}");
        let found = findings(&[("pipeline.toml", &text)]);
        assert!(
            found.iter().any(|found| found.ends_with(&format!(": error: {expected}"))),
            "{to}: {found:#?}"
        );
    }
    // What the format itself refuses carries the place of its source.
    let found = findings(&[("pipeline.toml", &QUICKSTART.replace("%Y%m%d%H%M%S", "%Q"))]);
    assert!(found.iter().any(|found| found.starts_with("pipeline.toml:15:1: error: ")), "{found:#?}");
}

#[test]
fn what_reference_data_gets_wrong_is_said_by_line() {
    let all: &[(&str, &str, &str)] = &[
        (
            "reference/accounts.csv",
            "(none)",
            "reference/accounts.csv: error: cannot be read: No such file or directory (os error 2)",
        ),
        (
            "reference/accounts.csv",
            "account,currency\n",
            "reference/accounts.csv:1: error: columns missing: time_zone, cycle_anchor; expected at least account,currency,time_zone,cycle_anchor",
        ),
        (
            "reference/accounts.csv",
            "account,currency,timezone,cycle_anchor\n",
            "reference/accounts.csv:1: error: unknown column \"timezone\" (did you mean `time_zone`?)",
        ),
        (
            "reference/accounts.csv",
            "account,currency,time_zone,cycle_anchor\nA-77,EUR,UTC\n",
            "reference/accounts.csv:2: error: has 3 columns, expected 4 as in the header",
        ),
        (
            "reference/accounts.csv",
            "account,currency,time_zone,cycle_anchor\nA-77,EURO,UTC,1\n",
            "reference/accounts.csv:2: error: `currency` is \"EURO\", expected an ISO 4217 code such as EUR",
        ),
        (
            "reference/accounts.csv",
            "account,currency,time_zone,cycle_anchor\nA-77,EUR,Mars,1\n",
            "reference/accounts.csv:2: error: `time_zone` is \"Mars\", expected an IANA time zone such as Europe/Madrid",
        ),
        (
            "reference/accounts.csv",
            "account,currency,time_zone,cycle_anchor\nA-77,EUR,UTC,32\n",
            "reference/accounts.csv:2: error: `cycle_anchor` is \"32\", expected a day of the month from 1 to 31, or a date whose day counts",
        ),
        (
            "reference/accounts.csv",
            "account,currency,time_zone,cycle_anchor\n,EUR,UTC,1\n",
            "reference/accounts.csv:2: error: `account` is \"\", expected 1 to 64 printable characters",
        ),
        (
            "reference/accounts.csv",
            "account,currency,time_zone,cycle_anchor,valid_from\nA-77,EUR,UTC,1,2026-02-30\n",
            "reference/accounts.csv:2: error: `valid_from` is \"2026-02-30\", expected a day such as 2026-01-01, a time such as 2026-01-01T00:00:00+01:00, or nothing",
        ),
        (
            "reference/subscriptions.csv",
            "subscription,account,plan\nS,A-1,basic\n",
            "reference/subscriptions.csv:2: error: account \"A-1\" is not in reference/accounts.csv",
        ),
        (
            "reference/subscriptions.csv",
            "subscription,account,plan\nS,A-77,gold\n",
            "reference/subscriptions.csv:2: error: `plan` is \"gold\", expected the id of a plan in plans/",
        ),
        (
            "reference/subscriptions.csv",
            "subscription,account,plan,msisdn\nS,A-77,basic,3491555012345678\n",
            "reference/subscriptions.csv:2: error: `msisdn` is \"3491…\", expected at most 15 digits, country code first",
        ),
        (
            "reference/subscriptions.csv",
            "subscription,account,plan,valid_from,valid_to\nS,A-77,basic,2026-02-01,2026-02-01\n",
            "reference/subscriptions.csv:2: error: `valid_to` is \"2026-02-01\", expected a time after valid_from \"2026-02-01\"",
        ),
        (
            "reference/subscriptions.csv",
            "subscription,account,plan,msisdn\nS,A-77,basic,34915\nT,A-77,basic,34915\n",
            "reference/subscriptions.csv:3: error: msisdn 3491… is valid here and in line 2 at the same time, expected at most one",
        ),
        (
            "plans/basic.toml",
            &PLAN.replace("EUR", "USD"),
            "reference/subscriptions.csv: error: subscription \"S-1001\": plan \"basic\" is in USD, expected EUR as account \"A-77\"",
        ),
        (
            "billable.csv",
            "run,record_type,role,roaming,action\nresale,*,*,*,bill\n",
            "billable.csv:2: error: `run` is \"resale\", expected retail, wholesale, interconnect, or * for every run",
        ),
        (
            "billable.csv",
            "run,record_type,role,roaming,action\n*,call,*,*,bill\n",
            "billable.csv:2: error: `record_type` is \"call\", expected one of moc, mtc, cf, transit, sms_mo, sms_mt, data, content or *",
        ),
        (
            "billable.csv",
            "run,record_type,role,roaming,action\n*,*,*,*,drop\n",
            "billable.csv:2: error: `action` is \"drop\", expected bill, evidence or filter",
        ),
        ("plans/notes.txt", "x", "plans/notes.txt: warning: is not read, expected a name that ends in .toml"),
        (
            "pipeline.toml",
            "(none)",
            "pipeline.toml: error: cannot be read: No such file or directory (os error 2)",
        ),
    ];
    for (name, content, expected) in all {
        let found = findings(&[(name, content)]);
        assert!(found.iter().any(|found| found == expected), "{name} {content}: {found:#?}");
    }
}

#[test]
fn absurd_sizes_are_refused_without_being_read() {
    let long = "x".repeat(300);
    let found = findings(&[(
        "reference/accounts.csv",
        &format!("account,currency,time_zone,cycle_anchor\n{long},EUR,UTC,1\n"),
    )]);
    assert!(
        found.contains(&"reference/accounts.csv:2: error: column 1 is longer than 256 bytes".into()),
        "{found:#?}"
    );
    let huge = format!("name = \"x\"\n# {}\n", "x".repeat(PIPELINE_OCTETS_MAX as usize));
    let found = findings(&[("pipeline.toml", &huge)]);
    assert_eq!(found, ["pipeline.toml: error: is larger than 1048576 bytes"]);
    let many = format!("name = \"x\"\n{}", SOURCE.repeat(1_001));
    let found = findings(&[("pipeline.toml", &many)]);
    assert!(found[0].ends_with("error: found 1001 of `source`, expected at most 1000"), "{}", found[0]);
    let rows = "A-77,EUR,Mars,1\n".repeat(10_000);
    let found =
        findings(&[("reference/accounts.csv", &format!("account,currency,time_zone,cycle_anchor\n{rows}"))]);
    assert!(found.len() < 250, "{}", found.len());
    let deep = format!("name = \"x\"\nengine = {}1{}\n{SOURCE}", "[".repeat(5_000), "]".repeat(5_000));
    let found = findings(&[("pipeline.toml", &deep)]);
    assert!(found[0].starts_with("pipeline.toml:2:"), "{}", found[0]);
}

const TOPIC: &str = r#"
name = "raw"
kafka = { brokers = "kafka-1:9092" }

[[source]]
name = "a"
format = "delimited"
topic = "usage.raw"
columns = ["call", "t", "s", "a"]
time_zone = "UTC"
key = ["call"]
fields = [
  { to = "start", from = "t", type = "time", format = "rfc3339" },
  { to = "duration", from = "s", type = "duration", unit = "s" },
  { to = "calling", from = "a", type = "number" },
]
"#;

#[test]
fn a_source_that_reads_a_topic() {
    let load = |text: &str| {
        let folder = folder(&[("pipeline.toml", text)]);
        let mut pipeline = Pipeline::load(folder.path()).unwrap();
        assert_eq!(pipeline.warnings, []);
        pipeline.sources.remove(0)
    };
    let source = load(TOPIC);
    let Input::Topic(topic) = &source.input else { panic!() };
    let expect = TopicConfig {
        source: 0,
        topic: "usage.raw".into(),
        linger_ms: 1_000,
        value: Value::Line,
        silent_after_ms: None,
    };
    assert_eq!((topic, source.framing()), (&expect, Framing::Values));
    let source = load(&TOPIC.replace("time_zone", "linger = \"5 s\"\ntime_zone"));
    let Input::Topic(topic) = &source.input else { panic!() };
    assert_eq!(topic.linger_ms, 5_000);

    let head = TOPIC.split_once("[[source]]").unwrap().0;
    let binary = format!("{head}{}", SOURCE.replace("directory = \"in\"", "topic = \"cdr\""));
    let binary = binary.replace("\"asterisk\"", "\"pgw\"");
    let source = load(&format!("{binary}container = \"ber\"\n"));
    let Input::Topic(topic) = &source.input else { panic!() };
    assert_eq!((topic.value, source.framing()), (Value::Octets, Framing::Values));
    let found = findings(&[("pipeline.toml", &binary)]);
    assert!(found.iter().any(|finding| finding.contains("a form of files, expected \"ber\"")), "{found:?}");

    let check = |(from, to): (&str, &str), expect: &str| {
        let found = findings(&[("pipeline.toml", &TOPIC.replace(from, to))]);
        assert!(found.iter().any(|finding| finding.contains(expect)), "{expect}: {found:?}");
    };
    let columns = "columns = [\"call\", \"t\", \"s\", \"a\"]";
    check((columns, "header = true"), "a message has no header");
    check(("kafka = { brokers = \"kafka-1:9092\" }\n", ""), "reads a topic, and the pipeline has no `kafka`");
    check(("\"usage.raw\"", "\"raw.rated\""), "reads \"raw.rated\", which the pipeline writes");
    check(("\"usage.raw\"", "\"usage raw\""), "`topic` is \"usage raw\", expected 1 to 249 letters");
    check(("time_zone", "linger = \"2 h\"\ntime_zone"), "`linger` is \"2 h\"");
    for key in ["directory = \"in\"", "after = \"keep\"", "stable_for = \"1 s\"", "ignore = \".md5\""] {
        let name = key.split(' ').next().unwrap();
        check(("time_zone", &format!("{key}\ntime_zone")), &format!("`{name}` is about files"));
    }
    let (head, source) = TOPIC.split_at(TOPIC.find("[[source]]").unwrap());
    let twice = format!("{head}{source}{}", source.replace("\"a\"\nformat", "\"b\"\nformat"));
    let found = findings(&[("pipeline.toml", &twice)]);
    assert!(found.iter().any(|finding| finding.contains("\"a\" and \"b\" read the same topic")), "{found:?}");
    let asterisk = format!("{head}{}", SOURCE.replace("directory = \"in\"", "topic = \"cdr\""));
    let found = findings(&[("pipeline.toml", &asterisk)]);
    assert!(found.iter().any(|finding| finding.contains("which is written to files")), "{found:?}");
}

/// One object a record: the grammar of a delimited source, with members by their paths.
const JSON: &str = r#"
name = "objects"

[[source]]
name = "a"
format = "json"
directory = "in"
key = ["call.id", "part"]
partial = { session = "call.id", sequence = "part", last = { cause = "0" } }
fields = [
  { to = "start", from = "call.time", type = "time", format = "rfc3339" },
  { to = "duration", from = "call.seconds", type = "duration", unit = "s" },
  { to = "calling", from = "a", type = "number" },
]
"#;

#[test]
fn a_source_of_json_objects() {
    let folder = folder(&[("pipeline.toml", JSON)]);
    let pipeline = Pipeline::load(folder.path()).unwrap();
    let [source] = pipeline.sources.as_slice() else { panic!() };
    assert_eq!((source.format.name(), source.key.as_str()), ("json", "call.id, part (json/1)"));
    assert_eq!(pipeline.warnings, []);
    let check = |change: (&str, &str), expect: &str| {
        let found = findings(&[("pipeline.toml", &JSON.replace(change.0, change.1))]);
        assert!(found.iter().any(|finding| finding.contains(expect)), "{expect}: {found:?}");
    };
    check(("\"a\", type", "\"call\", type"), "\"call\" is used as a value and as an object");
    check(("directory = \"in\"", "directory = \"in\"\nheader = true"), "unknown key \"header\"");
    check(("\"rfc3339\"", "\"%Q\""), "%Q");
}
