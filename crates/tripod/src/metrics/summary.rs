//! Quantiles within a stated relative error: what summaries keep.
//!
//! The sketch is exponential buckets of a fixed scale ([`super::exponential`]), so recording costs what a histogram's does, threads
//! need no lock and their counts just add up. The error holds for as long as the largest magnitude is at most 2^32 times the smallest;
//! beyond that the buckets become twice as wide, as often as needed.

use std::sync::Arc;

use tripod_wire::otlp::metrics::{AggregationTemporality, MetricData, SummaryDataPoint, ValueAtQuantile};
use tripod_wire::prometheus::names::MetricKind;

use super::aggregate::{Aggregate, Head};
use super::cells::CellReader;
use super::exponential::{Counted, Exponential, Limits, sketch_limits};
use super::kind::Aggregation;
use crate::export::prometheus::Samples;

/// What is asked of a summary.
#[derive(Clone, PartialEq)]
pub(crate) struct Quantiles {
    limits: Limits,
    /// Ascending, from 0 to 1.
    quantiles: Arc<[f64]>,
}

impl Quantiles {
    pub(crate) const DEFAULT: [f64; 3] = [0.5, 0.9, 0.99];
    pub(crate) const DEFAULT_ERROR: f64 = 0.01;

    pub(crate) fn new(quantiles: &[f64], relative_error: f64) -> Self {
        let mut quantiles: Vec<f64> = quantiles.iter().copied().filter(|share| (0.0..=1.0).contains(share)).collect();
        quantiles.sort_by(f64::total_cmp);
        quantiles.dedup();
        Self { limits: sketch_limits(relative_error), quantiles: quantiles.into() }
    }
}

/// A summary's series.
pub(crate) struct Sketch(Exponential);

impl Sketch {
    #[inline]
    pub(crate) fn record(&self, shape: &Quantiles, value: f64) {
        self.0.record(shape.limits, value);
    }

    /// The value of a quantile so far.
    pub(crate) fn quantile(&self, shape: &Quantiles, quantile: f64) -> Option<f64> {
        self.0.counted(shape.limits, &CellReader::new()).quantile(quantile)
    }
}

impl Aggregate for Sketch {
    type Shape = Quantiles;
    type State = Counted;
    type Point = SummaryDataPoint;

    fn shape(aggregation: &Aggregation) -> Option<Quantiles> {
        match aggregation {
            Aggregation::Quantiles { quantiles, relative_error } => Some(Quantiles::new(quantiles, *relative_error)),
            _ => None,
        }
    }

    fn new(_: &Quantiles) -> Self {
        Self(Exponential::default())
    }

    fn state(&self, shape: &Quantiles, cells: &CellReader) -> Counted {
        self.0.counted(shape.limits, cells)
    }

    /// OTLP's summaries know no temporality: they are cumulative.
    fn has_deltas(_: &Quantiles) -> bool {
        false
    }

    fn since(now: &Counted, before: &Counted) -> Option<Counted> {
        now.since(before)
    }

    fn point(shape: &Quantiles, counted: Counted, head: Head) -> SummaryDataPoint {
        let value = |quantile: &f64| Some(ValueAtQuantile { quantile: *quantile, value: counted.quantile(*quantile)? });
        SummaryDataPoint {
            attributes: head.attributes,
            start_time_unix_nano: head.times.start,
            time_unix_nano: head.times.now,
            count: counted.count(),
            sum: counted.sum,
            quantile_values: shape.quantiles.iter().filter_map(value).collect(),
            flags: 0,
        }
    }

    fn data(_: &Quantiles, data_points: Vec<SummaryDataPoint>, _: AggregationTemporality) -> MetricData {
        MetricData::Summary { data_points }
    }

    fn kind(_: &Quantiles) -> MetricKind {
        MetricKind::Summary
    }

    fn write(&self, shape: &Quantiles, cells: &CellReader, samples: &mut Samples<'_>) {
        let counted = self.0.counted(shape.limits, cells);
        let value = |quantile: &f64| (*quantile, counted.quantile(*quantile).unwrap_or(f64::NAN));
        let quantiles: Vec<(f64, f64)> = shape.quantiles.iter().map(value).collect();
        samples.summary(&quantiles, counted.sum, counted.count());
    }
}
