//! A line of output to what its message carries beside it: key, id, time, code, original bytes.
//! Relies on the lines having been written here: fields stand in the order in which `event` writes them.
//! Never decides what a consumer sees: the value of a billable event is its line, octet for octet.

use base64::Engine;
use memchr::memmem::Finder;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::LazyLock;

/// What begins a field of an event: a search is made ready once, not for each event.
static ACCOUNT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b",\"account\":\""));
static END: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b",\"end\":\""));

/// What the message of a billable event carries beside the event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventEnvelope<'a> {
    /// Id of the event, 32 hex digits.
    pub id: &'a str,
    /// The account: the key of the message.
    pub account: Cow<'a, str>,
    /// The subscription.
    pub subscription: Cow<'a, str>,
    /// End of the usage, RFC 3339 with offset.
    pub end: &'a str,
}

impl<'a> EventEnvelope<'a> {
    /// Reads the line of an event. `None` when it was not written by [`crate::event::write`].
    pub fn of(line: &'a [u8]) -> Option<Self> {
        let (id, rest) = to_quote(line.strip_prefix(b"{\"id\":\"")?)?;
        // What stands between are words of closed sets, so the first match is the field.
        let (account, rest) = string(behind(rest, &ACCOUNT)?)?;
        let (subscription, rest) = string(rest.strip_prefix(b",\"subscription\":\"")?)?;
        // Inside a string a quote is escaped, so a plan's name cannot look like the field.
        let (end, _) = to_quote(behind(rest, &END)?)?;
        Some(Self { id, account, subscription, end })
    }
}

/// What follows the first place where something stands.
fn behind<'a>(text: &'a [u8], part: &Finder) -> Option<&'a [u8]> {
    text.get(part.find(text)? + part.needle().len()..)
}

/// What stands before the next quote, and what follows it.
fn to_quote(text: &[u8]) -> Option<(&str, &[u8])> {
    let (before, from) = text.split_at_checked(memchr::memchr(b'"', text)?)?;
    Some((std::str::from_utf8(before).ok()?, from.get(1..)?))
}

/// The rest of a string behind the quote that begins it, and what follows its end.
fn string(text: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let mut end = 0;
    loop {
        match text.get(end)? {
            b'"' => break,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    let (body, rest) = text.split_at_checked(end)?;
    let rest = rest.get(1..)?;
    let plain = std::str::from_utf8(body).ok()?;
    if !plain.contains('\\') {
        return Some((Cow::Borrowed(plain), rest));
    }
    Some((Cow::Owned(serde_json::from_str(&format!("\"{plain}\"")).ok()?), rest))
}

/// What the message of a suspended record carries beside the record's bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SuspenseEnvelope {
    /// Why.
    pub code: String,
    /// Where in the line it was found out.
    pub stage: String,
    /// The run that cannot bill it; empty of the primary one.
    pub run: String,
    /// The field, empty where no single field is to blame.
    pub field: String,
    /// What was found.
    pub found: String,
    /// Source and file name.
    pub file: String,
    /// Ordinal of the act of collecting it.
    pub file_id: u32,
    /// Number of the record, from 1.
    pub record: u32,
    /// Octets before it in the (uncompressed) file.
    pub offset: u64,
    /// Octets it takes; more than `raw` holds where a damaged remainder was cut.
    pub len: u64,
    /// How often it was presented before.
    pub attempt: u8,
    /// Its bytes.
    pub raw: Vec<u8>,
}

#[derive(Deserialize)]
struct SuspenseLine<'a> {
    code: String,
    stage: String,
    #[serde(default)]
    run: String,
    #[serde(default)]
    field: String,
    found: String,
    file: String,
    file_id: u32,
    record: u32,
    offset: u64,
    len: u64,
    attempt: u8,
    #[serde(borrow)]
    raw: Option<Cow<'a, str>>,
    #[serde(borrow)]
    raw_base64: Option<Cow<'a, str>>,
}

impl SuspenseEnvelope {
    /// Reads the line of a suspended record. `None` when it was not written by [`crate::lines::write_suspense`].
    pub fn of(line: &[u8]) -> Option<Self> {
        let line: SuspenseLine<'_> = serde_json::from_slice(line).ok()?;
        let raw = match (line.raw, line.raw_base64) {
            (Some(text), None) => text.into_owned().into_bytes(),
            (None, Some(text)) => base64::engine::general_purpose::STANDARD.decode(text.as_bytes()).ok()?,
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let SuspenseLine {
            code, stage, run, field, found, file, file_id, record, offset, len, attempt, ..
        } = line;
        Some(Self { code, stage, run, field, found, file, file_id, record, offset, len, attempt, raw })
    }
}

/// What the message of a duplicate or of a finished file is known by.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct FileEnvelope {
    /// Source and file name: the key of the message.
    pub file: String,
}

impl FileEnvelope {
    /// Reads the line of a duplicate or of a finished file.
    pub fn of(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::{Suspense, Where, write_duplicate, write_suspense};
    use caudal_usage::{Code, Fault, Run};

    #[test]
    fn an_event_is_known_by_its_line_whatever_its_texts_hold() {
        let check = |account: &str, subscription: &str, plan: &str| {
            let quoted = |text: &str| serde_json::to_string(text).unwrap();
            let line = format!(
                "{{\"id\":\"7f3a\",\"revision\":0,\"kind\":\"usage\",\"run\":\"retail\",\"account\":{},\"subscription\":{},\"plan\":{},\"start\":\"2026-10-02T19:59:30+02:00\",\"end\":\"2026-10-02T20:01:02+02:00\",\"raw_quantity\":1}}",
                quoted(account),
                quoted(subscription),
                quoted(plan)
            );
            let found = EventEnvelope::of(line.as_bytes()).unwrap();
            assert_eq!((found.id, found.end), ("7f3a", "2026-10-02T20:01:02+02:00"));
            assert_eq!((found.account.as_ref(), found.subscription.as_ref()), (account, subscription));
            for len in 0..line.find("+02:00\",\"raw").unwrap() {
                let _ = EventEnvelope::of(&line.as_bytes()[..len]);
            }
        };
        check("A-77", "S-1001", "movil-20");
        check("", "", "");
        check("a\"b\\", "\u{e9}\n", ",\"end\":\"x");
        check("\\\"", "\",\"subscription\":\"", "\\");
        assert_eq!(EventEnvelope::of(b"{}"), None);
        assert_eq!(EventEnvelope::of(b"\xff"), None);
    }

    #[test]
    fn a_suspended_record_gives_its_bytes_back() {
        let at = Where { file: "msc-1/a.csv", file_id: 3, record: 7 };
        let cases = [
            (Run::Retail, "", b"a;\"b\n\\".as_slice()),
            (Run::Wholesale, "wholesale", b"\xff\x00"),
            (Run::Retail, "", b""),
        ];
        for (run, word, raw) in cases {
            let fault = Fault::new(Code::BadField, "start", b"x\"y");
            let item =
                Suspense { fault: &fault, run, at, offset: 9, len: 30, attempt: 1, first: Some(at), raw };
            let mut line = Vec::new();
            write_suspense(&mut line, &item);
            let found = SuspenseEnvelope::of(&line).unwrap();
            assert_eq!((found.raw.as_slice(), found.run.as_str()), (raw, word));
            assert_eq!(
                (found.code.as_str(), found.field.as_str(), found.found.as_str()),
                ("bad_field", "start", "x\"y")
            );
            assert_eq!((found.file.as_str(), found.file_id, found.record), ("msc-1/a.csv", 3, 7));
            assert_eq!((found.offset, found.len, found.attempt), (9, 30, 1));
        }
        assert_eq!(SuspenseEnvelope::of(b"{\"code\":\"gap\"}"), None);
        let mut line = Vec::new();
        write_duplicate(&mut line, &at, &at);
        assert_eq!(FileEnvelope::of(&line).unwrap().file, "msc-1/a.csv");
    }
}
