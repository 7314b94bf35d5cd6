//! The registry: one instrument a name, whoever makes it, and errors that name both sides.

mod common;

use common::telemetry;
use tripod::metrics::{self, InstrumentKind, MetricDefinition};
use tripod::{Counter, Error, Gauge};
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

#[test]
fn what_is_defined_is_recorded_by_name_and_by_the_instrument_alike() {
    let telemetry = telemetry();
    let definition = || {
        MetricDefinition::new("defined_sizes", InstrumentKind::Histogram)
            .description("Sizes")
            .unit("{item}")
            .labels(["category"])
            .buckets(&[1.0, 10.0])
    };
    metrics::define(definition()).unwrap();
    metrics::define(definition()).expect("the same again is no conflict");
    metrics::record("defined_sizes", 5.0, tripod::labels!(category = "a", wrong = 1));
    metrics::observe("Defined_Sizes", 50.0, tripod::labels!(category = "a"));
    tripod::histogram("defined_sizes").build().record(0.5, tripod::labels!(category = "a"));
    let metric = telemetry.metric("defined_sizes");
    assert_eq!((metric.description.as_str(), metric.unit.as_str()), ("Sizes", "{item}"));
    let MetricData::Histogram { data_points, .. } = metric.data else { panic!("a histogram") };
    assert_eq!((data_points.len(), data_points[0].bucket_counts.as_slice()), (1, [1, 1, 1].as_slice()));
    assert!(metrics::definitions().contains(&definition()));
}

#[test]
fn a_definition_that_differs_from_what_there_is_is_an_error() {
    tripod::counter("defined_before_total").build();
    let wrong = MetricDefinition::new("defined_before_total", InstrumentKind::Histogram).buckets(&[1.0]);
    let message = metrics::define(wrong).unwrap_err().to_string();
    assert!(
        message.contains("a counter already") && message.contains("a histogram with the buckets 1 too"),
        "{message}"
    );
    let buckets = MetricDefinition::new("defined_counter", InstrumentKind::Counter).buckets(&[1.0]);
    assert!(metrics::define(buckets).unwrap_err().to_string().contains("a counter has none"));
    assert!(metrics::define(MetricDefinition::new("no name", InstrumentKind::Gauge)).is_err());
}

#[test]
fn each_kind_does_with_a_value_what_it_does() {
    use InstrumentKind::{Counter, Gauge, UpDownCounter};
    for (name, kind) in [("named_total", Counter), ("named_open", UpDownCounter), ("named_level", Gauge)] {
        metrics::define(MetricDefinition::new(name, kind)).unwrap();
        for value in [3.0, 0.5, -1.0] {
            metrics::record(name, value, &[]);
        }
    }
    metrics::increment("named_total", 2, &[]);
    metrics::set("named_level", 7.5, &[]);
    assert_eq!(tripod::counter("named_total").build().get(&[]), 5.5);
    assert_eq!(tripod::up_down_counter("named_open").build().get(&[]), 2.5);
    assert_eq!(tripod::gauge("named_level").build().get(&[]), 7.5);
}

#[test]
fn unknown_names_and_other_kinds_are_counted_and_change_nothing() {
    let counter = tripod::counter("no_gauge_total").build();
    let before = metrics::lost_by_name();
    metrics::record("never_defined", 1.0, &[]);
    metrics::set("no_gauge_total", 1.0, &[]);
    metrics::observe("no_gauge_total", 1.0, &[]);
    assert_eq!((metrics::lost_by_name() - before, counter.get(&[])), (3, 0.0));
    assert!(matches!(metrics::instrument("never_defined"), Err(Error::UnknownMetric { .. })));
    let found = metrics::instrument("no_gauge_total").unwrap();
    assert_eq!(found.kind(), InstrumentKind::Counter);
    let Err(error) = Gauge::try_from(found.clone()) else { panic!("a counter is no gauge") };
    assert_eq!(error.to_string(), "the metric no_gauge_total is a counter already, and can't be a gauge too");
    Counter::try_from(found).unwrap().inc(&[]);
    assert_eq!(counter.get(&[]), 1.0);
}
