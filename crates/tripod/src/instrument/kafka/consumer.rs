//! Consumers: what receives messages and commits offsets is a span, and how far they are behind is a metric.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use rdkafka::config::{FromClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{self, CommitMode, ConsumerContext, DefaultConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::util::{AsyncRuntime, DefaultRuntime, Timeout};
use rdkafka::{ClientConfig, Message, TopicPartitionList};

use super::client::Client;
use super::error::ErrorType;
use super::lag::{Lag, Seen};
use super::metrics::Metrics;
use super::process::{Observer, ProcessParent, Processor, common, describe_all};
use super::{COMMIT, POLL, headers};
use crate::instrument::Outcome;
use crate::{Span, StatusCode};

/// [`rdkafka::consumer::StreamConsumer`], observed.
///
/// ```no_run
/// use rdkafka::{ClientConfig, Message, consumer::{CommitMode, Consumer}, message::BorrowedMessage};
/// use tripod::instrument::kafka::StreamConsumer;
///
/// async fn handle(message: &BorrowedMessage<'_>) -> Result<(), std::str::Utf8Error> {
///     let text = std::str::from_utf8(message.payload().unwrap_or_default())?;
///     tripod::info!("a signal", text);
///     Ok(())
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let consumer: StreamConsumer =
///     ClientConfig::new().set("bootstrap.servers", "localhost:9092").set("group.id", "dispatcher").create()?;
/// consumer.subscribe(&["signals"])?;
/// loop {
///     let message = consumer.recv().await?;
///     consumer.process(&message, handle(&message)).await?;
///     consumer.commit_message(&message, CommitMode::Async)?;
/// }
/// # }
/// ```
pub type StreamConsumer<C = DefaultConsumerContext, R = DefaultRuntime> = Consumer<consumer::StreamConsumer<C, R>>;

/// [`rdkafka::consumer::BaseConsumer`], observed.
pub type BaseConsumer<C = DefaultConsumerContext> = Consumer<consumer::BaseConsumer<C>>;

/// A consumer whose messages are observed; everything else is the consumer's own, which this dereferences to.
///
/// It is made as rdkafka's consumers are, by [`ClientConfig::create`] or [`ClientConfig::create_with_context`].
#[must_use = "a consumer that is dropped leaves its group"]
pub struct Consumer<T> {
    /// In front, as it is dropped first: nobody asks for the lag of what is gone.
    lag: Lag,
    seen: Arc<Seen>,
    processor: Processor,
    inner: Arc<T>,
}

impl<T: Send + Sync + 'static> Consumer<T> {
    fn observe<C>(inner: T, config: &ClientConfig) -> Self
    where
        T: consumer::Consumer<C>,
        C: ConsumerContext,
    {
        let (inner, seen) = (Arc::new(inner), Arc::new(Seen::default()));
        let observer = Arc::new(Observer {
            client: Client::of(config),
            metrics: Metrics::chosen(),
            parent: ProcessParent::default(),
            receive_spans: true,
        });
        let lag = Lag::watch(&inner, &observer, &seen);
        Self { lag, seen, processor: Processor { observer }, inner }
    }
}

impl<T> Consumer<T> {
    /// Names for topics whose own are generated: `user-{id}` stands for every topic that is `user-` and something. Spans and metrics
    /// are called by the template then; the first that fits counts. For a topic of which there are few, none is needed.
    pub fn templates<'a>(self, templates: impl IntoIterator<Item = &'a str>) -> Self {
        self.change(|observer| observer.client.name_topics(templates))
    }

    /// Whether spans show the messages' keys; they do not otherwise, as keys may be personal. A key that is no text is never shown.
    pub fn record_keys(self, record: bool) -> Self {
        self.change(|observer| observer.client.records_keys = record)
    }

    /// What spans of processing are a part of.
    pub fn process_parent(self, parent: ProcessParent) -> Self {
        self.change(|observer| observer.parent = parent)
    }

    /// Whether there are spans of receiving; there are without this. What is counted and measured of it stays.
    pub fn receive_spans(self, record: bool) -> Self {
        self.change(|observer| observer.receive_spans = record)
    }

    /// What runs handlers in spans, to go along with messages to other tasks and threads.
    pub fn processor(&self) -> Processor {
        self.processor.clone()
    }

    /// As [`Processor::process`].
    pub async fn process<F>(&self, message: &impl Message, handler: F) -> F::Output
    where
        F: Future,
        F::Output: Outcome,
    {
        self.processor.process(message, handler).await
    }

    /// As [`Processor::process_sync`].
    pub fn process_sync<O: Outcome>(&self, message: &impl Message, handler: impl FnOnce() -> O) -> O {
        self.processor.process_sync(message, handler)
    }

    /// As [`Processor::process_batch`].
    pub async fn process_batch<F, M>(&self, messages: &[M], handler: F) -> F::Output
    where
        M: Message,
        F: Future,
        F::Output: Outcome,
    {
        self.processor.process_batch(messages, handler).await
    }

    /// As [`Processor::process_batch_sync`].
    pub fn process_batch_sync<O: Outcome, M: Message>(&self, messages: &[M], handler: impl FnOnce() -> O) -> O {
        self.processor.process_batch_sync(messages, handler)
    }

    /// The consumer itself.
    pub fn inner(&self) -> &Arc<T> {
        &self.inner
    }

    fn change(mut self, change: impl FnOnce(&mut Observer)) -> Self {
        change(Arc::make_mut(&mut self.processor.observer));
        self.lag.tell(&self.processor.observer);
        self
    }

    fn observer(&self) -> &Observer {
        &self.processor.observer
    }
}

impl<T> Deref for Consumer<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<R: AsyncRuntime> FromClientConfig for StreamConsumer<DefaultConsumerContext, R> {
    fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultConsumerContext)
    }
}

impl<C: ConsumerContext + 'static, R: AsyncRuntime> FromClientConfigAndContext<C> for StreamConsumer<C, R> {
    fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        Ok(Self::observe(config.create_with_context(context)?, config))
    }
}

impl FromClientConfig for BaseConsumer {
    fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultConsumerContext)
    }
}

impl<C: ConsumerContext + 'static> FromClientConfigAndContext<C> for BaseConsumer<C> {
    fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        Ok(Self::observe(config.create_with_context(context)?, config))
    }
}

impl<C: ConsumerContext + 'static, R: AsyncRuntime> StreamConsumer<C, R> {
    /// Waits for the next message, as [`consumer::StreamConsumer::recv`] does.
    ///
    /// # Errors
    /// As those of the method it wraps.
    pub async fn recv(&self) -> KafkaResult<BorrowedMessage<'_>> {
        let since = Since::now();
        let result = self.inner.recv().await;
        self.received(&since, &result);
        result
    }
}

impl<C: ConsumerContext + 'static> BaseConsumer<C> {
    /// The next message, as [`consumer::BaseConsumer::poll`] gives it. Polling that brings nothing is not recorded.
    pub fn poll(&self, timeout: impl Into<Timeout>) -> Option<KafkaResult<BorrowedMessage<'_>>> {
        let since = Since::now();
        let result = self.inner.poll(timeout)?;
        self.received(&since, &result);
        Some(result)
    }

    /// Waits for one message after the other, without end.
    pub fn iter(&self) -> impl Iterator<Item = KafkaResult<BorrowedMessage<'_>>> {
        std::iter::repeat_with(|| self.poll(Timeout::Never)).flatten()
    }
}

impl<T> Consumer<T> {
    /// Commits what is in the list, as [`consumer::Consumer::commit`] does. Of a commit that is not waited for, only the asking is seen.
    ///
    /// # Errors
    /// As those of the method it wraps.
    pub fn commit<C>(&self, offsets: &TopicPartitionList, mode: CommitMode) -> KafkaResult<()>
    where
        T: consumer::Consumer<C>,
        C: ConsumerContext,
    {
        let partitions = offsets.elements();
        let topic = common(&partitions, TopicPartitionListElem::topic);
        self.settle(topic, |_| {}, || self.inner.commit(offsets, mode))
    }

    /// Commits what was received so far, as [`consumer::Consumer::commit_consumer_state`] does.
    ///
    /// # Errors
    /// As those of the method it wraps.
    pub fn commit_consumer_state<C>(&self, mode: CommitMode) -> KafkaResult<()>
    where
        T: consumer::Consumer<C>,
        C: ConsumerContext,
    {
        self.settle(None, |_| {}, || self.inner.commit_consumer_state(mode))
    }

    /// Commits the offset of a message, as [`consumer::Consumer::commit_message`] does. The span is linked to the message's sending.
    ///
    /// # Errors
    /// As those of the method it wraps.
    pub fn commit_message<C>(&self, message: &BorrowedMessage<'_>, mode: CommitMode) -> KafkaResult<()>
    where
        T: consumer::Consumer<C>,
        C: ConsumerContext,
    {
        let describe = |span: &mut Span| {
            let sent = headers::extract(message);
            if sent.span.is_valid() {
                span.add_link(&sent, &[]);
            }
            self.observer().client.describe_received(message, |key, value| span.set_attribute(key, value));
        };
        self.settle(Some(message.topic()), describe, || self.inner.commit_message(message, mode))
    }

    fn settle(
        &self,
        topic: Option<&str>,
        describe: impl FnOnce(&mut Span),
        settle: impl FnOnce() -> KafkaResult<()>,
    ) -> KafkaResult<()> {
        let Observer { client, metrics, .. } = self.observer();
        let destination = topic.map(|topic| client.destination(topic));
        let started = Instant::now();
        let mut span = client.span(&COMMIT, destination, None).start();
        if span.is_recording() {
            describe(&mut span);
        }
        let result = settle();
        let error = result.as_ref().err().map(ErrorType::of);
        let error_type = error.as_ref().map(ErrorType::as_str);
        if let (Some(error_type), Err(error)) = (error_type, &result) {
            fail(&mut span, error_type, error);
        }
        metrics.settled(client, destination, error_type, started.elapsed());
        result
    }

    /// A message came, or an error in its place.
    fn received(&self, since: &Since, result: &KafkaResult<BorrowedMessage<'_>>) {
        match result {
            Ok(message) => self.received_all(since, std::slice::from_ref(message), false),
            // The end of a partition is told to who asks for it; it is no failure.
            Err(KafkaError::PartitionEOF(_)) => {}
            Err(error) => {
                let Observer { client, metrics, receive_spans, .. } = self.observer();
                let error_type = ErrorType::of(error);
                metrics.received(client, None, 0, Some(error_type.as_str()), since.instant.elapsed());
                if *receive_spans {
                    let mut span = client.span(&POLL, None, Some(since.time)).start();
                    fail(&mut span, error_type.as_str(), error);
                }
            }
        }
    }

    fn received_all(&self, since: &Since, messages: &[BorrowedMessage<'_>], as_batch: bool) {
        let Observer { client, metrics, receive_spans, .. } = self.observer();
        for message in messages {
            self.seen.note(message);
        }
        let destination = common(messages, Message::topic).map(|topic| client.destination(topic));
        metrics.received(client, destination, messages.len() as u64, None, since.instant.elapsed());
        if !*receive_spans {
            return;
        }
        let mut span = client.span(&POLL, destination, Some(since.time)).start();
        if as_batch {
            describe_all(&mut span, messages);
        } else if let (true, [message]) = (span.is_recording(), messages) {
            let sent = headers::extract(message);
            if sent.span.is_valid() {
                span.add_link(&sent, &[]);
            }
            client.describe_received(message, |key, value| span.set_attribute(key, value));
        }
    }
}

fn fail(span: &mut Span, error_type: &str, error: &KafkaError) {
    span.set_attribute("error.type", error_type);
    span.set_status(StatusCode::ERROR, &error.to_string());
}

/// When something began.
struct Since {
    instant: Instant,
    time: SystemTime,
}

impl Since {
    fn now() -> Self {
        Self { instant: Instant::now(), time: SystemTime::now() }
    }
}
