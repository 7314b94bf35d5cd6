//! The file as a tree, in which every value knows its line and its path, and every map which of its keys were asked for.

use std::cell::{Cell, RefCell};

use saphyr::{MarkedYaml, ScalarStyle, YamlData, YamlLoader};
use saphyr_parser::Parser;

use super::substitute::substitute;
use crate::Error;
use crate::config::env::invalid;

/// How deep values may be nested; what is meant has some ten levels.
const MAX_DEPTH: usize = 64;

/// The file, and what there is to say of it.
pub(super) struct File {
    name: String,
    notices: RefCell<Vec<String>>,
}

impl File {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), notices: RefCell::default() }
    }

    pub(super) fn into_notices(self) -> Vec<String> {
        self.notices.into_inner()
    }

    fn at(&self, line: usize, path: &str) -> String {
        let colon = if path.is_empty() { "" } else { ": " };
        format!("{}:{line}{colon}{path}", self.name)
    }
}

/// A value and its line.
#[derive(Debug)]
pub(super) struct Node {
    line: usize,
    data: Data,
}

#[derive(Debug)]
enum Data {
    Null,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Reads the text; variables are put into its values.
pub(super) fn parse(file: &File, text: &str, variables: &dyn Fn(&str) -> Option<String>) -> Result<Node, Error> {
    let mut loader = YamlLoader::<MarkedYaml<'_>>::default();
    // Types are decided on after variables were put in, by what is wanted.
    loader.early_parse(false);
    // What a file of some hundred lines has; one that grows beyond by its aliases is refused.
    loader.alias_limit(10_000);
    let parsed = Parser::new_from_str(text).load(&mut loader, true);
    let error = parsed.err().or_else(|| loader.error().cloned());
    if let Some(error) = error {
        let at = file.at(error.marker().line(), "");
        return Err(invalid(&at, "", format!("is not YAML: {}", error.info())));
    }
    let documents = loader.into_documents();
    match documents.as_slice() {
        [document] => convert(file, document, variables, 0),
        _ => Err(invalid(&file.at(1, ""), "", "must be one YAML document")),
    }
}

fn convert(
    file: &File,
    yaml: &MarkedYaml<'_>,
    variables: &dyn Fn(&str) -> Option<String>,
    depth: usize,
) -> Result<Node, Error> {
    let line = yaml.span.start.line();
    let wrong = |value: &str, allowed: &str| invalid(&file.at(line, ""), value, allowed);
    if depth > MAX_DEPTH {
        return Err(wrong("", "is nested too deep"));
    }
    let data = match &yaml.data {
        YamlData::Representation(text, style, _) => {
            let allowed = "must have variables as ${NAME} or ${NAME:-otherwise}, and $$ for a dollar";
            let value = substitute(text, variables).ok_or_else(|| wrong(text, allowed))?;
            let null = *style == ScalarStyle::Plain && matches!(value.trim(), "" | "~" | "null" | "Null" | "NULL");
            if null { Data::Null } else { Data::Scalar(value) }
        }
        YamlData::Sequence(items) => {
            let items = items.iter().map(|item| convert(file, item, variables, depth + 1));
            Data::List(items.collect::<Result<_, _>>()?)
        }
        YamlData::Mapping(entries) => {
            let entry = |(key, value): (&MarkedYaml<'_>, &MarkedYaml<'_>)| match &key.data {
                YamlData::Representation(key, ..) => Ok((key.to_string(), convert(file, value, variables, depth + 1)?)),
                _ => Err(invalid(&file.at(key.span.start.line(), ""), "", "a key must be a text")),
            };
            Data::Map(entries.iter().map(entry).collect::<Result<_, _>>()?)
        }
        YamlData::Tagged(_, inner) => return convert(file, inner, variables, depth + 1),
        YamlData::Value(_) | YamlData::Alias(_) | YamlData::BadValue => {
            return Err(wrong("", "must be a text, a list or a map"));
        }
    };
    Ok(Node { line, data })
}

/// A value at its place.
#[derive(Clone)]
pub(super) struct Item<'a> {
    file: &'a File,
    path: String,
    node: &'a Node,
}

impl<'a> Item<'a> {
    pub(super) fn root(file: &'a File, node: &'a Node) -> Self {
        Self { file, path: String::new(), node }
    }

    /// The setting's name in an error: file, line and path.
    pub(super) fn place(&self) -> String {
        self.file.at(self.node.line, &self.path)
    }

    /// An error that shows the value.
    pub(super) fn wrong(&self, allowed: &str) -> Error {
        let value = match &self.node.data {
            Data::Scalar(text) => text,
            Data::Null => "",
            Data::List(_) => "[…]",
            Data::Map(_) => "{…}",
        };
        invalid(&self.place(), value, allowed)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.node.data, Data::Null)
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.node.data, Data::Map(_))
    }

    pub(super) fn text(&self) -> Result<String, Error> {
        match &self.node.data {
            Data::Scalar(text) => Ok(text.clone()),
            _ => Err(self.wrong("must be a text")),
        }
    }

    pub(super) fn parse<T>(&self, read: impl FnOnce(&str) -> Option<T>, allowed: &str) -> Result<T, Error> {
        match &self.node.data {
            Data::Scalar(text) => read(text).ok_or_else(|| self.wrong(allowed)),
            _ => Err(self.wrong(allowed)),
        }
    }

    pub(super) fn flag(&self) -> Result<bool, Error> {
        self.parse(|text| text.to_ascii_lowercase().parse().ok(), "must be true or false")
    }

    pub(super) fn number(&self) -> Result<f64, Error> {
        self.parse(|text| text.parse().ok(), "must be a number")
    }

    pub(super) fn list(&self) -> Result<Vec<Item<'a>>, Error> {
        match &self.node.data {
            Data::List(items) => {
                let item = |(at, node)| Item { file: self.file, path: format!("{}[{at}]", self.path), node };
                Ok(items.iter().enumerate().map(item).collect())
            }
            _ => Err(self.wrong("must be a list")),
        }
    }

    /// A map; where there is nothing, an empty one: `console:` stands for `console: {}`.
    pub(super) fn map(&self) -> Result<Map<'a>, Error> {
        let entries = match &self.node.data {
            Data::Map(entries) => entries.as_slice(),
            Data::Null => &[],
            _ => return Err(self.wrong("must be a map")),
        };
        let asked = entries.iter().map(|_| Cell::new(false)).collect();
        Ok(Map { item: self.clone(), entries, asked })
    }

    /// Of a map that says which of several things is meant: the key, and what it has.
    pub(super) fn only_key(&self) -> Result<(&'a str, Item<'a>), Error> {
        match &self.node.data {
            Data::Map(entries) if entries.len() == 1 => {
                let (key, node) = &entries[0];
                Ok((key, Item { file: self.file, path: join(&self.path, key), node }))
            }
            _ => Err(self.wrong("must be a map with one key, which says what is meant")),
        }
    }
}

/// A map whose keys are asked for one by one.
pub(super) struct Map<'a> {
    item: Item<'a>,
    entries: &'a [(String, Node)],
    asked: Vec<Cell<bool>>,
}

impl<'a> Map<'a> {
    /// The value of a key, also one that is null.
    pub(super) fn any(&self, key: &str) -> Option<Item<'a>> {
        let at = self.entries.iter().position(|(known, _)| known == key)?;
        self.asked[at].set(true);
        let (key, node) = &self.entries[at];
        Some(Item { file: self.item.file, path: join(&self.item.path, key), node })
    }

    /// The value of a key, if there is one.
    pub(super) fn get(&self, key: &str) -> Option<Item<'a>> {
        self.any(key).filter(|item| !item.is_null())
    }

    /// The value of the first of several keys: its name, and the ones it had before.
    pub(super) fn first(&self, keys: &[&str]) -> Option<Item<'a>> {
        keys.iter().find_map(|key| self.get(key))
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Error> {
        self.get(key).map(|item| item.text()).transpose()
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Error> {
        self.get(key).map(|item| item.flag()).transpose()
    }

    /// A whole number that is not negative.
    pub(super) fn whole(&self, key: &str) -> Result<Option<u64>, Error> {
        let whole = |item: Item<'_>| item.parse(|text| text.parse().ok(), "must be a whole number, 0 or above");
        self.get(key).map(whole).transpose()
    }

    pub(super) fn positive(&self, key: &str) -> Result<Option<usize>, Error> {
        let positive = |text: &str| text.parse().ok().filter(|number| *number > 0);
        self.get(key).map(|item| item.parse(positive, "must be a whole number above 0")).transpose()
    }

    pub(super) fn map(&self, key: &str) -> Result<Option<Map<'a>>, Error> {
        self.get(key).map(|item| item.map()).transpose()
    }

    pub(super) fn list(&self, key: &str) -> Result<Vec<Item<'a>>, Error> {
        self.get(key).map_or(Ok(Vec::new()), |item| item.list())
    }

    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, Error> {
        let texts = |item: Item<'_>| item.list()?.iter().map(Item::text).collect();
        self.get(key).map(texts).transpose()
    }

    /// All keys with their values.
    pub(super) fn entries(&self) -> Vec<(&'a str, Item<'a>)> {
        self.entries.iter().filter_map(|(key, _)| Some((key.as_str(), self.any(key)?))).collect()
    }

    pub(super) fn wrong(&self, value: &str, allowed: &str) -> Error {
        invalid(&self.item.place(), value, allowed)
    }

    pub(super) fn missing(&self, key: &str, example: &str) -> Error {
        self.wrong("", &format!("needs {key}, {example}"))
    }

    /// A key that is understood, but means nothing here: said, if it is there.
    pub(super) fn leave(&self, key: &str, why: &str) {
        if let Some(item) = self.get(key) {
            self.item.file.notices.borrow_mut().push(format!("{} {why}", item.place()));
        }
    }

    /// Every key must have been asked for by now. Those under development may come and go, so one that is not known is only said.
    pub(super) fn finish(&self) -> Result<(), Error> {
        for ((key, node), asked) in self.entries.iter().zip(&self.asked) {
            if asked.get() {
                continue;
            }
            let item = Item { file: self.item.file, path: join(&self.item.path, key), node };
            if !key.ends_with("/development") {
                return Err(item.wrong("this key is not known here"));
            }
            self.item.file.notices.borrow_mut().push(format!("{} is not supported", item.place()));
        }
        Ok(())
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
