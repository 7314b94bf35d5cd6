//! Bridges: programs that call `tracing` and `log` keep their calls, and what those record joins the same traces.
//!
//! There is one current context. A `tracing` span that is entered lies on the same stack as Tripod's own spans, so each kind can be
//! the parent of the other, and every log record names the span during which it was written, whoever started it.
//!
//! What the exporting threads do themselves is never recorded: a request that sends telemetry must not cause more of it.

#[cfg(any(feature = "log", feature = "tracing"))]
mod fields;
#[cfg(feature = "log")]
pub mod log;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "opentelemetry")]
pub mod opentelemetry;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg(any(feature = "log", feature = "metrics", feature = "opentelemetry", feature = "tracing"))]
mod slice;
#[cfg(any(feature = "log", feature = "opentelemetry", feature = "tracing"))]
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
