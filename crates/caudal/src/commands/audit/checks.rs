//! The ledger and the data files kept beside it to what does not agree between them.
//! Relies on receipts for how much of a data file is committed; what lies behind was not.
//! Never trusts one figure twice: outcomes come from the books, lines and octets from the files.

use caudal_connect::kafka::{Kafka, Kept};
use caudal_engine::ledger::Ledger;
use caudal_runtime::peek::{self, Measured, Peeked};
use caudal_usage::code::Ends;
use caudal_usage::{Counts, FileEntry, FileOrdinal, Receipt, RunCounts, Stream};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Where data files are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Folders<'a> {
    /// State folder.
    pub state: &'a Path,
    /// Output folder.
    pub out: &'a Path,
}

/// The books, summed three ways, and what is wrong with them.
#[derive(Debug, Default)]
pub struct Audit {
    /// By file.
    pub files: BTreeMap<FileOrdinal, Counts>,
    /// By source.
    pub sources: BTreeMap<String, Counts>,
    /// By day; `BookKey::NO_DAY` for records without a time.
    pub days: BTreeMap<i32, Counts>,
    /// Everything.
    pub total: Counts,
    /// What does not balance or agree.
    pub findings: Vec<String>,
}

/// Audits a state.
pub fn audit(peeked: &Peeked, folders: Folders<'_>) -> Audit {
    let mut audit = books(&peeked.ledger);
    let mut data = Data { folders, lines: BTreeMap::new(), paths: BTreeMap::new() };
    for receipt in peeked.receipts.values().filter(|receipt| receipt.len > 0) {
        data.receipt(receipt, &mut audit.findings);
    }
    for stream in Stream::ALL {
        data.older(stream, &mut audit.findings);
    }
    data.outcomes(&peeked.ledger, &mut audit);
    let lines = data.audit_lines();
    finished(&peeked.ledger, lines, &mut audit.findings);
    audit
}

/// Audits a state whose commits are in topics.
pub fn audit_topics(peeked: &Peeked, kafka: &Kafka) -> anyhow::Result<Audit> {
    let mut audit = books(&peeked.ledger);
    let folders = Folders { state: Path::new(""), out: Path::new("") };
    let mut data = Data { folders, lines: BTreeMap::new(), paths: BTreeMap::new() };
    let (mut audited, mut kept) = (Vec::new(), Kept::All);
    for stream in Stream::ALL {
        let mut count = 0;
        let of_stream = kafka.visit(stream, &mut |line| {
            count += 1;
            if stream == Stream::Audit {
                audited.push((format!("audit message {count}"), line.to_vec()));
            }
            Ok(true)
        })?;
        data.lines.insert((stream, 1), count);
        if of_stream == Kept::Some {
            kept = Kept::Some;
        }
    }
    // Where retention has taken messages there is nothing to count.
    if kept == Kept::All {
        data.outcomes(&peeked.ledger, &mut audit);
        finished(&peeked.ledger, audited, &mut audit.findings);
    }
    Ok(audit)
}

/// The books alone: every file balances, and the three sums are one.
fn books(ledger: &Ledger) -> Audit {
    let mut audit = Audit { total: ledger.total(), ..Audit::default() };
    for &file in ledger.files.keys() {
        audit.files.entry(file).or_default();
    }
    for (key, counts) in &ledger.books {
        let source = ledger.files.get(&key.file).map_or("unknown", |entry| entry.source.as_str());
        audit.files.entry(key.file).or_default().add(counts);
        audit.sources.entry(source.to_owned()).or_default().add(counts);
        audit.days.entry(key.day).or_default().add(counts);
    }
    let findings = &mut audit.findings;
    for (&file, counts) in &audit.files {
        let Some(entry) = ledger.files.get(&file) else {
            findings.push(format!("file {} has a book and was never claimed", file.0));
            continue;
        };
        let name = shown(&entry.display_name());
        if !counts.balances() {
            let (entered, accounted) = (counts.entered, counts.accounted());
            findings.push(format!("{name}: {entered} records in, {accounted} accounted for"));
        }
        let framed = entry.finished.map(|finished| i64::from(finished.framed));
        let read = counts.entered + counts.replayed;
        if let Some(framed) = framed.filter(|framed| read > *framed) {
            findings.push(format!("{name}: {read} records in the book, {framed} framed to its end"));
        }
    }
    for (run, counts) in ledger.runs.iter().filter(|(_, counts)| !counts.balances()) {
        let (run, usages, ended) = (run.as_str(), counts.usages, counts.rated + counts.suspended);
        findings.push(format!("{run}: {usages} usages in, {ended} accounted for"));
    }
    findings.extend(billed_twice(ledger, &audit.files));
    let sums = [("source", sum(audit.sources.values())), ("day", sum(audit.days.values()))];
    for (what, sum) in sums.into_iter().chain([("file", sum(audit.files.values()))]) {
        if sum != audit.total {
            findings.push(format!(
                "the books by {what} sum to {} records in, all to {}",
                sum.entered, audit.total.entered
            ));
        }
    }
    audit
}

/// Files with one content of which together more records were billed than the content has: one was billed again.
/// What was suspended may be billed at a later delivery, and what one source filters another may bill.
fn billed_twice(ledger: &Ledger, files: &BTreeMap<FileOrdinal, Counts>) -> Vec<String> {
    let mut groups: BTreeMap<FileOrdinal, (i64, i64)> = BTreeMap::new();
    for (file, entry) in &ledger.files {
        let Some((finished, counts)) = entry.finished.zip(files.get(file)) else { continue };
        let first = ledger.same_content(&finished).unwrap_or(*file);
        let (billed, records) = groups.entry(first).or_default();
        *billed += counts.rated + counts.merged + counts.held;
        *records = (*records).max(i64::from(finished.framed));
    }
    let twice = groups.into_iter().filter(|(_, (billed, records))| billed > records);
    twice
        .map(|(first, (billed, records))| {
            let name = ledger.files.get(&first).map_or_else(String::new, |entry| shown(&entry.display_name()));
            format!("{name} and the files of the same content: {billed} records billed of {records}, so some were billed twice")
        })
        .collect()
}

fn sum<'a>(books: impl Iterator<Item = &'a Counts>) -> Counts {
    let mut sum = Counts::default();
    books.for_each(|counts| sum.add(counts));
    sum
}

/// A name with what could drive a terminal taken out.
pub fn shown(name: &str) -> String {
    crate::inspect::visible(name.as_bytes())
}

/// The data files.
struct Data<'a> {
    folders: Folders<'a>,
    /// Lines of each data file.
    lines: BTreeMap<(Stream, u32), u64>,
    /// Where it lies, and how much of it counts.
    paths: BTreeMap<(Stream, u32), (PathBuf, u64)>,
}

impl Data<'_> {
    /// Compares a data file with its receipt.
    fn receipt(&mut self, receipt: &Receipt, findings: &mut Vec<String>) {
        let key = (receipt.stream, receipt.segment);
        // One that cannot be read is told of once: its lines count as its receipt says.
        let mut lines = receipt.lines;
        match self.measure(key, receipt.len) {
            None => {
                let (state, out) = (self.folders.state.display(), self.folders.out.display());
                findings.push(format!(
                    "{}: has a receipt for {} octets and lies neither in {state}/segments nor in {out} (`--out` names the output folder)",
                    name(key.0, key.1),
                    receipt.len
                ));
            }
            Some((path, Ok(found))) => {
                if (found.len, found.lines, found.crc) != (receipt.len, receipt.lines, receipt.crc) {
                    findings.push(disagrees(&path, &found, receipt));
                }
                lines = found.lines;
                self.paths.insert(key, (path, receipt.len));
            }
            Some((path, Err(error))) => findings.push(format!("{}: cannot be read: {error}", path.display())),
        }
        self.lines.insert(key, lines);
    }

    /// Measures the first `len` octets of a data file; `None` when it is nowhere.
    fn measure(&self, (stream, segment): (Stream, u32), len: u64) -> Option<(PathBuf, io::Result<Measured>)> {
        let name = name(stream, segment);
        let find = || self.places(stream, &name).into_iter().find(|path| path.is_file());
        let path = find()?;
        match peek::measure(&path, len) {
            // A run has just given it its final name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = find()?;
                let measured = peek::measure(&path, len);
                Some((path, measured))
            }
            measured => Some((path, measured)),
        }
    }

    /// Where a data file may lie: below the state; in the output, open; in the output, final.
    fn places(&self, stream: Stream, name: &str) -> [PathBuf; 3] {
        let out = self.folders.out.join(stream.as_str());
        let kept = self.folders.state.join("segments").join(stream.as_str());
        [kept.join(name), out.join(format!("{name}.part")), out.join(name)]
    }

    /// Kept data files whose receipts the log has dropped: their lines count all the same.
    fn older(&mut self, stream: Stream, findings: &mut Vec<String>) {
        let newest =
            self.lines.keys().filter(|(other, _)| *other == stream).map(|(_, segment)| *segment).max();
        for segment in 1..newest.unwrap_or_default() {
            if self.lines.contains_key(&(stream, segment)) {
                continue;
            }
            // A missing one is told of once, by the count of lines that it leaves short.
            match self.measure((stream, segment), u64::MAX) {
                None => {}
                Some((path, Ok(found))) => {
                    self.lines.insert((stream, segment), found.lines);
                    self.paths.insert((stream, segment), (path, u64::MAX));
                }
                Some((path, Err(error))) => {
                    findings.push(format!("{}: cannot be read: {error}", path.display()));
                }
            }
        }
    }

    /// As many lines as outcomes.
    fn outcomes(&self, ledger: &Ledger, audit: &mut Audit) {
        let ends: i64 = ledger.files.values().map(|entry| i64::from(entry.ends())).sum();
        let mut runs = RunCounts::default();
        ledger.runs.values().for_each(|counts| runs.add(counts));
        let suspended = audit.total.total(Ends::Suspended) + runs.lines;
        let expected = [
            (Stream::Suspense, suspended, "suspended records"),
            (Stream::Duplicates, audit.total.duplicate, "duplicates"),
            (Stream::Audit, ends, "ends of files"),
        ];
        for (stream, items, what) in expected {
            let lines = self.count(stream);
            if i64::try_from(lines) != Ok(items) {
                audit.findings.push(format!("{}: {lines} lines for {items} {what}", stream.as_str()));
            }
        }
        // A usage is one event for each cycle that it lies in, and other runs have events of their own.
        let (lines, rated) = (self.count(Stream::Rated), audit.total.rated + runs.events);
        if i64::try_from(lines).is_ok_and(|lines| lines < rated) {
            audit.findings.push(format!("rated: {lines} lines for {rated} rated records"));
        }
    }

    fn count(&self, stream: Stream) -> u64 {
        self.lines.range((stream, 0)..=(stream, u32::MAX)).map(|(_, lines)| *lines).sum()
    }

    /// Every line of the audit stream, with its place.
    fn audit_lines(&self) -> Vec<(String, Vec<u8>)> {
        let mut lines = Vec::new();
        for (path, len) in self.paths.range((Stream::Audit, 0)..=(Stream::Audit, u32::MAX)).map(|(_, at)| at)
        {
            let Ok(file) = std::fs::File::open(path) else { continue };
            let texts = BufReader::new(file.take(*len)).split(b'\n').map_while(Result::ok);
            let place = |line: usize| format!("{}:{}", path.display(), line + 1);
            lines.extend(texts.enumerate().map(|(line, text)| (place(line), text)));
        }
        lines
    }
}

/// Every finished file has an audit line, and it agrees.
fn finished(ledger: &Ledger, lines: Vec<(String, Vec<u8>)>, findings: &mut Vec<String>) {
    let mut seen = BTreeMap::new();
    for (place, text) in lines {
        match serde_json::from_slice::<Value>(&text) {
            Ok(value) => agree(&value, ledger, &mut seen).unwrap_or_else(|found| {
                findings.push(format!("{place}: {found}"));
            }),
            Err(error) => findings.push(format!("{place}: is no audit line: {error}")),
        }
    }
    for (file, entry) in &ledger.files {
        let (ends, lines) = (entry.ends(), seen.get(file).copied().unwrap_or_default());
        if lines < ends {
            let name = shown(&entry.display_name());
            findings.push(format!("{name}: ended {ends} times, with {lines} audit lines"));
        }
    }
}

/// One audit line against the ledger. Records that were held at the end of the file may have ended since, and a file
/// that went on has a line for each of its ends, of which the last says what the ledger does.
fn agree(line: &Value, ledger: &Ledger, seen: &mut BTreeMap<FileOrdinal, u32>) -> Result<(), String> {
    let id = line["file_id"].as_u64().and_then(|id| u32::try_from(id).ok()).map(FileOrdinal);
    let id = id.ok_or("has no file_id")?;
    let entry = ledger.files.get(&id).ok_or_else(|| format!("file {} was never claimed", id.0))?;
    let lines = seen.entry(id).or_default();
    *lines += 1;
    if *lines > entry.ends() {
        return Err(format!("file {} has {lines} lines and ended {} times", id.0, entry.ends()));
    }
    let counts = ledger.book(id);
    let last = entry.finished.filter(|_| *lines == entry.ends());
    let Some(finished) = last else { return earlier(line, entry, &counts) };
    let texts = [("file", entry.display_name()), ("content_hash", format!("{:016x}", finished.content_hash))];
    for (field, expected) in texts {
        if line[field].as_str() != Some(&expected) {
            return Err(format!("{field} is {}, the ledger says {expected:?}", line[field]));
        }
    }
    let octets = i64::try_from(finished.octets).unwrap_or(i64::MAX);
    for (field, expected) in [("octets", octets), ("records_in", counts.entered)] {
        if line[field].as_i64() != Some(expected) {
            return Err(format!("{field} is {}, the ledger says {expected}", line[field]));
        }
    }
    let held = line["held"].as_i64().unwrap_or_default();
    let by_code = |field: &str| {
        line[field].as_object().map(|codes| codes.values().filter_map(Value::as_i64).sum::<i64>())
    };
    let ended = [
        ("rated", line["rated"].as_i64(), counts.rated),
        ("merged", line["merged"].as_i64(), counts.merged),
        ("filtered", by_code("filtered"), counts.filtered()),
        ("duplicate", line["duplicate"].as_i64(), counts.duplicate),
        ("suspended", by_code("suspended"), counts.suspended()),
    ];
    let mut since = 0;
    for (field, then, now) in ended {
        let then = then.ok_or_else(|| format!("has no {field}"))?;
        if now < then || (held == 0 && now != then) {
            return Err(format!("{field} is {then}, the book says {now}"));
        }
        since += now - then;
    }
    let left = held - counts.held;
    if left != since {
        return Err(format!("{left} records ceased to be held, {since} ended since"));
    }
    Ok(())
}

/// The line of an end from which the file went on: less than there is now, of the same file.
fn earlier(line: &Value, entry: &FileEntry, counts: &Counts) -> Result<(), String> {
    let name = entry.display_name();
    if line["file"].as_str() != Some(&name) {
        return Err(format!("file is {}, the ledger says {name:?}", line["file"]));
    }
    let records = line["records_in"].as_i64().ok_or("has no records_in")?;
    if records > counts.entered {
        return Err(format!("records_in is {records} at an earlier end, the ledger says {}", counts.entered));
    }
    Ok(())
}

fn disagrees(path: &Path, found: &Measured, receipt: &Receipt) -> String {
    format!(
        "{}: {} octets, {} lines, checksum {:08x}; its receipt says {}, {}, {:08x}",
        path.display(),
        found.len,
        found.lines,
        found.crc,
        receipt.len,
        receipt.lines,
        receipt.crc
    )
}

fn name(stream: Stream, segment: u32) -> String {
    format!("{}-{segment:08}.jsonl", stream.as_str())
}
