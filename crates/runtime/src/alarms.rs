//! What operators must be told, as lines of the stream `alerts`: what scans show, and what the ends of files show.
//! Relies on the ledger for what lasts and was told already; lines of files come with the commit that holds their end.
//! Never says a time: that a source is silent is decided by the clock of the scan and recorded as input.

mod header;

use caudal_engine::intake::Slice;
use caudal_engine::ledger::Ledger;
use caudal_engine::setup::Names;
use caudal_engine::source::Refused;
use caudal_usage::alarm::{AlarmChange, AlarmCode, Lasting};
use caudal_usage::sequence::{Element, NumberRuns, Sequence, SequenceKey, Shown};
use caudal_usage::{FileEntry, FileOrdinal, Finished};
use caudal_wire::alarm::{AlarmFile, AlarmLine, AlarmType, write_alarm};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Refused names of one source that are told of, in the order of the names. A folder full of others is one mistake.
const REFUSED_MAX: usize = 1_000;

/// Elements whose running numbers are followed. A count that names more is no count of elements.
const NODES_MAX: usize = 4_096;

/// Alarms that go with the next commit.
#[derive(Default, Debug)]
pub struct Alarms {
    /// What lasts: raised and cleared.
    pub changes: Vec<AlarmChange>,
    /// The lines.
    pub lines: Vec<u8>,
    /// How many lines.
    pub count: u64,
    /// How many of them raise an alarm, by code.
    pub raised: BTreeMap<AlarmCode, u64>,
}

impl Alarms {
    /// True when there is nothing to tell.
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.count == 0
    }

    /// Appends what came later.
    pub fn extend(&mut self, later: Self) {
        self.changes.extend(later.changes);
        self.lines.extend_from_slice(&later.lines);
        self.count += later.count;
        later.raised.into_iter().for_each(|(code, count)| *self.raised.entry(code).or_default() += count);
    }

    /// Appends a line.
    pub fn write(&mut self, line: &AlarmLine<'_>) {
        write_alarm(&mut self.lines, line);
        self.count += 1;
        if line.kind == AlarmType::Alarm {
            *self.raised.entry(line.code).or_default() += 1;
        }
    }

    /// Raises or clears what lasts.
    fn lasting(&mut self, kind: AlarmType, lasting: Lasting, message: &str) {
        let shown = format!("{}/{}", lasting.source, String::from_utf8_lossy(&lasting.name));
        let file = (!lasting.name.is_empty()).then_some(AlarmFile { file: &shown, file_id: None });
        let (code, source) = (lasting.code, lasting.source.as_str());
        let name = String::from_utf8_lossy(&lasting.name).escape_debug().to_string();
        tracing::warn!("source {source}: {} {code}: {name}: {message}", kind.as_str());
        self.write(&AlarmLine { kind, code, source, file, first: None, message });
        self.changes.push(match kind {
            AlarmType::Alarm => AlarmChange::Raised(lasting),
            AlarmType::Cleared | AlarmType::GapClosed => AlarmChange::Cleared(lasting),
        });
    }

    /// What lies in a source's folder and is refused: told when it comes, and when it has gone.
    pub fn refused(&mut self, ledger: &Ledger, source: &str, refused: &[Refused]) {
        let of = |name: &[u8]| Lasting {
            code: AlarmCode::RefusedFile,
            source: source.into(),
            name: name.to_vec(),
        };
        let now: BTreeMap<_, _> =
            refused.iter().take(REFUSED_MAX).map(|refused| (of(&refused.name), &refused.why)).collect();
        let before = ledger.alarms.range(of(b"")..);
        let before: BTreeSet<_> = before
            .take_while(|lasting| lasting.code == AlarmCode::RefusedFile && lasting.source == source)
            .collect();
        for (lasting, why) in &now {
            if !before.contains(lasting) {
                self.lasting(AlarmType::Alarm, lasting.clone(), &format!("left out: {why}"));
            }
        }
        for lasting in before {
            if !now.contains_key(lasting) {
                self.lasting(AlarmType::Cleared, lasting.clone(), "gone, or can be read now");
            }
        }
    }

    /// A source that shows no new file for longer than it should.
    pub fn silence(&mut self, ledger: &Ledger, source: &str, quiet: Quiet) {
        let lasting = Lasting { code: AlarmCode::SilentSource, source: source.into(), name: Vec::new() };
        let silent = quiet.after_ms.filter(|after_ms| quiet.since_ms >= *after_ms);
        match (silent, ledger.alarms.contains(&lasting)) {
            (Some(after_ms), false) => {
                let message = format!("no new file for {}", duration(after_ms));
                self.lasting(AlarmType::Alarm, lasting, &message);
            }
            (None, true) => self.lasting(AlarmType::Cleared, lasting, "new files are found again"),
            (Some(_), true) | (None, false) => {}
        }
    }

    /// What the end of a file shows when it is held against the files before it.
    pub fn end(&mut self, ledger: &Ledger, names: &Names, end: &End<'_>) {
        let named = |file: FileOrdinal| AlarmFile { file: names.get(file), file_id: Some(file.0) };
        let file = Some(named(end.entry.claim.ordinal));
        let source = end.entry.source.as_str();
        let mut tell = |code, first: FileOrdinal, message: &str| {
            let first = Some(named(first));
            self.write(&AlarmLine { kind: AlarmType::Alarm, code, source, file, first, message });
        };
        // A file without content says nothing by having none.
        if let Some(first) = end.same_content.filter(|_| end.finished.octets > 0) {
            let message = format!("{} octets, the same as before", end.finished.octets);
            tell(AlarmCode::SameContent, first, &message);
        }
        if end.entry.claim.continued.is_some() {
            return;
        }
        let Some((before, content)) = earlier(ledger, end.entry) else { return };
        let (now, then) = (content_of(end.finished), content_of(&content));
        if now != then {
            let code = if before.claim.found.inode == end.entry.claim.found.inode {
                AlarmCode::ReplacedContent
            } else {
                AlarmCode::SameName
            };
            let (octets, octets_then) = (now.0, then.0);
            let message = format!("{octets} octets under the name of a file that had {octets_then}");
            tell(code, before.claim.ordinal, &message);
        }
    }

    /// What a slice that begins or ends its file shows of the file header.
    pub fn header(&mut self, numbers: &mut Numbers<'_>, (entry, file): (&FileEntry, &str), slice: &Slice) {
        let Some(of_file) = &slice.header else { return };
        let alarm_file = Some(AlarmFile { file, file_id: Some(entry.claim.ordinal.0) });
        for (code, message) in header::findings(of_file, slice) {
            self.write(&AlarmLine {
                kind: AlarmType::Alarm,
                code,
                source: &entry.source,
                file: alarm_file,
                first: None,
                message: &message,
            });
        }
        if slice.begins_file() {
            let mut number = NumberRuns::default();
            number.note(header::node(of_file).as_bytes(), of_file.sequence);
            numbers.take(self, (entry, file), (AlarmCode::FileGap, &number));
        }
    }

    /// What completes a record that was taken at an earlier end of its file.
    pub fn cut_record(&mut self, entry: &FileEntry, file: &str, (offset, octets): (u64, u64)) {
        let message =
            format!("{octets} octets from offset {offset} complete a record that was taken as it stood");
        self.write(&AlarmLine {
            kind: AlarmType::Alarm,
            code: AlarmCode::CutRecord,
            source: &entry.source,
            file: Some(AlarmFile { file, file_id: Some(entry.claim.ordinal.0) }),
            first: None,
            message: &message,
        });
    }
}

/// The running numbers of elements in one epoch, held against those before.
#[derive(Debug)]
pub struct Numbers<'l> {
    ledger: &'l Ledger,
    sequences: Vec<Sequence>,
    /// Where each stands.
    places: BTreeMap<SequenceKey, usize>,
}

impl<'l> Numbers<'l> {
    /// Nothing was taken yet.
    pub const fn new(ledger: &'l Ledger) -> Self {
        Self { ledger, sequences: Vec::new(), places: BTreeMap::new() }
    }

    /// Takes numbers that stood in a file.
    pub fn take(
        &mut self,
        alarms: &mut Alarms,
        (entry, file): (&FileEntry, &str),
        (code, numbers): (AlarmCode, &NumberRuns),
    ) {
        let source = &entry.source;
        let mut of = |element: &Element| {
            let (source, node) = (source.clone(), element.node.clone());
            self.place(SequenceKey { code, source, node }, element.first)
        };
        let places: Vec<_> = numbers.elements().iter().map(|element| (of(element), &*element.node)).collect();
        for run in numbers.runs() {
            let Some(&(Some(place), node)) = places.get(run.element) else { continue };
            let Some(sequence) = self.sequences.get_mut(place) else { continue };
            sequence.take_run(run, |shown| {
                let Some((kind, message)) = told(code, shown, node) else { return };
                let file = Some(AlarmFile { file, file_id: Some(entry.claim.ordinal.0) });
                alarms.write(&AlarmLine { kind, code, source, file, first: None, message: &message });
            });
        }
    }

    /// Where the numbers of an element stand; nowhere, where there is no room for one more.
    fn place(&mut self, key: SequenceKey, first: u32) -> Option<usize> {
        let vacant = match self.places.entry(key) {
            Entry::Occupied(known) => return Some(*known.get()),
            Entry::Vacant(vacant) => vacant,
        };
        let sequence = match self.ledger.sequences.get(vacant.key()) {
            Some(known) => known.clone(),
            None if self.ledger.sequences.len() + self.sequences.len() < NODES_MAX => {
                Sequence { next: first, gaps: Vec::new() }
            }
            None => return None,
        };
        self.sequences.push(sequence);
        Some(*vacant.insert(self.sequences.len() - 1))
    }

    /// The numbers that moved, for the commit.
    pub fn into_changes(self) -> Vec<(SequenceKey, Sequence)> {
        let Self { sequences, places, .. } = self;
        places.into_iter().filter_map(|(key, place)| Some((key, sequences.get(place)?.clone()))).collect()
    }
}

fn told(code: AlarmCode, shown: Shown, node: &str) -> Option<(AlarmType, String)> {
    let of = if node.is_empty() { String::new() } else { format!(" of {node}") };
    match shown {
        Shown::Nothing => None,
        // Records that come again are duplicates, and the books have them.
        Shown::Repeated { .. } if code != AlarmCode::FileGap => None,
        Shown::Repeated { number, expected } => {
            Some((AlarmType::Alarm, format!("{number}{of} comes again or late, expected {expected}")))
        }
        Shown::Opened(gap) if gap.first == gap.last => {
            Some((AlarmType::Alarm, format!("{}{of} is missing", gap.first)))
        }
        Shown::Opened(gap) => Some((
            AlarmType::Alarm,
            format!("{} to {}{of}: {} numbers are missing", gap.first, gap.last, gap.count()),
        )),
        Shown::Closed { number } => Some((
            AlarmType::GapClosed,
            format!("{number}{of} was the last that was missing between its neighbours"),
        )),
        Shown::Restarted { expected } => {
            Some((AlarmType::Alarm, format!("the count{of} begins anew, expected {expected}")))
        }
    }
}

/// How long a source has shown no new file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quiet {
    /// Milliseconds since the last one.
    pub since_ms: i64,
    /// Milliseconds after which it counts as silent.
    pub after_ms: Option<i64>,
}

/// The end of a file, as a commit holds it.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The file.
    pub entry: &'a FileEntry,
    /// What it holds.
    pub finished: &'a Finished,
    /// An earlier file with the same content.
    pub same_content: Option<FileOrdinal>,
}

/// The last finished file before this one that had its name.
fn earlier<'l>(ledger: &'l Ledger, entry: &FileEntry) -> Option<(&'l FileEntry, Finished)> {
    let before = |other: &&FileEntry| other.claim.ordinal < entry.claim.ordinal;
    let before = ledger.named(&entry.source, &entry.claim.found.name).rev().find(before)?;
    Some((before, before.finished?))
}

const fn content_of(finished: &Finished) -> (u64, u64) {
    (finished.octets, finished.content_hash)
}

/// A duration in its largest whole unit.
fn duration(ms: i64) -> String {
    for (worth, unit) in [(3_600_000, "h"), (60_000, "min"), (1000, "s")] {
        if ms % worth == 0 {
            return format!("{} {unit}", ms / worth);
        }
    }
    format!("{ms} ms")
}

#[cfg(test)]
mod tests;
