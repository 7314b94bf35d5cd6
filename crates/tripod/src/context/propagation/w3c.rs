//! W3C Trace Context (`traceparent`, `tracestate`) and Baggage (`baggage`).

use std::fmt::Write;
use std::sync::Arc;

use super::{Extractor, Injector, hex};
use crate::context::{Baggage, SpanContext, TraceFlags};

const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";

/// `00-` trace id `-` span id `-` flags.
const TRACEPARENT_LEN: usize = 55;

/// What baggage holds as it is, besides letters and digits.
const UNENCODED: &[u8] = b"-._~!#$&'*+^`|:/@()";

pub(super) fn inject_span(span: &SpanContext, trace_state: Option<&str>, carrier: &mut impl Injector) {
    carrier.set(TRACEPARENT, hex::text(&traceparent(span)));
    if let Some(state) = trace_state.filter(|state| !state.is_empty()) {
        carrier.set(TRACESTATE, state);
    }
}

pub(super) fn inject_baggage(baggage: &Baggage, carrier: &mut impl Injector) {
    carrier.set(BAGGAGE, &write_baggage(baggage));
}

/// The span and its `tracestate`.
pub(super) fn extract_span(carrier: &impl Extractor) -> Option<(SpanContext, Option<Arc<str>>)> {
    let span = parse_traceparent(carrier.get(TRACEPARENT)?)?;
    let state = carrier.get(TRACESTATE).map(str::trim).filter(|state| !state.is_empty());
    Some((span, state.map(Arc::from)))
}

pub(super) fn extract_baggage(carrier: &impl Extractor) -> Baggage {
    carrier.get(BAGGAGE).map(parse_baggage).unwrap_or_default()
}

fn traceparent(span: &SpanContext) -> [u8; TRACEPARENT_LEN] {
    let mut header = *b"00-00000000000000000000000000000000-0000000000000000-00";
    let (trace_id, span_id) = hex::ids(span);
    header[3..35].copy_from_slice(&trace_id);
    header[36..52].copy_from_slice(&span_id);
    header[54] = b'0' + span.flags.to_w3c();
    header
}

/// Reads version 00 strictly and later versions by their first four fields, as the specification asks.
fn parse_traceparent(header: &str) -> Option<SpanContext> {
    let header = header.trim();
    let bytes = header.as_bytes();
    let [version] = hex::number(header.get(0..2)?)?;
    let ends_well = match version {
        0xff => false,
        0 => bytes.len() == TRACEPARENT_LEN,
        _ => bytes.len() == TRACEPARENT_LEN || bytes.get(TRACEPARENT_LEN) == Some(&b'-'),
    };
    if !ends_well || [2, 35, 52].iter().any(|at| bytes[*at] != b'-') {
        return None;
    }
    let [flags] = hex::number(header.get(53..55)?)?;
    hex::remote(hex::number(header.get(3..35)?)?, hex::number(header.get(36..52)?)?, TraceFlags::from_w3c(flags))
}

fn write_baggage(baggage: &Baggage) -> String {
    let mut header = String::new();
    for (key, value) in baggage.iter() {
        if !header.is_empty() {
            header.push(',');
        }
        percent_encode(key, UNENCODED, &mut header);
        header.push('=');
        percent_encode(value, UNENCODED, &mut header);
    }
    header
}

/// Reads the pairs; their properties (after `;`) are not kept.
fn parse_baggage(header: &str) -> Baggage {
    let mut baggage = Baggage::default();
    for member in header.split(',') {
        let pair = member.split(';').next().unwrap_or_default();
        let Some((key, value)) = pair.split_once('=') else { continue };
        if let (Some(key), Some(value)) = (percent_decode(key.trim()), percent_decode(value.trim())) {
            baggage.set(key, value);
        }
    }
    baggage
}

/// Encodes all bytes but letters, digits and those `kept`.
pub(super) fn percent_encode(text: &str, kept: &[u8], out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
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
            prop_assert_eq!(parse_baggage(&write_baggage(&baggage)), baggage);
        }
    }
}
