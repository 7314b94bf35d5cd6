//! Text patterns with wildcards: `*` is any text, also none; `?` is one character; everything else is itself.

use std::fmt::{self, Write};

use crate::Value;

/// What names and values are compared with where a setting selects some of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Box<str>);

/// Bytes of a value that is not text, at most, when it is compared: a number has fewer.
const MAX_SHOWN: usize = 64;

impl Pattern {
    pub(crate) fn new(pattern: &str) -> Self {
        Self(pattern.into())
    }

    /// Whether the whole text matches. Linear for one `*`, at worst the product of both lengths.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (mut pattern, mut text) = (&*self.0, text);
        // Where to go on when what follows the last star does not fit: the star takes one character more.
        let mut retry = None;
        loop {
            let mut rest = pattern.chars();
            match (rest.next(), text.chars().next()) {
                (Some('*'), _) => {
                    pattern = rest.as_str();
                    retry = Some((pattern, text));
                    continue;
                }
                (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                    pattern = rest.as_str();
                    text = &text[found.len_utf8()..];
                    continue;
                }
                (None, None) => return true,
                _ => {}
            }
            let Some((after_star, from)) = retry else { return false };
            let Some(skipped) = from.chars().next() else { return false };
            pattern = after_star;
            text = &from[skipped.len_utf8()..];
            retry = Some((pattern, text));
        }
    }

    /// Whether the text of a value matches. Allocates nothing; what is no text and longer than any number does not match.
    pub(crate) fn matches_value(&self, value: Value<'_>) -> bool {
        if let Value::Str(text) = value {
            return self.matches(text);
        }
        let mut shown = Shown { bytes: [0; MAX_SHOWN], len: 0 };
        write!(shown, "{value}").is_ok()
            && std::str::from_utf8(&shown.bytes[..shown.len]).is_ok_and(|text| self.matches(text))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text on the stack; writing beyond its end is an error.
struct Shown {
    bytes: [u8; MAX_SHOWN],
    len: usize,
}

impl Write for Shown {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        let matches = |pattern: &str, text: &str| Pattern::new(pattern).matches(text);
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("GET /health*", "GET /healthz"),
            ("*health*", "GET /health/live"),
            ("a*b*c", "a-b-b-c"),
            ("?", "é"),
            ("a?c", "abc"),
            ("**", "x"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "x"), ("?", ""), ("a", "A"), ("health", "GET /health"), ("*b", "abc"), ("a*b*c", "a-c-b")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_number_is_compared_as_text() {
        assert!(Pattern::new("5??").matches_value(Value::Int(503)));
        assert!(Pattern::new("true").matches_value(Value::Bool(true)));
        assert!(!Pattern::new("5??").matches_value(Value::Int(5)));
        assert!(!Pattern::new("*").matches_value(Value::Bytes(&[0; 100])), "too long to be a number");
    }

    /// The definition, by recursion.
    fn by_definition(pattern: &[char], text: &[char]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            (['*', rest @ ..], _) => {
                by_definition(rest, text) || !text.is_empty() && by_definition(pattern, &text[1..])
            }
            (['?', rest @ ..], [_, text @ ..]) => by_definition(rest, text),
            ([wanted, rest @ ..], [found, text @ ..]) => wanted == found && by_definition(rest, text),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn the_loop_agrees_with_the_definition(pattern in "[ab*?é]{0,8}", text in "[abé]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::new(&pattern).matches(&text), by_definition(&chars(&pattern), &chars(&text)));
        }
    }
}
