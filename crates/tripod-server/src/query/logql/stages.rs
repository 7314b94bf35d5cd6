//! The stages of a query: each filters lines, finds labels in them, or rewrites them.

use regex::Regex;
use serde_json::Value;

use super::entry::{Entry, Label, label_name};
use super::filter::{LabelFilter, LineFilter, read_text_test};
use super::lexer::Cursor;
use super::paths::Path;
use super::pattern::Pattern;
use super::template::Template;
use super::{Matcher, ParseError};

/// A stage.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    Line(LineFilter),
    Label(LabelFilter),
    /// Labels from JSON: all of it, or what stands at the paths.
    Json(Vec<(String, Path)>),
    /// Labels from `key=value`: all, or those named.
    Logfmt {
        keep_empty: bool,
        strict: bool,
        only: Vec<(String, String)>,
    },
    Regexp(Regex),
    Pattern(Pattern),
    /// What Promtail's `pack` made: labels and the line within JSON.
    Unpack,
    LineFormat(Template),
    LabelFormat(Vec<(String, Format)>),
    /// Labels taken away, those with the value alone where there is one.
    Drop(Vec<(String, Option<Matcher>)>),
    /// All others taken away.
    Keep(Vec<(String, Option<Matcher>)>),
    /// Colours of terminals taken out of the line.
    Decolorize,
}

/// What a label is set to.
#[derive(Debug, Clone)]
pub(crate) enum Format {
    /// The value of another label, which goes.
    Rename(String),
    Template(Template),
}

impl Stage {
    /// Reads what follows a `|`.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        let before = cursor.clone();
        let word = cursor.word().unwrap_or_default();
        let stage = match word {
            "json" => Self::Json(read_assignments(cursor, Path::read)?),
            "logfmt" => {
                let (mut strict, mut keep_empty) = (false, false);
                loop {
                    if cursor.take("--strict") {
                        strict = true;
                    } else if cursor.take("--keep-empty") {
                        keep_empty = true;
                    } else {
                        break;
                    }
                }
                let only = read_assignments(cursor, |text| Ok(text.to_owned()))?;
                Self::Logfmt { keep_empty, strict, only }
            }
            "regexp" => Self::Regexp(read_regexp(cursor)?),
            "pattern" => {
                cursor.skip_space();
                let start = cursor.offset();
                let text = cursor.text()?;
                Self::Pattern(Pattern::of_parser(&text).map_err(|reason| cursor.error_at(start, reason))?)
            }
            "unpack" => Self::Unpack,
            "decolorize" => Self::Decolorize,
            "line_format" => Self::LineFormat(read_template(cursor)?),
            "label_format" => Self::LabelFormat(read_label_formats(cursor)?),
            "drop" => Self::Drop(read_label_list(cursor)?),
            "keep" => Self::Keep(read_label_list(cursor)?),
            _ => {
                // Not the name of a stage: the name of a label.
                *cursor = before;
                return LabelFilter::read(cursor, 0).map(Self::Label);
            }
        };
        Ok(stage)
    }

    /// Takes a line through; whether it stays.
    fn apply(&self, entry: &mut Entry) -> bool {
        match self {
            Self::Line(filter) => return filter.passes(&entry.line),
            Self::Label(filter) => return filter.passes(entry),
            Self::Json(paths) => json(entry, paths),
            Self::Logfmt { keep_empty, strict, only } => logfmt(entry, *keep_empty, *strict, only),
            Self::Regexp(regex) => regexp(entry, regex),
            Self::Pattern(pattern) => {
                let line = entry.line.clone();
                pattern.captures(&line, |name, value| entry.extract(name, value));
            }
            Self::Unpack => unpack(entry),
            Self::LineFormat(template) => entry.line = template.render(entry),
            Self::LabelFormat(formats) => {
                for (name, format) in formats {
                    let value = match format {
                        Format::Rename(from) => {
                            let value = entry.get(from).to_owned();
                            entry.set(from, "");
                            value
                        }
                        Format::Template(template) => template.render(entry),
                    };
                    entry.set(name, &value);
                }
            }
            Self::Drop(list) => entry.retain(|label| !is_listed(list, label)),
            Self::Keep(list) => {
                entry.retain(|label| label.name.starts_with("__") || is_listed(list, label));
            }
            Self::Decolorize => entry.line = without_colours(&entry.line),
        }
        true
    }
}

/// Takes a line through all stages; whether it stays.
pub(crate) fn run(stages: &[Stage], entry: &mut Entry) -> bool {
    stages.iter().all(|stage| stage.apply(entry))
}

fn is_listed(list: &[(String, Option<Matcher>)], label: &Label) -> bool {
    list.iter().any(|(name, matcher)| {
        **name == *label.name && matcher.as_ref().is_none_or(|matcher| matcher.test.passes(&label.value))
    })
}

/// `a="x", b, c="y"`: names and what is written for them; a name alone stands for itself.
fn read_assignments<T>(
    cursor: &mut Cursor<'_>,
    read: impl Fn(&str) -> Result<T, ParseError>,
) -> Result<Vec<(String, T)>, ParseError> {
    let mut list = Vec::new();
    loop {
        if !cursor.peek().is_some_and(|c| c.is_ascii_alphabetic() || c == '_') {
            return Ok(list);
        }
        let name = cursor.name()?;
        let start = cursor.offset();
        let text = if cursor.take("=") { cursor.text()? } else { name.clone() };
        let value = read(&text).map_err(|error| cursor.error_at(start, format!("in {text:?}: {}", error.reason)))?;
        list.push((name, value));
        if !cursor.take(",") {
            return Ok(list);
        }
    }
}

fn read_regexp(cursor: &mut Cursor<'_>) -> Result<Regex, ParseError> {
    cursor.skip_space();
    let start = cursor.offset();
    let text = cursor.text()?;
    let regex = tripod_store::body_regex(&text).map_err(|error| cursor.error_at(start, error.to_string()))?;
    if regex.capture_names().flatten().next().is_none() {
        return Err(cursor.error_at(start, "the regular expression has no named group like (?P<name>...)"));
    }
    Ok(regex)
}

fn read_template(cursor: &mut Cursor<'_>) -> Result<Template, ParseError> {
    cursor.skip_space();
    let start = cursor.offset();
    let text = cursor.text()?;
    Template::read(&text).map_err(|reason| cursor.error_at(start, format!("invalid template: {reason}")))
}

fn read_label_formats(cursor: &mut Cursor<'_>) -> Result<Vec<(String, Format)>, ParseError> {
    let mut list = Vec::new();
    loop {
        let name = cursor.name()?;
        cursor.expect("=")?;
        let format = match cursor.peek() {
            Some('"' | '`') => Format::Template(read_template(cursor)?),
            _ => Format::Rename(cursor.name()?),
        };
        list.push((name, format));
        if !cursor.take(",") {
            return Ok(list);
        }
    }
}

fn read_label_list(cursor: &mut Cursor<'_>) -> Result<Vec<(String, Option<Matcher>)>, ParseError> {
    let mut list = Vec::new();
    loop {
        let name = cursor.name()?;
        let test = read_text_test(cursor)?;
        list.push((name.clone(), test.map(|test| Matcher { name, test })));
        if !cursor.take(",") {
            return Ok(list);
        }
    }
}

fn json(entry: &mut Entry, paths: &[(String, Path)]) {
    let value: Value = match serde_json::from_str(&entry.line) {
        Ok(value @ Value::Object(_)) => value,
        Ok(_) => return entry.fail("JSONParserErr", "the line is JSON, but no object"),
        Err(error) => return entry.fail("JSONParserErr", &error.to_string()),
    };
    if paths.is_empty() {
        return flatten(entry, "", &value);
    }
    for (name, path) in paths {
        let found = path.find(&value).map(text_of).unwrap_or_default();
        entry.extract(name, &found);
    }
}

/// Labels of all that stands in an object; the names of nested ones are joined by `_`, arrays are left out.
fn flatten(entry: &mut Entry, name: &str, value: &Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let key = label_name(key);
                let inner = if name.is_empty() { key } else { format!("{name}_{key}") };
                flatten(entry, &inner, value);
            }
        }
        Value::Array(_) => {}
        value => entry.extract(name, &text_of(value)),
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn logfmt(entry: &mut Entry, keep_empty: bool, strict: bool, only: &[(String, String)]) {
    let line = entry.line.clone();
    let mut found = Vec::new();
    let whole = pairs(&line, |key, value| found.push((key, value)));
    if let Err(reason) = whole
        && strict
    {
        return entry.fail("LogfmtParserErr", &reason);
    }
    if only.is_empty() {
        for (key, value) in found {
            if keep_empty || !value.is_empty() {
                entry.extract(&label_name(key), &value);
            }
        }
        return;
    }
    for (name, key) in only {
        let value = found.iter().find(|(found, _)| found == key).map_or("", |(_, value)| value);
        entry.extract(name, value);
    }
}

/// Calls `found` with each `key=value` and `key="value"` of a line. What is malformed is stepped over, and is the error at the end.
pub(crate) fn pairs<'l>(line: &'l str, mut found: impl FnMut(&'l str, String)) -> Result<(), String> {
    let mut result = Ok(());
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let key = &rest[..end];
        let Some(tail) = rest[end..].strip_prefix('=') else {
            if !key.is_empty() {
                found(key, String::new());
            }
            rest = rest[end..].trim_start();
            continue;
        };
        let (value, tail) = if let Some(quoted) = tail.strip_prefix('"') {
            unquote(quoted).unwrap_or_else(|| {
                result = std::mem::replace(&mut result, Ok(())).and(Err(format!("the quote of {key:?} is not closed")));
                (quoted.to_owned(), "")
            })
        } else {
            let end = tail.find(char::is_whitespace).unwrap_or(tail.len());
            (tail[..end].to_owned(), &tail[end..])
        };
        if key.is_empty() || key.contains('"') {
            result = result.and(Err(format!("unexpected {:?}", rest.chars().next().unwrap_or('='))));
        } else {
            found(key, value);
        }
        rest = tail.trim_start();
    }
    result
}

/// What stands before the closing quote, without its escapes, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'r' => value.push('\r'),
                other => value.push(other),
            },
            c => value.push(c),
        }
    }
    None
}

fn regexp(entry: &mut Entry, regex: &Regex) {
    let line = entry.line.clone();
    let Some(captures) = regex.captures(&line) else { return };
    for name in regex.capture_names().flatten() {
        if let Some(found) = captures.name(name) {
            entry.extract(name, found.as_str());
        }
    }
}

fn unpack(entry: &mut Entry) {
    let object = match serde_json::from_str(&entry.line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return entry.fail("JSONParserErr", "the line is JSON, but no object"),
        Err(error) => return entry.fail("JSONParserErr", &error.to_string()),
    };
    for (key, value) in object {
        let Value::String(text) = value else { continue };
        if key == "_entry" {
            entry.line = text;
        } else {
            entry.extract(&label_name(&key), &text);
        }
    }
}

/// A line without the sequences that colour it in a terminal (`ESC [ … m`).
fn without_colours(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let tail = &rest[at + 2..];
        let end = tail.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(tail.len());
        rest = tail[end..].strip_prefix(|c: char| c.is_ascii_alphabetic()).unwrap_or(&tail[end..]);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::logql::{Query, parse};

    /// The labels (or `None` when the line is filtered out) and the line after a query's stages.
    fn through(query: &str, line: &str) -> Option<(String, String)> {
        let Query::Lines(lines) = parse(query).unwrap() else { panic!("no query of lines: {query}") };
        let mut entry = Entry::new(0, line.to_owned(), &[]);
        entry.add_metadata("job".into(), "api".into());
        run(&lines.stages, &mut entry).then(|| {
            let labels: Vec<_> = entry.labels().iter().map(|label| format!("{}={}", label.name, label.value)).collect();
            (labels.join(" "), entry.line.clone())
        })
    }

    fn labels(query: &str, line: &str) -> String {
        through(query, line).map_or_else(|| "filtered".to_owned(), |(labels, _)| labels)
    }

    #[test]
    fn json_becomes_labels() {
        let line = r#"{"a":{"b":1,"c-d":true},"list":[1],"job":"x","n":null}"#;
        assert_eq!(labels(r#"{x="y"} | json"#, line), "job=api a_b=1 a_c_d=true job_extracted=x n=");
        assert_eq!(
            labels(r#"{x="y"} | json first="list[0]", b="a.b", a"#, line),
            r#"job=api first=1 b=1 a={"b":1,"c-d":true}"#
        );
        assert!(labels(r#"{x="y"} | json"#, "no json").contains("__error__=JSONParserErr"));
        assert_eq!(labels(r#"{x="y"} | json | __error__="""#, "no json"), "filtered");
    }

    #[test]
    fn logfmt_becomes_labels() {
        let line = r#"level=info msg="it \"said\" so" took=5ms flag empty="#;
        assert_eq!(labels(r#"{x="y"} | logfmt"#, line), r#"job=api level=info msg=it "said" so took=5ms"#);
        assert_eq!(labels(r#"{x="y"} | logfmt --keep-empty"#, "flag a="), "job=api flag= a=");
        assert_eq!(labels(r#"{x="y"} | logfmt l="level" | took > 1s"#, line), "filtered");
        assert_eq!(labels(r#"{x="y"} | logfmt lvl="level", took"#, line), "job=api lvl=info took=5ms");
        assert!(labels(r#"{x="y"} | logfmt --strict"#, r#"a="open"#).contains("LogfmtParserErr"));
    }

    #[test]
    fn other_parsers_find_labels_too() {
        assert_eq!(
            labels(r#"{x="y"} | regexp "(?P<method>\\w+) (?P<path>\\S+)""#, "GET /a"),
            "job=api method=GET path=/a"
        );
        assert_eq!(labels(r#"{x="y"} | pattern "<method> <path>""#, "GET /a"), "job=api method=GET path=/a");
        let packed = r#"{"pod":"p1","n":3,"_entry":"the line"}"#;
        assert_eq!(through(r#"{x="y"} | unpack"#, packed), Some(("job=api pod=p1".to_owned(), "the line".to_owned())));
    }

    #[test]
    fn lines_and_labels_are_rewritten() {
        let said =
            through(r#"{x="y"} | logfmt | line_format "{{.job}}: {{.a}}" | label_format b=a, c="<{{.job}}>""#, "a=1");
        assert_eq!(said, Some(("job=api b=1 c=<api>".to_owned(), "api: 1".to_owned())));
        assert_eq!(labels(r#"{x="y"} | logfmt | drop a, b="2""#, "a=1 b=1 c=1"), "job=api b=1 c=1");
        assert_eq!(labels(r#"{x="y"} | logfmt | keep a"#, "a=1 b=1"), "a=1");
        let coloured = through(r#"{x="y"} | decolorize"#, "\u{1b}[1;31mred\u{1b}[0m \u{1b}[");
        assert_eq!(coloured.unwrap().1, "red ");
    }

    proptest::proptest! {
        #[test]
        fn no_line_breaks_a_parser(line in ".*") {
            for query in [r#"{x="y"} | json"#, r#"{x="y"} | logfmt --strict"#, r#"{x="y"} | unpack | decolorize"#] {
                let Query::Lines(lines) = parse(query).unwrap() else { unreachable!() };
                let mut entry = Entry::new(0, line.clone(), &[]);
                run(&lines.stages, &mut entry);
            }
        }
    }
}
