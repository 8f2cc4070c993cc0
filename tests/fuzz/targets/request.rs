//! The target `request` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| microspan_fuzz::request(bytes));
