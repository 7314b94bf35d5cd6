//! The crate `opentelemetry`, version 0.33: its traces, metrics, logs and propagation, recorded by Tripod instead of
//! `opentelemetry_sdk`.
//!
//! ```
//! use opentelemetry::trace::{Tracer, TraceContextExt};
//! use opentelemetry::{KeyValue, global};
//!
//! # fn main() -> Result<(), tripod::Error> {
//! let _tripod = tripod::init().service_name("checkout").start()?;
//! tripod::bridge::opentelemetry::init();
//!
//! global::tracer("app").in_span("request", |context| {
//!     context.span().set_attribute(KeyValue::new("http.route", "/pay"));
//!     let _charge = tripod::span!("charge"); // a child of "request"
//!     tripod::info!("card accepted"); // names "charge"
//! });
//! global::meter("app").u64_counter("payments_total").build().add(1, &[KeyValue::new("method", "card")]);
//! # Ok(())
//! # }
//! ```
//!
//! # One current context
//! A span that is attached by [`opentelemetry::Context::attach`] is current for Tripod, `tracing` and `log` too, and a Tripod or
//! `tracing` span that is entered is the parent of what a [`Tracer`] starts: whichever was entered later counts. A parent that
//! is given explicitly comes first, unless it is a copy of what is current anyway, or has no span: then the current span is the
//! parent. To begin a trace within another, give a context with an invalid span:
//! `Context::new().with_remote_span_context(SpanContext::empty_context())`. To hand Tripod's current span to code that takes
//! an OpenTelemetry context, give it [`current_context`].
//!
//! # Cost
//! That of a Tripod span, and besides what the API itself takes: a boxed span, and `KeyValue`s that it owns. Attributes are
//! written from where they are, without a copy in between. Once [`init`] was called, each entered span and each question for
//! the current one looks at one more thread-local.

pub(crate) mod convert;
mod logs;
mod metrics;
mod propagation;
mod trace;

pub use logs::{LogRecord, Logger, LoggerProvider};
pub use metrics::MeterProvider;
pub use propagation::Propagator;
pub use trace::{Span, Tracer, TracerProvider};

use std::sync::atomic::{AtomicBool, Ordering};

use ::opentelemetry::trace::{
    Span as _, SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, Tracer as _,
};
use ::opentelemetry::{InstrumentationScope, global};

use crate::context::otel;
use crate::engine::{self, Scope};

/// Makes Tripod the global provider of tracers and meters, and the global propagator (with the formats of `OTEL_PROPAGATORS`).
///
/// May be called before telemetry starts. Logs have no global provider in `opentelemetry` 0.33: give a [`LoggerProvider`] to
/// whatever appends to one.
pub fn init() {
    otel::install();
    global::set_tracer_provider(TracerProvider::new());
    global::set_meter_provider(MeterProvider::new());
    global::set_text_map_propagator(Propagator::new());
    INSTALLED.store(true, Ordering::Relaxed);
}

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Whether [`init`] has made Tripod the global provider.
pub(crate) fn is_installed() -> bool {
    INSTALLED.load(Ordering::Relaxed)
}

/// What somebody else has made global.
pub(crate) fn held() -> Option<&'static str> {
    // Without a provider a span is its parent. An SDK makes one of its own, which it does not record as the parent is not sampled.
    let (trace_id, span_id) = (TraceId::from(1), SpanId::from(1));
    let parent = SpanContext::new(trace_id, span_id, TraceFlags::NOT_SAMPLED, true, TraceState::NONE);
    let parent = ::opentelemetry::Context::new().with_remote_span_context(parent);
    if global::tracer("tripod").start_with_context("probe", &parent).span_context().span_id() != span_id {
        return Some("provider of tracers");
    }
    // The one that does nothing is the one that has nothing.
    if size_of_val(&*global::meter_provider()) > 0 {
        return Some("provider of meters");
    }
    let propagates = global::get_text_map_propagator(|propagator| propagator.fields().next().is_some());
    propagates.then_some("propagator")
}

/// What is current, Tripod's and `tracing`'s spans included, as a context of the crate `opentelemetry`: for its `FutureExt`, or to
/// attach it on another thread.
pub fn current_context() -> ::opentelemetry::Context {
    let context = crate::Context::current();
    otel::context_with(&context.span, context.trace_state.as_deref())
}

/// The number of an instrumentation scope.
fn scope_number(scope: &InstrumentationScope) -> u16 {
    if scope.version().is_none() && scope.schema_url().is_none() && scope.attributes().next().is_none() {
        return super::targets::scope_of(scope.name());
    }
    engine::scope_number(Scope {
        scope: tripod_wire::otlp::InstrumentationScope {
            name: scope.name().to_owned(),
            version: scope.version().unwrap_or_default().to_owned(),
            attributes: scope.attributes().map(convert::owned).collect(),
            dropped_attributes_count: 0,
        },
        schema_url: scope.schema_url().unwrap_or_default().to_owned(),
    })
}
