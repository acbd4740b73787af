//! The stable codes under which a record is suspended or filtered, with their stage, meaning and remedy.
//! This table is the only place where a code is defined; the manual's table is printed from it.
//! A code is never renamed or reused: operators' scripts and other systems match on it.

use compact_str::CompactString;
use std::fmt;

/// The stage that decided.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Stage {
    Frame,
    Decode,
    Normalise,
    Validate,
    Dedup,
    Filter,
    Assemble,
    Guide,
    Rate,
}

impl Stage {
    /// The word used in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Decode => "decode",
            Self::Normalise => "normalise",
            Self::Validate => "validate",
            Self::Dedup => "dedup",
            Self::Filter => "filter",
            Self::Assemble => "assemble",
            Self::Guide => "guide",
            Self::Rate => "rate",
        }
    }
}

/// Whether a code suspends a record or filters it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ends {
    /// Cannot be billed yet; waits to be fixed and recycled.
    Suspended,
    /// Known not to be billed.
    Filtered,
}

macro_rules! codes {
    ($($variant:ident $word:literal $ends:ident $stage:ident $meaning:literal $remedy:literal)*) => {
        /// A stable code.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $meaning] $variant),* }

        impl Code {
            /// Every code, in the order of the line.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word used in files: stable, lower snake case.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),* } }

            /// Whether it suspends or filters.
            pub const fn ends(self) -> Ends { match self { $(Self::$variant => Ends::$ends),* } }

            /// The stage where it usually arises.
            pub const fn stage(self) -> Stage { match self { $(Self::$variant => Stage::$stage),* } }

            /// What happened.
            pub const fn meaning(self) -> &'static str { match self { $(Self::$variant => $meaning),* } }

            /// What to do about it.
            pub const fn remedy(self) -> &'static str { match self { $(Self::$variant => $remedy),* } }
        }
    };
}

codes! {
    UnknownFormat "unknown_format" Suspended Frame
        "The bytes are not in the format that the source declares."
        "Check the source's `format`; the file may belong to another source."
    Truncated "truncated" Suspended Frame
        "The file or record ends before it is complete."
        "Ask the network element for the file again; the records before the cut are billed."
    BadLength "bad_length" Suspended Frame
        "A record is longer than its bound, or a length field contradicts the bytes."
        "Look at the bytes with `caudal inspect`; fix the element or the separator."
    CutRecord "cut_record" Suspended Frame
        "The file ended inside a record, which was taken as it stood; this is what completes it."
        "Put the two together, see what the first half was billed as, and let files be taken only when they are complete."
    BadField "bad_field" Suspended Decode
        "A field does not parse as its type."
        "See `field` and `found`; fix the element, or the field's type in the pipeline."
    MissingField "missing_field" Suspended Decode
        "A field that is needed is absent or empty."
        "See `field`; fix the element, or the field list in the pipeline."
    Contradictory "contradictory" Suspended Validate
        "Fields of one record contradict each other, e.g. not answered with billable seconds."
        "Decide with the owner of the element which field is right."
    AmbiguousTime "ambiguous_time" Suspended Normalise
        "A local time occurs twice that night and the record does not say which."
        "Let the element write an offset or UTC, or set `repeated_hour` on the source."
    MissingTime "missing_time" Suspended Normalise
        "A local time does not exist that night: clocks went forward over it."
        "The element's clock or the source's `time_zone` is wrong."
    EventInFuture "event_in_future" Suspended Validate
        "The event lies further after the arrival of its file than the source allows."
        "Check the element's clock and the source's `time_zone`."
    EmptyKey "empty_key" Suspended Validate
        "Every field of the record key is empty, so the record cannot be told from another."
        "Fix the element, or choose other `key` fields."
    TooOld "too_old" Suspended Dedup
        "The record is older than the dedup window, so a duplicate could not be excluded."
        "Verify that it was never billed, then recycle or write it off."
    KeyConflict "key_conflict" Suspended Dedup
        "The key is known, but with other billed fields: one of the two records is wrong."
        "Compare it with the record named in `first`; accept it as a usage of its own or write it off."
    Unanswered "unanswered" Filtered Filter
        "The attempt was not answered."
        "Nothing: known not to be billed."
    ZeroDuration "zero_duration" Filtered Filter
        "Answered, but zero after truncation to the unit of the record."
        "Nothing: known not to be billed."
    NotBillable "not_billable" Filtered Filter
        "A rule of the pipeline says that this kind of record is not billed."
        "Nothing, unless the rule is wrong: see the source's `filter` and `billable.csv`."
    LatePartial "late_partial" Suspended Assemble
        "A partial record came after its session was closed."
        "Recycle once corrections can reopen the session, or write it off."
    Gap "gap" Suspended Assemble
        "The longest hold passed and partial records of the session are missing."
        "Find the missing partials (see `found`) and recycle, or accept the session as it is."
    NoSubscription "no_subscription" Suspended Guide
        "No subscription owns the served party at the chargeable start."
        "Add it to reference/subscriptions.csv, or correct the number rules of the source."
    NoRate "no_rate" Suspended Rate
        "No rate of the plan, and no fallback, matches the usage."
        "Add a rate or a zone; `found` says what was looked for."
    NotRedeemable "not_redeemable" Suspended Rate
        "No discount of the plan has this code, or it was redeemed as often as it may be."
        "See `found`: which bound was met, of the customer or in all."
    Overflow "overflow" Suspended Rate
        "A quantity or an amount does not fit without losing a digit."
        "The record or the price is absurd: see the quantity in `found`."
}

impl Code {
    /// Reads the word used in files.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a record cannot go on: a value, not an error of the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The stable code.
    pub code: Code,
    /// The stage that decided.
    pub stage: Stage,
    /// The field concerned; empty when it is the record as a whole.
    pub field: CompactString,
    /// What was found there, at most [`Fault::FOUND_MAX`] characters, not UTF-8 replaced.
    pub found: CompactString,
}

impl From<Box<Self>> for Fault {
    /// Out of the box in which readers hand it on, since nearly every value they read is smaller.
    #[cold]
    fn from(boxed: Box<Self>) -> Self {
        *boxed
    }
}

impl Fault {
    /// Longest `found`, in characters.
    pub const FOUND_MAX: usize = 80;

    /// A fault at the code's usual stage.
    #[cold]
    pub fn new(code: Code, field: &str, found: &[u8]) -> Self {
        // Four bytes a character at most; what lies behind is cut before it is copied.
        let head = &found[..found.len().min(Self::FOUND_MAX * 4)];
        let mut text: CompactString = String::from_utf8_lossy(head).chars().take(Self::FOUND_MAX).collect();
        if text.chars().count() == Self::FOUND_MAX && found.len() > text.len() {
            text.push('…');
        }
        Self { code, stage: code.stage(), field: field.into(), found: text }
    }

    /// The same fault, decided at another stage.
    pub fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stage.as_str(), self.code)?;
        if !self.field.is_empty() {
            write!(f, " in {}", self.field)?;
        }
        write!(f, ", found {:?}", self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_lower_snake_and_read_back() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(code.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
            assert!(code.meaning().ends_with('.') && code.remedy().ends_with('.'));
        }
        assert_eq!(Code::parse("Gap"), None);
    }

    #[test]
    fn found_is_bounded_and_readable() {
        let fault = Fault::new(Code::BadField, "start", &[0xFF; 100_000]);
        assert_eq!(fault.found.chars().count(), Fault::FOUND_MAX + 1);
        assert!(fault.found.ends_with('…'));
        let fault = Fault::new(Code::BadField, "start", b"20261301");
        assert_eq!(fault.to_string(), "decode: bad_field in start, found \"20261301\"");
    }
}
