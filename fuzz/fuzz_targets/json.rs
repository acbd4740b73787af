//! The target `json`: what it holds is in `caudal_fuzz::json`.
//! Relies on libFuzzer for octets.
//! Never writes a file.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| caudal_fuzz::json::check(octets));
