//! Instrumentation: of functions, by attributes such as [`macro@crate::traced`] or by [`time_operation`] and [`trace_operation`]; and of
//! libraries: servers, clients, databases, queues and jobs, each behind the cargo feature of its name.
//!
//! Spans, attributes and metrics follow OpenTelemetry's semantic conventions. Metrics can be had under the catalogue's names
//! instead, for dashboards that are written for those: see [`MetricNames`].

mod all;
#[cfg(feature = "apalis")]
pub mod apalis;
pub mod db;
pub(crate) mod function;
#[cfg(any(feature = "tower", feature = "reqwest"))]
mod http;
#[cfg(any(feature = "apalis", feature = "jobs"))]
mod job;
#[cfg(feature = "jobs")]
pub mod jobs;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(any(feature = "apalis", feature = "kafka"))]
#[cfg_attr(not(feature = "kafka"), allow(dead_code))] // Kafka has all of it.
mod messaging;
mod names;
mod outcome;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "tower")]
mod remote;
#[cfg(feature = "reqwest")]
pub mod reqwest;
#[cfg(feature = "sqlx")]
pub mod sqlx;
#[cfg(feature = "tonic")]
pub mod tonic;
#[cfg(feature = "tower")]
pub mod tower;

pub use all::{Instrumented, all};
pub use function::{TimedOperation, TracedOperation, time_operation, trace_operation};
pub use names::{MetricNames, set_metric_names};
pub use outcome::{Failure, Outcome};

/// The guides' snippets, compiled and run.
#[cfg(all(doctest, feature = "axum", feature = "reqwest", feature = "tonic"))]
mod guides {
    #[doc = include_str!("../../../../docs/how-to/instrument/grpc.md")]
    mod grpc {}
    #[doc = include_str!("../../../../docs/how-to/instrument/http-clients.md")]
    mod http_clients {}
    #[doc = include_str!("../../../../docs/how-to/instrument/http-servers.md")]
    mod http_servers {}
}
