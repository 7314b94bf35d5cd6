//! What was seen of one request: its spans by group, and the halves of calls between services. It counts once the request is kept.

use std::collections::HashMap;

use tripod_store::SpanOutline;
use tripod_wire::otlp::trace::{SpanKind, StatusCode};
use tripod_wire::{SpanId, TraceId};

use super::histogram::{Example, Examples, Histogram, bucket};

/// Longer names are cut: labels are no place for texts.
const MAX_NAME: usize = 256;

/// What groups have in common: service and name by a number of the request, kind and status.
type Place = ((u32, u32), u8, u8);

/// A request's spans, counted.
#[derive(Debug, Default)]
pub(super) struct Seen {
    places: HashMap<Place, u32, foldhash::fast::RandomState>,
    /// The place of the span before, which the next one often shares.
    last: Option<(Place, u32)>,
    pub(super) groups: Vec<SeenGroup>,
    pub(super) halves: Vec<Half>,
}

/// The spans of a group.
#[derive(Debug)]
pub(super) struct SeenGroup {
    pub(super) service: Box<str>,
    pub(super) name: Box<str>,
    pub(super) kind: u8,
    pub(super) status: u8,
    pub(super) durations: Histogram,
    pub(super) examples: Examples,
}

/// One side of a call between services.
#[derive(Debug, Clone, Copy)]
pub(super) struct Half {
    /// What both sides have in common: the trace, and the id of the caller's span.
    pub(super) call: (TraceId, SpanId),
    pub(super) side: Side,
    /// Its group, for its service.
    pub(super) group: u32,
    pub(super) nanos: u64,
    pub(super) failed: bool,
    /// Whether a broker is in between.
    pub(super) messaging: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

impl Seen {
    pub(super) fn add(&mut self, span: &SpanOutline<'_>) {
        let place = (span.group, kind(span.kind), status(span.status));
        let at = match self.last {
            Some((last, at)) if last == place => at,
            _ => self.group(place, span),
        };
        self.last = Some((place, at));
        let nanos = span.end.saturating_sub(span.start);
        let group = &mut self.groups[at as usize];
        group.durations.add(nanos);
        let time = i64::try_from(span.end / 1_000_000).unwrap_or(i64::MAX);
        group.examples[bucket(nanos)] = Some(Example { trace: span.trace_id, span: span.span_id, nanos, time });
        let (side, messaging, id) = match span.kind {
            SpanKind::CLIENT => (Side::Client, false, span.span_id),
            SpanKind::PRODUCER => (Side::Client, true, span.span_id),
            SpanKind::SERVER => (Side::Server, false, span.parent_span_id),
            SpanKind::CONSUMER => (Side::Server, true, span.parent_span_id),
            _ => return,
        };
        if id.is_valid() {
            let failed = span.status == StatusCode::ERROR;
            self.halves.push(Half { call: (span.trace_id, id), side, group: at, nanos, failed, messaging });
        }
    }

    fn group(&mut self, place: Place, span: &SpanOutline<'_>) -> u32 {
        let new = self.groups.len() as u32;
        let at = *self.places.entry(place).or_insert(new);
        if at == new {
            let name = String::from_utf8_lossy(span.name);
            self.groups.push(SeenGroup {
                service: cut(span.service).into(),
                name: cut(&name).into(),
                kind: place.1,
                status: place.2,
                durations: Histogram::default(),
                examples: Examples::default(),
            });
        }
        at
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME)]
}

/// The number of a kind; one that is not known is "unspecified".
fn kind(kind: SpanKind) -> u8 {
    u8::try_from(kind.0).ok().filter(|kind| *kind <= 5).unwrap_or(0)
}

fn status(status: StatusCode) -> u8 {
    u8::try_from(status.0).ok().filter(|status| *status <= 2).unwrap_or(0)
}
