//! Native histograms and their arithmetic: adding, subtracting, scaling, detecting counter resets. Buckets are dense from the first
//! one on, so all of it is linear in the span of occupied buckets.

use std::fmt;
use std::sync::Arc;

use crate::format::format_float_general;

/// The schema of histograms whose bucket bounds are given one by one.
pub const CUSTOM_BUCKETS: i32 = -53;

/// Beyond every bucket that a finite number can be in, at the finest schema.
const MAX_INDEX: u32 = 1 << 20;

/// Index of the first bucket, and observations a bucket from there on.
pub type Buckets = (i32, Vec<f64>);

/// What is known about a counter reset right before a sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResetHint {
    /// Nothing: compare the two.
    #[default]
    Unknown,
    /// There was one.
    Reset,
    /// There was none.
    NotReset,
    /// The histogram goes up and down.
    Gauge,
}

/// Which hints were among histograms that are added up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HintsSeen {
    reset: bool,
    not_reset: bool,
}

impl HintsSeen {
    /// Adds one; whether they contradict each other.
    pub(crate) fn add(&mut self, hint: ResetHint) -> bool {
        self.reset |= hint == ResetHint::Reset;
        self.not_reset |= hint == ResetHint::NotReset;
        self.reset && self.not_reset
    }
}

/// A native histogram. Bucket `i` of the positive side holds values in (base^(i-1), base^i] with base = 2^(2^-schema); with
/// schema [`CUSTOM_BUCKETS`] in (`custom_values[i-1]`, `custom_values[i]`], the last one up to infinity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// Resolution, -4 to 8, or [`CUSTOM_BUCKETS`].
    pub schema: i32,
    /// Half the width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in it.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Positive buckets, not cumulated.
    pub positive: Buckets,
    /// The same for negative values, by magnitude.
    pub negative: Buckets,
    /// Upper bounds of custom buckets, ascending; else empty.
    pub custom_values: Arc<[f64]>,
    /// What is known about a reset.
    pub reset_hint: ResetHint,
}

/// A bucket with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether the lower bound belongs to it.
    pub lower_inclusive: bool,
    /// Whether the upper bound belongs to it.
    pub upper_inclusive: bool,
    /// Observations in it.
    pub count: f64,
}

/// The two histograms have bounds of different kinds and cannot be combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IncompatibleSchemas;

/// What happened besides while two histograms were combined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Combined {
    /// Custom bounds differed; only the common ones are left.
    pub(crate) reconciled: bool,
    /// One side says there was a reset, the other that there was none.
    pub(crate) hints_collide: bool,
}

impl Histogram {
    /// Whether its layout is one that finite numbers can have. Arithmetic on others could need any amount of memory.
    pub(crate) fn is_sound(&self) -> bool {
        let side = |side: &Buckets| side.0.unsigned_abs() <= MAX_INDEX && side.1.len() <= MAX_INDEX as usize;
        let schema = self.has_custom_buckets() || (-4..=8).contains(&self.schema);
        schema && self.zero_threshold.is_finite() && side(&self.positive) && side(&self.negative)
    }

    /// Whether bounds are given one by one.
    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS
    }

    /// All buckets with observations, lowest values first.
    pub fn buckets(&self) -> Vec<Bucket> {
        let occupied = |side: &Buckets| -> Vec<(i32, f64)> {
            let indexed = side.1.iter().enumerate().map(|(i, count)| (side.0.saturating_add(i as i32), *count));
            indexed.filter(|(_, count)| *count != 0.0).collect()
        };
        let mut all = Vec::new();
        for (index, count) in occupied(&self.negative).into_iter().rev() {
            let (lower, upper) = (-self.upper_bound(index), -self.upper_bound(index - 1));
            all.push(Bucket { lower, upper, lower_inclusive: true, upper_inclusive: false, count });
        }
        if self.zero_count > 0.0 {
            let (lower, upper) = (-self.zero_threshold, self.zero_threshold);
            all.push(Bucket { lower, upper, lower_inclusive: true, upper_inclusive: true, count: self.zero_count });
        }
        for (index, count) in occupied(&self.positive) {
            let (lower, upper) = (self.upper_bound(index - 1), self.upper_bound(index));
            let lower_inclusive = self.has_custom_buckets() && index == 0;
            all.push(Bucket { lower, upper, lower_inclusive, upper_inclusive: true, count });
        }
        all
    }

    /// Upper bound of a positive bucket.
    pub fn upper_bound(&self, index: i32) -> f64 {
        if self.has_custom_buckets() {
            return match usize::try_from(index) {
                Err(_) => f64::NEG_INFINITY,
                Ok(index) => self.custom_values.get(index).copied().unwrap_or(f64::INFINITY),
            };
        }
        let exponent = f64::from(index) * f64::from(-self.schema).exp2();
        if exponent == 1024.0 { f64::MAX } else { exponent.exp2() }
    }

    /// Multiplies everything.
    pub(crate) fn scale(&mut self, factor: f64) {
        self.each(|value| value * factor);
        if factor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    /// Divides everything. Division by zero leaves no buckets, as there is no number to put into them.
    pub(crate) fn divide(&mut self, divisor: f64) {
        self.each(|value| value / divisor);
        if divisor == 0.0 {
            self.positive = Buckets::default();
            self.negative = Buckets::default();
        }
        if divisor < 0.0 {
            self.reset_hint = ResetHint::Gauge;
        }
    }

    fn each(&mut self, change: impl Fn(f64) -> f64) {
        for value in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            *value = change(*value);
        }
        for value in self.positive.1.iter_mut().chain(&mut self.negative.1) {
            *value = change(*value);
        }
    }

    pub(crate) fn add(&mut self, other: &Histogram) -> Result<Combined, IncompatibleSchemas> {
        let hints_collide = self.merge_hint(other.reset_hint);
        let reconciled = self.combine(other, 1.0)?;
        Ok(Combined { reconciled, hints_collide })
    }

    pub(crate) fn subtract(&mut self, other: &Histogram) -> Result<Combined, IncompatibleSchemas> {
        let hints_collide = self.merge_hint(other.reset_hint);
        let reconciled = self.combine(other, -1.0)?;
        Ok(Combined { reconciled, hints_collide })
    }

    fn merge_hint(&mut self, other: ResetHint) -> bool {
        use ResetHint::{Gauge, Unknown};
        let (hint, collide) = match (self.reset_hint, other) {
            (a, b) if a == b => (a, false),
            (Gauge, _) | (_, Gauge) => (Gauge, false),
            (Unknown, _) | (_, Unknown) => (Unknown, false),
            _ => (Unknown, true),
        };
        self.reset_hint = hint;
        collide
    }

    /// Adds `sign` times the other one; true when custom bounds had to be reduced to the common ones.
    fn combine(&mut self, other: &Histogram, sign: f64) -> Result<bool, IncompatibleSchemas> {
        if self.has_custom_buckets() != other.has_custom_buckets() {
            return Err(IncompatibleSchemas);
        }
        let mut other = other.clone();
        let mut reconciled = false;
        if self.has_custom_buckets() {
            if self.custom_values != other.custom_values {
                let common = common_bounds(&self.custom_values, &other.custom_values);
                self.reduce_to_bounds(&common);
                other.reduce_to_bounds(&common);
                reconciled = true;
            }
        } else {
            let schema = self.schema.min(other.schema);
            self.reduce_to_schema(schema);
            other.reduce_to_schema(schema);
            reconcile_zero_buckets(self, &mut other);
            self.zero_count += sign * other.zero_count;
        }
        self.count += sign * other.count;
        self.sum += sign * other.sum;
        add_buckets(&mut self.positive, &other.positive, sign);
        add_buckets(&mut self.negative, &other.negative, sign);
        Ok(reconciled)
    }

    pub(crate) fn reduce_to_schema(&mut self, schema: i32) {
        if self.has_custom_buckets() || schema >= self.schema {
            return;
        }
        let shift = (self.schema - schema).clamp(0, 31);
        let reduce = |index: i32| ((index - 1) >> shift) + 1;
        self.positive = map_buckets(&self.positive, reduce);
        self.negative = map_buckets(&self.negative, reduce);
        self.schema = schema;
    }

    fn reduce_to_bounds(&mut self, bounds: &Arc<[f64]>) {
        let old = Arc::clone(&self.custom_values);
        self.positive = map_buckets(&self.positive, |index| {
            let upper = usize::try_from(index).ok().and_then(|at| old.get(at)).copied().unwrap_or(f64::INFINITY);
            bounds.partition_point(|bound| *bound < upper) as i32
        });
        self.custom_values = Arc::clone(bounds);
    }

    /// Widens the zero bucket to at least `threshold`, and further to the end of a bucket it would cut.
    fn widen_zero_bucket(&mut self, threshold: f64) {
        let mut wide = threshold.max(self.zero_threshold);
        for side in [&self.positive, &self.negative] {
            for (i, count) in side.1.iter().enumerate() {
                let index = side.0.saturating_add(i as i32);
                let cut = self.upper_bound(index - 1) < wide && self.upper_bound(index) > wide;
                if *count != 0.0 && cut {
                    wide = self.upper_bound(index);
                }
            }
        }
        let (schema, custom) = (self.schema, Arc::clone(&self.custom_values));
        let bounds = Histogram { schema, custom_values: custom, ..Histogram::default() };
        for side in [&mut self.positive, &mut self.negative] {
            for (i, count) in side.1.iter_mut().enumerate() {
                if bounds.upper_bound(side.0.saturating_add(i as i32)) <= wide {
                    self.zero_count += std::mem::take(count);
                }
            }
        }
        self.zero_threshold = wide;
    }

    /// Removes empty buckets at both ends.
    pub(crate) fn compact(&mut self) {
        for side in [&mut self.positive, &mut self.negative] {
            let end = side.1.iter().rposition(|count| *count != 0.0).map_or(0, |at| at + 1);
            side.1.truncate(end);
            let empty = side.1.iter().take_while(|count| **count == 0.0).count();
            side.1.drain(..empty);
            side.0 = if side.1.is_empty() { 0 } else { side.0.saturating_add(empty as i32) };
        }
    }

    /// Whether a counter was reset between `earlier` and this.
    pub fn is_reset_since(&self, earlier: &Histogram) -> bool {
        match self.reset_hint {
            ResetHint::Reset => return true,
            ResetHint::NotReset => return false,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < earlier.count || self.has_custom_buckets() != earlier.has_custom_buckets() {
            return true;
        }
        let (mut now, mut before) = (self.clone(), earlier.clone());
        if now.has_custom_buckets() {
            if now.custom_values != before.custom_values {
                let common = common_bounds(&now.custom_values, &before.custom_values);
                now.reduce_to_bounds(&common);
                before.reduce_to_bounds(&common);
            }
        } else {
            if now.schema > before.schema || now.zero_threshold < before.zero_threshold {
                return true;
            }
            before.reduce_to_schema(now.schema);
            if before.zero_threshold < now.zero_threshold {
                before.widen_zero_bucket(now.zero_threshold);
                if before.zero_threshold != now.zero_threshold {
                    return true;
                }
            }
            if now.zero_count < before.zero_count {
                return true;
            }
        }
        any_bucket_shrank(&before.positive, &now.positive) || any_bucket_shrank(&before.negative, &now.negative)
    }

    /// Whether two are the same, however their empty buckets are laid out.
    pub fn equivalent(&self, other: &Histogram) -> bool {
        let (mut a, mut b) = (self.clone(), other.clone());
        a.compact();
        b.compact();
        a.reset_hint = b.reset_hint;
        a == b
    }
}

impl fmt::Display for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", format_float_general(self.count), format_float_general(self.sum))?;
        for bucket in self.buckets() {
            let open = if bucket.lower_inclusive { '[' } else { '(' };
            let close = if bucket.upper_inclusive { ']' } else { ')' };
            let (lower, upper) = (format_float_general(bucket.lower), format_float_general(bucket.upper));
            write!(f, ", {open}{lower},{upper}{close}:{}", format_float_general(bucket.count))?;
        }
        f.write_str("}")
    }
}

fn common_bounds(a: &[f64], b: &[f64]) -> Arc<[f64]> {
    a.iter().copied().filter(|bound| b.binary_search_by(|other| other.total_cmp(bound)).is_ok()).collect()
}

fn reconcile_zero_buckets(a: &mut Histogram, b: &mut Histogram) {
    // Widening one to the end of a cut bucket may make the other the narrower one; bounds only grow, so this ends.
    while a.zero_threshold != b.zero_threshold {
        let (narrow, wide) = if a.zero_threshold < b.zero_threshold { (&mut *a, &*b) } else { (&mut *b, &*a) };
        narrow.widen_zero_bucket(wide.zero_threshold);
    }
}

/// Moves every bucket to a new index; `index` must not change their order.
fn map_buckets(side: &Buckets, index: impl Fn(i32) -> i32) -> Buckets {
    if side.1.is_empty() {
        return Buckets::default();
    }
    let first = index(side.0);
    let mut counts: Vec<f64> = Vec::new();
    for (i, count) in side.1.iter().enumerate() {
        let at = (index(side.0.saturating_add(i as i32)) - first) as usize;
        if counts.len() <= at {
            counts.resize(at + 1, 0.0);
        }
        counts[at] += count;
    }
    (first, counts)
}

pub(crate) fn add_buckets(to: &mut Buckets, from: &Buckets, sign: f64) {
    if from.1.is_empty() {
        return;
    }
    if to.1.is_empty() {
        to.0 = from.0;
    }
    if from.0 < to.0 {
        let missing = (to.0 - from.0) as usize;
        to.1.splice(0..0, std::iter::repeat_n(0.0, missing));
        to.0 = from.0;
    }
    let shift = (from.0 - to.0) as usize;
    if to.1.len() < shift + from.1.len() {
        to.1.resize(shift + from.1.len(), 0.0);
    }
    for (i, count) in from.1.iter().enumerate() {
        to.1[shift + i] += sign * count;
    }
}

fn any_bucket_shrank(before: &Buckets, now: &Buckets) -> bool {
    before.1.iter().enumerate().any(|(i, count)| {
        let at = before.0 as i64 + i as i64 - now.0 as i64;
        let current = usize::try_from(at).ok().and_then(|at| now.1.get(at)).copied().unwrap_or(0.0);
        current < *count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(counts: &[f64]) -> Histogram {
        let count = counts.iter().sum();
        Histogram { count, sum: count, positive: (0, counts.to_vec()), ..Histogram::default() }
    }

    #[test]
    fn a_histogram_added_and_subtracted_again_is_the_same() {
        let mut total = histogram(&[1.0, 2.0]);
        total.add(&histogram(&[0.0, 1.0, 4.0])).unwrap();
        assert_eq!(total.positive, (0, vec![1.0, 3.0, 4.0]));
        total.subtract(&histogram(&[0.0, 1.0, 4.0])).unwrap();
        assert!(total.equivalent(&histogram(&[1.0, 2.0])));
    }

    #[test]
    fn a_histogram_with_an_impossible_layout_is_not_sound() {
        assert!(histogram(&[1.0]).is_sound());
        assert!(!Histogram { positive: (i32::MAX, vec![1.0]), ..Histogram::default() }.is_sound());
        assert!(!Histogram { zero_threshold: f64::NAN, ..Histogram::default() }.is_sound());
        assert!(!Histogram { schema: 100, ..Histogram::default() }.is_sound());
    }

    #[test]
    fn thresholds_that_cut_buckets_are_widened_until_they_agree() {
        let mut wide = Histogram { zero_threshold: 3.0, zero_count: 1.0, ..histogram(&[0.0, 0.0, 0.0, 0.0, 1.0]) };
        wide.add(&Histogram { zero_threshold: 0.1, ..histogram(&[1.0, 1.0, 1.0, 1.0]) }).unwrap();
        assert_eq!((wide.zero_threshold, wide.zero_count), (4.0, 4.0));
        assert_eq!(wide.buckets().last().unwrap().upper, 16.0);
    }

    #[test]
    fn of_two_schemas_the_coarser_one_stays() {
        let mut fine = Histogram { schema: 1, ..histogram(&[1.0, 2.0, 3.0]) };
        fine.add(&histogram(&[1.0])).unwrap();
        assert_eq!((fine.schema, fine.positive), (0, (0, vec![2.0, 5.0])));
    }

    #[test]
    fn a_shrunken_bucket_is_a_reset_even_if_the_count_grew() {
        assert!(histogram(&[5.0, 1.0]).is_reset_since(&histogram(&[1.0, 2.0])));
        assert!(!histogram(&[5.0, 2.0]).is_reset_since(&histogram(&[1.0, 2.0])));
    }
}
