//! A label's value, copied: a call's labels are needed at its end too, when its arguments are gone.

use std::fmt::{self, Write};

use crate::{ToValue, Value};

/// Text up to so long is kept without an allocation.
const SHORT: usize = 38;

/// A value of its own.
pub struct Held(Kind);

enum Kind {
    Empty,
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(Box<[u8]>),
    Text(Text),
}

impl Held {
    /// A copy.
    #[inline]
    pub fn of(value: Value<'_>) -> Self {
        Self(match value {
            Value::Empty => Kind::Empty,
            Value::Bool(value) => Kind::Bool(value),
            Value::Int(value) => Kind::Int(value),
            Value::Double(value) => Kind::Double(value),
            Value::Bytes(bytes) => Kind::Bytes(bytes.into()),
            Value::Str(text) => Kind::Text(Text::of(text)),
            other => Kind::Text(Text::written(&other)),
        })
    }
}

impl ToValue for Held {
    #[inline]
    fn to_value(&self) -> Value<'_> {
        match &self.0 {
            Kind::Empty => Value::Empty,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Int(value) => Value::Int(*value),
            Kind::Double(value) => Value::Double(*value),
            Kind::Bytes(bytes) => Value::Bytes(bytes),
            Kind::Text(text) => Value::Str(text.as_str()),
        }
    }
}

enum Text {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(String),
}

impl Text {
    #[inline]
    fn of(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match bytes.get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                Self::Short { len: text.len() as u8, bytes }
            }
            None => Self::Long(text.to_owned()),
        }
    }

    fn written(value: &Value<'_>) -> Self {
        let mut text = Self::of("");
        // A `Display` that fails leaves the text short.
        let _ = write!(text, "{value}");
        text
    }

    #[inline]
    fn as_str(&self) -> &str {
        match self {
            // SAFETY: the first `len` bytes were copied from texts, each as a whole.
            Self::Short { len, bytes } => unsafe { std::str::from_utf8_unchecked(&bytes[..usize::from(*len)]) },
            Self::Long(text) => text,
        }
    }
}

impl Write for Text {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        match self {
            Self::Short { len, bytes } => {
                let from = usize::from(*len);
                if let Some(room) = bytes.get_mut(from..from + more.len()) {
                    room.copy_from_slice(more.as_bytes());
                    *len += more.len() as u8;
                } else {
                    *self = Self::Long([self.as_str(), more].concat());
                }
            }
            Self::Long(text) => text.push_str(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_held_as_it_was_whatever_its_length() {
        let shows = |value: Value<'_>| Held::of(value).to_value().to_string();
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 300] {
            let text = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            assert_eq!(shows(Value::Str(&text)), text);
            assert_eq!(shows(Value::Display(&format_args!("{text}{text}"))), text.repeat(2));
        }
        assert!(matches!(Held::of(Value::Int(-7)).to_value(), Value::Int(-7)));
        assert!(matches!(Held::of(Value::Bool(true)).to_value(), Value::Bool(true)));
        assert!(matches!(Held::of(Value::Bytes(&[1, 2])).to_value(), Value::Bytes([1, 2])));
        assert!(matches!(Held::of(Value::Empty).to_value(), Value::Empty));
    }
}
