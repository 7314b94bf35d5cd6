//! Spans for tests: any that there can be, and few that meet one another.

use proptest::prelude::*;
use tripod_wire::otlp::trace::{Event, Link, SpanKind, Status, StatusCode};
use tripod_wire::otlp::{AnyValue, KeyValue, Span};
use tripod_wire::{SpanId, TraceId};

fn value() -> impl Strategy<Value = AnyValue> {
    prop_oneof![
        4 => "[a-c]{0,3}".prop_map(AnyValue::String),
        2 => (0i64..3).prop_map(AnyValue::Int),
        1 => any::<i64>().prop_map(AnyValue::Int),
        1 => any::<bool>().prop_map(AnyValue::Bool),
        1 => any::<u64>().prop_map(|bits| AnyValue::Double(f64::from_bits(bits))),
        1 => Just(AnyValue::Empty),
        1 => prop::collection::vec(any::<u8>(), 0..4).prop_map(AnyValue::Bytes),
        1 => prop::collection::vec((0i64..3).prop_map(AnyValue::Int), 0..3).prop_map(AnyValue::Array),
    ]
}

/// Keys of a list differ.
fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::btree_map("[k-n]", value(), 0..5)
        .prop_map(|list| list.into_iter().map(|(key, value)| KeyValue { key, value }).collect())
}

fn rare<T: std::fmt::Debug + Clone + Default>(value: impl Strategy<Value = T>) -> impl Strategy<Value = T> {
    prop::option::weighted(0.2, value).prop_map(Option::unwrap_or_default)
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), "[a-c]{0,3}", attributes(), rare(any::<u32>())).prop_map(|(time, name, attributes, dropped)| Event {
        time_unix_nano: time,
        name,
        attributes,
        dropped_attributes_count: dropped,
    })
}

fn link() -> impl Strategy<Value = Link> {
    (any::<[u8; 16]>(), any::<[u8; 8]>(), rare("[a-c]{0,3}"), attributes(), rare(any::<u32>()), rare(any::<u32>()))
        .prop_map(|(trace, span, state, attributes, dropped, flags)| Link {
            trace_id: TraceId(trace),
            span_id: SpanId(span),
            trace_state: state,
            attributes,
            dropped_attributes_count: dropped,
            flags,
        })
}

/// Any span with ids, of few traces, so that they meet.
pub(super) fn any_span() -> impl Strategy<Value = Span> {
    let ids = (1u8..6, 1u8..20, 0u8..20);
    let times = (prop_oneof![9 => 0u64..1000, 1 => any::<u64>()], 0u64..100, any::<bool>());
    let texts = ("[a-c]{0,2}", rare("[a-c]{0,3}"), rare("[a-c]{0,3}"));
    let numbers = (prop_oneof![9 => 0i32..6, 1 => any::<i32>()], 0i32..3, rare(any::<u32>()));
    let dropped = (rare(any::<u32>()), rare(any::<u32>()), rare(any::<u32>()));
    let lists = (attributes(), rare(prop::collection::vec(event(), 1..4)), rare(prop::collection::vec(link(), 1..3)));
    (ids, times, texts, numbers, dropped, lists).prop_map(|(ids, times, texts, numbers, dropped, lists)| Span {
        trace_id: TraceId([ids.0; 16]),
        span_id: SpanId([ids.1; 8]),
        parent_span_id: SpanId([ids.2; 8]),
        start_time_unix_nano: times.0,
        // Some end before they start.
        end_time_unix_nano: if times.2 { times.0.wrapping_add(times.1) } else { times.0.wrapping_sub(times.1) },
        name: texts.0,
        trace_state: texts.1,
        kind: SpanKind(numbers.0),
        status: Status { message: texts.2, code: StatusCode(numbers.1) },
        flags: numbers.2,
        dropped_attributes_count: dropped.0,
        dropped_events_count: dropped.1,
        dropped_links_count: dropped.2,
        attributes: lists.0,
        events: lists.1,
        links: lists.2,
    })
}
