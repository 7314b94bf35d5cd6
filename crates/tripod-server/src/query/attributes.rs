//! Attribute values as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};
use tripod_wire::otlp::{AnyValue, KeyValue};

/// A value as plain JSON: numbers as numbers (those JSON has none for as text), bytes as base64.
pub(super) fn to_json(value: &AnyValue) -> Value {
    match value {
        AnyValue::Empty => Value::Null,
        AnyValue::String(text) => Value::from(text.as_str()),
        AnyValue::Bool(value) => Value::from(*value),
        AnyValue::Int(value) => Value::from(*value),
        AnyValue::Double(value) => float(*value),
        AnyValue::Array(values) => values.iter().map(to_json).collect(),
        AnyValue::KvList(list) => Value::Object(object(list)),
        AnyValue::Bytes(bytes) => Value::from(STANDARD.encode(bytes)),
    }
}

/// Attributes as a JSON object; of two equal names the last one stays.
pub(super) fn object(attributes: &[KeyValue]) -> Map<String, Value> {
    attributes.iter().map(|attribute| (attribute.key.clone(), to_json(&attribute.value))).collect()
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(|| Value::from(tripod_promql::format_float(value)), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_type_where_json_has_it() {
        let list = [
            KeyValue::new("i", i64::MAX),
            KeyValue::new("nan", f64::NAN),
            KeyValue { key: "b".to_owned(), value: AnyValue::Bytes(vec![1, 2]) },
            KeyValue { key: "l".to_owned(), value: AnyValue::Array(vec![true.into(), AnyValue::Empty]) },
        ];
        let text = Value::Object(object(&list)).to_string();
        assert_eq!(text, r#"{"b":"AQI=","i":9223372036854775807,"l":[true,null],"nan":"NaN"}"#);
    }
}
