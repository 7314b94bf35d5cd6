//! What is emitted has the conventions' names, kinds, units and attributes, except for what `docs/reference/semantic-conventions.md`
//! says, with reasons. Nothing stands there that is not so.
#![cfg(not(loom))]

#[path = "../common/mod.rs"]
mod common;
mod drive;
mod known;
#[path = "../common/web.rs"]
mod web;

use std::collections::BTreeSet;

use common::{telemetry, wait_until};
use known::Known;
use tripod::{SpanKind, StatusCode};
use tripod_wire::otlp::metrics::{Metric, MetricData};
use tripod_wire::otlp::{KeyValue, Span};

const PAGE: &str = include_str!("../../../../docs/reference/semantic-conventions.md");

/// Spans by what they have and of which kinds they are, and what they must have.
const SPANS: [(&str, &[SpanKind], &[&str]); 5] = [
    (
        "http.route",
        &[SpanKind::SERVER],
        &["http.request.method", "url.path", "url.scheme", "http.response.status_code"],
    ),
    ("url.full", &[SpanKind::CLIENT], &["http.request.method", "server.address", "server.port"]),
    ("rpc.system.name", &[SpanKind::SERVER, SpanKind::CLIENT], &["rpc.method"]),
    ("db.system.name", &[SpanKind::CLIENT], &[]),
    (
        "messaging.system",
        &[SpanKind::PRODUCER, SpanKind::CONSUMER, SpanKind::CLIENT],
        &["messaging.operation.name", "messaging.destination.name"],
    ),
];

/// The facts of the page's tables: the first column.
fn deviations() -> BTreeSet<String> {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `"));
    let facts = rows.map(|row| {
        let (fact, reason) = row.split_once("` |").expect("a fact and a reason");
        assert!(reason.trim_matches([' ', '|']).len() > 10, "{fact} has a reason");
        fact.to_owned()
    });
    facts.collect()
}

fn keys(attributes: &[KeyValue]) -> Vec<&str> {
    attributes.iter().map(|attribute| &*attribute.key).collect()
}

/// Kind by the conventions, and the keys of each point.
fn points(metric: &Metric) -> (&'static str, Vec<Vec<&str>>) {
    match &metric.data {
        MetricData::Gauge { data_points } => ("gauge", data_points.iter().map(|p| keys(&p.attributes)).collect()),
        MetricData::Sum { data_points, is_monotonic, .. } => {
            let kind = if *is_monotonic { "counter" } else { "updowncounter" };
            (kind, data_points.iter().map(|p| keys(&p.attributes)).collect())
        }
        MetricData::Histogram { data_points, .. } => {
            ("histogram", data_points.iter().map(|p| keys(&p.attributes)).collect())
        }
        MetricData::ExponentialHistogram { data_points, .. } => {
            ("histogram", data_points.iter().map(|p| keys(&p.attributes)).collect())
        }
        other => panic!("{}: {other:?}", metric.name),
    }
}

fn check_metric(known: &Known, metric: &Metric, found: &mut BTreeSet<String>) {
    let name = &metric.name;
    let (kind, points) = points(metric);
    let Some(wanted) = known.metrics.get(name) else {
        found.insert(format!("metric {name}"));
        return;
    };
    if wanted.unit != metric.unit {
        found.insert(format!("unit {} of {name}", metric.unit));
    }
    if wanted.instrument != kind {
        found.insert(format!("kind {kind} of {name}"));
    }
    for keys in points {
        found.extend(
            keys.iter().filter(|key| !wanted.attributes.contains_key(**key)).map(|key| format!("{key} on {name}")),
        );
        let required = wanted.attributes.iter().filter(|(_, required)| **required);
        let missing = required.filter(|(key, _)| !keys.contains(&&***key));
        found.extend(missing.map(|(key, _)| format!("no {key} on {name}")));
    }
}

fn check_span(known: &Known, span: &Span, found: &mut BTreeSet<String>) {
    let keys = keys(&span.attributes);
    let events = span.events.iter().flat_map(|event| self::keys(&event.attributes));
    found.extend(
        keys.iter()
            .copied()
            .chain(events)
            .filter(|key| !known.has_attribute(key))
            .map(|key| format!("attribute {key}")),
    );
    let kind = match span.kind {
        SpanKind::INTERNAL => "internal",
        SpanKind::SERVER => "server",
        SpanKind::CLIENT => "client",
        SpanKind::PRODUCER => "producer",
        _ => "consumer",
    };
    if span.status.code == StatusCode::ERROR && !keys.contains(&"error.type") {
        let with = if span.events.iter().any(|event| event.name == "exception") { "an" } else { "no" };
        found.insert(format!("no error.type on {kind} spans with {with} exception"));
    }
    if span.kind == SpanKind::INTERNAL {
        return;
    }
    let of = SPANS.iter().find(|(mark, kinds, _)| keys.contains(mark) && kinds.contains(&span.kind));
    // Without a route the method is what tells a request.
    let of = of.or_else(|| {
        SPANS.iter().find(|(mark, kinds, _)| {
            *mark == "http.route" && kinds.contains(&span.kind) && keys.contains(&"http.request.method")
        })
    });
    match of {
        None => {
            found.insert(format!("{kind} span of no type with {}", keys.join(", ")));
        }
        Some((mark, _, required)) => {
            let missing = required.iter().filter(|key| !keys.contains(key));
            found.extend(missing.map(|key| format!("no {key} on {kind} spans with {mark}")));
        }
    }
}

#[test]
fn the_conventions_are_read_whole() {
    let known = Known::read();
    assert!(known.attributes() > 700 && known.metrics.len() > 400, "{} {}", known.attributes(), known.metrics.len());
    let requests = &known.metrics["http.server.request.duration"];
    assert_eq!((&*requests.unit, &*requests.instrument), ("s", "histogram"));
    assert!(requests.attributes["http.request.method"] && !requests.attributes["http.route"], "{requests:?}");
    assert!(known.has_attribute("http.request.header.x-tenant") && known.has_attribute("exception.type"));
    assert!(!known.has_attribute("http.method") && !known.has_attribute("http.status_code"), "they are deprecated");
    assert!(known.metrics.values().all(|metric| !metric.unit.is_empty() && !metric.instrument.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_emitted_is_as_the_conventions_have_it_or_the_page_says_why_not() {
    let telemetry = telemetry();
    let _sampling = drive::machine();
    drive::http().await;
    drive::rpc().await;
    let _pool = drive::sql().await;
    drive::cache().await;
    let _consumer = drive::messages().await;
    drive::jobs().await;
    drive::tasks().await;
    drive::service().await;
    drive::functions();
    drive::language_model();
    drive::exceptions();
    drive::events();
    let has = |name: &str| {
        telemetry.flush();
        telemetry.memory().metric(name).is_some()
    };
    for name in [
        "http.server.request.duration",
        "http.client.request.duration",
        "rpc.server.call.duration",
        "rpc.client.call.duration",
        "db.client.operation.duration",
        "db.client.connection.count",
        "messaging.client.sent.messages",
        "messaging.client.consumed.messages",
        "messaging.process.duration",
        "kafka.consumer.records_lag",
        "kafka.consumer.time_lag",
        "kafka.consumer.offset",
        "gen_ai.client.token.usage",
        "gen_ai.client.operation.duration",
        "process.cpu.time",
        "otel.sdk.span.started",
    ] {
        // It fails when one never comes.
        wait_until(|| has(name));
    }
    let (known, mut found) = (Known::read(), BTreeSet::new());
    let of_catalogue: Vec<&str> =
        tripod::catalog::metrics().map(|metric| metric.name).filter(|name| !name.contains('.')).collect();
    for metric in telemetry.memory().metrics().iter().filter(|metric| !of_catalogue.contains(&&*metric.name)) {
        check_metric(&known, metric, &mut found);
    }
    let spans = telemetry.spans();
    for (mark, kinds, _) in SPANS {
        let has = |span: &Span| kinds.contains(&span.kind) && keys(&span.attributes).contains(&mark);
        assert!(spans.iter().any(has), "there is a span with {mark}");
    }
    for name in ["process reports", "service startup", "service shutdown", "work", "adapter.parse", "adapter.latest"] {
        assert!(spans.iter().any(|span| span.name == name), "there is a span {name}");
    }
    spans.iter().for_each(|span| check_span(&known, span, &mut found));
    for log in telemetry.logs() {
        let unknown = keys(&log.attributes)
            .into_iter()
            .filter(|key| !known.has_attribute(key))
            .map(|key| format!("attribute {key}"));
        found.extend(unknown);
    }
    for resource in telemetry.memory().traces().into_iter().flat_map(|traces| traces.resource_spans) {
        let keys = keys(&resource.resource.attributes).into_iter();
        found.extend(keys.filter(|key| !known.has_attribute(key)).map(|key| format!("attribute {key}")));
    }
    let stated = deviations();
    let (unstated, idle): (Vec<_>, Vec<_>) = (found.difference(&stated).collect(), stated.difference(&found).collect());
    assert!(
        unstated.is_empty() && idle.is_empty(),
        "not on the page: {unstated:#?}\non the page, but not so: {idle:#?}"
    );
}
