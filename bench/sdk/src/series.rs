//! Many series: what they take of memory, and what it costs to write them as Prometheus text.

use std::hint::black_box;

use opentelemetry::metrics::Meter;
use prometheus::Encoder;
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family;
use tripod::metrics::{PrometheusFormat, render_prometheus};

use crate::metrics::{LABELS, Labels, key_values};
use crate::peers::{metrics_recorder, otel_meter_of};
use crate::row::{Measure, Peer, Row, Unit, Work};
use crate::spans::ROW;

const HELD: u64 = 100_000;
const SCRAPED: usize = 10_000;

pub fn rows() -> Vec<Row> {
    vec![
        Row {
            name: "scrape",
            group: "export",
            title: "Prometheus text of 10,000 counters with 3 labels",
            note: "CPU time, as it takes longer than a CPU is left alone for.",
            measure: Measure::Cpu,
            unit: Unit::Millis,
            calls: 1,
            target: Some(0.7),
            peers: scrapers(),
            ..ROW
        },
        Row {
            name: "heap",
            group: "memory",
            title: "heap bytes a series: 100,000 counters with 3 labels, each touched once",
            note: "What stays allocated, as asked of the allocator.",
            measure: Measure::Heap,
            unit: Unit::Bytes,
            calls: HELD,
            target: Some(1.0),
            peers: holders(),
            ..ROW
        },
    ]
}

/// A label set of its own for every number.
fn labels(at: usize) -> [String; 3] {
    [
        ["GET", "POST", "PUT", "DELETE"][at % 4].to_owned(),
        format!("/api/v1/route{}", at / 40),
        (200 + at / 4 % 10).to_string(),
    ]
}

fn tripod_counters(series: usize) {
    let counter = tripod::counter("requests_total").max_series(series).build();
    for at in 0..series {
        let [method, route, status] = &labels(at);
        counter.add(1, tripod::labels!(method, route, status));
    }
}

fn prometheus_counters(series: usize) -> prometheus::IntCounterVec {
    let options = prometheus::Opts::new("requests_total", "Requests served");
    let counters = prometheus::IntCounterVec::new(options, &LABELS).expect("valid names");
    for at in 0..series {
        let [method, route, status] = labels(at);
        counters.with_label_values(&[method, route, status]).inc();
    }
    counters
}

fn client_counters(series: usize) -> Family<Labels, ClientCounter> {
    let family = Family::<Labels, ClientCounter>::default();
    for at in 0..series {
        let [method, route, status] = labels(at);
        family.get_or_create(&Labels { method, route, status }).inc();
    }
    family
}

fn otel_counters(meter: &Meter, series: usize) {
    let counter = meter.u64_counter("requests_total").build();
    (0..series).for_each(|at| counter.add(1, &key_values(&labels(at))));
}

fn metrics_counters(series: usize) {
    for at in 0..series {
        let [method, route, status] = labels(at);
        metrics::counter!("requests_total", "method" => method, "route" => route, "status" => status).increment(1);
    }
}

/// Writes all series, anew each time, as text that does hold them all.
fn scrape<T: AsRef<[u8]>>(render: impl Fn() -> T + Send + Sync + 'static) -> Work {
    let text = render();
    let lines = text.as_ref().split(|byte| *byte == b'\n');
    assert_eq!(lines.filter(|line| line.starts_with(b"requests_total{")).count(), SCRAPED);
    Work::each(move |_| drop(black_box(render())))
}

fn scrapers() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            tripod_counters(SCRAPED);
            scrape(|| {
                let mut text = Vec::new();
                render_prometheus(PrometheusFormat::Text, &mut text);
                text
            })
        }),
        Peer::new("prometheus-client", || {
            let mut registry = prometheus_client::registry::Registry::default();
            registry.register("requests", "Requests served", client_counters(SCRAPED));
            scrape(move || {
                let mut text = String::new();
                prometheus_client::encoding::text::encode(&mut text, &registry).expect("a string takes everything");
                text
            })
        }),
        Peer::new("prometheus", || {
            let registry = prometheus::Registry::new();
            registry.register(Box::new(prometheus_counters(SCRAPED))).expect("the only one");
            scrape(move || {
                let mut text = Vec::new();
                let encoder = prometheus::TextEncoder::new();
                encoder.encode(&registry.gather(), &mut text).expect("a vector takes everything");
                text
            })
        })
        .note("sorted"),
        Peer::new("metrics + exporter-prometheus", || {
            let handle = metrics_recorder();
            metrics_counters(SCRAPED);
            scrape(move || handle.render())
        }),
    ]
}

fn holders() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || Work::new(|n| tripod_counters(n as usize)))
            .note("its limit of 2,000 series is raised; with the cells of the one thread that counts"),
        Peer::new("prometheus-client", || Work::new(|n| std::mem::forget(client_counters(n as usize)))),
        Peer::new("otel-sdk", || Work::new(|n| otel_counters(&otel_meter_of(n as usize), n as usize)))
            .note("a view raises its limit of 2,000 series"),
        Peer::new("metrics + exporter-prometheus", || {
            metrics_recorder();
            Work::new(|n| metrics_counters(n as usize))
        }),
        Peer::new("prometheus", || Work::new(|n| std::mem::forget(prometheus_counters(n as usize)))),
    ]
}
