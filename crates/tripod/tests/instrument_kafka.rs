//! Kafka's producers and consumers on librdkafka's mock cluster.
#![cfg(not(loom))]

mod common;
#[path = "common/points.rs"]
mod points;

use std::sync::mpsc;
use std::time::Duration;

use common::{Telemetry, attribute, telemetry};
use points::{named, text, total};
use rdkafka::bindings::{self, rd_kafka_vtype_t};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{
    BaseRecord, DefaultProducerContext, DeliveryResult, FutureRecord, Producer as _, ProducerContext,
};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use tripod::instrument::kafka::{
    self, BaseConsumer, BaseProducer, FutureProducer, ProcessParent, StreamConsumer, ThreadedProducer,
};
use tripod::instrument::{MetricNames, set_metric_names};
use tripod::{InSpanExt, SpanKind, StatusCode};
use tripod_wire::SpanId;
use tripod_wire::otlp::{AnyValue, Span};

/// A cluster of one broker with a topic.
struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
    topic: &'static str,
}

impl Cluster {
    fn new(topic: &'static str, partitions: i32) -> Self {
        let mock = MockCluster::new(1).unwrap();
        mock.create_topic(topic, partitions, 1).unwrap();
        Self { mock, topic }
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.mock.bootstrap_servers()).set("client.id", "tester");
        config
    }

    fn for_group(&self, group: &str) -> ClientConfig {
        let mut config = self.config();
        config
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "10");
        config
    }

    fn producer(&self) -> FutureProducer {
        self.config().create().unwrap()
    }

    /// Has the topic's first partition; to join the group takes the mock cluster three seconds.
    fn consumer(&self) -> StreamConsumer {
        let consumer: StreamConsumer = self.for_group("group").create().unwrap();
        consumer.assign(&first_of(self.topic)).unwrap();
        consumer
    }

    fn member(&self) -> StreamConsumer {
        let consumer: StreamConsumer = self.for_group("group").create().unwrap();
        consumer.subscribe(&[self.topic]).unwrap();
        consumer
    }

    fn record(&self) -> FutureRecord<'static, str, str> {
        FutureRecord::to(self.topic).key("key").payload("payload")
    }

    async fn send(&self, producer: &FutureProducer, messages: usize) {
        for _ in 0..messages {
            producer.send(self.record(), Timeout::Never).await.unwrap();
        }
    }
}

/// The first partition of a topic, from its beginning.
fn first_of(topic: &str) -> TopicPartitionList {
    let mut first = TopicPartitionList::new();
    first.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    first
}

fn linked(span: &Span) -> Vec<SpanId> {
    span.links.iter().map(|link| link.span_id).collect()
}

fn of_topic(telemetry: &Telemetry, metric: &str, topic: &str) -> f64 {
    total(telemetry, metric, &[("messaging.destination.name", topic)])
}

#[tokio::test]
async fn a_trace_goes_from_a_producer_over_a_consumer_to_the_next() {
    let telemetry = telemetry();
    let cluster = Cluster::new("first", 1);
    cluster.mock.create_topic("second", 1, 1).unwrap();
    let (producer, consumer) = (cluster.producer(), cluster.consumer());
    let next: StreamConsumer = cluster.for_group("next").create().unwrap();
    next.assign(&first_of("second")).unwrap();

    let request = async { producer.send(cluster.record(), Timeout::Never).await.unwrap() };
    request.in_span(tripod::async_span!("request")).await;
    let message = consumer.recv().await.unwrap();
    let forward = async {
        let record = FutureRecord::<(), _>::to("second").payload(message.payload().unwrap());
        producer.send(record, Timeout::Never).await.map(|_| ()).map_err(|(error, _)| error)
    };
    consumer.process(&message, forward).await.unwrap();
    let forwarded = next.recv().await.unwrap();
    next.process(&forwarded, async { tripod::span!("work").end() }).await;

    let outline = telemetry.memory();
    telemetry.flush();
    let request = outline.span("request").unwrap();
    let trace: Vec<_> = outline.spans_of(request.trace_id).into_iter().map(|span| (span.name, span.kind)).collect();
    let expected = [
        ("request", SpanKind::INTERNAL),
        ("send first", SpanKind::PRODUCER),
        ("process first", SpanKind::CONSUMER),
        ("send second", SpanKind::PRODUCER),
        ("process second", SpanKind::CONSUMER),
        ("work", SpanKind::INTERNAL),
    ];
    assert_eq!(trace, expected.map(|(name, kind)| (name.to_owned(), kind)));
    for (child, parent) in
        [("send first", "request"), ("process first", "send first"), ("send second", "process first")]
    {
        assert_eq!(telemetry.span(child).parent_span_id, telemetry.span(parent).span_id, "{child} in {parent}");
    }
    for (receiving, sending) in [("poll first", "send first"), ("process second", "send second")] {
        assert_eq!(linked(&telemetry.span(receiving)), [telemetry.span(sending).span_id], "{receiving} to {sending}");
    }
    assert_eq!(telemetry.span("poll first").kind, SpanKind::CLIENT);
    assert_eq!(telemetry.span("poll first").parent_span_id, SpanId::NONE);
}

#[tokio::test]
async fn spans_say_where_a_message_went_and_what_it_was() {
    let telemetry = telemetry();
    let cluster = Cluster::new("described", 1);
    let (producer, consumer) = (cluster.producer().record_keys(true), cluster.consumer());
    cluster.send(&producer, 2).await;
    consumer.recv().await.unwrap();
    let second = consumer.recv().await.unwrap();
    consumer.process(&second, async {}).await;
    consumer.commit_message(&second, CommitMode::Sync).unwrap();
    let tombstone = FutureRecord::<[u8], ()>::to("described").key(&[0xff]);
    producer.send(tombstone, Timeout::Never).await.unwrap();

    let servers = cluster.mock.bootstrap_servers();
    let (address, port) = servers.split_once(':').unwrap();
    let common = [
        ("messaging.system", "kafka"),
        ("messaging.client.id", "tester"),
        ("server.address", address),
        ("server.port", port),
    ];
    let of_message = [
        ("messaging.destination.name", "described"),
        ("messaging.destination.partition.id", "0"),
        ("messaging.kafka.offset", "1"),
        ("messaging.message.body.size", "7"),
    ];
    for (name, class, key, group) in [
        ("send", "send", "key", ""),
        ("poll", "receive", "", "group"),
        ("process", "process", "", "group"),
        ("commit", "settle", "", "group"),
    ] {
        let spans = named(&telemetry, &format!("{name} described"));
        let span = spans.iter().find(|span| text(&span.attributes, "messaging.kafka.offset") == "1").unwrap();
        let own = [
            ("messaging.operation.name", name),
            ("messaging.operation.type", class),
            ("messaging.kafka.message.key", key),
            ("messaging.consumer.group.name", group),
        ];
        for (key, value) in common.into_iter().chain(of_message).chain(own) {
            assert_eq!(text(&span.attributes, key), value, "{key} of {name}");
        }
        assert_eq!(span.status.code, StatusCode::UNSET);
        assert!(matches!(attribute(&span.attributes, "messaging.destination.partition.id"), AnyValue::String(_)));
    }
    let tombstone = &named(&telemetry, "send described")[2].attributes;
    assert_eq!(text(tombstone, "messaging.kafka.message.tombstone"), "true");
    assert_eq!(text(tombstone, "messaging.message.body.size"), "");
    assert_eq!(text(tombstone, "messaging.kafka.message.key"), "", "a key that is no text");
}

#[tokio::test]
async fn headers_of_the_user_are_kept_and_a_stale_context_is_replaced() {
    let telemetry = telemetry();
    let cluster = Cluster::new("headers", 1);
    let (producer, consumer) = (cluster.producer(), cluster.consumer());
    let stale = "00-00000000000000000000000000000001-0000000000000001-01";
    let headers = OwnedHeaders::new()
        .insert(Header { key: "tenant", value: Some("acme") })
        .insert(Header { key: "TraceParent", value: Some(stale) })
        .insert(Header { key: "tracestate", value: Some("old=1") })
        .insert(Header { key: "tenant", value: Some("twice") })
        .insert(Header { key: "empty", value: None::<&str> });
    producer.send(cluster.record().headers(headers), Timeout::Never).await.unwrap();
    let message = consumer.recv().await.unwrap();

    let sent = telemetry.span("send headers");
    let found: Vec<_> = message.headers().unwrap().iter().map(|header| (header.key, header.value)).collect();
    let fresh = format!("00-{}-{}-03", sent.trace_id, sent.span_id); // sampled, and of a random id
    let expected = [
        ("tenant", Some(&b"acme"[..])),
        ("tenant", Some(b"twice")),
        ("empty", None),
        ("traceparent", Some(fresh.as_bytes())),
    ];
    assert_eq!(found, expected);
    assert_eq!(kafka::extract(&message).span.span_id, sent.span_id);
}

#[tokio::test]
async fn baggage_travels_with_the_message() {
    let telemetry = telemetry();
    let cluster = Cluster::new("baggage", 1);
    let (producer, consumer) = (cluster.producer(), cluster.consumer());
    let mut baggage = tripod::Baggage::default();
    baggage.set("tenant", "acme");
    let send = producer.send(cluster.record(), Timeout::Never);
    send.in_context(tripod::Context::default().with_baggage(baggage)).await.unwrap();
    let message = consumer.recv().await.unwrap();
    let tenant = async { Some(tripod::Context::current().baggage?.get("tenant")?.to_owned()) };
    assert_eq!(consumer.process(&message, tenant).await.as_deref(), Some("acme"));
    drop(telemetry);
}

#[test]
fn without_telemetry_the_context_is_passed_on() {
    let _turn = common::turn();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let cluster = Cluster::new("passed_on", 1);
        let (producer, consumer) = (cluster.producer(), cluster.consumer());
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context = tripod::propagation::extract(&vec![("traceparent".to_owned(), parent.to_owned())]);
        producer.send(cluster.record(), Timeout::Never).in_context(context.clone()).await.unwrap();
        let message = consumer.recv().await.unwrap();
        assert_eq!(kafka::extract(&message).span, context.span);
        let within = consumer.process(&message, async { Some(tripod::Context::current()) }).await.unwrap();
        assert_eq!(within.span, context.span);
    });
}

#[tokio::test]
async fn a_delivery_that_fails_is_recorded_with_its_code() {
    let telemetry = telemetry();
    let cluster = Cluster::new("failing", 1);
    let producer = cluster.producer();
    let errors = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE];
    cluster.mock.request_errors(RDKafkaApiKey::Produce, &errors);
    let (error, _) = producer.send(cluster.record(), Timeout::Never).await.unwrap_err();
    assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::MessageSizeTooLarge));
    producer.send(cluster.record(), Timeout::Never).await.unwrap();

    let spans = named(&telemetry, "send failing");
    assert_eq!(text(&spans[0].attributes, "error.type"), "MessageSizeTooLarge");
    assert_eq!((spans[0].status.code, spans[1].status.code), (StatusCode::ERROR, StatusCode::UNSET));
    assert_eq!(text(&spans[0].attributes, "messaging.kafka.offset"), "");
    for (error_type, expected) in [("MessageSizeTooLarge", 1.0), ("", 1.0)] {
        let labels = [("messaging.destination.name", "failing"), ("error.type", error_type)];
        assert_eq!(total(&telemetry, "messaging.client.sent.messages", &labels), expected, "{error_type}");
        assert_eq!(total(&telemetry, "messaging.client.operation.duration", &labels), expected, "{error_type}");
    }
    let of_type = |metric| {
        total(&telemetry, metric, &[("messaging.destination.name", "failing"), ("messaging.operation.type", "send")])
    };
    assert_eq!(of_type("messaging.client.operation.duration"), 2.0);
    assert_eq!(of_type("messaging.client.sent.messages"), 0.0, "the conventions do not have it there");
}

#[tokio::test]
async fn a_message_that_is_not_taken_is_given_back_and_counted() {
    let telemetry = telemetry();
    let cluster = Cluster::new("refused", 1);
    let producer: FutureProducer = cluster.config().set("message.max.bytes", "1000").create().unwrap();
    let large = "x".repeat(2000);
    let record = FutureRecord::to("refused").key("key").payload(&large);
    let Err((error, record)) = producer.send_result(record) else { panic!("it is too large") };
    assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge));
    assert_eq!(record.key, Some("key"));
    assert_eq!(text(&telemetry.span("send refused").attributes, "error.type"), "MessageSizeTooLarge");
    assert_eq!(of_topic(&telemetry, "messaging.client.sent.messages", "refused"), 1.0);
}

#[tokio::test]
async fn a_send_that_is_dropped_is_counted_once() {
    let telemetry = telemetry();
    let cluster = Cluster::new("dropped", 1);
    let producer = cluster.producer();
    cluster.mock.broker_round_trip_time(-1, Duration::from_secs(1)).unwrap();
    {
        let mut sending = Box::pin(producer.send(cluster.record(), Timeout::Never));
        assert!(std::future::poll_fn(|task| std::task::Poll::Ready(sending.as_mut().poll(task).is_pending())).await);
        drop(producer.send_result(cluster.record()).unwrap());
        drop(producer.send(cluster.record(), Timeout::Never)); // never begun
    }
    let spans = named(&telemetry, "send dropped");
    assert_eq!(spans.len(), 2);
    for span in spans {
        assert_eq!(
            (text(&span.attributes, "error.type"), span.status.code),
            ("cancelled".to_owned(), StatusCode::ERROR)
        );
    }
    cluster.mock.broker_round_trip_time(-1, Duration::ZERO).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
    assert_eq!(of_topic(&telemetry, "messaging.client.sent.messages", "dropped"), 2.0);
    assert_eq!(of_topic(&telemetry, "messaging.client.operation.duration", "dropped"), 2.0);
}

/// Tells of each delivery.
struct Told(mpsc::SyncSender<(usize, bool)>);

impl ClientContext for Told {}

impl ProducerContext for Told {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<usize>) {
        self.0.send((*number, result.is_ok())).unwrap();
    }
}

#[test]
fn producers_with_callbacks_end_their_spans_when_the_delivery_is_reported() {
    let telemetry = telemetry();
    let cluster = Cluster::new("callbacks", 1);
    let (told, deliveries) = mpsc::sync_channel(10);
    let threaded: ThreadedProducer<Told> = cluster.config().create_with_context(Told(told.clone())).unwrap();
    let base: BaseProducer<Told> =
        cluster.config().set("message.max.bytes", "1000").create_with_context(Told(told)).unwrap();
    let record = |number| BaseRecord::with_opaque_to("callbacks", Box::new(number)).key("key").payload("payload");

    tripod::in_span("caller", || threaded.send(record(1)).unwrap());
    assert_eq!(deliveries.recv().unwrap(), (1, true));
    cluster.mock.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    base.send(record(2)).unwrap();
    base.flush(Duration::from_secs(30)).unwrap();
    assert_eq!(deliveries.recv().unwrap(), (2, false));
    let large = "x".repeat(2000);
    let (_, refused) = base.send(record(3).payload(&large)).unwrap_err();
    assert_eq!((*refused.delivery_opaque, refused.payload), (3, Some(&*large)));

    let spans = named(&telemetry, "send callbacks");
    let errors: Vec<_> = spans.iter().map(|span| text(&span.attributes, "error.type")).collect();
    assert_eq!(errors, ["", "MessageSizeTooLarge", "MessageSizeTooLarge"]);
    assert_eq!(spans[0].parent_span_id, telemetry.span("caller").span_id);
    assert_eq!(text(&spans[0].attributes, "messaging.kafka.offset"), "0");
    assert_eq!(of_topic(&telemetry, "messaging.client.sent.messages", "callbacks"), 3.0);
}

#[tokio::test]
async fn processing_that_fails_panics_or_is_dropped_is_measured_once() {
    let telemetry = telemetry();
    let cluster = Cluster::new("processed", 1);
    let (producer, consumer) = (cluster.producer(), cluster.consumer());
    cluster.send(&producer, 1).await;
    let message = consumer.recv().await.unwrap().detach();
    let processor = consumer.processor();

    processor.process(&message, async { Err::<(), _>("no such symbol") }).await.unwrap_err();
    processor.process_sync(&message, || "1".parse::<u32>()).unwrap();
    processor.process_sync(&message, || "x".parse::<u32>()).unwrap_err();
    {
        let mut pending = Box::pin(processor.process(&message, std::future::pending::<()>()));
        assert!(std::future::poll_fn(|task| std::task::Poll::Ready(pending.as_mut().poll(task).is_pending())).await);
    }
    let panics = {
        let (processor, message) = (processor.clone(), message.clone());
        async move { processor.process(&message, async { panic!("out of range") }).await }
    };
    let _: () = tokio::spawn(panics).await.unwrap_or_else(|error| assert!(error.is_panic()));

    let spans = named(&telemetry, "process processed");
    let errors: Vec<_> = spans.iter().map(|span| text(&span.attributes, "error.type")).collect();
    assert_eq!(errors, ["&str", "", "core::num::error::ParseIntError", "cancelled", "panic"]);
    let failed: Vec<_> = spans.iter().map(|span| span.status.code == StatusCode::ERROR).collect();
    assert_eq!(failed, [true, false, true, true, true]);
    assert_eq!(spans[0].status.message, "no such symbol");
    for error in errors {
        let labels = [("messaging.destination.name", "processed"), ("error.type", &*error)];
        assert_eq!(total(&telemetry, "messaging.process.duration", &labels), 1.0, "{error}");
    }
}

#[tokio::test]
async fn what_processing_is_a_part_of_can_be_chosen() {
    let telemetry = telemetry();
    let cluster = Cluster::new("parents", 1);
    let producer = cluster.producer();
    cluster.send(&producer, 1).await;
    let mut consumer = cluster.consumer();
    let message = consumer.recv().await.unwrap().detach();
    let sent = telemetry.span("send parents").span_id;
    for (parent, expected) in [
        (ProcessParent::CurrentOrMessage, [None, Some(false)]),
        (ProcessParent::Message, [None, None]),
        (ProcessParent::Current, [Some(true), Some(false)]),
    ] {
        telemetry.memory().clear();
        consumer = consumer.process_parent(parent);
        consumer.process(&message, async {}).await;
        let current = tripod::async_span!("current");
        let context = current.to_context();
        consumer.process(&message, async {}).in_span(current).await;
        let spans = named(&telemetry, "process parents");
        // None: the message; true: nothing; false: the current span.
        for (span, expected) in spans.iter().zip(expected) {
            let parent = match expected {
                None => sent,
                Some(true) => SpanId::NONE,
                Some(false) => context.span.span_id,
            };
            assert_eq!(span.parent_span_id, parent);
        }
        assert_eq!(linked(&spans[0]), [sent]);
        let both = if parent == ProcessParent::Message { vec![sent, context.span.span_id] } else { vec![sent] };
        assert_eq!(linked(&spans[1]), both);
    }
}

#[tokio::test]
async fn a_batch_is_one_span_with_a_link_to_each_message() {
    let telemetry = telemetry();
    let cluster = Cluster::new("batches", 1);
    let (producer, consumer) = (cluster.producer(), cluster.consumer());
    cluster.send(&producer, 3).await;
    let mut messages = Vec::new();
    while messages.len() < 3 {
        messages.push(consumer.recv().await.unwrap());
    }
    consumer.process_batch(&messages, async {}).await;
    consumer.process_batch_sync(&messages[..0], || ());

    let sent: Vec<_> = named(&telemetry, "send batches").iter().map(|span| span.span_id).collect();
    let batch = telemetry.span("process batches");
    assert_eq!(linked(&batch), sent);
    assert_eq!(batch.parent_span_id, SpanId::NONE);
    for (key, value) in [
        ("messaging.batch.message_count", "3"),
        ("messaging.destination.partition.id", "0"),
        ("messaging.kafka.offset", ""),
    ] {
        assert_eq!(text(&batch.attributes, key), value, "{key}");
    }
    assert_eq!(text(&telemetry.span("process").attributes, "messaging.batch.message_count"), "0");
    assert_eq!(of_topic(&telemetry, "messaging.process.duration", "batches"), 1.0);
}

#[tokio::test]
async fn topics_of_generated_names_are_called_by_their_template() {
    let telemetry = telemetry();
    let cluster = Cluster::new("user-17-events", 1);
    let template = "user-{id}-events";
    let producer = cluster.producer().templates([template]);
    let consumer = cluster.consumer().templates([template]);
    cluster.send(&producer, 1).await;
    let message = consumer.recv().await.unwrap();
    consumer.process(&message, async {}).await;
    for operation in ["send", "poll", "process"] {
        let span = telemetry.span(&format!("{operation} {template}"));
        assert_eq!(text(&span.attributes, "messaging.destination.name"), "user-17-events");
        assert_eq!(text(&span.attributes, "messaging.destination.template"), template);
    }
    for metric in ["messaging.client.sent.messages", "messaging.client.consumed.messages", "kafka.consumer.records_lag"]
    {
        let by =
            |name, of_template| [("messaging.destination.name", name), ("messaging.destination.template", of_template)];
        assert_eq!(points::points(&telemetry, metric, &by("", template)).len(), 1, "{metric}");
        assert_eq!(points::points(&telemetry, metric, &by("user-17-events", "")).len(), 0, "{metric}");
    }
}

#[tokio::test]
async fn receiving_is_counted_also_without_spans() {
    let telemetry = telemetry();
    let cluster = Cluster::new("without_poll", 1);
    let (producer, consumer) = (cluster.producer(), cluster.consumer().receive_spans(false));
    cluster.send(&producer, 1).await;
    consumer.recv().await.unwrap();
    assert_eq!(named(&telemetry, "poll without_poll").len(), 0);
    assert_eq!(of_topic(&telemetry, "messaging.client.consumed.messages", "without_poll"), 1.0);
}

#[test]
fn a_consumer_that_is_polled_records_what_comes_and_not_what_does_not() {
    let telemetry = telemetry();
    let cluster = Cluster::new("polled", 1);
    let producer: BaseProducer = cluster.config().create().unwrap();
    let consumer: BaseConsumer = cluster.for_group("group").set("enable.partition.eof", "true").create().unwrap();
    consumer.assign(&first_of("polled")).unwrap();
    assert!(consumer.poll(Duration::ZERO).is_none());
    producer.send(BaseRecord::<str, str>::to("polled").payload("payload")).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
    let message = consumer.iter().find_map(Result::ok).unwrap();
    consumer.process_sync(&message, || ());
    consumer.commit_consumer_state(CommitMode::Sync).unwrap();
    let mut all = TopicPartitionList::new();
    all.add_partition_offset("polled", 0, Offset::Offset(1)).unwrap();
    consumer.commit(&all, CommitMode::Sync).unwrap();
    // The end of the partition, which is told, is no failure.
    assert_eq!(consumer.iter().next().unwrap().unwrap_err(), KafkaError::PartitionEOF(0));

    let polls: Vec<_> = telemetry.spans().into_iter().filter(|span| span.name.starts_with("poll")).collect();
    assert_eq!(polls.len(), 1);
    assert_eq!((named(&telemetry, "commit").len(), named(&telemetry, "commit polled").len()), (1, 1));
    assert_eq!(of_topic(&telemetry, "messaging.client.consumed.messages", "polled"), 1.0);
}

#[tokio::test]
async fn the_lag_is_what_is_left_in_the_partition() {
    let telemetry = telemetry();
    let cluster = Cluster::new("lagging", 1);
    let (producer, consumer) = (cluster.producer(), cluster.consumer());
    let old = common::now_millis() - 60_000;
    for _ in 0..5 {
        producer.send(cluster.record().timestamp(old), Timeout::Never).await.unwrap();
    }
    let lag = |metric: &str| points::points(&telemetry, metric, &[("messaging.destination.name", "lagging")]);
    let all = || ["kafka.consumer.records_lag", "kafka.consumer.offset", "kafka.consumer.time_lag"].map(lag);
    assert_eq!(all(), [const { Vec::<f64>::new() }; 3], "before the first message it stands nowhere");
    consumer.recv().await.unwrap();
    let last = consumer.recv().await.unwrap();
    let [messages, offset, seconds] = all();
    assert_eq!((messages, offset), (vec![3.0], vec![1.0]));
    assert!((60.0..180.0).contains(&seconds[0]), "{seconds:?}");
    for _ in 0..3 {
        consumer.recv().await.unwrap();
    }
    assert_eq!(all(), [vec![0.0], vec![4.0], vec![0.0]], "who has consumed all is not behind, however old the last is");
    drop(last);
    drop(consumer);
    assert_eq!(all(), [const { Vec::<f64>::new() }; 3], "of a consumer that is gone nothing is reported");
}

#[tokio::test]
async fn after_a_rebalance_each_consumer_reports_its_own_partitions() {
    let telemetry = telemetry();
    let cluster = Cluster::new("shared", 4);
    let producer = cluster.producer();
    for partition in 0..4 {
        producer.send(cluster.record().partition(partition), Timeout::Never).await.unwrap();
    }
    let first = cluster.member();
    for _ in 0..4 {
        let message = first.recv().await.unwrap();
        first.commit_message(&message, CommitMode::Sync).unwrap();
    }
    let reported =
        || points::points(&telemetry, "kafka.consumer.offset", &[("messaging.destination.name", "shared")]).len();
    assert_eq!(reported(), 4);
    let second = cluster.member();
    let both_have_some = async {
        loop {
            let polled = tokio::time::timeout(Duration::from_millis(20), first.recv()).await;
            assert!(polled.is_err(), "all was consumed");
            let _ = tokio::time::timeout(Duration::from_millis(20), second.recv()).await;
            if [&first, &second].map(|one| one.assignment().unwrap().count()) == [2, 2] {
                break;
            }
        }
    };
    tokio::time::timeout(common::PATIENCE, both_have_some).await.unwrap();
    for partition in 0..4 {
        producer.send(cluster.record().partition(partition), Timeout::Never).await.unwrap();
    }
    for _ in 0..2 {
        first.recv().await.unwrap();
        second.recv().await.unwrap();
    }
    let offsets = points::points(
        &telemetry,
        "kafka.consumer.offset",
        &[("messaging.destination.name", "shared"), ("messaging.consumer.group.name", "group")],
    );
    assert_eq!(offsets, [1.0; 4], "each partition once, by the consumer that has it");
    assert_eq!(of_topic(&telemetry, "messaging.client.consumed.messages", "shared"), 8.0);
}

#[tokio::test]
async fn under_the_catalogues_names_the_same_is_counted() {
    let telemetry = telemetry();
    set_metric_names(MetricNames::Catalog);
    let cluster = Cluster::new("catalogue", 1);
    let (producer, consumer) = (cluster.producer(), cluster.consumer());
    set_metric_names(MetricNames::OpenTelemetry);
    cluster.mock.request_errors(RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    producer.send(cluster.record(), Timeout::Never).await.unwrap_err();
    cluster.send(&producer, 3).await;
    for _ in 0..2 {
        let message = consumer.recv().await.unwrap();
        consumer.process(&message, async {}).await;
    }
    let by_topic = |metric| points::points(&telemetry, metric, &[("topic", "catalogue")]);
    assert_eq!(by_topic("kafka_publish_duration_seconds"), [4.0]);
    assert_eq!(
        (by_topic("kafka_publish_success_total"), by_topic("kafka_publish_failure_total")),
        (vec![3.0], vec![1.0])
    );
    assert_eq!(by_topic("kafka_consumer_offset"), [1.0]);
    assert_eq!(by_topic("kafka_consumer_lag_seconds").len(), 1);
    assert_eq!(by_topic("kafka.consumer.records_lag"), [1.0]);
    assert_eq!(of_topic(&telemetry, "messaging.client.sent.messages", "catalogue"), 0.0, "one name or the other");
    assert_eq!(
        of_topic(&telemetry, "messaging.client.consumed.messages", "catalogue"),
        2.0,
        "the catalogue has no name for it"
    );
    assert_eq!(of_topic(&telemetry, "messaging.process.duration", "catalogue"), 2.0);
    assert_eq!(named(&telemetry, "send catalogue").len(), 4);
}

/// Anyone who may write to a topic may send such a message; rdkafka panics when it reads its headers.
#[tokio::test]
async fn a_header_whose_name_is_no_text_stops_nobody() {
    let telemetry = telemetry();
    let cluster = Cluster::new("no_text", 1);
    let consumer = cluster.consumer();
    let producer: rdkafka::producer::BaseProducer = cluster.config().create().unwrap();
    let topic = std::ffi::CString::new(cluster.topic).unwrap();
    // SAFETY: the arguments are as librdkafka's header has them for each tag, the last ends them, and all pointers live longer.
    let error = unsafe {
        bindings::rd_kafka_producev(
            producer.client().native_ptr(),
            rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADER,
            c"\xff".as_ptr(),
            c"value".as_ptr(),
            5_isize,
            rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
        )
    };
    assert_eq!(error, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
    producer.flush(Duration::from_secs(30)).unwrap();
    let message = consumer.recv().await.unwrap();
    consumer.process(&message, async {}).await;
    assert_eq!(telemetry.span("process no_text").links.len(), 0);
}

#[test]
fn what_waits_may_be_sent_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    let config = ClientConfig::new();
    let producer: FutureProducer = config.create().unwrap();
    is_send(&producer.send(FutureRecord::<str, str>::to("x"), Timeout::Never));
    let consumer: BaseConsumer = config.create().unwrap();
    let message = OwnedMessage::new(None, None, String::new(), rdkafka::Timestamp::NotAvailable, 0, 0, None);
    is_send(&consumer.process(&message, async {}));
    is_send(&consumer.process_batch(&[message][..], async {}));
    is_send(&consumer);
    fn receives(consumer: &StreamConsumer) {
        is_send(&consumer.recv());
    }
    let _ = receives;
}
