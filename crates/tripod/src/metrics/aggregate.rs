//! What a series adds up: sums, last values, distributions.

use std::sync::atomic::{AtomicU64, Ordering};

use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::metrics::{
    AggregationTemporality, HistogramDataPoint, Metric, MetricData, NumberDataPoint, NumberValue,
};

use super::cells::{CellReader, Cells, Join, decode_extreme, encode_extreme};
use super::exemplar::Slot;
use super::kind::Aggregation;

/// How the measurements of one series are kept.
pub(crate) trait Aggregate: Send + Sync + 'static {
    /// What an instrument tells each of its series.
    type Shape: Clone + PartialEq + Send + Sync;
    /// One series' point.
    type Point;
    /// Whether two series' values add up to that of both.
    const IS_SUM: bool = false;

    /// What series are told where a view asks for this aggregation; `None` where it makes no sense.
    fn shape(_: &Aggregation) -> Option<Self::Shape> {
        None
    }
    /// The upper bounds of its buckets, where it has some.
    fn bounds(_: &Self::Shape) -> &[f64] {
        &[]
    }
    fn new(shape: &Self::Shape) -> Self;
    /// Takes a value reported by a callback; nothing where the instrument has no callbacks.
    fn observe(&self, _value: f64) {}
    /// The series' point at this moment.
    fn point(&self, shape: &Self::Shape, attributes: Vec<KeyValue>, times: Times, cells: &CellReader) -> Self::Point;
    /// All points of an instrument as its metric.
    fn data(shape: &Self::Shape, points: Vec<Self::Point>) -> MetricData;
}

/// When a point was begun and when it is read, nanoseconds since the Unix epoch.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) start: u64,
    pub(crate) now: u64,
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

/// A sum. Whole numbers are added exactly, in a cell of their own, for as long as only they come.
pub(crate) struct Sum {
    cells: Cells,
    /// A total counted elsewhere, in place of what was added here.
    observed: AtomicF64,
    exemplar: Slot,
}

/// The cells of a [`Sum`].
const WHOLE: u32 = 0;
const FRACTION: u32 = 1;

impl Sum {
    #[inline]
    pub(crate) fn add_whole(&self, value: i64) {
        self.cells.record(WHOLE, Join::Whole, value as u64);
    }

    #[inline]
    pub(crate) fn add(&self, value: f64) {
        self.cells.record(FRACTION, Join::Float, value.to_bits());
    }

    #[inline]
    pub(crate) fn offer_exemplar(&self, value: f64) {
        self.exemplar.offer(value);
    }

    pub(crate) fn get(&self) -> f64 {
        match self.value(&CellReader::new()) {
            NumberValue::Int(whole) => whole as f64,
            NumberValue::Double(sum) => sum,
            NumberValue::Empty => 0.0,
        }
    }

    fn value(&self, reader: &CellReader) -> NumberValue {
        let whole = reader.bits(self.cells, WHOLE) as i64;
        let fraction = f64::from_bits(reader.bits(self.cells, FRACTION)) + self.observed.get();
        if fraction == 0.0 { NumberValue::Int(whole) } else { NumberValue::Double(whole as f64 + fraction) }
    }
}

impl Aggregate for Sum {
    type Shape = SumShape;
    type Point = NumberDataPoint;
    const IS_SUM: bool = true;

    fn new(_: &SumShape) -> Self {
        let cells = Cells::new(&[Join::Whole, Join::Float]);
        Self { cells, observed: AtomicF64::default(), exemplar: Slot::default() }
    }

    fn observe(&self, total: f64) {
        self.observed.set(total);
    }

    fn point(&self, _: &SumShape, attributes: Vec<KeyValue>, times: Times, cells: &CellReader) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: times.start,
            time_unix_nano: times.now,
            value: self.value(cells),
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

    fn point(&self, (): &(), attributes: Vec<KeyValue>, times: Times, _: &CellReader) -> NumberDataPoint {
        let value = NumberValue::Double(self.get());
        NumberDataPoint { attributes, time_unix_nano: times.now, value, ..Default::default() }
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
    /// Sum, minimum, maximum, then the buckets' counts.
    cells: Cells,
    exemplars: Box<[Slot]>,
}

/// The cells of a [`Distribution`].
const SUM: u32 = 0;
const MIN: u32 = 1;
const MAX: u32 = 2;
const BUCKETS: u32 = 3;

impl Distribution {
    #[inline]
    pub(crate) fn record(&self, bounds: &Bounds, value: f64) {
        if value.is_nan() {
            return;
        }
        let bucket = bounds.index(value);
        self.cells.record(BUCKETS + bucket as u32, Join::Whole, 1);
        self.cells.record(SUM, Join::Float, value.to_bits());
        let extreme = encode_extreme(value);
        self.cells.record(MIN, Join::Least, extreme);
        self.cells.record(MAX, Join::Greatest, extreme);
        self.exemplars[bucket].offer(value);
    }
}

impl Aggregate for Distribution {
    type Shape = Bounds;
    type Point = HistogramDataPoint;

    fn shape(aggregation: &Aggregation) -> Option<Bounds> {
        let Aggregation::Explicit(bounds) = aggregation;
        Some(Bounds::new(bounds))
    }

    fn bounds(shape: &Bounds) -> &[f64] {
        &shape.0
    }

    fn new(shape: &Bounds) -> Self {
        let buckets = shape.0.len() + 1;
        let mut joins = vec![Join::Float, Join::Least, Join::Greatest];
        joins.resize(joins.len() + buckets, Join::Whole);
        Self { cells: Cells::new(&joins), exemplars: (0..buckets).map(|_| Slot::default()).collect() }
    }

    fn point(&self, shape: &Bounds, attributes: Vec<KeyValue>, times: Times, cells: &CellReader) -> HistogramDataPoint {
        let bucket_counts: Vec<u64> =
            (BUCKETS..).take(self.exemplars.len()).map(|cell| cells.bits(self.cells, cell)).collect();
        HistogramDataPoint {
            attributes,
            start_time_unix_nano: times.start,
            time_unix_nano: times.now,
            // Derived from the buckets, so that the two always agree.
            count: bucket_counts.iter().sum(),
            sum: Some(f64::from_bits(cells.bits(self.cells, SUM))),
            bucket_counts,
            explicit_bounds: shape.0.to_vec(),
            exemplars: self.exemplars.iter().filter_map(Slot::take).collect(),
            flags: 0,
            min: decode_extreme(cells.bits(self.cells, MIN)),
            max: decode_extreme(cells.bits(self.cells, MAX)),
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
        let sum = Sum::new(&SumShape { monotonic: true });
        sum.add_whole((1 << 60) + 1);
        assert_eq!(sum.value(&CellReader::new()), NumberValue::Int((1 << 60) + 1));
        sum.add(0.5);
        assert_eq!(sum.value(&CellReader::new()), NumberValue::Double((1_i64 << 60) as f64 + 0.5));
    }
}
