//! What a running span has gathered: its identity, and its attributes, events and links in OTLP's bytes already.
//!
//! The bytes become part of the outgoing record as they are, so an attribute is copied from the caller once. The buffers are
//! recycled from span to span.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use fastant::Instant;
use tripod_wire::otlp::trace::{SpanKind, StatusCode};

use crate::Value;
use crate::context::SpanContext;
use crate::context::stack::nanos_between;
use crate::encode::{self, field};

/// Attributes, events and links a span keeps, each: the specification's default.
const MAX_COUNT: u32 = 128;

/// Bytes of attributes, events and links that a span keeps.
const MAX_BYTES: usize = 256 * 1024;

/// Causes of an error that are recorded.
const MAX_CAUSES: usize = 16;

/// A running span that is recorded.
pub(crate) struct SpanData {
    pub(crate) context: SpanContext,
    pub(crate) parent: SpanContext,
    pub(crate) trace_state: Option<Arc<str>>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) scope: u16,
    /// When it was started, on the fast clock and by the time of day.
    pub(crate) started: Instant,
    pub(crate) started_unix_nanos: u64,
    /// How long before that it is said to have begun, in nanoseconds.
    backdated: u64,
    status: StatusCode,
    status_message: String,
    /// Fields of the span's message: attributes, events, links, as they came.
    body: Vec<u8>,
    attributes: Vec<AttributeAt>,
    events: u32,
    links: u32,
    dropped_attributes: u32,
    dropped_events: u32,
    dropped_links: u32,
}

/// Where an attribute stands in the body.
struct AttributeAt {
    key_hash: u32,
    start: u32,
    end: u32,
}

impl Default for SpanData {
    fn default() -> Self {
        Self {
            context: SpanContext::default(),
            parent: SpanContext::default(),
            trace_state: None,
            name: Cow::Borrowed(""),
            kind: SpanKind::INTERNAL,
            scope: 0,
            started: Instant::now(),
            started_unix_nanos: 0,
            backdated: 0,
            status: StatusCode::UNSET,
            status_message: String::new(),
            body: Vec::new(),
            attributes: Vec::new(),
            events: 0,
            links: 0,
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
        }
    }
}

impl SpanData {
    /// Ready for another span; the buffers keep their memory, unless it has grown large.
    pub(crate) fn reset(&mut self) {
        const KEPT_BYTES: usize = 16 * 1024;
        self.trace_state = None;
        self.backdated = 0;
        self.name = Cow::Borrowed("");
        self.status = StatusCode::UNSET;
        self.status_message.clear();
        self.body.clear();
        self.body.shrink_to(KEPT_BYTES);
        self.attributes.clear();
        (self.events, self.links) = (0, 0);
        (self.dropped_attributes, self.dropped_events, self.dropped_links) = (0, 0, 0);
    }

    pub(crate) fn set_attribute(&mut self, key: &str, value: Value<'_>) {
        let key_hash = hash(key);
        if let Some(at) =
            self.attributes.iter().position(|a| a.key_hash == key_hash && self.key_of(a) == key.as_bytes())
        {
            self.remove_attribute(at);
        }
        if self.attributes.len() as u32 >= MAX_COUNT || self.body.len() > MAX_BYTES {
            self.dropped_attributes += 1;
            return;
        }
        let start = self.body.len();
        encode::attribute(&mut self.body, field::SPAN_ATTRIBUTES, key, value);
        if self.body.len() > MAX_BYTES {
            self.body.truncate(start);
            self.dropped_attributes += 1;
            return;
        }
        self.attributes.push(AttributeAt { key_hash, start: start as u32, end: self.body.len() as u32 });
    }

    fn key_of(&self, at: &AttributeAt) -> &[u8] {
        encode::attribute_key(&self.body[at.start as usize..at.end as usize])
    }

    fn remove_attribute(&mut self, at: usize) {
        let removed = self.attributes.remove(at);
        self.body.drain(removed.start as usize..removed.end as usize);
        let shift = removed.end - removed.start;
        for later in self.attributes.iter_mut().filter(|other| other.start > removed.start) {
            later.start -= shift;
            later.end -= shift;
        }
    }

    pub(crate) fn add_event(&mut self, name: &str, attributes: &[(&str, Value<'_>)]) {
        if self.events >= MAX_COUNT || self.body.len() > MAX_BYTES {
            self.dropped_events += 1;
            return;
        }
        let start = self.body.len();
        let time = self.unix_nanos(Instant::now());
        encode::event(&mut self.body, time, name, attributes);
        if self.body.len() > MAX_BYTES {
            self.body.truncate(start);
            self.dropped_events += 1;
            return;
        }
        self.events += 1;
    }

    pub(crate) fn add_link(&mut self, to: &SpanContext, attributes: &[(&str, Value<'_>)]) {
        if self.links >= MAX_COUNT || self.body.len() > MAX_BYTES {
            self.dropped_links += 1;
            return;
        }
        encode::link(&mut self.body, to, attributes);
        self.links += 1;
    }

    pub(crate) fn record_error<E: Error + ?Sized>(&mut self, kind: &str, error: &E) {
        let chain = Chain(error.source());
        let attributes = [
            ("exception.type", Value::Str(kind)),
            ("exception.message", Value::Display(&error)),
            ("exception.stacktrace", Value::Display(&chain)),
        ];
        let with_causes = if error.source().is_some() { attributes.len() } else { attributes.len() - 1 };
        self.add_event("exception", &attributes[..with_causes]);
        self.set_status_from(error);
    }

    /// As [`SpanData::record_error`], for what is no `Error` but can be shown.
    pub(crate) fn record_failure(&mut self, kind: &str, message: &dyn fmt::Display) {
        self.add_event(
            "exception",
            &[("exception.type", Value::Str(kind)), ("exception.message", Value::Display(message))],
        );
        self.set_status_from(message);
    }

    fn set_status_from(&mut self, message: impl fmt::Display) {
        self.status = StatusCode::ERROR;
        self.status_message.clear();
        // A `Display` that fails leaves the message short; the status stands.
        let _ = fmt::Write::write_fmt(&mut self.status_message, format_args!("{message}"));
    }

    pub(crate) fn set_status(&mut self, code: StatusCode, message: &str) {
        // The specification: a success that was declared stands.
        if self.status == StatusCode::OK {
            return;
        }
        self.status = code;
        self.status_message.clear();
        if code == StatusCode::ERROR {
            self.status_message.push_str(message);
        }
    }

    /// A tick of the fast clock by the time of day, consistent with the span's start.
    pub(crate) fn unix_nanos(&self, tick: Instant) -> u64 {
        self.started_unix_nanos + nanos_between(self.started, tick)
    }

    /// Lets the span begin earlier than it was started.
    pub(crate) fn backdate(&mut self, nanos: u64) {
        self.backdated = nanos.min(self.started_unix_nanos);
    }

    /// When it began, by the time of day.
    pub(crate) fn start_unix_nanos(&self) -> u64 {
        self.started_unix_nanos - self.backdated
    }

    /// Writes the finished span as OTLP's `Span` message.
    pub(crate) fn encode(&self, end_unix_nanos: u64, out: &mut Vec<u8>) {
        encode::span_head(out, &self.context, &self.parent, self.trace_state.as_deref(), &self.name, self.kind);
        encode::span_times(out, self.start_unix_nanos(), end_unix_nanos);
        out.extend_from_slice(&self.body);
        encode::count(out, field::SPAN_DROPPED_ATTRIBUTES, self.dropped_attributes);
        encode::count(out, field::SPAN_DROPPED_EVENTS, self.dropped_events);
        encode::count(out, field::SPAN_DROPPED_LINKS, self.dropped_links);
        encode::status(out, self.status, &self.status_message);
    }
}

/// The causes of an error, a line each.
struct Chain<'a>(Option<&'a (dyn Error + 'static)>);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause = self.0;
        for n in 0..MAX_CAUSES {
            let Some(error) = cause else { break };
            write!(f, "{}caused by: {error}", if n == 0 { "" } else { "\n" })?;
            cause = error.source();
        }
        Ok(())
    }
}

/// FNV-1a: only narrows down which key may be the same; the bytes are compared after.
fn hash(key: &str) -> u32 {
    key.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
