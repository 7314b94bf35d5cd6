//! Exponential histograms as native ones. OTLP's bucket `i` is (base^i, base^(i+1)], Prometheus' is (base^(i-1), base^i]: the same
//! buckets, numbered one higher. Finer resolutions than Prometheus has are made coarser by merging neighbours.

use super::STALE_NAN;
use crate::otlp::metrics::{Buckets, ExponentialHistogramDataPoint};

const FINEST: i32 = 8;
const COARSEST: i32 = -4;
/// The most buckets a side may span.
const MAX_BUCKETS: i64 = 10_000;

/// Index of the first bucket, and measurements a bucket from there on, not cumulated.
type Side = (i32, Vec<u64>);

/// A native histogram. Bucket `i` of the positive side holds values in (base^(i-1), base^i] with base = 2^(2^-schema).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NativeHistogram {
    /// Resolution, -4 to 8.
    pub schema: i32,
    /// Half the width of the zero bucket.
    pub zero_threshold: f64,
    /// Measurements in it.
    pub zero_count: u64,
    /// All measurements.
    pub count: u64,
    /// Their sum; [`STALE_NAN`] when the series has ended.
    pub sum: f64,
    /// Index of the first positive bucket, and measurements a bucket from there on (not cumulated).
    pub positive: (i32, Vec<u64>),
    /// The same for negative values, by magnitude.
    pub negative: (i32, Vec<u64>),
}

impl NativeHistogram {
    /// What ends a series.
    pub fn stale() -> Self {
        Self { sum: STALE_NAN, ..Self::default() }
    }

    /// A point as a native histogram.
    pub(super) fn of(point: &ExponentialHistogramDataPoint) -> Result<Self, String> {
        if point.scale < COARSEST {
            return Err(format!("scale {} is coarser than {COARSEST}, the coarsest of Prometheus", point.scale));
        }
        let shift = u32::try_from(point.scale - FINEST).unwrap_or(0);
        Ok(Self {
            schema: point.scale.min(FINEST),
            zero_threshold: point.zero_threshold,
            zero_count: point.zero_count,
            count: point.count,
            sum: point.sum.unwrap_or_default(),
            positive: side(&point.positive, shift)?,
            negative: side(&point.negative, shift)?,
        })
    }

    /// What the two have counted together, at the coarser resolution of the two, or coarser still where they span too much.
    ///
    /// # Errors
    /// Why even the coarsest resolution does not do.
    pub fn plus(&self, other: &Self) -> Result<Self, String> {
        let mut schema = self.schema.min(other.schema);
        loop {
            let shifts = ((self.schema - schema) as u32, (other.schema - schema) as u32);
            match (merge(&self.positive, &other.positive, shifts), merge(&self.negative, &other.negative, shifts)) {
                (Ok(positive), Ok(negative)) => {
                    return Ok(Self {
                        schema,
                        zero_threshold: self.zero_threshold.max(other.zero_threshold),
                        zero_count: self.zero_count.saturating_add(other.zero_count),
                        count: self.count.saturating_add(other.count),
                        sum: self.sum + other.sum,
                        positive,
                        negative,
                    });
                }
                (Err(reason), _) | (_, Err(reason)) if schema == COARSEST => return Err(reason),
                _ => schema -= 1,
            }
        }
    }
}

fn side(buckets: &Buckets, shift: u32) -> Result<Side, String> {
    let counts = buckets.bucket_counts.iter().enumerate();
    collect(counts.map(|(i, count)| (i64::from(buckets.offset) + i as i64 + 1, *count)), shift)
}

fn merge(a: &Side, b: &Side, shifts: (u32, u32)) -> Result<Side, String> {
    let indexed = |(offset, counts): &Side, shift: u32| -> Vec<(i64, u64)> {
        let counts = counts.iter().enumerate();
        counts.map(|(i, count)| (coarser(i64::from(*offset) + i as i64, shift), *count)).collect()
    };
    collect([indexed(a, shifts.0), indexed(b, shifts.1)].concat().into_iter(), 0)
}

/// The bucket that an index falls into when each `2^shift` neighbours are merged.
fn coarser(index: i64, shift: u32) -> i64 {
    ((index - 1) >> shift.min(63)) + 1
}

/// Dense buckets from indexed ones, without empty ones at the ends.
fn collect(indexed: impl Iterator<Item = (i64, u64)> + Clone, shift: u32) -> Result<Side, String> {
    let indexed = indexed.filter(|(_, count)| *count > 0).map(|(index, count)| (coarser(index, shift), count));
    let (Some(first), Some(last)) = (indexed.clone().map(|(i, _)| i).min(), indexed.clone().map(|(i, _)| i).max())
    else {
        return Ok(Side::default());
    };
    if last - first >= MAX_BUCKETS {
        return Err(format!("buckets span {} indexes, more than {MAX_BUCKETS}", last - first + 1));
    }
    let offset = i32::try_from(first).map_err(|_| format!("bucket index {first} is out of range"))?;
    i32::try_from(last).map_err(|_| format!("bucket index {last} is out of range"))?;
    let mut counts = vec![0_u64; (last - first + 1) as usize];
    for (index, count) in indexed {
        let total = &mut counts[(index - first) as usize];
        *total = total.saturating_add(count);
    }
    Ok((offset, counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(scale: i32, offset: i32, bucket_counts: Vec<u64>) -> ExponentialHistogramDataPoint {
        let positive = Buckets { offset, bucket_counts };
        ExponentialHistogramDataPoint { scale, positive, ..ExponentialHistogramDataPoint::default() }
    }

    #[test]
    fn a_bucket_keeps_its_bounds_under_another_number() {
        // (2^2, 2^3] is number 2 in OTLP and number 3 in Prometheus.
        assert_eq!(NativeHistogram::of(&point(0, 2, vec![7])).unwrap().positive, (3, vec![7]));
    }

    #[test]
    fn a_resolution_finer_than_prometheus_has_is_made_coarser() {
        let histogram = NativeHistogram::of(&point(10, -1, vec![1, 2, 3, 4, 5, 6])).unwrap();
        // OTLP indexes -1 | 0..=3 | 4 of scale 10 are -1, 0, 1 of scale 8.
        assert_eq!((histogram.schema, histogram.positive), (8, (0, vec![1, 14, 6])));
    }

    #[test]
    fn what_prometheus_cannot_have_is_refused() {
        assert!(NativeHistogram::of(&point(-5, 0, vec![1])).unwrap_err().contains("scale -5"));
        assert!(NativeHistogram::of(&point(0, i32::MAX, vec![1])).unwrap_err().contains("out of range"));
        let mut wide = vec![0; 10_001];
        (wide[0], wide[10_000]) = (1, 1);
        assert!(NativeHistogram::of(&point(0, 0, wide)).unwrap_err().contains("span"));
    }

    #[test]
    fn empty_buckets_at_the_ends_take_no_room() {
        assert_eq!(NativeHistogram::of(&point(0, -3, vec![0, 0, 5, 0])).unwrap().positive, (0, vec![5]));
        assert_eq!(NativeHistogram::of(&point(0, 9, vec![0, 0])).unwrap().positive, Side::default());
    }

    #[test]
    fn two_histograms_add_up_at_the_coarser_resolution() {
        let a = NativeHistogram::of(&point(1, 0, vec![1, 2])).unwrap();
        let b = NativeHistogram::of(&point(0, 1, vec![4])).unwrap();
        let sum = a.plus(&b).unwrap();
        assert_eq!((sum.schema, sum.positive), (0, (1, vec![3, 4])));
    }

    #[test]
    fn a_sum_that_spans_too_much_gets_coarser() {
        let (a, b) = (
            NativeHistogram::of(&point(8, 0, vec![1])).unwrap(),
            NativeHistogram::of(&point(8, 16_000, vec![1])).unwrap(),
        );
        let sum = a.plus(&b).unwrap();
        assert_eq!((sum.schema, sum.positive.1.len()), (7, 8001));
    }
}
