//! Starting a span: who its parent is, whether it is recorded, and what is known of it from the start.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use tripod_wire::otlp::trace::SpanKind;

use super::baggage::copied;
use super::data::SpanData;
use super::sampler::{OwnStates, SpanStart, StartAttributes};
use super::{LinkTo, LocalSpan, Sampler, Span};
use crate::Value;
use crate::context::ids::{Handle, Ids};
use crate::context::otel;
use crate::context::stack::{self, Local};
use crate::context::{Context, SpanContext, SpanId, TraceFlags, TraceId};
use crate::engine::starts::{Origin, Starts};
use crate::engine::{self, Act};

/// A span about to be started, where the macros do not suffice: with a kind, a given parent, links or a start in the past.
///
/// ```
/// use tripod::{SpanBuilder, SpanKind};
/// let span = SpanBuilder::new("GET /users/{id}").kind(SpanKind::SERVER).attribute("http.route", "/users/{id}").enter();
/// ```
#[must_use = "a builder starts nothing until `enter` or `start`"]
pub struct SpanBuilder {
    /// What is known so far, in its final form; `None` when traces are off.
    data: Option<Box<SpanData>>,
    parent: Parent,
    start: Option<SystemTime>,
}

/// What a new span is a part of.
pub(crate) enum Parent {
    /// Whatever is current on the thread that starts it.
    Current,
    /// Nothing: a trace begins.
    Root,
    /// This.
    Given(Context),
}

impl SpanBuilder {
    /// A span of this name. Keep names of low cardinality: `GET /users/{id}`, not `GET /users/17`.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        let data = if engine::traces_on() { stack::with(|local| local.stack.take_spare()) } else { None };
        let mut this = Self { data, parent: Parent::Current, start: None };
        if let Some(data) = &mut this.data {
            data.prepare(name.into());
        }
        this
    }

    /// Its role in a call; internal work when not set.
    pub fn kind(self, kind: SpanKind) -> Self {
        self.with_data(|data| data.kind = kind)
    }

    /// Makes it a part of this span, rather than of the one that is current.
    pub fn parent(mut self, parent: Context) -> Self {
        self.parent = Parent::Given(parent);
        self
    }

    /// Makes it the root of a new trace.
    pub fn root(mut self) -> Self {
        self.parent = Parent::Root;
        self
    }

    /// Sets an attribute from the start.
    pub fn attribute<'a>(self, key: &str, value: impl Into<Value<'a>>) -> Self {
        self.with_data(|data| data.set_attribute(key, &value.into()))
    }

    /// Sets several attributes from the start: `.attributes(tripod::labels!(user = "ada", attempt = 2))`.
    pub fn attributes(self, attributes: &[(&str, Value<'_>)]) -> Self {
        self.with_data(|data| data.set_attributes(attributes))
    }

    /// Links it to another span.
    pub fn link<'a>(self, to: impl Into<LinkTo<'a>>) -> Self {
        self.with_data(|data| data.add_link(&to.into(), &[]))
    }

    /// Lets it begin in the past.
    pub fn start_time(mut self, start: SystemTime) -> Self {
        self.start = Some(start);
        self
    }

    /// What is known of it so far, unless traces are off: for who sets much, without moving the builder each time.
    #[cfg(any(feature = "opentelemetry", feature = "reqwest", feature = "tower", feature = "tracing"))]
    pub(crate) fn data_mut(&mut self) -> Option<&mut SpanData> {
        self.data.as_deref_mut()
    }

    pub(crate) fn scope(self, scope: u16) -> Self {
        self.with_data(|data| data.scope = scope)
    }

    /// Starts it as the current span of this thread, until the guard is dropped.
    pub fn enter(self) -> LocalSpan {
        let enter = |local: &mut Local| make_current(self.begin(local)?, local);
        LocalSpan::new(stack::with_or_lose(Act::StartSpan, enter).flatten())
    }

    /// Starts it without making it current; it can move between threads and go along with a future.
    pub fn start(self) -> Span {
        stack::with_or_lose(Act::StartSpan, |local| self.begin(local)).flatten().unwrap_or_default()
    }

    fn with_data(mut self, change: impl FnOnce(&mut SpanData)) -> Self {
        if let Some(data) = &mut self.data {
            change(data);
        }
        self
    }

    fn begin(self, local: &mut Local) -> Option<Span> {
        let mut data = self.data?;
        let (parent, trace_state) = self.parent.resolve(local);
        local.engine()?;
        let known = (&*data.name, data.kind, data.scope, StartAttributes::Written(&data));
        let Local { ids, states, outbox, .. } = local;
        let (identity, trace_state) = identify(outbox.starting()?, (ids, states), &parent, trace_state, known);
        let context = identity.context;
        if !context.is_sampled() {
            local.stack.recycle(data);
            return Some(Span { context, trace_state, data: None });
        }
        let mut start = local.clock.now();
        if let Some(ago) = self.start.and_then(|start| SystemTime::now().duration_since(start).ok()) {
            start = start.earlier(ago);
        }
        data.begin(identity, trace_state, start, local.forks);
        let parent = if let Parent::Given(context) = &self.parent { Some(context) } else { None };
        if let Some(copied) = copied(local, parent) {
            copied.add_to(&mut data);
        }
        Some(Span { context, trace_state: None, data: Some(data) })
    }
}

impl Parent {
    fn resolve(&self, local: &Local) -> (SpanContext, Option<Arc<str>>) {
        match self {
            Self::Current => local.current(),
            Self::Root => (SpanContext::default(), None),
            Self::Given(context) => (context.span, context.trace_state.clone()),
        }
    }
}

/// Who a new span is.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) context: SpanContext,
    /// None of a trace's first.
    pub(crate) parent: SpanId,
    pub(crate) parent_remote: bool,
}

impl Identity {
    /// A span with this parent, which may be none; it is counted.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `at_once`")]
    fn below(parent: &SpanContext, trace_id: TraceId, sampled: bool, ids: &mut Ids, starts: &Starts) -> Self {
        let (parent, parent_remote, flags, origin) = if parent.is_valid() {
            (parent.span_id, parent.remote, parent.flags, Origin::of(parent))
        } else {
            (SpanId::NONE, false, TraceFlags::NEW, Origin::None)
        };
        starts.count(origin, sampled);
        let context = SpanContext { trace_id, span_id: ids.span_id(), flags: flags.decided(sampled), remote: false };
        Self { context, parent, parent_remote }
    }

    /// A part of what is current, with the `tracestate` that it inherits. `None` where more has to be looked at than the span on the
    /// stack: baggage, OpenTelemetry's current span, what a sampler asks for; and when traces are off.
    ///
    /// Part of the caller, or else it would be handed over in memory, which is read in other pieces than it is written: the processor
    /// would wait for it as long as for all the rest.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as said above")]
    fn at_once(local: &mut Local) -> Option<(Self, Option<Arc<str>>)> {
        local.engine()?;
        if local.baggage.is_some() || otel::span_after(local.mark()).is_some() {
            return None;
        }
        let Local { stack, ids, outbox, .. } = local;
        let starting = outbox.starting()?;
        // Two ways, as little is left of the first where this is compiled.
        let Some(top) = stack.top() else {
            return Some((Self::decided_at_once(&SpanContext::NONE, false, ids, starting)?, None));
        };
        let identity = Self::decided_at_once(&top.context, top.trace_state.is_some(), ids, starting)?;
        Some((identity, top.trace_state.clone()))
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as `at_once`")]
    fn decided_at_once(
        parent: &SpanContext,
        has_state: bool,
        ids: &mut Ids,
        (sampler, starts): (&Sampler, &Starts),
    ) -> Option<Self> {
        let before = ids.clone();
        let trace_id = trace_id(parent, ids);
        let Some(sampled) = sampler.decide_at_once(parent, trace_id, has_state) else {
            // It is decided anew, and has to be on the same id: a ratio would otherwise be applied twice.
            *ids = before;
            return None;
        };
        Some(Self::below(parent, trace_id, sampled, ids, starts))
    }
}

#[inline]
fn trace_id(parent: &SpanContext, ids: &mut Ids) -> TraceId {
    if parent.is_valid() { parent.trace_id } else { ids.trace_id() }
}

/// What is known of a span before it starts, beside its parent: name, kind, scope, attributes.
type Known<'a> = (&'a str, SpanKind, u16, StartAttributes<'a>);

/// Gives a new span its identity and decides whether it is recorded, whatever that takes. Answers its `tracestate`, too: its parent's,
/// unless the sampler has something to say in it.
fn identify(
    (sampler, starts): (&Sampler, &Starts),
    (ids, states): (&mut Ids, &mut OwnStates),
    parent: &SpanContext,
    trace_state: Option<Arc<str>>,
    (name, kind, scope, attributes): Known<'_>,
) -> (Identity, Option<Arc<str>>) {
    let trace_id = trace_id(parent, ids);
    let at_once = sampler.decide_at_once(parent, trace_id, trace_state.is_some());
    let (sampled, trace_state) = if let Some(sampled) = at_once {
        (sampled, trace_state)
    } else {
        let state = trace_state.as_deref();
        let start = SpanStart { trace_id, parent, trace_state: state, name, kind, scope, attributes };
        let decision = sampler.decide(&start);
        (decision.sampled, decision.pass_on(parent, trace_state, states))
    };
    (Identity::below(parent, trace_id, sampled, ids, starts), trace_state)
}

/// Starts a span as the macros do: a part of what is current, of kind internal.
#[inline]
pub(crate) fn start(name: impl Into<Cow<'static, str>>, attributes: &[(&str, Value<'_>)]) -> Span {
    match name.into() {
        Cow::Borrowed(name) => start_constant(name, attributes),
        name @ Cow::Owned(_) => start_named(name, attributes),
    }
}

fn start_constant(name: &'static str, attributes: &[(&str, Value<'_>)]) -> Span {
    let start = |local: &mut Local| {
        start_at_once(local, name, attributes).or_else(|| start_in_general(local, name.into(), attributes))
    };
    stack::with_or_lose(Act::StartSpan, start).flatten().unwrap_or_default()
}

fn start_named(name: Cow<'static, str>, attributes: &[(&str, Value<'_>)]) -> Span {
    let start = |local: &mut Local| start_in_general(local, name, attributes);
    stack::with_or_lose(Act::StartSpan, start).flatten().unwrap_or_default()
}

#[inline]
fn start_at_once(local: &mut Local, name: &'static str, attributes: &[(&str, Value<'_>)]) -> Option<Span> {
    let (identity, trace_state) = Identity::at_once(local)?;
    let context = identity.context;
    if !context.is_sampled() {
        return Some(Span { context, trace_state, data: None });
    }
    let mut data = local.stack.take_spare();
    data.prepare(Cow::Borrowed(name));
    data.begin(identity, trace_state, local.clock.now(), local.forks);
    data.set_attributes(attributes);
    Some(Span { context, trace_state: None, data: Some(data) })
}

/// The same whatever has to be looked at. `None` when traces are off.
#[cold]
fn start_in_general(local: &mut Local, name: Cow<'static, str>, attributes: &[(&str, Value<'_>)]) -> Option<Span> {
    local.engine()?;
    let (parent, trace_state) = local.current();
    let known = (&*name, SpanKind::INTERNAL, 0, StartAttributes::Listed(attributes));
    let Local { ids, states, outbox, .. } = local;
    let (identity, trace_state) = identify(outbox.starting()?, (ids, states), &parent, trace_state, known);
    let context = identity.context;
    if !context.is_sampled() {
        return Some(Span { context, trace_state, data: None });
    }
    let mut data = local.stack.take_spare();
    data.prepare(name);
    data.begin(identity, trace_state, local.clock.now(), local.forks);
    data.set_attributes(attributes);
    if let Some(copied) = copied(local, None) {
        copied.add_to(&mut data);
    }
    Some(Span { context, trace_state: None, data: Some(data) })
}

/// Starts a span as [`start`] does, and makes it current.
#[inline]
pub(crate) fn enter(name: impl Into<Cow<'static, str>>, attributes: &[(&str, Value<'_>)]) -> Option<Handle> {
    match name.into() {
        Cow::Borrowed(name) => enter_constant(name, attributes),
        name @ Cow::Owned(_) => enter_named(name, attributes),
    }
}

fn enter_constant(name: &'static str, attributes: &[(&str, Value<'_>)]) -> Option<Handle> {
    let enter = |local: &mut Local| {
        enter_at_once(local, name, attributes).or_else(|| enter_in_general(local, name.into(), attributes))
    };
    stack::with_or_lose(Act::StartSpan, enter).flatten()
}

fn enter_named(name: Cow<'static, str>, attributes: &[(&str, Value<'_>)]) -> Option<Handle> {
    stack::with_or_lose(Act::StartSpan, |local| enter_in_general(local, name, attributes)).flatten()
}

/// In the thread's next slot, where nothing has to be moved.
#[inline]
fn enter_at_once(local: &mut Local, name: &'static str, attributes: &[(&str, Value<'_>)]) -> Option<Handle> {
    let (identity, trace_state) = Identity::at_once(local)?;
    let context = identity.context;
    let slot = local.stack.next();
    if context.is_sampled() {
        slot.prepare(Cow::Borrowed(name));
        slot.begin(identity, trace_state, local.clock.now(), local.forks);
        slot.set_attributes(attributes);
    } else {
        slot.be_context(context, trace_state);
    }
    local.raise(context.is_sampled());
    Handle::of(context.span_id)
}

#[cold]
fn enter_in_general(local: &mut Local, name: Cow<'static, str>, attributes: &[(&str, Value<'_>)]) -> Option<Handle> {
    start_in_general(local, name, attributes).and_then(|span| make_current(span, local))
}

fn make_current(mut span: Span, local: &mut Local) -> Option<Handle> {
    let handle = Handle::of(span.context.span_id)?;
    span.push(local);
    Some(handle)
}

/// Ends the entered span with this id. Not a part of the caller, so that dropping a guard that is none is.
#[inline(never)]
pub(crate) fn leave(span: Handle) {
    leave_at(span, None);
}

/// The same with a time, which may lie in the past.
#[inline]
pub(crate) fn leave_at(span: Handle, end: Option<SystemTime>) {
    let id = span.id();
    stack::with(|local| {
        // Guards usually end in reverse order, so it is on top.
        let is_on_top = local.stack.top().is_some_and(|top| top.context.span_id == id);
        if is_on_top || local.stack.lift(id) {
            end_top(local, end);
        }
    });
}

/// Ends what is on top of the stack.
#[inline]
fn end_top(local: &mut Local, end: Option<SystemTime>) {
    if local.stack.top().is_some_and(|top| top.recorded) {
        write_top(local, end);
    }
    local.lower();
}

/// A span that was begun before a fork is the parent's to write.
fn write_top(local: &mut Local, end: Option<SystemTime>) {
    local.engine();
    if let Some(data) = local.stack.top_mut()
        && data.forks == local.forks
    {
        data.finish(end, &mut local.outbox);
    }
}

/// Ends a span that is not current, and keeps its buffers.
pub(crate) fn finish(mut data: Box<SpanData>, end: Option<SystemTime>) {
    stack::with_or_lose(Act::EndSpan, |local| {
        local.engine();
        if data.forks == local.forks {
            data.finish(end, &mut local.outbox);
        }
        local.stack.recycle(data);
    });
}

/// Ends all spans that are on this thread's stack, where nothing else will: before the process is aborted.
pub(crate) fn end_all_of_thread() {
    stack::with(|local| {
        while local.stack.top().is_some() {
            end_top(local, None);
        }
    });
}
