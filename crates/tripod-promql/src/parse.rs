//! From text to the tree that is evaluated. The grammar is `promql-parser`'s; its tree has no positions, so the same text is walked
//! token by token beside it (see [`tokens`]): annotations and errors can then point at the place they are about.

mod lower;
mod suggest;
mod tokens;

use crate::ast::{Expr, Kind, ValueType};
use crate::error::QueryError;

/// Longer queries are refused: nobody writes them, and parsing costs more than linear time.
const MAX_TOKENS: usize = 10_000;
/// The deepest nesting that is evaluated; recursion stays far from a small thread's stack.
pub(crate) const MAX_DEPTH: usize = 200;

/// Parses a query and checks its types.
pub(crate) fn parse(query: &str) -> Result<Expr, QueryError> {
    Ok(parse_both(query)?.0)
}

/// A query, laid out anew.
pub(crate) fn pretty(query: &str) -> Result<String, QueryError> {
    Ok(parse_both(query)?.1.prettify())
}

fn parse_both(query: &str) -> Result<(Expr, promql_parser::parser::Expr), QueryError> {
    let tokens = tokens::tokenize(query)?;
    if tokens.is_empty() {
        return Err(QueryError::parse(query, 0, "no expression found in input"));
    }
    if tokens.len() > MAX_TOKENS {
        let message = format!("query has {} tokens, {MAX_TOKENS} are allowed", tokens.len());
        return Err(QueryError::parse(query, 0, message));
    }
    tokens::check_nesting(query, &tokens, MAX_DEPTH)?;
    tokens::check_durations(query, &tokens)?;
    // A text is outside input: should the grammar have a defect, it costs this query and no more.
    let parsed = std::panic::catch_unwind(|| promql_parser::parser::parse(query));
    let parsed = parsed.unwrap_or_else(|_| Err("invalid promql query".to_owned()));
    let tree = parsed.map_err(|message| suggest::explain(query, &tokens, &message))?;
    let expr = lower::Lowering::new(query, &tokens).expression(&tree)?;
    Ok((expr, tree))
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
