//! Contents to values: the types that TS 32.298 and TS 29.002 use in charging records, one function each.
//! Relies on the caller for the tag; digits are written into the caller's buffer.
//! Never skips over what it does not understand: a value is right as a whole, or refused with what was expected.

use super::{BadValue, Children, Tlv};
use crate::nibbles::{beyond_nine, decimal, spread};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most octets of an ISDN-AddressString: TS 29.002.
pub const ISDN_OCTETS_MAX: usize = 9;
/// Most octets of an AddressString: TS 29.002.
pub const ADDRESS_OCTETS_MAX: usize = 20;
/// Characters that hold the digits of every number read here.
pub const DIGITS_MAX: usize = 2 * ADDRESS_OCTETS_MAX;

/// X.690 clause 8.3, INTEGER, and 8.4, ENUMERATED: two's complement, non-minimal forms included.
#[inline]
pub fn integer(content: &[u8]) -> Result<i64, BadValue> {
    match content {
        [one] => Ok(i64::from(i8::from_be_bytes([*one]))),
        [high, low] => Ok(i64::from(i16::from_be_bytes([*high, *low]))),
        _ => long_integer(content),
    }
}

fn long_integer(content: &[u8]) -> Result<i64, BadValue> {
    let first = content.first().ok_or(BadValue("an integer of 1 to 8 octets"))?;
    let fill = if first & 0x80 == 0 { 0 } else { 0xFF };
    let surplus = content.len().saturating_sub(8);
    let (head, tail) = content.split_at(surplus);
    // What lies beyond 64 bits must repeat the sign.
    let fits = head.iter().all(|octet| *octet == fill)
        && tail.first().is_some_and(|top| surplus == 0 || (top ^ fill) & 0x80 == 0);
    if !fits {
        return Err(BadValue("an integer of 1 to 8 octets"));
    }
    let start = if fill == 0 { 0 } else { -1 };
    Ok(tail.iter().fold(start, |value, octet| value << 8 | i64::from(*octet)))
}

/// A whole number that cannot be negative by its definition, and how it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unsigned {
    /// The number.
    pub value: u64,
    /// True when the element wrote 4 or 8 octets with the top bit set, which X.690 reads as negative. Its maker
    /// forgot the leading zero octet; the number is taken as it was meant.
    pub reinterpreted: bool,
}

const NO_UNSIGNED: BadValue = BadValue("an integer from 0 to 2^64-1");

/// An INTEGER that TS 32.298 defines from 0 on: charging ids, sequence numbers, volumes, durations.
///
/// A negative value of another width than 4 or 8 octets is no forgotten zero of a machine word, and refused.
#[inline]
pub fn unsigned(content: &[u8]) -> Result<Unsigned, BadValue> {
    let (Some(first), octets) = (content.first(), content.len()) else { return Err(NO_UNSIGNED) };
    let value = match octets {
        4..=8 => overlapping(content),
        1..4 => at_most_three(content),
        _ => return long_unsigned(content),
    };
    let reinterpreted = first & 0x80 != 0;
    if reinterpreted && octets % 4 != 0 {
        return Err(NO_UNSIGNED);
    }
    Ok(Unsigned { value, reinterpreted })
}

/// Four to eight octets to their number, most significant first. By two loads that overlap where the width is not
/// theirs: a branch for each width is a guess of the processor's for each number.
#[inline(always)]
fn overlapping(octets: &[u8]) -> u64 {
    let (Some(head), Some(tail)) = (octets.first_chunk(), octets.last_chunk()) else { return 0 };
    u64::from(u32::from_be_bytes(*head)) << (8 * (octets.len() - 4)) | u64::from(u32::from_be_bytes(*tail))
}

/// The same of one to three: first, middle and last are all of them, and what is there twice is shifted out.
#[inline(always)]
fn at_most_three(octets: &[u8]) -> u64 {
    let middle = octets.get(octets.len() / 2);
    let (Some(first), Some(middle), Some(last)) = (octets.first(), middle, octets.last()) else { return 0 };
    u64::from(u32::from_be_bytes([0, *first, *middle, *last]) >> (24 - 8 * octets.len()))
}

/// More than eight: zeros before the others are nothing.
#[cold]
fn long_unsigned(content: &[u8]) -> Result<Unsigned, BadValue> {
    let digits = leading_zeros_dropped(content);
    if digits.len() > 8 {
        return Err(NO_UNSIGNED);
    }
    let value = digits.iter().fold(0, |value, octet| value << 8 | u64::from(*octet));
    Ok(Unsigned { value, reinterpreted: false })
}

fn leading_zeros_dropped(content: &[u8]) -> &[u8] {
    let zeros = content.iter().take_while(|octet| **octet == 0).count();
    content.get(zeros..).unwrap_or_default()
}

/// X.690 clause 8.2, BOOLEAN: any octet but zero is true.
#[inline]
pub fn boolean(content: &[u8]) -> Result<bool, BadValue> {
    match content {
        [octet] => Ok(*octet != 0),
        _ => Err(BadValue("a boolean of one octet")),
    }
}

/// IA5String: 7-bit text.
#[inline]
pub fn ia5(content: &[u8]) -> Result<&str, BadValue> {
    const EXPECTED: BadValue = BadValue("7-bit text");
    if !content.is_ascii() {
        return Err(EXPECTED);
    }
    std::str::from_utf8(content).map_err(|_| EXPECTED)
}

/// UTF8String.
#[inline]
pub fn utf8(content: &[u8]) -> Result<&str, BadValue> {
    std::str::from_utf8(content).map_err(|_| BadValue("text in UTF-8"))
}

/// X.690 clause 8.6, BIT STRING. Trailing zero bits may be missing, so any bit can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bits<'a> {
    octets: &'a [u8],
    count: usize,
}

impl Bits<'_> {
    /// Bits that are written.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Bit `number`, counted from 0 at the most significant bit of the first octet; those not written are false.
    pub fn is_set(&self, number: usize) -> bool {
        let octet = self.octets.get(number / 8).copied().unwrap_or(0);
        number < self.count && octet & 0x80 >> (number % 8) != 0
    }
}

/// Reads a primitive BIT STRING.
#[inline]
pub fn bits(content: &[u8]) -> Result<Bits<'_>, BadValue> {
    const EXPECTED: BadValue = BadValue("a bit string: 0 to 7 unused bits, then octets");
    let (unused, octets) = content.split_first().ok_or(EXPECTED)?;
    let count =
        (octets.len() * 8).checked_sub(usize::from(*unused)).filter(|_| *unused < 8).ok_or(EXPECTED)?;
    Ok(Bits { octets, count })
}

const TBCD: [u8; 16] = *b"0123456789*#abcF";

/// The two digits of each octet, the first out of its low nibble.
const TBCD_PAIRS: [[u8; 2]; 256] = {
    let mut table = [[0; 2]; 256];
    let mut octet = 0;
    while octet < 256 {
        table[octet] = [TBCD[octet & 0xF], TBCD[octet >> 4]];
        octet += 1;
    }
    table
};
const FILLER: u8 = 0xF;

/// TS 29.002 TBCD-STRING: two digits an octet, the first in the low nibble, `*#abc` included. A filler ends it, in the
/// high nibble of the last octet only.
#[inline]
pub fn tbcd<'b>(content: &[u8], into: &'b mut [u8; DIGITS_MAX]) -> Result<&'b [u8], BadValue> {
    digits(content, into, 0xE)
}

/// TBCD of decimal digits only: IMSI, IMEI, MSISDN.
#[inline]
pub fn tbcd_decimal<'b>(content: &[u8], into: &'b mut [u8; DIGITS_MAX]) -> Result<&'b [u8], BadValue> {
    digits(content, into, 9)
}

#[inline(always)]
fn digits<'b>(content: &[u8], into: &'b mut [u8; DIGITS_MAX], largest: u8) -> Result<&'b [u8], BadValue> {
    match in_a_word(content, into) {
        Some(count) => Ok(into.get(..count).unwrap_or_default()),
        None => one_by_one(content, into, largest),
    }
}

#[inline(never)]
fn one_by_one<'b>(content: &[u8], into: &'b mut [u8; DIGITS_MAX], largest: u8) -> Result<&'b [u8], BadValue> {
    const EXPECTED: BadValue = BadValue("digits in TBCD, first in the low nibble, a filler only at the end");
    if content.len() > ADDRESS_OCTETS_MAX {
        return Err(BadValue("at most 20 octets of TBCD"));
    }
    let mut count = 2 * content.len();
    let mut worst = 0;
    for (octet, pair) in content.iter().zip(into.chunks_exact_mut(2)) {
        let (low, high) = (octet & 0xF, octet >> 4);
        pair.copy_from_slice(&TBCD_PAIRS[usize::from(*octet)]);
        worst = worst.max(low).max(high);
    }
    if worst > largest {
        let (Some(last), Some(head)) = (content.last(), content.get(..content.len().saturating_sub(1)))
        else {
            return Err(EXPECTED);
        };
        let bad = |octet: &u8| octet & 0xF > largest || octet >> 4 > largest;
        if last >> 4 != FILLER || last & 0xF > largest || head.iter().any(bad) {
            return Err(EXPECTED);
        }
        count -= 1;
    }
    into.get(..count).ok_or(EXPECTED)
}

/// Decimal digits in four to eight octets, all at once: those of nearly every IMSI, IMEI and number. How many there
/// are; `None` for anything else.
#[inline(always)]
fn in_a_word(content: &[u8], into: &mut [u8; DIGITS_MAX]) -> Option<usize> {
    // Two loads that overlap where there are fewer than eight: what they share is the same.
    let (head, tail) = (content.first_chunk()?, content.last_chunk()?);
    let behind = 8 * (content.len() - 4);
    if behind > 32 {
        return None;
    }
    let octets = u64::from(u32::from_le_bytes(*head)) | u64::from(u32::from_le_bytes(*tail)) << behind;
    let last = behind + 28;
    let filled = octets >> last == u64::from(FILLER);
    let octets = if filled { octets & !(u64::MAX << last) } else { octets };
    let (low, high) = (spread(octets as u32), spread((octets >> 32) as u32));
    if beyond_nine(low) || beyond_nine(high) {
        return None;
    }
    let (first, last) = into.first_chunk_mut::<16>()?.split_at_mut(8);
    first.copy_from_slice(&decimal(low));
    last.copy_from_slice(&decimal(high));
    Some(2 * content.len() - usize::from(filled))
}

/// A number with what it says of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Address<'b> {
    /// Nature of the number: 0 unknown, 1 international, 2 national, 3 network specific, 4 subscriber, 6 abbreviated.
    pub nature: u8,
    /// Numbering plan: 1 E.164, 3 X.121, 6 E.212, 8 national, 9 private.
    pub plan: u8,
    /// Its digits, `*#abc` included.
    pub digits: &'b [u8],
}

impl std::fmt::Debug for Address<'_> {
    /// Without the digits: they are a subscriber's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "number of {} digits, nature {}, plan {}", self.digits.len(), self.nature, self.plan)
    }
}

/// TS 29.002 AddressString: an octet of nature and plan with its top bit set, then TBCD; at most 20 octets.
#[inline]
pub fn address<'b>(content: &[u8], into: &'b mut [u8; DIGITS_MAX]) -> Result<Address<'b>, BadValue> {
    const EXPECTED: BadValue =
        BadValue("an octet of nature and plan with its top bit set, then digits in TBCD");
    let (first, number) = content.split_first().ok_or(EXPECTED)?;
    if first & 0x80 == 0 {
        return Err(EXPECTED);
    }
    Ok(Address { nature: first >> 4 & 7, plan: first & 0xF, digits: tbcd(number, into)? })
}

/// TS 29.002 ISDN-AddressString, such as servedMSISDN: an AddressString of at most 9 octets.
#[inline]
pub fn isdn<'b>(content: &[u8], into: &'b mut [u8; DIGITS_MAX]) -> Result<Address<'b>, BadValue> {
    if content.len() > ISDN_OCTETS_MAX {
        return Err(BadValue("a number of at most 9 octets"));
    }
    address(content, into)
}

/// TS 32.298 PLMN-Id: mobile country code and mobile network code of two or three digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plmn {
    digits: [u8; 6],
    count: usize,
}

impl Plmn {
    /// The digits and how many of them count: written as six at once, then cut.
    #[inline]
    pub(crate) const fn padded(&self) -> ([u8; 6], usize) {
        (self.digits, self.count)
    }

    /// Five or six ASCII digits: MCC, then MNC.
    pub fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    /// Three ASCII digits.
    pub fn mcc(&self) -> &[u8] {
        self.digits().get(..3).unwrap_or_default()
    }

    /// Two or three ASCII digits.
    pub fn mnc(&self) -> &[u8] {
        self.digits().get(3..).unwrap_or_default()
    }
}

/// Reads a PLMN-Id: MCC2 MCC1, MNC3 or filler and MCC3, MNC2 MNC1, high nibble first.
#[inline]
pub fn plmn(content: &[u8]) -> Result<Plmn, BadValue> {
    const EXPECTED: BadValue = BadValue("3 octets of PLMN: MCC2 MCC1, MNC3 or F and MCC3, MNC2 MNC1");
    let [a, b, c] = content else { return Err(EXPECTED) };
    let (mcc, third) = (u32::from(*a) | u32::from(b & 0xF) << 8, b >> 4);
    let (third, count) = if third == FILLER { (0, 5) } else { (third, 6) };
    let digits = spread(mcc | u32::from(*c) << 12 | u32::from(third) << 20);
    if beyond_nine(digits) {
        return Err(EXPECTED);
    }
    let [digits @ .., _, _] = decimal(digits);
    Ok(Plmn { digits, count })
}

/// TS 32.298 IPAddress, a CHOICE: `[0]` IPv4, `[1]` IPv6, `[2]` and `[3]` the same as text, `[4]` IPv6 with the length
/// of its prefix, which is dropped.
pub fn ip(choice: &Tlv<'_>) -> Result<IpAddr, BadValue> {
    const EXPECTED: BadValue =
        BadValue("an IP address: [0] 4 octets, [1] 16 octets, [2] or [3] text, [4] with prefix");
    let text = || ia5(choice.content).ok();
    let address = match choice.tag.in_context() {
        Some(0) => <[u8; 4]>::try_from(choice.content).ok().map(IpAddr::from),
        Some(1) => <[u8; 16]>::try_from(choice.content).ok().map(IpAddr::from),
        Some(2) => text().and_then(|text| text.parse::<Ipv4Addr>().ok()).map(IpAddr::V4),
        Some(3) => text().and_then(|text| text.parse::<Ipv6Addr>().ok()).map(IpAddr::V6),
        Some(4) => match Children::of(choice.content).next() {
            Some(Ok(address)) => <[u8; 16]>::try_from(address.content).ok().map(IpAddr::from),
            Some(Err(_)) | None => None,
        },
        Some(_) | None => None,
    };
    address.ok_or(EXPECTED)
}

#[cfg(test)]
mod tests;
