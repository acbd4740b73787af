//! Raw BER: constructed elements one behind the other, with fill between them.
//! Relies on the tags of 3GPP records; what has another tag must fit together inside to count as a record.
//! Never skips fill inside a record.

use super::RECORD_MAX;
use super::chain::{Chain, Judged};
use crate::ber::{Children, Class, Tag, Tlv, first, head, leading_tag};
use crate::roots::{ROOTS, root_of};

pub(super) struct Elements;

/// Fill octets between records, up to a border of blocks or anywhere.
const FILL: [u8; 2] = [0x00, 0xFF];

impl Chain for Elements {
    #[inline]
    fn fill(&self, input: &[u8]) -> usize {
        input.iter().take_while(|octet| FILL.contains(octet)).count()
    }

    fn judge(&self, input: &[u8]) -> Judged {
        let input = input.get(..RECORD_MAX).unwrap_or(input);
        let at_end = input.len() < RECORD_MAX;
        match first(input) {
            Ok(element) if is_strong(element.tag) || is_sound(&element) => Judged::Record(element.len()),
            Err(error) if at_end && error.wrong.is_cut() && may_be_cut(input) => Judged::Cut,
            Ok(_) | Err(_) => Judged::Bad,
        }
    }

    #[inline]
    fn extent(&self, input: &[u8]) -> Option<(usize, usize)> {
        Some((0, first(input).ok()?.len()))
    }

    fn is_sound(&self, record: &[u8]) -> bool {
        first(record).is_ok_and(|element| is_sound(&element))
    }

    fn proves(&self, input: &[u8]) -> bool {
        let Some(len) = named(input) else { return false };
        match input.get(len..) {
            None | Some([]) => true,
            Some([octet, ..]) if FILL.contains(octet) => true,
            // The file may end inside the next one.
            Some(next) => named(next).is_some() || is_cut_short(next),
        }
    }
}

/// True for a tag of two octets or more of a known kind: it does not come about by chance.
fn is_strong(tag: Tag) -> bool {
    tag.number() > 30
        && tag.is_constructed()
        && tag.class() == Class::Context
        && (matches!(tag.number(), 78 | 79 | 200) || ROOTS.iter().any(|root| root.number == tag.number()))
}

/// True when an element holds elements that end where it ends.
pub(super) fn is_sound(element: &Tlv<'_>) -> bool {
    element.tag.is_constructed() && element.children().all(|child| child.is_ok())
}

/// The octets of a record of a known kind that fits together inside.
fn named(input: &[u8]) -> Option<usize> {
    // Most octets of damage begin no record; what begins one is a constructed context tag.
    if input.first()? & 0xE0 != 0xA0 {
        return None;
    }
    let element = first(input).ok()?;
    let known = element.len() <= RECORD_MAX && root_of(element.tag, element.content).is_some();
    (known && is_sound(&element)).then_some(element.len())
}

/// True when the front is a record of a known kind that would end behind the input.
fn is_cut_short(input: &[u8]) -> bool {
    let cut = first(input).is_err_and(|error| error.wrong.is_cut());
    cut && leading_tag(input).is_some_and(is_strong) && may_be_cut(input)
}

/// True when the octets up to the end of the file may be the front of a record.
fn may_be_cut(input: &[u8]) -> bool {
    match (leading_tag(input), head(input)) {
        // The end lies inside the tag, or behind it.
        (None, _) => input.first().is_some_and(|octet| octet & 0x20 != 0),
        (Some(tag), None) => tag.is_constructed(),
        (Some(tag), Some(head)) => {
            let fits = head.announced.is_none_or(|announced| announced <= RECORD_MAX as u64);
            // Only the last element of the content may be wrong, by being cut.
            let inside =
                || Children::of(head.behind).find_map(Result::err).is_none_or(|error| error.wrong.is_cut());
            fits && tag.is_constructed() && (is_strong(tag) || inside())
        }
    }
}
