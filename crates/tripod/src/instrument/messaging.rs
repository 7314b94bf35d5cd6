//! What messaging systems share, as OpenTelemetry's conventions have it: operations, attributes, metrics.

use std::ops::Deref;
use std::sync::OnceLock;

use crate::trace::SpanKind;
use crate::{Counter, Histogram, Value, counter, histogram};

/// What is done to messages: what kind of thing it is, and what the system itself calls it.
pub(crate) struct Operation {
    /// `messaging.operation.type`.
    pub(crate) class: &'static str,
    /// `messaging.operation.name`, also the first word of the span's name.
    pub(crate) name: &'static str,
    pub(crate) kind: SpanKind,
}

impl Operation {
    pub(crate) const fn send(name: &'static str) -> Self {
        Self { class: "send", name, kind: SpanKind::PRODUCER }
    }

    pub(crate) const fn receive(name: &'static str) -> Self {
        Self { class: "receive", name, kind: SpanKind::CLIENT }
    }

    pub(crate) const fn process(name: &'static str) -> Self {
        Self { class: "process", name, kind: SpanKind::CONSUMER }
    }

    pub(crate) const fn settle(name: &'static str) -> Self {
        Self { class: "settle", name, kind: SpanKind::CLIENT }
    }
}

/// Attributes an operation has, at most.
const MAX: usize = 16;

/// Attributes of a span, or labels of a metric, on the stack.
#[derive(Clone, Copy)]
pub(crate) struct Attributes<'a> {
    all: [(&'static str, Value<'a>); MAX],
    len: usize,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new() -> Self {
        Self { all: [("", Value::Empty); MAX], len: 0 }
    }

    /// Adds one; there is room for all that are defined.
    pub(crate) fn push(&mut self, key: &'static str, value: Value<'a>) {
        debug_assert!(self.len < MAX, "room for {key}");
        if let Some(place) = self.all.get_mut(self.len) {
            *place = (key, value);
            self.len += 1;
        }
    }

    /// Adds one that may be missing.
    pub(crate) fn maybe(&mut self, key: &'static str, value: Option<&'a str>) {
        if let Some(value) = value {
            self.push(key, Value::Str(value));
        }
    }
}

impl<'a> Deref for Attributes<'a> {
    type Target = [(&'static str, Value<'a>)];

    fn deref(&self) -> &Self::Target {
        &self.all[..self.len]
    }
}

/// The conventions' metrics of clients.
pub(crate) struct Metrics {
    pub(crate) operation_duration: Histogram,
    pub(crate) sent: Counter,
    pub(crate) consumed: Counter,
    pub(crate) process_duration: Histogram,
}

impl Metrics {
    /// The instruments, made with the first use.
    pub(crate) fn get() -> &'static Self {
        static METRICS: OnceLock<Metrics> = OnceLock::new();
        METRICS.get_or_init(|| {
            let seconds = |name, description| histogram(name).unit("s").description(description).build();
            let messages = |name, description| counter(name).unit("{message}").description(description).build();
            Self {
                operation_duration: seconds(
                    "messaging.client.operation.duration",
                    "Duration of messaging operation initiated by a producer or consumer client.",
                ),
                sent: messages(
                    "messaging.client.sent.messages",
                    "Number of messages producer attempted to send to the broker.",
                ),
                consumed: messages(
                    "messaging.client.consumed.messages",
                    "Number of messages that were delivered to the application.",
                ),
                process_duration: seconds("messaging.process.duration", "Duration of processing operation."),
            }
        })
    }
}
