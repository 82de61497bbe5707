//! Runs `check` of the file below on what the fuzzer makes up.

#![no_main]

#[path = "../../integrations/tests/fuzzed/notice.rs"]
mod notice;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| notice::check(bytes));
