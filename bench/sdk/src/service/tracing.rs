//! The service with tracing, tracing-opentelemetry, OpenTelemetry's metrics and its appender for logs.

use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Instrument;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use super::METRIC_INTERVAL;
use super::app::{Telemetry, header, router};
use crate::peers::lean_layer;

struct Tracing;

impl Telemetry for Tracing {
    fn child(order: u64, work: impl FnOnce() -> f64) -> f64 {
        let _span = tracing::info_span!("price order", app.order.id = order).entered();
        work()
    }

    fn priced(order: u64, items: u32, total: f64) {
        tracing::info!(app.order.id = order, app.order.items = items, app.order.total = total, "order priced");
    }
}

#[derive(Clone)]
struct Instruments {
    requests: Counter<u64>,
    duration: Histogram<f64>,
}

/// What is flushed.
pub struct Providers {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
    metrics: SdkMeterProvider,
}

impl Providers {
    pub fn flush(&self) {
        // What fails to be sent shows in what arrives.
        let _ = (self.traces.force_flush(), self.logs.force_flush(), self.metrics.force_flush());
    }
}

pub fn app(sink: &str) -> (Router, Providers) {
    let url = |signal| format!("{sink}/v1/{signal}");
    let spans = SpanExporter::builder().with_http().with_endpoint(url("traces")).build().expect("a valid endpoint");
    let lines = LogExporter::builder().with_http().with_endpoint(url("logs")).build().expect("a valid endpoint");
    let points = MetricExporter::builder().with_http().with_endpoint(url("metrics")).build().expect("a valid endpoint");
    let resource = Resource::builder().with_service_name("shop").build();
    let reader = PeriodicReader::builder(points).with_interval(METRIC_INTERVAL).build();
    let providers = Providers {
        traces: SdkTracerProvider::builder().with_resource(resource.clone()).with_batch_exporter(spans).build(),
        logs: SdkLoggerProvider::builder().with_resource(resource.clone()).with_batch_exporter(lines).build(),
        metrics: SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build(),
    };
    // The exporters' HTTP client traces itself, and the span layer would make span events of log lines.
    let ours = |target: &str| target.starts_with("bench_sdk");
    let spans = lean_layer(providers.traces.tracer("shop"))
        .with_filter(filter_fn(move |metadata| metadata.is_span() && ours(metadata.target())));
    let lines = OpenTelemetryTracingBridge::new(&providers.logs)
        .with_filter(filter_fn(move |metadata| ours(metadata.target())));
    let subscriber = tracing_subscriber::registry().with(spans).with(lines);
    tracing::subscriber::set_global_default(subscriber).expect("one subscriber a process");
    let meter = providers.metrics.meter("shop");
    let instruments = Instruments {
        requests: meter.u64_counter("http.server.requests").with_unit("{request}").build(),
        duration: meter.f64_histogram("http.server.request.duration").with_unit("s").build(),
    };
    (router::<Tracing>().layer(from_fn_with_state(instruments, serve)), providers)
}

async fn serve(State(instruments): State<Instruments>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("", MatchedPath::as_str);
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method.as_str(),
        http.route = route,
        url.path = request.uri().path(),
        url.scheme = "http",
        server.address = header(&request, "host"),
        user_agent.original = header(&request, "user-agent"),
        network.protocol.version = "1.1",
        http.response.status_code = tracing::field::Empty,
    );
    let parent = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
    span.set_parent(parent).expect("a span that has not been entered");
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    drop(span);
    let labels = [
        KeyValue::new("http.request.method", method.as_str().to_owned()),
        KeyValue::new("http.route", route.to_owned()),
        KeyValue::new("http.response.status_code", i64::from(status)),
    ];
    instruments.requests.add(1, &labels);
    instruments.duration.record(start.elapsed().as_secs_f64(), &labels);
    response
}
