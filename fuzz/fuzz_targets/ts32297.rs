//! The target `ts32297`: what it holds is in `caudal_fuzz::ts32297`.
//! Relies on libFuzzer for octets.
//! Never writes a file.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| caudal_fuzz::ts32297::check(octets));
