//! LogQL's core: `{job="api"} |= "timeout" | json | status >= 500`, and metrics of such lines.
//!
//! - [`parse`] reads a query: either [`Lines`] (a selector and the stages that each line passes), or a [`metric::Metric`].
//! - [`stages`] runs lines through their stages; [`entry`] is what a line is meanwhile.
//! - [`metric`] counts lines over time. Only the range aggregations (`count_over_time({...}[5m])`) are ours: what stands around them
//!   (`sum by`, `topk`, arithmetic, comparisons) is PromQL in the same words, so the PromQL engine evaluates it over their results.
//!
//! Nothing here knows the store or HTTP.

pub(crate) mod entry;
mod filter;
mod lexer;
pub(crate) mod metric;
pub(crate) mod parse;
mod paths;
mod pattern;
pub(crate) mod stages;
mod template;
pub(crate) mod units;

use std::fmt;

use regex::Regex;

pub(crate) use self::filter::{LabelFilter, LineTest};
pub(crate) use self::parse::{Query, parse};

/// Reads a text and, if it is a query, runs it over a few lines; an error must be within the text.
#[cfg(feature = "fuzzing")]
pub(crate) fn try_out(text: &str) {
    use entry::{Entry, Label, Origin};

    let job = Label { name: "job".into(), value: "api".into(), origin: Origin::Stream };
    let lines = [r#"{"a":{"b":[1,"x"]},"status":500}"#, "level=info took=5ms msg=\"a b\"", "1.2.3.4 - x [now] 7", ""];
    let entries = || {
        (0..).zip(lines).map(|(at, line)| Entry::new(at * 1_000_000_000, line.to_owned(), std::slice::from_ref(&job)))
    };
    match parse(text) {
        Err(error) => {
            let lines: Vec<&str> = text.split('\n').collect();
            let line = lines.get(error.line - 1).unwrap_or_else(|| panic!("{text:?}: {error}"));
            assert!(error.column <= line.chars().count() + 1, "{text:?}: {error}");
        }
        Ok(Query::Lines(query)) => {
            for mut entry in entries() {
                let time = entry.time;
                stages::run(&query.stages, &mut entry);
                assert_eq!(entry.time, time);
            }
        }
        Ok(Query::Metric(metric)) => {
            let grid = metric::Grid { start: 0, step: 1_000, count: 5 };
            for leaf in &metric.leaves {
                // Too many series or numbers are an error.
                let _ = leaf.evaluate::<String>(grid, 100, 10_000, |add| entries().try_for_each(add));
            }
        }
    }
}

/// Why a query can't be read: where and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// The line, from 1.
    line: usize,
    /// The column, from 1.
    column: usize,
    reason: String,
}

impl ParseError {
    fn at(query: &str, offset: usize, reason: impl Into<String>) -> Self {
        let mut offset = offset.min(query.len());
        while !query.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &query[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column, reason: reason.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parse error at line {}, col {}: {}", self.line, self.column, self.reason)
    }
}

/// A selector and what becomes of its lines.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    /// What the labels of a line's stream must be.
    pub(crate) matchers: Vec<Matcher>,
    /// What each line passes, in order.
    pub(crate) stages: Vec<stages::Stage>,
}

/// A condition on a label; one that is not there counts as empty.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    pub(crate) name: String,
    pub(crate) test: Test,
}

/// What a label must be.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Equal(String),
    NotEqual(String),
    /// Anchored at both ends.
    Regex(Regex),
    /// Anchored at both ends.
    NotRegex(Regex),
}

impl Test {
    pub(crate) fn passes(&self, value: &str) -> bool {
        match self {
            Self::Equal(wanted) => value == wanted,
            Self::NotEqual(other) => value != other,
            Self::Regex(regex) => regex.is_match(value),
            Self::NotRegex(regex) => !regex.is_match(value),
        }
    }

    /// Whether a label that is not there would pass.
    pub(crate) fn passes_empty(&self) -> bool {
        self.passes("")
    }
}
