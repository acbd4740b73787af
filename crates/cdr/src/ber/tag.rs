//! X.690 clause 8.1.2: class, constructed bit and number of a tag, packed into one word.
//! Relies on numbers below 2^28, which reading has checked.
//! Never an index into anything: unknown numbers are ordinary.

use std::fmt;

/// The class of a tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Class {
    Universal,
    Application,
    Context,
    Private,
}

/// A tag. Bits 31 and 30 are the class, bit 29 says constructed, the others are the number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag(u32);

const CONSTRUCTED: u32 = 1 << 29;
const NUMBER: u32 = (1 << 28) - 1;

impl Tag {
    /// BOOLEAN.
    pub const BOOLEAN: Self = Self::new(Class::Universal, 1);
    /// INTEGER.
    pub const INTEGER: Self = Self::new(Class::Universal, 2);
    /// OCTET STRING.
    pub const OCTET_STRING: Self = Self::new(Class::Universal, 4);
    /// OBJECT IDENTIFIER.
    pub const OBJECT_IDENTIFIER: Self = Self::new(Class::Universal, 6);
    /// ENUMERATED.
    pub const ENUMERATED: Self = Self::new(Class::Universal, 10);
    /// UTF8String.
    pub const UTF8_STRING: Self = Self::new(Class::Universal, 12);
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: Self = Self::new(Class::Universal, 16).constructed();
    /// SET and SET OF.
    pub const SET: Self = Self::new(Class::Universal, 17).constructed();
    /// IA5String.
    pub const IA5_STRING: Self = Self::new(Class::Universal, 22);

    /// A primitive tag. Bits of `number` beyond the 28th are dropped.
    pub const fn new(class: Class, number: u32) -> Self {
        Self((class as u32) << 30 | number & NUMBER)
    }

    /// `[number]`, primitive.
    pub const fn context(number: u32) -> Self {
        Self::new(Class::Context, number)
    }

    /// The same tag with the constructed bit.
    pub const fn constructed(self) -> Self {
        Self(self.0 | CONSTRUCTED)
    }

    /// The class.
    pub const fn class(self) -> Class {
        match self.0 >> 30 {
            0 => Class::Universal,
            1 => Class::Application,
            2 => Class::Context,
            _ => Class::Private,
        }
    }

    /// The number.
    #[inline]
    pub const fn number(self) -> u32 {
        self.0 & NUMBER
    }

    /// True when the content is made of further elements.
    #[inline]
    pub const fn is_constructed(self) -> bool {
        self.0 & CONSTRUCTED != 0
    }

    /// The number of a context-specific tag, constructed or not; `None` for another class.
    #[inline]
    pub const fn in_context(self) -> Option<u32> {
        if self.0 >> 30 == Class::Context as u32 { Some(self.number()) } else { None }
    }

    /// True when class and number are the same; the constructed bit may differ.
    #[inline]
    pub const fn is(self, other: Self) -> bool {
        self.0 & !CONSTRUCTED == other.0 & !CONSTRUCTED
    }

    /// From the first octet of a tag whose number fits there.
    #[inline]
    pub(super) const fn from_octet(octet: u8) -> Self {
        let octet = octet as u32;
        Self((octet & 0xC0) << 24 | (octet & 0x20) << 24 | octet & 0x1F)
    }

    /// The same class and bit with another number.
    pub(super) const fn with_number(self, number: u32) -> Self {
        Self(self.0 & !NUMBER | number & NUMBER)
    }

    /// Class and constructed bit as they stand in the first octet.
    pub(super) const fn leading_bits(self) -> u8 {
        (self.0 >> 24) as u8 & 0xE0
    }
}

impl fmt::Display for Tag {
    /// As ASN.1 writes it: `[4]`, `[APPLICATION 1]`, `[UNIVERSAL 16]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = match self.class() {
            Class::Universal => "UNIVERSAL ",
            Class::Application => "APPLICATION ",
            Class::Context => "",
            Class::Private => "PRIVATE ",
        };
        write!(f, "[{class}{}]", self.number())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}{}", if self.is_constructed() { " constructed" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_and_shown() {
        let check = |octet: u8, class, number, constructed, shown: &str| {
            let tag = Tag::from_octet(octet);
            assert_eq!((tag.class(), tag.number(), tag.is_constructed()), (class, number, constructed));
            assert_eq!(tag.leading_bits() | tag.number() as u8, octet);
            assert_eq!(tag.to_string(), shown);
        };
        check(0x30, Class::Universal, 16, true, "[UNIVERSAL 16]");
        check(0x61, Class::Application, 1, true, "[APPLICATION 1]");
        check(0x80, Class::Context, 0, false, "[0]");
        check(0xAC, Class::Context, 12, true, "[12]");
        check(0xC1, Class::Private, 1, false, "[PRIVATE 1]");
        assert_eq!(Tag::context(79).constructed().in_context(), Some(79));
        assert_eq!(Tag::SEQUENCE.in_context(), None);
        assert!(Tag::context(4).is(Tag::context(4).constructed()));
        assert!(!Tag::context(4).is(Tag::OCTET_STRING));
    }
}
