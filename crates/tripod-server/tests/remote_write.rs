//! Prometheus remote write, both versions: every field is read back, and what can't be kept is said.

mod support;

use reqwest::Response;
use serde_json::{Value, json};
use support::{Running, TIME};
use tripod_wire::prometheus::remote_write::v2::{self, Symbols};
use tripod_wire::prometheus::remote_write::{
    BucketSpan, Exemplar, Histogram, Label, MetricMetadata, MetricType, Sample, TimeSeries, WriteRequest,
};
use tripod_wire::proto::Message;

const VERSION_1: &str = "application/x-protobuf";
const VERSION_2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
const MILLIS: i64 = (TIME / 1_000_000) as i64;
const TRACE: &str = "5b8efff798038103d269b633813fc60c";

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

async fn send(running: &Running, content_type: &str, body: Vec<u8>) -> Response {
    let request = running.client.post(running.url("/api/v1/write")).header("content-type", content_type);
    request.header("content-encoding", "snappy").body(body).send().await.unwrap()
}

fn labels(pairs: &[(&str, &str)]) -> Vec<Label> {
    pairs.iter().map(|(name, value)| Label { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
}

fn sample(value: f64) -> Sample {
    Sample { value, timestamp: MILLIS }
}

/// A counter with an exemplar, and a native histogram.
fn request() -> WriteRequest {
    let exemplar =
        Exemplar { labels: labels(&[("trace_id", TRACE), ("customer", "ada")]), value: 0.5, timestamp: MILLIS - 5 };
    let counter = TimeSeries {
        labels: labels(&[("__name__", "jobs_total"), ("job", "küche")]),
        samples: vec![Sample { value: 1.5, timestamp: MILLIS - 15_000 }, sample(2.5)],
        exemplars: vec![exemplar],
        histograms: Vec::new(),
    };
    let histogram = Histogram {
        count_int: Some(6),
        sum: 12.5,
        schema: 1,
        zero_threshold: 0.001,
        zero_count_int: Some(1),
        positive_spans: vec![BucketSpan { offset: 0, length: 2 }, BucketSpan { offset: 1, length: 1 }],
        positive_deltas: vec![1, 1, -1],
        negative_spans: vec![BucketSpan { offset: 0, length: 1 }],
        negative_deltas: vec![1],
        timestamp: MILLIS,
        ..Histogram::default()
    };
    let own_bounds = Histogram {
        count_int: Some(6),
        sum: 9.0,
        schema: -53,
        custom_values: vec![0.5, 2.5],
        positive_spans: vec![BucketSpan { offset: 0, length: 3 }],
        positive_deltas: vec![1, 1, 1],
        timestamp: MILLIS,
        ..Histogram::default()
    };
    let native = |name: &str, histogram| TimeSeries {
        labels: labels(&[("__name__", name), ("job", "küche")]),
        histograms: vec![histogram],
        ..TimeSeries::default()
    };
    let metadata = |kind, name: &str, help: &str| MetricMetadata {
        kind,
        metric_family_name: name.to_owned(),
        help: help.to_owned(),
        unit: "bytes".to_owned(),
    };
    let metadata = vec![
        metadata(MetricType::COUNTER, "jobs_total", "Jobs done."),
        metadata(MetricType::HISTOGRAM, "sizes", "How large."),
    ];
    let timeseries = vec![counter, native("sizes", histogram), native("waits", own_bounds)];
    WriteRequest { timeseries, metadata }
}

/// The same in version 2.0.
fn version_2(request: &WriteRequest) -> v2::Request {
    let mut symbols = Symbols::default();
    let mut timeseries = Vec::new();
    for (at, series) in request.timeseries.iter().enumerate() {
        let mut references = |labels: &[Label]| -> Vec<u32> {
            labels.iter().flat_map(|label| [symbols.place(&label.name), symbols.place(&label.value)]).collect()
        };
        let labels_refs = references(&series.labels);
        let exemplars = series.exemplars.iter().map(|one| v2::Exemplar {
            labels_refs: references(&one.labels),
            value: one.value,
            timestamp: one.timestamp,
        });
        let exemplars = exemplars.collect();
        let metadata = request.metadata.get(at).map_or(v2::Metadata::default(), |metadata| v2::Metadata {
            kind: metadata.kind,
            help_ref: symbols.place(&metadata.help),
            unit_ref: symbols.place(&metadata.unit),
        });
        let (samples, histograms) = (series.samples.clone(), series.histograms.clone());
        let created_timestamp = MILLIS - 60_000;
        timeseries.push(v2::TimeSeries { labels_refs, samples, histograms, exemplars, metadata, created_timestamp });
    }
    v2::Request { symbols: symbols.into_table(), timeseries }
}

fn counts(response: &Response) -> [&str; 3] {
    ["samples", "histograms", "exemplars"].map(|what| {
        let name = format!("x-prometheus-remote-write-{what}-written");
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    })
}

async fn rows(running: &Running, query: &str) -> Value {
    let path = format!("/api/v1/query?query={query}&time={}.{}", MILLIS / 1000, MILLIS % 1000);
    running.get(&path).await["data"]["result"].clone()
}

async fn reads_every_field_back(running: &Running) {
    let samples = rows(running, "jobs_total[1m]").await;
    assert_eq!(samples[0]["metric"], json!({ "__name__": "jobs_total", "job": "küche" }));
    let values: Vec<&str> =
        samples[0]["values"].as_array().unwrap().iter().map(|pair| pair[1].as_str().unwrap()).collect();
    assert_eq!(values, ["1.5", "2.5"]);

    let histogram = &rows(running, "sizes").await[0]["histogram"][1];
    assert_eq!((&histogram["count"], &histogram["sum"]), (&json!("6"), &json!("12.5")));
    let counts: Vec<&str> =
        histogram["buckets"].as_array().unwrap().iter().map(|bucket| bucket[3].as_str().unwrap()).collect();
    assert_eq!(counts, ["1", "1", "1", "2", "1"], "{histogram}");

    let buckets = &rows(running, "waits").await[0]["histogram"][1]["buckets"];
    assert_eq!(buckets, &json!([[3, "-Inf", "0.5", "1"], [0, "0.5", "2.5", "2"], [0, "2.5", "+Inf", "3"]]));

    let found = running.get("/api/v1/query_exemplars?query=jobs_total").await;
    assert_eq!(found["data"][0]["exemplars"][0]["labels"], json!({ "customer": "ada", "trace_id": TRACE }));
    assert_eq!(found["data"][0]["exemplars"][0]["value"], "0.5");

    let metadata = running.get("/api/v1/metadata").await;
    let expected = json!({
        "jobs_total": [{ "type": "counter", "help": "Jobs done.", "unit": "bytes" }],
        "sizes": [{ "type": "histogram", "help": "How large.", "unit": "bytes" }],
    });
    assert_eq!(metadata["data"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_version_1_is_read_back_after_a_restart_too() {
    let running = Running::new().await;
    let response = send(&running, VERSION_1, snappy(&request().encode_to_vec())).await;
    assert_eq!(response.status(), 204);
    reads_every_field_back(&running).await;
    let running = Running::in_dir(running.stop().await, |_| {}).await;
    reads_every_field_back(&running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_version_2_is_read_back_and_counted() {
    let running = Running::new().await;
    let response = send(&running, VERSION_2, snappy(&version_2(&request()).encode_to_vec())).await;
    assert_eq!(response.status(), 204);
    assert_eq!(counts(&response), ["2", "2", "1"]);
    reads_every_field_back(&running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_for_otlp_takes_remote_write_too() {
    let running = Running::new().await;
    let url = format!("http://{}/api/v1/write", running.server.addresses().otlp_http);
    let response = running.client.post(url).body(snappy(&request().encode_to_vec())).send().await.unwrap();
    assert_eq!(response.status(), 204, "without any header it is version 1.0");
    reads_every_field_back(&running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_named_and_the_rest_is_kept() {
    let running = Running::new().await;
    let mut request = request();
    request.timeseries.insert(
        0,
        TimeSeries { labels: labels(&[("job", "nameless")]), samples: vec![sample(1.0)], ..TimeSeries::default() },
    );
    request.metadata.insert(0, MetricMetadata::default());
    for (content_type, bytes) in
        [(VERSION_1, request.encode_to_vec()), (VERSION_2, version_2(&request).encode_to_vec())]
    {
        let response = send(&running, content_type, snappy(&bytes)).await;
        assert_eq!((response.status().as_u16(), counts(&response)), (400, ["2", "2", "1"]), "{content_type}");
        let text = response.text().await.unwrap();
        assert!(text.contains("has no __name__") && text.contains("4 of 5 samples were kept"), "{text}");
    }
    assert_eq!(rows(&running, "jobs_total").await[0]["value"][1], "2.5");
    let page = running.client.get(running.url("/metrics")).send().await.unwrap().text().await.unwrap();
    for line in [
        r#"tripod_receiver_requests_total{protocol="remote_write/1.0",signal="metrics",outcome="invalid"} 1"#,
        r#"tripod_receiver_requests_total{protocol="remote_write/2.0",signal="metrics",outcome="invalid"} 1"#,
        r#"tripod_receiver_records_total{signal="metrics",outcome="accepted"} 8"#,
        r#"tripod_receiver_records_total{signal="metrics",outcome="rejected"} 2"#,
    ] {
        assert!(page.lines().any(|one| one == line), "{line} is missing in\n{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_remote_write_is_refused_with_the_reason() {
    let running = Running::with(|config| config.max_body_bytes = 16 << 20).await;
    let good = snappy(&request().encode_to_vec());
    let nowhere = v2::TimeSeries { labels_refs: vec![1, 9], ..v2::TimeSeries::default() };
    let nowhere = v2::Request { symbols: vec![String::new(), "a".to_owned()], timeseries: vec![nowhere] };
    let repeated = v2::TimeSeries { labels_refs: vec![1; 400], ..v2::TimeSeries::default() };
    let repeated = v2::Request { symbols: vec![String::new(), "x".repeat(1 << 20)], timeseries: vec![repeated] };
    for (content_type, body, status, reason) in [
        ("application/json", good.clone(), 415, "send application/x-protobuf"),
        ("application/x-protobuf;proto=prometheus.Other", good.clone(), 415, "proto=io.prometheus.write.v2.Request"),
        (VERSION_1, b"not snappy".to_vec(), 400, "snappy: corrupt input"),
        (VERSION_2, b"not snappy".to_vec(), 400, "not valid snappy"),
        (VERSION_1, snappy(b"\x0a\x05x"), 400, "WriteRequest.timeseries: the bytes end"),
        (VERSION_2, snappy(b"\x2a\x05x"), 400, "not a valid request"),
        (VERSION_2, snappy(&nowhere.encode_to_vec()), 400, "symbol 9 of a table of 2"),
        (VERSION_2, snappy(&repeated.encode_to_vec()), 400, "more than 16777216 bytes"),
        (VERSION_1, snappy(&vec![0; 17 << 20]), 413, "larger than 16777216 bytes"),
    ] {
        let response = send(&running, content_type, body).await;
        assert_eq!(response.status(), status, "{reason}");
        let text = response.text().await.unwrap();
        assert!(text.contains(reason), "{text}");
    }
    let packed = running.client.post(running.url("/api/v1/write")).header("content-encoding", "gzip");
    let response = packed.body(support::gzip(&request().encode_to_vec())).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().contains("send snappy")), (415, true));
    assert_eq!(rows(&running, "jobs_total").await, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_once_is_told_to_come_back() {
    let running = Running::with(|config| {
        config.max_body_bytes = 16 << 20;
        config.max_in_flight_bytes = 32 << 20;
    })
    .await;
    // Two bodies of which the end does not come hold 30 of the 32 MiB; four megabytes find no room beside them.
    let address = running.server.addresses().otlp_http;
    let held = [support::unfinished_post(address, 15 << 20), support::unfinished_post(address, 15 << 20)];
    let refused = loop {
        let response = send(&running, VERSION_1, vec![0; 4 << 20]).await;
        if response.status() == 429 {
            break response;
        }
    };
    assert_eq!(refused.headers()["retry-after"].to_str().unwrap(), "1");
    drop(held);
    while send(&running, VERSION_1, vec![0; 4 << 20]).await.status() == 429 {}
    assert_eq!(send(&running, VERSION_1, snappy(&request().encode_to_vec())).await.status(), 204);
}
