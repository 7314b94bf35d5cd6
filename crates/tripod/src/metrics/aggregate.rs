//! What a series adds up: sums, last values, distributions. Numbers are atomics, so that any thread may change them.

use std::sync::atomic::{AtomicU64, Ordering};

use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::metrics::{
    AggregationTemporality, HistogramDataPoint, Metric, MetricData, NumberDataPoint, NumberValue,
};

use super::exemplar::Slot;

/// How the measurements of one series are kept.
pub(crate) trait Aggregate: Send + Sync + 'static {
    /// What an instrument tells each of its series.
    type Shape: Clone + PartialEq + Send + Sync;
    /// One series' point.
    type Point;

    fn new(shape: &Self::Shape) -> Self;
    /// Takes a value reported by a callback; nothing where the instrument has no callbacks.
    fn observe(&self, _value: f64) {}
    /// The series' point at this moment.
    fn point(&self, shape: &Self::Shape, attributes: Vec<KeyValue>, start: u64, now: u64) -> Self::Point;
    /// All points of an instrument as its metric.
    fn data(shape: &Self::Shape, points: Vec<Self::Point>) -> MetricData;
}

/// A float in an atomic.
#[derive(Default)]
struct AtomicF64(AtomicU64);

impl AtomicF64 {
    // Relaxed throughout: a number guards no other memory, and a reader wants no more than some recent value of it.
    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    fn add(&self, value: f64) {
        let add = |bits: u64| Some((f64::from_bits(bits) + value).to_bits());
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

/// Whether a sum only grows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SumShape {
    pub(crate) monotonic: bool,
}

/// A sum. Whole numbers are added exactly, in an integer of their own, for as long as only they come.
#[derive(Default)]
pub(crate) struct Sum {
    whole: AtomicU64,
    fraction: AtomicF64,
    exemplar: Slot,
}

impl Sum {
    pub(crate) fn add_whole(&self, value: i64) {
        self.whole.fetch_add(value as u64, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, value: f64) {
        self.fraction.add(value);
    }

    pub(crate) fn offer_exemplar(&self, value: f64) {
        self.exemplar.offer(value);
    }

    pub(crate) fn get(&self) -> f64 {
        self.whole.load(Ordering::Relaxed) as i64 as f64 + self.fraction.get()
    }

    fn value(&self) -> NumberValue {
        match self.fraction.get() {
            0.0 => NumberValue::Int(self.whole.load(Ordering::Relaxed) as i64),
            _ => NumberValue::Double(self.get()),
        }
    }
}

impl Aggregate for Sum {
    type Shape = SumShape;
    type Point = NumberDataPoint;

    fn new(_: &SumShape) -> Self {
        Self::default()
    }

    /// A total counted elsewhere, in place of what was added here.
    fn observe(&self, total: f64) {
        self.whole.store(0, Ordering::Relaxed);
        self.fraction.set(total);
    }

    fn point(&self, _: &SumShape, attributes: Vec<KeyValue>, start: u64, now: u64) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: start,
            time_unix_nano: now,
            value: self.value(),
            exemplars: self.exemplar.take().into_iter().collect(),
            flags: 0,
        }
    }

    fn data(shape: &SumShape, data_points: Vec<NumberDataPoint>) -> MetricData {
        let aggregation_temporality = AggregationTemporality::CUMULATIVE;
        MetricData::Sum { data_points, aggregation_temporality, is_monotonic: shape.monotonic }
    }
}

/// The last value.
#[derive(Default)]
pub(crate) struct Last {
    value: AtomicF64,
}

impl Last {
    pub(crate) fn set(&self, value: f64) {
        self.value.set(value);
    }

    pub(crate) fn add(&self, value: f64) {
        self.value.add(value);
    }

    pub(crate) fn get(&self) -> f64 {
        self.value.get()
    }
}

impl Aggregate for Last {
    type Shape = ();
    type Point = NumberDataPoint;

    fn new((): &()) -> Self {
        Self::default()
    }

    fn observe(&self, value: f64) {
        self.set(value);
    }

    fn point(&self, (): &(), attributes: Vec<KeyValue>, _: u64, now: u64) -> NumberDataPoint {
        let value = NumberValue::Double(self.get());
        NumberDataPoint { attributes, time_unix_nano: now, value, ..Default::default() }
    }

    fn data((): &(), data_points: Vec<NumberDataPoint>) -> MetricData {
        MetricData::Gauge { data_points }
    }
}

/// The upper bounds of a histogram's buckets, ascending, the last bucket without one.
#[derive(Clone, PartialEq)]
pub(crate) struct Bounds(pub(crate) std::sync::Arc<[f64]>);

impl Bounds {
    /// The specification's bounds, meant for milliseconds.
    pub(crate) const MILLIS: [f64; 15] =
        [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0];
    /// The semantic conventions' bounds for durations in seconds.
    pub(crate) const SECONDS: [f64; 14] =
        [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

    /// Sorted, without duplicates and without what is no number.
    pub(crate) fn new(bounds: &[f64]) -> Self {
        let mut bounds: Vec<f64> = bounds.iter().copied().filter(|bound| bound.is_finite()).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        Self(bounds.into())
    }

    /// The bucket of a value: the first whose bound is not below it.
    fn index(&self, value: f64) -> usize {
        self.0.partition_point(|bound| *bound < value)
    }
}

/// A distribution over buckets.
pub(crate) struct Distribution {
    buckets: Box<[Bucket]>,
    sum: AtomicF64,
    min: AtomicF64,
    max: AtomicF64,
}

#[derive(Default)]
struct Bucket {
    count: AtomicU64,
    exemplar: Slot,
}

impl Distribution {
    pub(crate) fn record(&self, bounds: &Bounds, value: f64) {
        if value.is_nan() {
            return;
        }
        let bucket = &self.buckets[bounds.index(value)];
        bucket.count.fetch_add(1, Ordering::Relaxed);
        self.sum.add(value);
        // Races between two extremes end with one of them at the next record; a plain load first keeps the usual case cheap.
        if value < self.min.get() {
            self.min.set(value);
        }
        if value > self.max.get() {
            self.max.set(value);
        }
        bucket.exemplar.offer(value);
    }
}

impl Aggregate for Distribution {
    type Shape = Bounds;
    type Point = HistogramDataPoint;

    fn new(shape: &Bounds) -> Self {
        let this = Self {
            buckets: (0..=shape.0.len()).map(|_| Bucket::default()).collect(),
            sum: AtomicF64::default(),
            min: AtomicF64::default(),
            max: AtomicF64::default(),
        };
        this.min.set(f64::INFINITY);
        this.max.set(f64::NEG_INFINITY);
        this
    }

    fn point(&self, shape: &Bounds, attributes: Vec<KeyValue>, start: u64, now: u64) -> HistogramDataPoint {
        let bucket_counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.count.load(Ordering::Relaxed)).collect();
        let count = bucket_counts.iter().sum();
        HistogramDataPoint {
            attributes,
            start_time_unix_nano: start,
            time_unix_nano: now,
            // Derived from the buckets, so that the two always agree.
            count,
            sum: Some(self.sum.get()),
            bucket_counts,
            explicit_bounds: shape.0.to_vec(),
            exemplars: self.buckets.iter().filter_map(|bucket| bucket.exemplar.take()).collect(),
            flags: 0,
            min: (count > 0).then(|| self.min.get()),
            max: (count > 0).then(|| self.max.get()),
        }
    }

    fn data(_: &Bounds, data_points: Vec<HistogramDataPoint>) -> MetricData {
        MetricData::Histogram { data_points, aggregation_temporality: AggregationTemporality::CUMULATIVE }
    }
}

/// How many points a metric has.
pub(crate) fn points(metric: &Metric) -> usize {
    match &metric.data {
        MetricData::Gauge { data_points } | MetricData::Sum { data_points, .. } => data_points.len(),
        MetricData::Histogram { data_points, .. } => data_points.len(),
        MetricData::ExponentialHistogram { data_points, .. } => data_points.len(),
        MetricData::Summary { data_points } => data_points.len(),
        MetricData::Empty => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let bounds = Bounds::new(&[1.0, 5.0, 5.0, f64::NAN]);
        assert_eq!(bounds.0.as_ref(), [1.0, 5.0]);
        assert_eq!([0.5, 1.0, 1.1, 5.0, 6.0].map(|value| bounds.index(value)), [0, 0, 1, 1, 2]);
    }

    #[test]
    fn a_sum_of_whole_numbers_is_exact_beyond_what_a_float_holds() {
        let sum = Sum::default();
        sum.add_whole((1 << 60) + 1);
        assert_eq!(sum.value(), NumberValue::Int((1 << 60) + 1));
        sum.add(0.5);
        assert_eq!(sum.value(), NumberValue::Double((1_i64 << 60) as f64 + 0.5));
    }
}
