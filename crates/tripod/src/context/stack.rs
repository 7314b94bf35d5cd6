//! What a thread holds: its stack of entered spans, its lane to the collector, its random numbers.
//!
//! Everything here is reached through [`with`], which never panics and never blocks: while a thread ends, or when telemetry is
//! called from within telemetry (a `Display` that logs), it answers `None`, and the call does nothing. A record that is lost so is
//! counted: see [`with_or_lose`].

use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use tripod_wire::SpanId;

use super::ids::Ids;
use super::slots::Stack;
use super::{Baggage, SpanContext, otel, suppress};
use crate::clock::Clock;
use crate::encode::Buffer;
use crate::engine::lane::{Pushed, Tag, Writer};
use crate::engine::starts::Starts;
use crate::engine::{self, Act, Engine, Lost};
use crate::sync::fork;
use crate::trace::Sampler;
use crate::trace::data::SpanData;
use crate::trace::sampler::OwnStates;

/// One thread's part of the engine.
pub(crate) struct Local {
    pub(crate) stack: Stack,
    pub(crate) baggage: Option<Arc<Baggage>>,
    pub(crate) scratch: Buffer,
    pub(crate) ids: Ids,
    pub(crate) states: OwnStates,
    pub(crate) clock: Clock,
    pub(crate) outbox: Outbox,
    /// [`fork::count`] when the engine was last looked for.
    pub(crate) forks: u32,
}

/// The thread's way to the engine that runs.
#[derive(Default)]
pub(crate) struct Outbox {
    attached: Option<Attached>,
    /// Of the engine that is attached.
    generation: u32,
    /// The same while records are taken, and [`ASK_ANEW`] while they are suppressed: one comparison tells both.
    open: u32,
}

/// No engine's generation.
const ASK_ANEW: u32 = u32::MAX;

/// The engine that runs, as this thread sees it.
struct Attached {
    writer: Option<Writer>,
    starts: Arc<Starts>,
    engine: Arc<Engine>,
}

thread_local! {
    /// Whether the current span is sampled: what every measurement asks, so kept where it costs one instruction.
    static SAMPLED: Cell<bool> = const { Cell::new(false) };
    /// The thread's part; null while it is borrowed, before it is made and once it is gone. Without a destructor, so that
    /// reaching it costs one instruction.
    static LOCAL: Cell<*mut Local> = const { Cell::new(ptr::null_mut()) };
    static STATE: Cell<State> = const { Cell::new(State::Unmade) };
    /// Frees the thread's part when the thread ends.
    static OWNER: Owner = const { Owner };
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unmade,
    Made,
    Gone,
}

struct Owner;

impl Drop for Owner {
    fn drop(&mut self) {
        STATE.set(State::Gone);
        if let Some(local) = NonNull::new(LOCAL.replace(ptr::null_mut())) {
            // SAFETY: it came from `Box::into_raw` in `make`, and as it was not null, nobody has it borrowed.
            drop(unsafe { Box::from_raw(local.as_ptr()) });
        }
    }
}

/// Puts the thread's part back in its place when the work is done, also when it panicked.
struct Borrowed(NonNull<Local>);

impl Drop for Borrowed {
    #[inline]
    fn drop(&mut self) {
        LOCAL.set(self.0.as_ptr());
    }
}

/// Works with this thread's part; `None` when it can't be reached now.
#[inline]
pub(crate) fn with<R>(work: impl FnOnce(&mut Local) -> R) -> Option<R> {
    with_or(work, || ())
}

/// As [`with`], for what makes a record: one that can't be made now is counted as lost.
#[inline]
pub(crate) fn with_or_lose<R>(act: Act, work: impl FnOnce(&mut Local) -> R) -> Option<R> {
    with_or(work, || lose(act))
}

#[inline]
fn with_or<R>(work: impl FnOnce(&mut Local) -> R, otherwise: impl FnOnce()) -> Option<R> {
    if crate::OFF {
        return None;
    }
    // Taking the pointer out is the borrow: whoever comes meanwhile finds null.
    let Some(local) = NonNull::new(LOCAL.replace(ptr::null_mut())).or_else(make) else {
        otherwise();
        return None;
    };
    let mut borrowed = Borrowed(local);
    // SAFETY: the pointer is that of a living box, which only `Owner` frees, and only when it finds it in its place; while it
    // is out of its place, this is the one reference.
    Some(work(unsafe { borrowed.0.as_mut() }))
}

#[cold]
fn lose(act: Act) {
    if !suppress::is_suppressed() {
        engine::lose(act, if STATE.get() == State::Made { Lost::Nested } else { Lost::Late });
    }
}

#[cold]
fn make() -> Option<NonNull<Local>> {
    // OpenTelemetry's part of the thread first: what is made first ends last, so it is there for as long as ours is.
    if STATE.get() != State::Unmade || !otel::prepare_thread() || OWNER.try_with(|_| ()).is_err() {
        return None;
    }
    STATE.set(State::Made);
    NonNull::new(Box::into_raw(Box::new(Local::new())))
}

/// Whether the current span is sampled.
#[inline]
pub(crate) fn is_sampled() -> bool {
    if crate::OFF {
        return false;
    }
    SAMPLED.get() || otel::is_sampled()
}

impl Local {
    fn new() -> Self {
        Self {
            stack: Stack::default(),
            baggage: None,
            scratch: Buffer::default(),
            ids: Ids::new(),
            states: OwnStates::default(),
            clock: Clock::default(),
            outbox: Outbox::default(),
            forks: fork::count(),
        }
    }

    /// The engine that runs now, if one does and nothing is suppressed. To be asked before anything is recorded: after a fork, or
    /// when another engine was started, the thread begins anew.
    #[inline]
    pub(crate) fn engine(&mut self) -> Option<&Arc<Engine>> {
        if engine::generation() != self.outbox.open && !self.ask_anew() {
            return None;
        }
        self.outbox.attached.as_ref().map(|attached| &attached.engine)
    }

    /// Looks whether there is another engine; answers whether records are taken.
    #[cold]
    fn ask_anew(&mut self) -> bool {
        if engine::generation() != self.outbox.generation {
            self.attach();
        }
        let suppressed = suppress::is_suppressed();
        self.outbox.open = if suppressed { ASK_ANEW } else { self.outbox.generation };
        !suppressed
    }

    fn attach(&mut self) {
        let engine = engine::look(&mut self.outbox.generation);
        self.outbox.attached = engine.map(|engine| Attached { writer: None, starts: engine.new_starts(), engine });
        if self.forks != fork::count() {
            self.forks = fork::count();
            // Parent and child would go on to make the same ids.
            self.ids = Ids::new();
        }
    }

    /// The current span.
    #[inline]
    pub(crate) fn span_context(&self) -> SpanContext {
        let ours = || self.stack.top().map(|top| top.context).unwrap_or_default();
        otel::span_after(self.mark()).unwrap_or_else(ours)
    }

    /// The current span with its `tracestate`.
    #[inline]
    pub(crate) fn current(&self) -> (SpanContext, Option<Arc<str>>) {
        let ours = || self.stack.top().map(|top| (top.context, top.trace_state.clone())).unwrap_or_default();
        otel::current_after(self.mark()).unwrap_or_else(ours)
    }

    /// What `opentelemetry` held as current when the top became current.
    #[inline]
    pub(crate) fn mark(&self) -> otel::Mark {
        self.stack.top().map(|top| top.mark).unwrap_or_default()
    }

    #[inline]
    fn mark_top(&mut self) {
        if let Some(top) = self.stack.top_mut() {
            top.mark = otel::mark();
        }
    }

    /// Makes an identity current; answers its place for [`Local::remove_context`].
    #[inline]
    pub(crate) fn push_context(&mut self, context: SpanContext, trace_state: Option<Arc<str>>) -> usize {
        SAMPLED.set(context.is_sampled());
        let place = self.stack.push_context(context, trace_state);
        self.mark_top();
        place
    }

    /// Makes a recorded span current.
    pub(crate) fn push_span(&mut self, data: Box<SpanData>) {
        SAMPLED.set(data.context.is_sampled());
        self.stack.push_span(data);
        self.mark_top();
    }

    /// Makes the slot that [`Stack::next`] gave current.
    #[inline]
    pub(crate) fn raise(&mut self, sampled: bool) {
        SAMPLED.set(sampled);
        self.stack.raise();
        self.mark_top();
    }

    /// Leaves the top.
    #[inline]
    pub(crate) fn lower(&mut self) {
        self.stack.lower();
        self.stack_changed();
    }

    /// Takes a recorded span out, to live on elsewhere.
    pub(crate) fn take_span(&mut self, id: SpanId) -> Option<Box<SpanData>> {
        let data = self.stack.take_span(id);
        self.stack_changed();
        data
    }

    /// Takes out the topmost entry of this span, and answers its data if it had them.
    #[cfg(feature = "tracing")]
    pub(crate) fn take_topmost(&mut self, id: SpanId) -> Option<Box<SpanData>> {
        let data = self.stack.take_topmost(id);
        self.stack_changed();
        data
    }

    /// Takes out an identity: the one at its place, or the nearest below when the stack has shrunk meanwhile.
    pub(crate) fn remove_context(&mut self, place: usize) {
        self.stack.remove_context(place);
        self.stack_changed();
    }

    #[inline]
    fn stack_changed(&self) {
        SAMPLED.set(self.stack.top().is_some_and(|top| top.context.is_sampled()));
    }
}

impl Outbox {
    /// What is recorded next is asked for again.
    pub(crate) fn ask_anew(&mut self) {
        self.open = ASK_ANEW;
    }

    /// Who decides on a span that is started, and where it is counted: of the engine that [`Local::engine`] found.
    #[inline]
    pub(crate) fn starting(&self) -> Option<(&Sampler, &Starts)> {
        self.attached.as_ref().map(|attached| (&attached.engine.settings.sampler, &*attached.starts))
    }

    /// Hands a finished record to the collector. [`Local::engine`] says before to which.
    pub(crate) fn emit(&mut self, tag: Tag, body: &[u8]) {
        self.emit_with(tag, body.len(), |out| {
            out.copy_from_slice(body);
            body.len()
        });
    }

    /// The same of a record that is written in place: `write` gets `room` bytes and says how many it used.
    #[inline]
    pub(crate) fn emit_with(&mut self, tag: Tag, room: usize, write: impl FnOnce(&mut [u8]) -> usize) {
        let Some(attached) = &mut self.attached else { return };
        let writer = attached.writer.get_or_insert_with(|| attached.engine.new_lane());
        let pushed = writer.push_with(tag, room, write);
        if pushed != Pushed::Yes {
            attached.unusual(tag, &pushed);
        }
    }
}

impl Attached {
    #[cold]
    fn unusual(&self, tag: Tag, pushed: &Pushed) {
        match pushed {
            Pushed::Yes => {}
            Pushed::MuchToRead => self.engine.wake(),
            Pushed::Refused => self.engine.refused(tag.signal),
        }
    }
}
