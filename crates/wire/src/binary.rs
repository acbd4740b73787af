//! Little-endian binary forms of the state, written and read field by field.
//! Relies on frames and snapshots being checksummed below: what is read here is what was written.
//! Never trusts a length: every read is bounded by what is left.

use compact_str::CompactString;
use rust_decimal::Decimal;

/// What a stored form lacks or has too much of.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WireError {
    /// The form ends before it is complete.
    #[error("stored {what} ends early: needs {needed} octets, has {left}")]
    Short {
        /// What was read.
        what: &'static str,
        /// Octets needed.
        needed: usize,
        /// Octets left.
        left: usize,
    },
    /// A value that this version does not know.
    #[error("stored {what} has value {found}, which this version does not know")]
    Unknown {
        /// What was read.
        what: &'static str,
        /// What was found.
        found: u64,
    },
}

/// Appends fields to a buffer.
#[derive(Default, Debug)]
pub struct Encoder {
    /// The form so far.
    pub bytes: Vec<u8>,
}

macro_rules! put_number {
    ($($name:ident $type:ty),*) => { $(
        /// Appends the number, little-endian.
        #[inline]
        pub fn $name(&mut self, value: $type) {
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
    )* };
}

impl Encoder {
    put_number!(u8 u8, u16 u16, u32 u32, u64 u64, u128 u128, i32 i32, i64 i64);

    /// Appends a length-prefixed byte string. Longer than 4 GiB does not occur: blocks and texts are bounded.
    pub fn bytes(&mut self, value: &[u8]) {
        self.count(value.len());
        self.bytes.extend_from_slice(value);
    }

    /// Appends a length-prefixed text.
    pub fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// Appends a number of items that follow.
    pub fn count(&mut self, count: usize) {
        self.u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Appends a decimal: scale and mantissa.
    pub fn decimal(&mut self, value: Decimal) {
        self.u8(value.scale() as u8);
        self.u128(value.mantissa() as u128);
    }

    /// Appends whether a value is there, and it.
    pub fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }
}

/// Reads fields from a buffer.
#[derive(Debug)]
pub struct Decoder<'a> {
    left: &'a [u8],
    what: &'static str,
}

macro_rules! get_number {
    ($($name:ident $type:ty),*) => { $(
        /// Reads a number, little-endian.
        #[inline]
        pub fn $name(&mut self) -> Result<$type, WireError> {
            let mut buffer = [0; size_of::<$type>()];
            buffer.copy_from_slice(self.take(size_of::<$type>())?);
            Ok(<$type>::from_le_bytes(buffer))
        }
    )* };
}

impl<'a> Decoder<'a> {
    /// Reads `bytes`; `what` names the form in errors.
    pub const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { left: bytes, what }
    }

    get_number!(u8 u8, u16 u16, u32 u32, u64 u64, u128 u128, i32 i32, i64 i64);

    /// True when all has been read.
    pub const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Reads `count` octets.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        match self.left.split_at_checked(count) {
            Some((head, tail)) => {
                self.left = tail;
                Ok(head)
            }
            None => Err(WireError::Short { what: self.what, needed: count, left: self.left.len() }),
        }
    }

    /// Reads a length-prefixed byte string.
    pub fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    /// Reads a length-prefixed text.
    pub fn text(&mut self) -> Result<CompactString, WireError> {
        let bytes = self.bytes()?;
        Ok(CompactString::from_utf8_lossy(bytes))
    }

    /// Reads a number of items, each at least `least` octets long: an absurd count is refused before any room is made.
    pub fn count(&mut self, least: usize) -> Result<usize, WireError> {
        let count = self.u32()? as usize;
        match count.checked_mul(least) {
            Some(needed) if needed <= self.left.len() => Ok(count),
            needed => Err(WireError::Short {
                what: self.what,
                needed: needed.unwrap_or(usize::MAX),
                left: self.left.len(),
            }),
        }
    }

    /// Reads a decimal.
    pub fn decimal(&mut self) -> Result<Decimal, WireError> {
        let scale = self.u8()?;
        let mantissa = self.u128()? as i128;
        Decimal::try_from_i128_with_scale(mantissa, u32::from(scale))
            .map_err(|_| self.unknown(u64::from(scale)))
    }

    /// Reads whether a value is there, and it.
    pub fn option<T>(
        &mut self,
        get: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<Option<T>, WireError> {
        match self.u8()? {
            0 => Ok(None),
            1 => get(self).map(Some),
            other => Err(self.unknown(u64::from(other))),
        }
    }

    /// Reads the index of an item of a closed set.
    pub fn item<T: Copy>(&mut self, all: &[T]) -> Result<T, WireError> {
        let index = self.u8()?;
        all.get(usize::from(index)).copied().ok_or_else(|| self.unknown(u64::from(index)))
    }

    /// Checks the version byte.
    pub fn version(&mut self, expected: u8) -> Result<(), WireError> {
        let found = self.u8()?;
        if found == expected { Ok(()) } else { Err(self.unknown(u64::from(found))) }
    }

    /// The error for a value that this version does not know.
    pub const fn unknown(&self, found: u64) -> WireError {
        WireError::Unknown { what: self.what, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut encoder = Encoder::default();
        encoder.u8(3);
        encoder.i64(-5);
        encoder.text("ñ");
        encoder.decimal("-0.10".parse().unwrap());
        encoder.option(Some(7u32), Encoder::u32);
        encoder.option(None::<u32>, Encoder::u32);
        let mut decoder = Decoder::new(&encoder.bytes, "test");
        decoder.version(3).unwrap();
        assert_eq!(decoder.i64(), Ok(-5));
        assert_eq!(decoder.text().unwrap(), "ñ");
        assert_eq!(decoder.decimal().unwrap().to_string(), "-0.10");
        assert_eq!(decoder.option(Decoder::u32), Ok(Some(7)));
        assert_eq!(decoder.option(Decoder::u32), Ok(None));
        assert!(decoder.is_empty());
    }

    #[test]
    fn every_cut_is_an_error_and_no_count_makes_room() {
        let mut encoder = Encoder::default();
        encoder.bytes(b"abc");
        for len in 0..encoder.bytes.len() {
            assert!(Decoder::new(&encoder.bytes[..len], "test").bytes().is_err());
        }
        let huge = u32::MAX.to_le_bytes();
        assert_eq!(
            Decoder::new(&huge, "test").count(8),
            Err(WireError::Short { what: "test", needed: u32::MAX as usize * 8, left: 0 })
        );
        assert_eq!(Decoder::new(&[9], "test").version(1), Err(WireError::Unknown { what: "test", found: 9 }));
    }
}
