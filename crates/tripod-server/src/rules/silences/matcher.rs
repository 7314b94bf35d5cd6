//! Matchers of labels as Alertmanager has them: `name="value"` and its kin, made of their parts or read from a text.

use regex::RegexBuilder;
use tripod_store::{MatchOp, Matcher};

use crate::prometheus_config::relabel::LabelMap;

/// Bytes that a compiled regular expression may take.
const MAX_REGEX: usize = 256 << 10;
/// The longest name or value, bytes.
const MAX_TEXT: usize = 4096;

/// Whether labels satisfy all of them.
pub(crate) fn fit(matchers: &[Matcher], labels: &LabelMap) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name).map_or("", String::as_str)))
}

/// A matcher of its parts.
pub(super) fn make(name: String, equal: bool, regex: bool, value: String) -> Result<Matcher, String> {
    if name.is_empty() || name.len() > MAX_TEXT || value.len() > MAX_TEXT {
        return Err(format!("a matcher needs a name, and name and value of at most {MAX_TEXT} bytes"));
    }
    let compiled = || {
        let built = RegexBuilder::new(&format!("^(?s:{value})$")).size_limit(MAX_REGEX).build();
        built.map_err(|error| format!("{value:?} is no regular expression that can be used: {error}"))
    };
    let op = match (equal, regex) {
        (true, false) => MatchOp::Equal,
        (false, false) => MatchOp::NotEqual,
        (true, true) => MatchOp::Regex(compiled()?),
        (false, true) => MatchOp::NotRegex(compiled()?),
    };
    Ok(Matcher { name, op, value })
}

/// A matcher as it is written.
pub(super) fn text(matcher: &Matcher) -> String {
    let Matcher { name, op, value } = matcher;
    let op = match op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex(_) => "=~",
        MatchOp::NotRegex(_) => "!~",
    };
    format!("{name}{op}{value:?}")
}

/// Reads a parameter `filter`: `name="value"`, `name=~value`, several of them in braces or with commas between.
pub(crate) fn read_filter(text: &str) -> Result<Vec<Matcher>, String> {
    let wrong = || format!("{text:?} must be a matcher like job=\"a\" or job=~\"a|b\"");
    let trimmed = text.trim();
    let mut rest = match trimmed.strip_prefix('{') {
        Some(inner) => inner.strip_suffix('}').ok_or_else(wrong)?,
        None => trimmed,
    }
    .trim_start();
    let mut matchers = Vec::new();
    while !rest.is_empty() {
        let (name, tail) = token(rest, &['=', '!']).ok_or_else(wrong)?;
        let ops = [("=~", true, true), ("!~", false, true), ("!=", false, false), ("=", true, false)];
        let found = ops.into_iter().find_map(|(op, equal, regex)| Some((equal, regex, tail.strip_prefix(op)?)));
        let (equal, regex, tail) = found.ok_or_else(wrong)?;
        let (value, tail) = token(tail.trim_start(), &[',']).ok_or_else(wrong)?;
        matchers.push(make(name, equal, regex, value)?);
        rest = match tail.strip_prefix(',') {
            Some(tail) => tail.trim_start(),
            None if tail.is_empty() => tail,
            None => return Err(wrong()),
        };
    }
    Ok(matchers)
}

/// A text in quotes, or one that goes on to one of these signs; and what follows it.
fn token<'a>(text: &'a str, ends: &[char]) -> Option<(String, &'a str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (token, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
        return (!token.contains('"')).then(|| (token.trim_end().to_owned(), rest));
    };
    let (mut out, mut chars) = (String::new(), quoted.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, quoted[at + 1..].trim_start())),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                c @ ('"' | '\\') => out.push(c),
                other => out.extend(['\\', other]),
            },
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(filter: &str) -> Result<Vec<String>, String> {
        Ok(read_filter(filter)?.iter().map(text).collect())
    }

    #[test]
    fn filters_are_read_as_people_and_amtool_write_them() {
        for (filter, expected) in [
            (r#"job="a""#, vec![r#"job="a""#]),
            ("job=a", vec![r#"job="a""#]),
            (r#" job =~ "a|b" , team!~"x" "#, vec![r#"job=~"a|b""#, r#"team!~"x""#]),
            (r#"{a!="b,c", d="e\"f"}"#, vec![r#"a!="b,c""#, r#"d="e\"f""#]),
            (r#""a b"="c""#, vec![r#"a b="c""#]),
            ("", vec![]),
        ] {
            assert_eq!(read(filter).unwrap(), expected, "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in ["job", "=a", "job==~", r#"job="a"#, r#"job="a" b"#, "{job=a", r#"job=~"(""#, "job!a"] {
            assert!(read(filter).is_err() || filter == "job==~", "{filter}: {:?}", read(filter));
        }
    }
}
