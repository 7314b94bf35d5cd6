//! OTLP's JSON as records, read in the plainest way: an oracle for what the server makes of the same file. It knows only what
//! the example files use.

use serde_json::Value;

use crate::records::{Attributes, Event, Link, Log, Scope, Span, Status, text};
use crate::series::{Buckets, Data, Exemplar, Point};

const KINDS: [&str; 6] = ["", "internal", "server", "client", "producer", "consumer"];
const STATUSES: [&str; 3] = ["UNSET", "OK", "ERROR"];

/// The spans of a file.
pub fn spans(file: &Value) -> Vec<Span> {
    let span = |(resource, scope, span): (Attributes, Scope, &Value)| Span {
        resource,
        scope,
        trace_id: hex(&span["traceId"]),
        span_id: hex(&span["spanId"]),
        parent_span_id: hex(&span["parentSpanId"]),
        trace_state: string(&span["traceState"]),
        name: string(&span["name"]),
        kind: KINDS[int(&span["kind"]) as usize].to_owned(),
        start_unix_nano: nanos(&span["startTimeUnixNano"]),
        end_unix_nano: nanos(&span["endTimeUnixNano"]),
        attributes: attributes(&span["attributes"]),
        events: list(&span["events"]).iter().map(event).collect(),
        links: list(&span["links"])
            .iter()
            .map(|link| Link {
                trace_id: hex(&link["traceId"]),
                span_id: hex(&link["spanId"]),
                attributes: attributes(&link["attributes"]),
            })
            .collect(),
        status: Status {
            code: STATUSES[int(&span["status"]["code"]) as usize].to_owned(),
            message: string(&span["status"]["message"]),
        },
    };
    records(file, "resourceSpans", "scopeSpans", "spans").into_iter().map(span).collect()
}

/// The log records of a file.
pub fn logs(file: &Value) -> Vec<Log> {
    let log = |(resource, scope, log): (Attributes, Scope, &Value)| Log {
        resource,
        scope,
        time_unix_nano: nanos(&log["timeUnixNano"]),
        observed_unix_nano: nanos(&log["observedTimeUnixNano"]),
        severity_number: int(&log["severityNumber"]),
        severity: string(&log["severityText"]),
        body: value(&log["body"]),
        trace_id: hex(&log["traceId"]),
        span_id: hex(&log["spanId"]),
        event_name: string(&log["eventName"]),
        attributes: attributes(&log["attributes"]),
    };
    records(file, "resourceLogs", "scopeLogs", "logRecords").into_iter().map(log).collect()
}

/// The points of a file's metrics.
pub fn points(file: &Value) -> Vec<Point> {
    let mut points = Vec::new();
    for (resource, scope, metric) in records(file, "resourceMetrics", "scopeMetrics", "metrics") {
        let kind =
            ["sum", "gauge", "histogram", "exponentialHistogram"].into_iter().find(|kind| metric[*kind].is_object());
        let kind = kind.unwrap_or_else(|| panic!("a kind this test does not know: {metric}"));
        for point in list(&metric[kind]["dataPoints"]) {
            points.push(Point {
                resource: resource.clone(),
                scope: scope.clone(),
                name: string(&metric["name"]),
                attributes: attributes(&point["attributes"]),
                time_unix_nano: nanos(&point["timeUnixNano"]),
                delta: metric[kind]["aggregationTemporality"] == 1,
                data: data(kind, point),
                exemplars: list(&point["exemplars"]).iter().map(exemplar).collect(),
            });
        }
    }
    points
}

fn data(kind: &str, point: &Value) -> Data {
    let ints = |value: &Value| list(value).iter().map(nanos).collect::<Vec<_>>();
    let (count, sum) = (nanos(&point["count"]), number(&point["sum"]));
    match kind {
        "sum" => Data::Sum { value: measured(point) },
        "gauge" => Data::Gauge { value: measured(point) },
        "histogram" => Data::Histogram {
            count,
            sum,
            bucket_counts: ints(&point["bucketCounts"]),
            explicit_bounds: list(&point["explicitBounds"]).iter().map(number).collect(),
        },
        _ => Data::ExponentialHistogram {
            count,
            sum,
            scale: int(&point["scale"]) as i32,
            zero_count: nanos(&point["zeroCount"]),
            positive: Buckets {
                offset: int(&point["positive"]["offset"]) as i32,
                bucket_counts: ints(&point["positive"]["bucketCounts"]),
            },
        },
    }
}

fn measured(point: &Value) -> f64 {
    if point["asInt"].is_null() { number(&point["asDouble"]) } else { int(&point["asInt"]) as f64 }
}

fn exemplar(exemplar: &Value) -> Exemplar {
    Exemplar {
        trace_id: hex(&exemplar["traceId"]),
        span_id: hex(&exemplar["spanId"]),
        value: measured(exemplar),
        time_unix_nano: nanos(&exemplar["timeUnixNano"]),
    }
}

fn event(event: &Value) -> Event {
    Event {
        name: string(&event["name"]),
        time_unix_nano: nanos(&event["timeUnixNano"]),
        attributes: attributes(&event["attributes"]),
    }
}

/// The records of a file, each with its resource's attributes and its scope.
fn records<'a>(file: &'a Value, resources: &str, scopes: &str, records: &str) -> Vec<(Attributes, Scope, &'a Value)> {
    let mut found = Vec::new();
    for resource in list(&file[resources]) {
        let of_resource = attributes(&resource["resource"]["attributes"]);
        for entry in list(&resource[scopes]) {
            let scope = &entry["scope"];
            let scope = Scope {
                name: string(&scope["name"]),
                version: string(&scope["version"]),
                attributes: attributes(&scope["attributes"]),
            };
            found.extend(list(&entry[records]).iter().map(|record| (of_resource.clone(), scope.clone(), record)));
        }
    }
    found
}

fn attributes(pairs: &Value) -> Attributes {
    list(pairs).iter().map(|pair| (string(&pair["key"]), value(&pair["value"]))).collect()
}

fn value(any: &Value) -> Value {
    let Some((kind, inner)) = any.as_object().and_then(|object| object.iter().next()) else { return Value::Null };
    match kind.as_str() {
        "intValue" => int(inner).into(),
        "doubleValue" => number(inner).into(),
        "arrayValue" => list(&inner["values"]).iter().map(value).collect(),
        "kvlistValue" => Value::Object(attributes(&inner["values"]).into_iter().collect()),
        _ => inner.clone(),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn string(value: &Value) -> String {
    if value.is_null() { String::new() } else { text(value).to_owned() }
}

fn hex(id: &Value) -> String {
    string(id).to_lowercase()
}

/// An integer as JSON of OTLP has it: a number, a string, or left out for zero.
fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| value.as_str().map_or(0, |text| text.parse().expect("an integer")))
}

fn nanos(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| value.as_str().map_or(0, |text| text.parse().expect("an integer")))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().map_or(0.0, |text| text.parse().expect("a number")))
}
