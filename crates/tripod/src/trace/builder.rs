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
use crate::context::ids::Ids;
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

/// A span just started: its identity, and its data if it is recorded.
pub(crate) struct Started {
    pub(crate) context: SpanContext,
    pub(crate) data: Option<Box<SpanData>>,
    /// Of a span that is not recorded; otherwise it is in the data.
    pub(crate) trace_state: Option<Arc<str>>,
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
        self.with_data(|data| data.set_attribute(key, value.into()))
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
    #[cfg(any(feature = "opentelemetry", feature = "tracing"))]
    pub(crate) fn data_mut(&mut self) -> Option<&mut SpanData> {
        self.data.as_deref_mut()
    }

    pub(crate) fn scope(self, scope: u16) -> Self {
        self.with_data(|data| data.scope = scope)
    }

    /// Starts it as the current span of this thread, until the guard is dropped.
    pub fn enter(self) -> LocalSpan {
        let id = stack::with_or_lose(Act::StartSpan, |local| {
            let started = self.begin(local)?;
            match started.data {
                Some(data) => local.push_span(data),
                None => drop(local.push_context(started.context, started.trace_state)),
            }
            Some(started.context.span_id)
        });
        LocalSpan::new(id.flatten().unwrap_or(SpanId::NONE))
    }

    /// Starts it without making it current; it can move between threads and go along with a future.
    pub fn start(self) -> Span {
        let started = stack::with_or_lose(Act::StartSpan, |local| self.begin(local));
        started.flatten().map_or_else(Span::none, Span::from_started)
    }

    fn with_data(mut self, change: impl FnOnce(&mut SpanData)) -> Self {
        if let Some(data) = &mut self.data {
            change(data);
        }
        self
    }

    fn begin(self, local: &mut Local) -> Option<Started> {
        let mut data = self.data?;
        let (parent, trace_state) = self.parent.resolve(local);
        local.engine()?;
        let known = (&*data.name, data.kind, data.scope, StartAttributes::Written(&data));
        let Local { ids, states, outbox, .. } = local;
        let (context, trace_state) = identify(outbox.starting()?, (ids, states), &parent, trace_state, known);
        if !context.is_sampled() {
            local.stack.recycle(data);
            return Some(Started { context, data: None, trace_state });
        }
        let mut start = local.clock.now();
        if let Some(ago) = self.start.and_then(|start| SystemTime::now().duration_since(start).ok()) {
            start = start.earlier(ago);
        }
        data.begin(context, &parent, trace_state, start, local.forks);
        let parent = if let Parent::Given(context) = &self.parent { Some(context) } else { None };
        if let Some(copied) = copied(local, parent) {
            copied.add_to(&mut data);
        }
        Some(Started { context, data: Some(data), trace_state: None })
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

/// What is known of a span before it starts, beside its parent: name, kind, scope, attributes.
type Known<'a> = (&'a str, SpanKind, u16, StartAttributes<'a>);

/// Gives a new span its identity, decides whether it is recorded, and counts it. Answers its `tracestate`, too: its parent's, unless the
/// sampler has something to say in it.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a call with so many arguments costs more than the work, on every span")]
fn identify(
    (sampler, starts): (&Sampler, &Starts),
    (ids, states): (&mut Ids, &mut OwnStates),
    parent: &SpanContext,
    trace_state: Option<Arc<str>>,
    known: Known<'_>,
) -> (SpanContext, Option<Arc<str>>) {
    let (trace_id, flags, origin) = if parent.is_valid() {
        (parent.trace_id, parent.flags, Origin::of(parent))
    } else {
        (ids.trace_id(), TraceFlags::NEW, Origin::None)
    };
    let (sampled, trace_state) = match sampler.decide_at_once(parent, trace_id, trace_state.is_some()) {
        Some(sampled) => (sampled, trace_state),
        None => ask(sampler, states, trace_id, parent, trace_state, known),
    };
    starts.count(origin, sampled);
    (SpanContext { trace_id, span_id: ids.span_id(), flags: flags.decided(sampled), remote: false }, trace_state)
}

#[cold]
#[inline(never)]
fn ask(
    sampler: &Sampler,
    states: &mut OwnStates,
    trace_id: TraceId,
    parent: &SpanContext,
    trace_state: Option<Arc<str>>,
    (name, kind, scope, attributes): Known<'_>,
) -> (bool, Option<Arc<str>>) {
    let state = trace_state.as_deref();
    let decision = sampler.decide(&SpanStart { trace_id, parent, trace_state: state, name, kind, scope, attributes });
    (decision.sampled, decision.pass_on(parent, trace_state, states))
}

/// Starts a span as the macros do: a part of what is current, of kind internal. `None` when traces are off.
pub(crate) fn begin(local: &mut Local, name: Cow<'static, str>, attributes: &[(&str, Value<'_>)]) -> Option<Started> {
    local.engine()?;
    let (parent, trace_state) = local.current();
    let known = (&*name, SpanKind::INTERNAL, 0, StartAttributes::Listed(attributes));
    let Local { ids, states, outbox, .. } = local;
    let (context, trace_state) = identify(outbox.starting()?, (ids, states), &parent, trace_state, known);
    if !context.is_sampled() {
        return Some(Started { context, data: None, trace_state });
    }
    let mut data = local.stack.take_spare();
    data.prepare(name);
    data.begin(context, &parent, trace_state, local.clock.now(), local.forks);
    data.set_attributes(attributes);
    if let Some(copied) = copied(local, None) {
        copied.add_to(&mut data);
    }
    Some(Started { context, data: Some(data), trace_state: None })
}

/// The same, and makes it current at once: in the thread's next slot, where nothing has to be moved. Answers its id; none when traces
/// are off.
pub(crate) fn enter(name: Cow<'static, str>, attributes: &[(&str, Value<'_>)]) -> SpanId {
    stack::with_or_lose(Act::StartSpan, |local| {
        local.engine()?;
        let copied = copied(local, None);
        let bridged = otel::current_after(local.mark());
        let Local { stack, ids, states, clock, outbox, forks, .. } = local;
        let (below, slot) = stack.next();
        let (parent, trace_state) = match &bridged {
            Some((parent, trace_state)) => (parent, trace_state.clone()),
            None => below.map_or((&SpanContext::NONE, None), |below| (&below.context, below.trace_state.clone())),
        };
        let known = (&*name, SpanKind::INTERNAL, 0, StartAttributes::Listed(attributes));
        let (context, trace_state) = identify(outbox.starting()?, (ids, states), parent, trace_state, known);
        if context.is_sampled() {
            slot.prepare(name);
            slot.begin(context, parent, trace_state, clock.now(), *forks);
            slot.set_attributes(attributes);
            if let Some(copied) = copied {
                copied.add_to(slot);
            }
        } else {
            slot.be_context(context, trace_state);
        }
        local.raise(context.is_sampled());
        Some(context.span_id)
    })
    .flatten()
    .unwrap_or(SpanId::NONE)
}

/// Ends the entered span with this id.
pub(crate) fn leave(id: SpanId, end: Option<SystemTime>) {
    stack::with(|local| {
        // Guards usually end in reverse order, so it is on top.
        let is_on_top = local.stack.top().is_some_and(|top| top.context.span_id == id);
        if is_on_top || local.stack.lift(id) {
            end_top(local, end);
        }
    });
}

/// Ends what is on top of the stack. A span that was begun before a fork is the parent's to write.
#[inline]
fn end_top(local: &mut Local, end: Option<SystemTime>) {
    local.engine();
    if let Some(data) = local.stack.top_mut()
        && data.recorded
        && data.forks == local.forks
    {
        data.finish(end, &mut local.outbox);
    }
    local.lower();
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
