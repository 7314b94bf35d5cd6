//! Last values: what gauges keep.

use tripod_wire::otlp::metrics::{AggregationTemporality, MetricData, NumberDataPoint, NumberValue};
use tripod_wire::prometheus::names::MetricKind;

use super::aggregate::{Aggregate, Head};
use super::cells::CellReader;
use super::float::AtomicF64;
use crate::export::prometheus::Samples;

/// The last value, one for all threads: a store costs no more than one into a cell of the thread's own, unless threads fight over it,
/// and then it is not clear what the last value is.
#[derive(Default)]
pub(crate) struct Last {
    value: AtomicF64,
}

impl Last {
    #[inline]
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
    type State = f64;
    type Point = NumberDataPoint;

    fn new((): &()) -> Self {
        Self::default()
    }

    fn observe(&self, value: f64) {
        self.set(value);
    }

    fn state(&self, (): &(), _: &CellReader) -> f64 {
        self.get()
    }

    fn has_deltas((): &()) -> bool {
        false
    }

    fn since(now: &f64, _: &f64) -> Option<f64> {
        Some(*now)
    }

    fn point((): &(), value: f64, head: Head) -> NumberDataPoint {
        let (attributes, time_unix_nano) = (head.attributes, head.times.now);
        NumberDataPoint { attributes, time_unix_nano, value: NumberValue::Double(value), ..Default::default() }
    }

    fn data((): &(), data_points: Vec<NumberDataPoint>, _: AggregationTemporality) -> MetricData {
        MetricData::Gauge { data_points }
    }

    fn kind((): &()) -> MetricKind {
        MetricKind::Gauge
    }

    fn write(&self, (): &(), _: &CellReader, samples: &mut Samples<'_>) {
        samples.number(NumberValue::Double(self.get()), None);
    }
}
