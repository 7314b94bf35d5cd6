#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| tripod_server::fuzzing::logql(text));
