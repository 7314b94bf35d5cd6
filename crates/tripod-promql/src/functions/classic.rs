//! Quantiles and fractions of classic histograms: cumulative counters with the bound in the label `le`.

/// A cumulative bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ClassicBucket {
    pub(crate) upper: f64,
    pub(crate) count: f64,
}

/// A quantile, and whether the buckets had to be made monotonic by more than rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quantile {
    pub(crate) value: f64,
    pub(crate) forced_monotonic: bool,
}

/// Differences up to this share are rounding.
const TOLERANCE: f64 = 1e-12;

/// The `q`-quantile, by linear interpolation within a bucket.
pub(crate) fn quantile(q: f64, buckets: &mut Vec<ClassicBucket>) -> Quantile {
    let plain = |value| Quantile { value, forced_monotonic: false };
    if q.is_nan() {
        return plain(f64::NAN);
    }
    if q < 0.0 {
        return plain(f64::NEG_INFINITY);
    }
    if q > 1.0 {
        return plain(f64::INFINITY);
    }
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return plain(f64::NAN);
    }
    merge_equal_bounds(buckets);
    let forced_monotonic = make_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 || observations.is_nan() {
        return Quantile { value: f64::NAN, forced_monotonic };
    }
    let rank = q * observations;
    let at = buckets[..last].partition_point(|bucket| bucket.count < rank);
    let value = if at == last {
        buckets[last - 1].upper
    } else if at == 0 && buckets[0].upper <= 0.0 {
        buckets[0].upper
    } else {
        let (start, below) = if at == 0 { (0.0, 0.0) } else { (buckets[at - 1].upper, buckets[at - 1].count) };
        start + (buckets[at].upper - start) * ((rank - below) / (buckets[at].count - below))
    };
    Quantile { value, forced_monotonic }
}

/// The share of observations between two values.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<ClassicBucket>) -> f64 {
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    merge_equal_bounds(buckets);
    make_monotonic(buckets);
    let total = buckets[buckets.len() - 1].count;
    if total == 0.0 || total.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets) - rank_of(lower, buckets)) / total
}

/// How many observations are below a value.
fn rank_of(value: f64, buckets: &[ClassicBucket]) -> f64 {
    let at = buckets.partition_point(|bucket| bucket.upper < value);
    if at == buckets.len() {
        return buckets[at - 1].count;
    }
    let (start, below) = match at {
        0 if buckets[0].upper > 0.0 => (0.0, 0.0),
        0 => (f64::NEG_INFINITY, 0.0),
        _ => (buckets[at - 1].upper, buckets[at - 1].count),
    };
    let bucket = buckets[at];
    if value >= bucket.upper {
        return bucket.count;
    }
    if value <= start || start.is_infinite() || bucket.upper.is_infinite() {
        return below;
    }
    below + (bucket.count - below) * (value - start) / (bucket.upper - start)
}

fn merge_equal_bounds(buckets: &mut Vec<ClassicBucket>) {
    buckets.dedup_by(|later, first| {
        let same = later.upper == first.upper;
        if same {
            first.count += later.count;
        }
        same
    });
}

/// Counts must not fall from one bucket to the next; true when one did by more than rounding.
fn make_monotonic(buckets: &mut [ClassicBucket]) -> bool {
    let mut forced = false;
    let mut before = buckets[0].count;
    for bucket in &mut buckets[1..] {
        let scale = before.abs().min(bucket.count.abs());
        if (bucket.count - before).abs() <= TOLERANCE * scale {
            bucket.count = before;
        } else if bucket.count < before {
            bucket.count = before;
            forced = true;
        } else {
            before = bucket.count;
        }
    }
    forced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<ClassicBucket> {
        pairs.iter().map(|(upper, count)| ClassicBucket { upper: *upper, count: *count }).collect()
    }

    #[test]
    fn a_quantile_is_interpolated_within_its_bucket() {
        let mut given = buckets(&[(f64::INFINITY, 10.0), (1.0, 5.0), (2.0, 10.0)]);
        assert_eq!(quantile(0.75, &mut given), Quantile { value: 1.5, forced_monotonic: false });
    }

    #[test]
    fn counts_that_fall_are_held_and_that_is_told() {
        let mut given = buckets(&[(1.0, 5.0), (2.0, 4.0), (f64::INFINITY, 5.0)]);
        assert!(quantile(0.5, &mut given).forced_monotonic);
    }

    #[test]
    fn without_an_infinite_bucket_there_is_no_quantile() {
        assert!(quantile(0.5, &mut buckets(&[(1.0, 5.0)])).value.is_nan());
        assert!(quantile(0.5, &mut Vec::new()).value.is_nan());
    }

    #[test]
    fn a_fraction_counts_parts_of_buckets() {
        let mut given = buckets(&[(1.0, 5.0), (2.0, 10.0), (f64::INFINITY, 10.0)]);
        assert_eq!(fraction(0.5, 1.5, &mut given), 0.5);
    }
}
