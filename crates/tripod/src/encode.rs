//! OTLP's bytes, written straight from what the caller holds: no message is built first.
//!
//! Lengths of plain values are known before they are written; what is formatted (`%value`, lists) is written first and its length
//! put in front after.

use std::fmt::{self, Write};

use tripod_wire::otlp::trace::{SpanKind, StatusCode};
use tripod_wire::proto::{
    Reader, WireType, put_bytes, put_fixed32, put_fixed64, put_len_delimited, put_tag, put_varint, varint_len,
};

use crate::Value;
use crate::context::{SpanContext, TraceFlags};

/// Field numbers of the OTLP messages that are written here.
pub(crate) mod field {
    pub(crate) const SPAN_TRACE_STATE: u32 = 3;
    pub(crate) const SPAN_ATTRIBUTES: u32 = 9;
    pub(crate) const SPAN_DROPPED_ATTRIBUTES: u32 = 10;
    pub(crate) const SPAN_EVENTS: u32 = 11;
    pub(crate) const SPAN_DROPPED_EVENTS: u32 = 12;
    pub(crate) const SPAN_LINKS: u32 = 13;
    pub(crate) const SPAN_DROPPED_LINKS: u32 = 14;
    pub(crate) const SPAN_STATUS: u32 = 15;
    pub(crate) const EVENT_ATTRIBUTES: u32 = 3;
    pub(crate) const LINK_ATTRIBUTES: u32 = 4;
    pub(crate) const LOG_BODY: u32 = 5;
    pub(crate) const LOG_ATTRIBUTES: u32 = 6;
}

/// How deep lists may nest in a value.
const MAX_DEPTH: usize = 8;

/// A number, left out when zero.
#[inline]
pub(crate) fn count(out: &mut Vec<u8>, field: u32, value: u32) {
    if value != 0 {
        put_tag(out, field, WireType::Varint);
        put_varint(out, u64::from(value));
    }
}

/// An attribute: a `KeyValue` message in the given field.
#[inline]
pub(crate) fn attribute(out: &mut Vec<u8>, field: u32, key: &str, value: Value<'_>) {
    match plain_len(value) {
        Some(value_len) => {
            let key_len = 1 + varint_len(key.len() as u64) + key.len();
            put_tag(out, field, WireType::Len);
            put_varint(out, (key_len + 1 + varint_len(value_len as u64) + value_len) as u64);
            put_bytes(out, 1, key.as_bytes());
            put_tag(out, 2, WireType::Len);
            put_varint(out, value_len as u64);
            any_value(out, value, 0);
        }
        None => put_len_delimited(out, field, |out| {
            put_bytes(out, 1, key.as_bytes());
            put_len_delimited(out, 2, |out| any_value(out, value, 0));
        }),
    }
}

/// The key of an attribute that [`attribute`] wrote.
pub(crate) fn attribute_key(written: &[u8]) -> &[u8] {
    fn first_field(bytes: &[u8]) -> Option<&[u8]> {
        let mut reader = Reader::new(bytes, "KeyValue");
        let (_, wire_type) = reader.next_field().ok()??;
        reader.bytes(wire_type).ok()
    }
    first_field(written).and_then(first_field).unwrap_or_default()
}

/// Length of an `AnyValue` message, where it is known without formatting.
#[inline]
fn plain_len(value: Value<'_>) -> Option<usize> {
    Some(match value {
        Value::Empty => 0,
        Value::Str(text) => 1 + varint_len(text.len() as u64) + text.len(),
        Value::Bytes(bytes) => 1 + varint_len(bytes.len() as u64) + bytes.len(),
        Value::Bool(_) => 2,
        Value::Int(value) => 1 + varint_len(value as u64),
        Value::Double(_) => 9,
        Value::List(_) | Value::Display(_) | Value::Debug(_) => return None,
    })
}

/// The fields of an `AnyValue` message.
pub(crate) fn any_value(out: &mut Vec<u8>, value: Value<'_>, depth: usize) {
    match value {
        Value::Empty => {}
        Value::Str(text) => put_bytes(out, 1, text.as_bytes()),
        Value::Bool(value) => {
            put_tag(out, 2, WireType::Varint);
            out.push(u8::from(value));
        }
        Value::Int(value) => {
            put_tag(out, 3, WireType::Varint);
            put_varint(out, value as u64);
        }
        Value::Double(value) => put_fixed64(out, 4, value.to_bits()),
        Value::Bytes(value) => put_bytes(out, 7, value),
        Value::Display(value) => text(out, 1, format_args!("{value}")),
        Value::Debug(value) => text(out, 1, format_args!("{value:?}")),
        Value::List(_) if depth >= MAX_DEPTH => {}
        Value::List(list) => put_len_delimited(out, 5, |out| {
            list.each(&mut |item| put_len_delimited(out, 1, |out| any_value(out, item, depth + 1)));
        }),
    }
}

/// Formatted text.
fn text(out: &mut Vec<u8>, field: u32, format: fmt::Arguments<'_>) {
    if let Some(text) = format.as_str() {
        return put_bytes(out, field, text.as_bytes());
    }
    put_len_delimited(out, field, |out| {
        // A `Display` that fails leaves the text short: telemetry does not fail for it.
        let _ = Appender(out).write_fmt(format);
    });
}

struct Appender<'a>(&'a mut Vec<u8>);

impl Write for Appender<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// A finished span.
pub(crate) struct SpanParts<'a> {
    pub(crate) context: &'a SpanContext,
    pub(crate) parent: &'a SpanContext,
    pub(crate) name: &'a str,
    pub(crate) kind: SpanKind,
    pub(crate) start_unix_nanos: u64,
    pub(crate) end_unix_nanos: u64,
    /// Further fields, encoded already.
    pub(crate) body: &'a [u8],
}

/// Bytes of the ids with their tags and lengths: trace, span, parent.
const IDS: usize = 18 + 10 + 10;
/// Bytes of the name's tag and length, at most.
const NAME_PREFIX: usize = 1 + 5;
/// Bytes of kind, start, end and flags with their tags.
const TAIL: usize = 2 + 9 + 9 + 6;

/// How much room [`span`] may need.
#[inline]
pub(crate) fn span_room(name: &str, body: &[u8]) -> usize {
    IDS + NAME_PREFIX + name.len() + TAIL + body.len()
}

/// Writes a span into `out`, which has [`span_room`]; answers how many bytes it took.
///
/// What all spans have is laid out in arrays of fixed size, so that the compiler copies words rather than bytes: this is the
/// hottest place of all.
#[inline]
pub(crate) fn span(out: &mut [u8], span: &SpanParts<'_>) -> usize {
    let mut ids = [0; IDS];
    ids[0] = 1 << 3 | 2;
    ids[1] = 16;
    ids[2..18].copy_from_slice(&span.context.trace_id.0);
    ids[18] = 2 << 3 | 2;
    ids[19] = 8;
    ids[20..28].copy_from_slice(&span.context.span_id.0);
    ids[28] = 4 << 3 | 2;
    ids[29] = 8;
    ids[30..38].copy_from_slice(&span.parent.span_id.0);
    out[..IDS].copy_from_slice(&ids);
    // Without a parent, what follows overwrites it.
    let mut at = if span.parent.is_valid() { IDS } else { IDS - 10 };

    out[at] = 5 << 3 | 2;
    at += 1;
    let mut len = span.name.len();
    while len >= 0x80 {
        out[at] = len as u8 | 0x80;
        at += 1;
        len >>= 7;
    }
    out[at] = len as u8;
    at += 1;
    out[at..at + span.name.len()].copy_from_slice(span.name.as_bytes());
    at += span.name.len();

    let mut tail = [0; TAIL];
    tail[0] = 6 << 3;
    // A kind has one digit; what lies beyond is a newer protocol's, and not made here.
    tail[1] = span.kind.0.clamp(0, 0x7f) as u8;
    tail[2] = 7 << 3 | 1;
    tail[3..11].copy_from_slice(&span.start_unix_nanos.to_le_bytes());
    tail[11] = 8 << 3 | 1;
    tail[12..20].copy_from_slice(&span.end_unix_nanos.to_le_bytes());
    tail[20..22].copy_from_slice(&[0x85, 0x01]);
    tail[22..26].copy_from_slice(&flags(span.context.flags, span.parent.remote).to_le_bytes());
    out[at..at + TAIL].copy_from_slice(&tail);
    at += TAIL;

    out[at..at + span.body.len()].copy_from_slice(span.body);
    at + span.body.len()
}

/// W3C's flags, and whether the other span is remote: bit 8 says that bit 9 is meant.
fn flags(trace: TraceFlags, remote: bool) -> u32 {
    u32::from(trace.to_w3c()) | 0x100 | u32::from(remote) << 9
}

/// A span's status, left out when unset.
pub(crate) fn status(out: &mut Vec<u8>, code: StatusCode, text: &str) {
    if code == StatusCode::UNSET {
        return;
    }
    put_len_delimited(out, field::SPAN_STATUS, |out| {
        if !text.is_empty() {
            put_bytes(out, 2, text.as_bytes());
        }
        put_tag(out, 3, WireType::Varint);
        put_varint(out, code.0 as u64);
    });
}

/// An event of a span.
pub(crate) fn event(out: &mut Vec<u8>, time_unix_nanos: u64, name: &str, attributes: &[(&str, Value<'_>)]) {
    put_len_delimited(out, field::SPAN_EVENTS, |out| {
        put_fixed64(out, 1, time_unix_nanos);
        put_bytes(out, 2, name.as_bytes());
        for (key, value) in attributes {
            attribute(out, field::EVENT_ATTRIBUTES, key, *value);
        }
    });
}

/// A link of a span.
pub(crate) fn link(out: &mut Vec<u8>, to: &SpanContext, attributes: &[(&str, Value<'_>)]) {
    put_len_delimited(out, field::SPAN_LINKS, |out| {
        put_bytes(out, 1, &to.trace_id.0);
        put_bytes(out, 2, &to.span_id.0);
        for (key, value) in attributes {
            attribute(out, field::LINK_ATTRIBUTES, key, *value);
        }
        put_fixed32(out, 6, flags(to.flags, to.remote));
    });
}

/// A log record.
pub(crate) struct Log<'a> {
    pub(crate) time_unix_nanos: u64,
    pub(crate) severity: i32,
    pub(crate) severity_text: &'a str,
    pub(crate) message: fmt::Arguments<'a>,
    pub(crate) attributes: &'a [(&'a str, Value<'a>)],
    pub(crate) span: SpanContext,
}

impl Log<'_> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_fixed64(out, 1, self.time_unix_nanos);
        put_fixed64(out, 11, self.time_unix_nanos);
        put_tag(out, 2, WireType::Varint);
        put_varint(out, self.severity as u64);
        put_bytes(out, 3, self.severity_text.as_bytes());
        put_len_delimited(out, field::LOG_BODY, |out| text(out, 1, self.message));
        for (key, value) in self.attributes {
            attribute(out, field::LOG_ATTRIBUTES, key, *value);
        }
        if self.span.is_valid() {
            put_fixed32(out, 8, u32::from(self.span.flags.to_w3c()));
            put_bytes(out, 9, &self.span.trace_id.0);
            put_bytes(out, 10, &self.span.span_id.0);
        }
    }
}
