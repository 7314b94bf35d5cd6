//! Sums: what counters and up-down counters keep.

use std::ops::Range;

use tripod_wire::otlp::metrics::{AggregationTemporality, Exemplar, MetricData, NumberDataPoint, NumberValue};
use tripod_wire::prometheus::names::MetricKind;

use super::aggregate::{Aggregate, Head};
use super::cells::{CellReader, Cells, Join, LateCells};
use super::exemplar::Exemplars;
use super::float::AtomicF64;
use crate::export::prometheus::Samples;

/// Whether a sum only grows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SumShape {
    pub(crate) monotonic: bool,
}

/// A sum. Whole numbers are added exactly, in a cell of their own, for as long as only they come.
pub(crate) struct Sum {
    whole: Cells,
    fraction: LateCells,
    /// A total counted elsewhere, in place of what was added here.
    observed: AtomicF64,
    exemplar: Exemplars,
}

impl Sum {
    #[inline]
    pub(crate) fn add_whole(&self, value: i64) {
        self.whole.record(0, Join::Whole, value as u64);
    }

    pub(crate) fn add(&self, value: f64) {
        self.fraction.get_or_make(&[Join::Float]).record(0, Join::Float, value.to_bits());
    }

    #[inline]
    pub(crate) fn offer_exemplar(&self, value: f64) {
        self.exemplar.offer(1, 0, value);
    }

    pub(crate) fn get(&self) -> f64 {
        self.total(&CellReader::new()).as_f64()
    }

    fn total(&self, cells: &CellReader) -> Total {
        let fraction = self.fraction.get().map_or(0.0, |own| f64::from_bits(cells.bits(own, 0, Join::Float)));
        Total { whole: cells.bits(self.whole, 0, Join::Whole) as i64, fraction: fraction + self.observed.get() }
    }
}

/// What a sum amounts to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Total {
    whole: i64,
    fraction: f64,
}

impl Total {
    fn as_f64(self) -> f64 {
        self.whole as f64 + self.fraction
    }

    fn number(self) -> NumberValue {
        if self.fraction == 0.0 { NumberValue::Int(self.whole) } else { NumberValue::Double(self.as_f64()) }
    }
}

impl Aggregate for Sum {
    type Shape = SumShape;
    type State = Total;
    type Point = NumberDataPoint;
    const IS_SUM: bool = true;

    fn new(_: &SumShape) -> Self {
        Self {
            whole: Cells::new(&[Join::Whole]),
            fraction: LateCells::default(),
            observed: AtomicF64::default(),
            exemplar: Exemplars::default(),
        }
    }

    fn observe(&self, total: f64) {
        self.observed.set(total);
    }

    fn state(&self, _: &SumShape, cells: &CellReader) -> Total {
        self.total(cells)
    }

    /// What goes up and down is reported as it stands, whatever a reader prefers: so the specification has it.
    fn has_deltas(shape: &SumShape) -> bool {
        shape.monotonic
    }

    fn since(now: &Total, before: &Total) -> Option<Total> {
        let since = Total { whole: now.whole.wrapping_sub(before.whole), fraction: now.fraction - before.fraction };
        // A total that is counted elsewhere can begin anew, and a forked child counts from zero.
        let since = if since.as_f64() < 0.0 { *now } else { since };
        (now != before).then_some(since)
    }

    fn exemplars(&self, rounds: &Range<u32>) -> Vec<Exemplar> {
        self.exemplar.otlp(rounds)
    }

    fn point(_: &SumShape, total: Total, head: Head) -> NumberDataPoint {
        NumberDataPoint {
            attributes: head.attributes,
            start_time_unix_nano: head.times.start,
            time_unix_nano: head.times.now,
            value: total.number(),
            exemplars: head.exemplars,
            flags: 0,
        }
    }

    fn data(
        shape: &SumShape,
        data_points: Vec<NumberDataPoint>,
        aggregation_temporality: AggregationTemporality,
    ) -> MetricData {
        MetricData::Sum { data_points, aggregation_temporality, is_monotonic: shape.monotonic }
    }

    fn kind(shape: &SumShape) -> MetricKind {
        if shape.monotonic { MetricKind::Counter } else { MetricKind::UpDownCounter }
    }

    fn write(&self, _: &SumShape, cells: &CellReader, samples: &mut Samples<'_>) {
        let exemplar = || self.exemplar.kept(&(0..u32::MAX)).next().map(|(_, kept)| kept);
        let exemplar = if samples.has_exemplars() { exemplar() } else { None };
        samples.number(self.total(cells).number(), exemplar);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_whole_numbers_is_exact_beyond_what_a_float_holds() {
        let sum = Sum::new(&SumShape { monotonic: true });
        let number = || sum.total(&CellReader::new()).number();
        sum.add_whole((1 << 60) + 1);
        assert_eq!(number(), NumberValue::Int((1 << 60) + 1));
        sum.add(0.5);
        assert_eq!(number(), NumberValue::Double((1_i64 << 60) as f64 + 0.5));
    }
}
