//! The trim operators `</` and `>/`: what a histogram counts below or above a value. Counts of the bucket that the value is in are
//! interpolated as for quantiles; the sum is reduced by an estimate of what was cut away.

use super::native::{is_linear, share_below};
use crate::histogram::Buckets;
use crate::{Bucket, Histogram};

/// Which observations stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Below,
    Above,
}

/// Cuts away the observations on one side of a value.
pub(crate) fn trim(histogram: &mut Histogram, keep: Keep, at: f64) {
    if at.is_infinite() && (at > 0.0) == (keep == Keep::Below) {
        return;
    }
    let (before_positive, before_negative) = (histogram.positive.1.clone(), histogram.negative.1.clone());
    let original = histogram.clone();
    let mut cut_sum = 0.0;
    let mut kept = 0.0;
    let mut cut = |bucket: &Bucket, positive: bool| {
        let share = kept_share(&original, bucket, positive, keep, at);
        let removed = bucket.count * (1.0 - share);
        if removed != 0.0 {
            cut_sum += removed * middle(&original, bucket, positive, share, keep, at);
        }
        kept += bucket.count * share;
        bucket.count * share
    };
    for (index, count) in before_negative.iter().enumerate().filter(|(_, count)| **count != 0.0) {
        let at = index_of(&original.negative, index);
        let (lower, upper) = (-original.upper_bound(at), -original.upper_bound(at - 1));
        histogram.negative.1[index] =
            cut(&Bucket { lower, upper, lower_inclusive: true, upper_inclusive: false, count: *count }, false);
    }
    if original.zero_count != 0.0 {
        histogram.zero_count = cut(&zero_bucket(&original), true);
    }
    for (index, count) in before_positive.iter().enumerate().filter(|(_, count)| **count != 0.0) {
        let at = index_of(&original.positive, index);
        let (lower, upper) = (original.upper_bound(at - 1), original.upper_bound(at));
        histogram.positive.1[index] =
            cut(&Bucket { lower, upper, lower_inclusive: false, upper_inclusive: true, count: *count }, true);
    }
    histogram.count = kept;
    histogram.sum = if kept == 0.0 { 0.0 } else { original.sum - cut_sum };
    histogram.compact();
}

fn index_of(side: &Buckets, index: usize) -> i32 {
    side.0.saturating_add(index as i32)
}

/// The zero bucket, narrowed to the side on which anything was observed.
fn zero_bucket(histogram: &Histogram) -> Bucket {
    let (lower, upper) = (-histogram.zero_threshold, histogram.zero_threshold);
    let (no_negatives, no_positives) = (histogram.negative.1.is_empty(), histogram.positive.1.is_empty());
    let lower = if no_negatives && !no_positives { 0.0 } else { lower };
    let upper = if no_positives && !no_negatives { 0.0 } else { upper };
    Bucket { lower, upper, lower_inclusive: true, upper_inclusive: true, count: histogram.zero_count }
}

/// The share of a bucket's observations that stays.
fn kept_share(histogram: &Histogram, bucket: &Bucket, positive: bool, keep: Keep, at: f64) -> f64 {
    let mut bucket = *bucket;
    if bucket.lower == f64::NEG_INFINITY && bucket.upper > 0.0 && at >= 0.0 && bucket.upper.is_finite() {
        bucket.lower = 0.0;
    }
    let below = if at >= bucket.upper {
        1.0
    } else if at <= bucket.lower {
        0.0
    } else if bucket.lower.is_infinite() || bucket.upper.is_infinite() {
        // There is no telling where in it they are: cut away as a whole.
        return 0.0;
    } else if positive || !is_linear(histogram, &bucket) {
        share_below(at, histogram, &bucket)
    } else {
        (at - bucket.lower) / (bucket.upper - bucket.lower)
    };
    if keep == Keep::Below { below } else { 1.0 - below }
}

/// The value that stands for the observations that are cut away from a bucket.
fn middle(histogram: &Histogram, bucket: &Bucket, positive: bool, share: f64, keep: Keep, at: f64) -> f64 {
    let (lower, upper) = (bucket.lower, bucket.upper);
    if histogram.has_custom_buckets() {
        return match (lower.is_infinite(), upper.is_infinite()) {
            (true, true) => 0.0,
            (false, true) => lower,
            (true, false) if share == 0.0 => upper,
            (true, false) if keep == Keep::Below => f64::midpoint(at, upper),
            (true, false) => f64::midpoint(0.0, at),
            (false, false) => f64::midpoint(lower, upper),
        };
    }
    if is_linear(histogram, bucket) {
        return 0.0;
    }
    if share == 0.0 {
        return (lower * upper).sqrt();
    }
    let bound = if keep == Keep::Below { lower } else { upper };
    let value = (bound * at).sqrt();
    if positive { value } else { -value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> Histogram {
        Histogram { count: 6.0, sum: 12.0, positive: (1, vec![2.0, 4.0]), ..Histogram::default() }
    }

    #[test]
    fn a_bound_cuts_without_interpolation() {
        let mut trimmed = histogram();
        trim(&mut trimmed, Keep::Below, 2.0);
        assert_eq!((trimmed.count, trimmed.positive), (2.0, (1, vec![2.0])));
    }

    #[test]
    fn both_halves_have_all_observations() {
        let (mut below, mut above) = (histogram(), histogram());
        trim(&mut below, Keep::Below, 3.0);
        trim(&mut above, Keep::Above, 3.0);
        assert!((below.count + above.count - 6.0).abs() < 1e-12);
    }

    #[test]
    fn nothing_is_below_the_lowest_value_and_all_above_it() {
        let (mut below, mut above) = (histogram(), histogram());
        trim(&mut below, Keep::Below, f64::NEG_INFINITY);
        trim(&mut above, Keep::Above, f64::NEG_INFINITY);
        assert_eq!((below.count, below.sum), (0.0, 0.0));
        assert_eq!(above, histogram());
    }
}
