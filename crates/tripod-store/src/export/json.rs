//! Attributes as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};
use tripod_wire::otlp::{AnyValue, KeyValue};

/// Attributes as an object; of two equal keys the last one stays. Nothing where there are none.
pub(super) fn object(attributes: &[KeyValue]) -> Option<String> {
    (!attributes.is_empty()).then(|| Value::Object(map(attributes)).to_string())
}

/// A text as it is, anything else as JSON; nothing where there is no value.
pub(super) fn text(value: &AnyValue) -> Option<String> {
    match value {
        AnyValue::Empty => None,
        AnyValue::String(text) => Some(text.clone()),
        other => Some(self::value(other).to_string()),
    }
}

/// A list of objects. Nothing where there are none.
pub(super) fn list<T>(items: &[T], object: impl Fn(&T) -> Value) -> Option<String> {
    (!items.is_empty()).then(|| items.iter().map(object).collect::<Value>().to_string())
}

/// Attributes within an object.
pub(super) fn map(attributes: &[KeyValue]) -> Map<String, Value> {
    attributes.iter().map(|attribute| (attribute.key.clone(), value(&attribute.value))).collect()
}

/// Numbers that JSON has none for are texts, bytes are base64.
fn value(value: &AnyValue) -> Value {
    match value {
        AnyValue::Empty => Value::Null,
        AnyValue::String(text) => Value::from(text.as_str()),
        AnyValue::Bool(value) => Value::from(*value),
        AnyValue::Int(value) => Value::from(*value),
        AnyValue::Double(value) => {
            Number::from_f64(*value).map_or_else(|| Value::from(value.to_string()), Value::Number)
        }
        AnyValue::Array(values) => values.iter().map(self::value).collect(),
        AnyValue::KvList(list) => Value::Object(map(list)),
        AnyValue::Bytes(bytes) => Value::from(STANDARD.encode(bytes)),
    }
}
