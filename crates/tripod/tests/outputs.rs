//! Several exporters at once, each served as its output says.

mod common;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use tripod::metrics::Temporality;
use tripod::{Batch, ExportError, Exported, Exporter, MemoryExporter, Output, Signal};
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
