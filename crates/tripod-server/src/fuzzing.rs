//! What the fuzz targets call: everything of this crate that reads bytes from outside, with what must hold of it.

use tripod_wire::otlp::TracesData;
use tripod_wire::proto::Message;

use crate::dashboards::read;
use crate::query::{logql, traceql};
use crate::receive::{Format, loki, zipkin};

/// What is read as Zipkin's spans is an OTLP request whose spans all have ids.
fn spans(format: Format, bytes: &[u8]) {
    let Ok(request) = zipkin::otlp(format, bytes, 1) else { return };
    let data = TracesData::decode(&request).unwrap_or_else(|error| panic!("not OTLP: {error}"));
    for span in data.resource_spans.iter().flat_map(|one| &one.scope_spans).flat_map(|one| &one.spans) {
        assert!(span.trace_id.is_valid() && span.span_id.is_valid() && span.span_id != span.parent_span_id);
    }
}

/// Zipkin's JSON.
pub fn zipkin_json(bytes: &[u8]) {
    spans(Format::Json, bytes);
}

/// Zipkin's protobuf.
pub fn zipkin_protobuf(bytes: &[u8]) {
    spans(Format::Protobuf, bytes);
}

/// Loki's push request in JSON.
pub fn loki_push_json(bytes: &[u8]) {
    loki::try_out(Format::Json, bytes);
}

/// Loki's push request in protobuf, decompressed.
pub fn loki_push_protobuf(bytes: &[u8]) {
    loki::try_out(Format::Protobuf, bytes);
}

/// A query of lines, or a metric of them, is run over a few lines, or refused at a place within it.
pub fn logql(text: &str) {
    logql::try_out(text);
}

/// A query is evaluated, whatever it asks, or refused at a place within it.
pub fn traceql(text: &str) {
    traceql::try_out(text);
}

/// A dashboard is read or refused at a place; what is read has a model, and says everything it has as JSON.
pub fn dashboard(bytes: &[u8]) {
    if let Ok(map) = read::parse(bytes) {
        let model = read::model(&map);
        assert!(serde_json::to_value(&model).is_ok_and(|json| json["panels"].is_array()));
    }
}
