//! What is current: the span that runs, and the baggage that travels with it.
//!
//! Each thread keeps a stack of entered spans. [`current`] is its top; a [`Context`] is a copy of what is current, small enough to
//! send to another thread, another task or, through [`propagation`], another process.

mod baggage;
mod flags;
pub(crate) mod ids;
pub(crate) mod otel;
pub mod propagation;
mod slots;
pub(crate) mod stack;
pub(crate) mod suppress;

use std::marker::PhantomData;
use std::sync::Arc;

pub use baggage::Baggage;
pub use flags::TraceFlags;
pub use suppress::{Suppressed, suppress};
pub use tripod_wire::{SpanId, TraceId};

use crate::trace::data::SpanData;

/// Identifies a span wherever it is: in this process or another.
///
/// Aligned, so that copying one is a matter of whole words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct SpanContext {
    /// The trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// Whether the trace is recorded, and who says so.
    pub flags: TraceFlags,
    /// Whether it came from another process.
    pub remote: bool,
}

impl SpanContext {
    /// Names no span.
    pub(crate) const NONE: Self =
        Self { trace_id: TraceId::NONE, span_id: SpanId::NONE, flags: TraceFlags::NONE, remote: false };

    /// Whether it names a span at all.
    pub fn is_valid(&self) -> bool {
        self.trace_id.is_valid() && self.span_id.is_valid()
    }

    /// Whether the trace is recorded.
    #[inline]
    pub fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }
}

/// A copy of what is current, to be made current elsewhere.
///
/// ```
/// let context = tripod::Context::current();
/// std::thread::spawn(move || {
///     let _attached = context.attach();
///     let _span = tripod::span!("in another thread, but in the same trace");
/// });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The span that is current.
    pub span: SpanContext,
    /// Its W3C `tracestate`, passed on as it came.
    pub trace_state: Option<Arc<str>>,
    /// Key-value pairs that travel with the request.
    pub baggage: Option<Arc<Baggage>>,
    /// Whether nothing is recorded while it is attached; see [`suppress`].
    pub suppressed: bool,
}

impl Context {
    /// What is current on this thread.
    pub fn current() -> Self {
        stack::with(|local| {
            let (span, trace_state) = local.current();
            let mut baggage = local.baggage.clone();
            otel::add_baggage(&mut baggage);
            Self { span, trace_state, baggage, suppressed: suppress::is_suppressed() }
        })
        .unwrap_or_default()
    }

    /// Makes it current on this thread until the guard is dropped: new spans become children of its span. Suppression that
    /// holds already goes on, whatever the context says.
    pub fn attach(self) -> ContextGuard {
        let pushed = stack::with(|local| {
            let baggage = std::mem::replace(&mut local.baggage, self.baggage);
            (local.push_context(self.span, self.trace_state), baggage)
        });
        let (depth, baggage) = pushed.map_or((None, None), |(depth, baggage)| (Some(depth), baggage));
        ContextGuard { depth, baggage, _suppressed: self.suppressed.then(suppress), _not_send: PhantomData }
    }

    /// Runs the work with this as what is current.
    ///
    /// ```
    /// let context = tripod::Context::current();
    /// let sum: u64 = std::thread::scope(|scope| {
    ///     let parts = [1, 2].map(|part| scope.spawn({ let context = &context; move || context.run(|| part * 2) }));
    ///     parts.into_iter().map(|part| part.join().unwrap()).sum()
    /// });
    /// ```
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let _attached = self.clone().attach();
        work()
    }

    /// The work, to be run once with this as what is current, wherever that will be: in a thread, a pool, on tokio's blocking
    /// threads. For futures there is [`crate::InSpanExt::in_context`].
    ///
    /// ```
    /// use tripod::Context;
    /// std::thread::spawn(Context::current().wrap(|| tripod::info!("of the trace that is current where it was spawned")));
    /// ```
    pub fn wrap<R>(self, work: impl FnOnce() -> R) -> impl FnOnce() -> R {
        move || self.run(work)
    }

    /// The same with this baggage instead.
    #[must_use]
    pub fn with_baggage(mut self, baggage: Baggage) -> Self {
        self.baggage = Some(Arc::new(baggage));
        self
    }
}

/// Detaches a [`Context`] when dropped.
#[must_use = "the context is current for as long as the guard lives"]
pub struct ContextGuard {
    depth: Option<usize>,
    baggage: Option<Arc<Baggage>>,
    _suppressed: Option<Suppressed>,
    _not_send: PhantomData<*const ()>,
}

impl Drop for ContextGuard {
    fn drop(&mut self) {
        if let Some(depth) = self.depth {
            stack::with(|local| {
                local.remove_context(depth);
                local.baggage = self.baggage.take();
            });
        }
    }
}

/// The current span, for code that runs somewhere below where it was started.
///
/// ```
/// fn load_user() {
///     tripod::current().set_attribute("cache.hit", true);
/// }
/// ```
pub fn current() -> Current {
    Current { _not_send: PhantomData }
}

/// See [`current`]. Without a span that is recorded, every call does nothing.
#[derive(Debug, Clone, Copy)]
pub struct Current {
    _not_send: PhantomData<*const ()>,
}

impl Current {
    /// Its trace's id, if there is one.
    pub fn trace_id(&self) -> Option<TraceId> {
        self.context().is_valid().then(|| self.context().trace_id)
    }

    /// Its id, if there is one.
    pub fn span_id(&self) -> Option<SpanId> {
        self.context().is_valid().then(|| self.context().span_id)
    }

    /// What identifies it; invalid when there is none.
    pub fn context(&self) -> SpanContext {
        stack::with(|local| local.span_context()).unwrap_or_default()
    }

    #[allow(clippy::unused_self)] // The shape that `span_methods!` expects.
    fn with_data(&self, change: impl FnOnce(&mut SpanData)) {
        stack::with(|local| local.stack.current_recorded().map(change));
    }

    #[cfg(feature = "opentelemetry")]
    #[allow(clippy::unused_self)] // As above.
    fn beside(&self) -> Option<otel::Later> {
        stack::with(|local| local.mark()).and_then(otel::later)
    }

    crate::trace::span_methods!([beside] self: &self);
}
