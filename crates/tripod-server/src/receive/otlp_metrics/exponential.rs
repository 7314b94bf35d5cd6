//! Exponential histograms as native ones. OTLP's bucket `i` is (base^i, base^(i+1)], Prometheus' is (base^(i-1), base^i]: the same
//! buckets, numbered one higher. Finer resolutions than Prometheus has are made coarser by merging neighbours.

use tripod_store::NativeHistogram;
use tripod_wire::otlp::metrics::{Buckets, ExponentialHistogramDataPoint};

const FINEST: i32 = 8;
const COARSEST: i32 = -4;
/// The most buckets a side may span.
const MAX_BUCKETS: i64 = 10_000;

type Side = (i32, Vec<f64>);

/// A point as a native histogram.
pub(super) fn native(point: &ExponentialHistogramDataPoint) -> Result<NativeHistogram, String> {
    if point.scale < COARSEST {
        return Err(format!("scale {} is coarser than {COARSEST}, the coarsest of Prometheus", point.scale));
    }
    let shift = u32::try_from(point.scale - FINEST).unwrap_or(0);
    Ok(NativeHistogram {
        schema: point.scale.min(FINEST),
        zero_threshold: point.zero_threshold,
        zero_count: point.zero_count as f64,
        count: point.count as f64,
        sum: point.sum.unwrap_or_default(),
        positive: side(&point.positive, shift)?,
        negative: side(&point.negative, shift)?,
    })
}

fn side(buckets: &Buckets, shift: u32) -> Result<Side, String> {
    let counts = buckets.bucket_counts.iter().enumerate();
    let indexed = counts.map(|(i, count)| ((i64::from(buckets.offset) + i as i64) + 1, *count as f64));
    collect(indexed.filter(|(_, count)| *count > 0.0), shift)
}

/// The bucket that an index falls into when each `2^shift` neighbours are merged.
fn coarser(index: i64, shift: u32) -> i64 {
    ((index - 1) >> shift.min(63)) + 1
}

/// Dense buckets from indexed ones.
fn collect(indexed: impl Iterator<Item = (i64, f64)> + Clone, shift: u32) -> Result<Side, String> {
    let indexed = indexed.map(|(index, count)| (coarser(index, shift), count));
    let (Some(first), Some(last)) = (indexed.clone().map(|(i, _)| i).min(), indexed.clone().map(|(i, _)| i).max())
    else {
        return Ok(Side::default());
    };
    if last - first >= MAX_BUCKETS {
        return Err(format!("buckets span {} indexes, more than {MAX_BUCKETS}", last - first + 1));
    }
    let offset = i32::try_from(first).map_err(|_| format!("bucket index {first} is out of range"))?;
    i32::try_from(last).map_err(|_| format!("bucket index {last} is out of range"))?;
    let mut counts = vec![0.0; (last - first + 1) as usize];
    for (index, count) in indexed {
        counts[(index - first) as usize] += count;
    }
    Ok((offset, counts))
}

/// The sum of two histograms, at the coarser resolution of the two, or coarser still where they span too much.
pub(super) fn add(a: &NativeHistogram, b: &NativeHistogram) -> Result<NativeHistogram, String> {
    let mut schema = a.schema.min(b.schema);
    loop {
        let merge = |x: &Side, y: &Side| {
            let (x_shift, y_shift) = ((a.schema - schema) as u32, (b.schema - schema) as u32);
            let indexed = |(offset, counts): &Side, shift: u32| -> Vec<(i64, f64)> {
                let counts = counts.iter().enumerate();
                counts.map(|(i, count)| (coarser(i64::from(*offset) + i as i64, shift), *count)).collect()
            };
            let all = [indexed(x, x_shift), indexed(y, y_shift)].concat();
            collect(all.into_iter().filter(|(_, count)| *count != 0.0), 0)
        };
        match (merge(&a.positive, &b.positive), merge(&a.negative, &b.negative)) {
            (Ok(positive), Ok(negative)) => {
                return Ok(NativeHistogram {
                    schema,
                    zero_threshold: a.zero_threshold.max(b.zero_threshold),
                    zero_count: a.zero_count + b.zero_count,
                    count: a.count + b.count,
                    sum: a.sum + b.sum,
                    positive,
                    negative,
                });
            }
            (Err(reason), _) | (_, Err(reason)) if schema == COARSEST => return Err(reason),
            _ => schema -= 1,
        }
    }
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
        assert_eq!(native(&point(0, 2, vec![7])).unwrap().positive, (3, vec![7.0]));
    }

    #[test]
    fn a_resolution_finer_than_prometheus_has_is_made_coarser() {
        let histogram = native(&point(10, -1, vec![1, 2, 3, 4, 5, 6])).unwrap();
        // OTLP indexes -1 | 0..=3 | 4 of scale 10 are -1, 0, 1 of scale 8.
        assert_eq!((histogram.schema, histogram.positive), (8, (0, vec![1.0, 14.0, 6.0])));
    }

    #[test]
    fn what_prometheus_cannot_have_is_refused() {
        assert!(native(&point(-5, 0, vec![1])).unwrap_err().contains("scale -5"));
        assert!(native(&point(0, i32::MAX, vec![1])).unwrap_err().contains("out of range"));
        let mut wide = vec![0; 10_001];
        (wide[0], wide[10_000]) = (1, 1);
        assert!(native(&point(0, 0, wide)).unwrap_err().contains("span"));
    }

    #[test]
    fn empty_buckets_at_the_ends_take_no_room() {
        assert_eq!(native(&point(0, -3, vec![0, 0, 5, 0])).unwrap().positive, (0, vec![5.0]));
        assert_eq!(native(&point(0, 9, vec![0, 0])).unwrap().positive, Side::default());
    }

    #[test]
    fn two_histograms_add_up_at_the_coarser_resolution() {
        let a = native(&point(1, 0, vec![1, 2])).unwrap();
        let b = native(&point(0, 1, vec![4])).unwrap();
        let sum = add(&a, &b).unwrap();
        assert_eq!((sum.schema, sum.positive), (0, (1, vec![3.0, 4.0])));
    }

    #[test]
    fn a_sum_that_spans_too_much_gets_coarser() {
        let (a, b) = (native(&point(8, 0, vec![1])).unwrap(), native(&point(8, 16_000, vec![1])).unwrap());
        let sum = add(&a, &b).unwrap();
        assert_eq!((sum.schema, sum.positive.1.len()), (7, 8001));
    }
}
