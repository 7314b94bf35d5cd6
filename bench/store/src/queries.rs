//! Queries of a store that has been filled before, the page cache warm; each answer is compared with what was generated.

use std::path::PathBuf;

use serde_json::{Value, json};
use tripod_store::{AttributeMatch, Embedded, LogQuery, LogStore, Matcher, SeriesStore, SpanStore, TraceQuery, Window};

use crate::arguments::Arguments;
use crate::data::logs::{ABSENT, FREQUENT, RARE, SHUFFLED};
use crate::data::spans::{Trace, USERS, trace_id, user};
use crate::feed::Load;
use crate::timing::measure;
use crate::{engine, process};

/// A metric of which every target has twelve series.
pub const METRIC: &str = "http_server_request_duration_seconds_count";
/// The first target.
pub const INSTANCE: &str = "gateway-0.trading.svc:9090";
pub const ONE_TARGET: &str = "samples of 12 series, each of them";
pub const ONE_METRIC: &str = "samples of a metric, 2.4% of all, counted";

/// Opens the store, and asks.
pub fn run(arguments: &Arguments) -> Value {
    let (dir, load): (PathBuf, Load) = (arguments.need("--dir"), Load::of(arguments));
    let times = arguments.get("--times").unwrap_or(200);
    process::warm(&dir);
    let (store, _) = engine::open(&dir);
    engine::settle(&store);
    let rows = match load.signal {
        "spans" => spans(&store, &load, times),
        "logs" => logs(&store, &load, times),
        _ => samples(&store, &load, times),
    };
    json!({ "queries": rows, "resident": process::own_memory().0 })
}

/// Numbers of traces all over the data, that are whole in it.
pub fn numbers(load: &Load) -> impl Fn(usize) -> u64 + Clone + use<> {
    // A trace has nine spans on average; the last ones may lack some.
    let traces = (load.count / 10).max(1);
    move |run| (run as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) % traces
}

fn spans(store: &Embedded, load: &Load, times: usize) -> Vec<Value> {
    let (origin, number) = (load.origin, numbers(load));
    let of_service = |key: &str, value: String| TraceQuery {
        service: Some("gateway".into()),
        attributes: vec![AttributeMatch { key: key.into(), value }],
        ..TraceQuery::within(Window::ALL, 20)
    };
    let find = |query: &TraceQuery| store.find_traces(query).expect("the store answers");
    vec![
        measure("trace by id", times * 5, |run| {
            let trace = Trace::new(origin, number(run));
            let found = store.trace(trace.id()).expect("the store answers").expect("the trace is there");
            assert_eq!(found.spans.len(), trace.len(), "trace {}", trace.id());
            found.spans.len()
        }),
        measure("trace by id, absent", times * 5, |run| {
            let found = store.trace(trace_id(!origin.seed, number(run))).expect("the store answers");
            assert_eq!(found, None);
            0
        }),
        measure("services", times * 5, |_| {
            let services = store.services().expect("the store answers");
            assert_eq!(services.len(), 8);
            services.len()
        }),
        measure("service + attribute, every second span", times, |_| {
            let found = find(&of_service("http.request.method", "GET".into()));
            assert_eq!(found.len(), 20);
            found.len()
        }),
        measure("service + attribute, one span in 4,000", times, |_| {
            find(&of_service("http.response.status_code", "429".into())).len()
        }),
        measure("service + attribute, one user of 100,000", times, |run| {
            let wanted = Trace::new(origin, number(run));
            let found = find(&of_service("user.id", wanted.user()));
            // Every trace begins at the gateway.
            assert!(found.len() == 20 || found.iter().any(|trace| trace.id == wanted.id()));
            found.len()
        }),
        measure("service + attribute, one span", times, |run| {
            let wanted = Trace::new(origin, number(run));
            let (_, request) = wanted.root();
            let found = find(&of_service("request.id", request));
            assert_eq!(found.iter().map(|trace| trace.id).collect::<Vec<_>>(), [wanted.id()]);
            found.len()
        }),
        measure("service + attribute, absent value", times, |run| {
            let found = find(&of_service("user.id", user(USERS + run as u64)));
            assert!(found.is_empty());
            0
        }),
        measure("service + attribute, absent key", times, |_| {
            let found = find(&of_service("http.request.header.x", "1".into()));
            assert!(found.is_empty());
            0
        }),
        measure("list of 20 summaries of a service", times, |_| {
            let query = TraceQuery { attributes: Vec::new(), ..of_service("", String::new()) };
            let found = store.summarize_traces(&query).expect("the store answers").summaries.len();
            assert_eq!(found, 20);
            found
        }),
    ]
}

fn logs(store: &Embedded, load: &Load, times: usize) -> Vec<Value> {
    let any = || LogQuery::within(Window::ALL, 100);
    let phrase = |name: &str, phrase: &str, expected: std::ops::RangeInclusive<usize>| {
        let query = LogQuery { text: vec![phrase.into()], ..any() };
        measure(name, times.min(100), |_| {
            let found = store.find_logs(&query).expect("the store answers").len();
            assert!(expected.contains(&found), "{found} records have {phrase:?}");
            found
        })
    };
    let rare = load.count.div_ceil(1_000_000) as usize;
    vec![
        phrase("phrase, one record in 20", FREQUENT, 100..=100),
        phrase("phrase, one record in a million", RARE, rare.saturating_sub(1)..=rare),
        phrase("phrase, its words in another order", SHUFFLED, 0..=0),
        phrase("phrase, absent words", ABSENT, 0..=0),
        measure("newest 100 of a service at ERROR or worse", times, |_| {
            let severity = tripod_wire::otlp::logs::SeverityNumber(17)..=tripod_wire::otlp::logs::SeverityNumber(24);
            let query = LogQuery { service: Some("orders".into()), severity: Some(severity), ..any() };
            let found = store.find_logs(&query).expect("the store answers").len();
            assert_eq!(found, 100);
            found
        }),
        measure("volume by severity, all", times.min(50), |_| {
            let volume = store.log_volume(&any(), 60).expect("the store answers");
            let counted: u64 = volume.levels.values().flatten().sum();
            assert_eq!(counted, load.count);
            counted as usize
        }),
    ]
}

fn samples(store: &Embedded, load: &Load, times: usize) -> Vec<Value> {
    let start = (load.origin.start / 1_000_000) as i64;
    let select = |matchers: &[Matcher]| {
        let selected = store.select(matchers, start - 60_000, i64::MAX).expect("the store answers");
        selected.iter().map(|series| series.samples.floats.len()).sum::<usize>()
    };
    let metric = Matcher::equal("__name__", METRIC);
    let one = [metric.clone(), Matcher::equal("instance", INSTANCE)];
    vec![
        measure(ONE_TARGET, times, |_| {
            let found = select(&one);
            assert_eq!(found, 12 * load.scrapes as usize);
            found
        }),
        measure(ONE_METRIC, times, |_| select(std::slice::from_ref(&metric))),
    ]
}
