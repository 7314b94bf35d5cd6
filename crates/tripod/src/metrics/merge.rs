//! Joins points: those of series that were made before a view left labels out or changed buckets, with those made since.
//!
//! Whatever a series was counted in, nothing of its count is lost: in other buckets its values count as if each was the upper bound of
//! its old bucket, or the largest value, in the last.

mod exponential;

use std::collections::HashMap;

use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::metrics::{
    ExponentialHistogramDataPoint, HistogramDataPoint, MetricData, NumberDataPoint, NumberValue, SummaryDataPoint,
};

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
        (
            MetricData::Histogram { data_points: into, .. },
            MetricData::ExponentialHistogram { data_points: from, .. },
        ) => {
            let from = from.into_iter().map(|point| rebucketed(exponential::explicit(point), bounds));
            fold_points(into, from, filter, add_histograms);
        }
        (
            MetricData::ExponentialHistogram { data_points: into, .. },
            MetricData::ExponentialHistogram { data_points: from, .. },
        ) => fold_points(into, from, filter, exponential::add),
        (
            MetricData::ExponentialHistogram { data_points: into, .. },
            MetricData::Histogram { data_points: from, .. },
        ) => {
            fold_points(into, from.into_iter().map(exponential::of_explicit), filter, exponential::add);
        }
        (MetricData::Summary { data_points: into }, MetricData::Summary { data_points: from }) => {
            fold_points(into, from, filter, add_summaries);
        }
        // A series has one kind of numbers for as long as it lives.
        _ => {}
    }
}

/// What the kinds of points have in common.
trait Point {
    fn attributes(&mut self) -> &mut Vec<KeyValue>;
}

macro_rules! points {
    ($($point:ty)*) => {
        $(impl Point for $point {
            fn attributes(&mut self) -> &mut Vec<KeyValue> {
                &mut self.attributes
            }
        })*
    };
}
points!(NumberDataPoint HistogramDataPoint ExponentialHistogramDataPoint SummaryDataPoint);

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

/// Quantiles can't be added up: those of the series with more measurements stand for both.
fn add_summaries(into: &mut SummaryDataPoint, from: SummaryDataPoint) {
    if from.count > into.count {
        into.quantile_values = from.quantile_values;
    }
    into.count += from.count;
    into.sum += from.sum;
}

/// The value that a bucket's measurements count as in other buckets.
fn stand_in(point: &HistogramDataPoint, bucket: usize) -> f64 {
    let (bound, last) = (point.explicit_bounds.get(bucket).copied(), point.explicit_bounds.last().copied());
    let value = bound.into_iter().chain(point.max).reduce(f64::min);
    value.or(last).unwrap_or(0.0)
}

/// The same values in other buckets.
fn rebucketed(mut point: HistogramDataPoint, bounds: &[f64]) -> HistogramDataPoint {
    if point.explicit_bounds == bounds {
        return point;
    }
    let mut counts = vec![0; bounds.len() + 1];
    for (at, count) in point.bucket_counts.iter().enumerate() {
        let value = stand_in(&point, at);
        counts[bounds.partition_point(|bound| *bound < value)] += count;
    }
    (point.bucket_counts, point.explicit_bounds) = (counts, bounds.to_vec());
    point
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(bounds: &[f64], counts: &[u64], max: Option<f64>) -> HistogramDataPoint {
        HistogramDataPoint {
            count: counts.iter().sum(),
            sum: Some(1.0),
            bucket_counts: counts.to_vec(),
            explicit_bounds: bounds.to_vec(),
            max,
            ..Default::default()
        }
    }

    #[test]
    fn values_count_in_the_new_bucket_of_their_old_upper_bound() {
        let old = || histogram(&[1.0, 5.0, 10.0], &[1, 2, 3, 4], Some(30.0));
        assert_eq!(rebucketed(old(), &[5.0, 20.0]).bucket_counts, [3, 3, 4]);
        assert_eq!(rebucketed(old(), &[0.5]).bucket_counts, [0, 10]);
        assert_eq!(rebucketed(old(), &[]).bucket_counts, [10]);
        assert_eq!(rebucketed(histogram(&[10.0], &[2, 0], Some(3.0)), &[4.0, 8.0]).bucket_counts, [2, 0, 0]);
        assert_eq!(rebucketed(histogram(&[10.0], &[0, 2], None), &[10.0, 20.0]).bucket_counts, [2, 0, 0]);
    }

    #[test]
    fn a_summary_joined_with_another_keeps_the_quantiles_of_the_larger() {
        use tripod_wire::otlp::metrics::ValueAtQuantile;
        let summary = |count, value| SummaryDataPoint {
            count,
            sum: 2.0,
            quantile_values: vec![ValueAtQuantile { quantile: 0.5, value }],
            ..Default::default()
        };
        let mut into = MetricData::Summary { data_points: vec![summary(1, 10.0)] };
        fold(&mut into, MetricData::Summary { data_points: vec![summary(5, 20.0)] }, None, &[]);
        let MetricData::Summary { data_points } = into else { panic!("a summary") };
        assert_eq!((data_points.len(), data_points[0].count, data_points[0].sum), (1, 6, 4.0));
        assert_eq!(data_points[0].quantile_values[0].value, 20.0);
    }
}
