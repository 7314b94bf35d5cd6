//! Several exporters at once, most of them bad: each has its own queue, thread and counters, so the good one has all of it in time.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

use tripod::{Batch, Delivery, DropReason, ExportError, Exported, Exporter, MemoryExporter, Output};

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
