//! Subqueries: the inner expression is evaluated once, on a grid that covers the windows of all outer steps.

use std::sync::Arc;

use super::{Evaluator, Grid, RangeColumn, RangeInput};
use crate::ast::{Expr, TimeShift, ValueType};
use crate::{Histogram, Labels, QueryError, ResetHint, is_stale};

impl Evaluator<'_> {
    pub(super) fn subquery(
        &self,
        expr: &Expr,
        range: i64,
        step: Option<i64>,
        shift: TimeShift,
        outer: Grid,
    ) -> Result<RangeInput, QueryError> {
        let default = i64::try_from(self.engine.subquery_step.as_millis()).unwrap_or(i64::MAX / 16);
        let step = step.unwrap_or(default).max(1);
        let fixed = self.fixed_time(shift);
        let (first, last) = fixed.map_or((outer.start, outer.end()), |time| (time, time));
        let (from, to) = (first - shift.offset - range, last - shift.offset);
        // Times are multiples of the step, and windows are open to the left.
        let start = (from.div_euclid(step) + 1) * step;
        let count = if to < start { 0 } else { (to - start) / step + 1 };
        let max = i64::try_from(self.engine.limits.max_samples).unwrap_or(i64::MAX);
        self.spend(count.min(max).saturating_add(i64::from(count > max)) as usize)?;
        let grid = Grid { start, step, count: count as usize };
        let columns = if count == 0 { Vec::new() } else { self.subquery_columns(expr, grid)? };
        Ok(RangeInput::new(columns, range, shift, fixed))
    }

    fn subquery_columns(&self, expr: &Expr, grid: Grid) -> Result<Vec<RangeColumn>, QueryError> {
        if expr.value_type() == ValueType::Scalar {
            let values = self.scalar(expr, grid)?;
            let floats = values.into_iter().enumerate().map(|(i, value)| (grid.time(i), value)).collect();
            let labels = Labels::empty();
            return Ok(vec![RangeColumn { labels, drop_name: false, floats, histograms: Vec::new() }]);
        }
        let columns = self.vector(expr, grid)?;
        Ok(columns
            .into_iter()
            .map(|column| {
                let floats = column.floats.iter().enumerate().filter(|(_, value)| !is_stale(**value));
                let floats = floats.map(|(i, value)| (grid.time(i), *value)).collect();
                let histograms = column.histograms.into_iter().enumerate();
                let histograms =
                    histograms.filter_map(|(i, histogram)| Some((grid.time(i), unhinted(histogram?)))).collect();
                RangeColumn { labels: column.labels, drop_name: column.drop_name, floats, histograms }
            })
            .collect())
    }
}

/// Steps repeat and skip samples, so what a sample says of the one before it holds no more.
fn unhinted(mut histogram: Arc<Histogram>) -> Arc<Histogram> {
    if matches!(histogram.reset_hint, ResetHint::Reset | ResetHint::NotReset) {
        Arc::make_mut(&mut histogram).reset_hint = ResetHint::Unknown;
    }
    histogram
}
