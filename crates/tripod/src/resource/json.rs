//! As much JSON as the detectors' files need: the texts and numbers of an object's first level. What lies deeper is passed over.

use std::iter::Peekable;
use std::str::Chars;

/// Names and values of an object; what is read before a mistake in the text stands.
pub(super) fn fields(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = text.chars().peekable();
    read_object(&mut rest, &mut out);
    out
}

fn read_object(rest: &mut Peekable<Chars<'_>>, out: &mut Vec<(String, String)>) -> Option<()> {
    skip_blank(rest);
    rest.next_if_eq(&'{')?;
    loop {
        skip_blank(rest);
        let name = read_text(rest)?;
        skip_blank(rest);
        rest.next_if_eq(&':')?;
        skip_blank(rest);
        match *rest.peek()? {
            '"' => out.push((name, read_text(rest)?)),
            '{' | '[' => skip_nested(rest)?,
            _ => {
                let mut value = String::new();
                while let Some(next) = rest.next_if(|next| !matches!(next, ',' | '}') && !next.is_whitespace()) {
                    value.push(next);
                }
                out.push((name, value));
            }
        }
        skip_blank(rest);
        rest.next_if_eq(&',')?;
    }
}

fn skip_blank(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|next| next.is_whitespace()).is_some() {}
}

/// Passes over a value in brackets; texts within may hold brackets of their own.
fn skip_nested(rest: &mut Peekable<Chars<'_>>) -> Option<()> {
    let mut depth = 0_u32;
    loop {
        match *rest.peek()? {
            '"' => {
                read_text(rest)?;
                continue;
            }
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        rest.next();
        if depth == 0 {
            return Some(());
        }
    }
}

fn read_text(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    rest.next_if_eq(&'"')?;
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => text.push(match rest.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let digits: String = rest.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?).unwrap_or(char::REPLACEMENT_CHARACTER)
                }
                other => other,
            }),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers_of_the_first_level_are_read_and_deeper_ones_passed_over() {
        let text = r#" { "a": "x\"\u00e9", "deep": {"b": "}", "c": [1, "]"]}, "n" : 12,"list":[],"last":"y" } "#;
        let pairs = [("a", "x\"é"), ("n", "12"), ("last", "y")];
        assert_eq!(fields(text), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_text_that_breaks_off_gives_what_came_before() {
        assert_eq!(fields(r#"{"a":"x","b":{"c""#), [("a".to_owned(), "x".to_owned())]);
        assert!(fields("").is_empty() && fields("[1]").is_empty() && fields(r#"{"a""#).is_empty());
    }
}
