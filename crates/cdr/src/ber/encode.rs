//! Values to octets: the inverse of `read` and `value`, for generators and for tests that hold one against the other.
//! Relies on the caller for values of their type; what cannot be written is a mistake of the caller's.
//! Never writes more octets of a length or an integer than are needed, except where asked to.

use super::{Tag, time};
use caudal_usage::LocalTime;
use core::net::IpAddr;

/// Collects elements.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// Nothing written yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on behind what is in `out`.
    pub const fn onto(out: Vec<u8>) -> Self {
        Self { out }
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// What was written so far.
    pub fn bytes(&self) -> &[u8] {
        &self.out
    }

    /// An element with this content.
    pub fn octets(&mut self, tag: Tag, content: &[u8]) -> &mut Self {
        write_tag(&mut self.out, tag);
        write_length(&mut self.out, content.len());
        self.out.extend_from_slice(content);
        self
    }

    /// A constructed element with whatever `inside` writes.
    pub fn nested(&mut self, tag: Tag, inside: impl FnOnce(&mut Self)) -> &mut Self {
        write_tag(&mut self.out, tag.constructed());
        let start = self.out.len();
        inside(self);
        let mut length = Vec::new();
        write_length(&mut length, self.out.len() - start);
        self.out.splice(start..start, length);
        self
    }

    /// A constructed element of indefinite length.
    pub fn nested_indefinite(&mut self, tag: Tag, inside: impl FnOnce(&mut Self)) -> &mut Self {
        write_tag(&mut self.out, tag.constructed());
        self.out.push(0x80);
        inside(self);
        self.out.extend_from_slice(&[0, 0]);
        self
    }

    /// An INTEGER or ENUMERATED.
    pub fn integer(&mut self, tag: Tag, value: i64) -> &mut Self {
        let octets = value.to_be_bytes();
        let spare = |pair: &[u8; 2]| matches!(pair, [0, 0..0x80] | [0xFF, 0x80..=0xFF]);
        let surplus = octets.array_windows::<2>().take_while(|pair| spare(pair)).count();
        self.octets(tag, octets.get(surplus..).unwrap_or_default())
    }

    /// An INTEGER from 0 on, with the leading zero octet that keeps it from being negative.
    pub fn unsigned(&mut self, tag: Tag, value: u64) -> &mut Self {
        match i64::try_from(value) {
            Ok(value) => self.integer(tag, value),
            Err(_) => {
                let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
                self.octets(tag, &[0, a, b, c, d, e, f, g, h])
            }
        }
    }

    /// A BOOLEAN.
    pub fn boolean(&mut self, tag: Tag, value: bool) -> &mut Self {
        self.octets(tag, &[if value { 0xFF } else { 0 }])
    }

    /// A text: IA5String or UTF8String.
    pub fn text(&mut self, tag: Tag, value: &str) -> &mut Self {
        self.octets(tag, value.as_bytes())
    }

    /// A time stamp, TS 32.298.
    pub fn timestamp(&mut self, tag: Tag, value: LocalTime) -> &mut Self {
        self.octets(tag, &time::octets(value))
    }

    /// Digits in TBCD, with a filler when their number is odd.
    pub fn tbcd(&mut self, tag: Tag, digits: &[u8]) -> &mut Self {
        self.octets(tag, &tbcd(digits))
    }

    /// An AddressString; `first` is the octet of nature and plan, `0x91` for an international number.
    pub fn address(&mut self, tag: Tag, first: u8, digits: &[u8]) -> &mut Self {
        let content = [&[first], tbcd(digits).as_slice()].concat();
        self.octets(tag, &content)
    }

    /// A PLMN-Id of five or six digits.
    pub fn plmn(&mut self, tag: Tag, digits: &[u8]) -> &mut Self {
        let digit = |at: usize| digits.get(at).map_or(0xF, |digit| nibble(*digit));
        let octet = |high: u8, low: u8| high << 4 | low;
        let content = [octet(digit(1), digit(0)), octet(digit(5), digit(2)), octet(digit(4), digit(3))];
        self.octets(tag, &content)
    }

    /// An IPAddress, a CHOICE inside `tag`.
    pub fn ip(&mut self, tag: Tag, value: IpAddr) -> &mut Self {
        self.nested(tag, |inside| {
            inside.ip_choice(value);
        })
    }

    /// An IPAddress as it stands in a list.
    pub fn ip_choice(&mut self, value: IpAddr) -> &mut Self {
        match value {
            IpAddr::V4(address) => self.octets(Tag::context(0), &address.octets()),
            IpAddr::V6(address) => self.octets(Tag::context(1), &address.octets()),
        }
    }

    /// A BIT STRING with these bits set, numbered from the most significant, as long as the last one needs.
    pub fn bits(&mut self, tag: Tag, set: &[usize]) -> &mut Self {
        let count = set.iter().max().map_or(0, |last| last + 1);
        let mut content = vec![0; 1 + count.div_ceil(8)];
        for bit in set {
            if let Some(octet) = content.get_mut(1 + bit / 8) {
                *octet |= 0x80 >> (bit % 8);
            }
        }
        if let Some(unused) = content.first_mut() {
            *unused = u8::try_from(count.div_ceil(8) * 8 - count).unwrap_or_default();
        }
        self.octets(tag, &content)
    }

    /// Octets as they are: an element made elsewhere, fill, or damage.
    pub fn raw(&mut self, octets: &[u8]) -> &mut Self {
        self.out.extend_from_slice(octets);
        self
    }
}

/// X.690 clause 8.1.2.
pub fn write_tag(out: &mut Vec<u8>, tag: Tag) {
    let number = tag.number();
    if number < 0x1F {
        out.push(tag.leading_bits() | number.to_le_bytes()[0]);
        return;
    }
    out.push(tag.leading_bits() | 0x1F);
    let groups = (32 - number.leading_zeros()).div_ceil(7);
    for group in (0..groups).rev() {
        let more = if group == 0 { 0 } else { 0x80 };
        out.push((number >> (7 * group)).to_le_bytes()[0] & 0x7F | more);
    }
}

/// X.690 clause 8.1.3, in as few octets as can be.
pub fn write_length(out: &mut Vec<u8>, length: usize) {
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => out.push(short),
        _ => {
            let octets = length.to_be_bytes();
            let zeros = octets.iter().take_while(|octet| **octet == 0).count();
            let octets = octets.get(zeros..).unwrap_or_default();
            out.push(0x80 | u8::try_from(octets.len()).unwrap_or_default());
            out.extend_from_slice(octets);
        }
    }
}

fn tbcd(digits: &[u8]) -> Vec<u8> {
    let pair = |pair: &[u8]| match pair {
        [low, high] => nibble(*high) << 4 | nibble(*low),
        [low] => 0xF0 | nibble(*low),
        _ => 0xFF,
    };
    digits.chunks(2).map(pair).collect()
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'*' => 0xA,
        b'#' => 0xB,
        b'a'..=b'c' => digit - b'a' + 0xC,
        _ => 0xF,
    }
}
