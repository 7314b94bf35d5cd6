//! `LocalSpan`: a span for work that stays on one thread.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::SystemTime;

use super::builder;
use super::data::SpanData;
use crate::Value;
use crate::context::SpanContext;
use crate::context::ids::Handle;
use crate::context::stack;

/// Runs a closure in a span, which is current meanwhile: the form without a guard.
///
/// ```
/// let sum = tripod::in_span("add", || {
///     tripod::current().set_attribute("terms", 2);
///     1 + 1
/// });
/// # assert_eq!(sum, 2);
/// ```
pub fn in_span<R>(name: impl Into<Cow<'static, str>>, work: impl FnOnce() -> R) -> R {
    let _span = LocalSpan::enter(name, &[]);
    work()
}

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
    /// Finds it on the thread's stack; absent when it is none.
    span: Option<Handle>,
    _not_send: PhantomData<*const ()>,
}

impl LocalSpan {
    /// Starts a span and makes it current. The macro [`crate::span!`] is the convenient form.
    #[inline]
    pub fn enter(name: impl Into<Cow<'static, str>>, attributes: &[(&str, Value<'_>)]) -> Self {
        Self::new(builder::enter(name, attributes))
    }

    /// A span that is none: every call does nothing.
    #[inline]
    pub fn none() -> Self {
        Self::new(None)
    }

    #[inline]
    pub(super) fn new(span: Option<Handle>) -> Self {
        Self { span, _not_send: PhantomData }
    }

    /// What identifies it; invalid when traces are off.
    pub fn context(&self) -> SpanContext {
        let find = |span: Handle| stack::with(|local| local.stack.find(span.id()).map(|data| data.context)).flatten();
        self.span.and_then(find).unwrap_or_default()
    }

    /// Ends it now rather than when the guard is dropped.
    pub fn end(self) {}

    /// Ends it with this time, which may lie in the past, but not before its start.
    pub fn end_at(mut self, end: SystemTime) {
        if let Some(span) = self.span.take() {
            builder::leave_at(span, Some(end));
        }
    }

    fn with_data(&self, change: impl FnOnce(&mut SpanData)) {
        if let Some(span) = self.span {
            stack::with(|local| local.stack.find_recorded(span.id()).map(change));
        }
    }

    super::span_methods!(self: &self);
}

impl Default for LocalSpan {
    /// A span that is none.
    fn default() -> Self {
        Self::none()
    }
}

impl Drop for LocalSpan {
    #[inline]
    fn drop(&mut self) {
        if let Some(span) = self.span {
            builder::leave(span);
        }
    }
}
