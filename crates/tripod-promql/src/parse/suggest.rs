//! From the grammar's "invalid" to an error that says where and offers what would work.

use super::tokens::{Token, TokenKind};
use crate::error::QueryError;

/// An error for a query that the grammar refused with `message`.
pub(super) fn explain(query: &str, tokens: &[Token<'_>], message: &str) -> QueryError {
    if let Some(error) = dotted_name(query, tokens) {
        return error;
    }
    if let Some(error) = impossible_pair(query, tokens) {
        return error;
    }
    let between_scalars = message.starts_with("comparisons between scalars");
    let named = tokens.iter().find(|token| match token.kind {
        TokenKind::Word => mentions(message, token.text),
        TokenKind::Symbol => between_scalars && ["==", "!=", ">", "<", ">=", "<="].contains(&token.text),
        TokenKind::Text => false,
    });
    QueryError::parse(query, named.map_or(0, |token| token.offset), message)
}

fn mentions(message: &str, word: &str) -> bool {
    message.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).any(|part| part == word)
}

/// `http.server.duration` is no name in PromQL; both forms that are one are offered.
fn dotted_name(query: &str, tokens: &[Token<'_>]) -> Option<QueryError> {
    let mut at = 0;
    let mut braces = 0_usize;
    while at < tokens.len() {
        let token = &tokens[at];
        braces = if token.is("{") { braces + 1 } else { braces - usize::from(token.is("}") && braces > 0) };
        let mut end = at + 1;
        let starts_name =
            token.kind == TokenKind::Word && !token.text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        if starts_name && braces == 0 {
            while end < tokens.len() && continues_name(&tokens[end - 1], &tokens[end]) {
                end += 1;
            }
        }
        if end > at + 1 {
            let last = &tokens[end - 1];
            let name = &query[token.offset..last.offset + last.text.len()];
            let translated: String =
                name.chars().map(|c| if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' }).collect();
            let message = format!(
                "metric name {name:?} has characters that PromQL allows only in quotes: write {translated} (its translated name) or {{{name:?}}}"
            );
            return Some(QueryError::parse(query, token.offset, message));
        }
        at = end;
    }
    None
}

fn continues_name(before: &Token<'_>, token: &Token<'_>) -> bool {
    let adjacent = before.offset + before.text.len() == token.offset;
    let dotted = token.kind == TokenKind::Word && token.text.starts_with('.') && token.text.len() > 1;
    let word_after_dot = token.kind == TokenKind::Word && before.text.ends_with('.');
    adjacent && (dotted || word_after_dot || token.text == "." && before.kind == TokenKind::Word)
}

/// Two neighbours that no query has: the usual typing errors.
fn impossible_pair(query: &str, tokens: &[Token<'_>]) -> Option<QueryError> {
    const OPERATORS: [&str; 14] = ["*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless", ","];
    let ends = |token: &Token<'_>| token.is(")") || token.is("]") || token.is("}");
    let mut braces = 0_usize;
    for pair in tokens.windows(2) {
        let (first, second) = (&pair[0], &pair[1]);
        braces = if first.is("{") { braces + 1 } else { braces - usize::from(first.is("}") && braces > 0) };
        let operator_first = OPERATORS.iter().any(|operator| first.is(operator));
        let nothing_follows = second.is(")") || OPERATORS.iter().any(|operator| second.is(operator));
        if braces == 0 && (operator_first || first.is("+") || first.is("-")) && nothing_follows && !first.is(",") {
            let message = format!("unexpected {:?} after {:?}, expected an expression", second.text, first.text);
            return Some(QueryError::parse(query, second.offset, message));
        }
        if ends(first) && second.kind == TokenKind::Text {
            let message = format!("unexpected string {} after {:?}", second.text, first.text);
            return Some(QueryError::parse(query, second.offset, message));
        }
        if braces > 0 && second.is("==") {
            return Some(QueryError::parse(
                query,
                second.offset,
                "unexpected \"==\" in label matching, expected one of = != =~ !~",
            ));
        }
    }
    let last = tokens.last()?;
    let open_end = OPERATORS.iter().any(|operator| last.is(operator)) || last.is("+") || last.is("-");
    open_end.then(|| {
        QueryError::parse(
            query,
            query.len(),
            format!("unexpected end of input after {:?}, expected an expression", last.text),
        )
    })
}
