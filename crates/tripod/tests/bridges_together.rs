//! A program that calls everything at once: `tracing`, `log`, `metrics`, `opentelemetry`, `prometheus` and Tripod itself. All of it is
//! one trace, one list of logs and one collection of metrics.
#![cfg(all(
    feature = "log",
    feature = "metrics",
    feature = "opentelemetry",
    feature = "prometheus",
    feature = "tracing"
))]

mod common;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, Once};

use common::{Telemetry, attribute, telemetry_with};
use opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{FutureExt, Span as _, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use tracing::Instrument;
use tripod::bridge::opentelemetry::LoggerProvider;
use tripod::{Batch, Builder, ExportError, Exported, Exporter, InSpanExt, MemoryExporter};
use tripod_wire::otlp::metrics::{MetricData, NumberValue};
use tripod_wire::otlp::{AnyValue, LogRecord, Span};

static REGISTRY: LazyLock<prometheus::Registry> = LazyLock::new(prometheus::Registry::new);

fn telemetry(change: impl FnOnce(Builder) -> Builder) -> Telemetry {
    static BRIDGES: Once = Once::new();
    BRIDGES.call_once(|| {
        tripod::bridge::opentelemetry::init();
        tripod::bridge::tracing::subscriber().init().unwrap();
        tripod::bridge::log::init().unwrap();
        tripod::bridge::metrics::init().unwrap();
        tripod::bridge::prometheus::register(&REGISTRY);
    });
    telemetry_with(change)
}

fn otel_log(body: String) {
    let logger = LoggerProvider::new().logger("appender");
    let mut record = logger.create_log_record();
    record.set_severity_number(Severity::Info);
    record.set_body(body.into());
    logger.emit(record);
}

/// A line by each of them, that says during which span.
fn log_everywhere(span: &str) {
    log::info!("log in {span}");
    tracing::info!("tracing in {span}");
    otel_log(format!("opentelemetry in {span}"));
    tripod::info!("tripod in {span}");
}

fn is_child(child: &Span, parent: &Span) -> bool {
    child.trace_id == parent.trace_id && child.parent_span_id == parent.span_id
}

fn assert_in_their_spans(logs: &[LogRecord], spans: &[Span]) {
    for log in logs {
        let AnyValue::String(body) = &log.body else { panic!("{:?}", log.body) };
        let name = body.split_once(" in ").unwrap().1;
        let span = spans.iter().find(|span| span.name == name).unwrap();
        assert_eq!((log.trace_id, log.span_id), (span.trace_id, span.span_id), "{body}");
    }
}

#[test]
fn spans_and_logs_of_all_of_them_are_one_trace() {
    let telemetry = telemetry(|builder| builder);
    global::tracer("app").in_span("opentelemetry", |_| {
        log_everywhere("opentelemetry");
        let _tripod = tripod::span!("tripod");
        log_everywhere("tripod");
        tracing::info_span!("tracing").in_scope(|| {
            log_everywhere("tracing");
            global::tracer("app").in_span("innermost", |_| log_everywhere("innermost"));
            log_everywhere("tracing");
        });
        log_everywhere("tripod");
    });
    let names = ["opentelemetry", "tripod", "tracing", "innermost"];
    let spans = names.map(|name| telemetry.span(name));
    assert!(!spans[0].parent_span_id.is_valid());
    assert!(spans.windows(2).all(|pair| is_child(&pair[1], &pair[0])));
    let logs = telemetry.logs();
    assert_eq!(logs.len(), 6 * 4);
    assert_in_their_spans(&logs, &spans);
    assert!(!tripod::current().context().is_valid());
}

#[test]
fn metrics_of_all_of_them_are_one_collection() {
    let telemetry = telemetry(|builder| builder);
    let by_prometheus = prometheus::IntCounter::new("together_prometheus_total", "counts").unwrap();
    REGISTRY.register(Box::new(by_prometheus.clone())).unwrap();
    let by_opentelemetry = global::meter("app").u64_counter("together_opentelemetry_total").build();
    let by_tripod = tripod::counter("together_tripod_total").build();
    for _ in 0..3 {
        by_prometheus.inc();
        by_opentelemetry.add(1, &[]);
        by_tripod.inc(&[]);
        metrics::counter!("together_metrics_total").increment(1);
    }
    telemetry.flush();
    let collections = telemetry.memory().metrics_data();
    let last = collections.last().unwrap();
    assert_eq!(last.resource_metrics.len(), 1);
    let scopes = &last.resource_metrics[0].scope_metrics;
    for (scope, name) in [
        ("prometheus", "together_prometheus_total"),
        ("app", "together_opentelemetry_total"),
        ("", "together_metrics_total"),
        ("", "together_tripod_total"),
    ] {
        let of = scopes.iter().find(|of| of.scope.name == scope).unwrap();
        let metric = of.metrics.iter().find(|metric| metric.name == name).unwrap();
        let MetricData::Sum { data_points, is_monotonic: true, .. } = &metric.data else { panic!("{metric:?}") };
        assert!(matches!(data_points[0].value, NumberValue::Int(3) | NumberValue::Double(3.0)), "{metric:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_on_any_thread_keep_their_traces_apart() {
    const TASKS: usize = 40;
    let telemetry = telemetry(|builder| builder);
    let handle = |n: usize| async move {
        let tracer = global::tracer("app");
        let mut request = tracer.start("request");
        request.set_attribute(KeyValue::new("n", n as i64));
        async {
            tokio::task::yield_now().await;
            async {
                tokio::task::yield_now().await;
                async {
                    tokio::task::yield_now().await;
                    log::info!(n; "log");
                    tracing::info!(n, "tracing");
                    tripod::info!("tripod", n);
                    let context = tripod::Context::current();
                    let blocking = tokio::task::spawn_blocking(move || {
                        let _attached = context.attach();
                        drop(tracing::info_span!("blocking", n));
                        drop(
                            global::tracer("app")
                                .span_builder("blocking")
                                .with_attributes([KeyValue::new("n", n as i64)])
                                .start(&global::tracer("app")),
                        );
                    });
                    blocking.await.unwrap();
                }
                .instrument(tracing::info_span!("fetch", n))
                .await;
            }
            .in_span(tripod::async_span!("query", n))
            .await;
        }
        .with_context(Context::new().with_span(request))
        .await;
    };
    let tasks: Vec<_> = (0..TASKS).map(|n| tokio::spawn(handle(n))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (spans, logs) = (telemetry.spans(), telemetry.logs());
    assert_eq!((spans.len(), logs.len()), (5 * TASKS, 3 * TASKS));
    for n in 0..TASKS {
        let number = AnyValue::Int(n as i64);
        let of = |name: &str| -> Vec<&Span> {
            spans.iter().filter(|span| span.name == name && *attribute(&span.attributes, "n") == number).collect()
        };
        let (request, query, fetch) = (of("request")[0], of("query")[0], of("fetch")[0]);
        assert!(!request.parent_span_id.is_valid());
        assert!(is_child(query, request) && is_child(fetch, query));
        let blocking = of("blocking");
        assert!(blocking.len() == 2 && blocking.iter().all(|span| is_child(span, fetch)));
        let its: Vec<_> = logs.iter().filter(|log| *attribute(&log.attributes, "n") == number).collect();
        assert!(its.len() == 3 && its.iter().all(|log| log.span_id == fetch.span_id));
    }
}

/// Records something by each of them for every batch it sends, as an HTTP client does.
struct Talkative(MemoryExporter);

impl Exporter for Talkative {
    fn name(&self) -> &'static str {
        "talkative"
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        log::error!("sending");
        tracing::error!("sending");
        otel_log("sending".to_owned());
        let _span = tracing::info_span!("sending").entered();
        global::tracer("app").in_span("sending", |_| ());
        self.0.export(batch)
    }
}

#[test]
fn sending_telemetry_causes_no_more_of_it() {
    let sent = MemoryExporter::default();
    let telemetry = telemetry(|builder| builder.exporter(Talkative(sent.clone())));
    tripod::info!("once");
    drop(tracing::info_span!("work"));
    for _ in 0..3 {
        telemetry.flush();
    }
    assert_eq!((sent.logs().len(), sent.spans().len()), (1, 1));
}

/// Logs itself whenever it is shown.
struct LogsItself;

impl fmt::Display for LogsItself {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        log::info!("{LogsItself}");
        tracing::info!(value = %LogsItself, "again");
        let _span = tracing::info_span!("again", value = %LogsItself).entered();
        tripod::info!("{LogsItself}");
        f.write_str("shown")
    }
}

#[test]
fn what_logs_itself_while_it_is_shown_comes_to_an_end() {
    let telemetry = telemetry(|builder| builder.record_memory(64 << 20));
    log::info!("at last {LogsItself}");
    assert!(telemetry.logs().iter().any(|log| log.body == "at last shown".into()));
}

/// Cannot be shown.
struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("begun")?;
        panic!("no way to show it");
    }
}

#[test]
fn what_panics_while_it_is_shown_leaves_its_text_short_and_all_else_whole() {
    let telemetry = telemetry(|builder| builder);
    let shown = catch_unwind(AssertUnwindSafe(|| {
        let span = tripod::span!("tripod", value = %Panics, after = 1);
        span.add_event("event", tripod::labels!(value = %Panics, after = 2));
        let _tracing = tracing::info_span!("tracing", value = %Panics, after = 3).entered();
        log::info!("log {Panics}");
        tracing::info!(value = %Panics, "tracing");
        tripod::info!("tripod", value = %Panics, after = 4);
        tripod::counter("together_panics_total").build();
    }));
    assert!(shown.is_ok(), "the program goes on");
    let (ours, theirs) = (telemetry.span("tripod"), telemetry.span("tracing"));
    for (span, after) in [(&ours, 1_i64), (&theirs, 3)] {
        assert_eq!(attribute(&span.attributes, "value"), &"begun".into());
        assert_eq!(attribute(&span.attributes, "after"), &after.into());
    }
    assert!(is_child(&theirs, &ours));
    assert_eq!(attribute(&ours.events[0].attributes, "after"), &2_i64.into());
    let logs = telemetry.logs();
    assert_eq!(logs.len(), 3);
    assert!(logs.iter().any(|log| log.body == "log begun".into()));
    let tripod = logs.iter().find(|log| log.body == "tripod".into()).unwrap();
    assert_eq!(attribute(&tripod.attributes, "after"), &4_i64.into());
}
