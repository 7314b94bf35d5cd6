//! Whether attributes satisfy a query's conditions.

use tripod_wire::otlp::{AnyValue, InstrumentationScope, KeyValue, LogRecord, Resource, Span};

use crate::AttributeMatch;

/// Whether one of the attributes has the key and, written as text, the value asked for.
pub(crate) fn has(attributes: &[KeyValue], wanted: &AttributeMatch) -> bool {
    attributes.iter().any(|attribute| attribute.key == wanted.key && is(&attribute.value, &wanted.value))
}

fn is(value: &AnyValue, text: &str) -> bool {
    match value {
        AnyValue::String(value) => value == text,
        value => value.to_string() == text,
    }
}

/// Whether resource or scope have the attribute.
pub(crate) fn context_has(resource: &Resource, scope: &InstrumentationScope, wanted: &AttributeMatch) -> bool {
    has(&resource.attributes, wanted) || has(&scope.attributes, wanted)
}

/// Whether the span or one of its events has the attribute.
pub(crate) fn span_has(span: &Span, wanted: &AttributeMatch) -> bool {
    has(&span.attributes, wanted) || span.events.iter().any(|event| has(&event.attributes, wanted))
}

/// Whether `words`, in lower case, all occur in the body or in values of attributes.
pub(crate) fn log_says(record: &LogRecord, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let values = record.attributes.iter().map(|attribute| &attribute.value);
    let texts: Vec<String> = values.chain([&record.body]).map(|value| value.to_string().to_lowercase()).collect();
    words.iter().all(|word| texts.iter().any(|text| text.contains(word.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_matches_by_its_text_whatever_its_type() {
        let attributes = [KeyValue::new("status", 200), KeyValue::new("ok", true), KeyValue::new("method", "GET")];
        let has = |key: &str, value: &str| has(&attributes, &AttributeMatch { key: key.into(), value: value.into() });
        assert!(has("status", "200") && has("ok", "true") && has("method", "GET"));
        assert!(!has("status", "20") && !has("method", "get") && !has("GET", "method"));
    }

    #[test]
    fn all_words_must_occur_somewhere_in_any_case() {
        let record = LogRecord {
            body: AnyValue::from("Slow Query"),
            attributes: vec![KeyValue::new("table", "Orders"), KeyValue::new("ms", 5000)],
            ..LogRecord::default()
        };
        let says = |words: &[&str]| log_says(&record, &words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        assert!(says(&[]) && says(&["slow query", "orders", "5000"]));
        assert!(!says(&["slow", "customers"]) && !says(&["query orders"]));
    }
}
