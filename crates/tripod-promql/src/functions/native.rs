//! Quantiles, fractions and moments of native histograms. Within a bucket with exponential bounds, observations are taken to be
//! spread evenly over the logarithm; within others, over the value.

use crate::{Bucket, Histogram};

/// The function of a name that reads one number from a histogram, if it is one.
pub(crate) fn resolve(name: &str) -> Option<fn(&Histogram) -> f64> {
    Some(match name {
        "histogram_count" => |h| h.count,
        "histogram_sum" => |h| h.sum,
        "histogram_avg" => |h| h.sum / h.count,
        "histogram_stdvar" => variance,
        "histogram_stddev" => |h| variance(h).sqrt(),
        _ => return None,
    })
}

/// What observations that are NaN, which are in no bucket, did to a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NanEffect {
    /// The result is NaN.
    Nan,
    /// They count as the highest ones.
    SkewedHigher,
    /// They are in no fraction.
    Excluded,
}

impl NanEffect {
    /// As an info says it.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Nan => "input to histogram_quantile has NaN observations, result is NaN",
            Self::SkewedHigher => "input to histogram_quantile has NaN observations, result is skewed higher",
            Self::Excluded => "input to histogram_fraction has NaN observations, which are excluded from all fractions",
        }
    }
}

/// Whether there are observations in no bucket.
fn has_nan(histogram: &Histogram) -> bool {
    let in_buckets = || histogram.buckets().iter().map(|bucket| bucket.count).sum::<f64>();
    histogram.sum.is_nan() && in_buckets() < histogram.count
}

/// The `q`-quantile.
pub(crate) fn quantile(q: f64, histogram: &Histogram) -> (f64, Option<NanEffect>) {
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if histogram.count == 0.0 || q.is_nan() {
        return (f64::NAN, None);
    }
    let value = found_quantile(q, histogram);
    let effect = if value.is_nan() { NanEffect::Nan } else { NanEffect::SkewedHigher };
    (value, has_nan(histogram).then_some(effect))
}

fn found_quantile(q: f64, histogram: &Histogram) -> f64 {
    let mut buckets = buckets(histogram);
    // Counting from the nearer end loses less to rounding; observations that are NaN are in no bucket, at the upper end.
    let forward = histogram.sum.is_nan() || q < 0.5;
    if !forward {
        buckets.reverse();
    }
    let rank = if forward { q } else { 1.0 - q } * histogram.count;
    let mut seen = 0.0;
    let mut found = None;
    for bucket in buckets {
        seen += bucket.count;
        found = Some(bucket);
        if seen >= rank {
            break;
        }
    }
    let Some(bucket) = found else { return f64::NAN };
    if seen < rank {
        return match (histogram.sum.is_nan(), forward) {
            (true, _) => f64::NAN,
            (false, true) => bucket.upper,
            (false, false) => bucket.lower,
        };
    }
    if bucket.lower == f64::NEG_INFINITY {
        return bucket.upper;
    }
    if bucket.upper == f64::INFINITY {
        return bucket.lower;
    }
    let within = if forward { rank - (seen - bucket.count) } else { seen - rank };
    interpolate(histogram, &bucket, within / bucket.count)
}

/// The share of observations between two values.
pub(crate) fn fraction(lower: f64, upper: f64, histogram: &Histogram) -> (f64, Option<NanEffect>) {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let buckets = buckets(histogram);
    let share = (rank_of(upper, histogram, &buckets) - rank_of(lower, histogram, &buckets)) / histogram.count;
    (share, has_nan(histogram).then_some(NanEffect::Excluded))
}

/// Occupied buckets, bounds narrowed where the rest of the histogram shows that nothing can be: the zero bucket of a histogram
/// without negative values starts at zero, and so does a first custom bucket with a positive bound.
fn buckets(histogram: &Histogram) -> Vec<Bucket> {
    let mut buckets = histogram.buckets();
    let no_negatives = histogram.negative.1.is_empty();
    let no_positives = histogram.positive.1.is_empty();
    for bucket in &mut buckets {
        if histogram.has_custom_buckets() {
            if bucket.lower == f64::NEG_INFINITY && bucket.upper > 0.0 {
                bucket.lower = 0.0;
            }
        } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
            if no_negatives && !no_positives {
                bucket.lower = 0.0;
            } else if no_positives && !no_negatives {
                bucket.upper = 0.0;
            }
        }
    }
    buckets
}

pub(crate) fn is_linear(histogram: &Histogram, bucket: &Bucket) -> bool {
    histogram.has_custom_buckets() || bucket.lower <= 0.0 && bucket.upper >= 0.0
}

fn interpolate(histogram: &Histogram, bucket: &Bucket, fraction: f64) -> f64 {
    if is_linear(histogram, bucket) {
        return bucket.lower + (bucket.upper - bucket.lower) * fraction;
    }
    let (low, high) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    let value = (low + (high - low) * fraction).exp2();
    if bucket.lower > 0.0 { value } else { -value }
}

fn rank_of(value: f64, histogram: &Histogram, buckets: &[Bucket]) -> f64 {
    let mut rank = 0.0;
    for bucket in buckets {
        if bucket.upper <= value {
            rank += bucket.count;
        } else if bucket.lower < value {
            rank += bucket.count * share_below(value, histogram, bucket);
        }
    }
    rank
}

pub(crate) fn share_below(value: f64, histogram: &Histogram, bucket: &Bucket) -> f64 {
    if bucket.lower.is_infinite() || bucket.upper.is_infinite() {
        return 0.0;
    }
    if is_linear(histogram, bucket) {
        return (value - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let (low, high) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    (value.abs().log2() - low) / (high - low)
}

fn variance(histogram: &Histogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let squares: f64 = histogram
        .buckets()
        .iter()
        .map(|bucket| {
            let middle = if histogram.has_custom_buckets() {
                let (lower, upper) = (bucket.lower, bucket.upper);
                match (lower.is_infinite(), upper.is_infinite()) {
                    (true, _) => upper,
                    (_, true) => lower,
                    _ => f64::midpoint(lower, upper),
                }
            } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
                0.0
            } else {
                (bucket.lower * bucket.upper).sqrt().copysign(bucket.upper)
            };
            bucket.count * (middle - mean).powi(2)
        })
        .sum();
    squares / histogram.count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram() -> Histogram {
        Histogram { count: 4.0, sum: 6.0, positive: (1, vec![2.0, 2.0]), ..Histogram::default() }
    }

    #[test]
    fn a_quantile_follows_the_logarithm_within_a_bucket() {
        assert_eq!(quantile(0.5, &histogram()), (2.0, None));
        assert!((quantile(0.25, &histogram()).0 - 2_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_fraction_is_the_inverse_of_a_quantile() {
        assert!((fraction(f64::NEG_INFINITY, 2_f64.sqrt(), &histogram()).0 - 0.25).abs() < 1e-12);
        assert_eq!(fraction(f64::NEG_INFINITY, f64::INFINITY, &histogram()), (1.0, None));
    }
}
