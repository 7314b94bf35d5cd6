//! What a sampler may look at: a span as it is known when it starts.

use tripod_wire::otlp::trace::SpanKind;

use crate::context::{SpanContext, TraceId};
use crate::trace::data::SpanData;
use crate::{Value, engine};

/// A span about to start, as a [`super::Sample`] sees it.
pub struct SpanStart<'a> {
    pub(crate) trace_id: TraceId,
    pub(crate) parent: &'a SpanContext,
    pub(crate) trace_state: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) kind: SpanKind,
    pub(crate) scope: u16,
    pub(crate) attributes: StartAttributes<'a>,
}

/// The attributes that a span starts with.
#[derive(Clone, Copy)]
pub(crate) enum StartAttributes<'a> {
    /// As the caller has them.
    Listed(&'a [(&'a str, Value<'a>)]),
    /// Written already.
    Written(&'a SpanData),
}

impl<'a> SpanStart<'a> {
    /// The trace that it belongs to, or that it begins.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Its parent; not valid when the trace begins here.
    pub fn parent(&self) -> &SpanContext {
        self.parent
    }

    /// The parent's W3C `tracestate`.
    pub fn trace_state(&self) -> Option<&str> {
        self.trace_state
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Its role in a call.
    pub fn kind(&self) -> SpanKind {
        self.kind
    }

    /// The name of the component that starts it; empty for the program's own spans.
    pub fn scope(&self) -> String {
        engine::scope_name(self.scope)
    }

    /// The value of an attribute that it starts with. Those that are set later are not known yet.
    pub fn attribute(&self, key: &str) -> Option<Value<'a>> {
        match self.attributes {
            // Of two with one key the later counts, as in the span.
            StartAttributes::Listed(all) => all.iter().rev().find(|(own, _)| *own == key).map(|(_, value)| *value),
            StartAttributes::Written(data) => data.attribute(key),
        }
    }
}
