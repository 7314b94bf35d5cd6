//! The fields of one span or record, copied before the engine is touched.
//!
//! Showing a field runs the user's code, which may itself record something. So all of it runs first, into buffers that the thread
//! reuses, while nothing is borrowed and no lock is held; a record made meanwhile finds the thread's buffers taken and uses
//! fresh ones. Cost: a copy of each value, no allocation once warm.

use std::cell::Cell;
use std::error::Error;
use std::fmt::{self, Write};
use std::ops::Range;

use crate::Value;
use crate::encode::users;
use crate::trace::data::Chain;

/// Bytes of buffers that a thread keeps for the next record.
const KEPT_BYTES: usize = 16 * 1024;

/// Fields with their values, and what stands out among them.
#[derive(Default)]
pub(super) struct Fields {
    pairs: Vec<(Range<usize>, Held)>,
    /// Names and texts, one after the other.
    text: String,
    bytes: Vec<u8>,
    message: Option<Range<usize>>,
    error: Option<Caught>,
}

/// A value that was copied.
#[derive(Clone)]
enum Held {
    Empty,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Range<usize>),
    Bytes(Range<usize>),
}

/// The first error among the fields.
#[derive(Clone)]
struct Caught {
    message: Range<usize>,
    /// Its causes, a line each; empty when it has none.
    causes: Range<usize>,
}

thread_local! {
    static SPARE: Cell<Option<Box<Fields>>> = const { Cell::new(None) };
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// How deep records may be made while fields of others are shown.
const MAX_DEPTH: u32 = 4;

/// Works with empty fields, and keeps their buffers for the next time. `None`, with nothing done, when that was asked for from
/// within too many others: a `Display` that logs itself would never come to an end.
pub(super) fn with<R>(work: impl FnOnce(&mut Box<Fields>) -> R) -> Option<R> {
    let _depth = Depth::enter()?;
    let mut fields = SPARE.try_with(Cell::take).ok().flatten().unwrap_or_default();
    let result = work(&mut fields);
    if fields.text.capacity() + fields.bytes.capacity() <= KEPT_BYTES {
        fields.clear();
        // A thread that ends has no place to keep them.
        let _ = SPARE.try_with(|spare| spare.set(Some(fields)));
    }
    Some(result)
}

/// One record that is being made on this thread.
struct Depth;

impl Depth {
    fn enter() -> Option<Self> {
        let depth = DEPTH.get();
        (depth < MAX_DEPTH).then(|| {
            DEPTH.set(depth + 1);
            Self
        })
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

impl Fields {
    fn clear(&mut self) {
        self.pairs.clear();
        self.text.clear();
        self.bytes.clear();
        self.message = None;
        self.error = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.error.is_none()
    }

    pub(super) fn add(&mut self, name: &str, value: Value<'_>) {
        let held = match value {
            Value::Bool(value) => Held::Bool(value),
            Value::Int(value) => Held::Int(value),
            Value::Double(value) => Held::Double(value),
            Value::Bytes(value) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(value);
                Held::Bytes(start..self.bytes.len())
            }
            Value::Empty => Held::Empty,
            Value::Str(text) => Held::Text(self.write_str(text)),
            shown => Held::Text(self.write(format_args!("{shown}"))),
        };
        let name = self.write_str(name);
        self.pairs.push((name, held));
    }

    /// A number of 128 bits: as an integer if it is one of OTLP's, else as text rather than as a wrong number.
    pub(super) fn add_wide(&mut self, name: &str, value: impl TryInto<i64> + fmt::Display + Copy) {
        self.add(name, value.try_into().map_or(Value::Display(&value), Value::Int));
    }

    /// An error: its message as the field, and the first error's causes besides.
    pub(super) fn add_error(&mut self, name: &str, error: &(dyn Error + 'static)) {
        let message = self.write(format_args!("{error}"));
        let name = self.write_str(name);
        self.pairs.push((name, Held::Text(message.clone())));
        if self.error.is_none() {
            let causes = self.write(format_args!("{}", Chain(error.source())));
            self.error = Some(Caught { message, causes });
        }
    }

    pub(super) fn set_message(&mut self, message: fmt::Arguments<'_>) {
        self.message = Some(self.write(message));
    }

    pub(super) fn message(&self) -> &str {
        self.message.clone().map_or("", |at| self.text(at))
    }

    /// The value of the field with this name.
    pub(super) fn get(&self, name: &str) -> Option<Value<'_>> {
        self.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The text of the field with this name, if text it is.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Str(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.pairs.iter().map(|(name, held)| (self.text(name.clone()), self.value(held)))
    }

    /// The first error as attributes of an exception, by the semantic conventions; empty when there is none.
    pub(super) fn exception(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        let error = self.error.as_ref();
        let message = error.map(|error| ("exception.message", Value::Str(self.text(error.message.clone()))));
        let causes = error.filter(|error| !error.causes.is_empty());
        let causes = causes.map(|error| ("exception.stacktrace", Value::Str(self.text(error.causes.clone()))));
        message.into_iter().chain(causes)
    }

    /// The message of the first error.
    pub(super) fn error_message(&self) -> Option<&str> {
        self.error.as_ref().map(|error| self.text(error.message.clone()))
    }

    /// Appends shown values; a `Display` that fails or panics leaves its text short.
    fn write(&mut self, shown: fmt::Arguments<'_>) -> Range<usize> {
        let start = self.text.len();
        users(|| {
            let _ = self.text.write_fmt(shown);
        });
        start..self.text.len()
    }

    fn write_str(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn text(&self, at: Range<usize>) -> &str {
        self.text.get(at).unwrap_or_default()
    }

    fn value(&self, held: &Held) -> Value<'_> {
        match held {
            Held::Empty => Value::Empty,
            Held::Bool(value) => Value::Bool(*value),
            Held::Int(value) => Value::Int(*value),
            Held::Double(value) => Value::Double(*value),
            Held::Text(at) => Value::Str(self.text(at.clone())),
            Held::Bytes(at) => Value::Bytes(self.bytes.get(at.clone()).unwrap_or_default()),
        }
    }
}

/// Where in the source something was written, by the semantic conventions.
pub(super) fn location(file: Option<&str>, line: Option<u32>) -> impl Iterator<Item = (&str, Value<'_>)> {
    let file = file.map(|file| ("code.file.path", Value::Str(file)));
    file.into_iter().chain(line.map(|line| ("code.line.number", Value::from(line))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::slice::{ON_STACK, as_slice};

    #[test]
    fn fields_keep_their_order_and_types_however_many_there_are() {
        with(|fields| {
            for n in 0..ON_STACK as i64 + 3 {
                fields.add(&format!("key{n}"), Value::Int(n));
            }
            fields.add_wide("wide", u128::MAX);
            fields.add("bytes", Value::Bytes(&[1, 2]));
            as_slice(fields.iter(), |slice| {
                assert_eq!(slice.len(), ON_STACK + 5);
                assert!(slice[..ON_STACK + 3].iter().enumerate().all(|(n, (key, value))| {
                    *key == format!("key{n}") && matches!(value, Value::Int(int) if *int == n as i64)
                }));
                assert!(matches!(slice[ON_STACK + 3].1, Value::Str(text) if text == u128::MAX.to_string()));
                assert!(matches!(slice[ON_STACK + 4].1, Value::Bytes([1, 2])));
            });
        });
        with(|fields| assert!(fields.is_empty() && fields.message().is_empty()));
    }

    #[test]
    fn fields_within_fields_do_not_meet() {
        with(|outer| {
            outer.set_message(format_args!("outer"));
            with(|inner| {
                assert!(inner.message().is_empty());
                inner.set_message(format_args!("inner"));
            });
            assert_eq!(outer.message(), "outer");
        });
    }
}
