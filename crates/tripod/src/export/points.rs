//! What exporters have in common whose destinations know but names, tags and numbers: a walk over the points of a batch, and
//! distributions as some values and how often each came.
//!
//! A batch is decoded once; the walk itself copies nothing.

use tripod_wire::otlp::metrics::{
    AggregationTemporality, Buckets, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, MetricData,
    MetricsData, NO_RECORDED_VALUE, NumberDataPoint, NumberValue, SummaryDataPoint,
};
use tripod_wire::otlp::{KeyValue, Resource};

use crate::metrics::exponential::lower_bound;

/// A point and all that it belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Point<'a> {
    pub(crate) resource: &'a Resource,
    /// Its name and unit; the points of its data are walked one by one.
    pub(crate) metric: &'a Metric,
    pub(crate) attributes: &'a [KeyValue],
    /// Since when it counts, and until when, in nanoseconds since the Unix epoch.
    pub(crate) start_time_unix_nano: u64,
    pub(crate) time_unix_nano: u64,
    pub(crate) reading: Reading<'a>,
}

/// What a point says.
#[derive(Clone, Copy)]
pub(crate) enum Reading<'a> {
    /// What was counted since the point before.
    Count(NumberValue),
    /// What something stands at: a gauge, an up-down counter, a counter's total.
    Value(NumberValue),
    Distribution(Distribution<'a>),
    /// Quantiles since the start.
    Summary(&'a SummaryDataPoint),
}

/// Measurements by bucket, whatever kind of buckets.
#[derive(Clone, Copy)]
pub(crate) struct Distribution<'a> {
    /// It tells of what came since the point before, not since the start.
    pub(crate) is_delta: bool,
    pub(crate) count: u64,
    pub(crate) sum: Option<f64>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
    buckets: AnyBuckets<'a>,
}

#[derive(Clone, Copy)]
enum AnyBuckets<'a> {
    Explicit(&'a HistogramDataPoint),
    Exponential(&'a ExponentialHistogramDataPoint),
}

/// A bucket that is not empty: above its lower bound, up to its upper one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    /// Negative infinity where there is none.
    pub(crate) lower: f64,
    /// Infinity where there is none.
    pub(crate) upper: f64,
    pub(crate) count: u64,
}

/// Visits every point that has a value, in order.
pub(crate) fn each<'a>(data: &'a MetricsData, mut visit: impl FnMut(Point<'a>)) {
    for of_resource in &data.resource_metrics {
        for of_scope in &of_resource.scope_metrics {
            for metric in &of_scope.metrics {
                Head { resource: &of_resource.resource, metric }.each(&mut visit);
            }
        }
    }
}

/// What the points of a metric have in common.
#[derive(Clone, Copy)]
struct Head<'a> {
    resource: &'a Resource,
    metric: &'a Metric,
}

/// Makes points of OTLP's, which have the same fields under the same names.
macro_rules! points {
    ($head:expr, $data_points:expr, $visit:expr, $reading:expr) => {
        for point in $data_points.iter().filter(|point| point.flags & NO_RECORDED_VALUE == 0) {
            $visit(Point {
                resource: $head.resource,
                metric: $head.metric,
                attributes: &point.attributes,
                start_time_unix_nano: point.start_time_unix_nano,
                time_unix_nano: point.time_unix_nano,
                reading: $reading(point),
            });
        }
    };
}

impl<'a> Head<'a> {
    fn each(self, visit: &mut impl FnMut(Point<'a>)) {
        let is_delta = |temporality: AggregationTemporality| temporality == AggregationTemporality::DELTA;
        match &self.metric.data {
            MetricData::Empty => {}
            MetricData::Gauge { data_points } => {
                points!(self, data_points, visit, |point: &NumberDataPoint| Reading::Value(point.value));
            }
            MetricData::Sum { data_points, aggregation_temporality, .. } => {
                let reading = if is_delta(*aggregation_temporality) { Reading::Count } else { Reading::Value };
                points!(self, data_points, visit, |point: &NumberDataPoint| reading(point.value));
            }
            MetricData::Histogram { data_points, aggregation_temporality } => {
                let is_delta = is_delta(*aggregation_temporality);
                points!(self, data_points, visit, |point| Reading::Distribution(Distribution::explicit(
                    point, is_delta
                )));
            }
            MetricData::ExponentialHistogram { data_points, aggregation_temporality } => {
                let is_delta = is_delta(*aggregation_temporality);
                points!(self, data_points, visit, |point| {
                    Reading::Distribution(Distribution::exponential(point, is_delta))
                });
            }
            MetricData::Summary { data_points } => points!(self, data_points, visit, Reading::Summary),
        }
    }
}

impl<'a> Distribution<'a> {
    fn explicit(point: &'a HistogramDataPoint, is_delta: bool) -> Self {
        let HistogramDataPoint { count, sum, min, max, .. } = *point;
        Self { is_delta, count, sum, min, max, buckets: AnyBuckets::Explicit(point) }
    }

    fn exponential(point: &'a ExponentialHistogramDataPoint, is_delta: bool) -> Self {
        let ExponentialHistogramDataPoint { count, sum, min, max, .. } = *point;
        Self { is_delta, count, sum, min, max, buckets: AnyBuckets::Exponential(point) }
    }

    /// The buckets that are not empty, ascending.
    pub(crate) fn buckets(&self) -> Vec<Bucket> {
        let mut all = match self.buckets {
            AnyBuckets::Explicit(point) => explicit_buckets(point),
            AnyBuckets::Exponential(point) => exponential_buckets(point),
        };
        all.retain(|bucket| bucket.count > 0);
        all
    }

    /// Values in place of the measurements, and how often each came: one a bucket. All lie at the same part of the way through their
    /// buckets, the one that makes their sum the true sum, so what is lost is where within its bucket a measurement was.
    pub(crate) fn values(&self) -> Vec<(f64, u64)> {
        let buckets = self.buckets();
        let spans: Vec<(f64, f64)> = buckets.iter().map(|bucket| self.span(bucket)).collect();
        let sum_at =
            |part: f64| spans.iter().zip(&buckets).map(|(span, bucket)| at(*span, part) * bucket.count as f64).sum();
        let (low, high): (f64, f64) = (sum_at(0.0), sum_at(1.0));
        let sum = self.sum.filter(|sum| sum.is_finite());
        let part = sum.map_or(0.5, |sum| (sum - low) / (high - low)).clamp(0.0, 1.0);
        let part = if part.is_nan() { 0.0 } else { part };
        let mut values: Vec<(f64, u64)> =
            spans.iter().zip(&buckets).map(|(span, bucket)| (at(*span, part), bucket.count)).collect();
        if let Some(sum) = sum {
            stretch(&mut values, &buckets, sum - sum_at(part));
        }
        values
    }

    /// Where the measurements of a bucket can be, as far as it is known.
    fn span(&self, bucket: &Bucket) -> (f64, f64) {
        let lower = bucket.lower.max(self.min.unwrap_or(f64::NEG_INFINITY));
        let upper = bucket.upper.min(self.max.unwrap_or(f64::INFINITY));
        match (lower.is_finite(), upper.is_finite()) {
            (true, true) => (lower.min(upper), upper),
            (true, false) => (lower, lower),
            // What is measured is seldom negative.
            (false, true) => (upper.min(0.0), upper),
            (false, false) => (0.0, 0.0),
        }
    }
}

fn at((lower, upper): (f64, f64), part: f64) -> f64 {
    // At either end exactly the bound.
    lower * (1.0 - part) + upper * part
}

/// Gives what is missing from the sum to a bucket that is open to that side.
fn stretch(values: &mut [(f64, u64)], buckets: &[Bucket], missing: f64) {
    let open = if missing > 0.0 {
        values.last_mut().zip(buckets.last()).filter(|(_, bucket)| bucket.upper == f64::INFINITY)
    } else {
        values.first_mut().zip(buckets.first()).filter(|(_, bucket)| bucket.lower == f64::NEG_INFINITY)
    };
    if let Some(((value, count), _)) = open {
        *value += missing / *count as f64;
    }
}

fn explicit_buckets(point: &HistogramDataPoint) -> Vec<Bucket> {
    if point.bucket_counts.is_empty() {
        return vec![Bucket { lower: f64::NEG_INFINITY, upper: f64::INFINITY, count: point.count }];
    }
    let bounds = point.explicit_bounds.iter().copied();
    let lower = [f64::NEG_INFINITY].into_iter().chain(bounds.clone());
    let upper = bounds.chain([f64::INFINITY]);
    let counts = point.bucket_counts.iter();
    lower.zip(upper).zip(counts).map(|((lower, upper), count)| Bucket { lower, upper, count: *count }).collect()
}

fn exponential_buckets(point: &ExponentialHistogramDataPoint) -> Vec<Bucket> {
    let side = |buckets: &Buckets| {
        let bound = |at: i64| lower_bound(at as i32, point.scale).min(f64::MAX);
        let of = |(at, count): (usize, &u64)| {
            let index = i64::from(buckets.offset) + at as i64;
            Bucket { lower: bound(index), upper: bound(index + 1), count: *count }
        };
        buckets.bucket_counts.iter().enumerate().map(of).collect::<Vec<_>>()
    };
    let negative = side(&point.negative).into_iter().rev();
    let negative = negative.map(|Bucket { lower, upper, count }| Bucket { lower: -upper, upper: -lower, count });
    let zero = Bucket { lower: -point.zero_threshold, upper: point.zero_threshold, count: point.zero_count };
    negative.chain([zero]).chain(side(&point.positive)).collect()
}

/// A number as text that every reader of numbers understands; `None` of what is no number.
pub(crate) fn number_text(value: NumberValue) -> Option<String> {
    match value {
        NumberValue::Int(whole) => Some(whole.to_string()),
        NumberValue::Empty => Some("0".to_owned()),
        NumberValue::Double(value) => float_text(value),
    }
}

/// A float as text; `None` of one that is not finite.
pub(crate) fn float_text(value: f64) -> Option<String> {
    if !value.is_finite() {
        return None;
    }
    // Far from one, digits are many.
    let usual = value == 0.0 || (1e-6..1e15).contains(&value.abs());
    Some(if usual { value.to_string() } else { format!("{value:e}") })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn histogram(bounds: &[f64], counts: &[u64], sum: f64, extremes: Option<(f64, f64)>) -> HistogramDataPoint {
        HistogramDataPoint {
            explicit_bounds: bounds.to_vec(),
            bucket_counts: counts.to_vec(),
            count: counts.iter().sum(),
            sum: Some(sum),
            min: extremes.map(|(min, _)| min),
            max: extremes.map(|(_, max)| max),
            ..Default::default()
        }
    }

    fn total(values: &[(f64, u64)]) -> f64 {
        values.iter().map(|(value, count)| value * *count as f64).sum()
    }

    #[test]
    fn a_bucket_becomes_one_value_within_it_and_the_values_have_the_true_sum() {
        let point = histogram(&[1.0, 2.0, 5.0], &[1, 0, 2, 1], 0.5 + 3.0 + 4.0 + 30.0, Some((0.5, 30.0)));
        let values = Distribution::explicit(&point, true).values();
        assert_eq!(values.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1, 2, 1]);
        assert!((0.5..=1.0).contains(&values[0].0) && (2.0..=5.0).contains(&values[1].0));
        assert!((5.0..=30.0).contains(&values[2].0));
        assert!((total(&values) - 37.5).abs() < 1e-9, "{values:?}");
    }

    #[test]
    fn without_extremes_an_open_bucket_takes_what_the_others_cannot() {
        let point = histogram(&[1.0, 2.0], &[1, 1, 2], 102.0, None);
        let values = Distribution::explicit(&point, true).values();
        assert_eq!(total(&values), 102.0);
        assert!(values[0].0 <= 1.0 && values[1].0 <= 2.0 && values[2].0 > 2.0, "{values:?}");
        let negative = histogram(&[-10.0], &[4, 0], -100.0, None);
        assert_eq!(Distribution::explicit(&negative, true).values(), [(-25.0, 4)]);
        let bare = HistogramDataPoint { count: 4, sum: Some(10.0), ..Default::default() };
        assert_eq!(Distribution::explicit(&bare, true).values(), [(2.5, 4)]);
    }

    #[test]
    fn exponential_buckets_stand_in_order_from_the_most_negative_on() {
        let point = ExponentialHistogramDataPoint {
            scale: 0,
            count: 7,
            sum: Some(3.0),
            zero_count: 1,
            positive: Buckets { offset: 1, bucket_counts: vec![2, 0, 1] },
            negative: Buckets { offset: -1, bucket_counts: vec![1, 2] },
            ..Default::default()
        };
        let buckets = Distribution::exponential(&point, true).buckets();
        let bounds: Vec<_> = buckets.iter().map(|bucket| (bucket.lower, bucket.upper, bucket.count)).collect();
        assert_eq!(bounds, [(-2.0, -1.0, 2), (-1.0, -0.5, 1), (0.0, 0.0, 1), (2.0, 4.0, 2), (8.0, 16.0, 1)]);
    }

    #[test]
    fn numbers_far_from_one_are_short_and_what_is_no_number_has_no_text() {
        assert_eq!(number_text(NumberValue::Int(i64::MIN)).unwrap(), "-9223372036854775808");
        assert_eq!(float_text(0.1).unwrap(), "0.1");
        assert_eq!(float_text(-1e300).unwrap(), "-1e300");
        assert_eq!(float_text(2.5e-9).unwrap(), "2.5e-9");
        assert_eq!((float_text(f64::NAN), float_text(f64::INFINITY)), (None, None));
    }

    proptest! {
        #[test]
        fn counts_and_sum_survive_whatever_was_measured(
            measured in prop::collection::vec(prop_oneof![-1e6..1e6, -1.0..1.0, 0.0..1e-3], 1..60),
            mut bounds in prop::collection::vec(-1e5..1e5, 0..12),
            tell_extremes in any::<bool>(),
        ) {
            bounds.sort_by(f64::total_cmp);
            let mut counts = vec![0; bounds.len() + 1];
            measured.iter().for_each(|value| counts[bounds.partition_point(|bound| bound < value)] += 1);
            let sum: f64 = measured.iter().sum();
            let min = measured.iter().copied().fold(f64::INFINITY, f64::min);
            let max = measured.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let point = histogram(&bounds, &counts, sum, tell_extremes.then_some((min, max)));
            let distribution = Distribution::explicit(&point, true);
            let values = distribution.values();
            prop_assert_eq!(values.iter().map(|(_, count)| count).sum::<u64>(), measured.len() as u64);
            let magnitude: f64 = measured.iter().map(|value| value.abs()).sum::<f64>() + 1e6;
            prop_assert!((total(&values) - sum).abs() <= magnitude * 1e-9, "{} of {sum}", total(&values));
            for ((value, _), bucket) in values.iter().zip(distribution.buckets()) {
                let slack = 1e-9 * (1.0 + value.abs());
                prop_assert!(bucket.lower - slack <= *value && *value <= bucket.upper + slack, "{value} in {bucket:?}");
                prop_assert!(!tell_extremes || (min - slack..=max + slack).contains(value));
            }
        }
    }
}
