//! The values of one column, all of one type.

use std::ops::Range;

use super::texts::Texts;
use crate::columns::{Malformed, fixed, floats, ints};
use crate::records::ValueRef;
use crate::records::picks::Renumbering;
use crate::records::value::{RawValue, ValueKind};

/// Values in the order of the rows that have them.
#[derive(Debug, Clone)]
pub(super) enum Values {
    Str(Texts),
    Bool(Vec<[u8; 1]>),
    Int(Vec<u64>),
    Double(Vec<f64>),
    Other(Texts),
}

impl Values {
    pub(super) fn new(kind: ValueKind) -> Self {
        match kind {
            ValueKind::Str => Self::Str(Texts::default()),
            ValueKind::Bool => Self::Bool(Vec::new()),
            ValueKind::Int => Self::Int(Vec::new()),
            ValueKind::Double => Self::Double(Vec::new()),
            ValueKind::Other => Self::Other(Texts::default()),
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

    /// Adds a value of this kind: its number, and how many bytes texts take more; nothing where a text is not UTF-8. `more` says for
    /// how many more than there are to make room when there is none.
    #[inline]
    pub(super) fn push(&mut self, value: RawValue<'_>, more: impl Fn(usize) -> usize) -> Option<(u32, usize)> {
        match (self, value) {
            (Self::Str(values), RawValue::Str(value)) => values.push(value, is_text, more),
            (Self::Bool(values), RawValue::Bool(value)) => Some((push([u8::from(value)], values, more), 0)),
            (Self::Int(values), RawValue::Int(value)) => Some((push(value as u64, values, more), 0)),
            (Self::Double(values), RawValue::Double(value)) => Some((push(value, values, more), 0)),
            (Self::Other(values), RawValue::Other(value)) => values.push(value, |_| true, more),
            _ => {
                debug_assert!(false, "a value of another kind than its column");
                None
            }
        }
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

    /// Adds a run of values of a column of the same kind; says how many bytes texts take more.
    #[inline]
    pub(super) fn extend(&mut self, from: &Self, run: Range<u32>, known: &mut Renumbering) -> usize {
        let run = run.start as usize..run.end as usize;
        match (self, from) {
            (Self::Str(values), Self::Str(from)) | (Self::Other(values), Self::Other(from)) => {
                return values.extend(from, run, known);
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
            Self::Str(values) | Self::Other(values) => values.capacity(),
            Self::Bool(values) => values.capacity(),
            Self::Int(values) => values.capacity() * 8,
            Self::Double(values) => values.capacity() * 8,
        }
    }

    /// Appends the column's bytes.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Str(values) | Self::Other(values) => values.encode(out),
            Self::Bool(values) => fixed::encode(values, out),
            Self::Int(values) => ints::encode(values, out),
            Self::Double(values) => floats::encode(values, out),
        }
    }

    /// Decodes `count` values.
    pub(super) fn decode(kind: ValueKind, bytes: &[u8], count: usize) -> Result<Self, Malformed> {
        Ok(match kind {
            ValueKind::Str => Self::Str(Texts::decode(bytes, count, is_text)?),
            ValueKind::Bool => Self::Bool(fixed::decode(bytes, count)?),
            ValueKind::Int => Self::Int(ints::decode(bytes, count)?),
            ValueKind::Double => Self::Double(floats::decode(bytes, count)?),
            ValueKind::Other => Self::Other(Texts::decode(bytes, count, |_| true)?),
        })
    }
}

/// Only texts are pushed, and what is decoded has been looked at.
#[inline]
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Most texts are short and ASCII, which is found out faster than that they are UTF-8.
#[inline]
fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}

/// Adds a value; its number is returned.
#[inline]
pub(super) fn push<T>(value: T, values: &mut Vec<T>, more: impl Fn(usize) -> usize) -> u32 {
    let at = values.len();
    if at == values.capacity() {
        values.reserve_exact(more(at));
    }
    values.push(value);
    at as u32
}
