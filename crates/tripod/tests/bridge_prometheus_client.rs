//! Programs that call `prometheus-client`, read back from the bytes that are sent.
#![cfg(feature = "prometheus-client")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::{attribute, telemetry};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::{CounterWithExemplar, HistogramWithExemplars};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tripod_wire::otlp::metrics::{AggregationTemporality, MetricData, NumberValue};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
fn every_kind_of_metric_is_collected_with_the_rest() {
    let telemetry = telemetry();
    let mut registry = Registry::with_prefix("pc");
    let requests = Family::<[(&str, &str); 1], Counter>::default();
    let depth = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
    let latency = Family::<[(&str, &str); 1], Histogram>::new_with_constructor(|| Histogram::new([0.1, 1.0]));
    registry.register("requests", "Requests served", requests.clone());
    registry.register("depth", "Jobs that wait", depth.clone());
    registry.register_with_unit("latency", "How long it takes", Unit::Seconds, latency.clone());
    registry.register("build", "What runs", Info::new([("version", "1.0")]));
    tripod::bridge::prometheus_client::register(Arc::new(registry));
    requests.get_or_create(&[("method", "GET \"x\"\n")]).inc_by(3);
    depth.set(-2.5);
    for seconds in [0.05, 0.1, 0.5, 5.0] {
        latency.get_or_create(&[("route", "/pay")]).observe(seconds);
    }
    latency.get_or_create(&[("route", "/load")]).observe(0.5);

    let metric = telemetry.metric("pc_requests");
    assert_eq!(metric.description, "Requests served");
    let MetricData::Sum { data_points, is_monotonic, aggregation_temporality } = metric.data else { panic!() };
    assert!(is_monotonic && aggregation_temporality == AggregationTemporality::CUMULATIVE);
    assert_eq!(data_points[0].value, NumberValue::Int(3));
    assert_eq!(attribute(&data_points[0].attributes, "method"), &"GET \"x\"\n".into());
    assert!(data_points[0].start_time_unix_nano != 0);

    let MetricData::Gauge { data_points } = telemetry.metric("pc_depth").data else { panic!() };
    assert_eq!(data_points[0].value, NumberValue::Double(-2.5));
    let MetricData::Gauge { data_points } = telemetry.metric("pc_build").data else { panic!() };
    assert_eq!(attribute(&data_points[0].attributes, "version"), &"1.0".into());

    let metric = telemetry.metric("pc_latency_seconds");
    assert_eq!(metric.unit, "s");
    let MetricData::Histogram { mut data_points, .. } = metric.data else { panic!() };
    data_points.sort_by_key(|point| point.count);
    let [load, pay] = &data_points[..] else { panic!("{data_points:?}") };
    assert_eq!((pay.explicit_bounds.as_slice(), pay.count, pay.sum), (&[0.1, 1.0][..], 4, Some(5.65)));
    assert_eq!((pay.bucket_counts.as_slice(), load.bucket_counts.as_slice()), (&[2, 1, 1][..], &[0, 1, 0][..]));
    assert_eq!(attribute(&pay.attributes, "route"), &"/pay".into());

    let data = telemetry.memory().metrics_data();
    let scopes = &data.last().unwrap().resource_metrics[0].scope_metrics;
    assert!(scopes.iter().any(|of| of.scope.name == "prometheus-client" && !of.metrics.is_empty()));
}

#[test]
fn exemplars_keep_their_trace_and_a_registry_may_go_on_to_change() {
    let telemetry = telemetry();
    let registry = Arc::new(Mutex::new(Registry::default()));
    let shared = Arc::clone(&registry);
    tripod::bridge::prometheus_client::register_with(move |text| encode(text, &shared.lock().unwrap()));
    telemetry.flush();
    let (sent, sizes) = (CounterWithExemplar::<_>::default(), HistogramWithExemplars::<_>::new([10.0].into_iter()));
    registry.lock().unwrap().register("pc_sent", "Sent", sent.clone());
    registry.lock().unwrap().register("pc_sizes", "Sizes", sizes.clone());
    let taken = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
    sent.inc_by(2, Some(vec![("trace_id", TRACE_ID), ("who", "ada")]), Some(taken));
    sizes.observe(5.0, Some(vec![("trace_id", TRACE_ID), ("span_id", "00f067aa0ba902b7")]), None);

    let MetricData::Sum { data_points, .. } = telemetry.metric("pc_sent").data else { panic!() };
    let exemplar = &data_points[0].exemplars[0];
    assert_eq!(exemplar.time_unix_nano / 1_000_000, 1_700_000_000_500);
    assert_eq!((exemplar.trace_id.to_string(), exemplar.value.as_f64()), (TRACE_ID.to_owned(), 2.0));
    assert_eq!(attribute(&exemplar.filtered_attributes, "who"), &"ada".into());
    let MetricData::Histogram { data_points, .. } = telemetry.metric("pc_sizes").data else { panic!() };
    assert_eq!(data_points[0].exemplars[0].span_id.to_string(), "00f067aa0ba902b7");
}
