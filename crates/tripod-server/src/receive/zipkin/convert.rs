//! A Zipkin span as an OTLP span.

use std::collections::HashMap;
use std::net::IpAddr;

use tripod_wire::otlp::trace::{Event, SpanKind, Status, StatusCode};
use tripod_wire::otlp::{AnyValue, InstrumentationScope, KeyValue, Resource, Span};
use tripod_wire::proto::{Message, put_bytes, put_len_delimited};
use tripod_wire::{SpanId, TraceId};

/// A span as Zipkin has it.
#[derive(Debug, Default)]
pub(super) struct ZipkinSpan {
    pub(super) trace_id: TraceId,
    pub(super) id: SpanId,
    pub(super) parent_id: SpanId,
    pub(super) kind: SpanKind,
    pub(super) name: String,
    /// Microseconds since the Unix epoch; 0 where it is not said.
    pub(super) timestamp: u64,
    /// Microseconds.
    pub(super) duration: u64,
    pub(super) local: Endpoint,
    pub(super) remote: Endpoint,
    pub(super) annotations: Vec<Annotation>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) debug: bool,
    pub(super) shared: bool,
}

/// A side of a call.
#[derive(Debug, Default)]
pub(super) struct Endpoint {
    pub(super) service: String,
    pub(super) ipv4: Option<IpAddr>,
    pub(super) ipv6: Option<IpAddr>,
    pub(super) port: u16,
}

/// A moment in a span.
#[derive(Debug)]
pub(super) struct Annotation {
    /// Microseconds since the Unix epoch.
    pub(super) timestamp: u64,
    pub(super) value: String,
}

/// Writes spans as an OTLP request, those of one service and scope together.
pub(super) struct Converter {
    now: u64,
    /// Spans in protobuf by service, scope and its version.
    groups: HashMap<[String; 3], Vec<u8>>,
}

const SPAN_FIELD: u32 = 2;

impl Converter {
    pub(super) fn new(now: u64) -> Self {
        Self { now, groups: HashMap::new() }
    }

    pub(super) fn add(&mut self, mut from: ZipkinSpan) {
        let mut scope = [String::new(), String::new()];
        from.tags.retain_mut(|(key, value)| match key.as_str() {
            "otel.scope.name" | "otel.library.name" => {
                scope[0] = std::mem::take(value);
                false
            }
            "otel.scope.version" | "otel.library.version" => {
                scope[1] = std::mem::take(value);
                false
            }
            _ => true,
        });
        let [name, version] = scope;
        let spans = self.groups.entry([std::mem::take(&mut from.local.service), name, version]).or_default();
        let span = span(from, self.now);
        put_len_delimited(spans, SPAN_FIELD, |out| span.encode(out));
    }

    /// `ExportTraceServiceRequest`.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut groups: Vec<([String; 3], Vec<u8>)> = self.groups.into_iter().collect();
        groups.sort_unstable();
        let mut request = Vec::new();
        for ([service, name, version], spans) in groups {
            let mut resource = Resource::default();
            if !service.is_empty() {
                resource.attributes.push(KeyValue::new("service.name", service));
            }
            let scope = InstrumentationScope { name, version, ..InstrumentationScope::default() };
            put_len_delimited(&mut request, 1, |out| {
                put_bytes(out, 1, &resource.encode_to_vec());
                put_len_delimited(out, 2, |out| {
                    put_bytes(out, 1, &scope.encode_to_vec());
                    out.extend_from_slice(&spans);
                });
            });
        }
        request
    }
}

fn nanos(micros: u64) -> u64 {
    micros.saturating_mul(1000)
}

fn span(from: ZipkinSpan, now: u64) -> Span {
    let first = from.annotations.iter().map(|annotation| annotation.timestamp).min();
    let start = match (from.timestamp, first) {
        (0, Some(first)) => nanos(first),
        (0, None) => now,
        (timestamp, _) => nanos(timestamp),
    };
    let mut span = Span {
        trace_id: from.trace_id,
        span_id: from.id,
        // A span that is its own parent has none.
        parent_span_id: if from.parent_id == from.id { SpanId::NONE } else { from.parent_id },
        name: from.name,
        kind: from.kind,
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add(nanos(from.duration)),
        ..Span::default()
    };
    span.attributes.extend(address("network.local", &from.local));
    if !from.remote.service.is_empty() {
        span.attributes.push(KeyValue::new("peer.service", from.remote.service.as_str()));
    }
    span.attributes.extend(address("network.peer", &from.remote));
    tags(&mut span, from.tags);
    if from.shared {
        span.attributes.push(KeyValue::new("zipkin.shared", true));
    }
    if from.debug {
        span.attributes.push(KeyValue::new("zipkin.debug", true));
    }
    span.events = from.annotations.into_iter().map(event).collect();
    span
}

fn address(prefix: &str, of: &Endpoint) -> Vec<KeyValue> {
    let mut attributes = Vec::new();
    if let Some(ip) = of.ipv4.or(of.ipv6) {
        attributes.push(KeyValue::new(format!("{prefix}.address"), ip.to_string()));
    }
    if of.port != 0 {
        attributes.push(KeyValue::new(format!("{prefix}.port"), i64::from(of.port)));
    }
    attributes
}

/// Tags are attributes, but for those that stand for what OTLP has fields for.
fn tags(span: &mut Span, tags: Vec<(String, String)>) {
    let mut said = None;
    for (key, value) in tags {
        match key.as_str() {
            "otel.status_code" if value == "OK" || value == "ERROR" => said = Some(value),
            "otel.status_description" => span.status.message = value,
            "w3c.tracestate" => span.trace_state = value,
            "span.kind" if span.kind == SpanKind::UNSPECIFIED && value == "internal" => span.kind = SpanKind::INTERNAL,
            "otel.dropped_attributes_count" => span.dropped_attributes_count = value.parse().unwrap_or_default(),
            "otel.dropped_events_count" => span.dropped_events_count = value.parse().unwrap_or_default(),
            "otel.dropped_links_count" => span.dropped_links_count = value.parse().unwrap_or_default(),
            // Zipkin knows a failure by the tag, whatever its value; what it says goes with the status.
            "error" if value != "false" => {
                span.status.code = StatusCode::ERROR;
                if !matches!(value.as_str(), "" | "true") && span.status.message.is_empty() {
                    span.status.message = value;
                }
            }
            _ => span.attributes.push(KeyValue { key, value: AnyValue::String(value) }),
        }
    }
    match said.as_deref() {
        Some("OK") => span.status = Status { code: StatusCode::OK, message: String::new() },
        Some(_) => span.status.code = StatusCode::ERROR,
        None => {}
    }
}

/// OpenTelemetry's exporters write an event with attributes as `"name": {"key": value}`.
fn event(annotation: Annotation) -> Event {
    let time_unix_nano = nanos(annotation.timestamp);
    match with_attributes(&annotation.value) {
        Some((name, attributes)) => Event { time_unix_nano, name, attributes, ..Event::default() },
        None => Event { time_unix_nano, name: annotation.value, ..Event::default() },
    }
}

fn with_attributes(value: &str) -> Option<(String, Vec<KeyValue>)> {
    if !value.starts_with('"') && !value.starts_with('{') {
        return None;
    }
    let whole = if value.starts_with('{') { value.to_owned() } else { format!("{{{value}}}") };
    let parsed: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&whole).ok()?;
    let mut events = parsed.into_iter();
    let (Some((name, serde_json::Value::Object(attributes))), None) = (events.next(), events.next()) else {
        return None;
    };
    let attributes = attributes.into_iter().map(|(key, value)| {
        let value = match value {
            serde_json::Value::String(text) => AnyValue::String(text),
            serde_json::Value::Bool(value) => AnyValue::Bool(value),
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => AnyValue::Int(whole),
                None => AnyValue::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::Null => AnyValue::Empty,
            other => AnyValue::String(other.to_string()),
        };
        KeyValue { key, value }
    });
    Some((name, attributes.collect()))
}
