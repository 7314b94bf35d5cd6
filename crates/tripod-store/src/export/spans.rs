//! Spans as rows.

use std::io::Write;

use arrow_array::ArrayRef;
use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_schema::{DataType, Field};
use serde_json::json;
use tripod_wire::otlp::trace::{SpanKind, StatusCode};

use super::table::{Finish, Rows, Times, field, push_text, text, times};
use super::{Table, by_slices, json};
use crate::{Store, StoreError, StoredSpan, TraceQuery, Window};

/// Traces that are asked for at once.
const TRACES: usize = 500;

pub(super) fn export(store: &dyn Store, window: Window, out: impl Write + Send) -> Result<u64, StoreError> {
    let mut table: Table<Spans, _> = Table::new(out)?;
    let fetch = |window, limit| store.find_traces(&TraceQuery::within(window, limit));
    by_slices(window, TRACES, fetch, |slice, traces| {
        // A trace comes with all its spans; those that start in another slice come with that one.
        let spans = traces.iter().flat_map(|trace| &trace.spans);
        let mut spans: Vec<_> = spans.filter(|span| slice.contains(span.span.start_time_unix_nano)).collect();
        spans.sort_by_key(|span| span.span.start_time_unix_nano);
        spans.into_iter().try_for_each(|span| table.push(span))
    })?;
    table.finish()
}

#[derive(Default)]
struct Spans {
    start: Times,
    end: Times,
    duration: Int64Builder,
    trace_id: StringBuilder,
    span_id: StringBuilder,
    parent_span_id: StringBuilder,
    service: StringBuilder,
    name: StringBuilder,
    kind: StringBuilder,
    status: StringBuilder,
    status_message: StringBuilder,
    attributes: StringBuilder,
    resource: StringBuilder,
    scope: StringBuilder,
    scope_version: StringBuilder,
    events: StringBuilder,
    links: StringBuilder,
    trace_state: StringBuilder,
    flags: Int64Builder,
}

impl Rows for Spans {
    type Row<'a> = &'a StoredSpan;

    fn fields() -> Vec<Field> {
        vec![
            times("start_time"),
            times("end_time"),
            field("duration_ns", DataType::Int64),
            text("trace_id"),
            text("span_id"),
            text("parent_span_id"),
            text("service"),
            text("name"),
            text("kind"),
            text("status"),
            text("status_message"),
            text("attributes"),
            text("resource"),
            text("scope"),
            text("scope_version"),
            text("events"),
            text("links"),
            text("trace_state"),
            field("flags", DataType::Int64),
        ]
    }

    fn push(&mut self, stored: &StoredSpan) {
        let span = &stored.span;
        let (start, end) = (span.start_time_unix_nano, span.end_time_unix_nano);
        self.start.push(start);
        self.end.push(end);
        self.duration.append_value(end.wrapping_sub(start) as i64);
        self.trace_id.append_value(span.trace_id.to_string());
        self.span_id.append_value(span.span_id.to_string());
        self.parent_span_id.append_option(span.parent_span_id.is_valid().then(|| span.parent_span_id.to_string()));
        push_text(&mut self.service, stored.resource.service_name());
        self.name.append_value(&span.name);
        self.kind.append_option(kind(span.kind));
        self.status.append_option(status(span.status.code));
        push_text(&mut self.status_message, &span.status.message);
        self.attributes.append_option(json::object(&span.attributes));
        self.resource.append_option(json::object(&stored.resource.attributes));
        push_text(&mut self.scope, &stored.scope.name);
        push_text(&mut self.scope_version, &stored.scope.version);
        self.events.append_option(json::list(&span.events, |event| {
            json!({
                "time_unix_nano": event.time_unix_nano,
                "name": event.name,
                "attributes": json::map(&event.attributes),
            })
        }));
        self.links.append_option(json::list(&span.links, |link| {
            json!({
                "trace_id": link.trace_id.to_string(),
                "span_id": link.span_id.to_string(),
                "attributes": json::map(&link.attributes),
            })
        }));
        push_text(&mut self.trace_state, &span.trace_state);
        self.flags.append_value(span.flags.into());
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            self.start.finish(),
            self.end.finish(),
            self.duration.column(),
            self.trace_id.column(),
            self.span_id.column(),
            self.parent_span_id.column(),
            self.service.column(),
            self.name.column(),
            self.kind.column(),
            self.status.column(),
            self.status_message.column(),
            self.attributes.column(),
            self.resource.column(),
            self.scope.column(),
            self.scope_version.column(),
            self.events.column(),
            self.links.column(),
            self.trace_state.column(),
            self.flags.column(),
        ]
    }
}

fn kind(kind: SpanKind) -> Option<&'static str> {
    match kind {
        SpanKind::INTERNAL => Some("internal"),
        SpanKind::SERVER => Some("server"),
        SpanKind::CLIENT => Some("client"),
        SpanKind::PRODUCER => Some("producer"),
        SpanKind::CONSUMER => Some("consumer"),
        _ => None,
    }
}

fn status(code: StatusCode) -> Option<&'static str> {
    match code {
        StatusCode::OK => Some("ok"),
        StatusCode::ERROR => Some("error"),
        _ => None,
    }
}
