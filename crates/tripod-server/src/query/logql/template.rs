//! Templates of `line_format` and `label_format`: `{{.method}} took {{.took | ToUpper}}`. Labels, the line, its time, and functions on
//! texts in a pipeline; what Go's templates have besides (conditions, loops) is refused with a word.

use super::entry::Entry;
use crate::query::time;

/// A template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A value and the functions it goes through.
    Pipeline(Value, Vec<Function>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Label(String),
    Text(String),
    Line,
    Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Function {
    Lower,
    Upper,
    Title,
    Trim,
    TrimPrefix(String),
    TrimSuffix(String),
    Replace(String, String),
    Default(String),
    Truncate(i64),
}

/// The functions, for the error that names them.
const FUNCTIONS: &str = "lower, upper, title, trim, trimPrefix, trimSuffix, replace, default, trunc";

impl Template {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, tail)) = rest.split_once("{{") {
            let (inner, after) = tail.split_once("}}").ok_or("a {{ is not closed")?;
            let (trim_left, inner) = inner.strip_prefix("- ").map_or((false, inner), |inner| (true, inner));
            let (trim_right, inner) = inner.strip_suffix(" -").map_or((false, inner), |inner| (true, inner));
            let before = if trim_left { before.trim_end() } else { before };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(pipeline(inner)?);
            rest = if trim_right { after.trim_start() } else { after };
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    pub(super) fn render(&self, entry: &Entry) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Pipeline(value, functions) => {
                    let value = match value {
                        Value::Label(name) => entry.get(name).to_owned(),
                        Value::Text(text) => text.clone(),
                        Value::Line => entry.line.clone(),
                        Value::Timestamp => time::format_rfc3339(entry.time),
                    };
                    out.push_str(&functions.iter().fold(value, |value, function| function.apply(value)));
                }
            }
        }
        out
    }
}

impl Function {
    fn apply(&self, text: String) -> String {
        match self {
            Self::Lower => text.to_lowercase(),
            Self::Upper => text.to_uppercase(),
            Self::Title => {
                let mut start = true;
                let capital = |c: char| {
                    let first = std::mem::replace(&mut start, c.is_whitespace());
                    if first { c.to_uppercase().collect::<String>() } else { c.to_string() }
                };
                text.chars().map(capital).collect()
            }
            Self::Trim => text.trim().to_owned(),
            Self::TrimPrefix(prefix) => text.strip_prefix(prefix.as_str()).unwrap_or(&text).to_owned(),
            Self::TrimSuffix(suffix) => text.strip_suffix(suffix.as_str()).unwrap_or(&text).to_owned(),
            Self::Replace(from, to) if !from.is_empty() => text.replace(from.as_str(), to),
            Self::Replace(..) => text,
            Self::Default(other) => {
                if text.is_empty() {
                    other.clone()
                } else {
                    text
                }
            }
            // From the end when negative.
            Self::Truncate(length) => {
                let wanted = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
                let count = text.chars().count();
                if *length < 0 {
                    text.chars().skip(count.saturating_sub(wanted)).collect()
                } else {
                    text.chars().take(wanted).collect()
                }
            }
        }
    }
}

fn pipeline(text: &str) -> Result<Part, String> {
    let mut commands = commands(text)?.into_iter();
    let first = commands.next().filter(|words| !words.is_empty()).ok_or("{{ }} is empty")?;
    let mut functions = Vec::new();
    let value = match first.as_slice() {
        [word] => value(word)?,
        // `lower .label`: the value is the last argument.
        [words @ .., last] => {
            functions.push(function(words)?);
            value(last)?
        }
        [] => return Err("{{ }} is empty".to_owned()),
    };
    for words in commands {
        functions.push(function(&words)?);
    }
    Ok(Part::Pipeline(value, functions))
}

/// A word of a command: a name, or a text that was quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Name(String),
    Text(String),
}

/// The words between `|` and `|`.
fn commands(text: &str) -> Result<Vec<Vec<Word>>, String> {
    let mut all = vec![Vec::new()];
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        let last = all.len() - 1;
        if c == '|' {
            all.push(Vec::new());
            rest = &rest[1..];
        } else if c == '"' || c == '`' {
            let end = rest[1..].find(c).ok_or("a quote is not closed")?;
            all[last].push(Word::Text(rest[1..=end].to_owned()));
            rest = &rest[end + 2..];
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || c == '|').unwrap_or(rest.len());
            all[last].push(Word::Name(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(all)
}

fn value(word: &Word) -> Result<Value, String> {
    match word {
        Word::Text(text) => Ok(Value::Text(text.clone())),
        Word::Name(name) => match name.as_str() {
            "__line__" => Ok(Value::Line),
            "__timestamp__" => Ok(Value::Timestamp),
            name => match name.strip_prefix('.') {
                Some(label) if !label.is_empty() => Ok(Value::Label(label.to_owned())),
                _ => {
                    Err(format!("{name:?} is not supported here: a label is written .name; functions are {FUNCTIONS}"))
                }
            },
        },
    }
}

fn function(words: &[Word]) -> Result<Function, String> {
    let Some((Word::Name(name), arguments)) = words.split_first() else {
        return Err("a pipeline goes on with a function's name".to_owned());
    };
    let argument = |at: usize| match arguments.get(at) {
        Some(Word::Text(text) | Word::Name(text)) => Ok(text.clone()),
        None => Err(format!("the function {name} needs {} argument(s)", at + 1)),
    };
    Ok(match name.as_str() {
        "lower" | "ToLower" => Function::Lower,
        "upper" | "ToUpper" => Function::Upper,
        "title" => Function::Title,
        "trim" | "TrimSpace" => Function::Trim,
        "trimPrefix" | "TrimPrefix" => Function::TrimPrefix(argument(0)?),
        "trimSuffix" | "TrimSuffix" => Function::TrimSuffix(argument(0)?),
        "replace" => Function::Replace(argument(0)?, argument(1)?),
        "default" => Function::Default(argument(0)?),
        "trunc" => {
            let length = argument(0)?;
            Function::Truncate(length.parse().map_err(|_| format!("{length:?} is no whole number"))?)
        }
        other => return Err(format!("there is no function {other:?} here; there are {FUNCTIONS}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str) -> String {
        let mut entry = Entry::new(1_700_000_000_000_000_000, "the line".to_owned(), &[]);
        entry.set("method", "get");
        entry.set("path", "/a/b");
        Template::read(template).unwrap().render(&entry)
    }

    #[test]
    fn labels_the_line_and_functions_are_put_in() {
        for (template, expected) in [
            ("{{.method}} {{ .path }}", "get /a/b"),
            ("{{ .method | ToUpper }}: {{__line__ | title}}", "GET: The Line"),
            (r#"{{ .path | replace "/" "_" | trunc 2 }}|{{ .none | default "-" }}"#, "_a|-"),
            (r#"{{ lower .method }}{{ trimPrefix "/a" .path }}"#, "get/b"),
            ("a {{- .method -}} b", "agetb"),
            ("{{ __timestamp__ }}", "2023-11-14T22:13:20.000000000Z"),
            ("{{ .path | trunc -1 }}", "b"),
        ] {
            assert_eq!(rendered(template), expected, "{template}");
        }
    }

    #[test]
    fn what_is_not_supported_is_said() {
        for (template, reason) in [
            ("{{ if .a }}x{{ end }}", "no function \"if\""),
            ("{{ .a | b64enc }}", "there are lower"),
            ("{{ .a", "not closed"),
            ("{{ }}", "empty"),
            ("{{ .a | replace \"x\" }}", "needs 2"),
        ] {
            let error = Template::read(template).unwrap_err();
            assert!(error.contains(reason), "{template}: {error}");
        }
    }
}
