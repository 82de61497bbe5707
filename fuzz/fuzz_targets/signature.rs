//! Runs `check` of the file below on what the fuzzer makes up.

#![no_main]

#[path = "../../integrations/tests/fuzzed/signature.rs"]
mod signature;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| signature::check(bytes));
