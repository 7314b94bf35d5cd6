//! Kafka: what is published, and how far consumers are behind.

use std::sync::Arc;
use std::time::Duration;

use super::set::metric_set;
use super::under_way::UnderWay;
use crate::labels;

metric_set! {
    /// The metrics of Kafka.
    "kafka" {
        publish_duration: Histogram = "kafka_publish_duration_seconds" [topic] "s" "How long publishing takes, until the broker has confirmed";
        publish_success: Counter = "kafka_publish_success_total" [topic] "" "Messages published";
        publish_failure: Counter = "kafka_publish_failure_total" [topic] "" "Messages that could not be published";
        consumer_lag: Gauge = "kafka_consumer_lag_seconds" [topic, partition] "s" "Age of the last message consumed";
        consumer_offset: Gauge = "kafka_consumer_offset" [topic, partition] "" "Offset of the last message consumed";
    }
}

/// A topic of Kafka's.
///
/// ```
/// # use std::time::Duration;
/// let signals = tripod::catalog::kafka::Topic::new("signals");
/// signals.publish().success();
/// signals.consumed(0, 1_042, Duration::from_millis(35));
/// ```
#[derive(Clone)]
pub struct Topic {
    topic: Arc<str>,
    metrics: &'static Metrics,
}

impl Topic {
    /// The topic of this name.
    pub fn new(topic: impl Into<Arc<str>>) -> Self {
        Self { topic: topic.into(), metrics: Metrics::get() }
    }

    /// A message is sent. It ends with [`Publish::success`] or [`Publish::failure`]; dropped, it has failed.
    pub fn publish(&self) -> Publish<'_> {
        Publish { topic: &self.topic, metrics: self.metrics, under_way: UnderWay::now() }
    }

    /// A message has been consumed: from which partition, at which offset, how long after it was written.
    pub fn consumed(&self, partition: i32, offset: i64, lag: Duration) {
        self.metrics.consumed(&self.topic, partition, offset, lag);
    }
}

impl Metrics {
    /// A message was published, or could not be.
    pub(crate) fn published(&self, topic: &str, succeeded: bool, took: Duration) {
        let counter = if succeeded { &self.publish_success } else { &self.publish_failure };
        counter.inc(labels!(topic));
        self.publish_duration.record(took.as_secs_f64(), labels!(topic));
    }

    pub(crate) fn consumed(&self, topic: &str, partition: i32, offset: i64, lag: Duration) {
        self.consumer_offset.set(offset as f64, labels!(topic, partition));
        self.consumer_lag.set(lag.as_secs_f64(), labels!(topic, partition));
    }
}

/// A message that is sent.
#[must_use = "a message whose sending is dropped counts as failed"]
pub struct Publish<'a> {
    topic: &'a str,
    metrics: &'static Metrics,
    under_way: UnderWay,
}

impl Publish<'_> {
    /// The broker has it.
    pub fn success(mut self) {
        self.end(true);
    }

    /// It could not be sent.
    pub fn failure(mut self) {
        self.end(false);
    }

    fn end(&mut self, succeeded: bool) {
        if let Some(took) = self.under_way.end() {
            self.metrics.published(self.topic, succeeded, took);
        }
    }
}

impl Drop for Publish<'_> {
    fn drop(&mut self) {
        self.end(false);
    }
}
