//! OTLP requests, made with the `opentelemetry-proto` crate: another maker's, so that no error of ours cancels itself out.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// The header that goes with these requests.
pub const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

/// A string as an attribute value.
pub fn string(text: &str) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(text.to_owned())) }
}

/// An attribute.
pub fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn resource(service: &str) -> Resource {
    Resource { attributes: vec![attribute("service.name", string(service))], ..Resource::default() }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope { name: "requests".to_owned(), ..InstrumentationScope::default() }
}

/// Spans of a service as a request.
pub fn traces(service: &str, spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: Some(resource(service)), scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

/// Log records of a service as a request.
pub fn logs(service: &str, log_records: Vec<LogRecord>) -> Vec<u8> {
    let scope_logs = vec![ScopeLogs { scope: Some(scope()), log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: Some(resource(service)), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

/// A gauge of a service as a request: points of value, time in nanoseconds and one label `key`.
pub fn gauge(service: &str, name: &str, points: &[(String, f64, u64)]) -> Vec<u8> {
    let point = |(key, value, time): &(String, f64, u64)| NumberDataPoint {
        attributes: vec![attribute("key", string(key))],
        time_unix_nano: *time,
        value: Some(number_data_point::Value::AsDouble(*value)),
        ..NumberDataPoint::default()
    };
    let data = Some(metric::Data::Gauge(Gauge { data_points: points.iter().map(point).collect() }));
    let metrics = vec![Metric { name: name.to_owned(), data, ..Metric::default() }];
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }];
    let metrics =
        vec![ResourceMetrics { resource: Some(resource(service)), scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics: metrics }.encode_to_vec()
}

/// `count` spans that began at `start` (nanoseconds), one after the other: the first is the parent of the others. Their ids follow from
/// `trace`, which is in the trace id.
pub fn spans(trace: u64, count: u64, start: u64) -> Vec<Span> {
    let id = |number: u64| (trace << 20 | (number + 1)).to_be_bytes().to_vec();
    let span = |number: u64| Span {
        trace_id: trace_bytes(trace).to_vec(),
        span_id: id(number),
        parent_span_id: if number == 0 { Vec::new() } else { id(0) },
        name: format!("step {}", number % 7),
        kind: 1,
        start_time_unix_nano: start + number,
        end_time_unix_nano: start + number + 1_000_000,
        attributes: vec![attribute("number", string(&number.to_string()))],
        ..Span::default()
    };
    (0..count).map(span).collect()
}

/// The id that [`spans`] gives to a trace.
pub fn trace_bytes(trace: u64) -> [u8; 16] {
    (0xC0FFEE_u128 << 64 | u128::from(trace + 1)).to_be_bytes()
}

/// The same in hex.
pub fn trace_id(trace: u64) -> String {
    format!("{:032x}", u128::from_be_bytes(trace_bytes(trace)))
}

/// `count` log records of the trace of that number.
pub fn log_records(trace: u64, count: u64, start: u64) -> Vec<LogRecord> {
    let record = |number: u64| LogRecord {
        time_unix_nano: start + number,
        severity_number: 9,
        severity_text: "INFO".to_owned(),
        body: Some(string(&format!("line {number}"))),
        trace_id: trace_bytes(trace).to_vec(),
        span_id: (number + 1).to_be_bytes().to_vec(),
        ..LogRecord::default()
    };
    (0..count).map(record).collect()
}

/// Now, in nanoseconds since the Unix epoch.
pub fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a clock that is right").as_nanos() as u64
}
