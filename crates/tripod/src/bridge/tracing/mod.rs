//! The crate `tracing`: its spans become Tripod's spans, its events log records, by a layer for `tracing-subscriber`'s registry.
//!
//! ```
//! use tracing_subscriber::prelude::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _tripod = tripod::init().service_name("checkout").start()?;
//! tracing_subscriber::registry().with(tripod::bridge::tracing::layer()).try_init()?;
//!
//! let _request = tracing::info_span!("request", http.route = "/pay").entered();
//! let _charge = tripod::span!("charge"); // a child of "request"
//! tracing::warn!(attempts = 3, "the card was declined"); // names "charge"
//! # Ok(())
//! # }
//! ```
//!
//! A span's target is its scope. `otel.name`, `otel.kind`, `otel.status_code` and `otel.status_message` set what they name, as users of
//! `tracing-opentelemetry` know them. An event of level ERROR with a field `error` also makes its span's status an error: that is
//! what `#[instrument(err)]` writes. To continue a trace of another process, attach the extracted
//! [`Context`] before the span is made.
//!
//! Which spans and events come here is for `tracing-subscriber`'s filters to say; the level of Tripod's own configuration holds for
//! the events besides. Cost, beside the registry's own: that of a Tripod span, and one lock of the registry each time it is
//! entered or left. While telemetry does not run: a comparison or two a call.

mod span;
mod visit;

use std::fmt;

use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::Context as In;
use tracing_subscriber::registry::LookupSpan;

use super::fields::{self, Fields};
use super::slice::as_slice;
use super::targets;
use crate::context::otel;
use crate::engine::{self, own_threads};
use crate::{Context, Level, SpanBuilder, SpanContext, Value, log_enabled, logs};
use span::{BridgedSpan, Change, name_in};
use visit::Visitor;

/// A layer that records `tracing`'s spans and events with Tripod. It can be made before telemetry starts.
pub fn layer() -> Layer {
    Layer::default()
}

/// See [`layer`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Layer {
    location: bool,
    level: bool,
}

impl Layer {
    /// Whether spans and log records tell where in the source they were written, as `code.file.path` and `code.line.number`. Not by
    /// default: it makes every record some eighty bytes longer.
    #[must_use]
    pub fn with_location(self, on: bool) -> Self {
        Self { location: on, ..self }
    }

    /// Whether spans have their level as the attribute `level`. Not by default; log records always have theirs.
    #[must_use]
    pub fn with_level(self, on: bool) -> Self {
        Self { level: on, ..self }
    }

    fn begin(self, metadata: &'static Metadata<'static>, parent: Parent, fields: &Fields) -> BridgedSpan {
        let mut builder =
            SpanBuilder::new(name_in(fields, metadata.name())).scope(targets::scope_of(metadata.target()));
        builder = match parent {
            Parent::Current => builder,
            Parent::None => builder.root(),
            Parent::Given(context) => builder.parent(context),
        };
        if self.location {
            for (key, value) in fields::location(metadata.file(), metadata.line()) {
                builder = builder.attribute(key, value);
            }
        }
        if self.level {
            builder = builder.attribute("level", metadata.level().as_str());
        }
        BridgedSpan::start(builder, fields)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Layer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: In<'_, S>) {
        if !engine::traces_on() || own_threads::is_own() {
            return;
        }
        let bridged = fields::with(|fields| {
            attributes.record(&mut Visitor(fields));
            self.begin(attributes.metadata(), Parent::of(attributes.parent(), attributes.is_contextual(), &ctx), fields)
        });
        if let Some(span) = ctx.span(id) {
            span.extensions_mut().insert(bridged);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: In<'_, S>) {
        if !engine::traces_on() {
            return;
        }
        fields::with(|fields| {
            values.record(&mut Visitor(fields));
            with_span(&ctx, id, |bridged| bridged.change(Change::Fields(fields)));
        });
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: In<'_, S>) {
        if let Some(to) = context_of(&ctx, follows) {
            with_span(&ctx, id, |bridged| bridged.change(Change::Link(to.span)));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: In<'_, S>) {
        // What `opentelemetry` reports of its own doings may come from where its stack is borrowed.
        if event.metadata().target().starts_with("opentelemetry") {
            return otel::blindly(|| self.record_event(event, &ctx));
        }
        self.record_event(event, &ctx);
    }

    fn on_enter(&self, id: &Id, ctx: In<'_, S>) {
        if engine::traces_on() {
            with_span(&ctx, id, BridgedSpan::enter);
        }
    }

    fn on_exit(&self, id: &Id, ctx: In<'_, S>) {
        // By the stack rather than by whether traces are on: that may have changed since the span was entered.
        if !span::is_stack_empty() {
            with_span(&ctx, id, BridgedSpan::exit);
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

impl Layer {
    fn record_event<S: Subscriber + for<'a> LookupSpan<'a>>(self, event: &Event<'_>, ctx: &In<'_, S>) {
        let level = level_of(*event.metadata().level());
        let logged = log_enabled(level);
        if own_threads::is_own() || !(logged || level == Level::Error && engine::traces_on()) {
            return;
        }
        fields::with(|fields| {
            event.record(&mut Visitor(fields));
            if level == Level::Error
                && let Some(error) = fields.get("error")
                && let Some(span) = ctx.event_span(event)
                && let Some(bridged) = span.extensions_mut().get_mut::<BridgedSpan>()
            {
                bridged.fail(error);
            }
            if logged {
                let parent = Parent::of(event.parent(), event.is_contextual(), ctx);
                let _attached = parent.attach();
                self.write(level, event.metadata(), fields);
            }
        });
    }

    fn write(self, level: Level, metadata: &Metadata<'_>, fields: &Fields) {
        // What came from the crate `log` by way of `tracing-log` says as fields where it came from.
        let from_log = metadata.target() == "log" && fields.get("log.target").is_some();
        let (target, file, line) = if from_log {
            let line = fields
                .get("log.line")
                .and_then(|line| if let Value::Int(line) = line { u32::try_from(line).ok() } else { None });
            (fields.text_of("log.target").unwrap_or("log"), fields.text_of("log.file"), line)
        } else {
            (metadata.target(), metadata.file(), metadata.line())
        };
        let own = fields.iter().filter(|(key, _)| !(from_log && key.starts_with("log.")));
        let location = fields::location(file, line).filter(|_| self.location);
        as_slice(own.chain(fields.exception()).chain(location), |attributes| {
            logs::log_in_scope(targets::scope_of(target), level, format_args!("{}", fields.message()), attributes);
        });
    }
}

/// What a span or an event is a part of.
enum Parent {
    /// What is current.
    Current,
    None,
    Given(Context),
}

impl Parent {
    fn of<S: Subscriber + for<'a> LookupSpan<'a>>(explicit: Option<&Id>, contextual: bool, ctx: &In<'_, S>) -> Self {
        match explicit {
            _ if contextual => Self::Current,
            Some(id) => context_of(ctx, id).map_or(Self::None, Self::Given),
            None => Self::None,
        }
    }

    /// Makes it current for a log record.
    fn attach(self) -> Option<crate::ContextGuard> {
        match self {
            Self::Current => None,
            Self::None => {
                Some(Context { span: SpanContext::default(), trace_state: None, ..Context::current() }.attach())
            }
            Self::Given(context) => Some(context.attach()),
        }
    }
}

/// A context in which a `tracing` span is current, unless it is not recorded here.
fn context_of<S: Subscriber + for<'a> LookupSpan<'a>>(ctx: &In<'_, S>, id: &Id) -> Option<Context> {
    let span = ctx.span(id)?;
    let extensions = span.extensions();
    Some(extensions.get::<BridgedSpan>()?.to_context())
}

/// Works with a span under the registry's lock: nothing that is the user's code runs there.
fn with_span<S: Subscriber + for<'a> LookupSpan<'a>>(ctx: &In<'_, S>, id: &Id, work: impl FnOnce(&mut BridgedSpan)) {
    if let Some(span) = ctx.span(id)
        && let Some(bridged) = span.extensions_mut().get_mut::<BridgedSpan>()
    {
        work(bridged);
    }
}

fn level_of(level: tracing_core::Level) -> Level {
    match level {
        tracing_core::Level::ERROR => Level::Error,
        tracing_core::Level::WARN => Level::Warn,
        tracing_core::Level::INFO => Level::Info,
        tracing_core::Level::DEBUG => Level::Debug,
        tracing_core::Level::TRACE => Level::Trace,
    }
}

impl fmt::Debug for BridgedSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgedSpan").field("context", &self.to_context().span).finish_non_exhaustive()
    }
}
