//! A trace in Jaeger's JSON as OTLP's JSON. What Jaeger has as tags, for OTLP's kind, status, scope and state, becomes these again.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// The trace's spans by process, as entries of `resourceSpans`.
pub(super) fn resource_spans(trace: &Value) -> Result<Vec<Value>, String> {
    let spans = trace["spans"].as_array().ok_or("a trace has no list \"spans\"")?;
    // By process and scope.
    let mut groups: BTreeMap<(String, String), (Value, Vec<Value>)> = BTreeMap::new();
    for (at, span) in spans.iter().enumerate() {
        let wrong = |reason: String| format!("span {}: {reason}", at + 1);
        let (scope, span_json) = read(span).map_err(wrong)?;
        let process = span["processID"].as_str().unwrap_or_default().to_owned();
        let group = groups.entry((process, scope.to_string())).or_insert_with(|| (scope, Vec::new()));
        group.1.push(span_json);
    }
    let entry = |((process, _), (scope, spans)): ((String, String), (Value, Vec<Value>))| {
        let process = &trace["processes"][&process];
        let service = process["serviceName"].as_str().unwrap_or("unknown_service");
        let name = json!({ "key": "service.name", "value": { "stringValue": service } });
        let tags = list(&process["tags"]).filter(|tag| tag["key"] != "service.name").map(attribute);
        let attributes: Vec<Value> = std::iter::once(name).chain(tags).collect();
        json!({ "resource": { "attributes": attributes }, "scopeSpans": [{ "scope": scope, "spans": spans }] })
    };
    Ok(groups.into_iter().map(entry).collect())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A span's scope and the span.
fn read(span: &Value) -> Result<(Value, Value), String> {
    let trace_id = id(&span["traceID"], 32).ok_or("\"traceID\" is no id")?;
    let span_id = id(&span["spanID"], 16).ok_or("\"spanID\" is no id")?;
    let micros = |name: &str| span[name].as_u64().ok_or_else(|| format!("{name:?} is no number of microseconds"));
    let start = micros("startTime")?;
    let end = start.saturating_add(span["duration"].as_u64().unwrap_or(0));
    let mut otlp = Map::new();
    let mut scope = Map::new();
    let (mut attributes, mut of_scope, mut status) = (Vec::new(), Vec::new(), Map::new());
    let mut failed = None;
    for tag in list(&span["tags"]) {
        let (key, text) = (tag["key"].as_str().unwrap_or_default(), tag["value"].as_str().unwrap_or_default());
        match key {
            "span.kind" if kind(text).is_some() => drop(otlp.insert("kind".to_owned(), json!(kind(text)))),
            "otel.status_code" => drop(status.insert("code".to_owned(), json!(if text == "ERROR" { 2 } else { 1 }))),
            "otel.status_description" => drop(status.insert("message".to_owned(), json!(text))),
            "otel.scope.name" | "otel.library.name" => drop(scope.insert("name".to_owned(), json!(text))),
            "otel.scope.version" | "otel.library.version" => drop(scope.insert("version".to_owned(), json!(text))),
            "w3c.tracestate" => drop(otlp.insert("traceState".to_owned(), json!(text))),
            "error" if tag["value"] == json!(true) || text == "true" => failed = Some(attribute(tag)),
            _ => match key.strip_prefix("otel.scope.attributes.") {
                Some(key) => of_scope.push(json!({ "key": key, "value": value(tag) })),
                None => attributes.push(attribute(tag)),
            },
        }
    }
    match (failed, status.get("code")) {
        (Some(_), None) => drop(status.insert("code".to_owned(), json!(2))),
        // Said against what the status says: a tag of its own.
        (Some(tag), Some(code)) if *code != json!(2) => attributes.push(tag),
        _ => {}
    }
    if !of_scope.is_empty() {
        scope.insert("attributes".to_owned(), Value::Array(of_scope));
    }
    let exact = |name: &str, micros: u64| {
        span[name].as_str().filter(|nanos| nanos.parse::<u64>().is_ok()).map_or_else(|| nanos(micros), str::to_owned)
    };
    let (parent, links) = references(span, &trace_id);
    otlp.extend([
        ("traceId".to_owned(), json!(trace_id)),
        ("spanId".to_owned(), json!(span_id)),
        ("parentSpanId".to_owned(), json!(parent)),
        ("name".to_owned(), json!(span["operationName"].as_str().unwrap_or_default())),
        ("startTimeUnixNano".to_owned(), json!(exact("startTimeUnixNano", start))),
        ("endTimeUnixNano".to_owned(), json!(exact("endTimeUnixNano", end))),
        ("attributes".to_owned(), Value::Array(attributes)),
        ("status".to_owned(), Value::Object(status)),
        ("events".to_owned(), list(&span["logs"]).map(event).collect()),
        ("links".to_owned(), Value::Array(links)),
    ]);
    Ok((Value::Object(scope), Value::Object(otlp)))
}

/// The parent's id, and what else the span refers to.
fn references(span: &Value, trace_id: &str) -> (String, Vec<Value>) {
    let mut parent = id(&span["parentSpanID"], 16).unwrap_or_default();
    let mut links = Vec::new();
    for reference in list(&span["references"]) {
        let ids = id(&reference["traceID"], 32).zip(id(&reference["spanID"], 16));
        let Some((of_trace, of_span)) = ids else { continue };
        if parent.is_empty() && reference["refType"] == "CHILD_OF" && of_trace == trace_id {
            parent = of_span;
        } else if parent != of_span || reference["refType"] != "CHILD_OF" {
            let attributes: Vec<Value> = list(&reference["tags"]).map(attribute).collect();
            links.push(json!({ "traceId": of_trace, "spanId": of_span, "attributes": attributes }));
        }
    }
    (parent, links)
}

fn event(log: &Value) -> Value {
    let is_name = |field: &&Value| field["key"] == "event" && field["value"].is_string();
    let name = list(&log["fields"]).find(is_name).map_or(&Value::Null, |field| &field["value"]);
    let attributes: Vec<Value> = list(&log["fields"]).filter(|field| !is_name(field)).map(attribute).collect();
    let exact = log["timeUnixNano"].as_str().filter(|nanos| nanos.parse::<u64>().is_ok());
    let time = exact.map_or_else(|| nanos(log["timestamp"].as_u64().unwrap_or(0)), str::to_owned);
    json!({ "timeUnixNano": time, "name": name.as_str().unwrap_or_default(), "attributes": attributes })
}

fn nanos(micros: u64) -> String {
    micros.saturating_mul(1000).to_string()
}

fn attribute(tag: &Value) -> Value {
    json!({ "key": tag["key"].as_str().unwrap_or_default(), "value": value(tag) })
}

/// A tag's value, of the type that the tag says, or else that the value has.
fn value(tag: &Value) -> Value {
    let value = &tag["value"];
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match tag["type"].as_str().unwrap_or_default() {
        "bool" => match text.parse::<bool>() {
            Ok(value) => json!({ "boolValue": value }),
            Err(_) => json!({ "stringValue": text }),
        },
        "int64" if text.parse::<i64>().is_ok() => json!({ "intValue": text }),
        "float64" if text.parse::<f64>().is_ok_and(f64::is_finite) => {
            json!({ "doubleValue": text.parse::<f64>().unwrap_or(0.0) })
        }
        "float64" => json!({ "doubleValue": text }),
        "binary" => json!({ "bytesValue": text }),
        _ => json!({ "stringValue": text }),
    }
}

/// OTLP's number of a kind.
fn kind(name: &str) -> Option<u32> {
    const KINDS: [&str; 5] = ["internal", "server", "client", "producer", "consumer"];
    KINDS.iter().position(|kind| *kind == name).map(|at| at as u32 + 1)
}

/// An id with the zeros that Jaeger leaves out.
fn id(value: &Value, digits: usize) -> Option<String> {
    let text = value.as_str().filter(|text| !text.is_empty() && text.len() <= digits)?;
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit()) && text.bytes().any(|byte| byte != b'0');
    is_hex.then(|| format!("{text:0>digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_jaeger_become_fields_of_otlp() {
        let trace = json!({ "traceID": "ab", "processes": { "p1": { "serviceName": "shop", "tags": [{ "key": "host", "type": "string", "value": "a" }] } }, "spans": [{
            "traceID": "ab", "spanID": "1", "operationName": "GET /", "processID": "p1", "startTime": 1000, "duration": 5,
            "references": [
                { "refType": "CHILD_OF", "traceID": "ab", "spanID": "2" },
                { "refType": "CHILD_OF", "traceID": "ab", "spanID": "3" },
                { "refType": "FOLLOWS_FROM", "traceID": "cd", "spanID": "4", "tags": [{ "key": "why", "value": "retry" }] },
            ],
            "tags": [
                { "key": "span.kind", "type": "string", "value": "server" }, { "key": "error", "type": "bool", "value": true },
                { "key": "http.status_code", "type": "int64", "value": 500 }, { "key": "big", "type": "int64", "value": "9007199254740993" },
                { "key": "ratio", "type": "float64", "value": 0.5 }, { "key": "otel.scope.name", "value": "app" },
            ],
            "logs": [{ "timestamp": 1002, "fields": [{ "key": "event", "value": "retry" }, { "key": "n", "type": "int64", "value": 1 }] }],
        }] });
        let entries = resource_spans(&trace).unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0]["resource"]["attributes"][1], json!({ "key": "host", "value": { "stringValue": "a" } }));
        assert_eq!(entries[0]["scopeSpans"][0]["scope"], json!({ "name": "app" }));
        let id = |digits: usize, id: &str| format!("{id:0>digits$}");
        assert_eq!(
            entries[0]["scopeSpans"][0]["spans"][0],
            json!({
                "traceId": id(32, "ab"), "spanId": id(16, "1"), "parentSpanId": id(16, "2"), "name": "GET /", "kind": 2,
                "startTimeUnixNano": "1000000", "endTimeUnixNano": "1005000", "status": { "code": 2 },
                "attributes": [
                    { "key": "http.status_code", "value": { "intValue": "500" } },
                    { "key": "big", "value": { "intValue": "9007199254740993" } },
                    { "key": "ratio", "value": { "doubleValue": 0.5 } },
                ],
                "events": [{ "timeUnixNano": "1002000", "name": "retry", "attributes": [{ "key": "n", "value": { "intValue": "1" } }] }],
                "links": [
                    { "traceId": id(32, "ab"), "spanId": id(16, "3"), "attributes": [] },
                    { "traceId": id(32, "cd"), "spanId": id(16, "4"), "attributes": [{ "key": "why", "value": { "stringValue": "retry" } }] },
                ],
            })
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let fault = |span: Value| resource_spans(&json!({ "spans": [span] })).unwrap_err();
        assert!(fault(json!({})).contains("span 1: \"traceID\""));
        assert!(fault(json!({ "traceID": "1", "spanID": "0" })).contains("spanID"));
        assert!(fault(json!({ "traceID": "1", "spanID": "1", "startTime": -1 })).contains("startTime"));
        assert!(resource_spans(&json!({})).is_err());
    }
}
