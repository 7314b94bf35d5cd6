//! What of a series is compared with a threshold: its value, or what came within a window of time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::metrics::{ExponentialHistogramDataPoint, HistogramDataPoint, Metric, MetricData};

use super::super::merge::as_f64;

/// Looks that a window is made of: it is exact to one part in so many.
const LOOKS: u32 = 8;

/// What of a series is compared with a threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Measure {
    /// A gauge's value, the total of a counter or an up-down counter.
    #[default]
    Value,
    /// How much a counter grew a second, or how many measurements a histogram or a summary had a second, in the window.
    Rate,
    /// How many measurements a histogram or a summary has had in all.
    Count,
    /// The mean of a histogram's or a summary's measurements in the window.
    Mean,
    /// A quantile, from 0 to 1, of a histogram's measurements in the window, interpolated within its bucket; of a summary, that of
    /// its own quantiles which is next above.
    Quantile(f64),
}

/// What a series stands at.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    /// The number of a gauge or counter.
    value: Option<f64>,
    count: f64,
    sum: f64,
    /// Ascending.
    buckets: Vec<Bucket>,
    /// A summary's quantiles and their values, ascending.
    quantiles: Vec<(f64, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    lower: f64,
    upper: f64,
    count: u64,
}

impl Snapshot {
    /// Each series of a metric.
    pub(super) fn of(metric: &Metric) -> Vec<(&[KeyValue], Self)> {
        match &metric.data {
            MetricData::Gauge { data_points } | MetricData::Sum { data_points, .. } => data_points
                .iter()
                .map(|point| (&*point.attributes, Self { value: Some(as_f64(point.value)), ..Self::default() }))
                .collect(),
            MetricData::Histogram { data_points, .. } => {
                data_points.iter().map(|point| (&*point.attributes, Self::of_histogram(point))).collect()
            }
            MetricData::ExponentialHistogram { data_points, .. } => {
                data_points.iter().map(|point| (&*point.attributes, Self::of_exponential(point))).collect()
            }
            MetricData::Summary { data_points } => data_points
                .iter()
                .map(|point| {
                    let quantiles = point.quantile_values.iter().map(|at| (at.quantile, at.value)).collect();
                    let (count, sum) = (point.count as f64, point.sum);
                    (&*point.attributes, Self { count, sum, quantiles, ..Self::default() })
                })
                .collect(),
            MetricData::Empty => Vec::new(),
        }
    }

    fn of_histogram(point: &HistogramDataPoint) -> Self {
        let bounds = &point.explicit_bounds;
        let first = point.min.unwrap_or(0.0).min(bounds.first().copied().unwrap_or(0.0));
        let last = point.max.unwrap_or(f64::INFINITY).max(bounds.last().copied().unwrap_or(0.0));
        let lowers = [first].into_iter().chain(bounds.iter().copied());
        let uppers = bounds.iter().copied().chain([last]);
        let buckets = lowers.zip(uppers).zip(&point.bucket_counts);
        let buckets = buckets.map(|((lower, upper), count)| Bucket { lower, upper, count: *count }).collect();
        Self { count: point.count as f64, sum: point.sum.unwrap_or(0.0), buckets, ..Self::default() }
    }

    fn of_exponential(point: &ExponentialHistogramDataPoint) -> Self {
        let bound = |index: i32| (f64::from(index) * (-f64::from(point.scale)).exp2()).exp2();
        let positive = (point.positive.offset..).zip(&point.positive.bucket_counts);
        let positive = positive.map(|(at, count)| Bucket { lower: bound(at), upper: bound(at + 1), count: *count });
        let negative = (point.negative.offset..).zip(&point.negative.bucket_counts);
        let negative = negative.map(|(at, count)| Bucket { lower: -bound(at + 1), upper: -bound(at), count: *count });
        let mut buckets: Vec<Bucket> = negative.collect();
        buckets.reverse();
        buckets.push(Bucket { lower: -point.zero_threshold, upper: point.zero_threshold, count: point.zero_count });
        buckets.extend(positive);
        Self { count: point.count as f64, sum: point.sum.unwrap_or(0.0), buckets, ..Self::default() }
    }

    /// What came since an earlier snapshot. The outermost buckets end where the values do, so buckets are told by one end.
    fn since(&self, before: &Self) -> Self {
        let known = |bucket: &Bucket| {
            before
                .buckets
                .iter()
                .find(|old| old.lower == bucket.lower || old.upper == bucket.upper)
                .map_or(0, |b| b.count)
        };
        let buckets =
            self.buckets.iter().map(|bucket| Bucket { count: bucket.count.saturating_sub(known(bucket)), ..*bucket });
        Self {
            value: self.value.map(|value| value - before.value.unwrap_or(0.0)),
            count: self.count - before.count,
            sum: self.sum - before.sum,
            buckets: buckets.collect(),
            quantiles: self.quantiles.clone(),
        }
    }

    fn quantile(&self, q: f64) -> Option<f64> {
        if self.buckets.is_empty() {
            return self.quantiles.iter().find(|(at, _)| *at >= q).or(self.quantiles.last()).map(|(_, value)| *value);
        }
        let total: u64 = self.buckets.iter().map(|bucket| bucket.count).sum();
        let mut left = q * total as f64;
        let filled = self.buckets.iter().filter(|bucket| bucket.count > 0);
        let mut result = None;
        for bucket in filled {
            let (count, upper) =
                (bucket.count as f64, if bucket.upper.is_finite() { bucket.upper } else { bucket.lower });
            result = Some(bucket.lower + (upper - bucket.lower) * (left / count).clamp(0.0, 1.0));
            if left <= count {
                break;
            }
            left -= count;
        }
        result
    }
}

/// What a series stood at some time ago: as much as a window needs.
#[derive(Debug, Default)]
pub(super) struct History {
    looks: VecDeque<(Instant, Snapshot)>,
}

impl History {
    /// Of a series that stood at zero at this time; of one that is known since no time, when `None`.
    pub(super) fn since(time: Option<Instant>) -> Self {
        Self { looks: time.into_iter().map(|time| (time, Snapshot::default())).collect() }
    }

    /// A measure of what the series stands at now; `None` when it has no such measure, or nothing came within the window.
    pub(super) fn measure(
        &mut self,
        measure: Measure,
        now_at: Snapshot,
        now: Instant,
        window: Duration,
    ) -> Option<f64> {
        match measure {
            Measure::Value => return now_at.value,
            Measure::Count => return now_at.value.is_none().then_some(now_at.count),
            Measure::Rate | Measure::Mean | Measure::Quantile(_) => {}
        }
        let age = |time: &Instant| now.saturating_duration_since(*time);
        // The oldest that is kept is the last that is as old as the window.
        while self.looks.get(1).is_some_and(|(time, _)| age(time) >= window) {
            self.looks.pop_front();
        }
        let base = self.looks.front().map(|(time, before)| (age(time), now_at.since(before)));
        if self.looks.back().is_none_or(|(time, _)| age(time) >= window / LOOKS) {
            self.looks.push_back((now, now_at));
        }
        let (age, came) = base?;
        let value = match measure {
            Measure::Rate => came.value.unwrap_or(came.count) / age.as_secs_f64(),
            Measure::Mean if came.count > 0.0 => came.sum / came.count,
            Measure::Quantile(q) if came.count > 0.0 => came.quantile(q)?,
            _ => return None,
        };
        value.is_finite().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(8);

    fn counter(value: f64) -> Snapshot {
        Snapshot { value: Some(value), ..Snapshot::default() }
    }

    fn histogram(counts: [u64; 3], sum: f64) -> Snapshot {
        let point = HistogramDataPoint {
            count: counts.iter().sum(),
            sum: Some(sum),
            bucket_counts: counts.to_vec(),
            explicit_bounds: vec![10.0, 20.0],
            min: Some(0.0),
            max: Some(50.0),
            ..Default::default()
        };
        Snapshot::of_histogram(&point)
    }

    #[test]
    fn a_rate_is_what_came_within_the_window() {
        let (mut history, start) = (History::default(), Instant::now());
        let mut rate = |second: u64, value: f64| {
            history.measure(Measure::Rate, counter(value), start + Duration::from_secs(second), WINDOW)
        };
        assert_eq!(rate(0, 1000.0), None, "what came before the first look is not known");
        assert_eq!(rate(2, 1010.0), Some(5.0));
        for second in 3..=20 {
            rate(second, 1010.0);
        }
        assert_eq!(rate(21, 1010.0), Some(0.0));
    }

    #[test]
    fn a_series_that_is_new_began_at_zero_when_it_was_last_looked() {
        let start = Instant::now();
        let mut history = History::since(Some(start));
        let second = start + Duration::from_secs(1);
        assert_eq!(history.measure(Measure::Rate, counter(30.0), second, WINDOW), Some(30.0));
    }

    #[test]
    fn means_and_quantiles_forget_what_is_older_than_the_window() {
        let start = Instant::now();
        let mut history = History::since(Some(start));
        let at = |second| start + Duration::from_secs(second);
        assert_eq!(history.measure(Measure::Mean, histogram([100, 0, 0], 500.0), at(1), WINDOW), Some(5.0));
        for second in 2..=20 {
            assert!(
                history
                    .measure(Measure::Mean, histogram([100, 0, 0], 500.0), at(second), WINDOW)
                    .is_none_or(|mean| mean == 5.0)
            );
        }
        let now = histogram([100, 10, 0], 650.0);
        assert_eq!(history.measure(Measure::Mean, now.clone(), at(21), WINDOW), Some(15.0));
        assert_eq!(history.measure(Measure::Quantile(0.5), now, at(21), WINDOW), Some(15.0));
    }

    #[test]
    fn a_quantile_lies_within_its_bucket_and_the_last_ends_at_the_largest_value() {
        let quantile = |counts, q| histogram(counts, 0.0).quantile(q).unwrap();
        assert_eq!(quantile([10, 10, 0], 0.75), 15.0);
        assert_eq!(quantile([0, 0, 4], 1.0), 50.0);
        assert_eq!(quantile([1, 0, 0], 0.0), 0.0);
    }

    #[test]
    fn exponential_buckets_have_the_bounds_that_their_scale_says() {
        let mut point = ExponentialHistogramDataPoint { count: 8, scale: 0, ..Default::default() };
        (point.positive.offset, point.positive.bucket_counts) = (1, vec![4, 4]);
        let snapshot = Snapshot::of_exponential(&point);
        assert_eq!((snapshot.quantile(0.5), snapshot.quantile(1.0)), (Some(4.0), Some(8.0)));
    }

    #[test]
    fn what_a_series_has_not_is_no_measure() {
        let now = Instant::now();
        assert_eq!(History::default().measure(Measure::Value, histogram([1, 0, 0], 1.0), now, WINDOW), None);
        assert_eq!(History::default().measure(Measure::Count, counter(1.0), now, WINDOW), None);
        assert_eq!(History::default().measure(Measure::Count, histogram([1, 2, 0], 1.0), now, WINDOW), Some(3.0));
    }
}
