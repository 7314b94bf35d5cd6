//! The OpenTelemetry protocol (OTLP 1.x): its messages as plain structs, one file a signal.
//!
//! An export request and the data it carries have the same bytes on the wire (`ExportTraceServiceRequest` is
//! `TracesData`), so there is one type for both.

#[macro_use]
mod open_enum;

pub mod common;
#[cfg(feature = "json")]
pub(crate) mod json;
pub mod logs;
pub mod metrics;
mod records;
mod response;
pub mod trace;

pub use common::{AnyValue, InstrumentationScope, KeyValue, Resource};
pub use logs::{LogRecord, LogsData, ResourceLogs, ScopeLogs};
pub use metrics::{Metric, MetricsData, ResourceMetrics, ScopeMetrics};
pub use records::{RecordRange, Records, records};
pub use response::{ExportResponse, PartialSuccess, RpcStatus, Signal};
pub use trace::{ResourceSpans, ScopeSpans, Span, TracesData};
