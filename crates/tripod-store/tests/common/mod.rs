//! Builders of requests and queries for the tests of the embedded store.
#![allow(dead_code, reason = "each test file uses some of it")]

use std::path::Path;

use tripod_store::{Embedded, LogQuery, Options, Recovery, TraceQuery, Window};
use tripod_wire::otlp::trace::{SpanKind, Status, StatusCode};
use tripod_wire::otlp::{
    InstrumentationScope, KeyValue, LogRecord, LogsData, Resource, ResourceLogs, ResourceSpans, ScopeLogs, ScopeSpans,
    Span, TracesData,
};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

pub(crate) fn open(dir: &Path) -> (Embedded, Recovery) {
    Embedded::open(Options::new(dir)).unwrap()
}

pub(crate) fn trace_id(number: u64) -> TraceId {
    TraceId((u128::from(number) + 1).to_be_bytes())
}

pub(crate) fn span_id(number: u64) -> SpanId {
    SpanId((number + 1).to_be_bytes())
}

/// A root span of kind internal, one microsecond a unit of `start`, and as long.
pub(crate) fn span(trace: u64, span: u64, name: &str, start: u64) -> Span {
    Span {
        trace_id: trace_id(trace),
        span_id: span_id(span),
        name: name.to_owned(),
        kind: SpanKind::INTERNAL,
        start_time_unix_nano: start * 1000,
        end_time_unix_nano: start * 1000 + 1000,
        ..Span::default()
    }
}

pub(crate) fn failed(mut span: Span) -> Span {
    span.status = Status { code: StatusCode::ERROR, message: "no".to_owned() };
    span
}

pub(crate) fn child_of(mut span: Span, parent: u64) -> Span {
    span.parent_span_id = span_id(parent);
    span
}

pub(crate) fn resource(service: &str) -> Resource {
    Resource { attributes: vec![KeyValue::new("service.name", service)], ..Resource::default() }
}

pub(crate) fn scope(name: &str) -> InstrumentationScope {
    InstrumentationScope { name: name.to_owned(), ..InstrumentationScope::default() }
}

pub(crate) fn spans(service: &str, spans: impl IntoIterator<Item = Span>) -> Vec<u8> {
    let scope_spans =
        vec![ScopeSpans { scope: scope("test"), spans: spans.into_iter().collect(), ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { resource: resource(service), scope_spans, ..ResourceSpans::default() }];
    TracesData { resource_spans }.encode_to_vec()
}

pub(crate) fn log(time: u64, body: &str) -> LogRecord {
    LogRecord { time_unix_nano: time, body: body.into(), ..LogRecord::default() }
}

pub(crate) fn logs(service: &str, records: impl IntoIterator<Item = LogRecord>) -> Vec<u8> {
    let scope_logs =
        vec![ScopeLogs { scope: scope("test"), log_records: records.into_iter().collect(), ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: resource(service), scope_logs, ..ResourceLogs::default() }];
    LogsData { resource_logs }.encode_to_vec()
}

/// All traces.
pub(crate) fn any_trace() -> TraceQuery {
    TraceQuery::within(Window::ALL, 1000)
}

/// All log records.
pub(crate) fn any_log() -> LogQuery {
    LogQuery::within(Window::ALL, 1000)
}
