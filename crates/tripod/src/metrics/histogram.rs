//! Distributions over buckets that are given by their bounds.

use std::ops::Range;
use std::sync::Arc;

use tripod_wire::otlp::metrics::{Exemplar, HistogramDataPoint};

use super::aggregate::Head;
use super::cells::{CellReader, Cells, Join, decode_greatest, decode_least, encode_greatest, encode_least};
use super::exemplar::{Exemplars, Kept};
use crate::export::prometheus::Samples;

/// The upper bounds of a histogram's buckets, ascending, the last bucket without one.
#[derive(Clone, PartialEq)]
pub(crate) struct Bounds {
    /// Filled up with infinity to a multiple of [`LANES`].
    padded: Arc<[f64]>,
    len: usize,
}

/// Bounds compared at once.
const LANES: usize = 4;
/// So many bounds are compared one and all, without a branch that depends on the value; more are searched.
const COMPARE_ALL: usize = 32;

impl Bounds {
    /// The specification's bounds, meant for milliseconds.
    pub(crate) const MILLIS: [f64; 15] =
        [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0];
    /// The semantic conventions' bounds for durations in seconds.
    pub(crate) const SECONDS: [f64; 14] =
        [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
    /// Bounds beyond so many are left out: the buckets and three more cells are one run.
    pub(crate) const MOST: usize = Cells::LONGEST - BUCKETS - 1;

    /// Sorted, without duplicates and without what is no number.
    pub(crate) fn new(bounds: &[f64]) -> Self {
        let mut bounds: Vec<f64> = bounds.iter().copied().filter(|bound| bound.is_finite()).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        bounds.truncate(Self::MOST);
        let len = bounds.len();
        bounds.resize(len.next_multiple_of(LANES), f64::INFINITY);
        Self { padded: bounds.into(), len }
    }

    pub(crate) fn as_slice(&self) -> &[f64] {
        &self.padded[..self.len]
    }

    /// The bucket of a value: the first whose bound is not below it.
    #[inline]
    fn index(&self, value: f64) -> usize {
        if self.padded.len() > COMPARE_ALL {
            return self.as_slice().partition_point(|bound| *bound < value);
        }
        let below = |bound: f64| usize::from(bound < value);
        let chunks = self.padded.as_chunks::<LANES>().0;
        chunks.iter().map(|[a, b, c, d]| below(*a) + below(*b) + below(*c) + below(*d)).sum()
    }
}

/// A distribution over these buckets.
pub(crate) struct Explicit {
    /// Sum, minimum, maximum, then the buckets' counts.
    cells: Cells,
    buckets: usize,
    exemplars: Exemplars,
}

/// The cells of an [`Explicit`].
const SUM: usize = 0;
const MIN: usize = 1;
const MAX: usize = 2;
const BUCKETS: usize = 3;

impl Explicit {
    /// Records a measurement, unless it is infinite or no number: it would make the sum useless for ever.
    #[inline]
    pub(crate) fn record(&self, bounds: &Bounds, value: f64) {
        if !value.is_finite() {
            return;
        }
        let bucket = bounds.index(value);
        // Whatever is called is called last, so that nothing has to be kept for afterwards.
        let Some(own) = self.cells.own(0, BUCKETS + bounds.len + 1) else {
            return self.record_slowly(bounds, bucket, value);
        };
        own.record(BUCKETS + bucket, Join::Whole, 1);
        own.record(SUM, Join::Float, value.to_bits());
        own.record(MIN, Join::Greatest, encode_least(value));
        own.record(MAX, Join::Greatest, encode_greatest(value));
        self.exemplars.offer(bounds.len + 1, bucket, value);
    }

    #[cold]
    fn record_slowly(&self, bounds: &Bounds, bucket: usize, value: f64) {
        let record = |cell: usize, join, bits| self.cells.record(cell as u32, join, bits);
        record(BUCKETS + bucket, Join::Whole, 1);
        record(SUM, Join::Float, value.to_bits());
        record(MIN, Join::Greatest, encode_least(value));
        record(MAX, Join::Greatest, encode_greatest(value));
        self.exemplars.offer(bounds.len + 1, bucket, value);
    }
}

/// What a distribution has counted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) counts: Vec<u64>,
    pub(crate) sum: f64,
    /// Left out of what came since an earlier state: cells are never reset, so it is not known.
    pub(crate) extremes: Option<(f64, f64)>,
}

impl Explicit {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let mut joins = vec![Join::Float, Join::Greatest, Join::Greatest];
        joins.resize(BUCKETS + bounds.len + 1, Join::Whole);
        Self { cells: Cells::new(&joins), buckets: bounds.len + 1, exemplars: Exemplars::default() }
    }

    pub(crate) fn counted(&self, cells: &CellReader) -> Counted {
        let mut counts = vec![0; self.buckets];
        cells.add_counts(self.cells, BUCKETS as u32, &mut counts);
        let extreme = |cell: usize| cells.bits(self.cells, cell as u32, Join::Greatest);
        Counted {
            counts,
            sum: f64::from_bits(cells.bits(self.cells, SUM as u32, Join::Float)),
            extremes: decode_least(extreme(MIN)).zip(decode_greatest(extreme(MAX))),
        }
    }

    pub(crate) fn exemplars(&self, rounds: &Range<u32>) -> Vec<Exemplar> {
        self.exemplars.otlp(rounds)
    }

    pub(crate) fn write(&self, bounds: &Bounds, cells: &CellReader, samples: &mut Samples<'_>) {
        let counted = self.counted(cells);
        let exemplars: Vec<(usize, Kept)> = self.exemplars.kept(&(0..u32::MAX)).collect();
        samples.histogram(bounds.as_slice(), &counted.counts, counted.sum, &exemplars);
    }
}

impl Counted {
    /// What came since an earlier state; `None` when nothing did.
    pub(crate) fn since(&self, before: &Self) -> Option<Self> {
        if self.counts == before.counts {
            return None;
        }
        // In a forked child, which counts from zero.
        if self.counts.iter().zip(&before.counts).any(|(now, before)| now < before) {
            return Some(self.clone());
        }
        let counts = self.counts.iter().zip(&before.counts).map(|(now, before)| now - before).collect();
        Some(Self { counts, sum: self.sum - before.sum, extremes: None })
    }

    pub(crate) fn point(self, bounds: &[f64], head: Head) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: head.attributes,
            start_time_unix_nano: head.times.start,
            time_unix_nano: head.times.now,
            // Derived from the buckets, so that the two always agree.
            count: self.counts.iter().sum(),
            sum: Some(self.sum),
            bucket_counts: self.counts,
            explicit_bounds: bounds.to_vec(),
            exemplars: head.exemplars,
            flags: 0,
            min: self.extremes.map(|(min, _)| min),
            max: self.extremes.map(|(_, max)| max),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let bounds = Bounds::new(&[1.0, 5.0, 5.0, f64::NAN]);
        assert_eq!(bounds.as_slice(), [1.0, 5.0]);
        assert_eq!([0.5, 1.0, 1.1, 5.0, 6.0].map(|value| bounds.index(value)), [0, 0, 1, 1, 2]);
    }

    proptest! {
        #[test]
        fn a_value_lies_in_the_first_bucket_whose_bound_is_not_below_it(
            bounds in proptest::collection::vec(-100_i32..100, 0..80),
            value in -110_i32..110,
        ) {
            let bounds: Vec<f64> = bounds.into_iter().map(f64::from).collect();
            let (bounds, value) = (Bounds::new(&bounds), f64::from(value));
            let expected = bounds.as_slice().iter().filter(|bound| **bound < value).count();
            prop_assert_eq!(bounds.index(value), expected);
        }
    }
}
