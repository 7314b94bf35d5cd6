//! Programs that call `opentelemetry`, read back from the bytes that are sent.
#![cfg(feature = "opentelemetry")]

mod common;

use std::collections::HashMap;
use std::sync::Once;
use std::time::{Duration, SystemTime};

use common::{Telemetry, attribute, telemetry_with};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::logs::{AnyValue as OtelAny, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::metrics::AsyncInstrument;
use opentelemetry::trace::{
    FutureExt, Link, Span as _, SpanContext, SpanKind as OtelKind, Status, TraceContextExt, TraceFlags, TraceState,
    Tracer, TracerProvider as _, mark_span_as_active,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue, Value as OtelValue, global};
use tripod::bridge::opentelemetry::{LoggerProvider, TracerProvider, current_context};
use tripod::{Builder, InSpanExt, Level, Sampler, SpanKind, StatusCode};
use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::otlp::metrics::{MetricData, NumberValue};
use tripod_wire::otlp::{AnyValue, LogRecord, Span};

fn telemetry() -> Telemetry {
    bridged(|builder| builder)
}

fn bridged(change: impl FnOnce(Builder) -> Builder) -> Telemetry {
    static BRIDGE: Once = Once::new();
    BRIDGE.call_once(tripod::bridge::opentelemetry::init);
    telemetry_with(change)
}

fn is_child(child: &Span, parent: &Span) -> bool {
    child.trace_id == parent.trace_id && child.parent_span_id == parent.span_id
}

fn is_in(log: &LogRecord, span: &Span) -> bool {
    log.trace_id == span.trace_id && log.span_id == span.span_id
}

fn nanos(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn remote(trace_state: TraceState) -> SpanContext {
    SpanContext::new(0x1234_u128.into(), 0x56_u64.into(), TraceFlags::SAMPLED, true, trace_state)
}

#[test]
fn a_span_has_all_that_its_builder_and_its_owner_gave_it() {
    let telemetry = telemetry();
    let scope = InstrumentationScope::builder("shop")
        .with_version("1.2")
        .with_schema_url("https://example.com/schema")
        .with_attributes([KeyValue::new("team", "core")])
        .build();
    let tracer = global::tracer_with_scope(scope);
    let start = SystemTime::now() - Duration::from_secs(5);
    let at = start + Duration::from_secs(1);
    let end = start + Duration::from_secs(2);
    let linked = remote(TraceState::NONE);
    let mut span = tracer
        .span_builder("first name")
        .with_kind(OtelKind::Server)
        .with_start_time(start)
        .with_attributes([KeyValue::new("n", 1), KeyValue::new("list", OtelValue::Array(vec![1_i64, 2].into()))])
        .with_links(vec![Link::new(linked.clone(), vec![KeyValue::new("why", "retry")], 0)])
        .start(&tracer);
    assert!(span.is_recording() && span.span_context().is_sampled() && !span.span_context().is_remote());
    span.set_attribute(KeyValue::new("n", 2));
    span.add_event("simple", vec![]);
    span.add_event_with_timestamp("retried", at, vec![KeyValue::new("attempt", 3)]);
    span.add_link(linked, vec![]);
    span.set_status(Status::error("upstream is down"));
    span.update_name("GET /users/{id}");
    let id = span.span_context().span_id();
    span.end_with_timestamp(end);
    assert!(!span.is_recording());
    span.set_attribute(KeyValue::new("late", true));
    drop(span);

    let span = telemetry.span("GET /users/{id}");
    assert_eq!(span.span_id.0, id.to_bytes());
    assert_eq!(span.kind, SpanKind::SERVER);
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (nanos(start), nanos(end)));
    assert_eq!(span.attributes.len(), 2);
    assert_eq!(attribute(&span.attributes, "n"), &2_i64.into());
    assert_eq!(attribute(&span.attributes, "list"), &AnyValue::Array(vec![1_i64.into(), 2_i64.into()]));
    assert_eq!((span.events.len(), span.links.len()), (2, 2));
    assert_eq!((span.events[1].name.as_str(), span.events[1].time_unix_nano), ("retried", nanos(at)));
    assert_eq!(attribute(&span.events[1].attributes, "attempt"), &3_i64.into());
    assert_eq!(span.links[0].trace_id.0, 0x1234_u128.to_be_bytes());
    assert_eq!(attribute(&span.links[0].attributes, "why"), &"retry".into());
    assert_eq!((span.status.code, span.status.message.as_str()), (StatusCode::ERROR, "upstream is down"));
    let traces = telemetry.memory().traces();
    let scope = &traces[0].resource_spans[0].scope_spans[0];
    assert_eq!((scope.scope.name.as_str(), scope.scope.version.as_str()), ("shop", "1.2"));
    assert_eq!(attribute(&scope.scope.attributes, "team"), &"core".into());
    assert_eq!(scope.schema_url, "https://example.com/schema");
}

#[test]
fn a_success_stands_and_unset_undoes_nothing() {
    let telemetry = telemetry();
    let tracer = global::tracer("app");
    let mut fine = tracer.start("fine");
    fine.set_status(Status::Ok);
    fine.set_status(Status::error("too late"));
    let mut failed = tracer.start("failed");
    failed.set_status(Status::error("down"));
    failed.set_status(Status::Unset);
    drop((fine, failed));
    assert_eq!(telemetry.span("fine").status.code, StatusCode::OK);
    assert_eq!(telemetry.span("failed").status.code, StatusCode::ERROR);
}

#[test]
fn whichever_was_entered_later_is_the_parent() {
    let telemetry = telemetry();
    let tracer = global::tracer("app");
    {
        let _a = tripod::span!("a");
        tracer.in_span("b", |_| {
            let _c = tripod::span!("c");
            tripod::info!("in c");
            tracer.in_span("d", |_| {
                tripod::info!("in d");
                drop(tripod::span!("e"));
                drop(tracer.start("f"));
            });
            tripod::info!("in c");
            drop(tracer.start("g"));
        });
        tripod::info!("in a");
        drop(tracer.start("h"));
    }
    let span = |name: &str| telemetry.span(name);
    for (child, parent) in [("b", "a"), ("c", "b"), ("d", "c"), ("e", "d"), ("f", "d"), ("g", "c"), ("h", "a")] {
        assert!(is_child(&span(child), &span(parent)), "{child} in {parent}");
    }
    let logs = telemetry.logs();
    assert_eq!(logs.len(), 4);
    for log in logs {
        let AnyValue::String(body) = &log.body else { panic!("{:?}", log.body) };
        assert!(is_in(&log, &span(body.strip_prefix("in ").unwrap())), "{body}");
    }
    assert!(!tripod::current().context().is_valid());
}

#[test]
fn a_given_parent_comes_first_and_a_copy_of_what_is_current_is_none() {
    let telemetry = telemetry();
    let tracer = global::tracer("app");
    let other = Context::new().with_span(tracer.start("other"));
    tracer.in_span("outer", |outer| {
        let _inner = tripod::span!("inner");
        drop(tracer.start_with_context("given", &other));
        drop(tracer.start_with_context("copied", &outer));
        drop(tracer.start_with_context("empty", &Context::new()));
        let none = Context::new().with_remote_span_context(SpanContext::empty_context());
        drop(tracer.start_with_context("root", &none));
    });
    drop(other);
    let span = |name: &str| telemetry.span(name);
    assert!(is_child(&span("given"), &span("other")));
    assert!(is_child(&span("copied"), &span("inner")));
    assert!(is_child(&span("empty"), &span("inner")));
    assert!(!span("root").parent_span_id.is_valid() && span("root").trace_id != span("outer").trace_id);
}

#[test]
fn current_reaches_a_span_of_opentelemetry() {
    let telemetry = telemetry();
    let tracer = global::tracer("app");
    let _outer = tripod::span!("outer");
    tracer.in_span("work", |_| {
        let current = tripod::current();
        current.set_attribute("cache.hit", true);
        current.set_attribute("shown", tripod::Value::display(&"text"));
        tripod::event!("cache hit", key = "user:17");
        current.record_error(&std::io::Error::other("disk is full"));
        current.update_name("renamed");
        current.add_link(
            tripod::SpanContext {
                trace_id: tripod::TraceId([1; 16]),
                span_id: tripod::SpanId([2; 8]),
                flags: tripod::TraceFlags::SAMPLED,
                remote: true,
            },
            &[],
        );
    });
    let span = telemetry.span("renamed");
    assert_eq!(attribute(&span.attributes, "cache.hit"), &true.into());
    assert_eq!(attribute(&span.attributes, "shown"), &"text".into());
    let names: Vec<_> = span.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["cache hit", "exception"]);
    assert_eq!((span.status.code, span.status.message.as_str()), (StatusCode::ERROR, "disk is full"));
    assert_eq!(span.links.len(), 1);
}

#[test]
fn a_remote_parent_is_continued_with_its_state() {
    let telemetry = telemetry();
    let tracer = global::tracer("app");
    let state: TraceState = "vendor=1".parse().unwrap();
    let parent = Context::new().with_remote_span_context(remote(state));
    let span = tracer.start_with_context("request", &parent);
    assert_eq!(span.span_context().trace_state().header(), "vendor=1");
    {
        let _attached = parent.attach();
        drop(tripod::span!("also"));
    }
    drop(span);
    for name in ["request", "also"] {
        let span = telemetry.span(name);
        assert_eq!(span.parent_span_id.0, 0x56_u64.to_be_bytes());
        assert_eq!(span.trace_state, "vendor=1");
    }
}

#[test]
fn the_propagator_carries_what_is_current_on_either_side() {
    let _telemetry = telemetry();
    let tracer = global::tracer("app");
    let inject = |context: &Context| {
        let mut headers = HashMap::new();
        global::get_text_map_propagator(|propagator| propagator.inject_context(context, &mut headers));
        headers
    };
    let span = tripod::span!("here");
    let headers = inject(&Context::current_with_baggage([KeyValue::new("tenant", "acme")]));
    assert!(headers["traceparent"].contains(&span.context().span_id.to_string()));
    assert_eq!(headers["baggage"], "tenant=acme");
    tracer.in_span("there", |context| {
        let headers = inject(&context);
        assert!(headers["traceparent"].contains(&context.span().span_context().span_id().to_string()));
        let mut ours = HashMap::new();
        tripod::propagation::inject(&mut ours);
        assert_eq!(ours, headers);
    });
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    assert!(context.span().span_context().is_remote());
    assert_eq!(context.baggage().get("tenant").unwrap().as_str(), "acme");
    assert_eq!(inject(&context)["traceparent"], headers["traceparent"]);
    let with_metadata = HashMap::from([("baggage".to_owned(), "tenant=acme;ttl=30".to_owned())]);
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&with_metadata));
    assert_eq!(context.baggage().get_with_metadata("tenant").unwrap().1.as_str(), "ttl=30");
    assert_eq!(inject(&context)["baggage"], "tenant=acme;ttl=30");
    let names: Vec<_> = global::get_text_map_propagator(|propagator| propagator.fields().map(str::to_owned).collect());
    assert!(headers.keys().all(|name| names.contains(name)));
}

#[test]
fn a_suppressed_context_records_nothing_and_passes_its_span_on() {
    let telemetry = telemetry();
    let tracer = global::tracer("app");
    let parent = Context::new().with_remote_span_context(remote(TraceState::NONE)).with_telemetry_suppressed();
    let span = tracer.start_with_context("hidden", &parent);
    assert!(!span.is_recording());
    assert_eq!(span.span_context(), parent.span().span_context());
    let _attached = parent.attach();
    let logger = LoggerProvider::new().logger("app");
    assert!(!logger.event_enabled(Severity::Error, "app", None));
    logger.emit(logger.create_log_record());
    assert_eq!((telemetry.spans().len(), telemetry.logs().len()), (0, 0));
}

#[test]
fn an_unsampled_span_keeps_its_trace_and_records_nothing() {
    let telemetry = bridged(|builder| builder.sampler(Sampler::always_off()));
    global::tracer("app").in_span("a", |context| {
        let span = context.span();
        assert!(!span.is_recording() && !span.span_context().is_sampled() && span.span_context().is_valid());
        assert_eq!(tripod::current().context().trace_id.0, span.span_context().trace_id().to_bytes());
        drop(tripod::span!("b"));
    });
    assert_eq!(telemetry.spans(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn async_spans_of_both_kinds_keep_their_trace_on_any_thread() {
    const TASKS: usize = 50;
    let telemetry = telemetry();
    let handle = |n: usize| async move {
        let tracer = TracerProvider::new().tracer("app");
        let number = KeyValue::new("n", n as i64);
        let request = tracer.span_builder("request").with_attributes([number.clone()]).start(&tracer);
        let context = Context::new().with_span(request);
        async {
            tokio::task::yield_now().await;
            async {
                tokio::task::yield_now().await;
                tripod::info!("in query", n);
                let fetch = tracer.span_builder("fetch").with_attributes([number]).start(&tracer);
                async { tokio::task::yield_now().await }.with_context(Context::current_with_span(fetch)).await;
                let context = current_context();
                std::thread::spawn(move || {
                    let _attached = context.attach();
                    drop(tripod::span!("elsewhere", n));
                })
                .join()
                .unwrap();
            }
            .in_span(tripod::async_span!("query", n))
            .await;
        }
        .with_context(context)
        .await;
    };
    let tasks: Vec<_> = (0..TASKS).map(|n| tokio::spawn(handle(n))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (spans, logs) = (telemetry.spans(), telemetry.logs());
    assert_eq!((spans.len(), logs.len()), (4 * TASKS, TASKS));
    for n in 0..TASKS {
        let number = AnyValue::Int(n as i64);
        let of = |name: &str| {
            spans.iter().find(|span| span.name == name && *attribute(&span.attributes, "n") == number).unwrap()
        };
        assert!(!of("request").parent_span_id.is_valid());
        assert!(is_child(of("query"), of("request")));
        assert!(is_child(of("fetch"), of("query")) && is_child(of("elsewhere"), of("query")));
        assert!(is_in(logs.iter().find(|log| *attribute(&log.attributes, "n") == number).unwrap(), of("query")));
    }
}

#[test]
fn a_log_record_has_all_that_it_was_given() {
    let telemetry = telemetry();
    let logger = LoggerProvider::new().logger("appender");
    let (at, seen) = (SystemTime::now() - Duration::from_secs(9), SystemTime::now());
    let mut record = logger.create_log_record();
    record.set_event_name("order.placed");
    record.set_target("app::orders");
    record.set_timestamp(at);
    record.set_observed_timestamp(seen);
    record.set_severity_number(Severity::Warn2);
    record.set_severity_text("WARNING");
    record.set_body(OtelAny::from_iter([("order", OtelAny::from_iter([("id", OtelAny::Int(17))]))]));
    record.add_attribute("bytes", &[1_u8, 2][..]);
    record.add_attributes([("list", OtelAny::from_iter([1, 2])), ("ok", OtelAny::Boolean(true))]);
    record.set_trace_context(0x12_u128.into(), 0x34_u64.into(), Some(TraceFlags::SAMPLED));
    logger.emit(record);
    let log = &telemetry.logs()[0];
    assert_eq!(log.event_name, "order.placed");
    assert_eq!((log.time_unix_nano, log.observed_time_unix_nano), (nanos(at), nanos(seen)));
    assert_eq!((log.severity_number, log.severity_text.as_str()), (SeverityNumber(14), "WARNING"));
    let AnyValue::KvList(body) = &log.body else { panic!("{:?}", log.body) };
    let AnyValue::KvList(order) = attribute(body, "order") else { panic!("{body:?}") };
    assert_eq!(attribute(order, "id"), &17_i64.into());
    assert_eq!(attribute(&log.attributes, "bytes"), &AnyValue::Bytes(vec![1, 2]));
    assert_eq!(attribute(&log.attributes, "list"), &AnyValue::Array(vec![1_i64.into(), 2_i64.into()]));
    assert_eq!((log.trace_id.0, log.span_id.0), (0x12_u128.to_be_bytes(), 0x34_u64.to_be_bytes()));
    assert_eq!(telemetry.memory().logs_data()[0].resource_logs[0].scope_logs[0].scope.name, "app::orders");
}

#[test]
fn a_log_record_names_the_current_span_and_obeys_the_level() {
    let telemetry = bridged(|builder| builder.log_level(Level::Warn));
    let logger = LoggerProvider::new().logger("appender");
    let emit = |severity: Option<Severity>, body: &'static str| {
        let mut record = logger.create_log_record();
        if let Some(severity) = severity {
            record.set_severity_number(severity);
        }
        record.set_body(body.into());
        logger.emit(record);
    };
    assert!(logger.event_enabled(Severity::Warn, "", None) && !logger.event_enabled(Severity::Info4, "", None));
    {
        let _span = tripod::span!("work");
        emit(Some(Severity::Info), "too quiet");
        emit(Some(Severity::Error), "loud enough");
        emit(None, "who knows");
    }
    let (logs, span) = (telemetry.logs(), telemetry.span("work"));
    assert_eq!(logs.len(), 2);
    assert!(logs.iter().all(|log| is_in(log, &span) && log.time_unix_nano != 0));
    assert_eq!(logs[0].severity_text, "ERROR");
    assert_eq!(telemetry.memory().logs_data()[0].resource_logs[0].scope_logs[0].scope.name, "appender");
}

fn value_of(telemetry: &Telemetry, name: &str) -> f64 {
    let metric = telemetry.metric(name);
    let points = match metric.data {
        MetricData::Sum { data_points, .. } | MetricData::Gauge { data_points } => data_points,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(points.len(), 1, "{name}");
    assert_eq!(points[0].attributes.len(), 1, "{name}");
    match points[0].value {
        NumberValue::Int(value) => value as f64,
        NumberValue::Double(value) => value,
        NumberValue::Empty => panic!("{name} has no value"),
    }
}

#[test]
fn every_instrument_records() {
    let telemetry = telemetry();
    let meter = global::meter_with_scope(InstrumentationScope::builder("meter").with_version("3").build());
    let labels = &[KeyValue::new("route", "/pay")];
    meter.u64_counter("otel_u64").with_description("counts").with_unit("{call}").build().add(3, labels);
    meter.f64_counter("otel_f64").build().add(1.5, labels);
    let open = meter.i64_up_down_counter("otel_open").build();
    open.add(5, labels);
    open.add(-2, labels);
    meter.f64_up_down_counter("otel_level").build().add(-0.5, labels);
    meter.u64_gauge("otel_gauge_u64").build().record(7, labels);
    meter.i64_gauge("otel_gauge_i64").build().record(-7, labels);
    meter.f64_gauge("otel_gauge_f64").build().record(0.25, labels);
    fn report<T: Copy + Send + Sync + 'static>(value: T) -> impl Fn(&dyn AsyncInstrument<T>) + Send + Sync + 'static {
        move |instrument| instrument.observe(value, &[KeyValue::new("route", "/pay")])
    }
    meter.u64_observable_counter("otel_seen_u64").with_callback(report(11_u64)).build();
    meter.f64_observable_counter("otel_seen_f64").with_callback(report(1.25)).build();
    meter.i64_observable_up_down_counter("otel_seen_i64").with_callback(report(-11_i64)).build();
    meter.f64_observable_up_down_counter("otel_seen_level").with_callback(report(-1.25)).build();
    meter.u64_observable_gauge("otel_seen_gauge_u64").with_callback(report(12_u64)).build();
    meter.i64_observable_gauge("otel_seen_gauge_i64").with_callback(report(-12_i64)).build();
    meter.f64_observable_gauge("otel_seen_gauge_f64").with_callback(report(0.75)).build();
    let expected = [
        ("otel_u64", 3.0),
        ("otel_f64", 1.5),
        ("otel_open", 3.0),
        ("otel_level", -0.5),
        ("otel_gauge_u64", 7.0),
        ("otel_gauge_i64", -7.0),
        ("otel_gauge_f64", 0.25),
        ("otel_seen_u64", 11.0),
        ("otel_seen_f64", 1.25),
        ("otel_seen_i64", -11.0),
        ("otel_seen_level", -1.25),
        ("otel_seen_gauge_u64", 12.0),
        ("otel_seen_gauge_i64", -12.0),
        ("otel_seen_gauge_f64", 0.75),
    ];
    for (name, value) in expected {
        assert_eq!(value_of(&telemetry, name), value, "{name}");
    }
    let counter = telemetry.metric("otel_u64");
    assert_eq!((counter.description.as_str(), counter.unit.as_str()), ("counts", "{call}"));
    let data = telemetry.memory().metrics_data();
    let scopes = &data.last().unwrap().resource_metrics[0].scope_metrics;
    assert!(scopes.iter().any(|of| of.scope.name == "meter" && of.scope.version == "3"));
}

#[test]
fn a_histogram_has_the_boundaries_it_was_given() {
    let telemetry = telemetry();
    let meter = global::meter("meter");
    let sizes = meter.u64_histogram("otel_sizes").with_boundaries(vec![10.0, 100.0]).with_unit("By").build();
    for size in [5, 50, 500, 5000] {
        sizes.record(size, &[]);
    }
    meter.f64_histogram("otel_seconds").with_unit("s").build().record(0.3, &[]);
    let MetricData::Histogram { data_points, .. } = telemetry.metric("otel_sizes").data else { panic!() };
    assert_eq!((data_points[0].explicit_bounds.as_slice(), data_points[0].sum), (&[10.0, 100.0][..], Some(5555.0)));
    assert_eq!(data_points[0].bucket_counts, [1, 1, 2]);
    let MetricData::Histogram { data_points, .. } = telemetry.metric("otel_seconds").data else { panic!() };
    assert_eq!(data_points[0].count, 1);
}

#[test]
fn a_measurement_in_a_span_of_opentelemetry_is_an_exemplar_of_it() {
    let telemetry = telemetry();
    let counter = tripod::counter("otel_exemplar_total").build();
    global::tracer("app").in_span("work", |_| counter.inc(&[]));
    let MetricData::Sum { data_points, .. } = telemetry.metric("otel_exemplar_total").data else { panic!() };
    assert_eq!(data_points[0].exemplars[0].span_id, telemetry.span("work").span_id);
}

#[test]
fn a_span_that_ends_after_its_guards_went_out_of_order_keeps_its_parent() {
    let telemetry = telemetry();
    let tracer = global::tracer("app");
    let outer = mark_span_as_active(tracer.start("outer"));
    let inner = tripod::span!("inner");
    drop(outer);
    drop(tracer.start("child"));
    drop(inner);
    assert!(!tripod::current().context().is_valid());
    assert!(is_child(&telemetry.span("inner"), &telemetry.span("outer")));
    assert!(is_child(&telemetry.span("child"), &telemetry.span("inner")));
}

#[test]
fn without_telemetry_nothing_is_recorded_and_the_parent_is_passed_on() {
    let mut telemetry = telemetry();
    telemetry.stop();
    let parent = Context::new().with_remote_span_context(remote(TraceState::NONE));
    let span = global::tracer("app").start_with_context("off", &parent);
    assert_eq!(span.span_context(), parent.span().span_context());
    drop(span);
    assert_eq!(telemetry.memory().spans(), []);
}
