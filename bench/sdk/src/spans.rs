//! Spans: alone, with attributes and an event, nested, and not recorded.

use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use fastrace::collector::{Config, Reporter, SpanRecord};
use fastrace::prelude::{LocalSpan as FastLocalSpan, Span as FastSpan, SpanContext as FastContext};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tripod::{Batch, ExportError, Exported, Exporter};

use crate::harness::{Peer, compare};

/// Takes everything and does nothing with it.
#[derive(Debug)]
struct Nowhere;

impl Exporter for Nowhere {
    fn name(&self) -> &'static str {
        "nowhere"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        black_box(&batch.body);
        Ok(Exported::default())
    }
}

impl SpanExporter for Nowhere {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        black_box(batch);
        Ok(())
    }
}

impl Reporter for Nowhere {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        black_box(spans);
    }
}

/// At most so many spans between two flushes, so that no peer's queue overflows.
const PER_ROUND: u64 = 500;

pub fn run() {
    let guard = Rc::new(tripod::init().exporter(Nowhere).metrics(false).schedule_delay(Duration::from_secs(60)).start().unwrap());
    let provider = SdkTracerProvider::builder().with_batch_exporter(Nowhere).build();
    let tracer = provider.tracer("bench");
    fastrace::set_reporter(Nowhere, Config::default());
    let flush = || {
        let guard = Rc::clone(&guard);
        move || {
            guard.flush();
        }
    };
    let flush_otel = || {
        let provider = provider.clone();
        move || drop(provider.force_flush())
    };

    let t = tracer.clone();
    compare(
        "root span, start + end",
        PER_ROUND,
        vec![
            Peer::new("tripod", |n| (0..n).for_each(|_| drop(tripod::span!("root")))).between(flush()),
            Peer::new("fastrace", |n| (0..n).for_each(|_| drop(FastSpan::root("root", FastContext::random()))))
                .between(fastrace::flush),
            Peer::new("otel-sdk", move |n| (0..n).for_each(|_| drop(t.start("root")))).between(flush_otel()),
        ],
    );

    let t = tracer.clone();
    compare(
        "root + child + 3 attributes + event",
        PER_ROUND / 2,
        vec![
            Peer::new("tripod", |n| {
                for at in 0..n {
                    let _root = tripod::span!("root");
                    let child = tripod::span!("child", user = "ada", attempt = at, ratio = 0.5);
                    child.add_event("event", &[]);
                }
            })
            .between(flush()),
            Peer::new("fastrace", |n| {
                for at in 0..n {
                    let root = FastSpan::root("root", FastContext::random());
                    let _local = root.set_local_parent();
                    let _child = FastLocalSpan::enter_with_local_parent("child").with_properties(|| {
                        [("user", "ada".to_owned()), ("attempt", at.to_string()), ("ratio", 0.5.to_string())]
                    });
                    FastLocalSpan::add_event(fastrace::Event::new("event"));
                }
            })
            .between(fastrace::flush),
            Peer::new("otel-sdk", move |n| {
                for at in 0..n {
                    let root = t.start("root");
                    let context = opentelemetry::trace::TraceContextExt::with_span(&opentelemetry::Context::new(), root);
                    let mut child = t.start_with_context("child", &context);
                    child.set_attribute(KeyValue::new("user", "ada"));
                    child.set_attribute(KeyValue::new("attempt", at as i64));
                    child.set_attribute(KeyValue::new("ratio", 0.5));
                    child.add_event("event", vec![]);
                    child.end();
                }
            })
            .between(flush_otel()),
        ],
    );

    compare(
        "root + 10 nested, the whole",
        PER_ROUND / 11,
        vec![
            Peer::new("tripod", |n| (0..n).for_each(|_| nested(11))).between(flush()),
            Peer::new("fastrace", |n| {
                for _ in 0..n {
                    let root = FastSpan::root("root", FastContext::random());
                    let _local = root.set_local_parent();
                    nested_fast(10);
                }
            })
            .between(fastrace::flush),
        ],
    );

    compare(
        "log line, 3 fields, in a span",
        PER_ROUND,
        vec![
            Peer::new("tripod", |n| {
                let _span = tripod::span!("work");
                for at in 0..n {
                    tripod::info!("user logged in", user = "ada", attempt = at, ratio = 0.5);
                }
            })
            .between(flush()),
        ],
    );

    drop(Rc::into_inner(guard));
    compare(
        "span while telemetry is off",
        1_000_000,
        vec![Peer::new("tripod", |n| (0..n).for_each(|_| drop(black_box(tripod::span!("off", a = 1)))))],
    );
}

fn nested(depth: u32) {
    let _span = tripod::span!("nested");
    if depth > 1 {
        nested(depth - 1);
    }
}

fn nested_fast(depth: u32) {
    let _span = FastLocalSpan::enter_with_local_parent("nested");
    if depth > 1 {
        nested_fast(depth - 1);
    }
}
