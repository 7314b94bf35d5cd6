//! Metrics as a user writes them, read back from the bytes that are sent.

mod common;

use common::{attribute, telemetry};
use tripod_wire::otlp::metrics::{AggregationTemporality, MetricData, NumberDataPoint, NumberValue};

fn sum_points(data: MetricData) -> Vec<NumberDataPoint> {
    let MetricData::Sum { data_points, aggregation_temporality, .. } = data else { panic!("a sum, not {data:?}") };
    assert_eq!(aggregation_temporality, AggregationTemporality::CUMULATIVE);
    data_points
}

#[test]
fn a_counter_counts_by_label_set_from_many_threads() {
    let telemetry = telemetry();
    let counter = tripod::counter("threads_total").description("From threads").unit("{call}").build();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let bound = counter.bind(tripod::labels!(kind = "bound"));
                for _ in 0..1000 {
                    bound.inc();
                    counter.add(2, tripod::labels!(kind = "dynamic", status = 200));
                }
            });
        }
    });
    let metric = telemetry.metric("threads_total");
    assert_eq!((metric.description.as_str(), metric.unit.as_str()), ("From threads", "{call}"));
    let points = sum_points(metric.data);
    assert_eq!(
        points.iter().map(|point| point.value).collect::<Vec<_>>(),
        [NumberValue::Int(4000), NumberValue::Int(8000)]
    );
    assert_eq!(attribute(&points[1].attributes, "status"), &200_i64.into());
}

#[test]
fn the_same_name_gives_the_same_instrument_and_another_kind_is_kept_apart() {
    let telemetry = telemetry();
    tripod::counter("same_total").build().inc(&[]);
    tripod::counter("same_total").build().inc(&[]);
    let gauge = tripod::gauge("same_total").build();
    gauge.set(99.0, &[]);
    assert_eq!(gauge.get(&[]), 99.0);
    assert_eq!(sum_points(telemetry.metric("same_total").data)[0].value, NumberValue::Int(2));
}

#[test]
fn a_histogram_counts_into_buckets_and_keeps_extremes() {
    let telemetry = telemetry();
    let histogram = tripod::histogram("sizes").buckets(&[1.0, 10.0]).build();
    for value in [0.5, 1.0, 2.0, 100.0, f64::NAN] {
        histogram.record(value, &[]);
    }
    let MetricData::Histogram { data_points, .. } = telemetry.metric("sizes").data else { panic!("a histogram") };
    let point = &data_points[0];
    assert_eq!((point.count, point.bucket_counts.as_slice()), (4, [2, 1, 1].as_slice()));
    assert_eq!((point.sum, point.min, point.max), (Some(103.5), Some(0.5), Some(100.0)));
}

#[test]
fn durations_in_seconds_get_buckets_for_seconds() {
    let telemetry = telemetry();
    tripod::histogram("a_duration_seconds").build().record(0.2, &[]);
    tripod::histogram("a_duration").unit("ms").build().record(200.0, &[]);
    let largest = |name: &str| {
        let MetricData::Histogram { data_points, .. } = telemetry.metric(name).data else { panic!("a histogram") };
        *data_points[0].explicit_bounds.last().unwrap()
    };
    assert_eq!((largest("a_duration_seconds"), largest("a_duration")), (10.0, 10_000.0));
}

#[test]
fn a_measurement_in_a_sampled_span_leaves_an_exemplar() {
    let telemetry = telemetry();
    let (counter, histogram) = (tripod::counter("calls_total").build(), tripod::histogram("latency").build());
    counter.inc(&[]);
    let span = tripod::span!("work");
    let context = span.context();
    counter.inc(&[]);
    histogram.record(30.0, &[]);
    drop(span);
    let exemplar = &sum_points(telemetry.metric("calls_total").data)[0].exemplars[0];
    assert_eq!((exemplar.trace_id, exemplar.span_id), (context.trace_id, context.span_id));
    assert!(exemplar.time_unix_nano > 0);
    // Each flush collects anew, and an exemplar is sent once.
    let all = telemetry.memory().metrics_data();
    let points =
        all.iter().flat_map(|data| &data.resource_metrics).flat_map(|r| &r.scope_metrics).flat_map(|s| &s.metrics);
    let exemplars = points.filter(|metric| metric.name == "latency").filter_map(|metric| match &metric.data {
        MetricData::Histogram { data_points, .. } => Some(data_points[0].exemplars.clone()),
        _ => None,
    });
    let exemplars: Vec<_> = exemplars.flatten().collect();
    assert_eq!(exemplars.len(), 1);
    assert_eq!((exemplars[0].value, exemplars[0].trace_id), (NumberValue::Double(30.0), context.trace_id));
}

#[test]
fn gauges_and_up_down_counters_go_both_ways() {
    let telemetry = telemetry();
    let (gauge, open) = (tripod::gauge("level").build(), tripod::up_down_counter("open").build());
    gauge.set(5.0, &[]);
    gauge.dec(&[]);
    open.add(3, &[]);
    open.add(-1, &[]);
    assert_eq!((gauge.get(&[]), open.get(&[])), (4.0, 2.0));
    let MetricData::Gauge { data_points } = telemetry.metric("level").data else { panic!("a gauge") };
    assert_eq!(data_points[0].value, NumberValue::Double(4.0));
    let MetricData::Sum { is_monotonic, data_points, .. } = telemetry.metric("open").data else { panic!("a sum") };
    assert!(!is_monotonic);
    assert_eq!(data_points[0].value, NumberValue::Int(2));
}

#[test]
fn a_callback_is_asked_at_each_collection_and_may_panic_alone() {
    let telemetry = telemetry();
    tripod::gauge("bad").build().observe(|_| panic!("in a callback"));
    tripod::gauge("observed").build().observe(|gauge| gauge.observe(17.0, tripod::labels!(name = "mail")));
    let MetricData::Gauge { data_points } = telemetry.metric("observed").data else { panic!("a gauge") };
    assert_eq!(data_points[0].value, NumberValue::Double(17.0));
}
