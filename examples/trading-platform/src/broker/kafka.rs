//! The broker is Kafka: signals that were seen together are one record.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::producer::FutureRecord;
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, Message};
use tokio::time::sleep;
use tripod::instrument::kafka::{FutureProducer, ProcessParent, StreamConsumer};

use super::{Delivered, Publisher, Publishing, TOPIC};
use crate::Error;
use crate::messages::Signal;
use crate::services::{Dispatcher, SignalError};

const GROUP: &str = "trigger-dispatcher";

/// How long brokers may take to answer who asks whether they are there.
const REACH: Duration = Duration::from_secs(5);

/// After this, a record counts as not delivered.
const DELIVERY_TIMEOUT: &str = "5000";

/// How long to wait when nothing can be received.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Producer {
    producer: FutureProducer,
}

impl Producer {
    pub(super) fn connect(servers: &str) -> Result<Self, Error> {
        let producer = client(servers).set("message.timeout.ms", DELIVERY_TIMEOUT).create()?;
        Ok(Self { producer })
    }
}

impl Publisher for Producer {
    fn publish<'a>(&'a self, signals: &'a [Signal]) -> Publishing<'a> {
        Box::pin(async move {
            let payload = serde_json::to_vec(&Delivered { signals: signals.to_vec() })?;
            let record = FutureRecord::<(), _>::to(TOPIC).payload(&payload);
            self.producer.send(record, Timeout::Never).await.map_err(|(error, _)| error)?;
            Ok(())
        })
    }
}

/// Has the dispatcher act on what comes, for as long as the process lives.
pub(crate) fn consume(servers: &str, dispatcher: Arc<Dispatcher>) -> Result<(), Error> {
    let consumer: StreamConsumer = client(servers)
        .set("group.id", GROUP)
        .set("auto.offset.reset", "earliest")
        .set("allow.auto.create.topics", "true")
        .create()?;
    // One trace from the generator to the worker.
    let consumer = consumer.process_parent(ProcessParent::Message);
    consumer.subscribe(&[TOPIC])?;
    tokio::spawn(async move {
        loop {
            if let Err(error) = next(&consumer, &dispatcher).await {
                tripod::warn!("nothing is received: {error}");
                sleep(PAUSE).await;
            }
        }
    });
    Ok(())
}

async fn next(consumer: &StreamConsumer, dispatcher: &Arc<Dispatcher>) -> Result<(), KafkaError> {
    let message = consumer.recv().await?;
    let payload = message.payload().unwrap_or_default();
    // The consumer has recorded a failure on the span.
    if let Err(error) = consumer.process(&message, act(payload, dispatcher)).await {
        tripod::error!("signals are lost: {error}", offset = message.offset());
    }
    Ok(())
}

async fn act(payload: &[u8], dispatcher: &Arc<Dispatcher>) -> Result<(), ReceiveError> {
    let Delivered { signals } = serde_json::from_slice(payload)?;
    Ok(dispatcher.process(&signals).await?)
}

/// Why a record comes to nothing.
#[derive(Debug, thiserror::Error)]
enum ReceiveError {
    #[error("it is no batch of signals")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Signals(#[from] SignalError),
}

/// How many brokers there are. It blocks.
pub(crate) fn reach(servers: &str) -> Result<usize, Error> {
    let asking: BaseConsumer = client(servers).create()?;
    Ok(asking.fetch_metadata(None, REACH)?.brokers().len())
}

fn client(servers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("client.id", "trading-platform");
    config
}
