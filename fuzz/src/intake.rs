//! Framed records through a format and the normaliser, as the intake of the engine does it.
//! Relies on one set of source rules for all: a network of Spain.
//! Never expects a record to be read: a fault is as good, when it can be told.

use super::{account, ber};
use caudal_cdr::formats::record_table;
use caudal_cdr::{Format, Framing, HEAD_MAX, Layout, Scratch, ber::first};
use caudal_mediation::normalise::{Normaliser, RecordContext, RepeatedHour, SourceRules};
use caudal_mediation::numbers::NumberRules;
use caudal_mediation::validate::FUTURE_MS;
use caudal_usage::record::ByteSpan;
use caudal_usage::{FileOrdinal, KeySecret, Position, RawUsage, TimeZone};

/// 2026-12-01 in UTC milliseconds.
const ARRIVAL_MS: i64 = 1_796_083_200_000;

const SECRET: KeySecret = KeySecret([9; 16]);

/// A source with its normaliser.
pub struct Source<'a> {
    format: &'a Format,
    normaliser: Normaliser,
    scratch: Scratch,
}

impl<'a> Source<'a> {
    /// For a format.
    pub fn new(format: &'a Format) -> Self {
        let Some(zone) = TimeZone::parse("Europe/Madrid") else { panic!("the zone is known") };
        let rules = SourceRules {
            source: 0,
            zone,
            repeated_hour: RepeatedHour::Suspend,
            numbers: NumberRules { country: "34".to_owned(), ..NumberRules::default() },
            future_ms: FUTURE_MS,
            key_rule: format.key_rule().name.clone(),
        };
        Self { format, normaliser: Normaliser::new(rules), scratch: Scratch::default() }
    }

    /// A file, framed as the format says, and each of its records.
    pub fn file(&mut self, content: &[u8]) {
        self.framed(self.format.framing(), content);
    }

    /// A file in some framing, and each of its records.
    pub fn framed(&mut self, framing: Framing, content: &[u8]) {
        let layout = match self.format.open(&content[..content.len().min(HEAD_MAX)]) {
            Ok(layout) => layout,
            Err(fault) => return assert!(!fault.to_string().is_empty(), "a fault says what is wrong"),
        };
        let mut count = 0;
        account::check(framing, content, |_, record| {
            count += 1;
            if count > layout.skip_records && !record.is_empty() {
                self.record(&layout, record);
            }
        });
    }

    /// One record to a usage record, and to the fields that people are shown.
    pub fn record(&mut self, layout: &Layout, record: &[u8]) {
        let outcome = self.format.read(layout, record, &mut self.scratch).and_then(|raw| {
            let context = RecordContext {
                secret: &SECRET,
                at: Position { file: FileOrdinal(1), record: 1 },
                bytes: ByteSpan { offset: 0, len: record.len() as u32 },
                arrival_ms: ARRIVAL_MS,
            };
            self.normaliser.intake(&raw, &context)
        });
        match outcome {
            Ok(usage) => {
                assert!(!usage.parts.is_empty(), "a usage has a part");
                assert!(usage.parts.iter().all(|part| part.quantity >= 0), "no quantity is negative");
            }
            Err(fault) => assert!(!fault.to_string().is_empty(), "a fault says what is wrong"),
        }
        let _ = self.format.fields(layout, record);
    }

    /// One BER record by itself: as above, as a tree, and the same when it is written anew.
    pub fn element(&mut self, octets: &[u8]) {
        let Ok(layout) = self.format.open(octets) else { return };
        self.record(&layout, octets);
        let Some(element) = first(octets).ok().filter(|element| element.len() == octets.len()) else {
            return;
        };
        ber::trees(octets, record_table(element.tag, element.content));
        let mut scratch = Scratch::default();
        if let Ok(raw) = self.format.read(&layout, octets, &mut scratch) {
            let meant = shown(&raw);
            let anew = ber::canonical(&element);
            let read = self.format.read(&layout, &anew, &mut self.scratch).map(|raw| shown(&raw));
            assert_eq!(read, Ok(meant), "written anew, a record reads as itself");
        }
    }
}

/// A record without its key, session and billed fields, which hold elements as they were written.
fn shown(raw: &RawUsage<'_>) -> String {
    let mut raw = raw.clone();
    (raw.key, raw.session, raw.billed) = Default::default();
    format!("{raw:?}")
}
