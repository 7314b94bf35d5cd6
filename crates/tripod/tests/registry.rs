//! The registry: one instrument a name, whoever makes it, and errors that name both sides.

mod common;

use common::telemetry;
use tripod::Error;
use tripod_wire::otlp::metrics::MetricData;

#[test]
fn another_kind_under_the_same_name_is_an_error_that_names_both() {
    tripod::counter("conflict_total").build();
    let Err(error) = tripod::gauge("Conflict_Total").try_build() else { panic!("a counter is no gauge") };
    assert!(matches!(&error, Error::MetricConflict { .. }));
    assert_eq!(error.to_string(), "the metric Conflict_Total is a counter already, and can't be a gauge too");
}

#[test]
fn other_buckets_or_labels_are_an_error_and_none_fit_any() {
    let first = tripod::histogram("conflict_sizes").buckets(&[1.0, 2.5]).labels(["a", "b"]).build();
    let Err(error) = tripod::histogram("conflict_sizes").buckets(&[1.0, 5.0]).try_build() else {
        panic!("other buckets")
    };
    let message = error.to_string();
    for part in ["a histogram with the labels a, b and the buckets 1, 2.5 already", "with the buckets 1, 5 too"] {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(tripod::histogram("conflict_sizes").labels(["a"]).try_build().is_err());
    tripod::histogram("conflict_sizes").try_build().expect("what asks for nothing gets what there is").record(1.0, &[]);
    drop(first);
}

#[test]
fn what_conflicts_works_apart_is_the_same_each_time_and_is_not_sent() {
    let telemetry = telemetry();
    tripod::counter("apart_total").build().inc(&[]);
    for _ in 0..3 {
        tripod::up_down_counter("apart_total").build().add(5, &[]);
        tripod::counter("not a name").build().inc(&[]);
    }
    assert_eq!(tripod::up_down_counter("apart_total").build().get(&[]), 15.0);
    assert_eq!(tripod::counter("not a name").build().get(&[]), 3.0);
    let metric = telemetry.metric("apart_total");
    assert!(matches!(metric.data, MetricData::Sum { is_monotonic: true, .. }));
    assert!(!telemetry.memory().metrics().iter().any(|metric| metric.name == "not a name"));
}

#[test]
fn a_name_that_is_not_allowed_is_an_error_that_says_what_is() {
    for name in ["", "2nd", "with space", "ümlaut", &"x".repeat(256)] {
        let Err(error) = tripod::counter(name.to_owned()).try_build() else { panic!("{name} is no name") };
        let message = error.to_string();
        assert!(message.contains(&format!("{name:?}")) && message.contains("a letter first"), "{message}");
    }
}

#[test]
fn of_two_descriptions_the_first_stays() {
    let telemetry = telemetry();
    tripod::counter("described_total").description("first").unit("{call}").build().inc(&[]);
    tripod::counter("described_total").description("second").build().inc(&[]);
    tripod::counter("described_total").build().inc(&[]);
    let metric = telemetry.metric("described_total");
    assert_eq!((metric.description.as_str(), metric.unit.as_str()), ("first", "{call}"));
}

#[test]
fn the_same_name_in_two_components_is_two_metrics() {
    let (a, b) = (tripod::telemetry("registry.a"), tripod::telemetry("registry.b"));
    a.namespace("orders").subsystem("paid").counter("total").build().inc(&[]);
    b.gauge("orders_paid_total").try_build().expect("another scope").set(1.0, &[]);
    assert_eq!(a.counter("orders_paid_total").build().get(&[]), 1.0);
}

#[test]
fn labels_that_are_not_declared_are_left_out_and_counted() {
    let counter = tripod::counter("declared_total").labels(["method", "status"]).build();
    counter.inc(tripod::labels!(method = "GET", status = 200));
    counter.inc(tripod::labels!(method = "GET", user = "ada", status = 200));
    assert_eq!(counter.get(tripod::labels!(method = "GET", status = 200)), 2.0);
    let all = tripod::metrics::cardinality();
    let own = all.iter().find(|own| own.instrument == "declared_total").unwrap();
    assert_eq!((own.series, own.undeclared), (1, 1));
}
