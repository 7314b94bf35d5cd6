//! Spans: alone, with attributes and an event, nested, and not recorded.

use std::hint::black_box;

use fastrace::prelude::{LocalSpan as FastLocalSpan, Span as FastSpan, SpanContext as FastContext};
use opentelemetry::trace::{Span, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing_subscriber::layer::SubscriberExt;

use crate::peers::{self, label_sets};
use crate::row::{Measure, Peer, Row, Unit, Work};
use crate::sinks::{Kind, Nowhere};

/// At most so many records between two flushes: they fit every peer's queue, and no batch is due before.
pub const FEW: u64 = 500;
/// So many that background threads work meanwhile, and still no queue overflows.
pub const SOME: u64 = 1800;
/// Without a pause: whose queue is too short drops.
pub const FLOOD: u64 = 100_000;

pub const ROW: Row = Row {
    name: "",
    group: "spans",
    title: "",
    note: "",
    measure: Measure::Caller,
    unit: Unit::Nanos,
    threads: 1,
    calls: FEW,
    parts: 1,
    target: None,
    peers: Vec::new(),
};

pub fn rows() -> Vec<Row> {
    let cpu = "CPU time of all threads, flush included, a span that arrived. Tripod's exporter is handed OTLP, its peers' \
               exporters are handed their spans, not encoded yet.";
    let flood = "100,000 in a tight loop with default queues; CPU time of all threads for each that arrived, so that \
                 dropping does not count as done.";
    vec![
        Row {
            name: "span",
            title: "root span, start and end, the caller's time",
            target: Some(0.6),
            peers: roots(),
            ..ROW
        },
        Row {
            name: "span-cpu",
            title: "root span, CPU of all threads",
            note: cpu,
            measure: Measure::Cpu,
            calls: SOME,
            target: Some(0.4),
            peers: roots(),
            ..ROW
        },
        Row {
            name: "child",
            title: "root + child with 3 attributes and an event, the caller's time",
            note: "Two attributes are strings that the caller borrows, one is an integer.",
            calls: FEW / 2,
            target: Some(0.5),
            peers: children(),
            ..ROW
        },
        Row {
            name: "nested",
            title: "root + 10 nested, a span of them, the caller's time",
            calls: FEW / 11,
            parts: 11,
            target: Some(0.7),
            peers: nests(),
            ..ROW
        },
        Row {
            name: "unsampled",
            title: "root span that is not sampled",
            calls: 0,
            target: Some(0.3),
            peers: unsampled(),
            ..ROW
        },
        Row {
            name: "disabled",
            title: "root span while telemetry is off",
            calls: 0,
            target: Some(1.0),
            peers: disabled(),
            ..ROW
        },
        Row {
            name: "span-flood",
            title: "root spans without a pause",
            note: flood,
            measure: Measure::Cpu,
            calls: FLOOD,
            target: Some(0.4),
            peers: roots(),
            ..ROW
        },
        Row {
            name: "child-flood",
            title: "root + child with 3 attributes and an event, without a pause",
            note: flood,
            measure: Measure::Cpu,
            calls: FLOOD,
            target: Some(0.4),
            peers: children(),
            ..ROW
        },
    ]
}

fn with_tripod(spans: u64, call: impl Fn(usize) + Send + Sync + 'static) -> Work {
    let guard = peers::tripod(|builder| builder);
    Work::each(call).flush(|| _ = guard.flush()).records(Kind::Span, spans).lost(peers::tripod_lost(guard))
}

fn with_fastrace(spans: u64, call: impl Fn(usize) + Send + Sync + 'static) -> Work {
    peers::fastrace();
    Work::each(call).flush(fastrace::flush).records(Kind::Span, spans)
}

fn with_otel(spans: u64, call: impl Fn(&SdkTracer, usize) + Send + Sync + 'static) -> Work {
    let (provider, tracer) = peers::otel_traces();
    Work::each(move |at| call(&tracer, at)).flush(move || _ = provider.force_flush()).records(Kind::Span, spans)
}

fn with_tracing(spans: u64, call: impl Fn(usize) + Send + Sync + 'static) -> Work {
    let (provider, tracer) = peers::otel_traces();
    let subscriber = tracing_subscriber::registry().with(peers::lean_layer(tracer));
    tracing::subscriber::set_global_default(subscriber).expect("one subscriber a process");
    Work::each(call).flush(move || _ = provider.force_flush()).records(Kind::Span, spans)
}

const OVERFLOW: &str = "in a flood, what its ring can't hold waits in a list of the sending thread, without a bound, until that \
                        thread sends more: it is missing below, late rather than lost";
const LEAN: &str = "the layer without the locations, threads, targets, levels and times that it adds by default";

fn roots() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || with_tripod(1, |_| drop(tripod::span!("root")))),
        Peer::new("fastrace", || with_fastrace(1, |_| drop(FastSpan::root("root", FastContext::random()))))
            .note(OVERFLOW),
        Peer::new("otel-sdk", || with_otel(1, |tracer, _| drop(tracer.start("root")))),
        Peer::new("tracing-otel, lean", || with_tracing(1, |_| drop(tracing::info_span!("root").entered()))).note(LEAN),
    ]
}

fn children() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            let sets = label_sets();
            with_tripod(2, move |at| {
                let [method, route, _] = &sets[at % 64];
                let _root = tripod::span!("root");
                let child = tripod::span!("child", method, route, attempt = at);
                child.add_event("event", &[]);
            })
        }),
        Peer::new("fastrace", || {
            let sets = label_sets();
            with_fastrace(2, move |at| {
                let [method, route, _] = &sets[at % 64];
                let root = FastSpan::root("root", FastContext::random());
                let _local = root.set_local_parent();
                let _child = FastLocalSpan::enter_with_local_parent("child").with_properties(|| {
                    [("method", method.clone()), ("route", route.clone()), ("attempt", at.to_string())]
                });
                FastLocalSpan::add_event(fastrace::Event::new("event"));
            })
        })
        .note("properties are strings only: the integer is formatted. In a flood as above"),
        Peer::new("otel-sdk", || {
            let sets = label_sets();
            with_otel(2, move |tracer, at| {
                let [method, route, _] = &sets[at % 64];
                let _root = Context::current_with_span(tracer.start("root")).attach();
                let mut child = tracer.start("child");
                child.set_attribute(KeyValue::new("method", method.clone()));
                child.set_attribute(KeyValue::new("route", route.clone()));
                child.set_attribute(KeyValue::new("attempt", at as i64));
                child.add_event("event", vec![]);
            })
        }),
        Peer::new("tracing-otel, lean", || {
            let sets = label_sets();
            with_tracing(2, move |at| {
                let [method, route, _] = &sets[at % 64];
                let _root = tracing::info_span!("root").entered();
                let _child =
                    tracing::info_span!("child", method = method.as_str(), route = route.as_str(), attempt = at)
                        .entered();
                tracing::info!("event");
            })
        })
        .note(LEAN),
    ]
}

const DEPTH: usize = 11;

fn nests() -> Vec<Peer> {
    fn tripod(depth: usize) {
        let _span = tripod::span!("nested");
        if depth > 1 {
            tripod(depth - 1);
        }
    }
    fn fastrace(depth: usize) {
        let _span = FastLocalSpan::enter_with_local_parent("nested");
        if depth > 1 {
            fastrace(depth - 1);
        }
    }
    fn otel(tracer: &SdkTracer, depth: usize) {
        let _span = Context::current_with_span(tracer.start("nested")).attach();
        if depth > 1 {
            otel(tracer, depth - 1);
        }
    }
    fn tracing(depth: usize) {
        let _span = tracing::info_span!("nested").entered();
        if depth > 1 {
            tracing(depth - 1);
        }
    }
    const SPANS: u64 = DEPTH as u64;
    vec![
        Peer::new("tripod", || with_tripod(SPANS, |_| tripod(DEPTH))),
        Peer::new("fastrace", || {
            with_fastrace(SPANS, |_| {
                let root = FastSpan::root("root", FastContext::random());
                let _local = root.set_local_parent();
                fastrace(DEPTH - 1);
            })
        }),
        Peer::new("otel-sdk", || with_otel(SPANS, |tracer, _| otel(tracer, DEPTH))),
        Peer::new("tracing-otel, lean", || with_tracing(SPANS, |_| tracing(DEPTH))).note(LEAN),
    ]
}

fn unsampled() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            peers::tripod(|builder| builder.sampler(tripod::Sampler::always_off()));
            Work::each(|_| drop(black_box(tripod::span!("root"))))
        }),
        Peer::new("fastrace, sampled(false)", || {
            peers::fastrace();
            Work::each(|_| drop(black_box(FastSpan::root("root", FastContext::random().sampled(false)))))
        })
        .note("makes a trace id all the same, so that children can be told"),
        Peer::new("otel-sdk, AlwaysOff", || {
            let tracer = off_tracer();
            Work::each(move |_| drop(black_box(tracer.start("root"))))
        }),
        Peer::new("tracing-otel, lean, AlwaysOff", || {
            let subscriber = tracing_subscriber::registry().with(peers::lean_layer(off_tracer()));
            tracing::subscriber::set_global_default(subscriber).expect("one subscriber a process");
            Work::each(|_| drop(black_box(tracing::info_span!("root").entered())))
        }),
    ]
}

fn off_tracer() -> SdkTracer {
    let provider = SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).with_batch_exporter(Nowhere).build();
    let tracer = provider.tracer("bench");
    // Dropping the provider would stop it.
    std::mem::forget(provider);
    tracer
}

fn disabled() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || Work::each(|_| drop(black_box(tripod::span!("root"))))),
        Peer::new("tracing, no subscriber", || Work::each(|_| drop(black_box(tracing::info_span!("root").entered())))),
        Peer::new("fastrace, no reporter", || {
            Work::each(|_| drop(black_box(FastSpan::root("root", FastContext::random()))))
        }),
        Peer::new("otel API, no SDK", || {
            let tracer = opentelemetry::global::tracer("bench");
            Work::each(move |_| drop(black_box(tracer.start("root"))))
        }),
    ]
}
