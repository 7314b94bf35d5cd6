//! Ready-made sets of metrics: a request to a provider, alone and in a batch, beside the same numbers kept by hand.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tripod::catalog::adapter::{Adapter, Ended};

use crate::row::{Measure, Peer, Row, Unit, Work};

const BATCH: usize = 100;
const OPERATIONS: [&str; 4] = ["fetch", "sync", "quote", "search"];

const ROW: Row = Row {
    name: "",
    group: "catalogue",
    title: "",
    note: "",
    measure: Measure::Caller,
    unit: Unit::Nanos,
    threads: 1,
    calls: 0,
    parts: 1,
    target: Some(1.0),
    peers: Vec::new(),
};

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "adapter-request",
            title: "a request to a provider: active, count by status, duration",
            note: "Four updates with labels looked up, and two looks at the clock. Tripod also keeps the success rate.",
            peers: vec![Peer::new("tripod", guarded), Peer::new("prometheus", by_hand)],
            ..ROW
        },
        Row {
            name: "adapter-request-2",
            title: "the same on two threads, of one provider",
            note: "Two threads at once on the same series; the time that each thread sees.",
            threads: 2,
            peers: vec![Peer::new("tripod", guarded), Peer::new("prometheus", by_hand)],
            ..ROW
        },
        Row {
            name: "adapter-batch",
            title: "100 requests that have ended, of 4 operations: a request's share",
            note: "`record_request_batch` beside `record_request_success` for each.",
            parts: BATCH as u64,
            peers: vec![Peer::new("tripod", batched), Peer::new("one by one", one_by_one)],
            ..ROW
        },
    ]
}

fn guarded() -> Work {
    let provider = Adapter::new("finnhub");
    Work::each(move |_| black_box(&provider).request(black_box("fetch")).success())
}

fn by_hand() -> Work {
    use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts};
    let requests =
        IntCounterVec::new(Opts::new("requests_total", "help"), &["provider", "operation", "status"]).unwrap();
    let duration =
        HistogramVec::new(HistogramOpts::new("duration_seconds", "help"), &["provider", "operation"]).unwrap();
    let active = IntGaugeVec::new(Opts::new("active", "help"), &["provider"]).unwrap();
    Work::each(move |_| {
        let (provider, operation) = (black_box("finnhub"), black_box("fetch"));
        active.with_label_values(&[provider]).inc();
        let started = Instant::now();
        requests.with_label_values(&[provider, operation, "success"]).inc();
        duration.with_label_values(&[provider, operation]).observe(started.elapsed().as_secs_f64());
        active.with_label_values(&[provider]).dec();
    })
}

fn ended() -> Vec<Ended<'static>> {
    let took = |n: usize| Duration::from_micros(50 * n as u64);
    (0..BATCH).map(|n| Ended::success(OPERATIONS[n % OPERATIONS.len()], took(n))).collect()
}

fn batched() -> Work {
    let (provider, requests) = (Adapter::new("finnhub"), ended());
    Work::each(move |_| black_box(&provider).record_request_batch(black_box(&requests)))
}

fn one_by_one() -> Work {
    let provider = Adapter::new("finnhub");
    Work::each(move |_| {
        for n in 0..BATCH {
            let took = Duration::from_micros(50 * n as u64);
            black_box(&provider).record_request_success(black_box(OPERATIONS[n % OPERATIONS.len()]), took);
        }
    })
}
