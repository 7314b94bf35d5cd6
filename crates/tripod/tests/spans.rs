//! Spans as a user writes them, read back from the bytes that are sent.

mod common;

use common::{attribute, telemetry, telemetry_with};
use tripod::{Context, InSpanExt, LocalSpan, Sampler, Span, SpanBuilder, SpanKind, SpanLimits, StatusCode, Value};
use tripod_wire::SpanId;
use tripod_wire::otlp::{AnyValue, KeyValue};

#[test]
fn nested_spans_are_parts_of_one_trace() {
    let telemetry = telemetry();
    {
        let _outer = tripod::span!("outer");
        let _inner = tripod::span!("inner");
    }
    tripod::span!("another").end();
    let (outer, inner, another) = (telemetry.span("outer"), telemetry.span("inner"), telemetry.span("another"));
    assert_eq!(outer.parent_span_id, SpanId::NONE);
    assert_eq!((inner.trace_id, inner.parent_span_id), (outer.trace_id, outer.span_id));
    assert_ne!(another.trace_id, outer.trace_id);
    assert!(outer.start_time_unix_nano <= inner.start_time_unix_nano);
    assert!(inner.end_time_unix_nano <= outer.end_time_unix_nano);
    assert!(outer.trace_id.is_valid() && outer.span_id.is_valid());
}

#[test]
fn attributes_keep_their_types() {
    let telemetry = telemetry();
    let (user, n) = (String::from("ada"), 7_u64);
    let span = tripod::span!(
        "work", user, n, http.method = "GET", "quoted.key" = 2.5, ok = true, list = vec![1, 2], shown = %"text", debug = ?Some(1),
        missing = None::<i64>, large = u64::MAX,
    );
    span.set_attribute("late", 3);
    drop(span);
    let span = telemetry.span("work");
    let value = |key: &str| attribute(&span.attributes, key).clone();
    assert_eq!(value("user"), "ada".into());
    assert_eq!(value("n"), 7_i64.into());
    assert_eq!(value("http.method"), "GET".into());
    assert_eq!(value("quoted.key"), 2.5.into());
    assert_eq!(value("ok"), true.into());
    assert_eq!(value("list"), AnyValue::Array(vec![1_i64.into(), 2_i64.into()]));
    assert_eq!(value("shown"), "text".into());
    assert_eq!(value("debug"), "Some(1)".into());
    assert_eq!(value("missing"), AnyValue::Empty);
    assert_eq!(value("large"), u64::MAX.to_string().into());
    assert_eq!(value("late"), 3_i64.into());
}

#[test]
fn an_attribute_set_again_replaces_the_first() {
    let telemetry = telemetry();
    let span = tripod::span!("work", a = 1, b = "x", c = 3);
    span.set_attribute("b", "a longer value than before");
    span.set_attribute("a", 10);
    span.set_attribute("b", "y");
    drop(span);
    let span = telemetry.span("work");
    assert_eq!(span.attributes.len(), 3);
    assert_eq!(attribute(&span.attributes, "a"), &10_i64.into());
    assert_eq!(attribute(&span.attributes, "b"), &"y".into());
    assert_eq!(attribute(&span.attributes, "c"), &3_i64.into());
}

#[test]
fn beyond_the_limit_attributes_events_and_links_are_counted_as_dropped() {
    let telemetry = telemetry();
    let span = tripod::span!("work");
    for n in 0..130 {
        span.set_attribute(&format!("key{n}"), n);
        span.add_event("event", &[]);
        span.add_link(span.context(), &[]);
    }
    drop(span);
    let span = telemetry.span("work");
    assert_eq!((span.attributes.len(), span.dropped_attributes_count), (128, 2));
    assert_eq!((span.events.len(), span.dropped_events_count), (128, 2));
    assert_eq!((span.links.len(), span.dropped_links_count), (128, 2));
}

#[derive(Debug, thiserror::Error)]
#[error("order {0} failed")]
struct OrderFailed(u32, #[source] std::io::Error);

#[test]
fn an_error_is_recorded_with_type_message_and_causes() {
    let telemetry = telemetry();
    let span = tripod::span!("work");
    span.record_error(&OrderFailed(7, std::io::Error::other("disk on fire")));
    drop(span);
    let span = telemetry.span("work");
    assert_eq!((span.status.code, span.status.message.as_str()), (StatusCode::ERROR, "order 7 failed"));
    let event = &span.events[0];
    assert_eq!(event.name, "exception");
    assert!(attribute(&event.attributes, "exception.type").to_string().ends_with("OrderFailed"));
    assert_eq!(attribute(&event.attributes, "exception.message"), &"order 7 failed".into());
    let trace = attribute(&event.attributes, "exception.stacktrace").to_string();
    assert_eq!(trace.lines().next(), Some("caused by: disk on fire"));
    // Where it was recorded is known where the environment asks for backtraces.
    let asked = std::backtrace::Backtrace::capture().status() == std::backtrace::BacktraceStatus::Captured;
    assert_eq!(trace.contains("an_error_is_recorded_with_type_message_and_causes"), asked);
    assert!(event.time_unix_nano >= span.start_time_unix_nano && event.time_unix_nano <= span.end_time_unix_nano);
}

#[test]
fn a_panic_that_leaves_a_span_is_recorded() {
    let telemetry = telemetry();
    let panicked = std::panic::catch_unwind(|| {
        let _span = tripod::span!("work");
        panic!("no more {}", "coffee");
    });
    assert!(panicked.is_err());
    let span = telemetry.span("work");
    assert_eq!(span.status.code, StatusCode::ERROR);
    assert!(span.status.message.contains("no more coffee"), "{}", span.status.message);
    assert_eq!(attribute(&span.events[0].attributes, "exception.type"), &"panic".into());
}

#[test]
fn what_is_below_reaches_the_current_span() {
    fn below() {
        tripod::current().set_attribute("depth", 2);
        tripod::event!("reached", by = "below");
    }
    let telemetry = telemetry();
    let span = tripod::span!("work");
    below();
    assert_eq!(tripod::current().span_id(), Some(span.context().span_id));
    drop(span);
    assert_eq!(tripod::current().trace_id(), None);
    let span = telemetry.span("work");
    assert_eq!(attribute(&span.attributes, "depth"), &2_i64.into());
    assert_eq!(span.events[0].name, "reached");
}

#[test]
fn guards_that_end_in_the_wrong_order_end_their_own_spans() {
    let telemetry = telemetry();
    let outer = tripod::span!("outer");
    let inner = tripod::span!("inner");
    drop(outer);
    inner.set_attribute("still", "open");
    drop(inner);
    assert_eq!(tripod::current().trace_id(), None);
    assert_eq!(attribute(&telemetry.span("inner").attributes, "still"), &"open".into());
    assert_eq!(telemetry.span("outer").attributes.len(), 0);
}

#[test]
fn a_builder_sets_kind_parent_links_and_start() {
    let telemetry = telemetry();
    let other = tripod::span!("other").context();
    let start = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    let parent = Context { span: other, ..Context::default() };
    let span = SpanBuilder::new("work").kind(SpanKind::SERVER).parent(parent).link(other).start_time(start).start();
    span.end();
    let span = telemetry.span("work");
    assert_eq!((span.kind, span.parent_span_id, span.trace_id), (SpanKind::SERVER, other.span_id, other.trace_id));
    assert_eq!(span.links[0].span_id, other.span_id);
    let seconds = (span.end_time_unix_nano - span.start_time_unix_nano) as f64 / 1e9;
    assert!((59.0..70.0).contains(&seconds), "{seconds}");
}

#[test]
fn a_builder_can_be_used_within_a_future_that_changes_threads() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let telemetry = telemetry();
    let work = is_send(async {
        let shown = 5;
        async {}.in_span(SpanBuilder::new("built").attribute("shown", tripod::Value::display(&shown)).start()).await;
    });
    pollster(work);
    assert_eq!(attribute(&telemetry.span("built").attributes, "shown"), &"5".into());
}

#[test]
fn a_span_goes_along_with_its_future_over_threads() {
    async fn below() {
        tokio::task::yield_now().await;
        let _inner = tripod::span!("inner");
        tripod::current().set_attribute("inside", true);
    }
    let telemetry = telemetry();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let tasks = (0..20).map(|n| tokio::spawn(below().in_span(tripod::async_span!("task", n))));
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    let spans = telemetry.spans();
    assert_eq!(spans.len(), 40);
    for inner in spans.iter().filter(|span| span.name == "inner") {
        let parent = spans.iter().find(|span| span.span_id == inner.parent_span_id).unwrap();
        assert_eq!((parent.name.as_str(), parent.trace_id), ("task", inner.trace_id));
        assert_eq!(inner.attributes.len(), 1);
    }
}

#[test]
fn a_context_goes_along_with_a_future_baggage_included() {
    async fn below() {
        tokio::task::yield_now().await;
        tripod::span!("below").end();
        let baggage = Context::current().baggage.expect("the baggage went along");
        assert_eq!(baggage.get("tenant"), Some("acme"));
    }
    let telemetry = telemetry();
    let mut baggage = tripod::Baggage::default();
    baggage.set("tenant", "acme");
    let span = tripod::span!("here");
    let context = Context::current().with_baggage(baggage);
    drop(span);
    pollster(below().in_context(context));
    assert!(Context::current().baggage.is_none());
    assert_eq!(telemetry.span("below").parent_span_id, telemetry.span("here").span_id);
}

#[test]
fn a_dropped_future_ends_its_span() {
    let telemetry = telemetry();
    let mut future = Box::pin(std::future::pending::<()>().in_span(tripod::async_span!("cancelled")));
    let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut task).is_pending());
    assert_eq!(tripod::current().trace_id(), None, "between polls it is not current");
    drop(future);
    telemetry.span("cancelled");
}

#[test]
fn an_unsampled_trace_is_not_sent_but_passed_on() {
    let telemetry = telemetry_with(|builder| builder.sampler(Sampler::always_off()));
    let outer = tripod::span!("outer");
    let context = outer.context();
    assert!(context.is_valid() && !context.is_sampled());
    let inner = Span::start("inner");
    assert!(!inner.is_recording());
    assert_eq!((inner.context().trace_id, inner.context().is_sampled()), (context.trace_id, false));
    drop((inner, outer));
    assert!(telemetry.spans().is_empty());
    assert_eq!(tripod::current().trace_id(), None);
}

#[test]
fn a_context_crosses_threads() {
    let telemetry = telemetry();
    let span = tripod::span!("here");
    let context = Context::current();
    std::thread::spawn(move || {
        let _attached = context.attach();
        tripod::span!("there").end();
    })
    .join()
    .unwrap();
    drop(span);
    assert_eq!(telemetry.span("there").parent_span_id, telemetry.span("here").span_id);
}

#[test]
fn without_telemetry_calls_do_nothing() {
    let mut telemetry = telemetry();
    telemetry.stop();
    let evaluated = std::cell::Cell::new(false);
    let span = tripod::span!(
        "work",
        x = {
            evaluated.set(true);
            1
        }
    );
    span.set_attribute("a", 1);
    span.add_event("e", &[]);
    assert!(!span.context().is_valid());
    tripod::info!(
        "nobody listens",
        x = {
            evaluated.set(true);
            1
        }
    );
    drop(span);
    drop(LocalSpan::none());
    assert!(!evaluated.get());
    assert!(telemetry.memory().spans().is_empty() && telemetry.memory().logs().is_empty());
}

#[test]
fn telemetry_in_a_display_is_left_out_and_counted_rather_than_a_panic() {
    struct Chatty(std::cell::RefCell<Option<Span>>);
    impl std::fmt::Display for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            tripod::info!("from within");
            tripod::debug!("below the level that is recorded");
            let _span = tripod::span!("from within");
            let _built = SpanBuilder::new("from within").start();
            drop(self.0.take());
            f.write_str("chatty")
        }
    }
    let telemetry = telemetry();
    let shown = || Chatty(Some(tripod::async_span!("ends within")).into());
    tripod::span!("work", who = %shown()).end();
    let message = shown();
    tripod::info!("also in a message: {message}");
    {
        // Here it is not a loss.
        let _quiet = tripod::suppress();
        tripod::span!("work", who = %shown()).end();
    }
    assert_eq!(attribute(&telemetry.span("work").attributes, "who"), &"chatty".into());
    assert_eq!(telemetry.logs().len(), 1);
    let stats = telemetry.stats();
    assert_eq!((stats.spans.nested, stats.spans.created), (6, 7));
    assert_eq!((stats.logs.nested, stats.logs.created), (2, 3));
    assert_eq!((stats.spans.late, stats.spans.refused, stats.live), (0, 0, 0));
    let processed = telemetry.metric("otel.sdk.processor.log.processed");
    assert!(format!("{processed:?}").contains("nested"), "{processed:?}");
}

#[test]
fn what_is_recorded_while_a_thread_ends_is_counted() {
    struct AtTheEnd;
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            tripod::info!("the thread ends");
            let _span = tripod::span!("the thread ends");
        }
    }
    thread_local!(static LAST: AtTheEnd = const { AtTheEnd });
    let telemetry = telemetry();
    // Made first, so dropped last: when the thread's part of telemetry is gone.
    std::thread::spawn(|| LAST.with(|_| tripod::span!("work").end())).join().unwrap();
    assert_eq!(telemetry.spans().len(), 1);
    let stats = telemetry.stats();
    assert_eq!((stats.spans.late, stats.logs.late, stats.live), (1, 1, 0));
}

#[test]
fn the_attribute_traced_makes_spans_and_records_errors() {
    #[tripod::traced]
    fn plain(a: i32) -> i32 {
        a + 1
    }
    #[tripod::traced("renamed", fields(order.id = id))]
    fn failing(id: u32) -> Result<(), OrderFailed> {
        Err(std::io::Error::other("no")).map_err(|error| OrderFailed(id, error))?;
        Ok(())
    }
    #[tripod::traced(name = "async one")]
    async fn asynchronous(text: &str) -> Result<String, std::num::ParseIntError> {
        tokio::task::yield_now().await;
        let n: i32 = text.parse()?;
        Ok(format!("{n}"))
    }
    #[tripod::traced]
    fn only_displayed() -> Result<(), &'static str> {
        Err("no error type")
    }
    #[tripod::traced]
    fn undisplayable() -> Result<(), ()> {
        Err(())
    }
    struct Service(u32);
    impl Service {
        #[tripod::traced]
        fn method(&mut self, by: u32) -> impl Iterator<Item = u32> + use<> {
            self.0 += by;
            0..self.0
        }
    }
    let telemetry = telemetry();
    assert_eq!(plain(1), 2);
    assert!(failing(9).is_err());
    assert!(pollster(asynchronous("x")).is_err());
    assert!(only_displayed().is_err() && undisplayable().is_err());
    assert_eq!(Service(1).method(2).count(), 3);
    assert_eq!(telemetry.span("plain").status.code, StatusCode::UNSET);
    let failed = telemetry.span("renamed");
    assert_eq!((failed.status.code, failed.status.message.as_str()), (StatusCode::ERROR, "order 9 failed"));
    assert_eq!(attribute(&failed.attributes, "order.id"), &9_i64.into());
    let trace = attribute(&failed.events[0].attributes, "exception.stacktrace").to_string();
    assert_eq!(trace.lines().next(), Some("caused by: no"));
    assert_eq!(telemetry.span("async one").status.code, StatusCode::ERROR);
    assert_eq!(telemetry.span("only_displayed").status.message, "no error type");
    assert_eq!(telemetry.span("undisplayable").status.code, StatusCode::UNSET);
    telemetry.span("method");
}

fn pollster<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn the_limits_are_those_that_telemetry_was_started_with() {
    let limits = SpanLimits { attributes: 2, events: 0, links: 1, ..SpanLimits::default() };
    let telemetry = telemetry_with(|builder| builder.span_limits(limits));
    let span = tripod::span!("work", a = 1, b = 2, c = 3);
    span.set_attribute("a", "set again: no further attribute");
    span.add_event("event", &[]);
    span.add_link(span.context(), &[]);
    span.add_link(span.context(), &[]);
    drop(span);
    let span = telemetry.span("work");
    assert_eq!((span.attributes.len(), span.dropped_attributes_count), (2, 1));
    assert_eq!((span.events.len(), span.dropped_events_count), (0, 1));
    assert_eq!((span.links.len(), span.dropped_links_count), (1, 1));
}

#[test]
fn values_nest_as_lists_and_maps_and_the_limit_holds_within_them() {
    use std::collections::BTreeMap;
    let limits = SpanLimits { attribute_value_length: Some(3), event_attributes: 1, ..SpanLimits::default() };
    let telemetry = telemetry_with(|builder| builder.span_limits(limits));
    let map = BTreeMap::from([("size", vec![1, 2]), ("none", vec![])]);
    let span = tripod::span!(
        "work",
        map,
        pairs = Value::Map(&[("text", "grün"), ("key", "ok")]),
        nested = vec![vec!["long text"]],
        bytes = Value::Bytes(&[1, 2, 3, 4]),
        shown = %"ünïcode",
        debug = ?"quoted"
    );
    span.add_event("event", tripod::labels!(kept = "abcdef", left.out = 1));
    drop(span);
    let span = telemetry.span("work");
    let value = |key: &str| attribute(&span.attributes, key).clone();
    let list = |items: &[i64]| AnyValue::Array(items.iter().map(|item| (*item).into()).collect());
    let pair = |key: &str, value: AnyValue| KeyValue::new(key, value);
    assert_eq!(value("map"), AnyValue::KvList(vec![pair("none", list(&[])), pair("size", list(&[1, 2]))]));
    assert_eq!(value("pairs"), AnyValue::KvList(vec![pair("text", "grü".into()), pair("key", "ok".into())]));
    assert_eq!(value("nested"), AnyValue::Array(vec![AnyValue::Array(vec!["lon".into()])]));
    assert_eq!(value("bytes"), AnyValue::Bytes(vec![1, 2, 3]));
    assert_eq!(value("shown"), "ünï".into());
    assert_eq!(value("debug"), "\"qu".into());
    let event = &span.events[0];
    assert_eq!((event.attributes.len(), event.dropped_attributes_count), (1, 1));
    assert_eq!(attribute(&event.attributes, "kept"), &"abc".into());
}

#[test]
fn long_keys_and_values_are_written_whole() {
    let telemetry = telemetry();
    let span = tripod::span!("work");
    let texts: Vec<String> = (0..40).map(|n| "x".repeat(n * 7)).collect();
    for text in &texts {
        span.set_attribute(&format!("key{text}"), text);
        span.set_attribute(&format!("number{text}"), i64::MIN);
    }
    drop(span);
    let span = telemetry.span("work");
    for text in &texts {
        assert_eq!(attribute(&span.attributes, &format!("key{text}")), &text.as_str().into());
        assert_eq!(attribute(&span.attributes, &format!("number{text}")), &i64::MIN.into());
    }
}

#[test]
fn events_have_their_own_time_and_links_their_trace_state() {
    let telemetry = telemetry();
    let at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(1_234_567_890);
    let other =
        Context { span: tripod::span!("other").context(), trace_state: Some("a=1".into()), ..Context::default() };
    let span = tripod::span!("work");
    span.add_event_at("earlier", at, &[]);
    span.add_link(&other, tripod::labels!(why = "batch"));
    span.set_attributes(tripod::labels!(a = 1, b = 2));
    drop(span);
    let span = telemetry.span("work");
    assert_eq!(span.events[0].time_unix_nano, 1_234_567_890);
    assert_eq!((span.links[0].trace_state.as_str(), span.links[0].span_id), ("a=1", other.span.span_id));
    assert_eq!(attribute(&span.links[0].attributes, "why"), &"batch".into());
    assert_eq!(span.attributes.len(), 2);
}

#[test]
fn an_error_of_unknown_type_is_recorded_without_one() {
    let telemetry = telemetry();
    let mut span = Span::start("work");
    let error: Box<dyn std::error::Error> = "no luck".into();
    span.record_error(&*error);
    drop(span);
    let event = &telemetry.span("work").events[0];
    assert!(event.attributes.iter().all(|attribute| attribute.key != "exception.type"));
    assert_eq!(attribute(&event.attributes, "exception.message"), &"no luck".into());
}

#[test]
fn a_closure_runs_in_a_span() {
    let telemetry = telemetry();
    let mut outer = Span::start("outer");
    let inner = outer.in_scope(|| tripod::in_span("inner", || tripod::current().span_id()));
    drop(outer);
    assert_eq!(telemetry.span("inner").span_id, inner.unwrap());
    assert_eq!(telemetry.span("inner").parent_span_id, telemetry.span("outer").span_id);
}

#[test]
fn the_attribute_traced_takes_kind_name_parent_and_root_and_leaves_errors_out() {
    #[tripod::traced(name = format!("GET {route}"), kind = "server", root, fields(route))]
    fn serve(route: &str) -> u64 {
        u64::from(tripod::current().span_id().is_some())
    }
    #[tripod::traced(parent = parent, errors = false)]
    async fn send(parent: Context) -> Result<(), std::fmt::Error> {
        Err(std::fmt::Error)
    }
    let telemetry = telemetry();
    let outer = tripod::span!("outer");
    assert_eq!(serve("/users"), 1);
    let parent = Context::current();
    drop(outer);
    assert!(pollster(send(parent)).is_err());
    let served = telemetry.span("GET /users");
    assert_eq!((served.kind, served.parent_span_id), (SpanKind::SERVER, SpanId::NONE));
    assert_eq!(attribute(&served.attributes, "route"), &"/users".into());
    let sent = telemetry.span("send");
    assert_eq!(sent.parent_span_id, telemetry.span("outer").span_id);
    assert_eq!((sent.status.code, sent.events.len()), (StatusCode::UNSET, 0));
}

#[test]
fn the_current_span_is_reached_where_its_context_was_attached_once_more() {
    let telemetry = telemetry();
    let span = tripod::span!("work");
    let attached = Context::current().attach();
    tripod::current().set_attribute("reached", true);
    drop(attached);
    drop(span);
    assert_eq!(attribute(&telemetry.span("work").attributes, "reached"), &true.into());
}
