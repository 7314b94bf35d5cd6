//! `LocalSpan`: a span for work that stays on one thread.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::SystemTime;

use super::builder::{begin, finish, push};
use super::data::SpanData;
use crate::Value;
use crate::context::stack::{self, Entry};
use crate::context::{SpanContext, SpanId};

/// A span that is current on this thread until the guard is dropped.
///
/// ```
/// let span = tripod::span!("charge", customer = "ada", amount = 42.5);
/// span.add_event("card accepted", &[]);
/// // ends here
/// ```
///
/// For a future use [`crate::Span`]: a guard held over an `.await` would time and mark what other tasks do meanwhile, so this one
/// can't be sent to another thread.
#[must_use = "a span ends when its guard is dropped: bind it, as in `let _span = …`"]
pub struct LocalSpan {
    pub(super) entered: Option<Place>,
    pub(super) _not_send: PhantomData<*const ()>,
}

/// Where an entered span is found again on the thread's stack.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) id: SpanId,
    pub(crate) depth: usize,
    pub(crate) recorded: bool,
}

impl LocalSpan {
    /// Starts a span and makes it current. The macro [`crate::span!`] is the convenient form.
    #[inline]
    pub fn enter(name: impl Into<Cow<'static, str>>, attributes: &[(&str, Value<'_>)]) -> Self {
        let entered = stack::with(|local| {
            let started = begin(local, name.into(), attributes)?;
            Some(push(local, started))
        });
        Self { entered: entered.flatten(), _not_send: PhantomData }
    }

    /// A span that is none: every call does nothing.
    #[inline]
    pub fn none() -> Self {
        Self { entered: None, _not_send: PhantomData }
    }

    /// What identifies it; invalid when traces are off.
    pub fn context(&self) -> SpanContext {
        let found = self.entered.and_then(|place| stack::with(|local| local.context_at(place)));
        found.flatten().unwrap_or_default()
    }

    /// Ends it now rather than when the guard is dropped.
    pub fn end(self) {}

    /// Ends it with this time, which may lie in the past, but not before its start.
    pub fn end_at(mut self, end: SystemTime) {
        self.finish(Some(end));
    }

    fn with_data(&self, change: impl FnOnce(&mut SpanData)) {
        if let Some(place) = self.entered.filter(|place| place.recorded) {
            stack::with(|local| {
                if let Some(data) = local.find(place.id) {
                    change(data);
                }
            });
        }
    }

    super::span_methods!();

    fn finish(&mut self, end: Option<SystemTime>) {
        let Some(place) = self.entered.take() else { return };
        stack::with(|local| {
            if !place.recorded {
                local.remove_context(place.depth);
            } else if let Some(data) = local.remove_span(place.id) {
                finish(local, data, end);
            }
        });
    }
}

impl Drop for LocalSpan {
    fn drop(&mut self) {
        self.finish(None);
    }
}

impl stack::Local {
    fn context_at(&self, place: Place) -> Option<SpanContext> {
        self.entries().iter().rev().map(Entry::context).find(|context| context.span_id == place.id)
    }
}
