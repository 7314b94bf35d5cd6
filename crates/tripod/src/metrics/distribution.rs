//! What histograms keep: a distribution over the buckets that they, or a view, ask for.

use std::ops::Range;

use tripod_wire::otlp::metrics::{
    AggregationTemporality, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, MetricData,
};
use tripod_wire::prometheus::names::MetricKind;

use super::aggregate::{Aggregate, Head};
use super::cells::CellReader;
use super::exponential::{self, Exponential, Limits, MAX_SCALE};
use super::histogram::{self, Bounds, Explicit};
use super::kind::Aggregation;
use crate::export::prometheus::Samples;

/// The buckets of a histogram.
#[derive(Clone, PartialEq)]
pub(crate) enum Buckets {
    Explicit(Bounds),
    Exponential(Limits),
}

impl Buckets {
    pub(crate) fn of(aggregation: &Aggregation) -> Option<Self> {
        match aggregation {
            Aggregation::Explicit(bounds) => Some(Self::Explicit(Bounds::new(bounds))),
            Aggregation::Exponential { max_size } => {
                let size = i32::try_from(*max_size).unwrap_or(i32::MAX).clamp(2, MOST_EXPONENTIAL);
                Some(Self::Exponential(Limits { size, max_scale: MAX_SCALE }))
            }
            Aggregation::Quantiles { .. } => None,
        }
    }
}

/// More exponential buckets than these a histogram may not ask for: at 4 KiB a sign they are finer than anybody looks.
const MOST_EXPONENTIAL: i32 = 512;

/// A histogram's series.
pub(crate) enum Distribution {
    Explicit(Explicit),
    Exponential(Exponential),
}

impl Distribution {
    /// Records a measurement, unless it is infinite or no number.
    #[inline]
    pub(crate) fn record(&self, buckets: &Buckets, value: f64) {
        match (self, buckets) {
            (Self::Explicit(own), Buckets::Explicit(bounds)) => own.record(bounds, value),
            (Self::Exponential(own), Buckets::Exponential(limits)) => own.record(*limits, value),
            // A series is made with the buckets that it is recorded with.
            _ => {}
        }
    }
}

/// What it has counted.
#[derive(Clone)]
pub(crate) enum Counted {
    Explicit(histogram::Counted),
    Exponential(exponential::Counted),
}

/// A point of either kind.
pub(crate) enum Point {
    Explicit(HistogramDataPoint),
    Exponential(ExponentialHistogramDataPoint),
}

impl Aggregate for Distribution {
    type Shape = Buckets;
    type State = Counted;
    type Point = Point;

    fn shape(aggregation: &Aggregation) -> Option<Buckets> {
        Buckets::of(aggregation)
    }

    fn bounds(buckets: &Buckets) -> &[f64] {
        match buckets {
            Buckets::Explicit(bounds) => bounds.as_slice(),
            Buckets::Exponential(_) => &[],
        }
    }

    fn new(buckets: &Buckets) -> Self {
        match buckets {
            Buckets::Explicit(bounds) => Self::Explicit(Explicit::new(bounds)),
            Buckets::Exponential(_) => Self::Exponential(Exponential::default()),
        }
    }

    fn state(&self, buckets: &Buckets, cells: &CellReader) -> Counted {
        match (self, buckets) {
            (Self::Explicit(own), _) => Counted::Explicit(own.counted(cells)),
            (Self::Exponential(own), Buckets::Exponential(limits)) => Counted::Exponential(own.counted(*limits, cells)),
            (Self::Exponential(own), Buckets::Explicit(_)) => {
                Counted::Exponential(own.counted(Limits { size: 2, max_scale: 0 }, cells))
            }
        }
    }

    fn has_deltas(_: &Buckets) -> bool {
        true
    }

    fn since(now: &Counted, before: &Counted) -> Option<Counted> {
        match (now, before) {
            (Counted::Explicit(now), Counted::Explicit(before)) => now.since(before).map(Counted::Explicit),
            (Counted::Exponential(now), Counted::Exponential(before)) => now.since(before).map(Counted::Exponential),
            (now, _) => Some(now.clone()),
        }
    }

    fn exemplars(&self, rounds: &Range<u32>) -> Vec<Exemplar> {
        match self {
            Self::Explicit(own) => own.exemplars(rounds),
            Self::Exponential(own) => own.exemplars(rounds),
        }
    }

    fn point(buckets: &Buckets, counted: Counted, head: Head) -> Point {
        match counted {
            Counted::Explicit(counted) => Point::Explicit(counted.point(Self::bounds(buckets), head)),
            Counted::Exponential(counted) => Point::Exponential(counted.point(head)),
        }
    }

    fn data(buckets: &Buckets, points: Vec<Point>, aggregation_temporality: AggregationTemporality) -> MetricData {
        match buckets {
            Buckets::Explicit(_) => {
                let explicit = |point| if let Point::Explicit(point) = point { Some(point) } else { None };
                let data_points = points.into_iter().filter_map(explicit).collect();
                MetricData::Histogram { data_points, aggregation_temporality }
            }
            Buckets::Exponential(_) => {
                let exponential = |point| if let Point::Exponential(point) = point { Some(point) } else { None };
                let data_points = points.into_iter().filter_map(exponential).collect();
                MetricData::ExponentialHistogram { data_points, aggregation_temporality }
            }
        }
    }

    fn kind(_: &Buckets) -> MetricKind {
        MetricKind::Histogram
    }

    fn write(&self, buckets: &Buckets, cells: &CellReader, samples: &mut Samples<'_>) {
        match (self, buckets) {
            (Self::Explicit(own), Buckets::Explicit(bounds)) => own.write(bounds, cells, samples),
            (Self::Exponential(own), Buckets::Exponential(limits)) => {
                samples.exponential(&own.counted(*limits, cells), &own.kept_exemplars());
            }
            _ => {}
        }
    }
}
