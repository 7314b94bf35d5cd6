//! Reading JSON so that nothing is lost silently: an object remembers what it was asked for, and notes the rest.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::dashboards::model::Unsupported;

/// Notes of one dashboard at most.
const MAX_NOTES: usize = 1000;
/// A value is quoted up to here.
const MAX_SHOWN: usize = 60;

/// What was found that is not drawn.
#[derive(Default)]
pub(super) struct Notes(RefCell<Vec<Unsupported>>);

impl Notes {
    pub(super) fn add(&self, path: &str, what: impl Into<String>) {
        let mut all = self.0.borrow_mut();
        if all.len() < MAX_NOTES {
            all.push(Unsupported { path: path.to_owned(), what: what.into() });
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    /// Those from a number on.
    pub(super) fn take_from(&self, at: usize) -> Vec<Unsupported> {
        let mut all = self.0.borrow_mut();
        let at = at.min(all.len());
        all.split_off(at)
    }
}

/// An object at a place.
pub(super) struct Object<'a> {
    map: &'a Map<String, Value>,
    path: String,
    asked: RefCell<BTreeSet<String>>,
    notes: &'a Notes,
}

impl<'a> Object<'a> {
    pub(super) fn new(map: &'a Map<String, Value>, path: impl Into<String>, notes: &'a Notes) -> Self {
        Self { map, path: path.into(), asked: RefCell::default(), notes }
    }

    /// Where a key of it stands.
    pub(super) fn place(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn notes(&self) -> &'a Notes {
        self.notes
    }

    pub(super) fn note(&self, key: &str, what: impl Into<String>) {
        self.notes.add(&self.place(key), what);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    /// The keys, in the order of letters.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a String> {
        self.map.keys()
    }

    /// What a key has; null is nothing.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        let value = self.map.get(key)?;
        self.asked.borrow_mut().insert(key.to_owned());
        (!value.is_null()).then_some(value)
    }

    /// The same, unless it is not of the kind that it should be.
    fn read<T>(&self, key: &str, kind: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let value = self.get(key)?;
        let found = read(value);
        if found.is_none() {
            self.note(key, format!("must be {kind}, not {}", shown(value)));
        }
        found
    }

    /// A text; numbers and truths are texts, too.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.read(key, "a text", scalar)
    }

    pub(super) fn text_or_empty(&self, key: &str) -> String {
        self.text(key).unwrap_or_default()
    }

    /// A number, also one that stands in a text; an empty text and `auto` are none.
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.read(key, "a number", |value| match value {
            Value::String(text) if text.trim().is_empty() || text == "auto" => Some(None),
            Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()).map(Some),
            value => value.as_f64().map(Some),
        })?
    }

    /// A whole number that is not negative.
    pub(super) fn count(&self, key: &str) -> Option<u32> {
        self.number(key).filter(|number| *number >= 0.0).map(|number| number as u32)
    }

    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        self.read(key, "true or false", |value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => Some(number.as_f64() != Some(0.0)),
            _ => None,
        })
    }

    pub(super) fn object(&self, key: &str) -> Option<Object<'a>> {
        let map = self.read(key, "an object", Value::as_object)?;
        Some(Object::new(map, self.place(key), self.notes))
    }

    pub(super) fn list(&self, key: &str) -> &'a [Value] {
        self.read(key, "a list", Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The objects of a list, each with its number.
    pub(super) fn objects(&self, key: &str) -> Vec<(usize, Object<'a>)> {
        let mut objects = Vec::new();
        for (i, value) in self.list(key).iter().enumerate() {
            let path = format!("{}[{i}]", self.place(key));
            match value.as_object() {
                Some(map) => objects.push((i, Object::new(map, path, self.notes))),
                None if value.is_null() => {}
                None => self.notes.add(&path, format!("must be an object, not {}", shown(value))),
            }
        }
        objects
    }

    /// The texts of a list; one text alone is a list of one.
    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(Value::Array(values)) => values.iter().filter_map(scalar).collect(),
            Some(value) => scalar(value).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// One of several words; another one is noted.
    pub(super) fn word(&self, key: &str, allowed: &[&'static str]) -> Option<&'static str> {
        let text = self.text(key).filter(|text| !text.is_empty())?;
        let found = allowed.iter().find(|word| **word == text).copied();
        if found.is_none() {
            self.note(key, format!("{} is not drawn: there are {}", quote(&text), allowed.join(", ")));
        }
        found
    }

    /// Keys that change nothing that is drawn.
    pub(super) fn skip(&self, keys: &[&str]) {
        self.asked.borrow_mut().extend(keys.iter().map(|key| (*key).to_owned()));
    }

    /// A key that is not followed, and noted unless it has one of these values, which are what is done anyway.
    pub(super) fn only(&self, key: &str, values: &[&str]) {
        let Some(value) = self.get(key) else { return };
        let is_usual = scalar(value).is_some_and(|text| values.contains(&text.as_str()));
        if !is_usual && !is_nothing(value) {
            self.note(key, format!("{} is not drawn", shown(value)));
        }
    }

    /// Notes everything that nobody asked for and that says something.
    pub(super) fn rest(&self) {
        for (key, value) in self.map {
            if !self.asked.borrow().contains(key) && !is_nothing(value) {
                self.note(key, format!("is not drawn: {}", shown(value)));
            }
        }
    }
}

/// A value as a text, where it is one thing.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Whether a value says no more than its absence.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(map) => map.values().all(is_nothing),
        _ => false,
    }
}

fn shown(value: &Value) -> String {
    shorten(&value.to_string())
}

fn quote(text: &str) -> String {
    shorten(&format!("{text:?}"))
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
