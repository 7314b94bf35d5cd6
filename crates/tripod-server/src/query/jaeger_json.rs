//! A trace as Jaeger's JSON. What OTLP has and Jaeger has not becomes tags, under the names Jaeger gives them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::Value;
use tripod_store::{StoredSpan, Trace};
use tripod_wire::otlp::trace::{SpanKind, StatusCode};
use tripod_wire::otlp::{AnyValue, KeyValue, Resource, Span};

use super::attributes;

/// A trace.
#[derive(Debug, Serialize)]
pub(super) struct JaegerTrace {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<JaegerSpan>,
    processes: BTreeMap<String, Process>,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JaegerSpan {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    operation_name: String,
    references: Vec<Reference>,
    /// Microseconds since the Unix epoch.
    start_time: u64,
    /// Microseconds.
    duration: u64,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    tags: Vec<Tag>,
    logs: Vec<Log>,
    #[serde(rename = "processID")]
    process_id: String,
    warnings: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Reference {
    #[serde(rename = "refType")]
    ref_type: &'static str,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    /// A link's attributes, which Jaeger leaves out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    /// Microseconds since the Unix epoch.
    timestamp: u64,
    time_unix_nano: String,
    fields: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Process {
    service_name: String,
    tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tag {
    key: String,
    #[serde(rename = "type")]
    kind: &'static str,
    value: Value,
}

impl Tag {
    fn new(key: &str, value: &AnyValue) -> Self {
        let json = attributes::to_json(value);
        let (kind, value) = match value {
            AnyValue::Bool(_) => ("bool", json),
            AnyValue::Int(_) => ("int64", json),
            AnyValue::Double(_) => ("float64", json),
            AnyValue::Bytes(bytes) => ("binary", Value::from(STANDARD.encode(bytes))),
            AnyValue::String(_) => ("string", json),
            AnyValue::Empty => ("string", Value::from("")),
            AnyValue::Array(_) | AnyValue::KvList(_) => ("string", Value::from(json.to_string())),
        };
        Self { key: key.to_owned(), kind, value }
    }

    fn text(key: &str, text: &str) -> Self {
        Self { key: key.to_owned(), kind: "string", value: Value::from(text) }
    }

    fn list(attributes: &[KeyValue]) -> impl Iterator<Item = Self> {
        attributes.iter().map(|attribute| Self::new(&attribute.key, &attribute.value))
    }
}

impl From<&Trace> for JaegerTrace {
    fn from(trace: &Trace) -> Self {
        let mut processes = Processes::default();
        let spans = trace.spans.iter().map(|stored| span(stored, &mut processes)).collect();
        Self { trace_id: trace.id.to_string(), spans, processes: processes.into_map(), warnings: None }
    }
}

impl From<&Resource> for Process {
    fn from(resource: &Resource) -> Self {
        let others = resource.attributes.iter().filter(|attribute| attribute.key != "service.name");
        let tags = others.map(|attribute| Tag::new(&attribute.key, &attribute.value)).collect();
        Self { service_name: resource.service_name().to_owned(), tags }
    }
}

/// The resources of a trace, numbered in the order they come up.
#[derive(Default)]
struct Processes<'a>(Vec<&'a Resource>);

impl<'a> Processes<'a> {
    fn id(&mut self, resource: &'a Resource) -> String {
        // Spans mostly share their resource with the one before: most compare by address alone.
        let same = |known: &&Resource| std::ptr::eq(*known, resource) || **known == *resource;
        let at = self.0.iter().position(same).unwrap_or_else(|| {
            self.0.push(resource);
            self.0.len() - 1
        });
        format!("p{}", at + 1)
    }

    fn into_map(self) -> BTreeMap<String, Process> {
        self.0.into_iter().enumerate().map(|(i, resource)| (format!("p{}", i + 1), Process::from(resource))).collect()
    }
}

fn span<'a>(stored: &'a StoredSpan, processes: &mut Processes<'a>) -> JaegerSpan {
    let span = &stored.span;
    JaegerSpan {
        trace_id: span.trace_id.to_string(),
        span_id: span.span_id.to_string(),
        operation_name: span.name.clone(),
        references: references(span),
        start_time: span.start_time_unix_nano / 1000,
        duration: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano) / 1000,
        start_time_unix_nano: span.start_time_unix_nano.to_string(),
        end_time_unix_nano: span.end_time_unix_nano.to_string(),
        tags: tags(stored),
        logs: logs(span),
        process_id: processes.id(&stored.resource),
        warnings: None,
    }
}

fn references(span: &Span) -> Vec<Reference> {
    let parent = span.parent_span_id.is_valid().then(|| Reference {
        ref_type: "CHILD_OF",
        trace_id: span.trace_id.to_string(),
        span_id: span.parent_span_id.to_string(),
        tags: Vec::new(),
    });
    parent.into_iter().chain(links(span)).collect()
}

/// A span's links as references.
pub(super) fn links(span: &Span) -> impl Iterator<Item = Reference> {
    span.links.iter().map(|link| Reference {
        ref_type: "FOLLOWS_FROM",
        trace_id: link.trace_id.to_string(),
        span_id: link.span_id.to_string(),
        tags: Tag::list(&link.attributes).collect(),
    })
}

/// A span's attributes, and what else of it becomes tags.
pub(super) fn tags(stored: &StoredSpan) -> Vec<Tag> {
    let span = &stored.span;
    let mut tags: Vec<Tag> = Tag::list(&span.attributes).collect();
    if let Some(kind) = kind_name(span.kind) {
        tags.push(Tag::text("span.kind", kind));
    }
    match span.status.code {
        StatusCode::OK => tags.push(Tag::text("otel.status_code", "OK")),
        StatusCode::ERROR => {
            tags.push(Tag::text("otel.status_code", "ERROR"));
            // A sender may have set its own `error` already.
            if !span.attributes.iter().any(|attribute| attribute.key == "error") {
                tags.push(Tag::new("error", &AnyValue::Bool(true)));
            }
        }
        _ => {}
    }
    let texts = [
        ("otel.status_description", &span.status.message),
        ("otel.scope.name", &stored.scope.name),
        ("otel.scope.version", &stored.scope.version),
        ("w3c.tracestate", &span.trace_state),
    ];
    tags.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| Tag::text(key, text)));
    let of_scope = stored.scope.attributes.iter();
    tags.extend(of_scope.map(|one| Tag::new(&format!("otel.scope.attributes.{}", one.key), &one.value)));
    let dropped = [
        ("otel.dropped_attributes_count", span.dropped_attributes_count),
        ("otel.dropped_events_count", span.dropped_events_count),
        ("otel.dropped_links_count", span.dropped_links_count),
    ];
    let dropped = dropped.into_iter().filter(|(_, count)| *count > 0);
    tags.extend(dropped.map(|(key, count)| Tag::new(key, &AnyValue::Int(count.into()))));
    tags
}

/// A span's events.
pub(super) fn logs(span: &Span) -> Vec<Log> {
    let log = |event: &tripod_wire::otlp::trace::Event| {
        let name = (!event.name.is_empty()).then(|| Tag::text("event", &event.name));
        Log {
            timestamp: event.time_unix_nano / 1000,
            time_unix_nano: event.time_unix_nano.to_string(),
            fields: name.into_iter().chain(Tag::list(&event.attributes)).collect(),
        }
    };
    span.events.iter().map(log).collect()
}

/// The kind as the tag `span.kind` has it.
pub(super) fn kind_name(kind: SpanKind) -> Option<&'static str> {
    match kind {
        SpanKind::INTERNAL => Some("internal"),
        SpanKind::SERVER => Some("server"),
        SpanKind::CLIENT => Some("client"),
        SpanKind::PRODUCER => Some("producer"),
        SpanKind::CONSUMER => Some("consumer"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tripod_wire::otlp::InstrumentationScope;
    use tripod_wire::otlp::trace::{Event, Link, Status};
    use tripod_wire::{SpanId, TraceId};

    use super::*;

    fn stored() -> StoredSpan {
        let span = Span {
            trace_id: TraceId([1; 16]),
            span_id: SpanId([2; 8]),
            parent_span_id: SpanId([3; 8]),
            name: "GET /orders".to_owned(),
            kind: SpanKind::SERVER,
            start_time_unix_nano: 1_795_238_947_123_456_789,
            end_time_unix_nano: 1_795_238_947_124_456_790,
            attributes: vec![KeyValue::new("http.response.status_code", 500)],
            events: vec![Event {
                time_unix_nano: 1_795_238_947_123_999_999,
                name: "exception".to_owned(),
                ..Event::default()
            }],
            links: vec![Link { trace_id: TraceId([4; 16]), span_id: SpanId([5; 8]), ..Link::default() }],
            status: Status { code: StatusCode::ERROR, message: "boom".to_owned() },
            ..Span::default()
        };
        let attributes = vec![KeyValue::new("service.name", "backend"), KeyValue::new("host.name", "a")];
        let scope = InstrumentationScope { name: "app".to_owned(), ..InstrumentationScope::default() };
        StoredSpan { resource: Arc::new(Resource { attributes, ..Resource::default() }), scope: Arc::new(scope), span }
    }

    #[test]
    fn a_span_becomes_what_jaeger_shows() {
        let trace = Trace { id: TraceId([1; 16]), spans: vec![stored()] };
        insta::assert_snapshot!(serde_json::to_string_pretty(&JaegerTrace::from(&trace)).unwrap(), @r#"
        {
          "traceID": "01010101010101010101010101010101",
          "spans": [
            {
              "traceID": "01010101010101010101010101010101",
              "spanID": "0202020202020202",
              "operationName": "GET /orders",
              "references": [
                {
                  "refType": "CHILD_OF",
                  "traceID": "01010101010101010101010101010101",
                  "spanID": "0303030303030303"
                },
                {
                  "refType": "FOLLOWS_FROM",
                  "traceID": "04040404040404040404040404040404",
                  "spanID": "0505050505050505"
                }
              ],
              "startTime": 1795238947123456,
              "duration": 1000,
              "startTimeUnixNano": "1795238947123456789",
              "endTimeUnixNano": "1795238947124456790",
              "tags": [
                {
                  "key": "http.response.status_code",
                  "type": "int64",
                  "value": 500
                },
                {
                  "key": "span.kind",
                  "type": "string",
                  "value": "server"
                },
                {
                  "key": "otel.status_code",
                  "type": "string",
                  "value": "ERROR"
                },
                {
                  "key": "error",
                  "type": "bool",
                  "value": true
                },
                {
                  "key": "otel.status_description",
                  "type": "string",
                  "value": "boom"
                },
                {
                  "key": "otel.scope.name",
                  "type": "string",
                  "value": "app"
                }
              ],
              "logs": [
                {
                  "timestamp": 1795238947123999,
                  "timeUnixNano": "1795238947123999999",
                  "fields": [
                    {
                      "key": "event",
                      "type": "string",
                      "value": "exception"
                    }
                  ]
                }
              ],
              "processID": "p1",
              "warnings": null
            }
          ],
          "processes": {
            "p1": {
              "serviceName": "backend",
              "tags": [
                {
                  "key": "host.name",
                  "type": "string",
                  "value": "a"
                }
              ]
            }
          },
          "warnings": null
        }
        "#);
    }

    #[test]
    fn equal_resources_are_one_process() {
        let trace = Trace { id: TraceId([1; 16]), spans: vec![stored(), stored()] };
        assert_eq!(JaegerTrace::from(&trace).processes.len(), 1);
    }
}
