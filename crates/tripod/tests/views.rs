//! Views change what instruments become, also those that were made and used before telemetry was started.

mod common;

use common::{attribute, telemetry, telemetry_with};
use tripod::metrics::{InstrumentKind, View};
use tripod_wire::otlp::Metric;
use tripod_wire::otlp::metrics::{HistogramDataPoint, MetricData, NumberDataPoint, NumberValue};

fn sums(metric: Metric) -> Vec<NumberDataPoint> {
    let MetricData::Sum { data_points, .. } = metric.data else { panic!("a sum, not {:?}", metric.data) };
    data_points
}

fn histograms(metric: Metric) -> Vec<HistogramDataPoint> {
    let MetricData::Histogram { data_points, .. } = metric.data else { panic!("a histogram, not {:?}", metric.data) };
    data_points
}

fn names(telemetry: &common::Telemetry) -> Vec<String> {
    telemetry.flush();
    telemetry.memory().metrics().into_iter().map(|metric| metric.name).collect()
}

#[test]
fn a_view_renames_and_describes_an_instrument_made_before_the_start() {
    let counter = tripod::counter("view_before_total").description("from code").build();
    counter.add(2, &[]);
    let view = View::instrument("view_BEFORE_total").rename("view.renamed").description("from the view");
    let telemetry = telemetry_with(|builder| builder.view(view));
    counter.add(3, &[]);
    let metric = telemetry.metric("view.renamed");
    assert_eq!(metric.description, "from the view");
    assert_eq!(sums(metric)[0].value, NumberValue::Int(5));
    assert!(!names(&telemetry).contains(&"view_before_total".to_owned()));
}

#[test]
fn dropped_labels_join_series_also_those_made_before_and_bound_then() {
    let counter = tripod::counter("view_labels_total").build();
    counter.add(1, tripod::labels!(user = 1, method = "GET"));
    let bound = counter.bind(tripod::labels!(user = 2, method = "GET"));
    let telemetry = telemetry_with(|builder| builder.view(View::instrument("view_lab*").drop_labels(["user"])));
    bound.add(10);
    for user in 0..100 {
        counter.add(100, tripod::labels!(user, method = "GET"));
    }
    counter.inc(tripod::labels!(method = "PUT", user = 7));
    let points = sums(telemetry.metric("view_labels_total"));
    let mut values: Vec<_> = points.iter().map(|p| (attribute(&p.attributes, "method").to_string(), p.value)).collect();
    values.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(values, [("GET".to_owned(), NumberValue::Int(10_011)), ("PUT".to_owned(), NumberValue::Int(1))]);
    let cardinality = tripod::metrics::cardinality();
    let own = cardinality.iter().find(|own| own.instrument == "view_labels_total").unwrap();
    assert_eq!((own.series, own.labels.as_slice()), (2, [("method".to_owned(), 2)].as_slice()));
    assert_eq!(counter.get(tripod::labels!(method = "PUT")), 1.0);
}

#[test]
fn kept_labels_are_all_that_is_left() {
    let telemetry = telemetry_with(|builder| builder.view(View::instrument("view_kept_total").keep_labels(["b"])));
    let counter = tripod::counter("view_kept_total").build();
    counter.inc(tripod::labels!(a = 1, b = 2, c = 3));
    counter.inc(tripod::labels!(b = 2, d = 4));
    let points = sums(telemetry.metric("view_kept_total"));
    assert_eq!((points.len(), points[0].attributes.len(), points[0].value), (1, 1, NumberValue::Int(2)));
}

#[test]
fn a_view_changes_buckets_and_what_came_before_is_counted_by_its_old_buckets() {
    let histogram = tripod::histogram("view_sizes").buckets(&[10.0, 20.0, 40.0]).build();
    let bound = histogram.bind(&[]);
    histogram.record(5.0, &[]);
    let view = View::instrument("view_sizes").buckets(&[10.0, 30.0]);
    let telemetry = telemetry_with(|builder| builder.view(view));
    histogram.record(15.0, &[]);
    histogram.record(31.0, &[]);
    bound.record(35.0);
    bound.record(1000.0);
    let points = histograms(telemetry.metric("view_sizes"));
    assert_eq!(points.len(), 1);
    assert_eq!(
        (points[0].explicit_bounds.as_slice(), points[0].bucket_counts.as_slice()),
        ([10.0, 30.0].as_slice(), [1, 1, 3].as_slice())
    );
    assert_eq!((points[0].count, points[0].sum), (5, Some(1086.0)));
    assert_eq!((points[0].min, points[0].max), (Some(5.0), Some(1000.0)));
}

#[test]
fn a_series_with_old_buckets_only_is_sent_with_the_new_ones() {
    let histogram = tripod::histogram("view_old_only").buckets(&[1.0, 2.0, 4.0]).build();
    histogram.record(1.5, tripod::labels!(old = true));
    let telemetry = telemetry_with(|builder| builder.view(View::instrument("view_old_only").buckets(&[3.0])));
    let points = histograms(telemetry.metric("view_old_only"));
    assert_eq!(
        (points[0].explicit_bounds.as_slice(), points[0].bucket_counts.as_slice()),
        ([3.0].as_slice(), [1, 0].as_slice())
    );
}

#[test]
fn a_dropped_instrument_is_neither_kept_nor_sent() {
    let by_kind = View::instrument("view_dropped*").kind(InstrumentKind::Counter).drop();
    let telemetry = telemetry_with(|builder| builder.view(by_kind));
    let counter = tripod::counter("view_dropped_total").build();
    (0..50).for_each(|n| counter.inc(tripod::labels!(n)));
    tripod::gauge("view_dropped_not").build().set(1.0, &[]);
    let names = names(&telemetry);
    assert!(!names.contains(&"view_dropped_total".to_owned()));
    assert!(names.contains(&"view_dropped_not".to_owned()));
    let own = tripod::metrics::cardinality().into_iter().find(|own| own.instrument == "view_dropped_total").unwrap();
    assert_eq!(own.series, 1);
}

#[test]
fn a_view_limits_series_and_the_builder_all_others() {
    let telemetry =
        telemetry_with(|builder| builder.max_series(5).view(View::instrument("view_limited_total").limit(2)));
    let (by_view, by_code, by_default) = (
        tripod::counter("view_limited_total").max_series(9).build(),
        tripod::counter("code_limited_total").max_series(3).build(),
        tripod::counter("default_limited_total").build(),
    );
    for n in 0..20 {
        for counter in [&by_view, &by_code, &by_default] {
            counter.inc(tripod::labels!(n));
        }
    }
    let points = |name| sums(telemetry.metric(name)).len();
    // One more for the overflow.
    assert_eq!(["view_limited_total", "code_limited_total", "default_limited_total"].map(points), [3, 4, 6]);
}

#[test]
fn a_prefix_stands_before_the_names_of_a_programs_metrics_only() {
    let telemetry = telemetry_with(|builder| builder.metric_prefix("shop"));
    tripod::counter("prefixed_total").build().inc(&[]);
    let names = names(&telemetry);
    assert!(names.contains(&"shop_prefixed_total".to_owned()), "{names:?}");
    assert!(names.iter().any(|name| name.starts_with("otel.sdk.")), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("shop_otel")), "{names:?}");
}

#[test]
fn the_next_start_without_views_brings_names_and_labels_back_and_loses_nothing() {
    let counter = tripod::counter("view_gone_total").build();
    counter.add(1, tripod::labels!(user = 1));
    let view = View::instrument("view_gone_total").rename("elsewhere").drop_labels(["user"]);
    let mut first = telemetry_with(|builder| builder.view(view));
    counter.add(10, tripod::labels!(user = 1));
    assert_eq!(sums(first.metric("elsewhere"))[0].value, NumberValue::Int(11));
    first.stop();
    drop(first);
    let second = telemetry();
    counter.add(100, tripod::labels!(user = 1));
    let points = sums(second.metric("view_gone_total"));
    let value = |labels: usize| points.iter().find(|point| point.attributes.len() == labels).unwrap().value;
    assert_eq!((value(1), value(0)), (NumberValue::Int(101), NumberValue::Int(10)));
}

#[test]
fn views_that_make_no_sense_are_errors_at_the_start() {
    for view in [View::instrument("a.*").rename("b"), View::instrument("a").rename("no spaces please")] {
        assert!(tripod::init().view(view).start().is_err());
    }
    assert!(tripod::init().metric_prefix("1st").start().is_err());
}

#[test]
fn a_view_makes_a_histogram_exponential_and_keeps_what_was_counted_in_buckets() {
    let histogram = tripod::histogram("view_exponential").buckets(&[2.0, 4.0]).build();
    let bound = histogram.bind(&[]);
    histogram.record(3.0, &[]);
    let telemetry =
        telemetry_with(|builder| builder.view(View::instrument("view_exponential").exponential_buckets(160)));
    histogram.record(100.0, &[]);
    bound.record(1.0);
    let metric = telemetry.metric("view_exponential");
    let MetricData::ExponentialHistogram { data_points, .. } = metric.data else { panic!("{:?}", metric.data) };
    assert_eq!(data_points.len(), 1);
    let point = &data_points[0];
    assert_eq!((point.count, point.sum, point.min, point.max), (3, Some(104.0), Some(1.0), Some(100.0)));
    assert_eq!(point.positive.bucket_counts.iter().sum::<u64>(), 3);
}
