#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tripod_store::fuzzing::part(bytes));
