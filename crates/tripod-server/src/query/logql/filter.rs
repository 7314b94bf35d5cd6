//! Filters: of lines (`|= "text"`, `|~ "regex"`, `|> "pattern"`), and of labels (`status >= 500 and method = "GET"`).

use regex::Regex;

use super::entry::Entry;
use super::lexer::Cursor;
use super::pattern::Pattern;
use super::{Matcher, ParseError, Test, units};

/// A filter of lines: passes when one of its tests does, or with `negated`, when none does.
#[derive(Debug, Clone)]
pub(crate) struct LineFilter {
    pub(crate) negated: bool,
    pub(crate) any: Vec<LineTest>,
}

/// What a line must have.
#[derive(Debug, Clone)]
pub(crate) enum LineTest {
    Contains(String),
    Matches(Regex),
    Pattern(Pattern),
}

impl LineFilter {
    /// Reads a filter of lines, if one comes next.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Option<Self>, ParseError> {
        let Some((operator, negated)) =
            [("|=", false), ("!=", true), ("|~", false), ("!~", true), ("|>", false), ("!>", true)]
                .into_iter()
                .find(|(operator, _)| cursor.take(operator))
        else {
            return Ok(None);
        };
        let mut any = Vec::new();
        loop {
            if cursor.peek() == Some('i') && cursor.take_word("ip") {
                return Err(cursor.error("ip() is not supported here; use |~ with a regular expression"));
            }
            let start = cursor.offset();
            let text = cursor.text()?;
            let wrong = |reason: String| cursor.error_at(start, reason);
            any.push(match &operator[1..] {
                "=" => LineTest::Contains(text),
                "~" => LineTest::Matches(tripod_store::body_regex(&text).map_err(|error| wrong(error.to_string()))?),
                _ => LineTest::Pattern(Pattern::of_filter(&text).map_err(wrong)?),
            });
            if !cursor.take_word("or") {
                return Ok(Some(Self { negated, any }));
            }
        }
    }

    pub(super) fn passes(&self, line: &str) -> bool {
        let passes = self.any.iter().any(|test| match test {
            LineTest::Contains(text) => line.contains(text.as_str()),
            LineTest::Matches(regex) => regex.is_match(line),
            LineTest::Pattern(pattern) => pattern.matches(line),
        });
        passes != self.negated
    }
}

/// A filter of labels.
#[derive(Debug, Clone)]
pub(crate) enum LabelFilter {
    Text(Matcher),
    Number { name: String, unit: Unit, comparison: Comparison, value: f64 },
    And(Box<LabelFilter>, Box<LabelFilter>),
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

/// How the text of a label is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Plain,
    Duration,
    Bytes,
}

/// How numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Unit {
    /// Reads a label's value.
    pub(super) fn read(self, text: &str) -> Option<f64> {
        match self {
            Self::Plain => text.parse().ok(),
            Self::Duration => units::duration(text),
            Self::Bytes => units::bytes(text).or_else(|| text.parse().ok()),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Plain => "a number",
            Self::Duration => "a duration like 1.5s",
            Self::Bytes => "a size like 10KB",
        }
    }
}

impl Comparison {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
        }
    }
}

/// So deep may parentheses go.
const MAX_DEPTH: usize = 32;

impl LabelFilter {
    /// Reads filters joined by `or`, the weakest.
    pub(super) fn read(cursor: &mut Cursor<'_>, depth: usize) -> Result<Self, ParseError> {
        let mut left = Self::read_and(cursor, depth)?;
        while cursor.take_word("or") {
            left = Self::Or(Box::new(left), Box::new(Self::read_and(cursor, depth)?));
        }
        Ok(left)
    }

    fn read_and(cursor: &mut Cursor<'_>, depth: usize) -> Result<Self, ParseError> {
        let mut left = Self::read_one(cursor, depth)?;
        loop {
            // A comma is an `and`; one filter after the other is one, too.
            let next = cursor.take(",") || cursor.take_word("and");
            if !next {
                return Ok(left);
            }
            left = Self::And(Box::new(left), Box::new(Self::read_one(cursor, depth)?));
        }
    }

    fn read_one(cursor: &mut Cursor<'_>, depth: usize) -> Result<Self, ParseError> {
        if cursor.take("(") {
            if depth >= MAX_DEPTH {
                return Err(cursor.error(format!("parentheses go deeper than {MAX_DEPTH}")));
            }
            let inner = Self::read(cursor, depth + 1)?;
            cursor.expect(")")?;
            return Ok(inner);
        }
        let name = cursor.name()?;
        let start = cursor.offset();
        if let Some(test) = read_text_test(cursor)? {
            return Ok(Self::Text(Matcher { name, test }));
        }
        let comparison = [
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            (">=", Comparison::GreaterEqual),
            ("<=", Comparison::LessEqual),
            (">", Comparison::Greater),
            ("<", Comparison::Less),
            ("=", Comparison::Equal),
        ];
        let Some((_, comparison)) = comparison.into_iter().find(|(operator, _)| cursor.take(operator)) else {
            return Err(cursor.unexpected("one of =, !=, =~, !~, ==, >, >=, <, <="));
        };
        let Some(number) = cursor.number_with_unit() else {
            return Err(cursor.unexpected("a number, a duration or a size"));
        };
        let units = [Unit::Plain, Unit::Duration, Unit::Bytes];
        let read = units.into_iter().find_map(|unit| {
            let value = if unit == Unit::Bytes { units::bytes(number) } else { unit.read(number) };
            Some((unit, value?))
        });
        let Some((unit, value)) = read else {
            return Err(cursor.error_at(start, format!("{number:?} is no number, duration or size")));
        };
        Ok(Self::Number { name, unit, comparison, value })
    }

    /// Whether a line passes. One whose label is no number passes with an error, so that nothing is lost silently.
    pub(super) fn passes(&self, entry: &mut Entry) -> bool {
        match self {
            Self::Text(matcher) => matcher.test.passes(entry.get(&matcher.name)),
            Self::Number { name, unit, comparison, value } => {
                let text = entry.get(name);
                if text.is_empty() {
                    return false;
                }
                if let Some(number) = unit.read(text) {
                    return comparison.holds(number, *value);
                }
                let details = format!("label {name}: {text:?} is not {}", unit.expected());
                entry.fail("LabelFilterErr", &details);
                true
            }
            Self::And(left, right) => left.passes(entry) && right.passes(entry),
            Self::Or(left, right) => left.passes(entry) || right.passes(entry),
        }
    }
}

/// `="text"`, `!="text"`, `=~"regex"`, `!~"regex"`, if that comes next.
pub(super) fn read_text_test(cursor: &mut Cursor<'_>) -> Result<Option<Test>, ParseError> {
    let before = cursor.clone();
    let operators = ["=~", "!~", "!=", "="];
    let Some(operator) = operators.into_iter().find(|operator| cursor.take(operator)) else { return Ok(None) };
    let start = cursor.offset();
    if !matches!(cursor.peek(), Some('"' | '`')) {
        *cursor = before;
        return Ok(None);
    }
    let text = cursor.text()?;
    let regex = |text: &str| {
        let anchored = format!("^(?s:{text})$");
        tripod_store::body_regex(&anchored).map_err(|error| cursor.error_at(start, error.to_string()))
    };
    Ok(Some(match operator {
        "=" => Test::Equal(text),
        "!=" => Test::NotEqual(text),
        "=~" => Test::Regex(regex(&text)?),
        _ => Test::NotRegex(regex(&text)?),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(filter: &str, labels: &[(&str, &str)]) -> bool {
        let mut entry = Entry::new(0, String::new(), &[]);
        labels.iter().for_each(|(name, value)| entry.set(name, value));
        LabelFilter::read(&mut Cursor::new(filter), 0).unwrap().passes(&mut entry)
    }

    #[test]
    fn label_filters_compare_texts_numbers_durations_and_sizes() {
        let labels = [("status", "503"), ("took", "250ms"), ("size", "3KB"), ("method", "GET")];
        for (filter, expected) in [
            ("status >= 500", true),
            ("status == 503 and method = \"POST\"", false),
            ("status < 500 or method =~ \"G.*\"", true),
            ("took > 200ms, took < 1s", true),
            ("size > 2.5KB", true),
            ("(status = 200 or status = 503) and took >= 0.3s", false),
            ("missing > 1", false),
            ("missing = \"\"", true),
            ("method !~ \"GE\"", true),
        ] {
            assert_eq!(passes(filter, &labels), expected, "{filter}");
        }
    }

    #[test]
    fn a_label_that_is_no_number_passes_with_an_error() {
        let mut entry = Entry::new(0, String::new(), &[]);
        entry.set("status", "abc");
        assert!(LabelFilter::read(&mut Cursor::new("status > 1"), 0).unwrap().passes(&mut entry));
        assert_eq!(entry.get("__error__"), "LabelFilterErr");
    }

    #[test]
    fn line_filters_have_alternatives() {
        for (filter, line, expected) in [
            (r#"|= "a" or "b""#, "xbx", true),
            (r#"!= "a" or "b""#, "xbx", false),
            (r#"|~ "^a.c$""#, "abc", true),
            (r#"|> "<_>took <_>ms""#, "it took 5ms", true),
        ] {
            let read = LineFilter::read(&mut Cursor::new(filter)).unwrap().unwrap();
            assert_eq!(read.passes(line), expected, "{filter}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_filter_is_said() {
        for (filter, reason) in [
            ("status >", "expected a number"),
            ("status ~ 1", "expected one of ="),
            ("status > 5parsecs", "no number, duration or size"),
            ("(a = \"b\"", "expected \")\""),
        ] {
            let error = LabelFilter::read(&mut Cursor::new(filter), 0).unwrap_err().to_string();
            assert!(error.contains(reason), "{filter}: {error}");
        }
    }
}
