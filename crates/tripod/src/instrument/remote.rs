//! A span that answers a request from elsewhere: a part of the trace that the request's headers name, with its baggage.

use crate::context::propagation::{self, Extractor};
use crate::{Context, Span, SpanBuilder, engine};

/// A span, and what came along with the request that it answers.
pub(crate) struct Remote {
    pub(crate) span: Span,
    /// To be current around the span: where there is baggage, and where there is no span to pass the trace on.
    around: Option<Context>,
}

impl Remote {
    /// Starts the span. Without a valid context in the headers it is a part of what is current here.
    pub(crate) fn start(headers: &impl Extractor, build: impl FnOnce() -> SpanBuilder) -> Self {
        let mut context = propagation::extract(headers);
        if !context.span.is_valid() {
            let current = Context::current();
            context = Context { baggage: context.baggage.or(current.baggage), ..current };
        }
        let span = if engine::traces_on() { build().parent(context.clone()).start() } else { Span::none() };
        let is_passed_on = span.context().is_valid() || !context.span.is_valid();
        let around = (context.baggage.is_some() || !is_passed_on).then_some(context);
        Self { span, around }
    }

    /// A span that answers nothing from elsewhere.
    #[cfg(feature = "tonic")]
    pub(crate) fn local(build: impl FnOnce() -> SpanBuilder) -> Self {
        let span = if engine::traces_on() { build().start() } else { Span::none() };
        Self { span, around: None }
    }

    /// Works while it is current.
    pub(crate) fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let _attached = self.around.clone().map(Context::attach);
        self.span.in_scope(work)
    }
}
