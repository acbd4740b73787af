//! X.690 clause 8.1: octets to elements, each with its tag, its content, and where it stands.
//! Relies on the caller to know which tags mean what; any order, any class, any length form is read.
//! Never looks behind the input it was given: a content that would end there is an error.
//!
//! Be advised: short tags and lengths are nearly all of a CDR, so they are tried by hand. The other
//! forms go through nom's parsers. Both are held against each other in the tests.

use super::error::Stop;
use super::{BerError, DEPTH_MAX, LENGTH_OCTETS_MAX, TAG_OCTETS_MAX, Tag, Wrong};
use nom::IResult;
use nom::bytes::complete::take;
use nom::number::complete::be_u8;

/// How the length of an element is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// The octets of the content are counted.
    Definite,
    /// The content ends before an end-of-contents, `00 00`.
    Indefinite,
}

/// An element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tlv<'a> {
    /// Its tag.
    pub tag: Tag,
    /// Octets before it, from the start of the outermost content that is read.
    pub at: usize,
    /// Octets of tag and length.
    pub header: usize,
    /// How its length is written.
    pub form: Form,
    /// Its content.
    pub content: &'a [u8],
}

/// Octets of an end-of-contents.
const END_OF_CONTENTS: usize = 2;

impl<'a> Tlv<'a> {
    /// Octets of the whole element.
    pub const fn len(&self) -> usize {
        let end = match self.form {
            Form::Definite => 0,
            Form::Indefinite => END_OF_CONTENTS,
        };
        self.header + self.content.len() + end
    }

    /// Never: an element has a tag.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The elements in its content, with offsets counted on from this one's.
    #[inline]
    pub const fn children(&self) -> Children<'a> {
        let end = self.at + self.header + self.content.len();
        Children { rest: self.content, end }
    }

    /// The one element in its content: a CHOICE is always tagged on top of its own tag.
    #[inline]
    pub fn only_child(&self) -> Result<Tlv<'a>, BerError> {
        let mut children = self.children();
        let cut = BerError { offset: self.at + self.header, wrong: Wrong::HeaderCut };
        children.next().unwrap_or(Err(cut))
    }
}

/// The elements of a content, in order. Ends after the first error.
#[derive(Clone, Copy, Debug)]
pub struct Children<'a> {
    rest: &'a [u8],
    /// Octets from where offsets are counted to the end of `rest`.
    end: usize,
}

impl<'a> Children<'a> {
    /// The elements of `input`, with offsets counted from its start.
    pub const fn of(input: &'a [u8]) -> Self {
        Self { rest: input, end: input.len() }
    }

    /// Octets before what is not read yet.
    pub const fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Octets from where offsets are counted to the end of the content.
    #[inline]
    pub(crate) const fn end(&self) -> usize {
        self.end
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The elements of a part of a content, which ends so many octets from where offsets are counted.
    pub(crate) const fn ending_at(rest: &'a [u8], end: usize) -> Self {
        Self { rest, end }
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<Tlv<'a>, BerError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        // Never wraps: `rest` only gets shorter. Said so, it costs nothing where nobody asks for it.
        let at = self.end.wrapping_sub(self.rest.len());
        let found = match at_once(self.rest) {
            Some(found) => Ok(found),
            None => longer(self.rest),
        };
        Some(match found {
            Ok((rest, element)) => {
                self.rest = rest;
                Ok(Tlv { at, ..element })
            }
            Err(stop) => {
                self.rest = &[];
                Err(BerError { offset: self.end - stop.left.min(self.end), wrong: stop.wrong })
            }
        })
    }
}

/// An element with a tag of one octet and a length of one: its octet, its content, and what is behind it. `None` for any
/// other, and at the end.
///
/// By hand, since a record is a hundred such elements. Takes and gives slices: they stay in the registers of the loop
/// around it, where the place of an iterator would be written and read again for each element.
#[inline(always)]
pub(crate) fn short(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let [octet, len @ ..0x80, behind @ ..] = input else { return None };
    let (content, behind) = behind.split_at_checked(usize::from(*len))?;
    Some((*octet, content, behind))
}

/// In a table of places by octet: beyond the last, for [`short`] elements that are not to be taken as such.
pub(crate) const OTHERWISE: u8 = 0xFF;

/// Puts the contents of the [`short`] elements at the front of `input` in the places that a table has for their octets:
/// what is behind them, and `seen` with a bit for each of their numbers.
///
/// Ends before any other element, one whose place is beyond the last, and one whose number was seen: what reads every
/// form tells what it is.
#[inline(always)]
pub(crate) fn put_short<'a, const N: usize>(
    (input, seen): (&'a [u8], u32),
    places: &[u8; 256],
    contents: &mut [Option<&'a [u8]>; N],
) -> (&'a [u8], u32) {
    let (mut rest, mut seen) = (input, seen);
    while let Some((octet, content, behind)) = short(rest) {
        let place = contents.get_mut(usize::from(places[usize::from(octet)]));
        let (bit, Some(place)) = (1u32.wrapping_shl(octet.into()), place) else { break };
        if seen & bit != 0 {
            break;
        }
        seen |= bit;
        *place = Some(content);
        rest = behind;
    }
    (rest, seen)
}

/// The element at the front of `input`, of a longer form than nearly all are, and what is behind it.
///
/// Takes and gives values: a place that is handed out would keep the loops over elements from the registers.
#[inline(never)]
fn longer(input: &[u8]) -> Result<(&[u8], Tlv<'_>), Stop> {
    any_tlv(input).map_err(|error| match error {
        nom::Err::Error(stop) | nom::Err::Failure(stop) => stop,
        nom::Err::Incomplete(_) => Stop { left: 0, wrong: Wrong::HeaderCut },
    })
}

/// The element at the front of `input`.
#[inline]
pub fn first(input: &[u8]) -> Result<Tlv<'_>, BerError> {
    Children::of(input).next().unwrap_or(Err(BerError { offset: 0, wrong: Wrong::HeaderCut }))
}

/// The tag at the front of `input`, if all of it is there.
pub(crate) fn leading_tag(input: &[u8]) -> Option<Tag> {
    tag(input).ok().map(|(_, tag)| tag)
}

/// Tag and length of an element of which the content may be cut.
pub(crate) struct Head<'a> {
    /// Octets that the length announces; `None` when it is indefinite.
    pub announced: Option<u64>,
    /// What stands behind the length.
    pub behind: &'a [u8],
}

/// Tag and length at the front of `input`, if all of them are there.
pub(crate) fn head(input: &[u8]) -> Option<Head<'_>> {
    let (behind, _) = tag(input).ok()?;
    let (behind, length) = length(behind).ok()?;
    let announced = match length {
        Length::Definite(announced) => Some(announced),
        Length::Indefinite => None,
    };
    Some(Head { announced, behind })
}

/// One element off the front of `input`; its `at` is 0.
#[inline]
pub fn tlv(input: &[u8]) -> IResult<&[u8], Tlv<'_>, Stop> {
    match at_once(input) {
        Some(found) => Ok(found),
        None => any_tlv(input),
    }
}

/// An element whose head is short, as nearly all are, and what is behind it.
#[inline(always)]
fn at_once(input: &[u8]) -> Option<(&[u8], Tlv<'_>)> {
    shortest(input).or_else(|| short_head(input).element(input))
}

/// An element with a tag of one octet and a length of one, and what is behind it.
#[inline(always)]
fn shortest(input: &[u8]) -> Option<(&[u8], Tlv<'_>)> {
    let [tag, len, behind @ ..] = input else { return None };
    if tag & 0x1F == 0x1F || *tag == 0 || *len >= 0x80 {
        return None;
    }
    let (content, rest) = behind.split_at_checked(usize::from(*len))?;
    Some((rest, Tlv { tag: Tag::from_octet(*tag), at: 0, header: 2, form: Form::Definite, content }))
}

/// A tag of one or two octets and a definite length below 65,536. Small enough to be handed over in registers.
#[derive(Clone, Copy)]
struct ShortHead {
    tag: Tag,
    /// Octets of tag and length in the upper half, those of the content in the lower. No octets where there is none.
    octets: u32,
}

impl ShortHead {
    const NONE: Self = Self { tag: Tag::from_octet(0), octets: 0 };

    /// The element at the front of `input`, and what is behind it; `None` where its content is cut.
    #[inline(always)]
    fn element(self, input: &[u8]) -> Option<(&[u8], Tlv<'_>)> {
        let (header, len) = ((self.octets >> 16) as usize, self.octets as u16);
        if header == 0 {
            return None;
        }
        let (content, rest) = input.get(header..)?.split_at_checked(usize::from(len))?;
        Some((rest, Tlv { tag: self.tag, at: 0, header, form: Form::Definite, content }))
    }
}

/// Tag and length at the front of `input`, where they are short. Not inlined: a place that is handed out would keep the
/// loops over elements from the registers.
#[inline(never)]
fn short_head(input: &[u8]) -> ShortHead {
    let (tag, tag_octets, behind) = match input {
        [0, ..] | [0x1F, 0, ..] => return ShortHead::NONE,
        [tag, behind @ ..] if tag & 0x1F != 0x1F => (Tag::from_octet(*tag), 1, behind),
        [tag, number @ ..=0x7F, behind @ ..] => {
            (Tag::from_octet(*tag).with_number(u32::from(*number)), 2, behind)
        }
        _ => return ShortHead::NONE,
    };
    let (octets, len) = match behind {
        [len @ ..=0x7F, ..] => (1, u16::from(*len)),
        [0x81, len, ..] => (2, u16::from(*len)),
        [0x82, high, low, ..] => (3, u16::from_be_bytes([*high, *low])),
        _ => return ShortHead::NONE,
    };
    ShortHead { tag, octets: (tag_octets + octets) << 16 | u32::from(len) }
}

/// One element of any form.
fn any_tlv(input: &[u8]) -> IResult<&[u8], Tlv<'_>, Stop> {
    let (behind_tag, tag) = tag(input)?;
    let (behind, length) = length(behind_tag)?;
    let header = input.len() - behind.len();
    if tag == Tag::from_octet(0) {
        return stop(input, Wrong::StrayEndOfContents);
    }
    let (form, len) = match length {
        Length::Definite(announced) => match usize::try_from(announced) {
            Ok(len) if len <= behind.len() => (Form::Definite, len),
            _ => return stop(behind_tag, Wrong::ContentCut { announced, there: behind.len() }),
        },
        Length::Indefinite if tag.is_constructed() => (Form::Indefinite, indefinite(behind)?),
        Length::Indefinite => return stop(behind_tag, Wrong::IndefinitePrimitive),
    };
    let (behind, content) = take(len)(behind)?;
    let (rest, _) = match form {
        Form::Definite => (behind, &[][..]),
        Form::Indefinite => take(END_OF_CONTENTS)(behind)?,
    };
    Ok((rest, Tlv { tag, at: 0, header, form, content }))
}

fn stop<T>(at: &[u8], wrong: Wrong) -> Result<T, nom::Err<Stop>> {
    Err(nom::Err::Error(Stop { left: at.len(), wrong }))
}

/// Clause 8.1.2.
fn tag(input: &[u8]) -> IResult<&[u8], Tag, Stop> {
    let (mut rest, first) = be_u8(input)?;
    let tag = Tag::from_octet(first);
    if tag.number() != 0x1F {
        return Ok((rest, tag));
    }
    let mut number = 0;
    for _ in 1..TAG_OCTETS_MAX {
        let (behind, octet) = be_u8(rest)?;
        rest = behind;
        number = number << 7 | u32::from(octet & 0x7F);
        if octet & 0x80 == 0 {
            return Ok((rest, tag.with_number(number)));
        }
    }
    stop(input, Wrong::LongTag)
}

enum Length {
    Definite(u64),
    Indefinite,
}

/// Clause 8.1.3, non-minimal forms included.
fn length(input: &[u8]) -> IResult<&[u8], Length, Stop> {
    let (rest, first) = be_u8(input)?;
    match first {
        0..0x80 => Ok((rest, Length::Definite(u64::from(first)))),
        0x80 => Ok((rest, Length::Indefinite)),
        0x81..=0xFF => {
            let octets = usize::from(first & 0x7F);
            if octets > LENGTH_OCTETS_MAX {
                return stop(input, Wrong::LongLength);
            }
            let (rest, octets) = take(octets)(rest)?;
            let value = octets.iter().fold(0, |value, octet| value << 8 | u64::from(*octet));
            Ok((rest, Length::Definite(value)))
        }
    }
}

/// Octets of the content of an indefinite length, up to its end-of-contents.
fn indefinite(input: &[u8]) -> Result<usize, nom::Err<Stop>> {
    let mut rest = input;
    let mut open = 1usize;
    loop {
        if rest.is_empty() {
            return stop(rest, Wrong::NoEndOfContents);
        }
        if let Some(behind) = rest.strip_prefix(&[0, 0]) {
            open -= 1;
            if open == 0 {
                return Ok(input.len() - rest.len());
            }
            rest = behind;
            continue;
        }
        let here = rest;
        let (behind_tag, tag) = tag(here)?;
        let (behind, length) = length(behind_tag)?;
        rest = match length {
            Length::Definite(announced) => {
                match usize::try_from(announced).ok().and_then(|len| behind.get(len..)) {
                    Some(rest) => rest,
                    None => return stop(behind_tag, Wrong::ContentCut { announced, there: behind.len() }),
                }
            }
            Length::Indefinite if !tag.is_constructed() => {
                return stop(behind_tag, Wrong::IndefinitePrimitive);
            }
            Length::Indefinite if open >= DEPTH_MAX => return stop(here, Wrong::TooDeep),
            Length::Indefinite => {
                open += 1;
                behind
            }
        };
    }
}

#[cfg(test)]
mod tests;
