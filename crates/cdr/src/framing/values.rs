//! Values of messages: each behind its length in four octets, most significant first.
//! Relies on whoever lays messages into a block to write the lengths.
//! Never finds its way again behind damage: a length says nothing about the value.

use super::chain::{Chain, Judged};

pub(super) struct Values;

/// Octets of a length.
const HEAD: usize = 4;

/// Appends a value as [`super::Framing::Values`] frames it; false, and nothing appended, when it is longer than a block
/// can hold.
pub fn write_value(block: &mut Vec<u8>, value: &[u8]) -> bool {
    let Some(length) = u32::try_from(value.len()).ok().filter(|_| value.len() <= VALUE_MAX) else {
        return false;
    };
    block.extend_from_slice(&length.to_be_bytes());
    block.extend_from_slice(value);
    true
}

/// Most octets of a value.
pub const VALUE_MAX: usize = super::RECORD_MAX;

impl Chain for Values {
    fn fill(&self, _: &[u8]) -> usize {
        0
    }

    fn judge(&self, input: &[u8]) -> Judged {
        match self.extent(input) {
            Some((_, len)) if len > HEAD + VALUE_MAX => Judged::Bad,
            Some((_, len)) if len <= input.len() => Judged::Record(len),
            _ => Judged::Cut,
        }
    }

    #[inline]
    fn extent(&self, input: &[u8]) -> Option<(usize, usize)> {
        let length = u32::from_be_bytes(*input.first_chunk::<HEAD>()?);
        Some((HEAD, usize::try_from(length).ok()?.checked_add(HEAD)?))
    }

    fn is_sound(&self, _: &[u8]) -> bool {
        true
    }

    fn proves(&self, _: &[u8]) -> bool {
        false
    }
}
