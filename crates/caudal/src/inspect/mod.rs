//! A usage file to what stands in it: its kind, its records by offset, its damage, with every octet accounted for.
//! Relies on the readers of a run for files and framing, so that it shows what a run would see.
//! Never needs a pipeline, and never holds more of a file than a block.

mod binary;
mod kind;
mod open;
mod sequence;
mod survey;
mod visible;
mod walk;

pub use binary::{Binary, Item, ItemKind, Record, binary_framing, read_binary};
pub use kind::{FORMATS, Kind};
pub use open::open;
pub use sequence::{Sequences, Stream};
pub use survey::{Survey, survey};
pub use visible::{hex_lines, hex_text, visible};
pub use walk::{Seen, Sums, What, walk};

#[cfg(test)]
mod tests;
