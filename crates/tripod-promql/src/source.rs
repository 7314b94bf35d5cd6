//! Where series come from: the one trait an embedder implements. Plain data on both sides, so that a store lends what it has
//! decoded without a copy.

use std::ops::ControlFlow;
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

impl MatchOp {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
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

impl Matcher {
    /// Whether a label of this value satisfies it; a label that is missing has the empty value.
    pub fn accepts(&self, value: &str) -> bool {
        let matches = || regex::Regex::new(&format!("^(?s:{})$", self.value)).is_ok_and(|regex| regex.is_match(value));
        match self.op {
            MatchOp::Equal => self.value == value,
            MatchOp::NotEqual => self.value != value,
            MatchOp::Regex => matches(),
            MatchOp::NotRegex => !matches(),
        }
    }

    /// Whether a series without the label satisfies it.
    pub(crate) fn accepts_empty(&self) -> bool {
        self.accepts("")
    }
}

/// Which samples are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Series satisfy all of them.
    pub matchers: &'a [Matcher],
    /// Samples are at least this new, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// And at most this new.
    pub end_ms: i64,
}

/// A series that was selected, as long as it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct SeriesRef<'a> {
    /// Its labels, metric name included.
    pub labels: &'a Labels,
    /// Time in milliseconds since the Unix epoch and value, in order of time. [`STALE_NAN`](crate::STALE_NAN) marks the end.
    pub floats: &'a [(i64, f64)],
    /// Time and native histogram, in order of time.
    pub histograms: &'a [(i64, Arc<Histogram>)],
}

/// Takes the series of an answer one by one, and says whether to go on.
pub type Visit<'v> = dyn FnMut(SeriesRef<'_>) -> ControlFlow<()> + 'v;

/// Finds series by label matchers and time.
///
/// An answer is a stream: the engine makes one value a step of a series as soon as it sees it, so a source needs the samples
/// of one series at a time, in buffers that it may use again for the next.
pub trait SeriesSource {
    /// Calls `visit` with each series that satisfies all matchers and has samples in the time asked for, with those samples:
    /// each series once, sorted by labels. Ends early, without an error, when `visit` breaks.
    ///
    /// # Errors
    /// Whatever kept the source from answering; it fails the query.
    fn select(&self, selection: &Selection<'_>, visit: &mut Visit<'_>) -> Result<(), SourceError>;

    /// Names of metrics near to one, to be offered when a query finds nothing by it; none when there is a metric of that name.
    /// [`similar_names`](crate::similar_names) finds them in a list.
    fn similar_names(&self, _name: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Why a source could not answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);
