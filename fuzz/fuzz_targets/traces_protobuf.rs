#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tripod_fuzz::protobuf::<tripod_wire::otlp::TracesData>(bytes));
