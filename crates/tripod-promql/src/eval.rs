//! Evaluation, column by column: every expression becomes one column a series with a value a step. Columns come as a stream
//! ([`Evaluator::columns`]); who needs them all at once collects them ([`Evaluator::vector`]). This file holds the state of a query
//! and dispatches; the kinds of expressions have a file each.

mod aggregate;
mod aggregate_rank;
mod binary;
mod calls;
mod column;
mod extended;
mod fold;
mod select;
mod subquery;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

pub(crate) use column::{Column, Grid, Sample};
pub(crate) use select::{RangeColumn, Slider, Window, Windows};

use crate::ast::{Expr, Kind, ValueType};
use crate::notes::Notes;
use crate::output::{Output, RangeSeries, SampleValue, Value, VectorSample};
use crate::{Engine, QueryError, SeriesSource, is_stale};

/// Samples between two looks at the clock.
const WORK_PER_CHECK: usize = 100_000;

/// Names that selected nothing are looked up, at most so many.
const MAX_MISSING: usize = 3;

/// The error when dropping names makes two series the same.
pub(crate) const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

/// Takes the columns of an expression one by one.
pub(crate) type EachColumn<'e> = dyn FnMut(Column) -> Result<(), QueryError> + 'e;

/// The state of one query.
pub(crate) struct Evaluator<'q> {
    pub(crate) engine: &'q Engine,
    source: &'q dyn SeriesSource,
    query: &'q str,
    /// The steps of the whole query.
    pub(crate) grid: Grid,
    /// From the query's start to its end, milliseconds.
    pub(crate) range: i64,
    started: Instant,
    /// Samples it holds.
    held: Cell<usize>,
    /// Samples looked at since the clock was.
    unclocked: Cell<usize>,
    notes: RefCell<Notes>,
    /// Selectors tell of counter resets that they see themselves.
    pub(crate) detect_resets: Cell<bool>,
    /// Metric names that selected nothing, and where they stand.
    missing: RefCell<BTreeMap<String, usize>>,
}

impl<'q> Evaluator<'q> {
    pub(crate) fn new(
        engine: &'q Engine,
        source: &'q dyn SeriesSource,
        query: &'q str,
        grid: Grid,
        range: i64,
    ) -> Self {
        Self {
            engine,
            source,
            query,
            grid,
            range,
            started: Instant::now(),
            held: Cell::new(0),
            unclocked: Cell::new(0),
            notes: RefCell::default(),
            detect_resets: Cell::new(false),
            missing: RefCell::default(),
        }
    }

    /// Counts samples that are held from now on, and looks whether the query may go on.
    pub(crate) fn spend(&self, samples: usize) -> Result<(), QueryError> {
        self.at_hand(samples)?;
        self.held.set(self.held.get() + samples);
        Ok(())
    }

    /// Looks whether the query may hold so many more samples for a moment, and whether it may go on.
    pub(crate) fn at_hand(&self, samples: usize) -> Result<(), QueryError> {
        let limits = &self.engine.limits;
        if self.held.get().saturating_add(samples) > limits.max_samples {
            let max = limits.max_samples;
            let message = format!(
                "query processing would hold more than {max} samples (limit max_samples); narrow its selectors or range, or raise the step"
            );
            return Err(QueryError::TooMuch(message));
        }
        self.check_time()
    }

    /// Counts samples that are looked at, which takes time but no memory.
    pub(crate) fn work(&self, samples: usize) -> Result<(), QueryError> {
        let total = self.unclocked.get() + samples + 1;
        if total < WORK_PER_CHECK {
            self.unclocked.set(total);
            return Ok(());
        }
        self.unclocked.set(0);
        self.check_time()
    }

    fn check_time(&self) -> Result<(), QueryError> {
        let limits = &self.engine.limits;
        if self.engine.cancel.as_ref().is_some_and(crate::Cancel::is_cancelled) {
            return Err(QueryError::Cancelled);
        }
        if self.started.elapsed() > limits.timeout {
            return Err(QueryError::Timeout(limits.timeout));
        }
        Ok(())
    }

    pub(crate) fn warn(&self, position: usize, text: &str) {
        self.notes.borrow_mut().warn(position, text);
    }

    pub(crate) fn info(&self, position: usize, text: &str) {
        self.notes.borrow_mut().info(position, text);
    }

    /// Remembers a metric name that selected nothing.
    pub(crate) fn note_missing(&self, position: usize, name: &str) {
        let mut missing = self.missing.borrow_mut();
        if missing.len() < MAX_MISSING {
            missing.entry(name.to_owned()).or_insert(position);
        }
    }

    pub(crate) fn output(self, value: Value) -> Output {
        if value.is_empty() {
            for (name, position) in self.missing.take() {
                let near = self.source.similar_names(&name);
                if !near.is_empty() {
                    let text = format!("no series is named {name:?}, did you mean {}?", crate::nearest::listed(&near));
                    self.info(position, &text);
                }
            }
        }
        let (warnings, infos) = self.notes.into_inner().into_lists(self.query);
        Output { value, warnings, infos }
    }

    /// The value of a query at one time.
    pub(crate) fn instant(&self, expr: &Expr) -> Result<Value, QueryError> {
        let time = self.grid.start;
        Ok(match expr.value_type() {
            ValueType::Scalar => Value::Scalar(time, self.scalar(expr, self.grid)?[0]),
            ValueType::String => Value::String(time, string(expr)?),
            ValueType::Vector => {
                let columns = self.final_vector(expr)?;
                let samples = columns.into_iter().filter_map(|column| {
                    let value = column.get(0)?.into_value();
                    Some(VectorSample { labels: column.labels, time, value })
                });
                Value::Vector(samples.collect())
            }
            ValueType::Matrix => {
                let mut all = Vec::new();
                self.ranges(expr, self.grid, &mut |series| {
                    series.each_window(|_, window| {
                        if !window.is_empty() {
                            self.spend(window.len())?;
                            let (floats, histograms) = (window.floats.to_vec(), window.histograms.to_vec());
                            let labels =
                                if series.drop_name { series.labels.without_name() } else { series.labels.clone() };
                            all.push(RangeSeries { labels, floats, histograms });
                        }
                        Ok(())
                    })
                })?;
                Value::Matrix(sorted(all))
            }
        })
    }

    /// The value of a query over its range.
    pub(crate) fn matrix(&self, expr: &Expr) -> Result<Vec<RangeSeries>, QueryError> {
        if expr.value_type() == ValueType::Scalar {
            let values = self.scalar(expr, self.grid)?;
            let floats = values.into_iter().enumerate().map(|(i, value)| (self.grid.time(i), value)).collect();
            return Ok(vec![RangeSeries { labels: crate::Labels::empty(), floats, histograms: Vec::new() }]);
        }
        let columns = self.final_vector(expr)?;
        Ok(sorted(columns.into_iter().filter_map(|column| column.into_series(self.grid)).collect()))
    }

    fn final_vector(&self, expr: &Expr) -> Result<Vec<Column>, QueryError> {
        let columns = self.vector(expr, self.grid)?;
        column::remove_names(columns)
    }

    /// A vector's columns, all of them. Names that are to go are gone already, or marked when their removal is delayed.
    pub(crate) fn vector(&self, expr: &Expr, grid: Grid) -> Result<Vec<Column>, QueryError> {
        let mut columns = Vec::new();
        self.columns(expr, grid, &mut |column| {
            self.spend(grid.count)?;
            columns.push(column);
            Ok(())
        })?;
        Ok(columns)
    }

    /// Calls `each` with a vector's columns, as soon as each is known.
    pub(crate) fn columns(&self, expr: &Expr, grid: Grid, each: &mut EachColumn<'_>) -> Result<(), QueryError> {
        if grid.count > 1 && expr.is_step_invariant() {
            return self.columns(expr, Grid { count: 1, ..grid }, &mut |column| each(column.repeat(grid.count)));
        }
        let columns = match &expr.kind {
            Kind::Vector(selector) => return self.newest(selector, grid, &mut |column, _| each(column)),
            Kind::Call { function, args } => return self.call(function, args, grid, each),
            Kind::Aggregate { op, expr: inner, param, grouping } => {
                self.aggregate(expr.position, *op, inner, param.as_deref(), grouping, grid)?
            }
            Kind::Binary { op, left, right, matching } => {
                self.binary(expr.position, *op, left, right, matching, grid)?
            }
            Kind::Negate(inner) => self.negate(inner, grid)?,
            _ => return Err(QueryError::execution("expected an instant vector")),
        };
        columns.into_iter().try_for_each(each)
    }

    fn negate(&self, inner: &Expr, grid: Grid) -> Result<Vec<Column>, QueryError> {
        let mut columns = self.vector(inner, grid)?;
        columns.retain(|column| !column.is_empty());
        // As Prometheus has it, two series must not become the same even where they have values at different steps.
        let mut seen = HashSet::with_capacity(columns.len());
        let unique = columns.iter().all(|column| seen.insert(column.labels.without_name()));
        if !unique && !self.engine.delayed_name_removal {
            return Err(QueryError::execution(SAME_LABELS));
        }
        for column in &mut columns {
            column.map_floats(|value| -value);
            for histogram in column.histograms.iter_mut().flatten() {
                Arc::make_mut(histogram).scale(-1.0);
            }
        }
        self.drop_names(columns)
    }

    /// What every function and operator that changes values does to names.
    pub(crate) fn drop_names(&self, mut columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
        for column in &mut columns {
            column.drop_name = true;
        }
        if self.engine.delayed_name_removal { Ok(columns) } else { column::remove_names(columns) }
    }

    /// The same to columns that come one by one. Where these have one name, or none, no two become the same, and they go on one
    /// by one; others have to be seen all.
    pub(crate) fn drop_names_of_each(
        &self,
        one_name: bool,
        each: &mut EachColumn<'_>,
        produce: impl FnOnce(&mut EachColumn<'_>) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let delayed = self.engine.delayed_name_removal;
        if one_name || delayed {
            return produce(&mut |mut column| {
                column.drop_name = delayed;
                if !delayed {
                    column.labels = column.labels.without_name();
                }
                each(column)
            });
        }
        let mut columns = Vec::new();
        produce(&mut |column| {
            self.spend(column.floats.len())?;
            columns.push(column);
            Ok(())
        })?;
        self.drop_names(columns)?.into_iter().try_for_each(each)
    }

    /// A scalar's value at each step.
    pub(crate) fn scalar(&self, expr: &Expr, grid: Grid) -> Result<Vec<f64>, QueryError> {
        self.spend(grid.count)?;
        match &expr.kind {
            Kind::Number(value) => Ok(vec![*value; grid.count]),
            Kind::Negate(inner) => Ok(self.scalar(inner, grid)?.into_iter().map(|value| -value).collect()),
            Kind::Binary { op, left, right, .. } => {
                let (left, right) = (self.scalar(left, grid)?, self.scalar(right, grid)?);
                Ok(left.into_iter().zip(right).map(|(a, b)| binary::scalar(*op, a, b)).collect())
            }
            Kind::Call { function, args } => self.scalar_call(function, args, grid),
            _ => Err(QueryError::execution("expected a scalar")),
        }
    }
}

/// A text argument.
pub(crate) fn string(expr: &Expr) -> Result<Arc<str>, QueryError> {
    match &expr.kind {
        Kind::String(text) => Ok(Arc::clone(text)),
        Kind::InvalidText(shown) => Err(QueryError::Execution(format!("string \"{shown}\" is not valid UTF-8"))),
        _ => Err(QueryError::execution("expected a string")),
    }
}

/// A text argument that is to name a label.
pub(crate) fn label_name(expr: &Expr) -> Result<Arc<str>, QueryError> {
    match &expr.kind {
        Kind::InvalidText(shown) => Err(QueryError::Execution(format!("invalid label name \"{shown}\""))),
        Kind::String(text) if text.is_empty() => Err(QueryError::execution("invalid label name \"\"")),
        _ => string(expr),
    }
}

fn sorted(mut series: Vec<RangeSeries>) -> Vec<RangeSeries> {
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    series
}

impl Sample<'_> {
    fn into_value(self) -> SampleValue {
        match self {
            Self::Float(value) => SampleValue::Float(value),
            Self::Histogram(histogram) => SampleValue::Histogram(Arc::clone(histogram)),
        }
    }
}

impl Column {
    fn into_series(self, grid: Grid) -> Option<RangeSeries> {
        let floats: Vec<_> = self.floats.iter().enumerate().filter(|(_, value)| !is_stale(**value)).collect();
        let floats: Vec<_> = floats.into_iter().map(|(i, value)| (grid.time(i), *value)).collect();
        let histograms = self.histograms.into_iter().enumerate();
        let histograms: Vec<_> = histograms.filter_map(|(i, h)| h.map(|h| (grid.time(i), h))).collect();
        let empty = floats.is_empty() && histograms.is_empty();
        (!empty).then_some(RangeSeries { labels: self.labels, floats, histograms })
    }
}
