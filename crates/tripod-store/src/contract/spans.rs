//! Spans: what a store of them answers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tripod_wire::otlp::trace::{SpanKind, StatusCode};
use tripod_wire::otlp::{InstrumentationScope, Resource, Span};
use tripod_wire::{SpanId, TraceId};

use crate::{Appended, StoreError, Window};

/// Keeps spans and finds them by trace, service, operation, attribute, time and duration.
pub trait SpanStore: Send + Sync {
    /// Keeps the spans of an OTLP export request, given as the protobuf bytes of `ExportTraceServiceRequest`.
    /// When this returns `Ok`, the accepted spans are durable. Blocks while it writes.
    ///
    /// # Errors
    /// [`StoreError::Decode`] when the bytes are no such request: nothing is kept. [`StoreError::Overloaded`] when too
    /// much waits to be written. A span without a valid trace or span id is rejected alone, see [`Appended`].
    fn append_spans(&self, request: &[u8]) -> Result<Appended, StoreError>;

    /// As [`Self::append_spans`], with a look at each span that is to be kept, in the order they came. What was seen counts only
    /// if this returns `Ok`.
    fn append_spans_seen(&self, request: &[u8], see: &mut dyn FnMut(&SpanOutline<'_>)) -> Result<Appended, StoreError>;

    /// The trace with this id, all its spans sorted by start; `None` when no span of it is known. A span that was sent twice
    /// (same ids, same bytes), because a sender saw no answer and tried again, is in it once.
    fn trace(&self, id: TraceId) -> Result<Option<Trace>, StoreError>;

    /// Whole traces of which some span satisfies all conditions, newest first.
    fn find_traces(&self, query: &TraceQuery) -> Result<Vec<Trace>, StoreError>;

    /// Calls `visit` with whole traces of which some span satisfies all conditions, newest first, until it breaks or `query.limit`
    /// traces were visited. Holds few of them at a time.
    fn visit_traces(
        &self,
        query: &TraceQuery,
        visit: &mut dyn FnMut(Trace) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// How many spans satisfy all conditions, and at most `query.limit` of them: each as likely as any other, the same ones each
    /// time while nothing changes. A span that was sent twice counts twice.
    fn sample_spans(&self, query: &TraceQuery) -> Result<SpanSample, StoreError>;

    /// What a list of many traces shows of each: those that [`Self::find_traces`] finds, newest start first. Reads no more of a
    /// trace than one failed span.
    fn summarize_traces(&self, query: &TraceQuery) -> Result<TraceSummaries, StoreError>;

    /// Names of all services that have spans, sorted. Costs no more than the answer is long.
    fn services(&self) -> Result<Vec<String>, StoreError>;

    /// Operations of a service, sorted by name. Costs no more than the answer is long.
    fn operations(&self, service: &str) -> Result<Vec<Operation>, StoreError>;

    /// Calls, errors and durations of every service within a window, cut into `steps` equal parts (at least 1).
    fn service_stats(&self, window: Window, steps: usize) -> Result<Vec<ServiceStats>, StoreError>;

    /// Which service calls which within a window.
    fn dependencies(&self, window: Window) -> Result<Vec<Dependency>, StoreError>;

    /// The keys of attributes that spans, their events, resources and scopes have, sorted.
    fn attribute_keys(&self) -> Result<Vec<AttributeKey>, StoreError>;

    /// The keys among them that resources have, sorted.
    fn resource_keys(&self) -> Result<Vec<String>, StoreError>;

    /// At most `limit` values of a key that begin with `prefix`, those that most spans have first. Of a key with very many
    /// values some are not among them.
    fn attribute_values(&self, key: &str, prefix: &str, limit: usize) -> Result<Vec<AttributeValue>, StoreError>;
}

/// A span with who emitted it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSpan {
    /// The resource, shared by its spans.
    pub resource: Arc<Resource>,
    /// The scope, shared by its spans.
    pub scope: Arc<InstrumentationScope>,
    /// The span.
    pub span: Span,
}

/// What can be told of a span while it is taken in, without its attributes.
#[derive(Debug, Clone, Copy)]
pub struct SpanOutline<'a> {
    /// Stands for service and name: spans of one request that have it in common have both in common.
    pub group: (u32, u32),
    /// The service.
    pub service: &'a str,
    /// The name, in UTF-8.
    pub name: &'a [u8],
    /// Its role in a call.
    pub kind: SpanKind,
    /// How it ended.
    pub status: StatusCode,
    /// Start, nanoseconds since the Unix epoch.
    pub start: u64,
    /// End, nanoseconds since the Unix epoch.
    pub end: u64,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// Its parent, if it has one.
    pub parent_span_id: SpanId,
}

/// Some of many spans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanSample {
    /// How many there are.
    pub total: u64,
    /// Some of them, or all, in no order.
    pub spans: Vec<StoredSpan>,
}

/// The spans of one trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// The trace's id.
    pub id: TraceId,
    /// All spans known, sorted by start.
    pub spans: Vec<StoredSpan>,
}

/// What a search for summaries found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSummaries {
    /// Newest start first.
    pub summaries: Vec<TraceSummary>,
    /// Whether these are all; false when the limit cut off others.
    pub complete: bool,
}

/// A trace without its spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSummary {
    /// The trace's id.
    pub id: TraceId,
    /// The service of the root: the earliest span without a parent or, where none has come, the earliest span.
    pub service: String,
    /// The root's name.
    pub operation: String,
    /// When the earliest span started, nanoseconds since the Unix epoch.
    pub start: u64,
    /// From there to the end of the span that ended last.
    pub duration: Duration,
    /// How many spans are known; one that was sent twice counts once.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
    /// The services that took part, the one with most spans first.
    pub services: Vec<ServiceShare>,
    /// What the failed span nearest the root says: its status' message or that of an exception, or nothing.
    pub error: String,
}

/// A service's part in a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceShare {
    /// The service's name.
    pub service: String,
    /// Its spans.
    pub spans: u64,
    /// Those that failed.
    pub errors: u64,
}

/// What a trace must have; conditions that are absent are satisfied.
#[derive(Debug, Clone)]
pub struct TraceQuery {
    /// The service of the span.
    pub service: Option<String>,
    /// The span's name.
    pub operation: Option<String>,
    /// Attributes of the span, of one of its events, of its scope or its resource.
    pub attributes: Vec<AttributeMatch>,
    /// The span takes at least so long.
    pub min_duration: Option<Duration>,
    /// The span takes at most so long.
    pub max_duration: Option<Duration>,
    /// The span starts within.
    pub window: Window,
    /// At most so many traces.
    pub limit: usize,
}

impl TraceQuery {
    /// At most `limit` of all traces that have a span within a window: conditions are added by struct update.
    pub fn within(window: Window, limit: usize) -> Self {
        Self {
            service: None,
            operation: None,
            attributes: Vec::new(),
            min_duration: None,
            max_duration: None,
            window,
            limit,
        }
    }
}

/// A condition on an attribute: its value, written as text, equals this. `error` = `true` is also satisfied by a span whose
/// status is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeMatch {
    /// The attribute's name.
    pub key: String,
    /// Its value as text: `200`, `true`, `GET`.
    pub value: String,
}

/// An operation: a span name and kind seen in a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// The span's name.
    pub name: String,
    /// The span's kind.
    pub kind: SpanKind,
}

/// A service in a window. "Calls" are its entry spans: kind server or consumer, or without a parent in the same service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceStats {
    /// The service's name.
    pub service: String,
    /// Calls that started within the window.
    pub calls: u64,
    /// Those that ended with an error.
    pub errors: u64,
    /// Median of their durations.
    pub p50: Duration,
    /// 95th percentile of their durations.
    pub p95: Duration,
    /// 99th percentile of their durations.
    pub p99: Duration,
    /// Calls a step.
    pub calls_by_step: Vec<u64>,
    /// Errors a step.
    pub errors_by_step: Vec<u64>,
    /// 95th percentile a step; zero where there were no calls.
    pub p95_by_step: Vec<Duration>,
}

/// Calls of one service by another within a window: spans of the one whose parent is a span of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The service that calls.
    pub parent: String,
    /// The service that is called.
    pub child: String,
    /// Calls; a span that was sent twice counts once.
    pub calls: u64,
    /// Those whose span in the called service failed.
    pub errors: u64,
}

/// What is known of a key of attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeKey {
    /// The attribute's name.
    pub key: String,
    /// Spans or log records that have it, themselves or by an event, the scope or the resource; roughly.
    pub rows: u64,
    /// How many different values it has; roughly.
    pub values: u64,
}

/// A value of an attribute, written as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeValue {
    /// The value.
    pub value: String,
    /// Spans or log records that have it; roughly.
    pub rows: u64,
}
