//! Bytes to `RawUsage`: one room per format.
//! Relies on blocks that hold whole records; knows nothing of tariffs, accounts or files on disk.
//! Never panics on input, never reads outside the block, never follows a length without a bound.

/// Octets at the start of a file in which headers are looked for.
pub const HEAD_MAX: usize = 64 * 1024;
