//! Exponential histograms as Prometheus' native ones.
//!
//! Both have buckets whose bounds grow by 2^(2^-scale). OpenTelemetry numbers a bucket by its lower bound, Prometheus by its upper one, so
//! numbers differ by one. Prometheus knows the scales from -4 to 8: finer buckets are joined, which loses resolution and no count;
//! coarser ones can't be told.

use tripod_wire::prometheus::remote_write::BucketSpan;

use crate::metrics::exponential::Counted;

/// The finest scale.
const FINEST: i32 = 8;
/// The coarsest.
const COARSEST: i32 = -4;

/// Empty buckets between two others up to which they are written, as that is shorter than a new span.
const SHORT_GAP: i32 = 2;

/// The buckets of a native histogram.
#[derive(Debug, PartialEq)]
pub(super) struct Native {
    pub(super) schema: i32,
    pub(super) positive: Buckets,
    pub(super) negative: Buckets,
}

/// Those of one sign.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Buckets {
    pub(super) spans: Vec<BucketSpan>,
    /// Counts, each as the difference from the one before.
    pub(super) deltas: Vec<i64>,
}

impl Native {
    /// `None` where the buckets are too coarse.
    pub(super) fn of(counted: &Counted) -> Option<Self> {
        if counted.scale < COARSEST {
            return None;
        }
        let by = (counted.scale - FINEST).max(0);
        let [mut positive, negative] = [&counted.positive, &counted.negative].map(|side| {
            let mut buckets = Builder::default();
            side.coarser(by).each(|index, count| buckets.add(index + 1, count as i64));
            buckets.built
        });
        if counted.zero == 0 && positive.spans.is_empty() && negative.spans.is_empty() {
            // A span of nothing says that this is a native histogram all the same.
            positive.spans.push(BucketSpan::default());
        }
        Some(Self { schema: counted.scale - by, positive, negative })
    }
}

/// Gathers buckets, lowest first.
#[derive(Default)]
struct Builder {
    built: Buckets,
    /// The number that comes next.
    next: i32,
    /// The count before.
    last: i64,
}

impl Builder {
    fn add(&mut self, number: i32, count: i64) {
        let gap = number - self.next;
        if self.built.spans.is_empty() || gap > SHORT_GAP {
            self.built.spans.push(BucketSpan { offset: gap, length: 0 });
        } else {
            (0..gap).for_each(|_| self.push(0));
        }
        self.push(count);
        self.next = number + 1;
    }

    fn push(&mut self, count: i64) {
        self.built.deltas.push(count - self.last);
        self.last = count;
        if let Some(span) = self.built.spans.last_mut() {
            span.length += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use tripod_wire::otlp::metrics::{Buckets as OtlpBuckets, ExponentialHistogramDataPoint};

    use super::*;

    fn counted(scale: i32, positive: (i32, &[u64]), negative: (i32, &[u64])) -> Counted {
        let side = |(offset, counts): (i32, &[u64])| OtlpBuckets { offset, bucket_counts: counts.to_vec() };
        let (positive, negative) = (side(positive), side(negative));
        Counted::of_point(&ExponentialHistogramDataPoint { scale, positive, negative, ..Default::default() })
    }

    /// What the spans and differences say: number and count of each bucket that is not empty.
    fn read(buckets: &Buckets) -> BTreeMap<i32, i64> {
        let (mut number, mut count, mut deltas) = (0, 0, buckets.deltas.iter());
        let mut read = BTreeMap::new();
        for span in &buckets.spans {
            number += span.offset;
            for _ in 0..span.length {
                count += deltas.next().expect("a difference a bucket");
                read.insert(number, count);
                number += 1;
            }
        }
        assert_eq!(deltas.next(), None);
        read.retain(|_, count| *count > 0);
        read
    }

    #[test]
    fn a_bucket_is_numbered_by_its_upper_bound_and_short_gaps_are_written() {
        let native = Native::of(&counted(0, (-1, &[3, 0, 0, 5, 0, 0, 0, 1]), (2, &[4]))).unwrap();
        let span = |offset, length| BucketSpan { offset, length };
        assert_eq!(native.positive.spans, [span(0, 4), span(3, 1)]);
        assert_eq!(native.positive.deltas, [3, -3, 0, 5, -4]);
        assert_eq!((native.negative.spans, native.negative.deltas), (vec![span(3, 1)], vec![4]));
        assert_eq!(native.schema, 0);
    }

    #[test]
    fn finer_buckets_are_joined_and_coarser_ones_can_not_be_told() {
        let native = Native::of(&counted(10, (0, &[1, 2, 3, 4, 5]), (0, &[]))).unwrap();
        assert_eq!(native.schema, 8);
        assert_eq!(read(&native.positive), BTreeMap::from([(1, 10), (2, 5)]));
        assert_eq!(Native::of(&counted(-5, (0, &[1]), (0, &[]))), None);
    }

    #[test]
    fn one_without_measurements_has_a_span_of_nothing() {
        let native = Native::of(&counted(3, (0, &[]), (0, &[]))).unwrap();
        assert_eq!((native.positive.spans, native.positive.deltas), (vec![BucketSpan::default()], vec![]));
    }

    proptest! {
        #[test]
        fn no_count_is_lost_and_each_stays_in_its_bucket(
            scale in -4..=8_i32, offset in -200..200_i32, counts in proptest::collection::vec(0..5_u64, 0..60),
        ) {
            let native = Native::of(&counted(scale, (offset, &counts), (offset, &counts))).unwrap();
            let expected: BTreeMap<i32, i64> = (offset + 1..).zip(counts.iter().map(|count| *count as i64))
                .filter(|(_, count)| *count > 0).collect();
            prop_assert_eq!(read(&native.positive), expected.clone());
            prop_assert_eq!(read(&native.negative), expected);
        }
    }
}
