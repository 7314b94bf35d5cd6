//! The crate `tracing`: its spans become Tripod's spans, its events log records, by a [`Subscriber`] of its own or by a [`Layer`] for
//! `tracing-subscriber`'s registry.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _tripod = tripod::init().service_name("checkout").start()?;
//! tripod::bridge::tracing::subscriber().with_filter("info,sqlx=warn")?.init()?;
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
//! The [`Subscriber`] is for programs that have no other layers, and the faster one: it keeps what Tripod needs and nothing else. With
//! a [`Layer`], which spans and events come here is for `tracing-subscriber`'s filters to say. With both, the level of Tripod's
//! own configuration holds for the events besides.
//!
//! Cost beside that of a Tripod span: an uncontended lock each time a span is made, entered, left and closed; with the registry,
//! its own work as well. What the subscriber's filter leaves out, and everything while telemetry does not run, costs the
//! comparison that `tracing` makes.

mod directives;
mod layer;
mod span;
mod spans;
mod subscriber;
mod visit;

use std::fmt;

use tracing_core::span::{Attributes, Id};
use tracing_core::{Event, Metadata};

pub use layer::{Layer, layer};
pub use subscriber::{Subscriber, subscriber};

use super::fields::{self, Fields};
use super::slice::as_slice;
use super::targets;
use crate::context::otel;
use crate::context::suppress::is_suppressed;
use crate::engine;
use crate::{Context, Level, SpanBuilder, SpanContext, Value, log_enabled, logs};
use span::{BridgedSpan, name_in};
use visit::Visitor;

pub(super) use subscriber::engine_changed;
pub(crate) use subscriber::is_installed;

/// Where `tracing`'s spans are kept.
trait Spans {
    /// Works with a span, if it is recorded here. It may be locked meanwhile: nothing that is the user's code runs there.
    fn with<R>(&self, id: &Id, work: impl FnOnce(&mut BridgedSpan) -> R) -> Option<R>;

    /// Works with the span that is entered on this thread.
    fn with_current<R>(&self, work: impl FnOnce(&mut BridgedSpan) -> R) -> Option<R>;

    /// A context in which a span is current.
    fn context_of(&self, id: &Id) -> Option<Context> {
        self.with(id, |bridged| bridged.to_context())
    }
}

/// How spans and events are recorded.
#[derive(Clone, Copy, Debug, Default)]
struct Recording {
    location: bool,
    level: bool,
}

impl Recording {
    fn span(self, attributes: &Attributes<'_>, spans: &impl Spans) -> Option<BridgedSpan> {
        fields::with(|fields| {
            attributes.record(&mut Visitor(fields));
            let parent = Parent::of(attributes.parent(), attributes.is_contextual(), spans);
            self.begin(attributes.metadata(), parent, fields)
        })
    }

    fn begin(self, metadata: &'static Metadata<'static>, parent: Parent, fields: &Fields) -> BridgedSpan {
        let mut builder =
            SpanBuilder::new(name_in(fields, metadata.name())).scope(targets::scope_of_static(metadata.target()));
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

    fn event(self, event: &Event<'_>, spans: &impl Spans) {
        // What `opentelemetry` reports of its own doings may come from where its stack is borrowed.
        if event.metadata().target().starts_with("opentelemetry") {
            return otel::blindly(|| self.record_event(event, spans));
        }
        self.record_event(event, spans);
    }

    fn record_event(self, event: &Event<'_>, spans: &impl Spans) {
        let level = level_of(*event.metadata().level());
        let logged = log_enabled(level);
        if is_suppressed() || !(logged || level == Level::Error && engine::traces_on()) {
            return;
        }
        fields::with(|fields| {
            event.record(&mut Visitor(fields));
            if level == Level::Error
                && let Some(error) = fields.get("error")
            {
                match event.parent() {
                    Some(id) => spans.with(id, |bridged| bridged.fail(error)),
                    None if event.is_contextual() => spans.with_current(|bridged| bridged.fail(error)),
                    None => None,
                };
            }
            if logged {
                let parent = Parent::of(event.parent(), event.is_contextual(), spans);
                let _attached = parent.attach();
                self.write(level, event.metadata(), fields);
            }
        });
    }

    fn write(self, level: Level, metadata: &'static Metadata<'static>, fields: &Fields) {
        // What came from the crate `log` by way of `tracing-log` says as fields where it came from.
        let from_log = metadata.target() == "log" && fields.get("log.target").is_some();
        let (scope, file, line) = if from_log {
            let line = fields
                .get("log.line")
                .and_then(|line| if let Value::Int(line) = line { u32::try_from(line).ok() } else { None });
            let scope = targets::scope_of(fields.text_of("log.target").unwrap_or("log"));
            (scope, fields.text_of("log.file"), line)
        } else {
            (targets::scope_of_static(metadata.target()), metadata.file(), metadata.line())
        };
        let own = fields.iter().filter(|(key, _)| !(from_log && key.starts_with("log.")));
        let location = fields::location(file, line).filter(|_| self.location);
        as_slice(own.chain(fields.exception()).chain(location), |attributes| {
            logs::log_in_scope(scope, level, format_args!("{}", fields.message()), attributes);
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
    fn of(explicit: Option<&Id>, contextual: bool, spans: &impl Spans) -> Self {
        match explicit {
            _ if contextual => Self::Current,
            Some(id) => spans.context_of(id).map_or(Self::None, Self::Given),
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
