//! What stands in for Kafka: a producer's records go straight to the consumer, over HTTP, which delivers them at least once. It is recorded
//! as an instrumented client's messages are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tripod::catalog::kafka::Topic;
use tripod::{InSpanExt, SpanBuilder, SpanKind, labels, propagation};

use super::{PublishError, Publisher, Publishing, TOPIC};
use crate::chance::Chance;
use crate::http::{CallError, Client};
use crate::messages::Signal;

/// Where the consumer takes records.
pub(crate) const DELIVERY: &str = "/api/v1/signals";

const ATTEMPTS: u32 = 3;
const NOT_LEADER_SHARE: f64 = 0.03;

/// Signals that were published together.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Delivered {
    pub(crate) signals: Vec<Signal>,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Consumed {
    pub(crate) offset: u64,
}

pub(super) struct Producer {
    consumer: Client,
    seed: u64,
    topic: Topic,
}

impl PublishError {
    /// What the broker refuses, it will refuse again.
    fn is_transient(&self) -> bool {
        !matches!(self, Self::NotDelivered(CallError::Refused { status: 400..500, .. }))
    }
}

impl Producer {
    pub(super) fn new(consumer: Client, seed: u64) -> Self {
        let topic = Topic::new(TOPIC);
        // A counter that starts at zero shows its first increase, too.
        tripod::counter("kafka_publish_failure_total").build().add(0, labels!(topic = TOPIC));
        Self { consumer, seed, topic }
    }

    async fn attempt(&self, batch: &Delivered) -> Result<(), PublishError> {
        let mut chance = Chance::about(self.seed, batch.signals.first().map_or("", |signal| &signal.id));
        let mut attempt = 1;
        loop {
            match self.send(batch, &mut chance).await {
                Err(error) if attempt < ATTEMPTS && error.is_transient() => {
                    tripod::event!("retry", attempt, reason = %error);
                    tripod::warn!("publishing failed, trying again: {error}", attempt);
                    sleep(Duration::from_millis(50) * attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn send(&self, batch: &Delivered, chance: &mut Chance) -> Result<(), PublishError> {
        sleep(chance.takes_millis(3.0)).await;
        if chance.happens(NOT_LEADER_SHARE) {
            return Err(PublishError::NotLeader { partition: chance.count(0, 2) });
        }
        let consumed: Consumed = self.consumer.post(DELIVERY, DELIVERY, batch).await?;
        tripod::current().set_attribute("messaging.kafka.offset", consumed.offset as i64);
        Ok(())
    }
}

impl Publisher for Producer {
    /// In several attempts if it must.
    fn publish<'a>(&'a self, signals: &'a [Signal]) -> Publishing<'a> {
        let batch = Delivered { signals: signals.to_vec() };
        let span = SpanBuilder::new(format!("send {TOPIC}"))
            .kind(SpanKind::PRODUCER)
            .attribute("messaging.system", "kafka")
            .attribute("messaging.operation.name", "send")
            .attribute("messaging.operation.type", "send")
            .attribute("messaging.destination.name", TOPIC)
            .attribute("messaging.batch.message_count", signals.len())
            .start();
        let publish = async move {
            let measured = self.topic.publish();
            let result = self.attempt(&batch).await;
            match &result {
                Ok(()) => measured.success(),
                Err(error) => {
                    measured.failure();
                    tripod::current().record_error(error);
                }
            }
            result
        };
        Box::pin(publish.in_span(span))
    }
}

/// How far the consumer is.
pub(crate) struct Progress {
    next: AtomicU64,
    topic: Topic,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { next: AtomicU64::new(0), topic: Topic::new(TOPIC) }
    }

    /// Notes that a batch was consumed; answers the offset of its last signal.
    pub(crate) fn consumed(&self, signals: &[Signal]) -> u64 {
        let count = signals.len() as u64;
        let offset = self.next.fetch_add(count, Ordering::Relaxed) + count.saturating_sub(1);
        let lag = signals.iter().map(Signal::age).max().unwrap_or_default();
        self.topic.consumed(0, offset as i64, lag);
        offset
    }
}

/// The span in which a batch is processed: linked to each span that made one of its signals.
pub(crate) fn processing(signals: &[Signal]) -> tripod::Span {
    let mut span = SpanBuilder::new(format!("process {TOPIC}"))
        .kind(SpanKind::CONSUMER)
        .attribute("messaging.system", "kafka")
        .attribute("messaging.operation.name", "process")
        .attribute("messaging.operation.type", "process")
        .attribute("messaging.destination.name", TOPIC)
        .attribute("messaging.consumer.group.name", "trigger-dispatcher")
        .attribute("messaging.batch.message_count", signals.len());
    for signal in signals {
        span = span.link(propagation::extract(&signal.headers).span);
    }
    span.start()
}
