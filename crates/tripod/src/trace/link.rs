//! What a link leads to.

use crate::{Context, SpanContext};

/// The span that a link leads to: made from a [`SpanContext`], or from a [`Context`], whose `tracestate` the link then has too.
#[derive(Clone, Copy, Debug)]
pub struct LinkTo<'a> {
    pub(crate) span: SpanContext,
    /// Empty when there is none.
    pub(crate) trace_state: &'a str,
}

impl From<SpanContext> for LinkTo<'_> {
    fn from(span: SpanContext) -> Self {
        Self { span, trace_state: "" }
    }
}

impl From<&SpanContext> for LinkTo<'_> {
    fn from(span: &SpanContext) -> Self {
        Self::from(*span)
    }
}

impl<'a> From<&'a Context> for LinkTo<'a> {
    fn from(context: &'a Context) -> Self {
        Self { span: context.span, trace_state: context.trace_state.as_deref().unwrap_or_default() }
    }
}
