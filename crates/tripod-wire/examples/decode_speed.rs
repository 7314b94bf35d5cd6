//! How long decoding and encoding take, beside prost on the same bytes.
//!
//! `cargo run --release -p tripod-wire --example decode_speed`
//!
//! The two take turns, and the fastest of many rounds counts: what other processes cost is not ours.

use std::hint::black_box;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1 as theirs;
use prost::Message as _;
use tripod_wire::otlp::trace::SpanKind;
use tripod_wire::otlp::{self, KeyValue, Resource, ResourceSpans, ScopeSpans, Span, TracesData};
use tripod_wire::proto::Message;
use tripod_wire::{SpanId, TraceId};

const SPANS: u64 = 512;
const ROUNDS: usize = 400;

fn main() {
    let data = request();
    let bytes = data.encode_to_vec();
    let reference = theirs::TracesData::decode(bytes.as_slice()).expect("prost reads our bytes");
    println!("{SPANS} spans with 5 attributes each, {} bytes a span; nanoseconds a span", bytes.len() as u64 / SPANS);

    let mut ours = Vec::with_capacity(bytes.len() * 2);
    let mut prosts = Vec::with_capacity(bytes.len() * 2);
    let mut best = [Duration::MAX; 6];
    for _ in 0..ROUNDS {
        let mut round = [
            time(|| TracesData::decode(&bytes).expect("our bytes")),
            time(|| theirs::TracesData::decode(bytes.as_slice()).expect("our bytes")),
            time(|| {
                ours.clear();
                data.encode(&mut ours);
            }),
            time(|| {
                prosts.clear();
                reference.encode(&mut prosts).expect("a vector grows");
            }),
            time(|| otlp::records(&bytes).flatten().count()),
            time(|| {
                for at in otlp::records(&bytes).flatten() {
                    black_box(Span::decode(&bytes[at.record]).expect("our bytes"));
                }
            }),
        ];
        best.iter_mut().zip(&mut round).for_each(|(best, taken)| *best = (*best).min(*taken));
    }
    assert_eq!(ours.len(), prosts.len(), "both write the same fields");
    let [decode, prost_decode, encode, prost_encode, walk, walk_and_decode] =
        best.map(|taken| taken.as_nanos() as f64 / SPANS as f64);
    println!("decode            {decode:7.1}   prost {prost_decode:7.1}   ratio {:.2}", prost_decode / decode);
    println!("encode            {encode:7.1}   prost {prost_encode:7.1}   ratio {:.2}", prost_encode / encode);
    println!("walk              {walk:7.1}");
    println!("walk, decode each {walk_and_decode:7.1}");
}

/// How long one call takes; dropping what it returns is not part of it.
fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let value = black_box(work());
    let taken = start.elapsed();
    drop(value);
    taken
}

fn request() -> TracesData {
    let spans = (0..SPANS).map(span).collect();
    let attributes = vec![KeyValue::new("service.name", "checkout"), KeyValue::new("host.name", "node-17")];
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource = Resource { attributes, ..Resource::default() };
    TracesData { resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }] }
}

fn span(index: u64) -> Span {
    let start = 1_795_238_947_123_456_789 + index * 1_000;
    Span {
        trace_id: TraceId((u128::from(index) << 64 | 0x5b8e_fff7_9803_8103).to_be_bytes()),
        span_id: SpanId((index + 1).to_be_bytes()),
        parent_span_id: SpanId((index + 7).to_be_bytes()),
        name: "GET /orders/{id}".to_owned(),
        kind: SpanKind::SERVER,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 1_500_000,
        attributes: vec![
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("url.path", format!("/orders/{index}")),
            KeyValue::new("http.route", "/orders/{id}"),
            KeyValue::new("cache.hit", index.is_multiple_of(2)),
        ],
        ..Span::default()
    }
}
