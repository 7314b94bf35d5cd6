//! The values of one column, all of one type.

use std::ops::Range;

use crate::columns::strings::StringColumn;
use crate::columns::{Malformed, Strings, fixed, floats, ints, strings};
use crate::records::ValueRef;
use crate::records::value::ValueKind;

/// Values in the order of the rows that have them.
#[derive(Debug, Clone)]
pub(super) enum Values {
    Str(StringColumn),
    Bool(Vec<[u8; 1]>),
    Int(Vec<u64>),
    Double(Vec<f64>),
    Other(StringColumn),
}

impl Values {
    pub(super) fn new(kind: ValueKind) -> Self {
        match kind {
            ValueKind::Str => Self::Str(StringColumn::Plain(Strings::default())),
            ValueKind::Bool => Self::Bool(Vec::new()),
            ValueKind::Int => Self::Int(Vec::new()),
            ValueKind::Double => Self::Double(Vec::new()),
            ValueKind::Other => Self::Other(StringColumn::Plain(Strings::default())),
        }
    }

    #[inline]
    pub(super) fn kind(&self) -> ValueKind {
        match self {
            Self::Str(_) => ValueKind::Str,
            Self::Bool(_) => ValueKind::Bool,
            Self::Int(_) => ValueKind::Int,
            Self::Double(_) => ValueKind::Double,
            Self::Other(_) => ValueKind::Other,
        }
    }

    pub(super) fn len(&self) -> u32 {
        let len = match self {
            Self::Str(values) | Self::Other(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Double(values) => values.len(),
        };
        len as u32
    }

    /// Adds a value of this kind; its number is returned.
    #[inline]
    pub(super) fn push(&mut self, value: ValueRef<'_>) -> u32 {
        let at = self.len();
        match (self, value) {
            (Self::Str(values), ValueRef::Str(value)) => plain(values).push(value.as_bytes()),
            (Self::Bool(values), ValueRef::Bool(value)) => values.push([u8::from(value)]),
            (Self::Int(values), ValueRef::Int(value)) => values.push(value as u64),
            (Self::Double(values), ValueRef::Double(value)) => values.push(value),
            (Self::Other(values), ValueRef::Other(value)) => plain(values).push(value),
            _ => debug_assert!(false, "a value of another kind than its column"),
        }
        at
    }

    /// The value of this number, which must be below [`Self::len`].
    #[inline]
    pub(super) fn get(&self, at: u32) -> ValueRef<'_> {
        let at = at as usize;
        match self {
            Self::Str(values) => ValueRef::Str(text(values.get(at))),
            Self::Bool(values) => ValueRef::Bool(values[at] != [0]),
            Self::Int(values) => ValueRef::Int(values[at] as i64),
            Self::Double(values) => ValueRef::Double(values[at]),
            Self::Other(values) => ValueRef::Other(values.get(at)),
        }
    }

    /// Adds a run of values of a column of the same kind; their bytes, if they are texts, are returned.
    #[inline]
    pub(super) fn extend(&mut self, from: &Self, run: Range<u32>) -> usize {
        let run = run.start as usize..run.end as usize;
        match (self, from) {
            (Self::Str(values), Self::Str(from)) | (Self::Other(values), Self::Other(from)) => {
                let to = plain(values);
                let before = to.bytes();
                match from {
                    StringColumn::Plain(from) => to.extend(from, run),
                    StringColumn::Dictionary { .. } => run.for_each(|at| to.push(from.get(at))),
                }
                return to.bytes() - before;
            }
            (Self::Bool(values), Self::Bool(from)) => values.extend_from_slice(&from[run]),
            (Self::Int(values), Self::Int(from)) => values.extend_from_slice(&from[run]),
            (Self::Double(values), Self::Double(from)) => values.extend_from_slice(&from[run]),
            _ => debug_assert!(false, "columns of two kinds"),
        }
        0
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        match self {
            Self::Str(StringColumn::Plain(values)) | Self::Other(StringColumn::Plain(values)) => values.memory(),
            Self::Str(StringColumn::Dictionary { values, codes })
            | Self::Other(StringColumn::Dictionary { values, codes }) => values.memory() + codes.capacity() * 4,
            Self::Bool(values) => values.capacity(),
            Self::Int(values) => values.capacity() * 8,
            Self::Double(values) => values.capacity() * 8,
        }
    }

    /// Appends the column's bytes.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Str(values) | Self::Other(values) => match values {
                StringColumn::Plain(values) => strings::encode(values, out),
                StringColumn::Dictionary { .. } => {
                    let mut plain = Strings::default();
                    (0..values.len()).for_each(|at| plain.push(values.get(at)));
                    strings::encode(&plain, out);
                }
            },
            Self::Bool(values) => fixed::encode(values, out),
            Self::Int(values) => ints::encode(values, out),
            Self::Double(values) => floats::encode(values, out),
        }
    }

    /// Decodes `count` values.
    pub(super) fn decode(kind: ValueKind, bytes: &[u8], count: usize) -> Result<Self, Malformed> {
        Ok(match kind {
            ValueKind::Str => Self::Str(texts(strings::decode(bytes, count)?)?),
            ValueKind::Bool => Self::Bool(fixed::decode(bytes, count)?),
            ValueKind::Int => Self::Int(ints::decode(bytes, count)?),
            ValueKind::Double => Self::Double(floats::decode(bytes, count)?),
            ValueKind::Other => Self::Other(strings::decode(bytes, count)?),
        })
    }
}

/// Only texts are pushed, and what is decoded has been looked at.
#[inline]
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// The column, if all of it is UTF-8.
fn texts(column: StringColumn) -> Result<StringColumn, Malformed> {
    let values = match &column {
        StringColumn::Plain(values) | StringColumn::Dictionary { values, .. } => values,
    };
    let valid = values.iter().all(|value| std::str::from_utf8(value).is_ok());
    if valid { Ok(column) } else { Err(Malformed("a text is not UTF-8")) }
}

/// The values as they can be added to; a dictionary, which only a decoded column is, is written out.
#[inline]
fn plain(values: &mut StringColumn) -> &mut Strings {
    if let StringColumn::Dictionary { values: distinct, codes } = values {
        let mut plain = Strings::default();
        codes.iter().for_each(|code| plain.push(distinct.get(*code as usize)));
        *values = StringColumn::Plain(plain);
    }
    match values {
        StringColumn::Plain(values) => values,
        StringColumn::Dictionary { .. } => unreachable!("it was written out just now"),
    }
}
