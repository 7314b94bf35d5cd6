//! Counters, gauges and histograms: with a handle, and with labels looked up at each call.

use std::hint::black_box;
use std::sync::atomic::AtomicU64;

use opentelemetry::KeyValue;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge as ClientGauge;
use prometheus_client::metrics::histogram::Histogram as ClientHistogram;

use crate::peers::{BOUNDS, label_sets, metrics_recorder, otel_meter, values};
use crate::row::{Measure, Peer, Row, Unit, Work};

pub const LABELS: [&str; 3] = ["method", "route", "status"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Labels {
    pub method: String,
    pub route: String,
    pub status: String,
}

const ROW: Row = Row {
    name: "",
    group: "metrics",
    title: "",
    note: "",
    measure: Measure::Caller,
    unit: Unit::Nanos,
    threads: 1,
    calls: 0,
    parts: 1,
    target: None,
    peers: Vec::new(),
};

pub fn rows() -> Vec<Row> {
    let two = "Two threads at once on the same series; the time that each thread sees.";
    vec![
        Row {
            name: "counter",
            title: "counter +1, series with 3 labels, handle kept",
            target: Some(0.35),
            peers: counters(),
            ..ROW
        },
        Row {
            name: "counter-2",
            title: "the same on two threads",
            note: two,
            threads: 2,
            target: Some(0.2),
            peers: counters(),
            ..ROW
        },
        Row {
            name: "dynamic",
            title: "counter +1, 3 labels looked up at each call",
            note: "64 label sets in rotation, of strings that the caller only borrows.",
            target: Some(0.5),
            peers: dynamic_counters(),
            ..ROW
        },
        Row { name: "gauge", title: "gauge set, handle kept", target: Some(1.0), peers: gauges(), ..ROW },
        Row {
            name: "histogram",
            title: "histogram record, 11 bounds, handle kept",
            target: Some(0.35),
            peers: histograms(),
            ..ROW
        },
        Row {
            name: "histogram-2",
            title: "the same on two threads",
            note: two,
            threads: 2,
            target: Some(0.15),
            peers: histograms(),
            ..ROW
        },
    ]
}

/// The handle of a label set, kept.
pub fn key_values([method, route, status]: &[String; 3]) -> [KeyValue; 3] {
    [
        KeyValue::new("method", method.clone()),
        KeyValue::new("route", route.clone()),
        KeyValue::new("status", status.clone()),
    ]
}

fn counters() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            let counter = tripod::counter("bound_total").build();
            let counter = counter.bind(tripod::labels!(method = "GET", route = "/a", status = "200"));
            let total = counter.clone();
            Work::each(move |_| black_box(&counter).add(1)).total(move || total.get() as u64)
        }),
        Peer::new("prometheus", || {
            let counters = prometheus::IntCounterVec::new(prometheus::Opts::new("bound_total", "help"), &LABELS);
            let counter = counters.expect("valid names").with_label_values(&["GET", "/a", "200"]);
            let total = counter.clone();
            Work::each(move |_| black_box(&counter).inc()).total(move || total.get())
        }),
        Peer::new("prometheus-client", || {
            let counter: ClientCounter = ClientCounter::default();
            let total = counter.clone();
            Work::each(move |_| {
                black_box(&counter).inc();
            })
            .total(move || total.get())
        }),
        Peer::new("otel-sdk bind()", || {
            let counter = otel_meter().u64_counter("bound_total").build().bind(&key_values(&label_sets()[0]));
            Work::each(move |_| black_box(&counter).add(1))
        })
        .note("needs the SDK's feature experimental_metrics_bound_instruments"),
        Peer::new("metrics + exporter-prometheus", || {
            metrics_recorder();
            let counter = metrics::counter!("bound_total", "method" => "GET", "route" => "/a", "status" => "200");
            Work::each(move |_| black_box(&counter).increment(1))
        }),
    ]
}

fn dynamic_counters() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            let (sets, counter) = (label_sets(), tripod::counter("dynamic_total").build());
            let all = counter.clone();
            let total = move || {
                let get =
                    |[method, route, status]: &[String; 3]| all.get(tripod::labels!(method, route, status)) as u64;
                label_sets().iter().map(get).sum()
            };
            Work::each(move |at| {
                let [method, route, status] = &sets[at % 64];
                counter.add(1, tripod::labels!(method, route, status));
            })
            .total(total)
        }),
        Peer::new("prometheus", || {
            let counters = prometheus::IntCounterVec::new(prometheus::Opts::new("dynamic_total", "help"), &LABELS);
            let (sets, counters) = (label_sets(), counters.expect("valid names"));
            Work::each(move |at| {
                let [method, route, status] = &sets[at % 64];
                counters.with_label_values(&[method, route, status]).inc();
            })
        })
        .note("finds a series by a hash alone and does not compare the labels"),
        Peer::new("prometheus-client", || {
            let (sets, family) = (label_sets(), Family::<Labels, ClientCounter>::default());
            Work::each(move |at| {
                let [method, route, status] = sets[at % 64].clone();
                family.get_or_create(&Labels { method, route, status }).inc();
            })
        }),
        Peer::new("otel-sdk", || {
            let (sets, counter) = (label_sets(), otel_meter().u64_counter("dynamic_total").build());
            Work::each(move |at| counter.add(1, &key_values(&sets[at % 64])))
        }),
        Peer::new("metrics + exporter-prometheus", || {
            metrics_recorder();
            let sets = label_sets();
            Work::each(move |at| {
                let [method, route, status] = sets[at % 64].clone();
                metrics::counter!("dynamic_total", "method" => method, "route" => route, "status" => status)
                    .increment(1);
            })
        }),
    ]
}

fn gauges() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            let gauge = tripod::gauge("gauge").build().bind(&[]);
            Work::each(move |at| black_box(&gauge).set(at as f64))
        }),
        Peer::new("prometheus", || {
            let gauge = prometheus::Gauge::new("gauge", "help").expect("a valid name");
            Work::each(move |at| black_box(&gauge).set(at as f64))
        }),
        Peer::new("prometheus-client", || {
            let gauge = ClientGauge::<f64, AtomicU64>::default();
            Work::each(move |at| {
                black_box(&gauge).set(at as f64);
            })
        })
        .note("set is a swap that returns the old value"),
        Peer::new("otel-sdk bind()", || {
            let gauge = otel_meter().f64_gauge("gauge").build().bind(&[]);
            Work::each(move |at| black_box(&gauge).record(at as f64))
        }),
        Peer::new("metrics + exporter-prometheus", || {
            metrics_recorder();
            let gauge = metrics::gauge!("gauge");
            Work::each(move |at| black_box(&gauge).set(at as f64))
        }),
    ]
}

fn histograms() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            let (values, histogram) = (values(), tripod::histogram("bound_seconds").buckets(&BOUNDS).build().bind(&[]));
            Work::each(move |at| black_box(&histogram).record(values[at % 256]))
        }),
        Peer::new("prometheus-client", || {
            let (values, histogram) = (values(), ClientHistogram::new(BOUNDS));
            Work::each(move |at| black_box(&histogram).observe(values[at % 256]))
        }),
        Peer::new("otel-sdk bind()", || {
            let histogram = otel_meter().f64_histogram("bound_seconds").with_boundaries(BOUNDS.to_vec()).build();
            let (values, histogram) = (values(), histogram.bind(&[]));
            Work::each(move |at| black_box(&histogram).record(values[at % 256]))
        })
        .note("needs experimental_metrics_bound_instruments; also keeps minimum and maximum"),
        Peer::new("prometheus", || {
            let options = prometheus::HistogramOpts::new("bound_seconds", "help").buckets(BOUNDS.to_vec());
            let (values, histogram) = (values(), prometheus::Histogram::with_opts(options).expect("a valid name"));
            Work::each(move |at| black_box(&histogram).observe(values[at % 256]))
        }),
        Peer::new("metrics + exporter-prometheus", || {
            let handle = metrics_recorder();
            let (values, histogram) = (values(), metrics::histogram!("bound_seconds"));
            Work::each(move |at| black_box(&histogram).record(values[at % 256])).flush(move || handle.run_upkeep())
        })
        .note("record only keeps the sample; the buckets are counted at upkeep, which is left out here"),
    ]
}
