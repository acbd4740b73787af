//! One run of the binary: its time, its memory, and what it says about its outcomes.
//! Relies on the last line of its standard output being one JSON object, and on /proc for the peak memory.
//! Never lets a difference to the manifest pass.

use crate::set::Set;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often the peak memory is read. The kernel keeps the peak, so only what happens in the last moment is missed.
const POLL: Duration = Duration::from_millis(20);

/// Counts that must equal the manifest's.
const COUNTS: [&str; 8] =
    ["files", "records_in", "rated", "merged", "held", "duplicate", "filtered", "suspended"];

/// What one run took.
#[derive(Clone, Debug)]
pub struct Run {
    /// Wall-clock seconds of the line, as the binary reports them: without reading plans and reference data.
    pub line_seconds: f64,
    /// Wall-clock seconds of the whole process, start to exit, measured here.
    pub process_seconds: f64,
    /// Records framed.
    pub records: u64,
    /// Greatest resident set, octets.
    pub peak_octets: u64,
    /// The object that the binary printed.
    pub summary: Value,
}

impl Run {
    /// Records a second of the line.
    pub fn records_per_s(&self) -> f64 {
        self.records as f64 / self.line_seconds
    }

    /// Records a second, start and end of the process included.
    pub fn process_records_per_s(&self) -> f64 {
        self.records as f64 / self.process_seconds
    }

    /// Seconds before and after the line: reading plans and reference data, opening and closing.
    pub fn start_seconds(&self) -> f64 {
        self.process_seconds - self.line_seconds
    }
}

/// Runs the binary once into an empty state and output folder, and compares what it says with the manifest.
pub fn measure(binary: &Path, set: &Set, scratch: &Path) -> anyhow::Result<Run> {
    let mut out = OsString::from("--out=");
    out.push(scratch.join("out"));
    run(binary, set, (scratch, Some(out)))
}

/// The same, for a pipeline whose events go to topics.
pub fn measure_topics(binary: &Path, set: &Set, scratch: &Path) -> anyhow::Result<Run> {
    run(binary, set, (scratch, None))
}

fn run(binary: &Path, set: &Set, (scratch, out): (&Path, Option<OsString>)) -> anyhow::Result<Run> {
    if scratch.exists() {
        std::fs::remove_dir_all(scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
    }
    std::fs::create_dir_all(scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let began = Instant::now();
    let child = Command::new(binary)
        .arg("run")
        .arg(set.pipeline())
        .args(["--once", "--json", "--state"])
        .arg(scratch.join("state"))
        .args(out)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    let (output, peak_octets) = wait(child)?;
    let process_seconds = began.elapsed().as_secs_f64();
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} ended with {}:\n{stderr}", binary.display(), output.status);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let last = stdout.lines().last().context("the run printed nothing, expected a JSON object")?;
    let summary: Value = serde_json::from_str(last)
        .with_context(|| format!("last line is {last:?}, expected a JSON object"))?;
    compare(&set.manifest, &summary)?;
    let records = summary["records_in"].as_u64().context("records_in is no number")?;
    let line_seconds = summary["seconds"].as_f64().context("seconds is no number")?;
    // The binary's own clock is believed only inside the time that went by here.
    ensure!(
        line_seconds > 0.0 && line_seconds <= process_seconds,
        "the run says that it took {line_seconds} s, the process took {process_seconds} s"
    );
    Ok(Run { line_seconds, process_seconds, records, peak_octets, summary })
}

/// Waits for the end while reading the peak memory. Both pipes are drained meanwhile.
fn wait(child: Child) -> anyhow::Result<(std::process::Output, u64)> {
    let status_path = format!("/proc/{}/status", child.id());
    let (done, ended) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        while ended.recv_timeout(POLL) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            peak = peak_octets(&status_path).unwrap_or(0).max(peak);
        }
        peak
    });
    let output = child.wait_with_output();
    drop(done);
    let peak = watch.join().map_err(|_| anyhow::anyhow!("the memory watch panicked"))?;
    Ok((output.context("cannot wait for the run")?, peak))
}

/// `VmHWM` of a process, octets.
fn peak_octets(path: &str) -> Option<u64> {
    let status = std::fs::read_to_string(path).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Every count and every amount, and that the books balance.
fn compare(manifest: &Value, summary: &Value) -> anyhow::Result<()> {
    let mut differences = Vec::new();
    for name in COUNTS {
        if manifest[name].as_u64().is_none() || manifest[name] != summary[name] {
            differences.push(format!("{name}: expected {}, found {}", manifest[name], summary[name]));
        }
    }
    for name in ["filtered_codes", "suspended_codes"] {
        if summary.get(name).is_some() && codes(&manifest[name]) != codes(&summary[name]) {
            differences.push(format!("{name}: expected {}, found {}", manifest[name], summary[name]));
        }
    }
    if summary.get("services").is_some() {
        let (expected, found) = (amounts(&manifest["services"])?, amounts(&summary["services"])?);
        if expected != found {
            differences.push(format!("services: expected {expected:?}, found {found:?}"));
        }
    }
    let (expected, found) = (amounts(&manifest["amounts"])?, amounts(&summary["amounts"])?);
    if expected != found {
        differences.push(format!("amounts: expected {expected:?}, found {found:?}"));
    }
    if summary["balanced"] != Value::Bool(true) {
        differences.push(format!("balanced: expected true, found {}", summary["balanced"]));
    }
    ensure!(differences.is_empty(), "the run differs from its manifest:\n  {}", differences.join("\n  "));
    Ok(())
}

/// Counts by code; one of zero is as good as none.
fn codes(value: &Value) -> Vec<(&str, u64)> {
    let entries = value.as_object().into_iter().flatten();
    let counts = entries.map(|(code, count)| (code.as_str(), count.as_u64().unwrap_or(u64::MAX)));
    let mut counts: Vec<_> = counts.filter(|(_, count)| *count > 0).collect();
    counts.sort_unstable();
    counts
}

/// Amounts by name, in millionths, so that 1.5 and 1.500000 are equal.
fn amounts(value: &Value) -> anyhow::Result<Vec<(String, i128)>> {
    let object = value.as_object().context("amounts is no object")?;
    let mut amounts = Vec::new();
    for (currency, amount) in object {
        let text = amount
            .as_str()
            .with_context(|| format!("amount of {currency} is {amount}, expected a string"))?;
        let amount = millionths(text)?;
        if amount != 0 {
            amounts.push((currency.clone(), amount));
        }
    }
    amounts.sort();
    Ok(amounts)
}

fn millionths(text: &str) -> anyhow::Result<i128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = part.trim_end_matches('0');
    ensure!(part.len() <= 6, "amount {text:?}: expected at most 6 places");
    format!("{whole}{part:0<6}").parse().with_context(|| format!("amount {text:?}: expected a decimal"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn manifest() -> Value {
        let mut manifest = summary();
        manifest["filtered_codes"] = json!({"unanswered": 1});
        manifest["suspended_codes"] = json!({"no_rate": 1});
        manifest["services"] = json!({"EUR voice": "1.50"});
        manifest
    }

    fn summary() -> Value {
        json!({
            "files": 2, "records_in": 10, "rated": 6, "merged": 1, "held": 0, "duplicate": 1, "filtered": 1,
            "suspended": 1, "amounts": {"EUR": "1.50", "USD": "-0.000001"}, "balanced": true,
        })
    }

    fn check(change: impl FnOnce(&mut Value), expected: Option<&str>) {
        let mut found = summary();
        change(&mut found);
        let error = compare(&manifest(), &found).err().map(|error| error.to_string());
        match expected {
            None => assert_eq!(error, None),
            Some(text) => assert!(error.as_deref().unwrap().contains(text), "{error:?}"),
        }
    }

    #[test]
    fn a_difference_is_an_error() {
        check(|_| {}, None);
        check(|value| value["amounts"]["EUR"] = json!("1.500000"), None);
        check(|value| value["rated"] = json!(7), Some("rated: expected 6, found 7"));
        check(|value| value["amounts"]["EUR"] = json!("1.500001"), Some("amounts"));
        check(|value| value["amounts"]["GBP"] = json!("1"), Some("GBP"));
        check(|value| value["filtered_codes"] = json!({"unanswered": 1, "not_billable": 0}), None);
        check(|value| value["suspended_codes"] = json!({"no_rate": 2}), Some("suspended_codes"));
        check(|value| value["services"] = json!({"EUR voice": "1.51"}), Some("services"));
        check(|value| value["balanced"] = json!(false), Some("balanced"));
        check(|value| value["held"] = Value::Null, Some("held: expected 0, found null"));
    }

    #[test]
    fn own_peak_memory_is_known() {
        assert!(peak_octets("/proc/self/status").unwrap() > 100_000);
        assert_eq!(peak_octets("/proc/self/no-such-file"), None);
    }
}
