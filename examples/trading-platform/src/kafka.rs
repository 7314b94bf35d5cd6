//! Kafka, as instrumented clients show it. The broker between the two is left out: a producer's records go straight to the
//! consumer, over HTTP, which delivers them at least once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tripod::{Counter, Gauge, Histogram, InSpanExt, SpanBuilder, SpanKind, propagation};

use crate::chance::Chance;
use crate::http::{CallError, Client};
use crate::messages::{Consumed, Signal, SignalBatch};

/// The topic of signals.
pub(crate) const TOPIC: &str = "trading-signals";

/// Where the consumer takes records.
pub(crate) const DELIVERY: &str = "/api/v1/signals";

const ATTEMPTS: u32 = 3;
const NOT_LEADER_SHARE: f64 = 0.03;

/// Publishes signals.
pub(crate) struct Producer {
    broker: Client,
    duration: Histogram,
    success: Counter,
    failure: Counter,
}

/// Why records were not published.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error("broker 1 is not the leader of {TOPIC}-{partition}")]
    NotLeader { partition: usize },
    #[error("{TOPIC} does not take the records")]
    NotDelivered(#[from] CallError),
}

impl PublishError {
    /// What the broker refuses, it will refuse again.
    fn is_transient(&self) -> bool {
        !matches!(self, Self::NotDelivered(CallError::Refused { status: 400..500, .. }))
    }
}

impl Producer {
    pub(crate) fn new(broker: Client) -> Self {
        let counter = |name, description| {
            let counter = tripod::counter(name).description(description).build();
            // A counter that starts at zero shows its first increase, too.
            counter.add(0, &[]);
            counter
        };
        Self {
            broker,
            duration: tripod::histogram("kafka_publish_duration_seconds")
                .unit("s")
                .description("How long publishing takes, with all attempts")
                .build(),
            success: counter("kafka_publish_success_total", "Batches published"),
            failure: counter("kafka_publish_failure_total", "Batches not published after all attempts"),
        }
    }

    /// Publishes a batch, in several attempts if it must.
    pub(crate) async fn publish(&self, batch: &SignalBatch, chance: &mut Chance) -> Result<(), PublishError> {
        let span = SpanBuilder::new(format!("send {TOPIC}"))
            .kind(SpanKind::PRODUCER)
            .attribute("messaging.system", "kafka")
            .attribute("messaging.operation.type", "send")
            .attribute("messaging.destination.name", TOPIC)
            .attribute("messaging.batch.message_count", batch.signals.len() as i64)
            .start();
        let publish = async {
            let started = Instant::now();
            let result = self.attempt(batch, chance).await;
            self.duration.record(started.elapsed().as_secs_f64(), &[]);
            match &result {
                Ok(()) => self.success.inc(&[]),
                Err(error) => {
                    self.failure.inc(&[]);
                    tripod::current().record_error(error);
                }
            }
            result
        };
        publish.in_span(span).await
    }

    async fn attempt(&self, batch: &SignalBatch, chance: &mut Chance) -> Result<(), PublishError> {
        let mut attempt = 1;
        loop {
            match self.send(batch, chance).await {
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

    async fn send(&self, batch: &SignalBatch, chance: &mut Chance) -> Result<(), PublishError> {
        sleep(chance.takes_millis(3.0)).await;
        if chance.happens(NOT_LEADER_SHARE) {
            return Err(PublishError::NotLeader { partition: chance.count(0, 2) });
        }
        let consumed: Consumed = self.broker.post(DELIVERY, DELIVERY, batch).await?;
        tripod::current().set_attribute("messaging.kafka.offset", consumed.offset as i64);
        Ok(())
    }
}

/// Consumes signals.
pub(crate) struct Consumer {
    next: AtomicU64,
    lag: Gauge,
    offset: Gauge,
}

impl Consumer {
    pub(crate) fn new() -> Self {
        Self {
            next: AtomicU64::new(0),
            lag: tripod::gauge("kafka_consumer_lag_seconds")
                .unit("s")
                .description("How old the oldest signal of the last batch was")
                .build(),
            offset: tripod::gauge("kafka_consumer_offset").description("Offset of the last signal consumed").build(),
        }
    }

    /// Notes that a batch was consumed; answers the offset of its last signal.
    pub(crate) fn consumed(&self, signals: &[Signal]) -> u64 {
        let count = signals.len() as u64;
        let offset = self.next.fetch_add(count, Ordering::Relaxed) + count.saturating_sub(1);
        let lag = signals.iter().map(Signal::age).max().unwrap_or_default();
        self.lag.set(lag.as_secs_f64(), &[]);
        self.offset.set(offset as f64, &[]);
        offset
    }
}

/// The span in which a batch is processed: linked to each span that made one of its signals.
pub(crate) fn processing(batch: &SignalBatch) -> tripod::Span {
    let mut span = SpanBuilder::new(format!("process {TOPIC}"))
        .kind(SpanKind::CONSUMER)
        .attribute("messaging.system", "kafka")
        .attribute("messaging.operation.type", "process")
        .attribute("messaging.destination.name", TOPIC)
        .attribute("messaging.consumer.group.name", "trigger-dispatcher")
        .attribute("messaging.batch.message_count", batch.signals.len() as i64);
    for signal in &batch.signals {
        span = span.link(propagation::extract(&signal.headers).span);
    }
    span.start()
}
