//! What holds for programs that call `tracing`, whether a layer or a subscriber records them; `crate::install` says which.
#![allow(unreachable_pub)]

use std::error::Error;
use std::fmt;
use std::sync::Once;

use tracing::Instrument;
use tracing::field::Empty;
use tripod::{Builder, InSpanExt, Level, Sampler, SpanContext, SpanKind, StatusCode};
use tripod_wire::otlp::logs::SeverityNumber;
use tripod_wire::otlp::{AnyValue, LogRecord, Span};

use crate::common::{Telemetry, attribute, telemetry_with};

pub fn telemetry() -> Telemetry {
    traced(|builder| builder)
}

/// Telemetry with all of `tracing` recorded.
pub fn traced(change: impl FnOnce(Builder) -> Builder) -> Telemetry {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(crate::install);
    telemetry_with(|builder| change(builder.log_level(Level::Trace)))
}

pub fn is_child(child: &Span, parent: &Span) -> bool {
    child.trace_id == parent.trace_id && child.parent_span_id == parent.span_id
}

fn is_in(log: &LogRecord, span: &Span) -> bool {
    log.trace_id == span.trace_id && log.span_id == span.span_id
}

#[derive(Debug, thiserror::Error)]
#[error("{1}")]
struct Failed(#[source] Option<Box<Failed>>, &'static str);

fn failed() -> Failed {
    Failed(Some(Box::new(Failed(None, "connection refused"))), "payment failed")
}

#[test]
fn spans_of_both_kinds_within_each_other_are_one_trace() {
    let telemetry = telemetry();
    {
        let _a = tripod::span!("a");
        let _b = tracing::info_span!("b").entered();
        let _c = tripod::span!("c");
        let _d = tracing::info_span!("d").entered();
        tracing::info!("in d");
        tripod::info!("also in d");
    }
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| telemetry.span(name));
    assert!(!a.parent_span_id.is_valid());
    assert!(is_child(&b, &a) && is_child(&c, &b) && is_child(&d, &c));
    let logs = telemetry.logs();
    assert_eq!(logs.len(), 2);
    assert!(logs.iter().all(|log| is_in(log, &d)));
}

#[test]
fn fields_keep_their_types_and_a_raw_name_loses_its_mark() {
    let telemetry = telemetry();
    tracing::info_span!(
        "work",
        text = "x",
        n = -7_i64,
        large = u64::MAX,
        share = 2.5,
        ok = true,
        shown = %"text",
        debug = ?Some(1),
        r#type = "t",
        wide = 5_u128,
    );
    let span = telemetry.span("work");
    let value = |key: &str| attribute(&span.attributes, key).clone();
    assert_eq!(value("text"), "x".into());
    assert_eq!(value("n"), (-7_i64).into());
    assert_eq!(value("large"), u64::MAX.to_string().into());
    assert_eq!(value("share"), 2.5.into());
    assert_eq!(value("ok"), true.into());
    assert_eq!(value("shown"), "text".into());
    assert_eq!(value("debug"), "Some(1)".into());
    assert_eq!(value("type"), "t".into());
    assert_eq!(value("wide"), 5_i64.into());
    assert_eq!(span.attributes.len(), 9);
}

#[test]
fn the_otel_fields_set_what_they_name() {
    let telemetry = telemetry();
    let span = tracing::info_span!(
        "plain",
        otel.name = "GET /users/{id}",
        otel.kind = "Server",
        otel.status_code = Empty,
        otel.status_message = Empty
    );
    span.record("otel.status_message", "upstream is down");
    span.record("otel.status_code", "ERROR");
    drop(span);
    drop(tracing::info_span!("fine", otel.kind = ?SpanKind::CLIENT, otel.status_code = "ok"));
    let span = telemetry.span("GET /users/{id}");
    assert_eq!(span.kind, SpanKind::SERVER);
    assert_eq!((span.status.code, span.status.message.as_str()), (StatusCode::ERROR, "upstream is down"));
    assert_eq!(span.attributes, []);
    let fine = telemetry.span("fine");
    assert_eq!(fine.status.code, StatusCode::OK);
}

#[test]
fn every_level_has_its_severity_message_and_fields() {
    let telemetry = telemetry();
    tracing::trace!("one {}", 1);
    tracing::debug!(n = 2, "two");
    tracing::info!("three");
    tracing::warn!("four");
    tracing::error!("five");
    let logs = telemetry.logs();
    let severities: Vec<_> = logs.iter().map(|log| log.severity_number).collect();
    let expected = [
        SeverityNumber::TRACE,
        SeverityNumber::DEBUG,
        SeverityNumber::INFO,
        SeverityNumber::WARN,
        SeverityNumber::ERROR,
    ];
    assert_eq!(severities, expected);
    assert_eq!((&logs[0].body, &logs[1].body), (&"one 1".into(), &"two".into()));
    assert_eq!(attribute(&logs[1].attributes, "n"), &2_i64.into());
    assert!(!logs[0].trace_id.is_valid());
}

#[test]
fn an_error_among_the_fields_keeps_its_chain() {
    let telemetry = telemetry();
    let error = failed();
    let error: &(dyn Error + 'static) = &error;
    {
        let _span = tracing::info_span!("work", cause = error).entered();
        tracing::warn!(error, "charging failed");
    }
    let log = &telemetry.logs()[0];
    assert_eq!(attribute(&log.attributes, "error"), &"payment failed".into());
    assert_eq!(attribute(&log.attributes, "exception.message"), &"payment failed".into());
    assert_eq!(attribute(&log.attributes, "exception.stacktrace"), &"caused by: connection refused".into());
    let span = telemetry.span("work");
    assert_eq!(attribute(&span.attributes, "cause"), &"payment failed".into());
    assert_eq!(span.events[0].name, "exception");
    assert_eq!(attribute(&span.events[0].attributes, "exception.stacktrace"), &"caused by: connection refused".into());
    assert_eq!((span.status.code, span.status.message.as_str()), (StatusCode::ERROR, "payment failed"));
}

#[test]
fn what_instrument_err_writes_makes_the_span_an_error() {
    #[tracing::instrument(err, skip_all, fields(order = id))]
    fn place(id: u32) -> Result<(), Failed> {
        Err(Failed(None, "out of stock"))
    }
    let telemetry = traced(|builder| builder.logs(false));
    assert!(place(17).is_err());
    let span = telemetry.span("place");
    assert_eq!((span.status.code, span.status.message.as_str()), (StatusCode::ERROR, "out of stock"));
    assert_eq!(attribute(&span.attributes, "order"), &17_i64.into());
    assert_eq!(telemetry.logs(), []);
}

#[test]
fn a_field_recorded_late_is_there_wherever_the_span_is() {
    let telemetry = telemetry();
    let span = tracing::info_span!("work", before = Empty, within = Empty, elsewhere = Empty, after = Empty);
    span.record("before", 1);
    span.in_scope(|| {
        span.record("within", 2);
        let other = span.clone();
        std::thread::spawn(move || {
            other.record("elsewhere", 3);
        })
        .join()
        .unwrap();
    });
    span.record("after", 4);
    drop(span);
    let span = telemetry.span("work");
    for (key, value) in [("before", 1_i64), ("within", 2), ("elsewhere", 3), ("after", 4)] {
        assert_eq!(attribute(&span.attributes, key), &value.into());
    }
}

#[test]
fn current_reaches_a_tracing_span() {
    let telemetry = telemetry();
    tracing::info_span!("work").in_scope(|| {
        tripod::current().set_attribute("cache.hit", true);
        tripod::event!("cache hit");
    });
    let span = telemetry.span("work");
    assert_eq!(attribute(&span.attributes, "cache.hit"), &true.into());
    assert_eq!(span.events.len(), 1);
}

#[test]
fn what_it_follows_from_is_a_link() {
    let telemetry = telemetry();
    let first = tracing::info_span!("first");
    let second = tracing::info_span!(parent: None, "second");
    second.follows_from(&first);
    drop((first, second));
    let (first, second) = (telemetry.span("first"), telemetry.span("second"));
    assert_eq!((second.links[0].trace_id, second.links[0].span_id), (first.trace_id, first.span_id));
    assert_eq!(second.links.len(), 1);
}

#[test]
fn a_given_parent_comes_before_the_current_one() {
    let telemetry = telemetry();
    {
        let parent = tracing::info_span!("parent");
        let _current = tracing::info_span!("current").entered();
        drop(tracing::info_span!(parent: &parent, "child"));
        drop(tracing::info_span!(parent: None, "root"));
        tracing::info!(parent: &parent, "in parent");
        tracing::info!(parent: None, "in none");
        tracing::info!("in current");
    }
    let [parent, current, child, root] = ["parent", "current", "child", "root"].map(|name| telemetry.span(name));
    assert!(is_child(&child, &parent));
    assert!(!root.parent_span_id.is_valid() && root.trace_id != current.trace_id);
    let logs = telemetry.logs();
    assert!(is_in(&logs[0], &parent));
    assert!(!logs[1].trace_id.is_valid() && !logs[1].span_id.is_valid());
    assert!(is_in(&logs[2], &current));
}

#[test]
fn spans_left_and_closed_out_of_order_keep_their_parents() {
    let telemetry = telemetry();
    {
        let outer = tracing::info_span!("outer").entered();
        let inner = tracing::info_span!("inner").entered();
        drop(outer);
        tracing::info!("in inner");
        let last = tripod::span!("last");
        drop(inner);
        tracing::info!("in last");
        drop(last);
        tracing::info!("in none");
    }
    let [outer, inner, last] = ["outer", "inner", "last"].map(|name| telemetry.span(name));
    assert!(is_child(&inner, &outer) && is_child(&last, &inner));
    let logs = telemetry.logs();
    assert!(is_in(&logs[0], &inner) && is_in(&logs[1], &last));
    assert!(!logs[2].trace_id.is_valid());
    assert_eq!(tripod::current().context(), SpanContext::default());
}

#[test]
fn a_span_entered_twice_and_on_two_threads_is_current_in_each() {
    let telemetry = telemetry();
    let span = tracing::info_span!("work");
    {
        let _first = span.enter();
        let _second = span.enter();
        std::thread::scope(|scope| {
            scope.spawn(|| span.in_scope(|| drop(tracing::info_span!("elsewhere"))));
        });
        drop(tracing::info_span!("here"));
    }
    assert_eq!(tripod::current().context(), SpanContext::default());
    drop(span);
    let [work, elsewhere, here] = ["work", "elsewhere", "here"].map(|name| telemetry.span(name));
    assert!(is_child(&elsewhere, &work) && is_child(&here, &work));
}

#[test]
fn a_span_lasts_until_tracing_closes_it() {
    let telemetry = telemetry();
    let span = tracing::info_span!("work");
    let other = span.clone();
    span.in_scope(|| {});
    drop(span);
    assert_eq!(telemetry.spans().len(), 0);
    drop(other);
    assert_eq!(telemetry.spans().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn async_spans_of_both_kinds_keep_their_trace_on_any_thread() {
    const TASKS: usize = 50;
    let telemetry = telemetry();
    let handle = |n: usize| {
        async move {
            tokio::task::yield_now().await;
            async {
                tokio::task::yield_now().await;
                tracing::info!(n, "in query");
                async { tokio::task::yield_now().await }.instrument(tracing::info_span!("fetch", n)).await;
            }
            .in_span(tripod::async_span!("query", n))
            .await;
        }
        .instrument(tracing::info_span!("request", n))
    };
    let tasks: Vec<_> = (0..TASKS).map(|n| tokio::spawn(handle(n))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (spans, logs) = (telemetry.spans(), telemetry.logs());
    let of = |name: &str, n: usize| {
        let n = AnyValue::Int(n as i64);
        spans.iter().find(|span| span.name == name && *attribute(&span.attributes, "n") == n).unwrap()
    };
    assert_eq!((spans.len(), logs.len()), (3 * TASKS, TASKS));
    for n in 0..TASKS {
        let (request, query, fetch) = (of("request", n), of("query", n), of("fetch", n));
        assert!(!request.parent_span_id.is_valid());
        assert!(is_child(query, request) && is_child(fetch, query));
        let number = AnyValue::Int(n as i64);
        assert!(is_in(logs.iter().find(|log| *attribute(&log.attributes, "n") == number).unwrap(), query));
    }
}

#[test]
fn what_is_recorded_while_a_field_is_shown_is_recorded_too() {
    struct Noisy;
    impl fmt::Debug for Noisy {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let _span = tracing::info_span!("showing").entered();
            tracing::info!("shown");
            tripod::info!("shown again");
            f.write_str("noisy")
        }
    }
    let telemetry = telemetry();
    {
        let span = tracing::info_span!("work", value = ?Noisy, late = Empty).entered();
        span.record("late", tracing::field::debug(Noisy));
        tracing::info!(value = ?Noisy, "outer {:?}", Noisy);
    }
    let spans = telemetry.spans();
    assert_eq!(spans.iter().filter(|span| span.name == "showing").count(), 4);
    let work = telemetry.span("work");
    assert_eq!(attribute(&work.attributes, "value"), &"noisy".into());
    assert_eq!(attribute(&work.attributes, "late"), &"noisy".into());
    let logs = telemetry.logs();
    assert_eq!(logs.len(), 9);
    let outer = logs.iter().find(|log| log.body == "outer noisy".into()).unwrap();
    assert_eq!(attribute(&outer.attributes, "value"), &"noisy".into());
}

#[test]
fn an_unsampled_trace_is_kept_by_its_children_but_not_recorded() {
    let telemetry = traced(|builder| builder.sampler(Sampler::always_off()));
    {
        let _a = tracing::info_span!("a", late = Empty).entered();
        let trace = tripod::current().trace_id().unwrap();
        let b = tracing::info_span!("b", late = Empty).entered();
        b.record("late", 1);
        assert_eq!(tripod::current().trace_id(), Some(trace));
        tracing::info!("still a log");
    }
    assert_eq!(telemetry.spans(), []);
    let log = &telemetry.logs()[0];
    assert!(log.trace_id.is_valid());
    assert_eq!(tripod::current().context(), SpanContext::default());
}

#[test]
fn without_telemetry_spans_and_events_do_nothing_and_later_ones_are_recorded() {
    let mut telemetry = telemetry();
    telemetry.stop();
    let before = tracing::info_span!("before", late = Empty).entered();
    before.record("late", 1);
    tracing::error!(error = "x", "nobody listens");
    drop(telemetry);
    let telemetry = self::telemetry();
    drop(tracing::info_span!("after"));
    drop(before);
    assert_eq!(telemetry.spans().len(), 1);
    assert!(!telemetry.span("after").parent_span_id.is_valid());
    assert_eq!(telemetry.logs(), []);
}
