//! What a receiver answers: the export response with its partial success, and `google.rpc.Status` for errors.

use crate::proto::kind::{Int32, Int64, OptionalOne, Text};
use crate::proto::{message, protobuf_message};

/// What telemetry is about; the three have requests of the same shape and answers that differ in one JSON name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Data points.
    Metrics,
    /// Log records.
    Logs,
}

impl Signal {
    /// `traces`, `metrics` or `logs`, as in the path `/v1/traces`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// The JSON name of [`PartialSuccess::rejected`].
    #[cfg(feature = "json")]
    pub(crate) fn rejected_name(self) -> &'static str {
        match self {
            Self::Traces => "rejectedSpans",
            Self::Metrics => "rejectedDataPoints",
            Self::Logs => "rejectedLogRecords",
        }
    }
}

/// The answer to an export request that was accepted, at least in part; the same bytes for all signals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportResponse {
    /// What was not accepted; none when everything was.
    pub partial_success: Option<PartialSuccess>,
}

/// What of a request was not accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartialSuccess {
    /// How many spans, data points or log records were rejected; 0 with a message is a warning.
    pub rejected: i64,
    /// Why, for people.
    pub error_message: String,
}

/// `google.rpc.Status`: the body of an OTLP/HTTP error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RpcStatus {
    /// A gRPC status code, for example 3 (invalid argument).
    pub code: i32,
    /// Why, for people.
    pub message: String,
}

protobuf_message! {
    ExportResponse {
        1 partial_success: OptionalOne<PartialSuccess>,
    }
}

protobuf_message! {
    PartialSuccess {
        1 rejected: Int64,
        2 error_message: Text,
    }
}

message! {
    RpcStatus {
        1 code "code": Int32,
        2 message "message": Text,
    }
}
