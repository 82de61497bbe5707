//! Runs `check` of the file below on what the fuzzer makes up.

#![no_main]

#[path = "../../domain/tests/fuzzed/batch.rs"]
mod batch;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| batch::check(bytes));
