//! What all signals share: attribute values, resources, scopes (`opentelemetry/proto/common/v1`, `…/resource/v1`).

use std::fmt::{self, Write};

use crate::WireError;
use crate::proto::kind::{Bool, Double, Int64, Kind, Many, One, Text, Uint32, put_scalar};
use crate::proto::{Message, Reader, WireType, message, put_bytes, put_len_delimited};

/// An attribute's value, or a log record's body.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum AnyValue {
    /// No value; also what an unknown kind of value becomes.
    #[default]
    Empty,
    /// Text.
    String(String),
    /// A truth value.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// A 64-bit float.
    Double(f64),
    /// Values in order.
    Array(Vec<AnyValue>),
    /// Values by key, in the order they came.
    KvList(Vec<KeyValue>),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// An attribute.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeyValue {
    /// The attribute's name, for example `http.request.method`.
    pub key: String,
    /// Its value.
    pub value: AnyValue,
}

/// What the telemetry is about: a service instance, a host, a process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Resource {
    /// Attributes that identify it, `service.name` first among them.
    pub attributes: Vec<KeyValue>,
    /// How many attributes the sender left out.
    pub dropped_attributes_count: u32,
}

/// The library, module or component that emitted the telemetry.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InstrumentationScope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Further attributes of it.
    pub attributes: Vec<KeyValue>,
    /// How many attributes the sender left out.
    pub dropped_attributes_count: u32,
}

impl KeyValue {
    /// An attribute from anything that converts into a key and a value.
    ///
    /// ```
    /// use tripod_wire::otlp::KeyValue;
    /// let attribute = KeyValue::new("http.response.status_code", 200);
    /// assert_eq!(attribute.value.to_string(), "200");
    /// ```
    pub fn new(key: impl Into<String>, value: impl Into<AnyValue>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

impl Resource {
    /// The value of an attribute, if the resource has it.
    pub fn get(&self, key: &str) -> Option<&AnyValue> {
        find(&self.attributes, key)
    }

    /// `service.name`, or `unknown_service` as the specification's default.
    pub fn service_name(&self) -> &str {
        match self.get("service.name") {
            Some(AnyValue::String(name)) if !name.is_empty() => name,
            _ => "unknown_service",
        }
    }
}

/// The value of the attribute `key` in a list of attributes.
pub fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a AnyValue> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

macro_rules! from {
    ($($from:ty => $variant:ident),*) => {
        $(impl From<$from> for AnyValue {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}
from!(String => String, &str => String, bool => Bool, i64 => Int, i32 => Int, u32 => Int, f64 => Double, Vec<AnyValue> => Array);

impl fmt::Display for AnyValue {
    /// Text as it is; numbers and truth values in their usual form; arrays and lists as JSON; bytes as base64.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::String(text) => f.pad(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value}"),
            Self::Array(_) | Self::KvList(_) => write_json(self, f),
            Self::Bytes(bytes) => write_base64(bytes, f),
        }
    }
}

/// Plain JSON, not OTLP's mapping: `["a",1]`, `{"key":true}`.
fn write_json(value: &AnyValue, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        AnyValue::Empty => f.write_str("null"),
        AnyValue::String(text) => write_json_text(text, f),
        AnyValue::Bool(value) => write!(f, "{value}"),
        AnyValue::Int(value) => write!(f, "{value}"),
        AnyValue::Double(value) if value.is_finite() => write!(f, "{value}"),
        // JSON has no such numbers.
        AnyValue::Double(value) => write!(f, "\"{value}\""),
        AnyValue::Bytes(bytes) => {
            f.write_char('"')?;
            write_base64(bytes, f)?;
            f.write_char('"')
        }
        AnyValue::Array(values) => {
            f.write_char('[')?;
            for (index, value) in values.iter().enumerate() {
                write_comma(index, f)?;
                write_json(value, f)?;
            }
            f.write_char(']')
        }
        AnyValue::KvList(values) => {
            f.write_char('{')?;
            for (index, entry) in values.iter().enumerate() {
                write_comma(index, f)?;
                write_json_text(&entry.key, f)?;
                f.write_char(':')?;
                write_json(&entry.value, f)?;
            }
            f.write_char('}')
        }
    }
}

fn write_comma(index: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if index == 0 { Ok(()) } else { f.write_char(',') }
}

fn write_json_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

fn write_base64(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            f.write_char(if digit <= chunk.len() { char::from(DIGITS[value as usize]) } else { '=' })?;
        }
    }
    Ok(())
}

message! {
    KeyValue {
        1 key "key": Text,
        2 value "value": One<AnyValue>,
    }
}

message! {
    Resource {
        1 attributes "attributes": Many<KeyValue>,
        2 dropped_attributes_count "droppedAttributesCount": Uint32,
    }
}

message! {
    InstrumentationScope {
        1 name "name": Text,
        2 version "version": Text,
        3 attributes "attributes": Many<KeyValue>,
        4 dropped_attributes_count "droppedAttributesCount": Uint32,
    }
}

/// A oneof: what comes last counts, except that lists sent in parts are joined.
impl Message for AnyValue {
    const NAME: &'static str = "AnyValue";

    fn merge_field(&mut self, number: u32, wire_type: WireType, reader: &mut Reader<'_>) -> Result<(), WireError> {
        match number {
            1 => {
                reader.name_field("string_value");
                *self = Self::String(reader.string(wire_type)?.to_owned());
            }
            2 => {
                reader.name_field("bool_value");
                *self = Self::Bool(reader.varint(wire_type)? != 0);
            }
            3 => {
                reader.name_field("int_value");
                *self = Self::Int(reader.varint(wire_type)? as i64);
            }
            4 => {
                reader.name_field("double_value");
                *self = Self::Double(f64::from_bits(reader.fixed64(wire_type)?));
            }
            5 => {
                reader.name_field("array_value");
                if !matches!(self, Self::Array(_)) {
                    *self = Self::Array(Vec::new());
                }
                if let Self::Array(values) = self {
                    reader.nested(wire_type, "ArrayValue", |reader| merge_list(values, reader))?;
                }
            }
            6 => {
                reader.name_field("kvlist_value");
                if !matches!(self, Self::KvList(_)) {
                    *self = Self::KvList(Vec::new());
                }
                if let Self::KvList(values) = self {
                    reader.nested(wire_type, "KeyValueList", |reader| merge_list(values, reader))?;
                }
            }
            7 => {
                reader.name_field("bytes_value");
                *self = Self::Bytes(reader.bytes(wire_type)?.to_owned());
            }
            _ => reader.skip(number, wire_type)?,
        }
        Ok(())
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::String(text) => put_bytes(out, 1, text.as_bytes()),
            Self::Bool(value) => put_scalar::<Bool>(*value, 2, out),
            Self::Int(value) => put_scalar::<Int64>(*value, 3, out),
            Self::Double(value) => put_scalar::<Double>(*value, 4, out),
            Self::Array(values) => put_len_delimited(out, 5, |out| Many::put(values, 1, out)),
            Self::KvList(values) => put_len_delimited(out, 6, |out| Many::put(values, 1, out)),
            Self::Bytes(bytes) => put_bytes(out, 7, bytes),
        }
    }
}

/// `ArrayValue` and `KeyValueList`: a message whose only field, 1, is repeated.
fn merge_list<M: Message>(values: &mut Vec<M>, reader: &mut Reader<'_>) -> Result<(), WireError> {
    while let Some((number, wire_type)) = reader.next_field()? {
        match number {
            1 => {
                reader.name_field("values");
                Many::merge(values, wire_type, reader)?;
            }
            _ => reader.skip(number, wire_type)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_text_json_or_base64() {
        let list = AnyValue::KvList(vec![
            KeyValue::new("a\"b", AnyValue::Array(vec![1.into(), "x\ny".into(), AnyValue::Empty, f64::NAN.into()])),
            KeyValue::new("raw", AnyValue::Bytes(b"hi".to_vec())),
        ]);
        assert_eq!(list.to_string(), r#"{"a\"b":[1,"x\ny",null,"NaN"],"raw":"aGk="}"#);
        assert_eq!(AnyValue::from("plain \"text\"").to_string(), "plain \"text\"");
        assert_eq!(AnyValue::from(0.5).to_string(), "0.5");
    }

    #[test]
    fn base64_is_padded_by_length() {
        let shown = |bytes: &[u8]| AnyValue::Bytes(bytes.to_vec()).to_string();
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| shown(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
        assert_eq!(shown(&[0xfb, 0xff]), "+/8=");
    }
}
