//! OTLP: from finished spans to the bytes of a request.
//!
//! Tripod has no such step: an attribute is encoded when it is set, a span when it ends, and the collector puts records together.
//! So two bounds are measured of it. Above: whole spans, from start to the request that the exporter's thread is handed, clocks, ids
//! and wake-ups included. Below: the same of spans that run and have their attributes. The verdict is on the upper one.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use prost::Message;
use tripod::Span;

use crate::peers;
use crate::row::{Measure, Peer, Row, Unit, Work};
use crate::sinks::Kind;
use crate::spans::ROW;

const SPANS: usize = 512;

pub fn rows() -> Vec<Row> {
    vec![Row {
        name: "otlp",
        group: "export",
        title: "OTLP request of 512 spans with 5 attributes, CPU of all threads",
        note: "Three strings, an integer, a float. Peers: from the SDK's finished spans to protobuf, freeing them included.",
        measure: Measure::Cpu,
        unit: Unit::Micros,
        calls: 4,
        target: Some(0.15),
        peers: vec![
            Peer::new("tripod, whole spans + collect", whole_spans)
                .note("more than its peers: spans start, are given attributes and end; a request of them is with the exporter"),
            Peer::new("tripod, end + collect", ends)
                .note("less: spans are running and have their attributes; they end, a request of them is with the exporter"),
            Peer::new("otel-proto transform + prost", || {
                let resource = ResourceAttributesWithSchema::from(&Resource::builder().build());
                peer(move |batch| {
                    let resource_spans = group_spans_by_resource_and_scope(batch, &resource);
                    black_box(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
                })
            }),
            Peer::new("otel-otlp SpanExporter", || {
                let builder = opentelemetry_otlp::SpanExporter::builder().with_http().with_http_client(NoNetwork);
                let exporter = builder.with_endpoint("http://localhost/v1/traces").build().expect("a valid endpoint");
                peer(move |batch| {
                    let mut export = pin!(exporter.export(batch));
                    let done = export.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    assert!(matches!(done, Poll::Ready(Ok(()))), "a client that never waits");
                })
            })
            .note("the whole exporter, with an HTTP client that answers 200 at once"),
        ],
        ..ROW
    }]
}

const ROUTES: [&str; 4] = ["/orders", "/orders/{id}", "/users/{id}", "/health"];

/// A span with its attributes, about to end.
fn span(at: usize) -> Span {
    tripod::async_span!(
        "GET /orders/{id}",
        http.request.method = "GET",
        http.route = ROUTES[at % 4],
        server.address = "shop.example.com",
        http.response.status_code = 200,
        app.ratio = 0.25
    )
}

fn whole_spans() -> Work {
    let guard = peers::tripod(|builder| builder);
    Work::new(|n| (0..n as usize * SPANS).for_each(|at| drop(span(at))))
        .flush(|| _ = guard.flush())
        .records(Kind::Span, SPANS as u64)
}

fn ends() -> Work {
    let guard = peers::tripod(|builder| builder);
    let running = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&running);
    Work::new(move |_| own.lock().expect("nobody panics").clear())
        .prepare(move |n| running.lock().expect("nobody panics").extend((0..n as usize * SPANS).map(span)))
        .flush(|| _ = guard.flush())
        .records(Kind::Span, SPANS as u64)
}

fn peer(encode: impl Fn(Vec<SpanData>) + Send + Sync + 'static) -> Work {
    let ready = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&ready);
    Work::new(move |n| {
        for _ in 0..n {
            let batch = own.lock().expect("nobody panics").pop();
            encode(batch.expect("as many batches as calls"));
        }
    })
    .prepare(move |n| {
        let batches = (0..n).map(|_| (0..SPANS).map(finished).collect::<Vec<_>>());
        ready.lock().expect("nobody panics").extend(batches);
    })
}

fn finished(at: usize) -> SpanData {
    let trace = TraceId::from(at as u128 + 1);
    let start = SystemTime::now();
    SpanData {
        span_context: SpanContext::new(
            trace,
            SpanId::from(at as u64 + 1),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        ),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: "GET /orders/{id}".into(),
        start_time: start,
        end_time: start + Duration::from_micros(100),
        attributes: vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.route", ROUTES[at % 4]),
            KeyValue::new("server.address", "shop.example.com"),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("app.ratio", 0.25),
        ],
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("bench").build(),
    }
}

#[derive(Debug)]
struct NoNetwork;

#[async_trait::async_trait]
impl HttpClient for NoNetwork {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        black_box(request);
        Ok(Response::new(Bytes::new()))
    }
}
