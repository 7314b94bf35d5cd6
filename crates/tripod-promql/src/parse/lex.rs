//! A query cut into tokens with their places. Comments and space are left out.

use crate::duration::parse_duration;
use crate::error::QueryError;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum TokenKind {
    /// Name or keyword.
    Name,
    /// A number.
    Number(f64),
    /// A duration such as `1h30m`, in seconds.
    Duration(f64),
    /// Quoted text, quotes included.
    Text,
    /// An operator or bracket.
    Symbol,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'q> {
    pub(super) kind: TokenKind,
    pub(super) text: &'q str,
    pub(super) offset: usize,
}

impl Token<'_> {
    /// Whether it is this symbol, or this keyword in any case.
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, TokenKind::Name | TokenKind::Symbol) && self.text.eq_ignore_ascii_case(text)
    }

    pub(super) fn end(&self) -> usize {
        self.offset + self.text.len()
    }
}

/// Symbols of two characters, then those of one.
const DOUBLE: [&str; 8] = ["==", "!=", ">=", "<=", "=~", "!~", "</", ">/"];
const SINGLE: &str = "+-*/%^()[]{}<>=,@:";

/// Cuts a query into tokens.
pub(super) fn tokenize(query: &str) -> Result<Vec<Token<'_>>, QueryError> {
    let mut tokens = Vec::new();
    let mut rest = query;
    // Within brackets a colon separates range and step; elsewhere it may be part of a name.
    let mut brackets = 0_usize;
    loop {
        rest = skip_blank(rest);
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let offset = query.len() - rest.len();
        let starts_number =
            first.is_ascii_digit() || first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit());
        let (kind, length) = if matches!(first, '"' | '\'' | '`') {
            let length = text_length(rest, first)
                .ok_or_else(|| QueryError::parse(query, offset, format!("string is not closed: {first} is missing")))?;
            (TokenKind::Text, length)
        } else if starts_number {
            let length = number_length(rest);
            let kind = number_or_duration(&rest[..length]).ok_or_else(|| {
                QueryError::parse(query, offset, format!("bad number or duration syntax: {:?}", &rest[..length]))
            })?;
            (kind, length)
        } else if first.is_ascii_alphabetic() || first == '_' || first == ':' && brackets == 0 {
            let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':' && brackets == 0;
            let length = rest.find(|c| !in_name(c)).unwrap_or(rest.len());
            let kind = match rest[..length].to_ascii_lowercase().as_str() {
                "inf" => TokenKind::Number(f64::INFINITY),
                "nan" => TokenKind::Number(f64::NAN),
                _ => TokenKind::Name,
            };
            (kind, length)
        } else if DOUBLE.iter().any(|symbol| rest.starts_with(symbol)) {
            (TokenKind::Symbol, 2)
        } else if SINGLE.contains(first) || first == '.' {
            match first {
                '[' => brackets += 1,
                ']' => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            (TokenKind::Symbol, 1)
        } else {
            return Err(QueryError::parse(query, offset, format!("unexpected character: {first:?}")));
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

fn closing(open: &str) -> &'static str {
    match open {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

fn skip_blank(mut rest: &str) -> &str {
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
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
            '\n' if quote != '`' => return None,
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
    let exponent = if hex { b'p' } else { b'e' };
    let mut before = ' ';
    for (at, c) in rest.char_indices() {
        let exponent_sign = (c == '+' || c == '-') && before.eq_ignore_ascii_case(&char::from(exponent));
        if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || exponent_sign) {
            return at;
        }
        before = c;
    }
    rest.len()
}

/// Reads `1e3`, `0x1F`, `010` (octal), `1_000`, `5m`, `1h30m`.
fn number_or_duration(text: &str) -> Option<TokenKind> {
    if let Some(value) = number(text) {
        return Some(TokenKind::Number(value));
    }
    parse_duration(text).map(|milliseconds| TokenKind::Duration(milliseconds as f64 / 1000.0))
}

fn number(text: &str) -> Option<f64> {
    let digits = without_separators(text)?;
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        return hexadecimal(hex);
    }
    let octal = digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if octal && let Ok(value) = i64::from_str_radix(&digits, 8) {
        return Some(value as f64);
    }
    // What Rust reads as a number beyond that are names.
    digits
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        .then(|| digits.parse().ok())?
}

/// The text without the underscores between its digits.
fn without_separators(text: &str) -> Option<String> {
    let separated = |at: usize| {
        let digit =
            |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_alphanumeric);
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let valid = text.bytes().enumerate().all(|(at, byte)| byte != b'_' || separated(at));
    valid.then(|| text.replace('_', ""))
}

/// Hexadecimal integers, and fractions with a binary exponent.
fn hexadecimal(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['p', 'P']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None if text.contains('.') => return None,
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let fraction_bits = 4 * i32::try_from(fraction.len()).ok()?;
    Some(value * f64::from(exponent.checked_sub(fraction_bits)?).exp2())
}

/// The bytes that a quoted text stands for, or what is wrong with it.
pub(super) fn unquote(token: &str) -> Result<Vec<u8>, String> {
    let inner = token.get(1..token.len() - 1).unwrap_or("");
    if token.starts_with('`') {
        return Ok(inner.as_bytes().to_vec());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == '\\' {
            rest = escape(rest, &mut bytes)?;
        } else {
            bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Ok(bytes)
}

/// Reads what follows a backslash; gives what is left.
fn escape<'t>(rest: &'t str, bytes: &mut Vec<u8>) -> Result<&'t str, String> {
    let Some(kind) = rest.chars().next() else { return Err("a backslash ends the string".to_owned()) };
    let (digits, radix, skip) = match kind {
        'x' => (2, 16, 1),
        'u' => (4, 16, 1),
        'U' => (8, 16, 1),
        '0'..='7' => (3, 8, 0),
        _ => {
            bytes.push(match kind {
                'a' => 7,
                'b' => 8,
                'f' => 12,
                'n' => b'\n',
                'r' => b'\r',
                't' => b'\t',
                'v' => 11,
                '\\' | '"' | '\'' => kind as u8,
                other => return Err(format!("unknown escape sequence \\{other}")),
            });
            return Ok(&rest[kind.len_utf8()..]);
        }
    };
    let code = rest.get(skip..skip + digits).and_then(|code| u32::from_str_radix(code, radix).ok());
    let code = code.ok_or_else(|| format!("escape sequence \\{kind} needs {digits} digits"))?;
    if matches!(kind, 'u' | 'U') {
        let character = char::from_u32(code).ok_or_else(|| format!("{code:#x} is no Unicode character"))?;
        bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        bytes.push(u8::try_from(code).map_err(|_| format!("escape sequence \\{code:o} is no byte"))?);
    }
    Ok(&rest[skip + digits..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_bytes() {
        assert_eq!(unquote(r#""a\xc3\xa9\n\101\u00e9\\""#).unwrap(), b"a\xc3\xa9\nA\xc3\xa9\\");
        assert_eq!(unquote(r"`a\n`").unwrap(), br"a\n");
        assert!(unquote(r#""\q""#).is_err() && unquote(r#""\xg1""#).is_err() && unquote(r#""\777""#).is_err());
    }

    #[test]
    fn comments_and_exponents_do_not_split_tokens_wrongly() {
        let texts: Vec<_> = tokenize("1e-5 +x # y\n!= 0x1e-3").unwrap().iter().map(|token| token.text).collect();
        assert_eq!(texts, ["1e-5", "+", "x", "!=", "0x1e", "-", "3"]);
    }

    #[test]
    fn numbers_are_read_in_every_notation() {
        for (text, wanted) in [("1_000", 1000.0), ("0x1F", 31.0), ("010", 8.0), ("08", 8.0), (".5", 0.5), ("1.", 1.0)] {
            assert_eq!(number_or_duration(text), Some(TokenKind::Number(wanted)), "{text}");
        }
        assert_eq!(number_or_duration("0x1p-2"), Some(TokenKind::Number(0.25)));
        assert_eq!(number_or_duration("1h30m"), Some(TokenKind::Duration(5400.0)));
        for bad in ["1m1h", "1__0", "1_", "5x", "0x", "1e", "5mm", "99999999999999y"] {
            assert_eq!(number_or_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_colon_is_part_of_a_name_but_not_within_brackets() {
        let texts: Vec<_> = tokenize("a:b[5m:1m]").unwrap().iter().map(|token| token.text).collect();
        assert_eq!(texts, ["a:b", "[", "5m", ":", "1m", "]"]);
    }
}
