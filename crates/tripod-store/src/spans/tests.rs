//! All queries, compared with a look at every span, wherever the rows are: in memory, in parts, in merged parts, after a restart.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tripod_wire::otlp::trace::{SpanKind, Status, StatusCode};
use tripod_wire::otlp::{InstrumentationScope, KeyValue, Resource, ResourceSpans, ScopeSpans, Span, TracesData};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

use super::Spans;
use super::rows::duration;
use super::samples::any_span;
use crate::disk::RealDisk;
use crate::engine::RecordKind;
use crate::engine::testing::Harness;
use crate::{AttributeMatch, Dependency, StoreError, TraceQuery, Window};

const SERVICES: [&str; 3] = ["a", "b", "c"];

fn request(service: &str, spans: Vec<Span>) -> Vec<u8> {
    let resource = Resource { attributes: vec![KeyValue::new("service.name", service)], ..Resource::default() };
    let scope = InstrumentationScope { name: "lib".into(), ..InstrumentationScope::default() };
    let scope_spans = vec![ScopeSpans { scope, spans, ..ScopeSpans::default() }];
    TracesData { resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }] }
        .encode_to_vec()
}

fn open(dir: &Path) -> Harness<Spans> {
    Harness::open(Arc::new(RealDisk), dir, Spans::default())
}

fn send(store: &Harness<Spans>, service: &str, spans: Vec<Span>) {
    let sent = spans.len() as u64;
    assert_eq!(store.append(RecordKind::Spans, &request(service, spans)).unwrap().accepted, sent);
}

fn spans(store: &Harness<Spans>) -> &Spans {
    &store.table.signal
}

/// A root span, one microsecond a unit of `start`, and as long.
fn span(trace: u64, id: u64, name: &str, start: u64) -> Span {
    Span {
        trace_id: TraceId((u128::from(trace) + 1).to_be_bytes()),
        span_id: SpanId((id + 1).to_be_bytes()),
        name: name.into(),
        kind: SpanKind::INTERNAL,
        start_time_unix_nano: start * 1000,
        end_time_unix_nano: start * 1000 + 1000,
        ..Span::default()
    }
}

fn child_of(mut span: Span, parent: u64) -> Span {
    span.parent_span_id = SpanId((parent + 1).to_be_bytes());
    span
}

fn failed(mut span: Span) -> Span {
    span.status = Status { code: StatusCode::ERROR, message: "no".into() };
    span
}

fn any_trace() -> TraceQuery {
    TraceQuery::within(Window::ALL, 1000)
}

/// What a request is followed by.
#[derive(Debug, Clone, Copy)]
enum Then {
    Nothing,
    Again,
    Flush,
    Merge,
    Restart,
}

fn then() -> impl Strategy<Value = Then> {
    prop_oneof![
        4 => Just(Then::Nothing), 1 => Just(Then::Again), 3 => Just(Then::Flush), 1 => Just(Then::Merge), 1 => Just(Then::Restart)
    ]
}

/// All that was sent: the service and the span.
type Model = Vec<(usize, Span)>;

fn fill(dir: &Path, requests: &[(usize, Vec<Span>, Then)]) -> (Harness<Spans>, Model) {
    let (mut store, mut model) = (open(dir), Model::new());
    for (service, spans, then) in requests {
        send(&store, SERVICES[*service], spans.clone());
        model.extend(spans.iter().map(|span| (*service, span.clone())));
        match then {
            Then::Nothing => {}
            Then::Again => send(&store, SERVICES[*service], spans.clone()),
            Then::Flush => store.flush(),
            Then::Merge => {
                store.flush();
                store.merge();
            }
            Then::Restart => store = store.reopen(Spans::default()),
        }
    }
    (store, model)
}

fn matches(service: usize, span: &Span, query: &TraceQuery) -> bool {
    let taken = Duration::from_nanos(duration(span.start_time_unix_nano, span.end_time_unix_nano));
    let has = |wanted: &AttributeMatch| {
        let mut all = span.attributes.iter().chain(span.events.iter().flat_map(|event| &event.attributes));
        all.any(|one| one.key == wanted.key && one.value.to_string() == wanted.value)
            || (wanted.key == "service.name" && wanted.value == SERVICES[service])
            || (wanted.key == "error" && wanted.value == "true" && span.status.code == StatusCode::ERROR)
    };
    query.service.as_ref().is_none_or(|name| name == SERVICES[service])
        && query.operation.as_ref().is_none_or(|name| *name == span.name)
        && query.attributes.iter().all(has)
        && query.min_duration.is_none_or(|min| taken >= min)
        && query.max_duration.is_none_or(|max| taken <= max)
        && query.window.contains(span.start_time_unix_nano)
}

/// The newest matching traces, as the contract says it, of equal ones those of lower id.
fn newest(model: &Model, query: &TraceQuery) -> Vec<TraceId> {
    let mut newest: BTreeMap<TraceId, u64> = BTreeMap::new();
    for (_, span) in model.iter().filter(|(service, span)| matches(*service, span, query)) {
        let start = newest.entry(span.trace_id).or_default();
        *start = span.start_time_unix_nano.max(*start);
    }
    let mut traces: Vec<(TraceId, u64)> = newest.into_iter().collect();
    traces.sort_by_key(|(id, start)| (std::cmp::Reverse(*start), *id));
    traces.truncate(query.limit);
    traces.into_iter().map(|(id, _)| id).collect()
}

fn check_traces(store: &Harness<Spans>, model: &Model, query: &TraceQuery) {
    let view = store.view();
    let found = spans(store).find_traces(&view, query).unwrap();
    assert_eq!(found.iter().map(|trace| trace.id).collect::<Vec<_>>(), newest(model, query));
    let mut visited = Vec::new();
    let mut visit = |trace| {
        visited.push(trace);
        ControlFlow::Continue(())
    };
    spans(store).visit_traces(&view, query, &mut visit).unwrap();
    assert_eq!(format!("{visited:?}"), format!("{found:?}"), "a visit finds what a search finds");
    check_sample(store, model, query);
    let summaries = spans(store).summarize_traces(&view, query).unwrap();
    let all = newest(model, &TraceQuery { limit: usize::MAX, ..query.clone() });
    assert_eq!(summaries.complete, all.len() <= query.limit);
    assert!(summaries.summaries.is_sorted_by_key(|summary| std::cmp::Reverse(summary.start)));
    for trace in &found {
        let sent: BTreeSet<Vec<u8>> =
            model.iter().filter(|(_, span)| span.trace_id == trace.id).map(|(_, span)| span.encode_to_vec()).collect();
        let got: Vec<Vec<u8>> = trace.spans.iter().map(|stored| stored.span.encode_to_vec()).collect();
        assert_eq!(got.iter().cloned().collect::<BTreeSet<_>>(), sent);
        assert_eq!(got.len(), sent.len(), "each span once");
        assert!(trace.spans.is_sorted_by_key(|stored| stored.span.start_time_unix_nano));
        assert!(trace.spans.iter().all(|stored| stored.scope.name == "lib"));
        check_summary(model, summaries.summaries.iter().find(|summary| summary.id == trace.id).unwrap());
    }
}

/// Spans that were sent twice may be counted once or twice: where rows are decides.
fn check_sample(store: &Harness<Spans>, model: &Model, query: &TraceQuery) {
    let sample = spans(store).sample_spans(&store.view(), query).unwrap();
    let matching = model.iter().filter(|(service, span)| matches(*service, span, query));
    let sent: HashSet<Vec<u8>> = matching.map(|(_, span)| span.encode_to_vec()).collect();
    assert!(sample.total as usize >= sent.len(), "{} of {}", sample.total, sent.len());
    assert_eq!(sample.spans.len(), (sample.total as usize).min(query.limit));
    let got: HashSet<Vec<u8>> = sample.spans.iter().map(|stored| stored.span.encode_to_vec()).collect();
    assert!(got.is_subset(&sent));
    assert!(got.len() == sent.len() || query.limit < sample.total as usize);
}

fn check_summary(model: &Model, summary: &crate::TraceSummary) {
    let says = |span: &Span| {
        let events = span.events.iter().flat_map(|event| &event.attributes);
        let exception = events.filter(|one| one.key == "exception.message").map(|one| one.value.to_string()).next();
        if span.status.message.is_empty() { exception.unwrap_or_default() } else { span.status.message.clone() }
    };
    let is_error = |span: &Span| span.status.code == StatusCode::ERROR;
    let members: BTreeSet<_> = model
        .iter()
        .filter(|(_, span)| span.trace_id == summary.id)
        .map(|(service, span)| {
            let times = (span.start_time_unix_nano, span.end_time_unix_nano);
            let error = is_error(span).then(|| says(span));
            (times, span.span_id, span.parent_span_id, span.kind.0, error, *service, span.name.clone())
        })
        .collect();
    let start = members.iter().map(|member| member.0.0).min().unwrap();
    let end = members.iter().map(|member| member.0.1).max().unwrap();
    assert_eq!(summary.spans, members.len() as u64);
    assert_eq!(summary.errors, members.iter().filter(|member| member.4.is_some()).count() as u64);
    assert_eq!((summary.start, summary.duration), (start, Duration::from_nanos(end.saturating_sub(start))));
    let shares: u64 = summary.services.iter().map(|share| share.spans).sum();
    assert_eq!(shares, summary.spans);
    for share in &summary.services {
        let own = members.iter().filter(|member| SERVICES[member.5] == share.service);
        assert_eq!(share.spans, own.count() as u64);
    }
}

fn check_numbers(store: &Harness<Spans>, model: &Model, window: Window, distinct: bool) {
    let view = store.view();
    let known = |trace: TraceId, id: SpanId| -> Vec<usize> {
        model.iter().filter(|(_, span)| (span.trace_id, span.span_id) == (trace, id)).map(|(at, _)| *at).collect()
    };
    let mut calls: BTreeMap<&str, HashSet<_>> = BTreeMap::new();
    let mut edges: BTreeMap<(&str, &str), HashSet<_>> = BTreeMap::new();
    for (service, span) in model.iter().filter(|(_, span)| window.contains(span.start_time_unix_nano)) {
        let taken = duration(span.start_time_unix_nano, span.end_time_unix_nano);
        let parents = known(span.trace_id, span.parent_span_id);
        let entry = matches!(span.kind, SpanKind::SERVER | SpanKind::CONSUMER) || !span.parent_span_id.is_valid();
        let error = span.status.code == StatusCode::ERROR;
        let call = (span.trace_id, span.span_id, span.start_time_unix_nano, taken, error);
        if entry || !parents.contains(service) {
            calls.entry(SERVICES[*service]).or_default().insert(call);
        }
        if span.parent_span_id.is_valid() && !parents.is_empty() && !parents.contains(service) {
            edges.entry((SERVICES[parents[0]], SERVICES[*service])).or_default().insert((
                span.trace_id,
                span.span_id,
                span.start_time_unix_nano,
                error,
            ));
        }
    }
    let stats = spans(store).service_stats(&view, window, 3).unwrap();
    assert_eq!(
        stats.iter().map(|one| one.service.as_str()).collect::<Vec<_>>(),
        calls.keys().copied().collect::<Vec<_>>()
    );
    for stats in &stats {
        let calls = &calls[stats.service.as_str()];
        assert_eq!(stats.calls, calls.len() as u64);
        assert_eq!(stats.errors, calls.iter().filter(|call| call.4).count() as u64);
        assert_eq!(stats.calls_by_step.iter().sum::<u64>(), stats.calls);
        let mut durations: Vec<u64> = calls.iter().map(|call| call.3).collect();
        durations.sort_unstable();
        assert_eq!(stats.p50.as_nanos() as u64, durations[durations.len().div_ceil(2) - 1]);
    }
    if distinct {
        let expected: Vec<Dependency> = edges
            .into_iter()
            .map(|((parent, child), calls)| Dependency {
                parent: parent.into(),
                child: child.into(),
                calls: calls.len() as u64,
                errors: calls.iter().filter(|call| call.3).count() as u64,
            })
            .collect();
        assert_eq!(spans(store).dependencies(&view, window).unwrap(), expected);
    }
}

fn check_names(store: &Harness<Spans>, model: &Model) {
    let view = store.view();
    let services: BTreeSet<&str> = model.iter().map(|(service, _)| SERVICES[*service]).collect();
    assert!(spans(store).services(&view).iter().map(String::as_str).eq(services));
    for (number, service) in SERVICES.iter().enumerate() {
        let kind = |kind: SpanKind| if kind.name().is_some() { kind } else { SpanKind::UNSPECIFIED };
        let own = model.iter().filter(|(service, _)| *service == number);
        let operations: BTreeSet<_> = own.map(|(_, span)| (span.name.clone(), kind(span.kind))).collect();
        let found = spans(store).operations(&view, service);
        assert!(found.into_iter().map(|one| (one.name, one.kind)).eq(operations));
    }
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (service, span) in model {
        let all = span.attributes.iter().chain(span.events.iter().flat_map(|event| &event.attributes));
        for one in all {
            let values = values.entry(one.key.clone()).or_default();
            // Long values are in no list.
            values.extend(Some(one.value.to_string()).filter(|value| value.len() <= 32));
        }
        values.entry("service.name".into()).or_default().insert(SERVICES[*service].into());
    }
    let keys: Vec<String> = spans(store).attribute_keys(&view).into_iter().map(|key| key.key).collect();
    let expected: Vec<&String> = values.keys().collect();
    assert_eq!(keys.iter().filter(|key| *key != "error").collect::<Vec<_>>(), expected);
    for (key, expected) in &values {
        let found = spans(store).attribute_values(&view, key, "", usize::MAX).unwrap();
        let short = found.into_iter().map(|one| one.value).filter(|value| value.len() <= 32);
        assert_eq!(short.collect::<BTreeSet<_>>(), *expected);
        let found = spans(store).attribute_values(&view, key, "a", usize::MAX).unwrap();
        assert!(found.iter().all(|one| one.value.starts_with('a')));
    }
}

fn any_query() -> impl Strategy<Value = TraceQuery> {
    let attribute = prop_oneof![
        4 => ("[k-n]", "[a-c]{0,2}|[0-2]|true"),
        1 => Just(("error".to_owned(), "true".to_owned())),
        1 => ("service\\.name", "[ab]"),
    ];
    let attributes = prop::collection::vec(attribute.prop_map(|(key, value)| AttributeMatch { key, value }), 0..3);
    let times = (prop::option::of((0u64..1000, 0u64..1000)), prop::option::of(0u64..80), prop::option::of(0u64..80));
    (prop::option::of(0usize..3), prop::option::of("[a-c]{0,2}"), attributes, times, 0usize..8).prop_map(
        |(service, operation, attributes, (window, min, max), limit)| TraceQuery {
            service: service.map(|at| SERVICES[at].to_owned()),
            operation,
            attributes,
            min_duration: min.map(Duration::from_nanos),
            max_duration: max.map(Duration::from_nanos),
            window: window.map_or(Window::ALL, |(start, end)| Window { start, end }),
            limit,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_query_answers_as_a_look_at_every_span(
        requests in prop::collection::vec((0usize..3, prop::collection::vec(any_span(), 1..20), then()), 1..10),
        queries in prop::collection::vec(any_query(), 1..10), windows in prop::collection::vec((0u64..1000, 0u64..1000), 1..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (store, model) = fill(dir.path(), &requests);
        for query in queries.iter().chain([&any_trace()]) {
            check_traces(&store, &model, query);
        }
        check_names(&store, &model);
        for window in windows.into_iter().filter(|(start, end)| start <= end).chain([(0, u64::MAX)]) {
            check_numbers(&store, &model, Window { start: window.0, end: window.1 }, false);
        }
        prop_assert!(store.verify().is_empty());
    }

    #[test]
    fn who_calls_whom_is_known_wherever_parent_and_child_are(
        batches in prop::collection::vec((prop::collection::vec(any_span(), 1..20), then()), 1..6), start in 0u64..1000, end in 0u64..1000,
    ) {
        // An id is of one service only.
        let of = |span: &Span| usize::from(span.span_id.0[0]) % 3;
        let mut requests = Vec::new();
        for (spans, then) in batches {
            for service in 0..3 {
                let own: Vec<Span> = spans.iter().filter(|span| of(span) == service).cloned().collect();
                requests.push((service, own, if service == 2 { then } else { Then::Nothing }));
            }
        }
        let dir = tempfile::tempdir().unwrap();
        let (store, model) = fill(dir.path(), &requests);
        check_numbers(&store, &model, Window::ALL, true);
        check_numbers(&store, &model, Window { start: start.min(end), end: start.max(end) }, true);
    }
}

#[test]
fn a_trace_spread_over_many_parts_is_read_back_whole_and_merged_into_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for at in 0..50 {
        let other = span(1000 + at, 1, "other", at);
        send(&store, "a", vec![child_of(span(1, at, "x", 100 - at), at.max(1) - 1), other]);
        store.flush();
    }
    let check = || {
        let trace = spans(&store).trace(&store.view(), span(1, 0, "", 0).trace_id).unwrap().unwrap();
        let starts: Vec<u64> = trace.spans.iter().map(|stored| stored.span.start_time_unix_nano / 1000).collect();
        assert!(starts.into_iter().eq(51..=100));
        assert_eq!(trace.spans[0].span.parent_span_id, SpanId(49u64.to_be_bytes()));
    };
    assert_eq!(store.view().parts.len(), 50);
    check();
    store.merge();
    assert_eq!(store.view().parts.len(), 1);
    assert_eq!(store.view().parts[0].inner.records.heads().len(), 1, "small blocks are written as one");
    check();
}

#[test]
fn a_trace_of_a_hundred_thousand_spans_is_kept_in_many_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for batch in 0..20u64 {
        let ids = batch * 5000..(batch + 1) * 5000;
        send(&store, "a", ids.map(|id| child_of(span(7, id, "x", id), id / 2)).collect());
    }
    store.flush();
    let view = store.view();
    let trace = spans(&store).trace(&view, span(7, 0, "", 0).trace_id).unwrap().unwrap();
    assert_eq!(trace.spans.len(), 100_000);
    for (id, stored) in (0u64..).zip(&trace.spans) {
        assert_eq!(stored.span.parent_span_id, SpanId((id / 2 + 1).to_be_bytes()));
    }
    let summary = spans(&store).summarize_traces(&view, &any_trace()).unwrap().summaries.remove(0);
    assert_eq!((summary.spans, summary.operation.as_str()), (100_000, "x"));
    assert_eq!(spans(&store).service_stats(&view, Window::ALL, 1).unwrap(), [], "each has a parent in its service");
}

#[test]
fn parents_of_many_traces_are_found_in_another_part() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let of = |trace: u64| child_of(span(trace, 2, "child", 10 + trace), 1);
    send(&store, "b", (0..2000).map(of).collect());
    send(&store, "c", (0..2000).map(|trace| failed(child_of(span(trace, 3, "other", 20 + trace), 1))).collect());
    store.flush();
    send(&store, "b", (0..2000).map(|trace| span(trace, 1, "parent", trace)).collect());
    store.flush();
    let view = store.view();
    let stats = spans(&store).service_stats(&view, Window::ALL, 1).unwrap();
    let calls: Vec<_> = stats.iter().map(|one| (one.service.as_str(), one.calls, one.errors)).collect();
    assert_eq!(calls, [("b", 2000, 0), ("c", 2000, 2000)]);
    let expected = Dependency { parent: "b".into(), child: "c".into(), calls: 2000, errors: 2000 };
    assert_eq!(spans(&store).dependencies(&view, Window::ALL).unwrap(), [expected]);
}

#[test]
fn spans_of_many_days_make_few_parts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    const DAY: u64 = 24 * 60 * 60 * 1_000_000;
    let today = (0..2000).map(|at| span(at, 1, "today", 20_000 * DAY + at));
    let yesterday = (0..500).map(|at| span(5000 + at, 1, "yesterday", 19_999 * DAY + at));
    let strays = (0..40).map(|at| span(9000 + at, 1, "stray", 500 * at * DAY));
    send(&store, "a", today.chain(yesterday).chain(strays).collect());
    store.flush();
    let days: Vec<u64> = store.view().parts.iter().map(|part| part.file.meta.day).collect();
    assert_eq!(days, [19_999, 20_000]);
    let found = spans(&store).find_traces(&store.view(), &TraceQuery { limit: 5000, ..any_trace() }).unwrap();
    assert_eq!(found.len(), 2540);
    let window = Window { start: 0, end: 10_000 * DAY * 1000 };
    let strays = spans(&store).find_traces(&store.view(), &TraceQuery { window, ..any_trace() }).unwrap();
    assert_eq!(strays.len(), 21);
}

#[test]
fn blocks_that_are_small_in_rows_only_are_not_joined_to_one_that_could_not_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let heavy = |id: u64| Span { attributes: vec![KeyValue::new("k", 1); 40_000], ..span(id, 1, "heavy", id) };
    for ids in [0..15, 15..30] {
        send(&store, "a", ids.map(heavy).collect());
        store.flush();
    }
    store.merge();
    let view = store.view();
    let blocks: Vec<usize> = view.parts.iter().map(|part| part.inner.records.heads().len()).collect();
    assert_eq!(blocks, [2], "their attributes are more than a block takes");
    for id in [0, 29] {
        let trace = spans(&store).trace(&view, heavy(id).trace_id).unwrap().unwrap();
        assert_eq!(trace.spans[0].span, heavy(id));
    }
}

#[test]
fn a_service_is_not_listed_any_more_when_its_last_part_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    send(&store, "a", vec![span(1, 1, "x", 1)]);
    store.flush();
    let part = store.view().parts[0].clone();
    let signal = Spans::default();
    use crate::engine::{Signal, View};
    signal.changed(&[part.clone(), part.clone()], &[]);
    signal.changed(&[], std::slice::from_ref(&part));
    assert_eq!(signal.services(&View::default()), ["a"]);
    signal.changed(&[], &[part]);
    assert_eq!(signal.services(&View::default()), Vec::<String>::new());
}

#[test]
fn a_damaged_column_is_an_error_that_names_the_part() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    send(&store, "a", (0..500).map(|at| span(at, 1, "some name", at)).collect());
    store.flush();
    let path = store.view().parts[0].file.path.clone();
    let whole = std::fs::read(&path).unwrap();
    let mut errors = 0;
    for at in (0..whole.len()).step_by(whole.len() / 97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        std::fs::write(&path, &bytes).unwrap();
        let found = spans(&store).find_traces(&store.view(), &any_trace());
        match found {
            Err(StoreError::Damaged { path: named, .. }) => {
                assert_eq!(named, path);
                errors += 1;
            }
            Err(other) => panic!("{other}"),
            // What was changed is not needed for this answer.
            Ok(traces) => assert_eq!(traces.len(), 500),
        }
    }
    assert!(errors > 10, "{errors} of 97 changes were noticed");
}
