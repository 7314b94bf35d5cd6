//! A component's handle: its spans, metrics and logs under a scope of its own name.

use std::borrow::Cow;

use crate::metrics::{InstrumentBuilder, Namespace};
use crate::{Counter, Gauge, Histogram, Level, LocalSpan, SpanBuilder, UpDownCounter, Value, engine, logs};

/// Telemetry under a component's name, which becomes the instrumentation scope.
///
/// ```
/// let telemetry = tripod::telemetry("orders");
/// let _span = telemetry.trace("place order");
/// telemetry.info("order placed", tripod::labels!(order_id = 17));
/// telemetry.counter("orders_total").build().inc(&[]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Telemetry {
    scope: u16,
}

/// The handle of a component. Asking twice for one name gives the same.
pub fn telemetry(component: &str) -> Telemetry {
    Telemetry { scope: engine::scope_id(component) }
}

impl Telemetry {
    /// Starts a span as the current one of this thread.
    pub fn trace(&self, name: impl Into<Cow<'static, str>>) -> LocalSpan {
        self.span(name).enter()
    }

    /// A span about to be started.
    pub fn span(&self, name: impl Into<Cow<'static, str>>) -> SpanBuilder {
        SpanBuilder::new(name).scope(self.scope)
    }

    /// Instruments whose names begin alike; see [`crate::metrics::namespace`].
    pub fn namespace(&self, prefix: impl Into<String>) -> Namespace {
        Namespace::in_scope(self.scope, prefix.into())
    }

    /// A counter of this name.
    pub fn counter(&self, name: impl Into<Cow<'static, str>>) -> InstrumentBuilder<Counter> {
        Counter::builder(self.scope, name.into())
    }

    /// An up-down counter of this name.
    pub fn up_down_counter(&self, name: impl Into<Cow<'static, str>>) -> InstrumentBuilder<UpDownCounter> {
        UpDownCounter::builder(self.scope, name.into())
    }

    /// A gauge of this name.
    pub fn gauge(&self, name: impl Into<Cow<'static, str>>) -> InstrumentBuilder<Gauge> {
        Gauge::builder(self.scope, name.into())
    }

    /// A histogram of this name.
    pub fn histogram(&self, name: impl Into<Cow<'static, str>>) -> InstrumentBuilder<Histogram> {
        Histogram::builder(self.scope, name.into())
    }

    /// A summary of this name.
    pub fn summary(&self, name: impl Into<Cow<'static, str>>) -> InstrumentBuilder<crate::metrics::Summary> {
        crate::metrics::Summary::builder(self.scope, name.into())
    }

    /// Writes a log record of level INFO.
    pub fn info(&self, message: &str, attributes: &[(&str, Value<'_>)]) {
        self.log(Level::Info, message, attributes);
    }

    /// Writes a log record of level WARN.
    pub fn warn(&self, message: &str, attributes: &[(&str, Value<'_>)]) {
        self.log(Level::Warn, message, attributes);
    }

    /// Writes a log record of level ERROR.
    pub fn error(&self, message: &str, attributes: &[(&str, Value<'_>)]) {
        self.log(Level::Error, message, attributes);
    }

    /// Writes a log record.
    pub fn log(&self, level: Level, message: &str, attributes: &[(&str, Value<'_>)]) {
        logs::log_in_scope(self.scope, level, format_args!("{message}"), attributes);
    }
}
