//! A call over HTTP, measured from its start to the last of the response's body, however it ends.
//!
//! [`MeasuredFuture`] and [`MeasuredBody`] see to it that a call ends exactly once: when the body is through, when it or the service
//! fails, when either is dropped before, or when one of them panics. What is to be recorded is up to the [`Call`].

use std::any::Any;
use std::fmt::{self, Display};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use bytes::Buf;
use http::{HeaderMap, Response, response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::{Span, StatusCode};

/// What is recorded of a call.
#[cfg_attr(not(feature = "tower"), allow(unreachable_pub, reason = "a part of types that are features"))]
pub trait Call: Sized {
    /// Works while the call's span is current.
    fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R;

    /// The response has begun. Answers whether a body can follow.
    fn begin_response(&mut self, head: &response::Parts) -> bool;

    /// The body's trailers have come.
    fn trailers(&mut self, _: &HeaderMap) {}

    /// It is over, with so many bytes of a body.
    fn end(self, how: End<'_>, bytes: u64);
}

/// How a call ended.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "tower"), allow(unreachable_pub, reason = "as above"))]
pub enum End<'a> {
    /// All of the response was had.
    Complete,
    /// Nobody wanted the rest.
    Dropped,
    /// The service, or the body, failed with an error: its type, what it says, and itself.
    Failed(&'static str, &'a dyn Display, &'a dyn Any),
    /// The service, or the body, panicked.
    Panicked,
}

impl<'a> End<'a> {
    fn failed<E: Display + 'static>(error: &'a E) -> Self {
        Self::Failed(super::error_type::<E>(), error, error)
    }

    /// Dropped by who holds it, or by a panic that comes by.
    fn dropped() -> Self {
        if thread::panicking() { Self::Panicked } else { Self::Dropped }
    }

    /// Says on the span that it ended so. A panic's message is added when the span ends.
    pub(crate) fn record(&self, span: &mut Span, error_type: &str) {
        span.set_attribute("error.type", error_type);
        match (self, &mut span.data) {
            (Self::Failed(kind, message, _), Some(data)) => data.record_failure(kind, message),
            _ => span.set_status(StatusCode::ERROR, ""),
        }
    }
}

/// Works within the call; if that panics, the call ends and the panic goes on. Without this a panic that is caught outside would look
/// like a future that was dropped.
pub(crate) fn watch<C: Call, R>(call: &mut Option<C>, bytes: u64, work: impl FnOnce() -> R) -> R {
    struct Watch<'a, C: Call>(&'a mut Option<C>, u64);

    impl<C: Call> Drop for Watch<'_, C> {
        fn drop(&mut self) {
            if let Some(call) = self.0.take() {
                call.end(End::Panicked, self.1);
            }
        }
    }

    let watched = Watch(call, bytes);
    let result = match &mut *watched.0 {
        Some(call) => call.enter(work),
        None => work(),
    };
    std::mem::forget(watched);
    result
}

pin_project! {
    /// A service's future, measured.
    #[must_use = "futures do nothing unless polled"]
    pub struct MeasuredFuture<F, C: Call> {
        // Taken out when it is done, within the call.
        #[pin]
        future: Option<F>,
        call: Option<C>,
    }

    impl<F, C: Call> PinnedDrop for MeasuredFuture<F, C> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.call.is_some() {
                watch(this.call, 0, || this.future.set(None));
            }
            if let Some(call) = this.call.take() {
                call.end(End::dropped(), 0);
            }
        }
    }
}

impl<F, C: Call> MeasuredFuture<F, C> {
    /// Of a call, unless it is not to be measured.
    pub(crate) fn new(future: F, call: Option<C>) -> Self {
        Self { future: Some(future), call }
    }
}

impl<F, C, B, E> Future for MeasuredFuture<F, C>
where
    F: Future<Output = Result<Response<B>, E>>,
    C: Call,
    B: Body,
    E: Display + 'static,
{
    type Output = Result<Response<MeasuredBody<B, C>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // A future that is done must not be polled again; one that waits for ever breaks nothing.
        let Some(future) = this.future.as_mut().as_pin_mut() else { return Poll::Pending };
        let result = ready!(watch(this.call, 0, || future.poll(cx)));
        watch(this.call, 0, || this.future.set(None));
        let call = this.call.take();
        Poll::Ready(match result {
            Ok(response) => {
                let (head, body) = response.into_parts();
                let body = MeasuredBody::new(&head, body, call);
                Ok(Response::from_parts(head, body))
            }
            Err(error) => {
                if let Some(call) = call {
                    call.end(End::failed(&error), 0);
                }
                Err(error)
            }
        })
    }
}

pin_project! {
    /// A response's body, measured.
    pub struct MeasuredBody<B, C>
    where
        B: Body,
        C: Call,
    {
        #[pin]
        body: B,
        call: Option<C>,
        bytes: u64,
        // How many bytes there will be, where it was said.
        expected: Option<u64>,
    }

    impl<B, C> PinnedDrop for MeasuredBody<B, C>
    where
        B: Body,
        C: Call,
    {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(call) = this.call.take() {
                // Servers need not ask for the end of a body of known length.
                let complete = this.body.is_end_stream() || *this.expected == Some(*this.bytes);
                let end = End::dropped();
                call.end(if complete && matches!(end, End::Dropped) { End::Complete } else { end }, *this.bytes);
            }
        }
    }
}

impl<B: Body, C: Call> MeasuredBody<B, C> {
    fn new(head: &response::Parts, body: B, mut call: Option<C>) -> Self {
        let follows = call.as_mut().is_some_and(|call| call.begin_response(head));
        if (!follows || body.is_end_stream())
            && let Some(call) = call.take()
        {
            call.end(End::Complete, 0);
        }
        let length = || super::text(head.headers.get(http::header::CONTENT_LENGTH)?).parse().ok();
        let expected = if call.is_some() { body.size_hint().exact().or_else(length) } else { None };
        Self { body, call, bytes: 0, expected }
    }
}

impl<B, C> Body for MeasuredBody<B, C>
where
    B: Body,
    B::Error: Display + 'static,
    C: Call,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let mut body = this.body;
        if this.call.is_none() {
            return body.poll_frame(cx);
        }
        let frame = ready!(watch(this.call, *this.bytes, || body.as_mut().poll_frame(cx)));
        let end = match &frame {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    *this.bytes += data.remaining() as u64;
                } else if let (Some(trailers), Some(call)) = (frame.trailers_ref(), this.call.as_mut()) {
                    call.trailers(trailers);
                }
                body.is_end_stream().then_some(End::Complete)
            }
            Some(Err(error)) => Some(End::failed(error)),
            None => Some(End::Complete),
        };
        if let Some(end) = end
            && let Some(call) = this.call.take()
        {
            call.end(end, *this.bytes);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: Body, C: Call> fmt::Debug for MeasuredBody<B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeasuredBody").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
