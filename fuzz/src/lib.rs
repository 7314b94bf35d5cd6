//! What must hold for whatever a decoder accepts: nothing is lost on the way out and back in, in either encoding.

use std::fmt::Debug;

use tripod_wire::WireError;
use tripod_wire::otlp::{LogsData, MetricsData, RpcStatus, TracesData};
use tripod_wire::proto::Message;

/// A message that has both encodings.
pub trait Data: Message + Debug {
    /// Reads JSON.
    fn from_json(json: &[u8]) -> Result<Self, WireError>;
    /// Writes JSON.
    fn to_json(&self) -> String;
}

macro_rules! data {
    ($($name:ident),*) => {
        $(impl Data for $name {
            fn from_json(json: &[u8]) -> Result<Self, WireError> {
                $name::from_json(json)
            }

            fn to_json(&self) -> String {
                $name::to_json(self)
            }
        })*
    };
}
data!(TracesData, MetricsData, LogsData, RpcStatus);

/// Protobuf → protobuf and JSON → the same.
pub fn protobuf<D: Data>(bytes: &[u8]) {
    if let Ok(data) = D::decode(bytes) {
        check_protobuf(&data);
        check_json(&data);
    }
}

/// JSON → JSON and protobuf → the same.
pub fn json<D: Data>(text: &[u8]) {
    if let Ok(data) = D::from_json(text) {
        check_protobuf(&data);
        check_json(&data);
    }
}

/// Debug output rather than equality: NaN equals nothing, and minus zero equals zero.
pub fn assert_same(a: &impl Debug, b: &impl Debug) {
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}

/// Protobuf → the same.
pub fn check_protobuf<M: Message + Debug>(data: &M) {
    let bytes = data.encode_to_vec();
    match M::decode(&bytes) {
        Ok(again) => assert_same(data, &again),
        // Our own bytes can be far fewer than those that were read: without unknown fields, in minimal varints.
        Err(WireError::TooLarge { .. }) => {}
        Err(error) => panic!("our own protobuf is not read: {error}\n{data:?}"),
    }
}

fn check_json<D: Data>(data: &D) {
    let text = data.to_json();
    match D::from_json(text.as_bytes()) {
        Ok(again) => assert_same(data, &again),
        Err(WireError::TooLarge { .. }) => {}
        // JSON needs up to twice the levels of protobuf, and has a limit of its own.
        Err(WireError::Json { reason, .. }) if reason.contains("recursion limit") => {}
        Err(error) => panic!("our own JSON is not read: {error}\n{text}"),
    }
}
