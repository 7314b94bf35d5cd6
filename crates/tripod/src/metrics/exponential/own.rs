//! A distribution that belongs to one thread: recorded into without cells, cleared, and joined with others.
//!
//! The buckets are those of [`Exponential`](super::Exponential), so the errors are the same, and joining distributions is exact: it gives
//! what recording all their values into one would have given.

use super::buckets::Buckets;
use super::index::{self, MIN_SCALE};
use super::{Counted, Limits};

impl Counted {
    /// Without a value yet.
    pub(crate) fn empty(limits: Limits) -> Self {
        let (positive, negative) = Default::default();
        Self { scale: limits.max_scale, zero: 0, positive, negative, sum: 0.0, extremes: None }
    }

    /// Forgets the values, and keeps the memory.
    pub(crate) fn clear(&mut self, limits: Limits) {
        self.positive.clear();
        self.negative.clear();
        (self.scale, self.zero, self.sum, self.extremes) = (limits.max_scale, 0, 0.0, None);
    }

    /// Records a measurement, unless it is infinite or no number.
    pub(crate) fn record(&mut self, limits: Limits, value: f64) {
        if !value.is_finite() {
            return;
        }
        let (min, max) = self.extremes.unwrap_or((value, value));
        self.extremes = Some((min.min(value), max.max(value)));
        self.sum += value;
        if value == 0.0 {
            self.zero += 1;
            return;
        }
        let mut index = index::index(value.abs(), self.scale);
        while self.scale > MIN_SCALE && !self.side(value).fits((index, index), limits.size) {
            self.coarsen(1);
            index >>= 1;
        }
        self.side(value).add(index, 1);
    }

    fn side(&mut self, value: f64) -> &mut Buckets {
        if value > 0.0 { &mut self.positive } else { &mut self.negative }
    }

    /// Adds what another has counted.
    pub(crate) fn join(&mut self, limits: Limits, other: &Self) {
        let Some((other_min, other_max)) = other.extremes else { return };
        let (min, max) = self.extremes.unwrap_or((other_min, other_max));
        self.extremes = Some((min.min(other_min), max.max(other_max)));
        self.sum += other.sum;
        self.zero += other.zero;
        self.coarsen(self.scale - other.scale);
        let mut by = other.scale - self.scale;
        let fit = |all: &Buckets, more: &Buckets, by: i32| {
            more.range().is_none_or(|(low, high)| all.fits((low >> by, high >> by), limits.size))
        };
        while self.scale > MIN_SCALE
            && !(fit(&self.positive, &other.positive, by) && fit(&self.negative, &other.negative, by))
        {
            self.coarsen(1);
            by += 1;
        }
        other.positive.each(|index, count| self.positive.add(index >> by, count));
        other.negative.each(|index, count| self.negative.add(index >> by, count));
    }

    fn coarsen(&mut self, by: i32) {
        if by > 0 {
            self.positive.coarsen(by);
            self.negative.coarsen(by);
            self.scale -= by;
        }
    }
}

impl Buckets {
    fn clear(&mut self) {
        self.counts.clear();
        self.offset = 0;
    }

    /// The first and the last bucket.
    fn range(&self) -> Option<(i32, i32)> {
        let last = i32::try_from(self.counts.len()).ok()?.checked_sub(1)?;
        (last >= 0).then_some((self.offset, self.offset + last))
    }

    /// Whether these and the ones of a range are at most so many neighbouring ones.
    fn fits(&self, (low, high): (i32, i32), size: i32) -> bool {
        let (first, last) = self.range().unwrap_or((low, high));
        i64::from(last.max(high)) - i64::from(first.min(low)) < i64::from(size)
    }

    /// As [`Buckets::coarser`], in the same memory: a bucket never lies before where it comes to lie.
    fn coarsen(&mut self, by: i32) {
        let Some((first, last)) = self.range() else { return };
        let offset = first >> by;
        for index in first..=last {
            let count = std::mem::take(&mut self.counts[(index - first) as usize]);
            self.counts[((index >> by) - offset) as usize] += count;
        }
        self.counts.truncate(((last >> by) - offset + 1) as usize);
        self.offset = offset;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metrics::exponential::sketch_limits;

    fn of(limits: Limits, values: &[f64]) -> Counted {
        let mut counted = Counted::empty(limits);
        values.iter().for_each(|value| counted.record(limits, *value));
        counted
    }

    /// All but the sum, which is rounded by another order, and what the memory's history leaves.
    fn shown(counted: &Counted) -> String {
        let list = |buckets: &Buckets| {
            let mut all = Vec::new();
            buckets.each(|index, count| all.push((index, count)));
            all
        };
        let Counted { scale, zero, positive, negative, extremes, .. } = counted;
        format!("{scale} {zero} {:?} {:?} {extremes:?}", list(positive), list(negative))
    }

    fn values() -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![
            4 => (1.0_f64..2.0, -4..20_i32).prop_map(|(mantissa, exponent)| mantissa * 2_f64.powi(exponent)),
            1 => (-2.0_f64..-1.0, -1000..1000_i32).prop_map(|(mantissa, exponent)| mantissa * 2_f64.powi(exponent)),
            1 => (1.0_f64..2.0, -1000..1000_i32).prop_map(|(mantissa, exponent)| mantissa * 2_f64.powi(exponent)),
            1 => Just(0.0),
        ];
        prop::collection::vec(value, 0..60)
    }

    proptest! {
        #[test]
        fn joining_gives_what_recording_everything_into_one_gives(
            parts in prop::collection::vec(values(), 1..6), small in any::<bool>(),
        ) {
            let limits = if small { Limits { size: 20, max_scale: 6 } } else { sketch_limits(0.01) };
            let mut joined = Counted::empty(limits);
            for part in &parts {
                joined.join(limits, &of(limits, part));
            }
            let all: Vec<f64> = parts.concat();
            prop_assert_eq!(shown(&joined), shown(&of(limits, &all)));
            prop_assert_eq!(joined.count(), all.len() as u64);
            prop_assert!(joined.positive.counts.len() <= limits.size as usize);
        }

        #[test]
        fn the_order_of_joining_does_not_matter(a in values(), b in values(), c in values()) {
            let limits = Limits { size: 40, max_scale: 8 };
            let [a, b, c] = [a, b, c].map(|values| of(limits, &values));
            let join = |parts: [&Counted; 3]| {
                let mut all = Counted::empty(limits);
                parts.iter().for_each(|part| all.join(limits, part));
                shown(&all)
            };
            prop_assert_eq!(join([&a, &b, &c]), join([&c, &a, &b]));
        }

        #[test]
        fn what_was_cleared_is_as_new(before in values(), after in values()) {
            let limits = sketch_limits(0.02);
            let mut counted = of(limits, &before);
            counted.clear(limits);
            after.iter().for_each(|value| counted.record(limits, *value));
            prop_assert_eq!(shown(&counted), shown(&of(limits, &after)));
        }
    }
}
