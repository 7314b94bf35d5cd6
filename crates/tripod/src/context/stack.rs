//! What a thread holds: its stack of entered spans, its lane to the collector, its random numbers.
//!
//! Everything here is reached through [`with`], which never panics and never blocks: while a thread ends, or when telemetry is
//! called from within telemetry (a `Display` that logs), it answers `None`, and the call does nothing.

use std::cell::{Cell, RefCell};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use tripod_wire::{SpanId, TraceId};

use super::{Baggage, SpanContext};
use crate::clock::Clock;
use crate::engine::lane::{Pushed, Tag, Writer};
use crate::engine::{self, Engine, Lost};
use crate::sync::fork;
use crate::trace::data::SpanData;

/// Span data kept for reuse, at most: what a deep stack of spans needs at once.
const POOLED: usize = 64;

/// What can be current.
pub(crate) enum Entry {
    /// A span that is recorded.
    Span(Box<SpanData>),
    /// A span that is not recorded, or that lives elsewhere: only its identity.
    Context(SpanContext, Option<Arc<str>>),
}

impl Entry {
    pub(crate) fn context(&self) -> SpanContext {
        match self {
            Self::Span(data) => data.context,
            Self::Context(context, _) => *context,
        }
    }
}

/// One thread's part of the engine.
pub(crate) struct Local {
    entries: Vec<Entry>,
    pub(crate) baggage: Option<Arc<Baggage>>,
    /// Boxed, as they are handed on as boxes: recycling one moves a pointer.
    #[allow(clippy::vec_box)]
    pool: Vec<Box<SpanData>>,
    pub(crate) scratch: Vec<u8>,
    random: fastrand::Rng,
    pub(crate) clock: Clock,
    engine: Option<Attached>,
    generation: u32,
    /// [`fork::count`] when the generation began.
    pub(crate) forks: u32,
}

/// The engine that runs, as this thread sees it.
struct Attached {
    writer: Option<Writer>,
    engine: Arc<Engine>,
}

thread_local! {
    /// Whether the current span is sampled: what every measurement asks, so kept where it costs one instruction.
    static SAMPLED: Cell<bool> = const { Cell::new(false) };
    static LOCAL: RefCell<Local> = RefCell::new(Local::new());
}

/// Works with this thread's part; `None` when it can't be reached now.
#[inline]
pub(crate) fn with<R>(work: impl FnOnce(&mut Local) -> R) -> Option<R> {
    LOCAL.try_with(|local| local.try_borrow_mut().ok().map(|mut local| work(&mut local))).ok().flatten()
}

/// Whether the current span is sampled.
#[inline]
pub(crate) fn is_sampled() -> bool {
    SAMPLED.get()
}

/// Random numbers that no other thread and no other process makes.
fn new_random() -> fastrand::Rng {
    // RandomState is seeded by the operating system once a thread, and a forked child has the seed of its parent: the process and the
    // time of the fork tell them apart.
    let seed = RandomState::new().hash_one((std::process::id(), fork::count(), fork::forked_at()));
    fastrand::Rng::with_seed(seed)
}

impl Local {
    fn new() -> Self {
        Self {
            entries: Vec::with_capacity(8),
            baggage: None,
            pool: Vec::new(),
            scratch: Vec::with_capacity(1024),
            random: new_random(),
            clock: Clock::new(),
            engine: None,
            generation: 0,
            forks: fork::count(),
        }
    }

    /// The engine that runs now, if one does.
    #[inline]
    pub(crate) fn engine(&mut self) -> Option<&Arc<Engine>> {
        if engine::generation() != self.generation {
            self.attach();
        }
        self.engine.as_ref().map(|attached| &attached.engine)
    }

    #[cold]
    fn attach(&mut self) {
        let engine = engine::running();
        // After it: asking for the engine may have started one.
        self.generation = engine::generation();
        self.engine = engine.map(|engine| Attached { writer: None, engine });
        if self.forks != fork::count() {
            self.forks = fork::count();
            // Parent and child would go on to make the same ids.
            self.random = new_random();
        }
    }

    /// Hands a finished record to the collector.
    pub(crate) fn emit(&mut self, tag: Tag, body: &[u8]) {
        self.emit_with(tag, body.len(), |out| {
            out.copy_from_slice(body);
            body.len()
        });
    }

    /// The same of a record that is written in place: `write` gets `room` bytes and says how many it used.
    #[inline]
    pub(crate) fn emit_with(&mut self, tag: Tag, room: usize, write: impl FnOnce(&mut [u8]) -> usize) {
        if self.engine().is_none() {
            return;
        }
        let Some(attached) = &mut self.engine else { return };
        let writer = attached.writer.get_or_insert_with(|| attached.engine.new_lane());
        match writer.push_with(tag, room, write) {
            Pushed::Yes => {}
            Pushed::ChunkFull => attached.engine.wake(),
            Pushed::Refused => attached.engine.lost(tag.signal, Lost::NoRoom),
        }
    }

    /// As [`Local::emit`], of what `scratch` holds.
    pub(crate) fn emit_scratch(&mut self, tag: Tag) {
        let scratch = std::mem::take(&mut self.scratch);
        self.emit(tag, &scratch);
        self.scratch = scratch;
    }

    pub(crate) fn span_context(&self) -> SpanContext {
        self.entries.last().map(Entry::context).unwrap_or_default()
    }

    pub(crate) fn trace_state(&self) -> Option<&Arc<str>> {
        match self.entries.last()? {
            Entry::Span(data) => data.trace_state.as_ref(),
            Entry::Context(_, trace_state) => trace_state.as_ref(),
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn top(&mut self) -> Option<&mut Entry> {
        self.entries.last_mut()
    }

    /// The recorded span with this id, wherever in the stack: usually on top.
    pub(crate) fn find(&mut self, id: SpanId) -> Option<&mut SpanData> {
        self.entries.iter_mut().rev().find_map(|entry| match entry {
            Entry::Span(data) if data.context.span_id == id => Some(&mut **data),
            _ => None,
        })
    }

    /// Makes something current; answers its place for [`Local::remove_context`].
    pub(crate) fn push(&mut self, entry: Entry) -> usize {
        SAMPLED.set(entry.context().is_sampled());
        self.entries.push(entry);
        self.entries.len() - 1
    }

    /// Takes out the topmost entry.
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        self.entries.pop()
    }

    /// Takes a recorded span out. Guards usually end in reverse order, so it is on top; if not, what was above it stays.
    pub(crate) fn remove_span(&mut self, id: SpanId) -> Option<Box<SpanData>> {
        let is_it = |entry: &Entry| matches!(entry, Entry::Span(data) if data.context.span_id == id);
        let entry = if self.entries.last().is_some_and(is_it) {
            self.entries.pop()?
        } else {
            self.entries.remove(self.entries.iter().rposition(is_it)?)
        };
        SAMPLED.set(self.span_context().is_sampled());
        match entry {
            Entry::Span(data) => Some(data),
            Entry::Context(..) => None,
        }
    }

    /// Takes out an entry without data: the one at its place, or the last below when the stack has shrunk meanwhile.
    pub(crate) fn remove_context(&mut self, depth: usize) {
        let end = self.entries.len().min(depth + 1);
        if let Some(at) = self.entries[..end].iter().rposition(|entry| matches!(entry, Entry::Context(..))) {
            self.entries.remove(at);
            SAMPLED.set(self.span_context().is_sampled());
        }
    }

    /// Takes out the topmost entry of this span, with its data or without: for spans that are left without a guard.
    #[cfg(feature = "tracing")]
    pub(crate) fn remove_topmost(&mut self, id: SpanId) -> Option<Entry> {
        let at = self.entries.iter().rposition(|entry| entry.context().span_id == id)?;
        let entry = self.entries.remove(at);
        SAMPLED.set(self.span_context().is_sampled());
        Some(entry)
    }

    /// Span data to fill, recycled if there is some.
    pub(crate) fn take_data(&mut self) -> Box<SpanData> {
        self.pool.pop().unwrap_or_default()
    }

    /// Keeps span data for reuse.
    pub(crate) fn recycle(&mut self, mut data: Box<SpanData>) {
        if self.pool.len() < POOLED {
            data.reset();
            self.pool.push(data);
        }
    }

    pub(crate) fn new_trace_id(&mut self) -> TraceId {
        loop {
            let id = TraceId((self.random.u128(..)).to_be_bytes());
            if id.is_valid() {
                return id;
            }
        }
    }

    pub(crate) fn new_span_id(&mut self) -> SpanId {
        loop {
            let id = SpanId(self.random.u64(..).to_be_bytes());
            if id.is_valid() {
                return id;
            }
        }
    }
}
