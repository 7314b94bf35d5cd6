//! Thresholds: who watches one is told when a series crosses it, from the collector's thread, with what crossed it.

mod common;

use std::sync::{Arc, Mutex};

use common::telemetry;
use tripod::metrics::{self, Crossing, Direction, Measure, Threshold, Watch};

/// What a threshold has told so far.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Crossing>>>);

impl Told {
    fn by(threshold: Threshold) -> (Self, Watch) {
        let told = Self::default();
        let tell = told.clone();
        let watch = threshold.call(move |crossing| tell.0.lock().unwrap().push(crossing.clone())).unwrap();
        (told, watch)
    }

    fn take(&self) -> Vec<(Direction, f64)> {
        self.0.lock().unwrap().drain(..).map(|crossing| (crossing.direction, crossing.value)).collect()
    }
}

#[test]
fn a_gauge_raises_once_and_clears_below_the_second_bound() {
    let telemetry = telemetry();
    let (told, watch) = Told::by(metrics::on_threshold("watched_depth").above(100.0).clears_below(80.0));
    let depth = tripod::gauge("watched_depth").build();
    for (value, expected) in [
        (100.0, None),
        (150.0, Some(Direction::Raised)),
        (160.0, None),
        (90.0, None),
        (79.0, Some(Direction::Cleared)),
        (101.0, Some(Direction::Raised)),
    ] {
        depth.set(value, tripod::labels!(queue = "mail"));
        telemetry.flush();
        assert_eq!(told.take(), expected.map(|direction| (direction, value)).into_iter().collect::<Vec<_>>());
    }
    watch.stop();
    depth.set(0.0, tripod::labels!(queue = "mail"));
    telemetry.flush();
    assert!(told.take().is_empty());
}

#[test]
fn a_crossing_says_which_series_of_which_metric_and_labels_choose() {
    let telemetry = telemetry();
    let threshold = metrics::on_threshold("watched_errors_*").labels(tripod::labels!(provider = "x")).above(2.0);
    let (told, watch) = Told::by(threshold);
    let errors = tripod::counter("watched_errors_total").build();
    errors.add(5, tripod::labels!(provider = "x", code = 500));
    errors.add(5, tripod::labels!(provider = "y", code = 500));
    telemetry.flush();
    let crossings = told.0.lock().unwrap().clone();
    assert_eq!(crossings.len(), 1);
    let crossing = &crossings[0];
    assert_eq!((crossing.metric.as_str(), crossing.value, crossing.threshold), ("watched_errors_total", 5.0, 2.0));
    assert_eq!((crossing.label("provider").as_deref(), crossing.label("code").as_deref()), (Some("x"), Some("500")));
    watch.stop();
}

#[test]
fn quantiles_and_means_of_histograms_are_compared() {
    let telemetry = telemetry();
    let duration = tripod::histogram("watched_seconds").buckets(&[0.1, 1.0]).build();
    telemetry.flush();
    let watched = |measure| Told::by(metrics::on_threshold("watched_seconds").measure(measure).above(0.5));
    let all = [Measure::Mean, Measure::Quantile(0.99), Measure::Quantile(0.5), Measure::Count].map(watched);
    telemetry.flush();
    for _ in 0..9 {
        duration.record(0.05, &[]);
    }
    duration.record(20.0, &[]);
    telemetry.flush();
    let raised: Vec<bool> = all.iter().map(|(told, _)| !told.take().is_empty()).collect();
    assert_eq!(raised, [true, true, false, true]);
    all.into_iter().for_each(|(_, watch)| watch.stop());
}

#[test]
fn a_callback_that_panics_is_counted_and_the_others_are_told() {
    let telemetry = telemetry();
    let before = metrics::threshold_panics();
    let panics = metrics::on_threshold("watched_panics").above(1.0).call(|_| panic!("in a callback")).unwrap();
    let (told, watch) = Told::by(metrics::on_threshold("watched_panics").above(1.0));
    tripod::gauge("watched_panics").build().set(2.0, &[]);
    telemetry.flush();
    assert_eq!(told.take().len(), 1);
    assert_eq!(metrics::threshold_panics(), before + 1);
    panics.stop();
    watch.stop();
}

#[test]
fn what_a_callback_records_is_the_programs() {
    let telemetry = telemetry();
    let watch = metrics::on_threshold("watched_temperature").above(90.0).call(|crossing| {
        let _span = tripod::span!("cool down");
        tripod::warn!("too hot", value = crossing.value);
    });
    tripod::gauge("watched_temperature").build().set(95.0, &[]);
    // It is called while this collects, so what it records comes with the next.
    telemetry.flush();
    telemetry.span("cool down");
    assert_eq!(telemetry.logs().len(), 1);
    watch.unwrap().stop();
}

#[test]
fn a_callback_may_record_watch_and_stop() {
    let telemetry = telemetry();
    let raised = tripod::counter("watched_raised_total").build();
    let count = raised.clone();
    let watch = metrics::on_threshold("watched_reentrant").above(1.0).call(move |_| {
        count.inc(&[]);
        metrics::on_threshold("another").above(1.0).call(|_| ()).unwrap().stop();
    });
    tripod::gauge("watched_reentrant").build().set(2.0, &[]);
    telemetry.flush();
    assert_eq!(raised.get(&[]), 1.0);
    watch.unwrap().stop();
}

#[test]
fn what_is_asked_by_a_callback_is_watched_too_and_gone_means_cleared() {
    let telemetry = telemetry();
    let (told, watch) = Told::by(metrics::on_threshold("watched_asked").above(1.0));
    let observation = tripod::gauge("watched_asked").build().observe(|gauge| gauge.observe(7.0, &[]));
    telemetry.flush();
    assert_eq!(told.take(), [(Direction::Raised, 7.0)]);
    observation.unregister();
    telemetry.flush();
    assert_eq!(told.take(), [(Direction::Cleared, 7.0)]);
    watch.stop();
}
