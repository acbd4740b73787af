//! Lines of output to messages: key, value, headers.
//! Relies on `wire` to read its own lines back.
//! Never changes a billable event: its value is its line, octet for octet.

use anyhow::Context;
use caudal_usage::Stream;
use caudal_wire::envelope::{EventEnvelope, FileEnvelope, SuspenseEnvelope};
use rdkafka::message::{Header, OwnedHeaders};
use std::borrow::Cow;

/// A message, but for its topic.
pub(super) struct Draft<'a> {
    pub key: Cow<'a, str>,
    pub value: Cow<'a, [u8]>,
    pub headers: OwnedHeaders,
}

/// The message of a line, which ends without its line end.
pub(super) fn draft<'a>(stream: Stream, line: &'a [u8], source: &str) -> anyhow::Result<Draft<'a>> {
    match stream {
        Stream::Rated => event(line, source),
        Stream::Suspense => suspense(line),
        Stream::Duplicates => plain(line, (source, "caudal.duplicate.v1")),
        Stream::Audit => plain(line, (source, "caudal.file.v1")),
        Stream::Alerts => plain(line, (source, "caudal.alert.v1")),
    }
    .with_context(|| format!("a line of {} does not read", stream.as_str()))
}

/// CloudEvents 1.0 in binary mode.
fn event<'a>(line: &'a [u8], source: &str) -> Option<Draft<'a>> {
    let EventEnvelope { id, account, subscription, end } = EventEnvelope::of(line)?;
    let headers = headers(&[
        ("ce_specversion", "1.0"),
        ("ce_id", id),
        ("ce_source", source),
        ("ce_type", "caudal.billable.v1"),
        ("ce_time", end),
        ("ce_subject", &subscription),
        ("ce_partitionkey", &account),
        ("content-type", "application/json"),
    ]);
    Some(Draft { key: account, value: line.into(), headers })
}

fn suspense(line: &[u8]) -> Option<Draft<'static>> {
    let item = SuspenseEnvelope::of(line)?;
    let numbers = [
        ("caudal_file_id", u64::from(item.file_id)),
        ("caudal_record", u64::from(item.record)),
        ("caudal_offset", item.offset),
        ("caudal_length", item.len),
        ("caudal_attempt", u64::from(item.attempt)),
    ]
    .map(|(name, value)| (name, value.to_string()));
    let texts = [
        ("caudal_code", item.code.as_str()),
        ("caudal_stage", &item.stage),
        ("caudal_field", &item.field),
        ("caudal_found", &item.found),
        ("caudal_file", &item.file),
        ("caudal_version", env!("CARGO_PKG_VERSION")),
    ];
    let numbers = numbers.iter().map(|(name, value)| (*name, value.as_str()));
    // The primary run is not named: what it cannot bill is the record itself.
    let run = (!item.run.is_empty()).then_some(("caudal_run", item.run.as_str()));
    let all: Vec<_> = texts.into_iter().chain(numbers).chain(run).collect();
    let headers = headers(&all);
    Some(Draft { key: item.file.into(), value: item.raw.into(), headers })
}

fn plain<'a>(line: &'a [u8], (source, kind): (&str, &str)) -> Option<Draft<'a>> {
    let FileEnvelope { file } = FileEnvelope::of(line)?;
    let headers = headers(&[("ce_source", source), ("ce_type", kind), ("content-type", "application/json")]);
    Some(Draft { key: file.into(), value: line.into(), headers })
}

fn headers(all: &[(&str, &str)]) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(all.len());
    all.iter()
        .fold(empty, |headers, (key, value)| headers.insert(Header { key, value: Some(value.as_bytes()) }))
}
