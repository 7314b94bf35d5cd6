//! Headers of every format of context. The input is a header a line: a digit that picks the name, then the value.

#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use tripod::propagation::Propagator;
use tripod::{Baggage, Context};

const NAMES: [&str; 12] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    "uber-trace-id",
    "x-amzn-trace-id",
    "uberctx-a",
    "uberctx-%c3%a9",
];

const PROPAGATORS: [Propagator; 6] = [
    Propagator::TraceContext,
    Propagator::Baggage,
    Propagator::B3,
    Propagator::B3Multi,
    Propagator::Jaeger,
    Propagator::XRay,
];

fuzz_target!(|text: &str| {
    let (mut list, mut map) = (Vec::new(), HeaderMap::new());
    for line in text.split('\n') {
        let mut value = line.chars();
        let Some(name) = value.next().and_then(|digit| NAMES.get(digit.to_digit(36)? as usize)) else { continue };
        // What no header can hold comes from no carrier.
        let Ok(header) = HeaderValue::from_str(value.as_str()) else { continue };
        map.append(HeaderName::from_static(name), header);
        list.push(((*name).to_owned(), value.as_str().to_owned()));
    }
    for propagator in PROPAGATORS {
        let (mut context, mut from_map) = (Context::default(), Context::default());
        propagator.extract(&list, &mut context);
        propagator.extract(&map, &mut from_map);
        assert_eq!((context.span, &context.baggage), (from_map.span, &from_map.baggage), "{propagator:?}");
        assert_eq!(context.trace_state, from_map.trace_state);
        check(propagator, &context);
    }
});

fn check(propagator: Propagator, context: &Context) {
    assert!(context.span == Default::default() || context.span.is_valid() && context.span.remote);
    assert!(context.trace_state.as_ref().is_none_or(|state| !state.is_empty() && state.len() <= 512));
    let baggage = context.baggage.as_deref().cloned().unwrap_or_default();
    assert!(baggage.len() <= Baggage::MAX_PAIRS);
    let mut written = HeaderMap::new();
    propagator.inject(context, &mut written);
    assert!(written.get("baggage").is_none_or(|header| header.len() <= Baggage::MAX_BYTES));
    let mut again = Context::default();
    propagator.extract(&written, &mut again);
    assert_eq!(again.span, context.span, "{propagator:?} {written:?}");
    assert_eq!(again.trace_state, context.trace_state);
    assert_eq!(again.baggage.as_deref().cloned().unwrap_or_default(), baggage, "{propagator:?} {written:?}");
}
