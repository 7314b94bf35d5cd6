//! What a running span has gathered: its identity, and its attributes, events and links in OTLP's bytes already.
//!
//! The bytes become part of the outgoing record as they are, so an attribute is copied from the caller once. The buffers are
//! recycled from span to span.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tripod_wire::otlp::trace::{SpanKind, StatusCode};

use super::LinkTo;
use super::builder::Identity;
use crate::Value;
use crate::clock::Moment;
use crate::context::stack::Outbox;
use crate::context::{SpanContext, SpanId, otel};
use crate::decode::{self, Fields};
use crate::encode::{self, Buffer, field};
use crate::limits;

/// Bytes of attributes, events and links that a span keeps.
const MAX_BYTES: usize = 256 * 1024;

/// Bytes of a buffer that is kept for the next span.
const KEPT_BYTES: usize = 16 * 1024;

/// Causes of an error that are recorded.
const MAX_CAUSES: usize = 16;

/// A running span, or only its identity.
#[derive(Default)]
pub(crate) struct SpanData {
    pub(crate) context: SpanContext,
    /// What `opentelemetry` held as current when this became current here.
    pub(crate) mark: otel::Mark,
    /// Whether there is more to it than `context` and `trace_state`.
    pub(crate) recorded: bool,
    parent_remote: bool,
    parent: SpanId,
    pub(crate) trace_state: Option<Arc<str>>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) start: Moment,
    /// How many forks lay before it: in a child it is the parent's to end.
    pub(crate) forks: u32,
    pub(crate) kind: SpanKind,
    pub(crate) scope: u16,
    /// Fields of the span's message: attributes, events, links, as they came.
    body: Buffer,
    attributes: Vec<AttributeAt>,
    /// What most spans do not have.
    extras: Extras,
    /// Whether `extras` has anything.
    has_extras: bool,
}

#[derive(Default)]
struct Extras {
    status: StatusCode,
    status_message: String,
    events: u32,
    links: u32,
    dropped_attributes: u32,
    dropped_events: u32,
    dropped_links: u32,
}

/// Where an attribute stands in the body.
struct AttributeAt {
    key_print: u32,
    start: u32,
    end: u32,
}

impl SpanData {
    /// Becomes an identity without data.
    #[inline]
    pub(crate) fn be_context(&mut self, context: SpanContext, trace_state: Option<Arc<str>>) {
        self.context = context;
        self.set_trace_state(trace_state);
        self.recorded = false;
    }

    #[inline]
    fn set_trace_state(&mut self, trace_state: Option<Arc<str>>) {
        // Mostly there was none and will be none.
        if trace_state.is_some() || self.trace_state.is_some() {
            self.trace_state = trace_state;
        }
    }

    /// Empty, for a new span of which nothing is known but the name. What a slot held before is overwritten only here, so that it does
    /// not matter how it was left.
    #[inline]
    pub(crate) fn prepare(&mut self, name: Cow<'static, str>) {
        self.name = name;
        self.kind = SpanKind::INTERNAL;
        self.scope = 0;
        self.body.clear();
        self.attributes.clear();
        if self.has_extras {
            self.clear_extras();
        }
    }

    #[cold]
    fn clear_extras(&mut self) {
        self.has_extras = false;
        let mut status_message = std::mem::take(&mut self.extras.status_message);
        status_message.clear();
        status_message.shrink_to(KEPT_BYTES);
        self.extras = Extras { status_message, ..Extras::default() };
    }

    fn extras(&mut self) -> &mut Extras {
        self.has_extras = true;
        &mut self.extras
    }

    /// Begins the span.
    #[inline]
    pub(crate) fn begin(&mut self, identity: Identity, trace_state: Option<Arc<str>>, start: Moment, forks: u32) {
        self.context = identity.context;
        self.recorded = true;
        self.parent = identity.parent;
        self.parent_remote = identity.parent_remote;
        self.set_trace_state(trace_state);
        self.start = start;
        self.forks = forks;
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn status(&self) -> StatusCode {
        if self.has_extras { self.extras.status } else { StatusCode::UNSET }
    }

    pub(crate) fn set_attributes(&mut self, attributes: &[(&str, Value<'_>)]) {
        for (key, value) in attributes {
            self.set_attribute(key, value);
        }
    }

    pub(crate) fn set_attribute(&mut self, key: &str, value: &Value<'_>) {
        let key_print = print(key.as_bytes());
        if self.attributes.iter().any(|attribute| attribute.key_print == key_print) {
            self.remove_attribute(key_print, key);
        }
        let start = self.body.len();
        if self.attributes.len() as u32 >= limits::SPAN_ATTRIBUTES.get() || start > MAX_BYTES {
            self.extras().dropped_attributes += 1;
            return;
        }
        encode::attribute(&mut self.body, field::SPAN_ATTRIBUTES, key, value, limits::SPAN_VALUE_LENGTH.get());
        if self.body.len() > MAX_BYTES {
            self.body.truncate(start);
            self.extras().dropped_attributes += 1;
            return;
        }
        self.attributes.push(AttributeAt { key_print, start: start as u32, end: self.body.len() as u32 });
    }

    /// The value of an attribute that was set.
    pub(crate) fn attribute(&self, key: &str) -> Option<Value<'_>> {
        let found = &self.attributes[self.position_of(print(key.as_bytes()), key)?];
        let written = &self.body.as_slice()[found.start as usize..found.end as usize];
        let (_, written) = Fields::new(written).next()?;
        written.bytes().map(|written| decode::key_value(written).1)
    }

    fn position_of(&self, key_print: u32, key: &str) -> Option<usize> {
        let body = self.body.as_slice();
        let key_of = |at: &AttributeAt| encode::attribute_key(&body[at.start as usize..at.end as usize]);
        self.attributes.iter().position(|at| at.key_print == key_print && key_of(at) == key.as_bytes())
    }

    /// Takes out the attribute with this key, if there is one.
    #[cold]
    fn remove_attribute(&mut self, key_print: u32, key: &str) {
        let Some(at) = self.position_of(key_print, key) else { return };
        let removed = self.attributes.remove(at);
        self.body.remove(removed.start as usize, removed.end as usize);
        let shift = removed.end - removed.start;
        for later in self.attributes.iter_mut().filter(|other| other.start > removed.start) {
            later.start -= shift;
            later.end -= shift;
        }
    }

    /// Adds an event, at the given time or now.
    pub(crate) fn add_event(&mut self, name: &str, at: Option<SystemTime>, attributes: &[(&str, Value<'_>)]) {
        let start = self.body.len();
        if self.extras().events >= limits::SPAN_EVENTS.get() || start > MAX_BYTES {
            self.extras.dropped_events += 1;
            return;
        }
        let time = at.map_or_else(|| self.start.now(), unix_nanos);
        encode::event(&mut self.body, time, name, attributes);
        if self.body.len() > MAX_BYTES {
            self.body.truncate(start);
            self.extras.dropped_events += 1;
            return;
        }
        self.extras.events += 1;
    }

    pub(crate) fn add_link(&mut self, to: &LinkTo<'_>, attributes: &[(&str, Value<'_>)]) {
        let start = self.body.len();
        if self.extras().links >= limits::SPAN_LINKS.get() || start > MAX_BYTES {
            self.extras.dropped_links += 1;
            return;
        }
        encode::link(&mut self.body, to, attributes);
        if self.body.len() > MAX_BYTES {
            self.body.truncate(start);
            self.extras.dropped_links += 1;
            return;
        }
        self.extras.links += 1;
    }

    pub(crate) fn record_error<E: Error + ?Sized>(&mut self, kind: &str, error: &E) {
        let trace = StackTrace::of(error);
        let attributes = [
            ("exception.type", Value::Str(kind)),
            ("exception.message", Value::Display(&error)),
            ("exception.stacktrace", Value::Display(&trace)),
        ];
        // What is known of a `dyn Error` is only that it is one.
        let from = usize::from(kind.starts_with("dyn "));
        let to = if trace.is_empty() { attributes.len() - 1 } else { attributes.len() };
        self.add_event("exception", None, &attributes[from..to]);
        self.set_status_from(error);
    }

    /// As [`SpanData::record_error`], for what is no `Error` but can be shown.
    pub(crate) fn record_failure(&mut self, kind: &str, message: &dyn fmt::Display) {
        self.add_event(
            "exception",
            None,
            &[("exception.type", Value::Str(kind)), ("exception.message", Value::Display(message))],
        );
        self.set_status_from(message);
    }

    fn set_status_from(&mut self, message: impl fmt::Display) {
        let extras = self.extras();
        extras.status = StatusCode::ERROR;
        extras.status_message.clear();
        // A `Display` that fails leaves the message short; the status stands.
        let _ = fmt::Write::write_fmt(&mut extras.status_message, format_args!("{message}"));
    }

    pub(crate) fn set_status(&mut self, code: StatusCode, message: &str) {
        let extras = self.extras();
        // The specification: a success that was declared stands.
        if extras.status == StatusCode::OK {
            return;
        }
        extras.status = code;
        extras.status_message.clear();
        if code == StatusCode::ERROR {
            extras.status_message.push_str(message);
        }
    }

    /// Adds to the body what most spans do not have.
    #[cold]
    fn complete_body(&mut self) {
        if let Some(state) = self.trace_state.take() {
            self.body.bytes_field(field::SPAN_TRACE_STATE, state.as_bytes());
        }
        if self.has_extras {
            let extras = &self.extras;
            encode::count(&mut self.body, field::SPAN_DROPPED_ATTRIBUTES, extras.dropped_attributes);
            encode::count(&mut self.body, field::SPAN_DROPPED_EVENTS, extras.dropped_events);
            encode::count(&mut self.body, field::SPAN_DROPPED_LINKS, extras.dropped_links);
            encode::status(&mut self.body, extras.status, &extras.status_message);
        }
    }

    /// Ends the span, at the given time or now, and writes it to the collector as OTLP's `Span` message.
    #[inline]
    pub(crate) fn finish(&mut self, end: Option<SystemTime>, outbox: &mut Outbox) {
        if std::thread::panicking() {
            crate::engine::panic::with_message(|message| self.record_failure("panic", &message));
        }
        let end = end.map_or_else(|| self.start.now(), |end| unix_nanos(end).max(self.start.unix_nanos));
        if self.has_extras || self.trace_state.is_some() {
            self.complete_body();
        }
        let (tag, body) = (crate::engine::span_tag(self.scope), self.body.as_slice());
        outbox.emit_with(tag, encode::span_room(&self.name, body), |out| {
            encode::span(
                out,
                &encode::SpanParts {
                    context: &self.context,
                    parent: self.parent,
                    parent_remote: self.parent_remote,
                    name: &self.name,
                    kind: self.kind,
                    start_unix_nanos: self.start.unix_nanos,
                    end_unix_nanos: end,
                    body,
                },
            )
        });
        if body.len() > KEPT_BYTES {
            self.body.clear();
            self.body.shrink_to(KEPT_BYTES);
        }
    }
}

/// Before 1970 is 1970.
fn unix_nanos(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_nanos() as u64
}

/// How an error came about: its causes, and where it was recorded if the program asks for backtraces.
struct StackTrace<'a> {
    causes: Chain<'a>,
    backtrace: Backtrace,
}

impl<'a> StackTrace<'a> {
    fn of(error: &'a (impl Error + ?Sized)) -> Self {
        // Does nothing unless RUST_LIB_BACKTRACE or RUST_BACKTRACE asks for it.
        Self { causes: Chain(error.source()), backtrace: Backtrace::capture() }
    }

    fn has_backtrace(&self) -> bool {
        self.backtrace.status() == BacktraceStatus::Captured
    }

    fn is_empty(&self) -> bool {
        self.causes.0.is_none() && !self.has_backtrace()
    }
}

impl fmt::Display for StackTrace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.causes.fmt(f)?;
        if self.has_backtrace() {
            write!(f, "{}{}", if self.causes.0.is_some() { "\n" } else { "" }, self.backtrace)?;
        }
        Ok(())
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

/// A key's length, first and last bytes: only narrows down which key may be the same; the bytes are compared after.
#[inline]
fn print(key: &[u8]) -> u32 {
    let (head, tail) = match (key.first_chunk::<4>(), key.last_chunk::<4>()) {
        (Some(head), Some(tail)) => (u32::from_le_bytes(*head), u32::from_le_bytes(*tail)),
        _ => match key {
            [] => (0, 0),
            [first, .., last] => (u32::from(*first), u32::from(*last)),
            [only] => (u32::from(*only), 0),
        },
    };
    head ^ tail.rotate_left(13) ^ (key.len() as u32).rotate_left(26)
}
