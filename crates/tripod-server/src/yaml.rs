//! YAML files that people write, as trees in which every value knows its line and its path, and every map which of its keys were
//! asked for: what is wrong is said with its place and with what is allowed there, and no key is passed over in silence.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::str::FromStr;

use saphyr::{MarkedYaml, ScalarStyle, YamlData, YamlLoader};
use saphyr_parser::Parser;

/// How deep values may be nested; what is meant has some ten levels.
const MAX_DEPTH: usize = 64;
/// Values that aliases may add to a file.
const MAX_ALIASED: usize = 100_000;

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file's name and, where it is about a line, the line: `rules.yml:12`.
    pub(crate) at: String,
    /// Which value: `scrape_configs[0].job_name`; empty for the whole file.
    pub(crate) path: String,
    /// What is wrong and what is allowed.
    pub(crate) reason: String,
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, path, reason } = self;
        if path.is_empty() { write!(f, "{at}: {reason}") } else { write!(f, "{at}: {path} {reason}") }
    }
}

/// A file that was read as YAML.
#[derive(Debug)]
pub(crate) struct Document {
    name: String,
    root: Node,
    notices: RefCell<Vec<String>>,
}

/// A value and its line.
#[derive(Debug, Clone)]
struct Node {
    line: usize,
    data: Data,
}

#[derive(Debug, Clone)]
enum Data {
    Null,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Document {
    /// Reads a text; `name` is what errors call it. An empty one is an empty map.
    pub(crate) fn parse(name: &str, text: &str) -> Result<Self, Fault> {
        let fault = |line: usize, reason: String| Fault { at: format!("{name}:{line}"), path: String::new(), reason };
        let mut loader = YamlLoader::<MarkedYaml<'_>>::default();
        // Types are decided on by what is wanted.
        loader.early_parse(false);
        loader.alias_limit(MAX_ALIASED);
        let parsed = Parser::new_from_str(text).load(&mut loader, true);
        if let Some(error) = parsed.err().or_else(|| loader.error().cloned()) {
            return Err(fault(error.marker().line(), format!("is not YAML: {}", error.info())));
        }
        let root = match loader.into_documents().as_slice() {
            [] => Node { line: 1, data: Data::Null },
            [document] => convert(document, 0).map_err(|(line, reason)| fault(line, reason.to_owned()))?,
            [_, second, ..] => {
                let line = second.span.start.line();
                return Err(fault(line, "must be one YAML document; a second one begins here".to_owned()));
            }
        };
        Ok(Self { name: name.to_owned(), root, notices: RefCell::default() })
    }

    /// The whole of it.
    pub(crate) fn root(&self) -> Item<'_> {
        Item { document: self, path: String::new(), node: &self.root }
    }

    /// What was said of it while it was read.
    pub(crate) fn into_notices(self) -> Vec<String> {
        self.notices.into_inner()
    }
}

fn convert(yaml: &MarkedYaml<'_>, depth: usize) -> Result<Node, (usize, &'static str)> {
    let line = yaml.span.start.line();
    if depth > MAX_DEPTH {
        return Err((line, "is nested too deep"));
    }
    let data = match &yaml.data {
        YamlData::Representation(text, style, _) => {
            let null = *style == ScalarStyle::Plain && matches!(text.trim(), "" | "~" | "null" | "Null" | "NULL");
            if null { Data::Null } else { Data::Scalar(text.to_string()) }
        }
        YamlData::Sequence(items) => {
            Data::List(items.iter().map(|item| convert(item, depth + 1)).collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(entries) => {
            let (mut own, mut merged) = (Vec::new(), Vec::new());
            for (key, value) in entries {
                let YamlData::Representation(key, ..) = &key.data else {
                    return Err((key.span.start.line(), "a key must be a text"));
                };
                let value = convert(value, depth + 1)?;
                if key == "<<" { merged.push(value) } else { own.push((key.to_string(), value)) }
            }
            merged.into_iter().for_each(|value| merge(&mut own, value));
            Data::Map(own)
        }
        YamlData::Tagged(_, inner) => return convert(inner, depth + 1),
        YamlData::Value(_) | YamlData::Alias(_) | YamlData::BadValue => {
            return Err((line, "must be a text, a list or a map"));
        }
    };
    Ok(Node { line, data })
}

/// YAML's merge key: what is not said here is as it is there.
fn merge(own: &mut Vec<(String, Node)>, other: Node) {
    match other.data {
        Data::Map(entries) => {
            for (key, value) in entries {
                if !own.iter().any(|(known, _)| *known == key) {
                    own.push((key, value));
                }
            }
        }
        Data::List(others) => others.into_iter().for_each(|other| merge(own, other)),
        Data::Null | Data::Scalar(_) => {}
    }
}

/// A value at its place.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a> {
    document: &'a Document,
    path: String,
    node: &'a Node,
}

impl<'a> Item<'a> {
    /// The line it begins in, from 1.
    pub(crate) fn line(&self) -> usize {
        self.node.line
    }

    /// An error at this place: what is wrong and what is allowed.
    pub(crate) fn wrong(&self, reason: impl Into<String>) -> Fault {
        let at = format!("{}:{}", self.document.name, self.node.line);
        Fault { at, path: self.path.clone(), reason: reason.into() }
    }

    /// Says something of this place that is no error.
    pub(crate) fn notice(&self, said: &str) {
        self.document.notices.borrow_mut().push(self.wrong(said).to_string());
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.node.data, Data::Null)
    }

    /// Any scalar as its text.
    pub(crate) fn text(&self) -> Result<&'a str, Fault> {
        match &self.node.data {
            Data::Scalar(text) => Ok(text),
            Data::Null => Ok(""),
            Data::List(_) | Data::Map(_) => Err(self.wrong("must be a text")),
        }
    }

    /// A scalar, read by `read`, which says what is wrong with a value.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, Fault> {
        let text = self.text()?;
        read(text).map_err(|reason| self.wrong(reason))
    }

    /// A scalar that `T` knows how to read; `allowed` says what that is: "must be a whole number".
    pub(crate) fn parse<T: FromStr>(&self, allowed: &str) -> Result<T, Fault> {
        self.read(|text| text.parse().map_err(|_| format!("is {text:?} but {allowed}")))
    }

    pub(crate) fn flag(&self) -> Result<bool, Fault> {
        self.read(|text| match text {
            "true" | "True" | "TRUE" | "yes" | "on" => Ok(true),
            "false" | "False" | "FALSE" | "no" | "off" => Ok(false),
            _ => Err(format!("is {text:?} but must be true or false")),
        })
    }

    /// The elements of a list; where there is nothing, none.
    pub(crate) fn list(&self) -> Result<Vec<Item<'a>>, Fault> {
        match &self.node.data {
            Data::List(items) => {
                let item = |(at, node)| Item { document: self.document, path: format!("{}[{at}]", self.path), node };
                Ok(items.iter().enumerate().map(item).collect())
            }
            Data::Null => Ok(Vec::new()),
            _ => Err(self.wrong("must be a list")),
        }
    }

    /// The texts of a list.
    pub(crate) fn texts(&self) -> Result<Vec<String>, Fault> {
        self.list()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    /// A map; where there is nothing, an empty one.
    pub(crate) fn map(&self) -> Result<Map<'a>, Fault> {
        let entries = match &self.node.data {
            Data::Map(entries) => entries.as_slice(),
            Data::Null => &[],
            _ => return Err(self.wrong("must be a map")),
        };
        let given = entries.iter().map(|_| Cell::new(false)).collect();
        Ok(Map { item: self.clone(), entries, given, asked: RefCell::default() })
    }
}

impl Item<'_> {
    /// The value as YAML; of keys that `is_secret` knows, and of URLs, without what is secret.
    pub(crate) fn to_yaml(&self, is_secret: &dyn Fn(&str) -> bool) -> String {
        let mut out = String::new();
        write(&mut out, self.node, 0, false, is_secret);
        out
    }
}

const SECRET: &str = "<secret>";

/// Writes a value from where its line stands; each further line is indented by `depth` steps.
fn write(out: &mut String, node: &Node, depth: usize, hidden: bool, is_secret: &dyn Fn(&str) -> bool) {
    let indent = |out: &mut String, first: bool| match (first, out.ends_with("- ")) {
        (true, true) => {}
        _ => (0..depth).for_each(|_| out.push_str("  ")),
    };
    match &node.data {
        Data::Null => out.push_str("null\n"),
        Data::Scalar(_) if hidden => out.extend([SECRET, "\n"]),
        Data::Scalar(text) => out.extend([scalar(&without_password(text)).as_str(), "\n"]),
        Data::List(items) if items.is_empty() => out.push_str("[]\n"),
        Data::Map(entries) if entries.is_empty() => out.push_str("{}\n"),
        Data::List(items) => {
            for (at, item) in items.iter().enumerate() {
                indent(out, at == 0);
                out.push_str("- ");
                write(out, item, depth + 1, hidden, is_secret);
            }
        }
        Data::Map(entries) => {
            for (at, (key, value)) in entries.iter().enumerate() {
                indent(out, at == 0);
                out.extend([scalar(key).as_str(), ":"]);
                let nested = match &value.data {
                    Data::List(items) => !items.is_empty(),
                    Data::Map(entries) => !entries.is_empty(),
                    Data::Null | Data::Scalar(_) => false,
                };
                out.push(if nested { '\n' } else { ' ' });
                write(out, value, depth + 1, hidden || is_secret(key), is_secret);
            }
        }
    }
}

/// A text as a scalar: in quotes, unless it is of characters that mean nothing in YAML.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    if text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_') && text.chars().all(plain) {
        return text.to_owned();
    }
    // A JSON string is a YAML one. Texts can always be written.
    serde_json::to_string(text).unwrap_or_default()
}

/// A URL without the credentials in it.
fn without_password(text: &str) -> Cow<'_, str> {
    let authority = text.find("://").map(|at| at + 3);
    let at = authority.and_then(|from| {
        let end = text[from..].find(['/', '?', '#']).map_or(text.len(), |end| from + end);
        Some((from, from + text[from..end].rfind('@')?))
    });
    match at {
        Some((from, at)) => Cow::Owned(format!("{}{SECRET}{}", &text[..from], &text[at..])),
        None => Cow::Borrowed(text),
    }
}

/// A map whose keys are asked for one by one.
#[derive(Debug)]
pub(crate) struct Map<'a> {
    item: Item<'a>,
    entries: &'a [(String, Node)],
    /// Which of the entries were asked for.
    given: Vec<Cell<bool>>,
    /// What was asked for: the keys that there may be.
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Map<'a> {
    /// The map as a value, for errors about the whole of it.
    pub(crate) fn item(&self) -> &Item<'a> {
        &self.item
    }

    /// The value of a key, if there is one that is not null.
    pub(crate) fn get(&self, key: &'static str) -> Option<Item<'a>> {
        self.any(key).filter(|item| !item.is_null())
    }

    /// The value of a key, also one that is null.
    pub(crate) fn any(&self, key: &'static str) -> Option<Item<'a>> {
        self.asked.borrow_mut().push(key);
        let at = self.entries.iter().position(|(known, _)| known == key)?;
        Some(self.at(at))
    }

    fn at(&self, at: usize) -> Item<'a> {
        self.given[at].set(true);
        let (key, node) = &self.entries[at];
        let path = if self.item.path.is_empty() { key.clone() } else { format!("{}.{key}", self.item.path) };
        Item { document: self.item.document, path, node }
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&self, key: &'static str) -> Result<Item<'a>, Fault> {
        self.get(key).ok_or_else(|| self.item.wrong(format!("needs {key}")))
    }

    /// The value of a key as a text.
    pub(crate) fn text(&self, key: &'static str) -> Result<Option<String>, Fault> {
        self.get(key).map(|item| item.text().map(str::to_owned)).transpose()
    }

    pub(crate) fn flag(&self, key: &'static str) -> Result<Option<bool>, Fault> {
        self.get(key).map(|item| item.flag()).transpose()
    }

    /// A whole number that is not negative.
    pub(crate) fn whole(&self, key: &'static str) -> Result<Option<u64>, Fault> {
        self.get(key).map(|item| item.parse("must be a whole number, 0 or above")).transpose()
    }

    /// A value read by `read`, which says what is wrong with it.
    pub(crate) fn read<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Fault> {
        self.get(key).map(|item| item.read(read)).transpose()
    }

    /// The elements of a list; none where the key is missing.
    pub(crate) fn list(&self, key: &'static str) -> Result<Vec<Item<'a>>, Fault> {
        self.get(key).map_or(Ok(Vec::new()), |item| item.list())
    }

    /// All keys with their values: for maps whose keys are free.
    pub(crate) fn entries(&self) -> Vec<(&'a str, Item<'a>)> {
        self.entries.iter().enumerate().map(|(at, (key, _))| (key.as_str(), self.at(at))).collect()
    }

    /// A key that Prometheus knows and Tripod does not act on: said, if it is there.
    pub(crate) fn leave(&self, key: &'static str, why: &str) {
        if let Some(item) = self.get(key) {
            item.notice(why);
        }
    }

    /// A key that would be unsafe or wrong to pass over: an error, if it is there.
    pub(crate) fn refuse(&self, key: &'static str, why: &str) -> Result<(), Fault> {
        self.get(key).map_or(Ok(()), |item| Err(item.wrong(why)))
    }

    /// Every key must have been asked for by now, and only once be there.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        for (at, (key, _)) in self.entries.iter().enumerate() {
            if !self.given[at].get() {
                let mut allowed = self.asked.borrow().clone();
                allowed.sort_unstable();
                allowed.dedup();
                return Err(self.at(at).wrong(format!("is not known here; known are {}", allowed.join(", "))));
            }
            if self.entries[..at].iter().any(|(earlier, _)| earlier == key) {
                return Err(self.at(at).wrong("is there twice"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_with_what_is_allowed() {
        let document = Document::parse("p.yml", "a: 1\nb:\n  - c: 2\n    d: 3\n").unwrap();
        let root = document.root().map().unwrap();
        assert_eq!(root.whole("a").unwrap(), Some(1));
        let inner = root.list("b").unwrap()[0].map().unwrap();
        assert_eq!(inner.text("c").unwrap().as_deref(), Some("2"));
        inner.whole("e").unwrap();
        assert_eq!(inner.finish().unwrap_err().to_string(), "p.yml:4: b[0].d is not known here; known are c, e");
        assert!(root.finish().is_ok());
    }

    #[test]
    fn what_is_no_yaml_says_where() {
        let fault = Document::parse("p.yml", "a: 1\nb: [1\n").unwrap_err();
        assert!(fault.at.starts_with("p.yml:") && fault.reason.starts_with("is not YAML"), "{fault}");
    }

    #[test]
    fn a_merge_key_gives_what_is_not_said() {
        let document = Document::parse("p", "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  a: 3\n").unwrap();
        let y = document.root().map().unwrap().get("y").unwrap().map().unwrap();
        assert_eq!((y.whole("a").unwrap(), y.whole("b").unwrap()), (Some(3), Some(2)));
    }

    #[test]
    fn values_of_another_kind_are_refused_with_their_path() {
        let document = Document::parse("p", "a: [1]\nb: maybe\n").unwrap();
        let root = document.root().map().unwrap();
        assert_eq!(root.text("a").unwrap_err().to_string(), "p:1: a must be a text");
        assert_eq!(root.flag("b").unwrap_err().to_string(), "p:2: b is \"maybe\" but must be true or false");
        assert!(root.refuse("b", "is refused").is_err());
    }
}
