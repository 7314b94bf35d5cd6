//! Spans: kept, found, counted, and the same after a restart.

mod common;

use std::time::Duration;

use common::{any_trace, child_of, failed, open, span, span_id, spans, trace_id};
use proptest::prelude::*;
use tripod_store::{
    AttributeMatch, Embedded, Operation, Options, ServiceShare, SpanStore, Store, StoreError, TraceQuery, TraceSummary,
    Window,
};
use tripod_wire::otlp::trace::{Event, SpanKind};
use tripod_wire::otlp::{KeyValue, ResourceSpans, ScopeSpans, Span, TracesData};
use tripod_wire::proto::Message;

/// Numbers of the traces found, in the order found.
fn found(store: &Embedded, query: &TraceQuery) -> Vec<u64> {
    let traces = store.find_traces(query).unwrap();
    traces.iter().map(|trace| u128::from_be_bytes(trace.id.0) as u64 - 1).collect()
}

fn having(key: &str, value: &str) -> TraceQuery {
    TraceQuery { attributes: vec![AttributeMatch { key: key.into(), value: value.into() }], ..any_trace() }
}

#[test]
fn a_trace_is_read_back_whole_and_in_order_with_who_emitted_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let mut first = span(1, 1, "first", 10);
    first.attributes = vec![KeyValue::new("answer", 42)];
    first.events = vec![Event { name: "happened".into(), ..Event::default() }];
    let second = child_of(span(1, 2, "second", 20), 1);
    store.append_spans(&spans("b", [second.clone(), span(2, 9, "other", 5)])).unwrap();
    store.append_spans(&spans("a", [first.clone()])).unwrap();
    let check = |store: &Embedded| {
        let trace = store.trace(trace_id(1)).unwrap().unwrap();
        assert_eq!(trace.id, trace_id(1));
        assert_eq!(trace.spans.iter().map(|stored| &stored.span).collect::<Vec<_>>(), [&first, &second]);
        assert_eq!(trace.spans[0].resource.service_name(), "a");
        assert_eq!(trace.spans[1].scope.name, "test");
        assert_eq!(store.trace(trace_id(77)).unwrap(), None);
    };
    check(&store);
    drop(store);
    check(&open(dir.path()).0);
}

#[test]
fn a_span_without_valid_ids_is_rejected_alone_now_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let no_trace = Span { trace_id: tripod_wire::TraceId::NONE, ..span(1, 1, "no trace", 1) };
    let no_span = Span { span_id: tripod_wire::SpanId::NONE, ..span(1, 2, "no span", 1) };
    let appended = store.append_spans(&spans("a", [no_trace.clone(), span(1, 3, "good", 1), no_span])).unwrap();
    assert_eq!((appended.accepted, appended.rejected), (1, 2));
    assert!(appended.reason.unwrap().contains("\"no trace\" has no valid trace id"));
    let status = store.status();
    assert_eq!(status.spans, 1);
    drop(store);
    assert_eq!(open(dir.path()).0.status(), status);

    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    assert_eq!(store.append_spans(&spans("a", [no_trace])).unwrap().rejected, 1);
    assert_eq!(store.status().disk_bytes, 0, "a batch of which nothing is kept is not written");
}

#[test]
fn bytes_that_are_no_request_are_an_error_and_nothing_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let request = spans("a", [span(1, 1, "x", 1), span(1, 2, "y", 2)]);
    for end in 1..request.len() {
        let error = store.append_spans(&request[..end]).unwrap_err();
        assert!(matches!(error, StoreError::Decode(_)), "cut at {end}: {error}");
    }
    assert_eq!(store.append_spans(&[]).unwrap().accepted, 0);
    assert_eq!((store.status().spans, store.status().disk_bytes), (0, 0));
}

#[test]
fn services_and_operations_are_sorted_and_each_named_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let server = Span { kind: SpanKind::SERVER, ..span(3, 1, "get", 1) };
    store
        .append_spans(&spans("b", [span(1, 1, "put", 1), span(2, 1, "get", 1), span(2, 2, "get", 2), server]))
        .unwrap();
    store.append_spans(&spans("a", [span(1, 2, "other", 1)])).unwrap();
    assert_eq!(store.services().unwrap(), ["a", "b"]);
    let operation = |name: &str, kind| Operation { name: name.into(), kind };
    assert_eq!(
        store.operations("b").unwrap(),
        [
            operation("get", SpanKind::INTERNAL),
            operation("get", SpanKind::SERVER),
            operation("put", SpanKind::INTERNAL)
        ]
    );
    assert_eq!(store.operations("c").unwrap(), []);
}

#[test]
fn late_spans_are_found_where_their_time_puts_them() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    for start in [50, 10, 40, 90, 20] {
        store.append_spans(&spans("a", [span(start, start, "x", start)])).unwrap();
    }
    assert_eq!(found(&store, &any_trace()), [90, 50, 40, 20, 10]);
    assert_eq!(found(&store, &TraceQuery { limit: 2, ..any_trace() }), [90, 50]);
    let window = Window { start: 20_000, end: 50_000 };
    assert_eq!(found(&store, &TraceQuery { window, ..any_trace() }), [50, 40, 20], "both ends belong to the window");
    assert_eq!(found(&store, &TraceQuery { limit: 0, ..any_trace() }), Vec::<u64>::new());
}

#[test]
fn attributes_of_span_event_scope_and_resource_all_count() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let mut with_event = span(1, 1, "x", 1);
    with_event.events =
        vec![Event { attributes: vec![KeyValue::new("exception.type", "Timeout")], ..Event::default() }];
    let mut with_attribute = span(2, 2, "x", 2);
    with_attribute.attributes = vec![KeyValue::new("http.status", 500), KeyValue::new("key", "other")];
    let scope_span = span(3, 3, "x", 3);
    let mut scope = common::scope("lib");
    scope.attributes = vec![KeyValue::new("lib.flag", true)];
    let scope_spans = vec![ScopeSpans { scope, spans: vec![scope_span], ..ScopeSpans::default() }];
    let resource_spans =
        vec![ResourceSpans { resource: common::resource("b"), scope_spans, ..ResourceSpans::default() }];
    store.append_spans(&spans("a", [with_event, with_attribute, failed(span(4, 4, "x", 4))])).unwrap();
    store.append_spans(&TracesData { resource_spans }.encode_to_vec()).unwrap();

    assert_eq!(found(&store, &having("exception.type", "Timeout")), [1]);
    assert_eq!(found(&store, &having("http.status", "500")), [2]);
    assert_eq!(found(&store, &having("lib.flag", "true")), [3]);
    assert_eq!(found(&store, &having("service.name", "b")), [3]);
    assert_eq!(found(&store, &having("service.name", "a")), [4, 2, 1]);
    assert_eq!(found(&store, &having("error", "true")), [4]);
    assert_eq!(found(&store, &having("error", "false")), Vec::<u64>::new());
    assert_eq!(found(&store, &having("key", "Timeout")), Vec::<u64>::new());
}

#[test]
fn all_conditions_must_hold_on_one_span() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let mut tagged = span(1, 1, "a", 10);
    tagged.attributes = vec![KeyValue::new("k", "v")];
    store.append_spans(&spans("s", [tagged, span(1, 2, "b", 11)])).unwrap();
    assert_eq!(found(&store, &TraceQuery { operation: Some("b".into()), ..having("k", "v") }), Vec::<u64>::new());
    assert_eq!(found(&store, &TraceQuery { operation: Some("a".into()), ..having("k", "v") }), [1]);
}

#[test]
fn stats_count_entry_spans_only_and_know_parents_that_come_later_or_from_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    // Children first, as exporters send them; the parent comes with another request.
    store
        .append_spans(&spans("a", [child_of(span(1, 2, "inner", 20), 1), child_of(span(1, 3, "call", 30), 1)]))
        .unwrap();
    store.append_spans(&spans("a", [failed(span(1, 1, "root", 10))])).unwrap();
    // An internal span whose parent is in service a, and one whose parent is not known.
    store
        .append_spans(&spans("b", [child_of(span(1, 4, "work", 40), 3), child_of(span(9, 5, "lost", 50), 77)]))
        .unwrap();
    // A server span is a call even with a parent in the same service.
    let server = Span { kind: SpanKind::SERVER, ..child_of(span(1, 6, "self call", 60), 1) };
    store.append_spans(&spans("a", [server])).unwrap();

    let stats = store.service_stats(Window { start: 0, end: 99_999 }, 2).unwrap();
    let counts: Vec<_> = stats.iter().map(|s| (s.service.as_str(), s.calls, s.errors)).collect();
    assert_eq!(counts, [("a", 2, 1), ("b", 2, 0)]);
    assert_eq!((stats[0].calls_by_step.as_slice(), stats[0].errors_by_step.as_slice()), (&[1, 1][..], &[1, 0][..]));
    assert_eq!(stats[1].calls_by_step, [1, 1]);
    assert_eq!((stats[0].p50, stats[0].p99), (Duration::from_micros(1), Duration::from_micros(1)));
    assert_eq!(store.service_stats(Window { start: 0, end: 1 }, 1).unwrap(), []);
}

#[test]
fn a_search_past_many_rows_that_do_not_match_finds_the_oldest() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Embedded::open(Options { segment_bytes: 100_000, ..Options::new(dir.path()) }).unwrap();
    let mut needle = span(0, 0, "x", 0);
    needle.attributes = vec![KeyValue::new("needle", "yes")];
    store.append_spans(&spans("a", [needle])).unwrap();
    for part in 0..20 {
        store.append_spans(&spans("a", (1..=500).map(|at| span(part * 500 + at, at, "x", part * 500 + at)))).unwrap();
    }
    assert_eq!(found(&store, &having("needle", "yes")), [0]);
    assert_eq!(found(&store, &TraceQuery { limit: 3, ..any_trace() }), [10_000, 9999, 9998]);
}

/// A span of a small world, so that conditions hit.
fn arbitrary_span() -> impl Strategy<Value = (usize, Span)> {
    (0usize..3, 0u64..6, 0u64..1000, 0u64..30, 0u64..5, "[ab]", any::<bool>()).prop_map(
        |(service, trace, id, start, duration, value, error)| {
            let mut made = span(trace, id, &format!("op{value}"), start);
            made.end_time_unix_nano = made.start_time_unix_nano + duration * 1000;
            made.attributes = vec![KeyValue::new("k", value.as_str())];
            (service, if error { failed(made) } else { made })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_what_a_look_at_every_span_finds(
        batches in prop::collection::vec(prop::collection::vec(arbitrary_span(), 1..12), 1..6),
        service in prop::option::of(0usize..3), operation in prop::option::of("op[ab]"), value in prop::option::of("[ab]"), error in any::<bool>(),
        min in prop::option::of(0u64..5), max in prop::option::of(0u64..5), start in 0u64..30, end in 0u64..30, limit in 1usize..6,
    ) {
        let names = ["a", "b", "c"];
        let dir = tempfile::tempdir().unwrap();
        // Small segments: the search goes over several.
        let (store, _) = Embedded::open(Options { segment_bytes: 600, ..Options::new(dir.path()) }).unwrap();
        for batch in &batches {
            for (at, name) in names.iter().enumerate() {
                let of_service: Vec<Span> = batch.iter().filter(|(service, _)| *service == at).map(|(_, span)| span.clone()).collect();
                store.append_spans(&spans(name, of_service)).unwrap();
            }
        }
        let mut attributes: Vec<_> = value.iter().map(|value| AttributeMatch { key: "k".into(), value: value.clone() }).collect();
        if error {
            attributes.push(AttributeMatch { key: "error".into(), value: "true".into() });
        }
        let query = TraceQuery {
            service: service.map(|at| names[at].to_owned()), operation: operation.clone(), attributes,
            min_duration: min.map(Duration::from_micros), max_duration: max.map(Duration::from_micros),
            window: Window { start: start * 1000, end: end * 1000 }, limit,
        };
        let matches = |at: usize, span: &Span| {
            let duration = (span.end_time_unix_nano - span.start_time_unix_nano) / 1000;
            service.is_none_or(|service| service == at)
                && operation.as_ref().is_none_or(|name| *name == span.name)
                && value.as_ref().is_none_or(|value| span.attributes[0].value.to_string() == *value)
                && (!error || span.status.code == tripod_wire::otlp::trace::StatusCode::ERROR)
                && min.is_none_or(|min| duration >= min) && max.is_none_or(|max| duration <= max)
                && query.window.contains(span.start_time_unix_nano)
        };
        // The newest matching span of each trace.
        let mut newest = std::collections::BTreeMap::new();
        for (at, span) in batches.iter().flatten().filter(|(at, span)| matches(*at, span)) {
            let _ = at;
            let time = newest.entry(span.trace_id).or_insert(0);
            *time = span.start_time_unix_nano.max(*time);
        }
        let traces = store.find_traces(&query).unwrap();
        // Of traces as new as one another any may come first: compare their times, and that each found one matches.
        let mut times: Vec<u64> = newest.values().copied().collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        times.truncate(limit);
        let found_times: Vec<u64> = traces.iter().map(|trace| newest.get(&trace.id).copied().expect("a trace that matches")).collect();
        prop_assert_eq!(found_times, times);
        for trace in &traces {
            let whole = batches.iter().flatten().filter(|(_, span)| span.trace_id == trace.id).count();
            prop_assert_eq!(trace.spans.len(), whole);
            prop_assert!(trace.spans.is_sorted_by_key(|stored| stored.span.start_time_unix_nano));
        }

        let status = store.status();
        drop(store);
        let (again, recovery) = Embedded::open(Options { segment_bytes: 600, ..Options::new(dir.path()) }).unwrap();
        prop_assert_eq!(recovery.damaged, vec![]);
        prop_assert_eq!(again.find_traces(&query).unwrap(), traces);
        prop_assert_eq!(again.status().spans, status.spans);
    }
}

#[test]
fn a_span_of_a_kind_from_the_future_is_kept_as_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let odd = Span { kind: SpanKind(1000), ..span(1, 1, "x", 1) };
    store.append_spans(&spans("a", [odd.clone()])).unwrap();
    assert_eq!(store.trace(trace_id(1)).unwrap().unwrap().spans[0].span, odd);
    assert_eq!(store.operations("a").unwrap()[0].kind, SpanKind::UNSPECIFIED);
    assert_eq!(span_id(0).to_string(), "0000000000000001");
}

#[test]
fn a_summary_says_what_a_list_shows_of_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let root = Span { end_time_unix_nano: 50_000, ..span(1, 1, "root", 10) };
    let mut deep = failed(child_of(span(1, 3, "deep", 21), 2));
    deep.status.message = "the cause".into();
    let mut near = failed(child_of(span(1, 2, "near", 20), 1));
    near.status.message.clear();
    let attributes = vec![KeyValue::new("exception.message", "boom")];
    near.events = vec![Event { attributes, ..Event::default() }];
    store.append_spans(&spans("worker", [deep, near])).unwrap();
    store.append_spans(&spans("web", [root])).unwrap();
    // Of another the root has not come.
    store
        .append_spans(&spans("web", [child_of(span(2, 9, "late", 80), 7), child_of(span(2, 8, "first", 70), 7)]))
        .unwrap();

    let found = store.summarize_traces(&any_trace()).unwrap();
    assert!(found.complete);
    let [rootless, whole] = found.summaries.as_slice() else { panic!("{found:?}") };
    assert_eq!((rootless.operation.as_str(), rootless.start, rootless.error.as_str()), ("first", 70_000, ""));
    let share = |service: &str, spans, errors| ServiceShare { service: service.into(), spans, errors };
    let expected = TraceSummary {
        id: trace_id(1),
        service: "web".into(),
        operation: "root".into(),
        start: 10_000,
        duration: Duration::from_micros(40),
        spans: 3,
        errors: 2,
        services: vec![share("worker", 2, 2), share("web", 1, 0)],
        error: "boom".into(),
    };
    assert_eq!(*whole, expected);
    let cut = store.summarize_traces(&TraceQuery { limit: 1, ..any_trace() }).unwrap();
    assert_eq!((cut.summaries, cut.complete), (vec![rootless.clone()], false));
    assert!(store.summarize_traces(&TraceQuery { limit: 1, ..having("exception.message", "boom") }).unwrap().complete);
}

#[test]
fn a_failure_in_a_trace_whose_parents_go_round_in_a_circle_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let circle = [child_of(span(1, 1, "a", 1), 2), failed(child_of(span(1, 2, "b", 2), 1))];
    store.append_spans(&spans("s", circle)).unwrap();
    let summary = store.summarize_traces(&any_trace()).unwrap().summaries.remove(0);
    assert_eq!((summary.operation.as_str(), summary.error.as_str()), ("a", "no"));
}

#[test]
fn a_request_that_was_sent_twice_is_shown_and_counted_once_but_another_span_of_the_same_id_is_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    // Small segments: the second copy goes into another one.
    let (store, _) = Embedded::open(Options { segment_bytes: 300, ..Options::new(dir.path()) }).unwrap();
    let request = spans("a", [span(1, 1, "root", 1), failed(child_of(span(1, 2, "inner", 2), 1))]);
    for _ in 0..3 {
        store.append_spans(&request).unwrap();
    }
    let check = |store: &Embedded, spans: usize, calls: u64| {
        assert_eq!(store.trace(trace_id(1)).unwrap().unwrap().spans.len(), spans);
        assert_eq!(store.find_traces(&any_trace()).unwrap()[0].spans.len(), spans);
        let summary = store.summarize_traces(&any_trace()).unwrap().summaries.remove(0);
        assert_eq!((summary.spans, summary.errors), (spans as u64, 1));
        assert_eq!(store.service_stats(Window::ALL, 1).unwrap()[0].calls, calls);
    };
    check(&store, 2, 1);
    let shared_id = Span { kind: SpanKind::SERVER, ..span(1, 2, "shared id", 2) };
    store.append_spans(&spans("a", [shared_id])).unwrap();
    check(&store, 3, 2);
}

#[test]
fn spans_are_seen_once_while_they_are_taken_in_and_refused_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let refused = Span { trace_id: tripod_wire::TraceId::NONE, ..span(1, 3, "c", 6) };
    let kept = [span(1, 1, "a", 4), failed(span(1, 2, "b", 5))];
    let mut seen = Vec::new();
    let request = spans("shop", [kept[0].clone(), refused, kept[1].clone()]);
    let appended = store.append_spans_seen(&request, &mut |span| {
        assert_eq!((span.service, span.trace_id, span.kind), ("shop", trace_id(1), SpanKind::INTERNAL));
        seen.push((String::from_utf8_lossy(span.name).into_owned(), span.span_id, span.status, span.start));
    });
    assert_eq!(appended.unwrap().accepted, 2);
    let expected = kept.map(|span| (span.name, span.span_id, span.status.code, span.start_time_unix_nano));
    assert_eq!(seen, expected);
    assert!(store.append_spans_seen(b"no request", &mut |_| panic!("nothing to see")).is_err());
    assert_eq!(store.resource_keys().unwrap(), ["service.name"]);
}
