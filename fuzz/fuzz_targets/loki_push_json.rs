#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tripod_server::fuzzing::loki_push_json(bytes));
