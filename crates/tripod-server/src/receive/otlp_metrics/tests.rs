use std::collections::BTreeMap;

use tripod_store::{Embedded, Options};
use tripod_wire::otlp::metrics::{
    self, AggregationTemporality, HistogramDataPoint, MetricData, NO_RECORDED_VALUE, NumberDataPoint, NumberValue,
    ScopeMetrics, SummaryDataPoint, ValueAtQuantile,
};
use tripod_wire::otlp::{InstrumentationScope, KeyValue, Metric, Resource, ResourceMetrics};
use tripod_wire::{SpanId, TraceId};

use super::*;

const TIME: u64 = 5_000_000_000;

struct Fixture {
    store: Embedded,
    translator: Translator,
    _dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Embedded::open(Options::new(dir.path())).unwrap();
        Self { store, translator: Translator::default(), _dir: dir }
    }

    /// Translates one metric of the resource `shop/backend`; nothing is written.
    fn translate(&self, name: &str, data: MetricData) -> Translation<'_> {
        let attributes = vec![
            KeyValue::new("service.name", "backend"),
            KeyValue::new("service.namespace", "shop"),
            KeyValue::new("host.name", "a"),
        ];
        let scope = InstrumentationScope { name: "lib".to_owned(), ..InstrumentationScope::default() };
        let metric = Metric { name: name.to_owned(), data, ..Metric::default() };
        let resource = ResourceMetrics {
            resource: Resource { attributes, ..Resource::default() },
            scope_metrics: vec![ScopeMetrics { scope, metrics: vec![metric], ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        };
        self.translator.translate(&MetricsData { resource_metrics: vec![resource] }, &self.store).unwrap()
    }

    /// Values by series, without what all have in common.
    fn values(&self, name: &str, data: MetricData) -> BTreeMap<String, f64> {
        values(&self.translate(name, data))
    }
}

fn values(translation: &Translation<'_>) -> BTreeMap<String, f64> {
    let own = translation.writes.iter().filter(|write| write.labels.name() != "target_info");
    own.map(|write| (shown(&write.labels), write.samples.floats[0].1)).collect()
}

fn shown(labels: &Labels) -> String {
    assert_eq!((labels.get("job"), labels.get("otel_scope_name")), ("shop/backend", "lib"));
    let hidden = ["__name__", "job", "otel_scope_name"];
    let own = labels.iter().filter(|(name, _)| !hidden.contains(name));
    let own: Vec<String> = own.map(|(name, value)| format!("{name}={value}")).collect();
    format!("{} {}", labels.name(), own.join(" ")).trim_end().to_owned()
}

fn number(value: f64, time: u64) -> NumberDataPoint {
    NumberDataPoint { time_unix_nano: time, value: NumberValue::Double(value), ..NumberDataPoint::default() }
}

fn sum(points: Vec<NumberDataPoint>, temporality: AggregationTemporality) -> MetricData {
    MetricData::Sum { data_points: points, aggregation_temporality: temporality, is_monotonic: true }
}

fn histogram() -> HistogramDataPoint {
    HistogramDataPoint {
        time_unix_nano: TIME,
        count: 6,
        sum: Some(4.5),
        bucket_counts: vec![1, 2, 3],
        explicit_bounds: vec![0.5, 1.0],
        ..HistogramDataPoint::default()
    }
}

fn histograms(point: HistogramDataPoint, temporality: AggregationTemporality) -> MetricData {
    MetricData::Histogram { data_points: vec![point], aggregation_temporality: temporality }
}

#[test]
fn a_value_is_kept_bit_by_bit() {
    for value in [0.1, -0.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE / 3.0, 9_007_199_254_740_993_i64 as f64] {
        let gauge = MetricData::Gauge { data_points: vec![number(value, TIME)] };
        assert_eq!(Fixture::new().values("g", gauge)["g"].to_bits(), value.to_bits());
    }
}

#[test]
fn a_resource_says_the_rest_of_itself_in_target_info() {
    let fixture = Fixture::new();
    let translation = fixture.translate("g", MetricData::Gauge { data_points: vec![number(1.0, TIME)] });
    let info = translation.writes.iter().find(|write| write.labels.name() == "target_info").unwrap();
    let labels: Vec<_> = info.labels.iter().collect();
    assert_eq!(labels, [("__name__", "target_info"), ("host_name", "a"), ("job", "shop/backend")]);
    assert_eq!(info.samples.floats, [(5000, 1.0)]);
}

#[test]
fn a_histogram_becomes_cumulated_buckets_a_sum_and_a_count() {
    let values = Fixture::new().values("h", histograms(histogram(), AggregationTemporality::CUMULATIVE));
    let values: Vec<(&str, f64)> = values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let expected =
        [("h_bucket le=+Inf", 6.0), ("h_bucket le=0.5", 1.0), ("h_bucket le=1", 3.0), ("h_count", 6.0), ("h_sum", 4.5)];
    assert_eq!(values, expected);
}

#[test]
fn an_exemplar_goes_to_the_bucket_it_was_counted_in() {
    let exemplar = |value| metrics::Exemplar {
        value: NumberValue::Double(value),
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        ..metrics::Exemplar::default()
    };
    let point = HistogramDataPoint { exemplars: vec![exemplar(0.5), exemplar(0.6), exemplar(7.0)], ..histogram() };
    let fixture = Fixture::new();
    let translation = fixture.translate("h", histograms(point, AggregationTemporality::CUMULATIVE));
    let found: Vec<(&str, f64, i64)> = translation
        .writes
        .iter()
        .flat_map(|write| write.exemplars.iter().map(|one| (write.labels.get("le"), one.value, one.time)))
        .collect();
    // Without a time of its own an exemplar has that of its point.
    assert_eq!(found, [("0.5", 0.5, 5000), ("1", 0.6, 5000), ("+Inf", 7.0, 5000)]);
}

#[test]
fn a_summary_becomes_quantiles_a_sum_and_a_count() {
    let quantile_values = vec![ValueAtQuantile { quantile: 0.99, value: 3.0 }];
    let point =
        SummaryDataPoint { time_unix_nano: TIME, count: 2, sum: 4.0, quantile_values, ..SummaryDataPoint::default() };
    let values = Fixture::new().values("s", MetricData::Summary { data_points: vec![point] });
    let values: Vec<(&str, f64)> = values.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(values, [("s quantile=0.99", 3.0), ("s_count", 2.0), ("s_sum", 4.0)]);
}

#[test]
fn a_point_without_a_recorded_value_ends_its_series() {
    let stale = |values: BTreeMap<String, f64>, count| {
        assert_eq!(values.len(), count);
        assert!(values.values().all(|value| tripod_promql::is_stale(*value)), "{values:?}");
    };
    let fixture = Fixture::new();
    let point = NumberDataPoint { flags: NO_RECORDED_VALUE, time_unix_nano: TIME, ..NumberDataPoint::default() };
    stale(fixture.values("c", sum(vec![point], AggregationTemporality::DELTA)), 1);
    let point = HistogramDataPoint { flags: NO_RECORDED_VALUE, bucket_counts: vec![], ..histogram() };
    stale(fixture.values("h", histograms(point, AggregationTemporality::CUMULATIVE)), 5);
}

#[test]
fn a_point_that_cannot_be_is_rejected_alone_with_a_reason() {
    let fixture = Fixture::new();
    let empty = NumberDataPoint { time_unix_nano: TIME, ..NumberDataPoint::default() };
    let gauge = MetricData::Gauge { data_points: vec![empty, number(1.0, 0), number(2.0, TIME)] };
    let translation = fixture.translate("g", gauge);
    assert_eq!(values(&translation)["g"], 2.0);
    let counted = translation.commit(Appended::default());
    assert_eq!((counted.accepted, counted.rejected), (1, 2));
    assert_eq!(counted.reason.as_deref(), Some(r#"metric "g": a point has no value"#));

    for point in [
        HistogramDataPoint { bucket_counts: vec![1], ..histogram() },
        HistogramDataPoint { explicit_bounds: vec![1.0, 1.0], ..histogram() },
        HistogramDataPoint { explicit_bounds: vec![1.0, f64::NAN], ..histogram() },
        HistogramDataPoint { bucket_counts: vec![0; 3000], explicit_bounds: vec![0.0; 2999], ..histogram() },
    ] {
        let translation = fixture.translate("h", histograms(point, AggregationTemporality::CUMULATIVE));
        assert_eq!(translation.commit(Appended::default()).rejected, 1);
    }
}

#[test]
fn deltas_add_up_only_when_they_were_written() {
    let fixture = Fixture::new();
    let delta = || sum(vec![number(2.0, TIME), number(3.0, TIME + 1)], AggregationTemporality::DELTA);
    // The first try is not committed: as if it had not been.
    assert_eq!(fixture.values("c", delta())["c_total"], 5.0);
    let second = fixture.translate("c", delta());
    assert_eq!(values(&second)["c_total"], 5.0);
    second.commit(Appended::default());
    assert_eq!(fixture.translate("c", delta()).commit(Appended::default()).rejected, 2);
    let later = sum(vec![number(1.0, TIME + 2)], AggregationTemporality::DELTA);
    assert_eq!(fixture.values("c", later)["c_total"], 6.0);
}

#[test]
fn a_delta_histogram_continues_from_the_store() {
    let fixture = Fixture::new();
    let at =
        |time| histograms(HistogramDataPoint { time_unix_nano: time, ..histogram() }, AggregationTemporality::DELTA);
    let first = fixture.translate("h", at(TIME));
    tripod_store::SeriesStore::append_series(&fixture.store, &first.writes).unwrap();
    drop(first);
    let again = Translator::default();
    let fixture = Fixture { translator: again, ..fixture };
    assert_eq!(fixture.translate("h", at(TIME)).commit(Appended::default()).rejected, 1);
    let values = fixture.values("h", at(TIME + 1_000_000_000));
    assert_eq!((values["h_bucket le=1"], values["h_count"], values["h_sum"]), (6.0, 12.0, 9.0));
}

#[test]
fn with_other_bounds_a_delta_histogram_begins_anew() {
    let fixture = Fixture::new();
    fixture.translate("h", histograms(histogram(), AggregationTemporality::DELTA)).commit(Appended::default());
    let other = HistogramDataPoint { time_unix_nano: TIME + 1, explicit_bounds: vec![2.0, 3.0], ..histogram() };
    assert_eq!(fixture.values("h", histograms(other, AggregationTemporality::DELTA))["h_count"], 6.0);
}
