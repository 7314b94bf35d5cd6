#![no_main]

libfuzzer_sys::fuzz_target!(|text: &[u8]| tripod_fuzz::json::<tripod_wire::otlp::MetricsData>(text));
