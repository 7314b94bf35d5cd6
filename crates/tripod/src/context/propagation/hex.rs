//! Ids as hexadecimal digits, as every format but its separators writes them.

use tripod_wire::{SpanId, TraceId};

use crate::context::{SpanContext, TraceFlags};

/// One to `2 * N` lower-case digits as a big-endian number, padded with zeros on the left.
pub(super) fn number<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.is_empty() || text.len() > 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (place, digit) in text.bytes().rev().enumerate() {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        bytes[N - 1 - place / 2] |= value << (place % 2 * 4);
    }
    Some(bytes)
}

/// A span elsewhere, if the ids are valid.
pub(super) fn remote(trace_id: [u8; 16], span_id: [u8; 8], flags: TraceFlags) -> Option<SpanContext> {
    let span = SpanContext { trace_id: TraceId(trace_id), span_id: SpanId(span_id), flags, remote: true };
    span.is_valid().then_some(span)
}

/// The digits of both ids.
pub(super) fn ids(span: &SpanContext) -> ([u8; 32], [u8; 16]) {
    let (mut trace_id, mut span_id) = ([0; 32], [0; 16]);
    span.trace_id.write_hex(&mut trace_id);
    span.span_id.write_hex(&mut span_id);
    (trace_id, span_id)
}

/// The digit of the flag that most formats have.
pub(super) fn sampled(span: &SpanContext) -> u8 {
    b'0' + u8::from(span.is_sampled())
}

/// A header that was put together from digits and separators, so is text.
pub(super) fn text(header: &[u8]) -> &str {
    std::str::from_utf8(header).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_are_padded_on_the_left_and_others_refused() {
        assert_eq!(number::<2>("abc"), Some([0x0a, 0xbc]));
        assert_eq!(number::<2>("abcd"), Some([0xab, 0xcd]));
        for refused in ["", "abcde", "AB", "0x", "é", "+1", " 1"] {
            assert_eq!(number::<2>(refused), None, "{refused}");
        }
    }
}
