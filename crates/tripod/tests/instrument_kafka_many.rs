//! Many messages between several threads, over librdkafka's mock cluster: each is a span and a count wherever it passes.
#![cfg(not(loom))]

mod common;
#[path = "common/points.rs"]
mod points;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::telemetry_with;
use points::total;
use rdkafka::consumer::Consumer as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tripod::instrument::kafka::{BaseConsumer, ThreadedProducer};
use tripod::{Batch, ExportError, Exported, Exporter, Signal};
use tripod_wire::otlp::TracesData;
use tripod_wire::proto::Message as _;

const THREADS: i32 = 4;
const EACH: usize = 25_000;
const TOPIC: &str = "many";

/// Counts spans by name, and those of them that are linked.
#[derive(Clone, Default)]
struct Counted(Arc<Mutex<HashMap<String, (usize, usize)>>>);

impl Exporter for Counted {
    fn name(&self) -> &'static str {
        "counted"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        if batch.signal == Signal::Traces {
            let data = TracesData::decode(&batch.body).unwrap();
            let scopes = data.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            let mut counted = self.0.lock().unwrap();
            for span in scopes.flat_map(|scope| scope.spans) {
                let (spans, linked) = counted.entry(span.name).or_default();
                *spans += 1;
                *linked += span.links.len();
            }
        }
        Ok(Exported::default())
    }
}

#[test]
fn each_of_many_messages_is_a_span_and_a_count_wherever_it_passes() {
    let counted = Counted::default();
    let memory = 1 << 30;
    // Room for all, so that nothing has to be dropped while the machine is busy.
    let telemetry =
        telemetry_with(|builder| builder.exporter(counted.clone()).record_memory(memory).queue_memory(memory));
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic(TOPIC, THREADS, 1).unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", mock.bootstrap_servers()).set("group.id", "group").set("fetch.wait.max.ms", "10");
    config.set("enable.auto.commit", "false").set("queue.buffering.max.messages", "200000").set("linger.ms", "5");

    let producer: ThreadedProducer = config.create().unwrap();
    thread::scope(|scope| {
        for partition in 0..THREADS {
            let (producer, config) = (&producer, &config);
            scope.spawn(move || {
                for _ in 0..EACH {
                    let record = BaseRecord::<str, str>::to(TOPIC).partition(partition).payload("payload");
                    producer.send(record).map_err(|(error, _)| error).unwrap();
                }
            });
            scope.spawn(move || {
                let consumer: BaseConsumer = config.create().unwrap();
                let mut assigned = TopicPartitionList::new();
                assigned.add_partition_offset(TOPIC, partition, Offset::Beginning).unwrap();
                consumer.assign(&assigned).unwrap();
                for message in consumer.iter().take(EACH) {
                    consumer.process_sync(&message.unwrap(), || ());
                }
            });
        }
    });
    producer.flush(Duration::from_secs(120)).unwrap();

    telemetry.flush_all();
    let all = THREADS as usize * EACH;
    let spans = telemetry.stats().spans;
    assert_eq!((spans.created, spans.refused, spans.nested, spans.late), (3 * all as u64, 0, 0, 0));
    let counted = counted.0.lock().unwrap();
    for (name, linked) in [("send many", 0), ("poll many", all), ("process many", all)] {
        assert_eq!(counted.get(name), Some(&(all, linked)), "{name}");
    }
    let of_topic = |metric, operation| {
        total(&telemetry, metric, &[("messaging.destination.name", TOPIC), ("messaging.operation.name", operation)])
    };
    for (metric, operation) in [
        ("messaging.client.sent.messages", "send"),
        ("messaging.client.operation.duration", "send"),
        ("messaging.client.consumed.messages", "poll"),
        ("messaging.client.operation.duration", "poll"),
        ("messaging.process.duration", "process"),
    ] {
        assert_eq!(of_topic(metric, operation), all as f64, "{metric} of {operation}");
    }
}
