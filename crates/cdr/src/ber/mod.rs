//! ITU-T X.690 Basic Encoding Rules: octets to tag, length and content, and back.
//! Relies on the whole record being in memory; contents are borrowed, and lengths are held against what is there.
//! Never allocates by a length that was read, never recurses without a bound, never panics on input.
//!
//! `read` knows the envelope, `value` what stands in it in charging records (TS 32.298), `encode` writes both.

pub mod encode;
mod error;
mod read;
mod tag;
pub mod schema;
pub mod time;
pub mod value;

pub use encode::Writer;
pub use error::{BadValue, BerError, Wrong};
pub use read::{Children, Form, Tlv, first, tlv};
pub(crate) use read::{OTHERWISE, head, leading_tag, put_short, short};
pub use tag::{Class, Tag};

/// Most levels of a record. CDRs have 7; what nests deeper was made to break decoders.
pub const DEPTH_MAX: usize = 32;

/// Most octets of a tag: numbers below 2^28. The largest of any usage format has three.
pub const TAG_OCTETS_MAX: usize = 5;

/// Most octets of a length behind its first: lengths below 2^64, leading zeros included.
pub const LENGTH_OCTETS_MAX: usize = 8;
