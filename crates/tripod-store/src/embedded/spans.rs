//! Spans of a segment in memory: a row each, found by trace, or by service in order of time.
//!
//! A row is 72 bytes; with its place in the timeline and its share of the trace's entry a span takes about 120. Everything else
//! of it is read from the log when it is asked for.

use std::collections::{HashMap, HashSet};

use tripod_wire::otlp::trace::SpanKind;
use tripod_wire::{SpanId, TraceId};

use super::request::{Batch, SpanHead};
use super::segment::{Context, Extent};
use super::symbols::{Symbol, Symbols};
use super::timeline::Timeline;

/// No further row.
const NONE: u32 = u32::MAX;

/// The spans of a segment.
#[derive(Debug, Default)]
pub(crate) struct SpanRows {
    pub(crate) symbols: Symbols,
    contexts: Vec<Context>,
    rows: Vec<SpanRow>,
    /// The row of a trace that came last; each row names the one before it.
    traces: HashMap<TraceId, u32>,
    services: HashMap<Symbol, Service>,
    operations: usize,
}

/// What is known of a span without reading it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpanRow {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) parent: SpanId,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) bytes: Extent,
    pub(crate) name: Symbol,
    context: u32,
    /// The row of the same trace that came before.
    earlier: u32,
    kind: u8,
    pub(crate) error: bool,
}

/// The spans of one service.
#[derive(Debug, Default)]
pub(crate) struct Service {
    pub(crate) timeline: Timeline,
    operations: HashSet<(Symbol, u8)>,
}

impl SpanRow {
    /// Its kind; one that this version does not know counts as not said.
    pub(crate) fn kind(&self) -> SpanKind {
        SpanKind(self.kind.into())
    }

    /// Nanoseconds from start to end; none when it ends before it starts.
    pub(crate) fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

impl SpanRows {
    /// Takes in the spans of a request whose payload begins at `offset`.
    pub(crate) fn insert(&mut self, batch: &Batch<SpanHead>, offset: u32) {
        let first = self.contexts.len();
        for context in &batch.contexts {
            self.contexts.push(Context::new(context, offset, &mut self.symbols));
        }
        for record in &batch.records {
            let (head, context) = (&record.head, first + record.context);
            let number = self.rows.len() as u32;
            let name = self.symbols.intern(&head.name);
            let kind = if head.kind.name().is_some() { head.kind.0 as u8 } else { 0 };
            let service = self.services.entry(self.contexts[context].service).or_default();
            service.timeline.push((head.start, number));
            self.operations += usize::from(service.operations.insert((name, kind)));
            self.rows.push(SpanRow {
                trace_id: head.trace_id,
                span_id: head.span_id,
                parent: head.parent,
                start: head.start,
                end: head.end,
                bytes: Extent::new(offset, &record.bytes),
                name,
                context: context as u32,
                earlier: self.traces.insert(head.trace_id, number).unwrap_or(NONE),
                kind,
                error: head.error,
            });
        }
        for context in &self.contexts[first..] {
            if let Some(service) = self.services.get_mut(&context.service) {
                service.timeline.settle();
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn row(&self, number: u32) -> &SpanRow {
        &self.rows[number as usize]
    }

    pub(crate) fn context(&self, row: &SpanRow) -> &Context {
        &self.contexts[row.context as usize]
    }

    /// The rows of a trace, in no order.
    pub(crate) fn trace(&self, id: TraceId) -> impl Iterator<Item = &SpanRow> {
        let newest = self.traces.get(&id).map(|number| self.row(*number));
        std::iter::successors(newest, |row| (row.earlier != NONE).then(|| self.row(row.earlier)))
    }

    /// The services, in no order.
    pub(crate) fn services(&self) -> impl Iterator<Item = (Symbol, &Service)> {
        self.services.iter().map(|(symbol, service)| (*symbol, service))
    }

    /// Names and kinds of a service's spans, in no order.
    pub(crate) fn operations(&self, service: &str) -> impl Iterator<Item = (&str, SpanKind)> {
        let service = self.symbols.find(service).and_then(|symbol| self.services.get(&symbol));
        let operations = service.into_iter().flat_map(|service| &service.operations);
        operations.map(|(name, kind)| (self.symbols.get(*name).as_ref(), SpanKind((*kind).into())))
    }

    /// Bytes in memory, roughly.
    pub(crate) fn memory(&self) -> usize {
        self.rows.capacity() * size_of::<SpanRow>()
            + self.contexts.capacity() * size_of::<Context>()
            + self.traces.capacity() * (size_of::<(TraceId, u32)>() + 2)
            + self.services.values().map(|service| service.timeline.bytes() + size_of::<Service>()).sum::<usize>()
            + self.operations * 24
            + self.symbols.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_72_bytes() {
        assert_eq!(size_of::<SpanRow>(), 72);
    }
}
