//! What counting costs a span: `cargo test --profile demo -p tripod-server --lib span_metrics::measure -- --ignored --nocapture`.
//! Figures are printed; what is asserted is that all was counted.

use std::time::Instant;

use tripod_store::{Durability, Embedded, Options, SpanStore};
use tripod_wire::otlp::trace::{SpanKind, Status, StatusCode};
use tripod_wire::otlp::{KeyValue, Resource, ResourceSpans, ScopeSpans, Span, TracesData};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

use super::*;

const REQUESTS: u64 = 60;
const SPANS: u64 = 2000;

/// Traces of ten spans, each a call of the next service, forty operations a service, eight attributes.
fn request(number: u64) -> Vec<u8> {
    let mut of_service: Vec<Vec<Span>> = vec![Vec::new(); 5];
    for at in 0..SPANS {
        let (trace, depth) = ((number * SPANS + at) / 10, at % 10);
        let id = |depth: u64| SpanId((trace * 100 + depth + 1).to_be_bytes());
        let start = 1_795_238_940_000_000_000 + trace * 1_000_000;
        let text = |at: u64| format!("value-{:08x}", at.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 5000);
        of_service[depth as usize / 2].push(Span {
            trace_id: TraceId((u128::from(trace) + 1).to_be_bytes()),
            span_id: id(depth),
            parent_span_id: if depth == 0 { SpanId::NONE } else { id(depth - 1) },
            name: format!("operation {}", (trace + depth) % 40),
            kind: if depth % 2 == 0 { SpanKind::SERVER } else { SpanKind::CLIENT },
            start_time_unix_nano: start,
            end_time_unix_nano: start + (trace * 7919 + depth) % 3_000_000_000,
            status: Status { code: StatusCode(if trace % 50 == 0 { 2 } else { 0 }), ..Status::default() },
            attributes: (0..8).map(|key| KeyValue::new(format!("key.{key}"), text(trace * 8 + key))).collect(),
            ..Span::default()
        });
    }
    let of = |(at, spans): (usize, Vec<Span>)| {
        let attributes = vec![KeyValue::new("service.name", format!("service-{at}"))];
        let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
        let resource = Resource { attributes, ..Resource::default() };
        ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }
    };
    TracesData { resource_spans: of_service.into_iter().enumerate().map(of).collect() }.encode_to_vec()
}

/// Nanoseconds that this thread has had a processor.
fn on_cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default()
}

#[test]
#[ignore = "prints figures"]
fn what_counting_costs_a_span() {
    let requests: Vec<Vec<u8>> = (0..REQUESTS).map(request).collect();
    for round in 0..5 {
        // Each in a store of its own, so that none has what another left.
        let times = [0, 1, 2].map(|way| {
            let dir = tempfile::tempdir().unwrap();
            let options = Options { durability: Durability::None, ..Options::new(dir.path()) };
            let (store, _) = Embedded::open(options).unwrap();
            let metrics = SpanMetrics::since(0, 100_000, Arc::new(OwnMetrics::default()));
            let start = on_cpu();
            for request in &requests {
                match way {
                    0 => store.append_spans(request).map(drop).unwrap(),
                    1 => {
                        let mut seen = Seen::default();
                        store.append_spans_seen(request, &mut |span| seen.add(span)).unwrap();
                    }
                    _ => metrics.append(&store, request).map(drop).unwrap(),
                }
            }
            let taken = on_cpu() - start;
            if way == 2 {
                let writing = Instant::now();
                metrics.write(&store, 5000).unwrap();
                let (mut due, mut counted) = (Vec::new(), Vec::new());
                lock(&metrics.counted).groups.collect(Moment { now: 6000, before: 5000, all: true }, &mut due);
                due.into_iter().for_each(|one| one.write(6000, &mut counted));
                let calls = counted.iter().filter(|one| one.labels.name() == "traces_span_metrics_calls_total");
                assert_eq!(calls.map(|one| one.samples.floats[0].1).sum::<f64>(), (REQUESTS * SPANS) as f64);
                println!("  written: {} series of spans in {:?}", counted.len(), writing.elapsed());
            }
            taken as f64 / (REQUESTS * SPANS) as f64
        });
        println!(
            "round {round}: a span {:.0} ns, seen {:+.0} ns, counted {:+.0} ns",
            times[0],
            times[1] - times[0],
            times[2] - times[0]
        );
    }
}
