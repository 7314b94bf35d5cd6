//! B3, the format of Zipkin (<https://github.com/openzipkin/b3-propagation>), in its two forms.
//!
//! Single: `b3: {trace id}-{span id}-{state}-{parent span id}`, the last two optional. Multi: `X-B3-TraceId`, `X-B3-SpanId`,
//! `X-B3-Sampled`, `X-B3-Flags`. A trace id has 32 or 16 lower-case digits, 16 are padded on the left; a span id has 16.
//!
//! By the OpenTelemetry specification both forms are read, the single one first, and the parent's id is never written. Debug (`d`,
//! `X-B3-Flags: 1`) means sampled whatever the samplers think, and stands in place of the state. An absent state leaves the decision
//! to the receiver. A state without ids (`b3: 0`) names no span, so is no context.

use super::carrier::Visible;
use super::{Extractor, Injector, hex};
use crate::context::{SpanContext, TraceFlags};

const SINGLE: &str = "b3";
const TRACE_ID: &str = "x-b3-traceid";
const SPAN_ID: &str = "x-b3-spanid";
const SAMPLED: &str = "x-b3-sampled";
const FLAGS: &str = "x-b3-flags";

/// What each form writes.
pub(super) const SINGLE_FIELDS: &[&str] = &[SINGLE];
pub(super) const MULTI_FIELDS: &[&str] = &[TRACE_ID, SPAN_ID, SAMPLED, FLAGS];

pub(super) fn inject_single(span: &SpanContext, carrier: &mut impl Injector) {
    let mut header = [b'-'; 51];
    hex::write(&span.trace_id.0, &mut header[..32]);
    hex::write(&span.span_id.0, &mut header[33..49]);
    header[50] = if span.flags.is_debug() { b'd' } else { hex::sampled(span) };
    let len = if span.flags.is_undecided() { 49 } else { header.len() };
    carrier.set_visible(SINGLE, Visible::filled(&header[..len]));
}

pub(super) fn inject_multi(span: &SpanContext, carrier: &mut impl Injector) {
    let (mut trace_id, mut span_id) = ([0; 32], [0; 16]);
    hex::write(&span.trace_id.0, &mut trace_id);
    hex::write(&span.span_id.0, &mut span_id);
    carrier.set_visible(TRACE_ID, Visible::filled(&trace_id));
    carrier.set_visible(SPAN_ID, Visible::filled(&span_id));
    if span.flags.is_debug() {
        carrier.set(FLAGS, "1");
    } else if !span.flags.is_undecided() {
        carrier.set_visible(SAMPLED, Visible::filled(&[hex::sampled(span)]));
    }
}

pub(super) fn extract(carrier: &impl Extractor) -> Option<SpanContext> {
    carrier.get(SINGLE).and_then(parse_single).or_else(|| extract_multi(carrier))
}

fn parse_single(header: &str) -> Option<SpanContext> {
    let mut fields = header.trim().split('-');
    let (trace_id, span_id) = (fields.next()?, fields.next()?);
    let flags = match fields.next() {
        Some("1") => TraceFlags::SAMPLED,
        Some("d") => TraceFlags::DEBUG,
        Some("0") => TraceFlags::NONE,
        None => TraceFlags::UNDECIDED,
        Some(_) => return None,
    };
    let parent_is_well = fields.next().is_none_or(|parent| parse_span_id(parent).is_some());
    if !parent_is_well || fields.next().is_some() {
        return None;
    }
    hex::remote(parse_trace_id(trace_id)?, parse_span_id(span_id)?, flags)
}

fn extract_multi(carrier: &impl Extractor) -> Option<SpanContext> {
    let get = |name| carrier.get(name).map(str::trim);
    let flags = match get(SAMPLED) {
        _ if get(FLAGS) == Some("1") => TraceFlags::DEBUG,
        // The words are from before the specification, which lets readers accept them.
        Some("1" | "true") => TraceFlags::SAMPLED,
        Some("0" | "false") => TraceFlags::NONE,
        None => TraceFlags::UNDECIDED,
        Some(_) => return None,
    };
    hex::remote(parse_trace_id(get(TRACE_ID)?)?, parse_span_id(get(SPAN_ID)?)?, flags)
}

fn parse_trace_id(text: &str) -> Option<[u8; 16]> {
    hex::number(text.as_bytes()).filter(|_| matches!(text.len(), 16 | 32))
}

fn parse_span_id(text: &str) -> Option<[u8; 8]> {
    hex::number(text.as_bytes()).filter(|_| text.len() == 16)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const TRACE: &str = "80f198ee56343ba864fe8b2a57d3eff7";
    const SPAN: &str = "e457b5a2e4d86bd1";

    fn read(headers: &[(&str, &str)]) -> Option<SpanContext> {
        let carrier: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        extract(&carrier)
    }

    #[test]
    fn the_specifications_examples_are_read() {
        let span = read(&[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90")]).unwrap();
        assert_eq!((span.trace_id.to_string(), span.span_id.to_string()), (TRACE.to_owned(), SPAN.to_owned()));
        assert!(span.is_sampled() && span.remote);
        let multi = [
            ("X-B3-TraceId", TRACE),
            ("X-B3-ParentSpanId", "05e3ac9a4f6e3b90"),
            ("X-B3-SpanId", SPAN),
            ("X-B3-Sampled", "1"),
        ];
        assert_eq!(read(&multi), Some(span));
    }

    #[test]
    fn states_are_mapped_in_both_forms() {
        let states = [
            ("-1", TraceFlags::SAMPLED),
            ("-0", TraceFlags::NONE),
            ("-d", TraceFlags::DEBUG),
            ("", TraceFlags::UNDECIDED),
        ];
        for (state, flags) in states {
            assert_eq!(read(&[("b3", &format!("{TRACE}-{SPAN}{state}"))]).unwrap().flags, flags, "{state}");
        }
        let ids = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
        let states = [
            (("x-b3-sampled", "1"), TraceFlags::SAMPLED),
            (("x-b3-sampled", "true"), TraceFlags::SAMPLED),
            (("x-b3-sampled", "0"), TraceFlags::NONE),
            (("x-b3-flags", "1"), TraceFlags::DEBUG),
            (("x-b3-flags", "0"), TraceFlags::UNDECIDED),
        ];
        for (state, flags) in states {
            assert_eq!(read(&[ids[0], ids[1], state]).unwrap().flags, flags, "{state:?}");
        }
        assert_eq!(read(&[ids[0], ids[1], ("x-b3-sampled", "maybe")]), None);
    }

    #[test]
    fn a_short_trace_id_is_padded_on_the_left() {
        let span = read(&[("b3", "64fe8b2a57d3eff7-e457b5a2e4d86bd1-1")]).unwrap();
        assert_eq!(span.trace_id.to_string(), "000000000000000064fe8b2a57d3eff7");
    }

    #[test]
    fn the_single_form_comes_first_and_a_malformed_one_is_passed_over() {
        let multi = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
        let single = ("b3", "64fe8b2a57d3eff7-05e3ac9a4f6e3b90-1");
        assert_eq!(read(&[multi[0], multi[1], single]).unwrap().span_id.to_string(), "05e3ac9a4f6e3b90");
        assert_eq!(read(&[multi[0], multi[1], ("b3", "0")]).unwrap().span_id.to_string(), SPAN);
    }

    #[test]
    fn malformed_headers_are_no_context() {
        let bad = [
            "",
            "0",
            "d",
            TRACE,
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd",
            "80f198ee56343ba864fe8b2a57d3eff-e457b5a2e4d86bd1-1",
            "80F198EE56343BA864FE8B2A57D3EFF7-e457b5a2e4d86bd1-1",
            "00000000000000000000000000000000-e457b5a2e4d86bd1-1",
            "80f198ee56343ba864fe8b2a57d3eff7-0000000000000000-1",
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-2",
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-",
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3",
            "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90-1",
        ];
        for header in bad {
            assert_eq!(read(&[("b3", header)]), None, "{header}");
        }
        assert_eq!(read(&[("x-b3-traceid", TRACE)]), None);
    }

    #[test]
    fn both_forms_are_written_as_the_specification_shows_them() {
        let span = read(&[("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1")]).unwrap();
        let mut out = HashMap::new();
        inject_single(&span, &mut out);
        assert_eq!(out["b3"], "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1");
        inject_multi(&SpanContext { flags: TraceFlags::NONE, ..span }, &mut out);
        assert_eq!([&out[TRACE_ID], &out[SPAN_ID], &out[SAMPLED]], [TRACE, SPAN, "0"]);
    }

    #[test]
    fn debug_and_an_open_decision_are_passed_on_as_they_came() {
        let span = read(&[("b3", &format!("{TRACE}-{SPAN}"))]).unwrap();
        for flags in [TraceFlags::DEBUG, TraceFlags::UNDECIDED] {
            let (mut single, mut multi) = (HashMap::new(), HashMap::new());
            inject_single(&SpanContext { flags, ..span }, &mut single);
            inject_multi(&SpanContext { flags, ..span }, &mut multi);
            assert_eq!((extract(&single).unwrap().flags, extract(&multi).unwrap().flags), (flags, flags));
            assert!(!multi.contains_key(SAMPLED), "debug stands in place of the state");
        }
    }
}
