//! What was sent, and what the query APIs answer, in one shape: so that a test is `assert_eq!` of two lists.
//!
//! Where an API has less to say than OTLP (Jaeger's tags have no lists), what was sent is brought to that form first, in one
//! place: [`Span::as_jaeger_has_it`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::Tripod;
use crate::series::Point;

/// Attributes by key.
pub type Attributes = BTreeMap<String, Value>;

/// All that a client sent; `tests/python/emit.py` writes it, for one.
#[derive(Debug, Deserialize)]
pub struct Emitted {
    /// Spans, in the order they ended.
    pub spans: Vec<Span>,
    /// Points of metrics, in the order they were collected.
    pub metrics: Vec<Point>,
    /// Log records, in the order they were written.
    pub logs: Vec<Log>,
}

/// The part of a program that something comes from.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Its attributes.
    #[serde(default)]
    pub attributes: Attributes,
}

/// A span.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Span {
    /// Attributes of the resource, `service.name` among them.
    pub resource: Attributes,
    /// Instrumentation scope.
    pub scope: Scope,
    /// Hex.
    pub trace_id: String,
    /// Hex.
    pub span_id: String,
    /// Hex; empty for a root.
    pub parent_span_id: String,
    /// W3C's `tracestate`.
    pub trace_state: String,
    /// Name.
    pub name: String,
    /// `server`, `client`, `internal`, `producer` or `consumer`.
    pub kind: String,
    /// Nanoseconds since the Unix epoch.
    pub start_unix_nano: u64,
    /// Nanoseconds since the Unix epoch.
    pub end_unix_nano: u64,
    /// Attributes.
    pub attributes: Attributes,
    /// Events in order.
    pub events: Vec<Event>,
    /// Links in order.
    pub links: Vec<Link>,
    /// How it ended.
    pub status: Status,
}

/// An event of a span.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Event {
    /// Name.
    pub name: String,
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// Attributes.
    pub attributes: Attributes,
}

/// A link to another span.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Link {
    /// Hex.
    pub trace_id: String,
    /// Hex.
    pub span_id: String,
    /// Attributes.
    #[serde(default)]
    pub attributes: Attributes,
}

/// How a span ended.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Status {
    /// `UNSET`, `OK` or `ERROR`.
    pub code: String,
    /// What was said of an error.
    pub message: String,
}

/// A log record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Log {
    /// Attributes of the resource, `service.name` among them.
    pub resource: Attributes,
    /// Instrumentation scope.
    pub scope: Scope,
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// When it was observed; 0 when that was not said.
    pub observed_unix_nano: u64,
    /// OpenTelemetry's number, 1 to 24.
    pub severity_number: i64,
    /// The severity's text.
    pub severity: String,
    /// Text or structure.
    pub body: Value,
    /// Hex, or empty.
    pub trace_id: String,
    /// Hex, or empty.
    pub span_id: String,
    /// Name of the event that it records, or empty.
    pub event_name: String,
    /// Attributes.
    pub attributes: Attributes,
}

impl Span {
    /// The form in which Jaeger's JSON has it: lists and maps are JSON in a string.
    #[must_use]
    pub fn as_jaeger_has_it(mut self) -> Self {
        let own = [&mut self.resource, &mut self.scope.attributes, &mut self.attributes].into_iter();
        let events = self.events.iter_mut().map(|event| &mut event.attributes);
        let links = self.links.iter_mut().map(|link| &mut link.attributes);
        for value in own.chain(events).chain(links).flat_map(BTreeMap::values_mut) {
            match value {
                Value::Array(_) | Value::Object(_) => *value = Value::String(value.to_string()),
                Value::Null => *value = Value::String(String::new()),
                _ => {}
            }
        }
        self
    }
}

/// The spans of a trace, by start and id; none when the trace is unknown.
pub fn trace(server: &Tripod, trace_id: &str) -> Vec<Span> {
    let answer = server.client().get(&format!("{}/api/traces/{trace_id}", server.http)).expect("an answer");
    if answer.status == 404 {
        return Vec::new();
    }
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut spans = spans_of(&answer.json()["data"][0]);
    spans.sort_by(|a, b| (a.start_unix_nano, &a.span_id).cmp(&(b.start_unix_nano, &b.span_id)));
    spans
}

const SCOPE_TAG: &str = "otel.scope.attributes.";

fn spans_of(trace: &Value) -> Vec<Span> {
    let span = |span: &Value| {
        let process = &trace["processes"][text(&span["processID"])];
        let mut resource = tags(&process["tags"]);
        resource.insert("service.name".to_owned(), process["serviceName"].clone());
        let mut attributes = tags(&span["tags"]);
        let mut own = |key: &str| attributes.remove(key).map_or_else(String::new, |value| text(&value).to_owned());
        let status = match own("otel.status_code") {
            code if code.is_empty() => "UNSET".to_owned(),
            code => code,
        };
        let (kind, message, trace_state) = (own("span.kind"), own("otel.status_description"), own("w3c.tracestate"));
        let (name, version) = (own("otel.scope.name"), own("otel.scope.version"));
        let of_scope = |(key, value): (&String, &Value)| Some((key.strip_prefix(SCOPE_TAG)?.to_owned(), value.clone()));
        let scope = Scope { name, version, attributes: attributes.iter().filter_map(of_scope).collect() };
        attributes.retain(|key, _| !key.starts_with(SCOPE_TAG));
        if status == "ERROR" {
            assert_eq!(attributes.remove("error"), Some(Value::Bool(true)), "Jaeger's mark of an error");
        }
        let references = span["references"].as_array().expect("references");
        let (parents, links): (Vec<_>, Vec<_>) = references.iter().partition(|one| one["refType"] == "CHILD_OF");
        assert!(parents.iter().all(|parent| parent["traceID"] == span["traceID"]) && parents.len() < 2);
        let link = |one: &&Value| Link {
            trace_id: text(&one["traceID"]).to_owned(),
            span_id: text(&one["spanID"]).to_owned(),
            attributes: if one["tags"].is_null() { Attributes::new() } else { tags(&one["tags"]) },
        };
        let (start, end) = (number(&span["startTimeUnixNano"]), number(&span["endTimeUnixNano"]));
        assert_eq!(
            (span["startTime"].as_u64(), span["duration"].as_u64()),
            (Some(start / 1000), Some((end - start) / 1000))
        );
        Span {
            resource,
            scope,
            trace_id: text(&span["traceID"]).to_owned(),
            span_id: text(&span["spanID"]).to_owned(),
            parent_span_id: parents.first().map_or("", |parent| text(&parent["spanID"])).to_owned(),
            trace_state,
            name: text(&span["operationName"]).to_owned(),
            kind,
            start_unix_nano: start,
            end_unix_nano: end,
            attributes,
            events: span["logs"].as_array().expect("logs").iter().map(event).collect(),
            links: links.iter().map(link).collect(),
            status: Status { code: status, message },
        }
    };
    trace["spans"].as_array().expect("spans").iter().map(span).collect()
}

fn event(log: &Value) -> Event {
    let mut attributes = tags(&log["fields"]);
    let name = attributes.remove("event").map_or_else(String::new, |name| text(&name).to_owned());
    let time = number(&log["timeUnixNano"]);
    assert_eq!(log["timestamp"].as_u64(), Some(time / 1000), "an event's time, twice");
    Event { name, time_unix_nano: time, attributes }
}

/// Tags as attributes; panics when a value is not of the type it says.
fn tags(tags: &Value) -> Attributes {
    let tag = |tag: &Value| {
        let (key, value) = (text(&tag["key"]).to_owned(), tag["value"].clone());
        let is_it = match text(&tag["type"]) {
            "string" | "binary" => value.is_string(),
            "bool" => value.is_boolean(),
            "int64" => value.is_i64(),
            "float64" => value.is_f64() || ["NaN", "+Inf", "-Inf"].iter().any(|none| value == *none),
            _ => false,
        };
        assert!(is_it, "a tag's value must be of its type: {tag}");
        (key, value)
    };
    let tags = tags.as_array().expect("tags");
    let map: Attributes = tags.iter().map(tag).collect();
    assert_eq!(map.len(), tags.len(), "each key once: {tags:?}");
    map
}

/// Logs that satisfy the conditions (`/api/logs`' parameters), oldest first.
pub fn logs(server: &Tripod, conditions: &[(&str, &str)]) -> Vec<Log> {
    let answer = server.get("/api/logs", &[conditions, &[("limit", "10000")]].concat());
    let mut logs: Vec<Log> = answer["logs"].as_array().expect("logs").iter().map(log).collect();
    logs.reverse();
    assert!(logs.is_sorted_by_key(|log| log.time_unix_nano), "the answer has the newest first");
    logs
}

fn log(log: &Value) -> Log {
    let attributes = |value: &Value| value.as_object().expect("attributes").clone().into_iter().collect();
    let resource: Attributes = attributes(&log["resource"]);
    assert_eq!(resource.get("service.name"), Some(&log["service"]), "the service is that of the resource");
    Log {
        resource,
        scope: Scope {
            name: text(&log["scope"]).to_owned(),
            version: text(&log["scope_version"]).to_owned(),
            attributes: attributes(&log["scope_attributes"]),
        },
        time_unix_nano: number(&log["timestamp_unix_nano"]),
        observed_unix_nano: number(&log["observed_timestamp_unix_nano"]),
        severity_number: log["severity_number"].as_i64().expect("a number"),
        severity: text(&log["severity"]).to_owned(),
        body: log["body"].clone(),
        trace_id: text(&log["trace_id"]).to_owned(),
        span_id: text(&log["span_id"]).to_owned(),
        event_name: text(&log["event_name"]).to_owned(),
        attributes: attributes(&log["attributes"]),
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} must be a string"))
}

fn number(value: &Value) -> u64 {
    text(value).parse().unwrap_or_else(|_| panic!("{value} must be a number in a string"))
}
