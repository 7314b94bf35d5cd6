//! TraceQL: the language in which Grafana asks Tempo for traces.
//!
//! A text is read into a [`Query`] ([`tokens`], [`parse`]), from which conditions for the store are taken that every answer must
//! satisfy ([`plan`]); what the store finds with them is looked at whole, a few traces at a time ([`eval`], [`search`]).
//!
//! What is there: filters of spans `{ … }` with scopes, intrinsics, comparisons, regular expressions and arithmetic; `&&`, `||`, `>`, `>>`,
//! `<`, `<<` and `~` between them; `|` with further filters, `count()`, `avg()`, `min()`, `max()`, `sum()`, `by()`, `coalesce()` and
//! `select()`. What is not there is refused with its name: metrics queries, `parent.`, pipelines in parentheses.

mod ast;
mod check;
mod eval;
mod parse;
mod plan;
mod search;
#[cfg(test)]
mod tests;
mod tokens;
mod values;

pub(super) use self::ast::Field;
pub(super) use self::eval::distinct;
pub(super) use self::parse::{field, parse};
pub(super) use self::search::{Asked, Found, FoundSet, FoundSpan, FoundTrace, search};
pub(super) use self::values::{KINDS, STATUSES, Value};

/// Reads a text and, if it is a query, evaluates it on a trace of two spans; an error must be within the text.
#[cfg(feature = "fuzzing")]
pub(crate) fn try_out(text: &str) {
    use tripod_store::{StoredSpan, Trace, Window};
    use tripod_wire::otlp::{KeyValue, Span};
    use tripod_wire::{SpanId, TraceId};

    let query = match parse(text) {
        Ok(query) => query,
        Err(error) => {
            assert!(error.position <= text.chars().count(), "{text:?}: {error}");
            return;
        }
    };
    let span = |id: u8| StoredSpan {
        resource: std::sync::Arc::default(),
        scope: std::sync::Arc::default(),
        span: Span {
            span_id: SpanId([id; 8]),
            parent_span_id: SpanId([id - 1; 8]),
            attributes: vec![KeyValue::new("a", 1), KeyValue::new("b", "x")],
            ..Span::default()
        },
    };
    let trace = Trace { id: TraceId([1; 16]), spans: vec![span(1), span(2)] };
    plan::plan(&query);
    let sets = eval::Traced::new(&trace, Window::ALL).answer(&query);
    assert!(sets.iter().all(|set| !set.spans.is_empty() && set.spans.iter().all(|at| *at < 2)));
}

/// The names of what spans have beside attributes.
pub(super) fn intrinsics() -> impl Iterator<Item = &'static str> {
    ast::Intrinsic::ALL.into_iter().map(|(_, names)| names[0])
}

/// Why a text is no query: where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at position {}: {reason}", position + 1)]
pub(super) struct ParseError {
    /// In characters, from 0 on.
    pub(super) position: usize,
    pub(super) reason: String,
}
