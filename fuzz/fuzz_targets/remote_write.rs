#![no_main]

use tripod_wire::prometheus::remote_write::{WriteRequest, v2};
use tripod_wire::proto::Message;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = WriteRequest::decode(bytes) {
        tripod_fuzz::check_protobuf(&request);
    }
    if let Ok(request) = v2::Request::decode(bytes) {
        tripod_fuzz::check_protobuf(&request);
    }
});
