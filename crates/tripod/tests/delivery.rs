//! What becomes of records: nothing is lost on the way, nothing waits, and what is lost is said.

mod common;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use common::telemetry_with;
use tripod::{
    Batch, Decisions, DropReason, Error, ExportError, Exported, Exporter, MemoryExporter, Sampler, SamplingRule,
    SpanBuilder, StartStats,
};
use tripod_wire::otlp::metrics::{MetricData, NumberDataPoint};
use tripod_wire::otlp::{KeyValue, Metric};

#[test]
fn every_record_of_many_threads_arrives_once() {
    let telemetry = telemetry_with(|builder| builder.record_memory(256 << 20).queue_memory(256 << 20));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || {
                for n in 0..5000 {
                    let _span = tripod::span!("work", thread, n);
                    tripod::info!("at work");
                }
            });
        }
    });
    let spans = telemetry.spans();
    let ids: std::collections::HashSet<_> = spans.iter().map(|span| span.span_id).collect();
    assert_eq!((spans.len(), ids.len()), (40_000, 40_000));
    assert_eq!(telemetry.logs().len(), 40_000);
}

#[test]
fn dropping_the_guard_sends_what_is_left() {
    let mut telemetry = telemetry_with(|builder| builder.schedule_delay(Duration::from_secs(3600)));
    tripod::span!("last").end();
    telemetry.stop();
    assert_eq!(telemetry.memory().spans()[0].name, "last");
}

#[test]
fn telemetry_starts_once_at_a_time_and_again_after_it_stopped() {
    let mut telemetry = telemetry_with(|builder| builder);
    assert!(matches!(tripod::init().exporter(MemoryExporter::default()).start(), Err(Error::AlreadyStarted)));
    telemetry.stop();
    drop(telemetry);
    let telemetry = telemetry_with(|builder| builder);
    tripod::span!("second time").end();
    telemetry.span("second time");
}

/// Counts what it gets, and fails as it is told.
struct Unreliable {
    failures: u64,
    exported: Arc<AtomicU64>,
    answer: fn() -> ExportError,
}

impl Exporter for Unreliable {
    fn name(&self) -> &'static str {
        "unreliable"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        if self.failures > 0 {
            self.failures -= 1;
            return Err((self.answer)());
        }
        self.exported.fetch_add(batch.records, Ordering::Relaxed);
        Ok(Exported::default())
    }
}

#[test]
fn a_batch_that_fails_for_now_is_sent_again() {
    let exported = Arc::new(AtomicU64::new(0));
    let answer = || ExportError::Retry { after: None, reason: "busy".to_owned() };
    let flaky = Unreliable { failures: 3, exported: Arc::clone(&exported), answer };
    let telemetry = telemetry_with(|builder| builder.metrics(false).exporter(flaky));
    for _ in 0..10 {
        tripod::span!("work").end();
    }
    telemetry.flush();
    assert_eq!(exported.load(Ordering::Relaxed), 10);
}

#[test]
fn an_exporter_that_panics_or_refuses_costs_the_others_nothing() {
    let exported = Arc::new(AtomicU64::new(0));
    let panics = Unreliable { failures: 1, exported: Arc::clone(&exported), answer: || panic!("in an exporter") };
    let permanent = || ExportError::Permanent { reason: "never".to_owned() };
    let refuses = Unreliable { failures: u64::MAX, exported: Arc::clone(&exported), answer: permanent };
    let telemetry = telemetry_with(|builder| builder.metrics(false).exporter(panics).exporter(refuses));
    tripod::span!("work").end();
    telemetry.flush();
    assert_eq!(exported.load(Ordering::Relaxed), 0);
    tripod::span!("work").end();
    assert_eq!(telemetry.spans().len(), 2);
    assert_eq!(exported.load(Ordering::Relaxed), 1);
}

/// Never answers.
struct Hangs;

impl Exporter for Hangs {
    fn name(&self) -> &'static str {
        "hangs"
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        std::thread::sleep(Duration::from_secs(3600));
        Ok(Exported::default())
    }
}

#[test]
fn an_exporter_that_hangs_delays_shutting_down_only_to_the_deadline() {
    let timeout = Duration::from_millis(300);
    let mut telemetry = telemetry_with(|builder| builder.shutdown_timeout(timeout).exporter(Hangs));
    tripod::span!("work").end();
    let start = Instant::now();
    telemetry.stop();
    assert!(start.elapsed() < Duration::from_secs(60), "it ends, and does not wait for the exporter's hour");
    assert_eq!(telemetry.memory().spans().len(), 1);
}

/// Takes its time, and refuses one record of each batch.
struct Slow;

impl Exporter for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        std::thread::sleep(Duration::from_millis(2));
        let rejected = u64::from(batch.signal == tripod::Signal::Traces);
        Ok(Exported { rejected, reason: "one too many".to_owned() })
    }
}

/// Eight threads record as fast as they can.
fn flood(spans: usize) {
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..spans / 8).for_each(|n| tripod::span!("work", n).end()));
        }
    });
}

/// Created, refused, exported, dropped: nothing is missing.
fn assert_all_accounted_for(stats: &tripod::Stats, created: usize) -> [u64; 4] {
    let slow = stats.exporters.iter().find(|exporter| exporter.name == "slow").unwrap();
    assert_eq!(stats.spans.created, created as u64);
    assert_eq!(stats.spans.created, stats.spans.refused + slow.spans.exported + slow.spans.dropped());
    assert!(slow.spans.dropped_by_reason[DropReason::Rejected as usize] > 0);
    assert!(slow.spans.exported > 0 && slow.spans.queued == 0);
    [stats.spans.created, stats.spans.refused, slow.spans.exported, slow.spans.dropped()]
}

/// The most memory that the process has had, in KiB.
#[cfg(target_os = "linux")]
fn peak_kilobytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// In a process of its own, as it measures memory:
/// `cargo test --release -p tripod --test delivery -- --ignored --nocapture`
#[cfg(target_os = "linux")]
#[ignore = "ten million spans: on demand, with --release"]
#[test]
fn ten_million_spans_to_a_slow_exporter_stay_within_memory_and_are_all_accounted_for() {
    const SPANS: usize = 10_000_000;
    // What the settings allow, what each lane has besides, and what the allocator keeps: batches are freed by another thread than
    // made them.
    let (records, queue, lanes, margin) = (16 << 10, 32 << 10, 8 * 64, 40 << 10);
    let _turn = common::turn();
    let before = peak_kilobytes();
    let builder = tripod::init().exporter(Slow).metrics(false).record_memory(records << 10).queue_memory(queue << 10);
    let guard = builder.shutdown_timeout(Duration::from_secs(600)).start().unwrap();
    let start = Instant::now();
    flood(SPANS);
    let recorded = start.elapsed();
    assert!(guard.flush());
    let [created, refused, exported, dropped] = assert_all_accounted_for(&guard.stats(), SPANS);
    let grown = peak_kilobytes() - before;
    println!("created {created} = refused {refused} + exported {exported} + dropped {dropped}");
    println!("recorded in {recorded:?}, delivered in {:?}; peak memory grew by {grown} KiB", start.elapsed());
    assert!(grown < records + queue + lanes + margin, "{grown} KiB");
}

#[test]
fn what_is_created_is_exported_or_counted_as_dropped() {
    let telemetry = telemetry_with(|builder| builder.exporter(Slow).record_memory(512 << 10).queue_memory(64 << 10));
    flood(400_000);
    telemetry.flush();
    assert_all_accounted_for(&telemetry.stats(), 400_000);

    let exported = telemetry.metric("otel.sdk.exporter.span.exported");
    assert!(points(&exported).iter().any(|point| {
        point.attributes.contains(&KeyValue::new("otel.component.name", "slow_span_exporter/1"))
            && point.attributes.contains(&KeyValue::new("error.type", "rejected"))
            && point.value.as_f64() > 0.0
    }));
    for level in ["otel.sdk.processor.span.queue.size", "otel.sdk.exporter.span.inflight"] {
        let metric = telemetry.metric(level);
        assert!(points(&metric).iter().all(|point| point.value.as_f64() == 0.0), "{metric:?}");
    }
    let duration = telemetry.metric("otel.sdk.exporter.operation.duration");
    assert!(matches!(duration.data, MetricData::Histogram { data_points, .. } if !data_points.is_empty()));
}

#[test]
fn spans_that_are_started_and_that_live_are_counted_by_parent_and_decision() {
    let only_work = Sampler::rules([SamplingRule::new(Sampler::always_off()).name("idle")], Sampler::always_on());
    let telemetry = telemetry_with(|builder| builder.sampler(only_work));
    let remote = |flags: &str| {
        let header = format!("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-{flags}");
        tripod::propagation::extract(&HashMap::from([("traceparent".to_owned(), header)]))
    };
    let root = tripod::async_span!("work");
    for _ in 0..3 {
        root.to_context().run(|| tripod::span!("child").end());
        tripod::span!("idle").end();
        remote("01").run(|| tripod::span!("served").end());
        remote("00").run(|| tripod::async_span!("served").end());
    }
    let below = std::thread::spawn(|| SpanBuilder::new("on a thread that has ended").start()).join().unwrap();
    telemetry.flush();
    let stats = telemetry.stats();
    let of = |recorded, not_recorded| Decisions { recorded, not_recorded };
    let expected = StartStats { without_parent: of(2, 3), local_parent: of(3, 0), remote_parent: of(3, 3) };
    assert_eq!((stats.started, stats.live), (expected, 2));
    drop((root, below));
    telemetry.flush();
    assert_eq!(telemetry.stats().live, 0);

    let live = telemetry.metric("otel.sdk.span.live");
    assert_eq!(points(&live).iter().map(|point| point.value.as_f64()).collect::<Vec<_>>(), [0.0]);
    assert_eq!(points(&live)[0].attributes, [KeyValue::new("otel.span.sampling_result", "RECORD_AND_SAMPLE")]);
    let started = telemetry.metric("otel.sdk.span.started");
    for (origin, result) in [("none", "DROP"), ("local", "RECORD_AND_SAMPLE"), ("remote", "DROP")] {
        let expected =
            [KeyValue::new("otel.span.parent.origin", origin), KeyValue::new("otel.span.sampling_result", result)];
        let point = points(&started).iter().find(|point| point.attributes == expected);
        assert!(point.is_some_and(|point| point.value.as_f64() >= 3.0), "{started:?}");
    }
}

fn points(metric: &Metric) -> &[NumberDataPoint] {
    let MetricData::Sum { data_points, .. } = &metric.data else { panic!("a sum: {metric:?}") };
    data_points
}

#[test]
fn own_metrics_can_be_turned_off() {
    let telemetry = telemetry_with(|builder| builder.self_metrics(false));
    let before = timed_exports();
    tripod::span!("work").end();
    telemetry.flush();
    telemetry.flush();
    assert_eq!(timed_exports(), before);
}

/// Exports of the memory exporter that were timed so far, by any test.
fn timed_exports() -> Vec<Metric> {
    let own = |metric: &Metric| metric.name == "otel.sdk.exporter.operation.duration";
    let mut metrics = tripod::metrics::collect();
    metrics.retain(own);
    for metric in &mut metrics {
        if let MetricData::Histogram { data_points, .. } = &mut metric.data {
            data_points.iter_mut().for_each(|point| point.time_unix_nano = 0);
        }
    }
    metrics
}
