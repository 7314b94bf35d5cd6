//! Selectors: each series is loaded once for all steps, becomes one column at once, and is forgotten; steps walk along its
//! samples.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Column, Evaluator, Grid};
use crate::ast::{At, Expr, Kind, Selector, TimeShift};
use crate::{
    Histogram, Labels, METRIC_NAME, MatchOp, QueryError, ResetHint, Selection, SeriesRef, SourceError, is_stale,
};

/// Where the windows of a range vector lie at each step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    pub(crate) grid: Grid,
    /// A window's length, milliseconds.
    pub(crate) range: i64,
    /// Milliseconds into the past.
    offset: i64,
    /// The time that `@` fixes.
    fixed: Option<i64>,
}

impl Windows {
    pub(crate) fn new(grid: Grid, range: i64, shift: TimeShift, fixed: Option<i64>) -> Self {
        Self { grid, range, offset: shift.offset, fixed }
    }

    /// When the window of a step ends; its samples are at most this new.
    pub(crate) fn end(&self, i: usize) -> i64 {
        self.fixed.unwrap_or_else(|| self.grid.time(i)) - self.offset
    }

    /// The same windows, longer by so many milliseconds before and after.
    pub(super) fn widened(&self, before: i64, after: i64) -> Self {
        Self { range: self.range + before + after, offset: self.offset - after, ..*self }
    }

    /// When the first window begins, open to the left, and when the last one ends.
    pub(super) fn bounds(&self) -> (i64, i64) {
        (self.end(0) - self.range, self.end(self.grid.count.saturating_sub(1)))
    }
}

/// One series of a range vector, staleness markers left out, as long as it is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RangeColumn<'a> {
    pub(crate) labels: &'a Labels,
    pub(crate) drop_name: bool,
    pub(crate) floats: &'a [(i64, f64)],
    pub(crate) histograms: &'a [(i64, Arc<Histogram>)],
    pub(crate) windows: Windows,
}

/// The samples of one series that a step sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    pub(crate) floats: &'a [(i64, f64)],
    pub(crate) histograms: &'a [(i64, Arc<Histogram>)],
    /// Samples are newer than this.
    pub(crate) start: i64,
    /// And at most this old.
    pub(crate) end: i64,
    /// The step's own time.
    pub(crate) time: i64,
}

impl Window<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.floats.len() + self.histograms.len()
    }
}

impl<'a> RangeColumn<'a> {
    /// Calls `each` with every step's window, in order, until one fails.
    pub(crate) fn each_window(
        &self,
        mut each: impl FnMut(usize, Window<'a>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let (mut floats, mut histograms) = (Slider::default(), Slider::default());
        for i in 0..self.windows.grid.count {
            let end = self.windows.end(i);
            let start = end - self.windows.range;
            let (from, to) = floats.advance(self.floats, start, end);
            let floats = &self.floats[from..to];
            let (from, to) = histograms.advance(self.histograms, start, end);
            let histograms = &self.histograms[from..to];
            each(i, Window { floats, histograms, start, end, time: self.windows.grid.time(i) })?;
        }
        Ok(())
    }
}

/// Takes the newest samples of a series at every step, and when they were taken.
pub(super) type EachNewest<'e> = dyn FnMut(Column, &[i64]) -> Result<(), QueryError> + 'e;

/// A window that only moves forward, as places in a list of samples.
#[derive(Default)]
pub(crate) struct Slider {
    from: usize,
    to: usize,
}

impl Slider {
    /// The first sample that is newer than `start`, and the first that is newer than `end`.
    #[inline]
    pub(crate) fn advance<T>(&mut self, samples: &[(i64, T)], start: i64, end: i64) -> (usize, usize) {
        while self.to < samples.len() && samples[self.to].0 <= end {
            self.to += 1;
        }
        while self.from < self.to && samples[self.from].0 <= start {
            self.from += 1;
        }
        (self.from, self.to)
    }
}

impl Evaluator<'_> {
    /// The time that `@` fixes, if there is one.
    pub(super) fn fixed_time(&self, shift: TimeShift) -> Option<i64> {
        shift.at.map(|at| match at {
            At::Start => self.grid.start,
            At::End => self.grid.start + self.range,
            At::Time(time) => time,
        })
    }

    /// How far back a sample counts, milliseconds.
    pub(super) fn lookback(&self) -> i64 {
        i64::try_from(self.engine.lookback.as_millis()).unwrap_or(i64::MAX / 16).clamp(1, i64::MAX / 16)
    }

    /// Calls `each` with the series of a selector that have samples in one of its windows.
    pub(super) fn load(
        &self,
        selector: &Selector,
        windows: &Windows,
        each: &mut dyn FnMut(SeriesRef<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let (start, end) = windows.bounds();
        let selection = Selection { matchers: &selector.matchers, start_ms: start + 1, end_ms: end };
        let mut failed = None;
        let mut any = false;
        let mut hinted = Vec::new();
        let selected = self.source.select(&selection, &mut |series| {
            any = true;
            hinted.clear();
            if self.detect_resets.get() {
                hinted.extend(with_detected_resets(series.histograms));
            }
            let histograms = if hinted.is_empty() { series.histograms } else { &hinted };
            let series = SeriesRef { labels: series.labels, floats: series.floats, histograms };
            let at_hand = self.at_hand(series.floats.len() + series.histograms.len());
            match at_hand.and_then(|()| check_histograms(&series)).and_then(|()| each(series)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        selected?;
        let name = selector.matchers.iter().find(|matcher| matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal);
        if let Some(name) = name.filter(|_| !any) {
            self.note_missing(selector.position, &name.value);
        }
        Ok(())
    }

    /// Calls `each` with each series' newest sample at every step, and when it was taken.
    pub(super) fn newest(&self, selector: &Selector, grid: Grid, each: &mut EachNewest<'_>) -> Result<(), QueryError> {
        let windows = Windows::new(grid, self.lookback(), selector.shift, self.fixed_time(selector.shift));
        if selector.extended.is_some() {
            return self.smoothed(selector, &windows, each);
        }
        let mut taken = vec![0; grid.count];
        self.load(selector, &windows, &mut |series| {
            let column = newest_samples(series, &windows, &mut taken);
            if column.is_empty() { Ok(()) } else { each(column, &taken) }
        })
    }

    /// Calls `each` with the series behind a range vector: of a matrix selector or a subquery.
    pub(super) fn ranges(
        &self,
        expr: &Expr,
        grid: Grid,
        each: &mut dyn FnMut(RangeColumn<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        match &expr.kind {
            Kind::Matrix { selector, range } => {
                let windows = Windows::new(grid, *range, selector.shift, self.fixed_time(selector.shift));
                let (mut floats, mut histograms) = (Vec::new(), Vec::new());
                self.load(selector, &windows, &mut |series| {
                    let floats = without(series.floats, |value| is_stale(*value), &mut floats);
                    let histograms = without(series.histograms, |histogram| is_stale(histogram.sum), &mut histograms);
                    each(RangeColumn { labels: series.labels, drop_name: false, floats, histograms, windows })
                })
            }
            Kind::Subquery { expr, range, step, shift } => {
                let windows = Windows::new(grid, *range, *shift, self.fixed_time(*shift));
                self.subquery(expr, *step, windows, each)
            }
            _ => Err(QueryError::execution("expected a range vector")),
        }
    }
}

/// Samples but those to be left out; most often there are none, and nothing is copied.
fn without<'a, T: Clone>(
    samples: &'a [(i64, T)],
    leave_out: impl Fn(&T) -> bool,
    kept: &'a mut Vec<(i64, T)>,
) -> &'a [(i64, T)] {
    if !samples.iter().any(|(_, value)| leave_out(value)) {
        return samples;
    }
    kept.clear();
    kept.extend(samples.iter().filter(|(_, value)| !leave_out(value)).cloned());
    kept
}

/// Histograms with what is known about a reset right before each, as far as the one before shows it.
fn with_detected_resets(histograms: &[(i64, Arc<Histogram>)]) -> impl Iterator<Item = (i64, Arc<Histogram>)> + use<'_> {
    let before = std::iter::once(None).chain(histograms.iter().map(Some));
    histograms.iter().zip(before).map(|((time, histogram), before)| {
        let mut histogram = Arc::clone(histogram);
        if let Some((_, before)) = before
            && histogram.reset_hint == ResetHint::Unknown
            && !is_stale(histogram.sum)
            && !is_stale(before.sum)
        {
            let hint = if histogram.is_reset_since(before) { ResetHint::Reset } else { ResetHint::NotReset };
            Arc::make_mut(&mut histogram).reset_hint = hint;
        }
        (*time, histogram)
    })
}

fn check_histograms(series: &SeriesRef<'_>) -> Result<(), QueryError> {
    if series.histograms.iter().all(|(_, histogram)| histogram.is_sound()) {
        return Ok(());
    }
    let message = format!("series {} has a native histogram that no values can have led to", series.labels);
    Err(SourceError(message).into())
}

fn newest_samples(series: SeriesRef<'_>, windows: &Windows, taken: &mut [i64]) -> Column {
    let mut column = Column::empty(series.labels.clone(), windows.grid.count);
    let (mut float, mut histogram) = (Slider::default(), Slider::default());
    for (i, taken) in taken.iter_mut().enumerate() {
        let end = windows.end(i);
        let start = end - windows.range;
        let (from, to) = float.advance(series.floats, start, end);
        let newest_float = series.floats[from..to].last();
        let (from, to) = histogram.advance(series.histograms, start, end);
        let newest_histogram = series.histograms[from..to].last();
        if let Some((at, histogram)) = newest_histogram
            && newest_float.is_none_or(|(float_at, _)| at >= float_at)
        {
            if !is_stale(histogram.sum) {
                column.set_histogram(i, Arc::clone(histogram));
                *taken = *at;
            }
        } else if let Some((at, value)) = newest_float {
            column.floats[i] = *value;
            *taken = *at;
        }
    }
    column
}
