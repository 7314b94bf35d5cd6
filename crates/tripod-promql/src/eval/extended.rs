//! `anchored` and `smoothed` selectors: a range has a value at both of its ends, so a change is not extrapolated. Anchored, it is the
//! newest value known there; smoothed, it is interpolated between the samples before and after. For both, samples from outside the
//! range are looked at, as far as the lookback goes.

use super::select::{EachNewest, Windows};
use super::{Column, EachColumn, Evaluator, Grid};
use crate::ast::{Extended, Selector};
use crate::{QueryError, is_stale};

/// A range vector whose ends have values.
pub(super) struct ExtendedRange<'a> {
    pub(super) selector: &'a Selector,
    pub(super) range: i64,
    pub(super) extended: Extended,
    /// Where it stands.
    pub(super) position: usize,
}

type Samples<'a> = &'a [(i64, f64)];

/// The samples around one range.
struct Span<'a> {
    samples: Samples<'a>,
    /// The sample before the range, or the first one there is.
    first: usize,
    /// The last sample in the range; smoothed, the first one after it.
    last: usize,
    start: i64,
    end: i64,
    smoothed: bool,
}

impl Evaluator<'_> {
    /// `rate`, `increase`, `delta`, `changes` and `resets` of such a range.
    pub(super) fn call_extended(
        &self,
        function: &str,
        range: &ExtendedRange<'_>,
        grid: Grid,
        each: &mut EachColumn<'_>,
    ) -> Result<(), QueryError> {
        let smoothed = range.extended == Extended::Smoothed;
        let windows = Windows::new(grid, range.range, range.selector.shift, self.fixed_time(range.selector.shift));
        self.around(range.selector, &windows, smoothed, &mut |labels, floats, has_histograms| {
            if has_histograms {
                let text = format!("native histograms are left out by {} selectors", range.extended.name());
                self.info(range.position, &text);
            }
            let mut column = Column::empty(labels.clone(), grid.count);
            for i in 0..grid.count {
                let end = windows.end(i);
                let start = end - range.range;
                let samples = self.seen(floats, start, end, smoothed);
                self.work(samples.len())?;
                let Some(span) = Span::new(samples, start, end, smoothed) else { continue };
                column.floats[i] = match function {
                    "changes" => span.count(|a, b| a != b && !(a.is_nan() && b.is_nan())),
                    "resets" => span.count(|a, b| b < a),
                    "delta" => span.change(false),
                    "increase" => span.change(true),
                    _ => span.change(true) / (range.range as f64 / 1000.0),
                };
            }
            if column.is_empty() { Ok(()) } else { each(column) }
        })
    }

    /// Each series' value at every step, interpolated between the samples around; behind the last one, that one's.
    pub(super) fn smoothed(
        &self,
        selector: &Selector,
        windows: &Windows,
        each: &mut EachNewest<'_>,
    ) -> Result<(), QueryError> {
        let at_once = windows.widened(-windows.range, 0);
        let times: Vec<i64> = (0..windows.grid.count).map(|i| windows.end(i)).collect();
        self.around(selector, &at_once, true, &mut |labels, floats, _| {
            let mut column = Column::empty(labels.clone(), windows.grid.count);
            for (value, time) in column.floats.iter_mut().zip(&times) {
                let samples = self.seen(floats, *time, *time, true);
                let after = samples.partition_point(|(at, _)| at < time);
                match (after.checked_sub(1).map(|before| samples[before]), samples.get(after)) {
                    (_, Some((at, exact))) if at == time => *value = *exact,
                    (Some(before), Some(after)) => *value = interpolated(before, *after, *time, false),
                    (Some((_, last)), None) => *value = last,
                    (None, _) => {}
                }
            }
            if column.is_empty() { Ok(()) } else { each(column, &times) }
        })
    }

    /// Calls `each` with the numbers of a selector's series, those around the windows too, and whether there are histograms.
    fn around(
        &self,
        selector: &Selector,
        windows: &Windows,
        smoothed: bool,
        each: &mut dyn FnMut(&crate::Labels, Samples<'_>, bool) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let lookback = self.lookback();
        let after = if smoothed { lookback } else { 0 };
        let wide = windows.widened(lookback, after);
        let mut floats = Vec::new();
        self.load(selector, &wide, &mut |series| {
            floats.clear();
            floats.extend(series.floats.iter().copied().filter(|(_, value)| !is_stale(*value)));
            each(series.labels, &floats, !series.histograms.is_empty())
        })
    }

    /// The samples that one range looks at.
    fn seen<'a>(&self, floats: Samples<'a>, start: i64, end: i64, smoothed: bool) -> Samples<'a> {
        let lookback = self.lookback();
        let from = floats.partition_point(|(time, _)| *time <= start - lookback);
        let last = if smoothed { end + lookback } else { end };
        let to = floats.partition_point(|(time, _)| *time <= last);
        &floats[from..to.max(from)]
    }
}

impl<'a> Span<'a> {
    /// The span of a range, if there is a sample after its start.
    fn new(samples: Samples<'a>, start: i64, end: i64, smoothed: bool) -> Option<Self> {
        let newest = samples.len().checked_sub(1)?;
        let first = samples[..newest].partition_point(|(time, _)| *time <= start).saturating_sub(1);
        let last = if smoothed { samples[..newest].partition_point(|(time, _)| *time < end) } else { newest };
        (samples[last].0 > start).then_some(Self { samples, first, last, start, end, smoothed })
    }

    /// The value at the start.
    fn left(&self, counter: bool) -> f64 {
        let first = self.samples[self.first];
        match self.samples.get(self.first + 1) {
            Some(next) if self.smoothed && first.0 < self.start => interpolated(first, *next, self.start, counter),
            _ => first.1,
        }
    }

    /// The value at the end.
    fn right(&self, counter: bool) -> f64 {
        let last = self.samples[self.last];
        match self.last.checked_sub(1) {
            Some(before) if self.smoothed && last.0 > self.end => {
                interpolated(self.samples[before], last, self.end, counter)
            }
            _ => last.1,
        }
    }

    /// From start to end; for a counter, what resets took away is added.
    fn change(&self, counter: bool) -> f64 {
        let (left, right) = (self.left(counter), self.right(counter));
        if !counter {
            return right - left;
        }
        let inside = self.samples[self.first..=self.last].iter();
        let inside = inside.filter(|(time, _)| *time > self.start && *time < self.end).map(|(_, value)| *value);
        let mut before = left;
        let mut lost = 0.0;
        for value in inside.chain([right]) {
            if value < before {
                lost += before;
            }
            before = value;
        }
        right - left + lost
    }

    /// How many neighbours differ in the way that is asked for, from the value at the start on.
    fn count(&self, differ: impl Fn(f64, f64) -> bool) -> f64 {
        self.samples[self.first..=self.last].windows(2).filter(|pair| differ(pair[0].1, pair[1].1)).count() as f64
    }
}

/// The value between two samples. A counter that was reset between them grew from zero.
fn interpolated(before: (i64, f64), after: (i64, f64), time: i64, counter: bool) -> f64 {
    let from = if counter && after.1 < before.1 { 0.0 } else { before.1 };
    from + (after.1 - from) * (time - before.0) as f64 / (after.0 - before.0) as f64
}
