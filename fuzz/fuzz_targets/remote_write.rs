#![no_main]

use tripod_wire::prometheus::remote_read::ReadRequest;
use tripod_wire::prometheus::remote_write::translate::to_version_1;
use tripod_wire::prometheus::remote_write::{WriteRequest, v2};
use tripod_wire::proto::Message;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = WriteRequest::decode(bytes) {
        tripod_fuzz::check_protobuf(&request);
    }
    if let Ok(request) = v2::Request::decode(bytes) {
        tripod_fuzz::check_protobuf(&request);
    }
    if let Ok(request) = ReadRequest::decode(bytes) {
        tripod_fuzz::check_protobuf(&request);
    }
    if let Ok(version_1) = to_version_1(bytes, 1 << 20) {
        WriteRequest::decode(&version_1).ok();
    }
});
