//! A future in a span: the span is current whenever the future is polled, on whichever thread, and ends with it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Span;

/// Adds [`InSpanExt::in_span`] to every future.
pub trait InSpanExt: Sized {
    /// Runs the future in a span, which ends when the future is done or dropped.
    fn in_span(self, span: Span) -> InSpan<Self> {
        InSpan { future: Some(self), span }
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

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
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
