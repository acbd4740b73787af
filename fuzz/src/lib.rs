//! Any octets to what must hold of them: one `check` for each target, shared by the fuzzer and by the ring `fuzz_replay`.
//! Relies on the public doors of the formats, as the pipeline and `inspect` use them.
//! Never asks how a result came about: a check panics when something that holds for all input does not.

pub mod account;
pub mod ber;
pub mod chf;
pub mod delimited;
pub mod intake;
pub mod json;
pub mod pgw;
pub mod ts32297;

/// Every target by name.
pub const TARGETS: [(&str, fn(&[u8])); 6] = [
    ("ts32297", ts32297::check),
    ("ber", ber::check),
    ("pgw", pgw::check),
    ("chf", chf::check),
    ("delimited", delimited::check),
    ("json", json::check),
];
