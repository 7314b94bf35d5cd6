//! AWS X-Ray (<https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>).
//!
//! `X-Amzn-Trace-Id: Root=1-{8 digits}-{24 digits};Parent={16 digits};Sampled={0 or 1}`, in any order, digits in lower case. The
//! two parts of `Root` are the trace id. Other fields (`Self`, `Lineage`) are skipped; a field that comes twice is malformed.
//!
//! `Sampled=?`, or none, leaves the decision to the receiver. Without `Parent`, as a load balancer writes it that begins a trace, the
//! header names no span, so is no context.

use super::carrier::Visible;
use super::{Extractor, Injector, hex};
use crate::context::{SpanContext, TraceFlags};

const HEADER: &str = "x-amzn-trace-id";

/// What it writes.
pub(super) const FIELDS: &[&str] = &[HEADER];

pub(super) fn inject(span: &SpanContext, carrier: &mut impl Injector) {
    let mut header = *b"Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0";
    hex::write(&span.trace_id.0[..4], &mut header[7..15]);
    hex::write(&span.trace_id.0[4..], &mut header[16..40]);
    hex::write(&span.span_id.0, &mut header[48..64]);
    header[73] = if span.flags.is_undecided() { b'?' } else { hex::sampled(span) };
    carrier.set_visible(HEADER, Visible::filled(&header));
}

pub(super) fn extract(carrier: &impl Extractor) -> Option<SpanContext> {
    parse(carrier.get(HEADER)?)
}

fn parse(header: &str) -> Option<SpanContext> {
    let (mut root, mut parent, mut sampled) = (None, None, None);
    for field in header.split(';').map(str::trim).filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=')?;
        let slot = match name {
            "Root" => &mut root,
            "Parent" => &mut parent,
            "Sampled" => &mut sampled,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return None;
        }
    }
    let flags = match sampled {
        Some("1") => TraceFlags::SAMPLED,
        Some("0") => TraceFlags::NONE,
        Some("?") | None => TraceFlags::UNDECIDED,
        Some(_) => return None,
    };
    let parent = parent.filter(|parent| parent.len() == 16)?;
    hex::remote(parse_root(root?)?, hex::number(parent.as_bytes())?, flags)
}

fn parse_root(root: &str) -> Option<[u8; 16]> {
    let (seconds, unique) = root.strip_prefix("1-")?.split_once('-')?;
    if seconds.len() != 8 || unique.len() != 24 {
        return None;
    }
    let mut trace_id = [0; 16];
    trace_id[..4].copy_from_slice(&hex::number::<4>(seconds.as_bytes())?);
    trace_id[4..].copy_from_slice(&hex::number::<12>(unique.as_bytes())?);
    Some(trace_id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const EXAMPLE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn the_documentations_example_is_read_and_written() {
        let span = parse(EXAMPLE).unwrap();
        assert_eq!(span.trace_id.to_string(), "5759e988bd862e3fe1be46a994272793");
        assert_eq!(span.span_id.to_string(), "53995c3f42cd8ad8");
        assert!(span.is_sampled() && span.remote);
        let mut out = HashMap::new();
        inject(&span, &mut out);
        assert_eq!(out[HEADER], EXAMPLE);
    }

    #[test]
    fn order_spaces_and_other_fields_do_not_matter() {
        let header = "Sampled=1; Lineage=a87bd80c:1|68fd508a:5; Parent=53995c3f42cd8ad8 ;\
                      Root=1-5759e988-bd862e3fe1be46a994272793;Self=1-x";
        assert_eq!(parse(header), parse(EXAMPLE));
    }

    #[test]
    fn an_open_decision_stays_open() {
        let states =
            [("Sampled=0", TraceFlags::NONE), ("Sampled=?", TraceFlags::UNDECIDED), ("", TraceFlags::UNDECIDED)];
        for (end, flags) in states {
            assert_eq!(parse(&EXAMPLE.replace("Sampled=1", end)).unwrap().flags, flags, "{end}");
        }
        let mut out = HashMap::new();
        inject(&parse(&EXAMPLE.replace("Sampled=1", "Sampled=?")).unwrap(), &mut out);
        assert!(out[HEADER].ends_with("Sampled=?"));
    }

    #[test]
    fn malformed_headers_are_no_context() {
        let bad = [
            "",
            "Root=1-5759e988-bd862e3fe1be46a994272793",
            "Parent=53995c3f42cd8ad8;Sampled=1",
            "Root=2-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "Root=1-5759e98-8bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "Root=1-5759e988-BD862E3FE1BE46A994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "Root=1-00000000-000000000000000000000000;Parent=53995c3f42cd8ad8;Sampled=1",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad;Sampled=1",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=yes",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Sampled=0",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled",
        ];
        for header in bad {
            assert_eq!(parse(header), None, "{header}");
        }
    }
}
