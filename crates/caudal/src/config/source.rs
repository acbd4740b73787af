//! One `[[source]]` of the pipeline to its folder or topic, its format and its rules.
//! Relies on the rooms of the formats to check what they are told; says where each finding stands.
//! Never opens a file: whether the folder is there is for the caller to see.

use super::reader::{Keys, Report};
use super::units;
use super::{delimited, topic};
use caudal_cdr::{
    Asterisk, AsteriskClock, AsteriskOptions, AsteriskPayer, Chf, ChfOptions, Format, Framing, Pgw,
    PgwContainer, PgwOptions, SeventeenthColumn,
};
use caudal_connect::directory::{ARCHIVE_DAY, After, Complete, DirectoryConfig};
use caudal_connect::topic::TopicConfig;
use caudal_mediation::assemble;
use caudal_mediation::normalise::{RepeatedHour, SourceRules};
use caudal_mediation::numbers::{ExtensionRange, NumberRules};
use caudal_mediation::validate::FUTURE_MS;
use caudal_usage::TimeZone;
use std::path::{Component, Path, PathBuf};

/// Sources of one pipeline.
pub(super) const SOURCES_MAX: usize = 1_000;

/// Longest name of a pipeline or a source, in characters.
const NAME_MAX: usize = 64;

/// Longest wait for a file to stand still: a week, in milliseconds.
const STABLE_MAX_MS: i64 = 7 * 86_400_000;

/// Furthest into the future that an event may be let: 366 days, in milliseconds.
const FUTURE_MAX_MS: i64 = 366 * 86_400_000;

/// Longest silence that a source may be let: 366 days, in milliseconds.
const SILENT_MAX_MS: i64 = 366 * 86_400_000;

/// One source, ready to run.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// Its name.
    pub name: String,
    /// The format of its files.
    pub format: Format,
    /// How its records are to be understood.
    pub rules: SourceRules,
    /// How partial records are joined, where it has any.
    pub assembly: Option<assemble::Rule>,
    /// Where its records are.
    pub input: Input,
    /// What its records are known by, in words: a state keeps it, so that it cannot change unseen.
    pub key: String,
    /// Byte of the configuration where the source begins, for findings about several sources.
    pub(super) at: usize,
}

/// Where the records of a source are.
#[derive(Clone, Debug)]
pub enum Input {
    /// In the files of a folder.
    Directory(DirectoryConfig),
    /// In the messages of a topic.
    Topic(TopicConfig),
}

impl SourceConfig {
    /// The folder, where it is one.
    pub fn directory(&self) -> Option<&DirectoryConfig> {
        match &self.input {
            Input::Directory(directory) => Some(directory),
            Input::Topic(_) => None,
        }
    }

    /// The folder, where it is one.
    pub fn directory_mut(&mut self) -> Option<&mut DirectoryConfig> {
        match &mut self.input {
            Input::Directory(directory) => Some(directory),
            Input::Topic(_) => None,
        }
    }

    /// How records stand in what is read.
    pub fn framing(&self) -> Framing {
        match &self.input {
            Input::Directory(directory) => directory.framing,
            Input::Topic(_) => Framing::Values,
        }
    }
}

/// A format with what it says about assembly.
pub(super) struct Made {
    pub format: Format,
    pub assembly: Option<assemble::Rule>,
    /// The fields of the key, in words.
    pub key: String,
    /// True when every time of the feed is an instant by itself.
    pub zoned: bool,
}

/// Reads the keys that only one format has.
type ReadFormat = fn(&mut Report, &mut Keys) -> Option<Made>;

/// Reads one source. `None` when a finding makes it unusable; the caller numbers the sources.
pub(super) fn read(report: &mut Report, mut keys: Keys<'_, '_>, folder: &Path) -> Option<SourceConfig> {
    let at = keys.at;
    let name = name(report, &mut keys, "name");
    let format = format(report, &mut keys);
    let input = if keys.has("topic") {
        topic::read(report, &mut keys).map(Input::Topic)
    } else {
        files(report, &mut keys, folder).map(Input::Directory)
    };
    let made = format.map(|read| read(report, &mut keys));
    let zoned = made.as_ref().is_some_and(|made| made.as_ref().is_some_and(|made| made.zoned));
    let zone = zone(report, &mut keys, zoned);
    let repeated_hour = repeated_hour(report, &mut keys);
    let future_ms = future_ms(report, &mut keys);
    let silent_after_ms = silent_after_ms(report, &mut keys);
    let numbers = numbers(report, &mut keys);
    // A format that is not known has keys of its own: naming them unknown too would only distract.
    if made.is_some() {
        keys.finish(report);
    }
    let made = made??;
    let rules = SourceRules {
        source: 0,
        zone,
        repeated_hour: repeated_hour.unwrap_or_default(),
        numbers,
        future_ms: future_ms.unwrap_or(FUTURE_MS),
        key_rule: made.format.key_rule().name.clone(),
    };
    let mut input = input?;
    match &mut input {
        Input::Directory(directory) => {
            directory.framing = made.format.framing();
            directory.silent_after_ms = silent_after_ms;
        }
        Input::Topic(topic) => {
            topic.value = topic::value(report, at, &made.format);
            topic.silent_after_ms = silent_after_ms;
        }
    }
    let key = format!("{} ({})", made.key, String::from_utf8_lossy(&rules.key_rule));
    Some(SourceConfig { name: name?, format: made.format, rules, assembly: made.assembly, input, key, at })
}

/// The reader of the keys that the format has.
fn format(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<ReadFormat> {
    let formats: [(&str, ReadFormat); 5] = [
        ("asterisk", asterisk),
        ("chf", chf),
        ("delimited", delimited::read),
        ("json", delimited::read_json),
        ("pgw", pgw),
    ];
    if keys.has("format") {
        keys.word(report, "format", &formats)
    } else {
        keys.needed(report, "format");
        None
    }
}

fn repeated_hour(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<RepeatedHour> {
    let words = [
        ("suspend", RepeatedHour::Suspend),
        ("first", RepeatedHour::First),
        ("second", RepeatedHour::Second),
    ];
    keys.word(report, "repeated_hour", &words)
}

fn future_ms(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<i64> {
    let grammar = |text: &str| units::duration_ms(text).filter(|ms| *ms <= FUTURE_MAX_MS);
    keys.parsed(report, "future", ("a duration such as \"1 h\", at most 366 days", grammar))
}

fn silent_after_ms(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<i64> {
    let grammar = |text: &str| units::duration_ms(text).filter(|ms| (1..=SILENT_MAX_MS).contains(ms));
    keys.parsed(report, "silent_after", ("a duration such as \"2 h\", up to 366 days", grammar))
}

/// The folder and what becomes of its files; how records stand in them is for the format to say.
fn files(report: &mut Report, keys: &mut Keys<'_, '_>, folder: &Path) -> Option<DirectoryConfig> {
    let directory = keys.needed(report, "directory").map(|text| folder.join(text.value));
    let complete = complete(report, keys);
    let after = after(report, keys, folder, directory.as_deref());
    let ignore = keys.words(report, "ignore");
    let framing = Framing::Lines;
    let silent_after_ms = None;
    Some(DirectoryConfig {
        source: 0,
        directory: directory?,
        complete,
        after,
        ignore,
        silent_after_ms,
        framing,
    })
}

/// A name that is safe in file names, topics and metrics.
pub(super) fn name(report: &mut Report, keys: &mut Keys<'_, '_>, key: &'static str) -> Option<String> {
    let text = keys.needed(report, key)?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let value = text.value;
    if value.len() > NAME_MAX || !value.chars().all(fits) || value.starts_with(['-', '.']) {
        let found: String = value.chars().take(NAME_MAX).collect();
        report.hinted(
            text.at,
            format!(
                "`{key}` is {found:?}, expected 1 to {NAME_MAX} lower-case letters, digits, `-`, `_`, `.`"
            ),
            "it begins with a letter, a digit or `_`, and names folders and topics",
        );
        return None;
    }
    Some(value.into())
}

/// A path without `.` and `..`, as far as names tell: for comparing only, since a symlink may lead elsewhere.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(plain.components().next_back(), Some(Component::Normal(_))) => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

fn complete(report: &mut Report, keys: &mut Keys<'_, '_>) -> Complete {
    let given: Vec<_> =
        ["complete", "stable_for", "marker"].into_iter().filter(|key| keys.has(key)).collect();
    if let [first, second, ..] = given.as_slice() {
        let message =
            format!("`{first}` and `{second}` both say when a file is complete, expected one of them");
        report.error(keys.place(second), message);
    }
    let renamed =
        keys.word(report, "complete", &[("renamed", Complete::Renamed)].map(|(word, _)| (word, ())));
    let stable = keys.parsed(
        report,
        "stable_for",
        ("a duration such as \"30 s\", up to 7 days", |text| {
            units::duration_ms(text).filter(|ms| (1..=STABLE_MAX_MS).contains(ms))
        }),
    );
    let marker = keys.parsed(
        report,
        "marker",
        ("an ending such as \".done\"", |text| {
            (text.len() > 1 && text.len() <= NAME_MAX && !text.contains('/')).then(|| text.to_owned())
        }),
    );
    match (renamed, stable, marker) {
        (None, Some(ms), _) => Complete::StableFor(ms),
        (None, None, Some(suffix)) => Complete::Marker(suffix),
        (Some(()), ..) | (None, None, None) => Complete::Renamed,
    }
}

#[derive(Clone, Copy)]
enum AfterWord {
    Keep,
    Archive,
    Delete,
}

fn after(report: &mut Report, keys: &mut Keys<'_, '_>, folder: &Path, directory: Option<&Path>) -> After {
    let words = [("keep", AfterWord::Keep), ("archive", AfterWord::Archive), ("delete", AfterWord::Delete)];
    let word = keys.word(report, "after", &words);
    let at = keys.place("archive");
    let archive = keys.text(report, "archive").map(|text| folder.join(text.value));
    if let (Some(archive), Some(directory)) = (&archive, directory)
        && plain(archive).starts_with(plain(directory))
    {
        report.hinted(
            at,
            "`archive` lies inside `directory`, so archived files would be read again",
            "name a folder beside it",
        );
    }
    if let Some(unknown) = archive.as_deref().and_then(unknown_placeholder) {
        let message =
            format!("`archive` has {unknown:?}, expected of that kind only {}", ARCHIVE_DAY.join(", "));
        report.hinted(at, message, "they stand for the day on which a file was claimed, UTC");
    }
    match (word, archive) {
        (Some(AfterWord::Archive), Some(archive)) => After::Archive(archive),
        (Some(AfterWord::Archive), None) => {
            report.error(keys.at, "`archive` is missing: `after = \"archive\"` needs a folder");
            After::Keep
        }
        (None | Some(AfterWord::Keep), None) => After::Keep,
        (Some(AfterWord::Delete), None) => After::Delete,
        (None | Some(AfterWord::Keep | AfterWord::Delete), Some(_)) => {
            report.error(at, "`archive` is given, expected `after = \"archive\"` with it");
            After::Keep
        }
    }
}

/// A part in braces that means nothing in the name of an archive.
fn unknown_placeholder(archive: &Path) -> Option<String> {
    let text = archive.to_string_lossy();
    let known = |text: &str| ARCHIVE_DAY.iter().any(|day| text.starts_with(day));
    let from = text.match_indices('{').map(|(at, _)| &text[at..]).find(|rest| !known(rest))?;
    let end = from.find('}').map_or(from.len(), |end| end + 1);
    from.get(..end).map(str::to_owned)
}

fn zone(report: &mut Report, keys: &mut Keys<'_, '_>, zoned: bool) -> TimeZone {
    let expected = "an IANA time zone such as \"Europe/Madrid\"";
    if !keys.has("time_zone") && !zoned {
        report.warning(
            keys.at,
            "the source has no `time_zone`: times without an offset are read as UTC",
            "say `time_zone = \"UTC\"` if that is meant",
        );
    }
    keys.parsed(report, "time_zone", (expected, TimeZone::parse)).unwrap_or(TimeZone::UTC)
}

fn numbers(report: &mut Report, keys: &mut Keys<'_, '_>) -> NumberRules {
    let mut rules = NumberRules::default();
    let Some(mut table) = keys.table(report, "numbers") else { return rules };
    let mut set = |report: &mut Report, key, digits: &mut String| {
        if let Some(text) = table.text(report, key) {
            *digits = text.value.to_owned();
        }
    };
    set(report, "country", &mut rules.country);
    set(report, "national_prefix", &mut rules.national_prefix);
    set(report, "international_prefix", &mut rules.international_prefix);
    for (key, digits) in
        [("national_min", &mut rules.national_min), ("national_max", &mut rules.national_max)]
    {
        if let Some(number) = table.number(report, key, 1..=14) {
            *digits = usize::try_from(number).unwrap_or(*digits);
        }
    }
    if let Some(mut extension) = table.table(report, "extension") {
        let length =
            extension.number(report, "length", 1..=14).and_then(|length| usize::try_from(length).ok());
        let prefix = extension.needed(report, "prefix").map(|text| text.value.to_owned());
        if !extension.has("length") {
            report.error(extension.at, "`length` is missing");
        }
        extension.finish(report);
        rules.extensions = length.zip(prefix).map(|(length, prefix)| ExtensionRange { length, prefix });
    }
    let at = table.at;
    table.finish(report);
    for error in rules.check() {
        report.error(at, format!("`numbers`: {error}"));
    }
    rules
}

fn asterisk(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<Made> {
    let payer = keys.word(
        report,
        "payer",
        &[("src", AsteriskPayer::Src), ("accountcode", AsteriskPayer::AccountCode)],
    );
    let gmt = keys.flag(report, "gmt");
    let seventeenth = keys.word(
        report,
        "column_17",
        &[("uniqueid", SeventeenthColumn::UniqueId), ("userfield", SeventeenthColumn::UserField)],
    );
    let node = node(report, keys);
    let options = AsteriskOptions {
        payer: payer.unwrap_or_default(),
        clock: if gmt { AsteriskClock::Gmt } else { AsteriskClock::Local },
        seventeenth: seventeenth.unwrap_or_default(),
        node,
    };
    let key = "uniqueid, sequence".to_owned();
    Some(Made { format: Format::Asterisk(Asterisk::new(options)), assembly: None, key, zoned: gmt })
}

fn pgw(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<Made> {
    let options = PgwOptions { container: container(report, keys), node: node(report, keys) };
    let format = Format::Pgw(Pgw::new(&options));
    // Every time stamp carries its offset.
    Some(Made { format, assembly: None, key: Pgw::KEY.to_owned(), zoned: true })
}

fn chf(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<Made> {
    let options = ChfOptions { container: container(report, keys), node: node(report, keys) };
    let format = Format::Chf(Chf::new(&options));
    // Every time stamp carries its offset.
    Some(Made { format, assembly: None, key: Chf::KEY.to_owned(), zoned: true })
}

/// What holds the binary records of a file.
fn container(report: &mut Report, keys: &mut Keys<'_, '_>) -> PgwContainer {
    let words = [("ts32297", PgwContainer::Ts32297), ("ber", PgwContainer::Ber)];
    keys.word(report, "container", &words).unwrap_or_default()
}

/// The originating node, part of the key.
pub(super) fn node(report: &mut Report, keys: &mut Keys<'_, '_>) -> Option<String> {
    let expected = "1 to 64 characters";
    keys.parsed(
        report,
        "node",
        (expected, |text: &str| (!text.is_empty() && text.len() <= NAME_MAX).then(|| text.to_owned())),
    )
}
