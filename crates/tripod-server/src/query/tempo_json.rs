//! What a search found, in Tempo's JSON.

use serde_json::{Map, Value, json};

use super::traceql::{Found, FoundSet, FoundSpan, FoundTrace, Value as Of};

/// The answer of `/api/search`.
pub(super) fn found(found: &Found) -> Value {
    let mut answer = json!({
        "traces": found.traces.iter().map(trace).collect::<Value>(),
        "metrics": { "inspectedTraces": found.inspected_traces, "inspectedSpans": found.inspected_spans.to_string() },
    });
    if let Some(reason) = &found.cut_off {
        answer["status"] = json!("PARTIAL");
        answer["message"] = json!(reason);
    }
    answer
}

fn trace(of: &FoundTrace) -> Value {
    let services: Map<String, Value> = of
        .services
        .iter()
        .map(|(service, spans, errors)| (service.clone(), json!({ "spanCount": spans, "errorCount": errors })))
        .collect();
    json!({
        "traceID": of.id.to_string(),
        "rootServiceName": of.root_service,
        "rootTraceName": of.root_name,
        "startTimeUnixNano": of.start.to_string(),
        "durationMs": of.nanos / 1_000_000,
        // Not in Tempo's.
        "durationNanos": of.nanos.to_string(),
        // Older clients read the first set alone.
        "spanSet": of.sets.first().map(set),
        "spanSets": of.sets.iter().map(set).collect::<Value>(),
        "serviceStats": services,
    })
}

fn set(of: &FoundSet) -> Value {
    let mut set = json!({ "spans": of.spans.iter().map(span).collect::<Value>(), "matched": of.matched });
    if !of.by.is_empty() {
        let by = of.by.iter().map(|(name, value)| json!({ "key": format!("by({name})"), "value": typed(value) }));
        set["attributes"] = by.collect();
    }
    set
}

fn span(of: &FoundSpan) -> Value {
    let fields = of.fields.iter().map(|(key, value)| json!({ "key": key, "value": typed(value) }));
    json!({
        "spanID": of.id.to_string(),
        "name": of.name,
        "startTimeUnixNano": of.start.to_string(),
        "durationNanos": of.nanos.to_string(),
        "attributes": fields.collect::<Value>(),
    })
}

/// A value as OTLP's JSON has it; what OTLP has no type for is text.
fn typed(value: &Of<'_>) -> Value {
    match value {
        Of::Bool(value) => json!({ "boolValue": value }),
        Of::Int(value) => json!({ "intValue": value.to_string() }),
        Of::Float(value) => json!({ "doubleValue": value }),
        other => json!({ "stringValue": other.text() }),
    }
}
