//! Traces, metrics and logs for Rust services: one dependency, one call at start.
//!
//! ```no_run
//! fn main() -> Result<(), tripod::Error> {
//!     let _tripod = tripod::init().service_name("checkout").start()?;
//!     let _span = tripod::span!("charge", customer = "ada", amount = 42.5);
//!     tripod::info!("card accepted", attempts = 1);
//!     tripod::counter("payments_total").build().add(1, tripod::labels!(method = "card"));
//!     Ok(())
//! }
//! ```
//!
//! What is recorded goes to `http://localhost:4318` by OTLP, unless [`Builder::otlp_endpoint`] or
//! `OTEL_EXPORTER_OTLP_ENDPOINT` says otherwise: to `tripod up`, or to whatever else speaks OTLP.
//!
//! # Where to go on
//! - [`span!`], [`LocalSpan`], [`Span`], [`traced`]: what takes time; [`current`] reaches the span that runs, [`Sampler`] and
//!   [`TailPolicy`] say which traces are kept.
//! - [`counter`], [`gauge`], [`histogram`], [`summary`] and their like: what is counted and measured; [`metrics`] has views, readers,
//!   thresholds and what is rendered for Prometheus.
//! - [`info!`] and its siblings: log lines, which name the trace and the span.
//! - [`propagation`] and [`Context`]: one trace over processes, threads and tasks.
//! - [`Builder`]: every setting, by code, variable or file; [`Exporter`]: a destination of your own; [`MemoryExporter`]: for tests.
//! - [`track_metrics`], [`count_calls`], [`instrument_adapter`] and their like: functions that are observed by an attribute.
//! - [`instrument`]: servers, clients, databases, queues and jobs that are observed without a change to what they do; [`catalog`]: ready-made
//!   metrics for what most services count.
//! - `events` (a feature): a collector of single events, with sliding windows, thresholds and a file.
//! - `Service` (feature `service`): a service that owns its telemetry, with routes for its health and its metrics.
//! - [`bridge`]: programs that call `tracing`, `log`, `metrics`, `opentelemetry` or `prometheus` keep their calls.
//!
//! # What it costs
//! Recording takes no lock, makes no system call and, once warm, allocates nothing: a finished span or log record is written in its
//! final form into memory that belongs to the thread. One thread collects, one for each exporter sends, with blocking I/O and
//! without an async runtime. Memory is bounded; what does not fit is dropped and counted. A failure in telemetry never
//! reaches the caller.

pub mod bridge;
pub mod catalog;
mod clock;
mod component;
mod config;
pub mod context;
mod decode;
mod encode;
mod engine;
mod error;
#[cfg(feature = "events")]
pub mod events;
mod export;
#[cfg(any(feature = "otlp-grpc", feature = "tonic"))]
mod grpc;
mod guard;
pub mod instrument;
mod limits;
mod logs;
mod macros;
pub mod metrics;
mod pattern;
mod pipeline;
mod resource;
mod say;
mod self_metrics;
#[cfg(feature = "service")]
pub mod service;
mod stats;
mod sync;
pub mod trace;
mod value;

pub use component::{Telemetry, telemetry};
pub use config::{Builder, Compression, OtlpProtocol};
pub use context::{
    Baggage, Context, ContextGuard, Current, SpanContext, SpanId, Suppressed, TraceFlags, TraceId, current,
    propagation, suppress,
};
pub use error::Error;
#[cfg(feature = "datadog")]
pub use export::DatadogExporter;
#[cfg(feature = "jsonl")]
pub use export::JsonlExporter;
#[cfg(feature = "prometheus-service")]
pub use export::PrometheusService;
#[cfg(feature = "pushgateway")]
pub use export::PushgatewayExporter;
#[cfg(feature = "aws")]
pub use export::{CloudWatchExporter, XRayExporter};
pub use export::{Console, MemoryExporter};
#[cfg(feature = "remote-write")]
pub use export::{RemoteWriteExporter, RemoteWriteVersion};
#[cfg(feature = "statsd")]
pub use export::{StatsdDialect, StatsdExporter, StatsdHistograms};
pub use guard::Guard;
pub use instrument::function::{CacheOutcome, ErrorType, LlmUsage};
pub use limits::{LogLimits, SpanLimits};
pub use logs::{Level, REDACTED_BY_DEFAULT, log as write_log, log_enabled};
pub use metrics::{
    Counter, ExemplarFilter, Gauge, Histogram, Labels, Summary, UpDownCounter, counter, gauge, histogram, summary,
    up_down_counter,
};
pub use pipeline::{Batch, ExportError, Exported, Exporter, Filter, Output, Records, Signal, TailPolicy, TailSampling};
pub use resource::Detector as ResourceDetector;
#[cfg(feature = "service")]
pub use service::Service;
pub use stats::{Decisions, Delivery, DropReason, ExporterStats, RecordStats, StartStats, Stats, TailStats};
pub use trace::{
    InContext, InSpan, InSpanExt, LinkTo, LocalSpan, Sample, Sampler, SamplingRule, Span, SpanBuilder, SpanKind,
    SpanStart, StatusCode, in_span,
};
#[cfg(feature = "macros")]
pub use tripod_macros::{
    LabelValue, Labels, cache_metrics, count_calls, instrument_adapter, measure_latency, monitor_resource, telemetry,
    traced, track_llm_usage, track_metrics,
};
/// What is recorded, as OTLP has it: what [`MemoryExporter`] gives and what is in a [`Batch`].
pub use tripod_wire::otlp;
pub use value::{AnyError, ToValue, Value, ValueList, ValueMap};

/// Whether this build records nothing; see the features `off` and `on`.
pub(crate) const OFF: bool = cfg!(all(feature = "off", not(feature = "on")));

/// Sets telemetry up; [`Builder::start`] starts it and returns the guard that stops it.
///
/// Every setting has a variable of the environment and a default, so `tripod::init().start()` suffices.
pub fn init() -> Builder {
    Builder::default()
}

/// What the macros expand to; not for direct use.
#[doc(hidden)]
pub mod __private {
    use std::borrow::Cow;

    pub use crate::instrument::function::argument::{Argument, ArgumentDebug, ArgumentUnknown, ArgumentValue};
    pub use crate::instrument::function::call::{Call, End, Started, calls, duration, errors, latency, run};
    pub use crate::instrument::function::held::Held;
    pub use crate::instrument::function::llm::{LlmCall, UsageOfAny, UsageOfResult};
    pub use crate::instrument::function::outcome::{EndAny, EndNamed, EndTyped};
    pub use crate::instrument::function::uses::{HitOfAny, HitOfResult, Pointer, acquire, look_up, looked_up, request};
    pub use crate::logs::CallSite;
    pub use crate::trace::outcome::{Outcome, RecordAny, RecordDisplay, RecordError};

    #[inline]
    pub fn traces_on() -> bool {
        crate::engine::traces_on()
    }

    #[inline]
    pub fn metrics_on() -> bool {
        crate::metrics::on()
    }

    #[inline]
    pub fn start_span(name: impl Into<Cow<'static, str>>, attributes: &[(&str, crate::Value<'_>)]) -> crate::Span {
        crate::trace::start(name, attributes)
    }
}
