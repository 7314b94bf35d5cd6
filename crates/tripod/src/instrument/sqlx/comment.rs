//! The context of a span as a comment behind the query, by the format that sqlcommenter has, for the database's own log.

use std::collections::HashMap;

use crate::Span;
use crate::context::propagation;

/// The query with the comment; none where the span isn't recorded, or where the query has a comment that this could be taken for.
pub(super) fn commented(query: &str, span: &mut Span) -> Option<String> {
    if !span.is_recording() || query.contains("/*") || query.contains("--") {
        return None;
    }
    let mut carrier: HashMap<String, String> = HashMap::new();
    span.in_scope(|| propagation::inject(&mut carrier));
    let mut out = String::with_capacity(query.len() + 96);
    out.push_str(query.trim_end().trim_end_matches(';'));
    let mut separator = " /*";
    for key in ["traceparent", "tracestate"] {
        if let Some(value) = carrier.get(key) {
            out.push_str(separator);
            out.push_str(key);
            out.push_str("='");
            push_encoded(&mut out, value);
            out.push('\'');
            separator = ",";
        }
    }
    (separator == ",").then(|| out + "*/")
}

/// What a comment in a query can't be ended by.
fn push_encoded(out: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}
