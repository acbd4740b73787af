//! Reads little-endian words out of a slice that may be too short.
//! Relies on nothing; a missing word reads as `None`.
//! Never panics on short input.

/// The word at `at`, when the slice is long enough.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// `u32` at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// `i32` at `at`.
pub(crate) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    array(bytes, at).map(i32::from_le_bytes)
}

/// `u64` at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// A length in memory as a length on disk. Lossless wherever a pointer has at most 64 bits.
pub(crate) const fn len64(len: usize) -> u64 {
    len as u64
}

/// A length on disk as a length in memory; `None` where memory could not hold it.
pub(crate) fn len_usize(len: u64) -> Option<usize> {
    usize::try_from(len).ok()
}
