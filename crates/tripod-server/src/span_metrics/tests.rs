use std::collections::BTreeMap;

use proptest::prelude::*;
use tripod_store::{Embedded, Matcher, Options, SeriesStore};
use tripod_wire::otlp::trace::{SpanKind, Status, StatusCode};
use tripod_wire::otlp::{KeyValue, Resource, ResourceSpans, ScopeSpans, Span, TracesData};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

use super::*;

const START: i64 = 1_795_238_940_000;

fn span(trace: u8, id: u8, parent: u8, kind: SpanKind, name: &str, millis: u64) -> Span {
    let start = START as u64 * 1_000_000;
    Span {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId([id; 8]),
        parent_span_id: SpanId([parent; 8]),
        name: name.to_owned(),
        kind,
        start_time_unix_nano: start,
        end_time_unix_nano: start + millis * 1_000_000,
        ..Span::default()
    }
}

fn failed(mut span: Span) -> Span {
    span.status = Status { code: StatusCode::ERROR, message: String::new() };
    span
}

fn request(service: &str, spans: Vec<Span>) -> Vec<u8> {
    let resource = Resource { attributes: vec![KeyValue::new("service.name", service)], ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    TracesData { resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }] }
        .encode_to_vec()
}

struct Fixture {
    _dir: tempfile::TempDir,
    store: Embedded,
    own: Arc<OwnMetrics>,
    metrics: Arc<SpanMetrics>,
}

impl Fixture {
    fn new(series: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Embedded::open(Options::new(dir.path())).unwrap();
        let own = Arc::new(OwnMetrics::default());
        let metrics = SpanMetrics::since(START, series, Arc::clone(&own));
        Self { _dir: dir, store, own, metrics }
    }

    fn send(&self, service: &str, spans: Vec<Span>) {
        self.metrics.append(&self.store, &request(service, spans)).unwrap();
    }

    fn write(&self, seconds: i64) {
        self.metrics.write(&self.store, START + seconds * 1000).unwrap();
    }

    /// Samples by labels, as `name{a="b"}`, of a metric.
    fn series(&self, name: &str) -> BTreeMap<String, Vec<(i64, f64)>> {
        let found = self.store.select(&[Matcher::equal("__name__", name)], i64::MIN, i64::MAX).unwrap();
        let text = |labels: &tripod_store::Labels| {
            let pairs = labels.iter().filter(|(name, _)| *name != "__name__");
            pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
        };
        let samples = |floats: Vec<(i64, f64)>| floats.into_iter().map(|(at, value)| ((at - START) / 1000, value));
        found.into_iter().map(|one| (text(&one.labels), samples(one.samples.floats).collect())).collect()
    }
}

const OF_GET: &str = "service_name=shop,span_kind=SPAN_KIND_SERVER,span_name=GET";

#[test]
fn calls_errors_and_durations_are_counted_from_zero_on() {
    let fixture = Fixture::new(10_000);
    let get = |id, millis| span(1, id, 0, SpanKind::SERVER, "GET", millis);
    fixture.send("shop", vec![get(1, 3), get(2, 90), failed(get(3, 20_000))]);
    fixture.write(5);
    fixture.send("shop", vec![get(4, 3)]);
    fixture.write(10);
    let calls = fixture.series("traces_span_metrics_calls_total");
    let expected = BTreeMap::from([
        (format!("{OF_GET},status_code=STATUS_CODE_ERROR"), vec![(0, 0.0), (5, 1.0)]),
        (format!("{OF_GET},status_code=STATUS_CODE_UNSET"), vec![(0, 0.0), (5, 2.0), (10, 3.0)]),
    ]);
    assert_eq!(calls, expected, "what did not change is not written again");
    let buckets = fixture.series("traces_span_metrics_duration_milliseconds_bucket");
    let last = |le: &str| buckets[&format!("le={le},{OF_GET},status_code=STATUS_CODE_UNSET")].last().unwrap().1;
    assert_eq!(["2", "4", "50", "100", "+Inf"].map(last), [0.0, 2.0, 2.0, 3.0, 3.0]);
    let sums = fixture.series("traces_span_metrics_duration_milliseconds_sum");
    assert_eq!(sums[&format!("{OF_GET},status_code=STATUS_CODE_ERROR")], [(0, 0.0), (5, 20_000.0)]);
    assert_eq!(fixture.store.metadata().unwrap()["traces_span_metrics_calls_total"].kind.as_str(), "counter");
}

#[test]
fn what_does_not_change_is_written_every_minute_and_forgotten_after_an_hour() {
    let fixture = Fixture::new(10_000);
    fixture.send("shop", vec![span(1, 1, 0, SpanKind::SERVER, "GET", 3)]);
    let of = || fixture.series("traces_span_metrics_calls_total").into_values().next().unwrap();
    for seconds in [5, 10, 60, 65, 3604] {
        fixture.write(seconds);
    }
    assert_eq!(of(), [(0, 0.0), (5, 1.0), (65, 1.0), (3604, 1.0)]);
    fixture.write(3700);
    fixture.send("shop", vec![span(1, 2, 0, SpanKind::SERVER, "GET", 3)]);
    fixture.write(3705);
    assert_eq!(of()[4..], [(3700, 0.0), (3705, 1.0)], "it begins anew");
}

#[test]
fn a_bucket_has_a_trace_to_look_at() {
    let fixture = Fixture::new(10_000);
    let slow = |trace| span(trace, 7, 0, SpanKind::SERVER, "GET", 900);
    let exemplars = || {
        let matcher = Matcher::equal("__name__", "traces_span_metrics_duration_milliseconds_bucket");
        let found = fixture.store.exemplars(&[matcher], i64::MIN, i64::MAX).unwrap();
        let of = |one: tripod_store::SeriesExemplars| {
            let le = one.labels.get("le").to_owned();
            one.exemplars.into_iter().map(move |example| (le.clone(), example.trace_id.0[0], example.value))
        };
        found.into_iter().flat_map(of).collect::<Vec<_>>()
    };
    fixture.send("shop", vec![slow(1)]);
    fixture.write(5);
    assert_eq!(exemplars(), [("1000".to_owned(), 1, 900.0)]);
    fixture.send("shop", vec![slow(2), span(3, 8, 0, SpanKind::SERVER, "GET", 1)]);
    fixture.write(10);
    let found = exemplars();
    assert!(found.contains(&("2".to_owned(), 3, 1.0)) && found.len() == 2, "one in half a minute: {found:?}");
}

#[test]
fn calls_between_services_are_paired_whichever_side_comes_first() {
    let fixture = Fixture::new(10_000);
    let client = |trace| span(trace, 1, 9, SpanKind::CLIENT, "call", 30);
    let server = |trace| failed(span(trace, 2, 1, SpanKind::SERVER, "GET", 20));
    fixture.send("web", vec![client(1)]);
    fixture.send("shop", vec![server(1), server(2)]);
    fixture.send("web", vec![client(2), client(3)]);
    fixture.send("web", vec![span(4, 1, 9, SpanKind::PRODUCER, "send", 1)]);
    fixture.send("mail", vec![span(4, 2, 1, SpanKind::CONSUMER, "receive", 500)]);
    fixture.write(5);
    let requests = fixture.series("traces_service_graph_request_total");
    let expected = BTreeMap::from([
        ("client=web,connection_type=messaging_system,server=mail".to_owned(), vec![(0, 0.0), (5, 1.0)]),
        ("client=web,server=shop".to_owned(), vec![(0, 0.0), (5, 2.0)]),
    ]);
    assert_eq!(requests, expected);
    let failures = fixture.series("traces_service_graph_request_failed_total");
    assert_eq!(failures["client=web,server=shop"], [(0, 0.0), (5, 2.0)]);
    for (side, seconds) in [("client", 0.06), ("server", 0.04)] {
        let sums = fixture.series(&format!("traces_service_graph_request_{side}_seconds_sum"));
        assert_eq!(sums["client=web,server=shop"], [(0, 0.0), (5, seconds)]);
    }
}

#[test]
fn groups_beyond_the_limit_are_counted_together_and_said() {
    let fixture = Fixture::new(200);
    let spans = (0..50).map(|at| span(1, at + 1, 0, SpanKind::INTERNAL, &format!("operation {at}"), 1)).collect();
    fixture.send("shop", spans);
    fixture.write(5);
    let calls = fixture.series("traces_span_metrics_calls_total");
    assert_eq!((calls.len(), &calls["otel_metric_overflow=true"]), (9, &vec![(0, 0.0), (5, 42.0)]));
    assert_eq!(fixture.own.span_metrics.overflown(), 42);
}

#[test]
fn what_the_store_refuses_is_not_counted() {
    let fixture = Fixture::new(10_000);
    assert!(fixture.metrics.append(&fixture.store, b"no request").is_err());
    let no_ids = Span { trace_id: TraceId::NONE, ..span(1, 1, 0, SpanKind::SERVER, "GET", 3) };
    fixture.send("shop", vec![no_ids]);
    fixture.write(5);
    assert_eq!(fixture.series("traces_span_metrics_calls_total"), BTreeMap::new());
}

#[test]
fn a_long_name_is_cut_between_characters() {
    let fixture = Fixture::new(10_000);
    fixture.send("shop", vec![span(1, 1, 0, SpanKind::SERVER, &"ä".repeat(500), 3)]);
    fixture.write(5);
    let calls = fixture.series("traces_span_metrics_calls_total");
    assert!(calls.keys().next().unwrap().contains(&format!("span_name={},", "ä".repeat(128))), "{calls:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn every_span_is_counted_once_in_its_group(
        spans in prop::collection::vec((0usize..3, "[a-c]", 0i32..8, 0i32..4, 0u64..30_000), 0..60), cut in 1usize..20,
    ) {
        let fixture = Fixture::new(1_000_000);
        let mut model: BTreeMap<(usize, String, i32, i32), (f64, f64)> = BTreeMap::new();
        let services = ["x", "y", "z"];
        for chunk in spans.chunks(cut) {
            for (number, service) in services.into_iter().enumerate() {
                let of = chunk.iter().enumerate().filter(|(_, one)| one.0 == number);
                let sent = of.map(|(at, (_, name, kind, status, millis))| {
                    let mut span = span(1, at as u8 + 1, 0, SpanKind(*kind), name, *millis);
                    span.status.code = StatusCode(*status);
                    span
                });
                fixture.send(service, sent.collect());
            }
            for (service, name, kind, status, millis) in chunk {
                // Kinds and codes from the future count as not said.
                let (kind, status) = (if *kind > 5 { 0 } else { *kind }, if *status > 2 { 0 } else { *status });
                let group = model.entry((*service, name.clone(), kind, status)).or_default();
                group.0 += 1.0;
                group.1 += *millis as f64;
            }
        }
        fixture.write(5);
        let sums = fixture.series("traces_span_metrics_duration_milliseconds_sum");
        let calls = fixture.series("traces_span_metrics_calls_total");
        prop_assert_eq!(calls.len(), model.len());
        for ((service, name, kind, status), (count, sum)) in model {
            let kind = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"][kind as usize];
            let status = ["UNSET", "OK", "ERROR"][status as usize];
            let service = services[service];
            let labels = format!("service_name={service},span_kind=SPAN_KIND_{kind},span_name={name},status_code=STATUS_CODE_{status}");
            prop_assert_eq!(calls[&labels].last(), Some(&(5, count)));
            prop_assert_eq!(sums[&labels].last(), Some(&(5, sum)));
        }
    }
}
