//! Bridges: programs that call `tracing`, `log`, `metrics`, `opentelemetry`, `prometheus` or `prometheus-client` keep their calls, and
//! what those record joins the same traces, logs and metrics.
//!
//! There is one current context. A `tracing` span that is entered lies on the same stack as Tripod's own spans, and of a span that
//! `opentelemetry` attached the stack knows whether it was entered later; so each kind can be the parent of the others, and every
//! log record names the span during which it was written, whoever started it.
//!
//! What the exporting threads do themselves is never recorded: a request that sends telemetry must not cause more of it. Code of
//! the user's that shows a value may record something itself, to a depth of four, and may panic: its text is short then.

#[cfg(any(feature = "log", feature = "tracing"))]
#[cfg_attr(not(feature = "tracing"), allow(dead_code))] // `tracing` asks more of them than `log`.
mod fields;
#[cfg(any(feature = "prometheus", feature = "prometheus-client"))]
mod gathered;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(feature = "prometheus-client")]
pub mod prometheus_client;
#[cfg(any(feature = "log", feature = "metrics", feature = "opentelemetry", feature = "tracing"))]
mod slice;
#[cfg(any(feature = "log", feature = "opentelemetry", feature = "tracing"))]
#[cfg_attr(not(feature = "tracing"), allow(dead_code))] // As above.
mod targets;
#[cfg(feature = "tracing")]
pub mod tracing;

/// Tells the bridges that the engine was started or stopped.
pub(crate) fn engine_changed() {
    #[cfg(feature = "log")]
    log::follow_level();
    #[cfg(feature = "tracing")]
    tracing::engine_changed();
}

/// The guide's snippets, compiled and run.
#[cfg(all(
    doctest,
    feature = "log",
    feature = "metrics",
    feature = "opentelemetry",
    feature = "prometheus",
    feature = "prometheus-client",
    feature = "tracing"
))]
#[doc = include_str!("../../../../docs/how-to/moving-over.md")]
mod moving_over {}
