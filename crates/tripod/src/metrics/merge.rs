//! Joins points: those of series that were made before a view left labels out or changed buckets, with those made since.

use std::collections::HashMap;

use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::metrics::{HistogramDataPoint, MetricData, NumberDataPoint, NumberValue};

use super::filter::Filter;

/// Adds the points `from` earlier series to those `into` which they belong, by the labels that the filter leaves them.
/// `bounds` are those of the buckets that `into` has.
pub(super) fn fold(into: &mut MetricData, from: MetricData, filter: Option<&Filter>, bounds: &[f64]) {
    match (into, from) {
        (MetricData::Sum { data_points: into, .. }, MetricData::Sum { data_points: from, .. }) => {
            fold_points(into, from, filter, add_numbers);
        }
        // Of two gauges neither is the right one; what is recorded since is the newer.
        (MetricData::Gauge { data_points: into }, MetricData::Gauge { data_points: from }) => {
            fold_points(into, from, filter, |_, _| ());
        }
        (MetricData::Histogram { data_points: into, .. }, MetricData::Histogram { data_points: from, .. }) => {
            let from = from.into_iter().map(|point| rebucketed(point, bounds));
            fold_points(into, from, filter, add_histograms);
        }
        _ => {}
    }
}

/// What the kinds of points have in common.
trait Point {
    fn attributes(&mut self) -> &mut Vec<KeyValue>;
}

impl Point for NumberDataPoint {
    fn attributes(&mut self) -> &mut Vec<KeyValue> {
        &mut self.attributes
    }
}

impl Point for HistogramDataPoint {
    fn attributes(&mut self) -> &mut Vec<KeyValue> {
        &mut self.attributes
    }
}

fn fold_points<P: Point>(
    into: &mut Vec<P>,
    from: impl IntoIterator<Item = P>,
    filter: Option<&Filter>,
    add: fn(&mut P, P),
) {
    let key = |point: &mut P| -> Vec<(String, String)> {
        point.attributes().iter().map(|label| (label.key.clone(), format!("{:?}", label.value))).collect()
    };
    let mut places: HashMap<_, usize> = into.iter_mut().enumerate().map(|(at, point)| (key(point), at)).collect();
    for mut point in from {
        if let Some(filter) = filter {
            filter.retain(point.attributes());
        }
        if let Some(at) = places.get(&key(&mut point)) {
            add(&mut into[*at], point);
        } else {
            places.insert(key(&mut point), into.len());
            into.push(point);
        }
    }
}

fn add_numbers(into: &mut NumberDataPoint, from: NumberDataPoint) {
    into.value = match (into.value, from.value) {
        (NumberValue::Int(a), NumberValue::Int(b)) => NumberValue::Int(a.wrapping_add(b)),
        (a, b) => NumberValue::Double(as_f64(a) + as_f64(b)),
    };
    into.exemplars.extend(from.exemplars);
}

pub(super) fn as_f64(value: NumberValue) -> f64 {
    match value {
        NumberValue::Int(whole) => whole as f64,
        NumberValue::Double(value) => value,
        NumberValue::Empty => 0.0,
    }
}

fn add_histograms(into: &mut HistogramDataPoint, from: HistogramDataPoint) {
    into.bucket_counts.iter_mut().zip(&from.bucket_counts).for_each(|(into, from)| *into += from);
    into.count += from.count;
    into.sum = Some(into.sum.unwrap_or(0.0) + from.sum.unwrap_or(0.0));
    into.min = into.min.into_iter().chain(from.min).reduce(f64::min);
    into.max = into.max.into_iter().chain(from.max).reduce(f64::max);
    into.exemplars.extend(from.exemplars);
}

/// The same values in other buckets: each counts as if it was the upper bound of its bucket, or the largest value in the last.
fn rebucketed(mut point: HistogramDataPoint, bounds: &[f64]) -> HistogramDataPoint {
    if point.explicit_bounds == bounds {
        return point;
    }
    let mut counts = vec![0; bounds.len() + 1];
    for (at, count) in point.bucket_counts.iter().enumerate() {
        let value = point.explicit_bounds.get(at).copied().into_iter().chain(point.max).reduce(f64::min);
        let value = value.unwrap_or(f64::INFINITY);
        counts[bounds.partition_point(|bound| *bound < value)] += count;
    }
    (point.bucket_counts, point.explicit_bounds) = (counts, bounds.to_vec());
    point
}
