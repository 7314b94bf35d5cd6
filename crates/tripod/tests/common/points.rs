//! Points of metrics by some of their labels, and attributes as text.
#![allow(dead_code, unreachable_pub)]

use tripod_wire::otlp::metrics::{MetricData, NumberValue};
use tripod_wire::otlp::{AnyValue, KeyValue, Span};

use crate::common::Telemetry;

/// An attribute as text; empty when there is none.
pub fn text(attributes: &[KeyValue], key: &str) -> String {
    match attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value) {
        None => String::new(),
        Some(AnyValue::String(text)) => text.clone(),
        Some(AnyValue::Int(number)) => number.to_string(),
        Some(AnyValue::Bool(value)) => value.to_string(),
        Some(other) => format!("{other:?}"),
    }
}

fn has_all(attributes: &[KeyValue], labels: &[(&str, &str)]) -> bool {
    labels.iter().all(|(key, value)| text(attributes, key) == *value)
}

/// The values of all points with these labels, an empty one meaning that there is none; of histograms, how many values they have.
pub fn points(telemetry: &Telemetry, metric: &str, labels: &[(&str, &str)]) -> Vec<f64> {
    telemetry.flush();
    let Some(metric) = telemetry.memory().metric(metric) else { return Vec::new() };
    match metric.data {
        MetricData::Gauge { data_points } | MetricData::Sum { data_points, .. } => data_points
            .iter()
            .filter(|point| has_all(&point.attributes, labels))
            .map(|point| match point.value {
                NumberValue::Double(value) => value,
                NumberValue::Int(value) => value as f64,
                NumberValue::Empty => f64::NAN,
            })
            .collect(),
        MetricData::Histogram { data_points, .. } => data_points
            .iter()
            .filter(|point| has_all(&point.attributes, labels))
            .map(|point| point.count as f64)
            .collect(),
        other => panic!("{other:?}"),
    }
}

/// The sum of what [`points`] answers.
pub fn total(telemetry: &Telemetry, metric: &str, labels: &[(&str, &str)]) -> f64 {
    points(telemetry, metric, labels).iter().sum()
}

/// All spans of a name, the first to begin in front.
pub fn named(telemetry: &Telemetry, name: &str) -> Vec<Span> {
    let mut spans: Vec<_> = telemetry.spans().into_iter().filter(|span| span.name == name).collect();
    spans.sort_by_key(|span| span.start_time_unix_nano);
    spans
}
