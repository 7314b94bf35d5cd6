//! `GET /api/trace-columns/{traceID}`: a trace as the web page draws it. Jaeger's JSON of a hundred thousand spans is nearly a million
//! small objects, which take a browser longer to read than all else; here the first line has what is drawn, in columns, and a line a
//! span has the rest, which is read when somebody looks at the span.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use tripod_store::{StoredSpan, Trace};
use tripod_wire::SpanId;
use tripod_wire::otlp::Resource;
use tripod_wire::otlp::trace::StatusCode;

use super::jaeger_json::{self, Log, Process, Reference, Tag};
use super::params::{Segment, segment};
use super::{Context, Failure, jaeger};
use crate::own_metrics::Api;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new().route("/api/trace-columns/{id}", get(columns))
}

async fn columns(State(context): State<Arc<Context>>, id: Segment) -> Response {
    let query = move |context: &Context| {
        let id = jaeger::trace_id(&segment(id)?)?;
        let trace = context.store.trace(id)?.ok_or_else(|| Failure::NotFound("trace not found".to_owned()))?;
        lines(&trace).map_err(|error| Failure::Internal(error.to_string()))
    };
    match context.run(Api::Traces, query).await {
        Ok(lines) => ([(CONTENT_TYPE, "text/plain; charset=utf-8")], lines).into_response(),
        Err(failure) => failure.ours(),
    }
}

fn lines(trace: &Trace) -> serde_json::Result<Vec<u8>> {
    let mut lines = serde_json::to_vec(&Columns::from(trace))?;
    for stored in &trace.spans {
        lines.push(b'\n');
        serde_json::to_writer(&mut lines, &Details::from(stored))?;
    }
    Ok(lines)
}

/// What is drawn of all spans.
#[derive(Debug, Default, Serialize)]
struct Columns<'a> {
    #[serde(rename = "traceID")]
    trace_id: String,
    start_unix_nano: String,
    /// 16 digits each.
    ids: String,
    /// Spans with an id that one before them has.
    repeated: Vec<usize>,
    /// Places in the list, or -1.
    parents: Vec<i64>,
    /// The parents that spans name and do not hang on.
    missing: BTreeMap<usize, String>,
    /// Nanoseconds since the trace's start.
    starts: Vec<u64>,
    durations: Vec<u64>,
    operations: Vec<&'a str>,
    operation: Vec<usize>,
    processes: Vec<Process>,
    process: Vec<usize>,
    failed: Vec<usize>,
}

impl<'a> From<&'a Trace> for Columns<'a> {
    fn from(trace: &'a Trace) -> Self {
        let start = trace.spans.iter().map(|stored| stored.span.start_time_unix_nano).min().unwrap_or_default();
        let mut columns =
            Self { trace_id: trace.id.to_string(), start_unix_nano: start.to_string(), ..Self::default() };
        let mut places: HashMap<SpanId, usize> = HashMap::with_capacity(trace.spans.len());
        for (at, stored) in trace.spans.iter().enumerate() {
            if *places.entry(stored.span.span_id).or_insert(at) != at {
                columns.repeated.push(at);
            }
        }
        let mut operations = HashMap::new();
        let mut resources: Vec<&Resource> = Vec::new();
        for (at, StoredSpan { span, resource, .. }) in trace.spans.iter().enumerate() {
            columns.ids.push_str(&span.span_id.to_string());
            let parent = span.parent_span_id;
            let place = places.get(&parent).copied().filter(|place| parent.is_valid() && *place != at);
            if place.is_none() && parent.is_valid() {
                columns.missing.insert(at, parent.to_string());
            }
            columns.parents.push(place.map_or(-1, |place| place as i64));
            columns.starts.push(span.start_time_unix_nano - start);
            columns.durations.push(span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano));
            columns.operation.push(*operations.entry(span.name.as_str()).or_insert_with(|| {
                columns.operations.push(&span.name);
                columns.operations.len() - 1
            }));
            // Spans mostly share their resource with the one before: most compare by address alone.
            let same = |known: &&Resource| std::ptr::eq(*known, resource.as_ref()) || **known == **resource;
            columns.process.push(resources.iter().position(same).unwrap_or_else(|| {
                resources.push(resource);
                resources.len() - 1
            }));
            if has_failed(&trace.spans[at]) {
                columns.failed.push(at);
            }
        }
        columns.processes = resources.into_iter().map(Process::from).collect();
        columns
    }
}

/// By its status, or by the tag `error` that some senders set instead.
fn has_failed(stored: &StoredSpan) -> bool {
    let said = stored.span.attributes.iter().any(|one| one.key == "error" && one.value.to_string() == "true");
    stored.span.status.code == StatusCode::ERROR || said
}

/// What one span has beside that.
#[derive(Debug, Serialize)]
struct Details {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logs: Vec<Log>,
}

impl From<&StoredSpan> for Details {
    fn from(stored: &StoredSpan) -> Self {
        Self {
            tags: jaeger_json::tags(stored),
            references: jaeger_json::links(&stored.span).collect(),
            logs: jaeger_json::logs(&stored.span),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tripod_wire::TraceId;
    use tripod_wire::otlp::trace::{Link, Span, Status};
    use tripod_wire::otlp::{InstrumentationScope, KeyValue};

    use super::*;

    fn stored(id: u8, parent: u8, start: u64, service: &str) -> StoredSpan {
        let attributes = vec![KeyValue::new("service.name", service)];
        StoredSpan {
            resource: Arc::new(Resource { attributes, ..Resource::default() }),
            scope: Arc::new(InstrumentationScope::default()),
            span: Span {
                trace_id: TraceId([1; 16]),
                span_id: SpanId([id; 8]),
                parent_span_id: SpanId([parent; 8]),
                name: format!("do {}", id.min(2)),
                start_time_unix_nano: 1_795_238_947_000_000_000 + start,
                end_time_unix_nano: 1_795_238_947_000_000_700,
                ..Span::default()
            },
        }
    }

    #[test]
    fn spans_are_columns_and_a_line_of_details_each() {
        let mut spans = vec![
            stored(1, 0, 0, "shop"),
            stored(2, 1, 250, "db"),
            stored(2, 1, 300, "db"),
            stored(3, 9, 400, "shop"),
            stored(4, 4, 800, "shop"),
        ];
        spans[1].span.status = Status { code: StatusCode::ERROR, message: String::new() };
        spans[3].span.attributes = vec![KeyValue::new("error", true), KeyValue::new("text", "two\nlines")];
        spans[4].span.links = vec![Link { trace_id: TraceId([4; 16]), span_id: SpanId([5; 8]), ..Link::default() }];
        let lines = lines(&Trace { id: TraceId([1; 16]), spans }).unwrap();
        let lines: Vec<Value> =
            lines.split(|byte| *byte == b'\n').map(|l| serde_json::from_slice(l).unwrap()).collect();
        let ids = ["01", "02", "02", "03", "04"].map(|id| id.repeat(8)).concat();
        let expected = json!({
            "traceID": "01".repeat(16), "start_unix_nano": "1795238947000000000",
            "ids": ids,
            "repeated": [2], "parents": [-1, 0, 0, -1, -1], "missing": {"3": "09".repeat(8), "4": "04".repeat(8)},
            "starts": [0, 250, 300, 400, 800], "durations": [700, 450, 400, 300, 0],
            "operations": ["do 1", "do 2"], "operation": [0, 1, 1, 1, 1],
            "processes": [{"serviceName": "shop", "tags": []}, {"serviceName": "db", "tags": []}],
            "process": [0, 1, 1, 0, 0], "failed": [1, 3],
        });
        assert_eq!(lines[0], expected);
        assert_eq!((lines.len(), &lines[1]), (6, &json!({})));
        assert_eq!(lines[2]["tags"][0]["key"], "otel.status_code");
        assert_eq!(lines[4]["tags"][1]["value"], "two\nlines");
        assert_eq!(lines[5]["references"][0]["refType"], "FOLLOWS_FROM");
    }
}
