//! Joins exponential histograms: of two scales the coarser, and coarser yet if the buckets would become too many.

use tripod_wire::otlp::metrics::{Buckets, ExponentialHistogramDataPoint, HistogramDataPoint};

use super::stand_in;
use crate::metrics::exponential::{MAX_SCALE, MIN_SCALE, index, lower_bound};

/// Buckets on each side of zero: the specification's default.
const MAX_BUCKETS: i64 = 160;

/// Adds what another has counted.
pub(super) fn add(into: &mut ExponentialHistogramDataPoint, mut from: ExponentialHistogramDataPoint) {
    let scale = into.scale.min(from.scale);
    rescale(into, scale);
    rescale(&mut from, scale);
    let is_wide = |a: &Buckets, b: &Buckets| reach(a, b).is_some_and(|(first, last)| last - first > MAX_BUCKETS);
    while (is_wide(&into.positive, &from.positive) || is_wide(&into.negative, &from.negative)) && into.scale > MIN_SCALE
    {
        let coarser = into.scale - 1;
        rescale(into, coarser);
        rescale(&mut from, coarser);
    }
    add_buckets(&mut into.positive, &from.positive);
    add_buckets(&mut into.negative, &from.negative);
    into.zero_count += from.zero_count;
    into.zero_threshold = into.zero_threshold.max(from.zero_threshold);
    into.count += from.count;
    into.sum = Some(into.sum.unwrap_or(0.0) + from.sum.unwrap_or(0.0));
    into.min = into.min.into_iter().chain(from.min).reduce(f64::min);
    into.max = into.max.into_iter().chain(from.max).reduce(f64::max);
    into.exemplars.append(&mut from.exemplars);
}

/// The first bucket of both, and the one after the last.
fn reach(a: &Buckets, b: &Buckets) -> Option<(i64, i64)> {
    let filled = [a, b].into_iter().filter(|buckets| !buckets.bucket_counts.is_empty());
    let ends = filled.map(|buckets| {
        let first = i64::from(buckets.offset);
        (first, first + buckets.bucket_counts.len() as i64)
    });
    ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn add_buckets(into: &mut Buckets, from: &Buckets) {
    let Some((first, end)) = reach(into, from) else { return };
    let mut counts = vec![0; (end - first) as usize];
    for buckets in [&*into, from] {
        let at = (i64::from(buckets.offset) - first) as usize;
        counts.iter_mut().skip(at).zip(&buckets.bucket_counts).for_each(|(sum, count)| *sum += count);
    }
    *into = Buckets { offset: first as i32, bucket_counts: counts };
}

/// Makes it as coarse as `scale` says; each step joins two neighbours.
fn rescale(point: &mut ExponentialHistogramDataPoint, scale: i32) {
    let by = (point.scale - scale).max(0) as u32;
    for buckets in [&mut point.positive, &mut point.negative].into_iter().filter(|_| by > 0) {
        let coarser = |at: i64| if by < 63 { at >> by } else { at >> 63 };
        let Some((first, end)) = reach(buckets, &Buckets::default()) else { continue };
        let offset = coarser(first);
        let mut counts = vec![0; (coarser(end - 1) - offset + 1) as usize];
        (first..end)
            .zip(&buckets.bucket_counts)
            .for_each(|(at, count)| counts[(coarser(at) - offset) as usize] += count);
        *buckets = Buckets { offset: offset as i32, bucket_counts: counts };
    }
    point.scale = scale.min(point.scale);
}

/// A histogram with bounds as an exponential one.
pub(super) fn of_explicit(point: HistogramDataPoint) -> ExponentialHistogramDataPoint {
    let mut all = ExponentialHistogramDataPoint { scale: MAX_SCALE, ..Default::default() };
    for (at, count) in point.bucket_counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let mut one = ExponentialHistogramDataPoint { scale: MAX_SCALE, ..Default::default() };
        let value = stand_in(&point, at);
        let buckets = || Buckets { offset: index(value.abs(), MAX_SCALE), bucket_counts: vec![*count] };
        if value > 0.0 {
            one.positive = buckets();
        } else if value < 0.0 {
            one.negative = buckets();
        } else {
            one.zero_count = *count;
        }
        add(&mut all, one);
    }
    let HistogramDataPoint { attributes, start_time_unix_nano, time_unix_nano, count, sum, .. } = point;
    let HistogramDataPoint { exemplars, flags, min, max, .. } = point;
    ExponentialHistogramDataPoint {
        attributes,
        start_time_unix_nano,
        time_unix_nano,
        count,
        sum,
        exemplars,
        flags,
        min,
        max,
        ..all
    }
}

/// An exponential histogram as one with bounds: a bucket for each of its own.
pub(super) fn explicit(point: ExponentialHistogramDataPoint) -> HistogramDataPoint {
    let (scale, mut bounds, mut counts) = (point.scale, Vec::new(), Vec::new());
    let mut push = |upper: f64, count: u64| {
        bounds.push(upper);
        counts.push(count);
    };
    let negative = (point.negative.offset..).zip(&point.negative.bucket_counts);
    // Below zero the bound that is nearer to it is the upper one: that of the bucket before.
    negative.collect::<Vec<_>>().into_iter().rev().for_each(|(at, count)| push(-lower_bound(at, scale), *count));
    if point.zero_count > 0 {
        push(point.zero_threshold, point.zero_count);
    }
    let positive = (point.positive.offset..).zip(&point.positive.bucket_counts);
    positive.for_each(|(at, count)| push(lower_bound(at + 1, scale), *count));
    counts.push(0);
    let ExponentialHistogramDataPoint { attributes, start_time_unix_nano, time_unix_nano, count, sum, .. } = point;
    let ExponentialHistogramDataPoint { exemplars, flags, min, max, .. } = point;
    HistogramDataPoint {
        attributes,
        start_time_unix_nano,
        time_unix_nano,
        count,
        sum,
        bucket_counts: counts,
        explicit_bounds: bounds,
        exemplars,
        flags,
        min,
        max,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The values, each in its bucket.
    fn of(values: &[f64], scale: i32) -> ExponentialHistogramDataPoint {
        let one = |value: &f64| {
            let mut point = ExponentialHistogramDataPoint { scale, count: 1, sum: Some(*value), ..Default::default() };
            let buckets = || Buckets { offset: index(value.abs(), scale), bucket_counts: vec![1] };
            match value {
                0.0 => point.zero_count = 1,
                0.0.. => point.positive = buckets(),
                _ => point.negative = buckets(),
            }
            point
        };
        let mut all = ExponentialHistogramDataPoint { scale, ..Default::default() };
        values.iter().map(one).for_each(|point| add(&mut all, point));
        all
    }

    fn total(point: &ExponentialHistogramDataPoint) -> u64 {
        point.zero_count + point.positive.bucket_counts.iter().chain(&point.negative.bucket_counts).sum::<u64>()
    }

    #[test]
    fn bounds_belong_to_the_bucket_below_them() {
        assert_eq!([1.0, 1.5, 2.0, 2.1, 4.0].map(|value| index(value, 0)), [-1, 0, 0, 1, 1]);
        assert_eq!([lower_bound(0, 0), lower_bound(1, 0), lower_bound(2, 1)], [1.0, 2.0, 2.0]);
    }

    #[test]
    fn a_histogram_with_bounds_keeps_its_counts_as_an_exponential_one() {
        let point = HistogramDataPoint {
            count: 10,
            sum: Some(55.0),
            bucket_counts: vec![1, 2, 3, 4],
            explicit_bounds: vec![-1.0, 0.0, 8.0],
            max: Some(16.0),
            ..Default::default()
        };
        let point = of_explicit(point);
        assert_eq!((point.count, point.sum, point.zero_count), (10, Some(55.0), 2));
        assert_eq!((point.negative.bucket_counts.iter().sum::<u64>(), total(&point)), (1, 10));
        let mut coarse = point;
        rescale(&mut coarse, 0);
        assert_eq!((coarse.positive.offset, coarse.positive.bucket_counts), (2, vec![3, 4]));
    }

    #[test]
    fn an_exponential_histogram_keeps_its_counts_in_buckets_with_bounds() {
        let point = explicit(of(&[-3.0, 0.0, 0.3, 1.5, 100.0, 100.0], 0));
        let counted: Vec<(f64, u64)> = point.explicit_bounds.iter().copied().zip(point.bucket_counts.clone()).collect();
        let filled: Vec<(f64, u64)> = counted.into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(-2.0, 1), (0.0, 1), (0.5, 1), (2.0, 1), (128.0, 2)]);
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    }

    proptest! {
        #[test]
        fn joining_is_as_if_all_had_been_recorded_in_one(
            a in prop::collection::vec(-1e9..1e9_f64, 0..40),
            b in prop::collection::vec(-1e9..1e9_f64, 0..40),
            scales in (-3..8_i32, -3..8_i32),
        ) {
            let (mut one, other) = (of(&a, scales.0), of(&b, scales.1));
            add(&mut one, other);
            prop_assert_eq!(total(&one), (a.len() + b.len()) as u64);
            prop_assert_eq!(one.count, (a.len() + b.len()) as u64);
            let all: Vec<f64> = a.iter().chain(&b).copied().collect();
            let mut expected = of(&all, scales.0.min(scales.1));
            let scale = one.scale.min(expected.scale);
            rescale(&mut one, scale);
            rescale(&mut expected, scale);
            prop_assert_eq!((one.positive, one.negative), (expected.positive, expected.negative));
        }
    }
}
