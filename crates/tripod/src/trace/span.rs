//! `Span`: a span that may move between threads and go along with a future.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use super::builder;
use super::data::SpanData;
use crate::context::stack::{self, Local};
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
        builder::start(name, &[])
    }

    /// A span that is none: every call does nothing.
    pub fn none() -> Self {
        Self::default()
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
        Context { span: self.context, trace_state, ..Context::current() }
    }

    /// Makes it current on this thread until the guard is dropped. Do not hold the guard over an `.await`: use
    /// [`crate::InSpanExt::in_span`].
    pub fn enter(&mut self) -> Entered<'_> {
        // A span that is none hides nothing: what is current stays so.
        let place = if self.context.is_valid() { stack::with(|local| self.push(local)) } else { None };
        Entered { span: self, place, _not_send: PhantomData }
    }

    /// Runs a closure while it is current.
    pub fn in_scope<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        work()
    }

    pub(super) fn push(&mut self, local: &mut Local) -> Place {
        match self.data.take() {
            Some(data) => {
                local.push_span(data);
                Place::Recorded
            }
            None => Place::Context(local.push_context(self.context, self.trace_state.clone())),
        }
    }

    fn with_data(&mut self, change: impl FnOnce(&mut SpanData)) {
        if let Some(data) = &mut self.data {
            change(data);
        }
    }

    super::span_methods!(self: &mut self);

    /// Ends it now.
    pub fn end(self) {}

    /// Ends it with this time, which may lie in the past, but not before its start.
    pub fn end_at(mut self, end: SystemTime) {
        self.finish(Some(end));
    }

    fn finish(&mut self, end: Option<SystemTime>) {
        if let Some(data) = self.data.take() {
            builder::finish(data, end);
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
    place: Option<Place>,
    _not_send: PhantomData<*const ()>,
}

/// Where an entered span is found again on the thread's stack.
pub(super) enum Place {
    /// By its id, with all it has gathered.
    Recorded,
    /// Here, as a mere identity.
    Context(usize),
}

impl Entered<'_> {
    fn with_data(&self, change: impl FnOnce(&mut SpanData)) {
        let id = self.span.context.span_id;
        stack::with(|local| local.stack.find_recorded(id).map(change));
    }

    super::span_methods!(self: &self);
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let Some(place) = &self.place else { return };
        stack::with(|local| match place {
            Place::Recorded => self.span.data = local.take_span(self.span.context.span_id),
            Place::Context(place) => local.remove_context(*place),
        });
    }
}
