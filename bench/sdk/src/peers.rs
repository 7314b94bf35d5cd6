//! How each SDK is set up, and the data that all works share.

use std::time::Duration;

use fastrace::collector::Config;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, Instrument, PeriodicReader, SdkMeterProvider, Stream};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;
use tripod::{Builder, Guard};

use crate::sinks::Nowhere;

/// The bounds of every histogram.
pub const BOUNDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// 64 sets of method, route and status, as strings that a caller only borrows, for example from a request.
pub fn label_sets() -> Vec<[String; 3]> {
    let methods = ["GET", "POST", "PUT", "DELETE"];
    let set = |n: usize| [methods[n % 4].to_owned(), format!("/api/v1/route{}", n / 4 % 4), (200 + n / 16).to_string()];
    (0..64).map(set).collect()
}

/// What histograms are given in turn.
pub fn values() -> [f64; 256] {
    std::array::from_fn(|n| (n * 37 % 256) as f64 / 25.0)
}

/// Tripod, sending nowhere, for as long as the process lives. Spans and logs are collected when flushed or when there are many.
pub fn tripod(configure: impl FnOnce(Builder) -> Builder) -> &'static Guard {
    let builder = tripod::init().exporter(Nowhere).metrics(false).schedule_delay(Duration::from_secs(60));
    Box::leak(Box::new(configure(builder).start().expect("nothing else has started telemetry in this process")))
}

/// What Tripod says that it lost of spans and logs.
pub fn tripod_lost(guard: &'static Guard) -> impl Fn() -> u64 {
    move || {
        let stats = guard.stats();
        let queues = stats.exporters.iter().map(|exporter| exporter.spans.dropped() + exporter.logs.dropped());
        stats.spans.refused + stats.logs.refused + queues.sum::<u64>()
    }
}

pub fn fastrace() {
    fastrace::set_reporter(Nowhere, Config::default());
}

/// The SDK's batch processor with its defaults.
pub fn otel_traces() -> (SdkTracerProvider, SdkTracer) {
    let provider = SdkTracerProvider::builder().with_batch_exporter(Nowhere).build();
    let tracer = provider.tracer("bench");
    (provider, tracer)
}

pub fn otel_logs() -> SdkLoggerProvider {
    SdkLoggerProvider::builder().with_batch_exporter(Nowhere).build()
}

pub fn otel_meter() -> Meter {
    otel_meter_of(2000)
}

/// A meter whose instruments may have so many series.
pub fn otel_meter_of(series: usize) -> Meter {
    let exporter = InMemoryMetricExporter::default();
    let reader = PeriodicReader::builder(exporter).with_interval(Duration::from_secs(3600)).build();
    let limit = move |_: &Instrument| Stream::builder().with_cardinality_limit(series).build().ok();
    let provider = SdkMeterProvider::builder().with_reader(reader).with_view(limit).build();
    let meter = provider.meter("bench");
    // Dropping the provider would stop it.
    std::mem::forget(provider);
    meter
}

/// tracing-opentelemetry without what it adds by default: locations, threads, targets, levels, busy and idle times.
pub fn lean_layer<S>(tracer: SdkTracer) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_level(false)
        .with_tracked_inactivity(false)
}

/// The `metrics` crate's global recorder.
pub fn metrics_recorder() -> PrometheusHandle {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("seconds".to_owned()), &BOUNDS);
    let recorder = builder.expect("there are buckets").build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).unwrap_or_else(|_| panic!("one recorder a process"));
    handle
}
