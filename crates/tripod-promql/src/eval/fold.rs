//! Aggregations that fold each column into its group as it comes, and keep nothing of it: `sum`, `avg`, `min`, `max`, `count`,
//! `group`, `stddev`, `stdvar`. What is held is groups × steps, however many series there are.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Column, Evaluator, Grid, Sample};
use crate::ast::{AggregateOp, Expr, Grouping};
use crate::functions::math::{Kahan, Mean, Variance};
use crate::histogram::HintsSeen;
use crate::{Histogram, Labels, QueryError, STALE_NAN, is_stale};

/// A group on its way: what there is of it at each step.
struct Group {
    labels: Labels,
    drop_name: bool,
    numbers: Numbers,
    /// Sums of histograms, at no step as long as there are none.
    histograms: Vec<Sum>,
}

/// What the numbers of a group come to.
enum Numbers {
    Sum {
        totals: Vec<Kahan>,
        seen: Vec<bool>,
    },
    Mean(Vec<Mean>),
    Variance(Vec<Variance>),
    /// The smallest, the largest, how many, or one if there are any; as in a column.
    Plain(Vec<f64>),
}

/// The sum of the histograms of a group at a step.
#[derive(Clone, Default)]
struct Sum {
    total: Option<Histogram>,
    count: f64,
    /// Some have bounds that don't fit the others'.
    broken: bool,
    hints: HintsSeen,
}

impl Numbers {
    fn new(op: AggregateOp, steps: usize) -> Self {
        match op {
            AggregateOp::Sum => Self::Sum { totals: vec![Kahan::default(); steps], seen: vec![false; steps] },
            AggregateOp::Avg => Self::Mean(vec![Mean::default(); steps]),
            AggregateOp::Stddev | AggregateOp::Stdvar => Self::Variance(vec![Variance::default(); steps]),
            _ => Self::Plain(vec![STALE_NAN; steps]),
        }
    }

    /// Adds a column's numbers; of `count` and `group` they are ones.
    fn add(&mut self, op: AggregateOp, values: &[f64]) {
        let present = values.iter().enumerate().filter(|(_, value)| !is_stale(**value));
        match self {
            Self::Sum { totals, seen } => present.for_each(|(i, value)| {
                totals[i].add(*value);
                seen[i] = true;
            }),
            Self::Mean(means) => present.for_each(|(i, value)| means[i].add(*value)),
            Self::Variance(variances) => present.for_each(|(i, value)| variances[i].add(*value)),
            Self::Plain(all) => present.for_each(|(i, value)| {
                let (known, value) = (&mut all[i], *value);
                *known = match op {
                    AggregateOp::Min if value < *known || known.is_nan() => value,
                    AggregateOp::Max if value > *known || known.is_nan() => value,
                    AggregateOp::Count if !is_stale(*known) => *known + 1.0,
                    AggregateOp::Count | AggregateOp::Group => 1.0,
                    _ => *known,
                }
            }),
        }
    }

    /// Whether there is a number at a step.
    fn has(&self, i: usize) -> bool {
        match self {
            Self::Sum { seen, .. } => seen[i],
            Self::Mean(means) => !means[i].is_empty(),
            Self::Variance(variances) => !variances[i].is_empty(),
            Self::Plain(values) => !is_stale(values[i]),
        }
    }

    fn into_values(self, op: AggregateOp) -> Vec<f64> {
        let or_none = |present: bool, value: f64| if present { value } else { STALE_NAN };
        match self {
            Self::Sum { totals, seen } => {
                totals.iter().zip(seen).map(|(total, seen)| or_none(seen, total.total())).collect()
            }
            Self::Mean(means) => means.iter().map(|mean| or_none(!mean.is_empty(), mean.mean())).collect(),
            Self::Variance(variances) => {
                let root = op == AggregateOp::Stddev;
                let value = |it: &Variance| if root { it.variance().sqrt() } else { it.variance() };
                variances.iter().map(|it| or_none(!it.is_empty(), value(it))).collect()
            }
            Self::Plain(values) => values,
        }
    }
}

impl Evaluator<'_> {
    pub(super) fn fold(
        &self,
        op: AggregateOp,
        expr: &Expr,
        grouping: &Grouping,
        grid: Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let mut at: HashMap<Labels, usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        self.columns(expr, grid, &mut |mut column| {
            let labels = grouping.of(&column.labels);
            let group = if let Some(at) = at.get(&labels) {
                *at
            } else {
                self.spend(grid.count)?;
                at.insert(labels.clone(), groups.len());
                let numbers = Numbers::new(op, grid.count);
                groups.push(Group { labels, drop_name: false, numbers, histograms: Vec::new() });
                groups.len() - 1
            };
            let group = &mut groups[group];
            group.drop_name |= column.drop_name;
            if matches!(op, AggregateOp::Count | AggregateOp::Group) {
                for i in 0..grid.count {
                    column.floats[i] = if column.has(i) { 1.0 } else { STALE_NAN };
                }
            } else if !column.histograms.is_empty() {
                self.fold_histograms(expr.position, op, &column, group);
            }
            group.numbers.add(op, &column.floats);
            Ok(())
        })?;
        Ok(groups.into_iter().map(|group| self.folded(expr.position, op, group)).collect())
    }

    fn fold_histograms(&self, position: usize, op: AggregateOp, column: &Column, group: &mut Group) {
        if !matches!(op, AggregateOp::Sum | AggregateOp::Avg) {
            return self.note_ignored(position, op, column);
        }
        group.histograms.resize_with(column.floats.len(), Sum::default);
        for (i, sum) in group.histograms.iter_mut().enumerate() {
            let Some(Sample::Histogram(histogram)) = column.get(i) else { continue };
            sum.count += 1.0;
            self.note_hints(position, &mut sum.hints, histogram);
            match &mut sum.total {
                _ if sum.broken => {}
                None => sum.total = Some(histogram.as_ref().clone()),
                Some(total) => match self.add_histogram(position, total, histogram, "") {
                    Some(()) => {}
                    None => sum.broken = true,
                },
            }
        }
    }

    fn folded(&self, position: usize, op: AggregateOp, group: Group) -> Column {
        let mut mixed = Vec::new();
        for (i, sum) in group.histograms.iter().enumerate() {
            if sum.count > 0.0 && group.numbers.has(i) {
                self.warn(position, "encountered a mix of histograms and floats for aggregation");
                mixed.push(i);
            }
        }
        let mut column = Column::of_floats(group.labels, group.numbers.into_values(op));
        column.drop_name = group.drop_name;
        for (i, sum) in group.histograms.into_iter().enumerate() {
            if let Some(mut total) = sum.total.filter(|_| !sum.broken) {
                total.compact();
                if op == AggregateOp::Avg {
                    total.divide(sum.count);
                }
                column.set_histogram(i, Arc::new(total));
            }
        }
        mixed.into_iter().for_each(|i| column.clear(i));
        column
    }
}
