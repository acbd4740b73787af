//! Bytes to `RawUsage`: one room per format.
//! Relies on blocks that hold whole records; knows nothing of tariffs, accounts or files on disk.
//! Never panics on input, never reads outside the block, never follows a length without a bound.

pub mod ber;
pub mod detect;
pub mod formats;
pub mod framing;
mod keys;
mod nibbles;
pub mod roots;
pub mod split;
mod texts;
pub mod time_format;
mod values;

pub use detect::{BerKind, Detected, detect};
pub use formats::asterisk::{Asterisk, AsteriskClock, AsteriskOptions, AsteriskPayer, SeventeenthColumn};
pub use formats::chf::{Chf, ChfOptions};
pub use formats::delimited::{
    ColumnSource, Constants, Delimited, DelimitedSpec, FieldSpec, FieldType, FilterSpec, PartialSpec, When,
};
pub use formats::json::{Json, JsonSpec};
pub use formats::pgw::{Pgw, PgwContainer, PgwOptions};
pub use formats::{Format, KeyRule, Layout};
pub use framing::{BLOCK_MAX, Cut, FramedRecord, Framing, Place, RECORD_MAX, Resync, WindowEnd};
pub use split::Scratch;

/// Octets at the start of a file in which headers are looked for.
pub const HEAD_MAX: usize = 64 * 1024;
