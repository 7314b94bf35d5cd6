//! Producers: each send is a span, whose context goes along in the message's headers.

use std::borrow::Cow;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Instant;

use rdkafka::client::DefaultClientContext;
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{OwnedHeaders, ToBytes};
use rdkafka::producer::future_producer::OwnedDeliveryResult;
use rdkafka::producer::{self, FutureRecord};
use rdkafka::util::{AsyncRuntime, DefaultRuntime, Timeout};
use rdkafka::{ClientConfig, ClientContext};

use super::client::Client;
use super::error::ErrorType;
use super::metrics::Metrics;
use super::{SEND, headers};
use crate::instrument::outcome;
use crate::{Span, StatusCode, Value};

/// [`rdkafka::producer::FutureProducer`], observed.
///
/// ```no_run
/// use rdkafka::{ClientConfig, producer::FutureRecord, util::Timeout};
/// use tripod::instrument::kafka::FutureProducer;
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let producer: FutureProducer = ClientConfig::new().set("bootstrap.servers", "localhost:9092").create()?;
/// producer.send(FutureRecord::to("signals").key("AAPL").payload("buy"), Timeout::Never).await.map_err(|(error, _)| error)?;
/// # Ok(())
/// # }
/// ```
pub type FutureProducer<C = DefaultClientContext, R = DefaultRuntime> = Producer<producer::FutureProducer<C, R>>;

/// A producer whose sends are observed; everything else is the producer's own, which this dereferences to.
///
/// It is made as rdkafka's producers are, by [`ClientConfig::create`] or [`ClientConfig::create_with_context`].
#[must_use = "a producer that is dropped sends nothing more"]
pub struct Producer<P> {
    pub(super) inner: P,
    pub(super) observer: Arc<Observer>,
}

/// What is known of a producer, and where it counts.
pub(super) struct Observer {
    client: Client,
    metrics: Metrics,
}

impl<P> Producer<P> {
    pub(super) fn observe(inner: P, config: &ClientConfig) -> Self {
        // A producer may be given the configuration of a consumer, too: its group is none of its own.
        let client = Client::of(config).without_group();
        Self { inner, observer: Arc::new(Observer { client, metrics: Metrics::chosen() }) }
    }

    /// Names for topics whose own are generated: `user-{id}` stands for every topic that is `user-` and something. Spans and metrics
    /// are called by the template then; the first that fits counts. For a topic of which there are few, none is needed.
    pub fn templates<'a>(self, templates: impl IntoIterator<Item = &'a str>) -> Self {
        self.change(|client| client.name_topics(templates))
    }

    /// Whether spans show the messages' keys; they do not otherwise, as keys may be personal. A key that is no text is never shown.
    pub fn record_keys(self, record: bool) -> Self {
        self.change(|client| client.records_keys = record)
    }

    /// The producer itself.
    pub fn inner(&self) -> &P {
        &self.inner
    }

    fn change(mut self, change: impl FnOnce(&mut Client)) -> Self {
        let Observer { client, metrics } = &*self.observer;
        let mut client = client.clone();
        change(&mut client);
        self.observer = Arc::new(Observer { client, metrics: *metrics });
        self
    }
}

impl<P> Deref for Producer<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.inner
    }
}

impl<P: Clone> Clone for Producer<P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), observer: Arc::clone(&self.observer) }
    }
}

impl<R: AsyncRuntime> FromClientConfig for FutureProducer<DefaultClientContext, R> {
    fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Ok(Self::observe(config.create()?, config))
    }
}

impl<C: ClientContext + 'static, R: AsyncRuntime> FromClientConfigAndContext<C> for FutureProducer<C, R> {
    fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        Ok(Self::observe(config.create_with_context(context)?, config))
    }
}

impl<C: ClientContext + 'static, R: AsyncRuntime> FutureProducer<C, R> {
    /// Sends a message, as [`producer::FutureProducer::send`] does. The span ends when the message is delivered, or will not be.
    ///
    /// If the future is dropped before, the send counts as one that failed, `cancelled`: whether the message arrives all the same is
    /// no longer known here.
    ///
    /// # Errors
    /// As those of the method it wraps.
    pub async fn send<K, P, T>(&self, mut record: FutureRecord<'_, K, P>, queue_timeout: T) -> OwnedDeliveryResult
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
        T: Into<Timeout>,
    {
        let mut sending = Sending::start(&self.observer, &Outgoing::of(&record), &mut record.headers);
        let result = self.inner.send(record, queue_timeout).await;
        sending.delivered(&result);
        result
    }

    /// Puts a message into the queue, as [`producer::FutureProducer::send_result`] does; the future tells of its delivery.
    ///
    /// # Errors
    /// As those of the method it wraps.
    #[allow(clippy::result_large_err, reason = "as the method it wraps")]
    pub fn send_result<'a, K, P>(
        &self,
        mut record: FutureRecord<'a, K, P>,
    ) -> Result<DeliveryFuture, (KafkaError, FutureRecord<'a, K, P>)>
    where
        K: ToBytes + ?Sized,
        P: ToBytes + ?Sized,
    {
        let mut sending = Sending::start(&self.observer, &Outgoing::of(&record), &mut record.headers);
        match self.inner.send_result(record) {
            Ok(delivery) => Ok(DeliveryFuture { delivery, sending: sending.keep() }),
            Err((error, record)) => {
                sending.end(Err(&error));
                Err((error, record))
            }
        }
    }
}

/// Tells of a message's delivery; see [`producer::DeliveryFuture`].
#[must_use = "futures do nothing unless polled"]
pub struct DeliveryFuture {
    delivery: producer::DeliveryFuture,
    sending: Sending<'static>,
}

impl Future for DeliveryFuture {
    type Output = <producer::DeliveryFuture as Future>::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut task::Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.delivery).poll(task));
        match &result {
            Ok(result) => self.sending.delivered(result),
            Err(_) => self.sending.end(Err(&KafkaError::Canceled)),
        }
        Poll::Ready(result)
    }
}

/// What is known of a message before it is sent.
pub(super) struct Outgoing<'a> {
    pub(super) topic: &'a str,
    pub(super) key: Option<&'a [u8]>,
    pub(super) payload: Option<usize>,
}

impl<'a> Outgoing<'a> {
    fn of<K: ToBytes + ?Sized, P: ToBytes + ?Sized>(record: &FutureRecord<'a, K, P>) -> Self {
        let payload = record.payload.map(|payload| payload.to_bytes().len());
        Self { topic: record.topic, key: record.key.map(ToBytes::to_bytes), payload }
    }
}

impl Observer {
    /// Starts the span of a send and puts its context among the message's headers.
    pub(super) fn start(&self, message: &Outgoing<'_>, headers: &mut Option<OwnedHeaders>) -> Span {
        let client = &self.client;
        let mut span = client.span(&SEND, Some(client.destination(message.topic)), None).start();
        *headers = headers::with_span(&span, headers.take());
        if span.is_recording() {
            client.describe(message.key, message.payload, |key, value| span.set_attribute(key, value));
        }
        span
    }

    /// A send is over: the message is in a partition, at an offset, or there is an error.
    pub(super) fn end(&self, mut span: Span, topic: &str, started: Instant, result: Result<(i32, i64), &KafkaError>) {
        let destination = self.client.destination(topic);
        let error = result.err().map(ErrorType::of);
        let error_type = error.as_ref().map(ErrorType::as_str);
        self.metrics.sent(&self.client, destination, error_type, started.elapsed());
        match result {
            Ok((partition, offset)) => {
                span.set_attribute("messaging.destination.partition.id", Value::display(&partition));
                // Of a producer that waits for no confirmation, there is none.
                if offset >= 0 {
                    span.set_attribute("messaging.kafka.offset", offset);
                }
            }
            Err(error) => {
                span.set_attribute("error.type", error_type.unwrap_or_default());
                span.set_status(StatusCode::ERROR, &error.to_string());
            }
        }
    }

    fn dropped(&self, mut span: Span, topic: &str, started: Instant) {
        let error_type = outcome::dropped();
        self.metrics.sent(&self.client, self.client.destination(topic), Some(error_type), started.elapsed());
        span.set_attribute("error.type", error_type);
        span.set_status(StatusCode::ERROR, "dropped before the delivery was known");
    }
}

/// A message on its way, counted once: as it was delivered, as it failed, or as it was dropped.
struct Sending<'a> {
    observer: Arc<Observer>,
    topic: Cow<'a, str>,
    started: Instant,
    /// Taken out when it is over.
    span: Option<Span>,
}

impl<'a> Sending<'a> {
    fn start(observer: &Arc<Observer>, message: &Outgoing<'a>, headers: &mut Option<OwnedHeaders>) -> Self {
        let span = Some(observer.start(message, headers));
        Self { observer: Arc::clone(observer), topic: message.topic.into(), started: Instant::now(), span }
    }

    /// The same for longer than the record.
    fn keep(mut self) -> Sending<'static> {
        let (observer, topic) = (Arc::clone(&self.observer), self.topic.to_string().into());
        Sending { observer, topic, started: self.started, span: self.span.take() }
    }

    fn delivered(&mut self, result: &OwnedDeliveryResult) {
        self.end(match result {
            Ok(delivery) => Ok((delivery.partition, delivery.offset)),
            Err((error, _)) => Err(error),
        });
    }

    fn end(&mut self, result: Result<(i32, i64), &KafkaError>) {
        if let Some(span) = self.span.take() {
            self.observer.end(span, &self.topic, self.started, result);
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            self.observer.dropped(span, &self.topic, self.started);
        }
    }
}
