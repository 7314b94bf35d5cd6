//! What the OpenTelemetry SDK for Python sends is read back equal, field by field, none of it lost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use tripod_tests::python::{Transport, emit};
use tripod_tests::records::{self, Log, Span};
use tripod_tests::series::{self, Sample};
use tripod_tests::{Tripod, records::Emitted};

/// Every metric of `emit.py` and the name that OpenTelemetry's Prometheus compatibility rules give it.
const NAMES: [(&str, &str); 11] = [
    ("orders", "orders_total"),
    ("answer.bytes", "answer_bytes_total"),
    ("cpu.time", "cpu_time_seconds_total"),
    ("orders.waiting", "orders_waiting"),
    ("room.temperature", "room_temperature_celsius"),
    ("order.duration", "order_duration_seconds"),
    ("answer.size", "answer_size_bytes"),
    ("signal.strength", "signal_strength_dB"),
    ("pages.read", "pages_read_total"),
    ("queue.length", "queue_length"),
    ("load.ratio", "load_ratio"),
];

#[test]
fn everything_sent_by_http_protobuf_is_read_back_equal() {
    all_is_read_back_equal("http/protobuf", "none");
}

#[test]
fn everything_sent_by_http_protobuf_with_gzip_is_read_back_equal() {
    all_is_read_back_equal("http/protobuf", "gzip");
}

#[test]
fn everything_sent_by_http_json_is_read_back_equal() {
    all_is_read_back_equal("http/json", "none");
}

#[test]
fn everything_sent_by_http_json_with_gzip_is_read_back_equal() {
    all_is_read_back_equal("http/json", "gzip");
}

#[test]
fn everything_sent_by_grpc_is_read_back_equal() {
    all_is_read_back_equal("grpc", "none");
}

#[test]
fn everything_sent_by_grpc_with_gzip_is_read_back_equal() {
    all_is_read_back_equal("grpc", "gzip");
}

#[test]
fn everything_is_still_equal_after_kill_9_and_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    let emitted =
        emit(&server, "shop", Transport { protocol: "http/protobuf", compression: "none", temporality: "cumulative" });
    server.kill_9();
    let server = Tripod::start(data.path());
    compare(&server, "shop", emitted);
}

#[test]
fn deltas_are_read_back_as_their_running_sums() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    let transport = Transport { protocol: "http/protobuf", compression: "gzip", temporality: "delta" };
    let emitted = emit(&server, "shop", transport);
    assert!(emitted.metrics.iter().filter(|point| point.delta).count() > 50, "the SDK sends deltas");
    let sent = series::series_of(&series::summed_up(&emitted.metrics), name);
    let mut found = series::without_buckets(series::series(&server, r#"{job="shop"}"#, end(&emitted)));
    found.remove(&series::target_info_of(&emitted.metrics[0].resource));
    assert_eq!(names(found.keys()), names(sent.keys()));
    for (labels, samples) in &sent {
        assert_eq!(found.get(labels), Some(samples), "samples of {labels:?}");
    }
    assert_eq!(found.len(), sent.len(), "series");
}

fn all_is_read_back_equal(protocol: &'static str, compression: &'static str) {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    let begin = Instant::now();
    let emitted = emit(&server, "shop", Transport { protocol, compression, temporality: "cumulative" });
    let counts = [emitted.spans.len(), emitted.metrics.len(), emitted.logs.len()];
    let sent_after = begin.elapsed();
    compare(&server, "shop", emitted);
    let [spans, points, logs] = counts;
    println!(
        "{protocol} {compression}: {spans} spans, {points} points, {logs} logs sent in {sent_after:.1?}, compared after {:.1?}",
        begin.elapsed()
    );
}

fn compare(server: &Tripod, service: &str, emitted: Emitted) {
    assert!(
        emitted.spans.len() > 800 && emitted.metrics.len() > 100 && emitted.logs.len() > 400,
        "the emitter emitted"
    );
    compare_metrics(server, service, &emitted);
    compare_spans(server, service, emitted.spans);
    compare_logs(server, service, emitted.logs);
}

fn compare_spans(server: &Tripod, service: &str, spans: Vec<Span>) {
    let services = server.get("/api/services", &[]);
    assert_eq!(services["data"], serde_json::json!([service]));
    let mut traces: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace_id.clone()).or_default().push(span.as_jaeger_has_it());
    }
    for (id, mut sent) in traces {
        sent.sort_by(|a, b| (a.start_unix_nano, &a.span_id).cmp(&(b.start_unix_nano, &b.span_id)));
        let found = records::trace(server, &id);
        assert_eq!(found.len(), sent.len(), "spans of trace {id}");
        for (found, sent) in found.into_iter().zip(sent) {
            assert_eq!(found, sent, "span {:?}", sent.name);
        }
    }
}

fn compare_logs(server: &Tripod, service: &str, sent: Vec<Log>) {
    let found = records::logs(server, &[("service", service)]);
    assert_eq!(found.len(), sent.len(), "log records");
    // The clock may give two records the same time: then their order is open.
    let key = |log: &Log| (log.time_unix_nano, log.severity_number, log.body.to_string());
    let by_key = |logs: Vec<Log>| logs.into_iter().map(|log| (key(&log), log)).collect::<BTreeMap<_, _>>();
    let (found, sent) = (by_key(found), by_key(sent));
    for (key, sent) in sent {
        assert_eq!(found.get(&key), Some(&sent), "log {:?}", sent.body);
    }
}

fn compare_metrics(server: &Tripod, service: &str, emitted: &Emitted) {
    let end = end(emitted);
    let selector = format!("{{job={service:?}}}");
    let resource = &emitted.metrics[0].resource;

    let mut found = series::series(server, &selector, end);
    let info = found.remove(&series::target_info_of(resource)).expect("target_info says what the resource is");
    assert!(info.iter().all(|(_, sample)| *sample == Sample::Float(1.0)), "{info:?}");
    let sent = series::series_of(&emitted.metrics, name);
    assert_eq!(names(found.keys()), names(sent.keys()));
    for (labels, samples) in &sent {
        assert_eq!(found.get(labels), Some(samples), "samples of {labels:?}; there is {:?}", found.keys().next());
    }
    assert_eq!(found.len(), sent.len(), "series");

    let sent = series::exemplars_of(&emitted.metrics, name);
    assert!(sent.len() > 20, "the emitter has exemplars: {}", sent.len());
    let found = series::exemplars(server, &selector, end);
    let missing: Vec<_> = sent.difference(&found).collect();
    let invented: Vec<_> = found.difference(&sent).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "of {}, missing: {missing:#?}, invented: {invented:#?}",
        sent.len()
    );
}

/// By which name Prometheus knows a metric.
fn name(otel: &str) -> String {
    NAMES.iter().find(|(name, _)| *name == otel).expect("a known metric").1.to_owned()
}

/// A time after all points.
fn end(emitted: &Emitted) -> i64 {
    emitted.metrics.iter().map(|point| point.time_unix_nano / 1_000_000).max().expect("points") as i64 + 1000
}

fn names<'a>(series: impl Iterator<Item = &'a series::Labels>) -> BTreeSet<&'a str> {
    series.map(|labels| labels["__name__"].as_str()).collect()
}
