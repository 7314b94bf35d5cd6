//! A `tracing` span's Tripod span, kept with the registry's span.
//!
//! `tracing` may enter one span several times, on several threads at once, while a Tripod span has one owner. So what it has gathered
//! moves to the stack of the thread that enters it first, as with a Tripod span, and comes back when it is left; further
//! entrances only make its identity current. What another thread changes meanwhile waits until it is back.

use std::borrow::Cow;
use std::fmt::Write;

use crate::bridge::fields::Fields;
use crate::bridge::slice::as_slice;
use crate::context::stack;
use crate::trace::data::SpanData;
use crate::{Context, Span, SpanBuilder, SpanContext, SpanKind, StatusCode, Value};

/// Changes that wait, at most; what comes after is dropped.
const MAX_WAITING: usize = 128;

pub(super) struct BridgedSpan {
    span: Span,
    /// Changes made while what the span has gathered was on another thread's stack.
    waiting: Vec<Waiting>,
}

/// A change that is applied at once, if it can be.
pub(super) enum Change<'a> {
    /// The fields are taken if they have to wait.
    Fields(&'a mut Box<Fields>),
    Link(SpanContext),
    Failure(&'a str),
}

enum Waiting {
    Fields(Box<Fields>),
    Link(SpanContext),
    Failure(String),
}

impl BridgedSpan {
    /// Starts the span with what is known of it, so that a sampler sees it.
    pub(super) fn start(mut builder: SpanBuilder, fields: &Fields) -> Self {
        if let Some(data) = builder.data_mut() {
            for (key, value) in fields.iter() {
                match Special::of(key) {
                    None => data.set_attribute(key, &value),
                    Some(Special::Kind) => data.kind = kind_in(value).unwrap_or(SpanKind::INTERNAL),
                    Some(_) => {}
                }
            }
        }
        let mut span = builder.start();
        if let Some(data) = &mut span.data {
            set_outcome(data, fields);
        }
        Self { span, waiting: Vec::new() }
    }

    pub(super) fn to_context(&self) -> Context {
        let data = self.span.data.as_ref();
        let trace_state = data.map_or(&self.span.trace_state, |data| &data.trace_state).clone();
        Context { span: self.span.context, trace_state, ..Context::current() }
    }

    /// Makes it current on this thread.
    pub(super) fn enter(&mut self) {
        // A span that is none hides nothing: what is current stays so.
        if !self.span.context.is_valid() {
            return;
        }
        stack::with(|local| {
            if let Some(data) = self.span.data.take() {
                // Its children on other threads go on to need it.
                self.span.trace_state.clone_from(&data.trace_state);
                local.push_span(data);
            } else {
                local.push_context(self.span.context, self.span.trace_state.clone());
            }
        });
    }

    /// Undoes one [`BridgedSpan::enter`] on this thread, whatever was entered since.
    pub(super) fn exit(&mut self) {
        if let Some(data) = stack::with(|local| local.take_topmost(self.span.context.span_id)).flatten() {
            self.put_back(data);
        }
    }

    /// Changes the span, wherever what it has gathered is.
    pub(super) fn change(&mut self, change: Change<'_>) {
        if !self.span.context.is_sampled() {
            return;
        }
        if let Some(data) = &mut self.span.data {
            return change.apply(data);
        }
        let mut change = Some(change);
        stack::with(|local| {
            if let Some(data) = local.stack.find_recorded(self.span.context.span_id)
                && let Some(change) = change.take()
            {
                change.apply(data);
            }
        });
        if let Some(change) = change
            && self.waiting.len() < MAX_WAITING
        {
            self.waiting.push(change.wait());
        }
    }

    /// An error was logged in the span.
    pub(super) fn fail(&mut self, error: Value<'_>) {
        // The message is plain already: fields are shown when they are gathered.
        self.change(Change::Failure(if let Value::Str(message) = error { message } else { "" }));
    }

    /// Ends the span now.
    pub(super) fn close(mut self) {
        // Where `tracing` closes a span before it reports that it was left.
        self.exit();
        drop(self.span);
    }

    fn put_back(&mut self, mut data: Box<SpanData>) {
        for change in self.waiting.drain(..) {
            change.apply(&mut data);
        }
        self.span.data = Some(data);
    }
}

impl Change<'_> {
    fn apply(self, data: &mut SpanData) {
        match self {
            Self::Fields(fields) => set_fields(data, fields),
            Self::Link(to) => data.add_link(&to.into(), &[]),
            Self::Failure(message) => fail(data, message),
        }
    }

    fn wait(self) -> Waiting {
        match self {
            Self::Fields(fields) => Waiting::Fields(std::mem::take(fields)),
            Self::Link(to) => Waiting::Link(to),
            Self::Failure(message) => Waiting::Failure(message.to_owned()),
        }
    }
}

impl Waiting {
    fn apply(self, data: &mut SpanData) {
        match self {
            Self::Fields(fields) => set_fields(data, &fields),
            Self::Link(to) => data.add_link(&to.into(), &[]),
            Self::Failure(message) => fail(data, &message),
        }
    }
}

/// Whether nothing is current on this thread, so that there is nothing to leave.
pub(super) fn is_stack_empty() -> bool {
    stack::with(|local| local.stack.depth() == 0).unwrap_or(true)
}

/// Fields that set something other than an attribute.
#[derive(Clone, Copy, PartialEq)]
enum Special {
    Name,
    Kind,
    StatusCode,
    StatusMessage,
}

impl Special {
    fn of(key: &str) -> Option<Self> {
        match key.strip_prefix("otel.")? {
            "name" => Some(Self::Name),
            "kind" => Some(Self::Kind),
            "status_code" => Some(Self::StatusCode),
            // The second is what it was called before.
            "status_message" | "status_description" => Some(Self::StatusMessage),
            _ => None,
        }
    }
}

/// The span's name: what `otel.name` says, or else its own.
pub(super) fn name_in(fields: &Fields, own: &'static str) -> Cow<'static, str> {
    fields.text_of("otel.name").map_or(Cow::Borrowed(own), |name| Cow::Owned(name.to_owned()))
}

fn kind_in(value: Value<'_>) -> Option<SpanKind> {
    let Value::Str(kind) = value else { return None };
    let kinds = [
        ("internal", SpanKind::INTERNAL),
        ("server", SpanKind::SERVER),
        ("client", SpanKind::CLIENT),
        ("producer", SpanKind::PRODUCER),
        ("consumer", SpanKind::CONSUMER),
    ];
    kinds.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)).map(|(_, kind)| kind)
}

/// Fields that were recorded after the start.
fn set_fields(data: &mut SpanData, fields: &Fields) {
    for (key, value) in fields.iter() {
        match (Special::of(key), value) {
            (None, _) => data.set_attribute(key, &value),
            (Some(Special::Name), Value::Str(name)) => data.name = Cow::Owned(name.to_owned()),
            (Some(Special::Kind), _) => data.kind = kind_in(value).unwrap_or(data.kind),
            _ => {}
        }
    }
    set_outcome(data, fields);
}

/// Sets the status that the fields declare, or that an error among them means, which becomes an event as well.
fn set_outcome(data: &mut SpanData, fields: &Fields) {
    if fields.is_empty() {
        return;
    }
    if let Some(message) = fields.error_message() {
        as_slice(fields.exception(), |attributes| data.add_event("exception", None, attributes));
        data.set_status(StatusCode::ERROR, message);
    }
    let (mut code, mut message) = (None, None);
    for (key, value) in fields.iter() {
        match Special::of(key) {
            Some(Special::StatusCode) => code = code_in(value),
            Some(Special::StatusMessage) => message = Some(shown(value)),
            _ => {}
        }
    }
    match (code, message) {
        (None, None) => {}
        (Some(StatusCode::ERROR) | None, Some(message)) => data.set_status(StatusCode::ERROR, &message),
        (Some(StatusCode::ERROR), None) => fail(data, ""),
        (Some(code), _) => data.set_status(code, ""),
    }
}

/// Makes the status an error, unless the span has one: what declared that knew more.
fn fail(data: &mut SpanData, message: &str) {
    if data.status() == StatusCode::UNSET {
        data.set_status(StatusCode::ERROR, message);
    }
}

fn code_in(value: Value<'_>) -> Option<StatusCode> {
    let Value::Str(code) = value else { return None };
    let codes = [("ok", StatusCode::OK), ("error", StatusCode::ERROR)];
    codes.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(code)).map(|(_, code)| code)
}

fn shown(value: Value<'_>) -> String {
    let mut text = String::new();
    // What is gathered shows itself without failing.
    let _ = write!(text, "{value}");
    text
}
