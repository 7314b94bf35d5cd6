//! Reads back what [`crate::encode`] wrote, for those who look at a record before it leaves.

use tripod_wire::proto::{Reader, WireType};

use crate::Value;

/// The fields of a message that was written in this process: number and contents. Ends at the first byte that is none.
pub(crate) struct Fields<'a>(Reader<'a>);

/// What a field holds.
#[derive(Clone, Copy)]
pub(crate) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self(Reader::new(message, "record"))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Field<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (number, wire_type) = self.0.next_field().ok()??;
        let field = match wire_type {
            WireType::Len => Field::Bytes(self.0.bytes(wire_type).ok()?),
            WireType::Varint => Field::Number(self.0.varint(wire_type).ok()?),
            WireType::Fixed64 => Field::Number(self.0.fixed64(wire_type).ok()?),
            WireType::Fixed32 => Field::Number(u64::from(self.0.fixed32(wire_type).ok()?)),
            WireType::StartGroup | WireType::EndGroup => return None,
        };
        Some((number, field))
    }
}

impl<'a> Field<'a> {
    pub(crate) fn text(self) -> &'a str {
        self.bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    pub(crate) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Number(_) => None,
        }
    }

    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Bytes(_) => 0,
        }
    }
}

/// Key and value of a `KeyValue` message. A list, which has no borrowed form, reads as empty.
pub(crate) fn key_value(message: &[u8]) -> (&str, Value<'_>) {
    let (mut key, mut value) = ("", Value::Empty);
    for (number, field) in Fields::new(message) {
        match number {
            1 => key = field.text(),
            2 => value = field.bytes().map_or(Value::Empty, any_value),
            _ => {}
        }
    }
    (key, value)
}

pub(crate) fn any_value(message: &[u8]) -> Value<'_> {
    match Fields::new(message).next() {
        Some((1, field)) => Value::Str(field.text()),
        Some((2, field)) => Value::Bool(field.number() != 0),
        Some((3, field)) => Value::Int(field.number() as i64),
        Some((4, field)) => Value::Double(f64::from_bits(field.number())),
        Some((7, field)) => field.bytes().map_or(Value::Empty, Value::Bytes),
        _ => Value::Empty,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode;

    #[test]
    fn what_was_written_is_read_back() {
        let values = [
            Value::Str("a text"),
            Value::Bool(true),
            Value::Int(-3),
            Value::Double(0.5),
            Value::Bytes(&[1, 255]),
            Value::Empty,
        ];
        for value in values {
            let mut out = encode::Buffer::default();
            encode::attribute(&mut out, 9, "the.key", &value, u32::MAX);
            let (number, field) = Fields::new(out.as_slice()).next().unwrap();
            let (key, read) = key_value(field.bytes().unwrap());
            assert_eq!((number, key, format!("{read:?}")), (9, "the.key", format!("{value:?}")));
        }
    }

    #[test]
    fn bytes_that_are_no_message_end_the_reading() {
        assert_eq!(Fields::new(&[0xff; 20]).count(), 0);
        assert_eq!(key_value(&[0x0a, 200]).0, "");
    }
}
