use proptest::collection::vec;
use proptest::prelude::*;
use tripod_wire::otlp::common::InstrumentationScope;
use tripod_wire::otlp::logs::{ResourceLogs, ScopeLogs, SeverityNumber};
use tripod_wire::otlp::metrics::{
    ExponentialHistogramDataPoint, HistogramDataPoint, MetricData, NumberDataPoint, NumberValue, ResourceMetrics,
    ScopeMetrics, SummaryDataPoint,
};
use tripod_wire::otlp::trace::{ResourceSpans, ScopeSpans, Status, StatusCode};
use tripod_wire::otlp::{AnyValue, KeyValue, LogRecord, LogsData, Metric, MetricsData, Resource, Span, TracesData};
use tripod_wire::proto::Message;

use super::*;

/// A record with everything that is around it, decoded: what a walk over the bytes must come to.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::pipeline) struct Decoded {
    pub(in crate::pipeline) signal: Signal,
    /// Resource, scope, metric: all that two records beside each other share.
    pub(in crate::pipeline) around: String,
    pub(in crate::pipeline) scope: String,
    pub(in crate::pipeline) name: String,
    pub(in crate::pipeline) attributes: Vec<KeyValue>,
    pub(in crate::pipeline) severity: i32,
    pub(in crate::pipeline) message: AnyValue,
    pub(in crate::pipeline) failed: bool,
    pub(in crate::pipeline) nanos: u64,
    /// All of it.
    pub(in crate::pipeline) whole: String,
}

/// The records of a request, by decoding it.
pub(in crate::pipeline) fn decoded(batch: &Batch) -> Vec<Decoded> {
    match batch.signal {
        Signal::Traces => spans(TracesData::decode(&batch.body).unwrap()),
        Signal::Metrics => points(MetricsData::decode(&batch.body).unwrap()),
        Signal::Logs => logs(LogsData::decode(&batch.body).unwrap()),
    }
}

fn record(signal: Signal, around: String, scope: &str, whole: String) -> Decoded {
    Decoded {
        signal,
        around,
        scope: scope.to_owned(),
        name: String::new(),
        attributes: Vec::new(),
        severity: 0,
        message: AnyValue::Empty,
        failed: false,
        nanos: 0,
        whole,
    }
}

fn spans(data: TracesData) -> Vec<Decoded> {
    let mut all = Vec::new();
    for mut resource in data.resource_spans {
        for mut scope in std::mem::take(&mut resource.scope_spans) {
            for span in std::mem::take(&mut scope.spans) {
                let (around, whole) = (format!("{resource:?} {scope:?}"), format!("{span:?}"));
                all.push(Decoded {
                    name: span.name,
                    attributes: span.attributes,
                    failed: span.status.code == StatusCode::ERROR,
                    nanos: span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano),
                    ..record(Signal::Traces, around, &scope.scope.name, whole)
                });
            }
        }
    }
    all
}

fn logs(data: LogsData) -> Vec<Decoded> {
    let mut all = Vec::new();
    for mut resource in data.resource_logs {
        for mut scope in std::mem::take(&mut resource.scope_logs) {
            for log in std::mem::take(&mut scope.log_records) {
                let (around, whole) = (format!("{resource:?} {scope:?}"), format!("{log:?}"));
                all.push(Decoded {
                    name: log.event_name,
                    attributes: log.attributes,
                    severity: log.severity_number.0,
                    message: log.body,
                    ..record(Signal::Logs, around, &scope.scope.name, whole)
                });
            }
        }
    }
    all
}

fn points(data: MetricsData) -> Vec<Decoded> {
    let mut all = Vec::new();
    for mut resource in data.resource_metrics {
        for mut scope in std::mem::take(&mut resource.scope_metrics) {
            for mut metric in std::mem::take(&mut scope.metrics) {
                let points = take_points(&mut metric.data);
                let around = format!("{resource:?} {scope:?} {metric:?}");
                all.extend(points.into_iter().map(|(attributes, whole)| Decoded {
                    name: metric.name.clone(),
                    attributes,
                    ..record(Signal::Metrics, around.clone(), &scope.scope.name, whole)
                }));
            }
        }
    }
    all
}

fn take_points(data: &mut MetricData) -> Vec<(Vec<KeyValue>, String)> {
    macro_rules! take {
        ($points:expr) => {{
            let taken = std::mem::take($points).into_iter();
            taken.map(|point| (point.attributes.clone(), format!("{point:?}"))).collect()
        }};
    }
    match data {
        MetricData::Gauge { data_points } | MetricData::Sum { data_points, .. } => take!(data_points),
        MetricData::Histogram { data_points, .. } => take!(data_points),
        MetricData::ExponentialHistogram { data_points, .. } => take!(data_points),
        MetricData::Summary { data_points } => take!(data_points),
        MetricData::Empty => Vec::new(),
    }
}

/// Requests of all signals, with names and values of few letters, so that conditions hold now and then.
pub(in crate::pipeline) fn any_batch() -> impl Strategy<Value = Batch> {
    prop_oneof![any_traces(), any_metrics(), any_logs()]
}

fn batch(signal: Signal, body: Vec<u8>) -> Batch {
    let batch = Batch { signal, records: 0, body };
    Batch { records: decoded(&batch).len() as u64, ..batch }
}

fn word() -> impl Strategy<Value = String> {
    "[ab]{0,2}"
}

fn value() -> impl Strategy<Value = AnyValue> {
    prop_oneof![
        word().prop_map(AnyValue::String),
        (0..20_i64).prop_map(AnyValue::Int),
        any::<bool>().prop_map(AnyValue::Bool),
        Just(AnyValue::Double(0.5)),
        Just(AnyValue::Array(vec![AnyValue::Int(1)])),
        Just(AnyValue::Empty),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(("[kl]", value()).prop_map(|(key, value)| KeyValue { key, value }), 0..3)
}

fn resource() -> impl Strategy<Value = Resource> {
    attributes().prop_map(|attributes| Resource { attributes, ..Resource::default() })
}

fn scope() -> impl Strategy<Value = InstrumentationScope> {
    (word(), attributes()).prop_map(|(name, attributes)| InstrumentationScope {
        name,
        attributes,
        ..InstrumentationScope::default()
    })
}

fn any_traces() -> impl Strategy<Value = Batch> {
    let span = (word(), attributes(), 0..50_u64, 0..50_u64, 0..3_i32);
    let span = span.prop_map(|(name, attributes, start, end, status)| Span {
        name,
        attributes,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        status: Status { code: StatusCode(status), message: String::new() },
        ..Span::default()
    });
    let scope = (scope(), vec(span, 0..5), word());
    let scope = scope.prop_map(|(scope, spans, schema_url)| ScopeSpans { scope, spans, schema_url });
    let resource = (resource(), vec(scope, 0..4), word())
        .prop_map(|(resource, scope_spans, schema_url)| ResourceSpans { resource, scope_spans, schema_url });
    vec(resource, 0..3).prop_map(|resource_spans| batch(Signal::Traces, TracesData { resource_spans }.encode_to_vec()))
}

fn any_logs() -> impl Strategy<Value = Batch> {
    let log = (word(), attributes(), 0..25_i32, value());
    let log = log.prop_map(|(event_name, attributes, severity, body)| LogRecord {
        event_name,
        attributes,
        severity_number: SeverityNumber(severity),
        body,
        ..LogRecord::default()
    });
    let scope = (scope(), vec(log, 0..5), word());
    let scope = scope.prop_map(|(scope, log_records, schema_url)| ScopeLogs { scope, log_records, schema_url });
    let resource = (resource(), vec(scope, 0..4), word()).prop_map(|(resource, scope_logs, schema_url)| ResourceLogs {
        resource,
        scope_logs,
        schema_url,
    });
    vec(resource, 0..3).prop_map(|resource_logs| batch(Signal::Logs, LogsData { resource_logs }.encode_to_vec()))
}

fn any_metrics() -> impl Strategy<Value = Batch> {
    let aggregation_temporality = tripod_wire::otlp::metrics::AggregationTemporality::CUMULATIVE;
    let labels = || vec(attributes(), 0..5);
    let number = |(at, attributes)| NumberDataPoint {
        attributes,
        time_unix_nano: at as u64,
        value: NumberValue::Int(at as i64),
        ..NumberDataPoint::default()
    };
    let numbers = move |labels: Vec<_>| labels.into_iter().enumerate().map(number).collect::<Vec<_>>();
    let data = prop_oneof![
        labels().prop_map(move |labels| MetricData::Gauge { data_points: numbers(labels) }),
        labels().prop_map(move |labels| MetricData::Sum {
            data_points: numbers(labels),
            aggregation_temporality,
            is_monotonic: true
        }),
        labels().prop_map(move |labels| {
            let point = |attributes| HistogramDataPoint { attributes, count: 3, ..HistogramDataPoint::default() };
            MetricData::Histogram { data_points: labels.into_iter().map(point).collect(), aggregation_temporality }
        }),
        labels().prop_map(move |labels| {
            let point = |attributes| ExponentialHistogramDataPoint { attributes, count: 3, ..Default::default() };
            let data_points = labels.into_iter().map(point).collect();
            MetricData::ExponentialHistogram { data_points, aggregation_temporality }
        }),
        labels().prop_map(|labels| {
            let point = |attributes| SummaryDataPoint { attributes, count: 3, ..SummaryDataPoint::default() };
            MetricData::Summary { data_points: labels.into_iter().map(point).collect() }
        }),
    ];
    let metric = (word(), word(), data).prop_map(|(name, unit, data)| Metric { name, unit, data, ..Metric::default() });
    let scope = (scope(), vec(metric, 0..4), word());
    let scope = scope.prop_map(|(scope, metrics, schema_url)| ScopeMetrics { scope, metrics, schema_url });
    let resource = (resource(), vec(scope, 0..4), word())
        .prop_map(|(resource, scope_metrics, schema_url)| ResourceMetrics { resource, scope_metrics, schema_url });
    vec(resource, 0..3)
        .prop_map(|resource_metrics| batch(Signal::Metrics, MetricsData { resource_metrics }.encode_to_vec()))
}

proptest! {
    #[test]
    fn a_request_put_together_again_has_the_same_records_with_the_same_around_them(batch in any_batch()) {
        let request = Request::read(&batch).unwrap();
        let again = request.batch(&request.records);
        prop_assert_eq!((again.signal, again.records), (batch.signal, batch.records));
        prop_assert_eq!(decoded(&again), decoded(&batch));
    }

    #[test]
    fn bytes_that_are_no_request_are_never_more_than_refused(body in vec(any::<u8>(), 0..200), records in 0..9_u64) {
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            let batch = Batch { signal, records, body: body.clone() };
            if let Some(request) = Request::read(&batch) {
                prop_assert_eq!(request.records.len() as u64, records);
            }
        }
    }
}
