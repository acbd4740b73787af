//! What can be wrong with an element, and with a value, and where.
//! Relies on offsets counted from the start of the record that was read.
//! Never holds octets of the record: the caller has them.

use caudal_usage::{Code, Fault, Stage};
use nom::error::{ErrorKind, ParseError};
use std::fmt::{self, Write};

/// An element that cannot be read: nothing behind it can.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BerError {
    /// Octets before the place, from the start of the outermost content that is read.
    pub offset: usize,
    /// What is wrong there.
    pub wrong: Wrong,
}

/// What is wrong with an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// The input ends inside the tag or the length.
    HeaderCut,
    /// The tag has more octets than [`super::TAG_OCTETS_MAX`].
    LongTag,
    /// The length is `FF`, which X.690 reserves, or has more octets than [`super::LENGTH_OCTETS_MAX`].
    LongLength,
    /// The content would end behind what holds it.
    ContentCut {
        /// Octets that the length announces.
        announced: u64,
        /// Octets that are there.
        there: usize,
    },
    /// An indefinite length on a primitive element.
    IndefinitePrimitive,
    /// No end-of-contents before the end of the input.
    NoEndOfContents,
    /// An end-of-contents where no indefinite length is open.
    StrayEndOfContents,
    /// More levels than [`super::DEPTH_MAX`].
    TooDeep,
}

impl Wrong {
    /// True when more input might mend it.
    pub const fn is_cut(self) -> bool {
        matches!(self, Self::HeaderCut | Self::ContentCut { .. } | Self::NoEndOfContents)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderCut => f.write_str("found the end inside a tag or length, expected all of it"),
            Self::LongTag => {
                write!(f, "found a tag that goes on, expected at most {} octets", super::TAG_OCTETS_MAX)
            }
            Self::LongLength => {
                write!(
                    f,
                    "found a reserved or longer length, expected at most {} octets",
                    super::LENGTH_OCTETS_MAX
                )
            }
            Self::ContentCut { announced, there } => {
                write!(f, "found {there} octets, expected the {announced} that the length announces")
            }
            Self::IndefinitePrimitive => {
                f.write_str("found an indefinite length, expected a definite one on a primitive")
            }
            Self::NoEndOfContents => {
                f.write_str("found the end, expected the end-of-contents of an indefinite length")
            }
            Self::StrayEndOfContents => f.write_str("found an end-of-contents, expected an element"),
            Self::TooDeep => write!(f, "found another level, expected at most {}", super::DEPTH_MAX),
        }
    }
}

impl BerError {
    /// The fault of a record with this inside: `bad_length`, with the offset in `found`.
    #[cold]
    pub fn fault(&self, field: &str) -> Fault {
        Fault::new(Code::BadLength, field, self.to_string().as_bytes()).at(Stage::Decode)
    }
}

impl fmt::Display for BerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {}: {}", self.offset, self.wrong)
    }
}

impl std::error::Error for BerError {}

/// What nom carries: how much input was left at the place, since a parser does not know where its input stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop {
    pub(super) left: usize,
    pub(super) wrong: Wrong,
}

impl ParseError<&[u8]> for Stop {
    fn from_error_kind(input: &[u8], _: ErrorKind) -> Self {
        // The only parsers of nom used here take octets, and fail when there are none.
        Self { left: input.len(), wrong: Wrong::HeaderCut }
    }

    fn append(_: &[u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// A content that is no value of its type; the text says what was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadValue(pub &'static str);

impl BadValue {
    /// The fault of a record with this in `field`: `bad_field`, with the octets and what was expected in `found`.
    #[cold]
    pub fn fault(self, field: &str, content: &[u8]) -> Fault {
        let mut found = String::new();
        for octet in content.iter().take(20) {
            // Writing to a string cannot fail.
            let _ = write!(found, "{octet:02X}");
        }
        if content.len() > 20 {
            let _ = write!(found, "… ({} octets)", content.len());
        }
        let _ = write!(found, ", expected {}", self.0);
        Fault::new(Code::BadField, field, found.as_bytes()).at(Stage::Decode)
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.0)
    }
}
