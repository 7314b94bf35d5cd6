//! A series as it is evaluated: a value a step. "No value" is the staleness marker, which no arithmetic yields, so a column of
//! numbers is nothing but its numbers.

use std::collections::HashMap;
use std::sync::Arc;

use super::SAME_LABELS;
use crate::{Histogram, Labels, QueryError, STALE_NAN, is_stale};

/// The times at which an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The first, milliseconds since the Unix epoch.
    pub(crate) start: i64,
    /// Milliseconds between two.
    pub(crate) step: i64,
    /// How many.
    pub(crate) count: usize,
}

impl Grid {
    pub(crate) fn time(self, i: usize) -> i64 {
        self.start + self.step * i as i64
    }
}

/// One series over the steps of a grid.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) labels: Labels,
    /// The name is to be removed at the end.
    pub(crate) drop_name: bool,
    /// A number a step; the staleness marker where there is none.
    pub(crate) floats: Vec<f64>,
    /// A histogram a step, or nothing at all when no step has one.
    pub(crate) histograms: Vec<Option<Arc<Histogram>>>,
}

/// A value at a step.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sample<'a> {
    Float(f64),
    Histogram(&'a Arc<Histogram>),
}

impl Column {
    /// A column without values.
    pub(crate) fn empty(labels: Labels, count: usize) -> Self {
        Self { labels, drop_name: false, floats: vec![STALE_NAN; count], histograms: Vec::new() }
    }

    pub(crate) fn of_floats(labels: Labels, floats: Vec<f64>) -> Self {
        Self { labels, drop_name: false, floats, histograms: Vec::new() }
    }

    pub(crate) fn get(&self, i: usize) -> Option<Sample<'_>> {
        if let Some(Some(histogram)) = self.histograms.get(i) {
            return Some(Sample::Histogram(histogram));
        }
        let value = self.floats[i];
        (!is_stale(value)).then_some(Sample::Float(value))
    }

    pub(crate) fn has(&self, i: usize) -> bool {
        self.get(i).is_some()
    }

    pub(crate) fn set_histogram(&mut self, i: usize, histogram: Arc<Histogram>) {
        if self.histograms.is_empty() {
            self.histograms = vec![None; self.floats.len()];
        }
        self.floats[i] = STALE_NAN;
        self.histograms[i] = Some(histogram);
    }

    pub(crate) fn set(&mut self, i: usize, sample: Sample<'_>) {
        match sample {
            Sample::Float(value) => self.floats[i] = value,
            Sample::Histogram(histogram) => self.set_histogram(i, Arc::clone(histogram)),
        }
    }

    pub(crate) fn clear(&mut self, i: usize) {
        self.floats[i] = STALE_NAN;
        if let Some(histogram) = self.histograms.get_mut(i) {
            *histogram = None;
        }
    }

    pub(crate) fn drop_histograms(&mut self) {
        self.histograms = Vec::new();
    }

    pub(crate) fn map_floats(&mut self, change: impl Fn(f64) -> f64) {
        for value in &mut self.floats {
            if !is_stale(*value) {
                *value = change(*value);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.histograms.iter().all(Option::is_none) && self.floats.iter().all(|value| is_stale(*value))
    }

    pub(crate) fn repeat(self, count: usize) -> Self {
        let histograms = match self.histograms.first() {
            Some(histogram) => vec![histogram.clone(); count],
            None => Vec::new(),
        };
        Self { floats: vec![self.floats[0]; count], histograms, ..self }
    }

    /// Takes the values of another column that has none where this has.
    fn absorb(&mut self, other: &Column) -> Result<(), QueryError> {
        for i in 0..self.floats.len() {
            if let Some(sample) = other.get(i) {
                if self.has(i) {
                    return Err(QueryError::execution(SAME_LABELS));
                }
                self.set(i, sample);
            }
        }
        Ok(())
    }
}

/// Removes the names that are marked for it. Series that become the same are one, unless they have values at the same step.
pub(crate) fn remove_names(mut columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    for column in &mut columns {
        if std::mem::take(&mut column.drop_name) {
            column.labels = column.labels.without_name();
        }
    }
    merge_same_labels(columns)
}

/// One column for all with the same labels, which must not have values at the same step.
pub(crate) fn merge_same_labels(columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    let mut at: HashMap<Labels, usize> = HashMap::with_capacity(columns.len());
    let mut merged: Vec<Column> = Vec::with_capacity(columns.len());
    for column in columns {
        if let Some(first) = at.get(&column.labels) {
            merged[*first].absorb(&column)?;
        } else {
            at.insert(column.labels.clone(), merged.len());
            merged.push(column);
        }
    }
    Ok(merged)
}
