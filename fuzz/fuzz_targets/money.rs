//! Runs `check` of the file below on what the fuzzer makes up.

#![no_main]

#[path = "../../domain/tests/fuzzed/money.rs"]
mod money;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| money::check(bytes));
