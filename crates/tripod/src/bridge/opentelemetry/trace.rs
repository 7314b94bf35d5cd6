//! Traces: OpenTelemetry's tracers and spans on Tripod's engine.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::time::SystemTime;

use ::opentelemetry::trace::{self as api, SpanContext, Status, TraceContextExt};
use ::opentelemetry::{Context, InstrumentationScope, KeyValue};

use super::convert;
use crate::context::otel;
use crate::context::suppress::is_suppressed;
use crate::engine;
use crate::trace::LinkTo;
use crate::trace::data::{Chain, SpanData};
use crate::{SpanBuilder, StatusCode, ToValue, Value};

/// Makes tracers; [`super::init`] makes it the global one.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TracerProvider {}

impl TracerProvider {
    /// A provider of tracers. All are the same: what is recorded goes to the telemetry that runs.
    pub fn new() -> Self {
        otel::install();
        Self {}
    }
}

impl api::TracerProvider for TracerProvider {
    type Tracer = Tracer;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Tracer {
        Tracer { scope: super::scope_number(&scope) }
    }
}

/// Starts spans.
#[derive(Clone, Debug)]
pub struct Tracer {
    scope: u16,
}

impl api::Tracer for Tracer {
    type Span = Span;

    fn build_with_context(&self, builder: api::SpanBuilder, parent: &Context) -> Span {
        if !engine::traces_on() || parent.is_telemetry_suppressed() || is_suppressed() {
            // As the specification has it: the parent's identity is passed on.
            return Span { span: crate::Span::none(), context: parent.span().span_context().clone() };
        }
        let kind = builder.span_kind.as_ref().map_or(crate::SpanKind::INTERNAL, convert::kind);
        let mut ours = SpanBuilder::new(builder.name).scope(self.scope).kind(kind);
        ours = match Parent::of(parent) {
            Parent::Current => ours,
            Parent::Root => ours.root(),
            Parent::Given => ours.parent(super::propagation::context_of(parent)),
        };
        if let Some(start) = builder.start_time {
            ours = ours.start_time(start);
        }
        if let Some(data) = ours.data_mut() {
            for attribute in builder.attributes.iter().flatten() {
                data.set_attribute(attribute.key.as_str(), &attribute.value.to_value());
            }
        }
        let mut span = ours.start();
        if let Some(data) = &mut span.data {
            if let Some(start) = builder.start_time {
                // As it was given, to the nanosecond.
                data.start.unix_nanos = convert::unix_nanos(start);
            }
            for link in builder.links.iter().flatten() {
                add_link(data, &link.span_context, &link.attributes);
            }
            for event in builder.events.iter().flatten() {
                add_event(data, &event.name, Some(event.timestamp), &event.attributes);
            }
        }
        let trace_state = span.data.as_ref().map_or(&span.trace_state, |data| &data.trace_state);
        let context = convert::to_span_context(&span.context, trace_state.as_deref());
        Span { span, context }
    }
}

/// What a new span is a part of.
pub(super) enum Parent {
    /// What is current, here or there.
    Current,
    Root,
    /// The span of the context that was given.
    Given,
}

impl Parent {
    pub(super) fn of(given: &Context) -> Self {
        if !given.has_active_span() {
            return Self::Current;
        }
        let span = given.span();
        if !span.span_context().is_valid() {
            return Self::Root;
        }
        let current = Context::map_current(|current| current.span().span_context().span_id());
        if current == span.span_context().span_id() { Self::Current } else { Self::Given }
    }
}

/// A span; it ends when it is ended or dropped.
pub struct Span {
    span: crate::Span,
    context: SpanContext,
}

impl api::Span for Span {
    fn add_event<T: Into<Cow<'static, str>>>(&mut self, name: T, attributes: Vec<KeyValue>) {
        if let Some(data) = &mut self.span.data {
            add_event(data, &name.into(), None, &attributes);
        }
    }

    fn add_event_with_timestamp<T: Into<Cow<'static, str>>>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) {
        if let Some(data) = &mut self.span.data {
            add_event(data, &name.into(), Some(timestamp), &attributes);
        }
    }

    /// As an event `exception` with its message and its causes. The status stays as it is, as the API has it.
    fn record_error(&mut self, error: &dyn Error) {
        let Some(data) = &mut self.span.data else { return };
        // Shown before anything of the span is touched.
        let (message, causes) = (error.to_string(), Chain(error.source()).to_string());
        let attributes = [("exception.message", Value::Str(&message)), ("exception.stacktrace", Value::Str(&causes))];
        data.add_event("exception", None, &attributes[..2 - usize::from(causes.is_empty())]);
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.span.is_recording()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.span.set_attribute(attribute.key.as_str(), attribute.value.to_value());
    }

    fn set_status(&mut self, status: Status) {
        match status {
            // The specification: nothing is undone by it.
            Status::Unset => {}
            Status::Ok => self.span.set_status(StatusCode::OK, ""),
            Status::Error { description } => self.span.set_status(StatusCode::ERROR, &description),
        }
    }

    fn update_name<T: Into<Cow<'static, str>>>(&mut self, new_name: T) {
        self.span.update_name(new_name);
    }

    fn add_link(&mut self, to: SpanContext, attributes: Vec<KeyValue>) {
        if let Some(data) = &mut self.span.data {
            add_link(data, &to, &attributes);
        }
    }

    fn end(&mut self) {
        drop(self.take());
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.take().end_at(timestamp);
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span").field("context", &self.context).finish_non_exhaustive()
    }
}

impl Span {
    /// What there is to end, leaving a span that has ended.
    fn take(&mut self) -> crate::Span {
        std::mem::take(&mut self.span)
    }
}

fn add_event(data: &mut SpanData, name: &str, at: Option<SystemTime>, attributes: &[KeyValue]) {
    convert::with_attributes(attributes, |attributes| data.add_event(name, at, attributes));
}

fn add_link(data: &mut SpanData, to: &SpanContext, attributes: &[KeyValue]) {
    let trace_state = convert::trace_state(to);
    let to = LinkTo { span: convert::span_context(to), trace_state: trace_state.as_deref().unwrap_or_default() };
    convert::with_attributes(attributes, |attributes| data.add_link(&to, attributes));
}
