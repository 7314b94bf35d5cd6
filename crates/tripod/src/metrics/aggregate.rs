//! What a series makes of its measurements: the one trait behind sums, last values and distributions.

use std::ops::Range;

use tripod_wire::otlp::KeyValue;
use tripod_wire::otlp::metrics::{AggregationTemporality, Exemplar, Metric, MetricData};
use tripod_wire::prometheus::names::MetricKind;

use super::cells::CellReader;
use super::kind::Aggregation;
use crate::export::prometheus::Samples;

/// How the measurements of one series are kept, and read.
pub(crate) trait Aggregate: Send + Sync + Sized + 'static {
    /// What an instrument tells each of its series.
    type Shape: Clone + PartialEq + Send + Sync;
    /// All that a series had counted at some moment.
    type State: Clone + Send + 'static;
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
    /// All that was counted so far.
    fn state(&self, shape: &Self::Shape, cells: &CellReader) -> Self::State;
    /// Whether what came since an earlier state says anything; where not, points are always cumulative.
    fn has_deltas(shape: &Self::Shape) -> bool;
    /// What came since an earlier state of the same series; `None` when nothing did.
    fn since(now: &Self::State, before: &Self::State) -> Option<Self::State>;
    /// Exemplars of these rounds.
    fn exemplars(&self, _rounds: &Range<u32>) -> Vec<Exemplar> {
        Vec::new()
    }
    /// A state as a point.
    fn point(shape: &Self::Shape, state: Self::State, head: Head) -> Self::Point;
    /// All points of an instrument as its metric.
    fn data(shape: &Self::Shape, points: Vec<Self::Point>, temporality: AggregationTemporality) -> MetricData;

    /// What it is, as far as its Prometheus name depends on it.
    fn kind(shape: &Self::Shape) -> MetricKind;
    /// The series' samples on a page for Prometheus.
    fn write(&self, shape: &Self::Shape, cells: &CellReader, samples: &mut Samples<'_>);
}

/// What every point has.
pub(crate) struct Head {
    pub(crate) attributes: Vec<KeyValue>,
    pub(crate) times: Times,
    pub(crate) exemplars: Vec<Exemplar>,
}

/// When a point was begun and when it is read, nanoseconds since the Unix epoch.
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) start: u64,
    pub(crate) now: u64,
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
