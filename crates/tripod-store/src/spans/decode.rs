//! An export request, decoded straight from its protobuf bytes into columns: nothing is allocated for a span.
//!
//! What the model of a span has is kept; fields that it does not know are dropped. A malformed request is refused whole, as by the
//! decoder of `tripod_wire`; a span without valid ids is rejected alone.

use std::collections::HashSet;

use tripod_wire::otlp::trace::{Event, Link};
use tripod_wire::otlp::{self, KeyValue};
use tripod_wire::proto::{Message, Reader, WireType};
use tripod_wire::{SpanId, TraceId, WireError};

use super::rows::{MAX_WEIGHT, Rows, Source};
use crate::Appended;
use crate::records::{Contexts, KnownContexts, MAX_BLOCK_ROWS, Pick, Picks};

/// After so many rows it shows how many a request has: they mostly take the same room.
const PROBE: usize = 8;

/// A request, taken apart.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Who emitted the rows.
    pub(super) contexts: Contexts,
    /// The spans that can be kept.
    pub(super) rows: Rows,
    /// One of the rows of each context, name and kind.
    pub(super) operations: Vec<u32>,
    /// How many spans can't be kept.
    rejected: u64,
    /// Why the first of them can't.
    reason: Option<String>,
}

impl Batch {
    /// Decodes `ExportTraceServiceRequest`.
    pub(super) fn decode(request: &[u8], known: &KnownContexts) -> Result<Self, WireError> {
        let mut batch = Self::default();
        let mut rejected = Vec::new();
        // Where the last context stands in the request, and its number.
        let mut last = (0..0, 0..0, None);
        for at in otlp::records(request) {
            let at = at?;
            let span = Fields::decode(&request[at.record.clone()], &mut batch.rows)?;
            let context = match (span.check(), last.2) {
                (Err(reason), _) => {
                    rejected.push(batch.rows.len() as u32);
                    batch.reason.get_or_insert(reason);
                    0
                }
                (Ok(()), Some(context)) if last.0 == at.resource && last.1 == at.scope => context,
                (Ok(()), _) => {
                    let [resource_url, scope_url] =
                        [&at.resource_schema_url, &at.scope_schema_url].map(|url| text(request, url));
                    let (resource, scope) = (&request[at.resource.clone()], &request[at.scope.clone()]);
                    let context = batch.contexts.intern(known, resource, scope, &resource_url, &scope_url)?;
                    last = (at.resource.clone(), at.scope.clone(), Some(context));
                    context
                }
            };
            span.push(context, &mut batch.rows);
            if batch.rows.len() == PROBE {
                let likely = request.len().saturating_mul(PROBE) / at.record.end;
                batch.rows.expect(likely.min(MAX_BLOCK_ROWS));
            }
        }
        if !rejected.is_empty() {
            batch.leave_out(&rejected);
        }
        batch.find_operations();
        Ok(batch)
    }

    /// What the sender is told.
    pub(super) fn appended(&self) -> Appended {
        let (accepted, reason) = (self.rows.len() as u64, self.reason.clone());
        Appended { accepted, rejected: self.rejected, reason, ..Appended::default() }
    }

    /// Takes rows out: they were in the columns before it was known that they can't be kept.
    fn leave_out(&mut self, rejected: &[u32]) {
        self.rejected = rejected.len() as u64;
        let mut kept = Pick::all(self.rows.len());
        kept.retain(|pick| rejected.binary_search(&pick.row).is_err());
        let all = std::mem::take(&mut self.rows);
        let contexts: Vec<u32> = (0..self.contexts.len().max(1) as u32).collect();
        self.rows.gather(Picks { sources: &[&Source { rows: &all, contexts }], picks: &kept });
    }

    fn find_operations(&mut self) {
        let mut seen: HashSet<(u32, u32, i32), foldhash::fast::RandomState> = HashSet::default();
        // Most rows are of an operation that was seen a moment ago: that is found without hashing.
        let mut recent = [None; 64];
        for row in 0..self.rows.len() {
            let operation = (self.rows.context[row], self.rows.name.codes.get(row), self.rows.kind.get(row));
            let slot = &mut recent[operation.0.wrapping_mul(7).wrapping_add(operation.1) as usize % 64];
            if *slot != Some(operation) && seen.insert(operation) {
                self.operations.push(row as u32);
            }
            *slot = Some(operation);
        }
    }
}

/// A schema's URL. It is not worth refusing a request for.
fn text<'a>(request: &'a [u8], at: &std::ops::Range<usize>) -> std::borrow::Cow<'a, str> {
    String::from_utf8_lossy(&request[at.clone()])
}

/// The fields of a span that occur once. Its attributes, events and links go into the columns as they come.
#[derive(Default)]
struct Fields<'a> {
    trace: TraceId,
    span: SpanId,
    parent: SpanId,
    state: &'a str,
    name: &'a str,
    kind: i32,
    start: u64,
    end: u64,
    flags: u32,
    status: i32,
    message: &'a str,
    dropped: [u32; 3],
}

impl<'a> Fields<'a> {
    fn decode(bytes: &'a [u8], rows: &mut Rows) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes, "Span");
        let mut span = Self::default();
        let (mut attributes, events, links) = (0, rows.events.time.len(), rows.links.trace.len());
        while let Some((number, wire_type)) = reader.next_field()? {
            match number {
                9 => {
                    reader.name_field("attributes");
                    rows.attributes.read(&mut reader, wire_type)?;
                    attributes += 1;
                }
                11 => {
                    reader.name_field("events");
                    attributes += event(&mut reader, wire_type, rows)?;
                }
                13 => {
                    reader.name_field("links");
                    attributes += link(&mut reader, wire_type, rows)?;
                }
                _ => span.field(number, wire_type, &mut reader)?,
            }
        }
        let (events, links) = (rows.events.time.len() - events, rows.links.trace.len() - links);
        check_size(bytes.len(), attributes, events, links)?;
        Ok(span)
    }

    #[inline]
    fn field(&mut self, number: u32, wire_type: WireType, reader: &mut Reader<'a>) -> Result<(), WireError> {
        macro_rules! field {
            ($name:literal, $to:expr, $value:expr) => {{
                reader.name_field($name);
                $to = $value;
            }};
        }
        match number {
            1 => field!("trace_id", self.trace, trace_id(reader, wire_type)?),
            2 => field!("span_id", self.span, span_id(reader, wire_type)?),
            3 => field!("trace_state", self.state, reader.string(wire_type)?),
            4 => field!("parent_span_id", self.parent, span_id(reader, wire_type)?),
            5 => field!("name", self.name, reader.string(wire_type)?),
            6 => field!("kind", self.kind, reader.varint(wire_type)? as i32),
            7 => field!("start_time_unix_nano", self.start, reader.fixed64(wire_type)?),
            8 => field!("end_time_unix_nano", self.end, reader.fixed64(wire_type)?),
            10 => field!("dropped_attributes_count", self.dropped[0], reader.varint(wire_type)? as u32),
            12 => field!("dropped_events_count", self.dropped[1], reader.varint(wire_type)? as u32),
            14 => field!("dropped_links_count", self.dropped[2], reader.varint(wire_type)? as u32),
            15 => {
                reader.name_field("status");
                reader.nested(wire_type, "Status", |reader| self.status(reader))?;
            }
            16 => field!("flags", self.flags, reader.fixed32(wire_type)?),
            _ => reader.skip(number, wire_type)?,
        }
        Ok(())
    }

    fn status(&mut self, reader: &mut Reader<'a>) -> Result<(), WireError> {
        while let Some((number, wire_type)) = reader.next_field()? {
            match number {
                2 => {
                    reader.name_field("message");
                    self.message = reader.string(wire_type)?;
                }
                3 => {
                    reader.name_field("code");
                    self.status = reader.varint(wire_type)? as i32;
                }
                _ => reader.skip(number, wire_type)?,
            }
        }
        Ok(())
    }

    /// Whether the span can be kept.
    fn check(&self) -> Result<(), String> {
        if !self.trace.is_valid() {
            return Err(format!("the span {:?} has no valid trace id", self.name));
        }
        if !self.span.is_valid() {
            return Err(format!("the span {:?} has no valid span id", self.name));
        }
        Ok(())
    }

    /// Ends the row.
    fn push(self, context: u32, rows: &mut Rows) {
        let row = rows.len();
        rows.trace.push(self.trace);
        rows.span.push(self.span);
        rows.parent.push(self.parent);
        rows.start.push(self.start);
        rows.end.push(self.end);
        rows.context.push(context);
        rows.name.set(row, self.name.as_bytes());
        rows.kind.set(row, self.kind);
        rows.status.set(row, self.status);
        rows.message.set(row, self.message.as_bytes());
        rows.state.set(row, self.state.as_bytes());
        rows.flags.set(row, self.flags);
        rows.dropped_attributes.set(row, self.dropped[0]);
        rows.dropped_events.set(row, self.dropped[1]);
        rows.dropped_links.set(row, self.dropped[2]);
        rows.attributes.end_row();
        rows.events.ends.push(rows.events.time.len());
        rows.links.ends.push(rows.links.trace.len());
    }
}

/// An id; one of a wrong length is none, for which its span is rejected alone.
fn trace_id(reader: &mut Reader<'_>, wire_type: WireType) -> Result<TraceId, WireError> {
    Ok(TraceId::from_bytes(reader.bytes(wire_type)?).unwrap_or_default())
}

fn span_id(reader: &mut Reader<'_>, wire_type: WireType) -> Result<SpanId, WireError> {
    Ok(SpanId::from_bytes(reader.bytes(wire_type)?).unwrap_or_default())
}

/// Reads an event, and says how many attributes it has.
fn event(reader: &mut Reader<'_>, wire_type: WireType, rows: &mut Rows) -> Result<usize, WireError> {
    let events = &mut rows.events;
    let at = events.time.len();
    let (mut time, mut name, mut dropped, mut attributes) = (0, "", 0, 0);
    reader.nested(wire_type, Event::NAME, |reader| {
        while let Some((number, wire_type)) = reader.next_field()? {
            match number {
                1 => {
                    reader.name_field("time_unix_nano");
                    time = reader.fixed64(wire_type)?;
                }
                2 => {
                    reader.name_field("name");
                    name = reader.string(wire_type)?;
                }
                3 => {
                    reader.name_field("attributes");
                    events.attributes.read(reader, wire_type)?;
                    attributes += 1;
                }
                4 => {
                    reader.name_field("dropped_attributes_count");
                    dropped = reader.varint(wire_type)? as u32;
                }
                _ => reader.skip(number, wire_type)?,
            }
        }
        Ok(())
    })?;
    events.time.push(time);
    events.name.set(at, name.as_bytes());
    events.dropped.set(at, dropped);
    events.attributes.end_row();
    Ok(attributes)
}

/// Reads a link, and says how many attributes it has.
fn link(reader: &mut Reader<'_>, wire_type: WireType, rows: &mut Rows) -> Result<usize, WireError> {
    let links = &mut rows.links;
    let at = links.trace.len();
    let (mut trace, mut span, mut state) = (TraceId::NONE, SpanId::NONE, "");
    let (mut flags, mut dropped, mut attributes) = (0, 0, 0);
    reader.nested(wire_type, Link::NAME, |reader| {
        while let Some((number, wire_type)) = reader.next_field()? {
            match number {
                1 => {
                    reader.name_field("trace_id");
                    trace = trace_id(reader, wire_type)?;
                }
                2 => {
                    reader.name_field("span_id");
                    span = span_id(reader, wire_type)?;
                }
                3 => {
                    reader.name_field("trace_state");
                    state = reader.string(wire_type)?;
                }
                4 => {
                    reader.name_field("attributes");
                    links.attributes.read(reader, wire_type)?;
                    attributes += 1;
                }
                5 => {
                    reader.name_field("dropped_attributes_count");
                    dropped = reader.varint(wire_type)? as u32;
                }
                6 => {
                    reader.name_field("flags");
                    flags = reader.fixed32(wire_type)?;
                }
                _ => reader.skip(number, wire_type)?,
            }
        }
        Ok(())
    })?;
    links.trace.push(trace);
    links.span.push(span);
    links.state.set(at, state.as_bytes());
    links.flags.set(at, flags);
    links.dropped.set(at, dropped);
    links.attributes.end_row();
    Ok(attributes)
}

/// Refuses a span of so many empty messages that, as messages, they would take far more memory than its bytes warrant: the bound
/// that decoding it as a message has, and one that a block of columns has.
#[inline]
fn check_size(len: usize, attributes: usize, events: usize, links: usize) -> Result<(), WireError> {
    let taken = attributes * size_of::<KeyValue>() + events * size_of::<Event>() + links * size_of::<Link>();
    let limit = len.saturating_mul(32).saturating_add(64 << 10);
    let too_many = attributes + events + links > MAX_WEIGHT;
    if taken > limit || too_many { Err(WireError::TooLarge { message: "Span", limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tripod_wire::otlp::trace::{SpanKind, Status, StatusCode};
    use tripod_wire::otlp::{InstrumentationScope, Resource, ResourceSpans, ScopeSpans, Span, TracesData};

    use super::super::samples::any_span;
    use super::*;

    fn request(spans: Vec<Span>) -> Vec<u8> {
        let resource = Resource { attributes: vec![KeyValue::new("service.name", "a")], dropped_attributes_count: 0 };
        let scope = InstrumentationScope { name: "lib".into(), ..InstrumentationScope::default() };
        let scope_spans = vec![ScopeSpans { scope, spans, schema_url: "s".into() }];
        TracesData { resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url: "r".into() }] }
            .encode_to_vec()
    }

    proptest! {
        #[test]
        fn every_field_of_a_span_comes_back(spans in prop::collection::vec(any_span(), 0..20)) {
            let batch = Batch::decode(&request(spans.clone()), &KnownContexts::default()).unwrap();
            prop_assert_eq!(batch.appended().accepted, spans.len() as u64);
            for (row, span) in spans.iter().enumerate() {
                prop_assert_eq!(batch.rows.span(row).encode_to_vec(), span.encode_to_vec());
            }
            let context = batch.contexts.iter().next();
            prop_assert!(context.is_none_or(|one| one.service == "a" && one.scope.name == "lib"));
            prop_assert!(context.is_none_or(|one| one.resource_schema_url == "r" && one.scope_schema_url == "s"));
        }

        #[test]
        fn changed_bytes_are_refused_when_the_decoder_of_messages_refuses_them(
            span in any_span(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let mut bytes = span.encode_to_vec();
            changes.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
            let mut rows = Rows::default();
            let fields = Fields::decode(&bytes, &mut rows).map(|fields| fields.push(0, &mut rows));
            match (fields, Span::decode(&bytes)) {
                (Ok(()), Ok(span)) => prop_assert_eq!(rows.span(0).encode_to_vec(), span.encode_to_vec()),
                // Of several faults another may be found first: a key is looked at when its value has been read.
                (Err(_), Err(_)) => {}
                // Legal, written by no one, and refused.
                (Err(ours), Ok(_)) if ours.to_string().contains("it is there twice") => {}
                (ours, theirs) => prop_assert!(false, "{ours:?}, but {theirs:?}"),
            }
        }
    }

    #[test]
    fn spans_without_valid_ids_leave_no_trace_in_the_columns() {
        let good = |name: &str| Span {
            trace_id: TraceId([1; 16]),
            span_id: SpanId([2; 8]),
            name: name.into(),
            attributes: vec![KeyValue::new(name, name)],
            events: vec![Event { name: name.into(), ..Event::default() }],
            kind: SpanKind::SERVER,
            status: Status { code: StatusCode::ERROR, message: name.into() },
            ..Span::default()
        };
        let spans = vec![
            Span { trace_id: TraceId::NONE, ..good("no trace") },
            good("first"),
            Span { span_id: SpanId::NONE, ..good("no span") },
            good("second"),
        ];
        let batch = Batch::decode(&request(spans), &KnownContexts::default()).unwrap();
        let appended = batch.appended();
        assert_eq!((appended.accepted, appended.rejected), (2, 2));
        assert!(appended.reason.unwrap().contains("\"no trace\" has no valid trace id"));
        assert_eq!((batch.rows.span(0), batch.rows.span(1)), (good("first"), good("second")));
        assert_eq!(batch.rows.attributes.keys().collect::<Vec<_>>().len(), 2);

        let none = request(vec![Span { span_id: SpanId::NONE, ..good("no span") }]);
        let none = Batch::decode(&none, &KnownContexts::default()).unwrap();
        assert_eq!((none.rows.len(), none.appended().rejected), (0, 1));
    }

    #[test]
    fn many_empty_messages_in_a_few_bytes_are_refused() {
        let mut bytes = good_ids();
        (0..100_000).for_each(|_| bytes.extend_from_slice(&[13 << 3 | 2, 0]));
        assert!(matches!(Fields::decode(&bytes, &mut Rows::default()), Err(WireError::TooLarge { .. })));
        assert!(matches!(Span::decode(&bytes), Err(WireError::TooLarge { .. })));
    }

    fn good_ids() -> Vec<u8> {
        Span { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), ..Span::default() }.encode_to_vec()
    }
}
