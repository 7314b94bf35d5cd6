//! What a running span has gathered: its identity, and its attributes, events and links in OTLP's bytes already.
//!
//! The bytes become part of the outgoing record as they are, so an attribute is copied from the caller once. The buffers are
//! recycled from span to span.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tripod_wire::otlp::trace::{SpanKind, StatusCode};
use tripod_wire::proto::put_bytes;

use crate::Value;
use crate::clock::{Clock, Tie};
use crate::context::SpanContext;
use crate::context::stack::Local;
use crate::decode::{self, Fields};
use crate::encode::{self, field};
use crate::limits;

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
    /// How its clock is read.
    pub(crate) tie: Tie,
    /// When it began, nanoseconds since the Unix epoch.
    pub(crate) start_unix_nanos: u64,
    /// How many forks lay before it: in a child it is the parent's to end.
    pub(crate) forks: u32,
    pub(crate) status: StatusCode,
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
            tie: Tie::default(),
            start_unix_nanos: 0,
            forks: 0,
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
        self.name = Cow::Borrowed("");
        self.status = StatusCode::UNSET;
        self.status_message.clear();
        self.body.clear();
        if self.body.capacity() > KEPT_BYTES {
            self.body.shrink_to(KEPT_BYTES);
        }
        self.attributes.clear();
        (self.events, self.links) = (0, 0);
        (self.dropped_attributes, self.dropped_events, self.dropped_links) = (0, 0, 0);
    }

    /// Begins the span now.
    #[inline]
    pub(crate) fn begin(
        &mut self,
        context: SpanContext,
        parent: SpanContext,
        trace_state: Option<Arc<str>>,
        clock: &mut Clock,
    ) {
        self.context = context;
        self.parent = parent;
        self.trace_state = trace_state;
        self.start_unix_nanos = clock.now();
        self.tie = clock.tie();
    }

    pub(crate) fn set_attribute(&mut self, key: &str, value: Value<'_>) {
        let key_hash = hash(key);
        if let Some(at) =
            self.attributes.iter().position(|a| a.key_hash == key_hash && self.key_of(a) == key.as_bytes())
        {
            self.remove_attribute(at);
        }
        if self.attributes.len() as u32 >= limits::SPAN_ATTRIBUTES.get() || self.body.len() > MAX_BYTES {
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

    /// The value of an attribute that was set.
    pub(crate) fn attribute(&self, key: &str) -> Option<Value<'_>> {
        let found = self.attributes.iter().find(|at| self.key_of(at) == key.as_bytes())?;
        let (_, written) = Fields::new(&self.body[found.start as usize..found.end as usize]).next()?;
        written.bytes().map(|written| decode::key_value(written).1)
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
        if self.events >= limits::SPAN_EVENTS.get() || self.body.len() > MAX_BYTES {
            self.dropped_events += 1;
            return;
        }
        let start = self.body.len();
        let time = self.tie.now();
        encode::event(&mut self.body, time, name, attributes);
        if self.body.len() > MAX_BYTES {
            self.body.truncate(start);
            self.dropped_events += 1;
            return;
        }
        self.events += 1;
    }

    pub(crate) fn add_link(&mut self, to: &SpanContext, attributes: &[(&str, Value<'_>)]) {
        if self.links >= limits::SPAN_LINKS.get() || self.body.len() > MAX_BYTES {
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

    /// Adds what most spans do not have, so that [`SpanData::encode`] has only what all have.
    fn complete_body(&mut self) {
        if let Some(state) = self.trace_state.as_deref() {
            put_bytes(&mut self.body, field::SPAN_TRACE_STATE, state.as_bytes());
        }
        encode::count(&mut self.body, field::SPAN_DROPPED_ATTRIBUTES, self.dropped_attributes);
        encode::count(&mut self.body, field::SPAN_DROPPED_EVENTS, self.dropped_events);
        encode::count(&mut self.body, field::SPAN_DROPPED_LINKS, self.dropped_links);
        encode::status(&mut self.body, self.status, &self.status_message);
    }

    /// Writes the finished span into the lane as OTLP's `Span` message.
    #[inline]
    pub(crate) fn emit(&mut self, end_unix_nanos: u64, local: &mut Local) {
        self.complete_body();
        let tag = crate::engine::span_tag(self.scope);
        local.emit_with(tag, encode::span_room(&self.name, &self.body), |out| {
            encode::span(
                out,
                &encode::SpanParts {
                    context: &self.context,
                    parent: &self.parent,
                    name: &self.name,
                    kind: self.kind,
                    start_unix_nanos: self.start_unix_nanos,
                    end_unix_nanos,
                    body: &self.body,
                },
            )
        });
    }
}

/// The causes of an error, a line each.
pub(crate) struct Chain<'a>(pub(crate) Option<&'a (dyn Error + 'static)>);

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
