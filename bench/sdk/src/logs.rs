//! Log lines: a message and three fields, in a span that stays open over a whole segment.

use fastrace::prelude::{LocalSpan as FastLocalSpan, Span as FastSpan, SpanContext as FastContext};
use opentelemetry::Context;
use opentelemetry::logs::{LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::trace::{TraceContextExt, Tracer};
use opentelemetry_appender_log::OpenTelemetryLogBridge;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::peers::{self, label_sets};
use crate::row::{Measure, Peer, Row, Work};
use crate::sinks::Kind;
use crate::spans::{FEW, FLOOD, ROW};

pub fn rows() -> Vec<Row> {
    let base = || Row { group: "logs", peers: lines(), ..ROW };
    vec![
        Row {
            name: "log",
            title: "log line with 3 fields in a span, the caller's time",
            note: "A string that the caller borrows, an integer and a float.",
            calls: FEW,
            target: Some(0.5),
            ..base()
        },
        Row {
            name: "log-flood",
            title: "log lines without a pause",
            note: "As the floods of spans.",
            measure: Measure::Cpu,
            calls: FLOOD,
            target: Some(0.4),
            ..base()
        },
    ]
}

fn lines() -> Vec<Peer> {
    vec![
        Peer::new("tripod", || {
            let guard = peers::tripod(|builder| builder);
            in_span(
                || tripod::span!("work"),
                |route, at| tripod::info!("user logged in", route, attempt = at, ratio = 0.5),
            )
            .flush(|| _ = guard.flush())
            .records(Kind::Log, 1)
            .lost(peers::tripod_lost(guard))
        }),
        Peer::new("otel-sdk log API", || {
            let (logs, tracer) = (peers::otel_logs(), peers::otel_traces().1);
            let logger = logs.logger("bench");
            in_span(
                move || Context::current_with_span(tracer.start("work")).attach(),
                move |route, at| {
                    let mut record = logger.create_log_record();
                    record.set_severity_number(Severity::Info);
                    record.set_severity_text("INFO");
                    record.set_body("user logged in".into());
                    record.add_attribute("route", route.to_owned());
                    record.add_attribute("attempt", at as i64);
                    record.add_attribute("ratio", 0.5);
                    logger.emit(record);
                },
            )
            .flush(move || _ = logs.force_flush())
            .records(Kind::Log, 1)
        })
        .note("the API written out by hand: no macro, no filter by level"),
        Peer::new("tracing-otel + otel appender", || {
            let (logs, (provider, tracer)) = (peers::otel_logs(), peers::otel_traces());
            let spans = peers::lean_layer(tracer).with_filter(filter_fn(|metadata| metadata.is_span()));
            let subscriber = tracing_subscriber::registry().with(spans).with(OpenTelemetryTracingBridge::new(&logs));
            tracing::subscriber::set_global_default(subscriber).expect("one subscriber a process");
            in_span(
                || tracing::info_span!("work").entered(),
                |route, attempt| tracing::info!(route, attempt, ratio = 0.5, "user logged in"),
            )
            .flush(move || _ = (logs.force_flush(), provider.force_flush()))
            .records(Kind::Log, 1)
        })
        .note("the span layer sees spans only, so that lines do not become span events too"),
        Peer::new("log + otel appender", || {
            let (logs, tracer) = (peers::otel_logs(), peers::otel_traces().1);
            let bridge = Box::leak(Box::new(OpenTelemetryLogBridge::new(&logs)));
            log::set_logger(bridge).expect("one logger a process");
            log::set_max_level(log::LevelFilter::Info);
            in_span(
                move || Context::current_with_span(tracer.start("work")).attach(),
                |route, attempt| log::info!(route, attempt, ratio = 0.5; "user logged in"),
            )
            .flush(move || _ = logs.force_flush())
            .records(Kind::Log, 1)
        }),
        Peer::new("fastrace, span event", || {
            peers::fastrace();
            in_span(
                || {
                    let root = FastSpan::root("work", FastContext::random());
                    let local = root.set_local_parent();
                    // What is declared first is dropped first.
                    (FastLocalSpan::enter_with_local_parent("lines"), local, root)
                },
                |route, at| {
                    FastLocalSpan::add_event(fastrace::Event::new("user logged in").with_properties(|| {
                        [("route", route.to_owned()), ("attempt", at.to_string()), ("ratio", 0.5.to_string())]
                    }));
                },
            )
            .flush(fastrace::flush)
            .records(Kind::Event, 1)
        })
        .note("it has no logs: an event of the span, without a level, its numbers formatted")
        .unranked(),
    ]
}

/// Calls with a route and a number, all within what `enter` makes.
fn in_span<G>(
    enter: impl Fn() -> G + Send + Sync + 'static,
    call: impl Fn(&str, usize) + Send + Sync + 'static,
) -> Work {
    let sets = label_sets();
    Work::new(move |n| {
        let _entered = enter();
        for at in 0..n as usize {
            call(&sets[at % 64][1], at);
        }
    })
}
