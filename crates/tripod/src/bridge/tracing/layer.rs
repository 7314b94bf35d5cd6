//! A layer for `tracing-subscriber`'s registry, for programs that have other layers besides.

use tracing_core::Subscriber;
use tracing_core::span::{Attributes, Id, Record};
use tracing_subscriber::layer::Context as In;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::span::{self, BridgedSpan, Change};
use super::visit::Visitor;
use super::{Recording, Spans};
use crate::bridge::fields;
use crate::context::suppress::is_suppressed;
use crate::engine;

/// A layer that records `tracing`'s spans and events with Tripod. It can be made before telemetry starts.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let _tripod = tripod::init().service_name("checkout").start()?;
/// tracing_subscriber::registry().with(tripod::bridge::tracing::layer()).try_init()?;
/// # Ok(())
/// # }
/// ```
pub fn layer() -> Layer {
    Layer::default()
}

/// See [`layer`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Layer(Recording);

impl Layer {
    /// Whether spans and log records tell where in the source they were written, as `code.file.path` and `code.line.number`. Not by
    /// default: it makes every record some eighty bytes longer.
    #[must_use]
    pub fn with_location(self, on: bool) -> Self {
        Self(Recording { location: on, ..self.0 })
    }

    /// Whether spans have their level as the attribute `level`. Not by default; log records always have theirs.
    #[must_use]
    pub fn with_level(self, on: bool) -> Self {
        Self(Recording { level: on, ..self.0 })
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Layer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: In<'_, S>) {
        if !engine::traces_on() || is_suppressed() {
            return;
        }
        if let Some(bridged) = self.0.span(attributes, &InRegistry(&ctx))
            && let Some(span) = ctx.span(id)
        {
            span.extensions_mut().insert(bridged);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: In<'_, S>) {
        if !engine::traces_on() {
            return;
        }
        fields::with(|fields| {
            values.record(&mut Visitor(fields));
            InRegistry(&ctx).with(id, |bridged| bridged.change(Change::Fields(fields)));
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: In<'_, S>) {
        let spans = InRegistry(&ctx);
        if let Some(to) = spans.context_of(follows) {
            spans.with(id, |bridged| bridged.change(Change::Link(to.span)));
        }
    }

    fn on_event(&self, event: &tracing_core::Event<'_>, ctx: In<'_, S>) {
        self.0.event(event, &InRegistry(&ctx));
    }

    fn on_enter(&self, id: &Id, ctx: In<'_, S>) {
        if engine::traces_on() {
            InRegistry(&ctx).with(id, BridgedSpan::enter);
        }
    }

    fn on_exit(&self, id: &Id, ctx: In<'_, S>) {
        // By the stack rather than by whether traces are on: that may have changed since the span was entered.
        if !span::is_stack_empty() {
            InRegistry(&ctx).with(id, BridgedSpan::exit);
        }
    }

    fn on_close(&self, id: Id, ctx: In<'_, S>) {
        // Otherwise there is nothing to send, and the registry drops what it keeps.
        if !engine::traces_on() && span::is_stack_empty() {
            return;
        }
        let bridged = ctx.span(&id).and_then(|span| span.extensions_mut().remove::<BridgedSpan>());
        if let Some(bridged) = bridged {
            bridged.close();
        }
    }
}

/// The spans that the registry keeps.
struct InRegistry<'a, 'b, S>(&'a In<'b, S>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Spans for InRegistry<'_, '_, S> {
    fn with<R>(&self, id: &Id, work: impl FnOnce(&mut BridgedSpan) -> R) -> Option<R> {
        with_extension(&self.0.span(id)?, work)
    }

    fn with_current<R>(&self, work: impl FnOnce(&mut BridgedSpan) -> R) -> Option<R> {
        with_extension(&self.0.lookup_current()?, work)
    }
}

fn with_extension<'a, S: LookupSpan<'a>, R>(
    span: &SpanRef<'a, S>,
    work: impl FnOnce(&mut BridgedSpan) -> R,
) -> Option<R> {
    span.extensions_mut().get_mut::<BridgedSpan>().map(work)
}
