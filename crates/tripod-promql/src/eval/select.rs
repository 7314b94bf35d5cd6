//! Selectors: series are loaded once for all steps, and steps walk along the samples.

use std::sync::Arc;

use super::{Column, Evaluator, Grid};
use crate::ast::{At, Expr, Kind, Selector, TimeShift};
use crate::{Histogram, Labels, QueryError, Series, SourceError, is_stale};

/// The series of a range vector, before steps take their windows out of them.
#[derive(Debug)]
pub(crate) struct RangeInput {
    pub(crate) columns: Vec<RangeColumn>,
    /// A window's length, milliseconds.
    pub(crate) range: i64,
    shift: TimeShift,
    /// The time that `@` fixes.
    fixed: Option<i64>,
}

/// One series of a range vector, staleness markers left out.
#[derive(Debug)]
pub(crate) struct RangeColumn {
    pub(crate) labels: Labels,
    pub(crate) drop_name: bool,
    pub(crate) floats: Vec<(i64, f64)>,
    pub(crate) histograms: Vec<(i64, Arc<Histogram>)>,
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

impl RangeInput {
    pub(crate) fn new(columns: Vec<RangeColumn>, range: i64, shift: TimeShift, fixed: Option<i64>) -> Self {
        Self { columns, range, shift, fixed }
    }

    fn window_end(&self, grid: Grid, i: usize) -> i64 {
        self.fixed.unwrap_or_else(|| grid.time(i)) - self.shift.offset
    }

    /// The window of one step, found by search.
    pub(crate) fn window<'a>(&self, column: &'a RangeColumn, grid: Grid, i: usize) -> Window<'a> {
        let end = self.window_end(grid, i);
        let start = end - self.range;
        Window {
            floats: between(&column.floats, start, end),
            histograms: between(&column.histograms, start, end),
            start,
            end,
            time: grid.time(i),
        }
    }

    /// Calls `each` with every step's window, in order, until one fails.
    pub(crate) fn windows<'a>(
        &self,
        column: &'a RangeColumn,
        grid: Grid,
        mut each: impl FnMut(usize, Window<'a>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let (mut floats, mut histograms) = (Slider::default(), Slider::default());
        for i in 0..grid.count {
            let end = self.window_end(grid, i);
            let start = end - self.range;
            let floats = floats.advance(&column.floats, start, end);
            let histograms = histograms.advance(&column.histograms, start, end);
            each(i, Window { floats, histograms, start, end, time: grid.time(i) })?;
        }
        Ok(())
    }
}

/// A window that only moves forward.
#[derive(Default)]
struct Slider {
    from: usize,
    to: usize,
}

impl Slider {
    fn advance<'a, T>(&mut self, samples: &'a [(i64, T)], start: i64, end: i64) -> &'a [(i64, T)] {
        while self.to < samples.len() && samples[self.to].0 <= end {
            self.to += 1;
        }
        while self.from < self.to && samples[self.from].0 <= start {
            self.from += 1;
        }
        &samples[self.from..self.to]
    }
}

fn between<T>(samples: &[(i64, T)], start: i64, end: i64) -> &[(i64, T)] {
    let from = samples.partition_point(|(time, _)| *time <= start);
    let to = samples.partition_point(|(time, _)| *time <= end);
    &samples[from..to.max(from)]
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

    fn load(&self, selector: &Selector, grid: Grid, back: i64) -> Result<Vec<Series>, QueryError> {
        let fixed = self.fixed_time(selector.shift);
        let (first, last) = fixed.map_or((grid.start, grid.end()), |time| (time, time));
        let (start, end) = (first - selector.shift.offset - back, last - selector.shift.offset);
        // Windows are open to the left.
        let series = self.source.select(&selector.matchers, start + 1, end)?;
        self.spend(series.iter().map(|one| one.floats.len() + one.histograms.len()).sum())?;
        for one in &series {
            if !one.histograms.iter().all(|(_, histogram)| histogram.is_sound()) {
                let message = format!("series {} has a native histogram that no values can have led to", one.labels);
                return Err(SourceError(message).into());
            }
        }
        Ok(series)
    }

    pub(super) fn select_instant(&self, selector: &Selector, grid: Grid) -> Result<Vec<Column>, QueryError> {
        Ok(self.select_newest(selector, grid)?.into_iter().map(|(column, _)| column).collect())
    }

    /// Each series' newest sample at every step, and when it was taken.
    pub(super) fn select_newest(&self, selector: &Selector, grid: Grid) -> Result<Vec<(Column, Vec<i64>)>, QueryError> {
        let lookback = i64::try_from(self.engine.lookback.as_millis()).unwrap_or(i64::MAX / 16).clamp(1, i64::MAX / 16);
        let fixed = self.fixed_time(selector.shift);
        let mut columns = Vec::new();
        for series in self.load(selector, grid, lookback)? {
            self.spend(grid.count)?;
            let times = (0..grid.count).map(|i| fixed.unwrap_or_else(|| grid.time(i)) - selector.shift.offset);
            let newest = newest_samples(series, times, grid.count, lookback);
            if !newest.0.is_empty() {
                columns.push(newest);
            }
        }
        Ok(columns)
    }

    /// The series behind a range vector: a matrix selector or a subquery.
    pub(super) fn range_input(&self, expr: &Expr, grid: Grid) -> Result<RangeInput, QueryError> {
        match &expr.kind {
            Kind::Matrix { selector, range } => {
                let series = self.load(selector, grid, *range)?;
                let columns = series.into_iter().map(|mut series| {
                    series.floats.retain(|(_, value)| !is_stale(*value));
                    series.histograms.retain(|(_, histogram)| !is_stale(histogram.sum));
                    let Series { labels, floats, histograms } = series;
                    RangeColumn { labels, drop_name: false, floats, histograms }
                });
                let fixed = self.fixed_time(selector.shift);
                Ok(RangeInput::new(columns.collect(), *range, selector.shift, fixed))
            }
            Kind::Subquery { expr, range, step, shift } => self.subquery(expr, *range, *step, *shift, grid),
            _ => Err(QueryError::execution("expected a range vector")),
        }
    }
}

fn newest_samples(series: Series, times: impl Iterator<Item = i64>, count: usize, lookback: i64) -> (Column, Vec<i64>) {
    let mut column = Column::empty(series.labels, count);
    let mut taken = vec![0; count];
    let (mut float, mut histogram) = (0, 0);
    for (i, time) in times.enumerate() {
        while float < series.floats.len() && series.floats[float].0 <= time {
            float += 1;
        }
        while histogram < series.histograms.len() && series.histograms[histogram].0 <= time {
            histogram += 1;
        }
        let newest_float = float.checked_sub(1).map(|at| series.floats[at]);
        let newest_histogram = histogram.checked_sub(1).map(|at| &series.histograms[at]);
        match (newest_float, newest_histogram) {
            (float, Some((at, histogram))) if float.is_none_or(|(float_at, _)| *at >= float_at) => {
                let alive = *at > time - lookback && !is_stale(histogram.sum);
                if alive {
                    column.set_histogram(i, Arc::clone(histogram));
                    taken[i] = *at;
                }
            }
            (Some((at, value)), _) if at > time - lookback => {
                column.floats[i] = value;
                taken[i] = at;
            }
            _ => {}
        }
    }
    (column, taken)
}
