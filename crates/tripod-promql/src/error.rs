//! What can be wrong with a query. Positions are bytes from the query's start; the text shows line and column, as Prometheus does.

use crate::SourceError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is not PromQL, or its types do not fit.
    #[error("{line}:{column}: parse error: {message}")]
    Parse {
        /// Bytes before the offending place.
        offset: usize,
        /// Line of it, from 1.
        line: usize,
        /// Column of it in bytes, from 1.
        column: usize,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// The query is valid, but its data cannot be combined as it asks.
    #[error("{0}")]
    Execution(String),
    /// A limit was reached; the text names it.
    #[error("{0}")]
    TooMuch(String),
    /// The query ran for longer than it may.
    #[error("query timed out after {0:?}; narrow its range or selectors, or raise the timeout")]
    Timeout(std::time::Duration),
    /// Who asked is gone.
    #[error("query was cancelled")]
    Cancelled,
    /// The source of series failed.
    #[error("reading series failed: {0}")]
    Source(#[from] SourceError),
}

impl QueryError {
    /// A parse error at a byte of the query.
    pub(crate) fn parse(query: &str, offset: usize, message: impl Into<String>) -> Self {
        let (line, column) = line_and_column(query, offset);
        Self::Parse { offset, line, column, message: message.into() }
    }

    pub(crate) fn execution(message: impl Into<String>) -> Self {
        Self::Execution(message.into())
    }
}

/// Line and column (in bytes), both from 1.
pub(crate) fn line_and_column(query: &str, offset: usize) -> (usize, usize) {
    let before = &query.as_bytes()[..offset.min(query.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.len() - before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) + 1;
    (line, column)
}
