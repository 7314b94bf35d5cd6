//! What a client reads: the export response and `google.rpc.Status`, in both encodings.
#![no_main]

use tripod_wire::otlp::{ExportResponse, RpcStatus, Signal};
use tripod_wire::proto::Message;

fn check(response: &ExportResponse) {
    assert_eq!(&ExportResponse::decode(&response.encode_to_vec()).unwrap(), response);
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        assert_eq!(&ExportResponse::from_json(response.to_json(signal).as_bytes()).unwrap(), response);
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    tripod_fuzz::protobuf::<RpcStatus>(bytes);
    tripod_fuzz::json::<RpcStatus>(bytes);
    if let Ok(response) = ExportResponse::decode(bytes) {
        check(&response);
    }
    if let Ok(response) = ExportResponse::from_json(bytes) {
        check(&response);
    }
});
