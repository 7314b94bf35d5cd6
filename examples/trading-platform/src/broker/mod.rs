//! The broker that takes signals from the generator to the dispatcher: Kafka, or HTTP from the one to the other.

mod direct;
#[cfg(feature = "kafka")]
mod kafka;

use std::future::Future;
use std::pin::Pin;

pub(crate) use direct::{Consumed, DELIVERY, Delivered, Progress, processing};
#[cfg(feature = "kafka")]
pub(crate) use kafka::{consume, reach};

use crate::http::CallError;
use crate::messages::Signal;
use crate::services::Service;
use crate::{Error, Settings};

/// The topic of signals.
pub(crate) const TOPIC: &str = "trading-signals";

/// Publishes signals.
pub(crate) trait Publisher: Send + Sync {
    /// Publishes signals that were seen together.
    fn publish<'a>(&'a self, signals: &'a [Signal]) -> Publishing<'a>;
}

/// Signals on their way.
pub(crate) type Publishing<'a> = Pin<Box<dyn Future<Output = Result<(), PublishError>> + Send + 'a>>;

/// Why signals were not published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error("broker 1 is not the leader of {TOPIC}-{partition}")]
    NotLeader { partition: usize },
    #[error("{TOPIC} does not take the signals")]
    NotDelivered(#[from] CallError),
    #[cfg(feature = "kafka")]
    #[error("{TOPIC} does not take the signals")]
    Kafka(#[from] rdkafka::error::KafkaError),
    #[cfg(feature = "kafka")]
    #[error("the signal is not JSON")]
    Json(#[from] serde_json::Error),
}

/// A publisher to the broker that this service was told of.
pub(crate) fn publisher(settings: &Settings, service: Service) -> Result<Box<dyn Publisher>, Error> {
    match &settings.components.kafka {
        #[cfg(feature = "kafka")]
        Some(servers) => Ok(Box::new(kafka::Producer::connect(servers)?)),
        #[cfg(not(feature = "kafka"))]
        Some(_) => Err(Error::KafkaMissing),
        None => Ok(Box::new(direct::Producer::new(settings.client(service)?, settings.seed))),
    }
}
