//! Programs that call `prometheus`, read back from the bytes that are sent.
#![cfg(feature = "prometheus")]

mod common;

use std::collections::HashMap;

use common::{attribute, telemetry};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use tripod_wire::otlp::metrics::{AggregationTemporality, MetricData, NumberValue};

#[test]
fn a_registry_is_collected_with_the_rest() {
    let telemetry = telemetry();
    let registry = Registry::new();
    tripod::bridge::prometheus::register(&registry);
    let requests = IntCounterVec::new(Opts::new("p_requests_total", "Requests served"), &["method"]).unwrap();
    let depth = Gauge::new("p_depth", "Jobs that wait").unwrap();
    let latency = HistogramVec::new(
        HistogramOpts::new("p_latency_seconds", "How long it takes").buckets(vec![0.1, 1.0]),
        &["route"],
    )
    .unwrap();
    registry.register(Box::new(requests.clone())).unwrap();
    registry.register(Box::new(depth.clone())).unwrap();
    registry.register(Box::new(latency.clone())).unwrap();
    requests.with_label_values(&["GET"]).inc_by(3);
    depth.set(-2.5);
    for seconds in [0.05, 0.1, 0.5, 5.0] {
        latency.with_label_values(&["/pay"]).observe(seconds);
    }
    tripod::counter("p_own_total").build().inc(&[]);

    let metric = telemetry.metric("p_requests_total");
    assert_eq!(metric.description, "Requests served");
    let MetricData::Sum { data_points, is_monotonic, aggregation_temporality } = metric.data else { panic!() };
    assert!(is_monotonic && aggregation_temporality == AggregationTemporality::CUMULATIVE);
    assert_eq!(data_points[0].value, NumberValue::Double(3.0));
    assert_eq!(attribute(&data_points[0].attributes, "method"), &"GET".into());
    assert!(data_points[0].start_time_unix_nano != 0);

    let MetricData::Gauge { data_points } = telemetry.metric("p_depth").data else { panic!() };
    assert_eq!(data_points[0].value, NumberValue::Double(-2.5));

    let metric = telemetry.metric("p_latency_seconds");
    assert_eq!(metric.unit, "s");
    let MetricData::Histogram { data_points, .. } = metric.data else { panic!() };
    assert_eq!((data_points[0].explicit_bounds.as_slice(), data_points[0].count), (&[0.1, 1.0][..], 4));
    assert_eq!(data_points[0].bucket_counts, [2, 1, 1]);
    assert_eq!(data_points[0].sum, Some(5.65));

    let data = telemetry.memory().metrics_data();
    let scopes = &data.last().unwrap().resource_metrics[0].scope_metrics;
    let has = |scope: &str, name: &str| {
        scopes.iter().any(|of| of.scope.name == scope && of.metrics.iter().any(|metric| metric.name == name))
    };
    assert!(has("prometheus", "p_depth") && has("", "p_own_total"));
}

/// A collector of the user's that fails.
struct Panics(Desc);

impl Collector for Panics {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        panic!("no such device");
    }
}

#[test]
fn a_collector_that_panics_hides_nothing_but_its_registry() {
    let telemetry = telemetry();
    let (broken, whole) = (Registry::new(), Registry::new());
    let desc = Desc::new("p_broken".to_owned(), "fails".to_owned(), vec![], HashMap::new()).unwrap();
    broken.register(Box::new(Panics(desc))).unwrap();
    let gauge = Gauge::new("p_whole", "works").unwrap();
    whole.register(Box::new(gauge.clone())).unwrap();
    tripod::bridge::prometheus::register(&broken);
    tripod::bridge::prometheus::register(&whole);
    gauge.set(1.0);
    telemetry.metric("p_whole");
    telemetry.metric("p_whole");
}
