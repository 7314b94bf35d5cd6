//! An attribute's value, borrowed: from a request, or from a column.

use std::fmt::Write;

use tripod_wire::WireError;
use tripod_wire::otlp::AnyValue;
use tripod_wire::proto::{Message, Reader, WireType};

/// A value that is not copied. What is none of the four plain kinds is kept as the bytes that came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ValueRef<'a> {
    /// Text.
    Str(&'a str),
    /// A truth value.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// A 64-bit float.
    Double(f64),
    /// An `AnyValue` in protobuf that can be decoded: arrays, lists, bytes, no value, and what was not encoded as usual.
    Other(&'a [u8]),
}

/// The type of a value. The numbers are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Str = 0,
    Bool = 1,
    Int = 2,
    Double = 3,
    Other = 4,
}

impl ValueKind {
    /// The kind of this number.
    pub(crate) fn of(number: u8) -> Option<Self> {
        [Self::Str, Self::Bool, Self::Int, Self::Double, Self::Other].get(usize::from(number)).copied()
    }
}

impl<'a> ValueRef<'a> {
    /// Reads a field that holds an `AnyValue`; its tag has been read.
    ///
    /// # Errors
    /// When the bytes are no `AnyValue`: what is kept can be decoded later.
    #[inline]
    pub(crate) fn read(reader: &mut Reader<'a>, wire_type: WireType) -> Result<Self, WireError> {
        let at_field = reader.clone();
        let bytes = reader.bytes(wire_type)?;
        match plain(bytes) {
            Some(value) => Ok(value),
            None => Self::read_other(at_field, wire_type, bytes),
        }
    }

    /// The value that these bytes are, which have been read before.
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        plain(bytes).unwrap_or(Self::Other(bytes))
    }

    #[cold]
    fn read_other(mut at_field: Reader<'_>, wire_type: WireType, bytes: &'a [u8]) -> Result<Self, WireError> {
        at_field.nested(wire_type, AnyValue::NAME, |reader| AnyValue::default().merge(reader))?;
        Ok(Self::Other(bytes))
    }

    /// Its type.
    #[inline]
    pub(crate) fn kind(self) -> ValueKind {
        match self {
            Self::Str(_) => ValueKind::Str,
            Self::Bool(_) => ValueKind::Bool,
            Self::Int(_) => ValueKind::Int,
            Self::Double(_) => ValueKind::Double,
            Self::Other(_) => ValueKind::Other,
        }
    }

    /// The value as text, as queries compare it: `200`, `true`, `["a",1]`. `buffer` is where it is written if it has to be.
    pub(crate) fn text<'b>(self, buffer: &'b mut String) -> &'b str
    where
        'a: 'b,
    {
        buffer.clear();
        let written = match self {
            Self::Str(text) => return text,
            Self::Bool(value) => return if value { "true" } else { "false" },
            Self::Int(value) => write!(buffer, "{value}"),
            Self::Double(value) => write!(buffer, "{value}"),
            Self::Other(_) => write!(buffer, "{}", self.to_any()),
        };
        debug_assert!(written.is_ok(), "a string takes all");
        buffer
    }

    /// Whether its text is this.
    pub(crate) fn is_text(self, text: &str) -> bool {
        match self {
            Self::Str(value) => value == text,
            Self::Bool(value) => text == if value { "true" } else { "false" },
            // Numbers have one text each: what does not read as this number is not its text.
            Self::Int(value) => text.parse() == Ok(value) && self.text(&mut String::new()) == text,
            _ => self.text(&mut String::new()) == text,
        }
    }

    /// The value on its own.
    pub(crate) fn to_any(self) -> AnyValue {
        match self {
            Self::Str(text) => AnyValue::String(text.to_owned()),
            Self::Bool(value) => AnyValue::Bool(value),
            Self::Int(value) => AnyValue::Int(value),
            Self::Double(value) => AnyValue::Double(value),
            Self::Other(bytes) => AnyValue::decode(bytes).unwrap_or_default(),
        }
    }
}

/// A value of whose text it is not known whether it is UTF-8.
#[derive(Debug, Clone, Copy)]
pub(super) enum RawValue<'a> {
    Str(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Other(&'a [u8]),
}

impl<'a> RawValue<'a> {
    /// The value, unless it is a text that is not UTF-8.
    #[inline]
    fn checked(self) -> Option<ValueRef<'a>> {
        Some(match self {
            Self::Str(text) => ValueRef::Str(std::str::from_utf8(text).ok()?),
            Self::Bool(value) => ValueRef::Bool(value),
            Self::Int(value) => ValueRef::Int(value),
            Self::Double(value) => ValueRef::Double(value),
            Self::Other(bytes) => ValueRef::Other(bytes),
        })
    }

    /// Its type.
    #[inline]
    pub(super) fn kind(self) -> ValueKind {
        match self {
            Self::Str(_) => ValueKind::Str,
            Self::Bool(_) => ValueKind::Bool,
            Self::Int(_) => ValueKind::Int,
            Self::Double(_) => ValueKind::Double,
            Self::Other(_) => ValueKind::Other,
        }
    }
}

impl<'a> From<ValueRef<'a>> for RawValue<'a> {
    #[inline]
    fn from(value: ValueRef<'a>) -> Self {
        match value {
            ValueRef::Str(text) => Self::Str(text.as_bytes()),
            ValueRef::Bool(value) => Self::Bool(value),
            ValueRef::Int(value) => Self::Int(value),
            ValueRef::Double(value) => Self::Double(value),
            ValueRef::Other(bytes) => Self::Other(bytes),
        }
    }
}

/// The value of an `AnyValue` that is one field of a plain kind and nothing else, as all senders write it.
#[inline]
fn plain(bytes: &[u8]) -> Option<ValueRef<'_>> {
    raw(bytes)?.checked()
}

#[inline]
fn raw(bytes: &[u8]) -> Option<RawValue<'_>> {
    let (tag, rest) = bytes.split_first()?;
    match tag {
        0x0a => delimited(rest).filter(|(_, rest)| rest.is_empty()).map(|(text, _)| RawValue::Str(text)),
        0x10 => varint(rest).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| RawValue::Bool(value != 0)),
        0x18 => varint(rest).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| RawValue::Int(value as i64)),
        0x21 => rest.try_into().ok().map(|bits| RawValue::Double(f64::from_le_bytes(bits))),
        _ => None,
    }
}

/// Key and value of a `KeyValue` that has both, in this order, and nothing else, as all senders write it. The key may not be UTF-8.
#[inline]
pub(super) fn plain_entry(bytes: &[u8]) -> Option<(&[u8], RawValue<'_>)> {
    let (0x0a, rest) = bytes.split_first()? else { return None };
    let (key, rest) = delimited(rest)?;
    let (0x12, rest) = rest.split_first()? else { return None };
    let (value, rest) = delimited(rest)?;
    if rest.is_empty() { Some((key, raw(value)?)) } else { None }
}

/// Bytes with their length in front.
#[inline]
fn delimited(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = varint(bytes)?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}

/// A number of up to nine bytes at the front; longer ones are left to the decoder.
#[inline]
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    if let [byte @ ..0x80, rest @ ..] = bytes {
        return Some(((*byte).into(), rest));
    }
    long_varint(bytes)
}

fn long_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    negative(bytes)
}

/// A number of ten bytes, as every negative one is.
fn negative(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_at_checked(10)?;
    (number[9] == 1 && number[..9].iter().all(|byte| byte & 0x80 != 0)).then_some(())?;
    let low = number[..9].iter().enumerate().fold(0, |value, (at, byte)| value | u64::from(byte & 0x7f) << (7 * at));
    Some((low | 1 << 63, rest))
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use tripod_wire::otlp::KeyValue;
    use tripod_wire::proto::{put_bytes, put_len_delimited};

    use super::*;

    /// Any value, nested ones too.
    pub(crate) fn any_value() -> impl Strategy<Value = AnyValue> {
        let leaf = prop_oneof![
            Just(AnyValue::Empty),
            ".{0,12}".prop_map(AnyValue::String),
            any::<bool>().prop_map(AnyValue::Bool),
            any::<i64>().prop_map(AnyValue::Int),
            (-3..300i64).prop_map(AnyValue::Int),
            any::<u64>().prop_map(|bits| AnyValue::Double(f64::from_bits(bits))),
            proptest::collection::vec(any::<u8>(), 0..8).prop_map(AnyValue::Bytes),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(AnyValue::Array),
                proptest::collection::vec(("[a-c]{0,2}", inner), 0..4).prop_map(|entries| {
                    AnyValue::KvList(entries.into_iter().map(|(key, value)| KeyValue { key, value }).collect())
                }),
            ]
        })
    }

    fn field(bytes: &[u8]) -> Vec<u8> {
        let mut field = Vec::new();
        put_bytes(&mut field, 2, bytes);
        field
    }

    fn read(field: &[u8]) -> Result<ValueRef<'_>, WireError> {
        let mut reader = Reader::new(field, "KeyValue");
        let (_, wire_type) = reader.next_field()?.unwrap();
        ValueRef::read(&mut reader, wire_type)
    }

    /// Equal bit by bit, so that NaN equals itself.
    fn same(left: &AnyValue, right: &AnyValue) -> bool {
        left.encode_to_vec() == right.encode_to_vec()
    }

    proptest! {
        #[test]
        fn a_value_is_read_as_the_decoder_reads_it(value in any_value()) {
            let field = field(&value.encode_to_vec());
            let read = read(&field).unwrap();
            prop_assert!(same(&read.to_any(), &value));
            let mut buffer = String::new();
            prop_assert_eq!(read.text(&mut buffer), value.to_string());
            prop_assert!(read.is_text(&value.to_string()));
        }

        #[test]
        fn any_bytes_are_read_as_the_decoder_reads_them(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), 0u8..3, Just(0x0a), Just(0x18), Just(0x80)], 0..16)) {
            let field = field(&bytes);
            match (read(&field), AnyValue::decode(&bytes)) {
                (Ok(read), Ok(decoded)) => prop_assert!(same(&read.to_any(), &decoded)),
                (Err(_), Err(_)) => {}
                (read, decoded) => prop_assert!(false, "{read:?}, but {decoded:?}"),
            }
        }
    }

    #[test]
    fn a_number_is_not_found_by_another_way_to_write_it() {
        assert!(ValueRef::Int(200).is_text("200") && ValueRef::Double(200.0).is_text("200"));
        assert!(!ValueRef::Int(200).is_text("+200") && !ValueRef::Int(200).is_text("0200"));
        assert!(!ValueRef::Double(200.0).is_text("2e2"));
    }

    #[test]
    fn a_list_sent_in_parts_is_joined() {
        let mut bytes = Vec::new();
        for word in ["a", "b"] {
            put_len_delimited(&mut bytes, 5, |out| put_bytes(out, 1, &AnyValue::from(word).encode_to_vec()));
        }
        assert_eq!(read(&field(&bytes)).unwrap().to_any(), AnyValue::Array(vec!["a".into(), "b".into()]));
    }
}
