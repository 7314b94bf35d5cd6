//! Records as JSON for machines, a line each, under names that do not change:
//! - all: `type` (`log`, `span`, `metric`), `timestamp`, `scope` (left out when empty), `attributes`;
//! - log: `level`, `event_name`, `message`, `trace_id`, `span_id`;
//! - span: `name`, `trace_id`, `span_id`, `parent_span_id`, `duration_ns`, `status` (`unset`, `ok`, `error`), `status_message`, `events`;
//! - metric: `name`, `unit`, and of a point `value`, or `count`, `sum`, `min`, `max`.

use tripod_wire::otlp::metrics::{MetricData, NumberValue};
use tripod_wire::otlp::trace::StatusCode;
use tripod_wire::otlp::{AnyValue, KeyValue, LogRecord, Metric, Span};

use super::text::level;
use crate::export::readable::time;

pub(super) fn log(scope: &str, record: &LogRecord) -> String {
    let mut line = Line::new("log", record.time_unix_nano, scope);
    line.put("level", level(record));
    if !record.event_name.is_empty() {
        line.put("event_name", record.event_name.as_str());
    }
    line.0.push(KeyValue { key: "message".to_owned(), value: record.body.clone() });
    if record.trace_id.is_valid() {
        line.put("trace_id", record.trace_id.to_string());
        line.put("span_id", record.span_id.to_string());
    }
    line.list("attributes", &record.attributes);
    line.end()
}

pub(super) fn span(scope: &str, span: &Span) -> String {
    let mut line = Line::new("span", span.start_time_unix_nano, scope);
    line.put("name", span.name.as_str());
    line.put("trace_id", span.trace_id.to_string());
    line.put("span_id", span.span_id.to_string());
    if span.parent_span_id.is_valid() {
        line.put("parent_span_id", span.parent_span_id.to_string());
    }
    line.whole("duration_ns", span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano));
    let status = match span.status.code {
        StatusCode::OK => "ok",
        StatusCode::ERROR => "error",
        _ => "unset",
    };
    line.put("status", status);
    if !span.status.message.is_empty() {
        line.put("status_message", span.status.message.as_str());
    }
    line.list("attributes", &span.attributes);
    let event = |event: &tripod_wire::otlp::trace::Event| {
        let mut fields = Line(Vec::new());
        fields.put("timestamp", time(event.time_unix_nano));
        fields.put("name", event.name.as_str());
        fields.list("attributes", &event.attributes);
        AnyValue::KvList(fields.0)
    };
    if !span.events.is_empty() {
        line.put("events", AnyValue::Array(span.events.iter().map(event).collect()));
    }
    line.end()
}

pub(super) fn metric(scope: &str, metric: &Metric) -> String {
    let line = |point: Point<'_>| {
        let mut line = Line::new("metric", point.time_unix_nano, scope);
        line.put("name", metric.name.as_str());
        if !metric.unit.is_empty() {
            line.put("unit", metric.unit.as_str());
        }
        line.list("attributes", point.attributes);
        line.0.extend(point.numbers);
        line.end()
    };
    points(metric).into_iter().map(line).collect()
}

/// A point with its numbers under stable names.
pub(super) struct Point<'a> {
    pub(super) time_unix_nano: u64,
    pub(super) attributes: &'a [KeyValue],
    pub(super) numbers: Vec<KeyValue>,
}

/// The points of a metric, whatever its kind.
pub(super) fn points(metric: &Metric) -> Vec<Point<'_>> {
    let distribution = |count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>| {
        let mut numbers = Line(Vec::new());
        numbers.whole("count", count);
        for (name, value) in [("sum", sum), ("min", min), ("max", max)] {
            if let Some(value) = value {
                numbers.put(name, value);
            }
        }
        numbers.0
    };
    macro_rules! points {
        ($points:expr, |$point:ident| $numbers:expr) => {{
            let point = $points.iter().map(|$point| Point {
                time_unix_nano: $point.time_unix_nano,
                attributes: &$point.attributes,
                numbers: $numbers,
            });
            point.collect()
        }};
    }
    match &metric.data {
        MetricData::Gauge { data_points } | MetricData::Sum { data_points, .. } => {
            points!(data_points, |point| vec![KeyValue { key: "value".to_owned(), value: number(point.value) }])
        }
        MetricData::Histogram { data_points, .. } => {
            points!(data_points, |point| distribution(point.count, point.sum, point.min, point.max))
        }
        MetricData::ExponentialHistogram { data_points, .. } => {
            points!(data_points, |point| distribution(point.count, point.sum, point.min, point.max))
        }
        MetricData::Summary { data_points } => {
            points!(data_points, |point| distribution(point.count, Some(point.sum), None, None))
        }
        MetricData::Empty => Vec::new(),
    }
}

fn number(value: NumberValue) -> AnyValue {
    match value {
        NumberValue::Int(value) => AnyValue::Int(value),
        NumberValue::Double(value) => AnyValue::Double(value),
        NumberValue::Empty => AnyValue::Empty,
    }
}

/// The fields of a line; a list of keys and values shows itself as JSON.
struct Line(Vec<KeyValue>);

impl Line {
    fn new(kind: &str, unix_nanos: u64, scope: &str) -> Self {
        let mut line = Self(Vec::new());
        line.put("type", kind);
        line.put("timestamp", time(unix_nanos));
        if !scope.is_empty() {
            line.put("scope", scope);
        }
        line
    }

    fn put(&mut self, key: &str, value: impl Into<AnyValue>) {
        self.0.push(KeyValue::new(key, value));
    }

    fn whole(&mut self, key: &str, value: u64) {
        self.put(key, i64::try_from(value).unwrap_or(i64::MAX));
    }

    fn list(&mut self, key: &str, attributes: &[KeyValue]) {
        if !attributes.is_empty() {
            self.put(key, AnyValue::KvList(attributes.to_vec()));
        }
    }

    fn end(self) -> String {
        format!("{}\n", AnyValue::KvList(self.0))
    }
}
