//! The target `headers` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| microspan_fuzz::headers(bytes));
