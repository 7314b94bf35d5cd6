//! Aggregations that give one series a group: series are grouped once, then each group's columns are folded.

use std::collections::HashMap;
use std::sync::Arc;

use super::label_name;
use super::{Column, Evaluator, Grid, Sample};
use crate::ast::{AggregateOp, Expr, Grouping};
use crate::functions::math::{Kahan, mean, quantile, variance};
use crate::{Histogram, Labels, METRIC_NAME, QueryError, is_stale};

/// The series that are aggregated into one.
pub(super) struct Group {
    pub(super) labels: Labels,
    pub(super) members: Vec<usize>,
    pub(super) drop_name: bool,
}

/// Series by what `by` or `without` leaves of their labels, in order of appearance.
pub(super) fn groups(columns: &[Column], grouping: &Grouping) -> Vec<Group> {
    let mut at: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for (i, column) in columns.iter().enumerate() {
        let labels = column.labels.filter(|name| {
            let listed = grouping.labels.iter().any(|label| label == name);
            if grouping.without { !listed && name != METRIC_NAME } else { listed }
        });
        let group = *at.entry(labels).or_insert_with_key(|labels| {
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
                return self.aggregate_rank(position, op, expr, param, grouping, grid);
            }
            AggregateOp::CountValues => return self.count_values(expr, param, grouping, grid),
            _ => {}
        }
        let parameter = param.map(|param| self.scalar(param, grid)).transpose()?.unwrap_or_default();
        if op == AggregateOp::Quantile {
            let at = param.map_or(position, |param| param.position);
            parameter.iter().for_each(|q| self.check_quantile(at, *q));
        }
        let columns = self.vector(expr, grid)?;
        let groups = groups(&columns, grouping);
        let mut results = Vec::with_capacity(groups.len());
        for group in groups {
            self.spend(grid.count)?;
            let members: Vec<&Column> = group.members.iter().map(|at| &columns[*at]).collect();
            let mut result = match op {
                AggregateOp::Count | AggregateOp::Group => count(op, &members, grid),
                AggregateOp::Min | AggregateOp::Max => self.extreme(expr.position, op, &members, grid),
                AggregateOp::Sum | AggregateOp::Avg if members.iter().all(|member| member.histograms.is_empty()) => {
                    add_up(op, &members, grid)
                }
                AggregateOp::Sum | AggregateOp::Avg => self.add_up_mixed(expr.position, op, &members, grid),
                _ => self.distribution(expr.position, op, &members, &parameter, grid),
            };
            result.labels = group.labels;
            result.drop_name = group.drop_name;
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

    fn note_ignored(&self, position: usize, op: AggregateOp, members: &[&Column]) {
        if members.iter().any(|member| member.histograms.iter().any(Option::is_some)) {
            self.info(position, &format!("ignored histogram in {} aggregation", op.name()));
        }
    }

    fn extreme(&self, position: usize, op: AggregateOp, members: &[&Column], grid: Grid) -> Column {
        self.note_ignored(position, op, members);
        let mut result = Column::empty(Labels::empty(), grid.count);
        for member in members {
            for (best, value) in result.floats.iter_mut().zip(&member.floats) {
                let better = if op == AggregateOp::Min { *value < *best } else { *value > *best };
                if !is_stale(*value) && (better || best.is_nan()) {
                    *best = *value;
                }
            }
        }
        result
    }

    fn distribution(&self, position: usize, op: AggregateOp, members: &[&Column], q: &[f64], grid: Grid) -> Column {
        self.note_ignored(position, op, members);
        let mut result = Column::empty(Labels::empty(), grid.count);
        let mut values = Vec::with_capacity(members.len());
        for i in 0..grid.count {
            values.clear();
            values.extend(members.iter().map(|member| member.floats[i]).filter(|value| !is_stale(*value)));
            if values.is_empty() {
                continue;
            }
            result.floats[i] = match op {
                AggregateOp::Stddev => variance(&values).sqrt(),
                AggregateOp::Stdvar => variance(&values),
                _ => quantile(q.get(i).copied().unwrap_or(f64::NAN), &mut values),
            };
        }
        result
    }

    fn add_up_mixed(&self, position: usize, op: AggregateOp, members: &[&Column], grid: Grid) -> Column {
        let mut result = Column::empty(Labels::empty(), grid.count);
        for i in 0..grid.count {
            let mut floats = Vec::new();
            let mut histograms = Vec::new();
            for sample in members.iter().filter_map(|member| member.get(i)) {
                match sample {
                    Sample::Float(value) => floats.push(value),
                    Sample::Histogram(histogram) => histograms.push(histogram.as_ref()),
                }
            }
            if !floats.is_empty() && !histograms.is_empty() {
                self.warn(position, "encountered a mix of histograms and floats for aggregation");
            } else if !floats.is_empty() {
                result.floats[i] = if op == AggregateOp::Avg { mean(&floats) } else { Kahan::sum(&floats) };
            } else if let Some(total) = self.sum_histograms(position, &histograms, "") {
                let mut total = total;
                if op == AggregateOp::Avg {
                    total.divide(histograms.len() as f64);
                }
                result.set_histogram(i, Arc::new(total));
            }
        }
        result
    }

    /// The sum of histograms; none, with a warning, when their bounds are of different kinds.
    pub(crate) fn sum_histograms(&self, position: usize, all: &[&Histogram], name: &str) -> Option<Histogram> {
        let (first, rest) = all.split_first()?;
        let mut total = (*first).clone();
        for histogram in rest {
            let Ok(combined) = total.add(histogram) else {
                let metric = crate::notes::for_metric(name);
                let text = "vector contains a mix of histograms with exponential and custom buckets schemas";
                self.warn(position, &format!("{text}{metric}"));
                return None;
            };
            self.note_combined(position, combined, "aggregation");
        }
        total.compact();
        Some(total)
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

fn count(op: AggregateOp, members: &[&Column], grid: Grid) -> Column {
    let mut result = Column::empty(Labels::empty(), grid.count);
    for member in members {
        for (i, total) in result.floats.iter_mut().enumerate() {
            if member.has(i) {
                *total = if is_stale(*total) || op == AggregateOp::Group { 1.0 } else { *total + 1.0 };
            }
        }
    }
    result
}

fn add_up(op: AggregateOp, members: &[&Column], grid: Grid) -> Column {
    let mut totals = vec![Kahan::default(); grid.count];
    let mut counts = vec![0_u32; grid.count];
    for member in members {
        for ((value, total), count) in member.floats.iter().zip(&mut totals).zip(&mut counts) {
            if !is_stale(*value) {
                total.add(*value);
                *count += 1;
            }
        }
    }
    let mut result = Column::empty(Labels::empty(), grid.count);
    for i in 0..grid.count {
        if counts[i] == 0 {
            continue;
        }
        let total = totals[i].total();
        result.floats[i] = match op {
            AggregateOp::Sum => total,
            _ if total.is_finite() => total / f64::from(counts[i]),
            _ => {
                let present = members.iter().map(|member| member.floats[i]).filter(|value| !is_stale(*value));
                mean(&present.collect::<Vec<_>>())
            }
        };
    }
    result
}
