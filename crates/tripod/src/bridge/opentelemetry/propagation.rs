//! Propagation: OpenTelemetry's propagator with Tripod's formats.

use std::sync::LazyLock;

use ::opentelemetry::Context;
use ::opentelemetry::baggage::{Baggage, BaggageExt, KeyValueMetadata};
use ::opentelemetry::propagation::text_map_propagator::FieldIter;
use ::opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use ::opentelemetry::trace::TraceContextExt;

use super::convert;
use super::trace::Parent;
use crate::propagation;

/// The headers that the formats write.
static FIELDS: LazyLock<Vec<String>> =
    LazyLock::new(|| propagation::Propagator::all_fields().map(str::to_owned).collect());

/// Reads and writes headers in the formats that [`crate::Builder::propagators`] or `OTEL_PROPAGATORS` name.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Propagator {}

impl Propagator {
    /// The propagator.
    pub fn new() -> Self {
        Self {}
    }
}

impl TextMapPropagator for Propagator {
    /// Writes the span that would be the parent of one that is started with this context, and the baggage of both sides.
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        let context = match Parent::of(context) {
            Parent::Current => {
                let mut current = crate::Context::current();
                convert::add_baggage(context.baggage(), &mut current.baggage);
                current
            }
            Parent::Root | Parent::Given => context_of(context),
        };
        propagation::inject_context(&context, &mut Headers(injector));
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        let read = propagation::extract(&Given(extractor));
        let mut context = context.clone();
        if read.span.is_valid() {
            let span = convert::to_span_context(&read.span, read.trace_state.as_deref());
            context = context.with_remote_span_context(span);
        }
        if let Some(baggage) = read.baggage {
            let pair = |(key, value, metadata): (&str, &str, &str)| {
                KeyValueMetadata::new(key.to_owned(), value.to_owned(), metadata)
            };
            context = context.with_baggage(baggage.iter_with_metadata().map(pair).collect::<Baggage>());
        }
        context
    }

    /// Every header that one of the formats may write.
    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&FIELDS)
    }
}

/// The span and the baggage of a context as Tripod's.
pub(super) fn context_of(context: &Context) -> crate::Context {
    let (span, mut baggage) = (context.span(), None);
    convert::add_baggage(context.baggage(), &mut baggage);
    let (span, suppressed) = (span.span_context(), context.is_telemetry_suppressed());
    crate::Context { span: convert::span_context(span), trace_state: convert::trace_state(span), baggage, suppressed }
}

struct Headers<'a>(&'a mut dyn Injector);

impl propagation::Injector for Headers<'_> {
    fn set(&mut self, name: &'static str, value: &str) {
        self.0.set(name, value.to_owned());
    }

    fn set_owned(&mut self, name: String, value: &str) {
        self.0.set(&name, value.to_owned());
    }
}

struct Given<'a>(&'a dyn Extractor);

impl propagation::Extractor for Given<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    fn get_all<'a>(&'a self, name: &str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        Box::new(self.0.get_all(name).into_iter().flatten())
    }

    fn keys(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        Box::new(self.0.keys().into_iter())
    }
}
