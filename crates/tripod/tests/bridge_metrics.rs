//! Programs that call `metrics`, read back from the bytes that are sent.
#![cfg(feature = "metrics")]

mod common;

use std::sync::Once;

use common::{Telemetry, attribute, telemetry_with};
use metrics::{Key, Label, Unit, counter, gauge, histogram};
use tripod_wire::otlp::metrics::{MetricData, NumberDataPoint, NumberValue};

fn telemetry() -> Telemetry {
    static RECORDER: Once = Once::new();
    RECORDER.call_once(|| tripod::bridge::metrics::init().unwrap());
    telemetry_with(|builder| builder)
}

fn points(telemetry: &Telemetry, name: &str) -> Vec<NumberDataPoint> {
    match telemetry.metric(name).data {
        MetricData::Sum { data_points, .. } | MetricData::Gauge { data_points } => data_points,
        other => panic!("{name}: {other:?}"),
    }
}

fn value(point: &NumberDataPoint) -> f64 {
    match point.value {
        NumberValue::Int(value) => value as f64,
        NumberValue::Double(value) => value,
        NumberValue::Empty => panic!("no value"),
    }
}

#[test]
fn counters_add_and_move_forward_to_a_total_but_never_back() {
    let telemetry = telemetry();
    let handle = counter!("m_requests_total", "method" => "GET");
    handle.increment(2);
    counter!("m_requests_total", "method" => "GET").increment(1);
    counter!("m_requests_total", "method" => "POST").absolute(40);
    counter!("m_requests_total", "method" => "POST").absolute(30);
    counter!("m_requests_total", "method" => "POST").increment(2);
    let points = points(&telemetry, "m_requests_total");
    let of = |method: &str| {
        value(points.iter().find(|point| *attribute(&point.attributes, "method") == method.into()).unwrap())
    };
    assert_eq!((points.len(), of("GET"), of("POST")), (2, 3.0, 42.0));
}

#[test]
fn gauges_are_set_and_moved() {
    let telemetry = telemetry();
    let depth = gauge!("m_depth");
    depth.set(10.0);
    depth.increment(5.0);
    depth.decrement(0.5);
    assert_eq!(value(&points(&telemetry, "m_depth")[0]), 14.5);
}

#[test]
fn histograms_count_and_their_unit_chooses_the_buckets() {
    let telemetry = telemetry();
    metrics::describe_histogram!("m_latency", Unit::Seconds, "How long it takes");
    let latency = histogram!("m_latency", "route" => "/pay");
    latency.record(0.3);
    latency.record_many(0.004, 3);
    let metric = telemetry.metric("m_latency");
    assert_eq!((metric.unit.as_str(), metric.description.as_str()), ("s", "How long it takes"));
    let MetricData::Histogram { data_points, .. } = metric.data else { panic!() };
    assert_eq!((data_points[0].count, data_points[0].bucket_counts[0]), (4, 3));
}

#[test]
fn units_are_those_of_ucum() {
    let telemetry = telemetry();
    for (name, unit, ucum) in [
        ("m_count", Unit::Count, "{count}"),
        ("m_bytes", Unit::Bytes, "By"),
        ("m_mebibytes", Unit::Mebibytes, "MiBy"),
        ("m_micros", Unit::Microseconds, "us"),
        ("m_rate", Unit::CountPerSecond, "{count}/s"),
    ] {
        metrics::describe_gauge!(name, unit, "described");
        gauge!(name).set(1.0);
        let metric = telemetry.metric(name);
        assert_eq!((metric.unit.as_str(), metric.description.as_str()), (ucum, "described"));
    }
}

#[test]
fn names_and_labels_that_are_made_up_as_the_program_runs_find_their_series() {
    let telemetry = telemetry();
    for n in 0..200 {
        let labels = vec![Label::new("shard", (n % 2).to_string()), Label::new("zone", "a")];
        counter!(Key::from_parts(String::from("m_made_up_total"), labels).name().to_owned(), "shard" => (n % 2).to_string())
            .increment(1);
    }
    let points = points(&telemetry, "m_made_up_total");
    assert_eq!(points.iter().map(value).collect::<Vec<_>>(), [100.0, 100.0]);
}

#[test]
fn threads_record_into_one_series() {
    let telemetry = telemetry();
    let handle = counter!("m_threads_total");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let handle = handle.clone();
            scope.spawn(move || {
                for _ in 0..1000 {
                    handle.increment(1);
                    counter!("m_threads_total").increment(1);
                }
            });
        }
    });
    assert_eq!(value(&points(&telemetry, "m_threads_total")[0]), 8000.0);
}

#[test]
fn a_second_recorder_is_an_error() {
    let _telemetry = telemetry();
    assert!(tripod::bridge::metrics::init().is_err());
}

#[test]
fn a_description_that_comes_late_takes_effect_and_the_first_stays() {
    let telemetry = telemetry();
    metrics::counter!("m_late").increment(1);
    assert_eq!(telemetry.metric("m_late").description, "");
    metrics::describe_counter!("m_late", Unit::Bytes, "What was sent");
    metrics::describe_counter!("m_late", Unit::Seconds, "Something else");
    metrics::counter!("m_late", "also" => "with labels").increment(1);
    telemetry.memory().clear();
    let metric = telemetry.metric("m_late");
    assert_eq!((metric.description.as_str(), metric.unit.as_str()), ("What was sent", "By"));
}
