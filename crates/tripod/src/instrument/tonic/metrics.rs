//! The metrics of calls.

use crate::{Histogram, Value};

/// How long the calls of a server, or of a client, take.
#[derive(Clone)]
pub(super) struct Metrics {
    duration: Histogram,
}

/// A call that is over.
pub(super) struct Ended<'a> {
    pub(super) seconds: f64,
    pub(super) method: &'a str,
    pub(super) status: &'static str,
    pub(super) error_type: Option<&'a str>,
    /// To whom a client's call went, if that is known.
    pub(super) server: Option<(&'a str, Option<u16>)>,
}

impl Metrics {
    pub(super) fn of_server() -> Self {
        Self::new("rpc.server.call.duration", "Duration of incoming remote procedure calls")
    }

    pub(super) fn of_client() -> Self {
        Self::new("rpc.client.call.duration", "Duration of outgoing remote procedure calls")
    }

    fn new(name: &'static str, description: &'static str) -> Self {
        Self { duration: crate::histogram(name).unit("s").description(description).build() }
    }

    pub(super) fn ended(&self, ended: &Ended<'_>) {
        let mut labels = [
            ("rpc.system.name", Value::Str("grpc")),
            ("rpc.method", Value::Str(ended.method)),
            ("rpc.response.status_code", Value::Str(ended.status)),
            ("", Value::Empty),
            ("", Value::Empty),
            ("", Value::Empty),
        ];
        let mut count = 3;
        let mut add = |key, value| {
            labels[count] = (key, value);
            count += 1;
        };
        if let Some((address, port)) = ended.server {
            add("server.address", Value::Str(address));
            if let Some(port) = port {
                add("server.port", Value::Int(port.into()));
            }
        }
        if let Some(error_type) = ended.error_type {
            add("error.type", Value::Str(error_type));
        }
        self.duration.record(ended.seconds, &labels[..count]);
    }
}
