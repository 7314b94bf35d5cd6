//! From text to the tree that is evaluated, in three steps: tokens, the tree as written, and that tree with types checked and
//! durations resolved. Every error names its place and what was expected there.

mod grammar;
mod lex;
mod lower;
mod selector;
mod suggest;

use crate::ast::{Expr, Kind, ValueType};
use crate::error::QueryError;
use crate::syntax::{Duration, Node};

/// Longer queries are refused: nobody writes them.
const MAX_TOKENS: usize = 10_000;
/// The deepest nesting that is evaluated; recursion stays far from a small thread's stack.
pub(crate) const MAX_DEPTH: usize = 200;

/// What `step()` and `range()` are in durations, milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) step: i64,
    pub(crate) range: i64,
}

impl Times {
    /// For queries that are looked at but not evaluated.
    pub(crate) const NOMINAL: Self = Self { step: 60_000, range: 3_600_000 };

    /// A duration in seconds, within a range that can be added to any time without overflow.
    pub(crate) fn seconds(self, duration: &Duration) -> Result<f64, &'static str> {
        let seconds = duration.seconds(self.step as f64 / 1000.0, self.range as f64 / 1000.0)?;
        let fits = seconds.abs() <= selector::MAX_SECONDS;
        if fits { Ok(seconds) } else { Err("duration is out of range") }
    }
}

/// Parses a query and checks its types.
pub(crate) fn parse(query: &str, times: Times) -> Result<Expr, QueryError> {
    lower::lower(query, &written(query)?, times)
}

/// The tree of a query as it is written; its types are checked.
pub(crate) fn checked(query: &str) -> Result<Node, QueryError> {
    let node = written(query)?;
    lower::lower(query, &node, Times::NOMINAL)?;
    Ok(node)
}

fn written(query: &str) -> Result<Node, QueryError> {
    let tokens = lex::tokenize(query)?;
    if tokens.is_empty() {
        return Err(QueryError::parse(query, 0, "no expression found in input"));
    }
    if tokens.len() > MAX_TOKENS {
        let message = format!("query has {} tokens, {MAX_TOKENS} are allowed", tokens.len());
        return Err(QueryError::parse(query, 0, message));
    }
    lex::check_nesting(query, &tokens, MAX_DEPTH)?;
    grammar::parse(query, &tokens)
}

/// Whether an expression's value can be drawn over time.
pub(crate) fn check_range_type(query: &str, expr: &Expr) -> Result<(), QueryError> {
    match expr.value_type() {
        ValueType::Scalar | ValueType::Vector => Ok(()),
        other => {
            let message =
                format!("invalid expression type {:?} for range query, must be scalar or instant vector", other.name());
            Err(QueryError::parse(query, 0, message))
        }
    }
}

/// The metric name an expression selects, when it is a plain selector.
pub(crate) fn selector_name(expr: &Expr) -> &str {
    match &expr.kind {
        Kind::Vector(selector) | Kind::Matrix { selector, .. } => {
            let name = selector.matchers.iter().find(|matcher| matcher.name == crate::labels::METRIC_NAME);
            name.filter(|matcher| matcher.op == crate::MatchOp::Equal).map_or("", |matcher| &matcher.value)
        }
        _ => "",
    }
}
