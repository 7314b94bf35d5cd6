//! A subscriber without a registry: it keeps of a span what Tripod needs, and no more.

use std::sync::atomic::{AtomicBool, Ordering};

use tracing_core::dispatcher::{Dispatch, SetGlobalDefaultError, set_global_default};
use tracing_core::metadata::LevelFilter;
use tracing_core::span::{Attributes, Current, Id, Record};
use tracing_core::{Event, Interest, Metadata, callsite};

use super::directives::{ALLOWED, Directives};
use super::span::Change;
use super::spans::InSlots;
use super::visit::Visitor;
use super::{Recording, Spans, level_of};
use crate::bridge::fields;
use crate::config::env::invalid;
use crate::context::suppress::is_suppressed;
use crate::engine;
use crate::{Error, Level, log_enabled};

/// Whether there is a subscriber, so that `tracing` has to ask anew when telemetry is started or stopped.
static MADE: AtomicBool = AtomicBool::new(false);
/// Whether one is the whole process's.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Whether [`Subscriber::init`] has made one the whole process's.
pub(crate) fn is_installed() -> bool {
    INSTALLED.load(Ordering::Relaxed)
}

/// A subscriber that records `tracing`'s spans and events with Tripod. It can be made before telemetry starts.
pub fn subscriber() -> Subscriber {
    Subscriber::default()
}

/// See [`subscriber`].
#[derive(Clone, Debug, Default)]
pub struct Subscriber {
    recording: Recording,
    directives: Directives,
}

impl Subscriber {
    /// Which spans and events are recorded, by level and target, as `RUST_LOG` says it: `info,my_crate=debug,hyper=off`. The most
    /// specific directive counts; a target that none is about is left out. All of them without a filter.
    ///
    /// # Errors
    /// [`Error::Config`] when a directive can't be understood: those about spans' names and fields are not.
    pub fn with_filter(self, directives: &str) -> Result<Self, Error> {
        let wrong = || invalid("with_filter", directives, ALLOWED);
        Ok(Self { directives: Directives::parse(directives).ok_or_else(wrong)?, ..self })
    }

    /// As [`super::Layer::with_location`].
    #[must_use]
    pub fn with_location(self, on: bool) -> Self {
        Self { recording: Recording { location: on, ..self.recording }, ..self }
    }

    /// As [`super::Layer::with_level`].
    #[must_use]
    pub fn with_level(self, on: bool) -> Self {
        Self { recording: Recording { level: on, ..self.recording }, ..self }
    }

    /// Makes it the subscriber of the whole process.
    ///
    /// # Errors
    /// When there is one already.
    pub fn init(self) -> Result<(), SetGlobalDefaultError> {
        set_global_default(Dispatch::new(self))?;
        INSTALLED.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether what is written there is worth recording now.
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let level = level_of(*metadata.level());
        let recorded = if metadata.is_span() {
            engine::traces_on()
        } else {
            // An error makes its span one, also where logs are off.
            log_enabled(level) || level == Level::Error && engine::traces_on()
        };
        recorded && self.directives.allow(metadata)
    }
}

/// Has `tracing` ask anew what is worth recording.
pub(in crate::bridge) fn engine_changed() {
    if MADE.load(Ordering::Relaxed) {
        callsite::rebuild_interest_cache();
    }
}

impl tracing_core::Subscriber for Subscriber {
    fn on_register_dispatch(&self, _: &Dispatch) {
        MADE.store(true, Ordering::Relaxed);
    }

    /// Kept by `tracing` for each place in the source, until telemetry is started or stopped.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let off = !engine::traces_on() && !log_enabled(Level::Fatal);
        Some(if off { LevelFilter::OFF } else { self.directives.max_level() })
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        if !engine::traces_on() || is_suppressed() {
            return InSlots::none();
        }
        let span = self.recording.span(attributes, &InSlots);
        span.map_or_else(InSlots::none, |span| InSlots::insert(span, attributes.metadata()))
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        fields::with(|fields| {
            values.record(&mut Visitor(fields));
            InSlots.with(id, |bridged| bridged.change(Change::Fields(fields)));
        });
    }

    fn record_follows_from(&self, id: &Id, follows: &Id) {
        if let Some(to) = InSlots.context_of(follows) {
            InSlots.with(id, |bridged| bridged.change(Change::Link(to.span)));
        }
    }

    fn event(&self, event: &Event<'_>) {
        self.recording.event(event, &InSlots);
    }

    fn enter(&self, id: &Id) {
        InSlots::enter(id);
    }

    fn exit(&self, id: &Id) {
        InSlots::exit(id);
    }

    fn clone_span(&self, id: &Id) -> Id {
        InSlots::add_handle(id);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let closed = InSlots::remove_handle(&id);
        // Ended when its slot is free again, and without a lock.
        closed.map(super::span::BridgedSpan::close).is_some()
    }

    fn current_span(&self) -> Current {
        InSlots::current().map_or_else(Current::none, |(id, metadata)| Current::new(id, metadata))
    }
}
