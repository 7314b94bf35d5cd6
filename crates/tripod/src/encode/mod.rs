//! OTLP's bytes, written straight from what the caller holds: no message is built first.
//!
//! Lengths of short attributes are known before they are written; of what is formatted (`%value`, lists) or long, the length is put in
//! front after.

mod buffer;

use std::fmt::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use tripod_wire::otlp::trace::{SpanKind, StatusCode};
use tripod_wire::proto::Reader;

pub(crate) use buffer::{Buffer, copy};

use crate::Value;
use crate::context::{SpanContext, SpanId, TraceFlags};
use crate::limits::{self, Limit};
use crate::logs::redact;
use crate::trace::LinkTo;
use crate::trace::data::Chain;
use crate::value::AnyError;
use buffer::varint;

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
    pub(crate) const EVENT_DROPPED_ATTRIBUTES: u32 = 4;
    pub(crate) const LINK_ATTRIBUTES: u32 = 4;
    pub(crate) const LINK_DROPPED_ATTRIBUTES: u32 = 5;
    pub(crate) const LOG_BODY: u32 = 5;
    pub(crate) const LOG_ATTRIBUTES: u32 = 6;
    pub(crate) const LOG_DROPPED_ATTRIBUTES: u32 = 7;
    pub(crate) const LOG_EVENT_NAME: u32 = 12;
}

/// How deep lists and maps may nest in a value.
const MAX_DEPTH: usize = 8;

/// The longest message whose length takes one byte.
const SHORT: usize = 0x7f;

/// A number, left out when zero.
#[inline]
pub(crate) fn count(out: &mut Buffer, field: u32, value: u32) {
    if value != 0 {
        out.varint_field(field, u64::from(value));
    }
}

/// An attribute: a `KeyValue` message in the given field. Its texts are cut after `max_chars`.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a call for each attribute costs a quarter of writing it")]
pub(crate) fn attribute(out: &mut Buffer, field: u32, key: &str, value: &Value<'_>, max_chars: u32) {
    if redact::is_secret(key) {
        any_attribute(out, field, key, Value::Str(redact::REDACTED), max_chars);
    } else if max_chars != Limit::NONE || !short_attribute(out, field, key, value) {
        any_attribute(out, field, key, *value, max_chars);
    }
}

/// Writes an attribute of which key and value are plain and short, as nearly all are: in one go, each length a byte. The value is looked
/// at where the caller has just put it, part by part: copying it as a whole would have to wait until all parts are there.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as `attribute`")]
fn short_attribute(out: &mut Buffer, field: u32, key: &str, value: &Value<'_>) -> bool {
    /// Tags and lengths of attribute, key and value, and of the value's own field.
    const FRAME: usize = 8;
    const NUMBER: usize = 10;
    let longest = match value {
        Value::Str(text) => text.len(),
        Value::Int(_) | Value::Double(_) | Value::Bool(_) => NUMBER,
        _ => return false,
    };
    if key.len() + longest + FRAME > SHORT {
        return false;
    }
    let (head, rest) = out.room(SHORT).split_at_mut(4);
    let (key_out, frame) = rest.split_at_mut(key.len());
    copy(key_out, key.as_bytes());
    let (frame, number) = frame.split_at_mut(4);
    let (tag, first, value_len) = match value {
        Value::Str(text) => {
            copy(number, text.as_bytes());
            (1 << 3 | 2, text.len() as u8, 2 + text.len())
        }
        Value::Int(value @ 0..0x80) => (3 << 3, *value as u8, 2),
        Value::Int(value) => (3 << 3, *value as u8 | 0x80, 2 + varint(number, *value as u64 >> 7)),
        Value::Double(value) => {
            let [first, rest @ ..] = value.to_bits().to_le_bytes();
            number[..7].copy_from_slice(&rest);
            (4 << 3 | 1, first, 9)
        }
        value => (2 << 3, u8::from(matches!(value, Value::Bool(true))), 2),
    };
    frame.copy_from_slice(&[2 << 3 | 2, value_len as u8, tag, first]);
    let len = 2 + key.len() + 2 + value_len;
    head.copy_from_slice(&[(field << 3) as u8 | 2, len as u8, 1 << 3 | 2, key.len() as u8]);
    out.advance(2 + len);
    true
}

/// Writes an attribute of any length and kind.
#[cold]
fn any_attribute(out: &mut Buffer, field: u32, key: &str, value: Value<'_>, max_chars: u32) {
    out.nested(field, |out| key_value(out, key, value, max_chars, 0));
}

/// The fields of a `KeyValue` message.
fn key_value(out: &mut Buffer, key: &str, value: Value<'_>, max_chars: u32, depth: usize) {
    out.bytes_field(1, key.as_bytes());
    out.nested(2, |out| any_value(out, value, max_chars, depth));
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

/// The fields of an `AnyValue` message.
fn any_value(out: &mut Buffer, value: Value<'_>, max_chars: u32, depth: usize) {
    match value {
        Value::Empty => {}
        Value::Str(text) => out.bytes_field(1, beginning(text, max_chars).as_bytes()),
        Value::Bool(value) => out.varint_field(2, u64::from(value)),
        Value::Int(value) => out.varint_field(3, value as u64),
        Value::Double(value) => out.fixed64_field(4, value.to_bits()),
        Value::Bytes(value) => out.bytes_field(7, &value[..value.len().min(max_chars as usize)]),
        Value::Display(value) => text(out, 1, format_args!("{value}"), max_chars),
        Value::Debug(value) => text(out, 1, format_args!("{value:?}"), max_chars),
        Value::Error(error) => text(out, 1, format_args!("{}", error.message()), max_chars),
        Value::List(_) | Value::Map(_) if depth >= MAX_DEPTH => {}
        Value::List(list) => out.nested(5, |out| {
            let mut item = |item: Value<'_>| out.nested(1, |out| any_value(out, item, max_chars, depth + 1));
            users(|| list.each(&mut item));
        }),
        Value::Map(map) => out.nested(6, |out| {
            let mut pair = |key: &str, value: Value<'_>| {
                out.nested(1, |out| key_value(out, key, value, max_chars, depth + 1));
            };
            users(|| map.each(&mut pair));
        }),
    }
}

/// The first `max_chars` characters of a text.
#[inline]
fn beginning(text: &str, max_chars: u32) -> &str {
    if text.len() <= max_chars as usize {
        return text;
    }
    text.char_indices().nth(max_chars as usize).map_or(text, |(end, _)| &text[..end])
}

/// Formatted text.
fn text(out: &mut Buffer, field: u32, format: fmt::Arguments<'_>, max_chars: u32) {
    if let Some(text) = format.as_str() {
        return out.bytes_field(field, beginning(text, max_chars).as_bytes());
    }
    // A `Display` that fails leaves the text short: telemetry does not fail for it.
    out.nested(field, |out| {
        users(|| {
            let _ = match max_chars {
                Limit::NONE => out.write_fmt(format),
                left => Beginning { out, left }.write_fmt(format),
            };
        });
    });
}

/// Runs code of the user's, such as a `Display`. If it panics, what it has written so far stands, and the bytes around it are
/// completed: otherwise nobody could read the batch.
pub(crate) fn users(work: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(work));
}

/// Takes the first characters of what is written.
struct Beginning<'a> {
    out: &'a mut Buffer,
    left: u32,
}

impl Write for Beginning<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let taken = beginning(text, self.left);
        self.left -= taken.chars().count() as u32;
        self.out.write_str(taken)
    }
}

/// A finished span.
pub(crate) struct SpanParts<'a> {
    pub(crate) context: &'a SpanContext,
    pub(crate) parent: SpanId,
    pub(crate) parent_remote: bool,
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
/// What all spans have is stored at fixed places straight into the record, word by word and without an array between: this is the
/// hottest place of all.
#[inline]
pub(crate) fn span(out: &mut [u8], span: &SpanParts<'_>) -> usize {
    let (ids, rest) = out.split_at_mut(IDS);
    ids[..2].copy_from_slice(&[1 << 3 | 2, 16]);
    ids[2..18].copy_from_slice(&span.context.trace_id.0);
    ids[18..20].copy_from_slice(&[2 << 3 | 2, 8]);
    ids[20..28].copy_from_slice(&span.context.span_id.0);
    // Without a parent, what follows lies in its place.
    let (mut at, out) = if span.parent.is_valid() {
        ids[28..30].copy_from_slice(&[4 << 3 | 2, 8]);
        ids[30..38].copy_from_slice(&span.parent.0);
        (IDS, rest)
    } else {
        (IDS - 10, &mut out[IDS - 10..])
    };
    let name = span.name.as_bytes();
    out[0] = 5 << 3 | 2;
    let prefix = 1 + varint(&mut out[1..], name.len() as u64);
    let (named, out) = out[prefix..].split_at_mut(name.len());
    copy(named, name);
    at += prefix + name.len();

    let (tail, out) = out.split_at_mut(TAIL);
    // A kind has one digit; what lies beyond is a newer protocol's, and not made here.
    tail[..3].copy_from_slice(&[6 << 3, span.kind.0.clamp(0, 0x7f) as u8, 7 << 3 | 1]);
    tail[3..11].copy_from_slice(&span.start_unix_nanos.to_le_bytes());
    tail[11] = 8 << 3 | 1;
    tail[12..20].copy_from_slice(&span.end_unix_nanos.to_le_bytes());
    tail[20..22].copy_from_slice(&[0x85, 0x01]);
    tail[22..26].copy_from_slice(&flags(span.context.flags, span.parent_remote).to_le_bytes());
    at += TAIL;
    copy(out, span.body);
    at + span.body.len()
}

/// W3C's flags, and whether the other span is remote: bit 8 says that bit 9 is meant.
#[inline]
fn flags(trace: TraceFlags, remote: bool) -> u32 {
    u32::from(trace.to_w3c()) | 0x100 | u32::from(remote) << 9
}

/// A span's status, left out when unset.
pub(crate) fn status(out: &mut Buffer, code: StatusCode, text: &str) {
    if code == StatusCode::UNSET {
        return;
    }
    out.nested(field::SPAN_STATUS, |out| {
        if !text.is_empty() {
            out.bytes_field(2, text.as_bytes());
        }
        out.varint_field(3, code.0 as u64);
    });
}

/// As many attributes as the limit allows, and how many were left out.
fn limited<'a, 'b>(attributes: &'a [(&'b str, Value<'b>)], limit: &Limit) -> (&'a [(&'b str, Value<'b>)], u32) {
    let kept = attributes.len().min(limit.get() as usize);
    (&attributes[..kept], (attributes.len() - kept) as u32)
}

/// An event of a span.
pub(crate) fn event(out: &mut Buffer, time_unix_nanos: u64, name: &str, attributes: &[(&str, Value<'_>)]) {
    let (kept, dropped) = limited(attributes, &limits::EVENT_ATTRIBUTES);
    out.nested(field::SPAN_EVENTS, |out| {
        out.fixed64_field(1, time_unix_nanos);
        out.bytes_field(2, name.as_bytes());
        for (key, value) in kept {
            attribute(out, field::EVENT_ATTRIBUTES, key, value, limits::SPAN_VALUE_LENGTH.get());
        }
        count(out, field::EVENT_DROPPED_ATTRIBUTES, dropped);
    });
}

/// A link of a span.
pub(crate) fn link(out: &mut Buffer, to: &LinkTo<'_>, attributes: &[(&str, Value<'_>)]) {
    let (kept, dropped) = limited(attributes, &limits::LINK_ATTRIBUTES);
    out.nested(field::SPAN_LINKS, |out| {
        out.bytes_field(1, &to.span.trace_id.0);
        out.bytes_field(2, &to.span.span_id.0);
        if !to.trace_state.is_empty() {
            out.bytes_field(3, to.trace_state.as_bytes());
        }
        for (key, value) in kept {
            attribute(out, field::LINK_ATTRIBUTES, key, value, limits::SPAN_VALUE_LENGTH.get());
        }
        count(out, field::LINK_DROPPED_ATTRIBUTES, dropped);
        out.fixed32_field(6, flags(to.span.flags, to.span.remote));
    });
}

/// A log record.
pub(crate) struct Log<'a> {
    pub(crate) time_unix_nanos: u64,
    pub(crate) observed_unix_nanos: u64,
    pub(crate) severity: i32,
    pub(crate) severity_text: &'a str,
    pub(crate) body: Body<'a>,
    pub(crate) attributes: &'a [(&'a str, Value<'a>)],
    /// Further ones, which the caller did not write and no limit cuts.
    pub(crate) extra: &'a [(&'a str, Value<'a>)],
    /// The event's name; empty when it is none.
    pub(crate) event_name: &'a str,
    pub(crate) span: SpanContext,
}

/// What a log record says.
#[derive(Clone, Copy)]
pub(crate) enum Body<'a> {
    Message(fmt::Arguments<'a>),
    #[cfg(feature = "opentelemetry")]
    Value(Value<'a>),
}

impl Log<'_> {
    pub(crate) fn encode(&self, out: &mut Buffer) {
        out.fixed64_field(1, self.time_unix_nanos);
        out.fixed64_field(11, self.observed_unix_nanos);
        out.varint_field(2, self.severity as u64);
        out.bytes_field(3, self.severity_text.as_bytes());
        out.nested(field::LOG_BODY, |out| match self.body {
            Body::Message(message) => text(out, 1, message, Limit::NONE),
            #[cfg(feature = "opentelemetry")]
            Body::Value(value) => any_value(out, value, Limit::NONE, 0),
        });
        let (kept, dropped) = limited(self.attributes, &limits::LOG_ATTRIBUTES);
        let max_chars = limits::LOG_VALUE_LENGTH.get();
        for (key, value) in kept.iter().chain(self.extra) {
            match value {
                Value::Error(error) => users(|| exception(out, *error, max_chars)),
                value => attribute(out, field::LOG_ATTRIBUTES, key, value, max_chars),
            }
        }
        count(out, field::LOG_DROPPED_ATTRIBUTES, dropped);
        if self.span.is_valid() {
            out.fixed32_field(8, u32::from(self.span.flags.to_w3c()));
            out.bytes_field(9, &self.span.trace_id.0);
            out.bytes_field(10, &self.span.span_id.0);
        }
        if !self.event_name.is_empty() {
            out.bytes_field(field::LOG_EVENT_NAME, self.event_name.as_bytes());
        }
    }
}

/// An error of a log record, by the semantic conventions: its type, its message, its causes.
fn exception(out: &mut Buffer, error: &dyn AnyError, max_chars: u32) {
    let kind = error.type_name();
    let mut add = |key: &str, value: Value<'_>| attribute(out, field::LOG_ATTRIBUTES, key, &value, max_chars);
    // Of an error behind a trait object the type is not known.
    if !kind.contains("dyn ") {
        add("exception.type", Value::Str(kind));
    }
    add("exception.message", Value::Display(&error.message()));
    if let Some(cause) = error.cause() {
        add("exception.stacktrace", Value::Display(&Chain(Some(cause))));
    }
}
