//! Several exporters at once, most of them bad: each has its own queue, thread and counters, so the good one has all of it in time.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use tripod::{Batch, Delivery, DropReason, ExportError, Exported, Exporter, MemoryExporter, Output, Signal};

const SPANS: u64 = 20_000;
const QUEUE: usize = 64 << 10;

/// Never comes back, until the test is over.
struct Hangs(mpsc::Receiver<()>);

impl Exporter for Hangs {
    fn name(&self) -> &'static str {
        "hangs"
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        let _ = self.0.recv();
        Ok(Exported::default())
    }
}

struct Panics;

impl Exporter for Panics {
    fn name(&self) -> &'static str {
        "panics"
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        // As a panic does, but without a message for each batch.
        std::panic::resume_unwind(Box::new("in an exporter"))
    }

    fn close(&mut self, _: Instant) {
        std::panic::resume_unwind(Box::new("in an exporter"))
    }
}

struct Retries;

impl Exporter for Retries {
    fn name(&self) -> &'static str {
        "retries"
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        Err(ExportError::Retry { after: Some(Duration::from_secs(3600)), reason: "busy".to_owned() })
    }
}

/// Sends to a receiver that takes a byte now and then: its socket is full soon.
struct Crawls(TcpStream);

impl Exporter for Crawls {
    fn name(&self) -> &'static str {
        "crawls"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let retry = |error: std::io::Error| ExportError::Retry { after: None, reason: error.to_string() };
        self.0.write_all(&batch.body).map(|()| Exported::default()).map_err(retry)
    }
}

impl Crawls {
    /// The receiver reads until the sender is dropped.
    fn new() -> (Self, Sender<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (until, over) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let (mut taken, _) = listener.accept().unwrap();
            while over.recv_timeout(Duration::from_secs(1)) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _ = taken.read(&mut [0]);
            }
        });
        (Self(stream), until)
    }
}

/// Asks once for an hour's patience, then takes what it gets; tells when it was closed, and how much time there was.
struct Busy {
    asked: bool,
    events: Sender<(&'static str, Duration)>,
}

impl Exporter for Busy {
    fn name(&self) -> &'static str {
        "busy"
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        if !std::mem::replace(&mut self.asked, true) {
            return Err(ExportError::Retry { after: Some(Duration::from_secs(3600)), reason: "busy".to_owned() });
        }
        let _ = self.events.send(("taken", Duration::ZERO));
        Ok(Exported::default())
    }

    fn close(&mut self, deadline: Instant) {
        let _ = self.events.send(("closed", deadline.saturating_duration_since(Instant::now())));
    }
}

#[test]
fn one_that_hangs_takes_nothing_of_the_time_that_others_have_to_flush_and_to_end() {
    let _turn = common::turn();
    let (release, hanging) = mpsc::channel();
    let (events, got) = mpsc::channel();
    let builder = tripod::init().metrics(false).logs(false).shutdown_timeout(Duration::from_secs(2));
    let guard = builder.exporter(Hangs(hanging)).exporter(Busy { asked: false, events }).start().unwrap();
    tripod::span!("work").end();
    assert!(!guard.flush());
    assert_eq!(got.try_recv().map(|(what, _)| what), Ok("taken"), "it was hurried while the other hung");
    assert!(!guard.shutdown());
    let (what, left) = got.try_recv().unwrap();
    assert!(what == "closed" && left > Duration::ZERO, "{what} {left:?} before the deadline");
    drop(release);
}

/// Takes logs and points, and never spans.
#[derive(Clone, Default)]
struct NoSpans(MemoryExporter);

impl Exporter for NoSpans {
    fn name(&self) -> &'static str {
        "no-spans"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        if batch.signal == Signal::Traces {
            return Err(ExportError::Retry { after: Some(Duration::from_secs(3600)), reason: "down".to_owned() });
        }
        self.0.clone().export(batch)
    }
}

#[test]
fn a_signal_whose_receiver_is_away_does_not_hold_up_the_others() {
    for spool in [false, true] {
        let _turn = common::turn();
        let (folder, exporter) = (tempfile::tempdir().unwrap(), NoSpans::default());
        let memory = exporter.0.clone();
        let builder =
            tripod::init().schedule_delay(Duration::from_millis(5)).shutdown_timeout(Duration::from_millis(200));
        let builder = builder.metric_interval(Duration::from_millis(20)).queue_memory(100_000).exporter(exporter);
        let builder = if spool { builder.spool(folder.path(), 1 << 20) } else { builder };
        let guard = builder.record_memory(64 << 20).start().unwrap();
        let counter = tripod::counter("isolation_total").build();
        for round in 1..=5_u64 {
            (0..500).for_each(|n| tripod::span!("never taken", n).end());
            tripod::info!("taken");
            counter.add(1, &[]);
            common::wait_until(|| memory.logs().len() as u64 >= round);
            common::wait_until(|| memory.metric("isolation_total").is_some());
        }
        let stats = &guard.stats().exporters[0];
        assert_eq!((stats.spans.exported, stats.logs.exported, stats.logs.dropped()), (0, 5, 0));
        assert!(stats.points.exported > 0);
        assert!(!guard.shutdown());
    }
}

#[test]
fn exporters_that_hang_panic_refuse_and_crawl_cost_the_good_one_nothing() {
    let _turn = common::turn();
    let (release, hanging) = mpsc::channel();
    let (crawls, crawling) = Crawls::new();
    let good = MemoryExporter::default();
    let small = |output: Output| output.queue_memory(QUEUE);
    let builder = tripod::init().metrics(false).logs(false).shutdown_timeout(Duration::from_millis(500));
    let builder = builder.exporter(small(Hangs(hanging).into())).exporter(small(Panics.into()));
    let builder = builder.exporter(small(Retries.into())).exporter(small(crawls.into())).exporter(good.clone());
    let guard = builder.record_memory(64 << 20).start().unwrap();
    for n in 0..SPANS {
        tripod::span!("work", n).end();
    }
    // None of the four is waited for.
    common::wait_until(|| good.spans().len() as u64 == SPANS);
    assert!(!guard.flush(), "not all could be delivered, and the flush ends nevertheless");

    let stats = guard.stats();
    let of = |name: &str| &stats.exporters.iter().find(|exporter| exporter.name == name).unwrap().spans;
    stats.exporters.iter().for_each(|exporter| assert_eq!(exporter.spans.offered, SPANS, "{}", exporter.name));
    assert_eq!((of("memory").exported, of("memory").dropped()), (SPANS, 0));
    let panicked = of("panics").dropped_by_reason[DropReason::Panicked as usize];
    assert_eq!(panicked + full(of("panics")), SPANS);
    assert!(panicked > 0);
    for name in ["hangs", "retries"] {
        let in_flight = SPANS - full(of(name)) - of(name).queued;
        assert!(full(of(name)) > 0 && in_flight <= 512, "{name}: {:?}", of(name));
        assert!(of(name).queued < QUEUE as u64 / 60, "{name}: a queue's memory is bounded");
    }
    assert!(full(of("crawls")) > 0 && of("crawls").exported < SPANS);

    let ended = common::in_time(move || guard.shutdown());
    assert!(!ended, "what hangs is left behind");
    drop((release, crawling));
}

fn full(delivery: &Delivery) -> u64 {
    delivery.dropped_by_reason[DropReason::QueueFull as usize]
}
