//! Every stored or sent form: JSON lines for consumers, binary forms for the state.
//! Relies on the domain types of `usage`, which do not serialize themselves.
//! Never without a version: each binary form begins with its version byte, each JSON form has a schema.

pub mod alarm;
pub mod binary;
pub mod chunk;
pub mod envelope;
pub mod event;
pub mod frame;
pub mod json;
pub mod lines;
pub mod record;
pub mod state;

pub use binary::{Decoder, Encoder, WireError};
