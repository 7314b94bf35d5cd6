//! A program's telemetry in which every field of OTLP that the SDK can record has a value, and what receivers must read of it, written
//! down by hand in the JSON mapping of protobuf.

use std::collections::{BTreeMap, HashMap};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
use opentelemetry::{InstrumentationScope, KeyValue};
use serde_json::{Value, json};
use tripod::bridge::opentelemetry::{LoggerProvider, TracerProvider};
use tripod::{Builder, LogLimits, SpanContext, SpanKind, SpanLimits, StatusCode, ToValue, labels};

/// What was recorded, as lists of the JSON mapping: spans, metrics and log records by the scope that they are in.
#[derive(Debug)]
pub struct Recorded {
    /// `scopeSpans` of the one resource.
    pub spans: Value,
    /// Metrics by their names.
    pub metrics: BTreeMap<String, Value>,
    /// `scopeLogs` of the one resource.
    pub logs: Value,
    /// The resource.
    pub resource: Value,
}

const TRACE_PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE_STATE: &str = "vendor=value,other=1";

/// Flags of W3C, and OpenTelemetry's bits on whether the parent, or what a link leads to, is remote.
const LOCAL: u32 = 0x101;
const REMOTE: u32 = 0x301;
/// Of a trace that began here: its id is random, which W3C has a bit for too.
const ROOT: u32 = 0x103;

/// Settings for which [`record`] knows what comes of it: few attributes, a resource without surroundings.
pub fn configured(builder: Builder) -> Builder {
    let limits = SpanLimits {
        attributes: 16,
        events: 2,
        links: 2,
        event_attributes: 1,
        link_attributes: 1,
        ..SpanLimits::default()
    };
    builder
        .service_name("every-field")
        .resource_detectors([])
        .resource_attribute("text", "grüße")
        .resource_attribute("number", 17)
        .resource_attribute("list", ["a", "b"])
        .span_limits(limits)
        .log_limits(LogLimits { attributes: 14, ..LogLimits::default() })
        .log_level(tripod::Level::Trace)
        .self_metrics(false)
        .schedule_delay(std::time::Duration::from_secs(3600))
        .shutdown_timeout(std::time::Duration::from_secs(60))
}

/// Every type of attribute, with what is read of it.
fn attributes() -> (Vec<(&'static str, tripod::Value<'static>)>, Vec<Value>) {
    static TEXTS: [&str; 3] = ["a", "", "ü"];
    static NUMBERS: [i64; 2] = [1, -2];
    static MAP: std::sync::LazyLock<BTreeMap<&str, Vec<bool>>> =
        std::sync::LazyLock::new(|| BTreeMap::from([("flags", vec![true, false])]));
    let given = vec![
        ("text", tripod::Value::Str("grüße, 你好, 🚀 \"\\\n\u{1}")),
        ("text.empty", tripod::Value::Str("")),
        ("true", tripod::Value::Bool(true)),
        ("false", tripod::Value::Bool(false)),
        ("int.max", tripod::Value::Int(i64::MAX)),
        ("int.min", tripod::Value::Int(i64::MIN)),
        ("int.zero", tripod::Value::Int(0)),
        ("double", tripod::Value::Double(0.1)),
        ("double.zero", tripod::Value::Double(0.0)),
        ("double.nan", tripod::Value::Double(f64::NAN)),
        ("bytes", tripod::Value::Bytes(&[0, 255])),
        ("texts", TEXTS.to_value()),
        ("ints", NUMBERS.to_value()),
        ("map", MAP.to_value()),
    ];
    let text = |text: &str| json!({ "stringValue": text });
    let expected = vec![
        pair("text", text("grüße, 你好, 🚀 \"\\\n\u{1}")),
        pair("text.empty", text("")),
        pair("true", json!({"boolValue": true})),
        pair("false", json!({"boolValue": false})),
        pair("int.max", json!({"intValue": "9223372036854775807"})),
        pair("int.min", json!({"intValue": "-9223372036854775808"})),
        pair("int.zero", json!({"intValue": "0"})),
        pair("double", json!({"doubleValue": 0.1})),
        pair("double.zero", json!({"doubleValue": 0.0})),
        pair("double.nan", json!({"doubleValue": "NaN"})),
        pair("bytes", json!({"bytesValue": "00ff"})),
        pair("texts", json!({"arrayValue": {"values": [text("a"), text(""), text("ü")]}})),
        pair("ints", json!({"arrayValue": {"values": [{"intValue": "1"}, {"intValue": "-2"}]}})),
        pair(
            "map",
            json!({"kvlistValue": {"values": [
            pair("flags", json!({"arrayValue": {"values": [{"boolValue": true}, {"boolValue": false}]}}))]}}),
        ),
    ];
    (given, expected)
}

#[expect(clippy::needless_pass_by_value, reason = "it is made for this")]
fn pair(key: &str, value: Value) -> Value {
    json!({ "key": key, "value": value })
}

fn text(key: &str, value: &str) -> Value {
    pair(key, json!({ "stringValue": value }))
}

fn hex(span: &SpanContext) -> (String, String) {
    (span.trace_id.to_string(), span.span_id.to_string())
}

/// Records everything; the names of metrics begin with `prefix`, as those of an earlier run live on.
pub fn record(prefix: &str) -> Recorded {
    let (spans, span) = record_spans();
    let logs = record_logs(&span);
    let metrics = record_metrics(prefix);
    let resource = json!({"attributes": [
        text("service.name", "every-field"),
        text("telemetry.sdk.language", "rust"),
        text("telemetry.sdk.name", "tripod"),
        text("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        text("text", "grüße"),
        pair("number", json!({"intValue": "17"})),
        pair("list", json!({"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}})),
    ]});
    Recorded { spans, metrics, logs, resource }
}

/// One scope by name alone, and one with all that a scope can have.
fn in_scopes(list: &str, plain: &[Value], full: &[Value]) -> Value {
    let scope = json!({"name": "full", "version": "1.2", "attributes": [text("team", "core")]});
    json!([
        {"scope": {"name": "plain"}, list: plain},
        {"scope": scope, list: full, "schemaUrl": "https://example.com/schema"},
    ])
}

fn full_scope() -> InstrumentationScope {
    InstrumentationScope::builder("full")
        .with_version("1.2")
        .with_schema_url("https://example.com/schema")
        .with_attributes([KeyValue::new("team", "core")])
        .build()
}

fn record_spans() -> (Value, SpanContext) {
    let plain = tripod::telemetry("plain");
    let headers = HashMap::from([("traceparent", TRACE_PARENT), ("tracestate", TRACE_STATE)])
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect::<HashMap<String, String>>();
    let remote = tripod::propagation::extract(&headers);
    let (given, expected) = attributes();
    let mut outer = plain.span("outer").kind(SpanKind::SERVER).parent(remote.clone()).attributes(&given).start();
    for key in ["beyond.1", "beyond.2", "beyond.3"] {
        outer.set_attribute(key, 1);
    }
    outer.add_event("first", labels!(a = 1, b = 2));
    outer.add_event("second", &[]);
    outer.add_event("beyond", &[]);
    let own = outer.context();
    let (trace, id) = hex(&own);
    let mut inner = plain.span("inner").kind(SpanKind::CLIENT).parent(outer.to_context()).start();
    inner.add_link(&remote, labels!(why = "remote", beyond = true));
    inner.add_link(own, &[]);
    inner.add_link(own, &[]);
    inner.set_status(StatusCode::ERROR, "declined");
    let inner_id = hex(&inner.context()).1;
    inner.end();
    outer.set_status(StatusCode::OK, "");
    outer.end();
    let mut others = Vec::new();
    for (kind, number) in [(SpanKind::INTERNAL, 1), (SpanKind::PRODUCER, 4), (SpanKind::CONSUMER, 5)] {
        let span = plain.span("").kind(kind).root().start();
        let (trace, id) = hex(&span.context());
        span.end();
        others.push(json!({"traceId": trace, "spanId": id, "flags": ROOT, "kind": number,
            "startTimeUnixNano": "<time>", "endTimeUnixNano": "<time>"}));
    }
    let mut full = TracerProvider::new().tracer_with_scope(full_scope()).start("bridged");
    let bridged = full.span_context().clone();
    full.end();

    let mut kept = expected;
    kept.extend(["beyond.1", "beyond.2"].map(|key| pair(key, json!({"intValue": "1"}))));
    let time = "<time>";
    let outer = json!({
        "traceId": trace, "spanId": id, "parentSpanId": "b7ad6b7169203331", "traceState": TRACE_STATE, "flags": REMOTE,
        "name": "outer", "kind": 2, "startTimeUnixNano": time, "endTimeUnixNano": time,
        "attributes": kept, "droppedAttributesCount": 1,
        "events": [
            {"timeUnixNano": time, "name": "first", "attributes": [pair("a", json!({"intValue": "1"}))], "droppedAttributesCount": 1},
            {"timeUnixNano": time, "name": "second"},
        ],
        "droppedEventsCount": 1,
        "status": {"code": 1},
    });
    let inner = json!({
        "traceId": trace, "spanId": inner_id, "parentSpanId": id, "traceState": TRACE_STATE, "flags": LOCAL,
        "name": "inner", "kind": 3, "startTimeUnixNano": time, "endTimeUnixNano": time,
        "links": [
            {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "traceState": TRACE_STATE,
             "attributes": [text("why", "remote")], "droppedAttributesCount": 1, "flags": REMOTE},
            {"traceId": trace, "spanId": id, "flags": LOCAL},
        ],
        "droppedLinksCount": 1,
        "status": {"code": 2, "message": "declined"},
    });
    let bridged = json!({"traceId": bridged.trace_id().to_string(), "spanId": bridged.span_id().to_string(), "flags": ROOT,
        "name": "bridged", "kind": 1, "startTimeUnixNano": time, "endTimeUnixNano": time});
    let mut plain = vec![inner, outer];
    plain.extend(others);
    (in_scopes("spans", &plain, &[bridged]), own)
}

fn record_logs(span: &SpanContext) -> Value {
    let (mut given, expected) = attributes();
    given.push(("beyond", tripod::Value::Int(1)));
    let levels = [
        (tripod::Level::Trace, "TRACE", 1),
        (tripod::Level::Debug, "DEBUG", 5),
        (tripod::Level::Info, "INFO", 9),
        (tripod::Level::Warn, "WARN", 13),
        (tripod::Level::Error, "ERROR", 17),
        (tripod::Level::Fatal, "FATAL", 21),
    ];
    let log = |number: i32, severity: &str| json!({"timeUnixNano": "<time>", "observedTimeUnixNano": "<time>", "severityNumber": number, "severityText": severity});
    let with = |mut log: Value, more: Value| {
        let (Some(log_map), Value::Object(more)) = (log.as_object_mut(), more) else { panic!("objects") };
        log_map.extend(more);
        log
    };
    let telemetry = tripod::telemetry("plain");
    let mut plain = Vec::new();
    for (level, name, number) in levels {
        telemetry.log(level, "a line", &[]);
        plain.push(with(log(number, name), json!({"body": {"stringValue": "a line"}})));
    }
    telemetry.info("", &given);
    let dropped = json!({"body": {"stringValue": ""}, "attributes": expected, "droppedAttributesCount": 1});
    plain.push(with(log(9, "INFO"), dropped));

    let logger = LoggerProvider::new().logger_with_scope(full_scope());
    let (trace, id) = hex(span);
    let mut full = Vec::new();
    let bodies = [
        (AnyValue::from("text"), json!({"stringValue": "text"})),
        (AnyValue::Int(-7), json!({"intValue": "-7"})),
        (AnyValue::Double(2.5), json!({"doubleValue": 2.5})),
        (AnyValue::Boolean(false), json!({"boolValue": false})),
        (AnyValue::Bytes(Box::new(vec![1, 2, 255])), json!({"bytesValue": "0102ff"})),
        (
            AnyValue::ListAny(Box::new(vec![AnyValue::Int(1), AnyValue::from("two")])),
            json!({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "two"}]}}),
        ),
        (
            AnyValue::Map(Box::new(HashMap::from([("key".into(), AnyValue::Boolean(true))]))),
            json!({"kvlistValue": {"values": [pair("key", json!({"boolValue": true}))]}}),
        ),
    ];
    for (body, read) in bodies {
        let mut record = logger.create_log_record();
        record.set_body(body);
        record.set_severity_number(Severity::Error3);
        record.set_severity_text("grave");
        record.set_event_name("shop.event");
        record.add_attribute("n", 1);
        let ids = (span.trace_id.to_string(), span.span_id.to_string());
        record.set_trace_context(
            opentelemetry::trace::TraceId::from_hex(&ids.0).expect("an id"),
            opentelemetry::trace::SpanId::from_hex(&ids.1).expect("an id"),
            Some(opentelemetry::trace::TraceFlags::SAMPLED),
        );
        logger.emit(record);
        full.push(with(
            log(19, "grave"),
            json!({"body": read, "eventName": "shop.event", "traceId": trace, "spanId": id, "flags": 1,
                "attributes": [pair("n", json!({"intValue": "1"}))]}),
        ));
    }
    in_scopes("logRecords", &plain, &full)
}

fn record_metrics(prefix: &str) -> BTreeMap<String, Value> {
    let mut metrics = BTreeMap::new();
    let mut expect = |name: &str, unit: &str, description: &str, data: (&str, Value)| {
        let name = format!("{prefix}.{name}");
        let mut metric = json!({ "name": name, data.0: data.1 });
        for (key, value) in [("unit", unit), ("description", description)] {
            if !value.is_empty() {
                metric[key] = value.into();
            }
        }
        metrics.insert(name, metric);
    };
    let named = |name: &str| format!("{prefix}.{name}");
    let lane = || vec![text("lane", "a")];
    let times = |point: Value| {
        let Value::Object(mut point) = point else { panic!("an object") };
        point.insert("startTimeUnixNano".to_owned(), "<time>".into());
        point.insert("timeUnixNano".to_owned(), "<time>".into());
        Value::Object(point)
    };

    let orders = tripod::counter(named("orders")).unit("{order}").description("Orders, grüße").build();
    orders.add(3, labels!(lane = "a"));
    let points = json!([times(json!({"attributes": lane(), "asInt": "3"}))]);
    let sum = json!({"dataPoints": points, "aggregationTemporality": 2, "isMonotonic": true});
    expect("orders", "{order}", "Orders, grüße", ("sum", sum));

    tripod::counter(named("seconds")).unit("s").build().add_f64(0.25, &[]);
    let sum =
        json!({"dataPoints": [times(json!({"asDouble": 0.25}))], "aggregationTemporality": 2, "isMonotonic": true});
    expect("seconds", "s", "", ("sum", sum));

    tripod::up_down_counter(named("open")).build().add(-2, labels!(lane = "a"));
    let points = json!([times(json!({"attributes": lane(), "asInt": "-2"}))]);
    expect("open", "", "", ("sum", json!({"dataPoints": points, "aggregationTemporality": 2})));

    tripod::gauge(named("warmth")).unit("Cel").build().set(-3.5, labels!(lane = "a"));
    // A gauge says what holds at one time.
    let point = json!({"attributes": lane(), "asDouble": -3.5, "timeUnixNano": "<time>"});
    expect("warmth", "Cel", "", ("gauge", json!({"dataPoints": [point]})));

    let explicit = tripod::histogram(named("explicit")).unit("s").buckets(&[0.5, 1.0]).build();
    let measured = tripod::span!("measured");
    let (trace, id) = hex(&measured.context());
    explicit.record(0.5, labels!(lane = "a"));
    drop(measured);
    explicit.record(0.75, labels!(lane = "a"));
    explicit.record(8.0, labels!(lane = "a"));
    let exemplar = json!({"timeUnixNano": "<time>", "asDouble": 0.5, "traceId": trace, "spanId": id});
    let point = times(json!({"attributes": lane(), "count": "3", "sum": 9.25, "bucketCounts": ["1", "1", "1"],
        "explicitBounds": [0.5, 1.0], "min": 0.5, "max": 8.0, "exemplars": [exemplar]}));
    expect("explicit", "s", "", ("histogram", json!({"dataPoints": [point], "aggregationTemporality": 2})));

    // From 1 to 4 in at most 160 buckets: 64 a doubling, which are 129.
    let exponential = tripod::histogram(named("exponential")).exponential_buckets(160).build();
    [0.0, 1.0, 2.0, 4.0, -1.0].iter().for_each(|value| exponential.record(*value, &[]));
    let counts: Vec<&str> = (0..129).map(|at| if [0, 64, 128].contains(&at) { "1" } else { "0" }).collect();
    let point = times(json!({"count": "5", "sum": 6.0, "scale": 6, "zeroCount": "1",
        "positive": {"offset": -1, "bucketCounts": counts}, "negative": {"offset": -1, "bucketCounts": ["1"]},
        "min": -1.0, "max": 4.0}));
    let data = json!({"dataPoints": [point], "aggregationTemporality": 2});
    expect("exponential", "", "", ("exponentialHistogram", data));

    let summary = tripod::metrics::summary(named("summary")).quantiles(&[0.5, 0.99]).build();
    (1..=100).for_each(|value| summary.record(f64::from(value), &[]));
    let quantiles = json!([{"quantile": 0.5, "value": "<about 50>"}, {"quantile": 0.99, "value": "<about 99>"}]);
    let point = times(json!({"count": "100", "sum": 5050.0, "quantileValues": quantiles}));
    expect("summary", "", "", ("summary", json!({"dataPoints": [point]})));
    metrics
}
