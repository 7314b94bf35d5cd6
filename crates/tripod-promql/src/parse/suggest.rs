//! What would work in place of a name that does not.

use super::lex::{Token, TokenKind};
use crate::ast::AggregateOp;
use crate::error::QueryError;
use crate::functions;

/// An error for a function that does not exist, with the nearest that does.
pub(super) fn unknown_function(name: &str) -> String {
    let known = functions::names().chain(AggregateOp::names());
    let nearest = crate::nearest::nearest(name, known);
    match nearest.as_slice() {
        [] => format!("unknown function with name {name:?}"),
        names => format!("unknown function with name {name:?}; did you mean {}?", crate::nearest::listed(names)),
    }
}

/// `http.server.duration` is no name in PromQL; both forms that are one are offered.
pub(super) fn dotted_name(query: &str, tokens: &[Token<'_>], at: usize) -> Option<QueryError> {
    let mut end = at + 1;
    while end < tokens.len() && continues_name(&tokens[end - 1], &tokens[end]) {
        end += 1;
    }
    if end == at + 1 {
        return None;
    }
    let start = tokens[at].offset;
    let name = &query[start..tokens[end - 1].end()];
    let translated: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' }).collect();
    let message = format!(
        "metric name {name:?} has characters that PromQL allows only in quotes: write {translated} (its translated name) or {{{name:?}}}"
    );
    Some(QueryError::parse(query, start, message))
}

/// Whether a token goes on with a name where another ends: `.`, `.5xx`, or a word behind a dot.
fn continues_name(before: &Token<'_>, token: &Token<'_>) -> bool {
    if before.end() != token.offset || token.kind == TokenKind::Text {
        return false;
    }
    let after_dot = before.is(".") && token.kind == TokenKind::Name;
    token.text.starts_with('.') && !before.is(".") || after_dot
}
