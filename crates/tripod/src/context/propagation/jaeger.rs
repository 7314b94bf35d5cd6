//! Jaeger (<https://www.jaegertracing.io/sdk-migration/#propagation-format>).
//!
//! `uber-trace-id: {trace id}:{span id}:{parent span id}:{flags}`, in lower-case hex. Ids may be shorter than their 32 and 16
//! digits and are padded on the left; the parent's id is deprecated, `0` is written; of the flags, one byte, bit 1 says sampled
//! (debug, bit 2, counts only together with it). The header may come percent-encoded.
//!
//! Baggage is a header a pair, `uberctx-{key}: {value}`, percent-encoded. To read it a carrier must tell its names
//! ([`Extractor::keys`]), to write it it must take any name ([`Injector::set_owned`]). Where header names have no case, as in HTTP,
//! keys lose theirs.

use std::borrow::Cow;

use super::carrier::Visible;
use super::percent::{self, Unreserved};
use super::{Extractor, Injector, hex};
use crate::context::{Baggage, SpanContext, TraceFlags};

const HEADER: &str = "uber-trace-id";
const BAGGAGE_PREFIX: &str = "uberctx-";

/// What it writes, besides baggage under names of its own.
pub(super) const FIELDS: &[&str] = &[HEADER];
const SAMPLED: u8 = 1;
const DEBUG: u8 = 2;

/// What stays as it is besides letters and digits: all of it may stand in a header's name.
const UNRESERVED: Unreserved = Unreserved::with(b"-._~");

pub(super) fn inject_span(span: &SpanContext, carrier: &mut impl Injector) {
    let mut header = *b"00000000000000000000000000000000:0000000000000000:0:0";
    hex::write(&span.trace_id.0, &mut header[..32]);
    hex::write(&span.span_id.0, &mut header[33..49]);
    header[52] = b'0' + u8::from(span.is_sampled()) * SAMPLED + u8::from(span.flags.is_debug()) * DEBUG;
    carrier.set_visible(HEADER, Visible::filled(&header));
}

pub(super) fn inject_baggage(baggage: &Baggage, carrier: &mut impl Injector) {
    for (key, value) in baggage.iter() {
        let (mut name, mut encoded) = (BAGGAGE_PREFIX.to_owned(), String::new());
        UNRESERVED.encode(key, &mut name);
        UNRESERVED.encode(value, &mut encoded);
        carrier.set_owned(name, &encoded);
    }
}

pub(super) fn extract_span(carrier: &impl Extractor) -> Option<SpanContext> {
    let header = carrier.get(HEADER)?.trim();
    let header = if header.contains(':') { Cow::Borrowed(header) } else { Cow::Owned(percent::decode(header)?) };
    let mut fields = header.split(':').map(str::as_bytes);
    let trace_id = hex::number(fields.next()?)?;
    let span_id = hex::number(fields.next()?)?;
    let _parent: [u8; 8] = hex::number(fields.next()?)?;
    let [flags] = hex::number(fields.next()?)?;
    if fields.next().is_some() {
        return None;
    }
    let flags = match (flags & SAMPLED != 0, flags & DEBUG != 0) {
        (false, _) => TraceFlags::NONE,
        (true, false) => TraceFlags::SAMPLED,
        (true, true) => TraceFlags::DEBUG,
    };
    hex::remote(trace_id, span_id, flags)
}

pub(super) fn extract_baggage(carrier: &impl Extractor) -> Baggage {
    let mut baggage = Baggage::default();
    for name in carrier.keys() {
        let prefix = name.get(..BAGGAGE_PREFIX.len());
        if !prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(BAGGAGE_PREFIX)) {
            continue;
        }
        let key = percent::decode_lossy(&name[BAGGAGE_PREFIX.len()..]);
        let value = carrier.get(name).and_then(percent::decode_lossy);
        if let (Some(key), Some(value)) = (key, value) {
            baggage.set(key, value);
        }
    }
    baggage
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "4bf92f3577b34da6a3ce929d0e0e4736:00f067aa0ba902b7:0:1";

    fn read(header: &str) -> Option<SpanContext> {
        extract_span(&HashMap::from([("Uber-Trace-Id".to_owned(), header.to_owned())]))
    }

    #[test]
    fn a_header_is_read_and_written() {
        let span = read(EXAMPLE).unwrap();
        assert_eq!(span.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(span.span_id.to_string(), "00f067aa0ba902b7");
        assert!(span.is_sampled() && span.remote);
        let mut out = HashMap::new();
        inject_span(&span, &mut out);
        assert_eq!(out[HEADER], EXAMPLE);
        assert_eq!(read(&EXAMPLE.replace(':', "%3A")), Some(span));
    }

    #[test]
    fn short_ids_are_padded_on_the_left() {
        let span = read("a3ce929d0e0e4736:f067aa0ba902b7:0:01").unwrap();
        assert_eq!(span.trace_id.to_string(), "0000000000000000a3ce929d0e0e4736");
        assert_eq!(span.span_id.to_string(), "00f067aa0ba902b7");
    }

    #[test]
    fn of_the_flags_the_first_bit_says_sampled_and_the_second_debug() {
        let (none, sampled, debug) = (TraceFlags::NONE, TraceFlags::SAMPLED, TraceFlags::DEBUG);
        let all = [("0", none), ("1", sampled), ("3", debug), ("2", none), ("8", none), ("09", sampled)];
        for (written, flags) in all {
            let span = read(&format!("1:2:0:{written}")).unwrap();
            assert_eq!(span.flags, flags, "{written}");
            let mut out = HashMap::new();
            inject_span(&span, &mut out);
            assert_eq!(read(&out[HEADER]), Some(span), "as it was after the way through a header");
        }
    }

    #[test]
    fn malformed_headers_are_no_context() {
        let bad = [
            "",
            ":::",
            "1:2:0",
            "1:2:0:1:1",
            "0:2:0:1",
            "1:0:0:1",
            "1:2::1",
            "1:2:0:",
            "1:2:0:100",
            "1:2:0:-1",
            "1:2:x:1",
            "A:2:0:1",
            "1%3A2",
            "%",
            "04bf92f3577b34da6a3ce929d0e0e4736:2:0:1",
            "1:000f067aa0ba902b7:0:1",
        ];
        for header in bad {
            assert_eq!(read(header), None, "{header}");
        }
    }

    #[test]
    fn baggage_goes_through_http_headers() {
        let mut baggage = Baggage::default();
        baggage.set("tenant", "a b,é");
        baggage.set("the key", "v");
        let mut headers = http::HeaderMap::new();
        inject_baggage(&baggage, &mut headers);
        assert_eq!(headers["uberctx-tenant"], "a%20b%2C%C3%A9");
        assert_eq!(extract_baggage(&headers), baggage);
    }

    #[test]
    fn a_pair_that_is_malformed_is_left_out() {
        let carrier = [("Uberctx-A", "1"), ("uberctx-b", "%zz"), ("uberctx-", "no key"), ("uberctxx", "other")];
        let carrier: Vec<_> = carrier.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert!(extract_baggage(&carrier).iter().eq([("A", "1")]));
    }

    proptest! {
        #[test]
        fn any_baggage_survives_the_way_through_headers(key in ".{1,20}", value in ".{0,50}") {
            let mut baggage = Baggage::default();
            baggage.set(key, value);
            let mut carrier = HashMap::new();
            inject_baggage(&baggage, &mut carrier);
            prop_assert_eq!(extract_baggage(&carrier), baggage);
        }
    }
}
