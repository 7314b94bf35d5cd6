//! Distributions over exponential buckets, which find their own bounds: exponential histograms, and the sketch behind summaries.
//!
//! Both are the same cells: a sketch with a relative error is exponential buckets that are fine enough. The error of a value that is
//! taken from a bucket is at most `(base - 1) / (base + 1)`.

mod buckets;
mod index;
#[cfg(feature = "events")]
mod own;
mod side;

use std::ops::Range;

use tripod_wire::otlp::metrics::{Exemplar, ExponentialHistogramDataPoint};

pub(crate) use index::{MAX_SCALE, MIN_SCALE, index, lower_bound};
pub(crate) use side::Limits;

use super::aggregate::Head;
use super::cells::{CellReader, Cells, Join, decode_greatest, decode_least, encode_greatest, encode_least};
use super::exemplar::{Exemplars, Kept};
use buckets::Buckets;
use side::Side;

/// Exemplars a series: values of neighbouring magnitudes go to different slots.
const EXEMPLARS: usize = 8;

/// The cells beside the buckets.
const SUM: u32 = 0;
const MIN: u32 = 1;
const MAX: u32 = 2;
const ZERO: u32 = 3;

/// A distribution.
pub(crate) struct Exponential {
    cells: Cells,
    positive: Side,
    negative: Side,
    exemplars: Exemplars,
}

impl Default for Exponential {
    fn default() -> Self {
        let cells = Cells::new(&[Join::Float, Join::Greatest, Join::Greatest, Join::Whole]);
        Self { cells, positive: Side::default(), negative: Side::default(), exemplars: Exemplars::default() }
    }
}

/// What it has counted, at one scale for both signs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) scale: i32,
    pub(crate) zero: u64,
    pub(crate) positive: Buckets,
    pub(crate) negative: Buckets,
    pub(crate) sum: f64,
    /// Left out of what came since an earlier state: cells are never reset, so it is not known.
    pub(crate) extremes: Option<(f64, f64)>,
}

impl Exponential {
    /// Records a measurement, unless it is infinite or no number.
    #[inline]
    pub(crate) fn record(&self, limits: Limits, value: f64) {
        if !value.is_finite() {
            return;
        }
        if value > 0.0 {
            self.positive.record(limits, value);
        } else if value < 0.0 {
            self.negative.record(limits, -value);
        } else {
            self.cells.record(ZERO, Join::Whole, 1);
        }
        self.cells.record(SUM, Join::Float, value.to_bits());
        self.cells.record(MIN, Join::Greatest, encode_least(value));
        self.cells.record(MAX, Join::Greatest, encode_greatest(value));
        let exponent = value.to_bits() >> 52;
        self.exemplars.offer(EXEMPLARS, exponent as usize % EXEMPLARS, value);
    }

    pub(crate) fn counted(&self, limits: Limits, cells: &CellReader) -> Counted {
        let [positive, negative] = [&self.positive, &self.negative].map(|side| side.read(cells));
        let scales = [&positive, &negative].into_iter().flatten().map(|(scale, _)| *scale);
        let scale = scales.min().unwrap_or(limits.max_scale);
        let at_scale = |side: Option<(i32, Buckets)>| {
            side.map(|(finer, buckets)| buckets.coarser(finer - scale)).unwrap_or_default()
        };
        let extreme = |cell: u32| cells.bits(self.cells, cell, Join::Greatest);
        Counted {
            scale,
            zero: cells.bits(self.cells, ZERO, Join::Whole),
            positive: at_scale(positive),
            negative: at_scale(negative),
            sum: f64::from_bits(cells.bits(self.cells, SUM, Join::Float)),
            extremes: decode_least(extreme(MIN)).zip(decode_greatest(extreme(MAX))),
        }
    }

    pub(crate) fn exemplars(&self, rounds: &Range<u32>) -> Vec<Exemplar> {
        self.exemplars.otlp(rounds)
    }

    /// Those kept now, of whatever round.
    pub(crate) fn kept_exemplars(&self) -> Vec<Kept> {
        self.exemplars.kept(&(0..u32::MAX)).map(|(_, kept)| kept).collect()
    }
}

impl Counted {
    /// Derived from the buckets, so that the two always agree.
    pub(crate) fn count(&self) -> u64 {
        self.zero + self.positive.count() + self.negative.count()
    }

    /// What came since an earlier state; `None` when nothing did. Scales only become coarser.
    pub(crate) fn since(&self, before: &Self) -> Option<Self> {
        if self.count() == before.count() {
            return None;
        }
        let by = before.scale - self.scale;
        let difference = |now: &Buckets, before: &Buckets| now.clone().minus(&before.coarser(by));
        let positive = difference(&self.positive, &before.positive);
        let negative = difference(&self.negative, &before.negative);
        let zero = self.zero.checked_sub(before.zero);
        let since = positive.zip(negative).zip(zero).map(|((positive, negative), zero)| Self {
            scale: self.scale,
            zero,
            positive,
            negative,
            sum: self.sum - before.sum,
            extremes: None,
        });
        // Less than before there is only in a forked child, which counts from zero.
        Some(since.unwrap_or_else(|| self.clone()))
    }

    /// The value that a share `quantile` of the measurements does not exceed, within the relative error of the scale; `None` when
    /// there are none.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<f64> {
        let count = self.count();
        let rank = (quantile.clamp(0.0, 1.0) * count.checked_sub(1)? as f64) as u64;
        let mut passed = 0;
        let mut found = None;
        let mut look = |value: f64, more: u64| {
            passed += more;
            if passed > rank && found.is_none() {
                found = Some(value);
            }
        };
        let mut below = Vec::new();
        self.negative.each(|index, more| below.push((index, more)));
        below.into_iter().rev().for_each(|(index, more)| look(-self.middle(index), more));
        look(0.0, self.zero);
        self.positive.each(|index, more| look(self.middle(index), more));
        let (min, max) = self.extremes.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        found.map(|found| found.clamp(min, max))
    }

    /// The value from which both bounds of a bucket are, relatively, as far.
    fn middle(&self, index: i32) -> f64 {
        let (low, high) = (index::lower_bound(index, self.scale), index::lower_bound(index + 1, self.scale));
        let ratio = low / high;
        2.0 * low / (1.0 + ratio)
    }

    /// Upper bounds and counts of the buckets from the lowest value on, for formats that know no exponential ones.
    pub(crate) fn explicit(&self) -> Vec<(f64, u64)> {
        let mut all = Vec::new();
        self.negative.each(|index, count| all.push((-index::lower_bound(index, self.scale), count)));
        all.reverse();
        if self.zero > 0 {
            all.push((0.0, self.zero));
        }
        self.positive.each(|index, count| all.push((index::lower_bound(index + 1, self.scale), count)));
        all
    }

    /// What a point says.
    pub(crate) fn of_point(point: &ExponentialHistogramDataPoint) -> Self {
        let [positive, negative] = [&point.positive, &point.negative].map(Buckets::of_otlp);
        Self {
            scale: point.scale,
            zero: point.zero_count,
            positive,
            negative,
            sum: point.sum.unwrap_or_default(),
            extremes: point.min.zip(point.max),
        }
    }

    pub(crate) fn point(self, head: Head) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            attributes: head.attributes,
            start_time_unix_nano: head.times.start,
            time_unix_nano: head.times.now,
            count: self.count(),
            sum: Some(self.sum),
            scale: self.scale,
            zero_count: self.zero,
            positive: self.positive.otlp(),
            negative: self.negative.otlp(),
            flags: 0,
            exemplars: head.exemplars,
            min: self.extremes.map(|(min, _)| min),
            max: self.extremes.map(|(_, max)| max),
            zero_threshold: 0.0,
        }
    }
}

/// The coarsest scale whose buckets have at most this relative error, and room for values that span 32 powers of two.
pub(crate) fn sketch_limits(relative_error: f64) -> Limits {
    let error = |scale: i32| {
        let base = index::lower_bound(1, scale);
        (base - 1.0) / (base + 1.0)
    };
    let scale = (0..=10).find(|scale| error(*scale) <= relative_error).unwrap_or(10);
    Limits { size: 32 << scale, max_scale: scale }
}

#[cfg(test)]
mod tests;
