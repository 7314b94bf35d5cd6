//! Aggregations that pass some of a group's series through: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::aggregate::groups;
use super::{Column, Evaluator, Grid, Sample};
use crate::ast::{AggregateOp, Expr, Grouping};
use crate::{QueryError, format_float};

impl Evaluator<'_> {
    pub(super) fn aggregate_rank(
        &self,
        position: usize,
        op: AggregateOp,
        expr: &Expr,
        param: Option<&Expr>,
        grouping: &Grouping,
        grid: Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let parameter = param.map(|param| self.scalar(param, grid)).transpose()?.unwrap_or_default();
        for value in &parameter {
            self.check_parameter(param.map_or(position, |param| param.position), op, *value)?;
        }
        let columns = self.vector(expr, grid)?;
        let mut results: Vec<Column> = columns
            .iter()
            .map(|column| Column { drop_name: column.drop_name, ..Column::empty(column.labels.clone(), grid.count) })
            .collect();
        let mut order = Vec::with_capacity(columns.len());
        for mut group in groups(&columns, grouping) {
            self.spend(grid.count)?;
            // Of equals the first in order of labels is taken, whichever series happen to be there at other steps.
            group.members.sort_by(|a, b| columns[*a].labels.cmp(&columns[*b].labels));
            for (i, parameter) in parameter.iter().enumerate() {
                let chosen = match op {
                    AggregateOp::LimitRatio => sampled(&columns, &group.members, i, *parameter),
                    AggregateOp::LimitK => {
                        let present = group.members.iter().copied().filter(|at| columns[*at].has(i));
                        present.take(parameter.max(0.0) as usize).collect()
                    }
                    _ => self.ranked(expr.position, op, &columns, &group.members, i, *parameter),
                };
                for at in &chosen {
                    if let Some(sample) = columns[*at].get(i) {
                        results[*at].set(i, sample);
                    }
                }
                if grid.count == 1 {
                    order.extend(chosen);
                }
            }
        }
        if grid.count == 1 {
            return Ok(order.into_iter().map(|at| results[at].clone()).collect());
        }
        results.retain(|column| !column.is_empty());
        Ok(results)
    }

    fn check_parameter(&self, position: usize, op: AggregateOp, value: f64) -> Result<(), QueryError> {
        let ratio = op == AggregateOp::LimitRatio;
        if value.is_nan() {
            return Err(QueryError::execution(if ratio { "Ratio value is NaN" } else { "Parameter value is NaN" }));
        }
        if ratio && value.abs() > 1.0 {
            let (given, capped) = (format_float(value), format_float(value.clamp(-1.0, 1.0)));
            self.warn(position, &format!("ratio value should be between -1 and 1, got {given}, capping to {capped}"));
        }
        if !ratio && value >= i64::MAX as f64 {
            return Err(QueryError::Execution(format!("Scalar value {} overflows int64", format_float(value))));
        }
        if !ratio && value <= i64::MIN as f64 {
            return Err(QueryError::Execution(format!("Scalar value {} underflows int64", format_float(value))));
        }
        Ok(())
    }

    /// The best `k`, best first; of equals the first; NaN only when nothing else is left.
    fn ranked(
        &self,
        position: usize,
        op: AggregateOp,
        columns: &[Column],
        members: &[usize],
        i: usize,
        k: f64,
    ) -> Vec<usize> {
        let mut ranked = Vec::with_capacity(members.len());
        for at in members {
            match columns[*at].get(i) {
                Some(Sample::Float(value)) => ranked.push((value, *at)),
                Some(Sample::Histogram(_)) => {
                    self.info(position, &format!("ignored histogram in {} aggregation", op.name()));
                }
                None => {}
            }
        }
        ranked.sort_by(|(a, _), (b, _)| match (a.is_nan(), b.is_nan()) {
            (false, false) if op == AggregateOp::TopK => b.partial_cmp(a).unwrap_or(Ordering::Equal),
            (false, false) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (a, b) => a.cmp(&b),
        });
        ranked.truncate(k.max(0.0) as usize);
        ranked.into_iter().map(|(_, at)| at).collect()
    }
}

/// A share of the series, chosen by their labels: the same at every step, and disjoint from the share of `ratio - 1`.
fn sampled(columns: &[Column], members: &[usize], i: usize, ratio: f64) -> Vec<usize> {
    let ratio = ratio.clamp(-1.0, 1.0);
    let chosen = |at: &usize| {
        let mut hasher = DefaultHasher::new();
        columns[*at].labels.hash(&mut hasher);
        let place = hasher.finish() as f64 / u64::MAX as f64;
        if ratio >= 0.0 { place < ratio } else { place >= 1.0 + ratio }
    };
    members.iter().copied().filter(|at| columns[*at].has(i) && chosen(at)).collect()
}
