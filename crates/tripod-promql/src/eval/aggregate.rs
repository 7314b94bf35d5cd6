//! Aggregations: how series are grouped, and those that need all values of a group at once; what can be folded as it comes is in
//! [`fold`](super::fold).

use std::collections::HashMap;

use super::label_name;
use super::{Column, Evaluator, Grid, Sample};
use crate::ast::{AggregateOp, Expr, Grouping};
use crate::functions::math::quantile;
use crate::histogram::HintsSeen;
use crate::{Histogram, Labels, METRIC_NAME, QueryError, is_stale};

/// The series that are aggregated into one.
pub(super) struct Group {
    pub(super) labels: Labels,
    pub(super) members: Vec<usize>,
    pub(super) drop_name: bool,
}

impl Grouping {
    /// What `by` or `without` leaves of labels: the group's own.
    pub(super) fn of(&self, labels: &Labels) -> Labels {
        labels.filter(|name| {
            let listed = self.labels.iter().any(|label| label == name);
            if self.without { !listed && name != METRIC_NAME } else { listed }
        })
    }
}

/// Series by group, in order of appearance.
pub(super) fn groups(columns: &[Column], grouping: &Grouping) -> Vec<Group> {
    let mut at: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (i, column) in columns.iter().enumerate() {
        let group = *at.entry(grouping.of(&column.labels)).or_insert_with_key(|labels| {
            groups.push(Group { labels: labels.clone(), members: Vec::new(), drop_name: column.drop_name });
            groups.len() - 1
        });
        groups[group].members.push(i);
        groups[group].drop_name |= column.drop_name;
    }
    groups
}

impl Evaluator<'_> {
    pub(super) fn aggregate(
        &self,
        position: usize,
        op: AggregateOp,
        expr: &Expr,
        param: Option<&Expr>,
        grouping: &Grouping,
        grid: Grid,
    ) -> Result<Vec<Column>, QueryError> {
        match op {
            AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio => {
                self.aggregate_rank(position, op, expr, param, grouping, grid)
            }
            AggregateOp::CountValues => self.count_values(expr, param, grouping, grid),
            AggregateOp::Quantile => self.aggregate_quantile(position, expr, param, grouping, grid),
            _ => self.fold(op, expr, grouping, grid),
        }
    }

    fn aggregate_quantile(
        &self,
        position: usize,
        expr: &Expr,
        param: Option<&Expr>,
        grouping: &Grouping,
        grid: Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let parameter = param.map(|param| self.scalar(param, grid)).transpose()?.unwrap_or_default();
        let at = param.map_or(position, |param| param.position);
        parameter.iter().for_each(|q| self.check_quantile(at, *q));
        let columns = self.vector(expr, grid)?;
        let mut results = Vec::new();
        let mut values = Vec::new();
        for group in groups(&columns, grouping) {
            self.spend(grid.count)?;
            let members: Vec<&Column> = group.members.iter().map(|at| &columns[*at]).collect();
            members.iter().for_each(|member| self.note_ignored(expr.position, AggregateOp::Quantile, member));
            let mut result = Column { drop_name: group.drop_name, ..Column::empty(group.labels, grid.count) };
            for (i, q) in parameter.iter().enumerate() {
                values.clear();
                values.extend(members.iter().map(|member| member.floats[i]).filter(|value| !is_stale(*value)));
                if !values.is_empty() {
                    result.floats[i] = quantile(*q, &mut values);
                }
            }
            results.push(result);
        }
        Ok(results)
    }

    pub(super) fn check_quantile(&self, position: usize, q: f64) {
        if !(0.0..=1.0).contains(&q) {
            let shown = crate::format_float(q);
            self.warn(position, &format!("quantile value should be between 0 and 1, got {shown}"));
        }
    }

    pub(super) fn note_ignored(&self, position: usize, op: AggregateOp, member: &Column) {
        if member.histograms.iter().any(Option::is_some) {
            self.info(position, &format!("ignored histogram in {} aggregation", op.name()));
        }
    }

    /// The sum of histograms; none, with a warning, when their bounds are of different kinds.
    pub(crate) fn sum_histograms(&self, position: usize, all: &[&Histogram], name: &str) -> Option<Histogram> {
        let (first, rest) = all.split_first()?;
        let mut total = (*first).clone();
        let mut hints = HintsSeen::default();
        hints.add(first.reset_hint);
        for histogram in rest {
            self.note_hints(position, &mut hints, histogram);
            self.add_histogram(position, &mut total, histogram, name)?;
        }
        total.compact();
        Some(total)
    }

    /// Warns when some of the histograms that are added up were reset, and others not.
    pub(super) fn note_hints(&self, position: usize, hints: &mut HintsSeen, histogram: &Histogram) {
        if hints.add(histogram.reset_hint) {
            self.warn(position, "conflicting counter resets during histogram aggregation");
        }
    }

    /// Adds a histogram to others; nothing, with a warning, when its bounds are of another kind.
    pub(super) fn add_histogram(
        &self,
        position: usize,
        total: &mut Histogram,
        histogram: &Histogram,
        name: &str,
    ) -> Option<()> {
        let Ok(combined) = total.add(histogram) else {
            let metric = crate::notes::for_metric(name);
            let text = "vector contains a mix of histograms with exponential and custom buckets schemas";
            self.warn(position, &format!("{text}{metric}"));
            return None;
        };
        self.note_combined(position, combined, "aggregation");
        Some(())
    }

    pub(crate) fn note_combined(&self, position: usize, combined: crate::histogram::Combined, doing: &str) {
        if combined.reconciled {
            self.info(position, &format!("mismatched custom buckets were reconciled during {doing}"));
        }
        if combined.hints_collide {
            self.warn(position, &format!("conflicting counter resets during histogram {doing}"));
        }
    }

    fn count_values(
        &self,
        expr: &Expr,
        param: Option<&Expr>,
        grouping: &Grouping,
        grid: Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let label = param.map(label_name).transpose()?.unwrap_or_default();
        let columns = self.vector(expr, grid)?;
        let mut at: HashMap<Labels, usize> = HashMap::new();
        let mut results: Vec<Column> = Vec::new();
        for group in groups(&columns, grouping) {
            for member in group.members {
                for i in 0..grid.count {
                    let text = match columns[member].get(i) {
                        None => continue,
                        Some(Sample::Float(value)) => crate::format_float(value),
                        Some(Sample::Histogram(histogram)) => histogram.to_string(),
                    };
                    let labels = group.labels.with(&label, &text);
                    if !at.contains_key(&labels) {
                        self.spend(grid.count)?;
                        at.insert(labels.clone(), results.len());
                        results.push(Column::empty(labels.clone(), grid.count));
                    }
                    let result = at[&labels];
                    let count = &mut results[result].floats[i];
                    *count = if is_stale(*count) { 1.0 } else { *count + 1.0 };
                }
            }
        }
        Ok(results)
    }
}
