//! `Span`: a span that may move between threads and go along with a future.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use super::builder::{Started, begin, finish};
use super::data::SpanData;
use crate::context::stack::{self, Entry};
use crate::context::{Context, SpanContext};

/// A span that is not tied to a thread. It ends when it is dropped.
///
/// ```
/// use tripod::InSpanExt;
/// async fn handle() {
///     tripod::current().set_attribute("cache.hit", false); // the span below
/// }
/// let future = handle().in_span(tripod::async_span!("handle", route = "/users/{id}"));
/// # drop(future);
/// ```
#[derive(Default)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    pub(crate) context: SpanContext,
    pub(crate) trace_state: Option<Arc<str>>,
    /// What it has gathered: `None` when it is not recorded, and while it is on a thread's stack.
    pub(crate) data: Option<Box<SpanData>>,
}

impl Span {
    /// Starts a span as a part of the current one. The macro [`crate::async_span!`] also takes attributes.
    pub fn start(name: impl Into<Cow<'static, str>>) -> Self {
        Self::start_with(name.into(), &[])
    }

    pub(crate) fn start_with(name: Cow<'static, str>, attributes: &[(&str, crate::Value<'_>)]) -> Self {
        let started = stack::with(|local| begin(local, name, attributes));
        started.flatten().map_or_else(Self::none, Self::from_started)
    }

    /// A span that is none: every call does nothing.
    pub fn none() -> Self {
        Self::default()
    }

    pub(super) fn from_started(started: Started) -> Self {
        Self { context: started.context, trace_state: started.trace_state, data: started.data }
    }

    /// What identifies it; invalid when traces are off.
    pub fn context(&self) -> SpanContext {
        self.context
    }

    /// Whether it is recorded: if not, attributes need not be computed.
    pub fn is_recording(&self) -> bool {
        self.data.is_some()
    }

    /// A context in which it is current, to start parts of it elsewhere.
    pub fn to_context(&self) -> Context {
        let trace_state = self.data.as_ref().map_or(&self.trace_state, |data| &data.trace_state).clone();
        Context { span: self.context, trace_state, baggage: Context::current().baggage }
    }

    /// Makes it current on this thread until the guard is dropped. Do not hold the guard over an `.await`: use
    /// [`crate::InSpanExt::in_span`].
    pub fn enter(&mut self) -> Entered<'_> {
        // A span that is none hides nothing: what is current stays so.
        let depth = if self.context.is_valid() {
            stack::with(|local| {
                let entry = match self.data.take() {
                    Some(data) => Entry::Span(data),
                    None => Entry::Context(self.context, self.trace_state.clone()),
                };
                local.push(entry)
            })
        } else {
            None
        };
        Entered { span: self, depth, _not_send: PhantomData }
    }

    /// Sets an attribute; an earlier one with the same key is replaced.
    pub fn set_attribute<'a>(&mut self, key: &str, value: impl Into<crate::Value<'a>>) {
        if let Some(data) = &mut self.data {
            data.set_attribute(key, value.into());
        }
    }

    /// Adds an event: something that happened at this moment.
    pub fn add_event(&mut self, name: &str, attributes: &[(&str, crate::Value<'_>)]) {
        if let Some(data) = &mut self.data {
            data.add_event(name, attributes);
        }
    }

    /// Records an error as an `exception` event with its type, message and chain of causes, and sets the status.
    pub fn record_error<E: std::error::Error + ?Sized>(&mut self, error: &E) {
        if let Some(data) = &mut self.data {
            data.record_error(std::any::type_name::<E>(), error);
        }
    }

    /// Says how the span ended. The message belongs to an error and is left out otherwise.
    pub fn set_status(&mut self, code: crate::StatusCode, message: &str) {
        if let Some(data) = &mut self.data {
            data.set_status(code, message);
        }
    }

    /// Links the span to another, in this trace or elsewhere.
    pub fn add_link(&mut self, to: &SpanContext, attributes: &[(&str, crate::Value<'_>)]) {
        if let Some(data) = &mut self.data {
            data.add_link(to, attributes);
        }
    }

    /// Gives the span another name.
    pub fn update_name(&mut self, name: impl Into<Cow<'static, str>>) {
        if let Some(data) = &mut self.data {
            data.name = name.into();
        }
    }

    /// Ends it now.
    pub fn end(self) {}

    /// Ends it with this time, which may lie in the past, but not before its start.
    pub fn end_at(mut self, end: SystemTime) {
        self.finish(Some(end));
    }

    fn finish(&mut self, end: Option<SystemTime>) {
        if let Some(data) = self.data.take() {
            stack::with(|local| finish(local, data, end));
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.finish(None);
    }
}

/// Leaves the [`Span`] when dropped.
#[must_use = "the span is current for as long as the guard lives"]
pub struct Entered<'a> {
    span: &'a mut Span,
    depth: Option<usize>,
    _not_send: PhantomData<*const ()>,
}

impl Entered<'_> {
    fn with_data(&self, change: impl FnOnce(&mut SpanData)) {
        let id = self.span.context.span_id;
        stack::with(|local| local.find(id).map(change));
    }

    super::span_methods!();
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let Some(depth) = self.depth else { return };
        stack::with(|local| {
            self.span.data = local.remove_span(self.span.context.span_id);
            if self.span.data.is_none() {
                local.remove_context(depth);
            }
        });
    }
}
