//! Counters, gauges and histograms: with a handle, and with labels looked up at each call.

use std::hint::black_box;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram as ClientHistogram;

use crate::harness::{Peer, compare};

const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    method: String,
    route: String,
    status: String,
}

/// 64 label sets, as strings that the caller only borrows.
fn label_sets() -> Vec<[String; 3]> {
    let methods = ["GET", "POST", "PUT", "DELETE"];
    let set = |n: usize| [methods[n % 4].to_owned(), format!("/api/v1/route{}", n / 4 % 4), (200 + n / 16).to_string()];
    (0..64).map(set).collect()
}

fn values() -> Vec<f64> {
    (0..256).map(|n| f64::from(n * 37 % 256) / 25.0).collect()
}

pub fn run() {
    let reader = PeriodicReader::builder(InMemoryMetricExporter::default()).with_interval(Duration::from_secs(3600)).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let meter = provider.meter("bench");
    bound_counter();
    dynamic_counter(&meter);
    gauge();
    histogram(&meter);
}

fn bound_counter() {
    let ours = tripod::counter("bound_total").build().bind(tripod::labels!(method = "GET", route = "/a", status = "200"));
    let options = prometheus::Opts::new("bound_total", "help");
    let theirs = prometheus::IntCounterVec::new(options, &["method", "route", "status"]).unwrap();
    let theirs = theirs.with_label_values(&["GET", "/a", "200"]);
    let client: ClientCounter = ClientCounter::default();
    compare(
        "bound counter add",
        2_000_000,
        vec![
            Peer::new("tripod", move |n| (0..n).for_each(|_| black_box(&ours).add(1))),
            Peer::new("prometheus", move |n| (0..n).for_each(|_| black_box(&theirs).inc())),
            Peer::new("prometheus-client", move |n| {
                (0..n).for_each(|_| {
                    black_box(&client).inc();
                });
            }),
        ],
    );
}

fn dynamic_counter(meter: &opentelemetry::metrics::Meter) {
    let ours = tripod::counter("dynamic_total").build();
    let options = prometheus::Opts::new("dynamic_total", "help");
    let theirs = prometheus::IntCounterVec::new(options, &["method", "route", "status"]).unwrap();
    let otel = meter.u64_counter("dynamic_total").build();
    let (a, b, c) = (label_sets(), label_sets(), label_sets());
    compare(
        "counter, 3 dynamic labels",
        200_000,
        vec![
            Peer::new("tripod", move |n| {
                for at in 0..n as usize {
                    let [method, route, status] = &a[at % 64];
                    ours.add(1, tripod::labels!(method, route, status));
                }
            }),
            Peer::new("prometheus", move |n| {
                for at in 0..n as usize {
                    let [method, route, status] = &b[at % 64];
                    theirs.with_label_values(&[method, route, status]).inc();
                }
            }),
            Peer::new("otel-sdk", move |n| {
                for at in 0..n as usize {
                    let [method, route, status] = &c[at % 64];
                    let labels = [
                        KeyValue::new("method", method.clone()),
                        KeyValue::new("route", route.clone()),
                        KeyValue::new("status", status.clone()),
                    ];
                    otel.add(1, &labels);
                }
            }),
        ],
    );
    let family = Family::<Labels, ClientCounter>::default();
    family.get_or_create(&Labels { method: String::new(), route: String::new(), status: String::new() }).inc();
}

fn gauge() {
    let ours = tripod::gauge("gauge").build().bind(&[]);
    let theirs = prometheus::Gauge::new("gauge", "help").unwrap();
    compare(
        "gauge set",
        2_000_000,
        vec![
            Peer::new("tripod", move |n| (0..n).for_each(|at| black_box(&ours).set(at as f64))),
            Peer::new("prometheus", move |n| (0..n).for_each(|at| black_box(&theirs).set(at as f64))),
        ],
    );
}

fn histogram(meter: &opentelemetry::metrics::Meter) {
    let ours = tripod::histogram("bound_seconds").buckets(&BOUNDS).build().bind(&[]);
    let client = ClientHistogram::new(BOUNDS);
    let options = prometheus::HistogramOpts::new("bound_seconds", "help").buckets(BOUNDS.to_vec());
    let theirs = prometheus::Histogram::with_opts(options).unwrap();
    let otel = meter.f64_histogram("bound_seconds").with_boundaries(BOUNDS.to_vec()).build();
    let (a, b, c, d) = (values(), values(), values(), values());
    compare(
        "bound histogram",
        1_000_000,
        vec![
            Peer::new("tripod", move |n| (0..n as usize).for_each(|at| black_box(&ours).record(a[at % 256]))),
            Peer::new("prometheus-client", move |n| (0..n as usize).for_each(|at| black_box(&client).observe(b[at % 256]))),
            Peer::new("prometheus", move |n| (0..n as usize).for_each(|at| black_box(&theirs).observe(c[at % 256]))),
            Peer::new("otel-sdk, no attributes", move |n| (0..n as usize).for_each(|at| otel.record(d[at % 256], &[]))),
        ],
    );
}
