//! The target `pgw`: what it holds is in `caudal_fuzz::pgw`.
//! Relies on libFuzzer for octets.
//! Never writes a file.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| caudal_fuzz::pgw::check(octets));
