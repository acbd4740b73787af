//! The target `chf`: what it holds is in `caudal_fuzz::chf`.
//! Relies on libFuzzer for octets.
//! Never writes a file.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| caudal_fuzz::chf::check(octets));
