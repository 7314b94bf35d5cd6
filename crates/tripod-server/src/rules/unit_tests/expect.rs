//! What a test expects beside what it got, as lines that say what is missing and what is too much.

use std::fmt;
use std::sync::Arc;

use tripod_promql::{Histogram, Labels, ResetHint, SampleValue, VectorSample, format_float};

/// An alert as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AlertShown {
    pub(super) labels: Labels,
    pub(super) annotations: Labels,
}

impl fmt::Display for AlertShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "labels: {} annotations: {}", self.labels, self.annotations)
    }
}

/// Compares alerts, whatever their order.
pub(super) fn check_alerts(expected: &[AlertShown], mut got: Vec<AlertShown>) -> Result<(), String> {
    let mut expected = expected.to_vec();
    expected.sort();
    got.sort();
    if expected == got {
        return Ok(());
    }
    let shown = |alerts: &[AlertShown]| alerts.iter().map(ToString::to_string).collect::<Vec<_>>();
    Err(difference(&shown(&expected), &shown(&got)))
}

/// Compares samples, whatever their order; a `fuzzy` comparison takes neighbouring numbers as equal.
pub(super) fn check_samples(
    expected: &[(Labels, SampleValue)],
    got: Vec<VectorSample>,
    fuzzy: bool,
) -> Result<(), String> {
    let mut expected = expected.to_vec();
    let mut got: Vec<(Labels, SampleValue)> =
        got.into_iter().map(|sample| (sample.labels, as_read(sample.value))).collect();
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    got.sort_by(|a, b| a.0.cmp(&b.0));
    let same = |((a, x), (b, y)): (&(Labels, SampleValue), &(Labels, SampleValue))| a == b && is_same(x, y, fuzzy);
    if expected.len() == got.len() && expected.iter().zip(&got).all(same) {
        return Ok(());
    }
    let shown = |samples: &[(Labels, SampleValue)]| {
        samples.iter().map(|(labels, value)| format!("{labels} {}", value_text(value))).collect::<Vec<_>>()
    };
    Err(difference(&shown(&expected), &shown(&got)))
}

fn value_text(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(value) => format_float(*value),
        SampleValue::Histogram(histogram) => format!("{histogram}{}", hint_text(histogram)),
    }
}

fn hint_text(histogram: &Histogram) -> &'static str {
    match histogram.reset_hint {
        ResetHint::Unknown => "",
        ResetHint::Reset => " counter_reset_hint:reset",
        ResetHint::NotReset => " counter_reset_hint:not_reset",
        ResetHint::Gauge => " counter_reset_hint:gauge",
    }
}

/// That there was a reset is what the engine finds out; Prometheus forgets it when it reads a sample.
fn as_read(value: SampleValue) -> SampleValue {
    match value {
        SampleValue::Histogram(histogram) if histogram.reset_hint == ResetHint::Reset => {
            SampleValue::Histogram(Arc::new(Histogram { reset_hint: ResetHint::Unknown, ..histogram.as_ref().clone() }))
        }
        other => other,
    }
}

fn is_same(a: &SampleValue, b: &SampleValue, fuzzy: bool) -> bool {
    match (a, b) {
        (SampleValue::Float(a), SampleValue::Float(b)) => {
            a == b || a.is_nan() && b.is_nan() || fuzzy && (a.next_up() == *b || a.next_down() == *b)
        }
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => a.reset_hint == b.reset_hint && a.equivalent(b),
        _ => false,
    }
}

/// Both lists, with `-` before what is missing and `+` before what is too much.
fn difference(expected: &[String], got: &[String]) -> String {
    let mut left: Vec<&String> = got.iter().collect();
    let mut lines = Vec::new();
    for one in expected {
        match left.iter().position(|other| *other == one) {
            Some(at) => {
                left.remove(at);
                lines.push(format!("    {one}"));
            }
            None => lines.push(format!("  - {one}")),
        }
    }
    lines.extend(left.into_iter().map(|one| format!("  + {one}")));
    lines.insert(0, format!("  expected {} (-), got {} (+)", expected.len(), got.len()));
    lines.join("\n")
}
