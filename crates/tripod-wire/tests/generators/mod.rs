//! Messages of every kind, with every field set to something.

use proptest::collection::vec;
use proptest::prelude::*;
use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::otlp::metrics::{
    AggregationTemporality, Buckets, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, MetricData,
    NumberDataPoint, NumberValue, SummaryDataPoint, ValueAtQuantile,
};
use tripod_wire::otlp::trace::{Event, Link, SpanKind, Status, StatusCode};
use tripod_wire::otlp::{
    AnyValue, InstrumentationScope, KeyValue, LogRecord, LogsData, Metric, MetricsData, Resource, ResourceLogs,
    ResourceMetrics, ResourceSpans, ScopeLogs, ScopeMetrics, ScopeSpans, Span, TracesData,
};
use tripod_wire::{SpanId, TraceId};

/// Without NaN, which equals nothing, and minus zero, which the other side leaves out as a default.
fn double() -> impl Strategy<Value = f64> {
    any::<i32>().prop_map(|value| f64::from(value) / 7.0)
}

fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(AnyValue::Empty),
        ".{0,12}".prop_map(AnyValue::String),
        any::<bool>().prop_map(AnyValue::Bool),
        any::<i64>().prop_map(AnyValue::Int),
        any::<f64>().prop_filter("NaN equals nothing", |value| !value.is_nan()).prop_map(AnyValue::Double),
        vec(any::<u8>(), 0..200).prop_map(AnyValue::Bytes),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let entry = (".{0,8}", inner.clone()).prop_map(|(key, value)| KeyValue { key, value });
        prop_oneof![vec(inner, 0..4).prop_map(AnyValue::Array), vec(entry, 0..4).prop_map(AnyValue::KvList)]
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec((".{0,8}", value()).prop_map(|(key, value)| KeyValue { key, value }), 0..4)
}

fn ids() -> impl Strategy<Value = (TraceId, SpanId)> {
    (any::<[u8; 16]>(), any::<[u8; 8]>()).prop_map(|(trace, span)| (TraceId(trace), SpanId(span)))
}

fn head() -> impl Strategy<Value = (Resource, InstrumentationScope, String)> {
    (attributes(), any::<u32>(), ".{0,8}", ".{0,200}").prop_map(
        |(attributes, dropped_attributes_count, name, schema)| {
            let scope = InstrumentationScope {
                name,
                attributes: attributes.clone(),
                dropped_attributes_count,
                ..Default::default()
            };
            (Resource { attributes, dropped_attributes_count }, scope, schema)
        },
    )
}

fn span() -> impl Strategy<Value = Span> {
    (ids(), ids(), any::<(u32, i32, u64, u64, u32)>(), ".{0,20}", attributes(), attributes()).prop_map(
        |((trace_id, span_id), (linked, parent), (flags, kind, start, end, dropped), name, attributes, inner)| Span {
            trace_id,
            span_id,
            trace_state: name.clone(),
            parent_span_id: parent,
            flags,
            kind: SpanKind(kind),
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            dropped_attributes_count: dropped,
            events: vec![
                Event {
                    time_unix_nano: end,
                    name: name.clone(),
                    attributes: inner.clone(),
                    dropped_attributes_count: flags,
                },
                Event::default(),
            ],
            dropped_events_count: flags,
            links: vec![Link {
                trace_id: linked,
                span_id: parent,
                trace_state: name.clone(),
                attributes: inner,
                dropped_attributes_count: dropped,
                flags,
            }],
            dropped_links_count: dropped,
            status: Status { message: name.clone(), code: StatusCode(kind) },
            name,
            attributes,
        },
    )
}

/// A request.
pub(crate) fn traces() -> impl Strategy<Value = TracesData> {
    (head(), vec(span(), 0..4)).prop_map(|((resource, scope, schema_url), spans)| {
        let scope_spans = vec![ScopeSpans { scope, spans, schema_url: schema_url.clone() }, ScopeSpans::default()];
        TracesData { resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url }] }
    })
}

fn record() -> impl Strategy<Value = LogRecord> {
    (ids(), any::<(u64, u64, i32, u32, u32)>(), ".{0,20}", value(), attributes()).prop_map(
        |((trace_id, span_id), (time, observed, severity, dropped, flags), text, body, attributes)| LogRecord {
            time_unix_nano: time,
            observed_time_unix_nano: observed,
            severity_number: SeverityNumber(severity),
            severity_text: text.clone(),
            body,
            attributes,
            dropped_attributes_count: dropped,
            flags,
            trace_id,
            span_id,
            event_name: text,
        },
    )
}

/// A request.
pub(crate) fn logs() -> impl Strategy<Value = LogsData> {
    (head(), vec(record(), 0..4)).prop_map(|((resource, scope, schema_url), log_records)| {
        let scope_logs = vec![ScopeLogs { scope, log_records, schema_url: schema_url.clone() }];
        LogsData { resource_logs: vec![ResourceLogs { resource, scope_logs, schema_url }] }
    })
}

fn number() -> impl Strategy<Value = NumberValue> {
    let double = double().prop_map(NumberValue::Double);
    prop_oneof![Just(NumberValue::Empty), double, any::<i64>().prop_map(NumberValue::Int)]
}

/// What points of all kinds are made of.
#[derive(Debug, Clone)]
struct Parts {
    attributes: Vec<KeyValue>,
    times: (u64, u64, u64, u32),
    counts: Vec<u64>,
    bounds: Vec<f64>,
    exemplars: Vec<Exemplar>,
    sum: Option<f64>,
    scale: i32,
    value: NumberValue,
}

fn parts() -> impl Strategy<Value = Parts> {
    let exemplar =
        (attributes(), any::<u64>(), number(), ids()).prop_map(|(attributes, time, value, (trace_id, span_id))| {
            Exemplar { filtered_attributes: attributes, time_unix_nano: time, value, span_id, trace_id }
        });
    let numbers =
        (vec(any::<u64>(), 0..6), vec(double(), 0..6), proptest::option::of(double()), any::<i32>(), number());
    (attributes(), any::<(u64, u64, u64, u32)>(), vec(exemplar, 0..3), numbers).prop_map(
        |(attributes, times, exemplars, (counts, bounds, sum, scale, value))| Parts {
            attributes,
            times,
            counts,
            bounds,
            exemplars,
            sum,
            scale,
            value,
        },
    )
}

fn data(parts: Parts, kind: usize) -> MetricData {
    let Parts { attributes, times: (start, time, count, flags), counts, bounds, exemplars, sum, scale, value } = parts;
    let aggregation_temporality = AggregationTemporality(scale);
    let number = NumberDataPoint {
        attributes: attributes.clone(),
        start_time_unix_nano: start,
        time_unix_nano: time,
        value,
        exemplars: exemplars.clone(),
        flags,
    };
    match kind {
        0 => MetricData::Empty,
        1 => MetricData::Gauge { data_points: vec![number] },
        2 => MetricData::Sum { data_points: vec![number], aggregation_temporality, is_monotonic: flags % 2 == 0 },
        3 => {
            let point = HistogramDataPoint {
                attributes,
                start_time_unix_nano: start,
                time_unix_nano: time,
                count,
                sum,
                bucket_counts: counts,
                explicit_bounds: bounds,
                exemplars,
                flags,
                min: sum,
                max: sum,
            };
            MetricData::Histogram { data_points: vec![point], aggregation_temporality }
        }
        4 => {
            let buckets = Buckets { offset: scale, bucket_counts: counts };
            let point = ExponentialHistogramDataPoint {
                attributes,
                start_time_unix_nano: start,
                time_unix_nano: time,
                count,
                sum,
                scale,
                zero_count: start,
                positive: buckets.clone(),
                negative: buckets,
                flags,
                exemplars,
                min: sum,
                max: None,
                zero_threshold: sum.unwrap_or_default(),
            };
            MetricData::ExponentialHistogram { data_points: vec![point], aggregation_temporality }
        }
        _ => {
            let quantile_values =
                bounds.iter().map(|value| ValueAtQuantile { quantile: value / 3.0, value: *value }).collect();
            let point = SummaryDataPoint {
                attributes,
                start_time_unix_nano: start,
                time_unix_nano: time,
                count,
                sum: sum.unwrap_or_default(),
                quantile_values,
                flags,
            };
            MetricData::Summary { data_points: vec![point] }
        }
    }
}

/// A request.
pub(crate) fn metrics_data() -> impl Strategy<Value = MetricsData> {
    let metric = (parts(), 0_usize..6, ".{0,9}").prop_map(|(parts, kind, name)| Metric {
        description: name.clone(),
        unit: name.clone(),
        name,
        metadata: parts.attributes.clone(),
        data: data(parts, kind),
    });
    (head(), vec(metric, 0..4)).prop_map(|((resource, scope, schema_url), metrics)| {
        let scope_metrics = vec![ScopeMetrics { scope, metrics, schema_url: schema_url.clone() }];
        MetricsData { resource_metrics: vec![ResourceMetrics { resource, scope_metrics, schema_url }] }
    })
}
