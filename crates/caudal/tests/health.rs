//! Health ring: the binary serves metrics and says what it is at, from its start to the end of its last commit.
//! Relies on `[metrics] listen` with port 0, whose real port the log tells.
//! Never asserts how long anything takes, only what is seen and in which order.

// What tests share fails as they do.
#![allow(clippy::unwrap_used)]

mod common;

use common::{PATIENCE, Place, Started, caudal, copy, edit, finish, root, start};
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(1);

/// A place with a pipeline that serves metrics at `listen`.
fn listening(case: &Path, listen: &str) -> (Place, PathBuf) {
    let place = Place::new();
    copy(case, &place.path("case"));
    let pipeline = place.path("case/pipeline");
    let file = pipeline.join("pipeline.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}\n[metrics]\nlisten = \"{listen}\"\n")).unwrap();
    (place, pipeline)
}

/// A run that goes on until it is stopped.
fn endless(place: &Place, pipeline: &Path) -> Started {
    let mut command = caudal();
    command.arg("run").arg(pipeline).args(["--json", "--log-format", "json", "--log-level", "debug"]);
    command.arg("--state").arg(place.state()).arg("--out").arg(place.out());
    start(command)
}

/// Waits until `look` finds something.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(LOOK);
    }
}

/// The lines of the log so far, each a JSON object.
fn log(text: &str) -> Vec<Value> {
    // The last line may be half written.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

fn event<'l>(log: &'l [Value], name: &str) -> Option<&'l Value> {
    log.iter().find(|line| line["event"] == name)
}

fn address(run: &Started) -> SocketAddr {
    until("listening", || {
        let log = log(&run.said());
        Some(event(&log, "listening")?["address"].as_str()?.parse().unwrap())
    })
}

/// Status and body of an answer; nothing when there is none, as nobody listens any more.
fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut client = TcpStream::connect(address).ok()?;
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).ok()?;
    let mut text = String::new();
    client.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

fn terminate(run: &Started) {
    let killed = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", run.id())).status().unwrap();
    assert!(killed.success());
}

/// The value of a metric.
fn metric(address: SocketAddr, series: &str) -> Option<f64> {
    let (_, text) = get(address, "/metrics")?;
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
    line.parse().ok()
}

#[test]
fn a_run_is_ready_until_it_drains_and_serves_until_its_last_commit() {
    let place = Place::new();
    let mut command = caudal();
    command.args(["generate", "delimited", "--records", "120000", "--seed", "5", "--prefixes", "100"]);
    command.args(["--subscriptions", "500", "--out"]).arg(place.path("set"));
    finish(command).expect(0, "generate");
    let (place, pipeline) = listening(&place.path("set"), "127.0.0.1:0");
    let run = endless(&place, &pipeline);
    let address = address(&run);
    // Whatever comes before *ready* is a reason why not.
    until("ready", || match get(address, "/readyz")? {
        (200, body) => Some(body),
        (status, body) => {
            assert_eq!(status, 503);
            assert!(
                ["not ready: starting\n", "not ready: restoring the state\n"].contains(&body.as_str()),
                "{body}"
            );
            None
        }
    });
    assert_eq!(get(address, "/livez").unwrap(), (200, "alive\n".into()));
    terminate(&run);
    let mut drained = false;
    until("the end", || match get(address, "/readyz") {
        Some((200, _)) => {
            assert!(!drained, "ready again after draining");
            None
        }
        Some((503, body)) => {
            assert!(["not ready: draining\n", "not ready: stopped\n"].contains(&body.as_str()), "{body}");
            drained = true;
            None
        }
        Some(other) => panic!("{other:?}"),
        None => Some(()),
    });
    assert!(drained, "the end was not announced");
    let ended = run.wait().expect(0, "told to stop");
    let log = log(&ended.stderr);
    assert_eq!(event(&log, "ended").unwrap()["because"], "a stop was asked for");
    place.audit();
    println!("cases: 1");
}

#[test]
fn metrics_are_what_the_report_says() {
    let (place, pipeline) = listening(&root().join("sample-cdrs/delimited-voice"), "127.0.0.1:0");
    let expected = Place::new().run(&pipeline, "");
    let run = endless(&place, &pipeline);
    let address = address(&run);
    let entered = expected.number("records_in");
    until("all records", || {
        metric(address, "caudal_records_entered_total").filter(|found| *found == entered as f64)
    });
    for (series, name) in [
        ("caudal_records_total{outcome=\"rated\"}", "rated"),
        ("caudal_records_total{outcome=\"merged\"}", "merged"),
        ("caudal_records_total{outcome=\"duplicate\"}", "duplicate"),
        ("caudal_records_total{outcome=\"filtered\"}", "filtered"),
        ("caudal_suspended_records", "suspended"),
        ("caudal_held_records", "held"),
        ("caudal_files_total{source=\"msc-1\"}", "files"),
    ] {
        assert_eq!(metric(address, series), Some(expected.number(name) as f64), "{series}");
    }
    assert_eq!(metric(address, "caudal_open_files{source=\"msc-1\"}"), Some(0.0));
    assert_eq!(metric(address, "caudal_ready"), Some(1.0));
    let (_, text) = get(address, "/metrics").unwrap();
    for case in ["sample", ".csv", "34600"] {
        assert!(!text.contains(case), "{case} in {text}");
    }
    terminate(&run);
    run.wait().expect(0, "told to stop");
    println!("cases: 9");
}

#[test]
fn clients_that_hang_do_not_hold_the_run() {
    let (place, pipeline) = listening(&root().join("sample-cdrs/sms"), "127.0.0.1:0");
    let run = endless(&place, &pipeline);
    let address = address(&run);
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET /metrics HTTP/1.1\r\nx").unwrap();
        slow.push(client);
    }
    until("ready", || get(address, "/readyz").filter(|(status, _)| *status == 200));
    terminate(&run);
    run.wait().expect(0, "told to stop with 200 clients");
    println!("cases: 1");
}

#[test]
fn a_port_that_is_taken_is_a_wrong_configuration() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (place, pipeline) = listening(&root().join("sample-cdrs/sms"), &address);
    let ended = finish(place.command(&pipeline, "")).expect(2, "port taken");
    for part in [&address, "in use", "`listen` of [metrics]"] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    // Nothing was begun.
    assert!(!place.state().exists() && !place.out().exists());
    let mut command = place.command(&pipeline, "");
    command.args(["--log-format", "json"]);
    let ended = finish(command).expect(2, "port taken");
    assert_eq!(event(&log(&ended.stderr), "failed").unwrap()["exit_code"], 2);
    println!("cases: 2");
}

/// A failure is an event with its exit code, and what was served until then is gone.
#[test]
fn a_failed_run_says_so() {
    let (place, pipeline) = listening(&root().join("sample-cdrs/sms"), "127.0.0.1:0");
    let mut command = place.command(&pipeline, "--log-format json");
    command.env("CAUDAL_FAIL", "commit.log.before=error@1");
    let ended = finish(command).expect(3, "failed");
    let log = log(&ended.stderr);
    let address = event(&log, "listening").unwrap()["address"].as_str().unwrap().parse().unwrap();
    assert_eq!(get(address, "/readyz"), None);
    let failed = event(&log, "failed").unwrap();
    assert_eq!((&failed["level"], &failed["exit_code"]), (&"ERROR".into(), &3.into()));
    assert!(event(&log, "ended").is_none());
    println!("cases: 1");
}

/// Without the section nothing listens; the log says the same.
#[test]
fn without_the_section_nothing_is_served() {
    let place = Place::new();
    let pipeline = root().join("sample-cdrs/sms/pipeline");
    let ended = place.run(&pipeline, "--log-format json --log-level trace");
    let log = log(&ended.stderr);
    assert!(event(&log, "listening").is_none());
    for name in ["restored", "files_claimed", "committed", "ended"] {
        let line = event(&log, name).unwrap_or_else(|| panic!("no {name} in {}", ended.stderr));
        assert!(line["timestamp"].is_string() && line["message"].is_string(), "{line}");
    }
    assert_eq!(event(&log, "ended").unwrap()["records"], ended.number("records_in"));
    println!("cases: 1");
    // Only what is urgent, and nothing was.
    let ended = Place::new().run(&pipeline, "--log-level warn");
    assert_eq!(ended.stderr, "");
    println!("cases: 1");
}

#[test]
fn a_wrong_section_is_found() {
    for (listen, expected) in [
        ("localhost:9464", "`listen` is \"localhost:9464\", expected an IP address and a port"),
        ("127.0.0.1", "expected an IP address and a port"),
        ("127.0.0.1:99999", "expected an IP address and a port"),
    ] {
        let (place, pipeline) = listening(&root().join("sample-cdrs/sms"), listen);
        let ended = finish(place.command(&pipeline, "")).expect(2, listen);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
        edit(&pipeline.join("pipeline.toml"), listen, "[::1]:9464");
        let mut command = caudal();
        command.arg("validate").arg(&pipeline);
        finish(command).expect(0, "validate");
        println!("cases: 2");
    }
}
