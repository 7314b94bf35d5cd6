//! W3C Trace Context (`traceparent`, `tracestate`) and Baggage (`baggage`).

use std::sync::Arc;

use super::carrier::Visible;
use super::percent::{self, Unreserved};
use super::{Extractor, Injector, hex, tracestate};
use crate::context::{Baggage, SpanContext, TraceFlags};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";

/// What each of the two formats writes.
pub(super) const CONTEXT_FIELDS: &[&str] = &[TRACEPARENT, TRACESTATE];
pub(super) const BAGGAGE_FIELDS: &[&str] = &[BAGGAGE];

/// `00-` trace id `-` span id `-` flags.
const TRACEPARENT_LEN: usize = 55;

/// What a key of baggage holds as it is: the characters of a token, but for the percent sign.
const IN_KEY: Unreserved = Unreserved::with(b"!#$&'*+-.^_`|~");

/// What a value of baggage holds as it is: all but space, quote, comma, semicolon, backslash and the percent sign, and, as some
/// readers stumble over them, brackets and signs of comparison.
const IN_VALUE: Unreserved = Unreserved::with(b"-._~!#$&'*+^`|:/@()");

pub(super) fn inject_span(span: &SpanContext, trace_state: Option<&str>, carrier: &mut impl Injector) {
    carrier.set_visible(TRACEPARENT, Visible::filled(&traceparent(span)));
    if let Some(state) = trace_state.filter(|state| !state.is_empty()) {
        carrier.set(TRACESTATE, state);
    }
}

pub(super) fn inject_baggage(baggage: &Baggage, carrier: &mut impl Injector) {
    carrier.set(BAGGAGE, &write_baggage(baggage));
}

/// The span and its `tracestate`.
#[inline]
pub(super) fn extract_span(carrier: &impl Extractor) -> Option<(SpanContext, Option<Arc<str>>)> {
    let span = parse_traceparent(carrier.get_bytes(TRACEPARENT)?)?;
    let state = carrier.get_bytes(TRACESTATE).and_then(|_| tracestate::join(carrier.get_all(TRACESTATE)));
    Some((span, state))
}

#[inline]
pub(super) fn extract_baggage(carrier: &impl Extractor) -> Option<Baggage> {
    carrier.get_bytes(BAGGAGE)?;
    let mut baggage = Baggage::default();
    carrier.get_all(BAGGAGE).for_each(|header| parse_baggage(header, &mut baggage));
    Some(baggage)
}

#[inline]
fn traceparent(span: &SpanContext) -> [u8; TRACEPARENT_LEN] {
    let mut header = *b"00-00000000000000000000000000000000-0000000000000000-00";
    hex::write(&span.trace_id.0, &mut header[3..35]);
    hex::write(&span.span_id.0, &mut header[36..52]);
    header[54] = b'0' + span.flags.to_w3c();
    header
}

/// Reads version 00 strictly and later versions by their first four fields, as the specification asks.
#[inline]
fn parse_traceparent(header: &[u8]) -> Option<SpanContext> {
    let (first, rest) = header.trim_ascii().split_first_chunk::<TRACEPARENT_LEN>()?;
    let [version] = hex::number(&first[..2])?;
    let ends_well = match version {
        0xff => false,
        0 => rest.is_empty(),
        _ => rest.first().is_none_or(|next| *next == b'-'),
    };
    if !ends_well || [2, 35, 52].iter().any(|at| first[*at] != b'-') {
        return None;
    }
    let [flags] = hex::number(&first[53..])?;
    hex::remote(hex::number(&first[3..35])?, hex::number(&first[36..52])?, TraceFlags::from_w3c(flags))
}

fn write_baggage(baggage: &Baggage) -> String {
    let mut header = String::new();
    for (key, value, metadata) in baggage.iter_with_metadata() {
        if !header.is_empty() {
            header.push(',');
        }
        IN_KEY.encode(key, &mut header);
        header.push('=');
        IN_VALUE.encode(value, &mut header);
        if !metadata.is_empty() {
            header.push(';');
            header.push_str(metadata);
        }
    }
    header
}

/// How long a pair of baggage is in the header.
pub(crate) fn baggage_len(key: &str, value: &str, metadata: &str) -> usize {
    let metadata = if metadata.is_empty() { 0 } else { 1 + metadata.len() };
    IN_KEY.encoded_len(key) + 1 + IN_VALUE.encoded_len(value) + metadata
}

/// Reads the pairs; what is malformed, or beyond the limits, is left out.
fn parse_baggage(header: &str, baggage: &mut Baggage) {
    for member in header.split(',') {
        let (pair, metadata) = member.split_once(';').unwrap_or((member, ""));
        let Some((key, value)) = pair.split_once('=') else { continue };
        if let (Some(key), Some(value)) = (percent::decode_lossy(key.trim()), percent::decode_lossy(value.trim())) {
            baggage.set_with_metadata(key, value, metadata.trim());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::Propagators;
    use super::*;
    use crate::context::Context;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn extract(carrier: &HashMap<String, String>) -> Context {
        Propagators::DEFAULT.extract(carrier)
    }

    fn extract_one(header: &str) -> SpanContext {
        extract(&HashMap::from([("Traceparent".to_owned(), header.to_owned())])).span
    }

    #[test]
    fn a_context_is_the_same_after_the_way_through_headers() {
        let mut baggage = Baggage::default();
        baggage.set("tenant", "a,b;c=d é");
        let carrier = HashMap::from([
            (TRACEPARENT.to_owned(), HEADER.to_owned()),
            (TRACESTATE.to_owned(), "vendor=1,other=2".to_owned()),
        ]);
        let context = extract(&carrier).with_baggage(baggage);
        let mut out = HashMap::new();
        Propagators::DEFAULT.inject(&context, &mut out);
        assert_eq!(out[TRACEPARENT], HEADER);
        assert_eq!(out[TRACESTATE], "vendor=1,other=2");
        assert_eq!(extract(&out).baggage, context.baggage);
    }

    #[test]
    fn malformed_headers_are_no_context() {
        let bad = [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        ];
        for header in bad {
            assert!(!extract_one(header).is_valid(), "{header}");
        }
        assert!(extract_one(HEADER).is_sampled());
        assert!(extract_one("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more").is_valid());
    }

    #[test]
    fn headers_that_come_several_times_are_one() {
        let mut headers = http::HeaderMap::new();
        headers.insert(TRACEPARENT, HEADER.parse().unwrap());
        for (name, value) in [(TRACESTATE, "a=1"), (BAGGAGE, "x=1;p=2"), (TRACESTATE, "b=2"), (BAGGAGE, "y=%ff")] {
            headers.append(name, value.parse().unwrap());
        }
        let context = Propagators::DEFAULT.extract(&headers);
        assert_eq!(context.trace_state.as_deref(), Some("a=1,b=2"));
        let baggage = context.baggage.unwrap();
        assert!(baggage.iter_with_metadata().eq([("x", "1", "p=2"), ("y", "\u{fffd}", "")]));
    }

    #[test]
    fn a_request_with_many_headers_is_read_as_one_with_few() {
        let mut headers = http::HeaderMap::new();
        headers.insert(TRACEPARENT, HEADER.parse().unwrap());
        let few = Propagators::DEFAULT.extract(&headers).span;
        for n in 0..40 {
            let name = http::HeaderName::try_from(format!("x-other-{n}")).unwrap();
            headers.insert(name, http::HeaderValue::from_static("value"));
        }
        assert_eq!(Propagators::DEFAULT.extract(&headers).span, few);
        assert!(few.is_valid());
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_not_set() {
        let mut headers = http::HeaderMap::new();
        for bad in ["two\nlines", "\0", "\u{7f}"] {
            headers.set(TRACESTATE, bad);
        }
        assert!(headers.is_empty());
        headers.set(TRACESTATE, "a=1");
        assert_eq!(headers[TRACESTATE], "a=1");
    }

    proptest! {
        #[test]
        fn any_header_is_read_without_a_panic(traceparent in ".{0,70}", baggage in ".{0,200}") {
            let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent), (BAGGAGE.to_owned(), baggage)]);
            extract(&carrier);
        }

        #[test]
        fn any_baggage_survives_the_way_through_a_header(key in ".{1,20}", value in ".{0,50}") {
            let mut baggage = Baggage::default();
            baggage.set(key, value);
            let (header, mut read) = (write_baggage(&baggage), Baggage::default());
            parse_baggage(&header, &mut read);
            prop_assert_eq!(&read, &baggage);
            let (key, value) = baggage.iter().next().unwrap();
            prop_assert_eq!(header.len(), baggage_len(key, value, ""));
        }
    }
}
