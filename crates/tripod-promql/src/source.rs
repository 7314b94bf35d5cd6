//! Where series come from: the one trait an embedder implements. Plain data on both sides, so that a store's own types move in
//! and out without a copy of samples.

use std::sync::Arc;

use crate::{Histogram, Labels};

/// How a matcher compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`, anchored at both ends.
    Regex,
    /// `!~`, anchored at both ends.
    NotRegex,
}

/// A condition on one label. A label that a series does not have counts as empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matcher {
    /// The label's name.
    pub name: String,
    /// How to compare.
    pub op: MatchOp,
    /// With what; for a regex its source, which is known to compile.
    pub value: String,
}

/// A series that was selected.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels, metric name included.
    pub labels: Labels,
    /// Time in milliseconds since the Unix epoch and value, in order of time. [`STALE_NAN`](crate::STALE_NAN) marks the end.
    pub floats: Vec<(i64, f64)>,
    /// Time and native histogram, in order of time.
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

/// Finds series by label matchers and time.
pub trait SeriesSource {
    /// Series that satisfy all matchers and have samples from `start_ms` to `end_ms` (both inclusive), with those samples;
    /// each series once.
    ///
    /// # Errors
    /// Whatever kept the source from answering; it fails the query.
    fn select(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Result<Vec<Series>, SourceError>;
}

/// Why a source could not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);
