//! Several exporters at once, each served as its output says.

mod common;

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use tripod::metrics::Temporality;
use tripod::{
    Batch, Delivery, DropReason, ExportError, Exported, Exporter, Filter, Guard, Level, MemoryExporter, Output,
    Records, Signal,
};
use tripod_wire::otlp::metrics::{MetricData, NumberValue};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn an_output_gets_the_signals_it_asks_for() {
    let _turn = common::turn();
    let (all, logs) = (MemoryExporter::default(), MemoryExporter::default());
    let guard = tripod::init().exporter(all.clone()).exporter(Output::new(logs.clone()).signals([Signal::Logs]));
    let guard = guard.start().unwrap();
    tripod::span!("work").end();
    tripod::info!("worked");
    guard.flush();
    assert_eq!((all.spans().len(), all.logs().len()), (1, 1));
    assert_eq!((logs.spans().len(), logs.logs().len()), (0, 1));
    let stats = guard.stats();
    assert_eq!((stats.exporters[1].spans.offered, stats.exporters[1].logs.offered), (0, 1));
}

#[test]
fn each_output_has_its_own_temporality() {
    let _turn = common::turn();
    let (totals, deltas) = (MemoryExporter::default(), MemoryExporter::default());
    let guard = tripod::init()
        .self_metrics(false)
        .exporter(totals.clone())
        .exporter(Output::new(deltas.clone()).temporality(Temporality::Delta))
        .start()
        .unwrap();
    let counter = tripod::counter("outputs_temporality_total").build();
    let mut told = Vec::new();
    for _ in 0..2 {
        counter.add(3, &[]);
        guard.flush();
        told.push((value(&totals), value(&deltas)));
    }
    assert_eq!(told, [(3, 3), (6, 3)].map(|(total, delta)| (NumberValue::Int(total), NumberValue::Int(delta))));
}

fn value(memory: &MemoryExporter) -> NumberValue {
    let Some(MetricData::Sum { data_points, .. }) =
        memory.metric("outputs_temporality_total").map(|metric| metric.data)
    else {
        panic!("no such counter")
    };
    data_points[0].value
}

#[test]
fn metrics_are_collected_for_each_output_as_often_as_it_wants() {
    let _turn = common::turn();
    let (often, never) = (Receiver::new(Some(HOUR)), Receiver::new(Some(HOUR)));
    let (often_got, never_got) = (often.1, never.1);
    let guard = tripod::init()
        .exporter(Output::new(often.0).metric_interval(Duration::from_millis(20)))
        .exporter(never.0)
        .start()
        .unwrap();
    tripod::counter("outputs_interval_total").build().add(1, &[]);
    for _ in 0..3 {
        assert_eq!(often_got.recv().unwrap(), Event::Batch(Signal::Metrics));
    }
    assert!(never_got.try_recv().is_err(), "its own hour is not over");
    drop(guard);
    assert_eq!(never_got.iter().collect::<Vec<_>>(), [Event::Batch(Signal::Metrics), Event::Closed]);
}

#[test]
fn an_exporter_is_closed_after_its_last_batch() {
    let _turn = common::turn();
    let (exporter, got) = Receiver::new(None);
    let guard = tripod::init().metrics(false).exporter(exporter).start().unwrap();
    tripod::span!("work").end();
    drop(guard);
    assert_eq!(got.iter().collect::<Vec<_>>(), [Event::Batch(Signal::Traces), Event::Closed]);
}

/// Keeps what it takes, and how large each batch was; refuses those of more records than it likes.
#[derive(Clone)]
struct Picky {
    kept: MemoryExporter,
    sizes: Arc<Mutex<Vec<(Signal, u64)>>>,
    most: u64,
}

impl Picky {
    fn new(most: u64) -> Self {
        Self { kept: MemoryExporter::default(), sizes: Arc::default(), most }
    }

    fn sizes(&self, signal: Signal) -> Vec<u64> {
        let sizes = self.sizes.lock().unwrap();
        sizes.iter().filter(|(of, _)| *of == signal).map(|(_, records)| *records).collect()
    }
}

impl Exporter for Picky {
    fn name(&self) -> &'static str {
        "picky"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        if batch.records > self.most {
            return Err(ExportError::TooLarge { reason: "413".to_owned() });
        }
        self.sizes.lock().unwrap().push((batch.signal, batch.records));
        self.kept.export(batch)
    }
}

/// What was offered to an exporter, and that nothing of it is missing.
fn offered(delivery: &Delivery) -> u64 {
    assert_eq!(delivery.offered, delivery.exported + delivery.dropped() + delivery.filtered + delivery.queued);
    delivery.offered
}

fn make_spans(count: usize) {
    (0..count).for_each(|n| tripod::span!("work", n).end());
}

/// The numbers of the spans that arrived, in their order.
fn numbers(memory: &MemoryExporter) -> Vec<String> {
    memory.spans().iter().map(|span| span.attributes[0].value.to_string()).collect()
}

fn in_order(count: usize) -> Vec<String> {
    (0..count).map(|n| n.to_string()).collect()
}

#[test]
fn an_output_gets_batches_as_small_as_it_wants_and_the_others_get_theirs() {
    let _turn = common::turn();
    let (small, usual) = (Picky::new(u64::MAX), Picky::new(u64::MAX));
    let builder = tripod::init().metrics(false).max_batch(50).schedule_delay(HOUR);
    let guard = builder.exporter(Output::new(small.clone()).max_batch(20)).exporter(usual.clone()).start().unwrap();
    make_spans(100);
    assert!(guard.flush());
    assert_eq!(small.sizes(Signal::Traces), [20, 20, 10, 20, 20, 10]);
    assert_eq!(usual.sizes(Signal::Traces), [50, 50]);
    assert_eq!((numbers(&small.kept), numbers(&usual.kept)), (in_order(100), in_order(100)));
    guard.stats().exporters.iter().for_each(|exporter| assert_eq!(offered(&exporter.spans), 100));
}

#[test]
fn the_points_of_a_collection_are_divided_as_well() {
    let _turn = common::turn();
    let picky = Picky::new(u64::MAX);
    let output = Output::new(picky.clone()).max_batch(1000).metric_interval(HOUR);
    let guard = tripod::init().self_metrics(false).exporter(output).start().unwrap();
    let gauge = tripod::gauge("outputs_many_points").max_series(5000).build();
    for n in 0..4500_i64 {
        gauge.set(n as f64, &[("n", tripod::Value::Int(n))]);
    }
    assert!(guard.flush());
    let sizes = picky.sizes(Signal::Metrics);
    assert!(sizes.iter().all(|size| *size <= 1000) && sizes.len() == 5, "{sizes:?}");
    let points = picky.kept.metrics_data().into_iter().flat_map(|data| data.resource_metrics);
    let points = points.flat_map(|resource| resource.scope_metrics).flat_map(|scope| scope.metrics);
    let points: usize = points
        .filter(|metric| metric.name == "outputs_many_points")
        .map(|metric| match metric.data {
            MetricData::Gauge { data_points } => data_points.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(points, 4500);
    offered(&guard.stats().exporters[0].points);
}

#[test]
fn an_output_that_wants_larger_batches_waits_for_them_and_a_flush_does_not() {
    let _turn = common::turn();
    let (large, usual) = (Picky::new(u64::MAX), Picky::new(u64::MAX));
    let output = Output::new(large.clone()).max_batch(40).schedule_delay(HOUR);
    let builder = tripod::init().metrics(false).max_batch(10).schedule_delay(Duration::from_millis(5));
    let guard = builder.exporter(output).exporter(usual.clone()).start().unwrap();
    make_spans(45);
    tripod::info!("one log");
    common::wait_until(|| large.sizes(Signal::Traces).iter().sum::<u64>() >= 35);
    common::wait_until(|| usual.sizes(Signal::Logs) == [1]);
    assert!(large.sizes(Signal::Logs).is_empty(), "its hour is not over");
    assert_eq!(large.sizes(Signal::Traces).len(), 1, "one batch of several");
    assert!(guard.flush());
    assert_eq!((numbers(&large.kept), large.kept.logs().len()), (in_order(45), 1));
    assert!(large.sizes(Signal::Traces).len() == 2 && usual.sizes(Signal::Traces).len() >= 5);
}

#[test]
fn what_is_gathered_is_sent_before_the_queue_is_full() {
    let _turn = common::turn();
    let patient = Picky::new(u64::MAX);
    let output = Output::new(patient.clone()).max_batch(1_000_000).schedule_delay(HOUR).queue_memory(64 << 10);
    let builder = tripod::init().metrics(false).max_batch(10).schedule_delay(Duration::from_millis(5));
    let guard = builder.exporter(output).start().unwrap();
    for n in 1..=200 {
        // Some 1.5 KB each.
        make_spans(10);
        common::wait_until(|| guard.stats().exporters[0].spans.offered == n * 10);
    }
    let sizes = patient.sizes(Signal::Traces);
    assert!(sizes.len() > 5 && sizes.iter().all(|size| *size > 50), "gathered, but not until the end: {sizes:?}");
    assert!(guard.flush());
    assert_eq!((patient.kept.spans().len(), guard.stats().exporters[0].spans.dropped()), (2000, 0));
}

#[test]
fn an_impatient_output_does_not_make_the_others_so() {
    let _turn = common::turn();
    let (soon, later) = (Picky::new(u64::MAX), Picky::new(u64::MAX));
    let builder = tripod::init().metrics(false).schedule_delay(HOUR).exporter(later.clone());
    let guard = builder.exporter(Output::new(soon.clone()).schedule_delay(Duration::from_millis(5))).start().unwrap();
    for n in 1..=3 {
        make_spans(1);
        common::wait_until(|| soon.sizes(Signal::Traces).len() == n);
    }
    assert!(later.sizes(Signal::Traces).is_empty());
    drop(guard);
    assert_eq!(later.sizes(Signal::Traces), [3]);
}

#[test]
fn a_batch_that_is_too_large_for_the_receiver_is_sent_in_halves() {
    let _turn = common::turn();
    let picky = Picky::new(30);
    let guard = tripod::init().metrics(false).schedule_delay(HOUR).exporter(picky.clone()).start().unwrap();
    make_spans(100);
    assert!(guard.flush());
    assert_eq!(numbers(&picky.kept), in_order(100));
    assert_eq!(picky.sizes(Signal::Traces), [25; 4]);
    assert_eq!((offered(&guard.stats().exporters[0].spans), guard.stats().exporters[0].spans.dropped()), (100, 0));
}

#[test]
fn a_record_that_is_too_large_alone_is_lost_and_counted() {
    let _turn = common::turn();
    let guard = tripod::init().metrics(false).schedule_delay(HOUR).exporter(Picky::new(0)).start().unwrap();
    make_spans(5);
    assert!(guard.flush());
    let spans = &guard.stats().exporters[0].spans;
    assert_eq!((offered(spans), spans.dropped_by_reason[DropReason::Failed as usize]), (5, 5));
}

fn filtered(filter: Filter) -> (MemoryExporter, MemoryExporter, Guard) {
    let (some, all) = (MemoryExporter::default(), MemoryExporter::default());
    let builder = tripod::init().self_metrics(false).metric_interval(HOUR);
    let builder = builder.exporter(Output::new(some.clone()).filter(filter)).exporter(all.clone());
    (some, all, builder.start().unwrap())
}

#[test]
fn a_filter_chooses_records_for_one_output_and_counts_what_it_leaves_out() {
    let _turn = common::turn();
    let filter = Filter::new()
        .drop(Records::spans().name("GET /health*"))
        .drop(Records::logs().below(Level::Warn))
        .drop(Records::metrics().name("outputs_filtered_*").attribute("tenant", "test-?"))
        .drop(Records::all().has("secret"));
    let (some, all, guard) = filtered(filter);
    for name in ["GET /health", "GET /healthz", "GET /orders"] {
        tripod::span!(name).end();
    }
    tripod::span!("login", secret = true).end();
    tripod::info!("told nobody");
    tripod::warn!("told everybody");
    let counter = tripod::counter("outputs_filtered_total").build();
    for tenant in ["test-1", "test-12", "acme"] {
        counter.add(1, &[("tenant", tripod::Value::Str(tenant))]);
    }
    assert!(guard.flush());
    assert_eq!((all.spans().len(), all.logs().len()), (4, 2));
    assert_eq!(some.spans().iter().map(|span| span.name.as_str()).collect::<Vec<_>>(), ["GET /orders"]);
    assert_eq!(some.logs()[0].body.to_string(), "told everybody");
    let Some(MetricData::Sum { data_points, .. }) = some.metric("outputs_filtered_total").map(|metric| metric.data)
    else {
        panic!("the other points are there")
    };
    assert_eq!(data_points.len(), 2);
    let stats = &guard.stats().exporters[0];
    assert_eq!([&stats.spans, &stats.logs, &stats.points].map(|delivery| delivery.filtered), [3, 1, 1]);
    for delivery in [&stats.spans, &stats.logs, &stats.points] {
        offered(delivery);
    }
    assert_eq!((stats.spans.exported, stats.spans.dropped()), (1, 0));
}

#[test]
fn a_batch_of_which_nothing_is_kept_is_not_sent() {
    let _turn = common::turn();
    let (some, all, guard) = filtered(Filter::new().keep(Records::logs()).drop(Records::all()));
    tripod::span!("work").end();
    tripod::info!("worked");
    assert!(guard.flush());
    assert_eq!((some.traces().len(), some.metrics_data().len(), some.logs().len()), (0, 0, 1));
    assert_eq!((all.spans().len(), guard.stats().exporters[0].spans.filtered), (1, 1));
}

#[test]
fn what_is_filtered_is_among_the_own_metrics() {
    let _turn = common::turn();
    let memory = MemoryExporter::default();
    let output = Output::new(memory.clone()).filter(Filter::new().drop(Records::spans()));
    let guard = tripod::init().exporter(output).start().unwrap();
    make_spans(7);
    assert!(guard.flush() && guard.flush());
    let Some(MetricData::Sum { data_points, .. }) =
        memory.metric("otel.sdk.processor.span.processed").map(|metric| metric.data)
    else {
        panic!("no such counter")
    };
    let filtered = |attribute: &tripod_wire::otlp::KeyValue| attribute.value.to_string() == "filtered";
    let filtered = data_points.iter().find(|point| point.attributes.iter().any(filtered)).unwrap();
    assert!(filtered.value.as_f64() >= 7.0);
}

/// Threads of this process by name, of which the kernel keeps 15 characters.
#[cfg(target_os = "linux")]
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    // One may end meanwhile.
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|own| own.trim_end() == name).count()
}

#[cfg(target_os = "linux")]
#[test]
fn there_is_a_thread_to_collect_one_for_each_exporter_and_one_for_each_spool() {
    let _turn = common::turn();
    let folder = tempfile::tempdir().unwrap();
    let all = || ["tripod-collecto", "tripod-exporter", "tripod-spool"].map(threads);
    let builder = tripod::init().exporter(MemoryExporter::default()).exporter(MemoryExporter::default());
    let guard = builder.spool(folder.path(), 1 << 20).start().unwrap();
    // A thread names itself once it runs.
    common::wait_until(|| all() == [1, 2, 2]);
    drop(guard);
    common::wait_until(|| all() == [0, 0, 0]);
}

#[derive(Debug, PartialEq)]
enum Event {
    Batch(Signal),
    Closed,
}

/// Tells what it was called for.
struct Receiver {
    interval: Option<Duration>,
    events: mpsc::Sender<Event>,
}

impl Receiver {
    fn new(interval: Option<Duration>) -> (Self, mpsc::Receiver<Event>) {
        let (events, got) = mpsc::channel();
        (Self { interval, events }, got)
    }
}

impl Exporter for Receiver {
    fn name(&self) -> &'static str {
        "receiver"
    }

    fn metric_interval(&self) -> Option<Duration> {
        self.interval
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let _ = self.events.send(Event::Batch(batch.signal));
        Ok(Exported::default())
    }

    fn close(&mut self, deadline: Instant) {
        assert!(deadline > Instant::now(), "there is time left");
        let _ = self.events.send(Event::Closed);
    }
}
