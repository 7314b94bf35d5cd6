//! Processing messages: a span around a handler, linked with those that sent what it handles.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use rdkafka::Message;

use super::client::{Client, Destination};
use super::metrics::Metrics;
use super::{PROCESS, headers};
use crate::instrument::outcome::{self, Outcome};
use crate::{Context, InSpanExt, Span, Value};

/// What the span of processing a message is a part of. It is linked to the message's sending in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessParent {
    /// The span that is current where processing begins; where there is none, the one that sent the message.
    #[default]
    CurrentOrMessage,
    /// The span that sent the message: one trace from producer to consumer. The current span, if there is one, is linked.
    Message,
    /// The span that is current; where there is none, a trace begins.
    Current,
}

/// Runs handlers of messages in spans. It is a consumer's, and may go along to other tasks and threads, for messages that were
/// detached from the consumer.
#[derive(Clone)]
pub struct Processor {
    pub(super) observer: Arc<Observer>,
}

/// What is known of a consumer, and where it counts.
#[derive(Clone)]
pub(super) struct Observer {
    pub(super) client: Client,
    pub(super) metrics: Metrics,
    pub(super) parent: ProcessParent,
    pub(super) receive_spans: bool,
}

impl Processor {
    /// Runs a handler in a span: `consumer.process(&message, handle(&message)).await`. What it records is a part of the span; a failure
    /// it gives back is recorded on it, and given back.
    ///
    /// Dropped before it is done, it counts as one that failed, `cancelled`.
    pub async fn process<F>(&self, message: &impl Message, handler: F) -> F::Output
    where
        F: Future,
        F::Output: Outcome,
    {
        let (span, context) = self.observer.span_of(message);
        self.observer.run(span, context, Some(message.topic()), handler).await
    }

    /// Runs a handler that does not wait in a span; see [`Processor::process`].
    pub fn process_sync<R: Outcome>(&self, message: &impl Message, handler: impl FnOnce() -> R) -> R {
        let (span, context) = self.observer.span_of(message);
        self.observer.run_sync(span, &context, Some(message.topic()), handler)
    }

    /// Runs a handler of several messages in one span, which is linked to the sending of each of them. It is a part of the current
    /// span, if there is one, whatever [`ProcessParent`] says: messages have many parents.
    pub async fn process_batch<F, M>(&self, messages: &[M], handler: F) -> F::Output
    where
        M: Message,
        F: Future,
        F::Output: Outcome,
    {
        let span = self.observer.span_of_all(messages);
        self.observer.run(span, Context::current(), common(messages, Message::topic), handler).await
    }

    /// Runs a handler of several messages that does not wait in a span; see [`Processor::process_batch`].
    pub fn process_batch_sync<R: Outcome, M: Message>(&self, messages: &[M], handler: impl FnOnce() -> R) -> R {
        let span = self.observer.span_of_all(messages);
        self.observer.run_sync(span, &Context::current(), common(messages, Message::topic), handler)
    }
}

impl Observer {
    /// The span of processing a message, and what is to be current around it: what it is a part of, with the message's baggage.
    fn span_of(&self, message: &impl Message) -> (Span, Context) {
        let (sent, current) = (headers::extract(message), Context::current());
        let of_message = sent.span.is_valid()
            && match self.parent {
                ProcessParent::Message => true,
                ProcessParent::Current => false,
                ProcessParent::CurrentOrMessage => !current.span.is_valid(),
            };
        let parent = if of_message { &sent } else { &current };
        let baggage = sent.baggage.as_ref().or(current.baggage.as_ref());
        let around = Context { baggage: baggage.cloned(), ..parent.clone() };
        let destination = self.client.destination(message.topic());
        let mut span = self.client.span(&PROCESS, Some(destination), None).parent(around.clone()).start();
        if span.is_recording() {
            if sent.span.is_valid() {
                span.add_link(&sent, &[]);
            }
            if of_message && current.span.is_valid() {
                span.add_link(&current, &[]);
            }
            self.client.describe_received(message, |key, value| span.set_attribute(key, value));
        }
        (span, around)
    }

    fn span_of_all<M: Message>(&self, messages: &[M]) -> Span {
        let destination = common(messages, Message::topic).map(|topic| self.client.destination(topic));
        let mut span = self.client.span(&PROCESS, destination, None).start();
        describe_all(&mut span, messages);
        span
    }

    async fn run<F>(&self, span: Span, around: Context, topic: Option<&str>, handler: F) -> F::Output
    where
        F: Future,
        F::Output: Outcome,
    {
        let watch = Watch::start(self, topic);
        let watched = async {
            let output = handler.await;
            watch.end(&output);
            output
        };
        watched.in_span(span).in_context(around).await
    }

    fn run_sync<R: Outcome>(
        &self,
        mut span: Span,
        around: &Context,
        topic: Option<&str>,
        handler: impl FnOnce() -> R,
    ) -> R {
        let watched = || {
            let watch = Watch::start(self, topic);
            let output = handler();
            watch.end(&output);
            output
        };
        around.run(|| span.in_scope(watched))
    }
}

/// Says of a span what messages it is about.
pub(super) fn describe_all<M: Message>(span: &mut Span, messages: &[M]) {
    if !span.is_recording() {
        return;
    }
    span.set_attribute("messaging.batch.message_count", messages.len() as i64);
    if let Some(partition) = common(messages, Message::partition).filter(|_| common(messages, Message::topic).is_some())
    {
        span.set_attribute("messaging.destination.partition.id", Value::display(&partition));
    }
    for sent in messages.iter().map(headers::extract).filter(|sent| sent.span.is_valid()) {
        span.add_link(&sent, &[]);
    }
}

/// What all messages have in common, if they have.
pub(super) fn common<'a, M, T: PartialEq>(messages: &'a [M], of: impl Fn(&'a M) -> T) -> Option<T> {
    let first = of(messages.first()?);
    messages.iter().all(|message| of(message) == first).then_some(first)
}

/// Processing that is under way, measured once: as it ended, or as it was dropped. Where it ends, its span is current.
struct Watch<'a> {
    observer: &'a Observer,
    topic: Option<&'a str>,
    started: Instant,
    over: bool,
}

impl<'a> Watch<'a> {
    fn start(observer: &'a Observer, topic: Option<&'a str>) -> Self {
        Self { observer, topic, started: Instant::now(), over: false }
    }

    fn end(mut self, output: &impl Outcome) {
        let failure = output.failure();
        if let Some(failure) = &failure {
            failure.record();
        }
        self.measure(failure.map(|failure| failure.error_type));
    }

    fn measure(&mut self, error_type: Option<&str>) {
        self.over = true;
        let Observer { client, metrics, .. } = self.observer;
        let destination: Option<Destination<'_>> = self.topic.map(|topic| client.destination(topic));
        metrics.processed(client, destination, error_type, self.started.elapsed());
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.over {
            let error_type = outcome::record_dropped();
            self.measure(Some(error_type));
        }
    }
}
