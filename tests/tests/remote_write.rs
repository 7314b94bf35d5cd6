//! The real Prometheus takes what the SDK writes to it, by remote write 1.0 and 2.0, and holds every sample.
//!
//! Where Prometheus can't be had, these tests say so and pass; in CI they fail.

use tripod_tests::programs::{Prometheus, folder_of};
use tripod_tests::push::Push;

const ROUNDS: u32 = 3;

fn push(receiver: &Prometheus, version: &str) -> Push {
    let url = format!("{}/api/v1/write", receiver.url);
    let variables = [
        ("OTEL_METRICS_EXPORTER", "remote_write"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "always_on"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram"),
        ("PROMETHEUS_REMOTE_WRITE_URL", url.as_str()),
        ("PROMETHEUS_REMOTE_WRITE_VERSION", version),
    ];
    let push = Push::start(env!("CARGO_BIN_EXE_push"), ROUNDS, 1, &variables);
    assert_eq!(push.said["delivered"], true, "{}", push.said);
    assert_eq!(push.count("remote-write", "points", "dropped"), 0, "{}", push.said);
    // Three lanes, a gauge, an up-down counter, two histograms and a summary.
    assert_eq!(push.count("remote-write", "points", "exported"), 8 * u64::from(ROUNDS));
    push
}

/// One of these packages, ready to be written to.
fn start(package: &str) -> Option<Prometheus> {
    Some(Prometheus::receiving(&folder_of(package)?, "native-histograms,exemplar-storage"))
}

/// What holds whatever the version.
fn holds_every_sample(receiver: &Prometheus, push: Push) {
    let own = r#"job="push",instance="the-one""#;
    let value = |query: &str| receiver.number(query).unwrap_or_else(|| panic!("nothing: {query}"));
    let rows = |query: &str| receiver.query(query).unwrap_or_default();
    for lane in 0..3 {
        let lane_rows = rows(&format!("jobs_total{{{own},lane=\"{lane}\"}}[5m]"));
        let values: Vec<&str> =
            lane_rows[0]["values"].as_array().unwrap().iter().map(|at| at[1].as_str().unwrap()).collect();
        let added = |round: u32| ((10 + lane) * round).to_string();
        assert_eq!(values, (1..=ROUNDS).map(added).collect::<Vec<_>>(), "every sample of lane {lane}");
    }
    assert_eq!(value(&format!("room_temperature_celsius{{{own},room=\"küche\"}}")), 22.5);
    assert_eq!(value(&format!("jobs_open{{{own}}}")), 6.0);
    for (le, count) in [("0.01", 3.0), ("0.1", 9.0), ("1", 12.0), ("+Inf", 15.0)] {
        let bucket = format!("order_duration_seconds_bucket{{{own},le=\"{le}\",kind=\"rush\"}}");
        assert_eq!(value(&bucket), count, "{bucket}");
    }
    assert_eq!(value(&format!("order_duration_seconds_count{{{own}}}")), 15.0);
    assert!((value(&format!("order_duration_seconds_sum{{{own}}}")) - 3.0 * 2.894).abs() < 1e-9);
    assert_eq!(value(&format!("order_items_count{{{own}}}")), 15.0);
    assert!(!rows(&format!("order_items{{{own},quantile=\"0.5\"}}")).is_empty());

    // Native histograms, which Prometheus reads as its own.
    assert_eq!(value(&format!("histogram_count(order_size_bytes{{{own}}})")), 15.0);
    assert!((value(&format!("histogram_sum(order_size_bytes{{{own}}})")) - 3.0 * 2894.0).abs() < 1e-6);
    let median = value(&format!("histogram_quantile(0.5, order_size_bytes{{{own}}})"));
    assert!((median / 70.0 - 1.0).abs() < 0.05, "{median} is about 70");

    // What the resource says besides.
    let info = rows("target_info{job=\"push\"}");
    assert_eq!(info[0]["metric"]["process_runtime_name"], "rust", "{info:?}");

    assert!(!rows("{job=\"push\"}").is_empty());
    push.end();
    assert!(rows("{job=\"push\"}").is_empty(), "the program has ended, and its series with it");
}

#[test]
fn prometheus_holds_every_sample_by_version_1() {
    let Some(receiver) = start("prometheus") else { return };
    let push = push(&receiver, "1.0");
    holds_every_sample(&receiver, push);
}

#[test]
fn a_prometheus_that_knows_only_version_1_is_written_to_so() {
    let Some(receiver) = start("prometheus") else { return };
    let push = push(&receiver, "2.0");
    holds_every_sample(&receiver, push);
}

#[test]
fn prometheus_holds_every_sample_by_version_2() {
    let Some(receiver) = start("prometheus-newest") else { return };
    let push = push(&receiver, "2.0");
    let found = receiver.get("query_exemplars?query=order_duration_seconds_bucket&start=0&end=9999999999").unwrap();
    assert!(!found.as_array().unwrap().is_empty(), "exemplars came along: {found}");
    holds_every_sample(&receiver, push);
    let metrics = tripod_tests::http::Client::default().get(&format!("{}/metrics", receiver.url)).unwrap().text();
    let is_refusal =
        |line: &&str| line.starts_with("prometheus_http_requests_total{code=\"4") && line.contains("/write");
    assert_eq!(metrics.lines().find(is_refusal), None, "2.0 was understood, and nothing refused");
}
