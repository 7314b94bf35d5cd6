//! How far a consumer is behind: asked for at each collection, so that consuming costs nothing for it but a timestamp.
//!
//! Where the consumer stands and where the partition ends, librdkafka knows without a request: its own position, and what brokers say
//! with each fetch. Partitions that are assigned to the consumer are reported, and no others: after a rebalance they are its new ones.

use std::collections::HashMap;
use std::ffi::CString;
use std::hash::BuildHasher;
use std::process;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use foldhash::fast::FixedState;
use rdkafka::consumer::{self, ConsumerContext};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Message, Offset, bindings};

use super::process::Observer;
use crate::instrument::messaging::Attributes;
use crate::metrics::{BatchObserver, ObservationGuard, observe_batch};
use crate::{Gauge, Value, gauge};

/// Reports the lag of a consumer until it is dropped.
pub(super) struct Lag {
    watched: Arc<Mutex<Option<Watched>>>,
    _observation: ObservationGuard,
}

/// A consumer that is asked for its lag. Under a lock, so that it is not asked while it is dropped, nor dropped by who asks: that would
/// have the thread that collects leave the consumer's group.
struct Watched {
    ask: Box<Ask>,
    observer: Arc<Observer>,
    seen: Arc<Seen>,
    /// A forked child has none of librdkafka's threads, and would wait for their answer.
    process: u32,
}

/// Calls back with each partition that is assigned.
type Ask = dyn Fn(&mut Report<'_>) + Send + Sync;

/// Takes a partition: its topic, its number, the offset of the message that comes next, and that of the one that will be written next,
/// if known.
type Report<'a> = dyn FnMut(&str, i32, i64, Option<i64>) + 'a;

impl Lag {
    pub(super) fn watch<T, C>(consumer: &Arc<T>, observer: &Arc<Observer>, seen: &Arc<Seen>) -> Self
    where
        T: consumer::Consumer<C> + Send + Sync + 'static,
        C: ConsumerContext,
    {
        let consumer = Arc::clone(consumer);
        let ask = Box::new(move |report: &mut Report<'_>| positions(&*consumer, report));
        let gauges = Gauges::chosen(observer);
        let (observer, seen) = (Arc::clone(observer), Arc::clone(seen));
        let watched = Arc::new(Mutex::new(Some(Watched { ask, observer, seen, process: process::id() })));
        let asked = Arc::clone(&watched);
        let observation = observe_batch(move |batch| {
            // Not waited for: who holds it drops the consumer, or was left behind in the process that forked.
            if let Ok(watched) = asked.try_lock()
                && let Some(watched) = &*watched
                && watched.process == process::id()
            {
                watched.report(&gauges, batch);
            }
        });
        Self { watched, _observation: observation.until_dropped() }
    }

    /// What is known of the consumer has changed.
    pub(super) fn tell(&self, observer: &Arc<Observer>) {
        if let Some(watched) = self.watched.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            watched.observer = Arc::clone(observer);
        }
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(watched);
    }
}

impl Watched {
    fn report(&self, gauges: &Gauges, batch: &BatchObserver<'_>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
        let mut partitions: HashMap<(String, i32), Behind> = HashMap::new();
        let client = &self.observer.client;
        (self.ask)(&mut |topic, partition, next, end| {
            let messages = end.map(|end| (end - next).max(0));
            let seconds = match (messages, self.seen.timestamp(topic, partition)) {
                (Some(0), _) => Some(0.0),
                (_, Some(consumed)) => Some((now - consumed).max(0) as f64 / 1e3),
                (_, None) => None,
            };
            let destination = client.destination(topic);
            let key = destination.key_and_label().0;
            let last = Some(next - 1).filter(|_| destination.template.is_none());
            let this = Behind { key, messages, seconds, last };
            partitions.entry((destination.label().to_owned(), partition)).or_insert(Behind::none(key)).add(&this);
        });
        for ((label, partition), behind) in &partitions {
            gauges.report(batch, client.group(), label, *partition, behind);
        }
    }
}

/// How far behind a consumer is in a partition; in the partitions of one number, where several topics are called by one template.
struct Behind {
    /// The conventions' key of the topic's label.
    key: &'static str,
    messages: Option<i64>,
    seconds: Option<f64>,
    /// The offset of the last message consumed: of several topics there is none to speak of.
    last: Option<i64>,
}

impl Behind {
    fn none(key: &'static str) -> Self {
        Self { key, messages: None, seconds: None, last: None }
    }

    /// Counts another topic in: lags in messages add up, in time the longest counts.
    fn add(&mut self, other: &Self) {
        self.messages = self.messages.map_or(other.messages, |sum| Some(sum + other.messages.unwrap_or(0)));
        self.seconds = self.seconds.map_or(other.seconds, |longest| Some(longest.max(other.seconds.unwrap_or(0.0))));
        self.last = self.last.or(other.last);
    }
}

/// Where lags are reported. The conventions have no names for them; ours follow those that OpenTelemetry's agents give to the metrics
/// of Kafka's own consumer.
struct Gauges {
    messages: Gauge,
    seconds: Gauge,
    offset: Gauge,
    /// Whether the labels are the catalogue's.
    of_catalog: bool,
}

impl Gauges {
    fn chosen(observer: &Observer) -> Self {
        let messages = gauge("kafka.consumer.records_lag")
            .unit("{record}")
            .description("Messages between the last one consumed and the end of the partition")
            .build();
        if let Some(catalog) = observer.metrics.catalog() {
            let (seconds, offset) = (catalog.consumer_lag.clone(), catalog.consumer_offset.clone());
            return Self { messages, seconds, offset, of_catalog: true };
        }
        let seconds = gauge("kafka.consumer.time_lag")
            .unit("s")
            .description("Age of the last message consumed; zero when there is none after it")
            .build();
        let offset = gauge("kafka.consumer.offset").description("Offset of the last message consumed").build();
        Self { messages, seconds, offset, of_catalog: false }
    }

    fn report(&self, batch: &BatchObserver<'_>, group: Option<&str>, label: &str, partition: i32, behind: &Behind) {
        let mut labels = Attributes::new();
        if self.of_catalog {
            labels.push("topic", Value::Str(label));
            labels.push("partition", Value::Display(&partition));
        } else {
            labels.push(behind.key, Value::Str(label));
            labels.push("messaging.destination.partition.id", Value::Display(&partition));
            labels.maybe("messaging.consumer.group.name", group);
        }
        if let Some(messages) = behind.messages {
            batch.observe(&self.messages, messages as f64, &labels);
        }
        if let Some(seconds) = behind.seconds {
            batch.observe(&self.seconds, seconds, &labels);
        }
        if let Some(last) = behind.last {
            batch.observe(&self.offset, last as f64, &labels);
        }
    }
}

/// Where a consumer stands in the partitions that it has, by what librdkafka knows.
fn positions<T, C>(consumer: &T, report: &mut Report<'_>)
where
    T: consumer::Consumer<C>,
    C: ConsumerContext,
{
    let Ok(positions) = consumer.position() else { return };
    for element in positions.elements() {
        // Before its first message, the consumer stands nowhere.
        if let Offset::Offset(next) = element.offset() {
            let (topic, partition) = (element.topic(), element.partition());
            report(topic, partition, next, end_of(consumer.client(), topic, partition));
        }
    }
}

/// The offset that a partition's next message will have, as the last fetch told. No request is made.
fn end_of<C: ClientContext>(client: &rdkafka::client::Client<C>, topic: &str, partition: i32) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client's handle is valid as long as the client, which is borrowed; the name is a C string that outlives the call;
    // both pointers are to numbers of the type that is written.
    let error = unsafe {
        let client = client.native_ptr();
        bindings::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &raw mut low, &raw mut high)
    };
    // Before the first fetch it is negative.
    (error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// When the last message that was consumed of each partition had been written.
///
/// A table that only grows, so that it is read without a lock. It holds the first [`BUCKETS`] times [`DEPTH`] partitions that a consumer
/// meets, about; of further ones the lag in time is not reported.
pub(super) struct Seen {
    buckets: [OnceLock<Box<Partition>>; BUCKETS],
}

const BUCKETS: usize = 256;
const DEPTH: usize = 16;

struct Partition {
    topic: Box<str>,
    number: i32,
    /// Milliseconds since 1970; `NONE` before there is one.
    timestamp: AtomicI64,
    next: OnceLock<Box<Partition>>,
}

const NONE: i64 = i64::MIN;

impl Default for Seen {
    fn default() -> Self {
        Self { buckets: [const { OnceLock::new() }; BUCKETS] }
    }
}

impl Seen {
    /// A message was consumed.
    pub(super) fn note(&self, message: &impl Message) {
        let Some(timestamp) = message.timestamp().to_millis() else { return };
        let (topic, number) = (message.topic(), message.partition());
        let add = || Box::new(Partition { topic: topic.into(), number, timestamp: NONE.into(), next: OnceLock::new() });
        let mut place = self.bucket(topic, number);
        for _ in 0..DEPTH {
            let partition = place.get_or_init(add);
            if partition.is(topic, number) {
                return partition.timestamp.store(timestamp, Ordering::Relaxed);
            }
            place = &partition.next;
        }
    }

    fn timestamp(&self, topic: &str, number: i32) -> Option<i64> {
        let mut place = self.bucket(topic, number);
        while let Some(partition) = place.get() {
            if partition.is(topic, number) {
                return Some(partition.timestamp.load(Ordering::Relaxed)).filter(|timestamp| *timestamp != NONE);
            }
            place = &partition.next;
        }
        None
    }

    fn bucket(&self, topic: &str, number: i32) -> &OnceLock<Box<Partition>> {
        &self.buckets[FixedState::default().hash_one((topic, number)) as usize % BUCKETS]
    }
}

impl Partition {
    fn is(&self, topic: &str, number: i32) -> bool {
        self.number == number && *self.topic == *topic
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::OwnedMessage;

    use super::*;

    fn message(topic: &str, partition: i32, timestamp: Timestamp) -> OwnedMessage {
        OwnedMessage::new(None, None, topic.to_owned(), timestamp, partition, 0, None)
    }

    #[test]
    fn the_last_timestamp_of_each_partition_is_kept() {
        let seen = Seen::default();
        for partition in 0..1000 {
            seen.note(&message("a", partition, Timestamp::CreateTime(i64::from(partition))));
            seen.note(&message("b", partition, Timestamp::LogAppendTime(7)));
        }
        seen.note(&message("a", 3, Timestamp::CreateTime(2000)));
        seen.note(&message("a", 3, Timestamp::NotAvailable));
        assert_eq!(seen.timestamp("a", 3), Some(2000));
        assert_eq!(seen.timestamp("a", 999), Some(999));
        assert_eq!(seen.timestamp("b", 999), Some(7));
        assert_eq!((seen.timestamp("a", 1000), seen.timestamp("c", 0)), (None, None));
    }

    #[test]
    fn the_table_is_bounded() {
        let seen = Seen::default();
        for partition in 0..20_000 {
            seen.note(&message("a", partition, Timestamp::CreateTime(1)));
        }
        let kept = (0..20_000).filter(|partition| seen.timestamp("a", *partition).is_some()).count();
        assert!(kept <= BUCKETS * DEPTH && kept > BUCKETS * DEPTH / 2, "{kept}");
    }

    #[test]
    fn topics_under_one_template_are_added_up() {
        let mut all = Behind::none("messaging.destination.template");
        for (messages, seconds) in [(Some(3), Some(0.5)), (None, None), (Some(4), Some(0.25))] {
            all.add(&Behind { key: all.key, messages, seconds, last: None });
        }
        assert_eq!((all.messages, all.seconds, all.last), (Some(7), Some(0.5), None));
    }
}
