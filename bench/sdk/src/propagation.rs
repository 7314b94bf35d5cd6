//! A context to another process and back: `traceparent` into an `http::HeaderMap`, and out of it.

use std::hint::black_box;

use fastrace::prelude::{SpanContext as FastContext, SpanId, TraceId};
use http::{HeaderMap, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

use crate::peers;
use crate::row::{Peer, Row, Work};
use crate::spans::ROW;

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub fn rows() -> Vec<Row> {
    vec![Row {
        name: "propagation",
        group: "context",
        title: "W3C traceparent, injected and extracted",
        note: "Into an http::HeaderMap, which is kept, and out of it again.",
        calls: 0,
        target: Some(0.4),
        peers: peers(),
        ..ROW
    }]
}

fn peers() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            peers::tripod(|builder| builder);
            Work::new(|n| {
                let _span = tripod::span!("caller");
                let mut headers = HeaderMap::new();
                for _ in 0..n {
                    tripod::propagation::inject(&mut headers);
                    let context = tripod::propagation::extract(black_box(&headers));
                    assert!(context.span.is_valid());
                    black_box(&context);
                }
            })
        })
        .note("with baggage too, of which there is none, as its defaults are"),
        Peer::new("emit_traceparent", || {
            let own = emit_traceparent::Traceparent::try_from_str(TRACEPARENT).expect("a valid header");
            through_a_header(move || own.to_string(), |text| emit_traceparent::Traceparent::try_from_str(text).ok())
        })
        .note("a string each way, moved to and from the header by the caller; no tracestate"),
        Peer::new("fastrace SpanContext", || {
            let own = FastContext::new(TraceId::random(), SpanId::random());
            through_a_header(move || own.encode_w3c_traceparent(), FastContext::decode_w3c_traceparent)
        })
        .note("likewise"),
        Peer::new("otel TraceContextPropagator", || {
            let tracer = peers::otel_traces().1;
            otel(move || Context::current_with_span(tracer.start("caller")).attach(), Context::current)
        })
        .note("also writes and reads an empty tracestate"),
        Peer::new("tracing-otel", || {
            let subscriber = tracing_subscriber::registry().with(peers::lean_layer(peers::otel_traces().1));
            tracing::subscriber::set_global_default(subscriber).expect("one subscriber a process");
            otel(|| tracing::info_span!("caller").entered(), || tracing::Span::current().context())
        })
        .note("otel's propagator with the context of the current tracing span"),
    ]
}

fn through_a_header<T>(
    write: impl Fn() -> String + Send + Sync + 'static,
    read: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
) -> Work {
    Work::new(move |n| {
        let mut headers = HeaderMap::new();
        for _ in 0..n {
            headers.insert("traceparent", HeaderValue::from_str(&write()).expect("ASCII"));
            let text = black_box(&headers)["traceparent"].to_str().expect("ASCII");
            black_box(read(text).expect("what was written"));
        }
    })
}

fn otel<G>(
    enter: impl Fn() -> G + Send + Sync + 'static,
    current: impl Fn() -> Context + Send + Sync + 'static,
) -> Work {
    let propagator = TraceContextPropagator::new();
    Work::new(move |n| {
        let _entered = enter();
        let mut headers = HeaderMap::new();
        for _ in 0..n {
            propagator.inject_context(&current(), &mut HeaderInjector(&mut headers));
            let context = propagator.extract(&HeaderExtractor(black_box(&headers)));
            assert!(context.span().span_context().is_sampled());
            black_box(&context);
        }
    })
}
