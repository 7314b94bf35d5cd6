//! A query cut into tokens with their places: enough to find where each node of the tree starts, and to say where the text stops
//! being a query.

use crate::error::QueryError;

/// More than three thousand years.
const MAX_SECONDS: f64 = 1e11;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Name, keyword, number or duration.
    Word,
    /// Quoted text, quotes included.
    Text,
    /// Anything else: one operator or bracket.
    Symbol,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'q> {
    pub(super) kind: TokenKind,
    pub(super) text: &'q str,
    pub(super) offset: usize,
}

impl Token<'_> {
    pub(super) fn is(&self, text: &str) -> bool {
        self.kind != TokenKind::Text && self.text.eq_ignore_ascii_case(text)
    }
}

/// Cuts a query into tokens; comments and space are left out.
pub(super) fn tokenize(query: &str) -> Result<Vec<Token<'_>>, QueryError> {
    let mut tokens = Vec::new();
    let mut rest = query;
    loop {
        rest = skip_blank(rest);
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let offset = query.len() - rest.len();
        let (kind, length) = match first {
            '"' | '\'' | '`' => {
                let length = text_length(rest, first).ok_or_else(|| {
                    QueryError::parse(query, offset, format!("string is not closed: {first} is missing"))
                })?;
                (TokenKind::Text, length)
            }
            '0'..='9' | '.' => (TokenKind::Word, number_length(rest)),
            c if is_word(c) => (TokenKind::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
            c => {
                let double = ["==", "!=", ">=", "<=", "=~", "!~"].iter().any(|symbol| rest.starts_with(symbol));
                (TokenKind::Symbol, if double { 2 } else { c.len_utf8() })
            }
        };
        tokens.push(Token { kind, text: &rest[..length], offset });
        rest = &rest[length..];
    }
}

/// Brackets must close what was opened, and not nest deeper than `max`.
pub(super) fn check_nesting(query: &str, tokens: &[Token<'_>], max: usize) -> Result<(), QueryError> {
    let mut open: Vec<&Token<'_>> = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == TokenKind::Symbol) {
        match token.text {
            "(" | "[" | "{" => open.push(token),
            ")" | "]" | "}" => {
                let Some(last) = open.pop() else {
                    let message = format!("{:?} closes nothing that was opened", token.text);
                    return Err(QueryError::parse(query, token.offset, message));
                };
                if closing(last.text) != token.text {
                    let message = format!("unexpected {:?}, expected {:?}", token.text, closing(last.text));
                    return Err(QueryError::parse(query, token.offset, message));
                }
            }
            _ => {}
        }
        if open.len() > max {
            let message = format!("brackets nest deeper than {max} levels");
            return Err(QueryError::parse(query, token.offset, message));
        }
    }
    match open.last() {
        None => Ok(()),
        Some(last) => {
            let message = format!("{:?} is not closed: {:?} is missing", last.text, closing(last.text));
            Err(QueryError::parse(query, last.offset, message))
        }
    }
}

/// A duration that is a plain number of seconds must be one that a duration can hold.
pub(super) fn check_durations(query: &str, tokens: &[Token<'_>]) -> Result<(), QueryError> {
    let mut expected = false;
    for token in tokens {
        if expected && token.kind == TokenKind::Word {
            let seconds = match token.text.strip_prefix("0x").or(token.text.strip_prefix("0X")) {
                Some(hex) => u64::from_str_radix(hex, 16).ok().map(|value| value as f64),
                None => token.text.parse::<f64>().ok(),
            };
            if seconds.is_some_and(|seconds| !(0.0..=MAX_SECONDS).contains(&seconds)) {
                let message = format!("duration {} is out of range, {MAX_SECONDS} seconds are allowed", token.text);
                return Err(QueryError::parse(query, token.offset, message));
            }
        }
        let sign = token.is("+") || token.is("-");
        expected = token.is("offset") || token.is("[") || token.is(":") || expected && sign;
    }
    Ok(())
}

fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

fn skip_blank(mut rest: &str) -> &str {
    loop {
        rest = rest.trim_start();
        if !rest.starts_with('#') {
            return rest;
        }
        rest = rest.find('\n').map_or("", |at| &rest[at..]);
    }
}

fn text_length(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// A number or duration: the sign of an exponent belongs to it.
fn number_length(rest: &str) -> usize {
    let hex = rest.len() > 1 && rest.as_bytes()[1].eq_ignore_ascii_case(&b'x');
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        let exponent_sign = (c == '+' || c == '-') && before.eq_ignore_ascii_case(&'e') && !hex;
        if !(c.is_alphanumeric() || c == '.' || c == '_' || exponent_sign) {
            return at;
        }
        before = c;
    }
    rest.len()
}

/// The bytes that a quoted text, known to be well formed, stands for.
pub(super) fn unquote(token: &str) -> Vec<u8> {
    let inner = token.get(1..token.len() - 1).unwrap_or("");
    if token.starts_with('`') {
        return inner.as_bytes().to_vec();
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let Some(escape) = rest.chars().next() else { break };
        let (digits, radix) = match escape {
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='7' => (3, 8),
            _ => (0, 10),
        };
        let skip = if radix == 8 { 0 } else { escape.len_utf8() };
        let code = rest.get(skip..skip + digits).unwrap_or("");
        let value = u32::from_str_radix(code, radix).unwrap_or(0);
        rest = &rest[skip + code.len()..];
        match escape {
            'x' | '0'..='7' => bytes.push(value as u8),
            'u' | 'U' => bytes.extend(char::from_u32(value).unwrap_or('\u{fffd}').encode_utf8(&mut [0; 4]).as_bytes()),
            'a' => bytes.push(7),
            'b' => bytes.push(8),
            'f' => bytes.push(12),
            'n' => bytes.push(b'\n'),
            'r' => bytes.push(b'\r'),
            't' => bytes.push(b'\t'),
            'v' => bytes.push(11),
            other => bytes.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(unquote(r#""a\xc3\xa9\n\101\u00e9\\""#), b"a\xc3\xa9\nA\xc3\xa9\\");
        assert_eq!(unquote(r"`a\n`"), br"a\n");
    }

    #[test]
    fn comments_and_exponents_do_not_split_tokens_wrongly() {
        let texts: Vec<_> = tokenize("1e-5 +x # y\n!= 0x1e-3").unwrap().iter().map(|token| token.text).collect();
        assert_eq!(texts, ["1e-5", "+", "x", "!=", "0x1e", "-", "3"]);
    }
}
