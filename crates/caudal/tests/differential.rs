//! Decoders of other makers against this one: the same octets, the same elements, the same values.
//! Relies on `openssl` and on the Python package pycrate; sets pycrate up outside the checkout where it is missing.
//! Never takes an expected value from the code under test: records are made and read by the other side.

#[path = "differential/pgw.rs"]
mod pgw;
#[path = "differential/tools.rs"]
mod tools;
#[path = "differential/walk.rs"]
mod walk;
