//! Instruments that are asked: at each collection, for as long as they are registered, and nothing that they no longer report is sent.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{telemetry, telemetry_with};
use tripod::metrics::{View, observe_batch};
use tripod_wire::otlp::metrics::{MetricData, MetricsData, NumberDataPoint, NumberValue};

fn points(data: MetricData) -> Vec<NumberDataPoint> {
    match data {
        MetricData::Sum { data_points, .. } | MetricData::Gauge { data_points } => data_points,
        other => panic!("numbers, not {other:?}"),
    }
}

/// The points of a metric in the last collection; none when it is not in it.
fn last(telemetry: &common::Telemetry, name: &str) -> Vec<NumberDataPoint> {
    telemetry.memory().clear();
    telemetry.flush();
    let all: Vec<MetricsData> = telemetry.memory().metrics_data();
    let last = all.into_iter().next_back().into_iter().flat_map(|data| data.resource_metrics);
    let metrics = last.flat_map(|resource| resource.scope_metrics).flat_map(|scope| scope.metrics);
    metrics.filter(|metric| metric.name == name).flat_map(|metric| points(metric.data)).collect()
}

#[test]
fn counters_up_down_counters_and_gauges_are_asked() {
    let telemetry = telemetry();
    tripod::counter("asked_total").build().observe(|total| total.observe(5.0, &[]));
    tripod::up_down_counter("asked_open").build().observe(|open| open.observe(-3.0, &[]));
    tripod::gauge("asked_level").build().observe(|level| level.observe(0.5, &[]));
    for (name, value) in [("asked_total", 5.0), ("asked_open", -3.0), ("asked_level", 0.5)] {
        // Asked again and again, a total stays what is reported.
        for _ in 0..2 {
            let points = last(&telemetry, name);
            assert_eq!((points.len(), points[0].value), (1, NumberValue::Double(value)), "{name}");
        }
    }
}

#[test]
fn a_label_set_that_is_not_reported_any_more_is_not_sent() {
    let telemetry = telemetry();
    let round = Arc::new(AtomicU64::new(0));
    let asked = Arc::clone(&round);
    tripod::gauge("stale_level").build().observe(move |gauge| {
        gauge.observe(1.0, tripod::labels!(disk = "a"));
        if asked.fetch_add(1, Ordering::Relaxed) == 0 {
            gauge.observe(2.0, tripod::labels!(disk = "b"));
        }
    });
    assert_eq!(last(&telemetry, "stale_level").len(), 2);
    assert_eq!(last(&telemetry, "stale_level").len(), 1);
}

#[test]
fn an_unregistered_callback_is_asked_no_more_and_a_guard_unregisters() {
    let telemetry = telemetry();
    let calls = Arc::new(AtomicU64::new(0));
    let count = || {
        let calls = Arc::clone(&calls);
        move |gauge: &tripod::metrics::Observer<'_>| {
            calls.fetch_add(1, Ordering::Relaxed);
            gauge.observe(1.0, &[]);
        }
    };
    let observation = tripod::gauge("forgotten").build().observe(count());
    assert_eq!(last(&telemetry, "forgotten").len(), 1);
    observation.unregister();
    assert_eq!(last(&telemetry, "forgotten").len(), 0);
    let guard = tripod::gauge("forgotten").build().observe(count()).until_dropped();
    assert_eq!(last(&telemetry, "forgotten").len(), 1);
    drop(guard);
    assert_eq!(last(&telemetry, "forgotten").len(), 0);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(Arc::strong_count(&calls), 1, "what the callbacks owned is dropped");
}

#[test]
fn one_callback_reports_several_instruments() {
    let telemetry = telemetry();
    let (used, total) = (tripod::gauge("batch_used").build(), tripod::counter("batch_total").build());
    let guard = observe_batch(move |batch| {
        batch.observe(&used, 3.0, tripod::labels!(pool = "db"));
        batch.observe(&total, 40.0, &[]);
    })
    .until_dropped();
    assert_eq!(last(&telemetry, "batch_used")[0].value, NumberValue::Double(3.0));
    assert_eq!(last(&telemetry, "batch_total")[0].value, NumberValue::Double(40.0));
    drop(guard);
    assert!(last(&telemetry, "batch_used").is_empty());
}

#[test]
fn a_callback_that_panics_is_counted_and_the_others_are_asked() {
    let telemetry = telemetry();
    let before = tripod::metrics::callback_panics();
    let guard = tripod::gauge("panics").build().observe(|_| panic!("in a callback")).until_dropped();
    let after = tripod::gauge("after_panics").build().observe(|gauge| gauge.observe(1.0, &[])).until_dropped();
    assert_eq!(last(&telemetry, "after_panics").len(), 1);
    assert!(tripod::metrics::callback_panics() > before);
    drop((guard, after));
}

#[test]
fn totals_that_a_view_makes_one_series_are_added_up() {
    let view = View::instrument("folded_total").drop_labels(["core"]);
    let telemetry = telemetry_with(|builder| builder.view(view));
    tripod::counter("folded_total").build().observe(|total| {
        (0..4).for_each(|core| total.observe(10.0, tripod::labels!(core)));
    });
    let points = last(&telemetry, "folded_total");
    assert_eq!((points.len(), points[0].value), (1, NumberValue::Double(40.0)));
    assert_eq!(last(&telemetry, "folded_total")[0].value, NumberValue::Double(40.0));
}

#[test]
fn a_callback_may_make_instruments_and_register_others() {
    let telemetry = telemetry();
    let guard = tripod::gauge("reentrant").build().observe(|gauge| {
        tripod::counter("made_in_a_callback_total").build().inc(&[]);
        drop(tripod::gauge("registered_in_a_callback").build().observe(|_| ()).until_dropped());
        gauge.observe(1.0, &[]);
    });
    let guard = guard.until_dropped();
    assert_eq!(last(&telemetry, "reentrant").len(), 1);
    drop(guard);
}
