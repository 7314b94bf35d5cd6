//! Reads a query: lines, or a metric of lines.

use super::filter::{LineFilter, read_text_test};
use super::lexer::Cursor;
use super::metric::{self, Metric};
use super::stages::Stage;
use super::{Lines, Matcher, ParseError};

/// The longest query that is read, in bytes.
const MAX_LENGTH: usize = 128 << 10;

/// A query.
#[derive(Debug, Clone)]
pub(crate) enum Query {
    Lines(Lines),
    Metric(Metric),
}

/// Reads a query.
///
/// # Errors
/// Where it is not right, what stands there, and what could.
pub(crate) fn parse(query: &str) -> Result<Query, ParseError> {
    if query.len() > MAX_LENGTH {
        return Err(ParseError::at(query, 0, format!("the query is longer than {MAX_LENGTH} bytes")));
    }
    let mut cursor = Cursor::new(query);
    if cursor.at_end() {
        return Err(cursor.error("syntax error: the query is empty; a selector looks like {service_name=\"api\"}"));
    }
    if cursor.peek() != Some('{') {
        return metric::read(query).map(Query::Metric);
    }
    let lines = read_lines(&mut cursor)?;
    if !cursor.at_end() {
        return Err(cursor.unexpected("a stage after \"|\", a line filter, or the end of the query"));
    }
    Ok(Query::Lines(lines))
}

fn read_lines(cursor: &mut Cursor<'_>) -> Result<Lines, ParseError> {
    let matchers = read_selector(cursor)?;
    Ok(Lines { matchers, stages: read_stages(cursor)? })
}

/// Reads the matchers in braces.
pub(crate) fn read_matchers(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut cursor = Cursor::new(text);
    let matchers = read_selector(&mut cursor)?;
    if cursor.at_end() { Ok(matchers) } else { Err(cursor.unexpected("the end of the selector")) }
}

/// Reads `{name="value", ...}`. At least one matcher must ask for something, as in Loki: `{}` would read everything by mistake.
pub(super) fn read_selector(cursor: &mut Cursor<'_>) -> Result<Vec<Matcher>, ParseError> {
    cursor.skip_space();
    let start = cursor.offset();
    cursor.expect("{")?;
    let mut matchers = Vec::new();
    while !cursor.take("}") {
        let name = cursor.name()?;
        let Some(test) = read_text_test(cursor)? else {
            return Err(cursor.unexpected("one of =, !=, =~, !~ and a text in quotes"));
        };
        matchers.push(Matcher { name, test });
        if !cursor.take(",") && cursor.peek() != Some('}') {
            return Err(cursor.unexpected("\",\" or \"}\""));
        }
    }
    if matchers.iter().all(|matcher| matcher.test.passes_empty()) {
        let reason = "queries require at least one regexp or equality matcher that does not have an empty-compatible value. \
                      For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";
        return Err(cursor.error_at(start, reason));
    }
    Ok(matchers)
}

/// Reads line filters and stages, up to what is neither.
pub(super) fn read_stages(cursor: &mut Cursor<'_>) -> Result<Vec<Stage>, ParseError> {
    let mut stages = Vec::new();
    loop {
        if let Some(filter) = LineFilter::read(cursor)? {
            stages.push(Stage::Line(filter));
            continue;
        }
        let before = cursor.clone();
        if !cursor.take("|") {
            return Ok(stages);
        }
        if cursor.clone().take_word("unwrap") {
            // That is for the range aggregation around.
            *cursor = before;
            return Ok(stages);
        }
        stages.push(Stage::read(cursor)?);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(query: &str) -> String {
        parse(query).unwrap_err().to_string()
    }

    #[test]
    fn a_query_of_lines_has_matchers_and_stages() {
        let query = r#"{job="api", env=~"prod|dev"} |= "a" != `b` | json | status >= 500 | line_format "{{.msg}}""#;
        let Query::Lines(lines) = parse(query).unwrap() else { panic!() };
        assert_eq!((lines.matchers.len(), lines.stages.len()), (2, 5));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (query, reason) in [
            ("", "the query is empty"),
            ("{}", "at least one regexp or equality matcher"),
            (r#"{a=~".*"}"#, "at least one"),
            (r#"{a="b"} | "#, "unexpected end of query, expected a label's name"),
            (r#"{a="b"} x"#, "line 1, col 9: syntax error: unexpected \"x\""),
            ("{a=\"b\"}\n| json\n| status >", "line 3, col 11"),
            (r#"{a="b" c="d"}"#, "expected \",\" or \"}\""),
            (r#"{a="b"} |~ "(""#, "unclosed group"),
            ("{a=b}", "expected one of ="),
        ] {
            let error = fails(query);
            assert!(error.contains(reason), "{query}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn words_of_the_language_in_any_order_are_read_or_refused(
            words in proptest::collection::vec(proptest::sample::select(vec![
                "{", "}", "a", "=", "\"b\"", "|", "|=", "json", "logfmt", "rate", "sum", "by", "(", ")", "[5m]", "unwrap", "5",
                "offset", "1m", "and", "or", ",", ">", "vector", "`x`", "#", "\n",
            ]), 0..24),
        ) {
            let _ = parse(&words.join(" "));
        }
    }
}
