//! Spans in columns: the form in which they are decoded, lie in memory, are sorted, and come back from a part.
//!
//! A span with eight attributes takes about 100 bytes here beside its attributes; none of it is an allocation of its own.

use tripod_wire::otlp::Span;
use tripod_wire::otlp::trace::{SpanKind, Status, StatusCode};
use tripod_wire::{SpanId, TraceId};

use super::children::{Events, Links, key_values};
use crate::records::{Attributes, Coded, Picks, Rare};

/// The most attributes, events and links, together, of a span, and about as many as a block takes: its columns have a limit.
pub(super) const MAX_WEIGHT: usize = 1 << 20;

/// Spans, a column a field. What a context is, whoever holds the rows knows.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) trace: Vec<TraceId>,
    pub(super) span: Vec<SpanId>,
    pub(super) parent: Vec<SpanId>,
    pub(super) start: Vec<u64>,
    pub(super) end: Vec<u64>,
    pub(super) context: Vec<u32>,
    pub(super) name: Coded,
    pub(super) kind: Rare<i32>,
    pub(super) status: Rare<i32>,
    pub(super) message: Coded,
    pub(super) state: Coded,
    pub(super) flags: Rare<u32>,
    pub(super) dropped_attributes: Rare<u32>,
    pub(super) dropped_events: Rare<u32>,
    pub(super) dropped_links: Rare<u32>,
    pub(super) attributes: Attributes,
    pub(super) events: Events,
    pub(super) links: Links,
}

/// Rows to be taken, and for each of their contexts its number where they go.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) rows: &'a Rows,
    pub(super) contexts: Vec<u32>,
}

impl Rows {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.trace.len()
    }

    /// A span as a message.
    pub(super) fn span(&self, row: usize) -> Span {
        Span {
            trace_id: self.trace[row],
            span_id: self.span[row],
            trace_state: self.state.text(row),
            parent_span_id: self.parent[row],
            flags: self.flags.get(row),
            name: self.name.text(row),
            kind: SpanKind(self.kind.get(row)),
            start_time_unix_nano: self.start[row],
            end_time_unix_nano: self.end[row],
            attributes: key_values(&self.attributes, row),
            dropped_attributes_count: self.dropped_attributes.get(row),
            events: self.events.of(row),
            dropped_events_count: self.dropped_events.get(row),
            links: self.links.of(row),
            dropped_links_count: self.dropped_links.get(row),
            status: Status { message: self.message.text(row), code: StatusCode(self.status.get(row)) },
        }
    }

    /// Adds rows of others, their contexts by the numbers that their sources say.
    pub(super) fn gather(&mut self, from: Picks<'_, Source<'_>>) {
        let at = self.len();
        self.trace.extend(from.values(|source| &source.rows.trace));
        self.span.extend(from.values(|source| &source.rows.span));
        self.parent.extend(from.values(|source| &source.rows.parent));
        self.start.extend(from.values(|source| &source.rows.start));
        self.end.extend(from.values(|source| &source.rows.end));
        self.context.extend(from.iter().map(|(source, row)| source.contexts[source.rows.context[row] as usize]));
        self.name.gather(at, from, |source| &source.rows.name);
        self.kind.gather(at, from, |source| &source.rows.kind);
        self.status.gather(at, from, |source| &source.rows.status);
        self.message.gather(at, from, |source| &source.rows.message);
        self.state.gather(at, from, |source| &source.rows.state);
        self.flags.gather(at, from, |source| &source.rows.flags);
        self.dropped_attributes.gather(at, from, |source| &source.rows.dropped_attributes);
        self.dropped_events.gather(at, from, |source| &source.rows.dropped_events);
        self.dropped_links.gather(at, from, |source| &source.rows.dropped_links);
        self.attributes.push_rows(from, |source| &source.rows.attributes);
        self.events.gather(from, |source| &source.rows.events);
        self.links.gather(from, |source| &source.rows.links);
    }

    /// Makes room, in all, for so many rows.
    pub(super) fn expect(&mut self, rows: usize) {
        let more = rows.saturating_sub(self.len());
        self.trace.reserve_exact(more);
        self.span.reserve_exact(more);
        self.parent.reserve_exact(more);
        self.start.reserve_exact(more);
        self.end.reserve_exact(more);
        self.context.reserve_exact(more);
        self.name.codes.reserve(more);
        self.kind.reserve(more);
        self.attributes.expect(rows);
        self.events.ends.reserve(more);
        self.links.ends.reserve(more);
    }

    /// Whether a row failed.
    pub(super) fn failed(&self, row: usize) -> bool {
        StatusCode(self.status.get(row)) == StatusCode::ERROR
    }

    /// Attributes, events and links of a row, with those that these have.
    pub(super) fn weight(&self, row: usize) -> usize {
        let (events, links) = (self.events.ends.of(row), self.links.ends.of(row));
        self.attributes.row(row).len()
            + events.map(|event| 1 + self.events.attributes.row(event).len()).sum::<usize>()
            + links.map(|link| 1 + self.links.attributes.row(link).len()).sum::<usize>()
    }

    /// Attributes, events and links of all rows.
    pub(super) fn total_weight(&self) -> usize {
        let (events, links) = (&self.events, &self.links);
        let children = events.time.len() + links.trace.len();
        children + self.attributes.cells() + events.attributes.cells() + links.attributes.cells()
    }

    /// The earliest and the latest start; of no rows a window that holds nothing.
    pub(super) fn times(&self) -> (u64, u64) {
        self.start.iter().fold((u64::MAX, 0), |(min, max), start| (min.min(*start), max.max(*start)))
    }

    /// Bytes in memory.
    pub(super) fn memory(&self) -> usize {
        self.trace.capacity() * size_of::<TraceId>()
            + (self.span.capacity() + self.parent.capacity()) * size_of::<SpanId>()
            + (self.start.capacity() + self.end.capacity()) * size_of::<u64>()
            + self.context.capacity() * size_of::<u32>()
            + [&self.name, &self.message, &self.state].iter().map(|column| column.memory()).sum::<usize>()
            + [&self.kind, &self.status].iter().map(|column| column.memory()).sum::<usize>()
            + [&self.flags, &self.dropped_attributes, &self.dropped_events, &self.dropped_links]
                .iter()
                .map(|column| column.memory())
                .sum::<usize>()
            + self.attributes.memory()
            + self.events.memory()
            + self.links.memory()
    }
}

/// Nanoseconds from start to end; none when it ends before it starts.
pub(super) fn duration(start: u64, end: u64) -> u64 {
    end.saturating_sub(start)
}
