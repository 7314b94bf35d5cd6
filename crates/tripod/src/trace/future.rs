//! A future in a span, or in a context: it is current whenever the future is polled, on whichever thread.

use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll};

use super::Span;
use crate::Context;

/// Adds [`InSpanExt::in_span`] to every future.
pub trait InSpanExt: Sized {
    /// Runs the future in a span, which ends when the future is done or dropped.
    fn in_span(self, span: Span) -> InSpan<Self> {
        InSpan { future: Some(self), span }
    }

    /// Runs the future in a context, its baggage included: what it records belongs to the context's span.
    ///
    /// ```
    /// use tripod::{Context, InSpanExt};
    /// # async fn handle() {}
    /// let context = Context::current(); // or what `propagation::extract` read
    /// let future = handle().in_context(context);
    /// # drop(future);
    /// ```
    fn in_context(self, context: Context) -> InContext<Self> {
        InContext { future: self, context }
    }
}

impl<F: Future> InSpanExt for F {}

/// See [`InSpanExt::in_span`].
#[must_use = "futures do nothing unless polled"]
pub struct InSpan<F> {
    /// Taken out when it is done, so that the span ends just then.
    future: Option<F>,
    span: Span,
}

impl<F: Future> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<F::Output> {
        // SAFETY: `future` is pinned with `self`: it is never moved, only polled in place and dropped in place (by `set`).
        // `span` is not treated as pinned.
        let (mut future, span) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.future), &mut this.span)
        };
        let entered = span.enter();
        let Some(running) = future.as_mut().as_pin_mut() else {
            // A future that is done must not be polled again; one that waits for ever breaks nothing.
            return Poll::Pending;
        };
        let result = running.poll(task);
        if result.is_ready() {
            future.set(None);
            drop(entered);
            drop(std::mem::take(span));
        }
        result
    }
}

impl<F> Drop for InSpan<F> {
    /// Drops the future within the span, so that what its destructors record belongs to it.
    fn drop(&mut self) {
        let _entered = self.span.enter();
        self.future = None;
    }
}

/// See [`InSpanExt::in_context`].
#[must_use = "futures do nothing unless polled"]
pub struct InContext<F> {
    future: F,
    context: Context,
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<F::Output> {
        // SAFETY: `future` is pinned with `self`: it is never moved, only polled in place. `context` is not treated as pinned.
        let (future, context) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.future), &this.context)
        };
        let _attached = context.clone().attach();
        future.poll(task)
    }
}
