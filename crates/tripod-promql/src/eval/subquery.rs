//! Subqueries: the inner expression is evaluated once, on a grid that covers the windows of all outer steps; each of its columns
//! is a series of the range vector.

use std::sync::Arc;

use super::{Column, Evaluator, Grid, RangeColumn, Windows};
use crate::ast::{Expr, ValueType};
use crate::{Histogram, Labels, QueryError, ResetHint, is_stale};

impl Evaluator<'_> {
    pub(super) fn subquery(
        &self,
        expr: &Expr,
        step: Option<i64>,
        windows: Windows,
        each: &mut dyn FnMut(RangeColumn<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let Some(grid) = self.inner_grid(step, &windows)? else { return Ok(()) };
        let (mut floats, mut histograms) = (Vec::new(), Vec::new());
        let mut each_column = |column: Column| {
            floats.clear();
            histograms.clear();
            let numbers = column.floats.iter().enumerate().filter(|(_, value)| !is_stale(**value));
            floats.extend(numbers.map(|(i, value)| (grid.time(i), *value)));
            let some = column.histograms.into_iter().enumerate();
            histograms.extend(some.filter_map(|(i, histogram)| Some((grid.time(i), unhinted(histogram?)))));
            let (labels, drop_name) = (&column.labels, column.drop_name);
            each(RangeColumn { labels, drop_name, floats: &floats, histograms: &histograms, windows })
        };
        if expr.value_type() == ValueType::Scalar {
            return each_column(Column::of_floats(Labels::empty(), self.scalar(expr, grid)?));
        }
        self.columns(expr, grid, &mut each_column)
    }

    /// The steps of the inner expression: multiples of the step within the windows, which are open to the left.
    fn inner_grid(&self, step: Option<i64>, windows: &Windows) -> Result<Option<Grid>, QueryError> {
        let default = i64::try_from(self.engine.subquery_step.as_millis()).unwrap_or(i64::MAX / 16);
        let step = step.unwrap_or(default).max(1);
        let (from, to) = windows.bounds();
        let start = (from.div_euclid(step) + 1) * step;
        let count = if to < start { 0 } else { (to - start) / step + 1 };
        let max = i64::try_from(self.engine.limits.max_samples).unwrap_or(i64::MAX);
        self.at_hand(count.min(max).saturating_add(i64::from(count > max)) as usize)?;
        Ok((count > 0).then_some(Grid { start, step, count: count as usize }))
    }
}

/// Steps repeat and skip samples, so what a sample says of the one before it holds no more.
fn unhinted(mut histogram: Arc<Histogram>) -> Arc<Histogram> {
    if matches!(histogram.reset_hint, ResetHint::Reset | ResetHint::NotReset) {
        Arc::make_mut(&mut histogram).reset_hint = ResetHint::Unknown;
    }
    histogram
}
