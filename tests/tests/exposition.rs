//! What is rendered for Prometheus is read by Prometheus' own parser for Python: all instruments, labels of every kind, exemplars.

use std::io::Write;
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;
use tripod::metrics::{PrometheusFormat, render_prometheus};
use tripod_tests::python;

/// A sample as the parser read it.
#[derive(Debug, Deserialize)]
struct Sample {
    family: String,
    #[serde(rename = "type")]
    kind: String,
    help: String,
    unit: String,
    name: String,
    labels: serde_json::Map<String, Value>,
    value: String,
    exemplar: Option<Exemplar>,
}

#[derive(Debug, Deserialize)]
struct Exemplar {
    labels: serde_json::Map<String, Value>,
    value: f64,
}

const AWKWARD: &str = "a \"quote\", a \\ and\na new line, \u{1F680}";

/// Records into every kind of instrument; answers the trace in which it did.
fn record() -> String {
    let span = tripod::span!("measured");
    let trace = span.context().trace_id.to_string();
    let requests = tripod::counter("http.requests").description("Requests, with a \\ and\na line").build();
    requests.add(3, tripod::labels!(method = "GET", status = 200, path = AWKWARD));
    requests.add(1 << 60, tripod::labels!(method = "POST", status = 500, path = ""));
    tripod::counter("cpu.time").unit("s").build().add_f64(1.5e-9, &[]);
    tripod::up_down_counter("open.connections").build().add(-2, &[]);
    let temperature = tripod::gauge("room.temperature").unit("Cel").build();
    temperature.set(f64::NEG_INFINITY, tripod::labels!(room = "küche", "9.leading" = true));
    let duration = tripod::histogram("request.duration").unit("s").buckets(&[0.1, 1.0]).build();
    [0.05, 0.1, 0.5, 30.0].iter().for_each(|seconds| duration.record(*seconds, tripod::labels!(method = "GET")));
    let sizes = tripod::histogram("body.size").unit("By").exponential_buckets(160).build();
    [0.0, 10.0, 1000.0].iter().for_each(|bytes| sizes.record(*bytes, &[]));
    let summary = tripod::metrics::summary("queue.wait").unit("s").quantiles(&[0.5, 0.99]).build();
    (1..=100).for_each(|seconds| summary.record(f64::from(seconds), &[]));
    tripod::telemetry("orders").counter("placed").build().add(7, &[]);
    trace
}

fn read(format: PrometheusFormat, parser: &str) -> Vec<Sample> {
    let mut page = Vec::new();
    render_prometheus(format, &mut page);
    let mut child = Command::new(python::interpreter())
        .arg(tripod_tests::root().join("tests/python/exposition.py"))
        .arg(parser)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&page).unwrap();
    let output = child.wait_with_output().unwrap();
    let page = String::from_utf8_lossy(&page);
    assert!(output.status.success(), "the parser refuses the page:\n{page}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The samples of this name as label=value pairs and values, in the order they came.
fn of<'a>(samples: &'a [Sample], name: &str) -> Vec<(Vec<(&'a str, &'a str)>, f64)> {
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text} is no number"));
    let labels = |sample: &'a Sample| sample.labels.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap()));
    let own = samples.iter().filter(|sample| sample.name == name);
    own.map(|sample| (labels(sample).filter(|(key, _)| *key != "otel_scope_name").collect(), number(&sample.value)))
        .collect()
}

fn check(samples: &[Sample]) {
    let requests = of(samples, "http_requests_total");
    assert!(requests.contains(&(vec![("method", "GET"), ("path", AWKWARD), ("status", "200")], 3.0)), "{requests:?}");
    assert!(requests.iter().any(|(_, value)| *value == (1_u64 << 60) as f64));
    assert_eq!(of(samples, "cpu_time_seconds_total"), [(vec![], 1.5e-9)]);
    assert_eq!(of(samples, "open_connections"), [(vec![], -2.0)]);
    let temperature = of(samples, "room_temperature_celsius");
    assert_eq!(temperature, [(vec![("key_9_leading", "true"), ("room", "küche")], f64::NEG_INFINITY)]);
    let buckets: Vec<f64> = of(samples, "request_duration_seconds_bucket").iter().map(|(_, value)| *value).collect();
    assert_eq!(buckets, [2.0, 3.0, 4.0]);
    assert_eq!(of(samples, "request_duration_seconds_count")[0].1, 4.0);
    assert!((of(samples, "request_duration_seconds_sum")[0].1 - 30.65).abs() < 1e-9);
    assert_eq!(of(samples, "body_size_bytes_count"), [(vec![], 3.0)]);
    assert_eq!(of(samples, "body_size_bytes_bucket").last().unwrap().1, 3.0);
    let quantiles = of(samples, "queue_wait_seconds");
    for (quantile, exact) in [("0.5", 50.0), ("0.99", 99.0)] {
        let found = quantiles.iter().find(|(labels, _)| labels == &[("quantile", quantile)]).unwrap().1;
        assert!((found - exact).abs() <= exact * 0.02 + 1.0, "quantile {quantile}: {found}");
    }
    assert_eq!(of(samples, "placed_total")[0].1, 7.0);
    let placed = samples.iter().find(|sample| sample.name == "placed_total").unwrap();
    assert_eq!(placed.labels["otel_scope_name"], "orders");
    assert_eq!(of(samples, "target_info").len(), 1);
    let help = &samples.iter().find(|sample| sample.name == "http_requests_total").unwrap().help;
    assert_eq!(help, "Requests, with a \\ and\na line");
}

#[test]
fn prometheus_own_parsers_read_what_was_recorded() {
    let _tripod = tripod::init().service_name("shop").exporter(tripod::MemoryExporter::default()).start().unwrap();
    let trace = record();
    let text = read(PrometheusFormat::Text, "text");
    check(&text);
    let openmetrics = read(PrometheusFormat::OpenMetrics, "openmetrics");
    check(&openmetrics);
    let duration = openmetrics.iter().filter(|sample| sample.family == "request_duration_seconds");
    let exemplars: Vec<_> = duration.clone().filter_map(|sample| sample.exemplar.as_ref()).collect();
    assert!(!exemplars.is_empty(), "the histogram has exemplars");
    for exemplar in exemplars {
        assert_eq!(exemplar.labels["trace_id"], trace);
        assert!([0.05, 0.1, 0.5, 30.0].contains(&exemplar.value));
    }
    assert!(duration.clone().all(|sample| sample.kind == "histogram" && sample.unit == "seconds"));
}
