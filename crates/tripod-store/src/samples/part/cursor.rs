//! The series of a part that satisfy a selector, one by one at the pace of who asks: several parts are read side by side.

use std::sync::Arc;

use super::pieces::Pieces;
use super::query::{Pair, Query, Walk};
use crate::samples::Selector;
use crate::{NativeHistogram, StoreError};

/// Stands at a series of a part, or at its end.
pub(crate) struct Cursor<'a> {
    query: Query<'a>,
    walk: Walk<'a>,
    pieces: Pieces<'a>,
    labels: Vec<Pair>,
    ended: bool,
    start: i64,
    end: i64,
}

impl<'a> Cursor<'a> {
    /// Stands at the first series that satisfies a selector and may have samples from `start` to `end`.
    pub(crate) fn new(mut query: Query<'a>, selector: &'a Selector, start: i64, end: i64) -> Result<Self, StoreError> {
        let walk = query.walk(selector, start, end)?;
        let pieces = Pieces::new(query.file);
        let mut cursor = Self { query, walk, pieces, labels: Vec::new(), ended: false, start, end };
        cursor.next()?;
        Ok(cursor)
    }

    /// The labels of the series it is at; none at the end.
    pub(crate) fn labels(&self) -> Option<&[Pair]> {
        (!self.ended).then_some(&self.labels)
    }

    /// Goes on to the next series.
    pub(crate) fn next(&mut self) -> Result<(), StoreError> {
        self.ended = !self.walk.next(&mut self.query, &mut self.labels)?;
        Ok(())
    }

    /// Appends the samples of the series it is at.
    pub(crate) fn read(
        &mut self,
        floats: &mut Vec<(i64, f64)>,
        histograms: &mut Vec<(i64, Arc<NativeHistogram>)>,
    ) -> Result<(), StoreError> {
        let found = self.walk.found(&[]);
        self.query.read(&found, &mut self.pieces, self.start, self.end, floats, histograms)
    }
}
