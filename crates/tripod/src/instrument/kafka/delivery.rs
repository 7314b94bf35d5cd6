//! Producers with callbacks: the span goes to librdkafka with the message and comes back with the report of its delivery.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use rdkafka::client::OAuthToken;
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{Message, ToBytes};
use rdkafka::producer::{
    self, BaseRecord, DefaultProducerContext, DeliveryResult, NoCustomPartitioner, Partitioner, ProducerContext,
};
use rdkafka::util::IntoOpaque;
use rdkafka::{ClientConfig, ClientContext, Statistics};

use super::producer::{Observer, Outgoing, Producer};
use crate::Span;

/// [`rdkafka::producer::ThreadedProducer`], observed.
pub type ThreadedProducer<C = DefaultProducerContext, Part = NoCustomPartitioner> =
    Producer<producer::ThreadedProducer<Reported<C>, Part>>;

/// [`rdkafka::producer::BaseProducer`], observed. Spans end when it is polled, as that is when it learns of deliveries.
pub type BaseProducer<C = DefaultProducerContext, Part = NoCustomPartitioner> =
    Producer<producer::BaseProducer<Reported<C>, Part>>;

/// The context of a producer, with what ends the spans in front of its callback.
#[derive(Clone, Debug)]
pub struct Reported<C>(pub C);

/// What goes along with a message: the user's own, and the span.
pub struct Sent<D> {
    opaque: D,
    span: Span,
    started: Instant,
    observer: Arc<Observer>,
}

impl<C: ClientContext> ClientContext for Reported<C> {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = C::ENABLE_REFRESH_OAUTH_TOKEN;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        self.0.stats(statistics);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.0.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.0.generate_oauth_token(config)
    }
}

impl<C: ProducerContext<Part>, Part: Partitioner> ProducerContext<Part> for Reported<C> {
    type DeliveryOpaque = Box<Sent<C::DeliveryOpaque>>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Self::DeliveryOpaque) {
        let Sent { opaque, span, started, observer } = *sent;
        match result {
            Ok(message) => observer.end(span, message.topic(), started, Ok((message.partition(), message.offset()))),
            Err((error, message)) => observer.end(span, message.topic(), started, Err(error)),
        }
        self.0.delivery(result, opaque);
    }

    fn get_custom_partitioner(&self) -> Option<&Part> {
        self.0.get_custom_partitioner()
    }
}

/// A record, and why it was not taken.
type Refused<'a, K, P, D> = (KafkaError, BaseRecord<'a, K, P, D>);

/// Hands a record over with its span.
#[allow(clippy::result_large_err, reason = "as the methods it is for")]
fn send<'a, K, P, D>(
    observer: &Arc<Observer>,
    record: BaseRecord<'a, K, P, D>,
    hand_over: impl FnOnce(BaseRecord<'a, K, P, Box<Sent<D>>>) -> Result<(), Refused<'a, K, P, Box<Sent<D>>>>,
) -> Result<(), Refused<'a, K, P, D>>
where
    K: ToBytes + ?Sized,
    P: ToBytes + ?Sized,
    D: IntoOpaque,
{
    let BaseRecord { topic, partition, payload, key, timestamp, mut headers, delivery_opaque: opaque } = record;
    let message =
        Outgoing { topic, key: key.map(ToBytes::to_bytes), payload: payload.map(|payload| payload.to_bytes().len()) };
    let span = observer.start(&message, &mut headers);
    let sent = Box::new(Sent { opaque, span, started: Instant::now(), observer: Arc::clone(observer) });
    let record = BaseRecord { topic, partition, payload, key, timestamp, headers, delivery_opaque: sent };
    hand_over(record).map_err(|(error, record)| {
        let BaseRecord { topic, partition, payload, key, timestamp, headers, delivery_opaque: sent } = record;
        let Sent { opaque, span, started, observer } = *sent;
        observer.end(span, topic, started, Err(&error));
        (error, BaseRecord { topic, partition, payload, key, timestamp, headers, delivery_opaque: opaque })
    })
}

macro_rules! with_callbacks {
    ($($name:ident)*) => {
        $(impl FromClientConfig for $name {
            fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
                Self::from_config_and_context(config, DefaultProducerContext)
            }
        }

        impl<C: ProducerContext<Part> + 'static, Part: Partitioner + Send + Sync + 'static> FromClientConfigAndContext<C> for $name<C, Part> {
            fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
                let inner = producer::$name::from_config_and_context(config, Reported(context))?;
                Ok(Self::observe(inner, config))
            }
        }

        impl<C: ProducerContext<Part> + 'static, Part: Partitioner + Send + Sync + 'static> $name<C, Part> {
            /// Sends a message, as the method it wraps does. The span ends when its delivery is reported.
            ///
            /// # Errors
            /// As those of the method it wraps.
            #[allow(clippy::result_large_err, reason = "as the method it wraps")]
            pub fn send<'a, K: ToBytes + ?Sized, P: ToBytes + ?Sized>(
                &self,
                record: BaseRecord<'a, K, P, C::DeliveryOpaque>,
            ) -> Result<(), (KafkaError, BaseRecord<'a, K, P, C::DeliveryOpaque>)> {
                send(&self.observer, record, |record| self.inner.send(record))
            }
        })*
    };
}
with_callbacks!(BaseProducer ThreadedProducer);
