//! Operators between scalars and vectors. Which series meet which is settled once, by labels; values then meet step by step.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::column::merge_same_labels;
use super::{Column, Evaluator, Grid, Sample};
use crate::ast::{BinaryOp, Cardinality, Expr, Matching, ValueType};
use crate::functions::trim::{Keep, trim};
use crate::{Histogram, Labels, METRIC_NAME, QueryError, is_stale};

/// The value of an operator between numbers; comparisons are 1 or 0.
pub(super) fn scalar(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        _ => f64::from(u8::from(compare(op, a, b))),
    }
}

fn compare(op: BinaryOp, a: f64, b: f64) -> bool {
    match op {
        BinaryOp::Equal => a == b,
        BinaryOp::NotEqual => a != b,
        BinaryOp::Greater => a > b,
        BinaryOp::GreaterEqual => a >= b,
        BinaryOp::Less => a < b,
        BinaryOp::LessEqual => a <= b,
        _ => false,
    }
}

/// A result at one step.
enum Applied {
    Nothing,
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// One operation, with what all its steps share.
struct Operation<'a, 'q> {
    evaluator: &'a Evaluator<'q>,
    position: usize,
    op: BinaryOp,
    return_bool: bool,
    /// A comparison that holds keeps the right side's value.
    keep_right: bool,
}

impl Operation<'_, '_> {
    fn drops_name(&self) -> bool {
        self.return_bool || !(self.op.is_comparison() || self.op.is_trim())
    }

    fn floats(&self, a: f64, b: f64) -> Option<f64> {
        if !self.op.is_comparison() || self.return_bool {
            return Some(scalar(self.op, a, b));
        }
        compare(self.op, a, b).then_some(if self.keep_right { b } else { a })
    }

    fn apply(&self, left: Sample<'_>, right: Sample<'_>) -> Applied {
        match (left, right) {
            (Sample::Float(_), Sample::Float(_)) if self.op.is_trim() => self.incompatible("float", "float"),
            (Sample::Float(a), Sample::Float(b)) => self.floats(a, b).map_or(Applied::Nothing, Applied::Float),
            (Sample::Histogram(a), Sample::Float(b)) => match self.op {
                BinaryOp::Mul => changed(a, |histogram| histogram.scale(b)),
                BinaryOp::Div => changed(a, |histogram| histogram.divide(b)),
                BinaryOp::TrimUpper => changed(a, |histogram| trim(histogram, Keep::Below, b)),
                BinaryOp::TrimLower => changed(a, |histogram| trim(histogram, Keep::Above, b)),
                _ => self.incompatible("histogram", "float"),
            },
            (Sample::Float(a), Sample::Histogram(b)) => match self.op {
                BinaryOp::Mul => changed(b, |histogram| histogram.scale(a)),
                _ => self.incompatible("float", "histogram"),
            },
            (Sample::Histogram(a), Sample::Histogram(b)) => self.histograms(a, b),
        }
    }

    fn histograms(&self, a: &Arc<Histogram>, b: &Arc<Histogram>) -> Applied {
        match self.op {
            BinaryOp::Add | BinaryOp::Sub => {
                let mut result = a.as_ref().clone();
                let (combined, doing) = match self.op {
                    BinaryOp::Add => (result.add(b), "addition"),
                    _ => (result.subtract(b), "subtraction"),
                };
                let Ok(combined) = combined else {
                    self.evaluator.warn(
                        self.position,
                        "vector contains a mix of histograms with exponential and custom buckets schemas",
                    );
                    return Applied::Nothing;
                };
                self.evaluator.note_combined(self.position, combined, doing);
                if self.op == BinaryOp::Sub {
                    result.reset_hint = crate::ResetHint::Gauge;
                }
                result.compact();
                Applied::Histogram(Arc::new(result))
            }
            BinaryOp::Equal | BinaryOp::NotEqual => {
                let holds = a.equivalent(b) == (self.op == BinaryOp::Equal);
                match (self.return_bool, holds) {
                    (true, _) => Applied::Float(f64::from(u8::from(holds))),
                    (false, true) => Applied::Histogram(Arc::clone(if self.keep_right { b } else { a })),
                    (false, false) => Applied::Nothing,
                }
            }
            _ => self.incompatible("histogram", "histogram"),
        }
    }

    fn incompatible(&self, left: &str, right: &str) -> Applied {
        let symbol = self.op.symbol();
        let text =
            format!("incompatible sample types encountered for binary operator {symbol:?}: {left} {symbol} {right}");
        self.evaluator.info(self.position, &text);
        Applied::Nothing
    }
}

fn changed(histogram: &Arc<Histogram>, change: impl FnOnce(&mut Histogram)) -> Applied {
    let mut histogram = histogram.as_ref().clone();
    change(&mut histogram);
    Applied::Histogram(Arc::new(histogram))
}

impl Applied {
    fn put(self, column: &mut Column, i: usize) {
        match self {
            Self::Nothing => {}
            Self::Float(value) => column.floats[i] = value,
            Self::Histogram(histogram) => column.set_histogram(i, histogram),
        }
    }
}

/// Takes away the values of steps at which the other side has none: nothing comes of them, not even a complaint.
fn clear_lonely(columns: &mut [Column], others: &[Column], grid: Grid) {
    for i in (0..grid.count).filter(|i| !others.iter().any(|other| other.has(*i))) {
        columns.iter_mut().for_each(|column| column.clear(i));
    }
}

impl Evaluator<'_> {
    pub(super) fn binary(
        &self,
        position: usize,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
        matching: &Matching,
        grid: Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let return_bool = matching.return_bool;
        let operation = Operation { evaluator: self, position, op, return_bool, keep_right: false };
        match (left.value_type(), right.value_type()) {
            (ValueType::Vector, ValueType::Scalar) => {
                let (columns, scalars) = (self.vector(left, grid)?, self.scalar(right, grid)?);
                self.with_scalars(&operation, columns, &scalars, false)
            }
            (ValueType::Scalar, ValueType::Vector) => {
                let (scalars, columns) = (self.scalar(left, grid)?, self.vector(right, grid)?);
                let operation = Operation { keep_right: true, ..operation };
                self.with_scalars(&operation, columns, &scalars, true)
            }
            _ => {
                let (mut left, mut right) = (self.vector(left, grid)?, self.vector(right, grid)?);
                if op.is_set() {
                    return Ok(set_operation(op, left, &right, matching, grid));
                }
                if matching.fill_left.is_none() && matching.fill_right.is_none() {
                    clear_lonely(&mut left, &right, grid);
                    clear_lonely(&mut right, &left, grid);
                }
                self.matched(&operation, left, right, matching, grid)
            }
        }
    }

    fn with_scalars(
        &self,
        operation: &Operation<'_, '_>,
        columns: Vec<Column>,
        scalars: &[f64],
        scalar_is_left: bool,
    ) -> Result<Vec<Column>, QueryError> {
        let mut results = Vec::with_capacity(columns.len());
        for column in columns {
            let mut result = Column::empty(column.labels.clone(), scalars.len());
            result.drop_name = column.drop_name;
            for (i, scalar) in scalars.iter().enumerate() {
                if let Some(sample) = column.get(i) {
                    let number = Sample::Float(*scalar);
                    let applied =
                        if scalar_is_left { operation.apply(number, sample) } else { operation.apply(sample, number) };
                    applied.put(&mut result, i);
                }
            }
            results.push(result);
        }
        if operation.drops_name() { self.drop_names(results) } else { Ok(results) }
    }

    fn matched(
        &self,
        operation: &Operation<'_, '_>,
        left: Vec<Column>,
        right: Vec<Column>,
        matching: &Matching,
        grid: Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let many_is_right = matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if many_is_right { (right, left) } else { (left, right) };
        // As in Prometheus, sides are swapped for group_right before they are filled: `fill_left` is always the "many" side.
        let (fill_many, fill_one) = (matching.fill_left, matching.fill_right);
        let sides = Sides { operation, matching, many_is_right, fill_many, fill_one, count: grid.count };
        let mut groups: HashMap<Labels, (Vec<&Column>, Vec<&Column>)> = HashMap::new();
        let mut order = Vec::new();
        for (columns, is_one) in [(&many, false), (&one, true)] {
            for column in columns {
                let key = signature(&column.labels, matching);
                let group = groups.entry(key).or_insert_with_key(|key| {
                    order.push(key.clone());
                    Default::default()
                });
                if is_one { group.1.push(column) } else { group.0.push(column) }
            }
        }
        let mut results = Vec::new();
        for key in &order {
            let (many, one) = &groups[key];
            sides.group(key, many, one, &mut results)?;
            self.spend(grid.count)?;
        }
        if operation.drops_name() && !self.engine.delayed_name_removal {
            for column in &mut results {
                column.labels = column.labels.without_name();
                column.drop_name = false;
            }
        }
        merge_same_labels(results).map_err(|_| {
            let message = match matching.cardinality {
                Cardinality::OneToOne => super::SAME_LABELS,
                _ => "multiple matches for labels: grouping labels must ensure unique matches",
            };
            QueryError::execution(message)
        })
    }
}

/// Both sides of a matched operation, with the side that may have many series for one of the other first.
struct Sides<'a, 'e, 'q> {
    operation: &'a Operation<'e, 'q>,
    matching: &'a Matching,
    many_is_right: bool,
    fill_many: Option<f64>,
    fill_one: Option<f64>,
    count: usize,
}

impl Sides<'_, '_, '_> {
    fn group(
        &self,
        key: &Labels,
        many: &[&Column],
        one: &[&Column],
        results: &mut Vec<Column>,
    ) -> Result<(), QueryError> {
        let partner = self.partners(key, one)?;
        let one_to_one = self.matching.cardinality == Cardinality::OneToOne;
        let mut taken = vec![false; self.count];
        for column in many {
            for i in 0..self.count {
                let can_match = partner[i].is_some() || self.fill_one.is_some();
                if column.has(i) && can_match && std::mem::replace(&mut taken[i], true) && one_to_one {
                    let message =
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
                    return Err(QueryError::execution(message));
                }
            }
            for (o, other) in one.iter().enumerate() {
                let at = |i: usize| (partner[i] == Some(o)).then(|| column.get(i).zip(other.get(i))).flatten();
                self.pair(&column.labels, &other.labels, column.drop_name, at, results);
            }
            if let Some(fill) = self.fill_one {
                let at = |i: usize| column.get(i).filter(|_| partner[i].is_none()).map(|s| (s, Sample::Float(fill)));
                self.pair(&column.labels, key, column.drop_name, at, results);
            }
        }
        if let Some(fill) = self.fill_many {
            for other in one {
                let at = |i: usize| other.get(i).filter(|_| !taken[i]).map(|s| (Sample::Float(fill), s));
                self.pair(key, &other.labels, other.drop_name, at, results);
            }
        }
        Ok(())
    }

    /// Which series of the "one" side has a value, at each step; two are an error.
    fn partners(&self, key: &Labels, one: &[&Column]) -> Result<Vec<Option<usize>>, QueryError> {
        let mut partner: Vec<Option<usize>> = vec![None; self.count];
        for (o, column) in one.iter().enumerate() {
            for (i, partner) in partner.iter_mut().enumerate() {
                if !column.has(i) {
                    continue;
                }
                if let Some(first) = partner.replace(o) {
                    let mut pair = [one[first].labels.to_string(), column.labels.to_string()];
                    pair.sort();
                    let side = if self.many_is_right { "left" } else { "right" };
                    return Err(QueryError::Execution(format!(
                        "found duplicate series for the match group {key} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                        pair[0], pair[1]
                    )));
                }
            }
        }
        Ok(partner)
    }

    /// The column of two series that meet, where `at` says with which values (many, one).
    fn pair<'s>(
        &self,
        many: &Labels,
        one: &Labels,
        drop_name: bool,
        at: impl Fn(usize) -> Option<(Sample<'s>, Sample<'s>)>,
        results: &mut Vec<Column>,
    ) {
        let mut result: Option<Column> = None;
        for i in 0..self.count {
            let Some((many_sample, one_sample)) = at(i) else { continue };
            let column = result.get_or_insert_with(|| {
                let mut column = Column::empty(self.labels(many, one), self.count);
                column.drop_name = drop_name || self.operation.drops_name();
                column
            });
            let (left, right) = if self.many_is_right { (one_sample, many_sample) } else { (many_sample, one_sample) };
            self.operation.apply(left, right).put(column, i);
        }
        results.extend(result);
    }

    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        let matching = self.matching;
        let listed = |name: &str| matching.labels.iter().any(|label| label == name);
        let mut labels = many.clone();
        if matching.cardinality == Cardinality::OneToOne {
            labels = labels.filter(|name| listed(name) == matching.on);
        }
        for name in &matching.include {
            labels = labels.with(name, one.get(name));
        }
        labels
    }
}

fn signature(labels: &Labels, matching: &Matching) -> Labels {
    labels.filter(|name| {
        let listed = matching.labels.iter().any(|label| label == name);
        if matching.on { listed } else { !listed && name != METRIC_NAME }
    })
}

/// `and`, `or`, `unless`: values pass or not, by whether the other side has any of the same signature at that step.
fn set_operation(op: BinaryOp, left: Vec<Column>, right: &[Column], matching: &Matching, grid: Grid) -> Vec<Column> {
    let presence = |columns: &[Column]| {
        let mut present: HashMap<Labels, Vec<bool>> = HashMap::new();
        for column in columns {
            let steps = present.entry(signature(&column.labels, matching)).or_insert_with(|| vec![false; grid.count]);
            for (i, step) in steps.iter_mut().enumerate() {
                *step |= column.has(i);
            }
        }
        present
    };
    if op != BinaryOp::Or {
        let present = presence(right);
        return filtered(left, &present, matching, op == BinaryOp::And);
    }
    let present = presence(&left);
    let others = filtered(right.to_vec(), &present, matching, false);
    let known: HashSet<Labels> = left.iter().map(|column| column.labels.clone()).collect();
    let mut result = left;
    let (same, new): (Vec<_>, Vec<_>) = others.into_iter().partition(|column| known.contains(&column.labels));
    result.extend(new);
    for column in same {
        let target =
            result.iter_mut().find(|target| target.labels == column.labels && target.drop_name == column.drop_name);
        let Some(target) = target else {
            result.push(column);
            continue;
        };
        for i in 0..grid.count {
            if let Some(sample) = column.get(i) {
                target.set(i, sample);
            }
        }
    }
    result
}

/// Keeps the values at steps where the other side has a partner (or has none, with `keep` false).
fn filtered(
    mut columns: Vec<Column>,
    present: &HashMap<Labels, Vec<bool>>,
    matching: &Matching,
    keep: bool,
) -> Vec<Column> {
    for column in &mut columns {
        let steps = present.get(&signature(&column.labels, matching));
        for i in 0..column.floats.len() {
            if steps.is_some_and(|steps| steps[i]) != keep && (!is_stale(column.floats[i]) || column.has(i)) {
                column.clear(i);
            }
        }
    }
    columns.retain(|column| !column.is_empty());
    columns
}
