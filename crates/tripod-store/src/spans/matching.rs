//! Whether who emitted a row satisfies a condition on attributes.

use tripod_wire::otlp::trace::StatusCode;
use tripod_wire::otlp::{AnyValue, KeyValue};

use crate::AttributeMatch;
use crate::records::Context;

/// Whether resource or scope have the attribute.
pub(super) fn context_has(context: &Context, wanted: &AttributeMatch) -> bool {
    has(&context.resource.attributes, wanted) || has(&context.scope.attributes, wanted)
}

fn has(attributes: &[KeyValue], wanted: &AttributeMatch) -> bool {
    attributes.iter().any(|attribute| attribute.key == wanted.key && is(&attribute.value, &wanted.value))
}

fn is(value: &AnyValue, text: &str) -> bool {
    match value {
        AnyValue::String(value) => value == text,
        value => value.to_string() == text,
    }
}

/// Whether a status is that of a failure.
pub(super) fn is_error(status: i32) -> bool {
    StatusCode(status) == StatusCode::ERROR
}
