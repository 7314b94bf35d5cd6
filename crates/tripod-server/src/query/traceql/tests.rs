use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use tripod_store::{Embedded, Options, SpanStore, StoredSpan, Trace, Window};
use tripod_wire::otlp::trace::{Event, Link, SpanKind, Status, StatusCode};
use tripod_wire::otlp::{InstrumentationScope, KeyValue, Resource, ResourceSpans, ScopeSpans, Span, TracesData};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

use super::ast::Query;
use super::*;

const SERVICES: [&str; 2] = ["shop", "cart"];

/// A span of a service: places in its trace, what it does, how long, and its attributes.
fn span(trace: u8, id: u8, parent: u8, name: &str, start: u64, nanos: u64) -> Span {
    Span {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId([id; 8]),
        parent_span_id: SpanId([parent; 8]),
        name: name.to_owned(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + nanos,
        ..Span::default()
    }
}

fn stored(service: &str, span: Span) -> StoredSpan {
    let attributes = vec![KeyValue::new("service.name", service), KeyValue::new("region", "eu")];
    let scope = InstrumentationScope { name: "lib".to_owned(), version: "1.2".to_owned(), ..Default::default() };
    StoredSpan { resource: Arc::new(Resource { attributes, ..Resource::default() }), scope: Arc::new(scope), span }
}

/// `shop` serves an order, calls `cart`, which fails twice.
fn order() -> Trace {
    let with = |mut span: Span, kind, attributes: Vec<KeyValue>| {
        (span.kind, span.attributes) = (kind, attributes);
        span
    };
    let failed = |mut span: Span| {
        span.status = Status { code: StatusCode::ERROR, message: "no stock".to_owned() };
        span.events = vec![Event {
            name: "exception".to_owned(),
            time_unix_nano: span.start_time_unix_nano + 5,
            attributes: vec![KeyValue::new("exception.type", "Empty")],
            ..Event::default()
        }];
        span
    };
    let link = Link { trace_id: TraceId([7; 16]), attributes: vec![KeyValue::new("why", "retry")], ..Link::default() };
    let code = |code: i64| vec![KeyValue::new("http.status_code", code), KeyValue::new("ratio", 0.5)];
    let mut linked = with(span(1, 4, 3, "query", 1400, 100), SpanKind::INTERNAL, vec![KeyValue::new("cached", true)]);
    linked.links = vec![link];
    let spans = vec![
        stored("shop", with(span(1, 1, 0, "POST /orders", 1000, 2_000_000_000), SpanKind::SERVER, code(500))),
        stored("shop", with(span(1, 2, 1, "call", 1100, 1_000_000), SpanKind::CLIENT, vec![])),
        stored("cart", failed(with(span(1, 3, 2, "GET /stock", 1200, 900_000), SpanKind::SERVER, code(503)))),
        stored("cart", linked),
        stored("cart", failed(span(1, 5, 3, "query", 1500, 300))),
    ];
    Trace { id: TraceId([1; 16]), spans }
}

/// The last bytes of the ids of the spans found, a list a set.
fn answer(query: &str) -> Vec<Vec<u8>> {
    let trace = order();
    let query = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let sets = eval::Traced::new(&trace, Window::ALL).answer(&query);
    let id = |at: u32| trace.spans[at as usize].span.span_id.0[7];
    sets.into_iter().map(|set| set.spans.into_iter().map(id).collect()).collect()
}

#[test]
fn filters_find_spans_by_attributes_and_intrinsics() {
    for (query, spans) in [
        ("{}", vec![1, 2, 3, 4, 5]),
        ("{ true }", vec![1, 2, 3, 4, 5]),
        ("{ false }", vec![]),
        ("{ span.http.status_code >= 500 && duration > 1s }", vec![1]),
        ("{ .http.status_code = 503 }", vec![3]),
        ("{ 503 = .http.status_code }", vec![3]),
        ("{ .http.status_code > 500.5 }", vec![3]),
        ("{ .http.status_code != 503 }", vec![1]),
        ("{ .http.status_code = nil }", vec![2, 4, 5]),
        ("{ .http.status_code != nil }", vec![1, 3]),
        ("{ .http.status_code = \"503\" }", vec![]),
        ("{ .ratio = 0.5 && .ratio * 4 = 2 }", vec![1, 3]),
        ("{ .cached }", vec![4]),
        ("{ .cached = true }", vec![4]),
        ("{ !.cached }", vec![]),
        ("{ !(.cached = true) }", vec![1, 2, 3, 5]),
        ("{ resource.service.name = \"cart\" }", vec![3, 4, 5]),
        ("{ .region = `eu` && span.region = nil }", vec![1, 2, 3, 4, 5]),
        ("{ resource.\"service.name\" =~ \"ca.*\" }", vec![3, 4, 5]),
        ("{ resource.service.name =~ \"ca\" }", vec![]),
        ("{ name !~ \"GET.*|POST.*\" }", vec![2, 4, 5]),
        ("{ .http.status_code !~ \"5.*\" }", vec![]),
        ("{ status = error }", vec![3, 5]),
        ("{ status != error && kind = internal }", vec![4]),
        ("{ span:status = error && span:statusMessage = \"no stock\" }", vec![3, 5]),
        ("{ kind = server || name = \"call\" }", vec![1, 2, 3]),
        // From left to right.
        ("{ name = \"call\" || kind = server && status = error }", vec![3]),
        ("{ duration >= 900us && duration <= 1ms }", vec![2, 3]),
        ("{ duration = 300 }", vec![5]),
        ("{ -duration < -1s }", vec![1]),
        ("{ duration / 2 > 1s - 1ns }", vec![1]),
        ("{ 2 ^ 3 ^ 0 = 2 && 7 % 4 = 3 && 1 + 2 * 3 = 7 && (1 + 2) * 3 = 9 }", vec![1, 2, 3, 4, 5]),
        (
            "{ traceDuration = 2s && rootName = \"POST /orders\" && rootServiceName = \"shop\" && name = \"call\" }",
            vec![2],
        ),
        ("{ trace:id = \"01010101010101010101010101010101\" && span:id = \"0404040404040404\" }", vec![4]),
        ("{ span:parentID = nil }", vec![1]),
        ("{ span:childCount = 2 }", vec![3]),
        ("{ event:name = \"exception\" && event.exception.type = \"Empty\" }", vec![3, 5]),
        ("{ event:timeSinceStart = 5 }", vec![3, 5]),
        ("{ link:traceID = \"07070707070707070707070707070707\" && link.why =~ \"re.*\" }", vec![4]),
        ("{ instrumentation:name = \"lib\" && instrumentation:version != \"1.2\" }", vec![]),
    ] {
        let expected: Vec<Vec<u8>> = if spans.is_empty() { Vec::new() } else { vec![spans] };
        assert_eq!(answer(query), expected, "{query}");
    }
}

#[test]
fn sets_of_spans_are_related_by_where_they_are_in_the_trace() {
    for (query, spans) in [
        ("{ kind = server } && { kind = client }", vec![1, 2, 3]),
        ("{ kind = server } && { kind = producer }", vec![]),
        ("{ kind = client } || { kind = producer }", vec![2]),
        ("{ kind = client } > { status = error }", vec![3]),
        ("{ kind = client } >> { status = error }", vec![3, 5]),
        ("{ resource.service.name = \"shop\" } >> { resource.service.name = \"cart\" }", vec![3, 4, 5]),
        ("{ status = error } < { kind = client }", vec![2]),
        ("{ name = \"query\" } << { kind = server }", vec![1, 3]),
        ("{ .cached } ~ { }", vec![5]),
        ("{ name = \"query\" } ~ { name = \"query\" }", vec![4, 5]),
        ("{ kind = server } > { kind = client } > { kind = server }", vec![3]),
        ("{ .cached } || ({ kind = client } > { kind = server })", vec![3, 4]),
        ("{ .cached } && ({ kind = server } > { kind = server })", vec![]),
    ] {
        let expected: Vec<Vec<u8>> = if spans.is_empty() { Vec::new() } else { vec![spans] };
        assert_eq!(answer(query), expected, "{query}");
    }
}

#[test]
fn pipelines_count_filter_cut_and_join() {
    for (query, sets) in [
        ("{ status = error } | count() > 1", vec![vec![3, 5]]),
        ("{ status = error } | count() > 2", vec![]),
        ("{ kind = server } | avg(duration) > 1s", vec![vec![1, 3]]),
        ("{ kind = server } | avg(.http.status_code) = 501.5", vec![vec![1, 3]]),
        ("{ kind = server } | min(duration) = 900us | max(duration) = 2s | sum(duration) > 2s", vec![vec![1, 3]]),
        ("{ kind = client } | max(.http.status_code) > 0", vec![]),
        ("count() = 5", vec![vec![1, 2, 3, 4, 5]]),
        ("{} | { status = error } | { name = \"query\" }", vec![vec![5]]),
        ("{ } | by(resource.service.name)", vec![vec![3, 4, 5], vec![1, 2]]),
        ("{ } | by(resource.service.name) | count() > 2", vec![vec![3, 4, 5]]),
        ("{ } | by(resource.service.name) | count() > 1 | coalesce()", vec![vec![1, 2, 3, 4, 5]]),
        ("{ } | by(name) | by(status) | count() = 1 | { name = \"query\" }", vec![vec![5], vec![4]]),
        ("{ status = error } | select(.http.status_code, name)", vec![vec![3, 5]]),
    ] {
        assert_eq!(answer(query), sets, "{query}");
    }
}

#[test]
fn only_spans_of_the_window_are_found_but_all_are_there_to_relate_them() {
    let trace = order();
    let found = |query: &str, window| {
        let sets = eval::Traced::new(&trace, window).answer(&parse(query).unwrap());
        sets.into_iter().flat_map(|set| set.spans).collect::<Vec<u32>>()
    };
    let window = Window { start: 1300, end: 1450 };
    assert_eq!(found("{ rootName = \"POST /orders\" && traceDuration = 2s }", window), [3]);
    assert_eq!(found("{ kind = server } >> { }", window), Vec::<u32>::new());
}

#[test]
fn parents_that_go_round_in_a_circle_end() {
    let spans = vec![stored("a", span(1, 1, 2, "x", 1, 1)), stored("a", span(1, 2, 1, "y", 2, 1))];
    let trace = Trace { id: TraceId([1; 16]), spans };
    for query in ["{ name = \"x\" } >> { }", "{ name = \"x\" } << { }", "{ } > { } ~ { }"] {
        eval::Traced::new(&trace, Window::ALL).answer(&parse(query).unwrap());
    }
}

#[test]
fn what_is_wrong_is_said_with_where_and_what_is_allowed() {
    for (query, position, reason) in [
        ("", 1, "the query ends, expected { conditions }"),
        ("{ attribute = 4 }", 3, "written .attribute, span.attribute or resource.attribute"),
        ("{ .a == 4 }", 7, "equality is written with one ="),
        ("{ .a < 3", 9, "the query ends, expected an operator"),
        ("{ . }", 3, "an attribute's name is expected"),
        ("{ .a = \"x }", 8, "the text is not closed"),
        ("{ .a = \"\\q\" }", 10, "an escape is one of"),
        ("{ parent.a = 1 }", 3, "\"parent\" is not a scope of attributes; there are span, resource"),
        ("{ 1 = \"foo\" }", 5, "a number or duration can't be compared with a text"),
        ("{ status > ok }", 10, "a status has no order"),
        ("{ rootName != 3.2 }", 12, "a text can't be compared with a number"),
        ("{ status }", 3, "a condition is wanted here, not a status"),
        ("{ 1 + \"a\" = 1 }", 5, "a number or duration is wanted here, not a text"),
        ("{ .a =~ 2 }", 9, "a regular expression in quotes"),
        ("{ .a =~ \"[\" }", 9, "not a regular expression"),
        ("{ duration > 5 parsecs }", 16, "unexpected parsecs"),
        ("{ duration > 5parsecs }", 14, "neither a number nor a duration"),
        ("{ .a = 1 } + { }", 12, "an operator between sets of spans"),
        ("{ } | count()", 14, "an aggregate must be compared with a number"),
        ("{ } | rate()", 7, "PromQL"),
        ("{ } | first()", 7, "unexpected first, expected { conditions }, count()"),
        ("{ } | max() = 1", 11, "a value"),
        ("({ } | count() > 1) && { }", 6, "a pipeline in parentheses is not supported"),
        ("{ } !> { }", 5, "negated relations"),
        ("{ .a = § }", 8, "'§' is not part of the language"),
        ("{ nil < .a }", 7, "nil has no order"),
    ] {
        let error = parse(query).unwrap_err();
        assert!(error.reason.contains(reason), "{query}: {error}");
        assert_eq!(error.position + 1, position, "{query}: {error}");
    }
}

#[test]
fn a_query_of_too_many_parts_is_refused_before_it_is_deep() {
    for query in [
        format!("{{ {}.a{} }}", "(".repeat(5000), ")".repeat(5000)),
        format!("{{ {} .a }}", "!".repeat(5000)),
        format!("{{ {} .a = 1 }}", "-".repeat(5000)),
        format!("{}{{}}{}", "(".repeat(5000), ")".repeat(5000)),
        format!("{{}}{}", "&& {}".repeat(600)),
        format!("{{ .a{} }}", "&& .a".repeat(600)),
        format!("{{}}{}", "| by(.a)".repeat(600)),
        format!("{{ 2{} = 2 }}", "^2".repeat(600)),
    ] {
        let reason = parse(&query).unwrap_err().reason;
        assert!(
            ["more than 500 parts", "more than 50 parts"].iter().any(|one| reason.contains(one)),
            "{query:.50}: {reason}"
        );
    }
    assert!(parse(&" ".repeat(20_000)).unwrap_err().reason.contains("20000 bytes"));
}

#[test]
fn what_can_be_is_asked_of_the_stores_indexes() {
    let planned = |query: &str| {
        let sets = plan::plan(&parse(query).unwrap());
        sets.iter().map(|set| set.query(Window::ALL, 1)).collect::<Vec<_>>()
    };
    let [one] = &planned(
        "{ resource.service.name = \"shop\" && name = \"x\" && duration > 1s && .a = 5 && status = error }",
    )[..] else {
        panic!("one set of conditions")
    };
    assert_eq!((one.service.as_deref(), one.operation.as_deref()), (Some("shop"), Some("x")));
    assert_eq!(one.min_duration, Some(Duration::from_secs(1)));
    let attributes: Vec<(&str, &str)> =
        one.attributes.iter().map(|one| (one.key.as_str(), one.value.as_str())).collect();
    assert_eq!(attributes, [("a", "5"), ("error", "true")]);
    assert_eq!(planned("{ .a = 1 || .b = 2 }").len(), 2);
    assert_eq!(planned("{ duration > 1ms } >> { .b = 2 }")[0].attributes[0].key, "b", "what is found more easily");
    assert_eq!(planned("{ .a = 1 } || { .b != 2 }")[0].attributes.len(), 0, "one side may be anything");
    assert!(planned("{ false }").is_empty());
}

/// Parts of queries that meet the spans below.
fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        ("(span|resource|event|)", "[kl]", "(=|!=|>|<=)", "(0|1|2|1\\.5|\"a\"|\"b\"|true)").prop_map(
            |(scope, key, op, value)| {
                // Truth values have no order.
                let op = if value == "true" { "=" } else { &op };
                format!("{scope}.{key} {op} {value}")
            }
        ),
        ("(=|!=|>|>=|<|<=)", 0u64..4).prop_map(|(op, nanos)| format!("duration {op} {nanos}ns")),
        "name (=|!=) \"[ab]\"",
        "name (=~|!~) \"(a|a\\.\\*|\\[ab\\])\"",
        "status (=|!=) (ok|error|unset)",
        "kind (=|!=) (server|client)",
        "resource\\.service\\.name (=|!=) \"(shop|cart|bank)\"",
        "rootName = \"[ab]\"",
        Just("true".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), "(&&|\\|\\|)", inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            inner.prop_map(|inner| format!("!({inner})")),
        ]
    })
}

fn query() -> impl Strategy<Value = String> {
    let set = condition().prop_map(|condition| format!("{{ {condition} }}"));
    let sets = set.prop_recursive(2, 4, 2, |inner| {
        (inner.clone(), "(&&|\\|\\||>|>>|<|<<|~)", inner).prop_map(|(a, op, b)| format!("({a} {op} {b})"))
    });
    let stage = prop_oneof![
        Just(String::new()),
        (1u32..3).prop_map(|count| format!(" | count() >= {count}")),
        condition().prop_map(|condition| format!(" | {{ {condition} }}")),
        (0u32..3).prop_map(|nanos| format!(" | avg(duration) > {nanos}ns")),
    ];
    (sets, stage).prop_map(|(sets, stage)| sets + &stage)
}

fn any_span() -> impl Strategy<Value = (usize, Span)> {
    let value = prop_oneof![
        (0i64..3).prop_map(tripod_wire::otlp::AnyValue::from),
        Just(1.5.into()),
        Just(1.0.into()),
        Just((-0.0).into()),
        "[ab]".prop_map(|text| text.as_str().into()),
        any::<bool>().prop_map(Into::into),
    ];
    let attributes = || prop::collection::btree_map("[kl]", value.clone(), 0..3);
    let times = (0u64..20, 0u64..4);
    (0usize..2, (1u8..6, 1u8..8, 0u8..8), "[ab]", times, 0i32..4, 0i32..3, attributes(), attributes()).prop_map(
        |(service, (trace, id, parent), name, (start, nanos), kind, status, own, of_event)| {
            let list = |map: std::collections::BTreeMap<String, tripod_wire::otlp::AnyValue>| -> Vec<KeyValue> {
                map.into_iter().map(|(key, value)| KeyValue { key, value }).collect()
            };
            let mut span = span(trace, id, parent, &name, start, nanos);
            (span.kind, span.status.code) = (SpanKind(kind), StatusCode(status));
            span.attributes = list(own);
            span.events = vec![Event { attributes: list(of_event), ..Event::default() }];
            (service, span)
        },
    )
}

fn store(spans: &[(usize, Span)]) -> (tempfile::TempDir, Embedded) {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Embedded::open(Options::new(dir.path())).unwrap();
    for (service, span) in spans {
        let resource =
            Resource { attributes: vec![KeyValue::new("service.name", SERVICES[*service])], ..Resource::default() };
        let scope_spans = vec![ScopeSpans { spans: vec![span.clone()], ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
        store.append_spans(&TracesData { resource_spans }.encode_to_vec()).unwrap();
    }
    (dir, store)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What is asked of the store leaves nothing out: all traces, looked at one by one, give the same.
    #[test]
    fn a_search_finds_what_a_look_at_every_trace_finds(
        spans in prop::collection::vec(any_span(), 1..40), queries in prop::collection::vec(query(), 1..12),
        start in 0u64..10, end in 10u64..24, flush in any::<bool>(),
    ) {
        let (_dir, store) = store(&spans);
        if flush {
            store.settle().unwrap();
        }
        let window = Window { start, end };
        let ids: BTreeSet<TraceId> = spans.iter().map(|(_, span)| span.trace_id).collect();
        let traces: Vec<Trace> = ids.iter().map(|id| store.trace(*id).unwrap().unwrap()).collect();
        for text in queries {
            let query = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let deadline = Instant::now() + Duration::from_secs(60);
            let found = search(&store, &query, &Asked { window, limit: 100, spans: 100, deadline }).unwrap();
            let found: Vec<(TraceId, Vec<Vec<SpanId>>)> = found
                .traces
                .iter()
                .map(|one| (one.id, one.sets.iter().map(|set| set.spans.iter().map(|span| span.id).collect()).collect()))
                .collect();
            let mut wanted: Vec<(u64, TraceId, Vec<Vec<SpanId>>)> = Vec::new();
            for trace in &traces {
                let sets = naive(trace, &query, window);
                if !sets.is_empty() {
                    wanted.push((trace.spans[0].span.start_time_unix_nano, trace.id, sets));
                }
            }
            wanted.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            let wanted: Vec<_> = wanted.into_iter().map(|(_, id, sets)| (id, sets)).collect();
            prop_assert_eq!(found, wanted, "{}", text);
        }
    }

    #[test]
    fn no_text_brings_the_parser_down(text in "[{}()|&=!<>~.,\"a-z0-9 \\\\^*/+-]{0,40}") {
        let _ = parse(&text);
    }
}

/// Relations by the definition: every pair of spans is looked at.
fn naive(trace: &Trace, query: &Query, window: Window) -> Vec<Vec<SpanId>> {
    use super::ast::{Relation, Spans, Stage};
    let spans = &trace.spans;
    let parent = |at: usize| {
        let id = spans[at].span.parent_span_id;
        let found = spans.iter().position(|other| other.span.span_id == id);
        found.filter(|found| id.is_valid() && *found != at)
    };
    let above = |at: usize| {
        let (mut above, mut at) = (BTreeSet::new(), at);
        while let Some(up) = parent(at).filter(|up| above.insert(*up)) {
            at = up;
        }
        above
    };
    fn set(
        trace: &Trace,
        of: &Spans,
        window: Window,
        relate: &dyn Fn(Relation, usize, usize) -> bool,
    ) -> BTreeSet<usize> {
        match of {
            Spans::Filter(_) => {
                let alone = Query { spans: of.clone(), stages: Vec::new() };
                let sets = eval::Traced::new(trace, window).answer(&alone);
                sets.into_iter().flat_map(|set| set.spans).map(|at| at as usize).collect()
            }
            Spans::Pair(relation, a, b) => {
                let (a, b) = (set(trace, a, window, relate), set(trace, b, window, relate));
                match relation {
                    Relation::Or => &a | &b,
                    _ if a.is_empty() || b.is_empty() => BTreeSet::new(),
                    Relation::And => &a | &b,
                    _ => b.into_iter().filter(|right| a.iter().any(|left| relate(*relation, *left, *right))).collect(),
                }
            }
        }
    }
    let relate = |relation: Relation, left: usize, right: usize| match relation {
        Relation::Child => parent(right) == Some(left),
        Relation::Parent => parent(left) == Some(right),
        Relation::Descendant => above(right).contains(&left),
        Relation::Ancestor => above(left).contains(&right),
        _ => left != right && parent(left).is_some() && parent(left) == parent(right),
    };
    let mut found = set(trace, &query.spans, window, &relate);
    for stage in &query.stages {
        match stage {
            Stage::Filter(spans) => found = &found & &set(trace, spans, window, &relate),
            Stage::Aggregate { function, op, value } => {
                let numbers: Vec<f64> = found
                    .iter()
                    .map(|at| &spans[*at].span)
                    .map(|span| (span.end_time_unix_nano - span.start_time_unix_nano) as f64)
                    .collect();
                let number = match function {
                    ast::Aggregate::Count => numbers.len() as f64,
                    _ => numbers.iter().sum::<f64>() / numbers.len() as f64,
                };
                if !Value::Float(number).compares(*op, value) {
                    found.clear();
                }
            }
            _ => unreachable!("the queries above have no other stages"),
        }
    }
    if found.is_empty() { Vec::new() } else { vec![found.into_iter().map(|at| spans[at].span.span_id).collect()] }
}
