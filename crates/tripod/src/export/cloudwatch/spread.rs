//! A histogram as values with their counts, which is how CloudWatch takes a distribution.
//!
//! What is known is kept: how many there are, the least and the greatest as they were, the rest within their buckets and so that all
//! add up to the sum. CloudWatch's count, sum, average, minimum and maximum are thus right, and its percentiles to a bucket.

use tripod_wire::otlp::metrics::{ExponentialHistogramDataPoint, HistogramDataPoint};

/// Measurements between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) count: u64,
}

/// What is known besides the buckets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Known {
    pub(super) sum: Option<f64>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

/// The buckets of a histogram; without any, one without bounds.
pub(super) fn explicit(point: &HistogramDataPoint) -> Vec<Bucket> {
    if point.bucket_counts.is_empty() {
        return vec![Bucket { lower: f64::NEG_INFINITY, upper: f64::INFINITY, count: point.count }];
    }
    let bounds = &point.explicit_bounds;
    let bound = |at: usize, otherwise: f64| bounds.get(at).copied().unwrap_or(otherwise);
    let counts = point.bucket_counts.iter().enumerate();
    let bucket = |(at, count): (usize, &u64)| Bucket {
        lower: at.checked_sub(1).map_or(f64::NEG_INFINITY, |below| bound(below, f64::INFINITY)),
        upper: bound(at, f64::INFINITY),
        count: *count,
    };
    counts.map(bucket).collect()
}

/// The buckets of an exponential histogram, ascending.
pub(super) fn exponential(point: &ExponentialHistogramDataPoint) -> Vec<Bucket> {
    let bound = |index: i64| (index as f64 * (-f64::from(point.scale)).exp2()).exp2();
    let side = |buckets: &tripod_wire::otlp::metrics::Buckets| -> Vec<Bucket> {
        let counts = (i64::from(buckets.offset)..).zip(&buckets.bucket_counts);
        counts.map(|(index, count)| Bucket { lower: bound(index), upper: bound(index + 1), count: *count }).collect()
    };
    let zero = Bucket { lower: -point.zero_threshold, upper: point.zero_threshold, count: point.zero_count };
    let mirrored = |one: Bucket| Bucket { lower: -one.upper, upper: -one.lower, count: one.count };
    let negative = side(&point.negative).into_iter().rev().map(mirrored);
    negative.chain([zero]).chain(side(&point.positive)).collect()
}

/// Values, ascending, and how often each is.
pub(super) fn spread(buckets: &[Bucket], known: Known) -> Vec<(f64, u64)> {
    let (least, greatest) = (known.min.unwrap_or(f64::NEG_INFINITY), known.max.unwrap_or(f64::INFINITY));
    let within = |one: &Bucket| {
        let (lower, upper) = (one.lower.max(least), one.upper.min(greatest));
        // A bucket without a bound is where its other bound is.
        let (lower, upper) =
            (if lower.is_finite() { lower } else { upper }, if upper.is_finite() { upper } else { lower });
        Bucket { lower: lower.min(upper), upper, count: one.count }
    };
    let mut buckets: Vec<Bucket> = buckets.iter().filter(|one| one.count > 0).map(within).collect();
    let total: u64 = buckets.iter().map(|one| one.count).sum();
    // One is the least, another the greatest.
    let min = known.min.filter(|_| total > 0);
    let max = known.max.filter(|_| total > 1);
    if let (Some(_), Some(first)) = (min, buckets.first_mut()) {
        first.count -= 1;
    }
    if let (Some(_), Some(last)) = (max, buckets.iter_mut().rev().find(|one| one.count > 0)) {
        last.count -= 1;
    }
    let left = known.sum.map(|sum| sum - min.unwrap_or(0.0) - max.unwrap_or(0.0));
    let middle = |one: &Bucket| f64::midpoint(one.lower, one.upper);
    let shift = left.map_or(0.0, |left| shift(&buckets, left));
    let between = buckets.iter().map(|one| {
        let room = if shift > 0.0 { one.upper - middle(one) } else { middle(one) - one.lower };
        (middle(one) + shift * room, one.count)
    });
    let ends = |end: Option<f64>| end.map(|value| (value, 1));
    let all = ends(min).into_iter().chain(between).chain(ends(max)).filter(|(_, count)| *count > 0);
    let mut values: Vec<(f64, u64)> = Vec::new();
    for (value, count) in all {
        match values.last_mut() {
            Some((last, so_far)) if *last == value => *so_far += count,
            _ => values.push((value, count)),
        }
    }
    values
}

/// How far, from the middle (0) to the upper bound (1) or the lower (-1), all have to move to add up to `sum`.
fn shift(buckets: &[Bucket], sum: f64) -> f64 {
    let of_middles: f64 = buckets.iter().map(|one| f64::midpoint(one.lower, one.upper) * one.count as f64).sum();
    let room: f64 = buckets.iter().map(|one| (one.upper - one.lower) / 2.0 * one.count as f64).sum();
    let shift = (sum - of_middles) / room;
    if shift.is_finite() { shift.clamp(-1.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tripod_wire::otlp::metrics::Buckets;

    use super::*;

    #[test]
    fn buckets_without_bounds_or_extremes_stay_where_they_can_be() {
        let bucket = |lower, upper, count| Bucket { lower, upper, count };
        let open = [bucket(f64::NEG_INFINITY, 1.0, 2), bucket(1.0, 3.0, 1), bucket(3.0, f64::INFINITY, 4)];
        assert_eq!(spread(&open, Known::default()), [(1.0, 2), (2.0, 1), (3.0, 4)]);
        let one = HistogramDataPoint { count: 1, ..HistogramDataPoint::default() };
        let known = Known { sum: Some(7.0), min: Some(7.0), max: Some(7.0) };
        assert_eq!(spread(&explicit(&one), known), [(7.0, 1)]);
        assert!(spread(&[], known).is_empty());
    }

    #[test]
    fn exponential_buckets_ascend_over_zero() {
        let side = |offset, counts: &[u64]| Buckets { offset, bucket_counts: counts.to_vec() };
        let point = ExponentialHistogramDataPoint {
            scale: 0,
            zero_count: 3,
            positive: side(1, &[4, 5]),
            negative: side(0, &[1, 2]),
            ..ExponentialHistogramDataPoint::default()
        };
        let bounds: Vec<_> = exponential(&point).iter().map(|one| (one.lower, one.upper, one.count)).collect();
        assert_eq!(bounds, [(-4.0, -2.0, 2), (-2.0, -1.0, 1), (0.0, 0.0, 3), (2.0, 4.0, 4), (4.0, 8.0, 5)]);
    }

    proptest! {
        #[test]
        fn count_sum_and_extremes_are_those_of_what_was_measured(
            measured in prop::collection::vec(-50.0..150.0_f64, 1..60),
            bounds in prop::collection::btree_set(-40..140_i32, 0..12),
        ) {
            let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
            let mut point = HistogramDataPoint { explicit_bounds: bounds.clone(), bucket_counts: vec![0; bounds.len() + 1], ..HistogramDataPoint::default() };
            for value in &measured {
                point.bucket_counts[bounds.partition_point(|bound| bound < value)] += 1;
            }
            let (least, greatest) = measured.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
            let sum: f64 = measured.iter().sum();
            let values = spread(&explicit(&point), Known { sum: Some(sum), min: Some(least), max: Some(greatest) });

            prop_assert_eq!(values.iter().map(|(_, count)| count).sum::<u64>(), measured.len() as u64);
            let added: f64 = values.iter().map(|(value, count)| value * *count as f64).sum();
            prop_assert!((added - sum).abs() < 1e-6, "{added} is not {sum}");
            prop_assert_eq!(values.first().unwrap().0, least);
            prop_assert_eq!(values.last().unwrap().0, greatest);
            let mut counts = vec![0; bounds.len() + 1];
            for (value, count) in &values {
                // Rounding may put a value a hair beyond its bound.
                let at = bounds.partition_point(|bound| *bound < value - 1e-9);
                counts[at] += count;
            }
            let (mut here, mut there) = (0, 0);
            for (mine, theirs) in counts.iter().zip(&point.bucket_counts) {
                (here, there) = (here + mine, there + theirs);
                prop_assert!(here >= there, "nothing rises out of its bucket");
            }
        }
    }
}
