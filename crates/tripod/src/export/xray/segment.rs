//! A span as a segment document of X-Ray.
//!
//! What a service does for a caller, and what begins a trace here, is a segment of the service's name; any other span is a subsegment, on
//! its own as X-Ray allows. Attributes that X-Ray has fields for go there, the others to `metadata`, and those that are to be
//! searched for to `annotations`.

use std::collections::HashSet;

use serde_json::{Map, Number, Value, json};
use tripod_wire::otlp::trace::{Event, SpanKind, StatusCode};
use tripod_wire::otlp::{AnyValue, KeyValue, Resource, Span};
use tripod_wire::{SpanId, TraceId};

/// The API's limit of a document.
pub(super) const MAX_BYTES: usize = 64_000;
const MAX_NAME_CHARS: usize = 200;

/// The document of a span; the reason when it can't have one.
pub(super) fn document(span: &Span, resource: &Resource, annotated: &HashSet<String>) -> Result<String, String> {
    if !span.trace_id.is_valid() || !span.span_id.is_valid() {
        return Err("a span has no id".to_owned());
    }
    let mut segment = segment(span, resource);
    annotate(&mut segment, span, annotated);
    let without = segment.clone();
    segment.insert("metadata".to_owned(), metadata(span, resource));
    let whole = Value::Object(segment).to_string();
    if whole.len() <= MAX_BYTES {
        return Ok(whole);
    }
    let bare = Value::Object(without).to_string();
    if bare.len() <= MAX_BYTES {
        return Ok(bare);
    }
    Err(format!("the span {:?} is {} bytes large, more than the {MAX_BYTES} of X-Ray", span.name, bare.len()))
}

/// The id as X-Ray writes it. Its first eight digits need not be a time any longer.
pub(super) fn trace_id(id: TraceId) -> String {
    let id = id.to_string();
    format!("1-{}-{}", &id[..8], &id[8..])
}

fn segment(span: &Span, resource: &Resource) -> Map<String, Value> {
    let is_root = !span.parent_span_id.is_valid();
    let for_a_caller = is_root || matches!(span.kind, SpanKind::SERVER | SpanKind::CONSUMER);
    let service = resource.get("service.name").map(ToString::to_string);
    let own = if for_a_caller { service.as_deref().unwrap_or(&span.name) } else { span.name.as_str() };
    let mut segment = Map::new();
    let mut set = |key: &str, value: Value| segment.insert(key.to_owned(), value);
    set("id", span.span_id.to_string().into());
    set("trace_id", trace_id(span.trace_id).into());
    set("name", name(own).into());
    set("start_time", seconds(span.start_time_unix_nano));
    set("end_time", seconds(span.end_time_unix_nano.max(span.start_time_unix_nano)));
    if !is_root {
        set("parent_id", span.parent_span_id.to_string().into());
    }
    if !for_a_caller {
        set("type", "subsegment".into());
        if matches!(span.kind, SpanKind::CLIENT | SpanKind::PRODUCER) {
            set("namespace", "remote".into());
        }
    }
    if let Some(version) = resource.get("service.version").filter(|_| for_a_caller) {
        set("service", json!({ "version": version.to_string() }));
    }
    for (key, value) in [("http", http(span)), ("sql", sql(span))] {
        if let Some(value) = value {
            set(key, value);
        }
    }
    let status = status_code(span);
    let failed = span.status.code == StatusCode::ERROR;
    if status.is_some_and(|status| (400..500).contains(&status)) {
        set("error", true.into());
        if status == Some(429) {
            set("throttle", true.into());
        }
    } else if failed || status.is_some_and(|status| status >= 500) {
        set("fault", true.into());
    }
    let exceptions: Vec<Value> = exceptions(span).collect();
    if !exceptions.is_empty() {
        set("cause", json!({ "exceptions": exceptions }));
    }
    segment
}

/// Seconds since the Unix epoch, to the microsecond, which is what a float has.
fn seconds(nanos: u64) -> Value {
    json!((nanos / 1000) as f64 / 1e6)
}

/// Letters, digits, spaces and some signs.
fn name(text: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/%&#=+\\-@".contains(c);
    let name: String = text.chars().take(MAX_NAME_CHARS).map(|c| if allowed(c) { c } else { '_' }).collect();
    if name.is_empty() { "unknown".to_owned() } else { name }
}

fn find<'a>(attributes: &'a [KeyValue], keys: &[&str]) -> Option<&'a AnyValue> {
    keys.iter().find_map(|key| attributes.iter().find(|one| one.key == *key)).map(|one| &one.value)
}

fn text(attributes: &[KeyValue], keys: &[&str]) -> Option<Value> {
    find(attributes, keys).map(|value| value.to_string().into())
}

fn status_code(span: &Span) -> Option<i64> {
    match find(&span.attributes, &["http.response.status_code", "http.status_code"])? {
        AnyValue::Int(status) => Some(*status),
        _ => None,
    }
}

fn http(span: &Span) -> Option<Value> {
    let own = &span.attributes;
    let mut request = Map::new();
    let client = ["client.address", "http.client_ip"];
    let fields: [(&str, &[&str]); 3] = [
        ("method", &["http.request.method", "http.method"]),
        ("user_agent", &["user_agent.original", "http.user_agent"]),
        ("client_ip", if span.kind == SpanKind::SERVER { &client } else { &[] }),
    ];
    for (field, keys) in fields {
        request.extend(text(own, keys).map(|value| (field.to_owned(), value)));
    }
    let url = text(own, &["url.full", "http.url"]).or_else(|| {
        let path = text(own, &["url.path", "http.target", "http.route"])?;
        let host = text(own, &["server.address", "http.host"])?;
        let scheme = text(own, &["url.scheme", "http.scheme"]).unwrap_or_else(|| "http".into());
        let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some(format!("{}://{}{}", part(&scheme), part(&host), part(&path)).into())
    });
    if request.is_empty() && status_code(span).is_none() {
        return None;
    }
    request.extend(url.map(|url| ("url".to_owned(), url)));
    let mut http = Map::new();
    http.insert("request".to_owned(), Value::Object(request));
    if let Some(status) = status_code(span) {
        http.insert("response".to_owned(), json!({ "status": status }));
    }
    Some(Value::Object(http))
}

fn sql(span: &Span) -> Option<Value> {
    let query = text(&span.attributes, &["db.query.text", "db.statement"])?;
    let mut sql = Map::new();
    sql.insert("sanitized_query".to_owned(), query);
    let fields: [(&str, &[&str]); 2] = [("database_type", &["db.system.name", "db.system"]), ("user", &["db.user"])];
    for (field, keys) in fields {
        sql.extend(text(&span.attributes, keys).map(|value| (field.to_owned(), value)));
    }
    Some(Value::Object(sql))
}

fn exceptions(span: &Span) -> impl Iterator<Item = Value> {
    let of = |(at, event): (usize, &Event)| {
        // An id of its own, the same whenever the span is sent.
        let id = SpanId((u64::from_be_bytes(span.span_id.0).wrapping_add(at as u64 + 1)).to_be_bytes());
        let mut exception = Map::new();
        exception.insert("id".to_owned(), id.to_string().into());
        for (field, key) in [("type", "exception.type"), ("message", "exception.message")] {
            exception.extend(text(&event.attributes, &[key]).map(|value| (field.to_owned(), value)));
        }
        Value::Object(exception)
    };
    span.events.iter().filter(|event| event.name == "exception").enumerate().map(of).collect::<Vec<_>>().into_iter()
}

/// Attributes that X-Ray makes searchable, under keys as it wants them.
fn annotate(segment: &mut Map<String, Value>, span: &Span, annotated: &HashSet<String>) {
    let key = |key: &str| key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>();
    let chosen = span.attributes.iter().filter(|one| annotated.contains(&one.key));
    let annotations: Map<String, Value> = chosen.map(|one| (key(&one.key), simple(&one.value))).collect();
    if !annotations.is_empty() {
        segment.insert("annotations".to_owned(), Value::Object(annotations));
    }
}

fn simple(value: &AnyValue) -> Value {
    match value {
        AnyValue::Bool(value) => (*value).into(),
        AnyValue::Int(value) => (*value).into(),
        AnyValue::Double(value) => Number::from_f64(*value).map_or_else(|| value.to_string().into(), Value::Number),
        other => other.to_string().into(),
    }
}

fn metadata(span: &Span, resource: &Resource) -> Value {
    let all = |attributes: &[KeyValue]| -> Map<String, Value> {
        attributes.iter().map(|one| (one.key.clone(), simple(&one.value))).collect()
    };
    let mut own = all(&span.attributes);
    own.insert("otel.span.name".to_owned(), span.name.clone().into());
    if !span.status.message.is_empty() {
        own.insert("otel.status.message".to_owned(), span.status.message.clone().into());
    }
    let events = span.events.iter().map(|event| {
        json!({ "name": event.name, "time": seconds(event.time_unix_nano), "attributes": all(&event.attributes) })
    });
    let links = span.links.iter().map(|link| {
        json!({ "trace_id": trace_id(link.trace_id), "id": link.span_id.to_string(), "attributes": all(&link.attributes) })
    });
    json!({
        "default": own,
        "resource": all(&resource.attributes),
        "events": events.collect::<Vec<_>>(),
        "links": links.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span() -> Span {
        Span {
            trace_id: TraceId([0xab; 16]),
            span_id: SpanId([1; 8]),
            parent_span_id: SpanId([2; 8]),
            name: "GET /{id}?".to_owned(),
            kind: SpanKind::SERVER,
            start_time_unix_nano: 1_700_000_000_000_001_000,
            end_time_unix_nano: 1_700_000_001_000_000_000,
            ..Span::default()
        }
    }

    fn shop() -> Resource {
        let attributes = vec![KeyValue::new("service.name", "shop"), KeyValue::new("service.version", "7")];
        Resource { attributes, ..Resource::default() }
    }

    fn read(span: &Span) -> Value {
        let annotated = HashSet::from(["order.id".to_owned()]);
        serde_json::from_str(&document(span, &shop(), &annotated).unwrap()).unwrap()
    }

    #[test]
    fn what_is_done_for_a_caller_is_a_segment_of_the_service() {
        let attributes = vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.response.status_code", 503),
            KeyValue::new("url.path", "/7"),
            KeyValue::new("server.address", "shop.example"),
            KeyValue::new("order.id", 7),
        ];
        let document = read(&Span { attributes, ..span() });
        assert_eq!((&document["name"], &document["type"]), (&json!("shop"), &Value::Null));
        assert_eq!(document["trace_id"], "1-abababab-abababababababababababab");
        assert_eq!((&document["id"], &document["parent_id"]), (&json!("0101010101010101"), &json!("0202020202020202")));
        assert_eq!(
            (&document["start_time"], &document["end_time"]),
            (&json!(1_700_000_000.000_001), &json!(1_700_000_001.0))
        );
        let request = json!({ "method": "GET", "url": "http://shop.example/7" });
        assert_eq!(document["http"], json!({ "request": request, "response": { "status": 503 } }));
        assert_eq!((&document["fault"], &document["error"]), (&json!(true), &Value::Null));
        assert_eq!(document["annotations"], json!({ "order_id": 7 }));
        assert_eq!(document["metadata"]["default"]["otel.span.name"], "GET /{id}?");
        assert_eq!(document["service"], json!({ "version": "7" }));
    }

    #[test]
    fn what_is_done_on_the_way_is_a_subsegment_of_its_own_name() {
        let event = Event {
            name: "exception".to_owned(),
            attributes: vec![KeyValue::new("exception.type", "Declined"), KeyValue::new("exception.message", "no")],
            ..Event::default()
        };
        let attributes =
            vec![KeyValue::new("db.query.text", "SELECT ?"), KeyValue::new("db.system.name", "postgresql")];
        let document = read(&Span { kind: SpanKind::CLIENT, attributes, events: vec![event], ..span() });
        assert_eq!((&document["name"], &document["type"]), (&json!("GET /_id__"), &json!("subsegment")));
        assert_eq!(document["namespace"], "remote");
        assert_eq!(document["sql"], json!({ "sanitized_query": "SELECT ?", "database_type": "postgresql" }));
        let exception = json!({ "id": "0101010101010102", "type": "Declined", "message": "no" });
        assert_eq!(document["cause"], json!({ "exceptions": [exception] }));
        assert_eq!(document["service"], Value::Null);
    }

    #[test]
    fn a_document_that_is_too_large_goes_without_its_metadata_or_not_at_all() {
        let large = |key: &str| vec![KeyValue::new(key, "x".repeat(MAX_BYTES).as_str())];
        let document = read(&Span { attributes: large("note"), ..span() });
        assert_eq!((&document["name"], &document["metadata"]), (&json!("shop"), &Value::Null));
        let reason = super::document(&Span { attributes: large("db.query.text"), ..span() }, &shop(), &HashSet::new());
        assert!(reason.unwrap_err().contains("bytes large"));
    }
}
