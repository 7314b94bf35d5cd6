//! Readers of metrics side by side: what each gets, whatever the others have had.

mod common;

use std::sync::{Arc, Mutex};

use common::telemetry_with;
use tripod::metrics::{PrometheusFormat, Reader, Temporality, render_prometheus, summary};
use tripod::{Batch, ExportError, Exported, Exporter, Signal};
use tripod_wire::otlp::Metric;
use tripod_wire::otlp::metrics::{AggregationTemporality, MetricData, MetricsData, NumberValue};
use tripod_wire::proto::Message;

fn find(metrics: Vec<Metric>, name: &str) -> Option<MetricData> {
    metrics.into_iter().find(|metric| metric.name == name).map(|metric| metric.data)
}

/// Value, start and time of the only point of a sum.
fn sum(data: MetricData) -> (AggregationTemporality, NumberValue, u64, u64) {
    let MetricData::Sum { data_points, aggregation_temporality, .. } = data else { panic!("a sum, not {data:?}") };
    let [point] = &data_points[..] else { panic!("one point in {data_points:?}") };
    (aggregation_temporality, point.value, point.start_time_unix_nano, point.time_unix_nano)
}

#[test]
fn a_delta_reader_reports_only_what_came_since_its_last_collection() {
    let counter = tripod::counter("reader_calls_total").build();
    let [mut delta, mut slow, mut all] =
        [Temporality::Delta, Temporality::LowMemory, Temporality::Cumulative].map(Reader::new);
    let read = |reader: &mut Reader| find(reader.collect(), "reader_calls_total").map(sum);
    counter.add(5, &[]);
    let (temporality, value, _, first_time) = read(&mut delta).unwrap();
    assert_eq!((temporality, value), (AggregationTemporality::DELTA, NumberValue::Int(5)));
    counter.add(2, &[]);
    let (_, value, start, _) = read(&mut delta).unwrap();
    assert_eq!((value, start), (NumberValue::Int(2), first_time), "one interval begins where the last ended");
    assert_eq!(read(&mut delta), None, "nothing new, no point");
    assert_eq!(read(&mut slow).unwrap().1, NumberValue::Int(7), "another reader has had nothing yet");
    assert_eq!(read(&mut all).unwrap().0, AggregationTemporality::CUMULATIVE);
    assert_eq!(read(&mut all).unwrap().1, NumberValue::Int(7));
}

#[test]
fn gauges_and_up_down_counters_are_reported_as_they_stand_whatever_is_preferred() {
    let (gauge, open) = (tripod::gauge("reader_level").build(), tripod::up_down_counter("reader_open").build());
    gauge.set(3.0, &[]);
    open.add(4, &[]);
    let mut delta = Reader::new(Temporality::Delta);
    for _ in 0..2 {
        let metrics = delta.collect();
        let (temporality, value, ..) = sum(find(metrics.clone(), "reader_open").unwrap());
        assert_eq!((temporality, value), (AggregationTemporality::CUMULATIVE, NumberValue::Int(4)));
        let Some(MetricData::Gauge { data_points }) = find(metrics, "reader_level") else { panic!("a gauge") };
        assert_eq!(data_points[0].value, NumberValue::Double(3.0));
    }
}

#[test]
fn with_low_memory_a_counter_with_a_callback_stays_cumulative() {
    tripod::counter("reader_observed_total").build().observe(|total| total.observe(9.0, &[]));
    let read = |temporality| sum(find(Reader::new(temporality).collect(), "reader_observed_total").unwrap()).0;
    assert_eq!(read(Temporality::LowMemory), AggregationTemporality::CUMULATIVE);
    assert_eq!(read(Temporality::Delta), AggregationTemporality::DELTA);
}

#[test]
fn histograms_of_both_kinds_have_deltas_without_extremes_that_nobody_knows() {
    let explicit = tripod::histogram("reader_explicit").buckets(&[1.0]).build();
    let exponential = tripod::histogram("reader_exponential").exponential_buckets(160).build();
    let mut delta = Reader::new(Temporality::Delta);
    for values in [[0.5, 8.0], [2.0, 3.0]] {
        for value in values {
            explicit.record(value, &[]);
            exponential.record(value, &[]);
        }
        let (metrics, first) = (delta.collect(), values[0] < 1.0);
        let Some(MetricData::Histogram { data_points, .. }) = find(metrics.clone(), "reader_explicit") else {
            panic!()
        };
        assert_eq!(data_points[0].bucket_counts, if first { [1, 1] } else { [0, 2] });
        assert_eq!((data_points[0].sum, data_points[0].max), (Some(values[0] + values[1]), first.then_some(8.0)));
        let Some(MetricData::ExponentialHistogram { data_points, .. }) = find(metrics, "reader_exponential") else {
            panic!("an exponential histogram")
        };
        let (point, counts) = (&data_points[0], &data_points[0].positive.bucket_counts);
        assert_eq!((point.count, counts.iter().sum::<u64>()), (2, 2));
        assert_eq!((point.sum, point.min), (Some(values[0] + values[1]), first.then_some(0.5)));
    }
}

/// Wants deltas and keeps them.
#[derive(Clone, Default)]
struct Deltas(Arc<Mutex<Vec<MetricsData>>>);

impl Exporter for Deltas {
    fn name(&self) -> &'static str {
        "deltas"
    }

    fn accepts(&self, signal: Signal) -> bool {
        signal == Signal::Metrics
    }

    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        self.0.lock().unwrap().push(MetricsData::decode(&batch.body).unwrap());
        Ok(Exported::default())
    }
}

#[test]
fn exporters_of_different_temporality_each_get_theirs_and_all_get_exemplars() {
    let deltas = Deltas::default();
    let telemetry = telemetry_with(|builder| builder.exporter(deltas.clone()));
    let counter = tripod::counter("reader_exported_total").build();
    for _ in 0..2 {
        let _span = tripod::span!("measured");
        counter.add(3, &[]);
        telemetry.flush();
    }
    let of = |all: &[MetricsData]| -> Vec<(NumberValue, usize)> {
        let metrics = all.iter().flat_map(|data| &data.resource_metrics).flat_map(|r| &r.scope_metrics);
        let metrics = metrics.flat_map(|scope| &scope.metrics).filter(|metric| metric.name == "reader_exported_total");
        metrics
            .map(|metric| match &metric.data {
                MetricData::Sum { data_points, .. } => (data_points[0].value, data_points[0].exemplars.len()),
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(of(&telemetry.memory().metrics_data()), [(NumberValue::Int(3), 1), (NumberValue::Int(6), 1)]);
    assert_eq!(of(&deltas.0.lock().unwrap()), [(NumberValue::Int(3), 1), (NumberValue::Int(3), 1)]);
}

#[test]
fn a_summary_reports_count_sum_and_quantiles_within_its_error() {
    let size = summary("reader_sizes").quantiles(&[0.5, 0.99]).relative_error(0.01).build();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let size = &size;
            scope.spawn(move || (0..250).for_each(|n| size.record(f64::from(n * 4 + thread + 1), &[])));
        }
    });
    let Some(MetricData::Summary { data_points }) = find(tripod::metrics::collect(), "reader_sizes") else { panic!() };
    let point = &data_points[0];
    assert_eq!((point.count, point.sum), (1000, 500_500.0));
    for (at, exact) in point.quantile_values.iter().zip([500.0, 990.0]) {
        assert!((at.value - exact).abs() <= 0.01 * exact, "{at:?}");
    }
    assert_eq!(point.quantile_values.len(), 2);
}

fn page(format: PrometheusFormat, names: &str) -> String {
    let mut out = Vec::new();
    render_prometheus(format, &mut out);
    let page = String::from_utf8(out).unwrap();
    page.lines().filter(|line| line.contains(names)).flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_text_for_prometheus_has_names_units_labels_buckets_and_quantiles() {
    let telemetry = tripod::telemetry("shop \"one\"");
    let calls = telemetry.counter("text.calls").unit("{call}").description("Calls\nof \\ it").build();
    calls.add(2, tripod::labels!(path = "a\"b\\c\nd", n = 7));
    telemetry.gauge("text.share").unit("1").build().set(0.25, &[]);
    let latency = tripod::histogram("text.latency").unit("s").buckets(&[0.5, 1.0]).build();
    for value in [0.25, 0.5, 3.0] {
        latency.record(value, tripod::labels!(a.b = 1, a_b = 2));
    }
    let size = summary("text.size").unit("By").quantiles(&[0.5]).build();
    size.record(4.0, &[]);
    tripod::histogram("text.exp").exponential_buckets(160).build().record(1.0, &[]);
    let text = page(PrometheusFormat::Text, "text_");
    let expected = r#"# TYPE text_calls_total counter
# HELP text_calls_total Calls\nof \\ it
text_calls_total{otel_scope_name="shop \"one\"",path="a\"b\\c\nd",n="7"} 2
# TYPE text_exp histogram
text_exp_bucket{le="1"} 1
text_exp_bucket{le="+Inf"} 1
text_exp_sum 1
text_exp_count 1
# TYPE text_latency_seconds histogram
text_latency_seconds_bucket{a_b="1;2",le="0.5"} 2
text_latency_seconds_bucket{a_b="1;2",le="1"} 2
text_latency_seconds_bucket{a_b="1;2",le="+Inf"} 3
text_latency_seconds_sum{a_b="1;2"} 3.75
text_latency_seconds_count{a_b="1;2"} 3
# TYPE text_share_ratio gauge
text_share_ratio{otel_scope_name="shop \"one\""} 0.25
# TYPE text_size_bytes summary
text_size_bytes{quantile="0.5"} 4
text_size_bytes_sum 4
text_size_bytes_count 1
"#;
    assert_eq!(text, expected);
    let open = page(PrometheusFormat::OpenMetrics, "text_");
    assert!(open.contains("# TYPE text_calls counter\n"), "{open}");
    assert!(open.contains("# UNIT text_latency_seconds seconds\n"), "{open}");
    assert!(open.contains("text_latency_seconds_bucket{a_b=\"1;2\",le=\"1.0\"} 2\n"), "{open}");
}

#[test]
fn open_metrics_ends_has_the_target_and_exemplars() {
    let _telemetry = telemetry_with(|builder| builder.service_name("shop"));
    let counter = tripod::counter("marked_total").build();
    let span = tripod::span!("measured");
    counter.inc(&[]);
    let trace = span.context().trace_id;
    drop(span);
    let mut out = Vec::new();
    render_prometheus(PrometheusFormat::OpenMetrics, &mut out);
    let page = String::from_utf8(out).unwrap();
    assert!(page.ends_with("# EOF\n") && page.starts_with("# TYPE target info\n"), "{page}");
    assert!(page.contains("service_name=\"shop\""), "{page}");
    assert!(page.contains(&format!("marked_total 1 # {{trace_id=\"{trace}\",span_id=\"")), "{page}");
}
